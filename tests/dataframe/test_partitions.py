"""Partitions and divisions: how rows are cut, found, brought together, and handed to functions."""

from __future__ import annotations

import datetime
import decimal
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import dusk
import dusk.dataframe as dd
from dusk import delayed


@pytest.fixture
def small() -> pd.DataFrame:
    return pd.DataFrame({"x": [3, 1, 2, 3, 1, 2], "y": list("abcabc"), "z": np.arange(6.0)})


@pytest.fixture
def df(small):
    return dd.from_pandas(small, npartitions=3)


CUTS = [
    (list(range(10)), {"npartitions": 4}, (0, 3, 6, 8, 9)),
    (list(range(5)), {"npartitions": 3}, (0, 2, 4, 4)),
    (list(range(3)), {"npartitions": 7}, (0, 1, 2, 2)),
    ([1, 1, 1, 2, 2, 3], {"npartitions": 2}, (1, 2, 3)),
    ([1, 1, 1, 2, 2, 3], {"npartitions": 6}, (1, 2, 3, 3)),
    ([1, 2, 2, 2, 2, 2, 2, 3], {"npartitions": 3}, (1, 2, 3, 3)),
    ([0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4, 5], {"npartitions": 3}, (0, 1, 4, 5)),
    ([0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4, 5], {"chunksize": 3}, (0, 1, 2, 3, 4, 5, 5)),
    ([3, 1, 2, 3, 1, 2], {"npartitions": 2}, (1, 2, 3)),
    (list("abcabc"), {"npartitions": 2}, ("a", "b", "c")),
]


@pytest.mark.parametrize(("index", "how", "divisions"), CUTS)
def test_no_index_value_lies_in_two_partitions(index, how, divisions):
    pdf = pd.DataFrame({"a": range(len(index))}, index=index)
    df = dd.from_pandas(pdf, **how)
    assert df.divisions == divisions
    dd.utils.assert_divisions(df)
    pd.testing.assert_frame_equal(df.compute(), pdf.sort_index())


def test_order_is_kept_without_sorting():
    pdf = pd.DataFrame({"a": range(10)}, index=list("jihgfedcba"))
    df = dd.from_pandas(pdf, npartitions=4, sort=False)
    assert df.divisions == (None,) * 5
    assert [len(df.get_partition(i)) for i in range(4)] == [3, 3, 2, 2]
    pd.testing.assert_frame_equal(df.compute(), pdf)


def test_empty_frame(small):
    df = dd.from_pandas(small.iloc[:0], npartitions=3)
    assert df.divisions == (None,) * 4
    assert len(df) == 0
    pd.testing.assert_frame_equal(df.compute(), small.iloc[:0])


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"npartitions": 2.0}, TypeError),
        ({"npartitions": 0}, ValueError),
        ({"npartitions": 2, "chunksize": 2}, ValueError),
    ],
)
def test_from_pandas_refuses(small, arguments, kind):
    with pytest.raises(kind):
        dd.from_pandas(small, **arguments)


def test_from_pandas_refuses_other_objects():
    with pytest.raises(TypeError, match="Input must be a pandas DataFrame or Series"):
        dd.from_pandas([1])
    with pytest.raises(NotImplementedError, match="MultiIndex"):
        dd.from_pandas(pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)])), npartitions=1)


def test_what_goes_in_comes_out():
    from decimal import Decimal

    pdf = pd.DataFrame(
        {"l": [[1], [2, 3], None], "d": [{"a": 1}, {}, None], "n": [Decimal("1.5"), None, Decimal(2)], "x": [1, 2, 3]},
        index=pd.Index(["u", "v", "w"], name="key"),
    )
    pdf.attrs["source"] = "here"
    for count in (1, 2, 3):
        found = dd.from_pandas(pdf, npartitions=count).compute()
        pd.testing.assert_frame_equal(found, pdf)
        assert found.attrs == pdf.attrs
        assert found.l.iloc[1] == [2, 3]
        found.loc["u", "x"] = 5
    assert pdf.x.tolist() == [1, 2, 3]


