"""NumPy's BLAS: the engine multiplies matrices by it, and it has one thread while tasks use it side by side.

A BLAS with threads of its own, called by several workers at once, has more threads than cores, and its calls wait for
each other. Covers the OpenBLAS that NumPy's wheels bring (with 64-bit integers), found among the files loaded in the
process, on Linux; elsewhere the engine multiplies by itself, and nothing is limited.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dusk import _core

__all__ = ["divide_by_triangle", "library", "one_thread", "provide"]


# the constants of CBLAS that are used here
_ROW_MAJOR, _RIGHT, _UPPER, _AS_IT_IS, _NOT_UNIT = 101, 142, 121, 111, 131
# bytes of the rows that are solved at once
_ROWS_OF_BYTES = 1_600_000


@functools.cache
def provide() -> bool:
    """Tell the engine where NumPy's BLAS is; return whether there is one that it can use."""
    return library() is not None


@functools.cache
def library() -> tuple[ctypes.CDLL, str] | None:
    """Find NumPy's BLAS and tell the engine; return it with what its names begin with, or None."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    files = {line.split(maxsplit=5)[5] for line in lines if "openblas" in line and "/" in line}
    # SciPy brings one as well
    for file in sorted(files, key=lambda file: ("numpy" not in file, file)):
        try:
            library = ctypes.CDLL(file)
        except OSError:
            continue
        for before in ("scipy_", ""):
            words = {
                "gemm": [f"{before}cblas_{kind}gemm64_" for kind in "sdcz"],
                "syrk": [f"{before}cblas_{kind}syrk64_" for kind in "sd"],
                "threads": [f"{before}openblas_{verb}_num_threads64_" for verb in ("get", "set")],
            }
            if all(hasattr(library, name) for names in words.values() for name in names):
                found = {word: [_address(library, name) for name in names] for word, names in words.items()}
                _core.use_blas(found["gemm"], found["syrk"], (found["threads"][0], found["threads"][1]))
                return library, before
    return None


def _address(library: ctypes.CDLL, name: str) -> int:
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Hold BLAS to one thread while inside; the last one that leaves gives its threads back."""
    provide()
    _core.hold_blas(True)
    try:
        yield
    finally:
        _core.hold_blas(False)


def divide_by_triangle(x: Any, triangle: Any) -> Any:
    """Return ``x @ inv(triangle)`` in C order, by solving.

    Parameters
    ----------
    x : ndarray
        A matrix of float32 or float64.
    triangle : ndarray
        Of the same dtype, in C order; what is below the diagonal isn't read.

    Returns
    -------
    ndarray or None
        None where there is no BLAS for it.
    """
    found = library()
    solve = found and getattr(found[0], f"{found[1]}cblas_{'sd'[x.dtype.itemsize // 8]}trsm64_", None)
    if not solve:
        return None
    rows, columns = x.shape
    out = np.empty((rows, columns), dtype=x.dtype)
    words = [ctypes.c_int(word) for word in (_ROW_MAJOR, _RIGHT, _UPPER, _AS_IT_IS, _NOT_UNIT)]
    one = (ctypes.c_float if x.dtype.itemsize == 4 else ctypes.c_double)(1)
    width = ctypes.c_int64(columns)
    by = ctypes.c_void_p(triangle.ctypes.data)
    # rows that stay in a core's cache from their copy to their solution
    step = max(_ROWS_OF_BYTES // max(columns * x.dtype.itemsize, 1), 1)
    for start in range(0, rows, step):
        part = out[start : start + step]
        part[...] = x[start : start + step]
        solve(*words, ctypes.c_int64(len(part)), width, one, by, width, ctypes.c_void_p(part.ctypes.data), width)
    return out
