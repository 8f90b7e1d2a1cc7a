"""pandas objects into the engine and back: index, dtypes, values, labels, attrs, ownership.

Every object goes in as several partitions and must come back equal, whatever it holds.
"""

import datetime
import decimal
import enum
import gc
import zoneinfo

import numpy as np
import pandas as pd
import pandas.testing as tm
import pyarrow as pa
import pytest

from dusk import _core

PARTS = [1, 2, 3, 7]


def through(obj, parts=2):
    return _core._roundtrip(obj, parts)


def same(left, right):
    if isinstance(left, pd.DataFrame):
        tm.assert_frame_equal(left, right)
        assert all(a == b or a != a for a, b in zip(left.columns, right.columns))
        assert left.flags == right.flags
    elif isinstance(left, pd.Series):
        tm.assert_series_equal(left, right)
    else:
        tm.assert_index_equal(left, right, exact="equiv", check_freq=True)
    if not isinstance(left, pd.Index):
        assert left.attrs == right.attrs


def check(obj, parts=PARTS):
    for count in parts:
        back = through(obj, count)
        same(obj, back)
    for piece in (obj[:0], obj[:1]):
        same(piece, through(piece, 1))
        same(piece, through(piece, 2))


NUMBERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"]
UNITS = ["s", "ms", "us", "ns"]


def numeric(dtype):
    info = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else np.finfo(dtype)
    values = [0, 1, info.min, info.max, 7, 100, 3, 2, 1]
    if np.dtype(dtype).kind == "f":
        values[1:5] = [np.nan, np.inf, -np.inf, -0.0]
    return np.array(values, dtype=dtype)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


STAMPS = ["2020-01-01 00:00:01", None, "1969-12-31 23:59:59", "2262-01-01", "1700-06-15 12:00", None, "2020-03-29 03:30"]

