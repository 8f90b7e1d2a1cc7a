"""A reduction of any array by functions: one for each block, one for parts that are put together, one for the result.

Covers what the engine doesn't reduce by itself: objects, datetimes, masked and other array types, functions of users.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dusk import config
from dusk.array._array import Array
from dusk.array._block_calls import Slot, block_call
from dusk.array._elemwise import handle_out
from dusk.array._from_array import asanyarray
from dusk.array._meta import compute_meta, meta_from_array
from dusk.utils import funcname, has_keyword

__all__ = ["dtype_for_times", "reduction", "tree_reduce", "validate_axis"]


def dtype_for_times(x: Any, dtype: Any) -> Any:
    """Return the dtype that a sum is asked for; None for lengths of time, of which NumPy takes no other one."""
    return None if dtype is not None and x.dtype.kind == "m" != np.dtype(dtype).kind else dtype


def validate_axis(axis: Any, ndim: int) -> Any:
    """Return axes counted from the first one.

    Raises
    ------
    TypeError
        If an axis isn't an integer.
    numpy.exceptions.AxisError
        If there is no such axis.
    """
    if isinstance(axis, (tuple, list)):
        return tuple(validate_axis(each, ndim) for each in axis)
    if not isinstance(axis, (int, np.integer)):
        raise TypeError("Axis value must be an integer, got %s" % axis)  # noqa: UP031  also for tuples
    if axis < -ndim or axis >= ndim:
        raise np.exceptions.AxisError(int(axis), ndim)
    return int(axis) + ndim if axis < 0 else int(axis)


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes that an ``axis`` argument means, ascending."""
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, (int, np.integer)):
        if not ndim and axis in (0, -1):
            return ()  # as NumPy's reductions of a value
        axis = (axis,)
    axes = validate_axis(tuple(axis), ndim)
    if len(set(axes)) != len(axes):
        raise ValueError("duplicate value in 'axis'")
    return tuple(sorted(axes))


class _Step:
    """Calls a function on the parts of a reduction, put together before or not."""

    __slots__ = ("__name__", "axes", "function", "joined", "keepdims", "kwargs")

    def __init__(
        self, function: Callable[..., Any], axes: tuple[int, ...], keepdims: bool, joined: bool, kwargs: dict[str, Any]
    ) -> None:
        self.function = function
        self.axes = axes
        self.keepdims = keepdims
        self.joined = joined
        self.kwargs = kwargs
        self.__name__ = funcname(function)

    def __call__(self, parts: Any) -> Any:
        if self.joined:
            from dusk.array._host import concatenate_nested

            parts = concatenate_nested(parts, list(self.axes))
        result = self.function(parts, axis=self.axes, keepdims=self.keepdims, **self.kwargs)
        # as NumPy's reductions: what is left of masked elements alone is the masked value
        return result[()] if type(result) is np.ma.MaskedArray and not result.ndim else result

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-reduction", self.function, self.axes, self.keepdims, self.joined, self.kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Step, (self.function, self.axes, self.keepdims, self.joined, self.kwargs))


def _objects(ndim: int) -> Any:
    """Return the meta of parts that stay Python objects."""
    return np.empty((0,) * ndim, dtype=object)


def fan_in(split_every: Any, axes: Sequence[int]) -> dict[int, int]:
    """Return how many neighbours along each axis are merged at once."""
    split_every = split_every or config.get("split_every", 4) or 4
    if isinstance(split_every, dict):
        return {axis: max(int(split_every.get(axis, 2)), 2) for axis in axes}
    if isinstance(split_every, (int, np.integer)) or (isinstance(split_every, float) and split_every.is_integer()):
        if split_every < 2:
            raise ValueError("split_every must be at least 2")
        each = max(int(math.floor(split_every ** (1 / max(len(axes), 1)) + 1e-9)), 2)
        return dict.fromkeys(axes, each)
    raise ValueError("split_every must be a int or a dict")


