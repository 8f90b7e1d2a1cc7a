"""Generalized universal functions agree with NumPy's results for whole arrays."""

import numpy as np
import pytest

import dusk.array as da
from dusk.array.gufunc import apply_gufunc, as_gufunc, gufunc

X = np.random.default_rng(2).random((6, 5, 8))
D = da.from_array(X, chunks=(2, 3, 8))


def mean(x):
    return np.mean(x, axis=-1)


def stats(x):
    return np.mean(x, axis=-1), np.std(x, axis=-1)


def same(got, expected):
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got.compute(), expected)


def test_one_result():
    same(apply_gufunc(mean, "(i)->()", D), X.mean(-1))
    same(apply_gufunc(mean, "(i)->()", D, axis=0, allow_rechunk=True), X.mean(0))
    same(apply_gufunc(mean, "(i)->()", D, axis=-1, keepdims=True), X.mean(-1, keepdims=True))


def test_several_results():
    m, s = apply_gufunc(stats, "(i)->(),()", D, output_dtypes=(float, float))
    same(m, X.mean(-1))
    same(s, X.std(-1))
    (one,) = apply_gufunc(lambda x: (x.sum(-1),), "(i)->(),", D, output_dtypes=(float,))
    same(one, X.sum(-1))


def test_new_core_dimensions():
    a, b = np.arange(12.0).reshape(3, 4), np.arange(5.0)
    outer = apply_gufunc(
        lambda x, y: np.einsum("...i,...j->...ij", x, y), "(i),(j)->(i,j)", da.from_array(a, chunks=(2, 4)), b
    )
    same(outer, np.einsum("ai,j->aij", a, b))
    same(
        apply_gufunc(lambda x: np.stack([x, -x], axis=-1), "()->(k)", D, output_sizes={"k": 2}, output_dtypes=float),
        np.stack([X, -X], axis=-1),
    )
    moved = apply_gufunc(lambda x: x[..., ::-1], "(i)->(i)", D, axes=[(0,), (-1,)], allow_rechunk=True)
    same(moved, np.moveaxis(X, 0, -1)[..., ::-1])


def test_broadcast_loop_dimensions():
    same(apply_gufunc(np.add, "(),()->()", D, X[:1, :, :1], allow_rechunk=True), X + X[:1, :, :1])
    same(apply_gufunc(np.add, "(),()->()", D, D[0:1]), X + X[:1])


def test_vectorize():
    same(apply_gufunc(lambda x, k: float(x.sum() * k), "(i),()->()", D, 2.0, vectorize=True), X.sum(-1) * 2)
    double = as_gufunc(signature="(i)->(i)", vectorize=True, output_dtypes=float)(lambda x: np.cumsum(x))
    same(double(D), np.cumsum(X, axis=-1))
    same(gufunc(mean, signature="(i)->()", output_dtypes=float)(D), X.mean(-1))


def test_errors():
    with pytest.raises(ValueError, match="consists of multiple chunks"):
        apply_gufunc(mean, "(i)->()", D.rechunk(2))
    with pytest.raises(ValueError, match="different chunksize"):
        apply_gufunc(np.add, "(),()->()", D, D.rechunk(2))
    with pytest.raises(ValueError, match="different lengths"):
        apply_gufunc(np.add, "(),()->()", D, np.ones(3), output_dtypes=float)
    with pytest.raises(ValueError, match="Not a valid"):
        apply_gufunc(mean, "i->", D)
    with pytest.raises(ValueError, match="requires 1 arguments"):
        apply_gufunc(mean, "(i)->()", D, D, output_dtypes=float)
    with pytest.raises(TypeError, match="Unsupported"):
        as_gufunc("(i)->()", foo=1)
