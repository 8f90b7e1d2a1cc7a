"""Arrays of random numbers by NumPy's older `RandomState`."""

from __future__ import annotations

from typing import Any

import numpy as np

from dusk._derive import derived_from
from dusk.array._array import Array
from dusk.array._distributions import Distributions
from dusk.array._random_blocks import BlockStates
from dusk.array._random_choice import choice

__all__ = ["RandomState"]


class RandomState(Distributions):
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
