"""Docstrings of mirrored methods, in the words of pandas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dusk._derive import derive, derive_class

__all__ = ["derive", "derive_class", "document_like"]


def document_like(function: Callable[..., Any], source: Any, name: str) -> Callable[..., Any]:
    """Give a function the docstring and the signature of ``source.name``; without one there it stays as it is."""
    return derive(source, name)(function)
