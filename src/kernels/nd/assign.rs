//! Blocks with some elements replaced: a region, positions of an axis, where a mask holds.
//!
//! Covers items of any size, value and base of one dtype. Chunks are never written to once others may see them: the memory of
//! a base that nobody else holds is used again, any other is copied.

use arrow::buffer::MutableBuffer;

use super::copy::{dense, place, writable};
use super::select::{axis_len, mask_bytes};
use crate::chunk::ArrayChunk;
use crate::chunk::array::dense_strides;
use crate::error::{Error, Result};
use crate::nd::NdDtype;

/// A dense block under construction.
struct Draft {
    dtype: NdDtype,
    shape: Vec<usize>,
    strides: Vec<isize>,
    memory: MutableBuffer,
}

impl Draft {
    fn of(base: ArrayChunk) -> Result<Self> {
        let (dtype, shape) = (base.dtype.clone(), base.shape.clone());
        let memory = writable(base)?;
        let strides = dense_strides(&shape, dtype.itemsize());
        Ok(Self {
            dtype,
            shape,
            strides,
            memory,
        })
    }

    fn expect_dtype(&self, value: &ArrayChunk) -> Result<()> {
        if value.dtype == self.dtype {
            return Ok(());
        }
        Err(Error::internal(format!(
            "a value of dtype {:?} assigned to {:?}",
            value.dtype, self.dtype
        )))
    }

    fn finish(self) -> Result<ArrayChunk> {
        ArrayChunk::dense(self.dtype, self.shape, self.memory.into())
    }
}

/// The block with `value`, broadcast, in a region: along each axis from a start, so many elements, every so-manieth.
///
/// # Errors
/// When the region isn't inside, or the value has another dtype or shape.
pub fn assign(base: ArrayChunk, region: &[(usize, usize, isize)], value: &ArrayChunk) -> Result<ArrayChunk> {
    let mut draft = Draft::of(base)?;
    draft.expect_dtype(value)?;
    let inside = |((start, len, step), own): (&(usize, usize, isize), &usize)| {
        let last = *start as i128 + (*len as i128 - 1) * *step as i128;
        // A step of 0 would write the same place twice.
        *len == 0 || (*start < *own && (0..*own as i128).contains(&last) && (*step != 0 || *len == 1))
    };
    if region.len() != draft.shape.len() || !region.iter().zip(&draft.shape).all(inside) {
        return Err(Error::internal(format!(
            "a region {region:?} of a block of shape {:?}",
            draft.shape
        )));
    }
    let shape: Vec<usize> = region.iter().map(|(_, len, _)| *len).collect();
    let value = broadcast(value, &shape)?;
    if value.size() > 0 {
        let axes = || region.iter().zip(&draft.strides);
        let offset: isize = axes().map(|((start, ..), stride)| *start as isize * stride).sum();
        let strides: Vec<isize> = axes().map(|((.., step), stride)| step * stride).collect();
        // SAFETY: the region lies inside the block, whose memory the draft owns.
        unsafe { place(&value, draft.memory.as_mut_ptr().offset(offset), &strides, false) };
    }
    draft.finish()
}

/// The block with `value`, broadcast to `indices.len()` elements of the axis, at these positions; later ones win.
///
/// # Errors
/// When a position is out of bounds, or the value has another dtype or shape.
pub fn assign_at(base: ArrayChunk, axis: usize, indices: &[i64], value: &ArrayChunk) -> Result<ArrayChunk> {
    let len = axis_len(&base, axis)?;
    if let Some(wrong) = indices.iter().find(|index| !(0..len as i64).contains(*index)) {
        return Err(Error::index(format!(
            "index {wrong} is out of bounds for axis {axis} with size {len}"
        )));
    }
    let mut draft = Draft::of(base)?;
    draft.expect_dtype(value)?;
    let mut shape = draft.shape.clone();
    shape[axis] = indices.len();
    let value = broadcast(value, &shape)?;
    if value.size() > 0 {
        let mut part: Vec<(usize, usize, isize)> = shape.iter().map(|len| (0, *len, 1)).collect();
        for (i, index) in indices.iter().enumerate() {
            part[axis] = (i, 1, 1);
            let slice = value.slice(&part)?;
            let offset = *index as isize * draft.strides[axis];
            // SAFETY: one position of the axis, inside the block, whose memory the draft owns.
            unsafe {
                place(
                    &slice,
                    draft.memory.as_mut_ptr().offset(offset),
                    &draft.strides,
                    false,
                );
            }
        }
    }
    draft.finish()
}

