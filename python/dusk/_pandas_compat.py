"""Which pandas there is, and small frames for tests, under the names that libraries on top of collections import."""

from __future__ import annotations

import contextlib
import string
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pandas.testing as tm
from packaging.version import Version
from pandas.api.types import is_any_real_numeric_dtype, is_string_dtype
from pandas.errors import IndexingError

__all__ = [
    "PANDAS_GE_202",
    "PANDAS_GE_210",
    "PANDAS_GE_220",
    "PANDAS_GE_230",
    "PANDAS_GE_300",
    "PANDAS_GE_310",
    "PANDAS_VERSION",
    "IndexingError",
    "assert_categorical_equal",
    "assert_numpy_array_equal",
    "check_apply_dataframe_deprecation",
    "check_convert_dtype_deprecation",
    "check_groupby_axis_deprecation",
    "check_observed_deprecation",
    "is_any_real_numeric_dtype",
    "is_string_dtype",
    "makeDataFrame",
    "makeDateIndex",
    "makeMissingDataFrame",
    "makeMixedDataFrame",
    "makeTimeDataFrame",
    "makeTimeSeries",
    "makeTimedeltaIndex",
    "tm",
]

PANDAS_VERSION = Version(pd.__version__)
PANDAS_GE_202 = PANDAS_VERSION.release >= (2, 0, 2)
PANDAS_GE_210 = PANDAS_VERSION.release >= (2, 1, 0)
PANDAS_GE_220 = PANDAS_VERSION.release >= (2, 2, 0)
PANDAS_GE_230 = PANDAS_VERSION.release >= (2, 3, 0)
PANDAS_GE_300 = PANDAS_VERSION.release >= (3, 0, 0)
PANDAS_GE_310 = PANDAS_VERSION.release >= (3, 1, 0)


# --- comparing --------------------------------------------------------------------------------------------------------


def assert_categorical_equal(left: Any, right: Any, *args: Any, **kwargs: Any) -> None:
    """Check that two categorical arrays are equal."""
    for each in (left, right):
        assert isinstance(each.dtype, pd.CategoricalDtype), f"{each} is not categorical dtype"
    tm.assert_extension_array_equal(left, right, *args, **kwargs)


def assert_numpy_array_equal(left: Any, right: Any) -> None:
    """Check that two arrays miss the same values and are equal elsewhere."""
    missing = pd.isna(left)
    np.testing.assert_array_equal(missing, pd.isna(right))
    np.testing.assert_array_equal(left[~missing], right[~missing])


# --- small objects ----------------------------------------------------------------------------------------------------

_ROWS = 30


def makeDataFrame() -> pd.DataFrame:  # noqa: N802
    """Give 30 rows of four float columns under letters; the same ones each time."""
    values = np.random.default_rng(0).normal(size=(_ROWS, 4))
    return pd.DataFrame(values, index=[*string.ascii_letters[:_ROWS]], columns=[*"ABCD"])


def makeMissingDataFrame() -> pd.DataFrame:  # noqa: N802
    """Give `makeDataFrame` without its largest values."""
    frame = makeDataFrame()
    return frame.mask(frame > 1)


def makeDateIndex(k: int = _ROWS, freq: str = "B") -> pd.DatetimeIndex:  # noqa: N802
    """Give business days from the year 2000 on."""
    return pd.date_range("2000-01-01", periods=k, freq=freq)


def makeTimedeltaIndex(k: int = _ROWS, freq: str = "D") -> pd.TimedeltaIndex:  # noqa: N802
    """Give spans of one day, two days and so on."""
    return pd.timedelta_range("1 day", periods=k, freq=freq)


def makeTimeDataFrame() -> pd.DataFrame:  # noqa: N802
    """Give `makeDataFrame` over business days."""
    return makeDataFrame().set_axis(makeDateIndex(), axis=0)


def makeTimeSeries() -> pd.Series:  # noqa: N802
    """Give the first column of `makeTimeDataFrame`."""
    return makeTimeDataFrame()["A"]


def makeMixedDataFrame() -> pd.DataFrame:  # noqa: N802
    """Give five rows of floats, of texts and of days."""
    counts = np.arange(5.0)
    return pd.DataFrame(
        {
            "A": counts,
            "B": counts % 2,
            "C": ["foo" + str(i) for i in range(5)],
            "D": pd.date_range("2009-01-01", periods=5),
        }
    )


# --- warnings of pandas that tests don't mind -------------------------------------------------------------------------


@contextlib.contextmanager
def _without(*messages: str) -> Iterator[None]:
    with warnings.catch_warnings():
        for message in messages:
            warnings.filterwarnings("ignore", message=message, category=FutureWarning)
        yield


def check_groupby_axis_deprecation() -> contextlib.AbstractContextManager[None]:
    """Give a context in which ``groupby(axis=)`` doesn't warn."""
    return _without(".*Call without passing 'axis' instead", ".*Operate on the un-grouped DataFrame instead")


def check_observed_deprecation() -> contextlib.AbstractContextManager[None]:
    """Give a context in which ``groupby`` without ``observed`` doesn't warn."""
    return _without("The default of observed=False")


def check_convert_dtype_deprecation() -> contextlib.AbstractContextManager[None]:
    """Give a context in which ``apply(convert_dtype=)`` doesn't warn."""
    return _without("the convert_dtype parameter")


def check_apply_dataframe_deprecation() -> contextlib.AbstractContextManager[None]:
    """Give a context in which a function that makes a frame of each value doesn't warn."""
    return _without("Returning a DataFrame")
