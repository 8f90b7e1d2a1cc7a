"""Columns: choosing them by label, renaming, dropping, replacing; the index as a collection.

A choice by label is made by pandas itself, on a *ruler*: a frame of one row that holds each column's position under its
label. So every rule of pandas about labels (duplicates, MultiIndex, KeyError texts) holds here too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe._fallback import gather_aligned, native, rowwise
from dusk.dataframe._new import new_collection

__all__ = [
    "assign",
    "choose",
    "columns_at",
    "index_of",
    "relabel",
    "ruler",
    "with_index",
    "with_index_names",
]


def ruler(columns: pd.Index) -> pd.DataFrame:
    """Give a one-row frame that holds the position of each column."""
    return pd.DataFrame(np.arange(len(columns))[None, :], columns=columns)


def _take(part: pd.DataFrame, positions: list[int], columns: pd.Index | None) -> pd.DataFrame:
    taken = part.iloc[:, positions]
    return taken if columns is None else taken.set_axis(columns, axis=1)


def _take_one(part: pd.DataFrame, position: int, name: Any) -> pd.Series:
    column = part.iloc[:, position]
    return column if column.name is name else column.rename(name)


def columns_at(frame: Any, positions: Sequence[int], columns: pd.Index | None = None, origin: Any = None) -> Any:
    """Give some columns of a DataFrame, by position, as a DataFrame.

    Parameters
    ----------
    columns : pandas.Index, optional
        Their labels, where they aren't the old ones.
    """
    positions = list(positions)
    meta = _take(frame._meta, positions, columns)

    def build() -> Any:
        node = frame._node.select(positions, "frame")
        if columns is None:
            return node
        return node.with_labels(list(columns), list(columns.names))

    node = native(build, frame)
    if node is not None:
        return frame._partitionwise(node, meta=meta, origin=origin)
    return rowwise(_take, frame, positions, columns, meta=meta, prefix="getitem")


def column_at(frame: Any, position: int, name: Any, origin: Any = None) -> Any:
    """Give one column of a DataFrame as a Series."""
    meta = _take_one(frame._meta, position, name)

    def build() -> Any:
        node = frame._node.select([position], "series")
        label = frame._meta.columns[position]
        return node if label is name or _equal(label, name) else node.with_labels([name])

    node = native(build, frame)
    if node is not None:
        return frame._partitionwise(node, meta=meta, origin=origin)
    return rowwise(_take_one, frame, position, name, meta=meta, prefix="getitem")


def _equal(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)


def choose(frame: Any, choice: Callable[[pd.DataFrame], Any], origin: Any = None) -> Any:
    """Give the columns that ``choice`` takes from the ruler: a DataFrame or a Series.

    Raises
    ------
    KeyError, IndexError, ...
        As pandas.
    """
    chosen = choice(ruler(frame._meta.columns))
    if isinstance(chosen, pd.DataFrame):
        positions = [int(i) for i in chosen.iloc[0]]
        same = len(positions) == chosen.shape[1] and frame._meta.columns[positions].identical(chosen.columns)
        return columns_at(frame, positions, None if same else chosen.columns, origin)
    return column_at(frame, int(chosen.iloc[0]), chosen.name, origin)


def getitem(frame: Any, key: Any) -> Any:
    """Give ``frame[key]`` for a label or a list of labels."""
    origin = ("{}[{}]", frame, repr(key) if not isinstance(key, pd.Index | np.ndarray) else repr(list(key)))
    columns = frame._meta.columns
    if not isinstance(columns, pd.MultiIndex):
        # The way that nearly all programs take: one label, or a list of them, each of which names one column.
        try:
            if isinstance(key, list | pd.Index | np.ndarray):
                positions = [columns.get_loc(label) for label in key]
                if positions and all(type(position) is int for position in positions):
                    return columns_at(frame, positions, None, origin)
            else:
                position = columns.get_loc(key)
                if type(position) is int:
                    return column_at(frame, position, columns[position], origin)
        except (KeyError, TypeError, pd.errors.InvalidIndexError):
            pass
    return choose(frame, lambda row: row[key], origin)


def _set_columns(part: pd.DataFrame, columns: pd.Index) -> pd.DataFrame:
    return part.set_axis(columns, axis=1)


def _set_name(part: Any, name: Any) -> Any:
    return part.rename(name)


def _shows(node: Any, labels: pd.Index) -> bool:
    """Whether a plan gives an axis of just this kind: it knows labels, and the kind of those that were there before."""
    made = node.meta().columns
    return type(made) is type(labels) and made.dtype == labels.dtype


def relabel(x: Any, labels: pd.Index) -> Any:
    """Give a DataFrame with other column labels."""
    meta = x._meta.set_axis(labels, axis=1)
    node = native(lambda: x._node.with_labels(list(labels), list(labels.names)), x)
    if node is not None and (x._meta.columns.dtype == labels.dtype == "str" or _shows(node, labels)):
        return x._partitionwise(node, meta=meta, origin=("RenameFrame", x))
    return rowwise(_set_columns, x, labels, meta=meta, prefix="rename")


def rename_values(x: Any, name: Any) -> Any:
    """Give a Series or Index with another name."""
    meta = x._meta.rename(name)
    node = native(lambda: x._node.with_labels([name]), x)
    if node is not None:
        return x._partitionwise(node, meta=meta, origin=("RenameSeries", x, f"index={name!r}"))
    return rowwise(_set_name, x, name, meta=meta, prefix="rename", keep_divisions=True)


def _index_names(part: Any, names: list[Any]) -> Any:
    return part.set_axis(part.index.set_names(names), axis=0)


def with_index_names(x: Any, names: Sequence[Any]) -> Any:
    """Give a DataFrame or Series whose index levels have other names."""
    meta = _index_names(x._meta, list(names))
    node = native(lambda: x._node.with_index_names(list(names)), x)
    if node is not None:
        return x._partitionwise(node, meta=meta)
    return rowwise(_index_names, x, list(names), meta=meta, prefix="rename-axis", keep_divisions=True)


def _index(part: Any) -> pd.Index:
    return part.index


def index_of(x: Any) -> Any:
    """Give the index of a DataFrame or Series as a collection."""
    meta = x._meta.index
    origin = ("Index", x)
    if not isinstance(meta, pd.MultiIndex):
        node = native(lambda: x._node.index_values(0, "index"), x)
        if node is not None:
            return x._partitionwise(node, meta=meta, origin=origin)
    result = rowwise(_index, x, meta=meta, prefix="index")
    object.__setattr__(result, "_origin", origin)
    return result


# --- new columns ------------------------------------------------------------------------------------------------------


def _assign(part: pd.DataFrame, labels: list[Any], *values: Any) -> pd.DataFrame:
    part = part.copy(deep=False)
    for label, value in zip(labels, values):
        part[label] = value
    return part


def _is_literal(value: Any) -> bool:
    return value is None or pd.api.types.is_scalar(value)


def assign(frame: Any, labels: Sequence[Any], values: Sequence[Any]) -> Any:
    """Give a DataFrame with columns replaced or appended.

    Parameters
    ----------
    labels : sequence
        Their labels.
    values : sequence
        For each label a Series, an Index, a Scalar, a single value, or something with one value for each row.
    """
    from dusk.dataframe._base import FrameBase
    from dusk.dataframe.index import Index
    from dusk.dataframe.io.pandas import from_pandas
    from dusk.dataframe.scalar import Scalar

    labels, values = list(labels), list(values)
    for i, value in enumerate(values):
        if isinstance(value, pd.Series | pd.DataFrame):
            values[i] = from_pandas(value, npartitions=1, sort=False)
        elif type(value).__module__.startswith("dusk.array"):
            values[i] = value.to_dask_dataframe(index=frame.index)
        if isinstance(values[i], FrameBase) and isinstance(values[i]._meta, pd.DataFrame):
            columns = values[i]._meta.columns
            if len(columns) != 1:
                raise ValueError(f"Cannot set a DataFrame with multiple columns to the single column {labels[i]}")
            values[i] = values[i][columns[0]]

    def is_native(value: Any) -> bool:
        if isinstance(value, Scalar):
            return True
        if isinstance(value, FrameBase):
            return frame._node.same_rows(value._node)
        return _is_literal(value) and not isinstance(frame._meta.columns, pd.MultiIndex)

    if all(is_native(value) for value in values):
        operands = [getattr(value, "_node", value) for value in values]
        node = native(lambda: frame._node.with_columns(labels, operands), frame, *values)
        if node is not None:
            return frame._partitionwise(node, origin=("Assign", frame))
    if any(
        isinstance(value, list | tuple | np.ndarray | pd.Index | pd.api.extensions.ExtensionArray) for value in values
    ):
        # One value for each row of the whole frame: only the rows together can tell which goes where.
        width = [
            i for i, value in enumerate(values) if not isinstance(value, FrameBase | Scalar) and not _is_literal(value)
        ]
        meta = frame._meta.copy()
        for i in width:
            first = values[i][:0] if len(values[i]) else []
            meta[labels[i]] = pd.Series(first, index=meta.index, dtype=getattr(first, "dtype", None))
        result = frame
        for i, (label, value) in enumerate(zip(labels, values)):
            if i in width:
                stand_in = _assign(result._meta, [label], pd.Series(np.asarray(value))[:0].reindex(result._meta.index))
                result = gather_aligned(_assign, result, [label], value, meta=stand_in, prefix="assign")
            else:
                result = assign(result, [label], [value])
        return result
    for value in values:
        # An Index stands for its values, whatever rows they belong to.
        if isinstance(value, Index) and value._cut != frame._cut and value.npartitions != frame.npartitions:
            raise ValueError("an Index of other partitions can't become a column")
    # A column of one partition goes to all partitions of the frame, each of which takes the rows that it has.
    whole = all(
        not isinstance(value, FrameBase) or value._cut == frame._cut or value.npartitions == 1 for value in values
    )
    return rowwise(_assign, frame, labels, *values, broadcast=whole, prefix="assign")


def _under(part: Any, index: Any) -> Any:
    return part.set_axis(index, axis=0)


def with_index(x: Any, index: Any) -> Any:
    """Give a DataFrame or Series whose rows have another index, which has as many rows in each partition."""
    if not hasattr(index, "_cut") or index.npartitions != x.npartitions:
        raise TypeError(
            "an index is set from an Index or Series of the same partitions; for pandas' own objects use map_partitions"
        )
    return rowwise(_under, x, index, prefix="set-axis", aligned=False, keep_divisions=False)


def indexed_like(x: Any, node: Any) -> Any:
    """Wrap a node that holds one value for each row of ``x``."""
    return new_collection(node, cut=x._cut)
