"""What arrays are made of and turned into: sources, targets, graphs made by hand, Python's numbers."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import dusk
import dusk.array as da
from dusk.array.utils import assert_eq


class Sliced:
    """As an HDF5 dataset: it can be sliced, and says what it is."""

    def __init__(self, data):
        self.data, self.shape, self.dtype, self.ndim, self.read = data, data.shape, data.dtype, data.ndim, []

    def __getitem__(self, key):
        self.read.append(key)
        return self.data[key]


def test_what_is_written_later_does_not_matter():
    data = np.arange(6)
    x = da.from_array(data, chunks=2)
    y = da.ones(6, chunks=2) + data
    data[:] = 0
    assert_eq(x, np.arange(6))
    assert_eq(y, np.arange(6) + 1.0)


def test_a_source_that_can_be_sliced_is_read_block_by_block():
    source = Sliced(np.arange(12).reshape(4, 3))
    x = da.from_array(source, chunks=(2, 3))
    assert all(each == slice(0, 0) for key in source.read for each in key)  # to see the type of a block
    source.read.clear()
    np.testing.assert_array_equal(x[:2].compute(), source.data[:2])
    assert source.read == [(slice(0, 2), slice(0, 3))]
    calls = []

    def getitem(a, where):
        calls.append(where)
        return a[where]

    np.testing.assert_array_equal(da.from_array(source, chunks=4, getitem=getitem).compute(), source.data)
    assert calls


def test_memory_mapped(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.arange(10.0))
    mapped = np.load(path, mmap_mode="r")
    assert_eq(da.from_array(mapped, chunks=3) * 2, np.arange(10.0) * 2)


def test_graphs_made_by_hand():
    graph = {("x", i, 0): (np.full, (2, 3), i) for i in range(2)}
    x = da.Array(graph, "x", ((2, 2), (3,)), dtype="i8")
    assert x.name == "x"
    assert_eq(x, np.repeat([0, 1], 2)[:, None] * np.ones((1, 3), dtype="i8"))
    y = da.from_array(np.ones(2), chunks=1)
    y.dask = dict(y.dask)
    assert_eq(y + 1, np.full(2, 2.0))
    lacking = da.Array({}, "x", chunks=(3,), shape=(4,), dtype="f8")
    assert lacking.chunks == ((3, 1),)
    with pytest.raises(KeyError):
        lacking.compute()


def test_values_stand_in_the_graph():
    x = da.from_array(np.arange(4), chunks=2)
    np.testing.assert_array_equal(x.dask[x.name, 1], [2, 3])
    assert_eq(pickle.loads(pickle.dumps(x)), np.arange(4))


def test_pythons_numbers():
    for x in (da.from_array(np.array(3)), da.from_array(np.array([3]))):
        assert (bool(x), int(x), float(x), complex(x)) == (True, 3, 3.0, 3 + 0j)
    assert [10, 20, 30, 40][da.from_array(np.array(3))] == 40
    with pytest.raises(TypeError):
        int(da.arange(2))
    with pytest.raises(ValueError, match="ambiguous"):
        bool(da.arange(2))
    with pytest.warns(FutureWarning, match="ignored"):
        da.ones(2).__array__(something=1)
    np.testing.assert_array_equal(np.from_dlpack(da.arange(3)), np.arange(3))


class Other:
    """An operand that wants operators for itself, or doesn't."""

    def __radd__(self, other):
        return "mine"


def test_operators_leave_the_other_operand_its_turn():
    x = da.ones(2)
    wanting, modest, refusing = Other(), Other(), Other()
    wanting.__array_priority__, modest.__array_priority__ = 20, 1
    refusing.__array_ufunc__ = None
    assert x + wanting == "mine"
    assert x + refusing == "mine"
    assert isinstance(x + modest, da.Array)