VALUES = {
    **{dtype: numeric(dtype) for dtype in NUMBERS},
    "bool": np.array([True, False, True, True, False, False, True, False, True]),
    **{f"datetime-{u}": np.array(STAMPS, dtype=f"M8[{u}]") for u in UNITS},
    **{f"timedelta-{u}": np.array([0, "NaT", -1, 10**9, 86400, 3], dtype=f"m8[{u}]") for u in UNITS},
    **{
        f"tz-{name}": pd.to_datetime(pd.Series(STAMPS), format="ISO8601").dt.as_unit(unit).dt.tz_localize("UTC").dt.tz_convert(zone).array
        for unit, name, zone in [
            ("s", "utc", "UTC"),
            ("us", "berlin", "Europe/Berlin"),
            ("ns", "zoneinfo", zoneinfo.ZoneInfo("Asia/Kolkata")),
            ("ms", "offset", datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))),
            ("us", "odd-offset", datetime.timezone(datetime.timedelta(seconds=3601))),
            ("us", "named-offset", datetime.timezone(datetime.timedelta(hours=1), "X")),
            ("us", "dateutil", "dateutil/Europe/Berlin"),
        ]
    },
    "str": pd.array(["a", None, "", "grüße", "日本", "a\nb", "x" * 1000, "🎈"], dtype="str"),
    "str-python": pd.array(["a", None, "é"], dtype=pd.StringDtype("python", na_value=np.nan)),
    "string-pyarrow": pd.array(["a", None, "", "grüße"], dtype="string[pyarrow]"),
    "string-python": pd.array(["a", None, "", "grüße"], dtype="string[python]"),
    "surrogate": pd.array(["a", "\ud800", None], dtype=pd.StringDtype("python")),
    **{
        name: pd.array([1, None, 0, 3, 100], dtype=name)
        for name in ["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64"]
    },
    "Int64-full": pd.array([1, 2, 3], dtype="Int64"),
    "Int64-none": pd.array([None, None, None], dtype="Int64"),
    "Int64-edge": pd.array([np.iinfo("int64").min, None, np.iinfo("int64").max], dtype="Int64"),
    "boolean": pd.array([True, None, False, True], dtype="boolean"),
    "category": pd.Categorical(["b", "a", None, "b", "c"], categories=["c", "b", "a", "unused"]),
    "category-ordered": pd.Categorical(["b", "a", None], categories=["b", "a"], ordered=True),
    "category-int": pd.Categorical([3, 1, 2, None, 3]),
    "category-float": pd.Categorical([3.5, 1.0, None]),
    "category-date": pd.Categorical(pd.to_datetime(["2020", "2021", None])),
    "category-tz": pd.Categorical(pd.to_datetime(["2020", "2021", None]).tz_localize("Europe/Berlin")),
    "category-bool": pd.Categorical([True, False, None]),
    "category-object": pd.Categorical(np.array(["a", 1, None, (1, 2)], dtype=object)),
    "category-interval": pd.cut([1, 5, 9, 12], [0, 4, 8, 10]),
    "category-none": pd.Categorical([None, None], categories=[]),
    **{f"category-{n}": pd.Categorical(np.arange(n) % n, categories=np.arange(n)) for n in (126, 127, 128, 40000)},
    "arrow-int": pd.array([1, None, 3], dtype=pd.ArrowDtype(pa.int32())),
    "arrow-string": pd.array(["a", None, "é"], dtype=pd.ArrowDtype(pa.string())),
    "arrow-bool": pd.array([True, None, False], dtype=pd.ArrowDtype(pa.bool_())),
    "arrow-float": pd.array([1.5, None, np.nan], dtype=pd.ArrowDtype(pa.float64())),
    "arrow-date": pd.array([datetime.date(2020, 1, 1), None], dtype=pd.ArrowDtype(pa.date32())),
    "arrow-time": pd.array([datetime.time(1, 2, 3), None], dtype=pd.ArrowDtype(pa.time64("us"))),
    "arrow-stamp": pd.array([pd.Timestamp("2020", tz="UTC"), None], dtype=pd.ArrowDtype(pa.timestamp("us", "UTC"))),
    "arrow-decimal": pd.array([decimal.Decimal("1.50"), None], dtype=pd.ArrowDtype(pa.decimal128(10, 2))),
    "arrow-list": pd.array([[1, 2], None, []], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
    "arrow-struct": pd.array([{"a": 1}, None], dtype=pd.ArrowDtype(pa.struct([("a", pa.int64())]))),
    "arrow-binary": pd.array([b"x", None], dtype=pd.ArrowDtype(pa.binary())),
    "arrow-null": pd.array([None, None], dtype=pd.ArrowDtype(pa.null())),
    "arrow-dictionary": pd.array(["x", None, "y"], dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))),
    "complex": np.array([1 + 2j, np.nan, 0]),
    "float16": np.array([1, np.nan, 3], dtype="float16"),
    "longdouble": np.array([1, np.nan, 3], dtype="longdouble"),
    "big-endian": np.array([1, 2, 3], dtype=">i4"),
    "period": pd.period_range("2020-01", periods=5, freq="M").array,
    "interval": pd.interval_range(0, 4).array,
    "sparse": pd.arrays.SparseArray([0, 0, 1, 0, 2]),
    "object": np.array([[1, 2], {"a": 1}, None, decimal.Decimal("1.1"), "text", float("nan"), (1,), b"x"], dtype=object),
    "object-str": np.array(["a", "b", None], dtype=object),
    "object-int": np.array([1, 2**70, None], dtype=object),
    "object-bool": np.array([True, None, False], dtype=object),
    "object-date": np.array([datetime.date(2020, 1, 1), None], dtype=object),
}

HOST = {
    "str-python", "surrogate", "category-object", "category-interval", "category-none", "complex", "float16",
    "longdouble", "big-endian", "period", "interval", "sparse", "object", "object-str", "object-int", "object-bool",
    "object-date", "tz-odd-offset", "tz-named-offset", "tz-dateutil",
}  # fmt: skip


