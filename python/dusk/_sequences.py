"""Nested lists, tuples and tables."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")


def deepmap(func: Callable[..., Any], *seqs: Any) -> Any:
    """Apply a function inside nested lists of the same form.

    Examples
    --------
    >>> deepmap(lambda x: x + 1, [[1, 2], [3, 4]])
    [[2, 3], [4, 5]]
    """
    if isinstance(seqs[0], (list, Iterator)):
        return [deepmap(func, *items) for items in zip(*seqs)]  # noqa: B905
    return func(*seqs)


def homogeneous_deepmap(func: Callable[[Any], Any], seq: Any) -> Any:
    """Apply a function inside nested sequences whose first elements all have the same depth."""
    depth = 0
    inner = seq
    while isinstance(inner, (list, tuple)):
        depth += 1
        if not inner:
            break
        inner = inner[0]
    return ndeepmap(depth, func, seq)


def ndeepmap(n: int, func: Callable[[Any], Any], seq: Any) -> Any:
    """Apply a function inside lists nested ``n`` deep.

    Examples
    --------
    >>> ndeepmap(2, str, [[1], [2, 3]])
    [['1'], ['2', '3']]
    """
    if n > 1:
        return [ndeepmap(n - 1, func, each) for each in seq]
    if n == 1:
        return [func(each) for each in seq]
    return func(seq[0] if isinstance(seq, list) else seq)


def ndimlist(seq: Any) -> int:
    """Return how deep lists are nested, by their first elements.

    Examples
    --------
    >>> ndimlist([[1, 2], [3]])
    2
    """
    if not isinstance(seq, (list, tuple)):
        return 0
    return 1 + ndimlist(seq[0]) if seq else 1


def concrete(seq: Any) -> Any:
    """Make lists of the iterators inside nested sequences."""
    if isinstance(seq, Iterator):
        seq = list(seq)
    if isinstance(seq, (tuple, list)):
        seq = list(map(concrete, seq))
    return seq


def insert(tup: Iterable[Any], loc: int, val: Any) -> tuple[Any, ...]:
    """Return a tuple with another value in one place.

    Examples
    --------
    >>> insert((1, 2, 3), 0, "x")
    ('x', 2, 3)
    """
    every = list(tup)
    every[loc] = val
    return tuple(every)


def unzip(ls: Iterable[Sequence[Any]], nout: int) -> list[tuple[Any, ...]]:
    """Turn a sequence of ``nout``-tuples into ``nout`` tuples.

    Examples
    --------
    >>> unzip([(1, "a"), (2, "b")], 2)
    [(1, 2), ('a', 'b')]
    """
    return list(zip(*ls, strict=True)) or [()] * nout


def iter_chunks(sizes: Iterable[float], max_size: float) -> Iterator[list[float]]:
    """Split sizes, in their order, into groups whose sums are at most ``max_size``.

    Raises
    ------
    ValueError
        If one size is larger.

    Examples
    --------
    >>> list(iter_chunks([10, 20, 30, 40], 50))
    [[10, 20], [30], [40]]
    """
    group: list[float] = []
    for size in sizes:
        if size > max_size:
            raise ValueError(f"a size of {size} doesn't fit into groups of {max_size}")
        if group and sum(group) + size > max_size:
            yield group
            group = []
        group.append(size)
    if group:
        yield group


def cached_max(seq: tuple[Any, ...]) -> Any:
    """Return the largest element of a tuple."""
    return max(seq)


def cached_cumsum(seq: Iterable[float], initial_zero: bool = False) -> tuple[float, ...]:
    """Return the running sums of a sequence.

    Parameters
    ----------
    seq : iterable of numbers
    initial_zero : bool, default False
        Begin with a zero.

    Examples
    --------
    >>> cached_cumsum((1, 2, 3), initial_zero=True)
    (0, 1, 3, 6)
    """
    return tuple(itertools.accumulate(seq, initial=0 if initial_zero else None))


def digit(n: int, k: int, base: int) -> int:
    """Return one digit of a number, counted from the right.

    Examples
    --------
    >>> digit(1234, 0, 10)
    4
    """
    return n // base**k % base


def asciitable(columns: Sequence[Any], rows: Iterable[Sequence[Any]]) -> str:
    """Write a table with borders of ASCII characters."""
    table = [tuple(map(str, row)) for row in rows]
    head = tuple(map(str, columns))
    widths = [max(map(len, column)) for column in zip(head, *table, strict=True)]
    line = "+" + "+".join("-" * (width + 2) for width in widths) + "+"

    def write(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([line, write(head), line, *map(write, table), line])


def ensure_dict(d: Mapping[K, V], *, copy: bool = False) -> dict[K, V]:
    """Return a mapping as a dictionary; a dictionary itself, unless a copy is wanted."""
    return d if type(d) is dict and not copy else dict(d)


def ensure_set(s: Set[T], *, copy: bool = False) -> set[T]:
    """Return a set-like object as a set; a set itself, unless a copy is wanted."""
    return s if type(s) is set and not copy else set(s)


def ensure_bytes(s: Any) -> bytes:
    """Return text or a buffer as bytes."""
    if isinstance(s, bytes):
        return s
    return s.encode() if hasattr(s, "encode") else bytes(s)


def ensure_unicode(s: Any) -> str:
    """Return text, bytes or a buffer as text."""
    if isinstance(s, str):
        return s
    if hasattr(s, "decode"):
        return s.decode()
    try:
        return bytes(memoryview(s)).decode()
    except TypeError:
        raise TypeError(f"text or bytes are needed, got {type(s).__name__}") from None
