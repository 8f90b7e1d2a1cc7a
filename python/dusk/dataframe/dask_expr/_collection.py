"""Collections and the functions that make them, in the module where Dask keeps them."""

from __future__ import annotations

from dusk import dataframe as _dataframe
from dusk.base import is_dask_collection, optimize
from dusk.dataframe import *  # noqa: F403
from dusk.dataframe import __all__ as _names
from dusk.dataframe._base import FrameBase
from dusk.dataframe._meta import meta_nonempty
from dusk.dataframe._new import new_collection
from dusk.dataframe.utils import has_known_categories, pyarrow_strings_enabled

__all__ = [
    *_names,
    "FrameBase",
    "has_known_categories",
    "is_dask_collection",
    "meta_nonempty",
    "new_collection",
    "optimize",
    "pyarrow_strings_enabled",
]


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(_dataframe, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
