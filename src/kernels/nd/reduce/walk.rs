//! The way through a block of any strides that a reduction goes: runs of elements of one result, or rows of elements of
//! neighbouring results, always contiguous in memory.
//!
//! Blocks whose strides allow neither, or only very short ones, are copied first, a cache-sized part at a time.

use std::marker::PhantomData;

use crate::kernels::nd::number::Plain;
use crate::kernels::nd::strided::CopyPlan;

/// Bytes that are copied or gone through at once: they stay in the second-level cache.
pub const BAND: usize = 256 << 10;
/// Shorter runs and rows aren't worth a call each.
const SHORT: usize = 16;
/// Results that rows are accumulated into at a time: they stay in the first-level cache.
const TILE: usize = 2048;

/// What is made of elements, with a slot for each result.
pub trait Fold<T> {
    /// Takes a run of elements of one slot.
    fn run(&mut self, slot: usize, run: &[T], number: Numbers);
    /// Takes rows of elements, element `j` of each for slot `slot + j`. All elements of row `i` have the `i`th number.
    fn rows(&mut self, slot: usize, rows: Rows<'_, T>, number: Numbers);
}

/// The numbers of a run's elements, or of rows, among those that are reduced: positions along an axis or in C order.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    /// That of the first.
    pub first: i64,
    /// From one to the next.
    pub step: i64,
}

/// Rows of one length.
#[derive(Debug)]
pub struct Rows<'a, T> {
    first: *const T,
    stride: isize,
    count: usize,
    len: usize,
    memory: PhantomData<&'a [T]>,
}

impl<T> Clone for Rows<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Rows<'_, T> {}

impl<'a, T> Rows<'a, T> {
    /// How many.
    #[inline(always)]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Elements of each.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// A row.
    #[inline(always)]
    pub fn row(&self, i: usize) -> &'a [T] {
        assert!(i < self.count);
        // SAFETY: `walk` makes rows of memory that can be read, and `i` is one of them.
        unsafe { std::slice::from_raw_parts(self.first.byte_offset(i as isize * self.stride), self.len) }
    }

    /// `count` rows from `start` on, as far as there are.
    #[inline(always)]
    pub fn part(&self, start: usize, count: usize) -> Self {
        let start = start.min(self.count);
        Self {
            first: self.first.wrapping_byte_offset(start as isize * self.stride),
            count: count.min(self.count - start),
            ..*self
        }
    }
}

/// An axis of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkAxis {
    /// Elements along it.
    pub len: usize,
    /// Bytes from one to the next.
    pub stride: isize,
    /// Slots from one to the next; 0 along a reduced axis.
    pub slot: usize,
    /// By how much the number grows along it; 0 along a kept axis.
    pub weight: i64,
    /// Whether it is reduced.
    pub reduced: bool,
}

/// A block with what its elements are.
#[derive(Clone, Debug)]
pub struct View {
    /// The first element.
    pub start: *const u8,
    /// The axes.
    pub axes: Vec<WalkAxis>,
    /// The slot of the first element.
    pub slot: usize,
    /// The number of the first element.
    pub number: i64,
}

/// Shows all elements to `fold`, whatever it is: the way is compiled once for each type of element. When numbers are asked for, those of a run grow.
///
/// # Safety
/// All elements that the view reaches can be read and are aligned to `T`.
pub unsafe fn walk<T: Plain>(view: &View, numbered: bool, fold: &mut dyn Fold<T>) {
    let mut scratch = Vec::new();
    // SAFETY: as the caller promises.
    unsafe { walk_part(view, numbered, fold, &mut scratch) };
}

/// # Safety
/// As for `walk`.
unsafe fn walk_part<T: Plain>(view: &View, numbered: bool, fold: &mut dyn Fold<T>, scratch: &mut Vec<T>) {
    let size: usize = view.axes.iter().map(|axis| axis.len).product();
    if size == 0 {
        return;
    }
    let mut own = view.clone();
    if canonical(&mut own, size_of::<T>(), numbered) && !short(&own.axes) {
        // SAFETY: as the caller promises.
        unsafe { loops(&own, fold) };
        return;
    }
    let widest = (0..view.axes.len())
        .filter(|axis| view.axes[*axis].len > 1)
        .max_by_key(|axis| view.axes[*axis].stride.unsigned_abs());
    if let Some(widest) = widest
        && size * size_of::<T>() > BAND
    {
        let axis = view.axes[widest];
        let parts = (size * size_of::<T>()).div_ceil(BAND).min(axis.len);
        let len = axis.len.div_ceil(parts);
        for from in (0..axis.len).step_by(len) {
            let mut part = view.clone();
            part.axes[widest].len = len.min(axis.len - from);
            part.start = part.start.wrapping_offset(from as isize * axis.stride);
            part.slot += from * axis.slot;
            part.number += from as i64 * axis.weight;
            // SAFETY: a part of the view.
            unsafe { walk_part(&part, numbered, fold, scratch) };
        }
        return;
    }
    // SAFETY: the scratch has room for all elements, and the copy writes each.
    unsafe {
        let mut copy = rearranged(view, size_of::<T>());
        scratch.clear();
        scratch.reserve(size);
        let shape: Vec<usize> = view.axes.iter().map(|axis| axis.len).collect();
        let from: Vec<isize> = view.axes.iter().map(|axis| axis.stride).collect();
        let to: Vec<isize> = copy.axes.iter().map(|axis| axis.stride).collect();
        CopyPlan::new(&shape, &from, &to, size_of::<T>(), false).run(view.start, scratch.as_mut_ptr().cast());
        copy.start = scratch.as_ptr().cast();
        canonical(&mut copy, size_of::<T>(), numbered);
        loops(&copy, fold);
    }
}

