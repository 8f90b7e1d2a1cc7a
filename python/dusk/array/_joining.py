"""Several arrays made one: one after another, side by side, broadcast to each other, in blocks.

Covers NumPy's stacking functions and what puts parts of an array together anew. Blocks stay as they are wherever they
can.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._chunks import (
    broadcast_chunks,
    broadcast_shapes,
    canonical,
    is_known,
    normalize_chunks,
    same_chunks,
    unify_chunks,
)
from dusk.array._from_array import asanyarray, asarray
from dusk.array._host import concatenate_nested
from dusk.array._lengths import origin, sized, sized_alike
from dusk.array._like import validate_axis
from dusk.array._meta import meta_from_array
from dusk.array._views import Axis, concat, view

__all__ = [
    "append",
    "array_split",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block",
    "broadcast_arrays",
    "broadcast_to",
    "concatenate",
    "delete",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "insert",
    "split",
    "split_at_breaks",
    "stack",
    "tile",
    "vsplit",
    "vstack",
]


def _aligned(seq: Sequence[Array], axis: int | None) -> list[Array]:
    """Cut arrays alike along all axes but one."""
    pairs: list[Any] = []
    for number, x in enumerate(seq):
        pairs += [x, [("own", number) if i == axis else i for i in range(x.ndim)]]
    return list(unify_chunks(*pairs, warn=False)[1])


def concatenate(seq: Any, axis: int | None = 0, allow_unknown_chunksizes: bool = False) -> Array:
    """Return arrays one after another along an axis.

    Parameters
    ----------
    seq : sequence of array_like
    axis : int or None, default 0
        None ravels the arrays first.
    allow_unknown_chunksizes : bool, default False
        Take it that lengths that aren't known go together.

    Returns
    -------
    Array
    """
    seq = [asarray(a, allow_unknown_chunksizes=allow_unknown_chunksizes) for a in seq]
    if not seq:
        raise ValueError("Need array(s) to concatenate")
    if axis is None:
        seq, axis = [a.ravel() for a in seq], 0
    ndim = seq[0].ndim
    if axis >= ndim or axis < -ndim:
        raise ValueError(
            f"Axis must be less than than number of dimensions\nData has {ndim} dimensions, but got axis={axis}"
        )
    axis %= ndim
    meta = concatenate_nested([meta_from_array(a) for a in seq], [axis])
    seq = [a if a.dtype == meta.dtype else a.astype(meta.dtype) for a in seq]
    full = [a for a in seq if a.size] or seq
    if len(full) == 1:
        return full[0]
    if not allow_unknown_chunksizes and ndim > 1:
        others = [tuple(("own", number) if i == axis else i for i in range(ndim)) for number in range(len(full))]
        full = sized_alike(full, others, strict=True)
        if not all(i == axis or len({_length(x, i) for x in full}) == 1 for i in range(ndim)):
            raise ValueError("Shapes do not align: %s", [x.shape for x in full])
    return concat(_aligned(full, axis), axis, meta)


def _length(x: Array, axis: int) -> Any:
    """Return the length of an axis, or what stands for it."""
    length = x.shape[axis]
    return length if length == length else origin(x, axis)


def stack(seq: Any, axis: int = 0, allow_unknown_chunksizes: bool = False) -> Array:
    """Return arrays of one shape along a new axis.

    Parameters
    ----------
    seq : sequence of array_like
    axis : int, default 0
        Where the new axis stands.
    allow_unknown_chunksizes : bool, default False
        Take it that lengths that aren't known go together.

    Returns
    -------
    Array
    """
    seq = [asarray(a, allow_unknown_chunksizes=allow_unknown_chunksizes) for a in seq]
    if not seq:
        raise ValueError("Need array(s) to stack")
    if not allow_unknown_chunksizes:
        seq = sized_alike(seq, [tuple(range(x.ndim)) for x in seq], strict=True)
        lengths = [tuple(_length(x, i) for i in range(x.ndim)) for x in seq]
        for number, x in enumerate(seq):
            if lengths[number] != lengths[0]:
                raise ValueError(
                    f"Stacked arrays must have the same shape. The first array had shape {seq[0].shape}, while array "
                    f"{number + 1} has shape {x.shape}."
                )
    ndim = seq[0].ndim
    axis = validate_axis(axis, ndim + 1)
    index = (slice(None),) * axis + (None,)
    meta = concatenate_nested([meta_from_array(a)[index] for a in seq], [axis])
    seq = [a if a.dtype == meta.dtype else a.astype(meta.dtype) for a in seq]
    return concat([a[index] for a in _aligned(seq, None)], axis, meta)


def _sequence(name: str, tup: Any) -> Sequence[Any]:
    if isinstance(tup, Array):
        raise NotImplementedError(f"``{name}`` expects a sequence of arrays as the first argument")
    return tuple(tup)


@derived_from(np)
def vstack(tup: Any, allow_unknown_chunksizes: bool = False) -> Array:
    parts = tuple(atleast_2d(x) for x in _sequence("vstack", tup))
    return concatenate(parts, axis=0, allow_unknown_chunksizes=allow_unknown_chunksizes)


@derived_from(np)
def hstack(tup: Any, allow_unknown_chunksizes: bool = False) -> Array:
    parts = tuple(atleast_1d(x) for x in _sequence("hstack", tup))
    axis = 0 if all(x.ndim == 1 for x in parts) else 1
    return concatenate(parts, axis=axis, allow_unknown_chunksizes=allow_unknown_chunksizes)


@derived_from(np)
def dstack(tup: Any, allow_unknown_chunksizes: bool = False) -> Array:
    parts = tuple(atleast_3d(x) for x in _sequence("dstack", tup))
    return concatenate(parts, axis=2, allow_unknown_chunksizes=allow_unknown_chunksizes)


def _at_least(arys: Sequence[Any], expand: Callable[[Array], Array]) -> Any:
    new = tuple(expand(asanyarray(x)) for x in arys)
    return new[0] if len(new) == 1 else new


@derived_from(np)
def atleast_1d(*arys: Any) -> Any:
    return _at_least(arys, lambda x: x[None] if x.ndim == 0 else x)


@derived_from(np)
def atleast_2d(*arys: Any) -> Any:
    return _at_least(arys, lambda x: x[(None,) * (2 - x.ndim)] if x.ndim < 2 else x)


@derived_from(np)
def atleast_3d(*arys: Any) -> Any:
    indexes = {0: (None, None, None), 1: (None, slice(None), None), 2: (slice(None), slice(None), None)}
    return _at_least(arys, lambda x: x[indexes[x.ndim]] if x.ndim < 3 else x)


# Blocks ---------------------------------------------------------------------------------------------------------------


def block(arrays: Any, allow_unknown_chunksizes: bool = False) -> Array:
    """Return an array put together from nested lists of blocks, as NumPy's `numpy.block` does.

    Parameters
    ----------
    arrays : nested lists of array_like
        The innermost lists go along the last axis.
    allow_unknown_chunksizes : bool, default False
        Take it that lengths that aren't known go together.
    """
    depth, empty = _depth(arrays, ())
    if empty:
        raise ValueError("Lists cannot be empty")
    leaves = _leaves(arrays)
    ndim = max(depth, max(asanyarray(leaf).ndim for leaf in leaves))

    def join(part: Any, axis: int) -> Array:
        if not isinstance(part, list):
            part = asanyarray(part)
            return part if part.ndim == ndim else part[(None,) * (ndim - part.ndim) + (Ellipsis,)]
        parts = [join(each, axis + 1) for each in part]
        return concatenate(parts, axis=axis, allow_unknown_chunksizes=allow_unknown_chunksizes)

    return join(arrays, ndim - depth)


def _depth(arrays: Any, index: tuple[int, ...]) -> tuple[int, bool]:
    """Return how deep lists are nested and whether one is empty; raise when depths differ."""
    where = "arrays" + "".join(f"[{i}]" for i in index)
    if isinstance(arrays, tuple):
        raise TypeError(
            f"{where} is a tuple. Only lists can be used to arrange blocks, and np.block does not allow implicit "
            "conversion from tuple to ndarray."
        )
    if not isinstance(arrays, list):
        return len(index), False
    if not arrays:
        return len(index) + 1, True
    found = [_depth(each, (*index, i)) for i, each in enumerate(arrays)]
    for i, (depth, _) in enumerate(found):
        if depth != found[0][0]:
            raise ValueError(
                f"List depths are mismatched. First element was at depth {found[0][0]}, but there is an element at "
                f"depth {depth} ({where}[{i}])"
            )
    return found[0][0], any(empty for _, empty in found)


def _leaves(arrays: Any) -> list[Any]:
    if not isinstance(arrays, list):
        return [arrays]
    return [leaf for each in arrays for leaf in _leaves(each)]


@derived_from(np)
def tile(A: Any, reps: Any) -> Array:  # noqa: N803  NumPy's names
    tup = tuple(reps) if np.iterable(reps) else (reps,)
    if any(i < 0 for i in tup):
        raise ValueError("Negative `reps` are not allowed.")
    x = asarray(A)
    if x.ndim < len(tup):
        x = x[(None,) * (len(tup) - x.ndim)]
    tup = (1,) * (x.ndim - len(tup)) + tup
    for axis, times in enumerate(tup):
        if times == 0:
            x = x[(slice(None),) * axis + (slice(0, 0),)]
        elif times > 1:
            x = concat([x] * times, axis)
    return x


# Broadcasting ---------------------------------------------------------------------------------------------------------


def broadcast_to(x: Any, shape: Any, chunks: Any = None, meta: Any = None) -> Array:
    """Return an array repeated along axes of length 1 and new axes, without copies.

    Parameters
    ----------
    x : array_like
    shape : tuple of int
    chunks : chunks, optional
        They may differ from those of `x` along axes that are repeated; by default these are one chunk.
    meta : array, optional
        An empty example of a block.
    """
    x = asarray(x)
    shape = tuple(shape) if np.iterable(shape) else (shape,)
    if is_known(shape):
        x = sized(x)
    if x.shape == shape and (chunks is None or same_chunks(normalize_chunks(chunks, shape, dtype=x.dtype), x.chunks)):
        return x
    new = len(shape) - x.ndim
    if new < 0 or any(
        want != have and not (want != want and have != have) for want, have in zip(shape[new:], x.shape) if have != 1
    ):
        raise ValueError(f"cannot broadcast shape {x.shape} to shape {shape}")
    if chunks is None:
        chunks = tuple((length,) for length in shape[:new]) + tuple(
            own if have != 1 else (length,) for own, have, length in zip(x.chunks, x.shape, shape[new:])
        )
    else:
        chunks = canonical(normalize_chunks(chunks, shape, dtype=x.dtype, previous_chunks=x.chunks))
        for have, want in zip(canonical(x.chunks), chunks[new:]):
            if have not in (want, (1,)):
                raise ValueError(
                    f"cannot broadcast chunks {x.chunks} to chunks {chunks}: new chunks must either be along a new "
                    "dimension or a dimension of size 1"
                )
    axes: list[Axis] = [()] * new
    for axis, have in enumerate(x.shape):
        axes.append((axis, 0, 0 if have == 1 else 1) if is_known(x.chunks[axis]) else (axis,))
    out = view(x, axes, [], chunks, "broadcast_to")
    if meta is not None:
        out._meta = meta_from_array(meta, ndim=len(shape))
    return out


@derived_from(np)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Array, ...]:
    convert = asanyarray if subok else asarray
    pairs: list[Any] = []
    for each in args:
        x = convert(each)
        pairs += [x, list(range(x.ndim))[::-1]]
    _, arrays = unify_chunks(*pairs, warn=False)
    shape = broadcast_shapes(*(x.shape for x in arrays))
    chunks = broadcast_chunks(*(x.chunks for x in arrays))
    return tuple(broadcast_to(x, shape=shape, chunks=chunks) for x in arrays)


# Parts taken apart and put together -----------------------------------------------------------------------------------


def split_at_breaks(array: Any, breaks: Sequence[int], axis: int = 0) -> list[Any]:
    """Return the parts of an array between positions.

    Examples
    --------
    >>> [part.tolist() for part in split_at_breaks(np.arange(6), [3, 5])]
    [[0, 1, 2], [3, 4], [5]]
    """
    places = [None, *(int(i) for i in breaks), None]
    return [array[(slice(None),) * axis + (slice(i, j),)] for i, j in itertools.pairwise(places)]


@derived_from(np)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    x = asanyarray(ary)
    axis = validate_axis(axis, x.ndim)
    x = sized(x, [axis])
    if np.iterable(indices_or_sections):
        return split_at_breaks(x, list(indices_or_sections), axis)
    count = int(indices_or_sections)
    if count <= 0:
        raise ValueError("number sections must be larger than 0.")
    each, more = divmod(x.shape[axis], count)
    lengths = [each + 1] * more + [each] * (count - more)
    return split_at_breaks(x, list(itertools.accumulate(lengths))[:-1], axis)


@derived_from(np)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    x = asanyarray(ary)
    x = sized(x, [validate_axis(axis, x.ndim)])
    if not np.iterable(indices_or_sections) and x.shape[axis] % int(indices_or_sections):
        raise ValueError("array split does not result in an equal division")
    return array_split(x, indices_or_sections, axis)


def _split_along(x: Any, sections: Any, axis: int, least: int, name: str) -> list[Array]:
    x = asanyarray(x)
    if x.ndim < least:
        raise ValueError(f"{name} only works on arrays of {least} or more dimensions")
    return split(x, sections, axis)


@derived_from(np)
def hsplit(ary: Any, indices_or_sections: Any) -> list[Array]:
    x = asanyarray(ary)
    return _split_along(x, indices_or_sections, 1 if x.ndim > 1 else 0, 1, "hsplit")


@derived_from(np)
def vsplit(ary: Any, indices_or_sections: Any) -> list[Array]:
    return _split_along(ary, indices_or_sections, 0, 2, "vsplit")


@derived_from(np)
def dsplit(ary: Any, indices_or_sections: Any) -> list[Array]:
    return _split_along(ary, indices_or_sections, 2, 3, "dsplit")


@derived_from(np)
def append(arr: Any, values: Any, axis: int | None = None) -> Array:
    arr = asanyarray(arr)
    if axis is None:
        return concatenate((arr.ravel(), asanyarray(values).ravel()), axis=0)
    return concatenate((arr, asanyarray(values)), axis=validate_axis(axis, arr.ndim))


@derived_from(np)
def insert(arr: Any, obj: Any, values: Any, axis: int) -> Array:
    axis = validate_axis(axis, arr.ndim)
    arr = sized(asanyarray(arr))
    if isinstance(obj, slice):
        obj = np.arange(*obj.indices(arr.shape[axis]))
    obj = np.asarray(obj)
    single = obj.ndim == 0
    obj = np.atleast_1d(obj)
    obj = np.where(obj < 0, obj + arr.shape[axis], obj)
    if (np.diff(obj) < 0).any():
        # Dask refuses this with the same class
        raise NotImplementedError("da.insert only implemented for monotonic ``obj`` argument")
    parts = split_at_breaks(arr, np.unique(obj).tolist(), axis)
    values = sized(asanyarray(values).astype(arr.dtype))
    values = values[(None,) * (arr.ndim - values.ndim)]
    if single:
        # as NumPy: what comes in at one place is one or several slices, the first axis of `values` telling which
        values = values.transpose((*range(1, axis + 1), 0, *range(axis + 1, arr.ndim)))
        obj = np.repeat(obj, values.shape[axis])
    shape = tuple(len(obj) if i == axis else length for i, length in enumerate(arr.shape))
    values = broadcast_to(values, shape)
    values = values.rechunk({i: own for i, own in enumerate(arr.chunks) if i != axis and values.shape[i] == sum(own)})
    counts = np.unique(obj, return_counts=True)[1]
    inserted = split_at_breaks(values, np.cumsum(counts)[:-1].tolist(), axis)
    mixed = [part for pair in itertools.zip_longest(parts, inserted) for part in pair if part is not None]
    return concatenate([part for part in mixed if part.size] or [arr], axis=axis)


@derived_from(np)
def delete(arr: Any, obj: Any, axis: int) -> Array:
    axis = validate_axis(axis, arr.ndim)
    arr = sized(asanyarray(arr), [axis])
    length = arr.shape[axis]
    if isinstance(obj, slice):
        places = np.unique(np.arange(length)[obj])
    else:
        places = np.asarray(obj)
        if places.dtype == bool:
            places = np.flatnonzero(places)
        if ((places >= length) | (places < -length)).any():
            raise IndexError(f"index {places} is out of bounds for axis {axis} with size {length}")
        places = np.unique(np.where(places < 0, places + length, places))
    parts = split_at_breaks(arr, places.tolist(), axis)
    without = (slice(None),) * axis + (slice(1, None),)
    return concatenate([part if i == 0 else part[without] for i, part in enumerate(parts)], axis=axis)
