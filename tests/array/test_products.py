"""Products of arrays against NumPy, over dtypes, chunks, empty arrays and arrays without axes; who computes them."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dusk.array as da
from dusk import _core
from dusk.array.utils import assert_eq
from tests.array.structures import chunks_of

DTYPES = ["f8", "f4", "f2", "c8", "c16", "i1", "i4", "i8", "u2", "u8", "?"]
RNG = np.random.default_rng(0)


def numbers(shape, dtype):
    values = RNG.integers(-3 if np.dtype(dtype).kind in "ifc" else 0, 4, shape)
    if np.dtype(dtype).kind == "c":
        return (values + 1j * RNG.integers(-3, 4, shape)).astype(dtype)
    return np.asarray(values).astype(dtype)


def natively(x):
    """Whether no block goes through NumPy."""
    return not _core.tier_counts([x._node])["pandas"]


def drawn(data, x):
    """An array of dusk of these elements, in any chunks."""
    return da.from_array(x, chunks=tuple(data.draw(chunks_of(length)) for length in x.shape))


def agrees(found, expected, native=True):
    assert found.dtype == expected.dtype
    value = found.compute()
    assert np.shape(value) == expected.shape == found.shape
    assert value.dtype == expected.dtype
    np.testing.assert_array_equal(value, expected)  # whole numbers: no rounding
    if native:
        assert natively(found)


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_of_a_dtype(dtype):
    x, y, v = numbers((13, 9), dtype), numbers((9, 7), dtype), numbers(9, dtype)
    a, b, c = da.from_array(x, chunks=(4, 2)), da.from_array(y, chunks=(3, 5)), da.from_array(v, chunks=4)
    agrees(a @ b, x @ y)
    agrees(da.dot(a, c), np.dot(x, v))
    agrees(c @ b, v @ y)
    agrees(da.dot(c, c), np.dot(v, v))
    agrees(da.vdot(c, c), np.vdot(v, v))
    agrees(da.inner(a, a), np.inner(x, x))
    agrees(da.outer(c, a[:, 0]), np.outer(v, x[:, 0]))
    agrees(da.tensordot(a, b, axes=0), np.tensordot(x, y, axes=0))
    agrees(da.einsum("ij,jk->ki", a, b), np.einsum("ij,jk->ki", x, y))
    agrees(da.einsum("ij,ij->i", a, a), np.einsum("ij,ij->i", x, x))


@pytest.mark.parametrize("left", ["i2", "f4", "?", "c8"])
@pytest.mark.parametrize("right", ["u1", "f8", "i8", "f2"])
def test_products_of_two_dtypes(left, right):
    x, y = numbers((5, 6), left), numbers((6, 4), right)
    agrees(da.from_array(x, chunks=2) @ da.from_array(y, chunks=(4, 3)), x @ y)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_shapes_and_chunks(data):
    sizes = {name: data.draw(st.sampled_from([0, 1, 2, 5, 11])) for name in "abcd"}
    terms = data.draw(
        st.sampled_from(
            [
                ("ab", "bc", "ac"),
                ("ba", "cb", "ca"),
                ("dab", "dbc", "dac"),
                ("abd", "dcb", "bca"),
                ("abc", "dab", "dc"),
                ("abcd", "cdab", ""),
                ("ab", "ab", "ba"),
                ("a", "bc", "cab"),
                ("", "ab", "b"),
                ("abc", "cd", "d"),
            ]
        )
    )
    first, second, out = terms
    x, y = (numbers(tuple(sizes[label] for label in term), "i4") for term in (first, second))
    a, b = (drawn(data, each) for each in (x, y))
    spec = f"{first},{second}->{out}"
    agrees(da.einsum(spec, a, b), np.einsum(spec, x, y))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_stacks_of_matrices(data):
    n, k, m = (data.draw(st.sampled_from([1, 3, 6])) for _ in range(3))
    lead = data.draw(st.sampled_from([((2, 3), (2, 3)), ((2, 3), (3,)), ((1, 3), (2, 1)), ((4,), ()), ((), (2, 2))]))
    x, y = numbers((*lead[0], n, k), "f8"), numbers((*lead[1], k, m), "f8")
    a, b = (drawn(data, each) for each in (x, y))
    agrees(a @ b, x @ y)


@pytest.mark.parametrize("make", [lambda x: x @ x.T, lambda x: x.T @ x, lambda x: x.T.T @ x.T])
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "i4"])
@pytest.mark.parametrize("chunks", [(7, 5), (40, 23), (40, 3), ((1, 39), (20, 3)), (9, 23)])
def test_symmetric_products(make, dtype, chunks):
    x = numbers((40, 23), dtype)
    found = make(da.from_array(x, chunks=chunks))
    agrees(found, make(x))
    # one input: the transpose is never made
    assert str(found.explain()).count("View") == 0


def test_a_symmetric_product_is_symmetric_to_the_last_bit():
    x = RNG.random((700, 300))
    for chunks in [(700, 300), (250, 100)]:
        found = (lambda a: a @ a.T)(da.from_array(x, chunks=chunks)).compute()
        np.testing.assert_allclose(found, x @ x.T)
        np.testing.assert_array_equal(found, found.T)


def test_large_products_agree():
    x, y = RNG.random((900, 700)), RNG.random((700, 800))
    for chunks in [-1, (300, 350), (900, 100), (100, 700)]:
        found = da.from_array(x, chunks=chunks) @ da.from_array(y, chunks=-1)
        np.testing.assert_allclose(found.compute(), x @ y)
        np.testing.assert_allclose(found.compute(scheduler="synchronous"), found.compute())
    for dtype in ["f4", "c8", "c16"]:
        a, b = x.astype(dtype), y.astype(dtype)
        found = da.from_array(np.asfortranarray(a), chunks=500) @ da.from_array(b.T.copy(), chunks=300).T
        np.testing.assert_allclose(found.compute(), a @ b, rtol=1e-4)


def test_windows_and_steps_of_a_buffer_are_multiplied():
    x = np.arange(400.0)
    window = np.lib.stride_tricks.sliding_window_view(x, 50)
    turned = x.reshape(20, 20)[::-1, ::2]
    for part in (window, turned, np.broadcast_to(x[:60], (70, 60))):
        a = da.from_array(part, chunks=60)
        np.testing.assert_allclose((a @ a.T).compute(), part @ part.T)
        np.testing.assert_allclose((a.T @ a).compute(), part.T @ part)


def test_nan_and_infinity_stay_where_they_are():
    x = np.ones((6, 6))
    x[2, 3], x[4, 1] = np.nan, np.inf
    a = da.from_array(x, chunks=4)
    with np.errstate(invalid="ignore"):
        pairs = [(a @ a.T, x @ x.T), (a @ np.eye(6), x @ np.eye(6))]
    for found, expected in pairs:
        np.testing.assert_array_equal(found.compute(), expected)


def test_no_axes_and_no_elements():
    assert_eq(da.dot(da.from_array(np.array(3)), da.arange(4, chunks=2)), np.arange(4) * 3)
    x = np.zeros((0, 3))
    a = da.from_array(x, chunks=(1, 2))
    agrees(a @ a.T, x @ x.T)
    agrees(a.T @ a, x.T @ x)
    agrees(da.tensordot(a, a, axes=2), np.tensordot(x, x, axes=2))
    with pytest.raises(ValueError, match="matmul"):
        da.matmul(a, np.float64(2))
    with pytest.raises(ValueError, match="mismatch"):
        da.matmul(a, a)


def test_chunks_of_unknown_length_are_multiplied():
    x = RNG.random((12, 5))
    a = da.from_array(x, chunks=(4, 5))
    kept = a[a[:, 0] > 0.3]
    expected = x[x[:, 0] > 0.3]
    np.testing.assert_allclose((kept.T @ kept).compute(), expected.T @ expected)
    np.testing.assert_allclose((kept @ np.ones((5, 2))).compute(), expected @ np.ones((5, 2)))


def test_other_blocks_go_through_their_own_library():
    x = np.array([[1, 2], [3, 4]], dtype=object)
    assert_eq(da.from_array(x, chunks=1).dot(x), x.dot(x))
    masked = np.ma.masked_equal(np.arange(9.0).reshape(3, 3), 4)
    a = da.from_array(masked, chunks=2)
    assert not natively(da.tensordot(a, a, axes=1))


def test_products_are_pickled_and_run_in_processes():
    x = numbers((9, 8), "f8")
    a = da.from_array(x, chunks=(4, 3))
    found = pickle.loads(pickle.dumps(a @ a.T))
    assert found.name == (a @ a.T).name
    agrees(found, x @ x.T)
    np.testing.assert_array_equal(found.compute(scheduler="processes"), x @ x.T)


def test_plans_say_what_is_multiplied():
    a = da.ones((40, 40), chunks=10)
    assert "Contract of axes [1] with [0]" in str((a @ (a + 1)).explain())
    assert "products of" in str((a @ (a + 1)).explain("physical"))


def test_no_partial_products_pile_up():
    """Far more blocks are added up than a task takes at once."""
    x = numbers((6, 4000), "i8")
    a = da.from_array(x, chunks=(3, 5))
    agrees(a @ a.T, x @ x.T)
    agrees(a @ (a + 1).T, x @ (x + 1).T)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("columns", [1, 3, 4, 5, 8, 15, 16, 17, 31, 32, 33])
def test_products_with_narrow_matrices(dtype, columns):
    x, y = RNG.normal(size=(700, 600)).astype(dtype), RNG.normal(size=(columns, 600)).astype(dtype)
    a, b = da.from_array(x, chunks=(301, 250)), da.from_array(y, chunks=(columns, 250))
    found, exact = (a @ b.T).compute(), x.astype("f8") @ y.T.astype("f8")
    assert found.dtype == x.dtype
    assert abs(found - exact).max() < 40 * np.finfo(dtype).eps * 25
    agrees(da.from_array(np.rint(x), chunks=(301, 250)) @ np.rint(y).T, np.rint(x) @ np.rint(y).T)
    # rows that are apart, and columns that lie side by side
    np.testing.assert_allclose((a[::2] @ np.ascontiguousarray(y.T)).compute(), exact[::2], atol=1e-3)


def test_narrow_products_keep_nan_and_infinity_in_their_rows():
    x = RNG.normal(size=(300, 64))
    x[5, 7], x[200, 0] = np.nan, np.inf
    y = np.abs(RNG.normal(size=(64, 6))) + 1
    with np.errstate(invalid="ignore"):
        expected = x @ y
    np.testing.assert_allclose((da.from_array(x, chunks=(150, 64)) @ y).compute(), expected)


def test_einsum_of_axes_of_length_one_beside_longer_ones():
    rng = np.random.default_rng(0)
    a, b, c, d = rng.random((1, 1, 5, 4)), rng.random((4, 6)), rng.random((5, 6)), rng.random((7, 7))
    lazy = da.einsum(
        "abjk,kl,jl,ab->ab",
        da.from_array(a, chunks=(1, 1, 2, 2)),
        da.from_array(b, chunks=(2, 4)),
        da.from_array(c, chunks=(2, 4)),
        da.from_array(d, chunks=(7, 3)),
    )
    assert lazy.shape == (7, 7)
    np.testing.assert_allclose(lazy.compute(), np.einsum("abjk,kl,jl,ab->ab", a, b, c, d))
