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
#: Objects of an array that are looked at.
_SAMPLED = 100

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

    def objects(*columns: Any) -> int:
        """Measure objects by a sample; those that are there several times take memory once."""
        total = 0
        seen: set[int] = set()
        for values in columns:
            # at random, since values may recur at regular distances, and the same each time
            some = random.Random(len(values)).sample(range(len(values)), min(len(values), _SAMPLED))
            sample = [values[i] for i in some]
            new = {id(each): each for each in sample if id(each) not in seen}
            seen.update(new)
            if sample and len(new) > len(sample) // 2:  # most are different: those not looked at as well
                total += int(sum(map(sizeof, new.values())) / len(sample) * len(values))
            else:
                total += sum(map(sizeof, new.values()))
        return total

    def inside(x: Any) -> Any:
        """Return the objects that an array of pandas' or NumPy's refers to, or None."""
        if isinstance(x, np.ndarray):
            return x.ravel() if x.dtype == np.dtype(object) else None
        data = getattr(x, "_ndarray", None)  # such as strings kept by Python
        return data.ravel() if isinstance(data, np.ndarray) and data.dtype == np.dtype(object) else None

    def arrays(*values: Any) -> int:
        held = [each for each in map(inside, values) if each is not None]
        return sum(int(each.nbytes) for each in values) + objects(*held)

    @sizeof.register(pd.DataFrame)
    def sizeof_frame(df: pd.DataFrame) -> int:
        # Columns of a block are one array, and one column may be there several times.
        blocks: dict[Any, Any] = {}
        for i in range(df.shape[1]):
            values = df.iloc[:, i].array
            data = values.to_numpy() if isinstance(values.dtype, np.dtype) else values
            at = data.__array_interface__["data"][0] if isinstance(data, np.ndarray) else id(values)
            blocks.setdefault((at, str(values.dtype)), data)
        kinds = {str(dtype) for dtype in df.dtypes}
        return sizeof(df.index) + sizeof(df.columns) + arrays(*blocks.values()) + overhead * max(1, len(kinds))

    @sizeof.register(pd.Series)
    def sizeof_series(s: pd.Series) -> int:
        values = s.array
        data = values.to_numpy() if isinstance(values.dtype, np.dtype) else values
        return sizeof(s.index) + arrays(data) + overhead

    @sizeof.register(pd.Index)
    def sizeof_index(i: pd.Index) -> int:
        if isinstance(i, pd.RangeIndex):
            return int(i.memory_usage()) + overhead
        values = i.array
        return arrays(values.to_numpy() if isinstance(values.dtype, np.dtype) else values) + overhead

    @sizeof.register(pd.MultiIndex)
    def sizeof_multi_index(i: pd.MultiIndex) -> int:
        levels = sum(sizeof(level) - overhead for level in i.levels)
        return levels + sum(int(codes.nbytes) for codes in i.codes) + overhead


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


def _register_entry_point_plugins() -> None:
    from importlib.metadata import entry_points

    for each in entry_points(group="dask.sizeof"):
        try:
            each.load()(sizeof)
        except Exception:
            logger.exception("the entry point %s for sizeof has failed", each.name)


_register_entry_point_plugins()
