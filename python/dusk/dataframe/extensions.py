"""What other libraries teach frames: example values of their own dtypes, and own accessors.

Functions are tried on two made-up rows to see what comes out. For a dtype whose values can't be guessed, register on
`make_array_nonempty` a function that takes the dtype and gives an array of two values; for a class of single values, on
`make_scalar` a function that takes one and gives an example.
"""

from __future__ import annotations

from dusk._dispatch import Dispatch
from dusk.dataframe import _meta
from dusk.dataframe.accessor import (
    register_dataframe_accessor,
    register_index_accessor,
    register_series_accessor,
)

__all__ = [
    "Dispatch",
    "make_array_nonempty",
    "make_scalar",
    "register_dataframe_accessor",
    "register_index_accessor",
    "register_series_accessor",
]

make_array_nonempty = _meta.EXAMPLE_ARRAYS
make_scalar = _meta.EXAMPLE_SCALARS
