"""Columns made categorical with known categories."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dusk.dataframe._columns import assign
from dusk.dataframe._fallback import call_node, rowwise
from dusk.dataframe._new import new_collection

__all__ = ["categorize"]


def _categories(part: Any) -> pd.Index:
    values = part.astype("category")
    return values.categories if isinstance(values, pd.CategoricalIndex) else values.cat.categories


def _index_as(part: pd.DataFrame, dtype: pd.CategoricalDtype) -> pd.DataFrame:
    return part.set_axis(part.index.astype(dtype), axis=0)


def _is_text(dtype: Any) -> bool:
    return isinstance(dtype, pd.StringDtype) or pd.api.types.is_object_dtype(dtype)


def _unknown(x: Any) -> bool:
    dtype = x.dtype
    return isinstance(dtype, pd.CategoricalDtype) and (dtype.categories is None or x._loose)


def categorize(frame: Any, columns: Any, index: bool | None, kwargs: dict[str, Any]) -> Any:
    """Give a DataFrame whose columns are categorical with known categories."""
    from dusk.base import compute

    meta = frame._meta
    if columns is None:
        labels = [label for label, dtype in meta.dtypes.items() if _is_text(dtype) or _unknown(frame[label])]
    elif isinstance(columns, list | tuple | pd.Index):
        labels = list(columns)
    else:
        labels = [columns]
    labels = [
        label
        for label in labels
        if not (isinstance(meta[label].dtype, pd.CategoricalDtype) and not _unknown(frame[label]))
    ]
    if index is None:
        index = columns is None and _is_text(meta.index.dtype)
    if isinstance(meta.index, pd.CategoricalIndex):
        index = False
    wanted = [frame[label] for label in labels] + ([frame.index] if index else [])
    if not wanted:
        return frame
    nodes = [call_node(_categories, [x._node], None, mode="gather", prefix="categories", divisions=1) for x in wanted]
    found = compute(*(new_collection(node) for node in nodes), **kwargs)
    result = frame
    if labels:
        values = [frame[label].astype(pd.CategoricalDtype(categories)) for label, categories in zip(labels, found)]
        result = assign(result, labels, values)
    if index:
        result = rowwise(_index_as, result, pd.CategoricalDtype(found[-1]), prefix="categorize")
    return result
