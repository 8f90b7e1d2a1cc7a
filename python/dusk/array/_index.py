"""What stands between the brackets of `x[...]`, checked and in one form.

Covers single entries and whole indexes; what is done with them is `_getitem`'s and `_setitem`'s. Texts of errors are
Dask's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Number
from typing import Any

import numpy as np

from dusk._collection import is_dusk_collection

__all__ = [
    "axes_cut",
    "check_index",
    "colon",
    "expand_index",
    "normalize_index",
    "normalize_slice",
    "posify_index",
    "replace_ellipsis",
    "sanitize_index",
    "sanitize_index_element",
    "shape_of_points",
]

colon = slice(None, None, None)
_MANY = 1 << 62


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype")


def sanitize_index_element(ind: Any) -> Any:
    """Return one number of an index as an int.

    Raises
    ------
    IndexError
        If it isn't whole.
    """
    if ind is None:
        return None
    if isinstance(ind, Number):
        whole = int(ind)  # type: ignore[call-overload]  # complex numbers fail as they should
        if whole != ind:
            raise IndexError(f"Bad index.  Must be integer-like: {ind}")
        return whole
    if is_dusk_collection(ind):
        if ind.dtype.kind != "i" or ind.size != 1:
            raise IndexError(f"Bad index. Must be integer-like: {ind}")
        return ind
    if hasattr(ind, "__index__"):
        return int(ind.__index__())
    raise TypeError("Invalid index type", type(ind), ind)


def sanitize_index(ind: Any) -> Any:
    """Return the index of one axis as an int, a slice of ints, an array of ints or a dusk array.

    Examples
    --------
    >>> sanitize_index([True, False, True])
    array([0, 2])
    >>> sanitize_index(1.0)
    1
    """
    if ind is None:
        return None
    if isinstance(ind, slice):
        return slice(*(sanitize_index_element(each) for each in (ind.start, ind.stop, ind.step)))
    if isinstance(ind, Number):
        return sanitize_index_element(ind)
    if is_dusk_collection(ind):
        return ind
    array = np.asanyarray(ind)
    if array.dtype == bool:
        nonzero = np.nonzero(array)
        return nonzero[0] if len(nonzero) == 1 else np.asanyarray(nonzero)
    if array.dtype.kind in "iu":
        return array
    if array.dtype.kind == "f":
        whole = array.astype(np.intp)
        close = np.isclose(array, whole)
        if not close.all():
            raise IndexError(f"Bad index.  Must be integer-like: {array[~close].ravel()[0]}")
        return whole
    raise TypeError("Invalid index type", type(ind), ind)


def replace_ellipsis(n: int, index: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return an index of an array of `n` axes with full slices instead of `...`.

    Examples
    --------
    >>> replace_ellipsis(3, (3, ...))
    (3, slice(None, None, None), slice(None, None, None))
    """
    places = [i for i, ind in enumerate(index) if ind is Ellipsis]
    if not places:
        return index
    if len(places) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    taken = sum(_axes_of(ind) for i, ind in enumerate(index) if i != places[0])
    return index[: places[0]] + (colon,) * (n - taken) + index[places[0] + 1 :]


def _axes_of(ind: Any) -> int:
    """Return how many axes an entry of an index takes up."""
    if ind is None or isinstance(ind, bool | np.bool_):
        return 0
    if isinstance(ind, list):
        ind = np.asarray(ind)
    if _is_array(ind) and ind.dtype == bool:
        return ind.ndim
    return 1


def check_index(axis: int, ind: Any, dimension: float) -> None:
    """Raise IndexError when the index of an axis goes beyond its length.

    Examples
    --------
    >>> check_index(0, 5, 5)
    Traceback (most recent call last):
    ...
    IndexError: Index 5 is out of bounds for axis 0 with size 5
    """
    if isinstance(ind, list):
        ind = np.asanyarray(ind)
    if ind is None or isinstance(ind, slice) or is_dusk_collection(ind) or math.isnan(dimension):
        return
    if _is_array(ind):
        if ind.dtype == bool:
            if ind.size != dimension:
                raise IndexError(
                    f"Boolean array with size {ind.size} is not long enough for axis {axis} with size {dimension}"
                )
        elif ind.size and ((ind >= dimension).any() or (ind < -dimension).any()):
            raise IndexError(f"Index is out of bounds for axis {axis} with size {dimension}")
    elif ind >= dimension or ind < -dimension:
        raise IndexError(f"Index {ind} is out of bounds for axis {axis} with size {dimension}")


