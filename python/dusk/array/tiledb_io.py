"""Arrays from and to TileDB, by the package `tiledb`, which is imported when one of the functions is called."""

from __future__ import annotations

from typing import Any

from dusk.array._array import Array
from dusk.array._from_array import from_array

__all__ = ["from_tiledb", "to_tiledb"]


def _tiledb() -> Any:
    try:
        import tiledb
    except ImportError as error:
        raise ImportError("reading and writing TileDB arrays needs the package tiledb: pip install tiledb") from error
    return tiledb


def from_tiledb(
    uri: Any,
    attribute: str | None = None,
    chunks: Any = None,
    storage_options: dict[str, Any] | None = None,
    **kwargs: Any,
) -> Array:
    """Make an array of one in TileDB.

    Parameters
    ----------
    uri : str or tiledb.Array
        Where it is, or the array itself, open for reading.
    attribute : str, optional
        Which attribute, if there are several.
    chunks : int, tuple or str, optional
        By default the tiles.
    storage_options : dict, optional
        TileDB's configuration, and ``key`` for an encrypted array.
    **kwargs
        Accepted for compatibility.

    Returns
    -------
    Array
    """
    tiledb = _tiledb()
    options = dict(storage_options or {})
    key = options.pop("key", None)
    source = uri if isinstance(uri, tiledb.Array) else tiledb.open(uri, attr=attribute, config=options, key=key)
    schema = source.schema
    if schema.sparse:
        raise ValueError("Sparse TileDB arrays are not supported")
    if not attribute and schema.nattr > 1:
        raise TypeError("keyword 'attribute' must be provided when loading a multi-attribute TileDB array")
    if source.iswritable:
        raise ValueError("TileDB array must be open for reading")
    chunks = chunks or [schema.domain.dim(i).tile for i in range(schema.ndim)]
    if isinstance(chunks, (list, tuple)) and len(chunks) != schema.ndim:
        raise ValueError(f"chunks has {len(chunks)} members for an array of {schema.ndim} axes")
    return from_array(source, chunks, name=f"tiledb-{uri}")


def to_tiledb(
    darray: Array,
    uri: Any,
    compute: bool = True,
    return_stored: bool = False,
    storage_options: dict[str, Any] | None = None,
    key: str | None = None,
    **kwargs: Any,
) -> Any:
    """Write an array to TileDB.

    Parameters
    ----------
    darray : Array
        Its chunks must be regular: all of one length along an axis, but for a shorter last one.
    uri : str or tiledb.Array
        Where to make the array, or one that is open for writing.
    compute, return_stored : bool
        As for `dusk.array.store`.
    storage_options : dict, optional
        TileDB's configuration, and ``key`` for an encrypted array.
    key : str, optional
        The encryption key.
    **kwargs
        For ``tiledb.empty_like``.
    """
    tiledb = _tiledb()
    options = dict(storage_options or {})
    key = key or options.pop("key", None)
    if any(len(set(lengths[:-1])) > 1 or lengths[-1] > lengths[0] for lengths in darray.chunks):
        raise ValueError(
            "Attempt to save array to TileDB with irregular chunking, please call `arr.rechunk(...)` first."
        )
    if isinstance(uri, str):
        tiles = [lengths[0] for lengths in darray.chunks]
        target = tiledb.empty_like(uri, darray, tile=tiles, config=options, key=key, **kwargs)
    elif isinstance(uri, tiledb.Array):
        target = uri
        if darray.dtype != target.dtype or darray.ndim != target.ndim:
            raise ValueError("Target TileDB array layout is not compatible with source array")
    else:
        raise ValueError(
            "'uri' must be string pointing to supported TileDB store location or an open, writable TileDB array."
        )
    if not (target.isopen and target.iswritable):
        raise ValueError("Target TileDB array is not open and writable.")
    return darray.store(target, lock=False, compute=compute, return_stored=return_stored)
