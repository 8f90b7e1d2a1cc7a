"""Arrays of random numbers by a `Generator`."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._distributions import Distributions
from dusk.array._random_blocks import BlockSeeds
from dusk.array._random_choice import choice, permutation

__all__ = ["Generator", "default_rng"]


class Generator(Distributions):
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
