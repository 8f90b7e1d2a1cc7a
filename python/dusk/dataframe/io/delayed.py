"""Collections of delayed partitions: `from_delayed`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from dusk import _core
from dusk.dataframe._assemble import FRAME, SERIES, conform
from dusk.dataframe._base import same
from dusk.dataframe._fallback import call_node, loosen, written_out
from dusk.dataframe._meta import empty_like, is_scalar_meta, make_meta, no_default
from dusk.dataframe._new import new_collection

__all__ = ["from_delayed"]


def _checked(part: Any, meta: Any) -> Any:
    title = "Metadata mismatch found in `from_delayed`."
    if type(part) is not type(meta) and not isinstance(part, type(meta)):
        raise ValueError(
            f"{title}\n\nExpected partition of type `{type(meta).__name__}` but got `{type(part).__name__}`"
        )
    if not isinstance(part, pd.DataFrame | pd.Series) or not len(part):
        return part
    try:
        return conform(part, written_out(meta), FRAME if isinstance(part, pd.DataFrame) else SERIES)
    except ValueError as error:
        raise ValueError(f"{title}\n\n{error}") from None


def from_delayed(
    dfs: Any,
    meta: Any = no_default,
    divisions: Sequence[Any] | None = None,
    prefix: str | None = None,
    verify_meta: bool = True,
) -> Any:
    """Make a collection of delayed pandas objects.

    Parameters
    ----------
    dfs : Delayed or sequence of Delayed
        One for each partition.
    meta : pandas object, dict, tuple, optional
        What they are; by default the first one is computed to see.
    divisions : sequence, optional
        The index values at which partitions begin, and the last one. ``"sorted"`` looks for them now.
    prefix : str, optional
        The word in the collection's name.
    verify_meta : bool
        Partitions whose columns or dtypes differ from ``meta`` are an error when they are computed.

    Returns
    -------
    DataFrame, Series
    """
    from dusk.delayed import Delayed, delayed

    items = list(dfs) if isinstance(dfs, list | tuple | set) else [dfs]
    if not items:
        raise TypeError("Must supply at least one delayed object")
    parts = []
    for item in items:
        if isinstance(item, Delayed):
            parts.append(item)
        elif hasattr(item, "__dask_graph__") or hasattr(item, "key"):
            parts.append(delayed(item))
        else:
            raise TypeError(f"Expected Delayed object, got {type(item).__name__}")
    if divisions is not None and not isinstance(divisions, str) and len(divisions) != len(parts) + 1:
        raise ValueError(f"divisions should be a tuple of len {len(parts) + 1}, not {len(divisions)}")
    if meta is no_default or meta is None:
        meta = parts[0].compute()
    meta = empty_like(make_meta(meta))
    if is_scalar_meta(meta):
        raise TypeError(f"partitions must be pandas objects, not {type(meta).__name__}")
    loose = not verify_meta
    word = prefix or "from-delayed"
    meta_of_node = loosen(meta) if loose and loosen(meta) is not None else meta
    nodes = [
        call_node(
            _Checked(meta) if verify_meta else same, [part._node], meta_of_node, mode="gather", prefix=word, divisions=1
        )
        for part in parts
    ]
    node = nodes[0] if len(nodes) == 1 else _core.concat(nodes, None)
    result = new_collection(node, meta=node.meta() if not loose else meta, loose=loose)
    if isinstance(divisions, str):
        if divisions != "sorted":
            raise ValueError(f"divisions must be a sequence or 'sorted', not {divisions!r}")
        from dusk.dataframe._set_index import with_checked_divisions

        return with_checked_divisions(result, None, "the index")
    if divisions is not None and all(value is not None for value in divisions):
        result.divisions = tuple(divisions)
    return result


class _Checked:
    """Gives a partition that is of the promised kind; the core compares columns and dtypes."""

    __slots__ = ("meta",)

    def __init__(self, meta: pd.DataFrame | pd.Series | pd.Index) -> None:
        self.meta = meta

    def __call__(self, part: Any) -> Any:
        return _checked(part, self.meta)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-checked", self.meta)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Checked, (self.meta,))
