"""`x[...] = value`: the plan behind an array is replaced by one whose blocks have the values in them.

A call for each block works out which of its elements are meant; blocks without any stay as they are, uncopied. Values
that are arrays of dusk are cut so that each call gets its own part. What NumPy allows is allowed, also where Dask
raises NotImplementedError; several arrays of positions are `_setpoints`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from dusk._collection import is_dusk_collection
from dusk.array._array import Array
from dusk.array._chunks import cached_cumsum, is_known, same_chunks
from dusk.array._getitem import take_axis
from dusk.array._index import check_index, expand_index, normalize_slice, posify_index, sanitize_index
from dusk.array._lengths import sized, sized_alike
from dusk.array._setpoints import needs_points, set_points
from dusk.array._views import assign_to, block_call, is_native

__all__ = ["set_vindex", "setitem", "setitem_array"]


def setitem(x: Array, key: Any, value: Any) -> None:
    """Do `x[key] = value`."""
    assign_to(x, setitem_array(x, key, value))
    x._boxed = not x.ndim  # what can be assigned to is an array


def set_vindex(x: Array, key: Any, value: Any) -> None:
    """Do `x.vindex[key] = value`."""
    value = _value(x, key, value)
    known = sized(x)
    entries = _entries(known, key)
    if entries is not None:
        assign_to(x, set_points(known, entries, sized(value) if isinstance(value, Array) else value, first=True))


def setitem_array(x: Array, key: Any, value: Any) -> Array:
    """Return what `x` is after `x[key] = value`."""
    value = _value(x, key, value)
    if isinstance(key, str) or (isinstance(key, list) and key and all(isinstance(name, str) for name in key)):
        return _set_field(x, key, value)
    if isinstance(key, tuple) and len(key) == 1 and _is_whole_mask(key[0], x):
        key = key[0]
    if _is_whole_mask(key, x):
        return _set_where(x, key, value)
    if isinstance(key, Array) and key.dtype == bool and 1 < key.ndim < x.ndim and not value.ndim:
        from dusk.array.core import broadcast_to

        key, x = sized(key), sized(x)
        if key.shape != x.shape[: key.ndim]:
            raise IndexError(f"boolean index of shape {key.shape} did not match indexed array of shape {x.shape}")
        return _set_where(x, broadcast_to(key[(..., *([None] * (x.ndim - key.ndim)))], x.shape), value)
    x = sized(x)
    if isinstance(value, Array):
        value = sized(value)
    entries = _entries(x, key)
    if entries is None:
        return x
    if needs_points(entries) or _apart(entries):
        return set_points(x, entries, value)
    index, implied, value = _parse(x, entries, value)
    if any(length == 0 for _, length in implied):
        return x
    return _set(x, index, implied, value)


def _value(x: Array, key: Any, value: Any) -> Any:
    """Return the value as an array of NumPy or dusk in the array's dtype."""
    if value is np.ma.masked:
        value = np.ma.masked_all((), dtype=x.dtype)
    dtype = x.dtype[key] if isinstance(key, str | list) and x.dtype.names and _names(key) else x.dtype
    if isinstance(value, Array):
        return value if value.dtype == dtype else value.astype(dtype)
    if is_dusk_collection(value):
        from dusk.array.core import asanyarray

        return asanyarray(value, dtype=dtype)
    found = np.asanyarray(value)
    if dtype.kind in "iu" and found.dtype.kind in "fc":
        if np.isnan(found).any():
            raise ValueError("cannot convert float NaN to integer")
        if np.isinf(found).any():
            raise ValueError("cannot convert float infinity to integer")
    if dtype.hasobject and not hasattr(value, "dtype"):
        found = np.asanyarray(value, dtype=object)
    return found if found.dtype == dtype else found.astype(dtype)


def _names(key: Any) -> bool:
    return isinstance(key, str) or (bool(key) and all(isinstance(name, str) for name in key))


def kind_of(x: Array, value: Any) -> Any:
    """Return the meta of the result: masked values make masked blocks."""
    meta = value._meta if isinstance(value, Array) else value
    if np.ma.isMA(meta) and type(x._meta) is np.ndarray:
        return np.ma.masked_array(x._meta)
    return x._meta


