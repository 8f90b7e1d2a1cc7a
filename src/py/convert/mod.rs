//! Between pandas, NumPy and Python on one side and chunks on the other.
//!
//! Answers: `pandas` takes pandas objects apart, `assemble` makes them of chunks (`prepare` and `fill` without Python), `numpy` lends memory in both directions,
//! `arrow` exchanges arrays with pyarrow, `dtype`, `label` and `scalar` translate the words. The pandas calls themselves are
//! in `dusk.dataframe._assemble`. Does not cover objects and functions of users (`py::host`).
//!
//! Invariants: what a user holds is never written by the engine; what the user may write is never read by it again, save
//! memory that pandas' copy-on-write doesn't watch (see `pandas`).

pub mod arrow;
pub mod assemble;
pub mod dtype;
pub mod fill;
pub mod label;
mod levels;
pub mod numpy;
pub mod pandas;
mod prepare;
pub mod scalar;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;

pub use assemble::{chunk_to_pandas, frame_to_pandas, schema_to_meta};
pub use pandas::frame_from_pandas;

/// The Python half of the border.
pub(crate) fn helper(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static HELPER: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    HELPER
        .get_or_try_init(py, || Ok(py.import("dusk.dataframe._assemble")?.unbind()))
        .map(|module| module.bind(py))
}

/// Calls a function of the Python half.
pub(crate) fn call<'py, A>(py: Python<'py>, name: &str, args: A) -> PyResult<Bound<'py, PyAny>>
where
    A: pyo3::call::PyCallArgs<'py>,
{
    helper(py)?.getattr(name)?.call1(args)
}

/// The class `name` of pandas.
pub(crate) fn pandas_class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import(intern!(py, "pandas"))?.getattr(name)
}

/// Whether `object` is an instance of the pandas class `name`.
pub(crate) fn is_pandas(object: &Bound<'_, PyAny>, name: &str) -> PyResult<bool> {
    object.is_instance(&pandas_class(object.py(), name)?)
}
