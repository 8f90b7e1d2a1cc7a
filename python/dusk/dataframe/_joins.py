"""Joins, in pandas' order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe._fallback import _holds_missing, rowwise, spread
from dusk.dataframe._meta import emulate
from dusk.dataframe._reset import renumbered

__all__ = ["by_divisions", "merge", "with_one_partition"]

_JOINS = ("left", "right", "outer", "inner", "leftsemi", "cross", "left_anti", "right_anti")


def _semi(left: pd.DataFrame, right: pd.DataFrame, **kwargs: Any) -> pd.DataFrame:
    """Give the rows of ``left`` that have a partner in ``right``."""
    numbered = left.assign(__dusk_row__=np.arange(len(left)))
    found = numbered.merge(right, how="inner", **kwargs)["__dusk_row__"].unique()
    return left.iloc[np.sort(found)]


def _keys(options: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Give the pairs of keys that have names."""
    lefts, rights = (_as_list(options.get(side, options.get("on"))) for side in ("left_on", "right_on"))
    return list(zip(lefts, rights))


def _as_list(x: Any) -> list[Any]:
    return list(x) if isinstance(x, list) else [x]


def _is_level(x: Any, label: Any) -> bool:
    if label is None or not pd.api.types.is_hashable(label):
        return False
    return label in x._meta.index.names and label not in getattr(x._meta, "columns", ())


def merge(left: Any, right: Any, **kwargs: Any) -> Any:
    """Join two frames, in pandas' order."""
    from dusk.dataframe._base import FrameBase
    from dusk.dataframe.multi import as_collection

    how = kwargs["how"]
    if how not in _JOINS:
        raise ValueError(f"merge does not support how={how!r}; it knows {', '.join(_JOINS)}")
    left, right = as_collection(left), as_collection(right)
    given = kwargs.pop("npartitions", None)
    npartitions = given or max(left.npartitions, right.npartitions)
    kwargs = {key: value for key, value in kwargs.items() if value is not None}
    if how == "leftsemi":
        kwargs = {
            key: kwargs[key] for key in ("on", "left_on", "right_on", "left_index", "right_index") if key in kwargs
        }
        return rowwise(_semi, left, right._one_partition(), meta=left._meta, kwargs=kwargs, prefix="merge")
    keys = [kwargs.get("left_on"), kwargs.get("right_on"), kwargs.get("on")]
    if any(isinstance(key, FrameBase) for key in keys):
        return spread(
            pd.merge, left, right, npartitions=npartitions, kwargs=kwargs, loose=how != "inner", prefix="merge"
        )
    no_keys = not any(kwargs.get(key) for key in ("left_index", "right_index", "on", "left_on", "right_on"))
    if no_keys and how != "cross" and not _common(left, right):
        kwargs.update(left_index=True, right_index=True)  # as Dask does, where pandas refuses
    meta = emulate(pd.merge, (left._meta, right._meta), kwargs)
    # Rows without a partner bring missing values, and whether there are any only the data can tell.
    loose = how not in ("inner", "cross", "left_anti") and not _holds_missing(meta)
    levels = [_is_level(left, a) and _is_level(right, b) for a, b in _keys(kwargs)]
    by_index = bool(kwargs.get("left_index") and kwargs.get("right_index"))
    # An outer join, and one that sorts, has the rows in the order of the first key.
    first = levels[:1] == [True] if how == "outer" or kwargs.get("sort") else any(levels)
    if given is None and (by_index or first):
        joined = by_divisions(pd.merge, left, right, how, kwargs, meta, loose)
        if joined is not None:
            return joined
    keeps_index = any(levels) or bool(kwargs.get("right_index"))
    useful = left.npartitions > 1 or (keeps_index and left._bounds is not None)
    if useful and right.npartitions == 1 and how in ("inner", "left") and not kwargs.get("sort"):
        joined = with_one_partition(pd.merge, left, right, kwargs, meta, loose, keeps_index)
        return joined if keeps_index or kwargs.get("left_index") else renumbered(joined)
    if left.npartitions == 1 < right.npartitions and how == "right" and not kwargs.get("sort"):
        keeps_index = any(levels) or bool(kwargs.get("left_index"))
        joined = with_one_partition(pd.merge, left, right, kwargs, meta, loose, keeps_index)
        return joined if keeps_index or kwargs.get("right_index") else renumbered(joined)
    return spread(pd.merge, left, right, npartitions=npartitions, kwargs=kwargs, meta=meta, loose=loose, prefix="merge")


def _common(left: Any, right: Any) -> bool:
    """Whether pandas finds keys by itself: columns of the same label."""
    return bool(len(pd.DataFrame(left._meta).columns.intersection(pd.DataFrame(right._meta).columns)))


def by_divisions(
    function: Any, left: Any, right: Any, how: str, kwargs: dict[str, Any], meta: Any, loose: bool
) -> Any | None:
    """Join on values of both indexes, partition by partition, where known divisions say where these lie.

    Parameters
    ----------
    function : callable or str
        What joins two partitions.
    left, right : DataFrame or Series
        What is joined.
    how : str
        The kind of join.
    kwargs : dict
        What the function takes.
    meta : DataFrame
        What comes out.
    loose : bool
        Its dtypes depend on the data.

    Returns
    -------
    DataFrame or None
        None where the divisions are not known yet, or can't be compared.
    """
    indexes = [x._meta if isinstance(x._meta, pd.Index) else x._meta.index for x in (left, right)]
    kinds = {_kind_of_index(index) for index in indexes}
    if how not in ("left", "right", "inner", "outer") or len(kinds) != 1 or None in kinds:
        return None
    if left._bounds is None or right._bounds is None:
        return None  # those that are only promised would have to be computed first
    return rowwise(
        function,
        left,
        right,
        kwargs=kwargs,
        meta=meta,
        prefix="merge",
        loose=loose,
        broadcast=False,
        steady=True,
        keep_cut=False,
    )


def _kind_of_index(index: pd.Index) -> str | None:
    """Give a word for values that can be compared with each other; None where divisions aren't used to cut."""
    dtype = index.dtype
    if isinstance(index, pd.MultiIndex) or isinstance(dtype, pd.CategoricalDtype | pd.PeriodDtype | pd.IntervalDtype):
        return None
    if pd.api.types.is_numeric_dtype(dtype):
        return "number"
    if isinstance(dtype, pd.StringDtype) or pd.api.types.is_object_dtype(dtype):
        return "text"
    return str(getattr(dtype, "tz", None)) if pd.api.types.is_datetime64_any_dtype(dtype) else str(dtype)


def with_one_partition(
    function: Any, left: Any, right: Any, kwargs: dict[str, Any], meta: Any, loose: bool, keeps_index: bool
) -> Any:
    """Join each partition of one side with all rows of the other; the result may keep the index of the first."""
    return rowwise(
        function,
        left,
        right,
        kwargs=kwargs,
        meta=meta,
        prefix="merge",
        loose=loose,
        keep_divisions=keeps_index,
        keep_cut=False,
    )
