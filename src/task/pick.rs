//! What the tasks that choose elements of blocks do.

use crate::chunk::{ArrayChunk, Chunk};
use crate::error::{Error, Result};
use crate::kernels::nd::layout::{Triangle, repeat, triangle};
use crate::kernels::nd::{points, select};
use crate::op::nd_pick::PickOp;
use crate::task::array::array_in;

/// Runs an operation on its blocks.
///
/// # Errors
/// When blocks don't have the planned shapes.
pub fn run(op: &PickOp, inputs: &[Chunk]) -> Result<ArrayChunk> {
    let blocks = inputs.iter().map(array_in).collect::<Result<Vec<_>>>()?;
    match (op, blocks.as_slice()) {
        (
            PickOp::Points {
                axes,
                place,
                count,
                parts,
            },
            blocks,
        ) => points::points(blocks, axes, *place, *count, parts),
        (PickOp::Repeat { axis, times }, [block]) => repeat(block, *times, *axis),
        (PickOp::Triangle { lower, k }, [block]) => {
            let which = if *lower { Triangle::Lower } else { Triangle::Upper };
            triangle(block, which, *k)
        }
        (PickOp::Compress { axis }, [block, mask]) => {
            let len = select::axis_len(block, *axis)?;
            if mask.shape != [len] {
                return Err(Error::index(format!(
                    "boolean index did not match indexed array along axis {axis}; size of axis is {len} but size of \
                     corresponding boolean axis is {:?}",
                    mask.shape
                )));
            }
            select::compress(block, mask, *axis)
        }
        (PickOp::Select, [block, mask]) => select::select(block, mask),
        _ => Err(Error::internal(
            "a choice of elements from another number of blocks",
        )),
    }
}
