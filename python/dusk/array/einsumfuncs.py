"""Dask's `dask.array.einsumfuncs`."""

from __future__ import annotations

from dusk.array._products import einsum

__all__ = ["einsum"]
