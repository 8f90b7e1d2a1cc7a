//! Chunks of a frame or series as an Arrow stream (`__arrow_c_stream__`), without a copy of numbers and text.
//!
//! The stream is what pyarrow makes of the pandas object: index levels come after the columns, a range index that goes on
//! through all partitions is only told in the metadata, labels that aren't text become text, and the NaN of NumPy's floats is
//! missing. Differs in width only: a categorical has 32-bit codes, all text of pandas has 64-bit offsets. Refused with [`crate::error::Kind::NotNative`]: chunks
//! that are pandas objects, and kinds other than frame and series.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Field, Float32Type, Float64Type, Schema};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyList};
use pyo3_arrow::{PyChunkedArray, PyTable};

use crate::chunk::{Batch, Chunk, IndexData};
use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::kernels::decode::plain_levels;
use crate::py::compute::PyChunk;
use crate::py::convert::arrow::cast;
use crate::py::convert::assemble::joined;
use crate::py::convert::schema_to_meta;
use crate::py::node::PyNode;
use crate::schema::{Column, FrameKind, FrameSchema, IndexSchema};

/// The key of the metadata that says what pandas object a table was.
const PANDAS: &str = "pandas";

/// The capsule of an Arrow stream over the chunks of a node's partitions. The stream keeps them alive.
#[pyfunction]
#[pyo3(signature = (node, chunks, requested_schema=None))]
pub fn arrow_stream<'py>(
    py: Python<'py>,
    node: &Bound<'py, PyNode>,
    chunks: Vec<Bound<'py, PyChunk>>,
    requested_schema: Option<Bound<'py, PyCapsule>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let chunks = chunks
        .iter()
        .map(|chunk| chunk.get().get())
        .collect::<Result<Vec<_>>>()?;
    // what was read may have turned out wider than what was planned: the chunks know
    let own = chunks.iter().find_map(|chunk| match chunk {
        Chunk::Frame(frame) => Some(frame.schema.clone()),
        Chunk::Array(_) | Chunk::Arrays(_) | Chunk::Host(_) | Chunk::State(_) => None,
    });
    let planned = node.get().0.schema.clone();
    let schema = own
        .or(planned)
        .ok_or_else(|| Error::not_native("an Arrow stream of objects"))?;
    let batches = batches_of(chunks)?;
    let stream = match schema.kind {
        FrameKind::Frame => {
            let range = if matches!(schema.index, IndexSchema::Range { .. }) {
                unbroken(&batches)
            } else {
                None
            };
            let schema = if range.is_some() {
                FrameSchema::clone(&schema)
            } else {
                schema.with_levels()
            };
            let described = described_by_pyarrow(py, &schema, range)?;
            let (arrow_schema, batches) = py.detach(|| record_batches(&schema, batches, described))?;
            Bound::new(py, PyTable::try_new(batches, arrow_schema)?)?.into_any()
        }
        FrameKind::Series => {
            let (field, parts) = py.detach(|| series_parts(&schema, batches))?;
            Bound::new(py, PyChunkedArray::try_new(parts, field)?)?.into_any()
        }
        FrameKind::Index | FrameKind::Scalar => {
            return Err(Error::not_native("an Arrow stream of an index or a scalar").into());
        }
    };
    let capsule = stream.call_method1(intern!(py, "__arrow_c_stream__"), (requested_schema,))?;
    Ok(capsule.cast_into()?)
}

fn batches_of(chunks: Vec<Chunk>) -> Result<Vec<Batch>> {
    let mut batches = Vec::new();
    for chunk in chunks {
        match chunk {
            Chunk::Frame(frame) => {
                for batch in &frame.batches {
                    batches.push(plain_levels(&frame.schema, batch)?.into_owned());
                }
            }
            Chunk::Array(_) | Chunk::Arrays(_) | Chunk::Host(_) | Chunk::State(_) => {
                return Err(Error::not_native("an Arrow stream of pandas objects"));
            }
        }
    }
    Ok(batches)
}

/// Start, stop and step of the range that the batches' indexes are together, if they are one.
fn unbroken(batches: &[Batch]) -> Option<(i64, i64, i64)> {
    let ranges = batches.iter().map(|batch| match batch.index {
        IndexData::Range { start, step } => Some((start, step, i64::try_from(batch.len).ok()?)),
        IndexData::Levels(_) => None,
    });
    joined(&ranges.collect::<Option<Vec<_>>>()?)
}