@pytest.mark.parametrize("compute", [True, False])
def test_two_equal_targets_are_two(compute):
    x = da.ones((4, 4), chunks=2)
    targets = [np.zeros((4, 4)), np.zeros((4, 4))]
    written = da.store([x, x], targets, compute=compute)
    if compute:
        assert written is None
    else:
        assert [each.size for each in dusk.compute(*written)] == [0, 0]
    for target in targets:
        np.testing.assert_array_equal(target, np.ones((4, 4)))


@pytest.mark.parametrize(
    "region",
    [
        (slice(None, None, 2), slice(1, 5)),
        (slice(None, None, -2), slice(4)),
        (slice(-4, None), [0, 2, 3, 5]),
        (slice(0, 4), np.array([True, False, True, True, False, True])),
    ],
)
def test_regions(region):
    x = da.from_array(np.arange(16.0).reshape(4, 4), chunks=(3, 2))
    target, expected = np.zeros((8, 6)), np.zeros((8, 6))
    expected[region] = x.compute()
    x.store(target, regions=region)
    np.testing.assert_array_equal(target, expected)
    again = np.zeros((8, 6))
    stored = x.store(again, regions=region, return_stored=True)
    np.testing.assert_array_equal(stored.compute(), x.compute())


def test_dtype_of_ufuncs():
    x = np.arange(5, dtype="f4")
    assert_eq(da.exp(da.from_array(x, chunks=2), dtype="f8"), np.exp(x, dtype="f8"))
    assert_eq(da.add(da.from_array(x, chunks=2), 1, dtype="f8"), np.add(x, 1, dtype="f8"))


@pytest.mark.parametrize("name", ["sum", "nansum", "mean", "var", "std"])
@pytest.mark.parametrize("chunk", [2, 5])
def test_whole_numbers_of_reductions_with_fractions(name, chunk):
    x = np.arange(5, dtype="f4")
    found = getattr(da, name)(da.from_array(x, chunks=chunk), dtype="i8")
    assert_eq(found, getattr(np, name)(x, dtype="i8"))


def test_nothing_is_added_for_a_nan():
    x = np.array([1.0, np.nan, 3.0])
    assert_eq(da.nansum(da.from_array(x, chunks=2), dtype="i8"), np.nansum(x, dtype="i8"))


def test_sum_of_durations():
    x = np.arange(6).astype("m8[s]").reshape(2, 3)
    for axis in (None, 0, 1):
        assert_eq(da.from_array(x, chunks=(1, 2)).sum(axis=axis), x.sum(axis=axis))


def test_truth_of_texts():
    x = np.array(["foo", "", "b"])
    lazy = da.from_array(x, chunks=2)
    assert da.count_nonzero(lazy).compute() == 2
    assert_eq(da.argwhere(lazy), np.argwhere(x))
    square = np.array([["ab", "c"], ["d", "ef"]])
    assert_eq(da.tril(da.from_array(square, chunks=1)), np.tril(square))


@pytest.mark.parametrize("shape", [(4, 5), (6,), (2, 1, 3)])
def test_inverse_of_unique_has_the_shape_of_the_array(shape):
    x = np.random.default_rng(0).integers(0, 5, shape)
    values, inverse = da.unique(da.from_array(x, chunks=2), return_inverse=True)
    np.testing.assert_array_equal(values.compute()[inverse.compute()], x)
    assert inverse.shape == x.shape


@pytest.mark.parametrize("name", ["tril_indices", "triu_indices"])
@pytest.mark.parametrize("n, k, m", [(3, 0, None), (3, 1, 5), (5, -2, 2)])
def test_triangle_indices(name, n, k, m):
    found = getattr(da, name)(n, k=k, m=m, chunks=2)
    for each, expected in zip(found, getattr(np, name)(n, k=k, m=m), strict=True):
        np.testing.assert_array_equal(each.compute(), expected)
    of_matrix = getattr(da, f"{name}_from")(da.ones((3, 4), chunks=2), k=k)
    for each, expected in zip(of_matrix, getattr(np, f"{name}_from")(np.ones((3, 4)), k=k), strict=True):
        np.testing.assert_array_equal(each.compute(), expected)


