"""The order, direction and number of axes: transposes, flips, rolls, axes of length 1.

Everything here is a view: no element is looked at. Axes of unknown lengths are moved as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._chunks import is_known
from dusk.array._from_array import asanyarray
from dusk.array._joining import concatenate
from dusk.array._lengths import sized
from dusk.array._like import validate_axis
from dusk.array._views import Axis, view

__all__ = [
    "expand_dims",
    "flip",
    "fliplr",
    "flipud",
    "moveaxis",
    "roll",
    "rollaxis",
    "rot90",
    "squeeze",
    "swapaxes",
    "transpose",
]


def _permuted(a: Array, axes: Sequence[int], prefix: str) -> Array:
    if tuple(axes) == tuple(range(a.ndim)):
        return a
    kept: list[Axis] = [(axis, 0, 1) if is_known(a.chunks[axis]) else (axis,) for axis in axes]
    return view(a, kept, [], [a.chunks[axis] for axis in axes], prefix)


@derived_from(np)
def transpose(a: Any, axes: Any = None) -> Array:
    a = asanyarray(a)
    if axes:
        if len(axes) != a.ndim:
            raise ValueError("axes don't match array")
        axes = tuple(validate_axis(axis, a.ndim) for axis in axes)
        if len(set(axes)) != a.ndim:
            raise ValueError("repeated axis in transpose")
    else:
        axes = tuple(range(a.ndim))[::-1]
    return _permuted(a, axes, "transpose")


@derived_from(np)
def swapaxes(a: Any, axis1: int, axis2: int) -> Array:
    a = asanyarray(a)
    axis1, axis2 = validate_axis(axis1, a.ndim), validate_axis(axis2, a.ndim)
    axes = list(range(a.ndim))
    axes[axis1], axes[axis2] = axis2, axis1
    return _permuted(a, axes, "swapaxes")


@derived_from(np)
def moveaxis(a: Any, source: Any, destination: Any) -> Array:
    a = asanyarray(a)
    sources = [validate_axis(axis, a.ndim) for axis in (source if np.iterable(source) else [source])]
    targets = [validate_axis(axis, a.ndim) for axis in (destination if np.iterable(destination) else [destination])]
    if len(set(sources)) != len(sources) or len(set(targets)) != len(targets):
        raise ValueError("repeated axis in `source` or `destination` argument")
    if len(sources) != len(targets):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    axes = [axis for axis in range(a.ndim) if axis not in sources]
    for target, axis in sorted(zip(targets, sources)):
        axes.insert(target, axis)
    return _permuted(a, axes, "transpose")


@derived_from(np)
def rollaxis(a: Any, axis: int, start: int = 0) -> Array:
    a = asanyarray(a)
    axis = validate_axis(axis, a.ndim)
    if not -a.ndim <= start <= a.ndim:
        raise np.exceptions.AxisError(
            f"'start' arg requires {-a.ndim} <= start < {a.ndim + 1}, but {start} was passed in"
        )
    start += a.ndim if start < 0 else 0
    axes = [i for i in range(a.ndim) if i != axis]
    axes.insert(start - (axis < start), axis)
    return _permuted(a, axes, "transpose")


def flip(m: Any, axis: Any = None) -> Array:
    """Return the array backwards along axes.

    Parameters
    ----------
    m : array_like
    axis : int or tuple of int, optional
        All axes by default.
    """
    m = asanyarray(m)
    axes = range(m.ndim) if axis is None else (axis if isinstance(axis, Iterable) else (axis,))
    index = [slice(None)] * m.ndim
    try:
        for each in axes:
            index[each] = slice(None, None, -1)
    except IndexError as error:
        raise ValueError(f"`axis` of {axis} invalid for {m.ndim}-D array") from error
    return m[tuple(index)]


@derived_from(np)
def flipud(m: Any) -> Array:
    return flip(m, 0)


@derived_from(np)
def fliplr(m: Any) -> Array:
    return flip(m, 1)


@derived_from(np)
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Array:
    axes = tuple(axes)
    if len(axes) != 2:
        raise ValueError("len(axes) must be 2.")
    m = asanyarray(m)
    if axes[0] == axes[1] or abs(axes[0] - axes[1]) == m.ndim:
        raise ValueError("Axes must be different.")
    if not all(-m.ndim <= axis < m.ndim for axis in axes):
        raise ValueError(f"Axes={axes} out of range for array of ndim={m.ndim}.")
    k %= 4
    if k == 0:
        return m[:]
    if k == 2:
        return flip(flip(m, axes[0]), axes[1])
    if k == 1:
        return swapaxes(flip(m, axes[1]), *axes)
    return flip(swapaxes(m, *axes), axes[1])


@derived_from(np)
def roll(array: Any, shift: Any, axis: Any = None) -> Array:
    array = asanyarray(array)
    result = array
    if axis is None:
        array = sized(array)
        result = array.ravel()
        if not isinstance(shift, Integral):
            raise TypeError("Expect `shift` to be an instance of Integral when `axis` is None.")
        shifts, axes = (shift,), (0,)
    else:
        shifts = tuple(shift) if np.iterable(shift) else (shift,)
        axes = tuple(axis) if np.iterable(axis) else (axis,)
    if len(shifts) != len(axes):
        raise ValueError("Must have the same number of shifts as axes.")
    result = sized(result, [validate_axis(where, result.ndim) for where in axes])
    for where, by in zip(axes, shifts):
        where = validate_axis(where, result.ndim)
        length = result.shape[where]
        start = 0 if length == 0 else -by % length
        before = (slice(None),) * where
        result = concatenate([result[(*before, slice(start, None))], result[(*before, slice(None, start))]], axis=where)
    result = result.reshape(array.shape) if axis is None else result
    return result.copy() if result is array else result


@derived_from(np)
def expand_dims(a: Any, axis: Any) -> Array:
    a = asanyarray(a)
    axes = tuple(axis) if isinstance(axis, tuple | list) else (axis,)
    ndim = len(axes) + a.ndim
    places = {validate_axis(each, ndim) for each in axes}
    if len(places) != len(axes):
        raise ValueError("repeated axis")
    return a[tuple(None if i in places else slice(None) for i in range(ndim))]


@derived_from(np)
def squeeze(a: Any, axis: Any = None) -> Array:
    a = asanyarray(a)
    a = sized(a, None if axis is None else [i for i in np.atleast_1d(axis).tolist() if -a.ndim <= i < a.ndim])
    if axis is None:
        axis = tuple(i for i, length in enumerate(a.shape) if length == 1)
    axes = axis if isinstance(axis, tuple) else (axis,)
    if any(-a.ndim <= i < a.ndim and a.shape[i] != 1 for i in axes):
        raise ValueError("cannot squeeze axis with size other than one")
    places = {validate_axis(i, a.ndim) for i in axes}
    result = a[tuple(0 if i in places else slice(None) for i in range(a.ndim))]
    if not result.ndim:
        result._boxed = True  # NumPy squeezes to an array, not to an element
    return result
