"""Bring the answers of different engines into one form and compare them.

Engines differ in row order, in integer widths and in how they hold text, and some answers have 10 million rows. So an
answer becomes a hash of each row's keys, sorted, and the values in that order. A process can hand that over as a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# Sums are added in another order by each engine.
TOLERANCE = 1e-9


def digest(result: Any, keys: list[str], values: list[str]) -> dict[str, np.ndarray]:
    """Give an answer (a pandas Series or DataFrame) as arrays that are equal when the answers are."""
    import pandas as pd

    frame: pd.DataFrame = result.to_frame() if isinstance(result, pd.Series) else result
    if not set(keys) <= set(frame.columns):
        frame = frame.reset_index()
    # pandas leaves out rows whose key is missing. SQL makes a group of them.
    frame = frame[list(keys) + list(values)].dropna(subset=list(keys))
    parts = {}
    for key in keys:
        column = frame[key]
        if pd.api.types.is_integer_dtype(column.dtype):
            parts[key] = column.astype("int64")
        else:
            parts[key] = column.astype("str")
    hashes = pd.util.hash_pandas_object(pd.DataFrame(parts), index=False).to_numpy()
    order = np.argsort(hashes, kind="stable")
    out = {"keys": hashes[order]}
    for value in values:
        out[f"value {value}"] = frame[value].to_numpy(dtype="float64")[order]
    return out


def save(path: Path, answer: dict[str, np.ndarray]) -> None:
    """Write an answer to a file."""
    np.savez(path, **answer)


def load(path: Path) -> dict[str, np.ndarray]:
    """Read an answer from a file."""
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def difference(expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> str | None:
    """Say in words how two answers differ; None when they are equal."""
    if len(expected["keys"]) != len(found["keys"]):
        return f"{len(found['keys']):,} groups in place of {len(expected['keys']):,}"
    if not np.array_equal(expected["keys"], found["keys"]):
        return "other groups"
    for name, values in expected.items():
        if name == "keys":
            continue
        close = np.isclose(values, found[name], rtol=TOLERANCE, atol=0.0, equal_nan=True)
        if not close.all():
            return f"{name}: {int((~close).sum()):,} of {len(close):,} values differ"
    return None
