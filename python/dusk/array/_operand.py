"""What may stand beside an array in an operation."""

from __future__ import annotations

from typing import Any

import numpy as np

from dusk.array.chunk_types import is_valid_array_type, is_valid_chunk_type

__all__ = ["is_scalar_for_elemwise", "is_valid_operand"]


def is_scalar_for_elemwise(arg: Any) -> bool:
    """Return whether an operand has one value for all elements.

    Examples
    --------
    >>> is_scalar_for_elemwise(42), is_scalar_for_elemwise("foo"), is_scalar_for_elemwise(np.array([20]))
    (True, True, False)
    """
    shape = getattr(arg, "shape", None)
    if isinstance(arg, np.dtype) or (isinstance(arg, np.ndarray) and arg.ndim == 0):
        return True
    return np.isscalar(arg) or shape is None or not isinstance(shape, tuple) and not hasattr(shape, "__len__")


def is_valid_operand(x: Any) -> bool:
    """Return whether `x` can be combined with an array; other types get the chance to do it themselves."""
    if np.isscalar(x) or x is None or isinstance(x, (list, tuple, np.ndarray, np.generic)):
        return True
    from dusk._collection import is_dusk_collection
    from dusk.array._array import Array
    from dusk.delayed import Delayed

    if isinstance(x, (Array, Delayed)):
        return True
    kind = type(x)
    if is_dusk_collection(x):
        return False
    return is_valid_chunk_type(kind) or is_valid_array_type(kind)
