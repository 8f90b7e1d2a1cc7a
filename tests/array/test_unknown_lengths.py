"""Arrays whose lengths only a computation can tell, wherever a length is needed, against NumPy."""

import numpy as np
import pytest

import dusk.array as da

LINE = np.arange(20) - 6
GRID = np.arange(60).reshape(10, 6) - 25


def parts(module, make):
    """Arrays of one and two axes, cut by masks."""
    line, grid = make(LINE, 3), make(GRID, (3, 4))
    return line[line > 0], grid[grid[:, 0] > -10], line


USES = {
    "len": lambda m, u, g, x: np.array(len(u)),
    "iterate": lambda m, u, g, x: np.array([int(each) for each in u]),
    "position": lambda m, u, g, x: u[5],
    "position from the end": lambda m, u, g, x: g[-1, 2],
    "slice": lambda m, u, g, x: u[:10],
    "slice from the end": lambda m, u, g, x: u[-3:],
    "backwards": lambda m, u, g, x: u[::-2],
    "two axes": lambda m, u, g, x: g[1:3, ::2],
    "other axis": lambda m, u, g, x: g[:, 1],
    "positions": lambda m, u, g, x: u[[1, -1, 3, 3]],
    "truth values": lambda m, u, g, x: u[np.arange(13) % 2 == 0],
    "mask": lambda m, u, g, x: u[u > 3],
    "own mask of two axes": lambda m, u, g, x: g[g > 5],
    "mask of the same mask": lambda m, u, g, x: u[x[x > 0] % 3 == 0],
    "reshape": lambda m, u, g, x: g.reshape(7, 3, -1),
    "ravel": lambda m, u, g, x: g.ravel(),
    "concatenate": lambda m, u, g, x: m.concatenate([u, x]),
    "concatenate beside": lambda m, u, g, x: m.concatenate([g, -g], axis=1),
    "stack": lambda m, u, g, x: m.stack([u, x[x < 7]]),
    "vstack": lambda m, u, g, x: m.vstack([u, u]),
    "block": lambda m, u, g, x: m.block([[u, u]]),
    "with another mask": lambda m, u, g, x: x[x > 0] + x[x < 7],
    "with a value": lambda m, u, g, x: u * np.arange(13),
    "where": lambda m, u, g, x: m.where(u > 3, u, np.zeros(13, int)),
    "topk": lambda m, u, g, x: m.topk(u, 300) if m is da else np.sort(u)[::-1],
    "argtopk": lambda m, u, g, x: m.argtopk(u, 3) if m is da else np.argsort(u)[::-1][:3],
    "argmax": lambda m, u, g, x: m.argmax(g, axis=0),
    "searchsorted": lambda m, u, g, x: m.searchsorted(u, x),
    "unique": lambda m, u, g, x: m.unique(x % 4)[1],
    "nonzero": lambda m, u, g, x: m.nonzero(x)[0][:3],
    "nonzero of unknown": lambda m, u, g, x: m.nonzero(u > 3)[0],
    "argwhere": lambda m, u, g, x: m.argwhere(g % 5 == 0)[-2:],
    "cov": lambda m, u, g, x: m.cov(g.T),
    "average": lambda m, u, g, x: m.average(g, axis=0, weights=u[: len(g)]),
    "roll": lambda m, u, g, x: m.roll(g, 2),
    "flip": lambda m, u, g, x: m.flip(u),
    "diff": lambda m, u, g, x: m.diff(u),
    "gradient": lambda m, u, g, x: m.gradient(u.rechunk(5) if m is da else u, axis=0),
    "pad": lambda m, u, g, x: m.pad(u, 2),
    "repeat": lambda m, u, g, x: m.repeat(u, 2, axis=0),
    "tile": lambda m, u, g, x: m.tile(u, 2),
    "insert": lambda m, u, g, x: m.insert(u, 2, 5, axis=0),
    "delete": lambda m, u, g, x: m.delete(u, [2], axis=0),
    "array_split": lambda m, u, g, x: m.array_split(u, 3)[1],
    "tril": lambda m, u, g, x: m.tril(g),
    "diag": lambda m, u, g, x: m.diag(u),
    "diagonal": lambda m, u, g, x: m.diagonal(g),
    "broadcast_to": lambda m, u, g, x: m.broadcast_to(u, (3, 13)),
    "squeeze": lambda m, u, g, x: m.squeeze(x[x == 3][None]),
    "apply_along_axis": lambda m, u, g, x: m.apply_along_axis(np.sum, 0, g),
    "product": lambda m, u, g, x: g.T @ g,
    "outer": lambda m, u, g, x: m.outer(u, u),
    "cumsum": lambda m, u, g, x: m.cumsum(u, axis=0),
    "median": lambda m, u, g, x: m.median(g, axis=0),
    "fft": lambda m, u, g, x: m.fft.fft(u.rechunk(-1) if m is da else u),
}


