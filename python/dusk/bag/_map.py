"""Functions applied to the elements, or to the partitions, of several bags side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dusk._names import funcname
from dusk.bag import chunk
from dusk.bag._arguments import arguments_of
from dusk.bag._plan import Each
from dusk.bag._reductions import STREAMING
from dusk.bag.core import Bag
from dusk.tokenize import tokenize

__all__ = ["bag_map", "map_partitions"]


def bag_map(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Bag:
    """Apply a function to the elements of bags side by side; `dusk.bag.map`.

    Parameters
    ----------
    func : callable
    *args, **kwargs
        At least one bag among them; items and delayed values, which all calls get; or anything else.
    """
    placed, steps, single = arguments_of(args, kwargs, elementwise=True)
    if all(i in single for i in range(len(steps))):
        raise ValueError("At least one argument must be a Bag.")
    name = f"{funcname(func)}-{tokenize(func, 'map', args, kwargs)}"
    function = chunk.MapChunk(func, placed)
    n = next(step.npartitions for i, step in enumerate(steps) if i not in single)
    return Bag._of(Each(name, function, steps, npartitions=n, lazy_in=not single, lazy_out=True, single=single))


def map_partitions(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Bag:
    """Apply a function to the partitions of bags side by side, which it gets as lists.

    Parameters
    ----------
    func : callable
        Returns the new partition.
    *args, **kwargs
        At least one bag among them; items and delayed values, which all calls get; or anything else.
    """
    placed, steps, single = arguments_of(args, kwargs, elementwise=False)
    if all(i in single for i in range(len(steps))):
        raise ValueError("At least one argument must be a Bag.")
    name = f"{funcname(func)}-{tokenize(func, 'map-partitions', args, kwargs)}"
    function = chunk.PartitionChunk(func, placed)
    n = next(step.npartitions for i, step in enumerate(steps) if i not in single)
    return Bag._of(Each(name, function, steps, npartitions=n, lazy_in=func in STREAMING if _hashable(func) else False,
                        lazy_out=True, single=single))  # fmt: skip


def _hashable(x: Any) -> bool:
    try:
        hash(x)
    except TypeError:
        return False
    return True
