"""Dask's `dask.array.creation`: arrays made of others or from nothing."""

from __future__ import annotations

from dusk.array._full_like import empty_like, full_like, ones_like, zeros_like
from dusk.array._joining import tile
from dusk.array._padding import pad
from dusk.array._ranges import arange, diag, diagonal, eye, fromfunction, indices, linspace, meshgrid, tri
from dusk.array._selecting import repeat
from dusk.array.wrap import empty, full, ones, zeros

__all__ = [
    "arange",
    "diag",
    "diagonal",
    "empty",
    "empty_like",
    "eye",
    "fromfunction",
    "full",
    "full_like",
    "indices",
    "linspace",
    "meshgrid",
    "ones",
    "ones_like",
    "pad",
    "repeat",
    "tile",
    "tri",
    "zeros",
    "zeros_like",
]
