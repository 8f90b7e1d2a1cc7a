"""Blocks with elements of their neighbours, and functions over them: stencils, windows, filling forward.

A view gives each block what it needs of its neighbours; the ends of the array are continued first where a boundary is
asked for. Covers also cutting results back.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Integral, Number
from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._chunks import Chunks, is_known, unify_chunks
from dusk.array._from_array import asanyarray, from_array
from dusk.array._getitem import select_blocks
from dusk.array._joining import broadcast_to, concatenate
from dusk.array._lengths import sized
from dusk.array._like import validate_axis
from dusk.array._map_blocks import map_blocks
from dusk.array._selecting import smaller_chunks
from dusk.array._views import Axis, block_call, view

__all__ = [
    "boundaries",
    "coerce_boundary",
    "coerce_depth",
    "constant",
    "ensure_minimum_chunksize",
    "map_overlap",
    "nearest",
    "overlap",
    "overlap_internal",
    "periodic",
    "push",
    "reflect",
    "sliding_window_view",
    "trim_internal",
    "trim_overlap",
]

Depth = dict[int, Any]  # for each axis a number, or numbers before and after


def _sides(depth: Any) -> tuple[int, int]:
    return (int(depth[0]), int(depth[1])) if isinstance(depth, tuple) else (int(depth), int(depth))


def coerce_depth(ndim: int, depth: Any) -> Depth:
    """Return a depth for each axis from the forms that it may be given in."""
    if depth is None:
        depth = 0
    if isinstance(depth, Integral):
        depth = (depth,) * ndim
    if isinstance(depth, tuple):
        depth = dict(zip(range(ndim), depth))
    full = {axis: depth.get(axis, 0) for axis in range(ndim)}
    return {
        axis: tuple(int(each) for each in own) if isinstance(own, tuple) else int(own) for axis, own in full.items()
    }


def coerce_boundary(ndim: int, boundary: Any) -> dict[int, Any]:
    """Return a boundary for each axis from the forms that it may be given in."""
    if boundary is None:
        boundary = "none"
    if not isinstance(boundary, tuple | dict):
        boundary = (boundary,) * ndim
    if isinstance(boundary, tuple):
        boundary = dict(zip(range(ndim), boundary))
    return {axis: boundary.get(axis, "none") for axis in range(ndim)}


# Blocks with their neighbours -----------------------------------------------------------------------------------------


def overlap_internal(x: Array, axes: Depth) -> Array:
    """Return blocks with elements of their neighbours; the array's ends have none.

    Parameters
    ----------
    x : Array
    axes : dict
        For each axis how many elements, or how many from before and from after.
    """
    cut = [axis for axis, lengths in enumerate(x.chunks) if len(lengths) > 1 and any(_sides(axes.get(axis, 0)))]
    x = sized(x, cut)
    parts: list[Axis] = []
    chunks: list[tuple[int, ...]] = []
    for axis, lengths in enumerate(x.chunks):
        before, after = _sides(axes.get(axis, 0))
        if len(lengths) == 1 or not (before or after):
            parts.append((axis, 0, 1) if is_known(lengths) else (axis,))
            chunks.append(lengths)
            continue
        total, start = sum(lengths), 0
        out = []
        for length in lengths:
            out.append(min(start + length + after, total) - max(0, start - before))
            start += length
        parts.append((axis, before, after, "overlap"))
        chunks.append(tuple(out))
    return view(x, parts, [], chunks, "overlap")


def periodic(x: Array, axis: int, depth: int) -> Array:
    """Continue the ends of an axis with what is at the other end."""
    before = (slice(None),) * axis
    left, right = x[(*before, slice(0, depth))], x[(*before, slice(-depth, None))]
    return concatenate([_one_chunk(right, axis), x, _one_chunk(left, axis)], axis=axis)


def reflect(x: Array, axis: int, depth: int) -> Array:
    """Continue the ends of an axis with their mirror images."""
    before = (slice(None),) * axis
    left = x[(*before, slice(depth - 1, None, -1))]
    right = x[(*before, slice(-1, -depth - 1, -1))]
    return concatenate([_one_chunk(left, axis), x, _one_chunk(right, axis)], axis=axis)


def nearest(x: Array, axis: int, depth: int) -> Array:
    """Continue the ends of an axis with their last elements."""
    before = (slice(None),) * axis
    shape = (*x.shape[:axis], depth, *x.shape[axis + 1 :])
    chunks = (*x.chunks[:axis], (depth,), *x.chunks[axis + 1 :])
    left = broadcast_to(x[(*before, slice(0, 1))], shape, chunks)
    right = broadcast_to(x[(*before, slice(-1, None))], shape, chunks)
    return concatenate([left, x, right], axis=axis)


def constant(x: Array, axis: int, depth: int, value: Any) -> Array:
    """Continue the ends of an axis with a value."""
    shape = (*x.shape[:axis], depth, *x.shape[axis + 1 :])
    chunks = (*x.chunks[:axis], (depth,), *x.chunks[axis + 1 :])
    one = from_array(np.full((1,) * x.ndim, value).astype(x.dtype), chunks=-1)
    end = broadcast_to(one, shape, chunks)
    return concatenate([end, x, end], axis=axis)


def _one_chunk(x: Array, axis: int) -> Array:
    return x.rechunk({axis: -1})


def boundaries(x: Array, depth: Any = None, kind: Any = None) -> Array:
    """Continue an array beyond its ends.

    Parameters
    ----------
    x : Array
    depth : int or dict
        By how many elements, for each axis.
    kind : str, value or dict
        "periodic", "reflect", "nearest", "none" or a value, for each axis.
    """
    kinds = kind if isinstance(kind, dict) else dict.fromkeys(range(x.ndim), kind)
    depths = depth if isinstance(depth, dict) else dict.fromkeys(range(x.ndim), depth)
    for axis in range(x.ndim):
        own, by = kinds.get(axis, "none"), depths.get(axis, 0)
        if by == 0 or (isinstance(own, str) and own == "none"):
            continue
        if isinstance(own, str) and own in ("periodic", "reflect", "nearest"):
            x = {"periodic": periodic, "reflect": reflect, "nearest": nearest}[own](x, axis, by)
        else:
            x = constant(x, axis, by, own)
    return x


def ensure_minimum_chunksize(size: int, chunks: Sequence[int]) -> tuple[int, ...]:
    """Return chunks of an axis none of which is shorter than `size`.

    Examples
    --------
    >>> ensure_minimum_chunksize(10, (20, 20, 1))
    (20, 11, 10)
    >>> ensure_minimum_chunksize(3, (1, 1, 3))
    (5,)
    """
    if size <= min(chunks):
        return tuple(chunks)
    out: list[int] = []
    held = 0
    for length in chunks:
        if length < size:
            lack = size - length
            if held > size + lack:
                # the chunk before can give away what this one lacks
                out.append(held - lack)
                held = size
            else:
                held += length
        if held >= size:
            out.append(held)
            held = 0
        if length >= size:
            held += length
    if held >= size:
        out.append(held)
    elif out:
        out[-1] += held
    else:
        raise ValueError(f"The overlapping depth {size} is larger than your array {sum(chunks)}.")
    return tuple(out)


def _wide_enough(x: Array, depth: Depth) -> Chunks:
    """Return the chunks of an array joined so far that each is as long as the depth."""
    return tuple(
        ensure_minimum_chunksize(max(_sides(depth[axis])), lengths) if max(_sides(depth[axis])) else lengths
        for axis, lengths in enumerate(x.chunks)
    )


def overlap(x: Array, depth: Any, boundary: Any, *, allow_rechunk: bool = True) -> Array:
    """Return an array whose blocks have elements of their neighbours.

    Parameters
    ----------
    x : Array
    depth : int, tuple or dict
        How many elements, for each axis.
    boundary : str, value, tuple or dict
        What is beyond the ends of each axis: "reflect", "periodic", "nearest", a value, or "none".
    allow_rechunk : bool, default True
        Join chunks that are shorter than the depth; otherwise they are an error.

    Returns
    -------
    Array
    """
    depths = coerce_depth(x.ndim, depth)
    kinds = coerce_boundary(x.ndim, boundary)
    if allow_rechunk:
        x = x.rechunk(_wide_enough(x, depths))
    elif any(min(lengths) < max(_sides(depths[axis])) for axis, lengths in enumerate(x.chunks)):
        raise ValueError(
            "Overlap depth is larger than smallest chunksize.\nPlease set allow_rechunk=True to rechunk "
            f"automatically.\nOverlap depths required: {[max(_sides(each)) for each in depths.values()]}\n"
            f"Input chunks: {x.chunks}\n"
        )
    wide = boundaries(x, depths, kinds)
    out = overlap_internal(wide, depths)
    if wide is x:
        return out
    # what continues the ends was blocks of its own
    ends = [count != own for count, own in zip(wide.numblocks, x.numblocks)]
    return select_blocks(out, [list(range(1, n - 1) if end else range(n)) for n, end in zip(out.numblocks, ends)])


# Cutting back ---------------------------------------------------------------------------------------------------------


def trim_overlap(x: Array, depth: Any, boundary: Any = None) -> Array:
    """Cut from each block what it has of its neighbours.

    Parameters
    ----------
    x : Array
    depth, boundary
        As given to `overlap`.
    """
    return trim_internal(x, coerce_depth(x.ndim, depth), boundary)


def trim_internal(x: Array, axes: Depth, boundary: Any = None) -> Array:
    """Cut from each block what it has of its neighbours.

    Parameters
    ----------
    x : Array
    axes : dict
        A number, or numbers before and after, for each axis.
    boundary
        As given to `overlap`: without a boundary the array's ends have nothing to cut.
    """
    kinds = coerce_boundary(x.ndim, boundary)
    cuts = []
    chunks = []
    for axis, lengths in enumerate(x.chunks):
        before, after = _sides(axes.get(axis, 0))
        bare = isinstance(kinds[axis], str) and kinds[axis] == "none"
        last = len(lengths) - 1
        cuts.append(
            tuple((0 if bare and i == 0 else before, 0 if bare and i == last else after) for i in range(last + 1))
        )
        chunks.append(tuple(length - sum(cut) for length, cut in zip(lengths, cuts[-1])))
    if all(cut == (0, 0) for axis in cuts for cut in axis):
        return x
    function = partial(_trim, tuple(cuts))
    token = ("trim", tuple(cuts))
    return block_call(function, [x], [range(x.ndim)], chunks, x._meta, "_trim", indexed=True, token=token)


def _trim(cuts: tuple[Any, ...], site: Sequence[int], block: Any) -> Any:
    # a function may return fewer axes than were declared
    own = [axis[i] for axis, i in zip(cuts, site)][: np.ndim(block)]
    return block[tuple(slice(before, -after if after else None) for before, after in own)]


# Functions ------------------------------------------------------------------------------------------------------------


def map_overlap(
    func: Any,
    *args: Any,
    depth: Any = None,
    boundary: Any = None,
    trim: bool = True,
    align_arrays: bool = True,
    allow_rechunk: bool = True,
    **kwargs: Any,
) -> Array:
    """Call a function for each block with elements of its neighbours.

    Parameters
    ----------
    func : callable
        Gets a block of each array.
    *args : Array
    depth : int, tuple, dict or list
        How many elements of its neighbours a block has, for each axis; a pair means before and after, which needs the
        boundary "none". A list has a depth for each array.
    boundary : str, value, tuple, dict or list
        What is beyond the ends: "reflect", "periodic", "nearest", "none" or a value.
    trim : bool, default True
        Cut the result back to the blocks; False if the function does.
    align_arrays : bool, default True
        Give the arrays common chunks first.
    allow_rechunk : bool, default True
        Join chunks that are shorter than the depth; otherwise they are an error.
    **kwargs
        Further arguments as for `map_blocks`, and of the function.

    Returns
    -------
    Array

    Examples
    --------
    >>> import numpy as np
    >>> import dusk.array as da
    >>> x = da.from_array(np.array([1, 1, 2, 3, 3, 3, 2, 1, 1]), chunks=5)
    >>> da.map_overlap(lambda x: x - np.roll(x, 1), x, depth=1, boundary=0).compute()
    array([ 1,  0,  1,  1,  0,  0, -1, -1,  0])
    """
    if isinstance(func, Array) and args and callable(args[0]):
        warnings.warn(
            "The use of map_overlap(array, func, **kwargs) is deprecated since dask 2.17.0 and will be an error in a "
            "future release. To silence this warning, use the syntax map_overlap(func, array0,[ array1, ...,] "
            "**kwargs) instead.",
            FutureWarning,
            stacklevel=2,
        )
        old = dict(zip(("func", "depth", "boundary", "trim"), args))
        depth, boundary, trim = old.get("depth", depth), old.get("boundary", boundary), old.get("trim", trim)
        func, args = args[0], (func,)
    usage = "Usage:   da.map_overlap(function, x)\n   or:   da.map_overlap(function, x, y, z)"
    if not callable(func):
        raise TypeError(f"First argument must be callable function, not {type(func).__name__}\n{usage}")
    if not all(isinstance(x, Array) for x in args):
        raise TypeError(f"All variadic arguments must be arrays, not {[type(x).__name__ for x in args]}\n{usage}")
    depths = _for_each(args, depth, coerce_depth)
    kinds = _for_each(args, boundary, coerce_boundary)
    if align_arrays:
        pairs: list[Any] = []
        for x in args:
            pairs += [x, list(range(x.ndim))[::-1]]
        _, args = unify_chunks(*pairs, warn=False)
    elif len(args) > 1:
        counts = [list(zip(range(x.ndim)[::-1], x.numblocks)) for x in args]
        for label in range(max(x.ndim for x in args)):
            found = {count for each in counts for own, count in each if own == label} - {1}
            if len(found) > 1:
                raise ValueError(f"Shapes do not align: numbers of blocks {[x.numblocks for x in args]}")
    if all(own == 0 for each in depths for own in each.values()):
        return map_blocks(func, *args, **kwargs)
    for i, (each, kind) in enumerate(zip(depths, kinds)):
        for axis, own in each.items():
            if isinstance(own, tuple) and kind[axis] != "none":
                raise NotImplementedError(
                    "Asymmetric overlap is currently only implemented for boundary='none', however boundary for "
                    f"dimension {axis} in array argument {i} is {kind[axis]}"
                )
    args = [sized(x) for x in args]
    if not trim and "chunks" not in kwargs:
        kwargs["chunks"] = _wide_enough(args[0], depths[0]) if allow_rechunk else args[0].chunks
    wide = [overlap(x, each, kind, allow_rechunk=allow_rechunk) for x, each, kind in zip(args, depths, kinds)]
    out = map_blocks(func, *wide, **kwargs)
    if not trim:
        return out
    # the array of most axes, the first of these, tells what is cut
    most = max(range(len(wide)), key=lambda i: (wide[i].ndim, -i))
    own, kind = depths[most], kinds[most]
    ndim = max(x.ndim for x in wide)
    axes: list[int | None] = list(range(wide[most].ndim))
    if kwargs.get("drop_axis") is not None:
        gone = {axis % ndim for axis in _several(kwargs["drop_axis"])}
        axes = [axis for axis in axes if axis not in gone]
    if kwargs.get("new_axis") is not None:
        for axis in (axis % ndim if axis < 0 else axis for axis in _several(kwargs["new_axis"])):
            axes.insert(axis, None)
    trimmed = {n: 0 if axis is None else own[axis] for n, axis in enumerate(axes)}
    bounds = {n: "none" if axis is None else kind[axis] for n, axis in enumerate(axes)}
    return trim_internal(out, trimmed, bounds)


def _for_each(arrays: Sequence[Array], given: Any, coerce: Callable[[int, Any], Any]) -> list[Any]:
    each = given if isinstance(given, list) else [given] * len(arrays)
    return [coerce(x.ndim, own) for x, own in zip(arrays, each)]


def _several(axis: Any) -> list[int]:
    return [int(axis)] if isinstance(axis, Number) else [int(each) for each in axis]


@derived_from(np.lib.stride_tricks)
def sliding_window_view(x: Any, window_shape: Any, axis: Any = None, automatic_rechunk: bool = True) -> Array:
    x = asanyarray(x)
    windows = tuple(window_shape) if np.iterable(window_shape) else (window_shape,)
    if any(window <= 0 for window in windows):
        raise ValueError("`window_shape` must contain values > 0")
    if axis is None:
        axes = tuple(range(x.ndim))
        if len(windows) != len(axes):
            raise ValueError(
                "Since axis is `None`, must provide window_shape for all dimensions of `x`; "
                f"got {len(windows)} window_shape elements and `x.ndim` is {x.ndim}."
            )
    else:
        axes = tuple(validate_axis(each, x.ndim) for each in (axis if np.iterable(axis) else (axis,)))
        if len(windows) != len(axes):
            raise ValueError(
                f"Must provide matching length window_shape and axis; got {len(windows)} window_shape elements and "
                f"{len(axes)} axes elements."
            )
    depths = [0] * x.ndim
    for each, window in zip(axes, windows):
        depths[each] += int(window) - 1
    # also the last chunk must have a window of its own
    new: list[Any] = [
        ensure_minimum_chunksize(depth + 1, lengths) if depth or not automatic_rechunk else lengths
        for depth, lengths in zip(depths, x.chunks)
    ]
    if automatic_rechunk:
        free = {i for i, depth in enumerate(depths) if depth == 0}
        new = smaller_chunks(x.chunks, [*new, *((int(window),) for window in windows)], free)[: x.ndim]
    x = x.rechunk(tuple(new))
    chunks = [(*lengths[:-1], lengths[-1] - depth) for depth, lengths in zip(depths, x.chunks)]
    chunks += [(int(window),) for window in windows]
    return map_overlap(
        np.lib.stride_tricks.sliding_window_view,
        x,
        depth=tuple((0, depth) for depth in depths),
        boundary="none",
        meta=x._meta,
        new_axis=list(range(x.ndim, x.ndim + len(axes))),
        chunks=tuple(chunks),
        trim=False,
        align_arrays=False,
        window_shape=windows,
        axis=axes,
    )


def push(array: Array, n: int | None, axis: int) -> Array:
    """Fill NaN with the last value before it.

    Parameters
    ----------
    array : Array
    n : int or None
        At most so many elements after a value; None for all.
    axis : int
        The axis to go along.

    Returns
    -------
    Array
    """
    axis = validate_axis(axis, array.ndim)
    if n is not None and 0 < n < array.shape[axis] - 1:
        depth = {i: (n, 0) if i == axis else 0 for i in range(array.ndim)}
        return map_overlap(
            _push, array, depth=depth, boundary="none", dtype=array.dtype, meta=array._meta, limit=n, along=axis
        )
    from dusk.array.reductions import cumreduction

    return cumreduction(func=_push_all, binop=_fill_with_last, ident=np.nan, x=array, axis=axis, dtype=array.dtype)


def _push(block: Any, limit: int | None = None, along: int = -1) -> Any:
    places = np.arange(block.shape[along]).reshape([-1 if i == along % block.ndim else 1 for i in range(block.ndim)])
    valid = np.where(np.isnan(block), -1, places)
    last = np.maximum.accumulate(valid, axis=along)
    filled = np.take_along_axis(block, np.maximum(last, 0), axis=along)
    missing = last < 0
    if limit is not None:
        missing |= places - last > limit
    return np.where(missing, block, filled)


def _push_all(block: Any, axis: int = -1, dtype: Any = None) -> Any:
    return _push(block, None, axis)


def _fill_with_last(before: Any, block: Any) -> Any:
    return np.where(np.isnan(block), before, block)
