"""Collections inside containers, and what all of dusk's collections have in common.

A class is one of dusk's own collections if it has this protocol, which nothing but `dusk.base` calls:

``__dusk_nodes__()``
    The nodes of the logical plan that the collection stands for, as a list; mostly one.
``__dusk_finalize__(results)``
    The value that `compute` returns, from the list of chunks of each node.
``__dusk_single__``
    An attribute of classes that stand for one node, whose value is simply what the node makes: no finalizing is needed.
``__dusk_rebuild__(nodes)``
    The same kind of collection over other nodes, which hold the same data: after `persist` and `optimize`.

Beside it stands Dask's protocol (``__dask_graph__``, ``__dask_keys__``, ``__dask_postcompute__``,
``__dask_postpersist__``, ``__dask_tokenize__``), through which schedulers and libraries made for Dask see it.
"""

from __future__ import annotations

import copy
import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self

    from dusk._core import Chunk

#: Types that are neither collections nor containers of them.
_LEAVES = frozenset({int, float, str, bytes, bool, complex, type(None), type, slice, range})


def is_dusk_collection(x: Any) -> bool:
    """Return whether an object is a collection: dusk's own, or anything with Dask's protocol.

    Nothing is computed. An object that has ``__dask_graph__`` counts if that returns something other than None.

    Parameters
    ----------
    x : object

    Returns
    -------
    bool
    """
    cls = type(x)
    if cls in _LEAVES or isinstance(x, type):
        return False
    if hasattr(cls, "__dusk_nodes__"):
        return True
    if not hasattr(cls, "__dask_graph__") and not hasattr(x, "__dask_graph__"):
        return False
    if hasattr(cls, "__dask_exprs__") or (hasattr(cls, "expr") and hasattr(type(x.expr), "__dask_graph__")):
        return True  # an expression; its graph would have to be made
    try:
        return x.__dask_graph__() is not None
    except (AttributeError, TypeError):
        return False


def is_namedtuple_instance(obj: Any) -> bool:
    """Return whether an object is an instance of a named tuple's class."""
    return isinstance(obj, tuple) and type(obj) is not tuple and hasattr(obj, "_fields") and hasattr(obj, "_asdict")


class _Result:
    """The place of a computed value."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position


class _Gather:
    """A list or tuple of nothing but computed values."""

    __slots__ = ("kind", "places")

    def __init__(self, kind: type, places: list[int]) -> None:
        self.kind = kind
        self.places = places


def _all_native(items: Sequence[Any]) -> bool:
    """Return whether all items are dusk's own collections."""
    return all(hasattr(kind, "__dusk_nodes__") for kind in set(map(type, items)))


class _Build:
    """A container to be made anew from its parts."""

    __slots__ = ("make", "parts")

    def __init__(self, make: Callable[[list[Any]], Any], parts: list[Any]) -> None:
        self.make = make
        self.parts = parts


def unpack_collections(
    *args: Any, traverse: bool = True
) -> tuple[list[Any], Callable[[Sequence[Any]], tuple[Any, ...]]]:
    """Find the collections in some arguments.

    Lists, tuples, sets, dictionaries, ordered dictionaries, dataclasses, named tuples and iterators are searched, at
    any depth; subclasses of these are not. Iterators become lists. A container without collections stays as it is.

    Parameters
    ----------
    *args
        Collections, containers and anything else.
    traverse : bool, default True
        Search containers; otherwise only the arguments themselves.

    Returns
    -------
    collections : list
        The collections, each object once.
    repack : callable
        Takes the list of values for the collections; returns the arguments as a tuple with these in their places.
    """
    collections: list[Any] = []
    positions: dict[int, int] = {}

    def search(x: Any, depth: int) -> Any:
        cls = type(x)
        if cls in _LEAVES:
            return x
        if traverse and (cls is list or cls is tuple) and x and _all_native(x):
            places = []
            for each in x:
                position = positions.setdefault(id(each), len(collections))
                if position == len(collections):
                    collections.append(each)
                places.append(position)
            return _Gather(cls, places)
        if is_dusk_collection(x):
            position = positions.get(id(x))
            if position is None:
                position = positions[id(x)] = len(collections)
                collections.append(x)
            return _Result(position)
        if not traverse and depth:
            return x
        opened = _open_container(x, cls) if traverse else None
        if opened is None:
            return x
        make, parts = opened
        searched = [search(part, depth + 1) for part in parts]
        if isinstance(x, Iterator) or any(new is not old for new, old in zip(searched, parts, strict=True)):
            return _Build(make, searched)
        return x

    if args and _all_native(args) and len(set(map(id, args))) == len(args):
        # Thousands of delayed values are common.
        return list(args), tuple
    recipes = [search(arg, 0) for arg in args]

    def repack(results: Sequence[Any]) -> tuple[Any, ...]:
        def build(recipe: Any) -> Any:
            if type(recipe) is _Result:
                return results[recipe.position]
            if type(recipe) is _Gather:
                return recipe.kind([results[position] for position in recipe.places])
            if type(recipe) is _Build:
                return recipe.make([build(part) for part in recipe.parts])
            return recipe

        return tuple(build(recipe) for recipe in recipes)

    return collections, repack


