"""Percentiles of arrays.

Those of a vector are exact, of all its blocks together, where Dask merges the percentiles of blocks approximately.
"""

from __future__ import annotations

import warnings
from numbers import Number
from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._block_calls import Slot, block_call
from dusk.array._from_array import asarray
from dusk.array.reductions import nanquantile, quantile

__all__ = ["nanpercentile", "percentile"]

_INTERNAL = ("default", "dask", "tdigest")


def _percentiles(parts: Any, q: Any, method: str) -> Any:
    values = np.concatenate([np.asarray(part) for part in parts])
    # what can't be subtracted has no values between two elements
    return np.percentile(values, q, method="nearest" if values.dtype.kind in "US" else method)


def percentile(a: Any, q: Any, method: str = "linear", internal_method: str = "default", **kwargs: Any) -> Array:
    """Return percentiles of an array.

    Parameters
    ----------
    a : Array
    q : float or sequence of float
        From 0 to 100.
    method : str, default "linear"
        What to return between two elements, as for `numpy.percentile`.
    internal_method : {"default", "dask", "tdigest"}, default "default"
        Taken for Dask's sake: the result is exact in any case.
    **kwargs
        For `quantile`, which computes those of more than one axis; ``interpolation``, the old name of ``method``.

    Raises
    ------
    NotImplementedError
        For an array without axes.
    """
    a = asarray(a)
    if a.ndim == 0:
        # Dask refuses this with the same class
        raise NotImplementedError("support for arrays of ndim 0 is not implemented.")
    if a.ndim > 1 or kwargs.keys() - {"interpolation"}:
        q = np.true_divide(q, a.dtype.type(100) if a.dtype.kind == "f" else 100)
        return quantile(a, q, method=method, **kwargs)
    if method in _INTERNAL:
        warnings.warn("The `method=` argument was renamed to `internal_method=`", FutureWarning, stacklevel=2)
        method, internal_method = "linear", method
    if "interpolation" in kwargs:
        warnings.warn("The `interpolation=` argument was renamed to `method=`", FutureWarning, stacklevel=2)
        method = kwargs.pop("interpolation")
    if kwargs:
        raise TypeError(f"percentile() got an unexpected keyword argument {next(iter(kwargs))!r}")
    if internal_method not in _INTERNAL:
        raise ValueError(f"`internal_method=` must be one of {_INTERNAL}, got {internal_method!r}")
    one = isinstance(q, Number)
    places = np.atleast_1d(np.asarray(q))
    text = a.dtype.kind in "US"
    dtype = a.dtype if text else np.percentile(np.ones(2, dtype=a.dtype), places, method=method).dtype
    result = block_call(
        _percentiles,
        [(a, [None])],
        [(len(places),)],
        np.empty(0, dtype=dtype),
        args=[Slot(0), places, method],
        prefix="percentile",
    )
    return result.reshape(()) if one else result


@derived_from(np)
def nanpercentile(a: Any, q: Any, **kwargs: Any) -> Any:
    a = asarray(a)
    return nanquantile(a, np.true_divide(q, a.dtype.type(100) if a.dtype.kind == "f" else 100), **kwargs)
