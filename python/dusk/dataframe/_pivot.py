"""Tables whose columns come from data: `pivot_table`, `get_dummies`, `crosstab`."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dusk.dataframe._base import FrameBase
from dusk.dataframe._fallback import gather, rowwise
from dusk.dataframe.multi import as_collection

__all__ = ["crosstab", "get_dummies", "pivot_table"]


def pivot_table(x: Any, index: Any, columns: Any, values: Any, aggfunc: Any, kwargs: dict[str, Any]) -> Any:
    """Give a pivot table; with one categorical column its labels are known before it is computed."""
    kwargs = {"index": index, "columns": columns, "values": values, "aggfunc": aggfunc, **kwargs}
    return gather("pivot_table", x, kwargs=kwargs, loose=True, prefix="pivot-table")


def get_dummies(
    data: Any,
    prefix: Any = None,
    prefix_sep: Any = "_",
    dummy_na: bool = False,
    columns: Any = None,
    sparse: bool = False,
    drop_first: bool = False,
    dtype: Any = bool,
    **kwargs: Any,
) -> Any:
    """Give a column of bools for each category of categorical columns; see `pandas.get_dummies`.

    Parameters
    ----------
    data : DataFrame or Series
        Its categorical columns must have known categories, since these are the columns of the result.
    prefix, prefix_sep, dummy_na, columns, sparse, drop_first, dtype : object
        As in pandas.

    Returns
    -------
    DataFrame
    """
    options = {
        "prefix": prefix,
        "prefix_sep": prefix_sep,
        "dummy_na": dummy_na,
        "columns": columns,
        "sparse": sparse,
        "drop_first": drop_first,
        "dtype": dtype,
        **kwargs,
    }
    if not isinstance(data, FrameBase):
        return pd.get_dummies(data, **options)
    meta = data._meta
    if isinstance(meta, pd.Series):
        chosen = [meta]
    else:
        names = columns
        if names is None:
            names = [
                label
                for label, kind in zip(meta.columns, meta.dtypes)
                if isinstance(kind, pd.CategoricalDtype | pd.StringDtype) or pd.api.types.is_object_dtype(kind)
            ]
        chosen = [meta[label] for label in names]
    if not all(isinstance(column.dtype, pd.CategoricalDtype) for column in chosen):
        raise NotImplementedError(
            "`get_dummies` with non-categorical dtypes is not supported. Use `df.categorize()` beforehand to convert "
            "to categorical dtype."
        )
    if any(column.dtype.categories is None for column in chosen) or data._loose:
        raise NotImplementedError(
            "`get_dummies` with unknown categories is not supported. Use `column.cat.as_known()` or `df.categorize()` "
            "beforehand to ensure known categories"
        )
    return rowwise(pd.get_dummies, data, kwargs=options, same_rows=True, prefix="get-dummies")


def crosstab(index: Any, columns: Any, **kwargs: Any) -> Any:
    """Count combinations of values; see `pandas.crosstab`."""
    return gather(pd.crosstab, as_collection(index), as_collection(columns), kwargs=kwargs, loose=True)
