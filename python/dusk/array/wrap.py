"""Arrays of one value, made by functions of NumPy's kind block by block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dusk import _core
from dusk.array._array import Array, array_of
from dusk.array._block_calls import block_call
from dusk.array._chunks import axis_spec, normalize_chunks
from dusk.array._meta import meta_from_array
from dusk.tokenize import tokenize
from dusk.utils import funcname

__all__ = ["empty", "full", "ones", "wrap", "wrap_func_shape_as_first_arg", "zeros"]


class _Filled:
    """Makes the block at a position by a function of its shape."""

    __slots__ = ("__name__", "args", "chunks", "function", "kwargs")

    def __init__(self, function: Any, chunks: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.function = function
        self.chunks = chunks
        self.args = args
        self.kwargs = kwargs
        self.__name__ = funcname(function)

    def __call__(self, index: tuple[int, ...]) -> Any:
        shape = tuple(lengths[i] for lengths, i in zip(self.chunks, index, strict=True))
        return self.function(shape, *self.args, **self.kwargs)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-filled", self.function, self.args, sorted(self.kwargs.items(), key=lambda item: item[0]))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Filled, (self.function, self.chunks, self.args, self.kwargs))


def _shape_of(shape: Any) -> tuple[int, ...]:
    if isinstance(shape, np.ndarray):
        shape = shape.tolist()
    if not isinstance(shape, (tuple, list)):
        shape = (shape,)
    for length in shape:
        if length != int(length):
            raise TypeError(f"shape must be integers, got {shape!r}")
    return tuple(int(length) for length in shape)


def filled(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Array:
    """Return an array whose blocks a function of their shape makes.

    Parameters
    ----------
    function : callable
        ``function(shape, *args, dtype=, **kwargs)``.
    *args
        The shape, and more for the function.
    dtype, chunks, name, meta, shape
        As for `ones`.
    **kwargs
        More for the function.
    """
    if "shape" not in kwargs:
        if not args:
            raise TypeError(f"{funcname(function)}() missing 1 required positional argument: 'shape'")
        shape, args = args[0], args[1:]
    else:
        shape = kwargs.pop("shape")
    if isinstance(shape, Array):
        raise TypeError("Dask array input not supported. Please use tuple, list, or a 1D numpy array instead.")
    shape = _shape_of(shape)
    dtype = kwargs.pop("dtype", None)
    chunks = kwargs.pop("chunks", "auto")
    name = kwargs.pop("name", None)
    meta = kwargs.pop("meta", None)
    if dtype is None:
        dtype = function((1,) * len(shape), *args, **kwargs).dtype
    dtype = np.dtype(dtype)
    chunks = normalize_chunks(chunks, shape, dtype=dtype)
    if meta is None:
        meta = function((0,) * len(shape), *args, dtype=dtype, **kwargs)
    meta = meta_from_array(meta, ndim=len(shape), dtype=dtype)
    if function in _UNIFORM and not kwargs and type(meta) is np.ndarray:
        node = _uniform(function((1,) * len(shape), *args, dtype=dtype), shape, chunks, f"{funcname(function)}_like")
        if node is not None:
            return array_of(node, meta, name=name)
    call = _Filled(function, chunks, args, {"dtype": dtype, **kwargs})
    return block_call(call, [], chunks, meta, prefix=f"{funcname(function)}_like", name=name, indexed=True)


_UNIFORM = (np.ones, np.zeros, np.full)


def _uniform(one: Any, shape: tuple[int, ...], chunks: Any, prefix: str) -> Any:
    """Return the node of an array whose elements are all one, kept once; None where only NumPy can hold it."""
    try:
        whole = np.broadcast_to(one, shape)
        specs = [axis_spec(axis) for axis in chunks]
        return _core.array_from_numpy(whole, specs, prefix=prefix, token=tokenize("uniform", one, shape))
    except (_core.NotNative, ValueError):  # a shape that NumPy has no view of
        return None


def wrap_func_shape_as_first_arg(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Array:
    """Return an array whose blocks a function of their shape makes; see `filled`."""
    return filled(func, *args, **kwargs)


def wrap(func: Callable[..., Any], **defaults: Any) -> Callable[..., Array]:
    """Return a function of a shape and chunks made of one of NumPy's.

    Parameters
    ----------
    func : callable
        ``func(shape, ..., dtype=)``, such as `numpy.ones`.
    **defaults
        Arguments that are given when the caller doesn't.
    """

    def wrapped(*args: Any, **kwargs: Any) -> Array:
        given = {**defaults, **kwargs}
        if "dtype" in defaults and "dtype" not in kwargs and len(args) > 1:
            args, given["dtype"] = (args[0], *args[2:]), args[1]
        return filled(func, *args, **given)

    wrapped.__name__ = funcname(func)
    wrapped.__doc__ = f"""Return an array of chunks that `numpy.{funcname(func)}` makes.

        Parameters
        ----------
        shape : int or tuple of int
        dtype : dtype, optional
        chunks : int, tuple or str, default "auto"
        name : str, optional
            The name of the array.
        meta : array, optional
            An empty example of a block.
        **kwargs
            More for NumPy's function.
        """
    return wrapped


ones = wrap(np.ones, dtype="f8")
zeros = wrap(np.zeros, dtype="f8")
empty = wrap(np.empty, dtype="f8")
_full = wrap(np.full)


def full(shape: Any, fill_value: Any, *args: Any, **kwargs: Any) -> Array:
    """Return an array of one value.

    Parameters
    ----------
    shape : int or tuple of int
    fill_value : scalar
    dtype : dtype, optional
        By default that of the value.
    chunks : int, tuple or str, default "auto"
    name : str, optional
        The name of the array.
    meta : array, optional
        An empty example of a block.
    **kwargs
        More for `numpy.full`.
    """
    if getattr(fill_value, "ndim", None) != 0 and np.ndim(fill_value) != 0:
        raise ValueError(f"fill_value must be scalar. Received {type(fill_value).__name__} instead.")
    if kwargs.get("dtype") is None and not args:
        kwargs["dtype"] = getattr(fill_value, "dtype", None) or np.asarray(fill_value).dtype
    elif args:
        kwargs["dtype"], args = args[0], args[1:]
    return _full(shape, fill_value, *args, **kwargs)
