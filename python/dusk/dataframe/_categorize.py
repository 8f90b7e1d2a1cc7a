"""Columns made categorical with known categories, and categories of integers made text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe._columns import assign
from dusk.dataframe._fallback import call_node, gather, rowwise
from dusk.dataframe._new import new_collection

__all__ = ["astype_text", "become_text", "categorize"]


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


def become_text(meta: Any, dtypes: list[Any]) -> bool:
    """Whether a cast turns categories that are, or may be, integers into text."""
    columns = list(meta.dtypes) if isinstance(meta, pd.DataFrame) else [meta.dtype]
    return any(
        isinstance(wanted, pd.StringDtype) and isinstance(dtype, pd.CategoricalDtype) and _may_be_integers(dtype)
        for dtype, wanted in zip(columns, dtypes, strict=True)
    )


def _may_be_integers(dtype: pd.CategoricalDtype) -> bool:
    categories = dtype.categories
    if categories is None:
        return True
    return isinstance(categories.dtype, np.dtype) and categories.dtype.kind in "iu"


def astype_text(x: Any, dtypes: Any, meta: Any, kwargs: dict[str, Any]) -> Any:
    """Cast categories of integers to text.

    pandas makes floats of them, so ``"1.0"`` of 1, where any row of the whole column is missing.

    Parameters
    ----------
    x : DataFrame, Series or Index
        What is cast.
    dtypes, kwargs : object, dict
        What pandas' ``astype`` takes.
    meta : pandas object
        What comes out.
    """
    missing = gather(_missing_columns, x.isna(), meta=None, prefix="any", loose=True)
    return rowwise(
        _astype_text, x, missing, dtypes, meta=meta, kwargs=kwargs, prefix="astype", same_rows=True, settled=True
    )


def _missing_columns(mask: Any) -> list[bool]:
    return [bool(found) for found in np.atleast_1d(np.asarray(mask).any(axis=0))]


def _astype_text(part: Any, missing: list[bool], dtypes: Any, **kwargs: Any) -> Any:
    if isinstance(part, pd.DataFrame):
        changed = part.copy(deep=False)
        for position, found in enumerate(missing):
            if found:
                changed.isetitem(position, _in_floats(part.iloc[:, position]))
        return changed.astype(dtypes, **kwargs)
    return (_in_floats(part) if missing[0] else part).astype(dtypes, **kwargs)


def _in_floats(column: Any) -> Any:
    dtype = column.dtype
    if not isinstance(dtype, pd.CategoricalDtype) or not isinstance(dtype.categories.dtype, np.dtype):
        return column
    if dtype.categories.dtype.kind not in "iu":
        return column
    return column.astype(pd.CategoricalDtype(dtype.categories.astype("float64"), dtype.ordered))
