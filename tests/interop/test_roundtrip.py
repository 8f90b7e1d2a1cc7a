"""pandas objects into the engine and back: index, dtypes, values, labels, attrs, ownership.

Every object goes in as several partitions and must come back equal, whatever it holds.
"""

import datetime
import decimal
import enum
import zoneinfo

import numpy as np
import pandas as pd
import pandas.testing as tm
import pyarrow as pa
import pytest

import dusk
from dusk import _core
from dusk.dataframe._new import new_collection
from tests.interop.held import Held, plan, through

PARTS = [1, 2, 3, 7]


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


STAMPS = [
    "2020-01-01 00:00:01",
    None,
    "1969-12-31 23:59:59",
    "2262-01-01",
    "1700-06-15 12:00",
    None,
    "2020-03-29 03:30",
]

VALUES = {
    **{dtype: numeric(dtype) for dtype in NUMBERS},
    "bool": np.array([True, False, True, True, False, False, True, False, True]),
    **{f"datetime-{u}": np.array(STAMPS, dtype=f"M8[{u}]") for u in UNITS},
    **{f"timedelta-{u}": np.array([0, "NaT", -1, 10**9, 86400, 3], dtype=f"m8[{u}]") for u in UNITS},
    **{
        f"tz-{name}": pd.to_datetime(pd.Series(STAMPS), format="ISO8601")
        .dt.as_unit(unit)
        .dt.tz_localize("UTC")
        .dt.tz_convert(zone)
        .array
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
    "object": np.array(
        [[1, 2], {"a": 1}, None, decimal.Decimal("1.1"), "text", float("nan"), (1,), b"x"], dtype=object
    ),
    "object-str": np.array(["a", "b", None], dtype=object),
    "object-int": np.array([1, 2**70, None], dtype=object),
    "object-bool": np.array([True, None, False], dtype=object),
    "object-date": np.array([datetime.date(2020, 1, 1), None], dtype=object),
}

HOST = {
    "str-python",
    "surrogate",
    "category-object",
    "category-interval",
    "category-none",
    "complex",
    "float16",
    "longdouble",
    "big-endian",
    "period",
    "interval",
    "sparse",
    "object",
    "object-str",
    "object-int",
    "object-bool",
    "object-date",
    "tz-odd-offset",
    "tz-named-offset",
    "tz-dateutil",
}


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
    held = Held(series(name).to_frame(), 2)
    assert held.is_native() == (name not in HOST)
    assert held.node.is_host == (name in HOST)


@pytest.mark.parametrize("name", VALUES)
def test_meta(name):
    column = series(name)
    frame = pd.DataFrame({"x": column, "y": column})
    for obj in (column, frame, column.to_frame().set_index(pd.Index([1] * len(column), name="i"))):
        same(obj[:0], plan(obj, 1).meta())


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
    "multi-dates": pd.MultiIndex.from_arrays(
        [pd.date_range("2020", periods=6, tz="UTC"), pd.Categorical(list("abcabc"))]
    ),
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
    meta = plan(frame, 1).meta()
    same(frame[:0], meta)


def test_no_columns_keep_their_axis():
    for columns in (pd.MultiIndex.from_tuples([("a", 1)])[:0], pd.Index(["a"])[:0], pd.Index([1.5])[:0]):
        same(
            pd.DataFrame({"x": [1, 2]})[[]].set_axis(columns, axis=1),
            through(pd.DataFrame(index=pd.RangeIndex(2), columns=columns)),
        )


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
    for array in (
        base,
        base.T.copy().T,
        base[::2],
        base[::-1],
        base[:, ::-1],
        np.asfortranarray(base),
        base[5:6],
        base[:0],
    ):
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


# Metadata without rows can't tell that text isn't Unicode; `pd.concat` changes the byte order.
@pytest.mark.parametrize("name", sorted(set(VALUES) - {"surrogate", "big-endian"}))
def test_functions_see_pandas(name):
    frame = pd.DataFrame({"x": series(name), "k": np.arange(len(VALUES[name]))})
    seen = []

    def function(part):
        seen.append(part)
        return part

    same(frame, Held(frame, 2).map(function, frame[:0]).take().set_axis(frame.index))
    # The partitions run side by side.
    seen.sort(key=lambda part: part["k"].iloc[0])
    same(frame, pd.concat(seen))


def test_host_columns_do_not_hold_up_native_ones():
    frame = pd.DataFrame({"k": [0, 2, 1, 4, 3, 6], "o": [[1]] * 6, "s": ["a", None, "b", "c", "d", "é"]})
    for parts in PARTS:
        held = Held(plan(frame, parts).select([0, 2], "frame"))
        assert held.is_native()
        same(frame[["k", "s"]], held.take())
        held = Held(plan(frame, parts).select([0, 1], "frame"))
        assert not held.is_native()
        same(frame[["k", "o"]], held.take())


def test_native_columns_are_read_beside_host_ones():
    # The whole frame is wanted as pandas objects, the mask natively.
    frame = pd.DataFrame({"k": [0, 2, 1, 4, 3, 6], "o": [[1]] * 6, "s": ["a", None, "b", "c", "d", "é"]})
    for parts in PARTS:
        lazy = new_collection(plan(frame, parts))
        same(frame[frame["k"] % 2 == 0], lazy[lazy["k"] % 2 == 0].compute())
        whole, total, sizes = dusk.compute(lazy, lazy["k"].sum(), lazy.groupby("s")["k"].sum())
        same(frame, whole)
        assert total == frame["k"].sum()
        same(frame.groupby("s")["k"].sum(), sizes)


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("index", ["range", "freq-day", "multi", "str"])
def test_a_source_may_filter(index, parts, rows):
    frame = pd.DataFrame({"k": [0, 2, 1, 4, 3, 6], "o": [[1]] * 6, "s": ["a", None, "b", "c", "d", "é"]})
    frame.index = INDEXES[index]
    expected = frame.loc[frame["k"] % 2 == 0, ["s"]]
    node = plan(frame[["k", "s"]], parts)
    even = _core.Node.elementwise("eq", [_core.Node.elementwise("mod", [node.select([0], "series"), 2]), 0])
    kept = node.select([1], "frame").filter(even)
    back = _core.compute([kept], {"threads": 2, "batch_rows": rows})[0]
    tm.assert_frame_equal(expected, back, check_freq=False)
    with dusk.config.set({"dataframe.batch-rows": rows}):
        lazy = new_collection(plan(frame, parts))
        back = lazy[lazy["k"] % 2 == 0][["s"]].compute()
    tm.assert_frame_equal(expected, back, check_freq=False)
