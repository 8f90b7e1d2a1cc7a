"""The pandas half of the border between pandas objects and native chunks.

Answers: which arrays a pandas object is made of (`take_apart`), how arrays become a pandas object (`build_frame`,
`build_series`, `build_index`), how partitions that stay pandas objects are joined (`concat`), and whether the result of
a user's function fits its metadata (`conform`). Does not cover reading or filling the memory of arrays: the core does.

Invariant: nothing here hands out memory that a caller still holds; `take_apart` returns a shallow copy to be kept
alive, so that pandas' copy-on-write copies before it lets the user write.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.internals import create_dataframe_from_blocks
from pandas.api.types import union_categoricals

from dusk.dataframe._cast import cast
from dusk.dataframe._held_arrays import column_array
from dusk.dataframe._held_arrays import nbytes as nbytes  # the core finds it here

FRAME, SERIES, INDEX, SCALAR = range(4)

#: What the column axis is when all labels are text.
_TEXT_LABELS = pd.Index([""])[:0]


class Extras:
    """What pandas keeps beside the data: `attrs`, flags, the type of the column axis, frequencies of index levels."""

    __slots__ = ("allows_duplicates", "attrs", "axis", "freqs")

    def __init__(self, attrs: dict, allows_duplicates: bool, axis: pd.Index | None, freqs: dict[int, Any]):
        self.attrs = attrs
        self.allows_duplicates = allows_duplicates
        # An empty index of the column axis' own type, unless labels tell it.
        self.axis = axis
        self.freqs = freqs

    def __reduce__(self):
        return Extras, (self.attrs, self.allows_duplicates, self.axis, self.freqs)

    def __dask_tokenize__(self):
        axis = None if self.axis is None else (type(self.axis).__name__, str(self.axis.dtype))
        freqs = sorted((level, str(freq)) for level, freq in self.freqs.items())
        return ("dusk.Extras", self.attrs, self.allows_duplicates, axis, freqs)


# -- from pandas ------------------------------------------------------------------------------------------------------


def take_apart(obj: Any) -> tuple:
    """`(kind, shadow, labels, axis_names, arrays, index, extras)` of a pandas object.

    `index` is `(name, start, step)` for a range, else `(names, arrays)`.
    """
    if isinstance(obj, pd.DataFrame):
        shadow = obj.copy(deep=False)
        columns = shadow.columns
        labels = columns.tolist()
        arrays = [column_array(shadow, position) for position in range(len(labels))]
        named = any(name is not None for name in columns.names)
        axis_names = list(columns.names) if named else []
        extras = _extras(shadow, columns, labels)
        return FRAME, shadow, labels, axis_names, arrays, _index_parts(shadow.index), extras
    if isinstance(obj, pd.Series):
        shadow = obj.copy(deep=False)
        return (
            SERIES,
            shadow,
            [shadow.name],
            [],
            [shadow._values],
            _index_parts(shadow.index),
            _extras(shadow, None, None),
        )
    if isinstance(obj, pd.Index):
        freq = getattr(obj, "freq", None)
        extras = None if freq is None else Extras({}, True, None, {0: freq})
        values = obj if isinstance(obj, pd.MultiIndex) else obj._values
        return INDEX, obj, [obj.name], [], [values], (None, 0, 1), extras
    raise TypeError(f"expected a pandas DataFrame, Series or Index, got {type(obj).__name__}")


def _index_parts(index: pd.Index) -> tuple:
    if isinstance(index, pd.RangeIndex):
        return index.name, index.start, index.step
    if isinstance(index, pd.MultiIndex):
        if index.nlevels == 1:
            # The engine's word for one level is a plain index, so this one stays with pandas.
            return list(index.names), [index]
        return list(index.names), [index.get_level_values(level)._values for level in range(index.nlevels)]
    return [index.name], [index._values]


def _extras(obj: Any, columns: pd.Index | None, labels: list | None) -> Extras | None:
    axis = None
    if columns is not None:
        axis = None if _is_plain(columns, labels) else columns[:0]
    index = obj.index
    if isinstance(index, pd.MultiIndex):
        levels = {i: index.get_level_values(i) for i, level in enumerate(index.levels) if level.dtype.kind in "mM"}
    else:
        levels = {0: index}
    freqs = {i: level.freq for i, level in levels.items() if getattr(level, "freq", None) is not None}
    allows = obj.flags.allows_duplicate_labels
    if not obj.attrs and allows and axis is None and not freqs:
        return None
    return Extras(dict(obj.attrs), allows, axis, freqs)


def _is_plain(columns: pd.Index, labels: list) -> bool:
    """Whether the column axis needs no word: of text, or of objects that pandas would make the same index of.

    Any other must be known when none of its labels is left.
    """
    if type(columns) is not pd.Index:
        return False
    if columns.dtype != object:
        return columns.dtype == _TEXT_LABELS.dtype
    try:
        inferred = pd.Index(labels)
    except (TypeError, ValueError):
        return False
    return type(inferred) is pd.Index and inferred.dtype == object


def raw(array: Any) -> np.ndarray:
    """The bytes of a NumPy-backed array, without a copy where they lie in order."""
    if isinstance(array, np.ndarray):
        values = array
    elif hasattr(array, "asi8"):
        values = array.asi8
    else:
        values = np.asarray(array)
    return np.ascontiguousarray(values).view(np.uint8)


def masked(array: Any) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of values and mask of a nullable array."""
    return raw(array._data), raw(array._mask)


