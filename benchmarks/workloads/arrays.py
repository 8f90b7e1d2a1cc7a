"""Arrays in memory: elementwise chains, standardising, a sum with the transpose, top scores, a stencil, tiny chunks.

What is timed goes from the expression to its value; the input is made, and handed to the engine, before. The answer is
the number of elements of the result and their sum. `numpy` has the whole array at once and gives the answer that the
others must give; `numexpr`, where it is installed, takes part in what it has functions for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.datasets import FOLDER, Data
from benchmarks.workloads._workload import Workload

QUERIES = 16
WIDTH = 768


@dataclass(frozen=True)
class Program:
    """A computation, written once for all libraries with NumPy's interface, or for a library where they differ."""

    name: str
    title: str
    # Length of an axis of the (square) input at scale 1; its number of elements goes with the scale.
    side: int
    chunk: int
    lazy: Callable[[Any, list[Any]], Any]
    at_once: Callable[[Any, list[Any]], Any] | None = None
    numexpr: Callable[[Any, list[Any]], Any] | None = None
    inputs: Callable[[Any, int], list[Any]] | None = None
    # Chunks of the inputs where they aren't squares.
    chunks: tuple[int, int] | None = None
    # Decimals of the answer that all must agree in; None for nearly all.
    decimals: int | None = None


def elementwise(np: Any, arrays: list[Any]) -> Any:
    x, y = arrays
    return (np.sin(x) ** 2 + np.cos(x + y) * 0.5 - np.sqrt(abs(y - 3))).mean(axis=0)


def elementwise_numexpr(numexpr: Any, arrays: list[Any]) -> Any:
    x, y = arrays
    return numexpr.evaluate("sin(x)**2 + cos(x + y)*0.5 - sqrt(abs(y - 3))", {"x": x, "y": y}).mean(axis=0)


def standardise(np: Any, arrays: list[Any]) -> Any:
    (x,) = arrays
    return (((x - x.mean(axis=0)) / x.std(axis=0)) ** 2).sum()


def standardise_numexpr(numexpr: Any, arrays: list[Any]) -> Any:
    (x,) = arrays
    return numexpr.evaluate("sum(((x - m) / s)**2)", {"x": x, "m": x.mean(axis=0), "s": x.std(axis=0)})


