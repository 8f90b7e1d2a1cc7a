"""`x[...]`, `x.vindex[...]`, `x.blocks[...]`: elements of an array at other places, or those of a mask.

Slices, integers and new axes are one view. An array of positions along an axis is a call for each block of the
result, on the blocks that hold the positions. Masks and positions that are arrays themselves leave lengths unknown
until computed. Several arrays of positions raise NotImplementedError as in Dask (xarray relies on it); `vindex` takes
them as points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from numbers import Number
from operator import getitem as _getitem
from typing import Any

import numpy as np

from dusk import _core, config
from dusk._collection import is_dusk_collection
from dusk.array._array import Array, array_of, core_dtype
from dusk.array._chunks import Chunks, cached_cumsum, chunk_specs, common_blockdim, is_known
from dusk.array._index import axes_cut, colon, expand_index, normalize_index, replace_ellipsis, shape_of_points
from dusk.array._lengths import origin, sized, sized_alike, with_origins
from dusk.array._meta import meta_from_array
from dusk.array._views import Axis, block_call, is_native, kernel_call, pick_points, view

__all__ = ["BlockView", "getitem", "group_lengths", "sliced_lengths", "take_axis", "vindex"]


def getitem(x: Array, index: Any) -> Array:
    """Return `x[index]`."""
    names = index if isinstance(index, list) else [index]
    if names and all(isinstance(name, str) for name in names):
        return _fields(x, index)
    if not is_known(x.shape):
        x = sized(x, axes_cut(index, x.ndim))
    index = normalize_index(index, x.shape)
    if any(isinstance(ind, np.ndarray) and ind.dtype == bool for ind in index):
        index = tuple(ind if not _is_mask(ind) else _lazy(ind) for ind in index)
    index = tuple(_one_element(ind) for ind in index)
    if sum(_is_positions(ind) for ind in index) > 1:
        raise NotImplementedError("Don't yet support nd fancy indexing")
    x, index = _by_lazy_arrays(x, index)
    where = [i for i, ind in enumerate(index) if isinstance(ind, np.ndarray)]
    if not where:
        return _basic(x, index)
    place = where[0]
    positions = index[place]
    x = _basic(x, (*index[:place], colon, *index[place + 1 :]))
    axis = sum(1 for ind in index[:place] if ind is None or isinstance(ind, slice | bool | np.bool_))
    if positions.size == 0 and positions.ndim == 1 and is_known(x.chunks[axis]):
        return _basic(x, (colon,) * axis + (slice(0, 0),) + (colon,) * (x.ndim - axis - 1))
    return _take_any(x, positions, axis)


def _is_mask(ind: Any) -> bool:
    return isinstance(ind, np.ndarray) and ind.dtype == bool


def _is_positions(ind: Any) -> bool:
    """Return whether an entry is an array of positions along an axis (not a mask that is an array of dusk)."""
    return isinstance(ind, np.ndarray) or (isinstance(ind, Array) and ind.dtype.kind in "iu" and ind.ndim > 0)


def _lazy(ind: Any) -> Array:
    from dusk.array.core import from_array

    return from_array(ind)


def _one_element(ind: Any) -> Any:
    if is_dusk_collection(ind) and not isinstance(ind, Array):
        raise TypeError("Invalid index type", type(ind), ind)
    if isinstance(ind, Array) and ind.dtype.kind not in "iub":
        raise IndexError("arrays used as indices must be of integer (or boolean) type")
    return ind


# Fields ---------------------------------------------------------------------------------------------------------------


def _fields(x: Array, index: Any) -> Array:
    if isinstance(index, str):
        dtype = x.dtype[index]
    else:
        fields = x.dtype.fields or {}
        dtype = np.dtype(
            {
                "names": index,
                "formats": [fields[name][0] for name in index],
                "offsets": [fields[name][1] for name in index],
                "itemsize": x.dtype.itemsize,
            }
        )
    meta = x._meta[index] if hasattr(x._meta, "dtype") else np.empty((0,) * x.ndim, dtype=dtype)
    chunks = x.chunks + tuple((length,) for length in dtype.shape)
    meta = meta_from_array(meta, ndim=len(chunks), dtype=dtype.base)
    key = index if isinstance(index, str) else list(index)
    return block_call(partial(_field, key), [x], [range(x.ndim)], chunks, meta, "getitem", token=("field", key))


def _field(key: Any, block: Any) -> Any:
    return _getitem(block, key)


# Slices, integers, new axes -------------------------------------------------------------------------------------------


def sliced_lengths(lengths: Sequence[int], start: int, step: int, count: int) -> tuple[int, ...]:
    """Return the chunks of `count` elements from `start` on: what is in one chunk stays in one."""
    if count == 0:
        return (0,)
    if step < 0:
        return sliced_lengths(lengths, start + step * (count - 1), -step, count)[::-1]
    ends = np.cumsum(np.asarray(lengths, dtype=np.int64))
    before = np.clip(-((start - ends) // step), 0, count)
    some = np.diff(before, prepend=0)
    return tuple(some[some > 0].tolist())


def _basic(x: Array, index: Sequence[Any]) -> Array:
    """Return `x[index]` for an index of slices, integers, None and truth values."""
    if all(isinstance(ind, slice) and ind == colon for ind in index):
        return x
    axes: list[Axis] = []
    fixed: list[tuple[int, int]] = []
    chunks: list[tuple[int, ...]] = []
    axis = 0
    for ind in index:
        if ind is None or isinstance(ind, bool | np.bool_):
            axes.append(())
            chunks.append((1,) if ind is None or ind else (0,))
            continue
        lengths = x.chunks[axis]
        if isinstance(ind, slice) and ind == colon:
            axes.append((axis,) if not is_known(lengths) else (axis, 0, 1))
            chunks.append(lengths)
        elif isinstance(ind, slice):
            start, stop, step = ind.indices(x.shape[axis])
            count = len(range(start, stop, step))
            axes.append((axis, start if count else 0, step))
            chunks.append(sliced_lengths(lengths, start, step, count))
        else:
            fixed.append((axis, int(ind)))
        axis += 1
    return view(x, axes, fixed, chunks, "getitem")


# Positions along an axis ----------------------------------------------------------------------------------------------


def group_lengths(groups: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    """Return which groups of elements go into one chunk together, as lists of their numbers.

    Chunks stay near the average of those before: a group joins the others as long as the tolerance allows it.
    """
    tolerance = config.get("array.chunk-size-tolerance")
    limit = int(sum(lengths) / len(lengths) * tolerance)
    out: list[list[int]] = []
    current: list[int] = []
    held = 0
    for number, length in enumerate(groups):
        if current and held + length > limit:
            out.append(current)
            current, held = [number], length
            continue
        current.append(number)
        held += length
        if held > limit / tolerance:
            out.append(current)
            current, held = [], 0
    if current and held:
        out.append(current)
    return out


def _take_lengths(count: int, lengths: Sequence[int]) -> tuple[int, ...]:
    """Return the chunks of `count` elements taken along an axis with these chunks."""
    average = max(1, int(sum(lengths) / len(lengths)))
    groups = [min(average, count - i) for i in range(0, count, average)]
    return tuple(sum(groups[number] for number in chunk) for chunk in group_lengths(groups, lengths)) or (0,)


def take_axis(x: Array, positions: Any, axis: int, prefix: str = "getitem") -> Array:
    """Return the elements at positions, none of them negative, along an axis of known chunks."""
    lengths = x.chunks[axis]
    count = len(positions)
    steps = np.diff(positions)
    if count and count == x.shape[axis] and positions[0] == 0 and (steps == 1).all():
        return x
    chunks = _take_lengths(count, lengths)
    if count and (count == 1 or (steps == steps[0]).all()):
        axes: list[Axis] = [(i, 0, 1) if is_known(own) else (i,) for i, own in enumerate(x.chunks)]
        axes[axis] = (axis, int(positions[0]), int(steps[0]) if count > 1 else 1)
        return view(x, axes, [], [*x.chunks[:axis], chunks, *x.chunks[axis + 1 :]], prefix)
    return pick_points(x, {axis: positions}, chunks, axis, prefix)


def _take_any(x: Array, positions: Any, axis: int) -> Array:
    if positions.ndim > 1:
        flat = _take_any(x, positions.ravel(), axis)
        return flat.reshape(x.shape[:axis] + positions.shape + x.shape[axis + 1 :])
    return take_axis(x, positions.astype(np.intp), axis)


# Positions and masks that are arrays of dusk --------------------------------------------------------------------------


def _by_lazy_arrays(x: Array, index: Sequence[Any]) -> tuple[Array, tuple[Any, ...]]:
    """Apply the entries of an index that are arrays; return what is left of it."""
    if not any(isinstance(ind, Array) for ind in index):
        return x, tuple(index)
    masks = [ind for ind in index if isinstance(ind, Array) and ind.dtype == bool and ind.ndim]
    if len(masks) > 1:
        raise NotImplementedError("Don't yet support nd fancy indexing")
    if masks and any(isinstance(ind, Array) and ind.ndim and ind is not masks[0] for ind in index):
        raise NotImplementedError("Don't yet support nd fancy indexing")
    out: list[Any] = []
    axis = 0
    for ind in index:
        if not isinstance(ind, Array):
            out.append(ind)
            axis += not (ind is None or isinstance(ind, bool | np.bool_))
        elif ind.dtype == bool:
            if ind.ndim == 0:
                raise NotImplementedError("Slicing with a dask.array of one truth value is not supported")
            x = _by_mask(x, ind, axis)
            out.append(colon)
            axis += 1
        elif ind.ndim == 0:
            x = _by_positions(x, ind[np.newaxis], axis)
            x = _basic(x, (colon,) * axis + (0,) + (colon,) * (x.ndim - axis - 1))
        else:
            if ind.ndim > 1:
                flat = _by_positions(x, ind.ravel(), axis)
                x = flat.reshape(x.shape[:axis] + ind.shape + x.shape[axis + 1 :])
            else:
                x = _by_positions(x, ind, axis)
            out.extend([colon] * ind.ndim)
            axis += ind.ndim
    return x, tuple(out)


def _by_mask(x: Array, mask: Array, axis: int) -> Array:
    """Keep the elements where `mask`, which takes the place of one or several axes, is true."""
    if mask.ndim > 1:
        # one after the other in C order, which blocks of unknown lengths can't tell
        x, mask = sized(x, range(axis, axis + mask.ndim)), sized(mask)
        own = x.shape[axis : axis + mask.ndim]
        for i, (length, other) in enumerate(zip(own, mask.shape)):
            if length != other:
                raise IndexError(
                    f"boolean index did not match indexed array along axis {axis + i}; size of axis is {length} but "
                    f"size of corresponding boolean axis is {other}"
                )
        x = x.reshape((*x.shape[:axis], math.prod(own), *x.shape[axis + mask.ndim :]))
        mask = mask.ravel()
    x, mask = sized_alike([x, mask], [range(x.ndim), (axis,)])
    if is_known(x.chunks[axis]) and is_known(mask.chunks[0]) and x.shape[axis] != mask.shape[0]:
        raise IndexError(
            f"boolean index did not match indexed array along axis {axis}; size of axis is {x.shape[axis]} but size of "
            f"corresponding boolean axis is {mask.shape[0]}"
        )
    common = common_blockdim([x.chunks[axis], mask.chunks[0]])
    x = x.rechunk({axis: common})
    mask = mask.rechunk((common,))
    chunks = [*x.chunks[:axis], (np.nan,) * len(common), *x.chunks[axis + 1 :]]
    picks = [list(range(x.ndim)), [axis]]
    if is_native(x) and is_native(mask):
        kept = kernel_call("compress", [x, mask], picks, chunks, x._meta, "getitem", axis=axis)
    else:
        function = partial(_mask_block, axis)
        kept = block_call(function, [x, mask], picks, chunks, x._meta, "getitem", token=("mask", axis))
    return with_origins(kept, {i: mask.name if i == axis else origin(x, i) for i in range(x.ndim)})


def _mask_block(axis: int, block: Any, mask: Any) -> Any:
    return block[(slice(None),) * axis + (as_mask(mask),)]


def as_mask(mask: Any) -> Any:
    """Return the mask in a form that picks elements; other libraries' dense arrays pick from their own as they are."""
    return mask.todense() if hasattr(mask, "todense") else mask


