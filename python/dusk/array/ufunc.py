"""NumPy's universal functions over arrays, and functions made of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from dusk._collection import is_dusk_collection
from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._elemwise import elemwise, native
from dusk.array._fitting import fitting
from dusk.array._from_array import asarray
from dusk.array._meta import infer_dtype
from dusk.array.blockwise import blockwise
from dusk.utils import funcname

__all__ = ["da_frompyfunc", "frompyfunc", "ufunc", "wrap_elemwise"]


def wrap_elemwise(numpy_ufunc: Any, source: Any = np) -> Callable[..., Any]:
    """Return a function that applies one of NumPy's to arrays element by element."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if not any(hasattr(arg, "_elemwise") for arg in args):
            return numpy_ufunc(*args, **kwargs)
        for arg in args:
            if hasattr(arg, "_elemwise"):
                result = arg._elemwise(numpy_ufunc, *args, **kwargs)
                if result is not NotImplemented:
                    return result
        raise TypeError(f"Parameters of such types are not supported by {funcname(numpy_ufunc)}")

    wrapped.__name__ = funcname(numpy_ufunc)
    return derived_from(source)(wrapped)


class da_frompyfunc:  # noqa: N801  Dask's name
    """A ufunc of a Python function that is named by what the function does.

    Parameters
    ----------
    func : callable
    nin, nout : int
        How many arguments and results it has.
    """

    def __init__(self, func: Callable[..., Any], nin: int, nout: int) -> None:
        self._ufunc = np.frompyfunc(func, nin, nout)
        self._func = func
        self.nin = nin
        self.nout = nout
        self._name = funcname(func)
        self.__name__ = f"frompyfunc-{self._name}"

    def __repr__(self) -> str:
        return f"da.frompyfunc<{self._name}, {self.nin}, {self.nout}>"

    def __dask_tokenize__(self) -> Any:
        return ("frompyfunc", self._func, self.nin, self.nout)

    def __reduce__(self) -> tuple[Any, ...]:
        return (da_frompyfunc, (self._func, self.nin, self.nout))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._ufunc(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            return getattr(self._ufunc, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *dir(self._ufunc)})


def frompyfunc(func: Callable[..., Any], nin: int, nout: int) -> ufunc:
    """Return a ufunc of a Python function, as `numpy.frompyfunc`.

    Raises
    ------
    NotImplementedError
        For functions of several results.
    """
    if nout > 1:
        # Dask refuses this with the same class
        raise NotImplementedError("frompyfunc with more than one output")
    return ufunc(da_frompyfunc(func, nin, nout))


class ufunc:  # noqa: N801  NumPy's name
    """A universal function.

    Parameters
    ----------
    ufunc : numpy.ufunc
    """

    _forward = frozenset(("nin", "nargs", "nout", "ntypes", "identity", "signature", "types"))

    def __init__(self, ufunc: Any) -> None:
        if not isinstance(ufunc, (np.ufunc, da_frompyfunc)):
            raise TypeError(f"must be an instance of `ufunc` or `da_frompyfunc`, got `{type(ufunc).__name__}")
        self._ufunc = ufunc
        self.__name__ = ufunc.__name__
        if isinstance(ufunc, np.ufunc):
            derived_from(np)(self)

    def __dask_tokenize__(self) -> Any:
        return self.__name__, self._ufunc

    def __reduce__(self) -> tuple[Any, ...]:
        return (ufunc, (self._ufunc,))

    def __getattr__(self, name: str) -> Any:
        if name in self._forward:
            return getattr(self._ufunc, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*self._forward, *object.__dir__(self)})

    def __repr__(self) -> str:
        return repr(self._ufunc)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        lazy = [arg for arg in args if hasattr(arg, "_elemwise")]
        if not lazy:
            return self._ufunc(*args, **kwargs)
        for arg in lazy:
            result = arg._elemwise(self._ufunc, *args, **kwargs)
            if result is not NotImplemented:
                return result
        kinds = ", ".join(type(arg).__name__ for arg in args)
        raise TypeError(f"Parameters of such types are not supported by {self.__name__}: {kinds}")

    def outer(self, A: Any, B: Any, **kwargs: Any) -> Any:  # noqa: N803  Dask's names
        """Apply the function to all pairs of an element of ``A`` and one of ``B``.

        Parameters
        ----------
        A, B : array_like
        **kwargs
            More for the function.

        Returns
        -------
        Array
            With the axes of ``A`` and then those of ``B``.
        """
        if self.nin != 2:
            raise ValueError("outer product only supported for binary functions")
        if "out" in kwargs:
            raise ValueError("`out` kwarg not supported")
        a_is, b_is = is_dusk_collection(A), is_dusk_collection(B)
        if not a_is and not b_is:
            return self._ufunc.outer(A, B, **kwargs)
        A, B = asarray(A), asarray(B)  # noqa: N806  Dask's names
        a_ind = tuple(range(A.ndim))
        b_ind = tuple(range(A.ndim, A.ndim + B.ndim))
        dtype = (
            kwargs["dtype"] if "dtype" in kwargs else infer_dtype(self._ufunc.outer, [A, B], kwargs, "ufunc.outer", "")
        )
        func = partial(self._ufunc.outer, **kwargs) if kwargs else self._ufunc.outer
        A, B = fitting([A, B], [a_ind, b_ind], a_ind + b_ind, np.dtype(dtype).itemsize)  # noqa: N806  Dask's names
        return blockwise(
            func, a_ind + b_ind, A, a_ind, B, b_ind, dtype=dtype, token=f"{self.__name__}.outer", align_arrays=False
        )


