"""`out=`: what comes out is cast to the array that takes it, as NumPy casts it."""

import numpy as np
import pytest

import dusk.array as da

VALUES = np.array([[3, 1, 4], [1, 5, 9]], dtype="i4")


def agrees(got, want):
    value = got.compute()
    assert got.dtype == value.dtype == want.dtype
    assert got.shape == value.shape
    np.testing.assert_allclose(value, want)


@pytest.mark.parametrize("dtype", ["f8", "c16", "f4"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.filterwarnings("ignore:Casting complex")  # which NumPy gives for its own buffer
@pytest.mark.parametrize("name", ["add", "maximum", "less", "multiply"])
def test_of_elements(name, masked, dtype):
    x = da.from_array(VALUES, chunks=2)
    mask = VALUES > 2
    got, want = da.ones((2, 3), dtype=dtype, chunks=(1, 3)), np.ones((2, 3), dtype=dtype)
    of_dusk = {"where": da.from_array(mask, chunks=1)} if masked else {}
    getattr(da, name)(x, x.astype("i8"), out=got, **of_dusk)
    getattr(np, name)(VALUES, VALUES.astype("i8"), out=want, **({"where": mask} if masked else {}))
    agrees(got, want)


@pytest.mark.filterwarnings("ignore:Casting complex")
@pytest.mark.parametrize("name", ["sum", "mean", "max", "any", "prod"])
def test_of_reductions(name):
    got, want = da.zeros(3, dtype="c16"), np.zeros(3, dtype="c16")
    getattr(da, name)(da.from_array(VALUES, chunks=2), axis=0, out=got)
    getattr(np, name)(VALUES, axis=0, out=want)
    agrees(got, want)


def test_what_numpy_refuses_takes_its_own_dtype():
    x = da.arange(4, chunks=2)
    np.sin(x, out=x)
    agrees(x, np.sin(np.arange(4)))


@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
@pytest.mark.parametrize("dtype", ["i8", "f8"])
def test_of_scans_with_their_start(name, dtype):
    got, want = da.zeros((2, 4), dtype=dtype), np.zeros((2, 4), dtype=dtype)
    result = getattr(da, name)(da.from_array(VALUES, chunks=2), axis=1, include_initial=True, out=got)
    getattr(np, name)(VALUES, axis=1, include_initial=True, out=want)
    assert result is got
    agrees(got, want)
    with pytest.raises(ValueError, match="shape"):
        getattr(da, name)(da.from_array(VALUES, chunks=2), axis=1, include_initial=True, out=da.zeros((2, 3)))
