"""How many bytes an object takes in memory, roughly and fast.

`sizeof` can be taught other types: ``@sizeof.register(Type)``, or ``@sizeof.register_lazy("package")`` for a function
that registers a package's types when one of them comes first. A package may also name a function in the entry point
group ``dask.sizeof``; it gets `sizeof`.
"""

from __future__ import annotations

import itertools
import logging
import random
import sys
from array import array
from typing import Any

from dusk._dispatch import Dispatch

__all__ = ["SimpleSizeof", "sizeof"]

logger = logging.getLogger(__name__)

#: Containers with more elements than this are measured by a sample.
_SAMPLE = 10

sizeof = Dispatch(name="sizeof")


class SimpleSizeof:
    """Base of classes whose objects take what ``sys.getsizeof`` says."""


@sizeof.register(object)
def sizeof_default(o: Any) -> int:
    """Return how many bytes an object takes, by what Python says of it."""
    try:
        return sys.getsizeof(o)
    except Exception:  # an object may do anything in its __sizeof__
        return 100


@sizeof.register(SimpleSizeof)
def _sizeof_simple(o: Any) -> int:
    return sys.getsizeof(o)


@sizeof.register((bytes, bytearray))
def sizeof_bytes(o: bytes) -> int:
    """Return the size of bytes."""
    return len(o)


@sizeof.register(memoryview)
def sizeof_memoryview(o: memoryview) -> int:
    """Return the size of what a memory view shows."""
    return o.nbytes


@sizeof.register(array)
def sizeof_array(o: array) -> int:
    """Return the size of an array of the standard library."""
    return o.itemsize * len(o)


@sizeof.register((list, tuple, set, frozenset))
def sizeof_python_collection(seq: Any) -> int:
    """Return the size of a container with its elements; a large one is measured by a sample."""
    number = len(seq)
    if number > _SAMPLE:
        if isinstance(seq, set | frozenset):
            some = list(itertools.islice(seq, _SAMPLE))
        else:
            # Spread over the whole, and the same each time: the size of an object shouldn't change.
            chance = random.Random(number)
            some = [seq[chance.randrange(number)] for _ in range(_SAMPLE)]
        return sys.getsizeof(seq) + int(number / _SAMPLE * sum(map(sizeof, some)))
    return sys.getsizeof(seq) + sum(map(sizeof, seq))


@sizeof.register(dict)
def sizeof_python_dict(d: dict[Any, Any]) -> int:
    """Return the size of a dictionary with its keys and values."""
    own = sys.getsizeof(d)
    if len(d) > _SAMPLE:
        some = itertools.islice(d.items(), _SAMPLE)
        return own + int(len(d) / _SAMPLE * sum(sizeof(key) + sizeof(value) for key, value in some))
    return own + sum(sizeof(key) + sizeof(value) for key, value in d.items())


def sizeof_blocked(d: Any) -> int:
    """Return the size of a container with something in it that is measured each by itself."""
    return sys.getsizeof(d) + sum(map(sizeof, d.values() if isinstance(d, dict) else d))


@sizeof.register_lazy("numpy")
def register_numpy() -> None:
    """Teach `sizeof` NumPy's types."""
    import numpy as np

    @sizeof.register(np.ndarray)
    def sizeof_ndarray(x: Any) -> int:
        if 0 in x.strides:  # the elements of a broadcast axis are there once
            x = x[tuple(slice(None) if stride else slice(1) for stride in x.strides)]
        if x.dtype.hasobject:
            sample = x.flat[:: max(1, x.size // 100)] if x.size else []
            inside = sum(map(sizeof, sample)) / len(sample) if len(sample) else 0
            return int(x.nbytes + inside * x.size)
        return int(x.nbytes)


@sizeof.register_lazy("pandas")
def register_pandas() -> None:
    """Teach `sizeof` pandas' types."""
    import numpy as np
    import pandas as pd

    overhead = 1000

    def objects(values: Any) -> int:
        if len(values) == 0:
            return 0
        sample = values[:: max(1, len(values) // 20)]
        return int(sum(map(sizeof, sample)) / len(sample) * len(values))

    def column(x: Any) -> int:
        size = int(x.memory_usage(deep=False))
        return size + objects(x.to_numpy()) if x.dtype == np.dtype(object) else size

    @sizeof.register(pd.DataFrame)
    def sizeof_frame(df: pd.DataFrame) -> int:
        columns = (column(df.iloc[:, i].reset_index(drop=True)) for i in range(df.shape[1]))
        return sizeof(df.index) + sum(columns) + overhead

    @sizeof.register(pd.Series)
    def sizeof_series(s: pd.Series) -> int:
        return sizeof(s.index) + column(s.reset_index(drop=True)) + overhead

    @sizeof.register(pd.Index)
    def sizeof_index(i: pd.Index) -> int:
        return column(i) + overhead

    @sizeof.register(pd.MultiIndex)
    def sizeof_multi_index(i: pd.MultiIndex) -> int:
        return sum(column(level) for level in i.levels) + sum(int(codes.nbytes) for codes in i.codes) + overhead


@sizeof.register_lazy("pyarrow")
def register_pyarrow() -> None:
    """Teach `sizeof` Arrow's types."""
    import pyarrow as pa

    @sizeof.register((pa.Table, pa.RecordBatch, pa.ChunkedArray, pa.Array))
    def sizeof_arrow(x: Any) -> int:
        return int(x.get_total_buffer_size()) + 1000


@sizeof.register_lazy("scipy")
def register_spmatrix() -> None:
    """Teach `sizeof` SciPy's sparse matrices."""
    from scipy import sparse

    @sizeof.register(sparse.dok_matrix)
    def sizeof_dok(s: Any) -> int:
        return s.__sizeof__()

    @sizeof.register(sparse.spmatrix)
    def sizeof_sparse(s: Any) -> int:
        return sum(sizeof(value) for value in vars(s).values())


@sizeof.register_lazy("xarray")
def register_xarray() -> None:
    """Teach `sizeof` xarray's types."""
    import xarray as xr

    @sizeof.register((xr.DataArray, xr.Dataset))
    def sizeof_xarray(x: Any) -> int:
        return int(x.nbytes)


@sizeof.register_lazy("cupy")
def register_cupy() -> None:
    """Teach `sizeof` CuPy's arrays."""
    import cupy

    @sizeof.register(cupy.ndarray)
    def sizeof_cupy(x: Any) -> int:
        return int(x.nbytes)


@sizeof.register_lazy("numba")
def register_numba() -> None:
    """Teach `sizeof` Numba's arrays on a GPU."""
    import numba.cuda

    @sizeof.register(numba.cuda.cudadrv.devicearray.DeviceNDArray)
    def sizeof_numba(x: Any) -> int:
        return int(x.nbytes)


@sizeof.register_lazy("rmm")
def register_rmm() -> None:
    """Teach `sizeof` RMM's buffers."""
    import rmm

    @sizeof.register(rmm.DeviceBuffer)
    def sizeof_rmm(x: Any) -> int:
        return int(x.nbytes)


def _register_entry_points() -> None:
    from importlib.metadata import entry_points

    for each in entry_points(group="dask.sizeof"):
        try:
            each.load()(sizeof)
        except Exception:
            logger.exception("the entry point %s for sizeof has failed", each.name)


_register_entry_points()
