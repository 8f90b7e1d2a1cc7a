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
use arrow::datatypes::DataType;
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::chunk::{Chunk, FrameChunk, IndexData};
use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::py::convert::fill::{Fill, check_missing, fill, write_missing};
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
    let labels = schema.columns.iter().map(|column| label::to_python(py, &column.name));
    let dtypes = schema.columns.iter().map(|column| dtype::to_python(py, &column.dtype));
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
            Chunk::Array(_) => return Err(Error::internal("an array among the partitions of a frame").into()),
        });
    }
    call(py, "concat", (objects, kind_number(schema.kind), extras(py, schema)?))
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
    let mut levels: Vec<Item<'_>> = level_columns.iter().map(|level| Item::new(&level.dtype, false)).collect();
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
    let (blocks, levels): (Vec<_>, Vec<_>) = made.into_iter().partition(|(_, positions)| positions[0] < width);
    let extras = extras(py, schema)?;
    let only = |blocks: Vec<(Bound<'py, PyAny>, Vec<usize>)>| {
        let mut blocks = blocks.into_iter();
        match (blocks.next(), blocks.next()) {
            (Some((array, _)), None) => Ok(array),
            _ => Err(Error::internal("a series, index or scalar of more than one column")),
        }
    };
    match schema.kind {
        FrameKind::Frame => {
            let index = index_to_pandas(py, schema, &ranges, levels, &extras)?;
            let names = schema.columns.iter().map(|column| label::to_python(py, &column.name));
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
            call(py, "build_index", (arrays, label::list_to_python(py, &names)?, extras))
        }
    }
}

/// The one range `(start, stop, step)` that the ranges `(start, step, len)` make up, by pandas' rules: an empty range says
/// nothing, and a single value has any step.
fn joined(ranges: &[(i64, i64, i64)]) -> Option<(i64, i64, i64)> {
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

/// A column or index level on its way to pandas.
struct Item<'a> {
    dtype: &'a Dtype,
    parts: Vec<ArrayRef>,
    /// Whether columns of the same NumPy dtype may share one two-dimensional block.
    grouped: bool,
}

impl<'a> Item<'a> {
    fn new(dtype: &'a Dtype, grouped: bool) -> Self {
        Self {
            dtype,
            parts: Vec::new(),
            grouped,
        }
    }
}

/// Memory to be filled for some items, one after another.
struct Target {
    positions: Vec<usize>,
    buffer: MutableBuffer,
}

