//! Reductions of blocks: partial states, merging of states, results.
//!
//! A state is a list of blocks that `op::nd_reduce` tells the types of, in the shape of the result with the reduced axes
//! kept at length 1. It travels between tasks as any block. A count that is the same for all results is a block with
//! strides 0.

pub mod arg;
pub mod count;
pub mod extreme;
pub mod finish;
pub mod merge;
pub mod moments;
pub mod powers;
pub mod scan;
#[cfg(test)]
mod test;
pub mod total;
pub mod walk;

#[cfg(test)]
pub(super) use test::{block as test_block, read as test_read};

use std::marker::PhantomData;

use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};

pub use finish::finish;
pub use merge::{merge, merge_many};
pub use scan::scan;

use self::arg::Places;
use self::count::{Counts, Truths};
use self::extreme::Extremes;
use self::moments::Spreads;
use self::powers::PowerSums;
use self::total::{MeanSum, Prod, Sum, Totals};
use self::walk::{BAND, Fold, Numbers, Rows, View, WalkAxis, walk};
use super::copy::{copied, dense};
use super::memory::buffer_of;
use super::number::{Number, Plain, elements};
use crate::chunk::ArrayChunk;
use crate::error::{Error, Result};
use crate::nd::{Elem, NdDtype};
use crate::op::nd_reduce::{ReduceOp, value_state};
use crate::{dispatch_elem, dispatch_floating, dispatch_number};

/// Which numbers the elements of a block have, for reductions that answer where.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Numbering {
    /// That of the block's first element.
    pub first: i64,
    /// By how much it grows along each axis of the block.
    pub weights: Vec<i64>,
}

impl Numbering {
    /// Positions along `axis` of the array, for a block that begins at `start` there.
    #[must_use]
    pub fn along(axis: usize, ndim: usize, start: usize) -> Self {
        let mut weights = vec![0; ndim];
        weights[axis] = 1;
        Self {
            first: start as i64,
            weights,
        }
    }

    /// Positions in C order in an array of `shape`, for a block that begins at `start` there.
    #[must_use]
    pub fn flat(shape: &[usize], start: &[usize]) -> Self {
        let mut weights = vec![1i64; shape.len()];
        for axis in (1..shape.len()).rev() {
            weights[axis - 1] = weights[axis] * shape[axis] as i64;
        }
        let first = start
            .iter()
            .zip(&weights)
            .map(|(start, weight)| *start as i64 * weight)
            .sum();
        Self { first, weights }
    }
}

/// What the bands of a block are reduced into.
trait Bands: Send {
    /// # Safety
    /// All elements that the view reaches can be read and are aligned.
    unsafe fn take(&mut self, view: &View, numbered: bool);
    /// The columns of the state, with one element for each slot.
    fn columns(self: Box<Self>) -> Vec<Column>;
}

/// The elements of one block of a state.
pub struct Column {
    buffer: arrow::buffer::Buffer,
}

fn column<T: Plain>(values: Vec<T>) -> Column {
    Column {
        buffer: buffer_of(values),
    }
}

struct Typed<T, F, C> {
    fold: F,
    columns: C,
    element: PhantomData<T>,
}

impl<T: Number, F: Fold<T> + Send, C: FnOnce(F) -> Vec<Column> + Send> Bands for Typed<T, F, C> {
    unsafe fn take(&mut self, view: &View, numbered: bool) {
        // SAFETY: as the caller promises.
        unsafe { walk::<T>(view, numbered, &mut self.fold) };
    }

    fn columns(self: Box<Self>) -> Vec<Column> {
        (self.columns)(self.fold)
    }
}

fn typed<T: Number, F: Fold<T> + Send + 'static>(
    fold: F,
    columns: impl FnOnce(F) -> Vec<Column> + Send + 'static,
) -> Box<dyn Bands> {
    Box::new(Typed {
        fold,
        columns,
        element: PhantomData::<T>,
    })
}

/// Two folds over the same elements, a cache-sized part at a time.
struct Both<A, B>(A, B);

impl<T, A: Fold<T>, B: Fold<T>> Fold<T> for Both<A, B> {
    fn run(&mut self, slot: usize, run: &[T], number: Numbers) {
        const PART: usize = 2048;
        let mut first = number.first;
        for part in run.chunks(PART) {
            let number = Numbers { first, ..number };
            self.0.run(slot, part, number);
            self.1.run(slot, part, number);
            first += part.len() as i64 * number.step;
        }
    }

