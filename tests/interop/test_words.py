"""Scalars, labels, pickles and exceptions across the border.

Scalars go through divisions, which keep the value alone, and through new columns, which show the dtype that the engine
gives to it.
"""

import datetime
import decimal
import enum
import os
import signal
import threading
import time

import numpy as np
import pandas as pd
import pytest

import dusk.dataframe as dd
from dusk import _core
from tests.interop.held import SETTINGS, plan


class Colour(enum.Enum):
    RED = 1


def through_divisions(value):
    return plan(pd.DataFrame({"a": [1]}), 1).with_divisions([value, value]).divisions[0]


SCALARS = [
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
]


@pytest.mark.parametrize("value", SCALARS, ids=repr)
def test_scalars(value):
    back = through_divisions(value)
    plain = value
    if isinstance(value, np.datetime64):
        plain = pd.Timestamp(value)
    elif isinstance(value, np.timedelta64):
        plain = pd.Timedelta(value)
    elif isinstance(value, np.generic):
        plain = value.item()
    assert back == plain and type(back) is type(plain)
    if isinstance(plain, (pd.Timestamp, pd.Timedelta)):
        assert back.unit == plain.unit and getattr(back, "tz", None) == getattr(plain, "tz", None)


# A column of None or bytes is one of objects, which the engine leaves to pandas.
@pytest.mark.parametrize("value", [value for value in SCALARS if not isinstance(value, (bytes, type(None)))], ids=repr)
def test_scalars_as_columns(value):
    frame = pd.DataFrame({"a": [1, 2]})
    back = _core.compute([plan(frame, 1).with_columns(["x"], [value])], SETTINGS)[0]
    pd.testing.assert_frame_equal(frame.assign(x=value), back)


@pytest.mark.parametrize("value", [None, b"x", pd.NA, pd.NaT], ids=repr)
def test_columns_of_objects_are_left_to_pandas(value):
    with pytest.raises(_core.NotNative, match="object column"):
        plan(pd.DataFrame({"a": [1, 2]}), 1).with_columns(["x"], [value])


def test_scalars_of_several_kinds():
    assert np.isnan(through_divisions(float("nan")))
    for missing in (None, pd.NA, pd.NaT, np.datetime64("NaT", "us")):
        assert through_divisions(missing) is None
    assert through_divisions(datetime.datetime(2020, 1, 2, 3)) == pd.Timestamp("2020-01-02 03:00")
    assert through_divisions(datetime.timedelta(seconds=5)) == pd.Timedelta("5s")
    day = through_divisions(np.datetime64("2020-01-02"))
    assert day == pd.Timestamp("2020-01-02") and day.unit == "s"
    frame = pd.DataFrame({"a": [1]})
    nat = _core.compute([plan(frame, 1).with_columns(["x"], [np.datetime64("NaT", "us")])], SETTINGS)[0]["x"]
    assert nat.dtype == "M8[us]" and nat.isna().all()


@pytest.mark.parametrize("dtype", ["int8", "uint16", "float32"])
@pytest.mark.parametrize(
    "value", [1, 2.0, np.int8(1), np.int64(1), np.uint8(1), np.float32(1), np.float64(1), np.uint64(1)], ids=repr
)
def test_scalars_of_numpy_have_a_say_in_dtypes(dtype, value):
    column = pd.Series([1, 2, 3], dtype=dtype, name="a")
    node = plan(column, 1)
    for args, expected in (([node, value], column + value), ([value, node], value + column)):
        back = _core.compute([_core.Node.elementwise("add", args)], SETTINGS)[0]
        pd.testing.assert_series_equal(expected, back)


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
    node = plan(pd.DataFrame({"a": [1]}), 1)
    reasons = "a scalar of type|an integer beyond 64 bits|text that isn't Unicode"
    with pytest.raises(_core.NotNative, match=reasons):
        node.with_columns(["x"], [value])
    with pytest.raises(_core.NotNative, match=reasons):
        _core.Node.elementwise("eq", [node.select([0], "series"), value])
    # divisions are only handed on
    cut = node.with_divisions([value, value])
    assert cut.divisions == (value, value) and cut.known_divisions


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
    frame = pd.DataFrame({"a": [1]}, index=pd.Index([5], name="i"))
    node = plan(frame.set_axis(pd.Index([label], dtype=object, tupleize_cols=False), axis=1), 1)
    added = plan(frame, 1).with_columns([label], [1])
    added = added.select([len(added.columns) - 1], "frame")
    for other in (node, plan(frame, 1).with_labels([label]), added):
        (back,) = other.columns
        assert back == label and hash(back) == hash(label)
        assert type(back) is type(label) or isinstance(label, np.integer)
    (back,) = plan(frame, 1).with_index_names([label]).index_names
    assert back == label and hash(back) == hash(label)
    (back,) = plan(frame["a"].rename(label), 1).columns
    assert back == label and hash(back) == hash(label)


