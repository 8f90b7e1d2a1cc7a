//! Elements picked by position or by a mask.
//!
//! Covers one axis by positions (`take`), one axis by a mask (`compress`), several leading axes or all by a mask (`select`),
//! and the positions that a mask holds (`positions`), for items of any size. Invariant: a position is checked before it is used.

use std::mem::MaybeUninit;

use arrow::buffer::MutableBuffer;

use super::copy::dense;
use super::layout::reshape;
use super::memory::{bytes_of, fresh};
use super::strided::{CopyPlan, STREAMED};
use crate::chunk::ArrayChunk;
use crate::chunk::array::dense_strides;
use crate::error::{Error, Result};
use crate::nd::{Elem, NdDtype};

/// The elements at these positions of an axis, none negative.
///
/// # Errors
/// When a position is out of bounds.
pub fn take(chunk: &ArrayChunk, axis: usize, indices: &[i64]) -> Result<ArrayChunk> {
    let len = axis_len(chunk, axis)?;
    if let Some(wrong) = indices.iter().find(|index| !(0..len as i64).contains(*index)) {
        return Err(Error::index(format!(
            "index {wrong} is out of bounds for axis {axis} with size {len}"
        )));
    }
    let itemsize = chunk.dtype.itemsize();
    let mut shape = chunk.shape.clone();
    shape[axis] = indices.len();
    let bytes = bytes_of(&shape, itemsize)?;
    let mut memory = fresh(bytes);
    if bytes > 0 {
        let to = dense_strides(&shape, itemsize);
        let inner = CopyPlan::new(
            &chunk.shape[axis + 1..],
            &chunk.strides[axis + 1..],
            &to[axis + 1..],
            itemsize,
            bytes >= STREAMED,
        );
        let picked = Picked {
            indices,
            from: chunk.strides[axis],
            to: to[axis],
        };
        let mut index = vec![0; axis];
        let mut from = chunk.offset as isize;
        let mut target = 0isize;
        loop {
            // SAFETY: the outer index and the positions are inside the shapes of both.
            unsafe {
                let from = chunk.buffer.as_ptr().offset(from);
                picked.copy(&inner, from, memory.as_mut_ptr().offset(target));
            }
            if !advance(&mut index, &chunk.shape[..axis], |axis, steps| {
                from += chunk.strides[axis] * steps;
                target += to[axis] * steps;
            }) {
                break;
            }
        }
    }
    ArrayChunk::dense(chunk.dtype.clone(), shape, memory.into())
}

/// The next index in C order; `moved` is told the axes and the steps along them. False after the last one.
pub fn advance(index: &mut [usize], shape: &[usize], mut moved: impl FnMut(usize, isize)) -> bool {
    for axis in (0..index.len()).rev() {
        index[axis] += 1;
        moved(axis, 1);
        if index[axis] < shape[axis] {
            return true;
        }
        moved(axis, -(shape[axis] as isize));
        index[axis] = 0;
    }
    false
}

/// Positions along an axis with its strides on both sides.
struct Picked<'a> {
    indices: &'a [i64],
    from: isize,
    to: isize,
}

impl Picked<'_> {
    /// # Safety
    /// The positions are inside the axis, and the rest of both blocks can be read and written.
    unsafe fn copy(&self, inner: &CopyPlan, from: *const u8, to: *mut u8) {
        // SAFETY: as the caller promises; items aren't taken to be aligned.
        unsafe {
            match inner.single_item() {
                Some(1) => self.items::<u8>(from, to),
                Some(2) => self.items::<u16>(from, to),
                Some(4) => self.items::<u32>(from, to),
                Some(8) => self.items::<u64>(from, to),
                Some(16) => self.items::<[u64; 2]>(from, to),
                _ => {
                    let mut to = to;
                    for index in self.indices {
                        inner.run(from.offset(*index as isize * self.from), to);
                        to = to.wrapping_offset(self.to);
                    }
                }
            }
        }
    }

    /// # Safety
    /// As for `copy`, for items of the size of `T`.
    #[inline(always)]
    unsafe fn items<T: Copy>(&self, from: *const u8, to: *mut u8) {
        for (i, index) in self.indices.iter().enumerate() {
            // SAFETY: as the caller promises.
            unsafe {
                let value = from
                    .offset(*index as isize * self.from)
                    .cast::<T>()
                    .read_unaligned();
                to.cast::<T>().add(i).write_unaligned(value);
            }
        }
    }
}

