"""Which type pandas would infer for a column of CSV over all its rows, from what it infers for each block.

pandas tries integers, then floats, then bools, then text, over all values of a column. Most blocks' types say enough
for the decision; where they don't (integers beyond 64 bits, integers beyond ``int64`` beside missing or negative ones,
words of the user's own for true and false), the text of the whole column is put before pandas itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

__all__ = ["Kind", "decide", "kind_of"]

#: What a block of a column shows: "int", "uint", "float", "bool", "bool?" (bools beside missing values), "str",
#: "digits" (text that is all numbers, or holds such of many digits), "date", "object", "other", "empty" (missing values
#: only), or "none" (no rows).
Kind = str


def kind_of(column: pd.Series) -> Kind:
    """Give what a block of a column, as pandas read it, shows about the whole column."""
    if not len(column):
        return "none"
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "other"
    if column.isna().all():
        return "empty"
    kind = getattr(dtype, "kind", "O")
    if kind in "mM":
        return "date"
    if isinstance(dtype, pd.StringDtype) or (isinstance(dtype, pd.ArrowDtype) and kind in "OUS"):
        text = column.dropna().astype(object)
        long = text.str.fullmatch(r"\s*[-+]?\d{19,}\s*").astype(bool)
        return "digits" if long.any() or pd.to_numeric(text, errors="coerce").notna().all() else "str"
    if kind in "iufb":
        return {"i": "int", "u": "uint", "f": "float", "b": "bool"}[kind]
    if kind == "O":
        values = column.dropna()
        return "bool?" if all(isinstance(value, bool) for value in values) else "object"
    return "other"


def decide(
    kinds: Sequence[Kind],
    backend: str | None,
    ask: Callable[[], Any],
    own_bools: bool = False,
    computed: bool = False,
) -> Any:
    """Give the dtype over all blocks: a dtype, or None when each block is right as it is.

    Parameters
    ----------
    kinds : sequence of str
        What each block shows, in order.
    backend : str or None
        ``dtype_backend``.
    ask : callable
        Gives the dtype that pandas infers for the text of the whole column.
    own_bools : bool
        The user gave words for true and false, which may be numbers as well.
    computed : bool
        The values were made by a function (``converters``), so that there is no text to go back to.
    """
    seen = {kind for kind in kinds if kind != "none"}
    missing = "empty" in seen
    filled = seen - {"empty"}
    forms = _FORMS[backend if backend in _FORMS else None]
    if computed:
        if filled and filled <= {"str", "digits"}:
            return forms["str"]
        if filled <= {"int", "uint", "float"} and len(filled | seen) > 1:
            return forms["float"]
        return None if len(filled) == 1 and not missing else _OBJECT
    if not filled:
        return None
    if filled <= {"bool", "bool?"}:
        if backend in _FORMS and backend is not None:
            return forms["bool"]
        return _OBJECT if missing or "bool?" in filled else forms["bool"]
    if filled & {"object", "uint", "digits"} or (own_bools and "bool" in filled):
        return ask()
    if filled == {"int"}:
        return forms["int"] if not missing or (backend in _FORMS and backend is not None) else forms["float"]
    if filled <= {"int", "float"}:
        return forms["float"]
    if filled == {"date"} or filled == {"other"}:
        return None
    return forms["str"]


_OBJECT = pd.api.types.pandas_dtype(object)
_FORMS: dict[str | None, dict[str, Any]] = {
    None: {
        "int": pd.api.types.pandas_dtype("int64"),
        "float": pd.api.types.pandas_dtype("float64"),
        "bool": pd.api.types.pandas_dtype("bool"),
        "str": pd.StringDtype(na_value=float("nan")),
    },
    "numpy_nullable": {
        "int": pd.Int64Dtype(),
        "float": pd.Float64Dtype(),
        "bool": pd.BooleanDtype(),
        "str": pd.StringDtype(),
    },
    "pyarrow": {
        "int": pd.api.types.pandas_dtype("int64[pyarrow]"),
        "float": pd.api.types.pandas_dtype("double[pyarrow]"),
        "bool": pd.api.types.pandas_dtype("bool[pyarrow]"),
        "str": pd.ArrowDtype(pa.string()),
    },
}
