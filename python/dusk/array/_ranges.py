"""Arrays of numbers that follow from their position: ranges, identities, grids of indices, triangles."""

from __future__ import annotations

from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._block_calls import Slot, block_call
from dusk.array._chunks import normalize_chunks
from dusk.array._fitting import fitting
from dusk.array._from_array import asanyarray, asarray
from dusk.array._lengths import sized
from dusk.array._meta import meta_from_array
from dusk.utils import funcname

__all__ = [
    "arange",
    "diag",
    "diagonal",
    "eye",
    "fromfunction",
    "indices",
    "linspace",
    "meshgrid",
    "tri",
    "tril_indices",
    "tril_indices_from",
    "triu_indices",
    "triu_indices_from",
]


class Positioned:
    """Calls a function with where a block begins and its shape."""

    __slots__ = ("__name__", "args", "chunks", "function", "starts")

    def __init__(self, function: Any, chunks: Any, args: tuple[Any, ...]) -> None:
        self.function = function
        self.chunks = chunks
        self.args = args
        self.starts = tuple(np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]) for lengths in chunks)
        self.__name__ = funcname(function)

    def __call__(self, index: tuple[int, ...], *blocks: Any) -> Any:
        start = tuple(int(starts[i]) for starts, i in zip(self.starts, index, strict=True))
        shape = tuple(lengths[i] for lengths, i in zip(self.chunks, index, strict=True))
        return self.function(start, shape, *blocks, *self.args)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-positioned", self.function, self.args)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Positioned, (self.function, self.chunks, self.args))


def positioned(function: Any, chunks: Any, meta: Any, *args: Any, prefix: str, name: str | None = None) -> Array:
    """Return an array whose blocks a function of place and shape makes."""
    return block_call(Positioned(function, chunks, args), [], chunks, meta, prefix=prefix, name=name, indexed=True)


def _like_meta(meta: Any, like: Any, ndim: int, dtype: Any) -> Any:
    if meta is None and like is not None:
        meta = like
    return meta_from_array(meta, ndim=ndim, dtype=dtype)


def _range(start: Any, shape: Any, first: Any, step: Any, dtype: Any, like: Any) -> Any:
    (at,), (n,) = start, shape
    if dtype.kind in "mM":
        return (first + np.arange(at, at + n, dtype=np.int64) * step).view(dtype)
    kwargs = {} if like is None else {"like": like}
    if dtype.kind in "iub" or isinstance(first, (int, np.integer)) and isinstance(step, (int, np.integer)):
        return np.arange(first + at * step, first + (at + n) * step, step, dtype=dtype, **kwargs)[:n]
    return (first + np.arange(at, at + n, **kwargs) * step).astype(dtype)


def _ticks(x: Any, dtype: Any) -> int:
    """Return a time, or a number of units, as a number of the units of `dtype`."""
    if isinstance(x, np.timedelta64):
        dtype = np.dtype(f"m8{dtype.str[3:]}")
    elif isinstance(x, (int, np.integer)):
        return int(x)
    return int(np.asarray(x, dtype=dtype).astype(np.int64))


def arange(
    start: Any = None,
    /,
    stop: Any = None,
    step: Any = 1,
    *,
    chunks: Any = "auto",
    like: Any = None,
    dtype: Any = None,
    **kwargs: Any,
) -> Array:
    """Return evenly spaced numbers from ``start`` up to, but without, ``stop``, as `numpy.arange`.

    Parameters
    ----------
    start : number, default 0
    stop : number
    step : number, default 1
    chunks : int, tuple or str, default "auto"
    like : array, optional
        Give the blocks the type of this one.
    dtype : dtype, optional

    Returns
    -------
    Array
    """
    meta = kwargs.pop("meta", None)
    if kwargs:
        raise TypeError(f"arange() got unexpected keyword arguments: {sorted(kwargs)}")
    if start is None and stop is None:
        raise TypeError("arange() requires stop to be specified.")
    if stop is None:
        start, stop = 0, start
    elif start is None:
        start = 0
    step = 1 if step is None else step
    kinds = [np.asarray(x).dtype for x in (start, stop, step)]
    times = [kind for kind in kinds if kind.kind in "mM"]
    if dtype is not None:
        dtype = np.dtype(dtype)
    elif times:
        dtype = np.result_type(*times)
    else:  # NumPy tells for a range of numbers of these types; it is at least as wide as an index
        dtype = np.arange(*(kind.type(i) for kind, i in zip(kinds, (0, 1, 1), strict=True))).dtype
    if dtype.kind in "mM":
        if np.datetime_data(dtype)[0] == "generic" and times:
            dtype = np.result_type(dtype, *times)
        # As in NumPy, a length of time or a number after a date says how far the range goes.
        far = dtype.kind == "M" and isinstance(stop, (int, np.integer))
        start, stop, step = _ticks(start, dtype), _ticks(stop, dtype), _ticks(step, dtype)
        stop = start + stop if far else stop
    num = int(max(np.ceil((stop - start) / step), 0))
    chunks = normalize_chunks(chunks, (num,), dtype=dtype)
    meta = _like_meta(meta, like, 1, dtype)
    return positioned(
        _range, chunks, meta, start, step, dtype, None if type(meta) is np.ndarray else meta, prefix="arange"
    )