/// What an item is made of in the end.
enum Form {
    Numpy(NumpyType),
    Masked,
    Codes(&'static str),
    Datetimetz,
    Arrow(Vec<ArrayRef>, DataType),
}

/// Up to so many columns are handed over as blocks of their own; pandas complains about more.
const MANY: usize = 32;
/// Pieces of text up to so many bytes are joined: pandas works faster on few pieces.
const TEXT_PIECE: usize = 64 << 20;

/// The pandas arrays of `items`, each with the positions that it covers.
fn make<'py>(
    py: Python<'py>,
    items: Vec<Item<'_>>,
    rows: usize,
    parallel: bool,
) -> PyResult<Vec<(Bound<'py, PyAny>, Vec<usize>)>> {
    let dtypes: Vec<&Dtype> = items.iter().map(|item| item.dtype).collect();
    let (values, masks, mut forms) = py.detach(|| prepare(items, rows, parallel))?;
    let mut masks: hashbrown::HashMap<usize, MutableBuffer> =
        masks.into_iter().map(|target| (target.positions[0], target.buffer)).collect();
    let mut made = Vec::new();
    for target in values {
        let position = target.positions[0];
        let memory = numpy::lend(py, target.buffer)?;
        let array = match &forms[position] {
            Form::Numpy(kind) => call(py, "numpy_array", (memory, kind.name()))?,
            Form::Masked => {
                let mask = masks.remove(&position).ok_or_else(|| Error::internal("a mask is missing"))?;
                let dtype = dtype::to_python(py, dtypes[position])?;
                call(py, "masked_array", (memory, numpy::lend(py, mask)?, dtype))?
            }
            Form::Codes(codes) => {
                let dtype = dtype::to_python(py, dtypes[position])?;
                call(py, "categorical_array", (memory, *codes, dtype))?
            }
            Form::Datetimetz => {
                call(py, "datetimetz_array", (memory, dtype::to_python(py, dtypes[position])?))?
            }
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

/// All that needs no Python: checks, hand-overs, copies.
fn prepare(items: Vec<Item<'_>>, rows: usize, parallel: bool) -> Result<(Vec<Target>, Vec<Target>, Vec<Form>)> {
    let mut forms = Vec::with_capacity(items.len());
    let mut fills: Vec<Option<Fill<'_>>> = Vec::with_capacity(items.len());
    let mut values: Vec<Target> = Vec::new();
    let mut masks: Vec<Target> = Vec::new();
    let mut sources: Vec<Vec<ArrayRef>> = Vec::with_capacity(items.len());
    let mut groups: hashbrown::HashMap<NumpyType, usize> = hashbrown::HashMap::new();
    let mut pending: Vec<(usize, Fill<'_>, usize)> = Vec::new();
    let numpy_columns = items
        .iter()
        .filter(|item| item.grouped && matches!(item.dtype, Dtype::Numpy(_)))
        .count();
    let mut text = Vec::new();
    for (position, item) in items.into_iter().enumerate() {
        let Item { dtype, mut parts, grouped } = item;
        parts.retain(|part| !part.is_empty());
        for part in &parts {
            if !dtype::fits(dtype, part.data_type()) {
                return Err(Error::internal(format!(
                    "an array of type {} in a column of dtype {}",
                    part.data_type(),
                    dtype.name()
                )));
            }
        }
        if parts.iter().map(|part| part.len()).sum::<usize>() != rows {
            return Err(Error::internal("the columns of a result differ in length"));
        }
        let (form, fill) = match dtype {
            Dtype::Numpy(kind) => (Form::Numpy(*kind), Some(Fill::Values(*kind))),
            Dtype::Datetimetz(unit, _) => {
                (Form::Datetimetz, Some(Fill::Values(NumpyType::Datetime(*unit))))
            }
            Dtype::Nullable(kind) => (Form::Masked, Some(Fill::Masked(*kind))),
            Dtype::Category(categories) => {
                let (name, width) = dtype::code_type(categories.values.len());
                (Form::Codes(name), Some(Fill::Codes(width, categories)))
            }
            Dtype::Str | Dtype::String { .. } | Dtype::Arrow(_) => {
                let data_type = dtype.arrow().ok_or_else(|| Error::internal("text without an Arrow type"))?;
                text.push(position);
                (Form::Arrow(Vec::new(), data_type), None)
            }
            Dtype::Host { name, .. } => {
                return Err(Error::internal(format!("a native column of dtype {name}")));
            }
        };
        forms.push(form);
        fills.push(fill);
        let Some(fill) = fill else {
            sources.push(parts);
            continue;
        };
        if let Fill::Masked(_) = fill {
            masks.push(Target {
                positions: vec![position],
                buffer: MutableBuffer::from_len_zeroed(rows),
            });
        }
        // A mask is filled from the array, so an array with one isn't given away.
        let may_give = !matches!(fill, Fill::Masked(_)) && !(grouped && numpy_columns > MANY);
        if may_give && parts.len() == 1 {
            match take_over(parts.swap_remove(0), fill)? {
                Ok(buffer) => {
                    values.push(Target {
                        positions: vec![position],
                        buffer,
                    });
                    sources.push(Vec::new());
                    continue;
                }
                Err(array) => parts.push(array),
            }
        }
        sources.push(parts);
        match fill {
            Fill::Values(kind) if grouped && matches!(forms[position], Form::Numpy(_)) => {
                let target = *groups.entry(kind).or_insert_with(|| {
                    values.push(Target {
                        positions: Vec::new(),
                        buffer: MutableBuffer::new(0),
                    });
                    values.len() - 1
                });
                pending.push((position, fill, target));
            }
            _ => {
                values.push(Target {
                    positions: Vec::new(),
                    buffer: MutableBuffer::new(0),
                });
                pending.push((position, fill, values.len() - 1));
            }
        }
    }
    for &(position, _, target) in &pending {
        values[target].positions.push(position);
    }
    for target in &mut values {
        let first = target.positions[0];
        if target.buffer.is_empty()
            && pending.iter().any(|(position, ..)| *position == first)
            && let Some(fill) = fills[first]
        {
            target.buffer = MutableBuffer::from_len_zeroed(rows * fill.width() * target.positions.len());
            numpy::prefer_large_pages(target.buffer.as_slice_mut());
        }
    }
    let given: Vec<bool> = sources.iter().map(Vec::is_empty).collect();
    let mut jobs: Vec<(&mut [u8], &ArrayRef, Fill<'_>)> = Vec::new();
    for target in &mut values {
        if given[target.positions[0]] {
            continue;
        }
        let mut place = target.buffer.as_slice_mut();
        for &position in &target.positions {
            let Some(fill) = fills[position] else { continue };
            place = cut(place, &sources[position], fill, &mut jobs);
        }
    }
    for target in &mut masks {
        let position = target.positions[0];
        cut(target.buffer.as_slice_mut(), &sources[position], Fill::Mask, &mut jobs);
    }
    let run = |(place, array, what): (&mut [u8], &ArrayRef, Fill<'_>)| fill(place, array, what);
    if parallel {
        jobs.into_par_iter().try_for_each(run)?;
    } else {
        jobs.into_iter().try_for_each(run)?;
    }
    for position in text {
        if let Form::Arrow(parts, data_type) = &mut forms[position] {
            *parts = text_pieces(std::mem::take(&mut sources[position]), data_type)?;
        }
    }
    Ok((values, masks, forms))
}

/// Cuts a place for each array off `place`; gives back what is left.
fn cut<'a, 'b>(
    mut place: &'a mut [u8],
    arrays: &'a [ArrayRef],
    fill: Fill<'b>,
    jobs: &mut Vec<(&'a mut [u8], &'a ArrayRef, Fill<'b>)>,
) -> &'a mut [u8] {
    for array in arrays {
        let (own, rest) = place.split_at_mut(array.len() * fill.width());
        jobs.push((own, array, fill));
        place = rest;
    }
    place
}

/// The memory of `array`, NaT and NaN written at its missing values, when nobody else holds it; else the array.
fn take_over(array: ArrayRef, what: Fill<'_>) -> Result<Result<MutableBuffer, ArrayRef>> {
    let Fill::Values(kind) = what else {
        return Ok(Err(array));
    };
    if kind == NumpyType::Bool {
        return Ok(Err(array));
    }
    check_missing(&array, what)?;
    let data = array.to_data();
    drop(array);
    let (len, nulls, data_type) = (data.len(), data.nulls().cloned(), data.data_type().clone());
    let Some(buffer) = data.buffers().first().cloned() else {
        return Err(Error::internal("an array without values"));
    };
    let buffer = buffer.slice_with_length(data.offset() * kind.itemsize(), len * kind.itemsize());
    drop(data);
    match numpy::take_over(buffer) {
        Ok(mut buffer) => {
            if let Some(nulls) = &nulls {
                write_missing(buffer.as_slice_mut(), kind, nulls);
            }
            Ok(Ok(buffer))
        }
        Err(buffer) => {
            let data = exchange::array_data(data_type, len, buffer, nulls)?;
            Ok(Err(data))
        }
    }
}

/// Text as pandas holds it, in pieces of a fair size.
fn text_pieces(parts: Vec<ArrayRef>, data_type: &DataType) -> Result<Vec<ArrayRef>> {
    let mut pieces: Vec<ArrayRef> = Vec::new();
    let mut group: Vec<ArrayRef> = Vec::new();
    let mut size = 0;
    let single = parts.len() == 1;
    for part in parts {
        let part = exchange::cast(part, data_type)?;
        let bytes = part.to_data().get_slice_memory_size()?;
        // A small piece of a large array would keep all of it alive.
        let part = if part.get_buffer_memory_size() > 4 * bytes + (1 << 16) {
            exchange::compact(&part)?
        } else {
            part
        };
        if single {
            return Ok(vec![part]);
        }
        if size + bytes > TEXT_PIECE && !group.is_empty() {
            pieces.push(exchange::join(std::mem::take(&mut group))?);
            size = 0;
        }
        size += bytes;
        group.push(part);
    }
    if !group.is_empty() {
        pieces.push(exchange::join(group)?);
    }
    Ok(pieces)
}
