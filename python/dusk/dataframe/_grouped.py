"""The parts of group-bys that are pandas' or plain data: keys, the one pandas call, aggregations spelled out."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from dusk.dataframe._base import FrameBase
from dusk.dataframe._fallback import native

__all__ = ["Aggregation", "GroupCall", "Label", "frame_plan", "keys_of", "plain_keys", "series_plan"]


class Label(NamedTuple):
    """A key that is a column of the grouped frame."""

    label: Hashable


#: Keys that pandas reads together with all rows.
_READ_BY_PANDAS = (pd.Grouper, pd.Series, pd.Index, np.ndarray, dict, pd.api.extensions.ExtensionArray)


class _Place(NamedTuple):
    """A key that is the n-th further input of the call."""

    position: int


def keys_of(obj: Any, by: Any) -> list[Any]:
    """Give the keys of a group-by: `Label`, a collection, or something that only pandas knows to read."""
    if isinstance(by, pd.Grouper):
        return [by]
    items = by if isinstance(by, list) else [by]
    keys: list[Any] = []
    for item in items:
        if isinstance(item, FrameBase):
            if isinstance(item._meta, pd.DataFrame):
                raise NotImplementedError(
                    "A DataFrame as a key of a group-by is not supported. Give its columns, or their labels."
                )
            keys.append(_column_of(obj, item) or item)
        elif isinstance(item, Label) or not isinstance(obj._meta, pd.DataFrame):
            keys.append(item)
        elif isinstance(item, Hashable) and not callable(item) and _is_label(obj, item):
            keys.append(Label(item))
        elif callable(item) or isinstance(item, _READ_BY_PANDAS) or _is_level(obj, item):
            keys.append(item)
        else:
            raise KeyError(item)
    return keys


def _is_label(obj: Any, item: Hashable) -> bool:
    try:
        return item in obj._meta.columns
    except TypeError:
        return False


def _is_level(obj: Any, item: Any) -> bool:
    return isinstance(item, Hashable) and item in obj._meta.index.names


def _column_of(obj: Any, series: Any) -> Label | None:
    """Give the label of a key that is a column of what is grouped, which pandas then leaves out of the values."""
    if not isinstance(obj._meta, pd.DataFrame) or not isinstance(series._meta, pd.Series):
        return None
    name = series.name
    if name is None or not _is_label(obj, name) or not obj._meta.columns.is_unique or obj._loose:
        return None
    node = label_node(obj, name)
    return Label(name) if node is not None and node.token == series._node.token else None


def label_node(obj: Any, label: Hashable) -> Any | None:
    """Give a column as a node; None when it isn't native or the label isn't unique."""
    position = obj._meta.columns.get_loc(label)
    if not isinstance(position, int):
        return None
    return native(lambda: obj._node.select([position], "series"), obj)


def plain_keys(keys: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Give keys that hold no collections, and the collections that go into the places among them."""
    plain: list[Any] = []
    collections: list[Any] = []
    for key in keys:
        if isinstance(key, FrameBase):
            plain.append(_Place(len(collections)))
            collections.append(key)
        else:
            plain.append(key)
    return plain, collections