/// The elements of an axis for which the mask, a block with one axis, holds. It may be shorter than the axis.
///
/// # Errors
/// When the mask isn't one, or holds beyond the axis.
pub fn compress(chunk: &ArrayChunk, mask: &ArrayChunk, axis: usize) -> Result<ArrayChunk> {
    if mask.shape.len() != 1 {
        return Err(Error::value("condition must be a 1-d array"));
    }
    take(chunk, axis, &positions(mask)?)
}

/// The elements for which the mask holds, in C order. The mask's shape is that of the block's leading axes; these become
/// one.
///
/// # Errors
/// When the shapes don't go together.
pub fn select(chunk: &ArrayChunk, mask: &ArrayChunk) -> Result<ArrayChunk> {
    let axes = mask.shape.len();
    if chunk.shape.len() < axes || chunk.shape[..axes] != mask.shape[..] {
        return Err(Error::index(format!(
            "boolean index did not match indexed array: its shape is {:?}, that of the array {:?}",
            mask.shape, chunk.shape
        )));
    }
    if axes == chunk.shape.len() && matches!(chunk.dtype.itemsize(), 1 | 2 | 4 | 8 | 16) {
        return select_items(chunk, mask);
    }
    let mut shape = vec![mask.size()];
    shape.extend(&chunk.shape[axes..]);
    take(&reshape(chunk, &shape)?, 0, &positions(mask)?)
}

fn select_items(chunk: &ArrayChunk, mask: &ArrayChunk) -> Result<ArrayChunk> {
    let (chunk, mask) = (dense(chunk)?, dense(mask)?);
    let holds = mask_bytes(&mask)?;
    let count = holds.iter().filter(|holds| **holds != 0).count();
    let items = chunk.as_dense().unwrap_or_default();
    let itemsize = chunk.dtype.itemsize();
    let memory: MutableBuffer = match itemsize {
        1 => kept::<1>(items, holds, count),
        2 => kept::<2>(items, holds, count),
        4 => kept::<4>(items, holds, count),
        8 => kept::<8>(items, holds, count),
        _ => kept::<16>(items, holds, count),
    };
    ArrayChunk::dense(chunk.dtype, vec![count], memory.into())
}

/// Writes every item and moves on only past those that are kept, so that no branch waits for the mask.
fn kept<const N: usize>(items: &[u8], holds: &[u8], count: usize) -> MutableBuffer {
    let mut memory = fresh(count * N);
    let out = memory.as_mut_ptr().cast::<[MaybeUninit<u8>; N]>();
    let mut at = 0;
    for (item, holds) in items.chunks_exact(N).zip(holds) {
        if at == count {
            break;
        }
        // SAFETY: `at` is below the count, and the memory has room for so many items.
        unsafe { std::ptr::copy_nonoverlapping(item.as_ptr(), out.add(at).cast::<u8>(), N) };
        at += usize::from(*holds != 0);
    }
    memory
}

/// The positions in C order at which the mask holds.
///
/// # Errors
/// When it isn't a mask.
pub fn positions(mask: &ArrayChunk) -> Result<Vec<i64>> {
    let mask = dense(mask)?;
    let holds = mask_bytes(&mask)?;
    let mut positions = Vec::with_capacity(holds.iter().filter(|holds| **holds != 0).count());
    positions.extend(
        (0i64..)
            .zip(holds)
            .filter(|(_, holds)| **holds != 0)
            .map(|(i, _)| i),
    );
    Ok(positions)
}

