"""Statistics and tests of `scipy.stats` over arrays, along one axis.

The moments are computed by dusk, block by block; SciPy gives the probabilities of what comes out. Covers no missing
values and no corrections for bias (``nan_policy="propagate"`` and ``bias=True`` only), as in Dask. Tests return a
delayed pair of a statistic and its probability.
"""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

import numpy as np

from dusk import array as da
from dusk._derive import derived_from
from dusk.array._block_calls import Slot, block_call
from dusk.array._lengths import sized

try:
    import scipy.stats
except ImportError as error:
    raise ImportError("`dusk.array.stats` requires `scipy` to be installed: pip install scipy") from error
from scipy.special import fdtrc, xlogy
from scipy.stats import distributions

__all__ = [
    "chisquare",
    "f_oneway",
    "kurtosis",
    "kurtosistest",
    "moment",
    "normaltest",
    "power_divergence",
    "skew",
    "skewtest",
    "ttest_1samp",
    "ttest_ind",
    "ttest_rel",
]

F_onewayResult = namedtuple("F_onewayResult", ("statistic", "pvalue"))
KurtosistestResult = namedtuple("KurtosistestResult", ("statistic", "pvalue"))
NormaltestResult = namedtuple("NormaltestResult", ("statistic", "pvalue"))
Power_divergenceResult = namedtuple("Power_divergenceResult", ("statistic", "pvalue"))
SkewtestResult = namedtuple("SkewtestResult", ("statistic", "pvalue"))
Ttest_1sampResult = namedtuple("Ttest_1sampResult", ("statistic", "pvalue"))
Ttest_indResult = namedtuple("Ttest_indResult", ("statistic", "pvalue"))
Ttest_relResult = namedtuple("Ttest_relResult", ("statistic", "pvalue"))

#: Powers of the divergences that have a name.
_POWERS = {
    "pearson": 1,
    "log-likelihood": 0,
    "freeman-tukey": -0.5,
    "mod-log-likelihood": -1,
    "neyman": -2,
    "cressie-read": 2 / 3,
}


def _delayed(function: Any, *args: Any, nout: int | None = None) -> Any:
    """Call a function later, with the values of arrays."""
    from dusk.delayed import delayed

    return delayed(function, nout=nout)(*args)


def _refuse(nan_policy: str) -> None:
    if nan_policy != "propagate":
        raise NotImplementedError("`nan_policy` other than 'propagate' have not been implemented.")


def _only_biased(bias: bool) -> None:
    if not bias:
        raise NotImplementedError("bias=False is not implemented.")


def _each(function: Any, *args: Any) -> Any:
    """Apply one of SciPy's functions to arrays and numbers, element by element."""
    return da.elemwise(function, *args, dtype="f8")


def _length(x: Any, axis: Any) -> Any:
    x = sized(x, None if axis is None else [axis]) if isinstance(x, da.Array) else x
    return x.size if axis is None else x.shape[axis]


# --- comparing means --------------------------------------------------------------------------------------------------


def _t_test(result: Any, difference: Any, error: Any, freedom: Any) -> Any:
    """Return the delayed pair of Student's t and the probability of one as far from 0."""
    t = da.divide(difference, error)
    return _delayed(result, t, _delayed(distributions.t.sf, da.absolute(t), freedom) * 2, nout=2)


@derived_from(scipy.stats)
def ttest_ind(a: Any, b: Any, axis: int = 0, equal_var: bool = True) -> Any:
    of_a, of_b = da.var(a, axis, ddof=1), da.var(b, axis, ddof=1)
    count_a, count_b = _length(a, axis), _length(b, axis)
    if equal_var:
        freedom: Any = count_a + count_b - 2.0
        pooled = ((count_a - 1) * of_a + (count_b - 1) * of_b) / freedom
        error = da.sqrt(pooled * (1.0 / count_a + 1.0 / count_b))
    else:
        share_a, share_b = of_a / count_a, of_b / count_b
        freedom = (share_a + share_b) ** 2 / (share_a**2 / (count_a - 1) + share_b**2 / (count_b - 1))
        # undefined where nothing varies; then any number will do
        freedom = da.where(da.isnan(freedom), 1, freedom)
        error = da.sqrt(share_a + share_b)
    return _t_test(Ttest_indResult, da.mean(a, axis) - da.mean(b, axis), error, freedom)


