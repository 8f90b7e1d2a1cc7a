"""Square systems of equations, solved and factored panel by panel: a panel is some whole columns of the matrix.

A panel is factored by LAPACK, then all columns to its right are brought up to date by products, side by side: the
algorithm of LAPACK itself, spread over tasks. A task holds two panels, whatever the size of the matrix, and finished
panels are chunks like any others, spilled if need be. How wide panels are follows from the size of the matrix, not from
its chunks. Pivots are chosen among all rows, so that results are NumPy's and SciPy's within rounding. Covers no least
squares and no matrices that aren't square.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from dusk._blas import one_thread
from dusk._blas_in_place import factor, solve_triangle, subtract_product
from dusk.array._array import Array
from dusk.array._from_array import asanyarray
from dusk.array._joining import concatenate
from dusk.array._lengths import sized
from dusk.array._views import block_call

__all__ = ["cholesky", "inv", "lu", "solution_dtype", "solve", "solve_triangular"]

# Columns of a panel: products of fewer are slower. Panels of a small matrix are narrower, so that some can be factored
# while others are brought up to date.
_WIDTH = 512
_LEAST_WIDTH = 256
_PANELS = 10
# Above this size of a panel it gets narrower
_PANEL_BYTES = 1 << 26

Panel = tuple[int, int, Array]  # its first column, how many it has, and itself


def _square(a: Any, what: str) -> Array:
    a = sized(asanyarray(a))
    if a.ndim != 2 or a.shape[0] != a.shape[1]:
        raise ValueError(f"{what} needs a square matrix, got shape {a.shape}")
    return a


def _in_columns(a: Array, dtype: Any) -> Array:
    """Return the matrix cut into panels."""
    n = a.shape[0]
    width = min(_WIDTH, max(_LEAST_WIDTH, -(-n // _PANELS // 64) * 64))
    if n * width * np.dtype(dtype).itemsize > _PANEL_BYTES:
        width = _LEAST_WIDTH
    return a.astype(dtype).rechunk(((n,), (width,) * (n // width) + ((n % width,) if n % width or not n else ())))


def _starts(a: Array) -> Iterator[tuple[int, int]]:
    """Return where each panel starts and how wide it is."""
    ends = itertools.accumulate(a.chunks[1], initial=0)
    return zip(ends, a.chunks[1])


def _call(function: Callable[..., Any], parameters: tuple[Any, ...], x: Array, others: Sequence[Array]) -> Array:
    """Return what a function makes of each block of columns of `x` and the whole of the others."""
    columns = [0] if x.ndim == 1 else [("at", 0), 1]
    whole = [[("at", 0)] * other.ndim for other in others]
    name = function.__name__.strip("_").replace("_", "-")
    call = partial(_one_thread, function, parameters)
    return block_call(call, [x, *others], [columns, *whole], x.chunks, x._meta, name, token=(name, parameters))


def _one_thread(function: Callable[..., Any], parameters: tuple[Any, ...], *blocks: Any) -> Any:
    with one_thread():
        return function(*parameters, *blocks)


def _triangular(a: Any, b: Any, **options: Any) -> Any:
    import scipy.linalg

    return scipy.linalg.solve_triangular(a, b, check_finite=False, **options)


# LU -------------------------------------------------------------------------------------------------------------------


def _lu_panel(start: int, finite: bool, singular: bool, panel: Any) -> Any:
    """Factor a panel from row `start` on; return it with both triangles in it, and the new order of the rows."""
    if finite:
        panel = np.asarray_chkfinite(panel)
    packed = np.array(panel, order="F")
    order = np.arange(len(panel))
    if panel.size and start < len(panel):
        swaps, info = factor(packed[start:])
        if info > 0 and not singular:
            raise np.linalg.LinAlgError("Singular matrix")
        for row, other in enumerate(swaps[: panel.shape[1]].tolist()):
            order[[start + row, start + other]] = order[[start + other, start + row]]
    out = np.empty((1, 1), dtype=object)
    out[0, 0] = (packed, order)
    return out


def _factored_panel(which: int, factored: Any) -> Any:
    return factored[0, 0][which]


def _eliminate(start: int, width: int, block: Any, packed: Any, order: Any) -> Any:
    """Do to other columns what was done to those of a panel."""
    out = block[order]
    stop = start + width
    if width:
        solve_triangle(packed[start:stop], out[start:stop], lower=True, unit=True)
        _subtract(out, stop, None, packed, start, stop)
    return out


def _subtract(out: Any, first: int | None, last: int | None, panel: Any, start: int, stop: int) -> None:
    """Take the product of rows of a panel with the rows of `out` that are found from those rows of `out`."""
    columns = out if out.ndim == 2 else out[:, np.newaxis]
    rows = slice(first, last)
    subtract_product(columns[rows], panel[rows], columns[start:stop])


def _lu(a: Array, dtype: Any, finite: bool, singular: bool) -> tuple[list[Panel], list[Array]]:
    """Return the panels with both triangles in them, and the order in which each puts the rows before it."""
    rest = _in_columns(a, dtype)
    n = a.shape[0]
    panels, orders = [], []
    objects = np.empty((0, 0), dtype=object)
    for start, width in list(_starts(rest)):
        call = partial(_one_thread, _lu_panel, (start, finite, singular))
        own, rest = rest[:, :width], rest[:, width:]
        both = block_call(call, [own], [[0, 1]], ((1,), (1,)), objects, "lu-panel", token=(start, finite, singular))
        packed, order = (
            block_call(partial(_factored_panel, which), [both], [[("at", 0)] * 2], chunks, meta, "lu-part", token=which)
            for which, chunks, meta in (
                (0, ((n,), (width,)), np.empty((0, 0), dtype=dtype)),
                (1, ((n,),), np.empty(0, dtype=np.intp)),
            )
        )
        if rest.size:
            rest = _call(_eliminate, (start, width), rest, [packed, order])
        panels.append((start, width, packed))
        orders.append(order)
    return panels, orders


def _then(first: Any, second: Any) -> Any:
    return first[second]


def _lower(start: int, width: int, packed: Any, order: Any) -> Any:
    """Return the lower triangle of a panel, its rows in the order that later panels give them."""
    out = packed[order]
    out[:start] = 0
    own = np.tril(out[start : start + width], -1)
    own[np.arange(len(own)), np.arange(len(own))] = 1
    out[start : start + width] = own
    return out


def _upper(start: int, width: int, packed: Any) -> Any:
    out = packed.copy()
    out[start : start + width] = np.triu(out[start : start + width])
    out[start + width :] = 0
    return out


def _permutation(start: int, width: int, dtype: Any, order: Any) -> Any:
    out = np.zeros((len(order), width), dtype=dtype)
    out[order[start : start + width], np.arange(width)] = 1
    return out


def lu(a: Any) -> tuple[Array, Array, Array]:
    """Return the LU factorization of a square matrix that is cut into square chunks.

    Parameters
    ----------
    a : Array

    Returns
    -------
    p : Array
        The permutation.
    l : Array
        The lower triangle, with ones on the diagonal.
    u : Array
        The upper triangle.
    """
    import scipy.linalg

    if a.ndim != 2:
        raise ValueError("Dimension must be 2 to perform lu decomposition")
    a = sized(a)
    if a.shape[0] != a.shape[1]:
        raise ValueError("Input must be a square matrix to perform lu decomposition")
    if len({*a.chunks[0], *a.chunks[1]}) != 1:
        raise ValueError(
            "All chunks must be a square matrix to perform lu decomposition. Use .rechunk method to change the size of "
            "chunks."
        )
    examples = scipy.linalg.lu(np.eye(2, dtype=a.dtype))
    panels, orders = _lu(a, examples[1].dtype, finite=True, singular=True)
    later = orders[-1]
    lowers = []
    whole = np.arange(a.shape[0])
    for number in range(len(panels) - 1, -1, -1):
        start, width, packed = panels[number]
        later = asanyarray(whole) if number == len(panels) - 1 else _call(_then, (), orders[number + 1], [later])
        lowers.append(_call(_lower, (start, width), packed, [later]))
    order = _call(_then, (), orders[0], [later])
    uppers = [_call(_upper, (start, width), packed, []) for start, width, packed in panels]
    places = [
        block_call(
            partial(_permutation, start, width, examples[0].dtype),
            [order],
            [[("at", 0)]],
            packed.chunks,
            np.empty((0, 0), dtype=examples[0].dtype),
            "permutation",
            token=(start, width),
        )
        for start, width, packed in panels
    ]
    found = (places, lowers[::-1], uppers)
    p, lower, upper = (concatenate(columns, axis=1).rechunk(a.chunks) for columns in found)
    return p, lower, upper


# Cholesky -------------------------------------------------------------------------------------------------------------


def _cholesky_panel(start: int, panel: Any) -> Any:
    width = panel.shape[1]
    out = np.zeros_like(panel)
    if not panel.size:
        return out
    own = np.linalg.cholesky(panel[start : start + width])
    out[start : start + width] = own
    if start + width < len(panel):
        below = panel[start + width :].T
        out[start + width :] = _triangular(own, below.conj(), lower=True).T.conj()
    return out


def _subtract_products(starts: Sequence[int], site: Sequence[int], block: Any, factor: Any) -> Any:
    out = block.copy()
    start = starts[site[1]]
    with one_thread():
        out[start:] -= factor[start:] @ factor[start : start + block.shape[1]].T.conj()
    return out


def _cholesky(a: Array, dtype: Any) -> list[Panel]:
    """Return the panels of the lower triangle."""
    rest = _in_columns(a, dtype)
    panels = []
    every = list(_starts(rest))
    for number, (start, width) in enumerate(every):
        own, rest = rest[:, :width], rest[:, width:]
        factor = _call(_cholesky_panel, (start,), own, [])
        panels.append((start, width, factor))
        if rest.size:
            starts = tuple(each for each, _ in every[number + 1 :])
            function = partial(_subtract_products, starts)
            picks = [[("at", 0), 1], [("at", 0)] * 2]
            chunks, meta, token = rest.chunks, rest._meta, ("subtract", starts)
            rest = block_call(function, [rest, factor], picks, chunks, meta, "subtract", indexed=True, token=token)
    return panels


def cholesky(a: Any, lower: bool = False) -> Array:
    """Return the Cholesky factor of a positive definite matrix.

    Parameters
    ----------
    a : array_like
    lower : bool, default False
        Return the lower triangle.
    """
    a = _square(a, "cholesky")
    dtype = np.linalg.cholesky(np.eye(1, dtype=a.dtype)).dtype
    factor = concatenate([panel for _, _, panel in _cholesky(a, dtype)], axis=1)
    return (factor if lower else factor.T.conj()).rechunk(a.chunks)


# Systems --------------------------------------------------------------------------------------------------------------


def _diagonal(start: int, width: int, panel: Any) -> Any:
    own = panel[start : start + width]
    zeros = np.flatnonzero(np.diagonal(own) == 0)
    if len(zeros):
        raise np.linalg.LinAlgError(f"singular matrix: resolution failed at diagonal {start + zeros[0]}")
    return own


def _downwards(start: int, width: int, b: Any, panel: Any) -> Any:
    """Find the unknowns of a panel of a lower triangle, and take them out of the rows below."""
    out = b.copy()
    stop = start + width
    solve_triangle(_diagonal(start, width, panel), out[start:stop], lower=True)
    _subtract(out, stop, None, panel, start, stop)
    return out


def _upwards(start: int, width: int, b: Any, panel: Any) -> Any:
    """Find the unknowns of a panel of an upper triangle, and take them out of the rows above."""
    out = b.copy()
    stop = start + width
    solve_triangle(_diagonal(start, width, panel), out[start:stop])
    _subtract(out, None, start, panel, start, stop)
    return out


def _upwards_adjoint(start: int, width: int, b: Any, panel: Any) -> Any:
    """Find the unknowns that go with a panel of a lower triangle, in the system of its conjugate transpose."""
    out = b.copy()
    stop = start + width
    rest = out[start:stop] - panel[stop:].T.conj() @ out[stop:]
    out[start:stop] = _triangular(panel[start:stop], rest, lower=True, trans="C")
    return out


def _right_side(a: Array, b: Any, dtype: Any) -> Array:
    """Return right-hand sides as whole columns, in blocks that are no greater than a panel."""
    b = b.astype(dtype)
    if b.ndim == 1:
        return b.rechunk(-1)
    most = max(1, _in_columns(a, dtype).chunksize[1])
    if max(b.chunks[1]) > most:
        b = b.rechunk({1: most})
    return b.rechunk({0: -1})


def solution_dtype(a: Array, b: Array) -> Any:
    """Return the type of what solves a system."""
    return np.linalg.solve(np.eye(1, dtype=a.dtype), np.ones(1, dtype=b.dtype)).dtype


def solve(a: Any, b: Any, positive: bool = False) -> Array:
    """Solve ``a @ x = b``.

    Parameters
    ----------
    a : array_like
        A square matrix.
    b : array_like
        One or more right-hand sides, as columns.
    positive : bool, default False
        The matrix is positive definite.
    """
    a, b = _square(a, "solve"), sized(asanyarray(b))
    if b.ndim not in (1, 2) or b.shape[0] != a.shape[0]:
        raise ValueError(f"b must have one row for each of the {a.shape[0]} rows of a, got shape {b.shape}")
    dtype = solution_dtype(a, b)
    x = _right_side(a, b, dtype)
    if not x.size:
        return x.rechunk(b.chunks)
    if positive:
        panels = _cholesky(a, dtype)
        for start, width, panel in panels:
            x = _call(_downwards, (start, width), x, [panel])
        for start, width, panel in reversed(panels):
            x = _call(_upwards_adjoint, (start, width), x, [panel])
        return x.rechunk(b.chunks)
    panels, orders = _lu(a, dtype, finite=False, singular=False)
    for (start, width, panel), order in zip(panels, orders, strict=True):
        x = _call(_eliminate, (start, width), x, [panel, order])
    for start, width, panel in reversed(panels):
        x = _call(_upwards, (start, width), x, [panel])
    return x.rechunk(b.chunks)


def solve_triangular(a: Any, b: Any, lower: bool = False) -> Array:
    """Solve ``a @ x = b`` for a triangular matrix.

    Parameters
    ----------
    a : array_like
    b : array_like
        One or more right-hand sides, as columns.
    lower : bool, default False
        The matrix is a lower triangle.
    """
    a, b = asanyarray(a), asanyarray(b)
    if a.ndim != 2:
        raise ValueError("a must be 2 dimensional")
    if b.ndim > 2:
        raise ValueError("b must be 1 or 2 dimensional")
    a, b = sized(a), sized(b)
    if a.shape[1] != b.shape[0]:
        raise ValueError("a.shape[1] and b.shape[0] must be equal")
    a = _square(a, "solve_triangular")
    dtype = solution_dtype(a, b)
    x = _call(_finite, (), _right_side(a, b, dtype), [])
    columns = _call(_finite, (), _in_columns(a, dtype), [])
    panels = [(start, width, columns[:, start : start + width]) for start, width in _starts(columns)]
    if x.size:
        for start, width, panel in panels if lower else reversed(panels):
            x = _call(_downwards if lower else _upwards, (start, width), x, [panel])
    return x.rechunk(b.chunks)


def _finite(block: Any) -> Any:
    return np.asarray_chkfinite(block)


def inv(a: Any) -> Array:
    """Return the inverse of a square matrix.

    Parameters
    ----------
    a : array_like
    """
    from dusk.array.core import asarray
    from dusk.array.creation import eye

    a = _square(a, "inv")
    dtype = np.linalg.inv(np.eye(1, dtype=a.dtype)).dtype
    n = a.shape[0]
    if not n:
        return asarray(np.empty((0, 0), dtype=dtype))
    return solve(a, eye(n, chunks=min(n, _WIDTH), dtype=dtype)).rechunk(a.chunks)
