"""Arrays on disk: embeddings normalised, standardised, and cut into columns, from one Zarr array to another.

The array is five times as large as the memory that `dusk:300MB` may use. `numpy` stands for NumPy with the package
zarr, which has the whole array at once. `zarrs` is the bare crate in a program of its own: it reads all chunks on all
cores, and writes them again as they are where the others write; its memory isn't seen. The figure beside the time is
the peak memory.
"""

from __future__ import annotations

import functools
import importlib
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.datasets import Data, embeddings
from benchmarks.workloads._workload import Prepare, Workload

BUDGET = "300MB"


# --- the programs, for arrays of Dask's interface ---------------------------------------------------------------------


def normalised(da: Any, x: Any) -> Any:
    return x / da.linalg.norm(x, axis=1, keepdims=True)


def standardised(da: Any, x: Any) -> Any:
    return (x - x.mean(axis=0)) / x.std(axis=0)


def smoothed(da: Any, x: Any) -> Any:
    return da.map_overlap(moving_mean, x, depth={0: 1, 1: 0}, boundary="nearest", dtype="f4")


def moving_mean(block: Any) -> Any:
    """Give the mean of each row and its two neighbours; what is computed for the first and the last is cut off."""
    import numpy as np

    out = block.copy()
    np.add(block[:-2], block[1:-1], out=out[1:-1])
    out[1:-1] += block[2:]
    out[1:-1] /= np.float32(3)
    return out


def as_columns(da: Any, x: Any) -> Any:
    return x.rechunk({0: x.shape[0] // 4 + 1, 1: 16})


# --- the same for a whole NumPy array ---------------------------------------------------------------------------------


def standardised_at_once(np: Any, x: Any) -> Any:
    # As NumPy adds rows up in float32, its own mean of so many is off in the fourth digit.
    mean, std = (getattr(x, name)(axis=0, dtype="f8").astype("f4") for name in ("mean", "std"))
    return (x - mean) / std


def smoothed_at_once(np: Any, x: Any) -> Any:
    import numpy

    return moving_mean(numpy.concatenate([x[:1], x, x[-1:]]))[1:-1]


def as_it_is(np: Any, x: Any) -> Any:
    return x


# --- contestants ------------------------------------------------------------------------------------------------------


def checked(folder: tempfile.TemporaryDirectory) -> Any:
    """Tell what was written: its size, and a sum over it, to six digits, as float32 is rounded in different orders."""
    import numpy as np
    import pandas as pd
    import zarr

    z = zarr.open_array(Path(folder.name) / "out.zarr", mode="r")
    step = z.chunks[0]
    total = sum(np.abs(z[at : at + step]).sum(dtype="f8") for at in range(0, z.shape[0], step))
    folder.cleanup()
    return pd.DataFrame({"count": [z.shape[0]], "total": [float(f"{total:.6g}")]})


def output(data: Data) -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(dir=data.folder.parent, prefix="out-")


def lazily(module: str, program: Callable, options: dict[str, Any], budget: str | None = None) -> Prepare:
    def prepare(data: Data):
        da = importlib.import_module(f"{module}.array")
        if budget:
            importlib.import_module(module).config.set({"memory.limit": budget})
        folder = output(data)

        def query():
            program(da, da.from_zarr(str(data.folder / "x.zarr"))).to_zarr(folder.name + "/out.zarr", **options)
            return functools.partial(checked, folder)

        return query

    return prepare


def at_once(program: Callable, options: dict[str, Any]) -> Prepare:
    def prepare(data: Data):
        import numpy as np
        import zarr

        folder = output(data)
        settings = {"chunks": "auto", **options}

        def query():
            source = zarr.open_array(data.folder / "x.zarr", mode="r")
            result = program(np, source[:])
            if "chunks" not in options:
                settings["chunks"] = source.chunks
            z = zarr.create_array(folder.name + "/out.zarr", shape=result.shape, dtype=result.dtype, **settings)
            z[:] = result
            return functools.partial(checked, folder)

        return query

    return prepare


def bare(writes: bool) -> Prepare:
    def prepare(data: Data):
        import pandas as pd

        from benchmarks.zarrs_program import PROGRAM

        folder = output(data)
        command = [str(PROGRAM), str(data.folder / "x.zarr"), *([folder.name + "/out.zarr"] if writes else [])]

        def query():
            subprocess.run(command, check=True, env=os.environ)
            return functools.partial(pd.DataFrame, {"count": [], "total": []})

        return query

    return prepare


def contestants(program: Callable, options: dict[str, Any], whole: Callable | None = None) -> dict[str, Prepare]:
    return {
        "dusk": lazily("dusk", program, options),
        f"dusk:{BUDGET}": lazily("dusk", program, options, BUDGET),
        "dask": lazily("dask", program, options),
        "zarrs:read": bare(writes=False),
        "zarrs:copy": bare(writes=True),
        "numpy": at_once(whole or program, options),
    }


RAW: dict[str, Any] = {"compressors": None}


def workload(name: str, title: str, form: str, program: Callable, options: dict[str, Any], **more: Any) -> Workload:
    return Workload(
        name=name,
        title=title,
        data=embeddings(form),
        keys=["count"],
        values=["total"],
        contestants=contestants(program, options, **more),
        unchecked=("zarrs",),
        check="numpy",
    )


WORKLOADS = [
    workload("zarr_normalise", "x / norm(x, axis=1), Zarr to Zarr, uncompressed", "raw", normalised, RAW),
    workload("zarr_normalise_zstd", "x / norm(x, axis=1), Zarr to Zarr, zstd", "zstd", normalised, {}),
    workload(
        "zarr_normalise_blosc",
        "x / norm(x, axis=1), rows cut over chunks, Zarr 2 with blosc to uncompressed",
        "blosc",
        normalised,
        RAW,
    ),
    workload(
        "zarr_standardise",
        "(x - x.mean(0)) / x.std(0), Zarr to Zarr, uncompressed",
        "raw",
        standardised,
        RAW,
        whole=standardised_at_once,
    ),
    workload(
        "zarr_overlap",
        "mean of each row and its neighbours by map_overlap, Zarr to Zarr, uncompressed",
        "raw",
        smoothed,
        RAW,
        whole=smoothed_at_once,
    ),
    workload(
        "zarr_to_columns",
        "rechunk from rows to columns, Zarr to Zarr, uncompressed",
        "raw",
        as_columns,
        RAW,
        whole=as_it_is,
    ),
]
