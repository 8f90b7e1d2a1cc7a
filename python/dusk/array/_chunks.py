"""Chunk arithmetic: what `chunks=` may be, how chunks of several arrays fit together, and where each chunk lies.

Covers tuples of numbers only; cutting arrays is `rechunk`'s. Invariants: normalized chunks are a tuple of tuples of
ints, one tuple for each axis, none of them empty; an unknown length is the one object `numpy.nan`, so that equal
chunks compare equal.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterable, Sequence
from numbers import Number
from typing import Any, TypeAlias

import numpy as np

from dusk.utils import cached_cumsum, is_integer, parse_bytes

__all__ = [
    "CHUNKS_NONE_ERROR_MESSAGE",
    "Chunks",
    "PerformanceWarning",
    "axis_spec",
    "blockdims_from_blockshape",
    "broadcast_chunks",
    "broadcast_shapes",
    "cached_cumsum",
    "canonical",
    "chunk_specs",
    "common_blockdim",
    "is_known",
    "normalize_chunks",
    "normalize_chunks_cached",
    "same_chunks",
    "slices_from_chunks",
    "unify_chunks",
    "unknown_chunk_message",
]

Chunks: TypeAlias = tuple[tuple[int, ...], ...]

unknown_chunk_message = (
    "\n\nA possible solution: https://docs.dask.org/en/latest/array-chunks.html#unknown-chunks\n"
    "Summary: to compute chunks sizes, use\n\n"
    "   x.compute_chunk_sizes()  # for Dask Array `x`\n"
    "   ddf.to_dask_array(lengths=True)  # for Dask DataFrame `ddf`"
)

CHUNKS_NONE_ERROR_MESSAGE = (
    "You must specify a chunks= keyword argument.\n"
    "This specifies the chunksize of your array blocks.\n\n"
    "See the following documentation page for details:\n"
    "  https://docs.dask.org/en/latest/array-creation.html#chunks"
)


class PerformanceWarning(Warning):
    """An operation makes many more or much larger chunks than it was given."""


# What chunks are ------------------------------------------------------------------------------------------------------


def _is_nan(length: Any) -> bool:
    return isinstance(length, float) and math.isnan(length)


def is_known(lengths: Iterable[Any]) -> bool:
    """Return whether no length is NaN."""
    return not any(_is_nan(length) for length in lengths)


def canonical(chunks: Iterable[Iterable[Any]]) -> Chunks:
    """Return chunks as a tuple of tuples in which every unknown length is `numpy.nan` itself."""
    return tuple(tuple(np.nan if length != length else length for length in axis) for axis in chunks)


def same_chunks(a: Iterable[Iterable[Any]], b: Iterable[Iterable[Any]]) -> bool:
    """Return whether two arrays are cut alike, as far as that is known."""
    return canonical(a) == canonical(b)


def axis_spec(lengths: Sequence[Any]) -> range | tuple[Any, ...]:
    """Return the chunks of an axis as the engine takes them: a range where they have one length (but for the last).

    Examples
    --------
    >>> axis_spec((4, 4, 2))
    range(0, 10, 4)
    >>> axis_spec((4, 2, 4))
    (4, 2, 4)
    """
    if isinstance(lengths, range):
        return lengths
    if not lengths:
        return (0,)
    first, last = lengths[0], lengths[-1]
    if len(lengths) == 1 and first == 0:
        return range(0, 0, 1)
    # NaN is in no order; count() compares by identity first, which is fast for a regular grid's many equal ints
    if 0 < last <= first and tuple(lengths).count(first) == len(lengths) - (last != first):
        return range(0, first * (len(lengths) - 1) + last, first)
    return tuple(lengths)


def chunk_specs(chunks: Iterable[Sequence[Any]]) -> tuple[range | tuple[Any, ...], ...]:
    """Return the chunks of all axes as the engine takes them."""
    return tuple(axis_spec(axis) for axis in chunks)


def slices_from_chunks(chunks: Sequence[Sequence[int]]) -> list[tuple[slice, ...]]:
    """Return where each block lies, in C order.

    Examples
    --------
    >>> slices_from_chunks(((2, 1), (3,)))
    [(slice(0, 2, None), slice(0, 3, None)), (slice(2, 3, None), slice(0, 3, None))]
    """
    axes = []
    for lengths in chunks:
        ends = list(itertools.accumulate(lengths))
        axes.append([slice(end - length, end) for end, length in zip(ends, lengths)])
    return list(itertools.product(*axes))


def blockdims_from_blockshape(shape: Sequence[int] | None, chunks: Sequence[int] | None) -> Chunks:
    """Return the chunks of an array that is cut into blocks of one shape.

    Examples
    --------
    >>> blockdims_from_blockshape((10, 10), (4, 3))
    ((4, 4, 2), (3, 3, 3, 1))
    >>> blockdims_from_blockshape((10, 0), (4, 0))
    ((4, 4, 2), (0,))
    """
    if chunks is None:
        raise TypeError("Must supply chunks= keyword argument")
    if shape is None:
        raise TypeError("Must supply shape= keyword argument")
    if not (is_known(shape) and is_known(chunks)):
        raise ValueError(f"Array chunk sizes are unknown. shape: {shape}, chunks: {chunks}{unknown_chunk_message}")
    if not all(is_integer(length) for length in chunks):
        raise ValueError("chunks can only contain integers.")
    if not all(is_integer(length) for length in shape):
        raise ValueError("shape can only contain integers.")
    return tuple(_cut(int(length), int(chunk)) for length, chunk in zip(shape, chunks))


def _cut(length: int, chunk: int) -> tuple[int, ...]:
    if length == 0:
        return (0,)
    count, rest = divmod(length, chunk)
    return (chunk,) * count + ((rest,) if rest else ())


# chunks= --------------------------------------------------------------------------------------------------------------


def normalize_chunks(
    chunks: Any,
    shape: Sequence[int] | None = None,
    limit: int | str | None = None,
    dtype: Any = None,
    previous_chunks: Any = None,
) -> Chunks:
    """Return what `chunks=` may be as a tuple of tuples, one for each axis.

    Parameters
    ----------
    chunks : int, str, tuple, list, dict or array
        One for all axes, one for each, or those of some axes by their number. Each is a length, a tuple of lengths,
        -1 or None for the whole axis, "auto", or a number of bytes such as "64MiB".
    shape : tuple of int, optional
        The shape of the array.
    limit : int or str, optional
        The bytes of a chunk that "auto" aims at; the setting `array.chunk-size` if not given.
    dtype : dtype, optional
        Needed for "auto".
    previous_chunks : chunks, optional
        Chunks that "auto" keeps boundaries of where it can.

    Examples
    --------
    >>> normalize_chunks((2, 2), shape=(5, 6))
    ((2, 2, 1), (2, 2, 2))
    >>> normalize_chunks({0: 3}, shape=(6, 4))
    ((3, 3), (4,))
    >>> normalize_chunks("1kiB", shape=(600,), dtype="float32")
    ((256, 256, 88),)
    """
    if dtype and not isinstance(dtype, np.dtype):
        dtype = np.dtype(dtype)
    chunks = _one_per_axis(chunks, shape)
    if shape is not None and any(c is None or (isinstance(c, Number) and c == -1) for c in chunks):
        chunks = tuple(
            length if c is None or (isinstance(c, Number) and c == -1) else c for c, length in zip(chunks, shape)
        )
    chunks, limit = _byte_limit(chunks, limit)
    if any(isinstance(c, str) for c in chunks):
        from dusk.array._auto_chunks import auto_chunks

        chunks = auto_chunks(chunks, shape, limit, dtype, previous_chunks)
    uniform = False
    if chunks and shape is not None:
        uniform = all(isinstance(c, int) for c in chunks)
        chunks = _lengths_per_axis(shape, chunks)
    for c in chunks:
        if not c:
            raise ValueError(
                "Empty tuples are not allowed in chunks. Express zero length dimensions with 0(s) in chunks"
            )
    if shape is not None and not uniform:
        for c, length in zip(chunks, shape):
            total = sum(c)
            if total == total and length == length and total != length:
                raise ValueError(f"Chunks do not add up to shape. Got chunks={chunks}, shape={shape}")
    return tuple(tuple(np.nan if length != length else int(length) for length in c) for c in chunks)


def _one_per_axis(chunks: Any, shape: Sequence[int] | None) -> tuple[Any, ...]:
    """Return what was given, as a tuple with an entry for each axis."""
    if chunks is None:
        raise ValueError(CHUNKS_NONE_ERROR_MESSAGE)
    if isinstance(chunks, Number | str):
        if shape is None:
            raise TypeError(f"chunks={chunks!r} for all axes needs shape=")
        chunks = (chunks,) * len(shape)
    elif isinstance(chunks, dict):
        if shape is None:
            raise TypeError("chunks= by axis needs shape=")
        chunks = tuple(chunks.get(i) for i in range(len(shape)))
    elif isinstance(chunks, np.ndarray):
        chunks = chunks.tolist()
    if isinstance(chunks, list):
        chunks = tuple(chunks)
    if not shape:
        return chunks
    if not chunks and all(length == 0 for length in shape):
        return ((0,),) * len(shape)
    if len(shape) == 1 and len(chunks) > 1 and all(isinstance(c, Number | str) for c in chunks):
        return (chunks,)
    if len(chunks) != len(shape):
        raise ValueError(f"Chunks and shape must be of the same length/dimension. Got chunks={chunks}, shape={shape}")
    return chunks


def _byte_limit(chunks: tuple[Any, ...], limit: int | str | None) -> tuple[tuple[Any, ...], int | str | None]:
    """Take numbers of bytes out of chunks: return them with "auto" instead, and the limit."""
    for c in chunks:
        if isinstance(c, str) and c != "auto":
            parsed = parse_bytes(c)
            if limit is None:
                limit = parsed
            elif parsed != limit:
                raise ValueError(
                    f"Only one consistent value of limit or chunk is allowed.Used {parsed} != {limit}",
                )
    return tuple("auto" if isinstance(c, str) else c for c in chunks), limit


def _lengths_per_axis(shape: Sequence[int], chunks: Iterable[Any]) -> tuple[Any, ...]:
    """Return chunks with each axis' single length written out."""
    return tuple(
        c if isinstance(c, tuple | list) else blockdims_from_blockshape((length,), (c,))[0]
        for length, c in zip(shape, chunks)
    )


