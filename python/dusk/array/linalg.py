"""Linear algebra: norms, factorizations of tall and of square arrays, solutions of systems."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._block_calls import Slot, block_call
from dusk.array._from_array import asanyarray
from dusk.array._products import dot

__all__ = ["cholesky", "inv", "lstsq", "norm", "qr", "sfqr", "solve", "solve_triangular", "svd", "tsqr"]


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


def _part(which: int, result: Any) -> Any:
    return result[which]


def _qr(x: Any) -> Any:
    return np.linalg.qr(x)


class _Stacked:
    """The triangular factors of blocks of rows, factored once more: the rows of the orthogonal factor of each,
    and R.
    """

    __slots__ = ()

    def __call__(self, pairs: Any) -> Any:
        factors = [pair[1] for pair in pairs]
        q, r = np.linalg.qr(np.concatenate(factors))
        cuts = np.cumsum([len(each) for each in factors])[:-1]
        return np.split(q, cuts), r

    def __dask_tokenize__(self) -> tuple[str]:
        return ("dusk-tsqr",)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Stacked, ())


def _objects(ndim: int) -> Any:
    return np.empty((0,) * ndim, dtype=object)


def _times(index: tuple[int, ...], pair: Any, stacked: Any) -> Any:
    return pair[0] @ stacked[0][index[0]]


def _times_u(index: tuple[int, ...], pair: Any, stacked: Any, usv: Any) -> Any:
    return pair[0] @ (stacked[0][index[0]] @ usv[0])


def _svd_of_r(stacked: Any) -> Any:
    return np.linalg.svd(stacked[1], full_matrices=False)


def tsqr(data: Any, compute_svd: bool = False, _max_vchunk_size: Any = None) -> Any:
    """Factor a tall array: QR, or the singular values.

    Parameters
    ----------
    data : Array
        Of two dimensions, cut along the rows alone.
    compute_svd : bool, default False
        Give the singular value decomposition instead.

    Returns
    -------
    q, r : Array
        Or ``u, s, v`` for the singular value decomposition.
    """
    _single(data, "tsqr")
    if data.numblocks[1] != 1:
        raise ValueError(
            "Input must have the following properties:\n  1. Have two dimensions\n  2. Have only one column of blocks"
        )
    n = data.shape[1]
    m = data.shape[0]
    k = min(m, n) if m == m else n
    dtype = np.linalg.qr(np.ones((1, 1), dtype=data.dtype))[0].dtype
    meta = np.empty((0, 0), dtype=dtype)
    pairs = block_call(_qr, [(data, [0, 1])], [data.chunks[0], (n,)], _objects(2), prefix="qr")
    stacked = block_call(_Stacked(), [(pairs, [None, 0])], [(1,)], _objects(1), prefix="qr-stack")
    rows = data.chunks[0]
    if not compute_svd:
        q = block_call(
            _times,
            [(pairs, [0, 1]), (stacked, [1])],
            [rows, (k,)],
            meta,
            prefix="getitem-q",
            indexed=True,
            args=[Slot(0), Slot(1), Slot(2)],
        )
        r = block_call(_part, [(stacked, [0])], [(k,), (n,)], meta, args=[1, Slot(0)], prefix="getitem-r")
        return q, r
    usv = block_call(_svd_of_r, [(stacked, [0])], [(1,)], _objects(1), prefix="svd")
    real = np.empty((0,), dtype=np.linalg.svd(np.ones((1, 1), dtype=data.dtype), compute_uv=False).dtype)
    u = block_call(
        _times_u,
        [(pairs, [0, 1]), (stacked, [1]), (usv, [1])],
        [rows, (k,)],
        meta,
        prefix="u",
        indexed=True,
        args=[Slot(0), Slot(1), Slot(2), Slot(3)],
    )
    s = block_call(_part, [(usv, [0])], [(k,)], real, args=[1, Slot(0)], prefix="s")
    vh = block_call(_part, [(usv, [0])], [(k,), (n,)], meta, args=[2, Slot(0)], prefix="vh")
    return u, s, vh


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


def svd(a: Any, coerce_signs: bool = True) -> Any:
    """Return the singular value decomposition of an array that is cut along rows or along columns alone.

    Parameters
    ----------
    a : Array
        Of two dimensions.
    coerce_signs : bool, default True
        Make the sum of each right singular vector positive, so that the signs are always the same.

    Returns
    -------
    u, s, v : Array
    """
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
    if coerce_signs:
        u, vh = _signed(u, vh)
    return u, s, vh


def _signed(u: Any, vh: Any) -> tuple[Any, Any]:
    from dusk.array import ufunc
    from dusk.array._choice import where

    total = vh.real.sum(axis=1) if vh.dtype.kind == "c" else vh.sum(axis=1)
    signs = where(ufunc.sign(total) >= 0, np.asarray(1, dtype=total.dtype)[()], np.asarray(-1, dtype=total.dtype)[()])
    return u * signs, vh * signs[:, None]


def _one_piece(a: Any, what: str) -> Array:
    a = asanyarray(a)
    if a.ndim != 2 or a.shape[0] != a.shape[1]:
        raise ValueError(f"{what} needs a square matrix, got shape {a.shape}")
    return a.rechunk(-1)


def _solve(a: Any, b: Any) -> Any:
    return np.linalg.solve(a, b)


def _solve_triangular(lower: bool, a: Any, b: Any) -> Any:
    import scipy.linalg

    return scipy.linalg.solve_triangular(a, b, lower=lower)


def _with_columns(function: Any, a: Any, b: Any, args: tuple[Any, ...], prefix: str) -> Any:
    a, b = asanyarray(a), asanyarray(b)
    chunks = b.chunks
    b = b.rechunk({0: -1})
    dtype = np.linalg.solve(np.eye(1, dtype=a.dtype), np.ones(1, dtype=b.dtype)).dtype
    index = [0] if b.ndim == 1 else [0, 1]
    # a matrix in one piece is the same for all columns
    picks = [("at", 0), ("at", 0)]
    result = block_call(
        function,
        [(a.rechunk(-1), picks), (b, index)],
        b.chunks,
        np.empty((0,) * b.ndim, dtype=dtype),
        args=[*args, Slot(0), Slot(1)],
        prefix=prefix,
    )
    return result.rechunk(chunks)


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
    a = asanyarray(a)
    return _with_columns(_solve, _one_piece(a, "solve"), b, (), "solve")


def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """Solve ``a @ x = b`` for a triangular matrix.

    Parameters
    ----------
    a : array_like
    b : array_like
        One or more right-hand sides, as columns.
    lower : bool, default False
        The matrix is a lower triangle.
    """
    a = asanyarray(a)
    if a.ndim != 2:
        raise ValueError("a must be 2 dimensional")
    b = asanyarray(b)
    if b.ndim > 2:
        raise ValueError("b must be 1 or 2 dimensional")
    if a.shape[1] != b.shape[0]:
        raise ValueError("a.shape[1] and b.shape[0] must be equal")
    return _with_columns(_solve_triangular, _one_piece(a, "solve_triangular"), b, (lower,), "solve-triangular")


def inv(a: Any) -> Any:
    """Return the inverse of a square matrix.

    Parameters
    ----------
    a : array_like
    """
    a = asanyarray(a)
    whole = _one_piece(a, "inv")
    dtype = np.linalg.inv(np.eye(1, dtype=a.dtype)).dtype
    return block_call(np.linalg.inv, [(whole, [0, 1])], whole.chunks, np.empty((0, 0), dtype=dtype)).rechunk(a.chunks)


def _cholesky(lower: bool, x: Any) -> Any:
    factor = np.linalg.cholesky(x)
    return factor if lower else factor.T.conj()


def cholesky(a: Any, lower: bool = False) -> Any:
    """Return the Cholesky factor of a positive definite matrix.

    Parameters
    ----------
    a : array_like
    lower : bool, default False
        Return the lower triangle.
    """
    a = asanyarray(a)
    whole = _one_piece(a, "cholesky")
    dtype = np.linalg.cholesky(np.eye(1, dtype=a.dtype)).dtype
    return block_call(
        _cholesky,
        [(whole, [0, 1])],
        whole.chunks,
        np.empty((0, 0), dtype=dtype),
        args=[lower, Slot(0)],
        prefix="cholesky",
    ).rechunk(a.chunks)


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
    q, r = qr(a)
    x = solve_triangular(r, dot(q.T.conj(), b))
    gap = b - dot(a, x)
    residuals = abs(gap**2 if gap.dtype.kind != "c" else gap * gap.conj()).sum(axis=0, keepdims=b.ndim == 1)
    s = svd(r.rechunk(-1))[1]
    rank = block_call(
        _rank, [(s, [("at", 0)])], [], np.empty((), dtype=np.int64), args=[max(a.shape), Slot(0)], prefix="rank"
    )
    return x, residuals, rank, s


def _rank(size: int, s: Any) -> Any:
    return np.int64((s > s.max(initial=0) * size * np.finfo(s.dtype).eps).sum())
