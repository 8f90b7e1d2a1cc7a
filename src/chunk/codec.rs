//! Chunks as bytes, for spilling and, with the schema beside them (`wire`), for other processes.
//!
//! A file holds magic and version, the buffers, and an end mark, so that a file of something else and a truncated one
//! are noticed. What is shared or cheap stays in memory beside the file ([`Shell`]): the schema with its categories and
//! attributes, the loader of a host object. So the bytes alone are for the process that wrote them.
//!
//! Invariants: what is read equals what was written in value and Arrow type. Only the slice in use is written: arrays of
//! views are compacted first, categories that are the schema's own are not written at all.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::{Buffer, MutableBuffer};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::error::ArrowError;
use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};

use crate::chunk::{ArrayChunk, Batch, Chunk, FrameChunk, IndexData};
use crate::dtype::{Categories, Dtype};
use crate::error::{Error, Result};
use crate::host::HostLoader;
use crate::nd::{Elem, NdDtype};
use crate::schema::{FrameSchema, IndexSchema};

/// What errors call bytes that are in no file.
pub const IN_MEMORY: &str = "<memory>";

const MAGIC: &[u8; 8] = b"DUSKCHNK";
const END: &[u8; 8] = b"KNHCKSUD";
const VERSION: u32 = 1;

/// What stays in memory of a chunk whose buffers are in a file.
#[derive(Clone, Debug)]
pub enum Shell {
    /// Labels and dtypes of a frame.
    Frame(Arc<FrameSchema>),
    /// Nothing: an array's file says it all.
    Array,
    /// Nothing, either: several arrays.
    Arrays,
    /// What makes the host object from its bytes.
    Host(Arc<dyn HostLoader>),
}

impl Shell {
    /// The shell of `chunk`.
    #[must_use]
    pub fn of(chunk: &Chunk) -> Self {
        match chunk {
            Chunk::Frame(frame) => Self::Frame(frame.schema.clone()),
            Chunk::Array(_) => Self::Array,
            Chunk::Arrays(_) => Self::Arrays,
            Chunk::Host(value) => Self::Host(value.loader()),
            // It is read back as the frame that it becomes.
            Chunk::State(state) => Self::Frame(state.schema()),
        }
    }

    fn tag(&self) -> u64 {
        match self {
            Self::Frame(_) => 1,
            Self::Array => 2,
            Self::Host(_) => 3,
            Self::Arrays => 4,
        }
    }
}

/// Writes `chunk` to `out`; `path` is for errors.
///
/// # Errors
/// [`crate::error::Kind::Os`] when `out` fails, and what a host object says that can't be serialised.
pub fn write(chunk: &Chunk, out: &mut dyn Write, compress: bool, path: &Path) -> Result<()> {
    let mut to = Writer { out, path };
    to.raw(MAGIC)?;
    to.raw(&VERSION.to_le_bytes())?;
    to.number(Shell::of(chunk).tag())?;
    match chunk {
        Chunk::Frame(frame) => write_frame(frame, &mut to, compress)?,
        Chunk::Array(array) => write_array(array, &mut to)?,
        Chunk::Arrays(arrays) => {
            to.number(arrays.len() as u64)?;
            for array in arrays.iter() {
                write_array(array, &mut to)?;
            }
        }
        Chunk::Host(value) => to.bytes(&value.dump()?)?,
        Chunk::State(state) => write_frame(&state.to_frame()?, &mut to, compress)?,
    }
    to.raw(END)?;
    to.out.flush().map_err(|error| Error::os(path, &error))
}

/// Reads what [`write`] wrote from `input`, which has `size` bytes; `path` is for errors.
///
/// # Errors
/// [`crate::error::Kind::Os`] when `input` fails or holds something else, and what a host object's loader says.
pub fn read(shell: &Shell, input: &mut dyn Read, size: u64, path: &Path) -> Result<Chunk> {
    let mut from = Reader { input, size, path };
    let mut magic = [0; 12];
    from.fill(&mut magic)?;
    if magic[..8] != *MAGIC || magic[8..] != VERSION.to_le_bytes() {
        return Err(from.broken("it isn't a chunk file of this version"));
    }
    if from.number()? != shell.tag() {
        return Err(from.broken("it holds a chunk of another kind"));
    }
    let chunk = match shell {
        Shell::Frame(schema) => Chunk::Frame(Arc::new(read_frame(schema, &mut from)?)),
        Shell::Array => Chunk::Array(Arc::new(read_array(&mut from)?)),
        Shell::Arrays => {
            let count = from.count()?;
            let arrays = (0..count).map(|_| read_array(&mut from)).collect::<Result<_>>()?;
            Chunk::Arrays(Arc::new(arrays))
        }
        Shell::Host(loader) => Chunk::Host(loader.load(from.bytes()?.as_slice())?),
    };
    let mut end = [0; 8];
    from.fill(&mut end)?;
    if end == *END {
        Ok(chunk)
    } else {
        Err(from.broken("its end mark is missing"))
    }
}

