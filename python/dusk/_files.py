"""Temporary files and folders."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from dusk import config

#: Encoding of text files, unless it says nothing about anything but ASCII.
system_encoding = sys.getdefaultencoding()
if system_encoding == "ascii":
    system_encoding = "utf-8"


def _folder(dir: str | None) -> str | None:
    return dir or config.get("temporary-directory", None) or None


def ensure_not_exists(filename: str) -> None:
    """Remove a file if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(filename)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            os.remove(path)


@contextmanager
def tmpfile(extension: str = "", dir: str | None = None) -> Iterator[str]:
    """Yield the name of a file that doesn't exist yet; what is there at the end of the block is removed.

    Parameters
    ----------
    extension : str, optional
        Ending of the name, with or without the dot.
    dir : str, optional
        The folder; by default the setting ``temporary-directory``, else the system's.
    """
    handle, name = tempfile.mkstemp("." + extension.lstrip(".") if extension else "", dir=_folder(dir))
    os.close(handle)
    os.remove(name)
    try:
        yield name
    finally:
        _remove(name)


@contextmanager
def tmpdir(dir: str | None = None) -> Iterator[str]:
    """Yield the name of a new folder, which is removed at the end of the block.

    Parameters
    ----------
    dir : str, optional
        Where to make it; by default the setting ``temporary-directory``, else the system's.
    """
    name = tempfile.mkdtemp(dir=_folder(dir))
    try:
        yield name
    finally:
        _remove(name)


@contextmanager
def filetext(text: Any, extension: str = "", open: Callable[..., Any] = open, mode: str = "w") -> Iterator[str]:
    """Yield the name of a temporary file with some content.

    Parameters
    ----------
    text : str or bytes
        The content.
    extension : str, optional
        Ending of the name.
    open : callable, optional
        Opens the file.
    mode : str, default "w"
        How it is opened.
    """
    with tmpfile(extension=extension) as name:
        with open(name, mode=mode) as file:
            file.write(text)
        yield name


@contextmanager
def changed_cwd(new_cwd: str) -> Iterator[None]:
    """Make a folder the current one in this block."""
    before = os.getcwd()
    os.chdir(new_cwd)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def tmp_cwd(dir: str | None = None) -> Iterator[str]:
    """Make a new folder the current one in this block, and remove it afterwards."""
    with tmpdir(dir) as name, changed_cwd(name):
        yield name


@contextmanager
def filetexts(
    d: Mapping[str, Any], open: Callable[..., Any] = open, mode: str = "t", use_tmpdir: bool = True
) -> Iterator[list[str]]:
    """Yield the names of files with some contents, by default in a temporary folder that is the current one.

    Parameters
    ----------
    d : mapping
        Contents by name.
    open : callable, optional
        Opens a file.
    mode : {"t", "b"}, default "t"
        Text or bytes.
    use_tmpdir : bool, default True
        Make a folder for them; otherwise the current one is used and the files are removed.
    """
    with tmp_cwd() if use_tmpdir else _nowhere():
        for name, text in d.items():
            if os.path.dirname(name):
                os.makedirs(os.path.dirname(name), exist_ok=True)
            with open(name, "w" + mode) as file:
                file.write(text)
        try:
            yield list(d)
        finally:
            for name in d:
                _remove(name)


@contextmanager
def _nowhere() -> Iterator[None]:
    yield
