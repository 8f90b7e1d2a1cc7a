"""The scheduler "processes": the engine's tasks in worker processes that live on, crash, and are cleaned up."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pandas as pd
import pytest

import dusk
import dusk.bag as db
import dusk.dataframe as dd
from dusk import _core, _processes, config, delayed
from dusk.multiprocessing import KilledWorker, RemoteTraceback, shutdown
from dusk.multiprocessing import get as mp_get

PDF = pd.DataFrame(
    {
        "k": np.arange(600) % 7,
        "v": np.arange(600) / 4,
        "s": pd.Series(list("abcdef") * 100, dtype="str"),
        "c": pd.Categorical(list("xyz") * 200),
        "o": [[i] for i in range(600)],
    },
    index=pd.Index(np.arange(600) * 2, name="i"),
)


@pytest.fixture(autouse=True)
def processes():
    with config.set(scheduler="processes", num_workers=2):
        yield


@pytest.fixture(scope="module", autouse=True)
def cleaned_up():
    yield
    shutdown()
    assert not multiprocessing.active_children()


def pids():
    return [pid for pool in _processes._pools.values() for pid in pool.pids()]


def frame(npartitions=4):
    return dd.from_pandas(PDF, npartitions=npartitions)


class Odd(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")
        self.first = first


def run_script(tmp_path, text, **kwargs):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(text))
    return subprocess.Popen(
        [sys.executable, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs
    )


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


# --- results ----------------------------------------------------------------------------------------------------------


def test_everything_in_one_call():
    df = frame()
    total, by, bag, value, pid = dusk.compute(
        df.v.sum(),
        df[df.v > 20].groupby("s").v.mean(),
        db.from_sequence(range(10), npartitions=3).map(lambda x: x * x).filter(lambda x: x % 2),
        delayed(lambda parts: parts + ["end"])([delayed(str)(1), df.k.max()]),
        delayed(os.getpid, pure=False)(),
    )
    assert total == PDF.v.sum()
    pd.testing.assert_series_equal(by, PDF[PDF.v > 20].groupby("s").v.mean())
    assert bag == [1, 9, 25, 49, 81]
    assert value == ["1", 6, "end"]
    assert pid != os.getpid()


CALLS = {
    "whole": lambda x: x,
    "objects": lambda x: x[["o", "k"]],
    "filter": lambda x: x[(x.v > 20) & (x.s != "b")][["c", "v"]],
    "shared scalar": lambda x: x.v[x.v > x.v.mean()],
    "group by a category": lambda x: x.groupby("c", observed=True).agg({"v": "sum", "k": "max"}),
    "nunique": lambda x: x.groupby("k").s.nunique(),
    "reductions": lambda x: x[["k", "v"]].std(),
    "map_partitions": lambda x: x.map_partitions(lambda part: part.assign(w=part.v * 2)).w.sum(),
    "pandas": lambda x: x.s.str.upper(),
    "head": lambda x: x.head(5, npartitions=-1, compute=False),
    "repartition": lambda x: x.repartition(npartitions=3).v,
    "persisted": lambda x: x[["k", "v"]].persist().v.sum(),
    "index": lambda x: x.index,
}


@pytest.mark.parametrize("make", CALLS.values(), ids=CALLS)
def test_the_same_as_on_threads(make):
    expected = make(frame()).compute(scheduler="threads")
    result = make(frame()).compute()
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(result, expected)
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(result, expected)
    elif isinstance(expected, pd.Index):
        pd.testing.assert_index_equal(result, expected)
    else:
        assert result == expected


@pytest.mark.parametrize(
    "make",
    [lambda x: x * 2 + 1, lambda x: x.sum(axis=0), lambda x: x.std(), lambda x: x.map_blocks(lambda block: -block)],
)
def test_arrays(make):
    import dusk.array as da

    values = np.arange(80.0).reshape(8, 10)
    x = make(da.from_array(values, chunks=(3, 4)))
    np.testing.assert_array_equal(x.compute(), x.compute(scheduler="threads"))


def test_native_tasks_run_in_the_workers(tmp_path):
    data = PDF[["k", "v"]].to_csv(index=False).encode()
    seen = tmp_path / "seen"
    seen.touch()

    def reader(offset, length):
        with open(seen, "a") as file:
            file.write(f"{os.getpid()}\n")
        return data[offset : offset + length]

    node = _core.scan_csv([("some.csv", len(data), reader)], {}, blocksize=1000, sample=500)
    seen.write_text("")
    ((chunk,),) = dusk._engine.run(
        [node.select([1], "series").reduce("sum")],
        scheduler="processes",
        num_workers=2,
        transport=dusk.multiprocessing.transport(2)[1],
    )
    assert chunk.to_object().item() == PDF.v.sum()
    assert set(map(int, seen.read_text().split())) & set(pids())


def test_files_whose_blocks_mislead(tmp_path):
    # quotes with line breaks that look like records; a type that only the last rows contradict
    text = "a,b\n" + "".join(f'{i},"x\n{i},1\n"\n' for i in range(3000)) + '0.5,"end"\n'
    (tmp_path / "x.csv").write_text(text)
    expected = pd.read_csv(tmp_path / "x.csv")
    df = dd.read_csv(tmp_path / "x.csv", blocksize=1000, sample=2000)
    with pytest.warns(UserWarning, match=r"0\.5"):
        result = df.compute()
    pd.testing.assert_frame_equal(result.reset_index(drop=True), expected)
    total, rows = dusk.compute(
        dd.read_csv(tmp_path / "x.csv", blocksize=5000, dtype={"a": float}).a.sum(), df.b.count()
    )
    assert (total, rows) == (expected.a.sum(), len(expected))


def test_raw_graphs():
    graph = {"x": 1, "y": (sum, ["x", 2]), "z": (lambda value: (value, os.getpid()), "y")}
    value, pid = mp_get(graph, "z")
    assert value == 3
    assert pid in pids()
    with pytest.raises(pickle.PicklingError, match="'bad'"):
        mp_get({"bad": (str, threading.Lock())}, "bad")
    with pytest.raises(ZeroDivisionError):
        mp_get({"bad": (lambda x: 1 / x, 0)}, "bad")


def test_processes_live_across_computations():
    calls = [delayed(os.getpid, pure=False)() for _ in range(4)]
    before = set(dusk.compute(*calls))
    assert before <= set(pids())
    assert set(dusk.compute(*calls)) <= set(pids())
    assert len(pids()) <= 2


def test_results_may_be_written_to():
    array, part = dusk.compute(
        delayed(np.zeros)(100_000), frame()[["v"]].map_partitions(lambda part: part.__setitem__("v", 1.0) or part)
    )
    array[0] = 1
    assert part.v.sum() == 600
    big = np.zeros(100_000)
    assert delayed(lambda x: (x.__setitem__(0, 5.0), x[0])[1])(big).compute() == 5.0
    assert big[0] == 0


# --- pools ------------------------------------------------------------------------------------------------------------


def test_pools_of_the_user():
    spawn = multiprocessing.get_context("spawn")
    calls = [frame().v.sum(), delayed(os.getpid, pure=False)()]
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as executor:
        (own,) = {executor.submit(os.getpid).result()}
        for options in ({"scheduler": executor}, {"pool": executor}):
            assert dusk.compute(*calls, **options) == (PDF.v.sum(), own)
        with config.set(pool=executor):
            assert dusk.compute(*calls) == (PDF.v.sum(), own)
        with pytest.raises(Odd, match="1 and 2"):
            delayed(_raise_odd)().compute(pool=executor)
    with spawn.Pool(1) as pool:
        own = pool.apply(os.getpid)
        assert dusk.compute(*calls, pool=pool) == (PDF.v.sum(), own)
        with pytest.warns(UserWarning, match="initializer"):
            dusk.compute(*calls, pool=pool, initializer=str)
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        assert dusk.compute(*calls, pool=threads) == (PDF.v.sum(), os.getpid())


def _set_mark():
    os.environ["DUSK_TEST_MARK"] = "set"


def test_an_initializer():
    mark = delayed(lambda: os.environ.get("DUSK_TEST_MARK"), pure=False)()
    assert mark.compute(initializer=_set_mark) == "set"
    assert mark.compute() is None
    with config.set({"multiprocessing.initializer": _set_mark}):
        assert mark.compute() == "set"


@pytest.mark.parametrize("context", ["fork", "forkserver"])
def test_other_ways_to_start(context):
    frame(8).groupby("k").v.sum().compute(scheduler="threads")  # with threads about
    with config.set({"multiprocessing.context": context}):
        assert delayed(os.getpid, pure=False)().compute() != os.getpid()
        assert frame().groupby("k").v.sum().compute().sum() == PDF.v.sum()


def test_hashes_agree():
    words = [f"word {i}" for i in range(50)]
    groups = dict(db.from_sequence(words * 2, npartitions=5).groupby(lambda word: word).compute())
    assert {key: len(values) for key, values in groups.items()} == dict.fromkeys(words, 2)


# --- errors -----------------------------------------------------------------------------------------------------------


def _raise_odd():
    raise Odd(1, 2)


def test_an_exception_is_the_users_own():
    with pytest.raises(Odd, match="1 and 2") as caught:
        delayed(_raise_odd)().compute()
    assert type(caught.value) is Odd
    assert caught.value.first == 1
    assert isinstance(caught.value.__cause__, RemoteTraceback)
    assert "_raise_odd" in str(caught.value.__cause__)
    assert any("_raise_odd" in note for note in caught.value.__notes__)

    class Local(ValueError):
        pass

    def fail():
        raise Local("here", threading.Lock())

    with pytest.raises(Local, match="here"):
        delayed(fail)().compute()
    with pytest.raises(SystemExit):
        delayed(sys.exit)(3).compute()
    with pytest.raises(ValueError, match="part"):
        frame().map_partitions(lambda part: (_ for _ in ()).throw(ValueError("part")), meta=PDF).compute()


def test_what_cannot_be_pickled():
    lock = threading.Lock()
    with pytest.raises(pickle.PicklingError, match=r"the function of .*takes_lock.*lock"):

        def takes_lock(x):
            return (lock, x)

        delayed(takes_lock)(1).compute()
    with pytest.raises(pickle.PicklingError, match=r"the result of .*gives_lock.*of type lock"):

        def gives_lock():
            return threading.Lock()

        delayed(gives_lock)().compute()
    assert delayed(str)(1).compute() == "1"


def test_retries(tmp_path):
    def flaky(path):
        with open(path, "a") as file:
            file.write("x")
        if len(path.read_text()) < 3:
            raise OSError("not yet")
        return "done"

    for scheduler in ("processes", "threads", "sync"):
        path = tmp_path / scheduler
        assert delayed(flaky)(path).compute(scheduler=scheduler, retries=2) == "done"
        path.unlink()
        with pytest.raises(OSError, match="not yet"):
            delayed(flaky)(path).compute(scheduler=scheduler, retries=1)
    with pytest.raises(ValueError, match="retries"):
        delayed(str)(1).compute(retries=-1)


# --- crashes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["exit", "kill", "segfault"])
def test_a_task_that_crashes_always(tmp_path, how):
    def crash():
        with open(tmp_path / "log", "a") as file:
            file.write("x")
        if how == "exit":
            os._exit(7)
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        import faulthandler

        faulthandler.disable()
        os.kill(os.getpid(), signal.SIGSEGV)

    with config.set({"multiprocessing.allowed-failures": 1}), pytest.raises(KilledWorker, match="crash") as caught:
        dusk.compute(delayed(crash)(), *[delayed(abs)(-i) for i in range(5)])
    assert (tmp_path / "log").read_text() == "xx"
    assert caught.value.exitcode == {"exit": 7, "kill": -9, "segfault": -11}[how]
    assert delayed(abs)(-1).compute() == 1


def test_a_task_that_crashes_once(tmp_path):
    def crash(x):
        if x == 3 and not (tmp_path / "crashed").exists():
            (tmp_path / "crashed").touch()
            os._exit(1)
        return x

    assert db.from_sequence(range(8), npartitions=8).map(crash).compute() == list(range(8))
    assert (tmp_path / "crashed").exists()


def test_the_setting_of_distributed_counts():
    assert _processes.allowed_failures() == 3
    with config.set({"distributed.scheduler.allowed-failures": 5}):
        assert _processes.allowed_failures() == 5
        with config.set({"multiprocessing.allowed-failures": 0}):
            assert _processes.allowed_failures() == 0
    with config.set({"multiprocessing.allowed-failures": -1}), pytest.raises(ValueError, match="allowed-failures"):
        _processes.allowed_failures()


@pytest.mark.parametrize("seed", range(int(os.environ.get("DUSK_TEST_KILLS", "5"))))
def test_killed_at_random_moments(seed):
    choose = random.Random(seed)
    stop = threading.Event()

    def kill():
        while not stop.wait(choose.uniform(0.02, 0.4)):
            alive = pids()
            if alive:
                try:
                    os.kill(choose.choice(alive), signal.SIGKILL)
                except ProcessLookupError:
                    continue

    def slow(x):
        time.sleep(0.01)
        return x + 1

    killer = threading.Thread(target=kill)
    calls = [delayed(slow)(i) for i in range(30)]
    total = delayed(sum)([delayed(slow)(each) for each in calls])
    killer.start()
    threading.Timer(1.5, stop.set).start()
    try:
        with config.set({"multiprocessing.allowed-failures": 5}):
            result, rows = dusk.compute(total, frame(8).map_partitions(len).sum())
        assert (result, rows) == (sum(range(2, 32)), 600)
    except KilledWorker as error:
        assert "SIGKILL" in str(error) or "pipe" in str(error)  # noqa: PT017  the one other way that it may end
    finally:
        stop.set()
        killer.join()


# --- ends -------------------------------------------------------------------------------------------------------------

_MAIN = """
    import os, signal, sys, threading, time
    import dusk
    from dusk import _processes, config, delayed
    def pids():
        return [pid for pool in _processes._pools.values() for pid in pool.pids()]
    def say(*args):
        print(*args, flush=True)
