"""A collection that stands for one node, and how schedulers and libraries made for Dask see it.

They see a graph of one task for each partition. Such a task holds the node and the number of the partition, and its
value is what the engine computes for it: a pandas object, or the object itself. Tasks are tuples of one function, which
every version of Dask takes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from dusk._collection import DuskMethodsMixin
from dusk._protocol import flatten_keys
from dusk.threaded import get

__all__ = ["HeldResults", "NodeCollection", "PartitionTask"]


class PartitionTask:
    """A task in a graph in Dask's form: computes one partition of a node through the engine."""

    __slots__ = ("identity", "node", "position")

    def __init__(self, node: Any, position: int, identity: tuple[str, int] | None = None) -> None:
        self.node = node
        self.position = position
        #: The token and the partition that this was made for: one that has travelled has less of a plan.
        self.identity = identity or (node.token, position)

    def __call__(self) -> Any:
        from dusk import _core, _engine

        part = self.node if self.node.npartitions == 1 else self.node.partitions([self.position])
        # Whoever runs the graph has its own threads: the partition is computed on the one that it gave.
        (chunks,) = _engine.run([part], scheduler="sync", callbacks=())
        return _core.assemble(part, chunks, consume=True)

    def __reduce__(self) -> tuple[Any, ...]:
        from dusk import _core

        # what is in memory travels as far as this partition reads it
        return (PartitionTask, (_core.one_partition(self.node, self.position), 0, self.identity))

    def __eq__(self, other: object) -> bool:
        return type(other) is PartitionTask and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-partition", *self.identity)

    def __repr__(self) -> str:
        return f"<{self.node.name}, partition {self.identity[1]}>"


class HeldResults:
    """Gives the values of keys in a graph whose tasks are done: what ``persist`` by another scheduler leaves behind."""

    __slots__ = ("graph", "keys")

    def __init__(self, graph: Mapping[Hashable, Any], keys: Sequence[Hashable]) -> None:
        self.graph = {key: graph[key] for key in keys}
        self.keys = list(keys)

    def __call__(self, position: int = 0) -> Any:
        value = self.graph[self.keys[position]]
        if type(value).__name__ == "DataNode":  # a finished value in dask._task_spec
            return value.value
        if type(value) is tuple and len(value) == 1 and callable(value[0]):
            return value[0]()
        if hasattr(value, "result") and hasattr(value, "key"):  # a future of dask.distributed
            return value.result()
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return (HeldResults, (self.graph, self.keys))


def _first(results: Sequence[Any]) -> Any:
    return results[0]


class NodeCollection(DuskMethodsMixin):
    """A collection that stands for one node, which its classes keep as ``_node``."""

    __slots__ = ()

    _node: Any

    def __dusk_nodes__(self) -> list[Any]:
        return [self._node]

    @property
    def _name(self) -> str:
        return self._node.name

    def __dask_graph__(self) -> Any:
        from dusk.highlevelgraph import layered

        node = self._node
        tasks = {key: (PartitionTask(node, i),) for i, key in enumerate(flatten_keys(self.__dask_keys__()))}
        return layered(self._name, tasks)

    def __dask_keys__(self) -> list[Hashable]:
        name = self._name
        return [(name, i) for i in range(self._node.npartitions)]

    def __dask_layers__(self) -> tuple[str, ...]:
        return (self._name,)

    def __dask_tokenize__(self) -> Any:
        return (type(self).__name__, self._node.token)

    def __dask_postcompute__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _first, ()

    @staticmethod
    def __dask_optimize__(dsk: Any, keys: Any, **kwargs: Any) -> Any:
        return dsk

    __dask_scheduler__ = staticmethod(get)

    def optimize(self, fuse: bool = True, **kwargs: Any) -> Any:
        """Return an equal collection with an optimized plan.

        Parameters
        ----------
        fuse : bool
            Accepted for compatibility: steps of a partition always run as one task.
        **kwargs
            More for `dusk.optimize`.
        """
        return super().optimize(**kwargs)

    def persist(self, fuse: bool = True, **kwargs: Any) -> Any:
        """Compute this collection and return one of the same kind that holds the data.

        Parameters
        ----------
        fuse : bool
            Accepted for compatibility.
        **kwargs
            More for `dusk.persist`: ``scheduler``, ``num_workers``, ...
        """
        return super().persist(**kwargs)

    def visualize(self, tasks: bool = False, **kwargs: Any) -> Any:
        """Draw the graph of this collection.

        Parameters
        ----------
        tasks : bool
            Accepted for compatibility.
        **kwargs
            More for `dusk.visualize`: ``filename``, ``format``, ``optimize_graph``, ...
        """
        return super().visualize(**kwargs)

    @property
    def dask(self) -> Any:
        """The graph in Dask's form: calls of functions one by one, of all else a task for each partition."""
        return self.__dask_graph__()

    def explain(self, stage: str = "optimized", format: str | None = None) -> str:
        """Return the plan as text; each step says whether it runs natively, in pandas or in a function of yours.

        Parameters
        ----------
        stage : {"optimized", "logical", "physical"}
            The plan as it runs, as it was written, or the tasks that the scheduler gets. Dask's names of stages are
            understood as well.
        format : None
            Accepted for compatibility.

        Returns
        -------
        str
        """
        return self._node.explain(_STAGES.get(stage, stage))


_STAGES = {
    "fused": "optimized",
    "simplified-logical": "optimized",
    "tuned-logical": "optimized",
    "simplified-physical": "physical",
}
