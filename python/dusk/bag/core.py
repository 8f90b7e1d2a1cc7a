"""Bags: lists of Python objects in partitions.

Every method of Dask's bags is here. Elements stream through the steps that follow one another; a step whose result is
used more than once, or kept, makes lists. Reductions are trees. `groupby` brings equal groups together by their hash in
one run, whatever ``shuffle`` says. Bags run in worker processes unless another scheduler is asked for or configured, as
in Dask; a bag that is part of a delayed value or of a frame runs where that does.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import itertools
import operator
import random
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any

from dusk._names import funcname, key_split
from dusk._schedulers import named_schedulers
from dusk._units import parse_bytes
from dusk._wire import Code
from dusk.bag import chunk
from dusk.bag._arguments import arguments_of, values_step
from dusk.bag._item import Item, StepCollection, graph_of
from dusk.bag._plan import (
    Each,
    FromNodes,
    Gather,
    Graph,
    Regroup,
    Scan,
    Select,
    Source,
    Spread,
    Step,
    Tree,
    interned,
    lower,
)
from dusk.bag._reductions import Reductions, given, no_default, tree_width
from dusk.bag._str import StringAccessor
from dusk.tokenize import tokenize

__all__ = ["Bag", "Item", "StringAccessor", "named_schedulers", "no_default"]


class Bag(Reductions, StepCollection):
    """A collection of Python objects in partitions, in which elements may occur more than once.

    Parameters
    ----------
    dsk : mapping
        A graph in Dask's form, which has the keys ``(name, 0)`` to ``(name, npartitions - 1)``.
    name : str
        The name in the keys.
    npartitions : int
        How many partitions there are.

    Examples
    --------
    >>> import dusk.bag as db
    >>> db.range(6, npartitions=2).filter(lambda x: x % 2).map(lambda x: x * 10).compute()
    [10, 30, 50]
    """

    __slots__ = ()

    def __init__(self, dsk: Any, name: str, npartitions: int) -> None:
        if isinstance(dsk, Step):
            self._step = dsk
            return
        graph = graph_of(dsk)
        keys = [(name, i) for i in builtins.range(npartitions)]
        missing = [key for key in keys if key not in graph]
        if missing:
            raise ValueError(f"keys {missing[:3]} of the bag are not in the graph")
        self._step = Graph(name, graph, keys)

    @classmethod
    def _of(cls, step: Step) -> Bag:
        step = interned(step)
        return cls(step, step.name, step.npartitions)

    # What it is -------------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name in the keys."""
        return self._step.name

    @property
    def npartitions(self) -> int:
        """How many partitions there are."""
        return self._step.npartitions

    @property
    def _node(self) -> Any:  # type: ignore[override]
        """A node of one value, the list of all elements: what a function gets that a bag is handed to."""
        (node,) = lower(Gather(f"{self.name}-whole", chunk.chain_parts, [self._step]))
        return node

    @property
    def _args(self) -> tuple[Any, str, int]:
        return self.dask, self.name, self.npartitions

    def __dask_keys__(self) -> list[Hashable]:
        return [(self.name, i) for i in builtins.range(self.npartitions)]

    def __dask_postcompute__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _finalize, ()

    def __dask_postpersist__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _rebuilt, (self.name, self.npartitions)

    def __dusk_finalize__(self, results: list[list[Any]]) -> list[Any]:
        return _finalize([each.to_object() for chunks in results for each in chunks])

    def __dusk_rebuild__(self, nodes: list[Any]) -> Bag:
        return Bag(FromNodes(self.name, nodes), self.name, self.npartitions)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Bag, (Code(self._step), self.name, self.npartitions))

    def __getstate__(self) -> tuple[Any, ...]:
        return (self._step, self.name, self.npartitions)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        Bag.__init__(self, *state)

    def __str__(self) -> str:
        return f"dask.bag<{key_split(self.name)}, npartitions={self.npartitions}>"

    __repr__ = __str__
    __hash__ = object.__hash__

    def __iter__(self) -> Iterator[Any]:
        return iter(self.compute())

    @property
    def str(self) -> StringAccessor:
        """Methods of strings for each element."""
        return StringAccessor(self)

    def _each(self, word: builtins.str, function: Callable[..., Any], *what: Any, **options: Any) -> Bag:
        name = f"{word}-{tokenize(word, self, *what)}"
        options = {"lazy_in": True, "lazy_out": True, **options}
        return Bag._of(Each(name, function, [self._step], **options))

    # Elementwise ------------------------------------------------------------------------------------------------------

    def map(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Bag:
        """Apply a function to each element, with more arguments.

        Parameters
        ----------
        func : callable
        *args, **kwargs
            Bags, whose elements are taken side by side; items and delayed values, which all calls get; anything else.

        Examples
        --------
        >>> import dusk.bag as db
        >>> numbers = db.range(4, npartitions=2)
        >>> numbers.map(lambda x, y=0: x + y, y=numbers.max()).compute()
        [3, 4, 5, 6]
        """
        from dusk.bag._map import bag_map

        return bag_map(func, self, *args, **kwargs)

    def starmap(self, func: Callable[..., Any], **kwargs: Any) -> Bag:
        """Apply a function to the items of each element, as its arguments.

        Parameters
        ----------
        func : callable
        **kwargs
            More for the function; items and delayed values arrive as what they stand for.
        """
        name = f"{funcname(func)}-{tokenize(self, func, 'starmap', kwargs)}"
        placed, steps, single = arguments_of((self,), kwargs, elementwise=False)
        function = chunk.StarMapChunk(func, placed)
        return Bag._of(Each(name, function, steps, lazy_in=not single, lazy_out=True, single=single))

    def filter(self, predicate: Callable[[Any], Any] | Bag) -> Bag:
        """Keep the elements for which a function returns something true.

        Parameters
        ----------
        predicate : callable, Bag or None
            A bag with the same partitions says by its elements which to keep; None keeps what is true itself.
        """
        return self._filter(predicate, True)

    def remove(self, predicate: Callable[[Any], Any] | Bag) -> Bag:
        """Drop the elements for which a function returns something true.

        Parameters
        ----------
        predicate : callable or Bag
        """
        return self._filter(predicate, False)

    def _filter(self, predicate: Any, keep: bool) -> Bag:
        word = "filter" if keep else "remove"
        if isinstance(predicate, Bag):
            if predicate.npartitions != self.npartitions:
                raise ValueError("All bags must have the same number of partitions.")
            name = f"{word}-{tokenize(self, predicate, keep)}"
            function = functools.partial(chunk.flags_chunk, keep)
            steps = [self._step, predicate._step]
            return Bag._of(Each(name, function, steps, lazy_in=True, lazy_out=True, library=True))
        if predicate is not None and not callable(predicate):
            raise TypeError(f"{word} needs a function, a bag or None, got {type(predicate).__name__}")
        function = functools.partial(chunk.filter_chunk, predicate, keep)
        name = word if predicate is None else f"{word}-{funcname(predicate)}"
        return self._each(name, function, predicate, keep, library=predicate is None)

    def pluck(self, key: Any, default: Any = no_default) -> Bag:
        """Take one item of each element, or a tuple of items.

        Parameters
        ----------
        key : object or list
            What is asked of each element; a list gives tuples.
        default : object, optional
            What is given where there is no such item; otherwise that is an error.
        """
        has = not (isinstance(default, builtins.str) and default == no_default)
        function = functools.partial(chunk.pluck_chunk, key, default, has)
        return self._each("pluck", function, key, default, library=True)

    def flatten(self) -> Bag:
        """Bring the elements of the elements into one bag."""
        return self._each("flatten", chunk.flatten_chunk, library=True)

    def unzip(self, n: int) -> tuple[Bag, ...]:
        """Make a bag for each place of elements of length ``n``.

        Parameters
        ----------
        n : int
        """
        return tuple(self.pluck(i) for i in builtins.range(n))

    def map_partitions(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Bag:
        """Apply a function to each partition, which it gets as a list.

        Parameters
        ----------
        func : callable
            Returns the new partition.
        *args, **kwargs
            Bags with as many partitions, which come partition by partition; items and delayed values; anything else.
        """
        from dusk.bag._map import map_partitions

        return map_partitions(func, self, *args, **kwargs)

    def random_sample(self, prob: float, random_state: Any = None) -> Bag:
        """Keep each element with a probability.

        Parameters
        ----------
        prob : float
            From 0 to 1.
        random_state : int or random.Random, optional
            Where the random numbers begin; the same number keeps the same elements.
        """
        if not isinstance(prob, int | float) or not 0 <= prob <= 1:
            raise ValueError("prob must be a number in the interval [0, 1]")
        if not isinstance(random_state, random.Random):
            random_state = random.Random(random_state)
        states = chunk.random_state_data_python(self.npartitions, random_state)
        name = f"random-sample-{tokenize(self, prob, random_state.getstate(), states)}"
        numbers = Source(f"positions-{self.npartitions}", self.npartitions, chunk.itself)
        function = chunk.NumberedSample(prob, states)
        steps = [self._step, interned(numbers)]
        return Bag._of(Each(name, function, steps, lazy_in=True, lazy_out=True, library=True))

    def accumulate(self, binop: Callable[[Any, Any], Any], initial: Any = no_default) -> Bag:
        """Give the running total of all elements so far.

        Parameters
        ----------
        binop : callable
            Combines the total with the next element.
        initial : object, optional
            The first total, which is an element of the result.
        """
        start = given(initial)
        name = f"{funcname(binop)}-first-{tokenize(self, binop, initial, 'accumulate')}"
        first = chunk.Accumulate(binop, start, True)
        return Bag._of(Scan(name, chunk.Accumulate(binop, start, False), self._step, first=first))

    # Groups and pairs -------------------------------------------------------------------------------------------------

    def foldby(
        self,
        key: Any,
        binop: Callable[[Any, Any], Any],
        initial: Any = no_default,
        combine: Callable[[Any, Any], Any] | None = None,
        combine_initial: Any = no_default,
        split_every: int | bool | None = None,
    ) -> Bag:
        """Combine the elements of each group: a bag of pairs of a group and its total.

        Parameters
        ----------
        key : callable or object
            A function of an element that gives its group, or the item (a list of items) that is its group.
        binop : callable
            Combines a total with an element.
        initial : object, optional
            The total before the first element, or a function that makes it.
        combine : callable, optional
            Combines two totals; by default ``binop``.
        combine_initial : object, optional
            What the totals of a group are combined with at last.
        split_every : int or False, optional
            See `reduction`.
        """
        width = tree_width(split_every, self.npartitions)
        combine = combine or binop
        token = tokenize(self, key, binop, initial, combine, combine_initial, width)
        first = functools.partial(chunk.reduce_by, key, binop, given(initial))
        part = Each(f"foldby-a-{token}", first, [self._step], lazy_in=True)
        tree = Tree(f"foldby-t-{token}", chunk.MergeBy(combine, given(combine_initial)), interned(part), width)
        return Bag._of(Each(f"foldby-b-{token}", chunk.items, [interned(tree)], library=True))

    def groupby(
        self,
        grouper: Any,
        method: Any = None,
        npartitions: int | None = None,
        blocksize: int = 2**20,
        max_branch: int | None = None,
        shuffle: builtins.str | None = None,
    ) -> Bag:
        """Bring the elements of each group together: a bag of pairs of a group and the list of its elements.

        `foldby` needs far less memory where totals are wanted.

        Parameters
        ----------
        grouper : callable or object
            A function of an element that gives its group, or the item that is its group.
        method : None
            Raises; use ``shuffle``.
        npartitions : int, optional
            Partitions of the result; by default as many as there are.
        blocksize, max_branch : int, optional
            Accepted for compatibility; groups come together in this process.
        shuffle : {"disk", "tasks"}, optional
            Accepted for compatibility.
        """
        if method is not None:
            raise TypeError("The method= keyword has been moved to shuffle=")
        if shuffle not in (None, "disk", "tasks"):
            raise NotImplementedError("Shuffle must be 'disk' or 'tasks'")
        if npartitions is not None and npartitions < 1:
            raise ValueError(f"npartitions must be positive, got {npartitions}")
        function = grouper if callable(grouper) else operator.itemgetter(grouper)
        count = npartitions or self.npartitions
        token = tokenize(self, grouper, count, "groupby", *([] if max_branch is None else [max_branch]))
        split = functools.partial(chunk.split_groups, function, count)
        part = Each(f"groupby-split-{token}", split, [self._step], lazy_in=True)
        return Bag._of(Spread(f"groupby-collect-{token}", chunk.merge_groups, interned(part), count))

    def join(self, other: Any, on_self: Any, on_other: Any = None) -> Bag:
        """Pair the elements with those of a collection that have equal keys: pairs of the other's and this one's.

        Parameters
        ----------
        other : iterable, Delayed, Item or Bag
            What is joined; a bag must have one partition.
        on_self : callable or object
            Gives the key of an element here.
        on_other : callable or object, optional
            Gives the key of an element there; by default as ``on_self``.
        """
        if isinstance(other, Bag):
            if other.npartitions != 1:
                raise NotImplementedError(
                    "Multi-bag joins are not implemented: the other bag must have one partition. Dataframes can be "
                    "merged whatever their partitions are"
                )
            step = other._step
        elif (found := values_step(other)) is not None:
            step = found
        elif isinstance(other, Iterable):
            held = list(other)
            step = Source(f"join-other-{tokenize(held)}", 1, functools.partial(_held, held))
        else:
            raise TypeError(f"join needs an iterable, a delayed value or a bag, got {type(other).__name__}")
        mine = on_self if callable(on_self) else operator.itemgetter(on_self)
        theirs = mine if on_other is None else on_other if callable(on_other) else operator.itemgetter(on_other)
        name = f"join-{tokenize(self, step.name, on_self, on_other)}"
        function = functools.partial(chunk.join_chunk, mine, theirs)
        return Bag._of(Each(name, function, [self._step, step], lazy_out=True, single=(1,)))

    def product(self, other: Bag) -> Bag:
        """Pair each element with each of another bag.

        Parameters
        ----------
        other : Bag
        """
        if not isinstance(other, Bag):
            raise TypeError(f"product needs a bag, got {type(other).__name__}")
        n, m = self.npartitions, other.npartitions
        name = f"product-{tokenize(self, other)}"
        pairs = list(itertools.product(builtins.range(n), builtins.range(m)))
        left = Select(f"{name}-left", self._step, [i for i, _ in pairs])
        right = Select(f"{name}-right", other._step, [j for _, j in pairs])
        return Bag._of(Each(name, chunk.product_chunk, [left, right], lazy_out=True, library=True))

    # Partitions -------------------------------------------------------------------------------------------------------

    def take(self, k: int, npartitions: int = 1, compute: bool = True, warn: bool = True) -> Any:
        """Take the first elements, as a tuple.

        Parameters
        ----------
        k : int
            How many.
        npartitions : int
            How many partitions are looked at; -1 means all.
        compute : bool
            With False, a bag of one partition.
        warn : bool
            Say so if there are fewer.
        """
        if npartitions <= -1:
            npartitions = self.npartitions
        if npartitions > self.npartitions:
            raise ValueError(f"only {self.npartitions} partitions, take received {npartitions}")
        token = tokenize(self, k, npartitions, warn)
        function = functools.partial(chunk.take, k, warn and not compute)
        first = Select(f"take-from-{token}", self._step, builtins.range(npartitions))
        if npartitions > 1:
            some = Each(
                f"take-some-{token}", functools.partial(chunk.take, k, False), [first], lazy_in=True, library=True
            )
            step: Step = Gather(f"take-{token}", _TakeAll(function), [some])
        else:
            source = self._step if self.npartitions == 1 else first
            step = Each(f"take-{token}", function, [source], lazy_in=True, library=True)
        taken = Bag._of(step)
        if not compute:
            return taken
        values = tuple(taken.compute())
        if warn:
            chunk.warn_if_fewer(k, len(values), stacklevel=3)
        return values

    def repartition(self, npartitions: int | None = None, partition_size: int | builtins.str | None = None) -> Bag:
        """Divide the elements into other partitions.

        Parameters
        ----------
        npartitions : int, optional
            How many. Neighbouring partitions are joined, or partitions are cut in pieces.
        partition_size : int or str, optional
            How many bytes they may have, as ``"100 MB"``; the sizes are measured now.
        """
        if (npartitions is None) == (partition_size is None):
            raise ValueError("Please provide exactly one ``npartitions`` or ``partition_size`` keyword arguments")
        from dusk.bag._repartition import by_number, by_size

        if npartitions is not None:
            groups = by_number(self.npartitions, npartitions)
            word = f"repartition-{npartitions}"
        else:
            size = parse_bytes(partition_size)  # type: ignore[arg-type]
            groups, word = by_size(self, size), "repartition"
        if groups is None:
            return self
        name = f"{word}-{tokenize(self, npartitions, partition_size, len(groups))}"
        return Bag._of(Regroup(name, self._step, groups))

    # Other collections ------------------------------------------------------------------------------------------------

    def to_delayed(self, optimize_graph: bool = True) -> list[Any]:
        """Return the partitions as delayed lists.

        Parameters
        ----------
        optimize_graph : bool
            Accepted for compatibility; what is computed later is optimized then.
        """
        from dusk.delayed import Delayed

        nodes = [
            node if node.npartitions == 1 else node.partitions([i])
            for node in lower(self._step)
            for i in builtins.range(node.npartitions)
        ]
        return [Delayed(node, key) for node, key in zip(nodes, self.__dask_keys__(), strict=True)]

    def to_dataframe(self, meta: Any = None, columns: Any = None, optimize_graph: bool = True) -> Any:
        """Make a dataframe of dictionaries, tuples or single values.

        Parameters
        ----------
        meta : DataFrame, dict or sequence of pairs, optional
            The columns with their dtypes; by default the first element is computed to see.
        columns : sequence, optional
            Names of the columns; also which ones, if the elements are dictionaries.
        optimize_graph : bool
            Accepted for compatibility.
        """
        from dusk.bag._output import bag_to_dataframe

        return bag_to_dataframe(self, meta, columns)

    def to_textfiles(b, path: Any, name_function: Any = None, compression: builtins.str = "infer",  # noqa: N805
                     encoding: builtins.str = "utf-8", compute: bool = True, storage_options: Any = None,
                     last_endline: bool = False, **kwargs: Any) -> Any:  # fmt: skip
        """Write each partition to a file, an element on each line; see `dusk.bag.to_textfiles`."""
        from dusk.bag._output import to_textfiles

        return to_textfiles(
            b, path, name_function, compression, encoding, compute, storage_options, last_endline, **kwargs
        )

    def to_avro(b, filename: Any, schema: Any, name_function: Any = None, storage_options: Any = None,  # noqa: N805
                codec: builtins.str = "null", sync_interval: int = 16000, metadata: Any = None, compute: bool = True,
                **kwargs: Any) -> Any:  # fmt: skip
        """Write each partition to an Avro file; see `dusk.bag.avro.to_avro`."""
        from dusk.bag.avro import to_avro

        return to_avro(
            b, filename, schema, name_function, storage_options, codec, sync_interval, metadata, compute, **kwargs
        )


def _held(held: list[Any], position: int) -> list[Any]:
    return held


class _TakeAll:
    """Takes the first elements of several partitions."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[[Iterable[Any]], list[Any]]) -> None:
        self.function = function

    def __call__(self, parts: list[Any]) -> list[Any]:
        return self.function(itertools.chain.from_iterable(parts))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_TakeAll, (self.function,))


def _finalize(results: Iterable[Any]) -> list[Any]:
    """Return the elements of all partitions; a partition that isn't iterable is an element."""
    whole: list[Any] = []
    for part in results:
        if isinstance(part, Iterable) and not isinstance(part, str | bytes):
            whole.extend(part)
        else:
            whole.append(part)
    return whole


def _rebuilt(dsk: Any, name: str, npartitions: int, *, rename: Mapping[str, str] | None = None) -> Bag:
    return Bag(dsk, rename.get(name, name) if rename else name, npartitions)


#: Names that Dask has in this module, and where they are.
_ELSEWHERE = {
    **dict.fromkeys(("bag_range", "bag_zip", "concat", "from_delayed", "from_sequence", "from_url"), "_make"),
    **dict.fromkeys(("bag_map", "map_partitions"), "_map"),
    "random_state_data_python": "chunk",
    **dict.fromkeys(("reify", "total_mem_usage"), "_parts"),
    "system_encoding": "text",
    "to_textfiles": "_output",
}


def __getattr__(name: builtins.str) -> Any:
    if name in _ELSEWHERE:
        return getattr(importlib.import_module(f"dusk.bag.{_ELSEWHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
