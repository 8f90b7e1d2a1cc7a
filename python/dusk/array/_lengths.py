"""Lengths of chunks that only a computation can tell, such as those of ``x[x > 0]``.

An array whose lengths aren't known stays lazy as long as nobody needs them. Who needs them calls `sized`, the only
place where they are found: it computes the blocks along the axes in question, keeps nothing but their lengths, and
returns the array with the lengths in its plan. Values aren't kept, so the memory that this takes does not depend on the
size of the array; they are computed again when they are asked for. Invariant: an array that comes out has the lengths
that its plan says, or its computation fails; the array that goes in doesn't change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from dusk.array._array import Array
from dusk.array._chunks import canonical, is_known
from dusk.array._views import block_call

__all__ = ["origin", "origins_of", "sized", "sized_alike", "with_origins"]


def sized(x: Array, axes: Iterable[int] | None = None) -> Array:
    """Return an array with known lengths of chunks, which are computed at once where they aren't.

    Parameters
    ----------
    x : Array
    axes : iterable of int, optional
        The axes whose lengths are needed; all by default.

    Returns
    -------
    Array
        `x` itself where nothing is missing.
    """
    wanted = range(x.ndim) if axes is None else {axis % x.ndim for axis in axes}
    unknown = tuple(axis for axis in sorted(wanted) if not is_known(x.chunks[axis]))
    if not unknown:
        return x
    found = _remembered(x)
    missing = [axis for axis in unknown if axis not in found]
    if missing:
        from dusk.base import compute

        for axis, lengths in zip(missing, compute(*(_lengths_along(x, axis) for axis in missing)), strict=True):
            found[axis] = tuple(lengths.tolist())
        x._found_lengths = (x._node, found)
    chunks = tuple(found[axis] if axis in unknown else own for axis, own in enumerate(x.chunks))
    expected = tuple((axis, chunks[axis]) for axis in unknown)
    prefix = x.name.rsplit("-", 1)[0]
    axes_as_they_are = [list(range(x.ndim))]
    check = partial(_checked, expected)
    return block_call(check, [x], axes_as_they_are, chunks, x._meta, prefix, indexed=True, token=("sized", expected))


def sized_alike(arrays: Sequence[Any], indices: Sequence[Any], strict: bool = False) -> list[Any]:
    """Return arrays with known lengths along those axes that they share and of which the cuts can't be compared.

    Axes with chunks of unknown lengths are cut alike if the same mask has made them. Where nothing is known about that,
    the same number of chunks is taken for it, as Dask does: columns of one frame are so, for example. Blocks that turn
    out to have other lengths than those of the first array are an error then: some pairs of lengths, such as 1 and 3,
    would be broadcast to something that the whole arrays never could.

    Parameters
    ----------
    arrays : list of Array
    indices : list of tuples
        A label for each axis of each array, None for what isn't an array.
    strict : bool, default False
        Don't take the same number of chunks for enough.
    """
    cuts: dict[Any, set[tuple[Any, ...]]] = {}
    origins: dict[Any, dict[Any, tuple[Array, int]]] = {}
    for x, index in zip(arrays, indices, strict=True):
        for axis, (label, lengths) in enumerate(zip(index or (), canonical(x.chunks) if index else ())):
            cuts.setdefault(label, set()).add(lengths)
            if not is_known(lengths):
                origins.setdefault(label, {}).setdefault(origin(x, axis), (x, axis))
    unclear = {
        label
        for label, found in origins.items()
        if len(cuts[label] - {(1,)}) > 1 or sum(strict or not isinstance(each, Unnoted) for each in found) > 1
    }
    # a single block can be broadcast, as the whole array can
    firsts = {
        label: next(iter(found.items()))
        for label, found in origins.items()
        if label not in unclear and len(found) > 1 and len(next(iter(cuts[label] - {(1,)}))) > 1
    }
    out = []
    for x, index in zip(arrays, indices, strict=True):
        if index is not None:
            x = sized(x, [axis for axis, label in enumerate(index) if label in unclear])
            for axis, label in enumerate(index):
                if label in firsts and not is_known(x.chunks[axis]):
                    x = _held_against(x, axis, *firsts[label])
        out.append(x)
    return out


def _held_against(x: Array, axis: int, made_by: Any, first: tuple[Array, int]) -> Array:
    """Return an array whose blocks must be as long as those of another one."""
    if origin(x, axis) == made_by:
        return x
    inputs, picks = [x, _lengths_along(*first)], [list(range(x.ndim)), [axis]]
    prefix = x.name.rsplit("-", 1)[0]
    held = block_call(partial(_as_long, axis), inputs, picks, x.chunks, x._meta, prefix, token=("as-long", axis))
    return with_origins(held, {i: made_by if i == axis else origin(x, i) for i in range(x.ndim)})


def _as_long(axis: int, block: Any, length: Any) -> Any:
    if np.shape(block)[axis] != length[0]:
        raise ValueError(
            f"operands could not be broadcast together: a block has length {np.shape(block)[axis]} along axis {axis}, "
            f"and that of the other operand has {length[0]}; compute_chunk_sizes() of both lets them meet element by "
            "element"
        )
    return block


class Unnoted(tuple[str, int]):
    """Stands for what has made lengths unknown, where it wasn't noted: the first array that had them, and its axis."""

    __slots__ = ()


def origin(x: Array, axis: int) -> Any:
    """Return what has made the lengths of an axis unknown: equal for axes that are cut alike."""
    node, found = x._length_origins or (None, {})
    return (found.get(axis) if node is x._node else None) or Unnoted((x.name, axis))


def with_origins(x: Array, origins: dict[int, Any]) -> Array:
    """Note for each of these axes of an array what has made its lengths unknown."""
    x._length_origins = (x._node, dict(origins))
    return x


def origins_of(arrays: Sequence[Any], ndim: int) -> dict[int, Any]:
    """Return the origins of the axes that arrays broadcast to."""
    found: dict[int, set[Any]] = {}
    for x in arrays:
        for axis in range(x.ndim):
            if not is_known(x.chunks[axis]):
                found.setdefault(axis + ndim - x.ndim, set()).add(origin(x, axis))
    return {axis: each.pop() for axis, each in found.items() if len(each) == 1}


def _remembered(x: Array) -> dict[int, tuple[int, ...]]:
    """Return the lengths by axis that were computed for this array before."""
    node, found = x._found_lengths or (None, {})
    return dict(found) if node is x._node else {}


def _lengths_along(x: Array, axis: int) -> Array:
    picks: list[Any] = [("at", 0)] * x.ndim
    picks[axis] = 0
    chunks = ((1,) * x.numblocks[axis],)
    meta = np.empty(0, dtype=np.int64)
    return block_call(partial(_length, axis), [x], [picks], chunks, meta, "chunk-lengths", token=("length", axis))


def _length(axis: int, block: Any) -> Any:
    return np.array([np.shape(block)[axis]], dtype=np.int64)


def _checked(expected: Sequence[tuple[int, Sequence[int]]], site: Sequence[int], block: Any) -> Any:
    """Return the block; raise when the function that makes it returns another length each time."""
    for axis, lengths in expected:
        have, want = np.shape(block)[axis], lengths[site[axis]]
        if have != want:
            raise ValueError(
                f"block {tuple(site)} has length {have} along axis {axis}, but had {want} when the chunk sizes were "
                "computed: what makes it must give the same result each time"
            )
    return block
