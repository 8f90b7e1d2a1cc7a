"""Frames as arrays and arrays as frames.

Covers `to_dask_array`, ``values``, `to_records`, `from_dask_array` and `from_array`. A partition is a block of rows:
arrays of frames have unknown lengths along axis 0, unless somebody counts. The array side is imported inside functions.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe._fallback import call_node
from dusk.dataframe._meta import empty_like, make_meta
from dusk.dataframe._new import new_collection

__all__ = [
    "blocks_as_frame",
    "from_array",
    "from_dask_array",
    "objects_as_blocks",
    "partitions_as_blocks",
    "to_dask_array",
    "to_records",
]


def partitions_as_blocks(
    frame: Any, function: Callable[..., Any], meta: Any, prefix: str, lengths: Sequence[Any] | None = None
) -> Any:
    """Return the array whose blocks a function makes of partitions.

    Parameters
    ----------
    frame : DataFrame, Series or Index
    function : callable
    meta : array
        What it makes of an empty partition.
    prefix : str
        The word in the name of the array.
    lengths : sequence of int, optional
        The lengths of the blocks.
    """
    each = call_node(function, [frame._node], None, mode="partition", prefix=prefix, divisions=frame.npartitions)
    return objects_as_blocks(each, meta, prefix, lengths)


def objects_as_blocks(each: Any, meta: Any, prefix: str, lengths: Sequence[Any] | None = None) -> Any:
    """Return the array whose blocks are the arrays that a node has as partitions; see `partitions_as_blocks`."""
    from dusk.array._array import array_of, joined

    rows = tuple(lengths) if lengths is not None else (float("nan"),) * each.npartitions
    chunks = (rows, *((int(n),) for n in meta.shape[1:]))
    nodes = [each] if each.npartitions == 1 else [each.partitions([i]) for i in range(each.npartitions)]
    meta = meta[(slice(0, 0),) * meta.ndim]
    return array_of(joined(nodes, chunks, meta, prefix), meta)


def _values(part: Any) -> Any:
    return np.asarray(part.values)


def values(frame: Any) -> Any:
    """Return the values as an array whose lengths along the rows aren't known."""
    held = frame._meta.values
    if pd.api.types.is_extension_array_dtype(held):
        warnings.warn(
            "Dask currently has limited support for converting pandas extension dtypes "
            f"to arrays. Converting {held.dtype} to object dtype.",
            UserWarning,
            stacklevel=3,
        )
    return partitions_as_blocks(frame, _values, np.asarray(held), "values")


def to_dask_array(frame: Any, lengths: Any = None, meta: Any = None) -> Any:
    """Return the values as an array; see `DataFrame.to_dask_array`."""
    if lengths is True:
        lengths = tuple(frame.map_partitions(len).compute())
    if lengths is not None and lengths is not False:
        if isinstance(lengths, int):
            raise ValueError(f"'lengths' must be True, or one length for each partition, not {lengths!r}")
        lengths = tuple(lengths)
        if len(lengths) != frame.npartitions:
            raise ValueError(
                f"The number of items in 'lengths' does not match the number of partitions. "
                f"{len(lengths)} != {frame.npartitions}"
            )
    else:
        lengths = None
    array = values(frame)
    if lengths is not None:
        array._chunks = (lengths, *array.chunks[1:])
    if meta is not None:
        array._meta = meta
    return array


def to_records(frame: Any, index: bool = False, lengths: Any = None) -> Any:
    """Return the rows as an array of records, with the index as a field."""
    if lengths is True:
        lengths = tuple(frame.map_partitions(len).compute())
    if isinstance(lengths, int) and lengths is not False:
        raise ValueError(f"'lengths' must be True, or one length for each partition, not {lengths!r}")
    if lengths and len(lengths) != frame.npartitions:
        raise ValueError(f"The number of items in 'lengths' is {len(lengths)}, that of partitions {frame.npartitions}")
    meta = np.asarray(frame._meta.to_records())
    return partitions_as_blocks(frame, _records_array, meta, "to-records", tuple(lengths) if lengths else None)


def _records_array(part: Any) -> Any:
    return np.asarray(part.to_records())


# --- arrays as frames -------------------------------------------------------------------------------------------------


class _Rows:
    """Makes a partition of a block of rows."""

    __slots__ = ("meta", "starts")

    def __init__(self, meta: Any, starts: Any) -> None:
        self.meta = meta
        self.starts = starts

    def __call__(self, position: tuple[int, ...], block: Any, index: Any = None) -> Any:
        block = np.asarray(block)
        if index is None:
            start = 0 if self.starts is None else int(self.starts[position[0]])
            index = pd.RangeIndex(start, start + len(block))
        meta = self.meta
        if isinstance(meta, pd.Series):
            return pd.Series(block, index=index, name=meta.name).astype(meta.dtype)
        if block.dtype.names is not None:
            data = {name: block[name] if name in block.dtype.names else np.nan for name in meta.columns}
            return pd.DataFrame(data, index=index, columns=meta.columns)
        if block.ndim == 1:
            block = block[:, np.newaxis]
        return pd.DataFrame(block, index=index, columns=meta.columns).astype(dict(meta.dtypes))

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-rows", self.meta, None if self.starts is None else list(self.starts))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Rows, (self.meta, self.starts))


def blocks_as_frame(blocks: Any, meta: Any, divisions: Sequence[Any] | None, prefix: str) -> Any:
    """Return the collection whose partitions are the blocks of an array of pandas objects.

    Parameters
    ----------
    blocks : Array
        Its blocks are pandas objects.
    meta : pandas object
        An empty one.
    divisions : sequence, optional
    prefix : str
        The word in the name of the collection.
    """
    divided: Any = list(divisions) if divisions is not None else blocks.npartitions
    node = call_node(_same, [blocks._node], meta, mode="partition", prefix=prefix, divisions=divided)
    return new_collection(node, meta=meta)


