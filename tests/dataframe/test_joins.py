"""Joins on the index: pandas' rows in pandas' order, partition by partition where divisions are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dusk
import dusk.dataframe as dd

HOWS = ["inner", "left", "right", "outer"]
JOINS = {
    "indexes": lambda x, y, how: x.merge(y, left_index=True, right_index=True, how=how),
    "level": lambda x, y, how: x.merge(y, on="id", how=how),
    "level and column": lambda x, y, how: x.merge(y, on=["id", "k"], how=how),
    "column and level": lambda x, y, how: x.merge(y, on=["k", "id"], how=how),
    "sorted": lambda x, y, how: x.merge(y, on="id", how=how, sort=True),
    "column and index": lambda x, y, how: x.merge(y, left_on="k", right_index=True, how=how),
    "index and column": lambda x, y, how: x.merge(y, left_index=True, right_on="k", how=how),
    "join": lambda x, y, how: x.join(y[["b"]], how=how),
    "join a series": lambda x, y, how: x.join(y["b"], how=how),
    "join on": lambda x, y, how: x.join(y[["b"]], on="a", how=how),
}


def frame(seed: int, name: str, text: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    index = np.sort(rng.integers(seed, 12, 15))
    labels = pd.Index([f"k{i:02d}" for i in index] if text else index, name="id")
    return pd.DataFrame({name: rng.integers(0, 5, 15), "k": rng.integers(0, 3, 15)}, index=labels)


@pytest.mark.parametrize("known", [(True, True), (True, False)], ids=str)
@pytest.mark.parametrize("counts", [(3, 1), (1, 3), (2, 4)], ids=str)
@pytest.mark.parametrize("how", HOWS)
def test_joins_on_the_index(how, counts, known):
    left, right = frame(1, "a"), frame(2, "b")
    x = dd.from_pandas(left, npartitions=counts[0], sort=known[0])
    y = dd.from_pandas(right, npartitions=counts[1], sort=known[1])
    joined = {name: join(x, y, how) for name, join in JOINS.items()}
    (values,) = dusk.compute(joined)
    for name, join in JOINS.items():
        pd.testing.assert_frame_equal(values[name], join(left, right, how), obj=name)
        found = joined[name]
        if not found.known_divisions:
            continue
        parts = dusk.compute(*(found.partitions[i].index for i in range(found.npartitions)))
        for i, (low, high, index) in enumerate(zip(found.divisions, found.divisions[1:], parts)):
            assert all(low <= value and (value < high or i == found.npartitions - 1) for value in index)
            assert all(value <= high for value in index)


@pytest.mark.parametrize("how", HOWS)
def test_joins_on_an_index_of_text(how):
    left, right = frame(1, "a", text=True), frame(2, "b", text=True)
    x, y = dd.from_pandas(left, npartitions=3), dd.from_pandas(right, npartitions=2)
    for name in ("indexes", "level and column", "join"):
        pd.testing.assert_frame_equal(JOINS[name](x, y, how).compute(), JOINS[name](left, right, how), obj=name)


def test_divisions_of_joins():
    x, y = dd.from_pandas(frame(1, "a"), npartitions=3), dd.from_pandas(frame(2, "b"), npartitions=2)
    union = tuple(sorted({*x.divisions, *y.divisions}))
    for how in HOWS:
        assert x.join(y[["b"]], how=how).divisions == union
        assert x.merge(y, on="id", how=how).divisions == union
        assert x.merge(y, left_index=True, right_index=True, how=how, npartitions=5).npartitions == 5
    # all of one side is in one partition: that of the other side stays
    one = dd.from_pandas(frame(2, "b"), npartitions=1, sort=False)
    assert x.merge(one, on="id").divisions == x.join(one[["b"]], on="k").divisions == x.divisions
    assert not x.merge(one, on="k").known_divisions
    assert x.join(frame(2, "b")[["b"]]).loc[3:4].compute().index.isin([3, 4]).all()


def test_keys_that_cannot_be_compared():
    x = dd.from_pandas(frame(1, "a"), npartitions=2)
    y = dd.from_pandas(frame(2, "b", text=True), npartitions=2)
    with pytest.raises(ValueError, match="merge on"):
        x.merge(y, on="id").compute()


def test_no_key_and_no_common_column_means_the_index():
    left, right = frame(1, "a")[["a"]], frame(2, "b")[["b"]]
    x, y = dd.from_pandas(left, npartitions=3), dd.from_pandas(right, npartitions=2)
    for how in HOWS:
        pd.testing.assert_frame_equal(x.merge(y, how=how).compute(), left.join(right, how=how))
