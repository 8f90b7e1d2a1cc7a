"""Rows in another order or under another index: set_index, reset_index, sorting, duplicates, joins, the largest values.

What has to see all rows at once is one call of pandas whose result is cut into as many partitions as there were. Order is
that of pandas: sorts are stable, joins keep the order of the left side, numbering runs over all partitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe._fallback import _holds_missing, call_node, gather, rowwise, spread
from dusk.dataframe._meta import emulate, no_default
from dusk.dataframe._new import new_collection

__all__ = ["ReshapeMethods", "SeriesReshapeMethods", "merge", "renumbered"]


# --- numbering --------------------------------------------------------------------------------------------------------


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


# --- set_index --------------------------------------------------------------------------------------------------------


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
    if not filled:
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
    if isinstance(other, Series):
        if other._node.same_rows(x._node) and other.name in x.columns and other._node.name == x[other.name]._node.name:
            keys = other.name
        else:
            return _set_index_series(x, other, sorted, npartitions, divisions, sort)
    elif isinstance(other, FrameBase):
        keys = other.to_series()
        return _set_index_series(x, keys, sorted, npartitions, divisions, sort)
    else:
        labels = keys if isinstance(keys, list) else [keys]
        missing = [label for label in labels if not (pd.api.types.is_hashable(label) and label in x.columns)]
        if missing:
            raise KeyError(f"None of {missing} are in the columns")
    if sorted:
        result = rowwise(_set_index, frame, keys, drop, append, prefix="set-index", keep_divisions=False)
        return _with_checked_divisions(result, divisions, keys)
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
        return _with_checked_divisions(result, divisions, other.name) if sorted else result
    return _sorted_by_index(x, [other], _index_by_series_sorted, npartitions, divisions)


def _with_checked_divisions(result: Any, divisions: Any, name: Any) -> Any:
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
        return result if not filled else result._with_overlap_resolved(ends)
    result.divisions = divisions_of(ends)
    return result


# --- sorting and duplicates -------------------------------------------------------------------------------------------


class SortMethods:
    """What Series and DataFrame have in common."""

    _meta: Any
    npartitions: int
    _promise: Any = None

    def _with_overlap_resolved(self, ends: Any) -> Any:
        """Cut sorted rows anew, so that equal index values lie in one partition."""
        result = spread(_same, self, npartitions=self.npartitions, together=True, meta=self._meta, prefix="set-index")
        object.__setattr__(result, "_promise", DivisionsPromise(result))
        return result

    def sort_index(
        self,
        axis: Any = 0,
        level: Any = None,
        ascending: Any = True,
        na_position: str = "last",
        sort_remaining: bool = True,
        ignore_index: bool = False,
        key: Any = None,
        **kwargs: Any,
    ) -> Any:
        if axis in (1, "columns"):
            return rowwise("sort_index", self, kwargs={"axis": 1, "ascending": ascending, "key": key})
        kwargs = {
            "level": level,
            "ascending": ascending,
            "na_position": na_position,
            "sort_remaining": sort_remaining,
            "key": key,
            "kind": "stable",
        }
        plain = level is None and key is None and ascending is True
        result = spread(
            "sort_index",
            self,
            npartitions=self.npartitions,
            together=plain,
            meta=self._meta,
            kwargs=kwargs,
            prefix="sort-index",
        )
        if plain and not isinstance(self._meta.index, pd.MultiIndex):
            object.__setattr__(result, "_promise", DivisionsPromise(result))
        return renumbered(result) if ignore_index else result

    def nlargest(self, n: int = 5, columns: Any = None, split_every: Any = None, keep: str = "first") -> Any:
        return self._extreme("nlargest", n, columns, keep)

    def nsmallest(self, n: int = 5, columns: Any = None, split_every: Any = None, keep: str = "first") -> Any:
        return self._extreme("nsmallest", n, columns, keep)

    def _extreme(self, name: str, n: int, columns: Any, keep: str) -> Any:
        kwargs: dict[str, Any] = {"n": n, "keep": keep}
        if isinstance(self._meta, pd.DataFrame):
            if columns is None:
                raise TypeError(f"{name}() missing 1 required positional argument: 'columns'")
            kwargs["columns"] = columns
        else:
            getattr(self._meta, name)(n, keep=keep)  # pandas says in its own words what it can't order
        # The largest of all are among the largest of each partition.
        partial = rowwise(name, self, kwargs=kwargs, meta=self._meta, keep_cut=False, keep_divisions=False)
        return gather(name, partial, kwargs=kwargs, meta=self._meta)

    def explode(self, column: Any = None, ignore_index: bool = False) -> Any:
        args = () if isinstance(self._meta, pd.Series) else (column,)
        result = rowwise("explode", self, *args)
        return renumbered(result) if ignore_index else result

    def describe(
        self,
        split_every: Any = False,
        percentiles: Any = None,
        percentiles_method: str = "default",
        include: Any = None,
        exclude: Any = None,
    ) -> Any:
        kwargs = {"percentiles": percentiles, "include": include, "exclude": exclude}
        return gather("describe", self, kwargs=kwargs, loose=True)

    def shuffle(
        self,
        on: Any = no_default,
        ignore_index: bool = False,
        npartitions: int | None = None,
        shuffle_method: str | None = None,
        on_index: bool = False,
        force: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Bring rows with equal values into one partition.

        Parameters
        ----------
        on : label, list of labels or Series, optional
            The values; by default the index.
        ignore_index : bool
            Number the rows anew.
        npartitions : int, optional
            How many partitions the result has; by default as many as there are.
        shuffle_method, force : object
            Accepted for compatibility.
        on_index : bool
            Use the index.

        Returns
        -------
        DataFrame, Series
        """
        if on is not no_default and on_index:
            raise ValueError("Cannot use both on and on_index")
        labels = None if on is no_default or on_index else on
        count = npartitions or self.npartitions
        if isinstance(labels, str | tuple | int) and not isinstance(labels, bool):
            labels = [labels]
        args = [] if labels is None or isinstance(labels, list) else [labels]
        if isinstance(labels, list):
            missing = [label for label in labels if label not in self._meta.columns]
            if missing:
                raise KeyError(f"Cannot shuffle on {missing}, column(s) not in dataframe to shuffle")
        result = spread(
            _with_buckets,
            self,
            labels if isinstance(labels, list) else None,
            count,
            *args,
            npartitions=count,
            cut=_by_bucket,
            meta=self._meta,
            prefix="shuffle",
        )
        return renumbered(result) if ignore_index else result


