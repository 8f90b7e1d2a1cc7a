"""Several collections made one: `concat`, `merge`, `merge_asof`, and the functions of pandas that take a frame."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from dusk import _core
from dusk.dataframe._align import cut_at, union_of_divisions
from dusk.dataframe._base import FrameBase
from dusk.dataframe._fallback import gather, native, rowwise, spread
from dusk.dataframe._meta import emulate, meta_nonempty
from dusk.dataframe._new import new_collection
from dusk.dataframe.io.pandas import from_pandas

__all__ = ["as_collection", "concat", "merge", "merge_asof"]


def as_collection(x: Any) -> Any:
    """Give a pandas object as a collection of one partition; collections stay."""
    if isinstance(x, pd.DataFrame | pd.Series):
        return from_pandas(x, npartitions=1, sort=False)
    return x


def as_sorted_collection(x: Any) -> Any:
    """Give a pandas object as a collection of one partition with known divisions; collections stay."""
    return from_pandas(x, npartitions=1) if isinstance(x, pd.DataFrame | pd.Series) and len(x) else x


def merge(
    left: Any,
    right: Any,
    how: str = "inner",
    on: Any = None,
    left_on: Any = None,
    right_on: Any = None,
    left_index: bool = False,
    right_index: bool = False,
    sort: bool = False,
    suffixes: Any = ("_x", "_y"),
    copy: Any = pd.api.extensions.no_default,
    indicator: Any = False,
    validate: str | None = None,
    **options: Any,
) -> Any:
    """Join two frames; see `pandas.merge`.

    Parameters
    ----------
    left, right : DataFrame, Series
        Collections or pandas objects.
    how, on, left_on, right_on, left_index, right_index, sort, suffixes, indicator, validate : object
        As in pandas.
    copy : bool
        Accepted for compatibility.
    **options
        Options of Dask that say how to share the work: ``npartitions`` counts, the others are accepted.

    Returns
    -------
    DataFrame
    """
    from dusk.dataframe._joins import merge as join

    return join(
        left,
        right,
        how=how,
        on=on,
        left_on=left_on,
        right_on=right_on,
        left_index=left_index,
        right_index=right_index,
        sort=sort,
        suffixes=suffixes,
        indicator=indicator,
        validate=validate,
        npartitions=options.get("npartitions"),
    )


def merge_asof(left: Any, right: Any, on: Any = None, **kwargs: Any) -> Any:
    """Join each row with the nearest one; see `pandas.merge_asof`.

    Parameters
    ----------
    left, right : DataFrame
        Collections or pandas objects, sorted by what they are joined on.
    on : label, optional
        The column that both are sorted by.
    **kwargs
        As in pandas.

    Returns
    -------
    DataFrame
    """
    left, right = as_collection(left), as_collection(right)
    if not any(isinstance(x, FrameBase) for x in (left, right)):
        raise TypeError("merge_asof needs at least one collection")
    kwargs = {"on": on, **kwargs} if on is not None else kwargs
    return spread(
        pd.merge_asof, left, right, npartitions=left.npartitions, kwargs=kwargs, loose=True, prefix="merge-asof"
    )


# --- concat -----------------------------------------------------------------------------------------------------------


def _conformed(part: Any, target: pd.DataFrame | pd.Series) -> Any:
    """Give a partition the columns and dtypes of the whole, as `pandas.concat` would."""
    if isinstance(target, pd.DataFrame):
        if isinstance(part, pd.Series):
            part = part.to_frame(name=target.columns[0] if part.name is None and 0 in target.columns else part.name)
        own_labels = part.columns
        if not part.columns.identical(target.columns):
            part = part.reindex(columns=target.columns)
        changed = {
            label: dtype
            for label, dtype, own in zip(target.columns, target.dtypes, part.dtypes)
            if dtype != own and (label not in own_labels or not isinstance(dtype, pd.CategoricalDtype))
        }
        return part.astype(changed) if changed else part
    if part.dtype != target.dtype:
        part = part.astype(target.dtype)
    return part if part.name is target.name else part.rename(target.name)


def concat(
    dfs: Iterable[Any],
    axis: Any = 0,
    join: str = "outer",
    ignore_unknown_divisions: bool = False,
    ignore_order: bool = False,
    interleave_partitions: bool = False,
    ignore_index: bool = False,
    **kwargs: Any,
) -> Any:
    """Put collections below each other, or side by side.

    Parameters
    ----------
    dfs : iterable of DataFrame, Series or pandas objects
        What is put together.
    axis : {0, 1}
        0 puts rows below each other, 1 columns side by side, where rows meet by their index.
    join : {"outer", "inner"}
        Keep all labels of the other axis, or those that all have.
    ignore_unknown_divisions : bool
        Don't warn when columns are put side by side and nothing but the number of partitions says which rows meet.
    ignore_order : bool
        Accepted for compatibility.
    interleave_partitions : bool
        With known divisions that overlap, bring rows into the order of the index.
    ignore_index : bool
        Number the rows anew.

    Returns
    -------
    DataFrame or Series
    """
    if isinstance(dfs, FrameBase):
        raise TypeError("dfs must be a list of DataFrames/Series objects, not one of them")
    if isinstance(dfs, Mapping):
        raise TypeError("dfs must be a list of DataFrames/Series objects")
    objects = [as_collection(x) for x in dfs if x is not None]
    if not objects:
        raise ValueError("No objects to concatenate")
    wrong = [x for x in objects if not isinstance(x, FrameBase)]
    if wrong:
        raise TypeError(f"dfs must be a list of DataFrames/Series objects, not {type(wrong[0]).__name__}")
    if join not in ("inner", "outer"):
        raise ValueError("'join' must be 'inner' or 'outer'")
    if axis not in (0, 1, "index", "columns", "rows"):
        raise ValueError(f"No axis named {axis} for object type DataFrame")
    if axis in (1, "columns"):
        return _side_by_side(objects, join, ignore_unknown_divisions)
    if len(objects) == 1:
        return objects[0]
    result = _below(objects, join, interleave_partitions)
    if ignore_index:
        from dusk.dataframe._reset import renumbered

        return renumbered(result)
    return result


def _below(objects: list[Any], join: str, interleave: bool) -> Any:
    if any(x._loose for x in objects):
        return gather(pd.concat, objects, kwargs={"join": join}, loose=True, prefix="concat")
    bounds = [x._bounds for x in objects]
    divisions = None
    if all(bound is not None for bound in bounds):
        try:
            ordered = all(a[-1] < b[0] for a, b in zip(bounds, bounds[1:]))  # type: ignore[index]
        except TypeError:
            ordered = False
        if ordered:
            divisions = [value for bound in bounds for value in bound[:-1]] + [bounds[-1][-1]]  # type: ignore[index]
        elif interleave:
            return _interleaved(objects, join)
    target = emulate(lambda *parts: pd.concat(parts, join=join), tuple(x._meta for x in objects), {})
    if any(_may_be_missing(x._meta, target) for x in objects):
        return gather(pd.concat, objects, kwargs={"join": join}, meta=target, loose=True, prefix="concat")
    parts = []
    for x in objects:
        if _fits(x._meta, target):
            parts.append(x)
        else:
            parts.append(rowwise(_conformed, x, target, meta=_like(target, x._meta), prefix="concat", same_rows=True))
    node = native(lambda: _core.concat([x._node for x in parts], divisions), *parts)
    if node is not None:
        return new_collection(node)
    # Columns or indexes of kinds that the engine doesn't hold: their partitions are kept as pandas objects.
    return gather(pd.concat, objects, kwargs={"join": join}, meta=target, prefix="concat")


def _may_be_missing(meta: Any, target: Any) -> bool:
    """Whether categories become integers or bools: a missing one, which only the data can tell, changes the dtype."""
    wanted = pd.DataFrame(target).dtypes
    own = pd.DataFrame(meta).dtypes
    return any(
        isinstance(dtype, pd.CategoricalDtype) and isinstance(to, np.dtype) and to.kind in "iub"
        for label, dtype in own.items()
        for to in wanted[wanted.index == label if len(wanted) > 1 else slice(None)]
    )


def _like(target: Any, meta: Any) -> Any:
    """Give a meta with the columns of ``target`` under the index of ``meta``."""
    return target.iloc[:0].set_axis(meta.index[:0], axis=0)


def _fits(meta: Any, target: Any) -> bool:
    if isinstance(meta, pd.DataFrame) != isinstance(target, pd.DataFrame):
        return False
    if isinstance(meta, pd.DataFrame):
        return meta.columns.identical(target.columns) and list(meta.dtypes) == list(target.dtypes)
    return meta.dtype == target.dtype and meta.name == target.name


def _concat_by_index(*parts: Any, join: str) -> Any:
    return pd.concat(parts, join=join)


def _interleaved(objects: list[Any], join: str) -> Any:
    union = union_of_divisions(objects)
    cut = [cut_at(x, union, force=True) for x in objects]
    return rowwise(_concat_by_index, *cut, kwargs={"join": join}, broadcast=False, prefix="concat", steady=True)


def _beside(parts: list[Any], join: str) -> Any:
    return pd.concat(parts, axis=1, join=join)


def _side_by_side(objects: list[Any], join: str, quiet: bool) -> Any:
    first = objects[0]
    known = all(x._cut == first._cut for x in objects) or all(x.known_divisions for x in objects)
    if not known:
        if any(x.npartitions != first.npartitions for x in objects):
            raise ValueError(
                "Unable to concatenate DataFrame with unknown division specifying axis=1: numbers of partitions differ"
            )
        if not quiet and first.npartitions > 1:
            warnings.warn(
                "Concatenating dataframes with unknown divisions: rows meet by the number of their partition, and each "
                "partition is checked when it is computed.",
                stacklevel=3,
            )
    metas = [meta_nonempty(x._meta) for x in objects]
    meta = pd.concat(metas, axis=1, join=join).iloc[:0]
    return rowwise(_beside, objects, join, meta=meta, broadcast=False, prefix="concat")
