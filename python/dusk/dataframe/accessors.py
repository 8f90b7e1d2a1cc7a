"""`str`, `dt` and `cat`: pandas' accessors, partition by partition."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe._base import FrameBase
from dusk.dataframe._derived import derive, document_like
from dusk.dataframe._fallback import gather, gather_aligned, rowwise
from dusk.dataframe._new import new_collection

__all__ = [
    "AccessorMethods",
    "CategoricalAccessor",
    "DatetimeAccessor",
    "StringAccessor",
    "register_dataframe_accessor",
    "register_index_accessor",
    "register_series_accessor",
]


class UnknownCategoriesError(AttributeError, NotImplementedError):
    """Categories that only the data can tell. An AttributeError as well, so that looking through attributes works."""


class Accessor:
    """A namespace of pandas on a Series or Index; its methods and properties are lazy."""

    _name: str
    _pandas: type
    #: Methods whose columns or dtypes only the data can tell.
    _of_all_rows: frozenset[str] = frozenset()

    def __init__(self, series: Any) -> None:
        meta = series._meta
        if isinstance(meta, pd.Index) and self._name != "str":
            meta = meta.to_series()
        getattr(meta, self._name)  # pandas says in its own words when the dtype has no such accessor
        self._series = series

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in dir(cls._pandas):
            if not name.startswith("_") and name not in vars(cls):
                setattr(cls, name, _member(cls, name))

    def _path(self, name: str) -> str:
        """Where pandas has a member of the namespace: an Index of categories or moments has it itself."""
        own = isinstance(self._series._meta, pd.Index) and self._name != "str"
        return name if own else f"{self._name}.{name}"

    def _call(self, name: str, dotted: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if name in self._of_all_rows:
            return gather_aligned(dotted, self._series, *args, kwargs=kwargs, loose=True, prefix=name)
        # A missing text has no length: the counts are floats then.
        loose = self._series._meta.dtype == object or name in ("len", "count", "find", "rfind", "index", "rindex")
        return rowwise(dotted, self._series, *args, kwargs=kwargs, same_rows=True, loose=loose, prefix=name)

    def _property(self, dotted: str) -> Any:
        return rowwise(dotted, self._series, same_rows=True)


def _member(cls: type, name: str) -> Any:
    """Give an accessor's method or property that does what pandas' does."""
    source = cls._pandas  # type: ignore[attr-defined]
    if callable(getattr(source, name)):

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            operator.attrgetter(self._path(name))(self._series._meta)  # not all kinds of moments have all methods
            return self._call(name, self._path(name), args, kwargs)

        method.__name__ = name
        method.__qualname__ = f"{cls.__name__}.{name}"
        return document_like(method, source, name)

    def value(self: Any) -> Any:
        return self._property(self._path(name))

    value.__name__ = name
    return derive(source, name, signature=False)(property(value))


class StringAccessor(Accessor):
    """Methods of text."""

    _name = "str"
    _pandas = pd.Series.str
    _of_all_rows = frozenset({"get_dummies"})

    def split(self, pat: Any = None, n: int = -1, expand: bool = False, **kwargs: Any) -> Any:
        return self._split("split", pat, n, expand, kwargs)

    def rsplit(self, pat: Any = None, n: int = -1, expand: bool = False, **kwargs: Any) -> Any:
        return self._split("rsplit", pat, n, expand, kwargs)

    def _split(self, name: str, pat: Any, n: int, expand: bool, kwargs: dict[str, Any]) -> Any:
        kwargs = {"pat": pat, "n": n, "expand": expand, **kwargs}
        if not expand:
            return rowwise(f"str.{name}", self._series, kwargs=kwargs, same_rows=True, loose=True, prefix=name)
        if n <= 0:
            raise NotImplementedError(
                "To use the expand parameter you must specify the number of expected splits with the n= parameter. "
                "Usually n splits result in n+1 output columns."
            )
        text = (" " if pat is None else pat).join(["a"] * (n + 1))
        sample = pd.Series([text], dtype=self._series.dtype, index=self._series._meta_nonempty.index[:1])
        meta = getattr(sample.str, name)(**kwargs).iloc[:0]
        return rowwise(_expanded, self._series, name, kwargs, meta.shape[1], meta=meta, same_rows=True, prefix=name)

    def cat(self, others: Any = None, sep: str | None = None, na_rep: str | None = None, join: str = "left") -> Any:
        if others is None:
            return gather("str.cat", self._series, kwargs={"sep": sep, "na_rep": na_rep}, prefix="cat")
        listed = list(others) if isinstance(others, list | tuple) else [others]
        if not all(isinstance(x, FrameBase) for x in listed):
            if isinstance(others, FrameBase) or not listed:
                raise TypeError("others must be Series or a list of Series")
            return gather_aligned("str.cat", self._series, others, kwargs={"sep": sep, "na_rep": na_rep, "join": join})
        kwargs = {"others": others, "sep": sep, "na_rep": na_rep, "join": join}
        return rowwise("str.cat", self._series, kwargs=kwargs, broadcast=False, prefix="cat", meta=self._series._meta)

    def extractall(self, pat: str, flags: int = 0) -> Any:
        return rowwise("str.extractall", self._series, pat, flags, prefix="extractall")

    def __getitem__(self, index: Any) -> Any:
        return rowwise(_item, self._series, index, same_rows=True, prefix="getitem", loose=self._series.dtype == object)


def _item(series: pd.Series, index: Any) -> pd.Series:
    return series.str[index]


def _expanded(series: pd.Series, name: str, kwargs: dict[str, Any], width: int) -> pd.DataFrame:
    # A partition of which no text has so many parts gives fewer columns.
    return getattr(series.str, name)(**kwargs).reindex(columns=range(width))


class DatetimeAccessor(Accessor):
    """Properties of moments and spans of time."""

    _name = "dt"
    _pandas = pd.core.indexes.accessors.CombinedDatetimelikeProperties  # type: ignore[attr-defined]

    def _property(self, dotted: str) -> Any:
        value = operator.attrgetter(dotted)(self._series._meta)
        # The zone, the unit and the frequency are known from the dtype alone.
        if not isinstance(value, pd.Series | pd.DataFrame | pd.Index | np.ndarray):
            return value
        # Missing moments have missing fields, which makes floats of integers.
        steady = not (isinstance(value, pd.Series) and isinstance(value.dtype, np.dtype) and value.dtype.kind in "iu")
        return rowwise(dotted, self._series, same_rows=True, loose=not steady)


def _categories_of(x: Any) -> pd.Index:
    return x.categories if isinstance(x, pd.Index) else x.cat.categories


def _codes_of(x: Any) -> Any:
    return pd.Index(x.codes) if isinstance(x, pd.Index) else x.cat.codes


def _unknown(what: str) -> UnknownCategoriesError:
    return UnknownCategoriesError(
        f"`df.column.cat.{what}` with unknown categories is not supported. Use `column.cat.as_known()` or "
        "`df.categorize()` beforehand to ensure known categories"
    )


class CategoricalAccessor(Accessor):
    """Categories and their codes."""

    _name = "cat"
    _pandas = pd.core.arrays.categorical.CategoricalAccessor  # type: ignore[attr-defined]

    @property
    def known(self) -> bool:
        """Whether the categories are known without computing."""
        return self._series.dtype.categories is not None and not self._series._loose

    @property
    def categories(self) -> pd.Index:
        """The categories."""
        if not self.known:
            raise _unknown("categories")
        return _categories_of(self._series._meta)

    @property
    def ordered(self) -> bool:
        """Whether the categories have an order."""
        return self._series.dtype.ordered

    @property
    def codes(self) -> Any:
        """The position of each value among the categories."""
        if not self.known:
            raise _unknown("codes")
        return rowwise(_codes_of, self._series, prefix="codes", same_rows=True)

    def as_known(self, **kwargs: Any) -> Any:
        """Give the Series with known categories; computes them when they aren't known.

        Parameters
        ----------
        **kwargs
            For `compute`.
        """
        if self.known:
            return self._series
        categories = gather(_categories_of, self._series, meta=pd.Index([], dtype=object), loose=True).compute(**kwargs)
        return self.set_categories(categories.values)

    def as_unknown(self) -> Any:
        """Give the Series as one whose categories only the data can tell."""
        series = self._series
        return new_collection(series._node, meta=series._meta, cut=series._cut, loose=True)

    def set_categories(self, new_categories: Any, ordered: Any = None, rename: bool = False) -> Any:
        dtype = pd.CategoricalDtype(new_categories, self.ordered if ordered is None else ordered)
        meta = self._series._meta.astype("object").astype(dtype) if not rename else pd.api.extensions.no_default
        return rowwise(
            self._path("set_categories"),
            self._series,
            new_categories,
            kwargs={"ordered": ordered, "rename": rename},
            same_rows=True,
            meta=meta,
            settled=not rename,
        )

    def remove_unused_categories(self) -> Any:
        return gather_aligned(self._path("remove_unused_categories"), self._series, loose=True)

    def _call(self, name: str, dotted: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return rowwise(dotted, self._series, *args, kwargs=kwargs, same_rows=True, prefix=name)


class AccessorMethods:
    """What a Series and an Index of the right dtype has: `str`, `dt`, `cat`."""

    @property
    def dt(self) -> DatetimeAccessor:
        """Properties of moments and spans of time."""
        return DatetimeAccessor(self)

    @property
    def cat(self) -> CategoricalAccessor:
        """Categories."""
        return CategoricalAccessor(self)

    @property
    def str(self) -> StringAccessor:
        """Methods of text."""
        return StringAccessor(self)

    def __dir__(self) -> list[Any]:
        return [name for name in super().__dir__() if name not in ("cat", "dt", "str") or hasattr(self, name)]


def _register(cls_name: str, name: str) -> Any:
    def decorate(accessor: type) -> type:
        from dusk.dataframe._new import class_of

        cls = class_of({"DataFrame": "frame", "Series": "series", "Index": "index"}[cls_name])
        setattr(cls, name, property(accessor))
        return accessor

    return decorate


def register_dataframe_accessor(name: str) -> Any:
    """Return a class decorator that makes ``df.<name>`` an instance of the class.

    Parameters
    ----------
    name : str
        The attribute.
    """
    return _register("DataFrame", name)


def register_series_accessor(name: str) -> Any:
    """Return a class decorator that makes ``series.<name>`` an instance of the class.

    Parameters
    ----------
    name : str
        The attribute.
    """
    return _register("Series", name)


def register_index_accessor(name: str) -> Any:
    """Return a class decorator that makes ``index.<name>`` an instance of the class.

    Parameters
    ----------
    name : str
        The attribute.
    """
    return _register("Index", name)
