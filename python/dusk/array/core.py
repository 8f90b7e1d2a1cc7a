"""The array collection and its basic functions, under Dask's module name."""

from __future__ import annotations

from dusk.array._array import Array, finalize
from dusk.array._auto_chunks import auto_chunks, round_to
from dusk.array._chunks import (
    PerformanceWarning,
    blockdims_from_blockshape,
    broadcast_chunks,
    broadcast_shapes,
    common_blockdim,
    normalize_chunks,
    normalize_chunks_cached,
    slices_from_chunks,
    unify_chunks,
    unknown_chunk_message,
)
from dusk.array._elemwise import elemwise, handle_out
from dusk.array._from_array import asanyarray, asarray, from_array, getter, getter_inline, getter_nofancy
from dusk.array._getitem import BlockView
from dusk.array._joining import block, broadcast_arrays, broadcast_to, concatenate, stack
from dusk.array._map_blocks import map_blocks
from dusk.array._meta import compute_meta, meta_from_array
from dusk.array._nested import (
    _concatenate2,
    chunks_from_arrays,
    concatenate3,
    concatenate_axes,
    deepfirst,
    dotmany,
    ensure_int,
    interleave_none,
    shapelist,
    transposelist,
    unpack_singleton,
)
from dusk.array._operand import is_scalar_for_elemwise, is_valid_operand
from dusk.array._single import from_delayed, from_func
from dusk.array._store import from_npy_stack, store, to_hdf5, to_npy_stack
from dusk.array.blockwise import atop, blockwise
from dusk.array.chunk_types import is_valid_array_type, is_valid_chunk_type
from dusk.array.io.zarr import from_zarr, to_zarr

__all__ = [
    "_concatenate2",
    "chunks_from_arrays",
    "concatenate3",
    "concatenate_axes",
    "deepfirst",
    "dotmany",
    "ensure_int",
    "interleave_none",
    "shapelist",
    "transposelist",
    "unpack_singleton",
    "from_delayed",
    "from_func",
    "from_npy_stack",
    "store",
    "to_hdf5",
    "to_npy_stack",
    "Array",
    "BlockView",
    "PerformanceWarning",
    "asanyarray",
    "asarray",
    "atop",
    "auto_chunks",
    "block",
    "blockdims_from_blockshape",
    "blockwise",
    "broadcast_arrays",
    "broadcast_chunks",
    "broadcast_shapes",
    "broadcast_to",
    "common_blockdim",
    "compute_meta",
    "concatenate",
    "elemwise",
    "finalize",
    "from_array",
    "from_zarr",
    "getter",
    "getter_inline",
    "getter_nofancy",
    "handle_out",
    "is_scalar_for_elemwise",
    "is_valid_array_type",
    "is_valid_chunk_type",
    "is_valid_operand",
    "map_blocks",
    "meta_from_array",
    "normalize_chunks",
    "normalize_chunks_cached",
    "round_to",
    "slices_from_chunks",
    "stack",
    "to_zarr",
    "unify_chunks",
    "unknown_chunk_message",
]
