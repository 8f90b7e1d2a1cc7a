//! Builders of array nodes, and what Python asks of them.
//!
//! Chunks come as one entry for each axis: a `range(0, length, chunk)` for chunks of one length, or a sequence of lengths in
//! which NaN (or None) is an unknown one.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyComplex, PyComplexMethods, PyFloat, PyInt, PyRange, PyRangeMethods, PyTuple};

use crate::chunk::ArrayChunk;
use crate::chunk::host::HostOutput;
use crate::error::{Error, Result};
use crate::expr::array::elementwise::Operand;
use crate::expr::array::{self, ArraySchema, AxisPick, BlockCall, Blocks, OutAxis, View, array_of};
use crate::expr::{HostCall, Node};
use crate::kernels::content;
use crate::nd::{Axis, Elem, Grid, NdDtype};
use crate::op::nd::{NdOp, NdScalar, NdValue};
use crate::op::nd_reduce::ReduceOp;
use crate::py::array::convert::{chunk_from_numpy, dtype_from_python, dtype_to_python};
use crate::py::array::source::MemoryArray;
use crate::py::error::to_pyerr;
use crate::py::host::{HostFnOptions, PyHostFn, PyHostValue};
use crate::py::node::PyNode;
use crate::token::{Token, Tokenizer};

pub(super) fn wrap(py: Python<'_>, node: Result<crate::expr::NodeRef>) -> PyResult<PyNode> {
    node.map(PyNode).map_err(|error| to_pyerr(py, &error))
}

fn axis_from_py(axis: &Bound<'_, PyAny>) -> PyResult<Axis> {
    if let Ok(range) = axis.cast::<PyRange>() {
        let (start, stop, step) = (range.start()?, range.stop()?, range.step()?);
        if start != 0 || stop < 0 || step < 1 {
            return Err(Error::internal("chunks as a range that doesn't start at 0").into());
        }
        return Ok(Axis::Regular {
            len: stop.unsigned_abs(),
            chunk: step.unsigned_abs(),
        });
    }
    let mut sizes = Vec::new();
    for size in axis.try_iter()? {
        let size = size?;
        let unknown = size.is_none() || size.cast::<PyFloat>().is_ok_and(|size| size.value().is_nan());
        sizes.push(if unknown {
            None
        } else {
            Some(size.extract::<usize>()?)
        });
    }
    Ok(Axis::from_sizes(&sizes))
}

/// A grid of these chunks.
///
/// # Errors
/// When they are no lengths.
pub fn grid_from_py(chunks: &Bound<'_, PyAny>) -> PyResult<Grid> {
    let axes = chunks.try_iter()?.map(|axis| axis_from_py(&axis?));
    Ok(Grid {
        axes: axes.collect::<PyResult<_>>()?,
    })
}

fn token_of(text: &str) -> Token {
    let mut t = Tokenizer::new();
    t.text(text);
    t.finish()
}

/// `None` for objects, or a NumPy dtype.
fn schema_from_py(chunks: &Bound<'_, PyAny>, dtype: Option<&Bound<'_, PyAny>>) -> PyResult<ArraySchema> {
    let dtype = match dtype {
        Some(dtype) if !dtype.is_none() => dtype_from_python(dtype)?,
        _ => NdDtype::Host,
    };
    Ok(ArraySchema {
        dtype,
        grid: grid_from_py(chunks)?,
    })
}

/// A content hash of the bytes of a contiguous NumPy array of them, made on all cores.
#[pyfunction]
pub fn content_token(py: Python<'_>, bytes: &Bound<'_, PyAny>) -> PyResult<String> {
    let chunk = chunk_from_numpy(bytes)?;
    let dense = chunk.as_ref().and_then(ArrayChunk::as_dense);
    let dense = dense.ok_or_else(|| {
        to_pyerr(
            py,
            &Error::type_("bytes of which a token is asked for aren't a contiguous array"),
        )
    })?;
    Ok(py.detach(|| content::token(dense)).hex())
}

