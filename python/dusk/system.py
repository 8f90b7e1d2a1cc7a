"""What this process may use: processors and memory, limits of containers and of the user included."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def _own_groups(controller: str) -> Iterator[Path]:
    """Yield the folders of this process's control group and those above it, inner ones first."""
    try:
        with open("/proc/self/cgroup") as file:
            lines = file.read().splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            root = _CGROUP
        elif controller in controllers.split(","):
            root = _CGROUP / controller
        else:
            continue
        folder = root / path.strip("/")
        while True:
            yield folder
            if folder == root or root not in folder.parents:
                break
            folder = folder.parent


def _numbers(path: Path) -> list[float]:
    """Read the numbers in a file of the control groups; ``max`` is infinity, a missing file is empty."""
    try:
        with open(str(path)) as file:
            return [math.inf if word == "max" else float(word) for word in file.read().split()]
    except (OSError, ValueError):
        return []


def cpu_count() -> int:
    """Return how many processors this process may use.

    The affinity of the process and the quotas of its control groups count.

    Returns
    -------
    int
        At least 1.
    """
    count = float(os.cpu_count() or 1)
    if hasattr(os, "sched_getaffinity"):
        count = min(count, len(os.sched_getaffinity(0)))
    if sys.platform == "linux":
        # containers of the first version of control groups often see their own group at the top
        tops = (_CGROUP / name for name in ("cpu", "cpu,cpuacct", "cpuacct,cpu"))
        for folder in (*_own_groups("cpu"), *tops):
            limit = _numbers(folder / "cpu.max")
            if len(limit) != 2:
                limit = _numbers(folder / "cpu.cfs_quota_us") + _numbers(folder / "cpu.cfs_period_us")
            if len(limit) == 2 and limit[0] > 0 and limit[1] > 0:
                count = min(count, limit[0] / limit[1])
    return max(1, math.ceil(count)) if math.isfinite(count) else 1


def memory_limit() -> int:
    """Return how many bytes of memory this process may use.

    The least of the machine's memory, the limits of the process's control groups and its address space limit.

    Returns
    -------
    int
    """
    limits = [_physical_memory()]
    if sys.platform == "linux":
        for folder in _own_groups("memory"):
            for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
                limits += _numbers(folder / name)
    try:
        import resource

        for kind in ("RLIMIT_AS", "RLIMIT_DATA"):
            soft, _ = resource.getrlimit(getattr(resource, kind))
            if soft != resource.RLIM_INFINITY:
                limits.append(soft)
    except (ImportError, AttributeError, ValueError, OSError):
        pass
    return int(min(limit for limit in limits if limit > 0))


def _physical_memory() -> float:
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return _windows_memory()


def _windows_memory() -> float:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong)
            for name in ("total", "free", "page_total", "page_free", "virtual_total", "virtual_free", "extended_free")
        ]

    status = Status(length=ctypes.sizeof(Status))
    try:
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]
    except AttributeError:
        return 8 * 2.0**30
    return float(status.total) or 8 * 2.0**30


#: Processors of this process when dusk was imported.
CPU_COUNT = cpu_count()
