"""Counts, moments and functions along axes agree with NumPy's."""

import numpy as np
import pytest

import dusk
import dusk.array as da
from dusk.array import routines as r

RNG = np.random.default_rng(1)
X = RNG.random((12, 10))
D = da.from_array(X, chunks=(5, 4))


def same(got, expected):
    expected = np.asarray(expected)
    assert got.dtype == expected.dtype
    value = np.asarray(got.compute())
    assert value.dtype == expected.dtype
    assert value.shape == expected.shape
    assert len(got.shape) == expected.ndim
    assert all(a == b or a != a for a, b in zip(got.shape, expected.shape, strict=True))
    np.testing.assert_allclose(value, expected)


@pytest.mark.parametrize("density", [None, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_histogram(density, weighted):
    w = RNG.random(X.shape)
    kwargs = {"weights": w} if weighted else {}
    lazy = {"weights": da.from_array(w, chunks=(5, 4))} if weighted else {}
    for bins, limits in [(7, (0, 1)), ([0, 0.2, 0.5, 1], None), (np.linspace(0.1, 0.9, 6), None)]:
        got, edges = r.histogram(D, bins=bins, range=limits, density=density, **lazy)
        expected, wanted = np.histogram(X, bins=bins, range=limits, density=density, **kwargs)
        same(got, expected)
        np.testing.assert_allclose(np.asarray(edges), wanted)


def test_histogram_of_lazy_bins():
    expected, wanted = np.histogram(X, bins=7, range=(X.min(), X.max()))
    for bins in (7, dusk.delayed(7)):
        got, edges = r.histogram(D, bins=bins, range=[D.min(), dusk.delayed(X.max())])
        np.testing.assert_array_equal(got.compute(), expected)
        np.testing.assert_allclose(edges.compute(), wanted)
    with pytest.raises(ValueError, match="requires either"):
        r.histogram(D, bins=7)


@pytest.mark.parametrize("density", [None, True])
def test_histogram_of_points(density):
    points = RNG.random((30, 3))
    lazy = da.from_array(points, chunks=(7, 3))
    limits = [(0, 1)] * 3
    for bins in (4, (2, 3, 4), ([0, 0.5, 1], [0, 1], [0, 0.2, 0.9])):
        expected, _ = np.histogramdd(points, bins, limits, density=density)
        same(r.histogramdd(lazy, bins, limits, density=density)[0], expected)
        same(r.histogramdd([lazy[:, i] for i in range(3)], bins, limits, density=density)[0], expected)
    w = RNG.random(30)
    got = r.histogram2d(lazy[:, 0], lazy[:, 1], 5, [(0, 1)] * 2, weights=da.from_array(w, chunks=7))[0]
    same(got, np.histogram2d(points[:, 0], points[:, 1], 5, [(0, 1)] * 2, weights=w)[0])


@pytest.mark.parametrize("minlength", [0, 20])
def test_bincount(minlength):
    x = RNG.integers(0, 9, 50)
    w = RNG.random(50)
    lazy = da.from_array(x, chunks=4)
    same(r.bincount(lazy, minlength=minlength), np.bincount(x, minlength=minlength))
    same(
        r.bincount(lazy, weights=da.from_array(w, chunks=4), minlength=minlength, split_every=2),
        np.bincount(x, weights=w, minlength=minlength),
    )


@pytest.mark.parametrize("side", ["left", "right"])
def test_places(side):
    a = np.sort(RNG.integers(0, 20, 30))
    v = RNG.integers(-3, 25, (6, 5))
    same(r.searchsorted(da.from_array(a, chunks=4), da.from_array(v, chunks=3), side), np.searchsorted(a, v, side))
    same(
        r.digitize(da.from_array(v, chunks=3), np.arange(5), right=side == "right"),
        np.digitize(v, np.arange(5), side == "right"),
    )
