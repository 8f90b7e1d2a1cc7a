"""What bags do with one partition. Functions that can stream take and return iterators."""

from __future__ import annotations

import functools
import itertools
import operator
import random
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any

_MISSING = object()


def barrier(*args: Any) -> None:
    """Do nothing, after everything given is there."""
    return None


def getitem(x: Any, key: Any) -> Any:
    """Return ``x[key]``."""
    return x[key]


def foldby_combine2(combine: Callable[[Any, Any], Any], acc: Any, x: tuple[Any, Any]) -> Any:
    """Combine a total with the value in a pair of key and value."""
    return combine(acc, x[1])


def groupby_tasks_group_hash(
    x: Any, hash: Callable[[Any], int], grouper: Callable[[Any], Hashable]
) -> tuple[int, Hashable, Any]:
    """Return an element with its group and the group's hash."""
    group = grouper(x)
    return hash(group), group, x


# --- elementwise ------------------------------------------------------------------------------------------------------


class Placed:
    """Arguments of a call, some of which are partitions, or values that all partitions get.

    Parameters
    ----------
    args : sequence
        Pairs of a kind and a value: ``("bag", n)`` is the n-th input, whose elements are taken one by one,
        ``("value", n)`` the n-th input as it is, ``("constant", x)`` the object ``x``.
    kwargs : dict
        Such pairs by name.
    """

    __slots__ = ("args", "kwargs")

    def __init__(self, args: Sequence[tuple[str, Any]], kwargs: dict[str, tuple[str, Any]]) -> None:
        self.args = tuple(args)
        self.kwargs = kwargs

    def whole(self, inputs: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments with partitions as they are."""

        def give(kind: str, value: Any) -> Any:
            return value if kind == "constant" else inputs[value]

        return [give(*each) for each in self.args], {name: give(*each) for name, each in self.kwargs.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return (Placed, (self.args, self.kwargs))


class MapChunk:
    """Calls a function on each element of a partition, or on the elements of several side by side."""

    __slots__ = ("function", "placed")

    def __init__(self, function: Callable[..., Any], placed: Placed) -> None:
        self.function = function
        self.placed = placed

    def __call__(self, *inputs: Any) -> Iterator[Any]:
        args, kwargs = self.placed.whole(inputs)
        bags = [i for i, (kind, _) in enumerate(self.placed.args) if kind == "bag"]
        named = [name for name, (kind, _) in self.placed.kwargs.items() if kind == "bag"]
        if not kwargs and bags == [0] and len(args) == 1:
            return map(self.function, args[0])
        if not named and len(bags) == 1:
            return self._one(args, kwargs, bags[0])
        return self._several(args, kwargs, bags, named)

    def _one(self, args: list[Any], kwargs: dict[str, Any], place: int) -> Iterator[Any]:
        function, before, after = self.function, args[:place], args[place + 1 :]
        for x in args[place]:
            yield function(*before, x, *after, **kwargs)

    def _several(self, args: list[Any], kwargs: dict[str, Any], bags: list[int], named: list[str]) -> Iterator[Any]:
        columns = [args[i] for i in bags] + [kwargs[name] for name in named]
        for row in itertools.zip_longest(*columns, fillvalue=_MISSING):
            if any(x is _MISSING for x in row):
                raise ValueError(
                    "map called with multiple bags that aren't identically partitioned. Please ensure that all bag "
                    "arguments have the same partition lengths"
                )
            for i, x in zip(bags, row):
                args[i] = x
            kwargs.update(zip(named, row[len(bags) :]))
            yield self.function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return (MapChunk, (self.function, self.placed))


class PartitionChunk:
    """Calls a function on whole partitions."""

    __slots__ = ("function", "placed")

    def __init__(self, function: Callable[..., Any], placed: Placed) -> None:
        self.function = function
        self.placed = placed

    def __call__(self, *inputs: Any) -> Any:
        args, kwargs = self.placed.whole(inputs)
        return self.function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return (PartitionChunk, (self.function, self.placed))


class StarMapChunk:
    """Calls a function with the items of each element as arguments."""

    __slots__ = ("function", "placed")

    def __init__(self, function: Callable[..., Any], placed: Placed) -> None:
        self.function = function
        self.placed = placed

    def __call__(self, *inputs: Any) -> Iterator[Any]:
        (part,), kwargs = self.placed.whole(inputs)
        if not kwargs:
            return itertools.starmap(self.function, part)
        return itertools.starmap(functools.partial(self.function, **kwargs), part)

    def __reduce__(self) -> tuple[Any, ...]:
        return (StarMapChunk, (self.function, self.placed))


def filter_chunk(predicate: Callable[[Any], Any], keep: bool, part: Iterable[Any]) -> Iterator[Any]:
    """Return the elements for which a function says yes, or no."""
    return filter(predicate, part) if keep else itertools.filterfalse(predicate, part)


def flags_chunk(keep: bool, part: Iterable[Any], flags: Iterable[Any]) -> Iterator[Any]:
    """Return the elements whose flag is true, or false."""
    for x, flag in itertools.zip_longest(part, flags, fillvalue=_MISSING):
        if x is _MISSING or flag is _MISSING:
            raise ValueError("a bag is filtered by another one whose partitions have other lengths")
        if bool(flag) is keep:
            yield x


def pluck_chunk(key: Any, default: Any, has_default: bool, part: Iterable[Any]) -> Iterator[Any]:
    """Return one item of each element, or a tuple of items for a list of keys."""
    if isinstance(key, list):
        if has_default:
            return (tuple(_item(x, each, default) for each in key) for x in part)
        return (tuple([x[each] for each in key]) for x in part)
    if has_default:
        return (_item(x, key, default) for x in part)
    return map(operator.itemgetter(key), part)


def _item(x: Any, key: Any, default: Any) -> Any:
    try:
        return x[key]
    except (KeyError, IndexError):
        return default


def flatten_chunk(part: Iterable[Iterable[Any]]) -> Iterator[Any]:
    """Return the elements of the elements."""
    return itertools.chain.from_iterable(part)


def zip_chunk(*parts: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """Return tuples of the elements side by side, as many as the shortest partition has."""
    return zip(*parts, strict=False)


def product_chunk(left: list[Any], right: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Return all pairs of elements of two partitions."""
    return itertools.product(left, right)


def join_chunk(
    on_self: Callable[[Any], Hashable], on_other: Callable[[Any], Hashable], part: Iterable[Any], other: Iterable[Any]
) -> Iterator[tuple[Any, Any]]:
    """Return pairs of the other side's elements and a partition's, where the keys are equal."""
    table: dict[Hashable, list[Any]] = defaultdict(list)
    for x in other:
        table[on_other(x)].append(x)
    for x in part:
        for match in table.get(on_self(x), ()):
            yield match, x


def sample_chunk(prob: float, state: tuple[Any, ...], part: Iterable[Any]) -> Iterator[Any]:
    """Return each element with a probability."""
    chance = random.Random()
    chance.setstate(state)
    for x in part:
        if chance.random() < prob:
            yield x


class NumberedSample:
    """Samples a partition with the random state of its number."""

    __slots__ = ("prob", "states")

    def __init__(self, prob: float, states: Sequence[tuple[Any, ...]]) -> None:
        self.prob = prob
        self.states = list(states)

    def __call__(self, part: Iterable[Any], position: int) -> Iterator[Any]:
        return sample_chunk(self.prob, self.states[position], part)


def itself(position: int) -> int:
    """Return the number of a partition."""
    return position


# --- reductions -------------------------------------------------------------------------------------------------------


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
    import heapq

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


# --- grouping ---------------------------------------------------------------------------------------------------------


def split_groups(grouper: Callable[[Any], Hashable], npartitions: int, part: Iterable[Any]) -> list[dict[Hashable, list]]:
    """Divide elements by their group, and the groups by their hash; equal groups always come to the same part."""
    parts: list[dict[Hashable, list]] = [{} for _ in range(npartitions)]
    for x in part:
        group = grouper(x)
        own = parts[hash(group) % npartitions]
        members = own.get(group)
        if members is None:
            own[group] = [x]
        else:
            members.append(x)
    return parts


def merge_groups(position: int, parts: Sequence[list[dict[Hashable, list]]]) -> list[tuple[Hashable, list]]:
    """Bring together what all partitions have of the groups of one part."""
    merged: dict[Hashable, list] = {}
    for part in parts:
        for group, members in part[position].items():
            there = merged.get(group)
            if there is None:
                merged[group] = list(members)
            else:
                there.extend(members)
    return list(merged.items())


# --- taking and dividing ----------------------------------------------------------------------------------------------


def take(k: int, warn: bool, part: Iterable[Any]) -> list[Any]:
    """Return the first elements; say so if there are fewer."""
    taken = list(itertools.islice(part, k))
    if len(taken) < k and warn:
        warnings.warn(
            f"Insufficient elements for `take`. {k} elements requested, only {len(taken)} elements available. Try "
            "passing larger `npartitions` to `take`.",
            stacklevel=2,
        )
    return taken


def chain_parts(parts: Iterable[Iterable[Any]]) -> list[Any]:
    """Return all elements of some partitions."""
    return list(itertools.chain.from_iterable(parts))


class Piece:
    """Cuts a piece of a partition: piece ``position`` of ``number`` of about the same length."""

    __slots__ = ("number", "position")

    def __init__(self, position: int, number: int) -> None:
        self.position = position
        self.number = number

    def __call__(self, parts: Sequence[Sequence[Any]]) -> list[Any]:
        (part,) = parts
        part = part if isinstance(part, list) else list(part)
        length = len(part) / self.number
        low, high = int(length * self.position), int(length * (self.position + 1))
        return part[low:] if self.position == self.number - 1 else part[low:high]

    def __reduce__(self) -> tuple[Any, ...]:
        return (Piece, (self.position, self.number))


class Accumulate:
    """A running total over one partition.

    Parameters
    ----------
    binop : callable
        Combines the total with an element.
    initial : tuple
        What to begin with, or nothing.
    first : bool
        Whether it is the first partition; others begin with the last total of the one before.
    """

    __slots__ = ("__name__", "binop", "first", "initial")

    def __init__(self, binop: Callable[[Any, Any], Any], initial: tuple[Any, ...], first: bool) -> None:
        self.binop = binop
        self.initial = initial
        self.first = first
        self.__name__ = "accumulate"

    def __call__(self, part: Iterable[Any], before: tuple[Any, tuple[Any, ...]] | None = None) -> Any:
        start = self.initial if self.first or before is None else before[1]
        totals = list(itertools.accumulate(itertools.chain(start, part), self.binop))
        new = totals if self.first else totals[len(start) :]
        return new, tuple(totals[-1:])

    def __reduce__(self) -> tuple[Any, ...]:
        return (Accumulate, (self.binop, self.initial, self.first))