def _spaced(start: Any, shape: Any, first: Any, step: Any, last: Any, dtype: Any) -> Any:
    (at,), (n,) = start, shape
    values = first + np.arange(at, at + n) * step
    if last is not None and n and at + n == last[0]:
        values[-1] = last[1]
    if np.issubdtype(dtype, np.integer):
        values = np.floor(values)
    return values.astype(dtype)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    chunks: Any = "auto",
    dtype: Any = None,
) -> Any:
    """Return ``num`` evenly spaced numbers from ``start`` to ``stop``, as `numpy.linspace`.

    Parameters
    ----------
    start, stop : number
    num : int, default 50
    endpoint : bool, default True
        Whether ``stop`` is the last one.
    retstep : bool, default False
        Return the distance, too.
    chunks : int, tuple or str, default "auto"
    dtype : dtype, optional
    """
    start, stop = (x.compute() if isinstance(x, Array) else x for x in (start, stop))
    num = int(num)
    div = num - 1 if endpoint else num
    div = max(div, 1)
    step = float(stop - start) / div if not isinstance(stop - start, complex) else (stop - start) / div
    dtype = np.dtype(dtype if dtype is not None else np.linspace(0, 1, 1).dtype)
    if dtype.kind == "f" and isinstance(step, complex):
        dtype = np.dtype(complex)
    chunks = normalize_chunks(chunks, (num,), dtype=dtype)
    last = (num, stop) if endpoint and num > 1 else None
    result = positioned(_spaced, chunks, np.empty((0,), dtype=dtype), start, step, last, dtype, prefix="linspace")
    return (result, step) if retstep else result


def _eye(start: Any, shape: Any, k: int, dtype: Any) -> Any:
    row, column = start
    return np.eye(*shape, k=k - column + row, dtype=dtype)


def eye(N: Any, chunks: Any = "auto", M: Any = None, k: int = 0, dtype: Any = float) -> Array:  # noqa: N803  NumPy's names
    """Return an array with ones on a diagonal and zeros elsewhere, as `numpy.eye`.

    Parameters
    ----------
    N : int
        Rows.
    chunks : int or str, default "auto"
        The length of a block along both axes.
    M : int, optional
        Columns; as many as rows by default.
    k : int, default 0
        Which diagonal, counted to the right from the main one.
    dtype : dtype, default float
    """
    if M is None:
        M = N  # noqa: N806  NumPy's names
    if dtype is None:
        dtype = float
    if not isinstance(chunks, (int, str)):
        raise ValueError("chunks must be an int or string")
    chunks = normalize_chunks(chunks, (N, M), dtype=np.dtype(dtype))
    if isinstance(chunks, tuple) and chunks[0] and chunks[1]:
        side = chunks[0][0] or chunks[1][0] or 1
        chunks = normalize_chunks((side, side), (N, M), dtype=np.dtype(dtype))
    return positioned(_eye, chunks, np.empty((0, 0), dtype=dtype), int(k), np.dtype(dtype), prefix="eye")


def _tri(start: Any, shape: Any, k: int, dtype: Any) -> Any:
    row, column = start
    return np.tri(*shape, k=k + row - column, dtype=dtype)


def tri(N: Any, M: Any = None, k: int = 0, dtype: Any = float, chunks: Any = "auto", *, like: Any = None) -> Array:  # noqa: N803
    """Return an array with ones on and below a diagonal, as `numpy.tri`.

    Parameters
    ----------
    N : int
        Rows.
    M : int, optional
        Columns; as many as rows by default.
    k : int, default 0
        Which diagonal.
    dtype : dtype, default float
    chunks : int, tuple or str, default "auto"
    like : array, optional
        Give the blocks the type of this one.
    """
    M = N if M is None else M  # noqa: N806  NumPy's names
    chunks = normalize_chunks(chunks, (N, M), dtype=np.dtype(dtype))
    meta = _like_meta(None, like, 2, dtype)
    return positioned(_tri, chunks, meta, int(k), np.dtype(dtype), prefix="tri")


