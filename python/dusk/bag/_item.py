"""Single values that bags make, and what bags and they have in common."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from dusk._collection import DuskMethodsMixin
from dusk._names import funcname
from dusk._node_collection import NodeCollection
from dusk._protocol import flatten_keys, renamed_key
from dusk._schedulers import default_get
from dusk._wire import Code
from dusk.bag._plan import Each, FromNodes, Graph, Step, interned, lower
from dusk.tokenize import tokenize

__all__ = ["Item", "StepCollection", "graph_of"]


def graph_of(dsk: Any) -> dict[Hashable, Any]:
    """Return a graph in Dask's form as a plain dictionary."""
    return dict(dsk if isinstance(dsk, Mapping) else dsk.__dask_graph__())


class StepCollection(NodeCollection):
    """A collection that stands for a step of a bag's plan."""

    __slots__ = ("__weakref__", "_step")

    _step: Step

    @property
    def _name(self) -> str:
        return self._step.name

    visualize = DuskMethodsMixin.visualize

    __dask_scheduler__ = staticmethod(default_get("processes"))

    def __dusk_nodes__(self) -> list[Any]:
        return lower(self._step)

    def __dask_tokenize__(self) -> Any:
        return (type(self).__name__, self._step.name)

    def __dask_graph__(self) -> Any:
        from dusk._node_graph import node_graph
        from dusk.highlevelgraph import layered

        return layered(self._name, node_graph(self.__dusk_nodes__(), list(flatten_keys(self.__dask_keys__()))))

    def explain(self, stage: str = "optimized", format: str | None = None) -> str:
        """Return the plan as text; see `dusk.bag.Bag.compute` for running it."""
        from dusk._node_collection import _STAGES

        return "\n".join(node.explain(_STAGES.get(stage, stage)) for node in self.__dusk_nodes__())

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if name == "_step":
            value.handles.add(self)


class Item(StepCollection):
    """One value that a bag's partitions are reduced to.

    Parameters
    ----------
    dsk : mapping
        A graph in Dask's form.
    key : hashable
        The key of the value in it.
    layer : str, optional
        Accepted for compatibility.
    """

    __slots__ = ("_key",)

    def __init__(self, dsk: Any, key: Hashable, layer: str | None = None) -> None:
        self._key = key
        if isinstance(dsk, Step):
            self._step = dsk
        else:
            graph = graph_of(dsk)
            if key not in graph:
                raise ValueError(f"key {key!r} is not in the graph")
            self._step = Graph(str(key), graph, [key], as_lists=False)

    @classmethod
    def _of(cls, step: Step) -> Item:
        return cls(interned(step), step.name)

    @property
    def key(self) -> Hashable:
        """Its name in a graph."""
        return self._key

    @property
    def name(self) -> Hashable:
        """Its name in a graph."""
        return self._key

    @property
    def _node(self) -> Any:  # type: ignore[override]
        (node,) = lower(self._step)
        return node

    def __dask_keys__(self) -> list[Hashable]:
        return [self._key]

    def __dask_layers__(self) -> tuple[str, ...]:
        return (str(self._key),)

    def __dusk_finalize__(self, results: list[list[Any]]) -> Any:
        ((chunk,),) = results
        return chunk.to_object()

    def __dusk_rebuild__(self, nodes: list[Any]) -> Item:
        return Item(FromNodes(self._name, nodes), self._key)

    def __dask_postpersist__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _rebuilt_item, (self._key,)

    @staticmethod
    def from_delayed(value: Any) -> Item:
        """Make an item of a delayed value.

        Parameters
        ----------
        value : Delayed
        """
        from dusk.delayed import Delayed, delayed

        if not isinstance(value, Delayed):
            if not hasattr(value, "key"):
                raise TypeError(f"a delayed value is needed, got {type(value).__name__}")
            value = delayed(value)
        return Item(FromNodes(str(value.key), [value._node]), value.key)

    def to_delayed(self, optimize_graph: bool = True) -> Any:
        """Return the value as a Delayed.

        Parameters
        ----------
        optimize_graph : bool, default True
            Accepted for compatibility; what is computed later is optimized then.
        """
        from dusk.delayed import Delayed

        return Delayed(self._node, self._key)

    def apply(self, func: Callable[[Any], Any]) -> Item:
        """Return what a function makes of the value, as an item.

        Parameters
        ----------
        func : callable
        """
        name = f"{funcname(func)}-{tokenize(self, func, 'apply')}"
        return Item._of(Each(name, func, [self._step]))

    def __bool__(self) -> bool:
        return bool(self.compute())

    def __int__(self) -> int:
        return int(self.compute())

    def __float__(self) -> float:
        return float(self.compute())

    def __complex__(self) -> complex:
        return complex(self.compute())

    __hash__ = object.__hash__

    def __getstate__(self) -> tuple[Any, ...]:
        return (self._step, self._key)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        Item.__init__(self, *state)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Item, (Code(self._step), self._key))

    def __repr__(self) -> str:
        return f"dusk.bag.Item<{self._key!s}>"


def _rebuilt_item(dsk: Any, key: Hashable, *, rename: Mapping[str, str] | None = None) -> Item:
    return Item(dsk, renamed_key(key, rename))
