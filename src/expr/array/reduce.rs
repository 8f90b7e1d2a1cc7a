//! Reductions of arrays over some of their axes, fused with the elementwise expression that feeds them.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::expr::NodeRef;
use crate::expr::array::elementwise::elem_of;
use crate::expr::array::{ArrayOp, ArraySchema, array_of, node};
use crate::nd::{Axis, Elem, Grid, NdDtype};
use crate::op::nd::NdExpr;
use crate::op::nd_reduce::ReduceOp;
use crate::token::{Token, Tokenize, Tokenizer};

/// What is reduced, and how.
#[derive(Clone, Debug)]
pub struct Reduce {
    /// What comes out of a state.
    pub op: ReduceOp,
    /// Whose state is kept on the way: `op` itself, or one that several reductions of the same elements share.
    pub state: ReduceOp,
    /// The elements, as an expression over the inputs.
    pub expr: Arc<NdExpr>,
    /// Type of the elements.
    pub elem: Elem,
    /// How the elements are cut.
    pub source: Grid,
    /// The axes that go, ascending.
    pub axes: Vec<usize>,
    /// They stay, with length 1.
    pub keepdims: bool,
    /// Whether the elements are numbered in C order over all axes, for places in the whole array.
    pub flat: bool,
}

impl Reduce {
    /// What the state depends on.
    #[must_use]
    pub fn state_token(&self, inputs: &[NodeRef]) -> Token {
        let mut t = Tokenizer::new();
        t.text("state");
        self.state.tokenize(&mut t);
        self.source_tokenize(&mut t);
        inputs.iter().for_each(|input| {
            t.token(input.token);
        });
        t.finish()
    }

    /// What the elements and the axes are.
    pub fn source_tokenize(&self, t: &mut Tokenizer) {
        self.expr.tokenize(t);
        t.text(self.elem.name()).number(u64::from(self.flat));
        t.number(self.axes.len() as u64);
        self.axes.iter().for_each(|axis| {
            t.number(*axis as u64);
        });
    }
}

impl Tokenize for Reduce {
    fn tokenize(&self, t: &mut Tokenizer) {
        self.op.tokenize(t);
        self.state.tokenize(t);
        self.source_tokenize(t);
        self.source.tokenize(t);
        t.number(u64::from(self.keepdims));
    }
}

/// A reduction over `axes`; over none of them when the list is empty.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] where NumPy has to do it; what NumPy says of reductions of nothing.
pub fn reduce(
    input: &NodeRef,
    op: ReduceOp,
    axes: &[usize],
    keepdims: bool,
    dtype: Option<Elem>,
) -> Result<NodeRef> {
    let elem = elem_of(input)?;
    let source = array_of(input)?.grid.clone();
    let wanted = op.input(elem, dtype)?;
    let out = op.result(elem, dtype)?;
    let expr = if wanted == elem {
        NdExpr::input(0)
    } else {
        NdExpr::cast(wanted, NdExpr::input(0))
    };
    let flat = op.is_arg() && axes.len() == source.axes.len();
    if op.is_arg() {
        if source.shape().is_none() {
            return Err(Error::not_native("places in an array of unknown length"));
        }
        if axes.len() != 1 && !flat {
            return Err(Error::not_native("places along several axes"));
        }
    }
    let nothing = axes.iter().any(|axis| source.axes[*axis].is_empty());
    let somebody = (0..source.axes.len()).all(|axis| axes.contains(&axis) || !source.axes[axis].is_empty());
    if let (true, true, Some(error)) = (nothing, somebody, op.of_nothing()) {
        return Err(error);
    }
    let mut kept = Vec::new();
    for (i, axis) in source.axes.iter().enumerate() {
        if !axes.contains(&i) {
            kept.push(axis.clone());
        } else if keepdims {
            kept.push(Axis::single(1));
        }
    }
    let spec = Reduce {
        op,
        state: op,
        expr,
        elem: wanted,
        source,
        axes: axes.to_vec(),
        keepdims,
        flat,
    };
    let schema = ArraySchema {
        dtype: NdDtype::Num(out),
        grid: Grid { axes: kept },
    };
    Ok(node(
        ArrayOp::Reduce(Arc::new(spec)),
        vec![input.clone()],
        schema,
        op.name(),
    ))
}
