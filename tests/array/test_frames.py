"""Frames as arrays, arrays as frames, against pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dusk.array as da
import dusk.dataframe as dd


@pytest.fixture
def frame():
    return pd.DataFrame({"a": np.arange(10.0), "b": range(10)}, index=pd.RangeIndex(100, 110, name="i"))


@pytest.mark.parametrize("npartitions", [1, 3])
def test_values(frame, npartitions):
    lazy = dd.from_pandas(frame, npartitions=npartitions)
    array = lazy.values
    assert isinstance(array, da.Array)
    assert array.dtype == frame.values.dtype
    assert np.isnan(array.shape[0]) and array.shape[1] == 2
    np.testing.assert_array_equal(array.compute(), frame.values)
    np.testing.assert_array_equal(lazy.a.values.compute(), frame.a.values)
    np.testing.assert_array_equal(lazy.index.values.compute(), frame.index.values)
    np.testing.assert_array_equal(lazy.to_records().compute(), frame.to_records())


def test_lengths(frame):
    lazy = dd.from_pandas(frame, npartitions=3)
    assert lazy.to_dask_array(lengths=True).chunks == ((4, 3, 3), (2,)) or lazy.to_dask_array(lengths=True).shape == (
        10,
        2,
    )
    counted = lazy.to_dask_array(lengths=tuple(lazy.map_partitions(len).compute()))
    np.testing.assert_array_equal(counted.sum(axis=1).compute(), frame.values.sum(axis=1))
    with pytest.raises(ValueError, match="number of items in 'lengths'"):
        lazy.to_dask_array(lengths=[1, 2])


def test_functions_that_return_arrays(frame):
    lazy = dd.from_pandas(frame, npartitions=3)
    found = lazy.map_partitions(np.asarray)
    assert isinstance(found, da.Array)
    np.testing.assert_array_equal(found.compute(), frame.values)
    series = da.ones(10, chunks=5).map_blocks(pd.Series)
    assert isinstance(series, dd.Series)
    assert series.npartitions == 2
    assert series.compute().tolist() == [1.0] * 10


@pytest.mark.parametrize("chunks", [(4, 1), (3, 2), ((0, 6), 2)])
def test_from_dask_array(chunks):
    data = np.arange(12).reshape(6, 2)
    x = da.from_array(data, chunks=chunks)
    found = dd.from_dask_array(x, columns=["u", "v"])
    pd.testing.assert_frame_equal(found.compute(), pd.DataFrame(data, columns=["u", "v"]))
    pd.testing.assert_frame_equal(x.to_dask_dataframe().compute(), pd.DataFrame(data))
    pd.testing.assert_series_equal(dd.from_dask_array(x[:, 0], columns="u").compute(), pd.Series(data[:, 0], name="u"))


def test_an_index_of_ones_own(frame):
    lazy = dd.from_pandas(frame, npartitions=3)
    back = dd.from_dask_array(lazy.values, columns=["a", "b"], index=lazy.index)
    assert back.divisions == lazy.divisions
    pd.testing.assert_frame_equal(back.compute(), frame.astype({"b": "f8"}))
    with pytest.raises(ValueError, match="different numbers of blocks"):
        dd.from_dask_array(da.ones(4, chunks=2), index=lazy.index)


def test_from_array_of_records():
    data = np.array([(1, 2.0), (3, 4.0), (5, 6.0)], dtype=[("a", "i4"), ("b", "f8")])
    found = dd.from_array(data, chunksize=2)
    assert found.npartitions == 2
    pd.testing.assert_frame_equal(found.compute(), pd.DataFrame(data))
    with pytest.raises(ValueError, match="fields"):
        dd.from_array(data, columns=["a", "z"])


def test_arrays_of_rows_meet_their_frames():
    df = pd.DataFrame({"x": [1, 2, 3, 4], "y": [5.0, 6.0, 7.0, 8.0]}, index=[4, 5, 6, 7])
    ddf = dd.from_pandas(df, npartitions=2)
    for operation in (
        lambda d: d.x + d.x.values,
        lambda d: d.x.values + d.x,
        lambda d: d + d.values + 1,
        lambda d: d.x[d.x.values > 1],
        lambda d: d[d.y.values > 6],
        lambda d: d.loc[(d.x % 2 == 0).values],
    ):
        dd.utils.assert_eq(operation(ddf), operation(df))
    for call in (ddf.x.to_dask_array, ddf.to_records):
        with pytest.raises(ValueError, match="lengths"):
            call(lengths=5)
        with pytest.raises(ValueError, match="lengths"):
            call(lengths=[2, 2, 2])


def test_means_without_missing_values_as_integers():
    x = np.array([1.5, np.nan, 4.5, 6.0], dtype="f4")
    found = da.nanmean(da.from_array(x, chunks=3), dtype="i8")
    assert found.dtype == "i8" and found.compute() == 4
