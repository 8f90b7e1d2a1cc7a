"""How partitions are joined and cut."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from dusk.bag import chunk
from dusk.bag._parts import total_mem_usage

__all__ = ["by_number", "by_size"]

Groups = list[tuple[Callable[[list[Any]], Any], list[int]]]


def by_number(now: int, wanted: int) -> Groups | None:
    """Return of which partitions each new one is made, and how; None if nothing is to do."""
    if wanted < 1 or wanted != int(wanted):
        raise ValueError(f"npartitions must be a positive whole number, got {wanted!r}")
    if wanted == now:
        return None
    if wanted < now:
        bounds = [int(now * i / wanted) for i in range(wanted)] + [now]
        return [(chunk.chain_parts, list(range(low, high))) for low, high in zip(bounds[:-1], bounds[1:], strict=True)]
    pieces = [wanted // now] * now
    pieces[-1] += wanted % now
    return _cut(pieces)


def by_size(bag: Any, size: int) -> Groups | None:
    """Return how to come to partitions of at most about ``size`` bytes; the partitions are measured now."""
    from dusk.bag._map import map_partitions

    if size < 1:
        raise ValueError(f"partition_size must be positive, got {size}")
    sizes = map_partitions(total_mem_usage, bag).compute()
    pieces = [max(1, math.ceil(each / size)) for each in sizes]
    groups: Groups = []
    pending: list[int] = []
    filled = 0.0
    for position, (each, number) in enumerate(zip(sizes, pieces, strict=True)):
        if pending and (number > 1 or filled + each > size):
            groups.append((chunk.chain_parts, pending))
            pending, filled = [], 0.0
        if number > 1:
            groups.extend((chunk.Piece(i, number), [position]) for i in range(number))
        else:
            pending.append(position)
            filled += each
    if pending:
        groups.append((chunk.chain_parts, pending))
    return groups


def _cut(pieces: list[int]) -> Groups:
    groups: Groups = []
    for position, number in enumerate(pieces):
        groups.extend((chunk.Piece(i, number), [position]) for i in range(number))
    return groups