    fn rows(&mut self, slot: usize, rows: Rows<'_, T>, number: Numbers) {
        const PART: usize = 16;
        for from in (0..rows.count()).step_by(PART) {
            let part = rows.part(from, PART);
            let number = Numbers {
                first: number.first + from as i64 * number.step,
                ..number
            };
            self.0.rows(slot, part, number);
            self.1.rows(slot, part, number);
        }
    }
}

fn unknown(op: ReduceOp, elem: Elem) -> Error {
    Error::internal(format!("no reduction {} of {}", op.name(), elem.name()))
}

/// The folds that leave out NaN.
fn skipping<T: Number>(op: ReduceOp, slots: usize) -> Option<Box<dyn Bands>> {
    Some(match op {
        ReduceOp::Sum { .. } => typed::<T, _>(Totals::<T, Sum, true>::new(slots), |fold| {
            vec![column(fold.finish())]
        }),
        ReduceOp::Prod { .. } => typed::<T, _>(Totals::<T, Prod, true>::new(slots), |fold| {
            vec![column(fold.finish())]
        }),
        ReduceOp::Min { .. } => typed::<T, _>(Extremes::<T, false, true>::new(slots), |fold| {
            vec![column(fold.finish())]
        }),
        ReduceOp::Max { .. } => typed::<T, _>(Extremes::<T, true, true>::new(slots), |fold| {
            vec![column(fold.finish())]
        }),
        ReduceOp::Mean { .. } => {
            let both = Both(Totals::<T, MeanSum, true>::new(slots), Counts::<true>::new(slots));
            typed::<T, _>(both, |both| {
                vec![column(both.0.finish()), column(both.1.finish())]
            })
        }
        ReduceOp::Var { .. } | ReduceOp::Std { .. } => {
            typed::<T, _>(Spreads::<T, true>::new(slots), |fold| {
                let (sums, counts, squares) = fold.finish();
                vec![column(sums), column(counts), column(squares)]
            })
        }
        ReduceOp::ArgMin { .. } => typed::<T, _>(Places::<T, false, true>::new(slots), |fold| {
            let (values, numbers) = fold.finish();
            vec![column(values), column(numbers)]
        }),
        ReduceOp::ArgMax { .. } => typed::<T, _>(Places::<T, true, true>::new(slots), |fold| {
            let (values, numbers) = fold.finish();
            vec![column(values), column(numbers)]
        }),
        _ => return None,
    })
}

/// The folds that take all elements.
fn plain<T: Number>(op: ReduceOp, slots: usize) -> Option<Box<dyn Bands>> {
    Some(match op {
        ReduceOp::Sum { .. } => typed::<T, _>(Totals::<T, Sum, false>::new(slots), |fold| {
            vec![column(fold.finish())]
        }),
        ReduceOp::Prod { .. } => typed::<T, _>(Totals::<T, Prod, false>::new(slots), |fold| {
            vec![column(fold.finish())]
        }),
        ReduceOp::Min { .. } => typed::<T, _>(Extremes::<T, false, false>::new(slots), |fold| {
            vec![column(fold.finish())]
        }),
        ReduceOp::Max { .. } => typed::<T, _>(Extremes::<T, true, false>::new(slots), |fold| {
            vec![column(fold.finish())]
        }),
        ReduceOp::Ptp => {
            let both = Both(
                Extremes::<T, false, false>::new(slots),
                Extremes::<T, true, false>::new(slots),
            );
            typed::<T, _>(both, |both| {
                vec![column(both.0.finish()), column(both.1.finish())]
            })
        }
        ReduceOp::Any => typed::<T, _>(Truths::<false>::new(slots), |fold| vec![column(fold.finish())]),
        ReduceOp::All => typed::<T, _>(Truths::<true>::new(slots), |fold| vec![column(fold.finish())]),
        ReduceOp::CountNonzero => {
            typed::<T, _>(Counts::<false>::new(slots), |fold| vec![column(fold.finish())])
        }
        ReduceOp::Mean { .. } => typed::<T, _>(Totals::<T, MeanSum, false>::new(slots), |fold| {
            vec![column(fold.finish())]
        }),
        ReduceOp::Var { .. } | ReduceOp::Std { .. } => {
            typed::<T, _>(Spreads::<T, false>::new(slots), |fold| {
                let (sums, counts, squares) = fold.finish();
                vec![column(sums), column(counts), column(squares)]
            })
        }
        ReduceOp::ArgMin { .. } => typed::<T, _>(Places::<T, false, false>::new(slots), |fold| {
            let (values, numbers) = fold.finish();
            vec![column(values), column(numbers)]
        }),
        ReduceOp::ArgMax { .. } => typed::<T, _>(Places::<T, true, false>::new(slots), |fold| {
            let (values, numbers) = fold.finish();
            vec![column(values), column(numbers)]
        }),
        ReduceOp::Moment { .. } => return None,
    })
}