def series(name):
    values = VALUES[name]
    return pd.Series(values, name=name, dtype=values.dtype)


@pytest.mark.parametrize("name", VALUES)
def test_series(name):
    check(series(name))


@pytest.mark.parametrize("name", VALUES)
def test_frame(name):
    column = series(name)
    check(pd.DataFrame({"k": np.arange(len(column)), "x": column, "é": column}))


@pytest.mark.parametrize("name", sorted(set(VALUES) - {"arrow-list", "arrow-struct", "object", "float16"}))
def test_index(name):
    index = pd.Index(VALUES[name], name="level", dtype=VALUES[name].dtype)
    check(pd.Series(np.arange(len(index)), index=index, name="x"))
    check(index)


@pytest.mark.parametrize("name", VALUES)
def test_native_or_host(name):
    held = _core.Held(series(name).to_frame(), 2)
    assert held.is_native() == (name not in HOST)


@pytest.mark.parametrize("name", VALUES)
def test_meta(name):
    column = series(name)
    frame = pd.DataFrame({"x": column, "y": column})
    for obj in (column, frame, column.to_frame().set_index(pd.Index([1] * len(column), name="i"))):
        same(obj[:0], _core.Held(obj, 1).meta())


# pandas itself can't write to sparse arrays and lists.
@pytest.mark.parametrize("name", sorted(set(VALUES) - {"sparse", "arrow-list"}))
def test_result_is_writeable(name):
    for parts in (1, 3):
        column = series(name)
        back = through(column.to_frame("x"), parts)
        expected = column.to_frame("x").copy()
        for obj in (back, expected):
            obj.loc[0, "x"] = obj["x"].iloc[-1]
        if name != "category-none":
            same(expected, back)


def test_all_columns_at_once():
    frame = pd.DataFrame({name: pd.Series(VALUES[name][:2]) for name in VALUES if name != "object"})
    check(frame, [1, 2])
    check(frame[[name for name in frame if name not in HOST]], [1, 2])


def test_empty_objects():
    for obj in (
        pd.DataFrame(),
        pd.DataFrame(index=[1, 2, 3]),
        pd.DataFrame(columns=["a", "b"]),
        pd.DataFrame({"a": []}),
        pd.DataFrame(index=pd.MultiIndex.from_arrays([[1, 2], [3, 4]])),
        pd.Series(dtype="float64"),
        pd.Series(dtype="str", name="x"),
        pd.Index([], dtype="int64"),
        pd.RangeIndex(0),
    ):
        for parts in (1, 2):
            same(obj, through(obj, parts))


INDEXES = {
    "range": pd.RangeIndex(6),
    "range-named": pd.RangeIndex(6, name="i"),
    "range-step": pd.RangeIndex(10, 22, 2),
    "range-down": pd.RangeIndex(5, -1, -1),
    "int": pd.Index([3, 1, 2, 2, -5, 0]),
    "float-nan": pd.Index([1.5, np.nan, 2, 2, -5, 0], name=3),
    "str": pd.Index(list("abcdef"), name="naïve"),
    "object": pd.Index(["a", 1, None, (1, 2), 2.5, b"x"], name=("a", 1)),
    "freq-day": pd.date_range("2020-01-01", periods=6, freq="D"),
    "freq-month": pd.date_range("2020-01-31", periods=6, freq="ME", tz="Europe/Berlin", name="when"),
    "freq-delta": pd.timedelta_range("1h", periods=6, freq="90min"),
    "dates": pd.DatetimeIndex(["2020", "2021", None, "2020", "1999", "2000"]),
    "category": pd.CategoricalIndex(list("abcabc"), categories=list("cbad")),
    "bool": pd.Index([True, False, True, False, True, False]),
    "multi": pd.MultiIndex.from_product([[1, 2], list("abc")], names=["x", None]),
    "multi-unnamed": pd.MultiIndex.from_arrays([[1.5, np.nan, 2, 2, 1, 0], list("aabbcc")]),
    "multi-dates": pd.MultiIndex.from_arrays([pd.date_range("2020", periods=6, tz="UTC"), pd.Categorical(list("abcabc"))]),
    "multi-one": pd.MultiIndex.from_arrays([[1, 2, 3, 4, 5, 6]], names=["only"]),
    "multi-object": pd.MultiIndex.from_arrays([[1, 2, 3, 4, 5, 6], pd.Index([1, "a", None, 2, 3, 4], dtype=object)]),
}


