//! A source some of whose columns are the index: what `index_col` asks of a reader.
//!
//! The columns are read like all others, so their types are settled with those of the others. A predicate is not handed
//! down: it may read the index, which the source below doesn't have.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::chunk::{Batch, BatchStream, Chunk, IndexData, Notice, Scan, Source};
use crate::error::{Error, Result};
use crate::expr::{NodeOp, frame};
use crate::py::convert::{call, label};
use crate::py::error::{from_pyerr, to_pyerr};
use crate::py::host::{PyHostValue, chunk_to_object};
use crate::py::node::PyNode;
use crate::schema::{Column, FrameSchema, IndexSchema, Label};
use crate::token::{Token, Tokenizer};
use crate::wire::{Decoder, Encoder, Wire};

/// What it is called on the wire.
pub const KIND: &str = "indexed";

/// A source and which of its columns are the levels of the index.
#[derive(Debug)]
pub struct IndexedSource {
    inner: Arc<dyn Source>,
    levels: Vec<usize>,
    /// The other columns, as positions in the inner source.
    columns: Vec<usize>,
    schema: Arc<FrameSchema>,
}

impl IndexedSource {
    /// The source whose columns `levels` are the index.
    #[must_use]
    pub fn new(inner: Arc<dyn Source>, levels: Vec<usize>) -> Self {
        let all = inner.schema();
        let columns: Vec<usize> = (0..all.columns.len())
            .filter(|column| !levels.contains(column))
            .collect();
        let level = |column: &usize| {
            let Column { name, dtype } = all.columns[*column].clone();
            // A column without a header has no name as an index either.
            let unnamed = matches!(&name, Label::Str(name) if name.starts_with("Unnamed: "));
            Column {
                name: if unnamed { Label::None } else { name },
                dtype,
            }
        };
        let schema = FrameSchema {
            columns: columns
                .iter()
                .map(|column| all.columns[*column].clone())
                .collect(),
            index: IndexSchema::Levels(levels.iter().map(level).collect()),
            ..(*all).clone()
        };
        Self {
            inner,
            levels,
            columns,
            schema: Arc::new(schema),
        }
    }

    /// Reads what `encode` wrote.
    ///
    /// # Errors
    /// When the bytes are of something else.
    pub fn from_wire(from: &mut Decoder) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(Self::new(from.take()?, from.take()?)))
    }

    fn below(&self, scan: &Scan) -> Scan {
        let columns = scan.columns.iter().map(|column| self.columns[*column]);
        Scan {
            columns: columns.chain(self.levels.iter().copied()).collect(),
            filter: None,
            ..scan.clone()
        }
    }
}

impl Source for IndexedSource {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn schema(&self) -> Arc<FrameSchema> {
        self.schema.clone()
    }

    fn npartitions(&self) -> usize {
        self.inner.npartitions()
    }

    fn rows(&self, partition: usize) -> Option<usize> {
        self.inner.rows(partition)
    }

    fn token(&self) -> Token {
        let mut t = Tokenizer::new();
        t.text("indexed").token(self.inner.token());
        for level in &self.levels {
            t.number(*level as u64);
        }
        t.finish()
    }

    fn describe(&self, partition: usize) -> String {
        self.inner.describe(partition)
    }

    fn filters(&self) -> bool {
        false
    }

    fn by_host(&self) -> bool {
        self.inner.by_host()
    }

    fn projected_bytes(&self, scan: &Scan) -> usize {
        self.inner.projected_bytes(&self.below(scan))
    }

    fn open(&self, scan: &Scan) -> Result<Box<dyn BatchStream>> {
        if scan.filter.is_some() {
            return Err(Error::internal("a predicate for a source that doesn't filter"));
        }
        Ok(Box::new(IndexedStream {
            inner: self.inner.open(&self.below(scan))?,
            width: scan.columns.len(),
        }))
    }

    fn host_chunk(&self, scan: &Scan) -> Result<Chunk> {
        let IndexSchema::Levels(levels) = &self.schema.index else {
            return Err(Error::internal("an indexed source without levels"));
        };
        let chunk = self.inner.host_chunk(&self.below(scan))?;
        Python::attach(|py| {
            let indexed = || {
                let names = levels.iter().map(|level| label::to_python(py, &level.name));
                let names = names.collect::<PyResult<Vec<_>>>()?;
                call(py, "index_from_last", (chunk_to_object(py, &chunk)?, names))
            };
            let object = indexed().map_err(|error| from_pyerr(py, error))?;
            Ok(Chunk::Host(Arc::new(PyHostValue::new(&object))))
        })
    }

    fn retyped(&self, columns: &[usize], threads: usize) -> Result<Arc<dyn Source>> {
        let mut below: Vec<usize> = columns.iter().map(|column| self.columns[*column]).collect();
        below.extend(&self.levels);
        let inner = self.inner.retyped(&below, threads)?;
        Ok(Arc::new(Self::new(inner, self.levels.clone())))
    }

    fn wire_kind(&self) -> &'static str {
        KIND
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.inner.encode(out)?;
        self.levels.encode(out)
    }

    fn findings(&self, out: &mut Encoder) -> Result<()> {
        self.inner.findings(out)
    }

    fn confirm(&self, from: &mut Decoder) -> Result<()> {
        self.inner.confirm(from)
    }

    fn take_notices(&self) -> Vec<Notice> {
        self.inner.take_notices()
    }
}

struct IndexedStream {
    inner: Box<dyn BatchStream>,
    width: usize,
}

impl BatchStream for IndexedStream {
    fn next(&mut self) -> Result<Option<Batch>> {
        let Some(mut batch) = self.inner.next()? else {
            return Ok(None);
        };
        let levels = batch.columns.split_off(self.width);
        Ok(Some(Batch {
            index: IndexData::Levels(levels),
            ..batch
        }))
    }
}

/// The scan of a source with some of its columns as index.
#[pyfunction]
pub fn scan_with_index(py: Python<'_>, node: &Bound<'_, PyNode>, levels: Vec<usize>) -> PyResult<PyNode> {
    let node = &node.get().0;
    let NodeOp::Scan {
        source,
        partitions: None,
        predicate: None,
        ..
    } = &node.op
    else {
        return Err(to_pyerr(
            py,
            &Error::internal("only a plain scan can take an index"),
        ));
    };
    let width = source.schema().columns.len();
    if let Some(level) = levels.iter().find(|level| **level >= width) {
        return Err(to_pyerr(
            py,
            &Error::index(format!("column {level} of {width} can't be the index")),
        ));
    }
    let source = Arc::new(IndexedSource::new(source.clone(), levels));
    Ok(PyNode(frame::scan(source, None, &node.prefix)))
}
