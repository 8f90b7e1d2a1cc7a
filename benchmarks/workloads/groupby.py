"""Group-bys of the public db-benchmark on columns that are in memory already, each engine in its own form.

Timed is the query and its way to pandas, not the loading. pandas, Dask and dusk sort the groups, as pandas does by
default; the others do not. `dusk:unsorted` does what the others do.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.datasets import Data, groupby_table
from benchmarks.workloads._workload import Prepare, Workload

PARTITIONS = 16


@dataclass(frozen=True)
class Query:
    """A group-by: keys, and an aggregate for each value column."""

    name: str
    title: str
    keys: list[str]
    aggregates: dict[str, str]

    @property
    def columns(self) -> list[str]:
        """The columns that have to be in memory."""
        return [*self.keys, *self.aggregates]

    def sql(self) -> str:
        """Write the query in SQL."""
        function = {"sum": "sum", "mean": "avg", "count": "count"}
        keys = ", ".join(self.keys)
        values = ", ".join(f"{function[how]}({column}) AS {column}" for column, how in self.aggregates.items())
        return f"SELECT {keys}, {values} FROM t GROUP BY {keys}"

    def frame(self, df, **options):
        """Write the query as a user of pandas does."""
        return df.groupby(self.keys, **options).agg(self.aggregates)


QUERIES = [
    Query("groupby_q1", "sum of v1 by id1 (100 strings)", ["id1"], {"v1": "sum"}),
    Query("groupby_q2", "sum of v1 by id1, id2 (100 x 100 strings)", ["id1", "id2"], {"v1": "sum"}),
    Query("groupby_q3", "sum of v1, mean of v3 by id3 (100,000 strings)", ["id3"], {"v1": "sum", "v3": "mean"}),
    Query(
        "groupby_q5", "sums of v1, v2, v3 by id6 (100,000 integers)", ["id6"], dict.fromkeys(("v1", "v2", "v3"), "sum")
    ),
    Query(
        "groupby_q10",
        "sum of v3, count of v1 by all six keys (nearly as many groups as rows)",
        ["id1", "id2", "id3", "id4", "id5", "id6"],
        {"v3": "sum", "v1": "count"},
    ),
]


def read_pandas(data: Data, query: Query):
    import pandas as pd

    return pd.read_parquet(data.files[0], columns=query.columns)


def contestants(query: Query) -> dict[str, Prepare]:
    """Give the ways to run a query."""

    def dusk(data: Data, **options):
        import dusk.dataframe as dd

        df = dd.from_pandas(read_pandas(data, query), npartitions=PARTITIONS).persist()
        return lambda: query.frame(df, **options).compute()

    def dask(data: Data):
        import dask.dataframe as dd

        df = dd.from_pandas(read_pandas(data, query), npartitions=PARTITIONS).persist()
        return lambda: query.frame(df).compute()

    def polars(data: Data, engine: str = "streaming"):
        import polars as pl

        df = pl.read_parquet(data.files[0], columns=query.columns)
        values = [getattr(pl.col(column), how)() for column, how in query.aggregates.items()]
        return lambda: df.lazy().group_by(query.keys).agg(values).collect(engine=engine).to_pandas()

    def duckdb(data: Data):
        import duckdb

        connection = duckdb.connect()
        connection.execute(f"CREATE TABLE t AS SELECT {', '.join(query.columns)} FROM read_parquet('{data.pattern}')")
        return lambda: connection.execute(query.sql()).df()

    def datafusion(data: Data):
        from datafusion import SessionContext

        context = SessionContext()
        context.register_view("t", context.read_parquet(str(data.files[0])).select(*query.columns).cache())
        return lambda: context.sql(query.sql()).to_pandas()

    def pandas(data: Data):
        df = read_pandas(data, query)
        return lambda: query.frame(df)

    return {
        "dusk": dusk,
        "dusk:unsorted": lambda data: dusk(data, sort=False),
        "dask": dask,
        "polars": polars,
        "polars:in-memory": lambda data: polars(data, engine="in-memory"),
        "duckdb": duckdb,
        "datafusion": datafusion,
        "pandas": pandas,
    }


WORKLOADS = [
    Workload(
        name=query.name,
        title=query.title,
        data=groupby_table,
        keys=query.keys,
        values=list(query.aggregates),
        contestants=contestants(query),
    )
    for query in QUERIES
]
