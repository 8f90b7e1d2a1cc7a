"""Reductions in two steps, the first partition by partition: the user's own, counts of values; and random splits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from dusk import _core
from dusk.dataframe._fallback import call_node, gather, native, numbers, rowwise
from dusk.dataframe._meta import empty_like, emulate, is_scalar_meta, make_meta, meta_nonempty, no_default
from dusk.dataframe._new import new_collection

__all__ = ["random_split", "reduction", "value_counts"]


class _Aggregate:
    """Calls the aggregating function on the list of what the partitions gave, concatenated."""

    __slots__ = ("function", "kwargs")

    def __init__(self, function: Callable[..., Any], kwargs: dict[str, Any]) -> None:
        self.function = function
        self.kwargs = kwargs

    def __call__(self, parts: Any) -> Any:
        return self.function(joined(parts.tolist()), **self.kwargs)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-aggregate", self.function, self.kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Aggregate, (self.function, self.kwargs))


class _Boxed:
    """Calls a function on a partition and puts what it gives into a Series of one row, whatever it is."""

    __slots__ = ("function", "kwargs")

    def __init__(self, function: Callable[..., Any], kwargs: dict[str, Any]) -> None:
        self.function = function
        self.kwargs = kwargs

    def __call__(self, part: Any) -> pd.Series:
        box = np.empty(1, dtype=object)
        box[0] = self.function(part, **self.kwargs)
        return pd.Series(box)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-boxed", self.function, self.kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Boxed, (self.function, self.kwargs))


def joined(parts: list[Any]) -> Any:
    """Concatenate what partitions gave: frames below each other, single values into a Series, Series into rows."""
    first = parts[0]
    if isinstance(first, pd.DataFrame):
        return pd.concat(parts)
    if isinstance(first, pd.Series):
        return pd.concat([part.to_frame().T for part in parts])
    if isinstance(first, pd.Index):
        return first.append(parts[1:])
    return pd.Series(parts)


def reduction(
    x: Any,
    chunk: Callable[..., Any],
    aggregate: Callable[..., Any],
    meta: Any,
    token: str | None,
    chunk_kwargs: dict[str, Any],
    aggregate_kwargs: dict[str, Any],
) -> Any:
    """Reduce with two functions of the user."""
    if meta is no_default or meta is None:
        chunk_meta = emulate(lambda part: chunk(part, **chunk_kwargs), (x._meta,), {}, user=True)
        sample = joined([meta_nonempty(chunk_meta)])
        meta = emulate(lambda parts: aggregate(parts, **aggregate_kwargs), (sample,), {}, user=True)
    else:
        meta = make_meta(meta)
    meta = meta if is_scalar_meta(meta) else empty_like(meta)
    box_meta = pd.Series([], dtype=object)
    name = token or getattr(aggregate, "__name__", "reduction").strip("<>")
    boxes = call_node(
        _Boxed(chunk, chunk_kwargs),
        [x._node],
        box_meta,
        mode="partition",
        prefix=f"{name}-chunk",
        user=True,
        divisions=x.npartitions,
    )
    node = call_node(
        _Aggregate(aggregate, aggregate_kwargs), [boxes], None, mode="gather", prefix=name, user=True, divisions=1
    )
    return new_collection(node, meta=meta, loose=True)


# --- counts of values -------------------------------------------------------------------------------------------------


def _counts_in_order(table: pd.DataFrame, name: Any, sort: bool, ascending: bool, normalize: bool) -> pd.Series:
    counts = pd.Series(
        table["count"].array, index=pd.Index(table.iloc[:, 0], name=name), name="proportion" if normalize else "count"
    )
    if normalize:
        counts = counts / counts.sum()
    return counts.sort_values(ascending=ascending, kind="stable") if sort else counts


def value_counts(x: Any, sort: bool, ascending: bool, dropna: bool, normalize: bool, bins: Any) -> Any:
    """Count the values of a Series."""
    kwargs = {"sort": sort, "ascending": ascending, "dropna": dropna, "normalize": normalize}
    meta = emulate(lambda part: part.value_counts(**kwargs), (x._meta,), {})
    if bins is not None:
        return gather("value_counts", x, kwargs={**kwargs, "bins": bins})

    def build() -> Any:
        calls = [("size", {}, None, "count")]
        key = x._node.with_labels(["key"])
        return _core.Node.aggregate(
            [key], calls, sort=False, dropna=dropna, observed=True, as_index=False, kind="frame"
        )

    # The categories of a categorical column are all counted, also those that don't occur.
    if not isinstance(x.dtype, pd.CategoricalDtype) and x.dtype != object:
        table = native(build, x)
        if table is not None:
            frame = new_collection(table)
            return gather(
                _counts_in_order, frame, x._meta.name, sort, ascending, normalize, meta=meta, prefix="value-counts"
            )
    return gather("value_counts", x, meta=meta, prefix="value-counts", kwargs=kwargs)


# --- random splits ----------------------------------------------------------------------------------------------------


def _split_at_random(part: Any, number: pd.Series, frac: list[float], seed: int, shuffle: bool, position: int) -> Any:
    state = np.random.default_rng([seed, int(number.iloc[0])])
    chosen = state.choice(len(frac), size=len(part), p=frac)
    rows = np.flatnonzero(chosen == position)
    if shuffle:
        state.shuffle(rows)
    return part.iloc[rows]


def random_split(x: Any, frac: list[float], random_state: Any, shuffle: bool) -> list[Any]:
    """Cut the rows at random into several collections."""
    if not np.allclose(sum(frac), 1):
        raise ValueError("frac should sum to 1")
    if random_state is None:
        seed = int(np.random.default_rng().integers(2**31))
    elif isinstance(random_state, int | np.integer):
        seed = int(random_state)
    else:
        seed = int(random_state.randint(2**31 - 1))
    number = new_collection(numbers(x.npartitions), cut=x._cut)
    shares = [float(value) for value in np.asarray(frac) / np.sum(frac)]
    return [
        rowwise(
            _split_at_random, x, number, shares, seed, shuffle, i, meta=x._meta, prefix="random-split", aligned=False
        )
        for i in range(len(shares))
    ]
