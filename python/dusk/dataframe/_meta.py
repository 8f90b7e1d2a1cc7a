"""Empty pandas objects that say what a collection will hold, and two-row ones to try functions on.

Answers: what `meta=` may be given as (`make_meta`), a small object with plausible values of the same dtypes
(`meta_nonempty`), and what a function makes of it (`emulate`). Does not cover the dtypes of native operations: the core
decides those.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionDtype, no_default

from dusk._dispatch import Dispatch

__all__ = [
    "emulate",
    "empty_like",
    "is_scalar_meta",
    "make_meta",
    "meta_nonempty",
    "no_default",
    "nonempty_scalar",
]

# Two rows: enough for a function to see that there may be more than one.
_ROWS = 2
_TEXT = ["a", "b"]

#: What other libraries register for their own dtypes and classes, through `dusk.dataframe.extensions`.
EXAMPLE_ARRAYS = Dispatch("make_array_nonempty")
EXAMPLE_SCALARS = Dispatch("make_scalar")


def _registered(examples: Dispatch, x: Any) -> Callable[[Any], Any] | None:
    try:
        return examples.dispatch(type(x))
    except TypeError:
        return None


def empty_like(obj: Any) -> Any:
    """Give the pandas object without its rows; a scalar stays what it is."""
    if isinstance(obj, pd.DataFrame | pd.Series):
        return obj.iloc[:0]
    if isinstance(obj, pd.Index):
        return obj[:0]
    return obj


def is_scalar_meta(meta: Any) -> bool:
    """Whether a meta stands for a single value and not for something with rows."""
    return not isinstance(meta, pd.DataFrame | pd.Series | pd.Index)


def make_meta(x: Any, index: pd.Index | None = None, parent_meta: Any = None) -> Any:
    """Make an empty pandas object of what users may give as ``meta``.

    Parameters
    ----------
    x : object
        A pandas object, a collection, a mapping ``{name: dtype}``, an iterable of ``(name, dtype)``, a tuple
        ``(name, dtype)`` for a Series, a dtype or a value for a single value.
    index : pandas.Index, optional
        The index of the result, where ``x`` doesn't say.
    parent_meta : object, optional
        Accepted for compatibility.

    Returns
    -------
    pandas.DataFrame, pandas.Series, pandas.Index or scalar
    """
    if hasattr(x, "_meta"):
        return x._meta
    if isinstance(x, pd.DataFrame | pd.Series | pd.Index):
        return empty_like(x)
    if index is not None:
        index = empty_like(make_meta(index))
    if isinstance(x, type) and not issubclass(x, np.generic) and x not in (int, float, bool, str, complex, object):
        raise TypeError(f"Don't know how to create metadata from {x}")
    if isinstance(x, Mapping):
        return pd.DataFrame({name: _empty_column(dtype, index) for name, dtype in x.items()}, index=index)
    if isinstance(x, tuple) and len(x) == 2:
        name, dtype = x
        return _empty_column(dtype, index).rename(name)
    if isinstance(x, list | tuple) or (isinstance(x, Iterable) and not isinstance(x, str | bytes | np.ndarray)):
        pairs = list(x)
        if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
            raise ValueError(f"Expected iterable of tuples of (name, dtype), got {pairs}")
        frame = pd.DataFrame({i: _empty_column(dtype, index) for i, (_, dtype) in enumerate(pairs)}, index=index)
        frame.columns = pd.Index([name for name, _ in pairs]) if pairs else pd.Index([])
        return frame
    if x is None:
        return None
    dtype = _as_dtype(x)
    if dtype is not None:
        return nonempty_scalar(dtype)
    example = _registered(EXAMPLE_SCALARS, x)
    if example is not None:
        return example(x)
    if pd.api.types.is_scalar(x):
        return x
    if isinstance(x, np.ndarray):
        return x[:0]
    raise TypeError(f"Don't know how to create metadata from {x}")


def _as_dtype(x: Any) -> Any:
    """Give the dtype that ``x`` names, or None when it is no dtype but a value."""
    if isinstance(x, np.dtype | ExtensionDtype):
        return x
    if isinstance(x, type | str):
        try:
            return pd.api.types.pandas_dtype(x)
        except (TypeError, ValueError):
            return None
    return None


def _empty_column(dtype: Any, index: pd.Index | None) -> pd.Series:
    return pd.Series([], dtype="object" if dtype is None else dtype, index=index if index is not None else None)


def nonempty_scalar(dtype: Any) -> Any:
    """Give a plausible value of a dtype."""
    values = _nonempty_values(pd.api.types.pandas_dtype(dtype))
    return values[0]


def _nonempty_values(dtype: Any, like: pd.Series | pd.Index | None = None) -> Any:
    """Give an array of two plausible values of a dtype."""
    if isinstance(dtype, pd.CategoricalDtype):
        categories = dtype.categories
        if categories is None or len(categories) == 0:
            values = pd.Categorical(_TEXT[:1] * _ROWS, ordered=dtype.ordered or False)
            if categories is not None and len(categories) == 0:
                return pd.Categorical([None] * _ROWS, dtype=dtype)
            return values
        return pd.Categorical([categories[0], categories[-1]], dtype=dtype)
    if isinstance(dtype, pd.DatetimeTZDtype):
        stamps = pd.date_range("1970-01-01", periods=_ROWS, tz=dtype.tz)
        return stamps.as_unit(dtype.unit).array
    if isinstance(dtype, pd.PeriodDtype):
        return pd.period_range("1970-01-01", periods=_ROWS, freq=dtype.freq).array
    if isinstance(dtype, pd.IntervalDtype):
        return pd.arrays.IntervalArray.from_breaks([0, 1, 2], closed=dtype.closed or "right").astype(dtype)
    if isinstance(dtype, pd.SparseDtype):
        return pd.arrays.SparseArray(_nonempty_values(dtype.subtype), dtype=dtype)
    if isinstance(dtype, ExtensionDtype):
        example = _registered(EXAMPLE_ARRAYS, dtype)
        if example is not None:
            return example(dtype)
        candidates: list[list[Any]] = [_TEXT] if isinstance(dtype, pd.StringDtype) else []
        candidates += [[1, 1], [True, True], _TEXT, [1.0, 1.0], [pd.Timestamp(0), pd.Timestamp(86_400_000_000_000)]]
        candidates += [[pd.Timedelta(1), pd.Timedelta(1)], [b"a", b"b"]]
        for candidate in candidates:
            try:
                return pd.array(candidate, dtype=dtype)
            except Exception:
                continue
        from pandas.api.extensions import ExtensionArray

        array = dtype.construct_array_type()._from_sequence([], dtype=dtype)
        return ExtensionArray.take(array, [-1, -1], allow_fill=True)
    kind = dtype.kind
    if kind == "b":
        return np.array([True, True])
    if kind in "iuf":
        return np.ones(_ROWS, dtype=dtype)
    if kind == "c":
        return np.ones(_ROWS, dtype=dtype)
    if kind == "M":
        return np.array([0, 86_400_000_000_000], dtype="datetime64[ns]").astype(dtype)
    if kind == "m":
        return np.array([86_400_000_000_000, 172_800_000_000_000], dtype="timedelta64[ns]").astype(dtype)
    if kind in "SU":
        return np.array(_TEXT, dtype=dtype)
    values = np.empty(_ROWS, dtype=object)
    values[:] = "foo"
    return values


def _nonempty_index(index: pd.Index) -> pd.Index:
    if isinstance(index, pd.RangeIndex):
        return pd.RangeIndex(_ROWS, name=index.name)
    if isinstance(index, pd.MultiIndex):
        arrays = [_nonempty_index(index.levels[i]) for i in range(index.nlevels)]
        arrays = [_nonempty_index(pd.Index([], dtype=level.dtype)) for level in arrays]
        return pd.MultiIndex.from_arrays(arrays, names=index.names)
    if isinstance(index, pd.DatetimeIndex) and index.freq is not None:
        return pd.date_range(
            "1970-01-01", periods=_ROWS, freq=index.freq, tz=index.tz, name=index.name, unit=index.unit
        )
    if pd.api.types.is_numeric_dtype(index.dtype) and not pd.api.types.is_bool_dtype(index.dtype):
        return pd.Index(np.arange(_ROWS), dtype=index.dtype, name=index.name)
    if index.dtype == object:
        return pd.Index(_TEXT, dtype=object, name=index.name)
    return pd.Index(_nonempty_values(index.dtype), dtype=index.dtype, name=index.name)


def _nonempty_column(dtype: Any, index: pd.Index) -> pd.Series:
    # Without a dtype pandas would make `str` of objects that are text.
    values = _nonempty_values(dtype)
    return pd.Series(values, index=index, dtype=object if pd.api.types.is_object_dtype(dtype) else None)


def meta_nonempty(x: Any) -> Any:
    """Give a two-row object with the dtypes, labels and index type of an empty one.

    Parameters
    ----------
    x : pandas.DataFrame, pandas.Series, pandas.Index or scalar
        A meta.

    Returns
    -------
    object
        Of the type of ``x``. A scalar comes back as it is.
    """
    if isinstance(x, pd.DataFrame):
        index = _nonempty_index(x.index)
        columns = {i: _nonempty_column(x.dtypes.iloc[i], index) for i in range(x.shape[1])}
        frame = pd.DataFrame(columns, index=index)
        frame.columns = x.columns
        if x.attrs:
            frame.attrs = x.attrs
        return frame
    if isinstance(x, pd.Series):
        series = _nonempty_column(x.dtype, _nonempty_index(x.index)).rename(x.name)
        if x.attrs:
            series.attrs = x.attrs
        return series
    if isinstance(x, pd.Index):
        return _nonempty_index(x)
    return x


def _name_of(function: Any) -> str:
    name = getattr(function, "__name__", None) or type(function).__name__
    return "lambda" if name == "<lambda>" else name


def emulate(function: Callable[..., Any], args: tuple, kwargs: dict[str, Any], *, user: bool = False) -> Any:
    """Call a function on two-row stand-ins of the collections in its arguments and give the empty result.

    Parameters
    ----------
    function : callable
        What will be called on the partitions.
    args, kwargs : tuple, dict
        Its arguments; metas stand in for collections (they are filled here).
    user : bool
        The function is the user's: any failure is told as a failed inference, with a hint at ``meta=``.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            filled = [_fill(arg) for arg in args]
            result = function(*filled, **{key: _fill(value) for key, value in kwargs.items()})
        except Exception as error:
            if user:
                raise ValueError(
                    f"Metadata inference failed in `{_name_of(function)}`.\n\n"
                    "dusk called the function on a few made-up rows to learn what it returns, and it raised\n"
                    f"{error!r}. Say what it returns with `meta=`: a pandas object, {{name: dtype}} or (name, dtype)."
                ) from error
            # Made-up values can be refused (text that should be a number): then the dtypes alone must tell.
            try:
                result = function(*args, **kwargs)
            except Exception:
                raise error from None
    return result if is_scalar_meta(result) else empty_like(result)


def _fill(x: Any) -> Any:
    if isinstance(x, pd.DataFrame | pd.Series | pd.Index):
        return meta_nonempty(x) if len(x) == 0 else x
    if isinstance(x, list | tuple) and type(x) in (list, tuple):
        return type(x)(_fill(item) for item in x)
    if type(x) is dict:
        return {key: _fill(value) for key, value in x.items()}
    return x
