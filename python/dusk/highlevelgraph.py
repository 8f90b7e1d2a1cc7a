"""Graphs in named layers: what libraries on top of collections build theirs with.

A `HighLevelGraph` is a mapping from keys to tasks whose parts, the layers, have names and know which others they need.
dusk plans with nodes, not with layers: its collections show a graph of one layer, and layers that come in are read as
the mapping that they are. Layers that make their tasks late (Dask's ``Blockwise``) are taken from Dask and not offered
here.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["HighLevelGraph", "Layer", "MaterializedLayer", "layered"]

Graph = Mapping[Hashable, Any]


class Layer(Mapping[Hashable, Any]):
    """A part of a graph.

    Parameters
    ----------
    annotations : mapping, optional
        Annotations of its tasks; by default those in force.
    collection_annotations : mapping, optional
        What is told of the collection.
    """

    def __init__(
        self,
        annotations: Mapping[str, Any] | None = None,
        collection_annotations: Mapping[str, Any] | None = None,
    ) -> None:
        from dusk.base import get_annotations

        self.annotations = dict(annotations) if annotations is not None else get_annotations() or None
        self.collection_annotations = dict(collection_annotations) if collection_annotations is not None else None

    def is_materialized(self) -> bool:
        """Whether the tasks are there."""
        return True

    def get_output_keys(self) -> set[Hashable]:
        """Return the keys that others may use: all."""
        return set(self)

    def get_dependencies(self, key: Hashable, all_hlg_keys: Any) -> set[Hashable]:
        """Return the keys of a graph that a task needs."""
        from dusk.core import keys_in_tasks

        return keys_in_tasks(all_hlg_keys, [self[key]])


class MaterializedLayer(Layer):
    """A layer whose tasks are there.

    Parameters
    ----------
    mapping : mapping
        The tasks by key.
    annotations, collection_annotations : mapping, optional
        See `Layer`.
    """

    def __init__(
        self,
        mapping: Graph,
        annotations: Mapping[str, Any] | None = None,
        collection_annotations: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(annotations, collection_annotations)
        self.mapping = mapping

    def __contains__(self, key: object) -> bool:
        return key in self.mapping

    def __getitem__(self, key: Hashable) -> Any:
        return self.mapping[key]

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self.mapping)

    def __len__(self) -> int:
        return len(self.mapping)

    def __repr__(self) -> str:
        return f"MaterializedLayer({len(self)} tasks)"


class HighLevelGraph(Mapping[Hashable, Any]):
    """A graph in layers.

    Parameters
    ----------
    layers : mapping
        Mappings from keys to tasks, by name.
    dependencies : mapping
        For each layer the names of those that it needs.
    key_dependencies : mapping, optional
        Accepted for compatibility.

    Examples
    --------
    >>> import operator
    >>> graph = HighLevelGraph({"a": {"x": 1}, "b": {"y": (operator.neg, "x")}}, {"a": set(), "b": {"a"}})
    >>> sorted(graph), graph["x"]
    (['x', 'y'], 1)
    """

    def __init__(
        self,
        layers: Mapping[str, Graph],
        dependencies: Mapping[str, Iterable[str]],
        key_dependencies: Mapping[Hashable, set[Hashable]] | None = None,
    ) -> None:
        self.layers: dict[str, Layer] = {
            name: layer if isinstance(layer, Layer) else MaterializedLayer(layer) for name, layer in layers.items()
        }
        self.dependencies: dict[str, set[str]] = {name: set(needed) for name, needed in dependencies.items()}
        self.key_dependencies = dict(key_dependencies or {})
        self._token: str | None = None

    @classmethod
    def from_collections(cls, name: str, layer: Graph, dependencies: Sequence[Any] = ()) -> HighLevelGraph:
        """Make a graph of a new layer and of the collections that it needs.

        Parameters
        ----------
        name : str
            Name of the layer.
        layer : mapping
            Its tasks.
        dependencies : sequence of collections
            What the tasks use.
        """
        from dusk._collection import is_dusk_collection

        layers: dict[str, Graph] = {}
        needed: dict[str, set[str]] = {}
        own: set[str] = set()
        for each in dependencies:
            if not is_dusk_collection(each):
                raise TypeError(f"{type(each).__name__} is no collection")
            graph = each.__dask_graph__()
            if hasattr(graph, "layers") and hasattr(graph, "dependencies"):
                layers.update(graph.layers)
                needed.update(graph.dependencies)
                names = each.__dask_layers__() if hasattr(each, "__dask_layers__") else tuple(graph.layers)
            else:
                names = each.__dask_layers__() if hasattr(each, "__dask_layers__") else (str(id(graph)),)
                layers[names[0]] = graph
                needed[names[0]] = set()
            own.update(names)
        return cls({**layers, name: layer}, {**needed, name: own})

    @classmethod
    def merge(cls, *graphs: Graph) -> HighLevelGraph:
        """Make a graph of several; one that has no layers becomes one."""
        layers: dict[str, Graph] = {}
        dependencies: dict[str, set[str]] = {}
        for graph in graphs:
            if isinstance(graph, HighLevelGraph):
                layers.update(graph.layers)
                dependencies.update(graph.dependencies)
            else:
                layers[str(id(graph))] = graph
                dependencies[str(id(graph))] = set()
        return cls(layers, dependencies)

    # The mapping ------------------------------------------------------------------------------------------------------

    def __getitem__(self, key: Hashable) -> Any:
        name = key[0] if isinstance(key, tuple) and key else key
        try:
            first = self.layers.get(name)  # type: ignore[arg-type]
            if first is not None and key in first:
                return first[key]
            for layer in self.layers.values():
                if key in layer:
                    return layer[key]
        except TypeError:  # not hashable, so no key
            pass
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        try:
            self[key]  # type: ignore[index]
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self.to_dict())

    def __len__(self) -> int:
        # layers may have keys in common
        return len(self.to_dict())

    def to_dict(self) -> dict[Hashable, Any]:
        """Return the tasks by key, without layers."""
        graph: dict[Hashable, Any] = {}
        for layer in self.layers.values():
            graph.update(layer)
        return graph

    def keys(self) -> Any:
        """Return the keys, as a set."""
        return self.to_dict().keys()

    def items(self) -> Any:
        """Return pairs of key and task."""
        return self.to_dict().items()

    def values(self) -> Any:
        """Return the tasks."""
        return self.to_dict().values()

    # Layers -----------------------------------------------------------------------------------------------------------

    @property
    def dependents(self) -> dict[str, set[str]]:
        """For each layer the names of those that need it."""
        from dusk.core import reverse_dict

        return reverse_dict(self.dependencies)  # type: ignore[arg-type, return-value]

    def get_all_external_keys(self) -> set[Hashable]:
        """Return the keys of all layers that others may use."""
        return {key for layer in self.layers.values() for key in layer.get_output_keys()}

    def get_all_dependencies(self) -> dict[Hashable, set[Hashable]]:
        """Return for each key the keys that it needs."""
        from dusk.core import get_deps

        return get_deps(self.to_dict())[0]

    def copy(self) -> HighLevelGraph:
        """Return a graph of the same layers."""
        return type(self)(dict(self.layers), dict(self.dependencies), dict(self.key_dependencies))

    def validate(self) -> None:
        """Raise a ValueError if a layer needs one that isn't there."""
        for name, needed in self.dependencies.items():
            if name not in self.layers:
                raise ValueError(f"there is no layer {name!r}, which has dependencies")
            missing = needed - self.layers.keys()
            if missing:
                raise ValueError(f"layer {name!r} needs {sorted(missing)[0]!r}, which isn't there")

    def cull(self, keys: Any) -> HighLevelGraph:
        """Return a graph with nothing but what some keys need.

        Parameters
        ----------
        keys : key or nested list of keys
        """
        from dusk._pyget import _flat, _Plan

        needed = _Plan(self.to_dict(), [key for key in _flat(list(keys) if isinstance(keys, set) else keys)]).rank
        layers = {
            name: MaterializedLayer(
                {key: task for key, task in layer.items() if key in needed},
                layer.annotations,
                layer.collection_annotations,
            )
            for name, layer in self.layers.items()
        }
        kept = {name: layer for name, layer in layers.items() if layer}
        return type(self)(kept, {name: self.dependencies.get(name, set()) & kept.keys() for name in kept})

    def __dask_tokenize__(self) -> Any:
        return ("HighLevelGraph", self._token or (self.to_dict(), self.dependencies))

    def __repr__(self) -> str:
        lines = [f" {i}. {name}" for i, name in enumerate(self.layers)]
        return "\n".join([f"{type(self).__name__} with {len(self.layers)} layers.", *lines])


def layered(name: str, tasks: Graph) -> Any:
    """Return a graph of one layer: Dask's own class where that is loaded, so that Dask's libraries know it."""
    theirs = sys.modules.get("dask.highlevelgraph")
    cls = HighLevelGraph if theirs is None else theirs.HighLevelGraph
    graph = cls.from_collections(name, tasks)
    if isinstance(graph, HighLevelGraph):
        graph._token = name  # says all that is in it
    return graph
