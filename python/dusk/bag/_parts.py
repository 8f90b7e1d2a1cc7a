"""Functions of one partition that users of bags import: `reify` and `total_mem_usage`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dusk.bag._calls import as_list

__all__ = ["reify", "total_mem_usage"]


def reify(seq: Any) -> Any:
    """Return a partition as a list, and what is in it as lists, where these are iterators.

    Examples
    --------
    >>> reify(map(abs, [-1, 2]))
    [1, 2]
    """
    return as_list(seq)


def total_mem_usage(partition: Any) -> int:
    """Return how many bytes the elements of a partition take.

    Examples
    --------
    >>> total_mem_usage([b"abc", b"de"])
    5
    """
    from dusk.sizeof import sizeof

    elements = list(partition) if isinstance(partition, Iterator) else partition
    return sum(map(sizeof, elements))
