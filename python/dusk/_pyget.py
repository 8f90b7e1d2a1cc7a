"""Schedulers written in Python, for graphs in Dask's form that the engine doesn't run yet.

A graph is a mapping from keys to tasks. A task is ``(function, argument, ...)``, a key, a container of these, an object
of ``dask._task_spec``, or any other value. Arguments that are keys of the graph stand for these keys' results.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import contextvars
import heapq
import queue
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any

from dusk import config
from dusk.callbacks import TaskEvents, local_callbacks, split_meters
from dusk.system import cpu_count

_nested = threading.local()


def is_task(x: Any) -> bool:
    """Whether ``x`` is a tuple that calls a function."""
    return type(x) is tuple and bool(x) and callable(x[0])


def _is_graph_node(x: Any) -> bool:
    return hasattr(type(x), "dependencies") and type(x).__module__.startswith(("dask.", "dusk."))


def _is_reference(x: Any) -> bool:
    return type(x).__name__ == "TaskRef" and type(x).__module__.startswith(("dask.", "dusk."))


def _is_key(x: Any, keys: Any) -> bool:
    try:
        return x in keys
    except TypeError:  # not hashable
        return False


def dependencies_of(x: Any, keys: Any) -> Iterator[Hashable]:
    """Yield the keys that a task needs."""
    stack = [x]
    while stack:
        x = stack.pop()
        if type(x) is str:
            if x in keys:
                yield x
        elif _is_reference(x):
            yield x.key
        elif _is_graph_node(x):
            yield from x.dependencies
        elif is_task(x):
            stack.extend(x[1:])
        elif isinstance(x, tuple):
            if _is_key(x, keys):
                yield x
            else:
                stack.extend(x)
        elif type(x) in (list, set, frozenset):
            stack.extend(x)
        elif not isinstance(x, dict) and _is_key(x, keys):
            yield x


def evaluate(x: Any, data: Mapping[Hashable, Any]) -> Any:
    """Evaluate a task, given the results it needs."""
    if _is_reference(x):
        return data[x.key]
    if _is_graph_node(x):
        return x({key: data[key] for key in x.dependencies})
    if is_task(x):
        return x[0](*[evaluate(argument, data) for argument in x[1:]])
    if isinstance(x, dict):
        return x
    if _is_key(x, data):
        return data[x]
    if type(x) in (list, tuple, set, frozenset):
        return type(x)(evaluate(each, data) for each in x)
    return x


class _Plan:
    """The tasks that some keys need, in the order of a walk that finishes one branch before it begins another."""

    def __init__(self, dsk: Mapping[Hashable, Any], wanted: Iterable[Hashable]) -> None:
        self.dsk = dsk
        self.needs: dict[Hashable, set[Hashable]] = {}
        self.rank: dict[Hashable, int] = {}
        for key in wanted:
            self._walk(key)
        self.users: dict[Hashable, list[Hashable]] = {key: [] for key in self.rank}
        for key, needed in self.needs.items():
            for each in needed:
                self.users[each].append(key)

    def _walk(self, first: Hashable) -> None:
        if first in self.rank:
            return
        path: dict[Hashable, Iterator[Hashable]] = {first: self._open(first)}
        while path:
            key = next(reversed(path))
            for needed in path[key]:
                if needed in path:
                    keys = list(path)
                    cycle = [*keys[keys.index(needed) :], needed]
                    raise RuntimeError("the graph has a cycle: " + " -> ".join(map(str, cycle)))
                if needed not in self.rank:
                    path[needed] = self._open(needed)
                    break
            else:
                del path[key]
                self.rank[key] = len(self.rank)

    def _open(self, key: Hashable) -> Iterator[Hashable]:
        if key not in self.dsk:
            raise KeyError(key)
        needed = self.needs[key] = set(dependencies_of(self.dsk[key], self.dsk))
        return iter(sorted(needed, key=str))


def _flat(keys: Any) -> Iterator[Hashable]:
    if isinstance(keys, list):
        for each in keys:
            yield from _flat(each)
    else:
        yield keys


def _nest(keys: Any, results: Mapping[Hashable, Any]) -> Any:
    if isinstance(keys, list):
        return tuple(_nest(each, results) for each in keys)
    return results[keys]


def as_graph(dsk: Any) -> Mapping[Hashable, Any]:
    """Return the mapping behind a graph or an expression."""
    return dsk if isinstance(dsk, Mapping) else dsk.__dask_graph__()


class _Inline:
    """An executor that runs each task at once in the calling thread."""

    slots = 1

    def submit(self, function: Callable[..., Any], *args: Any) -> concurrent.futures.Future[Any]:
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        try:
            future.set_result(function(*args))
        except BaseException as error:  # noqa: BLE001  the loop raises it again
            future.set_exception(error)
        return future


def _run_here(task: Any, data: dict[Hashable, Any]) -> tuple[Any, int]:
    _nested.active = getattr(_nested, "active", 0) + 1
    try:
        return evaluate(task, data), threading.get_ident()
    finally:
        _nested.active -= 1


def _run_pickled(payload: bytes) -> bytes:
    import os

    import cloudpickle

    task, data = cloudpickle.loads(payload)
    return cloudpickle.dumps((evaluate(task, data), os.getpid()))


def _submit(executor: Any, key: Hashable, task: Any, data: dict[Hashable, Any]) -> concurrent.futures.Future[Any]:
    here = isinstance(executor, _Inline) or is_thread_pool(executor)
    function: Callable[..., Any] = _run_here if here else _run_pickled
    args: tuple[Any, ...] = (task, data) if here else (_pickled(key, task, data),)
    if getattr(executor, "names_tasks", False):
        return executor.submit(function, *args, dusk_key=str(key))
    if hasattr(executor, "submit"):
        return executor.submit(function, *args)
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()
    executor.apply_async(function, args, {}, future.set_result, future.set_exception)
    return future


def _pickled(key: Hashable, task: Any, data: dict[Hashable, Any]) -> bytes:
    import pickle

    import cloudpickle

    try:
        return cloudpickle.dumps((task, data))
    except Exception as error:
        raise pickle.PicklingError(f"the task {key!r} can't be sent to a worker process: {error}") from error


def _result_of(future: concurrent.futures.Future[Any]) -> tuple[Any, Any]:
    result = future.result()
    if isinstance(result, bytes):
        import cloudpickle

        return cloudpickle.loads(result)
    return result


def execute(
    dsk: Any, keys: Any, executor: Any, slots: int, callbacks: Any = None, rerun_exceptions_locally: bool | None = None
) -> Any:
    """Run what ``keys`` need on an executor.

    Parameters
    ----------
    dsk : mapping or expression
        The graph.
    keys : key or nested list of keys
        What to compute.
    executor : object
        Something with ``submit``, or a pool of `multiprocessing`.
    slots : int
        How many tasks may run at the same time.
    callbacks : iterable, optional
        Callbacks of this run; by default those in force.
    rerun_exceptions_locally : bool, optional
        Run a task that failed again in the calling thread; by default as the setting of that name says.

    Returns
    -------
    object
        The results, nested in tuples as the keys in lists.
    """
    graph = as_graph(dsk)
    rerun = config.get("rerun_exceptions_locally", False, override_with=rerun_exceptions_locally)
    with local_callbacks(callbacks) as active, contextlib.ExitStack() as cleanup:
        meters, hooks = split_meters(active)
        events = TaskEvents([*hooks, *(meter._callback for meter in meters)], graph)
        failed = True
        started = False
        try:
            events.start()
            started = True
            plan = _Plan(graph, _flat(keys))
            results = _loop(plan, set(_flat(keys)), executor, slots, events, cleanup, rerun)
            failed = False
        finally:
            if started or failed:
                events.finish(failed)
        return _nest(keys, results)


def _loop(
    plan: _Plan,
    wanted: set[Hashable],
    executor: Any,
    slots: int,
    events: TaskEvents,
    cleanup: contextlib.ExitStack,
    rerun: bool,
) -> dict[Hashable, Any]:
    data: Any = config.get("cache", None)
    if data is None:
        data = {}
    for key in plan.rank:
        value = plan.dsk[key]
        if not plan.needs[key] and not is_task(value) and not _is_graph_node(value) and not _holds_tasks(value):
            data[key] = value
    events.known({key: plan.needs[key] for key in plan.rank}, data)
    missing = {key: {each for each in plan.needs[key] if each not in data} for key in plan.rank if key not in data}
    uses = {key: len(users) for key, users in plan.users.items()}
    ready: list[tuple[int, Any]] = [(plan.rank[key], key) for key, needed in missing.items() if not needed]
    heapq.heapify(ready)  # ranks differ, so keys are never compared
    done: queue.SimpleQueue[tuple[Hashable, concurrent.futures.Future[Any]]] = queue.SimpleQueue()
    running: dict[Hashable, concurrent.futures.Future[Any]] = {}
    cleanup.callback(lambda: [future.cancel() for future in running.values()])
    while ready or running:
        while ready and len(running) < slots:
            _, key = heapq.heappop(ready)
            events.before(key)
            inputs = {each: data[each] for each in plan.needs[key]}
            future = running[key] = _submit(executor, key, plan.dsk[key], inputs)
            future.add_done_callback(lambda future, key=key: done.put((key, future)))  # type: ignore[misc]
        key, future = done.get()
        del running[key]
        if rerun and future.exception() is not None:
            evaluate(plan.dsk[key], {each: data[each] for each in plan.needs[key]})
        data[key], worker = _result_of(future)
        for needed in plan.needs[key]:
            uses[needed] -= 1
            if not uses[needed] and needed not in wanted:
                data.pop(needed, None)
        for user in plan.users[key]:
            missing[user].discard(key)
            if not missing[user]:
                heapq.heappush(ready, (plan.rank[user], user))
        events.after(key, data[key], worker)
    return data


def _holds_tasks(x: Any) -> bool:
    if type(x) in (list, tuple, set, frozenset):
        return any(is_task(each) or _is_graph_node(each) or _holds_tasks(each) for each in x)
    return False


def get_sync(
    dsk: Any, keys: Any, *, callbacks: Any = None, rerun_exceptions_locally: bool | None = None, **kwargs: Any
) -> Any:
    """Run a graph task by task in the calling thread.

    Parameters
    ----------
    dsk : mapping
        The graph.
    keys : key or nested list of keys
        What to compute.
    callbacks : iterable, optional
        Callbacks of this run.
    rerun_exceptions_locally : bool, optional
        Run a task that failed again in the calling thread.
    **kwargs
        Settings of other schedulers, without effect.

    Returns
    -------
    object
        The results, nested in tuples as the keys in lists.
    """
    return execute(dsk, keys, _Inline(), 1, callbacks, rerun_exceptions_locally)


def get_threaded(
    dsk: Any,
    keys: Any,
    *,
    num_workers: int | None = None,
    pool: Any = None,
    callbacks: Any = None,
    rerun_exceptions_locally: bool | None = None,
    **kwargs: Any,
) -> Any:
    """Run a graph on threads.

    Parameters
    ----------
    dsk : mapping
        The graph.
    keys : key or nested list of keys
        What to compute.
    num_workers : int, optional
        How many threads; by default the setting ``num_workers``, else the number of processors.
    pool : executor or multiprocessing pool, optional
        Where tasks run.
    callbacks : iterable, optional
        Callbacks of this run.
    rerun_exceptions_locally : bool, optional
        Run a task that failed again in the calling thread.
    **kwargs
        Settings of other schedulers, without effect.

    Returns
    -------
    object
        The results, nested in tuples as the keys in lists.
    """
    rerun = rerun_exceptions_locally
    if pool is None:
        if getattr(_nested, "active", 0):  # a computation inside a task: its thread is the only one sure to be free
            return get_sync(dsk, keys, callbacks=callbacks, rerun_exceptions_locally=rerun)
        pool = config.get("pool", None)
    if pool is not None:
        return execute(dsk, keys, pool, slots_of(pool, num_workers), callbacks, rerun)
    threads = num_workers or config.get("num_workers", None) or config.get("threads", None) or cpu_count()
    with ContextAwareThreadPoolExecutor(threads, thread_name_prefix="dusk") as executor:
        return execute(dsk, keys, executor, threads, callbacks, rerun)


class ContextAwareThreadPoolExecutor(concurrent.futures.ThreadPoolExecutor):
    """Threads in which functions see the context variables of whoever submits them."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        """Run a function in a thread; see `concurrent.futures.Executor.submit`."""
        return super().submit(contextvars.copy_context().run, fn, *args, **kwargs)


def is_thread_pool(executor: Any) -> bool:
    """Whether an executor or a pool runs its tasks on threads of this process."""
    if isinstance(executor, concurrent.futures.ThreadPoolExecutor):
        return True
    return any(cls.__name__ == "ThreadPool" for cls in type(executor).__mro__)


def slots_of(executor: Any, num_workers: int | None = None) -> int:
    """Return how many tasks an executor or a pool runs at the same time."""
    for name in ("_max_workers", "_processes"):
        count = getattr(executor, name, None)
        if isinstance(count, int) and count > 0:
            return min(count, num_workers) if num_workers else count
    return num_workers or cpu_count()


get_sync.dusk_scheduler = "sync"  # type: ignore[attr-defined]
get_threaded.dusk_scheduler = "threads"  # type: ignore[attr-defined]
