"""Running sums and products, and scans by functions of the user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dusk import _core
from dusk.array._array import array_of
from dusk.array._block_calls import Slot, block_call
from dusk.array._elemwise import handle_out
from dusk.array._from_array import asanyarray
from dusk.array._meta import meta_from_array
from dusk.array._reduction import _objects, dtype_for_times, validate_axis

__all__ = ["cumreduction"]


def cumreduction(
    func: Callable[..., Any],
    binop: Callable[..., Any],
    ident: Any,
    x: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    method: str = "sequential",
    preop: Callable[..., Any] | None = None,
) -> Any:
    """Scan along an axis.

    Parameters
    ----------
    func : callable
        ``func(block, axis=, dtype=)``, which scans a block, such as `numpy.cumsum`.
    binop : callable
        Puts the total of what comes before and a scanned block together, such as `numpy.add`.
    ident : number
        The total of nothing.
    x : array_like
    axis : int, optional
        By default the array is flattened first.
    dtype : dtype, optional
        Type of the result.
    out : Array, optional
        Becomes the result.
    method : {"sequential", "blelloch"}, default "sequential"
        Of running sums and products of numbers: let each block wait for the one before, or compute the totals of blocks
        first, side by side, which reads all blocks twice. Other scans always compute totals first.
    preop : callable, optional
        ``preop(block, axis=, keepdims=)``, the total of a block. By default the last element of the scanned block.

    Returns
    -------
    Array
    """
    if method not in ("sequential", "blelloch"):
        raise ValueError(f'Invalid method for cumreduction.  Expected "sequential" or "blelloch".  Got: {method!r}')
    x = asanyarray(x)
    if axis is None:
        if x.ndim != 1:
            x = x.flatten()
        axis = 0
    dtype = dtype_for_times(x, dtype)
    if dtype is None:
        dtype = getattr(func(np.ones((0,), dtype=x.dtype)), "dtype", np.dtype(object))
    dtype = np.dtype(dtype)
    axis = validate_axis(axis, x.ndim)
    native = _native(func, x, axis, dtype, method)
    if native is not None:
        return handle_out(out, native)
    index = list(range(x.ndim))
    meta = meta_from_array(x, dtype=dtype)
    if x.numblocks[axis] == 1:
        result = block_call(func, [(x, index)], x.chunks, meta, args=[Slot(0)], kwargs={"axis": axis, "dtype": dtype})
        return handle_out(out, result)
    lengths = [(1,) * x.numblocks[axis] if i == axis else c for i, c in enumerate(x.chunks)]
    totals = block_call(
        _Total(func, preop, ident, axis, dtype), [(x, index)], lengths, _objects(x.ndim), prefix="total"
    )
    one = [(1,) if i == axis else c for i, c in enumerate(x.chunks)]
    carries = block_call(
        _Carries(binop, ident, axis, dtype),
        [(totals, [None if i == axis else i for i in index])],
        one,
        _objects(x.ndim),
        prefix="carries",
    )
    result = block_call(
        _Scan(func, binop, axis, dtype),
        [(x, index), (carries, index)],
        x.chunks,
        meta,
        prefix=getattr(func, "__name__", "scan"),
        indexed=True,
    )
    return handle_out(out, result)


def _native(func: Any, x: Any, axis: int, dtype: Any, method: str) -> Any:
    """Return the engine's scan; None where a function has to do it block by block."""
    name = getattr(func, "__name__", "")
    if func is not getattr(np, name, None) or x._node.dtype is None or x.dtype.kind not in "biufc":
        return None
    if dtype.kind not in "iufc" or (x.dtype.kind == "c" and dtype.kind != "c"):
        return None
    if name.startswith("nan") and x.dtype.kind in "fc" and dtype.kind in "iu":
        return None  # NaN is left out before elements become whole numbers
    given = None if func(np.ones((0,), dtype=x.dtype)).dtype == dtype else dtype
    try:
        node = _core.array_scan(x._node, name, axis, dtype=given, ahead=method == "blelloch")
    except _core.NotNative:
        return None
    return array_of(node, meta_from_array(x, dtype=dtype))


class _Total:
    """The total of a block."""

    __slots__ = ("axis", "dtype", "func", "ident", "preop")

    def __init__(self, func: Any, preop: Any, ident: Any, axis: int, dtype: Any) -> None:
        self.func, self.preop, self.ident, self.axis, self.dtype = func, preop, ident, axis, dtype

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-scan-total", self.func, self.preop, self.ident, self.axis, str(self.dtype))

    def __call__(self, x: Any) -> Any:
        if x.shape[self.axis] == 0:
            return None
        # elements that become whole numbers, or lose their imaginary parts, first have another total
        loses = (x.dtype.kind in "fc" and self.dtype.kind in "iu") or (x.dtype.kind == "c" != self.dtype.kind)
        if self.preop is not None and not loses:
            total = self.preop(x, axis=self.axis, keepdims=True).astype(self.dtype)
            # where all is masked the total is that of nothing; it must not mask what follows
            return total.filled(self.ident) if isinstance(total, np.ma.MaskedArray) else total
        scanned = self.func(x, axis=self.axis, dtype=self.dtype)
        return scanned[tuple(slice(-1, None) if i == self.axis else slice(None) for i in range(x.ndim))]


class _Carries:
    """The total of all blocks before each block."""

    __slots__ = ("axis", "binop", "dtype", "ident")

    def __init__(self, binop: Any, ident: Any, axis: int, dtype: Any) -> None:
        self.binop, self.ident, self.axis, self.dtype = binop, ident, axis, dtype

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-scan-carries", self.binop, self.ident, self.axis, str(self.dtype))

    def __call__(self, totals: Any) -> Any:
        carry: Any = None
        carries = []
        for total in totals:
            carries.append(carry)
            if total is not None:
                carry = total if carry is None else self.binop(carry, total)
        return carries


class _Scan:
    """A block scanned, with the total of what comes before put in."""

    __slots__ = ("__name__", "axis", "binop", "dtype", "func")

    def __init__(self, func: Any, binop: Any, axis: int, dtype: Any) -> None:
        self.func, self.binop, self.axis, self.dtype = func, binop, axis, dtype
        self.__name__ = getattr(func, "__name__", "scan")

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-scan", self.func, self.binop, self.axis, str(self.dtype))

    def __call__(self, index: tuple[int, ...], x: Any, carries: Any) -> Any:
        scanned = self.func(x, axis=self.axis, dtype=self.dtype)
        carry = carries[index[self.axis]]
        return scanned if carry is None else self.binop(carry, scanned)
