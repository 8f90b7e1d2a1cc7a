"""`da.stats` against `scipy.stats`."""

from __future__ import annotations

import numpy as np
import pytest

import dusk.array as da

scipy_stats = pytest.importorskip("scipy.stats")


@pytest.fixture(params=[(30,), (30, 2)])
def pair(request):
    rng = np.random.default_rng(0)
    return rng.random(request.param), rng.random(request.param)


@pytest.mark.parametrize("name", ["skew", "kurtosis", "skewtest", "kurtosistest", "normaltest", "chisquare"])
def test_one(pair, name):
    from dusk.array import stats

    x = pair[0]
    found = getattr(stats, name)(da.from_array(x, chunks=7)).compute()
    np.testing.assert_allclose(np.array(found), np.array(getattr(scipy_stats, name)(x)))


@pytest.mark.parametrize("name, options", [("ttest_ind", {}), ("ttest_ind", {"equal_var": False}), ("ttest_rel", {})])
def test_two(pair, name, options):
    from dusk.array import stats

    x, y = pair
    found = getattr(stats, name)(da.from_array(x, chunks=7), da.from_array(y, chunks=5), **options).compute()
    np.testing.assert_allclose(np.array(found), np.array(getattr(scipy_stats, name)(x, y, **options)))


@pytest.mark.parametrize("power", [None, "log-likelihood", "mod-log-likelihood", "neyman", "cressie-read"])
def test_power_divergence(pair, power):
    from dusk.array import stats

    x = pair[0]
    y = x[::-1]
    found = stats.power_divergence(da.from_array(x, chunks=7), da.from_array(y, chunks=5), lambda_=power).compute()
    np.testing.assert_allclose(np.array(found), np.array(scipy_stats.power_divergence(x, y, lambda_=power)))


def test_f_oneway():
    from dusk.array import stats

    groups = [np.random.default_rng(i).random(20 + i) for i in range(3)]
    found = stats.f_oneway(*[da.from_array(each, chunks=6) for each in groups]).compute()
    np.testing.assert_allclose(found, scipy_stats.f_oneway(*groups))
