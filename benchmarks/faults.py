"""What happens when things go wrong: killed worker processes, Ctrl-C, forks. Many times over, at random moments.

``python -m benchmarks.faults kills`` kills worker processes in the midst of a computation: it must give the right
answer or end with one named error. ``interrupts`` sends SIGINT to a session and its workers in the midst of each
scheduler: the session must get `KeyboardInterrupt` and go on computing. ``forks`` forks a process that has imported
dusk, has computed on each scheduler, or computes on other threads meanwhile: the child must compute on each scheduler,
also what the other threads are computing. After each of them no process may be left, and nothing may take longer than a
minute. ``--times`` says how often, ``--seed`` chooses other moments.
"""

from __future__ import annotations

import argparse
import collections
import faulthandler
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCHEDULERS = ["sync", "threads", "processes"]
#: Seconds after which something hangs.
LONGEST = 60


def work(x: int) -> int:
    """Take a little time, part of it with the interpreter's lock."""
    total = sum(i % 7 for i in range(2_000))
    time.sleep(0.005)
    return x + 1 + total - total


def doze(x: int) -> int:
    """Take long, in small pieces."""
    for _ in range(6_000):
        time.sleep(0.01)
    return x


def busy(x: int) -> int:
    """Take long, with the interpreter's lock; not for ever, since a thread can't be stopped in it."""
    end = time.monotonic() + 3
    while time.monotonic() < end:
        x = (x * 1103515245 + 12345) % 2147483648
    return x


def frame() -> Any:
    """Return a frame of eight partitions."""
    import pandas as pd

    import dusk.dataframe as dd

    return dd.from_pandas(pd.DataFrame({"k": [i % 5 for i in range(800)], "v": range(800)}), npartitions=8)


def computation() -> tuple[list[Any], tuple[Any, ...]]:
    """Return collections of all kinds, and their values."""
    from dusk import bag, delayed

    calls = [delayed(work)(i) for i in range(24)]
    total = delayed(sum)([delayed(work)(each) for each in calls])
    rows = frame().map_partitions(len).sum()
    mean = bag.from_sequence(range(40), npartitions=4).map(work).mean()
    return [total, rows, mean], (sum(range(2, 26)), 800, 20.5)


def workers() -> list[int]:
    """Return the ids of the worker processes."""
    from dusk import _processes

    return [pid for pool in _processes._pools.values() for pid in pool.pids()]


def is_gone(pid: int) -> bool:
    """Whether a process has ended, or is about to be collected."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return True
    return state == "Z"


def all_gone(pids: list[int], seconds: float = 15) -> bool:
    """Whether processes end soon."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if all(map(is_gone, pids)):
            return True
        time.sleep(0.05)
    return False


# --- kills ------------------------------------------------------------------------------------------------------------


def killed(choose: random.Random, allowed: int) -> str:
    """Kill workers in the midst of a computation and say how it ended."""
    import dusk
    from dusk import config
    from dusk.multiprocessing import KilledWorker

    wanted, expected = computation()
    over = threading.Event()
    dead: list[int] = []

    def kill() -> None:
        for _ in range(choose.randint(1, 3)):
            if over.wait(choose.uniform(0, 0.15)):
                return
            alive = workers()
            if alive:
                dead.append(choose.choice(alive))
                try:
                    os.kill(dead[-1], signal.SIGKILL)
                except ProcessLookupError:
                    dead.pop()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with config.set({"multiprocessing.allowed-failures": allowed}):
            found = dusk.compute(*wanted, scheduler="processes", num_workers=2)
    except KilledWorker as error:
        if not dead:
            raise AssertionError("an error, and nobody was killed") from error
        return "named error"
    finally:
        over.set()
        killer.join()
    if found != expected:
        raise AssertionError(f"wrong answer: {found} instead of {expected}")
    return "right answer" if dead else "right answer, too fast to be hit"


def kills(times: int, seed: int) -> collections.Counter[str]:
    """Kill workers in many computations."""
    from dusk.multiprocessing import shutdown

    choose = random.Random(seed)
    outcomes: collections.Counter[str] = collections.Counter()
    seen: set[int] = set()
    for _ in range(times):
        faulthandler.dump_traceback_later(LONGEST, exit=True)
        outcomes[killed(choose, choose.choice([0, 3]))] += 1
        seen.update(workers())
    faulthandler.cancel_dump_traceback_later()
    shutdown()
    if not all_gone(sorted(seen)):
        raise AssertionError("a worker process is left")
    return outcomes


# --- interrupts -------------------------------------------------------------------------------------------------------


def session(scheduler: str, times: int, seed: int) -> None:
    """Be the session that is interrupted: in a process group of its own."""
    import dusk
    from dusk import delayed

    signal.signal(signal.SIGINT, signal.default_int_handler)
    choose = random.Random(seed)
    seen: set[int] = set()
    for number in range(times):
        faulthandler.dump_traceback_later(LONGEST, exit=True)
        function = choose.choice([doze, busy])
        calls = [delayed(function)(i) for i in range(4)]
        wanted, expected = computation()
        # as a terminal does: to the workers as well
        timer = threading.Timer(choose.uniform(0.02, 0.6), os.killpg, (0, signal.SIGINT))
        try:
            timer.start()
            dusk.compute(*calls, *wanted, scheduler=scheduler, num_workers=2)
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError(f"run {number} ended by itself")
        seen.update(workers())
        found = dusk.compute(*wanted, scheduler=scheduler, num_workers=2)
        if found != expected:
            raise AssertionError(f"run {number}, wrong answer: {found} instead of {expected}")
        seen.update(workers())
    faulthandler.cancel_dump_traceback_later()
    print("usable", *seen, flush=True)


