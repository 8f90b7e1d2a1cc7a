//! Where partitions come from: files, memory, host functions. A source reads one partition as a stream of batches.

use std::fmt::Debug;
use std::sync::Arc;

use crate::chunk::{Batch, Chunk};
use crate::error::{Error, Result};
use crate::schema::FrameSchema;
use crate::token::Token;
use crate::wire::{Decoder, Encoder};

/// What one task asks of a source.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The partition.
    pub partition: usize,
    /// The columns to deliver, as positions in the source's schema, in this order.
    pub columns: Arc<[usize]>,
    /// Rows to leave out before the other columns are converted; reads columns by their position in the source's schema.
    pub filter: Option<Arc<dyn BatchFilter>>,
    /// How many rows a batch should have.
    pub batch_rows: usize,
}

/// A predicate as a source sees it.
pub trait BatchFilter: Debug + Send + Sync {
    /// The columns of the source's schema that it reads, in the order in which `select` wants them.
    fn columns(&self) -> &[usize];

    /// The positions of the rows to keep, ascending; `None` keeps all. `batch` has just `columns()` and the index.
    ///
    /// # Errors
    /// When a kernel fails.
    fn select(&self, batch: &Batch) -> Result<Option<arrow::array::UInt32Array>>;
}

/// The batches of one partition, read on demand.
pub trait BatchStream: Send {
    /// The next batch; `None` at the end. Batches have the columns of the scan and the index of the source's schema (with
    /// a filter, a range index is written out as one `int64` level).
    ///
    /// # Errors
    /// When the data can't be read, with file and row.
    fn next(&mut self) -> Result<Option<Batch>>;
}

/// Something that a source tells the user once, as a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice(pub String);

/// A source of partitions. It is immutable but for what it learns about types.
pub trait Source: Debug + Send + Sync {
    /// What it is called in plans and names, such as `read-csv`.
    fn name(&self) -> &str;

    /// All columns that it can deliver, and its index.
    fn schema(&self) -> Arc<FrameSchema>;

    /// The number of partitions.
    fn npartitions(&self) -> usize;

    /// The rows of a partition, where known without reading.
    fn rows(&self, partition: usize) -> Option<usize>;

    /// Content hash: files with their sizes and times, options.
    fn token(&self) -> Token;

    /// Where a partition comes from, for errors: file and byte range.
    fn describe(&self, partition: usize) -> String;

    /// Whether it applies `Scan::filter` itself, so that it pays to push a predicate into it.
    fn filters(&self) -> bool;

    /// Whether its partitions are in memory already, so that reading costs nothing.
    fn in_memory(&self) -> bool {
        false
    }
    /// Whether the host language reads it.
    fn by_host(&self) -> bool {
        false
    }

    /// Bytes of memory that reading a partition takes at once (the batches in flight, not the whole).
    fn projected_bytes(&self, scan: &Scan) -> usize;

    /// Opens a partition.
    ///
    /// # Errors
    /// When it can't be opened.
    fn open(&self, scan: &Scan) -> Result<Box<dyn BatchStream>>;

    /// The columns of a partition as one host object, for columns that Arrow can't hold.
    ///
    /// # Errors
    /// When the source has no such columns.
    fn host_chunk(&self, scan: &Scan) -> Result<Chunk> {
        Err(Error::internal(format!(
            "{} has no host columns (partition {})",
            self.name(),
            scan.partition
        )))
    }

    /// After [`crate::error::Kind::Retyped`]: reads what is needed to settle the types of `columns` for good, in parallel,
    /// and gives the source with these types.
    ///
    /// # Errors
    /// When the data can't be read.
    fn retyped(&self, columns: &[usize], threads: usize) -> Result<Arc<dyn Source>>;

    /// What its wire form is called.
    fn wire_kind(&self) -> &'static str;

    /// Writes it for another process; the reader is listed under its kind in `py::wire`.
    ///
    /// # Errors
    /// When it can't leave the process.
    fn encode(&self, out: &mut Encoder) -> Result<()>;

    /// These columns of these partitions of it, held in memory: what a task that reads them takes along instead of the whole.
    /// `None` when the source itself may travel, since reading is as good elsewhere.
    ///
    /// # Errors
    /// When the data can't be read.
    fn taken_along(&self, partitions: &[usize], columns: &[usize]) -> Result<Option<Arc<dyn Source>>> {
        let _ = (partitions, columns);
        Ok(None)
    }

    /// Writes what reading in another process has shown and the source at home has to know.
    ///
    /// # Errors
    /// When it can't be written.
    fn findings(&self, out: &mut Encoder) -> Result<()> {
        let _ = out;
        Ok(())
    }

    /// Takes in what `findings` wrote.
    ///
    /// # Errors
    /// [`crate::error::Kind::Retyped`] when what was read elsewhere turns out to be wrong.
    fn confirm(&self, from: &mut Decoder) -> Result<()> {
        let _ = from;
        Ok(())
    }

    /// Takes what there is to tell the user.
    fn take_notices(&self) -> Vec<Notice>;
}
