"""The Dask API on a Rust engine: frames, arrays, delayed and bags in one process, without the GIL, within a budget.

``import dusk`` is cheap: pandas and NumPy are loaded by the parts that need them.
"""

from __future__ import annotations

import atexit
import importlib
import os
import warnings
from typing import Any

from dusk import _core, config
from dusk._core import __version__
from dusk.base import (
    annotate,
    compute,
    get_annotations,
    is_dask_collection,
    is_dusk_collection,
    optimize,
    persist,
    visualize,
)
from dusk.delayed import delayed
from dusk.tokenize import tokenize

__all__ = [
    "__version__",
    "annotate",
    "compute",
    "config",
    "delayed",
    "get_annotations",
    "is_dask_collection",
    "is_dusk_collection",
    "optimize",
    "persist",
    "tokenize",
    "visualize",
]

if _core.__debug_build__:
    warnings.warn(
        "dusk's core was built without optimization and is many times slower than it should be. "
        "Build it with `maturin develop --release`.",
        stacklevel=2,
    )


def _end() -> None:
    """End the engine's threads, and remove what has been spilled."""
    _core.remove_spill_folder()
    for _ in range(5):
        left = _core.worker_idents()
        if not left:
            break
        # They run functions that an interrupted computation has left behind. A thread that comes back to an interpreter
        # that is gone would take the process down with it.
        import ctypes

        for ident in left:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(SystemExit))
        _core.remove_spill_folder()


atexit.register(_end)

#: Parts that are loaded when they are first asked for.
_LAZY = frozenset({"array", "bag", "base", "bytes", "cache", "callbacks", "context", "core", "dataframe", "datasets",
                   "diagnostics", "distributed", "graph_manipulation", "hashing", "highlevelgraph", "local",
                   "multiprocessing", "sizeof", "system", "threaded", "typing", "utils"})  # fmt: skip


#: Functions that are loaded when they are first asked for: the module and their name in it.
_LAZY_NAMES = {
    "compat_report": ("_report", "compat_report"),
    "get": ("local", "get_sync"),
    "install": ("_install", "install"),
    "load_ipython_extension": ("_magics", "load_ipython_extension"),
    "uninstall": ("_install", "uninstall"),
    "unload_ipython_extension": ("_magics", "unload_ipython_extension"),
}


def __getattr__(name: str) -> Any:
    if name in _LAZY_NAMES:
        module, function = _LAZY_NAMES[name]
        return getattr(importlib.import_module(f"dusk.{module}"), function)
    if name in _LAZY:
        try:
            return importlib.import_module(f"dusk.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"dusk.{name}":
                raise
    raise AttributeError(f"module 'dusk' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if os.environ.get("DUSK_INSTALL"):
    from dusk._install import install_if_asked

    install_if_asked()
