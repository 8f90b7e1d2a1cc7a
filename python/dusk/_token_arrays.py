"""Normal forms of NumPy, pandas and Arrow objects: what they hold, not how it lies in memory."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from dusk import _core
from dusk._dispatch import Dispatch
from dusk.tokenize import hash_buffer_hex, normalize_object, normalize_seq

_LARGE = 2**20  # the engine hashes larger arrays, on all cores
_MAPPED_FROM = 64 * 2**20  # larger maps of files are not read but named by their file


class _HashingFile:
    """A file that keeps a hash of what is written to it."""

    closed = False

    def __init__(self) -> None:
        self._hash = hashlib.sha1(usedforsecurity=False)

    def write(self, data: Any) -> int:
        self._hash.update(data)
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def register_numpy(normalize_token: Dispatch) -> None:
    """Register NumPy's arrays, scalars, dtypes and functions."""
    import numpy as np

    def form_of_dtype(dtype: Any) -> Any:
        # A record's str doesn't say its fields.
        return dtype.str if dtype.names is None and dtype.metadata is None and dtype.kind != "T" else repr(dtype)

    @normalize_token.register(np.ndarray)
    def normalize_array(x: Any) -> Any:
        if isinstance(x, np.memmap) and x.nbytes >= _MAPPED_FROM:
            mapped = _normalize_memmap(x)
            if mapped is not None:
                return mapped
        if isinstance(x, np.ma.MaskedArray):
            mask = np.ma.getmaskarray(x)
            if x.dtype.names is not None:
                data = x.filled()
            else:  # what lies below the mask doesn't count
                nothing: Any = None if x.dtype.hasobject else np.zeros((), dtype=x.dtype)
                data = np.where(mask, nothing, np.ma.getdata(x))
            fill = normalize_token(x.fill_value)
            return "masked", normalize_array(np.asarray(data)), normalize_array(mask), fill, bool(x.hardmask)
        if not x.shape and not x.dtype.hasobject:
            return normalize_token(x.item()), x.dtype
        if x.dtype.hasobject or x.dtype.kind == "T":  # the buffer holds addresses
            return "objects", hash_buffer_hex(_text_of(x.ravel().tolist())), str(x.dtype), x.shape
        data = np.ascontiguousarray(x).reshape(-1)
        if data.nbytes >= _LARGE:
            return _core.content_token(data.view(np.uint8)), x.dtype, x.shape
        return hash_buffer_hex(data.view(np.uint8) if data.nbytes else b""), x.dtype, x.shape

    def _text_of(values: list[Any]) -> bytes:
        if set(map(type, values)) <= {str}:
            lengths = ",".join(map(str, map(len, values)))
            return (lengths + ";" + "".join(values)).encode(errors="surrogatepass")
        return str(normalize_seq(values)).encode(errors="surrogatepass")

    def _normalize_memmap(x: Any) -> Any:
        """Normalize a map of a file by the file's identity, so that it isn't read."""
        try:
            status = os.stat(x.filename)
        except (OSError, TypeError, ValueError):
            return None
        whole = x
        while isinstance(whole.base, np.memmap):
            whole = whole.base
        start = x.__array_interface__["data"][0] - whole.__array_interface__["data"][0] + x.offset
        file = str(x.filename), status.st_size, status.st_mtime_ns
        return "memmap", file, start, x.dtype, x.shape, x.strides

    @normalize_token.register(np.dtype)
    def normalize_dtype(dtype: Any) -> Any:
        return form_of_dtype(dtype)

    @normalize_token.register(np.generic)
    def normalize_scalar(x: Any) -> Any:
        if x.dtype.hasobject:
            return "scalar", normalize_token(x.dtype), normalize_token(x.item())
        return "scalar", normalize_token(x.dtype), x.tobytes()

    @normalize_token.register(np.ufunc)
    def normalize_ufunc(func: Any) -> Any:
        name = str(getattr(func, "__name__", ""))
        if getattr(np, name, None) is func:
            return "ufunc", name
        return normalize_object(func)


