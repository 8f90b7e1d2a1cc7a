"""`Index.map`: values, dtypes and divisions."""

from __future__ import annotations

import pandas as pd
import pytest

import dusk.dataframe as dd

LABELS = [10, 20, 30, 40, 40, 50]


@pytest.fixture
def index():
    return dd.from_pandas(pd.Series(range(6), index=LABELS), npartitions=3).index


def doubled(x):
    return x * 2


@pytest.mark.parametrize("arg", [doubled, {x: x / 4 for x in LABELS}, pd.Series(range(6), index=[*range(10, 70, 10)])])
def test_values_are_those_of_pandas(index, arg):
    result = index.map(arg)
    assert isinstance(result, dd.Index)
    pd.testing.assert_index_equal(result.compute(), pd.Index(LABELS).map(arg))
    assert not result.known_divisions


@pytest.mark.parametrize("meta", [None, pd.Index([], dtype="int64"), ("name", "int64")])
def test_monotonic_functions_keep_divisions(index, meta):
    result = index.map(doubled, meta=meta, is_monotonic=True)
    assert result.divisions == tuple(x * 2 for x in index.divisions)
    assert result.dtype == "int64"
    for i, part in enumerate(result.partitions):
        values = part.compute()
        assert values.min() >= result.divisions[i]
        assert values.max() <= result.divisions[i + 1]
    assert result.compute().to_list() == [x * 2 for x in LABELS]


def test_a_function_that_falls_is_told(index):
    with pytest.raises(ValueError, match="is_monotonic=True, but"):
        index.map(lambda x: -x, is_monotonic=True)


def test_missing_values_can_be_left_alone():
    labels = ["a", None, "b"]
    index = dd.from_pandas(pd.Series(range(3), index=labels), npartitions=2, sort=False).index
    result = index.map(lambda x: x + "!", na_action="ignore").compute()
    pd.testing.assert_index_equal(result, pd.Index(labels).map(lambda x: x + "!", na_action="ignore"))
