"""How delayed calls run: side by side when they wait, in turn when they don't, and what Ctrl-C does to them."""

from __future__ import annotations

import gc
import operator
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import dusk
from dusk import delayed
from dusk.callbacks import Callback
from dusk.diagnostics import CacheProfiler, Profiler


def increment(x):
    return x + 1


def doze(seconds):
    time.sleep(seconds)
    return seconds


def interrupt_after(seconds):
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


# --- side by side -----------------------------------------------------------------------------------------------------


def test_calls_that_wait_do_so_side_by_side():
    call = delayed(doze)
    dusk.compute(*[call(0.001) for _ in range(50)], num_workers=50)  # makes the threads
    started = time.perf_counter()
    assert dusk.compute(*[call(0.05) for _ in range(200)], num_workers=50) == (0.05,) * 200
    # one after another they take 10 seconds, at best 0.2
    assert time.perf_counter() - started < 2


def test_calls_that_work_and_then_wait():
    def both(x):
        for _ in range(20_000):
            x += 1
        time.sleep(0.05)
        return x

    call = delayed(both)
    started = time.perf_counter()
    dusk.compute(*[call(0) for _ in range(64)], num_workers=32)
    assert time.perf_counter() - started < 2.5  # one after another: more than 3.2 seconds


@pytest.mark.parametrize("num_workers", [1, 2, 8])
def test_builtins_let_others_have_the_interpreter(num_workers):
    """Functions in C never come to where Python itself would hand over its lock."""
    stop = threading.Event()
    turns = 0

    def count():
        nonlocal turns
        while not stop.is_set():
            turns += 1
            time.sleep(0.001)

    call = delayed(operator.add)
    values = [call(i, 1) for i in range(100_000)]
    other = threading.Thread(target=count)
    other.start()
    before = turns
    dusk.compute(*values, num_workers=num_workers)
    during = turns - before
    stop.set()
    other.join()
    assert during > 3


@pytest.mark.parametrize("scheduler", ["threads", "sync"])
def test_native_tasks_and_calls_mix(scheduler):
    import pandas as pd

    import dusk.dataframe as dd

    df = dd.from_pandas(pd.DataFrame({"x": range(1000)}), npartitions=20)
    shifted = df.map_partitions(lambda part: part + 1, meta=df._meta)
    total = delayed(increment)(shifted.x.sum())
    plain = [delayed(increment)(i) for i in range(500)]
    result = dusk.compute(total, df.x.sum(), *plain, scheduler=scheduler)
    assert result[:2] == (500_501, 499_500) and result[2:] == tuple(range(1, 501))


def test_an_error_ends_the_run_and_names_the_key():
    def fails(x):
        raise ZeroDivisionError(x)

    bad = delayed(fails)(3, dask_key_name="the-bad-one")
    values = [delayed(increment)(i) for i in range(100)]
    with pytest.raises(ZeroDivisionError) as caught:
        dusk.compute(*values, bad, num_workers=4)
    assert "fails" in "".join(caught.value.__notes__)


# --- arguments --------------------------------------------------------------------------------------------------------


def test_containers_of_delayed_values():
    call = delayed(lambda *args, **kwargs: (args, kwargs))
    one, two = delayed(increment)(0), delayed(increment)(1)
    got = call([one, [two, one], "x"], (two, None), key=[one], plain=[1, 2], **{"t": {"a": two}}).compute()
    assert got == (([1, [2, 1], "x"], (2, None)), {"key": [1], "plain": [1, 2], "t": {"a": 2}})
    many = [delayed(increment)(i) for i in range(100)]
    assert delayed(sum)(many + many).compute() == 2 * sum(range(1, 101))


def test_a_list_is_given_as_it_is():
    items = [1, 2, 3]
    assert delayed(lambda x: x)(items).compute() is items


def test_names():
    call = delayed(increment)
    names = {call(i).key for i in range(1000)}
    assert len(names) == 1000 and all(name.startswith("increment-") for name in names)
    assert call(1, pure=True).key == call(1, pure=True).key != call(2, pure=True).key
    with dusk.config.set(delayed_pure=True):
        assert delayed(increment)(1).key == delayed(increment)(1).key
    assert len({hash(call(i)._node) for i in range(1000)}) > 900


