"""Functions on pandas objects that libraries apply to partitions: parts by label, new columns, concatenation.

Not here: the steps of Dask's own reductions and pivots (``describe_aggregate``, ``pivot_agg``, ...), which have no
counterpart because the engine does them.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from dusk._pandas_compat import PANDAS_GE_300

__all__ = [
    "PANDAS_GE_300",
    "apply",
    "assign",
    "assign_index",
    "boundary_slice",
    "concat",
    "drop_columns",
    "iloc",
    "index_count",
    "loc",
    "nbytes",
    "sample",
    "size",
    "try_loc",
    "unique",
    "values",
]


# --- parts by label ---------------------------------------------------------------------------------------------------


def loc(df: Any, iindexer: Any, cindexer: Any = None) -> Any:
    """Give ``df.loc[iindexer]``, or ``df.loc[iindexer, cindexer]``."""
    return df.loc[iindexer] if cindexer is None else df.loc[iindexer, cindexer]


def try_loc(df: Any, iindexer: Any, cindexer: Any = None) -> Any:
    """Give `loc`, and no rows where a label isn't there."""
    try:
        return loc(df, iindexer, cindexer)
    except KeyError:
        return df.iloc[:0] if cindexer is None else df.iloc[:0].loc[:, cindexer]


def iloc(df: Any, cindexer: Any = None) -> Any:
    """Give the columns at some positions."""
    return df.iloc[:, cindexer]


def boundary_slice(df: Any, start: Any, stop: Any, right_boundary: bool = True, left_boundary: bool = True) -> Any:
    """Give the rows whose index lies between two labels.

    Parameters
    ----------
    df : DataFrame or Series
        The rows; their index need not be sorted.
    start, stop : object or None
        Labels, which need not be there; None leaves that end open.
    right_boundary, left_boundary : bool
        Whether rows at the label itself belong to it.

    Returns
    -------
    DataFrame or Series

    Examples
    --------
    >>> s = pd.Series([10, 20, 30, 40], index=[1, 2, 2, 4])
    >>> boundary_slice(s, 2, 3).to_list()
    [20, 30]
    >>> boundary_slice(s, 1, 4, left_boundary=False, right_boundary=False).to_list()
    [20, 30]
    """
    index = df.index
    if not len(index):
        return df
    if index.is_monotonic_increasing:
        first = 0 if start is None else index.get_slice_bound(start, "left" if left_boundary else "right")
        last = len(index) if stop is None else index.get_slice_bound(stop, "right" if right_boundary else "left")
        return df.iloc[first : max(first, last)]
    wanted = np.ones(len(index), dtype=bool)
    if start is not None:
        wanted &= index >= start if left_boundary else index > start
    if stop is not None:
        wanted &= index <= stop if right_boundary else index < stop
    return df[wanted]


# --- columns and values -----------------------------------------------------------------------------------------------


def apply(df: Any, *args: Any, **kwargs: Any) -> Any:
    """Give ``df.apply(...)``."""
    return df.apply(*args, **kwargs)


def assign(df: pd.DataFrame, *pairs: Any) -> pd.DataFrame:
    """Give the frame with columns set to values: ``assign(df, name, value, name, value)``; ``df`` stays as it was."""
    result = df.copy(deep=False)
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        result[name] = value
    return result


def assign_index(df: Any, ind: Any) -> Any:
    """Give the rows under another index."""
    return df.set_axis(ind, axis=0)


def drop_columns(df: pd.DataFrame, columns: Any, dtype: Any) -> pd.DataFrame:
    """Give the frame without some columns, its columns as an Index of a dtype."""
    rest = df.drop(columns=columns)
    return rest.set_axis(rest.columns.astype(dtype), axis=1)


def index_count(x: Any) -> int:
    """Count what isn't missing."""
    return pd.notna(x).sum()


def nbytes(x: Any) -> int:
    """Give the bytes of the values."""
    return x.nbytes