fn write_array(array: &ArrayChunk, to: &mut Writer) -> Result<()> {
    match &array.dtype {
        NdDtype::Num(elem) => to.bytes(elem.name().as_bytes())?,
        NdDtype::Raw { descr, .. } => to.bytes(descr.as_bytes())?,
        NdDtype::Host => return Err(Error::internal("an array chunk of objects")),
    }
    to.number(array.dtype.itemsize() as u64)?;
    to.number(array.shape.len() as u64)?;
    for &length in &array.shape {
        to.number(length as u64)?;
    }
    // views are compacted on the way
    to.number((array.size() * array.dtype.itemsize()) as u64)?;
    array.runs(&mut |run| to.raw(run))
}

fn read_array(from: &mut Reader) -> Result<ArrayChunk> {
    let name = String::from_utf8(from.bytes()?.as_slice().to_vec())
        .map_err(|_| from.broken("the dtype isn't text"))?;
    let itemsize = from.number()? as usize;
    let dtype = Elem::parse(&name).map_or_else(
        || NdDtype::Raw {
            descr: name.as_str().into(),
            itemsize,
        },
        NdDtype::Num,
    );
    let shape: Vec<usize> = (0..from.count()?)
        .map(|_| from.number().map(|n| n as usize))
        .collect::<Result<_>>()?;
    let buffer: Buffer = from.bytes()?.into();
    ArrayChunk::dense(dtype, shape, buffer)
}

/// A head with the lengths and indexes of all batches, then the arrays: one Arrow stream for each run of neighbouring
/// batches of the same Arrow types (text may be held in two ways).
fn write_frame(frame: &FrameChunk, to: &mut Writer, compress: bool) -> Result<()> {
    to.number(frame.batches.len() as u64)?;
    for batch in &frame.batches {
        to.number(batch.len as u64)?;
        match &batch.index {
            IndexData::Range { start, step } => {
                to.number(0)?;
                to.number(start.cast_unsigned())?;
                to.number(step.cast_unsigned())?;
            }
            IndexData::Levels(levels) => {
                to.number(1)?;
                to.number(levels.len() as u64)?;
            }
        }
        to.number(batch.columns.len() as u64)?;
    }
    let categories = categories(&frame.schema);
    let mut rest = &frame.batches[..];
    while let Some(first) = rest.first() {
        let stored = stored(first, &categories);
        let types = types(&stored);
        let bare: Vec<bool> = bare(first, &stored);
        to.number(u64::from(!stored.is_empty()))?;
        if stored.is_empty() {
            to.number(1)?;
            rest = &rest[1..];
            continue;
        }
        let mut run = vec![stored];
        for batch in &rest[1..] {
            let next = self::stored(batch, &categories);
            if self::types(&next) != types || self::bare(batch, &next) != bare {
                break;
            }
            run.push(next);
        }
        rest = &rest[run.len()..];
        to.number(run.len() as u64)?;
        for flag in bare {
            to.number(u64::from(flag))?;
        }
        write_stream(&types, run, to, compress)?;
    }
    Ok(())
}

