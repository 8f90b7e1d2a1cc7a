"""Names of `dusk.array` against NumPy's over dtypes, shapes and chunks: values, and dtypes of plans and results.

Covers every ufunc and the reductions, over all kinds of dtypes, without axes, without elements and in small chunks.
What is particular to a name stands in its own file.
"""

import warnings

import numpy as np
import pytest

import dusk.array as da
from dusk.array.reductions import _tree_reduce

DTYPES = ["?", "i1", "u1", "i4", "u8", "i8", "f2", "f4", "f8", "c8", "c16", "M8[D]", "m8[s]", "O", "U3"]
SHAPES = [(), (0,), (5,), (3, 4), (2, 0, 3)]
UFUNCS = sorted(name for name in dir(np) if isinstance(getattr(np, name), np.ufunc) and hasattr(da, name))
REDUCTIONS = [
    *("sum", "prod", "mean", "std", "var", "min", "max", "any", "all", "argmin", "argmax", "ptp", "count_nonzero"),
    *("nansum", "nanprod", "nanmean", "nanstd", "nanvar", "nanmin", "nanmax", "nanargmin", "nanargmax"),
    *("cumsum", "cumprod", "nancumsum", "nancumprod"),
]


def example(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    whole = rng.integers(1, 50, shape)
    if dtype == "?":
        return whole > 20
    if dtype[0] == "c":
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
    if dtype[0] == "f":
        return (rng.normal(size=shape) * 3).astype(dtype)
    return np.asarray(whole).astype(dtype)


def check(name, lazy, values, **options):
    """Compare a result with NumPy's; where NumPy refuses the values, nothing is asked."""
    context = (name, [getattr(each, "dtype", each) for each in values], np.shape(values[0]), options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            want = np.asarray(getattr(np, name)(*values, **options))
        except (TypeError, ValueError, AttributeError, ZeroDivisionError):
            return
        agree(getattr(da, name)(*lazy, **options), want, context)


def agree(result, want, context):
    got = np.asarray(result.compute())
    assert got.shape == want.shape, context
    if want.dtype.kind not in "OU":
        assert result.dtype == want.dtype, context
        assert got.dtype == want.dtype, context
    if want.dtype.kind in "fc":
        near = 10.0 ** -{2: 2, 4: 4}.get(np.finfo(want.dtype).dtype.itemsize, 9)
        np.testing.assert_allclose(got, want, rtol=near, atol=near, err_msg=str(context))
    else:
        np.testing.assert_array_equal(got, want, err_msg=str(context))


@pytest.mark.parametrize("dtype", DTYPES)
def test_ufuncs(dtype):
    for shape in SHAPES:
        if dtype == "O" and not (shape and np.prod(shape)):
            continue  # nothing tells what would come out, or NumPy gives the element itself
        a, b = example(dtype, shape), example(dtype, shape, 1)
        x, y = da.from_array(a, chunks=2), da.from_array(b, chunks=3)
        for name in UFUNCS:
            function = getattr(np, name)
            if function.nout > 1 or function.signature:
                continue
            check(name, (x, y)[: function.nin], (a, b)[: function.nin])
            if shape == (3, 4) and function.nin == 2:
                check(name, (x, 2), (a, 2))
                check(name, (x, b[0]), (a, b[0]))


@pytest.mark.parametrize("dtype", [each for each in DTYPES if each not in ("O", "U3")])
def test_where_out_and_dtype(dtype):
    for shape in ((5,), (3, 4)):
        a = np.abs(example(dtype, shape)) if dtype[0] in "fc" else example(dtype, shape)
        x = da.from_array(a, chunks=2)
        mask = np.arange(a.size).reshape(shape) % 2 == 0
        for name in ("add", "multiply", "sqrt", "negative"):
            function = getattr(np, name)
            try:
                kind = function(*[a] * function.nin).dtype
            except TypeError:
                continue
            want, out = np.ones(shape, dtype=kind), da.ones(shape, chunks=2, dtype=kind)
            function(*[a] * function.nin, where=mask, out=want)
            getattr(da, name)(*[x] * function.nin, where=da.from_array(mask, chunks=3), out=out)
            agree(out, want, (name, dtype, "out"))
            for wanted in ("f4", "f8", "c16") if kind.kind not in "mM" else ():
                check(name, [x] * function.nin, [a] * function.nin, dtype=wanted)


@pytest.mark.parametrize("dtype", [each for each in DTYPES if each not in ("O", "U3")])
def test_reductions(dtype):
    for shape in [*SHAPES, (1, 1), (4, 3, 2)]:
        a = example(dtype, shape)
        x = da.from_array(a, chunks=2)
        for name in REDUCTIONS:
            scans, places = name.startswith(("cum", "nancum")), "arg" in name
            axes = [None, *range(len(shape)), *([(0, 1)] if len(shape) > 1 and not scans and not places else [])]
            for axis in axes:
                check(name, [x], [a], axis=axis)
                if not scans and name not in ("ptp", "count_nonzero"):
                    check(name, [x], [a], axis=axis, keepdims=True)


def test_what_arrays_have_besides():
    a = np.arange(24).reshape(2, 3, 4)
    x = da.from_array(a, chunks=2)
    np.testing.assert_array_equal(x.mT.compute(), a.mT)
    with pytest.raises(ValueError, match="matrix transpose with ndim < 2"):
        _ = x[0, 0].mT
    assert 5 in x
    assert 50 not in x
    assert da.argwhere(da.from_array(np.array(3))).compute().shape == (1, 0)
    assert da.cumsum(da.ones((100, 100), chunks=50), axis=None).npartitions < 100
    objects, numbers = (da.from_array(np.array(own, dtype=object), chunks=1) for own in ([1, "a"], [2, 1]))
    assert da.outer(objects, numbers).compute().tolist() == [[2, 1], ["aa", "a"]]


@pytest.mark.parametrize("split_every", [None, 2, {0: 3}])
def test_tree_reduce_as_flox_calls_it(split_every):
    a = np.arange(60).reshape(12, 5)
    told = da.from_array(a, chunks=(2, 3)).map_blocks(
        lambda block: {"sum": block.sum(0, keepdims=True)}, dtype=a.dtype, meta=a[:0, :0]
    )

    def together(parts, axis, keepdims):
        return {"sum": sum(each["sum"] for each in (parts if isinstance(parts, list) else [parts]))}

    def last(parts, axis, keepdims):
        return together(parts, axis, keepdims)["sum"]

    out = _tree_reduce(
        told,
        last,
        axis=(0,),
        keepdims=True,
        dtype=a.dtype,
        combine=together,
        concatenate=False,
        split_every=split_every,
    )
    np.testing.assert_array_equal(out.compute(), a.sum(0, keepdims=True))
    assert da.ones((4, 6), chunks=2)._key_array.shape == (2, 3, 3)