def _define() -> None:
    """Make a function of each of NumPy's ufuncs."""
    for name in _UFUNCS:
        globals()[name] = ufunc(getattr(np, name))
        __all__.append(name)
    for name in _ELEMWISE:
        globals()[name] = wrap_elemwise(getattr(np, name))
        __all__.append(name)


_UFUNCS = """
abs absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh bitwise_and bitwise_count bitwise_not bitwise_or
bitwise_xor cbrt ceil conj conjugate copysign cos cosh deg2rad degrees divide equal exp exp2 expm1 fabs float_power
floor floor_divide fmax fmin fmod gcd greater greater_equal heaviside hypot invert isfinite isinf isnan isnat lcm ldexp
left_shift less less_equal log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor
maximum minimum mod multiply negative nextafter not_equal positive power rad2deg radians reciprocal remainder
right_shift rint sign signbit sin sinh spacing sqrt square subtract tan tanh true_divide trunc
""".split()  # noqa: SIM905
_ELEMWISE = "fix i0 iscomplex isreal nan_to_num sinc".split()  # noqa: SIM905
_define()


@derived_from(np)
def real(*args: Any, **kwargs: Any) -> Any:
    return _part("real", np.real, args, kwargs)


@derived_from(np)
def imag(*args: Any, **kwargs: Any) -> Any:
    return _part("imag", np.imag, args, kwargs)


def _part(name: str, function: Any, args: Any, kwargs: Any) -> Any:
    if len(args) == 1 and isinstance(args[0], Array) and not kwargs:
        result = native(name, list(args))
        if result is not None:
            return result
        return elemwise(function, args[0])
    return function(*args, **kwargs)


@derived_from(np)
def clip(*args: Any, **kwargs: Any) -> Any:
    names = ("a", "a_min", "a_max")
    given = dict(zip(names, args, strict=False))
    for theirs, ours in (("min", "a_min"), ("max", "a_max")):
        if theirs in kwargs:
            given[ours] = kwargs.pop(theirs)
    for name in names:
        if name in kwargs:
            given[name] = kwargs.pop(name)
    a, low, high = given["a"], given.get("a_min"), given.get("a_max")
    if not any(isinstance(x, Array) for x in (a, low, high)):
        return np.clip(a, low, high, **kwargs)
    if not kwargs:
        if low is None and high is None:
            return asarray(a)
        if low is not None and high is not None:
            from dusk.array._elemwise import aligned

            result = native("clip", aligned([a, low, high]))
            if result is not None:
                return result
    return elemwise(np.clip, a, low, high, **kwargs)


@derived_from(np)
def angle(x: Any, deg: Any = 0) -> Any:
    deg = bool(deg)
    if not hasattr(x, "_elemwise"):
        return np.angle(x, deg)
    if not deg:
        result = native("angle", [x])
        if result is not None:
            return result
    return x._elemwise(np.angle, x, deg)


@derived_from(np)
def frexp(x: Any) -> Any:
    return _two_results(np.frexp, ("frexp_mantissa", "frexp_exponent"), x)


@derived_from(np)
def modf(x: Any) -> Any:
    return _two_results(np.modf, ("modf_frac", "modf_int"), x)


def _two_results(function: Any, names: tuple[str, str], x: Any) -> Any:
    x = asarray(x)
    return tuple(_one_of_two(function, i, name, x) for i, name in enumerate(names))


def _one_of_two(function: Any, which: int, name: str, x: Array) -> Any:
    result = native(name, [x]) if x.dtype.kind == "f" else None
    if result is not None:
        return result
    dtype = function(np.ones(1, dtype=x.dtype))[which].dtype
    return blockwise(
        partial(_pick, function, which), tuple(range(x.ndim)), x, tuple(range(x.ndim)), dtype=dtype, token=name
    )


def _pick(function: Any, which: int, *args: Any) -> Any:
    return function(*args)[which]


@derived_from(np)
def divmod(x: Any, y: Any) -> Any:  # noqa: A001  Dask's name
    return elemwise(np.floor_divide, x, y), elemwise(np.remainder, x, y)


__all__ += ["angle", "clip", "divmod", "frexp", "imag", "modf", "real"]
