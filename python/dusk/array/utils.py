"""Dask's `dask.array.utils`: comparisons for tests, metas, arguments."""

from __future__ import annotations

from dusk.array._like import arange_safe, array_safe, asanyarray_safe, asarray_safe, svd_flip, validate_axis
from dusk.array._meta import compute_meta, meta_from_array
from dusk.array._testing import allclose, assert_eq, assert_eq_shape, same_keys

__all__ = [
    "allclose",
    "arange_safe",
    "array_safe",
    "asanyarray_safe",
    "asarray_safe",
    "assert_eq",
    "assert_eq_shape",
    "compute_meta",
    "meta_from_array",
    "same_keys",
    "svd_flip",
    "validate_axis",
]
