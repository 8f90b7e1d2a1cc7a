"""Opening files that paths, patterns and URLs mean, through fsspec."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

__all__ = ["fresh", "open_files"]


def open_files(
    urlpath: Any, *, mode: str, compression: str | None, storage_options: dict[str, Any] | None = None, **kwargs: Any
) -> list[Any]:
    """Return unopened files.

    Parameters
    ----------
    urlpath : str, os.PathLike or iterable of these
        Paths and URLs; patterns are searched, and their files come in the order of their names.
    mode : {"rb", "rt"}
    compression : str or None
        "infer" goes by each name's ending.
    storage_options : dict, optional
        For the file system.
    **kwargs
        ``encoding``, ``errors`` and ``newline`` of text.

    Raises
    ------
    ValueError
        If there is none.
    """
    import fsspec

    if isinstance(urlpath, str | os.PathLike):
        paths = [os.fspath(urlpath)]
    elif isinstance(urlpath, Iterable) and not isinstance(urlpath, dict | set | frozenset):
        paths = [os.fspath(path) for path in urlpath]
        if not paths:
            raise ValueError("the list of paths is empty")
    else:
        raise TypeError(f"a path or a list of paths is needed, got {type(urlpath).__name__}")
    found: list[Any] = []
    for path in paths:
        files = fsspec.open_files(path, mode=mode, compression=compression, **kwargs, **(storage_options or {}))
        if not files:
            raise ValueError(f"No files found: {path!r}")
        found.extend(files)
    return found


def fresh(file: Any) -> Any:
    """Return the same unopened file as an object of its own: one object can't be opened by two threads at a time."""
    return type(file)(file.fs, file.path, file.mode, file.compression, file.encoding, file.errors, file.newline)
