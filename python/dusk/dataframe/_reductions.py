"""Reductions: many rows to one value, or to one value for each column.

The core reduces natively what it can: a Series to a Scalar, a DataFrame to one row, which becomes a Series by a small
call of pandas. What it refuses (object columns, reductions without a kernel) pandas reduces over all rows at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe._columns import columns_at
from dusk.dataframe._distinct import count_distinct
from dusk.dataframe._fallback import call_node, gather, loosen, native, rowwise
from dusk.dataframe._meta import emulate, meta_nonempty, no_default
from dusk.dataframe._new import new_collection

is_object = pd.api.types.is_object_dtype

__all__ = ["ReductionMethods", "length_of", "reduced"]


def _sum_of(lengths: pd.Series) -> int:
    return int(lengths.sum())


def _length(part: Any) -> pd.Series:
    return pd.Series([len(part)], dtype="int64")


def length_of(x: Any) -> Any:
    """Give the number of rows as a lazy Scalar."""
    node = native(lambda: x._node.index_values(0, "series").reduce("size"), x)
    if node is not None:
        return new_collection(node, meta=1, origin=("{}.size()", x))
    meta = pd.Series([], dtype="int64")
    lengths = rowwise(_length, x, meta=meta, prefix="len", keep_divisions=False, keep_cut=False)
    if lengths._loose:
        return gather(_sum_of, lengths, meta=1, prefix="len")
    return new_collection(lengths._node.reduce("sum"), meta=1, origin=("{}.size()", x))


class _RowToSeries:
    """Makes a Series of a frame of one row: what pandas' reductions of a DataFrame give."""

    __slots__ = ("as_bool", "as_object")

    def __init__(self, as_bool: bool, as_object: bool) -> None:
        self.as_bool = as_bool
        self.as_object = as_object

    def __call__(self, row: pd.DataFrame) -> pd.Series:
        series = row.iloc[0]
        series.name = None
        if self.as_bool and series.dtype != "boolean":
            return series.astype(bool)
        return series.astype(object) if self.as_object else series

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-row", self.as_bool, self.as_object)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_RowToSeries, (self.as_bool, self.as_object))


def _numeric_positions(meta: pd.DataFrame) -> list[int]:
    is_numeric = pd.api.types.is_numeric_dtype
    return [i for i, dtype in enumerate(meta.dtypes) if is_numeric(dtype)]


def numeric_columns(x: Any) -> Any:
    """Give the columns that pandas' ``numeric_only=True`` keeps."""
    positions = _numeric_positions(x._meta)
    return x if len(positions) == x._meta.shape[1] else columns_at(x, positions)


def _along_rows(axis: Any) -> bool:
    return axis in (1, "columns")


def _check_axis(x: Any, axis: Any) -> None:
    allowed = (
        (0, 1, "index", "columns", "rows", None) if isinstance(x._meta, pd.DataFrame) else (0, "index", "rows", None)
    )
    if axis not in allowed:
        raise ValueError(f"No axis named {axis} for object type {type(x).__name__}")


def labelled(result: Any, labels: pd.Index) -> Any:
    """Note the labels that a reduced Series will have, for operations with the frame that it came from."""
    meta = result._meta
    if isinstance(meta, pd.Series) and not isinstance(meta.index, pd.MultiIndex):
        values = meta_nonempty(meta).iloc[:1].tolist() * len(labels)
        try:
            object.__setattr__(result, "_sample", pd.Series(values, index=labels, dtype=meta.dtype, name=meta.name))
        except (TypeError, ValueError):
            pass
    return result


def _ends_of(labels: pd.Index) -> Any:
    """Give the divisions of a Series with these labels; 1 when they have no order."""
    kinds = {type(label) for label in labels}
    return [min(labels), max(labels)] if kinds in ({str}, {int}) else 1


