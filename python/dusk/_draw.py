"""Drawings of graphs, with the graphviz package or made here: as SVG, PNG or a description in DOT."""

from __future__ import annotations

import html
import importlib.util
import shutil
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dusk import config
from dusk._pyget import _is_graph_node, dependencies_of, is_task
from dusk.utils import funcname, key_split

_ROW = 70
_GAP = 24
_LETTER = 7.2
_MOST_NODES = 20_000
_COLORS = ("order", "age", "ages", "freed", "memoryincreases", "memorydecreases", "memorypressure")


class Drawing:
    """A picture that notebooks show.

    Parameters
    ----------
    data : str or bytes
        The picture.
    format : {"svg", "png", "dot"}
        What it is.
    """

    def __init__(self, data: str | bytes, format: str = "svg") -> None:
        self.data = data
        self.format = format

    def _repr_svg_(self) -> Any:
        return self.data if self.format == "svg" else None

    def _repr_png_(self) -> Any:
        return self.data if self.format == "png" else None

    def __repr__(self) -> str:
        return f"<Drawing of {len(self.data)} bytes of {self.format.upper()}>"


def draw(
    dsk: Mapping[Hashable, Any],
    filename: str | None = "mydask",
    format: str | None = None,
    engine: str | None = None,
    maxval: float | None = None,
    rankdir: str = "BT",
    color: str | None = None,
    verbose: bool = False,
    **kwargs: Any,
) -> Any:
    """Draw a graph; see `dusk.visualize` for the parameters."""
    if filename is not None:
        ending = Path(filename).suffix.lower().lstrip(".")
        if format is None and ending in ("svg", "png", "pdf", "dot", "jpg", "jpeg"):
            format, filename = ending, str(Path(filename).with_suffix(""))
    engine = engine or config.get("visualization.engine", None)
    graphviz = importlib.util.find_spec("graphviz") is not None and shutil.which("dot") is not None
    if engine is None:
        engine = "graphviz" if graphviz else "svg"
    if engine not in ("svg", "graphviz"):
        raise ValueError(f"visualization engine must be 'svg' or 'graphviz', got {engine!r}")
    edges = {key: list(dict.fromkeys(dependencies_of(task, dsk))) for key, task in dsk.items()}
    labels = {key: _label(key, task, verbose) for key, task in dsk.items()}
    colors = {} if color is None else _colors(dsk, edges, color, maxval)
    if engine == "graphviz":
        return _by_graphviz(edges, labels, colors, filename, format or "png", rankdir, kwargs)
    format = format or "svg"
    drawing = Drawing(_made_here(edges, labels, colors, rankdir, format), format)
    if filename is not None:
        data = drawing.data
        Path(f"{filename}.{format}").write_bytes(data.encode() if isinstance(data, str) else data)
    return drawing


def _made_here(
    edges: Mapping[Hashable, list[Hashable]],
    labels: Mapping[Hashable, str],
    colors: Mapping[Hashable, str],
    rankdir: str,
    format: str,
) -> str | bytes:
    if format == "dot":
        return _dot(edges, labels, colors, rankdir)
    if format not in ("svg", "png"):
        raise ValueError(
            f"svg, png and dot are drawn without help; for {format} install graphviz and its Python package"
        )
    layout = _Layout(edges, labels, colors, rankdir)
    return _svg(layout) if format == "svg" else _png(layout)


def _label(key: Hashable, task: Any, verbose: bool) -> str:
    if verbose:
        return f"{key}: {task}"
    if is_task(task):
        return funcname(task[0])
    function = getattr(task, "func", None) if _is_graph_node(task) else None
    name = key_split(key)
    return name if function is None or name != "Other" else funcname(function)


def _ranks(edges: Mapping[Hashable, list[Hashable]]) -> dict[Hashable, int]:
    """Return the length of the longest way from an input to each key."""
    ranks: dict[Hashable, int] = {}
    for first in edges:
        stack = [first]
        while stack:
            key = stack[-1]
            missing = [each for each in edges.get(key, ()) if each not in ranks]
            if key in ranks:
                stack.pop()
            elif missing:
                if len(stack) > len(edges) + 1:
                    raise RuntimeError("the graph has a cycle")
                stack.extend(missing)
            else:
                ranks[key] = 1 + max((ranks[each] for each in edges.get(key, ())), default=-1)
                stack.pop()
    return ranks


