"""Profilers: when each task ran, what the process used meanwhile, and what was held in memory.

They are callbacks. Tasks of graphs that Python schedulers run are seen one by one; what the engine runs is seen task by
task once the core reports its tasks, and as one task for each collection until then.
"""

from __future__ import annotations

import os
import threading
import time
from collections import namedtuple
from collections.abc import Callable, Hashable
from typing import Any

from dusk.callbacks import Callback

__all__ = ["CacheData", "CacheProfiler", "Profiler", "ResourceData", "ResourceProfiler", "TaskData"]

TaskData = namedtuple("TaskData", ("key", "task", "start_time", "end_time", "worker_id"))
ResourceData = namedtuple("ResourceData", ("time", "mem", "cpu"))
CacheData = namedtuple("CacheData", ("key", "task", "metric", "cache_time", "free_time"))


class Profiler(Callback):
    """Notes when each task began and ended, and which worker ran it.

    Attributes
    ----------
    results : list of TaskData
        ``key task start_time end_time worker_id`` of each finished task.

    Examples
    --------
    >>> import operator
    >>> from dusk.threaded import get
    >>> with Profiler() as profile:
    ...     get({"x": 1, "y": (operator.add, "x", 10)}, "y")
    11
    >>> [task.key for task in profile.results]
    ['y']
    """

    def __init__(self) -> None:
        self._results: dict[Hashable, tuple[Any, ...]] = {}
        self.results: list[TaskData] = []
        self._dsk: dict[Hashable, Any] = {}
        self.start_time: float | None = None
        self.end_time: float | None = None

    def __enter__(self) -> Profiler:
        self.clear()
        super().__enter__()
        return self

    def _start(self, dsk: Any) -> None:
        self._dsk.update(dsk)
        if self.start_time is None:
            self.start_time = time.perf_counter()

    def _pretask(self, key: Hashable, dsk: Any, state: Any) -> None:
        self._results[key] = (key, dsk.get(key), time.perf_counter())

    def _posttask(self, key: Hashable, value: Any, dsk: Any, state: Any, worker_id: Any) -> None:
        begun = self._results.get(key)
        if begun is not None:
            self._results[key] = (*begun, time.perf_counter(), worker_id)

    def _finish(self, dsk: Any, state: Any, failed: bool) -> None:
        self.end_time = time.perf_counter()
        self.results += [TaskData(*each) for each in self._results.values() if len(each) == 5]
        self._results.clear()

    def _plot(self, **kwargs: Any) -> Any:
        from dusk.diagnostics.profile_visualize import plot_tasks

        return plot_tasks(self.results, self._dsk, self.start_time, self.end_time, **kwargs)

    def visualize(self, **kwargs: Any) -> Any:
        """Draw the tasks as bars, one row for each worker; see `dusk.diagnostics.visualize`."""
        from dusk.diagnostics.profile_visualize import visualize

        return visualize(self, **kwargs)

    def clear(self) -> None:
        """Forget what was noted."""
        self._results.clear()
        self.results.clear()
        self._dsk = {}
        self.start_time = self.end_time = None


class ResourceProfiler(Callback):
    """Notes, at regular times, how much memory the process and its children hold and how busy they are.

    Inside a ``with`` block it notes from the beginning to the end of the block; registered, during computations.

    Parameters
    ----------
    dt : float, default 1
        Seconds between two measurements.

    Attributes
    ----------
    results : list of ResourceData
        ``time``, ``mem`` in megabytes and ``cpu`` in per cent of one processor.
    """

    def __init__(self, dt: float = 1) -> None:
        if not dt > 0:
            raise ValueError(f"dt must be positive, got {dt!r}")
        self._dt = dt
        self.results: list[ResourceData] = []
        self.start_time: float | None = None
        self.end_time: float | None = None
        self._entered = None
        self._inside = False
        self._meter: _Meter | None = None

    def __enter__(self) -> ResourceProfiler:
        self.clear()
        self._inside = True
        self._begin_measuring()
        super().__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._inside = False
        self._end_measuring()
        super().__exit__(*exc_info)

    def _start(self, dsk: Any) -> None:
        self._begin_measuring()

    def _finish(self, dsk: Any, state: Any, failed: bool) -> None:
        if not self._inside:
            self._end_measuring()

    def _is_running(self) -> bool:
        return self._meter is not None and self._meter.is_alive()

    def _begin_measuring(self) -> None:
        if self._meter is None:
            self._meter = _Meter(self._dt)
            self._meter.start()
        if self.start_time is None:
            self.start_time = time.perf_counter()

    def _end_measuring(self) -> None:
        meter, self._meter = self._meter, None
        if meter is not None:
            self.results.extend(meter.end())
            self.end_time = time.perf_counter()

    def _plot(self, **kwargs: Any) -> Any:
        from dusk.diagnostics.profile_visualize import plot_resources

        return plot_resources(self.results, self.start_time, self.end_time, **kwargs)

    def visualize(self, **kwargs: Any) -> Any:
        """Draw memory and processor use over time; see `dusk.diagnostics.visualize`."""
        from dusk.diagnostics.profile_visualize import visualize

        return visualize(self, **kwargs)

    def close(self) -> None:
        """End the measuring, if it is going on."""
        self._end_measuring()

    def clear(self) -> None:
        """Forget what was noted."""
        self.results = []
        self.start_time = self.end_time = None

    def __del__(self) -> None:
        meter = self.__dict__.get("_meter")
        if meter is not None:
            meter.stop.set()


