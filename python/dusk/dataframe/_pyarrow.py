"""Text as Dask's ``string[pyarrow]``, under the names that libraries import.

Only text is converted. Other objects in an object column stay what they are; Dask would turn them into text.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from dusk.dataframe.io.pandas import with_arrow_strings

__all__ = ["is_object_string_dtype", "is_pyarrow_string_dtype", "to_pyarrow_string"]


def is_pyarrow_string_dtype(dtype: Any) -> bool:
    """Whether a dtype is one of pandas' nullable texts in Arrow memory."""
    return dtype in (pd.StringDtype("pyarrow"), pd.ArrowDtype(pa.string()))


def is_object_string_dtype(dtype: Any) -> bool:
    """Whether a dtype may hold text and isn't `is_pyarrow_string_dtype`."""
    return pd.api.types.is_string_dtype(dtype) and not is_pyarrow_string_dtype(dtype)


def to_pyarrow_string(x: Any) -> Any:
    """Give a DataFrame, Series or Index whose text, also that of its index, is ``string[pyarrow]``."""
    if isinstance(x, pd.Index):
        return with_arrow_strings(pd.Series(0, index=x)).index
    return with_arrow_strings(x) if isinstance(x, pd.DataFrame | pd.Series) else x