def _index(start: Any, shape: Any, axis: int, dtype: Any) -> Any:
    along = np.arange(start[axis], start[axis] + shape[axis], dtype=dtype)
    return np.broadcast_to(along.reshape([-1 if i == axis else 1 for i in range(len(shape))]), shape)


def indices(dimensions: Any, dtype: Any = int, chunks: Any = "auto") -> Array:
    """Return the positions of the elements of a grid, as `numpy.indices`.

    Parameters
    ----------
    dimensions : sequence of int
        The shape of the grid.
    dtype : dtype, default int
    chunks : int, tuple or str, default "auto"
        How the grid is cut; one entry for each of its axes.

    Returns
    -------
    Array
        With one more axis in front.
    """
    from dusk.array.core import stack

    dimensions = tuple(dimensions)
    dtype = np.dtype(dtype)
    chunks = tuple(chunks) if isinstance(chunks, (tuple, list)) else chunks
    if isinstance(chunks, tuple) and len(dimensions) != len(chunks):
        raise ValueError("Need same number of dimensions and chunks.")
    chunks = normalize_chunks(chunks, dimensions, dtype=dtype)
    if not dimensions:
        from dusk.array.wrap import empty

        return empty((0,), dtype=dtype, chunks=(0,))
    meta = np.empty((0,) * len(dimensions), dtype=dtype)
    return stack([positioned(_index, chunks, meta, i, dtype, prefix="indices") for i in range(len(dimensions))])


def meshgrid(*xi: Any, sparse: bool = False, indexing: str = "xy", **kwargs: Any) -> tuple[Array, ...]:
    """Return grids of coordinates, as `numpy.meshgrid`.

    Parameters
    ----------
    *xi : array_like
        Coordinates along each axis.
    sparse : bool, default False
        Leave other axes at length 1.
    indexing : {"xy", "ij"}, default "xy"
    **kwargs
        Unknown ones are an error.
    """
    if "copy" in kwargs:
        # Dask refuses this with the same class
        raise NotImplementedError("`copy` not supported")
    if kwargs:
        raise TypeError("unsupported keyword argument(s) provided")
    if indexing not in ("ij", "xy"):
        raise ValueError("`indexing` must be `'ij'` or `'xy'`")
    from dusk.array.core import broadcast_arrays

    arrays = [asarray(x).flatten() for x in xi]
    if indexing == "xy" and len(arrays) > 1:
        arrays[0], arrays[1] = arrays[1], arrays[0]
    grids: Any = [x[tuple(slice(None) if i == j else None for j in range(len(arrays)))] for i, x in enumerate(arrays)]
    if not sparse:
        grids = list(broadcast_arrays(*grids))
    if indexing == "xy" and len(grids) > 1:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def _called(start: Any, shape: Any, func: Any, dtype: Any, kwargs: dict[str, Any]) -> Any:
    grids = np.meshgrid(
        *[np.arange(s, s + n, dtype=dtype) for s, n in zip(start, shape, strict=True)], indexing="ij", copy=False
    )
    return np.asarray(func(*grids, **kwargs))


def fromfunction(func: Any, chunks: Any = "auto", shape: Any = None, dtype: Any = None, **kwargs: Any) -> Array:
    """Return an array of a function of the positions, as `numpy.fromfunction`.

    Parameters
    ----------
    func : callable
        Gets an array of positions for each axis.
    chunks : int, tuple or str, default "auto"
    shape : tuple of int
    dtype : dtype, optional
        Type of the positions.
    **kwargs
        More for the function.
    """
    dtype = dtype or float
    chunks = normalize_chunks(chunks, shape, dtype=np.dtype(dtype))
    out = np.asarray(func(*[np.zeros((1,) * len(shape), dtype=dtype) for _ in shape], **kwargs)).dtype
    meta = np.empty((0,) * len(shape), dtype=out)
    return positioned(_called, chunks, meta, func, np.dtype(dtype), kwargs, prefix=funcname(func))


class _Diagonal:
    """A block of a matrix with a vector on its diagonal."""

    __slots__ = ("chunks",)

    def __init__(self, chunks: Any) -> None:
        self.chunks = chunks

    def __call__(self, index: tuple[int, int], v: Any) -> Any:
        row, column = index
        if row == column:
            return np.diag(v)
        return np.zeros_like(v, shape=(self.chunks[row], self.chunks[column]))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Diagonal, (self.chunks,))