def writeable(block: Any, value: Any) -> Any:
    """Return a copy that takes the value."""
    if block is np.ma.masked:  # what NumPy makes of a masked element without axes; nobody may write to it
        return np.ma.masked_all((), dtype=getattr(value, "dtype", block.dtype))
    if np.ma.isMA(value) and not np.ma.isMA(block):
        return np.ma.array(block, copy=True)
    if not hasattr(block, "copy") or np.isscalar(block):
        return np.array(block)
    return block.copy()


# Fields ---------------------------------------------------------------------------------------------------------------


def _set_field(x: Array, key: Any, value: Any) -> Array:
    from dusk.array.core import asanyarray, broadcast_to

    value = broadcast_to(asanyarray(value), x.shape).rechunk(x.chunks)
    name = key if isinstance(key, str) else list(key)
    axes = list(range(x.ndim))
    function = partial(_field_set, name)
    return block_call(function, [x, value], [axes, axes], x.chunks, x._meta, "setitem", token=("field", name))


def _field_set(name: Any, block: Any, value: Any) -> Any:
    out = block.copy()
    out[name] = value
    return out


# Masks of the whole array ---------------------------------------------------------------------------------------------


def _is_whole_mask(key: Any, x: Array) -> bool:
    if isinstance(key, list):
        key = np.asarray(key)
    if not isinstance(key, Array | np.ndarray) or key.ndim == 0:
        return False
    if isinstance(key, Array) and key.dtype.kind not in "iub":
        return True  # what isn't 0 is true, as in Dask
    if key.dtype != bool:
        return False
    if isinstance(key, np.ndarray):
        return key.ndim == x.ndim and (key.ndim > 1 or key.shape == x.shape) and is_known(x.shape)
    return key.ndim == x.ndim


def _set_where(x: Array, mask: Any, value: Any) -> Array:
    if not isinstance(mask, Array):
        mask = np.asarray(mask)
        x = sized(x)
    else:
        x, mask = sized_alike([x, mask], [range(x.ndim), range(mask.ndim)])
    like = [a == b or a != a or b != b for a, b in zip(mask.shape, x.shape)]
    if mask.ndim != x.ndim or not all(like):
        raise IndexError(f"boolean index shape {mask.shape} must match indexed array's {x.shape}.")
    if isinstance(mask, np.ndarray):
        if value.ndim and not isinstance(value, Array):
            # one value for each place, in C order
            full = (
                np.zeros(mask.shape, dtype=value.dtype)
                if not np.ma.isMA(value)
                else np.ma.zeros(mask.shape, value.dtype)
            )
            full[mask] = value
            value = full
        elif value.ndim:
            return _set_ordered(x, mask, value)
        from dusk.array.core import from_array

        mask = from_array(mask, chunks=x.chunks)
    elif value.ndim and value.shape != (1,) * value.ndim:
        return _set_one_by_one(x, mask, value)
    if value.ndim and value.size == 1:
        value = value.reshape(())
    if mask.dtype != bool:
        mask = mask.astype(bool)
    if not same_chunks(mask.chunks, x.chunks):
        mask = mask.rechunk(x.chunks) if is_known(x.shape) and is_known(mask.shape) else mask
    if mask.numblocks != x.numblocks:
        raise ValueError(f"the blocks of the mask {mask.numblocks} must match those of the array {x.numblocks}")
    axes = list(range(x.ndim))
    meta = kind_of(x, value)
    if type(meta) is np.ndarray and is_native(x) and is_native(mask) and is_known(x.shape):
        from dusk.array._choice import where

        if isinstance(value, np.ndarray):
            value = value if value.ndim else value[()]
        return where(mask, value, x)
    if isinstance(value, Array) or value.ndim:
        from dusk.array.core import from_array

        if not isinstance(value, Array):
            value = from_array(value, chunks=x.chunks)
        picks = [axes, axes, axes if value.ndim else []]
        return block_call(_where, [x, mask, value], picks, x.chunks, meta, "setitem", token="where")
    function = partial(_where_one, value)
    return block_call(function, [x, mask], [axes, axes], x.chunks, meta, "setitem", token=("where", value))


def _set_ordered(x: Array, mask: Any, value: Array) -> Array:
    """Set the places of a mask to the elements of an array of dusk, one after the other."""
    flat = x.ravel()
    places = np.flatnonzero(mask)
    if not len(places):
        return x
    index, implied, value = _parse(flat, [places], value)
    return _set(flat, index, implied, value).reshape(x.shape).rechunk(x.chunks)


