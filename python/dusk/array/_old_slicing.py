"""Chunks and shuffles of slices that other packages ask `dask.array.slicing` for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dusk.array._array import Array
from dusk.array._chunks import slices_from_chunks
from dusk.array._index import colon
from dusk.array._views import spans

__all__ = ["SlicingNoop", "expander", "issorted", "make_block_sorted_slices", "new_blockdim", "partition_by_size"]


class SlicingNoop(Exception):  # noqa: N818  Dask's name
    """A slice is the whole array."""


def slice_1d(dim_shape: int, lengths: Sequence[int], index: Any) -> dict[int, Any]:
    """Return for each chunk that an index meets what it means there.

    Parameters
    ----------
    dim_shape : int
        The length of the axis.
    lengths : sequence of int
        Its chunks.
    index : int or slice

    Examples
    --------
    >>> slice_1d(100, [20] * 5, slice(0, 35))
    {0: slice(None, None, None), 1: slice(0, 15, 1)}
    """
    if not isinstance(index, slice):
        chunk, place, _ = spans(lengths, int(index), 1, 1)[0]
        return {chunk: place}
    if index == colon:
        return dict.fromkeys(range(len(lengths)), colon)
    step = index.step or 1
    if step < 0:
        # Dask's slices, in this form, count the end from the other side
        start = dim_shape - 1 if index.start is None else min(index.start, dim_shape - 1)
        stop = -1 if index.stop is None else index.stop + (dim_shape if index.stop < 0 else 0)
        start += dim_shape if start < 0 else 0
    else:
        start, stop, step = index.indices(dim_shape)
    count = len(range(start, stop, step))
    if not count:
        return {0: slice(0, 0, 1)}
    out: dict[int, Any] = {}
    before = np.concatenate([[0], np.cumsum(lengths)])
    for chunk, place, _ in spans(lengths, start, step, count):
        length = lengths[chunk]
        if step > 0:
            own = slice(place, int(min(stop - before[chunk], length)), step)
            out[chunk] = colon if own == slice(0, length, 1) else own
        else:
            out[chunk] = slice(place - length, int(max(-length - 1, stop - before[chunk] - length)), step)
    return out


def new_blockdim(dim_shape: int, lengths: Sequence[int], index: Any) -> Any:
    """Return the chunks of a slice of an axis.

    Examples
    --------
    >>> new_blockdim(100, [20, 10, 20, 10, 40], slice(0, 90, 2))
    [10, 5, 10, 5, 15]
    """
    if index == colon:
        return lengths
    if isinstance(index, list):
        return [len(index)]
    pieces = sorted(slice_1d(dim_shape, lengths, index).items())
    sizes = [
        lengths[i] if piece == colon else math.ceil((piece.stop - piece.start) / piece.step) for i, piece in pieces
    ]
    return sizes[::-1] if index.step and index.step < 0 else sizes


def partition_by_size(sizes: Sequence[int], seq: Any) -> list[Any]:
    """Return sorted positions by the chunk they lie in, counted within it."""
    seq = np.asanyarray(seq)
    ends = np.cumsum(sizes)
    places = np.concatenate([[0], np.searchsorted(seq, ends)])
    return [seq[i:j] - (end - size) for i, j, end, size in zip(places[:-1], places[1:], ends, sizes)]


def issorted(seq: Any) -> Any:
    """Return whether no element is smaller than the one before."""
    return True if len(seq) == 0 else np.all(seq[:-1] <= seq[1:])


def expander(where: Sequence[int]) -> Any:
    """Return a function that inserts a value into a sequence at several places.

    Examples
    --------
    >>> expander([0, 2])(["a", "b", "c"], "z")
    ('z', 'a', 'z', 'b', 'c')
    """

    def expand(seq: Sequence[Any], val: Any) -> tuple[Any, ...]:
        out = list(seq)
        for place in sorted(where):
            out.insert(place, val)
        return tuple(out)

    return expand


def make_block_sorted_slices(index: Any, chunks: Any) -> tuple[Any, Any]:
    """Return positions sorted within each block, and where each of the given ones is then.

    Parameters
    ----------
    index : array of int
    chunks : chunks
    """
    sorted_, places = np.empty_like(index), np.empty_like(index)
    for (own,) in slices_from_chunks(chunks[:1]):
        order = np.argsort(index[own], kind="stable")
        sorted_[own] = index[own][order]
        places[own] = own.start + np.argsort(order, kind="stable")
    return sorted_, places


def shuffle_slice(x: Array, index: Any) -> Array:
    """Return the rows of an array in another order.

    Parameters
    ----------
    x : Array
    index : array of int
        Each row once.
    """
    return x[np.asarray(index)]
