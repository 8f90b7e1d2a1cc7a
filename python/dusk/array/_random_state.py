"""Arrays of random numbers by NumPy's older `RandomState`."""

from __future__ import annotations

from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._random_blocks import BlockStates, drawn
from dusk.array._random_choice import choice

__all__ = ["RandomState"]


class RandomState:
    """Makes arrays of random numbers as NumPy's older generator does.

    Parameters
    ----------
    seed : int or array_like of int, optional
    RandomState : type, optional
        The class of the generator; NumPy's by default.
    """

    def __init__(self, seed: Any = None, RandomState: Any = None) -> None:  # noqa: N803  Dask's name
        self._numpy_state = np.random.RandomState(seed)
        self._RandomState = RandomState

    @derived_from(np.random.RandomState)
    def seed(self, seed: Any = None) -> None:
        self._numpy_state.seed(seed)

    def _seeds(self, count: int) -> BlockStates:
        return BlockStates(self._numpy_state, self._RandomState, count)

    def _draw(
        self, method: str, args: tuple[Any, ...], size: Any, chunks: Any, kwargs: dict[str, Any], extra: Any = ()
    ) -> Array:
        return drawn(self._seeds, method, args, size, chunks, kwargs, extra)

    @derived_from(np.random.RandomState)
    def beta(self, a: Any, b: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw(
            "beta",
            (
                a,
                b,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def binomial(self, n: Any, p: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw(
            "binomial",
            (
                n,
                p,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def chisquare(self, df: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("chisquare", (df,), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def exponential(self, scale: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("exponential", (scale,), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def f(self, dfnum: Any, dfden: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw(
            "f",
            (
                dfnum,
                dfden,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def gamma(self, shape: Any, scale: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw(
            "gamma",
            (
                shape,
                scale,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def geometric(self, p: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("geometric", (p,), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def gumbel(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw(
            "gumbel",
            (
                loc,
                scale,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def hypergeometric(
        self, ngood: Any, nbad: Any, nsample: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any
    ) -> Array:
        return self._draw(
            "hypergeometric",
            (
                ngood,
                nbad,
                nsample,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def laplace(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw(
            "laplace",
            (
                loc,
                scale,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def logistic(
        self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any
    ) -> Array:
        return self._draw(
            "logistic",
            (
                loc,
                scale,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def lognormal(
        self, mean: Any = 0.0, sigma: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any
    ) -> Array:
        return self._draw(
            "lognormal",
            (
                mean,
                sigma,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def logseries(self, p: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("logseries", (p,), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def negative_binomial(self, n: Any, p: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw(
            "negative_binomial",
            (
                n,
                p,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def noncentral_chisquare(self, df: Any, nonc: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw(
            "noncentral_chisquare",
            (
                df,
                nonc,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def noncentral_f(
        self, dfnum: Any, dfden: Any, nonc: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any
    ) -> Array:
        return self._draw(
            "noncentral_f",
            (
                dfnum,
                dfden,
                nonc,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw(
            "normal",
            (
                loc,
                scale,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def pareto(self, a: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("pareto", (a,), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def poisson(self, lam: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("poisson", (lam,), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def power(self, a: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("power", (a,), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def rayleigh(self, scale: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("rayleigh", (scale,), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def standard_cauchy(self, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("standard_cauchy", (), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def standard_exponential(self, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("standard_exponential", (), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def standard_gamma(self, shape: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("standard_gamma", (shape,), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def standard_normal(self, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("standard_normal", (), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def standard_t(self, df: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("standard_t", (df,), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def triangular(
        self, left: Any, mode: Any, right: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any
    ) -> Array:
        return self._draw(
            "triangular",
            (
                left,
                mode,
                right,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw(
            "uniform",
            (
                low,
                high,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def vonmises(self, mu: Any, kappa: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw(
            "vonmises",
            (
                mu,
                kappa,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def wald(self, mean: Any, scale: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw(
            "wald",
            (
                mean,
                scale,
            ),
            size,
            chunks,
            kwargs,
        )

    @derived_from(np.random.RandomState)
    def weibull(self, a: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("weibull", (a,), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def zipf(self, a: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("zipf", (a,), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def random_sample(self, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("random_sample", (), size, chunks, kwargs)

    random = random_sample

    @derived_from(np.random.RandomState)
    def randint(
        self, low: Any, high: Any = None, size: Any = None, chunks: Any = "auto", dtype: Any = "l", **kwargs: Any
    ) -> Array:
        return self._draw("randint", (low, high), size, chunks, {"dtype": dtype, **kwargs})

    @derived_from(np.random.RandomState)
    def random_integers(
        self, low: Any, high: Any = None, size: Any = None, chunks: Any = "auto", **kwargs: Any
    ) -> Array:
        return self._draw("random_integers", (low, high), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def tomaxint(self, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("tomaxint", (), size, chunks, kwargs)

    @derived_from(np.random.RandomState)
    def multinomial(self, n: Any, pvals: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("multinomial", (n, pvals), size, chunks, kwargs, ((len(pvals),),))

    @derived_from(np.random.RandomState)
    def choice(self, a: Any, size: Any = None, replace: bool = True, p: Any = None, chunks: Any = "auto") -> Array:
        return choice(self._seeds, a, size, replace, p, chunks, 0, {})

    @derived_from(np.random.RandomState)
    def permutation(self, x: Any) -> Array:
        from dusk.array._ranges import arange

        if isinstance(x, (int, np.integer)):
            x = arange(x, chunks="auto")
        order = np.arange(len(x))
        self._numpy_state.shuffle(order)
        return x[order]
