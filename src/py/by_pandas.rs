//! Steps of a plan over columns that turned out, while a source was read, to be of dtypes without kernels: pandas does them.
//!
//! Covers `Select`, `Filter` and `Aggregate`, by handing their expressions to `dusk.dataframe._by_pandas` as nested tuples.
//! Doesn't cover when that happens (`retype`). Invariant: what comes out is what pandas makes of the same rows; its dtypes
//! are pandas' own, so the node promises Python objects and whatever reads it is done by pandas as well.

use std::collections::BTreeSet;
use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::chunk::host::HostOutput;
use crate::dtype::Dtype;
use crate::error::{Kind, Result};
use crate::expr::frame::{rebuilt, schema_of};
use crate::expr::{HostCall, Node, NodeOp, NodeRef};
use crate::op::agg::{AggCall, AggSpec};
use crate::op::scalar::ScalarOp;
use crate::op::tree::{Expr, ExprRef};
use crate::py::convert::assemble::{kind_number, schema_to_meta};
use crate::py::convert::dtype;
use crate::py::convert::scalar::literal_to_python;
use crate::py::error::from_pyerr;
use crate::py::host::{HostFnOptions, PyHostFn};
use crate::schema::{Column, Divisions, FrameKind, FrameSchema, IndexSchema};

/// `node` over inputs whose dtypes may have changed: natively where there are kernels, else by pandas.
///
/// # Errors
/// What the operation reports for the new dtypes.
pub fn over(node: &NodeRef, inputs: Vec<NodeRef>) -> Result<NodeRef> {
    if inputs.iter().zip(&node.inputs).all(|(a, b)| Arc::ptr_eq(a, b)) {
        return Ok(node.clone());
    }
    if !matches!(
        node.op,
        NodeOp::Select(_) | NodeOp::Filter(_) | NodeOp::Aggregate(_)
    ) {
        return rebuilt(node, inputs);
    }
    if !reads_objects(node, &inputs)? {
        match rebuilt(node, inputs.clone()) {
            Err(error) if error.kind() == Kind::NotNative => {}
            result => return result,
        }
    }
    Python::attach(|py| by_pandas(py, node, inputs).map_err(|error| from_pyerr(py, error)))
}

/// Whether an expression of `node` looks into a column of Python objects, or a single value is one.
fn reads_objects(node: &Node, inputs: &[NodeRef]) -> Result<bool> {
    let schema = schema_of(&inputs[0])?;
    let scalars = inputs[1..].iter();
    if scalars
        .map(|scalar| scalar.schema.as_ref())
        .any(|schema| schema.is_none_or(|schema| schema.is_host()))
    {
        return Ok(true);
    }
    let host_index = matches!(&schema.index, IndexSchema::Levels(levels) if levels.iter().any(|level| level.dtype.is_host()));
    let reads = |expr: &ExprRef| {
        if host_index && expr.reads_index() {
            return true;
        }
        let mut columns = BTreeSet::new();
        expr.columns(&mut columns);
        columns
            .into_iter()
            .any(|column| schema.columns[column].dtype.is_host())
    };
    Ok(match &node.op {
        NodeOp::Select(exprs) => exprs
            .iter()
            .any(|expr| !matches!(**expr, Expr::Column(_)) && reads(expr)),
        NodeOp::Filter(predicate) => reads(predicate),
        NodeOp::Aggregate(spec) => {
            let mut args = spec.calls.iter().filter_map(|call| call.arg.as_ref());
            spec.keys.iter().any(reads) || args.any(reads)
        }
        _ => false,
    })
}

