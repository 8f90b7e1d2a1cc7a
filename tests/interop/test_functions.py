"""Functions of users on partitions: what they see, what they may write, what becomes of their results and errors."""

import re

import numpy as np
import pandas as pd
import pandas.testing as tm
import pytest

from dusk import _core
from tests.interop.held import SETTINGS, Held, plan

same = tm.assert_frame_equal


def mapped(frame, function, meta=None, parts=2):
    return Held(frame, parts).map(function, frame[:0] if meta is None else meta)


def test_functions_may_write_to_their_argument():
    frame = pd.DataFrame({"a": np.arange(6), "s": list("abcdef")})
    host = frame.assign(o=[[1]] * 6)
    for source in (frame, host):
        held = Held(source, 2)

        def function(part):
            part.loc[:, "a"] = 0
            part["s"] = "x"
            return part

        assert held.map(function, source[:0]).take()["a"].tolist() == [0] * 6
        same(source, held.get())


def test_safe_casts_of_results():
    frame = pd.DataFrame({"a": np.arange(4)})
    meta = pd.DataFrame(
        {
            "f": pd.Series(dtype="f8"),
            "s": pd.Series(dtype="str"),
            "d": pd.Series(dtype="M8[ns]"),
            "n": pd.Series(dtype="f8"),
        }
    )

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
    [
        ([1.5, 2.5], "int64"),
        ([1.0, np.nan], "int64"),
        ([2**53 + 1, 1], "float64"),
        (["a", 1], "str"),
        ([300, 1], "int8"),
        ([True, False], "int64"),
        ([1, 0], "bool"),
        (["1", "2"], "float64"),
    ],
)
def test_results_of_other_dtypes_are_kept_and_no_kernel_takes_them(values, dtype):
    frame = pd.DataFrame({"a": [1, 2]})
    meta = pd.DataFrame({"x": pd.Series(dtype=dtype)})
    held = mapped(frame, lambda part: pd.DataFrame({"x": values}), meta, parts=1)
    same(pd.DataFrame({"x": values}), held.get())
    with pytest.raises(ValueError, match="column 'x' of the computed data has dtype") as info:
        _core.compute([held.node.reduce("count")], SETTINGS)
    assert any("in partition 0 of 1" in note for note in info.value.__notes__)


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
    (note,) = [note for note in mine.__notes__ if "in function" in note]
    assert re.search(r"in function, partition ([01]) of 2, key \('map-[0-9a-f]+', \1\)", note)


def test_a_note_is_added_once():
    mine = ValueError("boom")

    def function(part):
        raise mine

    frame = pd.DataFrame({"a": [1, 2]})
    call = _core.call(function, [plan(frame, 1)], frame[:0], prefix="map", mode="partition", library=False)
    for _ in range(2):
        with pytest.raises(ValueError) as info:
            _core.compute([call], {"threads": 2})
        assert info.value is mine
        assert sum("in function, partition 0 of 1" in note for note in mine.__notes__) == 1
        assert len(set(mine.__notes__)) == len(mine.__notes__)


def test_partition_info_is_given_when_asked_for():
    frame = pd.DataFrame({"a": [1, 2]})

    def function(part, partition_info=None):
        return part.assign(a=partition_info["number"])

    assert mapped(frame, function).take()["a"].tolist() == [0, 1]
