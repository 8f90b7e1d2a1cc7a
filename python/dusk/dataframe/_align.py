"""Bringing the rows of collections together, so that partition ``i`` of each meets partition ``i`` of the others.

Rows belong together by their index value, as in pandas. Collections that were made partition by partition from the same
ones (same *cut*) lie together already; known divisions say where values lie and are made equal by cutting anew. Where
divisions are unknown, equal numbers of partitions are taken to lie together, and each call checks that they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from dusk.dataframe._new import new_collection

__all__ = ["Together", "bring_together", "cut_at", "is_frame_like", "union_of_divisions"]


class Together(NamedTuple):
    """Collections whose partitions lie together."""

    nodes: list[Any]
    npartitions: int
    divisions: tuple[Any, ...] | None
    cut: str | None
    #: Inputs whose indexes each call must find equal.
    checked: tuple[int, ...]
    #: Some rows may be in one collection and not in the other.
    differs: bool


def is_frame_like(x: Any) -> bool:
    """Whether a collection has rows with an index: a DataFrame, Series or Index."""
    return getattr(x, "_has_rows", False)


def bring_together(inputs: Sequence[Any], *, broadcast: bool, aligned: bool = True) -> Together:
    """Cut collections so that their partitions lie together.

    Parameters
    ----------
    inputs : sequence of collections
        Scalars and delayed values go to every call.
    broadcast : bool
        So do frames of one partition, unless all have one.
    aligned : bool
        Rows are brought together by index. Otherwise partition ``i`` meets partition ``i``, whatever it holds.

    Raises
    ------
    ValueError
        When nothing says how rows lie together.
    """
    nodes = [x._node for x in inputs]
    rows = [i for i, x in enumerate(inputs) if is_frame_like(x)]
    wide = [i for i in rows if not (broadcast and inputs[i].npartitions == 1)] or rows[:1]
    if not wide:
        npartitions = max((getattr(x, "npartitions", 1) for x in inputs), default=1)
        return Together(nodes, npartitions, None, None, (), False)
    first = inputs[wide[0]]
    others = [inputs[i] for i in wide[1:]]
    divisions = first._bounds
    if not aligned:
        if any(x.npartitions != first.npartitions for x in others):
            counts = ", ".join(str(inputs[i].npartitions) for i in wide)
            raise ValueError(f"map_partitions takes collections of the same number of partitions, not {counts}")
        return Together(nodes, first.npartitions, divisions, first._cut, (), False)
    if all(x._cut == first._cut for x in others):
        differs = not all(first._node.same_rows(x._node) for x in others)
        for x in others:
            divisions = divisions if divisions is not None else x._bounds
        return Together(nodes, first.npartitions, divisions, first._cut, (), differs)
    if all(x.known_divisions for x in (first, *others)):
        divisions = first.divisions
        if all(x.divisions == divisions for x in others):
            return Together(nodes, first.npartitions, divisions, None, (), True)
        union = union_of_divisions([first, *others])
        for i in wide:
            nodes[i] = cut_at(inputs[i], union, force=True)._node
        return Together(nodes, len(union) - 1, union, None, (), True)
    if any(x.npartitions != first.npartitions for x in others):
        raise ValueError(
            "Not all divisions are known, can't align partitions. "
            "Use `set_index` to sort by the index and so to know where its values lie."
        )
    checked = tuple(wide) if first.npartitions > 1 else ()
    return Together(nodes, first.npartitions, None, None, checked, True)


def union_of_divisions(collections: Sequence[Any]) -> tuple[Any, ...]:
    """Give all known divisions of several collections, sorted, each once."""
    values: list[Any] = []
    for collection in collections:
        values.extend(collection.divisions)
    union = sorted(dict.fromkeys(values))
    if len(union) == 1:
        union *= 2
    return tuple(union)


class _Between:
    """Takes the rows of a partition whose index values lie between two divisions."""

    __slots__ = ("divisions",)

    def __init__(self, divisions: tuple[Any, ...]) -> None:
        self.divisions = divisions

    def __call__(self, part: Any, number: pd.Series) -> Any:
        position = int(number.iloc[0])
        low, high = self.divisions[position], self.divisions[position + 1]
        last = position == len(self.divisions) - 2
        index = part if isinstance(part, pd.Index) else part.index
        if index.is_monotonic_increasing:
            start = index.searchsorted(low, side="left")
            end = index.searchsorted(high, side="right" if last else "left")
            return part[start:end] if isinstance(part, pd.Index) else part.iloc[start:end]
        mask = np.asarray(index >= low) & np.asarray(index <= high if last else index < high)
        return part[mask]

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-between", self.divisions)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Between, (self.divisions,))


def cut_at(collection: Any, divisions: Sequence[Any], *, force: bool = False) -> Any:
    """Cut a collection with known divisions at other ones.

    Parameters
    ----------
    collection : DataFrame, Series or Index
        What is cut.
    divisions : sequence
        Where its partitions are to begin; the last value ends the last one.
    force : bool
        The new divisions may reach beyond the old ones.
    """
    from dusk.dataframe._fallback import call_node, loosen, merged_node, numbers, written_out

    old = collection.divisions
    new = tuple(divisions)
    if not collection.known_divisions:
        raise ValueError("Cannot repartition on divisions with unknown divisions")
    if len(new) < 2 or any(b < a for a, b in zip(new, new[1:])) or len(set(new[:-1])) != len(new) - 1:
        raise ValueError("New division must be sorted and unique, except for the last one")
    if not force:
        if new[0] != old[0]:
            raise ValueError(f"left side of old and new divisions are different: {old[0]!r} and {new[0]!r}")
        if new[-1] != old[-1]:
            raise ValueError(f"right side of old and new divisions are different: {old[-1]!r} and {new[-1]!r}")
    elif new[0] > old[0] or new[-1] < old[-1]:
        raise ValueError(f"new divisions must cover the old ones: {old[0]!r} to {old[-1]!r}")
    if new == old:
        return collection
    ends = {value: position for position, value in enumerate(old)}
    bounds = [ends.get(value, -1) for value in new]
    at_ends = bounds[0] == 0 and bounds[-1] == len(old) - 1 and len(ends) == len(old)
    if at_ends and all(a < b for a, b in zip(bounds, bounds[1:])):
        merged = merged_node(collection, bounds)
        cut = f"{collection._cut}/{bounds}"
        return new_collection(merged, meta=collection._meta, cut=cut, loose=collection._loose)
    positions: list[int] = []
    bounds = [0]
    for i, (low, high) in enumerate(zip(new, new[1:])):
        overlapping = _overlapping(old, low, high, i == len(new) - 2)
        positions.extend(overlapping)
        bounds.append(len(positions))
    pieces = merged_node(collection, bounds, positions)
    meta = collection._meta
    cut_node = call_node(
        _Between(new),
        [pieces, numbers(len(new) - 1)],
        loosen(meta) if collection._loose else meta,
        mode="partition",
        prefix="repartition",
        divisions=new,
    )
    return new_collection(cut_node, meta=written_out(meta), loose=collection._loose)


def _overlapping(old: Sequence[Any], low: Any, high: Any, last: bool) -> list[int]:
    """Give the partitions that may hold index values from ``low`` up to ``high``; at least one."""
    final = len(old) - 2
    found = [
        j
        for j in range(final + 1)
        if (old[j] <= high if last else old[j] < high) and (old[j + 1] >= low if j == final else old[j + 1] > low)
    ]
    if not found:
        # nothing lies there: an empty slice of the nearest partition
        return [final if low > old[-1] else 0]
    return list(range(found[0], found[-1] + 1))