def arrow(array: Any, text: bool) -> Any:
    """The pyarrow array behind `array`; Python strings are copied."""
    data = getattr(array, "_pa_array", None)
    if data is None:
        if not text:
            raise TypeError(f"{type(array).__name__} isn't held by pyarrow")
        return pa.chunked_array([pa.array(np.asarray(array, dtype=object), type=pa.large_string(), from_pandas=True)])
    if text and not pa.types.is_large_string(data.type):
        data = data.cast(pa.large_string())
    return data


# -- to pandas --------------------------------------------------------------------------------------------------------


def numpy_array(memory: np.ndarray, dtype: str) -> np.ndarray:
    """`memory` (bytes) as values."""
    return memory.view(dtype)


def masked_array(memory: np.ndarray, mask: np.ndarray, dtype: Any) -> Any:
    """A nullable array over memory that it may keep."""
    cls = dtype.construct_array_type()
    return cls(memory.view(dtype.numpy_dtype), mask.view(np.bool_), copy=False)


def datetimetz_array(memory: np.ndarray, dtype: Any) -> Any:
    """A datetime array with a timezone over memory that it may keep."""
    values = memory.view(f"M8[{dtype.unit}]")
    cls = dtype.construct_array_type()
    return cls._simple_new(values, dtype=dtype)


def categorical_array(memory: np.ndarray, codes: str, dtype: Any) -> Any:
    """A categorical over codes that are known to be right."""
    return pd.Categorical.from_codes(memory.view(codes), dtype=dtype, validate=False)


def arrow_array(data: Any, dtype: Any) -> Any:
    """A text or Arrow array over a pyarrow array."""
    return dtype.__from_arrow__(data)


def columns_index(labels: list, names: list, extras: Extras | None) -> pd.Index:
    """The column axis."""
    axis = None if extras is None else extras.axis
    if isinstance(axis, pd.MultiIndex) and not labels:
        return axis
    if isinstance(axis, pd.MultiIndex) and any(type(x) is not tuple for x in labels):
        axis = None  # other labels than those it was the axis of
    elif isinstance(axis, pd.MultiIndex) or (axis is None and labels and all(type(x) is tuple for x in labels)):
        try:
            return pd.MultiIndex.from_tuples(labels, names=names or None)
        except (TypeError, ValueError):
            axis = None
    name = names[0] if len(names) == 1 else None
    if isinstance(axis, pd.RangeIndex):
        found = _as_range(labels, axis.step)
        if found is not None:
            return pd.RangeIndex(found, name=name)
        axis = None
    if axis is None and not labels:
        axis = _TEXT_LABELS
    if isinstance(axis, pd.CategoricalIndex):
        present = [label for label in labels if label is not None and label is not pd.NA and label == label]
        axis = axis if pd.Index(present, dtype=object).isin(axis.categories).all() else None
    if axis is not None:
        try:
            found = pd.Index(labels, dtype=axis.dtype, name=name, tupleize_cols=False)
            # New labels may be of another kind, and a dtype would make them its own ("1" an integer).
            if all(type(a) is type(b) for a, b in zip(found.tolist(), labels)):
                return found
        except (TypeError, ValueError):
            pass
    return pd.Index(labels, name=name, tupleize_cols=False)


