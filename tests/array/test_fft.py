"""Fourier transforms agree with NumPy's, block by block."""

import numpy as np
import pytest

import dusk.array as da
from dusk.array import fft

DATA = np.random.default_rng(0).random((6, 8, 10))
ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
MORE = ["fft2", "ifft2", "fftn", "ifftn", "rfft2", "irfft2", "rfftn", "irfftn"]


def same(got, expected):
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got.compute(), expected, atol=1e-12)


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("n", [None, 7, 12])
@pytest.mark.parametrize("axis", [1, -1])
def test_along_one_axis(name, n, axis):
    x = da.from_array(DATA, chunks=(2, 8, 10))
    same(getattr(fft, name)(x, n=n, axis=axis), getattr(np.fft, name)(DATA, n=n, axis=axis))


@pytest.mark.parametrize("name", MORE)
@pytest.mark.parametrize("s", [None, (5, 9), (-1, 4)])
def test_along_several_axes(name, s):
    x = da.from_array(DATA, chunks=(2, 8, 10))
    same(getattr(fft, name)(x, s=s, axes=(1, 2)), getattr(np.fft, name)(DATA, s=s, axes=(1, 2)))


@pytest.mark.parametrize("name", ["fftn", "rfftn", "irfftn"])
def test_all_axes_by_default(name):
    same(getattr(fft, name)(da.from_array(DATA, chunks=-1)), getattr(np.fft, name)(DATA))


def test_single_precision():
    x = DATA.astype("f4")
    got = fft.rfft(da.from_array(x, chunks=(2, 8, 10)))
    assert got.dtype == got.compute().dtype == np.fft.rfft(x).dtype


def test_split_axis_is_refused():
    x = da.from_array(DATA, chunks=(2, 8, 5))
    with pytest.raises(ValueError, match="single chunk"):
        fft.fft(x)
    with pytest.raises(ValueError, match="Duplicate axes"):
        fft.fftn(x, axes=(1, 1))
    with pytest.raises(ValueError, match="unknown `kind`"):
        fft.fft_wrap(np.fft.fft, kind="foo")


@pytest.mark.parametrize("n", [1, 10, 11])
@pytest.mark.parametrize("d", [1.0, 0.5, 2 * np.pi])
def test_frequencies(n, d):
    same(fft.fftfreq(n, d, chunks=3), np.fft.fftfreq(n, d))
    same(fft.rfftfreq(n, d, chunks=3), np.fft.rfftfreq(n, d))


@pytest.mark.parametrize("axes", [None, 0, (0, -1)])
@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
def test_shift(name, axes):
    x = np.arange(35).reshape(5, 7)
    same(getattr(fft, name)(da.from_array(x, chunks=(2, 7)), axes), getattr(np.fft, name)(x, axes))
