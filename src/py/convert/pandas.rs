//! pandas objects taken apart: schema, and per column Arrow arrays over the very memory that pandas holds.
//!
//! Zero-copy: NumPy-backed integers, floats, datetimes and timedeltas that lie in order, values of nullable arrays, text and
//! Arrow arrays held by pyarrow. Copied: bools and masks (a byte each in NumPy, a bit in Arrow), codes of categoricals,
//! strided columns, Python strings.
//!
//! Invariant: later writes by the user don't reach the engine. A shallow copy of the frame lives as long as its memory is
//! in use, so that pandas' copy-on-write copies before `df.loc[...] = x`, `s[0] = x`, `fillna(inplace=True)` and the like,
//! and NumPy views that pandas hands out (`df.values`, `to_numpy()`) are read-only. Out of its reach are writes into a
//! NumPy array that the user wrapped with `copy=False` and writes through `Series.array`, as in pandas itself.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, DictionaryArray, Int32Array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::DataType;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;

use crate::chunk::{Batch, Chunk, FrameChunk, IndexData};
use crate::dtype::{Categories, Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::host::HostRef;
use crate::py::convert::{arrow as exchange, call, dtype, is_pandas, label, numpy};
use crate::py::host::PyHostValue;
use crate::schema::{Column, FrameKind, FrameSchema, IndexSchema};

/// A column: its arrays in row order, or nothing when its dtype is a host dtype.
pub type Parts = Option<Vec<ArrayRef>>;

/// The index of a pandas object.
#[derive(Debug)]
pub enum Rows {
    /// A range.
    Range {
        /// The first value.
        start: i64,
        /// From one value to the next.
        step: i64,
    },
    /// Written-out levels.
    Levels(Vec<Parts>),
}

/// A pandas object taken apart.
#[derive(Debug)]
pub struct Apart {
    /// What it is made of.
    pub schema: Arc<FrameSchema>,
    /// A shallow copy of the object, behind pandas' copy-on-write.
    pub shadow: Py<PyAny>,
    /// The columns.
    pub columns: Vec<Parts>,
    /// The index.
    pub index: Rows,
    /// The number of rows.
    pub len: usize,
}

/// Kind, shallow copy, labels, names of the column axis, arrays, index, extras: what the Python half finds.
type PandasParts<'py> = (
    u8,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Vec<Bound<'py, PyAny>>,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
);

/// Takes a DataFrame, Series or Index apart.
///
/// # Errors
/// When `object` is none of them, or a label isn't hashable.
pub fn take_apart(object: &Bound<'_, PyAny>) -> PyResult<Apart> {
    let py = object.py();
    let (kind, shadow, labels, axis_names, arrays, index, extras): PandasParts<'_> =
        call(py, "take_apart", (object,))?.extract()?;
    let kind = match kind {
        0 => FrameKind::Frame,
        1 => FrameKind::Series,
        _ => FrameKind::Index,
    };
    let len = shadow.len()?;
    let keep = shadow.clone().unbind();
    let labels = label::list_from_python(&labels)?;
    let mut columns = Vec::with_capacity(arrays.len());
    let mut parts = Vec::with_capacity(arrays.len());
    for (name, array) in labels.into_iter().zip(&arrays) {
        let (dtype, part) = array_from_pandas(array, Some(&keep))?;
        columns.push(Column { name, dtype });
        parts.push(part);
    }
    let (index_schema, rows) = index_from_parts(&index, &keep)?;
    let mut schema = FrameSchema::new(kind, columns, index_schema);
    schema.axis_names = label::list_from_python(&axis_names)?;
    if !extras.is_none() {
        let extras: HostRef = Arc::new(PyHostValue::new(&extras));
        schema.attrs = Some(extras);
    }
    Ok(Apart {
        schema: Arc::new(schema),
        shadow: keep,
        columns: parts,
        index: rows,
        len,
    })
}

