"""Averages, covariances and differences of arrays, and small questions about them."""

from __future__ import annotations

import math
import warnings
from numbers import Integral
from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._choice import result_type
from dusk.array._chunks import is_known
from dusk.array._from_array import asanyarray, asarray
from dusk.array._joining import concatenate
from dusk.array._lengths import sized
from dusk.array._meta import meta_from_array
from dusk.array._products import dot
from dusk.array._reduction import axes_of, validate_axis
from dusk.array._unique import unique

__all__ = [
    "average",
    "corrcoef",
    "cov",
    "diff",
    "ediff1d",
    "gradient",
    "iscomplexobj",
    "ndim",
    "shape",
    "union1d",
]


@derived_from(np)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, keepdims: bool = False) -> Any:
    return averaged(a, axis, weights, returned, keepdims)


def averaged(a: Any, axis: Any, weights: Any, returned: bool, keepdims: bool, masked: bool = False) -> Any:
    """Return an average; of a masked array, without the weights of masked elements."""
    from dusk.array.core import broadcast_to

    a = asanyarray(a)
    if weights is None:
        mean = a.mean(axis, keepdims=keepdims)
        if not returned:
            return mean
        axes = axes_of(axis, a.ndim)
        total: Any = mean.dtype.type(math.prod(sized(a, axes).shape[i] for i in axes))
    else:
        weights = asanyarray(weights)
        dtype = result_type(a.dtype, weights.dtype, *(["f8"] if a.dtype.kind in "iub" else []))
        if a.shape != weights.shape or not is_known(a.shape):
            a, weights = sized(a), sized(weights)
        if a.shape != weights.shape:
            if axis is None:
                raise TypeError("Axis must be specified when shapes of a and weights differ.")
            if weights.ndim != 1:
                raise TypeError("1D weights expected when shapes of a and weights differ.")
            at = validate_axis(axis, a.ndim)
            if weights.shape[0] != a.shape[at]:
                raise ValueError("Length of weights not compatible with specified axis.")
            along = tuple(slice(None) if i == at else np.newaxis for i in range(a.ndim))
            weights = broadcast_to(weights[along], a.shape)
        if masked:
            from dusk.array.ma import getmaskarray

            weights = weights * ~getmaskarray(a)
        total = weights.sum(axis=axis, dtype=dtype, keepdims=keepdims)
        mean = (a.astype(dtype) * weights.astype(dtype)).sum(axis=axis, keepdims=keepdims) / total
        if not returned:
            return mean
    if getattr(total, "shape", ()) != mean.shape:
        total = broadcast_to(asanyarray(total), mean.shape)
    return mean, total


def _observations(x: Array, dtype: Any, rowvar: bool) -> Array:
    """Return variables in rows."""
    x = x.astype(dtype)
    if x.ndim < 2:
        return x.reshape((1, -1)) if x.ndim == 0 else x[np.newaxis]
    return x if rowvar else x.T


def _sample_weights(name: str, weights: Any, count: Any) -> Array:
    weights = sized(asarray(weights)).astype(float)
    if weights.ndim > 1:
        raise RuntimeError(f"cannot handle multidimensional {name}")
    if weights.shape[0] != count:
        raise RuntimeError(f"incompatible numbers of samples and {name}")
    return weights


