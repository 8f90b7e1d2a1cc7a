//! Wire forms and Python: parts as bytes, arrays and objects that pickle takes, and back; plans pickled, tasks run for
//! another process.
//!
//! Host objects are pickled by whoever pickles the parts: `pickle` or `cloudpickle` for plans, `dusk._wire` for tasks. Large
//! memory is a NumPy array, which pickle's protocol 5 takes out of band. Does not cover processes (`remote`).

use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::chunk::copied::{self, Copied};
use crate::chunk::held::{self, HeldSource};
use crate::chunk::held_array::{self, HeldArray};
use crate::chunk::wire::{ArrayLoader, Loaders, SourceLoader};
use crate::chunk::{ArraySource, Source};
use crate::error::{Error, Result};
use crate::expr::frame;
use crate::expr::wire as nodes;
use crate::io::csv::{self, CsvSource};
use crate::plan;
use crate::py::array::source::{self as array_source, MemoryArray};
use crate::py::array::{zarr, zarr_view};
use crate::py::convert::numpy;
use crate::py::csv_fallback::{self, WithFallback};
use crate::py::error::to_pyerr;
use crate::py::files;
use crate::py::host::{PyHostFn, PyHostValue};
use crate::py::host_rows::prepared;
use crate::py::indexed_source::{self, IndexedSource};
use crate::py::memory_source::{self, MemorySource};
use crate::py::node::PyNode;
use crate::py::reader_source::{self, ReaderSource};
use crate::task::wire as tasks;
use crate::task::{self, Control};
use crate::wire::{Beside, Decoder, Encoder, Magic, Parts};

/// The reader of each kind of source: a new source adds its line.
const SOURCES: &[(&str, SourceLoader)] = &[
    (csv::wire::KIND, CsvSource::from_wire),
    (held::KIND, HeldSource::from_wire),
    (copied::KIND, Copied::<dyn Source>::from_wire),
    (memory_source::KIND, MemorySource::from_wire),
    (csv_fallback::KIND, WithFallback::from_wire),
    (indexed_source::KIND, IndexedSource::from_wire),
    (reader_source::KIND, ReaderSource::from_wire),
];

/// The reader of each kind of source of arrays.
const ARRAYS: &[(&str, ArrayLoader)] = &[
    (array_source::KIND, MemoryArray::from_wire),
    (held_array::KIND, HeldArray::from_wire),
    (copied::KIND, Copied::<dyn ArraySource>::from_wire),
    (zarr::KIND, zarr::ZarrSource::from_wire),
    (zarr_view::KIND, zarr_view::ZarrView::from_wire),
];

/// Parts as Python holds them: bytes, arrays, objects (each with whether it is code).
pub type PyParts<'py> = (
    Bound<'py, PyBytes>,
    Vec<Bound<'py, PyAny>>,
    Vec<(Bound<'py, PyAny>, bool)>,
);

/// A decoder that knows how to make what Python implements. With `lent`, sources are read inside a task.
///
/// # Errors
/// When the parts are of something else.
pub fn decoder(parts: Parts, magic: Magic, what: &str, lent: bool) -> Result<Decoder> {
    let loaders = Loaders {
        sources: SOURCES,
        arrays: ARRAYS,
        function: PyHostFn::from_wire,
        lent,
    };
    Ok(Decoder::new(parts, magic, what)?
        .with(Arc::new(loaders))
        .with(Arc::new(csv::wire::FileLoader(files::from_wire))))
}