INDEXES = {
    "periods": pd.period_range("2024-01", periods=8, freq="M"),
    "dates": pd.Index([datetime.date(2024, 1, day) for day in range(1, 9)]),
    "decimals": pd.Index([decimal.Decimal(number) for number in range(8)]),
    "spans": pd.timedelta_range("1h", periods=8),
}


@pytest.mark.parametrize("name", INDEXES)
def test_divisions_are_values_of_any_index(name):
    index = INDEXES[name]
    frame = pd.DataFrame({"a": range(8)}, index=index)
    df = dd.from_pandas(frame, npartitions=3)
    assert df.divisions == (index[0], index[3], index[6], index[7])
    assert df.partitions[1:].divisions == (index[3], index[6], index[7])
    pd.testing.assert_frame_equal(df.loc[index[2] : index[4]].compute(), frame.loc[index[2] : index[4]])
    assert pickle.loads(pickle.dumps(df)).divisions == df.divisions


AXES = {
    "text": ["a", "b"],
    "integers": [1, 2],
    "small": pd.Index([1, 2], dtype="int8"),
    "floats": [1.5, 2.5],
    "dates": pd.to_datetime(["2024-01-01", "2024-01-02"]),
    "objects": pd.Index(["a", "b"], dtype=object),
    "categories": pd.CategoricalIndex(["a", "b"]),
    "levels": pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", "y"]),
    "range": pd.RangeIndex(2),
    "named": pd.Index(["a", "a"], name="n"),
}


@pytest.mark.parametrize("name", AXES)
def test_the_column_axis_keeps_its_kind(name):
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=AXES[name])
    df = dd.from_pandas(frame, npartitions=2)
    pd.testing.assert_frame_equal(df.compute(), frame)
    for positions in ([], [1]):
        chosen = frame.iloc[:, positions]
        pd.testing.assert_frame_equal(df.iloc[:, positions].compute(), chosen)
        pd.testing.assert_index_equal(df.iloc[:, positions].columns, chosen.columns)
    if name not in ("categories", "objects"):  # pandas has no new label for a category, and looks anew at objects
        pd.testing.assert_frame_equal(df.rename(columns={1: "1"}).compute(), frame.rename(columns={1: "1"}))
    df.columns = frame.columns = ["p", "q"]
    pd.testing.assert_frame_equal(df.compute(), frame)


def test_choosing_partitions(df, small):
    assert df.partitions[1].divisions == (2, 4)
    assert df.partitions[1:].divisions == (2, 4, 5)
    assert df.partitions[-1].divisions == (4, 5)
    assert len(df.partitions) == 3
    pd.testing.assert_frame_equal(df.partitions[[2, 0]].compute(), small.loc[[4, 5, 0, 1]])
    pd.testing.assert_frame_equal(df.get_partition(1).compute(), small[2:4])
    with pytest.raises(IndexError):
        df.partitions[5]
    for n in (-1, 3):
        with pytest.raises(ValueError, match="n must be 0 <= n < 3"):
            df.get_partition(n)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("known", [True, False])
def test_repartition_by_count(df, small, count, known):
    x = df if known else df.clear_divisions()
    found = x.repartition(npartitions=count)
    assert found.npartitions == count or count == 9
    dd.utils.assert_divisions(found)
    pd.testing.assert_frame_equal(found.compute(), small)


def test_repartition_by_divisions(df, small):
    for divisions in ([0, 1, 5], [0, 5], [0, 1, 2, 3, 4, 5], [0, 3, 5]):
        found = df.repartition(divisions=divisions)
        assert found.divisions == tuple(divisions)
        dd.utils.assert_divisions(found)
        pd.testing.assert_frame_equal(found.compute(), small)
        pd.testing.assert_series_equal(df.z.repartition(divisions=divisions).compute(), small.z)
    wider = df.repartition(divisions=[-3, -1, 3, 9, 12], force=True)
    pd.testing.assert_frame_equal(wider.compute(), small)
    with pytest.raises(ValueError, match="right side of old and new divisions are different"):
        df.repartition(divisions=[0, 3])
    with pytest.raises(ValueError, match="left side of old and new divisions are different"):
        df.repartition(divisions=[1, 5])
    with pytest.raises(ValueError, match="Cannot repartition on divisions with unknown divisions"):
        df.clear_divisions().repartition(divisions=[0, 5])
    with pytest.raises(ValueError, match="exactly one"):
        df.repartition(divisions=[0, 5], npartitions=2)


