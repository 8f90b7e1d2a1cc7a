//! CSV files that turn out, while they are read, to hold what only pandas reads as pandas does (bools beside missing values,
//! integers beyond 64 bits, dates in several forms): then a reader in Python takes over, with the same partitions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use crate::chunk::{Batch, BatchStream, Notice, Scan, Source};
use crate::error::{Error, Kind, Result};
use crate::host::HostRef;
use crate::py::error::from_pyerr;
use crate::py::host::PyHostValue;
use crate::py::reader_source::ReaderSource;
use crate::schema::FrameSchema;
use crate::sync::Mutex;
use crate::token::Token;
use crate::wire::{Decoder, Encoder, Wire};

/// What it is called on the wire.
pub const KIND: &str = "csv-with-fallback";

/// A native source, and what makes a reader of the same partitions.
#[derive(Debug)]
pub struct WithFallback {
    inner: Arc<dyn Source>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    fallback: Py<PyAny>,
    /// A stream met something that only pandas reads.
    refused: AtomicBool,
    notices: Mutex<Vec<Notice>>,
}

impl WithFallback {
    /// `fallback()` gives a reader whose types are settled.
    #[must_use]
    pub fn new(inner: Arc<dyn Source>, fallback: Py<PyAny>) -> Self {
        let shared = Shared {
            fallback,
            refused: AtomicBool::new(false),
            notices: Mutex::default(),
        };
        Self {
            inner,
            shared: Arc::new(shared),
        }
    }

    /// Reads what `encode` wrote.
    ///
    /// # Errors
    /// When the bytes are of something else.
    pub fn from_wire(from: &mut Decoder) -> Result<Arc<dyn Source>> {
        let inner = from.take()?;
        let fallback = from.object()?;
        let fallback = Python::attach(|py| PyHostValue::object(py, fallback.as_ref()).map(Bound::unbind));
        let fallback = fallback.ok_or_else(|| Error::internal("a reader that isn't a Python object"))?;
        Ok(Arc::new(Self::new(inner, fallback)))
    }

    fn reader(&self) -> Result<Arc<dyn Source>> {
        let source = Python::attach(|py| {
            let reader = || ReaderSource::new(&self.shared.fallback.bind(py).call0()?);
            reader().map_err(|error| from_pyerr(py, error))
        })?;
        let (wanted, found) = (self.inner.npartitions(), source.npartitions());
        if wanted != found {
            return Err(Error::internal(format!(
                "pandas reads {found} partitions where {wanted} were planned"
            )));
        }
        Ok(Arc::new(source))
    }
}

impl Shared {
    /// A refusal in the middle of a run: plan anew, over the reader.
    fn refused(&self, error: Error, place: &str) -> Error {
        if error.kind() != Kind::NotNative {
            return error;
        }
        if !self.refused.swap(true, Ordering::Relaxed) {
            let text = format!(
                "{place}: {}: pandas reads these files from here on",
                error.message()
            );
            self.notices.lock().push(Notice(text));
        }
        Error::new(Kind::Retyped, error.message())
    }
}

impl Source for WithFallback {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn schema(&self) -> Arc<FrameSchema> {
        self.inner.schema()
    }

    fn npartitions(&self) -> usize {
        self.inner.npartitions()
    }

    fn rows(&self, partition: usize) -> Option<usize> {
        self.inner.rows(partition)
    }

    fn token(&self) -> Token {
        self.inner.token()
    }

    fn describe(&self, partition: usize) -> String {
        self.inner.describe(partition)
    }

    fn filters(&self) -> bool {
        self.inner.filters()
    }

    fn projected_bytes(&self, scan: &Scan) -> usize {
        self.inner.projected_bytes(scan)
    }

    fn open(&self, scan: &Scan) -> Result<Box<dyn BatchStream>> {
        let place = self.inner.describe(scan.partition);
        let inner = self
            .inner
            .open(scan)
            .map_err(|error| self.shared.refused(error, &place))?;
        Ok(Box::new(Watched {
            inner,
            shared: self.shared.clone(),
            place,
        }))
    }

    fn retyped(&self, columns: &[usize], threads: usize) -> Result<Arc<dyn Source>> {
        if self.shared.refused.load(Ordering::Relaxed) {
            return self.reader();
        }
        match self.inner.retyped(columns, threads) {
            Ok(inner) => {
                let fallback = Python::attach(|py| self.shared.fallback.clone_ref(py));
                Ok(Arc::new(Self::new(inner, fallback)))
            }
            Err(error) if error.kind() == Kind::NotNative => self.reader(),
            Err(error) => Err(error),
        }
    }

    fn wire_kind(&self) -> &'static str {
        KIND
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.inner.encode(out)?;
        let fallback: HostRef =
            Python::attach(|py| Arc::new(PyHostValue::new(self.shared.fallback.bind(py))) as _);
        out.object(&fallback, true);
        Ok(())
    }

    fn findings(&self, out: &mut Encoder) -> Result<()> {
        self.inner.findings(out)?;
        self.shared.refused.load(Ordering::Relaxed).encode(out)?;
        let texts: Vec<String> = self
            .shared
            .notices
            .lock()
            .iter()
            .map(|notice| notice.0.clone())
            .collect();
        texts.encode(out)
    }

    fn confirm(&self, from: &mut Decoder) -> Result<()> {
        self.inner.confirm(from)?;
        let (refused, texts): (bool, Vec<String>) = (from.take()?, from.take()?);
        if refused && !self.shared.refused.swap(true, Ordering::Relaxed) {
            self.shared.notices.lock().extend(texts.into_iter().map(Notice));
        }
        Ok(())
    }

    fn take_notices(&self) -> Vec<Notice> {
        let mut notices = self.inner.take_notices();
        notices.append(&mut self.shared.notices.lock());
        notices
    }
}

struct Watched {
    inner: Box<dyn BatchStream>,
    shared: Arc<Shared>,
    place: String,
}

impl BatchStream for Watched {
    fn next(&mut self) -> Result<Option<Batch>> {
        self.inner
            .next()
            .map_err(|error| self.shared.refused(error, &self.place))
    }
}
