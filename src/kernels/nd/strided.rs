//! Copies between strided memories: what the axes boil down to, and the loop that suits them.
//!
//! Covers one block to one place, for items of any size; knows nothing of chunks and dtypes. Axes are ordered as the
//! target lies in memory, those that lie together are one, and what is contiguous on both sides becomes one larger item.
//! Then: whole runs, rows of items, or transposes in registers. Invariant: a plan writes exactly the items of the target
//! that shape and strides reach.

use super::transpose;
use crate::kernels::ops::{Task, vectorised};

/// Results of at least this many bytes don't stay in the caches, so they are written past them.
pub const STREAMED: usize = 8 << 20;

/// An axis: how many, and the bytes from one to the next on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    len: usize,
    from: isize,
    to: isize,
}

/// What happens inside the outer axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inner {
    /// Nothing to copy.
    Nothing,
    /// One item.
    Item,
    /// A row of items.
    Row(Step),
    /// Rows of the target that are columns of the origin: the axis that is contiguous there, the one that is contiguous
    /// here.
    Transposed(Step, Step),
}

/// A copy that is decided and can be run for any two places of the same strides.
#[derive(Clone, Debug)]
pub struct CopyPlan {
    item: usize,
    outer: Vec<Step>,
    inner: Inner,
    streamed: bool,
    from: isize,
    to: isize,
}

impl CopyPlan {
    /// The copy of a block of `shape`, its items `itemsize` bytes long, between these strides. `streamed` when the target
    /// is larger than the caches.
    #[must_use]
    pub fn new(shape: &[usize], from: &[isize], to: &[isize], itemsize: usize, streamed: bool) -> Self {
        let mut plan = Self {
            item: itemsize,
            outer: Vec::with_capacity(shape.len()),
            inner: Inner::Nothing,
            streamed,
            from: 0,
            to: 0,
        };
        if itemsize == 0 || shape.contains(&0) {
            return plan;
        }
        for ((len, from), to) in shape.iter().zip(from).zip(to) {
            if *len > 1 {
                let step = Step {
                    len: *len,
                    from: *from,
                    to: *to,
                };
                let step = if *to < 0 { plan.turned(step) } else { step };
                plan.outer.push(step);
            }
        }
        plan.outer.sort_by_key(|step| std::cmp::Reverse(step.to));
        plan.join_axes();
        plan.choose();
        plan
    }

    /// The axis walked from its other end.
    fn turned(&mut self, step: Step) -> Step {
        self.from += (step.len as isize - 1) * step.from;
        self.to += (step.len as isize - 1) * step.to;
        Step {
            len: step.len,
            from: -step.from,
            to: -step.to,
        }
    }

    fn join_axes(&mut self) {
        let mut joined: Vec<Step> = Vec::with_capacity(self.outer.len());
        for step in self.outer.drain(..) {
            match joined.last_mut() {
                Some(last)
                    if last.from == step.from * step.len as isize
                        && last.to == step.to * step.len as isize =>
                {
                    *last = Step {
                        len: last.len * step.len,
                        ..step
                    };
                }
                _ => joined.push(step),
            }
        }
        if let Some(last) = joined.last()
            && last.from == self.item as isize
            && last.to == self.item as isize
        {
            self.item *= last.len;
            joined.pop();
        }
        self.outer = joined;
    }

    fn choose(&mut self) {
        let Some(last) = self.outer.pop() else {
            self.inner = Inner::Item;
            return;
        };
        self.inner = Inner::Row(last);
        if !matches!(self.item, 1 | 2 | 4 | 8 | 16) || last.to != self.item as isize || last.from == 0 {
            return;
        }
        let across = self
            .outer
            .iter()
            .position(|step| step.from.unsigned_abs() == self.item && step.len >= 4 && last.len >= 4);
        if let Some(across) = across
            && last.from.unsigned_abs() > self.item
        {
            let step = self.outer.remove(across);
            let step = if step.from < 0 { self.turned(step) } else { step };
            self.inner = Inner::Transposed(step, last);
        }
    }

