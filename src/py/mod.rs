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
    let probe = PyModule::new(m.py(), "_probe")?;
    probe::register(&probe)?;
    m.add_submodule(&probe)?;
    m.add("NotNative", m.py().get_type::<error::NotNative>())
}
