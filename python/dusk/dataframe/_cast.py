"""Arrays of pandas in another dtype, where no value changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.types import infer_dtype

__all__ = ["cast"]


def cast(array: Any, dtype: Any, what: str) -> Any:
    """`array` as `dtype`, when no value changes; `what` names it in the error."""
    source = array.dtype
    if source == dtype:
        return array
    series = pd.Series(array, dtype=source, copy=False)
    try:
        result = _lossless(series, source, dtype)
    except (TypeError, ValueError, OverflowError, pa.ArrowException):
        result = None
    if result is None:
        raise ValueError(
            f"{what} of the computed data has dtype {source}, but the provided metadata says {dtype}, "
            "and the values can't be converted without loss; give the right dtypes with meta="
        )
    return result._values


def _lossless(series: pd.Series, source: Any, dtype: Any) -> pd.Series | None:
    missing = series.isna()
    holds_missing = not (isinstance(dtype, np.dtype) and dtype.kind in "biu")
    if holds_missing and missing.all() and source == np.dtype(object):
        return pd.Series([None] * len(series), dtype=dtype)
    if isinstance(dtype, pd.StringDtype):
        if isinstance(source, pd.StringDtype) or infer_dtype(series, skipna=True) == "string":
            return series.astype(dtype)
        return None
    if isinstance(dtype, pd.CategoricalDtype):
        if not isinstance(source, pd.CategoricalDtype) or source.ordered != dtype.ordered:
            return None
        result = series.astype(dtype)
        return result if (result.isna() == missing).all() else None
    kinds = (_kind(source), _kind(dtype))
    if kinds in {("i", "i"), ("u", "u"), ("u", "i"), ("i", "u"), ("i", "f"), ("u", "f"), ("f", "f"), ("b", "b")} or (
        kinds in {("M", "M"), ("m", "m")} and getattr(source, "tz", None) == getattr(dtype, "tz", None)
    ):
        result = series.astype(dtype)
        back = result.astype(source)
        same = (back == series) | (missing & result.isna())
        return result if bool(same.all()) else None
    return None


def _kind(dtype: Any) -> str:
    kind = getattr(dtype, "kind", "O")
    return kind if isinstance(kind, str) else "O"
