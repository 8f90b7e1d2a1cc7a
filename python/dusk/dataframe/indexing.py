"""`loc`, `iloc` and `partitions`: rows and columns by label and by position, partitions by position."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe import _columns
from dusk.dataframe._base import FrameBase
from dusk.dataframe._fallback import gather, rowwise, spread
from dusk.dataframe._operators import rows_of_array

__all__ = ["ILocIndexer", "LocIndexer", "PartitionIndexer"]


def _at(part: Any, key: Any) -> Any:
    return part.loc[key]


def _at_position(part: Any, key: Any) -> Any:
    return part.iloc[key]


def _with_labels(part: Any, labels: list[Any]) -> Any:
    return part[part.index.isin(labels)]


def _loc_labels(part: Any, labels: list[Any]) -> Any:
    return part.loc[labels]


class _Indexer:
    """Chooses from a Series or DataFrame."""

    __slots__ = ("obj",)

    def __init__(self, obj: Any) -> None:
        self.obj = obj

    @property
    def _is_frame(self) -> bool:
        return isinstance(self.obj._meta, pd.DataFrame)


class LocIndexer(_Indexer):
    """Chooses by label."""

    def __getitem__(self, key: Any) -> Any:
        obj = self.obj
        if isinstance(key, tuple) and self._is_frame and not isinstance(obj._meta.index, pd.MultiIndex):
            if len(key) > 2:
                raise pd.errors.IndexingError("Too many indexers")
            rows, columns = key if len(key) == 2 else (key[0], slice(None))
            if not (isinstance(columns, slice) and columns == slice(None)):
                if callable(columns):
                    columns = columns(obj)
                obj = _columns.choose(obj, lambda row: row.loc[:, columns])
            return LocIndexer(obj)._rows(rows)
        return self._rows(key)

    def _rows(self, key: Any) -> Any:
        obj = self.obj
        if callable(key) and not isinstance(key, FrameBase):
            key = key(obj)
        if isinstance(key, slice) and key == slice(None):
            return obj
        key = rows_of_array(key, obj)
        if isinstance(key, FrameBase):
            if pd.api.types.is_bool_dtype(key._meta.dtype):
                return obj._filtered(key)
            return spread(_at, obj, key, npartitions=obj.npartitions, meta=obj._meta, prefix="loc")
        if isinstance(key, pd.Series) and pd.api.types.is_bool_dtype(key.dtype):
            from dusk.dataframe.io.pandas import from_pandas

            return obj._filtered(from_pandas(key, npartitions=1))
        if isinstance(obj._meta.index, pd.MultiIndex):
            return gather(_at, obj, key, meta=obj._meta, loose=True, prefix="loc")
        if isinstance(key, slice):
            return self._slice(key)
        if isinstance(key, list | np.ndarray | pd.Index | pd.Series):
            labels = list(key)
            if len(labels) and pd.api.types.is_bool_dtype(pd.Index(labels).dtype) and obj._meta.index.dtype != bool:
                return spread(_at, obj, labels, npartitions=obj.npartitions, meta=obj._meta, prefix="loc")
            return self._labels(labels)
        return self._label(key)

    def _label(self, key: Any) -> Any:
        index = self.obj._meta.index
        if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex) and isinstance(key, str):
            # part of a date stands for a span of time
            start, end = (index._maybe_cast_slice_bound(key, side) for side in ("left", "right"))
            if start != end:
                return self._slice(slice(key, key))
            key = start
        return self._labels([key])

    def _labels(self, labels: list[Any]) -> Any:
        obj = self.obj
        source = obj
        if obj.known_divisions and labels:
            try:
                wanted = sorted({self._partition_of(label) for label in labels})
            except TypeError:
                wanted = list(range(obj.npartitions))
            if len(wanted) < obj.npartitions:
                source = obj._take_partitions(wanted)
        found = rowwise(_with_labels, source, labels, meta=obj._meta, prefix="loc")
        result = gather(_loc_labels, found, labels, meta=obj._meta, prefix="loc", loose=obj._loose)
        if obj.known_divisions and labels and not obj._loose:
            try:
                ends = [min(labels), max(labels)]
                result.divisions = tuple(ends)
            except (TypeError, ValueError):
                pass
        return result

    def _partition_of(self, label: Any) -> int:
        divisions = self._comparable()
        return min(max(bisect_right(divisions, _as_bound(label, divisions)) - 1, 0), self.obj.npartitions - 1)

    def _comparable(self) -> list[Any]:
        return list(self.obj.divisions)

    def _slice(self, key: slice) -> Any:
        obj = self.obj
        if key.step not in (None, 1):
            return spread(_at, obj, key, npartitions=obj.npartitions, meta=obj._meta, prefix="loc")
        if not obj.known_divisions:
            # Where labels lie nobody knows, and a slice between labels needs all rows in order.
            return spread(_at, obj, key, npartitions=obj.npartitions, meta=obj._meta, prefix="loc")
        divisions = self._comparable()
        index = obj._meta.index
        start = index._maybe_cast_slice_bound(key.start, "left") if key.start is not None else None
        stop = index._maybe_cast_slice_bound(key.stop, "right") if key.stop is not None else None
        start = start if start is None else _as_bound(start, divisions)
        stop = stop if stop is None else _as_bound(stop, divisions)
        first = 0 if start is None else min(max(bisect_right(divisions, start) - 1, 0), obj.npartitions - 1)
        last = (
            obj.npartitions - 1 if stop is None else min(max(bisect_right(divisions, stop) - 1, 0), obj.npartitions - 1)
        )
        last = max(last, first)
        part = obj if (first, last) == (0, obj.npartitions - 1) else obj._take_partitions(range(first, last + 1))
        new = list(divisions[first : last + 2])
        if start is not None:
            new[0] = max(start, new[0]) if start <= new[-1] else new[0]
        if stop is not None:
            new[-1] = min(stop, new[-1]) if stop >= new[0] else new[-1]
        result = rowwise(_at, part, slice(start, stop), meta=obj._meta, prefix="loc", keep_cut=False)
        if all(a <= b for a, b in zip(new, new[1:])) and not isinstance(index, pd.PeriodIndex):
            result.divisions = tuple(new)
        return result


def _as_bound(value: Any, divisions: list[Any]) -> Any:
    """Give a label in a form that compares with divisions."""
    first = divisions[0]
    if isinstance(first, pd.Timestamp) and not isinstance(value, pd.Timestamp):
        value = pd.Timestamp(value)
    if isinstance(first, pd.Timestamp) and first.tz is not None and value.tz is None:
        return value.tz_localize(first.tz)
    return value


class ILocIndexer(_Indexer):
    """Chooses by position."""

    def __getitem__(self, key: Any) -> Any:
        obj = self.obj
        if isinstance(key, tuple) and self._is_frame:
            if len(key) > 2:
                raise ValueError("Too many indexers")
            rows, columns = key if len(key) == 2 else (key[0], slice(None))
            if not (isinstance(columns, slice) and columns == slice(None)):
                obj = _columns.choose(obj, lambda row: row.iloc[:, columns])
            return ILocIndexer(obj)._rows(rows)
        return self._rows(key)

    def _rows(self, key: Any) -> Any:
        obj = self.obj
        if callable(key):
            key = key(obj)
        if isinstance(key, slice):
            if key == slice(None):
                return obj
            start, stop, step = key.start or 0, key.stop, key.step or 1
            if start == 0 and step == 1 and stop is not None and stop >= 0:
                return obj.head(stop, compute=False)
            if step == 1 and stop is None and start < 0:
                return obj.tail(-start, compute=False)
            return spread(_at_position, obj, key, npartitions=obj.npartitions, meta=obj._meta, prefix="iloc")
        if isinstance(key, int | np.integer):
            if self._is_frame:
                meta = _row_meta(obj._meta)
                return gather(_at_position, obj, int(key), meta=meta, prefix="iloc", loose=True)
            from dusk.dataframe._meta import nonempty_scalar

            return gather(_at_position, obj, int(key), meta=nonempty_scalar(obj._meta.dtype), prefix="iloc")
        if isinstance(key, FrameBase):
            raise NotImplementedError("iloc takes positions, not a collection")
        return gather(_at_position, obj, list(key), meta=obj._meta, prefix="iloc", loose=obj._loose)


def _row_meta(meta: pd.DataFrame) -> pd.Series:
    from dusk.dataframe._meta import meta_nonempty

    return meta_nonempty(meta).iloc[0].iloc[:0]


class PartitionIndexer:
    """Chooses partitions by position."""

    __slots__ = ("frame",)

    def __init__(self, frame: FrameBase) -> None:
        self.frame = frame

    def __getitem__(self, key: Any) -> Any:
        positions = np.arange(self.frame.npartitions)[key if not isinstance(key, tuple) else list(key)]
        return self.frame._take_partitions([int(i) for i in np.atleast_1d(positions)])

    def __len__(self) -> int:
        return self.frame.npartitions

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))
