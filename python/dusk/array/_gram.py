"""QR of a tall matrix from the products of its columns: all but a few percent of the work are products of matrices.

With ``x.T @ x == r.T @ r`` (Cholesky), ``x @ inv(r)`` has nearly orthonormal columns, and the same once more gives
orthonormal ones: CholeskyQR2. How near they came the first time is measured, not estimated: it decides whether the
result is as accurate as that of reflections, or whether there is none (columns close to dependent ones, numbers whose
squares overflow, NaN). The system with `r` is solved, never multiplied by an inverse, so that the product of the
factors is as close to `x` as with reflections, whatever the condition of `x`.

Covers float32 and float64, where NumPy's BLAS is known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dusk._blas import divide_by_triangle

__all__ = ["by_products"]

# How far products of the columns may be from those of orthonormal ones, in the norm of Frobenius: what remains is then
# far from singular, and factored to the last digits.
_NEAR = 0.05


def by_products(x: Any) -> tuple[Any, Any, Any] | None:
    """Factor a tall matrix.

    Returns
    -------
    tuple of ndarray, or None
        A matrix ``q`` with nearly orthonormal columns, a small matrix ``p`` and a triangular one ``r`` such that
        ``q @ p`` has orthonormal columns and ``q @ p @ r`` is `x`. None where that can't be as accurate as reflections.
    """
    if type(x) is not np.ndarray or x.dtype.char not in "fd" or x.shape[1] == 0 or len(x) < 2 * x.shape[1]:
        return None
    with np.errstate(all="ignore"):
        try:
            first = np.linalg.cholesky(x.T @ x).T.copy()
            q = divide_by_triangle(x, first)
            if q is None:
                return None
            products = q.T @ q
            if not np.linalg.norm(products - np.eye(len(first), dtype=x.dtype)) < _NEAR:
                return None
            second = np.linalg.cholesky(products).T
        except np.linalg.LinAlgError:
            return None
        return q, np.linalg.inv(second), np.triu(second @ first)
