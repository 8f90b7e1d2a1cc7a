"""CSV read by pandas, where the core has no reader for the options or the content.

A file is read in blocks only when it is plain and holds no quote, so that every line break ends a record; else the
first block of a file reads all of it. Types are guessed from the first rows. A block that contradicts them makes the
core ask for types over all rows (`BlockReader.settled`) and read again, as it does with its own CSV reader; a warning
says where.

Invariant: no value is ever changed to fit a type.
"""

from __future__ import annotations

import csv
import io
import threading
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.api import guess_datetime_format

from dusk import _core
from dusk.dataframe._new import new_collection
from dusk.dataframe.io._csv_types import decide, kind_of
from dusk.dataframe.io._paths import InputFile

__all__ = ["BlockReader", "block_reader", "read_by_pandas"]

_SAMPLE_ROWS = 5000
_CHUNK = 1 << 20
#: Options with which a block that isn't a file's first can't be read on its own.
_WHOLE_FILE = ("skipfooter", "escapechar", "on_bad_lines", "dialect")
_ASCII_LIKE = {"utf8", "utf-8", "ascii", "latin-1", "latin1", "iso-8859-1", "cp1252", "windows-1252"}
#: Options that say what the text of a column means, for a column put before pandas alone.
_MEANING = ("keep_default_na", "na_filter", "true_values", "false_values", "thousands", "decimal", "dtype_backend")


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
    splits : bool
        Whether a block that begins with a line can be read on its own, as far as the options tell.
    compression : str or None
        How files are compressed.
    path_column : str or None
        The name of the column that holds the path.
    assume_missing : bool
        Guessed integers become floats.
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
        self.kwargs = kwargs
        #: The dtypes as they are now known.
        self.known: pd.DataFrame = pd.DataFrame()
        #: Columns whose type pandas guesses.
        self.guessed: set[Any] = set()
        #: Dtypes to be given to pandas.
        self.forced: dict[Any, Any] = {}
        #: Columns that pandas reads as it would read no block of them alone: their values, block by block.
        self.held: dict[Any, list[pd.Series]] = {}
        self.is_settled = False
        #: What the first rows of guessed columns showed.
        self.sampled: dict[Any, str] = {}
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
            self.meta(),
            sorted(self.forced, key=str),
            sorted(self.held, key=str),
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
        frame = self.with_path(self._parsed(position), number)
        self._check_columns(frame, self.files[number])
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
                notices.append(self._contradiction(position, label, column, wanted.iloc[i]))
            else:
                result[len(result)] = fitted
        if notices:
            return frame.iloc[:0, list(columns)], notices
        made = pd.DataFrame(result, index=frame.index, copy=False)
        made.columns = self.known.columns[list(columns)]
        return made, []

    def settled(self, threads: int) -> BlockReader:
        """Give a reader whose types are those that pandas infers over all rows."""
        with ThreadPoolExecutor(max(1, min(threads, len(self.blocks)))) as pool:
            shown = list(pool.map(self._kinds, range(len(self.blocks))))
        new = BlockReader(
            self.reader, self.files, self.blocks, self.splits, self.compression, self.path_column,
            self.assume_missing, dict(self.kwargs),
        )  # fmt: skip
        new.guessed, new.forced, new.is_settled = self.guessed, dict(self.forced), True
        new.sampled = self.sampled
        dtypes: dict[Any, Any] = {}
        for label in self.known.columns:
            if label not in self.guessed:
                continue
            kinds = [part[label][0] for part in shown]
            if label in self._dates():
                dtype = self._date_dtype(kinds, [part[label][1] for part in shown])
                if dtype is None:
                    new.kwargs["parse_dates"] = [x for x in self._date_items() if not self._is_item(x, label)]
                    dtype = new.forced[label] = decide(["str"], self.kwargs.get("dtype_backend"), lambda: None)
                dtypes[label] = dtype
                continue
            dtype = self._decided(label, kinds, new.held)
            if dtype is None:
                found = [part[label][1] for part in shown if part[label][0] not in ("none", "empty")]
                dtype = found[0] if found else self.known[label].dtype
            elif label in new.held:
                pass
            elif not pd.api.types.is_object_dtype(dtype) and label not in (self.kwargs.get("converters") or ()):
                new.forced[label] = dtype
            if self.assume_missing and getattr(dtype, "kind", "O") in "iu":
                dtype = new.forced[label] = np.dtype("float64")
            dtypes[label] = dtype
        known = self.known.copy()
        for i, label in enumerate(known.columns):
            if label in dtypes:
                known.isetitem(i, pd.Series([], dtype=dtypes[label], index=known.index))
        new.known = known
        return new

    # --- parsing ------------------------------------------------------------------------------------------------------

    def parse(self, source: Any, **more: Any) -> pd.DataFrame:
        """Call pandas."""
        kwargs = {**self.kwargs, **more}
        if self.forced and "dtype" not in more:
            kwargs["dtype"] = {**self.forced, **(kwargs.get("dtype") or {})}
        return getattr(pd, self.reader)(source, compression=self.compression, **kwargs)

    def _parsed(self, position: int, **more: Any) -> pd.DataFrame:
        number, start, end = self.blocks[position]
        file = self.files[number]
        try:
            return self._block(file, number, start, end, more)
        except Exception as error:
            error.add_note(f"in {self.describe(position)}")
            if start and self._is_plain(number):
                before = self._lines_before(file, self._line_start(file, start))
                error.add_note(f"line 1 of these bytes is line {before + 1} of the file")
            if "dtype" not in more:
                self._note_misfits(error, position)
            raise

    def _block(self, file: InputFile, number: int, start: int, end: int | None, more: dict[str, Any]) -> pd.DataFrame:
        if end is None:
            with file.open() as source:
                return self.parse(source, **more)
        if not self._is_plain(number):
            # A quote may hide line breaks: the first block of the file reads all of it, the others nothing.
            if start:
                return self._nothing()
            with file.open() as source:
                return self.parse(source, **more)
        begin = 0 if start == 0 else self._line_start(file, start)
        stop = self._line_start(file, end)
        if begin >= stop:
            return self._nothing()
        data = file.read(begin, stop - begin)
        if start == 0:
            return self.parse(io.BytesIO(data), **more)
        if not data.strip(b"\r\n"):
            return self._nothing()
        names = list(self.header_of(number))
        more = {"header": None, "names": names, "skiprows": None, **more}
        try:
            return self.parse(io.BytesIO(data), **more)
        except pd.errors.EmptyDataError:  # comments and blanks
            return self._nothing()

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
        }
        with self.files[number].open() as source:
            return getattr(pd, self.reader)(source, compression=self.compression, nrows=0, **kwargs).columns

    def _is_plain(self, number: int) -> bool:
        with self._lock:
            known = self._plain.get(number)
            if known is None:
                known = self._plain[number] = self.splits and self._has_no_quotes(self.files[number])
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

    def _lines_before(self, file: InputFile, end: int) -> int:
        at = count = 0
        while at < end:
            chunk = file.read(at, min(_CHUNK, end - at))
            if not chunk:
                break
            count += chunk.count(b"\n")
            at += len(chunk)
        return count

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

    def _check_columns(self, frame: pd.DataFrame, file: InputFile) -> None:
        if list(frame.columns) != list(self.known.columns):
            raise ValueError(
                f"The columns of {file.path} do not match those of the first file.\n"
                f"  Found:    {list(frame.columns)}\n  Expected: {list(self.known.columns)}"
            )

    # --- types --------------------------------------------------------------------------------------------------------

    def guess(self) -> None:
        """Look at the first rows: which columns there are, and what they seem to hold."""
        more: dict[str, Any] = {"nrows": _SAMPLE_ROWS}
        if self.kwargs.get("skipfooter") or self.kwargs.get("engine") == "pyarrow":
            more = {}
        self._fix_date_format(more)
        for file in self.files:
            head = self._head(file, more)
            if len(head):
                break
        else:
            head = self._head(self.files[0], more)
        number = 0
        given = self.kwargs.get("dtype")
        converters = set(self.kwargs.get("converters") or ())
        if given is None or (isinstance(given, dict) and not isinstance(given, defaultdict)):
            named = _labels(given or (), head.columns)
            self.guessed = {label for label in head.columns if label not in named}
            self.sampled = {label: kind_of(head[label]) for label in self.guessed}
            converted = _labels(converters, head.columns)
            dates = self._dates(head.columns)
            if self.assume_missing:
                whole = {
                    label: "float64"
                    for label, dtype in head.dtypes.items()
                    if getattr(dtype, "kind", "O") in "iu" and label in self.guessed
                }
                head = head.astype(whole)
            # Text stays text: a block that holds only digits must not become numbers, which lose leading zeros.
            self.forced = {
                label: head[label].dtype
                for label in head.columns
                if label in self.guessed - converted - dates and isinstance(head[label].dtype, pd.StringDtype)
            }
        elif converters:
            self.guessed = _labels(converters, head.columns)
            self.sampled = {label: kind_of(head[label]) for label in self.guessed}
        # Numbers that pandas took for text since some are beyond 64 bits: only all rows can tell.
        self.forced = {label: dtype for label, dtype in self.forced.items() if self.sampled[label] != "digits"}
        known = self.with_path(head, number).iloc[:0]
        if isinstance(known.index, pd.RangeIndex):
            known = known.set_axis(pd.RangeIndex(0), axis=0)
        self.known = known

    def _head(self, file: InputFile, more: dict[str, Any]) -> pd.DataFrame:
        try:
            return self._first_rows(file, more)
        except Exception as error:
            error.add_note(f"in {file.path}")
            self._note_misfits(error, [block[0] for block in self.blocks].index(self.files.index(file)))
            raise

    def _first_rows(self, file: InputFile, more: dict[str, Any]) -> pd.DataFrame:
        if "low_memory" not in self.kwargs and self.reader != "read_fwf" and "engine" not in self.kwargs:
            # Types must not depend on how pandas cuts a file; only its C engine has the option.
            try:
                with file.open() as source:
                    head = self.parse(source, low_memory=False, **more)
                self.kwargs["low_memory"] = False
                return head
            except ValueError as error:
                if "low_memory" not in str(error):
                    raise
        elif self.kwargs.get("engine") == "c":
            self.kwargs["low_memory"] = False
        with file.open() as source:
            return self.parse(source, **more)

    def _fix_date_format(self, more: dict[str, Any]) -> None:
        """Have all blocks read dates in the form of the first one of all, as pandas does within a file."""
        items = self._date_items()
        if not items or self.kwargs.get("date_format") is not None or self.reader == "read_fwf":
            return
        without = ("parse_dates", "dayfirst", "converters")
        plain = {key: value for key, value in self.kwargs.items() if key not in without}
        plain["dtype"] = str
        with self.files[0].open() as source:
            head = getattr(pd, self.reader)(source, compression=self.compression, **plain, **more)
        formats = {}
        for label in self._dates(head.columns):
            first = head[label].dropna()
            dayfirst = bool(self.kwargs.get("dayfirst"))
            form = guess_datetime_format(str(first.iloc[0]), dayfirst=dayfirst) if len(first) else None
            if form is not None:
                formats[label] = form
        if formats:
            self.kwargs["date_format"] = formats

    def _date_items(self) -> list[Any]:
        dates = self.kwargs.get("parse_dates")
        return list(dates) if isinstance(dates, list | tuple | set) else []

    def _dates(self, columns: Any = None) -> set[Any]:
        columns = self.known.columns if columns is None else columns
        return {label for label in columns if any(self._is_item(item, label, columns) for item in self._date_items())}

    def _is_item(self, item: Any, label: Any, columns: Any = None) -> bool:
        columns = self.known.columns if columns is None else columns
        if item == label:
            return True
        known = isinstance(item, int) and not isinstance(item, bool) and item not in columns
        return known and 0 <= item < len(columns) and columns[item] == label

    def _kinds(self, position: int) -> dict[Any, tuple[str, Any]]:
        frame = self.with_path(self._parsed(position), self.blocks[position][0])
        self._check_columns(frame, self.files[self.blocks[position][0]])
        shown = {}
        for i, label in enumerate(self.known.columns):
            if label in self.guessed:
                column = frame.iloc[:, i]
                shown[label] = (kind_of(column), column.dtype)
        return shown

    def _decided(self, label: Any, kinds: list[str], held: dict[Any, list[pd.Series]]) -> Any:
        def ask() -> Any:
            parts = self._asked(label)
            dtype = parts[0].dtype
            if getattr(dtype, "kind", "O") not in "iuf":
                held[label] = parts
            return dtype

        if label in self.forced:
            return self.forced[label]
        words = bool(self.kwargs.get("true_values") or self.kwargs.get("false_values"))
        computed = label in _labels(self.kwargs.get("converters") or (), self.known.columns)
        return decide(kinds, self.kwargs.get("dtype_backend"), ask, words, computed)

    def _asked(self, label: Any) -> list[pd.Series]:
        """Give what pandas makes of all rows of a column, block by block."""
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        writer.writerow(["value"])
        ends = [0]
        for position in range(len(self.blocks)):
            values = self._text(position, label)
            writer.writerows([value] for value in values)
            ends.append(ends[-1] + len(values))
        text.seek(0)
        options = {key: self.kwargs[key] for key in _MEANING if key in self.kwargs}
        missing = self.kwargs.get("na_values")
        if isinstance(missing, dict):
            missing = missing.get(label)
        options.update(na_values=missing, skip_blank_lines=False)
        if str(self.kwargs.get("engine")).startswith("python"):
            options["engine"] = "python"
        else:
            options["low_memory"] = False
        column = pd.read_csv(text, **options)["value"]
        return [column.iloc[start:end].reset_index(drop=True) for start, end in zip(ends, ends[1:])]

    def _text(self, position: int, label: Any) -> pd.Series:
        """Give the text of a column in a block."""
        others = {key: value for key, value in (self.kwargs.get("converters") or {}).items() if key != label}
        frame = self._parsed(position, dtype=str, na_filter=False, converters=others or None, parse_dates=None)
        return frame[label] if label in frame.columns else pd.Series([], dtype=str)

    def _date_dtype(self, kinds: list[str], dtypes: list[Any]) -> Any:
        """Give what holds the dates of all blocks; None when some are no dates, so that all stay text."""
        if not set(kinds) <= {"date", "empty", "none"}:
            return None
        found = [dtype for dtype, kind in zip(dtypes, kinds) if kind == "date"]
        if not found:
            return next((dtype for dtype, kind in zip(dtypes, kinds) if kind == "empty"), dtypes[0])
        try:
            dtype = pd.concat([pd.Series([], dtype=dtype) for dtype in found]).dtype
        except (TypeError, ValueError):
            return None
        return dtype if getattr(dtype, "kind", "O") == "M" else None

    def _fitted(self, column: pd.Series, label: Any, wanted: Any) -> pd.Series | None:
        """Give a block of a column in its dtype; None where the block says that it is of another one."""
        found = column.dtype
        if label not in self.guessed:
            return column
        if not self.is_settled and self.sampled.get(label) == "digits" and len(column):
            return None
        if wanted == np.dtype(object) and not self.is_settled:
            return self._fitted_objects(column, label)
        if found == wanted:
            return column
        kind = kind_of(column)
        if kind == "none" or self.is_settled:
            return column.astype(wanted)
        sort = getattr(wanted, "kind", "O")
        is_numpy = isinstance(wanted, np.dtype)
        if kind == "empty":
            return None if is_numpy and sort in "biu" else column.astype(object).astype(wanted)
        if sort == "f" and kind in ("int", "uint"):
            return column.astype(wanted)
        return None

    def _fitted_objects(self, column: pd.Series, label: Any) -> pd.Series | None:
        """Give a block as objects, where the first rows of its column are bools beside missing values, or computed."""
        kind = kind_of(column)
        fits = {"bool?": ("none", "empty", "bool", "bool?"), "object": ("none", "object"), "none": ("none",)}
        computed = label in _labels(self.kwargs.get("converters") or (), self.known.columns)
        if computed or kind in fits.get(self.sampled.get(label, "none"), ()):
            return column.astype(object)
        return None

    def _contradiction(self, position: int, label: Any, column: pd.Series, wanted: Any) -> str:
        """Say where a block contradicts the guess."""
        number, start, end = self.blocks[position]
        file = self.files[number]
        place = f'column "{label}", '
        shown = ""
        try:
            misfits = np.flatnonzero(~self._like(self._text(position, label), wanted))
            text = self._text(position, label).iloc[misfits[0]] if len(misfits) else None
        except Exception:
            text = None
        if text is not None:
            row = int(misfits[0])
            if start and end is not None and self._is_plain(number):
                skipped = (self.kwargs.get("skiprows") or 0) + (self.kwargs.get("header", "infer") is not None)
                row += self._lines_before(file, self._line_start(file, start)) - skipped
            place += f"row {row} of "
            shown = f' "{text[:60]}"'
        shown = shown or f" values of type {column.dtype}"
        return (
            f"{place}{file.path} holds{shown}, but the first rows have {wanted}: the type is decided anew from all rows"
        )

    def _note_misfits(self, error: Exception, position: int) -> None:
        """Add to an error which value doesn't have the dtype that the user gave its column."""
        given = self.kwargs.get("dtype")
        if not isinstance(given, dict) or isinstance(error, pd.errors.ParserError):
            return
        for label, dtype in given.items():
            wanted = pd.api.types.pandas_dtype(dtype)
            if getattr(wanted, "kind", "O") not in "iuf":
                continue
            try:
                text = self._text(position, label)
                misfits = np.flatnonzero(~self._like(text, wanted))
            except Exception:
                continue
            if len(misfits):
                row = misfits[0]
                error.add_note(f'column "{label}", row {row} of these, holds "{text.iloc[row]}", which is no {wanted}')

    def _like(self, text: pd.Series, wanted: Any) -> np.ndarray:
        """Say which words are of a type."""
        text = text.astype(str)
        mark = self.kwargs.get("thousands")
        plain = text.str.replace(mark, "", regex=False) if mark else text
        sort = getattr(wanted, "kind", "O")
        if sort in "iu":
            return plain.str.fullmatch(r"\s*[-+]?\d+\s*").to_numpy(dtype=bool)
        if sort == "f":
            plain = plain.str.replace(self.kwargs.get("decimal", "."), ".", regex=False)
            return (pd.to_numeric(plain, errors="coerce").notna() | (text == "")).to_numpy(dtype=bool)
        if sort == "b":
            words = [*(self.kwargs.get("true_values") or ()), *(self.kwargs.get("false_values") or ())]
            return (text.str.lower().isin(["true", "false"]) | text.isin(words)).to_numpy(dtype=bool)
        return np.zeros(len(text), dtype=bool)


def _labels(items: Any, columns: Any) -> set[Any]:
    """Give the labels that some labels or positions mean."""
    return {
        item if item in columns or not isinstance(item, int) or not 0 <= item < len(columns) else columns[item]
        for item in items
    }


def block_reader(
    reader: str,
    files: list[InputFile],
    blocksize: int | None,
    compression: str | None,
    path_column: str | None,
    assume_missing: bool,
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
    made = BlockReader(reader, files, blocks, splits, compression, path_column, assume_missing, kwargs)
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
