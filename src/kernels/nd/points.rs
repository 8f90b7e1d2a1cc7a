//! Elements at points of several blocks, as one block.
//!
//! Covers points that have positions along one axis or several, for items of any size. Invariant: positions and places are
//! checked before they are used, and each place is written once.

use super::memory::{bytes_of, fresh};
use super::select::{advance, axis_len, take};
use super::strided::CopyPlan;
use crate::chunk::ArrayChunk;
use crate::chunk::array::dense_strides;
use crate::error::{Error, Result};
use crate::op::nd_pick::Points;

/// The elements at `count` points, which are axis `place` of the result among the axes without positions, in their order.
///
/// # Errors
/// When a position is out of bounds, or the places aren't each of the points once.
pub fn points(
    blocks: &[&ArrayChunk],
    axes: &[usize],
    place: usize,
    count: usize,
    parts: &[Points],
) -> Result<ArrayChunk> {
    let first = blocks
        .first()
        .ok_or_else(|| Error::internal("points of no block"))?;
    check(blocks, axes, count, parts)?;
    if let ([block], [part], [axis]) = (blocks, parts, axes)
        && *axis == place
        && part.places.iter().copied().eq(0..count as i64)
    {
        return take(block, *axis, &part.at[0]);
    }
    let others: Vec<usize> = (0..first.shape.len())
        .filter(|axis| !axes.contains(axis))
        .collect();
    if place > others.len() {
        return Err(Error::internal("points beyond the axes"));
    }
    let itemsize = first.dtype.itemsize();
    let mut shape: Vec<usize> = others.iter().map(|axis| first.shape[*axis]).collect();
    shape.insert(place, count);
    let bytes = bytes_of(&shape, itemsize)?;
    let mut memory = fresh(bytes);
    if bytes > 0 {
        let mut to = dense_strides(&shape, itemsize);
        let step = to.remove(place);
        let lengths: Vec<usize> = others.iter().map(|axis| first.shape[*axis]).collect();
        for (block, part) in blocks.iter().zip(parts) {
            if others.iter().any(|axis| block.shape[*axis] != first.shape[*axis])
                || block.dtype != first.dtype
            {
                return Err(Error::value("blocks of points have different shapes"));
            }
            let from: Vec<isize> = others.iter().map(|axis| block.strides[*axis]).collect();
            let offset = |point: usize| -> isize {
                let axes = axes.iter().zip(&part.at);
                axes.map(|(axis, at)| at[point] as isize * block.strides[*axis])
                    .sum()
            };
            let moves: Vec<(isize, isize)> = part
                .places
                .iter()
                .enumerate()
                .map(|(point, to)| (offset(point), *to as isize * step))
                .collect();
            let inner = CopyPlan::new(&lengths[place..], &from[place..], &to[place..], itemsize, false);
            let mut index = vec![0; place];
            let (mut source, mut target) = (block.offset as isize, 0isize);
            loop {
                // SAFETY: the outer index, the positions and the places are inside the shapes of both.
                unsafe {
                    let from = block.buffer.as_ptr().offset(source);
                    copy(&moves, &inner, from, memory.as_mut_ptr().offset(target));
                }
                if !advance(&mut index, &lengths[..place], |axis, steps| {
                    source += from[axis] * steps;
                    target += to[axis] * steps;
                }) {
                    break;
                }
            }
        }
    }
    ArrayChunk::dense(first.dtype.clone(), shape, memory.into())
}

fn check(blocks: &[&ArrayChunk], axes: &[usize], count: usize, parts: &[Points]) -> Result<()> {
    let mut written = vec![false; count];
    for (block, part) in blocks.iter().zip(parts) {
        if part.at.len() != axes.len() || part.at.iter().any(|at| at.len() != part.places.len()) {
            return Err(Error::internal("points without a position along each axis"));
        }
        for (axis, at) in axes.iter().zip(&part.at) {
            let len = axis_len(block, *axis)?;
            if let Some(wrong) = at.iter().find(|index| !(0..len as i64).contains(*index)) {
                return Err(Error::index(format!(
                    "index {wrong} is out of bounds for axis {axis} with size {len}"
                )));
            }
        }
        for at in part.places.iter() {
            let seen = usize::try_from(*at).ok().and_then(|at| written.get_mut(at));
            if seen.is_none_or(|seen| std::mem::replace(seen, true)) {
                return Err(Error::internal("points that share a place"));
            }
        }
    }
    if blocks.len() != parts.len() || written.contains(&false) {
        return Err(Error::internal("points without a place"));
    }
    Ok(())
}