@pytest.mark.parametrize("use", USES)
def test_lengths_are_found_where_they_are_needed(use):
    function = USES[use]
    want = np.asarray(function(np, *parts(np, lambda x, chunks: x)))
    got = np.asarray(function(da, *parts(da, lambda x, chunks: da.from_array(x, chunks=chunks))))
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=1e-13)


def test_rechunk():
    _, g, _ = parts(da, lambda x, chunks: da.from_array(x, chunks=chunks))
    want = GRID[GRID[:, 0] > -10]
    for chunks in (2, (3, 5), {0: -1}, "auto", ((1, 2, 4), None), ((3, 4), (6,))):
        out = g.rechunk(chunks)
        assert not np.isnan(out.shape).any()
        np.testing.assert_array_equal(out.compute(), want)
    # the other axis doesn't need the lengths
    assert np.isnan(g.rechunk({1: 3}).shape[0])
    np.testing.assert_array_equal(g.rechunk({1: 5}).compute(), want)


def test_nothing_is_computed_until_a_length_is_needed():
    calls = []

    def count(block):
        calls.append(1)
        return block

    x = da.from_array(LINE, chunks=4).map_blocks(count, dtype=LINE.dtype)
    calls.clear()
    u = x[x > 0]
    for lazy in (u + 1, u + u, u * x[x > 0], u.sum(), u[u > 3], da.concatenate([u, u]), da.stack([u, u]), u[None]):
        assert isinstance(lazy, da.Array)
    assert not calls
    assert len(u) == 13
    seen = len(calls)
    assert len(u) == 13
    assert u[:3].shape == (3,)
    assert len(calls) == seen, "lengths are computed once for an array"
    assert np.isnan(u.shape[0]), "the array itself stays as it is"
    assert u.compute_chunk_sizes() is u
    assert u.chunks == ((0, 1, 4, 4, 4),)


def test_masks_of_one_length_that_cut_differently():
    # blocks of length 1 would broadcast to those of the other array
    ones = np.ones(12, bool)
    first, second = ones.copy(), ones.copy()
    first[1:4] = False
    second[8:11] = False
    values = np.arange(12)
    x = da.from_array(values, chunks=4)
    a, b = x[da.from_array(first, chunks=4)], x[da.from_array(second, chunks=4)]
    np.testing.assert_array_equal((a + b).compute(), values[first] + values[second])
    np.testing.assert_array_equal((a * 2 - b.astype(float)).compute(), values[first] * 2 - values[second])
    with pytest.raises(ValueError, match="broadcast|do not add up"):
        a + x[x < 5]


