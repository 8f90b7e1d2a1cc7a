"""Methods that Series, Index and DataFrame have in common: missing values, choices, casts, bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dusk.dataframe._base import FrameBase
from dusk.dataframe._calls import is_collection
from dusk.dataframe._categorize import astype_text, become_text
from dusk.dataframe._columns import rename_values
from dusk.dataframe._fallback import _holds_missing, gather, gather_aligned, native, rowwise
from dusk.dataframe._operators import elementwise, is_value, unary
from dusk.dataframe._shift import shift_rows

__all__ = ["SharedMethods"]


def _listed(values: Any) -> list[Any] | None:
    """Give values as a list of single values; None when they are something else."""
    if isinstance(values, pd.Series | pd.Index | np.ndarray | pd.api.extensions.ExtensionArray):
        values = values.tolist()
    elif isinstance(values, list | tuple | set | frozenset | range | type({}.keys())):
        values = list(values)
    else:
        return None
    return values if all(is_value(value) for value in values) else None


def _isin_whole(part: Any, values: Any) -> Any:
    return part.isin(values)


class SharedMethods:
    """Elementwise methods of DataFrame, Series and Index."""

    _meta: Any
    _node: Any
    _partitionwise: Any

    def _under_own_name(self, result: Any) -> Any:
        """Give a Series the name of this one: that of what fills it doesn't count."""
        if isinstance(self._meta, pd.DataFrame) or result._meta.name == self._meta.name:
            return result
        return rename_values(result, self._meta.name)

    def abs(self) -> Any:
        return unary("abs", self)

    def shift(
        self,
        periods: Any = 1,
        freq: Any = None,
        axis: Any = 0,
        fill_value: Any = pd.api.extensions.no_default,
        suffix: str | None = None,
    ) -> Any:
        return shift_rows(self, periods, freq, axis, fill_value, suffix)

    def isna(self) -> Any:
        result = elementwise("isna", [self], ("{}.isna()", self))
        return result if result is not None else rowwise("isna", self, same_rows=True)

    def notna(self) -> Any:
        result = elementwise("notna", [self], ("{}.notna()", self))
        return result if result is not None else rowwise("notna", self, same_rows=True)

    isnull = isna
    notnull = notna

    def isin(self, values: Any) -> Any:
        listed = _listed(values)
        if listed is not None:
            result = elementwise("isin", [self], ("{}.isin({})", self, repr(values)), values=listed)
            if result is not None:
                return result
            return rowwise("isin", self, values if not isinstance(values, type({}.keys())) else listed, same_rows=True)
        if isinstance(values, FrameBase):
            if isinstance(values._meta, pd.DataFrame):
                return rowwise("isin", self, values, broadcast=False, steady=True)
            return rowwise(_isin_whole, self, values._one_partition(), prefix="isin")
        if is_collection(values):
            return rowwise("isin", self, values, prefix="isin", meta=rowwise("isin", self, [], same_rows=True)._meta)
        if is_value(values):
            raise TypeError(
                f"only list-like objects are allowed to be passed to isin(), you passed a `{type(values).__name__}`"
            )
        return rowwise("isin", self, values, same_rows=True)

    def fillna(self, value: Any = None, axis: Any = None, limit: int | None = None) -> Any:
        if value is None:
            raise ValueError("Must specify a fill 'value'.")
        if isinstance(self._meta, pd.Series) and axis not in (None, 0, "index", "rows"):
            raise ValueError(f"No axis named {axis} for object type Series")
        if isinstance(value, pd.Series) and isinstance(self._meta, pd.DataFrame):
            value = value.to_dict()
        if limit is not None:
            return gather_aligned("fillna", self, value, kwargs={"limit": limit})
        if is_value(value) or (is_collection(value) and not isinstance(value, FrameBase)):
            result = elementwise("fillna", [self, value], ("{}.fillna({})", self, repr(value)))
            if result is not None:
                return result
        if isinstance(value, dict) and isinstance(self._meta, pd.DataFrame):
            return self._fill_columns(value)  # type: ignore[attr-defined]
        if isinstance(value, FrameBase):
            if isinstance(self._meta, pd.DataFrame) and isinstance(value._meta, pd.Series):
                return rowwise("fillna", self, value._one_partition(), prefix="fillna")
            result = elementwise("fillna", [self, value])
            if result is not None:
                return self._under_own_name(result)
            return rowwise("fillna", self, value, broadcast=False, meta=self._meta)
        return rowwise("fillna", self, value, same_rows=True)

    def clip(self, lower: Any = None, upper: Any = None, axis: Any = None, **kwargs: Any) -> Any:
        bounds = [lower, upper]
        if all(is_value(bound) or (is_collection(bound) and not isinstance(bound, FrameBase)) for bound in bounds):
            if lower is None and upper is None:
                return self.copy()  # type: ignore[attr-defined]
            if is_value(lower) and is_value(upper) and lower is not None and upper is not None and upper < lower:
                bounds = [upper, lower]
            # A bound that is missing bounds nothing.
            bounds = [None if is_value(bound) and pd.isna(bound) else bound for bound in bounds]
            result = elementwise("clip", [self, *bounds], ("{}.clip({}, {})", self, repr(lower), repr(upper)))
            if result is not None:
                return result
        if isinstance(self._meta, pd.Series) and axis not in (None, 0, "index"):
            raise ValueError(f"No axis named {axis} for Series")
        kwargs = {} if axis is None else {"axis": axis}
        # A bound that isn't whole makes floats of the integers that it bounds, where there are any.
        loose = not _holds_missing(self._meta)
        by_rows = not isinstance(self._meta, pd.DataFrame) or axis in (0, "index")
        if by_rows and any(isinstance(bound, list | np.ndarray) for bound in (lower, upper)):
            return gather_aligned("clip", self, lower, upper, kwargs=kwargs, loose=loose)
        return rowwise("clip", self, lower, upper, kwargs=kwargs, broadcast=False, same_rows=True, loose=loose)

    def round(self, decimals: Any = 0) -> Any:
        if isinstance(decimals, int | np.integer) and not isinstance(decimals, bool):
            result = elementwise("round", [self], ("{}.round({})", self, repr(decimals)), decimals=int(decimals))
            if result is not None:
                return result
        return rowwise("round", self, decimals, same_rows=True)

    def where(self, cond: Any, other: Any = np.nan) -> Any:
        return self._where(cond, other, False)

    def mask(self, cond: Any, other: Any = np.nan) -> Any:
        return self._where(cond, other, True)

    def _where(self, cond: Any, other: Any, inverted: bool) -> Any:
        cond = cond(self) if callable(cond) and not is_collection(cond) else cond
        other = other(self) if callable(other) and not is_collection(other) else other
        name = "mask" if inverted else "where"
        if isinstance(cond, FrameBase) and (is_value(other) or is_collection(other)):
            kept = native(lambda: ~cond if inverted else cond, cond)
            if kept is not None and _is_bool(kept._meta):
                result = elementwise(
                    "where", [self, kept, other], (f"{{}}.{name}({{}}, {{}})", self, cond, repr(other))
                )
                if result is not None:
                    return self._under_own_name(result)
        if isinstance(cond, pd.Series | pd.DataFrame) or isinstance(other, pd.Series | pd.DataFrame):
            from dusk.dataframe.io.pandas import from_pandas

            cond = from_pandas(cond, npartitions=1) if isinstance(cond, pd.Series | pd.DataFrame) else cond
            other = from_pandas(other, npartitions=1) if isinstance(other, pd.Series | pd.DataFrame) else other
        # Integers become floats where a value goes missing, and whether one does, only the data can tell.
        loose = not _holds_missing(self._meta)
        if isinstance(cond, list | np.ndarray) or isinstance(other, list | np.ndarray):
            return gather_aligned(name, self, cond, other, loose=loose)
        return rowwise(name, self, cond, other, broadcast=False, loose=loose)

    def astype(self, dtypes: Any, errors: str = "raise") -> Any:
        meta = self._meta
        if isinstance(dtypes, pd.Series):
            dtypes = dtypes.to_dict()
        if isinstance(meta, pd.DataFrame):
            if isinstance(dtypes, dict):
                unknown = [label for label in dtypes if label not in meta.columns]
                if unknown:
                    raise KeyError(
                        f"Only a column name can be used for the key in a dtype mappings argument. '{unknown[0]}' not "
                        "found in columns."
                    )
                wanted = [dtypes.get(label) for label in meta.columns]
            else:
                wanted = [dtypes] * meta.shape[1]
        else:
            if isinstance(dtypes, dict):
                if len(dtypes) != 1 or meta.name not in dtypes:
                    raise KeyError("Only the Series name can be used for the key in Series dtype mappings.")
                dtypes = dtypes[meta.name]
            wanted = [dtypes]
        parsed = [None if dtype is None else pd.api.types.pandas_dtype(dtype) for dtype in wanted]
        if any(isinstance(dtype, pd.CategoricalDtype) and dtype.categories is None for dtype in parsed):
            # which categories there are, only all rows together tell
            return gather_aligned("astype", self, dtypes, loose=True)
        kwargs = {} if errors == "raise" else {"errors": errors}
        if become_text(meta, parsed):
            return astype_text(self, dtypes, _cast_meta(meta, parsed), kwargs)
        if errors == "raise":
            node = native(lambda: self._node.cast(parsed), self)
            if node is not None:
                return self._partitionwise(node, origin=("{}.astype({})", self, repr(dtypes)))
        # The dtypes are what was asked for, whatever made-up rows would turn into.
        cast = _cast_meta(meta, parsed)
        return rowwise("astype", self, dtypes, meta=cast, kwargs=kwargs, same_rows=True, loose=errors != "raise")

    def memory_usage_per_partition(self, index: bool = True, deep: bool = False) -> Any:
        """Give the bytes of each partition, lazily.

        Parameters
        ----------
        index : bool
            Count the index as well.
        deep : bool
            Look into objects.

        Returns
        -------
        Series
        """
        from dusk.dataframe._repartition import memory_of_partitions

        return memory_of_partitions(self, index, deep)

    def map_overlap(self, func: Any, before: Any, after: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a function on each partition, with some rows of its neighbours; see `dusk.dataframe.map_overlap`."""
        from dusk.dataframe._overlap import map_overlap

        return map_overlap(func, self, before, after, *args, **kwargs)

    def reduction(
        self,
        chunk: Any,
        aggregate: Any = None,
        combine: Any = None,
        meta: Any = pd.api.extensions.no_default,
        token: str | None = None,
        split_every: Any = None,
        chunk_kwargs: dict[str, Any] | None = None,
        aggregate_kwargs: dict[str, Any] | None = None,
        combine_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Reduce with functions of your own: one for each partition, one for all their results.

        Parameters
        ----------
        chunk : callable
            Takes a partition.
        aggregate : callable, optional
            Takes the concatenated results of ``chunk``; by default ``chunk`` again.
        combine : callable, optional
            Accepted for compatibility: results are aggregated in one step.
        meta : pandas object, optional
            What comes out; by default learned from made-up rows.
        token : str, optional
            The word in the name.
        split_every : int, optional
            Accepted for compatibility.
        chunk_kwargs, aggregate_kwargs, combine_kwargs : dict, optional
            Arguments of each function.
        **kwargs
            Arguments of all of them.

        Returns
        -------
        Scalar, Series or DataFrame
        """
        from dusk.dataframe._user_reduction import reduction

        return reduction(
            self,
            chunk,
            aggregate or chunk,
            meta,
            token,
            {**kwargs, **(chunk_kwargs or {})},
            {**kwargs, **((aggregate_kwargs if aggregate is not None else chunk_kwargs) or {})},
        )

    def combine(self, other: Any, func: Any, fill_value: Any = None, **kwargs: Any) -> Any:
        kwargs = {"fill_value": fill_value, **kwargs}
        return self._with_other("combine", other, func, kwargs)

    def combine_first(self, other: Any) -> Any:
        return self._with_other("combine_first", other, None, {})

    def _with_other(self, name: str, other: Any, func: Any, kwargs: dict[str, Any]) -> Any:
        """Call a method that brings together the rows of both sides."""
        from dusk.dataframe.multi import as_sorted_collection

        args = () if func is None else (func,)
        other = as_sorted_collection(other)
        if not isinstance(other, FrameBase):
            return rowwise(name, self, other, *args, kwargs=kwargs, loose=True)
        if self.npartitions != other.npartitions and not (self.known_divisions and other.known_divisions):  # type: ignore[attr-defined]
            return gather(name, self, other, *args, kwargs=kwargs, loose=True)
        return rowwise(name, self, other, *args, kwargs=kwargs, broadcast=False, loose=True, user=func is not None)

    def align(self, other: Any, join: str = "outer", axis: Any = None, fill_value: Any = None) -> tuple[Any, Any]:
        from dusk.dataframe.multi import as_sorted_collection

        other = as_sorted_collection(other)
        kwargs = {"join": join, "axis": axis, "fill_value": fill_value}
        kwargs = {key: value for key, value in kwargs.items() if value is not None}
        return tuple(  # type: ignore[return-value]
            rowwise(_aligned_side, self, other, side, kwargs, broadcast=False, prefix="align") for side in (0, 1)
        )

    def rename_axis(
        self,
        mapper: Any = pd.api.extensions.no_default,
        index: Any = pd.api.extensions.no_default,
        columns: Any = pd.api.extensions.no_default,
        axis: Any = 0,
    ) -> Any:
        options = {"mapper": mapper, "index": index, "columns": columns}
        kwargs = {key: value for key, value in options.items() if value is not pd.api.extensions.no_default}
        if "mapper" in kwargs:
            kwargs["axis"] = axis
        return rowwise("rename_axis", self, kwargs=kwargs, same_rows=True, prefix="rename-axis")

    def compute_current_divisions(self, col: Any = None, set_divisions: bool = False) -> tuple[Any, ...]:
        """Compute where partitions begin: the smallest values of the index, and the largest of all.

        Parameters
        ----------
        col : label, optional
            A column in place of the index.
        set_divisions : bool
            Keep them.

        Returns
        -------
        tuple
        """
        from dusk.dataframe._set_index import current_ends, divisions_of

        x: Any = self
        if col is not None:
            if set_divisions:
                raise NotImplementedError("set_divisions=True is only supported for the index, not for a column")
            x = self.set_index(col, sort=False)  # type: ignore[attr-defined]
        ends = current_ends(x)
        filled = [end for end in ends if end is not None]
        if any(b[0] < a[1] for a, b in zip(filled, filled[1:])):
            raise ValueError("Partitions must be sorted ascending with the index", ends)
        divisions = divisions_of(ends)
        if set_divisions:
            self.divisions = divisions
        return divisions

    def replace(self, to_replace: Any = None, value: Any = pd.api.extensions.no_default, regex: Any = False) -> Any:
        kwargs = {} if value is pd.api.extensions.no_default else {"value": value}
        # What replaces may be of another dtype, and only some partitions may hold what is replaced.
        return rowwise("replace", self, to_replace, kwargs={**kwargs, "regex": regex}, loose=True, same_rows=True)

    def sample(
        self,
        n: int | None = None,
        frac: float | None = None,
        replace: bool = False,
        random_state: Any = None,
        weights: Any = None,
        axis: Any = None,
        ignore_index: bool = False,
    ) -> Any:
        kwargs = {"n": n, "frac": frac, "replace": replace, "random_state": random_state, "axis": axis}
        kwargs.update(weights=weights, ignore_index=ignore_index)
        if random_state is None:
            # The plan is the same when it is computed twice, and so is the sample.
            kwargs["random_state"] = int(np.random.default_rng().integers(2**31))
        return gather("sample", self, meta=self._meta, kwargs=kwargs)

    def random_split(self, frac: list[float], random_state: Any = None, shuffle: bool = False) -> list[Any]:
        """Cut the rows at random into several collections.

        Parameters
        ----------
        frac : list of float
            The share of each; they add up to 1.
        random_state : int or numpy.random.RandomState, optional
            What chance starts from.
        shuffle : bool
            Mix the rows of each partition.

        Returns
        -------
        list of collections
        """
        from dusk.dataframe._user_reduction import random_split

        return random_split(self, frac, random_state, shuffle)


def _aligned_side(left: Any, right: Any, side: int, kwargs: dict[str, Any]) -> Any:
    return left.align(right, **kwargs)[side]


def _is_bool(meta: Any) -> bool:
    dtypes = list(meta.dtypes) if isinstance(meta, pd.DataFrame) else [meta.dtype]
    return all(pd.api.types.is_bool_dtype(dtype) and not pd.api.types.is_object_dtype(dtype) for dtype in dtypes)


def _cast_meta(meta: Any, dtypes: list[Any]) -> Any:
    if not isinstance(meta, pd.DataFrame):
        return meta.astype(dtypes[0])
    columns = [
        column if dtype is None else column.astype(dtype)
        for (_, column), dtype in zip(meta.items(), dtypes, strict=True)
    ]
    result = pd.concat([column.rename(i) for i, column in enumerate(columns)], axis=1) if columns else meta.copy()
    result.columns = meta.columns
    result.index = meta.index
    return result
