"""Hooks that Python code can have called while a computation runs.

A callback is a `Callback` or a tuple of five functions, each of which may be None:

========================================== ==================================================
``start(dsk)``                              before anything else
``start_state(dsk, state)``                 when the run knows its tasks
``pretask(key, dsk, state)``                before each task
``posttask(key, result, dsk, state, id)``   after each task; ``id`` names the worker
``finish(dsk, state, failed)``              at the end, also after an error
========================================== ==================================================

``state`` is a dictionary with the collections ``ready waiting running finished released cache dependencies dependents
waiting_data``. With no callback, no Python runs per task; nor with nothing but a `dusk.diagnostics.ProgressBar`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, TypeAlias

Hooks: TypeAlias = tuple[Callable[..., Any] | None, ...]
_NAMES = ("start", "start_state", "pretask", "posttask", "finish")


class Callback:
    """Functions that are called during computations, inside a ``with`` block or while registered.

    Parameters
    ----------
    start, start_state, pretask, posttask, finish : callable, optional
        The hooks. Subclasses may define methods ``_start`` and so on instead.

    Examples
    --------
    >>> with Callback(pretask=lambda key, dsk, state: print("now", key)):  # doctest: +SKIP
    ...     x.compute()
    """

    #: The hooks that are in force.
    active: ClassVar[set[Hooks]] = set()

    def __init__(
        self,
        start: Callable[..., Any] | None = None,
        start_state: Callable[..., Any] | None = None,
        pretask: Callable[..., Any] | None = None,
        posttask: Callable[..., Any] | None = None,
        finish: Callable[..., Any] | None = None,
    ) -> None:
        for name, hook in zip(_NAMES, (start, start_state, pretask, posttask, finish), strict=True):
            if hook is not None:
                setattr(self, "_" + name, hook)

    @property
    def _callback(self) -> Hooks:
        return tuple(getattr(self, "_" + name, None) for name in _NAMES)

    def __enter__(self) -> Callback:
        self._entered = add_callbacks(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._entered.__exit__(*exc_info)

    def register(self) -> None:
        """Put the callback in force for all computations from now on."""
        Callback.active.add(self._callback)

    def unregister(self) -> None:
        """End what `register` began."""
        Callback.active.remove(self._callback)


class add_callbacks:  # noqa: N801
    """Put callbacks in force from now on, until the end of the ``with`` block if there is one.

    Parameters
    ----------
    *callbacks : Callback or tuple
    """

    def __init__(self, *callbacks: Callback | Hooks) -> None:
        self.callbacks = [normalize_callback(each) for each in callbacks]
        Callback.active.update(self.callbacks)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc_info: object) -> None:
        Callback.active.difference_update(self.callbacks)


def normalize_callback(cb: Callback | Hooks) -> Hooks:
    """Return the tuple of five hooks of a callback."""
    if isinstance(cb, tuple):
        return cb
    hooks = getattr(cb, "_callback", None)  # Dask's own callbacks have it as well
    if isinstance(hooks, tuple):
        return hooks
    raise TypeError(f"a callback is a Callback or a tuple of five functions, not {type(cb).__name__}")


def unpack_callbacks(cbs: Iterable[Hooks] | None) -> list[list[Callable[..., Any]]]:
    """Return five lists of functions, one for each hook."""
    each = [normalize_callback(cb) for cb in cbs or ()]
    return [[hook for hooks in each for hook in hooks[i : i + 1] if hook is not None] for i in range(len(_NAMES))]


def _active_sets() -> list[set[Hooks]]:
    """Return the sets of callbacks in force: ours, and Dask's if it is loaded and not ours under another name."""
    sets = [Callback.active]
    foreign = getattr(sys.modules.get("dask.callbacks"), "Callback", None)
    if foreign is not None and foreign is not Callback:
        sets.append(foreign.active)
    return sets


@contextmanager
def local_callbacks(callbacks: Iterable[Callback | Hooks] | None = None) -> Iterator[Iterable[Callback | Hooks]]:
    """Yield the callbacks of a run.

    Parameters
    ----------
    callbacks : iterable, optional
        Callbacks of this run alone. By default those in force, which are out of force inside the block, so that a
        computation inside a computation stays silent.
    """
    if callbacks is not None:
        yield callbacks
        return
    sets = _active_sets()
    taken = [set(each) for each in sets]
    for each in sets:
        each.clear()
    try:
        yield set().union(*taken)
    finally:
        for each, before in zip(sets, taken, strict=True):
            each.update(before)


