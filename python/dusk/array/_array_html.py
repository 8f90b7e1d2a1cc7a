"""How an array shows itself in a notebook: what it is, and a drawing of its chunks."""

from __future__ import annotations

import html
import math
from typing import Any

from dusk import config
from dusk._units import format_bytes
from dusk.array.svg import svg

__all__ = ["array_html"]


def array_html(x: Any) -> str:
    """Return the table and the drawing of an array."""
    try:
        grid = svg(x.chunks, size=config.get("array.svg.size", 120))
    except NotImplementedError:
        grid = ""
    rows: list[tuple[str, list[str]]] = []
    if "sparse" not in type(x._meta).__module__:
        known = not math.isnan(x.nbytes)
        each = [format_bytes(x.nbytes), format_bytes(math.prod(x.chunksize) * x.dtype.itemsize)] if known else []
        rows.append(("Bytes", each or ["unknown", "unknown"]))
    rows.append(("Shape", [str(x.shape), str(x.chunksize)]))
    count = x.npartitions
    rows.append(("Dask graph", [f"{count} chunk{'' if count == 1 else 's'}"]))
    kind = type(x._meta)
    rows.append(("Data type", [f"{x.dtype} {kind.__module__}.{kind.__name__}"]))
    body = "".join(_row(name, cells) for name, cells in rows)
    head = "<thead><tr><td> </td><th> Array </th><th> Chunk </th></tr></thead>"
    table = f'<table style="border-collapse: collapse;">{head}<tbody>{body}</tbody></table>'
    return f"<table><tr><td>{table}</td><td>\n{grid}\n</td></tr></table>"


def _row(name: str, cells: list[str]) -> str:
    span = ' colspan="2"' if len(cells) == 1 else ""
    return f"<tr><th> {name} </th>{''.join(f'<td{span}> {html.escape(cell)} </td>' for cell in cells)}</tr>"
