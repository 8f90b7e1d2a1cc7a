"""The number of each row as its index, counted over all partitions as pandas counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe._fallback import call_node, rowwise
from dusk.dataframe._meta import emulate, no_default
from dusk.dataframe._new import new_collection

__all__ = ["renumbered", "reset_index"]


def _lengths_node(x: Any) -> Any:
    from dusk.dataframe._fallback import _length

    return call_node(
        _length, [x._node], pd.Series([], dtype="int64"), mode="partition", prefix="len", divisions=x.npartitions
    )


class _Reset:
    """Resets the index of a partition, with numbers that go on where the partition before it ended."""

    __slots__ = ("kwargs",)

    def __init__(self, kwargs: dict[str, Any]) -> None:
        self.kwargs = kwargs

    def __call__(self, part: Any, number: pd.Series, lengths: list[int]) -> Any:
        start = sum(lengths[: int(number.iloc[0])])
        result = part.reset_index(**self.kwargs)
        return result.set_axis(pd.RangeIndex(start, start + len(result)), axis=0)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-reset", self.kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Reset, (self.kwargs,))


def reset_index(x: Any, **kwargs: Any) -> Any:
    """Give a collection whose index is the number of each row, as pandas counts."""
    from dusk.dataframe._fallback import loosen, numbers

    kwargs = {key: value for key, value in kwargs.items() if value is not no_default}
    meta = emulate(lambda part: part.reset_index(**kwargs), (x._meta,), {})
    if kwargs.get("level") is not None and x._meta.index.nlevels > len(np.atleast_1d(kwargs["level"])):
        return rowwise("reset_index", x, kwargs=kwargs, keep_divisions=False, prefix="reset-index")
    if x.npartitions == 1:
        return rowwise(
            "reset_index", x, kwargs=kwargs, meta=meta, keep_divisions=False, same_rows=True, prefix="reset-index"
        )
    lengths = call_node(pd.Series.tolist, [_lengths_node(x)], None, mode="gather", prefix="len", divisions=1)
    node = call_node(
        _Reset(kwargs),
        [x._node, numbers(x.npartitions), lengths],
        loosen(meta) if x._loose else meta,
        mode="partition",
        prefix="reset-index",
        divisions=x.npartitions,
        range_index=True,
    )
    return new_collection(node, meta=meta, cut=x._cut, loose=x._loose, origin=("ResetIndex", x))


def renumbered(x: Any) -> Any:
    """Give the rows under the numbers that pandas would give them."""
    return reset_index(x, drop=True)
