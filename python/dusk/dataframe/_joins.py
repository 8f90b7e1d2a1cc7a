"""Joins, in pandas' order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe._fallback import _holds_missing, rowwise, spread
from dusk.dataframe._meta import emulate
from dusk.dataframe._reset import renumbered

__all__ = ["merge"]

_JOINS = ("left", "right", "outer", "inner", "leftsemi", "cross", "left_anti", "right_anti")


def _semi(left: pd.DataFrame, right: pd.DataFrame, **kwargs: Any) -> pd.DataFrame:
    """Give the rows of ``left`` that have a partner in ``right``."""
    numbered = left.assign(__dusk_row__=np.arange(len(left)))
    found = numbered.merge(right, how="inner", **kwargs)["__dusk_row__"].unique()
    return left.iloc[np.sort(found)]


def _names_levels(left: Any, right: Any, options: dict[str, Any]) -> bool:
    """Whether a key is a level of both indexes and no column: pandas keeps that level as the index then."""
    lefts, rights = (_as_list(options.get(side, options.get("on"))) for side in ("left_on", "right_on"))
    return any(_is_level(left, a) and _is_level(right, b) for a, b in zip(lefts, rights))


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
    npartitions = kwargs.pop("npartitions", None) or max(left.npartitions, right.npartitions)
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
    meta = emulate(pd.merge, (left._meta, right._meta), kwargs)
    # Rows without a partner bring missing values, and whether there are any only the data can tell.
    loose = how not in ("inner", "cross", "left_anti") and not _holds_missing(meta)
    if left.npartitions > 1 and right.npartitions == 1 and how in ("inner", "left") and not kwargs.get("sort"):
        joined = rowwise(
            pd.merge,
            left,
            right,
            kwargs=kwargs,
            meta=meta,
            prefix="merge",
            loose=loose,
            keep_divisions=False,
            keep_cut=False,
        )
        by_index = kwargs.get("left_index") or kwargs.get("right_index") or _names_levels(left, right, kwargs)
        return joined if by_index else renumbered(joined)
    return spread(pd.merge, left, right, npartitions=npartitions, kwargs=kwargs, meta=meta, loose=loose, prefix="merge")
