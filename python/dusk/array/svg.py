"""Arrays drawn as grids of chunks.

Up to three axes make one drawing, a box in perspective; more are drawn side by side. Lengths of very different size are
drawn less different than they are.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from dusk.array._chunks import Chunks, cached_cumsum, is_known

__all__ = ["draw_sizes", "svg"]

_TEXT = 'font-size="1.0rem" font-weight="100" text-anchor="middle"'
_MARGIN = 50  # pixels for the numbers beside the drawing

_Points: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"


def svg(chunks: Chunks, size: int = 200, **kwargs: Any) -> str:
    """Return a drawing of chunks.

    Parameters
    ----------
    chunks : chunks
    size : int
        About how many pixels wide and high.

    Raises
    ------
    NotImplementedError
        If there is nothing that could be drawn, or lengths aren't known.
    """
    if not all(is_known(lengths) for lengths in chunks):
        raise NotImplementedError(
            "Can't generate SVG with unknown chunk sizes.\n\n A possible solution is with x.compute_chunk_sizes()"
        )
    shape = tuple(sum(lengths) for lengths in chunks)
    if not all(shape):
        raise NotImplementedError("Can't generate SVG with 0-length dimensions")
    if not chunks:
        raise NotImplementedError("Can't generate SVG with 0 dimensions")
    if len(chunks) % 3 == 1:
        chunks, shape = ((1,), *chunks), (1, *shape)
    pixels = draw_sizes(shape, size)
    lines: list[str] = []
    left = height = 0.0
    start = 0
    while start < len(chunks):
        stop = start + (len(chunks) - start) % 3 if (len(chunks) - start) % 3 else start + 3
        draw = _flat if stop - start == 2 else _box
        part, width, high = draw(chunks[start:stop], pixels[start:stop], left, size)
        lines += part
        left += width + _MARGIN
        height = max(height, high)
        start = stop
    head = f'<svg width="{int(left)}" height="{int(height + _MARGIN)}" style="stroke:rgb(0,0,0);stroke-width:1" >'
    return "\n".join([head, *lines, "</svg>"])


def draw_sizes(shape: tuple[int, ...], size: int = 200) -> tuple[float, ...]:
    """Return how many pixels long each axis is drawn.

    Examples
    --------
    >>> draw_sizes((10, 5), size=100)
    (100.0, 50.0)
    """
    longest = max(shape)
    return tuple(size / _shown_ratio(longest / max(0.1, length)) for length in shape)


def _shown_ratio(ratio: float) -> float:
    """Return a ratio as it is drawn: as it is up to e, then its logarithm, continued without a step."""
    if ratio < math.e:
        return ratio
    return math.log(min(ratio, 100) + 12.4)


def _points(lengths: tuple[int, ...], pixels: float) -> _Points:
    ends = np.asarray(cached_cumsum(lengths, initial_zero=True), dtype=float)
    return ends * pixels / ends[-1]


def _number(x: float, y: float, text: int, turn: int) -> str:
    at = f'x="{x:.1f}" y="{y:.1f}"'
    return f'  <text {at} {_TEXT} transform="rotate({turn},{x:.1f},{y:.1f})">{text}</text>'


def _upright(length: int) -> int:
    """Return by how many degrees a number beside a vertical edge is turned: long ones lie along it."""
    return -90 if length >= 100 else 0


def _face(
    origin: tuple[float, float], across: _Points, down: _Points, skew: tuple[float, float], size: int
) -> list[str]:
    """Return the lines of one face: a grid whose horizontals rise or verticals lean by the skew."""

    def place(x: float, y: float) -> tuple[int, int]:
        return int(origin[0] + x + skew[1] * y), int(origin[1] + y + skew[0] * x)

    most = max(2, size // 6)
    lines: list[str] = []
    for points, ends, turned in ((down, across, False), (across, down, True)):
        shown = points
        if len(points) > most:
            shown = points[np.linspace(0, len(points) - 1, most).astype(int)]
        for number, at in enumerate(shown):
            a, b = ((at, ends[0]), (at, ends[-1])) if turned else ((ends[0], at), (ends[-1], at))
            (x1, y1), (x2, y2) = place(*a), place(*b)
            edge = ' style="stroke-width:2"' if number in (0, len(shown) - 1) else ""
            lines.append(f'  <line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"{edge} />')
    dense = len(across) >= most or len(down) >= most
    corners = [place(x, y) for x, y in ((0, 0), (across[-1], 0), (across[-1], down[-1]), (0, down[-1]))]
    text = " ".join(f"{x},{y}" for x, y in corners)
    lines.append(f'  <polygon points="{text}" style="fill:#{"8B4903" if dense else "ECB172"}A0;stroke-width:0"/>')
    return lines


def _flat(chunks: Chunks, pixels: tuple[float, ...], left: float, size: int) -> tuple[list[str], float, float]:
    rows, columns = (_points(lengths, each) for lengths, each in zip(chunks, pixels))
    lines = _face((left, 0), columns, rows, (0, 0), size)
    width, height = columns[-1], rows[-1]
    lines.append(_number(left + width / 2, height + 20, sum(chunks[1]), 0))
    lines.append(_number(left + width + 20, height / 2, sum(chunks[0]), _upright(sum(chunks[0]))))
    return lines, width, height


def _box(chunks: Chunks, pixels: tuple[float, ...], left: float, size: int) -> tuple[list[str], float, float]:
    deep, rows, columns = (_points(lengths, each) for lengths, each in zip(chunks, pixels))
    deep = deep / 1.7  # seen at an angle
    left += 10
    shift = deep[-1]
    lines = _face((left, 0), deep, rows, (1, 0), size)
    lines += _face((left, 0), columns, deep, (0, 1), size)
    lines += _face((left + shift, shift), columns, rows, (0, 0), size)
    width, height = shift + columns[-1], shift + rows[-1]
    lines.append(_number(left + shift + columns[-1] / 2, height + 20, sum(chunks[2]), 0))
    lines.append(_number(left + width + 20, shift + rows[-1] / 2, sum(chunks[1]), _upright(sum(chunks[1]))))
    lines.append(_number(left + shift / 2 - 10, height - shift / 2 + 20, sum(chunks[0]), 45))
    return lines, width + 10, height
