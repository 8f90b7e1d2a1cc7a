"""Which files a path means: globs, lists, folders, and URLs that fsspec knows."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from typing import Any

__all__ = ["InputFile", "resolve"]

_GLOB = re.compile(r"[*?\[]")
_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]*://|::")


class InputFile:
    """A file to read.

    Parameters
    ----------
    path : str
        What people see, and what the path column holds.
    size : int or None
        Bytes, where they are known.
    fs : object, optional
        The fsspec file system; None for a local file.
    stamp : object
        Changes when the content does.
    """

    __slots__ = ("fs", "path", "size", "stamp")

    def __init__(self, path: str, size: int | None, fs: Any, stamp: Any) -> None:
        self.path = path
        self.size = size
        self.fs = fs
        self.stamp = stamp

    def open(self) -> Any:
        """Open the file for reading bytes."""
        return open(self.path, "rb") if self.fs is None else self.fs.open(self.path, "rb")

    def read(self, offset: int, length: int) -> bytes:
        """Give some of its bytes."""
        if self.fs is not None:
            return self.fs.cat_file(self.path, start=offset, end=offset + length)
        with open(self.path, "rb") as file:
            file.seek(offset)
            return file.read(length)

    def for_core(self) -> Any:
        """Give the file in the form that the core's readers take."""
        return self.path if self.fs is None else (self.path, self.size, self.read, str(self.stamp))

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-file", self.path, self.size, str(self.stamp))

    def __reduce__(self) -> tuple[Any, ...]:
        return (InputFile, (self.path, self.size, self.fs, self.stamp))

    def __repr__(self) -> str:
        return f"InputFile({self.path!r})"


def resolve(urlpath: Any, storage_options: dict[str, Any] | None = None) -> list[InputFile]:
    """Give the files that a path, a glob pattern, a folder, a URL or a list of these means.

    Files of a pattern or a folder come in the order of their names.

    Raises
    ------
    OSError
        When there are none, or one doesn't exist.
    """
    if isinstance(urlpath, str | os.PathLike):
        return _resolve_one(os.fspath(urlpath), storage_options)
    if isinstance(urlpath, Iterable):
        paths = [os.fspath(path) for path in urlpath]
        if not paths:
            raise ValueError("empty urlpath sequence")
        if isinstance(urlpath, set):
            raise TypeError("a set of paths has no order; give a list")
        return [file for path in paths for file in _resolve_one(path, storage_options)]
    raise TypeError(f"url type not understood: {urlpath!r}")


def _resolve_one(path: str, storage_options: dict[str, Any] | None) -> list[InputFile]:
    if path.startswith("file://"):
        path = path[len("file://") :]
    if _URL.search(path):
        return _resolve_url(path, storage_options or {})
    path = os.path.expanduser(path)
    if os.path.isdir(path):
        found = [os.path.join(path, name) for name in sorted(os.listdir(path)) if not name.startswith((".", "_"))]
        found = [name for name in found if os.path.isfile(name)]
        if not found:
            raise OSError(f"{path} resolved to no files")
    elif _GLOB.search(path) and not os.path.exists(path):
        found = sorted(name for name in glob.glob(path, recursive=True) if os.path.isfile(name))
        if not found:
            raise OSError(f"{path} resolved to no files")
    else:
        found = [path]
    files = []
    for name in found:
        stat = os.stat(name)
        files.append(InputFile(os.path.abspath(name), stat.st_size, None, stat.st_mtime_ns))
    return files


def _resolve_url(url: str, storage_options: dict[str, Any]) -> list[InputFile]:
    import fsspec

    fs, path = fsspec.core.url_to_fs(url, **storage_options)
    if _GLOB.search(path):
        found = sorted(fs.glob(path))
    elif fs.isdir(path):
        found = sorted(name for name in fs.ls(path, detail=False) if not os.path.basename(name).startswith((".", "_")))
    else:
        found = [path]
    if not found:
        raise OSError(f"{url} resolved to no files")
    files = []
    for name in found:
        info = fs.info(name)
        files.append(InputFile(name, info.get("size"), fs, fs.ukey(name)))
    return files
