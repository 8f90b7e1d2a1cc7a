"""Linear algebra: norms, factorizations of tall and of square arrays, solutions of systems."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array import _systems
from dusk.array._array import Array
from dusk.array._block_calls import Slot, block_call
from dusk.array._from_array import asanyarray
from dusk.array._like import svd_flip
from dusk.array._products import dot
from dusk.array._systems import cholesky, inv, lu, solve_triangular
from dusk.array._tall import tsqr

__all__ = [
    "cholesky",
    "compression_level",
    "compression_matrix",
    "inv",
    "lstsq",
    "lu",
    "norm",
    "qr",
    "sfqr",
    "solve",
    "solve_triangular",
    "svd",
    "svd_compressed",
    "tsqr",
]


@derived_from(np.linalg)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002  NumPy's name
    x = asanyarray(x)
    if axis is None:
        axes: tuple[int, ...] = tuple(range(x.ndim))
        if ord is not None and x.ndim > 2:
            raise ValueError("Improper number of dimensions to norm.")
    else:
        axes = (int(axis),) if isinstance(axis, (int, np.integer)) else tuple(axis)
        axes = tuple(each % x.ndim for each in axes)
    if len(axes) > 2 and axis is not None:
        raise ValueError("Improper number of dimensions to norm.")
    if ord == "fro" and len(axes) == 1:
        raise ValueError("Invalid norm order for vectors.")
    if x.dtype.kind in "biu":
        x = x.astype("f8")
    from dusk.array import ufunc

    if ord is None or ord == "fro" or (len(axes) == 1 and ord == 2):
        squares = x * x if x.dtype.kind == "f" else (x * x.conj()).real
        return ufunc.sqrt(squares.sum(axis=axes, keepdims=keepdims))
    size = abs(x)
    if len(axes) == 1:
        if ord == np.inf:
            return size.max(axis=axes, keepdims=keepdims)
        if ord == -np.inf:
            return size.min(axis=axes, keepdims=keepdims)
        if ord == 0:
            return (size != 0).astype(size.dtype).sum(axis=axes, keepdims=keepdims)
        if ord == 1:
            return size.sum(axis=axes, keepdims=keepdims)
        if not isinstance(ord, (int, float, np.number)):
            raise ValueError(f"Invalid norm order '{ord}' for vectors")
        return (size**ord).sum(axis=axes, keepdims=keepdims) ** (1.0 / ord)
    rows, columns = axes
    if ord in (1, -1, np.inf, -np.inf):
        over, across = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = size.sum(axis=over, keepdims=True)
        result = sums.max(axis=across, keepdims=True) if ord > 0 else sums.min(axis=across, keepdims=True)
    elif ord in (2, -2, "nuc"):
        if x.ndim > 2:
            raise NotImplementedError("SVD based norm not implemented for ndim > 2")
        if min(x.numblocks) > 1:
            # The factorization wants blocks along the longer axis alone.
            x = x.rechunk({0 if x.shape[1] > x.shape[0] else 1: -1})
        s = svd(x)[1][None, None]
        result = (
            s.sum(keepdims=True, axis=-1)
            if ord == "nuc"
            else (s.max(keepdims=True, axis=-1) if ord == 2 else s.min(keepdims=True, axis=-1))
        )
        result = result[..., 0]
    else:
        raise ValueError("Invalid norm order for matrices.")
    if keepdims:
        return result
    return result.squeeze(axis=axes)


def _single(a: Array, what: str) -> None:
    if a.ndim != 2:
        raise ValueError(f"{what} works on arrays of two dimensions, got one of {a.ndim}")


def _whole(function: Any, index: int, x: Any) -> Any:
    return function(x)[index]


def sfqr(data: Any, name: str | None = None) -> Any:
    """Factor a wide array, cut along the columns alone: QR.

    Parameters
    ----------
    data : Array
        Of two dimensions; its first block must be square or wide.
    name : str, optional
        Accepted for compatibility.
    """
    _single(data, "sfqr")
    if data.numblocks[0] != 1:
        raise ValueError(
            "Input must have the following properties:\n  1. Have two dimensions\n  2. Have only one row of blocks"
        )
    m = data.shape[0]
    first = data[:, : data.chunks[1][0]]
    k = min(m, first.shape[1])
    dtype = np.linalg.qr(np.ones((1, 1), dtype=data.dtype))[0].dtype
    meta = np.empty((0, 0), dtype=dtype)
    q = block_call(_whole, [(first, [0, 1])], [(m,), (k,)], meta, args=[np.linalg.qr, 0, Slot(0)], prefix="q")
    r_first = block_call(
        _whole, [(first, [0, 1])], [(k,), first.chunks[1]], meta, args=[np.linalg.qr, 1, Slot(0)], prefix="r"
    )
    if len(data.chunks[1]) == 1:
        return q, r_first
    from dusk.array.core import concatenate

    rest = dot(q.T.conj(), data[:, data.chunks[1][0] :])
    return q, concatenate([r_first, rest], axis=1)


def qr(a: Any) -> Any:
    """Return the QR factorization of an array that is cut along rows or along columns alone.

    Parameters
    ----------
    a : Array
        Of two dimensions.
    """
    _single(a, "qr")
    if a.numblocks[1] == 1:
        return tsqr(a)
    if a.numblocks[0] == 1:
        return sfqr(a)
    raise NotImplementedError(
        "qr currently supports only tall-and-skinny (single column chunk/block; see tsqr)\n"
        "and short-and-fat (single row chunk/block; see sfqr) matrices\n\nConsider use of the rechunk "
        "method. For example,\n\n"
        "x.rechunk({0: -1, 1: 'auto'}) or x.rechunk({0: 'auto', 1: -1})\n\n"
        "which rechunk one shorter axis to a single chunk, while allowing\nthe other axis to automatically grow/shrink "
        "appropriately."
    )


def svd(a: Any, coerce_signs: bool = True, full_matrices: bool = False) -> Any:
    """Return the singular value decomposition of an array that is cut along rows or along columns alone.

    Parameters
    ----------
    a : Array
        Of two dimensions.
    coerce_signs : bool, default True
        Make the sum of each right singular vector positive, so that the signs are always the same.
    full_matrices : bool, default False
        Not implemented.

    Returns
    -------
    u, s, v : Array
    """
    if full_matrices:
        raise NotImplementedError(
            "full_matrices=True is not implemented for dask arrays. Use full_matrices=False to compute the reduced SVD."
        )
    if a.ndim != 2:
        raise ValueError(f"Array must be 2D.\nInput shape: {a.shape}\nInput ndim: {a.ndim}\n")
    if a.numblocks[0] > 1 and a.numblocks[1] > 1:
        raise NotImplementedError(
            "Array must be chunked in one dimension only. This function (svd) only supports tall-and-skinny "
            "or short-and-fat "
            "matrices (see da.linalg.svd_compressed for SVD on fully chunked arrays).\n"
            f"Input shape: {a.shape}\nInput numblocks: {a.numblocks}\n"
        )
    turned = a.numblocks[0] == 1 and (a.numblocks[1] > 1 or a.shape[0] < a.shape[1])
    if turned:
        u, s, vh = tsqr(a.T, compute_svd=True)
        u, vh = vh.T, u.T
    else:
        u, s, vh = tsqr(a, compute_svd=True)
    k = min(a.shape)
    if u.shape[1] > k:
        u = u[:, :k]
    if vh.shape[0] > k:
        vh = vh[:k]
    if coerce_signs:
        u, vh = svd_flip(u, vh)
    return u, s, vh


def compression_level(n: int, q: int, n_oversamples: int = 10, min_subspace_size: int = 20) -> int:
    """Return the size of the subspace in which `svd_compressed` looks for `q` singular vectors.

    Parameters
    ----------
    n : int
        The smaller dimension of the array.
    q : int
        How many singular vectors are asked for.
    n_oversamples : int, default 10
        How many more the subspace has.
    min_subspace_size : int, default 20

    Examples
    --------
    >>> import dusk.array as da
    >>> da.linalg.compression_level(100, 10)
    20
    """
    return min(max(min_subspace_size, q + n_oversamples), n)


def _kept(array: Any, compute: bool) -> Any:
    return array.persist() if compute else array


def compression_matrix(
    data: Any,
    q: int,
    iterator: str = "power",
    n_power_iter: int = 0,
    n_oversamples: int = 10,
    seed: Any = None,
    compute: bool = False,
) -> Any:
    """Return an orthogonal matrix onto the subspace in which most of an array lies, found by random samples.

    Parameters
    ----------
    data : Array
    q : int
        How many singular vectors the subspace shall hold; it has more dimensions, see `compression_level`.
    iterator : {"power", "QR"}, default "power"
        How the samples are improved: by products alone, or factored after each, which keeps small ones apart.
    n_power_iter : int, default 0
        How many times they are improved.
    n_oversamples : int, default 10
    seed : int or RandomState, optional
    compute : bool, default False
        Compute what a pass over the data gives before the next one begins, so that the data itself needn't be held.
    """
    if iterator not in ("power", "QR"):
        raise ValueError(f"Iterator '{iterator}' not valid, must one one of ['power', 'QR']")
    from dusk.array.random import RandomState, default_rng

    m, n = data.shape
    size = compression_level(min(m, n), q, n_oversamples=n_oversamples)
    state = seed if isinstance(seed, RandomState) else default_rng(seed)
    dtype = np.float32 if data.dtype in (np.dtype("f4"), np.dtype("c8")) else np.float64
    omega = state.standard_normal(size=(n, size), chunks=(data.chunks[1], (size,))).astype(dtype, copy=False)
    found = data.dot(omega)
    if iterator == "power":
        for _ in range(n_power_iter):
            found = data.dot(_kept(data.T.dot(_kept(found, compute)), compute))
        basis, _ = tsqr(found)
    else:
        basis, _ = tsqr(found)
        for _ in range(n_power_iter):
            basis, _ = tsqr(data.T.dot(_kept(basis, compute)))
            basis, _ = tsqr(data.dot(_kept(basis, compute)))
    return basis.T


def svd_compressed(
    a: Any,
    k: int,
    iterator: str = "power",
    n_power_iter: int = 0,
    n_oversamples: int = 10,
    seed: Any = None,
    compute: bool = False,
    coerce_signs: bool = True,
) -> Any:
    """Return the `k` greatest singular values and their vectors, approximately, of an array in any chunks.

    Parameters
    ----------
    a : Array
    k : int
        How many.
    iterator : {"power", "QR"}, default "power"
        How random samples are improved, see `compression_matrix`.
    n_power_iter : int, default 0
        How many times they are improved: more for singular values that decrease slowly.
    n_oversamples : int, default 10
        How many more dimensions the samples have.
    seed : int or RandomState, optional
    compute : bool, default False
        Compute what a pass over the data gives before the next one begins.
    coerce_signs : bool, default True
        Make the sum of each right singular vector positive.

    Returns
    -------
    u, s, v : Array
    """
    onto = compression_matrix(
        a,
        k,
        iterator=iterator,
        n_power_iter=n_power_iter,
        n_oversamples=n_oversamples,
        seed=seed,
        compute=compute,
    )
    onto = _kept(onto, compute)
    v, s, u = tsqr(onto.dot(a).T, compute_svd=True)
    u, s, v = onto.T.dot(u.T)[:, :k], s[:k], v.T[:k, :]
    if coerce_signs:
        u, v = svd_flip(u, v)
    return u, s, v


def solve(a: Any, b: Any, sym_pos: Any = None, assume_a: str = "gen") -> Any:
    """Solve ``a @ x = b`` for a square matrix.

    Parameters
    ----------
    a : array_like
    b : array_like
        One or more right-hand sides, as columns.
    sym_pos : bool, optional
        Deprecated: use ``assume_a="pos"``.
    assume_a : {"gen", "pos"}, default "gen"
        What is known of the matrix.
    """
    if sym_pos is not None:
        warnings.warn(
            "The sym_pos keyword is deprecated and should be replaced by using ``assume_a = "
            "'pos'``.``sym_pos`` will be "
            "removed in a future version.",
            category=FutureWarning,
            stacklevel=2,
        )
        assume_a = "pos" if sym_pos else "gen"
    if assume_a not in ("gen", "pos"):
        raise ValueError(
            f"{assume_a = } is not a recognized matrix structure, valid structures in Dask are 'pos' and 'gen'."
        )
    return _systems.solve(a, b, positive=assume_a == "pos")


def lstsq(a: Any, b: Any) -> Any:
    """Return the least-squares solution of ``a @ x = b`` for a tall array.

    Parameters
    ----------
    a : Array
    b : Array

    Returns
    -------
    x : Array
    residuals : Array
    rank : Array
    s : Array
        Singular values.
    """
    a, b = asanyarray(a), asanyarray(b)
    q, r = qr(a)
    right = dot(q.T.conj(), b)
    dtype = _systems.solution_dtype(a, b)
    # of all solutions the shortest, also where columns depend on each other: LAPACK does that for the small triangle
    x = block_call(
        _least_squares,
        [(r.rechunk(-1), [("at", 0)] * 2), (right.rechunk({0: -1}), [("at", 0), 1][: b.ndim])],
        [(a.shape[1],), *right.chunks[1:]],
        np.empty((0,) * b.ndim, dtype=dtype),
        args=[max(a.shape), Slot(0), Slot(1)],
        prefix="lstsq",
    )
    gap = b - dot(a, x)
    residuals = abs(gap**2 if gap.dtype.kind != "c" else gap * gap.conj()).sum(axis=0, keepdims=b.ndim == 1)
    s = svd(r.rechunk(-1))[1]
    rank = block_call(
        _rank, [(s, [("at", 0)])], [], np.empty((), dtype=np.int64), args=[max(a.shape), Slot(0)], prefix="rank"
    )
    return x, residuals, rank, s


def _least_squares(size: int, r: Any, right: Any) -> Any:
    return np.linalg.lstsq(r, right, rcond=np.finfo(r.dtype).eps * size)[0]


def _rank(size: int, s: Any) -> Any:
    return np.int64((s > s.max(initial=0) * size * np.finfo(s.dtype).eps).sum())
