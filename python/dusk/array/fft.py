"""Discrete Fourier transforms of arrays, as `numpy.fft` names them.

A transform reads a whole axis at once, so the axes it goes along must be in one chunk each; the others stay split.
Doesn't cover transforms that are split over several chunks of an axis: those raise.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._from_array import asarray
from dusk.array._reduction import validate_axis

__all__ = [
    "fft",
    "fft2",
    "fft_wrap",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]


def _same(n: int) -> int:
    return n


def _half(n: int) -> int:
    return n // 2 + 1


def _double(n: int) -> int:
    return 2 * (n - 1)


# for each family, the last length of the result: from a length that the user gave, and from the input's own
_LENGTHS: dict[str, tuple[Callable[[int], int], Callable[[int], int]]] = {
    "fft": (_same, _same),
    "ifft": (_same, _same),
    "rfft": (_half, _half),
    "ihfft": (_half, _half),
    "irfft": (_same, _double),
    "hfft": (_same, _double),
}


def _out_lengths(family: str, given: Sequence[int] | None, whole: list[int]) -> list[int]:
    """Return the lengths along the transformed axes."""
    of_given, of_input = _LENGTHS[family]
    if given is None:
        return [*whole[:-1], of_input(whole[-1])]
    # -1 is NumPy's word for the length of the input
    lengths = [own if n == -1 else int(n) for n, own in zip(given, whole, strict=True)]
    return [*lengths[:-1], of_given(lengths[-1])]


def _result_dtype(function: Callable[..., Any], a: Array, axes: tuple[int, ...], norm: Any) -> Any:
    sample = np.ones((2,) * a.ndim, dtype=a.dtype)
    try:
        return function(sample, axes=axes, norm=norm).dtype
    except TypeError:
        return function(sample).dtype


def fft_wrap(
    fft_func: Callable[..., Any], kind: str | None = None, dtype: Any = None, allow_fftpack: bool = False
) -> Callable[..., Array]:
    """Make a function for arrays of a transform with the signature of `numpy.fft`'s.

    Parameters
    ----------
    fft_func : callable
        A transform along one axis, two or any number of them.
    kind : str, optional
        The name of NumPy's transform that it is like, such as ``"rfft2"``; by default its own name.
    dtype : dtype, optional
        Type of the result; by default the function is tried on a small array.
    allow_fftpack : bool, default False
        Don't warn about the transforms of `scipy.fftpack`, which know no ``norm``.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    module = getattr(inspect.getmodule(fft_func), "__name__", None) or getattr(fft_func, "__module__", "") or ""
    if module.startswith("scipy.fftpack") and not allow_fftpack:
        warnings.warn(
            f"Function {fft_func.__name__} from `scipy.fftpack` is legacy and doesn't match NumPy's API. "
            "Use `scipy.fft`, or set `allow_fftpack=True` to allow it.",
            FutureWarning,
            stacklevel=2,
        )
    name = kind if kind is not None else fft_func.__name__
    family = name.rstrip("2n")
    if family not in _LENGTHS:
        raise ValueError(f"Given unknown `kind` {name}.")

    def transform(a: Any, s: Any, axes: Any, norm: Any) -> Array:
        a = asarray(a)
        if axes is None:
            axes = _default_axes(name, a, s)
        axes = tuple(axes)
        normal = validate_axis(axes, a.ndim)
        if len(set(normal)) < len(normal):
            raise ValueError("Duplicate axes not allowed.")
        if s is not None and len(s) != len(axes):
            raise ValueError("Shape and axes have different lengths.")
        for given, axis in zip(axes, normal, strict=True):
            if len(a.chunks[axis]) != 1:
                raise ValueError(
                    "Dask array only supports taking an FFT along an axis that \nhas a single chunk. "
                    f"An FFT operation was tried on axis {given} \nwhich has chunks {a.chunks[axis]}. "
                    "To change the array's chunks use dask.Array.rechunk."
                )
        chunks = list(a.chunks)
        lengths = _out_lengths(family, s, [a.chunks[axis][0] for axis in normal]) if axes else []
        for axis, length in zip(normal, lengths, strict=True):
            chunks[axis] = (length,)
        result = _result_dtype(fft_func, a, axes, norm) if dtype is None else dtype
        one = name.endswith("fft")
        where = ((None if s is None else s[0]), axes[0]) if one else (s, axes)
        return a.map_blocks(fft_func, *where, norm, dtype=result, chunks=tuple(chunks))

    if name.endswith("fft"):

        def func(a: Any, n: Any = None, axis: Any = None, norm: Any = None) -> Array:
            return transform(a, None if n is None else (n,), None if axis is None else (axis,), norm)
    else:

        def func(a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Array:  # type: ignore[misc]
            return transform(a, s, axes, norm)

    full = f"{module}.{fft_func.__name__}"
    func.__name__ = func.__qualname__ = fft_func.__name__
    func.__doc__ = (
        f"Apply `{full}` to each block.\n\n"
        "    Every axis that is transformed must be in one chunk: see ``Array.rechunk``.\n\n"
        f"    The parameters are those of `{full}`, without ``out``.\n    "
    )
    return func


def _default_axes(name: str, a: Array, s: Any) -> tuple[int, ...]:
    if name.endswith("2"):
        return (-2, -1)
    if not name.endswith("n"):
        return (-1,)
    if s is None:
        return tuple(range(a.ndim))
    warnings.warn(
        "`axes` should not be `None` if `s` is not `None` (Deprecated in NumPy 2.0)", DeprecationWarning, stacklevel=4
    )
    # as Dask: the first axes, where NumPy means the last ones
    return tuple(range(len(s)))


fft = fft_wrap(np.fft.fft)
fft2 = fft_wrap(np.fft.fft2)
fftn = fft_wrap(np.fft.fftn)
ifft = fft_wrap(np.fft.ifft)
ifft2 = fft_wrap(np.fft.ifft2)
ifftn = fft_wrap(np.fft.ifftn)
rfft = fft_wrap(np.fft.rfft)
rfft2 = fft_wrap(np.fft.rfft2)
rfftn = fft_wrap(np.fft.rfftn)
irfft = fft_wrap(np.fft.irfft)
irfft2 = fft_wrap(np.fft.irfft2)
irfftn = fft_wrap(np.fft.irfftn)
hfft = fft_wrap(np.fft.hfft)
ihfft = fft_wrap(np.fft.ihfft)


def _frequencies(places: Any, n: int, d: float) -> Any:
    return np.where(places >= (n + 1) // 2, places - n, places) / (n * d)


@derived_from(np.fft)
def fftfreq(n: int, d: float = 1.0, chunks: Any = "auto") -> Array:
    from dusk.array.creation import arange

    n, d = int(n), float(d)
    return arange(n, dtype=float, chunks=chunks).map_blocks(_frequencies, n=n, d=d, dtype=float)


@derived_from(np.fft)
def rfftfreq(n: int, d: float = 1.0, chunks: Any = "auto") -> Array:
    from dusk.array.creation import arange

    n, d = int(n), float(d)
    return arange(n // 2 + 1, dtype=float, chunks=chunks) / (n * d)


def _shifted(x: Any, axes: Any, inverse: bool) -> Array:
    from dusk.array.core import concatenate

    x = asarray(x)
    if axes is None:
        axes = range(x.ndim)
    elif not isinstance(axes, Sequence):
        axes = (axes,)
    y = x
    for axis in validate_axis(tuple(axes), x.ndim):
        length = y.shape[axis]
        cut = length // 2 if inverse else (length + 1) // 2
        before = (slice(None),) * axis
        y = concatenate([y[(*before, slice(cut, None))], y[(*before, slice(None, cut))]], axis=axis)
        if len(x.chunks[axis]) == 1:
            y = y.rechunk({axis: x.chunks[axis]})
    return y


@derived_from(np.fft)
def fftshift(x: Any, axes: Any = None) -> Array:
    return _shifted(x, axes, inverse=False)


@derived_from(np.fft)
def ifftshift(x: Any, axes: Any = None) -> Array:
    return _shifted(x, axes, inverse=True)