fn bands(op: ReduceOp, elem: Elem, slots: usize) -> Result<Box<dyn Bands>> {
    let elem = value_state(elem);
    let found = if let ReduceOp::Moment { order, .. } = op {
        dispatch_elem!(
            [
                Bool => u8, I8 => i8, I16 => i16, I32 => i32, I64 => i64, U8 => u8, U16 => u16, U32 => u32, U64 => u64,
                F32 => f32, F64 => f64,
            ],
            elem,
            T => Some(typed::<T, _>(PowerSums::new(slots, order), |fold| {
                let (sums, counts, powers) = fold.finish();
                let mut columns = vec![column(sums), column(counts)];
                columns.extend(powers.into_iter().map(column));
                columns
            })),
            _ => None
        )
    } else if op.skipna() && matches!(elem, Elem::F32 | Elem::F64 | Elem::C64 | Elem::C128) {
        dispatch_floating!(elem, T => skipping::<T>(op, slots), _ => None)
    } else {
        dispatch_number!(elem, T => plain::<T>(op, slots), _ => None)
    };
    found.ok_or_else(|| unknown(op, elem))
}

/// The state of a block under construction, band by band along its first axis.
pub struct Accumulator {
    op: ReduceOp,
    elem: Elem,
    shape: Vec<usize>,
    reduced: Vec<bool>,
    numbering: Option<Numbering>,
    seen: usize,
    bands: Box<dyn Bands>,
}

impl Accumulator {
    /// The state of nothing yet of a block of `shape`, its elements as [`ReduceOp::input`] gives them. `numbering` for
    /// reductions that answer where.
    ///
    /// # Errors
    /// When the reduction doesn't exist for the type, or an axis isn't one.
    pub fn new(
        op: ReduceOp,
        elem: Elem,
        shape: &[usize],
        axes: &[usize],
        numbering: Option<Numbering>,
    ) -> Result<Self> {
        let mut reduced = vec![false; shape.len()];
        for axis in axes {
            let slot = reduced.get_mut(*axis);
            *slot.ok_or_else(|| Error::internal(format!("axis {axis} of a block of shape {shape:?}")))? =
                true;
        }
        if op.is_arg()
            && numbering
                .as_ref()
                .is_none_or(|known| known.weights.len() != shape.len())
        {
            return Err(Error::internal(
                "a reduction that answers where, of a block that isn't told where it is",
            ));
        }
        let slots = kept(shape, &reduced).iter().product();
        Ok(Self {
            op,
            elem,
            shape: shape.to_vec(),
            reduced,
            numbering: numbering.filter(|_| op.is_arg()),
            seen: 0,
            bands: bands(op, elem, slots)?,
        })
    }

    /// Takes in a band: all of the block from `at` along its first axis, as far as the band goes.
    ///
    /// # Errors
    /// When the band isn't part of the block.
    pub fn update(&mut self, band: &ArrayChunk, at: usize) -> Result<()> {
        let fits = band.dtype == NdDtype::Num(self.elem)
            && band.shape.len() == self.shape.len()
            && band.shape.iter().skip(1).eq(self.shape.iter().skip(1))
            && match (band.shape.first(), self.shape.first()) {
                (Some(own), Some(len)) => at <= *len && *own <= *len - at,
                _ => at == 0,
            };
        if !fits {
            return Err(Error::internal(format!(
                "a band of shape {:?} and {:?} at {at} of a block of shape {:?} and {}",
                band.shape,
                band.dtype,
                self.shape,
                self.elem.name()
            )));
        }
        self.seen += band.shape.first().copied().unwrap_or(1);
        if band.size() == 0 {
            return Ok(());
        }
        if self.elem == Elem::F16 {
            return self.update_half(band, at);
        }
        let align = dispatch_number!(self.elem, T => align_of::<T>(), _ => 1);
        let first = band.buffer.as_ptr() as usize + band.offset;
        let aligned =
            first.is_multiple_of(align) && band.strides.iter().all(|stride| stride % align as isize == 0);
        if aligned {
            self.take(band, at);
        } else {
            self.take(&copied(band)?, at);
        }
        Ok(())
    }

