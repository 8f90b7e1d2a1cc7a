"""Drawings as PNG, without a plotting library: boxes, lines and letters on a grid of pixels.

Covers what `dusk._draw` draws and no more. Letters come from a font of 5 by 7 dots made for this; a character that it
lacks is an empty box.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

__all__ = ["Canvas"]

#: Pixels for each unit of length, so that letters are crisp.
_SCALE = 2
#: More pixels than this are refused.
_MOST_PIXELS = 100_000_000

# A letter, and its seven rows of five dots from the top: each row a digit in base 32, the leftmost dot counts 16.
_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_LETTERS = r"""
    0ehjlphe 14c4444e 2eh1248v 3v24211u 426aiv22 5vgu11he 68ggehhe 7v124888 8ehhehhe 9ehhf11e
    Aehhvhhh Buhhuhhu Cehggghe Dsihhhis Evgguggv Fvgguggg Gehgnhhf Hhhhvhhh Ie44444e J72222ic
    Khikokih Lggggggv Mhrllhhh Nhhpljhh Oehhhhhe Puhhuggg Qehhhlid Ruhhukih Sfgge11u Tv444444
    Uhhhhhhe Vhhhhha4 Whhhllra Xhha4ahh Yhhha444 Zv1248gv
    a00e1fhf bggmphhu c00ehghe d11djhhf e00ehvge f698s888 g0fhhf1e hggmphhh i40c444e j20622ic
    kggikoki lc44444e m00qllhh n00mphhh o00ehhhe p0uhhugg q0fhhf11 r00mpggg s00fge1u t88s8896
    u00hhhjd v00hhha4 w00hhlla x00ha4ah y0hhhf1e z00v248v
    -000v000 _000000v .00000cc ,0000cc8 (2488842 )8422248 [e88888e ]e22222e <248g842 >8421248
    =00v0v00 +044v440 *04lela4 /01248g0 |4444444 !4444404 ?eh12404 '4480000 "aaa0000 #aavavaa
    %opa4bj3 &cikkclid @ehnlnge ^4ah0000 ~008l200 {2448442 }8442448 :0cc0cc0 ;0cc0c48 $4fke5u4
    \0g84210 `8400000 …000000l
"""
_FONT = {
    word[0]: np.array([[_DIGITS.index(row) >> (4 - i) & 1 for i in range(5)] for row in word[-7:]], dtype=bool)
    for word in _LETTERS.split()
}
_FONT[" "] = np.zeros((7, 5), dtype=bool)
_UNKNOWN = np.ones((7, 5), dtype=bool)
_UNKNOWN[1:-1, 1:-1] = False
_WIDTH = 6


def _rgb(color: str) -> np.ndarray:
    """Return the red, green and blue of ``#rgb`` or ``#rrggbb``."""
    text = color.lstrip("#")
    text = "".join(letter * 2 for letter in text) if len(text) == 3 else text
    return np.array([int(text[i : i + 2], 16) for i in (0, 2, 4)], dtype=np.uint8)


class Canvas:
    """A white surface to draw on, in units of which each is two pixels.

    Parameters
    ----------
    width, height : float
    """

    def __init__(self, width: float, height: float) -> None:
        shape = (max(1, round(height * _SCALE)), max(1, round(width * _SCALE)))
        if shape[0] * shape[1] > _MOST_PIXELS:
            raise ValueError(f"a picture of {shape[1]} by {shape[0]} pixels is too large; as svg it can be drawn")
        self._pixels = np.full((*shape, 3), 255, dtype=np.uint8)

    def box(self, x: float, y: float, width: float, height: float, radius: float, fill: str, stroke: str) -> None:
        """Draw a box with round corners around a point."""
        left, right = (x - width / 2) * _SCALE, (x + width / 2) * _SCALE
        top, bottom = (y - height / 2) * _SCALE, (y + height / 2) * _SCALE
        rows = np.arange(max(0, int(top)), min(self._pixels.shape[0], int(bottom) + 1))
        columns = np.arange(max(0, int(left)), min(self._pixels.shape[1], int(right) + 1))
        # how far a pixel is outside of the box that lies within by the radius
        r = radius * _SCALE
        down = np.maximum(np.maximum(top + r - rows, rows - (bottom - r)), 0)
        along = np.maximum(np.maximum(left + r - columns, columns - (right - r)), 0)
        distance = np.hypot(down[:, None], along[None, :])
        part = (
            self._pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) and len(columns) else None
        )
        if part is None:
            return
        part[distance <= r] = _rgb(stroke)
        part[distance <= r - _SCALE] = _rgb(fill)

    def line(self, x0: float, y0: float, x1: float, y1: float, color: str) -> None:
        """Draw a line with a tip at its end."""
        rgb = _rgb(color)
        length = float(np.hypot(x1 - x0, y1 - y0))
        steps = max(2, int(length * _SCALE * 2))
        share = np.linspace(0, 1, steps)
        self._dots(x0 + (x1 - x0) * share, y0 + (y1 - y0) * share, rgb)
        if length == 0:
            return
        along = np.array([x1 - x0, y1 - y0]) / length
        for back in np.linspace(0, 6, 6 * _SCALE * 2):
            side = np.linspace(-back / 2.2, back / 2.2, int(back * _SCALE * 2) + 2)
            self._dots(x1 - along[0] * back - along[1] * side, y1 - along[1] * back + along[0] * side, rgb)

    def _dots(self, x: np.ndarray, y: np.ndarray, rgb: np.ndarray) -> None:
        columns, rows = (x * _SCALE).astype(int), (y * _SCALE).astype(int)
        inside = (rows >= 0) & (rows < self._pixels.shape[0]) & (columns >= 0) & (columns < self._pixels.shape[1])
        self._pixels[rows[inside], columns[inside]] = rgb

    def text(self, x: float, y: float, text: str) -> None:
        """Write a line of text around a point."""
        dots = np.zeros((7, _WIDTH * max(1, len(text))), dtype=bool)
        for i, letter in enumerate(text):
            dots[:, i * _WIDTH : i * _WIDTH + 5] = _FONT.get(letter, _UNKNOWN)
        dots = dots.repeat(_SCALE, axis=0).repeat(_SCALE, axis=1)
        top = round(y * _SCALE - dots.shape[0] / 2)
        left = round(x * _SCALE - (dots.shape[1] - _SCALE) / 2)
        rows, columns = np.nonzero(dots)
        rows, columns = rows + top, columns + left
        inside = (rows >= 0) & (rows < self._pixels.shape[0]) & (columns >= 0) & (columns < self._pixels.shape[1])
        self._pixels[rows[inside], columns[inside]] = 0

    def png(self) -> bytes:
        """Return the picture as a file."""
        height, width, _ = self._pixels.shape
        # each row begins with its filter: none
        rows = np.zeros((height, 1 + width * 3), dtype=np.uint8)
        rows[:, 1:] = self._pixels.reshape(height, width * 3)
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
        parts = [b"\x89PNG\r\n\x1a\n"]
        for kind, data in chunks:
            parts.append(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
        return b"".join(parts)