fn write_stream(types: &[DataType], run: Vec<Vec<ArrayRef>>, to: &mut Writer, compress: bool) -> Result<()> {
    let fields: Vec<Field> = types
        .iter()
        .enumerate()
        .map(|(i, data_type)| Field::new(i.to_string(), data_type.clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let method = compress.then_some(CompressionType::LZ4_FRAME);
    let options = IpcWriteOptions::default().try_with_compression(method)?;
    let path = to.path;
    let mut writer = StreamWriter::try_new_with_options(&mut *to.out, &schema, options)
        .map_err(|error| arrow_error(error, path))?;
    for arrays in run {
        let count = RecordBatchOptions::new().with_row_count(arrays.first().map(Array::len));
        let arrays = arrays.into_iter().map(compact).collect();
        RecordBatch::try_new_with_options(schema.clone(), arrays, &count)
            .and_then(|batch| writer.write(&batch))
            .map_err(|error| arrow_error(error, path))?;
    }
    writer.finish().map_err(|error| arrow_error(error, path))
}

fn read_frame(schema: &Arc<FrameSchema>, from: &mut Reader) -> Result<FrameChunk> {
    let mut batches = Vec::new();
    for _ in 0..from.count()? {
        let len = from.number()? as usize;
        let (index, levels) = match from.number()? {
            0 => {
                let start = from.number()?.cast_signed();
                let step = from.number()?.cast_signed();
                (IndexData::Range { start, step }, 0)
            }
            _ => (IndexData::Levels(Vec::new()), from.count()?),
        };
        batches.push((
            Batch {
                index,
                columns: Vec::new(),
                len,
            },
            levels,
            from.count()?,
        ));
    }
    let categories = categories(schema);
    let mut filled = 0;
    while filled < batches.len() {
        let has_arrays = from.number()? == 1;
        let run = from.count()?;
        if run == 0 || run > batches.len() - filled {
            return Err(from.broken("its batches don't add up"));
        }
        if !has_arrays {
            filled += run;
            continue;
        }
        let (_, levels, columns) = &batches[filled];
        let bare = (0..levels + columns)
            .map(|_| Ok(from.number()? == 1))
            .collect::<Result<Vec<bool>>>()?;
        let path = from.path;
        let mut stream =
            StreamReader::try_new(&mut *from.input, None).map_err(|error| arrow_error(error, path))?;
        for (batch, levels, _) in &mut batches[filled..filled + run] {
            let arrays = stream
                .next()
                .ok_or_else(|| broken(path, "a batch is missing"))?
                .map_err(|error| arrow_error(error, path))?;
            let mut arrays = arrays.columns().to_vec();
            if arrays.len() != bare.len() || arrays.first().is_some_and(|array| array.len() != batch.len) {
                return Err(broken(path, "a batch has another shape"));
            }
            let index_is_range = matches!(batch.index, IndexData::Range { .. });
            for (i, array) in arrays.iter_mut().enumerate() {
                if bare[i] {
                    let known = category_of(&categories, *levels, index_is_range, i);
                    let known = known.ok_or_else(|| broken(path, "its categories are missing"))?;
                    let keys = array.as_primitive::<Int32Type>().clone();
                    *array = Arc::new(DictionaryArray::try_new(keys, known.values.clone())?);
                }
            }
            batch.columns = arrays.split_off(*levels);
            if let IndexData::Levels(held) = &mut batch.index {
                *held = arrays;
            }
        }
        if stream.next().is_some() {
            return Err(broken(path, "it has a batch too many"));
        }
        filled += run;
    }
    let batches = batches.into_iter().map(|(batch, ..)| batch).collect();
    FrameChunk::new(schema.clone(), batches)
}

/// The schema's categories, of index levels and of columns.
struct Known<'a> {
    levels: Vec<Option<&'a Arc<Categories>>>,
    columns: Vec<Option<&'a Arc<Categories>>>,
}

fn categories(schema: &FrameSchema) -> Known<'_> {
    fn of(column: &crate::schema::Column) -> Option<&Arc<Categories>> {
        match &column.dtype {
            Dtype::Category(categories) => Some(categories),
            _ => None,
        }
    }
    Known {
        levels: match &schema.index {
            IndexSchema::Range { .. } => Vec::new(),
            IndexSchema::Levels(levels) => levels.iter().map(of).collect(),
        },
        columns: schema.columns.iter().map(of).collect(),
    }
}

/// The categories of the `i`th array of a batch, levels before columns.
fn category_of<'a>(
    known: &Known<'a>,
    levels: usize,
    index_is_range: bool,
    i: usize,
) -> Option<&'a Arc<Categories>> {
    let levels = if index_is_range { 0 } else { levels };
    let found = if i < levels {
        known.levels.get(i)
    } else {
        known.columns.get(i - levels)
    };
    found.copied().flatten()
}

