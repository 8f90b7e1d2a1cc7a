"""Faults that were found, each with the program that showed it."""

import numpy as np
import pandas as pd
import pytest

import dusk
import dusk.dataframe as dd
from dusk import delayed


@pytest.fixture(scope="module")
def whole():
    return pd.DataFrame({"k": [1, 2, 1, 3], "a": [1, 2, 3, 4], "s": list("wxyz")})


@pytest.fixture(scope="module")
def frame(whole):
    return dd.from_pandas(whole, npartitions=3)


def test_concat_of_a_range_and_a_written_out_index(whole, frame):
    result = dd.concat([frame, frame[frame["a"] > 1]]).compute()
    pd.testing.assert_frame_equal(result, pd.concat([whole, whole[whole["a"] > 1]]))


def test_a_constant_column_over_no_rows(frame):
    assert frame[frame["a"] > 3].assign(z=1, t="x").count().compute().tolist() == [1, 1, 1, 1, 1]


def test_the_greatest_of_nothing_in_a_plan(whole, frame):
    result = frame.assign(q=frame[frame["a"] > 9]["a"].max()).compute()
    pd.testing.assert_frame_equal(result, whole.assign(q=np.nan))


def test_a_type_that_turned_out_otherwise_is_told(frame):
    with pytest.raises(TypeError, match="turned out to be float64"):
        frame.assign(q=frame[frame["a"] > 9]["a"].max())["q"].sum().compute()


def test_reductions_of_nothing(frame):
    none = frame[frame["a"] > 9]["a"]
    assert np.isnan(none.min().compute()) and np.isnan(none.max().compute())
    assert none.sum().compute() == 0 and none.count().compute() == 0


def test_a_frame_beside_an_object(whole, frame):
    result = (frame["a"] + delayed(3)).compute()
    assert result.tolist() == (whole["a"] + 3).tolist()


def test_what_only_pandas_reads_found_late(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n" + "1,True\n" * 2_000)
    (tmp_path / "b.csv").write_text("a,b\n" + "1,True\n" * 100 + "2,\n")
    with pytest.warns(UserWarning, match="line 102"):
        found = dd.read_csv([str(tmp_path / "a.csv"), str(tmp_path / "b.csv")], sample=1_000).compute()
    assert found.b.dtype == object
    assert found.b.tolist()[:-1] == [True] * 2_100 and np.isnan(found.b.iloc[-1])


def test_filter_beside_python_objects(whole):
    whole = whole.assign(o=[[1], {"x": 2}, None, 3])
    frame = dd.from_pandas(whole, npartitions=2)
    pd.testing.assert_frame_equal(frame[frame["k"] > 1].compute(), whole[whole["k"] > 1])


def noisy(part):
    return part[["a"]] + np.random.random()


def test_two_persists_of_an_impure_function_stay_two(frame):
    plans = [frame.map_partitions(noisy, meta=frame._meta[["a"]].astype(float)) for _ in range(2)]
    assert plans[0]._node.token == plans[1]._node.token  # nothing in the plan tells them apart
    one, other = (plan.persist() for plan in plans)
    apart = [part.compute()["a"].tolist() for part in (one, other)]
    assert apart[0] != apart[1]
    assert [part["a"].tolist() for part in dusk.compute(one, other)] == apart
    assert (other["a"] - one["a"]).compute().tolist() == [b - a for a, b in zip(*apart, strict=True)]