def test_labels_must_be_hashable():
    node = plan(pd.DataFrame({"a": [1]}), 1)
    with pytest.raises(TypeError, match="unhashable"):
        node.with_labels([[1]])
    with pytest.raises(TypeError, match="unhashable"):
        node.with_columns([[1]], [1])
    with pytest.raises(TypeError, match="unhashable"):
        node.with_index_names([[1]])


LOADS = []


def rebuilt(number, padding):
    LOADS.append(number)
    return Tracked(number, padding)


class Tracked:
    """An object that tells when it has been through its pickle."""

    def __init__(self, number, padding):
        self.number = number
        self.padding = padding

    def __reduce__(self):
        return rebuilt, (self.number, self.padding)

    def __sizeof__(self):
        return 1_000_000


def test_objects_through_pickle(tmp_path):
    # More objects wait than there is memory for, so some are written to disk and read again.
    def make(number):
        def local(x):
            return x + number

        return Tracked(number, [local, {"a": [number, 2]}, lambda: number])

    LOADS.clear()
    parts = _core.source(make, 8, None, None, prefix="make", library=False)
    call = _core.call(list, [parts], None, prefix="gather", mode="gather", library=False)
    settings = {"threads": 1, "memory_limit": 2_000_000, "spill_directory": str(tmp_path)}
    back = _core.compute([call], settings)[0]
    assert [item.number for item in back] == list(range(8))
    assert LOADS and set(LOADS) <= set(range(8))
    for number, item in enumerate(back):
        local, plain, unnamed = item.padding
        assert local(1) == number + 1 and plain == {"a": [number, 2]} and unnamed() == number


# -- errors by kind ---------------------------------------------------------------------------------------------------


def test_errors_of_the_system(tmp_path):
    path = tmp_path / "gone.csv"
    path.write_text("a,b\n1,2\n")
    lazy = dd.read_csv(str(path))
    path.unlink()
    with pytest.raises(FileNotFoundError) as info:
        lazy.compute()
    assert info.value.errno == 2 and info.value.filename == str(path)
    assert info.value.strerror == "No such file or directory"


def test_errors_of_values(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("a,b\n" + "1,2\n" * 200_000 + "oops,3\n")
    lazy = dd.read_csv(str(path), dtype={"a": "int64"}, sample=1000)
    with pytest.raises(ValueError, match="oops") as info:
        lazy.compute()
    assert any("read-csv" in note and "partition 0" in note for note in info.value.__notes__)
    with pytest.raises(ValueError, match="partitions must go up"):
        _core.from_pandas(pd.DataFrame({"a": [1]}), [0, 2], None, "x")


def test_errors_of_types():
    with pytest.raises(TypeError, match="isn't callable"):
        _core.call(5, [], None, prefix="x", mode="partition", library=False)


def test_errors_of_the_engine_itself():
    with pytest.raises(RuntimeError):
        _ = _core.value(1).columns


def test_an_interrupt_ends_a_run():
    started = threading.Event()
    ended = []

    def slow(number):
        started.set()
        time.sleep(0.2)
        ended.append(number)
        return number

    def interrupt():
        started.wait(20)
        os.kill(os.getpid(), signal.SIGINT)

    node = _core.source(slow, 200, None, None, prefix="slow", library=False)
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        _core.compute([node], SETTINGS)
    thread.join()
    assert len(ended) < 100


def test_a_refusal_inside_a_task_stays_a_refusal():
    def function(part):
        raise _core.NotNative("not here")

    node = plan(pd.DataFrame({"a": [1]}), 1)
    call = _core.call(function, [node], None, prefix="x", mode="partition", library=True)
    with pytest.raises(_core.NotNative, match="not here"):
        _core.compute([call], SETTINGS)