def test_a_length_that_changes_is_an_error():
    lengths = iter(range(1, 100))
    x = da.from_array(LINE, chunks=10).map_blocks(
        lambda block: block[: next(lengths)], dtype=LINE.dtype, chunks=((np.nan,) * 2,), meta=LINE[:0]
    )
    with pytest.raises(ValueError, match="when the chunk sizes were computed"):
        x[1:].compute()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (0, 9),
        (-1, 9),
        (slice(1, 4), np.arange(3)),
        (slice(None, None, -2), np.arange(7)),
        ([1, -3], da.arange(2, chunks=1)),
    ],
)
def test_assignment(key, value):
    want, got = (
        parts(np, lambda x, chunks: x.copy())[0],
        parts(da, lambda x, chunks: da.from_array(x, chunks=chunks))[0],
    )
    got[key] = value
    want[key] = value
    np.testing.assert_array_equal(got.compute(), want)


def test_assignment_to_the_elements_of_a_mask():
    for source, chunks in ((LINE, 3), (GRID, (3, 4))):
        x, want = da.from_array(source, chunks=chunks), source.copy()
        x[x % 3 == 0] = x[x % 3 == 0] * 10
        want[want % 3 == 0] *= 10
        np.testing.assert_array_equal(x.compute(), want)
        with pytest.raises(ValueError, match="cannot assign 3 input values"):
            x[x % 3 == 0] = np.arange(3)
        u, v = x[x > 0], want[want > 0]
        u[u > 5] = 0
        v[v > 5] = 0
        np.testing.assert_array_equal(u.compute(), v)


def test_storage(tmp_path):
    _, g, _ = parts(da, lambda x, chunks: da.from_array(x, chunks=chunks))
    want = GRID[GRID[:, 0] > -10]
    g.to_zarr(str(tmp_path / "zarr"))
    np.testing.assert_array_equal(da.from_zarr(str(tmp_path / "zarr")).compute(), want)
    da.to_npy_stack(str(tmp_path / "npy"), g)
    np.testing.assert_array_equal(da.from_npy_stack(str(tmp_path / "npy")).compute(), want)
    target = np.zeros_like(want)
    da.store(g, target)
    np.testing.assert_array_equal(target, want)


def _some(x, count):
    """An array of which nobody has noted what made its lengths unknown."""
    return da.map_blocks(lambda block: block[:count], x, chunks=((np.nan,) * x.numblocks[0],), dtype=x.dtype)


def test_blocks_of_other_lengths_are_refused():
    x = da.from_array(np.arange(9.0), chunks=3)
    short, long = _some(x, 1), _some(x, 3)
    for refused in (short + long, long + short, da.where(long > 1, long, short), np.hypot(short, long + 1)):
        with pytest.raises(ValueError, match="could not be broadcast together"):
            refused.compute()
    # one block is the whole array, which can be broadcast
    one = _some(x.rechunk(9), 1)
    np.testing.assert_array_equal((one + _some(x.rechunk(9), 4)).compute(), np.arange(4.0))


def test_blocks_of_the_same_lengths_meet():
    x = da.from_array(np.arange(9.0), chunks=3)
    a, b = _some(x, 2), _some(x * 10, 2)
    want = np.array([0.0, 1, 3, 4, 6, 7])
    np.testing.assert_array_equal((a + b).compute(), want * 11)
    np.testing.assert_array_equal(((a + 1) * a).compute(), (want + 1) * want)
    np.testing.assert_array_equal((a + b + a).compute(), want * 12)
    np.testing.assert_array_equal(a[b > 30].compute(), want[want > 3])


def test_choices_of_different_masks():
    """Equal numbers of blocks that nobody can compare say nothing about their lengths."""
    a, b = np.arange(-3, 6), np.arange(-4, 5)
    x, y = da.from_array(a, chunks=3), da.from_array(b, chunks=3)
    with pytest.raises(ValueError, match="broadcast|do not add up"):
        da.where(x[x > 0] > 1, x[x > 0], y[y > 0]).compute()
    got = da.where(x[x > 0] > 1, x[x > 0], y[y >= 0])
    np.testing.assert_array_equal(got.compute(), np.where(a[a > 0] > 1, a[a > 0], b[b >= 0]))
    got = da.map_blocks(np.add, x[x > 0], x[x > 0], dtype=x.dtype)
    np.testing.assert_array_equal(got.compute(), a[a > 0] * 2)
