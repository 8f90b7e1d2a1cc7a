"""Reductions of bags: what is done with one partition, and with the results of several."""

from __future__ import annotations

import functools
import heapq
import itertools
import operator
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

_MISSING = object()


class _NoResult:
    """What a partition without elements gives."""

    def __reduce__(self) -> str:
        return "NO_RESULT"


NO_RESULT = _NoResult()


class PerPartition:
    """The first step of a reduction, which partitions without elements don't take part in.

    Parameters
    ----------
    function : callable
        Reduces a partition.
    only : bool
        Whether there is one partition, which takes part in any case.
    """

    __slots__ = ("function", "only")

    def __init__(self, function: Callable[[Any], Any], only: bool) -> None:
        self.function = function
        self.only = only

    def __call__(self, part: Any) -> Any:
        if self.only:
            return self.function(part)
        if isinstance(part, Iterator):
            first = next(part, _MISSING)
            return NO_RESULT if first is _MISSING else self.function(itertools.chain([first], part))
        if hasattr(part, "__len__"):
            return self.function(part) if len(part) else NO_RESULT
        return self.function(part)

    def __reduce__(self) -> tuple[Any, ...]:
        return (PerPartition, (self.function, self.only))


class Aggregate:
    """The further steps of a reduction."""

    __slots__ = ("__name__", "function")

    def __init__(self, function: Callable[[list[Any]], Any]) -> None:
        self.function = function
        self.__name__ = "aggregate"

    def __call__(self, parts: list[Any], last: bool) -> Any:
        there = [part for part in parts if part is not NO_RESULT]
        return self.function(there) if there or last else NO_RESULT

    def __reduce__(self) -> tuple[Any, ...]:
        return (Aggregate, (self.function,))


def count(part: Iterable[Any]) -> int:
    """Return how many elements there are."""
    return len(part) if hasattr(part, "__len__") else sum(1 for _ in part)


class Fold:
    """Combines elements from left to right, from a beginning if there is one."""

    __slots__ = ("__name__", "function", "initial")

    def __init__(self, function: Callable[[Any, Any], Any], initial: tuple[Any, ...] = ()) -> None:
        self.function = function
        self.initial = initial
        self.__name__ = getattr(function, "__name__", "fold")

    def __call__(self, part: Iterable[Any]) -> Any:
        return functools.reduce(self.function, part, *self.initial)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Fold, (self.function, self.initial))


class FoldTotals:
    """Combines totals; of none at all the beginning is left, if there is one."""

    __slots__ = ("__name__", "empty", "function")

    def __init__(self, function: Callable[[Any, Any], Any], empty: tuple[Any, ...]) -> None:
        self.function = function
        self.empty = empty
        self.__name__ = "reduce"

    def __call__(self, parts: list[Any]) -> Any:
        if not parts and self.empty:
            return self.empty[0]
        return functools.reduce(self.function, parts)

    def __reduce__(self) -> tuple[Any, ...]:
        return (FoldTotals, (self.function, self.empty))


def var_chunk(seq: Iterable[float]) -> tuple[float, float, int]:
    """Return the sum of squared distances from the mean, the sum, and how many elements there are."""
    total, mean, squares, number = 0.0, 0.0, 0.0, 0
    for x in seq:
        number += 1
        total += x
        step = x - mean
        mean += step / number
        squares += step * (x - mean)
    return squares, total, number


def var_aggregate(x: Iterable[tuple[float, float, int]], ddof: int) -> float:
    """Return the variance from the results of `var_chunk`."""
    squares, total, number = 0.0, 0.0, 0
    for own_squares, own_total, own_number in x:
        if not own_number:
            continue
        if number:
            difference = own_total / own_number - total / number
            squares += difference * difference * number * own_number / (number + own_number)
        squares, total, number = squares + own_squares, total + own_total, number + own_number
    return squares / (number - ddof)


def mean_chunk(part: Iterable[Any]) -> tuple[Any, int]:
    """Return the sum and how many elements there are."""
    total, number = 0.0, 0
    for number, x in enumerate(part, 1):  # noqa: B007
        total += x
    return total, number


def mean_aggregate(parts: Iterable[tuple[Any, int]]) -> Any:
    """Return the mean from the results of `mean_chunk`."""
    totals, numbers = zip(*parts, strict=True)
    return sum(totals) / sum(numbers)