@pytest.mark.parametrize("name", INDEXES)
def test_indexes(name):
    index = INDEXES[name]
    check(pd.DataFrame({"a": np.arange(6.0), "s": list("uvwxyz")}, index=index))
    check(pd.Series(np.arange(6), index=index))
    back = through(pd.Series(np.arange(6), index=index), 3)
    assert type(back.index) is type(index) and back.index.names == index.names


def test_ranges_that_do_not_go_on_are_written_out():
    # The partitions of a filtered or concatenated frame, as pd.concat joins them.
    frame = pd.DataFrame({"a": range(6)})
    assert isinstance(through(frame, 6).index, pd.RangeIndex)
    assert isinstance(through(frame.iloc[::2], 3).index, pd.RangeIndex)


COLUMNS = {
    "default": pd.RangeIndex(3),
    "range": pd.RangeIndex(4, 10, 2, name="c"),
    "ints": pd.Index([3, 1, 2]),
    "small-ints": pd.Index([3, 1, 2], dtype="int8"),
    "duplicate": pd.Index(["a", "b", "a"]),
    "object": pd.Index(["a", "b", "c"], dtype=object),
    "mixed": pd.Index(["a", 1, None]),
    "floats": pd.Index([1.5, np.nan, 2.0]),
    "bools": pd.Index([True, False, True]),
    "dates": pd.DatetimeIndex(["2020", "2021", "2022"], name="d"),
    "periods": pd.period_range("2020", periods=3, freq="Y"),
    "category": pd.CategoricalIndex(["x", "y", "x"], categories=["y", "x", "z"]),
    "multi": pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["x", None]),
    "multi-duplicate": pd.MultiIndex.from_tuples([("a", 1), ("a", 1), ("b", 1)]),
    "tuples": pd.Index([("a", 1), ("a", 2), ("b", 1)], tupleize_cols=False),
    "ragged": pd.Index([("a", 1), ("a",), "b"]),
    "named": pd.Index(["a", "b", "c"], name="axis"),
    "unicode": pd.Index(["ä", "日本", "🎈"]),
    "big": pd.Index([2**63, 2**64 - 1, 5], dtype="uint64"),
    "enum": pd.Index([Colour.RED, Colour.BLUE, "x"]),
    "string": pd.Index(["a", "b", "c"], dtype="string"),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("host", [False, True])
def test_columns(name, host):
    frame = pd.DataFrame({0: [1, 2, 3], 1: [1.5, None, 2], 2: [[1], None, 2] if host else list("abc")})
    frame.columns = COLUMNS[name]
    check(frame, [1, 3])
    back = through(frame, 2)
    assert type(back.columns) is type(frame.columns) and back.columns.names == frame.columns.names
    meta = _core.Held(frame, 1).meta()
    same(frame[:0], meta)


def test_no_columns_keep_their_axis():
    for columns in (pd.MultiIndex.from_tuples([("a", 1)])[:0], pd.Index(["a"])[:0], pd.Index([1.5])[:0]):
        same(pd.DataFrame({"x": [1, 2]})[[]].set_axis(columns, axis=1), through(pd.DataFrame(index=pd.RangeIndex(2), columns=columns)))


def test_attrs_and_flags():
    frame = pd.DataFrame({"a": [1, 2, 3]})
    frame.attrs = {"unit": "m", "nested": {"x": [1, 2]}}
    back = through(frame)
    assert back.attrs == frame.attrs
    back.attrs["nested"]["x"].append(3)
    assert frame.attrs["nested"]["x"] == [1, 2]
    flagged = frame.set_flags(allows_duplicate_labels=False)
    assert not through(flagged).flags.allows_duplicate_labels
    named = frame["a"].rename(("t", 1))
    check(named)


