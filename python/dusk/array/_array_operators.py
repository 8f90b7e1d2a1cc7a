"""The operators of an array, and how NumPy's functions find dusk's."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from dusk._collection import is_dusk_collection

__all__ = ["Operators"]

#: Types that know how to handle arrays of dusk themselves.
_UPCAST_TYPES: set[type] = set()


def _known(other: Any) -> bool:
    """Whether an operand is one that an array can be combined with."""
    from dusk.array._operand import is_valid_operand

    return is_valid_operand(other)


def _others_turn(self: Any, other: Any) -> bool:
    """Whether an operator is for the other operand to carry out, by the rules of NEP 13."""
    if not hasattr(other, "__array_ufunc__"):
        if _known(other):
            return False
        return is_dusk_collection(other) or getattr(other, "__array_priority__", 0) > self.__array_priority__
    if other.__array_ufunc__ is None:
        return True
    return not _known(other) and not isinstance(self, type(other))


def _binary(function: Callable[..., Any], swapped: bool = False) -> Callable[..., Any]:
    def method(self: Any, other: Any) -> Any:
        if _others_turn(self, other):
            return NotImplemented
        from dusk.array._elemwise import elemwise

        return elemwise(function, other, self) if swapped else elemwise(function, self, other)

    return method


def _unary(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any) -> Any:
        from dusk.array._elemwise import elemwise

        return elemwise(function, self)

    return method


class Operators:
    """Arithmetic, comparison and logic, element by element."""

    __slots__ = ()

    __abs__ = _unary(operator.abs)
    __neg__ = _unary(operator.neg)
    __pos__ = _unary(operator.pos)
    __invert__ = _unary(operator.invert)
    __add__ = _binary(operator.add)
    __radd__ = _binary(operator.add, True)
    __sub__ = _binary(operator.sub)
    __rsub__ = _binary(operator.sub, True)
    __mul__ = _binary(operator.mul)
    __rmul__ = _binary(operator.mul, True)
    __truediv__ = _binary(operator.truediv)
    __rtruediv__ = _binary(operator.truediv, True)
    __div__ = __truediv__
    __rdiv__ = __rtruediv__
    __floordiv__ = _binary(operator.floordiv)
    __rfloordiv__ = _binary(operator.floordiv, True)
    __mod__ = _binary(operator.mod)
    __rmod__ = _binary(operator.mod, True)
    __pow__ = _binary(operator.pow)
    __rpow__ = _binary(operator.pow, True)
    __lshift__ = _binary(operator.lshift)
    __rlshift__ = _binary(operator.lshift, True)
    __rshift__ = _binary(operator.rshift)
    __rrshift__ = _binary(operator.rshift, True)
    __and__ = _binary(operator.and_)
    __rand__ = _binary(operator.and_, True)
    __or__ = _binary(operator.or_)
    __ror__ = _binary(operator.or_, True)
    __xor__ = _binary(operator.xor)
    __rxor__ = _binary(operator.xor, True)
    __eq__ = _binary(operator.eq)  # type: ignore[assignment]  # element by element, as NumPy's
    __ne__ = _binary(operator.ne)  # type: ignore[assignment]  # element by element, as NumPy's
    __lt__ = _binary(operator.lt)
    __le__ = _binary(operator.le)
    __gt__ = _binary(operator.gt)
    __ge__ = _binary(operator.ge)
    __hash__ = None  # type: ignore[assignment]  # equality gives an array

    def __matmul__(self, other: Any) -> Any:
        if _others_turn(self, other):
            return NotImplemented
        from dusk.array.routines import matmul

        return matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        if _others_turn(self, other):
            return NotImplemented
        from dusk.array.routines import matmul

        return matmul(other, self)

    def __divmod__(self, other: Any) -> Any:
        from dusk.array.ufunc import divmod as both

        return both(self, other)

    def __rdivmod__(self, other: Any) -> Any:
        from dusk.array.ufunc import divmod as both

        return both(other, self)

    def __array_ufunc__(self, numpy_ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from dusk.array._elemwise import elemwise

        out = kwargs.get("out", ())
        for x in inputs + out:
            if not _known(x):
                return NotImplemented
        if method == "__call__":
            if numpy_ufunc is np.matmul:
                from dusk.array.routines import matmul

                return matmul(*inputs, **kwargs)
            if numpy_ufunc.signature is not None:
                from dusk.array.gufunc import apply_gufunc

                return apply_gufunc(numpy_ufunc, numpy_ufunc.signature, *inputs, **kwargs)
            if numpy_ufunc.nout > 1:
                from dusk.array import ufunc

                try:
                    da_ufunc = getattr(ufunc, numpy_ufunc.__name__)
                except AttributeError:
                    return NotImplemented
                return da_ufunc(*inputs, **kwargs)
            return elemwise(numpy_ufunc, *inputs, **kwargs)
        if method == "outer":
            from dusk.array import ufunc

            try:
                da_ufunc = getattr(ufunc, numpy_ufunc.__name__)
            except AttributeError:
                return NotImplemented
            return da_ufunc.outer(*inputs, **kwargs)
        return NotImplemented

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from dusk import array as module

        def handle_nonmatching_function_types() -> Any:
            import warnings

            warnings.warn(
                f"The `{func.__module__}.{func.__name__}` function is not implemented by Dask array. You "
                f"may want to use "
                "the da.map_blocks function or something similar to silence this warning. Your code may "
                "stop working in "
                "a future release.",
                FutureWarning,
                stacklevel=3,
            )
            args_, kwargs_ = _materialized(args), _materialized(kwargs)
            return func(*args_, **kwargs_)

        from dusk.array.chunk_types import is_valid_chunk_type

        if not all(issubclass(kind, type(self)) or is_valid_chunk_type(kind) for kind in types):
            return NotImplemented
        for name in func.__module__.split(".")[1:]:
            try:
                module = getattr(module, name)
            except AttributeError:
                return handle_nonmatching_function_types()
        name = {"amin": "min", "amax": "max"}.get(func.__name__, func.__name__)
        function = getattr(module, name, None)
        if function is None:
            return handle_nonmatching_function_types()
        if function is func:
            return NotImplemented
        return function(*args, **kwargs)


def _materialized(x: Any) -> Any:
    if isinstance(x, Operators):
        return np.asarray(x)
    if isinstance(x, (list, tuple)):
        return type(x)(_materialized(each) for each in x)
    if isinstance(x, dict):
        return {key: _materialized(value) for key, value in x.items()}
    return x
