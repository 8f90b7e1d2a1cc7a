"""`read_csv`, `read_table` and `read_fwf`.

The core reads what it knows natively: many tasks for one file, types settled over all blocks. Options that it doesn't
know go to pandas, file by file, or block by block where no quote in the file could make a record longer than a line.
"""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd

from dusk import _core, config
from dusk._units import parse_bytes
from dusk.dataframe._new import new_collection
from dusk.dataframe.io._csv_blocks import compression_of
from dusk.dataframe.io._csv_pandas import block_reader, read_by_pandas
from dusk.dataframe.io._paths import InputFile, resolve

__all__ = ["read_csv", "read_fwf", "read_table"]

#: About what a task should read: small enough that many fit into memory, large enough that a task is worth its while.
DEFAULT_BLOCKSIZE = 64_000_000

_REFUSED = {
    "nrows": "The 'nrows' keyword is not supported by `dd.{reader}`. Use `dd.{reader}(...).head(n=nrows)`.",
    "iterator": "iterator not supported for dd.{reader}",
    "chunksize": "chunksize not supported for dd.{reader}: a file is read in blocks of `blocksize` bytes anyway",
}


def read_csv(
    urlpath: Any,
    blocksize: Any = "default",
    lineterminator: str | None = None,
    compression: str | None = "infer",
    sample: Any = 256000,
    sample_rows: int = 10,
    enforce: bool = False,
    assume_missing: bool = False,
    storage_options: dict[str, Any] | None = None,
    include_path_column: bool | str = False,
    **kwargs: Any,
) -> Any:
    """Read CSV files as one DataFrame.

    Types are decided over all rows of all files: a later row that contradicts the first ones widens its column's type,
    with a warning that names it, and no value is lost.

    Parameters
    ----------
    urlpath : str, path, or list of these
        A file, a glob pattern, a folder, or a URL that fsspec knows. Files come in the order of their names.
    blocksize : int, str or None
        About how many bytes a partition reads, such as ``"64MB"``. None makes one partition of each file.
    lineterminator : str, optional
        What ends a line.
    compression : {"infer", "gzip", "bz2", "xz", "zstd", None}
        How files are compressed; by default their names tell. A compressed file is one partition.
    sample : int or str
        How many bytes of the first file are looked at for a first guess at the types.
    sample_rows : int
        Accepted for compatibility.
    enforce : bool
        Accepted for compatibility: columns that differ from those of the first file are an error always.
    assume_missing : bool
        Columns of integers may hold missing values, so they are read as floats, unless ``dtype`` says otherwise.
    storage_options : dict, optional
        For fsspec.
    include_path_column : bool or str
        Add a categorical column with the path of each row's file, under this name (``"path"`` for True).
    **kwargs
        As `pandas.read_csv`, without ``nrows``, ``iterator`` and ``chunksize``.

    Returns
    -------
    DataFrame
    """
    return _read(
        "read_csv",
        urlpath,
        blocksize,
        lineterminator,
        compression,
        sample,
        assume_missing,
        storage_options,
        include_path_column,
        kwargs,
    )


def read_table(
    urlpath: Any,
    blocksize: Any = "default",
    lineterminator: str | None = None,
    compression: str | None = "infer",
    sample: Any = 256000,
    sample_rows: int = 10,
    enforce: bool = False,
    assume_missing: bool = False,
    storage_options: dict[str, Any] | None = None,
    include_path_column: bool | str = False,
    **kwargs: Any,
) -> Any:
    """Read files of tab-separated values as one DataFrame; see `read_csv` for the parameters."""
    if "sep" not in kwargs and "delimiter" not in kwargs:
        kwargs["sep"] = "\t"
    return _read(
        "read_table",
        urlpath,
        blocksize,
        lineterminator,
        compression,
        sample,
        assume_missing,
        storage_options,
        include_path_column,
        kwargs,
    )


def read_fwf(
    urlpath: Any,
    blocksize: Any = "default",
    lineterminator: str | None = None,
    compression: str | None = "infer",
    sample: Any = 256000,
    sample_rows: int = 10,
    enforce: bool = False,
    assume_missing: bool = False,
    storage_options: dict[str, Any] | None = None,
    include_path_column: bool | str = False,
    **kwargs: Any,
) -> Any:
    """Read files of lines with fields of fixed width as one DataFrame; pandas reads them, file by file.

    See `read_csv` for the parameters, and `pandas.read_fwf` for the others.
    """
    return _read(
        "read_fwf",
        urlpath,
        blocksize,
        lineterminator,
        compression,
        sample,
        assume_missing,
        storage_options,
        include_path_column,
        kwargs,
    )


def _block_bytes(blocksize: Any) -> int | None:
    if blocksize == "default":
        return DEFAULT_BLOCKSIZE
    if blocksize is None:
        return None
    size = parse_bytes(blocksize) if isinstance(blocksize, str) else blocksize
    if isinstance(size, bool) or int(size) != size or size < 1:
        raise TypeError(
            f"blocksize must be a positive number of bytes, text such as '64MB', or None, not {blocksize!r}"
        )
    return int(size)


def _compression_of(compression: str | None, files: list[InputFile]) -> str | None:
    """Tell how all files are compressed; "infer" when they aren't in one way."""
    if compression != "infer":
        return compression
    found = {compression_of(file.path) for file in files}
    return found.pop() if len(found) == 1 else "infer"


