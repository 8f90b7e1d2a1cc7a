//! Elementwise operations: one expression over inputs that are broadcast against each other.
//!
//! Inputs are cut alike before (Python unifies chunks): along each axis an input has the result's chunks, or length 1.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::expr::NodeRef;
use crate::expr::array::{ArrayOp, ArraySchema, array_of, node};
use crate::nd::{Axis, Elem, Grid, NdDtype};
use crate::op::nd::{NdArg, NdExpr, NdOp, NdScalar};

/// What an operation is applied to.
#[derive(Clone, Debug)]
pub enum Operand {
    /// An array.
    Node(NodeRef),
    /// One value.
    Scalar(NdScalar),
}

/// The element type of an array that kernels compute with.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] for other dtypes.
pub fn elem_of(node: &NodeRef) -> Result<Elem> {
    let schema = array_of(node)?;
    schema
        .dtype
        .elem()
        .ok_or_else(|| Error::not_native("elements that NumPy computes with"))
}

/// An operation on operands broadcast against each other.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] when there is no loop for the dtypes; what NumPy says of values that don't fit.
pub fn elementwise(op: NdOp, operands: &[Operand]) -> Result<NodeRef> {
    let mut inputs: Vec<NodeRef> = Vec::new();
    let mut args = Vec::with_capacity(operands.len());
    let mut types = Vec::with_capacity(operands.len());
    for operand in operands {
        match operand {
            Operand::Scalar(value) => {
                types.push(value.arg());
                args.push(NdExpr::constant(*value));
            }
            Operand::Node(input) => {
                types.push(NdArg::Strong(elem_of(input)?));
                let known = inputs.iter().position(|other| other.token == input.token);
                args.push(NdExpr::input(known.unwrap_or_else(|| {
                    inputs.push(input.clone());
                    inputs.len() - 1
                })));
            }
        }
    }
    let expr = NdExpr::call(op, args, &types)?;
    over(expr, inputs, op.name())
}

/// The elements of an array as another type.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] for dtypes that only NumPy converts.
pub fn cast(input: &NodeRef, to: Elem) -> Result<NodeRef> {
    if elem_of(input)? == to {
        return Ok(input.clone());
    }
    over(NdExpr::cast(to, NdExpr::input(0)), vec![input.clone()], "astype")
}

/// An expression over inputs.
///
/// # Errors
/// When the inputs can't be broadcast.
pub fn over(expr: Arc<NdExpr>, inputs: Vec<NodeRef>, prefix: &str) -> Result<NodeRef> {
    if inputs.is_empty() {
        return Err(Error::not_native("an operation without arrays"));
    }
    let elems = inputs.iter().map(elem_of).collect::<Result<Vec<_>>>()?;
    let dtype = NdDtype::Num(expr.infer(&elems)?);
    let grids = inputs
        .iter()
        .map(|input| Ok(&array_of(input)?.grid))
        .collect::<Result<Vec<_>>>()?;
    let ndim = grids.iter().map(|grid| grid.axes.len()).max().unwrap_or(0);
    let mut axes: Vec<Axis> = Vec::with_capacity(ndim);
    for i in 0..ndim {
        let mut chosen = Axis::single(1);
        for grid in &grids {
            let Some(axis) = (i + grid.axes.len()).checked_sub(ndim).map(|at| &grid.axes[at]) else {
                continue;
            };
            if axis.len() == Some(1) && axis.count() == 1 {
                continue;
            }
            if chosen.len() == Some(1) && chosen.count() == 1 {
                chosen = axis.clone();
            } else if !alike(&chosen, axis) {
                return Err(Error::not_native("arrays that are cut differently"));
            }
        }
        axes.push(chosen);
    }
    let schema = ArraySchema {
        dtype,
        grid: Grid { axes },
    };
    Ok(node(ArrayOp::Elementwise(expr), inputs, schema, prefix))
}

fn alike(a: &Axis, b: &Axis) -> bool {
    a.count() == b.count()
        && (0..a.count()).all(|i| a.size(i) == b.size(i) || a.size(i).is_none() || b.size(i).is_none())
        || a == b
}