    /// Copies.
    ///
    /// # Safety
    /// All items that shape and strides reach from `from` can be read and those from `to` written, nobody else writes
    /// either meanwhile, and the two don't overlap.
    pub unsafe fn run(&self, from: *const u8, to: *mut u8) {
        if self.inner == Inner::Nothing {
            return;
        }
        // SAFETY: these are the addresses of items.
        let (mut from, mut to) = unsafe { (from.offset(self.from), to.offset(self.to)) };
        let streamed = self.streams(to);
        if self.outer.is_empty() {
            // SAFETY: as the caller promises.
            unsafe { self.inside(from, to, streamed) };
        } else {
            let mut index = vec![0; self.outer.len()];
            'all: loop {
                // SAFETY: the index is inside the shape.
                unsafe { self.inside(from, to, streamed) };
                let mut axis = self.outer.len();
                loop {
                    if axis == 0 {
                        break 'all;
                    }
                    axis -= 1;
                    let step = self.outer[axis];
                    index[axis] += 1;
                    from = from.wrapping_offset(step.from);
                    to = to.wrapping_offset(step.to);
                    if index[axis] < step.len {
                        break;
                    }
                    from = from.wrapping_offset(-step.from * step.len as isize);
                    to = to.wrapping_offset(-step.to * step.len as isize);
                    index[axis] = 0;
                }
            }
        }
        if streamed {
            fence();
        }
    }

    /// The bytes of what it copies, when that is a single item.
    #[must_use]
    pub fn single_item(&self) -> Option<usize> {
        (self.inner == Inner::Item && self.outer.is_empty()).then_some(self.item)
    }

    /// Whether the items are runs that can be written past the caches.
    fn streams(&self, to: *mut u8) -> bool {
        if !self.streamed || cfg!(not(target_arch = "x86_64")) {
            return false;
        }
        let lines = |bytes: isize| bytes % 64 == 0;
        let row = match self.inner {
            Inner::Row(step) => step.to,
            _ => 0,
        };
        let aligned = self.item.is_multiple_of(64)
            && (to as usize).is_multiple_of(64)
            && lines(row)
            && self.outer.iter().all(|step| lines(step.to));
        aligned || self.item >= 1024
    }

    /// # Safety
    /// As for `run`.
    #[inline]
    unsafe fn inside(&self, from: *const u8, to: *mut u8, streamed: bool) {
        // SAFETY: as the caller promises.
        unsafe {
            match self.inner {
                Inner::Nothing => {}
                Inner::Item if streamed => stream(from, to, self.item),
                Inner::Item => std::ptr::copy_nonoverlapping(from, to, self.item),
                Inner::Row(row) if streamed => {
                    for i in 0..row.len as isize {
                        stream(from.offset(i * row.from), to.offset(i * row.to), self.item);
                    }
                }
                Inner::Row(row) => copy_row(self.item, row, from, to),
                Inner::Transposed(across, along) => {
                    let shape = (across.len, along.len);
                    transpose::copy(self.item, shape, (from, along.from), (to, across.to));
                }
            }
        }
    }
}

/// # Safety
/// As for `CopyPlan::run`.
unsafe fn copy_row(item: usize, row: Step, from: *const u8, to: *mut u8) {
    // SAFETY: as the caller promises.
    unsafe {
        match item {
            1 => items::<u8>(row, from, to),
            2 => items::<u16>(row, from, to),
            4 => items::<u32>(row, from, to),
            8 => items::<u64>(row, from, to),
            16 => items::<[u64; 2]>(row, from, to),
            32 => items::<[u64; 4]>(row, from, to),
            64 => items::<[u64; 8]>(row, from, to),
            _ => {
                for i in 0..row.len as isize {
                    std::ptr::copy_nonoverlapping(from.offset(i * row.from), to.offset(i * row.to), item);
                }
            }
        }
    }
}

/// # Safety
/// As for `CopyPlan::run`, for items of the size of `T`.
#[inline(always)]
unsafe fn items<T: Copy>(row: Step, from: *const u8, to: *mut u8) {
    let size = size_of::<T>() as isize;
    // SAFETY: as the caller promises; nothing is taken to be aligned.
    unsafe {
        if row.from == 0 {
            let value = from.cast::<T>().read_unaligned();
            if row.to == size {
                for i in 0..row.len {
                    to.cast::<T>().add(i).write_unaligned(value);
                }
            } else {
                for i in 0..row.len as isize {
                    to.offset(i * row.to).cast::<T>().write_unaligned(value);
                }
            }
        } else if row.to == size && row.from == -size {
            vectorised(Reversed::<T> {
                from: from.cast(),
                to: to.cast(),
                len: row.len,
            });
        } else {
            for i in 0..row.len as isize {
                let value = from.offset(i * row.from).cast::<T>().read_unaligned();
                to.offset(i * row.to).cast::<T>().write_unaligned(value);
            }
        }
    }
}

struct Reversed<T> {
    from: *const T,
    to: *mut T,
    len: usize,
}

impl<T: Copy> Task for Reversed<T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let len = self.len;
        // SAFETY: made in `items` only, of a row that its caller can read and write.
        unsafe {
            let first = self.from.sub(len - 1);
            for i in 0..len {
                self.to
                    .add(i)
                    .write_unaligned(first.add(len - 1 - i).read_unaligned());
            }
        }
    }
}

/// Copies a run past the caches.
///
/// # Safety
/// As for `copy_nonoverlapping`.
#[cfg(target_arch = "x86_64")]
#[inline]
#[allow(
    clippy::cast_ptr_alignment,
    reason = "loads are unaligned, and the target has been aligned"
)]
unsafe fn stream(mut from: *const u8, mut to: *mut u8, mut len: usize) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};
    // SAFETY: all inside the run; the target of a stream is aligned to its 16 bytes.
    unsafe {
        let head = to.align_offset(64);
        if head > 0 {
            let head = head.min(len);
            std::ptr::copy_nonoverlapping(from, to, head);
            from = from.add(head);
            to = to.add(head);
            len -= head;
        }
        while len >= 64 {
            let words = from.cast::<__m128i>();
            let target = to.cast::<__m128i>();
            let line = [
                _mm_loadu_si128(words),
                _mm_loadu_si128(words.add(1)),
                _mm_loadu_si128(words.add(2)),
                _mm_loadu_si128(words.add(3)),
            ];
            _mm_stream_si128(target, line[0]);
            _mm_stream_si128(target.add(1), line[1]);
            _mm_stream_si128(target.add(2), line[2]);
            _mm_stream_si128(target.add(3), line[3]);
            from = from.add(64);
            to = to.add(64);
            len -= 64;
        }
        if len > 0 {
            std::ptr::copy_nonoverlapping(from, to, len);
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
unsafe fn stream(from: *const u8, to: *mut u8, len: usize) {
    // SAFETY: as the caller promises.
    unsafe { std::ptr::copy_nonoverlapping(from, to, len) };
}

/// Makes streamed lines visible to other threads before what is written after them.
fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has it.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}
