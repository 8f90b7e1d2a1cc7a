"""Functions of the user on partitions: `map_partitions` and `from_map`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from dusk import _core
from dusk.base import tokenize
from dusk.dataframe._calls import apply, funcname
from dusk.dataframe._fallback import rowwise, written_out
from dusk.dataframe._meta import empty_like, is_scalar_meta, make_meta, no_default
from dusk.dataframe._new import new_collection

__all__ = ["from_map", "map_partitions"]


def _takes_partition_info(func: Any) -> bool:
    try:
        return "partition_info" in inspect.signature(func).parameters
    except (TypeError, ValueError):
        return False


def map_partitions(
    func: Callable[..., Any],
    *args: Any,
    meta: Any = no_default,
    enforce_metadata: bool = True,
    transform_divisions: bool = True,
    clear_divisions: bool = False,
    align_dataframes: bool = False,
    parent_meta: Any = None,
    required_columns: Any = None,
    **kwargs: Any,
) -> Any:
    """Call a function on the partitions of one or more collections.

    Parameters
    ----------
    func : callable
        Takes partitions as pandas objects.
    *args, **kwargs
        Its arguments. Collections arrive as their partitions: those of one partition go to every call, the others must
        have the same number of partitions. Scalars and delayed values arrive as values.

    See `DataFrame.map_partitions` for the other parameters.

    Returns
    -------
    DataFrame, Series, Index
    """
    from dusk.dataframe._base import FrameBase

    name = kwargs.pop("token", None)
    frames = [arg for arg in args if isinstance(arg, FrameBase)]
    if not frames:
        frames = [arg for arg in kwargs.values() if isinstance(arg, FrameBase)]
    if not callable(func):
        raise TypeError(f"`func` must be callable, not {type(func).__name__}")
    wants_info = _takes_partition_info(func) and "partition_info" not in kwargs
    meta = no_default if meta is no_default or meta is None else make_meta(meta, index=_index_for(meta, frames))
    if meta is no_default and wants_info:
        meta = _inferred_with_info(func, args, kwargs)
    result = rowwise(
        func,
        *args,
        meta=meta,
        prefix=name or funcname(func),
        user=True,
        broadcast=not align_dataframes or len(frames) == 1,
        loose=not enforce_metadata,
        wants_info=wants_info,
        kwargs=kwargs,
        scalars_as_series=True,
        aligned=align_dataframes,
        keep_divisions=not clear_divisions,
    )
    if transform_divisions and frames and isinstance(frames[0]._meta, pd.Index) and isinstance(result._meta, pd.Index):
        result = _with_mapped_divisions(result, func, frames[0], args, kwargs)
    return result


def _index_for(meta: Any, frames: Sequence[Any]) -> pd.Index | None:
    """Give the index for a meta that names only columns: that of the first frame."""
    if isinstance(meta, pd.DataFrame | pd.Series | pd.Index) or not frames:
        return None
    first = frames[0]._meta
    return first if isinstance(first, pd.Index) else first.index


def _inferred_with_info(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    from dusk.dataframe._calls import split
    from dusk.dataframe._fallback import infer

    places, keywords, inputs = split(args, {**kwargs, "partition_info": {"number": 0, "division": None}})
    return infer(func, places, keywords, inputs, True)


def _with_mapped_divisions(result: Any, func: Any, index: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    if not index.known_divisions:
        return result
    try:
        mapped = apply(func, [pd.Index(list(index.divisions)), *args[1:]], kwargs)
        values = list(mapped)
        if len(values) != len(index.divisions) or not pd.Index(values).is_monotonic_increasing:
            raise ValueError
    except Exception:
        return result.clear_divisions()
    result.divisions = values
    return result


class _MapCall:
    """A function on the items of some iterables: partition ``i`` is made of the ``i``-th of each."""

    __slots__ = ("args", "func", "kwargs", "packed", "rows")

    def __init__(self, func: Any, rows: list[Any], packed: bool, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.func = func
        self.rows = rows
        self.packed = packed
        self.args = args
        self.kwargs = kwargs

    def __call__(self, position: int) -> Any:
        row = self.rows[position]
        first = row if self.packed else (row,)
        return self.func(*first, *self.args, **self.kwargs)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-map", self.func, self.rows, self.packed, self.args, self.kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_MapCall, (self.func, self.rows, self.packed, self.args, self.kwargs))


def from_map(
    func: Callable[..., Any],
    *iterables: Iterable[Any],
    args: Sequence[Any] | None = None,
    meta: Any = no_default,
    divisions: Sequence[Any] | None = None,
    label: str | None = None,
    enforce_metadata: bool = False,
    **kwargs: Any,
) -> Any:
    """Make a collection of which each partition is one call of a function.

    Parameters
    ----------
    func : callable
        Makes a partition: a pandas object.
    *iterables : iterable
        Its first arguments, one of each iterable for each partition.
    args : sequence, optional
        More arguments, the same for each call.
    meta : pandas object, dict, tuple, optional
        What comes out; by default the first partition is made to see.
    divisions : sequence, optional
        The index values at which partitions begin, and the last one.
    label : str, optional
        The word in the collection's name.
    enforce_metadata : bool
        Columns that differ from ``meta`` are an error when it is computed.
    **kwargs
        Keyword arguments of ``func``.

    Returns
    -------
    DataFrame, Series
    """
    if not callable(func):
        raise ValueError("`func` argument must be `callable`")
    for option in ("token", "creation_info"):
        kwargs.pop(option, None)
    columns = [list(iterable) if not isinstance(iterable, str) else None for iterable in iterables]
    if not columns:
        raise ValueError("`from_map` requires at least one Iterable input")
    for iterable, column in zip(iterables, columns):
        if column is None:
            raise ValueError(f"All elements of `iterables` must be Iterable, got {type(iterable)}")
    lengths = {len(column) for column in columns}  # type: ignore[arg-type]
    if len(lengths) > 1:
        raise ValueError("All `iterables` must have the same length")
    (count,) = lengths
    if not count:
        raise ValueError("All `iterables` must have a non-zero length")
    packed = len(columns) > 1
    rows = list(zip(*columns)) if packed else list(columns[0])  # type: ignore[arg-type]
    call = _MapCall(func, rows, packed, tuple(args or ()), kwargs)
    if meta is no_default or meta is None:
        known = getattr(func, "columns", None) if not callable(getattr(func, "columns", None)) else None
        made = call(0)
        meta = made[known] if known is not None and isinstance(made, pd.DataFrame) else made
    meta = written_out(empty_like(make_meta(meta)))
    if divisions is not None and len(divisions) != count + 1:
        raise ValueError(f"divisions must be a tuple of length {count + 1}, not {len(divisions)}")
    if divisions is not None and any(value is None for value in divisions):
        divisions = None
    if is_scalar_meta(meta):
        raise TypeError(f"`func` must give a pandas object, not {type(meta).__name__}")
    node = _core.source(
        call,
        count,
        meta,
        list(divisions) if divisions is not None else None,
        prefix=label or funcname(func),
        library=False,
        token=tokenize(call, meta, divisions, enforce_metadata),
        labels=enforce_metadata,
    )
    return new_collection(node, meta=meta)
