//! Zarr arrays across the border: opening, reading and writing them, and stores that Python holds.
//!
//! A store is a path, or an object with the methods of `dusk.array.io._zarr_store.Store`. Work on bytes is done detached.

use std::sync::Arc;

use hashbrown::HashSet;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyRange, PyTuple};
use serde_json::Value;

use crate::chunk::ArrayChunk;
use crate::chunk::array_source::{ArraySource, Region, ViewAxis};
use crate::error::{Error, Result};
use crate::expr::NodeOp;
use crate::expr::array::{self, ArrayOp};
use crate::host::HostRef;
use crate::io::zarr::{
    ByteStore, Create, Format, LocalStore, Overwrite, Span, ZarrArray, ZarrWriter, document, write_grid,
};
use crate::nd::{Axis, Grid, NdDtype};
use crate::py::array::build::grid_from_py;
use crate::py::array::convert::{chunk_from_numpy, dtype_from_python, dtype_to_python, own_numpy};
use crate::py::array::zarr_view::ZarrView;
use crate::py::error::{from_pyerr, to_pyerr};
use crate::py::host::PyHostValue;
use crate::py::node::PyNode;
use crate::token::{Token, Tokenizer};
use crate::wire::{Decoder, Encoder, Wire};

/// A store that Python holds.
#[derive(Debug)]
struct PyStore {
    object: Py<PyAny>,
    name: String,
    identity: String,
}

impl PyStore {
    fn call<T>(&self, run: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>) -> Result<T> {
        Python::attach(|py| run(self.object.bind(py)).map_err(|error| from_pyerr(py, error)))
    }
}

impl ByteStore for PyStore {
    fn describe(&self, key: &str) -> String {
        if key.is_empty() {
            self.name.clone()
        } else {
            format!("{}/{key}", self.name.trim_end_matches('/'))
        }
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn get(&self, key: &str, span: Span, into: &mut Vec<u8>) -> Result<bool> {
        into.clear();
        self.call(|store| {
            let (start, len) = match span {
                Span::All => (None, None),
                Span::From { start, len } => (Some(start as i128), Some(len)),
                Span::Last(len) => (Some(-(len as i128)), None),
            };
            let bytes = store.call_method1("get", (key, start, len))?;
            if bytes.is_none() {
                return Ok(false);
            }
            into.extend_from_slice(bytes.cast::<PyBytes>()?.as_bytes());
            Ok(true)
        })
    }

    fn set(&self, key: &str, bytes: &[u8]) -> Result<()> {
        self.call(|store| {
            let bytes = PyBytes::new(store.py(), bytes);
            store.call_method1("set", (key, bytes)).map(|_| ())
        })
    }

    fn erase(&self, key: &str) -> Result<()> {
        self.call(|store| store.call_method1("erase", (key,)).map(|_| ()))
    }

    fn erase_prefix(&self, prefix: &str) -> Result<()> {
        self.call(|store| store.call_method1("erase_prefix", (prefix,)).map(|_| ()))
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>> {
        self.call(|store| store.call_method1("list", (prefix,))?.extract())
    }
}

fn store_from_py(store: &Bound<'_, PyAny>) -> PyResult<Arc<dyn ByteStore>> {
    if let Ok(path) = store.extract::<std::path::PathBuf>() {
        return Ok(Arc::new(LocalStore::new(path)));
    }
    Ok(Arc::new(PyStore {
        name: store.getattr("name")?.extract()?,
        identity: store.getattr("identity")?.extract()?,
        object: store.clone().unbind(),
    }))
}

/// What it is called on the wire.
pub const KIND: &str = "zarr";

/// A Zarr array as a source of blocks.
#[derive(Clone, Debug)]
pub struct ZarrSource {
    array: ZarrArray,
    token: Token,
    /// The store as Python gave it, and the path in it: for another process.
    store: HostRef,
    node: String,
}

impl ZarrSource {
    /// Reads what `encode` wrote.
    ///
    /// # Errors
    /// When the array can't be opened here.
    pub fn from_wire(from: &mut Decoder) -> Result<Arc<dyn ArraySource>> {
        Ok(Arc::new(Self::decode(from)?))
    }

    pub(super) fn decode(from: &mut Decoder) -> Result<Self> {
        let store = from.object()?;
        let (node, token): (String, Token) = (from.take()?, from.take()?);
        let opened = Python::attach(|py| {
            let object = PyHostValue::object(py, store.as_ref())
                .ok_or_else(|| Error::internal("a store that isn't Python's"))?;
            store_from_py(&object).map_err(|error| from_pyerr(py, error))
        })?;
        Ok(Self {
            array: ZarrArray::open(opened, &node)?,
            token,
            store,
            node,
        })
    }

    /// What part of it is meant, for people. [`zarr_reads`] knows it by its end.
    pub(super) fn described(&self, part: &str) -> String {
        format!("{part} of the Zarr array at {}", self.array.place())
    }
}

impl ArraySource for ZarrSource {
    fn name(&self) -> &'static str {
        "from-zarr"
    }

    fn dtype(&self) -> NdDtype {
        self.array.meta().dtype.clone()
    }

    fn shape(&self) -> Vec<usize> {
        self.array.meta().shape.clone()
    }

    fn token(&self) -> Token {
        self.token
    }

    fn describe(&self, region: &Region) -> String {
        self.described(&format!("{region:?}"))
    }

    fn projected_bytes(&self, region: &Region) -> usize {
        self.array.projected_bytes(region)
    }

    fn is_local_file(&self) -> bool {
        self.array.is_local()
    }

    fn is_stored_plainly(&self) -> bool {
        self.array.is_stored_plainly()
    }

    fn read(&self, region: &Region) -> Result<ArrayChunk> {
        self.array.read(region)
    }

    fn grain(&self) -> Option<&[usize]> {
        Some(self.array.meta().chunk())
    }

    fn viewed(
        &self,
        axes: &[ViewAxis],
        fixed: &[(usize, usize)],
        shape: &[usize],
    ) -> Option<Arc<dyn ArraySource>> {
        Some(Arc::new(ZarrView::new(
            Arc::new(self.clone()),
            axes,
            fixed,
            shape,
        )))
    }

    fn wire_kind(&self) -> &'static str {
        KIND
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.object(&self.store, false);
        self.node.encode(out)?;
        self.token.encode(out)
    }
}