def _set_one_by_one(x: Array, mask: Array, value: Any) -> Array:
    """Set the elements of a mask that isn't computed to values, one by one: how many are set is found first."""
    from dusk.array.core import asanyarray

    value = sized(asanyarray(value))
    if value.ndim > 1:
        raise ValueError(
            f"NumPy boolean array indexing assignment requires a 0 or 1-dimensional input, input has {value.ndim} "
            "dimensions"
        )
    x = sized(x)
    flat, mask = x.ravel(), mask.astype(bool).rechunk(x.chunks).ravel()
    counts = sized(mask[mask]).chunks[0]
    if len(value) not in (1, sum(counts)):
        raise ValueError(
            f"NumPy boolean array indexing assignment cannot assign {len(value)} input values to the {sum(counts)} "
            "output values where the mask is true"
        )
    parts = value.rechunk((counts,)) if len(value) != 1 else value
    inputs, picks = [flat, mask, parts], [[0], [0], [0] if len(value) != 1 else [("at", 0)]]
    meta = kind_of(flat, value)
    done = block_call(_filled, inputs, picks, flat.chunks, meta, "setitem", token="one-by-one")
    return done.reshape(x.shape).rechunk(x.chunks)


def _filled(block: Any, mask: Any, values: Any) -> Any:
    out = writeable(block, values)
    out[np.asarray(mask)] = values
    return out


def _where(block: Any, mask: Any, value: Any) -> Any:
    # what isn't 0 is true, whatever the blocks hold
    mask = mask.astype(bool) if hasattr(mask, "astype") else np.asarray(mask, dtype=bool)
    if not mask.any():
        return block
    out = writeable(block, value)
    out[mask] = value[mask] if np.ndim(value) else value
    return out


def _where_one(value: Any, block: Any, mask: Any) -> Any:
    return _where(block, mask, value if value.ndim else value[()])


# Slices, integers, one array of positions -----------------------------------------------------------------------------


def _entries(x: Array, key: Any) -> list[Any] | None:
    """Return the index with an entry for each axis and None for new ones; None if nothing is to be set."""
    raw = []
    for ind in key if isinstance(key, tuple) else (key,):
        if isinstance(ind, Array) and ind.ndim == 0:
            ind = ind.compute()
        elif isinstance(ind, tuple | list | range):
            ind = np.asanyarray(ind) if len(ind) else np.zeros(0, dtype=np.intp)
        if isinstance(ind, np.ndarray) and ind.ndim == 0:
            ind = ind[()]
        raw.append(ind)
    truths = [ind for ind in raw if isinstance(ind, bool | np.bool_)]
    if not all(truths):
        return None
    # a true one is an axis of one element, which arrays take up
    beside = any(getattr(ind, "ndim", 0) for ind in raw)
    raw = [
        None if isinstance(ind, bool | np.bool_) else ind
        for ind in raw
        if not (beside and any(ind is t for t in truths))
    ]
    entries = list(expand_index(tuple(raw), x.shape))
    if sum(ind is not None for ind in entries) > x.ndim:
        raise IndexError("Too many indices for array")
    return entries


def _apart(entries: list[Any]) -> bool:
    """Return whether something stands between an integer and an array of positions: NumPy takes them for points."""
    places = [i for i, ind in enumerate(entries) if ind is not None and not isinstance(ind, slice)]
    arrays = any(getattr(ind, "ndim", 0) for ind in entries)
    return arrays and bool(places) and places[-1] - places[0] + 1 != len(places)


