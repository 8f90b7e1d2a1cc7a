"""CSV read by pandas, where the core has no reader for the options or the content.

A file is cut into blocks where each record's end can be told from its line breaks (`_csv_blocks`); else the first block
of a file reads all of it. Types are guessed from the first rows, and decided over all of them once a block contradicts
(`_csv_settle`), as the core does with its own CSV reader; a warning says where (`_csv_misfits`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dusk import _core
from dusk.dataframe._new import new_collection
from dusk.dataframe.io._csv_blocks import Records, opened
from dusk.dataframe.io._csv_misfits import Misfits
from dusk.dataframe.io._paths import InputFile

__all__ = ["BlockReader", "block_reader", "read_by_pandas"]

#: Options with which a block that isn't a file's first can't be read on its own.
_WHOLE_FILE = ("skipfooter", "escapechar", "on_bad_lines", "dialect")
_ASCII_LIKE = {"utf8", "utf-8", "ascii", "latin-1", "latin1", "iso-8859-1", "cp1252", "windows-1252"}
_LINE = re.compile(r"\b(?:line|row) (\d+)")


class BlockReader(Misfits):
    """Reads block ``i`` of some files with pandas.

    Parameters
    ----------
    reader : str
        The function of pandas.
    files : list of InputFile
        The files.
    blocks : list of (file number, start, end)
        What each partition reads; an end of None reads the whole file.
    splits : bool
        Whether a block that begins with a record can be read on its own, as far as the options tell.
    compression : str or None
        How files are compressed; "infer" looks at each one's name.
    path_column : str or None
        The name of the column that holds the path.
    assume_missing : bool
        Guessed integers become floats.
    index_col : list
        The columns that become the index, as labels or positions.
    kwargs : dict
        For pandas.
    """

    def __init__(
        self,
        reader: str,
        files: list[InputFile],
        blocks: list[tuple[int, int, int | None]],
        splits: bool,
        compression: str | None,
        path_column: str | None,
        assume_missing: bool,
        index_col: list[Any],
        kwargs: dict[str, Any],
    ) -> None:
        self.reader = reader
        self.name = reader.replace("_", "-")
        self.files = files
        self.blocks = blocks
        self.npartitions = len(blocks)
        self.splits = splits
        self.compression = compression
        self.path_column = path_column
        self.assume_missing = assume_missing
        self.index_col = index_col
        self.kwargs = kwargs
        self.known = pd.DataFrame()
        self.guessed = set()
        self.forced = {}
        self.held = {}
        self.is_settled = False
        self.sampled = {}
        self.categories = {}
        self.as_text = set()
        self._records: dict[int, Records] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_records"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _records={})

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return (
            "dusk-block-reader",
            self.reader,
            self.files,
            self.blocks,
            self.compression,
            self.path_column,
            self.index_col,
            self.kwargs,
            self.meta(),
            sorted(self.forced, key=str),
            sorted(self.held, key=str),
            sorted(self.as_text, key=str),
        )

    # --- what the core calls ------------------------------------------------------------------------------------------

    def meta(self) -> pd.DataFrame:
        """Give an empty frame of the dtypes that are promised; categories come out as they are found."""
        loose = self.open_categories()
        return self.known.astype(dict.fromkeys(loose, object)) if loose else self.known

    def open_categories(self) -> list[Any]:
        """Give the columns whose categories only the data can tell."""
        return [
            label
            for label, dtype in self.known.dtypes.items()
            if isinstance(dtype, pd.CategoricalDtype) and label != self.path_column
        ]

    def describe(self, position: int) -> str:
        """Say what a partition reads."""
        number, start, end = self.blocks[position]
        return self.files[number].path + ("" if end is None else f", bytes {start}..{end}")

    def read(self, position: int, columns: Sequence[int]) -> tuple[pd.DataFrame, list[str]]:
        """Give some columns of a partition, and in which places they contradict the guessed types."""
        number = self.blocks[position][0]
        frame = self.with_path(self.parsed(position), number)
        self.check_columns(frame, self.files[number])
        notices = []
        wanted = self.known.dtypes
        result = {}
        for i in columns:
            label = self.known.columns[i]
            column = frame.iloc[:, i]
            if label in self.held:
                fitted: Any = self.held[label][position].set_axis(frame.index)
            else:
                fitted = self._fitted(column, label, wanted.iloc[i])
            if fitted is None:
                notices.append(self.contradiction(position, label, column, wanted.iloc[i]))
            else:
                result[len(result)] = fitted
        if notices:
            return frame.iloc[:0, list(columns)], notices
        made = pd.DataFrame(result, index=frame.index, copy=False)
        made.columns = self.known.columns[list(columns)]
        return made, []

    # --- parsing ------------------------------------------------------------------------------------------------------

    def like_this(self) -> BlockReader:
        """Make a reader of the same blocks that knows no types yet."""
        return BlockReader(
            self.reader, self.files, self.blocks, self.splits, self.compression, self.path_column,
            self.assume_missing, self.index_col, dict(self.kwargs),
        )  # fmt: skip

    def parse(self, source: Any, compression: str | None, **more: Any) -> pd.DataFrame:
        """Call pandas."""
        kwargs = {**self.kwargs, **more}
        if (self.forced or self.as_text) and "dtype" not in more:
            kwargs["dtype"] = self.dtypes_for_pandas()
        return getattr(pd, self.reader)(source, compression=compression, **kwargs)

    def parsed(self, position: int, **more: Any) -> pd.DataFrame:
        """Parse a block; an error says in which file, and in which of its lines."""
        number, start, end = self.blocks[position]
        file = self.files[number]
        try:
            return self._block(file, number, start, end, more)
        except Exception as error:
            error.add_note(f"in {self.describe(position)}")
            self._note_line(error, position)
            if "dtype" not in more:
                self.note_misfits(error, position)
            raise

    def _note_line(self, error: Exception, position: int) -> None:
        """Say which line of the file an error means that counts the lines of a block."""
        number, start, end = self.blocks[position]
        if not start or end is None or not self.records(number).cuts:
            return
        records = self.records(number)
        before = records.lines_before(records.start(start))
        found = _LINE.search(str(error)) if isinstance(error, pd.errors.ParserError) else None
        if found:
            error.add_note(f"that is line {before + int(found[1])} of {self.files[number].path}")
        else:
            error.add_note(f"line 1 of these bytes is line {before + 1} of the file")

    def _block(self, file: InputFile, number: int, start: int, end: int | None, more: dict[str, Any]) -> pd.DataFrame:
        records = self.records(number)
        if end is None or not records.cuts or not self._is_plain(self.known):
            # Where a record ends can't be told, or the first record's surplus fields make an index of every record's
            # first fields: the first block of the file reads all of it, the others nothing.
            if start:
                return self._nothing()
            source, compression = opened(file, self.compression)
            with source:
                return self.parse(source, compression, **more)
        begin = 0 if start == 0 else records.start(start)
        stop = records.start(end)
        if begin >= stop:
            return self._nothing()
        data = file.read(begin, stop - begin)
        if start == 0:
            return self.parse(io.BytesIO(data), None, **more)
        if not records.blanks and not data.strip(b"\r\n"):
            return self._nothing()
        names = list(self.header_of(number))
        more = {"header": None, "names": names, "skiprows": None, **more}
        try:
            frame = self.parse(io.BytesIO(data), None, **more)
        except pd.errors.EmptyDataError:  # comments and blanks
            return self._nothing()
        if not self._is_plain(frame):
            # pandas makes an index only where it is the file's first record that has more fields than there are names.
            raise pd.errors.ParserError(f"Expected {len(names)} fields in line 1, saw more")
        return frame

    def _is_plain(self, frame: pd.DataFrame) -> bool:
        """Whether all fields are columns."""
        return isinstance(frame.index, pd.RangeIndex) or self.kwargs.get("index_col") is not None

    def records(self, number: int) -> Records:
        """Give where the records of a file begin."""
        found = self._records.get(number)
        if found is None:
            kwargs = self.kwargs
            quotes = self.splits and kwargs.get("quoting") != 3
            sep = kwargs.get("sep") or kwargs.get("delimiter") or ("\t" if self.reader == "read_table" else ",")
            plain = kwargs.get("doublequote", True) and not kwargs.get("skipinitialspace") and not kwargs.get("comment")
            header = kwargs.get("header", None if kwargs.get("names") is not None else 0) is not None
            found = self._records.setdefault(
                number,
                Records(
                    self.files[number],
                    (kwargs.get("quotechar") or '"').encode() if quotes else b"",
                    sep.encode() if plain and isinstance(sep, str) and len(sep) == 1 else b"",
                    (kwargs.get("skiprows") or 0) if self.splits else 0,
                    header,
                    not kwargs.get("skip_blank_lines", True),
                    (kwargs.get("comment") or "").encode(),
                ),
            )
        return found

    def row_of(self, position: int, row: int) -> int:
        """Give which row of its file a row of a block is."""
        number, start, end = self.blocks[position]
        records = self.records(number)
        if not start or end is None or not records.cuts:
            return row
        return row + records.rows_before(records.start(start))

    def _nothing(self) -> pd.DataFrame:
        return self.known.drop(columns=[self.path_column]) if self.path_column else self.known

    def header_of(self, number: int) -> Any:
        """Give all column names of a file, also those that aren't wanted."""
        if self.kwargs.get("names") is not None:
            return self.kwargs["names"]
        kwargs = {
            key: value
            for key, value in self.kwargs.items()
            if key not in ("usecols", "dtype", "parse_dates", "converters", "date_format")
            and (key, value) != ("engine", "pyarrow")  # it can't read just the header
        }
        source, compression = opened(self.files[number], self.compression)
        with source:
            return getattr(pd, self.reader)(source, compression=compression, nrows=0, **kwargs).columns

    def with_path(self, frame: pd.DataFrame, number: int) -> pd.DataFrame:
        """Add the column with the path of the file."""
        if self.path_column is None:
            return frame
        if self.path_column in frame.columns:
            if frame is self.known:
                return frame
            raise ValueError(
                f"Files already contain the column name: {self.path_column}, so the path column cannot use this name. "
                "Please set `include_path_column` to a unique name."
            )
        paths = [file.path for file in self.files]
        codes = np.full(len(frame), paths.index(paths[number]), dtype="int32")
        categories = pd.Index(list(dict.fromkeys(paths)))
        return frame.assign(**{self.path_column: pd.Categorical.from_codes(codes, categories=categories)})

    def check_columns(self, frame: pd.DataFrame, file: InputFile) -> None:
        if list(frame.columns) != list(self.known.columns):
            raise ValueError(
                f"The columns of {file.path} do not match those of the first file.\n"
                f"  Found:    {list(frame.columns)}\n  Expected: {list(self.known.columns)}"
            )


