"""No block outgrows the budget: what is read of files, which chunks operations choose, how deep plans may be."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

import dusk
import dusk.array as da

rng = np.random.default_rng(0)


# Copies in two steps --------------------------------------------------------------------------------------------------


SHAPE = (60, 40, 18)
X = rng.integers(0, 1000, SHAPE).astype("i4")
COPIES = {
    "rows_to_columns": lambda x, da: x.rechunk((60, 3, 18)),
    "rows_to_uneven": lambda x, da: x.rechunk((60, (1, 20, 3, 16), (5, 13))),
    "backwards": lambda x, da: x[::-1, :, ::-2].rechunk((60, 7, 3)),
    "steps": lambda x, da: x[3::3, 1:-1:2].rechunk({0: -1, 1: 2}),
    "transposed": lambda x, da: x.transpose((2, 0, 1)).rechunk((2, 60, 5)),
    "one_position": lambda x, da: x[:, 5].rechunk((60, 2)),
    "new_axis": lambda x, da: x[:, None].rechunk((60, 1, 2, 18)),
    "broadcast": lambda x, da: (x[None] * da.ones((2, 1, 1, 1), "i4")).rechunk((2, 60, 2, 18)),
    "shuffle": lambda x, da: x[np.random.default_rng(1).permutation(60)],
    "shuffle_of_columns": lambda x, da: x[:, np.random.default_rng(1).integers(0, 40, 70)],
    "shuffle_in_one": lambda x, da: x.rechunk((5, 40, 9))[np.random.default_rng(1).permutation(60)],
    "points": lambda x, da: points(x, da),
    "through_columns": lambda x, da: x.rechunk((60, 1, 18)).rechunk((1, 40, 18)),
}


def points(x, da):
    at = np.random.default_rng(1).integers(0, 18, (3, 200))
    return x.vindex[at[0], :, at[2]]


class Eager(np.ndarray):
    """NumPy's array with the methods that the copies call."""

    def rechunk(self, chunks):
        return self

    @property
    def vindex(self):
        return Points(np.asarray(self))


class Points:
    """Points of a NumPy array, their axis first."""

    def __init__(self, x):
        self.x = x

    def __getitem__(self, key):
        return self.x[key[0], :, key[2]]


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize("chunks", [(4, 40, 18), (7, 11, 18), (5, 40, 4)])
@pytest.mark.parametrize("limit", ["20kB", "60kB", "10MB"])
def test_copies_are_right_whatever_the_budget(name, chunks, limit):
    copy = COPIES[name]
    x = da.from_array(X, chunks=chunks).map_blocks(np.negative)
    expected = np.asarray(copy((-X).view(Eager), np))
    y = copy(x, da)
    with dusk.config.set({"memory.limit": limit}):
        # a call for each block, so that blocks have to be as they were asked for
        got = y.map_blocks(block_with_shape, dtype="i4").compute()
    np.testing.assert_array_equal(got, expected)
    assert y.shape == expected.shape


def block_with_shape(block, block_info=None):
    if block_info:
        assert block.shape == block_info[None]["chunk-shape"]
    return block


def test_many_pieces_go_through_fewer_blocks():
    x = np.arange(2000 * 2000, dtype="i4").reshape(2000, 2000)
    y = da.from_array(x, chunks=(1, 2000)).map_blocks(np.negative).rechunk((2000, 1))
    np.testing.assert_array_equal(y[:, :5].compute(), -x[:, :5])
    np.testing.assert_array_equal(y.map_blocks(np.negative).compute(), x)


# Only what is needed is read ------------------------------------------------------------------------------------------


class Counting(dict):
    """A store that knows which objects were read."""

    def __init__(self):
        super().__init__()
        self.read = []

    def __getitem__(self, key):
        self.read.append(key)
        return super().__getitem__(key)


@pytest.fixture
def counted():
    store = Counting()
    x = np.arange(40 * 60).reshape(40, 60)
    da.from_array(x, chunks=(5, 6)).to_zarr(store)
    d = da.from_zarr(store, chunks=(20, 30))
    store.read.clear()
    return store, x, d


SLICES = [
    (np.s_[7], 10),
    (np.s_[7, 9], 1),
    (np.s_[:, 9], 8),
    (np.s_[3:7, 29:31], 4),
    (np.s_[::10, ::30], 8),
    (np.s_[::-10, ::-30], 8),
    (np.s_[39::-13], 40),
    (np.s_[5:5], 0),
    (np.s_[:10, None, :6], 2),
    (np.s_[2:4, 3:5], 1),
    (np.s_[:], 80),
]


