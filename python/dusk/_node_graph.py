"""Nodes as graphs in Dask's form: what callable schedulers, `visualize` and Dask's libraries see of a plan.

Calls of Python functions appear one by one: a task for each partition, which names the keys that it needs. Everything
else (frames, arrays, readers) is a task for each partition that the engine computes as a whole, so that another
scheduler runs it natively, too. The way back is `dusk._graph_nodes`, which knows these tasks again.

Invariant: a task holds what it calls and nothing that other tasks make, so each travels by itself.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from dusk._node_collection import PartitionTask
from dusk._protocol import as_data

__all__ = ["CallTask", "node_graph"]


class CallTask:
    """A task that calls a node's function for one partition, with the values of the keys that it needs.

    Parameters
    ----------
    function : callable
        What is called.
    name : str
        The word in the node's name.
    shape : tuple of int or None
        For each input None if its value is the next one, else how many values make a list; None for no lists.
    position : int or None
        The number of the partition, for a function without inputs.
    node : Node, optional
        Where it comes from; not sent along.
    """

    __slots__ = ("__name__", "function", "node", "position", "shape")

    def __init__(
        self,
        function: Any,
        name: str,
        shape: tuple[int | None, ...] | None = None,
        position: int | None = None,
        node: Any = None,
    ) -> None:
        self.function = function
        self.__name__ = name
        self.shape = shape
        self.position = position
        self.node = node

    def __call__(self, *values: Any) -> Any:
        if self.position is not None:
            return self.function(self.position)
        if self.shape is None:
            return self.function(*values)
        following = iter(values)
        arguments = (
            next(following) if count is None else [next(following) for _ in range(count)] for count in self.shape
        )
        return self.function(*arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return (CallTask, (self.function, self.__name__, self.shape, self.position))

    def __eq__(self, other: object) -> bool:
        if type(other) is not CallTask:
            return NotImplemented
        same = (self.shape, self.position, self.__name__) == (other.shape, other.position, other.__name__)
        return same and self.node is not None and self.node == other.node

    def __hash__(self) -> int:
        return hash((self.__name__, self.position))

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        what = self.function if self.node is None else self.node.token
        return ("dusk-call", what, self.shape, self.position)

    def __repr__(self) -> str:
        return f"<{self.__name__}>"


def node_graph(nodes: Sequence[Any], keys: Sequence[Hashable]) -> dict[Hashable, Any]:
    """Return a graph of what some nodes need.

    Parameters
    ----------
    nodes : sequence of Node
    keys : sequence of hashable
        The keys of their partitions, one after the other.

    Returns
    -------
    dict
    """
    graph: dict[Hashable, Any] = {}
    made: dict[Any, list[Hashable]] = {}
    given = iter(keys)
    for node in nodes:
        own = [next(given) for _ in range(node.npartitions)]
        for key, other in zip(own, made.setdefault(node, own), strict=True):
            if key != other:  # the same value under another key
                graph[key] = other
    outputs = set(made)
    for node in _order(list(made)):
        picked = node.picked()
        if picked is not None and picked[0] in made and node not in outputs:
            made[node] = [made[picked[0]][i] for i in picked[1]]
            continue
        if node not in made:
            made[node] = _keys_of(node)
        graph.update(_tasks(node, made[node], made))
    return graph


def _keys_of(node: Any) -> list[Hashable]:
    if node.key is not None and node.npartitions == 1:
        return [node.key]
    if node.npartitions == 1 and node.parts() is not None:
        return [node.name]
    return [(node.name, i) for i in range(node.npartitions)]


def _inputs(node: Any) -> Sequence[Any]:
    """Return the nodes that the tasks of a node name."""
    picked = node.picked()
    if picked is not None:
        return [picked[0]] if _opens(picked[0]) else []
    parts = node.parts()
    if parts is None or len(parts) == 3 or _gathers_natively(parts):
        return []
    return parts[1]


def _gathers_natively(parts: tuple[Any, ...]) -> bool:
    """Whether a call gets the partitions of a frame or an array as one object, which the engine puts together."""
    return parts[4] and any(each.kind != "object" and each.npartitions > 1 for each in parts[1])


def _opens(node: Any) -> bool:
    """Whether a node is shown by its tasks."""
    if node.kind != "object":
        return False
    picked = node.picked()
    return _opens(picked[0]) if picked is not None else node.parts() is not None


def _order(outputs: Iterable[Any]) -> list[Any]:
    """Return all nodes, each after its inputs."""
    order: dict[Any, None] = {}
    for first in outputs:
        stack = [first]
        while stack:
            node = stack[-1]
            missing = [] if node in order else [each for each in _inputs(node) if each not in order]
            if missing:
                stack.extend(missing)
            else:
                stack.pop()
                order[node] = None
    return list(order)


def _tasks(node: Any, own: list[Hashable], made: Mapping[Any, list[Hashable]]) -> dict[Hashable, Any]:
    picked = node.picked()
    if picked is not None and picked[0] in made:
        return dict(zip(own, [made[picked[0]][i] for i in picked[1]], strict=True))
    parts = node.parts()
    if parts is None:
        return {key: (PartitionTask(node, i),) for i, key in enumerate(own)}
    if len(parts) == 3:
        return {own[0]: as_data(own[0], parts[0])}
    function, inputs, word, _, gathers, _ = parts
    if _gathers_natively(parts):
        return {own[0]: (PartitionTask(node, 0),)}
    if not inputs:
        return {key: (CallTask(function, word, None, i, node),) for i, key in enumerate(own)}
    needed = [made[each] for each in inputs]
    if gathers:
        shape = tuple(None if each.npartitions == 1 else each.npartitions for each in inputs)
        task = CallTask(function, word, None if not any(shape) else shape, None, node)
        return {own[0]: (task, *(key for keys in needed for key in keys))}
    return {
        key: (CallTask(function, word, None, None, node), *(keys[i if len(keys) > 1 else 0] for keys in needed))
        for i, key in enumerate(own)
    }
