"""Rows in another order or under another index: sorting, duplicates, joins, the largest values.

What has to see all rows at once is one call of pandas whose result is cut into as many partitions as there were. Order
is that of pandas: sorts are stable, joins keep the order of the left side, numbering runs over all partitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe._fallback import _holds_missing, gather, rowwise, spread
from dusk.dataframe._joins import by_divisions, merge, with_one_partition
from dusk.dataframe._meta import emulate, no_default
from dusk.dataframe._reset import renumbered, reset_index
from dusk.dataframe._set_index import DivisionsPromise, set_index

__all__ = ["ReshapeMethods", "SeriesReshapeMethods"]


# --- sorting and duplicates -------------------------------------------------------------------------------------------


class SortMethods:
    """What Series and DataFrame have in common."""

    _meta: Any
    npartitions: int

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
        dtypes = [self._meta.dtype] if isinstance(self._meta, pd.Series) else self._meta.dtypes
        # What lists hold, only the data can tell.
        result = rowwise("explode", self, *args, loose=any(pd.api.types.is_object_dtype(dtype) for dtype in dtypes))
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
            of_index = labels in self._meta.index.names and labels not in getattr(self._meta, "columns", ())
            labels = None if of_index else [labels]
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
        kwargs: dict[str, Any] = {"on": on, "how": how, "sort": sort, "validate": validate}
        # pandas warns of these names even when they say nothing.
        kwargs |= {name: text for name, text in (("lsuffix", lsuffix), ("rsuffix", rsuffix)) if text}
        if npartitions is None and not isinstance(others, list):
            meta = emulate(lambda left, right: left.join(right, **kwargs), (self._meta, others._meta), {})
            loose = how != "inner" and not _holds_missing(meta)
            joined = None
            if on is None:
                joined = by_divisions("join", self, others, how, kwargs, meta, loose)
            if joined is None and others.npartitions == 1 and how in ("inner", "left") and not sort:
                joined = with_one_partition("join", self, others, kwargs, meta, loose, True)
            if joined is not None:
                return joined
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
