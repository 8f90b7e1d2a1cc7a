"""Other numbers of partitions: by count, by bytes, by a span of time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dusk._units import parse_bytes
from dusk.dataframe._align import cut_at
from dusk.dataframe._fallback import merged_node, numbers, rowwise
from dusk.dataframe._new import new_collection

__all__ = ["memory_of_partitions", "to_count", "to_freq", "to_size"]


def merge(x: Any, bounds: list[int]) -> Any:
    """Give fewer partitions: number ``i`` is the old ones from ``bounds[i]`` up to ``bounds[i + 1]``."""
    node = merged_node(x, bounds)
    return new_collection(node, meta=x._known_meta, cut=f"{x._cut}/{bounds}", loose=x._loose)


def split(x: Any, parts: list[int]) -> Any:
    """Cut partition ``i`` into ``parts[i]`` pieces."""
    node = x._node.split_partitions(parts)
    return new_collection(node, meta=x._known_meta, cut=f"{x._cut}*{parts}", loose=x._loose)


def to_count(x: Any, count: int) -> Any:
    """Cut a collection into ``count`` partitions."""
    if isinstance(count, bool) or int(count) != count or count < 1:
        raise ValueError(f"npartitions must be a positive integer, not {count!r}")
    count, old = int(count), x.npartitions
    if count == old:
        return x
    if count < old:
        return merge(x, [old * i // count for i in range(count + 1)])
    divisions = x._bounds
    if divisions is not None and len(set(divisions)) == len(divisions):
        between = _interpolated(divisions, count)
        if between is not None:
            return cut_at(x, between)
    return split(x, [count * (i + 1) // old - count * i // old for i in range(old)])


def _interpolated(divisions: tuple[Any, ...], count: int) -> list[Any] | None:
    """Give ``count + 1`` divisions in even steps along the old ones; None when they aren't numbers or times."""
    values = pd.Series(list(divisions))
    places = np.linspace(0, len(divisions) - 1, count + 1)
    if pd.api.types.is_datetime64_any_dtype(values.dtype) or pd.api.types.is_timedelta64_dtype(values.dtype):
        numbers = values.astype("int64")
        new = pd.Series(np.interp(places, range(len(numbers)), numbers).round().astype("int64"))
        if isinstance(values.dtype, pd.DatetimeTZDtype):
            made = list(
                pd.DatetimeIndex(new.astype(f"datetime64[{values.dtype.unit}]"))
                .tz_localize("UTC")
                .tz_convert(values.dtype.tz)
            )
        else:
            made = list(new.astype(values.dtype))
    elif pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        if pd.api.types.is_integer_dtype(values.dtype):
            made = [int(value) for value in np.interp(places, range(len(values)), values).astype("int64")]
        else:
            made = [float(value) for value in np.interp(places, range(len(values)), values)]
    else:
        return None
    made[0], made[-1] = divisions[0], divisions[-1]
    # Fewer values than partitions: rows with equal values can't be told apart by divisions.
    return made if all(a < b for a, b in zip(made, made[1:])) else None


def _memory(part: Any, number: pd.Series, index: bool, deep: bool) -> pd.Series:
    usage = part.memory_usage(deep=deep) if isinstance(part, pd.Index) else part.memory_usage(index=index, deep=deep)
    total = int(usage.sum() if isinstance(usage, pd.Series) else usage)
    return pd.Series([total], index=[int(number.iloc[0])], dtype="int64")


def memory_of_partitions(x: Any, index: bool = True, deep: bool = False) -> Any:
    """Give the bytes of each partition as a lazy Series."""
    meta = pd.Series([], dtype="int64")
    number = new_collection(numbers(x.npartitions))
    return rowwise(
        _memory,
        x,
        number,
        index,
        deep,
        meta=meta,
        prefix="memory-usage",
        keep_divisions=False,
        keep_cut=False,
        aligned=False,
    )


def to_size(x: Any, size: str | int) -> Any:
    """Cut a collection into partitions of about ``size`` bytes. This reads the data once."""
    size = parse_bytes(size) if isinstance(size, str) else int(size)
    if size < 1:
        raise ValueError(f"partition_size must be positive, not {size}")
    usage = [int(value) for value in memory_of_partitions(x, deep=True).compute()]
    parts = [value // size + 1 for value in usage]
    if any(count > 1 for count in parts):
        x = split(x, parts)
        usage = [value // count for value, count in zip(usage, parts) for _ in range(count)]
    bounds, held = [0], 0
    for i, value in enumerate(usage):
        if held and held + value > size:
            bounds.append(i)
            held = 0
        held += value
    bounds.append(len(usage))
    return x if len(bounds) == x.npartitions + 1 else merge(x, bounds)


def to_freq(x: Any, freq: Any) -> Any:
    """Cut a collection with a time index into partitions of one span of time."""
    if not isinstance(x.divisions[0], pd.Timestamp):
        raise TypeError("Can only repartition on frequency for timeseries")
    start, end = x.divisions[0], x.divisions[-1]
    try:
        first = start.floor(freq)
    except ValueError:
        first = start
    divisions = list(pd.date_range(start=first, end=end, freq=freq))
    inner = [value for value in divisions if start < value <= end]
    return cut_at(x, [start, *inner, end])
