"""Functions of single elements: natively where the engine has the operation, else by NumPy for each block."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from dusk import _core
from dusk.array._array import Array, array_of
from dusk.array._block_calls import Slot, block_call
from dusk.array._chunks import broadcast_shapes, is_known, unify_chunks
from dusk.array._fitting import fitting
from dusk.array._lengths import origins_of, sized_alike, with_origins
from dusk.array._meta import compute_meta, infer_dtype, meta_from_array
from dusk.array._operand import is_scalar_for_elemwise
from dusk.array.blockwise import blockwise
from dusk.utils import funcname

__all__ = ["cast", "elemwise", "handle_out"]

#: Python's operators under NumPy's names.
_OPERATORS: dict[Any, str] = {
    operator.abs: "absolute",
    operator.neg: "negative",
    operator.pos: "positive",
    operator.invert: "invert",
    operator.add: "add",
    operator.sub: "subtract",
    operator.mul: "multiply",
    operator.truediv: "divide",
    operator.floordiv: "floor_divide",
    operator.mod: "remainder",
    operator.pow: "power",
    operator.lshift: "left_shift",
    operator.rshift: "right_shift",
    operator.and_: "bitwise_and",
    operator.or_: "bitwise_or",
    operator.xor: "bitwise_xor",
    operator.eq: "equal",
    operator.ne: "not_equal",
    operator.lt: "less",
    operator.le: "less_equal",
    operator.gt: "greater",
    operator.ge: "greater_equal",
}
_NATIVE_NUMBERS = (bool, int, float, complex, np.bool_, np.number)


def _name_of(op: Any) -> str | None:
    """Return NumPy's name of an operation that the engine may have."""
    if isinstance(op, np.ufunc):
        return op.__name__ if op is getattr(np, op.__name__, None) else None
    try:
        return _OPERATORS.get(op)
    except TypeError:  # not hashable
        return None


def native(name: str, args: list[Any], decimals: int | None = None) -> Array | None:
    """Return the array of an operation that the engine has; None when it hasn't for these arguments."""
    if not hasattr(_core, "array_elementwise"):
        return None
    operands = []
    for arg in args:
        if isinstance(arg, Array):
            if type(arg._meta) is not np.ndarray:
                return None
            operands.append(arg._node)
        elif isinstance(arg, np.ndarray) and arg.ndim == 0 and type(arg) is np.ndarray:
            operands.append(arg[()])
        elif isinstance(arg, _NATIVE_NUMBERS):
            operands.append(arg)
        else:
            return None
    try:
        node = _core.array_elementwise(name, operands, decimals)
    except _core.NotNative:
        return None
    return array_of(node)


def aligned(args: list[Any]) -> list[Any]:
    """Return arguments of which the arrays have chunks that fit together."""
    arrays = [arg for arg in args if not is_scalar_for_elemwise(arg)]
    if len({(arg.chunks if isinstance(arg, Array) else None) for arg in arrays}) <= 1 and (
        len(arrays) < 2 or is_known(arrays[0].shape)
    ):
        return args
    flat: list[Any] = []
    for arg in args:
        flat += [arg, None if is_scalar_for_elemwise(arg) else tuple(range(arg.ndim))[::-1]]
    _, cut = unify_chunks(*flat)
    # a label for each axis from the last on, as they are broadcast; an axis of length 1 has no say
    labels = [range(arg.ndim)[::-1] if isinstance(arg, Array) else () for arg in cut]
    most = max((len(own) for own in labels), default=0)
    itemsize = max((arg.dtype.itemsize for arg in cut if isinstance(arg, Array)), default=1)
    return fitting(cut, labels, range(most), itemsize)


