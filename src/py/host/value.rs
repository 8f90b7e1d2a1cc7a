//! A Python object as the engine sees it: its size, its content hash, its bytes.
//!
//! Invariant: dropping one needs no interpreter.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::error::Result;
use crate::host::{HostLoader, HostRef, HostValue};
use crate::py::convert::call;
use crate::py::error::from_pyerr;
use crate::sync;
use crate::token::{Token, Tokenizer};

/// A Python object.
pub struct PyHostValue {
    _entered: EnterAtEnd,
    object: Py<PyAny>,
    nbytes: usize,
    /// Most results are never asked for it, and there may be a million.
    token: OnceLock<Box<Token>>,
    _left: LeaveAtEnd,
}

/// Fields are dropped in their order. An object that is dropped without the interpreter's lock goes to a list with a lock of
/// pyo3's, which nobody shall hold at a fork.
#[derive(Default)]
struct EnterAtEnd;

impl Drop for EnterAtEnd {
    fn drop(&mut self) {
        sync::enter();
    }
}

#[derive(Default)]
struct LeaveAtEnd;

impl Drop for LeaveAtEnd {
    fn drop(&mut self) {
        sync::leave();
    }
}

impl PyHostValue {
    /// The object with its size, estimated now.
    #[must_use]
    pub fn new(object: &Bound<'_, PyAny>) -> Self {
        Self {
            _entered: EnterAtEnd,
            object: object.clone().unbind(),
            nbytes: nbytes(object, 2),
            token: OnceLock::new(),
            _left: LeaveAtEnd,
        }
    }

    /// The Python object in `value`, when that is one.
    #[must_use]
    pub fn object<'py>(py: Python<'py>, value: &dyn HostValue) -> Option<Bound<'py, PyAny>> {
        let value = value.as_any().downcast_ref::<Self>()?;
        Some(value.object.bind(py).clone())
    }
}

impl fmt::Debug for PyHostValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PyHostValue")
            .field("nbytes", &self.nbytes)
            .finish_non_exhaustive()
    }
}

impl HostValue for PyHostValue {
    fn nbytes(&self) -> usize {
        self.nbytes
    }

    fn token(&self) -> Token {
        // Computed outside the cell: two threads that need it at once must not wait for each other with the lock of the
        // interpreter in hand.
        if let Some(token) = self.token.get() {
            return **token;
        }
        let token = Box::new(Python::attach(|py| object_token(self.object.bind(py))));
        **self.token.get_or_init(|| token)
    }

    fn known_token(&self) -> Option<Token> {
        self.token.get().map(|token| **token)
    }

    fn with_token(&self, token: Token) -> HostRef {
        Arc::new(Self {
            _entered: EnterAtEnd,
            object: Python::attach(|py| self.object.clone_ref(py)),
            nbytes: self.nbytes,
            token: OnceLock::from(Box::new(token)),
            _left: LeaveAtEnd,
        })
    }

    fn dump(&self) -> Result<Vec<u8>> {
        Python::attach(|py| pickle(self.object.bind(py)).map_err(|error| from_pyerr(py, error)))
    }