fn index_from_parts(index: &Bound<'_, PyAny>, shadow: &Py<PyAny>) -> PyResult<(IndexSchema, Rows)> {
    if index.len()? == 3 {
        let (name, start, step): (Bound<'_, PyAny>, i64, i64) = index.extract()?;
        let name = label::from_python(&name)?;
        return Ok((IndexSchema::Range { name }, Rows::Range { start, step }));
    }
    let (names, arrays): (Bound<'_, PyAny>, Vec<Bound<'_, PyAny>>) = index.extract()?;
    let names = label::list_from_python(&names)?;
    let mut levels = Vec::with_capacity(arrays.len());
    let mut parts = Vec::with_capacity(arrays.len());
    for (name, array) in names.into_iter().zip(&arrays) {
        let (dtype, part) = array_from_pandas(array, Some(shadow))?;
        levels.push(Column { name, dtype });
        parts.push(part);
    }
    Ok((IndexSchema::Levels(levels), Rows::Levels(parts)))
}

/// Schema and chunk of a DataFrame, Series or Index. With a host dtype in it, the chunk is the pandas object itself.
///
/// # Errors
/// As [`take_apart`].
pub fn frame_from_pandas(object: &Bound<'_, PyAny>) -> PyResult<(Arc<FrameSchema>, Chunk)> {
    let apart = take_apart(object)?;
    let schema = apart.schema.clone();
    if schema.is_host() {
        let value = PyHostValue::new(apart.shadow.bind(object.py()));
        return Ok((schema, Chunk::Host(Arc::new(value))));
    }
    let columns: Vec<usize> = (0..schema.columns.len()).collect();
    let chunk = FrameChunk::new(schema.clone(), apart.batches(&columns)?)?;
    Ok((schema, Chunk::Frame(Arc::new(chunk))))
}

impl Apart {
    /// The native columns `columns` and the index as batches, cut where an array ends in any of them.
    ///
    /// # Errors
    /// [`crate::error::Kind::NotNative`] when one of them, or the index, has a host dtype.
    pub fn batches(&self, columns: &[usize]) -> Result<Vec<Batch>> {
        let native = |parts: &Parts, column: &Column| {
            let refuse = || Error::not_native(format!("{} of dtype {}", column.name, column.dtype.name()));
            parts.clone().ok_or_else(refuse)
        };
        let mut arrays = columns
            .iter()
            .map(|&position| native(&self.columns[position], &self.schema.columns[position]))
            .collect::<Result<Vec<_>>>()?;
        if let (Rows::Levels(parts), IndexSchema::Levels(levels)) = (&self.index, &self.schema.index) {
            for (parts, level) in parts.iter().zip(levels) {
                arrays.push(native(parts, level)?);
            }
        }
        let mut ends: Vec<usize> = arrays
            .iter()
            .flat_map(|parts| {
                parts.iter().scan(0, |end, part| {
                    *end += part.len();
                    Some(*end)
                })
            })
            .filter(|end| *end > 0)
            .collect();
        ends.push(self.len);
        ends.sort_unstable();
        ends.dedup();
        let mut start = 0;
        let mut batches = Vec::with_capacity(ends.len());
        for end in ends {
            let mut cut = arrays
                .iter()
                .zip(
                    columns
                        .iter()
                        .map(|&position| &self.schema.columns[position].dtype)
                        .chain(
                            match &self.schema.index {
                                IndexSchema::Levels(levels) => levels.as_slice(),
                                IndexSchema::Range { .. } => &[],
                            }
                            .iter()
                            .map(|level| &level.dtype),
                        ),
                )
                .map(|(parts, dtype)| rows_of(parts, start, end - start, dtype))
                .collect::<Result<Vec<_>>>()?;
            let levels = cut.split_off(columns.len());
            let index = match &self.index {
                Rows::Range { start: first, step } => IndexData::Range {
                    start: first + start as i64 * step,
                    step: *step,
                },
                Rows::Levels(_) => IndexData::Levels(levels),
            };
            batches.push(Batch {
                index,
                columns: cut,
                len: end - start,
            });
            start = end;
        }
        Ok(batches)
    }
}

/// Arrays with fewer rows than this on average are joined.
const SMALL: usize = 1 << 16;

/// `len` rows from `start`, which lie within one part.
fn rows_of(parts: &[ArrayRef], mut start: usize, len: usize, dtype: &Dtype) -> Result<ArrayRef> {
    for part in parts {
        if start < part.len() || (len == 0 && start == part.len()) {
            return Ok(if start == 0 && len == part.len() {
                part.clone()
            } else {
                part.slice(start, len)
            });
        }
        start -= part.len();
    }
    if len == 0 {
        return exchange::one_array(Vec::new(), dtype);
    }
    Err(Error::internal("the arrays of a frame differ in length"))
}

/// dtype and arrays of one pandas array; no arrays when its dtype is a host dtype. `shadow` keeps the memory from being
/// written.
///
/// # Errors
/// When Python fails.
pub fn array_from_pandas(array: &Bound<'_, PyAny>, shadow: Option<&Py<PyAny>>) -> PyResult<(Dtype, Parts)> {
    let py = array.py();
    if is_pandas(array, "MultiIndex")? {
        // An index of tuples: its empty self stands for its dtype.
        let empty = array.call_method1(intern!(py, "take"), (Vec::<usize>::new(),))?;
        let value: HostRef = Arc::new(PyHostValue::new(&empty));
        let name = "object".into();
        return Ok((
            Dtype::Host {
                name,
                value: Some(value),
            },
            None,
        ));
    }
    let object = array.getattr(intern!(py, "dtype"))?;
    let found = dtype::from_python(&object)?;
    let mut parts = match &found {
        Dtype::Host { .. } => return Ok((found, None)),
        Dtype::Numpy(kind) | Dtype::Nullable(kind) if matches!(found, Dtype::Nullable(_)) => {
            let (values, mask): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
                call(py, "masked", (array,))?.extract()?;
            let mask = numpy::borrow(&mask, 1, shadow)?;
            let mask = mask.as_slice();
            let nulls = mask
                .iter()
                .any(|&missing| missing != 0)
                .then(|| NullBuffer::new(BooleanBuffer::collect_bool(mask.len(), |i| mask[i] == 0)));
            vec![values_array(*kind, &kind.arrow(), &values, shadow, nulls)?]
        }
        Dtype::Numpy(kind) | Dtype::Nullable(kind) => {
            let values = call(py, "raw", (array,))?;
            vec![values_array(*kind, &kind.arrow(), &values, shadow, None)?]
        }
        Dtype::Datetimetz(unit, zone) => {
            let values = call(py, "raw", (array,))?;
            let data_type = DataType::Timestamp(unit.arrow(), Some(zone.clone()));
            vec![values_array(
                NumpyType::Datetime(*unit),
                &data_type,
                &values,
                shadow,
                None,
            )?]
        }
        Dtype::Category(categories) => vec![category_array(array, categories)?],
        Dtype::Str | Dtype::String { .. } => match text_arrays(array) {
            Ok(parts) => parts,
            // Text that isn't Unicode (lone surrogates) exists in Python only.
            Err(error) if error.is_instance_of::<PyValueError>(py) => {
                return Ok((dtype::host(&object)?, None));
            }
            Err(error) => return Err(error),
        },
        Dtype::Arrow(data_type) => exchange::import(&call(py, "arrow", (array, false))?, data_type)?,
    };
    // Many small arrays cost more in every step than joining them once.
    if parts.len() > 1 && parts.iter().map(Array::len).sum::<usize>() / parts.len() < SMALL {
        parts = vec![exchange::join(parts)?];
    }
    Ok((found, Some(parts)))
}

fn text_arrays(array: &Bound<'_, PyAny>) -> PyResult<Vec<ArrayRef>> {
    let data = call(array.py(), "arrow", (array, true))?;
    exchange::import(&data, &DataType::LargeUtf8)
}

/// An array of fixed-width values over NumPy's bytes. Moments and spans that are NaT are masked as well as those in `nulls`.
fn values_array(
    kind: NumpyType,
    data_type: &DataType,
    bytes: &Bound<'_, PyAny>,
    shadow: Option<&Py<PyAny>>,
    nulls: Option<NullBuffer>,
) -> PyResult<ArrayRef> {
    let width = kind.itemsize();
    let buffer = numpy::borrow(bytes, width, shadow)?;
    let len = buffer.len() / width;
    if kind == NumpyType::Bool {
        let bytes = buffer.as_slice();
        let bits = BooleanBuffer::collect_bool(len, |i| bytes[i] != 0);
        return Ok(Arc::new(BooleanArray::new(bits, nulls)));
    }
    let nulls = match kind {
        NumpyType::Datetime(_) | NumpyType::Timedelta(_) => not_a_time(&buffer),
        _ => nulls,
    };
    Ok(exchange::array_data(data_type.clone(), len, buffer, nulls)?)
}

/// The mask of the values that are NaT; `None` when there are none.
fn not_a_time(buffer: &Buffer) -> Option<NullBuffer> {
    let values = buffer.typed_data::<i64>();
    values.contains(&i64::MIN).then(|| {
        NullBuffer::new(BooleanBuffer::collect_bool(values.len(), |i| {
            values[i] != i64::MIN
        }))
    })
}

/// Codes of a categorical over its categories; -1 is missing.
fn category_array(array: &Bound<'_, PyAny>, categories: &Arc<Categories>) -> PyResult<ArrayRef> {
    let py = array.py();
    let codes = array.getattr(intern!(py, "codes"))?;
    let width: usize = codes.getattr(intern!(py, "itemsize"))?.extract()?;
    let buffer = numpy::borrow(&call(py, "raw", (codes,))?, width, None)?;
    let codes: Vec<i64> = match width {
        1 => buffer
            .typed_data::<i8>()
            .iter()
            .map(|&code| code.into())
            .collect(),
        2 => buffer
            .typed_data::<i16>()
            .iter()
            .map(|&code| code.into())
            .collect(),
        4 => buffer
            .typed_data::<i32>()
            .iter()
            .map(|&code| code.into())
            .collect(),
        _ => buffer.typed_data::<i64>().to_vec(),
    };
    let nulls = codes
        .contains(&-1)
        .then(|| NullBuffer::new(BooleanBuffer::collect_bool(codes.len(), |i| codes[i] >= 0)));
    if codes.iter().any(|&code| code >= i64::from(i32::MAX)) {
        return Err(Error::not_native("a categorical of more than two billion categories").into());
    }
    let keys: Vec<i32> = codes.iter().map(|&code| code.max(0) as i32).collect();
    let keys = Int32Array::new(keys.into(), nulls);
    let values = categories.values.clone();
    Ok(Arc::new(
        DictionaryArray::try_new(keys, values).map_err(Error::from)?,
    ))
}
