"""The document of a new Zarr array, from the keyword arguments that the package zarr takes.

What the engine has no words for goes to the package itself, which then makes the document; the chunks are written by
the engine all the same, as long as it knows the codecs.
"""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

import numpy as np

from dusk import _core

__all__ = ["Document", "make_document"]

_KNOWN = {
    "attributes",
    "chunk_key_encoding",
    "chunks",
    "compressor",
    "compressors",
    "config",
    "dimension_names",
    "dimension_separator",
    "dtype",
    "fill_value",
    "filters",
    "order",
    "overwrite",
    "serializer",
    "shape",
    "shards",
    "storage_options",
    "zarr_format",
    "zarr_version",
}


class Document(NamedTuple):
    """What is stored about an array beside its chunks."""

    text: str
    zarr_format: int
    attributes: str | None


class _Unclear(Exception):
    """Only the package zarr knows what this means."""


def make_document(options: dict[str, Any]) -> Document:
    """Return the document of the array that ``zarr.create_array`` would make.

    Parameters
    ----------
    options : dict
        Its keyword arguments, without ``store``, ``name`` and ``overwrite``.
    """
    try:
        return _native(options)
    except _Unclear as error:
        try:
            import zarr
        except ImportError:
            unknown = set(options) - _KNOWN
            if unknown:
                raise TypeError(f"to_zarr() got an unexpected keyword argument {sorted(unknown)[0]!r}") from None
            raise ImportError(f"the package zarr is needed for {error}: pip install zarr") from None
        return _by_library(zarr, options)


def _native(options: dict[str, Any]) -> Document:
    unknown = set(options) - _KNOWN
    if unknown:
        raise _Unclear(f"the argument {sorted(unknown)[0]!r}")
    version = options.get("zarr_format") or options.get("zarr_version") or 3
    if version not in (2, 3):
        raise ValueError(f"Invalid zarr_format: {version!r}. Expected one of 2 or 3.")
    dtype = np.dtype(options["dtype"])
    if dtype.kind not in "biufcmMSU" or dtype.itemsize == 0:
        raise _Unclear(f"dtype {dtype}")
    shape = _lengths(options["shape"], None)
    chunks = options["chunks"]
    if isinstance(chunks, str):
        raise _Unclear(f"chunks={chunks!r}")
    chunks = _lengths(chunks, len(shape))
    shards = options.get("shards")
    if shards is not None:
        if isinstance(shards, (str, dict)):
            raise _Unclear(f"shards={shards!r}")
        shards = _lengths(shards, len(shape))
    if len(chunks) != len(shape) or (shards is not None and len(shards) != len(shape)):
        raise ValueError("`chunk_shape` and `shape` need to have the same number of dimensions.")
    attributes = options.get("attributes")
    names = options.get("dimension_names")
    text = _core.zarr_document(
        shape,
        dtype.newbyteorder("="),
        chunks,
        zarr_format=version,
        shards=shards,
        fill=_fill(options, dtype),
        codecs=_codecs(options, version, dtype.itemsize),
        fortran=version == 2 and options.get("order") == "F",
        separator=_separator(options, version),
        attributes=json.dumps(dict(attributes or {})) if version == 3 else None,
        dimension_names=None if names is None else [None if name is None else str(name) for name in names],
    )
    return Document(text, version, json.dumps(dict(attributes or {}), indent=4) if version == 2 else None)


def _lengths(value: Any, ndim: int | None) -> list[int]:
    if isinstance(value, (int, np.integer)):
        value = (value,) * (1 if ndim is None else ndim)
    return [int(length) for length in value]


def _fill(options: dict[str, Any], dtype: np.dtype[Any]) -> bytes | None:
    if "fill_value" not in options:
        return None
    value = options["fill_value"]
    if value is None:
        raise _Unclear("fill_value=None")
    if isinstance(value, str) and dtype.kind not in "SU":
        raise _Unclear(f"fill_value={value!r}")
    native = dtype.newbyteorder("=")
    result = np.asarray(value).astype(native)
    if result.shape != ():
        raise ValueError(f"fill_value must be a scalar, not {value!r}")
    same = result == np.asarray(value) or (dtype.kind in "fc" and not math.isfinite(abs(complex(value))))
    if dtype.kind in "biu" and not same:
        raise ValueError(f"fill_value {value!r} isn't one of dtype {dtype}")
    return result.tobytes()