/// A Zarr array that can be read.
#[pyclass(module = "dusk._core", name = "ZarrArray", frozen)]
pub struct PyZarrArray {
    array: ZarrArray,
    store: HostRef,
    node: String,
}

#[pymethods]
impl PyZarrArray {
    /// Opens the array at the path `node` of a store.
    #[new]
    #[pyo3(signature = (store, node=""))]
    fn new(py: Python<'_>, store: &Bound<'_, PyAny>, node: &str) -> PyResult<Self> {
        let opened = store_from_py(store)?;
        let array = py.detach(|| ZarrArray::open(opened, node));
        Ok(Self {
            array: array.map_err(|error| to_pyerr(py, &error))?,
            store: Arc::new(PyHostValue::new(store)),
            node: node.to_string(),
        })
    }

    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.array.meta().shape)
    }

    /// Shape of the smallest pieces that are decoded alone.
    #[getter]
    fn chunks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.array.meta().chunk())
    }

    /// Shape of a shard, for an array that has shards.
    #[getter]
    fn shards<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let meta = self.array.meta();
        meta.shard
            .as_ref()
            .map(|_| PyTuple::new(py, &meta.object))
            .transpose()
    }

    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        dtype_to_python(py, &self.array.meta().dtype)
    }

    /// The element that fills what was never written, as a NumPy scalar.
    #[getter]
    fn fill_value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let meta = self.array.meta();
        let item = arrow::buffer::Buffer::from(meta.fill.as_slice());
        let chunk = ArrayChunk::dense(meta.dtype.clone(), vec![], item)?;
        own_numpy(py, Arc::new(chunk))?.get_item(PyTuple::empty(py))
    }

    #[getter]
    fn dimension_names(&self) -> Option<Vec<Option<String>>> {
        self.array.meta().dimension_names.clone()
    }

    #[getter]
    fn zarr_format(&self) -> u8 {
        match self.array.meta().format {
            Format::V2 => 2,
            Format::V3 => 3,
        }
    }

    /// The text of the array's document.
    #[getter]
    fn document(&self) -> String {
        self.array.meta().document.clone()
    }

    /// Where it is: a path or a URL.
    #[getter]
    fn place(&self) -> String {
        self.array.place()
    }

    /// Content hash of place and document.
    #[getter]
    fn token(&self) -> String {
        self.array.token().hex()
    }

    /// The elements of a box: `(start, length)` for each axis.
    fn read(&self, py: Python<'_>, region: Vec<(usize, usize)>) -> PyResult<Py<PyAny>> {
        let chunk = py
            .detach(|| self.array.read(&region))
            .map_err(|error| to_pyerr(py, &error))?;
        own_numpy(py, Arc::new(chunk)).map(Bound::unbind)
    }

    /// The array as a node with these chunks.
    #[pyo3(signature = (chunks, *, prefix, token=None))]
    fn node(
        &self,
        py: Python<'_>,
        chunks: &Bound<'_, PyAny>,
        prefix: &str,
        token: Option<&str>,
    ) -> PyResult<PyNode> {
        let token = token.map_or_else(
            || self.array.token(),
            |text| {
                let mut t = Tokenizer::new();
                t.text(text);
                t.finish()
            },
        );
        let source = ZarrSource {
            array: self.array.clone(),
            token,
            store: self.store.clone(),
            node: self.node.clone(),
        };
        array::source(Arc::new(source), grid_from_py(chunks)?, prefix)
            .map(PyNode)
            .map_err(|error| to_pyerr(py, &error))
    }
}