def normalize_chunks_cached(
    chunks: Any,
    shape: Any = None,
    limit: Any = None,
    dtype: Any = None,
    previous_chunks: Any = None,
) -> Chunks:
    """Return :func:`normalize_chunks` of hashable arguments."""
    return normalize_chunks(chunks, shape=shape, limit=limit, dtype=dtype, previous_chunks=previous_chunks)


# Several arrays -------------------------------------------------------------------------------------------------------


def broadcast_shapes(*shapes: Sequence[Any]) -> tuple[Any, ...]:
    """Return the shape that arrays of these shapes broadcast to; lengths may be NaN.

    Examples
    --------
    >>> broadcast_shapes((4, 1), (3,))
    (4, 3)
    """
    if len(shapes) == 1:
        return tuple(shapes[0])
    out: list[Any] = []
    for lengths in itertools.zip_longest(*(reversed(shape) for shape in shapes), fillvalue=1):
        known = {length for length in lengths if length == length} - {1}
        # Dask's rule, too: a length that isn't known goes with 0 and 1 only
        if len(known) > 1 or (known - {0} and not is_known(lengths)):
            texts = " ".join(str(shape) for shape in shapes)
            raise ValueError(f"operands could not be broadcast together with shapes {texts}")
        if not is_known(lengths):
            out.append(np.nan)
        else:
            out.append(int(known.pop()) if known else 1)
    return tuple(reversed(out))


