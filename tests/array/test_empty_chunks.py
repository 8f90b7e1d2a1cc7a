"""Chunks without elements, as masks leave them: functions go by what the array is, not by how it is cut."""

import numpy as np
import pytest

import dusk
import dusk.array as da


def agrees(got, want):
    value = got.compute()
    assert got.shape == value.shape == np.shape(want)
    assert got.dtype == value.dtype == np.asarray(want).dtype
    np.testing.assert_array_equal(value, want)
    for index, block in zip(np.ndindex(*got.numblocks), dusk.compute(*got.to_delayed().ravel()), strict=True):
        assert np.shape(block) == tuple(lengths[i] for lengths, i in zip(got.chunks, index, strict=True))


ONE = np.arange(4.0).reshape(4, 1)
ROWS = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize("chunks", [((4,), (1, 0)), ((2, 2), (0, 1)), ((0, 4), (0, 0, 1))])
@pytest.mark.parametrize("other", [((4,), (3,)), ((0, 4), (1, 0, 2)), ((3, 1), (3, 0))])
def test_an_axis_of_length_one_is_broadcast(chunks, other):
    x, y = da.from_array(ONE, chunks=chunks), da.from_array(ROWS, chunks=other)
    agrees(x + y, ONE + ROWS)
    agrees(y * x, ROWS * ONE)
    agrees(da.where(x > 1, y, x), np.where(ONE > 1, ROWS, ONE))
    agrees(da.hypot(x, x[:, ::-1]), np.hypot(ONE, ONE))
    agrees(x.T @ y, ONE.T @ ROWS)
    agrees(da.einsum("ij,ik->jk", x, y), np.einsum("ij,ik->jk", ONE, ROWS))
    agrees(da.inner(x, da.from_array(ONE[:2], chunks=((1, 1), (0, 1)))), np.inner(ONE, ONE[:2]))


@pytest.mark.parametrize("chunks", [((0, 4), (3,)), ((2, 0, 2), (3, 0)), ((4, 0), (0, 1, 2))])
def test_other_shapes(chunks):
    x = da.from_array(ROWS, chunks=chunks)
    agrees(x.ravel(), ROWS.ravel())
    agrees(x.reshape(6, 2), ROWS.reshape(6, 2))
    agrees(x.reshape(3, -1), ROWS.reshape(3, -1))
    agrees(da.outer(x, [1.0, 2.0]), np.outer(ROWS, [1.0, 2.0]))
    agrees(da.pad(x, 1, mode="linear_ramp"), np.pad(ROWS, 1, mode="linear_ramp"))
    agrees(da.apply_along_axis(np.sum, 1, x), np.apply_along_axis(np.sum, 1, ROWS))
    for axis in (0, 1):
        agrees(da.gradient(x, axis=axis), np.gradient(ROWS, axis=axis))
    mask = ROWS > 4
    np.testing.assert_array_equal(x[da.from_array(mask, chunks=2)].compute(), ROWS[mask])


@pytest.mark.parametrize("dtype", ["M8[D]", "m8[s]", "O"])
@pytest.mark.parametrize("chunks", [((0, 4), (3,)), ((2, 0, 2), (3, 0)), ((4, 0), (0, 1, 2))])
def test_extremes_of_what_the_engine_does_not_reduce(dtype, chunks):
    values = ROWS.astype("i8").astype(dtype)
    x = da.from_array(values, chunks=chunks)
    for name in ("min", "max", "argmin", "argmax"):
        assert getattr(x, name)().compute() == getattr(values, name)()
        np.testing.assert_array_equal(getattr(x, name)(axis=1).compute(), getattr(values, name)(axis=1))
    unknown = x[da.from_array([False, False, True, True], chunks=2)]
    assert unknown.max().compute() == values.max()


def test_spread_of_objects():
    values = np.array([1, 2, 4], dtype=object)
    x = da.from_array(values, chunks=((2, 0, 1),))
    assert x.std().compute() == pytest.approx(np.std([1, 2, 4]))


def test_no_elements_at_all():
    x = da.from_array(np.zeros((3, 0)), chunks=((0, 3), (0,)))
    y = da.from_array(np.zeros(0), chunks=((0, 0),))
    agrees(x @ y, np.zeros((3, 0)) @ np.zeros(0))
    nothing = np.zeros((0, 1, 4)).astype(object)
    assert (da.from_array(nothing, chunks=-1) @ da.ones(4)).shape == (nothing @ np.ones(4)).shape
    agrees(y.rechunk(((0,),)), np.zeros(0))
    assert y.rechunk(((0,),)).chunks == ((0,),)
    agrees(da.diagonal(da.zeros((1, 0)), 1), np.diagonal(np.zeros((1, 0)), 1))
    agrees(da.eye(0, M=2), np.eye(0, 2))
    agrees(da.insert(y, 0, [1.0], axis=0), np.insert(np.zeros(0), 0, [1.0]))
    agrees(da.insert(y, [], [], axis=0), np.insert(np.zeros(0), np.zeros(0, int), []))


def test_conditions_in_other_chunks():
    x = da.from_array(ROWS, chunks=2)
    low, high = da.from_array(ROWS < 3, chunks=(4, 1)), da.from_array(ROWS > 8, chunks=(1, 3))
    agrees(da.piecewise(x, [low, high], [-1, 1, 0]), np.piecewise(ROWS, [ROWS < 3, ROWS > 8], [-1, 1, 0]))


@pytest.mark.parametrize("edge_order", [1, 2])
@pytest.mark.parametrize("chunks", [(1,) * 7, (2, 1, 4), (1, 6), (0, 5, 2), (7,)])
def test_gradient_over_short_chunks(chunks, edge_order):
    values = np.array([1.0, 4, 9, 2, 5, 7, 1])
    x = da.from_array(values, chunks=(chunks,))
    places = np.arange(7.0) ** 2
    np.testing.assert_allclose(
        da.gradient(x, axis=0, edge_order=edge_order).compute(), np.gradient(values, axis=0, edge_order=edge_order)
    )
    got = da.gradient(x, places, axis=0, edge_order=edge_order)
    np.testing.assert_allclose(got.compute(), np.gradient(values, places, axis=0, edge_order=edge_order))


def test_gradient_of_too_few():
    with pytest.raises(ValueError, match="too small"):
        da.gradient(da.ones(2, chunks=1), edge_order=2)
    dates = np.array(["2020-01-01", "2020-01-05", "2020-01-06"], "M8[D]")
    agrees(da.gradient(da.from_array(dates, chunks=1), axis=0), np.gradient(dates, axis=0))
