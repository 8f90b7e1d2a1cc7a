"""What a collection is: lazy, named by content, shown as Dask shows it, understood by Dask, pickled."""

from __future__ import annotations

import pickle
from textwrap import dedent

import numpy as np
import pandas as pd
import pytest

import dusk
import dusk.dataframe as dd


@pytest.fixture
def small() -> pd.DataFrame:
    return pd.DataFrame({"x": [3, 1, 2, 3, 1, 2], "y": list("abcabc"), "z": np.arange(6.0)})


@pytest.fixture
def df(small):
    return dd.from_pandas(small, npartitions=3)


def test_building_runs_nothing(df, small, nothing_runs):
    x = df[df.x > df.x.mean()]
    x = x.assign(w=x.x + 1, v=lambda d: d.w * 2).rename(columns={"x": "a"}).drop(columns=["v"])
    x["q"] = x.w.astype("float32").fillna(0).round(1).clip(0, 5)
    x.groupby("y").agg({"w": ["sum", "mean"]}).reset_index()
    df.groupby("y").z.apply(lambda s: s.sum(), meta=("z", "f8"))
    df.set_index("x").z.cumsum()
    df.sort_values("z").drop_duplicates("x").merge(df, on="y")
    df.map_partitions(lambda part: part.x)
    dd.concat([df, df]).repartition(npartitions=4).head(3, compute=False)
    df.describe(), df.shape, df.size, df.index.max(), df.x.value_counts(), df.x.unique(), df.quantile(numeric_only=True)
    df.y.str.upper().str.len(), df.rolling(2), df.x.rolling(2).sum()
    repr(df.set_index("x")), df._repr_html_(), df.dtypes, df.columns, df.npartitions, df.divisions, df.known_divisions
    df.explain(), df.to_delayed(), df.x.isin([1]), df.z.isna().any(), df.iloc[2:4], df.loc[2:4], -df.z, ~(df.x > 1)


def test_equal_plans_have_equal_names(df, small):
    again = dd.from_pandas(small, npartitions=3)
    assert again._name == df._name
    assert (df.x + 1)._name == (again.x + 1)._name
    assert (df.x + 1)._name != (df.x + 2)._name
    assert df.map_partitions(len)._name == again.map_partitions(len)._name
    assert dusk.tokenize(df) == dusk.tokenize(again)
    assert dusk.tokenize(df) != dusk.tokenize(df.x)
    assert (df.x + 1)._name.startswith("add-")
    assert df.groupby("x").z.sum()._name == again.groupby("x").z.sum()._name


def test_repr(df):
    expected = f"""\
        Dask DataFrame Structure:
                           x    y        z
        npartitions=3{" " * 21}
        0              int64  str  float64
        2                ...  ...      ...
        4                ...  ...      ...
        5                ...  ...      ...
        Dask Name: frompandas, 1 expression
        Expr=df"""
    assert repr(df) == dedent(expected)
    expected = """\
        Dask Series Structure:
        npartitions=3
        0    int64
        2      ...
        4      ...
        5      ...
        Dask Name: getitem, 2 expressions
        Expr=df['x']"""
    assert repr(df.x) == dedent(expected)
    assert repr(df[[]]).startswith("Empty Dask DataFrame Structure:\nColumns: []\nDivisions: [0, 2, 4, 5]\n")
    assert repr(df.x.sum()) == "<dusk.dataframe.Scalar: expr=df['x'].sum(), dtype=int64>"
    assert repr(df.index) == "<dusk.dataframe.Index: expr=Index(frame=df)>"
    assert "category[known]" in repr(df.assign(c=df.y.astype(pd.CategoricalDtype(["a", "b", "c"]))))


def test_html(df):
    html = df._repr_html_()
    assert html.startswith("<div><strong>Dask DataFrame Structure:</strong></div>\n<table")
    assert html.endswith("<div>Dask Name: frompandas, 1 expression</div>")
    assert "<th>npartitions=3</th>" in html


def test_a_deep_expression_is_shown_short(df):
    x = df.x
    for _ in range(200):
        x = x + 1
    assert len(repr(x)) < 2000
    assert x.compute().tolist() == [value + 200 for value in [3, 1, 2, 3, 1, 2]]


def test_truth(df):
    for x, kind in ((df, ValueError), (df.x, ValueError), (df.x.sum(), TypeError)):
        with pytest.raises(kind):
            bool(x)
    with pytest.raises(TypeError):
        float(df.x.sum())


def test_what_is_not_there(df):
    with pytest.raises(AttributeError, match="'DataFrame' object has no attribute 'foo'"):
        df.foo  # noqa: B018
    with pytest.raises(AttributeError, match="'Series' object has no attribute 'foo'"):
        df.x.foo  # noqa: B018
    with pytest.raises(KeyError, match="foo"):
        df["foo"]
    with pytest.raises(KeyError, match="not in index"):
        df[["x", "foo"]]


def test_columns_are_attributes(df):
    assert "x" in dir(df)
    df = df.copy()
    df.x = df.x + 1
    assert df.x.compute().tolist() == [4, 2, 3, 4, 2, 3]


