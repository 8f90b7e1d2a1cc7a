//! Products of two arrays added up along axes: matrices, stacks of them, and any axes that Einstein's convention can name.
//!
//! Invariants: both inputs have the result's element type; axes that go together are cut alike, and a single element along
//! one of a stack goes with all. Inputs that are mere transposes are read where they are, so a product with one's own
//! transpose is seen as what it is: a node with one input, of which half is computed.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::expr::array::elementwise::elem_of;
use crate::expr::array::{ArrayOp, ArraySchema, OutAxis, array_of, node};
use crate::expr::{NodeOp, NodeRef};
use crate::nd::{Axis, Grid, NdDtype};
use crate::op::nd_product::Contract;

/// An array behind transposes, and which axis of it each axis is.
fn plain(input: &NodeRef) -> Result<(NodeRef, Vec<usize>)> {
    let mut base = input.clone();
    let mut axes: Vec<usize> = (0..array_of(&base)?.grid.axes.len()).collect();
    while let NodeOp::Array(ArrayOp::View(view)) = &base.op {
        let below = base.inputs[0].clone();
        let own = &array_of(&base)?.grid.axes;
        let theirs = &array_of(&below)?.grid.axes;
        let mut seen = vec![false; theirs.len()];
        let mut order = Vec::with_capacity(own.len());
        for (from, axis) in view.axes.iter().zip(own) {
            let (OutAxis::Whole(at)
            | OutAxis::Affine {
                axis: at,
                start: 0,
                step: 1,
            }) = from
            else {
                break;
            };
            if theirs[*at] != *axis || std::mem::replace(&mut seen[*at], true) {
                break;
            }
            order.push(*at);
        }
        if order.len() != own.len() || own.len() != theirs.len() {
            break;
        }
        axes = axes.into_iter().map(|axis| order[axis]).collect();
        base = below;
    }
    Ok((base, axes))
}

fn is_single(axis: &Axis) -> bool {
    axis.len() == Some(1) && axis.count() == 1
}

fn alike(a: &Axis, b: &Axis) -> bool {
    a.count() == b.count()
        && (a == b
            || (0..a.count()).all(|i| a.size(i).zip(b.size(i)).is_none_or(|(one, other)| one == other)))
}

/// The products of two arrays, which have one type, added up along pairs of axes. `batch` pairs stay and come first.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] where NumPy has to do it, or axes are cut differently.
pub fn contract(
    a: &NodeRef,
    b: &NodeRef,
    batch: &[(usize, usize)],
    summed: &[(usize, usize)],
    prefix: &str,
) -> Result<NodeRef> {
    let elem = elem_of(a)?;
    if elem_of(b)? != elem {
        return Err(Error::internal("a product of arrays of two types"));
    }
    let free = |ndim: usize, taken: &dyn Fn(&(usize, usize)) -> usize| -> Vec<usize> {
        let taken: Vec<usize> = batch.iter().chain(summed).map(taken).collect();
        (0..ndim).filter(|axis| !taken.contains(axis)).collect()
    };
    let left = free(array_of(a)?.grid.axes.len(), &|pair| pair.0);
    let right = free(array_of(b)?.grid.axes.len(), &|pair| pair.1);
    let ((a, of_a), (b, of_b)) = (plain(a)?, plain(b)?);
    let pairs = |list: &[(usize, usize)]| list.iter().map(|(i, j)| (of_a[*i], of_b[*j])).collect();
    let spec = Contract {
        batch: pairs(batch),
        summed: pairs(summed),
        left: left.iter().map(|axis| of_a[*axis]).collect(),
        right: right.iter().map(|axis| of_b[*axis]).collect(),
    };
    let (first, second) = (&array_of(&a)?.grid.axes, &array_of(&b)?.grid.axes);
    let mut axes = Vec::with_capacity(spec.batch.len() + spec.left.len() + spec.right.len());
    for (i, j) in &spec.batch {
        let (one, other) = (&first[*i], &second[*j]);
        if !alike(one, other) && !is_single(one) && !is_single(other) {
            return Err(Error::not_native("stacks that are cut differently"));
        }
        axes.push(if is_single(one) {
            other.clone()
        } else {
            one.clone()
        });
    }
    if !spec.summed.iter().all(|(i, j)| alike(&first[*i], &second[*j])) {
        return Err(Error::not_native("contracted axes that are cut differently"));
    }
    axes.extend(spec.left.iter().map(|axis| first[*axis].clone()));
    axes.extend(spec.right.iter().map(|axis| second[*axis].clone()));
    let schema = ArraySchema {
        dtype: NdDtype::Num(elem),
        grid: Grid { axes },
    };
    let inputs = if a.token == b.token && spec.is_symmetric() {
        vec![a]
    } else {
        vec![a, b]
    };
    Ok(node(ArrayOp::Contract(Arc::new(spec)), inputs, schema, prefix))
}