def _layers(edges: Mapping[Hashable, list[Hashable]]) -> list[list[Hashable]]:
    """Sort keys into rows; within a row they lie above the middle of what they need."""
    rows: list[list[Hashable]] = []
    for key, rank in _ranks(edges).items():
        while len(rows) <= rank:
            rows.append([])
        rows[rank].append(key)
    place = {key: float(i) for row in rows for i, key in enumerate(row)}
    users: dict[Hashable, list[Hashable]] = {key: [] for key in edges}
    for key, needed in edges.items():
        for each in needed:
            users[each].append(key)
    for neighbours, order in ((edges, rows), (users, rows[::-1]), (edges, rows)):
        for row in order:
            middle = {
                key: sum(place[each] for each in neighbours[key]) / len(neighbours[key])
                if neighbours[key]
                else place[key]
                for key in row
            }
            row.sort(key=middle.__getitem__)
            for i, key in enumerate(row):
                place[key] = float(i)
    return rows


class _Layout:
    """Where boxes and arrows are."""

    def __init__(
        self,
        edges: Mapping[Hashable, list[Hashable]],
        labels: Mapping[Hashable, str],
        colors: Mapping[Hashable, str],
        rankdir: str,
    ) -> None:
        if len(edges) > _MOST_NODES:
            raise ValueError(f"a graph of {len(edges)} tasks is too large to draw; the limit is {_MOST_NODES}")
        rows = _layers(edges)
        self.edges = edges
        self.colors = colors
        self.names = {key: label if len(label) <= 24 else label[:23] + "…" for key, label in labels.items()}
        self.across = across = rankdir in ("LR", "RL")
        self.widths = {key: max(40.0, 14 + _LETTER * len(name)) for key, name in self.names.items()}
        step = max(self.widths.values(), default=40.0) + 40 if across else _ROW
        extent = {key: 30.0 if across else self.widths[key] for key in edges}
        spans = [sum(extent[key] + _GAP for key in row) for row in rows]
        widest = max(spans, default=0.0)
        self.at: dict[Hashable, tuple[float, float]] = {}
        for depth, (row, span) in enumerate(zip(rows, spans, strict=True)):
            along = (widest - span) / 2 + _GAP / 2
            level = depth if rankdir in ("TB", "LR") else len(rows) - 1 - depth
            for key in row:
                middle, line = along + extent[key] / 2, (level + 0.5) * step
                self.at[key] = (line, middle) if across else (middle, line)
                along += extent[key] + _GAP
        self.width, self.height = (len(rows) * step, widest) if across else (widest, len(rows) * step)

    def arrows(self) -> Iterator[tuple[float, float, float, float]]:
        """Give the beginning and the end of each arrow."""
        for key, needed in self.edges.items():
            for each in needed:
                (x0, y0), (x1, y1) = self.at[each], self.at[key]
                if self.across:
                    sign = 1 if x1 > x0 else -1
                    yield x0 + sign * self.widths[each] / 2, y0, x1 - sign * self.widths[key] / 2, y1
                else:
                    sign = 1 if y1 > y0 else -1
                    yield x0, y0 + sign * 13, x1, y1 - sign * 13

    def boxes(self) -> Iterator[tuple[Hashable, float, float, float, int, str]]:
        """Give key, middle, width, radius of the corners and colour of each box."""
        for key, (x, y) in self.at.items():
            yield key, x, y, self.widths[key], 6 if self.edges[key] else 13, self.colors.get(key, "#f2f5fa")


def _svg(layout: _Layout) -> str:
    width, height = layout.width, layout.height
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="12">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#777"/></marker></defs>',
    ]
    for x0, y0, x1, y1 in layout.arrows():
        parts.append(
            f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="#777" marker-end="url(#tip)"/>'
        )
    for key, x, y, w, radius, fill in layout.boxes():
        parts.append(
            f'<g><title>{html.escape(str(key))}</title><rect x="{x - w / 2:.1f}" y="{y - 13:.1f}" width="{w:.1f}" '
            f'height="26" rx="{radius}" fill="{fill}" stroke="#456"/>'
            f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{html.escape(layout.names[key])}</text></g>'
        )
    return "\n".join([*parts, "</svg>\n"])