def diag(v: Any, k: int = 0) -> Array:
    """Return the matrix with a vector on its diagonal, or the diagonal of a matrix, as `numpy.diag`.

    Parameters
    ----------
    v : array_like
    k : int, default 0
        Which diagonal.
    """
    if not isinstance(v, (np.ndarray, Array)) and not hasattr(v, "__array_function__"):
        raise TypeError(f"v must be a dask array or numpy array, got {type(v)}")
    v = asanyarray(v)
    if v.ndim == 2:
        return diagonal(v, k)
    if v.ndim != 1:
        raise ValueError("Array must be 1d or 2d only")
    if k == 0:
        v, _ = fitting([sized(v)] * 2, ["i", "j"], "ij", v.dtype.itemsize)
        lengths = v.chunks[0]
        meta = meta_from_array(v, 2, dtype=v.dtype)
        return block_call(
            _Diagonal(lengths),
            [(v, [0])],
            (lengths, lengths),
            meta,
            prefix="diag",
            indexed=True,
            args=[Slot(0), Slot(1)],
        )
    from dusk.array.creation import pad

    # the diagonal is moved by zeros before the columns or before the rows
    return pad(diag(v), ((0, k), (k, 0)) if k > 0 else ((-k, 0), (0, -k)))


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Return a diagonal, as `numpy.diagonal`.

    Parameters
    ----------
    a : array_like
    offset : int, default 0
        Which diagonal.
    axis1, axis2 : int
        The axes of the planes whose diagonals are taken. They go, and an axis along the diagonal comes last.
    """
    a = asanyarray(a)
    if a.ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    for axis in (axis1, axis2):
        if not -a.ndim <= axis < a.ndim:
            raise np.exceptions.AxisError(axis, a.ndim)
    axis1, axis2 = axis1 % a.ndim, axis2 % a.ndim
    if axis1 == axis2:
        raise ValueError("axis1 and axis2 cannot be the same")
    order = [i for i in range(a.ndim) if i not in (axis1, axis2)]
    a = a.transpose([*order, axis1, axis2])
    a = sized(a, [-2, -1])
    rows, columns = a.shape[-2:]
    first_row, first_column = max(-offset, 0), max(offset, 0)
    length = max(min(rows - first_row, columns - first_column), 0)
    if length == 0:
        return a[..., :0, 0] if columns else a[..., :0].reshape((*a.shape[:-2], 0))
    from dusk.array.core import concatenate

    a = a[..., first_row : first_row + length, first_column : first_column + length]
    # rows and columns cut alike: only the blocks on the diagonal are read
    cuts = tuple(sorted({*np.cumsum(a.chunks[-2]).tolist(), *np.cumsum(a.chunks[-1]).tolist()}))
    starts = (0, *cuts[:-1])
    pieces = [
        a[..., start:stop, start:stop].rechunk({a.ndim - 2: -1, a.ndim - 1: -1})
        for start, stop in zip(starts, cuts, strict=True)
    ]
    found = [
        piece.map_blocks(
            _on_diagonal,
            dtype=a.dtype,
            meta=meta_from_array(a, a.ndim - 1),
            drop_axis=[a.ndim - 1],
            chunks=[*piece.chunks[:-2], (piece.shape[-1],)],
        )
        for piece in pieces
    ]
    return concatenate(found, axis=-1)


def _on_diagonal(x: Any) -> Any:
    return np.diagonal(x, axis1=-2, axis2=-1).copy()


@derived_from(np)
def tril_indices(n: int, k: int = 0, m: int | None = None, chunks: Any = "auto") -> tuple[Array, ...]:
    from dusk.array._choice import nonzero

    return nonzero(tri(n, m, k=k, dtype=bool, chunks=chunks))


@derived_from(np)
def triu_indices(n: int, k: int = 0, m: int | None = None, chunks: Any = "auto") -> tuple[Array, ...]:
    from dusk.array._choice import nonzero

    return nonzero(~tri(n, m, k=k - 1, dtype=bool, chunks=chunks))


@derived_from(np)
def tril_indices_from(arr: Any, k: int = 0) -> tuple[Array, ...]:
    return _of_matrix(tril_indices, arr, k)


@derived_from(np)
def triu_indices_from(arr: Any, k: int = 0) -> tuple[Array, ...]:
    return _of_matrix(triu_indices, arr, k)


def _of_matrix(function: Any, arr: Any, k: int) -> tuple[Array, ...]:
    if arr.ndim != 2:
        raise ValueError("input array must be 2-d")
    arr = sized(arr) if isinstance(arr, Array) else arr
    chunks = arr.chunks if isinstance(arr, Array) else "auto"
    return function(arr.shape[-2], k=k, m=arr.shape[-1], chunks=chunks)
