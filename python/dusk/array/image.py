"""Stacks of images as arrays: each file is a block."""

from __future__ import annotations

import os
from collections.abc import Callable
from glob import glob
from typing import Any

import numpy as np

from dusk.array._array import Array
from dusk.array._block_calls import block_call
from dusk.array._meta import meta_from_array

__all__ = ["imread"]


def add_leading_dimension(x: Any) -> Any:
    """Return an array with an axis of length 1 before the others."""
    return x[None, ...]


class _Image:
    """Reads the file of a block."""

    __slots__ = ("__name__", "filenames", "imread", "preprocess")

    def __init__(self, filenames: list[str], imread: Callable[..., Any], preprocess: Callable[..., Any] | None) -> None:
        self.filenames = filenames
        self.imread = imread
        self.preprocess = preprocess
        self.__name__ = "imread"

    def read(self, number: int) -> Any:
        image = self.imread(self.filenames[number])
        return np.asanyarray(image if self.preprocess is None else self.preprocess(image))

    def __call__(self, index: tuple[int, ...]) -> Any:
        return add_leading_dimension(self.read(index[0]))

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        times = [(os.path.getsize(name), os.path.getmtime(name)) for name in self.filenames]
        return ("dusk-imread", [os.path.abspath(name) for name in self.filenames], times, self.imread, self.preprocess)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Image, (self.filenames, self.imread, self.preprocess))


def imread(
    filename: str, imread: Callable[..., Any] | None = None, preprocess: Callable[..., Any] | None = None
) -> Array:
    """Read images of one size as an array whose first axis goes over the files.

    Parameters
    ----------
    filename : str
        A pattern such as ``"photo-*.png"``; the files come in the order of their names.
    imread : callable, optional
        Reads a file: ``imread(filename)`` gives a NumPy array. By default ``skimage.io.imread``.
    preprocess : callable, optional
        Is applied to each image.

    Returns
    -------
    Array
        Each file is a block. The first file is read now, for the shape and the dtype.

    Raises
    ------
    ValueError
        If no file has such a name.
    ImportError
        Without ``imread``, if scikit-image isn't installed.
    """
    if imread is None:
        try:
            from skimage.io import imread as reader
        except ImportError as error:
            raise ImportError(
                "da.image.imread needs scikit-image to read files, or a function of yours: imread=..."
            ) from error
        imread = reader
    filenames = sorted(glob(filename))
    if not filenames:
        raise ValueError(f"No files found under name {filename}")
    images = _Image(filenames, imread, preprocess)
    sample = images.read(0)
    chunks = [(1,) * len(filenames), *((length,) for length in sample.shape)]
    meta = meta_from_array(sample, ndim=sample.ndim + 1)
    return block_call(images, [], chunks, meta, prefix="imread", library=False, indexed=True)