def test_many_values_are_nothing_to_the_garbage_collector():
    value = delayed(increment)(1)
    assert not gc.is_tracked(value)
    assert value.compute() == 2


def test_outputs_that_share_a_chain_take_linear_time():
    value, values = delayed(increment)(0), []
    for _ in range(5000):
        value = delayed(increment)(value)
        values.append(value)
    started = time.perf_counter()
    assert dusk.compute(values)[0][-1] == 5001
    assert time.perf_counter() - started < 5


# --- hooks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheduler", ["threads", "sync"])
def test_hooks_see_each_call(scheduler):
    seen = []
    one = delayed(increment)(1, dask_key_name="one")
    two = delayed(increment)(one)
    hooks = Callback(
        start=lambda dsk: seen.append(("start", set(dsk))),
        start_state=lambda dsk, state: seen.append(
            ("ready", list(state["ready"]), {key: set(needed) for key, needed in state["waiting"].items()})
        ),
        pretask=lambda key, dsk, state: seen.append(("pre", key)),
        posttask=lambda key, result, dsk, state, worker: seen.append(("post", key, result, type(worker))),
        finish=lambda dsk, state, failed: seen.append(("finish", failed, state["released"])),
    )
    with hooks:
        assert two.compute(scheduler=scheduler) == 3
    assert seen == [
        ("start", {"one", two.key}),
        ("ready", ["one"], {two.key: {"one"}}),
        ("pre", "one"),
        ("post", "one", 2, int),
        ("pre", two.key),
        ("post", two.key, 3, int),
        ("finish", False, {"one"}),
    ]


def test_an_error_in_a_hook_ends_the_run():
    def stop(key, dsk, state):
        raise LookupError(key)

    finished = []
    with Callback(pretask=stop, finish=lambda dsk, state, failed: finished.append(failed)), pytest.raises(LookupError):
        delayed(increment)(1).compute()
    assert finished == [True]


def test_profilers_see_native_tasks_and_calls():
    import pandas as pd

    import dusk.dataframe as dd

    df = dd.from_pandas(pd.DataFrame({"x": range(100)}), npartitions=4)
    values = [delayed(increment)(i) for i in range(1000)]
    with Profiler() as profiler, CacheProfiler() as cache:
        dusk.compute(df.x.sum(), *values)
    keys = {each.key for each in profiler.results}
    assert {value.key for value in values} < keys and len(keys) > 1001
    assert len({each.key for each in cache.results}) >= 1001
    assert all(each.end_time >= each.start_time for each in profiler.results)


# --- Ctrl-C -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheduler", ["threads", "sync"])
def test_ctrl_c_does_not_wait_for_a_sleeping_call(scheduler):
    call = delayed(doze)
    timer = interrupt_after(0.3)
    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        dusk.compute(*[call(3) for _ in range(8)], scheduler=scheduler, num_workers=4)
    assert time.perf_counter() - started < 1.5
    timer.join()
    # what still sleeps is nobody's business any more
    assert dusk.compute(*[delayed(increment)(i) for i in range(100)], scheduler=scheduler) == tuple(range(1, 101))


@pytest.mark.parametrize("scheduler", ["threads", "sync"])
def test_ctrl_c_in_the_midst_of_small_calls(scheduler):
    values = [delayed(increment)(i) for i in range(300_000)]
    timer = interrupt_after(0.1)
    with pytest.raises(KeyboardInterrupt):
        for _ in range(100):
            dusk.compute(*values, scheduler=scheduler)
    timer.join()
    assert dusk.compute(*values[:10], scheduler=scheduler) == tuple(range(1, 11))


def test_an_interrupted_program_ends():
    import subprocess
    import sys

    program = (
        "import os, signal, threading, time, dusk\n"
        "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "try:\n"
        "    dusk.compute(dusk.delayed(time.sleep)(60), scheduler='threads')\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)
    assert done.stdout == "stopped\n" and done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("shape", ["many", "chain", "tree"])
def test_a_small_task_takes_less_than_a_kilobyte(shape):
    command = [sys.executable, "-m", "benchmarks.tasks", "--child", "30000", "--shape", shape]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert 0 < float(done.stdout.split()[2]) < 1000