/// The block with the elements of `value`, broadcast to its shape, where the mask, broadcast as well, holds.
///
/// # Errors
/// When dtypes or shapes don't go together.
pub fn assign_where(base: ArrayChunk, mask: &ArrayChunk, value: &ArrayChunk) -> Result<ArrayChunk> {
    let mut draft = Draft::of(base)?;
    draft.expect_dtype(value)?;
    let itemsize = draft.dtype.itemsize();
    let mask = dense(&broadcast(mask, &draft.shape)?)?;
    let holds = mask_bytes(&mask)?;
    let value = if value.size() == 1 {
        value.clone()
    } else {
        dense(&broadcast(value, &draft.shape)?)?
    };
    let values = value.buffer.as_slice();
    let (first, step) = (value.offset, if value.size() == 1 { 0 } else { itemsize });
    let out = draft.memory.as_slice_mut();
    let source = |i: usize| &values[first + i * step..][..itemsize];
    match itemsize {
        1 => replace::<1>(out, holds, |i| source(i)),
        2 => replace::<2>(out, holds, |i| source(i)),
        4 => replace::<4>(out, holds, |i| source(i)),
        8 => replace::<8>(out, holds, |i| source(i)),
        16 => replace::<16>(out, holds, |i| source(i)),
        0 => {}
        _ => {
            for (i, out) in out.chunks_exact_mut(itemsize).enumerate() {
                if holds[i] != 0 {
                    out.copy_from_slice(source(i));
                }
            }
        }
    }
    draft.finish()
}

fn replace<'a, const N: usize>(out: &mut [u8], holds: &[u8], source: impl Fn(usize) -> &'a [u8]) {
    for (i, (out, holds)) in out.chunks_exact_mut(N).zip(holds).enumerate() {
        if *holds != 0 {
            out.copy_from_slice(&source(i)[..N]);
        }
    }
}

/// The block with the elements of `values`, which has one axis, one after the other where the mask of its shape holds.
///
/// # Errors
/// When dtypes or shapes don't go together, or there are more or fewer values than places.
pub fn assign_ordered(base: ArrayChunk, mask: &ArrayChunk, values: &ArrayChunk) -> Result<ArrayChunk> {
    let mut draft = Draft::of(base)?;
    draft.expect_dtype(values)?;
    let mask = dense(mask)?;
    let holds = mask_bytes(&mask)?;
    let places = holds.iter().filter(|holds| **holds != 0).count();
    if mask.shape != draft.shape || values.shape != [places] {
        return Err(Error::value(format!(
            "NumPy boolean array indexing assignment cannot assign {} input values to the {places} output values \
             where the mask is true",
            values.size()
        )));
    }
    let values = dense(values)?;
    let itemsize = draft.dtype.itemsize();
    if itemsize > 0 {
        let mut items = values.as_dense().unwrap_or_default().chunks_exact(itemsize);
        let out = draft.memory.as_slice_mut().chunks_exact_mut(itemsize);
        for (out, _) in out.zip(holds).filter(|(_, holds)| **holds != 0) {
            if let Some(item) = items.next() {
                out.copy_from_slice(item);
            }
        }
    }
    draft.finish()
}

