"""`x[rows, columns] = value`: assignment at points, where an index has several arrays, or one of several axes.

Covers what NumPy calls advanced indexing beyond one array of positions along one axis: arrays of positions that are
broadcast against each other, masks of some of the axes, beside slices, integers and new axes. Each block gets the
points that lie in it; where values are an array of dusk, they are put into the order of the blocks first, so that a
block reads its own part. Of equal points the last value stays, as in NumPy. Indexes that are arrays of dusk are
computed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from dusk import _core
from dusk.array._array import Array, array_of, core_dtype
from dusk.array._chunks import cached_cumsum, chunk_specs
from dusk.array._getitem import take_axis
from dusk.array._index import shape_of_points
from dusk.array._views import block_call

__all__ = ["needs_points", "set_points"]


def needs_points(entries: Sequence[Any]) -> bool:
    """Return whether an index has several arrays, or one that isn't of one axis."""
    arrays = [ind for ind in entries if hasattr(ind, "ndim") and ind.ndim]
    return len(arrays) > 1 or any(ind.ndim > 1 for ind in arrays)


def set_points(x: Array, entries: Sequence[Any], value: Any, first: bool = False) -> Array:
    """Return what `x` is after `x[entries] = value`.

    Parameters
    ----------
    x : Array
        All its lengths are known.
    entries : sequence
        Integers, slices, None, arrays of positions and masks, for all axes of `x`.
    value : array of NumPy or dusk
        In the dtype of `x`.
    first : bool, default False
        The axes of the points come first, as with `vindex`, wherever the arrays stand.
    """
    from dusk.array._setitem import kind_of

    points, slices, shape, place, new = _parsed(x, entries, first)
    count = math.prod(shape)
    rest = [len(range(*own.indices(x.shape[axis]))) for axis, own in slices.items()]
    if not count or not all(rest):
        return x
    if value.ndim:
        value = _by_point(value, shape, rest, place, new)
    axes = sorted(points)
    flat = {axis: np.broadcast_to(points[axis], shape).ravel() for axis in axes}
    begins = [np.asarray(cached_cumsum(lengths, initial_zero=True)) for lengths in x.chunks]
    blocks = [np.searchsorted(begins[axis][1:], flat[axis], side="right") for axis in axes]
    number = np.ravel_multi_index(blocks, [x.numblocks[axis] for axis in axes])
    order = np.argsort(number, kind="stable")
    found, starts = np.unique(number[order], return_index=True)
    groups = dict(zip(found.tolist(), zip(starts.tolist(), [*starts[1:].tolist(), count])))
    ordered = {axis: flat[axis][order] for axis in axes}
    ranges = {axis: range(*own.indices(x.shape[axis])) for axis, own in slices.items()}
    meta = kind_of(x, value)
    if not isinstance(value, Array) or not value.ndim:
        given = [value] if isinstance(value, Array) else []
        known = None if given else value[order] if value.ndim else value
        spec = (tuple(axes), groups, ordered, ranges, begins, x.numblocks)
        token = ("points", list(ordered.values()), list(ranges.items()), known)
        function = partial(_set_known, spec, known)
        inputs, picks = [x, *given], [range(x.ndim), *([] for _ in given)]
        return block_call(function, inputs, picks, x.chunks, meta, "setitem", indexed=True, token=token)
    value = take_axis(value, order, 0, "setitem-order")
    cut = [tuple(stop - start for start, stop in groups.values())]
    within = {axis: _counts(own, begins[axis]) for axis, own in ranges.items()}
    value = value.rechunk((*cut, *within.values()))
    chosen = {group: i for i, group in enumerate(groups)}
    nodes = []
    for site in np.ndindex(*x.numblocks):
        at = [("at", i) for i in site]
        own_chunks = tuple((lengths[i],) for lengths, i in zip(x.chunks, site))
        group = int(np.ravel_multi_index([site[axis] for axis in axes], [x.numblocks[axis] for axis in axes]))
        if group not in groups or not all(within[axis][site[axis]] for axis in ranges):
            nodes.append(block_call(_as_it_is, [x], [at], own_chunks, meta, "setitem", token="block")._node)
            continue
        start, stop = groups[group]
        local = tuple(ordered[axis][start:stop] - begins[axis][site[axis]] for axis in axes)
        part = tuple(_local(own, begins[axis], site[axis])[0] for axis, own in ranges.items())
        pick = [("at", chosen[group]), *(("at", site[axis]) for axis in ranges)]
        spec = (tuple(axes), local, tuple(ranges), part)
        function = partial(_set_part, spec)
        nodes.append(block_call(function, [x, value], [at, pick], own_chunks, meta, "setitem", token=spec)._node)
    return array_of(_core.array_join(nodes, chunk_specs(x.chunks), core_dtype(meta), prefix="setitem"), meta)


