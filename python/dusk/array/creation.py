"""Dask's `dask.array.creation`: arrays made of others or from nothing."""

from __future__ import annotations

from dusk.array._joining import tile
from dusk.array._padding import pad
from dusk.array._selecting import repeat

__all__ = ["pad", "repeat", "tile"]
