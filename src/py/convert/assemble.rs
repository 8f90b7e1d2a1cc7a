//! Chunks to pandas objects: what `compute()` returns and what users' functions are given.
//!
//! All partitions are written straight into the final NumPy memory, in parallel and detached from Python. A column in one
//! batch whose memory this call holds the last reference to is handed over without a copy. Text and Arrow columns become
//! pyarrow arrays over the same memory. Host chunks are joined by pandas.
//!
//! Invariant: what comes out is the caller's alone and writeable; no chunk that lives on shares memory with it that pandas
//! can write (pyarrow's memory is immutable).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::buffer::MutableBuffer;
use pyo3::prelude::*;

use crate::chunk::{Chunk, FrameChunk, IndexData};
use crate::dtype::Dtype;
use crate::error::Error;
use crate::py::convert::prepare::{Form, Item, prepare};
use crate::py::convert::{arrow as exchange, call, dtype, label, numpy};
use crate::py::host::PyHostValue;
use crate::schema::{FrameKind, FrameSchema, IndexSchema, Label};

/// The pandas object of all partitions, one after another. Takes the chunks, so that memory which nobody else holds is
/// handed over.
///
/// # Errors
/// [`crate::error::Kind::Internal`] when a chunk doesn't fit the schema; pandas' own errors.
pub fn frame_to_pandas<'py>(
    py: Python<'py>,
    schema: &FrameSchema,
    chunks: Vec<Chunk>,
) -> PyResult<Bound<'py, PyAny>> {
    to_pandas(py, schema, chunks, true)
}

/// The pandas object of one partition. The chunk lives on, so its memory is copied. Runs on the calling thread alone.
///
/// # Errors
/// As [`frame_to_pandas`].
pub fn chunk_to_pandas<'py>(
    py: Python<'py>,
    schema: &FrameSchema,
    chunk: &Chunk,
) -> PyResult<Bound<'py, PyAny>> {
    to_pandas(py, schema, vec![chunk.clone()], false)
}

/// The empty pandas object of this schema: columns, dtypes, index, names, attrs. For a scalar, some value of its dtype.
///
/// # Errors
/// When pandas refuses a dtype.
pub fn schema_to_meta<'py>(py: Python<'py>, schema: &FrameSchema) -> PyResult<Bound<'py, PyAny>> {
    let labels = schema
        .columns
        .iter()
        .map(|column| label::to_python(py, &column.name));
    let dtypes = schema
        .columns
        .iter()
        .map(|column| dtype::to_python(py, &column.dtype));
    let names = label::list_to_python(py, &schema.axis_names)?;
    let index = match &schema.index {
        IndexSchema::Range { name } => (label::to_python(py, name)?,).into_pyobject(py)?.into_any(),
        IndexSchema::Levels(levels) => {
            let names = levels.iter().map(|level| label::to_python(py, &level.name));
            let dtypes = levels.iter().map(|level| dtype::to_python(py, &level.dtype));
            let names = names.collect::<PyResult<Vec<_>>>()?;
            let dtypes = dtypes.collect::<PyResult<Vec<_>>>()?;
            (names, dtypes).into_pyobject(py)?.into_any()
        }
    };
    let args = (
        kind_number(schema.kind),
        labels.collect::<PyResult<Vec<_>>>()?,
        names,
        dtypes.collect::<PyResult<Vec<_>>>()?,
        index,
        extras(py, schema)?,
    );
    call(py, "meta", args)
}

/// A pandas `Index` of one Arrow array.
pub(super) fn array_to_index<'py>(
    py: Python<'py>,
    array: &ArrayRef,
    dtype: &Dtype,
) -> PyResult<Bound<'py, PyAny>> {
    let column = Item {
        dtype,
        parts: vec![array.clone()],
        grouped: false,
    };
    let mut made = make(py, vec![column], array.len(), false)?;
    let array = made.pop().map(|(array, _)| array);
    call(py, "build_index", (vec![array], vec![py.None()], py.None()))
}

