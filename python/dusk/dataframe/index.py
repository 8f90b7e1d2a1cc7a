"""The index of a DataFrame or Series as a collection."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe import _methods, _repr
from dusk.dataframe._base import FrameBase, same
from dusk.dataframe._columns import rename_values
from dusk.dataframe._fallback import call_node, gather, loosen, native, rowwise
from dusk.dataframe._operators import install_operators
from dusk.dataframe._reductions import ReductionMethods
from dusk.dataframe._shared import SharedMethods
from dusk.dataframe._shift import shift_index
from dusk.dataframe.accessors import AccessorMethods, CategoricalAccessor

__all__ = ["Index"]


def _to_series(index: pd.Index) -> pd.Series:
    return index.to_series()


def _to_frame(index: pd.Index, with_index: bool, name: Any) -> pd.DataFrame:
    if name is pd.api.extensions.no_default:
        return index.to_frame(index=with_index)
    return index.to_frame(index=with_index, name=name)


class Index(AccessorMethods, ReductionMethods, SharedMethods, FrameBase):
    """A lazy pandas Index in partitions."""

    @property
    def name(self) -> Any:
        """Its name."""
        return self._meta.name

    @name.setter
    def name(self, value: Any) -> None:
        self._become(rename_values(self, value))

    @property
    def names(self) -> list[Any]:
        """The names of its levels."""
        return list(self._meta.names)

    @property
    def nlevels(self) -> int:
        """The number of its levels."""
        return self._meta.nlevels

    @property
    def dtype(self) -> Any:
        """Its dtype."""
        return self._meta.dtype

    @property
    def index(self) -> Index:
        """Itself."""
        return self

    @property
    def shape(self) -> tuple[Any]:
        """The lazy length."""
        return (self.size,)

    def to_series(self, index: Any = None, name: Any = pd.api.extensions.no_default) -> Any:
        result = self._as_series()
        return result if name is pd.api.extensions.no_default else rename_values(result, name)

    def _as_series(self) -> Any:
        node = native(lambda: self._node.select([0], "series"), self)
        if node is not None:
            from dusk.dataframe._new import new_collection

            return new_collection(node, cut=self._cut, origin=("{}.to_series()", self))
        return rowwise(_to_series, self, prefix="to-series", keep_divisions=True)

    def to_frame(self, index: bool = True, name: Any = pd.api.extensions.no_default) -> Any:
        return rowwise(_to_frame, self, index, name, prefix="to-frame", keep_divisions=index)

    def rename(self, name: Any) -> Index:
        return rename_values(self, name)

    def map(self, arg: Any, na_action: Any = None, meta: Any = None, is_monotonic: bool = False) -> Any:
        """Map each value, by a function, a mapping or a Series.

        Parameters
        ----------
        arg : callable, mapping or Series
            What gives the new value.
        na_action : {None, "ignore"}
            "ignore" leaves missing values alone.
        meta : object, optional
            What comes out; by default learned from made-up values, or from those of a mapping.
        is_monotonic : bool
            Greater values never become smaller ones, so known divisions are mapped too. Else they are forgotten.

        Returns
        -------
        Index
        """
        from dusk.dataframe._new import new_collection
        from dusk.dataframe._user import map_values

        result = map_values(self, arg, na_action, meta, {})
        if not is_monotonic or self._bounds is None:
            return result
        bounds = pd.Index(self._bounds).map(arg, na_action=na_action).tolist()
        if any(low > high for low, high in zip(bounds, bounds[1:])):
            raise ValueError(f"is_monotonic=True, but the divisions {self._bounds} become {bounds}")
        promised = loosen(result._meta) if result._loose else result._meta
        node = call_node(same, [result._node], promised, mode="partition", prefix="map", divisions=bounds)
        return new_collection(node, meta=result._meta, loose=result._loose)

    def shift(self, periods: int = 1, freq: Any = None) -> Any:  # type: ignore[override]
        return shift_index(self, periods, freq)

    def get_level_values(self, level: Any) -> Index:
        return rowwise("get_level_values", self, level)

    @property
    def nbytes(self) -> Any:
        """The bytes of the values, lazily."""
        from dusk.dataframe._new import new_collection

        return new_collection(self.memory_usage_per_partition().sum()._node, meta=1)

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

    def __repr__(self) -> str:
        return f"<dusk.dataframe.Index: expr={_repr.expression_of(self)}>"

    _repr_html_ = None  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        # The attributes of DatetimeIndex and its kin: year, month, ...
        if not name.startswith("_") and hasattr(type(self._meta), name):
            if name in _methods.INDEX_TIME_FIELDS:
                return rowwise(name, self, prefix=name)
            if name in _methods.INDEX_TIME_METHODS:
                return lambda *args, **kwargs: rowwise(name, self, *args, kwargs=kwargs, prefix=name)
            if isinstance(self._meta, pd.CategoricalIndex) and hasattr(CategoricalAccessor, name):
                return getattr(self.cat, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


install_operators(Index, methods=False)
_methods.install(Index, "Index")
