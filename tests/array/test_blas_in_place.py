"""Products, triangular systems and factors in place, in every layout, held against NumPy and SciPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dusk import _blas_in_place
from dusk._blas_in_place import factor, solve_triangle, subtract_product

scipy_linalg = pytest.importorskip("scipy.linalg")

DTYPES = ["f4", "f8", "c8", "c16"]
SHAPES = [(7, 5, 4), (1, 1, 1), (1, 6, 3), (6, 1, 3), (5, 4, 1), (0, 3, 2), (3, 0, 2), (3, 2, 0)]
LAYOUTS = ["C", "F", "rows", "columns", "every second"]


def matrix(rows: int, columns: int, dtype: str, layout: str, seed: int = 0) -> np.ndarray:
    """Give a matrix that lies in memory in one of several ways."""
    random = np.random.default_rng([seed, rows, columns])
    x = random.standard_normal((rows, columns))
    if dtype[0] == "c":
        x = x + 1j * random.standard_normal((rows, columns))
    x = x.astype(dtype)
    match layout:
        case "F":
            return np.asfortranarray(x)
        case "rows":
            wide = np.zeros((rows + 3, columns + 5), dtype=dtype)
            wide[2 : 2 + rows, 1 : 1 + columns] = x
            return wide[2 : 2 + rows, 1 : 1 + columns]
        case "columns":
            return matrix(columns, rows, dtype, "rows", seed).T
        case "every second":
            wide = np.zeros((2 * rows, 2 * columns), dtype=dtype)
            wide[::2, ::2] = x
            return wide[::2, ::2]
    return x


@pytest.fixture(params=["native", "without a library"])
def library(request, monkeypatch):
    if request.param != "native":
        monkeypatch.setattr(_blas_in_place, "_function", lambda name, after, kind: None)


def close(dtype: str) -> dict[str, float]:
    size = 1e-3 if np.dtype(dtype).itemsize // (2 if dtype[0] == "c" else 1) == 4 else 1e-10
    return {"rtol": size, "atol": size}


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape", [(7, 5, 4), (1, 1, 1), (1, 6, 3), (6, 1, 3), (5, 4, 1), (0, 3, 2), (3, 0, 2), (3, 2, 0)]
)
def test_products(dtype, shape):
    rows, columns, inner = shape
    for own, left, right in itertools.product(LAYOUTS, repeat=3):
        out = matrix(rows, columns, dtype, own, 1)
        a, b = matrix(rows, inner, dtype, left, 2), matrix(inner, columns, dtype, right, 3)
        wanted = out - a @ b
        subtract_product(out, a, b)
        np.testing.assert_allclose(out, wanted, **close(dtype), err_msg=f"{own}, {left}, {right}")


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("unit", [False, True])
def test_triangles(dtype, lower, unit):
    for size, columns in [(6, 4), (1, 3), (5, 1), (3, 0), (0, 2)]:
        for own, other in itertools.product(LAYOUTS, repeat=2):
            triangle = matrix(size, size, dtype, other)
            triangle += (4 * np.eye(size)).astype(dtype)
            out = matrix(size, columns, dtype, own, 1)
            wanted = out.copy()
            if out.size:
                options = {"lower": lower, "unit_diagonal": unit}
                wanted = scipy_linalg.solve_triangular(triangle, out, **options)
            solve_triangle(triangle, out, lower=lower, unit=unit)
            np.testing.assert_allclose(out, wanted, **close(dtype), err_msg=f"{size}, {columns}, {own}, {other}")
    vector = np.arange(1, 5).astype(dtype)
    triangle = (np.ones((4, 4)) + 3 * np.eye(4)).astype(dtype)
    wanted = scipy_linalg.solve_triangular(triangle, vector, lower=lower, unit_diagonal=unit)
    solve_triangle(triangle, vector, lower=lower, unit=unit)
    np.testing.assert_allclose(vector, wanted, **close(dtype))


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", ["F", "columns", "C"])
def test_factors(dtype, layout):
    for rows, columns in [(9, 4), (4, 4), (3, 5), (1, 1), (6, 1)]:
        x = matrix(rows, columns, dtype, layout)
        (getrf,) = scipy_linalg.get_lapack_funcs(("getrf",), (x,))
        packed, order, info = getrf(x.copy())
        swaps, found = factor(x)
        np.testing.assert_allclose(x, packed, **close(dtype))
        assert swaps.tolist() == order.tolist()
        assert found == info == 0
    assert factor(np.zeros((3, 3), dtype=dtype, order="F"))[1] > 0