def _by_positions(x: Array, positions: Array, axis: int) -> Array:
    """Return the elements at positions that are an array of dusk of one axis."""
    x = sized(x, [axis])
    lengths = x.chunks[axis]
    chunks = [*x.chunks[:axis], positions.chunks[0], *x.chunks[axis + 1 :]]
    size = x.shape[axis]
    if len(lengths) == 1:
        function = partial(_positions_in_one, axis, size)
        picks: list[list[Any]] = [list(range(x.ndim)), [axis]]
        picks[0][axis] = ("at", 0)
        return block_call(function, [x, positions], picks, chunks, x._meta, "getitem", token=("positions", axis, size))
    # first what each pair of blocks gives, with a further axis; then these put in order for each block of positions
    begins = cached_cumsum(lengths, initial_zero=True)
    unknown = (np.nan,) * len(lengths)
    pair_chunks = [*x.chunks[:axis], unknown, positions.numblocks[0] * (1,), *x.chunks[axis + 1 :]]
    meta = meta_from_array(x._meta, ndim=x.ndim + 1)
    follow = [*range(axis + 1), *range(axis + 2, x.ndim + 1)]
    pairs = block_call(
        partial(_positions_in_pair, axis, begins),
        [x, positions],
        [follow, [axis + 1]],
        pair_chunks,
        meta,
        "getitem",
        indexed=True,
        token=("positions", axis, begins),
    )
    gather = [*range(axis), None, *range(axis, x.ndim)]
    return block_call(
        partial(_positions_joined, axis, begins),
        [positions, pairs],
        [[axis], gather],
        chunks,
        x._meta,
        "getitem",
        token=("positions-joined", axis, begins),
    )