/// # Safety
/// All elements that the moves and the plan reach can be read and written.
unsafe fn copy(moves: &[(isize, isize)], inner: &CopyPlan, from: *const u8, to: *mut u8) {
    /// # Safety
    /// As for `copy`, for items of the size of `T`.
    #[inline(always)]
    unsafe fn items<T: Copy>(moves: &[(isize, isize)], from: *const u8, to: *mut u8) {
        for (source, target) in moves {
            // SAFETY: as the caller promises; items aren't taken to be aligned.
            unsafe {
                let value = from.offset(*source).cast::<T>().read_unaligned();
                to.offset(*target).cast::<T>().write_unaligned(value);
            }
        }
    }
    // SAFETY: as the caller promises.
    unsafe {
        match inner.single_item() {
            Some(1) => items::<u8>(moves, from, to),
            Some(2) => items::<u16>(moves, from, to),
            Some(4) => items::<u32>(moves, from, to),
            Some(8) => items::<u64>(moves, from, to),
            Some(16) => items::<[u64; 2]>(moves, from, to),
            _ => {
                for (source, target) in moves {
                    inner.run(from.offset(*source), to.offset(*target));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::nd::memory::buffer_of;
    use crate::nd::{Elem, NdDtype};

    fn block(shape: &[usize], first: u8) -> ArrayChunk {
        let values: Vec<u8> = (first..).take(shape.iter().product()).collect();
        ArrayChunk::dense(NdDtype::Num(Elem::U8), shape.to_vec(), buffer_of(values)).expect("dense")
    }

    fn part(at: &[&[i64]], places: &[i64]) -> Points {
        Points {
            at: at.iter().map(|list| (*list).into()).collect(),
            places: places.into(),
        }
    }

    fn read(chunk: &ArrayChunk) -> &[u8] {
        chunk.as_dense().expect("dense")
    }

    #[test]
    fn points_of_several_blocks_go_to_their_places() {
        let (a, b) = (block(&[2, 3], 0), block(&[2, 2], 10));
        let parts = [part(&[&[2, 0]], &[1, 2]), part(&[&[1]], &[0])];
        let out = points(&[&a, &b], &[1], 1, 3, &parts).expect("points");
        assert_eq!(
            (&out.shape[..], read(&out)),
            (&[2, 3][..], &[11, 2, 0, 13, 5, 3][..])
        );
        let out = points(&[&a, &b], &[1], 0, 3, &parts).expect("points");
        assert_eq!(
            (&out.shape[..], read(&out)),
            (&[3, 2][..], &[11, 13, 2, 5, 0, 3][..])
        );
        let out = points(&[&a], &[0, 1], 0, 2, &[part(&[&[1, 0], &[2, 1]], &[0, 1])]).expect("points");
        assert_eq!((&out.shape[..], read(&out)), (&[2][..], &[5, 1][..]));
        let cube = block(&[2, 3, 2], 0).transpose(&[2, 1, 0]);
        let out = points(&[&cube], &[0, 2], 1, 2, &[part(&[&[1, 0], &[1, 0]], &[1, 0])]).expect("points");
        assert_eq!(
            (&out.shape[..], read(&out)),
            (&[3, 2][..], &[0, 7, 2, 9, 4, 11][..])
        );
    }

    #[test]
    fn wrong_points_are_refused() {
        let a = block(&[2, 3], 0);
        assert!(points(&[&a], &[1], 1, 1, &[part(&[&[3]], &[0])]).is_err());
        assert!(points(&[&a], &[1], 1, 2, &[part(&[&[0, 1]], &[1, 1])]).is_err());
        assert!(points(&[&a], &[1], 1, 2, &[part(&[&[0]], &[1])]).is_err());
        assert!(points(&[&a], &[0, 1], 0, 1, &[part(&[&[0]], &[0])]).is_err());
    }
}
