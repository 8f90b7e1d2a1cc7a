"""Dask's `dask.array.numpy_compat`: which NumPy there is, and names that moved between its versions."""

from __future__ import annotations

import numpy as np
from numpy import divide
from numpy.exceptions import AxisError, ComplexWarning
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple
from numpy.ma import divide as ma_divide

from dusk.array._axes import moveaxis, rollaxis

__all__ = [
    "NUMPY_GE_125",
    "NUMPY_GE_200",
    "NUMPY_GE_210",
    "NUMPY_GE_220",
    "NUMPY_GE_240",
    "AxisError",
    "ComplexWarning",
    "divide",
    "ma_divide",
    "moveaxis",
    "normalize_axis_index",
    "normalize_axis_tuple",
    "rollaxis",
]

_release = tuple(int(part) for part in np.__version__.split(".")[:2])

NUMPY_GE_125 = _release >= (1, 25)
NUMPY_GE_200 = _release >= (2, 0)
NUMPY_GE_210 = _release >= (2, 1)
NUMPY_GE_220 = _release >= (2, 2)
NUMPY_GE_240 = _release >= (2, 4)
