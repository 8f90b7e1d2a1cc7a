"""`shift`: values move over the rows, or, with a frequency, the index moves.

Divisions move with an index where every step has the same length; business days and weeks don't, so divisions are
forgotten.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from dusk.dataframe._fallback import gather_aligned, rowwise
from dusk.dataframe._new import new_collection

__all__ = ["shift_index", "shift_rows"]


def shift_rows(x: Any, periods: Any, freq: Any, axis: Any, fill_value: Any, suffix: str | None) -> Any:
    """Give a DataFrame or Series whose values, or with ``freq`` whose index, moved.

    Parameters
    ----------
    x : DataFrame or Series
        The collection.
    periods, freq, axis, fill_value, suffix
        As in pandas.
    """
    options: dict[str, Any] = {"periods": periods, "freq": freq, "axis": axis}
    if fill_value is not pd.api.extensions.no_default:
        options["fill_value"] = fill_value
    if suffix is not None:
        options["suffix"] = suffix
    if axis in (1, "columns"):
        return rowwise("shift", x, kwargs=options, same_rows=True)
    if freq is None:
        return gather_aligned("shift", x, kwargs=options)
    return _with_moved_divisions(x, rowwise("shift", x, kwargs=options, keep_divisions=False), periods, freq)


def shift_index(x: Any, periods: int, freq: Any) -> Any:
    """Give an Index that moved by so many steps; by default steps of its own frequency.

    Parameters
    ----------
    x : Index
        The collection.
    periods, freq
        As in pandas.

    Raises
    ------
    TypeError
        A PeriodIndex moves by its own frequency only.
    """
    if freq is not None and isinstance(x._meta, pd.PeriodIndex):
        raise TypeError("`freq` argument is not supported for PeriodIndex.shift: it moves by its own frequency")
    result = rowwise("shift", x, periods, kwargs={"freq": freq}, keep_divisions=False)
    return _with_moved_divisions(x, result, periods, freq)


def _with_moved_divisions(x: Any, result: Any, periods: Any, freq: Any) -> Any:
    index = x._meta if isinstance(x._meta, pd.Index) else x._meta.index
    step = freq if freq is not None else getattr(index, "freq", None)
    if x._bounds is None or not isinstance(periods, int) or not _is_steady(step, index):
        return result
    bounds = pd.Index(x._bounds)
    moved = bounds.shift(periods) if isinstance(bounds, pd.PeriodIndex) else bounds.shift(periods, freq=step)
    node = result._node.with_divisions(moved.tolist())
    return new_collection(node, meta=result._known_meta, cut=result._cut, loose=result._loose)


def _is_steady(step: Any, index: pd.Index) -> bool:
    """Whether steps have the same length everywhere."""
    if isinstance(index, pd.PeriodIndex):
        return step is not None and pd.tseries.frequencies.to_offset(step) == index.freq
    if step is None:
        return False
    try:
        pd.Timedelta(pd.tseries.frequencies.to_offset(step))
    except (TypeError, ValueError):
        return False
    # A day in a zone with summer time may have 23 hours, but days stay in order.
    return isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex)