def _counted(positions: Any, axis: int, size: int) -> Any:
    positions = np.asarray(positions).astype(np.int64, copy=False)
    if ((positions >= size) | (positions < -size)).any():
        raise IndexError(f"Index is out of bounds for axis {axis} with size {size}")
    return np.where(positions < 0, positions + size, positions)


def _positions_in_one(axis: int, size: int, block: Any, positions: Any) -> Any:
    return block[(slice(None),) * axis + (_counted(positions, axis, size),)]


def _positions_in_pair(axis: int, begins: Sequence[int], site: Sequence[int], block: Any, positions: Any) -> Any:
    begin, end = begins[site[axis]], begins[site[axis] + 1]
    counted = _counted(positions, axis, begins[-1])
    here = counted[(counted >= begin) & (counted < end)] - begin
    return block[(slice(None),) * axis + (here,)][(slice(None),) * (axis + 1) + (None,)]


def _positions_joined(axis: int, begins: Sequence[int], positions: Any, parts: Sequence[Any]) -> Any:
    from dusk.array._host import concatenate_nested

    counted = _counted(positions, axis, begins[-1])
    joined = concatenate_nested(list(parts), [axis])
    joined = joined[(slice(None),) * (axis + 1) + (0,)]
    blocks = np.searchsorted(np.asarray(begins[1:]), counted, side="right")
    order = np.argsort(blocks, kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return joined[(slice(None),) * axis + (places,)]


# Points ---------------------------------------------------------------------------------------------------------------


def vindex(x: Array, key: Any) -> Array:
    """Return `x.vindex[key]`: elements at points; arrays of positions are broadcast, and their axes come first."""
    if not isinstance(key, tuple):
        key = (key,)
    if any(k is None for k in key):
        raise IndexError(f"vindex does not support indexing with None (np.newaxis), got {key}")
    if all(isinstance(k, slice) for k in key):
        if all(k.indices(d) == slice(0, d).indices(d) for k, d in zip(key, x.shape)):
            return x
        raise IndexError(
            "vindex requires at least one non-slice to vectorize over when the slices are not over the entire array "
            f"(i.e, x[:]). Use normal slicing instead when only using slices. Got: {key}"
        )
    if any(is_dusk_collection(k) for k in key):
        if math.prod(x.numblocks) == 1 and len(key) == 1 and x.ndim == 1 and isinstance(key[0], Array):
            picks = [list(range(key[0].ndim)), [("at", 0)]]
            meta = meta_from_array(x._meta, ndim=key[0].ndim)
            return block_call(_numpy_vindex, [key[0], x], picks, key[0].chunks, meta, "vindex", token="vindex")
        raise IndexError(
            "vindex does not support indexing with dask objects. Call compute on the indexer first to get an "
            f"evalurated array. Got: {key}"
        )
    x = sized(x)
    indexes = replace_ellipsis(x.ndim, key)
    indexes = indexes + (colon,) * (x.ndim - len(indexes))
    basic = tuple(k if isinstance(k, Number | slice) else colon for k in indexes)
    left = [colon if isinstance(k, slice) else k for k in indexes if not isinstance(k, Number)]
    x = getitem(x, basic)
    points = {}
    for axis, (k, size) in enumerate(zip(left, x.shape)):
        if isinstance(k, slice):
            continue
        k = np.array(k, copy=True)
        if k.dtype.kind == "b":
            raise IndexError("vindex does not support indexing with boolean arrays")
        if k.size == 0:
            k = k.astype(np.intp)
        if ((k >= size) | (k < -size)).any():
            raise IndexError(
                f"vindex key has entries out of bounds for indexing along axis {axis} of size {size}: {k!r}"
            )
        points[axis] = np.where(k < 0, k + size, k)
    return _points(x, points) if points else x


def _numpy_vindex(indexer: Any, array: Any) -> Any:
    return array[np.asarray(indexer)]


def _points(x: Array, points: dict[int, Any]) -> Array:
    shape = shape_of_points(points.values())
    count = math.prod(shape)
    flat = {axis: np.broadcast_to(k, shape).ravel() for axis, k in points.items()}
    most = max(1, math.prod(max(x.chunks[axis]) for axis in points))
    whole, rest = divmod(count, most)
    lengths = (most,) * whole + ((rest,) if rest or not count else ())
    picked = pick_points(x, flat, lengths, 0, "vindex-merge")
    return picked if len(shape) == 1 else picked.reshape(shape + picked.shape[1:])


# Blocks ---------------------------------------------------------------------------------------------------------------


class BlockView:
    """The blocks of an array, to be indexed as if each were an element.

    Parameters
    ----------
    array : Array

    Examples
    --------
    >>> import dusk.array as da
    >>> da.arange(8, chunks=2).blocks[::2].compute()
    array([0, 1, 4, 5])
    """

    def __init__(self, array: Array) -> None:
        self._array = array

    def __getitem__(self, index: Any) -> Array:
        if not isinstance(index, tuple):
            index = (index,)
        if sum(isinstance(ind, np.ndarray | list) for ind in index) > 1:
            raise ValueError("Can only slice with a single list")
        if any(ind is None for ind in index):
            raise ValueError("Slicing with np.newaxis or None is not supported")
        x = self._array
        index = normalize_index(index, x.numblocks)
        if len(index) != x.ndim or any(not isinstance(ind, slice | int | np.ndarray | np.integer) for ind in index):
            raise IndexError(f"blocks are chosen by integers, slices and one list, not by {index}")
        chosen = [np.atleast_1d(np.arange(count)[ind]).tolist() for count, ind in zip(x.numblocks, index)]
        return select_blocks(x, chosen)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, BlockView):
            return self._array is other._array
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equality is of the array's identity, as in Dask

    @property
    def size(self) -> int:
        """The number of blocks."""
        return math.prod(self.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of blocks along each axis."""
        return self._array.numblocks

    def ravel(self) -> list[Array]:
        """Return the blocks as arrays, in C order."""
        return [self[index] for index in np.ndindex(self.shape)]


def select_blocks(x: Array, chosen: Sequence[Sequence[int]]) -> Array:
    """Return the array of the blocks with these numbers along each axis."""
    chunks: Chunks = tuple(tuple(lengths[i] for i in each) for lengths, each in zip(x.chunks, chosen))
    axes: list[Axis] = []
    for axis, (each, lengths) in enumerate(zip(chosen, x.chunks)):
        run = each == list(range(each[0], each[0] + len(each))) if each else False
        if not run:
            break
        if len(each) == len(lengths):
            axes.append((axis, 0, 1) if is_known(lengths) else (axis,))
        elif is_known(lengths):
            axes.append((axis, sum(lengths[: each[0]]) if sum(chunks[axis]) else 0, 1))
        else:
            break
    if len(axes) == x.ndim:
        return view(x, axes, [], chunks, "blocks")
    if any(not each for each in chosen):
        axes = [(axis, 0, 1) for axis in range(x.ndim)]
        if not is_known(x.shape):
            return select_blocks(sized(x), chosen)
        lengths = [own if own else (0,) for own in chunks]
        return view(x, axes, [], lengths, "blocks") if all(len(each) for each in chosen) else _empty(x, lengths)
    nodes = []
    for index in np.ndindex(*(len(each) for each in chosen)):
        at = [("at", each[i]) for each, i in zip(chosen, index)]
        own = tuple((lengths[i],) for lengths, i in zip(chunks, index))
        nodes.append(block_call(_same_block, [x], [at], own, x._meta, "blocks", token="block")._node)
    return array_of(_core.array_join(nodes, chunk_specs(chunks), core_dtype(x._meta), prefix="blocks"), x._meta)


def _empty(x: Array, chunks: Sequence[Sequence[int]]) -> Array:
    """Return an array without elements in these chunks."""
    index = tuple(slice(0, sum(lengths)) for lengths in chunks)
    out = getitem(x, index)
    return out.rechunk(tuple(tuple(lengths) for lengths in chunks))


def _same_block(block: Any) -> Any:
    return block


def expanded(index: Any, x: Array) -> tuple[Any, ...]:
    """Return an index of `x` with an entry for each axis."""
    return expand_index(index if isinstance(index, tuple) else (index,), x.shape)
