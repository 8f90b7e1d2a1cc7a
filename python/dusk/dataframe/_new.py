"""Nodes into collections: which class stands for a node."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["class_of", "new_collection"]


def class_of(kind: str, meta: Any = None) -> type:
    """Give the collection class of a node's kind; for objects, that of its meta."""
    from dusk.dataframe.frame import DataFrame
    from dusk.dataframe.index import Index
    from dusk.dataframe.scalar import Scalar
    from dusk.dataframe.series import Series

    if kind == "object":
        if isinstance(meta, pd.DataFrame):
            return DataFrame
        if isinstance(meta, pd.Series):
            return Series
        return Index if isinstance(meta, pd.Index) else Scalar
    return {"frame": DataFrame, "series": Series, "index": Index, "scalar": Scalar}[kind]


def new_collection(
    node: Any, *, meta: Any = None, cut: str | None = None, origin: tuple[Any, ...] | None = None, loose: bool = False
) -> Any:
    """Wrap a node.

    Parameters
    ----------
    node : _core.Node
        The node.
    meta : object, optional
        An empty pandas object, when it is known already or the node can't tell.
    cut : str, optional
        Two collections of the same cut have partitions made of the same rows.
    origin : tuple, optional
        How it was written: a pattern and what goes into it.
    loose : bool
        The dtypes depend on the data.
    """
    return class_of(node.kind, meta)(node, meta=meta, cut=cut, origin=origin, loose=loose)
