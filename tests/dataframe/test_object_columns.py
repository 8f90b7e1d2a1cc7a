"""Frames with columns (or an index) that Arrow can't hold, and functions that give other dtypes than was expected."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dusk
import dusk.dataframe as dd

ROWS = 10


def make_frame():
    return pd.DataFrame(
        {"x": range(ROWS), "y": np.arange(ROWS) * 1.5, "o": [[i] for i in range(ROWS)], "k": list("ab") * 5}
    )


FRAMES = {
    "range": make_frame,
    "tuples": lambda: make_frame().set_index(pd.Index([(i,) for i in range(ROWS)], tupleize_cols=False)),
    "periods": lambda: make_frame().set_index(pd.period_range("2020-01", periods=ROWS, freq="M")),
}
BASES = {
    "in memory": lambda d, p: d,
    "of a function": lambda d, p: d.map_partitions(lambda part: part, meta=p.iloc[:0]),
    "persisted": lambda d, p: d.map_partitions(lambda part: part, meta=p.iloc[:0]).persist(),
}
#: What is done, and whether it is planned without pandas.
OPERATIONS = {
    "filter": (lambda d: d[d.x > 3], True),
    "two filters": (lambda d: d[d.x > 3][lambda e: e.y < 10], True),
    "filter by mean": (lambda d: d[d.y > d.y.mean()], True),
    "assign": (lambda d: d.assign(z=d.x + d.y), True),
    "columns": (lambda d: d[["o", "x"]], True),
    "object column": (lambda d: d.o, True),
    "objects filtered": (lambda d: d.o[d.x > 5], True),
    "rows and columns": (lambda d: d.loc[d.x > 3, ["o", "k"]], True),
    "rename": (lambda d: d.rename(columns={"o": "oo"}), True),
    "drop": (lambda d: d.drop(columns="o"), True),
    "astype": (lambda d: d.astype({"x": "float64"}), True),
    "sum of filtered": (lambda d: d[d.x > 3].y.sum(), True),
    "group-by of filtered": (lambda d: d[d.x > 3].groupby("k").y.mean(), True),
    "group-by of assigned": (lambda d: d.assign(z=d.x * 2).groupby("k").z.sum(), True),
    "sizes": (lambda d: d.groupby("k").size(), True),
    "isna": (lambda d: d.o.isna(), False),
    "count": (lambda d: d.count(), False),
    "first": (lambda d: d.groupby("k").first(), False),
    "sort": (lambda d: d.sort_values("y", ascending=False), False),
    "index": (lambda d: d.index, None),
    "index of filtered": (lambda d: d[d.x > 3].index, None),
}


def same(found, expected):
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected, check_freq=False, check_index_type="equiv")
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(found, expected, check_freq=False, check_index_type="equiv")
    elif isinstance(expected, pd.Index):
        pd.testing.assert_index_equal(found, expected, exact="equiv")
    else:
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(frame, base, name):
    pdf = FRAMES[frame]()
    df = BASES[base](dd.from_pandas(pdf, npartitions=3, sort=False), pdf)
    operation, native = OPERATIONS[name]
    result = operation(df)
    if native:
        assert result._node.tier_counts()["pandas"] == 0
    same(result.compute(), operation(pdf))


def test_what_needs_no_objects_runs_natively():
    df = dd.from_pandas(make_frame(), npartitions=3)
    assert "[pandas]" not in df[df.x > 3].groupby("k").y.mean().explain()
    # rows with objects are picked by pandas, by a mask that is computed natively
    assert df[df.x > 3].explain().count("[pandas]") == 1


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("base", BASES)
def test_partitions(frame, base):
    pdf = FRAMES[frame]()
    df = BASES[base](dd.from_pandas(pdf, npartitions=3, sort=False), pdf)
    same(df.head(6), pdf.head(6))
    same(df.tail(4), pdf.tail(4))
    same(df.head(5, npartitions=-1, compute=False).compute(), pdf.head(5))
    for count in (1, 2, 5, 7):
        again = df.repartition(npartitions=count)
        assert again.npartitions == count
        same(again.compute(), pdf)
        same(again[again.x > 3].compute(), pdf[pdf.x > 3])
    parts = [df.get_partition(i).compute() for i in range(3)]
    same(df.partitions[1].compute(), parts[1])
    same(df.partitions[[0, 2]].repartition(npartitions=1).x.compute(), pd.concat([parts[0], parts[2]]).x)
    same(dd.concat([df, df]).compute(), pd.concat([pdf, pdf]))
    same(dd.concat([df[df.x > 3], df]).compute(), pd.concat([pdf[pdf.x > 3], pdf]))
    assert len(df) == ROWS


# --- functions that give something else -------------------------------------------------------------------------------


def odd(part):
    part = part.copy()
    if (part.x == 5).any():
        part["y"] = [str(value) for value in part.y]
    return part


@pytest.fixture
def mapped():
    pdf = make_frame()[["x", "y", "k"]]
    return dd.from_pandas(pdf, npartitions=3).map_partitions(odd, meta=pdf.iloc[:0])


def test_what_came_is_kept(mapped):
    pdf = make_frame()[["x", "y", "k"]]
    parts = [odd(pdf.iloc[:4]), odd(pdf.iloc[4:7]), odd(pdf.iloc[7:])]
    expected = pd.concat(parts)
    assert expected.y.dtype == object
    for result in (
        mapped,
        mapped.persist(),
        mapped.repartition(npartitions=2),
        mapped.repartition(npartitions=5),
        mapped.partitions[:3],
        mapped.map_partitions(lambda part: part, meta=pdf.iloc[:0]),
    ):
        same(result.compute(), expected)
    same(mapped.head(6), expected.head(6))
    same(mapped.partitions[1].compute(), parts[1])
    same(dusk.compute(*mapped.to_delayed())[1], parts[1])
    same(dd.concat([mapped, mapped]).compute(), pd.concat([expected, expected]))


def test_kernels_take_what_fits_and_say_what_does_not(mapped):
    assert mapped.x.sum().compute() == 45
    assert len(mapped) == ROWS
    assert mapped.groupby("k").x.max().compute().to_dict() == {"a": 8, "b": 9}
    assert mapped.persist().x.sum().compute() == 45
    with pytest.raises(
        ValueError, match="column 'y' of the computed data has dtype str, but .* says float64"
    ) as caught:
        mapped.y.sum().compute()
    assert "partition 1 of 3" in "".join(caught.value.__notes__)


def test_floats_where_integers_were_expected():
    pdf = make_frame()[["x", "y"]]
    df = dd.from_pandas(pdf, npartitions=2).map_partitions(lambda p: p.assign(x=p.x + 0.5), meta=pdf.iloc[:0])
    same(df.compute(), pdf.assign(x=pdf.x + 0.5))
    with pytest.raises(ValueError, match="column 'x'"):
        df.x.sum().compute()


def test_columns_are_promised():
    pdf = make_frame()[["x", "y"]]
    df = dd.from_pandas(pdf, npartitions=2)
    with pytest.raises(ValueError, match="do not match"):
        df.map_partitions(lambda p: p.rename(columns={"x": "q"}), meta=pdf.iloc[:0]).compute()


def test_from_map():
    pdf = make_frame()[["x", "y"]]
    parts = [pdf, pdf.assign(x="t"), pdf.rename(columns={"x": "q"})]
    df = dd.from_map(lambda i: parts[i], [0, 1])
    same(df.compute(), pd.concat(parts[:2]))
    assert df.y.sum().compute() == pdf.y.sum() * 2
    same(dd.from_map(lambda i: parts[i], [0, 2]).compute(), pd.concat([parts[0], parts[2]]))
    with pytest.raises(ValueError, match="do not match"):
        dd.from_map(lambda i: parts[i], [0, 2], enforce_metadata=True).compute()


def test_from_delayed():
    pdf = make_frame()[["x", "y"]]
    parts = [dusk.delayed(pdf), dusk.delayed(pdf.assign(x="t"))]
    with pytest.raises(ValueError, match="Metadata mismatch found in `from_delayed`"):
        dd.from_delayed(parts, meta=pdf.iloc[:0]).compute()
    same(
        dd.from_delayed(parts, meta=pdf.iloc[:0], verify_meta=False).compute(),
        pd.concat([pdf, pdf.assign(x="t")]),
    )


@pytest.mark.parametrize("npartitions", [1, 2])
@pytest.mark.parametrize(
    "values", [["a", "b", "c"], [None, "b", 1], [pd.Interval(0, 1), pd.Interval(1, 2), pd.Interval(2, 3)]], ids=str
)
def test_objects_that_all_are_of_one_kind_stay_objects(values, npartitions):
    frame = pd.DataFrame({"a": pd.Series(values, dtype=object), "k": [1, 2, 3]})
    df = dd.from_pandas(frame, npartitions=npartitions)
    for operation in (
        lambda x: x.a,
        lambda x: x.a.rename("q"),
        lambda x: x[x.k > 1].a,
        lambda x: x.a.fillna("z"),
        lambda x: x.a.astype(object),
        lambda x: x[x.a.notna()]["a"],
    ):
        pd.testing.assert_series_equal(operation(df).compute(), operation(frame))
    pd.testing.assert_series_equal(df.a.map_partitions(lambda part: part).compute(), frame.a)


@pytest.mark.parametrize("npartitions", [1, 2])
@pytest.mark.parametrize("text", ["str", "string", "string[python]"])
def test_text_times_objects_that_are_integers(text, npartitions):
    frame = pd.DataFrame({"s": pd.Series(["a", "b", None], dtype=text), "n": pd.Series([2, 0, 3], dtype=object)})
    df = dd.from_pandas(frame, npartitions=npartitions)
    for operation in (lambda x: x.s * x.n, lambda x: x.n * x.s):
        assert operation(df).dtype == operation(frame).dtype
        pd.testing.assert_series_equal(operation(df).compute(), operation(frame))
        # a partition without rows, or without values
        pd.testing.assert_series_equal(operation(df[df.n != 3]).compute(), operation(frame[frame.n != 3]))
        holes = frame.assign(n=frame.n.mask(frame.n == 3))
        found = operation(dd.from_pandas(holes, npartitions=npartitions)).compute()
        pd.testing.assert_series_equal(found, operation(holes))
    with pytest.raises(TypeError):
        (df.s * df.s.astype(object)).compute()
