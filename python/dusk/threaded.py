"""Running graphs in Dask's form on threads: `get`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dusk._forks import new_lock
from dusk._pyget import ContextAwareThreadPoolExecutor, get_threaded
from dusk.system import CPU_COUNT

__all__ = ["CPU_COUNT", "ContextAwareThreadPoolExecutor", "get", "pack_exception"]

main_thread = threading.current_thread()
#: The pool of the main thread, if one is kept; `get` makes its own for each run.
default_pool: ThreadPoolExecutor | None = None
pools: dict[threading.Thread, dict[int, ThreadPoolExecutor]] = {}
pools_lock = new_lock()


def _forget_pools() -> None:
    """After a fork: their threads are the parent's."""
    global default_pool
    default_pool = None
    pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pools)


def pack_exception(e: BaseException, dumps: Callable[[Any], Any]) -> tuple[BaseException, Any]:
    """Return an exception with its traceback."""
    return e, e.__traceback__


def get(dsk: Any, keys: Any, cache: Any = None, num_workers: int | None = None, pool: Any = None, **kwargs: Any) -> Any:
    """Run a graph on threads.

    Parameters
    ----------
    dsk : mapping
        The graph: tuples of a function and arguments, keys, values, or Dask's task objects.
    keys : key or nested list of keys
        What to compute.
    cache : mutable mapping, optional
        Gets the results.
    num_workers : int, optional
        How many threads; by default the setting ``num_workers``, else the number of processors.
    pool : executor or multiprocessing pool, optional
        Where tasks run.
    **kwargs
        ``callbacks`` and ``rerun_exceptions_locally``.

    Returns
    -------
    object
        The results, nested in tuples as the keys in lists.

    Examples
    --------
    >>> get({"x": 1, "y": (sum, ["x", 2])}, "y")
    3
    """
    results = get_threaded(dsk, keys, num_workers=num_workers, pool=pool, **kwargs)
    if cache is not None:
        _store(cache, keys, results)
    return results


def _store(cache: Any, keys: Any, results: Any) -> None:
    if isinstance(keys, list):
        for key, result in zip(keys, results, strict=True):
            _store(cache, key, result)
    else:
        cache[keys] = results


get.dusk_scheduler = "threads"  # type: ignore[attr-defined]
