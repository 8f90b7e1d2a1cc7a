"""Choices among values, and permutations."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from dusk.array._array import Array
from dusk.array._block_calls import Slot, block_call
from dusk.array._chunks import normalize_chunks
from dusk.array._from_array import asarray
from dusk.tokenize import tokenize

__all__ = ["choice", "permutation"]


class _Choose:
    """Chooses the values of the block at a position."""

    __slots__ = ("a", "chunks", "kwargs", "p", "replace", "seeds")

    def __init__(self, seeds: Any, a: Any, p: Any, replace: bool, chunks: Any, kwargs: dict[str, Any]) -> None:
        self.seeds, self.a, self.p, self.replace, self.chunks, self.kwargs = seeds, a, p, replace, chunks, kwargs

    def __call__(self, index: tuple[int, ...], *blocks: Any) -> Any:
        number = 0
        for i, lengths in zip(index, self.chunks, strict=True):
            number = number * len(lengths) + i
        size = tuple(lengths[i] for lengths, i in zip(self.chunks, index, strict=True))
        a = blocks[self.a.position] if type(self.a) is Slot else self.a
        p = blocks[self.p.position] if type(self.p) is Slot else self.p
        return self.seeds.state(number).choice(a, size=size, replace=self.replace, p=p, **self.kwargs)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return ("dusk-choose", self.seeds, self.a, self.p, self.replace, self.kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Choose, (self.seeds, self.a, self.p, self.replace, self.chunks, self.kwargs))


def choice(
    seeds_for: Any, a: Any, size: Any, replace: bool, p: Any, chunks: Any, axis: int, kwargs: dict[str, Any]
) -> Array:
    """Return an array of values chosen among others; see `numpy.random.Generator.choice`."""
    inputs: list[Any] = []
    if isinstance(a, Integral):
        if a < 0:
            raise ValueError("a must be greater than 0")
        length, dtype = int(a), np.dtype(np.int64)
        given: Any = int(a)
    else:
        a = asarray(a)
        if a.ndim != 1:
            raise ValueError("a must be one dimensional")
        length, dtype = len(a), a.dtype
        inputs.append((a.rechunk(-1), [("at", 0)]))
        given = Slot(0)
    if p is not None:
        if not isinstance(p, Array):
            p = np.asarray(p)
            if not np.isclose(p.sum(), 1, rtol=1e-7, atol=0):
                raise ValueError("probabilities do not sum to 1")
            p = asarray(p)
        if p.ndim != 1:
            raise ValueError("p must be one dimensional")
        if len(p) != length:
            raise ValueError("a and p must have the same size")
        inputs.append((p.rechunk(-1), [("at", 0)]))
        p = Slot(len(inputs) - 1)
    if size is None:
        size = ()
    elif not isinstance(size, (tuple, list)):
        size = (size,)
    if axis != 0:
        raise ValueError("axis must be 0 since a is one dimensional")
    chunks = normalize_chunks(chunks, size, dtype=np.float64)
    if not replace and chunks and len(chunks[0]) > 1:
        raise NotImplementedError(
            "replace=False is not currently supported for dask.array.choice with multi-chunk output arrays"
        )
    count = 1
    for lengths in chunks:
        count *= len(lengths)
    call = _Choose(seeds_for(count), given, p, replace, chunks, kwargs)
    meta = np.empty((0,) * len(chunks), dtype=dtype)
    return block_call(call, inputs, chunks, meta, prefix="da.random.choice", token=tokenize(call, chunks), indexed=True)


def permutation(bit_generator: Any, x: Any) -> Array:
    """Return an array in random order along its first axis."""
    from dusk.array._ranges import arange

    if isinstance(x, (int, np.integer)):
        x = arange(x, chunks="auto")
    index = np.arange(len(x))
    np.random.Generator(bit_generator).shuffle(index)
    return x[index]
