"""Inputs cut smaller where a block of the result would outgrow the blocks that it is made of.

Products of all pairs (outer products, contractions over short axes, broadcasts of two long axes) make blocks as large
as the product of what goes in. Covers the choice of chunks; blocks up to the setting ``array.chunk-size``, and those
that are no larger than an input's, stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dusk import config
from dusk.array._array import Array
from dusk.array._auto_chunks import chunk_limit
from dusk.array._chunks import is_known

__all__ = ["cut_evenly", "fitting"]


def fitting(arrays: Sequence[Any], labels: Sequence[Sequence[Any]], out: Sequence[Any], itemsize: int) -> list[Any]:
    """Return arrays that are cut so that no block of their common result is too large.

    Parameters
    ----------
    arrays : list of Array
        Cut alike along axes that have a label in common; anything else is returned as it is.
    labels : list of sequences
        What the axes of each array are called.
    out : sequence
        The labels of the axes of the result.
    itemsize : int
        Bytes of an element of the result.
    """
    lengths: dict[Any, tuple[int, ...]] = {}
    largest = 1
    for array, own in zip(arrays, labels, strict=True):
        if not isinstance(array, Array):
            continue
        if not all(is_known(chunks) for chunks in array.chunks):
            return list(arrays)
        largest = max(largest, math.prod(map(max, array.chunks)) * array.dtype.itemsize)
        for label, chunks in zip(own, array.chunks, strict=True):
            if label not in lengths or sum(chunks) > sum(lengths[label]):
                lengths[label] = chunks
    if any(label not in lengths for label in out):
        return list(arrays)
    target = max(chunk_limit(), largest)
    most = {label: max(lengths[label]) for label in out}
    if math.prod(most.values()) * itemsize <= target * config.get("array.chunk-size-tolerance"):
        return list(arrays)
    # the axes give way together, but none below a single element
    while (excess := math.prod(most.values()) * itemsize / target) > 1:
        free = [label for label in most if most[label] > 1]
        if not free:
            break
        shrink = excess ** (1 / len(free))
        for label in free:
            most[label] = max(1, int(most[label] / shrink))
    cut = []
    for array, own in zip(arrays, labels, strict=True):
        if isinstance(array, Array):
            chunks = {
                axis: cut_evenly(array.chunks[axis], most[label])
                for axis, label in enumerate(own)
                if label in most and max(array.chunks[axis]) > most[label]
            }
            array = array.rechunk(chunks) if chunks else array
        cut.append(array)
    return cut


def cut_evenly(chunks: Sequence[int], most: int) -> tuple[int, ...]:
    """Return chunks of which those that are longer than `most` are cut into equal parts.

    Examples
    --------
    >>> cut_evenly((10, 3), 4)
    (4, 3, 3, 3)
    """
    out: list[int] = []
    for length in chunks:
        parts = max(1, -(-length // most))
        whole, rest = divmod(length, parts)
        out += [whole + 1] * rest + [whole] * (parts - rest)
    return tuple(out)
