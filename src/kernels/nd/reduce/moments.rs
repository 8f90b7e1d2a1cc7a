//! Sums, counts and sums of squared deviations in one pass, for variances and what goes with them.
//!
//! Blocks of a run and groups of rows are small, get their own mean and deviations in two steps in registers or the nearest
//! cache, and are merged exactly as Chan, Golub and `LeVeque` do.

use super::walk::{Fold, Numbers, Rows};
use crate::kernels::nd::number::{Arith, Number, Real};
use crate::kernels::ops::{Task, vectorised};

const BLOCK: usize = 1024;
const LANES: usize = 16;
const ROWS: usize = 8;

/// What is known of some numbers: how many, their sum, the sum of their squared deviations from their mean.
#[derive(Clone, Copy, Debug)]
pub struct Spread<M> {
    /// How many.
    pub count: f64,
    /// Their sum.
    pub sum: M,
    /// The sum of squared deviations.
    pub squares: f64,
}

impl<M: Real> Spread<M> {
    /// Of nothing.
    pub const NONE: Self = Self {
        count: 0.0,
        sum: M::ZERO,
        squares: 0.0,
    };

    /// That of both.
    #[inline(always)]
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        let count = self.count + other.count;
        let safe = |count: f64| 1.0 / if count > 0.0 { count } else { 1.0 };
        let apart = other
            .sum
            .scaled(safe(other.count))
            .minus(self.sum.scaled(safe(self.count)));
        let weight = self.count * other.count * safe(count);
        let between = if weight > 0.0 {
            apart.square() * weight
        } else {
            0.0
        };
        Self {
            count,
            sum: self.sum.plus(other.sum),
            squares: self.squares + other.squares + between,
        }
    }
}

/// A spread for each slot, in columns.
pub struct Spreads<T: Number, const SKIP: bool> {
    counts: Vec<f64>,
    sums: Vec<T::Mean>,
    squares: Vec<f64>,
}

impl<T: Number, const SKIP: bool> Spreads<T, SKIP> {
    /// Of nothing.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            counts: vec![0.0; slots],
            sums: vec![T::Mean::ZERO; slots],
            squares: vec![0.0; slots],
        }
    }

    /// Sums, counts and squares.
    #[must_use]
    pub fn finish(self) -> (Vec<T::Mean>, Vec<i64>, Vec<f64>) {
        let counts = self.counts.into_iter().map(|count| count as i64).collect();
        (self.sums, counts, self.squares)
    }
}

impl<T: Number, const SKIP: bool> Fold<T> for Spreads<T, SKIP> {
    fn run(&mut self, slot: usize, run: &[T], _: Numbers) {
        let old = Spread {
            count: self.counts[slot],
            sum: self.sums[slot],
            squares: self.squares[slot],
        };
        let new = old.merged(vectorised(RunTask::<T, SKIP> { run }));
        self.counts[slot] = new.count;
        self.sums[slot] = new.sum;
        self.squares[slot] = new.squares;
    }

    fn rows(&mut self, slot: usize, rows: Rows<'_, T>, _: Numbers) {
        let slots = slot..slot + rows.len();
        vectorised(RowsTask::<T, SKIP> {
            counts: &mut self.counts[slots.clone()],
            sums: &mut self.sums[slots.clone()],
            squares: &mut self.squares[slots],
            rows,
        });
    }
}

struct RunTask<'a, T, const SKIP: bool> {
    run: &'a [T],
}

impl<T: Number, const SKIP: bool> Task for RunTask<'_, T, SKIP> {
    type Output = Spread<T::Mean>;
    #[inline(always)]
    fn run(self) -> Spread<T::Mean> {
        let mut all = Spread::NONE;
        for block in self.run.chunks(BLOCK) {
            let keep = |element: T| !SKIP || !element.is_nan();
            let count = if SKIP {
                block.iter().map(|element| u16::from(keep(*element))).sum::<u16>() as f64
            } else {
                block.len() as f64
            };
            let sum = lanes(block, |element| {
                if keep(element) {
                    element.mean()
                } else {
                    T::Mean::ZERO
                }
            });
            let mean = sum.scaled(1.0 / if count > 0.0 { count } else { 1.0 });
            let squares = lanes(block, |element| {
                let square = element.mean().minus(mean).square();
                if keep(element) { square } else { 0.0 }
            });
            all = all.merged(Spread { count, sum, squares });
        }
        all
    }
}

