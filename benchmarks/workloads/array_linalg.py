"""Linear algebra of arrays in memory: products of matrices, factorizations of tall ones.

What is timed goes from the expression to its value; the input is made before. The answer is a sum of the absolute
values of the result and its number of elements. `numpy` has the whole array at once, and its BLAS uses all cores.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from benchmarks.datasets import FOLDER, Data
from benchmarks.workloads._workload import Workload

SIDE = 6_000
CHUNK = 1_000
ROWS = 200_000
COLUMNS = 200


def product(np: Any, x: Any, y: Any) -> Any:
    return (x @ y,)


def gram(np: Any, x: Any, y: Any) -> Any:
    return (x @ x.T,)


def singular(np: Any, x: Any) -> Any:
    # NumPy has to be told that it shall not make the left vectors a square
    return np.linalg.svd(x, full_matrices=False)


def orthogonal(np: Any, x: Any) -> Any:
    return tuple(np.linalg.qr(x))


def answer(values: Any) -> Any:
    import numpy as np
    import pandas as pd

    total = sum(float(np.abs(value).sum()) for value in values)
    return pd.DataFrame({"count": [sum(value.size for value in values)], "total": [total]})


def lazily(module: str, make: Callable, shape: Callable, chunks: tuple[int, int]) -> Callable:
    def prepare(data: Data):
        import numpy as np

        package, arrays = importlib.import_module(module), importlib.import_module(f"{module}.array")
        inputs = [arrays.from_array(each, chunks=chunks) for each in make(np, data.count)]
        return lambda: answer(package.compute(*shape(arrays, *inputs), scheduler="threads"))

    return prepare


def at_once(make: Callable, shape: Callable) -> Callable:
    def prepare(data: Data):
        import numpy as np

        inputs = make(np, data.count)
        return lambda: answer(shape(np, *inputs))

    return prepare


def square(np: Any, side: int) -> tuple[Any, Any]:
    generator = np.random.default_rng(1)
    return generator.random((side, side)), generator.random((side, side))


def tall(np: Any, rows: int) -> tuple[Any]:
    return (np.random.default_rng(1).random((rows, COLUMNS)),)


def workload(name: str, title: str, shape: Callable, make: Callable, count: Callable, chunks: Any) -> Workload:
    return Workload(
        name=name,
        title=title,
        data=lambda scale: Data(FOLDER, [], count(scale)),
        keys=["count"],
        values=["total"],
        contestants={
            "dusk": lazily("dusk", make, shape, chunks),
            "dask": lazily("dask", make, shape, chunks),
            "numpy": at_once(make, shape),
        },
        check="numpy",
    )


def side_at(scale: float) -> int:
    return max(int(SIDE * scale ** (1 / 3)), 16)


def rows_at(scale: float) -> int:
    return max(int(ROWS * scale), 2 * COLUMNS)


WORKLOADS = [
    workload("array_matmul", "x @ y, 6,000 x 6,000", product, square, side_at, (CHUNK, CHUNK)),
    workload("array_gram", "x @ x.T, 6,000 x 6,000", gram, square, side_at, (CHUNK, CHUNK)),
    workload("array_svd", "singular value decomposition, 200,000 x 200", singular, tall, rows_at, (20_000, COLUMNS)),
    workload("array_qr", "QR, 200,000 x 200", orthogonal, tall, rows_at, (20_000, COLUMNS)),
]
