"""How many threads the BLAS behind NumPy uses while blocks are factored side by side.

A BLAS with threads of its own, called by several workers at once, has more threads than cores, and its calls wait for
each other. `one_thread` holds it to one while at least one of them is inside. Covers OpenBLAS, MKL and BLIS as they are
loaded in the process (found by their files, on Linux); elsewhere nothing is limited.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["one_thread"]

# how libraries call the two functions; some builds put more before and after
_NAMES = [
    ("openblas", "{before}openblas_get_num_threads{after}", "{before}openblas_set_num_threads{after}"),
    ("mkl_rt", "MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
    ("blis", "bli_thread_get_num_threads", "bli_thread_set_num_threads"),
]


class _Control(NamedTuple):
    get: Callable[[], int]
    set: Callable[[int], Any]


@functools.cache
def _controls() -> list[_Control]:
    """Return what sets the threads of the loaded libraries."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    files = {line.split(maxsplit=5)[5] for line in lines if line.count(" ") >= 5 and "/" in line}
    found = []
    for file in sorted(files):
        for word, get, put in _NAMES:
            if word in Path(file).name:
                control = _control(file, get, put)
                if control is not None:
                    found.append(control)
    return found


def _control(file: str, get: str, put: str) -> _Control | None:
    try:
        library = ctypes.CDLL(file)
    except OSError:
        return None
    for before in ("", "scipy_"):
        for after in ("", "64_", "_64", "64"):
            names = [name.format(before=before, after=after) for name in (get, put)]
            if all(hasattr(library, name) for name in names):
                getter, setter = (getattr(library, name) for name in names)
                getter.restype, getter.argtypes = ctypes.c_int, []
                setter.restype, setter.argtypes = None, [ctypes.c_int]
                return _Control(getter, setter)
    return None


_lock = threading.Lock()
_inside = 0
_before: list[int] = []


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Hold BLAS to one thread while inside; the last one that leaves gives its threads back."""
    global _inside, _before  # noqa: PLW0603  the libraries' setting is the process's as well
    with _lock:
        if not _inside:
            _before = [control.get() for control in _controls()]
            for control in _controls():
                control.set(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                for control, threads in zip(_controls(), _before, strict=True):
                    control.set(threads)
