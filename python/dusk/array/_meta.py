"""What kind of array a block is, told by an empty example: its type and dtype."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from dusk.utils import is_arraylike

__all__ = ["compute_meta", "infer_dtype", "meta_from_array", "meta_without_mask"]


def meta_from_array(x: Any, ndim: int | None = None, dtype: Any = None) -> Any:
    """Return an empty array like another one.

    Parameters
    ----------
    x : array, dtype class, collection or None
        What it is like; None means a NumPy array.
    ndim : int, optional
        Its number of axes; by default that of ``x``.
    dtype : dtype, optional
        Its dtype; by default that of ``x``.

    Returns
    -------
    array
        With a length of 0 along every axis.
    """
    if hasattr(x, "_meta") and hasattr(x, "dask") and is_arraylike(getattr(x, "_meta", None)):
        x = x._meta
    if dtype is None and x is None:
        raise ValueError("You must specify the meta or dtype of the array")
    if np.isscalar(x):
        x = np.array(x)
    if x is None:
        x = np.ndarray
    elif dtype is None and hasattr(x, "dtype"):
        dtype = x.dtype
    if isinstance(x, type):
        x = x(shape=(0,) * (ndim or 0), dtype=dtype)
    if isinstance(x, (list, tuple)):
        flat = np.asarray(x)
        return np.empty((0,) * (flat.ndim if ndim is None else ndim), dtype=dtype or flat.dtype)
    if not hasattr(x, "shape") or not hasattr(x, "dtype") or not isinstance(x.shape, tuple):
        return x
    ndim = x.ndim if ndim is None else ndim
    meta = x
    with contextlib.suppress(IndexError, TypeError, ValueError, NotImplementedError):
        # an element of an array without axes isn't an array
        meta = x[tuple(slice(0, 0) for _ in range(x.ndim)) or ...]
        if meta.ndim != ndim:
            meta = meta.sum() if ndim == 0 else meta.reshape((0,) * ndim)
        if meta is np.ma.masked:
            meta = np.ma.array(np.empty((0,) * ndim, dtype=x.dtype), mask=True)
    if np.isscalar(meta):
        meta = np.array(meta)
    if dtype is not None and getattr(meta, "dtype", dtype) != dtype:
        meta = _of_dtype(meta, ndim, dtype)
    if getattr(meta, "ndim", ndim) != ndim:
        meta = np.empty((0,) * ndim, dtype=dtype if dtype is not None else x.dtype)
    return meta


def _of_dtype(meta: Any, ndim: int, dtype: Any) -> Any:
    if type(meta) is np.ndarray:
        return np.empty(meta.shape, dtype=dtype)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", np.exceptions.ComplexWarning)  # nothing is there to be discarded
            return meta.astype(dtype)
    except (AttributeError, TypeError, ValueError):
        return np.empty((0,) * ndim, dtype=dtype)


def meta_without_mask(x: Any, ndim: int, dtype: Any) -> Any:
    """Return an empty example of what NumPy's functions that forget masks make of a block like ``x``."""
    if isinstance(x, np.ndarray):
        return np.empty((0,) * ndim, dtype=dtype)
    return meta_from_array(x, ndim=ndim, dtype=dtype)


def compute_meta(func: Callable[..., Any], _dtype: Any, *args: Any, **kwargs: Any) -> Any:
    """Return what a function makes of empty blocks; None if it can't be told."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", category=RuntimeWarning)
        metas = [meta_from_array(arg) if is_arraylike(arg) else arg for arg in args]
        named = {key: meta_from_array(value) if is_arraylike(value) else value for key, value in kwargs.items()}
        try:
            if "computing_meta" in getattr(getattr(func, "__code__", None), "co_varnames", ()):
                named["computing_meta"] = True
            meta = func(*metas, **named)
        except (TypeError, ValueError, IndexError, ZeroDivisionError, AttributeError, NotImplementedError):
            return None
        except Exception:  # whatever a user's function raises on empty blocks says nothing about full ones
            return None
    if isinstance(meta, np.generic):
        meta = np.asarray(meta)
    if _dtype is not None and getattr(meta, "dtype", None) != _dtype:
        with contextlib.suppress(AttributeError, TypeError, ValueError):
            meta = meta.astype(_dtype)
    return meta if is_arraylike(meta) else None


def infer_dtype(func: Callable[..., Any], args: Any, kwargs: dict[str, Any], name: str, suggest: str = "dtype") -> Any:
    """Return the dtype of what a function returns for blocks of one element.

    Raises
    ------
    ValueError
        If the function fails on them.
    """

    def small(x: Any) -> Any:
        if not is_arraylike(x) or not hasattr(x, "_meta"):
            return x
        return np.ones((1,) * x.ndim, dtype=x.dtype)

    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = func(*[small(arg) for arg in args], **kwargs)
    except Exception as error:
        hint = f"Please specify the dtype explicitly using the `{suggest}` kwarg.\n\n" if suggest else ""
        raise ValueError(
            f"`dtype` inference failed in `{name}`.\n\n{hint}Original error is below:\n"
            f"------------------------\n{error!r}\n"
        ) from error
    if isinstance(out, (list, tuple)):
        return tuple(np.asarray(each).dtype for each in out)
    return getattr(out, "dtype", np.asarray(out).dtype)
