"""Dask's `dask.array.slicing`: indexes in one form, and what is done with them."""

from __future__ import annotations

from dusk.array._chunks import cached_cumsum
from dusk.array._index import (
    check_index,
    colon,
    normalize_index,
    normalize_slice,
    posify_index,
    replace_ellipsis,
    sanitize_index,
)
from dusk.array._index import sanitize_index_element as _sanitize_index_element
from dusk.array._old_slicing import (
    SlicingNoop,
    expander,
    issorted,
    make_block_sorted_slices,
    new_blockdim,
    partition_by_size,
    shuffle_slice,
)
from dusk.array._old_slicing import slice_1d as _slice_1d
from dusk.array._setitem import setitem_array

__all__ = [
    "SlicingNoop",
    "_sanitize_index_element",
    "_slice_1d",
    "cached_cumsum",
    "check_index",
    "colon",
    "expander",
    "issorted",
    "make_block_sorted_slices",
    "new_blockdim",
    "normalize_index",
    "normalize_slice",
    "partition_by_size",
    "posify_index",
    "replace_ellipsis",
    "sanitize_index",
    "setitem_array",
    "shuffle_slice",
]
