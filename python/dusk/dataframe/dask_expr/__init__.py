"""The names that Dask's frames have under this module; here they are those of `dusk.dataframe`.

The collections are the very same classes. Dask's expressions (`Expr` and its subclasses) are not here: a plan is a
`dusk._core.Node`.
"""

from __future__ import annotations

from dusk.dataframe import *  # noqa: F403
from dusk.dataframe.dask_expr import _collection
from dusk.dataframe.dask_expr._collection import *  # noqa: F403

__all__ = list(_collection.__all__)


def __getattr__(name: str) -> object:
    # What `dusk.dataframe` gets later, or gives only when it is asked for.
    return getattr(_collection, name)
