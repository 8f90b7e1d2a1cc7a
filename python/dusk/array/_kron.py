"""The Kronecker product of arrays, in blocks that don't outgrow the size that is set for chunks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._auto_chunks import chunk_limit
from dusk.array._from_array import asanyarray
from dusk.array._joining import tile
from dusk.array._selecting import repeat

__all__ = ["kron"]


@derived_from(np)
def kron(a: Any, b: Any) -> Array:
    a, b = asanyarray(a), asanyarray(b)
    ndim = max(a.ndim, b.ndim)
    a, b = a[(np.newaxis,) * (ndim - a.ndim)], b[(np.newaxis,) * (ndim - b.ndim)]
    shape = tuple(m * n for m, n in zip(a.shape, b.shape, strict=True))
    size = b.size * np.result_type(a.dtype, b.dtype).itemsize
    limit = chunk_limit()
    if size > limit:
        # `b` itself is too large for a block: each block of the result is a block of `b` times an element of `a`.
        for axis, length in enumerate(b.shape):
            a = repeat(a, length, axis=axis)
        return a * tile(b, [m // max(n, 1) for m, n in zip(shape, b.shape, strict=True)])
    if math.prod(max(lengths, default=0) for lengths in a.chunks) * size > limit:
        a = a.rechunk("auto", block_size_limit=max(1, limit // size) * a.dtype.itemsize)
    products = a[(slice(None), np.newaxis) * ndim] * b.rechunk(-1)[(np.newaxis, slice(None)) * ndim]
    return products.reshape(shape)
