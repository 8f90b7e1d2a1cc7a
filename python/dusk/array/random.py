"""Arrays of random numbers, with NumPy's distributions and Dask's values for the same seed and chunks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dusk._forks import new_lock
from dusk.array._random_generator import Generator, default_rng
from dusk.array._random_state import RandomState

_NAMES = """
beta binomial chisquare choice exponential f gamma geometric gumbel hypergeometric
laplace logistic lognormal logseries multinomial negative_binomial noncentral_chisquare noncentral_f normal pareto
permutation poisson power randint random random_integers random_sample rayleigh seed standard_cauchy
standard_exponential standard_gamma standard_normal standard_t tomaxint triangular uniform vonmises wald weibull
zipf
""".split()  # noqa: SIM905

__all__ = ["Generator", "RandomState", "default_rng", *_NAMES]

_state: RandomState | None = None
_lock = new_lock()


def _shared() -> RandomState:
    """Return the generator behind the functions of this module."""
    global _state
    with _lock:
        if _state is None:
            _state = RandomState()
        return _state


def _function(name: str) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return getattr(_shared(), name)(*args, **kwargs)

    method = getattr(RandomState, name)
    wrapper.__name__ = method.__name__
    wrapper.__doc__ = method.__doc__
    return wrapper


for _name in _NAMES:
    globals()[_name] = _function(_name)
