"""pandas' functions that take a frame or a column."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dusk.dataframe._align import cut_at
from dusk.dataframe._base import FrameBase
from dusk.dataframe._derived import derive
from dusk.dataframe._fallback import gather_aligned, rowwise
from dusk.dataframe._meta import make_meta, no_default
from dusk.dataframe.io.pandas import from_pandas

__all__ = ["isna", "melt", "pivot_table", "repartition", "to_datetime", "to_numeric", "to_timedelta"]


def _options(**options: Any) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not no_default}


def _to_datetime(part: Any, kwargs: dict[str, Any]) -> Any:
    return pd.to_datetime(part, **kwargs)


@derive(pd, signature=False)
def to_datetime(arg: Any, meta: Any = no_default, **kwargs: Any) -> Any:
    if not isinstance(arg, FrameBase):
        return pd.to_datetime(arg, **kwargs)
    if meta is not no_default and meta is not None:
        meta = make_meta(meta, index=arg._meta if isinstance(arg._meta, pd.Index) else arg._meta.index)
        return rowwise(_to_datetime, arg, kwargs, meta=meta, prefix="to-datetime", same_rows=True)
    if isinstance(arg._meta, pd.DataFrame | pd.Index):
        return rowwise(_to_datetime, arg, kwargs, prefix="to-datetime", loose=True, same_rows=True)
    # The unit and the zone come from the values, and one format is guessed from the first of all rows.
    if isinstance(arg._meta.dtype, pd.StringDtype) or arg._meta.dtype == object:
        meta = pd.Series(pd.DatetimeIndex([]).as_unit("us"), index=arg._meta.index, name=arg._meta.name)
        return gather_aligned(_to_datetime, arg, kwargs, meta=meta, prefix="to-datetime", loose=True)
    return rowwise(_to_datetime, arg, kwargs, prefix="to-datetime", same_rows=True)


def _to_numeric(part: Any, errors: str, downcast: str | None) -> Any:
    return pd.to_numeric(part, errors=errors, downcast=downcast)


@derive(pd, signature=False)
def to_numeric(arg: Any, errors: str = "raise", downcast: str | None = None, meta: Any = None) -> Any:
    if not isinstance(arg, FrameBase):
        return pd.to_numeric(arg, errors=errors, downcast=downcast)
    if isinstance(arg._meta, pd.DataFrame):
        raise TypeError("arg must be a list, tuple, dask.array.Array, or dask.dataframe.Series")
    if errors not in ("raise", "coerce"):
        raise ValueError("invalid error value specified")
    if meta is not None:
        meta = make_meta(meta, index=arg._meta.index)
        return rowwise(_to_numeric, arg, errors, downcast, meta=meta, prefix="to-numeric", same_rows=True)
    guess = pd.to_numeric(arg._meta, errors=errors)
    # Integers or floats: that is for all rows together to say.
    return gather_aligned(_to_numeric, arg, errors, downcast, meta=guess, prefix="to-numeric", loose=True)


def _to_timedelta(part: Any, unit: Any, errors: str) -> Any:
    return pd.to_timedelta(part, unit=unit, errors=errors)


@derive(pd, signature=False)
def to_timedelta(arg: Any, unit: Any = None, errors: str = "raise") -> Any:
    if not isinstance(arg, FrameBase):
        return pd.to_timedelta(arg, unit=unit, errors=errors)
    return gather_aligned(
        _to_timedelta,
        arg,
        unit,
        errors,
        prefix="to-timedelta",
        loose=True,
        meta=pd.Series(pd.TimedeltaIndex([]), index=arg._meta.index, name=arg._meta.name),
    )


@derive(pd, signature=False)
def isna(arg: Any) -> Any:
    return arg.isna() if isinstance(arg, FrameBase) else pd.isna(arg)


@derive(pd.DataFrame, signature=False)
def melt(
    frame: Any,
    id_vars: Any = None,
    value_vars: Any = None,
    var_name: Any = None,
    value_name: str = "value",
    col_level: Any = None,
) -> Any:
    return frame.melt(id_vars, value_vars, var_name, value_name, col_level)


@derive(pd.DataFrame, signature=False)
def pivot_table(df: Any, index: Any, columns: Any, values: Any, aggfunc: Any = "mean") -> Any:
    return df.pivot_table(index=index, columns=columns, values=values, aggfunc=aggfunc)


def repartition(df: Any, divisions: Any, force: bool = False) -> Any:
    """Cut a collection, or a pandas object, at some index values.

    Parameters
    ----------
    df : DataFrame, Series or pandas object
        What is cut.
    divisions : sequence
        Where partitions begin, and the last value.
    force : bool
        The divisions may reach beyond the index.

    Returns
    -------
    DataFrame or Series
    """
    if isinstance(df, pd.DataFrame | pd.Series):
        return cut_at(from_pandas(df, npartitions=1), divisions, force=True)
    return cut_at(df, divisions, force=force)