/// The names that pyarrow gives to the columns and written-out index levels of the pandas object, and the metadata by which
/// `Table.to_pandas` gives it back. An object that pyarrow refuses, such as one with a label twice, is refused here as well.
fn described_by_pyarrow(
    py: Python<'_>,
    schema: &FrameSchema,
    range: Option<(i64, i64, i64)>,
) -> PyResult<(Vec<String>, String)> {
    let meta = schema_to_meta(py, schema)?;
    let described = py
        .import(intern!(py, "pyarrow"))?
        .getattr(intern!(py, "Schema"))?
        .call_method1(intern!(py, "from_pandas"), (meta,))?;
    let names: Vec<String> = described.getattr(intern!(py, "names"))?.extract()?;
    let metadata = described.getattr(intern!(py, "metadata"))?;
    let json = py.import(intern!(py, "json"))?;
    let text = metadata.get_item(PyBytes::new(py, PANDAS.as_bytes()))?;
    let pandas = json.call_method1(intern!(py, "loads"), (text,))?;
    if let Some((start, stop, step)) = range {
        let levels = pandas.get_item(intern!(py, "index_columns"))?;
        if let Ok(level) = levels.cast::<PyList>()?.get_item(0)?.cast::<PyDict>() {
            level.set_item(intern!(py, "start"), start)?;
            level.set_item(intern!(py, "stop"), stop)?;
            level.set_item(intern!(py, "step"), step)?;
        }
    }
    let text: String = json.call_method1(intern!(py, "dumps"), (pandas,))?.extract()?;
    Ok((names, text))
}

fn field_of(name: String, dtype: &Dtype) -> Result<Field> {
    let data_type = dtype
        .arrow()
        .ok_or_else(|| Error::not_native(format!("an Arrow stream of dtype {}", dtype.name())))?;
    // a fixed offset goes without the letters that pandas puts in front
    let data_type = match data_type {
        DataType::Timestamp(unit, Some(zone)) if zone.starts_with("UTC+") || zone.starts_with("UTC-") => {
            DataType::Timestamp(unit, Some(zone[3..].into()))
        }
        other => other,
    };
    let ordered = matches!(dtype, Dtype::Category(categories) if categories.ordered);
    Ok(Field::new(name, data_type, true).with_dict_is_ordered(ordered))
}

fn record_batches(
    schema: &FrameSchema,
    batches: Vec<Batch>,
    (names, metadata): (Vec<String>, String),
) -> Result<(Arc<Schema>, Vec<RecordBatch>)> {
    let levels: &[Column] = match &schema.index {
        IndexSchema::Range { .. } => &[],
        IndexSchema::Levels(levels) => levels,
    };
    let dtypes: Vec<&Dtype> = schema
        .columns
        .iter()
        .chain(levels)
        .map(|column| &column.dtype)
        .collect();
    if names.len() != dtypes.len() {
        return Err(Error::internal("pyarrow names other columns than the frame has"));
    }
    let fields = names
        .into_iter()
        .zip(&dtypes)
        .map(|(name, dtype)| field_of(name, dtype))
        .collect::<Result<Vec<_>>>()?;
    let arrow_schema = Arc::new(Schema::new_with_metadata(
        fields,
        [(PANDAS.to_string(), metadata)].into(),
    ));
    let batches = batches
        .into_iter()
        .map(|batch| {
            let written = if levels.is_empty() {
                Vec::new()
            } else {
                batch.index_levels()
            };
            let arrays = batch
                .columns
                .into_iter()
                .chain(written)
                .zip(&dtypes)
                .zip(arrow_schema.fields())
                .map(|((array, dtype), field)| outgoing(array, dtype, field.data_type()))
                .collect::<Result<Vec<_>>>()?;
            let options = RecordBatchOptions::new().with_row_count(Some(batch.len));
            let schema = arrow_schema.clone();
            Ok(RecordBatch::try_new_with_options(schema, arrays, &options)?)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok((arrow_schema, batches))
}

fn series_parts(schema: &FrameSchema, batches: Vec<Batch>) -> Result<(Arc<Field>, Vec<ArrayRef>)> {
    let [column] = schema.columns.as_slice() else {
        return Err(Error::internal("a series of more than one column"));
    };
    let field = field_of(String::new(), &column.dtype)?;
    let parts = batches
        .into_iter()
        .flat_map(|batch| batch.columns)
        .map(|array| outgoing(array, &column.dtype, field.data_type()))
        .collect::<Result<Vec<_>>>()?;
    Ok((Arc::new(field), parts))
}

/// The array as others know it: of the dtype's own Arrow type, and NumPy's NaN missing.
fn outgoing(array: ArrayRef, dtype: &Dtype, data_type: &DataType) -> Result<ArrayRef> {
    let array = cast(array, data_type)?;
    Ok(match (dtype, data_type) {
        (Dtype::Numpy(_), DataType::Float64) => nan_as_missing::<Float64Type>(array, f64::is_nan),
        (Dtype::Numpy(_), DataType::Float32) => nan_as_missing::<Float32Type>(array, f32::is_nan),
        _ => array,
    })
}

fn nan_as_missing<T: ArrowPrimitiveType>(array: ArrayRef, is_nan: impl Fn(T::Native) -> bool) -> ArrayRef {
    let floats = array.as_primitive::<T>();
    let values = floats.values();
    if !values.iter().any(|&value| is_nan(value)) {
        return array;
    }
    let present = NullBuffer::new(BooleanBuffer::collect_bool(values.len(), |row| {
        !is_nan(values[row])
    }));
    let nulls = NullBuffer::union(floats.nulls(), Some(&present));
    Arc::new(PrimitiveArray::<T>::new(values.clone(), nulls))
}
