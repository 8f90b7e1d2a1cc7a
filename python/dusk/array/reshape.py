"""Other shapes for the same elements in the same order.

Axes are matched from the last to the first into groups: one that stays, several that become one, or one that becomes
several. Within a group the array is cut such that each block is one run of elements before and after; then each block
is reshaped by itself. Which chunks come out follows Dask's rules. Invariant: no block gets much greater than those
before.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from dusk import _core
from dusk.array._array import Array, array_of, core_dtype
from dusk.array._auto_chunks import chunk_limit
from dusk.array._chunks import Chunks, chunk_specs, without_empty_chunks
from dusk.array._index import sanitize_index
from dusk.array._lengths import sized
from dusk.array._meta import meta_from_array
from dusk.array._views import block_call

__all__ = ["contract_tuple", "expand_tuple", "ravel", "reshape", "reshape_blockwise", "reshape_rechunk"]

_not_implemented_message = """axes that neither merge nor split into others evenly have no blocks that could be reshaped
each by itself: reshape to one axis first, then to the new shape"""


def reshape(x: Array, shape: Any, merge_chunks: bool = True, limit: Any = None) -> Array:
    """Return the array in another shape, in C order.

    Parameters
    ----------
    x : Array
    shape : int or tuple of int
        One of them may be -1: what remains.
    merge_chunks : bool, default True
        Whether chunks of leading axes may be put together; otherwise these axes are cut into single elements.
    limit : int or str, optional
        The most bytes of a block. By default blocks stay about as large as they are.

    Returns
    -------
    Array
    """
    shape = tuple(sanitize_index(length) for length in (shape if isinstance(shape, tuple | list) else (shape,)))
    unknown = [i for i, length in enumerate(shape) if length == -1]
    if len(unknown) > 1:
        raise ValueError("can only specify one unknown dimension")
    if unknown:
        if len(shape) == 1 and x.ndim == 1:
            return x
        x = sized(x)
        rest = math.prod(length for length in shape if length != -1)
        if rest == 0 or x.size % rest:
            raise ValueError(f"cannot reshape array of size {x.size} into shape {shape}")
        shape = tuple(x.size // rest if length == -1 else length for length in shape)
    x = sized(x)
    _check_size(x, shape)
    if x.shape == shape:
        return x
    x = without_empty_chunks(x)
    if x.size == 0:
        whole = tuple((length,) for length in x.shape)
        return _block_by_block(x.rechunk(whole), tuple((length,) for length in shape))
    if x.npartitions == 1:
        out = tuple((length,) for length in shape)
        return _limited(_block_by_block(x, out), limit)
    if not merge_chunks and x.ndim > len(shape):
        x = x.rechunk(dict.fromkeys(range(x.ndim - len(shape)), 1))
    if not _groups_match(x.shape, shape):
        # Through one axis: its blocks are runs of elements, whatever the axes before and after.
        return reshape(reshape(x, (x.size,), limit=limit), shape, limit=limit)
    before, after, _, _ = reshape_rechunk(x.shape, shape, x.chunks)
    return _limited(_block_by_block(x.rechunk(before), after), limit)


def _groups_match(before: Sequence[int], after: Sequence[int]) -> bool:
    """Return whether from the last axis to the first each one stays, is merged with others, or is split."""
    lengths, others = ([n for n in shape if n != 1] for shape in (before, after))
    while lengths:
        have, want = lengths.pop(), others.pop()
        merging, splitting = have < want, have > want
        while have != want:
            if have < want:
                if splitting:
                    return False
                have *= lengths.pop()
            else:
                if merging:
                    return False
                want *= others.pop()
    return True


def ravel(x: Any) -> Array:
    """Return the array with one axis, in C order.

    Parameters
    ----------
    x : array_like
    """
    from dusk.array.core import asanyarray

    return asanyarray(x).reshape((-1,))


def _limited(x: Array, limit: Any) -> Array:
    """Cut blocks of more bytes than allowed."""
    if limit is None or x.dtype.hasobject:
        return x
    most = chunk_limit(limit)
    if math.prod(max(lengths) for lengths in x.chunks) * x.dtype.itemsize <= most:
        return x
    return x.rechunk(dict.fromkeys(range(x.ndim), "auto"), block_size_limit=most)


def _check_size(x: Array, shape: Sequence[Any]) -> None:
    if math.prod(shape) != x.size:
        raise ValueError("total size of new array must be unchanged")


def _block_by_block(x: Array, chunks: Chunks, prefix: str = "reshape") -> Array:
    """Reshape the blocks, in C order, into those of an array with these chunks."""
    meta = meta_from_array(x._meta, ndim=len(chunks))
    counts = tuple(len(lengths) for lengths in chunks)
    follow = _following(x.numblocks, counts)
    function = partial(_reshaped, chunks)
    if follow is not None:
        return block_call(function, [x], [follow], chunks, meta, prefix, indexed=True, token=("reshape", chunks))
    # blocks change their places in the grid as well: a node for each
    nodes = []
    for index, own in zip(np.ndindex(*counts), np.ndindex(*x.numblocks)):
        cut = tuple((lengths[i],) for lengths, i in zip(chunks, index))
        at = [("at", i) for i in own]
        node = block_call(partial(_reshaped, cut), [x], [at], cut, meta, prefix, indexed=True, token=("reshape", cut))
        nodes.append(node._node)
    return array_of(_core.array_join(nodes, chunk_specs(chunks), core_dtype(meta), prefix=prefix), meta)


def _following(before: Sequence[int], after: Sequence[int]) -> list[Any] | None:
    """Return for each axis before which axis after has its blocks; None if several axes' blocks come into one."""
    cut_before = [axis for axis, count in enumerate(before) if count != 1]
    cut_after = [axis for axis, count in enumerate(after) if count != 1]
    if [before[axis] for axis in cut_before] != [after[axis] for axis in cut_after]:
        return None
    to = dict(zip(cut_before, cut_after))
    return [to.get(axis, ("at", 0)) for axis in range(len(before))]


