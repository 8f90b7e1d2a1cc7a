"""NumPy's `numpy.lib` as far as there is something for arrays of dusk."""

from __future__ import annotations

from dusk.array.lib import stride_tricks

__all__ = ["stride_tricks"]
