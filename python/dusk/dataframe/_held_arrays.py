"""The arrays that pandas objects are made of: that of a column, and how many bytes they keep alive."""

from __future__ import annotations

import sys
from typing import Any

import pandas as pd

__all__ = ["column_array", "nbytes"]

_SAMPLE = 200


def column_array(frame: pd.DataFrame, position: int) -> Any:
    """Give the array of a column, by position."""
    # The block manager hands out a column without making a Series, which matters for frames of thousands of columns.
    manager = getattr(frame, "_mgr", None)
    if manager is not None and hasattr(manager, "iget_values"):
        return manager.iget_values(position)
    return frame.iloc[:, position]._values


def nbytes(obj: Any) -> int:
    """Bytes that a pandas object keeps alive; objects in it are estimated from a sample."""
    if isinstance(obj, pd.DataFrame):
        return _index_nbytes(obj.index) + sum(_array_nbytes(column_array(obj, i)) for i in range(obj.shape[1]))
    if isinstance(obj, pd.Series):
        return _index_nbytes(obj.index) + _array_nbytes(obj._values)
    if isinstance(obj, pd.Index):
        return _index_nbytes(obj)
    return sys.getsizeof(obj)


def _index_nbytes(index: pd.Index) -> int:
    if isinstance(index, pd.MultiIndex):
        return sum(code.nbytes for code in index.codes) + sum(_index_nbytes(level) for level in index.levels)
    if isinstance(index, pd.RangeIndex):
        return 128
    return _array_nbytes(index._values)


def _array_nbytes(array: Any) -> int:
    total = int(array.nbytes)
    if array.dtype == object:
        total += _object_nbytes(array)
    return total


def _object_nbytes(values: Any) -> int:
    """Bytes of the objects in an array, estimated from a sample."""
    count = len(values)
    if count == 0:
        return 0
    step = max(1, count // _SAMPLE)
    sample = values[::step][:_SAMPLE]
    return int(sum(sys.getsizeof(value) for value in sample) * count / len(sample))