def test_odd_labels():
    pdf = pd.DataFrame([[1, 2, 3], [4, 5, 6]], columns=[0, "a", ("p", "q")])
    df = dd.from_pandas(pdf, npartitions=2)
    pd.testing.assert_series_equal(df[0].compute(), pdf[0])
    pd.testing.assert_series_equal(df[("p", "q")].compute(), pdf[("p", "q")])
    twice = pd.DataFrame([[1, 2, 3], [4, 5, 6]], columns=["a", "a", "b"])
    df = dd.from_pandas(twice, npartitions=2)
    pd.testing.assert_frame_equal(df.compute(), twice)
    pd.testing.assert_frame_equal(df["a"].compute(), twice["a"])
    pd.testing.assert_series_equal(df.sum().compute(), twice.sum())
    levels = pd.DataFrame(
        [[1, 2, 3]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["k", "l"])
    )
    df = dd.from_pandas(levels, npartitions=1)
    pd.testing.assert_frame_equal(df["a"].compute(), levels["a"])
    pd.testing.assert_series_equal(df[("b", 1)].compute(), levels[("b", 1)])
    pd.testing.assert_frame_equal(df[["b"]].compute(), levels[["b"]])


def test_head_says_when_it_looked_at_too_little(df):
    with pytest.warns(UserWarning, match="Insufficient elements for `head`"):
        assert len(df.head(5, npartitions=1)) == 2
    assert len(df.head(5)) == 5
    assert len(df.head(5, npartitions=-1)) == 5
    assert len(df.head(2, compute=False).compute()) == 2
    with pytest.raises(ValueError, match="only 3 partitions"):
        df.head(5, npartitions=7)


def test_head_does_not_read_more_than_it_needs(small):
    seen = []

    def note(i):
        seen.append(i)
        return small

    df = dd.from_map(note, range(50), meta=small.iloc[:0])
    assert len(df.head(10)) == 10
    assert len(seen) <= 3


def test_dask_computes_our_collections(df, small):
    dask = pytest.importorskip("dask")
    assert dask.is_dask_collection(df)
    total, frame = dask.compute(df.x.sum(), df, scheduler="sync")
    assert total == 12
    pd.testing.assert_frame_equal(frame, small)
    (held,) = dask.persist(df, scheduler="sync")
    assert isinstance(held, dd.DataFrame)
    assert held.divisions == df.divisions
    pd.testing.assert_frame_equal(held.compute(), small)
    assert dask.delayed(len)(df).compute(scheduler="sync") == 6
    assert dask.base.tokenize(df) == dask.base.tokenize(dd.from_pandas(small, npartitions=3))
    graph = df.__dask_graph__()
    assert list(graph) == df.__dask_keys__()


def test_graphs_run_by_hand(df, small):
    graph = df.x.__dask_graph__()
    parts = [task[0]() for task in graph.values()]
    finish, args = df.x.__dask_postcompute__()
    pd.testing.assert_series_equal(finish(parts, *args), small.x)


def test_pickling(df, small):
    try:
        pickle.dumps(df._node)
    except TypeError:
        pytest.skip("the core can't pickle plans yet")
    again = pickle.loads(pickle.dumps(df[df.x > 1]))
    pd.testing.assert_frame_equal(again.compute(), small[small.x > 1])


def test_explain_marks_what_pandas_does(df):
    native = df[df.x > 1].groupby("y").z.mean()
    assert "[native]" in native.explain()
    assert native._node.tier_counts() == {"native": native._node.nops, "pandas": 0, "user": 0}
    assert "[pandas]" in df.y.str.upper().explain()
    assert "[user]" in df.map_partitions(lambda part: part).explain()
    for stage in ("logical", "physical"):
        assert df.explain(stage)


def test_info(df, capsys):
    df.info()
    text = capsys.readouterr().out
    assert "Columns: 3 entries, x to z" in text
    assert "dtypes: float64(1), int64(1), str(1)" in text
    df.info(verbose=True, memory_usage=True)
    text = capsys.readouterr().out
    assert "6 non-null" in text
    assert "memory usage" in text


def test_docstrings_come_from_pandas():
    for cls, source, name in (
        (dd.DataFrame, pd.DataFrame, "assign"),
        (dd.Series, pd.Series, "between"),
        (dd.DataFrame, pd.DataFrame, "cumsum"),
    ):
        first = (getattr(source, name).__doc__ or "").strip().splitlines()[0]
        assert first in (getattr(cls, name).__doc__ or "")


def test_assert_eq(df, small):
    assert dd.assert_eq(df, small)
    with pytest.raises(AssertionError):
        dd.assert_eq(df.x, small.z)
    with pytest.raises(AssertionError):
        dd.assert_eq(df.x + 1, small.x)


def test_concat_of_categories_with_others(same):
    frame = pd.DataFrame({"a": pd.Categorical([1, 2, None, 1]), "b": pd.Categorical(list("xyxy")), "n": range(4)})
    for operation in (
        lambda d, m: m.concat([d.a, d.n]),
        lambda d, m: m.concat([d[["a"]], d[["n"]].rename(columns={"n": "a"})]),
        lambda d, m: m.concat([d, d[["n"]]]),
        lambda d, m: m.concat([d[["n"]], d]),
    ):
        same(operation, partitions=(1, 2), frame=frame)
