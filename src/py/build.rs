//! Nodes made from Python objects: frames in memory, chunks, host calls, values, concatenations.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::chunk::Chunk;
use crate::chunk::host::HostOutput;
use crate::error::{Error, Result};
use crate::expr::frame;
use crate::expr::{ChunkList, HostCall, Node, NodeOp};
use crate::py::compute::PyChunk;
use crate::py::convert::pandas::take_apart;
use crate::py::error::to_pyerr;
use crate::py::host::{HostFnOptions, PyHostFn, PyHostValue};
use crate::py::memory_source::MemorySource;
use crate::py::node::{PyNode, divisions_from_py};
use crate::schema::{Divisions, FrameSchema};
use crate::token::{Token, Tokenizer};

fn token_of(text: &str) -> Token {
    let mut t = Tokenizer::new();
    t.text(text);
    t.finish()
}

/// The schema that a meta promises, and what a call has to hand back. A function may give other dtypes than were expected of
/// it: pandas' own results depend on values now and then.
fn promised(
    meta: Option<&Bound<'_, PyAny>>,
    labels: bool,
) -> PyResult<(Option<Arc<FrameSchema>>, HostOutput)> {
    Ok(match meta {
        Some(meta) if !meta.is_none() => {
            let schema = take_apart(meta)?.schema;
            let output = HostOutput::Likely {
                schema: schema.clone(),
                labels,
            };
            (Some(schema), output)
        }
        _ => (None, HostOutput::Object),
    })
}

/// A pandas object cut at `positions` (one more than there are partitions).
#[pyfunction]
#[pyo3(signature = (obj, positions, divisions, prefix, token=None))]
pub fn from_pandas(
    obj: &Bound<'_, PyAny>,
    positions: Vec<usize>,
    divisions: Option<&Bound<'_, PyAny>>,
    prefix: &str,
    token: Option<&str>,
) -> PyResult<PyNode> {
    let count = positions.len().saturating_sub(1);
    let divisions = divisions_from_py(divisions, count)?;
    let source = MemorySource::new(obj, positions, token.map(token_of))?;
    Ok(PyNode(frame::scan(Arc::new(source), Some(divisions), prefix)))
}

/// Chunks that are in memory already, in place of what `like` would compute.
#[pyfunction]
pub fn from_chunks(
    py: Python<'_>,
    chunks: Vec<Bound<'_, PyChunk>>,
    like: &Bound<'_, PyNode>,
) -> PyResult<PyNode> {
    let like = &like.get().0;
    let chunks = chunks
        .iter()
        .map(|chunk| chunk.get().get())
        .collect::<Result<Vec<_>>>()
        .map_err(|error| to_pyerr(py, &error))?;
    if chunks.len() != like.npartitions() {
        let message = format!(
            "{} chunks don't fit {} partitions",
            chunks.len(),
            like.npartitions()
        );
        return Err(to_pyerr(py, &Error::value(message)));
    }
    // what was read may have turned out wider than what was planned: the chunks know
    let schema = chunks.iter().find_map(|chunk| match chunk {
        Chunk::Frame(frame) => Some(frame.schema.clone()),
        _ => None,
    });
    let mut t = Tokenizer::new();
    t.text("persisted").token(like.token);
    // Which chunks these are counts, not only what they were computed from: a function that isn't pure gives others each
    // time. The node keeps them alive, so no two lists in use have the same addresses.
    for chunk in &chunks {
        t.number(match chunk {
            Chunk::Frame(frame) => Arc::as_ptr(frame).addr(),
            Chunk::Array(array) => Arc::as_ptr(array).addr(),
            Chunk::Arrays(arrays) => Arc::as_ptr(arrays).addr(),
            Chunk::Host(value) => Arc::as_ptr(value).addr(),
            Chunk::State(state) => Arc::as_ptr(state).addr(),
        } as u64);
    }
    let list = ChunkList {
        chunks,
        token: t.finish(),
    };
    if let Some(array) = &like.array {
        let op = NodeOp::Chunks(Arc::new(list));
        let divisions = like.divisions.clone();
        return Ok(PyNode(Node::with_array(
            op,
            vec![],
            array.clone(),
            divisions,
            &like.prefix,
        )));
    }
    let schema = schema.or_else(|| like.schema.clone());
    Ok(PyNode(Node::new(
        NodeOp::Chunks(Arc::new(list)),
        vec![],
        schema,
        like.divisions.clone(),
        &like.prefix,
    )))
}