/// A NumPy array cut into chunks that are views of it. Raises `NotNative` for one that only NumPy can hold.
#[pyfunction]
#[pyo3(signature = (array, chunks, *, prefix, token=None))]
pub fn array_from_numpy(
    py: Python<'_>,
    array: &Bound<'_, PyAny>,
    chunks: &Bound<'_, PyAny>,
    prefix: &str,
    token: Option<&str>,
) -> PyResult<PyNode> {
    let grid = grid_from_py(chunks)?;
    let whole = chunk_from_numpy(array)?.ok_or_else(|| {
        to_pyerr(
            py,
            &Error::not_native("an array of objects, or of another kind than NumPy's"),
        )
    })?;
    let token = token.map_or_else(
        || crate::host::HostValue::token(&PyHostValue::new(array)),
        token_of,
    );
    let source = MemoryArray::new(whole, token);
    wrap(py, array::source(Arc::new(source), grid, prefix))
}

/// Elements of `node` at other places. `axes` has for each axis of the result `(axis, start, step)`, `(axis,)` for all blocks
/// of an axis as they are, `(axis, before, after, "overlap")` for these with elements of their neighbours, or `()` for a new
/// axis; `fixed` has `(axis, position)` for axes that are gone.
#[pyfunction]
#[pyo3(signature = (node, axes, fixed, chunks, *, prefix))]
pub fn array_view(
    py: Python<'_>,
    node: &Bound<'_, PyNode>,
    axes: Vec<Bound<'_, PyTuple>>,
    fixed: Vec<(usize, usize)>,
    chunks: &Bound<'_, PyAny>,
    prefix: &str,
) -> PyResult<PyNode> {
    let axes = axes
        .iter()
        .map(|axis| match axis.len() {
            0 => Ok(OutAxis::New),
            1 => Ok(OutAxis::Whole(axis.get_item(0)?.extract()?)),
            4 => {
                let (axis, before, after, _): (usize, usize, usize, String) = axis.extract()?;
                Ok(OutAxis::Overlap { axis, before, after })
            }
            _ => {
                let (axis, start, step) = axis.extract()?;
                Ok(OutAxis::Affine { axis, start, step })
            }
        })
        .collect::<PyResult<_>>()?;
    let grid = grid_from_py(chunks)?;
    wrap(
        py,
        array::view::view(&node.get().0, View { axes, fixed }, grid, prefix),
    )
}

fn scalar_from_py(value: &Bound<'_, PyAny>) -> PyResult<NdScalar> {
    let py = value.py();
    let refuse = || to_pyerr(py, &Error::not_native("a scalar that NumPy computes with"));
    if value.hasattr("dtype")? {
        let dtype = dtype_from_python(&value.getattr("dtype")?)?;
        let elem = dtype.elem().ok_or_else(refuse)?;
        let value = match elem {
            Elem::Bool => NdValue::Bool(value.extract::<bool>().or_else(|_| value.is_truthy())?),
            Elem::F16 | Elem::F32 | Elem::F64 => NdValue::Float(value.call_method0("__float__")?.extract()?),
            Elem::C64 | Elem::C128 => {
                let complex = value.call_method0("__complex__")?;
                NdValue::Complex(
                    complex.getattr("real")?.extract()?,
                    complex.getattr("imag")?.extract()?,
                )
            }
            _ => NdValue::Int(value.call_method0("__int__")?.extract()?),
        };
        return NdScalar::strong(elem, value).map_err(|error| to_pyerr(py, &error));
    }
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(NdScalar::bool(value.is_true()));
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(NdScalar::int(value.extract::<i128>().map_err(|_| refuse())?));
    }
    if let Ok(value) = value.cast::<PyFloat>() {
        return Ok(NdScalar::float(value.value()));
    }
    if let Ok(value) = value.cast::<PyComplex>() {
        return Ok(NdScalar::complex(value.real(), value.imag()));
    }
    Err(refuse())
}