/// The number by which the Python half knows a kind.
pub(crate) fn kind_number(kind: FrameKind) -> u8 {
    match kind {
        FrameKind::Frame => 0,
        FrameKind::Series => 1,
        FrameKind::Index => 2,
        FrameKind::Scalar => 3,
    }
}

fn extras<'py>(py: Python<'py>, schema: &FrameSchema) -> PyResult<Bound<'py, PyAny>> {
    match &schema.attrs {
        None => Ok(py.None().into_bound(py)),
        Some(value) => PyHostValue::object(py, value.as_ref())
            .ok_or_else(|| Error::internal("attrs that aren't a Python object").into()),
    }
}

fn to_pandas<'py>(
    py: Python<'py>,
    schema: &FrameSchema,
    chunks: Vec<Chunk>,
    parallel: bool,
) -> PyResult<Bound<'py, PyAny>> {
    if chunks.is_empty() {
        return schema_to_meta(py, schema);
    }
    if chunks.iter().any(|chunk| !matches!(chunk, Chunk::Frame(_))) {
        return host_to_pandas(py, schema, chunks);
    }
    let mut frames = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        if let Chunk::Frame(frame) = chunk {
            frames.push(frame);
        }
    }
    native_to_pandas(py, schema, frames, parallel)
}

/// Pandas objects joined by pandas; native partitions among them become pandas objects first.
fn host_to_pandas<'py>(
    py: Python<'py>,
    schema: &FrameSchema,
    chunks: Vec<Chunk>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut objects = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        objects.push(match chunk {
            Chunk::Host(value) => PyHostValue::object(py, value.as_ref())
                .ok_or_else(|| Error::internal("a host chunk that isn't a Python object"))?,
            Chunk::Frame(frame) => {
                let own = frame.schema.clone();
                native_to_pandas(py, &own, vec![frame], false)?
            }
            Chunk::Array(_) | Chunk::Arrays(_) => {
                return Err(Error::internal("an array among the partitions of a frame").into());
            }
        });
    }
    call(
        py,
        "concat",
        (objects, kind_number(schema.kind), extras(py, schema)?),
    )
}

fn native_to_pandas<'py>(
    py: Python<'py>,
    schema: &FrameSchema,
    frames: Vec<Arc<FrameChunk>>,
    parallel: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let grouped = schema.kind == FrameKind::Frame;
    let mut columns: Vec<Item<'_>> = schema
        .columns
        .iter()
        .map(|column| Item::new(&column.dtype, grouped))
        .collect();
    let with_index = matches!(schema.kind, FrameKind::Frame | FrameKind::Series);
    let level_columns: &[_] = match &schema.index {
        IndexSchema::Levels(levels) if with_index => levels,
        _ => &[],
    };
    let mut levels: Vec<Item<'_>> = level_columns
        .iter()
        .map(|level| Item::new(&level.dtype, false))
        .collect();
    let mut ranges = Vec::new();
    let mut rows = 0;
    for frame in frames {
        // The last reference gives its batches away; otherwise they are shared, and their memory will be copied.
        let batches = match Arc::try_unwrap(frame) {
            Ok(frame) => frame.batches,
            Err(shared) => shared.batches.clone(),
        };
        for batch in batches {
            if batch.columns.len() != columns.len() {
                return Err(Error::internal("a batch has other columns than the schema").into());
            }
            rows += batch.len;
            for (item, array) in columns.iter_mut().zip(batch.columns) {
                item.parts.push(array);
            }
            match batch.index {
                IndexData::Range { start, step } => ranges.push((start, step, batch.len as i64)),
                IndexData::Levels(arrays) => {
                    for (item, array) in levels.iter_mut().zip(arrays) {
                        item.parts.push(array);
                    }
                }
            }
        }
    }
    let width = columns.len();
    columns.append(&mut levels);
    let made = make(py, columns, rows, parallel)?;
    let (blocks, levels): (Vec<_>, Vec<_>) =
        made.into_iter().partition(|(_, positions)| positions[0] < width);
    let extras = extras(py, schema)?;
    let only = |blocks: Vec<(Bound<'py, PyAny>, Vec<usize>)>| {
        let mut blocks = blocks.into_iter();
        match (blocks.next(), blocks.next()) {
            (Some((array, _)), None) => Ok(array),
            _ => Err(Error::internal(
                "a series, index or scalar of more than one column",
            )),
        }
    };
    match schema.kind {
        FrameKind::Frame => {
            let index = index_to_pandas(py, schema, &ranges, levels, &extras)?;
            let names = schema
                .columns
                .iter()
                .map(|column| label::to_python(py, &column.name));
            let names = names.collect::<PyResult<Vec<_>>>()?;
            let axis_names = label::list_to_python(py, &schema.axis_names)?;
            call(py, "build_frame", (blocks, index, names, axis_names, extras))
        }
        FrameKind::Series => {
            let index = index_to_pandas(py, schema, &ranges, levels, &extras)?;
            let name = label::to_python(py, &schema.columns[0].name)?;
            call(py, "build_series", (only(blocks)?, index, name, extras))
        }
        FrameKind::Index => {
            let name = label::to_python(py, &schema.columns[0].name)?;
            call(py, "build_index", (vec![only(blocks)?], vec![name], extras))
        }
        FrameKind::Scalar if rows == 1 => call(py, "scalar", (only(blocks)?,)),
        FrameKind::Scalar => Err(Error::internal(format!("a scalar of {rows} rows")).into()),
    }
}

