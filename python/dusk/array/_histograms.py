"""Functions that count: histograms, counts of integers, places of values among sorted ones.

Each block is counted by itself and the counts are added up. Edges may be known only at the time of computing.
"""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import numpy as np

from dusk._collection import is_dusk_collection
from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._block_calls import Slot, block_call
from dusk.array._from_array import asarray
from dusk.array._meta import meta_without_mask
from dusk.array._reduction import fan_in

__all__ = ["bincount", "digitize", "histogram", "histogram2d", "histogramdd", "searchsorted"]


_range = range  # functions here have a parameter of this name


def _count_block(x: Any, bins: Any, limits: Any, weights: Any, ndim: int) -> Any:
    counts = np.histogram(x, bins, range=limits, weights=weights)[0]
    return counts.reshape((1,) * ndim + counts.shape)


def _edges(bins: Any, limits: Any) -> Any:
    return np.linspace(limits[0], limits[1], num=int(bins) + 1)


def _check_range(limits: Any) -> None:
    try:
        count = len(limits)
    except TypeError:
        raise TypeError(f"Expected a sequence or array for range, not {limits}") from None
    if count != 2:
        raise ValueError(f"range must be a sequence or array of length 2, but got {count} items")
    if isinstance(limits, (Array, np.ndarray)) and limits.shape != (2,):
        raise ValueError(f"range must be a 1-dimensional array of two items, but got an array of shape {limits.shape}")


def histogram(
    a: Any, bins: Any = None, range: Any = None, normed: bool = False, weights: Any = None, density: bool | None = None
) -> tuple[Array, Any]:
    """Count the elements of an array in bins, as `numpy.histogram`.

    Parameters
    ----------
    a : Array
    bins : int or sequence, or Array or Delayed of one
        How many bins there are, with ``range``, or their edges.
    range : pair, optional
        The outer edges. Needed if ``bins`` is a number.
    normed : bool, default False
        Must be False: ``density`` took its place.
    weights : Array, optional
        What each element counts, with the chunks of ``a``.
    density : bool, optional
        Return the density at each bin, whose integral is 1.

    Returns
    -------
    counts : Array
    edges : Array or numpy.ndarray
    """
    from dusk.delayed import Delayed

    a = asarray(a)
    if isinstance(bins, Array):
        scalar = bins.ndim == 0
    elif isinstance(bins, Delayed):
        scalar = getattr(bins, "_length", None) in (None, 1)
    elif is_dusk_collection(bins):
        raise TypeError(f"`bins` of `histogram` must be an Array, a Delayed or values, got: {bins!r}")
    else:
        scalar = np.ndim(bins) == 0
    if bins is None or (scalar and range is None):
        raise ValueError(
            "dask.array.histogram requires either specifying bins as an iterable or specifying both a range and the "
            "number of bins"
        )
    if normed is not False:
        raise ValueError("The normed= keyword argument has been deprecated. Please use density instead.")
    if weights is not None:
        weights = weights if isinstance(weights, Array) else asarray(weights).rechunk(a.chunks)
        if weights.chunks != a.chunks:
            raise ValueError("Input array and weights must have the same chunked structure")
    if density and scalar and is_dusk_collection(bins):
        raise NotImplementedError(
            "When `density` is True, `bins` cannot be a scalar Dask object. "
            "It must be a concrete number or a (possibly-delayed) array/sequence of bin edges."
        )
    if range is not None:
        _check_range(range)
    asked: Any = bins
    if scalar:
        lazy = any(is_dusk_collection(x) for x in (bins, range, *(range if isinstance(range, (list, tuple)) else ())))
        if lazy:
            length = np.nan if is_dusk_collection(bins) else bins + 1
            bins = block_call(_edges, [], [(length,)], np.empty(0), args=[bins, range], prefix="linspace")
        else:
            bins = _edges(bins, range)
    else:
        if isinstance(bins, Delayed):
            bins = block_call(np.asarray, [], [(bins._length,)], np.empty(0), args=[bins], prefix="edges")
        elif not isinstance(bins, (Array, np.ndarray)):
            bins = asarray(bins)
        if bins.ndim != 1:
            raise ValueError(f"bins must be a 1-dimensional array or sequence, got shape {bins.shape}")
        asked = bins
    picks = [*_range(a.ndim)]
    inputs = [(a, picks)] if weights is None else [(a, picks), (weights, picks)]
    example = None if weights is None else np.empty(0, weights.dtype)
    dtype = np.histogram(np.empty(0), bins=[0, 1], weights=example)[0].dtype
    counts = block_call(
        _count_block,
        inputs,
        [*((1,) * n for n in a.numblocks), (bins.shape[0] - 1,)],
        meta_without_mask(a._meta, a.ndim + 1, dtype),
        args=[Slot(0), asked, range, None if weights is None else Slot(1), a.ndim],
        prefix="histogram",
    )
    n = counts.sum(axis=tuple(picks), dtype=dtype) if picks else counts
    if density:
        widths = bins[1:] - bins[:-1]
        return n / asarray(widths.astype(float)) / n.sum(), bins
    return n, bins


