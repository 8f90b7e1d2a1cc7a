"""`x[...] = value` with several arrays, arrays of several axes and truth values in the index, against NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dusk.array as da
from tests.array.structures import arrays, chunks_of, same, slices


@st.composite
def assignments(draw):
    x, lazy = draw(arrays(min_dims=1, lengths=(1, 3, 5)))
    points = draw(st.sampled_from([(), (1,), (4,), (2, 3), (0,)]))
    index = []
    axis = 0
    while axis < x.ndim and draw(st.integers(0, 5)):
        length = x.shape[axis]
        kind = draw(st.sampled_from(["int", "slice", "positions", "positions", "mask", "masks", "new"]))
        if kind == "new":
            index.append(None)
            continue
        if kind == "masks" and axis + 1 < x.ndim and points != (2, 3):
            shape = x.shape[axis : axis + 2]
            own = np.zeros(shape, bool)
            some = draw(st.permutations(range(own.size)))[: int(np.prod(points))]
            if len(some) != np.prod(points):
                continue
            own.flat[some] = True
            index.append(own)
            axis += 2
            continue
        if kind == "int":
            index.append(draw(st.integers(-length, length - 1)))
        elif kind == "slice":
            index.append(draw(slices(length)))
        elif kind == "mask" and len(points) == 1 and points[0] <= length:
            own = np.zeros(length, bool)
            own[draw(st.permutations(range(length)))[: points[0]]] = True
            index.append(own)
        else:
            cut = points[draw(st.integers(0, len(points))) :]
            count = int(np.prod(cut))
            own = draw(st.lists(st.integers(-length, length - 1), min_size=count, max_size=count))
            index.append(np.array(own, dtype=draw(st.sampled_from(["int64", "int8"]))).reshape(cut))
        axis += 1
    if axis < x.ndim and draw(st.booleans()):
        index.append(Ellipsis)
        if axis + 1 < x.ndim and draw(st.booleans()):
            index.append(draw(st.integers(-x.shape[-1], x.shape[-1] - 1)))
    index = tuple(index)
    shape = np.shape(np.zeros(x.shape)[index])
    shape = tuple(1 if draw(st.integers(0, 4)) == 0 else n for n in shape)[draw(st.integers(0, len(shape))) :]
    value = -np.arange(1, 1 + int(np.prod(shape))).reshape(shape)
    lazy_value, lazy_index = value, index
    if draw(st.booleans()):
        lazy_value = da.from_array(value, chunks=tuple(draw(chunks_of(n)) for n in value.shape))
    if draw(st.booleans()):
        lazy_index = tuple(da.from_array(ind, chunks=2) if np.ndim(ind) == 1 else ind for ind in index)
    return x, lazy, index, lazy_index, value, lazy_value


@settings(max_examples=400, deadline=None)
@given(assignments())
def test_as_numpy(case):
    x, lazy, index, lazy_index, value, lazy_value = case
    want, before = x.copy(), lazy.copy()
    want[index] = value
    if len(lazy_index) == x.ndim == 1 and isinstance(lazy_index[0], da.Array) and value.ndim > 1:
        return  # a mask that isn't computed takes values of one axis
    lazy[lazy_index] = lazy_value
    assert lazy.chunks == before.chunks
    same(lazy.compute(), want)
    same(before.compute(), x)


@pytest.mark.parametrize("truth", [True, False, np.bool_(True), np.array(False)])
def test_truth_values(truth):
    for key in (truth, (truth, 1), (slice(1), truth), *([(truth, [0, 2])] if truth else [])):
        want = np.zeros((3, 4))
        lazy = da.from_array(want.copy(), chunks=2)
        want[key] = 7
        lazy[key] = 7
        same(lazy.compute(), want)


def test_masks_of_leading_axes():
    x = np.arange(60).reshape(3, 4, 5)
    mask = x[..., 0] % 2 == 0
    for key in (mask, da.from_array(mask, chunks=2), (mask, slice(1, 3)), (1, mask[1]), (slice(None), mask[0, :4])):
        own = (
            tuple(each.compute() if isinstance(each, da.Array) else each for each in key)
            if type(key) is tuple
            else mask
        )
        for value in (-1, np.array([-2])):
            want, lazy = x.copy(), da.from_array(x, chunks=2)
            want[own] = value
            lazy[key] = value
            same(lazy.compute(), want)


def test_points_by_vindex():
    x = np.arange(60).reshape(3, 4, 5)
    lazy, want = da.from_array(x, chunks=2), x.copy()
    lazy.vindex[[0, 2], :, [1, -1]] = np.arange(8).reshape(2, 4)
    want[[0, 2], :, [1, -1]] = np.arange(8).reshape(2, 4)
    same(lazy.compute(), want)


def test_errors():
    x = da.from_array(np.zeros((3, 4)), chunks=2)
    for key, value, error, text in (
        (([0, 1], [0, 1, 2]), 1, IndexError, "could not be broadcast"),
        (([0, 3], [0, 1]), 1, IndexError, "out of bounds for axis 0 with size 3"),
        (([0, 1], [0, 1]), np.ones(3), ValueError, "could not be broadcast"),
        (np.ones((3, 3), bool), 1, IndexError, "mask|match"),
        (([0.5, 1], [0, 1]), 1, IndexError, "integer"),
    ):
        with pytest.raises(error, match=text):
            x[key] = value
