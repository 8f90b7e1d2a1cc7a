"""Masked arrays against `numpy.ma`, over chunkings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dusk.array as da
from dusk.array.utils import assert_eq

MAKERS = {
    "greater": lambda m, x: m.masked_greater(x, 4),
    "greater_equal": lambda m, x: m.masked_greater_equal(x, 4),
    "less": lambda m, x: m.masked_less(x, 4),
    "less_equal": lambda m, x: m.masked_less_equal(x, 4),
    "equal": lambda m, x: m.masked_equal(x, 4),
    "not_equal": lambda m, x: m.masked_not_equal(x, 4),
    "inside": lambda m, x: m.masked_inside(x, 2, 5),
    "outside": lambda m, x: m.masked_outside(x, 2, 5),
    "values": lambda m, x: m.masked_values(x, 4),
    "where": lambda m, x: m.masked_where(x > 3, x),
    "array": lambda m, x: m.masked_array(x, mask=x > 3, fill_value=-1),
}


def same(lazy, expected):
    found = lazy.compute()
    if expected is np.ma.masked:
        assert found is np.ma.masked
        return
    assert type(found) is type(expected)
    assert found.dtype == expected.dtype == lazy.dtype
    np.testing.assert_array_equal(np.ma.getmaskarray(found), np.ma.getmaskarray(expected))
    np.testing.assert_allclose(np.ma.filled(found, 0), np.ma.filled(expected, 0))


@pytest.fixture(params=["i4", "f8"])
def data(request):
    return np.random.default_rng(0).integers(0, 9, (7, 6)).astype(request.param)


@pytest.mark.parametrize("chunks", [(7, 6), (3, 2), ((1, 6), (2, 4))])
@pytest.mark.parametrize("maker", MAKERS)
def test_makers(data, maker, chunks):
    make = MAKERS[maker]
    lazy = make(da.ma, da.from_array(data, chunks=chunks))
    expected = make(np.ma, data)
    assert isinstance(lazy._meta, np.ma.MaskedArray)
    same(lazy, expected)
    assert lazy.compute().fill_value == expected.fill_value
    same(da.ma.filled(lazy, 1), np.ma.filled(expected, 1))
    same(da.ma.getdata(lazy), np.ma.getdata(expected))
    same(da.ma.getmaskarray(lazy), np.ma.getmaskarray(expected))


@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std", "min", "max", "any", "all"])
def test_reductions(data, name, axis):
    lazy = da.ma.masked_greater(da.from_array(data, chunks=(3, 2)), 4)
    expected = np.ma.masked_greater(data, 4)
    for options in ({}, {"keepdims": True}):
        same(getattr(lazy, name)(axis=axis, **options), getattr(expected, name)(axis=axis, **options))
    if name in ("var", "std"):
        same(getattr(lazy, name)(axis=axis, ddof=1), getattr(expected, name)(axis=axis, ddof=1))


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "min", "max"])
def test_rows_that_are_all_masked(name):
    data = np.arange(12.0).reshape(4, 3)
    mask = np.zeros_like(data, dtype=bool)
    mask[1], mask[2, :2] = True, True
    lazy = da.ma.masked_array(da.from_array(data, chunks=(2, 1)), mask=mask)
    expected = np.ma.masked_array(data, mask=mask)
    same(getattr(lazy, name)(axis=1), getattr(expected, name)(axis=1))
    nothing = da.ma.masked_array(da.from_array(data, chunks=(2, 1)), mask=True)
    assert getattr(nothing, name)().compute() is np.ma.masked


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.booleans(), min_size=1, max_size=12),
    st.integers(1, 5),
    st.sampled_from(["cumsum", "cumprod"]),
)
def test_scans_pass_over_what_is_masked(mask, chunk, name):
    data = np.arange(1.0, len(mask) + 1)
    lazy = da.ma.masked_array(da.from_array(data, chunks=chunk), mask=np.array(mask))
    expected = np.ma.masked_array(data, mask=mask)
    same(getattr(lazy, name)(axis=0), getattr(expected, name)(axis=0))


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("name", ["argmin", "argmax"])
def test_places(data, name, axis):
    lazy = da.ma.masked_greater(da.from_array(data, chunks=(3, 2)), 4)
    expected = np.ma.masked_greater(data, 4)
    np.testing.assert_array_equal(getattr(lazy, name)(axis=axis).compute(), getattr(expected, name)(axis=axis))


def test_tensordot(data):
    other = data.T
    lazy = da.ma.masked_greater(da.from_array(data, chunks=(3, 2)), 4)
    lazy_other = da.ma.masked_less(da.from_array(other, chunks=(2, 3)), 2)
    expected = np.ma.dot(np.ma.masked_greater(data, 4), np.ma.masked_less(other, 2))
    same(da.tensordot(lazy, lazy_other, axes=1), expected)


def test_average_count_nonzero_where(data):
    lazy = da.ma.masked_greater(da.from_array(data, chunks=(3, 2)), 4)
    expected = np.ma.masked_greater(data, 4)
    weights = np.arange(1.0, 7)
    same(da.ma.average(lazy, axis=1, weights=weights), np.ma.average(expected, axis=1, weights=weights))
    for axis in (None, 0, 1):
        np.testing.assert_array_equal(da.ma.count(lazy, axis=axis).compute(), np.ma.count(expected, axis=axis))
    for found, wanted in zip(da.ma.nonzero(lazy), np.ma.nonzero(expected), strict=True):
        np.testing.assert_array_equal(found.compute(), wanted)
    same(da.ma.where(lazy > 2, lazy, 7), np.ma.where(expected > 2, expected, 7))


def test_fill_value_is_changed_in_place(data):
    lazy = da.ma.masked_greater(da.from_array(data, chunks=(3, 2)), 4)
    da.ma.set_fill_value(lazy, -7)
    assert lazy.compute().fill_value == -7
    with pytest.raises(ValueError, match="set_fill_value"):
        da.ma.set_fill_value(lazy, lazy)
    whole = da.ma.masked_greater(da.from_array(np.arange(3), chunks=2), 1)
    with pytest.raises(TypeError):
        da.ma.set_fill_value(whole, 1e20)


def test_refusals(data):
    lazy = da.from_array(data, chunks=(3, 2))
    with pytest.raises(ValueError, match="masked_equal"):
        da.ma.masked_equal(lazy, lazy)
    with pytest.raises(np.ma.MaskError, match="not compatible"):
        da.ma.masked_array(lazy, mask=lazy[:2, :2] > 1)
    with pytest.raises(IndexError, match="Inconsistent shape"):
        da.ma.masked_where((lazy > 2)[:, 0], lazy)


def test_a_value_without_axes_keeps_its_dtype():
    x = np.ma.array(1, mask=True)
    assert_eq(da.from_array(x, chunks=-1), x)
