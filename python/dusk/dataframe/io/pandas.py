"""Collections of pandas objects that are in memory: `from_pandas`, `from_dict`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from dusk import _core, config
from dusk.dataframe._new import new_collection

__all__ = ["from_dict", "from_pandas", "sorted_divisions"]

#: From that many bytes of pyarrow's on it may keep a lot besides.
_MUCH = 1 << 26


def sorted_divisions(
    index: pd.Index, npartitions: int | None = None, chunksize: int | None = None
) -> tuple[list[Any], list[int]]:
    """Cut a sorted index so that no value lies in two partitions.

    Parameters
    ----------
    index : pandas.Index
        Sorted.
    npartitions : int, optional
        About how many partitions.
    chunksize : int, optional
        About how many rows each partition has.

    Returns
    -------
    divisions : list
        The value at which each partition begins, and the last value.
    positions : list of int
        Where each partition begins, and the number of rows.
    """
    count = len(index)
    wanted = _even(count, npartitions, chunksize)
    positions: list[int] = [0]
    for position in wanted[1:-1]:
        # the whole run of equal values goes to one partition: begin with the first of them
        start = int(index.searchsorted(index[position], side="left"))
        if start <= positions[-1]:
            start = int(index.searchsorted(index[position], side="right"))
        if positions[-1] < start < count:
            positions.append(start)
    divisions = [index[position] for position in positions] + [index[-1]]
    return divisions, [*positions, count]


def _even(count: int, npartitions: int | None, chunksize: int | None) -> list[int]:
    """Give where pieces begin and end: the first ones are a row longer when they can't be equal."""
    if chunksize is not None:
        return [*range(0, count, chunksize), count]
    pieces = min(npartitions or 1, count)
    size, longer = divmod(count, pieces)
    return [i * size + min(i, longer) for i in range(pieces + 1)]


def from_pandas(data: Any, npartitions: int | None = None, sort: bool = True, chunksize: int | None = None) -> Any:
    """Make a collection of a pandas object.

    Parameters
    ----------
    data : pandas.DataFrame, pandas.Series or pandas.Index
        What is cut into partitions. It isn't copied; writing to it later doesn't change the collection.
    npartitions : int, optional
        How many partitions. There may be fewer, since rows with the same index value stay together.
    sort : bool
        Sort by the index, so that it is known which values lie where. Otherwise the order is kept.
    chunksize : int, optional
        How many rows each partition has, in place of ``npartitions``.

    Returns
    -------
    DataFrame, Series or Index
    """
    if isinstance(data, pd.Index):
        return from_pandas(data.to_frame(), npartitions=npartitions, sort=sort, chunksize=chunksize).index
    if not isinstance(data, pd.DataFrame | pd.Series):
        raise TypeError("Input must be a pandas DataFrame or Series.")
    if isinstance(data.index, pd.MultiIndex):
        raise NotImplementedError("Dask does not support MultiIndex Dataframes.")
    if npartitions is None and chunksize is None:
        npartitions = 1
    if npartitions is not None and chunksize is not None:
        raise ValueError("Exactly one of npartitions and chunksize must be specified.")
    for name, value in (("npartitions", npartitions), ("chunksize", chunksize)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer)):
            raise TypeError(f"Please provide {name} as an int, or possibly as None if you specify the other.")
        if value is not None and value < 1:
            raise ValueError(f"{name} must be positive, not {value}")
    if config.get("dataframe.convert-string", None) is True:
        data = with_arrow_strings(data)
    count = len(data)
    divisions: Sequence[Any] | None = None
    if not count:
        positions = [0] * ((npartitions or 1) + 1)
    elif sort and not _has_missing(data.index):
        if not data.index.is_monotonic_increasing:
            data = data.sort_index(ascending=True)
        divisions, positions = sorted_divisions(data.index, npartitions, chunksize)
        if isinstance(data.index.dtype, pd.IntervalDtype):
            divisions = None  # pandas doesn't find the place of an interval among others
    else:
        if sort:
            data = data.sort_index(ascending=True)
        positions = _even(count, npartitions, chunksize)
    _give_back()
    node = _core.from_pandas(data, positions, divisions, "frompandas")
    return new_collection(node, meta=data.iloc[:0])


def _give_back() -> None:
    """Have pyarrow give back what it keeps of memory that reading took: the engine counts it to the budget."""
    pool = pa.default_memory_pool()
    if pool.bytes_allocated() >= _MUCH:
        pool.release_unused()


def _has_missing(index: pd.Index) -> bool:
    return bool(index.hasnans)


def with_arrow_strings(data: Any) -> Any:
    """Give text columns Dask's ``string[pyarrow]``, as the setting ``dataframe.convert-string`` asks for."""
    target = pd.StringDtype("pyarrow")

    def is_text(dtype: Any, values: Any) -> bool:
        if isinstance(dtype, pd.StringDtype):
            return dtype != target
        return pd.api.types.is_object_dtype(dtype) and pd.api.types.infer_dtype(values, skipna=True) == "string"

    if isinstance(data, pd.DataFrame):
        texts = [i for i, dtype in enumerate(data.dtypes) if is_text(dtype, data.iloc[:, i])]
        if texts:
            columns = data.columns
            data = data.set_axis(range(len(columns)), axis=1)
            data = data.astype({i: target for i in texts}).set_axis(columns, axis=1)
    elif is_text(data.dtype, data):
        data = data.astype(target)
    if is_text(data.index.dtype, data.index):
        data = data.set_axis(data.index.astype(target), axis=0)
    return data


def from_dict(
    data: Any,
    npartitions: int,
    orient: str = "columns",
    dtype: Any = None,
    columns: Any = None,
    constructor: type = pd.DataFrame,
) -> Any:
    """Make a DataFrame of a dictionary.

    Parameters
    ----------
    data : dict
        Columns, or rows, by their label.
    npartitions : int
        How many partitions.
    orient : {"columns", "index", "tight"}
        What the keys of ``data`` are.
    dtype : dtype, optional
        One for all columns.
    columns : list, optional
        Labels of the columns, with ``orient="index"``.
    constructor : type
        What has the method ``from_dict``.

    Returns
    -------
    DataFrame
    """
    values = data.values()
    from dusk._collection import is_dusk_collection

    if any(is_dusk_collection(value) for value in values):
        raise NotImplementedError("from_dict doesn't support collections as values")
    return from_pandas(constructor.from_dict(data, orient=orient, dtype=dtype, columns=columns), npartitions)
