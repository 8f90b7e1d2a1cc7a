"""Arrays some of whose elements are masked, with the functions of `numpy.ma`.

Blocks are `numpy.ma.MaskedArray`, so these arrays stay with NumPy, block by block; the functions of `dusk.array` take
them as well. Covers what makes masks, takes them off or asks about them. Invariant: a fill value is one scalar for the
whole array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array import chunk
from dusk.array._array import Array
from dusk.array._choice import nonzero as _nonzero
from dusk.array._elemwise import elemwise
from dusk.array._from_array import asanyarray
from dusk.array._map_blocks import map_blocks
from dusk.array._reduction import reduction
from dusk.array._statistics import averaged
from dusk.array._views import assign_to
from dusk.array.blockwise import blockwise
from dusk.tokenize import normalize_token

__all__ = [
    "average",
    "count",
    "empty_like",
    "filled",
    "fix_invalid",
    "getdata",
    "getmaskarray",
    "masked_array",
    "masked_equal",
    "masked_greater",
    "masked_greater_equal",
    "masked_inside",
    "masked_invalid",
    "masked_less",
    "masked_less_equal",
    "masked_not_equal",
    "masked_outside",
    "masked_values",
    "masked_where",
    "nonzero",
    "normalize_masked_array",
    "ones_like",
    "set_fill_value",
    "where",
    "zeros_like",
]


def normalize_masked_array(x: Any) -> Any:
    """Return what a masked array is named by: its values, its mask and its fill value."""
    return normalize_token(x)


def _scalar(name: str, value: Any) -> None:
    """Refuse an array where NumPy would make it the fill value of the result."""
    if getattr(value, "shape", ()):
        raise ValueError(f"da.ma.{name} doesn't support array `value`s")


# --- making masks -----------------------------------------------------------------------------------------------------


def _comparing(function: Callable[..., Any]) -> Callable[..., Array]:
    """Return the function that masks where a comparison with another operand holds."""

    def masked(a: Any, value: Any) -> Array:
        a, value = asanyarray(a), asanyarray(value)
        labels = [tuple(range(x.ndim))[::-1] for x in (a, value)]
        return blockwise(function, max(labels, key=len), a, labels[0], value, labels[1], dtype=a.dtype)

    masked.__name__ = masked.__qualname__ = function.__name__
    return derived_from(np.ma)(masked)


masked_greater = _comparing(np.ma.masked_greater)
masked_greater_equal = _comparing(np.ma.masked_greater_equal)
masked_less = _comparing(np.ma.masked_less)
masked_less_equal = _comparing(np.ma.masked_less_equal)
masked_not_equal = _comparing(np.ma.masked_not_equal)


@derived_from(np.ma)
def masked_equal(a: Any, value: Any) -> Array:
    a = asanyarray(a)
    _scalar("masked_equal", value)
    labels = tuple(range(a.ndim))
    return blockwise(np.ma.masked_equal, labels, a, labels, value, (), dtype=a.dtype)


@derived_from(np.ma)
def masked_values(x: Any, value: Any, rtol: float = 1e-5, atol: float = 1e-8, shrink: bool = True) -> Array:
    x = asanyarray(x)
    _scalar("masked_values", value)
    return map_blocks(np.ma.masked_values, x, value, rtol=rtol, atol=atol, shrink=shrink)


@derived_from(np.ma)
def masked_invalid(a: Any) -> Array:
    return asanyarray(a).map_blocks(np.ma.masked_invalid)


@derived_from(np.ma)
def masked_inside(x: Any, v1: Any, v2: Any) -> Array:
    return asanyarray(x).map_blocks(np.ma.masked_inside, v1, v2)


@derived_from(np.ma)
def masked_outside(x: Any, v1: Any, v2: Any) -> Array:
    return asanyarray(x).map_blocks(np.ma.masked_outside, v1, v2)


@derived_from(np.ma)
def masked_where(condition: Any, a: Any) -> Array:
    given, wanted = np.shape(condition) if not isinstance(condition, Array) else condition.shape, np.shape(a)
    if given and given != wanted:
        raise IndexError(f"Inconsistent shape between the condition and the input (got {given} and {wanted})")
    condition, a = asanyarray(condition), asanyarray(a)
    labels = tuple(range(a.ndim))
    return blockwise(np.ma.masked_where, labels, condition, labels[: condition.ndim], a, labels, dtype=a.dtype)


@derived_from(np.ma)
def fix_invalid(a: Any, fill_value: Any = None) -> Array:
    return asanyarray(a).map_blocks(np.ma.fix_invalid, fill_value=fill_value)


def _masked_block(data: Any, mask: Any = np.ma.nomask, masked_dtype: Any = None, **kwargs: Any) -> Any:
    kwargs.pop("chunks", None)  # an argument of dusk, not of NumPy
    return np.ma.masked_array(data, mask=mask, dtype=masked_dtype, **kwargs)


@derived_from(np.ma)
def masked_array(data: Any, mask: Any = np.ma.nomask, fill_value: Any = None, **kwargs: Any) -> Array:
    data = asanyarray(data)
    if getattr(fill_value, "shape", ()):
        raise ValueError("non-scalar fill_value not supported")
    labels = tuple(range(data.ndim))
    pairs: list[Any] = [data, labels]
    if mask is not np.ma.nomask:
        mask = asanyarray(mask)
        if mask.size == 1:
            mask = mask.reshape((1,) * data.ndim)
        elif mask.shape != data.shape:
            raise np.ma.MaskError(
                f"Mask and data not compatible: data shape is {data.shape!r}, and mask shape is {mask.shape!r}."
            )
        pairs += [mask, labels]
    if "dtype" in kwargs:
        kwargs["masked_dtype"] = kwargs["dtype"]
    else:
        kwargs["dtype"] = data.dtype
    return blockwise(_masked_block, labels, *pairs, fill_value=fill_value, **kwargs)


# --- taking them off --------------------------------------------------------------------------------------------------


@derived_from(np.ma)
def filled(a: Any, fill_value: Any = None) -> Array:
    return asanyarray(a).map_blocks(np.ma.filled, fill_value=fill_value)


@derived_from(np.ma)
def getdata(a: Any) -> Array:
    return asanyarray(a).map_blocks(np.ma.getdata)


@derived_from(np.ma)
def getmaskarray(a: Any) -> Array:
    return asanyarray(a).map_blocks(np.ma.getmaskarray)


def _with_fill_value(x: Any, fill_value: Any) -> Any:
    if isinstance(x, np.ma.MaskedArray):
        x = x.copy()
        np.ma.set_fill_value(x, fill_value=fill_value)
    return x


@derived_from(np.ma)
def set_fill_value(a: Any, fill_value: Any) -> None:
    a = asanyarray(a)
    _scalar("set_fill_value", fill_value)
    # an array of nothing checks it as NumPy does: `TypeError` for what its dtype can't hold
    probe = np.ma.masked_array(np.empty(0, dtype=a.dtype))
    probe.set_fill_value(fill_value)
    assign_to(a, a.map_blocks(_with_fill_value, probe.fill_value))


# --- what the functions for arrays without masks would get wrong ------------------------------------------------------


@derived_from(np.ma)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, keepdims: bool = False) -> Any:
    return averaged(a, axis, weights, returned, keepdims, masked=True)


def _count_block(x: Any, axis: Any = None, keepdims: Any = None) -> Any:
    return np.ma.count(x, axis=axis, keepdims=keepdims)


@derived_from(np.ma)
def count(a: Any, axis: Any = None, keepdims: bool = False, split_every: Any = None) -> Any:
    return reduction(
        a, _count_block, chunk.sum, axis=axis, keepdims=keepdims, dtype=np.intp, split_every=split_every, name="count"
    )


@derived_from(np.ma.core)
def ones_like(a: Any, **kwargs: Any) -> Array:
    return asanyarray(a).map_blocks(np.ma.core.ones_like, **kwargs)


@derived_from(np.ma.core)
def zeros_like(a: Any, **kwargs: Any) -> Array:
    return asanyarray(a).map_blocks(np.ma.core.zeros_like, **kwargs)


@derived_from(np.ma.core)
def empty_like(a: Any, **kwargs: Any) -> Array:
    return asanyarray(a).map_blocks(np.ma.core.empty_like, **kwargs)


@derived_from(np.ma.core)
def nonzero(a: Any) -> tuple[Array, ...]:
    a = asanyarray(a)
    # masked elements count as zeros
    return _nonzero((getdata(a) != 0) & ~getmaskarray(a))


@derived_from(np.ma.core)
def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if (x is None) != (y is None):
        raise ValueError("either both or neither of x and y should be given")
    if x is None:
        return nonzero(condition)
    return elemwise(np.ma.where, condition, x, y)
