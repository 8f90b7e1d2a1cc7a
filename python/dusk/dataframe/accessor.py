"""Own accessors for collections, where libraries look for `register_dataframe_accessor` and its like."""

from __future__ import annotations

from dusk.dataframe.accessors import (
    register_dataframe_accessor,
    register_index_accessor,
    register_series_accessor,
)

__all__ = ["register_dataframe_accessor", "register_index_accessor", "register_series_accessor"]
