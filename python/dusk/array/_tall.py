"""Factorizations of tall arrays that are cut along their rows.

The orthogonal factor of a block is kept as factors of its pieces and of what is between, which are multiplied only with
what is asked for. Most blocks have columns that are far enough from dependent ones for factors from the products of
their columns (`_gram`), which costs a third; others are factored by reflections, in pieces that stay in a core's cache.
Triangles of many blocks are factored as a tall array of their own.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from dusk._blas import one_thread
from dusk.array._block_calls import Slot, block_call
from dusk.array._chunks import is_known
from dusk.array._gram import by_products

__all__ = ["tsqr"]

# bytes of a piece of a block
_PIECE = 1_600_000
# blocks whose triangles are factored at once
_STACKED = 64


class _Orthogonal:
    """An orthogonal factor: that of an array, or those of its pieces and of their stacked triangles."""

    __slots__ = ("cuts", "inner", "pieces")

    def __init__(self, pieces: list[Any], cuts: list[int], inner: _Orthogonal | None) -> None:
        self.pieces = pieces
        self.cuts = cuts
        self.inner = inner

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Orthogonal, (self.pieces, self.cuts, self.inner))

    @property
    def nbytes(self) -> int:
        """How much memory it holds."""
        own = sum(piece.nbytes for piece in self.pieces)
        return own + (self.inner.nbytes if self.inner is not None else 0)

    def times(self, right: Any) -> Any:
        """Return the product with a matrix."""
        if self.inner is None:
            return self.pieces[0] @ right
        right = self.inner.times(right)
        rows = [0, *itertools.accumulate(len(piece) for piece in self.pieces)]
        out = np.empty((rows[-1], right.shape[1]), dtype=np.result_type(self.pieces[0], right))
        places = zip(itertools.pairwise(rows), itertools.pairwise(self.cuts), strict=True)
        for piece, (own, (i, j)) in zip(self.pieces, places, strict=True):
            np.matmul(piece, right[i:j], out=out[slice(*own)])
        return out


def _factored(x: Any) -> tuple[_Orthogonal, Any]:
    """Return both factors of a tall matrix."""
    rows, columns = x.shape
    found = by_products(x)
    if found is not None:
        almost, inner, r = found
        return _Orthogonal([almost], [0, columns], _Orthogonal([inner], [], None)), r
    height = max(_PIECE // max(columns * x.dtype.itemsize, 1), 4 * columns, 1)
    count = rows // height
    if count < 2 or type(x) is not np.ndarray:
        q, r = np.linalg.qr(x)
        return _Orthogonal([q], [], None), r
    bounds = np.linspace(0, rows, count + 1).astype(int).tolist()
    pairs = [np.linalg.qr(x[i:j]) for i, j in itertools.pairwise(bounds)]
    triangles = [r for _, r in pairs]
    cuts = [0, *itertools.accumulate(len(r) for r in triangles)]
    inner, r = _factored(np.concatenate(triangles))
    return _Orthogonal([q for q, _ in pairs], cuts, inner), r


def _block(x: Any) -> Any:
    with one_thread():
        return _factored(x)


class _Stacked:
    """The triangles of blocks of rows, factored once more: which rows belong to which block, and the factors."""

    __slots__ = ()

    def __call__(self, pairs: Any) -> Any:
        factors = [pair[1] for pair in pairs]
        cuts = [0, *itertools.accumulate(len(each) for each in factors)]
        return cuts, *_block(np.concatenate(factors))

    def __dask_tokenize__(self) -> tuple[str]:
        return ("dusk-tsqr",)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Stacked, ())


def _objects(ndim: int) -> Any:
    return np.empty((0,) * ndim, dtype=object)


def _part(which: int, result: Any) -> Any:
    return result[which]


def _svd_of_r(stacked: Any) -> Any:
    # of an array with more columns than rows Dask gives all right vectors
    with one_thread():
        return np.linalg.svd(stacked[2])


def _small_q(stacked: Any) -> Any:
    _, q, r = stacked
    return q.times(np.eye(len(r), dtype=r.dtype))


def _small_u(stacked: Any, usv: Any) -> Any:
    return stacked[1].times(usv[0])


def _times_rows(index: tuple[int, ...], pair: Any, stacked: Any, small: Any) -> Any:
    """The rows of a block: its orthogonal factor times its rows of the small one."""
    cuts = stacked[0]
    with one_thread():
        return pair[0].times(small[cuts[index[0]] : cuts[index[0] + 1]])


def _times(pair: Any, small: Any) -> Any:
    with one_thread():
        return pair[0].times(small)


def tsqr(data: Any, compute_svd: bool = False, _max_vchunk_size: Any = None) -> Any:
    """Factor a tall array: QR, or the singular values.

    Parameters
    ----------
    data : Array
        Of two dimensions, cut along the rows alone.
    compute_svd : bool, default False
        Give the singular value decomposition instead.
    _max_vchunk_size : int, optional
        How many rows the stacked triangles of blocks may have before they are factored as a tall array of their own.

    Returns
    -------
    q, r : Array
        Or ``u, s, v`` for the singular value decomposition; ``v`` is square.
    """
    if data.ndim != 2 or data.numblocks[1] != 1:
        raise ValueError(
            "Input must have the following properties:\n  1. Have two dimensions\n  2. Have only one column of blocks"
        )
    m, n = data.shape
    k = min(m, n) if m == m else n
    dtype = np.linalg.qr(np.ones((1, 1), dtype=data.dtype))[0].dtype
    meta = np.empty((0, 0), dtype=dtype)
    rows = data.chunks[0]
    pairs = block_call(_block, [(data, [0, 1])], [rows, (n,)], _objects(2), prefix="qr")
    heights = tuple(min(length, n) for length in rows)
    if is_known(rows) and n == n and _recurse(heights, n, _max_vchunk_size):
        triangles = block_call(
            _part, [(pairs, [0, 1])], [heights, (n,)], meta, args=[1, Slot(0)], prefix="getitem-triangle"
        )
        limit = _max_vchunk_size or max(max(rows), 4 * n)
        stack = triangles.rechunk({0: _groups(heights, limit)})
        small, *others = tsqr(stack, compute_svd=compute_svd, _max_vchunk_size=_max_vchunk_size)
        small = small.rechunk({0: heights})
        inputs = [(pairs, [0, 1]), (small, [0, 1])]
        first = block_call(_times, inputs, [rows, small.chunks[1]], meta, prefix="u" if compute_svd else "q")
        return first, *others
    stacked = block_call(_Stacked(), [(pairs, [None, 0])], [(1,)], _objects(1), prefix="qr-stack")
    if not compute_svd:
        small = block_call(_small_q, [(stacked, [0])], [(1,)], _objects(1), prefix="small-q")
        q = block_call(
            _times_rows,
            [(pairs, [0, 1]), (stacked, [1]), (small, [1])],
            [rows, (k,)],
            meta,
            prefix="getitem-q",
            indexed=True,
            args=[Slot(0), Slot(1), Slot(2), Slot(3)],
        )
        r = block_call(_part, [(stacked, [0])], [(k,), (n,)], meta, args=[2, Slot(0)], prefix="getitem-r")
        return q, r
    usv = block_call(_svd_of_r, [(stacked, [0])], [(1,)], _objects(1), prefix="svd")
    small = block_call(_small_u, [(stacked, [0]), (usv, [0])], [(1,)], _objects(1), prefix="small-u")
    real = np.empty((0,), dtype=np.linalg.svd(np.ones((1, 1), dtype=data.dtype), compute_uv=False).dtype)
    u = block_call(
        _times_rows,
        [(pairs, [0, 1]), (stacked, [1]), (small, [1])],
        [rows, (k,)],
        meta,
        prefix="u",
        indexed=True,
        args=[Slot(0), Slot(1), Slot(2), Slot(3)],
    )
    s = block_call(_part, [(usv, [0])], [(k,)], real, args=[1, Slot(0)], prefix="s")
    vh = block_call(_part, [(usv, [0])], [(n,), (n,)], meta, args=[2, Slot(0)], prefix="vh")
    return u, s, vh


def _recurse(heights: tuple[int, ...], n: int, most: int | None) -> bool:
    """Return whether the triangles of blocks make a tall array that is worth being factored in blocks."""
    if len(heights) < 2:
        return False
    if most is not None:
        # at least two triangles must fit, else nothing becomes smaller
        return sum(heights) > most >= 2 * n
    return len(heights) > _STACKED


def _groups(heights: tuple[int, ...], limit: int) -> tuple[int, ...]:
    """Return the lengths of groups of neighbours of up to `limit` rows."""
    groups = [0]
    for height in heights:
        if groups[-1] and groups[-1] + height > limit:
            groups.append(0)
        groups[-1] += height
    return tuple(groups)
