"""Blocks of random numbers: the state of each block follows from the generator's, whatever computes it and when.

The values are those that Dask gives for the same seed, chunks and bit generator. A `Generator`'s blocks have
children of
its seed sequence, worked out from the block's number; a `RandomState` draws a state for each block when the array is
made.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dusk.array._array import Array
from dusk.array._block_calls import Slot, block_call
from dusk.array._chunks import broadcast_shapes, normalize_chunks
from dusk.array._from_array import asarray
from dusk.tokenize import tokenize

__all__ = ["BlockSeeds", "BlockStates", "drawn", "random_state_data"]


class BlockSeeds:
    """The seeds of blocks: children of a seed sequence.

    Parameters
    ----------
    bit_generator : numpy.random.BitGenerator
    count : int
        How many blocks; the generator's own sequence has spawned them from then on.
    """

    __slots__ = ("first", "kind", "parent")

    def __init__(self, bit_generator: Any, count: int) -> None:
        sequence = bit_generator.seed_seq
        self.kind = type(bit_generator)
        self.first = sequence.n_children_spawned
        self.parent = (sequence.entropy, tuple(sequence.spawn_key), sequence.pool_size)
        if count <= 4096:
            sequence.spawn(count)
        else:
            # only the count matters: children are made anew where they are used
            _advance(sequence, count)

    def state(self, number: int) -> Any:
        """Return the generator of a block."""
        entropy, key, pool_size = self.parent
        child = np.random.SeedSequence(entropy, spawn_key=(*key, self.first + number), pool_size=pool_size)
        return np.random.Generator(self.kind(child))

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-seeds", self.kind.__name__, self.first, self.parent)

    def __getstate__(self) -> Any:
        return (self.first, self.kind, self.parent)

    def __setstate__(self, state: Any) -> None:
        self.first, self.kind, self.parent = state


def _advance(sequence: Any, count: int) -> None:
    while count > 0:
        step = min(count, 65536)
        sequence.spawn(step)
        count -= step


def random_state_data(n: int, random_state: Any = None) -> list[Any]:
    """Return data for ``n`` states of `numpy.random.RandomState`.

    Parameters
    ----------
    n : int
    random_state : int or RandomState, optional
    """
    if not all(hasattr(random_state, name) for name in ("normal", "beta", "bytes", "uniform")):
        random_state = np.random.RandomState(random_state)
    data = random_state.bytes(624 * n * 4)
    rows = list(np.frombuffer(data, dtype="<u4").reshape((n, -1)))
    assert len(rows) == n
    return rows


class BlockStates:
    """The states of blocks of a `RandomState`."""

    __slots__ = ("data", "kind")

    def __init__(self, state: Any, kind: Any, count: int) -> None:
        self.kind = kind
        self.data = random_state_data(count, state)

    def state(self, number: int) -> Any:
        """Return the state of a block."""
        return (self.kind or np.random.RandomState)(self.data[number])

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-states", len(self.data), [row.tobytes() for row in self.data[:8]], self.kind)

    def __getstate__(self) -> Any:
        return (self.kind, self.data)

    def __setstate__(self, state: Any) -> None:
        self.kind, self.data = state


class _Draw:
    """Draws the block at a position."""

    __slots__ = ("__name__", "args", "chunks", "kwargs", "method", "seeds", "sizes")

    def __init__(self, seeds: Any, method: str, chunks: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.seeds = seeds
        self.method = method
        self.chunks = chunks
        self.args = args
        self.kwargs = kwargs
        self.__name__ = method

    def __call__(self, index: tuple[int, ...], *blocks: Any) -> Any:
        index = index[: len(self.chunks)]
        number = 0
        for i, lengths in zip(index, self.chunks, strict=True):
            number = number * len(lengths) + i
        size = tuple(lengths[i] for lengths, i in zip(self.chunks, index, strict=True))
        args = [blocks[arg.position] if type(arg) is Slot else arg for arg in self.args]
        kwargs = {key: blocks[arg.position] if type(arg) is Slot else arg for key, arg in self.kwargs.items()}
        return getattr(self.seeds.state(number), self.method)(*args, size=size, **kwargs)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-draw", self.seeds, self.method, self.args, self.kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Draw, (self.seeds, self.method, self.chunks, self.args, self.kwargs))


def drawn(
    seeds_for: Any, method: str, args: tuple[Any, ...], size: Any, chunks: Any, kwargs: dict[str, Any], extra: Any = ()
) -> Array:
    """Return an array of what a method of a generator draws.

    Parameters
    ----------
    seeds_for : callable
        Gives the seeds of so many blocks.
    method : str
        Name of the distribution.
    args : tuple
        Its parameters; arrays are broadcast to the result.
    size : int or tuple of int, optional
        The shape of the result; by default that of the parameters.
    chunks : int, tuple or str
    kwargs : dict
        More for the method.
    extra : tuple
        Chunks of axes that the method adds.
    """
    if size is not None and not isinstance(size, (tuple, list)):
        size = (size,)
    arrays = [arg for arg in (*args, *kwargs.values()) if isinstance(arg, (Array, np.ndarray))]
    shapes = [arg.shape for arg in arrays] + ([tuple(size)] if size is not None else [])
    shape = broadcast_shapes(*shapes)
    chunks = normalize_chunks(chunks, shape, dtype=kwargs.get("dtype", np.float64))
    from dusk.array.core import broadcast_to

    inputs: list[Any] = []

    def place(arg: Any) -> Any:
        if not isinstance(arg, (Array, np.ndarray)) or method in ("multinomial", "multivariate_hypergeometric"):
            return arg
        inputs.append((broadcast_to(asarray(arg), shape).rechunk(chunks), list(range(len(shape)))))
        return Slot(len(inputs) - 1)

    placed = tuple(place(arg) for arg in args)
    named = {key: place(value) for key, value in kwargs.items()}
    count = 1
    for lengths in chunks:
        count *= len(lengths)
    seeds = seeds_for(count)

    def small(arg: Any) -> Any:
        return (
            arg[(0,) * arg.ndim]
            if isinstance(arg, np.ndarray)
            else np.ones((), arg.dtype)[()]
            if isinstance(arg, Array)
            else arg
        )

    probe = seeds.state(0)
    meta_args = [arg if type(slot) is not Slot else small(arg) for arg, slot in zip(args, placed, strict=True)]
    meta_kwargs = {key: value if type(named[key]) is not Slot else small(value) for key, value in kwargs.items()}
    meta = getattr(probe, method)(*meta_args, size=(0,) * len(shape), **meta_kwargs)
    meta = np.empty((0,) * (len(shape) + len(extra)), dtype=np.asarray(meta).dtype)
    call = _Draw(seeds, method, chunks, placed, named)
    return block_call(
        call, inputs, (*chunks, *extra), meta, prefix=method, token=tokenize(call, shape, chunks), indexed=True
    )
