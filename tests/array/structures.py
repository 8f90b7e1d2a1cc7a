"""Arrays, chunks and indexes for tests, drawn by hypothesis."""

import math

import numpy as np
from hypothesis import strategies as st

import dusk.array as da

KINDS = ("float64", "int8", "object", "masked")


@st.composite
def chunks_of(draw, length):
    """Lengths that add up to a length."""
    out = []
    while length > 0:
        out.append(draw(st.integers(1, length)))
        length -= out[-1]
    return tuple(out) or (0,)


@st.composite
def arrays(draw, min_dims=1, max_dims=3, lengths=(0, 1, 2, 3, 5, 7), kinds=KINDS):
    """A NumPy array and an array of dusk of the same elements."""
    shape = tuple(draw(st.lists(st.sampled_from(lengths), min_size=min_dims, max_size=max_dims)))
    x = values(shape, draw(st.sampled_from(kinds)))
    chunks = tuple(draw(chunks_of(length)) for length in shape)
    return x, da.from_array(x, chunks=chunks)


def values(shape, kind):
    """Different elements in C order."""
    x = np.arange(math.prod(shape)).reshape(shape)
    if kind == "object":
        return x.astype(object)
    if kind == "masked":
        return np.ma.array(x.astype(float), mask=x % 3 == 0)
    return x.astype(kind)


def bounds(length):
    """Where a slice may begin or end, also beyond the array."""
    return st.none() | st.integers(-length - 2, length + 2)


def slices(length):
    """Slices with steps either way."""
    return st.builds(slice, bounds(length), bounds(length), st.sampled_from([None, 1, 2, 3, -1, -2, -3]))


def same(got, want):
    """Compare values; masked elements are equal whatever is under them."""
    assert np.shape(got) == np.shape(want)
    assert np.array_equal(np.ma.getmaskarray(got), np.ma.getmaskarray(want))
    assert np.array_equal(np.ma.filled(got, -99), np.ma.filled(want, -99))


def agrees(lazy, want):
    """Compare an array with its value, and its blocks with what it says of them."""
    same(lazy.compute(), want)
    for index in np.ndindex(*lazy.numblocks):
        block = np.asarray(lazy.blocks[index].compute()) if lazy.ndim else np.asarray(lazy.compute())
        expected = tuple(lengths[i] for lengths, i in zip(lazy.chunks, index, strict=True))
        assert all(have == said or said != said for have, said in zip(block.shape, expected, strict=True))