def _as_range(labels: list, step: int) -> range | None:
    if not labels:
        return range(0)
    if any(type(label) is not int for label in labels):
        return None
    if len(labels) > 1:
        step = labels[1] - labels[0]
    if step == 0:
        return None
    found = range(labels[0], labels[0] + step * len(labels), step)
    return found if list(found) == labels else None


def build_range(start: int, stop: int, step: int, name: Any) -> pd.RangeIndex:
    """A range."""
    return pd.RangeIndex(start, stop, step, name=name)


def build_index(arrays: list, names: list, extras: Extras | None) -> pd.Index:
    """An index of one or more levels. A level of several is an array, or its codes and its distinct values."""
    if not arrays:
        raise ValueError("an index needs at least one level")
    if len(arrays) == 1 and isinstance(arrays[0], pd.MultiIndex):
        return arrays[0]
    if any(isinstance(array, tuple) for array in arrays):
        return _multi(arrays, names)
    levels = [_level(array, name, extras, level) for level, (array, name) in enumerate(zip(arrays, names))]
    return levels[0] if len(levels) == 1 else pd.MultiIndex.from_arrays(levels, names=names)


def _multi(arrays: list, names: list) -> pd.MultiIndex:
    """A multi-index of levels of which some came as codes."""
    codes, levels = [], []
    for array in arrays:
        if isinstance(array, tuple):
            codes.append(array[0])
            levels.append(pd.Index(array[1], dtype=array[1].dtype, copy=False))
        else:
            one = pd.MultiIndex.from_arrays([array])
            codes.append(one.codes[0])
            levels.append(one.levels[0])
    return pd.MultiIndex(levels=levels, codes=codes, names=names, verify_integrity=False)


def _level(array: Any, name: Any, extras: Extras | None, level: int) -> pd.Index:
    index = pd.Index(array, name=name, dtype=array.dtype, copy=False)
    freq = None if extras is None else extras.freqs.get(level)
    if freq is not None and isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)):
        try:
            return type(index)(index, freq=freq, name=name)
        except ValueError:
            # Rows have gone since, so the frequency isn't theirs any more.
            pass
    return index


def _finish(obj: Any, extras: Extras | None) -> Any:
    if extras is not None:
        if extras.attrs:
            obj.attrs = extras.attrs
        if not extras.allows_duplicates and obj.index.is_unique:
            obj = obj.set_flags(allows_duplicate_labels=False)
    return obj


def build_frame(blocks: list, index: pd.Index, labels: list, names: list, extras: Extras | None) -> pd.DataFrame:
    """A frame of blocks `(array, positions)`; a NumPy array of several positions has one row for each column."""
    made = []
    for array, positions in blocks:
        if isinstance(array, np.ndarray):
            array = array.reshape(len(positions), len(index))
        made.append((array, np.asarray(positions, dtype=np.intp)))
    return _finish(create_dataframe_from_blocks(made, index, columns_index(labels, names, extras)), extras)


def build_series(array: Any, index: pd.Index, name: Any, extras: Extras | None) -> pd.Series:
    """A series over an array that it may keep."""
    # With its dtype, or pandas would make text of objects that all are text.
    return _finish(pd.Series(array, index=index, name=name, dtype=array.dtype, copy=False), extras)


def scalar(array: Any) -> Any:
    """The one value of an array, as pandas hands it out."""
    return pd.Series(array, dtype=array.dtype, copy=False).iloc[0]


def restore(obj: Any, kind: int, extras: Extras | None) -> Any:
    """A pandas object that was never taken apart, with its extras and a fresh copy-on-write reference."""
    if kind in (FRAME, SERIES):
        return _finish(obj.copy(deep=False), extras)
    return obj


