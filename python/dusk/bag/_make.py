"""Making bags: of sequences, of numbers, of delayed lists, of web pages, and of other bags."""

from __future__ import annotations

import builtins
import functools
import math
from collections.abc import Iterable
from typing import Any

from dusk.bag import chunk
from dusk.bag._plan import Concat, Each, FromNodes, Source
from dusk.bag.core import Bag
from dusk.tokenize import tokenize

__all__ = ["bag_range", "bag_zip", "concat", "from_delayed", "from_sequence", "from_url"]


class Slices:
    """Gives slices of a sequence."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[list[Any]]) -> None:
        self.parts = parts

    def __call__(self, position: int) -> list[Any]:
        return self.parts[position]

    def __reduce__(self) -> tuple[Any, ...]:
        return (Slices, (self.parts,))


def from_sequence(seq: Iterable[Any], partition_size: int | None = None, npartitions: int | None = None) -> Bag:
    """Make a bag of the elements of an iterable.

    Parameters
    ----------
    seq : iterable
    partition_size : int, optional
        Elements in a partition; counts more than ``npartitions``.
    npartitions : int, optional
        How many partitions; there may be fewer. By default about a hundred.

    Examples
    --------
    >>> import dusk.bag as db
    >>> db.from_sequence(["a", "b", "c"], partition_size=2)
    dask.bag<from_sequence, npartitions=2>
    """
    every = list(seq)
    for word, number in (("partition_size", partition_size), ("npartitions", npartitions)):
        if number is not None and (number < 0 or number != int(number)):
            raise ValueError(f"{word} must be a positive whole number, got {number!r}")
    if partition_size:
        size = int(partition_size)
    elif npartitions:
        whole = len(every) / npartitions
        size = max(1, math.ceil(whole) if len(every) <= 100 else math.floor(whole))
    else:
        size = 1 if len(every) <= 100 else max(1, math.ceil(math.sqrt(len(every) / 100)))
    parts = [every[i : i + size] for i in builtins.range(0, len(every), size)] or [[]]
    name = f"from_sequence-{tokenize(every, size)}"
    # Not taken from an older bag of the same name: the elements may have been changed in place since.
    return Bag(Source(name, len(parts), Slices(parts), held=True), name, len(parts))


class _Numbers:
    """Gives ranges of whole numbers."""

    __slots__ = ("n", "npartitions", "size")

    def __init__(self, n: int, npartitions: int) -> None:
        self.n = n
        self.npartitions = npartitions
        self.size = n // npartitions

    def __call__(self, position: int) -> Any:
        last = position == self.npartitions - 1
        return builtins.range(position * self.size, self.n if last else (position + 1) * self.size)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Numbers, (self.n, self.npartitions))


def bag_range(n: int, npartitions: int) -> Bag:
    """Make a bag of the numbers from 0 to ``n - 1``; `dusk.bag.range`.

    Parameters
    ----------
    n : int
    npartitions : int
        How many partitions; at most ``n``.

    Examples
    --------
    >>> import dusk.bag as db
    >>> db.range(5, npartitions=2).compute()
    [0, 1, 2, 3, 4]
    """
    if npartitions < 1:
        raise ValueError(f"npartitions must be positive, got {npartitions!r}")
    npartitions = max(1, min(n, npartitions))
    return Bag._of(Source(f"range-{n}-npartitions-{npartitions}", npartitions, _Numbers(n, npartitions)))


def bag_zip(*bags: Bag) -> Bag:
    """Make a bag of tuples of the elements of bags side by side; `dusk.bag.zip`.

    Parameters
    ----------
    *bags : Bag
        With the same number of partitions, which should be of equal lengths: the shortest decides.

    Examples
    --------
    >>> import dusk.bag as db
    >>> numbers = db.range(3, npartitions=1)
    >>> db.zip(numbers, numbers.map(str)).compute()
    [(0, '0'), (1, '1'), (2, '2')]
    """
    if not bags or not all(isinstance(bag, Bag) for bag in bags):
        raise TypeError("zip needs bags")
    if len({bag.npartitions for bag in bags}) > 1:
        raise ValueError("All bags must have the same number of partitions.")
    steps = [bag._step for bag in bags]
    return Bag._of(Each(f"zip-{tokenize(*bags)}", chunk.zip_chunk, steps, lazy_in=True, lazy_out=True, library=True))


def concat(bags: Iterable[Bag]) -> Bag:
    """Make a bag of the partitions of several bags, one after the other.

    Parameters
    ----------
    bags : iterable of Bag

    Examples
    --------
    >>> import dusk.bag as db
    >>> db.concat([db.range(2, 1), db.range(3, 1)]).compute()
    [0, 1, 0, 1, 2]
    """
    every = list(bags)
    if not every or not all(isinstance(bag, Bag) for bag in every):
        raise TypeError("concat needs an iterable of bags")
    return Bag._of(Concat(f"concat-{tokenize(*every)}", [bag._step for bag in every]))


def from_delayed(values: Any) -> Bag:
    """Make a bag of delayed iterables, each of which is a partition.

    Parameters
    ----------
    values : Delayed or iterable of Delayed

    Examples
    --------
    >>> import dusk
    >>> import dusk.bag as db
    >>> db.from_delayed([dusk.delayed(range)(2), dusk.delayed(range)(1)]).compute()
    [0, 1, 0]
    """
    from dusk.delayed import Delayed, delayed

    items = [values] if isinstance(values, Delayed) else list(values)
    if not items:
        raise ValueError("from_delayed needs at least one delayed value")
    parts = []
    for item in items:
        if not isinstance(item, Delayed):
            if not hasattr(item, "key"):
                raise TypeError(f"a delayed value is needed, got {type(item).__name__}")
            item = delayed(item)
        parts.append(item)
    token = tokenize(*parts)
    nodes = FromNodes(f"bag-delayed-{token}", [part._node for part in parts])
    return Bag._of(Each(f"bag-from-delayed-{token}", iter, [nodes], lazy_in=True, lazy_out=True, library=True))


def from_url(urls: Any) -> Bag:
    """Make a bag of the lines of web pages, one partition for each, as bytes.

    Parameters
    ----------
    urls : str or sequence of str
    """
    urls = [urls] if isinstance(urls, str) else list(urls)
    function = functools.partial(_page, urls)
    return Bag._of(Source(f"from_url-{tokenize(urls)}", len(urls), function, lazy_out=True))


def _page(urls: list[str], position: int) -> Any:
    from urllib.request import urlopen

    with urlopen(urls[position]) as page:
        yield from page.readlines()
