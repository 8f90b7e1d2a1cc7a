"""Distinct values of an array: `unique`, and the functions that the array API standard makes of it.

Each block tells its distinct values with where each comes first and how often; one task merges what the blocks tell.
Where each element's value stands among the distinct ones is looked up block by block. Lengths need not be known: a
block's counts tell its length. Invariant: results don't depend on the chunks.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._block_calls import block_call
from dusk.array._chunks import is_known
from dusk.array._from_array import asarray

__all__ = ["unique", "unique_all", "unique_counts", "unique_inverse", "unique_values"]


class _Told:
    """What one block tells, or several blocks together: values, first places and counts, as an array of records."""

    __slots__ = ("equal_nan", "merge")

    def __init__(self, merge: bool, equal_nan: bool) -> None:
        self.merge = merge
        self.equal_nan = equal_nan

    def __call__(self, x: Any) -> np.ndarray:
        if not self.merge:
            values, first, counts = np.unique(
                np.asarray(x), return_index=True, return_counts=True, equal_nan=self.equal_nan
            )
            return _records(values, first, counts)
        starts = np.cumsum([0, *(part["count"].sum() for part in x[:-1])])
        first = np.concatenate([part["first"] + start for part, start in zip(x, starts, strict=True)])
        values = np.concatenate([part["value"] for part in x])
        values, at, inverse = np.unique(values, return_index=True, return_inverse=True, equal_nan=self.equal_nan)
        counts = np.zeros(len(values), dtype=np.intp)
        np.add.at(counts, inverse, np.concatenate([part["count"] for part in x]))
        return _records(values, first[at], counts)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-unique-told", self.merge, self.equal_nan)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Told, (self.merge, self.equal_nan))


def _records(values: np.ndarray, first: np.ndarray, counts: np.ndarray) -> np.ndarray:
    records = np.empty(len(values), dtype=_record_type(values.dtype))
    records["value"], records["first"], records["count"] = values, first, counts
    return records


def _record_type(dtype: np.dtype) -> np.dtype:
    return np.dtype([("value", dtype), ("first", np.intp), ("count", np.intp)])


class _Field:
    """One of the things that were told of the distinct values."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, records: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(records[self.name])

    def __dask_tokenize__(self) -> tuple[str, str]:
        return ("dusk-unique-field", self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Field, (self.name,))


class _Whole:
    """One of `numpy.unique`'s results for all blocks together, where values can't be looked up."""

    __slots__ = ("equal_nan", "which")

    def __init__(self, which: int, equal_nan: bool) -> None:
        self.which = which
        self.equal_nan = equal_nan

    def __call__(self, parts: Any) -> Any:
        values = np.concatenate([np.asarray(part) for part in parts])
        return np.unique(values, return_index=True, return_inverse=True, return_counts=True, equal_nan=self.equal_nan)[
            self.which
        ]

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-unique", self.which, self.equal_nan)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Whole, (self.which, self.equal_nan))


def _lookup(block: Any, values: Any) -> np.ndarray:
    return np.searchsorted(values, np.asarray(block))


class _Distinct:
    """The distinct values of an array in the parts that are asked for, each an array of its own."""

    def __init__(self, ar: Any, equal_nan: bool) -> None:
        self.whole = asarray(ar)
        self.flat = self.whole.ravel()
        self.equal_nan = equal_nan
        # Complex numbers with a NaN in one part, and objects, have no order that a search could rely on.
        self.simple = type(self.flat._meta) is np.ndarray and self.flat.dtype.kind in "biufmMSU"

    def _from_all(self, which: int, dtype: Any, length: Any = np.nan) -> Array:
        call = _Whole(which, self.equal_nan)
        return block_call(
            call, [(self.flat, [None])], [(length,)], np.empty((0,), dtype=dtype), prefix="unique-aggregate"
        )

    def _field(self, name: str, dtype: Any) -> Array:
        record = np.empty((0,), dtype=_record_type(self.flat.dtype))
        unknown = (np.nan,) * self.flat.numblocks[0]
        told = block_call(_Told(False, self.equal_nan), [(self.flat, [0])], [unknown], record, prefix="unique")
        merge = _Told(True, self.equal_nan)
        merged = block_call(merge, [(told, [None])], [(np.nan,)], record, prefix="unique-aggregate")
        return block_call(
            _Field(name), [(merged, [0])], [(np.nan,)], np.empty((0,), dtype=dtype), prefix="unique-" + name
        )

    def values(self, alone: bool = False) -> Array:
        """Return the values, in ascending order. Alone they need no counts."""
        if self.simple and not (alone and self.equal_nan):
            return self._field("value", self.flat.dtype)
        if not self.equal_nan:
            return self._from_all(0, self.flat.dtype)
        unknown = (np.nan,) * self.flat.numblocks[0]
        empty = np.empty((0,), dtype=self.flat.dtype)
        told = block_call(np.unique, [(self.flat, [0])], [unknown], empty, prefix="unique")
        return block_call(_Whole(0, True), [(told, [None])], [(np.nan,)], empty, prefix="unique-aggregate")

    def first(self) -> Array:
        """Return where each value comes first."""
        return self._field("first", np.intp) if self.simple else self._from_all(1, np.intp)

    def counts(self) -> Array:
        """Return how often each value comes."""
        return self._field("count", np.intp) if self.simple else self._from_all(3, np.intp)

    def inverse(self) -> Array:
        """Return which value each element is, in the shape of the array."""
        if self.simple and (self.equal_nan or self.flat.dtype.kind not in "fmM"):
            values = self._field("value", self.flat.dtype)
            empty = np.empty((0,), dtype=np.intp)
            inputs = [(self.flat, [0]), (values, [("at", 0)])]
            flat = block_call(_lookup, inputs, [self.flat.chunks[0]], empty, prefix="unique-inverse")
        else:
            flat = self._from_all(2, np.intp, self.flat.shape[0])
        if self.whole.ndim == 1 or not all(is_known(lengths) for lengths in self.whole.chunks):
            return flat
        return flat.reshape(self.whole.shape)


@derived_from(np)
def unique(ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False) -> Any:
    distinct = _Distinct(ar, equal_nan=True)
    results = [distinct.values(alone=not (return_index or return_inverse or return_counts))]
    if return_index:
        results.append(distinct.first())
    if return_inverse:
        results.append(distinct.inverse())
    if return_counts:
        results.append(distinct.counts())
    return results[0] if len(results) == 1 else tuple(results)


class UniqueAllResult(NamedTuple):
    """What `unique_all` returns."""

    values: Array
    indices: Array
    inverse_indices: Array
    counts: Array


class UniqueCountsResult(NamedTuple):
    """What `unique_counts` returns."""

    values: Array
    counts: Array


class UniqueInverseResult(NamedTuple):
    """What `unique_inverse` returns."""

    values: Array
    inverse_indices: Array


@derived_from(np)
def unique_all(x: Any) -> UniqueAllResult:
    distinct = _Distinct(x, equal_nan=False)
    return UniqueAllResult(distinct.values(), distinct.first(), distinct.inverse(), distinct.counts())


@derived_from(np)
def unique_counts(x: Any) -> UniqueCountsResult:
    distinct = _Distinct(x, equal_nan=False)
    return UniqueCountsResult(distinct.values(), distinct.counts())


@derived_from(np)
def unique_inverse(x: Any) -> UniqueInverseResult:
    distinct = _Distinct(x, equal_nan=False)
    return UniqueInverseResult(distinct.values(), distinct.inverse())


@derived_from(np)
def unique_values(x: Any) -> Array:
    return _Distinct(x, equal_nan=False).values(alone=True)