def _open_container(x: Any, cls: type) -> tuple[Callable[[list[Any]], Any], list[Any]] | None:
    """Return how to make a container like ``x`` and its parts; None if it isn't one that is searched."""
    if cls in (list, tuple, set):
        return cls, list(x)
    if cls in (dict, OrderedDict):
        half = len(x)
        return lambda parts: cls(zip(parts[:half], parts[half:], strict=True)), [*x.keys(), *x.values()]
    if isinstance(x, tuple) and is_namedtuple_instance(x):
        return lambda parts: cls._make(parts), list(x)  # type: ignore[attr-defined]
    if dataclasses.is_dataclass(x):
        names = [field.name for field in dataclasses.fields(x) if hasattr(x, field.name)]
        return lambda parts: _copy_with(x, names, parts), [getattr(x, name) for name in names]
    if isinstance(x, Iterator) and (isinstance(x, Generator) or cls.__module__ in ("builtins", "itertools")):
        return list, list(x)
    return None


def _copy_with(x: Any, names: list[str], values: list[Any]) -> Any:
    """Copy a dataclass's instance with other values, also a frozen one, and fields that ``__init__`` doesn't take."""
    new = copy.copy(x)
    for name, value in zip(names, values, strict=True):
        object.__setattr__(new, name, value)
    return new


class DuskMethodsMixin:
    """The methods of every collection, dusk's own and any class with Dask's protocol."""

    __slots__ = ()

    def __dusk_finalize__(self, results: list[list[Chunk]]) -> Any:
        """Make the value that `compute` returns from the chunks of each node; called only if there are nodes."""
        from dusk import _core

        (node,), (chunks,) = self.__dusk_nodes__(), results  # type: ignore[attr-defined]
        return _core.assemble(node, chunks, consume=True)

    def compute(self, **kwargs: Any) -> Any:
        """Compute this collection and return the result as an object in memory.

        Parameters
        ----------
        scheduler : str, callable, executor or client, optional
            What runs the tasks: ``"threads"``, ``"sync"``, a function that takes a graph and keys, ... By default as
            the setting ``scheduler`` says, else the active distributed client, else threads.
        optimize_graph : bool, default True
            Optimize the plan first.
        **kwargs
            More for the scheduler, such as ``num_workers``.

        Returns
        -------
        object
            What the collection stands for: a pandas object, a NumPy array, a list, ...

        See Also
        --------
        dusk.compute : Computes several collections in one run.
        """
        from dusk.base import compute

        (result,) = compute(self, traverse=False, **kwargs)
        return result

    def persist(self, **kwargs: Any) -> Self:
        """Compute this collection and return one of the same kind that holds the data.

        Later computations start from there. The data counts against the memory budget and may be spilled.

        Parameters
        ----------
        scheduler : str, callable, executor or client, optional
            See `compute`.
        optimize_graph : bool, default True
            Optimize the plan first.
        **kwargs
            More for the scheduler.

        Returns
        -------
        collection

        See Also
        --------
        dusk.persist : Persists several collections in one run.
        """
        from dusk._traceback import shorten_traceback
        from dusk.base import persist

        with shorten_traceback():
            (result,) = persist(self, traverse=False, **kwargs)
        return result

    def optimize(self, **kwargs: Any) -> Self:
        """Return an equal collection with an optimized plan.

        Returns
        -------
        collection

        See Also
        --------
        dusk.optimize : Optimizes several collections.
        """
        from dusk.base import optimize

        (result,) = optimize(self, traverse=False, **kwargs)
        return result

    def visualize(
        self, filename: str | None = "mydask", format: str | None = None, optimize_graph: bool = False, **kwargs: Any
    ) -> Any:
        """Draw the graph of this collection.

        Parameters
        ----------
        filename : str or None, default "mydask"
            File to write; the ending says the format. None writes nothing.
        format : {"svg", "png", "pdf", "dot", ...}, optional
            Format of the file, if its name doesn't say it. All but svg need the graphviz program.
        optimize_graph : bool, default False
            Optimize the plan first.
        **kwargs
            More for `dusk.visualize`.

        Returns
        -------
        object
            Something that a notebook shows.

        See Also
        --------
        dusk.visualize : Draws several collections.
        """
        from dusk.base import visualize

        return visualize(self, filename=filename, format=format, optimize_graph=optimize_graph, **kwargs)

    def __await__(self) -> Generator[Any, None, Self]:
        """Wait until the data is there; collections on this machine are there at once."""
        from dusk.base import wait_async

        return wait_async(self).__await__()