/// Parts for Python.
///
/// # Errors
/// When an object isn't Python's.
pub fn to_python(py: Python<'_>, parts: Parts) -> PyResult<PyParts<'_>> {
    let buffers = parts
        .buffers
        .into_iter()
        .map(|buffer| numpy::show(py, buffer))
        .collect::<PyResult<_>>()?;
    let objects = parts
        .objects
        .iter()
        .map(|beside| {
            let object = PyHostValue::object(py, beside.value.as_ref());
            let object = object.ok_or_else(|| Error::internal("an object that isn't Python's"))?;
            Ok((object, beside.code))
        })
        .collect::<PyResult<_>>()?;
    Ok((PyBytes::new(py, &parts.head), buffers, objects))
}

/// Parts from Python.
///
/// # Errors
/// When a buffer isn't an array of bytes.
pub fn from_python(
    head: &[u8],
    buffers: &[Bound<'_, PyAny>],
    objects: &[Bound<'_, PyAny>],
) -> PyResult<Parts> {
    Ok(Parts {
        head: head.to_vec(),
        buffers: buffers
            .iter()
            .map(|buffer| numpy::borrow(buffer, 1, None))
            .collect::<PyResult<_>>()?,
        objects: objects
            .iter()
            .map(|object| Beside {
                value: Arc::new(PyHostValue::new(object)),
                code: false,
            })
            .collect(),
    })
}

/// What a node's `__reduce__` returns.
///
/// # Errors
/// When the plan holds something that can't leave the process.
pub fn reduce<'py>(node: &PyNode, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
    let parts = py.detach(|| {
        let mut out = Encoder::new(nodes::MAGIC);
        nodes::encode(std::slice::from_ref(&node.0), &mut out)?;
        Ok(out.finish())
    });
    let parts = to_python(py, parts.map_err(|error: Error| to_pyerr(py, &error))?)?;
    py.import(intern!(py, "dusk._wire"))?
        .call_method1(intern!(py, "reduce_node"), parts)
}

/// A partition of a plan as a plan by itself, with just what it needs of what is in memory: for another process.
#[pyfunction]
pub fn one_partition(py: Python<'_>, node: &Bound<'_, PyNode>, position: usize) -> PyResult<PyNode> {
    let node = node.get().0.clone();
    let part = py.detach(|| {
        let part = match node.npartitions() {
            1 if position == 0 => node,
            _ => frame::partitions(&node, &[position])?,
        };
        prepared(&[part])?
            .iter()
            .map(plan::alone)
            .collect::<Result<Vec<_>>>()
    });
    let mut part = part.map_err(|error| to_pyerr(py, &error))?;
    let part = part
        .pop()
        .ok_or_else(|| Error::internal("a plan without a node"))?;
    Ok(PyNode(part))
}

/// The node that was pickled as these parts.
#[pyfunction]
pub fn read_node(
    py: Python<'_>,
    head: &[u8],
    buffers: Vec<Bound<'_, PyAny>>,
    objects: Vec<Bound<'_, PyAny>>,
) -> PyResult<PyNode> {
    let parts = from_python(head, &buffers, &objects)?;
    let roots = py.detach(|| {
        let mut from = decoder(parts, nodes::MAGIC, "a plan", false)?;
        let roots = nodes::decode(&mut from)?;
        from.finish()?;
        Ok(roots)
    });
    let mut roots = roots.map_err(|error: Error| to_pyerr(py, &error))?;
    match (roots.pop(), roots.is_empty()) {
        (Some(root), true) => Ok(PyNode(root)),
        _ => Err(Error::value("these bytes of dusk are damaged: not one node").into()),
    }
}

/// Runs a task for another process: parts of the reply, and the user's exception if that is what the task came to.
#[pyfunction]
pub fn run_task<'py>(
    py: Python<'py>,
    head: &[u8],
    buffers: Vec<Bound<'py, PyAny>>,
    objects: Vec<Bound<'py, PyAny>>,
) -> PyResult<(PyParts<'py>, Option<PyErr>)> {
    let parts = from_python(head, &buffers, &objects)?;
    drop((buffers, objects));
    let reply = py.detach(|| {
        let mut from = decoder(parts, tasks::TASK, "a task", true)?;
        let (task, inputs) = tasks::decode_request(&mut from)?;
        from.finish()?;
        let control = Control::default();
        let result = task::run::run(&task, inputs, &control);
        let mut out = Encoder::new(tasks::REPLY);
        tasks::encode_reply(&task, &result, &control, &mut out)?;
        Ok((out.finish(), result.err()))
    });
    let (parts, error) = reply.map_err(|error: Error| to_pyerr(py, &error))?;
    let exception = error
        .filter(|error| error.host_exception().is_some())
        .map(|error| to_pyerr(py, &error));
    Ok((to_python(py, parts)?, exception))
}
