"""The plan that writes an array to a Zarr array: which task writes what, and what comes after all of them.

Invariant: a task writes whole objects of the store (chunks, or shards of chunks), whatever the chunks of the array
are, so that no two tasks touch one object.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np

from dusk import _core
from dusk.array._array import Array, array_of
from dusk.array._block_calls import block_call
from dusk.array._chunks import axis_spec

__all__ = ["LibraryTarget", "NativeTarget", "after", "write_plan"]


class NativeTarget:
    """A Zarr array that the engine writes.

    Parameters
    ----------
    writer : _core.ZarrWriter
    recipe : tuple
        What makes the same writer in another process: ``(store, node)`` for an array that is there, ``(store, node,
        document)`` for one that is being made.
    """

    def __init__(self, writer: Any, recipe: tuple[Any, ...]) -> None:
        self.writer = writer
        self.recipe = recipe

    def write_grid(self, chunks: Sequence[Any], start: Sequence[int]) -> Any:
        """Return the boxes in which an array with these chunks is to be written from ``start`` on."""
        return self.writer.write_grid(chunks, start)

    def write(self, start: Sequence[int], block: Any) -> None:
        """Write one of these boxes."""
        self.writer.write(start, np.asarray(block))

    def read(self, region: Sequence[tuple[int, int]]) -> Any:
        """Return what is stored in a box."""
        return self.writer.array.read(region)

    def finish(self) -> None:
        """Say that all is written."""
        self.writer.finish()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_native_target, (self.recipe,))


def _native_target(recipe: tuple[Any, ...]) -> NativeTarget:
    store, node, *document = recipe
    if not document:
        return NativeTarget(_core.ZarrWriter.open(_core.ZarrArray(store, node)), recipe)
    text, version, attributes = document[0]
    writer = _core.ZarrWriter.resume(store, node, text, zarr_format=version, attributes=attributes)
    return NativeTarget(writer, recipe)


class LibraryTarget:
    """A Zarr array that the package zarr writes: one of elements or codecs that the engine doesn't have.

    Parameters
    ----------
    array : zarr.Array
    """

    def __init__(self, array: Any) -> None:
        self.array = array

    def write_grid(self, chunks: Sequence[Any], start: Sequence[int]) -> Any:
        """Return the boxes in which an array with these chunks is to be written from ``start`` on."""
        whole = getattr(self.array, "shards", None) or self.array.chunks
        return _core.zarr_write_grid(chunks, start, whole)

    def write(self, start: Sequence[int], block: Any) -> None:
        """Write one of these boxes."""
        self.array[tuple(slice(at, at + n) for at, n in zip(start, block.shape, strict=True))] = block

    def read(self, region: Sequence[tuple[int, int]]) -> Any:
        """Return what is stored in a box."""
        return self.array[tuple(slice(at, at + n) for at, n in region)]

    def finish(self) -> None:
        """Nothing: the package's arrays are there from the beginning."""


class _WriteBlock:
    """Writes the block at a position."""

    def __init__(self, target: Any, starts: tuple[Any, ...], token: str) -> None:
        self.target = target
        self.starts = starts
        self.token = token
        self.__name__ = "store"

    def __call__(self, index: tuple[int, ...], block: Any) -> Any:
        if block.size:
            self.target.write([int(starts[i]) for starts, i in zip(self.starts, index, strict=True)], block)
        return np.ones((1,) * len(index), dtype=bool)

    def __dask_tokenize__(self) -> tuple[str, str]:
        return ("dusk-zarr-write", self.token)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_WriteBlock, (self.target, self.starts, self.token))


class _Finish:
    """Runs after all blocks are written."""

    def __init__(self, target: Any, token: str) -> None:
        self.target = target
        self.token = token
        self.__name__ = "finish"

    def __call__(self, *blocks: Any) -> Any:
        self.target.finish()
        return True

    def __dask_tokenize__(self) -> tuple[str, str]:
        return ("dusk-zarr-finish", self.token)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Finish, (self.target, self.token))


class _Stored:
    """What stands for a written block: nothing, or what is stored there."""

    def __init__(self, target: Any, starts: tuple[Any, ...], sizes: tuple[Any, ...], dtype: Any, load: bool) -> None:
        self.target = target
        self.starts = starts
        self.sizes = sizes
        self.dtype = dtype
        self.load = load
        self.__name__ = "load_stored" if load else "store"

    def __call__(self, index: tuple[int, ...], *finished: Any) -> Any:
        if not self.load:
            return np.empty((0,) * len(index), dtype=self.dtype)
        region = [(int(s[i]), int(n[i])) for s, n, i in zip(self.starts, self.sizes, index, strict=True)]
        return self.target.read(region)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Stored, (self.target, self.starts, self.sizes, self.dtype, self.load))


def write_plan(x: Array, target: Any, start: Sequence[int], load: bool) -> tuple[Any, Array]:
    """Return the node that writes an array from ``start`` on, and an array that is computed after it.

    Parameters
    ----------
    x : Array
        Of the dtype of the target.
    target : NativeTarget or LibraryTarget
    start : sequence of int
    load : bool
        Whether the blocks of the second result are what is stored, rather than nothing.
    """
    token = uuid.uuid4().hex
    before = [axis_spec(axis) for axis in x.chunks]
    grid = target.write_grid(before, list(start))
    node = x._node
    lengths = tuple(_lengths(axis) for axis in grid)
    if lengths != tuple(tuple(axis) for axis in x.chunks):
        node = _core.array_view(node, [(axis, 0, 1) for axis in range(x.ndim)], [], grid, prefix="rechunk")
    cut = array_of(node, x._meta)
    starts = tuple(_starts(axis, at) for axis, at in zip(lengths, start, strict=True))
    axes = list(range(x.ndim))
    done = block_call(
        _WriteBlock(target, starts, token),
        [(cut, axes)],
        [(1,) * len(axis) for axis in lengths],
        np.empty((0,) * x.ndim, dtype=bool),
        prefix="store",
        token=token,
        indexed=True,
    )
    finish = _core.call(
        _Finish(target, token), [done._node], None, prefix="to-zarr", mode="gather", library=True, divisions=1
    )
    return finish, after(x, target, start, [(finish, [("at", 0)])], x.chunks if load else lengths, (token, load), load)


def after(x: Array, target: Any, start: Sequence[int], inputs: list[Any], chunks: Any, token: Any, load: bool) -> Array:
    """Return an array of what is stored (or of nothing), computed after ``inputs``.

    Parameters
    ----------
    x : Array
        What was written.
    target : NativeTarget or LibraryTarget
    start : sequence of int
        Where it was written to.
    inputs : list of (Node, picks)
    chunks : sequence of sequences of int
    token : object
        What to name the result by.
    load : bool
        Whether the blocks are what is stored.
    """
    starts = tuple(_starts(axis, at) for axis, at in zip(chunks, start, strict=True))
    return block_call(
        _Stored(target, starts, tuple(np.asarray(axis) for axis in chunks), x.dtype, load),
        inputs,
        chunks,
        np.empty((0,) * x.ndim, dtype=x.dtype),
        prefix="load-stored" if load else "store-map",
        token=("dusk-zarr-stored", token),
        indexed=True,
    )


def _lengths(axis: Any) -> tuple[int, ...]:
    if not isinstance(axis, range):
        return tuple(axis)
    if not len(axis):
        return (0,)
    return (axis.step,) * (len(axis) - 1) + (axis.stop - axis[-1],)


def _starts(lengths: Sequence[int], at: int) -> Any:
    return np.cumsum([at, *lengths[:-1]], dtype=np.int64)
