"""The arguments of calls on partitions: which are bags, which are values that all partitions get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dusk._collection import is_dusk_collection
from dusk.bag._calls import Placed
from dusk.bag._plan import FromNodes, Step

__all__ = ["arguments_of", "values_step"]


def values_step(x: Any) -> Step | None:
    """Return the step of one value for an item, a delayed value or another collection; None for anything else."""
    from dusk.bag._item import Item

    if isinstance(x, Item):
        return x._step
    if not is_dusk_collection(x):
        return None
    from dusk.delayed import Delayed, delayed

    value = x if isinstance(x, Delayed) else delayed(x)
    return FromNodes(str(value.key), [value._node])


def arguments_of(
    args: Sequence[Any], kwargs: dict[str, Any], *, elementwise: bool
) -> tuple[Placed, list[Step], tuple[int, ...]]:
    """Take the collections out of arguments.

    Parameters
    ----------
    args, kwargs : sequence, dict
        The arguments.
    elementwise : bool
        Whether bags stand for their elements rather than for their partitions.

    Returns
    -------
    placed : Placed
        The arguments with the places of the collections.
    steps : list of Step
        What comes in these places.
    single : tuple of int
        Which of them are one value for all partitions.

    Raises
    ------
    ValueError
        If the bags have different numbers of partitions.
    """
    from dusk.bag.core import Bag

    steps: list[Step] = []
    single: list[int] = []
    counts: set[int] = set()

    def place(x: Any) -> tuple[str, Any]:
        if isinstance(x, Bag):
            counts.add(x.npartitions)
            steps.append(x._step)
            return ("bag" if elementwise else "value", len(steps) - 1)
        step = _value_or_container(x)
        if step is None:
            return ("constant", x)
        single.append(len(steps))
        steps.append(step)
        return ("value", len(steps) - 1)

    placed = Placed([place(x) for x in args], {name: place(x) for name, x in kwargs.items()})
    if len(counts) > 1:
        raise ValueError("All bags must have the same number of partitions.")
    return placed, steps, tuple(single)


def _value_or_container(x: Any) -> Step | None:
    """Return the step of a value, also of a list or a dictionary with delayed values in it."""
    if type(x) in (list, tuple, dict, set):
        from dusk._collection import unpack_collections
        from dusk.delayed import delayed

        found, _ = unpack_collections(x)
        return values_step(delayed(x)) if found else None
    return values_step(x)
