"""Steps of means, variances and central moments for blocks that the engine doesn't reduce by itself.

A part holds the number of elements, their mean and the sums of powers of differences from it, so that parts are merged
without loss of accuracy. Blocks may be of any array type that has NumPy's functions.
"""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np

from dusk.array._host import concatenate_nested
from dusk.array.dispatch import nannumel_lookup, numel_lookup

__all__ = ["Moments", "Pairs"]


def _count(x: Any, axis: Any, keepdims: bool = True) -> Any:
    shape = tuple(1 if i in axis else n for i, n in enumerate(x.shape))
    total = 1
    for i in axis:
        total *= x.shape[i]
    return np.full(shape if keepdims else tuple(n for i, n in enumerate(x.shape) if i not in axis), total)


@numel_lookup.register((object, np.ndarray))
def _numel(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None, **kwargs: Any) -> Any:
    axes = tuple(range(x.ndim)) if axis is None else ((axis,) if isinstance(axis, int) else tuple(axis))
    count = _count(x, axes, keepdims)
    return count if dtype is None else count.astype(dtype)


@numel_lookup.register(np.ma.masked_array)
def _numel_masked(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None, **kwargs: Any) -> Any:
    """Count the elements that aren't masked."""
    return np.sum(~np.ma.getmaskarray(x), axis=axis, keepdims=keepdims, dtype=dtype or np.int64)


@nannumel_lookup.register((object, np.ndarray))
def _nannumel(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None, **kwargs: Any) -> Any:
    # of objects, NaN isn't itself
    known = ~np.isnan(x) if x.dtype.kind != "O" else np.asarray(x == x, dtype=bool)  # noqa: PLR0124
    count = np.sum(known, axis=axis, keepdims=keepdims, dtype=dtype or np.int64)
    # a sparse array of counts has the length of the axes as its fill value, which differs from block to block
    return count.todense() if hasattr(count, "todense") else count


def _flat(parts: Any, axes: tuple[int, ...], depth: int, get: Any) -> Any:
    """Return one array of one member of the parts in nested lists."""

    def member(each: Any, level: int) -> Any:
        return get(each) if level == 0 else [member(one, level - 1) for one in each]

    return concatenate_nested(member(parts, depth), list(axes))


class Pairs:
    """Steps of a mean: parts are a number of elements and their sum."""

    __slots__ = ("dtype", "skipna")

    def __init__(self, skipna: bool, dtype: Any) -> None:
        self.skipna = skipna
        self.dtype = dtype

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-pairs", self.skipna, str(self.dtype))

    def chunk(self, x: Any, axis: Any, keepdims: bool) -> Any:
        count = nannumel_lookup if self.skipna else numel_lookup
        total = np.nansum if self.skipna else np.sum
        return count(x, axis=axis, keepdims=True), total(x, axis=axis, keepdims=True, dtype=self.dtype)

    def combine(self, parts: Any, axis: Any, keepdims: bool) -> Any:
        counts = _flat(parts, axis, len(axis), lambda pair: pair[0])
        totals = _flat(parts, axis, len(axis), lambda pair: pair[1])
        return counts.sum(axis=axis, keepdims=True), totals.sum(axis=axis, keepdims=True)

    def aggregate(self, parts: Any, axis: Any, keepdims: bool) -> Any:
        counts, totals = self.combine(parts, axis, True)
        with np.errstate(divide="ignore", invalid="ignore"):
            result = _divided(totals, counts, self.dtype)
        return result if keepdims else result.reshape([n for i, n in enumerate(result.shape) if i not in axis])


def _divided(totals: Any, counts: Any, dtype: Any) -> Any:
    """Divide sums by counts, as a mean does: times stay times, objects objects."""
    kind = getattr(totals, "dtype", np.dtype(object)).kind
    if kind == "m":
        return totals / counts
    if dtype is not None and np.dtype(dtype).kind in "biu":
        return (totals / counts).astype(dtype)
    if dtype is not None and kind != "O":
        return np.divide(totals, counts, dtype=dtype, casting="unsafe")
    return totals / counts


class Moments:
    """Steps of a central moment: parts are a count, a mean and sums of powers of the differences from it."""

    __slots__ = ("ddof", "dtype", "order", "root", "skipna")

    def __init__(self, order: int, ddof: float, skipna: bool, dtype: Any, root: bool = False) -> None:
        self.order = order
        self.ddof = ddof
        self.skipna = skipna
        self.dtype = dtype
        self.root = root

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-moments", self.order, self.ddof, self.skipna, str(self.dtype), self.root)

    def chunk(self, x: Any, axis: Any, keepdims: bool) -> Any:
        count = nannumel_lookup if self.skipna else numel_lookup
        total = np.nansum if self.skipna else np.sum
        dtype = self.dtype
        if dtype is None and x.dtype.kind in "biu":
            dtype = np.dtype("f8")
        n = count(x, axis=axis, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            # objects have no division by zero
            mean = total(x, axis=axis, keepdims=True, dtype=dtype) / (n if x.dtype.kind != "O" else np.maximum(n, 1))
            diff = x - mean
            if x.dtype.kind == "c" and self.order == 2:
                powers = [total((diff * diff.conj()).real, axis=axis, keepdims=True)]
            else:
                powers = [total(diff**i, axis=axis, keepdims=True, dtype=dtype) for i in range(2, self.order + 1)]
        return (n, mean, *powers)

    def combine(self, parts: Any, axis: Any, keepdims: bool) -> Any:
        members = [_flat(parts, axis, len(axis), lambda part, i=i: part[i]) for i in range(self.order + 1)]
        # what is masked has a count of 0
        masked = any(isinstance(member, np.ma.MaskedArray) for member in members)
        counts, means, *powers = [np.ma.filled(member, 0) for member in members] if masked else members
        n = counts.sum(axis=axis, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            weighted = np.where(counts == 0, 0, means * counts) if means.dtype.kind != "O" else means * counts
            mean = weighted.sum(axis=axis, keepdims=True) / n
            gap = means - mean
            gap = np.where(counts == 0, 0, gap) if gap.dtype.kind != "O" else gap
            merged = []
            for order in range(2, self.order + 1):
                if gap.dtype.kind == "c":
                    shifted = powers[0] + counts * (gap * gap.conj()).real
                else:
                    shifted = powers[order - 2] + counts * gap**order
                    for k in range(1, order - 1):
                        shifted = shifted + comb(order, k) * powers[order - k - 2] * gap**k
                known = np.where(counts == 0, 0, shifted) if shifted.dtype.kind != "O" else shifted
                merged.append(known.sum(axis=axis, keepdims=True))
        if masked:
            mean, *merged = (np.ma.masked_array(member, mask=n == 0) for member in (mean, *merged))
        return (n, mean, *merged)

    def aggregate(self, parts: Any, axis: Any, keepdims: bool) -> Any:
        n, _, *powers = self.combine(parts, axis, True)
        with np.errstate(divide="ignore", invalid="ignore"):
            left = n - self.ddof
            left = np.where(left < 0, np.nan, left)
            result = powers[-1] / left
            if isinstance(result, np.ma.MaskedArray):
                result = np.ma.masked_where(~(left > 0), result)
            if self.root:
                result = np.sqrt(result) if result.dtype != object else result**0.5
        if self.dtype is not None and result.dtype != self.dtype:
            result = result.astype(self.dtype)
        return result if keepdims else result.reshape([n for i, n in enumerate(result.shape) if i not in axis])
