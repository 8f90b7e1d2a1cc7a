"""Arrays of any size, chunk by chunk, with NumPy's functions."""

from __future__ import annotations

from dusk.array.core import (
    Array,
    asanyarray,
    asarray,
    blockwise,
    elemwise,
    from_array,
    map_blocks,
    normalize_chunks,
    unify_chunks,
)
from dusk.array.io.zarr import from_zarr, to_zarr

__all__ = [
    "Array",
    "asanyarray",
    "asarray",
    "blockwise",
    "elemwise",
    "from_array",
    "from_zarr",
    "map_blocks",
    "normalize_chunks",
    "to_zarr",
    "unify_chunks",
]
