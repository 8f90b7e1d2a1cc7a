"""Bags of the lines of text files."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Iterator
from typing import Any

from dusk._files import system_encoding
from dusk._units import parse_bytes
from dusk.bag._plan import Source
from dusk.bag.core import Bag
from dusk.tokenize import tokenize

__all__ = ["read_text"]

_ENDS = (None, "", "\n", "\r", "\r\n")


def read_text(
    urlpath: Any,
    blocksize: int | str | None = None,
    compression: str | None = "infer",
    encoding: str = system_encoding,
    errors: str = "strict",
    linedelimiter: str | None = None,
    collection: bool = True,
    storage_options: dict[str, Any] | None = None,
    files_per_partition: int | None = None,
    include_path: bool = False,
) -> Any:
    """Read the lines of text files.

    Parameters
    ----------
    urlpath : str, os.PathLike or sequence of these
        Paths and URLs, also with ``*``; files of a pattern come in the order of their names.
    blocksize : int or str, optional
        Bytes of a partition, for files larger than that; otherwise each file is one. A line belongs to the block in
        which it begins.
    compression : str or None, default "infer"
        By default as the names' ending says. Compressed files can't be cut into blocks.
    encoding : str
    errors : str, default "strict"
        What is done about bytes that mean nothing; see `bytes.decode`.
    linedelimiter : str, optional
        What ends a line, and stays at its end. By default any line end, which becomes a newline.
    collection : bool, default True
        Return a bag; otherwise a list of delayed lists.
    storage_options : dict, optional
        For the file system.
    files_per_partition : int, optional
        Files read into one partition; by default one.
    include_path : bool, default False
        Give pairs of the line and its file's path.

    Returns
    -------
    Bag or list of Delayed
    """
    if blocksize is not None and files_per_partition is not None:
        raise ValueError("Only one of blocksize or files_per_partition can be set")
    if blocksize is not None:
        blocksize = parse_bytes(blocksize)
        if blocksize < 1:
            raise ValueError(f"blocksize must be positive, got {blocksize}")
        if codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
            # A byte of a line's end may be half of another character, and only the beginning says the order of bytes.
            raise ValueError(f"files in {encoding} can't be cut into blocks; set blocksize=None")
    if files_per_partition is not None and files_per_partition < 1:
        raise ValueError(f"files_per_partition must be positive, got {files_per_partition}")
    from dusk.bytes.core import blocks_of, stamp_of
    from dusk.bytes.files import open_files

    if blocksize is None:
        opened = open_files(urlpath, mode="rt", compression=compression, encoding=encoding, errors=errors,
                            newline=None if linedelimiter is None else "", storage_options=storage_options)  # fmt: skip
        number = files_per_partition or 1
        groups = [opened[i : i + number] for i in range(0, len(opened), number)]
        function: Any = _WholeFiles(groups, linedelimiter, include_path)
        stamps = [stamp_of(file) for file in opened]
    else:
        opened = open_files(urlpath, mode="rb", compression=compression, storage_options=storage_options)
        end = linedelimiter if linedelimiter else "\n"
        if linedelimiter == "":
            linedelimiter = None
        delimiter = _encoded(end, encoding)
        blocks = [(file, offset, size) for file in opened for offset, size in blocks_of(file, blocksize)]
        function = _Blocks(blocks, delimiter, encoding, errors, linedelimiter, include_path)
        groups = blocks  # type: ignore[assignment]
        stamps = [stamp_of(file) for file in opened]
    token = tokenize(
        "read-text", stamps, blocksize, compression, encoding, errors, linedelimiter, files_per_partition, include_path
    )
    bag = Bag._of(Source(f"read-text-{token}", len(groups), function, lazy_out=True))
    return bag if collection else bag.to_delayed()


def _encoded(end: str, encoding: str) -> bytes:
    """Return the bytes of a line's end; encodings that begin with a mark do so only at the beginning of a text."""
    twice = (end + end).encode(encoding)
    once = end.encode(encoding)
    return twice[len(once) :]


class _WholeFiles:
    """Gives the lines of the files of a partition."""

    __slots__ = ("groups", "include_path", "linedelimiter")

    def __init__(self, groups: list[list[Any]], linedelimiter: str | None, include_path: bool) -> None:
        self.groups = groups
        self.linedelimiter = linedelimiter
        self.include_path = include_path

    def __call__(self, position: int) -> Iterator[Any]:
        for file in self.groups[position]:
            yield from file_to_blocks(self.include_path, file, self.linedelimiter)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_WholeFiles, (self.groups, self.linedelimiter, self.include_path))


class _Blocks:
    """Gives the lines of a block of a file."""

    __slots__ = ("blocks", "delimiter", "encoding", "errors", "include_path", "linedelimiter")

    def __init__(
        self,
        blocks: list[tuple[Any, int, int | None]],
        delimiter: bytes,
        encoding: str,
        errors: str,
        linedelimiter: str | None,
        include_path: bool,
    ) -> None:
        self.blocks = blocks
        self.delimiter = delimiter
        self.encoding = encoding
        self.errors = errors
        self.linedelimiter = linedelimiter
        self.include_path = include_path

    def __call__(self, position: int) -> Iterator[Any]:
        from dusk.bytes.core import read_block_from_file

        file, offset, size = self.blocks[position]
        block = read_block_from_file(file, offset, size, self.delimiter)
        lines = decode(block, self.encoding, self.errors, self.linedelimiter)
        return attach_path(lines, file.path) if self.include_path else iter(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        state = (self.blocks, self.delimiter, self.encoding, self.errors, self.linedelimiter, self.include_path)
        return (_Blocks, state)


def file_to_blocks(include_path: bool, lazy_file: Any, delimiter: str | None = None) -> Iterator[Any]:
    """Give the lines of a file.

    Parameters
    ----------
    include_path : bool
        Give pairs of the line and the path.
    lazy_file : fsspec.core.OpenFile
        Opens as text.
    delimiter : str, optional
        What ends a line.
    """
    from dusk.bytes.files import fresh

    with fresh(lazy_file) as file:
        lines = file if delimiter in _ENDS[:2] else _split(file, delimiter)  # type: ignore[arg-type]
        yield from (attach_path(lines, lazy_file.path) if include_path else lines)


def _split(file: Any, delimiter: str, size: int = 1 << 20) -> Iterator[str]:
    """Give the lines of a text as it is read; each keeps its end."""
    rest = ""
    while text := file.read(size):
        *whole, rest = (rest + text).split(delimiter)
        for line in whole:
            yield line + delimiter
    if rest:
        yield rest


def attach_path(block: Iterable[Any], path: str) -> Iterator[tuple[Any, str]]:
    """Give pairs of each line and a path."""
    return ((line, path) for line in block)


def decode(block: bytes, encoding: str, errors: str, line_delimiter: str | None) -> list[str]:
    """Return the lines of a block of bytes; each keeps its end."""
    text = block.decode(encoding, errors)
    if line_delimiter in _ENDS:
        return list(io.StringIO(text, newline=line_delimiter))
    return list(_split(io.StringIO(text, newline=""), line_delimiter))  # type: ignore[arg-type]
