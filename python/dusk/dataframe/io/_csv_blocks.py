"""Where records begin in the files that pandas reads in blocks, and what opens a file for pandas.

A line break inside quotes ends no record. Quotes are told apart by counting them from the start of the file, which is
right as long as each one opens a field, closes one, or is doubled inside one. `Records` checks exactly that; a file in
which a quote stands anywhere else is not cut.

Invariant: a place that `Records.start` gives is the end of the file, or the first byte of a record.
"""

from __future__ import annotations

from typing import Any

from dusk._forks import new_lock
from dusk.dataframe.io._paths import InputFile

__all__ = ["Records", "compression_of", "opened"]

_CHUNK = 1 << 20
_ENDINGS = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zst": "zstd", ".zip": "zip", ".tar": "tar"}
_BREAKS = bytes.maketrans(b"\r\n", b"  ")


def compression_of(path: str) -> str | None:
    """Tell by its name how a file is compressed, as pandas does."""
    name = path.lower()
    if name.endswith((".tar.gz", ".tar.bz2", ".tar.xz")):
        return "tar"
    return _ENDINGS.get("." + name.rsplit(".", 1)[-1])


def opened(file: InputFile, compression: str | None) -> tuple[Any, Any]:
    """Open a file for pandas: what to read from, and how pandas has to decompress it."""
    if compression == "infer":
        compression = compression_of(file.path)
    source = file.open()
    if compression == "zstd":  # pandas wants a package for it that few have
        import pyarrow as pa

        return pa.CompressedInputStream(pa.PythonFile(source, mode="r"), "zstd"), None
    return source, compression


class Records:
    """Where the records of a file begin.

    Parameters
    ----------
    file : InputFile
        The file, not compressed.
    quote : bytes
        What quotes; nothing does when it is empty.
    sep : bytes
        What stands between fields; empty when quotes must not be told apart.
    skip : int or None
        How many lines come before the header.
    header : bool
        Whether there is a header.
    blanks : bool
        Whether lines without anything count.
    comment : bytes
        What begins a comment, or nothing.
    """

    def __init__(
        self, file: InputFile, quote: bytes, sep: bytes, skip: int, header: bool, blanks: bool, comment: bytes
    ) -> None:
        self.file = file
        self.quote = quote
        self.sep = sep
        self.skip = skip
        self.header = header
        self.blanks = blanks
        self.comment = comment
        self._lock = new_lock()
        self._inside: list[bool] | None = None
        self._cuts = True
        self._first: int | None = None

    @property
    def cuts(self) -> bool:
        """Whether every line break outside quotes ends a record."""
        with self._lock:
            if self._inside is None:
                self._inside = []
                self._cuts = self._look() if self.quote else True
        return self._cuts

    def _look(self) -> bool:
        """Go through all quotes; note for each chunk whether it begins inside some."""
        assert self._inside is not None
        around = (self.sep, b"\n", b"\r") if self.sep else ()
        inside = closed = False
        before = b"\n"
        at = 0
        while data := self._bytes(at, _CHUNK):
            self._inside.append(inside)
            pieces = data.split(self.quote)
            if len(pieces) > 1 and not around:
                return False
            last = len(pieces) - 1
            for i in range(int(inside), last + 1, 2):
                piece = pieces[i]
                if i == 0 and closed and piece and piece[:1] not in around:
                    return False
                if not piece:
                    # Nothing between two quotes: a doubled one; or the chunk begins with a quote.
                    if i == 0 and last and not closed and before not in around:
                        return False
                    continue
                if (i > 0 and piece[:1] not in around) or (i < last and piece[-1:] not in around):
                    return False
            inside ^= last % 2 == 1
            closed = not inside and data.endswith(self.quote)
            before = data[-1:]
            at += len(data)
        return not inside

    def _bytes(self, offset: int, length: int) -> bytes:
        return self.file.read(offset, min(length, max((self.file.size or 0) - offset, 0)))

    def _chunk(self, number: int) -> bytes:
        """Give a chunk with blanks in place of the line breaks inside quotes."""
        data = self._bytes(number * _CHUNK, _CHUNK)
        if not self.quote or not self._inside or (not self._inside[number] and self.quote not in data):
            return data
        pieces = data.split(self.quote)
        for i in range(int(not self._inside[number]), len(pieces), 2):
            pieces[i] = pieces[i].translate(_BREAKS)
        return self.quote.join(pieces)

    def start(self, offset: int) -> int:
        """Give where the first record of data that begins at ``offset`` or later begins."""
        first = self.first()
        return first if offset <= first else self._line(offset)

    def _line(self, offset: int) -> int:
        """Give where the first line that begins at ``offset`` or later begins."""
        size = self.file.size or 0
        at = offset - 1
        while 0 <= at < size:
            number = at // _CHUNK
            found = self._chunk(number).find(b"\n", at - number * _CHUNK)
            if found >= 0:
                return number * _CHUNK + found + 1
            at = (number + 1) * _CHUNK
        return 0 if offset <= 0 else size

    def first(self) -> int:
        """Give where the data begin, behind the header."""
        if self._first is None:
            end = 0
            for _ in range(self.skip):
                end = self._line(end + 1)
            while self.header and end < (self.file.size or 0):
                start, end = end, self._line(end + 1)
                if self._counts(self._bytes(start, end - start)):
                    break
            self._first = end
        return self._first

    def _counts(self, line: bytes) -> bool:
        line = line.strip(b"\r\n")
        if not line.strip() and not (line and self.sep and not self.sep.strip()):
            return self.blanks
        return not (self.comment and line.startswith(self.comment))

    def lines_before(self, end: int) -> int:
        """Count the lines of the file before a place."""
        at = count = 0
        while data := self._bytes(at, min(_CHUNK, end - at)):
            count += data.count(b"\n")
            at += len(data)
        return count

    def rows_before(self, end: int) -> int:
        """Count the records of data before a place."""
        at, count, rest = self.first(), 0, b""
        while at < end:
            number = at // _CHUNK
            data = self._chunk(number)[at - number * _CHUNK : end - number * _CHUNK]
            *lines, rest = (rest + data).split(b"\n")
            count += sum(map(self._counts, lines))
            at += len(data)
        return count
