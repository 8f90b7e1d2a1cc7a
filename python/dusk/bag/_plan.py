"""What bags are made of: steps over partitions, and how they become nodes of the engine.

A step is one operation with a name. `lower` makes nodes of a step and of all it stands on. Steps that work partition by
partition and that nobody else uses are joined into one call for each partition, through which the elements stream; what
a second step or the program itself holds on to is made once, as lists.

Steps of equal names are one object while they live, so that work that is written twice is found to be shared. A step
stands for one or several nodes, its *segments*, whose partitions follow one another.
"""

from __future__ import annotations

import functools
import itertools
import types
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from dusk import _core
from dusk._names import key_split
from dusk.bag._calls import Apply, Fused, Gathered, Level, Numbered, Placed, Position, take_first

__all__ = ["Concat", "Each", "FromNodes", "Gather", "Graph", "Select", "Source", "Step", "Tree", "interned", "lower"]

#: Longest chain of steps in one call. Iterators inside iterators use the C stack.
_LONGEST_CHAIN = 50

#: Types whose values can't be changed in place.
_FIXED = frozenset({int, float, complex, bool, str, bytes, type(None)})

_known: weakref.WeakValueDictionary[str, Step] = weakref.WeakValueDictionary()


class Step:
    """One operation of a bag's plan.

    Parameters
    ----------
    name : str
        Says what it is: equal steps have equal names.
    npartitions : int
        How many partitions it has.
    inputs : sequence of Step
        What it works on.
    """

    def __init__(self, name: str, npartitions: int, inputs: Sequence[Step] = ()) -> None:
        self.name = name
        self.npartitions = npartitions
        self.inputs = tuple(inputs)
        #: Steps that work on this one.
        self.users: weakref.WeakSet[Step] = weakref.WeakSet()
        #: Collections that the program holds.
        self.handles: weakref.WeakSet[Any] = weakref.WeakSet()
        for each in self.inputs:
            each.users.add(self)

    #: Whether partitions come out as iterators, which are kept as lists.
    lazy_out = False

    @property
    def prefix(self) -> str:
        """The word in the name."""
        return key_split(self.name) or "bag"

    def functions(self) -> list[Any]:
        """Return what this step calls."""
        return [value for name, value in vars(self).items() if name in ("first", "function", "groups", "identity")]

    def needs(self) -> Sequence[Step]:
        """Return the steps whose segments `make` takes."""
        return self.inputs

    def make(self, segments: Sequence[list[Any]]) -> list[Any]:
        """Return the nodes of this step, from those of the steps it needs."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        mine = ("users", "handles", "_expression")
        state = {name: value for name, value in vars(self).items() if name not in mine}
        return {**state, "_made": None} if "_made" in state else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.users, self.handles = weakref.WeakSet(), weakref.WeakSet()
        for each in self.inputs:
            each.users.add(self)


def interned(step: Step) -> Step:
    """Return the living step of the same name if it is the same work on the same objects, or this one.

    Names go by content. Functions of equal content may still write to different lists, and data may have been changed
    since it was named, so the functions and the inputs must be the very same.
    """
    other = _known.get(step.name)
    if other is not None and type(other) is type(step) and _same_objects(other, step):
        return other
    _known[step.name] = step
    return step


def _same_objects(one: Step, other: Step) -> bool:
    mine, theirs = ([*each.inputs, *_callables(each.functions())] for each in (one, other))
    return len(mine) == len(theirs) and all(a is b for a, b in zip(mine, theirs, strict=True))


def _callables(values: Iterable[Any]) -> Iterator[Any]:
    """Yield the functions that are somewhere in our own objects, and what they are called with that may change."""
    for x in values:
        if isinstance(x, functools.partial):
            yield from _callables([x.func])
            given = [*x.args, *x.keywords.values()]
            yield from _callables([each for each in given if callable(each)])
            yield from (each for each in given if not callable(each) and type(each) not in _FIXED)
        elif isinstance(x, Placed):
            constants = [each for kind, each in [*x.args, *x.kwargs.values()] if kind == "constant"]
            yield from (each for each in constants if type(each) not in _FIXED)
        elif isinstance(x, types.MethodType):
            yield x.__func__
            yield from _callables([x.__self__])
        elif isinstance(x, list | tuple):
            yield from _callables(x)
        elif isinstance(x, dict):
            yield from _callables(x.values())
        elif hasattr(type(x), "__slots__") and type(x).__module__.startswith("dusk.bag."):
            yield from _callables([getattr(x, name) for name in type(x).__slots__])
        elif callable(x):
            yield x


class Source(Step):
    """Partitions that a function makes from their number.

    Parameters
    ----------
    function : callable
        Gets the number of the partition. The same number gives the same elements.
    library : bool
        Whether the function is one of ours.
    held : bool
        Whether the partitions are there already: they become values of the plan, each of which goes only where it is
        needed, and the function isn't called anywhere else.
    """

    def __init__(
        self,
        name: str,
        npartitions: int,
        function: Callable[[int], Any],
        *,
        lazy_out: bool = False,
        library: bool = True,
        held: bool = False,
    ) -> None:
        super().__init__(name, npartitions)
        self.function = function
        self.lazy_out = lazy_out
        self.library = library
        self.held = held
        #: What `make` has returned: held values are the same ones each time.
        self._made: list[Any] | None = None

    def make(self, segments: Sequence[list[Any]]) -> list[Any]:
        if self._made is None:
            node = _source(Fused(Apply(self.function, (Position,)), self.lazy_out, self.prefix), self)
            if self.held:
                from dusk._engine import snapshot

                (chunks,) = _core.execute([node], snapshot(sync=True).for_core())
                node = _core.from_chunks(chunks, node)
            self._made = [node]
        return self._made


class FromNodes(Step):
    """Nodes that exist: held data, and values of other collections."""

    def __init__(self, name: str, nodes: Sequence[Any]) -> None:
        super().__init__(name, sum(node.npartitions for node in nodes))
        self.nodes = list(nodes)

    def make(self, segments: Sequence[list[Any]]) -> list[Any]:
        return self.nodes


class Each(Step):
    """A function of one partition of each input.

    Parameters
    ----------
    function : callable
        Gets the partitions.
    inputs : sequence of Step
        Those with as many partitions as this step are taken partition by partition; others have one, which all get.
    lazy_in : bool
        Whether the function takes iterators; otherwise it gets lists.
    lazy_out : bool
        Whether it returns iterators.
    library : bool
        Whether no function of the user is called.
    single : sequence of int
        Inputs of one partition that all partitions get, also when this step has only one.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        inputs: Sequence[Step],
        *,
        npartitions: int | None = None,
        lazy_in: bool = False,
        lazy_out: bool = False,
        library: bool = False,
        single: Sequence[int] = (),
    ) -> None:
        super().__init__(name, inputs[0].npartitions if npartitions is None else npartitions, inputs)
        self.function = function
        self.lazy_in = lazy_in
        self.lazy_out = lazy_out
        self.library = library
        self.single = frozenset(single)

    def needs(self) -> Sequence[Step]:
        leaves: list[tuple[Step, bool]] = []
        expression = _expression(self, leaves, 0, with_sources=True)
        if leaves:
            leaves = []
            expression = _expression(self, leaves, 0, with_sources=False)
        self._expression = expression, leaves
        return [step for step, _ in leaves]

    def make(self, segments: Sequence[list[Any]]) -> list[Any]:
        expression, leaves = self.__dict__.pop("_expression")
        call = Fused(expression, self.lazy_out, self.prefix)
        if not leaves:
            return [_source(call, self)]
        split = [i for i, (_, single) in enumerate(leaves) if not single]
        cut = dict(zip(split, _aligned([segments[i] for i in split])))
        count = len(cut[split[0]]) if split else 1
        nodes = []
        for number in range(count):
            inputs = [cut[i][number] if i in cut else segments[i][0] for i in range(len(leaves))]
            size = max(node.npartitions for node in inputs)
            token = self.name if count == 1 else f"{self.name}-{number}"
            nodes.append(_call(call, inputs, self.prefix, "partition", size, token, self.library))
        return nodes


