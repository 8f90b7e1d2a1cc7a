"""Keys of a graph in Dask's form as nodes of the engine: each task becomes a call, each finished value a chunk."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from dusk._node_collection import PartitionTask

__all__ = ["GraphTask", "graph_nodes"]


class GraphTask:
    """A task of a graph as a function of the values of the keys that it needs."""

    __slots__ = ("__name__", "keys", "task")

    def __init__(self, task: Any, keys: Sequence[Hashable], name: str) -> None:
        self.task = task
        self.keys = tuple(keys)
        self.__name__ = name

    def __call__(self, *values: Any) -> Any:
        from dusk._pyget import evaluate

        return evaluate(self.task, dict(zip(self.keys, values, strict=True)))

    def __reduce__(self) -> tuple[Any, ...]:
        return (GraphTask, (self.task, self.keys, self.__name__))


def graph_nodes(dsk: Mapping[Hashable, Any], keys: Sequence[Hashable], token: str) -> list[Any]:
    """Return a node for each key, of one partition each.

    Parameters
    ----------
    dsk : mapping
        The graph.
    keys : sequence of hashable
    token : str
        What tells this graph from others that have the same keys.

    Raises
    ------
    KeyError
        If a key isn't in the graph.
    """
    from dusk import _core
    from dusk._pyget import _Plan
    from dusk.tokenize import tokenize
    from dusk.utils import key_split

    plan = _Plan(dsk, keys)
    made: dict[Hashable, Any] = {}
    for key in plan.rank:
        task = dsk[key]
        if type(task) is tuple and len(task) == 1 and type(task[0]) is PartitionTask:
            node, position = task[0].node, task[0].position
            made[key] = node if node.npartitions == 1 else node.partitions([position])
            continue
        needed = sorted(plan.needs[key], key=str)
        prefix = key_split(key)
        function = GraphTask(task, needed, prefix)
        inputs = [made[each] for each in needed]
        name = tokenize("graph", token, key)
        made[key] = _core.call(
            function, inputs, None, prefix=prefix, mode="partition", library=False, divisions=1, token=name
        )
    return [made[key] for key in keys]
