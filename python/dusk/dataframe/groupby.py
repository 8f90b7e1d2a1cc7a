"""Group-bys: natively where keys and values have the same rows and a kernel does the aggregation, else by pandas.

Covers `df.groupby(...)`, `series.groupby(...)`, column selection, all of pandas' methods on them, and `Aggregation`.
Invariant: results are those of one pandas call over all rows: order of groups, index, dtypes, names.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dusk import _core
from dusk.dataframe import _grouped
from dusk.dataframe._base import FrameBase
from dusk.dataframe._derived import derive_class, document_like
from dusk.dataframe._fallback import gather, gather_aligned, native, rowwise
from dusk.dataframe._grouped import Aggregation, GroupCall
from dusk.dataframe._meta import make_meta, no_default
from dusk.dataframe._new import new_collection
from dusk.dataframe._reductions import _numeric_positions

__all__ = ["Aggregation", "DataFrameGroupBy", "GroupBy", "SeriesGroupBy"]

#: Aggregations of the core, with the parameters that pandas' methods have.
_NATIVE = {
    "sum": ("skipna", "min_count"),
    "prod": ("skipna", "min_count"),
    "mean": ("skipna",),
    "min": ("skipna", "min_count"),
    "max": ("skipna", "min_count"),
    "first": ("skipna",),
    "last": ("skipna",),
    "count": (),
    "size": (),
    "var": ("ddof", "skipna"),
    "std": ("ddof", "skipna"),
    "nunique": ("dropna",),
    "any": ("skipna",),
    "all": ("skipna",),
}
#: Those that pandas refuses for columns that aren't numbers, unless told to leave these out.
_TAKES_NUMERIC_ONLY = frozenset({"sum", "prod", "mean", "min", "max", "first", "last", "var", "std"})
#: Methods of pandas whose result has the rows of the input.
_ALIGNED = frozenset(
    {"bfill", "cumcount", "cummax", "cummin", "cumprod", "cumsum", "diff", "ffill", "fillna", "ngroup", "pct_change",
     "rank", "shift", "transform"}
)  # fmt: skip
#: Methods whose result only the data can tell.
_LOOSE = frozenset(
    {"apply", "describe", "pipe", "quantile", "value_counts", "head", "tail", "nth", "sample", "get_group"}
)
_HINTS = ("split_every", "split_out", "shuffle_method")


def _has_native_form(name: str, params: dict[str, Any]) -> bool:
    """Whether the core's aggregation takes these parameters."""
    return params.get("min_count", -1) <= 0 or "min_count" in _NATIVE[name]