@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("q", [0.3, [0.1, 0.9]])
def test_weighted_quantiles_are_lazy(name, axis, q):
    rng = np.random.default_rng(0)
    x = rng.random((6, 5))
    weights = rng.random(x.shape[axis])
    lazy = getattr(da, name)(
        da.from_array(x, chunks=(2, 3)),
        q,
        axis=axis,
        weights=da.from_array(weights, chunks=2),
        method="inverted_cdf",
    )
    along = weights[:, None] if axis == 0 else weights
    expected = getattr(np, name)(x, q, axis=axis, weights=np.broadcast_to(along, x.shape), method="inverted_cdf")
    np.testing.assert_allclose(lazy.compute(), expected)


def test_nanpercentile():
    x = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, np.nan]])
    found = da.nanpercentile(da.from_array(x, chunks=(1, 2)), [25, 50], axis=1)
    assert_eq(found, np.nanpercentile(x, [25, 50], axis=1))


def test_images(tmp_path):
    images = [np.full((2, 3), i, dtype="u1") for i in range(3)]
    for i, image in enumerate(images):
        np.save(tmp_path / f"{i}.npy", image)
    from dusk.array.image import imread

    x = imread(str(tmp_path / "*.npy"), imread=np.load, preprocess=lambda image: image + 1)
    assert x.chunks == ((1, 1, 1), (2,), (3,))
    assert_eq(x, np.stack(images) + 1)
    with pytest.raises(ValueError, match="No files found"):
        imread(str(tmp_path / "*.none"), imread=np.load)


def test_tiledb_says_what_it_needs():
    pytest.importorskip("numpy")
    try:
        import tiledb  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="pip install tiledb"):
            da.from_tiledb("nowhere")


def test_blocks_of_other_axes_are_put_together():
    x = da.from_array(np.arange(6), chunks=((1, 2, 3),))
    found = x.map_blocks(lambda block: 5, chunks=((1, 1, 1),))
    np.testing.assert_array_equal(found.compute(), [5, 5, 5])
    with pytest.raises(ValueError, match="Dimension mismatch"):
        x.map_blocks(lambda block: 5, chunks=((1, 1, 1),), enforce_ndim=True).compute()


RANGES_OF_TIME = [
    (np.datetime64("2020-01-01"), np.datetime64("2020-03-01")),
    (np.datetime64("2020-01-01"), np.datetime64("2020-03-01"), np.timedelta64(7, "D")),
    (np.datetime64("2020-01-01"), np.datetime64("2020-03-01"), 7),
    (np.datetime64("2020-01-01"), np.datetime64("2020-01-02"), np.timedelta64(5, "h")),
    (np.datetime64("2020-01-01"), np.datetime64("2020-01-02T05")),
    (np.datetime64("2020-01"), np.datetime64("2019-01"), np.timedelta64(-1, "M")),
    (np.datetime64("2020-01-02"), np.datetime64("2020-01-01")),
    (np.datetime64("2020-01-01"), 50),
    (np.datetime64("2020-01-01"), np.timedelta64(3, "D")),
    (np.timedelta64(0, "s"), np.timedelta64(100, "s"), np.timedelta64(7, "s")),
    (np.timedelta64(10, "s"),),
]


@pytest.mark.parametrize("args", RANGES_OF_TIME)
@pytest.mark.parametrize("chunks", [1, 4, -1])
def test_ranges_of_time(args, chunks):
    expected = np.arange(*args)
    lazy = da.arange(*args, chunks=chunks)
    assert (lazy.dtype, lazy.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(lazy.compute(), expected)


def test_ranges_of_time_of_a_dtype():
    for args, dtype in ((("2005-02", "2005-03"), "M8[D]"), ((5,), "m8[s]"), ((0, np.timedelta64(3, "D")), "m8[h]")):
        expected = np.arange(*args, dtype=dtype)
        lazy = da.arange(*args, dtype=dtype, chunks=3)
        assert lazy.dtype == expected.dtype
        np.testing.assert_array_equal(lazy.compute(), expected)
