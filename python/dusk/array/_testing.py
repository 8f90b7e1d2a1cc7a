"""Comparisons of arrays for tests, as strict as they can be: every block is held against what the array says of it."""

from __future__ import annotations

import contextlib
import itertools
import math
from typing import Any

import numpy as np

from dusk._collection import is_dusk_collection
from dusk.utils import is_arraylike

__all__ = ["allclose", "assert_eq", "assert_eq_shape", "same_keys"]


def allclose(a: Any, b: Any, equal_nan: bool = False, **kwargs: Any) -> Any:
    """Return whether arrays are equal but for rounding; arrays of objects must be equal."""
    if getattr(getattr(a, "dtype", None), "kind", None) != "O":
        if hasattr(a, "mask") or hasattr(b, "mask"):
            return np.ma.allclose(a, b, masked_equal=True, **kwargs)
        return np.allclose(a, b, equal_nan=equal_nan, **kwargs)
    if equal_nan:
        return a.shape == b.shape and all(_same(x, y) for x, y in zip(a.flat, b.flat))
    return (a == b).all()


def _same(x: Any, y: Any) -> bool:
    with contextlib.suppress(TypeError):
        if np.isnan(x):
            return bool(np.isnan(y))
    return bool(x == y)


def same_keys(a: Any, b: Any) -> bool:
    """Return whether two collections have the same keys."""

    def key(k: Any) -> Any:
        return (k, -1, -1, -1) if isinstance(k, str) else k

    return sorted(a.dask, key=key) == sorted(b.dask, key=key)


def assert_eq_shape(a: Any, b: Any, check_ndim: bool = True, check_nan: bool = True) -> None:
    """Raise AssertionError unless two shapes are equal, as far as they are known."""
    if check_ndim:
        assert len(a) == len(b), f"different numbers of axes: {a} and {b}"
    for x, y in zip(a, b):
        if math.isnan(x) or math.isnan(y):
            if check_nan:
                assert math.isnan(x) == math.isnan(y), f"different shapes: {a} and {b}"
        else:
            assert x == y, f"different shapes: {a} and {b}"


def _check_blocks(x: Any, check_ndim: bool, scheduler: Any) -> Any:
    """Hold each block against the array's chunks and dtype; return the computed array."""
    x = x.persist(scheduler=scheduler)
    graph = dict(x.dask)
    keys = [(x.name, *index) for index in itertools.product(*(range(len(lengths)) for lengths in x.chunks))]
    for key in keys:
        value = graph[key]
        if isinstance(value, tuple) and value and callable(value[0]):  # a task that hands out what was computed
            value = value[0](*value[1:])
        if not hasattr(value, "dtype"):
            value = np.array(value, dtype=object)
        expected = tuple(lengths[i] for lengths, i in zip(x.chunks, key[1:]))
        assert_eq_shape(expected, value.shape, check_ndim=check_ndim, check_nan=False)
        assert value.dtype == x.dtype, f"block {key[1:]} has dtype {value.dtype}, the array {x.dtype}"
    return x


def _computed(x: Any, shape: bool, chunks: bool, ndim: bool, scheduler: Any) -> tuple[Any, Any, Any, Any]:
    """Return an array's value, dtype, meta, and what computing it gave."""
    if not (is_dusk_collection(x) and is_arraylike(x)):
        value = x if hasattr(x, "dtype") else np.array(x, dtype=object)
        return value, getattr(value, "dtype", None), None, None
    assert x.dtype is not None
    meta = getattr(x, "_meta", None)
    dtype, declared = x.dtype, x.shape
    if chunks:
        x = _check_blocks(x, ndim, scheduler)
    value = computed = x.compute(scheduler=scheduler)
    if hasattr(value, "todense"):
        value = value.todense()
    if not hasattr(value, "dtype"):
        value = np.array(value, dtype=object)
    if value.shape and 0 not in value.shape:
        assert value.dtype == dtype, f"computed dtype {value.dtype}, declared {dtype}"
    if shape:
        assert_eq_shape(declared, value.shape, check_nan=False)
    return value, dtype, meta, computed


def assert_eq(
    a: Any,
    b: Any,
    check_shape: bool = True,
    check_graph: bool = True,
    check_meta: bool = True,
    check_chunks: bool = True,
    check_ndim: bool = True,
    check_type: bool = True,
    check_dtype: bool = True,
    equal_nan: bool = True,
    scheduler: Any = "sync",
    **kwargs: Any,
) -> bool:
    """Raise AssertionError unless two arrays are equal in values, shape, dtype and type, and are what they declare.

    Parameters
    ----------
    a, b : array_like
        Arrays of dusk are computed.
    check_shape, check_chunks, check_ndim : bool
        Hold the shape, the blocks and the number of axes against what is declared.
    check_graph : bool
        Accepted for compatibility: there are no graphs that could have clashing keys.
    check_meta : bool
        Hold the type of what is computed against the declared one.
    check_type, check_dtype : bool
        Compare the types and dtypes of `a` and `b`.
    equal_nan : bool
        NaN equals NaN.
    scheduler : optional
        Who computes.
    **kwargs
        Tolerances for `numpy.allclose`.
    """
    originals = a, b
    a, b = (np.array(x) if isinstance(x, list | int | float) else x for x in (a, b))
    a, a_dtype, a_meta, a_computed = _computed(a, check_shape, check_chunks, check_ndim, scheduler)
    b, b_dtype, b_meta, b_computed = _computed(b, check_shape, check_chunks, check_ndim, scheduler)
    if check_dtype and str(a_dtype) != str(b_dtype):
        raise AssertionError(f"a and b have different dtypes: (a: {a_dtype}, b: {b_dtype})")
    try:
        assert a.shape == b.shape, f"a and b have different shapes (a: {a.shape}, b: {b.shape})"
        if check_type:
            kinds = [type(x if x.shape else x.item()) for x in (a, b)]
            assert kinds[0] is kinds[1], f"a and b have different types (a: {kinds[0]}, b: {kinds[1]})"
        if check_meta:
            sides = (("a", originals[0], a, a_meta, a_computed), ("b", originals[1], b, b_meta, b_computed))
            for name, original, value, meta, computed in sides:
                _check_meta(name, original, value, meta, computed)
        message = "found values in 'a' and 'b' which differ by more than the allowed amount"
        assert allclose(a, b, equal_nan=equal_nan, **kwargs), message
    except TypeError:  # values that can't be subtracted or tested for NaN
        same = a == b
        assert same.all() if isinstance(same, np.ndarray) else same
    return True


def _check_meta(name: str, original: Any, value: Any, meta: Any, computed: Any) -> None:
    if not hasattr(original, "_meta"):
        return
    own = original._meta
    assert own.ndim == value.ndim, (
        f"compute()-ing '{name}' changes its number of dimensions (before: {own.ndim}, after: {value.ndim})"
    )
    if meta is None:
        return
    assert type(own) is type(meta), (
        f"compute()-ing '{name}' changes its type (before: {type(own)}, after: {type(meta)})"
    )
    if not (np.isscalar(meta) or np.isscalar(computed)):
        assert type(meta) is type(computed), (
            f"compute()-ing '{name}' results in a different type than implied by its metadata "
            f"(meta: {type(meta)}, computed: {type(computed)})"
        )
