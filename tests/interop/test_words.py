"""Scalars, labels, pickles, exceptions and Arrow streams across the border."""

import datetime
import decimal
import enum

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from dusk import _core


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -5,
        2**63,
        2**64 - 1,
        -(2**63),
        1.5,
        float("inf"),
        "",
        "naïve",
        b"\0x",
        np.int8(-3),
        np.uint64(2**64 - 1),
        np.float32(1.1),
        np.float64(2.5),
        np.bool_(True),
        np.datetime64("2020-01-01T00:00:01", "s"),
        np.datetime64(5, "ns"),
        np.timedelta64(7, "ms"),
        pd.Timestamp("2020-01-01 12:00:00.123456789"),
        pd.Timestamp("2020", tz="Europe/Berlin"),
        pd.Timestamp("1500-01-01").as_unit("s"),
        pd.Timedelta("1 day 00:00:00.5"),
        np.str_("x"),
    ],
    ids=repr,
)
def test_scalars(value):
    back, _ = _core._probe._literal(value)
    assert back == value and type(back) is (str if isinstance(value, str) else type(value))
    if isinstance(value, (pd.Timestamp, pd.Timedelta)):
        assert back.unit == value.unit


def test_scalars_of_several_kinds():
    assert np.isnan(_core._probe._literal(float("nan"))[0])
    for missing in (None, pd.NA, pd.NaT):
        assert _core._probe._literal(missing)[0] is None
    assert np.isnat(_core._probe._literal(np.datetime64("NaT", "us"))[0])
    assert _core._probe._literal(datetime.datetime(2020, 1, 2, 3))[0] == pd.Timestamp("2020-01-02 03:00")
    assert _core._probe._literal(datetime.timedelta(seconds=5))[0] == pd.Timedelta("5s")
    assert _core._probe._literal(np.datetime64("2020-01-02"))[0] == np.datetime64("2020-01-02", "s")
    assert "dtype: None" in _core._probe._literal(1)[1] and "Int8" in _core._probe._literal(np.int8(1))[1]


@pytest.mark.parametrize(
    "value",
    [
        decimal.Decimal(1),
        1j,
        2**64,
        -(2**63) - 1,
        datetime.date(2020, 1, 1),
        datetime.time(1),
        [1],
        (1,),
        object(),
        np.float16(1),
        np.longdouble(1),
        np.complex64(1),
        np.datetime64("2020-01", "M"),
        np.datetime64(1, "ps"),
        pd.Period("2020"),
        pd.Interval(0, 1),
        "\ud800",
        Colour.RED,
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_scalars_are_refused(value):
    with pytest.raises(_core.NotNative):
        _core._probe._literal(value)


@pytest.mark.parametrize(
    "label",
    [
        None,
        True,
        1,
        -1,
        2**63,
        1.5,
        "a",
        "",
        "日本",
        ("a", 1),
        ("a", ("b", None)),
        (),
        b"x",
        np.int64(3),
        np.float32(1.5),
        pd.Timestamp("2020"),
        datetime.date(2020, 1, 1),
        Colour.RED,
        frozenset([1]),
        "\ud800",
    ],
    ids=ascii,
)
def test_labels(label):
    back, _ = _core._probe._label(label)
    assert back == label and hash(back) == hash(label)


def test_labels_must_be_hashable():
    with pytest.raises(TypeError, match="unhashable"):
        _core._probe._label([1])


def test_objects_through_pickle():
    def local(x):
        return x + 1

    assert _core._probe._pickled(local)(1) == 2
    assert _core._probe._pickled({"a": [1, 2]}) == {"a": [1, 2]}


def test_errors_by_kind():
    with pytest.raises(FileNotFoundError) as info:
        _core._probe._fail("os")
    assert info.value.errno == 2 and info.value.filename == "/no/such/file"
    assert info.value.strerror == "No such file or directory"
    with pytest.raises(ValueError, match="^bad") as info:
        _core._probe._fail("value")
    assert info.value.__notes__ == ["here"]
    for kind, error in [
        ("key", KeyError),
        ("notnative", _core.NotNative),
        ("cancelled", KeyboardInterrupt),
        ("x", RuntimeError),
    ]:
        with pytest.raises(error):
            _core._probe._fail(kind)


# -- Arrow ------------------------------------------------------------------------------------------------------------


def test_arrow_stream():
    frame = pd.DataFrame({"a": [1, 2, 3], "s": ["x", None, "é"], "c": pd.Categorical(["u", None, "u"])})
    table = pa.table(_core._probe.Held(frame, 2))
    assert table.column_names == ["a", "s", "c"]
    assert table["a"].to_pylist() == [1, 2, 3] and table["s"].to_pylist() == ["x", None, "é"]
    assert table["c"].to_pylist() == ["u", None, "u"]
    table = pa.table(_core._probe.Held(frame.set_index(["a", "s"]), 2))
    assert table.column_names == ["c", "a", "s"]
    with pytest.raises(_core.NotNative):
        pa.table(_core._probe.Held(pd.DataFrame({"o": [[1], None]}), 1))
