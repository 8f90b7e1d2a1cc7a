"""The CSV program over data five times its memory budget. What counts is the peak memory, and that it ends.

Every engine that can be told a budget is told it; Polars and Dask's threads know none.
"""

from __future__ import annotations

from benchmarks.datasets import Data, csv_files
from benchmarks.workloads import csv_groupby
from benchmarks.workloads._workload import Workload

TIMES = 5
# Below that an engine has no room for its own buffers; matters at small scales only.
LEAST_BUDGET_MB = 64


def budget_mb(data: Data) -> int:
    """Give the budget in megabytes: 200 for 1 GB."""
    return max(data.size // TIMES // 1_000_000, LEAST_BUDGET_MB)


def dusk(data: Data):
    import dusk

    dusk.config.set({"memory.limit": f"{budget_mb(data)}MB"})
    return csv_groupby.dusk(data)


def duckdb(data: Data):
    import duckdb

    connection = duckdb.connect(config={"memory_limit": f"{budget_mb(data)}MB"})
    # With the default of 32 MB for each buffer it gives up for lack of memory.
    return lambda: connection.execute(csv_groupby.SQL.format(f"read_csv('{data.pattern}', buffer_size = 8000000)")).df()


def datafusion(data: Data):
    from datafusion import RuntimeEnvBuilder, SessionConfig, SessionContext

    def query():
        runtime = RuntimeEnvBuilder().with_disk_manager_os().with_fair_spill_pool(budget_mb(data) * 1_000_000)
        context = SessionContext(SessionConfig(), runtime)
        context.register_csv("t", str(data.folder) + "/")
        return context.sql(csv_groupby.SQL.format("t")).to_pandas()

    return query


WORKLOAD = Workload(
    name="out_of_core",
    title="the CSV program with a memory budget of a fifth of the files (200 MB for 1 GB); look at peak MB",
    data=csv_files,
    keys=csv_groupby.WORKLOAD.keys,
    values=csv_groupby.WORKLOAD.values,
    contestants={
        "dusk": dusk,
        "dask": csv_groupby.dask,
        "polars": csv_groupby.polars,
        "duckdb": duckdb,
        "datafusion": datafusion,
        "pandas": csv_groupby.pandas,
    },
)
