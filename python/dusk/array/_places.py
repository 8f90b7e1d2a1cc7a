"""Positions of minima and maxima for blocks that the engine doesn't search by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dusk.array._array import Array
from dusk.array._block_calls import Slot, block_call
from dusk.array._host import concatenate_nested
from dusk.array._meta import meta_without_mask
from dusk.array._reduction import _objects, axes_of, reduction

__all__ = ["Places", "with_positions"]


class _Numbered:
    """Gives a block with the positions of its elements along one axis, or in the whole array."""

    __slots__ = ("axis", "shape", "starts")

    def __init__(self, starts: tuple[Any, ...], shape: tuple[int, ...], axis: int | None) -> None:
        self.starts = starts
        self.shape = shape
        self.axis = axis

    def __call__(self, index: tuple[int, ...], x: Any) -> Any:
        if self.axis is not None:
            start = int(self.starts[self.axis][index[self.axis]])
            along = np.arange(start, start + x.shape[self.axis])
            shape = [-1 if i == self.axis else 1 for i in range(x.ndim)]
            return x, np.broadcast_to(along.reshape(shape), x.shape)
        begin = [int(starts[i]) for starts, i in zip(self.starts, index, strict=True)]
        grids = np.ix_(*[np.arange(s, s + n) for s, n in zip(begin, x.shape, strict=True)]) if x.ndim else ()
        flat = np.zeros(x.shape, dtype=np.intp)
        for n, grid in zip(self.shape, grids, strict=True):
            flat = flat * n + grid
        return x, flat

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-numbered", self.shape, self.axis, [list(each) for each in self.starts])


def with_positions(a: Array, axis: int | None) -> Array:
    """Return an array whose blocks are pairs of values and positions."""
    starts = tuple(np.concatenate([[0], np.cumsum(lengths)]) for lengths in a.chunks)
    index = list(range(a.ndim))
    return block_call(
        _Numbered(starts, a.shape, axis), [(a, index)], a.chunks, _objects(a.ndim), prefix="positions", indexed=True
    )


class Places:
    """Steps of a search: parts are the values found and where they are.

    Parameters
    ----------
    op : {"argmin", "argmax", "nanargmin", "nanargmax"}
    """

    __slots__ = ("op",)

    def __init__(self, op: str) -> None:
        self.op = op

    def __dask_tokenize__(self) -> tuple[str, str]:
        return ("dusk-places", self.op)

    def _pick(self, values: Any, places: Any, axes: tuple[int, ...]) -> Any:
        """Return the extreme value and its place, with the axes kept at length 1."""
        if len(axes) == values.ndim and values.ndim != 1:
            shape = (1,) * values.ndim
            values, places = values.reshape(-1), places.reshape(-1)
            found, place = self._pick(values, places, (0,))
            # blocks don't come in the order of the whole array: of equal values the first one counts
            alike = ((values == found) | ((values != values) & (found != found))).astype(bool)  # noqa: PLR0124
            place = np.where(alike, places, np.iinfo(np.intp).max).min(keepdims=True)
            return found.reshape(shape), place.reshape(shape)
        (axis,) = axes
        search = getattr(np, self.op)
        if self.op.startswith("nan") and values.dtype.kind in "fcmM":
            # a part may have nothing but NaN; the whole decides whether that is an error
            missing = np.isnan(values) if values.dtype.kind in "fc" else np.isnat(values)
            fill = (
                values.dtype.type(np.inf if self.op == "nanargmin" else -np.inf) if values.dtype.kind == "f" else None
            )
            if fill is not None:
                at = getattr(np, self.op.removeprefix("nan"))(np.where(missing, fill, values), axis=axis)
                at = np.expand_dims(at, axis)
                hidden = np.take_along_axis(missing, at, axis)
                other = np.expand_dims(np.argmin(missing, axis=axis), axis)
                at = np.where(hidden, other, at)
                return np.take_along_axis(values, at, axis), np.take_along_axis(places, at, axis)
        at = np.expand_dims(search(values, axis=axis), axis)
        return np.take_along_axis(values, at, axis), np.take_along_axis(places, at, axis)

    def chunk(self, pair: Any, axis: Any, keepdims: bool) -> Any:
        values, places = pair
        if any(values.shape[i] == 0 for i in axis):
            shape = tuple(0 if i in axis else n for i, n in enumerate(values.shape))
            return np.empty_like(values, shape=shape), np.empty(shape, dtype=np.intp)
        if isinstance(values, np.ma.MaskedArray):  # as NumPy, which puts the worst value there
            worst = np.ma.minimum_fill_value if "min" in self.op else np.ma.maximum_fill_value
            values = values.filled(worst(values))
        return self._pick(values, places, axis)

    def combine(self, parts: Any, axis: Any, keepdims: bool) -> Any:
        return self.chunk(_members(parts, axis), axis, True)

    def aggregate(self, parts: Any, axis: Any, keepdims: bool) -> Any:
        values, places = self.combine(parts, axis, True)
        if self.op.startswith("nan") and values.dtype.kind in "fc" and np.isnan(values).any():
            raise ValueError("All-NaN slice encountered")
        if keepdims:
            return places
        return places.reshape([n for i, n in enumerate(places.shape) if i not in axis])

    def reduce(self, a: Array, axis: Any, keepdims: bool, split_every: Any) -> Array:
        """Return the places in an array."""
        axes = axes_of(axis, a.ndim)
        flat = axis is None
        meta = meta_without_mask(a._meta, a.ndim if keepdims else a.ndim - len(axes), np.intp)
        return reduction(
            with_positions(a, None if flat else axes[0]),
            self.chunk,
            self.aggregate,
            combine=self.combine,
            axis=axes,
            keepdims=keepdims,
            dtype=np.intp,
            split_every=split_every,
            concatenate=False,
            name=self.op,
            meta=meta,
        )

    @staticmethod
    def by_functions(
        a: Array, chunk: Callable[..., Any], combine: Any, agg: Any, axis: Any, keepdims: bool, split_every: Any
    ) -> Array:
        """Return what functions find that get values and places in Dask's form."""
        axes = axes_of(axis, a.ndim)
        starts = tuple(np.concatenate([[0], np.cumsum(lengths)]) for lengths in a.chunks)
        steps = _Functions(chunk, combine, agg, axis is None, starts, a.shape)
        index = list(range(a.ndim))
        parts = block_call(
            steps.first,
            [(a, index)],
            [(1,) * n if i in axes else c for i, (n, c) in enumerate(zip(a.numblocks, a.chunks, strict=True))],
            _objects(a.ndim),
            args=[Slot(0), Slot(1), axes],
            prefix="arg-chunk",
            indexed=True,
        )
        return reduction(
            parts,
            _same,
            steps.last,
            combine=steps.middle,
            axis=axes,
            keepdims=keepdims,
            dtype=np.intp,
            split_every=split_every,
            concatenate=False,
            name="arg-reduce",
        )


