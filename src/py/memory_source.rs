//! A pandas object in memory as a source of partitions: consecutive rows of one frame, without copying.
//!
//! Native columns are read natively also when other columns of the frame have host dtypes; a scan that wants one of those
//! is refused, and the caller takes `host_partition`, a pandas object.
//!
//! Invariant: a partition's arrays count (in `nbytes`) for their own rows only, not for the frame that they lie in.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, BooleanBufferBuilder, LargeStringArray, make_array};
use arrow::buffer::{BooleanBuffer, MutableBuffer, NullBuffer};
use arrow::datatypes::DataType;
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::chunk::held::{HeldSource, MemoryStream, chunk_of};
use crate::chunk::{Batch, BatchStream, Chunk, FrameChunk, IndexData, Notice, Scan, Source};
use crate::dtype::tokenize_array;
use crate::error::{Error, Result};
use crate::host::{HostRef, HostValue};
use crate::parallel;
use crate::py::convert::pandas::{Apart, Parts, Rows, take_apart};
use crate::py::convert::{call, numpy};
use crate::py::error::from_pyerr;
use crate::py::host::PyHostValue;
use crate::schema::{FrameSchema, IndexSchema};
use crate::token::{Token, Tokenize, Tokenizer};
use crate::wire::{Decoder, Encoder, Wire};

/// What [`Source::wire_kind`] calls it.
pub const KIND: &str = "memory";

/// A pandas object cut into partitions.
#[derive(Debug)]
pub struct MemorySource {
    apart: Apart,
    /// One more row position than there are partitions.
    bounds: Vec<usize>,
    token: Token,
}

impl MemorySource {
    /// The partitions of `object` between the row positions `bounds` (the first is 0, the last the number of rows). Without
    /// a token, the content is hashed.
    ///
    /// # Errors
    /// [`crate::error::Kind::Value`] when `bounds` don't go up from 0 to the number of rows.
    pub fn new(object: &Bound<'_, PyAny>, bounds: Vec<usize>, token: Option<Token>) -> PyResult<Self> {
        let apart = take_apart(object)?;
        let ends = (bounds.first().copied(), bounds.last().copied());
        if bounds.len() < 2 || ends != (Some(0), Some(apart.len)) || !bounds.is_sorted() {
            return Err(Error::value(format!(
                "partitions must go up from row 0 to row {}, got {bounds:?}",
                apart.len
            ))
            .into());
        }
        let token = match token {
            Some(token) => token,
            None => content_token(object.py(), &apart, &bounds),
        };
        Ok(Self { apart, bounds, token })
    }

    /// Some columns of a partition as a pandas object, behind pandas' copy-on-write; `None` takes all columns.
    ///
    /// # Errors
    /// [`crate::error::Kind::Index`] when there is no such partition.
    pub fn host_partition<'py>(
        &self,
        py: Python<'py>,
        partition: usize,
        columns: Option<&[usize]>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (start, end) = self.rows_of(partition)?;
        call(
            py,
            "select",
            (
                self.apart.shadow.bind(py),
                start,
                end,
                columns.map(<[usize]>::to_vec),
            ),
        )
    }

    /// Some columns of a partition as batches over just its own rows.
    fn partition(&self, partition: usize, columns: &[usize]) -> Result<Vec<Batch>> {
        let (start, end) = self.rows_of(partition)?;
        let whole = FrameChunk {
            schema: self.apart.schema.clone(),
            batches: self.apart.batches(columns)?,
        };
        let batches = whole.slice(start, end - start).batches;
        batches.into_iter().map(narrow_batch).collect()
    }

    /// Reads what [`Source::encode`] wrote.
    ///
    /// # Errors
    /// When the object isn't one of pandas', or the bytes are damaged.
    pub fn from_wire(from: &mut Decoder) -> Result<Arc<dyn Source>> {
        let object = from.object()?;
        let bounds = from.take()?;
        let token = from.take()?;
        Python::attach(|py| {
            let object = PyHostValue::object(py, object.as_ref())
                .ok_or_else(|| Error::internal("an object that isn't Python's"))?;
            Self::new(&object, bounds, Some(token)).map_err(|error| from_pyerr(py, error))
        })
        .map(|source| Arc::new(source) as _)
    }

    fn rows_of(&self, partition: usize) -> Result<(usize, usize)> {
        match self.bounds.get(partition..=partition + 1) {
            Some([start, end]) => Ok((*start, *end)),
            _ => Err(Error::index(format!(
                "partition {partition} of a frame with {} partitions",
                self.bounds.len() - 1
            ))),
        }
    }
}