class GroupBy:
    """A DataFrame or Series with the keys by which its rows are grouped.

    Parameters
    ----------
    obj : DataFrame or Series
        What is grouped.
    by : label, Series, Index, callable, or list of these
        The keys.
    level : int or label, optional
        Levels of the index as keys.
    as_index, sort, group_keys, observed, dropna : bool
        As in pandas.
    slice : label or list of labels, optional
        The columns that are aggregated.
    """

    def __init__(
        self,
        obj: Any,
        by: Any = None,
        *,
        level: Any = None,
        as_index: bool = True,
        sort: bool | None = None,
        group_keys: bool = True,
        observed: bool | None = None,
        dropna: bool | None = None,
        slice: Any = None,
    ) -> None:
        if by is None and level is None:
            raise TypeError("You have to supply one of 'by' and 'level'")
        self.obj = obj
        self._level = level
        self._by = _grouped.keys_of(obj, by) if by is not None else []
        self._is_list = isinstance(by, list) or (isinstance(level, list))
        self._as_index = as_index
        self._sort = True if sort is None else sort
        self._group_keys = group_keys
        self._observed = True if observed is None else observed
        self._dropna = True if dropna is None else dropna
        self._slice = slice
        if by is not None and not self._by:
            raise ValueError("No group keys passed!")

    # --- what is grouped ----------------------------------------------------------------------------------------------

    @property
    def by(self) -> Any:
        """The keys."""
        return self._by if self._is_list or len(self._by) != 1 else self._by[0]

    @property
    def index(self) -> Any:
        """The index of what is grouped."""
        return self.obj.index

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "sort": self._sort,
            "group_keys": self._group_keys,
            "observed": self._observed,
            "dropna": self._dropna,
        }
        if not self._as_index:
            options["as_index"] = False
        if self._level is not None:
            options["level"] = self._level
        return options

    def _key_labels(self) -> list[Hashable]:
        """The columns that serve as keys and so aren't aggregated."""
        return [key.label for key in self._by if isinstance(key, _grouped.Label)]

    def _select(self, slice: Any) -> GroupBy:
        kind = DataFrameGroupBy if isinstance(slice, list | pd.Index) else SeriesGroupBy
        return kind(
            self.obj,
            list(self._by) or None,
            level=self._level,
            as_index=self._as_index,
            sort=self._sort,
            group_keys=self._group_keys,
            observed=self._observed,
            dropna=self._dropna,
            slice=slice,
        )._like(self)

    def _like(self, other: GroupBy) -> GroupBy:
        self._is_list = other._is_list
        return self

    # --- by pandas ----------------------------------------------------------------------------------------------------

    def _pandas_call(
        self, name: str | Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[Any, list[Any]]:
        """Give the function for one pandas call, and the collections that it takes."""
        keys, collections = _grouped.plain_keys(self._by)
        selection = self._slice
        call = GroupCall(keys, self._is_list, selection, self._options(), name, tuple(args), kwargs)
        return call, [self.obj, *collections]

    def _by_pandas(self, name: Any, *args: Any, user: bool = False, meta: Any = no_default, **kwargs: Any) -> Any:
        for hint in _HINTS:
            kwargs.pop(hint, None)
        word = name if isinstance(name, str) else getattr(name, "__name__", "agg")
        call, inputs = self._pandas_call(name, args, kwargs)
        loose = (meta is no_default and (word in _LOOSE or user)) or self._has_object_keys()
        aligned = word in _ALIGNED
        if word == "shift" and kwargs.get("freq") is not None:
            aligned = False  # the index moves
        if aligned and not (word == "transform" and meta is not no_default and self.obj.npartitions == 1):
            return gather_aligned(call, *inputs, meta=meta, prefix=word, user=user, loose=loose)
        return gather(call, *inputs, meta=meta, prefix=word, user=user, loose=loose)

    def _has_object_keys(self) -> bool:
        """Whether only the data can tell the dtype of the keys in the result."""
        meta = self.obj._meta
        metas = [
            meta[key.label] if isinstance(key, _grouped.Label) else getattr(key, "_meta", None) for key in self._by
        ]
        if self._level is not None:
            metas.append(meta.index)
        return any(pd.api.types.is_object_dtype(getattr(key, "dtype", None)) for key in metas if key is not None)

    # --- natively -----------------------------------------------------------------------------------------------------

    def _key_nodes(self) -> list[Any] | None:
        """The keys as nodes over the rows of what is grouped; None when a key is something else."""
        nodes = []
        if self._level is not None:
            levels = self._level if isinstance(self._level, list) else [self._level]
            names = list(self.obj._meta.index.names)
            for level in levels:
                position = names.index(level) if level in names else level
                if not isinstance(position, int):
                    return None
                node = native(lambda position=position: self.obj._node.index_values(position, "series"), self.obj)
                if node is None:
                    return None
                nodes.append(node)
        for key in self._by:
            if isinstance(key, _grouped.Label):
                node = _grouped.label_node(self.obj, key.label)
            elif isinstance(key, FrameBase) and not key._loose and self.obj._node.same_rows(key._node):
                node = native(lambda key=key: key._node.select([0], "series"), key)
            else:
                return None
            if node is None:
                return None
            nodes.append(node)
        return nodes

    def _aggregated(
        self,
        calls: Sequence[tuple[str, dict[str, Any], Any, Hashable]],
        kind: str,
        columns: pd.Index | None = None,
    ) -> Any | None:
        """Build the native group-by; None when pandas has to do it.

        Parameters
        ----------
        calls : sequence of (name, parameters, column or None, label)
            The aggregations; a column is a Series.
        kind : {"frame", "series"}
            What comes out.
        columns : pandas.Index, optional
            The labels of the result, for their names.
        """
        keys = self._key_nodes()
        if keys is None or self.obj._loose:
            return None
        nodes = []
        for name, params, column, label in calls:
            if column is not None and column._loose:
                return None
            nodes.append((name, params, None if column is None else column._node, label))
        loose = _grouped.may_be_missing(keys, calls, self._observed)

        def build() -> Any:
            node = _core.Node.aggregate(
                keys,
                nodes,
                sort=self._sort,
                dropna=self._dropna,
                observed=self._observed,
                as_index=self._as_index,
                kind=kind if self._as_index else "frame",
            )
            if columns is None or columns.nlevels == 1 or loose:
                return node
            return node.with_labels(labels_for(node, columns), list(columns.names))

        def labels_for(node: Any, columns: pd.Index) -> list[Hashable]:
            if self._as_index:
                return list(columns)
            # the keys are columns of the first level
            keys_first = list(new_collection(node).columns)[: len(keys)]
            return [(label, *[""] * (columns.nlevels - 1)) for label in keys_first] + list(columns)

        node = native(build, self.obj)
        if node is None:
            return None
        result = new_collection(node, origin=("GroupBy", self.obj), loose=loose)
        if not loose or columns is None or columns.nlevels == 1:
            return result
        labels = pd.MultiIndex.from_tuples(labels_for(node, columns), names=columns.names)
        return rowwise(_grouped.relabelled, result, labels, prefix="agg")

    def _value_columns(self) -> list[Hashable]:
        """The labels of the columns that are aggregated."""
        if self._slice is not None:
            return list(self._slice) if isinstance(self._slice, list | pd.Index) else [self._slice]
        used = self._key_labels()
        return [label for label in self.obj.columns if label not in used]

    def _reduce(self, name: str, params: dict[str, Any], numeric_only: bool | None) -> Any:
        raise NotImplementedError

    def sum(self, numeric_only: bool = False, min_count: int | None = None, skipna: bool = True, **kwargs: Any) -> Any:
        return self._reduce("sum", {"min_count": min_count or 0, "skipna": skipna}, numeric_only)

    def prod(self, numeric_only: bool = False, min_count: int | None = None, skipna: bool = True, **kwargs: Any) -> Any:
        return self._reduce("prod", {"min_count": min_count or 0, "skipna": skipna}, numeric_only)

    def mean(self, numeric_only: bool = False, split_out: Any = None, skipna: bool = True, **kwargs: Any) -> Any:
        return self._reduce("mean", {"skipna": skipna}, numeric_only)

    def min(self, numeric_only: bool = False, min_count: int = -1, skipna: bool = True, **kwargs: Any) -> Any:
        return self._reduce("min", {"min_count": min_count, "skipna": skipna}, numeric_only)

    def max(self, numeric_only: bool = False, min_count: int = -1, skipna: bool = True, **kwargs: Any) -> Any:
        return self._reduce("max", {"min_count": min_count, "skipna": skipna}, numeric_only)

    def first(self, numeric_only: bool = False, min_count: int = -1, skipna: bool = True, **kwargs: Any) -> Any:
        return self._reduce("first", {"min_count": min_count, "skipna": skipna}, numeric_only)

    def last(self, numeric_only: bool = False, min_count: int = -1, skipna: bool = True, **kwargs: Any) -> Any:
        return self._reduce("last", {"min_count": min_count, "skipna": skipna}, numeric_only)

    def var(self, ddof: int = 1, numeric_only: bool = False, skipna: bool = True, **kwargs: Any) -> Any:
        return self._reduce("var", {"ddof": ddof, "skipna": skipna}, numeric_only)

    def std(self, ddof: int = 1, numeric_only: bool = False, skipna: bool = True, **kwargs: Any) -> Any:
        return self._reduce("std", {"ddof": ddof, "skipna": skipna}, numeric_only)

    def any(self, skipna: bool = True, **kwargs: Any) -> Any:
        return self._reduce("any", {"skipna": skipna}, None)

    def all(self, skipna: bool = True, **kwargs: Any) -> Any:
        return self._reduce("all", {"skipna": skipna}, None)

    def count(self, **kwargs: Any) -> Any:
        return self._reduce("count", {}, None)

    def nunique(self, dropna: bool = True, **kwargs: Any) -> Any:
        return self._reduce("nunique", {"dropna": dropna}, None)

    def size(self, **kwargs: Any) -> Any:
        # pandas counts the rows of a nullable column in a nullable dtype
        if not self._is_nullable():
            result = self._aggregated([("size", {}, None, self._size_label())], "series")
            if result is not None:
                return result
        return self._by_pandas("size")

    def _is_nullable(self) -> bool:
        return False

    def _size_label(self) -> Hashable:
        if not self._as_index:
            return "size"
        return None

    # --- functions of the user ----------------------------------------------------------------------------------------

    def apply(self, func: Any, *args: Any, meta: Any = no_default, include_groups: bool = False, **kwargs: Any) -> Any:
        return self._user("apply", func, args, meta, kwargs)

    def transform(self, func: Any, *args: Any, meta: Any = no_default, **kwargs: Any) -> Any:
        if isinstance(func, str):
            return self._by_pandas("transform", func, *args, **kwargs)
        return self._user("transform", func, args, meta, kwargs)

    def filter(self, func: Any, dropna: bool = True, *args: Any, **kwargs: Any) -> Any:
        meta = self.obj._meta if self._slice is None else no_default
        return self._by_pandas("filter", func, dropna, *args, user=True, meta=meta, **kwargs)

    def pipe(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        return func(self, *args, **kwargs)

    def _user(self, name: str, func: Any, args: tuple[Any, ...], meta: Any, kwargs: dict[str, Any]) -> Any:
        from dusk.dataframe._user import warn_of_guess

        for hint in _HINTS:
            kwargs.pop(hint, None)
        if meta is no_default or meta is None:
            result = self._by_pandas(name, func, *args, user=True, **kwargs)
            if not isinstance(func, str):
                warn_of_guess(name, result._meta, of_groups=True)
            return result
        else:
            meta = make_meta(meta, index=self.obj._meta.index)
            if isinstance(meta, pd.DataFrame | pd.Series) and name == "apply":
                # The groups' keys may come into the index; which of it, only the function can tell.
                return self._by_pandas_loose(name, func, args, kwargs, meta)
        return self._by_pandas(name, func, *args, user=True, meta=meta, **kwargs)

    def _by_pandas_loose(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], meta: Any) -> Any:
        call, inputs = self._pandas_call(name, (func, *args), kwargs)
        return gather(call, *inputs, meta=meta, prefix=name, user=True, loose=True)

    # --- aggregations by name -----------------------------------------------------------------------------------------

    def aggregate(
        self, arg: Any = None, split_every: Any = None, split_out: Any = None, shuffle_method: Any = None, **kwargs: Any
    ) -> Any:
        raise NotImplementedError

    def agg(self, *args: Any, **kwargs: Any) -> Any:
        return self.aggregate(*args, **kwargs)

    def _agg_by_pandas(self, arg: Any, kwargs: dict[str, Any]) -> Any:
        user = _grouped.has_callable(arg) or _grouped.has_callable(kwargs)
        if _grouped.has_aggregation(arg) or _grouped.has_aggregation(kwargs):
            call, inputs = self._pandas_call(_grouped.aggregate_with_steps, (arg, kwargs), {})
            return gather(call, *inputs, prefix="agg", user=True, loose=True)
        args = () if arg is None else (arg,)
        call, inputs = self._pandas_call("agg", args, kwargs)
        return gather(call, *inputs, prefix="agg", user=user, loose=user or self._has_object_keys())

    # --- windows ------------------------------------------------------------------------------------------------------

    def rolling(self, window: Any, min_periods: int | None = None, center: bool = False, **kwargs: Any) -> Any:
        from dusk.dataframe.rolling import GroupWindow

        return GroupWindow(self, "rolling", (window,), {"min_periods": min_periods, "center": center, **kwargs})

    def expanding(self, *args: Any, **kwargs: Any) -> Any:
        from dusk.dataframe.rolling import GroupWindow

        return GroupWindow(self, "expanding", args, kwargs)

    def ewm(self, *args: Any, **kwargs: Any) -> Any:
        from dusk.dataframe.rolling import GroupWindow

        return GroupWindow(self, "ewm", args, kwargs)

    def resample(self, *args: Any, **kwargs: Any) -> Any:
        from dusk.dataframe.rolling import GroupWindow

        return GroupWindow(self, "resample", args, kwargs)

    def get_group(self, key: Any) -> Any:
        meta = self.obj._meta if self._slice is None else self.obj._meta[self._slice]
        call, inputs = self._pandas_call(_grouped.group_or_nothing, (key,), {})
        return gather(call, *inputs, meta=meta, prefix="get-group")

    def compute(self, **kwargs: Any) -> Any:
        """Compute what is grouped, and give pandas' group-by of it.

        Parameters
        ----------
        **kwargs
            For `dusk.compute`.
        """
        from dusk.base import compute

        call, inputs = self._pandas_call(_grouped.itself, (), {})
        return call(*compute(*inputs, **kwargs))

    @property
    def ngroups(self) -> int:
        """The number of groups; computes them."""
        return len(self.size())

    def __len__(self) -> int:
        return self.ngroups

    def __iter__(self) -> Any:
        return iter(self.compute())

    def __repr__(self) -> str:
        return f"<dusk.dataframe.groupby.{type(self).__name__} of {self._by!r}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if isinstance(self, DataFrameGroupBy) and name in self.obj.columns:
            return self[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class DataFrameGroupBy(GroupBy):
    """A grouped DataFrame."""

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, pd.Series | np.ndarray) or (isinstance(key, tuple) and key not in self.obj.columns):
            key = list(key)
        labels = key if isinstance(key, list | pd.Index) else [key]
        missing = [label for label in labels if label not in self.obj.columns]
        if missing:
            raise KeyError(
                f"Columns not found: {', '.join(map(repr, missing))}"
                if isinstance(key, list)
                else f"Column not found: {key}"
            )
        return self._select(list(key) if isinstance(key, list | pd.Index) else key)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name for name in self.obj.columns if isinstance(name, str))})

    def _reduce(self, name: str, params: dict[str, Any], numeric_only: bool | None) -> Any:
        labels = self._value_columns()
        kwargs = dict(params)
        if name in _TAKES_NUMERIC_ONLY:
            kwargs["numeric_only"] = bool(numeric_only)
        if numeric_only:
            meta = self.obj._meta
            numeric = {meta.columns[i] for i in _numeric_positions(meta)}
            labels = [label for label in labels if label in numeric]
        if labels and self.obj.columns.is_unique and _has_native_form(name, params):
            known = {key: value for key, value in params.items() if key in _NATIVE[name]}
            calls = [(name, known, self.obj[label], label) for label in labels]
            columns = self.obj._meta[labels].columns
            result = self._aggregated(calls, "frame", columns)
            if result is not None:
                return result
        return self._by_pandas(name, **kwargs)

    def aggregate(
        self, arg: Any = None, split_every: Any = None, split_out: Any = None, shuffle_method: Any = None, **kwargs: Any
    ) -> Any:
        plan = _grouped.frame_plan(arg, kwargs, self._value_columns())
        if plan is not None and self.obj.columns.is_unique:
            calls, columns = plan
            missing = [label for label, _ in calls if label not in self.obj.columns]
            if missing:
                raise KeyError(f"Label(s) {missing} do not exist")
            if all(name in _NATIVE and name != "size" for _, name in calls):
                native_calls = [
                    (name, {}, self.obj[label], new) for (label, name), new in zip(calls, columns, strict=True)
                ]
                if columns.is_unique:
                    result = self._aggregated(native_calls, "frame", columns)
                    if result is not None:
                        return result
        return self._agg_by_pandas(arg, kwargs)

    def cov(self, ddof: int = 1, numeric_only: bool = False, **kwargs: Any) -> Any:
        return self._by_pandas("cov", ddof=ddof, numeric_only=numeric_only)

    def corr(self, numeric_only: bool = False, **kwargs: Any) -> Any:
        return self._by_pandas("corr", numeric_only=numeric_only)


