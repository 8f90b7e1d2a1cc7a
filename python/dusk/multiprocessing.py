"""The scheduler "processes": `get` runs graphs in Dask's form, and the engine's tasks go the same way.

Worker processes start when they are needed and live until this process ends or `shutdown` is called. They run native
tasks natively; functions travel by cloudpickle, data as Arrow's bytes or out of band. See ``dusk._processes``.
"""

from __future__ import annotations

import functools
import multiprocessing
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

from dusk import _processes, _pyget, config
from dusk._processes import KilledWorker, shutdown
from dusk._worker import RemoteTraceback
from dusk.system import CPU_COUNT

__all__ = [
    "CPU_COUNT",
    "KilledWorker",
    "RemoteException",
    "RemoteTraceback",
    "get",
    "get_context",
    "pack_exception",
    "remote_exception",
    "shutdown",
]


class RemoteException(Exception):  # noqa: N818  Dask's name
    """An exception of another process, with its traceback as text.

    Parameters
    ----------
    exception : Exception
    traceback : str
    """

    def __init__(self, exception: BaseException, traceback: str) -> None:
        self.exception = exception
        self.traceback = traceback

    def __str__(self) -> str:
        return f"{self.exception}\n\nTraceback\n---------\n{self.traceback}"

    def __dir__(self) -> list[str]:
        return sorted({*dir(type(self)), *self.__dict__, *dir(self.exception)})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "exception":
            raise AttributeError(name)
        return getattr(self.exception, name)


#: Classes of `remote_exception` by the class of the exception.
exceptions: dict[type, type] = {}


def remote_exception(exc: Exception, tb: str) -> Exception:
    """Return an exception of the same type that shows a traceback of another process.

    Parameters
    ----------
    exc : Exception
    tb : str
        The traceback.
    """
    kind = type(exc)
    if kind not in exceptions:
        try:
            exceptions[kind] = type(kind.__name__, (RemoteException, kind), {"exception_type": kind})
        except TypeError:  # a class that can't have subclasses
            return exc
    return exceptions[kind](exc, tb)


def pack_exception(e: BaseException, dumps: Callable[[Any], Any]) -> Any:
    """Return the bytes of an exception and its traceback, or of why they can't be written.

    Parameters
    ----------
    e : Exception
    dumps : callable
        Writes a pair of an exception and a text.
    """
    try:
        return dumps((e, _text_of(e)))
    except Exception as error:
        return dumps((error, _text_of(error)))


def _text_of(error: BaseException) -> str:
    return "".join(traceback.format_tb(error.__traceback__))


def get_context() -> Any:
    """Return the context of `multiprocessing` that the setting ``multiprocessing.context`` says; "spawn" by default."""
    name = config.get("multiprocessing.context", None) or "spawn"
    if sys.platform == "win32" and name != "spawn":
        warnings.warn(
            f"multiprocessing.context {name!r} is ignored: processes can only be spawned here",
            UserWarning,
            stacklevel=2,
        )
        name = "spawn"
    return multiprocessing.get_context(name)


def transport(
    num_workers: int | None = None, pool: Any = None, initializer: Callable[[], Any] | None = None
) -> tuple[int, Any]:
    """Return how many tasks run at a time, and what takes the tasks of one run to processes.

    Parameters
    ----------
    num_workers : int, optional
        By default the setting of that name, else the number of processors, or of the pool's processes.
    pool : executor or multiprocessing pool, optional
        Where tasks run; by default in dusk's own worker processes.
    initializer : callable, optional
        Called first in each of these.
    """
    if pool is not None:
        if initializer is not None:
            warnings.warn("initializer is ignored, since pool has its own", UserWarning, stacklevel=4)
        return _pyget.slots_of(pool, num_workers), _processes.Transport(pool)
    workers = num_workers or config.get("num_workers", None) or CPU_COUNT
    return workers, _processes.Transport(_pool(workers, initializer))


def _pool(workers: int, initializer: Callable[[], Any] | None) -> _processes.Pool:
    user = initializer or config.get("multiprocessing.initializer", None)
    start = functools.partial(initialize_worker_process, user)
    return _processes.pool_for(get_context(), start, workers)


def default_initializer() -> None:
    """Do what a worker process does first: have random numbers of its own."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def initialize_worker_process(user_initializer: Callable[[], Any] | None = None) -> None:
    """Prepare a worker process: random numbers of its own, and what the user wants.

    Parameters
    ----------
    user_initializer : callable, optional
    """
    default_initializer()
    if user_initializer is not None:
        user_initializer()


def get(
    dsk: Any,
    keys: Any,
    num_workers: int | None = None,
    func_loads: Any = None,
    func_dumps: Any = None,
    optimize_graph: bool = True,
    pool: Any = None,
    initializer: Callable[[], Any] | None = None,
    chunksize: int | None = None,
    **kwargs: Any,
) -> Any:
    """Run a graph on processes.

    Parameters
    ----------
    dsk : mapping
        The graph.
    keys : key or nested list of keys
        What to compute.
    num_workers : int, optional
        How many processes; by default the setting ``num_workers``, else the number of processors.
    func_loads, func_dumps : None
        Accepted for compatibility; cloudpickle is used.
    optimize_graph : bool, default True
        Accepted for compatibility.
    pool : executor or multiprocessing pool, optional
        Where tasks run.
    initializer : callable, optional
        Called first in each process.
    chunksize : int, optional
        Accepted for compatibility.
    **kwargs
        ``callbacks`` and ``rerun_exceptions_locally``.

    Returns
    -------
    object
        The results, nested in tuples as the keys in lists.
    """
    options = {name: kwargs[name] for name in ("callbacks", "rerun_exceptions_locally") if name in kwargs}
    pool = pool or config.get("pool", None)
    if pool is not None:
        return _pyget.execute(dsk, keys, pool, _pyget.slots_of(pool, num_workers), **options)
    workers = num_workers or config.get("num_workers", None) or CPU_COUNT
    with _processes.PoolExecutor(_pool(workers, initializer), workers) as executor:
        return _pyget.execute(dsk, keys, executor, workers, **options)


get.dusk_scheduler = "processes"  # type: ignore[attr-defined]
