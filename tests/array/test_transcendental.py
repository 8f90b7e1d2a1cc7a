"""Functions that are computed for many elements at once, on what lies at the ends of their domains, and `select`."""

from __future__ import annotations

import numpy as np
import pytest

import dusk.array as da

EDGES = [0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 0.5, -0.5, 2, -2, 3, -3, 0.1, 700, -700]
EDGES += [1e-310, -1e-310, 5e-324, 1e-200, 1e308, -1e308, 1e160, 7 / 16, 11 / 16, 1e22]

ONE = ["arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "cbrt"]
ONE += ["sin", "cos", "tan", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p"]


def close(made, wanted, units):
    """Compare up to so many units in the last place; signs of zeros count."""
    assert made.dtype == wanted.dtype
    off = np.abs(made - wanted) > units * np.spacing(np.abs(wanted))
    off &= ~(made == wanted) & ~(np.isnan(made) & np.isnan(wanted))
    off |= (np.signbit(made) != np.signbit(wanted)) & ~np.isnan(wanted)
    assert not off.any(), (made[off], wanted[off])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("name", ONE)
def test_functions_of_one(name, dtype):
    random = np.random.default_rng(0)
    for x in (np.array(EDGES), random.normal(size=600), random.normal(size=600) * 50, random.uniform(-1, 1, 600)):
        x = x.astype(dtype)
        close(getattr(da, name)(da.from_array(x, chunks=130)).compute(), getattr(np, name)(x), 3)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("name", ["power", "float_power", "arctan2"])
def test_functions_of_two(name, dtype):
    random = np.random.default_rng(0)
    x, y = np.meshgrid(np.array(EDGES), np.array(EDGES))
    x = np.concatenate([x.ravel(), random.uniform(-3, 3, 600), random.uniform(0, 9, 600)]).astype(dtype)
    y = np.concatenate([y.ravel(), random.integers(-9, 9, 600), random.normal(size=600) * 9]).astype(dtype)
    wanted = getattr(np, name)(x, y)
    close(getattr(da, name)(da.from_array(x, chunks=300), da.from_array(y, chunks=270)).compute(), wanted, 3)
    for each in (-2.5, 3, 0.0, -1.0):
        each = x.dtype.type(each)
        close(getattr(da, name)(da.from_array(x, chunks=300), each).compute(), getattr(np, name)(x, each), 3)
        close(getattr(da, name)(each, da.from_array(y, chunks=300)).compute(), getattr(np, name)(each, y), 3)


@pytest.mark.parametrize(
    "choices",
    [
        lambda x: [x, x * 2],
        lambda x: [x.astype("i1"), x.astype("f4")],
        lambda x: [x, 7],
        lambda x: [1, 2.5],
        lambda x: [x.astype("c8"), x > 3],
        lambda x: [x.astype("M8[s]"), x.astype("M8[ns]")],
        lambda x: [x.astype("U3"), x.astype("U5")],
    ],
)
def test_select(choices):
    x = np.arange(24, dtype="i2").reshape(4, 6)
    lazy = da.from_array(x, chunks=(3, 4))
    own = choices(x)
    default = np.datetime64(5, "s") if getattr(own[0], "dtype", x.dtype).kind == "M" else 0
    default = "no" if getattr(own[0], "dtype", x.dtype).kind == "U" else default
    wanted = np.select([x > 15, x % 5 == 0], own, default)
    made = da.select([lazy > 15, lazy % 5 == 0], choices(lazy), default)
    assert made.dtype == wanted.dtype
    np.testing.assert_array_equal(made.compute(), wanted)
