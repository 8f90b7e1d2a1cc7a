"""Factorizations against NumPy: tall and wide arrays in any chunks, in pieces, and by random samples."""

import numpy as np
import pytest

import dusk.array as da
from dusk import _core
from dusk._blas import one_thread, provide
from dusk.array._gram import by_products

RNG = np.random.default_rng(0)
SHAPES = [
    ((5, 10), 10),
    ((10, 20), (3, 20)),
    ((20, 10), (20, 3)),
    ((30, 4), (1, 4)),
    ((300, 2), (2, 2)),
    ((0, 3), (1, 3)),
    ((7, 7), 7),
    ((3, 50), (3, 10)),
    ((600, 3), (4, 3)),
]


@pytest.mark.parametrize(("shape", "chunks"), SHAPES)
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16"])
def test_singular_values(shape, chunks, dtype):
    x = RNG.random(shape).astype(dtype)
    a = da.from_array(x, chunks=chunks)
    lazy = da.linalg.svd(a)
    u, s, v = da.compute(*lazy)
    for one, value in zip(lazy, (u, s, v), strict=True):
        assert (one.shape, one.dtype) == (value.shape, value.dtype)
    exact = 1e-4 if dtype == "f4" else 1e-11
    np.testing.assert_allclose((u * s) @ v, x, atol=exact)
    np.testing.assert_allclose(s, np.linalg.svd(x)[1], atol=exact)
    assert (v.real.sum(axis=1) >= -exact).all()


@pytest.mark.parametrize(("shape", "chunks"), [(shape, chunks) for shape, chunks in SHAPES if shape != (20, 10)])
def test_orthogonal_factors(shape, chunks):
    x = RNG.random(shape)
    q, r = da.linalg.qr(da.from_array(x, chunks=chunks))
    first, second = da.compute(q, r)
    assert (q.shape, r.shape) == (first.shape, second.shape)
    np.testing.assert_allclose(first @ second, x, atol=1e-11)
    np.testing.assert_allclose(first.T @ first, np.eye(len(second)), atol=1e-11)
    np.testing.assert_allclose(second, np.triu(second), atol=1e-11)


@pytest.mark.parametrize("most", [None, 130])
@pytest.mark.parametrize("rows", [150, 9000])
def test_many_blocks_and_pieces(rows, most):
    x = RNG.random((20_000, 60))
    a = da.from_array(x, chunks=(rows, 60))
    q, r = da.linalg.tsqr(a, _max_vchunk_size=most)
    assert q.chunks[0] == a.chunks[0]
    np.testing.assert_allclose((q @ r).compute(), x, atol=1e-10)
    np.testing.assert_allclose((q.T @ q).compute(), np.eye(60), atol=1e-10)
    u, s, v = da.linalg.tsqr(a, compute_svd=True, _max_vchunk_size=most)
    np.testing.assert_allclose(((u * s) @ v).compute(), x, atol=1e-10)


@pytest.mark.parametrize("iterator", ["power", "QR"])
@pytest.mark.parametrize("compute", [True, False])
def test_compressed_singular_values(iterator, compute):
    x = RNG.random((200, 6)) @ RNG.random((6, 120))
    a = da.from_array(x, chunks=(50, 40))
    u, s, v = da.linalg.svd_compressed(a, 6, iterator=iterator, n_power_iter=2, seed=1, compute=compute)
    np.testing.assert_allclose(((u * s) @ v).compute(), x, atol=1e-8)
    np.testing.assert_allclose(s.compute(), np.linalg.svd(x)[1][:6], atol=1e-8)
    with pytest.raises(ValueError, match="must one one of"):
        da.linalg.svd_compressed(a, 6, iterator="none")


def test_lu():
    linalg = pytest.importorskip("scipy.linalg")
    x = RNG.random((12, 12))
    for found, expected in zip(da.linalg.lu(da.from_array(x, chunks=4)), linalg.lu(x), strict=True):
        assert found.chunks == ((4, 4, 4), (4, 4, 4))
        np.testing.assert_allclose(found.compute(), expected)
    for wrong in [da.ones(4), da.ones((4, 6), chunks=2), da.ones((4, 4), chunks=3)]:
        with pytest.raises(ValueError, match="lu decomposition"):
            da.linalg.lu(wrong)


