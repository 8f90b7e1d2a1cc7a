"""Another index: rows sorted by it, and divisions that are computed when somebody asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from dusk.dataframe._fallback import call_node, rowwise, spread
from dusk.dataframe._new import new_collection

__all__ = ["DivisionsPromise", "current_ends", "divisions_of", "set_index", "with_checked_divisions"]


def _set_index(part: pd.DataFrame, keys: Any, drop: bool, append: bool) -> pd.DataFrame:
    return part.set_index(keys, drop=drop, append=append)


def _set_index_sorted(part: pd.DataFrame, keys: Any, drop: bool, append: bool) -> pd.DataFrame:
    return part.set_index(keys, drop=drop, append=append).sort_index(kind="stable")


class _AtDivisions:
    """Cuts sorted rows at given index values. Rows beyond the ends go to the first and the last piece."""

    __slots__ = ("divisions",)

    def __init__(self, divisions: tuple[Any, ...]) -> None:
        self.divisions = divisions

    def __call__(self, result: Any) -> list[Any]:
        index = result.index
        inner = [int(index.searchsorted(value, side="left")) for value in self.divisions[1:-1]]
        ends = [0, *inner, len(result)]
        return [result.iloc[start:end] for start, end in zip(ends, ends[1:])]

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-at-divisions", self.divisions)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_AtDivisions, (self.divisions,))


def _ends_of(part: Any) -> pd.DataFrame:
    index = part if isinstance(part, pd.Index) else part.index
    if isinstance(index, pd.CategoricalIndex):
        index = index.as_ordered()  # rows are sorted by their categories' order in any case
    rows = [(index.min(), index.max())] if len(index) else []
    table = pd.DataFrame({"low": [row[0] for row in rows], "high": [row[1] for row in rows], "rows": len(index)})
    return table.astype(object)


class DivisionsPromise:
    """Divisions of sorted partitions that nobody has looked at yet: asking for them computes them, once."""

    def __init__(self, x: Any) -> None:
        self.node = x._node
        self.found: tuple[Any, ...] | None = None

    def divisions(self) -> tuple[Any, ...]:
        """Give the divisions; the first time this reads the data."""
        if self.found is None:
            from dusk.dataframe.frame import DataFrame

            ends = current_ends(DataFrame(self.node) if self.node.kind != "series" else new_collection(self.node))
            self.found = divisions_of(ends)
        return self.found


def current_ends(x: Any) -> list[tuple[Any, Any, int] | None]:
    """Compute the smallest and largest index value of each partition, and its rows; None for an empty one."""
    from dusk.base import compute

    node = call_node(_ends_of, [x._node], None, mode="partition", prefix="ends", divisions=x.npartitions)
    parts = [
        new_collection(call_node(_same, [node.partitions([i])], None, mode="partition", prefix="ends", divisions=1))
        for i in range(x.npartitions)
    ]
    tables = compute(*parts)
    return [(t["low"].iloc[0], t["high"].iloc[0], int(t["rows"].iloc[0])) if len(t) else None for t in tables]


def _same(x: Any) -> Any:
    return x


def divisions_of(ends: Sequence[tuple[Any, Any, int] | None]) -> tuple[Any, ...]:
    """Give divisions for partitions with these smallest and largest values; empty ones begin where the next does."""
    filled = [end for end in ends if end is not None]
    values = [value for low, high, _ in filled for value in (low, high)]
    # Missing values and categories in an order of their own can't be looked for between divisions.
    if not filled or any(pd.isna(value) for value in values) or any(b < a for a, b in zip(values, values[1:])):
        return (None,) * (len(ends) + 1)
    result: list[Any] = [filled[-1][1]]
    begin = filled[-1][1]
    for end in reversed(ends):
        begin = end[0] if end is not None else begin
        result.append(begin)
    return tuple(reversed(result))


def set_index(
    x: Any,
    other: Any,
    drop: bool,
    sorted: bool,
    npartitions: Any,
    divisions: Sequence[Any] | None,
    sort: bool,
    append: bool,
) -> Any:
    """Give a DataFrame under another index; its rows are sorted by it unless told otherwise."""
    from dusk.dataframe._base import FrameBase
    from dusk.dataframe.series import Series

    if isinstance(other, list) and len(other) == 1 and not isinstance(other[0], list):
        (other,) = other
    if isinstance(other, FrameBase) and isinstance(other._meta, pd.Index) and other._node == x.index._node:
        return x
    if isinstance(other, FrameBase) and isinstance(other._meta, pd.DataFrame):
        raise NotImplementedError(
            "Dask dataframe does not yet support multi-indexes from a DataFrame. Give one column."
        )
    if isinstance(other, list) and not append:
        sort = False
    if append:
        sort = False
    if npartitions == "auto" or npartitions is None:
        npartitions = x.npartitions
    if divisions is not None:
        divisions = tuple(divisions)
        if any(b < a for a, b in zip(divisions, divisions[1:])) or len(set(divisions[:-1])) != len(divisions) - 1:
            raise ValueError("New division must be sorted and unique, except for the last one")
    keys: Any = other
    frame = x
    if isinstance(other, list) and any(isinstance(item, FrameBase) for item in other):
        raise TypeError("A list of collections is not supported by set_index. Give labels of columns, or one Series.")
    if isinstance(other, Series):
        return _set_index_series(x, other, sorted, npartitions, divisions, sort)
    if isinstance(other, FrameBase):
        keys = other.to_series()
        return _set_index_series(x, keys, sorted, npartitions, divisions, sort)
    else:
        labels = keys if isinstance(keys, list) else [keys]
        missing = [label for label in labels if not (pd.api.types.is_hashable(label) and label in x.columns)]
        if missing:
            raise KeyError(f"None of {missing} are in the columns")
    if sorted:
        result = rowwise(_set_index, frame, keys, drop, append, prefix="set-index", keep_divisions=False)
        return with_checked_divisions(result, divisions, keys)
    if not sort:
        return rowwise(_set_index, frame, keys, drop, append, prefix="set-index", keep_divisions=False)
    return _sorted_by_index(frame, [keys, drop, append], _set_index_sorted, npartitions, divisions)


def _sorted_by_index(x: Any, args: list[Any], function: Any, npartitions: int, divisions: Any) -> Any:
    if divisions is not None:
        return spread(
            function,
            x,
            *args,
            npartitions=len(divisions) - 1,
            cut=_AtDivisions(divisions),
            divisions=divisions,
            prefix="set-index",
        )
    result = spread(function, x, *args, npartitions=npartitions, together=True, prefix="set-index")
    object.__setattr__(result, "_promise", DivisionsPromise(result))
    return result


def _index_by_series(part: pd.DataFrame, series: pd.Series) -> pd.DataFrame:
    return part.set_index(series)


def _index_by_series_sorted(part: pd.DataFrame, series: pd.Series) -> pd.DataFrame:
    return part.set_index(series).sort_index(kind="stable")


def _set_index_series(x: Any, other: Any, sorted: bool, npartitions: int, divisions: Any, sort: bool) -> Any:
    if sorted or not sort:
        result = rowwise(_index_by_series, x, other, prefix="set-index", keep_divisions=False, broadcast=False)
        return with_checked_divisions(result, divisions, other.name) if sorted else result
    return _sorted_by_index(x, [other], _index_by_series_sorted, npartitions, divisions)


def with_checked_divisions(result: Any, divisions: Any, name: Any) -> Any:
    """Give a collection whose partitions are said to be sorted: look whether they are."""
    if divisions is not None:
        result.divisions = tuple(divisions)
        return result
    ends = current_ends(result)
    filled = [end for end in ends if end is not None]
    if any(b[0] < a[1] for a, b in zip(filled, filled[1:])):
        raise ValueError(
            f"Partitions are not sorted ascending by {name}. ",
            f"In your dataset the (min, max, len) values of {name} for each partition are: {ends}",
        )
    if any(b[0] == a[1] for a, b in zip(filled, filled[1:])) or not filled:
        # One value in two partitions: no division can lie between them.
        return result if not filled else _cut_between_values(result)
    result.divisions = divisions_of(ends)
    return result


def _cut_between_values(x: Any) -> Any:
    """Cut sorted rows anew, so that equal index values lie in one partition."""
    result = spread(_same, x, npartitions=x.npartitions, together=True, meta=x._meta, prefix="set-index")
    object.__setattr__(result, "_promise", DivisionsPromise(result))
    return result
