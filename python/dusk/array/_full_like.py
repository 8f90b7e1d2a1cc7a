"""Arrays of one value with the shape of another array."""

from __future__ import annotations

from typing import Any

import numpy as np

from dusk.array._from_array import asarray
from dusk.array._meta import meta_from_array
from dusk.array.wrap import filled

__all__ = ["empty_like", "full_like", "ones_like", "zeros_like"]


def _like(
    function: Any, a: Any, args: tuple[Any, ...], dtype: Any, order: str, chunks: Any, name: Any, shape: Any
) -> Any:
    a = asarray(a) if not hasattr(a, "_meta") else a
    if dtype is None:
        dtype = a.dtype
    if shape is None:
        shape = a.shape
        if chunks is None:
            chunks = a.chunks
    elif chunks is None:
        chunks = "auto"
    if any(n != n for n in np.atleast_1d(shape)):
        return a.map_blocks(
            _block_like, function, args, np.dtype(dtype), dtype=dtype, meta=meta_from_array(a, dtype=dtype)
        )
    meta = meta_from_array(a, dtype=dtype)
    if type(meta) is not np.ndarray:
        made = _OfKind(function, meta)
        if made.can(args):
            return filled(made, shape, *args, dtype=dtype, chunks=chunks, name=name, meta=meta)
        meta = None  # blocks are NumPy's, since their own library can't make such ones
    return filled(function, shape, *args, dtype=dtype, chunks=chunks, name=name, meta=meta, order=order)


class _OfKind:
    """Makes blocks of another library's type as `numpy.full` and its relatives make NumPy's."""

    __slots__ = ("__name__", "like", "meta")

    def __init__(self, function: Any, meta: Any) -> None:
        self.__name__ = function.__name__
        self.like = getattr(np, f"{function.__name__}_like")
        self.meta = meta

    def __call__(self, shape: Any, *args: Any, dtype: Any) -> Any:
        return self.like(self.meta, *args, dtype=dtype, shape=shape)

    def can(self, args: tuple[Any, ...]) -> bool:
        """Return whether the library follows NumPy's protocol for this."""
        try:
            return type(self((0,) * self.meta.ndim, *args, dtype=self.meta.dtype)) is type(self.meta)
        except (TypeError, ValueError, NotImplementedError):
            return False

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-of-kind", self.__name__, self.meta)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_OfKind, (getattr(np, self.__name__), self.meta))


def _block_like(block: Any, function: Any, args: tuple[Any, ...], dtype: Any) -> Any:
    return function(block.shape, *args, dtype=dtype)


def empty_like(
    a: Any, dtype: Any = None, order: str = "C", chunks: Any = None, name: Any = None, shape: Any = None
) -> Any:
    """Return an array of any values with the shape, type and chunks of another one.

    Parameters
    ----------
    a : array_like
    dtype : dtype, optional
        By default that of ``a``.
    order : {"C", "F"}
        How blocks lie in memory.
    chunks : int, tuple or str, optional
        By default those of ``a``.
    name : str, optional
        The name of the array.
    shape : int or tuple of int, optional
        By default that of ``a``.
    """
    return _like(np.empty, a, (), dtype, order, chunks, name, shape)


def ones_like(
    a: Any, dtype: Any = None, order: str = "C", chunks: Any = None, name: Any = None, shape: Any = None
) -> Any:
    """Return an array of ones like another one; see `empty_like`."""
    return _like(np.ones, a, (), dtype, order, chunks, name, shape)


def zeros_like(
    a: Any, dtype: Any = None, order: str = "C", chunks: Any = None, name: Any = None, shape: Any = None
) -> Any:
    """Return an array of zeros like another one; see `empty_like`."""
    return _like(np.zeros, a, (), dtype, order, chunks, name, shape)


def full_like(
    a: Any,
    fill_value: Any,
    order: str = "C",
    dtype: Any = None,
    chunks: Any = None,
    name: Any = None,
    shape: Any = None,
) -> Any:
    """Return an array of one value like another one; see `empty_like`."""
    if np.ndim(fill_value) != 0:
        raise ValueError(f"fill_value must be scalar. Received {type(fill_value).__name__} instead.")
    return _like(np.full, a, (fill_value,), dtype, order, chunks, name, shape)
