"""Computing several collections in one run, and what stands around it."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Number
from typing import Any

from dusk import _protocol
from dusk._collection import (
    DuskMethodsMixin,
    is_dusk_collection,
    is_namedtuple_instance,
    unpack_collections,
)
from dusk._schedulers import Scheduler, find_scheduler, get_scheduler, named_schedulers, scheduler_of
from dusk._traceback import shorten_traceback
from dusk.tokenize import TokenizationError, normalize_token, tokenize

__all__ = [
    "DaskMethodsMixin",
    "DuskMethodsMixin",
    "TokenizationError",
    "annotate",
    "clone_key",
    "compute",
    "dont_optimize",
    "get_annotations",
    "get_collection_names",
    "get_name_from_key",
    "get_scheduler",
    "is_dask_collection",
    "is_dusk_collection",
    "is_namedtuple_instance",
    "named_schedulers",
    "normalize_token",
    "optimize",
    "persist",
    "replace_name_in_key",
    "tokenize",
    "unpack_collections",
    "visualize",
]

DaskMethodsMixin = DuskMethodsMixin


def dont_optimize(dsk: Any, keys: Any, **kwargs: Any) -> Any:
    """Return a graph as it is: for ``__dask_optimize__`` of collections that have nothing to optimize."""
    return dsk


is_dask_collection = is_dusk_collection

_annotations: ContextVar[dict[str, Any] | None] = ContextVar("dusk-annotations", default=None)


def _is_native(collection: Any) -> bool:
    return hasattr(type(collection), "__dusk_nodes__")


# Computing ------------------------------------------------------------------------------------------------------------


def compute(
    *args: Any,
    traverse: bool = True,
    optimize_graph: bool = True,
    scheduler: Any = None,
    get: Any = None,
    **kwargs: Any,
) -> tuple[Any, ...]:
    """Compute several collections in one run, which shares what they have in common.

    Parameters
    ----------
    *args : object
        Collections of any kind, dusk's own and others with Dask's protocol, also in lists, tuples, sets, dictionaries,
        dataclasses, named tuples and iterators. Other objects come back as they are.
    traverse : bool, default True
        Look for collections in containers.
    optimize_graph : bool, default True
        Optimize the plans first.
    scheduler : str, callable, executor or client, optional
        What runs the tasks: ``"threads"``, ``"sync"``, ``"distributed"``, a `concurrent.futures` executor, a client, or
        a function that takes a graph and keys. By default as the setting ``scheduler`` says, else the active
        distributed client, else threads of this process.
    get : None
        Not to be used; says so.
    **kwargs
        For the scheduler: ``num_workers``, ``pool``, ``callbacks``, ``retries``, ...

    Returns
    -------
    tuple
        The arguments in their order, with values in the place of collections.

    Examples
    --------
    >>> import dusk.dataframe as dd  # doctest: +SKIP
    >>> df = dd.read_csv("*.csv")  # doctest: +SKIP
    >>> low, high = dusk.compute(df.x.min(), df.x.max())  # doctest: +SKIP
    """
    chosen = find_scheduler(scheduler, get)
    collections, repack = unpack_collections(*args, traverse=traverse)
    with shorten_traceback():
        return repack(_compute(collections, chosen, optimize_graph, kwargs))


def _compute(collections: list[Any], chosen: Scheduler, optimize_graph: bool, kwargs: dict[str, Any]) -> list[Any]:
    results: list[Any] = [None] * len(collections)
    chosen = scheduler_of(collections, chosen)
    native, others = _split(collections, chosen)
    if native:
        if all(hasattr(kind, "__dusk_single__") for kind in {type(collections[i]) for i in native}):
            plan = [collections[i] for i in native] if others else collections
            values = _run_local(plan, chosen, optimize_graph, kwargs, whole=True)
            if not others:
                return values
            for i, value in zip(native, values, strict=True):
                results[i] = value
        else:
            nodes = [collections[i].__dusk_nodes__() for i in native]
            flat = [node for each in nodes for node in each]
            chunks = iter(_run_local(flat, chosen, optimize_graph, kwargs, place=True))
            for i, each in zip(native, nodes, strict=True):
                results[i] = collections[i].__dusk_finalize__([next(chunks) for _ in each])
    if others:
        members = [collections[i] for i in others]
        run = _get_for(members, chosen)
        values = _protocol.compute_by_graph(members, run, optimize_graph, **chosen.options(kwargs))
        for i, value in zip(others, values, strict=True):
            results[i] = value
    return results


def persist(
    *args: Any, traverse: bool = True, optimize_graph: bool = True, scheduler: Any = None, **kwargs: Any
) -> tuple[Any, ...]:
    """Compute several collections in one run and return collections that hold the data.

    Parameters
    ----------
    *args : object
        Collections, also in containers; see `compute`.
    traverse : bool, default True
        Look for collections in containers.
    optimize_graph : bool, default True
        Optimize the plans first.
    scheduler : str, callable, executor or client, optional
        See `compute`.
    **kwargs
        For the scheduler.

    Returns
    -------
    tuple
        The arguments in their order; collections are of the same type as before.
    """
    chosen = find_scheduler(scheduler, kwargs.pop("get", None))
    collections, repack = unpack_collections(*args, traverse=traverse)
    with shorten_traceback():
        return repack(_persist(collections, chosen, optimize_graph, kwargs))


def _persist(collections: list[Any], chosen: Scheduler, optimize_graph: bool, kwargs: dict[str, Any]) -> list[Any]:
    if not collections:
        return []
    if chosen.client is not None and hasattr(chosen.client, "persist"):
        return list(chosen.client.persist(collections, optimize_graph=optimize_graph, **chosen.options(kwargs)))
    results: list[Any] = [None] * len(collections)
    chosen = scheduler_of(collections, chosen)
    native, others = _split(collections, chosen)
    if native:
        nodes = [collections[i].__dusk_nodes__() for i in native]
        flat = [node for each in nodes for node in each]
        held = iter(_run_local(flat, chosen, optimize_graph, kwargs, hold=True))
        for i, each in zip(native, nodes, strict=True):
            results[i] = collections[i].__dusk_rebuild__([next(held) for _ in each])
    if others:
        members = [collections[i] for i in others]
        run = _get_for(members, chosen)
        values = _protocol.persist_by_graph(members, run, optimize_graph, **chosen.options(kwargs))
        for i, value in zip(others, values, strict=True):
            results[i] = value
    return results


def optimize(*args: Any, traverse: bool = True, **kwargs: Any) -> tuple[Any, ...]:
    """Return collections with optimized plans.

    Optimizing several at once lets them share more than optimizing each alone.

    Parameters
    ----------
    *args : object
        Collections, also in containers; see `compute`.
    traverse : bool, default True
        Look for collections in containers.
    **kwargs
        For the optimization of collections that aren't dusk's.

    Returns
    -------
    tuple
        The arguments in their order; collections are of the same type as before.
    """
    collections, repack = unpack_collections(*args, traverse=traverse)
    results = list(collections)
    native = [i for i, collection in enumerate(collections) if _is_native(collection)]
    if native:
        from dusk import _engine

        nodes = [collections[i].__dusk_nodes__() for i in native]
        optimized = iter(_engine.optimize([node for each in nodes for node in each]))
        for i, each in zip(native, nodes, strict=True):
            results[i] = collections[i].__dusk_rebuild__([next(optimized) for _ in each])
    for i, collection in enumerate(collections):
        if not _is_native(collection):
            (results[i],) = _protocol.optimize_by_graph([collection], **kwargs)
    return repack(results)


def visualize(
    *args: Any,
    filename: str | None = "mydask",
    traverse: bool = True,
    optimize_graph: bool = False,
    maxval: float | None = None,
    engine: str | None = None,
    **kwargs: Any,
) -> Any:
    """Draw the graphs of several collections as one.

    Parameters
    ----------
    *args : object
        Collections, also in containers, or graphs.
    filename : str or None, default "mydask"
        File to write; without an ending, that of the format is added. None writes nothing.
    traverse : bool, default True
        Look for collections in containers.
    optimize_graph : bool, default False
        Optimize the plans first.
    maxval : float, optional
        Value of the last colour, with ``color``.
    engine : {"svg", "graphviz"}, optional
        What draws. By default as the setting ``visualization.engine`` says, else graphviz if it is installed.
    **kwargs
        ``format`` of the file ("svg", "png" or "dot"; with graphviz any that it writes), ``rankdir`` ("TB", "BT", "LR"
        or "RL"), ``verbose``, ``color`` (None, "order", or what happens in that order: "ages", "freed",
        "memoryincreases", "memorydecreases", "memorypressure"); more for graphviz.

    Returns
    -------
    object
        Something that a notebook shows.
    """
    from dusk import _draw

    collections, _ = unpack_collections(*args, traverse=traverse)
    graph: dict[Any, Any] = {}
    for each in args:
        if isinstance(each, Mapping) and not any(is_dusk_collection(value) for value in each.values()):
            graph.update(each)
    if not collections and not graph:
        raise ValueError("visualize needs at least one collection")
    if optimize_graph and collections:
        collections = list(optimize(*collections, traverse=False))
    if collections:
        graph.update(_protocol.common_graph(collections, optimize_graph)[0])
    return _draw.draw(graph, filename=filename, engine=engine, maxval=maxval, **kwargs)


def _split(collections: list[Any], chosen: Scheduler) -> tuple[list[int], list[int]]:
    """Return the positions of what the engine runs and of what goes through graphs."""
    if not chosen.runs_natively:
        return [], list(range(len(collections)))
    native = [i for i, collection in enumerate(collections) if _is_native(collection)]
    return native, [i for i, collection in enumerate(collections) if not _is_native(collection)]


def _run_local(
    nodes: list[Any],
    chosen: Scheduler,
    optimize_graph: bool,
    kwargs: dict[str, Any],
    hold: bool = False,
    whole: bool = False,
    place: bool = False,
) -> list[Any]:
    from dusk import _engine

    name, options = chosen.engine_options(kwargs)
    if whole:
        options = {"whole": True, **options}
    if place:
        options = {"place": True, **options}
    run = _engine.hold if hold else _engine.run
    return run(nodes, scheduler=name, optimize=optimize_graph, **options)


def _get_for(collections: list[Any], chosen: Scheduler) -> Callable[..., Any]:
    """Return the function that runs the graphs of these collections."""
    if not chosen.explicit:
        own = _protocol.own_scheduler([each for each in collections if not _is_native(each)])
        if own is not None:
            return own
    return chosen.get


async def wait_async(collection: Any) -> Any:
    """Wait for the futures of a distributed client that a collection holds, and return the collection."""
    import sys

    distributed = sys.modules.get("distributed")
    futures = distributed.futures_of(collection) if distributed is not None else []
    if futures:
        await distributed.wait(futures)  # type: ignore[union-attr]
    return collection


# Annotations ----------------------------------------------------------------------------------------------------------


def get_annotations() -> dict[str, Any]:
    """Return the annotations in force, as a dictionary of its own.

    Examples
    --------
    >>> with annotate(priority=10):
    ...     get_annotations()
    {'priority': 10}
    """
    return dict(_annotations.get() or {})


@contextmanager
def annotate(**annotations: Any) -> Iterator[None]:
    """Give what is made in this block annotations, for schedulers to read.

    Blocks may be nested; inner annotations replace outer ones of the same name.

    Parameters
    ----------
    priority : number or callable
        Tasks with a higher one run first.
    workers : str, sequence of str, or callable
        Addresses or names of the workers that may run the tasks.
    retries : number or callable
        How often failed tasks run again.
    resources : dict or callable
        What the tasks need of a worker.
    allow_other_workers : bool or callable
        Whether ``workers`` is only a wish.
    **annotations
        Any others. Callables get a key and return the value for it.

    Raises
    ------
    TypeError
        If a value of the named ones has another type.
    """
    _check_annotations(annotations)
    workers = annotations.get("workers")
    if isinstance(workers, str):
        annotations["workers"] = [workers]
    elif workers is not None and not callable(workers):
        annotations["workers"] = list(workers)
    reset = _annotations.set({**(_annotations.get() or {}), **annotations})
    try:
        yield
    finally:
        _annotations.reset(reset)


def _check_annotations(annotations: Mapping[str, Any]) -> None:
    kinds: dict[str, tuple[Any, str]] = {
        "workers": ((str, list, tuple, set), "a str, a sequence of str or a callable"),
        "priority": (Number, "a number or a callable"),
        "retries": (Number, "a number or a callable"),
        "resources": (dict, "a dict or a callable"),
        "allow_other_workers": (bool, "a bool or a callable"),
    }
    for name, (kind, words) in kinds.items():
        if name in annotations and not callable(annotations[name]) and not isinstance(annotations[name], kind):
            raise TypeError(f"annotation {name!r} must be {words}, got {annotations[name]!r}")
    workers = annotations.get("workers")
    if isinstance(workers, (list, tuple, set)) and not all(isinstance(each, str) for each in workers):
        raise TypeError(f"annotation 'workers' must be a str, a sequence of str or a callable, got {workers!r}")


# Names and keys -------------------------------------------------------------------------------------------------------


def get_name_from_key(key: Any) -> str:
    """Return the name in a key, which is the key itself or the first element of a tuple.

    Examples
    --------
    >>> get_name_from_key(("add-1234", 0, 1))
    'add-1234'
    """
    if isinstance(key, tuple) and key and isinstance(key[0], str):
        return key[0]
    if isinstance(key, str):
        return key
    raise TypeError(f"a key is a str or a tuple that begins with one, got {key!r}")


def get_collection_names(collection: Any) -> set[str]:
    """Return the names that the keys of a collection begin with.

    Parameters
    ----------
    collection : collection

    Returns
    -------
    set of str
    """
    if not is_dusk_collection(collection):
        raise TypeError(f"a collection is needed, got {type(collection).__name__}")
    return {get_name_from_key(key) for key in _protocol.flatten_keys(collection.__dask_keys__())}


def replace_name_in_key(key: Any, rename: Mapping[str, str]) -> Any:
    """Return a key with another name, if the mapping has one for it.

    Examples
    --------
    >>> replace_name_in_key(("a", 0), {"a": "b"})
    ('b', 0)
    """
    name = get_name_from_key(key)
    if isinstance(key, tuple):
        return (rename.get(name, name), *key[1:])
    return rename.get(name, name)


def clone_key(key: Any, seed: Hashable) -> Any:
    """Return a key like another, with a token that follows from its own and a seed.

    Examples
    --------
    >>> clone_key("x", 123)
    'x-dc2b8d1c184c72c19faa81c797f8c6b0'
    """
    if isinstance(key, tuple) and key and isinstance(key[0], str):
        return (clone_key(key[0], seed), *key[1:])
    if isinstance(key, str):
        prefix = re.sub(r"-[0-9a-f]{32}$", "", key)
        return f"{prefix}-{tokenize(key, seed)}"
    raise TypeError(f"a key is a str or a tuple that begins with one, got {key!r}")


def flatten(seq: Any, container: type | tuple[type, ...] = list) -> Iterator[Any]:
    """Yield the elements of nested containers.

    Parameters
    ----------
    seq : iterable or str
        What to flatten.
    container : type or tuple of types, default list
        What counts as a container.

    Examples
    --------
    >>> list(flatten([[1, 2], [3, [4]]]))
    [1, 2, 3, 4]
    """
    if isinstance(seq, str):
        yield seq
        return
    for each in seq:
        if isinstance(each, container):
            yield from flatten(each, container)
        else:
            yield each