def test_repartition_by_size_and_span(small):
    pdf = pd.DataFrame({"a": range(48)}, index=pd.date_range("2024-01-01", periods=48, freq="h"))
    df = dd.from_pandas(pdf, npartitions=3)
    found = df.repartition(freq="12h")
    assert found.npartitions == 4
    pd.testing.assert_frame_equal(found.compute(), pdf, check_freq=False)
    found = df.repartition(partition_size=200)
    assert found.npartitions > 3
    pd.testing.assert_frame_equal(found.compute(), pdf, check_freq=False)
    with pytest.raises(TypeError, match="timeseries"):
        dd.from_pandas(small, npartitions=2).repartition(freq="1D")


# --- rows that meet -----------------------------------------------------------------------------------------------


def test_known_divisions_are_made_equal(df, small):
    other = dd.from_pandas(small, npartitions=2)
    found = df.x + other.z
    assert found.divisions == (0, 2, 3, 4, 5)
    pd.testing.assert_series_equal(found.compute(), small.x + small.z)
    later = dd.from_pandas(small.iloc[2:], npartitions=2)
    pd.testing.assert_series_equal((df.x + later.x).compute(), small.x + small.iloc[2:].x)
    pd.testing.assert_frame_equal(df.assign(q=later.z).compute(), small.assign(q=small.iloc[2:].z))


def test_unknown_divisions_are_never_guessed(df, small):
    unknown = df.clear_divisions()
    with pytest.raises(ValueError, match="Not all divisions are known, can't align partitions"):
        unknown.x + dd.from_pandas(small.x, npartitions=2)
    # as many partitions, and the rows are the same in each: right
    pd.testing.assert_series_equal((unknown.x + dd.from_pandas(small.x, npartitions=3)).compute(), small.x + small.x)
    # as many partitions, but others: an error when it is computed, not a wrong answer
    shifted = dd.from_pandas(small.iloc[1:], npartitions=3).clear_divisions()
    with pytest.raises(ValueError, match="different index values"):
        (unknown.x + shifted.x).compute()


def test_what_comes_from_one_frame_meets_without_divisions(df, small):
    unknown = df.clear_divisions()
    found = unknown[unknown.x > 1].x + unknown.z
    pd.testing.assert_series_equal(found.compute(), small[small.x > 1].x + small.z)


def test_pandas_operands(df, small):
    pd.testing.assert_series_equal((df.x + small.z).compute(), small.x + small.z)
    pd.testing.assert_series_equal((small.z - df.x).compute(), small.z - small.x)
    pd.testing.assert_frame_equal(df[small.x > 1].compute(), small[small.x > 1])


# --- divisions of a new index -----------------------------------------------------------------------------------------


def test_set_index_knows_its_divisions_when_asked(df, small, nothing_runs):
    indexed = df.set_index("x")
    assert indexed.npartitions == 3
    nothing_runs.undo()
    assert indexed.divisions == (1, 2, 3, 3)
    dd.utils.assert_divisions(indexed)
    pd.testing.assert_frame_equal(indexed.compute(), small.set_index("x").sort_index(kind="stable"))


def test_set_index_of_sorted_rows(df, small):
    assert df.set_index("z", sorted=True).divisions == (0.0, 2.0, 4.0, 5.0)
    with pytest.raises(ValueError, match="Partitions are not sorted ascending by x"):
        df.set_index("x", sorted=True)


def test_set_index_with_divisions_keeps_all_rows(df, small):
    found = df.set_index("x", divisions=[1, 2])
    assert found.divisions == (1, 2)
    assert len(found) == 6
    with pytest.raises(ValueError, match="sorted and unique"):
        df.set_index("x", divisions=[2, 1])


