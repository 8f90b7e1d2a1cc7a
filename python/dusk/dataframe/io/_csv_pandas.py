"""CSV read by pandas, where the core has no reader for the options.

A file is read in blocks only when it is plain and holds no quote, so that every line break ends a record; else it is
one block. Types come from the first rows; a block that doesn't fit them is an error that says which ``dtype`` to give.
No value is ever changed to fit.
"""

from __future__ import annotations

import io
import threading
from typing import Any

import numpy as np
import pandas as pd

from dusk import _core
from dusk.base import tokenize
from dusk.dataframe._fallback import loosen
from dusk.dataframe._new import new_collection
from dusk.dataframe.io._paths import InputFile

__all__ = ["read_by_pandas"]

_SAMPLE_ROWS = 5000
_CHUNK = 1 << 20
#: Options with which a block that isn't a file's first can't be read on its own.
_WHOLE_FILE = ("skipfooter", "escapechar", "on_bad_lines", "dialect")
_ASCII_LIKE = {"utf8", "utf-8", "ascii", "latin-1", "latin1", "iso-8859-1", "cp1252", "windows-1252"}


class BlockReader:
    """Reads block ``i`` of some files with pandas.

    Parameters
    ----------
    reader : str
        The function of pandas.
    files : list of InputFile
        The files.
    blocks : list of (file number, start, end)
        What each partition reads; an end of None reads the whole file.
    compression : str or None
        How files are compressed.
    path_column : str or None
        The name of the column that holds the path.
    kwargs : dict
        For pandas.
    """

    def __init__(
        self,
        reader: str,
        files: list[InputFile],
        blocks: list[tuple[int, int, int | None]],
        compression: str | None,
        path_column: str | None,
        kwargs: dict[str, Any],
    ) -> None:
        self.reader = reader
        self.files = files
        self.blocks = blocks
        self.compression = compression
        self.path_column = path_column
        self.kwargs = kwargs
        self.meta: pd.DataFrame | None = None
        self.floats: set[Any] = set()
        self._plain: dict[int, bool] = {}
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_plain", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _plain={}, _lock=threading.Lock())

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return (
            "dusk-block-reader",
            self.reader,
            self.files,
            self.blocks,
            self.compression,
            self.path_column,
            self.kwargs,
        )

    def parse(self, source: Any, **more: Any) -> pd.DataFrame:
        """Call pandas."""
        kwargs = {**self.kwargs, **more}
        return getattr(pd, self.reader)(source, compression=self.compression, **kwargs)

    def __call__(self, position: int) -> pd.DataFrame:
        number, start, end = self.blocks[position]
        file = self.files[number]
        try:
            frame = self._block(file, number, start, end)
        except Exception as error:
            error.add_note(f"in {file.path}" + ("" if end is None else f", bytes {start} to {end}"))
            raise
        return self.fitted(self.with_path(frame, number), file)

    def _block(self, file: InputFile, number: int, start: int, end: int | None) -> pd.DataFrame:
        if end is None:
            with file.open() as source:
                return self.parse(source)
        if not self._is_plain(number):
            # A quote may hide line breaks: the first block of the file reads all of it, the others nothing.
            if start:
                return self._nothing()
            with file.open() as source:
                return self.parse(source)
        begin = 0 if start == 0 else self._line_start(file, start)
        stop = self._line_start(file, end)
        if begin >= stop:
            return self._nothing()
        data = file.read(begin, stop - begin)
        if start == 0:
            return self.parse(io.BytesIO(data))
        names = list(self.header_of(number))
        more: dict[str, Any] = {"header": None, "names": names, "skiprows": None}
        return self.parse(io.BytesIO(data), **more)

    def _nothing(self) -> pd.DataFrame:
        assert self.meta is not None
        meta = self.meta
        return meta.drop(columns=[self.path_column]) if self.path_column else meta

    def header_of(self, number: int) -> Any:
        """Give all column names of a file, also those that aren't wanted."""
        if self.kwargs.get("names") is not None:
            return self.kwargs["names"]
        kwargs = {
            key: value
            for key, value in self.kwargs.items()
            if key not in ("usecols", "dtype", "parse_dates", "converters")
        }
        with self.files[number].open() as source:
            return getattr(pd, self.reader)(source, compression=self.compression, nrows=0, **kwargs).columns

    def _is_plain(self, number: int) -> bool:
        with self._lock:
            known = self._plain.get(number)
            if known is None:
                known = self._plain[number] = self._has_no_quotes(self.files[number])
        return known

    def _has_no_quotes(self, file: InputFile) -> bool:
        if self.kwargs.get("quoting") == 3:
            return True
        quote = (self.kwargs.get("quotechar") or '"').encode()
        with file.open() as source:
            while chunk := source.read(_CHUNK):
                if quote in chunk:
                    return False
        return True

    def _line_start(self, file: InputFile, offset: int) -> int:
        """Give where the first line that begins at ``offset`` or later begins."""
        size = file.size or 0
        if offset >= size:
            return size
        at = offset - 1
        while at < size:
            chunk = file.read(at, min(_CHUNK, size - at))
            found = chunk.find(b"\n")
            if found >= 0:
                return at + found + 1
            at += len(chunk)
        return size

    def with_path(self, frame: pd.DataFrame, number: int) -> pd.DataFrame:
        """Add the column with the path of the file."""
        if self.path_column is None:
            return frame
        if self.path_column in frame.columns:
            raise ValueError(
                f"Files already contain the column name: {self.path_column}, so the path column cannot use this name. "
                "Please set `include_path_column` to a unique name."
            )
        paths = [file.path for file in self.files]
        codes = np.full(len(frame), paths.index(paths[number]), dtype="int32")
        return frame.assign(
            **{self.path_column: pd.Categorical.from_codes(codes, categories=list(dict.fromkeys(paths)))}
        )

    def fitted(self, frame: pd.DataFrame, file: InputFile) -> pd.DataFrame:
        """Give a block the dtypes of the first rows, where that loses nothing.

        Raises
        ------
        ValueError
            When columns differ, or values don't fit; it says what to do.
        """
        meta = self.meta
        if meta is None:
            return frame
        if list(frame.columns) != list(meta.columns):
            raise ValueError(
                f"The columns of {file.path} do not match those of the first file.\n"
                f"  Found:    {list(frame.columns)}\n  Expected: {list(meta.columns)}"
            )
        wrong = []
        for label in meta.columns:
            wanted, found = meta[label].dtype, frame[label].dtype
            if wanted == found or pd.api.types.is_object_dtype(wanted) or not len(frame):
                continue
            if isinstance(wanted, pd.CategoricalDtype) and isinstance(found, pd.CategoricalDtype):
                continue  # each block knows only its own categories
            fitted = _cast(frame[label], wanted)
            if fitted is None:
                wrong.append((label, found, wanted))
            else:
                frame[label] = fitted
        if wrong:
            table = "\n".join(f"  {label!r}: found {found}, expected {wanted}" for label, found, wanted in wrong)
            hint = ", ".join(f"{label!r}: {_hint(found)!r}" for label, found, _ in wrong)
            raise ValueError(
                f"Mismatched dtypes found in `pd.{self.reader}`, in {file.path}.\n{table}\n"
                f"Types were guessed from the first rows. Say what they are: dtype={{{hint}}}"
            )
        return frame