def _count_rows(*args: Any) -> Any:
    *columns, edges, weights = args
    sample = columns[0] if len(columns) == 1 and columns[0].ndim == 2 else np.stack(columns, axis=1)
    return np.histogramdd(sample, edges, weights=weights)[0][np.newaxis]


def histogramdd(
    sample: Any, bins: Any, range: Any = None, normed: Any = None, weights: Any = None, density: bool | None = None
) -> tuple[Array, list[Any]]:
    """Count points in boxes, as `numpy.histogramdd`.

    Parameters
    ----------
    sample : Array or sequence of Array
        Points, one in each row and in one chunk across, or the coordinates one array each.
    bins : int or sequence
        How many bins there are along each axis, or their edges.
    range : sequence of pairs, optional
        The outer edges along each axis. Needed for numbers of bins.
    normed : bool, optional
        The old name of ``density``.
    weights : Array, optional
        What each point counts.
    density : bool, optional
        Return the density at each box.

    Returns
    -------
    counts : Array
    edges : list
    """
    if normed is not None and density is not None:
        raise TypeError("Cannot specify both 'normed' and 'density'")
    density = normed if density is None else density
    lists = [bins, range, *(bins if isinstance(bins, (list, tuple)) else ())]
    lists += [x for each in (range or ()) for x in [each, *(each if isinstance(each, (list, tuple)) else ())]]
    if any(is_dusk_collection(x) for x in lists):
        raise NotImplementedError("Passing dask collections to bins=... or range=... is not supported.")
    if hasattr(sample, "shape"):
        if len(sample.shape) != 2:
            raise ValueError("Single array input to histogramdd should be columnar")
        sample = asarray(sample)
        if sample.numblocks[1] != 1:
            raise ValueError("Input array can only be chunked along the 0th axis.")
        dims, rows = int(sample.shape[1]), sample.chunks[0]
        inputs: list[Any] = [(sample, [0, ("at", 0)])]
    elif isinstance(sample, (tuple, list)) and sample:
        columns = [asarray(each) for each in sample]
        if any(each.chunks != columns[0].chunks for each in columns):
            raise ValueError("All coordinate arrays must be chunked identically.")
        dims, rows = len(columns), columns[0].chunks[0]
        inputs = [(each, [0]) for each in columns]
    else:
        raise ValueError("Incompatible sample. Must be a 2D array or a sequence of 1D arrays.")
    if weights is not None:
        weights = weights if isinstance(weights, Array) else asarray(weights).rechunk((rows,))
        if weights.chunks != (rows,):
            rule = "must have the same shape and chunk structure"
            if isinstance(sample, (tuple, list)):
                raise ValueError(f"Input arrays and weights {rule}.")
            raise ValueError(f"Input array and weights {rule} along the first dimension.")
    if isinstance(bins, Integral):
        bins = (bins,) * dims
    if len(bins) != dims:
        raise ValueError("The dimension of bins must be equal to the dimension of the sample.")
    if range is not None:
        if len(range) != dims:
            raise ValueError("range argument requires one entry, a min max pair, per dimension.")
        if not all(len(each) == 2 for each in range):
            raise ValueError("range argument should be a sequence of pairs")
    edges = []
    for axis, each in enumerate(bins):
        if isinstance(each, Integral):
            if range is None:
                raise TypeError("range is needed where bins is a number: the limits aren't known before computing")
            edges.append(np.linspace(range[axis][0], range[axis][1], each + 1))
        else:
            edges.append(np.asarray(each))
    dtype = np.dtype(float)
    slots: list[Any] = [Slot(i) for i in _range(len(inputs))]
    if weights is not None:
        inputs.append((weights, [0]))
    counts = block_call(
        _count_rows,
        inputs,
        [(1,) * len(rows), *((len(each) - 1,) for each in edges)],
        np.empty((0,) * (dims + 1), dtype=dtype),
        args=[*slots, edges, None if weights is None else Slot(len(slots))],
        prefix="histogramdd",
    )
    n = counts.sum(axis=0)
    if density:
        volumes = np.ones(n.shape)
        for axis, each in enumerate(edges):
            volumes *= np.diff(each).reshape([-1 if i == axis else 1 for i in _range(dims)])
        return n / asarray(volumes) / n.sum(), edges
    return n, [asarray(each) for each in edges]