def select(obj: Any, start: int, stop: int, columns: list[int] | None) -> Any:
    """Rows `start:stop` and some columns, by position, of a pandas object."""
    if isinstance(obj, pd.DataFrame):
        if columns is not None:
            obj = obj.iloc[:, columns]
        return obj.iloc[start:stop]
    if isinstance(obj, pd.Series):
        return obj.iloc[start:stop]
    return obj[start:stop]


def concat(objects: list, kind: int, extras: Extras | None) -> Any:
    """The partitions one after another, as pandas does it, with categories united as Dask does."""
    if kind == SCALAR or len(objects) == 1:
        return restore(objects[0], kind, extras)
    # An empty partition says nothing about dtypes when others have rows.
    filled = [part for part in objects if len(part)] or objects[:1]
    if len(filled) == 1:
        return restore(filled[0], kind, extras)
    if kind == INDEX:
        return _concat_indexes(filled)
    if kind == SERIES:
        result = _concat_series(filled)
        if result is None:
            result = pd.concat(filled)
            if result.dtype != filled[0].dtype and all(part.dtype == filled[0].dtype for part in filled):
                result = result.astype(filled[0].dtype)
    else:
        result = pd.concat(_same_categories(filled))
        _restore_dtypes(result, filled)
    result.index = _concat_indexes([part.index for part in filled])
    return _finish(result, extras)


def _concat_indexes(parts: list) -> pd.Index:
    first = parts[0]
    if all(part.dtype == object and not isinstance(part, pd.MultiIndex) for part in parts):
        # pandas would look for a narrower dtype that holds the objects, and turn some of them into others.
        name = first.name if all(part.name == first.name for part in parts) else None
        return pd.Index(np.concatenate([part._values for part in parts]), dtype=object, name=name, tupleize_cols=False)
    if all(isinstance(part, pd.CategoricalIndex) for part in parts) and any(p.dtype != first.dtype for p in parts):
        name = first.name if all(part.name == first.name for part in parts) else None
        return pd.CategoricalIndex(_united([part.array for part in parts]), name=name)
    result = first.append(parts[1:])
    if result.dtype != first.dtype and all(part.dtype == first.dtype for part in parts):
        result = result.astype(first.dtype)
    return result


def _restore_dtypes(result: pd.DataFrame, parts: list) -> None:
    # pandas changes the byte order of foreign numbers even when all partitions agree on it.
    if any(not part.columns.equals(result.columns) for part in parts):
        return
    for position, (dtype, *dtypes) in enumerate(zip(list(result.dtypes), *(list(part.dtypes) for part in parts))):
        if dtypes[0] != dtype and all(other == dtypes[0] for other in dtypes):
            result.isetitem(position, result.iloc[:, position].astype(dtypes[0]))


def _concat_series(parts: list) -> Any:
    if not all(isinstance(part.dtype, pd.CategoricalDtype) for part in parts):
        return None
    if all(part.dtype == parts[0].dtype for part in parts):
        return None
    values = _united([part.array for part in parts])
    index = parts[0].index.append([part.index for part in parts[1:]])
    return pd.Series(values, index=index, name=parts[0].name)


def _united(arrays: list) -> pd.Categorical:
    """Categoricals one after another under all their categories."""
    # Categories of no values are of some type that says nothing.
    filled = [array for array in arrays if len(array.categories)] or arrays
    dtype = filled[0].categories.dtype
    if other := next((array.categories.dtype for array in filled if array.categories.dtype != dtype), None):
        raise TypeError(
            f"categories are of dtype {dtype} in one partition and {other} in another: say which they are with a "
            "pandas.CategoricalDtype"
        )
    arrays = [array if len(array.categories) else array.set_categories(pd.Index([], dtype=dtype)) for array in arrays]
    # Where each part has its categories in order, as pandas finds them in values, so have all together.
    in_order = all(not array.ordered and array.categories.is_monotonic_increasing for array in arrays)
    return union_categoricals(arrays, sort_categories=in_order)


def _same_categories(parts: list) -> list:
    width = parts[0].shape[1]
    if any(part.shape[1] != width for part in parts):
        return parts
    changed = {}
    for position, dtypes in enumerate(zip(*(list(part.dtypes) for part in parts))):
        if all(isinstance(dtype, pd.CategoricalDtype) for dtype in dtypes) and any(d != dtypes[0] for d in dtypes):
            changed[position] = _united([part.iloc[:, position].array for part in parts]).dtype
    if not changed:
        return parts
    result = []
    for part in parts:
        part = part.copy(deep=False)
        for position, dtype in changed.items():
            part.isetitem(position, part.iloc[:, position].astype(dtype))
        result.append(part)
    return result


