//! What happens around a fork: nobody holds a lock of the engine then, and the child begins names of its own.
//!
//! Threads, files and memory of the child are its own by `process`.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::py::delayed::restart_names;
use crate::sync;

#[pyfunction]
fn before_fork() {
    // With the interpreter's lock in hand: who needs that in order to let go of a lock has none of ours. Where it isn't quiet
    // in time, most likely the child won't want what is locked.
    let _ = sync::shut();
}

#[pyfunction]
fn after_fork_in_parent() {
    sync::open();
}

#[pyfunction]
fn after_fork_in_child() {
    sync::open_in_child();
    restart_names();
}

/// Asks the interpreter to call these around each fork.
///
/// # Errors
/// What importing `os` raises.
pub fn register(py: Python<'_>) -> PyResult<()> {
    let Some(register) = py.import("os")?.getattr_opt("register_at_fork")? else {
        return Ok(());
    };
    let hooks = PyDict::new(py);
    hooks.set_item("before", wrap_pyfunction!(before_fork, py)?)?;
    hooks.set_item("after_in_parent", wrap_pyfunction!(after_fork_in_parent, py)?)?;
    hooks.set_item("after_in_child", wrap_pyfunction!(after_fork_in_child, py)?)?;
    register.call((), Some(&hooks))?;
    Ok(())
}
