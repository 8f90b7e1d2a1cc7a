"""NumPy's functions as they are applied to blocks; libraries that build graphs by hand use these names."""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterable, Sequence
from functools import wraps
from typing import Any

import numpy as np

__all__ = [
    "all",
    "any",
    "argtopk",
    "argtopk_aggregate",
    "astype",
    "coarsen",
    "getitem",
    "keepdims_wrapper",
    "linspace",
    "max",
    "mean",
    "median",
    "min",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
    "prod",
    "std",
    "sum",
    "topk",
    "topk_aggregate",
    "trim",
    "var",
    "view",
]


def keepdims_wrapper(a_callable: Any) -> Any:
    """Return a function with an argument ``keepdims``, made of one without."""

    @wraps(a_callable)
    def wrapped(x: Any, axis: Any = None, keepdims: bool | None = None, *args: Any, **kwargs: Any) -> Any:
        result = a_callable(x, *args, axis=axis, **kwargs)
        if not keepdims:
            return result
        axes = range(x.ndim) if axis is None else axis
        if not isinstance(axes, (Container, Iterable, Sequence)):
            axes = [axes]
        where = tuple(None if i in {a % x.ndim for a in axes} else slice(None) for i in range(x.ndim))
        return np.asanyarray(result)[where]

    return wrapped


sum = np.sum  # noqa: A001  NumPy's names from here on
prod = np.prod
min = np.min  # noqa: A001
max = np.max  # noqa: A001
mean = np.mean
std = np.std
var = np.var
any = np.any  # noqa: A001
all = np.all  # noqa: A001
median = np.median
nansum = np.nansum
nanprod = np.nanprod
nancumsum = np.nancumsum
nancumprod = np.nancumprod
nanmin = np.nanmin
nanmax = np.nanmax
nanmean = np.nanmean
nanvar = np.nanvar
nanstd = np.nanstd
nanmedian = np.nanmedian


def getitem(obj: Any, index: Any) -> Any:
    """Return part of a block; a small part of a large block is copied, so that the rest can be freed."""
    result = obj[index]
    with contextlib.suppress(AttributeError):
        if not result.flags.owndata and obj.size >= 2 * result.size:
            result = result.copy()
    return result


def trim(x: Any, axes: Any = None) -> Any:
    """Cut elements off both ends of the axes of a block.

    Parameters
    ----------
    x : array
    axes : int, sequence or dict
        How many elements to cut off at each end.
    """
    if isinstance(axes, int):
        axes = [axes] * x.ndim
    if isinstance(axes, dict):
        axes = [axes.get(i, 0) for i in range(x.ndim)]
    return x[tuple(slice(n, -n if n else None) for n in axes)]


def coarsen(reduction: Any, x: Any, axes: Any, trim_excess: bool = False, **kwargs: Any) -> Any:
    """Reduce neighbouring elements of a block to one.

    Parameters
    ----------
    reduction : callable
        ``reduction(array, axis=)``.
    x : array
    axes : dict
        How many neighbours along which axis.
    trim_excess : bool, default False
        Leave out elements at the end that don't fill a group.
    """
    steps = [axes.get(i, 1) for i in range(x.ndim)]
    if trim_excess:
        x = x[tuple(slice(0, -(n % step) if n % step else None) for n, step in zip(x.shape, steps, strict=True))]
    shape = tuple(part for n, step in zip(x.shape, steps, strict=True) for part in (n // step, step))
    return reduction(x.reshape(shape), axis=tuple(range(1, x.ndim * 2, 2)), **kwargs)


def topk(a: Any, k: int, axis: int, keepdims: bool) -> Any:
    """Return the ``k`` largest elements along an axis, or with a negative ``k`` the smallest, in no order."""
    axis = axis[0] if isinstance(axis, (tuple, list)) else axis
    if abs(k) >= a.shape[axis]:
        return a
    a = np.partition(a, -k, axis=axis)
    keep = slice(-k, None) if k > 0 else slice(0, -k)
    return a[tuple(keep if i == axis % a.ndim else slice(None) for i in range(a.ndim))]


def topk_aggregate(a: Any, k: int, axis: Any, keepdims: bool) -> Any:
    """Return the ``k`` largest elements, largest first, or with a negative ``k`` the smallest, smallest first."""
    axis = axis[0] if isinstance(axis, (tuple, list)) else axis
    a = np.sort(topk(a, k, axis, keepdims), axis=axis)
    if k < 0:
        return a
    return np.flip(a, axis=axis)


def _at(a: Any, index: Any, axis: int) -> Any:
    return np.take_along_axis(a, index, axis)


def argtopk_preprocess(a: Any, idx: Any) -> Any:
    """Return values with their positions."""
    return a, idx


def argtopk(a_plus_idx: Any, k: int, axis: Any, keepdims: bool) -> Any:
    """Return the ``k`` largest elements with their positions, in no order."""
    axis = axis[0] if isinstance(axis, (tuple, list)) else axis
    a, idx = _joined(a_plus_idx, axis)
    if abs(k) >= a.shape[axis]:
        return a, idx
    found = np.argpartition(a, -k, axis=axis)
    keep = slice(-k, None) if k > 0 else slice(0, -k)
    found = found[tuple(keep if i == axis % a.ndim else slice(None) for i in range(a.ndim))]
    return _at(a, found, axis), _at(np.broadcast_to(idx, a.shape), found, axis)


def argtopk_aggregate(a_plus_idx: Any, k: int, axis: Any, keepdims: bool) -> Any:
    """Return the positions of the ``k`` largest elements, largest first."""
    axis = axis[0] if isinstance(axis, (tuple, list)) else axis
    a, idx = argtopk(a_plus_idx, k, axis, keepdims)
    order = np.argsort(a, axis=axis)
    positions = _at(np.broadcast_to(idx, a.shape), order, axis)
    return positions if k < 0 else np.flip(positions, axis=axis)


def _joined(parts: Any, axis: int) -> Any:
    """Return one pair of values and positions of pairs in nested lists."""
    if not isinstance(parts, list):
        return parts
    pairs = [_joined(part, axis) for part in parts]
    if len(pairs) == 1:
        return pairs[0]
    values = np.concatenate([a for a, _ in pairs], axis=axis)
    places = np.concatenate([np.broadcast_to(idx, a.shape) for a, idx in pairs], axis=axis)
    return values, places


def astype(x: Any, astype_dtype: Any = None, **kwargs: Any) -> Any:
    """Convert the elements of a block."""
    return x.astype(astype_dtype, **kwargs)


def view(x: Any, dtype: Any, order: str = "C") -> Any:
    """Read the bytes of a block as another type."""
    if order == "C":
        return np.ascontiguousarray(x).view(dtype)
    return np.asfortranarray(x).T.view(dtype).T


def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None) -> Any:
    """Return evenly spaced numbers."""
    return np.linspace(start, stop, num, endpoint=endpoint, dtype=dtype)
