"""Blocks in nested lists, as libraries handle them that build graphs by hand.

Answers under Dask's names in `dusk.array.core`. dusk's own arrays don't come this way: see `_host`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dusk.array._host import concatenate_nested, join_blocks

__all__ = [
    "chunks_from_arrays",
    "concatenate3",
    "concatenate_axes",
    "deepfirst",
    "dotmany",
    "ensure_int",
    "interleave_none",
    "shapelist",
    "transposelist",
    "unpack_singleton",
]


def deepfirst(seq: Any) -> Any:
    """Return the first thing in nested lists that isn't a list.

    Examples
    --------
    >>> deepfirst([[["a", "b"]]])
    'a'
    """
    while isinstance(seq, (list, tuple)):
        seq = seq[0]
    return seq


def _depth(seq: Any) -> int:
    depth = 0
    while isinstance(seq, (list, tuple)):
        seq, depth = seq[0], depth + 1
    return depth


def _flat(seq: Any, depth: int) -> Iterator[Any]:
    if depth == 0:
        yield seq
        return
    for each in seq:
        yield from _flat(each, depth - 1)


def chunks_from_arrays(arrays: Any) -> tuple[tuple[int, ...], ...]:
    """Return the chunks of blocks in nested lists.

    Examples
    --------
    >>> chunks_from_arrays([[np.zeros((1, 2)), np.zeros((1, 3))]])
    ((1,), (2, 3))
    """
    chunks: list[tuple[int, ...]] = []
    while isinstance(arrays, (list, tuple)):
        chunks.append(tuple((np.shape(deepfirst(each)) or (1,) * (len(chunks) + 1))[len(chunks)] for each in arrays))
        arrays = arrays[0]
    return tuple(chunks)


def concatenate3(arrays: Any) -> Any:
    """Return the array of blocks in lists nested as deep as it has axes.

    Examples
    --------
    >>> concatenate3([[np.array([[1, 2]]), np.array([[3]])]])
    array([[1, 2, 3]])
    """
    return join_blocks(arrays, _depth(arrays))


def concatenate_axes(arrays: Any, axes: Sequence[int]) -> Any:
    """Return blocks in nested lists concatenated, each level along the axis named for it."""
    depth = _depth(arrays)
    if len(axes) != depth:
        raise ValueError("Length of axes should equal depth of nested arrays")
    return concatenate_nested(arrays, list(axes))


def _concatenate2(arrays: Any, axes: Sequence[int] = ()) -> Any:
    """Return nested lists of blocks concatenated along axes; mappings of blocks key by key."""
    if axes == ():
        return arrays[0] if isinstance(arrays, list) else arrays
    if isinstance(arrays, Iterator):
        arrays = list(arrays)
    if not isinstance(arrays, (list, tuple)):
        return arrays
    if len(axes) > 1:
        arrays = [_concatenate2(each, axes=axes[1:]) for each in arrays]
    if isinstance(arrays[0], dict):
        return {key: _concatenate2([each[key] for each in arrays], axes=axes[:1]) for key in arrays[0]}
    return concatenate_nested(list(arrays), [axes[0]])


def transposelist(arrays: Any, axes: Sequence[int], extradims: int = 0) -> Any:
    """Return nested lists with their levels in another order, and levels of one item inside.

    Examples
    --------
    >>> transposelist([[1, 1, 1], [1, 1, 1]], [2, 1])
    [[[1, 1], [1, 1], [1, 1]]]
    >>> transposelist([[1, 1, 1], [1, 1, 1]], [2, 1], extradims=1)
    [[[[1], [1]], [[1], [1]], [[1], [1]]]]
    """
    if len(axes) != _depth(arrays):
        raise ValueError("Length of axes should equal depth of nested arrays")
    if extradims < 0:
        raise ValueError("`newdims` should be positive")
    if len(axes) > len(set(axes)):
        raise ValueError("`axes` should be unique")
    ndim = max(axes) + 1
    lengths = shapelist(arrays)
    shape = [lengths[axes.index(i)] if i in axes else 1 for i in range(ndim)]
    cells = {}
    for at, cell in zip(itertools.product(*(range(n) for n in lengths)), _flat(arrays, len(axes)), strict=True):
        place = [0] * ndim
        for axis, i in zip(axes, at, strict=True):
            place[axis] = i
        for _ in range(extradims):
            cell = [cell]
        cells[tuple(place)] = cell

    def build(place: tuple[int, ...]) -> Any:
        if len(place) == ndim:
            return cells[place]
        return [build((*place, i)) for i in range(shape[len(place)])]

    return build(())


def shapelist(a: Any) -> tuple[int, ...]:
    """Return the lengths of nested lists, outermost first."""
    return (len(a), *shapelist(a[0])) if isinstance(a, list) else ()


def unpack_singleton(x: Any) -> Any:
    """Return the one thing inside nested lists of one item.

    Examples
    --------
    >>> unpack_singleton([[[[1]]]])
    1
    """
    while isinstance(x, (list, tuple)):
        try:
            x = x[0]
        except (IndexError, TypeError, KeyError):
            break
    return x


def ensure_int(f: Any) -> int:
    """Return a number as an integer; `ValueError` if it isn't one."""
    if int(f) != f:
        raise ValueError(f"Could not coerce {f:f} to integer")
    return int(f)


def interleave_none(a: Sequence[Any], b: Sequence[Any]) -> tuple[Any, ...]:
    """Return items of the first sequence, and of the second one where the first has None.

    Examples
    --------
    >>> interleave_none([0, None, 2, None], [1, 3])
    (0, 1, 2, 3)
    """
    others = iter(b)
    return tuple(next(others) if each is None else each for each in a)


def dotmany(a: Sequence[Any], b: Sequence[Any], left_func: Any = None, right_func: Any = None, **kwargs: Any) -> Any:
    """Return the sum of the products of arrays, each changed by a function before.

    Examples
    --------
    >>> dotmany([np.ones((1, 2)), np.ones((1, 2))], [np.ones((2, 1)), np.ones((2, 1))])
    array([[4.]])
    """
    if left_func:
        a = [left_func(each) for each in a]
    if right_func:
        b = [right_func(each) for each in b]
    return functools.reduce(np.add, (np.dot(x, y, **kwargs) for x, y in zip(a, b, strict=False)))
