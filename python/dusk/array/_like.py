"""Small questions about arguments: arrays of another's kind, axes."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from dusk.array._meta import meta_from_array

__all__ = ["arange_safe", "array_safe", "asanyarray_safe", "asarray_safe", "svd_flip", "validate_axis"]


def arange_safe(*args: Any, like: Any, **kwargs: Any) -> Any:
    """Return a range of the kind of another array, or NumPy's where that kind has none."""
    if like is None:
        return np.arange(*args, **kwargs)
    try:
        return np.arange(*args, like=meta_from_array(like), **kwargs)
    except TypeError:
        return np.arange(*args, **kwargs)


def _like(convert: Callable[..., Any], lazily: Callable[..., Any], a: Any, like: Any, kwargs: dict[str, Any]) -> Any:
    from dusk.array._array import Array

    if like is a and hasattr(a, "__array_function__"):
        return a
    if isinstance(like, Array):
        return lazily(a, **kwargs)
    if hasattr(like, "__array_function__"):
        return convert(a, like=like, **kwargs)
    if type(like).__module__.startswith("scipy.sparse"):
        kwargs.pop("order", None)
        return type(like)(np.array([[a]]) if np.isscalar(a) else a, **kwargs)
    return convert(a, **kwargs)


def array_safe(a: Any, like: Any, **kwargs: Any) -> Any:
    """Return `numpy.array(a)` of the kind of another array."""
    from dusk.array.core import asarray

    return _like(np.array, asarray, a, like, kwargs)


def asarray_safe(a: Any, like: Any, **kwargs: Any) -> Any:
    """Return `numpy.asarray(a)` of the kind of another array."""
    from dusk.array.core import asarray

    return _like(np.asarray, asarray, a, like, kwargs)


def asanyarray_safe(a: Any, like: Any, **kwargs: Any) -> Any:
    """Return `numpy.asanyarray(a)` of the kind of another array."""
    from dusk.array.core import asanyarray

    return _like(np.asanyarray, asanyarray, a, like, kwargs)


def validate_axis(axis: Any, ndim: int) -> Any:
    """Return the number of an axis, or of several, counted from the beginning.

    Raises
    ------
    TypeError
        If it is no integer.
    AxisError
        If there is no such axis.
    """
    if isinstance(axis, tuple | list):
        return tuple(validate_axis(each, ndim) for each in axis)
    if not isinstance(axis, numbers.Integral):
        raise TypeError(f"Axis value must be an integer, got {axis}")
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(f"Axis {axis} is out of bounds for array of dimension {ndim}")
    return int(axis) % ndim


def svd_flip(u: Any, v: Any, u_based_decision: bool = False) -> tuple[Any, Any]:
    """Return singular vectors with signs that don't depend on who computed them.

    Parameters
    ----------
    u : (M, K) array
        Left singular vectors, in columns.
    v : (K, N) array
        Right singular vectors, in rows.
    u_based_decision : bool, default False
        Decide by the sums of `u`'s vectors rather than `v`'s.
    """
    sums = np.sum(u, axis=0, keepdims=True) if u_based_decision else np.sum(v, axis=1, keepdims=True).T
    signs = 2.0 * ((sums >= 0) - 0.5).astype(u.dtype if u_based_decision else v.dtype)
    return u * signs, v * signs.T
