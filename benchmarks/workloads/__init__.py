"""The work of the races. A new workload is a file that makes a `Workload`, and a line in `ALL`."""

from __future__ import annotations

from benchmarks.workloads import array_linalg, array_storage, arrays, csv_groupby, delayed_calls, groupby, out_of_core
from benchmarks.workloads._workload import Workload

ALL: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        csv_groupby.WORKLOAD,
        *groupby.WORKLOADS,
        out_of_core.WORKLOAD,
        *delayed_calls.WORKLOADS,
        *arrays.WORKLOADS,
        *array_linalg.WORKLOADS,
        *array_storage.WORKLOADS,
    )
}