class Gather(Step):
    """One value from all partitions of its inputs, which the function gets as one list."""

    def __init__(
        self, name: str, function: Callable[[list[Any]], Any], inputs: Sequence[Step], *, library: bool = True
    ) -> None:
        super().__init__(name, 1, inputs)
        self.function = function
        self.library = library

    def make(self, segments: Sequence[list[Any]]) -> list[Any]:
        flat = [node for each in segments for node in each]
        return [_gather(self.function, flat, self.prefix, self.name, self.library)]


class Spread(Step):
    """Partitions each of which a function makes from all partitions of the input.

    Parameters
    ----------
    function : callable
        Gets the number of the partition and the list of the input's partitions.
    """

    def __init__(self, name: str, function: Callable[[int, list[Any]], Any], source: Step, npartitions: int) -> None:
        super().__init__(name, npartitions, [source])
        self.function = function

    def make(self, segments: Sequence[list[Any]]) -> list[Any]:
        (nodes,) = segments
        return [
            _gather(Numbered(self.function, i), nodes, self.prefix, f"{self.name}-{i}", True)
            for i in range(self.npartitions)
        ]


class Regroup(Step):
    """Partitions each of which a function makes from some partitions of the input that follow one another.

    Parameters
    ----------
    groups : sequence of (callable, sequence of int)
        For each partition the function, which gets a list of partitions, and which ones.
    """

    def __init__(
        self, name: str, source: Step, groups: Sequence[tuple[Callable[[list[Any]], Any], Sequence[int]]]
    ) -> None:
        super().__init__(name, len(groups), [source])
        self.groups = list(groups)

    def make(self, segments: Sequence[list[Any]]) -> list[Any]:
        (nodes,) = segments
        return [
            _gather(function, _picked(nodes, positions), self.prefix, f"{self.name}-{i}", True)
            for i, (function, positions) in enumerate(self.groups)
        ]


