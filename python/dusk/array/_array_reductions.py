"""Methods of an array that reduce it or scan along it."""

from __future__ import annotations

__all__ = ["ReductionMethods"]


class ReductionMethods:
    """Reductions and scans."""

    __slots__ = ()
