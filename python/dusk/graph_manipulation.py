"""Changing when things are computed: one collection after others, or again.

A copy has the same steps over other beginnings: sources, data and calls that need nothing. Of dusk's own collections
these are nodes of the plan, so a copy is a plan as any other, optimized and run partition by partition; a collection
that is only Dask's protocol is a graph, whose copy has other keys. What waits, waits at its beginnings.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from dusk import _core
from dusk._collection import unpack_collections
from dusk._node_collection import PartitionTask
from dusk._protocol import flatten_keys
from dusk._pyget import _is_key, dependencies_of, is_task
from dusk.base import clone_key
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


def _is_native(collection: Any) -> bool:
    return hasattr(type(collection), "__dusk_nodes__")


def _nodes_of(collection: Any) -> list[Any]:
    """Return the nodes of a collection; of one that isn't dusk's a node for each key."""
    if _is_native(collection):
        return collection.__dusk_nodes__()
    from dusk._graph_nodes import graph_nodes

    graph = dict(collection.__dask_graph__())
    return graph_nodes(graph, list(flatten_keys(collection.__dask_keys__())), tokenize(collection))


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
    # partitions, each as a node and its position; each call takes some from the front and adds its own at the end
    waiting: deque[tuple[Any, int]] = deque()
    for i, node in enumerate(node for each in collections for node in _nodes_of(each)):
        n = node.npartitions
        if n:
            done = _call(_done, [node], "partition", None, "checkpoint", f"{names}-{i}", n)
            waiting.extend((done, position) for position in range(n))
    if not waiting:
        return _core.value(None, f"checkpoint-{names}")
    number = 0
    while len(waiting) > 1:
        group = [_some(node, positions) for node, positions in _runs(waiting, width)]
        mode = "gather" if any(node.npartitions != 1 for node in group) else "partition"
        waiting.append((_call(_done, group, mode, None, "checkpoint", f"{names}-merge-{number}", 1), 0))
        number += 1
    return waiting[0][0]


def _runs(waiting: deque[tuple[Any, int]], width: int) -> list[tuple[Any, list[int]]]:
    """Take up to ``width`` partitions from the front, those of a node together."""
    runs: list[tuple[Any, list[int]]] = []
    for _ in range(min(width, len(waiting))):
        node, position = waiting.popleft()
        if runs and runs[-1][0] is node:
            runs[-1][1].append(position)
        else:
            runs.append((node, [position]))
    return runs


def _some(node: Any, positions: list[int]) -> Any:
    return node if len(positions) == node.npartitions else node.partitions(positions)


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
    if not _is_native(collection):
        return _waiting_graph(collection, barrier)
    nodes = [_handed_on(node, [barrier], f"wait_on-{barrier.name}") for node in _nodes_of(collection)]
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
    if isinstance(collection, Delayed):
        key = collection._given_key
        if key is not None:
            key = clone_key(key, token)
            nodes = [nodes[0].keyed(key)]
        return Delayed(nodes[0], key, collection._length)
    if hasattr(type(collection), "map_blocks") and nodes[0].kind == "array":
        from dusk.array._array import array_of

        return array_of(nodes[0], collection._meta, clone_key(collection.name, token), collection._boxed)
    return collection.__dusk_rebuild__(nodes)


# --- copying ----------------------------------------------------------------------------------------------------------


class _RunPart:
    """Runs one partition of a plan by itself, once what it waits for is there."""

    __slots__ = ("node",)

    def __init__(self, node: Any) -> None:
        self.node = node

    def __call__(self, position: int | tuple[int, ...], *waited: Any) -> Any:
        if isinstance(position, tuple):
            number = 0
            for at, count in zip(position, self.node.numblocks, strict=True):
                number = number * count + at
            position = number
        return PartitionTask(self.node, position)()

    def __dask_tokenize__(self) -> tuple[str, str]:
        return ("dusk-run-part", self.node.name)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_RunPart, (self.node,))


class _After:
    """Makes a call without inputs, once what it waits for is there."""

    __slots__ = ("call",)

    def __init__(self, call: _core.DelayedCall) -> None:
        self.call = call

    def __call__(self, *waited: Any) -> Any:
        return self.call()

    def __dask_tokenize__(self) -> tuple[str, Any]:
        return ("dusk-after", self.call)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_After, (self.call,))


def _number(position: int) -> int:
    return position


def _specs(node: Any) -> list[Any]:
    from dusk.array._chunks import axis_spec

    return [axis_spec(axis) for axis in node.chunks]


def _blocks_after(
    node: Any, function: Any, inputs: list[Any], parents: Sequence[Any], token: str, *, indexed: bool = False
) -> Any:
    """Return an array cut like a node, whose blocks come of calls on blocks of such arrays, once others are there."""
    own = [list(range(len(node.shape))) for _ in inputs]
    waits = [[("at", 0)] for _ in parents]
    return _core.array_blocks(
        function,
        [*inputs, *parents],
        [*own, *waits],
        _specs(node),
        node.dtype,
        prefix=node.prefix,
        library=True,
        indexed=indexed,
        token=token,
    )


def _run_after(node: Any, parents: Sequence[Any], token: str) -> Any:
    """Return a node that computes what a beginning does, partition by partition, after others."""
    token = tokenize("after", token, node.name)
    if node.kind == "array":
        return _blocks_after(node, _RunPart(node), [], parents, token, indexed=True)
    parts = node.parts()
    if parts is not None and len(parts) > 3 and isinstance(parts[0], _core.DelayedCall):
        return _call(_After(parts[0]), parents, "partition", None, node.prefix, token, 1)
    n = node.npartitions
    numbers = _core.source(_number, n, None, None, prefix="positions", library=True, token=tokenize("positions", n))
    meta, divisions = _shape_of(node)
    return _call(_RunPart(node), [numbers, *parents], "partition", meta, node.prefix, token, divisions)


def _handed_on(node: Any, parents: Sequence[Any], token: str) -> Any:
    """Return a node with the same values, there only after others are."""
    token = tokenize("handed-on", token, node.name)
    if node.kind == "array":
        return _blocks_after(node, _first, [node], parents, token)
    meta, divisions = _shape_of(node)
    return _call(_first, [node, *parents], "partition", meta, node.prefix, token, divisions)


def _new_beginning(node: Any, parents: Sequence[Any], token: str) -> Any:
    """Return a node that does what a beginning does, by itself and after others."""
    inputs = _core.inputs_of(node)
    if not inputs:
        made = None if parents else _core.copied(node, token)
        return _run_after(node, parents, token) if made is None else made
    # all that it needs stays as it is: it waits for that and for the others
    if parents or (made := _core.copied(node, token)) is None:
        (made,) = _core.exchanged([node], inputs, [_handed_on(each, parents, token) for each in inputs], [])
    return made


def _copied(collection: Any, parents: Sequence[Any], seed: Any, omit: Sequence[Any]) -> Any:
    if not _is_native(collection):
        return _copied_graph(collection, parents, seed, omit)
    token = tokenize("clone", [parent.name for parent in parents], seed)
    roots = _nodes_of(collection)
    kept = [node for each in omit if _is_native(each) for node in _nodes_of(each)]
    old = _core.beginnings(roots, kept)
    nodes = _core.exchanged(roots, old, [_new_beginning(each, parents, token) for each in old], kept)
    return _renamed(collection, nodes, "clone", token)


# --- graphs ---------------------------------------------------------------------------------------------------------


class chunks:  # noqa: N801  Dask's name
    """The functions that stand in graphs."""

    @staticmethod
    def bind(node: Any, *args: Any) -> Any:
        """Return a value, once others are there."""
        return node

    @staticmethod
    def checkpoint(*args: Any) -> None:
        """Return None, once other values are there."""


def _delayed(node: Any) -> Any:
    from dusk.delayed import Delayed

    return Delayed(node)


def _rebuilt(collection: Any, graph: dict[Hashable, Any], keys: Mapping[Hashable, Hashable]) -> Any:
    """Return a collection like another one over a graph in which its keys have other names."""
    names = {_word(key): _word(new) for key, new in keys.items()}
    rebuild, args = collection.__dask_postpersist__()
    return rebuild(graph, *args, rename=names)


def _word(key: Hashable) -> Any:
    return key[0] if isinstance(key, tuple) and key else key


def _waiting_graph(collection: Any, barrier: Any) -> Any:
    graph = dict(collection.__dask_graph__())
    last = _delayed(barrier)
    graph.update(last.__dask_graph__())
    keys = {key: clone_key(key, barrier.name) for key in flatten_keys(collection.__dask_keys__())}
    graph.update({new: (chunks.bind, key, last.key) for key, new in keys.items()})
    return _rebuilt(collection, graph, keys)


def _copied_graph(collection: Any, parents: Sequence[Any], seed: Any, omit: Sequence[Any]) -> Any:
    graph = dict(collection.__dask_graph__())
    kept = {key for each in omit for key in each.__dask_graph__()} & graph.keys()
    names = {key: clone_key(key, seed) for key in graph if key not in kept}
    copied: dict[Hashable, Any] = {key: graph[key] for key in kept}
    for parent in parents:
        copied.update(_delayed(parent).__dask_graph__())
    for key, new in names.items():
        task = graph[key]
        needed = set(dependencies_of(task, graph))
        task = _renamed_task(task, names)
        if parents and not needed & names.keys():  # a beginning of what is copied
            task = (chunks.bind, task, *(_delayed(parent).key for parent in parents))
        copied[new] = task
    return _rebuilt(collection, copied, {key: names.get(key, key) for key in flatten_keys(collection.__dask_keys__())})


def _renamed_task(task: Any, names: Mapping[Hashable, Hashable]) -> Any:
    """Return a task with other names for keys."""
    if is_task(task):
        return (task[0], *[_renamed_task(each, names) for each in task[1:]])
    if type(task) is list:
        return [_renamed_task(each, names) for each in task]
    if hasattr(type(task), "substitute"):  # Dask's own tasks
        return task.substitute(names)
    return names[task] if _is_key(task, names) else task


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
        Collections that are left as they are, also where others are made of them.
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
    others = [] if omit is None else _members(omit)
    copies = [each if (type(each), tokenize(each)) in left else _copied(each, barriers, seed, others) for each in found]
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