/// The hash of all that the frame holds. Columns are hashed in parallel.
fn content_token(py: Python<'_>, apart: &Apart, bounds: &[usize]) -> Token {
    let mut t = Tokenizer::new();
    t.text("memory").number(apart.len as u64);
    apart.schema.tokenize(&mut t);
    for &bound in bounds {
        t.number(bound as u64);
    }
    let levels = match &apart.index {
        Rows::Range { start, step } => {
            t.number(start.cast_unsigned()).number(step.cast_unsigned());
            &[][..]
        }
        Rows::Levels(levels) => levels,
    };
    let columns: Vec<_> = apart.columns.iter().chain(levels).collect();
    if columns.iter().any(|parts| parts.is_none()) {
        t.token(PyHostValue::new(apart.shadow.bind(py)).token());
    }
    let tokens: Vec<Token> = py.detach(|| {
        let token = |parts: &&Parts| {
            let mut t = Tokenizer::new();
            for part in parts.iter().flat_map(|parts| parts.iter()) {
                tokenize_array(&part.to_data(), &mut t);
            }
            t.finish()
        };
        parallel::install(|| columns.par_iter().map(token).collect())
    });
    for token in tokens {
        t.token(token);
    }
    t.finish()
}

impl Source for MemorySource {
    fn name(&self) -> &'static str {
        "from_pandas"
    }

    fn schema(&self) -> Arc<FrameSchema> {
        self.apart.schema.clone()
    }

    fn npartitions(&self) -> usize {
        self.bounds.len() - 1
    }

    fn rows(&self, partition: usize) -> Option<usize> {
        self.rows_of(partition).ok().map(|(start, end)| end - start)
    }

    fn token(&self) -> Token {
        self.token
    }

    fn describe(&self, partition: usize) -> String {
        match self.rows_of(partition) {
            Ok((start, end)) => format!("rows {start} to {end} of a pandas object in memory"),
            Err(_) => "a pandas object in memory".to_string(),
        }
    }

    fn in_memory(&self) -> bool {
        true
    }

    fn filters(&self) -> bool {
        false
    }

    fn host_chunk(&self, scan: &Scan) -> Result<Chunk> {
        Python::attach(|py| {
            let object = self.host_partition(py, scan.partition, Some(&scan.columns))?;
            Ok(Chunk::Host(Arc::new(PyHostValue::new(&object))))
        })
        .map_err(|error: PyErr| Python::attach(|py| from_pyerr(py, error)))
    }

    fn projected_bytes(&self, scan: &Scan) -> usize {
        // Batches are pieces of memory that is there already; offsets of text, masks and bools are copied.
        scan.batch_rows.min(self.rows(scan.partition).unwrap_or(0)) * scan.columns.len() * 8
    }

    fn open(&self, scan: &Scan) -> Result<Box<dyn BatchStream>> {
        let mut wanted: Vec<usize> = scan.columns.to_vec();
        if let Some(filter) = &scan.filter {
            wanted.extend(filter.columns());
        }
        let batches = self.partition(scan.partition, &wanted)?;
        Ok(Box::new(MemoryStream::new(batches, scan)))
    }

    fn retyped(&self, _columns: &[usize], _threads: usize) -> Result<Arc<dyn Source>> {
        Err(Error::internal("the types of a frame in memory never change"))
    }

    fn wire_kind(&self) -> &'static str {
        KIND
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        let object: HostRef =
            Python::attach(|py| Arc::new(PyHostValue::new(self.apart.shadow.bind(py))) as _);
        out.object(&object, false);
        self.bounds.encode(out)?;
        self.token.encode(out)
    }

    fn taken_along(&self, partitions: &[usize], columns: &[usize]) -> Result<Option<Arc<dyn Source>>> {
        let schema = &self.apart.schema;
        let by_objects = matches!(&schema.index, IndexSchema::Levels(levels) if levels.iter().any(|level| level.dtype.is_host()));
        let host = by_objects
            || columns
                .iter()
                .any(|column| schema.columns[*column].dtype.is_host());
        let mut held = Vec::with_capacity(partitions.len());
        for &partition in partitions {
            let chunk = if host {
                self.host_chunk(&Scan {
                    partition,
                    columns: columns.into(),
                    filter: None,
                    batch_rows: 0,
                })?
            } else {
                chunk_of(&self.apart.schema, columns, self.partition(partition, columns)?)?
            };
            held.push((partition, chunk));
        }
        Ok(Some(Arc::new(HeldSource {
            schema: self.apart.schema.clone(),
            columns: columns.to_vec(),
            partitions: held,
            npartitions: self.npartitions(),
            token: self.token,
        })))
    }

    fn take_notices(&self) -> Vec<Notice> {
        Vec::new()
    }
}