/// A Zarr array that is being written.
#[pyclass(module = "dusk._core", name = "ZarrWriter", frozen)]
pub struct PyZarrWriter {
    writer: ZarrWriter,
    store: HostRef,
    node: String,
}

#[pymethods]
impl PyZarrWriter {
    /// Prepares a new array with this document. Until `finish` there is no array for readers.
    #[staticmethod]
    #[pyo3(signature = (store, node, document, *, zarr_format, attributes=None, overwrite=false))]
    fn create(
        py: Python<'_>,
        store: &Bound<'_, PyAny>,
        node: &str,
        document: &str,
        zarr_format: u8,
        attributes: Option<String>,
        overwrite: bool,
    ) -> PyResult<Self> {
        let opened = store_from_py(store)?;
        let format = format(zarr_format)?;
        let overwrite = if overwrite {
            Overwrite::Replace
        } else {
            Overwrite::Refuse
        };
        let writer = py.detach(|| ZarrWriter::create(opened, node, format, document, attributes, overwrite));
        Ok(Self {
            writer: writer.map_err(|error| to_pyerr(py, &error))?,
            store: Arc::new(PyHostValue::new(store)),
            node: node.to_string(),
        })
    }

    /// Goes on, in another process, with what `create` prepared.
    #[staticmethod]
    #[pyo3(signature = (store, node, document, *, zarr_format, attributes=None))]
    fn resume(
        py: Python<'_>,
        store: &Bound<'_, PyAny>,
        node: &str,
        document: &str,
        zarr_format: u8,
        attributes: Option<String>,
    ) -> PyResult<Self> {
        let opened = store_from_py(store)?;
        let writer = ZarrWriter::resume(opened, node, format(zarr_format)?, document, attributes);
        Ok(Self {
            writer: writer.map_err(|error| to_pyerr(py, &error))?,
            store: Arc::new(PyHostValue::new(store)),
            node: node.to_string(),
        })
    }

    /// Writes into an array that is there.
    #[staticmethod]
    fn open(array: &Bound<'_, PyZarrArray>) -> Self {
        let array = array.get();
        Self {
            writer: ZarrWriter::open(array.array.clone()),
            store: array.store.clone(),
            node: array.node.clone(),
        }
    }

    /// The boxes in which an array with these chunks is to be written from `start` on: for each axis their lengths, or a
    /// `range` where they are all the same.
    fn write_grid<'py>(
        &self,
        py: Python<'py>,
        chunks: &Bound<'py, PyAny>,
        start: Vec<usize>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let grid = self
            .writer
            .write_grid(&grid_from_py(chunks)?, &start)
            .map_err(|error| to_pyerr(py, &error))?;
        grid_to_py(py, &grid)
    }

    /// Writes a NumPy array to the box that begins at `start`.
    fn write(&self, py: Python<'_>, start: Vec<usize>, block: &Bound<'_, PyAny>) -> PyResult<()> {
        let chunk = chunk_from_numpy(block)?;
        let chunk = chunk
            .ok_or_else(|| Error::type_("a block that isn't a NumPy array of numbers, times or text"))?;
        let part: Vec<(usize, usize)> = start.iter().copied().zip(chunk.shape.iter().copied()).collect();
        let written = if part.len() == chunk.shape.len() {
            py.detach(|| self.writer.write(&part, &chunk))
        } else {
            Err(Error::value("a block of another number of dimensions"))
        };
        written.map_err(|error| to_pyerr(py, &error))
    }

    /// Ends the writing of a new array: from now on it is there.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.writer.finish())
            .map_err(|error| to_pyerr(py, &error))
    }

    /// The array that is written; of a new one it can be read what is written already.
    #[getter]
    fn array(&self) -> PyZarrArray {
        PyZarrArray {
            array: self.writer.array().clone(),
            store: self.store.clone(),
            node: self.node.clone(),
        }
    }

    /// Bytes that writing a box takes beside the block.
    #[getter]
    fn projected_bytes(&self) -> usize {
        self.writer.projected_bytes()
    }
}

