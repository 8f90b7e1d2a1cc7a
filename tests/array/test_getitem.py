"""`x[...]` against NumPy, for blocks that the engine holds and for objects."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dusk.array as da
from tests.array.structures import agrees, arrays, same, slices, values


@st.composite
def indexed(draw):
    x, lazy = draw(arrays())
    index, positions = [], False
    for length in x.shape:
        kinds = ["slice", "none"] + (["int"] if length else []) + (["list", "mask"] if not positions else [])
        kind = draw(st.sampled_from(kinds))
        if kind == "none":
            index.append(None)
            kind = "slice"
        if kind == "slice":
            index.append(draw(slices(length)))
        elif kind == "int":
            # beside a list NumPy takes integers for points
            index.append(draw(st.integers(-length, length - 1)) if not positions else slice(None))
        else:
            if any(isinstance(ind, int) or ind is None for ind in index):
                index.append(draw(slices(length)))
                continue
            positions = True
            if kind == "list" and length:
                index.append(draw(st.lists(st.integers(-length, length - 1), max_size=2 * length)))
            else:
                index.append(np.array(draw(st.lists(st.booleans(), min_size=length, max_size=length)), dtype=bool))
    return x, lazy, tuple(index[: draw(st.integers(0, len(index)))])


@settings(max_examples=400, deadline=None)
@given(indexed())
def test_as_numpy(case):
    x, lazy, index = case
    positions = any(isinstance(ind, list | np.ndarray) for ind in index)
    if positions and any(isinstance(ind, int) or ind is None for ind in index):
        return
    if lazy.dtype.hasobject and not np.ndim(x[index]):
        assert lazy[index].compute() == x[index]
        return
    exact = tuple(np.array(ind, dtype=int) if isinstance(ind, list) and not ind else ind for ind in index)
    want = x[exact] if positions else x[index]
    agrees(lazy[index], want)


@pytest.mark.parametrize("kind", ["float64", "object", "masked"])
def test_masks_of_the_whole(kind):
    x = values((5, 6), kind)
    lazy = da.from_array(x, chunks=(2, 4))
    mask = np.arange(30).reshape(5, 6) % 4 == 1
    for each in (mask, da.from_array(mask, chunks=3)):
        same(lazy[each].compute(), x[mask])
    rows = np.array([True, False, True, True, False])
    same(lazy[da.from_array(rows, chunks=2)].compute(), x[rows])
    same(lazy[:, da.from_array(mask[0], chunks=2)].compute(), x[:, mask[0]])


def test_mask_of_leading_axes():
    x = np.arange(60).reshape(3, 4, 5)
    mask = x[:, :, 0] % 2 == 0
    lazy = da.from_array(x, chunks=2)
    same(lazy[da.from_array(mask, chunks=3)].compute(), x[mask])
    same(lazy[mask].compute(), x[mask])


@pytest.mark.parametrize("chunks", [1, 3, 10])
@pytest.mark.parametrize("kind", ["float64", "object"])
def test_positions_that_are_arrays(chunks, kind):
    x = values((7, 4), kind)
    lazy = da.from_array(x, chunks=(3, 2))
    where = np.array([6, 0, -1, 3, 3])
    index = da.from_array(where, chunks=chunks)
    same(lazy[index].compute(), x[where])
    same(lazy.T[:, index].compute(), x.T[:, where])
    same(lazy[index[1]].compute(), x[0])
    table = np.array([[0, 1], [5, -1]])
    same(lazy[da.from_array(table, chunks=1)].compute(), x[table])
    same(lazy[table].compute(), x[table])
    with pytest.raises(IndexError, match="out of bounds"):
        lazy[da.from_array(np.array([7]), chunks=1)].compute()


@given(st.data())
@settings(deadline=None)
def test_vindex(data):
    x, lazy = data.draw(arrays(min_dims=2, lengths=(1, 3, 5), kinds=("float64", "object")))
    count = data.draw(st.integers(0, 9))
    points = tuple(
        np.array(data.draw(st.lists(st.integers(-n, n - 1), min_size=count, max_size=count)), dtype=int)
        for n in x.shape[:2]
    )
    same(lazy.vindex[points].compute(), x[points])
    same(lazy.vindex[points[0][:, None], points[1]].compute(), x[points[0][:, None], points[1]])


def test_blocks():
    x = np.arange(24).reshape(4, 6)
    lazy = da.from_array(x, chunks=2)
    assert lazy.blocks.shape == (2, 3)
    same(lazy.blocks[1].compute(), x[2:])
    same(lazy.blocks[:, ::2].compute(), x[:, [0, 1, 4, 5]])
    same(lazy.blocks[[1, 0], -1].compute(), x[[2, 3, 0, 1], 4:])
    same(lazy.partitions[0, 1].compute(), x[:2, 2:4])
    unknown = lazy[lazy[:, 0] > 5]
    same(unknown.blocks[1].compute(), x[2:])
    with pytest.raises(ValueError, match="single list"):
        lazy.blocks[[0], [1]]


def test_fields():
    x = np.zeros(5, dtype=[("a", "f8"), ("b", "i4", (2,))])
    x["a"], x["b"] = np.arange(5), np.arange(10).reshape(5, 2)
    lazy = da.from_array(x, chunks=2)
    same(lazy["a"].compute(), x["a"])
    assert lazy["b"].shape == (5, 2)
    same(lazy["b"].compute(), x["b"])
    assert lazy[["a"]].compute().dtype == x[["a"]].dtype
    same((lazy["a"] + 1).compute(), x["a"] + 1)


def test_chunks_stay():
    x = da.from_array(np.zeros(20), chunks=5)
    assert x[::2].chunks == ((3, 2, 3, 2),)
    assert x[::-1][:7].chunks == ((5, 2),)
    assert x[4:-4].chunks == ((1, 5, 5, 1),)
    assert x[np.arange(15) % 10].chunks == ((5, 5, 5),)
    assert x[[]].chunks == ((0,),)


def test_nothing_to_do():
    x = da.from_array(np.zeros((4, 4)), chunks=2)
    for index in (slice(None), ..., slice(0, 4), (slice(None), slice(0, 99))):
        assert x[index] is x
    assert x[0:3].name == x[:-1].name


def test_an_empty_slice_backwards_is_empty():
    x = np.arange(3)
    assert da.from_array(x, chunks=2)[-5::-2].shape == x[-5::-2].shape == (0,)


def test_errors():
    x = da.from_array(np.zeros((5, 4)), chunks=2)
    with pytest.raises(IndexError, match="Index 5 is out of bounds for axis 0 with size 5"):
        x[5]
    with pytest.raises(IndexError, match="Too many indices"):
        x[0, 0, 0]
    with pytest.raises(IndexError, match="Boolean array with size 2 is not long enough for axis 0 with size 5"):
        x[[True, False]]
    with pytest.raises(IndexError, match="single ellipsis"):
        x[..., ...]
    with pytest.raises(NotImplementedError, match="nd fancy"):
        x[[0, 1], [0, 1]]
    unknown = x[x[:, 0] == 0]
    with pytest.raises(IndexError, match="Index 5 is out of bounds for axis 0 with size 5"):
        unknown[5]
    with pytest.raises(IndexError, match="out of bounds for axis 0 with size 5"):
        unknown[[1, 7]]