/// An elementwise operation under NumPy's name on arrays and numbers. Raises `NotNative` where NumPy has to do it.
#[pyfunction]
#[pyo3(signature = (op, operands, decimals=None))]
pub fn array_elementwise(
    py: Python<'_>,
    op: &str,
    operands: Vec<Bound<'_, PyAny>>,
    decimals: Option<i32>,
) -> PyResult<PyNode> {
    let op = match decimals {
        Some(decimals) => NdOp::Round(decimals),
        None => {
            NdOp::parse(op).ok_or_else(|| to_pyerr(py, &Error::not_native(format!("{op} of elements"))))?
        }
    };
    let operands = operands
        .iter()
        .map(|operand| match operand.cast::<PyNode>() {
            Ok(node) => Ok(Operand::Node(node.get().0.clone())),
            Err(_) => scalar_from_py(operand).map(Operand::Scalar),
        })
        .collect::<PyResult<Vec<_>>>()?;
    if op.arity() != operands.len() {
        return Err(to_pyerr(py, &Error::not_native("another number of operands")));
    }
    wrap(py, array::elementwise::elementwise(op, &operands))
}

/// The elements of an array as another dtype. Raises `NotNative` where NumPy has to do it.
#[pyfunction]
pub fn array_cast(py: Python<'_>, node: &Bound<'_, PyNode>, dtype: &Bound<'_, PyAny>) -> PyResult<PyNode> {
    let elem = dtype_from_python(dtype)?
        .elem()
        .ok_or_else(|| to_pyerr(py, &Error::not_native("a dtype that NumPy converts to")))?;
    wrap(py, array::elementwise::cast(&node.get().0, elem))
}

/// A reduction under NumPy's name over axes, which are ascending. Raises `NotNative` where NumPy has to do it.
#[pyfunction]
#[pyo3(signature = (node, op, axes, *, keepdims, dtype=None, ddof=0.0, order=2))]
#[allow(clippy::too_many_arguments, reason = "the shape of a Python call")]
pub fn array_reduce(
    py: Python<'_>,
    node: &Bound<'_, PyNode>,
    op: &str,
    axes: Vec<usize>,
    keepdims: bool,
    dtype: Option<&Bound<'_, PyAny>>,
    ddof: f64,
    order: u32,
) -> PyResult<PyNode> {
    let op = ReduceOp::parse(op, ddof, order)
        .ok_or_else(|| to_pyerr(py, &Error::not_native(format!("the reduction {op}"))))?;
    let dtype = match dtype {
        Some(dtype) if !dtype.is_none() => {
            let elem = dtype_from_python(dtype)?.elem();
            Some(elem.ok_or_else(|| to_pyerr(py, &Error::not_native("a dtype that NumPy reduces to")))?)
        }
        _ => None,
    };
    wrap(
        py,
        array::reduce::reduce(&node.get().0, op, &axes, keepdims, dtype),
    )
}

/// Arrays one after another along an axis.
#[pyfunction]
pub fn array_concat(py: Python<'_>, nodes: Vec<Bound<'_, PyNode>>, axis: usize) -> PyResult<PyNode> {
    wrap(
        py,
        array::concat(nodes.iter().map(|node| node.get().0.clone()).collect(), axis),
    )
}

/// Which blocks of inputs a call gets, as `array_blocks` is told.
///
/// # Errors
/// When they are no picks.
pub fn picks_from_py(picks: &[Vec<Bound<'_, PyAny>>]) -> PyResult<Vec<Vec<AxisPick>>> {
    let pick = |pick: &Bound<'_, PyAny>| -> PyResult<AxisPick> {
        if pick.is_none() {
            return Ok(AxisPick::All);
        }
        if let Ok(axis) = pick.extract::<usize>() {
            return Ok(AxisPick::Follow(axis));
        }
        if let Ok((axis, size)) = pick.extract::<(usize, usize)>() {
            return Ok(AxisPick::Group { axis, size });
        }
        let (_, block) = pick.extract::<(String, usize)>()?;
        Ok(AxisPick::At(block))
    };
    picks
        .iter()
        .map(|picks| picks.iter().map(pick).collect::<PyResult<Vec<_>>>())
        .collect()
}