fn format(number: u8) -> PyResult<Format> {
    match number {
        2 => Ok(Format::V2),
        3 => Ok(Format::V3),
        other => Err(Error::value(format!("there is no Zarr version {other}: it is 2 or 3")).into()),
    }
}

fn grid_to_py<'py>(py: Python<'py>, grid: &Grid) -> PyResult<Bound<'py, PyTuple>> {
    let axes = grid.axes.iter().map(|axis| match axis {
        Axis::Regular { len, chunk } => {
            Ok(PyRange::new_with_step(py, 0, *len as isize, *chunk as isize)?.into_any())
        }
        _ => Ok(PyTuple::new(py, axis.sizes().into_iter().flatten().collect::<Vec<_>>())?.into_any()),
    });
    PyTuple::new(py, axes.collect::<PyResult<Vec<_>>>()?)
}

/// The boxes in which an array with these chunks is to be written from `start` on, when what must be written as a whole has
/// the shape `object`: for each axis their lengths, or a `range` where they are all the same.
#[pyfunction]
pub fn zarr_write_grid<'py>(
    py: Python<'py>,
    chunks: &Bound<'py, PyAny>,
    start: Vec<usize>,
    object: Vec<usize>,
) -> PyResult<Bound<'py, PyTuple>> {
    let grid = write_grid(&grid_from_py(chunks)?, &start, &object).map_err(|error| to_pyerr(py, &error))?;
    grid_to_py(py, &grid)
}

/// Whether a node needs what is in the Zarr array at `place`.
#[pyfunction]
pub fn zarr_reads(node: &Bound<'_, PyNode>, place: &str) -> bool {
    let there = format!(" of the Zarr array at {place}");
    let mut seen = HashSet::new();
    let mut waiting = vec![node.get().0.clone()];
    while let Some(node) = waiting.pop() {
        if !seen.insert(Arc::as_ptr(&node) as usize) {
            continue;
        }
        if let NodeOp::Array(ArrayOp::Source(source)) = &node.op
            && source.describe(&[]).ends_with(&there)
        {
            return true;
        }
        waiting.extend(node.inputs.iter().cloned());
    }
    false
}

/// The document of a new Zarr array; `codecs`, `attributes` and `dimension_names` are JSON.
#[pyfunction]
#[pyo3(signature = (shape, dtype, chunks, *, zarr_format=3, shards=None, fill=None, codecs=None, fortran=false,
    separator=None, attributes=None, dimension_names=None))]
#[allow(clippy::too_many_arguments, reason = "the shape of a Python call")]
pub fn zarr_document(
    py: Python<'_>,
    shape: Vec<usize>,
    dtype: &Bound<'_, PyAny>,
    chunks: Vec<usize>,
    zarr_format: u8,
    shards: Option<Vec<usize>>,
    fill: Option<Vec<u8>>,
    codecs: Option<&str>,
    fortran: bool,
    separator: Option<char>,
    attributes: Option<&str>,
    dimension_names: Option<Vec<Option<String>>>,
) -> PyResult<String> {
    let read = |name: &str, text: &str| -> Result<Value> {
        serde_json::from_str(text)
            .map_err(|error| Error::value(format!("{name} can't be written as JSON: {error}")))
    };
    let codecs = codecs.map(|text| read("codecs", text)).transpose()?;
    let attributes = attributes.map(|text| read("attributes", text)).transpose()?;
    let create = Create {
        format: format(zarr_format)?,
        shape,
        dtype: dtype_from_python(dtype)?,
        chunks,
        shards,
        fill,
        codecs: codecs.and_then(|value| value.as_array().cloned()),
        fortran,
        separator,
        attributes: attributes
            .and_then(|value| value.as_object().cloned())
            .unwrap_or_default(),
        dimension_names,
    };
    document(&create).map_err(|error| to_pyerr(py, &error))
}
