"""Square systems and factorizations in panels, against NumPy's and SciPy's LAPACK."""

import numpy as np
import pytest
import scipy.linalg

import dusk.array as da
from dusk.array import _systems

DTYPES = ["float32", "float64", "complex128", "int64"]


@pytest.fixture(params=[1, 4, 512])
def width(request, monkeypatch):
    """Panels of this many columns."""
    monkeypatch.setattr(_systems, "_WIDTH", request.param)
    monkeypatch.setattr(_systems, "_LEAST_WIDTH", request.param)


def matrix(n, dtype):
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, n)) * 5
    return (x + 1j * rng.normal(size=(n, n)) if dtype == "complex128" else x).astype(dtype)


def agree(got, want):
    assert got.dtype == want.dtype
    value = got.compute()
    assert value.dtype == want.dtype
    close = {"rtol": 1e-3, "atol": 1e-3} if want.dtype.itemsize == 4 else {"rtol": 1e-8, "atol": 1e-9}
    np.testing.assert_allclose(value, want, **close)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "chunks"), [(1, 1), (5, ((2, 3), (1, 4))), (9, (9, 2)), (11, ((1, 0, 7, 3), (11,)))])
def test_as_numpy(width, dtype, n, chunks):
    a = matrix(n, dtype) + np.eye(n, dtype=dtype) * 30
    lazy = da.from_array(a, chunks=chunks)
    rng = np.random.default_rng(1)
    for b in (rng.normal(size=n), rng.normal(size=(n, 3)).astype("float32"), np.ones((n, 0))):
        cut = da.from_array(b, chunks=2)
        solved = da.linalg.solve(lazy, cut)
        assert solved.chunks == cut.chunks
        agree(solved, np.linalg.solve(a, b))
        for lower in (False, True):
            triangle = np.tril(a) if lower else np.triu(a)
            want = scipy.linalg.solve_triangular(triangle, b, lower=lower)
            agree(da.linalg.solve_triangular(da.from_array(triangle, chunks=chunks), cut, lower=lower), want)
    agree(da.linalg.inv(lazy), np.linalg.inv(a))
    positive = a @ a.T.conj()
    lazy = da.from_array(positive, chunks=chunks)
    agree(da.linalg.cholesky(lazy, lower=True), np.linalg.cholesky(positive))
    agree(da.linalg.cholesky(lazy), np.linalg.cholesky(positive).T.conj())
    agree(da.linalg.solve(lazy, b, assume_a="pos"), np.linalg.solve(positive, b))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "chunk"), [(2, 1), (6, 3), (12, 12), (12, 2)])
def test_lu(width, dtype, n, chunk):
    a = matrix(n, dtype)
    for got, want in zip(da.linalg.lu(da.from_array(a, chunks=chunk)), scipy.linalg.lu(a), strict=True):
        assert got.chunks == ((chunk,) * (n // chunk),) * 2
        agree(got, want)
    a[:, n // 2] = a[:, 0]  # singular, which a factorization may be
    p, lower, upper = da.linalg.lu(da.from_array(a, chunks=chunk))
    np.testing.assert_allclose((p @ lower @ upper).compute(), a, rtol=1e-4, atol=1e-4)


def test_what_has_no_solution(width):
    n = 9
    b = np.ones(n)
    for make in (da.linalg.inv, lambda a: da.linalg.solve(a, b)):
        with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
            make(da.from_array(np.zeros((n, n)), chunks=4)).compute()
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        da.linalg.cholesky(da.from_array(np.diag([1.0] * (n - 1) + [-1]), chunks=4)).compute()
    for lower in (False, True):
        with pytest.raises(np.linalg.LinAlgError, match="singular matrix: resolution failed at diagonal 5"):
            holes = np.diag([1.0] * 5 + [0] + [1] * 3)
            da.linalg.solve_triangular(da.from_array(holes, chunks=2), b, lower=lower).compute()
    missing = np.eye(n)
    missing[-1, -1] = np.nan
    for function in (lambda a: da.linalg.solve_triangular(a, b), lambda a: da.linalg.lu(a)[1]):
        with pytest.raises(ValueError, match="must not contain infs or NaNs"):
            function(da.from_array(missing, chunks=3)).compute()
    with pytest.raises(ValueError, match=r"needs a square matrix, got shape \(2, 3\)"):
        da.linalg.inv(np.ones((2, 3)))
    with pytest.raises(ValueError, match="b must have one row for each of the 9 rows of a"):
        da.linalg.solve(missing, np.ones(3))


def test_empty_matrices():
    nothing = da.from_array(np.empty((0, 0)), chunks=1)
    assert da.linalg.inv(nothing).compute().shape == (0, 0)
    assert da.linalg.cholesky(nothing).compute().shape == (0, 0)
    assert da.linalg.solve(nothing, np.empty((0, 2))).compute().shape == (0, 2)


@pytest.mark.parametrize("chunks", [(20, 4), (5, 4), ((7, 13), (4,))])
def test_least_squares_of_columns_that_depend_on_each_other(chunks):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(20, 4))
    a[:, 3] = a[:, 0] - a[:, 1]
    for b in (rng.normal(size=20), rng.normal(size=(20, 2))):
        x, _, rank, _ = da.linalg.lstsq(
            da.from_array(a, chunks=chunks), da.from_array(b, chunks=(chunks[0], 2)[: b.ndim])
        )
        want = np.linalg.lstsq(a, b)
        np.testing.assert_allclose(x.compute(), want[0], atol=1e-12)
        assert rank.compute() == want[2] == 3
