"""pandas' methods that have no native form: one line each, saying how pandas is applied.

======== =============================================================================================================
kind     what happens
======== =============================================================================================================
rows     each partition alone; the result has the same rows and index
part     each partition alone; rows may go or come, the index values stay
moved    each partition alone; the index changes, so divisions are forgotten
all      one call with all rows
ordered  one call with all rows, and the result, which has the same rows, is cut like the input
spread   one call with all rows, and the result is cut into as many partitions
now      computed at once, and the pandas object's method is called: what it gives can't be lazy
======== =============================================================================================================

With ``axis=1`` a method of kind *ordered*, *all* or *spread* works row by row, and so partition by partition.
A ``?`` after the kind says that the dtypes of the result depend on the data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from dusk.dataframe._derived import derive_class, document_like
from dusk.dataframe._fallback import gather, gather_aligned, rowwise, spread

__all__ = ["INDEX_TIME_FIELDS", "INDEX_TIME_METHODS", "TABLE", "install", "partition_memory"]

#: Options of Dask that say how to share the work. dusk needs none of them.
_HINTS = ("split_every", "split_out", "shuffle_method")

_COMMON = {
    "cummax": "ordered",
    "cummin": "ordered",
    "cumprod": "ordered",
    "cumsum": "ordered",
    "diff": "ordered",
    "pct_change": "ordered",
    "ffill": "ordered",
    "bfill": "ordered",
    "interpolate": "ordered?",
    "rank": "ordered",
    "duplicated": "ordered",
    "transform": "ordered?",
    "infer_objects": "ordered?",
    "convert_dtypes": "ordered?",
    "agg": "all?",
    "aggregate": "all?",
    "at_time": "part",
    "between_time": "part",
    "truncate": "spread",
    "first_valid_index": "all?",
    "last_valid_index": "all?",
    "asof": "all?",
    "asfreq": "spread?",
    "reindex": "spread?",
    "reindex_like": "spread?",
    "take": "spread",
    "droplevel": "moved",
    "reorder_levels": "moved",
    "swaplevel": "moved",
    "set_axis": "spread",
    "to_period": "moved",
    "to_timestamp": "moved",
    "tz_convert": "moved",
    "tz_localize": "moved",
    "unstack": "all?",
    "dot": "all",
    "xs": "spread?",
    "add_prefix": "moved",
    "add_suffix": "moved",
    "compare": "all?",
    "equals": "all",
    "to_clipboard": "now",
    "to_dict": "now",
    "to_excel": "now",
    "to_latex": "now",
    "to_markdown": "now",
    "to_numpy": "now",
    "to_pickle": "now",
    "to_xarray": "now",
    "hist": "now",
}

#: pandas' method names, and how each is done.
TABLE: dict[str, dict[str, str]] = {
    "DataFrame": {
        **_COMMON,
        "corrwith": "all",
        "pivot": "all?",
        "stack": "part?",
        "transpose": "all?",
        "update": "now",
        "value_counts": "all",
        "boxplot": "now",
        "to_feather": "now",
        "to_stata": "now",
        "to_xml": "now",
        "to_gbq": "now",
    },
    "Series": {
        **_COMMON,
        "argmax": "all",
        "argmin": "all",
        "argsort": "ordered",
        "factorize": "now",
        "repeat": "spread",
        "searchsorted": "all?",
        "to_list": "now",
        "tolist": "now",
        "view": "rows",
        "swapaxes": "rows",
        "item": "now",
        "to_timestamp": "moved",
        "list": "rows",
    },
    "Index": {
        "argmax": "all",
        "argmin": "all",
        "argsort": "now",
        "append": "now",
        "drop_duplicates": "all",
        "unique": "all",
        "dropna": "part",
        "duplicated": "now",
        "equals": "all",
        "factorize": "now",
        "get_indexer": "now",
        "get_loc": "now",
        "intersection": "now",
        "union": "now",
        "difference": "now",
        "symmetric_difference": "now",
        "join": "now",
        "nunique": "all",
        "map": "moved?",
        "sort_values": "all",
        "repeat": "all",
        "searchsorted": "all?",
        "take": "all",
        "to_list": "now",
        "tolist": "now",
        "to_numpy": "now",
        "value_counts": "all",
        "memory_usage": "all",
        "slice_locs": "now",
        "isin": "now",
        "item": "now",
        "delete": "all",
        "insert": "all?",
        "putmask": "all?",
        "set_names": "rows",
        "droplevel": "moved?",
        "to_flat_index": "moved?",
        "infer_objects": "all?",
    },
}

#: Methods of DatetimeIndex and its kin, partition by partition.
INDEX_TIME_METHODS = frozenset(
    {"ceil", "day_name", "floor", "month_name", "normalize", "round", "strftime", "to_period", "to_timestamp",
     "tz_convert", "tz_localize", "total_seconds", "as_unit", "isocalendar", "snap", "to_julian_date"}
)  # fmt: skip

#: Fields of moments and spans of time.
INDEX_TIME_FIELDS = frozenset(
    name
    for kind in (pd.DatetimeIndex, pd.TimedeltaIndex, pd.PeriodIndex)
    for name in dir(kind)
    if not name.startswith("_") and not hasattr(pd.Index, name) and not callable(getattr(kind, name))
) - {"freq", "freqstr", "inferred_freq", "resolution", "tz", "tzinfo", "unit"}

_PANDAS = {"DataFrame": pd.DataFrame, "Series": pd.Series, "Index": pd.Index}


def _by_rows(name: str, kwargs: dict[str, Any]) -> bool:
    return name not in ("reindex", "set_axis", "take", "droplevel", "swaplevel") and kwargs.get("axis") in (
        1,
        "columns",
    )


def _method(name: str, kind: str) -> Callable[..., Any]:
    loose = kind.endswith("?")
    kind = kind.rstrip("?")

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        for hint in _HINTS:
            kwargs.pop(hint, None)
        if kind == "now":
            return getattr(self.compute(), name)(*args, **kwargs)
        user = any(callable(arg) for arg in args[:1]) or callable(kwargs.get("func"))
        if kind == "rows" or (kind in ("ordered", "all") and _by_rows(name, kwargs)):
            return rowwise(name, self, *args, kwargs=kwargs, same_rows=True, loose=loose, user=user)
        if kind == "part":
            return rowwise(name, self, *args, kwargs=kwargs, loose=loose)
        if kind == "moved":
            return rowwise(name, self, *args, kwargs=kwargs, keep_divisions=False, loose=loose)
        if kind == "ordered":
            return gather_aligned(name, self, *args, kwargs=kwargs, loose=loose, user=user)
        if kind == "spread" and not loose:
            return spread(name, self, *args, npartitions=self.npartitions, kwargs=kwargs)
        return gather(name, self, *args, kwargs=kwargs, loose=loose, user=user)

    call.__name__ = name
    return call


def install(cls: type, kind: str) -> None:
    """Give a class the methods of the table that it doesn't have, and documents all in the words of pandas."""
    source = _PANDAS[kind]
    for name, how in TABLE[kind].items():
        if hasattr(source, name) and name not in _own_names(cls):
            function = _method(name, how)
            function.__qualname__ = f"{cls.__name__}.{name}"
            function.__module__ = cls.__module__
            setattr(cls, name, document_like(function, source, name))
    for part in cls.__mro__:
        if part.__module__.startswith("dusk.dataframe"):
            derive_class(source)(part)


def _own_names(cls: type) -> set[str]:
    return {name for part in cls.__mro__ if part is not object for name in vars(part)}


def _usage(part: pd.DataFrame, index: bool, deep: bool) -> pd.Series:
    return part.memory_usage(index=index, deep=deep).astype("int64")


def partition_memory(x: Any, index: bool, deep: bool) -> Any:
    """Give the bytes of each column of each partition, below each other."""
    meta = pd.Series(
        [], dtype="int64", index=pd.Index([], dtype="str" if all(isinstance(c, str) for c in x.columns) else object)
    )
    return rowwise(_usage, x, index, deep, meta=meta, prefix="memory-usage", keep_divisions=False, keep_cut=False)
