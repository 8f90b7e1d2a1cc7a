//! Reductions of what lies in memory are cut as suits the machine, not as the caller cut the array.
//!
//! Nobody sees the blocks of a reduction's elements: they exist only inside its tasks. Where they are so small that handling
//! them costs more than their elements, so few that threads stand idle, or so narrow that memory is read in short pieces (at
//! half the speed of long ones), the elements are cut anew. Sources in memory show any region for nothing, and what is
//! broadcast against them is small, so that cutting it anew is cheap. The results keep their chunks.

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
/// The same in bytes where they lie together in all that is in memory.
const WIDE_ROWS: usize = 32 << 10;
/// So many blocks there are then at least, as long as they don't become small, and each is no larger than that.
const MANY: usize = 64;
const LARGE: usize = 1 << 23;
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
    let wide = wide(node, &shape)?;
    let narrow = size > FEW * TARGET
        && matches!((spec.source.axes.last(), wide), (Some(axis), Some(wide)) if narrow(axis, wide));
    if !small && !few && !narrow {
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
    let mut left = wide.map_or(TARGET, |_| (size / MANY).clamp(TARGET, LARGE));
    let mut axes = Vec::with_capacity(shape.len());
    for (i, len) in shape.iter().enumerate().rev() {
        let most = match wide {
            _ if i == 0 => left,
            Some(wide) if i + 1 == shape.len() => left.min(wide),
            _ => left.min(WIDE),
        };
        let count = len.div_ceil(most.max(1)).max(1);
        let chunk = len.div_ceil(count).max(1);
        left /= chunk;
        axes.push(Axis::Regular { len: *len, chunk });
    }
    axes.reverse();
    let grid = Grid { axes };
    Ok((grid != spec.source).then_some(grid))
}

/// Elements of a row of wide blocks, where all that is in memory lies in rows; none for a single axis.
fn wide(node: &NodeRef, shape: &[usize]) -> Result<Option<usize>> {
    if shape.len() < 2 {
        return Ok(None);
    }
    let mut item = None;
    for input in &node.inputs {
        if let NodeOp::Array(ArrayOp::Source(source)) = &input.op {
            let schema = array_of(input)?;
            // what is broadcast along the last axis isn't read along it
            if schema.grid.shape().and_then(|own| own.last().copied()) == shape.last().copied() {
                if !source.in_rows() {
                    return Ok(None);
                }
                item = item.max(Some(schema.dtype.itemsize()));
            }
        }
    }
    Ok(item.map(|item| WIDE_ROWS / item.max(1)))
}

/// Whether blocks are less than half as wide along the last axis as they could be.
fn narrow(axis: &Axis, wide: usize) -> bool {
    let most = axis.len().map_or(0, |len| len.min(wide));
    2 * axis.len().unwrap_or(0) < most * axis.count()
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
