"""Frames: the API of `dask.dataframe` on dusk's engine."""

from __future__ import annotations

from dusk.dataframe._arrays import from_array, from_dask_array
from dusk.dataframe._map import from_map, map_partitions
from dusk.dataframe._meta import make_meta
from dusk.dataframe._overlap import map_overlap
from dusk.dataframe._pivot import crosstab, get_dummies
from dusk.dataframe._top import isna, melt, pivot_table, repartition, to_datetime, to_numeric, to_timedelta
from dusk.dataframe.frame import DataFrame
from dusk.dataframe.groupby import Aggregation, DataFrameGroupBy, GroupBy, SeriesGroupBy
from dusk.dataframe.index import Index
from dusk.dataframe.io.csv import read_csv, read_fwf, read_table
from dusk.dataframe.io.delayed import from_delayed
from dusk.dataframe.io.pandas import from_dict, from_pandas
from dusk.dataframe.multi import concat, merge, merge_asof
from dusk.dataframe.scalar import Scalar
from dusk.dataframe.series import Series
from dusk.dataframe.utils import assert_eq

from dusk.base import compute  # isort: skip
from dusk.dataframe import extensions  # isort: skip  # noqa: F401, as in Dask: `dd.extensions` without another import

__all__ = [
    "Aggregation",
    "DataFrame",
    "DataFrameGroupBy",
    "GroupBy",
    "Index",
    "Scalar",
    "Series",
    "SeriesGroupBy",
    "assert_eq",
    "compute",
    "concat",
    "crosstab",
    "from_array",
    "from_dask_array",
    "from_delayed",
    "from_dict",
    "from_map",
    "from_pandas",
    "get_dummies",
    "isna",
    "make_meta",
    "map_overlap",
    "map_partitions",
    "melt",
    "merge",
    "merge_asof",
    "pivot_table",
    "read_csv",
    "read_fwf",
    "read_table",
    "repartition",
    "to_datetime",
    "to_numeric",
    "to_timedelta",
]