def _with_buckets(part: Any, labels: list[Any] | None, count: int, by: Any = None) -> tuple[Any, np.ndarray, int]:
    if labels is not None:
        hashed = pd.util.hash_pandas_object(part[labels], index=False)
    elif by is not None:
        hashed = pd.util.hash_pandas_object(by, index=False)
    else:
        hashed = pd.util.hash_pandas_object(part.index, index=False)
    return part, np.asarray(hashed, dtype="uint64") % np.uint64(count), count


def _by_bucket(bucketed: tuple[Any, np.ndarray, int]) -> list[Any]:
    part, buckets, count = bucketed
    return [part.iloc[np.flatnonzero(buckets == i)] for i in range(count)]


class ReshapeMethods(SortMethods):
    """The methods of DataFrame that reorder, reindex and join."""

    columns: Any

    def set_index(
        self,
        other: Any,
        drop: bool = True,
        sorted: bool = False,
        npartitions: Any = None,
        divisions: Sequence[Any] | None = None,
        sort: bool = True,
        shuffle_method: str | None = None,
        upsample: float = 1.0,
        partition_size: float = 128e6,
        append: bool = False,
        **options: Any,
    ) -> Any:
        """Give the rows under another index, sorted by it.

        Parameters
        ----------
        other : label, Series or Index
            The new index.
        drop : bool
            Take the column out of the columns.
        sorted : bool
            The rows are sorted by it already; this is looked at now.
        npartitions : int, optional
            How many partitions the result has.
        divisions : sequence, optional
            The index values at which partitions begin, and the last one. Rows beyond them go to the first and the last.
        sort : bool
            False leaves the rows where they are.
        shuffle_method, upsample, partition_size : object
            Accepted for compatibility.
        append : bool
            Add it to the present index as a further level.

        Returns
        -------
        DataFrame
        """
        if options.get("inplace"):
            raise NotImplementedError("The inplace= keyword is not supported")
        return set_index(self, other, drop, sorted, npartitions, divisions, sort, append)

    def reset_index(
        self,
        drop: bool = False,
        level: Any = None,
        col_level: Any = 0,
        col_fill: Any = "",
        allow_duplicates: Any = no_default,
        names: Any = None,
    ) -> Any:
        kwargs = {"drop": drop, "level": level, "col_level": col_level, "col_fill": col_fill, "names": names}
        return reset_index(self, allow_duplicates=allow_duplicates, **kwargs)

    def sort_values(
        self,
        by: Any,
        npartitions: int | None = None,
        ascending: Any = True,
        na_position: str = "last",
        partition_size: float = 128e6,
        sort_function: Any = None,
        sort_function_kwargs: dict[str, Any] | None = None,
        upsample: float = 1.0,
        ignore_index: bool = False,
        shuffle_method: str | None = None,
        key: Any = None,
        kind: Any = None,
        **options: Any,
    ) -> Any:
        if na_position not in ("first", "last"):
            raise ValueError("na_position must be either 'first' or 'last'")
        labels = by if isinstance(by, list) else [by]
        if not all(isinstance(label, str | int | tuple | float) for label in labels):
            raise NotImplementedError("Dataframes only support sorting by named columns: give labels or a list of them")
        missing = [label for label in labels if label not in self.columns and label not in self._meta.index.names]
        if missing:
            raise KeyError(missing[0])
        kwargs: dict[str, Any] = {"by": by, "ascending": ascending, "na_position": na_position}
        if sort_function is not None:
            # a function of the user's, with the arguments that pandas' method takes
            kwargs.update(sort_function_kwargs or {})
            function: Any = sort_function
        else:
            function = "sort_values"
            kwargs.update(kind="stable", key=key)
        result = spread(
            function,
            self,
            npartitions=npartitions or self.npartitions,
            meta=self._meta,
            kwargs=kwargs,
            prefix="sort-values",
        )
        return renumbered(result) if ignore_index else result

    def drop_duplicates(
        self,
        subset: Any = None,
        split_every: Any = None,
        split_out: Any = True,
        shuffle_method: Any = None,
        ignore_index: bool = False,
        keep: Any = "first",
    ) -> Any:
        if subset is not None:
            labels = subset if isinstance(subset, list | pd.Index | np.ndarray) else [subset]
            missing = [label for label in labels if label not in self.columns]
            if missing:
                raise KeyError(pd.Index(missing))
        return _drop_duplicates(self, {"subset": subset, "keep": keep}, ignore_index)

    def merge(
        self,
        right: Any,
        how: str = "inner",
        on: Any = None,
        left_on: Any = None,
        right_on: Any = None,
        left_index: bool = False,
        right_index: bool = False,
        suffixes: Any = ("_x", "_y"),
        indicator: Any = False,
        shuffle_method: Any = None,
        npartitions: int | None = None,
        broadcast: Any = None,
        sort: bool = False,
        validate: str | None = None,
    ) -> Any:
        return merge(
            self,
            right,
            how=how,
            on=on,
            left_on=left_on,
            right_on=right_on,
            left_index=left_index,
            right_index=right_index,
            sort=sort,
            suffixes=suffixes,
            indicator=indicator,
            validate=validate,
            npartitions=npartitions,
        )

    def join(
        self,
        other: Any,
        on: Any = None,
        how: str = "left",
        lsuffix: str = "",
        rsuffix: str = "",
        shuffle_method: Any = None,
        npartitions: int | None = None,
        sort: bool = False,
        validate: str | None = None,
    ) -> Any:
        from dusk.dataframe.multi import as_collection

        others = [as_collection(x) for x in other] if isinstance(other, list) else as_collection(other)
        kwargs = {"on": on, "how": how, "lsuffix": lsuffix, "rsuffix": rsuffix, "sort": sort, "validate": validate}
        return spread(
            "join", self, others, npartitions=npartitions or self.npartitions, kwargs=kwargs, loose=how != "inner"
        )

    def melt(
        self,
        id_vars: Any = None,
        value_vars: Any = None,
        var_name: Any = None,
        value_name: Any = "value",
        col_level: Any = None,
        ignore_index: bool = True,
    ) -> Any:
        kwargs = {"id_vars": id_vars, "value_vars": value_vars, "var_name": var_name, "value_name": value_name}
        return spread(
            "melt",
            self,
            npartitions=self.npartitions,
            kwargs={**kwargs, "col_level": col_level, "ignore_index": ignore_index},
        )

    def pivot_table(
        self, index: Any = None, columns: Any = None, values: Any = None, aggfunc: Any = "mean", **kwargs: Any
    ) -> Any:
        from dusk.dataframe._pivot import pivot_table

        return pivot_table(self, index, columns, values, aggfunc, kwargs)

    def corr(
        self,
        method: str = "pearson",
        min_periods: int | None = None,
        numeric_only: bool = False,
        split_every: Any = False,
    ) -> Any:
        kwargs = {"method": method, "min_periods": 1 if min_periods is None else min_periods}
        return gather("corr", self, kwargs={**kwargs, "numeric_only": numeric_only})

    def cov(
        self, min_periods: int | None = None, numeric_only: bool = False, split_every: Any = False, ddof: int = 1
    ) -> Any:
        return gather("cov", self, kwargs={"min_periods": min_periods, "ddof": ddof, "numeric_only": numeric_only})

    def squeeze(self, axis: Any = None) -> Any:
        if axis in (1, "columns") or axis is None:
            if len(self.columns) == 1:
                return self.iloc[:, 0]  # type: ignore[attr-defined]
            return self
        if axis in (0, "index"):
            raise NotImplementedError(f"squeeze does not support axis {axis}: the number of rows isn't known")
        raise ValueError(f"No axis {axis} for object type {type(self).__name__}")


