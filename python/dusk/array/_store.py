"""Arrays written into objects that can be assigned to, and into folders of NumPy files."""

from __future__ import annotations

import os
import pickle
from typing import Any

import numpy as np

from dusk.array._array import Array
from dusk.array._block_calls import Slot, block_call, value_node
from dusk.utils import SerializableLock

__all__ = ["from_npy_stack", "store", "to_hdf5", "to_npy_stack"]


class _Put:
    """Assigns a block to its place in a target."""

    __slots__ = ("keep", "lock", "region", "starts")

    def __init__(self, starts: Any, region: Any, lock: Any, keep: bool) -> None:
        self.starts, self.region, self.lock, self.keep = starts, region, lock, keep

    def __call__(self, index: tuple[int, ...], block: Any, target: Any) -> Any:
        where = tuple(slice(int(starts[i]), int(starts[i + 1])) for starts, i in zip(self.starts, index, strict=True))
        if self.region is not None:
            where = _within(self.region, where)
        if self.lock:
            self.lock.acquire()
        try:
            if np.size(block):
                target[where] = np.asanyarray(block)
            result = target[where] if self.keep else None
        finally:
            if self.lock:
                self.lock.release()
        return np.asanyarray(result) if self.keep else np.zeros((1,) * len(index), dtype=bool)

    def __dask_tokenize__(self) -> Any:
        return ("dusk-put", id(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Put, (self.starts, self.region, self.lock, self.keep))


def _within(region: tuple[Any, ...], where: tuple[slice, ...]) -> tuple[Any, ...]:
    """Return the place of part of a region; axes of the target that the region fixes stay."""
    parts = iter(where)
    result: list[Any] = []
    for each in region:
        if not isinstance(each, slice):
            result.append(each)
            continue
        part = next(parts)
        step = each.step or 1
        start = each.start or 0
        result.append(
            slice(
                start + part.start * step, start + (part.stop - 1) * step + 1 if part.stop > part.start else start, step
            )
        )
    result.extend(parts)
    return tuple(result)


def store(
    sources: Any,
    targets: Any,
    lock: Any = True,
    regions: Any = None,
    compute: bool = True,
    return_stored: bool = False,
    load_stored: Any = None,
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
        Write now; otherwise return something to compute.
    return_stored : bool, default False
        Return arrays that read what was written.
    load_stored : bool, optional
        With ``return_stored``, whether the values are read back at once.
    **kwargs
        For `dusk.compute`.
    """
    from dusk.base import compute as compute_all
    from dusk.delayed import Delayed

    if isinstance(sources, Array):
        sources, targets = [sources], [targets]
    if any(not isinstance(source, Array) for source in sources):
        raise ValueError("All sources must be dask array objects")
    if len(sources) != len(targets):
        raise ValueError(f"Different number of sources [{len(sources)}] and targets [{len(targets)}]")
    if isinstance(regions, tuple) or regions is None:
        regions = [regions] * len(sources)
    if len(sources) != len(regions):
        raise ValueError(
            f"Different number of sources [{len(sources)}] and targets [{len(targets)}] than regions [{len(regions)}]"
        )
    if lock is True:
        lock = SerializableLock()
    written = []
    for source, target, region in zip(sources, targets, regions, strict=True):
        starts = tuple(np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]) for lengths in source.chunks)
        place = _Put(starts, region, lock or None, return_stored)
        index = list(range(source.ndim))
        chunks = source.chunks if return_stored else [(1,) * n for n in source.numblocks]
        meta = source._meta if return_stored else np.empty((0,) * source.ndim, dtype=bool)
        inputs: list[Any] = [(source, index)]
        given: Any = target
        if isinstance(target, Delayed):
            inputs.append((value_node(target), [("at", 0)]))
            given = Slot(2)
        written.append(
            block_call(
                place,
                inputs,
                chunks,
                meta,
                args=[Slot(0), Slot(1), given],
                prefix="store-map",
                library=True,
                indexed=True,
            )
        )
    if compute:
        if return_stored:
            from dusk.base import persist

            return tuple(persist(*written, **kwargs))
        compute_all(*written, **kwargs)
        return None
    if return_stored:
        return tuple(written)
    from dusk.delayed import delayed

    return delayed(_done)([each.to_delayed().ravel().tolist() for each in written])


def _done(*ignored: Any) -> None:
    """Return nothing: what was written is written."""


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