@pytest.mark.parametrize("dtype", ["int64", "float32", "bool", "M8[ns]", "int8"])
def test_strided_and_reversed_memory(dtype):
    base = np.arange(60).reshape(20, 3).astype(dtype)
    for array in (base, base.T.copy().T, base[::2], base[::-1], base[:, ::-1], np.asfortranarray(base), base[5:6], base[:0]):
        check(pd.DataFrame(array, copy=False), [1, 3])
        check(pd.Series(array[:, 1], copy=False), [1, 3])
    check(pd.DataFrame({"a": base[:, 0], "b": base[:, 1]}).iloc[3:11:2], [1, 2])


def test_unaligned_memory():
    packed = np.zeros(7, dtype=[("flag", "u1"), ("value", "f8")])
    packed["value"] = np.arange(7)
    check(pd.Series(packed["value"], copy=False))
    odd = np.frombuffer(b"\0" + np.arange(5, dtype="i8").tobytes(), dtype="i8", offset=1)
    check(pd.Series(odd, copy=False))


def test_sliced_and_chunked_text():
    text = pa.chunked_array([["a", None], [], ["é"] * 5, ["zz", None]], type=pa.large_string())
    column = pd.Series(pd.array(text, dtype="str"))
    check(column)
    check(column[2:7])
    check(pd.DataFrame({"s": column, "n": np.arange(9), "t": column[::-1].array}))
    wide = pa.chunked_array([["x"] * 70_000, ["y"] * 80_000], type=pa.large_string())
    other = pa.chunked_array([["u"] * 100_000, ["v"] * 50_000], type=pa.large_string())
    check(pd.DataFrame({"a": pd.array(wide, dtype="str"), "b": pd.array(other, dtype="str")}), [1, 3])


def test_many_columns_share_blocks():
    frame = pd.DataFrame({f"c{i}": np.arange(4) * (1.0 if i % 2 else 1) + i for i in range(200)})
    frame["s"] = list("abcd")
    back = through(frame, 2)
    same(frame, back)
    back["new"] = 1


def test_writes_to_the_source_do_not_reach_the_engine():
    frame = pd.DataFrame({"a": np.arange(6), "b": np.arange(6.0), "s": list("abcdef"), "n": pd.array([1] * 6, "Int64")})
    frame["d"] = pd.date_range("2020", periods=6)
    frame["c"] = frame["s"].astype("category")
    frame["o"] = [[1], [2], [3], [4], [5], [6]]
    for columns in (list("abs"), list("absndc"), list("absndco")):
        source = frame[columns].copy()
        before = source.copy()
        held = _core.Held(source, 3)
        source.loc[0, "a"] = 99
        source.iloc[1, 1] = -1.0
        source["s"] = "changed"
        source.loc[2, "s"] = "x"
        source.at[3, "a"] = 77
        source.fillna({"b": 0.0}, inplace=True)
        source.pop("a")
        if "n" in source:
            source.loc[0, "n"] = 5
            source.loc[0, "d"] = pd.Timestamp("1999")
        same(before, held.get())
        del source
        gc.collect()
        same(before, held.get())


