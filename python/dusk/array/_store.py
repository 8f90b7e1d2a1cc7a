"""Arrays written into objects that can be assigned to, and into folders of NumPy files."""

from __future__ import annotations

import contextlib
import os
import pickle
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np

from dusk.array._array import Array
from dusk.array._block_calls import block_call, value_node
from dusk.array._lengths import sized
from dusk.utils import SerializableLock

__all__ = ["from_npy_stack", "store", "to_hdf5", "to_npy_stack"]


class _Place:
    """Where the blocks of an array are in a target.

    Parameters
    ----------
    starts : sequence of arrays
        Where the blocks begin along each axis.
    region : tuple, optional
        The part of the target that the array fills.
    lock : Lock, optional
    target : object, optional
        Takes ``target[place] = block``. A delayed one comes with each call instead.
    """

    __slots__ = ("lock", "region", "source", "starts", "target")

    def __init__(self, starts: Any, region: Any, lock: Any, target: Any, source: str) -> None:
        self.starts, self.region, self.lock, self.target, self.source = starts, region, lock, target, source

    def _of(self, index: tuple[int, ...], target: Any) -> tuple[Any, ...]:
        where = tuple(slice(int(starts[i]), int(starts[i + 1])) for starts, i in zip(self.starts, index, strict=True))
        return where if self.region is None else _within(self.region, where, getattr(target, "shape", None))

    def __dask_tokenize__(self) -> Any:
        # two targets are two, even if equal: each must be written
        region = None if self.region is None else [repr(each) for each in self.region]
        return (type(self).__name__, id(self.target), self.source, region, [list(each) for each in self.starts])

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.starts, self.region, self.lock, self.target, self.source))


@contextlib.contextmanager
def _held(lock: Any) -> Iterator[None]:
    """Hold a lock that has ``acquire`` and ``release``; some have no more."""
    if not lock:
        yield
        return
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


class _Put(_Place):
    """Assigns a block to its place, and returns nothing: a block without elements."""

    __slots__ = ()

    def __call__(self, index: tuple[int, ...], block: Any, target: Any = None) -> Any:
        target = self.target if target is None else target
        with _held(self.lock):
            if np.size(block):
                target[self._of(index, target)] = np.asanyarray(block)
        return np.empty((0,) * len(index), dtype=getattr(block, "dtype", None))


class _PutAndTake(_Place):
    """Assigns a block to its place and returns what is there then."""

    __slots__ = ()

    def __call__(self, index: tuple[int, ...], block: Any, target: Any = None) -> Any:
        target = self.target if target is None else target
        with _held(self.lock):
            if not np.size(block):
                return block
            where = self._of(index, target)
            target[where] = np.asanyarray(block)
            return np.array(target[where])


class _Take(_Place):
    """Returns what is at the place of a block."""

    __slots__ = ()

    def __call__(self, index: tuple[int, ...], target: Any = None) -> Any:
        target = self.target if target is None else target
        with _held(self.lock):
            return np.array(target[self._of(index, target)])


def _within(region: tuple[Any, ...], where: tuple[slice, ...], shape: Any) -> tuple[Any, ...]:
    """Return the place of part of a region; axes of the target that the region fixes stay."""
    parts = iter(where)
    result: list[Any] = []
    for axis, each in enumerate(region):
        if isinstance(each, (int, np.integer)):
            result.append(each)
            continue
        part = next(parts)
        if not isinstance(each, slice):
            places = np.asarray(each)
            result.append((np.flatnonzero(places) if places.dtype == bool else places)[part])
        elif shape is not None:
            rows = range(*each.indices(shape[axis]))[part]
            result.append(slice(rows.start, rows.stop if rows.stop >= 0 else None, rows.step))
        else:
            step, start = each.step or 1, each.start or 0
            if step < 0 or start < 0:
                raise ValueError(f"a region counted from the end needs a target with a shape, got {each}")
            result.append(slice(start + part.start * step, start + part.stop * step, step))
    result.extend(parts)
    return tuple(result)


def store(
    sources: Any,
    targets: Any,
    lock: Any = True,
    regions: Any = None,
    compute: bool = True,
    return_stored: bool = False,
    load_stored: bool | None = None,
    **kwargs: Any,
) -> Any:
    """Write arrays into objects that can be assigned to, block by block.

    Parameters
    ----------
    sources : Array or collection of Arrays
    targets : array_like, Delayed, or a collection of them
        Take ``target[slices] = block``.
    lock : bool or Lock, default True
        Write under one lock; False when blocks may be written at the same time.
    regions : tuple of slices or a collection of them, optional
        Where in the targets the arrays go.
    compute : bool, default True
        Write now.
    return_stored : bool, default False
        Return arrays that read what was written.
    load_stored : bool, optional
        With ``return_stored``, whether a block is read back in the step that writes it. By default if it isn't written
        now.
    **kwargs
        For `dusk.compute`.

    Returns
    -------
    None, Array or tuple of Arrays
        Nothing, if all is written and nobody asked for more. An array for one source. Arrays that only write, when they
        are computed, have no elements.
    """
    from dusk.base import compute as compute_all
    from dusk.delayed import Delayed

    if isinstance(sources, Array):
        sources, targets = [sources], [targets]
    if any(not isinstance(source, Array) for source in sources):
        raise ValueError("All sources must be dask array objects")
    if len(sources) != len(targets):
        raise ValueError(f"Different number of sources [{len(sources)}] and targets [{len(targets)}]")
    sources = [sized(source) for source in sources]
    if isinstance(regions, tuple) or regions is None:
        regions = [regions] * len(sources)
    regions = list(regions)
    if len(sources) != len(regions):
        raise ValueError(
            f"Different number of sources [{len(sources)}] and targets [{len(targets)}] than regions [{len(regions)}]"
        )
    if lock is True:
        lock = SerializableLock()
    if load_stored is None:
        load_stored = not compute
    loaded = return_stored and load_stored
    written, readers = [], []
    for source, target, region in zip(sources, targets, regions, strict=True):
        starts = tuple(np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]) for lengths in source.chunks)
        more: list[Any] = []
        given = target
        if isinstance(target, Delayed):
            more, given = [(value_node(target), [("at", 0)])], None
        place = (starts, region, lock or None, given, source.name)
        written.append(
            block_call(
                _PutAndTake(*place) if loaded else _Put(*place),
                [(source, list(range(source.ndim))), *more],
                source.chunks if loaded else [(0,) * n for n in source.numblocks],
                source._meta,
                prefix="store-map",
                library=True,
                indexed=True,
            )
        )
        readers.append((_Take(*place), more, source))
    if compute and not return_stored:
        compute_all(*written, **kwargs)
        return None
    if compute:
        from dusk.base import persist

        written = list(persist(*written, **kwargs))
        if not loaded:
            written = [
                block_call(
                    take, more, source.chunks, source._meta, prefix="load-stored", indexed=True, token=uuid.uuid4().hex
                )
                for take, more, source in readers
            ]
    return written[0] if len(written) == 1 else tuple(written)


