"""Methods of an array about its values as they are: conversion, storage, chunks that have to be computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["ValueMethods"]


class ValueMethods:
    """Conversion and storage."""

    __slots__ = ()

    def astype(self: Any, dtype: Any, **kwargs: Any) -> Any:
        """Return the same values as another type.

        Parameters
        ----------
        dtype : dtype
        casting : {"no", "equiv", "safe", "same_kind", "unsafe"}, default "unsafe"
            What kind of conversion is allowed; `TypeError` for others.
        copy : bool, default True
            Accepted for compatibility.
        order : str
            Accepted for compatibility.
        """
        kwargs.pop("order", None)  # blocks have the order that the engine gives them
        extra = set(kwargs) - {"casting", "copy"}
        if extra:
            raise TypeError(f"astype does not take the following keyword arguments: {list(extra)}")
        casting = kwargs.get("casting", "unsafe")
        dtype = np.dtype(dtype)
        if self.dtype == dtype:
            return self
        if not np.can_cast(self.dtype, dtype, casting=casting):
            raise TypeError(f"Cannot cast array from {self.dtype!r} to {dtype!r} according to the rule {casting!r}")
        from dusk.array._elemwise import cast

        return cast(self, dtype, kwargs)

    def view(self: Any, dtype: Any = None, order: str = "C") -> Any:
        """Return an array of the same bytes read as another type.

        Parameters
        ----------
        dtype : dtype, optional
            By default that of the array itself.
        order : {"C", "F"}
            Which axis grows or shrinks when the sizes of the elements differ: the last or the first one.
        """
        dtype = self.dtype if dtype is None else np.dtype(dtype)
        mult = self.dtype.itemsize / dtype.itemsize
        if order == "C":
            chunks = self.chunks[:-1] + (tuple(_whole(c * mult) for c in self.chunks[-1]),) if self.ndim else ()
        elif order == "F":
            chunks = ((tuple(_whole(c * mult) for c in self.chunks[0]),) + self.chunks[1:]) if self.ndim else ()
        else:
            raise ValueError("Order must be one of 'C' or 'F'")
        return self.map_blocks(_view, dtype, order, dtype=dtype, chunks=chunks)

    def map_blocks(self: Any, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function for each block; see `dusk.array.map_blocks`."""
        from dusk.array._map_blocks import map_blocks

        return map_blocks(func, self, *args, **kwargs)

    def compute_chunk_sizes(self: Any) -> Any:
        """Compute the unknown lengths of chunks, in place.

        Other functions do the same by themselves where they need a length: slices, `len`, `reshape`, `rechunk`,
        `concatenate` and the like compute the lengths at once, and nothing else.

        Returns
        -------
        Array
            The array itself, whose chunks are known now.
        """
        from dusk.array._lengths import sized
        from dusk.array._views import assign_to

        found = sized(self)
        if found is not self:
            assign_to(self, found)
        return self

    def store(self: Any, target: Any, **kwargs: Any) -> Any:
        """Write the values into an object that can be assigned to; see `dusk.array.store`."""
        from dusk.array._store import store

        return store([self], [target], **kwargs)

    def to_hdf5(self: Any, filename: str, datapath: str, **kwargs: Any) -> Any:
        """Write the values to an HDF5 file; see `dusk.array.to_hdf5`."""
        from dusk.array._store import to_hdf5

        return to_hdf5(filename, datapath, self, **kwargs)

    def to_zarr(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Write the values to a Zarr array; see `dusk.array.to_zarr`."""
        from dusk.array.io.zarr import to_zarr

        return to_zarr(self, *args, **kwargs)

    def to_tiledb(self: Any, uri: Any, *args: Any, **kwargs: Any) -> Any:
        """Write the values to a TileDB array; see `dusk.array.to_tiledb`."""
        from dusk.array.tiledb_io import to_tiledb

        return to_tiledb(self, uri, *args, **kwargs)

    def to_dask_dataframe(self: Any, columns: Any = None, index: Any = None, meta: Any = None) -> Any:
        """Return a frame of the rows.

        Parameters
        ----------
        columns : list or str, optional
            Names of the columns; one name makes a series.
        index : Index, optional
            A collection that holds the index, partition by partition.
        meta : object, optional
            An empty example of the frame.
        """
        from dusk.dataframe import from_dask_array

        return from_dask_array(self, columns=columns, index=index, meta=meta)

    @property
    def real(self: Any) -> Any:
        """The real parts."""
        from dusk.array.ufunc import real

        return real(self)

    @property
    def imag(self: Any) -> Any:
        """The imaginary parts."""
        from dusk.array.ufunc import imag

        return imag(self)

    def conj(self: Any) -> Any:
        """Return the complex conjugates."""
        from dusk.array.ufunc import conj

        return conj(self)

    def dot(self: Any, other: Any) -> Any:
        """Return the product with another array; see `dusk.array.dot`."""
        from dusk.array._products import dot

        return dot(self, other)

    def nonzero(self: Any) -> Any:
        """Return the positions of the elements that aren't zero; see `dusk.array.nonzero`."""
        from dusk.array._choice import nonzero

        return nonzero(self)

    def to_backend(self: Any, backend: str | None = None, **kwargs: Any) -> Any:
        """Return the array with blocks of a backend's type; NumPy is the only one.

        Parameters
        ----------
        backend : str, optional
        **kwargs
            Accepted for compatibility.
        """
        if backend not in (None, "numpy"):
            raise ValueError(f"No backend dispatch registered for {backend}; dusk has 'numpy'")
        return self

    def clip(self: Any, min: Any = None, max: Any = None) -> Any:  # noqa: A002  NumPy's names
        """Limit the values."""
        from dusk.array.ufunc import clip

        return clip(self, min, max)

    def round(self: Any, decimals: int = 0) -> Any:
        """Round to so many decimals."""
        from dusk.array.routines import round as round_

        return round_(self, decimals=decimals)


def _whole(length: float) -> int | float:
    """Return the new length of a chunk whose bytes are read as another type."""
    if length != length:  # NaN
        return length
    if length != int(length):
        raise ValueError(
            "When changing to a larger dtype, its size must be a divisor of the length of the chunks in bytes"
        )
    return int(length)


def _view(block: Any, dtype: Any, order: str) -> Any:
    if order == "F":
        return np.asarray(block, order="F").T.view(dtype).T if block.ndim else block.view(dtype)
    return np.ascontiguousarray(block).view(dtype) if block.ndim else block.view(dtype)
