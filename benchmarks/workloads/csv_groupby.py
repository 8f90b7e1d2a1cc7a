"""CSV files, a filter, a group-by, a mean: 1 GB in 16 files, 7 columns of which 3 are used, text with quotes."""

from __future__ import annotations

from benchmarks.datasets import Data, csv_files
from benchmarks.workloads._workload import Workload

LEAST_LENGTH = 500
SQL = "SELECT category, avg(score) AS score FROM {} WHERE response_len >= 500 GROUP BY category"


def frame_program(dd, pattern: str):
    """Write the program as a user of Dask writes it; dusk runs the same lines."""
    df = dd.read_csv(pattern)
    return df[df["response_len"] >= LEAST_LENGTH].groupby("category")["score"].mean()


def dusk(data: Data):
    import dusk.dataframe as dd

    return lambda: frame_program(dd, data.pattern).compute()


def dask(data: Data):
    import dask.dataframe as dd

    return lambda: frame_program(dd, data.pattern).compute()


def polars(data: Data):
    import polars as pl

    def query():
        scan = pl.scan_csv(data.pattern).filter(pl.col("response_len") >= LEAST_LENGTH)
        means = scan.group_by("category").agg(pl.col("score").mean())
        return means.collect(engine="streaming").to_pandas()

    return query


def duckdb(data: Data):
    import duckdb

    # A connection starts an instance with its threads. That is not part of a query.
    connection = duckdb.connect()
    return lambda: connection.execute(SQL.format(f"read_csv('{data.pattern}')")).df()


def datafusion(data: Data):
    from datafusion import SessionContext

    def query():
        context = SessionContext()
        context.register_csv("t", str(data.folder) + "/")
        return context.sql(SQL.format("t")).to_pandas()

    return query


def pandas(data: Data):
    import pandas as pd

    def query():
        df = pd.concat([pd.read_csv(file) for file in data.files])
        return df[df["response_len"] >= LEAST_LENGTH].groupby("category")["score"].mean()

    return query


WORKLOAD = Workload(
    name="csv_groupby",
    title="16 CSV files, filter, mean of score by category; from the files to pandas",
    data=csv_files,
    keys=["category"],
    values=["score"],
    contestants={
        "dusk": dusk,
        "dask": dask,
        "polars": polars,
        "duckdb": duckdb,
        "datafusion": datafusion,
        "pandas": pandas,
    },
)