def size(x: Any) -> int:
    """Count the values."""
    return x.size


def values(df: Any) -> Any:
    """Give the values as NumPy has them."""
    result = df.values
    return np.asarray(result) if isinstance(result, pd.api.extensions.ExtensionArray) else result


def sample(df: Any, state: Any, frac: float, replace: bool) -> Any:
    """Give rows by chance, with the state of a `numpy.random.RandomState`."""
    if not len(df):
        return df
    return df.sample(random_state=np.random.RandomState(state), frac=frac, replace=replace)


def unique(x: Any, series_name: Any = None) -> pd.Series:
    """Give each value once, as a Series."""
    found = x.unique()
    return found if isinstance(found, pd.Series | pd.Index) else pd.Series(found, name=series_name)


# --- concatenation ----------------------------------------------------------------------------------------------------


def concat(
    dfs: Sequence[Any],
    axis: int = 0,
    join: str = "outer",
    uniform: bool = False,
    filter_warning: bool = True,
    ignore_index: bool = False,
    **kwargs: Any,
) -> Any:
    """Concatenate pandas objects as `pandas.concat` does, but keep categoricals whose categories differ.

    Parameters
    ----------
    dfs : sequence of DataFrame, Series or Index
        What is put together.
    axis : {0, 1}
        0 for rows below each other.
    join : {"outer", "inner"}
        Keep all labels of the other axis, or those that all have.
    uniform : bool
        Accepted for compatibility: that all have the same columns and dtypes is seen from them.
    filter_warning : bool
        Don't let pandas warn.
    ignore_index : bool
        Number the rows anew.
    **kwargs
        For `pandas.concat`.

    Returns
    -------
    DataFrame, Series or Index
    """
    parts = list(dfs)
    if len(parts) == 1:
        return parts[0]
    if parts and isinstance(parts[0], pd.Index):
        if all(isinstance(part, pd.CategoricalIndex) for part in parts):
            return pd.CategoricalIndex(union_categoricals(parts), name=parts[0].name)
        return parts[0].append(parts[1:])
    if axis == 0:
        parts = _with_common_categories(parts)
    with warnings.catch_warnings():
        if filter_warning:
            warnings.simplefilter("ignore", FutureWarning)
        return pd.concat(parts, axis=axis, join=join, ignore_index=ignore_index, **kwargs)


def _common(dtypes: list[Any]) -> pd.CategoricalDtype | None:
    """Give the dtype with the categories of all, or None when it takes no other one."""
    if not all(isinstance(dtype, pd.CategoricalDtype) for dtype in dtypes) or len(set(dtypes)) < 2:
        return None
    return union_categoricals([pd.Categorical([], dtype=dtype) for dtype in dtypes]).dtype


def _with_common_categories(parts: list[Any]) -> list[Any]:
    """Give categoricals of the same place, an index or columns of one name, the same categories."""
    if all(isinstance(part.index, pd.CategoricalIndex) for part in parts):
        dtype = _common([part.index.dtype for part in parts])
        if dtype is not None:
            parts = [part.set_axis(part.index.astype(dtype), axis=0) for part in parts]
    if all(isinstance(part, pd.Series) for part in parts):
        dtype = _common([part.dtype for part in parts])
        return parts if dtype is None else [part.astype(dtype) for part in parts]
    frames = [part for part in parts if isinstance(part, pd.DataFrame) and part.columns.is_unique]
    names = {name: None for frame in frames for name in frame.columns}
    dtypes = {name: _common([frame[name].dtype for frame in frames if name in frame.columns]) for name in names}
    dtypes = {name: dtype for name, dtype in dtypes.items() if dtype is not None}
    if not dtypes:
        return parts
    return [
        part.astype({name: dtype for name, dtype in dtypes.items() if name in part.columns})
        if isinstance(part, pd.DataFrame) and part.columns.is_unique
        else part
        for part in parts
    ]