def reduced(x: Any, name: str, params: dict[str, Any], kwargs: dict[str, Any]) -> Any:
    """Reduce each column.

    Parameters
    ----------
    x : DataFrame, Series or Index
        What is reduced.
    name : str
        The reduction, as in pandas.
    params : dict
        What the core's reduction takes.
    kwargs : dict
        What pandas' method takes.
    """
    origin = (f"{{}}.{name}()", x)
    is_frame = isinstance(x._meta, pd.DataFrame)
    # pandas says at once, and in its own words, what a dtype can't do.
    target = x._meta.to_series() if isinstance(x._meta, pd.Index) else x._meta
    meta = emulate(lambda part: getattr(part, name)(**kwargs), (target,), {})
    node = None
    if not is_frame or x._meta.shape[1]:
        node = native(lambda: x._node.reduce(name, **params), x)
    if node is None:
        return _in_pandas(x, name, kwargs, meta, origin)
    if not is_frame:
        # a count of different values is one of Python's own integers
        return new_collection(node, meta=meta if type(meta) is int else None, origin=origin)
    as_object = any(is_object(dtype) for dtype in x._meta.dtypes)
    call = _RowToSeries(name in ("any", "all"), as_object and name not in ("any", "all", "count", "nunique"))
    # The smallest integer of no rows is missing, and so a float.
    loose = name in ("min", "max") and isinstance(meta.dtype, np.dtype) and meta.dtype.kind in "iub"
    promised = loosen(meta) if loose else meta
    wide = call_node(call, [node], promised, mode="gather", prefix=name, divisions=_ends_of(x._meta.columns))
    return labelled(new_collection(wide, meta=meta, origin=origin, loose=loose), x._meta.columns)


def _in_pandas(x: Any, name: str, kwargs: dict[str, Any], meta: Any, origin: Any) -> Any:
    source = x.to_series() if isinstance(x._meta, pd.Index) else x
    result = gather(name, source, meta=meta, prefix=name, kwargs=kwargs, loose=_depends_on_data(source._meta, name))
    object.__setattr__(result, "_origin", origin)
    if isinstance(x._meta, pd.DataFrame):
        return labelled(result, x._meta.columns)
    return result


def _depends_on_data(meta: Any, name: str) -> bool:
    """Whether only the values tell the dtype of what pandas gives: that of objects may be anything."""
    if name in ("count", "nunique", "any", "all", "size"):
        return False
    dtypes = list(meta.dtypes) if isinstance(meta, pd.DataFrame) else [meta.dtype]
    return any(is_object(dtype) for dtype in dtypes)