def reduction(
    x: Any,
    chunk: Callable[..., Any],
    aggregate: Callable[..., Any],
    axis: Any = None,
    keepdims: bool = False,
    dtype: Any = None,
    split_every: Any = None,
    combine: Callable[..., Any] | None = None,
    name: str | None = None,
    out: Any = None,
    concatenate: bool = True,
    output_size: Any = 1,
    meta: Any = None,
    weights: Any = None,
) -> Any:
    """Reduce an array by functions.

    Parameters
    ----------
    x : Array
    chunk : callable
        ``chunk(block, axis, keepdims)``, called on each block.
    aggregate : callable
        ``aggregate(parts, axis, keepdims)``, which makes the result of the parts.
    axis : int or sequence of int, optional
        The axes that are reduced; all by default.
    keepdims : bool, default False
        Keep them with length 1.
    dtype : dtype, optional
        Type of the result.
    split_every : int or dict, optional
        How many parts are put together at once, in all or along each axis.
    combine : callable, optional
        ``combine(parts, axis, keepdims)``, which makes one part of several; ``aggregate`` by default.
    name : str, optional
        The word in the name of the result.
    out : Array, optional
        Becomes the result.
    concatenate : bool, default True
        Concatenate parts before they are given to ``combine`` and ``aggregate``; otherwise these get nested lists.
    output_size : int, default 1
        The length of the result along the axes, if they stay.
    meta : array, optional
        An empty example of a block of the result.
    weights : array_like, optional
        Given to ``chunk`` as ``weights``, broadcast like ``x``.

    Returns
    -------
    Array
    """
    x = asanyarray(x)
    axes = axes_of(axis, x.ndim)
    wanted = np.dtype(dtype) if dtype is not None else None
    extra = {"dtype": wanted} if _computes_in(wanted) and has_keyword(chunk, "dtype") else {}
    inputs: list[tuple[Any, list[Any]]] = [(x, list(range(x.ndim)))]
    kwargs: dict[str, Any] = {"axis": axes, "keepdims": True, **extra}
    if weights is not None:
        from dusk.array.core import broadcast_to

        weights = broadcast_to(asanyarray(weights), x.shape).rechunk(x.chunks)
        inputs.append((weights, list(range(x.ndim))))
        kwargs["weights"] = Slot(1)
    lengths = [tuple(n if i not in axes else 1 for n in axis_) for i, axis_ in enumerate(x.chunks)]
    prefix = name or funcname(chunk)
    parts = block_call(
        chunk, inputs, lengths, _objects(x.ndim), args=[Slot(0)], kwargs=kwargs, prefix=prefix, library=False
    )
    merge = combine or aggregate
    between = {"dtype": wanted} if _computes_in(wanted) and has_keyword(merge, "dtype") else {}
    last = {"dtype": wanted} if _computes_in(wanted) and has_keyword(aggregate, "dtype") else {}
    if meta is None:
        meta = _meta_of(x, chunk, aggregate, axes, keepdims, extra, last, wanted, concatenate)
    step = _Step(merge, axes, True, concatenate, between)
    final = _Step(aggregate, axes, keepdims, concatenate, last)
    return handle_out(out, _merged(parts, step, final, split_every, prefix, output_size, meta, wanted))


def tree_reduce(
    x: Array,
    aggregate: Callable[..., Any],
    axis: Sequence[int],
    keepdims: bool,
    dtype: Any,
    split_every: Any = None,
    combine: Callable[..., Any] | None = None,
    name: str | None = None,
    concatenate: bool = True,
    reduced_meta: Any = None,
) -> Array:
    """Put the blocks of an array together along axes, some at a time: a reduction without its first step.

    Parameters
    ----------
    x : Array
        Its blocks may be any objects.
    aggregate : callable
        ``aggregate(parts, axis, keepdims)``, which makes the result of the parts.
    axis : sequence of int
    keepdims : bool
    dtype : dtype
        Type of the result.
    split_every, combine, name, concatenate
        As for `reduction`.
    reduced_meta : array, optional
        An empty example of a block of the result.

    Returns
    -------
    Array
    """
    axes = axes_of(tuple(axis), x.ndim)
    step = _Step(combine or aggregate, axes, True, concatenate, {})
    final = _Step(aggregate, axes, keepdims, concatenate, {})
    meta = x._meta if reduced_meta is None else reduced_meta
    return _merged(x, step, final, split_every, name or funcname(aggregate), 1, meta, dtype)


def _merged(
    parts: Array, step: _Step, final: _Step, split_every: Any, prefix: str, output_size: Any, meta: Any, dtype: Any
) -> Array:
    """Return what is left of an array when neighbouring blocks are put together until there is one along each axis."""
    axes, ndim = final.axes, parts.ndim
    sizes = [(output_size,) if i in axes else lengths for i, lengths in enumerate(parts.chunks)]
    counts = list(parts.numblocks)
    width = fan_in(split_every, axes)
    while any(counts[axis] > width[axis] for axis in axes):
        picks: list[Any] = [(i, width[i]) if i in axes else i for i in range(ndim)]
        counts = [math.ceil(n / width[i]) if i in axes else n for i, n in enumerate(counts)]
        lengths = [(1,) * counts[i] if i in axes else each for i, each in enumerate(parts.chunks)]
        parts = block_call(step, [(parts, picks)], lengths, _objects(ndim), prefix=f"{prefix}-partial", library=False)
    kept = [i for i in range(ndim) if final.keepdims or i not in axes]
    picks = [None if i in axes else kept.index(i) for i in range(ndim)]
    meta = meta_from_array(meta, ndim=len(kept), dtype=dtype)
    chunks = [sizes[i] for i in kept]
    return block_call(final, [(parts, picks)], chunks, meta, prefix=f"{prefix}-aggregate", library=False)


def _computes_in(dtype: Any) -> bool:
    """Return whether functions are told a dtype; NumPy's refuse units of time."""
    return dtype is not None and dtype.kind not in "mM"


def _meta_of(
    x: Array,
    chunk: Any,
    aggregate: Any,
    axes: tuple[int, ...],
    keepdims: bool,
    extra: dict[str, Any],
    last: dict[str, Any],
    dtype: Any,
    concatenate: bool,
) -> Any:
    """Return an empty example of the result, by trying the functions on an empty block."""
    if type(x._meta) is np.ndarray and dtype is not None:
        return np.empty((0,), dtype=dtype)

    def tried(block: Any) -> Any:
        part = chunk(block, axis=axes, keepdims=True, **extra)
        if not concatenate:
            for _ in axes:
                part = [part]
        return aggregate(part, axis=axes, keepdims=keepdims, **last)

    found = compute_meta(tried, dtype, x._meta)
    if found is not None:
        return found
    # functions such as a maximum have nothing to say about an empty block
    kept = x.ndim if keepdims else x.ndim - len(axes)
    return meta_from_array(x._meta, ndim=kept, dtype=dtype if dtype is not None else x.dtype)
