//! Partitions of a source that are in memory, as a source by themselves: what a task takes along to another process. And
//! the stream over batches in memory, with a filter's columns behind the others.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};

use crate::chunk::{Batch, BatchFilter, BatchStream, Chunk, FrameChunk, IndexData, Notice, Scan, Source};
use crate::error::{Error, Result};
use crate::schema::FrameSchema;
use crate::token::Token;
use crate::wire::{Decoder, Encoder, Wire};

/// Some columns of some partitions of a source.
#[derive(Debug)]
pub struct HeldSource {
    /// The schema of the source that they were taken from: columns keep their positions.
    pub schema: Arc<FrameSchema>,
    /// The positions of the columns that are held.
    pub columns: Vec<usize>,
    /// The number and the rows of each partition that is held.
    pub partitions: Vec<(usize, Chunk)>,
    /// The number of partitions of that source.
    pub npartitions: usize,
    /// Its content hash.
    pub token: Token,
}

/// What [`Source::wire_kind`] calls it.
pub const KIND: &str = "held";

impl HeldSource {
    /// Reads what [`Source::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn from_wire(from: &mut Decoder) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(Self {
            schema: from.take()?,
            columns: from.take()?,
            partitions: from.take()?,
            npartitions: from.take()?,
            token: from.take()?,
        }))
    }

    fn chunk(&self, partition: usize) -> Result<&Chunk> {
        let found = self.partitions.iter().find(|(number, _)| *number == partition);
        let (_, chunk) =
            found.ok_or_else(|| Error::internal(format!("partition {partition} was left at home")))?;
        Ok(chunk)
    }

    /// Where a column of the source is among those held.
    fn place(&self, column: usize) -> Result<usize> {
        let place = self.columns.iter().position(|held| *held == column);
        place.ok_or_else(|| Error::internal(format!("column {column} was left at home")))
    }
}

impl Source for HeldSource {
    fn name(&self) -> &'static str {
        "from_pandas"
    }

    fn schema(&self) -> Arc<FrameSchema> {
        self.schema.clone()
    }

    fn npartitions(&self) -> usize {
        self.npartitions
    }

    fn rows(&self, partition: usize) -> Option<usize> {
        self.chunk(partition).ok().and_then(Chunk::rows)
    }

    fn token(&self) -> Token {
        self.token
    }

    fn describe(&self, partition: usize) -> String {
        format!("partition {partition} of an object in memory")
    }

    fn in_memory(&self) -> bool {
        true
    }

    fn filters(&self) -> bool {
        false
    }

    fn projected_bytes(&self, scan: &Scan) -> usize {
        scan.batch_rows * scan.columns.len() * 8
    }

    fn open(&self, scan: &Scan) -> Result<Box<dyn BatchStream>> {
        let Chunk::Frame(frame) = self.chunk(scan.partition)? else {
            return Err(Error::internal("a frame of host columns read natively"));
        };
        let filtered = scan.filter.iter().flat_map(|filter| filter.columns());
        let places = scan.columns.iter().chain(filtered);
        let places = places
            .map(|column| self.place(*column))
            .collect::<Result<Vec<_>>>()?;
        let batches = frame.batches.iter().map(|batch| Batch {
            index: batch.index.clone(),
            columns: places.iter().map(|place| batch.columns[*place].clone()).collect(),
            len: batch.len,
        });
        Ok(Box::new(MemoryStream::new(batches.collect(), scan)))
    }

    fn host_chunk(&self, scan: &Scan) -> Result<Chunk> {
        self.chunk(scan.partition).cloned()
    }

    fn retyped(&self, _columns: &[usize], _threads: usize) -> Result<Arc<dyn Source>> {
        Err(Error::internal("the types of a frame in memory never change"))
    }

    fn wire_kind(&self) -> &'static str {
        KIND
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.schema.encode(out)?;
        self.columns.encode(out)?;
        self.partitions.encode(out)?;
        self.npartitions.encode(out)?;
        self.token.encode(out)
    }

    fn take_notices(&self) -> Vec<Notice> {
        Vec::new()
    }
}

/// The batches of a partition that are still to be read.
pub struct MemoryStream {
    pieces: VecDeque<Batch>,
    /// Columns that were asked for; those of the filter come after them.
    width: usize,
    filter: Option<Arc<dyn BatchFilter>>,
}

impl MemoryStream {
    /// Over batches of the scan's columns and, behind them, its filter's; cut to the scan's size.
    #[must_use]
    pub fn new(batches: Vec<Batch>, scan: &Scan) -> Self {
        let rows = scan.batch_rows.max(1);
        let mut pieces = VecDeque::new();
        for batch in batches {
            let mut offset = 0;
            while offset < batch.len || (batch.len == 0 && offset == 0) {
                let len = rows.min(batch.len - offset);
                pieces.push_back(if len == batch.len {
                    batch.clone()
                } else {
                    batch.slice(offset, len)
                });
                offset += len.max(1);
            }
        }
        Self {
            pieces,
            width: scan.columns.len(),
            filter: scan.filter.clone(),
        }
    }
}

impl BatchStream for MemoryStream {
    fn next(&mut self) -> Result<Option<Batch>> {
        let Some(mut batch) = self.pieces.pop_front() else {
            return Ok(None);
        };
        let Some(filter) = &self.filter else {
            return Ok(Some(batch));
        };
        let tested = Batch {
            columns: batch.columns.split_off(self.width),
            index: batch.index.clone(),
            len: batch.len,
        };
        let levels = batch.index_levels();
        let batch = match filter.select(&tested)? {
            None => Batch {
                index: IndexData::Levels(levels),
                ..batch
            },
            Some(rows) => Batch {
                index: IndexData::Levels(taken(&levels, &rows)?),
                columns: taken(&batch.columns, &rows)?,
                len: rows.len(),
            },
        };
        Ok(Some(batch))
    }
}

fn taken(arrays: &[ArrayRef], rows: &UInt32Array) -> Result<Vec<ArrayRef>> {
    let take = |array: &ArrayRef| Ok(arrow::compute::take(array, rows, None)?);
    arrays.iter().map(take).collect()
}

/// Batches as a chunk of just these columns of a schema.
///
/// # Errors
/// When they don't fit.
pub fn chunk_of(schema: &FrameSchema, columns: &[usize], batches: Vec<Batch>) -> Result<Chunk> {
    let kept = columns
        .iter()
        .map(|column| schema.columns[*column].clone())
        .collect();
    let schema = Arc::new(schema.with_columns(schema.kind, kept));
    Ok(Chunk::Frame(Arc::new(FrameChunk::new(schema, batches)?)))
}
