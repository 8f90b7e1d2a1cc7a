//! A reader in Python as a source of partitions: files in forms or dialects that only pandas reads.
//!
//! The reader promises dtypes (`meta()`), gives some columns of a partition (`read(partition, columns)`), or says in which
//! places the data contradict the promise; then `settled(threads)` gives a reader that has looked at all partitions. So types
//! are settled as those of native sources are. Columns that Arrow holds are handed on natively.
//!
//! Invariant: what `read` gives has exactly the promised dtypes, or a host dtype is promised for the column.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::chunk::held::MemoryStream;
use crate::chunk::{BatchStream, Chunk, Notice, Scan, Source};
use crate::error::{Error, Kind, Result};
use crate::expr::frame;
use crate::host::{HostRef, HostValue};
use crate::py::convert::pandas::take_apart;
use crate::py::error::from_pyerr;
use crate::py::host::PyHostValue;
use crate::py::node::PyNode;
use crate::py::result::chunk_from_result;
use crate::schema::FrameSchema;
use crate::sync::Mutex;
use crate::token::{Token, Tokenizer};
use crate::wire::{Decoder, Encoder, Wire};

/// About how many bytes of text become a task's chunk; only the reader knows how many it will be.
const PROJECTED: usize = 1 << 26;

/// What it is called on the wire.
pub const KIND: &str = "reader";

/// A reader in Python.
#[derive(Debug)]
pub struct ReaderSource {
    reader: Arc<PyHostValue>,
    name: String,
    schema: Arc<FrameSchema>,
    npartitions: usize,
    token: Token,
    notices: Mutex<Vec<Notice>>,
}

impl ReaderSource {
    /// The source of a reader, which is asked for its promises now.
    ///
    /// # Errors
    /// What the reader raises.
    pub fn new(reader: &Bound<'_, PyAny>) -> PyResult<Self> {
        let schema = take_apart(&reader.call_method0("meta")?)?.schema;
        let held: Arc<PyHostValue> = Arc::new(PyHostValue::new(reader));
        let mut t = Tokenizer::new();
        t.text("reader").token(held.token());
        Ok(Self {
            name: reader.getattr("name")?.extract()?,
            npartitions: reader.getattr("npartitions")?.extract()?,
            schema,
            token: t.finish(),
            reader: held,
            notices: Mutex::default(),
        })
    }

    /// Reads what `encode` wrote.
    ///
    /// # Errors
    /// What the reader raises.
    pub fn from_wire(from: &mut Decoder) -> Result<Arc<dyn Source>> {
        let reader = from.object()?;
        let token = from.take()?;
        let source = Python::attach(|py| {
            let object = PyHostValue::object(py, reader.as_ref())
                .ok_or_else(|| Error::internal("a reader that isn't a Python object"))?;
            Self::new(&object).map_err(|error| from_pyerr(py, error))
        })?;
        Ok(Arc::new(Self { token, ..source }))
    }

    fn bound<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        PyHostValue::object(py, self.reader.as_ref())
            .ok_or_else(|| Error::internal("a reader that isn't a Python object").into())
    }

    /// A partition's columns as pandas gives them.
    fn read<'py>(&self, py: Python<'py>, scan: &Scan) -> Result<Bound<'py, PyAny>> {
        let read = || -> PyResult<(Bound<'py, PyAny>, Vec<String>)> {
            self.bound(py)?
                .call_method1("read", (scan.partition, scan.columns.to_vec()))?
                .extract()
        };
        let (frame, contradictions) = read().map_err(|error| from_pyerr(py, error))?;
        let Some(first) = contradictions.first().cloned() else {
            return Ok(frame);
        };
        let mut notices = self.notices.lock();
        // Several blocks may contradict the type of a column; the first to be found speaks for all.
        if notices.is_empty() {
            notices.extend(contradictions.into_iter().map(Notice));
        }
        Err(Error::new(Kind::Retyped, first))
    }

    fn narrow(&self, scan: &Scan) -> Arc<FrameSchema> {
        let columns = scan
            .columns
            .iter()
            .map(|column| self.schema.columns[*column].clone());
        Arc::new(self.schema.with_columns(self.schema.kind, columns.collect()))
    }
}

impl Source for ReaderSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn schema(&self) -> Arc<FrameSchema> {
        self.schema.clone()
    }

    fn npartitions(&self) -> usize {
        self.npartitions
    }

    fn rows(&self, _partition: usize) -> Option<usize> {
        None
    }

    fn token(&self) -> Token {
        self.token
    }

    fn describe(&self, partition: usize) -> String {
        Python::attach(|py| {
            self.bound(py)?
                .call_method1("describe", (partition,))?
                .extract::<String>()
        })
        .unwrap_or_else(|_| format!("partition {partition} of {}", self.name))
    }

    fn filters(&self) -> bool {
        false
    }

    fn by_host(&self) -> bool {
        true
    }

    fn projected_bytes(&self, _scan: &Scan) -> usize {
        PROJECTED
    }

    fn open(&self, scan: &Scan) -> Result<Box<dyn BatchStream>> {
        let mut columns = scan.columns.to_vec();
        if let Some(filter) = &scan.filter {
            columns.extend(filter.columns());
        }
        let all = Scan {
            columns: columns.into(),
            ..scan.clone()
        };
        let schema = self.narrow(&all);
        let chunk = Python::attach(|py| {
            let frame = self.read(py, &all)?;
            chunk_from_result(&frame, &schema).map_err(|error| from_pyerr(py, error))
        })?;
        let Chunk::Frame(frame) = chunk else {
            return Err(Error::internal("host columns where native ones were wanted"));
        };
        let frame = Arc::unwrap_or_clone(frame);
        Ok(Box::new(MemoryStream::new(frame.batches, scan)))
    }

    fn host_chunk(&self, scan: &Scan) -> Result<Chunk> {
        Python::attach(|py| {
            let frame = self.read(py, scan)?;
            let value: HostRef = Arc::new(PyHostValue::new(&frame));
            Ok(Chunk::Host(value))
        })
    }

    fn retyped(&self, _columns: &[usize], threads: usize) -> Result<Arc<dyn Source>> {
        Python::attach(|py| {
            let settled = || Self::new(&self.bound(py)?.call_method1("settled", (threads,))?);
            let settled = settled().map_err(|error| from_pyerr(py, error))?;
            Ok(Arc::new(settled) as Arc<dyn Source>)
        })
    }

    fn wire_kind(&self) -> &'static str {
        KIND
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        let reader: HostRef = self.reader.clone();
        out.object(&reader, false);
        self.token.encode(out)
    }

    fn findings(&self, out: &mut Encoder) -> Result<()> {
        let texts: Vec<String> = self
            .notices
            .lock()
            .iter()
            .map(|notice| notice.0.clone())
            .collect();
        texts.encode(out)
    }

    fn confirm(&self, from: &mut Decoder) -> Result<()> {
        let texts: Vec<String> = from.take()?;
        let mut notices = self.notices.lock();
        if notices.is_empty() {
            notices.extend(texts.into_iter().map(Notice));
        }
        Ok(())
    }

    fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.notices.lock())
    }
}

/// A plan that reads through a reader in Python.
#[pyfunction]
pub fn scan_reader(reader: &Bound<'_, PyAny>) -> PyResult<PyNode> {
    let source = ReaderSource::new(reader)?;
    let prefix = source.name.clone();
    Ok(PyNode(frame::scan(Arc::new(source), None, &prefix)))
}