@derived_from(np)
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Array:
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    m = sized(asarray(m))
    y = None if y is None else sized(asarray(y))
    if m.ndim > 2:
        raise ValueError("m has more than 2 dimensions")
    if y is not None and y.ndim > 2:
        raise ValueError("y has more than 2 dimensions")
    if dtype is None:
        dtype = result_type(m.dtype, np.float64, *([] if y is None else [y.dtype]))
    x = _observations(m, dtype, bool(rowvar))
    if x.shape[0] == 0:
        return asarray(np.empty((0, 0)))
    if y is not None:
        x = concatenate([x, _observations(y, dtype, bool(rowvar))], axis=0)
    if ddof is None:
        ddof = 0 if bias else 1
    count = x.shape[1]
    frequencies = None if fweights is None else _sample_weights("fweights", fweights, count)
    importance = None if aweights is None else _sample_weights("aweights", aweights, count)
    weights = frequencies if importance is None else importance if frequencies is None else frequencies * importance
    if weights is None:
        x = x - x.mean(axis=1, keepdims=True)
        factor: Any = count - ddof
        product = dot(x, x.T.conj())
    else:
        total = weights.sum()
        x = x - ((x * weights).sum(axis=1) / total)[:, np.newaxis]
        factor = total
        if ddof:
            factor = total - (ddof if importance is None else ddof * (weights * importance).sum() / total)
        product = dot(x, (x * weights).T.conj())
    # weights that aren't known yet are computed here, as Dask does
    if factor <= 0:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=2)
        factor = np.float64(0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.float64(1) / factor
    return (product * scale).astype(dtype).squeeze()


@derived_from(np)
def corrcoef(x: Any, y: Any = None, rowvar: Any = 1) -> Array:
    from dusk.array.creation import diag
    from dusk.array.ufunc import real, sqrt

    c = cov(x, y, rowvar)
    if c.shape == ():
        return c / c
    spread = sqrt(real(diag(c)))
    return c / spread[:, np.newaxis] / spread[np.newaxis, :]


@derived_from(np)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Array:
    from dusk.array.core import broadcast_to

    a = asarray(a)
    n = int(n)
    axis = validate_axis(int(axis), a.ndim)
    if n == 0:
        return a
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")

    def edge(x: Any) -> Array:
        x = asarray(x)
        return broadcast_to(x, (*a.shape[:axis], 1, *a.shape[axis + 1 :])) if x.ndim == 0 else x

    parts = [*([] if prepend is None else [edge(prepend)]), a, *([] if append is None else [edge(append)])]
    result = concatenate(parts, axis=axis) if len(parts) > 1 else a
    before = (slice(None),) * axis
    for _ in range(n):
        later, earlier = result[(*before, slice(1, None))], result[(*before, slice(None, -1))]
        # NumPy's difference of truth values is whether they differ
        result = later != earlier if result.dtype == bool else later - earlier
    return result


@derived_from(np)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Array:
    flat = asarray(ary).flatten()
    parts = [] if to_begin is None else [asarray(to_begin).flatten()]
    parts.append(flat[1:] - flat[:-1])
    if to_end is not None:
        parts.append(asarray(to_end).flatten())
    return concatenate(parts) if len(parts) > 1 else parts[0]


def _block_gradient(x: Any, spacing: Any, axis: int, starts: Any, stops: Any, edge_order: int, block_id: Any) -> Any:
    if starts is not None:
        at = block_id[axis]
        spacing = spacing[starts[at] : stops[at]]
    return np.gradient(x, spacing, axis=axis, edge_order=edge_order)


@derived_from(np)
def gradient(f: Any, *varargs: Any, axis: Any = None, **kwargs: Any) -> Any:
    from dusk.array.overlap import ensure_minimum_chunksize

    f = sized(asarray(f))
    edge_order = math.ceil(kwargs.pop("edge_order", 1))
    if kwargs:
        raise TypeError(f"gradient() got an unexpected keyword argument {next(iter(kwargs))!r}")
    if edge_order > 2:
        raise ValueError("edge_order must be less than or equal to 2.")
    single = isinstance(axis, Integral)
    axes = tuple(range(f.ndim)) if axis is None else (axis,) if single else tuple(axis)
    axes = validate_axis(axes, f.ndim)
    if len(set(axes)) != len(axes):
        raise ValueError("duplicate axes not allowed")
    spacings = varargs or (1,)
    if len(spacings) == 1:
        spacings = spacings * len(axes)
    if len(spacings) != len(axes):
        raise TypeError("Spacing must either be a single scalar, or a scalar / 1d-array per axis")
    if f.dtype.kind in "biu" or (f.dtype.kind == "f" and f.dtype.itemsize < 4):
        f = f.astype(float)
    # a difference of dates is a length of time
    dtype = (np.empty(0, f.dtype) - np.empty(0, f.dtype)).dtype if f.dtype.kind == "M" else f.dtype
    results = []
    for at, spacing in zip(axes, spacings, strict=True):
        if f.shape[at] < edge_order + 1:
            raise ValueError(
                f"Shape of array too small to calculate a numerical gradient: axis {at} has {f.shape[at]} elements, "
                "and (edge_order + 1) elements are required."
            )
        cut = f.rechunk({at: ensure_minimum_chunksize(edge_order + 1, f.chunks[at])})
        starts = stops = None
        if isinstance(spacing, Array):
            # Dask refuses this with the same class
            raise NotImplementedError("dask array coordinated is not supported.")
        if np.ndim(spacing):
            spacing = np.asarray(spacing)
            if spacing.ndim != 1 or len(spacing) != f.shape[at]:
                raise ValueError("when 1d, distances must match the length of the corresponding dimension")
            # each block comes with one neighbour at either side
            ends = np.cumsum((0, *cut.chunks[at]))
            starts = np.maximum(ends[:-1] - 1, 0).tolist()
            stops = np.minimum(ends[1:] + 1, ends[-1]).tolist()
        results.append(
            cut.map_overlap(
                _block_gradient,
                dtype=dtype,
                meta=meta_from_array(f, dtype=dtype),
                depth={i: int(i == at) for i in range(f.ndim)},
                boundary="none",
                spacing=spacing,
                axis=at,
                starts=starts,
                stops=stops,
                edge_order=edge_order,
            )
        )
    return results[0] if single else results


@derived_from(np)
def union1d(ar1: Any, ar2: Any) -> Array:
    return unique(concatenate([asarray(ar1).ravel(), asarray(ar2).ravel()]))


@derived_from(np)
def iscomplexobj(x: Any) -> bool:
    return issubclass(x.dtype.type, np.complexfloating) if hasattr(x, "dtype") else np.iscomplexobj(x)


@derived_from(np)
def shape(array: Any) -> tuple[Any, ...]:
    return array.shape if hasattr(array, "shape") else np.shape(array)


@derived_from(np)
def ndim(a: Any) -> int:
    return a.ndim if hasattr(a, "ndim") else np.ndim(a)
