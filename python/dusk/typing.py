"""Protocols of collections and of what runs them, for type checkers and ``isinstance``."""

from __future__ import annotations

import abc
from collections.abc import Callable, Hashable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

__all__ = [
    "CollType",
    "CollType_co",
    "DaskCollection",
    "Graph",
    "HLGDaskCollection",
    "Key",
    "NestedKeys",
    "NoDefault",
    "PostComputeCallable",
    "PostPersistCallable",
    "SchedulerGetCallable",
    "no_default",
]

CollType = TypeVar("CollType", bound="DaskCollection")
CollType_co = TypeVar("CollType_co", bound="DaskCollection", covariant=True)
PostComputeCallable: TypeAlias = Callable[..., Any]

#: Names a task in a graph.
Key: TypeAlias = "str | int | float | tuple[Key, ...]"
Graph: TypeAlias = Mapping[Key, Any]
#: Keys in lists in lists, as many as there are dimensions.
NestedKeys: TypeAlias = "list[Key | NestedKeys]"


class NoDefault(Enum):
    """The type of `no_default`, which stands for an argument that wasn't given."""

    no_default = "NO_DEFAULT"

    def __repr__(self) -> str:
        return "<no_default>"


no_default: Final = NoDefault.no_default
#: The type of an argument that may be missing.
NoDefaultType: TypeAlias = Literal[NoDefault.no_default]


class SchedulerGetCallable(Protocol):
    """Runs a graph."""

    def __call__(self, dsk: Graph, keys: Sequence[Key] | Key, **kwargs: Any) -> Any:
        """Return the values of keys, nested as these are."""
        ...


class PostPersistCallable(Protocol[CollType_co]):
    """Makes a collection of a graph of finished tasks."""

    def __call__(self, dsk: Graph, *args: Any, rename: Mapping[str, str] | None = None) -> CollType_co:
        """Return the collection; ``rename`` has new names of its keys."""
        ...


@runtime_checkable
class DaskCollection(Protocol):
    """What makes an object a collection.

    Attributes
    ----------
    __dask_optimize__ : callable
        ``(dsk, keys, **kwargs)`` returns an optimized graph.
    __dask_scheduler__ : SchedulerGetCallable
        What runs the graph by default.
    """

    __dask_optimize__: Any
    __dask_scheduler__: staticmethod

    @abc.abstractmethod
    def __dask_graph__(self) -> Graph:
        """Return the graph."""
        raise NotImplementedError("an abstract method was called")

    @abc.abstractmethod
    def __dask_keys__(self) -> NestedKeys:
        """Return the keys of what the collection stands for."""
        raise NotImplementedError("an abstract method was called")

    @abc.abstractmethod
    def __dask_postcompute__(self) -> tuple[PostComputeCallable, tuple]:
        """Return a function of the computed values, and more arguments for it."""
        raise NotImplementedError("an abstract method was called")

    @abc.abstractmethod
    def __dask_postpersist__(self) -> tuple[PostPersistCallable, tuple]:
        """Return a function of a graph of finished tasks, and more arguments for it."""
        raise NotImplementedError("an abstract method was called")

    @abc.abstractmethod
    def __dask_tokenize__(self) -> Hashable:
        """Return what says which collection it is."""
        raise NotImplementedError("an abstract method was called")

    @abc.abstractmethod
    def compute(self, **kwargs: Any) -> Any:
        """Return the value."""
        raise NotImplementedError("an abstract method was called")

    @abc.abstractmethod
    def persist(self: CollType, **kwargs: Any) -> CollType:
        """Return a collection that holds the values."""
        raise NotImplementedError("an abstract method was called")

    @abc.abstractmethod
    def visualize(
        self, filename: str = "mydask", format: str | None = None, optimize_graph: bool = False, **kwargs: Any
    ) -> Any:
        """Draw the graph."""
        raise NotImplementedError("an abstract method was called")


@runtime_checkable
class HLGDaskCollection(DaskCollection, Protocol):
    """A collection whose graph has layers with names."""

    @abc.abstractmethod
    def __dask_layers__(self) -> Sequence[str]:
        """Return the names of the layers that hold the keys."""
        raise NotImplementedError("an abstract method was called")
