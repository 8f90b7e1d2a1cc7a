"""Elementwise operations: operators between collections and values, and pandas' methods of the same names.

An operation is native when the core has a kernel for it and all operands have the same rows; else pandas does it,
partition by partition, on rows brought together by index.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from dusk import _core
from dusk.dataframe._base import FrameBase
from dusk.dataframe._fallback import gather, gather_aligned, native, rowwise
from dusk.dataframe._new import new_collection
from dusk.dataframe._unmatched import does_matter, with_pandas_types

__all__ = ["BINARY", "COMPARISONS", "binary", "elementwise", "install_operators", "rows_of_array", "unary"]

#: Operator methods: the core's word, the function, the symbol.
BINARY: dict[str, tuple[str, Callable[[Any, Any], Any], str]] = {
    "add": ("add", operator.add, "+"),
    "sub": ("sub", operator.sub, "-"),
    "mul": ("mul", operator.mul, "*"),
    "truediv": ("truediv", operator.truediv, "/"),
    "floordiv": ("floordiv", operator.floordiv, "//"),
    "mod": ("mod", operator.mod, "%"),
    "pow": ("pow", operator.pow, "**"),
    "and": ("and", operator.and_, "&"),
    "or": ("or", operator.or_, "|"),
    "xor": ("xor", operator.xor, "^"),
    "eq": ("eq", operator.eq, "=="),
    "ne": ("ne", operator.ne, "!="),
    "lt": ("lt", operator.lt, "<"),
    "le": ("le", operator.le, "<="),
    "gt": ("gt", operator.gt, ">"),
    "ge": ("ge", operator.ge, ">="),
}
COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
_UNARY = {
    "neg": ("neg", operator.neg, "-"),
    "pos": ("pos", operator.pos, "+"),
    "abs": ("abs", operator.abs, "abs"),
    "invert": ("invert", operator.invert, "~"),
}

#: pandas' methods for operators, beside their dunder names.
METHODS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow"]
ALIASES = {"div": "truediv", "divide": "truediv", "multiply": "mul", "subtract": "sub"}


def is_value(x: Any) -> bool:
    """Whether an operand is a single value."""
    return x is None or x is pd.NA or x is pd.NaT or pd.api.types.is_scalar(x)


def elementwise(op: str, operands: list[Any], origin: Any = None, **params: Any) -> Any | None:
    """Give the native form of an elementwise operation, or None when there is none."""
    if not any(isinstance(operand, FrameBase) for operand in operands) and any(map(_may_be_missing, operands)):
        return None
    nodes = [operand._node if hasattr(operand, "_node") else operand for operand in operands]
    node = native(lambda: _core.Node.elementwise(op, nodes, **params), *operands)
    if node is None:
        return None
    frames = [operand for operand in operands if isinstance(operand, FrameBase)]
    lead = next((x for x in frames if not isinstance(x._meta, pd.Index)), frames[0] if frames else None)
    if lead is not None and isinstance(lead._meta, pd.Index):
        node = node.with_divisions(None)  # other values, and not always in the same order
    return new_collection(node, cut=lead._cut if lead is not None else None, origin=origin)


def _may_be_missing(x: Any) -> bool:
    """Whether a single value is planned as an integer, and is NaN when there are no rows."""
    node = getattr(x, "_node", None)
    if node is None or node.prefix not in ("min", "max"):
        return False
    dtype = getattr(x._meta, "dtype", None)
    return isinstance(dtype, np.dtype) and dtype.kind in "iub"


def binary(name: str, left: Any, right: Any) -> Any:
    """Give ``left <op> right``, where at least one is a collection."""
    op, function, symbol = BINARY[name]
    left, right = _operand(left, right), _operand(right, left)
    if left is NotImplemented or right is NotImplemented:
        return NotImplemented
    origin = (f"{{}} {symbol} {{}}", *(x if hasattr(x, "_origin") else repr(x) for x in (left, right)))
    left, right = _values_of_index(name, left), _values_of_index(name, right)
    if all(is_value(x) or hasattr(x, "_node") for x in (left, right)):
        result = elementwise(op, [left, right], origin)
        if result is not None:
            return result
    result = _in_pandas(name, function, left, right)
    if result is not NotImplemented:
        object.__setattr__(result, "_origin", origin)
    return result


def _values_of_index(name: str, x: Any) -> Any:
    """Give an Index as a Series for a comparison, whose result is no Index but one bool for each row."""
    if name in COMPARISONS and isinstance(x, FrameBase) and isinstance(x._meta, pd.Index):
        return x.to_series()
    return x


def rows_of_array(x: Any, like: Any) -> Any:
    """Give an array as a collection under the index, and with the labels, of another one; anything else as it is."""
    if not (type(x).__module__.startswith("dusk.array") and hasattr(x, "to_dask_dataframe")):
        return x
    if x.ndim == 1:
        labels = like._meta.name if isinstance(like._meta, pd.Series) else None
    else:
        labels = list(like.columns) if isinstance(like._meta, pd.DataFrame) else None
    return x.to_dask_dataframe(columns=labels, index=like.index)


def _operand(x: Any, other: Any) -> Any:
    """Give an operand in a form that the rest knows."""
    from dusk.dataframe.io.pandas import from_pandas

    if type(x).__module__.startswith("dusk.array") and hasattr(x, "to_dask_dataframe"):
        return rows_of_array(x, other) if isinstance(other, FrameBase) else NotImplemented
    if isinstance(x, pd.DataFrame) and isinstance(other, FrameBase):
        return from_pandas(x, npartitions=1) if len(x) else x
    if isinstance(x, pd.Series) and isinstance(other, FrameBase) and not isinstance(other._meta, pd.DataFrame):
        return from_pandas(x, npartitions=1) if len(x) else x
    return x


def _in_pandas(name: str, function: Any, left: Any, right: Any) -> Any:
    frames = [x for x in (left, right) if isinstance(x, FrameBase)]
    if not frames:
        # scalars, perhaps with something else: one call
        return gather(function, left, right, prefix=name)
    first = frames[0]
    plain = [x for x in (left, right) if isinstance(x, list | tuple | np.ndarray | pd.api.extensions.ExtensionArray)]
    if plain and not isinstance(first._meta, pd.DataFrame):
        # one value for each row of the whole collection
        meta = _stand_in(function, left, right)
        return gather_aligned(
            _swapped if first is right else function,
            first,
            plain[0],
            *([function] if first is right else []),
            meta=meta,
            prefix=name,
        )
    if plain and np.ndim(plain[0]) > 1:
        return gather_aligned(function, left, right, prefix=name) if first is left else NotImplemented
    # A Series meets a DataFrame by the labels of its columns, so every partition needs the whole Series.
    if len(frames) == 2 and len({isinstance(x._meta, pd.DataFrame) for x in frames}) == 2:
        series = next(x for x in frames if not isinstance(x._meta, pd.DataFrame))
        frame = next(x for x in frames if isinstance(x._meta, pd.DataFrame))
        whole = _whole(series, frame)
        return rowwise(function, *(whole if x is series else x for x in (left, right)), prefix=name)
    steady = name in COMPARISONS
    if len(frames) == 2 and any(x._bounds is None for x in frames) and 1 in {x.npartitions for x in frames}:
        # a pandas object against a collection whose divisions nobody knows: all rows at once
        given = [x for x in frames if x._node.prefix == "frompandas"]
        if given and frames[0].npartitions != frames[1].npartitions:
            return gather(function, left, right, prefix=name, loose=not steady)
    # A division of integers by zero makes floats of them, and whether there is one, only the data can tell.
    loose = name in ("floordiv", "mod") and any(_has_integers(x) for x in frames)
    more: dict[str, Any] = {"prefix": name, "broadcast": False, "steady": steady}
    aligned = len(frames) == 2 and not steady and not any(isinstance(x._meta, pd.Index) for x in frames)
    if aligned and does_matter(name, left, right):
        return with_pandas_types(function, left, right, **more)
    if not any(_has_objects(x) for x in frames):
        return rowwise(function, left, right, loose=loose, **more)
    try:
        return rowwise(function, left, right, loose=loose, **more)
    except TypeError:
        # what stands in for the objects can't do it, but others may
        meta = _meta_with_objects(function, left, right)
        if meta is None:
            raise
    return rowwise(_on_objects, left, right, function, meta, meta=meta, loose=True, **more)


def _has_integers(x: Any) -> bool:
    dtypes = list(x._meta.dtypes) if isinstance(x._meta, pd.DataFrame) else [x._meta.dtype]
    return any(pd.api.types.is_integer_dtype(dtype) for dtype in dtypes)


def _has_objects(x: Any) -> bool:
    dtypes = list(x._meta.dtypes) if isinstance(x._meta, pd.DataFrame) else [x._meta.dtype]
    return any(pd.api.types.is_object_dtype(dtype) for dtype in dtypes)


#: What columns of objects may hold, beside text.
_OBJECTS: list[Any] = [1, 1.5, True, pd.Timestamp(0), pd.Timedelta(1), Decimal(1)]


def _meta_with_objects(function: Any, left: Any, right: Any) -> Any:
    """Give what an operation makes of the first kind of object that can do it; None if there is none."""
    from dusk.dataframe._meta import emulate, meta_nonempty

    def filled(x: Any, value: Any) -> Any:
        if not isinstance(x, FrameBase):
            return x._meta if hasattr(x, "_meta") else x
        rows = meta_nonempty(x._meta)
        if isinstance(rows, pd.DataFrame):
            objects = [i for i, dtype in enumerate(rows.dtypes) if pd.api.types.is_object_dtype(dtype)]
            for i in objects:
                rows.isetitem(i, pd.Series([value] * len(rows), index=rows.index, dtype=object))
            return rows
        if not pd.api.types.is_object_dtype(rows.dtype):
            return rows
        if isinstance(rows, pd.Index):
            return pd.Index([value] * len(rows), dtype=object, name=rows.name)
        return pd.Series([value] * len(rows), index=rows.index, dtype=object, name=rows.name)

    for value in _OBJECTS:
        try:
            return emulate(function, (filled(left, value), filled(right, value)), {})
        except Exception:  # pandas has an assertion here and there
            continue
    return None


def _on_objects(left: Any, right: Any, function: Any, meta: Any) -> Any:
    """Do an operation; objects that all are missing say nothing about what they are, and may not make it fail."""
    try:
        return function(left, right)
    except TypeError:
        parts = [x for x in (left, right) if isinstance(x, pd.Series)]
        missing = any(pd.api.types.is_object_dtype(x.dtype) and x.isna().all() for x in parts)
        if not missing or not isinstance(meta, pd.Series) or any(not x.index.equals(parts[0].index) for x in parts):
            raise
        return pd.Series(None, index=parts[0].index, dtype=meta.dtype, name=meta.name)


def _swapped(first: Any, second: Any, function: Any) -> Any:
    return function(second, first)


def _stand_in(function: Any, left: Any, right: Any) -> Any:
    from dusk.dataframe._meta import emulate

    def two_rows(x: Any) -> Any:
        if isinstance(x, FrameBase):
            return x._meta
        if np.ndim(x) == 0:  # NumPy wraps a number on the left of an operator
            return x
        values = list(x)[:1] * 2
        return np.asarray(values, dtype=x.dtype) if isinstance(x, np.ndarray) else values

    return emulate(function, (two_rows(left), two_rows(right)), {})


def _whole(series: Any, frame: Any) -> Any:
    """Give a Series in one partition, with a guess at its labels: they are those of the frame's columns."""
    from dusk.dataframe._meta import nonempty_scalar

    whole = series._one_partition()
    if whole is series:
        whole = series.copy()
    if series._sample is None:
        columns = frame._meta.columns
        value = nonempty_scalar(series._meta.dtype)
        object.__setattr__(whole, "_sample", pd.Series([value] * len(columns), index=columns, dtype=series._meta.dtype))
    else:
        object.__setattr__(whole, "_sample", series._sample)
    return whole