class SeriesGroupBy(GroupBy):
    """A grouped column."""

    def __getitem__(self, key: Any) -> Any:
        raise IndexError(f"Column(s) {key} already selected" if self._slice is not None else "Cannot index a Series")

    def _column(self) -> Any:
        return self.obj if self._slice is None else self.obj[self._slice]

    def _size_label(self) -> Hashable:
        return "size" if not self._as_index else self._column().name

    def _is_nullable(self) -> bool:
        return isinstance(self._column().dtype, pd.api.extensions.ExtensionDtype)

    def _reduce(self, name: str, params: dict[str, Any], numeric_only: bool | None) -> Any:
        kwargs = dict(params)
        if name in _TAKES_NUMERIC_ONLY and numeric_only:
            kwargs["numeric_only"] = True
            return self._by_pandas(name, **kwargs)
        if _has_native_form(name, params):
            known = {key: value for key, value in params.items() if key in _NATIVE[name]}
            column = self._column()
            result = self._aggregated([(name, known, column, column.name)], "series")
            if result is not None:
                return result
        return self._by_pandas(name, **kwargs)

    def aggregate(
        self, arg: Any = None, split_every: Any = None, split_out: Any = None, shuffle_method: Any = None, **kwargs: Any
    ) -> Any:
        if isinstance(arg, str) and not kwargs and arg in _NATIVE:
            return getattr(self, arg)()
        plan = _grouped.series_plan(arg, kwargs)
        if plan is not None and self._as_index:
            names, labels = plan
            if all(name in _NATIVE and name != "size" for name in names) and len(set(labels)) == len(labels):
                column = self._column()
                calls = [(name, {}, column, label) for name, label in zip(names, labels, strict=True)]
                result = self._aggregated(calls, "frame")
                if result is not None:
                    return result
        return self._agg_by_pandas(arg, kwargs)

    def unique(self, **kwargs: Any) -> Any:
        return self._by_pandas("unique")

    def value_counts(self, **kwargs: Any) -> Any:
        return self._by_pandas("value_counts", **kwargs)


def _method(source: type, name: str) -> Any:
    """Give a method that pandas does."""

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._by_pandas(name, *args, **kwargs)

    call.__name__ = name
    return document_like(call, source, name)


def _install(cls: type, source: type) -> None:
    """Give a class the methods of pandas that it doesn't have, and documents all in the words of pandas."""
    for name in dir(source):
        member = getattr(source, name)
        by_pandas = callable(member) or name in ("nth", "is_monotonic_increasing", "is_monotonic_decreasing")
        if by_pandas and not name.startswith("_") and not hasattr(cls, name):
            method = _method(source, name)
            method.__qualname__ = f"{cls.__name__}.{name}"
            setattr(cls, name, property(method) if name.startswith("is_") else method)
    for part in cls.__mro__:
        if part.__module__ == __name__:
            derive_class(source)(part)


_install(DataFrameGroupBy, _grouped.pandas_class(False))
_install(SeriesGroupBy, _grouped.pandas_class(True))