/// The partitions of all nodes, one after another.
#[pyfunction]
#[pyo3(signature = (nodes, divisions=None))]
pub fn concat(
    py: Python<'_>,
    nodes: Vec<Bound<'_, PyNode>>,
    divisions: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyNode> {
    let nodes: Vec<_> = nodes.iter().map(|node| node.get().0.clone()).collect();
    let count = nodes.iter().map(|node| node.npartitions()).sum();
    let divisions = divisions_from_py(divisions, count)?;
    frame::concat(&nodes, Some(divisions))
        .map(PyNode)
        .map_err(|error| to_pyerr(py, &error))
}

/// A host call: on each partition of its inputs (`mode="partition"`; without inputs the function is given the partition's
/// number), or once on all of them (`mode="gather"`). What comes out may have other dtypes than `meta`.
#[pyfunction]
#[pyo3(signature = (function, inputs, meta, *, prefix, mode, library, divisions=None, token=None))]
#[allow(clippy::too_many_arguments, reason = "the shape of a Python call")]
pub fn call(
    py: Python<'_>,
    function: Bound<'_, PyAny>,
    inputs: Vec<Bound<'_, PyNode>>,
    meta: Option<Bound<'_, PyAny>>,
    prefix: &str,
    mode: &str,
    library: bool,
    divisions: Option<&Bound<'_, PyAny>>,
    token: Option<&str>,
) -> PyResult<PyNode> {
    let inputs: Vec<_> = inputs.iter().map(|node| node.get().0.clone()).collect();
    let (schema, output) = promised(meta.as_ref(), true)?;
    let widest = inputs.iter().max_by_key(|input| input.npartitions());
    let (count, inherited) = match mode {
        "gather" => (1, Divisions::Unknown(1)),
        "partition" => match widest {
            Some(input) => (input.npartitions(), input.divisions.forget()),
            None => (1, Divisions::Unknown(1)),
        },
        _ => {
            return Err(to_pyerr(
                py,
                &Error::value(format!("mode must be 'partition' or 'gather', not {mode:?}")),
            ));
        }
    };
    let fits = |input: &crate::expr::NodeRef| input.npartitions() == 1 || input.npartitions() == count;
    if mode == "partition" && !inputs.iter().all(fits) {
        let counts: Vec<_> = inputs
            .iter()
            .map(|input| input.npartitions().to_string())
            .collect();
        return Err(to_pyerr(
            py,
            &Error::value(format!("partitions don't match: {}", counts.join(", "))),
        ));
    }
    let divisions = match divisions {
        Some(divisions) if !divisions.is_none() => divisions_from_py(Some(divisions), count)?,
        _ => inherited,
    };
    if !inputs.is_empty() && divisions.npartitions() != count {
        let message = format!(
            "{} divisions don't fit {count} partitions",
            divisions.npartitions() + 1
        );
        return Err(to_pyerr(py, &Error::value(message)));
    }
    let options = HostFnOptions {
        library,
        indexed: false,
        partitions: schema.is_some(),
        token: token.map(token_of),
    };
    let begins = crate::py::node::divisions_to_py(py, &divisions)?;
    let function = PyHostFn::new(&function, options)?.with_divisions(begins.as_any());
    let call = HostCall {
        function: Arc::new(function),
        output,
    };
    let op = if mode == "gather" {
        NodeOp::Gather(call)
    } else {
        NodeOp::PerPartition(call)
    };
    Ok(PyNode(Node::new(op, inputs, schema, divisions, prefix)))
}

/// Partitions that a function makes, given their number.
#[pyfunction]
#[pyo3(signature = (function, npartitions, meta, divisions, *, prefix, library, token=None, labels=true))]
#[allow(clippy::too_many_arguments, reason = "the shape of a Python call")]
pub fn source(
    function: Bound<'_, PyAny>,
    npartitions: usize,
    meta: Option<Bound<'_, PyAny>>,
    divisions: Option<&Bound<'_, PyAny>>,
    prefix: &str,
    library: bool,
    token: Option<&str>,
    labels: bool,
) -> PyResult<PyNode> {
    let (schema, output) = promised(meta.as_ref(), labels)?;
    let divisions = divisions_from_py(divisions, npartitions)?;
    let options = HostFnOptions {
        library,
        indexed: true,
        partitions: schema.is_some(),
        token: token.map(token_of),
    };
    let function = PyHostFn::new(&function, options)?;
    let op = NodeOp::PerPartition(HostCall {
        function: Arc::new(function),
        output,
    });
    Ok(PyNode(Node::new(op, vec![], schema, divisions, prefix)))
}

/// An object that is there already.
#[pyfunction]
#[pyo3(signature = (obj, token=None))]
pub fn value(obj: Bound<'_, PyAny>, token: Option<&str>) -> PyNode {
    let value: crate::host::HostRef = Arc::new(PyHostValue::new(&obj));
    let token = token.map_or_else(|| value.token(), token_of);
    let list = ChunkList {
        chunks: vec![Chunk::Host(value)],
        token,
    };
    PyNode(Node::new(
        NodeOp::Chunks(Arc::new(list)),
        vec![],
        None,
        Divisions::Unknown(1),
        "value",
    ))
}