@derived_from(scipy.stats)
def ttest_1samp(a: Any, popmean: Any, axis: int = 0, nan_policy: str = "propagate") -> Any:
    _refuse(nan_policy)
    count = _length(a, axis)
    error = da.sqrt(da.var(a, axis, ddof=1) / float(count))
    return _t_test(Ttest_1sampResult, da.mean(a, axis) - popmean, error, count - 1)


@derived_from(scipy.stats)
def ttest_rel(a: Any, b: Any, axis: int = 0, nan_policy: str = "propagate") -> Any:
    _refuse(nan_policy)
    count = _length(a, axis)
    difference = (a - b).astype(np.float64)
    error = da.sqrt(da.var(difference, axis, ddof=1) / float(count))
    return _t_test(Ttest_relResult, da.mean(difference, axis), error, float(count - 1))


@derived_from(scipy.stats)
def f_oneway(*args: Any) -> Any:
    everything = da.concatenate(args)
    count = len(everything)
    # a shift doesn't change variances; around 0 they are most exact
    offset = everything.mean()
    total = _squared(everything - offset, count)
    between = sum(da.sum(each - offset, 0) ** 2 / float(len(each)) for each in args)
    between = between - da.sum(everything - offset, 0) ** 2 / float(count)
    groups = len(args) - 1
    within = count - len(args)
    f = (between / float(groups)) / ((total - between) / float(within))
    return _delayed(F_onewayResult, f, _each(fdtrc, groups, within, f), nout=2)


def _squared(x: Any, count: int) -> Any:
    """Return the sum of squares of differences from the mean, of values around 0."""
    return da.sum(x * x, 0) - da.sum(x, 0) ** 2 / float(count)


# --- comparing frequencies --------------------------------------------------------------------------------------------


@derived_from(scipy.stats)
def chisquare(f_obs: Any, f_exp: Any = None, ddof: int = 0, axis: Any = 0) -> Any:
    return power_divergence(f_obs, f_exp=f_exp, ddof=ddof, axis=axis, lambda_="pearson")


@derived_from(scipy.stats)
def power_divergence(f_obs: Any, f_exp: Any = None, ddof: int = 0, axis: Any = 0, lambda_: Any = None) -> Any:
    if isinstance(lambda_, str):
        if lambda_ not in _POWERS:
            names = ", ".join(repr(name) for name in _POWERS)
            raise ValueError(f"invalid string for lambda_: {lambda_!r}. Valid strings are {names}")
        lambda_ = _POWERS[lambda_]
    elif lambda_ is None:
        lambda_ = 1
    if f_exp is None:
        f_exp = f_obs.mean(axis=axis, keepdims=True)
    if lambda_ == 1:
        terms = (f_obs - f_exp) ** 2 / f_exp
    elif lambda_ == 0:
        terms = 2.0 * _each(xlogy, f_obs, f_obs / f_exp)
    elif lambda_ == -1:
        terms = 2.0 * _each(xlogy, f_exp, f_exp / f_obs)
    else:
        terms = f_obs * ((f_obs / f_exp) ** lambda_ - 1) / (0.5 * lambda_ * (lambda_ + 1))
    statistic = terms.sum(axis=axis)
    probability = _delayed(distributions.chi2.sf, statistic, _length(terms, axis) - 1 - ddof)
    return _delayed(Power_divergenceResult, statistic, probability, nout=2)


# --- the shape of a distribution --------------------------------------------------------------------------------------


@derived_from(scipy.stats)
def moment(a: Any, moment: int = 1, axis: Any = 0, nan_policy: str = "propagate") -> Any:
    _refuse(nan_policy)
    return da.moment(a, moment, axis=axis)


