"""Reading bytes of files in blocks, as delayed values."""

from __future__ import annotations

from typing import Any

from dusk._units import parse_bytes
from dusk.bytes.files import fresh, open_files
from dusk.tokenize import tokenize

__all__ = ["blocks_of", "read_block_from_file", "read_bytes", "stamp_of"]


def stamp_of(file: Any) -> Any:
    """Return something that changes when the content of a file does."""
    try:
        return file.path, str(file.fs.ukey(file.path)), file.compression
    except (NotImplementedError, FileNotFoundError):
        return file.path, tokenize(file.fs), file.compression


def blocks_of(file: Any, blocksize: int) -> list[tuple[int, int]]:
    """Return where the blocks of a file begin, and how long they are.

    Parameters
    ----------
    file : fsspec.core.OpenFile
    blocksize : int
        Bytes of a block; those of a file are of about the same size, at least this, unless the file is smaller.

    Raises
    ------
    ValueError
        If the file is compressed, or its size isn't known.
    """
    if file.compression is not None:
        raise ValueError(f"Cannot do chunked reads on compressed files; set blocksize=None to read {file.path}")
    size = file.fs.info(file.path)["size"]
    if size is None:
        raise ValueError(f"The size of {file.path} isn't known; set blocksize=None to read it")
    if size == 0:
        return [(0, 0)]
    number = max(1, size // blocksize)
    edges = [size * i // number for i in range(number + 1)]
    return [(low, high - low) for low, high in zip(edges[:-1], edges[1:], strict=True)]


def read_block_from_file(lazy_file: Any, off: int, bs: int | None, delimiter: bytes | None) -> bytes:
    """Return a block of a file; with a delimiter, from after the first one in the block to after the first behind it.

    Parameters
    ----------
    lazy_file : fsspec.core.OpenFile
    off : int
        Where the block begins.
    bs : int or None
        How long it is; None means to the end.
    delimiter : bytes or None
    """
    from fsspec.utils import read_block

    with fresh(lazy_file) as file:
        if bs is None:
            file.seek(off)
            return file.read()
        return b"" if bs == 0 else read_block(file, off, bs, delimiter)


def read_bytes(
    urlpath: Any,
    delimiter: bytes | None = None,
    not_zero: bool = False,
    blocksize: int | str | None = "128 MiB",
    sample: int | str | bool = "10 kiB",
    compression: str | None = None,
    include_path: bool = False,
    **kwargs: Any,
) -> Any:
    """Read files as delayed blocks of bytes.

    Parameters
    ----------
    urlpath : str, os.PathLike or sequence of these
        Paths and URLs, also with ``*``.
    delimiter : bytes, optional
        Blocks end after one.
    not_zero : bool, default False
        Leave out the first byte of files.
    blocksize : int, str or None
        Bytes of a block; None reads each file as one.
    sample : int, str or bool
        How many bytes of the first file to return now; with a delimiter, to after the next one.
    compression : str, optional
        Of the files; they can't be cut into blocks then.
    include_path : bool, default False
        Return the paths as well.
    **kwargs
        For the file system.

    Returns
    -------
    sample : bytes or False
    blocks : list of lists of Delayed
        For each file its blocks.
    paths : list of str
        Only with ``include_path``.
    """
    from dusk.delayed import delayed

    if delimiter is not None and (not isinstance(delimiter, bytes) or not delimiter):
        raise TypeError("delimiter must be bytes, and not empty")
    try:
        files = open_files(urlpath, mode="rb", compression=compression, storage_options=kwargs)
    except ValueError as error:
        if not str(error).startswith("No files"):
            raise
        raise FileNotFoundError(f"{urlpath} resolved to no files") from error
    if blocksize is not None and not isinstance(blocksize, str) and blocksize != int(blocksize):
        raise TypeError(f"blocksize must be a whole number of bytes, got {blocksize!r}")
    size = None if blocksize is None else parse_bytes(blocksize)
    if size is not None and size < 1:
        raise ValueError(f"blocksize must be positive, got {size}")
    read = delayed(read_block_from_file, pure=True)
    out = []
    for file in files:
        blocks: list[tuple[int, int | None]] = [(0, None)] if size is None else list(blocks_of(file, size))
        if not_zero:
            first, length = blocks[0]
            blocks[0] = (1, None if length is None else max(length - 1, 0))
        token = tokenize(stamp_of(file), delimiter, size, not_zero)
        out.append(
            [
                read(file, offset, length, delimiter, dask_key_name=f"read-block-{offset}-{token}")
                for offset, length in blocks
            ]
        )
    head: Any = sample
    if sample is True:
        sample = "10 kiB"
    if sample is not False:
        head = _head(files[0], parse_bytes(sample), delimiter)
    return (head, out, [file.path for file in files]) if include_path else (head, out)


def _head(file: Any, size: int, delimiter: bytes | None) -> bytes:
    with fresh(file) as stream:
        head = stream.read(size)
        if delimiter is None or len(head) < size:
            return head
        while delimiter not in head[size - len(delimiter) + 1 :]:
            more = stream.read(max(size, 1 << 16))
            if not more:
                return head
            head += more
        return head[: head.index(delimiter, max(size - len(delimiter) + 1, 0)) + len(delimiter)]
