//! An array that many tasks fill together: each writes the elements of one block to their final place.
//!
//! Covers the memory, who may write which part of it, and handing it over when all is written. Invariants: the boxes of
//! different blocks don't overlap; a block is written by one task at a time, and never again once it is written; memory is
//! handed out only when every block is written.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use arrow::buffer::MutableBuffer;

use super::copy::{self, Piece};
use super::memory::{bytes_of, fresh};
use super::strided::{CopyPlan, STREAMED};
use crate::allocator::prefer_large_pages;
use crate::chunk::ArrayChunk;
use crate::chunk::array::dense_strides;
use crate::error::{Error, Result};
use crate::nd::{Grid, NdDtype};
use crate::sync::Mutex;

const EMPTY: u8 = 0;
const CLAIMED: u8 = 1;
const WRITTEN: u8 = 2;

/// Bytes of a block that are computed before they are copied to their place, where they don't lie there in one piece.
const PANEL: usize = 256 << 10;

/// An array in the making.
pub struct Target {
    /// None when it has been handed out. Not locked for writing a block: memory with a block to write isn't handed out.
    memory: Mutex<Option<MutableBuffer>>,
    first: *mut u8,
    grid: Grid,
    shape: Vec<usize>,
    strides: Vec<isize>,
    dtype: NdDtype,
    streamed: bool,
    blocks: Box<[AtomicU8]>,
    missing: AtomicUsize,
}

// SAFETY: `first` points into `memory`, whose bytes don't move. Parts of it are written by whoever has claimed their block,
// and read or given away only when they are written for good.
unsafe impl Send for Target {}
// SAFETY: as above: `blocks` decides by atomic operations who may touch what.
unsafe impl Sync for Target {}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "an array of shape {:?} and dtype {:?}", self.shape, self.dtype)
    }
}

impl Target {
    /// Room for an array with these blocks, all of known lengths.
    ///
    /// # Errors
    /// When a length is unknown, or no memory could hold it.
    pub fn new(grid: Grid, dtype: NdDtype) -> Result<Self> {
        let shape = grid.shape();
        let shape = shape.ok_or_else(|| Error::internal("a result of unknown shape"))?;
        let len = bytes_of(&shape, dtype.itemsize())?;
        let mut memory = room(len).ok_or_else(|| {
            Error::memory(format!(
                "there is no memory for a result of shape {shape:?}, {len} bytes"
            ))
        })?;
        prefer_large_pages(memory.as_slice_mut());
        let count = grid.count();
        Ok(Self {
            first: memory.as_mut_ptr(),
            memory: Mutex::new(Some(memory)),
            strides: dense_strides(&shape, dtype.itemsize()),
            shape,
            dtype,
            streamed: len >= STREAMED,
            blocks: (0..count).map(|_| AtomicU8::new(EMPTY)).collect(),
            missing: AtomicUsize::new(count),
            grid,
        })
    }

    /// The length of each axis.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Type of the elements.
    #[must_use]
    pub fn dtype(&self) -> &NdDtype {
        &self.dtype
    }