class SeriesReshapeMethods(SortMethods):
    """The methods of Series that reorder and reindex."""

    def reset_index(
        self,
        drop: bool = False,
        level: Any = None,
        name: Any = no_default,
        allow_duplicates: Any = no_default,
        **kwargs: Any,
    ) -> Any:
        return reset_index(self, drop=drop, level=level, name=name, allow_duplicates=allow_duplicates)

    def sort_values(
        self,
        ascending: bool = True,
        na_position: str = "last",
        ignore_index: bool = False,
        key: Any = None,
        npartitions: int | None = None,
        kind: Any = None,
        **options: Any,
    ) -> Any:
        kwargs = {"ascending": ascending, "na_position": na_position, "key": key, "kind": "stable"}
        result = spread(
            "sort_values",
            self,
            npartitions=npartitions or self.npartitions,
            meta=self._meta,
            kwargs=kwargs,
            prefix="sort-values",
        )
        return renumbered(result) if ignore_index else result

    def drop_duplicates(
        self,
        ignore_index: bool = False,
        split_every: Any = None,
        split_out: Any = True,
        shuffle_method: Any = None,
        keep: Any = "first",
    ) -> Any:
        return _drop_duplicates(self, {"keep": keep}, ignore_index)

    def nlargest(self, n: int = 5, split_every: Any = None, keep: str = "first") -> Any:
        return self._extreme("nlargest", n, None, keep)

    def nsmallest(self, n: int = 5, split_every: Any = None, keep: str = "first") -> Any:
        return self._extreme("nsmallest", n, None, keep)

    def squeeze(self, axis: Any = None) -> Any:
        return self


