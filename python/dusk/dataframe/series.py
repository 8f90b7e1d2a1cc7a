"""The Series."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe import _columns, _methods
from dusk.dataframe._base import FrameBase
from dusk.dataframe._fallback import gather, native, rowwise, spread
from dusk.dataframe._meta import no_default
from dusk.dataframe._new import new_collection
from dusk.dataframe._operators import install_operators, rows_of_array
from dusk.dataframe._reductions import ReductionMethods, quantile, reduced
from dusk.dataframe._reshape import SeriesReshapeMethods
from dusk.dataframe._shared import SharedMethods
from dusk.dataframe.accessors import AccessorMethods
from dusk.dataframe.rolling import install_windows

__all__ = ["Series"]


class Series(AccessorMethods, SeriesReshapeMethods, ReductionMethods, SharedMethods, FrameBase):
    """A lazy pandas Series in partitions.

    Parameters
    ----------
    expr : _core.Node or Series
        The plan.
    """

    _meta: pd.Series

    @property
    def name(self) -> Hashable:
        """Its name; may be set."""
        return self._meta.name

    @name.setter
    def name(self, value: Hashable) -> None:
        self._become(_columns.rename_values(self, value))

    @property
    def dtype(self) -> Any:
        """Its dtype."""
        return self._meta.dtype

    @property
    def dtypes(self) -> Any:
        """Its dtype."""
        return self._meta.dtype

    @property
    def columns(self) -> pd.Index:
        """Its name, as an index."""
        return pd.Index([self.name]) if self.name is not None else pd.RangeIndex(1)

    @property
    def axes(self) -> list[Any]:
        """The lazy index."""
        return [self.index]

    @property
    def shape(self) -> tuple[Any]:
        """The lazy length."""
        return (self._lengths(),)

    def __contains__(self, label: Any) -> bool:
        return label in self.index.compute()

    def __getitem__(self, key: Any) -> Any:
        key = rows_of_array(key, self)
        if isinstance(key, FrameBase):
            return self._filtered(key)
        if callable(key):
            return self[key(self)]
        if isinstance(key, slice):
            labels = [value for value in (key.start, key.stop) if value is not None]
            if all(isinstance(value, int | np.integer) for value in labels):
                return self.iloc[key]
            return self.loc[key]
        if isinstance(key, pd.Series) and pd.api.types.is_bool_dtype(key.dtype):
            from dusk.dataframe.io.pandas import from_pandas

            return self._filtered(from_pandas(key, npartitions=1))
        if isinstance(key, list | np.ndarray) and len(key) and pd.api.types.is_bool_dtype(pd.Index(list(key)).dtype):
            return spread("__getitem__", self, key, meta=self._meta, npartitions=self.npartitions, prefix="getitem")
        if pd.api.types.is_scalar(key) or isinstance(key, tuple):
            return gather("__getitem__", self, key, loose=True, meta=_value_of(self._meta), prefix="getitem")
        return self.loc[key]

    def _filtered(self, mask: FrameBase) -> Any:
        if isinstance(mask._meta, pd.DataFrame):
            raise TypeError("a Series is filtered by a Series of bools, not by a DataFrame")
        if mask._meta.dtype != object:
            if not pd.api.types.is_bool_dtype(mask._meta.dtype):
                return self.loc[mask]
            node = native(lambda: self._node.filter(mask._node), self, mask)
            if node is not None:
                return self._partitionwise(node, origin=("Filter(frame={}, predicate={})", self, mask))
        same = self._node.same_rows(mask._node)
        return rowwise("__getitem__", self, mask, meta=self._meta, prefix="getitem", broadcast=same, steady=True)

    def rename(self, index: Any = None, sorted_index: bool = False, **kwargs: Any) -> Any:
        if isinstance(index, FrameBase):
            return rowwise("rename", self, index._one_partition(), keep_divisions=False, loose=True, meta=self._meta)
        if index is None or (pd.api.types.is_hashable(index) and not callable(index)):
            return _columns.rename_values(self, index)
        renamed = rowwise("rename", self, index, keep_divisions=False, loose=True, meta=self._meta)
        if sorted_index and self.known_divisions:
            old = pd.Series(list(self.divisions), index=list(self.divisions))
            new = old.rename(index).index
            if not new.is_monotonic_increasing:
                raise ValueError("sorted_index=True, but the renamed divisions don't rise")
            renamed.divisions = list(new)
        return renamed

    def to_frame(self, name: Any = no_default) -> Any:
        label = (0 if self.name is None else self.name) if name is no_default else name

        def build() -> Any:
            node = self._node.select([0], "frame")
            return node if label == self.name and label is not None else node.with_labels([label])

        meta = self._meta.to_frame() if name is no_default else self._meta.to_frame(name=name)
        node = native(build, self)
        if node is not None:
            return self._partitionwise(node, meta=meta, origin=("ToFrame", self))
        return rowwise("to_frame", self, meta=meta, kwargs={} if name is no_default else {"name": name}, same_rows=True)

    def dropna(self, axis: Any = 0, ignore_index: bool = False, **kwargs: Any) -> Any:
        result = self._filtered(self.notna())
        return result.reset_index(drop=True) if ignore_index else result

    def between(self, left: Any, right: Any, inclusive: Any = "both") -> Any:
        if inclusive == "both":
            return (self >= left) & (self <= right)
        if inclusive == "left":
            return (self >= left) & (self < right)
        if inclusive == "right":
            return (self > left) & (self <= right)
        if inclusive == "neither":
            return (self > left) & (self < right)
        raise ValueError("Inclusive has to be either string of 'both','left', 'right', or 'neither'.")

    @property
    def loc(self) -> Any:
        """Choose rows by label."""
        from dusk.dataframe.indexing import LocIndexer

        return LocIndexer(self)

    @property
    def iloc(self) -> Any:
        """Choose rows by position."""
        from dusk.dataframe.indexing import ILocIndexer

        return ILocIndexer(self)

    def apply(
        self, function: Callable[..., Any], *args: Any, meta: Any = no_default, axis: Any = 0, **kwargs: Any
    ) -> Any:
        from dusk.dataframe._user import apply_series

        if "args" in kwargs:
            args = (*args, *kwargs.pop("args"))
        return apply_series(self, function, args, meta, kwargs)

    def map(self, arg: Any, na_action: Any = None, meta: Any = no_default, **kwargs: Any) -> Any:
        from dusk.dataframe._user import map_values

        return map_values(self, arg, na_action, meta, kwargs)

    def groupby(
        self,
        by: Any = None,
        group_keys: bool = True,
        sort: bool | None = None,
        observed: bool | None = None,
        dropna: bool | None = None,
        level: Any = None,
        **kwargs: Any,
    ) -> Any:
        from dusk.dataframe.groupby import SeriesGroupBy

        return SeriesGroupBy(
            self, by, level=level, as_index=True, sort=sort, group_keys=group_keys, observed=observed, dropna=dropna
        )

    # --- more reductions ----------------------------------------------------------------------------------------------

    def nunique(self, dropna: bool = True, split_every: Any = False, split_out: Any = True) -> Any:
        return reduced(self, "nunique", {"dropna": dropna}, {"dropna": dropna})

    def nunique_approx(self, split_every: Any = None) -> Any:
        """Give the number of values; it is exact."""
        return self.nunique()

    def quantile(self, q: Any = 0.5, method: str = "default", interpolation: str = "linear") -> Any:
        return quantile(self, q, 0, False, interpolation)

    def mode(self, dropna: bool = True, split_every: Any = False) -> Any:
        return gather("mode", self, kwargs={"dropna": dropna})

    def unique(self, split_every: Any = None, split_out: Any = True, shuffle_method: Any = None) -> Any:
        """Give each value once, in order of appearance, as a Series.

        Parameters
        ----------
        split_every, split_out, shuffle_method : object
            Accepted for compatibility.
        """
        return _distinct(self)

    def value_counts(
        self,
        sort: bool | None = None,
        ascending: bool = False,
        dropna: bool = True,
        normalize: bool = False,
        split_every: Any = None,
        split_out: Any = no_default,
        bins: Any = None,
    ) -> Any:
        from dusk.dataframe._user_reduction import value_counts

        return value_counts(self, sort is not False, ascending, dropna, normalize, bins)

    def corr(
        self, other: Any, method: str = "pearson", min_periods: int | None = None, split_every: Any = False
    ) -> Any:
        return gather("corr", self, other, kwargs={"method": method, "min_periods": min_periods})

    def cov(self, other: Any, min_periods: int | None = None, split_every: Any = False, ddof: int = 1) -> Any:
        return gather("cov", self, other, kwargs={"min_periods": min_periods, "ddof": ddof})

    def autocorr(self, lag: int = 1, split_every: Any = False) -> Any:
        if not isinstance(lag, int | np.integer):
            raise TypeError("lag must be an integer")
        return gather("autocorr", self, lag)

    def memory_usage(self, deep: bool = False, index: bool = True) -> Any:
        return new_collection(self.memory_usage_per_partition(index=index, deep=deep).sum()._node, meta=1)

    @property
    def nbytes(self) -> Any:
        """The bytes of the values, without the index, lazily."""
        return self.memory_usage(index=False)

    @property
    def is_monotonic_increasing(self) -> Any:
        """Whether values never fall, lazily."""
        return gather("is_monotonic_increasing", self, meta=np.bool_(True))

    @property
    def is_monotonic_decreasing(self) -> Any:
        """Whether values never rise, lazily."""
        return gather("is_monotonic_decreasing", self, meta=np.bool_(True))

    @property
    def is_unique(self) -> Any:
        """Whether no value comes twice, lazily."""
        return gather("is_unique", self, meta=np.bool_(True))

    @property
    def hasnans(self) -> Any:
        """Whether a value is missing, lazily."""
        return self.isna().any()

    def items(self) -> Iterator[tuple[Hashable, Any]]:
        for i in range(self.npartitions):
            yield from self.get_partition(i).compute().items()

    def case_when(self, caselist: Any) -> Any:
        flat = [(condition, value) for condition, value in caselist]
        return rowwise("case_when", self, flat, broadcast=False, prefix="case-when")

    def to_series(self) -> Any:
        """Give the Series itself."""
        return self


def _value_of(meta: Any) -> Any:
    from dusk.dataframe._meta import nonempty_scalar

    return nonempty_scalar(meta.dtype)


def _unique(series: pd.Series) -> pd.Series:
    return pd.Series(series.unique(), name=series.name, dtype=series.dtype if series.dtype != object else None)


def _distinct(x: Series) -> Any:
    from dusk import _core

    meta = x._meta.reset_index(drop=True)

    def build() -> Any:
        calls = [("size", {}, None, "size")]
        node = _core.Node.aggregate(
            [x._node], calls, sort=False, dropna=False, observed=True, as_index=False, kind="frame"
        )
        return node.select([0], "series")

    # A categorical column has its categories in another order than they appear.
    if not isinstance(x.dtype, pd.CategoricalDtype):
        node = native(build, x)
        if node is not None:
            return new_collection(node, origin=("Unique", x))
    partial = rowwise(_unique, x, meta=meta, prefix="unique", keep_divisions=False, keep_cut=False)
    return gather(_unique, partial, meta=meta, prefix="unique")


install_operators(Series)
install_windows(Series)
_methods.install(Series, "Series")
