"""Views below what they look at: what the optimised plan says, and values against NumPy over chains of operations."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dusk.array as da
from tests.array.structures import slices


def plan(x) -> list[str]:
    """Return what the nodes of the optimised plan do."""
    lines = [line.strip() for line in x.explain().splitlines()]
    return [re.split(r" \[(?:native|user|pandas)", line)[0] for line in lines if line]


def made(shape, chunks, seed=0):
    x = np.random.default_rng(seed).random(shape)
    return x, da.from_array(x, chunks=chunks)


def blocks(x, **kwargs):
    """Return an array of calls, below which no view goes."""
    return x.map_blocks(np.copy, dtype=x.dtype, **kwargs)


def test_a_view_goes_through_operations_into_memory():
    x, a = made((40, 60), (10, 20))
    lazy = (a + a.T[:40, :40].sum(axis=1)[:, None])[::2, 50:].mean(axis=1)
    assert plan((a * 2 + 1)[::2, 50:]) == ["Elementwise of 2 operations", "Array from-array"]
    assert plan((a[:, :40] + a[:, :40].T)[::2, 5:].mean(axis=1)) == [
        "Reduce mean over [1]",
        "Array from-array",
        "Array from-array",
    ]
    np.testing.assert_allclose(lazy.compute(), (x + x.T[:40, :40].sum(axis=1)[:, None])[::2, 50:].mean(axis=1))


def test_views_of_views_are_one():
    x, a = made((40, 60, 5), (10, 20, 5))
    lazy = blocks(a).transpose(2, 0, 1)[1, ::-1, 4:][3:20:2, None].T
    assert plan(lazy) == ["View (1[4::1], new, 0[36::-2])", "Blocks copy", "Array from-array"]
    np.testing.assert_array_equal(lazy.compute(), x.transpose(2, 0, 1)[1, ::-1, 4:][3:20:2, None].T)


def test_what_others_read_is_computed_once():
    _, a = made((40, 60), (10, 20))
    wide = blocks(a)
    y = wide * 2 + 1
    assert plan(y + y[::-1]) == [
        "Elementwise of 1 operations",
        "Elementwise of 2 operations",
        "Blocks copy",
        "Array from-array",
        "View (0[39::-1], 1)",
        "Elementwise of 2 operations",
    ]
    # two different views of one result
    text = plan(y[:20] + y[20:])
    assert text.count("Elementwise of 2 operations") == 2 and text[1].startswith("View")
    # the same view by two ways is one reader
    z = np.sin(a)
    assert plan((z * z + z)[5:]) == ["Elementwise of 3 operations", "Array from-array"]


def test_views_that_repeat_stay_above():
    _, a = made((60,), (20,))
    y = np.sin(a) + 1
    assert plan(da.broadcast_to(y, (50, 60)))[:2] == ["View (new, 0)", "Elementwise of 2 operations"]
    assert plan(y[None, :])[0] == "Elementwise of 2 operations"


def test_views_below_reductions():
    x, a = made((40, 60, 7), (10, 20, 7))
    lazy = blocks(a).sum(axis=1)[10:20, 3]
    assert plan(lazy)[:2] == ["Reduce sum over [1]", "View (0[10::1], 1)"]
    np.testing.assert_allclose(lazy.compute(), x.sum(axis=1)[10:20, 3])
    # not in another order, and not where two reductions share a pass
    assert plan(blocks(a).sum(axis=1).T)[0].startswith("View")
    y = blocks(a)
    text = plan(y.mean(axis=0)[:20] / y.std(axis=0)[:20])
    assert text.count("View (0, 1)") == 2 and text.index("View (0, 1)") == 1
    kept = blocks(a).max(axis=1, keepdims=True)[3:5]
    np.testing.assert_array_equal(kept.compute(), x.max(axis=1, keepdims=True)[3:5])
    where = blocks(a).argmax(axis=1)[3:5, ::2]
    np.testing.assert_array_equal(where.compute(), x.argmax(axis=1)[3:5, ::2])


def test_only_what_is_shown_is_computed():
    seen = []

    def note(block):
        if block.size:
            seen.append(block.shape)
        return block

    a = da.ones((100, 100), chunks=10).map_blocks(note, dtype=float)
    assert (np.sqrt(a) + 1)[:5, ::20].sum().compute(scheduler="sync") == 50
    assert len(seen) == 5


def test_blocks_of_several_inputs_are_not_put_together_for_one():
    _, a = made((40, 60), (10, 20))
    both = blocks(a) + blocks(a, name="other")
    assert plan(both.rechunk((20, 15)))[0].startswith("View")
    assert plan((a + a.T[:40, :40].sum()).rechunk((20, 15)))[0].startswith("Elementwise")


def test_names_chunks_and_values_stay():
    x, a = made((40, 60), (10, 20))
    lazy = (a + 1)[5:25, ::3]
    name, chunks = lazy.name, lazy.chunks
    np.testing.assert_array_equal(lazy.compute(), (x + 1)[5:25, ::3])
    assert (lazy.name, lazy.chunks) == (name, chunks)
    assert [b.shape for b in lazy.to_delayed().ravel()[0].compute()[None]] == [(5, 7)]
    kept = lazy.persist()
    assert kept.chunks == chunks
    np.testing.assert_array_equal(kept.blocks[1, 0].compute(), (x + 1)[5:25, ::3][5:15, :7])


def test_results_are_the_callers_own():
    x, a = made((20, 30), (-1, -1))
    before = x.copy()
    for lazy in (a[2:], a.T, a[::-1, 3], a[None]):
        value = lazy.compute()
        value[...] = 0
    seen = a[3:].map_blocks(lambda block: block.__setitem__(..., 0) or block, dtype=float).compute()
    assert not seen.any()
    np.testing.assert_array_equal(x, before)


def test_unknown_lengths():
    x, a = made((40, 6), (10, 6))
    some = a[a[:, 0] > 0.5]
    want = x[x[:, 0] > 0.5]
    np.testing.assert_array_equal((some * 2)[:, ::-1].compute(), (want * 2)[:, ::-1])
    np.testing.assert_allclose((some * 2).sum(axis=0)[2:4].compute(), (want * 2).sum(axis=0)[2:4])
    np.testing.assert_array_equal((some.T + 1)[1].compute(), (want.T + 1)[1])


@pytest.mark.parametrize("scheduler", ["sync", "threads", "processes"])
def test_on_every_scheduler(scheduler):
    x, a = made((30, 30), (10, 10))
    lazy = (a + a.T)[::2, 5:].mean(axis=1)
    np.testing.assert_allclose(lazy.compute(scheduler=scheduler), (x + x.T)[::2, 5:].mean(axis=1))


KINDS = ["slice", "slice", "unary", "row", "turn", "int", "new", "reduce", "both", "recut", "wide"]


@st.composite
def chains(draw):
    """Draw an array, as NumPy's and as dusk's, after a chain of operations and views."""
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=3)))
    x = np.arange(np.prod(shape), dtype=float).reshape(shape) + 1
    lazy = da.from_array(x, chunks=tuple(draw(st.integers(1, n)) for n in shape))
    if draw(st.booleans()):
        lazy = blocks(lazy)
    pairs = [(x, lazy)]
    for _ in range(draw(st.integers(1, 6))):
        x, lazy = draw(st.sampled_from(pairs[-2:]))
        kind = draw(st.sampled_from(KINDS))
        if kind == "slice" and x.ndim:
            index = tuple(draw(slices(n)) for n in x.shape)
            x, lazy = x[index], lazy[index]
        elif kind == "int" and x.ndim and all(x.shape):
            axis = draw(st.integers(0, x.ndim - 1))
            index = (slice(None),) * axis + (draw(st.integers(-x.shape[axis], x.shape[axis] - 1)),)
            x, lazy = x[index], lazy[index]
        elif kind == "unary":
            x, lazy = np.sqrt(abs(x)) * 3, da.sqrt(abs(lazy)) * 3
        elif kind == "row" and x.ndim:
            x, lazy = x + x[..., :1] * 2, lazy + lazy[..., :1] * 2
        elif kind == "turn":
            axes = draw(st.permutations(range(x.ndim)))
            x, lazy = x.transpose(axes), lazy.transpose(axes)
        elif kind == "new" and x.ndim < 4:
            x, lazy = x[..., None], lazy[..., None]
        elif kind == "wide" and x.ndim < 4:
            x, lazy = np.broadcast_to(x, (2, *x.shape)), da.broadcast_to(lazy, (2, *x.shape))
        elif kind == "reduce" and x.ndim:
            axis, keep = draw(st.integers(0, x.ndim - 1)), draw(st.booleans())
            x, lazy = x.sum(axis=axis, keepdims=keep), lazy.sum(axis=axis, keepdims=keep)
        elif kind == "both" and x.ndim:
            x, lazy = x[::-1] * 2 - x, lazy[::-1] * 2 - lazy
        elif kind == "recut" and x.ndim:
            lazy = lazy.rechunk(tuple(draw(st.integers(1, max(n, 1))) for n in x.shape))
        pairs.append((x, lazy))
    return pairs[-1]


@settings(max_examples=400, deadline=None)
@given(chains())
def test_chains_as_numpy(case):
    x, lazy = case
    assert lazy.shape == x.shape
    value = lazy.compute(scheduler="sync")
    np.testing.assert_allclose(value, x, rtol=1e-12)
    assert np.shape(value) == x.shape and value.dtype == x.dtype


def test_arrays_of_one_value_are_kept_once():
    x = da.ones((100_000, 100_000), chunks=1000)
    packed = pickle.dumps(x)
    assert len(packed) < 2000 and pickle.loads(packed).name == x.name
    assert plan((x.T + 1)[5:9, ::5000]) == ["Elementwise of 1 operations", "Array from-array"]
    assert (x.T + 1)[5:9, ::5000].sum().compute() == 160


def test_long_chains_are_lowered_without_recursion():
    x = np.arange(6.0)
    a = da.from_array(x, chunks=3)
    for _ in range(3000):
        a = a[::-1].map_blocks(np.copy, dtype=float)
    assert a.compute(scheduler="sync").tolist() == x.tolist()


def test_a_chain_of_a_hundred_thousand_operations():
    x = np.arange(6.0)
    a = da.from_array(x, chunks=3)
    for _ in range(100_000):
        a = a + 1
    np.testing.assert_array_equal(a[::2].compute(scheduler="sync"), (x + 100_000)[::2])


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("chunks", [(3, 3), (-1, -1)])
def test_reductions_of_memory_in_other_blocks_than_the_callers(axis, chunks):
    x, a = made((1200, 1100), chunks if chunks == (-1, -1) else (10, 11))
    lazy = ((a - a.mean(axis=0)) ** 2).sum(axis=axis)
    chunks_before = lazy.chunks
    np.testing.assert_allclose(lazy.compute(), ((x - x.mean(axis=0)) ** 2).sum(axis=axis))
    assert lazy.chunks == chunks_before
    if axis is not None:
        assert lazy.blocks[0].compute().shape == (lazy.chunks[0][0],)
        np.testing.assert_array_equal(a.argmax(axis=axis).compute(), x.argmax(axis=axis))
    assert a.argmin().compute() == x.argmin()
    # the order of the elements in blocks may differ, not what they are
    assert (a > 0.5).sum(axis=axis).compute().tolist() == (x > 0.5).sum(axis=axis).tolist()


def test_tiny_blocks_in_memory_become_few_tasks():
    _, a = made((1000, 1000), (10, 10))
    tasks = int((a + 1).sum().explain("physical").split()[0])
    assert tasks < 50


def test_narrow_blocks_in_memory_are_read_in_wide_ones():
    # more than the 4 million elements below which nothing is gained
    x = np.random.default_rng(0).random((1100, 4100))
    a = da.from_array(x, chunks=(550, 200))
    assert "18 partitions" in (a + 1).sum(axis=0).explain().splitlines()[-1]
    results = [
        ((a - a.mean(axis=0)) / a.std(axis=0), (x - x.mean(axis=0)) / x.std(axis=0)),
        (a * a[:, :1] + a[0], x * x[:, :1] + x[0]),
        (a[::-1, ::2], x[::-1, ::2]),
        (a.T + 1, x.T + 1),
    ]
    for lazy, whole in results:
        for axis in (0, 1, None):
            found, expected = (lazy**2).sum(axis=axis), (whole**2).sum(axis=axis)
            assert found.chunks == da.from_array(whole, chunks=lazy.chunks).sum(axis=axis).chunks
            np.testing.assert_allclose(found.compute(), expected)
    np.testing.assert_array_equal(a.argmax(axis=1).compute(), x.argmax(axis=1))
    np.testing.assert_array_equal(a.argmin().compute(), x.argmin())
