"""Functions that change structure, against NumPy, for blocks that the engine holds and for objects."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dusk
import dusk.array as da
from dusk.array.reshape import reshape_rechunk
from dusk.array.utils import assert_eq
from tests.array.structures import KINDS, agrees, arrays, chunks_of, same, values

FUNCTIONS = {
    "transpose": lambda m, x: m.transpose(x, (1, 2, 0)),
    "T": lambda m, x: x.T,
    "swapaxes": lambda m, x: m.swapaxes(x, 0, -1),
    "moveaxis": lambda m, x: m.moveaxis(x, [0, 1], [2, 0]),
    "rollaxis": lambda m, x: m.rollaxis(x, 2, 1),
    "flip": lambda m, x: m.flip(x, (0, 2)),
    "rot90": lambda m, x: m.rot90(x, 3, (2, 0)),
    "roll": lambda m, x: m.roll(x, 7),
    "roll axes": lambda m, x: m.roll(x, (2, -1), (0, 1)),
    "expand_dims": lambda m, x: m.expand_dims(x, (0, -1)),
    "squeeze": lambda m, x: m.squeeze(x[:, :1], 1),
    "concatenate": lambda m, x: m.concatenate([x, x[:, ::2]], axis=1),
    "concatenate flat": lambda m, x: m.concatenate([x, x[0]], axis=None),
    "stack": lambda m, x: m.stack([x, x], axis=-1),
    "dstack": lambda m, x: m.dstack([x, x]),
    "vstack": lambda m, x: m.vstack([x[0], x[1]]),
    "hstack": lambda m, x: m.hstack([x[0, 0], x[1, 0]]),
    "atleast_3d": lambda m, x: m.atleast_3d(x[0]),
    "take": lambda m, x: m.take(x, [2, 0, -1], axis=2),
    "repeat": lambda m, x: m.repeat(x, 3, axis=1),
    "reshape": lambda m, x: x.reshape(30, -1),
    "ravel": lambda m, x: m.ravel(x),
}
PLAIN = {
    "broadcast_to": lambda m, x: m.broadcast_to(x[:, :1], (2, 5, 9, 4)),
    "block": lambda m, x: m.block([[x, x], [x, x]]),
    "tile": lambda m, x: m.tile(x, (2, 1, 3)),
    "tril": lambda m, x: m.tril(x, -1),
    "triu": lambda m, x: m.triu(x, 1),
    "insert": lambda m, x: m.insert(x, [1, 3, 3], 9, axis=1),
    "delete": lambda m, x: m.delete(x, [0, -1, 2], axis=1),
    "append": lambda m, x: m.append(x, x, axis=0),
    "compress": lambda m, x: m.compress([True, False, True], x, axis=1),
}


@pytest.mark.parametrize("chunks", [-1, 2, (1, (4, 2), 3)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [*FUNCTIONS, *PLAIN])
def test_as_numpy(name, kind, chunks):
    function = FUNCTIONS.get(name) or PLAIN[name]
    x = values((5, 6, 4), kind)
    if kind == "masked" and name in PLAIN:
        # NumPy forgets the mask here; what is masked stays so, and what comes in isn't masked
        want = np.ma.masked_array(function(np, x.data), function(np, x.mask.astype(int)) == 1)
        agrees(function(da, da.from_array(x, chunks=chunks)), want)
        return
    # NumPy's own function forgets masks where np.ma has another
    joins = any(word in name for word in ("concatenate", "stack"))
    numpy = np.ma if kind == "masked" and joins else np
    agrees(function(da, da.from_array(x, chunks=chunks)), function(numpy, x))


@pytest.mark.parametrize("name", ["split", "array_split", "hsplit", "vsplit", "dsplit"])
def test_splits(name):
    x = values((4, 6, 4), "float64")
    for got, want in zip(getattr(da, name)(da.from_array(x, chunks=3), 2), getattr(np, name)(x, 2), strict=True):
        agrees(got, want)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_reshape(data):
    base = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))

    def merged():
        shape, i = [], 0
        while i < len(base):
            j = data.draw(st.integers(i + 1, len(base)))
            shape.append(int(np.prod(base[i:j])))
            i = j
        return tuple(shape)

    before, after = merged(), merged()
    kind = data.draw(st.sampled_from(["float64", "object"]))
    x = values(before, kind)
    lazy = da.from_array(x, chunks=tuple(data.draw(chunks_of(n)) for n in before))
    out = lazy.reshape(after)
    agrees(out, x.reshape(after))
    most = max(1, int(np.prod(lazy.chunksize)))
    assert int(np.prod(out.chunksize)) <= 2 * most


@pytest.mark.parametrize("after", [(5, 4, 6), (20, 6), (6, 5, 4), (8, 15), (15, 1, 8), (2, 3, 2, 5, 2)])
@pytest.mark.parametrize("merge", [True, False])
def test_reshape_of_axes_that_do_not_divide(after, merge):
    x = np.arange(120).reshape(4, 5, 6)
    for chunks in (2, (4, 1, 3), (1, 5, 6)):
        agrees(da.from_array(x, chunks=chunks).reshape(after, merge_chunks=merge), x.reshape(after))


def test_reshape_limit_and_errors():
    x = da.from_array(np.arange(10000.0).reshape(100, 100), chunks=-1)
    out = x.reshape(10000, limit="1kiB")
    assert max(out.chunks[0]) <= 128
    same(out.compute(), np.arange(10000.0))
    with pytest.raises(ValueError, match="total size of new array must be unchanged"):
        x.reshape(3)
    with pytest.raises(NotImplementedError, match="reshape to one axis first"):
        reshape_rechunk((4, 5, 6), (5, 4, 6), ((2, 2), (5,), (6,)))
    with pytest.raises(ValueError, match=r"cannot reshape array of size 9900 into shape \(-1, 7\)"):
        x[x[:, 0] > 3].reshape(-1, 7)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_rechunk(data):
    x, lazy = data.draw(arrays())
    chunks = tuple(data.draw(chunks_of(n)) for n in x.shape)
    out = lazy.rechunk(chunks)
    if x.size:
        assert out.chunks == chunks
    agrees(out, x)


def test_rechunk_forms():
    x = da.from_array(np.zeros((100, 80)), chunks=(30, 40))
    assert x.rechunk({0: 50}).chunks == ((50, 50), (40, 40))
    assert x.rechunk({-1: -1}).chunks[1] == (80,)
    assert x.rechunk((None, 20)).chunks == ((30, 30, 30, 10), (20,) * 4)
    assert x.rechunk(30, balance=True).chunks[0] == (34, 34, 32)
    assert x.rechunk(x.chunks) is x
    unknown = x[x[:, 0] > 1]
    assert unknown.rechunk({1: 80}).numblocks == (4, 1)
    with pytest.raises(ValueError, match="Chunks must be unchanging along dimensions with missing values"):
        unknown.rechunk({0: (np.nan, np.nan)})
    with pytest.raises(ValueError, match="Chunks do not add up to shape"):
        unknown.rechunk({0: (10, 10)})


MODES = ["constant", "edge", "linear_ramp", "maximum", "minimum", "mean", "reflect", "symmetric", "wrap"]


@pytest.mark.parametrize("width", [2, (1, 3), ((0, 2), (4, 1)), ((9, 8), (7, 11))])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float64", "int32"])
def test_pad(mode, width, dtype):
    x = (np.arange(30) ** 2 % 17).reshape(5, 6).astype(dtype)
    assert_eq(da.pad(da.from_array(x, chunks=(2, 4)), width, mode=mode), np.pad(x, width, mode=mode))


def test_pad_options():
    x = np.arange(12.0).reshape(3, 4)
    lazy = da.from_array(x, chunks=2)
    for options in (
        {"constant_values": ((1, 2), (3, 4))},
        {"mode": "linear_ramp", "end_values": (5, -4)},
        {"mode": "reflect", "reflect_type": "odd"},
        {"mode": "mean", "stat_length": 2},
    ):
        assert_eq(da.pad(lazy, 2, **options), np.pad(x, 2, **options))

    def mark(row, width, axis, options):
        row[: width[0]] = options["value"]
        row[len(row) - width[1] :] = axis

    agrees(da.pad(lazy, 2, mark, value=7), np.pad(x, 2, mark, value=7))


PADS = {"reflect": "symmetric", "periodic": "wrap", "nearest": "edge", 7.0: "constant"}


@pytest.mark.parametrize("kind", ["float64", "object"])
@pytest.mark.parametrize("depth", [1, 3, (2, 1), {1: 2}])
@pytest.mark.parametrize("boundary", [*PADS, "none"])
def test_map_overlap(boundary, depth, kind):
    x = values((8, 9), kind)
    lazy = da.from_array(x, chunks=((3, 1, 4), 3))
    own = (
        {0: depth, 1: depth}
        if isinstance(depth, int)
        else dict(enumerate(depth))
        if isinstance(depth, tuple)
        else depth
    )

    def near(block):
        total = block * 0
        for axis, by in own.items():
            for step in range(-by, by + 1):
                total = total + np.roll(block, step, axis)
        return total

    if boundary == "none":
        same(da.map_overlap(lambda block: block, lazy, depth=depth, boundary="none", dtype=x.dtype).compute(), x)
        return
    wide = x
    for axis, by in own.items():
        widths = [(by, by) if i == axis else (0, 0) for i in range(2)]
        options = {"constant_values": boundary} if boundary == 7.0 else {}
        wide = np.pad(wide, widths, mode=PADS[boundary], **options)
    inner = tuple(slice(own.get(i, 0), x.shape[i] + own.get(i, 0)) for i in range(2))
    got = da.map_overlap(near, lazy, depth=depth, boundary=boundary, dtype=x.dtype)
    agrees(got, near(wide)[inner])


def test_functions_over_short_rows_have_a_ufunc_buffer_that_fits():
    x = np.random.default_rng(0).random((300, 600))
    seen = []

    def neighbours(block):
        seen.append((block.shape, np.getbufsize()))
        out = block.copy()
        out[1:-1] += block[:-2]
        if out.shape[0] == 52:
            raise KeyError("wrong")
        return out

    lazy = da.from_array(x, chunks=(150, 300))
    before = np.getbufsize()
    with dusk.config.set(scheduler="sync"):
        found = da.map_blocks(neighbours, lazy, dtype=x.dtype).compute()
        with pytest.raises(KeyError, match="wrong"):
            da.map_blocks(neighbours, lazy.rechunk((52, 600)), dtype=x.dtype).compute()
        assert np.getbufsize() == before
    assert {shape: size for shape, size in seen if shape[0] > 2} == {(150, 300): 592, (52, 600): 1200}
    same(found[:150, :300], neighbours(x[:150, :300]))


def test_overlap_of_several_arrays_and_one_side():
    x = np.arange(10.0)
    a, b = da.from_array(x, chunks=4), da.from_array(x, chunks=5)

    def previous(p, q):
        return p + np.concatenate([[0.0], q[:-1]])

    got = da.map_overlap(previous, a, b, depth=1, boundary=0)
    same(got.compute(), x + np.concatenate([[0.0], x[:-1]]))
    one = da.map_overlap(lambda p: p, a, depth={0: (2, 0)}, boundary="none", trim=False, chunks=((4, 6, 4),))
    same(one.compute(), np.concatenate([x[:4], x[2:8], x[6:]]))
    with pytest.raises(NotImplementedError, match="Asymmetric overlap"):
        da.map_overlap(previous, a, b, depth={0: (1, 0)}, boundary="reflect")
    with pytest.raises(ValueError, match="Overlap depth is larger than smallest chunksize"):
        a.map_overlap(lambda p: p, depth=3, boundary="reflect", allow_rechunk=False)


def test_sliding_windows():
    x = np.arange(60).reshape(10, 6)
    lazy = da.from_array(x, chunks=(3, 2))
    for window, axis in (((2, 3), None), (3, 1), ((2, 2), (0, 0))):
        want = np.lib.stride_tricks.sliding_window_view(x, window, axis)
        assert_eq(da.lib.stride_tricks.sliding_window_view(lazy, window, axis), want)


def test_push():
    x = np.where(np.arange(36).reshape(9, 4) % 5 < 3, np.nan, np.arange(36.0).reshape(9, 4))
    lazy = da.from_array(x, chunks=(2, 3))
    for limit in (None, 1, 2, 3):
        assert_eq(da.push(lazy, limit, 0), pd.DataFrame(x).ffill(limit=limit).to_numpy())


def test_shuffle():
    x = np.arange(16).reshape(2, 8)
    lazy = da.from_array(x, chunks=(2, 4))
    out = lazy.shuffle([[6, 5, 2], [4, 1], [3, 0, 7]], axis=1)
    assert out.chunks == ((2,), (5, 3))
    same(out.compute(), x[:, [6, 5, 2, 4, 1, 3, 0, 7]])


def test_unknown_lengths_move_as_they_are():
    x = np.arange(24).reshape(6, 4)
    lazy = da.from_array(x, chunks=2)
    some, want = lazy[lazy[:, 0] % 8 == 0], x[x[:, 0] % 8 == 0]
    same(some.T.compute(), want.T)
    same(some[None, ..., 1:].compute(), want[None, ..., 1:])
    same(da.expand_dims(some, 1).compute(), want[:, None])
    same(da.concatenate([some, lazy], axis=0).compute(), np.concatenate([want, x]))
    same(da.concatenate([some, some], axis=1).compute(), np.hstack([want, want]))
    with pytest.raises(ValueError, match="Shapes do not align"):
        da.concatenate([some, lazy[lazy[:, 0] > 0]], axis=1)
    same(da.concatenate([some, some], axis=1, allow_unknown_chunksizes=True).compute(), np.hstack([want, want]))


def test_drawings():
    x = da.from_array(np.zeros((300, 20, 4)), chunks=(1, 10, 2))
    assert x.to_svg().count("<svg") == 1
    assert "8B4903" in x.to_svg()
    assert "(300, 20, 4)" in x._repr_html_()
    with pytest.raises(NotImplementedError, match="0-length dimensions"):
        x[:0].to_svg()


def test_assert_eq_is_strict():
    x = da.from_array(np.arange(6), chunks=2)
    assert assert_eq(x, np.arange(6))
    with pytest.raises(AssertionError, match="dtypes"):
        assert_eq(x, np.arange(6.0))
    with pytest.raises(AssertionError):
        assert_eq(x, np.arange(7))
    lying = x.map_blocks(lambda block: block[:1], dtype=x.dtype)
    with pytest.raises(AssertionError):
        assert_eq(lying, lying.compute())


@pytest.mark.parametrize(
    ("shape", "places", "given", "axis"),
    [
        ((3,), 1, [7.0, 8.0], 0),
        ((2, 3), 1, [7.0, 8.0], 1),
        ((2, 3), 1, [[7.0, 8.0], [1, 2]], 1),
        ((2, 3), [1, 2], [[7.0], [8.0]], 1),
        ((2, 3), [1, 2], [7.0, 8.0], 1),
        ((2, 3), 1, [1, 2, 3], 0),
        ((2, 3), -1, 4, -1),
    ],
)
def test_insert_broadcasts_as_numpy(shape, places, given, axis):
    x = values(shape, "float64")
    agrees(da.insert(da.from_array(x, chunks=2), places, given, axis=axis), np.insert(x, places, given, axis=axis))