def to_hdf5(filename: str, *args: Any, chunks: Any = True, **kwargs: Any) -> None:
    """Write arrays to an HDF5 file, by `h5py`.

    Parameters
    ----------
    filename : str
    *args
        A path in the file and an array, or a mapping of paths to arrays.
    chunks : tuple or True, default True
        The chunks of the datasets; True for those of the arrays.
    **kwargs
        For ``h5py.File.create_dataset``.
    """
    if len(args) == 1 and isinstance(args[0], dict):
        data = args[0]
    elif len(args) == 2 and isinstance(args[0], str) and isinstance(args[1], Array):
        data = {args[0]: args[1]}
    else:
        raise ValueError("Please provide {'/data/path': array} dictionary")
    import h5py

    data = {path: sized(x) for path, x in data.items()}
    with h5py.File(filename, mode="a") as file:
        targets = [
            file.require_dataset(
                path,
                shape=x.shape,
                dtype=x.dtype,
                chunks=tuple(c[0] for c in x.chunks) if chunks is True else chunks,
                **kwargs,
            )
            for path, x in data.items()
        ]
        store(list(data.values()), targets)


class _Save:
    """Writes a block to a file of its own."""

    __slots__ = ("axis", "dirname")

    def __init__(self, dirname: str, axis: int) -> None:
        self.dirname, self.axis = dirname, axis

    def __call__(self, index: tuple[int, ...], block: Any) -> Any:
        np.save(os.path.join(self.dirname, f"{index[self.axis]}.npy"), block)
        return np.zeros((1,) * len(index), dtype=bool)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Save, (self.dirname, self.axis))


def to_npy_stack(dirname: str, x: Array, axis: int = 0) -> None:
    """Write an array to a folder of NumPy files, one for each chunk along an axis.

    Parameters
    ----------
    dirname : str
    x : Array
    axis : int, default 0
    """
    x = sized(x)
    chunks = tuple(c if i == axis else (sum(c),) for i, c in enumerate(x.chunks))
    whole = x.rechunk(chunks)
    os.makedirs(dirname, exist_ok=True)
    with open(os.path.join(dirname, "info"), "wb") as file:
        pickle.dump({"chunks": chunks, "dtype": x.dtype, "axis": axis}, file)
    saved = block_call(
        _Save(dirname, axis),
        [(whole, list(range(x.ndim)))],
        [(1,) * n for n in whole.numblocks],
        np.empty((0,) * x.ndim, dtype=bool),
        prefix="save",
        indexed=True,
        token=("save", dirname, axis, whole.name),
    )
    saved.compute()


class _Load:
    """Reads the file of a block."""

    __slots__ = ("axis", "dirname", "mmap_mode")

    def __init__(self, dirname: str, axis: int, mmap_mode: str | None) -> None:
        self.dirname, self.axis, self.mmap_mode = dirname, axis, mmap_mode

    def __call__(self, index: tuple[int, ...]) -> Any:
        return np.load(os.path.join(self.dirname, f"{index[self.axis]}.npy"), mmap_mode=self.mmap_mode)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Load, (self.dirname, self.axis, self.mmap_mode))


def from_npy_stack(dirname: str, mmap_mode: str | None = "r") -> Array:
    """Read an array from a folder that `to_npy_stack` wrote.

    Parameters
    ----------
    dirname : str
    mmap_mode : str or None, default "r"
        How files are mapped into memory; None reads them.
    """
    with open(os.path.join(dirname, "info"), "rb") as file:
        info = pickle.load(file)
    meta = np.empty((0,) * len(info["chunks"]), dtype=info["dtype"])
    files = [os.path.join(dirname, f"{i}.npy") for i in range(len(info["chunks"][info["axis"]]))]
    stamps = [(os.path.getsize(path), os.path.getmtime(path)) for path in files]
    return block_call(
        _Load(dirname, info["axis"], mmap_mode),
        [],
        info["chunks"],
        meta,
        prefix="from-npy-stack",
        indexed=True,
        token=(os.path.abspath(dirname), stamps, mmap_mode),
    )
