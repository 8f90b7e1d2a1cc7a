"""Functions of the user on rows and values: `apply` and `map`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from dusk.dataframe._fallback import rowwise
from dusk.dataframe._meta import make_meta, no_default

__all__ = ["apply_rows", "apply_series", "map_values", "warn_of_guess"]


def warn_of_guess(call: str, meta: Any, of_groups: bool = False) -> None:
    """Tell that a function's result was guessed from made-up rows, and how to say what was guessed.

    The first words are Dask's, which filters for warnings ask for; of functions on groups it says other ones.
    """
    if isinstance(meta, pd.DataFrame):
        guess = repr({label: str(dtype) for label, dtype in meta.dtypes.items()})
    elif isinstance(meta, pd.Series):
        guess = repr((meta.name, str(meta.dtype)))
    else:
        guess = repr(meta)
    lead = "`meta` is not specified" if of_groups else "You did not provide metadata"
    warnings.warn(
        f"{lead}, so dusk called your function on made-up rows to learn what it returns. "
        f"If that is right, say so:\n  Before: .{call}(func)\n  After:  .{call}(func, meta={guess})",
        stacklevel=4,
    )


def _apply_frame(part: pd.DataFrame, function: Any, axis: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return part.apply(function, axis=axis, args=args, **kwargs)


def apply_rows(
    x: Any, function: Callable[..., Any], axis: Any, args: tuple[Any, ...], meta: Any, kwargs: dict[str, Any]
) -> Any:
    """Apply a function to each row of a DataFrame."""
    if axis not in (1, "columns"):
        raise NotImplementedError("Dask DataFrame.apply only supports axis=1\n  Try: df.apply(func, axis=1)")
    given = meta is not no_default and meta is not None
    meta = make_meta(meta, index=x._meta.index) if given else no_default
    result = rowwise(
        _apply_frame,
        x,
        function,
        axis,
        args,
        kwargs,
        meta=meta,
        prefix="apply",
        user=True,
        same_rows=True,
        loose=not given,
    )
    if not given:
        warn_of_guess("apply", result._meta)
    return result


def _apply_series(part: pd.Series, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return part.apply(function, args=args, **kwargs)


def apply_series(x: Any, function: Callable[..., Any], args: tuple[Any, ...], meta: Any, kwargs: dict[str, Any]) -> Any:
    """Apply a function to each value of a Series."""
    given = meta is not no_default and meta is not None
    meta = make_meta(meta, index=x._meta.index) if given else no_default
    result = rowwise(
        _apply_series, x, function, args, kwargs, meta=meta, prefix="apply", user=True, same_rows=True, loose=not given
    )
    if not given:
        warn_of_guess("apply", result._meta)
    return result


def _map(part: Any, function: Any, na_action: Any, kwargs: dict[str, Any]) -> Any:
    return part.map(function, na_action=na_action, **kwargs)


def map_values(x: Any, arg: Any, na_action: Any, meta: Any, kwargs: dict[str, Any]) -> Any:
    """Map each value, by a function, a mapping or a Series."""
    user = callable(arg) and not isinstance(arg, Mapping | pd.Series)
    if hasattr(arg, "_one_partition"):
        arg = arg._one_partition()
    given = meta is not no_default and meta is not None
    if given:
        index = x._meta if isinstance(x._meta, pd.Index) else x._meta.index
        meta = make_meta(meta, index=index)
        if isinstance(x._meta, pd.Index) and isinstance(meta, pd.Series):
            meta = pd.Index([], dtype=meta.dtype, name=meta.name)
    elif not user:
        meta = _meta_of_mapping(x._meta, arg)
    else:
        meta = no_default
    loose = not given
    return rowwise(
        _map,
        x,
        arg,
        na_action,
        kwargs,
        meta=meta,
        prefix="map",
        user=user,
        same_rows=not isinstance(x._meta, pd.Index),
        loose=loose,
        keep_divisions=not isinstance(x._meta, pd.Index),
    )


def _meta_of_mapping(meta: Any, arg: Any) -> Any:
    """Give what a mapping makes of values that it has, since made-up ones are not among its keys."""
    if isinstance(arg, Mapping | pd.Series):
        values = pd.Series(list(arg.values()) if isinstance(arg, Mapping) else arg.array)
        if isinstance(meta, pd.Series):
            return pd.Series(values.array[:0], index=meta.index, name=meta.name)
    return no_default