def test_numpy_views_of_pandas_are_read_only():
    frame = pd.DataFrame({"a": np.arange(3.0)})
    held = _core.Held(frame, 1)
    with pytest.raises(ValueError, match="read-only"):
        frame["a"].to_numpy()[0] = 5
    with pytest.raises(ValueError, match="read-only"):
        frame.values[0, 0] = 5
    assert held.get()["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("own", [False, True])
def test_writes_to_the_result_do_not_reach_the_engine(own):
    frame = pd.DataFrame({"a": np.arange(6), "b": np.arange(6.0), "s": list("abcdef"), "n": pd.array([1, None] * 3, "Int64")})
    frame["d"] = pd.date_range("2020", periods=6).where(frame["a"] != 2)
    frame["t"] = frame["d"].dt.tz_localize("UTC")
    for index in (frame.index, pd.Index(np.arange(6) * 2)):
        source = frame.set_axis(index)
        for parts in (1, 3):
            held = _core.Held(source, parts)
            if own:
                held.own()
            result = held.get()
            result.loc[0, "a"] = 99
            result["b"] = result["b"] + 1
            result["b"].array[:] = 7
            result["n"].array[:] = 7
            result["a"].array[:] = 7
            result["d"].array[:] = pd.NaT
            result["t"].array[:] = pd.NaT
            result.loc[2, "s"] = "changed"
            same(source, held.get())
            same(source, held.take())


def test_the_last_reference_is_handed_over():
    frame = pd.DataFrame({"a": np.arange(100_000), "b": np.arange(100_000.0)})
    held = _core.Held(frame, 1)
    held.own()
    result = held.take()
    same(frame, result)
    result.loc[0, "a"] = 5
    result.iloc[:, 1] += 1
    assert frame.loc[0, "a"] == 0
    assert not np.shares_memory(frame["a"].to_numpy(), result["a"].to_numpy())


def test_a_partition_counts_for_its_own_rows():
    frame = pd.DataFrame({"a": np.arange(100_000), "s": ["some text"] * 100_000, "b": [True] * 100_000})
    whole = sum(_core.Held(frame, 1).nbytes())
    parts = _core.Held(frame, 10).nbytes()
    assert sum(parts) < 1.1 * whole
    assert max(parts) < 1.2 * whole / 10


def test_tokens_follow_content():
    frame = pd.DataFrame({"a": [1, 2, 3], "s": list("abc"), "o": [[1], None, 2]})
    token = _core._token(frame, 2)
    assert token == _core._token(frame.copy(), 2)
    assert token != _core._token(frame, 3)
    assert token != _core._token(frame.assign(a=[1, 2, 4]), 2)
    assert token != _core._token(frame.rename(columns={"a": "z"}), 2)
    assert token != _core._token(frame.set_axis([1, 2, 4]), 2)
    assert _core._token(frame[["a"]], 1) != _core._token(frame["a"], 1)


def test_what_is_not_pandas_is_refused():
    for obj in ([1, 2], np.arange(3), {"a": [1]}):
        with pytest.raises(TypeError, match="expected a pandas DataFrame, Series or Index"):
            through(obj, 1)


# -- functions of users ----------------------------------------------------------------------------------------------


def mapped(frame, function, meta=None, parts=2):
    return _core.Held(frame, parts).map(function, frame[:0] if meta is None else meta)


# Metadata without rows can't tell that text isn't Unicode; `pd.concat` changes the byte order.
@pytest.mark.parametrize("name", sorted(set(VALUES) - {"surrogate", "big-endian"}))
def test_functions_see_pandas(name):
    frame = pd.DataFrame({"x": series(name), "k": np.arange(len(VALUES[name]))})
    seen = []

    def function(part):
        seen.append(part)
        return part

    same(frame, mapped(frame, function).take().set_axis(frame.index))
    same(frame, pd.concat(seen))


def test_functions_may_write_to_their_argument():
    frame = pd.DataFrame({"a": np.arange(6), "s": list("abcdef")})
    host = frame.assign(o=[[1]] * 6)
    for source in (frame, host):
        held = _core.Held(source, 2)

        def function(part):
            part.loc[:, "a"] = 0
            part["s"] = "x"
            return part

        assert held.map(function, source[:0]).take()["a"].tolist() == [0] * 6
        same(source, held.get())


def test_safe_casts_of_results():
    frame = pd.DataFrame({"a": np.arange(4)})
    meta = pd.DataFrame({"f": pd.Series(dtype="f8"), "s": pd.Series(dtype="str"), "d": pd.Series(dtype="M8[ns]"), "n": pd.Series(dtype="f8")})

    def function(part):
        return pd.DataFrame(
            {
                "f": part["a"],
                "s": pd.Series(["x"] * len(part), index=part.index, dtype=object),
                "d": pd.Series([pd.Timestamp("2020").as_unit("s")] * len(part), index=part.index),
                "n": pd.Series([None] * len(part), index=part.index, dtype=object),
            }
        )

    result = mapped(frame, function, meta).take()
    assert result.dtypes.astype(str).tolist() == ["float64", "str", "datetime64[ns]", "float64"]
    assert result["f"].tolist() == [0, 1, 2, 3] and result["n"].isna().all()


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([1.5, 2.5], "int64"), ([1.0, np.nan], "int64"), ([2**53 + 1, 1], "float64"), (["a", 1], "str"), ([300, 1], "int8"),
     ([True, False], "int64"), ([1, 0], "bool"), (["1", "2"], "float64")],
)  # fmt: skip
def test_lossy_results_are_errors(values, dtype):
    frame = pd.DataFrame({"a": [1, 2]})
    meta = pd.DataFrame({"x": pd.Series(dtype=dtype)})
    with pytest.raises(ValueError, match="column 'x' of the computed data has dtype") as info:
        mapped(frame, lambda part: pd.DataFrame({"x": values}), meta, parts=1)
    assert any("partition 0 of 1" in note and "('map', 0)" in note for note in info.value.__notes__)


