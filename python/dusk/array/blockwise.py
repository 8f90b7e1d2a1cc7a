"""Calls of a function for blocks that belong together by their indices."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dusk._collection import is_dusk_collection
from dusk.array._array import Array
from dusk.array._block_calls import Slot, block_call
from dusk.array._chunks import unify_chunks
from dusk.array._meta import compute_meta, meta_from_array
from dusk.utils import funcname

__all__ = ["atop", "blockwise"]


class _Concatenated:
    """Calls a function with its nested lists of blocks made one array each."""

    __slots__ = ("__name__", "axes", "function")

    def __init__(self, function: Callable[..., Any], axes: Sequence[Sequence[int]]) -> None:
        self.function = function
        self.axes = [list(each) for each in axes]
        self.__name__ = funcname(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from dusk.array._host import concatenate_nested

        joined = [concatenate_nested(arg, axes) if axes else arg for arg, axes in zip(args, self.axes, strict=False)]
        return self.function(*joined, *args[len(joined) :], **kwargs)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-concatenated", self.function, self.axes)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Concatenated, (self.function, self.axes))


def blockwise(
    func: Callable[..., Any],
    out_ind: Any,
    *args: Any,
    name: str | None = None,
    token: str | None = None,
    dtype: Any = None,
    adjust_chunks: dict[Any, Any] | None = None,
    new_axes: dict[Any, Any] | None = None,
    align_arrays: bool = True,
    concatenate: bool | None = None,
    meta: Any = None,
    **kwargs: Any,
) -> Array:
    """Call a function for the blocks of several arrays that belong together.

    Parameters
    ----------
    func : callable
        Called on one block of each array for each block of the result.
    out_ind : iterable
        A label for each axis of the result, such as ``"ij"``.
    *args
        Arrays and the labels of their axes in turn. An argument with the labels None is given as it is. A label that
        the
        result doesn't have is contracted: the function gets all blocks along it, as a list, or concatenated.
    name : str, optional
        The whole name of the result.
    token : str, optional
        The word before the hash in its name.
    dtype : dtype, optional
    adjust_chunks : dict, optional
        For labels along which the function changes the lengths: a function of the length, a length, or the lengths.
    new_axes : dict, optional
        Labels that only the result has, and their lengths.
    align_arrays : bool, default True
        Give the arrays common chunks first.
    concatenate : bool, optional
        Concatenate the blocks along contracted labels. None and False leave them as lists.
    meta : array, optional
        An empty example of a block of the result.
    **kwargs
        More arguments of the function.

    Returns
    -------
    Array
    """
    out_ind = tuple(out_ind)
    if len(set(out_ind)) != len(out_ind):
        repeated = sorted({str(i) for i in out_ind if out_ind.count(i) > 1})
        raise ValueError(
            f"Repeated elements not allowed in output index. Got {out_ind}, repeated: {', '.join(repeated)}"
        )
    new_axes = dict(new_axes or {})
    if len(args) % 2:
        raise ValueError("blockwise takes arrays and their indices in turn")
    new = {i for i in out_ind if not any(ind is not None and i in ind for ind in args[1::2])} - set(new_axes)
    if new:
        raise ValueError("Unknown dimension", new)
    from dusk.array._from_array import asanyarray

    pairs = [
        (
            asanyarray(arg) if ind is not None and not isinstance(arg, Array) else arg,
            None if ind is None else tuple(ind),
        )
        for arg, ind in zip(args[::2], args[1::2], strict=True)
    ]
    for arg, ind in pairs:
        if ind is not None and arg.ndim != len(ind):
            raise ValueError(f"Index string {ind} does not match array dimension {arg.ndim}: every axis needs a label")
    if align_arrays:
        flat = [x for pair in pairs for x in pair]
        chunkss, arrays = unify_chunks(*flat)
    else:
        arrays = [arg for arg, _ in pairs]
        chunkss = {}
        for arg, ind in pairs:
            if ind is None:
                continue
            for lengths, label in zip(arg.chunks, ind, strict=True):
                found = chunkss.get(label)
                # an axis of length 1 goes with all others
                if found is None or len(lengths) > len(found) or (found == (1,) and len(lengths) == 1):
                    chunkss[label] = lengths
    pairs = [(arg, ind) for arg, (_, ind) in zip(arrays, pairs, strict=True)]
    for label, lengths in new_axes.items():
        chunkss[label] = tuple(lengths) if isinstance(lengths, tuple) else (lengths,)

    inputs: list[tuple[Any, list[Any]]] = []
    slots: list[Any] = []
    axes: list[list[int]] = []
    for arg, ind in pairs:
        if ind is None:
            slots.append(arg)
            axes.append([])
            continue
        inputs.append((arg, [out_ind.index(label) if label in out_ind else None for label in ind]))
        slots.append(Slot(len(inputs) - 1))
        axes.append([i for i, label in enumerate(ind) if label not in out_ind])

    if meta is None:
        metas = [arg._meta if isinstance(arg, Array) else arg for arg, _ in pairs]
        if not any(is_dusk_collection(x) for x in [*metas, *kwargs.values()]):
            meta = compute_meta(func, dtype, *metas, **kwargs)
    if meta is None and dtype is None:
        found = [arg._meta for arg, ind in pairs if ind is not None]
        dtype = np.result_type(*[x.dtype for x in found]) if found else np.float64
    meta = meta_from_array(meta, ndim=len(out_ind), dtype=dtype)

    chunks = [chunkss[label] for label in out_ind]
    for label, adjust in (adjust_chunks or {}).items():
        if label not in out_ind:
            continue
        at = out_ind.index(label)
        if callable(adjust):
            chunks[at] = tuple(adjust(length) for length in chunks[at])
        elif isinstance(adjust, (tuple, list)):
            if len(adjust) != len(chunks[at]):
                raise ValueError(
                    f"Dimension {at} has {len(chunks[at])} blocks, adjust_chunks specified with {len(adjust)} blocks"
                )
            chunks[at] = tuple(adjust)
        elif isinstance(adjust, (int, np.integer, float)):
            chunks[at] = (adjust,) * len(chunks[at])
        else:
            # Dask refuses this with the same class
            raise NotImplementedError("adjust_chunks values must be callable, int, or tuple")

    function = _Concatenated(func, axes) if concatenate and any(axes) else func
    return block_call(
        function,
        inputs,
        chunks,
        meta,
        args=slots,
        kwargs=kwargs,
        prefix=token or funcname(func).strip("_"),
        name=name,
        library=_is_numpys(func),
    )


def _is_numpys(func: Any) -> bool:
    """Whether a function is known not to write to its arguments."""
    module = getattr(func, "__module__", None) or ""
    return isinstance(func, np.ufunc) or module.split(".")[0] in ("numpy", "dusk", "_operator")


def atop(*args: Any, **kwargs: Any) -> Array:
    """Call `blockwise`, under its old name."""
    warnings.warn("The da.atop function has moved to da.blockwise", UserWarning, stacklevel=2)
    return blockwise(*args, **kwargs)
