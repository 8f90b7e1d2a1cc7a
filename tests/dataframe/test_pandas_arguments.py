"""pandas objects as arguments of collections' methods: they meet the rows by index, once, however many partitions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dusk.dataframe as dd

_random = np.random.default_rng(0)
P = pd.Series(_random.random(20)).where(lambda s: s > 0.1)
Q = pd.Series(_random.random(20))
C = pd.Series(_random.random(20) > 0.5)
F = pd.DataFrame({"a": P, "b": Q})

SERIES = {
    "where": lambda x: x.where(C),
    "where, else": lambda x: x.where(C, Q),
    "mask": lambda x: x.mask(C, Q),
    "fillna": lambda x: x.fillna(Q),
    "combine_first": lambda x: x.combine_first(Q),
    "combine": lambda x: x.combine(Q, max),
    "clip": lambda x: x.clip(Q, Q + 1),
    "between": lambda x: x.between(Q, Q + 1),
    "filter": lambda x: x[C],
    "isin": lambda x: x.isin(Q),
    "cov": lambda x: x.cov(Q),
    "eq": lambda x: x.eq(Q),
    "add with a value for missing rows": lambda x: x.add(Q[5:], fill_value=1),
    "pandas first": lambda x: Q + x,
    "and": lambda x: (x > 0.5) & C,
    "groups": lambda x: x.groupby(C).sum(),
    "maximum": lambda x: np.maximum(x, Q),
    "hypot": lambda x: np.hypot(Q, x),
    "arctan2 of other rows": lambda x: np.arctan2(x, Q[5:]),
    "divmod": lambda x: divmod(x, Q)[0],
}
FRAME = {
    "where": lambda x: x.where(F > 0.5),
    "mask": lambda x: x.mask(F > 0.5, F * 2),
    "fillna by column": lambda x: x.fillna(pd.Series({"a": 1.0})),
    "fillna": lambda x: x.fillna(F * 3),
    "combine_first": lambda x: x.combine_first(F + 1),
    "clip": lambda x: x.clip(Q, Q + 1, axis=0),
    "assign": lambda x: x.assign(c=Q),
    "filter": lambda x: x[C],
    "add by rows": lambda x: x.add(Q, axis=0),
    "add by other rows": lambda x: x.add(Q[5:], axis=0),
    "add by columns": lambda x: x.add(pd.Series({"a": 1.0, "b": 2.0})),
    "add a frame": lambda x: x.add(F, fill_value=2),
    "isin a frame": lambda x: x.isin(F),
    "isin a series": lambda x: x.isin(Q),
    "maximum": lambda x: np.maximum(x, F),
    "join": lambda x: x.join(pd.DataFrame({"z": Q})),
    "dot": lambda x: x.dot(pd.Series({"a": 1.0, "b": 2.0})),
    "corrwith": lambda x: x.corrwith(Q),
    "groups": lambda x: x.groupby(C).sum(),
    "pandas first": lambda x: F - x,
}


@pytest.mark.parametrize("npartitions", [1, 3])
@pytest.mark.parametrize(
    ("data", "operation"),
    [(P, SERIES[name]) for name in SERIES] + [(F, FRAME[name]) for name in FRAME],
    ids=[f"series {name}" for name in SERIES] + [f"frame {name}" for name in FRAME],
)
def test_pandas_arguments(data, operation, npartitions):
    found, expected = operation(dd.from_pandas(data, npartitions=npartitions)), operation(data)
    if isinstance(expected, pd.DataFrame | pd.Series):
        dd.utils.assert_eq(found, expected)
    else:
        np.testing.assert_allclose(found.compute(), expected)


def test_groups_shifted_in_time_have_no_divisions_of_before():
    df = pd.DataFrame({"a": range(6), "b": [0, 0, 0, 1, 1, 1]}, index=pd.date_range("2010", periods=6))
    found = dd.from_pandas(df, npartitions=3).groupby("b").shift(periods=-2, freq="D")
    dd.utils.assert_eq(found, df.groupby("b").shift(periods=-2, freq="D"))


@pytest.mark.parametrize(
    "operation",
    [lambda d: d.a.fillna(d.b), lambda d: d.a.where(d.a > 0.5, d.b), lambda d: d.a.mask(d.b > 0.5, d.b)],
)
def test_a_series_keeps_its_name_when_another_fills_it(operation):
    dd.utils.assert_eq(operation(dd.from_pandas(F, npartitions=3)), operation(F))


def test_a_series_has_no_columns_to_fill():
    with pytest.raises(ValueError, match="No axis named 1"):
        dd.from_pandas(P, npartitions=2).fillna(0, axis=1)


def test_a_function_writes_to_a_collection():
    found, target = dd.from_pandas(F, npartitions=3), dd.from_pandas(F * 0, npartitions=2)
    assert np.sin(found, out=target) is target
    np.add(target, 10, out=target)
    dd.utils.assert_eq(target, np.sin(F) + 10)
    with pytest.raises(ValueError, match="Mismatched columns"):
        np.sin(found, out=target[["a"]])
    with pytest.raises(TypeError, match="Mismatched types"):
        np.sin(found, out=target.a)


def test_a_column_may_be_called_name():
    df = pd.DataFrame({"name": [1.0, None, 3.0], "b": [1.0, 2.0, None]})
    for operation in (lambda d: d.fillna(d * 2), lambda d: d.where(d > 1, d * 2), lambda d: d.mask(d > 1, d)):
        dd.utils.assert_eq(operation(dd.from_pandas(df, npartitions=2)), operation(df))


def test_dummies_of_missing_values_keep_the_axis_of_categories():
    s = pd.Series([1, 1, 2, np.nan, 3, np.nan, 5], dtype="category")
    expected = pd.get_dummies(s, dummy_na=True)
    pd.testing.assert_frame_equal(dd.get_dummies(dd.from_pandas(s, 2), dummy_na=True).compute(), expected)
