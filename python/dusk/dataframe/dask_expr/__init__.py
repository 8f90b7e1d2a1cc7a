"""The names that Dask's frames have under this module; here they are those of `dusk.dataframe`."""

from __future__ import annotations

from dusk.base import optimize
from dusk.dataframe import *  # noqa: F403
from dusk.dataframe import __all__ as _names
from dusk.dataframe._base import FrameBase
from dusk.dataframe._fallback import new_collection

__all__ = [*_names, "FrameBase", "new_collection", "optimize"]