    fn loader(&self) -> Arc<dyn HostLoader> {
        Arc::new(PickleLoader)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Makes Python objects of pickles.
#[derive(Debug)]
struct PickleLoader;

impl HostLoader for PickleLoader {
    fn load(&self, bytes: &[u8]) -> Result<HostRef> {
        Python::attach(|py| {
            let load = || -> PyResult<HostRef> {
                let object = py
                    .import(intern!(py, "pickle"))?
                    .call_method1(intern!(py, "loads"), (PyBytes::new(py, bytes),))?;
                Ok(Arc::new(PyHostValue::new(&object)))
            };
            load().map_err(|error| from_pyerr(py, error))
        })
    }
}

/// The pickle of an object, by cloudpickle when plain pickle can't or would refer to `__main__`, which another process
/// doesn't have.
fn pickle(object: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let py = object.py();
    let dumps = |module: &str| -> PyResult<Vec<u8>> {
        let kwargs = PyDict::new(py);
        kwargs.set_item(intern!(py, "protocol"), 5)?;
        let bytes = py
            .import(module)?
            .getattr(intern!(py, "dumps"))?
            .call((object,), Some(&kwargs))?;
        Ok(bytes.cast::<PyBytes>()?.as_bytes().to_vec())
    };
    match dumps("pickle") {
        Ok(bytes) if memchr::memmem::find(&bytes, b"__main__").is_none() => Ok(bytes),
        _ => dumps("cloudpickle"),
    }
}

/// The content hash of an object: by `dusk.tokenize`, else of its pickle, else a unique one.
fn object_token(object: &Bound<'_, PyAny>) -> Token {
    let py = object.py();
    let mut t = Tokenizer::new();
    let tokenize = py
        .import(intern!(py, "dusk"))
        .and_then(|dusk| dusk.getattr(intern!(py, "tokenize")));
    let text = tokenize.and_then(|tokenize| tokenize.call1((object,))?.extract::<String>());
    match text {
        Ok(text) => t.number(0).text(&text),
        Err(_) => match pickle(object) {
            Ok(bytes) => t.number(1).bytes(&bytes),
            Err(_) => return unique_token(),
        },
    };
    t.finish()
}

/// A token that no other content has.
fn unique_token() -> Token {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |time| time.as_nanos() as u64);
    let mut t = Tokenizer::new();
    t.text("unique")
        .number(u64::from(std::process::id()))
        .number(now)
        .number(COUNT.fetch_add(1, Ordering::Relaxed));
    t.finish()
}

/// Whether the class of `object` comes from the package `name`, which is not imported for it.
fn is_from(object: &Bound<'_, PyAny>, name: &str) -> bool {
    let module = object
        .get_type()
        .module()
        .and_then(|module| module.extract::<String>());
    module.is_ok_and(|module| {
        module == name
            || module
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// Whether `object` is pandas' own DataFrame, Series or Index.
pub(super) fn is_pandas(object: &Bound<'_, PyAny>) -> bool {
    is_from(object, "pandas") && object.hasattr("memory_usage").unwrap_or(false)
}

/// The size of the commonest results, which are small: asking Python takes longer than many a function.
pub(super) fn small_nbytes(object: &Bound<'_, PyAny>) -> Option<usize> {
    if object.is_none() || object.is_exact_instance_of::<PyBool>() {
        return Some(0);
    }
    if object.is_exact_instance_of::<PyInt>() || object.is_exact_instance_of::<PyFloat>() {
        return Some(32);
    }
    if object.is_exact_instance_of::<PyString>() {
        // the common case of one byte for each character; the exact size of a text that counts is asked for
        return object.len().ok().filter(|len| *len < 256).map(|len| 56 + len);
    }
    None
}

/// Sees to it that an interrupt which came while we asked for something that may fail isn't lost with the answer.
fn not_lost(py: Python<'_>, error: &PyErr) {
    if error.is_instance_of::<pyo3::exceptions::PyKeyboardInterrupt>(py) {
        // SAFETY: it only notes that the signal has come, and may be called with or without the interpreter's lock.
        unsafe { pyo3::ffi::PyErr_SetInterrupt() };
    }
}

/// Bytes that an object keeps alive, estimated: exact for NumPy, sampled for objects in pandas and containers.
fn nbytes(object: &Bound<'_, PyAny>, depth: usize) -> usize {
    const SAMPLE: usize = 50;
    let py = object.py();
    if let Some(size) = small_nbytes(object) {
        return size;
    }
    let own = py
        .import(intern!(py, "sys"))
        .and_then(|sys| sys.call_method1(intern!(py, "getsizeof"), (object, 64)))
        .and_then(|size| size.extract::<usize>());
    if is_pandas(object) {
        match call(py, "nbytes", (object,)).and_then(|size| size.extract::<usize>()) {
            Ok(size) => return size,
            Err(error) => not_lost(py, &error),
        }
    }
    if is_from(object, "numpy") || is_from(object, "pyarrow") {
        let size = object
            .getattr(intern!(py, "nbytes"))
            .and_then(|size| size.extract::<usize>());
        return size.or(own).unwrap_or(64);
    }
    let own = own.unwrap_or(64);
    if depth == 0 || object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>() {
        return own;
    }
    let items: Vec<Bound<'_, PyAny>> = if let Ok(list) = object.cast_exact::<PyList>() {
        list.iter().take(SAMPLE).collect()
    } else if let Ok(tuple) = object.cast_exact::<PyTuple>() {
        tuple.iter().take(SAMPLE).collect()
    } else if let Ok(dict) = object.cast_exact::<PyDict>() {
        dict.iter().map(|(_, value)| value).take(SAMPLE).collect()
    } else {
        return own;
    };
    if items.is_empty() {
        return own;
    }
    let sampled: usize = items.iter().map(|item| nbytes(item, depth - 1)).sum();
    let len = object.len().unwrap_or(items.len());
    own + (sampled as f64 / items.len() as f64 * len as f64) as usize
}
