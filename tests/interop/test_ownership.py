"""Who may write where: sources, chunks and results don't reach into each other."""

import gc

import numpy as np
import pandas as pd
import pandas.testing as tm
import pytest

from tests.interop.held import Held, owned, plan, through

same = tm.assert_frame_equal


def test_writes_to_the_source_do_not_reach_the_engine():
    frame = pd.DataFrame({"a": np.arange(6), "b": np.arange(6.0), "s": list("abcdef"), "n": pd.array([1] * 6, "Int64")})
    frame["d"] = pd.date_range("2020", periods=6)
    frame["c"] = frame["s"].astype("category")
    frame["o"] = [[1], [2], [3], [4], [5], [6]]
    for columns in (list("abs"), list("absndc"), list("absndco")):
        source = frame[columns].copy()
        before = source.copy()
        held = Held(source, 3)
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
    held = Held(frame, 1)
    with pytest.raises(ValueError, match="read-only"):
        frame["a"].to_numpy()[0] = 5
    with pytest.raises(ValueError, match="read-only"):
        frame.values[0, 0] = 5
    assert held.get()["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("own", [False, True])
def test_writes_to_the_result_do_not_reach_the_engine(own):
    frame = pd.DataFrame(
        {"a": np.arange(6), "b": np.arange(6.0), "s": list("abcdef"), "n": pd.array([1, None] * 3, "Int64")}
    )
    frame["d"] = pd.date_range("2020", periods=6).where(frame["a"] != 2)
    frame["t"] = frame["d"].dt.tz_localize("UTC")
    for index in (frame.index, pd.Index(np.arange(6) * 2)):
        source = frame.set_axis(index)
        for parts in (1, 3):
            held = owned(source, parts) if own else Held(source, parts)
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


def addresses(frame):
    return [frame.iloc[:, i].to_numpy().ctypes.data for i in range(frame.shape[1])]


def test_the_last_reference_is_handed_over():
    frame = pd.DataFrame({"a": np.arange(100_000), "b": np.arange(100_000.0)})
    held = Held(frame, 1)
    assert held.addresses() == addresses(frame)
    held = owned(frame, 1)
    before = held.addresses()
    assert not set(before) & set(addresses(frame))
    shared = held.get()
    assert not set(before) & set(addresses(shared))
    result = held.take()
    assert before == addresses(result)
    same(frame, result)
    result.loc[0, "a"] = 5
    result.iloc[:, 1] += 1
    assert before == addresses(result)[:1] + before[1:]
    assert frame.loc[0, "a"] == 0
    same(frame, shared)


def test_a_partition_counts_for_its_own_rows():
    frame = pd.DataFrame({"a": np.arange(100_000), "s": ["some text"] * 100_000, "b": [True] * 100_000})
    whole = sum(Held(frame, 1).nbytes())
    parts = Held(frame, 10).nbytes()
    assert sum(parts) < 1.1 * whole
    assert max(parts) < 1.2 * whole / 10


def test_tokens_follow_content():
    frame = pd.DataFrame({"a": [1, 2, 3], "s": list("abc"), "o": [[1], None, 2]})
    token = plan(frame, 2).token
    assert token == plan(frame.copy(), 2).token
    assert token != plan(frame, 3).token
    assert token != plan(frame.assign(a=[1, 2, 4]), 2).token
    assert token != plan(frame.rename(columns={"a": "z"}), 2).token
    assert token != plan(frame.set_axis([1, 2, 4]), 2).token
    assert plan(frame[["a"]], 1).token != plan(frame["a"], 1).token


def test_what_is_not_pandas_is_refused():
    for obj in ([1, 2], np.arange(3), {"a": [1]}):
        with pytest.raises(TypeError, match="expected a pandas DataFrame, Series or Index"):
            through(obj, 1)