def test_set_index_meets_another(df, small):
    left = df.set_index("z").x
    right = dd.from_pandas(small, npartitions=2).set_index("z").x
    expected = small.set_index("z").x
    pd.testing.assert_series_equal((left + right).compute(), expected + expected)


def test_concat_divisions(df):
    assert dd.concat([df, df]).divisions == (None,) * 7
    assert dd.concat([df, df], interleave_partitions=True).divisions == (0, 2, 4, 5)
    later = df.repartition(npartitions=2)
    later = later.map_partitions(lambda part: part.set_axis(part.index + 10, axis=0))
    later.divisions = (10, 12, 15)
    joined = dd.concat([df, later])
    assert joined.divisions == (0, 2, 4, 10, 12, 15)


def test_loc_takes_only_the_partitions_that_it_needs(df, small):
    found = df.loc[1:3]
    assert found.divisions == (1, 2, 3)
    pd.testing.assert_frame_equal(found.compute(), small.loc[1:3])
    with pytest.raises(KeyError):
        df.loc[100].compute()
    pd.testing.assert_frame_equal(df.clear_divisions().loc[[2]].compute(), small.loc[[2]])


# --- functions of the user --------------------------------------------------------------------------------------------


def test_map_partitions(df, small):
    found = df.map_partitions(lambda part: part.assign(w=1))
    assert found.divisions == df.divisions
    pd.testing.assert_frame_equal(found.compute(), small.assign(w=1))
    assert df.map_partitions(len).compute().tolist() == [2, 2, 2]
    assert df.map_partitions(lambda part, more: part.x + more, df.x.max()).compute().tolist() == (small.x + 3).tolist()
    assert (
        df.map_partitions(lambda p, q: p.x + q, delayed(5), meta=("x", "i8")).compute().tolist()
        == (small.x + 5).tolist()
    )
    assert df.x.map_partitions(lambda a, b: a + b, df.z).compute().tolist() == (small.x + small.z).tolist()
    one = dd.from_pandas(pd.DataFrame({"k": [7]}), npartitions=1)
    assert df.map_partitions(lambda p, q: p.x + q.k.iloc[0], one).compute().tolist() == (small.x + 7).tolist()
    assert df.index.map_partitions(lambda index: index + 10).divisions == (10, 12, 14, 15)
    assert df.map_partitions(lambda part: part, clear_divisions=True).divisions == (None,) * 4


def test_partition_info(df):
    def number(part, partition_info=None):
        info = partition_info or {"number": -1, "division": None}
        return part.assign(n=info["number"], d=-1 if info["division"] is None else info["division"])

    found = df.map_partitions(number).compute()
    assert found.n.tolist() == [0, 0, 1, 1, 2, 2]
    assert found.d.tolist() == [0, 0, 2, 2, 4, 4]


def test_metas_of_functions(df, small):
    with pytest.raises(ValueError, match="Metadata inference failed in `lambda`"):
        df.map_partitions(lambda part: 1 / 0)
    meta = {"x": "i8", "y": "str", "z": "f8"}
    pd.testing.assert_frame_equal(df.map_partitions(lambda part: part, meta=meta).compute(), small)
    assert df.map_partitions(lambda part: part, meta=list(meta.items())).dtypes.tolist() == list(small.dtypes)
    assert df.map_partitions(lambda part: part.z, meta=("z", "f8")).dtype == "float64"
    wrong = df.map_partitions(lambda part: part[["x"]], meta=df._meta[["x", "z"]])
    with pytest.raises(ValueError, match="The columns in the computed data do not match the columns in the provided"):
        wrong.compute()
    # told not to mind, it takes what comes
    assert (
        df.map_partitions(lambda p: p.x.astype("f8") + 0.5, meta=("x", "i8"), enforce_metadata=False).compute().dtype
        == "f8"
    )


def test_an_exception_is_the_users_own(df):
    class Mine(Exception):
        pass

    def fail(part):
        if len(part) and part.index[0] == 2:
            raise Mine("here")
        return part

    with pytest.raises(Mine, match="here") as caught:
        df.map_partitions(fail, meta=df._meta).compute()
    notes = "\n".join(caught.value.__notes__)
    assert "partition 1" in notes