/// A call for each block of the result. `picks` has for each input and each of its axes which blocks the call gets: the
/// number of the axis of the result that it follows, `None` for all, `(axis, size)` for groups of neighbours, or
/// `("at", block)`. A frame has one axis, its partitions. Several blocks come as nested lists. With `indexed` the function
/// gets the block's position, a tuple, as its first argument.
#[pyfunction]
#[pyo3(signature = (function, inputs, picks, chunks, dtype, *, prefix, library, indexed=false, token=None))]
#[allow(clippy::too_many_arguments, reason = "the shape of a Python call")]
pub fn array_blocks(
    py: Python<'_>,
    function: &Bound<'_, PyAny>,
    inputs: Vec<Bound<'_, PyNode>>,
    picks: Vec<Vec<Bound<'_, PyAny>>>,
    chunks: &Bound<'_, PyAny>,
    dtype: Option<&Bound<'_, PyAny>>,
    prefix: &str,
    library: bool,
    indexed: bool,
    token: Option<&str>,
) -> PyResult<PyNode> {
    let schema = schema_from_py(chunks, dtype)?;
    let picks = picks_from_py(&picks)?;
    let options = HostFnOptions {
        library,
        indexed,
        partitions: false,
        token: token.map(token_of),
    };
    let call = HostCall {
        function: Arc::new(PyHostFn::new(function, options)?),
        output: HostOutput::Array(Arc::new(schema.dtype.clone())),
    };
    let inputs = inputs.iter().map(|node| node.get().0.clone()).collect();
    wrap(
        py,
        array::blocks::blocks(
            inputs,
            Blocks {
                call: BlockCall::Host(call),
                picks,
            },
            schema,
            prefix,
        ),
    )
}

/// An array whose blocks, in C order, are these nodes of one partition each.
#[pyfunction]
#[pyo3(signature = (nodes, chunks, dtype, *, prefix))]
pub fn array_join(
    py: Python<'_>,
    nodes: Vec<Bound<'_, PyNode>>,
    chunks: &Bound<'_, PyAny>,
    dtype: Option<&Bound<'_, PyAny>>,
    prefix: &str,
) -> PyResult<PyNode> {
    let schema = schema_from_py(chunks, dtype)?;
    let nodes = nodes.iter().map(|node| node.get().0.clone()).collect();
    wrap(py, array::join(nodes, schema, prefix))
}

/// The chunks of an array: for each axis the lengths, NaN where unknown.
///
/// # Errors
/// When the node is no array.
pub fn chunks_to_py<'py>(py: Python<'py>, node: &Node) -> PyResult<Bound<'py, PyTuple>> {
    let schema = array_of(node).map_err(|error| to_pyerr(py, &error))?;
    let axes = schema.grid.axes.iter().map(|axis| {
        let sizes = axis.sizes().into_iter().map(|size| match size {
            Some(size) => Ok(size.into_pyobject(py)?.into_any()),
            None => Ok(PyFloat::new(py, f64::NAN).into_any()),
        });
        PyTuple::new(py, sizes.collect::<PyResult<Vec<_>>>()?)
    });
    PyTuple::new(py, axes.collect::<PyResult<Vec<_>>>()?)
}

/// The length of each axis of an array, NaN where unknown.
///
/// # Errors
/// When the node is no array.
pub fn shape_to_py<'py>(py: Python<'py>, node: &Node) -> PyResult<Bound<'py, PyTuple>> {
    let schema = array_of(node).map_err(|error| to_pyerr(py, &error))?;
    let lengths = schema.grid.axes.iter().map(|axis| match axis.len() {
        Some(len) => Ok(len.into_pyobject(py)?.into_any()),
        None => Ok(PyFloat::new(py, f64::NAN).into_any()),
    });
    PyTuple::new(py, lengths.collect::<PyResult<Vec<_>>>()?)
}

/// The dtype of an array; `None` for objects.
///
/// # Errors
/// When the node is no array.
pub fn dtype_of<'py>(py: Python<'py>, node: &Node) -> PyResult<Option<Bound<'py, PyAny>>> {
    let schema = array_of(node).map_err(|error| to_pyerr(py, &error))?;
    match &schema.dtype {
        NdDtype::Host => Ok(None),
        dtype => dtype_to_python(py, dtype).map(Some),
    }
}
