"""What `DataFrame.info` prints."""

from __future__ import annotations

import sys
from typing import Any

import pandas as pd

__all__ = ["write_info"]


def _size_text(size: float) -> str:
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if size < 1024 or unit == "TB":
            return f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"


def write_info(frame: Any, buf: Any, verbose: bool, memory_usage: bool) -> None:
    """Write a summary of a DataFrame: its columns and dtypes, and on request counts and bytes, which computes them."""
    buf = sys.stdout if buf is None else buf
    columns = frame.columns
    kind = type(frame)
    lines = [f"<class '{kind.__module__}.{kind.__qualname__}'>"]
    if not len(columns):
        lines += ["Index: 0 entries", f"Empty {kind.__name__}"]
        buf.write("\n".join(lines) + "\n")
        return
    if verbose:
        from dusk.base import compute

        counts, index = compute(frame.count(), frame.index)
        lines.append(
            f"{type(index).__name__}: {len(index)} entries" + (f", {index[0]} to {index[-1]}" if len(index) else "")
        )
        lines.append(f"Data columns (total {len(columns)} columns):")
        table = pd.DataFrame(
            {
                "Column": [str(label) for label in columns],
                "Non-Null Count": [f"{count} non-null" for count in counts],
                "Dtype": [str(dtype) for dtype in frame.dtypes],
            }
        )
        table.index.name = "#"
        widths = [max(len(str(value)) for value in [name, *table[name]]) for name in table.columns]
        first = max(1, len(str(len(table) - 1)))
        lines.append(
            " "
            + "#".ljust(first + 2)
            + "  ".join(name.ljust(width) for name, width in zip(table.columns, widths)).rstrip()
        )
        lines.append("-" * (first + 1) + "  " + "  ".join("-" * width for width in widths))
        for i, row in enumerate(table.itertuples(index=False)):
            lines.append(
                " "
                + str(i).ljust(first + 2)
                + "  ".join(value.ljust(width) for value, width in zip(row, widths)).rstrip()
            )
    else:
        lines.append(f"Columns: {len(columns)} entries, {columns[0]} to {columns[-1]}")
    kinds = frame.dtypes.map(str).value_counts().sort_index()
    lines.append("dtypes: " + ", ".join(f"{name}({count})" for name, count in kinds.items()))
    if memory_usage:
        lines.append(f"memory usage: {_size_text(float(frame.memory_usage().sum().compute()))}")
    buf.write("\n".join(lines) + "\n")
