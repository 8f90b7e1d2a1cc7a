"""Medians, quantiles and the largest elements along axes.

An axis that is reduced comes in one piece, except for `topk` and `argtopk`, which put the best of parts together.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array import chunk
from dusk.array._array import Array
from dusk.array._block_calls import Slot, block_call
from dusk.array._elemwise import handle_out
from dusk.array._from_array import asanyarray
from dusk.array._lengths import sized
from dusk.array._places import with_positions
from dusk.array._reduction import axes_of, reduction, validate_axis

__all__ = ["argtopk", "median", "nanmedian", "nanquantile", "quantile", "topk"]


def topk(a: Any, k: int, axis: int = -1, split_every: Any = None) -> Array:
    """Return the ``k`` largest elements along an axis, largest first.

    Parameters
    ----------
    a : array_like
    k : int
        How many. Negative for the smallest, smallest first.
    axis : int, default -1
    split_every : int, optional
        How many blocks are put together at once.
    """
    a = asanyarray(a)
    axis = validate_axis(axis, a.ndim)
    a = sized(a, [axis])
    size = min(abs(k), a.shape[axis])
    return reduction(
        a,
        partial(chunk.topk, k=k),
        partial(chunk.topk_aggregate, k=k),
        combine=partial(chunk.topk, k=k),
        axis=axis,
        keepdims=True,
        dtype=a.dtype,
        split_every=split_every,
        output_size=size,
        name="topk",
    )


def argtopk(a: Any, k: int, axis: int = -1, split_every: Any = None) -> Array:
    """Return the positions of the ``k`` largest elements along an axis, largest first.

    Parameters
    ----------
    a : array_like
    k : int
        How many. Negative for the smallest, smallest first.
    axis : int, default -1
    split_every : int, optional
        How many blocks are put together at once.
    """
    a = asanyarray(a)
    axis = validate_axis(axis, a.ndim)
    a = sized(a, [axis])
    size = min(abs(k), a.shape[axis])
    return reduction(
        with_positions(a, axis),
        partial(chunk.argtopk, k=k),
        partial(chunk.argtopk_aggregate, k=k),
        combine=partial(chunk.argtopk, k=k),
        axis=axis,
        keepdims=True,
        dtype=np.intp,
        split_every=split_every,
        concatenate=False,
        output_size=size,
        name="argtopk",
    )


def _whole_along(a: Any, axis: Any, what: str) -> tuple[Array, tuple[int, ...]]:
    """Return an array in one piece along axes, with these axes."""
    a = asanyarray(a)
    if axis is None and any(count > 1 for count in a.numblocks):
        # Dask refuses this with the same class
        raise NotImplementedError(
            f"The da.{what} function only works along an axis.  The full algorithm is difficult to do in parallel"
        )
    axes = axes_of(axis, a.ndim)
    if all(a.numblocks[i] == 1 for i in axes):
        return a, axes
    others = {} if a.dtype == object else dict.fromkeys(range(a.ndim), "auto")
    return a.rechunk({**others, **dict.fromkeys(axes, -1)}), axes


def _reduced_chunks(a: Array, axes: tuple[int, ...], keepdims: bool) -> dict[str, Any]:
    if keepdims:
        return {"chunks": [(1,) if i in axes else c for i, c in enumerate(a.chunks)]}
    return {"drop_axis": list(axes), "chunks": [c for i, c in enumerate(a.chunks) if i not in axes]}


@derived_from(np)
def median(a: Any, axis: Any = None, keepdims: bool = False, out: Any = None) -> Any:
    return _median(np.median, "median", a, axis, keepdims, out)


@derived_from(np)
def nanmedian(a: Any, axis: Any = None, keepdims: bool = False, out: Any = None) -> Any:
    return _median(np.nanmedian, "nanmedian", a, axis, keepdims, out)


def _median(function: Any, name: str, a: Any, axis: Any, keepdims: bool, out: Any) -> Any:
    a, axes = _whole_along(a, axis, name)
    dtype = a.dtype if a.dtype == object else function(np.ones((1,), dtype=a.dtype)).dtype
    result = a.map_blocks(function, axis=axes, keepdims=keepdims, dtype=dtype, **_reduced_chunks(a, axes, keepdims))
    return handle_out(out, result)


@derived_from(np)
def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
    interpolation: Any = None,
) -> Any:
    return _quantile(
        np.quantile, "quantile", a, q, axis, out, overwrite_input, method, keepdims, weights, interpolation
    )


@derived_from(np)
def nanquantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
    interpolation: Any = None,
) -> Any:
    return _quantile(
        np.nanquantile, "nanquantile", a, q, axis, out, overwrite_input, method, keepdims, weights, interpolation
    )


def _quietly(function: Any, *args: Any, **kwargs: Any) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice encountered", RuntimeWarning)
        return function(*args, **kwargs)


def _quantile(
    function: Any,
    name: str,
    a: Any,
    q: Any,
    axis: Any,
    out: Any,
    overwrite_input: bool,
    method: str,
    keepdims: bool,
    weights: Any,
    interpolation: Any,
) -> Any:
    if interpolation is not None:
        warnings.warn(
            "The `interpolation` argument to quantile was renamed to `method`.", DeprecationWarning, stacklevel=3
        )
        method = interpolation
    a, axes = _whole_along(a, axis, name)
    # as NumPy, for which a number has the type of the elements
    q = np.asarray(q, dtype=a.dtype) if isinstance(q, (int, float)) and a.dtype.kind == "f" else np.asarray(q)
    kept = [(1,) if i in axes else c for i, c in enumerate(a.chunks) if keepdims or i not in axes]
    kwargs: dict[str, Any] = {"axis": axes, "method": method, "keepdims": keepdims}
    order = [i for i in range(a.ndim) if keepdims or i not in axes]
    shift = q.ndim
    chunks = [(n,) for n in q.shape] + kept
    picks = [("at", 0) if i in axes else order.index(i) + shift for i in range(a.ndim)]
    inputs = [(a, picks)]
    tried: dict[str, Any] = {"method": method}
    if weights is not None:
        inputs.append((_weights_like(a, weights, axes), picks))
        kwargs["weights"] = Slot(1)
        tried["weights"] = np.ones(1, dtype=inputs[1][0].dtype)
    dtype = function(np.ones((1,), dtype=a.dtype), q, **tried).dtype
    result = block_call(
        partial(_quietly, function),
        inputs,
        chunks,
        np.empty((0,) * len(chunks), dtype=dtype),
        args=[Slot(0), q],
        kwargs=kwargs,
        prefix=name,
    )
    return handle_out(out, result)


def _weights_like(a: Array, weights: Any, axes: tuple[int, ...]) -> Array:
    """Return weights with the shape and the chunks of an array."""
    from dusk.array.core import broadcast_to

    weights, a = sized(asanyarray(weights)), sized(a)
    if weights.ndim == 1 and weights.shape != a.shape:
        if len(axes) != 1:
            raise TypeError("Axis must be specified when shapes of a and weights differ.")
        (axis,) = axes
        if weights.shape[0] != a.shape[axis]:
            raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
        weights = weights[tuple(slice(None) if i == axis else None for i in range(a.ndim))]
    elif weights.shape != a.shape:
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    return broadcast_to(weights, a.shape).rechunk(a.chunks)