fn by_pandas(py: Python<'_>, node: &NodeRef, inputs: Vec<NodeRef>) -> PyResult<NodeRef> {
    let module = py.import(intern!(py, "dusk.dataframe._by_pandas"))?;
    let old = schema_of(node)?;
    let base = schema_of(&inputs[0])?.clone();
    let like = schema_to_meta(py, old)?;
    let kind = kind_number(old.kind);
    let (step, schema) = match &node.op {
        NodeOp::Select(exprs) => {
            let step = module.getattr("Select")?.call1((trees(py, exprs)?, like, kind))?;
            let columns = exprs.iter().zip(&old.columns).map(|(expr, column)| Column {
                name: column.name.clone(),
                dtype: match **expr {
                    Expr::Column(position) => base.columns[position].dtype.clone(),
                    _ => object(),
                },
            });
            let schema = FrameSchema {
                columns: columns.collect(),
                index: objects(old).index,
                ..(**old).clone()
            };
            (step, schema)
        }
        NodeOp::Filter(predicate) => {
            let step = module.getattr("Filter")?.call1((tree(py, predicate)?,))?;
            (step, base.with_levels())
        }
        NodeOp::Aggregate(spec) => {
            let step = module
                .getattr("Aggregate")?
                .call1((aggregation(py, spec)?, like, kind))?;
            (step, objects(old))
        }
        _ => return rebuilt(node, inputs).map_err(Into::into),
    };
    let options = HostFnOptions {
        library: true,
        ..HostFnOptions::default()
    };
    let call = HostCall {
        function: Arc::new(PyHostFn::new(&step, options)?),
        output: HostOutput::Object,
    };
    let (op, divisions) = if matches!(node.op, NodeOp::Aggregate(_)) {
        (NodeOp::Gather(call), Divisions::Unknown(1))
    } else {
        (NodeOp::PerPartition(call), node.divisions.clone())
    };
    // A single value is an object, whatever it is.
    let schema = (schema.kind != FrameKind::Scalar).then(|| Arc::new(schema));
    Ok(Node::new(op, inputs, schema, divisions, &node.prefix))
}

fn object() -> Dtype {
    Dtype::Host {
        name: "object".into(),
        value: None,
    }
}

/// A schema of which only the labels are known.
fn objects(schema: &FrameSchema) -> FrameSchema {
    let untyped = |columns: &[Column]| -> Vec<Column> {
        let columns = columns.iter().map(|column| Column {
            name: column.name.clone(),
            dtype: object(),
        });
        columns.collect()
    };
    FrameSchema {
        columns: untyped(&schema.columns),
        index: match &schema.index {
            IndexSchema::Levels(levels) => IndexSchema::Levels(untyped(levels)),
            range @ IndexSchema::Range { .. } => range.clone(),
        },
        ..schema.clone()
    }
}

fn aggregation<'py>(py: Python<'py>, spec: &AggSpec) -> PyResult<Bound<'py, PyDict>> {
    let made = PyDict::new(py);
    made.set_item("keys", trees(py, &spec.keys)?)?;
    let calls = spec.calls.iter().map(|AggCall { op, arg }| {
        let options = op.options();
        let given = PyDict::new(py);
        given.set_item("skipna", options.skipna)?;
        given.set_item("dropna", options.dropna)?;
        given.set_item("ddof", options.ddof)?;
        given.set_item("min_count", options.min_count)?;
        let arg = arg.as_ref().map(|arg| tree(py, arg)).transpose()?;
        (op.name(), arg, given).into_pyobject(py)
    });
    made.set_item("calls", PyList::new(py, calls.collect::<PyResult<Vec<_>>>()?)?)?;
    made.set_item("sort", spec.sort)?;
    made.set_item("dropna", spec.dropna)?;
    made.set_item("observed", spec.observed)?;
    made.set_item("as_index", spec.as_index)?;
    Ok(made)
}

fn trees<'py>(py: Python<'py>, exprs: &[ExprRef]) -> PyResult<Bound<'py, PyList>> {
    let trees = exprs.iter().map(|expr| tree(py, expr));
    PyList::new(py, trees.collect::<PyResult<Vec<_>>>()?)
}

/// An expression: `("column", i)`, `("index", level)`, `("value", x)`, `("input", k)`, or the name of an operation, its
/// parameter and its operands.
fn tree<'py>(py: Python<'py>, expr: &Expr) -> PyResult<Bound<'py, PyTuple>> {
    match expr {
        Expr::Column(position) => ("column", *position).into_pyobject(py),
        Expr::Index(level) => ("index", *level).into_pyobject(py),
        Expr::Input(input) => ("input", *input).into_pyobject(py),
        Expr::Literal(literal) => ("value", literal_to_python(py, literal)?).into_pyobject(py),
        Expr::Call(op, args) => {
            let parameter = match op {
                ScalarOp::Round(decimals) => decimals.into_pyobject(py)?.into_any(),
                ScalarOp::Cast(wanted) => dtype::to_python(py, wanted)?,
                ScalarOp::IsIn(values) => {
                    let values = values.iter().map(|value| literal_to_python(py, value));
                    PyList::new(py, values.collect::<PyResult<Vec<_>>>()?)?.into_any()
                }
                _ => py.None().into_bound(py),
            };
            (op.name(), parameter, trees(py, args)?).into_pyobject(py)
        }
    }
}
