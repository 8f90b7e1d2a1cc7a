"""Arrays of things that are there: NumPy arrays, files and objects that can be sliced, sequences, other collections."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np

from dusk import _core
from dusk._collection import is_dusk_collection
from dusk.array._array import Array, HeldValue, array_of
from dusk.array._block_calls import block_call
from dusk.array._chunks import axis_spec, normalize_chunks
from dusk.array._meta import meta_from_array
from dusk.tokenize import tokenize
from dusk.utils import SerializableLock, is_arraylike

__all__ = ["asanyarray", "asarray", "from_array", "getter", "getter_inline", "getter_nofancy"]


def getter(a: Any, b: Any, asarray: Any = True, lock: Any = None) -> Any:
    """Return part of an object, under a lock if there is one."""
    if isinstance(b, tuple) and any(x is None for x in b):
        b2 = tuple(x for x in b if x is not None)
        b3 = tuple(None if x is None else slice(None) for x in b if not isinstance(x, (int, np.integer)))
        return getter(a, b2, asarray=asarray, lock=lock)[b3]
    if lock:
        lock.acquire()
    try:
        # of an array without axes an element would lose its mask or the length of its text
        c = a[...] if b == () and isinstance(a, np.ndarray) else a[b]
        if asarray is not False and (asarray or not is_arraylike(c)):
            c = np.asarray(c)
    finally:
        if lock:
            lock.release()
    return c


def getter_nofancy(a: Any, b: Any, asarray: Any = True, lock: Any = None) -> Any:
    """As `getter`, for objects that only take slices."""
    return getter(a, b, asarray=asarray, lock=lock)


def getter_inline(a: Any, b: Any, asarray: Any = True, lock: Any = None) -> Any:
    """As `getter`, for objects that are cheap to send along."""
    return getter(a, b, asarray=asarray, lock=lock)


class _Along:
    """Which elements along an axis the blocks have: ``first + step * i`` for the ``i`` between two bounds.

    Parameters
    ----------
    bounds : array of int
        Where blocks begin, and the end.
    first, step : int
    """

    __slots__ = ("bounds", "first", "step")

    def __init__(self, bounds: np.ndarray[Any, Any], first: int = 0, step: int = 1) -> None:
        self.bounds = bounds
        self.first = first
        self.step = step

    def __call__(self, block: int) -> slice:
        begin, end = int(self.bounds[block]), int(self.bounds[block + 1])
        start = self.first + self.step * begin
        if self.step == 1:
            return slice(start, self.first + end)
        return slice(start, self.first + self.step * (end - 1) + 1 if end > begin else start, self.step)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Along, (self.bounds, self.first, self.step))


class _Reader:
    """Reads the block at a position of an object that can be sliced.

    Parameters
    ----------
    source : object
    where : tuple of _Along or int
        For each axis of the object the elements of its blocks, or the one position that is taken.
    get, asarray, lock
        See `from_array`.
    """

    __slots__ = ("__name__", "asarray", "get", "lock", "source", "where")

    def __init__(self, source: Any, where: tuple[_Along | int, ...], get: Any, asarray: Any, lock: Any) -> None:
        self.source = source
        self.where = where
        self.get = get
        self.asarray = asarray
        self.lock = lock
        self.__name__ = "from_array"

    def __call__(self, index: tuple[int, ...]) -> Any:
        block = iter(index)
        where = tuple(along if isinstance(along, int) else along(next(block)) for along in self.where)
        if self.get is getter or self.get is getter_nofancy:
            return self.get(self.source, where, asarray=self.asarray, lock=self.lock)
        try:
            return self.get(self.source, where, asarray=self.asarray, lock=self.lock)
        except TypeError:
            return self.get(self.source, where)

    def __dusk_viewed__(
        self, axes: list[tuple[int, int, int]], fixed: list[tuple[int, int]], sizes: list[list[int]]
    ) -> _Reader | None:
        """Return a reader of part of the object; None where it can't be asked for that.

        Parameters
        ----------
        axes : list of (axis, start, step)
            Where the elements along each axis of the part are.
        fixed : list of (axis, position)
            The axes that are gone.
        sizes : list of lists
            The chunks of the part.
        """
        order = [axis for axis, _, _ in axes]
        # objects such as HDF5 datasets take neither steps backwards nor axes in another order
        if self.get not in (getter, getter_nofancy, getter_inline) or order != sorted(order):
            return None
        if any(step < 1 for _, _, step in axes) or not all(isinstance(along, _Along) for along in self.where):
            return None
        where: list[Any] = list(self.where)
        for axis, position in fixed:
            where[axis] = where[axis].first + where[axis].step * position
        for (axis, start, step), lengths in zip(axes, sizes, strict=True):
            own = where[axis]
            where[axis] = _Along(_starts(lengths), own.first + own.step * start, own.step * step)
        return _Reader(self.source, tuple(where), self.get, self.asarray, self.lock)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Reader, (self.source, self.where, self.get, self.asarray, self.lock))


def from_array(
    x: Any,
    chunks: Any = "auto",
    name: Any = None,
    lock: Any = False,
    asarray: bool | None = None,
    fancy: bool = True,
    getitem: Any = None,
    meta: Any = None,
    inline_array: bool = False,
) -> Array:
    """Make an array of anything that can be sliced.

    Parameters
    ----------
    x : array_like
        Has ``shape``, ``ndim`` and ``dtype`` and can be sliced: a NumPy array, an HDF5 dataset, ... A NumPy array that
        can be written to is copied now, so that what is written later doesn't matter; one that is read-only or mapped
        into memory isn't.
    chunks : int, tuple, dict or str, default "auto"
        How to cut it; -1 or None for whole axes, "auto" or a size in bytes for chunks of about that size.
    name : str or bool, optional
        The name of the array; by default a hash of its content. False for a name of chance, without looking at the
        content.
    lock : bool or Lock, default False
        Read under this lock; True for one of its own.
    asarray : bool, optional
        Make NumPy arrays of the blocks. By default if ``x`` doesn't implement ``__array_function__``.
    fancy : bool, default True
        Whether ``x`` takes lists of positions.
    getitem : callable, optional
        What reads a block: ``getitem(x, slices, asarray=, lock=)``.
    meta : array, optional
        An empty example of a block.
    inline_array : bool, default False
        Accepted for compatibility.

    Returns
    -------
    Array
    """
    if isinstance(x, Array):
        raise ValueError("Array is already a dask array. Use 'asarray' or 'rechunk' instead.")
    if is_dusk_collection(x):
        import warnings

        warnings.warn(
            "Passing an object to dask.array.from_array which is already a Dask collection. This can lead "
            "to unexpected "
            "behavior.",
            UserWarning,
            stacklevel=2,
        )
    if isinstance(x, (list, tuple, memoryview, *np.ScalarType)):
        x = np.array(x)
    is_plain = type(x) in (np.ndarray, np.memmap)
    is_there = isinstance(x, np.ndarray) and not isinstance(x, np.memmap)
    if is_there and x.flags.writeable:
        x = x.copy(order="K")
    if type(x) is np.ndarray and not lock:
        getitem = None  # what is in memory needs no reader
    previous = getattr(x, "chunks", None)
    chunks = normalize_chunks(chunks, x.shape, dtype=x.dtype, previous_chunks=previous)
    if name in (None, True):
        token = tokenize(x, chunks, lock, asarray, fancy, getitem, inline_array)
        name = name or None
        user_name = None
    elif name is False:
        token, user_name = uuid.uuid4().hex, None
    else:
        token, user_name = str(name), str(name)
    if lock is True:
        lock = SerializableLock()
    if asarray is None:
        asarray = not hasattr(x, "__array_function__") and not _is_scipy_sparse(x)
    if is_plain and not lock and getitem is None and meta is None:
        try:
            node = _core.array_from_numpy(x, [axis_spec(axis) for axis in chunks], prefix="array", token=token)
        except _core.NotNative:
            pass
        else:
            return _holding(array_of(node, name=user_name), x)
    if getitem is None:
        getitem = getter if fancy else getter_nofancy
    if meta is None:
        meta = x
    meta = meta_from_array(meta, ndim=len(chunks), dtype=getattr(x, "dtype", None))
    if asarray and type(meta) is not np.ndarray:
        meta = np.empty((0,) * len(chunks), dtype=x.dtype)
    reader = _Reader(x, tuple(_Along(_starts(axis)) for axis in chunks), getitem, asarray, lock)
    result = block_call(
        reader, [], chunks, meta, prefix="array", name=user_name, token=token, library=True, indexed=True
    )
    return _holding(result, x) if is_there and not lock else result


def _holding(array: Any, x: Any) -> Any:
    if isinstance(array, Array):  # and not what a plugin made of it
        array._boxed = not array.ndim
        array._held = (array._node, HeldValue(x))
    return array


def _starts(lengths: Sequence[int]) -> np.ndarray[Any, Any]:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def asarray(
    a: Any,
    allow_unknown_chunksizes: bool = False,
    dtype: Any = None,
    order: Any = None,
    *,
    like: Any = None,
    **kwargs: Any,
) -> Array:
    """Make an array of anything that NumPy's `numpy.asarray` takes.

    Parameters
    ----------
    a : array_like
        Also sequences of arrays, and frames.
    allow_unknown_chunksizes : bool, default False
        For sequences of arrays whose lengths aren't known.
    dtype : dtype, optional
    order : {"C", "F", "A", "K"}, optional
        Accepted for NumPy arrays.
    like : array_like, optional
        Give the blocks the type of this one.

    Returns
    -------
    Array
    """
    return _as(a, np.asarray, allow_unknown_chunksizes, dtype, order, like, kwargs, keep_type=False)


def asanyarray(a: Any, dtype: Any = None, order: Any = None, *, like: Any = None, inline_array: bool = False) -> Array:
    """Make an array of anything that NumPy's `numpy.asanyarray` takes; blocks keep their array type.

    Parameters
    ----------
    a : array_like
    dtype : dtype, optional
    order : {"C", "F", "A", "K"}, optional
        Accepted for NumPy arrays.
    like : array_like, optional
        Give the blocks the type of this one.
    inline_array : bool
        Accepted for compatibility.

    Returns
    -------
    Array
    """
    return _as(a, np.asanyarray, False, dtype, order, like, {}, keep_type=True)


def _as(
    a: Any, convert: Any, unknown: bool, dtype: Any, order: Any, like: Any, kwargs: dict[str, Any], keep_type: bool
) -> Array:
    if like is None and isinstance(a, Array):
        return a.astype(dtype) if dtype is not None else a
    if like is None:
        if hasattr(a, "to_dask_array"):
            return _typed(a.to_dask_array(), dtype)
        if type(a).__module__.split(".")[0] == "xarray" and hasattr(a, "data"):
            return asarray(a.data, dtype=dtype)
        if isinstance(a, (list, tuple)) and any(_holds_array(each) for each in a):
            from dusk.array.core import stack

            return _typed(stack([asanyarray(each) for each in a], allow_unknown_chunksizes=unknown), dtype)
        if not isinstance(getattr(a, "shape", None), tuple) or not hasattr(a, "dtype") or dtype is not None:
            a = convert(a, dtype=dtype, order=order)
    else:
        like_meta = meta_from_array(like)
        to_like = _to_scipy if _is_scipy_sparse(like_meta) else _as_like
        if isinstance(a, Array):
            return _typed(a, dtype).map_blocks(to_like, like_meta, dtype=dtype or a.dtype)
        if to_like is _to_scipy:
            a = to_like(convert(a, dtype=dtype), like_meta)
        else:
            a = convert(a, like=like_meta, dtype=dtype, order=order)
    chunks = getattr(a, "chunks", None) if not isinstance(a, np.ndarray) else None
    if not chunks:
        chunks = a.shape if keep_type else "auto"
    kept = keep_type and type(a) is not np.ndarray
    return from_array(
        a,
        chunks=chunks,
        getitem=getter_inline if kept and not _plain(a) else None,
        asarray=None if keep_type or like is not None else True,
    )


def _plain(a: Any) -> bool:
    return type(a) in (np.ndarray, np.memmap)


def _as_like(x: Any, like: Any) -> Any:
    return np.asarray(x, like=like)


def _is_scipy_sparse(x: Any) -> bool:
    return type(x).__module__.startswith(("scipy.sparse", "cupyx.scipy.sparse"))


def _to_scipy(x: Any, like: Any) -> Any:
    """Return a sparse array or matrix of the same class; these classes don't follow NumPy's protocol."""
    return type(like)(x)


def _typed(x: Array, dtype: Any) -> Array:
    return x if dtype is None else x.astype(dtype)


def _holds_array(x: Any) -> bool:
    if isinstance(x, Array):
        return True
    return isinstance(x, (list, tuple)) and any(_holds_array(each) for each in x)
