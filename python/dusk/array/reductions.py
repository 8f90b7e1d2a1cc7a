"""Reductions and scans: natively where the engine has them, else by NumPy for each block and a tree over the parts."""

from __future__ import annotations

import builtins
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from dusk import _core
from dusk._derive import derived_from
from dusk.array import chunk
from dusk.array._array import Array, array_of
from dusk.array._chunks import without_empty_chunks
from dusk.array._elemwise import handle_out
from dusk.array._from_array import asanyarray
from dusk.array._lengths import sized
from dusk.array._moments import Moments, Pairs
from dusk.array._order_statistics import argtopk, median, nanmedian, nanquantile, quantile, topk
from dusk.array._places import Places
from dusk.array._reduction import axes_of, dtype_for_times, reduction, validate_axis
from dusk.array._reduction import tree_reduce as _tree_reduce  # noqa: F401  flox calls it
from dusk.array._scan import cumreduction
from dusk.array.dispatch import divide_lookup, nannumel_lookup, numel_lookup

__all__ = [
    "all",
    "any",
    "argmax",
    "argmin",
    "argtopk",
    "cumprod",
    "cumreduction",
    "cumsum",
    "divide",
    "max",
    "mean",
    "median",
    "min",
    "moment",
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nannumel",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
    "numel",
    "prod",
    "quantile",
    "reduction",
    "std",
    "sum",
    "topk",
    "trace",
    "validate_axis",
    "var",
]


def numel(x: Any, **kwargs: Any) -> Any:
    """Return the number of elements along axes, by array type."""
    return numel_lookup(x, **kwargs)


def nannumel(x: Any, **kwargs: Any) -> Any:
    """Return the number of elements along axes that aren't NaN, by array type."""
    return nannumel_lookup(x, **kwargs)


def divide(a: Any, b: Any, dtype: Any = None) -> Any:
    """Divide, by array type."""
    leading = builtins.max(a, b, key=lambda x: getattr(x, "__array_priority__", float("-inf")))
    return divide_lookup.dispatch(type(leading))(a, b, dtype=dtype)


def _native(
    a: Array, op: str, axis: Any, keepdims: bool, dtype: Any = None, ddof: float = 0, order: int = 2
) -> Array | None:
    """Return the array of a reduction that the engine has; None when it hasn't."""
    if type(a._meta) is not np.ndarray or a.dtype.kind not in "biufc":
        return None
    whole = dtype is not None and np.dtype(dtype).kind in "biu"
    if whole and a.dtype.kind != "c" and op in ("mean", "nanmean", "var", "nanvar", "std", "nanstd", "moment"):
        # computed as numbers with fractions, and only the result made whole
        result = _native(a, op, axis, keepdims, None, ddof, order)
        return None if result is None else result.astype(dtype)
    if whole and a.dtype.kind in "fc" and op.startswith("nan"):
        return None  # a NaN must be left out before it becomes a whole number
    try:
        node = _core.array_reduce(
            a._node,
            op,
            list(axes_of(axis, a.ndim)),
            keepdims=bool(keepdims),
            dtype=None if dtype is None else np.dtype(dtype),
            ddof=float(ddof),
            order=int(order),
        )
    except _core.NotNative:
        return None
    return array_of(node)


def _total(
    a: Any,
    op: str,
    per_block: Callable[..., Any],
    merge: Callable[..., Any],
    axis: Any,
    dtype: Any,
    keepdims: bool,
    split_every: Any,
    out: Any,
) -> Any:
    """A reduction whose parts are reduced as their elements are."""
    a = asanyarray(a)
    dtype = dtype_for_times(a, dtype)
    result = _native(a, op, axis, keepdims, dtype)
    if result is not None:
        return handle_out(out, result)
    if dtype is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dtype = getattr(per_block(np.ones((1,), dtype=a.dtype)), "dtype", np.dtype(object))
    return reduction(
        a, per_block, merge, axis=axis, keepdims=keepdims, dtype=dtype, split_every=split_every, out=out, name=op
    )