def frequencies(part: Iterable[Hashable]) -> Counter[Hashable]:
    """Count equal elements, in the order in which they first come."""
    return Counter(part)


def merge_frequencies(parts: Iterable[dict[Hashable, int]]) -> dict[Hashable, int]:
    """Add counts."""
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    merged: dict[Hashable, int] = {}
    for part in parts:
        for key, number in part.items():
            merged[key] = merged.get(key, 0) + number
    return merged


def items(d: dict[Any, Any]) -> list[tuple[Any, Any]]:
    """Return the pairs of a dictionary."""
    return list(d.items())


def items_by_count(d: dict[Any, int]) -> list[tuple[Any, int]]:
    """Return the pairs of a dictionary, those with large values first."""
    return sorted(d.items(), key=operator.itemgetter(1), reverse=True)


class Distinct:
    """Keeps the first of equal elements, or of elements with equal keys."""

    __slots__ = ("__name__", "key")

    def __init__(self, key: Any) -> None:
        self.key = key
        self.__name__ = "distinct"

    def __call__(self, part: Iterable[Any]) -> list[Any]:
        if self.key is None:
            return list(dict.fromkeys(part))
        key = self.key if callable(self.key) else operator.itemgetter(self.key)
        found: dict[Hashable, Any] = {}
        for x in part:
            found.setdefault(key(x), x)
        return list(found.values())

    def merge(self, parts: Iterable[Iterable[Any]]) -> list[Any]:
        """Do so for several partitions."""
        return self(itertools.chain.from_iterable(parts))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Distinct, (self.key,))


class TopK:
    """Keeps the largest elements, by a function of them if there is one."""

    __slots__ = ("__name__", "k", "key")

    def __init__(self, k: int, key: Any) -> None:
        self.k = k
        self.key = key
        self.__name__ = "topk"

    def __call__(self, part: Iterable[Any]) -> list[Any]:
        key = self.key if self.key is None or callable(self.key) else operator.itemgetter(self.key)
        return sorted(part, key=key, reverse=True)[: self.k] if self.k > 1000 else _largest(self.k, part, key)

    def merge(self, parts: Iterable[Iterable[Any]]) -> list[Any]:
        """Do so for several partitions."""
        return self(itertools.chain.from_iterable(parts))

    def __reduce__(self) -> tuple[Any, ...]:
        return (TopK, (self.k, self.key))


def _largest(k: int, part: Iterable[Any], key: Any) -> list[Any]:
    return heapq.nlargest(k, part, key)


def reduce_by(
    key: Any, binop: Callable[[Any, Any], Any], initial: tuple[Any, ...], part: Iterable[Any]
) -> dict[Hashable, Any]:
    """Combine the elements of each group; ``initial`` holds what groups begin with, or nothing."""
    if callable(key):
        function = key
    else:
        function = operator.itemgetter(*key) if isinstance(key, list) else operator.itemgetter(key)
    totals: dict[Hashable, Any] = {}
    begin = initial[0] if initial else None
    for x in part:
        group = function(x)
        if group in totals:
            totals[group] = binop(totals[group], x)
        elif initial:
            totals[group] = binop(begin() if callable(begin) else begin, x)
        else:
            totals[group] = x
    return totals


class MergeBy:
    """Combines the totals of partitions, at last also with what was given to begin with."""

    __slots__ = ("__name__", "combine", "initial")

    def __init__(self, combine: Callable[[Any, Any], Any], initial: tuple[Any, ...]) -> None:
        self.combine = combine
        self.initial = initial
        self.__name__ = "foldby"

    def __call__(self, parts: Iterable[dict[Hashable, Any]], last: bool) -> dict[Hashable, Any]:
        totals: dict[Hashable, Any] = {}
        begin = self.initial[0] if self.initial else None
        for part in parts:
            for group, x in part.items():
                if group in totals:
                    totals[group] = self.combine(totals[group], x)
                elif self.initial and last:
                    totals[group] = self.combine(begin() if callable(begin) else begin, x)
                else:
                    totals[group] = x
        return totals

    def __reduce__(self) -> tuple[Any, ...]:
        return (MergeBy, (self.combine, self.initial))