def _reshaped(chunks: Chunks, index: Sequence[int], block: Any) -> Any:
    return block.reshape(tuple(lengths[i] for lengths, i in zip(chunks, index)))


# Which chunks ---------------------------------------------------------------------------------------------------------


def reshape_rechunk(
    inshape: Sequence[int],
    outshape: Sequence[int],
    inchunks: Chunks,
    disallow_dimension_expansion: bool = False,
) -> tuple[tuple[Any, ...], tuple[Any, ...], dict[int, int], list[int]]:
    """Return how to cut an array so that its blocks can be reshaped each by itself.

    Parameters
    ----------
    inshape, outshape : tuple of int
        The shapes before and after.
    inchunks : chunks
        The chunks before.
    disallow_dimension_expansion : bool
        Raise when an axis becomes several.

    Returns
    -------
    inchunks : chunks
        The chunks to cut it into.
    outchunks : chunks
        The chunks that come out then.
    mapper : dict
        Into which axis after each axis before goes.
    ones : list of int
        Axes after that come from none.
    """
    before: list[Any] = [None] * len(inshape)
    after: list[Any] = [None] * len(outshape)
    mapper: dict[int, int] = {}
    ones: list[int] = []
    i, o = len(inshape) - 1, len(outshape) - 1
    while i >= 0 or o >= 0:
        # beyond the first axis there is one more of length 1
        din = inshape[i] if i >= 0 else 1
        dout = outshape[o] if o >= 0 else 1
        if i >= 0 and o >= 0 and din == dout:
            before[i] = after[o] = inchunks[i]
            mapper[i] = o
            i, o = i - 1, o - 1
        elif i >= 0 and din == 1:
            before[i] = (1,)
            i -= 1
        elif o >= 0 and dout == 1:
            after[o] = (1,)
            ones.append(o)
            o -= 1
        elif din < dout:
            left = i
            while left >= 0 and math.prod(inshape[left : i + 1]) < dout:
                mapper[left] = o
                left -= 1
            if left < 0 or math.prod(inshape[left : i + 1]) != dout:
                raise NotImplementedError(_not_implemented_message)
            mapper[left] = o
            after[o] = _merge(left, i, inshape, inchunks, before)
            i, o = left - 1, o - 1
        else:
            if disallow_dimension_expansion:
                raise NotImplementedError(
                    "reshape_blockwise not implemented for expanding dimensions without passing chunk hints."
                )
            left = o
            while left >= 0 and math.prod(outshape[left : o + 1]) < din:
                left -= 1
            if left < 0 or math.prod(outshape[left : o + 1]) != din:
                raise NotImplementedError(_not_implemented_message)
            before[i] = _split(left, o, outshape, inchunks[i], after)
            i, o = i - 1, left - 1
    return tuple(before), tuple(after), mapper, ones


def _merge(left: int, right: int, shape: Sequence[int], chunks: Chunks, before: list[Any]) -> tuple[int, ...]:
    """Choose how to cut axes that become one; return the chunks of that one."""
    if all(len(chunks[axis]) == shape[axis] for axis in range(right)):
        # all axes before the last are single elements: whole blocks follow one another as they are
        before[: right + 1] = chunks[: right + 1]
        return chunks[right] * math.prod(len(chunks[axis]) for axis in range(left, right))
    for axis in range(left + 1, right + 1):
        before[axis] = (shape[axis],)
    before[left] = expand_tuple(chunks[left], math.prod(len(chunks[axis]) for axis in range(left + 1, right + 1)))
    _smooth_chunks(left, right, _largest(chunks, left, right), before)
    return _products(before, left, right)