def test_from_map():
    df = dd.from_map(lambda i: pd.DataFrame({"a": [i, i + 0.5]}), range(4))
    assert df.npartitions == 4
    assert df.compute().a.tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]
    df = dd.from_map(
        lambda i, j, k: pd.DataFrame({"a": [i + j]}, index=[k + i]), [0, 1], [2, 3], args=[10], meta={"a": "i8"},
        divisions=(10, 11, 11), label="mine",
    )  # fmt: skip
    assert df.divisions == (10, 11, 11)
    assert df._name.startswith("mine-")
    assert df.compute().a.tolist() == [2, 4]
    with pytest.raises(ValueError, match="callable"):
        dd.from_map(3, [1])
    with pytest.raises(ValueError, match="same length"):
        dd.from_map(lambda i, j: i, [1], [1, 2])
    with pytest.raises(ValueError, match="at least one"):
        dd.from_map(lambda: 1)


def test_delayed_and_back(df, small):
    parts = df.to_delayed()
    pd.testing.assert_frame_equal(parts[1].compute(), small[2:4])
    pd.testing.assert_frame_equal(dd.from_delayed(parts).compute(), small)
    again = dd.from_delayed(parts, divisions=df.divisions, meta=df)
    assert again.divisions == df.divisions
    pd.testing.assert_series_equal((again.x + df.x).compute(), small.x * 2)
    assert dd.from_delayed(parts, divisions="sorted").divisions == (0, 2, 4, 5)
    with pytest.raises(TypeError, match="Expected Delayed"):
        dd.from_delayed([3])
    with pytest.raises(ValueError, match="divisions"):
        dd.from_delayed(parts, divisions=(0, 1))
    assert df.x.sum().to_delayed().compute() == 12


def test_delayed_functions_get_whole_frames(df, small):
    assert delayed(len)(df).compute() == 6
    pd.testing.assert_frame_equal(delayed(lambda frame: frame)(df).compute(), small)
    assert delayed(lambda total, more: total + more)(df.x.sum(), [df.z.max()][0]).compute() == 17.0


def test_persist_holds_the_data(small):
    calls = []

    def count(part):
        calls.append(1)
        return part

    df = dd.from_pandas(small, npartitions=3).map_partitions(count, meta=small.iloc[:0])
    held = df.persist()
    seen = len(calls)
    pd.testing.assert_frame_equal(held.compute(), small)
    assert held.x.sum().compute() == 12
    assert len(calls) == seen == 3
    assert held.divisions == df.divisions
    # what is held still meets what it was made of
    pd.testing.assert_series_equal((held[held.x > 1].x + df.z).compute(), small[small.x > 1].x + small.z)


def test_several_at_once(df, small):
    total, nested, frame = dusk.compute(df.x.sum(), {"mean": [df.z.mean()]}, df)
    assert total == 12
    assert nested == {"mean": [2.5]}
    pd.testing.assert_frame_equal(frame, small)


@pytest.mark.parametrize("npartitions", [1, 2, 3, 7])
def test_text_in_pieces_of_other_memory(npartitions):
    # Pieces as Parquet's reader gives them: several look at one memory of text, and some begin far behind its start.
    texts = pa.array([None if n % 13 == 0 else f"{n}é" * (n % 5) for n in range(1000)], pa.large_string())
    pieces = pa.chunked_array([texts[:100], texts[100:250], texts[250:700], texts[700:], texts[990:], texts[:0]])
    frame = pd.DataFrame({"t": pd.array(pieces, dtype="str"), "n": np.arange(1010)})
    df = dd.from_pandas(frame, npartitions=npartitions)
    for collection in (df, df.persist()):
        pd.testing.assert_frame_equal(collection.compute(), frame)
        pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(collection)).compute(), frame)
        expected = frame.groupby("t").n.sum()
        pd.testing.assert_series_equal(collection.groupby("t").n.sum().compute(), expected)
