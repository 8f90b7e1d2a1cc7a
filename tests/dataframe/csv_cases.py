"""Random CSV files: dialects, options, and columns of which a late row may be of another type than the first ones.

A case is made of a seed alone, so one that fails can be had again: ``Case(seed)``.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["Case"]

INTS = ["0", "1", "-7", "42", "007", "-0", "9007199254740993", "+5"]
BIG = ["9223372036854775807", "9223372036854775808", "18446744073709551615"]
HUGE = ["18446744073709551616"]
FLOATS = ["1.5", "-2.25", "1e5", "0.1", "inf", "3."]
BOOLS = ["True", "false", "TRUE"]
TEXTS = ["a", "bb", "é", "日本", "x y", "0x1", "--", "007a", "None of", "Trueish"]
MISSING = ["", "NA", "nan", "NULL"]
DATES = ["2024-01-01", "2024-02-29", "1999-12-31"]
#: What a column is made of at first, and what may come later.
KINDS: dict[str, list[str]] = {
    "int": INTS,
    "big": INTS + BIG,
    "float": FLOATS,
    "bool": BOOLS,
    "text": TEXTS,
    "date": DATES,
    "number": INTS + FLOATS,
    "huge": INTS + HUGE,
    "missing": MISSING,
}
#: Options that only pandas reads, or reads otherwise, as far as they leave the text alone.
OPTIONS: list[dict[str, Any]] = [
    {},
    {},
    {"encoding": "latin-1"},
    {"comment": "#"},
    {"engine": "python"},
    {"on_bad_lines": "skip"},
    {"skiprows": lambda row: False},
    {"dtype_backend": "numpy_nullable"},
    {"keep_default_na": False},
    {"na_values": ["42", "a"]},
    {"escapechar": "\\"},
    {"true_values": ["1", "a"], "false_values": ["0"]},
    {"thousands": "_"},
    {"skipinitialspace": True},
    {"assume_missing": True},
    {"na_filter": False},
    {"quoting": 3},
]


class Case:
    """Some files, how to read them, and what pandas makes of all their rows.

    Parameters
    ----------
    seed : int
        What chance starts from.
    """

    def __init__(self, seed: int) -> None:
        rng = self.rng = np.random.default_rng(seed)
        self.sep = str(rng.choice([",", ";", "|", "\t"]))
        self.quote = str(rng.choice(['"', "'"]))
        self.end = str(rng.choice(["\n", "\r\n"]))
        self.options = dict(OPTIONS[int(rng.integers(len(OPTIONS)))])
        if self.sep != ",":
            self.options["sep"] = self.sep
        if self.quote != '"':
            self.options["quotechar"] = self.quote
        self.quotes = bool(rng.random() < 0.4) and self.options.get("quoting") != 3
        rows = int(rng.integers(1, 60))
        self.names = ["a", "b", "c", "ü"][: int(rng.integers(1, 5))]
        columns = [self._column(rows) for _ in self.names]
        self.records = [self.sep.join(self._field(word, len(columns) == 1) for word in row) for row in zip(*columns)]
        if rng.random() < 0.1:
            self.options["usecols"] = self.names[: max(1, len(self.names) - 1)]
        cuts = sorted(int(x) for x in rng.integers(0, rows + 1, int(rng.integers(0, 3))))
        self.bounds = [0, *cuts, rows]
        self.blocksize = None if rng.random() < 0.2 else int(rng.integers(1, 200))
        self.sample = int(rng.integers(1, 200))

    def _column(self, rows: int) -> list[str]:
        rng = self.rng
        kinds = list(KINDS)
        words = KINDS[kinds[int(rng.integers(len(kinds)))]]
        if rng.random() < 0.3:
            words = words + MISSING[: int(rng.integers(1, len(MISSING)))]
        values = [str(rng.choice(words)) for _ in range(rows)]
        if rng.random() < 0.6:  # another kind late
            later = KINDS[kinds[int(rng.integers(len(kinds)))]]
            for _ in range(int(rng.integers(1, 4))):
                values[int(rng.integers(rows // 2, rows))] = str(rng.choice(later))
        return values

    def _field(self, word: str, alone: bool) -> str:
        if self.quotes and self.rng.random() < 0.3:
            extra = str(self.rng.choice(["", self.sep, self.end, self.quote * 2])) if word in TEXTS else ""
            return f"{self.quote}{word}{extra}{self.quote}"
        return (
            f"{self.quote}{self.quote}"
            if alone and not word and self.options.get("quoting") != 3
            else word or ("NA" if alone else "")
        )

    @property
    def header(self) -> str:
        return self.sep.join(self.names)

    @property
    def encoding(self) -> str:
        return "utf-8"

    def text(self, first: int, last: int) -> str:
        """Give a file of some of the records."""
        return self.end.join([self.header, *self.records[first:last]]) + self.end

    def write(self, folder: Path) -> list[str]:
        """Write the files."""
        paths = []
        for number, (first, last) in enumerate(zip(self.bounds, self.bounds[1:])):
            path = folder / f"{number}.csv"
            path.write_bytes(self.text(first, last).encode(self.encoding))
            paths.append(str(path))
        return paths

    def expected(self) -> pd.DataFrame:
        """Give what pandas reads from one file of all records."""
        options = dict(self.options)
        missing = options.pop("assume_missing", False)
        if options.get("engine") != "python":
            options["low_memory"] = False
        data = io.BytesIO(self.text(0, len(self.records)).encode(self.encoding))
        frame = pd.read_csv(data, **options)
        if missing:
            whole = {label: "float64" for label, dtype in frame.dtypes.items() if dtype.kind in "iu"}
            frame = frame.astype(whole)
        return frame

    def __repr__(self) -> str:
        return f"{self.options} blocksize={self.blocksize} sample={self.sample} bounds={self.bounds}"