def _split(left: int, right: int, shape: Sequence[int], chunks: tuple[int, ...], after: list[Any]) -> tuple[int, ...]:
    """Choose how to cut axes that are made of one; return the chunks of that one."""
    rest = math.prod(shape[left + 1 : right + 1])
    whole = contract_tuple(chunks, rest)
    for axis in range(left + 1, right + 1):
        after[axis] = (shape[axis],)
    after[left] = tuple(length // rest for length in whole)
    _smooth_chunks(left, right, max(chunks), after)
    return _products(after, left, right)


def _products(chunks: Sequence[Any], left: int, right: int) -> tuple[int, ...]:
    """Return the sizes of the blocks along several axes, in C order."""
    return tuple(math.prod(lengths) for lengths in itertools.product(*chunks[left : right + 1]))


def _largest(chunks: Sequence[Any], left: int, right: int) -> int:
    return math.prod(max(chunks[axis]) for axis in range(left, right + 1))


def _even(length: int, parts: int) -> tuple[int, ...]:
    """Return a length in parts of which the first ones are one shorter than the others, if need be."""
    up = -(-length // parts)
    short = up * parts - length
    return (up - 1,) * short + (up,) * (parts - short)


def _smooth_chunks(left: int, right: int, most: int, chunks: list[Any]) -> list[Any]:
    """Cut chunks of axes that belong together until a block has no more than `most` elements.

    Only the first axis that isn't cut into single elements may be cut: then each block stays one run of elements.
    """
    largest = _largest(chunks, left, right)
    if largest == most:
        return chunks
    axis = left
    while axis <= right and all(length == 1 for length in chunks[axis]):
        axis += 1
    if axis > right:
        return chunks
    own = chunks[axis]
    if len(own) == 1:
        cut = _even(own[0], max(1, min(math.ceil(largest / most), own[0])))
        chunks[axis] = cut
        if axis < right and all(length == 1 for length in cut):
            return _smooth_chunks(left, right, most, chunks)
        return chunks
    rest = largest // max(own)
    out: list[int] = []
    for length in own:
        if length * rest <= most:
            out.append(length)
        else:
            out.extend(_even(length, min(math.ceil(length * rest / most), length)))
    chunks[axis] = tuple(out)
    if axis < right and all(length == 1 for length in out):
        return _smooth_chunks(left, right, most, chunks)
    return chunks


def expand_tuple(chunks: tuple[int, ...], factor: int) -> tuple[int, ...]:
    """Return chunks cut into about `factor` parts each.

    Examples
    --------
    >>> expand_tuple((2, 4), 2)
    (1, 1, 2, 2)
    """
    if factor == 1:
        return chunks
    out = []
    for length in chunks:
        part = max(length / factor, 1)
        rest = length
        while rest >= 2 * part:
            out.append(int(part))
            rest -= int(part)
        if rest:
            out.append(rest)
    return tuple(out)


def contract_tuple(chunks: tuple[int, ...], factor: int) -> tuple[int, ...]:
    """Return chunks whose lengths are multiples of `factor`; what is left over goes to the next one.

    Examples
    --------
    >>> contract_tuple((1, 1, 2, 3, 1), 2)
    (2, 2, 2, 2)
    """
    out = []
    rest = 0
    for length in chunks:
        whole, rest = divmod(length + rest, factor)
        if whole:
            out.append(whole * factor)
    return tuple(out)


# Without C order ------------------------------------------------------------------------------------------------------


def reshape_blockwise(x: Array, shape: Any, chunks: Chunks | None = None) -> Array:
    """Return an array whose blocks are those of `x`, each reshaped by itself: no element moves, but not NumPy's order.

    Parameters
    ----------
    x : Array
    shape : int or tuple of int
    chunks : chunks, optional
        The chunks of the result; needed, and allowed, only when axes are added.

    Returns
    -------
    Array

    Examples
    --------
    >>> import numpy as np
    >>> import dusk.array as da
    >>> x = da.from_array(np.arange(27).reshape(3, 3, 3), chunks=(3, 2, (2, 1)))
    >>> reshape_blockwise(x, (3, 9)).chunks
    ((3,), (4, 2, 2, 1))
    """
    x = sized(x)
    if shape in (-1, (-1,)):
        shape = (x.size,)
    shape = shape if isinstance(shape, tuple) else (shape,)
    _check_size(x, shape)
    if shape == x.shape:
        return x
    if len(shape) > x.ndim:
        if chunks is None:
            raise TypeError("Need to specify chunks if expanding dimensions.")
        pairs = list(zip(itertools.product(*x.chunks), itertools.product(*chunks)))
        unlike = [(i, a, b) for i, (a, b) in enumerate(pairs) if math.prod(a) != math.prod(b)]
        if unlike:
            raise ValueError(
                "Chunk sizes do not match for the following chunks: "
                f"{[each[0] for each in unlike[:5]]}. \n"
                f"The corresponding chunksizes are: {[each[1:] for each in unlike[:5]]}. "
                "(restricted to first 5 entries)."
            )
        return _block_by_block(x, chunks, "reshape-blockwise")
    if chunks is not None:
        raise ValueError("Setting chunks is not allowed when reducing the number of dimensions.")
    _, _, mapper, ones = reshape_rechunk(x.shape, shape, x.chunks, disallow_dimension_expansion=True)
    sources: list[list[int]] = [[] for _ in shape]
    for axis, to in sorted(mapper.items()):
        sources[to].append(axis)
    out = tuple(
        (1,) if axis in ones else tuple(math.prod(each) for each in itertools.product(*(x.chunks[i] for i in own)))
        for axis, own in enumerate(sources)
    )
    return _block_by_block(x, out, "reshape-blockwise")