def split_meters(callbacks: Iterable[Callback | Hooks]) -> tuple[list[Any], list[Hooks]]:
    """Separate the callbacks that only want to know how far a run is from those with hooks.

    A *meter* is a callback whose class itself has ``_begin(progress)`` and ``_end(failed)``; a subclass may have
    changed a hook, so it is called as any other callback.
    """
    meters: list[Any] = []
    hooks: list[Hooks] = []
    for each in callbacks:
        functions = normalize_callback(each)
        owner = getattr(next((f for f in functions if f is not None), None), "__self__", None)
        if owner is not None and "_begin" in vars(type(owner)):
            meters.append(owner)
        else:
            hooks.append(functions)
    return meters, hooks


class TaskEvents:
    """Calls the hooks of a run and keeps the ``state`` they are given.

    Parameters
    ----------
    callbacks : iterable
        The callbacks of the run.
    dsk : mapping
        The graph that hooks are given.
    """

    def __init__(self, callbacks: Iterable[Callback | Hooks], dsk: Mapping[Hashable, Any]) -> None:
        hooks = unpack_callbacks([normalize_callback(each) for each in callbacks])
        self._start, self._start_state, self._pretask, self._posttask, self._finish = hooks
        self.dsk = dsk
        self._lock = threading.RLock()
        self._started = False
        self._kept: set[Hashable] = set()
        self.state: dict[str, Any] = {
            "dependencies": {},
            "dependents": {},
            "waiting": {},
            "waiting_data": {},
            "cache": {},
            "ready": [],
            "running": set(),
            "finished": set(),
            "released": set(),
        }

    @property
    def per_task(self) -> bool:
        """Whether anybody wants to hear of single tasks."""
        return bool(self._pretask or self._posttask)

    def start(self) -> None:
        """Say that the run begins."""
        if not self._started:
            self._started = True
            for hook in self._start:
                hook(self.dsk)

    def known(
        self,
        dependencies: Mapping[Hashable, Iterable[Hashable]],
        data: Mapping[Hashable, Any],
        tasks: Mapping[Hashable, Any] | None = None,
        outputs: Iterable[Hashable] = (),
    ) -> None:
        """Say which tasks there are.

        Parameters
        ----------
        dependencies : mapping
            What each task needs, about in the order in which they run.
        data : mapping
            Values that are there already.
        tasks : mapping, optional
            The graph that hooks are given from now on.
        outputs : iterable
            Keys whose results are not released.
        """
        if tasks is not None:
            self.dsk = tasks
        self._kept = set(outputs)
        self.start()
        state = self.state
        state["dependencies"] = {key: set(needed) for key, needed in dependencies.items()}
        dependents = state["dependents"] = {key: set() for key in dependencies}
        for key, needed in state["dependencies"].items():
            for each in needed:
                dependents[each].add(key)
        state["waiting_data"] = {key: set(users) for key, users in dependents.items() if users or key not in data}
        state["cache"] = dict(data)
        for key, needed in state["dependencies"].items():
            if key in data:
                continue
            missing = {each for each in needed if each not in data}
            if missing:
                state["waiting"][key] = missing
            else:
                state["ready"].append(key)
        state["ready"].reverse()  # as in Dask the next one is the last, which also makes it quick to find
        for hook in self._start_state:
            hook(self.dsk, state)

    def before(self, key: Hashable) -> None:
        """Say that a task starts."""
        with self._lock:
            ready = self.state["ready"]
            for position in range(len(ready) - 1, -1, -1):
                if ready[position] == key:
                    del ready[position]
                    break
            self.state["running"].add(key)
            for hook in self._pretask:
                hook(key, self.dsk, self.state)

    def after(self, key: Hashable, result: Any, worker_id: Any) -> None:
        """Say that a task is done; without ``worker_id`` by this thread."""
        state = self.state
        if worker_id is None:
            worker_id = threading.get_ident()
        with self._lock:
            state["running"].discard(key)
            state["finished"].add(key)
            state["cache"][key] = result
            for user in state["dependents"].get(key, ()):
                missing = state["waiting"].get(user)
                if missing is not None:
                    missing.discard(key)
                    if not missing:
                        del state["waiting"][user]
                        state["ready"].append(user)
            for needed in state["dependencies"].get(key, ()):
                users = state["waiting_data"].get(needed)
                if users is not None:
                    users.discard(key)
                    if not users and needed not in self._kept:
                        state["waiting_data"].pop(needed)
                        state["cache"].pop(needed, None)
                        state["released"].add(needed)
            for hook in self._posttask:
                hook(key, result, self.dsk, state, worker_id)

    def finish(self, failed: bool) -> None:
        """Say that the run is over."""
        self.start()  # it may have failed before the tasks were known
        for hook in self._finish:
            hook(self.dsk, self.state, failed)