    /// Float16 is made float32, a cache-sized part at a time.
    fn update_half(&mut self, band: &ArrayChunk, at: usize) -> Result<()> {
        let rows = band.shape.first().copied().unwrap_or(1);
        let row_bytes = band.size() / rows * 4;
        let step = (BAND / row_bytes.max(1)).clamp(1, rows);
        for from in (0..rows).step_by(step) {
            let mut parts: Vec<(usize, usize, isize)> = band.shape.iter().map(|len| (0, *len, 1)).collect();
            if let Some(first) = parts.first_mut() {
                *first = (from, step.min(rows - from), 1);
            }
            let part = dense(&band.slice(&parts)?)?;
            let halves: &[u16] = elements(part.as_dense().unwrap_or_default())?;
            let mut singles = vec![0f32; halves.len()];
            halves
                .reinterpret_cast::<half::f16>()
                .convert_to_f32_slice(&mut singles);
            let part = ArrayChunk::dense(NdDtype::Num(Elem::F32), part.shape, buffer_of(singles))?;
            self.take(&part, at + from);
        }
        Ok(())
    }

    fn take(&mut self, band: &ArrayChunk, at: usize) {
        let mut slot_step = 1;
        let mut axes = Vec::with_capacity(band.shape.len());
        for axis in (0..band.shape.len()).rev() {
            let reduced = self.reduced[axis];
            let weight = self
                .numbering
                .as_ref()
                .map_or(0, |numbering| numbering.weights[axis]);
            axes.push(WalkAxis {
                len: band.shape[axis],
                stride: band.strides[axis],
                slot: if reduced { 0 } else { slot_step },
                weight: if reduced { weight } else { 0 },
                reduced,
            });
            if !reduced {
                slot_step *= self.shape[axis];
            }
        }
        axes.reverse();
        let first = self.numbering.as_ref().map_or(0, |numbering| numbering.first);
        let view = View {
            start: band.buffer.as_slice()[band.offset..].as_ptr(),
            slot: axes.first().map_or(0, |axis| axis.slot * at),
            number: first + axes.first().map_or(0, |axis| axis.weight * at as i64),
            axes,
        };
        // SAFETY: the elements of a chunk lie inside its buffer, and alignment has been seen to.
        unsafe { self.bands.take(&view, self.numbering.is_some()) };
    }

    /// The state, when the whole block has been taken in.
    ///
    /// # Errors
    /// When bands are missing.
    pub fn state(self) -> Result<Vec<ArrayChunk>> {
        if self.seen != self.shape.first().copied().unwrap_or(1) {
            return Err(Error::internal(format!(
                "{} rows taken in of a block of shape {:?}",
                self.seen, self.shape
            )));
        }
        let shape = kept(&self.shape, &self.reduced);
        let types = self.op.state(self.elem);
        let lens = self.shape.iter().zip(&self.reduced);
        let count: usize = lens
            .filter(|(_, reduced)| **reduced)
            .map(|(len, _)| *len)
            .product();
        let count = || uniform(count as i64, &shape);
        let mut state = Vec::with_capacity(types.len());
        let columns = self.bands.columns();
        let counted = columns.len() == types.len();
        for (column, elem) in columns.into_iter().zip(&types) {
            // Where all counts are one, the column of a fold that keeps its own isn't needed.
            let all_counted =
                *elem == Elem::I64 && state.len() == 1 && !self.op.skipna() && !self.op.is_arg();
            if counted && all_counted && types.len() > 2 {
                state.push(count()?);
                continue;
            }
            let own = ArrayChunk::dense(NdDtype::Num(*elem), shape.clone(), column.buffer);
            state.push(own?);
        }
        if !counted {
            state.push(count()?);
        }
        Ok(state)
    }
}

/// One count for all results.
pub(super) fn uniform(count: i64, shape: &[usize]) -> Result<ArrayChunk> {
    ArrayChunk::uniform(NdDtype::Num(Elem::I64), shape.to_vec(), buffer_of(vec![count]))
}

fn kept(shape: &[usize], reduced: &[bool]) -> Vec<usize> {
    let axes = shape.iter().zip(reduced);
    axes.map(|(len, reduced)| if *reduced { 1 } else { *len })
        .collect()
}

/// The state of a block, its elements as [`ReduceOp::input`] gives them, reduced over `axes`.
///
/// # Errors
/// As for [`Accumulator::new`].
pub fn partial(
    op: ReduceOp,
    chunk: &ArrayChunk,
    axes: &[usize],
    numbering: Option<Numbering>,
) -> Result<Vec<ArrayChunk>> {
    let elem = chunk.dtype.elem();
    let elem = elem.ok_or_else(|| Error::internal("a reduction of elements that aren't numbers"))?;
    let mut accumulator = Accumulator::new(op, elem, &chunk.shape, axes, numbering)?;
    accumulator.update(chunk, 0)?;
    accumulator.state()
}