    /// Its size.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.itemsize()
    }

    /// The shape of a block.
    ///
    /// # Errors
    /// When there is no such block.
    pub fn block_shape(&self, number: usize) -> Result<Vec<usize>> {
        self.place_of(number).map(|(_, shape)| shape)
    }

    /// Where a block begins, in bytes, and its shape.
    fn place_of(&self, number: usize) -> Result<(usize, Vec<usize>)> {
        let absent = || Error::internal("a block beyond a result");
        if number >= self.blocks.len() {
            return Err(absent());
        }
        let mut offset = 0;
        let mut shape = Vec::with_capacity(self.shape.len());
        let axes = self.grid.axes.iter().zip(&self.strides);
        for (at, (axis, stride)) in self.grid.index(number).into_iter().zip(axes) {
            let (start, stop) = axis.bounds(at).ok_or_else(absent)?;
            offset += start * stride.unsigned_abs();
            shape.push(stop - start);
        }
        Ok((offset, shape))
    }

    /// Lets `write` put the elements of a block in their place. A block that is written already stays as it is.
    ///
    /// # Errors
    /// When another task is writing it, and what `write` says: then the block counts as not written.
    pub fn fill(&self, number: usize, write: impl FnOnce(&mut Slot) -> Result<()>) -> Result<()> {
        let (offset, shape) = self.place_of(number)?;
        let state = &self.blocks[number];
        match state.compare_exchange(EMPTY, CLAIMED, Ordering::Acquire, Ordering::Acquire) {
            Ok(_) => {}
            Err(WRITTEN) => return Ok(()),
            Err(_) => return Err(Error::internal("a block of a result that two tasks write")),
        }
        let mut claim = Claim {
            state,
            outcome: EMPTY,
        };
        let mut slot = Slot {
            first: self.first.wrapping_add(offset),
            shape: &shape,
            strides: &self.strides,
            dtype: &self.dtype,
            streamed: self.streamed,
        };
        write(&mut slot)?;
        claim.outcome = WRITTEN;
        drop(claim);
        self.missing.fetch_sub(1, Ordering::AcqRel);
        Ok(())
    }

    /// A copy of a block that is written; none of another, or when the memory has been handed out.
    ///
    /// # Errors
    /// When there is no such block.
    pub fn block(&self, number: usize) -> Result<Option<ArrayChunk>> {
        let (offset, shape) = self.place_of(number)?;
        let held = self.memory.lock();
        let (Some(memory), WRITTEN) = (&*held, self.blocks[number].load(Ordering::Acquire)) else {
            return Ok(None);
        };
        let itemsize = self.dtype.itemsize();
        let mut copy = fresh(bytes_of(&shape, itemsize)?);
        if !copy.is_empty() {
            let dense = dense_strides(&shape, itemsize);
            let plan = CopyPlan::new(&shape, &self.strides, &dense, itemsize, false);
            // SAFETY: the block lies within the memory, which stays as long as the lock is held; nobody writes to a block
            // that is written.
            unsafe { plan.run(memory.as_ptr().add(offset), copy.as_mut_ptr()) };
        }
        ArrayChunk::dense(self.dtype.clone(), shape, copy.into()).map(Some)
    }

    /// The memory, once, when all blocks are written.
    #[must_use]
    pub fn take(&self) -> Option<MutableBuffer> {
        if self.missing.load(Ordering::Acquire) > 0 {
            return None;
        }
        self.memory.lock().take()
    }
}

/// Memory of `len` bytes whose bytes are written before they are read; none when there isn't as much.
fn room(len: usize) -> Option<MutableBuffer> {
    // A vector can fail to get memory, where a buffer of Arrow's ends the process.
    let mut items: Vec<i128> = Vec::new();
    items.try_reserve_exact(len.div_ceil(size_of::<i128>())).ok()?;
    let mut memory = MutableBuffer::from(items);
    // SAFETY: the capacity is at least `len`; any bytes are bytes, and each is written before it is read.
    unsafe { memory.set_len(len) };
    Some(memory)
}

/// Says what has become of a block, also when its writer panics.
struct Claim<'a> {
    state: &'a AtomicU8,
    outcome: u8,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.state.store(self.outcome, Ordering::Release);
    }
}

/// The place of a block, for the one who fills it.
#[derive(Debug)]
pub struct Slot<'a> {
    first: *mut u8,
    shape: &'a [usize],
    strides: &'a [isize],
    dtype: &'a NdDtype,
    streamed: bool,
}

