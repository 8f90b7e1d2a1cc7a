"""Elements chosen by positions or conditions, repeated, or kept within a triangle."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Sequence
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np

from dusk import config
from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._auto_chunks import chunk_limit
from dusk.array._chunks import cached_cumsum
from dusk.array._from_array import asanyarray, asarray
from dusk.array._getitem import group_lengths, select_blocks
from dusk.array._joining import concatenate
from dusk.array._lengths import sized
from dusk.array._like import validate_axis
from dusk.array._meta import meta_from_array
from dusk.array._views import block_call, is_native, kernel_call, pick_points
from dusk.utils import is_arraylike

__all__ = ["choose", "compress", "extract", "repeat", "select_blocks", "shuffle", "take", "tril", "triu"]


@derived_from(np)
def take(a: Any, indices: Any, axis: int = 0) -> Array:
    axis = validate_axis(axis, a.ndim)
    if isinstance(a, np.ndarray) and isinstance(indices, Array):
        chunks = tuple((length,) for length in a.shape[:axis]) + indices.chunks
        chunks += tuple((length,) for length in a.shape[axis + 1 :])
        picks = [range(axis, axis + indices.ndim)]
        meta = meta_from_array(a, ndim=len(chunks))
        return block_call(partial(_take_from, a, axis), [indices], picks, chunks, meta, "take", token=("take", a, axis))
    return asanyarray(a)[(slice(None),) * axis + (indices,)]


def _take_from(a: Any, axis: int, indices: Any) -> Any:
    return np.take(a, indices, axis)


@derived_from(np)
def compress(condition: Any, a: Any, axis: int | None = None) -> Array:
    if not is_arraylike(condition):
        condition = np.asarray(condition)
    condition = condition.astype(bool)
    a = asarray(a)
    if condition.ndim != 1:
        raise ValueError("Condition must be one dimensional")
    if axis is None:
        a, axis = a.ravel(), 0
    axis = validate_axis(axis, a.ndim)
    before = (slice(None),) * axis
    if len(condition) != a.shape[axis]:
        # what is beyond the condition counts as false
        a = a[(*before, slice(None, len(condition)))]
        if isinstance(condition, np.ndarray) and condition[a.shape[axis] :].any():
            raise IndexError(f"condition has a true value beyond the {a.shape[axis]} elements of axis {axis}")
        condition = condition[: a.shape[axis]]
    return a[(*before, condition)]


@derived_from(np)
def extract(condition: Any, arr: Any) -> Array:
    return compress(asarray(condition).astype(bool).ravel(), asarray(arr).ravel())


@derived_from(np)
def choose(a: Any, choices: Any) -> Array:
    from dusk.array.core import elemwise

    choices = list(choices)
    dtype = np.result_type(*(choice.dtype if hasattr(choice, "dtype") else np.asarray(choice) for choice in choices))
    return elemwise(_choose, asanyarray(a), *choices, dtype=dtype)


def _choose(a: Any, *choices: Any) -> Any:
    return np.choose(a, choices)


@derived_from(np)
def repeat(a: Any, repeats: Any, axis: int | None = None) -> Array:
    a = asanyarray(a)
    if axis is None:
        if a.ndim != 1:
            # Dask refuses this with the same class
            raise NotImplementedError("Must supply an integer axis value")
        axis = 0
    if not isinstance(repeats, Integral):
        # Dask refuses this with the same class
        raise NotImplementedError("Only integer valued repeats supported")
    if not -a.ndim <= axis < a.ndim:
        raise ValueError(f"axis(={axis}) out of bounds")
    if repeats < 0:
        raise ValueError("repeats may not contain negative values.")
    axis %= a.ndim
    if repeats == 0:
        return a[(slice(None),) * axis + (slice(0),)]
    if repeats == 1:
        return a
    a = sized(a, [axis])
    most = _most_repeats(a, axis)
    if repeats > most:
        # even one element, repeated, is too much for a block
        before = (slice(None),) * axis
        parts = [repeats // most * [most] + [repeats % most] * (repeats % most > 0)] * a.shape[axis]
        slabs = [a[(*before, slice(i, i + 1))] for i in range(a.shape[axis])]
        return concatenate([repeat(x, n, axis) for x, counts in zip(slabs, parts, strict=True) for n in counts], axis)
    # each chunk is cut first, so that none of the result is much greater
    cut: list[int] = []
    ends = cached_cumsum(a.chunks[axis], initial_zero=True)
    for start, stop in itertools.pairwise(ends):
        if repeats > stop - start:
            cut += [1] * (stop - start)
            continue
        places = np.linspace(start, stop, int(repeats)).round(0).astype(int).tolist()
        cut += [j - i for i, j in itertools.pairwise(places) if i != j]
    a = a.rechunk({axis: tuple(cut) or (0,)})
    chunks = [*a.chunks[:axis], tuple(length * int(repeats) for length in a.chunks[axis]), *a.chunks[axis + 1 :]]
    if is_native(a):
        return kernel_call("repeat", [a], [range(a.ndim)], chunks, a._meta, "repeat", axis=axis, number=int(repeats))
    function = partial(_repeat, int(repeats), axis)
    return block_call(function, [a], [range(a.ndim)], chunks, a._meta, "repeat", token=("repeat", int(repeats), axis))


def _most_repeats(a: Array, axis: int) -> int:
    """Return how often elements along an axis can be repeated in one block."""
    lengths = [max(chunks, default=1) for i, chunks in enumerate(a.chunks) if i != axis]
    if not a.shape[axis] or any(length != length for length in lengths):
        return sys.maxsize
    return max(chunk_limit() // max(math.prod(lengths) * a.dtype.itemsize, 1), 16)


def _repeat(repeats: int, axis: int, block: Any) -> Any:
    return np.repeat(block, repeats, axis)


# Triangles ------------------------------------------------------------------------------------------------------------


def _triangle(m: Any, k: int, lower: bool) -> Array:
    m = sized(asanyarray(m))
    if m.ndim == 1:  # as NumPy: a row that is broadcast to a matrix
        from dusk.array._joining import broadcast_to

        m = broadcast_to(m, (m.shape[0], m.shape[0]), chunks=(m.chunks[0], m.chunks[0]))
    rows, columns = (cached_cumsum(lengths, initial_zero=True) for lengths in m.chunks[-2:])
    name = "tril" if lower else "triu"
    if is_native(m):
        return kernel_call(name, [m], [range(m.ndim)], m.chunks, m._meta, name, number=int(k))
    function = partial(_triangle_block, lower, int(k), rows, columns)
    token = (name, int(k), rows, columns)
    return block_call(function, [m], [range(m.ndim)], m.chunks, m._meta, name, indexed=True, token=token)


def _triangle_block(lower: bool, k: int, rows: Any, columns: Any, site: Sequence[int], block: Any) -> Any:
    own = k + rows[site[-2]] - columns[site[-1]]
    keeps = np.tri(*block.shape[-2:], k=own if lower else own - 1, dtype=bool)
    gone = ~keeps if lower else keeps
    if not gone.any():
        return block
    if not isinstance(block, np.ndarray) and not hasattr(block, "__setitem__"):  # as `sparse.COO`
        return (np.tril if lower else np.triu)(block, own)
    out = block.copy()
    out[..., gone] = np.zeros((), dtype=out.dtype)
    return out


@derived_from(np)
def tril(m: Any, k: int = 0) -> Array:
    return _triangle(m, k, lower=True)


@derived_from(np)
def triu(m: Any, k: int = 0) -> Array:
    return _triangle(m, k, lower=False)


# Shuffles -------------------------------------------------------------------------------------------------------------


def shuffle(x: Array, indexer: list[list[int]], axis: int, chunks: str = "auto") -> Array:
    """Return the elements of an axis in groups that each lie in one chunk.

    Parameters
    ----------
    x : Array
    indexer : list of lists of int
        The positions of the elements of each group.
    axis : int
    chunks : "auto"
        Where groups make chunks larger, the other axes are cut.

    Returns
    -------
    Array

    Examples
    --------
    >>> import numpy as np
    >>> import dusk.array as da
    >>> x = da.from_array(np.arange(16).reshape(2, 8), chunks=(2, 4))
    >>> x.shuffle([[6, 5, 2], [4, 1], [3, 0, 7]], axis=1).chunks
    ((2,), (5, 3))
    """
    x = sized(x)
    if not isinstance(axis, int):
        raise TypeError("axis must be an integer")
    if chunks != "auto":
        raise ValueError("Only auto is supported for now")
    if not isinstance(indexer, list) or not all(isinstance(group, list) for group in indexer):
        raise ValueError("indexer must be a list of lists of positional indices")
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"Axis {axis} is out of bounds for array with {x.ndim} axes")
    axis %= x.ndim
    most = max((max(group) for group in indexer if group), default=-1)
    if most >= x.shape[axis]:
        raise IndexError(f"Indexer contains out of bounds index. Dimension only has {x.shape[axis]} elements.")
    x = _cut_others(x, max(map(len, indexer)), axis)
    flat = [list(range(start, stop)) for start, stop in itertools.pairwise(cached_cumsum(x.chunks[axis], True))]
    if indexer == flat:
        return x
    together = group_lengths([len(group) for group in indexer], x.chunks[axis])
    lengths = [sum(len(indexer[number]) for number in chunk) for chunk in together]
    positions = np.array([i for group in indexer for i in group], dtype=np.intp)
    return pick_points(
        x, {axis: np.where(positions < 0, positions + x.shape[axis], positions)}, lengths, axis, "shuffle"
    )


def _cut_others(x: Array, longest: int, axis: int) -> Array:
    """Cut the other axes as far as a group makes the chunks of this one longer than tolerated."""
    tolerance = config.get("array.chunk-size-tolerance")
    if longest <= max(x.chunks[axis]) * tolerance:
        return x
    new: list[Any] = list(x.chunks)
    new[axis] = (longest,)
    new = smaller_chunks(x.chunks, new, set(range(x.ndim)) - {axis})
    new[axis] = x.chunks[axis]
    return x.rechunk(tuple(new))


def smaller_chunks(chunks: Sequence[tuple[int, ...]], new: list[Any], free: set[int]) -> list[Any]:
    """Return new chunks cut along some axes until a block has no more elements than one of the old chunks.

    Parameters
    ----------
    chunks : chunks
        The old ones.
    new : list of tuples of int
        The new ones; they may have more axes.
    free : set of int
        The axes that may be cut.
    """
    tolerance = config.get("array.chunk-size-tolerance")
    target = max(1, math.prod(max(lengths) for lengths in chunks))
    while free:
        factor = math.prod(max(lengths) for lengths in new) / target
        if factor <= 1:
            break
        count = len(free)
        for i in sorted(free):
            most = max(new[i]) / factor ** (1 / count)
            cut: list[int] = []
            for length in chunks[i]:
                if length <= tolerance * most:
                    cut.append(length)
                    continue
                parts = min(math.ceil(length / most), length)
                each, more = divmod(length, parts)
                cut += [each + 1] * more + [each] * (parts - more)
            if tuple(cut) == new[i] or max(cut) == 1:
                free.discard(i)
            new[i] = tuple(cut)
    return new
