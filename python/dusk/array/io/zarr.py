"""Zarr arrays: `from_zarr` and `to_zarr`.

Arrays are read and written by the engine. Those of elements or codecs that it doesn't have (records, text of any
length, objects, codecs of other packages) are read and written chunk by chunk by the package zarr, which is needed for
these only.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from dusk import _core
from dusk.array._array import Array, array_of
from dusk.array._chunks import PerformanceWarning, axis_spec, is_known, normalize_chunks
from dusk.array._from_array import from_array
from dusk.array._lengths import sized
from dusk.array.io._zarr_create import make_document
from dusk.array.io._zarr_store import locate
from dusk.array.io._zarr_write import LibraryTarget, NativeTarget, after, write_plan
from dusk.tokenize import tokenize

__all__ = ["from_zarr", "to_zarr"]


def from_zarr(
    url: Any,
    component: str | None = None,
    storage_options: dict[str, Any] | None = None,
    chunks: Any = None,
    name: str | None = None,
    inline_array: bool = False,
    **kwargs: Any,
) -> Array:
    """Read a Zarr array.

    Parameters
    ----------
    url : str, PathLike, MutableMapping or zarr.Array
        A folder, a URL that fsspec knows, a mapping from keys to bytes, or a store, group or array of the package zarr.
    component : str, optional
        The path of the array, if the location is that of a group.
    storage_options : dict, optional
        For fsspec.
    chunks : int, tuple or str, optional
        Chunks of the result; by default those of the Zarr array.
    name : str, optional
        A name for the array; by default a hash of the place and of what the array's metadata says.
    inline_array : bool, default False
        Accepted for compatibility.
    **kwargs
        For ``zarr.open_array``, where the package zarr has to read.

    Returns
    -------
    Array

    See Also
    --------
    from_array : Makes an array of anything that can be sliced.

    Examples
    --------
    >>> import tempfile
    >>> import dusk.array as da
    >>> folder = tempfile.mkdtemp()
    >>> da.from_array(np.arange(6), chunks=4).to_zarr(folder)
    >>> da.from_zarr(folder).compute()
    array([0, 1, 2, 3, 4, 5])
    """
    store, node = locate(url, component, storage_options)
    if not set(kwargs) - {"mode", "read_only"}:
        try:
            found = _core.ZarrArray(store, node)
            if found.dtype.kind == "V":
                raise _core.NotNative("records")
        except _core.NotNative as error:
            reason = str(error)
        else:
            return _native_array(found, chunks, name)
    else:
        reason = f"the arguments {sorted(kwargs)}"
    z = _open_by_library(url, component, storage_options, kwargs, reason)
    if chunks is None:
        chunks = z.chunks
    if name is None:
        name = "from-zarr-" + tokenize(str(z.store_path), z.metadata.to_dict(), component, chunks, kwargs)
    return from_array(z, chunks, name=name, inline_array=inline_array)


def _native_array(found: Any, chunks: Any, name: str | None) -> Array:
    previous = found.shards or found.chunks
    if chunks is None:
        chunks = found.chunks
    chunks = normalize_chunks(chunks, found.shape, dtype=found.dtype, previous_chunks=previous)
    node = found.node([axis_spec(axis) for axis in chunks], prefix="from-zarr", token=name)
    return array_of(node, name=name)


def _zarr(reason: str) -> Any:
    try:
        import zarr
    except ImportError:
        raise ImportError(f"the package zarr is needed for {reason}: pip install zarr") from None
    return zarr


def _open_by_library(
    url: Any, component: str | None, storage_options: dict[str, Any] | None, kwargs: dict[str, Any], reason: str
) -> Any:
    zarr = _zarr(reason)
    if isinstance(url, zarr.Array):
        return url
    if isinstance(url, zarr.Group):
        return url[component]
    kwargs = dict(kwargs)
    kwargs.setdefault("mode", "r")
    if kwargs.pop("read_only", False):
        kwargs["mode"] = "r"
    return zarr.open_array(store=url, path=component, storage_options=storage_options or None, **kwargs)


def to_zarr(
    arr: Array,
    url: Any,
    component: str | None = None,
    storage_options: dict[str, Any] | None = None,
    region: Any = None,
    compute: bool = True,
    return_stored: bool = False,
    mode: str = "a",
    **zarr_array_kwargs: Any,
) -> Any:
    """Write an array to a Zarr array.

    Whatever the chunks of the array and of the store are, each chunk (or shard) of the store is written by one task, as
    a whole. A new array is there for readers when all its chunks are written: what an interrupted write leaves is none.

    Parameters
    ----------
    arr : Array
    url : str, PathLike, MutableMapping or zarr.Array
        A folder, a URL that fsspec knows, a mapping from keys to bytes, or a store or group of the package zarr, where
        a new array is made; or an array of that package, into which the values go.
    component : str, optional
        The path of the array, if the location is that of a group.
    storage_options : dict, optional
        For fsspec.
    region : tuple of slices, optional
        Which part of an existing ``zarr.Array`` to write.
    compute : bool, default True
        Write now; otherwise the result writes when it is computed.
    return_stored : bool, default False
        Return an array of what is stored.
    mode : {"a", "w", "w-", "r+"}, default "a"
        "w" replaces what is there.
    **zarr_array_kwargs
        For the new array, as ``zarr.create_array`` takes them: ``chunks``, ``shards``, ``dtype``, ``fill_value``,
        ``compressors`` (or ``compressor``), ``filters``, ``zarr_format``, ``attributes``, ``dimension_names``,
        ``chunk_key_encoding`` (or ``dimension_separator``), ``order``, ``overwrite``, ...

    Returns
    -------
    None, or Array
        An array if ``return_stored``, or if nothing is computed yet.

    Raises
    ------
    ValueError
        For ``region`` without an existing ``zarr.Array``; for mode "r"; if there is an
        array already and it isn't to be replaced.

    Examples
    --------
    >>> import tempfile
    >>> import dusk.array as da
    >>> folder = tempfile.mkdtemp()
    >>> da.from_array(np.arange(6.0), chunks=2).to_zarr(folder, chunks=(3,), compressors=None)
    """
    if not is_known(arr.shape):
        arr = sized(arr)
        arr = arr.rechunk(tuple(max(1, length) for length in arr.chunksize))
    options = dict(zarr_array_kwargs)
    if component is not None and "name" in options:
        raise ValueError("Cannot specify both 'component' and 'name' in zarr_array_kwargs. Please use 'name' only")
    opening = {key: options.pop(key) for key in ("mode", "readonly") if key in options}
    if opening:
        warnings.warn(
            "Passing arguments about opening the store, such as 'readonly', via **kwargs is deprecated; use `mode`.",
            FutureWarning,
            stacklevel=2,
        )
        mode = opening.get("mode") or mode
    if _is_zarr_array(url):
        return _write(_existing(url), arr, _offset(region, url, arr), compute, return_stored)
    if region is not None:
        raise ValueError("Cannot use `region` keyword when url is not a `zarr.Array`.")
    if mode == "r":
        raise ValueError("Cannot use mode `r` (read-only) when writing to zarr.")
    if not all(_is_regular(axis) for axis in arr.chunks) and "chunks" not in options:
        warnings.warn(
            "The array uses irregular chunk sizes. The chunks of the Zarr array get the size of the largest ones; pass "
            "`chunks=` or rechunk the array to choose others.",
            UserWarning,
            stacklevel=2,
        )
    options.setdefault("shape", arr.shape)
    # Zarr has no chunks of length 0.
    options.setdefault("chunks", tuple(max(1, *axis) for axis in arr.chunks))
    options.setdefault("dtype", arr.dtype)
    component = component or options.pop("name", None)
    overwrite = bool(options.pop("overwrite", False)) or mode == "w"
    store, node = locate(url, component, storage_options)
    target, dtype = _create(url, component, storage_options, store, node, options, overwrite, arr)
    if arr.dtype != dtype:
        arr = arr.astype(dtype)
    return _write(target, arr, [0] * arr.ndim, compute, return_stored)


def _is_zarr_array(url: Any) -> bool:
    return type(url).__module__.split(".")[0] == "zarr" and type(url).__name__ == "Array"


def _is_regular(axis: Sequence[int]) -> bool:
    return all(n == axis[0] for n in axis[:-1]) and axis[-1] <= axis[0]


def _create(
    url: Any,
    component: str | None,
    storage_options: dict[str, Any] | None,
    store: Any,
    node: str,
    options: dict[str, Any],
    overwrite: bool,
    arr: Array,
) -> tuple[Any, np.dtype[Any]]:
    dtype = np.dtype(options["dtype"])
    try:
        if dtype.hasobject or dtype.kind not in "biufcmMSU":
            raise _core.NotNative(f"a Zarr array of dtype {dtype}")
        document = make_document(options)
        if overwrite:
            _refuse_own_source(arr, store, node)
        writer = _core.ZarrWriter.create(
            store,
            node,
            document.text,
            zarr_format=document.zarr_format,
            attributes=document.attributes,
            overwrite=overwrite,
        )
    except _core.NotNative as error:
        zarr = _zarr(str(error))
    else:
        return NativeTarget(writer, (store, node, document)), writer.array.dtype
    if isinstance(url, zarr.Group):
        url, component = url.store_path.store, node
    z = zarr.create_array(
        store=url, name=component, storage_options=storage_options or None, overwrite=overwrite, **options
    )
    return LibraryTarget(z), z.dtype


def _refuse_own_source(arr: Array, store: Any, node: str) -> None:
    try:
        place = _core.ZarrArray(store, node).place
    except (OSError, ValueError, _core.NotNative):
        return
    if _core.zarr_reads(arr._node, place):
        raise ValueError(f"the array is read from {place}, which can't be replaced by its own values: write elsewhere")


def _existing(z: Any) -> Any:
    if z.read_only:
        raise ValueError(f"{z} is read-only")
    store, node = locate(z, None, None)
    try:
        found = _core.ZarrArray(store, node)
        if found.dtype.kind == "V":
            return LibraryTarget(z)
    except _core.NotNative:
        return LibraryTarget(z)
    return NativeTarget(_core.ZarrWriter.open(found), (store, node))


def _offset(region: Any, z: Any, arr: Array) -> list[int]:
    """Return where a region begins; it must have the shape of the array, and no steps."""
    if arr.ndim != len(z.shape):
        raise ValueError(f"an array of {arr.ndim} dimensions can't be written to a Zarr array of {len(z.shape)}")
    if region is None:
        region = (slice(None),) * arr.ndim
    if isinstance(region, slice):
        region = (region,)
    region = tuple(region) + (slice(None),) * (len(z.shape) - len(region))
    start = []
    whole = getattr(z, "shards", None) or z.chunks
    for axis, (part, length, size, object_) in enumerate(zip(region, z.shape, arr.shape, whole, strict=True)):
        if not isinstance(part, slice):
            raise ValueError(f"region must be made of slices, not {part!r}")
        begin, end, step = part.indices(length)
        if step != 1 or max(0, end - begin) != size:
            raise ValueError(f"region {part} of axis {axis} has another length than the array, or a step: {size}")
        if begin % object_ or (end % object_ and end != length):
            warnings.warn(
                f"The input Dask array will be rechunked along axis {axis} to whole chunks of the Zarr array, of "
                f"length {object_}; those that the region cuts are read and written again.",
                PerformanceWarning,
                stacklevel=4,
            )
        start.append(begin)
    return start


def _write(target: Any, arr: Array, start: list[int], compute: bool, return_stored: bool) -> Any:
    dtype = target.array.dtype if isinstance(target, LibraryTarget) else target.writer.array.dtype
    if arr.dtype != dtype:
        arr = arr.astype(dtype)
    finish, written = write_plan(arr, target, start, return_stored)
    if not compute:
        return written
    from dusk.delayed import Delayed

    Delayed(finish).compute()
    if not return_stored:
        return None
    return after(arr, target, start, [], arr.chunks, finish.token, load=True)