class ReductionMethods:
    """The reductions of DataFrame, Series and Index."""

    _meta: Any

    def nunique_approx(self, split_every: Any = None) -> Any:
        """Count different rows, by their hashes.

        Parameters
        ----------
        split_every : int, optional
            Accepted for compatibility.

        Returns
        -------
        Scalar
            A float. Dask estimates it within a few percent; this is exact but for equal hashes of 64 bits.
        """
        return count_distinct(self)

    def _reduce(
        self, name: str, axis: Any, params: dict[str, Any], numeric_only: bool | None = None, **more: Any
    ) -> Any:
        more.pop("split_every", None)
        _check_axis(self, axis)
        x: Any = self
        is_frame = isinstance(self._meta, pd.DataFrame)
        if is_frame and numeric_only:
            x = numeric_columns(self)
        kwargs = dict(params)
        if is_frame and name not in ("any", "all", "nunique"):
            kwargs["numeric_only"] = bool(numeric_only)
        if not is_frame and numeric_only and name not in ("count", "nunique"):
            kwargs["numeric_only"] = True
        if name == "count":
            kwargs.pop("skipna", None)
        if is_frame and _along_rows(axis):
            return rowwise(name, x, prefix=name, kwargs={**kwargs, "axis": 1})
        if is_frame and axis is None:
            return gather(name, x, prefix=name, kwargs={**kwargs, "axis": None})
        if more:
            kwargs.update(more)
            params = None  # type: ignore[assignment]
        if params is None:
            return gather(name, x, prefix=name, kwargs=kwargs)
        return reduced(x, name, params, kwargs)

    def sum(
        self,
        axis: Any = 0,
        skipna: bool = True,
        numeric_only: bool = False,
        min_count: int = 0,
        split_every: Any = False,
        **kwargs: Any,
    ) -> Any:
        return self._reduce("sum", axis, {"skipna": skipna, "min_count": min_count}, numeric_only, **kwargs)

    def prod(
        self,
        axis: Any = 0,
        skipna: bool = True,
        numeric_only: bool = False,
        min_count: int = 0,
        split_every: Any = False,
        **kwargs: Any,
    ) -> Any:
        return self._reduce("prod", axis, {"skipna": skipna, "min_count": min_count}, numeric_only, **kwargs)

    product = prod

    def mean(
        self, axis: Any = 0, skipna: bool = True, numeric_only: bool = False, split_every: Any = False, **kwargs: Any
    ) -> Any:
        return self._reduce("mean", axis, {"skipna": skipna}, numeric_only, **kwargs)

    def min(
        self, axis: Any = 0, skipna: bool = True, numeric_only: bool = False, split_every: Any = False, **kwargs: Any
    ) -> Any:
        return self._reduce("min", axis, {"skipna": skipna}, numeric_only, **kwargs)

    def max(
        self, axis: Any = 0, skipna: bool = True, numeric_only: bool = False, split_every: Any = False, **kwargs: Any
    ) -> Any:
        return self._reduce("max", axis, {"skipna": skipna}, numeric_only, **kwargs)

    def count(self, axis: Any = 0, numeric_only: bool = False, split_every: Any = False) -> Any:
        return self._reduce("count", axis, {}, numeric_only)

    def var(
        self,
        axis: Any = 0,
        skipna: bool = True,
        ddof: int = 1,
        numeric_only: bool = False,
        split_every: Any = False,
        **kwargs: Any,
    ) -> Any:
        return self._reduce("var", axis, {"skipna": skipna, "ddof": ddof}, numeric_only, **kwargs)

    def std(
        self,
        axis: Any = 0,
        skipna: bool = True,
        ddof: int = 1,
        numeric_only: bool = False,
        split_every: Any = False,
        **kwargs: Any,
    ) -> Any:
        return self._reduce("std", axis, {"skipna": skipna, "ddof": ddof}, numeric_only, **kwargs)

    def sem(
        self, axis: Any = None, skipna: bool = True, ddof: int = 1, split_every: Any = False, numeric_only: bool = False
    ) -> Any:
        return self._by_pandas("sem", 0 if axis is None else axis, numeric_only, skipna=skipna, ddof=ddof)

    def any(self, axis: Any = 0, skipna: bool = True, split_every: Any = False, **kwargs: Any) -> Any:
        return self._reduce("any", axis, {"skipna": skipna}, **kwargs)

    def all(self, axis: Any = 0, skipna: bool = True, split_every: Any = False, **kwargs: Any) -> Any:
        return self._reduce("all", axis, {"skipna": skipna}, **kwargs)

    def _by_pandas(self, name: str, axis: Any, numeric_only: bool, **kwargs: Any) -> Any:
        """Reduce in one call of pandas over all rows, or row by row."""
        _check_axis(self, axis)
        is_frame = isinstance(self._meta, pd.DataFrame)
        x: Any = numeric_columns(self) if is_frame and numeric_only else self
        if isinstance(x._meta, pd.Index):
            x = x.to_series()
        if is_frame and _along_rows(axis):
            return rowwise(name, x, prefix=name, kwargs={**kwargs, "axis": 1})
        if is_frame and axis is None:
            kwargs["axis"] = None
        result = gather(name, x, prefix=name, kwargs=kwargs, loose=_depends_on_data(x._meta, name))
        return labelled(result, x._meta.columns) if is_frame and axis is not None else result

    def median(self, axis: Any = 0, numeric_only: bool = False, skipna: bool = True) -> Any:
        return self._by_pandas("median", axis, numeric_only, skipna=skipna)

    def median_approximate(self, axis: Any = 0, method: str = "default", numeric_only: bool = False) -> Any:
        """Give the median; it is exact."""
        return self.median(axis=axis, numeric_only=numeric_only)

    def skew(self, axis: Any = 0, bias: bool = True, nan_policy: str = "propagate", numeric_only: bool = False) -> Any:
        """Give the skewness; ``bias=False`` corrects it for the number of values, as pandas does."""
        return _moments(self, "skew", axis, bias, nan_policy, numeric_only)

    def kurtosis(
        self,
        axis: Any = 0,
        fisher: bool = True,
        bias: bool = True,
        nan_policy: str = "propagate",
        numeric_only: bool = False,
    ) -> Any:
        """Give the kurtosis; ``fisher`` takes 3 off, ``bias=False`` corrects for the number of values."""
        return _moments(self, "kurtosis", axis, bias, nan_policy, numeric_only, fisher=fisher)

    kurt = kurtosis

    def idxmin(self, axis: Any = 0, skipna: bool = True, numeric_only: bool = False, split_every: Any = False) -> Any:
        return self._by_pandas("idxmin", axis, numeric_only, skipna=skipna)

    def idxmax(self, axis: Any = 0, skipna: bool = True, numeric_only: bool = False, split_every: Any = False) -> Any:
        return self._by_pandas("idxmax", axis, numeric_only, skipna=skipna)


