"""Names of the array API standard, sorting, Kronecker products and distinct values, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import dusk
import dusk.array as da

RNG = np.random.default_rng(7)
CHUNKS = [(3, 4), (7, 9), (1, 9), (2, 1)]
SAME = [
    ("acos", "arccos"),
    ("atan2", "arctan2"),
    ("bitwise_invert", "invert"),
    ("bitwise_left_shift", "left_shift"),
    ("concat", "concatenate"),
    ("permute_dims", "transpose"),
    ("pow", "power"),
]


def equal(lazy: da.Array, expected: np.ndarray) -> None:
    assert isinstance(lazy, da.Array)
    assert lazy.dtype == expected.dtype
    known = [a == b for a, b in zip(lazy.shape, expected.shape, strict=True) if a == a]
    assert all(known)
    result = lazy.compute()
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("name, other", SAME)
def test_other_names(name, other):
    assert getattr(da, name) is getattr(da, other)
    assert name in da.__all__


@pytest.mark.parametrize("chunks", CHUNKS)
def test_simple_functions(chunks):
    x = RNG.normal(size=(7, 9))
    d = da.from_array(x, chunks=chunks)
    equal(da.astype(d, "f4"), x.astype("f4"))
    equal(da.matrix_transpose(d), x.T)
    equal(np.matrix_transpose(d[None]), x[None].swapaxes(1, 2))
    for mine, theirs in zip(da.unstack(d, axis=1), np.unstack(x, axis=1), strict=True):
        equal(mine, theirs)
    with pytest.raises(ValueError, match="2-dimensional"):
        da.matrix_transpose(d[0])
    with pytest.raises(ValueError, match="cpu"):
        da.astype(d, "f4", device="gpu")


@pytest.mark.parametrize("axis", [-2, -1])
@pytest.mark.parametrize("dtype", ["i2", "f4", "c16", "?"])
def test_vecdot(dtype, axis):
    x = (RNG.normal(size=(4, 6)) * 3 + (1j if dtype == "c16" else 0)).astype(dtype)
    y = (RNG.normal(size=(5, 4, 6)) * 3).astype(dtype)
    lazy = da.vecdot(da.from_array(x, chunks=(3, 2)), da.from_array(y, chunks=3), axis=axis)
    expected = np.vecdot(x, y, axis=axis)
    assert lazy.dtype == expected.dtype
    np.testing.assert_allclose(lazy.compute(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["i1", "u4", "f4", "?", "c8"])
@pytest.mark.parametrize("initial", [False, True])
@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
def test_cumulative(name, dtype, initial):
    x = (RNG.normal(size=(7, 9)) + 2).astype(dtype)
    d = da.from_array(x, chunks=(3, 4))
    for axis in (0, 1):
        lazy = getattr(da, name)(d, axis=axis, include_initial=initial)
        expected = getattr(np, name)(x, axis=axis, include_initial=initial)
        assert (lazy.dtype, lazy.shape) == (expected.dtype, expected.shape)
        np.testing.assert_allclose(lazy.compute(), expected, rtol=1e-4)
    with pytest.raises(ValueError, match="axis"):
        getattr(da, name)(d)


@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("dtype", ["f8", "i4", "M8[s]", "U3", "O"])
def test_sorting(dtype, axis, chunks):
    x = RNG.integers(0, 20, (7, 9)).astype("f8" if dtype == "f8" else "i8").astype(dtype)
    if dtype == "f8":
        x[2, 3] = x[4, 4] = np.nan
    d = da.from_array(x, chunks=chunks)
    equal(da.sort(d, axis=axis), np.sort(x, axis=axis))
    equal(np.argsort(d, axis=axis, kind="stable"), np.argsort(x, axis=axis, kind="stable"))
    at = np.argsort(x, axis=axis, kind="stable")
    at = at[:5] if axis == 0 else at[..., :5]
    expected = np.take_along_axis(x, at, axis=axis)
    equal(da.take_along_axis(d, da.from_array(at, chunks=2), axis=axis), expected)
    assert da.sort(d, axis=axis).numblocks[0 if axis is None else axis] == 1


def test_take_along_axis_broadcasts():
    x = RNG.normal(size=(4, 6))
    d = da.from_array(x, chunks=(3, 4))
    for at in (np.array([[5, 0, -1]]), np.array([[1], [2], [0], [3]])):
        equal(da.take_along_axis(d, at, axis=1), np.take_along_axis(x, at, axis=1))
    at = RNG.integers(0, 6, (4, 3))
    equal(da.take_along_axis(d[:1], at, axis=1), np.take_along_axis(x[:1], at, axis=1))
    with pytest.raises(IndexError, match="integer"):
        da.take_along_axis(d, x, axis=1)
    with pytest.raises(IndexError, match="axis 0"):
        da.take_along_axis(d, at[:3], axis=1)
    with pytest.raises(ValueError, match="dimensions"):
        da.take_along_axis(d, at[0], axis=1)


@pytest.mark.parametrize(
    "shapes", [((3, 4), (5, 2)), ((6,), (3, 2)), ((2, 3, 4), (4,)), ((), (3, 2)), ((0, 2), (2, 3))]
)
@pytest.mark.parametrize("limit", ["128MiB", "64B", "8B"])
def test_kron(shapes, limit):
    a, b = (RNG.integers(-9, 9, shape) for shape in shapes)
    with dusk.config.set({"array.chunk-size": limit}):
        lazy = da.kron(da.from_array(a, chunks=2), da.from_array(b, chunks=2))
        largest = np.prod([max(lengths, default=0) for lengths in lazy.chunks])
        assert largest * 8 <= max(64, a.size * b.size * 8 if limit == "128MiB" else 64)
    equal(lazy, np.kron(a, b))
    equal(np.kron(da.from_array(a, chunks=2), b), np.kron(a, b))


VALUES = {
    "f8": np.array([3.0, np.nan, 1, 3, -0.0, 0.0, np.nan, np.inf, 1]),
    "i4": np.array([3, 1, 3, 3, 2, 1], "i4"),
    "?": np.array([True, False, True]),
    "M8": np.array(["2020-01-02", "NaT", "2020-01-01", "NaT", "2020-01-02"], "M8[D]"),
    "U": np.array(["b", "a", "ü", "b", ""]),
    "O": np.array(["b", "a", "c", "b"], dtype=object),
    "c16": np.array([1 + 1j, 1, 1 + 1j, np.nan, 1]),
    "empty": np.array([], "f4"),
}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_unique(kind, chunk):
    x = VALUES[kind]
    d = da.from_array(x, chunks=chunk)
    for lazy, expected in (
        (da.unique(d, True, True, True), np.unique(x, True, True, True)),
        (da.unique_all(d), np.unique_all(x)),
        (da.unique_counts(d), np.unique_counts(x)),
        (da.unique_inverse(d), np.unique_inverse(x)),
        ((da.unique(d),), (np.unique(x),)),
        # numpy.unique_values has no order, and takes all NaT for one where its relatives don't.
        ((da.unique_values(d),), (np.unique_counts(x).values,)),
    ):
        for mine, theirs in zip(lazy, expected, strict=True):
            equal(mine, theirs)
    assert da.unique_all(d)._fields == np.unique_all(x)._fields


def test_unique_of_filtered():
    x = RNG.integers(0, 30, 200)
    d = da.from_array(x, chunks=17)
    values, first, inverse, counts = da.unique(d[d > 10], True, True, True)
    expected = np.unique(x[x > 10], True, True, True)
    for mine, theirs in zip((values, first, inverse, counts), expected, strict=True):
        np.testing.assert_array_equal(mine.compute(), theirs)


def test_unique_keeps_the_shape():
    x = RNG.integers(0, 5, (6, 8))
    d = da.from_array(x, chunks=(4, 3))
    equal(da.unique_inverse(d).inverse_indices, np.unique_inverse(x).inverse_indices)
