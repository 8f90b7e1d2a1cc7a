//! What a function of the user returned, held against the schema that was promised, as a chunk.
//!
//! Native schemas: the result must have the promised columns in the promised order; dtypes are cast where no value changes
//! (integers to floats that hold them exactly, either storage of text, units of time); anything else is an error that names
//! the column. An empty result takes the schema's dtypes, as in Dask. Host schemas: the pandas object itself.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray};
use arrow::datatypes::Int32Type;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::chunk::{Batch, Chunk, FrameChunk, IndexData};
use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::py::convert::assemble::kind_number;
use crate::py::convert::pandas::{Apart, Rows, array_from_pandas, take_apart};
use crate::py::convert::{arrow as exchange, call, dtype, schema_to_meta};
use crate::py::host::PyHostValue;
use crate::schema::{Column, FrameKind, FrameSchema, IndexSchema};

/// The chunk of a result that should have this schema.
///
/// # Errors
/// `ValueError` when columns or dtypes differ, `TypeError` when the result is of another kind.
pub fn chunk_from_result(result: &Bound<'_, PyAny>, schema: &Arc<FrameSchema>) -> PyResult<Chunk> {
    let py = result.py();
    let kind = kind_number(schema.kind);
    if schema.is_host() {
        let result = match schema.kind {
            FrameKind::Frame | FrameKind::Series => {
                call(py, "conform_host", (result, schema_to_meta(py, schema)?, kind))?
            }
            FrameKind::Index | FrameKind::Scalar => result.clone(),
        };
        return Ok(Chunk::Host(Arc::new(PyHostValue::new(&result))));
    }
    if schema.kind == FrameKind::Scalar {
        return scalar_chunk(result, schema);
    }
    let apart = match take_apart(result) {
        Ok(apart) if apart.len == 0 && apart.schema.kind == schema.kind => {
            return Ok(Chunk::Frame(Arc::new(FrameChunk::empty(schema.clone())?)));
        }
        Ok(apart) if matches(&apart, schema) => apart,
        // Not pandas, or not as promised: the Python half casts or says what is wrong.
        _ => take_apart(&call(py, "conform", (result, schema_to_meta(py, schema)?, kind))?)?,
    };
    if !matches(&apart, schema) {
        let shown = |columns: &[Column]| {
            let columns = columns
                .iter()
                .map(|column| format!("{}: {}", column.name, column.dtype.name()));
            columns.collect::<Vec<_>>().join(", ")
        };
        return Err(Error::value(format!(
            "the computed data ({}) does not fit the provided metadata ({})",
            shown(&apart.schema.columns),
            shown(&schema.columns)
        ))
        .into());
    }
    let columns: Vec<usize> = (0..schema.columns.len()).collect();
    let batches = apart
        .batches(&columns)?
        .into_iter()
        .map(|batch| refit(batch, schema));
    let chunk = FrameChunk::new(schema.clone(), batches.collect::<Result<_>>()?)?;
    Ok(Chunk::Frame(Arc::new(chunk)))
}

/// The chunk of a result whose dtypes (and labels, unless `labels` are promised) are only expected: what doesn't fit stays a
/// pandas object.
///
/// # Errors
/// `ValueError` when columns differ, `TypeError` when the result is of another kind.
pub fn likely_chunk(result: &Bound<'_, PyAny>, schema: &Arc<FrameSchema>, labels: bool) -> PyResult<Chunk> {
    let py = result.py();
    if schema.is_host() || matches!(schema.kind, FrameKind::Index | FrameKind::Scalar) {
        return chunk_from_result(result, schema);
    }
    let meta = schema_to_meta(py, schema)?;
    let kind = kind_number(schema.kind);
    match chunk_from_result(result, schema) {
        Err(error) if error.is_instance_of::<PyValueError>(py) => {
            let object = if labels {
                call(py, "conform_host", (result, meta, kind))?
            } else {
                result.clone()
            };
            Ok(Chunk::Host(Arc::new(PyHostValue::new(&object))))
        }
        other => other,
    }
}

/// Whether columns and index are as promised. A range may stand for an unwritten integer index.
fn matches(apart: &Apart, schema: &FrameSchema) -> bool {
    if apart.schema.kind != schema.kind || apart.schema.columns != schema.columns {
        return false;
    }
    match (&apart.schema.index, &schema.index) {
        _ if schema.kind == FrameKind::Index => true,
        (IndexSchema::Range { .. }, IndexSchema::Levels(levels)) => {
            matches!(levels.as_slice(), [level] if level.dtype == Dtype::Numpy(NumpyType::Int64))
        }
        (IndexSchema::Levels(a), IndexSchema::Levels(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.dtype == b.dtype)
        }
        (IndexSchema::Range { .. }, IndexSchema::Range { .. }) => matches!(apart.index, Rows::Range { .. }),
        (IndexSchema::Levels(_), IndexSchema::Range { .. }) => false,
    }
}

/// The batch with the schema's kind of index and the schema's own categories, so that all partitions share them.
fn refit(batch: Batch, schema: &FrameSchema) -> Result<Batch> {
    let len = batch.len;
    let index = match (&schema.index, &batch.index) {
        (IndexSchema::Levels(columns), _) => {
            let levels = batch.index_levels();
            IndexData::Levels(shared_categories(levels, columns)?)
        }
        (IndexSchema::Range { .. }, IndexData::Range { .. }) => batch.index.clone(),
        (IndexSchema::Range { .. }, IndexData::Levels(_)) if schema.kind == FrameKind::Index => {
            IndexData::Range { start: 0, step: 1 }
        }
        (IndexSchema::Range { .. }, IndexData::Levels(_)) => {
            return Err(Error::internal("a written-out index where a range was promised"));
        }
    };
    let columns = shared_categories(batch.columns, &schema.columns)?;
    Ok(Batch { index, columns, len })
}

fn shared_categories(arrays: Vec<ArrayRef>, columns: &[Column]) -> Result<Vec<ArrayRef>> {
    let share = |(array, column): (ArrayRef, &Column)| -> Result<ArrayRef> {
        let Dtype::Category(categories) = &column.dtype else {
            return Ok(array);
        };
        match array.as_dictionary_opt::<Int32Type>() {
            Some(codes) => {
                let codes = codes.keys().clone();
                Ok(Arc::new(DictionaryArray::try_new(
                    codes,
                    categories.values.clone(),
                )?))
            }
            None => Ok(array),
        }
    };
    arrays.into_iter().zip(columns).map(share).collect()
}

fn scalar_chunk(result: &Bound<'_, PyAny>, schema: &Arc<FrameSchema>) -> PyResult<Chunk> {
    let py = result.py();
    let [column] = schema.columns.as_slice() else {
        return Err(Error::internal("a scalar of more than one column").into());
    };
    let wanted = dtype::to_python(py, &column.dtype)?;
    let array = call(py, "one_value", (result, wanted))?;
    let (_, parts) = array_from_pandas(&array, None)?;
    let parts = parts.ok_or_else(|| Error::internal("a scalar of a host dtype"))?;
    let array = exchange::one_array(parts, &column.dtype)?;
    if array.len() != 1 {
        return Err(Error::value("the function should return a single value").into());
    }
    let batch = Batch {
        index: IndexData::Range { start: 0, step: 1 },
        columns: vec![array],
        len: 1,
    };
    Ok(Chunk::Frame(Arc::new(FrameChunk::new(
        schema.clone(),
        vec![batch],
    )?)))
}
