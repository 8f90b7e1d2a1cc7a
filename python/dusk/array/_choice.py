"""Functions that choose or compare elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._block_calls import block_call
from dusk.array._elemwise import aligned, elemwise, native
from dusk.array._from_array import asanyarray, asarray
from dusk.array._lengths import sized
from dusk.array._meta import meta_without_mask
from dusk.array._operand import is_scalar_for_elemwise

__all__ = [
    "allclose",
    "argwhere",
    "around",
    "count_nonzero",
    "flatnonzero",
    "isclose",
    "isin",
    "isneginf",
    "isnonzero",
    "isnull",
    "isposinf",
    "nonzero",
    "notnull",
    "ptp",
    "result_type",
    "round",
    "where",
]


@derived_from(np)
def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if (x is None) != (y is None):
        raise ValueError("either both or neither of x and y should be given")
    if x is None and y is None:
        return nonzero(condition)
    if not isinstance(condition, Array) and np.isscalar(condition):
        dtype = result_type(x, y)
        x, y = asarray(x), asarray(y)
        from dusk.array.core import broadcast_to

        shape = np.broadcast_shapes(x.shape, y.shape)
        return broadcast_to((x if condition else y).astype(dtype), shape)
    condition = asanyarray(condition)
    result = native("where", aligned([condition.astype(bool), _operand(x), _operand(y)]))
    return elemwise(np.where, condition, x, y) if result is None else result


def _operand(x: Any) -> Any:
    return x if is_scalar_for_elemwise(x) else asanyarray(x)


@derived_from(np)
def round(a: Any, decimals: int = 0) -> Any:  # noqa: A001  NumPy's name
    a = asanyarray(a)
    if type(a._meta) is np.ndarray and a.dtype.kind in "iufc":
        result = native("round", [a], int(decimals))
        if result is not None:
            return result
    return a.map_blocks(np.round, decimals=decimals, dtype=np.round(np.ones(1, a.dtype), decimals).dtype)


@derived_from(np)
def around(x: Any, decimals: int = 0) -> Any:
    return round(x, decimals=decimals)


@derived_from(np)
def isclose(arr1: Any, arr2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    return elemwise(_Close(rtol, atol, equal_nan), arr1, arr2, dtype="bool")


class _Close:
    __slots__ = ("__name__", "atol", "equal_nan", "rtol")

    def __init__(self, rtol: float, atol: float, equal_nan: bool) -> None:
        self.rtol, self.atol, self.equal_nan = rtol, atol, equal_nan
        self.__name__ = "isclose"

    def __call__(self, a: Any, b: Any) -> Any:
        return np.isclose(a, b, rtol=self.rtol, atol=self.atol, equal_nan=self.equal_nan)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-isclose", self.rtol, self.atol, self.equal_nan)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Close, (self.rtol, self.atol, self.equal_nan))


@derived_from(np)
def allclose(arr1: Any, arr2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    return isclose(arr1, arr2, rtol=rtol, atol=atol, equal_nan=equal_nan).all()


def isnull(values: Any) -> Any:
    """Return where values are missing, as `pandas.isnull`."""
    import pandas as pd

    result = elemwise(pd.isnull, values, dtype="bool")
    if isinstance(result, Array):
        result._boxed = not result.ndim
    return result


def notnull(values: Any) -> Any:
    """Return where values aren't missing, as `pandas.notnull`."""
    return ~isnull(values)


@derived_from(np)
def count_nonzero(a: Any, axis: Any = None) -> Any:
    return isnonzero(a).astype(np.intp).sum(axis=axis)


def isnonzero(a: Any) -> Array:
    """Return which elements count as true; a text that isn't empty does."""
    a = asarray(a)
    if a.dtype.kind in "biufc":
        return a if a.dtype == bool else a != 0
    index = list(range(a.ndim))
    meta = np.empty((0,) * a.ndim, dtype=bool)
    return block_call(_truth, [(a, index)], a.chunks, meta, prefix="isnonzero")


def _truth(block: Any) -> Any:
    block = np.asarray(block)
    if block.dtype.kind in "US":
        return np.asarray(block != block.dtype.type())
    if block.dtype.kind == "V":
        return np.asarray(block != np.zeros((), dtype=block.dtype))
    return block.astype(bool)


@derived_from(np)
def isneginf(*args: Any, **kwargs: Any) -> Any:
    return elemwise(np.isneginf, *args, **{"dtype": "bool", **kwargs})


@derived_from(np)
def isposinf(*args: Any, **kwargs: Any) -> Any:
    return elemwise(np.isposinf, *args, **{"dtype": "bool", **kwargs})


@derived_from(np)
def ptp(a: Any, axis: Any = None) -> Any:
    a = asanyarray(a)
    return a.max(axis=axis) - a.min(axis=axis)


@derived_from(np)
def result_type(*args: Any) -> Any:
    return np.result_type(*[arg.dtype if isinstance(arg, Array) else arg for arg in args])


@derived_from(np)
def argwhere(a: Any) -> Any:
    from dusk.array._ranges import indices
    from dusk.array.core import stack

    a = sized(asarray(a))
    mask = isnonzero(a).flatten()
    if a.ndim == 0:  # one place without numbers, or none
        chunks, meta = ((np.nan,), (0,)), np.empty((0, 0), dtype=np.intp)
        return block_call(np.argwhere, [(a, [])], chunks, meta, prefix="argwhere")
    grid = indices(a.shape, dtype=np.intp, chunks=a.chunks)
    return stack([grid[i].flatten()[mask] for i in range(a.ndim)], axis=1, allow_unknown_chunksizes=True)


@derived_from(np)
def nonzero(a: Any) -> Any:
    found = argwhere(a)
    return tuple(found[:, i] for i in range(found.shape[1]))


@derived_from(np)
def flatnonzero(a: Any) -> Any:
    return nonzero(asarray(a).ravel())[0]


def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: str | None = None
) -> Any:
    """Return which elements are among others, as `numpy.isin`.

    Parameters
    ----------
    element, test_elements : array_like
    assume_unique : bool, default False
        Both have each value once.
    invert : bool, default False
        Return which are not.
    kind : {None, "sort", "table"}
        How NumPy searches; None lets it choose.
    """
    element, test_elements = asarray(element), asarray(test_elements)
    index = list(range(element.ndim))
    flat = test_elements.flatten()
    found = block_call(
        _IsIn(assume_unique, kind),
        [(element, index), (flat, [None])],
        element.chunks,
        meta_without_mask(element._meta, element.ndim, bool),
        prefix="isin",
    )
    return ~found if invert else found


class _IsIn:
    __slots__ = ("assume_unique", "kind")

    def __init__(self, assume_unique: bool, kind: str | None) -> None:
        self.assume_unique = assume_unique
        self.kind = kind

    def __call__(self, values: Any, parts: Any) -> Any:
        found = np.zeros(np.shape(values), dtype=bool)
        for part in parts:
            alone = self.assume_unique and np.ndim(values) == 1
            found |= np.isin(values, part, assume_unique=alone, kind=self.kind)  # type: ignore[call-overload]
        return found

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-isin", self.assume_unique, self.kind)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_IsIn, (self.assume_unique, self.kind))