def test_other_columns_are_errors():
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    text = "The columns in the computed data do not match the columns in the provided metadata"
    with pytest.raises(ValueError, match=text) as info:
        mapped(frame, lambda part: part.rename(columns={"b": "c"}))
    assert "Extra:   ['c']" in str(info.value) and "Missing: ['b']" in str(info.value)
    with pytest.raises(ValueError, match="Order of columns does not match"):
        mapped(frame, lambda part: part[["b", "a"]])
    with pytest.raises(TypeError, match="returned Series"):
        mapped(frame, lambda part: part["a"])
    with pytest.raises(ValueError, match=text):
        mapped(frame.assign(o=[[1], [2]]), lambda part: part[["a", "o"]])


def test_empty_results_take_the_dtypes_of_the_metadata():
    frame = pd.DataFrame({"a": np.arange(4), "s": list("abcd")})
    result = mapped(frame, lambda part: part[part["a"] >= 2], parts=2).take()
    same(frame[2:].set_axis([2, 3]), result)
    none = mapped(frame, lambda part: part[:0], parts=2).take()
    assert none.dtypes.tolist() == frame.dtypes.tolist() and len(none) == 0


def test_users_exceptions_come_back_untouched():
    class Mine(Exception):
        pass

    mine = Mine("boom")

    def function(part):
        raise mine

    with pytest.raises(Mine) as info:
        mapped(pd.DataFrame({"a": [1, 2]}), function)
    assert info.value is mine
    assert any(entry.name == "function" for entry in info.traceback)
    assert [note for note in mine.__notes__ if "in function, partition 0 of 2, key ('map', 0)" in note]
    with pytest.raises(Mine):
        mapped(pd.DataFrame({"a": [1, 2]}), function)
    assert len(mine.__notes__) == 1


def test_partition_info_is_given_when_asked_for():
    frame = pd.DataFrame({"a": [1, 2]})

    def function(part, partition_info=None):
        return part.assign(a=partition_info["number"])

    assert mapped(frame, function).take()["a"].tolist() == [0, 1]


# -- single values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, -5, 2**63, 2**64 - 1, -(2**63), 1.5, float("inf"), "", "naïve", b"\0x",
     np.int8(-3), np.uint64(2**64 - 1), np.float32(1.1), np.float64(2.5), np.bool_(True),
     np.datetime64("2020-01-01T00:00:01", "s"), np.datetime64(5, "ns"), np.timedelta64(7, "ms"),
     pd.Timestamp("2020-01-01 12:00:00.123456789"), pd.Timestamp("2020", tz="Europe/Berlin"),
     pd.Timestamp("1500-01-01").as_unit("s"), pd.Timedelta("1 day 00:00:00.5"), np.str_("x")],
    ids=repr,
)  # fmt: skip
def test_scalars(value):
    back, _ = _core._literal(value)
    assert back == value and type(back) is (str if isinstance(value, str) else type(value))
    if isinstance(value, (pd.Timestamp, pd.Timedelta)):
        assert back.unit == value.unit


