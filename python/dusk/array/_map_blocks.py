"""A function of the user for each block of an array, or of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dusk.array._array import Array
from dusk.array._block_calls import Slot, block_call
from dusk.array._chunks import unify_chunks
from dusk.array._meta import compute_meta, infer_dtype, meta_from_array
from dusk.array.blockwise import _Concatenated
from dusk.utils import funcname, has_keyword

__all__ = ["map_blocks"]

_PANDAS = (pd.DataFrame, pd.Series, pd.Index)


class _Informed:
    """Calls a function with what it asks for about its block: ``block_id`` and ``block_info``."""

    __slots__ = ("__name__", "asks_id", "asks_info", "function", "ndim", "out", "sources")

    def __init__(
        self,
        function: Callable[..., Any],
        asks_id: bool,
        asks_info: bool,
        out: tuple[Any, Any],
        sources: dict[int, tuple[Any, Any, tuple[int | None, ...]]],
        ndim: int | None,
    ) -> None:
        self.function = function
        self.asks_id = asks_id
        self.asks_info = asks_info
        self.out = out
        self.sources = sources
        self.ndim = ndim
        self.__name__ = funcname(function)

    def __call__(self, index: tuple[int, ...], *args: Any, **kwargs: Any) -> Any:
        if self.asks_id:
            kwargs["block_id"] = index
        if self.asks_info:
            kwargs["block_info"] = self._info(index)
        result = self.function(*args, **kwargs)
        if self.ndim is not None and getattr(result, "ndim", 0) != self.ndim:
            raise ValueError(
                f"Dimension mismatch: expected output of {self.__name__} to have dims = {self.ndim}.  "
                f"Got {getattr(result, 'ndim', 0)} instead."
            )
        return result

    def _info(self, index: tuple[int, ...]) -> dict[Any, Any]:
        info: dict[Any, Any] = {}
        for position, (chunks, _, axes) in self.sources.items():
            # along an axis that is dropped, all blocks come as one
            chunks = tuple((sum(c),) if axis is None else c for c, axis in zip(chunks, axes, strict=True))
            at = tuple(0 if axis is None or len(chunks[i]) == 1 else index[axis] for i, axis in enumerate(axes))
            info[position] = _located(chunks, None, at)
        chunks, dtype = self.out
        info[None] = {
            **_located(chunks, dtype, index),
            "chunk-shape": tuple(lengths[i] for lengths, i in zip(chunks, index, strict=True)),
        }
        return info

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        sources = [(i, chunks, str(dtype), axes) for i, (chunks, dtype, axes) in self.sources.items()]
        return ("dusk-informed", self.function, self.asks_id, self.asks_info, self.out[0], sources, self.ndim)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Informed, (self.function, self.asks_id, self.asks_info, self.out, self.sources, self.ndim))


def _located(chunks: Any, dtype: Any, index: tuple[int, ...]) -> dict[str, Any]:
    """Return what ``block_info`` tells about one array."""
    ends = [np.cumsum((0, *lengths)) for lengths in chunks]
    info = {
        "shape": tuple(int(end[-1]) if end[-1] == end[-1] else float("nan") for end in ends),
        "num-chunks": tuple(len(lengths) for lengths in chunks),
        "array-location": [(_number(end[i]), _number(end[i + 1])) for end, i in zip(ends, index, strict=True)],
        "chunk-location": tuple(index),
    }
    if dtype is not None:
        info["dtype"] = dtype
    return info


def _number(x: Any) -> Any:
    return int(x) if x == x else float("nan")


def map_blocks(
    func: Callable[..., Any],
    *args: Any,
    name: str | None = None,
    token: str | None = None,
    dtype: Any = None,
    chunks: Any = None,
    drop_axis: Any = None,
    new_axis: Any = None,
    enforce_ndim: bool = False,
    meta: Any = None,
    **kwargs: Any,
) -> Array:
    """Call a function for each block of the arrays.

    Parameters
    ----------
    func : callable
        Gets a block of each array. If it has a parameter ``block_id`` or ``block_info``, it is told where its block is.
    *args
        Arrays, broadcast against each other block by block, and other arguments.
    name : str, optional
        The whole name of the result.
    token : str, optional
        The word before the hash in its name.
    dtype : dtype, optional
        Type of the result; by default the function is tried on a small block.
    chunks : tuple, optional
        The shape of the blocks of the result, or all lengths along each axis, if the function changes them.
    drop_axis : int or iterable, optional
        Axes that the function takes away.
    new_axis : int or iterable, optional
        Axes that the function adds, of length 1 if ``chunks`` doesn't say it.
    enforce_ndim : bool, default False
        Check that the function returns blocks of the right number of axes.
    meta : array, optional
        An empty example of a block of the result.
    **kwargs
        More arguments of the function.

    Returns
    -------
    Array
    """
    if drop_axis is None:
        drop_axis = []
    if not callable(func):
        raise TypeError(
            f"First argument must be callable function, not {type(func).__name__}\n"
            "Usage:   da.map_blocks(function, x)\n   or:   da.map_blocks(function, x, y, z)"
        )
    token = f"{token}" if token else None
    new_axes: list[int] = (
        list(new_axis) if isinstance(new_axis, (list, tuple)) else ([] if new_axis is None else [new_axis])
    )
    drop = [drop_axis] if isinstance(drop_axis, (int, np.integer)) else list(drop_axis)
    arrays = [arg for arg in args if isinstance(arg, Array)]
    # blocks go together by their number; arrays are cut alike only where their numbers differ
    if not _same_numbers(arrays):
        flat: list[Any] = []
        for arg in args:
            flat += [arg, tuple(range(arg.ndim))[::-1] if isinstance(arg, Array) else None]
        if not any(_has_nan(arg) for arg in arrays):
            _, cut = unify_chunks(*flat)
            args = tuple(cut)
            arrays = [arg for arg in args if isinstance(arg, Array)]
    ndim = max((arg.ndim for arg in arrays), default=0)
    # labels count from the last axis, as broadcasting does
    labels = list(range(ndim))[::-1]
    kept = list(labels)
    if drop:
        for axis in drop:
            if not -ndim <= axis < ndim:
                raise np.exceptions.AxisError(axis, ndim)
        gone = {axis % ndim for axis in drop}
        kept = [label for i, label in enumerate(labels) if i not in gone]
    out_ind = list(kept)
    fresh: list[int] = []
    if new_axis is None and chunks is not None and len(chunks) > len(out_ind) if not isinstance(chunks, int) else False:
        new_axes = list(range(len(chunks) - len(out_ind)))
    for axis in sorted(new_axes):
        if axis > len(out_ind):
            raise ValueError(f"new_axis={axis} leaves a gap: the result has {len(out_ind)} axes before it")
        label = ndim + len(fresh)
        out_ind.insert(axis, label)
        fresh.append(label)

    known: dict[int, tuple[Any, ...]] = {}
    for arg in arrays:
        for label, lengths in zip(range(arg.ndim)[::-1], arg.chunks, strict=True):
            old = known.get(label)
            if old is None or (len(old) < len(lengths)) or (sum_of(old) == 1 and sum_of(lengths) != 1):
                known[label] = lengths
    for label in fresh:
        known[label] = (1,)
    out_chunks = [known[label] for label in out_ind]
    if chunks is not None:
        out_chunks = _given_chunks(chunks, out_chunks, len(out_ind), [label in fresh for label in out_ind])

    inputs: list[tuple[Any, list[Any]]] = []
    slots: list[Any] = []
    sources: dict[int, Any] = {}
    asks_id, asks_info = has_keyword(func, "block_id"), has_keyword(func, "block_info")
    indexed = asks_id or asks_info or enforce_ndim
    axes_of: list[list[int]] = []
    for position, arg in enumerate(args):
        if not isinstance(arg, Array):
            slots.append(arg)
            axes_of.append([])
            continue
        own = list(range(arg.ndim))[::-1]
        picks = [out_ind.index(label) if label in out_ind else None for label in own]
        # along an axis that is dropped the function gets the whole length, in one piece
        axes_of.append([i for i, pick in enumerate(picks) if pick is None])
        sources[position] = (arg.chunks, arg.dtype, tuple(picks))
        inputs.append((arg, picks))
        slots.append(Slot(len(inputs) - 1 + indexed))

    if meta is None and dtype is None:
        plain = [arg._meta if isinstance(arg, Array) else arg for arg in args]
        named = dict(kwargs)
        if asks_id:
            named["block_id"] = (0,) * len(out_ind)
        if asks_info:
            named["block_info"] = _first_info(sources, out_chunks)
        meta = compute_meta(func, dtype, *plain, **named)
        if isinstance(meta, _PANDAS) and len(out_ind) <= 2 and not drop and not fresh:
            return _as_frames(func, args, kwargs, meta, token or funcname(func))
        if meta is None:
            dtype = infer_dtype(func, args, named, "map_blocks")
    elif meta is None:
        plain = [arg._meta if isinstance(arg, Array) else arg for arg in args]
        named = dict(kwargs)
        if asks_id:
            named["block_id"] = (0,) * len(out_ind)
        if asks_info:
            named["block_info"] = _first_info(sources, out_chunks)
        meta = compute_meta(func, dtype, *plain, **named)
    meta = meta_from_array(meta, ndim=len(out_ind), dtype=dtype)

    call: Callable[..., Any] = func
    if any(axes_of):
        call = _Concatenated(func, axes_of)
    if indexed:
        call = _Informed(
            call, asks_id, asks_info, (tuple(out_chunks), meta.dtype), sources, len(out_ind) if enforce_ndim else None
        )
        slots = [Slot(0), *slots]
    return block_call(
        call,
        inputs,
        out_chunks,
        meta,
        args=slots,
        kwargs=kwargs,
        prefix=token or (name.rsplit("-", 1)[0] if name and not token else funcname(func)),
        name=name,
        library=False,
        indexed=indexed,
    )


def _as_frames(func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], meta: Any, prefix: str) -> Any:
    """Return the collection of pandas objects that a function makes of blocks; they must be blocks of rows."""
    from dusk.dataframe._arrays import blocks_as_frame
    from dusk.dataframe._meta import make_meta

    inputs = [(arg, [0, *[None] * (arg.ndim - 1)]) for arg in args if isinstance(arg, Array)]
    if any(count != 1 for arg, _ in inputs for count in arg.numblocks[1:]):
        raise ValueError("a function that returns pandas objects needs blocks that hold whole rows: rechunk({1: -1})")
    slots = iter(range(len(inputs)))
    given = [Slot(next(slots)) if isinstance(arg, Array) else arg for arg in args]
    call = _Concatenated(func, [list(range(1, arg.ndim)) if isinstance(arg, Array) else [] for arg in args])
    blocks = block_call(
        call,
        inputs,
        inputs[0][0].chunks[:1],
        np.empty((0,), dtype=object),
        args=given,
        kwargs=kwargs,
        prefix=prefix,
        library=False,
    )
    return blocks_as_frame(blocks, make_meta(meta), None, prefix)


def sum_of(lengths: Sequence[Any]) -> Any:
    """Return the length of an axis."""
    return sum(lengths)


def _same_numbers(arrays: Sequence[Array]) -> bool:
    """Return whether arrays have as many blocks along each axis, or one."""
    found: dict[int, set[int]] = {}
    for x in arrays:
        for label, count in zip(range(x.ndim)[::-1], x.numblocks, strict=True):
            found.setdefault(label, set()).add(count)
    return all(len(counts - {1}) <= 1 for counts in found.values())


def _has_nan(x: Array) -> bool:
    return any(length != length for length in x.shape)


def _given_chunks(chunks: Any, inherited: list[Any], ndim: int, fresh: Sequence[bool]) -> list[Any]:
    """Return the lengths of the blocks of the result as the user gave them; new axes may have any number of blocks."""
    if isinstance(chunks, (int, np.integer)):
        chunks = (chunks,) * ndim
    if len(chunks) != ndim:
        raise ValueError(f"Provided chunks have {len(chunks)} dims; expected {ndim} dims")
    result: list[Any] = []
    for i, (given, lengths) in enumerate(zip(chunks, inherited, strict=True)):
        if isinstance(given, (tuple, list)):
            if len(given) == 1 and len(lengths) > 1:
                given = tuple(given) * len(lengths)
            if len(given) != len(lengths) and not fresh[i]:
                raise ValueError(f"Dimension {i} has {len(lengths)} blocks, chunks specified with {len(given)} blocks")
            result.append(tuple(given))
        elif given is None:
            result.append(tuple(lengths))
        else:
            result.append((given,) * len(lengths))
    return result


def _first_info(sources: dict[int, Any], out_chunks: list[Any]) -> dict[Any, Any]:
    info: dict[Any, Any] = {
        position: _located(chunks, None, (0,) * len(chunks)) for position, (chunks, _, _) in sources.items()
    }
    info[None] = {
        **_located(tuple(out_chunks), None, (0,) * len(out_chunks)),
        "chunk-shape": tuple(lengths[0] for lengths in out_chunks),
        "dtype": None,
    }
    return info
