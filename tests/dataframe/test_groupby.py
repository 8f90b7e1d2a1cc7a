"""Group-bys against pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dusk.dataframe as dd

AGGREGATIONS = ["sum", "mean", "min", "max", "count", "size", "std", "var", "first", "last"]
AGGREGATIONS += ["nunique", "any", "all", "prod", "median"]
KEYS = ["g", "h", "b", "c", "I", "t", "s", "u"]
COLUMNS = ["i", "f", "s", "b", "t", "c", "I", "u", "h"]


@pytest.mark.parametrize("name", AGGREGATIONS)
@pytest.mark.parametrize("key", [*KEYS, "f"])
def test_keys(same, name, key):
    if key != "f":
        same(lambda d, m: getattr(d.groupby(key).f, name)(), partitions=(1, 3))
    same(lambda d, m: getattr(d.groupby(key)[["i"]], name)(), partitions=(1, 3))


@pytest.mark.parametrize("name", AGGREGATIONS)
@pytest.mark.parametrize("column", COLUMNS)
def test_columns(same, name, column):
    same(lambda d, m: getattr(d.groupby("g")[column], name)(), partitions=(1, 3))


FORMS = {
    "two keys": lambda d, n: getattr(d.groupby(["g", "h"])[["i", "f"]], n)(),
    "list of one": lambda d, n: getattr(d.groupby(["g"])[["i", "f"]], n)(),
    "all columns": lambda d, n: getattr(d[["i", "f", "u", "b", "g"]].groupby("g"), n)(),
    "whole frame": lambda d, n: getattr(d.groupby("g"), n)(),
    "in order of appearance": lambda d, n: getattr(d.groupby("h", sort=False).f, n)(),
    "missing keys": lambda d, n: getattr(d.groupby("s", dropna=False).f, n)(),
    "unobserved": lambda d, n: getattr(d.groupby("c", observed=False).f, n)(),
    "unobserved pairs": lambda d, n: getattr(d.groupby(["c", "h"], observed=False).f, n)(),
    "keys as columns": lambda d, n: getattr(d.groupby("h", as_index=False).f, n)(),
    "two keys as columns": lambda d, n: getattr(d.groupby(["g", "h"], as_index=False)[["f", "i"]], n)(),
    "column by column": lambda d, n: getattr(d.f.groupby(d.g), n)(),
    "expression": lambda d, n: getattr(d.groupby(d.g % 2).f, n)(),
    "expression and label": lambda d, n: getattr(d.groupby([d.g > 1, "h"]).f, n)(),
    "own column": lambda d, n: getattr(d[["g", "f"]].groupby(d.g), n)(),
    "level": lambda d, n: getattr(d.groupby(level=0).f, n)(),
    "function": lambda d, n: getattr(d.groupby(lambda x: x % 3).f, n)(),
    "after a filter": lambda d, n: getattr(d[d.i > 0].groupby("h").f, n)(),
    "index": lambda d, n: getattr(d.groupby(d.index % 4).f, n)(),
    "agg": lambda d, n: d.groupby("g").f.agg(n),
    "agg list": lambda d, n: d.groupby("g").f.agg(list(dict.fromkeys([n, "sum"]))),
    "agg dict": lambda d, n: d.groupby("g").agg({"f": n, "i": "max"}),
    "agg dict of lists": lambda d, n: d.groupby("g").agg({"f": list(dict.fromkeys([n, "max"])), "i": "max"}),
    "agg of a frame": lambda d, n: d[["g", "f", "i"]].groupby("g").agg(n),
    "agg list of a frame": lambda d, n: d[["g", "f", "i"]].groupby("g").agg(list(dict.fromkeys([n, "min"]))),
    "agg named": lambda d, n: d.groupby("g").agg(x=("f", n), y=("i", "sum")),
    "agg NamedAgg": lambda d, n: d.groupby("g").agg(x=pd.NamedAgg("f", n)),
    "agg named of a column": lambda d, n: d.groupby("g").f.agg(x=n, y="sum"),
    "agg as columns": lambda d, n: d.groupby("g", as_index=False).agg({"f": n}),
}


@pytest.mark.parametrize("name", AGGREGATIONS)
@pytest.mark.parametrize("form", FORMS)
def test_forms(same, name, form):
    same(lambda d, m: FORMS[form](d, name))


@pytest.mark.parametrize("name", [n for n in AGGREGATIONS if n not in ("size", "any", "all", "nunique", "count")])
def test_numeric_only(same, name):
    same(lambda d, m: getattr(d.groupby("g"), name)(numeric_only=True))


@pytest.mark.parametrize(
    "name", ["cumsum", "cumprod", "cummax", "shift", "diff", "ffill", "bfill", "rank", "pct_change"]
)
def test_methods_with_the_rows_of_the_input(same, name):
    same(lambda d, m: getattr(d.groupby("g").f, name)())
    same(lambda d, m: getattr(d.groupby("g")[["f", "i"]], name)())


CASES = {
    "ddof": lambda d, m: d.groupby("g").f.std(ddof=0),
    "min_count": lambda d, m: d.groupby("g").f.sum(min_count=6),
    "min_count of first": lambda d, m: d.groupby("g").f.first(min_count=6),
    "skipna": lambda d, m: d.groupby("g").f.sum(skipna=False),
    "cumcount": lambda d, m: d.groupby("g").cumcount(),
    "ngroup": lambda d, m: d.groupby("g").ngroup(),
    "transform": lambda d, m: d.groupby("g").f.transform("mean"),
    "transform by function": lambda d, m: d.groupby("g").f.transform(lambda x: x - x.mean()),
    "apply": lambda d, m: d.groupby("g")[["f", "i"]].apply(lambda x: x.f.sum() + x.i.sum()),
    "apply to frames": lambda d, m: d.groupby("g")[["f", "i"]].apply(lambda x: x.head(1)),
    "head": lambda d, m: d.groupby("g").head(2),
    "tail": lambda d, m: d.groupby("g").tail(1),
    "nth": lambda d, m: d.groupby("g").nth(1),
    "describe": lambda d, m: d.groupby("g").f.describe(),
    "quantile": lambda d, m: d.groupby("g").f.quantile(0.3),
    "idxmax": lambda d, m: d.dropna(subset=["f"]).groupby("g").f.idxmax(),
    "value_counts": lambda d, m: d.groupby("g").h.value_counts(),
    "unique": lambda d, m: d.groupby("g").h.unique(),
    "get_group": lambda d, m: d.groupby("g").get_group(1),
    "function": lambda d, m: d.groupby("g").f.agg(lambda x: x.max() - x.min()),
    "function of NumPy": lambda d, m: d.groupby("g").f.agg(np.sum),
    "filter": lambda d, m: d.groupby("g").filter(lambda x: len(x) > 4),
    "corr": lambda d, m: d.groupby("g")[["i", "f"]].corr(),
    "cov": lambda d, m: d.groupby("g")[["i", "f"]].cov(),
    "rolling": lambda d, m: d.groupby("g").f.rolling(2).sum(),
    "sem": lambda d, m: d.groupby("g").f.sem(),
    "Grouper": lambda d, m: d.groupby(pd.Grouper(key="t", freq="D")).f.sum(),
    "no key": lambda d, m: d.groupby([]).f.sum(),
    "unknown key": lambda d, m: d.groupby("zz").f.sum(),
    "unknown column": lambda d, m: d.groupby("g")["zz"].sum(),
    "unknown attribute": lambda d, m: d.groupby("g").zz,
    "unknown column of agg": lambda d, m: d.groupby("g").agg({"zz": "sum"}),
    "unknown aggregation": lambda d, m: d.groupby("g").f.agg("nosuch"),
    "mean of text": lambda d, m: d.groupby("g").mean(),
    "column twice": lambda d, m: d.groupby("g")[["f", "f"]].sum(),
    "key among the columns": lambda d, m: d.groupby("g")[["g", "f"]].sum(),
    "key as column": lambda d, m: d.groupby("g")["g"].sum(),
    "ngroups": lambda d, m: d.groupby("g").ngroups,
    "size as column": lambda d, m: d.groupby("g", as_index=False).size(),
    "of an assigned column": lambda d, m: d.assign(q=d.i * 2).groupby("h").q.sum(),
    "of a filter by a reduction": lambda d, m: d[d.f > d.f.mean()].groupby("h").agg({"f": ["mean", "count"]}),
    "reset": lambda d, m: d.groupby(["g", "h"]).f.sum().reset_index(),
    "sorted": lambda d, m: d.groupby("h").f.sum().sort_values(),
    "unstack": lambda d, m: d.groupby(["g", "h"]).f.sum().unstack(),
}


@pytest.mark.parametrize("case", CASES)
def test_against_pandas(same, case):
    same(CASES[case])


@pytest.mark.parametrize("count", [1, 2, 3, 7, 127, 128, 129])
def test_partitions_do_not_matter(count):
    rng = np.random.default_rng(1)
    pdf = pd.DataFrame(
        {"k": rng.choice(["a", "b", "c", None], 500), "v": rng.normal(size=500), "w": rng.integers(0, 9, 500)}
    )
    df = dd.from_pandas(pdf, npartitions=count)
    expected = pdf.groupby("k").agg({"v": ["sum", "std", "first"], "w": ["nunique", "max"]})
    found = df.groupby("k").agg({"v": ["sum", "std", "first"], "w": ["nunique", "max"]}).compute()
    pd.testing.assert_frame_equal(found, expected)


def test_aggregation_of_ones_own(pdf):
    df = dd.from_pandas(pdf, npartitions=3)
    mean = dd.Aggregation(
        "mymean",
        chunk=lambda s: (s.count(), s.sum()),
        agg=lambda counts, sums: (counts.sum(), sums.sum()),
        finalize=lambda counts, sums: sums / counts,
    )
    expected = pdf.groupby("g").f.mean()
    pd.testing.assert_series_equal(df.groupby("g").f.agg(mean).compute(), expected)
    found = df.groupby("g").agg({"f": mean, "i": "sum"}).compute()
    pd.testing.assert_series_equal(found["f"], expected)
    found = df.groupby("g").agg({"f": [mean, "max"]}).compute()
    assert list(found.columns) == [("f", "mymean"), ("f", "max")]


def test_native_where_it_matters(pdf):
    df = dd.from_pandas(pdf, npartitions=3)
    result = df[df["i"] >= 0].groupby("h")["f"].mean()
    assert result._node.tier_counts()["pandas"] == 0
    result = df.groupby(["g", "h"]).agg({"f": ["sum", "mean", "std"], "i": ["min", "max", "count"]})
    assert result._node.tier_counts()["pandas"] == 0


def test_guessing_warns(pdf):
    df = dd.from_pandas(pdf, npartitions=2)
    with pytest.warns(UserWarning, match="`meta` is not specified"):
        df.groupby("g").f.apply(lambda x: x.sum())
    df.groupby("g").f.apply(lambda x: x.sum(), meta=("f", "f8"))


@pytest.mark.parametrize("keys", ["k", ["k", "j"]])
@pytest.mark.parametrize("as_index", [True, False])
def test_labels_of_several_levels(keys, as_index):
    frame = pd.DataFrame({"k": [1, 2, 1], "j": list("aab"), "x": [1, 2, 3], "y": [1.0, 2, 3]})
    for how in (
        lambda d: d.groupby(keys, as_index=as_index).agg({"x": ["sum", "mean"], "y": "max"}),
        lambda d: d.groupby(keys, as_index=as_index)[["x", "y"]].agg(["sum", "mean"]),
    ):
        found = how(dd.from_pandas(frame, npartitions=2))
        pd.testing.assert_frame_equal(found.compute(), how(frame))
        assert found.columns.equals(how(frame).columns)


def near_texts(longest: int) -> list[str | None]:
    """Give texts that differ in their last character or in their length alone, and a missing one."""
    lengths = [n for n in (0, 1, 5, 6, 7, 10, 11, 12, 14, 15, 16, 30) if n < longest]
    texts = [middle * n + last for n in lengths for middle in "x\0" for last in ("", "a", "b", "\0", "é")]
    return [text for text in dict.fromkeys(texts) if len(text.encode()) <= longest] + [None]


@pytest.mark.parametrize("longest", [3, 7, 8, 12, 13, 16, 40])
@pytest.mark.parametrize("options", [{}, {"sort": False}, {"dropna": False}], ids=str)
def test_texts_that_are_nearly_equal(longest, options):
    texts = near_texts(longest)
    random = np.random.default_rng(longest)
    frame = pd.DataFrame({"k": pd.array(random.choice(np.array(texts, object), 3000), "str"), "v": range(3000)})
    expected = frame.groupby("k", **options).v.agg(["sum", "count"])
    for partitions in (1, 3):
        result = dd.from_pandas(frame, npartitions=partitions).groupby("k", **options).v.agg(["sum", "count"])
        pd.testing.assert_frame_equal(result.compute(), expected)
    frame["l"] = frame.k.iloc[::-1].to_numpy()
    expected = frame.groupby(["k", "l"], **options).v.sum()
    result = dd.from_pandas(frame, npartitions=3).groupby(["k", "l"], **options).v.sum()
    pd.testing.assert_series_equal(result.compute(), expected)


@pytest.mark.parametrize("prefix", ["", "name"])
def test_more_short_texts_than_there_were_at_first(prefix):
    # The first partitions have few, the last ones some thousands; then few come again.
    numbers = np.concatenate([np.arange(3000) % 50, np.arange(9000) % 4500, np.arange(3000) % 60])
    frame = pd.DataFrame({"k": [f"{prefix}{number}" for number in numbers], "v": np.arange(len(numbers))})
    for sort in (True, False):
        expected = frame.groupby("k", sort=sort).v.sum()
        result = dd.from_pandas(frame, npartitions=5, sort=False).groupby("k", sort=sort).v.sum().compute()
        pd.testing.assert_series_equal(result, expected)


@pytest.mark.parametrize("as_index", [True, False])
def test_groups_of_no_rows_make_floats_of_integers(same, as_index):
    keys = pd.Categorical(["a", "b", "a"], categories=["a", "b", "z"])
    frame = pd.DataFrame({"k": keys, "f": [1.0, 2, 3], "i": [1, 2, 3], "b": [True, False, True]})
    options = {"observed": False, "as_index": as_index}
    for operation in (
        lambda d, m: d.groupby("k", **options).agg({"i": ["max", "min"], "f": "sum"}),
        lambda d, m: d.groupby("k", **options).agg({"i": "max", "b": "first"}),
        lambda d, m: d.groupby("k", **options)[["i", "f"]].min().isna(),
        lambda d, m: d.groupby("k", observed=False).i.last() + 1,
    ):
        same(operation, partitions=(1, 2), frame=frame)