class GroupCall:
    """One pandas group-by over all rows, and a method of it."""

    __slots__ = ("__name__", "args", "is_list", "keys", "kwargs", "method", "options", "selection")

    def __init__(
        self,
        keys: list[Any],
        is_list: bool,
        selection: Any,
        options: dict[str, Any],
        method: str | Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self.keys = keys
        self.is_list = is_list
        self.selection = selection
        self.options = options
        self.method = method
        self.args = args
        self.kwargs = kwargs
        self.__name__ = method if isinstance(method, str) else getattr(method, "__name__", "groupby")

    def __call__(self, obj: Any, *series: Any) -> Any:
        keys = [
            key.label if isinstance(key, Label) else series[key.position] if isinstance(key, _Place) else key
            for key in self.keys
        ]
        by: Any = None
        if keys:
            by = keys if self.is_list or len(keys) > 1 else keys[0]
        grouped = obj.groupby(by, **self.options)
        if self.selection is not None:
            grouped = grouped[self.selection]
        if not isinstance(self.method, str):
            return self.method(grouped, *self.args, **self.kwargs)
        member = getattr(grouped, self.method)
        return member(*self.args, **self.kwargs) if callable(member) else member

    def _state(self) -> tuple[Any, ...]:
        return (self.keys, self.is_list, self.selection, self.options, self.method, self.args, self.kwargs)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        keys = [tuple(key) if isinstance(key, Label | _Place) else key for key in self.keys]
        return ("dusk-group-call", keys, *self._state()[1:])

    def __reduce__(self) -> tuple[Any, ...]:
        return (GroupCall, self._state())


def pandas_class(series: bool) -> type:
    """Give the pandas class of a group-by."""
    from pandas.api.typing import DataFrameGroupBy, SeriesGroupBy

    return SeriesGroupBy if series else DataFrameGroupBy


def itself(grouped: Any) -> Any:
    """Give pandas' group-by itself."""
    return grouped


def group_or_nothing(grouped: Any, key: Any) -> Any:
    """Give the rows of a group; none when there is no such group."""
    try:
        return grouped.get_group(key)
    except KeyError:
        obj = grouped._selected_obj
        return obj.iloc[:0]


# --- aggregations spelled out -----------------------------------------------------------------------------------------


def frame_plan(
    arg: Any, kwargs: dict[str, Any], columns: list[Hashable]
) -> tuple[list[tuple[Hashable, str]], pd.Index] | None:
    """Give (column, aggregation) for each column of a result, and its labels; None when something isn't a name.

    Parameters
    ----------
    arg : str, list, dict or None
        What was given to ``agg``.
    kwargs : dict
        Named aggregations.
    columns : list
        The columns that are aggregated.
    """
    calls: list[tuple[Hashable, str]] = []
    if arg is None:
        labels = []
        for name, spec in kwargs.items():
            if not (isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[1], str)):
                return None
            calls.append((spec[0], spec[1]))
            labels.append(name)
        return (calls, pd.Index(labels)) if calls else None
    if kwargs:
        return None
    if isinstance(arg, str):
        return [(column, arg) for column in columns], pd.Index(columns)
    if isinstance(arg, list):
        if not arg or not all(isinstance(name, str) for name in arg) or any(isinstance(c, tuple) for c in columns):
            return None
        calls = [(column, name) for column in columns for name in arg]
        return calls, pd.MultiIndex.from_tuples(calls)
    if isinstance(arg, dict):
        nested = any(isinstance(value, list) for value in arg.values())
        for column, value in arg.items():
            names = value if isinstance(value, list) else [value]
            if not names or not all(isinstance(name, str) for name in names):
                return None
            calls.extend((column, name) for name in names)
        if not calls:
            return None
        if nested:
            if any(isinstance(column, tuple) for column, _ in calls):
                return None
            return calls, pd.MultiIndex.from_tuples(calls)
        return calls, pd.Index([column for column, _ in calls])
    return None


def series_plan(arg: Any, kwargs: dict[str, Any]) -> tuple[list[str], list[Hashable]] | None:
    """Give the aggregations of a column and the labels of their results; None when something isn't a name."""
    if arg is None:
        if kwargs and all(isinstance(value, str) for value in kwargs.values()):
            return list(kwargs.values()), list(kwargs)
        return None
    if kwargs or not isinstance(arg, list) or not arg or not all(isinstance(name, str) for name in arg):
        return None
    return list(arg), list(arg)