def test_blas_gets_its_threads_back():
    if not provide():
        pytest.skip("NumPy's BLAS isn't one that the engine knows")
    x = RNG.random((300, 300))
    a = da.from_array(x, chunks=100)
    with one_thread(), one_thread():
        np.testing.assert_allclose((a @ a).compute(), x @ x)
    np.testing.assert_allclose((a @ a).compute(), x @ x)
    _core.hold_blas(False)  # one too many does no harm
    np.testing.assert_allclose((a @ a).compute(), x @ x)


@pytest.mark.parametrize("order", [2, -2, "nuc"])
def test_norms_by_singular_values_of_blocks_along_both_axes(order):
    x = RNG.normal(size=(30, 8))
    for lazy, whole in ((da.from_array(x, chunks=(7, 3)), x), (da.from_array(x.T, chunks=(3, 7)), x.T)):
        np.testing.assert_allclose(da.linalg.norm(lazy, ord=order), np.linalg.norm(whole, ord=order))


def with_condition(rows, columns, condition):
    """A matrix whose singular values fall from 1 to 1 / condition."""
    left = np.linalg.qr(RNG.normal(size=(rows, columns)))[0]
    right = np.linalg.qr(RNG.normal(size=(columns, columns)))[0]
    values = np.zeros(columns)
    values[: columns - 2] = 1
    if condition < np.inf:
        values = np.logspace(0, -np.log10(condition), columns)
    return left * values @ right


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("condition", [1e1, 1e3, 1e6, 1e8, 1e15, np.inf])
def test_factors_are_as_exact_as_those_of_reflections(dtype, condition):
    x = with_condition(4_000, 30, condition).astype(dtype)
    x[:, 7] *= 1e-12  # a small column is as exact as the others
    q, r = da.compute(*da.linalg.qr(da.from_array(x, chunks=(1_000, 30))))
    assert q.dtype == r.dtype == np.dtype(dtype)
    exact = 40 * np.finfo(dtype).eps
    assert np.linalg.norm(q.T @ q - np.eye(30)) < exact
    rest = np.linalg.norm(q.astype("f8") @ r.astype("f8") - x, axis=0)
    assert (rest <= exact * np.linalg.norm(x, axis=0)).all()
    np.testing.assert_array_equal(r, np.triu(r))
    values = da.linalg.svd(da.from_array(x, chunks=(1_000, 30)))[1].compute()
    assert abs(values - np.linalg.svd(x.astype("f8"), compute_uv=False)).max() < exact * values[0]


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1e-150, 1e150, 1e160, 1e200])
def test_factors_of_numbers_whose_squares_leave_the_range(scale):
    x = RNG.normal(size=(2_000, 20))
    q, r = da.compute(*da.linalg.qr(da.from_array(x * scale, chunks=(500, 20))))
    np.testing.assert_allclose(q @ (r / scale), x, atol=1e-13)
    np.testing.assert_allclose(q.T @ q, np.eye(20), atol=1e-13)


def test_which_blocks_are_factored_by_products_of_columns():
    if not provide():
        pytest.skip("NumPy's BLAS isn't one that is known")
    x = with_condition(1_000, 20, 100)
    almost, small, r = by_products(x)
    np.testing.assert_allclose(almost @ small @ r, x, atol=1e-14)
    assert by_products(np.asfortranarray(x))[0].flags.c_contiguous
    assert by_products(with_condition(1_000, 20, 1e10)) is None
    assert by_products(x[:30]) is None
    assert by_products(x.astype("c16")) is None
    for wrong in (np.nan, np.inf):
        spoiled = x.copy()
        spoiled[3, 4] = wrong
        assert by_products(spoiled) is None
    dependent = x.copy()
    dependent[:, 5] = dependent[:, 6]
    assert by_products(dependent) is None
    assert by_products(np.zeros((100, 3))) is None