@pytest.mark.parametrize(("index", "objects"), SLICES, ids=str)
def test_slices_of_zarr_read_the_chunks_that_they_touch(counted, index, objects):
    store, x, d = counted
    np.testing.assert_array_equal(d[index].compute(), x[index])
    read = [key for key in store.read if not key.endswith(("zarr.json", ".zarray", ".zattrs"))]
    assert len(read) == objects == len(set(read))


@pytest.mark.parametrize("index", [index for index, _ in SLICES], ids=str)
def test_slices_of_zarr_with_more_on_top(counted, index):
    store, x, d = counted
    np.testing.assert_array_equal((d[index] * 2 + 1).T.compute(), (x[index] * 2 + 1).T)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(d[index])).compute(), x[index])


def test_overlapping_slices_of_zarr_read_each_chunk_once(counted):
    store, x, d = counted
    np.testing.assert_array_equal((d[1:] - d[:-1]).compute(), x[1:] - x[:-1])
    read = [key for key in store.read if "json" not in key]
    assert len(read) == len(set(read))


def test_other_chunks_are_read_directly(counted):
    store, x, d = counted
    y = d.rechunk((40, 6))
    assert "View" not in dusk.optimize(y)[0].explain()
    np.testing.assert_array_equal(y.compute(), x)
    assert len([key for key in store.read if "json" not in key]) == 80
    # each storage chunk would be decoded several times
    assert "View" in dusk.optimize(d.rechunk((40, 2)))[0].explain()


class Dataset:
    """What can be sliced, such as an HDF5 dataset, and knows what it was asked for."""

    def __init__(self, x):
        self.x, self.asked = x, []
        self.shape, self.dtype, self.ndim = x.shape, x.dtype, x.ndim

    def __getitem__(self, index):
        steps = [1 if isinstance(i, int) else i.step or 1 for i in index]
        assert min(steps) > 0, "no steps backwards, as in HDF5"
        part = self.x[index]
        self.asked.append(part.size)
        return part


@pytest.mark.parametrize(
    ("index", "asked"),
    [
        (np.s_[3], 60),
        (np.s_[3, 4], 1),
        (np.s_[15:25, 2:4], 20),
        (np.s_[::10], 240),
        (np.s_[::-1], 2400),
        (np.s_[5:5], 0),
        (np.s_[:, 7:50:7], 280),
    ],
    ids=str,
)
def test_slices_of_objects_ask_only_for_the_slice(index, asked):
    x = np.arange(40 * 60).reshape(40, 60)
    source = Dataset(x)
    d = da.from_array(source, chunks=(20, 30))
    source.asked.clear()
    got = d[index]
    np.testing.assert_array_equal(got.compute(), x[index])
    assert sum(source.asked) == asked
    np.testing.assert_array_equal((got + 1).sum(axis=0).compute(), (x[index] + 1).sum(axis=0))


def test_slices_of_slices_of_objects():
    x = np.arange(40 * 60).reshape(40, 60)
    source = Dataset(x)
    d = da.from_array(source, chunks=(20, 30))
    source.asked.clear()
    np.testing.assert_array_equal(d[10:30][::2, 5:][1, 1:9:3].compute(), x[10:30][::2, 5:][1, 1:9:3])
    assert sum(source.asked) == 3
    source.asked.clear()
    np.testing.assert_array_equal((d[1:] - d[:-1]).compute(), x[1:] - x[:-1])
    assert sum(source.asked) == x.size


# Blocks that would outgrow their inputs -------------------------------------------------------------------------------


def largest(x):
    return math.prod(map(max, x.chunks)) * x.dtype.itemsize


LIMIT = 128 * 2**20
GROWING = {
    "outer": lambda v, m: da.outer(v, v),
    "outer_of_text_lengths": lambda v, m: np.multiply.outer(v, v),
    "tensordot": lambda v, m: da.tensordot(v, v, axes=0),
    "dot": lambda v, m: m @ m.T,
    "matmul_of_stacks": lambda v, m: da.matmul(m[None], m.T[None]),
    "einsum": lambda v, m: da.einsum("ij,kj->ik", m, m),
    "einsum_without_sum": lambda v, m: da.einsum("i,j->ij", v, v),
    "einsum_of_three": lambda v, m: da.einsum("i,j,k->ijk", v, v[:100], v[:100]),
    "differences": lambda v, m: v[:, None] - v[None, :],
    "distances": lambda v, m: ((m[:, None, :] - m[None, :, :]) ** 2).sum(axis=-1),
    "ravel": lambda v, m: da.ones((10, 10**9), chunks=(10, 10**6), dtype="f4").ravel(),
    "take": lambda v, m: m[:, np.zeros(10**6, int)],
    "points": lambda v, m: m.vindex[np.zeros(10**6, int)],
    "repeat": lambda v, m: da.repeat(v, 10_000),
    "repeat_of_few": lambda v, m: da.repeat(v[:3], 10**9),
    "repeat_between": lambda v, m: da.repeat(m[:2, None], 10**8, axis=1),
    "diagonal": lambda v, m: da.diag(v),
    "kronecker": lambda v, m: da.kron(m, m),
    "correlation": lambda v, m: da.corrcoef(m),
}


