"""Keys of a graph in Dask's form as nodes of the engine: each task becomes a call, each finished value a chunk."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from dusk._node_collection import PartitionTask
from dusk._node_graph import CallTask
from dusk._pyget import _holds_tasks, _is_graph_node, _Plan, is_task

__all__ = ["GraphTask", "graph_nodes"]


class GraphTask:
    """A task of a graph as a function of the values of the keys that it needs.

    Parameters
    ----------
    task : object
        The task.
    keys : sequence of hashable
        What it needs.
    name : str
        The word in its key.
    as_list : bool
        Whether an iterator becomes a list.
    """

    __slots__ = ("__name__", "as_list", "keys", "task")

    def __init__(self, task: Any, keys: Sequence[Hashable], name: str, as_list: bool = False) -> None:
        self.task = task
        self.keys = tuple(keys)
        self.as_list = as_list
        self.__name__ = name

    def __call__(self, *values: Any) -> Any:
        from dusk._pyget import evaluate

        if _is_future(self.task):
            return self.task.result()
        value = evaluate(self.task, dict(zip(self.keys, values, strict=False)))
        return list(value) if self.as_list and isinstance(value, Iterator) else value

    def __reduce__(self) -> tuple[Any, ...]:
        return (GraphTask, (self.task, self.keys, self.__name__, self.as_list))


def _is_future(x: Any) -> bool:
    """Whether a graph's value is a future of dask.distributed, which stands for its result."""
    return type(x).__name__ == "Future" and hasattr(x, "key") and hasattr(x, "result")


def _is_data(task: Any, needed: Sequence[Hashable]) -> bool:
    """Whether a graph's value is nothing to compute."""
    if needed or is_task(task) or _is_graph_node(task) or _holds_tasks(task):
        return False
    return not _is_future(task) and not isinstance(task, Iterator)


def graph_nodes(
    dsk: Mapping[Hashable, Any], keys: Sequence[Hashable], token: str, *, as_lists: bool = False
) -> list[Any]:
    """Return a node for each key, of one partition each.

    Parameters
    ----------
    dsk : mapping
        The graph.
    keys : sequence of hashable
    token : str
        What tells this graph from others that have the same keys.
    as_lists : bool
        Whether the values of these keys become lists where they are iterators.

    Raises
    ------
    KeyError
        If a key isn't in the graph.
    """
    from dusk import _core
    from dusk.tokenize import tokenize
    from dusk.utils import key_split

    plan = _Plan(dsk, keys)
    made: dict[Hashable, Any] = {}
    wanted = set(keys) if as_lists else set()
    for key in plan.rank:
        task = dsk[key]
        if type(task) is tuple and len(task) == 1 and type(task[0]) is PartitionTask:
            node, position = task[0].node, task[0].position
            made[key] = node if node.npartitions == 1 else node.partitions([position])
            continue
        if type(task) is tuple and task and type(task[0]) is CallTask and task[0].node is not None:
            known = task[0].node.npartitions == 1 and set(task[0].node.parts()[1]) == {made[each] for each in task[1:]}
            if known:  # a call of one of our nodes, unchanged
                made[key] = task[0].node
                continue
        needed = sorted(plan.needs[key], key=str)
        if needed == [task] and key not in wanted:  # another name for a key
            made[key] = made[task]
            continue
        if _is_data(task, needed):
            made[key] = _core.value(task, tokenize("graph", token, key)).keyed(key)
            continue
        prefix = key_split(key)
        function = GraphTask(task, needed, prefix, key in wanted)
        inputs = [made[each] for each in needed]
        name = tokenize("graph", token, key)
        made[key] = _core.call(
            function, inputs, None, prefix=prefix, mode="partition", library=False, divisions=1, token=name
        ).keyed(key)
    return [made[key] for key in keys]
