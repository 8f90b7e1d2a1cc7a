"""What one small task costs, in time and in memory, from a thousand tasks to a million.

``python -m benchmarks.tasks`` makes so many delayed calls of ``x + 1`` that don't depend on each other and computes
them in one go, each number in a process of its own that has computed a few before. It prints the processor time of each
task, for making the calls and for computing them, and the bytes by which the resident set grows at its peak for each
task, results included. ``--shape`` takes a chain or a tree of calls instead, ``--scheduler`` another scheduler,
``--engine dask`` Dask (up to 30,000 tasks, or it takes very long).
"""

from __future__ import annotations

import argparse
import gc
import importlib
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.workloads.delayed_calls import add, increment, pairs

COUNTS = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000]


def resident(word: str) -> int:
    """Return the resident set (``VmRSS``) or its peak (``VmHWM``) in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(word):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"the system doesn't tell {word}")


def calls(delayed, shape: str, count: int) -> tuple[list, int]:
    """Return the last of ``count`` calls, and the sum of their values."""
    call = delayed(increment)
    if shape == "chain":
        value = 0
        for _ in range(count):
            value = call(value)
        return [value], count
    if shape == "many":
        return [call(i) for i in range(count)], count * (count + 1) // 2
    level, both = [call(i) for i in range(count // 2)], delayed(add)
    leaves = len(level)
    while len(level) > 1:
        rest = len(level) // 2 * 2
        level = [both(a, b) for a, b in pairs(level[:rest])] + level[rest:]
    return level, leaves * (leaves + 1) // 2


def measure(engine: str, scheduler: str, shape: str, count: int) -> tuple[float, float, float]:
    """Return microseconds for making and for computing a task, and its bytes."""
    library = importlib.import_module(engine)
    made, _ = calls(library.delayed, shape, 2_000)
    library.compute(*made, scheduler=scheduler)
    del made
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, start = resident("VmRSS"), time.process_time()
    made, expected = calls(library.delayed, shape, count)
    middle = time.process_time()
    results = library.compute(*made, scheduler=scheduler)
    end = time.process_time()
    if sum(results) != expected:
        raise AssertionError("wrong result")
    grown = max(0, resident("VmHWM") - before)
    return (middle - start) / count * 1e6, (end - middle) / count * 1e6, grown / count


def main() -> None:
    """Measure each number of tasks and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", nargs="*", type=int, default=COUNTS)
    parser.add_argument("--engine", default="dusk", choices=["dusk", "dask"])
    parser.add_argument("--scheduler", default="threads", choices=["threads", "sync"])
    parser.add_argument("--shape", default="many", choices=["many", "chain", "tree"])
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        figures = measure(options.engine, options.scheduler, options.shape, options.counts[0])
        print(*figures)
        return
    print(f"{options.engine}, {options.scheduler}, {options.shape}")
    print(f"{'tasks':>9}  {'us to make':>10}  {'us to compute':>13}  {'us in all':>9}  {'bytes':>6}")
    for count in options.counts:
        command = [sys.executable, "-m", "benchmarks.tasks", "--child", str(count), "--engine", options.engine]
        command += ["--scheduler", options.scheduler, "--shape", options.shape]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        made, computed, grown = map(float, done.stdout.split())
        print(f"{count:>9,}  {made:>10.2f}  {computed:>13.2f}  {made + computed:>9.2f}  {grown:>6.0f}", flush=True)


if __name__ == "__main__":
    main()
