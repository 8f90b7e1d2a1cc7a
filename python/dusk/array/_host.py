"""Blocks that aren't plain NumPy arrays put together: masked, sparse and other array types, objects, frames."""

from __future__ import annotations

from typing import Any

import numpy as np

from dusk.array.dispatch import concatenate_lookup

__all__ = ["concatenate_nested", "join_blocks"]


def _concatenate(parts: list[Any], axis: int) -> Any:
    if len(parts) == 1:
        return parts[0]
    dtype = parts[0].dtype if type(parts[0]) is np.ndarray else None
    if dtype is not None and dtype.names and all(type(part) is np.ndarray and part.dtype == dtype for part in parts):
        # NumPy would move the fields together
        shape = list(parts[0].shape)
        shape[axis] = sum(part.shape[axis] for part in parts)
        out = np.empty(shape, dtype=dtype)
        begin = 0
        for part in parts:
            out[(slice(None),) * axis + (slice(begin, begin + part.shape[axis]),)] = part
            begin += part.shape[axis]
        return out
    kind = type(max(parts, key=lambda part: getattr(part, "__array_priority__", 0)))
    return concatenate_lookup.dispatch(kind)(parts, axis=axis)


def concatenate_nested(blocks: Any, axes: list[int]) -> Any:
    """Concatenate nested lists of arrays.

    Parameters
    ----------
    blocks : nested lists of arrays
    axes : list of int
        For each level of nesting, outermost first, the axis along which its items follow one another.
    """
    if not axes:
        return blocks
    parts = [concatenate_nested(block, axes[1:]) for block in blocks]
    return _concatenate(parts, axes[0])


def join_blocks(blocks: Any, ndim: int) -> Any:
    """Return the value of an array from its blocks in nested lists."""
    if ndim == 0:
        # an element of a masked array without axes would lose its dtype
        return blocks[()] if isinstance(blocks, np.ndarray) and type(blocks) is not np.ma.MaskedArray else blocks
    first = blocks
    for _ in range(ndim):
        first = first[0]
    if type(first) is np.ndarray or np.isscalar(first) or not hasattr(first, "ndim"):
        blocks = _fitting(blocks, ndim, ndim)
    return concatenate_nested(blocks, list(range(ndim)))


def _fitting(blocks: Any, depth: int, ndim: int) -> Any:
    """Return blocks as arrays of so many axes: a function of the user may have returned values or other axes."""
    if depth:
        return [_fitting(block, depth - 1, ndim) for block in blocks]
    if hasattr(blocks, "ndim") and not isinstance(blocks, (np.ndarray, np.generic)):
        return blocks
    block = blocks if isinstance(blocks, np.ndarray) else np.asarray(blocks)
    if block.ndim < ndim:
        return block[(np.newaxis,) * (ndim - block.ndim)]
    extra = block.ndim - ndim
    return block[(0,) * extra] if extra and all(n == 1 for n in block.shape[:extra]) else block
