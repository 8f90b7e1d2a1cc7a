"""Metas, and comparing collections with pandas objects in tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dusk import config
from dusk._pandas_compat import PANDAS_GE_300
from dusk.dataframe._meta import make_meta, meta_nonempty, no_default

__all__ = [
    "PANDAS_GE_300",
    "assert_divisions",
    "assert_eq",
    "assert_eq_dtypes",
    "get_numeric_only_kwargs",
    "get_string_dtype",
    "has_known_categories",
    "is_float_na_dtype",
    "is_integer_na_dtype",
    "is_scalar",
    "make_meta",
    "meta_nonempty",
    "no_default",
    "pyarrow_strings_enabled",
    "valid_divisions",
]


def pyarrow_strings_enabled() -> bool:
    """Whether text becomes ``string[pyarrow]``, as the setting ``dataframe.convert-string`` says."""
    return config.get("dataframe.convert-string", None) is True


def get_string_dtype() -> Any:
    """Give what columns of text objects become: ``string[pyarrow]`` if that is set, else they stay objects."""
    return pd.StringDtype("pyarrow") if pyarrow_strings_enabled() else object


def get_numeric_only_kwargs(numeric_only: Any) -> dict[str, Any]:
    """Give ``numeric_only`` as keywords, and none when it wasn't given."""
    return {} if numeric_only is no_default else {"numeric_only": numeric_only}


def is_scalar(x: Any) -> bool:
    """Whether something is a single value: no container, no pandas object, no collection."""
    if hasattr(x, "dtype") and not isinstance(x, np.generic):
        return False
    return not hasattr(x, "__dusk_nodes__") and pd.api.types.is_scalar(x)


_NULLABLE_INTEGERS = {f"{kind}{bits}" for kind in ("Int", "UInt") for bits in (8, 16, 32, 64)}


def is_integer_na_dtype(t: Any) -> bool:
    """Whether a dtype, or that of an object, is one of pandas' nullable integers."""
    dtype = getattr(t, "dtype", t)
    return isinstance(dtype, pd.api.extensions.ExtensionDtype) and str(dtype) in _NULLABLE_INTEGERS


def is_float_na_dtype(t: Any) -> bool:
    """Whether a dtype, or that of an object, is one of pandas' nullable floats."""
    return isinstance(getattr(t, "dtype", t), pd.Float32Dtype | pd.Float64Dtype)


def valid_divisions(divisions: Any) -> bool:
    """Whether divisions are a list or tuple of values that grow; the last two may be equal.

    Examples
    --------
    >>> valid_divisions([0, 1, 1]), valid_divisions([1, 1, 2]), valid_divisions((1, None))
    (True, False, False)
    """
    if not isinstance(divisions, list | tuple) or pd.isna(list(divisions)).any():
        return False
    steps = list(zip(divisions, divisions[1:]))
    return all(a < b for a, b in steps[:-1]) and all(a <= b for a, b in steps[-1:])


def has_known_categories(x: Any) -> bool | None:
    """Whether the categories of a categorical Series or Index are known; None when it isn't categorical."""
    x = getattr(x, "_meta", x)
    dtype = getattr(x, "dtype", None)
    if not isinstance(dtype, pd.CategoricalDtype):
        raise TypeError("Expected Series or CategoricalIndex")
    return dtype.categories is not None


def assert_divisions(x: Any, scheduler: str = "sync") -> None:
    """Check that each partition's index lies within its divisions."""
    if not getattr(x, "known_divisions", False):
        return
    for i in range(x.npartitions):
        part = x.get_partition(i).compute(scheduler=scheduler)
        index = part if isinstance(part, pd.Index) else part.index
        if len(index):
            assert index.min() >= x.divisions[i], f"partition {i} begins before its division"
            last = i == x.npartitions - 1
            high, end = index.max(), x.divisions[i + 1]
            assert high <= end if last else high < end, f"partition {i} reaches into the next one"


def _computed(x: Any, scheduler: str) -> Any:
    return x.compute(scheduler=scheduler) if hasattr(x, "__dusk_nodes__") or hasattr(x, "__dask_graph__") else x


