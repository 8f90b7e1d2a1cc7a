"""The one place where Python calls into the engine to run something.

The core offers, and this module calls, nothing but:

``_core.execute(nodes, settings, progress=None, events=None, *, whole=False) -> list[list[Chunk]]``
    Optimize the nodes and run what they need; for each node the chunks of its partitions.
``_core.compute(nodes, settings, progress=None, events=None) -> list``
    The same, with the object that each node stands for.
``_core.optimize(nodes) -> list[Node]``
    The same nodes with an optimized plan.
``_core.from_chunks(chunks, like) -> Node``
    A node that holds finished chunks.
``_core.Progress()``
    Counters of a run: ``counts() -> (tasks done, tasks known)``, ``volume() -> (rows, bytes)``.

``settings`` is the dictionary of `Settings.for_core`; in it may stand ``retries`` and ``transport``, a
`dusk._processes.Transport`, through which tasks run in other processes. A core that reports single tasks says so by
``_core.task_events = True`` and takes a fourth argument, a `dusk.callbacks.TaskEvents`, whose ``known``, ``before`` and
``after`` it calls while attached to Python.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dusk import _report, config
from dusk._units import parse_bytes
from dusk.callbacks import TaskEvents, local_callbacks, split_meters
from dusk.system import cpu_count, memory_limit

if TYPE_CHECKING:
    from dusk._core import Node

_DEFAULT_SHARE = 0.7
_NO_LIMIT = sys.maxsize


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one run, taken when it starts.

    Attributes
    ----------
    threads : int
        Worker threads; 0 runs every task in the calling thread.
    memory_limit : int
        The memory budget in bytes.
    spill_directory : str
        Folder below which the process makes its own for spilled chunks.
    batch_rows : int
        Rows of a batch in a pipeline.
    optimize : bool
        Whether the plan is optimized first.
    retries : int
        How often a user's function that has raised is called again.
    transport : Transport, optional
        What takes tasks to other processes.
    """

    threads: int
    memory_limit: int
    spill_directory: str
    batch_rows: int
    optimize: bool = True
    retries: int = 0
    transport: Any = None

    def for_core(self) -> dict[str, Any]:
        """Return the settings as the core takes them."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


def parse_memory_limit(limit: Any, available: int | None = None) -> int:
    """Return a memory budget in bytes.

    Parameters
    ----------
    limit : None, bool, int, float or str
        None and True mean 70 % of what the process may use, False and 0 no limit. A float up to 1 and text such as
        ``"50%"`` are shares; ints and text such as ``"200MB"`` are bytes.
    available : int, optional
        What the process may use, for shares; asked of the system by default.

    Returns
    -------
    int
    """
    if isinstance(limit, str):
        text = limit.strip()
        if text.lower() in ("", "auto"):
            limit = None
        elif text.endswith("%"):
            limit = float(text[:-1]) / 100
            if not 0 < limit <= 1:
                raise ValueError(f"memory.limit must be between 0% and 100%, got {text!r}")
        else:
            limit = _share_or_bytes(text)
    if limit is None or limit is True:
        limit = _DEFAULT_SHARE
    if limit is False or limit == 0:
        return _NO_LIMIT
    if limit < 0:
        raise ValueError(f"memory.limit can't be negative, got {limit!r}")
    if isinstance(limit, float) and limit <= 1:
        return int(limit * (_machine()[1] if available is None else available))
    return min(int(limit), _NO_LIMIT)


def _share_or_bytes(text: str) -> float | int:
    try:
        number = float(text)
    except ValueError:
        return parse_bytes(text)
    return number if "." in text and number <= 1 else int(number)


#: What `_machine` has found, when and where.
_found: tuple[float, Any, int, int] | None = None
#: Seconds for which that counts: asking takes longer than many a run.
_COUNTS_FOR = 1.0


def _machine() -> tuple[int, int]:
    """Return how many processors and how much memory the process may use, as it was within the last second."""
    global _found
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    now = time.monotonic()
    found = _found
    if found is None or now - found[0] > _COUNTS_FOR or found[1] != affinity:
        found = _found = (now, affinity, cpu_count(), memory_limit())
    return found[2:]


def snapshot(*, sync: bool = False, num_workers: int | None = None, **changes: Any) -> Settings:
    """Return the settings for a run that starts now.

    Parameters
    ----------
    sync : bool, default False
        Run in the calling thread.
    num_workers : int, optional
        Worker threads; by default as the settings say.
    **changes
        Other attributes of `Settings`.
    """
    threads = 0
    if not sync:
        threads = num_workers or config.get("num_workers", None) or config.get("threads", None) or _machine()[0]
        if isinstance(threads, bool) or int(threads) != threads or threads < 1:
            raise ValueError(f"num_workers must be a whole number from 1 on, got {threads!r}")
    folder = config.get("memory.spill-directory", None) or config.get("temporary-directory", None)
    values: dict[str, Any] = {
        "threads": int(threads),
        "memory_limit": parse_memory_limit(config.get("memory.limit", None)),
        "spill_directory": os.path.abspath(os.path.expanduser(folder)) if folder else tempfile.gettempdir(),
        "batch_rows": parse_bytes(config.get("dataframe.batch-rows", 65536)),
    }
    if values["batch_rows"] < 1:
        raise ValueError(f"dataframe.batch-rows must be positive, got {values['batch_rows']!r}")
    return Settings(**{**values, **changes})


def run(
    nodes: Sequence[Any],
    *,
    scheduler: str = "threads",
    num_workers: int | None = None,
    optimize: bool = True,
    callbacks: Iterable[Any] | None = None,
    retries: int | None = None,
    transport: Any = None,
    whole: bool = False,
    place: bool = False,
) -> list[Any]:
    """Run what some nodes need.

    Parameters
    ----------
    nodes : sequence of Node or Delayed
        What to compute.
    scheduler : {"threads", "sync", "processes"}
        Worker threads, the calling thread, or what ``transport`` leads to.
    num_workers : int, optional
        Worker threads; by default as the settings say.
    optimize : bool, default True
        Optimize the plan first.
    callbacks : iterable, optional
        Callbacks of this run; by default those in force.
    retries : int, optional
        How often a function of the user that has raised an exception is called again; by default it isn't.
    transport : Transport, optional
        Takes tasks to other processes; ``num_workers`` is how many run at a time.
    whole : bool, default False
        Give the object that each node stands for rather than its chunks.
    place : bool, default False
        Give large arrays as a single chunk, whose blocks are written to their place as they are made.

    Returns
    -------
    list of lists of Chunk
        For each node its chunks; or its object.
    """
    from dusk import _core

    execute: Any = _core.compute if whole else _core.execute
    if place and not whole:
        execute = functools.partial(_core.execute, whole=True)

    if retries is not None and (isinstance(retries, bool) or int(retries) != retries or retries < 0):
        raise ValueError(f"retries must be a whole number from 0 on, got {retries!r}")
    settings = snapshot(
        sync=scheduler == "sync",
        num_workers=num_workers,
        optimize=optimize,
        retries=int(retries or 0),
        transport=transport,
    )
    plan = list(nodes)
    with local_callbacks(callbacks) as active:
        meters, hooks = split_meters(active)
        if not meters and not hooks:
            with _report.watch(plan, "optimized" if optimize else "logical"):
                return execute(plan, settings.for_core())
        progress = _core.Progress()
        events = TaskEvents(hooks, {} if whole else {node.name: node for node in plan})
        failed = True
        begun: list[Any] = []
        try:
            for meter in meters:
                meter._begin(progress)
                begun.append(meter)
            with _report.watch(plan, "optimized" if optimize else "logical"):
                chunks = _execute_with_events(execute, plan, settings, progress, events if hooks else None)
            failed = False
            return chunks
        finally:
            for meter in begun:
                meter._end(failed)
            events.finish(failed)


def _execute_with_events(
    execute: Any, plan: list[Node], settings: Settings, progress: Any, events: TaskEvents | None
) -> list[Any]:
    from dusk import _core

    if events is None:
        return execute(plan, settings.for_core(), progress)
    if getattr(_core, "task_events", False):
        return execute(plan, settings.for_core(), progress, events)
    events.start()
    names = list(dict.fromkeys(node.name for node in plan))  # hooks see each collection as one task
    events.known({name: () for name in names}, {})
    for name in names:
        events.before(name)
    chunks = execute(plan, settings.for_core(), progress)
    results = dict(zip((node.name for node in plan), chunks, strict=True))
    for name in names:
        events.after(name, results[name], None)
    return chunks


def hold(nodes: Sequence[Node], **kwargs: Any) -> list[Node]:
    """Run what some nodes need and return nodes that hold the chunks; keywords as for `run`."""
    from dusk import _core

    return [_core.from_chunks(chunks, node) for node, chunks in zip(nodes, run(nodes, **kwargs), strict=True)]


def optimize(nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes with an optimized plan."""
    from dusk import _core

    return _core.optimize(nodes)
