//! Labels of columns and index levels: any hashable Python object.
//!
//! Invariant: `to_python(from_python(x))` equals `x` and hashes alike. Plain Python and NumPy values become words of the
//! engine; everything else (timestamps, enums, named tuples, text that isn't Unicode) is kept as the object.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString, PyTuple};

use crate::error::Error;
use crate::py::host::PyHostValue;
use crate::schema::Label;

/// The label that `object` is.
///
/// # Errors
/// When the object isn't hashable.
pub fn from_python(object: &Bound<'_, PyAny>) -> PyResult<Label> {
    if object.is_none() {
        return Ok(Label::None);
    }
    if object.is_exact_instance_of::<PyBool>() {
        return Ok(Label::Bool(object.extract()?));
    }
    if object.is_exact_instance_of::<PyInt>() {
        if let Ok(value) = object.extract() {
            return Ok(Label::Int(value));
        }
    } else if object.is_exact_instance_of::<PyFloat>() {
        return Ok(Label::Float(object.extract::<f64>()?.to_bits()));
    } else if let Ok(text) = object.cast_exact::<PyString>() {
        if let Ok(text) = text.to_cow() {
            return Ok(Label::str(&text));
        }
    } else if let Ok(tuple) = object.cast_exact::<PyTuple>() {
        let items = tuple
            .iter()
            .map(|item| from_python(&item))
            .collect::<PyResult<Vec<_>>>()?;
        return Ok(Label::Tuple(items.into()));
    } else if is_numpy_integer(object)?
        && let Ok(value) = object.extract()
    {
        return Ok(Label::Int(value));
    }
    object.hash()?;
    let text: Arc<str> = object
        .str()
        .and_then(|text| text.to_str().map(Arc::from))
        .unwrap_or_else(|_| "<label>".into());
    Ok(Label::Host(text, Arc::new(PyHostValue::new(object))))
}

fn is_numpy_integer(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = object.py();
    object.is_instance(&py.import("numpy")?.getattr("integer")?)
}

/// The Python object that `label` stands for.
///
/// # Errors
/// When a kept object isn't Python's.
pub fn to_python<'py>(py: Python<'py>, label: &Label) -> PyResult<Bound<'py, PyAny>> {
    Ok(match label {
        Label::None => py.None().into_bound(py),
        Label::Bool(value) => PyBool::new(py, *value).to_owned().into_any(),
        Label::Int(value) => value.into_pyobject(py)?.into_any(),
        Label::Float(bits) => PyFloat::new(py, f64::from_bits(*bits)).into_any(),
        Label::Str(text) => PyString::new(py, text).into_any(),
        Label::Tuple(items) => {
            let items = items
                .iter()
                .map(|item| to_python(py, item))
                .collect::<PyResult<Vec<_>>>()?;
            PyTuple::new(py, items)?.into_any()
        }
        Label::Host(_, value) => PyHostValue::object(py, value.as_ref())
            .ok_or_else(|| Error::internal("a label that isn't a Python object"))?,
    })
}

/// The labels of a Python sequence.
///
/// # Errors
/// When one isn't hashable.
pub fn list_from_python(objects: &Bound<'_, PyAny>) -> PyResult<Vec<Label>> {
    objects.try_iter()?.map(|object| from_python(&object?)).collect()
}

/// The Python objects of several labels.
///
/// # Errors
/// When a kept object isn't Python's.
pub fn list_to_python<'py>(py: Python<'py>, labels: &[Label]) -> PyResult<Vec<Bound<'py, PyAny>>> {
    labels.iter().map(|label| to_python(py, label)).collect()
}