/// A view of the shape: as NumPy assigns, axes of length 1 that come first and aren't needed go away.
fn broadcast(value: &ArrayChunk, shape: &[usize]) -> Result<ArrayChunk> {
    let mut value = value.clone();
    while value.shape.len() > shape.len() && value.shape[0] == 1 {
        value.shape.remove(0);
        value.strides.remove(0);
    }
    if value.shape.len() > shape.len() {
        return Err(Error::value(format!(
            "could not broadcast input array from shape {:?} into shape {shape:?}",
            value.shape
        )));
    }
    value.broadcast(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::nd::memory::buffer_of;
    use crate::nd::Elem;

    fn block(shape: &[usize], values: &[u8]) -> ArrayChunk {
        ArrayChunk::dense(NdDtype::Num(Elem::U8), shape.to_vec(), buffer_of(values.to_vec())).expect("dense")
    }

    fn mask(shape: &[usize], holds: &[u8]) -> ArrayChunk {
        ArrayChunk::dense(
            NdDtype::Num(Elem::Bool),
            shape.to_vec(),
            buffer_of(holds.to_vec()),
        )
        .expect("dense")
    }

    fn read(chunk: &ArrayChunk) -> &[u8] {
        chunk.as_dense().expect("dense")
    }

    #[test]
    fn regions_are_written_and_the_base_stays_as_it_is() {
        let base = block(&[3, 3], &[0; 9]);
        let value = block(&[2], &[1, 2]);
        let new = assign(base.clone(), &[(2, 2, -2), (0, 2, 2)], &value).expect("assign");
        assert_eq!(read(&new), [1, 0, 2, 0, 0, 0, 1, 0, 2]);
        let column = block(&[1, 3, 1], &[1, 2, 3]);
        let new = assign(base.clone(), &[(0, 3, -1), (1, 1, 1)], &column);
        assert!(new.is_err());
        let new = assign(base.clone(), &[(2, 3, -1), (1, 1, 1)], &column).expect("assign");
        assert_eq!(read(&new), [0, 3, 0, 0, 2, 0, 0, 1, 0]);
        assert_eq!(read(&base), [0; 9]);
        assert!(assign(base.clone(), &[(0, 3, 1), (0, 3, 1)], &value).is_err());
        assert!(assign(base.clone(), &[(2, 2, 1), (0, 2, 1)], &value).is_err());
        let none = assign(base.clone(), &[(3, 0, 1), (0, 2, 1)], &value).expect("assign");
        assert_eq!(read(&none), [0; 9]);
        let address = base.buffer.as_ptr();
        let new = assign(base, &[(0, 1, 1), (0, 2, 1)], &value).expect("assign");
        assert_eq!(
            new.buffer.as_ptr(),
            address,
            "memory that nobody else holds is used again"
        );
    }

    #[test]
    fn positions_and_masks_are_written() {
        let base = block(&[2, 3], &[0; 6]);
        let new = assign_at(base.clone(), 1, &[2, 0], &block(&[2, 2], &[1, 2, 3, 4])).expect("assign");
        assert_eq!(read(&new), [2, 0, 1, 4, 0, 3]);
        let new = assign_at(base.clone(), 0, &[1], &block(&[], &[9])).expect("assign");
        assert_eq!(read(&new), [0, 0, 0, 9, 9, 9]);
        assert!(assign_at(base.clone(), 0, &[2], &block(&[], &[9])).is_err());
        let holds = mask(&[2, 3], &[1, 0, 0, 0, 1, 1]);
        let new = assign_where(base.clone(), &holds, &block(&[3], &[1, 2, 3])).expect("assign");
        assert_eq!(read(&new), [1, 0, 0, 0, 2, 3]);
        let new = assign_where(
            base.transpose(&[1, 0]),
            &holds.transpose(&[1, 0]),
            &block(&[1], &[7]),
        );
        assert_eq!(read(&new.expect("assign")), [7, 0, 0, 7, 0, 7]);
        let new = assign_ordered(base.clone(), &holds, &block(&[3], &[4, 5, 6])).expect("assign");
        assert_eq!(read(&new), [4, 0, 0, 0, 5, 6]);
        assert!(assign_ordered(base, &holds, &block(&[2], &[4, 5])).is_err());
    }
}
