"""Arrays of one block, of a delayed value or of a function; and arrays by NumPy's `array`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dusk import _core
from dusk._derive import derived_from
from dusk.array._array import Array, array_of, joined
from dusk.array._block_calls import block_call
from dusk.array._from_array import asarray
from dusk.array._meta import meta_from_array

__all__ = ["array", "from_delayed", "from_func"]


@derived_from(np)
def array(x: Any, dtype: Any = None, ndmin: int | None = None, *, like: Any = None) -> Array:
    result = asarray(x, like=like)
    while ndmin is not None and result.ndim < ndmin:
        result = result[None]
    if dtype is not None and result.dtype != dtype:
        result = result.astype(dtype)
    return result


def from_delayed(value: Any, shape: Any, dtype: Any = None, meta: Any = None, name: str | None = None) -> Array:
    """Make an array of one block of a delayed value.

    Parameters
    ----------
    value : Delayed
        Gives the array when it is computed.
    shape : tuple of int
    dtype : dtype, optional
    meta : array, optional
        An empty example of the block.
    name : str, optional
        The name of the array.
    """
    from dusk.delayed import Delayed, delayed

    if not isinstance(value, Delayed):
        value = delayed(value)
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    meta = meta_from_array(meta, ndim=len(shape), dtype=dtype)
    given = _core.call(_block, [value._node], None, prefix="from-value", mode="partition", library=True, divisions=1)
    return array_of(joined([given], [(n,) for n in shape], meta, "from-value"), meta, name)


def _block(value: Any) -> Any:
    return value


def from_func(
    func: Callable[..., Any], shape: Any, dtype: Any = None, name: str | None = None, args: Any = (), kwargs: Any = None
) -> Array:
    """Make an array of one block of the result of a function.

    Parameters
    ----------
    func : callable
    shape : tuple of int
    dtype : dtype, optional
    name : str, optional
        The name of the array.
    args, kwargs : tuple, dict
        Arguments of the function.
    """
    shape = tuple(shape)
    meta = np.empty((0,) * len(shape), dtype=dtype)
    if args or kwargs:
        from functools import partial

        func = partial(func, *args, **(kwargs or {}))
    return block_call(func, [], [(n,) for n in shape], meta, prefix="from-func", name=name, library=False)
