"""Running graphs in Dask's form in this process: `get_sync`, and `get_async` for any executor."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from typing import Any, NoReturn

from dusk import _pyget
from dusk._pyget import get_sync

__all__ = [
    "MultiprocessingPoolExecutor",
    "SynchronousExecutor",
    "get_apply_async",
    "get_async",
    "get_sync",
    "identity",
    "nested_get",
    "reraise",
]


def identity(x: Any) -> Any:
    """Return what is given.

    Examples
    --------
    >>> identity(3)
    3
    """
    return x


def default_get_id() -> Hashable:
    """Return what names this worker."""
    return threading.get_ident() if os.getpid() else None


def default_pack_exception(e: BaseException, dumps: Callable[[Any], Any]) -> NoReturn:
    """Raise the exception that is being handled again."""
    raise e


def reraise(exc: BaseException, tb: Any = None) -> NoReturn:
    """Raise an exception, with a traceback."""
    raise exc if exc.__traceback__ is tb else exc.with_traceback(tb)


def queue_get(q: queue.Queue[Any]) -> Any:
    """Return the next thing of a queue."""
    return q.get()


def nested_get(ind: Any, coll: Any) -> Any:
    """Return items of a collection, nested in tuples as the keys in lists.

    Examples
    --------
    >>> nested_get(["a", ["b"]], {"a": 1, "b": 2})
    (1, (2,))
    """
    if isinstance(ind, list):
        return tuple(nested_get(each, coll) for each in ind)
    return coll[ind]


class SynchronousExecutor(Executor):
    """Runs each function at once, in the calling thread."""

    _max_workers = 1

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a function and return a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  whoever asks the future gets it
            future.set_exception(error)
        return future


synchronous_executor = SynchronousExecutor()


class MultiprocessingPoolExecutor(Executor):
    """Makes an executor of a pool of `multiprocessing`.

    Parameters
    ----------
    pool : multiprocessing.pool.Pool
    """

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self._max_workers = len(pool._pool)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a function in the pool."""
        return submit_apply_async(self.pool.apply_async, fn, *args, **kwargs)


def submit_apply_async(
    apply_async: Callable[..., Any], fn: Callable[..., Any], *args: Any, **kwargs: Any
) -> Future[Any]:
    """Return a future of what a function like ``Pool.apply_async`` runs."""
    future: Future[Any] = Future()
    apply_async(fn, args, kwargs, future.set_result, future.set_exception)
    return future


def get_async(
    submit: Callable[..., Future[Any]],
    num_workers: int,
    dsk: Any,
    result: Any,
    cache: Any = None,
    get_id: Callable[[], Hashable] = default_get_id,
    rerun_exceptions_locally: bool | None = None,
    pack_exception: Callable[..., Any] = default_pack_exception,
    raise_exception: Callable[..., Any] = reraise,
    callbacks: Any = None,
    dumps: Callable[[Any], Any] = identity,
    loads: Callable[[Any], Any] = identity,
    chunksize: int | None = None,
    **kwargs: Any,
) -> Any:
    """Run a graph by a function that submits calls.

    Parameters
    ----------
    submit : callable
        ``submit(function, *args)`` returns a future, as that of an executor does.
    num_workers : int
        How many calls may run at the same time.
    dsk : mapping
        The graph.
    result : key or nested list of keys
        What to compute.
    cache : mutable mapping, optional
        Gets the results.
    get_id, pack_exception, raise_exception, dumps, loads, chunksize, **kwargs
        Accepted for compatibility. What an executor in another process gets is pickled by cloudpickle.
    rerun_exceptions_locally : bool, optional
        Run a task that failed again in the calling thread.
    callbacks : iterable, optional
        Callbacks of this run.

    Returns
    -------
    object
        The results, nested in tuples as the keys in lists.
    """
    from dusk.threaded import _store

    owner = getattr(submit, "__self__", None)
    executor: Any = owner if isinstance(owner, Executor) else _Submitter(submit)
    values = _pyget.execute(dsk, result, executor, max(1, num_workers), callbacks, rerun_exceptions_locally)
    if cache is not None:
        _store(cache, result, values)
    return values


def get_apply_async(apply_async: Callable[..., Any], num_workers: int, *args: Any, **kwargs: Any) -> Any:
    """Run a graph by a function like ``Pool.apply_async``; further arguments as those of `get_async`."""

    def submit(fn: Callable[..., Any], *fn_args: Any, **fn_kwargs: Any) -> Future[Any]:
        return submit_apply_async(apply_async, fn, *fn_args, **fn_kwargs)

    return get_async(submit, num_workers, *args, **kwargs)


class _Submitter:
    """Something with ``submit``."""

    def __init__(self, submit: Callable[..., Future[Any]]) -> None:
        self.submit = submit
