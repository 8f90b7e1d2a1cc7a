"""Products, triangular systems and LU factors in place, by NumPy's BLAS.

NumPy makes a new array of each product, and SciPy brings a BLAS of its own, whose threads nobody holds. What is here
writes into its operands and stays on the thread that calls, inside `dusk._blas.one_thread`. Covers matrices of
float32, float64 and their complex types, in any layout; where there is no BLAS that can be used, and for other layouts
of what is written to, NumPy and SciPy do the same.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from dusk._blas import library

__all__ = ["factor", "solve_triangle", "subtract_product"]

# the constants of CBLAS that are used here
_ROW_MAJOR, _AS_IT_IS, _TRANSPOSED = 101, 111, 112
_UPPER, _LOWER, _NOT_UNIT, _UNIT, _LEFT = 121, 122, 131, 132, 141

_KINDS = {"f": "s", "d": "d", "F": "c", "D": "z"}
_INDEX = ctypes.c_int64
_POINTER = ctypes.c_void_p


@functools.cache
def _function(name: str, after: str, kind: str) -> Callable[..., Any] | None:
    """Return a function of the library: `name` has a place for the letter of the type."""
    found = library()
    if found is None:
        return None
    call = getattr(found[0], found[1] + name.format(_KINDS[kind]) + after, None)
    if call is not None:
        number = {"f": ctypes.c_float, "d": ctypes.c_double}.get(kind, _POINTER)
        word = ctypes.c_int
        arguments = {
            "cblas_{}gemm": [word] * 3 + [_INDEX] * 3 + [number, *[_POINTER, _INDEX] * 2, number, _POINTER, _INDEX],
            "cblas_{}trsm": [word] * 5 + [_INDEX] * 2 + [number, *[_POINTER, _INDEX] * 2],
            "{}getrf": [_POINTER] * 6,
        }
        call.argtypes = arguments[name]
        call.restype = None
    return call


def _number(dtype: np.dtype, value: float) -> Any:
    """Return a factor as CBLAS takes it, and what keeps it alive."""
    if dtype.kind != "c":
        return value
    return np.array(value, dtype=dtype).ctypes.data_as(_POINTER)


def _rows(x: np.ndarray) -> int | None:
    """Return the elements from one row to the next, if each row lies together."""
    size = x.itemsize
    if (x.shape[1] > 1 and x.strides[1] != size) or (x.shape[0] > 1 and x.strides[0] < x.shape[1] * size):
        return None
    return max(x.strides[0] // size if x.shape[0] > 1 else x.shape[1], 1) if x.strides[0] % size == 0 else None


def _readable(x: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Return a matrix, whether it lies there transposed, and the elements from one of its lines to the next."""
    step = _rows(x)
    if step is not None:
        return x, _AS_IT_IS, step
    step = _rows(x.T)
    if step is not None:
        return x, _TRANSPOSED, step
    x = np.ascontiguousarray(x)
    return x, _AS_IT_IS, x.shape[1]


def subtract_product(out: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """Do ``out -= a @ b``, for matrices of one type.

    Parameters
    ----------
    out, a, b : ndarray
        `out` shares no memory with the others.
    """
    step = _rows(out)
    gemm = _function("cblas_{}gemm", "64_", out.dtype.char) if out.dtype.char in _KINDS else None
    if gemm is None or step is None or not (a.dtype == b.dtype == out.dtype):
        out -= a @ b
        return
    if not (out.size and a.shape[1]):
        return
    a, how_a, step_a = _readable(a)
    b, how_b, step_b = _readable(b)
    sizes = (*out.shape, a.shape[1])
    minus, one = _number(out.dtype, -1), _number(out.dtype, 1)
    operands = (a.ctypes.data, step_a, b.ctypes.data, step_b)
    gemm(_ROW_MAJOR, how_a, how_b, *sizes, minus, *operands, one, out.ctypes.data, step)


def solve_triangle(triangle: np.ndarray, out: np.ndarray, lower: bool = False, unit: bool = False) -> None:
    """Put the solution of ``triangle @ x = out`` in the place of `out`.

    Parameters
    ----------
    triangle, out : ndarray
        Of one type; the other half of `triangle` isn't read. `out` may be a vector.
    lower : bool, default False
        It is a lower triangle.
    unit : bool, default False
        Its diagonal is taken to be ones, and isn't read either.
    """
    if out.ndim == 1:
        out = out[:, np.newaxis]
    step = _rows(out)
    trsm = _function("cblas_{}trsm", "64_", out.dtype.char) if out.dtype.char in _KINDS else None
    if not out.size:
        return
    if trsm is None or step is None or triangle.dtype != out.dtype:
        import scipy.linalg

        out[...] = scipy.linalg.solve_triangular(triangle, out, lower=lower, unit_diagonal=unit, check_finite=False)
        return
    triangle, how, by = _readable(triangle)
    # what lies transposed is the other triangle
    half = _LOWER if lower == (how == _AS_IT_IS) else _UPPER
    diagonal = _UNIT if unit else _NOT_UNIT
    one = _number(out.dtype, 1)
    trsm(_ROW_MAJOR, _LEFT, half, how, diagonal, *out.shape, one, triangle.ctypes.data, by, out.ctypes.data, step)


def factor(x: np.ndarray) -> tuple[np.ndarray, int]:
    """Put the LU factors of a matrix in its place.

    Parameters
    ----------
    x : ndarray
        In columns that lie together each.

    Returns
    -------
    swaps : ndarray
        With which row each is changed, one after the other.
    info : int
        More than zero when a pivot is zero.
    """
    step = _rows(x.T)
    getrf = _function("{}getrf", "_64_", x.dtype.char) if x.dtype.char in _KINDS else None
    if getrf is None or step is None:
        import scipy.linalg

        (slow,) = scipy.linalg.get_lapack_funcs(("getrf",), (x,))
        x[...], swaps, info = slow(x)
        return swaps, info
    swaps = np.zeros(min(x.shape), dtype=np.int64)
    info = _INDEX(0)
    rows, columns, by = (_INDEX(number) for number in (*x.shape, step))
    references = (ctypes.addressof(each) for each in (rows, columns))
    getrf(*references, x.ctypes.data, ctypes.addressof(by), swaps.ctypes.data, ctypes.addressof(info))
    return swaps - 1, info.value