def _same(block: Any) -> Any:
    return block


def _meta_of(x: Any, columns: Any, meta: Any) -> Any:
    """Return the empty pandas object that rows of an array make."""
    if x.ndim > 2:
        raise ValueError(f"from_array does not input more than 2D array, got array with shape {x.shape!r}")
    if x.dtype.names is not None:
        if columns is None:
            columns = list(x.dtype.names)
        elif np.isscalar(columns):
            raise ValueError("For a struct dtype, columns must be a list.")
        elif not all(name in x.dtype.names for name in columns):
            raise ValueError(f"dtype {x.dtype} doesn't have fields {sorted(set(columns) - set(x.dtype.names))}")
        empty = np.empty(0, dtype=x.dtype)
        return pd.DataFrame({name: empty[name] for name in columns}, columns=columns)
    empty = np.empty(0, dtype=x.dtype)
    if x.ndim == 1:
        if isinstance(meta, pd.DataFrame) and columns is None and len(meta.columns):
            columns = list(meta.columns)
        if np.isscalar(columns) or columns is None:
            return pd.Series(empty, name=columns)
        if len(columns) == 1:
            return pd.DataFrame({columns[0]: empty}, columns=columns)
        raise ValueError("For a 1d array, columns must be a scalar or single element list")
    if np.isnan(x.shape[1]):
        raise ValueError("Shape along axis 1 must be known")
    if columns is None:
        columns = list(range(x.shape[1]))
    elif len(columns) != x.shape[1]:
        raise ValueError(
            f"Number of column names must match width of the array. Got {len(columns)} names for {x.shape[1]} columns"
        )
    return pd.DataFrame(np.empty((0, len(columns)), dtype=x.dtype), columns=columns)


def from_dask_array(x: Any, columns: Any = None, index: Any = None, meta: Any = None) -> Any:
    """Make a frame of a 2d array, a series of a 1d one.

    Parameters
    ----------
    x : Array
        Each block of rows makes a partition. Of records, the fields make the columns.
    columns : list or str, optional
        Names of the columns; one name for a series.
    index : Index, optional
        The index, cut into as many partitions as there are blocks of rows. By default the numbers of the rows; where
        lengths aren't known, they begin anew in each partition.
    meta : object, optional
        An empty example of a frame of the wanted kind.

    Returns
    -------
    DataFrame or Series
    """
    from dusk.array._block_calls import block_call
    from dusk.dataframe.index import Index

    if isinstance(columns, list) and not columns:
        columns = None
    if index is not None and not isinstance(index, Index):
        raise ValueError("'index' must be an instance of dask.dataframe.Index")
    made = empty_like(make_meta(_meta_of(x, columns, meta)))
    if x.ndim == 2 and len(x.chunks[1]) > 1:
        x = x.rechunk({1: x.shape[1]})
    starts = None
    divisions: Sequence[Any] | None = None
    inputs: list[Any] = [(x, [0, None][: x.ndim])]
    if index is not None:
        if index.npartitions != x.numblocks[0]:
            raise ValueError(
                f"The index and array have different numbers of blocks. ({index.npartitions} != {x.numblocks[0]})"
            )
        made.index = index._meta
        divisions = index.divisions if index.known_divisions else None
        held = partitions_as_blocks(index, _same, np.empty((0,), dtype=object), "index")
        inputs.append((held._node, [0]))
    elif not any(length != length for length in x.chunks[0]):
        starts = np.concatenate([[0], np.cumsum(x.chunks[0], dtype=np.int64)])
        if len(starts) > 1 and starts[-1]:
            divisions = [*(int(start) for start in starts[:-1]), int(starts[-1]) - 1]
            if any(a >= b for a, b in zip(divisions[:-2], divisions[1:-1])):
                divisions = None  # an empty block
    rows = _Rows(made, starts)
    call = _OneColumnOfBlocks(rows) if x.ndim == 2 else rows
    blocks = block_call(
        call, inputs, [x.chunks[0]], np.empty((0,), dtype=object), prefix="from-dask-array", indexed=True
    )
    return blocks_as_frame(blocks, made, divisions, "from-dask-array")


class _OneColumnOfBlocks:
    """Calls a function with a block that comes in a list, being all blocks along an axis."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, position: tuple[int, ...], blocks: Any, *args: Any) -> Any:
        (block,) = blocks
        return self.function(position, block, *args)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-one-column", self.function)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_OneColumnOfBlocks, (self.function,))


def from_array(arr: Any, chunksize: int = 50_000, columns: Any = None, meta: Any = None) -> Any:
    """Make a frame or a series of anything that can be sliced.

    Parameters
    ----------
    arr : array_like
        With one or two axes, or of records.
    chunksize : int, default 50_000
        Rows for each partition.
    columns : list or str, optional
        Names of the columns; one name for a series.
    meta : object, optional
        An empty example of a frame of the wanted kind.

    Returns
    -------
    DataFrame or Series
    """
    from dusk.array import Array
    from dusk.array import from_array as array_from

    if isinstance(arr, Array):
        return from_dask_array(arr, columns=columns, meta=meta)
    if len(arr.shape) > 2:
        raise ValueError(f"from_array does not input more than 2D array, got array with shape {arr.shape!r}")
    return from_dask_array(array_from(arr, chunks=(chunksize, *arr.shape[1:])), columns=columns, meta=meta)
