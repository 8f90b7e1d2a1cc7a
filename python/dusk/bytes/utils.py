"""Compressing bytes by the name of a method."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable

__all__ = ["compress", "zip_compress"]


def zip_compress(data: bytes) -> bytes:
    """Return a zip archive with one file of the given content."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data", data)
    return out.getvalue()


#: Functions that compress bytes; None leaves them as they are.
compress: dict[str | None, Callable[[bytes], bytes]] = {
    None: lambda data: data,
    "bz2": bz2.compress,
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "zip": zip_compress,
}
