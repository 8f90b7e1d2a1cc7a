"""Races of dusk against Dask, Polars, DuckDB and DataFusion on the same work: ``python -m benchmarks.run``."""
