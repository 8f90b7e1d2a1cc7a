"""Comparing bags in tests."""

from __future__ import annotations

from typing import Any

__all__ = ["assert_eq"]


def assert_eq(a: Any, b: Any, scheduler: Any = "sync") -> None:
    """Check that two bags, items or objects stand for the same value.

    Parameters
    ----------
    a, b : object
        What is compared; collections are computed, bags compare as lists.
    scheduler : str or callable, default "sync"
        What runs them.
    """
    values = [x.compute(scheduler=scheduler) if hasattr(x, "compute") else x for x in (a, b)]
    left, right = [list(value) if isinstance(value, tuple | range) else value for value in values]
    assert left == right, f"{left!r} is not {right!r}"