@derived_from(np)
def sum(
    a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None
) -> Any:  # noqa: A001
    return _total(a, "sum", chunk.sum, chunk.sum, axis, dtype, keepdims, split_every, out)


@derived_from(np)
def prod(
    a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None
) -> Any:
    return _total(a, "prod", chunk.prod, chunk.prod, axis, dtype, keepdims, split_every, out)


@derived_from(np)
def nansum(
    a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None
) -> Any:
    return _total(a, "nansum", chunk.nansum, chunk.sum, axis, dtype, keepdims, split_every, out)


@derived_from(np)
def nanprod(
    a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None
) -> Any:
    return _total(a, "nanprod", chunk.nanprod, chunk.prod, axis, dtype, keepdims, split_every, out)


@derived_from(np)
def any(a: Any, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:  # noqa: A001
    return _truth(a, "any", chunk.any, axis, keepdims, split_every, out)


@derived_from(np)
def all(a: Any, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:  # noqa: A001
    return _truth(a, "all", chunk.all, axis, keepdims, split_every, out)


def _truth(a: Any, op: str, function: Any, axis: Any, keepdims: bool, split_every: Any, out: Any) -> Any:
    a = asanyarray(a)
    result = _native(a, op, axis, keepdims)
    if result is not None:
        return handle_out(out, result)
    return reduction(
        a, function, function, axis=axis, keepdims=keepdims, dtype="bool", split_every=split_every, out=out, name=op
    )


@derived_from(np)
def min(a: Any, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:  # noqa: A001
    return _extreme(a, "min", np.min, axis, keepdims, split_every, out)


@derived_from(np)
def max(a: Any, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:  # noqa: A001
    return _extreme(a, "max", np.max, axis, keepdims, split_every, out)


@derived_from(np)
def nanmin(a: Any, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:
    return _extreme(asanyarray(a), "nanmin", np.nanmin, axis, keepdims, split_every, out)


@derived_from(np)
def nanmax(a: Any, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:
    return _extreme(asanyarray(a), "nanmax", np.nanmax, axis, keepdims, split_every, out)


def chunk_min(x: Any, axis: Any = None, keepdims: Any = None) -> Any:
    """`numpy.min` of a block; of an empty one, nothing."""
    return _of_some(np.min, x, axis, keepdims)


def chunk_max(x: Any, axis: Any = None, keepdims: Any = None) -> Any:
    """`numpy.max` of a block; of an empty one, nothing."""
    return _of_some(np.max, x, axis, keepdims)


def _of_some(function: Any, x: Any, axis: Any = None, keepdims: Any = None) -> Any:
    """A minimum or maximum of the parts that have elements."""
    axes = axes_of(axis, x.ndim)
    if builtins.any(x.shape[i] == 0 for i in axes):
        shape = tuple(0 if i in axes else n for i, n in enumerate(x.shape))
        return np.empty_like(x, shape=shape)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice encountered", RuntimeWarning)
        return function(x, axis=axis, keepdims=keepdims)


def _without_empty(a: Array, axes: tuple[int, ...]) -> Array:
    """Return an array without empty blocks, of which parts can't be put together along several axes."""
    return without_empty_chunks(sized(a, axes) if len(axes) > 1 else a, axes)


def _extreme(a: Any, op: str, function: Any, axis: Any, keepdims: bool, split_every: Any, out: Any) -> Any:
    a = asanyarray(a)
    result = _native(a, op, axis, keepdims)
    if result is not None:
        return handle_out(out, result)
    axes = axes_of(axis, a.ndim)
    if builtins.any(a.shape[i] == 0 for i in axes) and not builtins.any(
        n == 0 for i, n in enumerate(a.shape) if i not in axes
    ):
        names = {"min": "minimum", "max": "maximum", "nanmin": "fmin", "nanmax": "fmax"}
        raise ValueError(f"zero-size array to reduction operation {names[op]} which has no identity")
    a = _without_empty(a, axes)
    some = partial(_of_some, function)
    return reduction(
        a,
        some,
        function,
        combine=some,
        axis=axis,
        keepdims=keepdims,
        dtype=a.dtype,
        split_every=split_every,
        out=out,
        name=op,
    )


@derived_from(np)
def mean(
    a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None
) -> Any:
    return _mean(a, "mean", False, axis, dtype, keepdims, split_every, out)


@derived_from(np)
def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None
) -> Any:
    return _mean(a, "nanmean", True, axis, dtype, keepdims, split_every, out)


def _mean(a: Any, op: str, skipna: bool, axis: Any, dtype: Any, keepdims: bool, split_every: Any, out: Any) -> Any:
    a = asanyarray(a)
    dtype = dtype_for_times(a, dtype)
    result = _native(a, op, axis, keepdims, dtype)
    if result is not None:
        return handle_out(out, result)
    given = dtype
    if dtype is None:
        dtype = np.dtype(object) if a.dtype == object else np.mean(np.zeros((1,), dtype=a.dtype)).dtype
    steps = Pairs(skipna, given)
    return reduction(
        a,
        steps.chunk,
        steps.aggregate,
        combine=steps.combine,
        axis=axis,
        keepdims=keepdims,
        dtype=dtype,
        split_every=split_every,
        out=out,
        concatenate=False,
        name=op,
    )


@derived_from(np)
def var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
    ddof: float = 0,
    split_every: Any = None,
    out: Any = None,
) -> Any:
    return _spread(a, "var", False, axis, dtype, keepdims, ddof, split_every, out)


@derived_from(np)
def nanvar(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
    ddof: float = 0,
    split_every: Any = None,
    out: Any = None,
) -> Any:
    return _spread(a, "nanvar", True, axis, dtype, keepdims, ddof, split_every, out)


@derived_from(np)
def std(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
    ddof: float = 0,
    split_every: Any = None,
    out: Any = None,
) -> Any:
    return _spread(a, "std", False, axis, dtype, keepdims, ddof, split_every, out)


@derived_from(np)
def nanstd(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
    ddof: float = 0,
    split_every: Any = None,
    out: Any = None,
) -> Any:
    return _spread(a, "nanstd", True, axis, dtype, keepdims, ddof, split_every, out)


def _spread(
    a: Any, op: str, skipna: bool, axis: Any, dtype: Any, keepdims: bool, ddof: float, split_every: Any, out: Any
) -> Any:
    a = asanyarray(a)
    result = _native(a, op, axis, keepdims, dtype, ddof)
    if result is not None:
        return handle_out(out, result)
    given = dtype
    if dtype is None:
        dtype = np.dtype(object) if a.dtype == object else np.var(np.ones((1,), dtype=a.dtype)).dtype
    steps = Moments(2, ddof, skipna, given, root=op.endswith("std"))
    return reduction(
        a,
        steps.chunk,
        steps.aggregate,
        combine=steps.combine,
        axis=axis,
        keepdims=keepdims,
        dtype=dtype,
        split_every=split_every,
        out=out,
        concatenate=False,
        name=op,
    )


def moment(
    a: Any,
    order: int,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
    ddof: float = 0,
    split_every: Any = None,
    out: Any = None,
) -> Any:
    """Return the central moment of an order.

    Parameters
    ----------
    a : array_like
    order : int
        0 gives ones, 1 zeros, 2 the variance, ...
    axis : int or sequence of int, optional
        The axes that are reduced; all by default.
    dtype : dtype, optional
        Type of the result and of the computation.
    keepdims : bool, default False
        Keep the axes with length 1.
    ddof : float, default 0
        Subtracted from the number of elements that the sum of powers is divided by.
    split_every : int or dict, optional
        How many parts are put together at once.
    out : Array, optional
        Becomes the result.

    Returns
    -------
    Array
    """
    if not isinstance(order, (int, np.integer)) or order < 0:
        raise ValueError("Order must be an integer >= 0")
    a = asanyarray(a)
    if order < 2:
        from dusk.array.creation import ones, zeros

        reduced = sum(a, axis=axis, dtype=dtype, keepdims=keepdims, split_every=split_every, out=out)
        make = ones if order == 0 else zeros
        return make(reduced.shape, chunks=reduced.chunks, dtype="f8", meta=reduced._meta)
    result = _native(a, "moment", axis, keepdims, dtype, ddof, order)
    if result is not None:
        return handle_out(out, result)
    given = dtype
    if dtype is None:
        dtype = getattr(np.var(np.ones((1,), dtype=a.dtype)), "dtype", np.dtype(object))
    steps = Moments(order, ddof, False, given)
    return reduction(
        a,
        steps.chunk,
        steps.aggregate,
        combine=steps.combine,
        axis=axis,
        keepdims=keepdims,
        dtype=dtype,
        split_every=split_every,
        out=out,
        concatenate=False,
        name="moment",
    )


@derived_from(np)
def argmin(a: Any, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:
    return _place(a, "argmin", axis, keepdims, split_every, out)


@derived_from(np)
def argmax(a: Any, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:
    return _place(a, "argmax", axis, keepdims, split_every, out)


@derived_from(np)
def nanargmin(a: Any, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:
    return _place(a, "nanargmin", axis, keepdims, split_every, out)


@derived_from(np)
def nanargmax(a: Any, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:
    return _place(a, "nanargmax", axis, keepdims, split_every, out)


def _place(a: Any, op: str, axis: Any, keepdims: bool, split_every: Any, out: Any) -> Any:
    a = asanyarray(a)
    if axis is not None and not isinstance(axis, (int, np.integer)):
        raise TypeError(f"axis must be either `None` or int, got '{axis}'")
    axes = axes_of(axis, a.ndim)
    a = sized(a, [i for i in axes if a.numblocks[i] > 1])
    result = _native(a, op, axis, keepdims)
    if result is not None:
        return handle_out(out, result)
    if builtins.any(a.shape[i] == 0 for i in axes):
        raise ValueError(f"attempt to get {op.removeprefix('nan')} of an empty sequence")
    a = _without_empty(a, axes)
    return handle_out(out, Places(op).reduce(a, axis, keepdims, split_every))


def arg_reduction(
    x: Any,
    chunk: Any,
    combine: Any,
    agg: Any,
    axis: Any = None,
    keepdims: bool = False,
    split_every: Any = None,
    out: Any = None,
) -> Any:
    """Reduce to places by functions that get values and places, as Dask's.

    Parameters
    ----------
    x : Array
    chunk : callable
        ``chunk(block, axis, offset_info)``.
    combine, agg : callable
        ``combine(parts, axis)`` makes one part of several, ``agg(parts, axis)`` the result.
    axis : int, optional
        All axes by default.
    keepdims, split_every, out
        See `reduction`.
    """
    return handle_out(out, Places.by_functions(asanyarray(x), chunk, combine, agg, axis, keepdims, split_every))


@derived_from(np)
def cumsum(x: Any, axis: Any = None, dtype: Any = None, out: Any = None, method: str = "sequential") -> Any:
    return cumreduction(np.cumsum, np.add, 0, x, axis, dtype, out=out, method=method, preop=np.sum)


@derived_from(np)
def cumprod(x: Any, axis: Any = None, dtype: Any = None, out: Any = None, method: str = "sequential") -> Any:
    return cumreduction(np.cumprod, np.multiply, 1, x, axis, dtype, out=out, method=method, preop=np.prod)


@derived_from(np)
def nancumsum(x: Any, axis: Any, dtype: Any = None, out: Any = None, *, method: str = "sequential") -> Any:
    return cumreduction(np.nancumsum, np.add, 0, x, axis, dtype, out=out, method=method, preop=np.nansum)


@derived_from(np)
def nancumprod(x: Any, axis: Any, dtype: Any = None, out: Any = None, *, method: str = "sequential") -> Any:
    return cumreduction(np.nancumprod, np.multiply, 1, x, axis, dtype, out=out, method=method, preop=np.nanprod)


@derived_from(np)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    from dusk.array.creation import diagonal

    return diagonal(asanyarray(a), offset=offset, axis1=axis1, axis2=axis2).sum(-1, dtype=dtype)
