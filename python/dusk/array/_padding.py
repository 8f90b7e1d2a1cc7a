"""Arrays made larger at their ends: constants, repeats and reflections of what is there, statistics, users' functions.

One axis after another, as NumPy does it. Padding from the array itself is a matter of positions: NumPy tells which
ones for a row of numbers, and runs of positions are views.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from numbers import Number
from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._chunks import normalize_chunks, without_empty_chunks
from dusk.array._from_array import asarray, from_array
from dusk.array._joining import broadcast_to, concatenate
from dusk.array._lengths import sized
from dusk.array._views import block_call

__all__ = ["pad"]

_OPTIONS: dict[str, list[str]] = {
    "constant": ["constant_values"],
    "edge": [],
    "empty": [],
    "linear_ramp": ["end_values"],
    "maximum": ["stat_length"],
    "mean": ["stat_length"],
    "median": ["stat_length"],
    "minimum": ["stat_length"],
    "reflect": ["reflect_type"],
    "symmetric": ["reflect_type"],
    "wrap": [],
}


def _pairs(ndim: int, value: Any) -> list[tuple[Any, Any]]:
    """Return what is before and after for each axis, from NumPy's short forms."""
    if isinstance(value, dict):
        full = [(0, 0)] * ndim
        for axis, each in value.items():
            full[axis] = (each, each) if isinstance(each, Number) else tuple(each)
        return full
    if isinstance(value, Number | np.generic) or getattr(value, "ndim", None) == 0:
        return [(value, value)] * ndim
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, Sequence):
        raise TypeError("`pad_value` must be composed of integral typed values.")
    given = [list(each) if isinstance(each, Sequence | np.ndarray) else each for each in value]
    if all(not isinstance(each, list) for each in given):
        if len(given) == 1:
            return [(given[0], given[0])] * ndim
        if len(given) == 2:
            return [(given[0], given[1])] * ndim
    elif all(isinstance(each, list) and len(each) in (1, 2) for each in given):
        pairs = [(each[0], each[-1]) for each in given]
        if len(pairs) == ndim:
            return pairs
        if len(pairs) == 1:
            return pairs * ndim
    raise TypeError("`pad_value` must be composed of integral typed values.")


@derived_from(np)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Array:
    array = without_empty_chunks(sized(asarray(array)))
    widths = _pairs(array.ndim, pad_width)
    if any(not isinstance(width, int | np.integer) for pair in widths for width in pair):
        raise TypeError("`pad_width` must be of integral type.")
    if any(width < 0 for pair in widths for width in pair):
        raise ValueError("index can't contain negative values")
    if callable(mode):
        return _by_function(array, widths, mode, kwargs)
    if mode not in _OPTIONS:
        raise ValueError(f"mode '{mode}' is not supported")
    unsupported = set(kwargs) - set(_OPTIONS[mode])
    if unsupported:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {unsupported}")
    if mode in ("maximum", "mean", "minimum", "median"):
        if mode == "median":
            raise NotImplementedError("`pad` does not support `mode` of `median`.")
        lengths = kwargs.get("stat_length")
        stats = [(None, None)] * array.ndim if lengths is None else _pairs(array.ndim, lengths)
        ends: Callable[..., list[Array]] = partial(_statistics, mode, stats)
    elif mode in ("constant", "empty"):
        ends = partial(_constants, _pairs(array.ndim, kwargs.get("constant_values", 0)))
    elif mode == "linear_ramp":
        ends = partial(_ramps, _pairs(array.ndim, kwargs.get("end_values", 0)))
    elif mode == "edge":
        ends = _edges
    else:
        ends = partial(_reused, mode, kwargs.get("reflect_type", "even"))
    for axis, (before, after) in enumerate(widths):
        if before or after:
            first, last = ends(array, axis, (int(before), int(after)))
            parts = [part for part, width in ((first, before), (array, 1), (last, after)) if width]
            array = concatenate(parts, axis=axis)
    return array


def _with_axis(x: Array, axis: int, length: int) -> tuple[int, ...]:
    return (*x.shape[:axis], length, *x.shape[axis + 1 :])


def _constants(values: list[tuple[Any, Any]], x: Array, axis: int, widths: tuple[int, int]) -> list[Array]:
    parts = []
    for value, width in zip(values[axis], widths):
        if isinstance(value, Array):
            one = value.astype(x.dtype)
        else:  # with axes: an object without any would lose its dtype
            one = from_array(np.full((1,) * x.ndim, value).astype(x.dtype), chunks=-1)
        most = max(max(x.chunks[axis]), 1)
        own = normalize_chunks((most,), (width,))[0] if width else (0,)
        chunks = (*x.chunks[:axis], own, *x.chunks[axis + 1 :])
        parts.append(broadcast_to(one, _with_axis(x, axis, width), chunks))
    return parts


def _edge(x: Array, axis: int, last: bool) -> Array:
    return x[(slice(None),) * axis + (slice(-1, None) if last else slice(None, 1),)]