"""


def test_ctrl_c_leaves_a_usable_session(tmp_path):
    child = run_script(
        tmp_path,
        _MAIN
        + """
    def main():
        config.set(scheduler="processes", num_workers=2)
        assert delayed(abs)(-1).compute() == 1
        say("ready")
        try:
            dusk.compute(*[delayed(time.sleep)(60 + i) for i in range(4)])
        except KeyboardInterrupt:
            say("interrupted", *pids())
        assert delayed(abs)(-2).compute() == 2
        say("usable", *pids())
    if __name__ == "__main__":
        signal.signal(signal.SIGINT, signal.default_int_handler)
        main()
    """,
        start_new_session=True,
    )
    assert child.stdout.readline() == "ready\n"
    time.sleep(2)
    os.killpg(child.pid, signal.SIGINT)  # as the terminal does: to the workers as well
    out, err = child.communicate(timeout=60)
    lines = out.splitlines()
    assert lines[0].startswith("interrupted"), (out, err)
    assert lines[1].startswith("usable"), (out, err)
    assert "Traceback" not in err
    workers = [int(pid) for pid in lines[1].split()[1:]]
    assert workers
    until(lambda: all(map(gone, workers)))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_orphans_when_the_parent_is_killed(tmp_path, how):
    child = run_script(
        tmp_path,
        _MAIN
        + """
    if __name__ == "__main__":
        threading.Timer(4, lambda: say(*pids())).start()
        dusk.compute(*[delayed(time.sleep)(60 + i) for i in range(2)], scheduler="processes", num_workers=2)
    """,
    )
    workers = [int(pid) for pid in child.stdout.readline().split()]
    assert len(workers) == 2
    child.send_signal(how)
    child.wait(20)
    until(lambda: all(map(gone, workers)))
    child.communicate()


def test_a_script_needs_no_guard(tmp_path):
    child = run_script(
        tmp_path,
        _MAIN
        + """
    say(delayed(abs)(-1).compute(scheduler="processes", num_workers=1))
    """,
    )
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    assert out.split() == ["1"]


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
def test_an_interrupt_while_workers_start_says_nothing(tmp_path):
    child = run_script(
        tmp_path,
        _MAIN
        + """
    def interrupt():
        while not pids():
            time.sleep(0.001)
        os.killpg(0, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    try:
        delayed(time.sleep)(60).compute(scheduler="processes", num_workers=2)
    except KeyboardInterrupt:
        say("interrupted")
    """,
        start_new_session=True,
    )
    out, err = child.communicate(timeout=60)
    assert (out.split(), err, child.returncode) == (["interrupted"], "", 0)


def test_a_forked_child_has_processes_of_its_own():
    shutdown()
    assert delayed(abs)(-1).compute() == 1
    before = pids()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            mine = delayed(os.getpid, pure=False)().compute()
            frame(8).groupby("v").k.sum().compute(scheduler="threads")
            code = 0 if mine not in before else 2
            shutdown()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert not any(map(gone, before))
    assert delayed(os.getpid, pure=False)().compute() in before