#: NumPy's functions that are operators.
_UFUNCS = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "truediv", "true_divide": "truediv",
    "floor_divide": "floordiv", "remainder": "mod", "power": "pow", "equal": "eq", "not_equal": "ne", "less": "lt",
    "less_equal": "le", "greater": "gt", "greater_equal": "ge", "bitwise_and": "and", "bitwise_or": "or",
    "bitwise_xor": "xor", "logical_and": None, "logical_or": None,
}  # fmt: skip


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Give a function of NumPy on collections, lazily; with ``out``, that collection becomes the result."""
    if method != "__call__" or ufunc.nout != 1:
        return NotImplemented
    if "out" in kwargs:
        (target,) = kwargs.pop("out")
        return _written_to(target, apply_ufunc(ufunc, method, inputs, kwargs))
    name = _UFUNCS.get(ufunc.__name__)
    if name is not None and len(inputs) == 2 and not kwargs:
        return binary(name, *inputs)
    if ufunc.__name__ in ("absolute", "negative", "positive") and not kwargs and len(inputs) == 1:
        return unary({"absolute": "abs", "negative": "neg", "positive": "pos"}[ufunc.__name__], inputs[0])
    if any(isinstance(x, np.ndarray) and x.ndim for x in inputs):
        return NotImplemented
    frames = [x for x in inputs if isinstance(x, FrameBase)]
    if not frames:
        return gather(ufunc, *inputs, kwargs=kwargs, prefix=ufunc.__name__)
    inputs = tuple(_operand(x, frames[0]) for x in inputs)
    frames = [x for x in inputs if isinstance(x, FrameBase)]
    same = isinstance(frames[0]._meta, pd.DataFrame | pd.Series)
    return rowwise(ufunc, *inputs, kwargs=kwargs, prefix=ufunc.__name__, broadcast=False, same_rows=same)


def _written_to(target: Any, result: Any) -> Any:
    """Make ``target`` the result of a function that was told to write there."""
    if result is NotImplemented or not isinstance(target, FrameBase):
        return NotImplemented
    if type(result) is not type(target):
        raise TypeError(f"Mismatched types between result and out parameter: {type(result)} and {type(target)}")
    if isinstance(target._meta, pd.DataFrame) and len(target.columns) != len(result.columns):
        counts = f"{len(result.columns)} and {len(target.columns)}"
        raise ValueError(f"Mismatched columns count between result and out parameter: {counts}")
    target._become(result)
    return target


def unary(name: str, x: Any) -> Any:
    """Give ``<op> x``."""
    op, function, symbol = _UNARY[name]
    origin = (f"{symbol}({{}})", x)
    result = elementwise(op, [x], origin)
    if result is None:
        result = rowwise(function, x, prefix=name) if isinstance(x, FrameBase) else gather(function, x, prefix=name)
        object.__setattr__(result, "_origin", origin)
    return result


def method(
    name: str,
    x: Any,
    other: Any,
    axis: Any,
    level: Any,
    fill_value: Any,
    *,
    reflected: bool = False,
    called: str | None = None,
) -> Any:
    """Give what pandas' operator method does: an operator with more arguments; ``called`` is its name in errors."""
    if level is not None:
        raise NotImplementedError("level must be None")
    is_frame = isinstance(x._meta, pd.DataFrame)
    on_rows = is_frame and axis in (0, "index", "rows")
    columnwise = is_frame and not on_rows and isinstance(other, FrameBase) and not isinstance(other._meta, pd.DataFrame)
    if columnwise and other.npartitions > 1 and other._sample is None:
        raise ValueError(f"Unable to {called or name} dd.Series with axis=1: its labels are not those of the columns")
    other_is_frame = isinstance(getattr(other, "_meta", other), pd.DataFrame)
    plain = fill_value is None and level is None and (not on_rows or is_value(other) or other_is_frame)
    if plain:
        return binary(name, other, x) if reflected else binary(name, x, other)
    word = f"r{name}" if reflected else name
    kwargs: dict[str, Any] = (
        {"axis": axis, "level": level, "fill_value": fill_value}
        if is_frame or axis
        else {
            "level": level,
            "fill_value": fill_value,
        }
    )
    if word in COMPARISONS and is_frame:
        kwargs.pop("fill_value")
    if on_rows and isinstance(other, pd.Series) and len(other):
        from dusk.dataframe.io.pandas import from_pandas

        other = from_pandas(other, npartitions=1)  # it meets the rows by index, so no partition may see all of it
    other = _operand(other, x)
    if isinstance(other, FrameBase) and is_frame and not on_rows and not isinstance(other._meta, pd.DataFrame):
        return rowwise(word, x, _whole(other, x), kwargs=kwargs)
    if isinstance(other, list | tuple | np.ndarray):
        return (
            gather_aligned(word, x, other, kwargs=kwargs)
            if on_rows or not is_frame
            else rowwise(word, x, other, kwargs=kwargs)
        )
    loose = name in ("floordiv", "mod") and (
        _has_integers(x) or (isinstance(other, FrameBase) and _has_integers(other))
    )
    return rowwise(word, x, other, kwargs=kwargs, broadcast=False, steady=word in COMPARISONS, loose=loose)


