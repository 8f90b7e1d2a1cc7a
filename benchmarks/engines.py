"""The engines that take part: what to import, and a first small query that loads what each one loads late."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
from collections.abc import Callable
from dataclasses import dataclass


def warm_dusk() -> None:
    import pandas as pd

    import dusk.dataframe as dd

    dd.from_pandas(pd.DataFrame({"a": [1], "b": [2]}), npartitions=1).groupby("a").sum().compute()


def warm_dask() -> None:
    import dask.dataframe as dd
    import pandas as pd

    dd.from_pandas(pd.DataFrame({"a": [1], "b": [2]}), npartitions=1).groupby("a").sum().compute()


def warm_polars() -> None:
    import polars as pl

    frame = pl.LazyFrame({"a": [1], "b": ["x"]})
    frame.group_by("b").agg(pl.col("a").sum()).collect(engine="streaming").to_pandas()


def warm_duckdb() -> None:
    import duckdb

    duckdb.connect().execute("SELECT 'x' AS b, sum(1) AS a").df()


def warm_datafusion() -> None:
    import datafusion

    datafusion.SessionContext().sql("SELECT 'x' AS b, sum(1) AS a").to_pandas()


def warm_nothing() -> None:
    """Do nothing: a pool is made anew by each query."""


def warm_numexpr() -> None:
    import numexpr

    numexpr.evaluate("a + 1", {"a": 1.0})


def warm_pandas() -> None:
    import pandas as pd

    pd.DataFrame({"a": [1], "b": ["x"]}).groupby("b").sum()


@dataclass(frozen=True)
class Engine:
    """A package, and the query that warms it: no engine pays for its late imports inside the timed part."""

    module: str
    package: str
    warm: Callable[[], None]

    def version(self) -> str:
        """Give the version. Raises ImportError when the engine can't be used."""
        importlib.import_module(self.module)
        if not self.package:
            return platform.python_version()
        return importlib.metadata.version(self.package)


ENGINES = {
    "dusk": Engine("dusk.dataframe", "dusk", warm_dusk),
    "dask": Engine("dask.dataframe", "dask", warm_dask),
    "polars": Engine("polars", "polars", warm_polars),
    "duckdb": Engine("duckdb", "duckdb", warm_duckdb),
    "datafusion": Engine("datafusion", "datafusion", warm_datafusion),
    "futures": Engine("concurrent.futures", "", warm_nothing),  # part of Python
    "joblib": Engine("joblib", "joblib", warm_nothing),
    "pandas": Engine("pandas", "pandas", warm_pandas),
    "numpy": Engine("numpy", "numpy", warm_nothing),
    "numexpr": Engine("numexpr", "numexpr", warm_numexpr),
    "zarrs": Engine("benchmarks.zarrs_program", "", warm_nothing),  # a program of its own, in Rust
}


def engine_of(contestant: str) -> Engine:
    """Find the engine of a contestant: `polars:in-memory` is a second way to run `polars`."""
    return ENGINES[contestant.split(":")[0]]