def meta(kind: int, labels: list, names: list, dtypes: list, index: tuple, extras: Extras | None) -> Any:
    """An empty pandas object of these dtypes; `index` is `(name,)` for a range, else `(names, dtypes)`."""
    arrays = [empty(dtype) for dtype in dtypes]
    if kind == INDEX:
        if isinstance(arrays[0], pd.MultiIndex):
            return arrays[0]
        return build_index(arrays, labels, extras)
    if kind == SCALAR:
        return scalar_meta(dtypes[0])
    if len(index) == 1:
        rows = pd.RangeIndex(0, name=index[0])
    else:
        rows = build_index([empty(dtype) for dtype in index[1]], index[0], extras)
    if kind == SERIES:
        return build_series(arrays[0], rows, labels[0], extras)
    blocks = [(array, [position]) for position, array in enumerate(arrays)]
    return build_frame(blocks, rows, labels, names, extras)


def empty(dtype: Any) -> Any:
    """An array of no values."""
    if isinstance(dtype, pd.MultiIndex):
        return dtype
    if isinstance(dtype, np.dtype):
        return np.empty(0, dtype)
    return dtype.construct_array_type()._from_sequence([], dtype=dtype)


def scalar_meta(dtype: Any) -> Any:
    """Some value of `dtype`."""
    if isinstance(dtype, np.dtype):
        return dtype.type(1, np.datetime_data(dtype)[0]) if dtype.kind in "mM" else np.ones(1, dtype)[0]
    if isinstance(dtype, pd.StringDtype):
        return "a"
    if isinstance(dtype, pd.CategoricalDtype):
        return dtype.categories[0] if dtype.categories is not None and len(dtype.categories) else np.nan
    if isinstance(dtype, pd.DatetimeTZDtype):
        return pd.Timestamp(1, unit=dtype.unit, tz=dtype.tz)
    try:
        return pd.array([1], dtype=dtype)[0]
    except Exception:
        return pd.NA


def one_value(value: Any, dtype: Any) -> Any:
    """An array of the one `value`, of `dtype` when that loses nothing."""
    array = pd.Series([value])._values
    return array if dtype is None else cast(array, dtype, "the result")


# -- results of users' functions --------------------------------------------------------------------------------------

_FIRST_LINE = "The columns in the computed data do not match the columns in the provided metadata."


def conform(obj: Any, like: Any, kind: int) -> Any:
    """`obj` with the names and dtypes of `like`, where that loses nothing; else an error that says what differs."""
    expected = {FRAME: pd.DataFrame, SERIES: pd.Series, INDEX: pd.Index}[kind]
    if not isinstance(obj, expected):
        raise TypeError(
            f"the function returned {type(obj).__name__}, but the provided metadata is of type {expected.__name__}"
        )
    if kind == INDEX:
        return pd.Index(cast(obj._values, like.dtype, "the index"), name=like.name, dtype=like.dtype)
    if kind == FRAME:
        _check_columns(obj, like)
    index = _conform_index(obj.index, like.index)
    if kind == SERIES:
        array = cast(obj._values, like.dtype, f"the series {like.name!r}")
        return pd.Series(array, index=index, name=like.name, dtype=array.dtype, copy=False)
    arrays = []
    for position, label in enumerate(like.columns):
        arrays.append((cast(column_array(obj, position), like.dtypes.iloc[position], f"column {label!r}"), [position]))
    blocks = [(np.ascontiguousarray(a) if isinstance(a, np.ndarray) else a, p) for a, p in arrays]
    result = build_frame(blocks, index, [None] * len(arrays), [], None)
    result.columns = like.columns
    result.attrs = obj.attrs
    return result


def conform_host(obj: Any, like: Any, kind: int) -> Any:
    """`obj` with the labels of `like`; dtypes stay as they are, since the partition stays a pandas object."""
    if kind == FRAME and isinstance(obj, pd.DataFrame) and len(obj):
        _check_columns(obj, like)
    elif kind == SERIES and isinstance(obj, pd.Series) and obj.name != like.name:
        return obj.rename(like.name)
    return obj


