//! Arrow arrays in and out through the C data interface, without copying.
//!
//! Covers single arrays to and from pyarrow. Whole frames as streams are in `py::arrow`.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, MutableArrayData, make_array, new_empty_array};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::datatypes::{DataType, Field};
use pyo3::prelude::*;
use pyo3_arrow::input::AnyArray;
use pyo3_arrow::{PyChunkedArray, PyDataType};

use crate::dtype::Dtype;
use crate::error::{Error, Result};

/// The arrays of a pyarrow array or chunked array, cast to `data_type` when they hold the same values otherwise.
///
/// # Errors
/// When `object` isn't an Arrow array or can't be cast.
pub fn import(object: &Bound<'_, PyAny>, data_type: &DataType) -> PyResult<Vec<ArrayRef>> {
    let (chunks, _) = object.extract::<AnyArray>()?.into_chunked_array()?.into_inner();
    chunks
        .into_iter()
        .map(|chunk| cast(chunk, data_type).map_err(PyErr::from))
        .collect()
}

/// `array` as `data_type`.
///
/// # Errors
/// When it can't be cast.
pub fn cast(array: ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    if array.data_type() == data_type {
        return Ok(array);
    }
    Ok(arrow::compute::cast(&array, data_type)?)
}

/// The parts as one array.
///
/// # Errors
/// When they differ in type or `dtype` is a host dtype.
pub fn one_array(parts: Vec<ArrayRef>, dtype: &Dtype) -> Result<ArrayRef> {
    if !parts.is_empty() {
        return join(parts);
    }
    let data_type = dtype
        .arrow()
        .ok_or_else(|| Error::internal("a host dtype has no Arrow array"))?;
    Ok(new_empty_array(&data_type))
}

/// The parts, at least one, as one array.
///
/// # Errors
/// When they differ in type.
pub fn join(mut parts: Vec<ArrayRef>) -> Result<ArrayRef> {
    if parts.len() == 1
        && let Some(only) = parts.pop()
    {
        return Ok(only);
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    Ok(arrow::compute::concat(&parts)?)
}

/// A copy of `array` that keeps no more memory alive than it uses.
///
/// # Errors
/// Never for well-formed arrays.
pub fn compact(array: &ArrayRef) -> Result<ArrayRef> {
    let data = array.to_data();
    let mut copy = MutableArrayData::new(vec![&data], false, data.len());
    copy.try_extend(0, 0, data.len())?;
    Ok(make_array(copy.freeze()))
}

/// An array of fixed-width values over one buffer.
///
/// # Errors
/// When the buffer is too short.
pub fn array_data(
    data_type: DataType,
    len: usize,
    buffer: Buffer,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let data = ArrayData::builder(data_type)
        .len(len)
        .add_buffer(buffer)
        .nulls(nulls)
        .build()?;
    Ok(make_array(data))
}

/// A pyarrow chunked array of the parts.
///
/// # Errors
/// When pyarrow can't read them.
pub fn to_pyarrow<'py>(
    py: Python<'py>,
    parts: Vec<ArrayRef>,
    data_type: &DataType,
) -> PyResult<Bound<'py, PyAny>> {
    let field = Arc::new(Field::new("", data_type.clone(), true));
    PyChunkedArray::try_new(parts, field)?.into_pyarrow(py)
}

/// The pyarrow type.
///
/// # Errors
/// When pyarrow doesn't know it.
pub fn type_to_pyarrow<'py>(py: Python<'py>, data_type: &DataType) -> PyResult<Bound<'py, PyAny>> {
    PyDataType::new(data_type.clone()).into_pyarrow(py)
}
