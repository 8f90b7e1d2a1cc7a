//! The border to Python: the only place that knows pyo3.

#![allow(
    missing_docs,
    reason = "the macros of pyo3 make public items that nobody sees"
)]

mod array;
mod arrow;
mod build;
mod by_pandas;
mod compute;
pub mod convert;
mod copies;
mod csv;
mod csv_fallback;
mod delayed;
mod error;
mod events;
mod files;
mod forks;
mod host;
mod host_rows;
mod indexed_source;
mod memory_source;
mod node;
mod plans;
mod reader_source;
mod remote;
mod result;
mod retype;
mod row_calls;
mod wire;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use super::array::build::{
        array_blocks, array_cast, array_concat, array_elementwise, array_from_numpy, array_join,
        array_reduce, array_view, content_token,
    };
    #[pymodule_export]
    use super::array::kernels::{array_contract, array_pick, array_points, array_scan, hold_blas, use_blas};
    #[pymodule_export]
    use super::array::zarr::{PyZarrArray, PyZarrWriter, zarr_document, zarr_reads, zarr_write_grid};
    #[pymodule_export]
    use super::arrow::arrow_stream;
    #[pymodule_export]
    use super::build::{call, concat, from_chunks, from_pandas, source, value};
    #[pymodule_export]
    use super::compute::{
        PyChunk, PyProgress, assemble, compute, execute, idle_bytes, remove_spill_folder, worker_idents,
    };
    #[pymodule_export]
    use super::copies::{beginnings, copied, exchanged, inputs_of};
    #[pymodule_export]
    use super::csv::scan_csv;
    #[pymodule_export]
    use super::delayed::{
        Build, DelayedBase, DelayedCall, DelayedObject, Input, delay, pure_by_default, restored, unique_name,
    };
    #[pymodule_export]
    use super::error::NotNative;
    #[pymodule_export]
    use super::indexed_source::scan_with_index;
    #[pymodule_export]
    use super::node::PyNode;
    #[pymodule_export]
    use super::plans::{optimize, steps, tier_counts};
    #[pymodule_export]
    use super::reader_source::scan_reader;
    #[pymodule_export]
    use super::wire::{one_partition, read_node, run_task};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::forks::register(module.py())?;
        module.add("task_events", true)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("__debug_build__", cfg!(debug_assertions))
    }
}
