"""Arrays in memory: chains of elementwise functions, standardising, a sum with the transpose, many small chunks.

What is timed goes from the expression to its value; the input is made before. The answer is a sum of the result and its
number of elements. `pandas` stands for NumPy, which has the whole array at once.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from benchmarks.datasets import FOLDER, Data
from benchmarks.workloads._workload import Workload

SIDE = 8_000


def elementwise(np: Any, x: Any, y: Any) -> Any:
    return (np.sin(x) ** 2 + np.cos(x + y) * 0.5 - np.sqrt(abs(y - 3))).mean(axis=0)


def standardise(np: Any, x: Any, y: Any) -> Any:
    return (((x - x.mean(axis=0)) / x.std(axis=0)) ** 2).sum(axis=1)


def transposed(np: Any, x: Any, y: Any) -> Any:
    return (x + x.T)[::2, SIDE // 3 :].mean(axis=1)


def small_chunks(np: Any, x: Any, y: Any) -> Any:
    return (x + 1).sum(axis=0)


def answer(value: Any) -> Any:
    import pandas as pd

    return pd.DataFrame({"count": [len(value)], "total": [float(value.sum())]})


def lazily(module: str, shape: Callable, chunk: int) -> Callable:
    def prepare(data: Data):
        import numpy as np

        arrays = importlib.import_module(f"{module}.array")
        x, y = (arrays.from_array(each, chunks=(chunk, chunk)) for each in values(np, data.count))
        return lambda: answer(shape(arrays, x, y).compute(scheduler="threads"))

    return prepare


def at_once(shape: Callable) -> Callable:
    def prepare(data: Data):
        import numpy as np

        x, y = values(np, data.count)
        return lambda: answer(shape(np, x, y))

    return prepare


def values(np: Any, side: int) -> tuple[Any, Any]:
    generator = np.random.default_rng(1)
    return generator.random((side, side)), generator.random((side, side))


def workload(name: str, title: str, shape: Callable, chunk: int) -> Workload:
    return Workload(
        name=name,
        title=title,
        data=lambda scale: Data(FOLDER, [], max(int(SIDE * scale**0.5), 16)),
        keys=["count"],
        values=["total"],
        contestants={
            "dusk": lazily("dusk", shape, chunk),
            "dask": lazily("dask", shape, chunk),
            "pandas": at_once(shape),
        },
    )


WORKLOADS = [
    workload("array_elementwise", "sin(x)**2 + cos(x + y)*0.5 - sqrt(abs(y - 3)), mean by column", elementwise, 1000),
    workload("array_standardise", "((x - x.mean(0)) / x.std(0))**2, summed by row", standardise, 1000),
    workload("array_transposed", "(x + x.T)[::2, part], mean by row", transposed, 1000),
    workload("array_small_chunks", "x + 1 summed over 6,400 chunks of 100 x 100", small_chunks, 100),
]
