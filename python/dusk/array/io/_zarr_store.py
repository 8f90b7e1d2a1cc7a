"""Stores of Zarr arrays that are no local folders: fsspec's file systems, mappings, stores of the package zarr.

Each has the few methods through which the engine reads and writes whole objects. They are called from worker threads,
by several at a time.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Any

__all__ = ["FsspecStore", "LibraryStore", "MappingStore", "Store", "locate"]

#: What the engine puts beside an array that isn't finished.
_DRAFT = ".dusk-unfinished"


class Store:
    """Objects under keys such as ``"c/0/1"``, as the engine calls them.

    Attributes
    ----------
    name : str
        How to name the store to the user: objects are ``name/key``.
    identity : str
        What tells it from other stores.
    """

    name: str
    identity: str

    def get(self, key: str, start: int | None, length: int | None) -> bytes | None:
        """Return the bytes of an object, or None if there is none.

        Parameters
        ----------
        key : str
        start : int, optional
            Where to begin; a negative number counts from the end. All bytes by default.
        length : int, optional
            How many bytes; to the end by default.
        """
        raise NotImplementedError

    def set(self, key: str, value: bytes) -> None:
        """Write an object, in place of what was there."""
        raise NotImplementedError

    def erase(self, key: str) -> None:
        """Remove an object if it is there."""
        raise NotImplementedError

    def erase_prefix(self, prefix: str) -> None:
        """Remove all objects below a prefix."""
        for key in self.list(prefix):
            self.erase(key)

    def list(self, prefix: str) -> list[str]:
        """Return the keys of all objects below a prefix."""
        raise NotImplementedError


class FsspecStore(Store):
    """A folder of one of fsspec's file systems.

    Parameters
    ----------
    fs : AbstractFileSystem
    root : str
        Path of the folder in it.
    """

    def __init__(self, fs: Any, root: str) -> None:
        self.fs = fs
        self.root = root.rstrip("/")
        self.name = fs.unstrip_protocol(self.root)
        self.identity = f"{type(fs).__name__}:{getattr(fs, '_fs_token', '')}:{self.name}"

    def _path(self, key: str) -> str:
        return f"{self.root}/{key}" if key else self.root

    def get(self, key: str, start: int | None, length: int | None) -> bytes | None:
        end = None if start is None or length is None else start + length
        try:
            return bytes(self.fs.cat_file(self._path(key), start=start, end=end))
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    def set(self, key: str, value: bytes) -> None:
        path = self._path(key)
        try:
            self.fs.pipe_file(path, value)
        except FileNotFoundError:
            self.fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            self.fs.pipe_file(path, value)

    def erase(self, key: str) -> None:
        try:
            self.fs.rm_file(self._path(key))
        except FileNotFoundError:
            pass

    def list(self, prefix: str) -> list[str]:
        try:
            found = self.fs.find(self._path(prefix))
        except FileNotFoundError:
            return []
        skip = len(self.fs._strip_protocol(self.root)) + 1
        return [self.fs._strip_protocol(path)[skip:] for path in found]

    def __reduce__(self) -> tuple[Any, ...]:
        return (FsspecStore, (self.fs, self.root))


class MappingStore(Store):
    """A mapping from keys to bytes.

    Parameters
    ----------
    mapping : MutableMapping
    """

    def __init__(self, mapping: MutableMapping[str, Any]) -> None:
        self.mapping = mapping
        self.name = f"<{type(mapping).__name__}>"
        # The mapping lives as long as anything that is named by it, so nothing else has its address meanwhile.
        self.identity = f"{type(mapping).__module__}.{type(mapping).__qualname__} at {id(mapping)}"

    def get(self, key: str, start: int | None, length: int | None) -> bytes | None:
        try:
            value = self.mapping[key]
        except (KeyError, FileNotFoundError):
            return None
        value = value.to_bytes() if hasattr(value, "to_bytes") and not isinstance(value, int) else bytes(value)
        if start is None:
            return value
        return value[start:] if length is None else value[start : start + length]

    def set(self, key: str, value: bytes) -> None:
        self.mapping[key] = self._wrapped(value)

    def _wrapped(self, value: bytes) -> Any:
        # The package zarr keeps its own buffers in a plain dict, and takes nothing else out of it.
        if type(self.mapping) is dict:
            try:
                from zarr.core.buffer import default_buffer_prototype
            except ImportError:
                return value
            return default_buffer_prototype().buffer.from_bytes(value)
        return value

    def erase(self, key: str) -> None:
        try:
            del self.mapping[key]
        except (KeyError, FileNotFoundError):
            pass

    def list(self, prefix: str) -> list[str]:
        start = f"{prefix}/" if prefix else ""
        return [key for key in list(self.mapping) if key.startswith(start)]

    def __reduce__(self) -> tuple[Any, ...]:
        return (MappingStore, (self.mapping,))


class LibraryStore(Store):
    """A store of the package zarr.

    Parameters
    ----------
    store : zarr.abc.store.Store
    """

    def __init__(self, store: Any) -> None:
        self.store = store
        if not store._is_open:
            from zarr.core.sync import sync

            sync(store._open())
        self.name = str(store)
        self.identity = f"{type(store).__name__}:{store}"

    def get(self, key: str, start: int | None, length: int | None) -> bytes | None:
        from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
        from zarr.core.buffer import default_buffer_prototype
        from zarr.core.sync import sync

        part: Any = None
        if start is not None and start < 0:
            part = SuffixByteRequest(-start)
        elif start is not None:
            part = OffsetByteRequest(start) if length is None else RangeByteRequest(start, start + length)
        found = sync(self.store.get(key, prototype=default_buffer_prototype(), byte_range=part))
        return None if found is None else found.to_bytes()

    def set(self, key: str, value: bytes) -> None:
        from zarr.core.buffer import default_buffer_prototype
        from zarr.core.sync import sync

        if self._keeps_all and key.endswith(_DRAFT):
            return
        sync(self.store.set(key, default_buffer_prototype().buffer.from_bytes(value)))

    @property
    def _keeps_all(self) -> bool:
        return not self.store.supports_deletes

    def erase(self, key: str) -> None:
        from zarr.core.sync import sync

        if self._keeps_all:
            if not key.endswith(_DRAFT) and sync(self.store.exists(key)):
                raise NotImplementedError(f"{self.name} can't remove {key}")
            return
        sync(self.store.delete(key))

    def list(self, prefix: str) -> list[str]:
        from zarr.core.sync import sync

        async def collect() -> list[str]:
            return [key async for key in self.store.list_prefix(f"{prefix}/" if prefix else "")]

        return sync(collect())

    def __reduce__(self) -> tuple[Any, ...]:
        return (LibraryStore, (self.store,))


def locate(url: Any, component: str | None, storage_options: dict[str, Any] | None) -> tuple[Any, str]:
    """Return the store that a URL, a mapping or an object of the package zarr means, and the path in it.

    Parameters
    ----------
    url : str, PathLike, MutableMapping, or a store, array or group of the package zarr
    component : str, optional
    storage_options : dict, optional
        For fsspec.

    Returns
    -------
    store : str or Store
        A path for a local folder.
    node : str
    """
    node = component or ""
    if isinstance(url, os.PathLike):
        url = os.fspath(url)
    if isinstance(url, str):
        if "://" not in url and "::" not in url:
            return url, node
        from fsspec.core import url_to_fs

        fs, root = url_to_fs(url, **(storage_options or {}))
        return _of_file_system(fs, root), node
    if type(url).__module__.split(".")[0] == "zarr":
        path = getattr(url, "path", "")
        if hasattr(url, "store_path"):
            url, path = url.store_path.store, url.store_path.path
        elif hasattr(url, "store"):
            url = url.store
        else:
            path = ""
        return _of_library(url), "/".join(part for part in (path, node) if part)
    if type(url).__module__ == "fsspec.mapping":
        return _of_file_system(url.fs, url.root), node
    if isinstance(url, MutableMapping):
        return MappingStore(url), node
    raise TypeError(f"Unsupported type for a Zarr store: {type(url).__name__!r}")


def _of_file_system(fs: Any, root: str) -> Any:
    protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
    return root if protocol in ("file", "local") else FsspecStore(fs, root)


def _of_library(store: Any) -> Any:
    kind = type(store).__name__
    if kind == "LocalStore":
        return os.fspath(store.root)
    if kind == "MemoryStore":
        return _Named(store._store_dict, str(store))
    return LibraryStore(store)


class _Named(MappingStore):
    """The dict of a store in memory, with the store's name."""

    def __init__(self, mapping: MutableMapping[str, Any], name: str) -> None:
        super().__init__(mapping)
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Named, (self.mapping, self.name))
