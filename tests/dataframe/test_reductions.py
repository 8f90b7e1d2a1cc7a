"""Reductions against pandas."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

import dusk
import dusk.dataframe as dd

REDUCTIONS = ["sum", "mean", "min", "max", "count", "std", "var", "any", "all", "prod"]
REDUCTIONS += ["nunique", "median", "sem", "idxmin", "idxmax"]
SKIPS = [name for name in REDUCTIONS if name not in ("count", "nunique")]
COLUMNS = ["i", "f", "s", "b", "t", "c", "I", "u", "g", "h"]


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("column", COLUMNS)
def test_column(same, name, column):
    same(lambda d, m: getattr(d[column], name)())


@pytest.mark.parametrize("name", REDUCTIONS)
def test_frame(same, name):
    same(lambda d, m: getattr(d[["i", "f", "u", "b"]], name)())
    same(lambda d, m: getattr(d[["i", "g"]], name)())
    same(lambda d, m: getattr(d[["i", "f"]], name)(axis=1))


@pytest.mark.parametrize(
    "name", [name for name in REDUCTIONS if name not in ("nunique", "any", "all", "idxmin", "idxmax")]
)
def test_numeric_only(same, name):
    same(lambda d, m: getattr(d, name)(numeric_only=True))


@pytest.mark.parametrize("name", SKIPS)
def test_missing_values_count(same, name):
    same(lambda d, m: getattr(d[["i", "f"]], name)(skipna=False))
    same(lambda d, m: getattr(d.f, name)(skipna=False))
    same(lambda d, m: getattr(d.I, name)(skipna=False))


CASES = {
    "min_count": lambda d, m: d[["f", "i"]].sum(min_count=22),
    "min_count of prod": lambda d, m: d[["f", "i"]].prod(min_count=22),
    "ddof": lambda d, m: d[["f", "i"]].std(ddof=0),
    "ddof of a column": lambda d, m: d.f.var(ddof=2),
    "axis None": lambda d, m: d[["i", "f"]].sum(axis=None),
    "mean over all": lambda d, m: d[["i", "f"]].mean(axis=None),
    "count": lambda d, m: d.count(),
    "nunique": lambda d, m: d.nunique(),
    "nunique with missing": lambda d, m: d.s.nunique(dropna=False),
    "sum of text": lambda d, m: d[["i", "s"]].dropna().sum(),
    "index": lambda d, m: d.index.max(),
    "quantile": lambda d, m: d.f.quantile(0.3),
    "quantiles": lambda d, m: d.f.quantile([0.1, 0.9]),
    "quantile of a frame": lambda d, m: d[["i", "f"]].quantile(0.5),
    "mode": lambda d, m: d.s.mode(),
    "mode of a frame": lambda d, m: d[["s", "g"]].mode(),
    "value_counts": lambda d, m: d.s.value_counts(),
    "value_counts of ints": lambda d, m: d.g.value_counts(normalize=True),
    "value_counts of categories": lambda d, m: d.c.value_counts(),
    "value_counts with missing": lambda d, m: d.f.value_counts(dropna=False),
    "value_counts in order": lambda d, m: d.s.value_counts(sort=False, dropna=False),
    "value_counts of nullable": lambda d, m: d.I.value_counts(),
    "value_counts of moments": lambda d, m: d.t.value_counts(ascending=True),
    "describe": lambda d, m: d.describe(),
    "describe text": lambda d, m: d.s.describe(),
    "nlargest": lambda d, m: d.nlargest(3, "i"),
    "nsmallest": lambda d, m: d.f.nsmallest(4),
    "corr": lambda d, m: d[["i", "f", "g"]].corr(),
    "cov": lambda d, m: d[["i", "f"]].cov(),
    "corr of columns": lambda d, m: d.i.corr(d.f),
    "autocorr": lambda d, m: d.f.autocorr(),
    "agg": lambda d, m: d[["i", "f"]].agg(["sum", "mean"]),
    "agg dict": lambda d, m: d.agg({"i": "sum", "f": "mean"}),
    "agg of a column": lambda d, m: d.i.agg("sum"),
    "is_unique": lambda d, m: d.g.is_unique,
    "is_monotonic": lambda d, m: d.i.is_monotonic_increasing,
    "first_valid_index": lambda d, m: d.f.first_valid_index(),
    "dot": lambda d, m: d.i.dot(d.g),
    "np.sum": lambda d, m: np.sum(d.i),
    "size": lambda d, m: d.size,
    "length": lambda d, m: len(d),
    "length after a filter": lambda d, m: len(d[d.i > 0]),
    "empty": lambda d, m: d[d.i > 100].empty,
    "text of no use": lambda d, m: d.mean(),
}


@pytest.mark.parametrize("case", CASES)
def test_against_pandas(same, case):
    same(CASES[case])


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("dtype", ["int64", "float64", "bool", "str", "datetime64[ns]", "Int64"])
def test_no_rows(same, name, dtype):
    frame = pd.DataFrame({"x": pd.Series([], dtype=dtype)})
    same(lambda d, m: getattr(d.x, name)(), partitions=(1, 3), frame=frame)


def test_objects_stay_what_they_are(same):
    from decimal import Decimal

    frame = pd.DataFrame({"d": [Decimal("1.5"), Decimal("2.5"), None, Decimal(3)], "l": [[1], [2], [3], [4]]})
    same(lambda d, m: d.d.sum(), frame=frame)
    same(lambda d, m: d.d.max(), frame=frame)
    same(lambda d, m: d.l.sum(), frame=frame)
    same(lambda d, m: d.count(), frame=frame)


def test_skewness_and_kurtosis_are_biased_unless_told(pdf):
    import dusk.dataframe as dd

    df = dd.from_pandas(pdf, npartitions=3)
    values = pdf.f.dropna()
    centred = values - values.mean()
    assert np.isclose(df.f.skew().compute(), (centred**3).mean() / (centred**2).mean() ** 1.5)
    assert np.isclose(df.f.kurtosis().compute(), (centred**4).mean() / (centred**2).mean() ** 2 - 3)
    assert np.isclose(df.f.skew(bias=False).compute(), pdf.f.skew())
    assert np.isclose(df.f.kurtosis(bias=False).compute(), pdf.f.kurt())


@pytest.mark.parametrize(
    "count", [lambda d, m: d.i.nunique(), lambda d, m: d.i.size, lambda d, m: d.size, lambda d, m: d.index.size]
)
def test_counts_are_of_the_type_that_pandas_gives(pdf, same, count):
    same(count)
    df = dd.from_pandas(pdf, npartitions=3)
    for x in (count(df, dd), count(df, dd).persist(), pickle.loads(pickle.dumps(count(df, dd)))):
        assert type(x.compute()) is type(x.to_delayed().compute()) is int
        assert type(x.compute(scheduler=dusk.get)) is int
    assert count(df, dd).dtype == "int64"


@pytest.mark.parametrize("name", ["sum", "min", "max", "mean", "std", "median", "prod"])
def test_halves(same, name):
    frame = pd.DataFrame({"h": pd.Series([1.5, 2, 3] * 3, dtype="float16")})
    same(lambda d, m: getattr(d.h, name)(), frame=frame)
    same(lambda d, m: getattr(d, name)(), frame=frame)
