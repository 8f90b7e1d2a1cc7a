"""Chunks of other libraries' arrays: whatever is done to them, block by block, gives that library's arrays.

The library is one that refuses to become NumPy's (as CuPy's arrays do), SciPy's sparse arrays and matrices, which lack
NumPy's protocols, or `sparse` where it is installed.
"""

from __future__ import annotations

import numpy as np
import pytest

import dusk.array as da
from dusk.array.chunk_types import register_chunk_type


class Duck(np.lib.mixins.NDArrayOperatorsMixin):
    """An array with NumPy's protocols that can't be converted by accident."""

    __array_priority__ = 100

    def __init__(self, values):
        self.values = np.asarray(values)

    shape = property(lambda self: self.values.shape)
    dtype = property(lambda self: self.values.dtype)
    ndim = property(lambda self: self.values.ndim)
    size = property(lambda self: self.values.size)
    T = property(lambda self: Duck(self.values.T))
    real = property(lambda self: Duck(self.values.real))

    def __len__(self):
        return len(self.values)

    def __bool__(self):
        return bool(self.values)

    def __array__(self, *args, **kwargs):
        raise TypeError("not converted by accident")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return wrapped(getattr(ufunc, method)(*plain(inputs), **plain(kwargs)))

    def __array_function__(self, function, types, args, kwargs):
        return wrapped(function(*plain(args), **plain(kwargs)))

    def __getitem__(self, index):
        return wrapped(self.values[plain(index)])

    def __setitem__(self, index, value):
        self.values[plain(index)] = plain(value)

    def __getattr__(self, name):
        methods = "all any astype copy max mean min prod ravel reshape round squeeze std sum take transpose var view"
        if name not in methods.split():
            raise AttributeError(name)
        method = getattr(self.values, name)
        return lambda *args, **kwargs: wrapped(method(*plain(args), **plain(kwargs)))


def plain(x):
    if isinstance(x, Duck):
        return x.values
    if isinstance(x, (list, tuple)):
        return type(x)(plain(each) for each in x)
    return {key: plain(value) for key, value in x.items()} if isinstance(x, dict) else x


def wrapped(x):
    if isinstance(x, (np.ndarray, np.generic)):
        return Duck(x)
    return type(x)(wrapped(each) for each in x) if isinstance(x, (list, tuple)) else x


register_chunk_type(Duck)


def _set(index, value):
    def function(m, x):
        x = x.copy()
        x[index(x) if callable(index) else index] = value
        return x

    return function