def _drop_duplicates(x: Any, kwargs: dict[str, Any], ignore_index: bool) -> Any:
    source = x
    if kwargs["keep"] in ("first", "last"):
        # what is no first (or last) in its own partition is none of all
        source = rowwise("drop_duplicates", x, kwargs=kwargs, meta=x._meta, prefix="drop-duplicates", keep_cut=False)
    elif kwargs["keep"] is not False:
        raise ValueError('keep must be either "first", "last" or False')
    result = gather("drop_duplicates", source, kwargs=kwargs, meta=x._meta, prefix="drop-duplicates", loose=x._loose)
    return renumbered(result) if ignore_index else result


# --- joins ------------------------------------------------------------------------------------------------------------

_JOINS = ("left", "right", "outer", "inner", "leftsemi", "cross", "left_anti", "right_anti")


def _semi(left: pd.DataFrame, right: pd.DataFrame, **kwargs: Any) -> pd.DataFrame:
    """Give the rows of ``left`` that have a partner in ``right``."""
    numbered = left.assign(__dusk_row__=np.arange(len(left)))
    found = numbered.merge(right, how="inner", **kwargs)["__dusk_row__"].unique()
    return left.iloc[np.sort(found)]


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
        return joined if kwargs.get("left_index") or kwargs.get("right_index") else renumbered(joined)
    return spread(pd.merge, left, right, npartitions=npartitions, kwargs=kwargs, meta=meta, loose=loose, prefix="merge")
