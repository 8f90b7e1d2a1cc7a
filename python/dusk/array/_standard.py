"""Functions that have another name, or exist only, in the array API standard, as NumPy 2 has them too.

Covers sorting and picking along an axis as well. Those need the axis whole: the others are cut so that blocks keep the
size that is set for chunks, and an array of one axis is sorted in one block.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import can_cast, finfo, iinfo, isdtype

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._axes import transpose as permute_dims
from dusk.array._block_calls import block_call
from dusk.array._elemwise import handle_out
from dusk.array._from_array import asanyarray, asarray
from dusk.array._joining import concatenate as concat
from dusk.array._like import validate_axis
from dusk.array._meta import meta_from_array
from dusk.array.reductions import cumprod, cumsum
from dusk.array.ufunc import arccos as acos
from dusk.array.ufunc import arccosh as acosh
from dusk.array.ufunc import arcsin as asin
from dusk.array.ufunc import arcsinh as asinh
from dusk.array.ufunc import arctan as atan
from dusk.array.ufunc import arctan2 as atan2
from dusk.array.ufunc import arctanh as atanh
from dusk.array.ufunc import conjugate
from dusk.array.ufunc import invert as bitwise_invert
from dusk.array.ufunc import left_shift as bitwise_left_shift
from dusk.array.ufunc import power as pow  # noqa: A004  the standard's name
from dusk.array.ufunc import right_shift as bitwise_right_shift
from dusk.array.wrap import zeros

__all__ = [
    "acos",
    "acosh",
    "argsort",
    "asin",
    "asinh",
    "astype",
    "atan",
    "atan2",
    "atanh",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_right_shift",
    "can_cast",
    "concat",
    "cumulative_prod",
    "cumulative_sum",
    "finfo",
    "iinfo",
    "isdtype",
    "matrix_transpose",
    "permute_dims",
    "pow",
    "sort",
    "take_along_axis",
    "unstack",
    "vecdot",
]


@derived_from(np)
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: str | None = None) -> Array:
    if device not in (None, "cpu"):
        raise ValueError(f"Device not understood. Only 'cpu' is allowed, but received: {device}")
    return asarray(x).astype(dtype, copy=copy)


@derived_from(np)
def matrix_transpose(x: Any, /) -> Array:
    x = asanyarray(x)
    if x.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {x.ndim}")
    return permute_dims(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


@derived_from(np)
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Array:
    x1, x2 = asanyarray(x1), asanyarray(x2)
    a, b = validate_axis(axis, x1.ndim), validate_axis(axis, x2.ndim)
    if x1.shape[a] != x2.shape[b]:
        raise ValueError(f"vecdot: the axis has {x1.shape[a]} elements in x1 and {x2.shape[b]} in x2")
    x1, x2 = (permute_dims(x, (*(i for i in range(x.ndim) if i != at), at)) for x, at in ((x1, a), (x2, b)))
    if x1.dtype == bool and x2.dtype == bool:
        return (x1 & x2).any(axis=-1)
    products = conjugate(x1) * x2
    return products.sum(axis=-1, dtype=products.dtype)


@derived_from(np)
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Array, ...]:
    x = asanyarray(x)
    if x.ndim == 0:
        raise ValueError("Input array must be at least 1-d.")
    before = (slice(None),) * validate_axis(axis, x.ndim)
    return tuple(x[(*before, i)] for i in range(x.shape[len(before)]))


def _cumulative(scan: Any, start: int, x: Any, axis: int | None, dtype: Any, out: Any, include_initial: bool) -> Array:
    x = asanyarray(x)
    x = x.reshape(1) if x.ndim == 0 else x
    if axis is None:
        if x.ndim != 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        axis = 0
    axis = validate_axis(axis, x.ndim)
    if not include_initial:
        return scan(x, axis=axis, dtype=dtype, out=out)
    result = scan(x, axis=axis, dtype=dtype)
    shape = tuple(1 if i == axis else length for i, length in enumerate(result.shape))
    chunks = tuple((1,) if i == axis else lengths for i, lengths in enumerate(result.chunks))
    first = zeros(shape, chunks=chunks, dtype=result.dtype) + result.dtype.type(start)
    return handle_out(out, concat([first.astype(result.dtype), result], axis=axis))


@derived_from(np)
def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Array:
    return _cumulative(cumsum, 0, x, axis, dtype, out, include_initial)


@derived_from(np)
def cumulative_prod(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Array:
    return _cumulative(cumprod, 1, x, axis, dtype, out, include_initial)


def _axis_whole(a: Array, axis: int) -> Array:
    if a.numblocks[axis] == 1:
        return a
    others = "auto" if not a.dtype.hasobject else None  # nobody knows how large objects are
    return a.rechunk({i: -1 if i == axis else others for i in range(a.ndim)})


def _sorted(function: Any, a: Any, axis: int | None, dtype: Any, options: dict[str, Any]) -> Array:
    a = asanyarray(a)
    if axis is None:
        a, axis = a.flatten(), 0
    axis = validate_axis(axis, a.ndim)
    given = {name: value for name, value in options.items() if value is not None}
    a = _axis_whole(a, axis)
    return a.map_blocks(function, axis=axis, **given, dtype=dtype or a.dtype, meta=meta_from_array(a, dtype=dtype))


@derived_from(np)
def sort(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: bool | None = None) -> Array:
    return _sorted(np.sort, a, axis, None, {"kind": kind, "order": order, "stable": stable})


@derived_from(np)
def argsort(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: bool | None = None) -> Array:
    return _sorted(np.argsort, a, axis, np.dtype(np.intp), {"kind": kind, "order": order, "stable": stable})


@derived_from(np)
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Array:
    arr, indices = asanyarray(arr), asanyarray(indices)
    if axis is None:
        if indices.ndim != 1:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        arr, axis = arr.flatten(), 0
    axis = validate_axis(axis, arr.ndim)
    if indices.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if arr.ndim != indices.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    others = [i for i in range(arr.ndim) if i != axis]
    for i in others:
        if arr.shape[i] != indices.shape[i] and 1 not in (arr.shape[i], indices.shape[i]):
            raise IndexError(f"axis {i} has {arr.shape[i]} elements in `arr` and {indices.shape[i]} in `indices`")
    arr = _axis_whole(arr, axis)
    cut = {i: arr.chunks[i] for i in others if arr.shape[i] == indices.shape[i]}
    indices = indices.rechunk(cut)
    chunks, read, at = [], [], []
    for i in range(arr.ndim):
        chunks.append(indices.chunks[i] if i == axis or arr.shape[i] == 1 else arr.chunks[i])
        read.append(("at", 0) if i == axis or (arr.shape[i] == 1 != indices.shape[i]) else i)
        at.append(("at", 0) if i != axis and (indices.shape[i] == 1 != arr.shape[i]) else i)
    meta = np.empty((0,) * arr.ndim, dtype=arr.dtype) if type(arr._meta) is np.ndarray else arr._meta
    inputs = [(arr, read), (indices, at)]
    return block_call(np.take_along_axis, inputs, chunks, meta, kwargs={"axis": axis}, prefix="take-along-axis")
