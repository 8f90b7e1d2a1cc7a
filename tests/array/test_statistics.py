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


def test_average():
    w = RNG.random(X.shape)
    same(r.average(D), np.average(X))
    same(r.average(D, axis=1, weights=w[0]), np.average(X, axis=1, weights=w[0]))
    for got, expected in zip(
        r.average(D, axis=0, weights=w, returned=True), np.average(X, axis=0, weights=w, returned=True), strict=True
    ):
        same(got, expected)
    with pytest.raises(TypeError, match="Axis must be specified"):
        r.average(D, weights=w[0])


def test_covariance():
    y = RNG.random((2, 10))
    f, a = RNG.integers(1, 4, 10), RNG.random(10)
    same(r.cov(D), np.cov(X))
    same(r.cov(D, rowvar=False, bias=True), np.cov(X, rowvar=False, bias=True))
    same(r.cov(D, da.from_array(y, chunks=1)), np.cov(X, y))
    for kwargs in ({"fweights": f}, {"aweights": a}, {"fweights": f, "aweights": a}, {"aweights": a, "ddof": 0}):
        same(r.cov(D, **kwargs), np.cov(X, **kwargs))
    same(r.cov(D * 1j + D[::-1]), np.cov(X * 1j + X[::-1]))
    same(r.corrcoef(D), np.corrcoef(X))
    same(r.cov(D[0]), np.cov(X[0]))
    same(r.corrcoef(D[0]), np.corrcoef(X[0]))


def test_differences():
    for n in (1, 2):
        for axis in (0, -1):
            same(r.diff(D, n, axis), np.diff(X, n, axis))
    same(r.diff(D, axis=0, prepend=0, append=X[:2]), np.diff(X, axis=0, prepend=0, append=X[:2]))
    same(r.diff(D > 0.5), np.diff(X > 0.5))
    same(r.ediff1d(D, to_end=[1.0, 2], to_begin=3.0), np.ediff1d(X, to_end=[1.0, 2], to_begin=3.0))


@pytest.mark.parametrize("edge_order", [1, 2])
def test_gradient(edge_order):
    x = RNG.random((12, 13))
    d = da.from_array(x, chunks=(4, (5, 5, 3)))
    at = np.cumsum(RNG.random(13))
    for args in ((), (2.0,), (3, at)):
        for got, expected in zip(
            r.gradient(d, *args, edge_order=edge_order), np.gradient(x, *args, edge_order=edge_order), strict=True
        ):
            same(got, expected)
    same(r.gradient(d, at, axis=1), np.gradient(x, at, axis=1))
    # chunks that are too short by themselves, where Dask refuses
    short = r.gradient(d.rechunk(1), edge_order=edge_order)
    for got, expected in zip(short, np.gradient(x, edge_order=edge_order), strict=True):
        same(got, expected)
    with pytest.raises(ValueError, match="too small"):
        r.gradient(d[:edge_order], axis=0, edge_order=edge_order)


def test_along_axes():
    for axis in (0, 1, -1):
        same(r.apply_along_axis(np.sum, axis, D), np.apply_along_axis(np.sum, axis, X))
        same(r.apply_along_axis(np.cumsum, axis, D), np.apply_along_axis(np.cumsum, axis, X))
        same(r.apply_along_axis(np.outer, axis, D, [1, 2]), np.apply_along_axis(np.outer, axis, X, [1, 2]))
    same(r.apply_over_axes(np.sum, D, [0, -1]), np.apply_over_axes(np.sum, X, [0, -1]))


def test_coarsen():
    same(r.coarsen(np.sum, D, {0: 3, 1: 2}), X.reshape(4, 3, 5, 2).sum(axis=(1, 3)))
    same(r.coarsen(da.mean, D, {1: 4}, trim_excess=True), X[:, :8].reshape(12, 2, 4).mean(axis=2))
    with pytest.raises(ValueError, match="do not align"):
        r.coarsen(np.sum, D, {1: 4})


def test_choices():
    same(r.select([D > 0.8, D > 0.5], [D, -D], default=9), np.select([X > 0.8, X > 0.5], [X, -X], default=9))
    i = X.astype("i2")
    same(r.select([D > 0.5], [da.from_array(i)], 2.5), np.select([X > 0.5], [i], 2.5))
    args = ([-1, lambda x, k: x * k, 5], 3)
    same(r.piecewise(D, [D < 0.2, D > 0.8], *args), np.piecewise(X, [X < 0.2, X > 0.8], *args))


@pytest.mark.parametrize("order", ["C", "F"])
def test_positions(order):
    flat = RNG.integers(0, 60, (4, 6))
    expected = np.unravel_index(flat, (3, 4, 5), order)
    got = r.unravel_index(da.from_array(flat, chunks=3), (3, 4, 5), order)
    for one, other in zip(got, expected, strict=True):
        same(one, other)
    same(r.ravel_multi_index(got, (3, 4, 5), order=order), flat)
    same(r.ravel_multi_index(da.from_array(np.stack(expected), chunks=2), (3, 4, 5), order=order), flat)


def test_small_questions():
    same(r.union1d(da.from_array([1, 3, 2], chunks=2), da.from_array([5, 3])), [1, 2, 3, 5])
    assert r.iscomplexobj(D * 1j)
    assert not r.iscomplexobj(D)
    assert (r.shape(D), r.ndim(D)) == ((12, 10), 2)


@pytest.mark.parametrize("method", ["linear", "lower", "nearest"])
def test_percentile(method):
    from dusk.array.percentile import percentile

    for x in (X.ravel(), (X.ravel() * 100).astype(int)):
        d = da.from_array(x, chunks=17)
        same(percentile(d, [1, 50, 99.5], method=method), np.percentile(x, [1, 50, 99.5], method=method))
        same(percentile(d, 30, method=method), np.percentile(x, 30, method=method))