def block_reader(
    reader: str,
    files: list[InputFile],
    blocksize: int | None,
    compression: str | None,
    path_column: str | None,
    assume_missing: bool,
    index_col: list[Any],
    kwargs: dict[str, Any],
    all_blocks: bool = False,
) -> BlockReader:
    """Make a reader; with ``all_blocks`` each file is cut, even when one block must then read all of it."""
    kwargs = dict(kwargs)
    blocks: list[tuple[int, int, int | None]] = []
    splits = _splits(reader, kwargs)
    cuts = blocksize is not None and compression is None and (splits or all_blocks)
    for number, file in enumerate(files):
        if cuts and file.size and file.size > blocksize:  # type: ignore[operator]
            starts = range(0, file.size, blocksize)  # type: ignore[arg-type]
            blocks.extend((number, start, min(start + blocksize, file.size)) for start in starts)  # type: ignore[operator]
        else:
            blocks.append((number, 0, None))
    made = BlockReader(reader, files, blocks, splits, compression, path_column, assume_missing, index_col, kwargs)
    made.guess()
    return made


def read_by_pandas(*args: Any) -> Any:
    """Make the collection; takes the arguments of `block_reader`."""
    reader = block_reader(*args)
    loose = bool(reader.open_categories())
    return new_collection(_core.scan_reader(reader), meta=reader.known if loose else None, loose=loose)


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
