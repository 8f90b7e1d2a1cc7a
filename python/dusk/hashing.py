"""Hashes of bytes for `dusk.tokenize`'s users: `hash_buffer` and `hash_buffer_hex`.

Doesn't cover what objects are made of; that is `dusk.tokenize`. The hash isn't for secrets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

__all__ = ["hash_buffer", "hash_buffer_hex", "hashers"]

Hasher = Callable[[Any], bytes]


def _blake2(buf: Any) -> bytes:
    return hashlib.blake2b(buf, digest_size=20).digest()


def _sha1(buf: Any) -> bytes:
    return hashlib.sha1(buf, usedforsecurity=False).digest()


#: Functions from a buffer to its hash, the preferred one first.
hashers: list[Hasher] = [_blake2, _sha1]

try:
    import xxhash
except ImportError:
    pass
else:

    def _xxh3(buf: Any) -> bytes:
        return xxhash.xxh3_128(buf).digest()

    hashers.insert(0, _xxh3)


def _bytes_of(buf: Any) -> memoryview:
    """Return a flat view of a buffer's bytes; one that isn't contiguous is copied."""
    if hasattr(buf, "dtype") and hasattr(buf, "tobytes"):  # NumPy's records and times have no buffer of plain bytes
        return memoryview(buf.tobytes())
    view = memoryview(buf)
    return view.cast("B") if view.contiguous else memoryview(view.tobytes())


def hash_buffer(buf: Any, hasher: Hasher | None = None) -> bytes:
    """Return the hash of a buffer.

    Parameters
    ----------
    buf : bytes-like
        Bytes, a memory view, an array.
    hasher : callable, optional
        A function from a buffer to bytes; the first of `hashers` takes over if it fails with a TypeError or ValueError.

    Returns
    -------
    bytes
        From 8 to 31.

    Examples
    --------
    >>> hash_buffer(b"abc") == hash_buffer(bytearray(b"abc"))
    True
    """
    flat = _bytes_of(buf)
    if hasher is not None:
        try:
            return hasher(flat)
        except (TypeError, ValueError):
            pass
    return hashers[0](flat)


def hash_buffer_hex(buf: Any, hasher: Hasher | None = None) -> str:
    """Return the hash of a buffer as hexadecimal text; see `hash_buffer`."""
    return hash_buffer(buf, hasher).hex()