class Aggregation:
    """An aggregation of your own in up to three steps.

    Parameters
    ----------
    name : str
        Its name in the result.
    chunk : callable
        Takes the grouped column of a partition; gives a Series, or a tuple of them.
    agg : callable
        Takes the grouped results of ``chunk``, one argument for each of its Series; gives a Series, or a tuple of them.
    finalize : callable, optional
        Takes the results of ``agg``.
    """

    def __init__(
        self, name: str, chunk: Callable[..., Any], agg: Callable[..., Any], finalize: Callable[..., Any] | None = None
    ) -> None:
        self.chunk = chunk
        self.agg = agg
        self.finalize = finalize
        self.__name__ = name

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-aggregation", self.__name__, self.chunk, self.agg, self.finalize)

    def run(self, grouped: Any) -> Any:
        """Give the result for one grouped column."""
        chunks = self.chunk(grouped)
        chunks = chunks if isinstance(chunks, tuple) else (chunks,)
        levels = list(range(chunks[0].index.nlevels))
        sort = getattr(grouped, "sort", True)
        again = [chunk.groupby(level=levels, sort=sort, observed=True, dropna=False) for chunk in chunks]
        results = self.agg(*again)
        if self.finalize is None:
            return results
        return self.finalize(*results) if isinstance(results, tuple) else self.finalize(results)


def has_aggregation(x: Any) -> bool:
    """Whether an `Aggregation` is among what was given to ``agg``."""
    if isinstance(x, Aggregation):
        return True
    if isinstance(x, dict):
        return any(has_aggregation(value) for value in x.values())
    return isinstance(x, list | tuple) and any(has_aggregation(value) for value in x)


def has_callable(x: Any) -> bool:
    """Whether a function is among what was given to ``agg``."""
    if callable(x):
        return True
    if isinstance(x, dict):
        return any(has_callable(value) for value in x.values())
    return isinstance(x, list | tuple) and any(has_callable(value) for value in x)


def aggregate_with_steps(grouped: Any, arg: Any, kwargs: dict[str, Any]) -> Any:
    """Do what pandas' ``agg`` does, with `Aggregation` among what is asked for."""

    def one(column: Any, what: Any) -> Any:
        return what.run(column) if isinstance(what, Aggregation) else column.agg(what)

    def name_of(what: Any) -> Any:
        return what if isinstance(what, str) else what.__name__

    if isinstance(grouped, pandas_class(True)):
        if isinstance(arg, list):
            return pd.concat({name_of(what): one(grouped, what) for what in arg}, axis=1)
        if arg is None:
            return pd.concat({label: one(grouped, what) for label, what in kwargs.items()}, axis=1)
        return one(grouped, arg)
    if arg is None:
        return pd.concat({label: one(grouped[column], what) for label, (column, what) in kwargs.items()}, axis=1)
    columns = [label for label in grouped._selected_obj.columns if label not in grouped.exclusions]
    if grouped._selection is not None:
        columns = list(grouped._selection)
    wanted = arg if isinstance(arg, dict) else dict.fromkeys(columns, arg)
    nested = any(isinstance(what, list) for what in wanted.values())
    parts: dict[Any, Any] = {}
    for column, what in wanted.items():
        for item in what if isinstance(what, list) else [what]:
            parts[(column, name_of(item)) if nested else column] = one(grouped[column], item)
    return pd.concat(parts, axis=1)


def may_be_missing(
    keys: Sequence[Any], calls: Sequence[tuple[str, dict[str, Any], Any, Hashable]], observed: bool
) -> bool:
    """Whether integers and bools may become something else, since groups have too few values, or none at all."""
    empty = not observed and any(isinstance(_dtype_of(key), pd.CategoricalDtype) for key in keys)
    for name, params, column, _ in calls:
        dtype = None if column is None else column.dtype
        changes = dtype is None or (isinstance(dtype, np.dtype) and dtype.kind in "iub")
        few = params.get("min_count", 0) > 1 and (dtype is None or pd.api.types.is_integer_dtype(dtype))
        if few or (empty and name in ("min", "max", "first", "last") and changes):
            return True
    return False


def _dtype_of(node: Any) -> Any:
    meta = node.meta()
    return meta.dtype if isinstance(meta, pd.Series | pd.Index) else None


def relabelled(part: pd.DataFrame, labels: pd.Index) -> pd.DataFrame:
    """Give a result of aggregations other column labels."""
    return part.set_axis(labels, axis=1)