def _hash_arrow(write: Any) -> str:
    import pyarrow as pa

    sink = _HashingFile()
    with pa.PythonFile(sink, mode="w") as file:
        write(file)
        file.flush()
    return sink.hexdigest()


def register_pyarrow(normalize_token: Dispatch) -> None:
    """Register Arrow's tables, arrays, scalars, types and buffers."""
    import pyarrow as pa

    def is_tight(array: Any) -> bool:
        """Whether an array's buffers hold its values and nothing else."""
        if pa.types.is_primitive(array.type) or pa.types.is_null(array.type):
            return True  # what is written of these are their values
        if array.offset or not (
            pa.types.is_large_string(array.type)
            or pa.types.is_string(array.type)
            or pa.types.is_large_binary(array.type)
            or pa.types.is_binary(array.type)
        ):
            return False
        _, offsets, data = array.buffers()
        if offsets is None or not len(array):
            return False
        width = "q" if array.type in (pa.large_string(), pa.large_binary()) else "i"
        places = memoryview(offsets).cast("B").cast(width)
        return len(places) == len(array) + 1 and not places[0] and places[-1] == (data.size if data is not None else 0)

    def hash_column(column: Any) -> str:
        """Hash a column's values: how it is cut into chunks and what else lies in its buffers doesn't count."""
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        if len(chunks) != 1 or not is_tight(chunks[0]):
            chunks = [pa.concat_arrays(chunks)] if chunks else [pa.array([], column.type)]
        table = pa.table(chunks, names=["0"])

        def write(file: Any) -> None:
            with pa.ipc.new_stream(file, table.schema) as stream:
                stream.write(table)

        return _hash_arrow(write)

    @normalize_token.register((pa.Table, pa.RecordBatch))
    def normalize_table(table: Any) -> Any:
        kind = "pa.Table" if isinstance(table, pa.Table) else "pa.RecordBatch"
        return kind, table.num_rows, normalize_schema(table.schema), [hash_column(column) for column in table.columns]

    @normalize_token.register(pa.ChunkedArray)
    def normalize_chunked(array: Any) -> Any:
        return "pa.ChunkedArray", len(array), hash_column(array)

    @normalize_token.register(pa.Array)
    def normalize_array(array: Any) -> Any:
        return "pa.Array", len(array), hash_column(array)

    @normalize_token.register(pa.Schema)
    def normalize_schema(schema: Any) -> Any:
        return "pa.Schema", hash_buffer_hex(schema.serialize())

    @normalize_token.register(pa.Field)
    def normalize_field(field: Any) -> Any:
        return "pa.Field", hash_buffer_hex(pa.schema([field]).serialize())

    @normalize_token.register(pa.DataType)
    def normalize_type(type: Any) -> Any:
        return "pa.DataType", str(type), hash_buffer_hex(pa.schema([pa.field("0", type)]).serialize())

    @normalize_token.register(pa.Scalar)
    def normalize_scalar(scalar: Any) -> Any:
        return "pa.Scalar", *normalize_array(pa.array([scalar.as_py()], scalar.type))[1:]

    @normalize_token.register(pa.Buffer)
    def normalize_buffer(buffer: Any) -> Any:
        return "pa.Buffer", hash_buffer_hex(buffer)