FUNCTIONS = {
    "itself": lambda m, x: x,
    "operators": lambda m, x: 1 - x * 2 + abs(x),
    "compared": lambda m, x: x > 0.5,
    "ufunc": lambda m, x: np.sin(x),
    "with NumPy's": lambda m, x: x + np.arange(5),
    "sum": lambda m, x: x.sum(),
    "sum of an axis": lambda m, x: x.sum(axis=0, keepdims=True),
    "mean": lambda m, x: x.mean(axis=1),
    "std": lambda m, x: x.std(axis=0),
    "var": lambda m, x: m.var(x),
    "nanmean": lambda m, x: m.nanmean(x, axis=0),
    "nansum": lambda m, x: m.nansum(x),
    "max": lambda m, x: x.max(axis=0),
    "any": lambda m, x: (x > 0.5).any(axis=1),
    "prod": lambda m, x: x.prod(axis=0),
    "argmax": lambda m, x: m.argmax(x, axis=0),
    "argmin of all": lambda m, x: m.argmin(x),
    "median": lambda m, x: m.median(x, axis=0),
    "cumsum": lambda m, x: m.cumsum(x, axis=0),
    "slices": lambda m, x: x[1:4, ::2],
    "backwards": lambda m, x: x[::-1],
    "an integer": lambda m, x: x[2],
    "a new axis": lambda m, x: x[:, None, 3],
    "positions": lambda m, x: x[[3, 0, 5]],
    "a mask": lambda m, x: x[np.array([True, False] * 3)],
    "a mask of its own": lambda m, x: x[x[:, 0] > 0.5],
    "a mask of all": lambda m, x: m.ravel(x)[m.ravel(x) > 0.5],
    "set": _set((slice(1, 3), slice(None)), 5),
    "set by a mask": _set(lambda x: x > 0.5, 0),
    "concatenate": lambda m, x: m.concatenate([x, x]),
    "stack": lambda m, x: m.stack([x, x], axis=1),
    "block": lambda m, x: m.block([[x, x]]),
    "transpose": lambda m, x: x.T,
    "reshape": lambda m, x: x.reshape(5, 6),
    "flip": lambda m, x: m.flip(x, 0),
    "roll": lambda m, x: m.roll(x, 2, axis=0),
    "broadcast_to": lambda m, x: m.broadcast_to(x, (2, 6, 5)),
    "repeat": lambda m, x: m.repeat(x, 2, axis=0),
    "pad": lambda m, x: m.pad(x, 1),
    "tril": lambda m, x: m.tril(x),
    "matmul": lambda m, x: x @ x.T,
    "tensordot": lambda m, x: m.tensordot(x, x, axes=((0,), (0,))),
    "einsum": lambda m, x: m.einsum("ij,kj->ik", x, x),
    "where": lambda m, x: m.where(x > 0.5, x, -x),
    "clip": lambda m, x: m.clip(x, 0.2, 0.5),
    "astype": lambda m, x: x.astype("f4"),
    "diff": lambda m, x: m.diff(x, axis=0),
    "sort": lambda m, x: m.sort(x, axis=0),
    "isin": lambda m, x: m.isin(x, [1.0]),
    "histogram": lambda m, x: m.histogram(x, bins=4, range=(0, 1))[0],
    "bincount": lambda m, x: m.bincount(m.ravel((x * 4).astype(int)), minlength=5),
    "norm": lambda m, x: m.linalg.norm(x, axis=1),
    "zeros_like": lambda m, x: m.zeros_like(x),
    "full_like": lambda m, x: m.full_like(x, 3),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_as_numpy(name):
    values = np.random.default_rng(0).random((6, 5))
    x = da.from_array(Duck(values), chunks=(4, 3), asarray=False)
    got, want = FUNCTIONS[name](da, x), np.asarray(FUNCTIONS[name](np, values))
    assert type(got._meta) is Duck and got._meta.ndim == want.ndim
    result = got.compute()
    assert type(result) is Duck
    assert got.dtype == result.dtype == want.dtype
    np.testing.assert_allclose(result.values, want)


def test_steps_of_users():
    values = np.random.default_rng(0).random((6, 5))
    x = da.from_array(Duck(values), chunks=(4, 3), asarray=False)
    np.testing.assert_array_equal(x.map_blocks(lambda block: block * 2).compute().values, values * 2)
    around = x.map_overlap(lambda block: block + block, depth=1, boundary="reflect").compute()
    np.testing.assert_array_equal(around.values, values * 2)
    rows = x.rechunk((4, 5))
    for options in ({}, {"output_dtypes": (float, float)}):
        total, mean = da.apply_gufunc(
            lambda b: (np.sum(b, axis=-1), np.mean(b, axis=-1)), "(i)->(),()", rows, **options
        )
        assert type(total._meta) is type(mean._meta) is Duck
        np.testing.assert_allclose((total + mean).compute().values, values.sum(axis=1) + values.mean(axis=1))
    mixed = da.from_array(values, chunks=2) + x
    assert type(mixed._meta) is Duck
    np.testing.assert_array_equal(mixed.compute().values, values * 2)


# SciPy's --------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["csr_array", "csr_matrix", "csc_array"])
def sparse_class(request):
    return getattr(pytest.importorskip("scipy.sparse"), request.param)


def _sparse(kind):
    values = np.random.default_rng(0).random((12, 5))
    values[values < 0.7] = 0
    return values, da.from_array(values, chunks=(4, 5)).map_blocks(kind)


@pytest.mark.parametrize("index", [(3, slice(None)), slice(2, 9), [7, 1], np.arange(12) % 3 == 0, (slice(5), [0, 2])])
def test_scipy_indexed(sparse_class, index):
    values, x = _sparse(sparse_class)
    got = x[index].compute()
    assert got.format == "csr" or sparse_class.__name__.startswith("csc") or got.ndim == 1
    np.testing.assert_array_equal(np.squeeze(got.toarray()), np.squeeze(values[index]))


def test_scipy_put_together(sparse_class):
    values, x = _sparse(sparse_class)
    for got, want in [
        (x, values),
        (da.concatenate([x, x]), np.concatenate([values, values])),
        (da.concatenate([x, x], axis=1), np.concatenate([values, values], axis=1)),
        (x.rechunk((5, 2)), values),
        (x * 2 + x, values * 3),
    ]:
        result = got.compute()
        assert type(result) is sparse_class
        np.testing.assert_allclose(result.toarray(), want)


@pytest.mark.filterwarnings("ignore:Changing the sparsity structure")
def test_scipy_held_and_set(sparse_class):
    values, _ = _sparse(sparse_class)
    x = da.from_array(sparse_class(values), chunks=(5, 5))
    assert type(x._meta) is sparse_class
    np.testing.assert_array_equal(x.compute().toarray(), values)
    x[2:9, :2] = 0
    values[2:9, :2] = 0
    np.testing.assert_array_equal(x.compute().toarray(), values)


@pytest.mark.parametrize("convert", [da.asarray, da.asanyarray])
def test_like_scipys(sparse_class, convert):
    like = da.from_array(sparse_class([[3, 4, 5]]))
    for given in ([[1, 2]], np.array([[1, 2]]), da.asarray([[1, 2]])):
        got = convert(given, like=like, dtype="f4")
        assert type(got._meta) is type(got.compute()) is sparse_class
        assert got.dtype == got.compute().dtype == np.float32


# sparse ---------------------------------------------------------------------------------------------------------------

SPARSE = {
    "nanmean": lambda m, x: m.nanmean(x, axis=1),
    "nanvar": lambda m, x: m.nanvar(x),
    "var": lambda m, x: m.var(x, axis=0),
    "ones_like": lambda m, x: m.ones_like(x),
    "einsum": lambda m, x: m.einsum("ijk,ijk->i", x, x),
    "tril": lambda m, x: m.tril(x),
    "mask": lambda m, x: x[x[:, 0, 0] > 0],
    "max": lambda m, x: m.max(x, axis=0),
}


@pytest.mark.parametrize("name", SPARSE)
def test_sparse(name):
    sparse = pytest.importorskip("sparse")
    values = np.random.default_rng(0).random((2, 3, 4))
    values[values < 0.6] = 0
    x = da.from_array(values, chunks=(1, 2, 2)).map_blocks(sparse.COO.from_numpy)
    got, want = SPARSE[name](da, x), SPARSE[name](np, values)
    assert isinstance(got._meta, sparse.COO)
    result = got.compute()
    np.testing.assert_allclose(result.todense(), want)
    assert got.dtype == result.dtype == np.asarray(want).dtype
