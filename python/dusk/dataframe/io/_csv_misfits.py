"""Where in which file a value doesn't fit its column's type, for warnings and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe.io._csv_settle import Types

__all__ = ["Misfits"]


class Misfits(Types):
    """Finds the values, and says where they are."""

    def contradiction(self, position: int, label: Any, column: pd.Series, wanted: Any) -> str:
        """Say where a block contradicts the guess."""
        file = self.files[self.blocks[position][0]]
        place = f'column "{label}", '
        shown, first = "", wanted
        if label in self.categories:
            wanted, first = self.categories[label], f"categories of {self.categories[label]}"
            column = column.cat.categories.to_series()
        try:
            misfits = np.flatnonzero(~self._like(self.text(position, label), wanted))
            text = self.text(position, label).iloc[misfits[0]] if len(misfits) else None
        except Exception:
            text = None
        if text is not None:
            row = self.row_of(position, int(misfits[0]))
            place += f"row {row} of "
            shown = f' "{text[:60]}"'
        shown = shown or f" values of type {column.dtype}"
        return (
            f"{place}{file.path} holds{shown}, but the first rows have {first}: the type is decided anew from all rows"
        )

    def note_misfits(self, error: Exception, position: int) -> None:
        """Add to an error which value doesn't have the dtype that the user gave its column."""
        given = self.kwargs.get("dtype")
        if not isinstance(given, dict) or isinstance(error, pd.errors.ParserError):
            return
        for label, dtype in given.items():
            wanted = pd.api.types.pandas_dtype(dtype)
            if getattr(wanted, "kind", "O") not in "iuf":
                continue
            try:
                text = self.text(position, label)
                misfits = np.flatnonzero(~self._like(text, wanted))
            except Exception:
                continue
            if len(misfits):
                row, path = self.row_of(position, int(misfits[0])), self.files[self.blocks[position][0]].path
                error.add_note(
                    f'column "{label}", row {row} of {path}, holds "{text.iloc[misfits[0]]}", which is no {wanted}'
                )

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
