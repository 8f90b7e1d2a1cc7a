//! Reductions of what lies in memory are cut as suits the machine, not as the caller cut the array.
//!
//! Nobody sees the blocks of a reduction's elements: they exist only inside its tasks. Where they are so small that handling
//! them costs more than their elements, or so few that threads stand idle, the elements are cut anew. Sources in memory show
//! any region for nothing, and what is broadcast against them is small, so that cutting it anew is cheap. The results keep
//! their chunks.

use std::sync::Arc;

use crate::error::Result;
use crate::expr::array::view::view;
use crate::expr::array::{ArrayOp, ArraySchema, Reduce, View, array_of, node};
use crate::expr::{NodeOp, NodeRef};
use crate::nd::{Axis, Grid};
use crate::opt::bottom_up;

/// Elements of blocks that are cut anew.
const TARGET: usize = 1 << 18;
/// Elements along the last axis of such a block: so many lie together, and so many results belong to a block at most.
const WIDE: usize = 1024;
/// Blocks of fewer elements, on the average, are small.
const SMALL: usize = 1 << 15;
/// Fewer blocks than that are few.
const FEW: usize = 16;
/// Inputs that are so many times smaller than the elements are cut anew whatever they are.
const SMALLER: usize = 16;

pub(super) fn run(roots: &[NodeRef]) -> Result<Vec<NodeRef>> {
    bottom_up(roots, &mut |node| {
        let NodeOp::Array(ArrayOp::Reduce(spec)) = &node.op else {
            return Ok(node);
        };
        match wanted(&node, spec)? {
            Some(grid) => recut(&node, spec, grid),
            None => Ok(node),
        }
    })
}

/// The grid that the elements of a reduction should have, where they have a bad one and can have another.
fn wanted(node: &NodeRef, spec: &Reduce) -> Result<Option<Grid>> {
    let Some(shape) = spec.source.shape() else {
        return Ok(None);
    };
    let (size, blocks) = (shape.iter().product::<usize>(), spec.source.count());
    let small = blocks > FEW && size / blocks < SMALL;
    let few = blocks < FEW && size / blocks > 2 * TARGET;
    if !small && !few {
        return Ok(None);
    }
    for input in &node.inputs {
        let Some(own) = array_of(input)?.grid.shape() else {
            return Ok(None);
        };
        let at_hand = matches!(&input.op, NodeOp::Array(ArrayOp::Source(source)) if source.in_memory());
        if !at_hand && own.iter().product::<usize>() > size / SMALLER {
            return Ok(None);
        }
    }
    let mut left = TARGET;
    let mut axes = Vec::with_capacity(shape.len());
    for (i, len) in shape.iter().enumerate().rev() {
        let most = if i == 0 { left } else { left.min(WIDE) };
        let count = len.div_ceil(most.max(1)).max(1);
        let chunk = len.div_ceil(count).max(1);
        left /= chunk;
        axes.push(Axis::Regular { len: *len, chunk });
    }
    axes.reverse();
    let grid = Grid { axes };
    Ok((grid != spec.source).then_some(grid))
}

fn recut(old: &NodeRef, spec: &Reduce, grid: Grid) -> Result<NodeRef> {
    let mut inputs = Vec::with_capacity(old.inputs.len());
    for input in &old.inputs {
        let schema = array_of(input)?;
        let shift = grid.axes.len() - schema.grid.axes.len();
        let axes = schema.grid.axes.iter().enumerate().map(|(i, axis)| {
            let whole = &grid.axes[i + shift];
            if axis.len() == whole.len() { whole } else { axis }.clone()
        });
        let cut = Grid { axes: axes.collect() };
        inputs.push(match &input.op {
            NodeOp::Array(op @ ArrayOp::Source(source)) if source.in_memory() => {
                let dtype = schema.dtype.clone();
                node(
                    op.clone(),
                    vec![],
                    ArraySchema { dtype, grid: cut },
                    &input.prefix,
                )
            }
            _ => cut_as(input, cut)?,
        });
    }
    let kept = &array_of(old)?.grid;
    let mut results = Vec::with_capacity(kept.axes.len());
    for (i, axis) in grid.axes.iter().enumerate() {
        if !spec.axes.contains(&i) {
            results.push(axis.clone());
        } else if spec.keepdims {
            results.push(Axis::single(1));
        }
    }
    let schema = ArraySchema {
        dtype: array_of(old)?.dtype.clone(),
        grid: Grid { axes: results },
    };
    let spec = Reduce {
        source: grid,
        ..spec.clone()
    };
    let new = node(ArrayOp::Reduce(Arc::new(spec)), inputs, schema, &old.prefix);
    cut_as(&new, kept.clone())
}

/// The same elements in other chunks.
fn cut_as(input: &NodeRef, grid: Grid) -> Result<NodeRef> {
    if array_of(input)?.grid == grid {
        return Ok(input.clone());
    }
    let whole = View::whole(grid.axes.len());
    view(input, whole, grid, &input.prefix)
}