def _same(part: Any, axis: Any, keepdims: bool) -> Any:
    return part


def _members(parts: Any, axes: tuple[int, ...]) -> Any:
    def member(each: Any, level: int, i: int) -> Any:
        return each[i] if level == 0 else [member(one, level - 1, i) for one in each]

    return tuple(concatenate_nested(member(parts, len(axes), i), list(axes)) for i in range(2))


class _Functions:
    """Functions in Dask's form as steps."""

    __slots__ = ("agg", "chunk", "combine", "flat", "shape", "starts")

    def __init__(self, chunk: Any, combine: Any, agg: Any, flat: bool, starts: Any, shape: Any) -> None:
        self.chunk = chunk
        self.combine = combine
        self.agg = agg
        self.flat = flat
        self.starts = starts
        self.shape = shape

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-arg-functions", self.chunk, self.combine, self.agg, self.flat, self.shape)

    def first(self, index: tuple[int, ...], x: Any, axes: tuple[int, ...]) -> Any:
        start = tuple(int(starts[i]) for starts, i in zip(self.starts, index, strict=True))
        info = (start, self.shape) if self.flat else start[axes[0]]
        return self.chunk(x, None if self.flat else axes, info)

    def middle(self, parts: Any, axis: Any, keepdims: bool) -> Any:
        return self.combine(parts, axis=axis, keepdims=True)

    def last(self, parts: Any, axis: Any, keepdims: bool) -> Any:
        return self.agg(parts, axis=axis, keepdims=keepdims)