def interrupts(times: int, seed: int) -> collections.Counter[str]:
    """Interrupt sessions on each scheduler."""
    outcomes: collections.Counter[str] = collections.Counter()
    for scheduler in SCHEDULERS:
        command = [sys.executable, "-m", "benchmarks.faults", "session", scheduler]
        command += ["--times", str(times), "--seed", str(seed)]
        done = subprocess.run(
            command, capture_output=True, text=True, start_new_session=True, timeout=LONGEST * (times + 1), check=False
        )
        words = done.stdout.split()
        if done.returncode != 0 or not words or words[0] != "usable":
            raise AssertionError(f"{scheduler}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        if not all_gone([int(pid) for pid in words[1:]]):
            raise AssertionError(f"{scheduler}: a worker process is left")
        outcomes[f"{scheduler}: interrupted, usable, nothing left"] += times
    return outcomes


# --- forks ------------------------------------------------------------------------------------------------------------


def forked(scheduler: str, task: tuple[Any, Any] | None = None) -> int:
    """Compute in a forked child and return its exit code."""
    import dusk
    from dusk.multiprocessing import shutdown

    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(LONGEST)
            wanted, expected = task or computation()
            code = 0 if same(dusk.compute(*wanted, scheduler=scheduler, num_workers=2), expected) else 2
            shutdown()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def sources(folder: Path) -> tuple[list[Any], list[Any]]:
    """Return collections that read files or memory, which several computations share, and their values."""
    import numpy as np
    import pandas as pd

    import dusk.array as da
    import dusk.dataframe as dd

    rows = pd.DataFrame({"k": [i % 7 for i in range(20_000)], "v": range(20_000), "text": ["a,b"] * 20_000})
    table = folder / "rows.csv"
    rows.to_csv(table, index=False)
    numbers = np.arange(90_000.0).reshape(300, 300)
    da.from_array(numbers, chunks=(50, 300)).to_zarr(str(folder / "numbers.zarr"))
    read = dd.read_csv(str(table), blocksize=30_000)
    stored = da.from_zarr(str(folder / "numbers.zarr"))
    wanted = [read.v.sum(), read.groupby("k").v.sum().sum(), stored.sum(), (stored @ stored.T).sum()]
    held = dd.from_pandas(rows, npartitions=9)
    wanted += [held.v.max(), (da.from_array(numbers, chunks=70) + 1).sum(), read.map_partitions(len).sum()]
    products = float((numbers @ numbers.T).sum())
    total = int(rows.v.sum())
    return wanted, [total, total, numbers.sum(), products, 19_999, (numbers + 1).sum(), 20_000]


def same(found: Any, expected: Any) -> bool:
    """Whether values are equal but for the order of additions."""
    import math

    return all(math.isclose(one, other, rel_tol=1e-9) for one, other in zip(found, expected, strict=True))


def busy_forks(times: int, seed: int) -> collections.Counter[str]:
    """Fork while other threads compute."""
    import tempfile

    import dusk

    choose = random.Random(seed)
    outcomes: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        shared, values = sources(Path(folder))
        wanted, expected = computation()
        over = threading.Event()
        wrong: list[Any] = []

        def compute() -> None:
            while not over.is_set():
                found = dusk.compute(*shared, *wanted[:2], scheduler="threads", num_workers=2)
                if not same(found, [*values, *expected[:2]]):
                    wrong.append(found)

        threads = [threading.Thread(target=compute) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for scheduler in SCHEDULERS:
                for _ in range(times):
                    time.sleep(choose.uniform(0, 0.03))
                    code = forked(scheduler, ([*wanted, *shared], [*expected, *values]))
                    if code != 0:
                        raise AssertionError(f"while others compute, on {scheduler}: exit code {code}")
                    outcomes[f"while others compute: the child computes on {scheduler}"] += 1
        finally:
            over.set()
            for thread in threads:
                thread.join()
        if wrong:
            raise AssertionError(f"the parent's own answer is wrong: {wrong[0]}")
    return outcomes


def forks(times: int, seed: int) -> collections.Counter[str]:
    """Fork before and after each scheduler has been used."""
    import dusk
    from dusk.multiprocessing import shutdown

    outcomes: collections.Counter[str] = collections.Counter()
    before: list[str] = ["import"]
    while True:
        for scheduler in SCHEDULERS:
            for _ in range(times):
                code = forked(scheduler)
                if code != 0:
                    raise AssertionError(f"after {before[-1]}, on {scheduler}: exit code {code}")
                outcomes[f"after {before[-1]}: the child computes on {scheduler}"] += 1
        if len(before) > len(SCHEDULERS):
            break
        before.append(SCHEDULERS[len(before) - 1])
        wanted, expected = computation()
        if dusk.compute(*wanted, scheduler=before[-1], num_workers=2) != expected:
            raise AssertionError(f"the parent's own answer on {before[-1]} is wrong")
    outcomes += busy_forks(times, seed)
    left = workers()
    shutdown()
    if not all_gone(left):
        raise AssertionError("a worker process is left")
    return outcomes


WHAT: dict[str, Callable[[int, int], collections.Counter[str]]] = {
    "kills": kills,
    "interrupts": interrupts,
    "forks": forks,
}


def main() -> None:
    """Do it and print how often each end came."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*WHAT, "session"])
    parser.add_argument("scheduler", nargs="?", choices=SCHEDULERS, help="of a session")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.what == "session":
        session(options.scheduler, options.times, options.seed)
        return
    outcomes = WHAT[options.what](options.times, options.seed)
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:>6} x {outcome}")


if __name__ == "__main__":
    main()