class _Meter(threading.Thread):
    """Measures the process in a thread of its own, so that it needs nothing of the scheduler."""

    def __init__(self, dt: float) -> None:
        super().__init__(name="dusk-resources", daemon=True)
        try:
            import psutil
        except ImportError:
            raise ImportError(
                "ResourceProfiler needs the package psutil: `pip install psutil`, or the extra dusk[diagnostics]"
            ) from None
        self.dt = dt
        self.stop = threading.Event()
        self.found: list[ResourceData] = []
        self._psutil = psutil
        self._parent = psutil.Process(os.getpid())
        self._processes: dict[int, Any] = {}

    def run(self) -> None:
        self._measure()  # the first use of the processor is measured from here on
        self.found.clear()
        wait = min(self.dt, 0.01)
        while not self.stop.wait(wait):
            self._measure()
            wait = self.dt

    def _measure(self) -> None:
        processes = [self._parent, *self._parent.children(recursive=True)]
        # A process's use of the processor is since it was last asked, so the objects are kept.
        self._processes = {each.pid: self._processes.get(each.pid, each) for each in processes}
        memory = busy = 0.0
        for each in self._processes.values():
            try:
                memory += each.memory_info().rss
                busy += each.cpu_percent()
            except self._psutil.Error:  # it has ended, or is somebody else's
                continue
        self.found.append(ResourceData(time.perf_counter(), memory / 1e6, busy))

    def end(self) -> list[ResourceData]:
        """Stop, and return what was measured; at least one measurement."""
        self.stop.set()
        self.join()
        self._measure()
        return self.found


class CacheProfiler(Callback):
    """Notes how long each result is held, and how large it is by some measure.

    Parameters
    ----------
    metric : callable, optional
        The measure of a result; by default each counts 1. `dusk.sizeof.sizeof` gives bytes.
    metric_name : str, optional
        What it is called in drawings.

    Attributes
    ----------
    results : list of CacheData
        ``key task metric cache_time free_time`` of each result that was held.
    """

    def __init__(self, metric: Callable[[Any], float] | None = None, metric_name: str | None = None) -> None:
        self._metric = metric if metric is not None else _one
        self._metric_name = metric_name or (getattr(metric, "__name__", "metric") if metric is not None else "count")
        self.results: list[CacheData] = []
        self._cache: dict[Hashable, tuple[float, float]] = {}
        self._dsk: dict[Hashable, Any] = {}
        self.start_time: float | None = None
        self.end_time: float | None = None

    def __enter__(self) -> CacheProfiler:
        self.clear()
        self.start_time = time.perf_counter()
        super().__enter__()
        return self

    def _start(self, dsk: Any) -> None:
        self._dsk.update(dsk)
        if self.start_time is None:
            self.start_time = time.perf_counter()

    def _posttask(self, key: Hashable, value: Any, dsk: Any, state: Any, worker_id: Any) -> None:
        now = time.perf_counter()
        self._cache[key] = (self._metric(value), now)
        for each in self._cache.keys() & state["released"]:
            self._free(each, now)

    def _finish(self, dsk: Any, state: Any, failed: bool) -> None:
        now = self.end_time = time.perf_counter()
        for key in list(self._cache):
            self._free(key, now)

    def _free(self, key: Hashable, now: float) -> None:
        metric, since = self._cache.pop(key)
        self.results.append(CacheData(key, self._dsk.get(key), metric, since, now))

    def _plot(self, **kwargs: Any) -> Any:
        from dusk.diagnostics.profile_visualize import plot_cache

        return plot_cache(self.results, self._dsk, self.start_time, self.end_time, self._metric_name, **kwargs)

    def visualize(self, **kwargs: Any) -> Any:
        """Draw what was held over time; see `dusk.diagnostics.visualize`."""
        from dusk.diagnostics.profile_visualize import visualize

        return visualize(self, **kwargs)

    def clear(self) -> None:
        """Forget what was noted."""
        self.results.clear()
        self._cache.clear()
        self._dsk = {}
        self.start_time = self.end_time = None


def _one(value: Any) -> int:
    return 1