def broadcast_chunks(*chunkss: Chunks) -> Chunks:
    """Return the chunks that arrays with these chunks broadcast to.

    Examples
    --------
    >>> broadcast_chunks(((10, 10), (5, 5)), ((5, 5),))
    ((10, 10), (5, 5))
    """
    if not chunkss:
        return ()
    if len(chunkss) == 1:
        return chunkss[0]
    ndim = max(len(chunks) for chunks in chunkss)
    padded = [((1,),) * (ndim - len(chunks)) + tuple(chunks) for chunks in canonical_all(chunkss)]
    result = []
    for lengths in zip(*padded):
        wide = [c for c in lengths if c != (1,)] or list(lengths)
        if len(set(wide)) != 1:
            raise ValueError(f"Chunks do not align: {wide}")
        result.append(wide[0])
    return tuple(result)


def canonical_all(chunkss: Iterable[Chunks]) -> list[Chunks]:
    """Return :func:`canonical` of the chunks of several arrays."""
    return [canonical(chunks) for chunks in chunkss]


def common_blockdim(blockdims: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """Return chunks of an axis such that each chunk lies in one chunk of every one of these.

    Parameters
    ----------
    blockdims : iterable of tuple of int
        Chunks of axes of one length.

    Examples
    --------
    >>> common_blockdim([(3,), (2, 1)])
    (2, 1)
    >>> common_blockdim([(1, 2), (2, 1)])
    (1, 1, 1)
    """
    dims = list(dict.fromkeys(canonical(blockdims)))
    if not any(dims):
        return ()
    cut = [lengths for lengths in dims if len(lengths) > 1]
    if len(cut) == 1:
        return cut[0]
    if not cut:
        return max(dims, key=lambda lengths: lengths[0])
    if not all(is_known(lengths) for lengths in dims):
        raise ValueError(
            f"Arrays' chunk sizes ({set(dims)}) are unknown.\n\nA possible solution:\n  x.compute_chunk_sizes()"
        )
    totals = {sum(lengths) for lengths in cut}
    if len(totals) > 1:
        raise ValueError("Chunks do not add up to same value", set(dims))
    total = totals.pop()
    # walk along all of them; each step ends where the first of the current chunks ends
    places = [0] * len(cut)
    rest = [lengths[0] for lengths in cut]
    out: list[int] = []
    done = 0
    while done < total:
        step = min(rest)
        out.append(step)
        done += step
        for k, lengths in enumerate(cut):
            rest[k] -= step
            if rest[k] == 0 and places[k] + 1 < len(lengths):
                places[k] += 1
                rest[k] = lengths[places[k]]
    return tuple(out)


def without_empty_chunks(x: Any, axes: Iterable[int] | None = None) -> Any:
    """Return an array without chunks of length 0, but one along an axis that has no elements.

    Masks leave such chunks, and functions that go by the lengths of chunks would take them for the ends of an axis.

    Parameters
    ----------
    x : Array
    axes : iterable of int, optional
        All by default.
    """
    cut = {
        axis: tuple(length for length in x.chunks[axis] if length) or (0,)
        for axis in (range(x.ndim) if axes is None else axes)
        if 0 in x.chunks[axis] and len(x.chunks[axis]) > 1 and is_known(x.chunks[axis])
    }
    return x.rechunk(cut) if cut else x


def unify_chunks(*args: Any, **kwargs: Any) -> tuple[dict[Any, Any], Sequence[Any]]:
    """Cut arrays alike along the axes that they share.

    Parameters
    ----------
    *args : pairs of array and index
        The index has a label for each axis of the array; None stands for something that is no array.
    warn : bool, default True
        Whether to warn of ten times as many chunks or more.

    Returns
    -------
    chunkss : dict
        The chunks of each label.
    arrays : list
        The arrays, rechunked where needed.
    """
    from dusk.array._lengths import sized_alike
    from dusk.array.core import asanyarray

    warn = kwargs.get("warn", True)
    if not args:
        return {}, []
    inds = list(args[1::2])
    arrays = [asanyarray(a) if ind is not None else a for a, ind in zip(args[::2], inds)]
    if all(ind is None for ind in inds):
        return {}, arrays
    # indices may be strings, lists or ranges; they are only read
    comparable = len(arrays) == 1 or all(is_known(a.shape) for a, ind in zip(arrays, inds) if ind is not None)
    if (
        comparable
        and all(ind is not None and tuple(ind) == tuple(inds[0]) for ind in inds)
        and all(same_chunks(a.chunks, arrays[0].chunks) for a in arrays)
    ):
        return dict(zip(inds[0], arrays[0].chunks)), arrays
    arrays = sized_alike(arrays, inds)
    # an axis of length 1 broadcasts to the others if it is in one chunk; one of length 0 is in one chunk everywhere
    arrays = [
        a if ind is None else without_empty_chunks(a, [axis for axis in range(a.ndim) if a.shape[axis] <= 1])
        for a, ind in zip(arrays, inds)
    ]
    found: dict[Any, list[tuple[int, ...]]] = {}
    parts = 0
    for a, ind in zip(arrays, inds):
        if ind is None:
            continue
        parts = max(parts, a.npartitions)
        for label, lengths in zip(ind, canonical(a.chunks)):
            found.setdefault(label, []).append(lengths)
    chunkss = {}
    for label, all_lengths in found.items():
        distinct = set(all_lengths)
        # an axis of length 1 broadcasts to the others
        chunkss[label] = common_blockdim(distinct - {(1,)} if len(distinct) > 1 else distinct)
    count = math.prod(len(lengths) for lengths in chunkss.values())
    if warn and count and count >= parts * 10:
        warnings.warn(
            f"Increasing number of chunks by factor of {int(count / parts)}", PerformanceWarning, stacklevel=3
        )
    return chunkss, [a if ind is None else _cut_like(a, ind, chunkss) for a, ind in zip(arrays, inds)]


def _cut_like(a: Any, ind: Iterable[Any], chunkss: dict[Any, Any]) -> Any:
    chunks = tuple(
        chunkss[label] if not length <= 1 else canonical((own,))[0]
        for label, length, own in zip(ind, a.shape, a.chunks)
    )
    if same_chunks(chunks, a.chunks) or not all(a.chunks):
        return a
    return a.rechunk(chunks)
