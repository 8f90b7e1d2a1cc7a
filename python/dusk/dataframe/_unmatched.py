"""Operations between frames of which one lacks rows of the other: the types that pandas computes in.

Where rows have no partner pandas brings in missing values first, so integers become floats and bools objects, in all
rows. A partition whose rows all have partners can't know that by itself, and would give another value where integers
wrap, or where a division by zero is asked for. So where it matters, whether any row lacks a partner is found before.
Results of 64-bit integers that are added, subtracted or multiplied differ only beyond 64 bits: these go without the
extra look.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe import _align
from dusk.dataframe._fallback import gather, rowwise

__all__ = ["does_matter", "with_pandas_types"]


def does_matter(name: str, left: Any, right: Any) -> bool:
    """Whether the operation may give other values in floats than in the types that two collections have."""
    dtypes = [_numbers(x._meta) for x in (left, right)]
    if name in ("and", "or", "xor") and all(dtype.kind == "b" for own in dtypes for dtype in own):
        return False  # pandas keeps these
    exact = name in ("add", "sub", "mul")
    matters = any(
        not exact or dtype.itemsize < 8 or (dtype.kind == "u" and name == "sub") for own in dtypes for dtype in own
    )
    return matters and _align.bring_together([left, right], broadcast=False).differs


def _numbers(meta: Any) -> list[np.dtype]:
    """Give the dtypes that can't hold a missing value."""
    dtypes = list(meta.dtypes) if isinstance(meta, pd.DataFrame) else [meta.dtype]
    return [dtype for dtype in dtypes if isinstance(dtype, np.dtype) and dtype.kind in "iub"]


def with_pandas_types(function: Callable[[Any, Any], Any], left: Any, right: Any, **options: Any) -> Any:
    """Do an operation partition by partition, in the types that pandas would use for all rows.

    Parameters
    ----------
    function : callable
        The operation.
    left, right : DataFrame or Series
    **options
        What `rowwise` takes.
    """
    none = pd.DataFrame({"left": [], "right": []}, dtype=bool)
    lacking = rowwise(
        _lacking,
        left,
        right,
        meta=none,
        prefix="lacking",
        broadcast=False,
        keep_divisions=False,
        keep_cut=False,
        steady=True,
    )
    who = gather(_any, lacking, meta=None, prefix="lacking", loose=True)
    return rowwise(_operate, left, right, who, function, **options)


def _lacking(left: Any, right: Any) -> pd.DataFrame:
    """Give whether either side lacks rows of the other."""
    a, b = left.index, right.index
    same = a.equals(b)
    return pd.DataFrame({"left": [not same and not b.isin(a).all()], "right": [not same and not a.isin(b).all()]})


def _any(lacking: pd.DataFrame) -> list[bool]:
    return [bool(found) for found in lacking.any()]


def _operate(left: Any, right: Any, who: list[bool] | None, function: Callable[[Any, Any], Any]) -> Any:
    to_left, to_right = who or (False, False)  # None while the result is guessed
    if to_left:
        left = _for_missing(left)
    if to_right:
        right = _for_missing(right)
    return function(left, right)


def _for_missing(part: Any) -> Any:
    """Give a partition in types that can hold a missing value, as a reindex chooses them."""
    if isinstance(part, pd.DataFrame):
        changed = part.copy(deep=False)
        for position, dtype in enumerate(part.dtypes):
            if (to := _type_for_missing(dtype)) is not None:
                changed.isetitem(position, part.iloc[:, position].astype(to))
        return changed
    to = _type_for_missing(part.dtype)
    return part if to is None else part.astype(to)


def _type_for_missing(dtype: Any) -> Any:
    if not isinstance(dtype, np.dtype) or dtype.kind not in "iub":
        return None
    return object if dtype.kind == "b" else "float64"
