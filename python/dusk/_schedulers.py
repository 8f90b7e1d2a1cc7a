"""Which scheduler runs a computation."""

from __future__ import annotations

import dataclasses
import functools
import sys
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

from dusk import _pyget, config
from dusk.threaded import get as _get_threads


def get_processes(dsk: Any, keys: Any, **kwargs: Any) -> Any:
    """Run a graph on processes; see `dusk.multiprocessing.get`."""
    from dusk.multiprocessing import get

    return get(dsk, keys, **kwargs)


get_processes.dusk_scheduler = "processes"  # type: ignore[attr-defined]

#: Schedulers by name: functions that take a graph and keys.
named_schedulers: dict[str, Callable[..., Any]] = {
    "sync": _pyget.get_sync,
    "synchronous": _pyget.get_sync,
    "single-threaded": _pyget.get_sync,
    "threads": _get_threads,
    "threading": _get_threads,
    "processes": get_processes,
    "multiprocessing": get_processes,
}

#: What a distributed client takes with a graph.
_CLIENT_OPTIONS = ("workers", "resources", "retries", "priority", "allow_other_workers", "fifo_timeout", "actors")


@dataclasses.dataclass(frozen=True)
class Scheduler:
    """What runs a computation.

    Attributes
    ----------
    name : str
        "threads", "sync", "processes", "distributed", "executor" or "callable".
    get : callable
        Runs a graph: ``get(graph, keys, **options)``.
    explicit : bool
        Whether an argument, a setting or an active client chose it.
    client : object, optional
        The distributed client.
    num_workers : int, optional
        Worker threads for the engine.
    pool : executor, optional
        Where tasks run, if it is an executor of the user.
    """

    name: str
    get: Callable[..., Any]
    explicit: bool = True
    client: Any = None
    num_workers: int | None = None
    pool: Any = None

    @property
    def runs_natively(self) -> bool:
        """Whether the engine runs native collections, in this process or in worker processes."""
        return self.name in ("threads", "sync", "processes", "executor")

    def engine_options(self, kwargs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return the engine's scheduler, and what of the arguments of `compute` is for the engine."""
        options = {name: kwargs[name] for name in ("num_workers", "callbacks", "retries") if name in kwargs}
        if self.num_workers is not None:
            options = {"num_workers": self.num_workers, **options}
        pool = self.pool or kwargs.get("pool")
        if pool is None and self.name != "sync":
            pool = config.get("pool", None)
        if self.name == "sync" or (pool is None and self.name == "threads"):
            return self.name, options
        if pool is not None and _pyget.is_thread_pool(pool):
            # native tasks need no Python threads, but as many at a time
            return "threads", {**options, "num_workers": _pyget.slots_of(pool, options.get("num_workers"))}
        from dusk.multiprocessing import transport

        workers, way = transport(options.get("num_workers"), pool, kwargs.get("initializer"))
        return "processes", {**options, "num_workers": workers, "transport": way}

    def options(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return what of the arguments of `compute` is for `get`."""
        if self.client is None:
            return kwargs
        return {name: value for name, value in kwargs.items() if name in _CLIENT_OPTIONS}


def active_client() -> Any:
    """Return the distributed client in force, or None; distributed isn't imported for that."""
    module = sys.modules.get("distributed.client")
    if module is None:
        return None
    worker = sys.modules.get("distributed.worker")
    if worker is not None:
        try:
            worker.get_worker()
            return worker.get_client()  # inside a task of a worker
        except ValueError:
            pass
    try:
        return module.default_client()
    except ValueError:
        return None


def scheduler_of(collections: Sequence[Any], chosen: Scheduler) -> Scheduler:
    """Return what runs some collections: what was chosen, else what their classes want.

    Parameters
    ----------
    collections : sequence
    chosen : Scheduler
        What arguments, settings and clients say.

    Raises
    ------
    ValueError
        If nothing was chosen and the collections want different ones.
    """
    if chosen.explicit:
        return chosen
    wanted = {name for cls in {type(each) for each in collections} if (name := _name_wanted(cls)) is not None}
    if len(wanted) > 1:
        raise ValueError(
            "Compute called on multiple collections with differing default schedulers: bags run in processes, other "
            "collections on threads. Please say which one with scheduler=, or with dusk.config.set(scheduler=...)"
        )
    if wanted == {"processes"} and _may_have_children():
        return dataclasses.replace(_of_name("processes"), explicit=False)
    return chosen


def _name_wanted(cls: type) -> str | None:
    """Return the scheduler of ours that a class wants; foreign collections may want others."""
    get = getattr(cls, "__dask_scheduler__", None)
    if get is None and hasattr(cls, "__dusk_nodes__"):
        return "threads"
    return getattr(get, "dusk_scheduler", None)


def _may_have_children() -> bool:
    """Whether this process may start others; a worker process may not."""
    import multiprocessing

    return sys.platform != "emscripten" and not (
        multiprocessing.current_process().daemon or multiprocessing.current_process().name == "dusk-worker"
    )


def _configured() -> Any:
    """Return the setting ``scheduler``: dusk's, else Dask's if that is loaded and something else."""
    ours = config.get("scheduler", None)
    if ours is not None:
        return ours
    theirs = sys.modules.get("dask.config")
    return None if theirs is None or theirs is config else theirs.get("scheduler", None)


def find_scheduler(scheduler: Any = None, get: Any = None) -> Scheduler:
    """Return what runs a computation.

    Parameters
    ----------
    scheduler : str, callable, executor, client or Scheduler, optional
        The argument of `compute`. Without one the setting ``scheduler`` counts, then the active distributed client,
        then threads of this process.
    get : None
        Raises a TypeError if it is given.

    Returns
    -------
    Scheduler

    Raises
    ------
    ValueError
        If there is no scheduler of that name, or it isn't one.
    """
    if get is not None:
        raise TypeError(
            "get= is not taken any more. Say scheduler= instead: a name such as 'threads' or 'sync', a function that "
            "takes a graph and keys, an executor, or a distributed client"
        )
    if scheduler is None:
        scheduler = _configured()
    if scheduler is None:
        client = active_client()
        return Scheduler("threads", _get_threads, explicit=False) if client is None else _of_client(client)
    if isinstance(scheduler, Scheduler):
        return scheduler
    if isinstance(scheduler, str):
        return _of_name(scheduler)
    if "Client" in type(scheduler).__name__ and hasattr(scheduler, "get"):
        return _of_client(scheduler)
    if callable(scheduler):
        return _of_callable(scheduler)
    if isinstance(scheduler, Executor) or hasattr(scheduler, "submit"):
        return _of_executor(scheduler)
    raise ValueError(f"{scheduler!r} is not a scheduler: a name, a function, an executor or a client is needed")


def _of_name(name: str) -> Scheduler:
    lower = name.lower()
    if lower in ("distributed", "dask.distributed"):
        client = active_client()
        if client is None:
            raise RuntimeError("scheduler='distributed' needs an active distributed.Client, and there is none")
        return _of_client(client)
    if lower not in named_schedulers:
        names = ", ".join(sorted([*named_schedulers, "distributed"]))
        raise ValueError(f"there is no scheduler {name!r}. Expected one of [{names}]")
    return _of_callable(named_schedulers[lower])


def _of_callable(get: Callable[..., Any]) -> Scheduler:
    name = getattr(get, "dusk_scheduler", None)
    return Scheduler(name or "callable", get)


def _of_executor(executor: Any) -> Scheduler:
    slots = _pyget.slots_of(executor)
    get = functools.partial(_execute_on, executor)
    if type(executor) is ThreadPoolExecutor:  # native tasks need no Python threads, but as many at a time
        return Scheduler("threads", get, num_workers=slots)
    return Scheduler("executor", get, pool=executor)


def _execute_on(executor: Any, dsk: Any, keys: Any, num_workers: int | None = None, **kwargs: Any) -> Any:
    options = {name: kwargs[name] for name in ("callbacks", "rerun_exceptions_locally") if name in kwargs}
    return _pyget.execute(dsk, keys, executor, _pyget.slots_of(executor, num_workers), **options)


def _of_client(client: Any) -> Scheduler:
    if getattr(client, "asynchronous", False):
        fallback = config.get("admin.async-client-fallback", None)
        if fallback is None:
            raise RuntimeError(
                "the distributed client is asynchronous, so compute would have to be awaited; use client.compute, or "
                "set admin.async-client-fallback to a local scheduler"
            )
        warnings.warn(
            f"the distributed client is asynchronous; the scheduler {fallback!r} runs this instead", stacklevel=4
        )
        return find_scheduler(fallback)
    return Scheduler("distributed", functools.partial(_get_by_client, client), client=client)


def _get_by_client(client: Any, dsk: Any, keys: Any, **kwargs: Any) -> Any:
    return client.get(dsk, keys, sync=True, **kwargs)


def default_get(name: str) -> Callable[..., Any]:
    """Return the scheduler of a kind of collections: the one of that name where there is one, else "sync"."""
    base = sys.modules.get("dusk.base")
    table = named_schedulers if base is None else base.named_schedulers
    if name == "processes" and name in table:
        from dusk.multiprocessing import get

        return get
    return table.get(name, table["sync"])


def get_scheduler(
    get: Any = None, scheduler: Any = None, collections: Any = None, cls: Any = None
) -> Callable[..., Any] | None:
    """Return the function that runs graphs, which takes a graph and keys; None if nothing says which.

    Parameters
    ----------
    get : None
        Raises a TypeError if it is given.
    scheduler : str, callable, executor or client, optional
        See `dusk.compute`.
    collections : iterable, optional
        Collections whose classes may want one.
    cls : type, optional
        A class that may want one.

    Returns
    -------
    callable or None
    """
    chosen = find_scheduler(scheduler, get)
    if chosen.explicit:
        return chosen.get
    wanted = [*(collections or ()), *([cls] if cls is not None else [])]
    for each in wanted:
        own = getattr(each, "__dask_scheduler__", None)
        if own is not None:
            return own
    return chosen.get if wanted else None