def elemwise(
    op: Callable[..., Any],
    *args: Any,
    out: Any = None,
    where: Any = True,
    dtype: Any = None,
    name: str | None = None,
    **kwargs: Any,
) -> Any:
    """Apply a function to each element of arrays, broadcast against each other.

    Parameters
    ----------
    op : callable
        A function that NumPy would call element by element, such as a ufunc.
    *args
        Arrays, and anything else that ``op`` takes.
    out : Array, optional
        Becomes the result.
    where : array_like of bool, default True
        Where to apply it. Other elements keep the value that ``out`` had.
    dtype : dtype, optional
        Type of the result.
    name : str, optional
        The whole name of the result.
    **kwargs
        More for ``op``.

    Returns
    -------
    Array
    """
    from dusk.array._from_array import asanyarray

    if kwargs.keys() - {"casting", "order", "subok", "extobj", "decimals"} and isinstance(op, np.ufunc):
        extra = sorted(kwargs.keys() - {"casting", "order", "subok", "extobj"})
        raise TypeError(f"{funcname(op)} does not take the following keyword arguments {extra}")
    args = tuple(np.asarray(arg) if isinstance(arg, (list, tuple)) else arg for arg in args)
    args = tuple(arg if is_scalar_for_elemwise(arg) else asanyarray(arg) for arg in args)
    if where is not True:
        where = asanyarray(where)
    operands = [arg for arg in (*args, where) if not is_scalar_for_elemwise(arg)]
    unknown = not all(is_known(arg.shape) for arg in operands)
    if unknown:
        matched = iter(sized_alike(operands, [tuple(range(arg.ndim))[::-1] for arg in operands]))
        args = tuple(arg if is_scalar_for_elemwise(arg) else next(matched) for arg in args)
        where = where if is_scalar_for_elemwise(where) else next(matched)
        operands = [arg for arg in (*args, where) if not is_scalar_for_elemwise(arg)]
    shapes = [arg.shape for arg in operands]
    if isinstance(out, tuple):
        if len(out) != 1:
            raise NotImplementedError("The out parameter is not fully supported")
        out = out[0]
    if out is not None and isinstance(out, Array) and where is not True:
        shapes.append(out.shape)
    ndim = len(broadcast_shapes(*shapes))
    listed = aligned(list(args))
    native_name = _name_of(op)
    if native_name is not None and where is True and dtype is None and not kwargs and name is None:
        result = native(native_name, listed)
        if result is not None:
            return handle_out(out, with_origins(result, origins_of(operands, ndim)) if unknown else result)
    meta = None
    metas = [arg._meta if isinstance(arg, Array) else arg for arg in listed]
    plain = all(type(m) is np.ndarray or is_scalar_for_elemwise(m) for m in metas)
    if dtype is None:
        ones = [
            np.ones((1,) * max(1, arg.ndim), dtype=arg.dtype) if not is_scalar_for_elemwise(arg) else arg
            for arg in listed
        ]
        if not plain:
            meta = compute_meta(op, None, *metas, **kwargs)
        found = infer_dtype(op, ones, kwargs, "elemwise", suggest="") if meta is None else meta.dtype
        call_kwargs = kwargs
    else:
        found = np.dtype(dtype)
        call_kwargs = {**kwargs, "dtype": found} if isinstance(op, np.ufunc) else kwargs
        if not plain:
            meta = compute_meta(op, found, *metas, **call_kwargs)
    if where is not True and out is not None and plain:
        found = _dtype_into(out, found)
    if meta is None:
        meta = meta_from_array(None if plain else next(m for m in metas if hasattr(m, "shape")), ndim, dtype=found)
    out_ind = tuple(range(ndim))[::-1]
    pairs: list[Any] = []
    if "dtype" in call_kwargs:  # blockwise has an argument of that name
        op = partial(op, dtype=call_kwargs["dtype"])
        call_kwargs = {key: value for key, value in call_kwargs.items() if key != "dtype"}
    if where is not True:
        call: Callable[..., Any] = _Where(op, len(listed), found)
        listed = [*listed, where, out if out is not None else None]
    else:
        call = op
    for arg in listed:
        pairs += [arg, None if is_scalar_for_elemwise(arg) else tuple(range(arg.ndim))[::-1]]
    if not any(ind is not None for ind in pairs[1::2]):
        result = block_call(
            call, [], [], meta, args=listed, kwargs=call_kwargs, prefix=funcname(op).strip("_"), name=name
        )
    else:
        result = blockwise(
            call, out_ind, *pairs, meta=meta, dtype=found, name=name, token=funcname(op).strip("_"), **call_kwargs
        )
    return handle_out(out, with_origins(result, origins_of(operands, ndim)) if unknown else result)


class _Where:
    """Applies an operation where a mask holds; elsewhere the values of another array stay."""

    __slots__ = ("__name__", "count", "dtype", "op")

    def __init__(self, op: Callable[..., Any], count: int, dtype: Any) -> None:
        self.op = op
        self.count = count
        self.dtype = dtype
        self.__name__ = funcname(op)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        operands, where, out = args[: self.count], args[self.count], args[self.count + 1]
        if out is None:
            return self.op(*operands, where=where, out=None, **kwargs)
        shape = np.broadcast_shapes(*(np.shape(x) for x in operands), np.shape(where))
        kept = np.array(np.broadcast_to(out, shape), dtype=self.dtype)
        return self.op(*operands, where=where, out=kept, **kwargs)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-where", self.op, self.count, str(self.dtype))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Where, (self.op, self.count, self.dtype))


def handle_out(out: Any, result: Any) -> Any:
    """Put a result into the array that was given for it.

    Raises
    ------
    ValueError
        If it has another shape.
    NotImplementedError
        If it isn't an array of dusk.
    """
    if isinstance(out, tuple):
        if len(out) == 1:
            out = out[0]
        elif len(out) > 1:
            raise NotImplementedError("The out parameter is not fully supported")
        else:
            out = None
    if out is None:
        return result
    if not isinstance(out, Array):
        raise NotImplementedError(
            f"The out parameter is not fully supported. Received type {type(out).__name__}, expected Dask Array"
        )
    if out.shape != result.shape:
        raise ValueError(f"Mismatched shapes between result and out parameter. out={out.shape}, result={result.shape}")
    from dusk.array._views import assign_to

    dtype = _dtype_into(out, result.dtype)
    assign_to(out, result if result.dtype == dtype else result.astype(dtype))
    return out


def _dtype_into(out: Any, dtype: Any) -> np.dtype[Any]:
    """Return the dtype of a result that goes into an array: that array's, as NumPy casts it.

    What NumPy refuses to cast stays as it is and gives the array another dtype: `np.sin(x, out=x)` of whole numbers
    works, as in Dask.
    """
    return out.dtype if isinstance(out, Array) and np.can_cast(dtype, out.dtype, "same_kind") else np.dtype(dtype)


def cast(x: Array, dtype: Any, kwargs: dict[str, Any]) -> Array:
    """Return an array with its elements converted."""
    if type(x._meta) is np.ndarray and hasattr(_core, "array_cast"):
        try:
            return with_origins(array_of(_core.array_cast(x._node, dtype)), origins_of([x], x.ndim))
        except _core.NotNative:
            pass
    meta = x._meta.astype(dtype, **{key: value for key, value in kwargs.items() if key == "casting"})
    index = list(range(x.ndim))
    return block_call(_astype, [(x, index)], x.chunks, meta, args=[Slot(0), dtype], kwargs=kwargs, prefix="astype")


def _astype(x: Any, dtype: Any, **kwargs: Any) -> Any:
    return x.astype(dtype, **kwargs)
