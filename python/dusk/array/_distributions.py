"""The distributions that both of NumPy's kinds of generators have, as methods that make arrays of random numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._random_blocks import BlockSeeds, BlockStates, drawn

__all__ = ["Distributions"]


class Distributions(ABC):
    """Makes arrays of random numbers; says not where the seeds of the blocks come from."""

    @abstractmethod
    def _seeds(self, count: int) -> BlockSeeds | BlockStates:
        """Return what seeds so many blocks."""

    def _draw(
        self, method: str, args: tuple[Any, ...], size: Any, chunks: Any, kwargs: dict[str, Any], extra: Any = ()
    ) -> Array:
        return drawn(self._seeds, method, args, size, chunks, kwargs, extra)

    @derived_from(np.random.Generator)
    def beta(self, a: Any, b: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("beta", (a, b), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def binomial(self, n: Any, p: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("binomial", (n, p), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def chisquare(self, df: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("chisquare", (df,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def exponential(self, scale: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("exponential", (scale,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def f(self, dfnum: Any, dfden: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("f", (dfnum, dfden), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def gamma(self, shape: Any, scale: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("gamma", (shape, scale), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def geometric(self, p: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("geometric", (p,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def gumbel(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("gumbel", (loc, scale), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def hypergeometric(
        self, ngood: Any, nbad: Any, nsample: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any
    ) -> Array:
        return self._draw("hypergeometric", (ngood, nbad, nsample), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def laplace(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("laplace", (loc, scale), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def logistic(
        self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any
    ) -> Array:
        return self._draw("logistic", (loc, scale), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def lognormal(
        self, mean: Any = 0.0, sigma: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any
    ) -> Array:
        return self._draw("lognormal", (mean, sigma), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def logseries(self, p: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("logseries", (p,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def negative_binomial(self, n: Any, p: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("negative_binomial", (n, p), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def noncentral_chisquare(self, df: Any, nonc: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("noncentral_chisquare", (df, nonc), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def noncentral_f(
        self, dfnum: Any, dfden: Any, nonc: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any
    ) -> Array:
        return self._draw("noncentral_f", (dfnum, dfden, nonc), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("normal", (loc, scale), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def pareto(self, a: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("pareto", (a,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def poisson(self, lam: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("poisson", (lam,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def power(self, a: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("power", (a,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def rayleigh(self, scale: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("rayleigh", (scale,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def standard_cauchy(self, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("standard_cauchy", (), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def standard_exponential(self, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("standard_exponential", (), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def standard_gamma(self, shape: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("standard_gamma", (shape,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def standard_normal(self, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("standard_normal", (), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def standard_t(self, df: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("standard_t", (df,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def triangular(
        self, left: Any, mode: Any, right: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any
    ) -> Array:
        return self._draw("triangular", (left, mode, right), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("uniform", (low, high), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def vonmises(self, mu: Any, kappa: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("vonmises", (mu, kappa), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def wald(self, mean: Any, scale: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("wald", (mean, scale), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def weibull(self, a: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("weibull", (a,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def zipf(self, a: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("zipf", (a,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def multinomial(self, n: Any, pvals: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("multinomial", (n, pvals), size, chunks, kwargs, ((len(pvals),),))
