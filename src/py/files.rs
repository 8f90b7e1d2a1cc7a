//! Files named by Python: a local path, or `(name, size, reader[, mark])` whose `reader(offset, length)` gives
//! bytes; `mark` tells this content from another under the same name.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::{Error, Result};
use crate::host::HostRef;
use crate::io::csv::{ByteSource, LocalFile, ReadAt};
use crate::py::error::from_pyerr;
use crate::py::host::PyHostValue;
use crate::token::{Token, Tokenizer};
use crate::wire::{Decoder, Encoder, Wire};

/// Bytes that Python fetches.
#[derive(Debug)]
struct PyFile {
    name: String,
    size: u64,
    reader: HostRef,
    fingerprint: Token,
}

impl ByteSource for PyFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn fingerprint(&self) -> Token {
        self.fingerprint
    }

    fn open(&self) -> Result<Arc<dyn ReadAt>> {
        Ok(Arc::new(OpenPyFile {
            name: self.name.clone(),
            reader: self.reader.clone(),
        }))
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.tag(1);
        self.name.encode(out)?;
        self.size.encode(out)?;
        out.object(&self.reader, true);
        self.fingerprint.encode(out)
    }
}

/// Reads what a file of Python's wrote.
///
/// # Errors
/// When the bytes are damaged.
pub fn from_wire(from: &mut Decoder) -> Result<Arc<dyn ByteSource>> {
    Ok(Arc::new(PyFile {
        name: from.take()?,
        size: from.take()?,
        reader: from.object()?,
        fingerprint: from.take()?,
    }))
}

struct OpenPyFile {
    name: String,
    reader: HostRef,
}

impl ReadAt for OpenPyFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize> {
        Python::attach(|py| {
            let reader = PyHostValue::object(py, self.reader.as_ref())
                .ok_or_else(|| Error::internal("a reader that isn't Python's"))?;
            let bytes = reader.call1((offset, into.len()))?;
            let bytes = bytes.cast_into::<PyBytes>().map_err(PyErr::from)?;
            let bytes = bytes.as_bytes();
            let count = bytes.len().min(into.len());
            into[..count].copy_from_slice(&bytes[..count]);
            Ok(count)
        })
        .map_err(|error: PyErr| {
            Python::attach(|py| from_pyerr(py, error))
                .note(format!("while reading {} from byte {offset} on", self.name))
        })
    }
}

/// The file that Python means.
///
/// # Errors
/// `OSError` when a local file isn't there.
pub fn file_from_python(file: &Bound<'_, PyAny>) -> PyResult<Arc<dyn ByteSource>> {
    if let Ok(path) = file.extract::<String>() {
        return Ok(Arc::new(LocalFile::new(path)?));
    }
    let (name, size, reader, mark): (String, u64, Py<PyAny>, String) = if let Ok(whole) = file.extract() {
        whole
    } else {
        let (name, size, reader): (String, u64, Py<PyAny>) = file.extract()?;
        (name, size, reader, String::new())
    };
    let mut t = Tokenizer::new();
    t.text("file").text(&name).number(size).text(&mark);
    Ok(Arc::new(PyFile {
        name,
        size,
        reader: Arc::new(PyHostValue::new(reader.bind(file.py()))),
        fingerprint: t.finish(),
    }))
}