/// The index of the result. Ranges that go on from batch to batch stay a range, as in `pd.concat`; others are written out.
fn index_to_pandas<'py>(
    py: Python<'py>,
    schema: &FrameSchema,
    ranges: &[(i64, i64, i64)],
    levels: Vec<(Bound<'py, PyAny>, Vec<usize>)>,
    extras: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    match &schema.index {
        IndexSchema::Range { name } => {
            let name = label::to_python(py, name)?;
            if let Some((start, stop, step)) = joined(ranges) {
                return call(py, "build_range", (start, stop, step, name));
            }
            let total: i64 = ranges.iter().map(|(.., len)| len).sum();
            let mut buffer = MutableBuffer::new(total as usize * 8);
            for (start, step, len) in ranges {
                for position in 0..*len {
                    buffer.push(start + position * step);
                }
            }
            let values = call(py, "numpy_array", (numpy::lend(py, buffer)?, "int64"))?;
            call(py, "build_index", (vec![values], vec![name], py.None()))
        }
        IndexSchema::Levels(columns) => {
            let names: Vec<Label> = columns.iter().map(|level| level.name.clone()).collect();
            let arrays: Vec<_> = levels.into_iter().map(|(array, _)| array).collect();
            call(
                py,
                "build_index",
                (arrays, label::list_to_python(py, &names)?, extras),
            )
        }
    }
}

/// The one range `(start, stop, step)` that the ranges `(start, step, len)` make up, by pandas' rules: an empty range says
/// nothing, and a single value has any step.
pub(crate) fn joined(ranges: &[(i64, i64, i64)]) -> Option<(i64, i64, i64)> {
    let mut found: Option<(i64, i64)> = None;
    let mut step: Option<i64> = None;
    let mut single_step = 1;
    for &(start, own, len) in ranges.iter().filter(|(.., len)| *len > 0) {
        let Some((first, next)) = found else {
            single_step = own;
            if len > 1 {
                step = Some(own);
            }
            found = Some((start, start + own * len));
            continue;
        };
        // A step that isn't known yet means that there was one value only: any step leads on from it.
        let next = if step.is_none() { start } else { next };
        let step = *step.get_or_insert(start - first);
        if step == 0 || start != next || (len > 1 && own != step) {
            return None;
        }
        found = Some((first, start + step * len));
    }
    match found {
        Some((first, next)) => Some((first, next, step.unwrap_or(single_step))),
        None => ranges
            .first()
            .map(|&(start, step, _)| (start, start, step))
            .or(Some((0, 0, 1))),
    }
}

