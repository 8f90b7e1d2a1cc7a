"""A small frame of odd columns, and the comparison of dusk with pandas over several numbers of partitions."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import pytest

import dusk.dataframe as dd

PARTITIONS = (1, 2, 3, 7)
ROWS = 23


def make_frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "i": rng.integers(-5, 5, ROWS),
            "f": np.where(rng.random(ROWS) < 0.2, np.nan, rng.normal(size=ROWS).round(3)),
            "s": rng.choice(["a", "bb", "ccc", None], ROWS),
            "b": rng.random(ROWS) < 0.5,
            "t": pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 100, ROWS), "h"),
            "c": pd.Categorical(rng.choice(["x", "y"], ROWS), categories=["x", "y", "z"]),
            "I": pd.array(rng.choice([1, 2, None], ROWS), dtype="Int64"),
            "u": rng.integers(0, 200, ROWS).astype("uint8"),
            "g": rng.integers(0, 4, ROWS),
            "h": rng.choice(["p", "q", "ü"], ROWS),
        }
    )


@pytest.fixture
def pdf() -> pd.DataFrame:
    return make_frame()


def assert_same(found, expected) -> None:
    """Check that both are the same: values, dtypes, index, names."""
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected, check_freq=False)
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(found, expected, check_freq=False)
    elif isinstance(expected, pd.Index):
        pd.testing.assert_index_equal(found, expected, exact="equiv")
    elif isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(np.asarray(found), expected)
    elif expected is pd.NA or expected is pd.NaT:
        assert found is expected
    elif isinstance(expected, float):
        assert (math.isnan(expected) and math.isnan(found)) or math.isclose(found, expected, rel_tol=1e-12)
    else:
        assert found == expected


@pytest.fixture
def same():
    """A function that checks that an operation gives in dusk what it gives in pandas, also when that is an error."""

    def check(operation, partitions=PARTITIONS, frame=None) -> None:
        pdf = make_frame() if frame is None else frame
        with warnings.catch_warnings():
            # what pandas and dusk warn of is not what is compared here
            warnings.simplefilter("ignore")
            try:
                expected = operation(pdf, pd)
            except Exception as error:
                for count in partitions:
                    with pytest.raises(_kinds(error)):
                        _computed(operation(dd.from_pandas(pdf, npartitions=count), dd))
                return
            for count in partitions:
                found = _computed(operation(dd.from_pandas(pdf, npartitions=count), dd))
                try:
                    assert_same(found, expected)
                except AssertionError as error:
                    error.add_note(f"with {count} partitions")
                    raise

    return check


def _kinds(error: Exception) -> tuple[type[Exception], ...]:
    """The class of an error, or that of pandas' own errors' parents."""
    kind = type(error)
    return (
        (kind,) if kind.__module__ == "builtins" else tuple(k for k in kind.__mro__ if k.__module__ == "builtins")[:1]
    )


def _computed(x):
    return x.compute() if hasattr(x, "compute") else x


@pytest.fixture
def nothing_runs(monkeypatch):
    """Makes any run of the engine fail, for tests of laziness."""
    from dusk import _engine

    def run(*args, **kwargs):
        raise AssertionError("something ran while a plan was built")

    monkeypatch.setattr(_engine, "run", run)
    return monkeypatch
