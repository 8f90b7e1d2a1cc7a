"""Functions on partitions that also see some rows of their neighbours."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe._calls import split
from dusk.dataframe._fallback import call_node, infer, loosen, written_out
from dusk.dataframe._meta import make_meta, no_default
from dusk.dataframe._new import new_collection

__all__ = ["map_overlap"]


class _Overlapping:
    """Calls a function on each piece with rows around it, and cuts its result back."""

    __slots__ = ("after", "args", "before", "function", "kwargs")

    def __init__(
        self, function: Callable[..., Any], before: Any, after: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.function = function
        self.before = before
        self.after = after
        self.args = args
        self.kwargs = kwargs

    def __call__(self, whole: Any, lengths: pd.Series) -> list[Any]:
        ends = [0, *lengths.cumsum().tolist()]
        pieces = []
        for start, end in zip(ends, ends[1:]):
            low = self._reach(whole, start, end, self.before, False)
            high = self._reach(whole, start, end, self.after, True)
            result = self.function(whole.iloc[low:high], *self.args, **self.kwargs)
            same = isinstance(result, pd.DataFrame | pd.Series) and len(result) == high - low
            pieces.append(result.iloc[start - low : len(result) - (high - end)] if same else result)
        return pieces

    def _reach(self, whole: Any, start: int, end: int, by: Any, forward: bool) -> int:
        if by is None:
            return end if forward else start
        if isinstance(by, int | np.integer):
            return min(end + by, len(whole)) if forward else max(start - by, 0)
        if start == end:
            return end if forward else start
        index = whole.index
        by = pd.Timedelta(by)
        if forward:
            return int(index.searchsorted(index[end - 1] + by, side="right"))
        return int(index.searchsorted(index[start] - by, side="left"))

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-overlapping", self.function, self.before, self.after, self.args, self.kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Overlapping, (self.function, self.before, self.after, self.args, self.kwargs))


def map_overlap(
    func: Callable[..., Any],
    df: Any,
    before: Any,
    after: Any,
    *args: Any,
    meta: Any = no_default,
    enforce_metadata: bool = True,
    transform_divisions: bool = True,
    clear_divisions: bool = False,
    align_dataframes: bool = False,
    **kwargs: Any,
) -> Any:
    """Call a function on each partition, with some rows of its neighbours.

    Parameters
    ----------
    func : callable
        Takes a pandas object. A result that is as long as what it was given is cut back to the partition's own rows.
    df : DataFrame or Series
        The collection.
    before, after : int, timedelta or None
        How many rows, or what span of a time index, of the neighbours each call sees.
    *args, **kwargs
        More for ``func``.
    meta : pandas object, optional
        What comes out; by default ``func`` is tried on made-up rows.
    enforce_metadata, transform_divisions, align_dataframes : bool
        Accepted for compatibility.
    clear_divisions : bool
        Forget the divisions.

    Returns
    -------
    DataFrame, Series
    """
    from dusk.dataframe._fallback import _length, _picked

    for by in (before, after):
        if isinstance(by, str | datetime.timedelta | np.timedelta64):
            if not isinstance(df._meta.index, pd.DatetimeIndex | pd.TimedeltaIndex):
                raise TypeError("Must have a `DatetimeIndex` when using string offset for `before` and `after`")
        elif by is not None and (not isinstance(by, int | np.integer) or by < 0):
            raise ValueError("before and after must be positive integers")
    places, keywords, inputs = split((df, *args), kwargs)
    if len(inputs) > 1:
        raise NotImplementedError("map_overlap takes one collection")
    meta = infer(func, places, keywords, inputs, True) if meta is no_default else make_meta(meta, index=df._meta.index)
    lengths = call_node(
        _length, [df._node], pd.Series([], dtype="int64"), mode="partition", prefix="len", divisions=df.npartitions
    )
    call = _Overlapping(func, before, after, tuple(args), kwargs)
    pieces = call_node(call, [df._node, lengths], None, mode="gather", prefix="map-overlap", user=True, divisions=1)
    bounds = None if clear_divisions else df._bounds
    loose = df._loose or not enforce_metadata
    node = _picked(pieces, df.npartitions, loosen(meta) if loose else meta, "map-overlap", bounds or df.npartitions)
    return new_collection(node, meta=written_out(meta), cut=df._cut, loose=loose)