def install_operators(cls: type, *, methods: bool = True) -> None:
    """Give a class the operators, and pandas' methods for them."""

    def dunder(name: str, reflected: bool) -> Callable[[Any, Any], Any]:
        if reflected:
            return lambda self, other: binary(name, other, self)
        return lambda self, other: binary(name, self, other)

    for name in BINARY:
        setattr(cls, f"__{name}__", dunder(name, False))
        setattr(cls, f"__r{name}__", dunder(name, True))
    for name in _UNARY:
        setattr(cls, f"__{name}__", lambda self, name=name: unary(name, self))
    cls.__divmod__ = lambda self, other: (self // other, self % other)  # type: ignore[attr-defined]
    cls.__rdivmod__ = lambda self, other: (other // self, other % self)  # type: ignore[attr-defined]
    if not methods:
        return
    frame = cls.__name__ == "DataFrame"

    def named(name: str, word: str, reflected: bool, comparison: bool) -> Callable[..., Any]:
        if comparison and frame:

            def call(self: Any, other: Any, level: Any = None, axis: Any = 0) -> Any:
                # a comparison goes along the columns, whatever the default says, unless rows are asked for by name
                return method(name, self, other, "columns" if axis == 0 else axis, level, None, called=word)

        elif frame:

            def call(self: Any, other: Any, axis: Any = "columns", level: Any = None, fill_value: Any = None) -> Any:
                return method(name, self, other, axis, level, fill_value, reflected=reflected, called=word)

        else:

            def call(self: Any, other: Any, level: Any = None, fill_value: Any = None, axis: Any = 0) -> Any:
                return method(name, self, other, axis, level, fill_value, reflected=reflected, called=word)

        call.__name__ = word
        call.__qualname__ = f"{cls.__name__}.{word}"
        return call

    for name in METHODS:
        setattr(cls, name, named(name, name, False, False))
        setattr(cls, f"r{name}", named(name, f"r{name}", True, False))
    for alias, name in ALIASES.items():
        setattr(cls, alias, named(name, alias, False, False))
    cls.rdiv = named("truediv", "rdiv", True, False)  # type: ignore[attr-defined]
    for name in sorted(COMPARISONS):
        setattr(cls, name, named(name, name, False, True))
