"""Generalized universal functions: functions of the last axes of arrays, for every position along the others.

The axes a function works on (the core dimensions) are in one chunk each; the others (loop dimensions) are broadcast.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from dusk.array._array import Array
from dusk.array._block_calls import Slot, block_call
from dusk.array._chunks import unify_chunks
from dusk.array._from_array import asarray
from dusk.array._meta import meta_from_array
from dusk.utils import funcname, is_arraylike

__all__ = ["apply_gufunc", "as_gufunc", "gufunc"]

_ARGUMENT = r"\((?:\w+(?:,\w+)*,?)?\)"
_SIGNATURE = re.compile(rf"(?:{_ARGUMENT}(?:,{_ARGUMENT})*,?)?->{_ARGUMENT}(?:,{_ARGUMENT})*,?")

Dims = tuple[str, ...]


def _parse_gufunc_signature(signature: str) -> tuple[list[Dims], Any]:
    """Return the core dimensions of the arguments and of the results: a tuple for one result, a list for several."""
    if not isinstance(signature, str):
        raise TypeError("`signature` has to be of type string")
    text = re.sub(r"\s+", "", signature)
    if not _SIGNATURE.fullmatch(text):
        raise ValueError(f"Not a valid gufunc signature: {text}")
    ins, outs = (
        [tuple(re.findall(r"\w+", argument)) for argument in re.findall(_ARGUMENT, side)] for side in text.split("->")
    )
    return ins, outs[0] if len(outs) == 1 and not text.endswith(",") else outs


def _validate_normalize_axes(
    axes: Any, axis: Any, keepdims: bool, input_coredimss: list[Dims], output_coredimss: Any
) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """Return the axes that the core dimensions of each argument and each result are at."""
    ins = list(input_coredimss)
    outs = list(output_coredimss) if isinstance(output_coredimss, list) else [output_coredimss]
    if axes is not None and axis is not None:
        raise ValueError("Only one of `axis` or `axes` keyword arguments should be given")
    if axes is not None and not isinstance(axes, list):
        raise ValueError("`axes` has to be of type list")
    with_core = [dims for dims in ins if dims]
    scalars = not any(outs)
    if keepdims:
        if not scalars:
            raise ValueError("`keepdims` can only be used for scalar outputs")
        if any(dims != ins[0] for dims in ins):
            raise ValueError("To use `keepdims`, all core dimensions have to be equal")
        outs = [ins[0] if ins else ()] * len(outs)
    if axis is not None:
        if not isinstance(axis, (int, np.integer)):
            raise ValueError("`axis` argument has to be an integer value")
        if with_core and len(with_core[0]) != 1:
            raise ValueError("`axis` can be used only, if one core dimension is present")
        if any(dims != with_core[0] for dims in with_core):
            raise ValueError("To use `axis`, all core dimensions have to be equal")
    every = [*ins, *outs]
    if axes is not None:
        places = [(each,) if isinstance(each, (int, np.integer)) else tuple(each) for each in axes]
    elif axis is not None:
        places = [(int(axis),) if dims else () for dims in every]
    else:
        places = [tuple(range(-len(dims), 0)) for dims in every]
    if len(places) != len(every) and not (scalars and len(places) == len(ins)):
        raise ValueError("The number of `axes` entries is not equal the number of input and output arguments")
    of_ins = places[: len(ins)]
    of_outs = places[len(ins) :] or [tuple(range(-len(dims), 0)) for dims in outs]
    if keepdims:
        of_outs = [of_ins[0] if ins else ()] * len(outs)
    for kind, found, dimss in (("input", of_ins, ins), ("output", of_outs, outs)):
        for i, (place, dims) in enumerate(zip(found, dimss, strict=True)):
            if len(place) != len(dims):
                raise ValueError(
                    f"The number of `axes` entries for argument #{i} is not equal the number of respective {kind} core "
                    "dimensions in signature"
                )
    return of_ins, of_outs


class _Vectorized:
    """Calls a function for every position along the loop dimensions."""

    __slots__ = ("__name__", "function", "otypes", "signature")

    def __init__(self, function: Callable[..., Any], signature: str, otypes: Any) -> None:
        self.function, self.signature, self.otypes = function, signature, otypes
        self.__name__ = funcname(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return np.vectorize(self.function, signature=self.signature, otypes=self.otypes)(*args, **kwargs)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-vectorized", self.function, self.signature, str(self.otypes))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Vectorized, (self.function, self.signature, self.otypes))


def _metas(
    func: Any, signature: str, args: Sequence[Any], kwargs: Any, vectorize: bool, dtypes: Any, meta: Any, nout: Any
) -> list[Any]:
    """Return an example of each result."""
    if meta is not None and dtypes is not None:
        raise ValueError("Only one of `meta` and `output_dtypes` should be given (`meta` is preferred).")
    if meta is None and dtypes is None:
        function = _Vectorized(func, signature.rstrip(","), None) if vectorize else func
        samples = [np.ones((1,) * arg.ndim, dtype=arg.dtype) for arg in args]
        try:
            with np.errstate(all="ignore"):
                tried = function(*samples, **kwargs)
        except Exception as error:
            raise ValueError(
                f"`dtype` inference failed in `apply_gufunc`: {type(error).__name__}: {error}. "
                "Please specify the dtype explicitly using the `output_dtypes` kwarg."
            ) from error
        given: Any = np.asarray(tried).dtype if nout is None else tuple(np.asarray(each).dtype for each in tried)
    else:
        given = dtypes if meta is None else meta
    word = "`output_dtypes`/`meta`"
    several = isinstance(given, (tuple, list))
    if nout is None:
        if several and len(given) != 1:
            raise ValueError(
                f"For a function with one output, must give a single item for {word}, not a tuple or list."
            )
        given = list(given) if several else [given]
    elif not several:
        raise ValueError(
            f"For a function with {nout} outputs, must give a tuple or list for {word}, not a single item."
        )
    elif len(given) != nout:
        raise ValueError(
            f"For a function with {nout} outputs, must give a tuple or list of {nout} items for {word}, "
            f"not {len(given)}."
        )
    if meta is not None:
        return [meta_from_array(each) for each in given]
    kinds = [None] * len(given) if vectorize else _kinds(func, args, kwargs, len(given))
    return [
        np.empty(0, dtype=each) if kind is None else meta_from_array(kind, dtype=np.dtype(each))
        for each, kind in zip(given, kinds, strict=True)
    ]


def _kinds(func: Any, args: Sequence[Any], kwargs: Any, count: int) -> list[Any]:
    """Return examples of what a function makes of other libraries' arrays; None where that can't be told."""
    metas = [meta_from_array(arg) for arg in args]
    if all(type(each) is np.ndarray for each in metas):
        return [None] * count
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = func(*metas, **kwargs)
    except Exception:  # whatever a user's function raises on empty blocks says nothing about full ones
        return [None] * count
    found = list(found) if isinstance(found, (tuple, list)) else [found]
    return found if len(found) == count and all(is_arraylike(each) for each in found) else [None] * count


def _check_chunks(args: Sequence[Array], labels: Sequence[Sequence[str]], core: set[str], rechunk: bool) -> None:
    found: dict[str, list[tuple[Any, Any]]] = {}
    for arg, names in zip(args, labels, strict=True):
        for each in zip(names, arg.shape, arg.chunks, strict=True):
            found.setdefault(each[0], []).append(each[1:])
    for name, axes in found.items():
        known = {n for n, _ in axes if n == n}
        if len(known - {1}) > 1:
            raise ValueError(f"Dimension `'{name}'` with different lengths in arrays")
        if rechunk:
            continue
        if name in core and any(len(chunks) > 1 for _, chunks in axes):
            raise ValueError(
                f"Core dimension `'{name}'` consists of multiple chunks. To fix, rechunk into a single chunk along "
                "this dimension or set `allow_rechunk=True`, but beware: this may use much more memory."
            )
        if len({str(chunks) for n, chunks in axes if n != 1}) > 1:
            raise ValueError(f"Dimension `'{name}'` with different chunksize present")


def apply_gufunc(
    func: Callable[..., Any],
    signature: str,
    *args: Any,
    axes: Any = None,
    axis: int | None = None,
    keepdims: bool = False,
    output_dtypes: Any = None,
    output_sizes: dict[str, int] | None = None,
    vectorize: bool | None = None,
    allow_rechunk: bool = False,
    meta: Any = None,
    **kwargs: Any,
) -> Any:
    """Call a generalized universal function on arrays.

    Parameters
    ----------
    func : callable
        Gets arrays whose last axes are the core dimensions, and returns such.
    signature : str
        The core dimensions of the arguments and results, such as ``"(i,j),(j)->(i)"``.
    *args : array_like
    axes : list of tuple of int, optional
        Where the core dimensions of each argument and result are; the last axes by default.
    axis : int, optional
        Where the only core dimension is.
    keepdims : bool, default False
        Keep the core dimensions with length 1, for results without any.
    output_dtypes : dtype or sequence of dtype, optional
        Types of the results; by default the function is tried on small arrays.
    output_sizes : dict, optional
        The lengths of core dimensions that only results have.
    vectorize : bool, optional
        The function takes the core dimensions alone: call it for every position.
    allow_rechunk : bool, default False
        Rechunk arrays whose core dimensions are in several chunks, or whose chunks differ, rather than raise.
    meta : array or tuple of array, optional
        Examples of the results.
    **kwargs
        More for the function.

    Returns
    -------
    Array or tuple of Array
    """
    ins, outs = _parse_gufunc_signature(signature)
    nout = len(outs) if isinstance(outs, list) else None
    arrays = [asarray(arg) for arg in args]
    metas = _metas(func, signature, arrays, kwargs, bool(vectorize), output_dtypes, meta, nout)
    of_ins, of_outs = _validate_normalize_axes(axes, axis, keepdims, ins, outs)
    if len(ins) != len(arrays):
        raise ValueError(f"According to `signature`, `func` requires {len(ins)} arguments, but {len(arrays)} given")
    if vectorize:
        func = _Vectorized(func, signature.rstrip(","), [each.dtype for each in metas])
    loops = [arg.ndim - len(dims) for arg, dims in zip(arrays, ins, strict=True)]
    if any(n < 0 for n in loops):
        at = next(i for i, n in enumerate(loops) if n < 0)
        raise ValueError(f"Argument #{at} has {arrays[at].ndim} dimensions, fewer than the core dimensions {ins[at]}")
    arrays = [_last(arg, place) for arg, place in zip(arrays, of_ins)]
    depth = max(loops, default=0)
    labels = [[f"__loopdim{i}__" for i in range(depth - n, depth)] + list(dims) for n, dims in zip(loops, ins)]
    sizes = {name: n for arg, names, k in zip(arrays, labels, loops) for name, n in list(zip(names, arg.shape))[k:]}
    core = set(sizes)
    sizes.update(output_sizes or {})
    results = outs if nout is not None else [outs]
    for dims in results:
        for name in dims:
            if name not in sizes:
                raise KeyError(f"{name!r}: the length of this core dimension must be given in `output_sizes`")
    _check_chunks(arrays, labels, core, allow_rechunk)
    arrays = [arg.rechunk(dict.fromkeys(range(n, arg.ndim), -1)) for arg, n in zip(arrays, loops)]
    if allow_rechunk:
        _, arrays = unify_chunks(*[x for pair in zip(arrays, map(tuple, labels)) for x in pair])
    chunks: list[Any] = [(1,)] * depth
    for arg, n in zip(arrays, loops):
        for i in range(n):
            at = depth - n + i
            if chunks[at] == (1,):
                chunks[at] = arg.chunks[i]
    inputs = [(arg, [*range(depth - n, depth), *([("at", 0)] * (arg.ndim - n))]) for arg, n in zip(arrays, loops)]
    call = {
        "args": [Slot(i) for i in range(len(inputs))],
        "kwargs": kwargs,
        "prefix": funcname(func).strip("_"),
        "library": False,
    }
    parts = None if nout is None else block_call(func, inputs, chunks, np.empty((0,) * depth, dtype=object), **call)
    leaves = []
    for i, (dims, place, each) in enumerate(zip(results, of_outs, metas, strict=True)):
        whole = [*chunks, *((sizes[name],) for name in dims)]
        example = meta_from_array(each, ndim=len(whole))
        if parts is None:
            leaf = block_call(func, inputs, whole, example, **call)
        else:
            leaf = block_call(
                itemgetter(i), [(parts, list(range(depth)))], whole, example, prefix=f"{call['prefix']}_{i}"
            )
        if keepdims:
            leaf = leaf[(..., *((np.newaxis,) * len(place)))]
        leaves.append(_moved(leaf, place))
    return leaves[0] if nout is None else tuple(leaves)


def _last(x: Array, place: Sequence[int]) -> Array:
    """Return an array with some axes moved to its end."""
    from dusk.array._axes import moveaxis

    return moveaxis(x, tuple(place), tuple(range(-len(place), 0))) if place else x


def _moved(x: Array, place: Sequence[int]) -> Array:
    """Return an array with its last axes somewhere else."""
    from dusk.array._axes import moveaxis

    return moveaxis(x, tuple(range(-len(place), 0)), tuple(place)) if place else x


class gufunc:  # noqa: N801  Dask's name
    """A function that becomes a generalized universal function of arrays.

    Parameters
    ----------
    pyfunc : callable
    signature, vectorize, axes, axis, keepdims, output_sizes, output_dtypes, allow_rechunk, meta
        As those of `apply_gufunc`.
    """

    def __init__(
        self,
        pyfunc: Callable[..., Any],
        *,
        signature: str | None = None,
        vectorize: bool = False,
        axes: Any = None,
        axis: int | None = None,
        keepdims: bool = False,
        output_sizes: dict[str, int] | None = None,
        output_dtypes: Any = None,
        allow_rechunk: bool = False,
        meta: Any = None,
    ) -> None:
        self.pyfunc = pyfunc
        self.signature = signature
        self.vectorize = vectorize
        self.axes = axes
        self.axis = axis
        self.keepdims = keepdims
        self.output_sizes = output_sizes
        self.output_dtypes = output_dtypes
        self.allow_rechunk = allow_rechunk
        self.meta = meta
        self.__doc__ = f"Bound ``dask.array.gufunc``\n\n{funcname(pyfunc)}: {signature}\n\n{pyfunc.__doc__ or ''}"

    def __call__(self, *args: Any, allow_rechunk: bool = False, **kwargs: Any) -> Any:
        """Call the function on arrays."""
        return apply_gufunc(
            self.pyfunc,
            self.signature,  # type: ignore[arg-type]
            *args,
            vectorize=self.vectorize,
            axes=self.axes,
            axis=self.axis,
            keepdims=self.keepdims,
            output_sizes=self.output_sizes,
            output_dtypes=self.output_dtypes,
            allow_rechunk=self.allow_rechunk or allow_rechunk,
            meta=self.meta,
            **kwargs,
        )


_OPTIONS = {"vectorize", "axes", "axis", "keepdims", "output_sizes", "output_dtypes", "allow_rechunk", "meta"}


def as_gufunc(signature: str | None = None, **kwargs: Any) -> Callable[[Callable[..., Any]], gufunc]:
    """Return a decorator that makes a function a `gufunc`.

    Parameters
    ----------
    signature : str
    **kwargs
        More for `gufunc`.
    """
    if kwargs.keys() - _OPTIONS:
        raise TypeError(f"Unsupported keyword argument(s) provided: {sorted(kwargs.keys() - _OPTIONS)}")

    def decorate(pyfunc: Callable[..., Any]) -> gufunc:
        return gufunc(pyfunc, signature=signature, **kwargs)

    return decorate
