"""Types that blocks may have, and types that wrap arrays themselves."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

__all__ = ["is_valid_array_chunk", "is_valid_array_type", "is_valid_chunk_type", "register_chunk_type"]

_HANDLED_CHUNK_TYPES: list[type] = [np.ndarray, np.ma.MaskedArray]
# Looked up by name, so that none of these is imported for it.
_KNOWN = {"cupy": ("ndarray",), "sparse": ("SparseArray",), "scipy.sparse": ("spmatrix", "sparray"), "cupyx": ()}


def register_chunk_type(type: type) -> None:  # noqa: A002  Dask's name
    """Let blocks have a type, so that operations between it and an array give an array.

    Parameters
    ----------
    type : type
        A class with NumPy's protocols.
    """
    _HANDLED_CHUNK_TYPES.append(type)


def is_valid_chunk_type(type: type) -> bool:  # noqa: A002  Dask's name
    """Return whether blocks may have this type."""
    try:
        if issubclass(type, tuple(_HANDLED_CHUNK_TYPES)):
            return True
    except TypeError:
        return False
    for package, names in _KNOWN.items():
        module = sys.modules.get(package)
        if module is not None and any(
            issubclass(type, getattr(module, name)) for name in names if hasattr(module, name)
        ):
            return True
    return False


def is_valid_array_type(type: Any) -> bool:  # noqa: A002  Dask's name
    """Return whether a type is one that arrays may be combined with although blocks can't have it."""
    try:
        return is_valid_chunk_type(type) or issubclass(type, (np.ndarray, np.generic))
    except TypeError:
        return False


def is_valid_array_chunk(array: Any) -> bool:
    """Return whether something can be a block of an array; None can stand for one."""
    return array is None or isinstance(array, tuple(_HANDLED_CHUNK_TYPES))
