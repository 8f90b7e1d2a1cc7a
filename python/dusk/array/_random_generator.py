"""Arrays of random numbers by a `Generator`."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._random_blocks import BlockSeeds, drawn
from dusk.array._random_choice import choice, permutation

__all__ = ["Generator", "default_rng"]


class Generator:
    """Makes arrays of random numbers.

    Parameters
    ----------
    bit_generator : numpy.random.BitGenerator

    See Also
    --------
    default_rng : Makes one of a seed.
    """

    def __init__(self, bit_generator: Any) -> None:
        self._bit_generator = bit_generator

    def __str__(self) -> str:
        return f"{self.__class__.__name__}({self._bit_generator.__class__.__name__})"

    def _seeds(self, count: int) -> BlockSeeds:
        return BlockSeeds(self._bit_generator, count)

    def _draw(
        self, method: str, args: tuple[Any, ...], size: Any, chunks: Any, kwargs: dict[str, Any], extra: Any = ()
    ) -> Array:
        return drawn(self._seeds, method, args, size, chunks, kwargs, extra)

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
    def chisquare(self, df: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("chisquare", (df,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def exponential(self, scale: Any = 1.0, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("exponential", (scale,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
    def geometric(self, p: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("geometric", (p,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
    def logseries(self, p: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("logseries", (p,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
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

    @derived_from(np.random.Generator)
    def weibull(self, a: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("weibull", (a,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def zipf(self, a: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("zipf", (a,), size, chunks, kwargs)

    @derived_from(np.random.Generator)
    def random(
        self, size: Any = None, dtype: Any = np.float64, out: Any = None, chunks: Any = "auto", **kwargs: Any
    ) -> Array:
        return self._draw("random", (), size, chunks, {"dtype": dtype, **kwargs})

    @derived_from(np.random.Generator)
    def integers(
        self,
        low: Any,
        high: Any = None,
        size: Any = None,
        dtype: Any = np.int64,
        endpoint: bool = False,
        chunks: Any = "auto",
        **kwargs: Any,
    ) -> Array:
        return self._draw(
            "integers", (low,), size, chunks, {"high": high, "dtype": dtype, "endpoint": endpoint, **kwargs}
        )

    @derived_from(np.random.Generator)
    def multinomial(self, n: Any, pvals: Any, size: Any = None, chunks: Any = "auto", **kwargs: Any) -> Array:
        return self._draw("multinomial", (n, pvals), size, chunks, kwargs, ((len(pvals),),))

    @derived_from(np.random.Generator)
    def multivariate_hypergeometric(
        self,
        colors: Any,
        nsample: Any,
        size: Any = None,
        method: str = "marginals",
        chunks: Any = "auto",
        **kwargs: Any,
    ) -> Array:
        return self._draw(
            "multivariate_hypergeometric",
            (colors, nsample),
            size,
            chunks,
            {"method": method, **kwargs},
            ((len(colors),),),
        )

    @derived_from(np.random.Generator)
    def choice(
        self,
        a: Any,
        size: Any = None,
        replace: bool = True,
        p: Any = None,
        axis: int = 0,
        shuffle: bool = True,
        chunks: Any = "auto",
    ) -> Array:
        return choice(self._seeds, a, size, replace, p, chunks, axis, {"axis": axis, "shuffle": shuffle})

    @derived_from(np.random.Generator)
    def permutation(self, x: Any) -> Array:
        return permutation(self._bit_generator, x)


def default_rng(seed: Any = None) -> Generator:
    """Return a generator.

    Parameters
    ----------
    seed : None, int, sequence of int, SeedSequence, BitGenerator or Generator, optional

    Returns
    -------
    Generator
    """
    if isinstance(seed, Generator):
        return seed
    if isinstance(seed, np.random.Generator):
        return Generator(seed.bit_generator)
    if isinstance(seed, np.random.BitGenerator):
        return Generator(seed)
    if isinstance(seed, type) and issubclass(seed, np.random.BitGenerator):
        return Generator(seed())
    if seed is not None and not isinstance(seed, (Integral, np.random.SeedSequence, np.ndarray, list, tuple)):
        raise TypeError(f"SeedSequence expects int or sequence of ints for entropy not {seed}")
    return Generator(np.random.PCG64(seed))
