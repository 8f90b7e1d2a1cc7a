"""What bags do with one partition. Functions that can stream take and return iterators."""

from __future__ import annotations

import dataclasses
import enum
import functools
import itertools
import operator
import random
import types
import warnings
import zlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any

from dusk.bag._calls import Placed
from dusk.bag._reducers import (
    NO_RESULT,
    Aggregate,
    Distinct,
    Fold,
    FoldTotals,
    MergeBy,
    PerPartition,
    TopK,
    count,
    frequencies,
    items,
    items_by_count,
    mean_aggregate,
    mean_chunk,
    merge_frequencies,
    reduce_by,
    var_aggregate,
    var_chunk,
)

__all__ = [
    "Aggregate",
    "Distinct",
    "Fold",
    "FoldTotals",
    "MergeBy",
    "NO_RESULT",
    "PerPartition",
    "TopK",
    "count",
    "frequencies",
    "items",
    "items_by_count",
    "mean_aggregate",
    "mean_chunk",
    "merge_frequencies",
    "reduce_by",
    "var_aggregate",
    "var_chunk",
]
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


# --- grouping ---------------------------------------------------------------------------------------------------------


def steady_hash(x: Any) -> int:
    """Return a hash that is the same in all processes, and the same for equal objects.

    Python's own differs for text and for what it hashes by address. A type that says itself what its hash is keeps it:
    worker processes start with one seed.
    """
    kind = type(x)
    if kind is int or isinstance(kind.__hash__, types.FunctionType) and not _is_made_hash(kind):
        return hash(x)
    if isinstance(x, str):
        return zlib.crc32(x.encode("utf-8", "surrogatepass"))
    if isinstance(x, bytes):
        return zlib.crc32(x)
    if x is None:
        return 0x6E6F6E65
    if isinstance(x, tuple):
        return _hash_of_items(x)
    if isinstance(x, frozenset):
        return sum(map(steady_hash, x))
    if isinstance(x, enum.Enum):
        return steady_hash(x.name)
    if dataclasses.is_dataclass(x) and isinstance(kind.__hash__, types.FunctionType):
        return _hash_of_items([getattr(x, field.name) for field in dataclasses.fields(x) if _is_hashed(field)])
    return hash(x)


def _is_made_hash(kind: type) -> bool:
    """Whether the hash of a class comes from `dataclasses` or `enum`, so that it goes by its fields or its name."""
    made: Any = kind.__hash__
    if issubclass(kind, enum.Enum):
        return made is enum.Enum.__hash__
    return dataclasses.is_dataclass(kind) and made.__code__.co_filename == "<string>"


def _hash_of_items(items: Iterable[Any]) -> int:
    whole = 0x345678
    for each in items:
        whole = (whole * 1000003 ^ steady_hash(each)) & 0xFFFFFFFFFFFFFFFF
    return whole


def _is_hashed(field: Any) -> bool:
    return field.compare if field.hash is None else field.hash


def split_groups(
    grouper: Callable[[Any], Hashable], npartitions: int, part: Iterable[Any]
) -> list[dict[Hashable, list]]:
    """Divide elements by their group, and the groups by their hash; equal groups always come to the same part."""
    parts: list[dict[Hashable, list]] = [{} for _ in range(npartitions)]
    for x in part:
        group = grouper(x)
        own = parts[steady_hash(group) % npartitions]
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
    if warn:
        warn_if_fewer(k, len(taken), stacklevel=2)
    return taken


def warn_if_fewer(k: int, found: int, stacklevel: int) -> None:
    """Say that there are fewer elements than were wanted."""
    if found < k:
        warnings.warn(
            f"Insufficient elements for `take`. {k} elements requested, only {found} elements available. Try "
            "passing larger `npartitions` to `take`.",
            stacklevel=stacklevel,
        )


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


def random_state_data_python(n: int, random_state: Any = None) -> list[tuple[Any, ...]]:
    """Return states for ``n`` generators of Python's, which differ.

    Parameters
    ----------
    n : int
    random_state : int or random.Random, optional
        The same number gives the same states.
    """
    if not isinstance(random_state, random.Random):
        random_state = random.Random(random_state)
    return [(3, (*(random_state.getrandbits(32) for _ in range(624)), 624), None) for _ in range(n)]
