"""Functions by array type, which libraries with array types of their own register for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from dusk.utils import Dispatch

__all__ = [
    "bincount_lookup",
    "concatenate_lookup",
    "divide_lookup",
    "einsum_lookup",
    "empty_lookup",
    "nannumel_lookup",
    "numel_lookup",
    "percentile_lookup",
    "take_lookup",
    "tensordot_lookup",
    "to_cupy_dispatch",
    "to_numpy_dispatch",
    "tolist_lookup",
]

concatenate_lookup = Dispatch("concatenate")
tensordot_lookup = Dispatch("tensordot")
einsum_lookup = Dispatch("einsum")
empty_lookup = Dispatch("empty")
divide_lookup = Dispatch("divide")
percentile_lookup = Dispatch("percentile")
numel_lookup = Dispatch("numel")
nannumel_lookup = Dispatch("nannumel")
take_lookup = Dispatch("take")
tolist_lookup = Dispatch("tolist")
bincount_lookup = Dispatch("bincount")
to_numpy_dispatch = Dispatch("to_numpy")
to_cupy_dispatch = Dispatch("to_cupy")

concatenate_lookup.register((object, np.ndarray), np.concatenate)
tensordot_lookup.register((object, np.ndarray), np.tensordot)
einsum_lookup.register((object, np.ndarray), np.einsum)
empty_lookup.register((object, np.ndarray), np.empty)
take_lookup.register((object, np.ndarray), np.take)
tolist_lookup.register((object, np.ndarray), lambda array: array.tolist())
bincount_lookup.register((object, np.ndarray), np.bincount)
divide_lookup.register((object, np.ndarray), np.divide)


@concatenate_lookup.register(np.ma.masked_array)
def _concatenate_masked(arrays: list[Any], axis: int = 0) -> Any:
    """Concatenate masked arrays; the fill value stays if all agree on it."""
    joined = np.ma.concatenate(arrays, axis=axis)
    values = [array.fill_value for array in arrays if hasattr(array, "fill_value")]
    if values and all(np.array_equal(value, values[0], equal_nan=_is_float(value)) for value in values):
        joined.fill_value = values[0]
    return joined


@concatenate_lookup.register_lazy("scipy")
def _register_scipy() -> None:
    """Let SciPy's sparse arrays and matrices, which lack NumPy's protocol, follow one another."""
    from scipy import sparse

    def concatenate(arrays: list[Any], axis: int = 0) -> Any:
        if arrays[0].ndim == 1 and axis == 0:
            axis = 1  # SciPy takes such arrays for rows, and keeps the result a row
        return (sparse.vstack, sparse.hstack)[axis](arrays, format=arrays[0].format)

    concatenate_lookup.register((sparse.spmatrix, sparse.sparray), concatenate)


@tensordot_lookup.register(np.ma.masked_array)
def _tensordot_masked(a: Any, b: Any, axes: Any = 2) -> Any:
    """Contract masked arrays: masked elements add nothing, and what nothing was added to is masked."""
    if isinstance(axes, (int, np.integer)):
        left, right = tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes))
    else:
        left, right = (
            tuple(axis % x.ndim for axis in ((each,) if isinstance(each, (int, np.integer)) else each))
            for x, each in zip((a, b), axes, strict=True)
        )
    kept_a = [i for i in range(a.ndim) if i not in left]
    kept_b = [i for i in range(b.ndim) if i not in right]
    shape = tuple(a.shape[i] for i in kept_a) + tuple(b.shape[i] for i in kept_b)
    length = int(np.prod([a.shape[i] for i in left], dtype=np.intp))
    rows = (
        np.ma.asanyarray(a)
        .transpose([*kept_a, *left])
        .reshape(int(np.prod(shape[: len(kept_a)], dtype=np.intp)), length)
    )
    columns = np.ma.asanyarray(b).transpose([*right, *kept_b])
    columns = columns.reshape(length, int(np.prod(shape[len(kept_a) :], dtype=np.intp)))
    return np.ma.dot(rows, columns).reshape(shape)


def _is_float(value: Any) -> bool:
    return np.asarray(value).dtype.kind in "fc"


@to_numpy_dispatch.register(np.ndarray)
def _to_numpy(data: Any, **kwargs: Any) -> Any:
    return data
