"""Other chunks for the same elements.

The engine copies each element once, straight into its new block, so there are no plans in steps and nothing to choose:
`threshold` and `method` are accepted and checked. Covers also which old chunks new ones are made of (`old_to_new`),
which other packages ask.
"""

from __future__ import annotations

import itertools
import warnings
from bisect import bisect_right
from collections.abc import Sequence
from numbers import Number
from typing import Any

import numpy as np

from dusk.array._array import Array
from dusk.array._chunks import Chunks, canonical, is_known, normalize_chunks
from dusk.array._lengths import sized
from dusk.array._like import validate_axis
from dusk.array._views import rechunked

__all__ = ["intersect_chunks", "old_to_new", "rechunk"]


def rechunk(
    x: Array,
    chunks: Any = "auto",
    threshold: int | None = None,
    block_size_limit: int | str | None = None,
    balance: bool = False,
    method: str | None = None,
) -> Array:
    """Return the array cut into other chunks.

    Parameters
    ----------
    x : Array
    chunks : int, tuple, dict or str, default "auto"
        The chunks as for `from_array`; axes that a dict leaves out, and None in a tuple, keep theirs.
    threshold : int, optional
        Accepted for compatibility: elements are copied once, whatever the chunks.
    block_size_limit : int or str, optional
        Bytes of a chunk where `chunks` leaves the choice; by default the setting `array.chunk-size`.
    balance : bool, default False
        Make the chunks of an axis as equal as possible.
    method : {"tasks", "p2p"}, optional
        Accepted for compatibility.

    Returns
    -------
    Array

    Examples
    --------
    >>> import dusk.array as da
    >>> x = da.ones((1000, 1000), chunks=(100, 100))
    >>> x.rechunk({0: 400}, balance=True).chunks[0]
    (500, 500)
    """
    if method not in (None, "tasks", "p2p"):
        # Dask refuses this with the same class
        raise NotImplementedError(f"Unknown rechunking method '{method}'")
    if x.ndim > 0 and all(length == 0 for length in x.shape) and not isinstance(chunks, tuple | list | dict):
        return x
    if isinstance(chunks, dict):
        given = {validate_axis(axis, x.ndim): each for axis, each in chunks.items()}
        chunks = tuple(own if given.get(axis) is None else given[axis] for axis, own in enumerate(x.chunks))
    elif isinstance(chunks, tuple | list):
        # what is beyond the axes is ignored, as Dask does
        chunks = tuple(own if each is None else each for each, own in zip(chunks, x.chunks, strict=False))
    if not is_known(x.shape):
        x = sized(x, _cut_anew(chunks, x.chunks))
    new = normalize_chunks(chunks, x.shape, limit=block_size_limit, dtype=x.dtype, previous_chunks=x.chunks)
    if len(new) != x.ndim:
        raise ValueError("Provided chunks are not consistent with shape")
    old, new = canonical(x.chunks), canonical(new)
    if balance:
        new = tuple(_balanced(lengths) for lengths in new)
    if old == new:
        return x
    for before, after in zip(old, new):
        if before != after and not (is_known(before) and is_known(after) and sum(before) == sum(after)):
            raise ValueError(
                "Chunks must be unchanging along dimensions with missing values.\n\n"
                "A possible solution:\n  x.compute_chunk_sizes()"
            )
    return rechunked(x, new, "rechunk-merge")


def _cut_anew(chunks: Any, old: Chunks) -> list[int]:
    """Return the axes for which other chunks are asked than they have, in numbers that don't stand for unknown ones."""
    each: Any = chunks
    if not isinstance(chunks, tuple | list) or (len(old) == 1 and all(isinstance(c, Number) for c in chunks)):
        each = (chunks,) * len(old)
    out = []
    for axis, (asked, own) in enumerate(zip(each, old, strict=False)):
        lengths = tuple(asked) if isinstance(asked, tuple | list) else (asked,)
        if canonical((lengths,)) != canonical((own,)) and all(length == length for length in lengths):
            out.append(axis)
    return out


def _balanced(lengths: tuple[int, ...]) -> tuple[int, ...]:
    """Return chunks of about as many elements as these, as equal as can be."""
    if not is_known(lengths):
        return lengths
    total, count = sum(lengths), len(lengths)
    median = int(np.median(lengths))
    if min(lengths) <= 0.5 * max(lengths):
        count -= 1
    best: tuple[int, tuple[int, ...]] | None = None
    for length in range(max(1, median - median // 2), median + median // 2 + 1):
        if -(-total // length) != count:
            continue
        whole, rest = divmod(total, length)
        cut = (length,) * whole + ((rest,) if rest else ())
        spread = max(cut) - min(cut)
        if best is None or spread < best[0]:
            best = spread, cut
    if best is None:
        warnings.warn(
            "chunk size balancing not possible with given chunks. Try increasing the chunk size.", stacklevel=4
        )
        return lengths
    return best[1]


def old_to_new(old_chunks: Chunks, new_chunks: Chunks) -> list[list[list[tuple[int, slice]]]]:
    """Return for each axis and each new chunk the parts of old chunks that make it: number and slice.

    Examples
    --------
    >>> old_to_new(((10, 10),), ((5, 15),))
    [[[(0, slice(0, 5, None))], [(0, slice(5, 10, None)), (1, slice(0, 10, None))]]]
    """
    out = []
    for old, new in zip(canonical(old_chunks), canonical(new_chunks)):
        if not is_known(old) or not is_known(new):
            if old != new:
                raise ValueError(
                    "Chunks must be unchanging along dimensions with missing values.\n\n"
                    "A possible solution:\n  x.compute_chunk_sizes()"
                )
            out.append([[(i, slice(0, None))] for i in range(len(old))])
            continue
        out.append(_parts(old, new))
    return out


def _parts(old: Sequence[int], new: Sequence[int]) -> list[list[tuple[int, slice]]]:
    ends = list(itertools.accumulate(old))
    parts = []
    begin = 0
    for length in new:
        at, end = begin, begin + length
        here: list[tuple[int, slice]] = []
        if not length:
            chunk = min(bisect_right(ends, at), len(old) - 1)
            here.append((chunk, slice(at - ends[chunk] + old[chunk], at - ends[chunk] + old[chunk])))
        while at < end:
            chunk = bisect_right(ends, at)
            stop = min(end, ends[chunk])
            offset = ends[chunk] - old[chunk]
            here.append((chunk, slice(at - offset, stop - offset)))
            at = stop
        parts.append(here)
        begin = end
    return parts


def intersect_chunks(old_chunks: Chunks, new_chunks: Chunks) -> Any:
    """Return for each new block, in C order, the parts of old blocks that make it.

    Each part is a tuple of `(number, slice)`, one for each axis.
    """
    cross = itertools.product(*old_to_new(old_chunks, new_chunks))
    return iter([tuple(itertools.product(*each)) for each in cross])