class Tree(Step):
    """One value from all partitions, some at a time.

    Parameters
    ----------
    function : callable
        Gets a list of values and whether it is the last call.
    split_every : int
        How many values one call gets.
    """

    def __init__(
        self,
        name: str,
        function: Callable[[list[Any], bool], Any],
        source: Step,
        split_every: int,
        *,
        library: bool = False,
    ) -> None:
        super().__init__(name, 1, [source])
        self.function = function
        self.split_every = split_every
        self.library = library

    def make(self, segments: Sequence[list[Any]]) -> list[Any]:
        (nodes,) = segments
        level = 0
        while (count := sum(node.npartitions for node in nodes)) > self.split_every:
            nodes = [
                _gather(
                    Level(self.function, False),
                    _picked(nodes, range(start, min(start + self.split_every, count))),
                    self.prefix,
                    f"{self.name}-{level}-{start}",
                    self.library,
                )
                for start in range(0, count, self.split_every)
            ]
            level += 1
        return [_gather(Level(self.function, True), nodes, self.prefix, self.name, self.library)]


class Scan(Step):
    """Partitions made one after the other, each with what the one before has left.

    Parameters
    ----------
    function : callable
        Gets a partition and, from the second on, the pair that the call before has returned; returns a pair of the new
        partition and what is handed on.
    """

    def __init__(self, name: str, function: Callable[..., Any], source: Step, *, first: Callable[..., Any]) -> None:
        super().__init__(name, source.npartitions, [source])
        self.function = function
        self.first = first

    def make(self, segments: Sequence[list[Any]]) -> list[Any]:
        (nodes,) = segments
        made: list[Any] = []
        for i in range(self.npartitions):
            inputs = _picked(nodes, [i]) + made[-1:]
            function = self.function if made else self.first
            made.append(_call(function, inputs, self.prefix, "partition", 1, f"{self.name}-scan-{i}", False))
        return [
            _call(take_first, [pair], self.prefix, "partition", 1, f"{self.name}-{i}", True)
            for i, pair in enumerate(made)
        ]


class Select(Step):
    """Some partitions of a step."""

    def __init__(self, name: str, source: Step, positions: Iterable[int]) -> None:
        self.positions = list(positions)
        super().__init__(name, len(self.positions), [source])

    def make(self, segments: Sequence[list[Any]]) -> list[Any]:
        return _picked(segments[0], self.positions)


class Concat(Step):
    """The partitions of several steps, one after the other."""

    def __init__(self, name: str, parts: Sequence[Step]) -> None:
        super().__init__(name, sum(each.npartitions for each in parts), parts)

    def make(self, segments: Sequence[list[Any]]) -> list[Any]:
        return [node for each in segments for node in each]


class Graph(Step):
    """Keys of a graph in Dask's form; each task becomes a call.

    Parameters
    ----------
    dsk : mapping
        The graph.
    keys : sequence of hashable
        The key of each partition.
    as_lists : bool
        Whether partitions that are iterators become lists.
    """

    def __init__(
        self, name: str, dsk: Mapping[Hashable, Any], keys: Sequence[Hashable], *, as_lists: bool = True
    ) -> None:
        super().__init__(name, len(keys))
        self.dsk = dsk
        self.keys = list(keys)
        self.as_lists = as_lists

    def make(self, segments: Sequence[list[Any]]) -> list[Any]:
        from dusk._graph_nodes import graph_nodes
        from dusk.tokenize import tokenize

        return graph_nodes(self.dsk, self.keys, tokenize(dict(self.dsk)), as_lists=self.as_lists)


