"""Calls of functions for blocks: what the engine is given for a function, its arguments and the inputs among them.

Covers the callable that a worker runs, and collections among its fixed arguments. Invariant: the callable means the
same
in another process and holds no collection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dusk import _core
from dusk._collection import unpack_collections
from dusk._names import funcname
from dusk.array._array import Array, array_of, core_dtype
from dusk.array._chunks import axis_spec
from dusk.tokenize import tokenize

__all__ = ["BlockCall", "Slot", "block_call", "value_node"]

Pick = Any  # an axis of the result, None for all blocks, (axis, size) for neighbours, ("at", block)


class Slot:
    """A place among a call's arguments that an input fills."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position

    def __dask_tokenize__(self) -> tuple[str, int]:
        return ("dusk-slot", self.position)

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return (Slot, (self.position,))


class BlockCall:
    """A function with its arguments, some of which are blocks.

    Parameters
    ----------
    function : callable
    args : sequence
        The arguments, `Slot` where a block comes.
    kwargs : dict
    indexed : bool
        The first input is the position of the block, which the arguments may contain as well.
    """

    __slots__ = ("__name__", "args", "function", "indexed", "kwargs")

    def __init__(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], indexed: bool = False
    ) -> None:
        self.function = function
        self.args = tuple(args)
        self.kwargs = kwargs
        self.indexed = indexed
        self.__name__ = funcname(function)

    def __call__(self, *inputs: Any) -> Any:
        args = [_fill(arg, inputs) for arg in self.args]
        if not self.kwargs:
            return self.function(*args)
        return self.function(*args, **{key: _fill(value, inputs) for key, value in self.kwargs.items()})

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-block-call", self.function, self.args, self.kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return (BlockCall, (self.function, self.args, self.kwargs, self.indexed))


class _Refilled:
    """An argument that holds values of collections somewhere inside."""

    __slots__ = ("count", "first", "repack")

    def __init__(self, repack: Any, first: int, count: int) -> None:
        self.repack = repack
        self.first = first
        self.count = count

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-refilled", self.first, self.count)


def _fill(arg: Any, inputs: Sequence[Any]) -> Any:
    if type(arg) is Slot:
        return inputs[arg.position]
    if type(arg) is _Refilled:
        return arg.repack(inputs[arg.first : arg.first + arg.count])[0]
    return arg


def value_node(collection: Any) -> Any:
    """Return a node of one partition that computes the whole value of a collection."""
    if isinstance(collection, Array):
        (node,) = collection.__dusk_nodes__()
        shape = list(node.numblocks)
        return _core.call(_Whole(shape), [node], None, prefix="value", mode="gather", library=True, divisions=1)
    from dusk.delayed import delayed

    return (
        delayed(collection)._node
        if not hasattr(collection, "_node") or collection.npartitions != 1
        else collection._node
    )


class _Whole:
    """Puts all blocks of an array together."""

    __slots__ = ("numblocks",)

    def __init__(self, numblocks: list[int]) -> None:
        self.numblocks = numblocks

    def __call__(self, blocks: Any) -> Any:
        from dusk.array._host import join_blocks

        if not isinstance(blocks, list):
            return join_blocks(blocks, 0) if not self.numblocks else blocks
        cells = iter(blocks)

        def nest(counts: list[int]) -> Any:
            return [nest(counts[1:]) for _ in range(counts[0])] if counts else next(cells)

        return join_blocks(nest(self.numblocks), len(self.numblocks))

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-whole", *self.numblocks)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Whole, (self.numblocks,))


def block_call(
    function: Callable[..., Any],
    inputs: Sequence[tuple[Any, Sequence[Pick]]],
    chunks: Sequence[Sequence[Any]],
    meta: Any,
    *,
    args: Sequence[Any] | None = None,
    kwargs: dict[str, Any] | None = None,
    prefix: str | None = None,
    name: str | None = None,
    token: Any = None,
    library: bool = True,
    indexed: bool = False,
) -> Array:
    """Return the array whose blocks are the results of calls.

    Parameters
    ----------
    function : callable
    inputs : sequence of (Array or Node, picks)
        What the calls read, with the blocks that each gets: see ``_core.array_blocks``. Several blocks come as nested
        lists.
    chunks : sequence of sequences
        The lengths of the blocks of the result.
    meta : array
        An empty example of a block of the result.
    args : sequence, optional
        The arguments of the function, with `Slot` where an input comes (after the position when ``indexed``); by
        default
        the inputs. Collections among them arrive as their values.
    kwargs : dict, optional
    prefix : str, optional
        The word before the hash in the name; by default the function's name.
    name : str, optional
        A whole name, given by the user.
    token : object, optional
        What to name the result by, when the function is no sign of what it does.
    library : bool, default True
        NumPy applied by dusk itself, rather than a function of the user. Its blocks may be read-only.
    indexed : bool, default False
        The function gets the position of the block, a tuple, as its first input.
    """
    nodes = [x._node if isinstance(x, Array) else x for x, _ in inputs]
    picks = [list(each) for _, each in inputs]
    shift = int(indexed)
    if args is None and not kwargs:
        call: Callable[..., Any] = function
    else:
        if args is None:
            args = [Slot(i) for i in range(len(nodes) + shift)]

        def settle(arg: Any) -> Any:
            if type(arg) is Slot:
                return arg
            found, repack = unpack_collections(arg)
            if not found:
                return arg
            first = len(nodes) + shift
            for each in found:
                node = value_node(each)
                nodes.append(node)
                picks.append([("at", 0)])
            return _Refilled(repack, first, len(found))

        args = [settle(arg) for arg in args]
        kwargs = {key: settle(value) for key, value in (kwargs or {}).items()}
        call = BlockCall(function, args, kwargs, indexed)
    prefix = prefix or funcname(function)
    node = _core.array_blocks(
        call,
        nodes,
        picks,
        [axis_spec(axis) for axis in chunks],
        core_dtype(meta),
        prefix=prefix,
        library=library,
        indexed=indexed,
        token=tokenize("blocks", call if token is None else token, prefix, np.dtype(meta.dtype)),
    )
    return array_of(node, meta, name)
