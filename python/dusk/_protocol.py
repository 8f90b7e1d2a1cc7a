"""Collections through Dask's protocol: their graphs, run by any function that takes a graph and keys."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

Get = Callable[..., Any]


def flatten_keys(keys: Any) -> Iterator[Hashable]:
    """Yield the keys in nested lists of keys."""
    if isinstance(keys, list):
        for each in keys:
            yield from flatten_keys(each)
    else:
        yield keys


def renamed_key(key: Hashable, rename: Mapping[str, str] | None) -> Hashable:
    """Return a key with another name in it."""
    if not rename:
        return key
    if isinstance(key, tuple) and key and key[0] in rename:
        return (rename[key[0]], *key[1:])
    return rename.get(key, key) if isinstance(key, str) else key


def _settled(collection: Any, optimize_graph: bool) -> Any:
    """Return the collection whose graph and keys are to be used; expressions optimize themselves."""
    cls = type(collection)  # its attributes: those of a Delayed are tasks
    if optimize_graph and hasattr(cls, "expr") and callable(getattr(cls, "optimize", None)):
        return collection.optimize()
    return collection


def _merge(graphs: Sequence[Any]) -> Any:
    if len(graphs) == 1:
        return graphs[0]
    merge = getattr(type(graphs[0]), "merge", None)
    if merge is not None and all(type(graph) is type(graphs[0]) for graph in graphs):
        return merge(*graphs)
    merged: dict[Hashable, Any] = {}
    for graph in graphs:
        merged.update(graph)
    return merged


def common_graph(
    collections: Sequence[Any], optimize_graph: bool = True, **kwargs: Any
) -> tuple[dict[Any, Any], list[Any]]:
    """Return one graph for some collections, and the keys of each.

    Parameters
    ----------
    collections : sequence
        Collections with Dask's protocol.
    optimize_graph : bool, default True
        Apply the collections' own optimization; once for those that share it.
    **kwargs
        For the optimization.

    Returns
    -------
    graph : dict
    keys : list
        The keys of each collection, in the order of the collections.
    """
    groups: dict[Any, tuple[Callable[..., Any] | None, list[int]]] = {}
    graphs = [collection.__dask_graph__() for collection in collections]
    keys = [_as_lists(collection.__dask_keys__()) for collection in collections]
    for i, collection in enumerate(collections):
        function = getattr(collection, "__dask_optimize__", None) if optimize_graph else None
        groups.setdefault(getattr(function, "__func__", function), (function, []))[1].append(i)
    graph: dict[Any, Any] = {}
    for function, members in groups.values():
        merged = _merge([graphs[i] for i in members])
        if function is not None:
            merged = function(merged, [keys[i] for i in members], **kwargs)
        graph.update(merged)
    return graph, keys


def _as_lists(keys: Any) -> Any:
    """Return nested keys with lists, which some collections give as other sequences."""
    return [_as_lists(each) for each in keys] if isinstance(keys, list) else keys


def compute_by_graph(collections: Sequence[Any], get: Get, optimize_graph: bool = True, **kwargs: Any) -> list[Any]:
    """Compute collections by a function that takes a graph and keys.

    Parameters
    ----------
    collections : sequence
        Collections with Dask's protocol.
    get : callable
        ``get(graph, keys, **kwargs)``, which returns the results nested as the keys.
    optimize_graph : bool, default True
        Apply the collections' own optimization.
    **kwargs
        For ``get``.

    Returns
    -------
    list
        The values in the order of the collections.
    """
    settled = [_settled(collection, optimize_graph) for collection in collections]
    graph, keys = common_graph(settled, optimize_graph)
    whole = SchedulerGraph(graph)
    asked: list[Hashable] = []
    for i, (collection, own) in enumerate(zip(settled, keys, strict=True)):
        if isinstance(own, list) and len(own) == 1 and getattr(type(collection), "__dusk_single__", False):
            asked.append(own[0])
            continue
        key = f"finalize-{i}-{getattr(collection, '_name', type(collection).__name__)}"
        whole[key] = (Finish(*collection.__dask_postcompute__()), own)
        asked.append(key)
    return list(get(whole, asked, **kwargs))


class SchedulerGraph(dict[Hashable, Any]):
    """A graph as functions that take the place of a scheduler get it: a dictionary, and what Dask hands them."""

    def __dask_graph__(self) -> SchedulerGraph:
        return self

    def optimize(self, **kwargs: Any) -> SchedulerGraph:
        """Return the graph: it was optimized before."""
        return self


class Finish:
    """Makes the value of a collection from those of its keys: a task of its own, so that schedulers see one key."""

    __slots__ = ("args", "function")

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.function = function
        self.args = args

    def __call__(self, results: Any) -> Any:
        return self.function(results, *self.args)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Finish, (self.function, self.args))


def persist_by_graph(collections: Sequence[Any], get: Get, optimize_graph: bool = True, **kwargs: Any) -> list[Any]:
    """Compute collections by a function that takes a graph and keys, and return such that hold the results."""
    settled = [_settled(collection, optimize_graph) for collection in collections]
    graph, keys = common_graph(settled, optimize_graph)
    rebuild = [collection.__dask_postpersist__() for collection in settled]
    flat = [list(flatten_keys(each)) for each in keys]
    every = list(dict.fromkeys(key for each in flat for key in each))
    results = dict(zip(every, get(graph, every, **kwargs), strict=True))
    return [
        function({key: as_data(key, results[key]) for key in each}, *args)
        for each, (function, args) in zip(flat, rebuild, strict=True)
    ]


def optimize_by_graph(collections: Sequence[Any], **kwargs: Any) -> list[Any]:
    """Return collections with the graphs that their own optimization gives."""
    result = []
    for collection in collections:
        settled = _settled(collection, True)
        if settled is collection and callable(getattr(collection, "__dask_optimize__", None)):
            graph, _ = common_graph([collection], True, **kwargs)
            rebuild, args = collection.__dask_postpersist__()
            settled = rebuild(graph, *args)
        result.append(settled)
    return result


def as_data(key: Hashable, value: Any) -> Any:
    """Return a graph's entry that holds a value, so that it isn't taken for a task."""
    spec = sys.modules.get("dask._task_spec")
    if spec is not None:
        return spec.DataNode(key, value)
    if isinstance(value, (tuple, list, set, frozenset, str)):
        return (_Value(value),)
    return value


class _Value:
    """A function without arguments that returns a value."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self) -> Any:
        return self.value

    def __reduce__(self) -> tuple[Any, ...]:
        return _Value, (self.value,)


def own_scheduler(collections: Sequence[Any]) -> Get | None:
    """Return the function that the collections' classes want to be run by, if it isn't a local one of Dask's.

    Raises
    ------
    ValueError
        If they want different ones.
    """
    wanted = []
    for collection in collections:
        get = getattr(collection, "__dask_scheduler__", None)
        module = getattr(get, "__module__", "") or ""
        local = module in ("dask.threaded", "dask.local", "dask.multiprocessing") or hasattr(get, "dusk_scheduler")
        if get is not None and not local and get not in wanted:
            wanted.append(get)
    if len(wanted) > 1:
        raise ValueError("the collections want to be computed by different schedulers; say which one with scheduler=")
    return wanted[0] if wanted else None