def assert_eq(
    a: Any,
    b: Any,
    check_names: bool = True,
    check_dtype: bool = True,
    check_divisions: bool = True,
    check_index: bool = True,
    sort_results: bool = True,
    scheduler: str = "sync",
    **kwargs: Any,
) -> bool:
    """Check that two collections, or a collection and a pandas object, hold the same.

    Parameters
    ----------
    a, b : object
        What is compared.
    check_names, check_dtype, check_index : bool
        Names, dtypes and indexes must be equal as well.
    check_divisions : bool
        Partitions must lie within their divisions.
    sort_results : bool
        Rows may come in another order.
    scheduler : str
        What computes them.
    **kwargs
        For the comparison of pandas.

    Returns
    -------
    bool
        True.
    """
    if check_divisions:
        assert_divisions(a, scheduler)
        assert_divisions(b, scheduler)
    for x in (a, b):
        meta = getattr(x, "_meta", None)
        if check_dtype and isinstance(meta, pd.DataFrame | pd.Series) and not getattr(x, "_loose", False):
            _check_meta(x, _computed(x, scheduler))
    a, b = _computed(a, scheduler), _computed(b, scheduler)
    if pyarrow_strings_enabled():
        from dusk.dataframe._pyarrow import to_pyarrow_string

        a, b = to_pyarrow_string(a), to_pyarrow_string(b)
    if not check_index and isinstance(a, pd.DataFrame | pd.Series):
        a, b = a.reset_index(drop=True), b.reset_index(drop=True)
    if sort_results:
        a, b = _sorted(a, not check_index), _sorted(b, not check_index)
    if not check_index and isinstance(a, pd.DataFrame | pd.Series):
        a, b = a.reset_index(drop=True), b.reset_index(drop=True)
    kwargs = {"check_names": check_names, "check_freq": False, **kwargs}
    if isinstance(a, pd.DataFrame):
        pd.testing.assert_frame_equal(a, b, check_dtype=check_dtype, **kwargs)
    elif isinstance(a, pd.Series):
        pd.testing.assert_series_equal(a, b, check_dtype=check_dtype, **kwargs)
    elif isinstance(a, pd.Index):
        a, b = _without_freq(a), _without_freq(b)
        pd.testing.assert_index_equal(a, b, exact="equiv" if check_dtype else False, check_names=check_names)
    elif isinstance(a, np.ndarray):
        np.testing.assert_allclose(a, b)
    elif isinstance(a, float | np.floating):
        assert np.isclose(a, b, equal_nan=True)
    else:
        assert a == b or (pd.isna(a) and pd.isna(b)), (a, b)
    return True


def _without_freq(index: Any) -> Any:
    """Give the index without its frequency, which partitions don't have."""
    if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex) and index.freq is not None:
        index = index.copy()
        index.freq = None  # type: ignore[misc]
    return index


def assert_eq_dtypes(a: Any, b: Any) -> None:
    """Check that two frames have the same dtypes, each as often."""
    pd.testing.assert_series_equal(*(x.dtypes.map(str).value_counts().sort_index() for x in (a, b)), check_names=False)


def _check_meta(x: Any, value: Any) -> None:
    meta = x._meta
    assert isinstance(value, type(meta)), f"a {type(value).__name__} in place of the promised {type(meta).__name__}"
    if isinstance(meta, pd.DataFrame):
        assert list(meta.columns) == list(value.columns), (
            f"columns {list(value.columns)}, promised {list(meta.columns)}"
        )
        pd.testing.assert_series_equal(meta.dtypes, value.dtypes, check_names=False)
    else:
        assert meta.dtype == value.dtype, f"dtype {value.dtype}, promised {meta.dtype}"


def _sorted(x: Any, by_values: bool) -> Any:
    if isinstance(x, pd.DataFrame):
        try:
            ordered = x.sort_values(list(x.columns), kind="stable")
            return ordered if by_values else ordered.sort_index(kind="stable")
        except (TypeError, ValueError):
            return x.sort_index(kind="stable")
    if isinstance(x, pd.Series):
        try:
            ordered = x.sort_values(kind="stable")
            return ordered if by_values else ordered.sort_index(kind="stable")
        except (TypeError, ValueError):
            return x
    if isinstance(x, pd.Index):
        try:
            return x.sort_values()
        except TypeError:
            return x
    return x