def _wide(one: Array, x: Array, axis: int, width: int) -> Array:
    """Repeat what has length 1 along an axis."""
    chunks = (*x.chunks[:axis], (width,), *x.chunks[axis + 1 :])
    return broadcast_to(
        one.rechunk((*x.chunks[:axis], (1,), *x.chunks[axis + 1 :])), _with_axis(x, axis, width), chunks
    )


def _edges(x: Array, axis: int, widths: tuple[int, int]) -> list[Array]:
    return [_wide(_edge(x, axis, last), x, axis, width) for last, width in zip((False, True), widths)]


def _ramps(values: list[tuple[Any, Any]], x: Array, axis: int, widths: tuple[int, int]) -> list[Array]:
    parts = []
    for last, value, width in zip((False, True), values[axis], widths):
        edge = _edge(x, axis, last)
        chunks = (*x.chunks[:axis], (width,), *x.chunks[axis + 1 :])
        function = partial(_ramp, value, width, axis, last)
        token = ("ramp", value, width, axis, last)
        parts.append(block_call(function, [edge], [range(x.ndim)], chunks, x._meta, "linear-ramp", token=token))
    return parts


def _ramp(value: Any, width: int, axis: int, last: bool, edge: Any) -> Any:
    ramp = np.linspace(value, edge.squeeze(axis), num=width, endpoint=False, dtype=edge.dtype, axis=axis)
    return np.flip(ramp, axis) if last else ramp


def _statistics(mode: str, lengths: list[tuple[Any, Any]], x: Array, axis: int, widths: tuple[int, int]) -> list[Array]:
    size = x.shape[axis]
    parts = []
    for last, length, width in zip((False, True), lengths[axis], widths):
        length = size if length is None else min(int(length), size)
        if length == 0:
            raise ValueError("stat_length of 0 yields no value for padding")
        part = x[(slice(None),) * axis + (slice(size - length, None) if last else slice(None, length),)]
        one = getattr(part, {"maximum": "max", "minimum": "min", "mean": "mean"}[mode])(axis=axis, keepdims=True)
        if mode == "mean":
            one = one.map_blocks(_rounded, x.dtype, dtype=x.dtype)
        parts.append(_wide(one, x, axis, width))
    return parts


def _rounded(block: Any, dtype: Any) -> Any:
    return (np.round(block) if dtype.kind in "iu" else block).astype(dtype)


def _reused(mode: str, kind: str, x: Array, axis: int, widths: tuple[int, int]) -> list[Array]:
    if mode != "wrap" and kind not in ("even", "odd"):
        raise ValueError("unsupported value for reflect_type, must be one of (`even`, `odd`)")
    size = x.shape[axis]
    if size == 0:
        raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
    if kind == "odd" and mode != "wrap" and max(widths) > size - (mode == "reflect"):
        # a reflection of a reflection depends on both edges
        raise NotImplementedError("`pad` supports `reflect_type` of `odd` only for widths below the axis' length.")
    positions = np.pad(np.arange(size), widths, mode=mode)
    parts = []
    for last, width in zip((False, True), widths):
        part = _at(x, axis, positions[len(positions) - width :] if last else positions[:width])
        if kind == "odd" and mode != "wrap" and width:
            edge = _edge(x, axis, last)
            part = (2 * edge - part).astype(x.dtype)
        parts.append(part)
    return parts


def _at(x: Array, axis: int, positions: Any) -> Array:
    """Return the elements at positions that are a few runs with steps."""
    before = (slice(None),) * axis
    if not len(positions):
        return x[(*before, slice(0, 0))]
    parts = []
    start = 0
    while start < len(positions):
        stop = start + 1
        step = 1
        if stop < len(positions) and positions[stop] != positions[start]:
            step = int(positions[stop] - positions[start])
            while stop < len(positions) and positions[stop] - positions[stop - 1] == step:
                stop += 1
        first, last = int(positions[start]), int(positions[stop - 1]) + (1 if step > 0 else -1)
        parts.append(x[(*before, slice(first, last if last >= 0 else None, step))])
        start = stop
    return concatenate(parts, axis=axis)


def _by_function(
    x: Array, widths: list[tuple[Any, Any]], function: Callable[..., Any], kwargs: dict[str, Any]
) -> Array:
    out = pad(x, widths, "constant")
    chunks = out.chunks
    for axis in range(out.ndim):
        whole = out.rechunk({axis: -1})
        out = whole.map_blocks(
            _along, token="pad", dtype=whole.dtype, function=function, width=widths[axis], iaxis=axis, options=kwargs
        ).rechunk(chunks)
    return out


def _along(block: Any, function: Any, width: Any, iaxis: int, options: dict[str, Any]) -> Any:
    """Give each row along an axis to a function of the user, which writes to it or returns another."""
    out = np.moveaxis(block.copy(), iaxis, -1)
    for index in np.ndindex(out.shape[:-1]):
        row = out[index]
        result = function(row, width, iaxis, options)
        if result is not None:
            out[index] = result
    return np.moveaxis(out, -1, iaxis)
