"""The scheduler "processes" beside a bare `ProcessPoolExecutor`, on pure Python that keeps a processor busy.

``python -m benchmarks.processes`` runs both in turn, each several times over the same calls, on workers that are
already there, and prints the least wall time of each and the ratio. ``--calls``, ``--work`` (steps of a loop in each
call) and ``--workers`` change the work; ``--payload`` gives each call an array of so many bytes, which comes back too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np


def busy(seed: int, work: int, payload: Any = None) -> Any:
    """Keep a processor busy with pure Python."""
    value = seed
    for _ in range(work):
        value = (value * 1103515245 + 12345) % 2147483648
    return value if payload is None else (value, payload)


def least(function: Callable[[], Any], check: Callable[[Any], None]) -> float:
    """Return the seconds of one run, whose result is checked."""
    start = time.perf_counter()
    result = function()
    seconds = time.perf_counter() - start
    check(result)
    return seconds


def race(calls: int, work: int, workers: int, payload: int, repeats: int) -> tuple[float, float]:
    """Return the least seconds of dusk and of the executor."""
    import dusk
    from dusk import delayed

    arrays = [np.full(payload, i, dtype=np.uint8) if payload else None for i in range(calls)]
    expected = [busy(i, work) for i in range(calls)]

    def check(results: Any) -> None:
        found = [each[0] if payload else each for each in results]
        if found != expected:
            raise AssertionError("a result is wrong")

    def with_dusk() -> Any:
        tasks = [delayed(busy, pure=False)(i, work, array) for i, array in enumerate(arrays)]
        return dusk.compute(*tasks, scheduler="processes", num_workers=workers)

    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:

        def bare() -> Any:
            futures = [executor.submit(busy, i, work, array) for i, array in enumerate(arrays)]
            return [future.result() for future in futures]

        with_dusk(), bare()  # the workers start
        times = [(least(with_dusk, check), least(bare, check)) for _ in range(repeats)]
    return min(ours for ours, _ in times), min(theirs for _, theirs in times)


def main() -> None:
    """Race and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=64)
    parser.add_argument("--work", type=int, default=500_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--payload", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    ours, theirs = race(options.calls, options.work, options.workers, options.payload, options.repeats)
    print(f"{options.calls} calls on {options.workers} processes")
    print(f"dusk                 {ours:8.3f} s")
    print(f"ProcessPoolExecutor  {theirs:8.3f} s")
    print(f"ratio                {ours / theirs:8.3f}")


if __name__ == "__main__":
    main()