def _hint(found: Any) -> str:
    return (
        "float64"
        if isinstance(found, np.dtype) and found.kind in "iuf"
        else "str"
        if pd.api.types.is_object_dtype(found)
        else str(found)
    )


def _cast(column: pd.Series, wanted: Any) -> pd.Series | None:
    """Give a column in another dtype, when no value changes."""
    found = column.dtype
    if column.isna().all() and not (isinstance(wanted, np.dtype) and wanted.kind in "biu"):
        return column.astype(object).astype(wanted)
    if isinstance(wanted, np.dtype) and wanted.kind == "f" and isinstance(found, np.dtype) and found.kind in "iu":
        cast = column.astype(wanted)
        return cast if (cast.astype(found) == column).all() else None
    if (
        isinstance(wanted, np.dtype)
        and wanted.kind in "iuf"
        and isinstance(found, np.dtype)
        and found.kind == wanted.kind
    ):
        cast = column.astype(wanted)
        return cast if (cast == column).all() else None
    if isinstance(wanted, pd.DatetimeTZDtype) or (isinstance(wanted, np.dtype) and wanted.kind in "mM"):
        return column.astype(wanted) if getattr(found, "kind", "") == wanted.kind else None
    return None


def read_by_pandas(
    reader: str,
    files: list[InputFile],
    blocksize: int | None,
    compression: str | None,
    path_column: str | None,
    assume_missing: bool,
    kwargs: dict[str, Any],
) -> Any:
    """Make the collection."""
    kwargs = dict(kwargs)
    blocks: list[tuple[int, int, int | None]] = []
    split = blocksize is not None and compression is None and _splits(reader, kwargs)
    for number, file in enumerate(files):
        if split and file.size and file.size > blocksize:  # type: ignore[operator]
            starts = range(0, file.size, blocksize)  # type: ignore[arg-type]
            blocks.extend((number, start, min(start + blocksize, file.size)) for start in starts)  # type: ignore[operator]
        else:
            blocks.append((number, 0, None))
    call = BlockReader(reader, files, blocks, compression, path_column, kwargs)
    more = {} if kwargs.get("skipfooter") else {"nrows": _SAMPLE_ROWS}
    with files[0].open() as source:
        head = call.parse(source, **more)
    given = kwargs.get("dtype")
    if assume_missing:
        named = given if isinstance(given, dict) else {}
        if given is None or isinstance(given, dict):
            whole = {
                label: "float64" for label, dtype in head.dtypes.items() if dtype.kind in "iu" and label not in named
            }
            head = head.astype(whole)
    meta = call.with_path(head, 0).iloc[:0]
    # Text stays text: a block that holds only digits must not become numbers, which lose leading zeros.
    texts = {label: head[label].dtype for label in head.columns if isinstance(head[label].dtype, pd.StringDtype)}
    parsed = _labels_parsed(kwargs)
    texts = {label: dtype for label, dtype in texts.items() if label not in parsed}
    if texts and head.columns.is_unique and (given is None or isinstance(given, dict)) and not kwargs.get("converters"):
        call.kwargs["dtype"] = {**texts, **(given or {})}
    if isinstance(meta.index, pd.RangeIndex):
        meta = meta.set_axis(pd.RangeIndex(0), axis=0)
    call.meta = meta
    has_unknown = any(
        isinstance(dtype, pd.CategoricalDtype) for label, dtype in meta.dtypes.items() if label != path_column
    )
    loose = has_unknown
    node = _core.source(
        call,
        len(blocks),
        loosen(meta) if loose else meta,
        None,
        prefix=reader.replace("_", "-"),
        library=True,
        token=tokenize(call, meta),
    )
    return new_collection(node, meta=meta, loose=loose)


def _labels_parsed(kwargs: dict[str, Any]) -> set[Any]:
    """Give the columns that pandas makes dates of."""
    dates = kwargs.get("parse_dates")
    if isinstance(dates, dict):
        return set(dates)
    return set(dates) if isinstance(dates, list) else set()


def _splits(reader: str, kwargs: dict[str, Any]) -> bool:
    """Whether a block that begins with a line can be read on its own."""
    if reader == "read_fwf" or any(kwargs.get(name) is not None for name in _WHOLE_FILE):
        return False
    if kwargs.get("header", "infer") not in ("infer", 0, None) or kwargs.get("lineterminator") not in (None, "\n"):
        return False
    if not isinstance(kwargs.get("skiprows") or 0, int):
        return False
    encoding = str(kwargs.get("encoding") or "utf-8").lower().replace("_", "-")
    return encoding in _ASCII_LIKE and kwargs.get("quoting") in (None, 0, 3)