def _check_columns(obj: pd.DataFrame, like: pd.DataFrame) -> None:
    if obj.columns.equals(like.columns) or list(obj.columns) == list(like.columns):
        return
    extra = [label for label in obj.columns if label not in like.columns]
    missing = [label for label in like.columns if label not in obj.columns]
    if extra or missing:
        detail = f"  Extra:   {extra}\n  Missing: {missing}"
    elif len(obj.columns) != len(like.columns):
        detail = f"  {len(obj.columns)} columns, the metadata has {len(like.columns)}: some labels are there twice"
    else:
        detail = f"  Order of columns does not match: {list(obj.columns)}, the metadata has {list(like.columns)}"
    raise ValueError(f"{_FIRST_LINE}\n{detail}")


def _conform_index(index: pd.Index, like: pd.Index) -> pd.Index:
    if isinstance(like, pd.RangeIndex):
        if isinstance(index, pd.RangeIndex):
            return index.rename(like.name)
        raise ValueError(
            f"the function returned an index of dtype {index.dtype}, but the provided metadata has a RangeIndex"
        )
    if index.nlevels != like.nlevels:
        raise ValueError(
            f"the function returned an index of {index.nlevels} levels, but the provided metadata has {like.nlevels}"
        )
    if index.nlevels == 1:
        return pd.Index(cast(index._values, like.dtype, "the index"), name=like.name, dtype=like.dtype)
    arrays = [
        cast(index.get_level_values(i)._values, like.get_level_values(i).dtype, f"level {i} of the index")
        for i in range(index.nlevels)
    ]
    return pd.MultiIndex.from_arrays(arrays, names=like.names)


# -- rows of partitions that are pandas objects -----------------------------------------------------------------------


def columns_of(obj: Any, positions: list[int], keep_index: bool) -> pd.DataFrame:
    """Some columns as a frame, with its index or a range in its place."""
    index = obj.index if keep_index else pd.RangeIndex(len(obj))
    arrays = [column_array(obj, position) if isinstance(obj, pd.DataFrame) else obj._values for position in positions]
    labels = [obj.columns[i] if isinstance(obj, pd.DataFrame) else obj.name for i in positions]
    blocks = [(array, [position]) for position, array in enumerate(arrays)]
    return build_frame(blocks, index, labels, [], None)


def keep_rows(obj: Any, mask: pd.Series) -> Any:
    """The rows for which a mask, in the same order, holds."""
    keep = mask.fillna(False).to_numpy(dtype=bool) if mask.hasnans else mask.to_numpy(dtype=bool)
    return obj[keep] if isinstance(obj, pd.Index) else obj.loc[keep]


def compose(obj: Any, made: pd.DataFrame | None, columns: list[int | None], like: Any, kind: int) -> Any:
    """Columns of `obj`, by position, and in the places of None those of `made` in order, with the labels of `like`."""
    if kind == INDEX:
        raise TypeError("an index is no frame")
    rest = iter(range(0 if made is None else made.shape[1]))
    arrays = []
    for position in columns:
        if position is None:
            assert made is not None
            arrays.append(column_array(made, next(rest)))
        else:
            arrays.append(column_array(obj, position) if isinstance(obj, pd.DataFrame) else obj._values)
    index = obj.index if obj.index.names == like.index.names else obj.index.set_names(list(like.index.names))
    if kind == SERIES:
        return pd.Series(arrays[0], index=index, name=like.name, dtype=arrays[0].dtype, copy=False)
    blocks = [(array, [position]) for position, array in enumerate(arrays)]
    result = build_frame(blocks, index, [None] * len(arrays), [], None)
    result.columns = like.columns
    result.attrs = obj.attrs
    return result


def index_from_last(obj: pd.DataFrame, names: list) -> pd.DataFrame:
    """The frame with its last columns as index, one for each name."""
    width = obj.shape[1] - len(names)
    index = build_index([column_array(obj, width + i) for i in range(len(names))], names, None)
    result = obj.iloc[:, :width].copy(deep=False)
    result.index = index
    return result