def test_scalars_of_several_kinds():
    assert np.isnan(_core._literal(float("nan"))[0])
    for missing in (None, pd.NA, pd.NaT):
        assert _core._literal(missing)[0] is None
    assert np.isnat(_core._literal(np.datetime64("NaT", "us"))[0])
    assert _core._literal(datetime.datetime(2020, 1, 2, 3))[0] == pd.Timestamp("2020-01-02 03:00")
    assert _core._literal(datetime.timedelta(seconds=5))[0] == pd.Timedelta("5s")
    assert _core._literal(np.datetime64("2020-01-02"))[0] == np.datetime64("2020-01-02", "s")
    assert "dtype: None" in _core._literal(1)[1] and "Int8" in _core._literal(np.int8(1))[1]


@pytest.mark.parametrize(
    "value",
    [decimal.Decimal(1), 1j, 2**64, -(2**63) - 1, datetime.date(2020, 1, 1), datetime.time(1), [1], (1,), object(),
     np.float16(1), np.longdouble(1), np.complex64(1), np.datetime64("2020-01", "M"), np.datetime64(1, "ps"),
     pd.Period("2020"), pd.Interval(0, 1), "\ud800", Colour.RED],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_other_scalars_are_refused(value):
    with pytest.raises(_core.NotNative):
        _core._literal(value)


@pytest.mark.parametrize(
    "label",
    [None, True, 1, -1, 2**63, 1.5, "a", "", "日本", ("a", 1), ("a", ("b", None)), (), b"x", np.int64(3), np.float32(1.5),
     pd.Timestamp("2020"), datetime.date(2020, 1, 1), Colour.RED, frozenset([1]), "\ud800"],
    ids=ascii,
)  # fmt: skip
def test_labels(label):
    back, _ = _core._label(label)
    assert back == label and hash(back) == hash(label)


def test_labels_must_be_hashable():
    with pytest.raises(TypeError, match="unhashable"):
        _core._label([1])


def test_objects_through_pickle():
    def local(x):
        return x + 1

    assert _core._pickled(local)(1) == 2
    assert _core._pickled({"a": [1, 2]}) == {"a": [1, 2]}


def test_errors_by_kind():
    with pytest.raises(FileNotFoundError) as info:
        _core._fail("os")
    assert info.value.errno == 2 and info.value.filename == "/no/such/file"
    assert info.value.strerror == "No such file or directory"
    with pytest.raises(ValueError, match="^bad") as info:
        _core._fail("value")
    assert info.value.__notes__ == ["here"]
    for kind, error in [("key", KeyError), ("notnative", _core.NotNative), ("cancelled", KeyboardInterrupt), ("x", RuntimeError)]:
        with pytest.raises(error):
            _core._fail(kind)


# -- Arrow ------------------------------------------------------------------------------------------------------------


def test_arrow_stream():
    frame = pd.DataFrame({"a": [1, 2, 3], "s": ["x", None, "é"], "c": pd.Categorical(["u", None, "u"])})
    table = pa.table(_core.Held(frame, 2))
    assert table.column_names == ["a", "s", "c"]
    assert table["a"].to_pylist() == [1, 2, 3] and table["s"].to_pylist() == ["x", None, "é"]
    assert table["c"].to_pylist() == ["u", None, "u"]
    table = pa.table(_core.Held(frame.set_index(["a", "s"]), 2))
    assert table.column_names == ["c", "a", "s"]
    with pytest.raises(_core.NotNative):
        pa.table(_core.Held(pd.DataFrame({"o": [[1], None]}), 1))