/// The view with the strides of a dense copy: reduced axes inside when they make runs, else outside.
fn rearranged(view: &View, itemsize: usize) -> View {
    let mut copy = view.clone();
    let reduced: usize = view
        .axes
        .iter()
        .filter(|axis| axis.reduced)
        .map(|axis| axis.len)
        .product();
    let kept: usize = view
        .axes
        .iter()
        .filter(|axis| !axis.reduced)
        .map(|axis| axis.len)
        .product();
    let reduced_inside = reduced >= SHORT || reduced >= kept;
    let mut step = itemsize as isize;
    for reduced in [reduced_inside, !reduced_inside] {
        for axis in copy.axes.iter_mut().rev().filter(|axis| axis.reduced == reduced) {
            axis.stride = step;
            step *= axis.len as isize;
        }
    }
    copy
}

/// Orders the axes as they lie in memory and joins those that lie together. Whether what is innermost is contiguous.
fn canonical(view: &mut View, itemsize: usize, numbered: bool) -> bool {
    view.axes.retain(|axis| axis.len > 1);
    for axis in &mut view.axes {
        if axis.stride < 0 && axis.reduced && !numbered {
            view.start = view.start.wrapping_offset((axis.len as isize - 1) * axis.stride);
            axis.stride = -axis.stride;
        }
    }
    view.axes.sort_by_key(|axis| std::cmp::Reverse(axis.stride));
    let kept = view.axes.iter().filter(|axis| !axis.reduced);
    if view.axes.iter().any(|axis| axis.stride <= 0) || !kept.is_sorted_by(|a, b| a.slot > b.slot) {
        return false;
    }
    let mut joined: Vec<WalkAxis> = Vec::with_capacity(view.axes.len());
    for axis in view.axes.drain(..) {
        match joined.last_mut() {
            Some(last)
                if last.reduced == axis.reduced
                    && last.stride == axis.stride * axis.len as isize
                    && last.slot == axis.slot * axis.len
                    && (last.weight == axis.weight * axis.len as i64 || !numbered) =>
            {
                let len = last.len * axis.len;
                *last = WalkAxis { len, ..axis };
            }
            _ => joined.push(axis),
        }
    }
    view.axes = joined;
    view.axes
        .last()
        .is_none_or(|axis| axis.stride == itemsize as isize && (axis.reduced || axis.slot == 1))
}

/// Whether the innermost axis is so short, and others so long, that a copy in another order is worth it.
fn short(axes: &[WalkAxis]) -> bool {
    let Some((last, outer)) = axes.split_last() else {
        return false;
    };
    let other: usize = outer
        .iter()
        .filter(|axis| axis.reduced != last.reduced)
        .map(|axis| axis.len)
        .product();
    last.len < SHORT && other >= 2 * SHORT
}

/// # Safety
/// As for `walk`, with axes that `canonical` has made.
unsafe fn loops<T: Plain>(view: &View, fold: &mut dyn Fold<T>) {
    let one = WalkAxis {
        len: 1,
        stride: size_of::<T>() as isize,
        slot: 0,
        weight: 0,
        reduced: true,
    };
    let mut outer = view.axes.clone();
    let inner = outer.pop().unwrap_or(one);
    // Along a kept axis several rows are taken at once.
    let across = if inner.reduced {
        one
    } else {
        let reduced = outer.iter().rposition(|axis| axis.reduced);
        reduced.map_or(one, |axis| outer.remove(axis))
    };
    let mut index = vec![0; outer.len()];
    let shape: Vec<usize> = outer.iter().map(|axis| axis.len).collect();
    let (mut start, mut slot, mut number) = (view.start, view.slot, view.number);
    loop {
        if inner.reduced {
            let numbers = Numbers {
                first: number,
                step: inner.weight,
            };
            // SAFETY: the innermost axis is contiguous.
            fold.run(
                slot,
                unsafe { std::slice::from_raw_parts(start.cast::<T>(), inner.len) },
                numbers,
            );
        } else {
            let numbers = Numbers {
                first: number,
                step: across.weight,
            };
            for from in (0..inner.len).step_by(TILE) {
                let rows = Rows {
                    first: start.cast::<T>().wrapping_add(from),
                    stride: across.stride,
                    count: across.len,
                    len: TILE.min(inner.len - from),
                    memory: PhantomData,
                };
                fold.rows(slot + from, rows, numbers);
            }
        }
        if !crate::kernels::nd::select::advance(&mut index, &shape, |axis, steps| {
            start = start.wrapping_offset(outer[axis].stride * steps);
            slot = slot.wrapping_add_signed(outer[axis].slot as isize * steps);
            number += outer[axis].weight * steps as i64;
        }) {
            return;
        }
    }
}
