"""The methods of bags that reduce them, as trees."""

from __future__ import annotations

import builtins
import functools
import math
from collections.abc import Callable
from typing import Any

from dusk._calls import apply, takes_multiple_arguments
from dusk._names import funcname
from dusk.bag import chunk
from dusk.bag._item import Item
from dusk.bag._plan import Each, Step, Tree, interned
from dusk.tokenize import tokenize

__all__ = ["STREAMING", "Reductions", "given", "no_default", "tree_width"]

no_default = "__no__default__"
_SPLIT_EVERY = 8

#: Functions of a partition that are known to take iterators.
STREAMING: tuple[Any, ...] = (
    *(sum, min, max, any, all, set, frozenset, list, sorted, dict),
    *(chunk.count, chunk.mean_chunk, chunk.var_chunk, chunk.frequencies),
)
#: Our own functions of a partition, which take iterators.
_OWN = (chunk.Fold, chunk.Distinct, chunk.TopK)


def given(initial: Any) -> tuple[Any, ...]:
    """Return what a total begins with, or nothing."""
    return () if isinstance(initial, str) and initial == no_default else (initial,)


def tree_width(split_every: int | bool | None, npartitions: int) -> int:
    """Return how many values one call in a tree gets."""
    if split_every is None:
        return _SPLIT_EVERY
    if split_every is False:
        return max(npartitions, 2)
    if isinstance(split_every, bool) or split_every != int(split_every) or split_every < 2:
        raise ValueError(f"split_every must be a whole number from 2 on, None or False, got {split_every!r}")
    return int(split_every)


class Reductions:
    """What reduces a bag to a value, or to fewer elements."""

    __slots__ = ()

    _step: Step
    npartitions: int
    _each: Callable[..., Any]

    def reduction(
        self,
        perpartition: Callable[[Any], Any],
        aggregate: Callable[[list[Any]], Any],
        split_every: int | bool | None = None,
        out_type: type = Item,
        name: str | None = None,
    ) -> Any:
        """Reduce each partition, and then what they give, some at a time.

        Parameters
        ----------
        perpartition : callable
            Gets a partition; partitions without elements are left out, unless it is the only one.
        aggregate : callable
            Gets a list of results of ``perpartition``, or of itself.
        split_every : int or False, optional
            How many results it gets at once; by default 8, with False all.
        out_type : type
            ``Item`` for one value, or ``Bag`` if the result is a list of elements.
        name : str, optional
            The word in the name.
        """
        width = tree_width(split_every, self.npartitions)
        token = tokenize(self, perpartition, aggregate, width, out_type.__name__)
        lazy = perpartition in STREAMING or isinstance(perpartition, _OWN)
        function = chunk.PerPartition(perpartition, self.npartitions == 1)
        word = name or funcname(perpartition)
        part = Each(f"{word}-part-{token}", function, [self._step], lazy_in=lazy, library=lazy)
        tree = Tree(
            f"{name or funcname(aggregate)}-aggregate-{token}", chunk.Aggregate(aggregate), interned(part), width
        )
        return (Item if issubclass(out_type, Item) else type(self))._of(tree)

    def fold(
        self,
        binop: Callable[[Any, Any], Any],
        combine: Callable[[Any, Any], Any] | None = None,
        initial: Any = no_default,
        split_every: int | bool | None = None,
        out_type: type = Item,
    ) -> Any:
        """Combine all elements by a function of a total and an element.

        Parameters
        ----------
        binop : callable
            Combines a total with an element.
        combine : callable, optional
            Combines two totals; by default ``binop``.
        initial : object, optional
            The total before the first element of each partition.
        split_every : int or False, optional
            See `reduction`.
        out_type : type
            See `reduction`.
        """
        start = given(initial)
        first, further = chunk.Fold(binop, start), chunk.FoldTotals(combine or binop, start)
        return self.reduction(first, further, split_every=split_every, out_type=out_type, name="fold")

    def sum(self, split_every: int | bool | None = None) -> Item:
        """Add all elements."""
        return self.reduction(builtins.sum, builtins.sum, split_every=split_every)

    def max(self, split_every: int | bool | None = None) -> Item:
        """Find the largest element."""
        return self.reduction(builtins.max, builtins.max, split_every=split_every)

    def min(self, split_every: int | bool | None = None) -> Item:
        """Find the smallest element."""
        return self.reduction(builtins.min, builtins.min, split_every=split_every)

    def any(self, split_every: int | bool | None = None) -> Item:
        """Find whether one element is true."""
        return self.reduction(builtins.any, builtins.any, split_every=split_every)

    def all(self, split_every: int | bool | None = None) -> Item:
        """Find whether all elements are true."""
        return self.reduction(builtins.all, builtins.all, split_every=split_every)

    def count(self, split_every: int | bool | None = None) -> Item:
        """Count the elements."""
        return self.reduction(chunk.count, builtins.sum, split_every=split_every)

    def mean(self) -> Item:
        """Find the mean of the elements."""
        return self.reduction(chunk.mean_chunk, chunk.mean_aggregate, split_every=False)

    def var(self, ddof: int = 0) -> Item:
        """Find the variance of the elements.

        Parameters
        ----------
        ddof : int
            What is taken from the number of elements before dividing by it.
        """
        aggregate = functools.partial(chunk.var_aggregate, ddof=ddof)
        return self.reduction(chunk.var_chunk, aggregate, split_every=False)

    def std(self, ddof: int = 0) -> Item:
        """Find the standard deviation of the elements; see `var`."""
        return self.var(ddof=ddof).apply(math.sqrt)

    def frequencies(self, split_every: int | bool | None = None, sort: bool = False) -> Any:
        """Count equal elements: a bag of pairs of an element and how often it comes.

        Parameters
        ----------
        split_every : int or False, optional
            See `reduction`.
        sort : bool
            The most frequent come first.
        """
        counts = self.reduction(
            chunk.frequencies, chunk.merge_frequencies, split_every=split_every, out_type=type(self), name="frequencies"
        )
        function, word = (chunk.items_by_count, "sorted") if sort else (chunk.items, "dictitems")
        return counts._each(word, function, lazy_in=False, lazy_out=False, library=True)

    def distinct(self, key: Any = None) -> Any:
        """Keep one of equal elements, the first of each partition's.

        Parameters
        ----------
        key : callable or object, optional
            A function of an element, or its item, that decides what is equal.
        """
        function = chunk.Distinct(key)
        return self.reduction(function, function.merge, out_type=type(self), name="distinct")

    def topk(self, k: int, key: Any = None, split_every: int | bool | None = None) -> Any:
        """Keep the ``k`` largest elements, the largest first.

        Parameters
        ----------
        k : int
        key : callable or object, optional
            A function of an element, or its item, that is compared.
        split_every : int or False, optional
            See `reduction`.
        """
        if callable(key) and takes_multiple_arguments(key):
            key = functools.partial(apply, key)  # it takes the items of an element
        function = chunk.TopK(k, key)
        return self.reduction(function, function.merge, split_every=split_every, out_type=type(self), name="topk")
