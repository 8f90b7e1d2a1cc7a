//! The border to Python.

pub mod convert;
pub mod error;
pub mod host;
pub mod memory_source;
pub mod probe;
pub mod result;

use pyo3::prelude::*;

/// The core.
#[pymodule(gil_used = false)]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    probe::register(m)
}