def _read(
    reader: str,
    urlpath: Any,
    blocksize: Any,
    lineterminator: str | None,
    compression: str | None,
    sample: Any,
    assume_missing: bool,
    storage_options: dict[str, Any] | None,
    include_path_column: bool | str,
    kwargs: dict[str, Any],
) -> Any:
    for name, message in _REFUSED.items():
        if kwargs.get(name):
            raise ValueError(message.format(reader=reader))
        kwargs.pop(name, None)
    if "index" in kwargs:
        raise ValueError("Keyword 'index' not supported; use 'index_col', or set_index afterwards")
    if kwargs.get("skipfooter"):
        kwargs.setdefault("engine", "python")
    _check_names(kwargs.get("names"))
    size = _block_bytes(blocksize)
    files = resolve(urlpath, storage_options)
    files = [file for file in files if file.size != 0] or files[:1]  # an empty file has neither columns nor rows
    packed = _compression_of(compression, files)
    if packed is not None and size is not None:
        if blocksize != "default":
            warnings.warn(
                f"Warning {packed} compression does not support breaking apart files. Each file is one partition; "
                "use the keyword ``blocksize=None`` to remove this message.",
                stacklevel=4,
            )
        size = None
    if lineterminator not in (None, "\r\n"):  # what ends lines by default includes that
        kwargs["lineterminator"] = lineterminator
    path_column = "path" if include_path_column is True else include_path_column
    sample = parse_bytes(sample) if isinstance(sample, str) else sample
    if sample is False or sample is None:
        sample = 256000
    index_col = kwargs.pop("index_col", None)
    if index_col is False:
        kwargs["index_col"] = False
    elif index_col is not None and kwargs.get("parse_dates") is True:
        kwargs["parse_dates"] = list(index_col) if isinstance(index_col, list | tuple) else [index_col]
    levels: list[Any] = []
    if index_col is not None and index_col is not False:
        levels = list(index_col) if isinstance(index_col, list | tuple) else [index_col]
    frame = None
    if reader != "read_fwf" and kwargs.get("engine") != "pyarrow":  # which reads some words otherwise, dates for one
        options = dict(kwargs)
        archived = packed == "infer" and any(compression_of(file.path) in ("zip", "tar") for file in files)
        options["compression"] = "zip" if archived else packed  # the core refuses that, so that pandas reads them
        if path_column:
            options["include_path_column"] = path_column
        if assume_missing:
            options["assume_missing"] = True
        if options.get("dtype") is not None:
            options["dtype"] = _parsed_dtypes(options["dtype"])
        try:
            args = (reader, files, size, packed, path_column or None, assume_missing, levels)
            fallback = _Settled(*args, dict(kwargs))
            node = _core.scan_csv(
                [file.for_core() for file in files], options, blocksize=size, sample=int(sample), fallback=fallback
            )
            frame = new_collection(node)
        except _core.NotNative:
            frame = None
        if frame is not None and path_column and list(frame.columns).count(path_column) > 1:
            raise ValueError(
                f"Files already contain the column name: {path_column}, so the path column cannot use this name. "
                "Please set `include_path_column` to a unique name."
            )
    converters = dict(kwargs.get("converters") or {})
    of_path = converters.pop(path_column, None) if path_column else None
    if of_path is not None:
        kwargs["converters"] = converters or None
    if frame is None:
        frame = read_by_pandas(reader, files, size, packed, path_column or None, assume_missing, levels, kwargs)
    if levels:
        frame = _with_index(frame, levels)
    if of_path is not None:
        renamed = {file.path: of_path(file.path) for file in files}
        frame = frame.assign(**{path_column: frame[path_column].cat.rename_categories(renamed)})
    if config.get("dataframe.convert-string", None) is True:
        frame = _with_arrow_strings(frame)
    return frame


def _check_names(names: Any) -> None:
    if names is None:
        return
    if not pd.api.types.is_list_like(names) or isinstance(names, set | frozenset):
        raise ValueError("Names should be an ordered collection.")
    if len(names) != len(set(names)):
        raise ValueError("Duplicate names are not allowed.")


class _Settled:
    """Makes a reader of the same partitions by pandas, for content that turns out to need it."""

    __slots__ = ("args",)

    def __init__(self, *args: Any) -> None:
        self.args = args

    def __call__(self) -> Any:
        return block_reader(*self.args, all_blocks=True).settled(1)


def _parsed_dtypes(dtype: Any) -> Any:
    """Give dtypes as objects, where they were given as names."""
    if isinstance(dtype, dict):
        return {label: pd.api.types.pandas_dtype(kind) for label, kind in dtype.items()}
    return pd.api.types.pandas_dtype(dtype)


def _with_arrow_strings(frame: Any) -> Any:
    """Give text columns the dtype that Dask gives them."""
    texts = {
        label: pd.StringDtype("pyarrow")
        for label, kind in frame.dtypes.items()
        if isinstance(kind, pd.StringDtype) and kind != pd.StringDtype("pyarrow")
    }
    return frame.astype(texts) if texts else frame


def _with_index(frame: Any, wanted: list[Any]) -> Any:
    columns = frame.columns
    levels = []
    for item in wanted:
        if item in columns and not (isinstance(item, int) and not isinstance(item, bool)):
            levels.append(list(columns).index(item))
        elif isinstance(item, int) and not isinstance(item, bool):
            if not -len(columns) <= item < len(columns):
                raise IndexError("list index out of range")
            levels.append(item % len(columns))
        else:
            raise ValueError(f"Index {item} invalid")
    node = _core.scan_with_index(frame._node, levels)
    if not frame._loose:
        return new_collection(node)
    meta = frame._meta.set_index([columns[level] for level in levels])
    return new_collection(node, meta=meta, loose=True)
