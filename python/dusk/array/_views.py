"""Arrays whose elements are those of another array at other places, whatever the blocks are.

Plain numeric blocks are the engine's: it moves elements itself. Blocks that only Python can hold (objects, structured,
masked, sparse) go through calls for each block. This module decides; nobody above it asks. Covers views (slices, steps,
integers, transposes, new axes, broadcasts, other chunks), concatenation, picking of points, and other names for
lengths. Invariant: no call gets more blocks than its result has elements of.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from dusk import _core
from dusk.array._array import Array, array_of, core_dtype
from dusk.array._block_calls import block_call as _block_call
from dusk.array._chunks import canonical, chunk_specs, is_known
from dusk.array._host import concatenate_nested
from dusk.array._meta import meta_from_array

__all__ = [
    "Axis",
    "assign_to",
    "block_call",
    "concat",
    "is_native",
    "kernel_call",
    "pick_points",
    "rechunked",
    "relabel",
    "spans",
    "view",
]

# An axis of a view: (axis, start, step), (axis,) for the blocks as they are, (axis, before, after, "overlap") for these
# with elements of their neighbours, () for a new one
Axis = tuple[int, int, int] | tuple[int] | tuple[int, int, int, str] | tuple[()]


def is_native(x: Array) -> bool:
    """Return whether the engine itself holds the blocks of an array."""
    return x._node.dtype is not None


def assign_to(x: Array, y: Array) -> None:
    """Put the plan of `y` behind `x`, as assignments to items do."""
    x._node = y._node
    x._alias = y._alias
    x._meta = y._meta
    x._known_chunks = None
    x._boxed = y._boxed


def block_call(
    function: Callable[..., Any],
    inputs: Sequence[Array],
    picks: Sequence[Sequence[Any]],
    chunks: Sequence[Sequence[Any]],
    meta: Any,
    prefix: str,
    *,
    indexed: bool = False,
    token: Any,
) -> Array:
    """Return an array of what a function of dusk's own makes of blocks.

    Parameters
    ----------
    function : callable
        Gets blocks that it must not write to.
    inputs : list of Array
    picks : list of lists
        Which blocks of each input along each of its axes; see `_core.array_blocks`.
    chunks : chunks of the result
    meta : array
        An empty example of a result.
    prefix : str
        The beginning of the name.
    indexed : bool
        Whether the function gets the block's position first.
    token : object
        What the function is and what its result depends on besides the blocks, for the name.
    """
    return _block_call(
        function,
        list(zip(inputs, picks, strict=True)),
        chunks,
        meta,
        prefix=prefix,
        indexed=indexed,
        token=token,
    )


# Views ----------------------------------------------------------------------------------------------------------------


def view(
    x: Array, axes: Sequence[Axis], fixed: Sequence[tuple[int, int]], chunks: Sequence[Sequence[Any]], prefix: str
) -> Array:
    """Return an array of elements of another one.

    Parameters
    ----------
    x : Array
    axes : list of tuples
        See `Axis`, one for each axis of the result.
    fixed : list of (axis, position)
        Axes that are gone, and which position is taken.
    chunks : chunks of the result
    prefix : str
        The beginning of the name.
    """
    meta = meta_from_array(x._meta, ndim=len(axes))
    if is_native(x):
        node = _core.array_view(x._node, list(axes), list(fixed), chunk_specs(chunks), prefix=prefix)
        return array_of(node, meta)
    return _host_view(x, axes, fixed, chunks, meta, prefix)


def rechunked(x: Array, chunks: Sequence[Sequence[Any]], prefix: str) -> Array:
    """Return the same elements in other chunks; axes of unknown lengths must keep theirs."""
    axes: list[Axis] = []
    for axis, (old, new) in enumerate(zip(x.chunks, chunks)):
        axes.append((axis,) if canonical((old,)) == canonical((new,)) and not is_known(old) else (axis, 0, 1))
    return view(x, axes, [], chunks, prefix)


def relabel(x: Array, chunks: Sequence[Sequence[Any]]) -> Array:
    """Return the same blocks under other lengths, which the caller knows better."""
    if is_native(x):
        return view(x, [(axis,) for axis in range(x.ndim)], [], chunks, _prefix(x))
    return block_call(_same, [x], [range(x.ndim)], chunks, x._meta, _prefix(x), token="same")


def _prefix(x: Array) -> str:
    return x.name.rsplit("-", 1)[0]


def _same(block: Any) -> Any:
    return block


def spans(lengths: Sequence[int], start: int, step: int, count: int) -> list[tuple[int, int, int]]:
    """Return in which chunks the elements `start`, `start + step`, ... lie: chunk, first place in it, how many."""
    ends = list(itertools.accumulate(lengths))
    out = []
    done = 0
    while done < count:
        first = start + step * done
        chunk = bisect_right(ends, first)
        low, high = ends[chunk] - lengths[chunk], ends[chunk]
        room = count - done if step == 0 else ((high - 1 - first) // step if step > 0 else (first - low) // -step) + 1
        some = min(room, count - done)
        out.append((chunk, first - low, some))
        done += some
    return out or [(0, 0, 0)]


def _host_view(
    x: Array,
    axes: Sequence[Axis],
    fixed: Sequence[tuple[int, int]],
    chunks: Sequence[Sequence[Any]],
    meta: Any,
    prefix: str,
) -> Array:
    """Make a view with a call for each block, on the blocks that it needs."""
    taken: dict[int, tuple[int, int]] = {}
    for axis, position in fixed:
        chunk, place, _ = spans(x.chunks[axis], position, 1, 1)[0]
        taken[axis] = (chunk, place)
    # for each axis of the result and each of its chunks, what is read: (chunk, index within it)
    reads: list[list[list[tuple[int, Any]]]] = []
    for axis_from, lengths in zip(axes, chunks):
        reads.append([])
        begin = 0
        for number, length in enumerate(lengths):
            if len(axis_from) == 3:
                source, start, step = axis_from
                parts = spans(x.chunks[source], start + step * begin, step, length)
                reads[-1].append([(chunk, _within(first, step, count)) for chunk, first, count in parts])
                begin += length
            elif len(axis_from) == 4:
                source, before, _, _ = axis_from
                parts = spans(x.chunks[source], max(0, begin - before), 1, length)
                reads[-1].append([(chunk, _within(first, 1, count)) for chunk, first, count in parts])
                begin += x.chunks[source][number]
            else:
                reads[-1].append([(number, slice(None))])
    sources = [axis_from[0] if axis_from else None for axis_from in axes]
    order = [source for source in sources if source is not None]
    nodes = []
    for index in np.ndindex(*(len(lengths) for lengths in chunks)):
        choices = [reads[axis][i] for axis, i in enumerate(index)]
        picks, places = [], []
        for choice in itertools.product(*choices):
            pick: list[Any] = [None] * x.ndim
            place: list[Any] = [None] * x.ndim
            for axis, (chunk, local) in taken.items():
                pick[axis], place[axis] = ("at", chunk), local
            for source, (chunk, local) in zip(sources, choice):
                if source is not None:
                    pick[source], place[source] = ("at", chunk), local
            picks.append(pick)
            places.append(tuple(place))
        new = tuple(lengths[i] if source is None else None for source, lengths, i in zip(sources, chunks, index))
        counts = tuple(len(choice) for choice in choices)
        spec = (tuple(places), tuple(np.argsort(np.argsort(order)).tolist()), new, counts)
        block_chunks = tuple((lengths[i],) for lengths, i in zip(chunks, index))
        inputs = [x] * len(picks)
        nodes.append(
            block_call(partial(_assemble, spec), inputs, picks, block_chunks, meta, prefix, token=("view", spec))
        )
    if len(nodes) == 1:
        return nodes[0]
    joined = _core.array_join([y._node for y in nodes], chunk_specs(chunks), core_dtype(meta), prefix=prefix)
    return array_of(joined, meta)


def _within(first: int, step: int, count: int) -> Any:
    if step == 0:
        return np.full(count, first)
    stop = first + step * count
    return slice(first, stop if stop >= 0 else None, step)


def _assemble(spec: tuple[Any, ...], *blocks: Any) -> Any:
    """Put parts of blocks together."""
    places, order, new, counts = spec
    parts = []
    plain = list(order) == sorted(order) and all(length in (None, 1) for length in new)
    for block, place in zip(blocks, places):
        if plain and not any(isinstance(local, np.ndarray) for local in place):
            # SciPy's sparse arrays have neither axes to be moved nor new ones
            own = iter(place)
            index: list[Any] = []
            for length in new:
                while length is None and isinstance(local := next(own), int):
                    index.append(local)
                index.append(local if length is None else None)
            parts.append(block[(*index, *own)])
            continue
        arrays = [axis for axis, local in enumerate(place) if isinstance(local, np.ndarray)]
        gone = [axis for axis, local in enumerate(place) if isinstance(local, int)]
        # one array at a time: several would be taken as points
        for axis in arrays:
            block = block[(slice(None),) * axis + (place[axis],)]
        kept = [axis for axis in range(len(place)) if axis not in gone]
        axes = [kept[i] for i in order] + gone
        part = block
        if any(axis != i for i, axis in enumerate(axes)):
            part = part.transpose(axes)
        # all at once: an element of an object array isn't an array any more
        index = iter([slice(None) if axis in arrays else place[axis] for axis in axes])
        part = part[tuple(next(index) if length is None else None for length in new) + tuple(index)]
        for axis, length in enumerate(new):
            if length is not None and length != 1:
                part = part[(slice(None),) * axis + (np.zeros(length, dtype=int),)]
        parts.append(part)
    if len(parts) == 1:
        return parts[0]

    def nested(depth: int, parts: list[Any]) -> Any:
        if depth == len(counts):
            return parts[0]
        size = len(parts) // counts[depth]
        return [nested(depth + 1, parts[i * size : (i + 1) * size]) for i in range(counts[depth])]

    return concatenate_nested(nested(0, parts), list(range(len(counts))))


# Several arrays -------------------------------------------------------------------------------------------------------


def concat(arrays: Sequence[Array], axis: int, meta: Any = None) -> Array:
    """Return arrays one after another; their other axes must be cut alike, and their dtypes be one."""
    arrays = list(arrays)
    if meta is None:
        meta = max((x._meta for x in arrays), key=lambda m: getattr(m, "__array_priority__", 0))
    if len(arrays) == 1:
        return arrays[0]
    if core_dtype(meta) is None:
        arrays = [
            block_call(_same, [x], [range(x.ndim)], x.chunks, meta, _prefix(x), token="same") if is_native(x) else x
            for x in arrays
        ]
    return array_of(_core.array_concat([x._node for x in arrays], axis), meta)


# Points ---------------------------------------------------------------------------------------------------------------


def pick_points(x: Array, points: dict[int, Any], lengths: Sequence[int], place: int, prefix: str) -> Array:
    """Return the elements at points given by their positions along some axes.

    Parameters
    ----------
    x : Array
    points : dict of int to array of int
        For each of these axes the positions, none of them negative, all of one length.
    lengths : sequence of int
        The chunks of the axis of points.
    place : int
        Where that axis stands in the result, among the other axes in their order.
    prefix : str
        The beginning of the name.
    """
    axes = sorted(points)
    others = [axis for axis in range(x.ndim) if axis not in points]
    out_axes = [*others[:place], None, *others[place:]]
    follow = {axis: number for number, axis in enumerate(out_axes) if axis is not None}
    ends = {axis: np.cumsum(x.chunks[axis]) for axis in axes}
    begins = {axis: ends[axis] - np.asarray(x.chunks[axis]) for axis in axes}
    counts = [len(x.chunks[axis]) for axis in axes]
    meta = meta_from_array(x._meta, ndim=len(out_axes))
    parts = []
    begin = 0
    for length in lengths:
        here = {axis: np.asarray(points[axis][begin : begin + length]) for axis in axes}
        begin += length
        blocks = {axis: np.searchsorted(ends[axis], here[axis], side="right") for axis in axes}
        number = np.ravel_multi_index(tuple(blocks[axis] for axis in axes), counts) if length else np.zeros(0, int)
        order = np.argsort(number, kind="stable")
        found, starts = np.unique(number[order], return_index=True)
        if not length:
            found, starts = np.zeros(1, int), np.zeros(1, int)
        stops = [*starts[1:].tolist(), length]
        picks, locals_, places = [], [], []
        for which, start, stop in zip(found.tolist(), starts.tolist(), stops):
            at = dict(zip(axes, np.unravel_index(which, counts)))
            picks.append([("at", int(at[axis])) if axis in points else follow[axis] for axis in range(x.ndim)])
            chosen = order[start:stop]
            places.append(chosen)
            locals_.append(tuple(here[axis][chosen] - begins[axis][at[axis]] for axis in axes))
        chunks = [(length,) if axis is None else x.chunks[axis] for axis in out_axes]
        inputs = [x] * len(picks)
        if is_native(x):
            own = [
                ([_integers(at) for at in local], _integers(where))
                for local, where in zip(locals_, places, strict=True)
            ]
            nodes = [x._node] * len(picks)
            node = _core.array_points(nodes, picks, chunk_specs(chunks), axes, place, length, own, prefix=prefix)
            parts.append(array_of(node, meta))
            continue
        spec = (tuple(axes), place, length, tuple(locals_), tuple(places))
        parts.append(block_call(partial(_points, spec), inputs, picks, chunks, meta, prefix, token=("points", spec)))
    return concat(parts, place, meta)


def _integers(positions: Any) -> Any:
    return np.ascontiguousarray(positions, dtype=np.int64)


def kernel_call(
    op: str,
    inputs: Sequence[Array],
    picks: Sequence[Sequence[Any]],
    chunks: Sequence[Sequence[Any]],
    meta: Any,
    prefix: str,
    *,
    axis: int = 0,
    number: int = 0,
) -> Array:
    """Return an array of what a kernel of the engine picks from native blocks; see ``_core.array_pick``."""
    nodes = [x._node for x in inputs]
    own = [list(each) for each in picks]
    node = _core.array_pick(op, nodes, own, chunk_specs(chunks), prefix=prefix, axis=axis, number=number)
    return array_of(node, meta)


def _points(spec: tuple[Any, ...], *blocks: Any) -> Any:
    axes, place, length, locals_, places = spec
    parts = []
    for block, local in zip(blocks, locals_):
        if len(axes) == 1 and axes[0] == place:
            part = block[(slice(None),) * place + local]
        else:
            others = [axis for axis in range(block.ndim) if axis not in axes]
            # the points come first, then the other axes
            part = block.transpose([*axes, *others])[local]
            part = part.transpose([*range(1, place + 1), 0, *range(place + 1, part.ndim)])
        parts.append(part)
    if len(parts) == 1:
        if length and (np.diff(places[0]) != 1).any():  # never with a stable order, but cheap to be sure of
            return parts[0][(slice(None),) * place + (np.argsort(places[0]),)]
        return parts[0]
    if all(type(part) is np.ndarray for part in parts):
        shape = list(parts[0].shape)
        shape[place] = length
        out = np.empty(shape, dtype=parts[0].dtype)
        for part, where in zip(parts, places):
            out[(slice(None),) * place + (where,)] = part
        return out
    joined = concatenate_nested(parts, [place])
    return joined[(slice(None),) * place + (np.argsort(np.concatenate(places)),)]