def register_pandas(normalize_token: Dispatch) -> None:
    """Register pandas' frames, series, indexes, arrays, dtypes and scalars."""
    import numpy as np
    import pandas as pd

    @normalize_token.register(pd.RangeIndex)
    def normalize_range_index(index: Any) -> Any:
        return "RangeIndex", index.start, index.stop, index.step, normalize_token(index.name)

    @normalize_token.register(pd.MultiIndex)
    def normalize_multi_index(index: Any) -> Any:
        levels = [normalize_token(level) for level in index.levels]
        codes = [normalize_token(np.asarray(code)) for code in index.codes]
        return "MultiIndex", normalize_seq(list(index.names)), levels, codes

    @normalize_token.register(pd.Index)
    def normalize_index(index: Any) -> Any:
        freq = getattr(index, "freqstr", None)
        return type(index).__name__, normalize_token(index.name), freq, normalize_token(index.array)

    @normalize_token.register(pd.Series)
    def normalize_series(series: Any) -> Any:
        values = normalize_token(series.array)
        name, index = normalize_token(series.name), normalize_token(series.index)
        return "Series", name, str(series.dtype), values, index, *attributes(series)

    @normalize_token.register(pd.DataFrame)
    def normalize_frame(frame: Any) -> Any:
        columns = [normalize_token(frame.iloc[:, i].array) for i in range(frame.shape[1])]
        index = normalize_token(frame.index)
        return "DataFrame", normalize_token(frame.columns), columns, index, *attributes(frame)

    def attributes(x: Any) -> list[Any]:
        kind = [type(x).__qualname__] if type(x) not in (pd.Series, pd.DataFrame) else []
        attrs = [normalize_token(x.attrs)] if x.attrs else []
        return kind + attrs + ([] if x.flags.allows_duplicate_labels else ["unique labels"])

    @normalize_token.register(pd.Categorical)
    def normalize_categorical(values: Any) -> Any:
        return "Categorical", normalize_token(values.codes), normalize_token(values.dtype)

    @normalize_token.register(pd.arrays.NumpyExtensionArray)
    def normalize_numpy_array(values: Any) -> Any:
        return normalize_token(values.to_numpy())

    @normalize_token.register(pd.arrays.SparseArray)
    def normalize_sparse(values: Any) -> Any:
        places = normalize_token(values.sp_index.indices)
        return "Sparse", normalize_token(values.sp_values), places, len(values), normalize_token(values.fill_value)

    @normalize_token.register(pd.arrays.IntervalArray)
    def normalize_intervals(values: Any) -> Any:
        return "Interval", normalize_token(values.left), normalize_token(values.right), values.closed

    @normalize_token.register(pd.api.extensions.ExtensionArray)
    def normalize_extension_array(values: Any) -> Any:
        kind = normalize_token(values.dtype)
        if hasattr(values, "_pa_array"):
            return "arrow", kind, normalize_token(values._pa_array)
        if hasattr(values, "_mask") and hasattr(values, "_data"):
            filled = np.where(values._mask, np.zeros((), dtype=values._data.dtype), values._data)
            return "masked", kind, normalize_token(filled), normalize_token(values._mask)
        if hasattr(values, "asi8"):
            return "int64", kind, normalize_token(values.asi8)
        if hasattr(type(values), "__dask_tokenize__"):
            return values.__dask_tokenize__()
        return type(values).__name__, kind, normalize_token(np.asarray(values, dtype=object))

    @normalize_token.register(pd.CategoricalDtype)
    def normalize_categorical_dtype(dtype: Any) -> Any:
        return "CategoricalDtype", normalize_token(dtype.categories), dtype.ordered

    @normalize_token.register(pd.StringDtype)
    def normalize_string_dtype(dtype: Any) -> Any:
        return "StringDtype", dtype.storage, repr(dtype.na_value)

    @normalize_token.register(pd.api.extensions.ExtensionDtype)
    def normalize_extension_dtype(dtype: Any) -> Any:
        return "dtype", type(dtype).__name__, str(dtype)

    @normalize_token.register(pd.Timestamp)
    def normalize_timestamp(x: Any) -> Any:
        return "Timestamp", x._value, x.unit, str(x.tz)

    @normalize_token.register(pd.Timedelta)
    def normalize_timedelta(x: Any) -> Any:
        return "Timedelta", x._value, x.unit

    @normalize_token.register((type(pd.NaT), type(pd.NA)))
    def normalize_missing(x: Any) -> Any:
        return "missing", repr(x)

    @normalize_token.register(pd.tseries.offsets.BaseOffset)
    def normalize_offset(x: Any) -> Any:
        return "offset", type(x).__name__, x.n, x.normalize, normalize_token(x.kwds)
