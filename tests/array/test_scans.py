"""Running sums and products against NumPy, over dtypes, chunks and both methods."""

import pickle
import warnings

import numpy as np
import pytest

import dusk.array as da
from dusk import _core
from dusk.array.utils import assert_eq

NAMES = ["cumsum", "cumprod", "nancumsum", "nancumprod"]
RNG = np.random.default_rng(0)


def numbers(shape, dtype):
    if np.dtype(dtype).kind in "fc":
        values = RNG.uniform(0.5, 1.5, shape).astype(dtype)
        values[RNG.random(shape) < 0.05] = np.nan
        return values
    return RNG.integers(0, 3, shape).astype(dtype)


@pytest.mark.parametrize("method", ["sequential", "blelloch"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "c16", "i2", "u1", "i8", "?"])
def test_scans(name, dtype, method):
    x = numbers((7, 12, 3), dtype)
    a = da.from_array(x, chunks=(3, (5, 1, 6), 2))
    for axis in (0, 1, -1):
        found = getattr(da, name)(a, axis=axis, method=method)
        with np.errstate(all="ignore"):
            expected = getattr(np, name)(x, axis=axis)
        assert found.dtype == expected.dtype
        assert found.chunks == a.chunks
        assert not _core.tier_counts([found._node])["pandas"]
        np.testing.assert_allclose(found.compute(), expected, rtol=2e-2 if dtype == "f2" else 1e-4)


@pytest.mark.parametrize("method", ["sequential", "blelloch"])
@pytest.mark.parametrize("name", NAMES)
def test_other_dtypes_of_the_result(name, method):
    x = numbers((10, 4), "f8")
    a = da.from_array(x, chunks=3)
    for dtype in ["f4", "c16"]:
        found = getattr(da, name)(a, axis=0, dtype=dtype, method=method)
        assert_eq(found, getattr(np, name)(x, axis=0, dtype=dtype), rtol=1e-5)
    whole = np.array([1.5, 2.5, np.nan, 4.0])
    if name.startswith("nan"):  # what isn't a number is left out before it is made a whole one
        assert_eq(
            getattr(da, name)(da.from_array(whole, chunks=2), 0, dtype="i8"), getattr(np, name)(whole, dtype="i8")
        )
    small = np.array([100, 100, 100], dtype="i1")
    assert_eq(da.cumsum(da.from_array(small, chunks=1), 0, dtype="i1"), np.cumsum(small, dtype="i1"))


@pytest.mark.parametrize("method", ["sequential", "blelloch"])
def test_no_elements_no_axis_many_blocks(method):
    empty = np.zeros((0, 3))
    assert_eq(da.cumsum(da.from_array(empty, chunks=1), 0, method=method), np.cumsum(empty, axis=0))
    x = RNG.random((6, 5))
    assert_eq(da.cumsum(da.from_array(x, chunks=2), method=method), np.cumsum(x))
    assert_eq(da.cumsum(da.from_array(np.array(3.0)).reshape(1), method=method), np.array([3.0]))
    long = RNG.random(5000)
    assert_eq(da.cumsum(da.from_array(long, chunks=1), 0, method=method), np.cumsum(long))


@pytest.mark.parametrize("method", ["sequential", "blelloch"])
def test_scans_travel(method):
    x = RNG.random((9, 4))
    found = da.cumsum(da.from_array(x, chunks=2), 0, method=method)
    assert_eq(pickle.loads(pickle.dumps(found)), np.cumsum(x, axis=0))
    np.testing.assert_allclose(found.compute(scheduler="processes"), np.cumsum(x, axis=0))
    assert "Scan cumsum along 0" in str(found.explain())


def test_a_part_of_a_scan_computes_what_comes_before_it():
    x = RNG.random(1000)
    found = da.cumsum(da.from_array(x, chunks=10), 0)
    assert_eq(found[35:37], np.cumsum(x)[35:37])
    assert_eq(found[::-1][:3], np.cumsum(x)[::-1][:3])


def test_datetimes_and_objects_go_through_numpy():
    x = np.array([1, 2, 3], dtype="m8[s]")
    assert_eq(da.cumsum(da.from_array(x, chunks=2), 0), np.cumsum(x))
    y = np.array([1, 2, 3], dtype=object)
    assert_eq(da.cumsum(da.from_array(y, chunks=2), 0), np.cumsum(y))


def test_scan_of_complex_numbers_as_real_ones():
    values = np.array([1 + 2j, 3 - 1j, 2 + 2j, 0.5 + 1j])
    x = da.from_array(values, chunks=1)
    for name in ("cumsum", "cumprod"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
            got, want = getattr(da, name)(x, dtype="f8"), getattr(np, name)(values, dtype="f8")
            np.testing.assert_allclose(got.compute(), want)


def test_lengths_of_time_take_no_other_dtype():
    values = np.array([1, 5, 2], "m8[s]")
    x = da.from_array(values, chunks=2)
    for name in ("cumsum", "sum", "mean"):
        got, want = getattr(da, name)(x, dtype="f8"), getattr(np, name)(values, dtype="f8")
        assert got.dtype == got.compute().dtype == want.dtype
        np.testing.assert_array_equal(got.compute(), want)