/// The arrays of a batch as they are written: the codes alone where the values are the schema's own categories.
fn stored(batch: &Batch, known: &Known) -> Vec<ArrayRef> {
    let (levels, is_range) = match &batch.index {
        IndexData::Range { .. } => (0, true),
        IndexData::Levels(levels) => (levels.len(), false),
    };
    let codes = |(i, array): (usize, &ArrayRef)| {
        let own = category_of(known, levels, is_range, i)?;
        let dictionary = array.as_dictionary_opt::<Int32Type>()?;
        let values = dictionary.values();
        let same = Arc::ptr_eq(values, &own.values) || values.to_data().ptr_eq(&own.values.to_data());
        same.then(|| Arc::new(dictionary.keys().clone()) as ArrayRef)
    };
    batch
        .arrays()
        .enumerate()
        .map(|item| codes(item).unwrap_or_else(|| item.1.clone()))
        .collect()
}

/// Which arrays of `batch` are written as codes alone.
fn bare(batch: &Batch, stored: &[ArrayRef]) -> Vec<bool> {
    let pairs = batch.arrays().zip(stored);
    pairs
        .map(|(array, stored)| array.data_type() != stored.data_type())
        .collect()
}

fn types(arrays: &[ArrayRef]) -> Vec<DataType> {
    arrays.iter().map(|array| array.data_type().clone()).collect()
}

/// An array of views without the text that no view shows: a few rows would else take their whole block along.
fn compact(array: ArrayRef) -> ArrayRef {
    let wasteful = |buffers: &[arrow::buffer::Buffer], views: &[u128]| {
        let held: usize = buffers.iter().map(arrow::buffer::Buffer::len).sum();
        // The length of the text is the low half of a view; up to 12 bytes are in the view itself.
        let lengths = views.iter().map(|view| (view & u128::from(u32::MAX)) as usize);
        let used: usize = lengths.filter(|&length| length > 12).sum();
        held > used + used / 4
    };
    match array.data_type() {
        DataType::Utf8View => {
            let views = array.as_string_view();
            if wasteful(views.data_buffers(), views.views()) {
                return Arc::new(views.gc());
            }
        }
        DataType::BinaryView => {
            let views = array.as_binary_view();
            if wasteful(views.data_buffers(), views.views()) {
                return Arc::new(views.gc());
            }
        }
        // Of any other slice Arrow writes just the slice.
        _ => {}
    }
    array
}

fn arrow_error(error: ArrowError, path: &Path) -> Error {
    match error {
        ArrowError::IoError(_, source) => Error::os(path, &source),
        ArrowError::ParseError(message) | ArrowError::IpcError(message) => broken(path, &message),
        error => Error::from(error).note(format!("in the chunk file {}", path.display())),
    }
}

fn broken(path: &Path, what: &str) -> Error {
    let message = format!("the chunk file can't be read: {what}");
    Error::os(path, &io::Error::new(io::ErrorKind::InvalidData, message))
}

struct Writer<'a> {
    out: &'a mut dyn Write,
    path: &'a Path,
}

impl Writer<'_> {
    fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.out
            .write_all(bytes)
            .map_err(|error| Error::os(self.path, &error))
    }

    fn number(&mut self, number: u64) -> Result<()> {
        self.raw(&number.to_le_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.number(bytes.len() as u64)?;
        self.raw(bytes)
    }
}

struct Reader<'a> {
    input: &'a mut dyn Read,
    size: u64,
    path: &'a Path,
}

impl Reader<'_> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.input
            .read_exact(bytes)
            .map_err(|error| Error::os(self.path, &error))
    }

    fn number(&mut self) -> Result<u64> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// A number of things; no more than the file has bytes, so that nonsense doesn't ask for all memory.
    fn count(&mut self) -> Result<usize> {
        let number = self.number()?;
        if number > self.size {
            return Err(self.broken("a length exceeds the file's"));
        }
        Ok(number as usize)
    }

    fn bytes(&mut self) -> Result<MutableBuffer> {
        let mut bytes = MutableBuffer::from_len_zeroed(self.count()?);
        self.fill(bytes.as_slice_mut())?;
        Ok(bytes)
    }

    fn broken(&self, what: &str) -> Error {
        broken(self.path, what)
    }
}

#[cfg(test)]
#[path = "codec_test.rs"]
mod tests;
