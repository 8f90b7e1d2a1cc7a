"""Small Python functions as tasks: many of them, a chain, a tree, and some that only sleep.

What is timed is everything from the first call of `delayed` to the last result. Divided by the number of tasks in the
title it is the cost of a task. `concurrent.futures` and joblib know no graphs: where results are needed by other calls
they wait for them level by level.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.datasets import FOLDER, Data
from benchmarks.workloads._workload import Workload

SLEEP = 0.05
WORKERS = 50


def increment(x: int) -> int:
    return x + 1


def add(x: int, y: int) -> int:
    return x + y


def doze(x: int) -> int:
    time.sleep(SLEEP)
    return x


def answer(values: Any) -> Any:
    import pandas as pd

    values = list(values)
    return pd.DataFrame({"count": [len(values)], "total": [float(sum(values))]})


def pairs(level: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(level[::2], level[1::2], strict=True))


# --- shapes, for anything with `delayed` and `compute` ----------------------------------------------------------------


def many(delayed: Callable, compute: Callable, count: int) -> Any:
    call = delayed(increment)
    return compute(*[call(i) for i in range(count)])


def chain(delayed: Callable, compute: Callable, count: int) -> Any:
    call = delayed(increment)
    value = 0
    for _ in range(count):
        value = call(value)
    return compute(value)


def tree(delayed: Callable, compute: Callable, count: int) -> Any:
    call = delayed(add)
    level: list[Any] = [delayed(increment)(i) for i in range(count)]
    while len(level) > 1:
        level = [call(a, b) for a, b in pairs(level)]
    return compute(*level)


def sleeping(delayed: Callable, compute: Callable, count: int) -> Any:
    call = delayed(doze)
    return compute(*[call(i) for i in range(count)], num_workers=WORKERS)


def lazily(module: str, shape: Callable, **options: Any) -> Callable:
    def prepare(data: Data):
        import functools
        import importlib

        library = importlib.import_module(module)
        compute = functools.partial(library.compute, **options)
        compute(library.delayed(increment)(0))
        return lambda: answer(shape(library.delayed, compute, data.count))

    return prepare


# --- the same by those who know no graphs -----------------------------------------------------------------------------


def by_executor(shape: Callable, workers: int | None = None) -> Callable:
    def prepare(data: Data):
        import os
        from concurrent.futures import ThreadPoolExecutor

        def query():
            with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
                return answer(shape(lambda function, *args: list(pool.map(function, *args)), data.count))

        return query

    return prepare


def by_joblib(shape: Callable, workers: int | None = None) -> Callable:
    def prepare(data: Data):
        import joblib

        def query():
            with joblib.Parallel(n_jobs=workers or -1, backend="threading") as pool:
                call = joblib.delayed
                return answer(
                    shape(lambda function, *args: pool(call(function)(*each) for each in zip(*args)), data.count)
                )

        return query

    return prepare


def by_loop(shape: Callable) -> Callable:
    return lambda data: lambda: answer(shape(lambda function, *args: list(map(function, *args)), data.count))


def mapped_many(apply: Callable, count: int) -> Any:
    return apply(increment, range(count))


def mapped_chain(apply: Callable, count: int) -> Any:
    value = 0
    for _ in range(count):
        (value,) = apply(increment, [value])
    return [value]


def mapped_tree(apply: Callable, count: int) -> Any:
    level = apply(increment, range(count))
    while len(level) > 1:
        level = apply(add, *zip(*pairs(level), strict=True))
    return level


def mapped_sleeping(apply: Callable, count: int) -> Any:
    return apply(doze, range(count))


def workload(
    name: str, title: str, count: int, least: int, lazy: Callable, mapped: Callable, **options: Any
) -> Workload:
    def scaled(scale: float) -> Data:
        # a power of two stays one
        size = max(int(count * scale), least)
        return Data(FOLDER, [], 1 << (size.bit_length() - 1) if count & (count - 1) == 0 else size)

    return Workload(
        name=name,
        title=title,
        data=scaled,
        keys=["count"],
        values=["total"],
        contestants={
            "dusk": lazily("dusk", lazy),
            "dusk:sync": lazily("dusk", lazy, scheduler="sync"),
            "dask": lazily("dask", lazy, scheduler="threads"),
            "dask:sync": lazily("dask", lazy, scheduler="sync"),
            "futures": by_executor(mapped, **options),
            "joblib": by_joblib(mapped, **options),
            "pandas": by_loop(mapped),
        },
    )


WORKLOADS = [
    workload("delayed_many", "50,000 calls of x + 1 that don't depend on each other", 50_000, 10, many, mapped_many),
    workload("delayed_chain", "a chain of 20,000 calls of x + 1", 20_000, 10, chain, mapped_chain),
    workload("delayed_tree", "32,768 calls of x + 1, added up in pairs: 65,535 tasks", 32_768, 8, tree, mapped_tree),
    workload(
        "delayed_sleep",
        f"200 calls that sleep {SLEEP * 1000:.0f} ms, on {WORKERS} threads: {200 * SLEEP / WORKERS:.2f} s at best",
        200,
        4,
        sleeping,
        mapped_sleeping,
        workers=WORKERS,
    ),
]
