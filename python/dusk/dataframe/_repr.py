"""How collections show themselves: as text and as HTML."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["dtype_text", "expression_of", "html_of", "table_of", "text_of"]

# Written-out expressions are for people; deeper ones than this are cut short.
_DEPTH = 12
_LENGTH = 400


def dtype_text(dtype: Any) -> str:
    """Give the word for a dtype in the structure of a collection."""
    if isinstance(dtype, pd.CategoricalDtype):
        return "category[known]" if dtype.categories is not None else "category[unknown]"
    return str(dtype)


def _labels(x: Any) -> pd.Index:
    labels = x._bounds or [""] * (x.npartitions + 1)
    return pd.Index([str(label) for label in labels], name=f"npartitions={x.npartitions}", dtype=object)


def _column(dtype: Any, index: pd.Index) -> pd.Series:
    return pd.Series([dtype_text(dtype)] + ["..."] * (len(index) - 1), index=index, dtype=object)


def table_of(x: Any) -> pd.DataFrame | pd.Series:
    """Give the structure of a collection as a pandas object: a row where each partition begins."""
    index = _labels(x)
    meta = x._meta
    if isinstance(meta, pd.DataFrame):
        columns = {i: _column(dtype, index) for i, dtype in enumerate(meta.dtypes)}
        table = pd.DataFrame(columns, index=index)
        table.columns = meta.columns
        return table
    return _column(meta.dtype, index)


def _footer(x: Any) -> str:
    count = x._node.nops
    return f"Dask Name: {x._node.prefix.replace('_', '-')}, {count} expression{'' if count == 1 else 's'}"


def text_of(x: Any) -> str:
    """Give the repr of a DataFrame or Series."""
    kind = type(x).__name__
    meta = x._meta
    if isinstance(meta, pd.DataFrame) and not len(meta.columns):
        labels = x._bounds or ()
        body = f"Empty Dask {kind} Structure:\nColumns: []\nDivisions: [{', '.join(map(str, labels))}]"
    else:
        body = f"Dask {kind} Structure:\n{table_of(x).to_string(max_rows=5)}"
    return f"{body}\n{_footer(x)}\nExpr={expression_of(x)}"


def html_of(x: Any, max_rows: int = 5) -> str:
    """Give the HTML of a DataFrame or Series, without any template library."""
    table = table_of(x)
    if isinstance(table, pd.Series):
        table = table.to_frame(name="" if x._meta.name is None else x._meta.name)
    body = table.to_html(max_rows=max_rows)
    return f"<div><strong>Dask {type(x).__name__} Structure:</strong></div>\n{body}\n<div>{_footer(x)}</div>"


def expression_of(x: Any, depth: int = 0) -> str:
    """Give how a collection was written, as far as is known, in a short text."""
    origin = getattr(x, "_origin", None)
    if origin is None:
        node = getattr(x, "_node", None)
        if node is None:
            return repr(x)
        if node.nops == 1:
            return "df"
        return f"{node.prefix.replace('_', ' ').title().replace(' ', '')}(...)"
    if depth > _DEPTH:
        return "..."
    pattern, *parts = origin
    texts = [
        part if isinstance(part, str) else expression_of(part, depth + 1) if hasattr(part, "_origin") else repr(part)
        for part in parts
    ]
    text = pattern.format(*texts) if "{" in pattern else f"{pattern}(frame={', '.join(texts)})"
    return text if len(text) <= _LENGTH else text[: _LENGTH - 3] + "..."
