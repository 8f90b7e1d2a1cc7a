"""The DataFrame."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe import _columns, _methods
from dusk.dataframe._base import FrameBase
from dusk.dataframe._calls import is_collection
from dusk.dataframe._fallback import gather, native, rowwise, spread
from dusk.dataframe._meta import no_default
from dusk.dataframe._operators import elementwise, install_operators, rows_of_array
from dusk.dataframe._reductions import ReductionMethods, quantile, reduced
from dusk.dataframe._reshape import ReshapeMethods
from dusk.dataframe._shared import SharedMethods
from dusk.dataframe.rolling import install_windows

__all__ = ["DataFrame"]


class DataFrame(ReshapeMethods, ReductionMethods, SharedMethods, FrameBase):
    """A lazy pandas DataFrame in partitions.

    Make one with `read_csv`, `from_pandas`, `from_map`, `from_delayed` and their kin.

    Parameters
    ----------
    expr : _core.Node or DataFrame
        The plan.
    """

    _meta: pd.DataFrame

    # --- columns ------------------------------------------------------------------------------------------------------

    @property
    def columns(self) -> pd.Index:
        """The labels of the columns; may be set."""
        return self._meta.columns

    @columns.setter
    def columns(self, labels: Sequence[Hashable]) -> None:
        self._become(_columns.relabel(self, self._meta.set_axis(labels, axis=1).columns))

    @property
    def dtypes(self) -> pd.Series:
        """The dtype of each column."""
        return self._meta.dtypes

    @property
    def axes(self) -> list[Any]:
        """The lazy index and the columns."""
        return [self.index, self.columns]

    @property
    def shape(self) -> tuple[Any, int]:
        """The lazy number of rows, and the number of columns."""
        return (self._lengths(), len(self.columns))

    def keys(self) -> pd.Index:
        return self.columns

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._meta)

    def __contains__(self, label: Any) -> bool:
        return label in self._meta

    def _ipython_key_completions_(self) -> list[Hashable]:
        return list(self._meta.columns)

    def __dir__(self) -> list[str]:
        names = [name for name in self._meta.columns if isinstance(name, str) and name.isidentifier()]
        return sorted({*super().__dir__(), *names})

    def __getattr__(self, name: str) -> Any:
        # Only called for what isn't an attribute. An object that isn't set up yet (a copy, a pickle) has no columns.
        if not name.startswith("__") and "_known_meta" in self.__dict__:
            try:
                if name in self._meta.columns:
                    return self[name]
            except TypeError:
                pass
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and not hasattr(type(self), name) and name in self._meta.columns:
            self[name] = value
        else:
            object.__setattr__(self, name, value)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return _columns.getitem(self, key)
        key = rows_of_array(key, self)
        if isinstance(key, FrameBase):
            return self._filtered(key)
        if callable(key):
            return self[key(self)]
        if isinstance(key, slice):
            return self._rows(key)
        if isinstance(key, pd.Series) and pd.api.types.is_bool_dtype(key.dtype):
            from dusk.dataframe.io.pandas import from_pandas

            return self._filtered(from_pandas(key, npartitions=1))
        if isinstance(key, list | np.ndarray | pd.api.extensions.ExtensionArray) and self._is_mask(key):
            return spread("__getitem__", self, key, meta=self._meta, npartitions=self.npartitions, prefix="getitem")
        if is_collection(key):
            raise NotImplementedError(f"columns can't be chosen by a {type(key).__name__}, which isn't computed yet")
        if isinstance(key, pd.Series):
            key = key.tolist()
        return _columns.getitem(self, key)

    def _is_mask(self, key: Any) -> bool:
        """Whether a list holds a bool for each row, and no labels."""
        if not len(key) or not pd.api.types.is_bool_dtype(pd.Index(list(key)).dtype):
            return False
        return not all(label in self.columns for label in key)

    def _rows(self, key: slice) -> Any:
        labels = [value for value in (key.start, key.stop) if value is not None]
        positions = all(isinstance(value, int | np.integer) for value in labels)
        if positions and not pd.api.types.is_float_dtype(self._meta.index.dtype):
            return self.iloc[key]
        return self.loc[key]

    def _filtered(self, mask: FrameBase) -> Any:
        if isinstance(mask._meta, pd.DataFrame):
            return self.where(mask)
        if mask._meta.dtype != object:
            if not pd.api.types.is_bool_dtype(mask._meta.dtype):
                raise KeyError(
                    f"rows are chosen by a mask of bools, not by a {type(mask).__name__} of {mask._meta.dtype}"
                )
            node = native(lambda: self._node.filter(mask._node), self, mask)
            if node is not None:
                return self._partitionwise(node, origin=("Filter(frame={}, predicate={})", self, mask))
        meta = self._meta
        if self._node.same_rows(mask._node):
            return rowwise("__getitem__", self, mask, meta=meta, prefix="getitem")
        return rowwise("__getitem__", self, mask, meta=meta, prefix="getitem", broadcast=False, steady=True)

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, FrameBase):
            if isinstance(key._meta, pd.DataFrame) or pd.api.types.is_bool_dtype(key._meta.dtype):
                self._become(
                    self.mask(key, value) if isinstance(key._meta, pd.DataFrame) else self._set_rows(key, value)
                )
                return
            raise KeyError("only a label, a list of labels or a mask of bools can be set")
        if isinstance(key, list | pd.Index | np.ndarray):
            labels = list(key)
            if isinstance(value, FrameBase) and isinstance(value._meta, pd.DataFrame):
                if len(value._meta.columns) != len(labels):
                    raise ValueError("Columns must be same length as key")
                values = [value.iloc[:, i] for i in range(len(labels))]
            elif isinstance(value, pd.DataFrame):
                values = [value.iloc[:, i] for i in range(len(labels))]
            elif isinstance(value, list | tuple) and len(value) == len(labels):
                values = list(value)
            else:
                values = [value] * len(labels)
            self._become(_columns.assign(self, labels, values))
            return
        self._become(_columns.assign(self, [key], [value]))

    def _set_rows(self, mask: FrameBase, value: Any) -> Any:
        pairs = [(label, self[label].mask(mask, value)) for label in self.columns]
        return _columns.assign(self, [label for label, _ in pairs], [column for _, column in pairs])

    def __delitem__(self, key: Hashable) -> None:
        _ = self._meta[key]
        self._become(self.drop(columns=[key]))

    def pop(self, item: Hashable) -> Any:
        column = self[item]
        del self[item]
        return column

    def insert(self, loc: int, column: Hashable, value: Any, allow_duplicates: bool = False) -> None:
        if column in self.columns and not allow_duplicates:
            raise ValueError(f"cannot insert {column}, already exists")
        order = list(self.columns)
        order.insert(loc, column)
        self._become(_columns.assign(self, [column], [value])[order])

    def assign(self, **pairs: Any) -> Any:
        result: Any = self
        # A later function may read an earlier column, so values before it are set first.
        labels: list[str] = []
        values: list[Any] = []
        for label, value in pairs.items():
            if callable(value) and not is_collection(value):
                if labels:
                    result = _columns.assign(result, labels, values)
                    labels, values = [], []
                value = value(result)
            labels.append(label)
            values.append(value)
        return _columns.assign(result, labels, values) if labels else result

    def drop(
        self,
        labels: Any = None,
        axis: Any = 0,
        columns: Any = None,
        errors: str = "raise",
        index: Any = None,
        level: Any = None,
    ) -> Any:
        if labels is not None and (columns is not None or index is not None):
            raise ValueError("Cannot specify both 'labels' and 'index'/'columns'")
        if labels is not None:
            if axis in (1, "columns"):
                columns = labels
            else:
                index = labels
        if columns is None and index is None:
            raise ValueError("Need to specify at least one of 'labels', 'index' or 'columns'")
        result: Any = self
        if columns is not None:
            columns = list(columns) if is_collection(columns) else columns
            result = _columns.choose(
                result, lambda row: row.drop(columns=columns, errors=errors, level=level), ("Drop", self, repr(columns))
            )
        if index is not None:
            result = spread(
                "drop",
                result,
                meta=result._meta,
                npartitions=result.npartitions,
                kwargs={"index": index, "errors": errors, "level": level},
            )
        return result

    def rename(
        self,
        mapper: Any = None,
        index: Any = None,
        columns: Any = None,
        axis: Any = None,
        level: Any = None,
        errors: str = "ignore",
        **kwargs: Any,
    ) -> Any:
        if mapper is not None:
            if columns is not None or index is not None:
                raise TypeError("Cannot specify both 'mapper' and any of 'index' or 'columns'")
            if axis in (1, "columns"):
                columns = mapper
            else:
                index = mapper
        if columns is None and index is None:
            raise TypeError("must pass an index to rename")
        result: Any = self
        if columns is not None:
            labels = self._meta.rename(columns=columns, level=level, errors=errors).columns
            result = _columns.relabel(result, labels)
        if index is not None:
            result = rowwise("rename", result, kwargs={"index": index, "level": level}, keep_divisions=False)
        return result

    def add_prefix(self, prefix: str, axis: Any = None) -> Any:
        if axis in (0, "index"):
            return rowwise("add_prefix", self, prefix, kwargs={"axis": axis}, keep_divisions=False)
        return _columns.relabel(self, self._meta.add_prefix(prefix).columns)

    def add_suffix(self, suffix: str, axis: Any = None) -> Any:
        if axis in (0, "index"):
            return rowwise("add_suffix", self, suffix, kwargs={"axis": axis}, keep_divisions=False)
        return _columns.relabel(self, self._meta.add_suffix(suffix).columns)

    def select_dtypes(self, include: Any = None, exclude: Any = None) -> Any:
        probe = self._meta.set_axis(range(self._meta.shape[1]), axis=1)
        return _columns.columns_at(self, list(probe.select_dtypes(include=include, exclude=exclude).columns))

    def filter(self, items: Any = None, like: str | None = None, regex: str | None = None, axis: Any = None) -> Any:
        if axis in (0, "index"):
            return rowwise("filter", self, kwargs={"items": items, "like": like, "regex": regex, "axis": 0})
        return _columns.choose(self, lambda row: row.filter(items=items, like=like, regex=regex, axis=1))

    def get(self, key: Any, default: Any = None) -> Any:
        try:
            return self[key]
        except (KeyError, ValueError, IndexError):
            return default

    # --- rows ---------------------------------------------------------------------------------------------------------

    @property
    def loc(self) -> Any:
        """Choose rows and columns by label."""
        from dusk.dataframe.indexing import LocIndexer

        return LocIndexer(self)

    @property
    def iloc(self) -> Any:
        """Choose rows and columns by position."""
        from dusk.dataframe.indexing import ILocIndexer

        return ILocIndexer(self)

    def query(self, expr: str, **kwargs: Any) -> Any:
        names = _locals_of(expr, sys._getframe(1), kwargs)
        return rowwise("query", self, expr, meta=self._meta, kwargs={**kwargs, **names})

    def eval(self, expr: str, **kwargs: Any) -> Any:
        names = _locals_of(expr, sys._getframe(1), kwargs)
        return rowwise("eval", self, expr, kwargs={**kwargs, **names}, same_rows=True)

    def dropna(
        self,
        axis: Any = 0,
        how: Any = no_default,
        subset: Any = None,
        thresh: Any = no_default,
        ignore_index: bool = False,
    ) -> Any:
        subset = None if subset is no_default else subset
        if how is not no_default and thresh is not no_default:
            raise TypeError("You cannot set both the how and thresh arguments at the same time.")
        if axis in (1, "columns"):
            return gather("dropna", self, kwargs={"axis": 1}, loose=True)
        if thresh is no_default and not ignore_index and how in (no_default, "any", "all"):
            labels = list(self.columns) if subset is None else subset
            if isinstance(labels, str | tuple) or not isinstance(labels, list | pd.Index | np.ndarray):
                labels = [labels]
            missing = [label for label in labels if label not in self.columns]
            if missing:
                raise KeyError(missing)
            if self.columns.is_unique and len(labels):
                mask = self[labels[0]].notna()
                for label in labels[1:]:
                    mask = mask & self[label].notna() if how != "all" else mask | self[label].notna()
                if isinstance(mask, FrameBase) and not isinstance(mask._meta, pd.DataFrame):
                    return self._filtered(mask)
        kwargs = {"subset": subset, "ignore_index": False}
        if thresh is not no_default:
            kwargs["thresh"] = thresh
        if how is not no_default:
            kwargs["how"] = how
        result = rowwise("dropna", self, meta=self._meta, kwargs=kwargs)
        return result.reset_index(drop=True) if ignore_index else result

    def _fill_columns(self, values: dict[Hashable, Any]) -> Any:
        labels = [label for label in values if label in self.columns]
        if not labels:
            return self.copy()
        if self.columns.is_unique:
            columns = [elementwise("fillna", [self[label], values[label]]) for label in labels]
            if all(column is not None for column in columns):
                node = native(lambda: self._node.with_columns(labels, [column._node for column in columns]), self)
                if node is not None:
                    return self._partitionwise(node, origin=("{}.fillna({})", self, repr(values)))
        return rowwise("fillna", self, values, same_rows=True)

    def isna(self) -> Any:
        result = elementwise("isna", [self], ("{}.isna()", self))
        return result if result is not None else rowwise("isna", self, same_rows=True)

    def apply(
        self,
        function: Callable[..., Any],
        axis: Any = 0,
        *args: Any,
        meta: Any = no_default,
        args_: tuple[Any, ...] = (),
        **kwargs: Any,
    ) -> Any:
        from dusk.dataframe._user import apply_rows

        if "args" in kwargs:
            args = (*args, *kwargs.pop("args"))
        return apply_rows(self, function, axis, args, meta, kwargs)

    def map(self, func: Callable[..., Any], na_action: Any = None, meta: Any = no_default, **kwargs: Any) -> Any:
        from dusk.dataframe._user import map_values

        return map_values(self, func, na_action, meta, kwargs)

    applymap = map

    def groupby(
        self,
        by: Any = None,
        group_keys: bool = True,
        sort: bool | None = None,
        observed: bool | None = None,
        dropna: bool | None = None,
        level: Any = None,
        as_index: bool = True,
        **kwargs: Any,
    ) -> Any:
        from dusk.dataframe.groupby import DataFrameGroupBy

        return DataFrameGroupBy(
            self, by, level=level, as_index=as_index, sort=sort, group_keys=group_keys, observed=observed, dropna=dropna
        )

    # --- more reductions ----------------------------------------------------------------------------------------------

    def nunique(self, axis: Any = 0, dropna: bool = True, split_every: Any = False) -> Any:
        if axis in (1, "columns"):
            return rowwise("nunique", self, kwargs={"axis": 1, "dropna": dropna}, same_rows=True)
        return reduced(self, "nunique", {"dropna": dropna}, {"dropna": dropna})

    def quantile(
        self,
        q: Any = 0.5,
        axis: Any = 0,
        numeric_only: bool = False,
        method: str = "default",
        interpolation: str = "linear",
    ) -> Any:
        return quantile(self, q, axis, numeric_only, interpolation)

    def mode(self, dropna: bool = True, split_every: Any = False, numeric_only: bool = False) -> Any:
        return gather("mode", self, kwargs={"dropna": dropna, "numeric_only": numeric_only}, loose=True)

    def memory_usage(self, deep: bool = False, index: bool = True) -> Any:
        return gather(
            _total_memory, _methods.partition_memory(self, index, deep), meta=_memory_meta(), prefix="memory-usage"
        )

    @property
    def nbytes(self) -> Any:
        """The bytes of all columns, without the index, lazily."""
        return self.memory_usage(index=False).sum()

    # --- one by one ---------------------------------------------------------------------------------------------------

    def items(self) -> Iterator[tuple[Hashable, Any]]:
        for position, label in enumerate(self.columns):
            yield label, self.iloc[:, position]

    def iterrows(self) -> Iterator[tuple[Hashable, pd.Series]]:
        for i in range(self.npartitions):
            yield from self.get_partition(i).compute().iterrows()

    def itertuples(self, index: bool = True, name: str | None = "Pandas") -> Iterator[tuple[Any, ...]]:
        for i in range(self.npartitions):
            yield from self.get_partition(i).compute().itertuples(index=index, name=name)

    def info(self, buf: Any = None, verbose: bool = False, memory_usage: bool = False) -> None:
        from dusk.dataframe._info import write_info

        write_info(self, buf, verbose, memory_usage)

    def to_html(self, max_rows: int = 5) -> str:
        """Give the structure as HTML.

        Parameters
        ----------
        max_rows : int
            More rows than that are cut short.
        """
        from dusk.dataframe._repr import html_of

        return html_of(self, max_rows)

    def categorize(self, columns: Any = None, index: bool | None = None, split_every: Any = None, **kwargs: Any) -> Any:
        """Make columns categorical, with known categories; computes them now.

        Parameters
        ----------
        columns : label or list of labels, optional
            The columns; by default those of text and objects, and categorical ones whose categories aren't known.
        index : bool, optional
            Also the index; by default when it holds text or objects.
        split_every : int, optional
            Accepted for compatibility.
        **kwargs
            For `compute`.

        Returns
        -------
        DataFrame
        """
        from dusk.dataframe._categorize import categorize

        return categorize(self, columns, index, kwargs)

    @classmethod
    def from_dict(
        cls, data: Any, *, npartitions: int = 1, orient: str = "columns", dtype: Any = None, columns: Any = None
    ) -> Any:
        from dusk.dataframe.io.pandas import from_dict

        return from_dict(data, npartitions, orient=orient, dtype=dtype, columns=columns)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return pd.DataFrame(array, columns=self.columns)


def _locals_of(expr: str, frame: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Give the caller's variables that an expression names with ``@``, since it runs elsewhere."""
    names = set(re.findall(r"@([A-Za-z_]\w*)", expr))
    if not names or "local_dict" in kwargs:
        return {}
    found = {name: frame.f_locals.get(name, frame.f_globals.get(name)) for name in names if _known(frame, name)}
    return {"local_dict": found}


def _known(frame: Any, name: str) -> bool:
    return name in frame.f_locals or name in frame.f_globals


def _total_memory(parts: pd.DataFrame) -> pd.Series:
    return parts.groupby(level=0, sort=False).sum()


def _memory_meta() -> pd.Series:
    return pd.Series([], dtype="int64", index=pd.Index([], dtype="str"))


install_operators(DataFrame)
install_windows(DataFrame)
_methods.install(DataFrame, "DataFrame")