def _parse(x: Array, entries: list[Any], value: Any) -> tuple[list[Any], list[tuple[int, Any]], Any]:
    """Return the index with an entry for each axis, the axes that the values have, and the values in that order.

    Slices have positive steps in it: values that go backwards are turned round.
    """
    if any(ind is None for ind in entries):
        entries, value = _without_new_axes(entries, value)
    index: list[Any] = []
    implied: list[tuple[int, Any]] = []
    turned = []
    for axis, (ind, length) in enumerate(zip(entries, x.shape)):
        if isinstance(ind, Array):
            if ind.dtype == bool and ind.size == ind.size and ind.size != length:
                raise IndexError(
                    f"boolean index did not match indexed array along dimension {axis}; dimension is {length} but "
                    f"corresponding boolean dimension is {ind.size}"
                )
            index.append(ind)
            implied.append((axis, np.nan if ind.dtype == bool else ind.size))
            continue
        check_index(axis, ind, length)
        ind = posify_index(length, normalize_slice(sanitize_index(ind), length))
        if isinstance(ind, slice):
            start, stop, step = ind.indices(length)
            count = len(range(start, stop, step))
            if step < 0:
                start, step = start + step * (count - 1), -step
                turned.append(len(implied))
            index.append((start if count else 0, step, count))
            implied.append((axis, count))
        else:
            index.append(ind)
            if isinstance(ind, np.ndarray):
                implied.append((axis, len(ind)))
    value = _fitted(value, [length for _, length in implied], index, implied)
    flips = [False] * value.ndim
    for place in turned:
        own = value.ndim - len(implied) + place
        if own >= 0:
            flips[own] = value.shape[own] != 1
    if any(flips):
        value = value[tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)]
    return index, implied, value


def _without_new_axes(entries: Sequence[Any], value: Any) -> tuple[list[Any], Any]:
    """Take new axes out of an index, and out of the values those that go with them."""
    shown = [ind for ind in entries if not isinstance(ind, int | np.integer)]
    places = [i - len(shown) for i, ind in enumerate(shown) if ind is None]
    gone = [place for place in places if -place <= value.ndim]
    for place in gone:
        if value.shape[place] != 1:
            raise ValueError(f"shape mismatch: value array of shape {value.shape} has no length 1 along a new axis")
    if gone:
        drop = tuple(0 if axis - value.ndim in gone else slice(None) for axis in range(value.ndim))
        value = value[drop] if isinstance(value, Array) else np.asanyarray(value[drop])
    return [ind for ind in entries if ind is not None], value


def _fitted(value: Any, shape: list[Any], index: list[Any], implied: list[tuple[int, Any]]) -> Any:
    """Return the values without leading axes too many; raise when they can't be broadcast."""
    names = tuple(shape)
    extra = value.ndim - len(shape)
    if extra > 0:
        if value.shape[:extra] != (1,) * extra:
            raise ValueError(f"could not broadcast input array from shape{value.shape} into shape {names}")
        value = value[(0,) * extra]
        if not hasattr(value, "ndim") or not isinstance(value, Array | np.ndarray):
            value = np.asanyarray(value)
    for length, have, (axis, _) in zip(shape[::-1], value.shape[::-1], implied[::-1]):
        ind = index[axis]
        if have == 1 or have == length or have != have:
            continue
        if isinstance(ind, Array) and ind.dtype == bool:
            if have > ind.size:
                raise ValueError(
                    f"shape mismatch: value array dimension size of {have} is greater then corresponding boolean index "
                    f"size of {ind.size}"
                )
        elif length == length:
            raise ValueError(
                f"shape mismatch: value array of shape {value.shape} could not be broadcast to indexing result of "
                f"shape {names}"
            )
    return value


