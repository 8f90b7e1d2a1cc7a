"""Which types the columns of CSV that pandas reads have: guessed from the first rows, or decided over all of them.

A block that contradicts the guess makes the core ask for types over all rows (`Types.settled`). Doesn't cover the rule
that makes one type of those of the blocks (`_csv_types`). Invariant: no value is ever changed to fit a type.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np
import pandas as pd
from pandas.tseries.api import guess_datetime_format

from dusk.dataframe.io._csv_blocks import opened
from dusk.dataframe.io._csv_types import decide, kind_of
from dusk.dataframe.io._paths import InputFile

__all__ = ["Types", "labels_of"]

_SAMPLE_ROWS = 5000
#: Options that say what the text of a column means, for a column put before pandas alone.
_MEANING = ("keep_default_na", "na_filter", "true_values", "false_values", "thousands", "decimal", "dtype_backend")
_FLOAT = np.dtype("float64")
_BOOLS = {"bool", "bool?", "empty", "none"}


class Types:
    """What a reader knows of its columns' types."""

    reader: str
    files: list[InputFile]
    blocks: list[tuple[int, int, int | None]]
    compression: str | None
    assume_missing: bool
    kwargs: dict[str, Any]
    index_col: list[Any]
    #: The dtypes as they are now known.
    known: pd.DataFrame
    #: Columns whose type pandas guesses.
    guessed: set[Any]
    #: Dtypes to be given to pandas.
    forced: dict[Any, Any]
    #: Columns that pandas reads as it would read no block of them alone: their values, block by block.
    held: dict[Any, list[pd.Series]]
    is_settled: bool
    #: What the first rows of guessed columns showed.
    sampled: dict[Any, str]
    #: Columns whose categories pandas finds: the dtype of these, None where none were seen.
    categories: dict[Any, Any]
    #: Those among them whose categories are text, although some block alone would show others.
    as_text: set[Any]

    def parse(self, source: Any, compression: str | None, **more: Any) -> pd.DataFrame:
        """Call pandas."""
        raise NotImplementedError

    def parsed(self, position: int, **more: Any) -> pd.DataFrame:
        """Parse a block."""
        raise NotImplementedError

    def like_this(self) -> Self:
        """Make a reader of the same blocks that knows no types yet."""
        raise NotImplementedError

    def with_path(self, frame: pd.DataFrame, number: int) -> pd.DataFrame:
        """Add the column with the path of the file."""
        raise NotImplementedError

    def row_of(self, position: int, row: int) -> int:
        """Give which row of its file a row of a block is."""
        raise NotImplementedError

    def check_columns(self, frame: pd.DataFrame, file: InputFile) -> None:
        """Refuse columns other than those of the first file."""
        raise NotImplementedError

    def note_misfits(self, error: Exception, position: int) -> None:
        """Add to an error which value doesn't have its column's dtype."""
        raise NotImplementedError

    def settled(self, threads: int) -> Self:
        """Give a reader whose types are those that pandas infers over all rows."""
        with ThreadPoolExecutor(max(1, min(threads, len(self.blocks)))) as pool:
            shown = list(pool.map(self._kinds, range(len(self.blocks))))
        new = self.like_this()
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
            if (
                pd.api.types.is_object_dtype(dtype)
                and set(kinds) <= _BOOLS
                and self._is_level(label, self.known.columns)
            ):
                dtype = _FLOAT
            if self.assume_missing and getattr(dtype, "kind", "O") in "iu":
                dtype = new.forced[label] = np.dtype("float64")
            dtypes[label] = dtype
        for label in self.categories:
            seen = {part[label][1] for part in shown} - {None}
            found = seen.pop() if len(seen) == 1 else self._asked_categories(label) if seen else None
            new.categories[label] = found
            if isinstance(found, pd.StringDtype) and seen:
                new.as_text.add(label)
        known = self.known.copy()
        for i, label in enumerate(known.columns):
            if label in dtypes:
                known.isetitem(i, pd.Series([], dtype=dtypes[label], index=known.index))
        new.known = known
        return new

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
            named = labels_of(given or (), head.columns)
            self.guessed = {label for label in head.columns if label not in named}
            self.sampled = {label: kind_of(head[label]) for label in self.guessed}
            converted = labels_of(converters, head.columns)
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
            self.guessed = labels_of(converters, head.columns)
            self.sampled = {label: kind_of(head[label]) for label in self.guessed}
        # Numbers that pandas took for text since some are beyond 64 bits: only all rows can tell.
        self.forced = {label: dtype for label, dtype in self.forced.items() if self.sampled[label] != "digits"}
        for label in head.columns:
            if (
                self.sampled.get(label) == "bool?"
                and pd.api.types.is_object_dtype(head[label].dtype)
                and self._is_level(label, head.columns)
            ):
                head = head.astype({label: _FLOAT})
        self.categories = {
            label: _dtype_of_categories(dtype)
            for label, dtype in head.dtypes.items()
            if isinstance(dtype, pd.CategoricalDtype)
            and label not in labels_of(converters, head.columns)
            and getattr(self._given(label, head.columns), "categories", None) is None
        }
        known = self.with_path(head, number).iloc[:0]
        if isinstance(known.index, pd.RangeIndex):
            known = known.set_axis(pd.RangeIndex(0), axis=0)
        self.known = known

    def _head(self, file: InputFile, more: dict[str, Any]) -> pd.DataFrame:
        try:
            return self._first_rows(file, more)
        except Exception as error:
            error.add_note(f"in {file.path}")
            number, notes = self.files.index(file), len(error.__notes__)
            for position, block in enumerate(self.blocks):
                if block[0] == number and len(error.__notes__) == notes:
                    self.note_misfits(error, position)
            raise

    def _first_rows(self, file: InputFile, more: dict[str, Any]) -> pd.DataFrame:
        if "low_memory" not in self.kwargs and self.reader != "read_fwf" and "engine" not in self.kwargs:
            # Types must not depend on how pandas cuts a file; only its C engine has the option.
            try:
                source, compression = opened(file, self.compression)
                with source:
                    head = self.parse(source, compression, low_memory=False, **more)
                self.kwargs["low_memory"] = False
                return head
            except ValueError as error:
                if "low_memory" not in str(error):
                    raise
        elif self.kwargs.get("engine") == "c":
            self.kwargs["low_memory"] = False
        source, compression = opened(file, self.compression)
        with source:
            return self.parse(source, compression, **more)

    def _fix_date_format(self, more: dict[str, Any]) -> None:
        """Have all blocks read dates in the form of the first one of all, as pandas does within a file."""
        items = self._date_items()
        if not items or self.kwargs.get("date_format") is not None or self.reader == "read_fwf":
            return
        without = ("parse_dates", "dayfirst", "converters")
        plain = {key: value for key, value in self.kwargs.items() if key not in without}
        plain["dtype"] = str
        source, compression = opened(self.files[0], self.compression)
        with source:
            head = getattr(pd, self.reader)(source, compression=compression, **plain, **more)
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

    def _is_level(self, label: Any, columns: Any) -> bool:
        """Whether a column becomes a level of the index, where pandas makes floats of bools beside missing values."""
        return any(self._is_item(item, label, columns) for item in self.index_col)

    def _is_item(self, item: Any, label: Any, columns: Any = None) -> bool:
        columns = self.known.columns if columns is None else columns
        if item == label:
            return True
        known = isinstance(item, int) and not isinstance(item, bool) and item not in columns
        return known and 0 <= item < len(columns) and columns[item] == label

    def _kinds(self, position: int) -> dict[Any, tuple[str, Any]]:
        frame = self.with_path(self.parsed(position), self.blocks[position][0])
        self.check_columns(frame, self.files[self.blocks[position][0]])
        shown = {}
        for i, label in enumerate(self.known.columns):
            if label in self.guessed:
                column = frame.iloc[:, i]
                shown[label] = (kind_of(column), column.dtype)
            elif label in self.categories:
                shown[label] = ("other", _dtype_of_categories(frame.iloc[:, i].dtype))
        return shown

    def _given(self, label: Any, columns: Any) -> Any:
        """Give the dtype that the user gave a column."""
        given = self.kwargs.get("dtype")
        if not isinstance(given, dict):
            return given
        if label in given:
            return given[label]
        for item, dtype in given.items():
            if label in labels_of([item], columns):
                return dtype
        return given.default_factory() if isinstance(given, defaultdict) and given.default_factory else None

    def dtypes_for_pandas(self) -> dict[Any, Any]:
        """Give the dtypes to parse with: the user's, those that are decided, and text for categories of text."""
        given = self.kwargs.get("dtype")
        if not self.as_text:
            return {**self.forced, **(given or {})}
        columns = self.known.columns
        wanted = {label: self._given(label, columns) for label in columns}
        wanted = {label: dtype for label, dtype in wanted.items() if dtype is not None}
        return {**self.forced, **wanted, **dict.fromkeys(self.as_text, "str")}

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
        computed = label in labels_of(self.kwargs.get("converters") or (), self.known.columns)
        return decide(kinds, self.kwargs.get("dtype_backend"), ask, words, computed)

    def _asked_categories(self, label: Any) -> Any:
        """Give the dtype of the categories that pandas finds over all rows of a column."""
        return _dtype_of_categories(self._asked(label, dtype="category")[0].dtype)

    def _asked(self, label: Any, **more: Any) -> list[pd.Series]:
        """Give what pandas makes of all rows of a column, block by block."""
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        writer.writerow(["value"])
        ends = [0]
        for position in range(len(self.blocks)):
            values = self.text(position, label)
            writer.writerows([value] for value in values)
            ends.append(ends[-1] + len(values))
        text.seek(0)
        options = {key: self.kwargs[key] for key in _MEANING if key in self.kwargs}
        missing = self.kwargs.get("na_values")
        if isinstance(missing, dict):
            missing = missing.get(label)
        options.update(na_values=missing, skip_blank_lines=False, **more)
        if str(self.kwargs.get("engine")).startswith("python"):
            options["engine"] = "python"
        else:
            options["low_memory"] = False
        column = pd.read_csv(text, **options)["value"]
        return [column.iloc[start:end].reset_index(drop=True) for start, end in zip(ends, ends[1:])]

    def text(self, position: int, label: Any) -> pd.Series:
        """Give the text of a column in a block."""
        others = {key: value for key, value in (self.kwargs.get("converters") or {}).items() if key != label}
        frame = self.parsed(position, dtype=str, na_filter=False, converters=others or None, parse_dates=None)
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
        if label in self.categories:
            return self._fitted_categories(column, label)
        if label not in self.guessed:
            return column
        if not self.is_settled and self.sampled.get(label) == "digits" and len(column):
            return None
        if wanted == np.dtype(object) and not self.is_settled:
            return self._fitted_objects(column, label)
        if found == wanted:
            return column
        kind = kind_of(column)
        if wanted == _FLOAT and kind in _BOOLS and self._is_level(label, self.known.columns):
            return column.astype(wanted)
        if kind == "none" or self.is_settled:
            return column.astype(wanted)
        sort = getattr(wanted, "kind", "O")
        is_numpy = isinstance(wanted, np.dtype)
        if kind == "empty":
            return None if is_numpy and sort in "biu" else column.astype(object).astype(wanted)
        if sort == "f" and kind in ("int", "uint"):
            return column.astype(wanted)
        return None

    def _fitted_categories(self, column: pd.Series, label: Any) -> pd.Series | None:
        """Give a block under categories of the dtype that those of the whole column have."""
        column = column.astype("category")  # where the block was read as text
        wanted, found = self.categories[label], _dtype_of_categories(column.dtype)
        if found is None or found == wanted:
            return column
        if not self.is_settled:
            return None
        # Different integers may be one float.
        places, values = pd.factorize(column.cat.categories.astype(wanted), sort=True)
        codes = column.cat.codes.to_numpy()
        codes = np.where(codes < 0, -1, places[codes])
        return pd.Series(pd.Categorical.from_codes(codes, values), index=column.index, name=column.name)

    def _fitted_objects(self, column: pd.Series, label: Any) -> pd.Series | None:
        """Give a block as objects, where the first rows of its column are bools beside missing values, or computed."""
        kind = kind_of(column)
        fits = {"bool?": ("none", "empty", "bool", "bool?"), "object": ("none", "object"), "none": ("none",)}
        computed = label in labels_of(self.kwargs.get("converters") or (), self.known.columns)
        if computed or kind in fits.get(self.sampled.get(label, "none"), ()):
            return column.astype(object)
        return None


def _dtype_of_categories(dtype: Any) -> Any:
    """Give the dtype of a categorical's categories; None where there are none, or no categorical."""
    categories = getattr(dtype, "categories", None)
    return categories.dtype if categories is not None and len(categories) else None


def labels_of(items: Any, columns: Any) -> set[Any]:
    """Give the labels that some labels or positions mean."""
    return {
        item if item in columns or not isinstance(item, int) or not 0 <= item < len(columns) else columns[item]
        for item in items
    }
