"""What `chunks="auto"` means: lengths under a limit of bytes, square or after chunks that are there."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from numbers import Number
from typing import Any

import numpy as np

from dusk import config
from dusk.array._chunks import Chunks, _lengths_per_axis, is_known, unknown_chunk_message
from dusk.utils import parse_bytes

__all__ = ["auto_chunks", "round_to"]


def round_to(c: float, s: float) -> float:
    """Return a length near `c` that goes well with `s`: `c` itself when it is smaller, else a multiple of `s`.

    Examples
    --------
    >>> round_to(4.6, 10), round_to(25, 10)
    (4, 20)
    """
    return max(1, int(c)) if c <= s else c // s * s


def chunk_limit(limit: Any = None) -> int:
    """Return the bytes that a chunk should have at most: those given, or the setting ``array.chunk-size``."""
    limit = config.get("array.chunk-size") if limit is None else limit
    return parse_bytes(limit) if isinstance(limit, str) else int(limit)


def auto_chunks(
    chunks: Sequence[Any],
    shape: Sequence[int] | None,
    limit: int | str | None,
    dtype: Any,
    previous_chunks: Any = None,
) -> tuple[Any, ...]:
    """Return chunks with a length for each axis that is "auto".

    Parameters
    ----------
    chunks : sequence
        A length, a tuple of lengths or "auto" for each axis.
    shape : tuple of int
    limit : int or str or None
        Bytes of a chunk; the setting `array.chunk-size` if None.
    dtype : dtype
    previous_chunks : chunks, optional
        Chunks whose proportions and boundaries are kept where possible.
    """
    if shape is None:
        raise TypeError("shape= must be known for auto-chunking")
    if previous_chunks is not None:
        single = (c[0] if isinstance(c, tuple) and len(c) == 1 else c for c in previous_chunks)
        previous_chunks = _lengths_per_axis(shape, single)
    autos = {i for i, c in enumerate(chunks) if isinstance(c, str) and c == "auto"}
    if not autos:
        return tuple(chunks)
    size = chunk_limit(limit)
    if dtype is None:
        raise TypeError("dtype must be known for auto-chunking")
    dtype = np.dtype(dtype)
    if dtype.hasobject:
        raise NotImplementedError(
            "Can not use auto rechunking with object dtype. We are unable to estimate the size in bytes of object data"
        )
    for c in (*chunks, *shape):
        if not is_known(c if isinstance(c, tuple | list) else (c,)):
            raise ValueError(
                f"Can not perform automatic rechunking with unknown (nan) chunk sizes.{unknown_chunk_message}"
            )
    size = max(1, size)
    if previous_chunks:
        return _auto_from_previous(list(chunks), autos, shape, size, dtype, previous_chunks)
    if dtype.itemsize == 0:
        raise ValueError("auto-chunking with dtype.itemsize == 0 is not supported, please pass in `chunks` explicitly")
    return _auto_square(list(chunks), autos, shape, size, dtype)


def _largest_block(chunks: Iterable[Any]) -> int:
    fixed = (c for c in chunks if not isinstance(c, str))
    return math.prod(c if isinstance(c, Number) else max(c) for c in fixed)


def _auto_square(
    chunks: list[Any], autos: set[int], shape: Sequence[int], limit: int, dtype: np.dtype[Any]
) -> tuple[Any, ...]:
    """Give all "auto" axes the same length; those that are shorter stay whole, and the others share what they leave."""
    while autos:
        # an axis without elements leaves the others free: then nothing is in a block
        items = limit / dtype.itemsize / max(1, _largest_block(chunks))
        side = items ** (1 / len(autos))
        small = [i for i in autos if shape[i] < side]
        if not small:
            for i in autos:
                chunks[i] = round_to(side, shape[i])
            break
        for i in small:
            chunks[i] = (shape[i],)
        autos = autos.difference(small)
    return tuple(chunks)


def _auto_from_previous(
    chunks: list[Any], autos: set[int], shape: Sequence[int], limit: int, dtype: np.dtype[Any], previous: Chunks
) -> tuple[Any, ...]:
    """Grow or shrink the median chunk of each "auto" axis by one factor, joining whole chunks when growing."""
    tolerance = config.get("array.chunk-size-tolerance")
    block = max(1, _largest_block(chunks))
    medians: dict[int, Any] = {i: np.median(previous[i]) for i in autos}

    def factor() -> float:
        lengths = (max(m) if isinstance(m, tuple) else m for m in medians.values() if m)
        return limit / max(1, dtype.itemsize) / block / max(1, math.prod(lengths))

    grow_by = factor()
    shrinking = grow_by < 1
    # when shrinking, what is settled counts for what remains, so both are one
    result: dict[int, Any] = medians if shrinking else {}
    ideals = []
    for length, lengths in zip(shape, previous):
        mode, count = max(Counter(lengths).items(), key=lambda item: item[1])
        ideals.append(mode if mode > 1 and count >= len(lengths) / 2 else length)
    again = True
    while again:
        again = False
        share = 1 / len(autos) if autos else 1
        for i in sorted(autos):
            proposed = medians[i] * grow_by**share
            if proposed > shape[i]:
                chunks[i] = shape[i]
                autos.discard(i)
                del medians[i]
                block *= max(1, shape[i])
                result[i] = (shape[i],)
                again = True
            elif shrinking or max(previous[i]) > proposed * tolerance**share:
                result[i] = round_to(proposed, ideals[i])
                if proposed < 1:
                    autos.discard(i)
                    again = True
            else:
                result[i] = _joined(previous[i], proposed)
        if again or shrinking:
            before, grow_by = grow_by, factor()
            again = again or grow_by != before
        again = again and bool(autos)
    for i, lengths in result.items():
        chunks[i] = lengths or 0
    return tuple(chunks)


def _joined(lengths: Sequence[int], limit: float) -> tuple[int, ...]:
    """Put neighbours together as long as they don't exceed the limit."""
    out = []
    current = 0
    for length in lengths:
        if current + length <= limit:
            current += length
        else:
            if current > 0:
                out.append(current)
            current = length
    if current > 0:
        out.append(current)
    return tuple(out)
