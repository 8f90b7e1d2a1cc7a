"""Random elements of bags."""

from __future__ import annotations

import functools
import heapq
import math
import random as rnd
from collections.abc import Iterable, Iterator
from typing import Any

from dusk.bag._plan import Each, Source, Tree, interned
from dusk.bag._reductions import tree_width
from dusk.bag.chunk import random_state_data_python
from dusk.bag.core import Bag
from dusk.tokenize import tokenize

__all__ = ["choices", "sample"]


def choices(population: Bag, k: int = 1, split_every: int | bool | None = None) -> Bag:
    """Choose ``k`` elements at random, each of them from all elements.

    Parameters
    ----------
    population : Bag
    k : int
    split_every : int or False, optional
        How many partitions' choices are merged at once.
    """
    return _choose(population, k, split_every, True)


def sample(population: Bag, k: int, split_every: int | bool | None = None) -> Bag:
    """Choose ``k`` different elements at random.

    Parameters
    ----------
    population : Bag
    k : int
        At most as many as there are elements.
    split_every : int or False, optional
        How many partitions' choices are merged at once.
    """
    return _choose(population, k, split_every, False)


def _choose(population: Bag, k: int, split_every: int | bool | None, again: bool) -> Bag:
    if isinstance(k, bool) or k != int(k) or k < 0:
        raise ValueError(f"Cannot take a number of samples that is no whole number from 0 on: {k!r}")
    n = population.npartitions
    states = random_state_data_python(n, rnd.Random())
    width = tree_width(split_every, n)
    word = "choices" if again else "sample"
    token = tokenize(population, k, width, states)
    numbers = interned(Source(f"positions-{n}", n, _itself))
    part = Each(
        f"{word}-part-{token}", _Draw(k, again, states), [population._step, numbers], lazy_in=True, library=True
    )
    merge = functools.partial(_merge, k, again)
    return Bag._of(Tree(f"{word}-aggregate-{token}", merge, interned(part), width, library=True))


def _itself(position: int) -> int:
    return position


class _Draw:
    """Gives each element, or each place of the result, a random number; those with the largest numbers are chosen.

    That makes it not matter which partitions are merged first.
    """

    __slots__ = ("again", "k", "states")

    def __init__(self, k: int, again: bool, states: list[Any]) -> None:
        self.k = k
        self.again = again
        self.states = states

    def __call__(self, part: Iterable[Any], position: int) -> tuple[int, list[tuple[float, Any]]]:
        chance = rnd.Random()
        chance.setstate(self.states[position])
        if self.again:
            members = list(part)
            # The largest of n random numbers is distributed as the n-th root of one.
            drawn = [(_root(chance, len(members)), chance.choice(members)) for _ in range(self.k)] if members else []
            return len(members), drawn
        size = 0

        def numbered() -> Iterator[tuple[float, int, Any]]:
            nonlocal size
            for x in part:
                size += 1
                yield chance.random(), size, x

        best = heapq.nlargest(self.k, numbered(), key=lambda each: each[:2])
        return size, [(number, x) for number, _, x in best]

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Draw, (self.k, self.again, self.states))


def _root(chance: rnd.Random, n: int) -> float:
    # The logarithm keeps apart what would all be nearly 1.
    return math.log(1.0 - chance.random()) / n


def _merge(k: int, again: bool, parts: list[Any], last: bool) -> Any:
    size = sum(own for own, _ in parts)
    if again:
        columns = [drawn for _, drawn in parts if drawn]
        chosen = [max(row, key=lambda each: each[0]) for row in zip(*columns, strict=True)]
    else:
        chosen = heapq.nlargest(k, (each for _, drawn in parts for each in drawn), key=lambda each: each[0])
    if not last:
        return size, chosen
    if again and k and not size:
        raise IndexError("Cannot choose from an empty population")
    if not again and size < k:
        raise ValueError(f"Sample larger than population: {k} of {size} elements")
    return [x for _, x in chosen]