#[inline(always)]
fn lanes<T: Copy, A: Arith>(block: &[T], f: impl Fn(T) -> A) -> A {
    let mut lanes = [A::ZERO; LANES];
    let mut rows = block.chunks_exact(LANES);
    for row in &mut rows {
        for (lane, element) in lanes.iter_mut().zip(row) {
            *lane = lane.plus(f(*element));
        }
    }
    for (lane, element) in lanes.iter_mut().zip(rows.remainder()) {
        *lane = lane.plus(f(*element));
    }
    let mut width = LANES / 2;
    while width > 0 {
        let (low, high) = lanes.split_at_mut(width);
        for (low, high) in low.iter_mut().zip(&*high) {
            *low = low.plus(*high);
        }
        width /= 2;
    }
    lanes[0]
}

struct RowsTask<'a, 'b, T: Number, const SKIP: bool> {
    counts: &'a mut [f64],
    sums: &'a mut [T::Mean],
    squares: &'a mut [f64],
    rows: Rows<'b, T>,
}

impl<T: Number, const SKIP: bool> Task for RowsTask<'_, '_, T, SKIP> {
    type Output = ();
    #[inline(always)]
    fn run(mut self) {
        let whole = self.rows.count() / ROWS * ROWS;
        for first in (0..whole).step_by(ROWS) {
            self.group::<ROWS>(first);
        }
        for first in whole..self.rows.count() {
            self.group::<1>(first);
        }
    }
}

impl<T: Number, const SKIP: bool> RowsTask<'_, '_, T, SKIP> {
    #[inline(always)]
    fn group<const N: usize>(&mut self, first: usize) {
        let len = self.counts.len();
        let rows: [&[T]; N] = std::array::from_fn(|i| &self.rows.row(first + i)[..len]);
        let (counts, sums, squares) = (
            &mut self.counts[..len],
            &mut self.sums[..len],
            &mut self.squares[..len],
        );
        if SKIP {
            for j in 0..len {
                let elements: [T; N] = std::array::from_fn(|i| rows[i][j]);
                let mut count = 0.0;
                let mut sum = T::Mean::ZERO;
                for element in elements {
                    let keep = !element.is_nan();
                    count += if keep { 1.0 } else { 0.0 };
                    sum = sum.plus(if keep { element.mean() } else { T::Mean::ZERO });
                }
                let mean = sum.scaled(1.0 / if count > 0.0 { count } else { 1.0 });
                let mut square = 0.0;
                for element in elements {
                    let apart = element.mean().minus(mean).square();
                    square += if element.is_nan() { 0.0 } else { apart };
                }
                let old = Spread {
                    count: counts[j],
                    sum: sums[j],
                    squares: squares[j],
                };
                let new = old.merged(Spread {
                    count,
                    sum,
                    squares: square,
                });
                counts[j] = new.count;
                sums[j] = new.sum;
                squares[j] = new.squares;
            }
            return;
        }
        // Slots that share rows have seen as many, so that the weights are the same for all.
        let Some(before) = counts.first().copied() else {
            return;
        };
        let (own, after) = (N as f64, before + N as f64);
        let (part, old) = (1.0 / own, if before > 0.0 { 1.0 / before } else { 0.0 });
        let weight = before * own / after;
        for j in 0..len {
            let elements: [T::Mean; N] = std::array::from_fn(|i| rows[i][j].mean());
            let mut sum = T::Mean::ZERO;
            for element in elements {
                sum = sum.plus(element);
            }
            let mean = sum.scaled(part);
            let mut square = 0.0;
            for element in elements {
                square += element.minus(mean).square();
            }
            let apart = mean.minus(sums[j].scaled(old));
            let between = if before > 0.0 {
                apart.square() * weight
            } else {
                0.0
            };
            squares[j] += square + between;
            sums[j] = sums[j].plus(sum);
        }
        counts.fill(after);
    }
}
