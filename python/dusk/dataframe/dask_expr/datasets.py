"""Made-up time series, in the module where Dask keeps them."""

from __future__ import annotations

from dusk.datasets import timeseries

__all__ = ["timeseries"]
