"""Steps of a plan that pandas does, since a column turned out to be of a dtype without kernels while it was read.

The core hands over the step's expressions as nested tuples (`src/py/by_pandas.rs` says which); here they are computed
on pandas objects, operation by operation. Invariant: the result is what pandas gives when the user's own call is made
on the same rows.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

__all__ = ["Aggregate", "Filter", "Select"]

#: An expression.
Tree = tuple[Any, ...]

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": operator.pow,
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "and": operator.and_,
    "or": operator.or_,
    "xor": operator.xor,
}
_UNARY: dict[str, Callable[[Any], Any]] = {
    "invert": operator.invert,
    "neg": operator.neg,
    "pos": operator.pos,
    "abs": abs,
    "isna": pd.isna,
    "notna": pd.notna,
}
#: What the core numbers the kinds of pandas objects with.
_FRAME, _SERIES, _INDEX, _SCALAR = range(4)


def _given(value: Any) -> Any:
    return None if value is None or (not isinstance(value, pd.Series) and pd.isna(value) is True) else value


def _value(tree: Tree, rows: Any, scalars: Sequence[Any]) -> Any:
    """Compute an expression over some rows."""
    kind, which, *operands = tree
    if kind == "column":
        if isinstance(rows, pd.DataFrame):
            return rows.iloc[:, which]
        return rows.to_series(index=range(len(rows))) if isinstance(rows, pd.Index) else rows
    if kind == "index":
        level = rows.index.get_level_values(which)
        return pd.Series(level, index=rows.index, dtype=level.dtype)
    if kind == "value":
        return which
    if kind == "input":
        scalar = scalars[which]
        return scalar.iloc[0] if isinstance(scalar, pd.Series) else scalar
    args = [_value(operand, rows, scalars) for operand in operands[0]]
    if kind in _BINARY:
        return _BINARY[kind](*args)
    if kind in _UNARY:
        return _UNARY[kind](*args)
    first = args[0] if isinstance(args[0], pd.Series) else pd.Series(args[0], index=rows.index)
    if kind == "round":
        return first.round(which)
    if kind == "clip":
        return first.clip(_given(args[1]), _given(args[2]))
    if kind == "fillna":
        return first.fillna(args[1])
    if kind == "isin":
        return first.isin(which)
    if kind == "where":
        return first.where(args[1], args[2])
    if kind == "astype":
        return first.astype(which)
    raise NotImplementedError(f"pandas does no {kind}")


class _Step:
    """A step: called with some rows and the single values that it reads. Compared by what it does."""

    __slots__ = ("__name__", "parts")

    def __init__(self, *parts: Any) -> None:
        self.parts = parts
        self.__name__ = type(self).__name__.lower()

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return (f"dusk-{self.__name__}-by-pandas", *self.parts)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), self.parts)


class Filter(_Step):
    """Keeps the rows for which an expression holds."""

    __slots__ = ()

    def __call__(self, rows: Any, *scalars: Any) -> Any:
        mask = _value(self.parts[0], rows, scalars)
        if isinstance(rows, pd.Index):
            mask = mask.to_numpy()
        return rows[mask]


class Select(_Step):
    """Computes columns: their expressions, an object labelled as the result, and which kind of object that is."""

    __slots__ = ()

    def __call__(self, rows: Any, *scalars: Any) -> Any:
        trees, like, kind = self.parts
        values = [_value(tree, rows, scalars) for tree in trees]
        if kind == _INDEX:
            return pd.Index(values[0], name=like.name, dtype=getattr(values[0], "dtype", None))
        index = pd.RangeIndex(len(rows)) if isinstance(rows, pd.Index) else rows.index
        if kind == _SERIES:
            dtype = getattr(values[0], "dtype", None)
            result: Any = pd.Series(values[0], index=index, name=like.name, dtype=dtype, copy=False)
        else:
            result = pd.DataFrame(dict(enumerate(values)), index=index, copy=False)
            result.columns = like.columns
        if index.nlevels == like.index.nlevels and list(index.names) != list(like.index.names):
            result.index = index.set_names(like.index.names)
        return result


class Aggregate(_Step):
    """Aggregates all rows: the keys and calls, an object labelled as the result, and which kind of object that is."""

    __slots__ = ()

    def __call__(self, rows: Any, *scalars: Any) -> Any:
        spec, like, kind = self.parts
        if not spec["keys"]:
            return self._reduced(rows, scalars)
        # Calls are numbered, keys are too and negative.
        columns = {-1 - i: _value(tree, rows, scalars) for i, tree in enumerate(spec["keys"])}
        by = list(columns)
        for i, (_, tree, _) in enumerate(spec["calls"]):
            if tree is not None:
                columns[i] = _value(tree, rows, scalars)
        grouped = pd.DataFrame(columns, index=rows.index).groupby(
            by[0] if len(by) == 1 else by, sort=spec["sort"], dropna=spec["dropna"], observed=spec["observed"]
        )
        result = pd.DataFrame(
            {
                i: grouped.size() if tree is None else getattr(grouped[i], name)(**_options(name, options, True))
                for i, (name, tree, options) in enumerate(spec["calls"])
            }
        )
        if not spec["as_index"]:
            levels = result.index.to_frame(index=False)
            result = pd.concat([levels, result.reset_index(drop=True)], axis=1)
            result.columns = like.columns
            return result
        result.index = result.index.set_names(like.index.names)
        if kind == _SERIES:
            return result[0].rename(like.name)
        result.columns = like.columns
        return result

    def _reduced(self, rows: Any, scalars: Sequence[Any]) -> Any:
        spec, like, kind = self.parts
        results, objects = [], False
        for name, tree, options in spec["calls"]:
            if tree is None:
                results.append(len(rows))
                continue
            value = _value(tree, rows, scalars)
            # One column of objects makes what pandas reduces a frame to an object column as well.
            objects |= value.dtype == object and name not in ("any", "all", "count", "nunique")
            results.append(getattr(value, name)(**_options(name, options, False)))
        if kind == _SCALAR:
            return results[0]
        dtype = object if objects else None
        columns = {i: pd.Series([value], dtype=dtype) for i, value in enumerate(results)}
        if kind == _SERIES:
            return columns[0].rename(like.name)
        return pd.DataFrame(columns).set_axis(like.columns, axis=1)


def _options(name: str, options: dict[str, Any], grouped: bool) -> dict[str, Any]:
    """Give the options that an aggregation of pandas has, where they say something else than its default."""
    given: dict[str, Any] = {}
    if name == "nunique":
        given["dropna"] = options["dropna"]
    elif name not in ("count", "size") and not options["skipna"]:
        given["skipna"] = False
    if name in ("var", "std"):
        given["ddof"] = options["ddof"]
    if name in ("sum", "prod") or (grouped and name in ("min", "max")):
        given.update({"min_count": options["min_count"]} if options["min_count"] else {})
    return given
