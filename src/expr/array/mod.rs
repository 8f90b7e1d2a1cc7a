//! Nodes of arrays: what each does, and the constructors that compute its grid of chunks.
//!
//! Everything is in closed form: a node says for any block what it is made of, and nothing is written out per block before
//! the plan is lowered. Does not cover which NumPy function becomes which node (Python does that) or lowering
//! (`plan::array`).

pub mod blocks;
pub mod compose;
pub mod contract;
pub mod elementwise;
pub mod reduce;
pub mod scan;
pub mod view;
mod wire;

use std::sync::Arc;

use crate::chunk::array_source::ArraySource;
use crate::error::{Error, Result};
use crate::expr::{Node, NodeOp, NodeRef};
use crate::nd::{Axis, Grid, NdDtype};
use crate::op::nd::NdExpr;
use crate::op::nd_product::Contract;
use crate::schema::Divisions;
use crate::token::{Tokenize, Tokenizer};

pub use blocks::{AxisPick, BlockCall, Blocks};
pub use reduce::Reduce;
pub use scan::Scan;
pub use view::{OutAxis, View};

/// What is known of an array before it is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArraySchema {
    /// Type of the elements; `Host` when chunks are objects of the host language.
    pub dtype: NdDtype,
    /// Shape and chunks.
    pub grid: Grid,
}

impl Tokenize for ArraySchema {
    fn tokenize(&self, t: &mut Tokenizer) {
        self.dtype.tokenize(t);
        self.grid.tokenize(t);
    }
}

/// The shapes of nodes that make arrays.
#[derive(Clone, Debug)]
pub enum ArrayOp {
    /// Blocks read from a source.
    Source(Arc<dyn ArraySource>),
    /// The input's elements at other places: slices, transposes, broadcasts, other chunks.
    View(Arc<View>),
    /// The inputs put one after another along an axis; their chunks stay.
    Concat(usize),
    /// One expression for each element, over inputs broadcast against each other.
    Elementwise(Arc<NdExpr>),
    /// An expression reduced over axes.
    Reduce(Arc<Reduce>),
    /// Products added up along axes of two inputs; of one input with itself where that is symmetric.
    Contract(Arc<Contract>),
    /// Running reductions along an axis.
    Scan(Scan),
    /// A call for each block.
    Blocks(Arc<Blocks>),
    /// The blocks, in C order, are the inputs, of one partition each.
    Join,
}

impl Tokenize for ArrayOp {
    fn tokenize(&self, t: &mut Tokenizer) {
        match self {
            Self::Source(source) => {
                t.number(0).token(source.token());
            }
            Self::View(view) => {
                t.number(1);
                view.tokenize(t);
            }
            Self::Concat(axis) => {
                t.number(2).number(*axis as u64);
            }
            Self::Blocks(blocks) => {
                t.number(3);
                blocks.tokenize(t);
            }
            Self::Join => {
                t.number(4);
            }
            Self::Reduce(spec) => {
                t.number(6);
                spec.tokenize(t);
            }
            Self::Elementwise(expr) => {
                t.number(5);
                expr.tokenize(t);
            }
            Self::Contract(spec) => {
                t.number(7);
                spec.tokenize(t);
            }
            Self::Scan(scan) => {
                t.number(8);
                scan.tokenize(t);
            }
        }
    }
}

/// The array schema of a node.
///
/// # Errors
/// When the node is no array.
pub fn array_of(node: &Node) -> Result<&Arc<ArraySchema>> {
    node.array
        .as_ref()
        .ok_or_else(|| Error::internal(format!("{} isn't an array", node.name())))
}

/// A node of these parts.
#[must_use]
pub fn node(op: ArrayOp, inputs: Vec<NodeRef>, schema: ArraySchema, prefix: &str) -> NodeRef {
    let divisions = Divisions::Unknown(schema.grid.count());
    Node::with_array(NodeOp::Array(op), inputs, Arc::new(schema), divisions, prefix)
}

/// The blocks of a source.
///
/// # Errors
/// When the grid isn't the source's shape.
pub fn source(source: Arc<dyn ArraySource>, grid: Grid, prefix: &str) -> Result<NodeRef> {
    let shape = source.shape();
    if grid.shape().as_ref() != Some(&shape) {
        return Err(Error::value(format!(
            "Chunks do not add up to shape. Got chunks for {:?}, shape={shape:?}",
            grid.shape()
        )));
    }
    let schema = ArraySchema {
        dtype: source.dtype(),
        grid,
    };
    Ok(node(ArrayOp::Source(source), vec![], schema, prefix))
}

/// The inputs one after another along `axis`.
///
/// # Errors
/// When their other axes are cut differently, or their dtypes differ.
pub fn concat(inputs: Vec<NodeRef>, axis: usize) -> Result<NodeRef> {
    let first = inputs
        .first()
        .ok_or_else(|| Error::value("Need array(s) to concatenate"))?;
    let mut schema = (**array_of(first)?).clone();
    let mut sizes = Vec::new();
    for input in &inputs {
        let other = array_of(input)?;
        if other.dtype != schema.dtype || other.grid.axes.len() != schema.grid.axes.len() {
            return Err(Error::internal("a concatenation of unlike arrays"));
        }
        for (i, (a, b)) in schema.grid.axes.iter().zip(&other.grid.axes).enumerate() {
            if i != axis && a.count() != b.count() {
                return Err(Error::internal("a concatenation of arrays with unlike chunks"));
            }
        }
        sizes.extend(other.grid.axes[axis].sizes());
    }
    schema.grid.axes[axis] = Axis::from_sizes(&sizes);
    Ok(node(ArrayOp::Concat(axis), inputs, schema, "concatenate"))
}

/// An array whose blocks are these nodes.
///
/// # Errors
/// When their number isn't that of the blocks.
pub fn join(inputs: Vec<NodeRef>, schema: ArraySchema, prefix: &str) -> Result<NodeRef> {
    let blocks = schema.grid.count();
    if inputs.len() != blocks || inputs.iter().any(|input| input.npartitions() != 1) {
        return Err(Error::value(format!(
            "{} blocks were given for chunks that make {blocks}",
            inputs.len()
        )));
    }
    Ok(node(ArrayOp::Join, inputs, schema, prefix))
}

/// What an array node does, in a line.
#[must_use]
pub fn describe(op: &ArrayOp) -> String {
    match op {
        ArrayOp::Source(source) => format!("Array {}", source.name()),
        ArrayOp::View(view) => format!("View {}", view.describe()),
        ArrayOp::Concat(axis) => format!("Concatenate axis={axis}"),
        ArrayOp::Blocks(blocks) => format!("Blocks {}", blocks.name()),
        ArrayOp::Reduce(spec) => format!("Reduce {} over {:?}", spec.op.name(), spec.axes),
        ArrayOp::Elementwise(expr) => format!("Elementwise of {} operations", expr.size()),
        ArrayOp::Contract(spec) => format!("Contract {}", spec.describe()),
        ArrayOp::Scan(scan) => format!("Scan {} along {}", scan.op.name(), scan.axis),
        ArrayOp::Join => "Blocks of tasks".to_string(),
    }
}
