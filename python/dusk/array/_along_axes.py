"""Functions of users along axes, choices among several arrays, and flat and many-dimensional positions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dusk._collection import is_dusk_collection
from dusk._derive import derived_from
from dusk.array import chunk
from dusk.array._array import Array
from dusk.array._block_calls import Slot, block_call
from dusk.array._choice import where
from dusk.array._chunks import unify_chunks, without_empty_chunks
from dusk.array._elemwise import elemwise
from dusk.array._from_array import asarray
from dusk.array._lengths import sized
from dusk.array._map_blocks import map_blocks
from dusk.array._reduction import validate_axis
from dusk.utils import funcname

__all__ = [
    "aligned_coarsen_chunks",
    "apply_along_axis",
    "apply_over_axes",
    "coarsen",
    "piecewise",
    "ravel_multi_index",
    "select",
    "unravel_index",
]


def _along(block: Any, function: Any, axis: int, args: Any, kwargs: Any) -> Any:
    return np.apply_along_axis(function, axis, block, *args, **kwargs)


@derived_from(np)
def apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, dtype: Any = None, shape: Any = None, **kwargs: Any
) -> Array:
    arr = asarray(arr)
    axis = validate_axis(axis, arr.ndim)
    arr = without_empty_chunks(sized(arr, [axis]))  # NumPy's function refuses a block without elements
    if shape is None or dtype is None:
        tried = np.asarray(func1d(np.ones(arr.shape[axis], dtype=arr.dtype), *args, **kwargs))
        shape = tried.shape if shape is None else shape
        dtype = tried.dtype if dtype is None else dtype
    shape = tuple(shape)
    arr = arr.rechunk({axis: -1})
    picks: list[Any] = [i if i < axis else i + len(shape) - 1 for i in range(arr.ndim)]
    picks[axis] = ("at", 0)
    chunks = [*arr.chunks[:axis], *((n,) for n in shape), *arr.chunks[axis + 1 :]]
    return block_call(
        _along,
        [(arr, picks)],
        chunks,
        np.empty((0,) * len(chunks), dtype=dtype),
        args=[Slot(0), func1d, axis, args, kwargs],
        prefix=f"{funcname(func1d)}-along-axis",
        library=False,
    )


@derived_from(np)
def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Array:
    a = asarray(a)
    axes = tuple(axes) if np.ndim(axes) else (axes,)
    result = a
    for axis in validate_axis(axes, a.ndim):
        result = apply_along_axis(func, axis, result, 0)
        if result.ndim == a.ndim - 1:
            result = result[(*((slice(None),) * axis), np.newaxis)]
        elif result.ndim != a.ndim:
            raise ValueError("func must either preserve dimensionality of the input or reduce it by one.")
    return result


def aligned_coarsen_chunks(chunks: Sequence[int], multiple: int) -> tuple[int, ...]:
    """Return lengths near those given that are multiples of a number, but for what is left at the end.

    What exceeds the multiples goes to the chunks that weren't multiples, the smallest ones first.

    Examples
    --------
    >>> aligned_coarsen_chunks((20, 10, 15, 23, 24), multiple=10)
    (20, 10, 20, 20, 20, 2)
    """
    over = [length % multiple for length in chunks]
    whole = [length - extra for length, extra in zip(chunks, over, strict=True)]
    count, rest = divmod(sum(over), multiple)
    for i in sorted(range(len(whole)), key=lambda i: (over[i] == 0, whole[i]))[:count]:
        whole[i] += multiple
    return tuple(int(length) for length in (*whole, rest) if length)


def coarsen(
    reduction: Callable[..., Any], x: Any, axes: dict[int, int], trim_excess: bool = False, **kwargs: Any
) -> Array:
    """Reduce groups of neighbouring elements to one each.

    Parameters
    ----------
    reduction : callable
        ``reduction(array, axis=)``, such as `numpy.sum`.
    x : Array
    axes : dict
        How many neighbours along which axis.
    trim_excess : bool, default False
        Leave out elements at the end that don't fill a group.
    **kwargs
        More for the reduction.

    Raises
    ------
    ValueError
        If groups don't fill an axis and ``trim_excess`` is False.
    """
    x = asarray(x)
    steps = {validate_axis(axis, x.ndim): int(step) for axis, step in axes.items()}
    if any(step < 1 for step in steps.values()):
        raise ValueError(f"Coarsening factors must be positive, got {axes}.")
    x = sized(x, steps)
    if not trim_excess and any(x.shape[axis] % step for axis, step in steps.items()):
        raise ValueError(f"Coarsening factors {axes} do not align with array shape {x.shape}.")
    if (getattr(reduction, "__module__", None) or "").split(".")[0] in ("dusk", "dask"):
        reduction = getattr(np, reduction.__name__)
    x = x.rechunk({axis: aligned_coarsen_chunks(x.chunks[axis], step) for axis, step in steps.items()})
    chunks = [tuple(n // steps.get(i, 1) for n in lengths) for i, lengths in enumerate(x.chunks)]
    tried = reduction(np.ones((1,) * (2 * x.ndim), dtype=x.dtype), axis=tuple(range(1, 2 * x.ndim, 2)), **kwargs)
    return block_call(
        chunk.coarsen,
        [(x, list(range(x.ndim)))],
        chunks,
        np.empty((0,) * x.ndim, dtype=np.asarray(tried).dtype),
        args=[reduction, Slot(0), steps, trim_excess],
        kwargs=kwargs,
        prefix="coarsen",
        library=False,
    )


class _Select:
    """Calls `numpy.select` with conditions, then choices, then the default."""

    __slots__ = ("__name__", "count")

    def __init__(self, count: int) -> None:
        self.count = count
        self.__name__ = "select"

    def __call__(self, *args: Any) -> Any:
        conditions = [np.asarray(each) for each in args[: self.count]]
        return np.select(conditions, list(args[self.count : -1]), args[-1])

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-select", self.count)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Select, (self.count,))


@derived_from(np)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Array:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if len(condlist) == 0:
        raise ValueError("select with an empty condition list is not possible")
    conditions = [asarray(each) for each in condlist]
    for i, each in enumerate(conditions):
        if each.dtype != bool:
            raise TypeError(f"invalid entry {i} in condlist: should be boolean ndarray")
    # plain numbers stay so, as they don't widen the type of the others
    choices = [each if type(each) in (int, float, complex) else asarray(each) for each in choicelist]
    small = [np.ones(1, each.dtype) if isinstance(each, Array) else each for each in choices]
    try:
        dtype = np.select([np.ones(1, bool)] * len(small), small, default).dtype
    except TypeError as error:
        raise TypeError("Choicelist elements do not have a common dtype.") from error
    if dtype.kind in "biufc":
        result = _as_type(default, dtype)
        for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
            result = where(condition, _as_type(choice, dtype), result)
        return result
    return elemwise(_Select(len(conditions)), *conditions, *choices, default, dtype=dtype)


def _as_type(value: Any, dtype: Any) -> Any:
    return value.astype(dtype) if hasattr(value, "astype") else np.asarray(value).astype(dtype)[()]


def _piecewise(x: Any, *conditions: Any, funclist: Any, func_args: Any, func_kw: Any) -> Any:
    return np.piecewise(x, list(conditions), funclist, *func_args, **func_kw)


@derived_from(np)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Array:
    x = asarray(x)
    if isinstance(condlist, Array) and condlist.ndim == x.ndim:
        condlist = [condlist]
    conditions = [asarray(each) for each in condlist]
    pairs = [[each, range(each.ndim)] for each in (x, *conditions) if each.ndim == x.ndim]
    cut = iter(unify_chunks(*itertools.chain(*pairs), warn=False)[1])
    x, *conditions = [next(cut) if each.ndim == x.ndim else each for each in (x, *conditions)]
    return map_blocks(
        _piecewise, x, *conditions, dtype=x.dtype, token="piecewise", funclist=funclist, func_args=args, func_kw=kw
    )


class _Flat:
    """Calls `numpy.ravel_multi_index` with one array for each axis."""

    __slots__ = ("__name__", "dims", "mode", "order")

    def __init__(self, dims: tuple[int, ...], mode: Any, order: str) -> None:
        self.dims, self.mode, self.order = dims, mode, order
        self.__name__ = "ravel_multi_index"

    def __call__(self, *indices: Any) -> Any:
        return np.ravel_multi_index(indices, self.dims, mode=self.mode, order=self.order)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-ravel-multi-index", self.dims, self.mode, self.order)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Flat, (self.dims, self.mode, self.order))


@derived_from(np)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Array:
    dims = (dims,) if np.isscalar(dims) else dims
    if is_dusk_collection(dims) or any(is_dusk_collection(each) for each in dims):
        raise NotImplementedError(f"Dask types are not supported in the `dims` argument: {dims!r}")
    dims = tuple(int(each) for each in dims)
    if hasattr(multi_index, "shape"):
        whole = asarray(multi_index)
        if len(whole.shape) and whole.shape[0] != whole.shape[0]:
            # the engine finds out whether there are as many rows as lengths in `dims`
            return block_call(
                _flat_of_rows,
                [(whole, [None, *range(whole.ndim - 1)])],
                whole.chunks[1:],
                np.empty((0,) * (whole.ndim - 1), dtype=np.intp),
                args=[Slot(0), dims, mode, order],
                prefix="ravel-multi-index",
            )
        known = whole.ndim and whole.shape[0] == len(dims)
        indices = [whole[i] for i in range(len(dims))] if known else []
    else:
        indices = [asarray(each) for each in multi_index]
    if len(indices) != len(dims):
        raise ValueError(f"parameter multi_index must be a sequence of length {len(dims)}")
    unknown = [each for each in indices if any(n != n for n in each.shape)]
    if unknown and any(each.chunks != unknown[0].chunks for each in indices if each.ndim):
        raise ValueError("Arrays' chunk sizes are unknown and may differ: use x.compute_chunk_sizes() on each")
    if any(each.dtype.kind not in "iu" for each in indices):
        raise TypeError("only int indices permitted")
    return elemwise(_Flat(dims, mode, order), *indices, dtype=np.dtype(np.intp))


def _flat_of_rows(rows: Any, dims: Any, mode: Any, order: str) -> Any:
    whole = np.concatenate([np.asarray(row) for row in rows])
    return np.asarray(np.ravel_multi_index(tuple(whole), dims, mode=mode, order=order))


def _unravelled(block: Any, shape: Any, order: str) -> Any:
    return np.stack(np.unravel_index(block, shape, order=order))


@derived_from(np)
def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[Array, ...]:
    indices = asarray(indices)
    shape = (int(shape),) if np.isscalar(shape) else tuple(shape)
    if not shape or indices.size == 0:
        return tuple(asarray(np.empty(indices.shape, dtype=np.intp)) for _ in shape)
    places = indices.map_blocks(
        _unravelled,
        shape=shape,
        order=order,
        dtype=np.dtype(np.intp),
        chunks=((len(shape),), *indices.chunks),
        new_axis=0,
    )
    return tuple(places[i] for i in range(len(shape)))