def _parsed(x: Array, entries: Sequence[Any], first: bool) -> tuple[Any, ...]:
    """Return what an index says.

    Returns
    -------
    points : dict
        Positions along axes, none of them negative.
    slices : dict
        Slices along the other axes.
    shape : tuple
        The shape of the points.
    place : int
        Before which of the other axes, new ones included, those of the points come.
    new : list of bool
        For each of these other axes, whether it is new.
    """
    points: dict[int, Any] = {}
    slices: dict[int, slice] = {}
    new: list[bool] = []
    places = []
    axis = 0
    for ind in entries:
        if ind is None or isinstance(ind, slice):
            new.append(ind is None)
            if ind is not None:
                slices[axis] = ind
                axis += 1
            continue
        if isinstance(ind, Array):
            ind = np.asarray(ind.compute())
        ind = np.asarray(ind)
        places.append(len(new))
        if ind.dtype == bool:
            for i, (length, have) in enumerate(zip(ind.shape, x.shape[axis:])):
                if length != have:
                    raise IndexError(
                        f"boolean index did not match indexed array along axis {axis + i}; size of axis is {have} but "
                        f"size of corresponding boolean axis is {length}"
                    )
            for positions in ind.nonzero():
                points[axis] = positions
                axis += 1
            continue
        if ind.size == 0:
            ind = ind.astype(np.intp)
        if ind.dtype.kind not in "iu":
            raise IndexError("arrays used as indices must be of integer (or boolean) type")
        size = x.shape[axis]
        if ((ind >= size) | (ind < -size)).any():
            raise IndexError(f"Index is out of bounds for axis {axis} with size {size}")
        ind = ind.astype(np.intp)
        points[axis] = np.where(ind < 0, ind + size, ind)
        axis += 1
    shape = shape_of_points(points.values())
    # arrays beside each other leave their axes where they stand; otherwise these come first
    place = places[0] if not first and len(set(places)) == 1 else 0
    return points, slices, shape, place, new


def _by_point(value: Any, shape: Sequence[int], rest: Sequence[int], place: int, new: Sequence[bool]) -> Any:
    """Return values with one axis for the points, first, and one for each slice."""
    lengths = iter(rest)
    others = [1 if is_new else next(lengths) for is_new in new]
    whole = (*others[:place], *shape, *others[place:])
    extra = value.ndim - len(whole)
    if extra > 0 and value.shape[:extra] == (1,) * extra:
        value = value[(0,) * extra]
    try:
        if isinstance(value, Array):
            from dusk.array.core import broadcast_to

            value = broadcast_to(value, whole)
        else:
            value = np.broadcast_to(value, whole, subok=True)
    except ValueError as error:
        raise ValueError(
            f"shape mismatch: value array of shape {value.shape} could not be broadcast to indexing result of shape "
            f"{whole}"
        ) from error
    own = list(range(place, place + len(shape)))
    order = [*own, *(axis for axis in range(len(whole)) if axis not in own)]
    return value.transpose(order).reshape((math.prod(shape), *rest))


def _counts(own: range, begins: Any) -> tuple[int, ...]:
    """Return how many elements of a range lie in each chunk."""
    return tuple(len(_local(own, begins, i)[1]) for i in range(len(begins) - 1))


def _local(own: range, begins: Any, number: int) -> tuple[slice, range]:
    """Return where in a chunk the elements of a range lie, and the numbers that these have in the range."""
    begin, end = int(begins[number]), int(begins[number + 1])
    step = own.step
    if step > 0:
        low, high = -((own.start - begin) // step), -((own.start - end) // step)
    else:
        low, high = (own.start - end) // -step + 1, (own.start - begin) // -step + 1
    numbers = range(min(max(low, 0), len(own)), min(max(high, 0), len(own)))
    if not numbers:
        return slice(0, 0), numbers
    start = own[numbers[0]] - begin
    stop = own[numbers[-1]] - begin + (1 if step > 0 else -1)
    return slice(start, stop if stop >= 0 else None, step), numbers


def _set_known(spec: tuple[Any, ...], value: Any, site: Sequence[int], block: Any, *given: Any) -> Any:
    value = np.asanyarray(given[0]) if given else value
    axes, groups, ordered, ranges, begins, counts = spec
    group = int(np.ravel_multi_index([site[axis] for axis in axes], [counts[axis] for axis in axes]))
    if group not in groups:
        return block
    start, stop = groups[group]
    local = tuple(ordered[axis][start:stop] - begins[axis][site[axis]] for axis in axes)
    parts = [_local(own, begins[axis], site[axis]) for axis, own in ranges.items()]
    if not all(len(numbers) for _, numbers in parts):
        return block
    if value.ndim:
        index = (slice(start, stop), *(slice(numbers.start, numbers.stop) for _, numbers in parts))
        value = value[index]
    return _set_part((axes, local, tuple(ranges), tuple(where for where, _ in parts)), block, value)


def _set_part(spec: tuple[Any, ...], block: Any, value: Any) -> Any:
    from dusk.array._setitem import writeable

    axes, local, others, parts = spec
    out = writeable(block, value)
    # a view with the axes of the points first: then these come first in what is set as well
    moved = out.transpose((*axes, *others))
    moved[(*local, *parts)] = value if np.ndim(value) or np.ma.isMA(value) else value[()]
    return out


def _as_it_is(block: Any) -> Any:
    return block