def histogram2d(
    x: Any,
    y: Any,
    bins: Any = 10,
    range: Any = None,
    normed: Any = None,
    weights: Any = None,
    density: bool | None = None,
) -> tuple[Array, Any, Any]:
    """Count pairs in rectangles, as `numpy.histogram2d`.

    Parameters
    ----------
    x, y : Array
        The coordinates, with the same chunks.
    bins, range, normed, weights, density
        As those of `histogramdd`.

    Returns
    -------
    counts : Array
    x_edges, y_edges : Array or numpy.ndarray
    """
    counts, edges = histogramdd((x, y), bins=bins, range=range, normed=normed, weights=weights, density=density)
    return counts, edges[0], edges[1]


def _count_integers(x: Any, weights: Any, minlength: int) -> Any:
    return np.bincount(x, weights=weights, minlength=minlength)


def _add_counts(parts: Any) -> Any:
    # of the longest one's array type, which need not be NumPy's
    longest = max(range(len(parts)), key=lambda i: len(parts[i]))
    total = parts[longest].copy()
    for i, part in enumerate(parts):
        if i != longest:
            total[: len(part)] += part
    return total


@derived_from(np)
def bincount(x: Any, weights: Any = None, minlength: int = 0, split_every: Any = None) -> Array:
    x = asarray(x)
    if x.ndim != 1:
        raise ValueError("Input array must be one dimensional. Try using x.ravel()")
    inputs = [(x, [0])]
    if weights is not None:
        weights = weights if isinstance(weights, Array) else asarray(weights).rechunk(x.chunks)
        if weights.chunks != x.chunks:
            raise ValueError("Chunks of input array x and weights must match.")
        inputs.append((weights, [0]))
    # as Dask: the least length is told as the length, though larger numbers make the result longer
    # NumPy's result is longer than `minlength` where a value asks for it: only computing tells
    length = np.nan
    meta = meta_without_mask(x._meta, 1, np.intp if weights is None else float)
    args = [Slot(0), None if weights is None else Slot(1), minlength]
    count = x.numblocks[0]
    parts = block_call(_count_integers, inputs, [(np.nan,) * count], meta, args=args, prefix="bincount")
    width = fan_in(split_every, (0,))[0]
    while count > width:
        count = math.ceil(count / width)
        parts = block_call(_add_counts, [(parts, [(0, width)])], [(np.nan,) * count], meta, prefix="bincount-partial")
    return block_call(_add_counts, [(parts, [None])], [(length,)], meta, prefix="bincount-aggregate")


@derived_from(np)
def digitize(a: Any, bins: Any, right: bool = False) -> Array:
    a = asarray(a)
    if not is_dusk_collection(bins):
        bins = np.asarray(bins)
        np.digitize([0], bins)  # bins that don't rise or fall are refused at once
    return a.map_blocks(np.digitize, bins=bins, right=right, dtype=np.dtype(np.intp))


def _places(a: Any, v: Any, side: str) -> Any:
    return np.asarray(np.searchsorted(a, v, side=side))[np.newaxis]


@derived_from(np)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Array:
    a, v = asarray(a), asarray(v)
    if a.ndim != 1:
        raise ValueError("Input array a must be one dimensional")
    if sorter is not None:
        # Dask refuses this with the same class
        raise NotImplementedError("da.searchsorted with a sorter argument is not supported")
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'left' or 'right', got {side!r}")
    # a place is the number of smaller elements: those of all blocks add up
    places = block_call(
        _places,
        [(a, [0]), (v, list(_range(1, v.ndim + 1)))],
        [(1,) * a.numblocks[0], *v.chunks],
        np.empty((0,) * (v.ndim + 1), dtype=np.intp),
        args=[Slot(0), Slot(1), side],
        prefix="searchsorted",
    )
    return places.sum(axis=0, dtype=np.intp)
