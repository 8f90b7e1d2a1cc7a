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

import numpy as np  # noqa: F401  its import loads the library

from dusk import _core

__all__ = ["one_thread", "provide"]


@functools.cache
def provide() -> bool:
    """Tell the engine where NumPy's BLAS is; return whether there is one that it can use."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
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
                return True
    return False


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