def _png(layout: _Layout) -> bytes:
    from dusk._draw_png import Canvas

    canvas = Canvas(layout.width, layout.height)
    for x0, y0, x1, y1 in layout.arrows():
        canvas.line(x0, y0, x1, y1, "#777")
    for key, x, y, w, radius, fill in layout.boxes():
        canvas.box(x, y, w, 26, radius, fill, "#456")
        canvas.text(x, y, layout.names[key])
    return canvas.png()


def _dot(
    edges: Mapping[Hashable, list[Hashable]],
    labels: Mapping[Hashable, str],
    colors: Mapping[Hashable, str],
    rankdir: str,
) -> str:
    ids = {key: i for i, key in enumerate(edges)}
    lines = ["digraph {", f"\trankdir={rankdir}"]
    for key, number in ids.items():
        label = labels[key].replace("\\", "\\\\").replace('"', '\\"')
        style = f' style=filled fillcolor="{colors[key]}"' if key in colors else ""
        lines.append(f'\t{number} [label="{label}" shape={"box" if edges[key] else "ellipse"}{style}]')
    lines += [f"\t{ids[each]} -> {ids[key]}" for key, needed in edges.items() for each in needed]
    return "\n".join([*lines, "}\n"])


def _colors(
    dsk: Mapping[Hashable, Any], edges: Mapping[Hashable, list[Hashable]], color: str, maxval: float | None
) -> dict[Hashable, str]:
    """Colour keys from blue to yellow by a number."""
    numbers = _numbers(dsk, edges, color.removeprefix("order-"))
    last = maxval or max(numbers.values(), default=0) or 1
    colors = {}
    for key, number in numbers.items():
        share = min(1.0, number / last)
        red, green, blue = (int(a + (b - a) * share) for a, b in ((98, 253), (120, 215), (200, 80)))
        colors[key] = f"#{red:02x}{green:02x}{blue:02x}"
    return colors


def _numbers(dsk: Mapping[Hashable, Any], edges: Mapping[Hashable, list[Hashable]], what: str) -> dict[Hashable, float]:
    """Return for each key its place in the order, or what happens then if tasks run one by one in that order."""
    from dusk._pyget import _Plan

    if what not in _COLORS:
        raise NotImplementedError(f"color must be one of {', '.join(map(repr, _COLORS))}, got {what!r}")
    rank = _Plan(dsk, edges).rank
    if what == "order":
        return dict(rank)
    last_use = {key: rank[key] for key in rank}
    for key, needed in edges.items():
        for each in needed:
            last_use[each] = max(last_use[each], rank[key])
    used = {each for needed in edges.values() for each in needed}
    if what in ("age", "ages"):
        return {key: last_use[key] - rank[key] if key in used else 0 for key in rank}
    freed = {key: sum(last_use[each] == rank[key] for each in needed) for key, needed in edges.items()}
    if what == "freed":
        return freed
    if what in ("memoryincreases", "memorydecreases"):
        sign = 1 if what == "memoryincreases" else -1
        return {key: max(0, sign * (1 - freed[key])) for key in rank}
    held, pressure = 0, {}
    for key in sorted(rank, key=rank.__getitem__):
        pressure[key] = held
        held += 1 - freed[key]
    return pressure


def _by_graphviz(
    edges: Mapping[Hashable, list[Hashable]],
    labels: Mapping[Hashable, str],
    colors: Mapping[Hashable, str],
    filename: str | None,
    format: str,
    rankdir: str,
    options: dict[str, Any],
) -> Any:
    try:
        import graphviz
    except ImportError:
        raise RuntimeError("drawing with graphviz needs its Python package; engine='svg' needs nothing") from None
    attributes = {"rankdir": rankdir, **(options.pop("graph_attr", None) or {})}
    picture = graphviz.Digraph(
        graph_attr=attributes, node_attr=options.pop("node_attr", None), edge_attr=options.pop("edge_attr", None)
    )
    ids = {key: str(i) for i, key in enumerate(edges)}
    for key, name in ids.items():
        style = {"style": "filled", "fillcolor": colors[key]} if key in colors else {}
        picture.node(name, label=labels[key], shape="box" if edges[key] else "ellipse", **style)
    for key, needed in edges.items():
        for each in needed:
            picture.edge(ids[each], ids[key])
    data = picture.pipe(format=format) if format != "dot" else picture.source.encode()
    if filename is not None:
        Path(f"{filename}.{format}").write_bytes(data)
    return picture
