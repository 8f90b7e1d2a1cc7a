//! Errors across the border: [`Error`] to a Python exception by kind, and a Python exception to [`Error`].
//!
//! A user's exception goes through untouched: the same object comes out, with its own type and traceback; only notes are
//! added to it. Invariant: a note is added once, also when one error is raised twice.

use std::sync::Arc;

use pyo3::exceptions::{
    PyException, PyIndexError, PyKeyError, PyKeyboardInterrupt, PyMemoryError, PyNotImplementedError,
    PyOSError, PyOverflowError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::{Error, Kind};

pyo3::create_exception!(
    _core,
    NotNative,
    PyException,
    "No native kernel does this: the caller takes the pandas path. Never reaches a user."
);

/// The Python exception of an error, its notes added with `add_note`.
#[must_use]
pub fn to_pyerr(py: Python<'_>, error: &Error) -> PyErr {
    let exception = match error.kind() {
        Kind::Value => PyValueError::new_err(text(error)),
        Kind::Type => PyTypeError::new_err(text(error)),
        Kind::Key => PyKeyError::new_err(text(error)),
        Kind::Index => PyIndexError::new_err(text(error)),
        Kind::Overflow => PyOverflowError::new_err(text(error)),
        Kind::Parse => of_pandas(py, "ParserError", text(error)),
        Kind::Empty => of_pandas(py, "EmptyDataError", text(error)),
        Kind::Decode => decode_error(py, error),
        Kind::NotImplemented => PyNotImplementedError::new_err(text(error)),
        Kind::NotNative => NotNative::new_err(text(error)),
        Kind::Memory => PyMemoryError::new_err(text(error)),
        Kind::Os => os_error(error),
        Kind::Cancelled => PyKeyboardInterrupt::new_err(text(error)),
        Kind::Retyped | Kind::Internal => PyRuntimeError::new_err(text(error)),
        Kind::Host => match error.host_exception().and_then(|e| e.downcast_ref::<PyErr>()) {
            Some(exception) => exception.clone_ref(py),
            None => PyRuntimeError::new_err(text(error)),
        },
    };
    add_notes(py, &exception, error.notes());
    exception
}

/// The error of a Python exception: [`Kind::NotNative`] for our own refusal, else the exception itself.
#[must_use]
pub fn from_pyerr(py: Python<'_>, exception: PyErr) -> Error {
    if exception.is_instance_of::<NotNative>(py) {
        return Error::not_native(exception.value(py).to_string());
    }
    let message = exception.to_string();
    Error::host(Arc::new(exception), message)
}

/// Like [`from_pyerr`], for `map_err` while attached.
pub fn host(py: Python<'_>) -> impl Fn(PyErr) -> Error + Copy + '_ {
    move |exception| from_pyerr(py, exception)
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        Python::attach(|py| to_pyerr(py, &error))
    }
}

/// The message; a path goes in where the exception class has no place for it.
fn text(error: &Error) -> String {
    match error.path() {
        Some(path) => format!("{}: {}", error.message(), path.display()),
        None => error.message().to_string(),
    }
}

/// An exception of a class in `pandas.errors`.
fn of_pandas(py: Python<'_>, class: &str, message: String) -> PyErr {
    let made = py
        .import("pandas.errors")
        .and_then(|module| module.getattr(class))
        .and_then(|class| class.call1((message,)));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// Python's own words for the bytes, and the place after them.
fn decode_error(py: Python<'_>, error: &Error) -> PyErr {
    let bytes = error.undecoded().unwrap_or_default();
    let decoded = py
        .import("codecs")
        .and_then(|codecs| codecs.call_method1("decode", (PyBytes::new(py, bytes), "utf-8")));
    let Err(exception) = decoded else {
        return PyValueError::new_err(text(error));
    };
    let value = exception.value(py);
    let reworded = value
        .getattr("reason")
        .and_then(|reason| value.setattr("reason", format!("{reason}: {}", text(error))));
    reworded.err().unwrap_or(exception)
}

fn os_error(error: &Error) -> PyErr {
    match (error.errno(), error.path()) {
        // `OSError(errno, text, file)` makes the subclass, such as FileNotFoundError, by itself.
        (Some(errno), Some(path)) => {
            PyOSError::new_err((errno, system_text(error, errno), path.display().to_string()))
        }
        (Some(errno), None) => PyOSError::new_err((errno, system_text(error, errno))),
        _ => PyOSError::new_err(text(error)),
    }
}

/// Rust ends a system error's text with the number, which Python puts in front.
fn system_text(error: &Error, errno: i32) -> String {
    let message = error.message();
    message
        .strip_suffix(&format!(" (os error {errno})"))
        .unwrap_or(message)
        .to_string()
}

fn add_notes(py: Python<'_>, exception: &PyErr, notes: &[String]) {
    if notes.is_empty() {
        return;
    }
    let value = exception.value(py);
    let present: Vec<String> = value
        .getattr("__notes__")
        .and_then(|notes| notes.extract())
        .unwrap_or_default();
    for note in notes.iter().filter(|note| !present.contains(note)) {
        // An exception class may refuse attributes; the exception itself matters more than its note.
        let _ = value.call_method1("add_note", (note,));
    }
}