def _set(x: Array, index: list[Any], implied: list[tuple[int, Any]], value: Any) -> Array:
    axes = list(range(x.ndim))
    begins = tuple(cached_cumsum(lengths, initial_zero=True) for lengths in x.chunks)
    shown = [axis for axis, _ in implied][len(implied) - value.ndim :]
    lazy = [axis for axis, ind in enumerate(index) if isinstance(ind, Array)]
    inputs, picks = [x], [axes]
    if lazy:
        inputs.append(index[lazy[0]])
        picks.append([None])
        index[lazy[0]] = _Lazy()
    fixed = None
    wide = tuple(own != 1 for own in value.shape)
    if not isinstance(value, Array):
        fixed = value
    else:
        chunks: list[Any] = []
        pick: list[Any] = []
        for place, (axis, is_wide) in enumerate(zip(shown, wide)):
            ind = index[axis]
            if not is_wide:
                chunks.append((1,))
                pick.append(("at", 0))
            elif isinstance(ind, _Lazy):
                chunks.append(value.chunks[place])
                pick.append(None)
            else:
                if isinstance(ind, np.ndarray):
                    blocks = np.searchsorted(np.asarray(begins[axis][1:]), ind, side="right")
                    order = np.argsort(blocks, kind="stable")
                    index[axis] = ind[order]
                    value = take_axis(value, order, place, "setitem-order")
                    counts = np.bincount(blocks, minlength=len(x.chunks[axis]))
                else:
                    start, step, count = ind
                    ends = np.clip(-((start - np.asarray(begins[axis])) // step), 0, count)
                    counts = np.diff(ends)
                chunks.append(tuple(counts.tolist()))
                pick.append(axis)
        inputs.append(value.rechunk(tuple(chunks)) if chunks else value)
        picks.append(pick)
    spec = (tuple(index), begins, tuple(shown), wide, fixed, bool(lazy))
    meta = kind_of(x, value)
    token = ("setitem", [ind if not isinstance(ind, _Lazy) else "lazy" for ind in index], begins, shown, wide, fixed)
    return block_call(partial(_set_block, spec), inputs, picks, x.chunks, meta, "setitem", indexed=True, token=token)


class _Lazy:
    """An index that comes as an input."""

    __slots__ = ()


def _set_block(spec: tuple[Any, ...], site: Sequence[int], block: Any, *rest: Any) -> Any:
    """Set the elements that are meant within one block."""
    index, begins, shown, wide, fixed, lazy = spec
    local: list[Any] = []
    chosen: dict[int, Any] = {}
    for axis, ind in enumerate(index):
        begin, end = begins[axis][site[axis]], begins[axis][site[axis] + 1]
        if isinstance(ind, int):
            if not begin <= ind < end:
                return block
            local.append(slice(ind - begin, ind - begin + 1))
        elif isinstance(ind, tuple):
            start, step, count = ind
            first = min(max(0, -((start - begin) // step)), count)
            stop = min(max(0, -((start - end) // step)), count)
            if first == stop:
                return block
            at = start + first * step - begin
            local.append(slice(at, at + (stop - first - 1) * step + 1, step))
            chosen[axis] = slice(first, stop)
        else:
            if isinstance(ind, _Lazy):
                ind = _positions(rest[0], begins[axis][-1], axis)
                total = len(ind)
                if axis in shown and wide[shown.index(axis)]:
                    have = fixed.shape[shown.index(axis)] if fixed is not None else _length(rest[1], shown, axis, wide)
                    if have != total:
                        raise ValueError(
                            f"shape mismatch: value array has length {have} along an axis of which {total} are set"
                        )
            places = np.flatnonzero((ind >= begin) & (ind < end))
            if not len(places):
                return block
            local.append(ind[places] - begin)
            chosen[axis] = places
    value = fixed
    if value is None:
        value = rest[-1]
        if lazy:
            lazy_axes = [axis for axis, ind in enumerate(index) if isinstance(ind, _Lazy)]
            if lazy_axes[0] in shown and wide[shown.index(lazy_axes[0])]:
                from dusk.array._host import concatenate_nested

                place = shown.index(lazy_axes[0])
                value = concatenate_nested(value, [place])
                value = value[(slice(None),) * place + (chosen[lazy_axes[0]],)]
    elif fixed.ndim:
        for place, (axis, is_wide) in enumerate(zip(shown, wide)):
            if is_wide:
                value = value[(slice(None),) * place + (chosen[axis],)]
    if np.ndim(value):
        # axes of which one element is set have length 1 in the block and aren't in the value
        first = shown[0]
        value = value[tuple(slice(None) if axis in shown else None for axis in range(first, len(index)))]
    elif isinstance(value, np.ndarray) and not np.ma.isMA(value):
        value = value[()]
    out = writeable(block, value)
    out[tuple(local) if local else ()] = value
    return out


def _length(value: Any, shown: Sequence[int], axis: int, wide: Sequence[bool]) -> int:
    return sum(part.shape[shown.index(axis)] for part in value)


def _positions(parts: Sequence[Any], length: int, axis: int) -> Any:
    ind = np.concatenate([np.asarray(part) for part in parts])
    if ind.dtype == bool:
        return np.flatnonzero(ind)
    if ((ind >= length) | (ind < -length)).any():
        raise IndexError(f"Index is out of bounds for axis {axis} with size {length}")
    return np.where(ind < 0, ind + length, ind)
