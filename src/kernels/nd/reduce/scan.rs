//! Running sums and products along an axis, block by block.
//!
//! A block starts from what the blocks before it come to. Floats are kept in float64 on the way and rounded to the result's
//! type one by one, so that the result is the same for any chunks within the accuracy of float64.

use super::finish::{Ending, cast};
use crate::chunk::ArrayChunk;
use crate::dispatch_number;
use crate::error::{Error, Result};
use crate::kernels::nd::copy::dense;
use crate::kernels::nd::memory::buffer_of;
use crate::kernels::nd::number::{Arith, Number, values};
use crate::kernels::nd::select::axis_len;
use crate::nd::{Elem, NdDtype};
use crate::op::nd_reduce::{ScanOp, sum_state, value_state};

/// The running result along `axis`, of type `out`, and the state to carry on with. `carry` is the state that the blocks
/// before end with: what an earlier call gave, or the merged totals (see [`ScanOp::total`]) of all blocks before.
///
/// # Errors
/// When there is no such axis, or the carry is of another type or shape.
pub fn scan(
    op: ScanOp,
    chunk: &ArrayChunk,
    axis: usize,
    carry: Option<&ArrayChunk>,
    out: Elem,
) -> Result<(ArrayChunk, ArrayChunk)> {
    axis_len(chunk, axis)?;
    let elem = chunk.dtype.elem();
    let elem = elem.ok_or_else(|| Error::internal("a running total of elements that aren't numbers"))?;
    let chunk = dense(chunk)?;
    let chunk = if elem == Elem::F16 {
        let halves = values::<u16>(&chunk)?
            .iter()
            .map(|bits| half::f16::from_bits(*bits).to_f32());
        cast(halves, &chunk.shape, Elem::F32)?
    } else {
        chunk
    };
    let mut state_shape = chunk.shape.clone();
    state_shape[axis] = 1;
    let state = sum_state(elem);
    let carry = carry.map(dense).transpose()?;
    if let Some(carry) = &carry
        && (carry.shape != state_shape || carry.dtype != NdDtype::Num(state))
    {
        return Err(Error::internal("a carry of another shape or type"));
    }
    let carry = carry.as_ref();
    let wrong = || Err(Error::internal("a running total of another type"));
    dispatch_number!(value_state(elem), T => match (op, <T as Number>::FLOATING) {
        (ScanOp::Sum { skipna: true }, true) => running::<T, true, true>(&chunk, axis, carry, state, out),
        (ScanOp::Sum { .. }, _) => running::<T, true, false>(&chunk, axis, carry, state, out),
        (ScanOp::Prod { skipna: true }, true) => running::<T, false, true>(&chunk, axis, carry, state, out),
        (ScanOp::Prod { .. }, _) => running::<T, false, false>(&chunk, axis, carry, state, out),
    }, _ => wrong())
}

fn running<T: Number, const SUM: bool, const SKIP: bool>(
    chunk: &ArrayChunk,
    axis: usize,
    carry: Option<&ArrayChunk>,
    state: Elem,
    out: Elem,
) -> Result<(ArrayChunk, ArrayChunk)>
where
    T::Total: Ending,
{
    let shape = &chunk.shape;
    let mut state_shape = shape.clone();
    state_shape[axis] = 1;
    let (len, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
    let start = if SUM { T::Total::ZERO } else { T::Total::ONE };
    let mut totals: Vec<T::Total> = match carry {
        Some(carry) => values::<T::Total>(carry)?.to_vec(),
        None => vec![start; state_shape.iter().product()],
    };
    let elements = values::<T>(chunk)?;
    let mut all = Vec::with_capacity(elements.len());
    let step = |total: T::Total, element: T| -> T::Total {
        if SKIP && element.is_nan() {
            total
        } else if SUM {
            total.plus(element.factor())
        } else {
            total.times(element.factor())
        }
    };
    if inner == 1 {
        for (total, row) in totals.iter_mut().zip(elements.chunks_exact(len.max(1))) {
            let mut running = *total;
            all.extend(row.iter().map(|element| {
                running = step(running, *element);
                running
            }));
            *total = running;
        }
    } else if len * inner > 0 {
        for (totals, plane) in totals
            .chunks_exact_mut(inner)
            .zip(elements.chunks_exact(len * inner))
        {
            for row in plane.chunks_exact(inner) {
                for (total, element) in totals.iter_mut().zip(row) {
                    *total = step(*total, *element);
                }
                all.extend_from_slice(totals);
            }
        }
    }
    let dtype = NdDtype::Num(state);
    let result = if out == state {
        ArrayChunk::dense(dtype.clone(), shape.clone(), buffer_of(all))?
    } else {
        cast(all.into_iter(), shape, out)?
    };
    Ok((result, ArrayChunk::dense(dtype, state_shape, buffer_of(totals))?))
}