/// The bytes of a dense mask.
///
/// # Errors
/// When it isn't a mask.
pub fn mask_bytes(mask: &ArrayChunk) -> Result<&[u8]> {
    if mask.dtype != NdDtype::Num(Elem::Bool) {
        return Err(Error::index("a mask must have the dtype bool"));
    }
    mask.as_dense()
        .ok_or_else(|| Error::internal("a mask that isn't dense"))
}

/// The length of an axis.
///
/// # Errors
/// When there is no such axis.
pub fn axis_len(chunk: &ArrayChunk, axis: usize) -> Result<usize> {
    chunk.shape.get(axis).copied().ok_or_else(|| {
        Error::value(format!(
            "axis {axis} is out of bounds for array of dimension {}",
            chunk.shape.len()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::nd::memory::buffer_of;

    fn numbers(shape: &[usize]) -> ArrayChunk {
        let len: usize = shape.iter().product();
        let values: Vec<i32> = (0..len as i32).collect();
        ArrayChunk::dense(NdDtype::Num(Elem::I32), shape.to_vec(), buffer_of(values)).expect("dense")
    }

    fn mask(shape: &[usize], holds: &[u8]) -> ArrayChunk {
        ArrayChunk::dense(
            NdDtype::Num(Elem::Bool),
            shape.to_vec(),
            buffer_of(holds.to_vec()),
        )
        .expect("dense")
    }

    fn read(chunk: &ArrayChunk) -> Vec<i32> {
        let bytes = chunk.as_dense().expect("dense");
        bytes
            .chunks_exact(4)
            .map(|item| i32::from_le_bytes(item.try_into().expect("4 bytes")))
            .collect()
    }

    #[test]
    fn positions_pick_along_any_axis_of_any_view() {
        let block = numbers(&[3, 4]);
        assert_eq!(
            read(&take(&block, 0, &[2, 0, 2]).expect("take")),
            [8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]
        );
        assert_eq!(
            read(&take(&block, 1, &[3, 0]).expect("take")),
            [3, 0, 7, 4, 11, 8]
        );
        let turned = block.transpose(&[1, 0]);
        assert_eq!(read(&take(&turned, 0, &[1]).expect("take")), [1, 5, 9]);
        assert_eq!(
            read(&take(&turned, 1, &[1, 1]).expect("take")),
            [4, 4, 5, 5, 6, 6, 7, 7]
        );
        assert_eq!(take(&block, 1, &[]).expect("take").shape, [3, 0]);
        assert!(take(&block, 0, &[3]).is_err() && take(&block, 0, &[-1]).is_err());
        let cube = numbers(&[2, 3, 2]);
        assert_eq!(
            read(&take(&cube, 1, &[2, 0]).expect("take")),
            [4, 5, 0, 1, 10, 11, 6, 7]
        );
    }

    #[test]
    fn masks_pick_an_axis_leading_axes_or_all() {
        let block = numbers(&[3, 2]);
        assert_eq!(
            read(&compress(&block, &mask(&[3], &[0, 1, 1]), 0).expect("compress")),
            [2, 3, 4, 5]
        );
        assert_eq!(
            read(&compress(&block, &mask(&[1], &[1]), 1).expect("compress")),
            [0, 2, 4]
        );
        assert!(compress(&block, &mask(&[3], &[0, 0, 1]), 1).is_err());
        let all = mask(&[3, 2], &[1, 0, 0, 1, 1, 0]);
        assert_eq!(read(&select(&block, &all).expect("select")), [0, 3, 4]);
        assert_eq!(
            read(&select(&block.slice(&[(2, 3, -1), (0, 2, 1)]).expect("slice"), &all).expect("select")),
            [4, 3, 0]
        );
        assert_eq!(
            read(&select(&block, &mask(&[3], &[0, 1, 0])).expect("select")),
            [2, 3]
        );
        let none = select(&block, &mask(&[3, 2], &[0; 6])).expect("select");
        assert_eq!(none.shape, [0]);
        assert!(select(&block, &mask(&[2], &[1, 1])).is_err());
    }
}
