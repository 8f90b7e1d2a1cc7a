"""Bytes of files, in blocks."""

from dusk.bytes.core import read_bytes

__all__ = ["read_bytes"]