@pytest.mark.parametrize("name", GROWING)
def test_no_block_outgrows_the_chunk_size(name):
    v = da.ones(10**5, chunks=10**5)
    m = da.ones((10**5, 8), chunks=(10**5, 8))
    y = GROWING[name](v, m)
    assert largest(y) <= 1.3 * LIMIT


def test_ordinary_blocks_are_left_as_they_are():
    a, b = da.ones((2000, 3000), chunks=(1000, 700)), da.ones((3000, 500), chunks=(700, 500))
    assert (a @ b).chunks == ((1000, 1000), (500,))
    v = da.ones(3000, chunks=1000)
    assert da.outer(v, v).chunks == (v.chunks[0], v.chunks[0])
    assert (a[:, None, :5] + v[:1000][None, :, None]).chunks == ((1000, 1000), (1000,), (5,))


def test_cut_repeats_and_diagonals_are_right():
    x = np.arange(24).reshape(2, 3, 4)
    with dusk.config.set({"array.chunk-size": "1kiB"}):
        for axis in range(3):
            lazy = da.repeat(da.from_array(x, chunks=(2, 2, 3)), 333, axis=axis)
            assert largest(lazy) <= 1.3 * 1024
            np.testing.assert_array_equal(lazy.compute(), np.repeat(x, 333, axis=axis))
        lazy = da.diag(da.arange(100, chunks=60), 3)
        np.testing.assert_array_equal(lazy.compute(), np.diag(np.arange(100), 3))


def test_cut_products_are_right():
    v, w = np.arange(300.0), np.arange(200.0) + 1
    m, n = rng.standard_normal((300, 4)), rng.standard_normal((4, 200))
    with dusk.config.set({"array.chunk-size": "64kiB"}):
        a, b = da.from_array(v, chunks=300), da.from_array(w, chunks=200)
        c, d = da.from_array(m, chunks=-1), da.from_array(n, chunks=-1)
        results = [
            (da.outer(a, b), np.outer(v, w)),
            (np.subtract.outer(a, b), np.subtract.outer(v, w)),
            (a[:, None] - b, v[:, None] - w),
            (c @ d, m @ n),
            (da.matmul(c[None], d[None]), (m @ n)[None]),
            (da.einsum("ij,jk->ki", c, d), np.einsum("ij,jk->ki", m, n)),
            (da.einsum("i,j,j->ij", a, b, b), np.einsum("i,j,j->ij", v, w, w)),
            (da.tensordot(a, d, axes=0), np.tensordot(v, n, axes=0)),
        ]
        for got, expected in results:
            assert largest(got) <= 1.3 * 2**16
            np.testing.assert_allclose(got.compute(), expected)


# Deep plans -----------------------------------------------------------------------------------------------------------


def negated(block):
    return -block


CHAINS = {
    "added": lambda x, i: x + 1,
    "sliced": lambda x, i: x[1:] if i % 2 else x[:-1],
    "joined": lambda x, i: da.concatenate([x[:50], x[50:]]),
    "cut": lambda x, i: x.rechunk(7 if i % 2 else 11),
    "called": lambda x, i: x.map_blocks(negated),
    "scanned": lambda x, i: x.cumsum(0) % 7,
    "reduced": lambda x, i: x - x.sum(),
    "chosen": lambda x, i: da.where(x > 3, x, 1),
    "reshaped": lambda x, i: x.reshape((-1, 1)).reshape(-1),
    "multiplied": lambda x, i: x * da.dot(x, x),
    "taken": lambda x, i: x[np.arange(100)[::-1] // 2 * 2],
    "stacked": lambda x, i: da.stack([x, x])[i % 2],
    "rolled": lambda x, i: da.roll(x, 3),
    "doubled": lambda x, i: x + x,
}


@pytest.mark.parametrize("name", CHAINS)
def test_long_chains(name):
    """No part of the engine goes as deep as a plan is: with 20,000 links a stack would overflow."""
    links = 20_000
    size = links + 100 if name == "sliced" else 100
    x = da.ones(size, chunks=-(-size // 2))
    with np.errstate(all="ignore"):
        for i in range(links):
            x = CHAINS[name](x, i)
        total = x.sum()
        total.compute()
        total.explain()
        assert pickle.loads(pickle.dumps(x)).name == x.name
        dusk.optimize(total)
    del x, total
