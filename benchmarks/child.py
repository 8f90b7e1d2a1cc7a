"""One run of one engine in a process of its own: ``python -m benchmarks.child csv_groupby polars --scale 1``.

The runner starts it. The last line on standard output is the result as JSON.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import sys
import time
from pathlib import Path

from benchmarks import answers
from benchmarks.engines import engine_of
from benchmarks.workloads import ALL

STATUS = Path("/proc/self/status")


def memory_mb(field: str) -> float:
    """Give a figure of the process's memory in MB: `VmRSS` now, `VmHWM` the highest so far.

    On Linux `ru_maxrss` of a new process begins with what its parent held, so the kernel's own figure is better there.
    """
    if STATUS.exists():
        for line in STATUS.read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024 / 1e6
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / 1e6 if sys.platform == "darwin" else highest * 1024 / 1e6


def forget_highest() -> None:
    """Let the highest memory begin anew, so that loading the data does not count."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass  # not on this system: the figure then covers the whole process


def processor_seconds() -> tuple[float, float]:
    """Give the seconds of user and of system time of this process and of those that it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime for usage in usages), sum(usage.ru_stime for usage in usages)


def run(workload_name: str, contestant: str, scale: float, answer: Path | None) -> dict[str, object]:
    """Prepare, time the query, and keep its answer if that is asked for."""
    workload = ALL[workload_name]
    engine = engine_of(contestant)
    try:
        version = engine.version()
    except ImportError as error:
        return {"missing": str(error)}
    import pandas as pd  # noqa: F401  every engine ends in pandas: its import is not part of a query

    engine.warm()
    query = workload.contestants[contestant](workload.data(scale))
    gc.collect()
    before_mb = memory_mb("VmRSS")
    forget_highest()
    user, system = processor_seconds()
    start = time.perf_counter()
    result = query()
    seconds = time.perf_counter() - start
    user_after, system_after = processor_seconds()
    peak_mb = memory_mb("VmHWM")
    if answer is not None:
        # What is written to disk is read again by the one who checks it.
        result = result() if callable(result) else result
        answers.save(answer, answers.digest(result, workload.keys, workload.values))
    return {
        "version": version,
        "seconds": seconds,
        "user": user_after - user,
        "system": system_after - system,
        "before_mb": before_mb,
        "peak_mb": peak_mb,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="One run of one engine; used by benchmarks.run.")
    parser.add_argument("workload")
    parser.add_argument("contestant")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--answer", type=Path)
    options = parser.parse_args()
    print(json.dumps(run(options.workload, options.contestant, options.scale, options.answer)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