# --- lowering ---------------------------------------------------------------------------------------------------------


def lower(step: Step) -> list[Any]:
    """Return the nodes that a step stands for; their partitions follow one another."""
    made: dict[int, list[Any]] = {}
    needs: dict[int, Sequence[Step]] = {}
    stack = [step]
    while stack:
        current = stack[-1]
        if id(current) in made:
            stack.pop()
            continue
        if id(current) not in needs:
            needs[id(current)] = current.needs()
            waiting = [each for each in needs[id(current)] if id(each) not in made]
            if waiting:
                stack.extend(reversed(waiting))
                continue
        made[id(current)] = current.make([made[id(each)] for each in needs[id(current)]])
        stack.pop()
    return made[id(step)]


def _joins(step: Step, with_sources: bool) -> bool:
    """Whether a step can be part of the call of its only user."""
    if len(step.users) > 1:
        return False
    if isinstance(step, Source):
        return with_sources and not step.held  # makes the same elements each time, so no matter who else holds it
    return isinstance(step, Each) and not step.handles


def _expression(step: Each, leaves: list[tuple[Step, bool]], depth: int, with_sources: bool) -> Apply:
    arguments: list[Any] = []
    for i, each in enumerate(step.inputs):
        single = i in step.single or each.npartitions != step.npartitions
        argument: Any
        if not single and depth < _LONGEST_CHAIN and _joins(each, with_sources):
            if isinstance(each, Source):
                argument = Apply(each.function, (Position,))
            else:
                argument = _expression(each, leaves, depth + 1, with_sources)  # type: ignore[arg-type]
            if each.lazy_out and not step.lazy_in:
                argument = Apply(list, (argument,))
        else:
            argument = len(leaves)
            leaves.append((each, single))
        arguments.append(argument)
    return Apply(step.function, tuple(arguments))


def _source(function: Callable[[int], Any], step: Any) -> Any:
    return _core.source(
        function, step.npartitions, None, None, prefix=step.prefix, library=step.library, token=_token(step.name)
    )


def _call(
    function: Callable[..., Any], nodes: Sequence[Any], prefix: str, mode: str, size: int, token: str, library: bool
) -> Any:
    return _core.call(
        function, nodes, None, prefix=prefix, mode=mode, library=library, divisions=size, token=_token(token)
    )


def _gather(function: Callable[[list[Any]], Any], nodes: Sequence[Any], prefix: str, token: str, library: bool) -> Any:
    if all(node.npartitions == 1 for node in nodes):
        mode, several = "partition", (False,) * len(nodes)
    else:
        mode, several = "gather", tuple(node.npartitions != 1 for node in nodes)
    return _call(Gathered(function, several), nodes, prefix, mode, 1, token, library)


def _token(text: str) -> str:
    from dusk.tokenize import tokenize

    return tokenize("dusk-bag", text)


def _picked(nodes: Sequence[Any], positions: Iterable[int]) -> list[Any]:
    """Return nodes with the partitions at these positions, in this order."""
    starts = list(itertools.accumulate((node.npartitions for node in nodes), initial=0))
    wanted = list(positions)
    picked: list[tuple[int, list[int]]] = []
    last = 0
    for position in wanted:
        while position >= starts[last + 1]:
            last += 1
        while position < starts[last]:
            last -= 1
        if picked and picked[-1][0] == last:
            picked[-1][1].append(position - starts[last])
        else:
            picked.append((last, [position - starts[last]]))
    return [_some(nodes[i], own) for i, own in picked]


def _some(node: Any, positions: list[int]) -> Any:
    if positions == list(range(node.npartitions)):
        return node
    return node.partitions(positions)


def _aligned(inputs: Sequence[list[Any]]) -> list[list[Any]]:
    """Cut the segments of several steps at the same places."""
    if all(len(each) == 1 for each in inputs):
        return list(inputs)
    edges: set[int] = set()
    for each in inputs:
        edges.update(itertools.accumulate((node.npartitions for node in each), initial=0))
    bounds = sorted(edges)
    return [
        [node for low, high in itertools.pairwise(bounds) for node in _picked(each, range(low, high))]
        for each in inputs
    ]
