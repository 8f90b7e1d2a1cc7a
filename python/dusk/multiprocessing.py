"""Running graphs in Dask's form on processes: `get`.

The processes are those of a `concurrent.futures.ProcessPoolExecutor` that lives for one call, or of ``pool``. Functions
and data go through cloudpickle. Processes that live longer and run native tasks are to come.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from dusk import _pyget, config
from dusk.system import CPU_COUNT

__all__ = ["CPU_COUNT", "get", "get_context"]


def get_context() -> Any:
    """Return the context of `multiprocessing` that the setting ``multiprocessing.context`` says; "spawn" by default."""
    return multiprocessing.get_context(config.get("multiprocessing.context", None) or "spawn")


def default_initializer() -> None:
    """Do what a worker process does first: nothing."""


def initialize_worker_process(user_initializer: Callable[[], Any] | None = None) -> None:
    """Prepare a worker process: random numbers of its own, and what the user wants.

    Parameters
    ----------
    user_initializer : callable, optional
    """
    import sys

    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
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
    initializer = initializer or config.get("multiprocessing.initializer", None)
    with ProcessPoolExecutor(
        workers, mp_context=get_context(), initializer=initialize_worker_process, initargs=(initializer,)
    ) as executor:
        return _pyget.execute(dsk, keys, executor, workers, **options)


get.dusk_scheduler = "processes"  # type: ignore[attr-defined]