/// The pandas arrays of `items`, each with the positions that it covers.
fn make<'py>(
    py: Python<'py>,
    items: Vec<Item<'_>>,
    rows: usize,
    parallel: bool,
) -> PyResult<Vec<(Bound<'py, PyAny>, Vec<usize>)>> {
    let dtypes: Vec<&Dtype> = items.iter().map(|item| item.dtype).collect();
    let (values, masks, mut forms) = py.detach(|| prepare(items, rows, parallel))?;
    let mut masks: hashbrown::HashMap<usize, MutableBuffer> = masks
        .into_iter()
        .map(|target| (target.positions[0], target.buffer))
        .collect();
    let mut made = Vec::new();
    for target in values {
        let position = target.positions[0];
        let memory = numpy::lend(py, target.buffer)?;
        let array = match &forms[position] {
            Form::Numpy(kind) => call(py, "numpy_array", (memory, kind.name()))?,
            Form::Masked => {
                let mask = masks
                    .remove(&position)
                    .ok_or_else(|| Error::internal("a mask is missing"))?;
                let dtype = dtype::to_python(py, dtypes[position])?;
                call(py, "masked_array", (memory, numpy::lend(py, mask)?, dtype))?
            }
            Form::Codes(codes) => {
                let dtype = dtype::to_python(py, dtypes[position])?;
                call(py, "categorical_array", (memory, *codes, dtype))?
            }
            Form::Datetimetz => call(
                py,
                "datetimetz_array",
                (memory, dtype::to_python(py, dtypes[position])?),
            )?,
            Form::Arrow(..) => return Err(Error::internal("memory for an Arrow column").into()),
        };
        made.push((array, target.positions));
    }
    for (position, form) in forms.iter_mut().enumerate() {
        if let Form::Arrow(parts, data_type) = form {
            let data = exchange::to_pyarrow(py, std::mem::take(parts), data_type)?;
            let array = call(py, "arrow_array", (data, dtype::to_python(py, dtypes[position])?))?;
            made.push((array, vec![position]));
        }
    }
    made.sort_by_key(|(_, positions)| positions[0]);
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn ranges_that_go_on_are_one() {
        assert_eq!(joined(&[(0, 1, 3), (3, 1, 2)]), Some((0, 5, 1)));
        assert_eq!(joined(&[(0, 1, 3), (9, 1, 0), (3, 1, 2)]), Some((0, 5, 1)));
        assert_eq!(joined(&[(5, -1, 2), (3, -1, 2)]), Some((5, 1, -1)));
        assert_eq!(joined(&[(4, 7, 1)]), Some((4, 11, 7)));
    }

    #[test]
    fn a_single_value_has_any_step() {
        assert_eq!(joined(&[(0, 1, 1), (2, 1, 1), (4, 1, 1)]), Some((0, 6, 2)));
        assert_eq!(joined(&[(0, 1, 1), (2, 2, 3)]), Some((0, 8, 2)));
        assert_eq!(joined(&[(0, 2, 3), (6, 1, 1)]), Some((0, 8, 2)));
        assert_eq!(joined(&[(0, 1, 1), (2, 1, 3)]), None);
        assert_eq!(joined(&[(3, 1, 1), (3, 1, 1)]), None);
    }

    #[test]
    fn ranges_that_start_again_are_none() {
        assert_eq!(joined(&[(0, 1, 3), (0, 1, 3)]), None);
        assert_eq!(joined(&[(0, 1, 3), (3, 2, 2)]), None);
        assert_eq!(joined(&[(0, 1, 3), (5, 1, 1)]), None);
    }

    #[test]
    fn no_rows_keep_the_first_start() {
        assert_eq!(joined(&[(7, 2, 0), (0, 1, 0)]), Some((7, 7, 2)));
        assert_eq!(joined(&[]), Some((0, 0, 1)));
    }
}
