"""NumPy's `numpy.lib.stride_tricks` as far as there is something for arrays of dusk."""

from __future__ import annotations

from dusk.array.overlap import sliding_window_view

__all__ = ["sliding_window_view"]