def _plain(codec: Any) -> dict[str, Any]:
    if isinstance(codec, dict):
        return codec
    if hasattr(codec, "to_dict"):
        plain = codec.to_dict()
        for key in getattr(codec, "_tunable_attrs", ()):
            plain["configuration"].pop(key, None)
        return plain
    if hasattr(codec, "get_config"):
        return codec.get_config()
    raise _Unclear(f"the codec {codec!r}")


def _several(value: Any) -> list[dict[str, Any]]:
    if value is None:
        return []
    if isinstance(value, dict) or not isinstance(value, (list, tuple)):
        value = [value]
    return [_plain(codec) for codec in value]


def _complete(codec: dict[str, Any], itemsize: int) -> dict[str, Any]:
    """Return a codec with what Blosc works out from the size of an element, where nobody said it."""
    if codec.get("name") != "blosc":
        return codec
    given = codec.get("configuration") or {}
    usual = {
        "typesize": itemsize,
        "cname": "zstd",
        "clevel": 5,
        "shuffle": "bitshuffle" if itemsize == 1 else "shuffle",
        "blocksize": 0,
    }
    return {"name": "blosc", "configuration": {**usual, **given}}


def _codecs(options: dict[str, Any], version: int, itemsize: int) -> str | None:
    """Return the codecs as JSON; None for those that are usual."""
    given = [options[key] for key in ("compressor", "compressors", "filters", "serializer") if key in options]
    if all(isinstance(each, str) and each == "auto" for each in given):
        return None
    compressor = options.get("compressors", options.get("compressor", "auto"))
    filters = options.get("filters", "auto")
    serializer = options.get("serializer", "auto")
    if isinstance(serializer, str):
        serializer = None
    if isinstance(compressor, str) and compressor == "auto":
        zstd = {"level": 0, "checksum": False}
        compressor = {"id": "zstd", "level": 0} if version == 2 else {"name": "zstd", "configuration": zstd}
    filters = [] if isinstance(filters, str) else _several(filters)
    compressors = _several(compressor)
    if version == 2:
        if serializer is not None or len(compressors) > 1 or any("id" not in each for each in filters + compressors):
            raise _Unclear("these codecs in Zarr version 2")
        return json.dumps([*filters, *(compressors or ([None] if filters else []))])
    middle = [] if serializer is None else [_plain(serializer)]
    codecs = [_complete(codec, itemsize) for codec in [*filters, *middle, *compressors]]
    if any("name" not in each for each in codecs):
        raise _Unclear("these codecs in Zarr version 3")
    try:
        return json.dumps(codecs)
    except TypeError:
        raise _Unclear("these codecs") from None


def _separator(options: dict[str, Any], version: int) -> str | None:
    encoding = options.get("chunk_key_encoding")
    if encoding is None:
        return options.get("dimension_separator")
    if hasattr(encoding, "to_dict"):
        encoding = encoding.to_dict()
    if not isinstance(encoding, dict):
        raise _Unclear(f"chunk_key_encoding={encoding!r}")
    if encoding.get("name") != ("default" if version == 3 else "v2"):
        raise _Unclear("these chunk keys")
    return encoding.get("separator") or encoding.get("configuration", {}).get("separator")


def _by_library(zarr: Any, options: dict[str, Any]) -> Document:
    """Let the package zarr make the array in a store of its own, and take the document out of it."""
    held: dict[str, Any] = {}
    options = {key: value for key, value in options.items() if key != "storage_options"}
    if "zarr_version" in options:
        options["zarr_format"] = options.pop("zarr_version")
    zarr.create_array(store=held, **options)
    texts = {key: value.to_bytes().decode() for key, value in held.items()}
    if "zarr.json" in texts:
        return Document(texts["zarr.json"], 3, None)
    return Document(texts[".zarray"], 2, texts.get(".zattrs"))
