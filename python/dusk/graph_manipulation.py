"""Changing when things are computed: one collection after others, or again.

What is copied is a collection as a whole: a copy runs its plan by itself, inside one task, and hands on its
partitions. Where Dask finds the beginnings of a graph and lets these wait, that task waits: the order of what is
computed is the same. Inside of a copy nothing is shared with the original, so what ``omit`` names is computed once more
there; it gives the same values.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from dusk import _core
from dusk._collection import unpack_collections
from dusk.tokenize import tokenize

__all__ = ["bind", "checkpoint", "clone", "wait_on"]

_SPLIT_EVERY = 8


def _width(split_every: float | None) -> int:
    if split_every is None:
        return _SPLIT_EVERY
    if split_every is False:
        return 2**30
    if split_every < 2:
        raise ValueError("split_every must be at least 2")
    return int(split_every)


def _nodes_of(collection: Any) -> list[Any]:
    """Return the nodes of a collection; one that isn't dusk's becomes a call."""
    if hasattr(type(collection), "__dusk_nodes__"):
        return collection.__dusk_nodes__()
    from dusk.delayed import delayed

    return [delayed(collection)._node]


def _call(function: Any, nodes: Sequence[Any], mode: str, meta: Any, prefix: str, token: str, divisions: Any) -> Any:
    return _core.call(
        function, nodes, meta, prefix=prefix, mode=mode, library=True, divisions=divisions, token=tokenize(token)
    )


def _done(*values: Any) -> None:
    return None


def _first(value: Any, *others: Any) -> Any:
    return value


# --- waiting ----------------------------------------------------------------------------------------------------------


def _barrier(collections: Sequence[Any], split_every: float | None) -> Any:
    """Return a node whose value is None, once all that the collections need is there."""
    width = _width(split_every)
    names = tokenize([[node.name for node in _nodes_of(each)] for each in collections])
    waiting: list[Any] = []
    for i, node in enumerate(node for each in collections for node in _nodes_of(each)):
        n = node.npartitions
        if n:
            waiting.append((_call(_done, [node], "partition", None, "checkpoint", f"{names}-{i}", n), n))
    level = 0
    while sum(n for _, n in waiting) > 1:
        merged: list[Any] = []
        group: list[Any] = []
        filled = 0

        def close(group: list[Any], number: int, level: int = level, merged: list[Any] = merged) -> None:
            token = f"{names}-merge-{level}-{number}"
            mode = "gather" if any(node.npartitions != 1 for node in group) else "partition"
            merged.append((_call(_done, group, mode, None, "checkpoint", token, 1), 1))

        for node, n in waiting:
            for start in range(0, n, width):
                positions = list(range(start, min(start + width, n)))
                if group and filled + len(positions) > width:
                    close(group, len(merged))
                    group, filled = [], 0
                group.append(node if len(positions) == n else node.partitions(positions))
                filled += len(positions)
        if group:
            close(group, len(merged))
        waiting, level = merged, level + 1
    return waiting[0][0] if waiting else _core.value(None, f"checkpoint-{names}")


def checkpoint(*collections: Any, split_every: float | None = None) -> Any:
    """Make a delayed None that is there once all of the collections are computed.

    Parameters
    ----------
    *collections : collection
        Also in containers.
    split_every : int or False, optional
        How many partitions one task waits for; by default 8, with False all.

    Returns
    -------
    Delayed
    """
    from dusk.delayed import Delayed

    found, _ = unpack_collections(*collections)
    return Delayed(_barrier(found, split_every))


def wait_on(*collections: Any, split_every: float | None = None) -> Any:
    """Return equal collections nothing of which is handed on before all of them are computed.

    Parameters
    ----------
    *collections : collection
        Also in containers.
    split_every : int or False, optional
        See `checkpoint`.

    Returns
    -------
    collection or tuple
        As many as were given.
    """
    found, repack = unpack_collections(*collections)
    if found:
        barrier = _barrier(found, split_every)
        found = [_waiting(each, barrier) for each in found]
    out = repack(found)
    return out[0] if len(out) == 1 else out


def _waiting(collection: Any, barrier: Any) -> Any:
    nodes = []
    for node in _nodes_of(collection):
        token = f"wait-{node.name}-{barrier.name}"
        meta, divisions = _shape_of(node)
        nodes.append(_call(_first, [node, barrier], "partition", meta, f"wait_on-{node.prefix}", token, divisions))
    return _renamed(collection, nodes, "wait_on", tokenize(barrier.name))


def _shape_of(node: Any) -> tuple[Any, Any]:
    """Return the meta and the divisions with which a call gives what a node gives; objects and scalars have no meta."""
    meta = None if node.kind == "object" else node.meta()
    if meta is None or not hasattr(meta, "iloc") and not hasattr(meta, "get_indexer"):
        return None, node.npartitions
    return meta, list(node.divisions)


def _renamed(collection: Any, nodes: list[Any], word: str, token: str) -> Any:
    """Return a collection like another one over other nodes, with other keys."""
    from dusk.bag._item import Item
    from dusk.bag._plan import FromNodes
    from dusk.bag.core import Bag
    from dusk.delayed import Delayed

    if isinstance(collection, Bag | Item):
        from dusk._names import key_split

        name = f"{key_split(collection._name)}-{tokenize(word, collection, token)}"
        step = FromNodes(name, nodes)
        return Bag(step, name, step.npartitions) if isinstance(collection, Bag) else Item(step, name)
    if isinstance(collection, Delayed) or not hasattr(type(collection), "__dusk_nodes__"):
        return Delayed(nodes[0])
    return collection.__dusk_rebuild__(nodes)


# --- copying ----------------------------------------------------------------------------------------------------------


class _RunWhole:
    """Runs a plan by itself and returns the values of its partitions."""

    __slots__ = ("node",)

    def __init__(self, node: Any) -> None:
        self.node = node

    def __call__(self, *waited: Any) -> list[Any]:
        from dusk import _engine

        (chunks,) = _engine.run([self.node], callbacks=())
        return [chunk.to_object() for chunk in chunks]

    def __dask_tokenize__(self) -> tuple[str, str]:
        return ("dusk-run-whole", self.node.name)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_RunWhole, (self.node,))


def _number(position: int) -> int:
    return position


def _pick(position: int, values: list[Any]) -> Any:
    return values[position]


def _copied(collection: Any, parents: Sequence[Any], seed: Any) -> Any:
    nodes = []
    for node in _nodes_of(collection):
        token = tokenize("clone", node.name, [parent.name for parent in parents], seed)
        whole = _call(_RunWhole(node), parents, "partition", None, f"clone-{node.prefix}", token, 1)
        n = node.npartitions
        numbers = _core.source(_number, n, None, None, prefix="positions", library=True, token=tokenize("positions", n))
        meta, divisions = _shape_of(node)
        nodes.append(_call(_pick, [numbers, whole], "partition", meta, node.prefix, f"{token}-pick", divisions))
    return _renamed(collection, nodes, "clone", tokenize([parent.name for parent in parents], seed))


def _members(x: Any) -> list[Any]:
    found, _ = unpack_collections(x)
    return found


def bind(
    children: Any,
    parents: Any,
    *,
    omit: Any = None,
    seed: Any = None,
    assume_layers: bool = True,
    split_every: float | None = None,
) -> Any:
    """Return collections equal to ``children`` that are computed only after ``parents``.

    Parameters
    ----------
    children : collection or container of them
    parents : collection, container of them, or None
        None makes only copies, as `clone`.
    omit : collection or container of them, optional
        Collections that are left as they are: those among the children. What else uses them computes them once more.
    seed : hashable, optional
        Gives equal results equal names; by default each call gives others.
    assume_layers : bool
        Accepted for compatibility.
    split_every : int or False, optional
        See `checkpoint`.

    Returns
    -------
    collection or container
        As ``children``.
    """
    if seed is None:
        seed = uuid.uuid4().bytes
    barriers = [] if parents is None else [_barrier(_members(parents), split_every)]
    left = {(type(each), tokenize(each)) for each in _members(omit)} if omit is not None else set()
    found, repack = unpack_collections(children)
    copies = [each if (type(each), tokenize(each)) in left else _copied(each, barriers, seed) for each in found]
    return repack(copies)[0]


def clone(*collections: Any, omit: Any = None, seed: Any = None, assume_layers: bool = True) -> Any:
    """Return equal collections that are computed by themselves, and share nothing with the originals.

    Parameters
    ----------
    *collections : collection
        Also in containers.
    omit : collection or container of them, optional
        See `bind`.
    seed : hashable, optional
        Gives equal results equal names; by default each call gives others.
    assume_layers : bool
        Accepted for compatibility.

    Returns
    -------
    collection or tuple
        As many as were given.
    """
    out = bind(collections, None, omit=omit, seed=seed, assume_layers=assume_layers)
    return out[0] if len(out) == 1 else out
