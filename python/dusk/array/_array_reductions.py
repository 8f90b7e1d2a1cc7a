"""Methods of an array that reduce it or scan along it."""

from __future__ import annotations

from typing import Any

import numpy as np

from dusk._derive import derived_from

__all__ = ["ReductionMethods"]


class ReductionMethods:
    """Reductions and scans."""

    __slots__ = ()

    @derived_from(np.ndarray)
    def sum(
        self, axis: Any = None, dtype: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None
    ) -> Any:
        from dusk.array.reductions import sum as function

        return function(self, axis=axis, dtype=dtype, keepdims=keepdims, split_every=split_every, out=out)

    @derived_from(np.ndarray)
    def prod(
        self, axis: Any = None, dtype: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None
    ) -> Any:
        from dusk.array.reductions import prod as function

        return function(self, axis=axis, dtype=dtype, keepdims=keepdims, split_every=split_every, out=out)

    @derived_from(np.ndarray)
    def mean(
        self, axis: Any = None, dtype: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None
    ) -> Any:
        from dusk.array.reductions import mean as function

        return function(self, axis=axis, dtype=dtype, keepdims=keepdims, split_every=split_every, out=out)

    @derived_from(np.ndarray)
    def any(self, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:
        from dusk.array.reductions import any as function

        return function(self, axis=axis, keepdims=keepdims, split_every=split_every, out=out)

    @derived_from(np.ndarray)
    def all(self, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:
        from dusk.array.reductions import all as function

        return function(self, axis=axis, keepdims=keepdims, split_every=split_every, out=out)

    @derived_from(np.ndarray)
    def min(self, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:
        from dusk.array.reductions import min as function

        return function(self, axis=axis, keepdims=keepdims, split_every=split_every, out=out)

    @derived_from(np.ndarray)
    def max(self, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:
        from dusk.array.reductions import max as function

        return function(self, axis=axis, keepdims=keepdims, split_every=split_every, out=out)

    @derived_from(np.ndarray)
    def argmin(self, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:
        from dusk.array.reductions import argmin as function

        return function(self, axis=axis, keepdims=keepdims, split_every=split_every, out=out)

    @derived_from(np.ndarray)
    def argmax(self, axis: Any = None, keepdims: bool = False, split_every: Any = None, out: Any = None) -> Any:
        from dusk.array.reductions import argmax as function

        return function(self, axis=axis, keepdims=keepdims, split_every=split_every, out=out)

    @derived_from(np.ndarray)
    def std(
        self,
        axis: Any = None,
        dtype: Any = None,
        keepdims: bool = False,
        ddof: float = 0,
        split_every: Any = None,
        out: Any = None,
    ) -> Any:
        from dusk.array.reductions import std as function

        return function(self, axis=axis, dtype=dtype, keepdims=keepdims, ddof=ddof, split_every=split_every, out=out)

    @derived_from(np.ndarray)
    def var(
        self,
        axis: Any = None,
        dtype: Any = None,
        keepdims: bool = False,
        ddof: float = 0,
        split_every: Any = None,
        out: Any = None,
    ) -> Any:
        from dusk.array.reductions import var as function

        return function(self, axis=axis, dtype=dtype, keepdims=keepdims, ddof=ddof, split_every=split_every, out=out)

    @derived_from(np.ndarray)
    def cumsum(self, axis: Any, dtype: Any = None, out: Any = None, *, method: str = "sequential") -> Any:
        from dusk.array.reductions import cumsum as function

        return function(self, axis, dtype, out=out, method=method)

    @derived_from(np.ndarray)
    def cumprod(self, axis: Any, dtype: Any = None, out: Any = None, *, method: str = "sequential") -> Any:
        from dusk.array.reductions import cumprod as function

        return function(self, axis, dtype, out=out, method=method)

    @derived_from(np.ndarray)
    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
        from dusk.array.reductions import trace as function

        return function(self, offset=offset, axis1=axis1, axis2=axis2, dtype=dtype)

    def moment(
        self,
        order: int,
        axis: Any = None,
        dtype: Any = None,
        keepdims: bool = False,
        ddof: float = 0,
        split_every: Any = None,
        out: Any = None,
    ) -> Any:
        """Return the central moment of an order; see `dusk.array.moment`."""
        from dusk.array.reductions import moment

        return moment(
            self, order, axis=axis, dtype=dtype, keepdims=keepdims, ddof=ddof, split_every=split_every, out=out
        )

    def topk(self, k: int, axis: int = -1, split_every: Any = None) -> Any:
        """Return the ``k`` largest elements along an axis; see `dusk.array.topk`."""
        from dusk.array.reductions import topk

        return topk(self, k, axis=axis, split_every=split_every)

    def argtopk(self, k: int, axis: int = -1, split_every: Any = None) -> Any:
        """Return the positions of the ``k`` largest elements along an axis; see `dusk.array.argtopk`."""
        from dusk.array.reductions import argtopk

        return argtopk(self, k, axis=axis, split_every=split_every)