def _ratio(a: Any, order: int, axis: Any) -> Any:
    """Return a moment in units of the standard deviation; 0 where nothing varies."""
    second, other = da.moment(a, 2, axis=axis), da.moment(a, order, axis=axis)
    varies = second != 0
    return da.where(varies, other / da.where(varies, second, 1.0) ** (order / 2), 0.0)


@derived_from(scipy.stats)
def skew(a: Any, axis: Any = 0, bias: bool = True, nan_policy: str = "propagate") -> Any:
    _refuse(nan_policy)
    _only_biased(bias)
    return _ratio(a, 3, axis)


@derived_from(scipy.stats)
def kurtosis(a: Any, axis: Any = 0, fisher: bool = True, bias: bool = True, nan_policy: str = "propagate") -> Any:
    _refuse(nan_policy)
    _only_biased(bias)
    result = _ratio(a, 4, axis)
    return result - 3 if fisher else result


def _tail(result: Any, z: Any) -> Any:
    """Return the delayed pair of a normally distributed statistic and the probability of one as far from 0."""
    probability = block_call(
        _two_tails, [(z, list(range(z.ndim)))], z.chunks, z._meta, args=[Slot(0)], prefix="norm-sf"
    )
    return _delayed(result, z, probability, nout=2)


def _two_tails(z: Any) -> Any:
    return 2 * np.asarray(distributions.norm.sf(np.abs(z)))


def _skew_z(a: Any, axis: Any) -> Any:
    """Return the skewness as a standard normal value, by D'Agostino (1970)."""
    skewness = skew(a, axis)
    n = float(_length(a, axis))
    if n < 8:
        raise ValueError(f"skewtest is not valid with less than 8 samples; {int(n)} samples were given.")
    y = skewness * math.sqrt((n + 1) * (n + 3) / (6.0 * (n - 2)))
    beta2 = 3.0 * (n**2 + 27 * n - 70) * (n + 1) * (n + 3) / ((n - 2.0) * (n + 5) * (n + 7) * (n + 9))
    w2 = math.sqrt(2 * (beta2 - 1)) - 1
    alpha = math.sqrt(2.0 / (w2 - 1))
    y = da.where(y == 0, 1.0, y)
    return da.arcsinh(y / alpha) / math.sqrt(0.5 * math.log(w2))


def _kurtosis_z(a: Any, axis: Any) -> Any:
    """Return the kurtosis as a standard normal value, by Anscombe and Glynn (1983)."""
    n = float(_length(a, axis))
    expected = 3.0 * (n - 1) / (n + 1)
    variance = 24.0 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    x = (kurtosis(a, axis, fisher=False) - expected) / math.sqrt(variance)
    third = 6.0 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9))
    third *= math.sqrt(6.0 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    width = 6.0 + 8.0 / third * (2.0 / third + math.sqrt(1 + 4.0 / third**2))
    below = 1 + x * math.sqrt(2 / (width - 4.0))
    # below 0 the approximation doesn't hold: then nothing is said against a normal distribution
    holds = below > 0
    root = da.cbrt((1 - 2.0 / width) / da.where(holds, below, 1.0))
    z = (1 - 2 / (9.0 * width) - root) / math.sqrt(2 / (9.0 * width))
    return da.where(holds, z, 0.0)


@derived_from(scipy.stats)
def skewtest(a: Any, axis: Any = 0, nan_policy: str = "propagate") -> Any:
    _refuse(nan_policy)
    return _tail(SkewtestResult, _skew_z(a, axis))


@derived_from(scipy.stats)
def kurtosistest(a: Any, axis: Any = 0, nan_policy: str = "propagate") -> Any:
    _refuse(nan_policy)
    return _tail(KurtosistestResult, _kurtosis_z(a, axis))


@derived_from(scipy.stats)
def normaltest(a: Any, axis: Any = 0, nan_policy: str = "propagate") -> Any:
    _refuse(nan_policy)
    both = _skew_z(a, axis) ** 2 + _kurtosis_z(a, axis) ** 2
    return _delayed(NormaltestResult, both, _delayed(distributions.chi2.sf, both, 2), nout=2)