fn narrow_batch(batch: Batch) -> Result<Batch> {
    let narrow = |arrays: Vec<ArrayRef>| arrays.into_iter().map(narrow_array).collect::<Result<Vec<_>>>();
    Ok(Batch {
        index: match batch.index {
            IndexData::Levels(levels) => IndexData::Levels(narrow(levels)?),
            range @ IndexData::Range { .. } => range,
        },
        columns: narrow(batch.columns)?,
        len: batch.len,
    })
}

/// An array over just the memory of its own rows. Values are shared; masks and bits are written anew, and offsets of text
/// where more text lies before the rows than they have.
fn narrow_array(array: ArrayRef) -> Result<ArrayRef> {
    let data = array.to_data();
    let Some(first) = data.buffers().first() else {
        return Ok(array);
    };
    let (start, len) = (data.offset(), data.len());
    let nulls = data.nulls().map(|nulls| {
        let bits = copied_bits(nulls.inner());
        NullBuffer::new(bits)
    });
    let builder = ArrayData::builder(data.data_type().clone()).len(len).nulls(nulls);
    let builder = match data.data_type() {
        DataType::Boolean => {
            builder.add_buffer(copied_bits(&BooleanBuffer::new(first.clone(), start, len)).into_inner())
        }
        DataType::LargeUtf8 => return narrow_text(&array),
        DataType::Dictionary(key, _) => {
            let Some(width) = key.primitive_width() else {
                return Ok(array);
            };
            builder
                .add_buffer(numpy::narrow(first, start * width, len * width))
                .child_data(data.child_data().to_vec())
        }
        other => match other.primitive_width() {
            Some(width) => builder.add_buffer(numpy::narrow(first, start * width, len * width)),
            None => return Ok(array),
        },
    };
    Ok(make_array(builder.build()?))
}

fn copied_bits(bits: &BooleanBuffer) -> BooleanBuffer {
    let mut copy = BooleanBufferBuilder::new(bits.len());
    copy.append_buffer(bits);
    copy.finish()
}

fn narrow_text(array: &ArrayRef) -> Result<ArrayRef> {
    let Some(text) = array.as_any().downcast_ref::<LargeStringArray>() else {
        return Err(Error::internal("text that isn't LargeUtf8"));
    };
    let offsets = text.value_offsets();
    let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else {
        return Ok(array.clone());
    };
    // Offsets can stay as they are when the text begins where the memory does; then what lies before the rows counts as
    // theirs, which is allowed for as much as they have themselves (as in `compact`).
    let shares = first <= last - first;
    let (offsets, start) = if shares {
        let shared = text.offsets().inner().inner();
        (numpy::narrow(shared, 0, std::mem::size_of_val(offsets)), 0)
    } else {
        let mut moved = MutableBuffer::new(std::mem::size_of_val(offsets));
        for offset in offsets {
            moved.push(offset - first);
        }
        (moved.into(), first)
    };
    let nulls = text
        .nulls()
        .map(|nulls| NullBuffer::new(copied_bits(nulls.inner())));
    let values = numpy::narrow(text.values(), start as usize, (last - start) as usize);
    let builder = ArrayData::builder(DataType::LargeUtf8)
        .len(text.len())
        .nulls(nulls);
    let builder = builder.add_buffer(offsets).add_buffer(values);
    Ok(make_array(builder.build()?))
}
