"""Keeping results of tasks between computations, while there is room.

It works through callbacks, so for graphs that Python schedulers run, and for delayed values and bags once the core
reports single tasks.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Hashable, Mapping, MutableMapping
from typing import Any

from dusk.callbacks import Callback
from dusk.sizeof import sizeof

__all__ = ["Cache"]

#: Seconds that a result costs at least, so that cheap ones count a little.
overhead = sys.getsizeof(1.23) * 4


class _Scored(MutableMapping[Hashable, Any]):
    """Values up to a number of bytes; those that are cheap for their size and weren't asked for go first."""

    #: How fast old uses lose weight: a use counts for half after this many others.
    _HALF_LIFE = 1000

    def __init__(self, available_bytes: float) -> None:
        self.available_bytes = available_bytes
        self.total_bytes = 0
        self.data: dict[Hashable, Any] = {}
        self._sizes: dict[Hashable, int] = {}
        self._scores: dict[Hashable, float] = {}
        self._weight = 1.0

    def put(self, key: Hashable, value: Any, cost: float, nbytes: int) -> None:
        """Keep a value if it is worth more than what must go for it."""
        if nbytes > self.available_bytes:
            return
        self._use(key, cost / max(nbytes, 1))
        self._forget(key)
        self.data[key] = value
        self._sizes[key] = nbytes
        self.total_bytes += nbytes
        while self.total_bytes > self.available_bytes:
            self._forget(min(self.data, key=lambda each: self._scores.get(each, 0.0)))

    def _use(self, key: Hashable, worth: float) -> None:
        self._weight *= 2 ** (1 / self._HALF_LIFE)
        self._scores[key] = self._scores.get(key, 0.0) + worth * self._weight

    def _forget(self, key: Hashable) -> None:
        if key in self.data:
            del self.data[key]
            self.total_bytes -= self._sizes.pop(key)

    def __getitem__(self, key: Hashable) -> Any:
        value = self.data[key]
        self._scores[key] = self._scores.get(key, 0.0) * (1 + 2 ** (1 / self._HALF_LIFE) - 1) + 0.0
        return value

    def __setitem__(self, key: Hashable, value: Any) -> None:
        self.put(key, value, 1.0, sizeof(value))

    def __delitem__(self, key: Hashable) -> None:
        if key not in self.data:
            raise KeyError(key)
        self._forget(key)

    def __iter__(self) -> Any:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


class Cache(Callback):
    """Keeps results of tasks for later computations.

    Parameters
    ----------
    cache : number or mapping
        How many bytes results may take, or something that keeps them: with ``put(key, value, cost=, nbytes=)`` and
        ``data`` as cachey's, or a plain dictionary.
    *args, **kwargs
        For cachey's ``Cache``, if a number is given and cachey is installed.

    Examples
    --------
    >>> cache = Cache(1e9)
    >>> cache.register()
    >>> cache.unregister()
    """

    def __init__(self, cache: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(cache, bool):
            raise TypeError("a number of bytes or a mapping is needed, got bool")
        if isinstance(cache, int | float):
            if cache <= 0:
                raise ValueError(f"the number of bytes must be positive, got {cache}")
            cache = _Scored(cache)
        elif not hasattr(cache, "put") and not isinstance(cache, MutableMapping):
            raise TypeError(f"a number of bytes or a mapping is needed, got {type(cache).__name__}")
        self.cache = cache
        self.starttimes: dict[Hashable, float] = {}
        self.durations: dict[Hashable, float] = {}

    @property
    def _held(self) -> Mapping[Hashable, Any]:
        return self.cache.data if hasattr(self.cache, "data") else self.cache

    def _start(self, dsk: Any) -> None:
        self.durations.clear()
        if not isinstance(dsk, dict):
            return
        for key in set(dsk) & set(self._held):
            from dusk._protocol import as_data

            dsk[key] = as_data(key, self._held[key])

    def _pretask(self, key: Hashable, dsk: Any, state: Any) -> None:
        self.starttimes[key] = time.perf_counter()

    def _posttask(self, key: Hashable, value: Any, dsk: Any, state: Any, worker_id: Any) -> None:
        duration = time.perf_counter() - self.starttimes.pop(key, time.perf_counter())
        needed = state["dependencies"].get(key, ())
        # What is lost with a result is also the time that its inputs took.
        duration += max((self.durations.get(each, 0.0) for each in needed), default=0.0)
        self.durations[key] = duration
        nbytes = sizeof(value) + overhead
        if hasattr(self.cache, "put"):
            self.cache.put(key, value, cost=duration / nbytes / 1e9, nbytes=nbytes)
        else:
            self.cache[key] = value

    def _finish(self, dsk: Any, state: Any, errored: bool) -> None:
        self.starttimes.clear()
        self.durations.clear()
