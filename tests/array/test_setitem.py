"""`x[...] = value` against NumPy, for blocks that the engine holds and for objects."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dusk.array as da
from tests.array.structures import arrays, chunks_of, same, slices


@st.composite
def assignments(draw):
    x, lazy = draw(arrays(min_dims=0, lengths=(1, 3, 5)))
    index, lazy_index, positions = [], [], False
    for length in x.shape[: draw(st.integers(0, x.ndim))]:
        kind = draw(st.sampled_from(["int", "slice"] if positions or index else ["int", "slice", "list", "mask"]))
        if kind == "int":
            index.append(draw(st.integers(-length, length - 1)) if not positions else slice(None))
            lazy_index.append(index[-1])
        elif kind == "slice":
            index.append(draw(slices(length)))
            lazy_index.append(index[-1])
        else:
            positions = True
            if kind == "list":
                own = np.array(draw(st.permutations(range(length)))[: draw(st.integers(1, length))])
            else:
                own = np.array(draw(st.lists(st.booleans(), min_size=length, max_size=length)))
            index.append(own)
            lazy_index.append(own if draw(st.booleans()) else da.from_array(own, chunks=2))
    index, lazy_index = tuple(index), tuple(lazy_index)
    shape = np.shape(x[index])
    shape = tuple(1 if draw(st.integers(0, 4)) == 0 else n for n in shape)[draw(st.integers(0, len(shape))) :]
    value = -np.arange(1, 1 + int(np.prod(shape))).reshape(shape)
    whole = len(lazy_index) == x.ndim == 1 and isinstance(lazy_index[0], da.Array) and lazy_index[0].dtype == bool
    if whole:  # how many elements there are isn't known
        value = np.array(-1)
    lazy_value = value
    if draw(st.booleans()):
        lazy_value = da.from_array(value, chunks=tuple(draw(chunks_of(n)) for n in value.shape))
    return x, lazy, index, lazy_index, value, lazy_value


@settings(max_examples=400, deadline=None)
@given(assignments())
def test_as_numpy(case):
    x, lazy, index, lazy_index, value, lazy_value = case
    if x.ndim == 0 and np.ma.isMA(x):
        return
    want, before = x.copy(), lazy.copy()
    want[index] = value
    lazy[lazy_index] = lazy_value
    same(lazy.compute(), want)
    same(before.compute(), x)


def test_masks_of_the_whole():
    x = np.arange(24).reshape(4, 6)
    for value in (-1, np.arange(11)):
        for mask in (x > 12, da.from_array(x > 12, chunks=4)):
            if np.ndim(value) and isinstance(mask, da.Array):
                continue
            lazy, want = da.from_array(x, chunks=(3, 2)), x.copy()
            lazy[mask] = value
            want[x > 12] = value
            same(lazy.compute(), want)
    lazy = da.from_array(x, chunks=(3, 2))
    lazy[x > 12] = da.from_array(np.arange(11), chunks=4)
    want = x.copy()
    want[x > 12] = np.arange(11)
    same(lazy.compute(), want)


def test_blocks_without_a_change_stay():
    x = da.from_array(np.zeros((4, 4)), chunks=2)
    x[0, 0] = 5
    assert x.chunks == ((2, 2), (2, 2))
    assert x.compute().sum() == 5


def test_new_axes_and_fields():
    x, want = np.zeros((3, 4)), np.zeros((3, 4))
    lazy = da.from_array(x, chunks=2)
    lazy[None, 1] = np.arange(4)[None]
    want[None, 1] = np.arange(4)[None]
    same(lazy.compute(), want)
    table = np.zeros(5, dtype=[("a", "f8"), ("b", "i4")])
    lazy = da.from_array(table, chunks=2)
    lazy["a"] = np.arange(5)
    assert lazy.compute()["a"].tolist() == [0, 1, 2, 3, 4]


def test_masked_values_make_masked_blocks():
    lazy = da.from_array(np.arange(6.0), chunks=2)
    lazy[1:3] = np.ma.masked
    got = lazy.compute()
    assert got.mask.tolist() == [False, True, True, False, False, False]


def test_errors():
    x = da.from_array(np.zeros((4, 4)), chunks=2)
    for key, value, error in (
        ((slice(None), 0), [2, 3, 4], ValueError),
        ((slice(None),) * 3, 1, IndexError),
        (np.array([True, False, True]), 1, IndexError),
        (x > 1, np.ones(3), ValueError),
    ):
        with pytest.raises(error):
            x[key] = value
    whole = da.from_array(np.zeros(3, dtype=int), chunks=2)
    with pytest.raises(ValueError, match="cannot convert float NaN to integer"):
        whole[0] = np.nan
    unknown = whole[whole > 0]
    with pytest.raises(IndexError, match="Index 0 is out of bounds for axis 0 with size 0"):
        unknown[0] = 1