def _moment(part: Any, name: str, bias: bool, fisher: bool) -> Any:
    if isinstance(part, pd.DataFrame):
        return pd.Series({label: _moment(part[label], name, bias, fisher) for label in part.columns}, dtype="float64")
    if not bias:
        value = part.skew() if name == "skew" else part.kurt()
        return value if fisher else value + 3
    values = part.dropna().to_numpy(dtype="float64")
    if not len(values):
        return np.nan
    centred = values - values.mean()
    m2 = (centred**2).mean()
    if m2 <= (np.finfo(float).resolution * abs(values.mean())) ** 2:
        return np.nan
    if name == "skew":
        return (centred**3).mean() / m2**1.5
    return (centred**4).mean() / m2**2 - (3 if fisher else 0)


def _moments(x: Any, name: str, axis: Any, bias: bool, nan_policy: str, numeric_only: bool, fisher: bool = True) -> Any:
    if nan_policy != "propagate":
        raise NotImplementedError("`nan_policy` other than 'propagate' have not been implemented.")
    _check_axis(x, axis)
    is_frame = isinstance(x._meta, pd.DataFrame)
    if is_frame and numeric_only:
        x = numeric_columns(x)
    if is_frame and _along_rows(axis):
        return rowwise("skew" if name == "skew" else "kurt", x, kwargs={"axis": 1})
    emulate(lambda part: getattr(part, name if name == "skew" else "kurt")(), (x._meta,), {})
    meta = (
        pd.Series([], dtype="float64", index=pd.Index([], dtype=x._meta.columns.dtype)) if is_frame else np.float64(1)
    )
    result = gather(_moment, x, name, bias, fisher, meta=meta, prefix=name)
    return labelled(result, x._meta.columns) if is_frame else result


def quantile(x: Any, q: Any, axis: Any, numeric_only: bool, interpolation: str = "linear") -> Any:
    """Give exact quantiles."""
    is_frame = isinstance(x._meta, pd.DataFrame)
    kwargs: dict[str, Any] = {"q": q if pd.api.types.is_scalar(q) else list(q), "interpolation": interpolation}
    if is_frame:
        x = numeric_columns(x) if numeric_only else x
        if _along_rows(axis):
            return rowwise("quantile", x, kwargs={**kwargs, "axis": 1})
        result = gather("quantile", x, kwargs=kwargs)
        return labelled(result, x._meta.columns) if pd.api.types.is_scalar(q) else result
    return gather("quantile", x, kwargs=kwargs, meta=no_default)