impl Slot<'_> {
    /// The bytes, when they lie together: in C order, to be written before they are read.
    fn dense(&mut self) -> Option<&mut [u8]> {
        let mut step = self.dtype.itemsize();
        for (len, stride) in self.shape.iter().zip(self.strides).rev() {
            if *len != 1 && *stride != step as isize {
                return None;
            }
            step *= len;
        }
        // SAFETY: the block's elements lie together within the target's memory, and the slot is alone with them.
        Some(unsafe { std::slice::from_raw_parts_mut(self.first, step) })
    }

    /// Writes pieces that tile the block.
    ///
    /// # Errors
    /// When they don't.
    pub fn gather(&mut self, pieces: &[Piece]) -> Result<()> {
        // SAFETY: the slot is alone with the elements that its shape and strides reach.
        unsafe {
            copy::gather_raw(
                pieces,
                self.shape,
                self.dtype,
                self.first,
                self.strides,
                self.streamed,
            )
        }
    }

    /// Writes what `compute` computes: it is given a range of the first axis (or nothing, for an array without axes) and
    /// the dense bytes of these rows, which it writes.
    ///
    /// # Errors
    /// What `compute` says.
    pub fn compute(
        &mut self,
        mut compute: impl FnMut(Option<(usize, usize)>, &mut [u8]) -> Result<()>,
    ) -> Result<()> {
        let shape = self.shape;
        let whole = shape.first().map(|rows| (0, *rows));
        if let Some(out) = self.dense() {
            return compute(whole, out);
        }
        let itemsize = self.dtype.itemsize();
        let row = shape[1..].iter().product::<usize>() * itemsize;
        let most = (PANEL / row.max(1)).clamp(1, shape[0]);
        let mut panel = fresh(most * row);
        let mut start = 0;
        while start < shape[0] {
            let rows = most.min(shape[0] - start);
            let out = &mut panel.as_slice_mut()[..rows * row];
            compute(Some((start, rows)), out)?;
            let mut part = shape.to_vec();
            part[0] = rows;
            let from = dense_strides(&part, itemsize);
            let plan = CopyPlan::new(&part, &from, self.strides, itemsize, self.streamed);
            // SAFETY: the rows lie within the block, which the slot is alone with; the panel holds them densely.
            unsafe { plan.run(out.as_ptr(), self.first.offset(start as isize * self.strides[0])) };
            start += rows;
        }
        Ok(())
    }

    /// The shape of the block.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nd::{Axis, Elem};

    fn target() -> Target {
        let sizes = |sizes: &[usize]| Axis::from_sizes(&sizes.iter().map(|n| Some(*n)).collect::<Vec<_>>());
        let grid = Grid {
            axes: vec![sizes(&[2, 1]), sizes(&[3, 2])],
        };
        Target::new(grid, NdDtype::Num(Elem::U8)).expect("target")
    }

    #[test]
    fn blocks_go_to_their_places_whatever_the_order() {
        let target = target();
        for number in [3, 0, 2, 1] {
            target
                .fill(number, |slot| {
                    slot.compute(|rows, out| {
                        let (start, _) = rows.expect("two axes");
                        out.fill((10 * number + start) as u8);
                        Ok(())
                    })
                })
                .expect("fill");
        }
        let memory = target.take().expect("all written");
        assert!(target.take().is_none());
        target
            .fill(0, |_| Err(Error::value("written for good")))
            .expect("nothing to do");
        assert_eq!(
            memory.as_slice(),
            [0, 0, 0, 10, 10, 0, 0, 0, 10, 10, 20, 20, 20, 30, 30]
        );
    }

    #[test]
    fn a_block_that_fails_can_be_written_again_and_memory_stays_until_all_are() {
        let target = target();
        assert!(target.fill(0, |_| Err(Error::value("no"))).is_err());
        assert!(target.block(0).expect("there").is_none());
        let chunk = |len: usize, shape: [usize; 2]| {
            ArrayChunk::dense(NdDtype::Num(Elem::U8), shape.to_vec(), vec![7_u8; len].into()).expect("dense")
        };
        let put = |number, chunk| {
            target.fill(number, |slot| {
                slot.gather(&[Piece {
                    chunk,
                    at: vec![0, 0],
                }])
            })
        };
        assert!(put(0, chunk(4, [2, 2])).is_err());
        put(0, chunk(6, [2, 3])).expect("fits");
        assert!(put(9, chunk(1, [1, 1])).is_err());
        let block = target.block(0).expect("there").expect("written");
        assert_eq!(block.as_dense(), Some([7; 6].as_slice()));
        assert!(target.take().is_none());
    }
}