def normalize_slice(idx: Any, dim: float) -> Any:
    """Return a slice in the form that all slices of the same elements have.

    Examples
    --------
    >>> normalize_slice(slice(0, 10, 1), 10)
    slice(None, None, None)
    """
    if not isinstance(idx, slice) or math.isnan(dim):
        return idx
    start, stop, step = idx.indices(int(dim))
    out: tuple[int | None, int | None, int | None]
    if step > 0:
        if stop < dim and stop < start:
            stop = start
        out = (start or None, None if stop >= dim else stop, None if step == 1 else step)
    elif start <= stop:  # nothing, and -1 would mean the last element
        out = (0, 0, None)
    else:
        out = (None if start >= dim - 1 else start, None if stop < 0 else stop, step)
    return slice(*out)


def posify_index(shape: Any, ind: Any) -> Any:
    """Return an index with positions counted from the end counted from the beginning.

    Examples
    --------
    >>> posify_index((10, 20), (3, -3))
    (3, 17)
    """
    if isinstance(ind, tuple):
        return tuple(posify_index(length, each) for length, each in zip(shape, ind))
    if isinstance(ind, Integral):
        return ind + shape if ind < 0 and not math.isnan(shape) else ind  # type: ignore[operator]
    if isinstance(ind, np.ndarray | list) and not math.isnan(shape):
        ind = np.asanyarray(ind)
        if ind.dtype.kind == "u":  # nothing below 0, and no type that could lose bits
            return ind
        return np.where(ind < 0, ind + shape, ind)
    return ind


def expand_index(index: tuple[Any, ...], shape: Sequence[Any]) -> tuple[Any, ...]:
    """Return an index with an entry for each axis, besides those of new axes; lists and Series are arrays in it."""
    out = []
    for ind in index:
        if isinstance(ind, tuple | range) or (isinstance(ind, list) and ind):
            ind = np.asanyarray(ind)
        elif isinstance(ind, list):
            ind = np.zeros(0, dtype=np.intp)
        elif not _is_array(ind) and hasattr(ind, "__array__"):
            ind = np.asanyarray(ind)
        if isinstance(ind, np.ndarray) and ind.ndim == 0 and ind.dtype.kind in "iu":
            ind = int(ind)
        elif isinstance(ind, np.ndarray) and ind.ndim == 0 and ind.dtype == bool:
            ind = bool(ind)
        out.append(ind)
    index = replace_ellipsis(len(shape), tuple(out))
    missing = len(shape) - sum(_axes_of(ind) for ind in index)
    if missing < 0:
        raise IndexError("Too many indices for array")
    return index + (colon,) * missing


def shape_of_points(positions: Iterable[Any]) -> tuple[int, ...]:
    """Return the shape of the points that several arrays of positions stand for.

    Raises
    ------
    IndexError
        If they can't be broadcast to each other.
    """
    given = [np.shape(each) for each in positions]
    try:
        return np.broadcast_shapes(*given)
    except ValueError as error:
        shapes = " ".join(map(str, given))
        raise IndexError(
            f"shape mismatch: indexing arrays could not be broadcast together with shapes {shapes}"
        ) from error


def normalize_index(idx: Any, shape: Sequence[Any]) -> tuple[Any, ...]:
    """Return an index in one form: an entry for each axis, checked, none of them counted from the end.

    Parameters
    ----------
    idx : index
    shape : tuple of int
        Lengths of the axes; NaN where unknown.

    Examples
    --------
    >>> normalize_index(-1, (10,))
    (9,)
    >>> normalize_index((Ellipsis, None), (10,))
    (slice(None, None, None), None)
    """
    if not isinstance(idx, tuple):
        idx = (idx,)
    shape = tuple(shape)
    if idx and len(shape) > 1 and isinstance(idx[0], np.ndarray) and idx[0].shape == shape and idx[0].dtype == bool:
        from dusk.array.core import from_array

        idx = (from_array(idx[0]), *idx[1:])
    idx = expand_index(idx, shape)
    lengths: list[Any] = []
    axis = 0
    for ind in idx:
        taken = _axes_of(ind)
        lengths.append(shape[axis] if taken == 1 else None)
        if taken == 1:
            check_index(axis, ind, shape[axis])
        axis += taken
    out = []
    for ind, length in zip(idx, lengths):
        if length is None:
            out.append(ind)
            continue
        ind = sanitize_index(ind)
        out.append(posify_index(length, normalize_slice(ind, length)))
    return tuple(out)


def axes_cut(index: Any, ndim: int) -> list[int]:
    """Return the axes along which an index needs to know where each element is: those that it doesn't take whole.

    Examples
    --------
    >>> axes_cut((Ellipsis, None, 3), 3)
    [2]
    """
    entries = expand_index(index if isinstance(index, tuple) else (index,), (np.nan,) * ndim)
    out = []
    axis = 0
    for ind in entries:
        taken = _axes_of(ind)
        whole = isinstance(ind, slice) and ind.indices(_MANY) == (0, _MANY, 1)
        mask = is_dusk_collection(ind) and ind.dtype == bool
        if taken == 1 and not whole and not mask:
            out.append(axis)
        elif taken and isinstance(ind, np.ndarray):
            out += range(axis, axis + taken)
        axis += taken
    return out
