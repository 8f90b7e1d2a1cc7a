"""Functions on partitions that also see some rows of their neighbours.

The rows before a partition are handed along from partition to partition, those after it from the other end, so a window
may reach over any number of small or empty partitions, and no task holds more than its own partition and its window.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dusk import _core
from dusk.dataframe import _align
from dusk.dataframe._calls import Call, split
from dusk.dataframe._fallback import call_node, infer, loosen, written_out
from dusk.dataframe._meta import make_meta, no_default
from dusk.dataframe._new import new_collection

__all__ = ["map_overlap"]


class _Edge:
    """The rows that the next partition may need: those handed on so far and those of this one.

    Parameters
    ----------
    by : int or timedelta
        How many rows, or what span of the index.
    first : bool
        The first rows of what comes after, in place of the last ones of what came before.
    """

    __slots__ = ("by", "first")

    def __init__(self, by: Any, first: bool) -> None:
        self.by = by
        self.first = first

    def __call__(self, *parts: Any) -> Any:
        rows = _joined(parts)
        if isinstance(self.by, int):
            return rows.iloc[: self.by] if self.first else rows.iloc[len(rows) - min(self.by, len(rows)) :]
        if not len(rows):
            return rows
        if self.first:
            return rows.iloc[: rows.index.searchsorted(rows.index[0] + self.by, side="right")]
        return rows.iloc[rows.index.searchsorted(rows.index[-1] - self.by, side="left") :]

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-edge", self.by, self.first)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Edge, (self.by, self.first))


def _joined(parts: Sequence[Any]) -> Any:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled) if len(filled) > 1 else (filled or parts)[0]


class _Overlapping:
    """Calls a function on pieces with rows around them, and cuts its result back to the first piece's own rows.

    Parameters
    ----------
    call : Call
        The function with its arguments.
    before, after : int, timedelta or None
        How far a piece reaches.
    layout : tuple of (bool, bool) or None
        For each input whether rows before and after it come with it; None for one that is handed on as it is.
    """

    __slots__ = ("after", "before", "call", "layout")

    def __init__(self, call: Call, before: Any, after: Any, layout: tuple[tuple[bool, bool] | None, ...]) -> None:
        self.call = call
        self.before = before
        self.after = after
        self.layout = layout

    def __call__(self, *parts: Any) -> Any:
        given = iter(parts)
        inputs = []
        margins: tuple[int, int] | None = None
        for each in self.layout:
            if each is None:
                inputs.append(next(given))
                continue
            earlier = next(given) if each[0] else None
            own = next(given)
            later = next(given) if each[1] else None
            earlier, later = self._within_reach(earlier, own, later)
            pieces = [piece for piece in (earlier, own, later) if piece is not None]
            inputs.append(_joined(pieces))
            if margins is None:
                margins = (0 if earlier is None else len(earlier), 0 if later is None else len(later))
                total = len(inputs[-1])
        result = self.call(*inputs)
        if margins is None or not isinstance(result, pd.DataFrame | pd.Series) or not total or len(result) % total:
            return result
        # A function may give several rows for each.
        times = len(result) // total
        return result.iloc[margins[0] * times : len(result) - margins[1] * times]

    def _within_reach(self, earlier: Any, own: Any, later: Any) -> tuple[Any, Any]:
        """Cut what was handed on to what this piece itself reaches."""
        if not len(own):
            return None, None
        if earlier is not None and not isinstance(self.before, int):
            earlier = earlier.iloc[earlier.index.searchsorted(own.index[0] - self.before, side="left") :]
        if later is not None and not isinstance(self.after, int):
            later = later.iloc[: later.index.searchsorted(own.index[-1] + self.after, side="right")]
        return earlier, later

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-overlapping", self.call, self.before, self.after, self.layout)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Overlapping, (self.call, self.before, self.after, self.layout))


def _reach(by: Any, df: Any) -> Any:
    """Give a reach as a number of rows or a span; None when it is nothing."""
    if isinstance(by, str | datetime.timedelta | np.timedelta64):
        if not isinstance(df._meta.index, pd.DatetimeIndex | pd.TimedeltaIndex):
            raise TypeError("Must have a `DatetimeIndex` when using string offset for `before` and `after`")
        return pd.Timedelta(by)
    if by is not None and (isinstance(by, bool) or not isinstance(by, int | np.integer) or by < 0):
        raise ValueError("before and after must be positive integers")
    return int(by) if by else None


def _edges(parts: Sequence[Any], meta: Any, before: Any, after: Any) -> tuple[list[Any], list[Any]]:
    """Give for each partition the node of the rows before it and that of the rows after it; None at the ends."""

    def handed_on(nodes: list[Any], by: Any, first: bool) -> list[Any]:
        edges: list[Any] = [None] * len(nodes)
        for i in range(1, len(nodes) if by is not None else 0):
            inputs = [nodes[i - 1]] if edges[i - 1] is None else [edges[i - 1], nodes[i - 1]]
            inputs = inputs[::-1] if first else inputs
            edges[i] = call_node(_Edge(by, first), inputs, meta, mode="partition", prefix="edge", divisions=1)
        return edges

    return handed_on(list(parts), before, False), handed_on(list(parts)[::-1], after, True)[::-1]


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
        Takes a pandas object. A result that is as long as what it was given, or so many times as long, is cut back to
        the partition's own rows.
    df : DataFrame or Series
        The collection, or a pandas object.
    before, after : int, timedelta or None
        How many rows, or what span of a time index, of the neighbours each call sees.
    *args, **kwargs
        More for ``func``. Other collections of rows come with their own neighbours' rows.
    meta : pandas object, optional
        What comes out; by default ``func`` is tried on made-up rows.
    enforce_metadata : bool
        What comes out has the dtypes of ``meta``.
    transform_divisions : bool
        Accepted for compatibility.
    clear_divisions : bool
        Forget the divisions.
    align_dataframes : bool
        Bring rows of several collections together by index. Otherwise partition meets partition, and a collection of
        one partition meets them all.

    Returns
    -------
    DataFrame, Series
    """
    from dusk.dataframe.multi import as_collection

    df = as_collection(df)
    args = tuple(as_collection(arg) if isinstance(arg, pd.DataFrame | pd.Series) else arg for arg in args)
    before, after = _reach(before, df), _reach(after, df)
    places, keywords, inputs = split((df, *args), kwargs)
    meta = infer(func, places, keywords, inputs, True) if meta is no_default else make_meta(meta, index=df._meta.index)
    together = _align.bring_together(inputs, broadcast=not align_dataframes, aligned=align_dataframes)
    count = together.npartitions
    columns: list[list[list[Any]]] = []  # for each input, for each partition, the nodes that its call takes
    layouts: list[list[tuple[bool, bool] | None]] = []
    for x, node in zip(inputs, together.nodes):
        if not _align.is_frame_like(x) or node.npartitions != count:
            columns.append([[node]] * count)
            layouts.append([None] * count)
            continue
        parts = [node.partitions([i]) for i in range(count)]
        own_meta = loosen(x._meta) if x._loose else x._meta
        edges = list(zip(*_edges(parts, own_meta, before, after)))
        columns.append([[n for n in (low, own, high) if n is not None] for (low, high), own in zip(edges, parts)])
        layouts.append([(low is not None, high is not None) for low, high in edges])
    loose = any(getattr(x, "_loose", False) for x in inputs) or not enforce_metadata
    promised = loosen(meta) if loose else meta
    call = Call(func, places, keywords, together.checked)
    nodes = [
        call_node(
            _Overlapping(call, before, after, tuple(layout[i] for layout in layouts)),
            [node for column in columns for node in column[i]],
            promised,
            mode="partition",
            prefix="map-overlap",
            user=True,
            divisions=1,
        )
        for i in range(count)
    ]
    bounds = None if clear_divisions else together.divisions
    node = _core.concat(nodes, bounds) if count > 1 else nodes[0].with_divisions(bounds)
    return new_collection(node, meta=written_out(meta), cut=together.cut, loose=loose)