def transposed(np: Any, arrays: list[Any]) -> Any:
    (x,) = arrays
    return (x + x.T)[::2, x.shape[0] * 5 // 16 :].mean(axis=1)


def transposed_numexpr(numexpr: Any, arrays: list[Any]) -> Any:
    (x,) = arrays
    return numexpr.evaluate("x + y", {"x": x, "y": x.T})[::2, x.shape[0] * 5 // 16 :].mean(axis=1)


def scores(np: Any, arrays: list[Any]) -> Any:
    x, queries = arrays
    return (x @ queries.T) / np.linalg.norm(x, axis=1, keepdims=True)


def top_scores(np: Any, arrays: list[Any]) -> Any:
    return np.topk(scores(np, arrays), 10, axis=0)


def top_scores_at_once(np: Any, arrays: list[Any]) -> Any:
    return np.partition(scores(np, arrays), -10, axis=0)[-10:]


def embeddings(np: Any, side: int) -> list[Any]:
    generator = np.random.default_rng(1)
    rows = max(side * side // WIDTH, 64)
    return [generator.random(shape, dtype="float32") - 0.5 for shape in ((rows, WIDTH), (QUERIES, WIDTH))]


def neighbours(block: Any) -> Any:
    """Mean of each element and its four neighbours; at the edge of the block they are left out."""
    out = block.copy()
    inner = out[1:-1, 1:-1]
    inner += block[:-2, 1:-1]
    inner += block[2:, 1:-1]
    inner += block[1:-1, :-2]
    inner += block[1:-1, 2:]
    inner *= 0.2
    return out


def stencil(np: Any, arrays: list[Any]) -> Any:
    (x,) = arrays
    return np.map_overlap(neighbours, x, depth=1, boundary="none")


def stencil_at_once(np: Any, arrays: list[Any]) -> Any:
    return neighbours(arrays[0])


def tiny_chunks(np: Any, arrays: list[Any]) -> Any:
    return (arrays[0] + 1).sum()


def tiny_chunks_numexpr(numexpr: Any, arrays: list[Any]) -> Any:
    return numexpr.evaluate("sum(x + 1)", {"x": arrays[0]})


def one(np: Any, side: int) -> list[Any]:
    return [np.random.default_rng(1).random((side, side))]


def two(np: Any, side: int) -> list[Any]:
    generator = np.random.default_rng(1)
    return [generator.random((side, side)), generator.random((side, side))]


PROGRAMS = [
    Program(
        "array_elementwise",
        "(sin(x)**2 + cos(x + y)*0.5 - sqrt(abs(y - 3))).mean(axis=0) on 16,000 x 16,000",
        16_000,
        1000,
        elementwise,
        numexpr=elementwise_numexpr,
        inputs=two,
    ),
    Program(
        "array_standardise",
        "(((x - x.mean(0)) / x.std(0))**2).sum() on 16,000 x 16,000",
        16_000,
        1000,
        standardise,
        numexpr=standardise_numexpr,
    ),
    Program(
        "array_transposed",
        "(x + x.T)[::2, 5000:].mean(axis=1) on 16,000 x 16,000",
        16_000,
        1000,
        transposed,
        numexpr=transposed_numexpr,
    ),
    Program(
        "array_top_scores",
        "top 10 cosine scores of 500,000 x 768 float32 against 16 queries",
        19_600,
        10_000,
        top_scores,
        at_once=top_scores_at_once,
        inputs=embeddings,
        chunks=(10_000, WIDTH),
        decimals=3,
    ),
    Program(
        "array_stencil",
        "5-point stencil by map_overlap on 8,000 x 8,000",
        8_000,
        1000,
        stencil,
        at_once=stencil_at_once,
    ),
    Program(
        "array_tiny_chunks",
        "(x + 1).sum() over 40,000 chunks of 100 x 100",
        20_000,
        100,
        tiny_chunks,
        numexpr=tiny_chunks_numexpr,
    ),
]


def workload(program: Program) -> Workload:
    """Make the race of a program."""

    def given(data: Data) -> list[Any]:
        import numpy as np

        return (program.inputs or one)(np, data.count)

    def answer(value: Any) -> Any:
        import numpy as np
        import pandas as pd

        total = float(np.sum(value, dtype="float64"))
        if program.decimals is not None:
            total = round(total, program.decimals)
        return pd.DataFrame({"count": [int(np.size(value))], "total": [total]})

    def lazily(module: str) -> Callable:
        def prepare(data: Data):
            library = importlib.import_module(f"{module}.array")
            chunks = program.chunks or (program.chunk, program.chunk)
            arrays = [library.from_array(each, chunks=chunks) for each in given(data)]
            return lambda: answer(program.lazy(library, arrays).compute(scheduler="threads"))

        return prepare

    def at_once(name: str, function: Callable) -> Callable:
        def prepare(data: Data):
            library, arrays = importlib.import_module(name), given(data)
            return lambda: answer(function(library, arrays))

        return prepare

    contestants = {
        "dusk": lazily("dusk"),
        "dask": lazily("dask"),
        "numpy": at_once("numpy", program.at_once or program.lazy),
    }
    if program.numexpr:
        contestants["numexpr"] = at_once("numexpr", program.numexpr)
    return Workload(
        name=program.name,
        title=program.title,
        data=lambda scale: Data(FOLDER, [], max(int(program.side * scale**0.5), 32)),
        keys=["count"],
        values=["total"],
        contestants=contestants,
        check="numpy",
    )


WORKLOADS = [workload(program) for program in PROGRAMS]
