"""A single value that isn't computed yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dusk._node_collection import NodeCollection
from dusk.dataframe import _repr
from dusk.dataframe._meta import nonempty_scalar
from dusk.dataframe._operators import apply_ufunc, elementwise, install_operators

__all__ = ["Scalar"]


def _as_series(value: Any, label: Any) -> pd.Series:
    return pd.Series([value], index=[label])


class Scalar(NodeCollection):
    """A lazy single value, such as the sum of a Series.

    Parameters
    ----------
    expr : _core.Node or Scalar
        The plan.
    """

    _has_rows = False
    __pandas_priority__ = 10_000

    def __init__(
        self,
        expr: Any,
        meta: Any = None,
        cut: str | None = None,
        origin: tuple[Any, ...] | None = None,
        loose: bool = False,
    ) -> None:
        if isinstance(expr, Scalar):
            meta, origin, loose, expr = expr._known_meta, expr._origin, expr._guessed, expr._node
        self._node = expr
        #: Where it is one of Python's own integers, so is the value.
        self._known_meta = meta
        self._origin = origin
        #: What comes may be of another type than the meta.
        self._guessed = loose
        #: No native form.
        self._loose = loose or expr.kind == "object"

    @property
    def _meta(self) -> Any:
        if self._known_meta is None and self._node.kind != "object":
            meta = self._node.meta()
            if isinstance(meta, pd.DataFrame):
                meta = meta.iloc[:, 0]
            self._known_meta = nonempty_scalar(meta.dtype) if isinstance(meta, pd.Series | pd.Index) else meta
        meta = self._known_meta
        # a number has a dtype to ask for
        return np.asarray(meta)[()] if type(meta) in (bool, int, float, complex) else meta

    @property
    def expr(self) -> Any:
        """The node of the plan."""
        return self._node

    @property
    def dtype(self) -> Any:
        """The dtype of the value."""
        return pd.Series([self._meta]).dtype

    @property
    def ndim(self) -> int:
        """0: a single value has no axes."""
        return 0

    @property
    def npartitions(self) -> int:
        """1."""
        return 1

    @property
    def divisions(self) -> tuple[None, None]:
        """Unknown."""
        return (None, None)

    @property
    def known_divisions(self) -> bool:
        """False."""
        return False

    def __dusk_rebuild__(self, nodes: list[Any]) -> Scalar:
        (node,) = nodes
        return Scalar(node, meta=self._known_meta, origin=self._origin, loose=self._guessed)

    def __dusk_finalize__(self, results: list[list[Any]]) -> Any:
        value = super().__dusk_finalize__(results)
        return _as_int(value) if type(self._known_meta) is int else value

    def __dask_postcompute__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (_first_as_int if type(self._known_meta) is int else _first), ()

    def __dask_postpersist__(self) -> tuple[Any, tuple[Any, ...]]:
        return _rebuild, (self._known_meta if type(self._known_meta) is int else self._meta,)

    def to_delayed(self, optimize_graph: bool = True) -> Any:
        """Give the value as a `Delayed`.

        Parameters
        ----------
        optimize_graph : bool
            Accepted for compatibility.
        """
        from dusk.dataframe._base import same
        from dusk.dataframe._fallback import call_node
        from dusk.delayed import Delayed

        value = _as_int if type(self._known_meta) is int else same
        return Delayed(call_node(value, [self._node], None, mode="gather", prefix=self._node.prefix, divisions=1))

    def to_series(self, index: Any = 0) -> Any:
        """Give a Series with this one value.

        Parameters
        ----------
        index : label, default 0
            Its label.

        Returns
        -------
        Series
        """
        from dusk.dataframe._fallback import gather

        return gather(_as_series, self, index, prefix="to-series")

    def astype(self, dtype: Any) -> Scalar:
        """Give the value in another dtype."""
        from dusk.dataframe._fallback import gather

        result = elementwise(
            "cast", [self], ("{}.astype({})", self, repr(dtype)), dtype=pd.api.types.pandas_dtype(dtype)
        )
        return result if result is not None else gather(_cast, self, dtype, prefix="astype")

    def __repr__(self) -> str:
        return f"<dusk.dataframe.Scalar: expr={_repr.expression_of(self)}, dtype={_dtype_text(self._meta)}>"

    def __bool__(self) -> bool:
        raise TypeError(
            f"Trying to convert {self} to a boolean value. Because it is not computed yet, it has no truth value. "
            "Call .compute() first."
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.compute(), dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return apply_ufunc(ufunc, method, inputs, kwargs)

    def __hash__(self) -> int:
        return hash(self._node)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Scalar, (self._node, self._known_meta, None, None, self._guessed))


def _first(results: Sequence[Any]) -> Any:
    return results[0]


def _first_as_int(results: Sequence[Any]) -> Any:
    return _as_int(results[0])


def _as_int(value: Any) -> Any:
    return int(value) if isinstance(value, np.integer) else value


def _cast(value: Any, dtype: Any) -> Any:
    return pd.Series([value]).astype(dtype).iloc[0]


def _dtype_text(meta: Any) -> str:
    return str(meta.dtype) if hasattr(meta, "dtype") else type(meta).__name__


def _rebuild(dsk: Any, meta: Any, rename: Any = None) -> Scalar:
    from dusk._node_collection import HeldResults
    from dusk.dataframe._fallback import call_node

    (key,) = dsk
    return Scalar(
        call_node(HeldResults(dsk, [key]), [], None, mode="partition", prefix="scalar", divisions=1), meta=meta
    )


install_operators(Scalar, methods=False)
