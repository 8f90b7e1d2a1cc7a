//! Sums and products, also as the sum that a mean is made of.
//!
//! Runs are added in 32 lanes by blocks of 1,024, and what rounding takes from the sum of the blocks is kept and added at
//! the end; rows are added 8 at a time. So the error grows with the logarithm of the length, as that of pairwise sums.

use std::marker::PhantomData;

use super::walk::{Fold, Numbers, Rows};
use crate::kernels::nd::number::{Arith, Number};
use crate::kernels::ops::{Task, vectorised};

const LANES: usize = 32;
const BLOCK: usize = 1024;
const ROWS: usize = 8;

/// How elements are put together.
pub trait Rule<T>: Send + 'static {
    /// What blocks are put together in.
    type Work: Arith;
    /// What the whole is kept in.
    type Total: Arith;
    /// Whether it is a sum.
    const SUM: bool;
    /// An element.
    fn lift(element: T) -> Self::Work;
    /// A block.
    fn widen(work: Self::Work) -> Self::Total;
}

/// A sum by the type's own rule.
pub struct Sum;
/// A product.
pub struct Prod;
/// The sum of a mean.
pub struct MeanSum;

impl<T: Number> Rule<T> for Sum {
    type Work = T::Work;
    type Total = T::Total;
    const SUM: bool = true;
    #[inline(always)]
    fn lift(element: T) -> T::Work {
        element.work()
    }
    #[inline(always)]
    fn widen(work: T::Work) -> T::Total {
        T::widen(work)
    }
}

impl<T: Number> Rule<T> for Prod {
    type Work = T::Total;
    type Total = T::Total;
    const SUM: bool = false;
    #[inline(always)]
    fn lift(element: T) -> T::Total {
        element.factor()
    }
    #[inline(always)]
    fn widen(work: T::Total) -> T::Total {
        work
    }
}

impl<T: Number> Rule<T> for MeanSum {
    type Work = T::Mean;
    type Total = T::Mean;
    const SUM: bool = true;
    #[inline(always)]
    fn lift(element: T) -> T::Mean {
        element.mean()
    }
    #[inline(always)]
    fn widen(work: T::Mean) -> T::Mean {
        work
    }
}

#[inline(always)]
fn apply<A: Arith>(sum: bool, a: A, b: A) -> A {
    if sum { a.plus(b) } else { a.times(b) }
}

#[inline(always)]
fn neutral<A: Arith>(sum: bool) -> A {
    if sum { A::ZERO } else { A::ONE }
}

/// One total for each slot.
pub struct Totals<T, R: Rule<T>, const SKIP: bool> {
    totals: Vec<R::Total>,
    lost: Vec<R::Total>,
    element: PhantomData<T>,
}

impl<T: Number, R: Rule<T>, const SKIP: bool> Totals<T, R, SKIP> {
    /// Of nothing.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            totals: vec![neutral(R::SUM); slots],
            lost: vec![R::Total::ZERO; slots],
            element: PhantomData,
        }
    }

    /// The totals.
    #[must_use]
    pub fn finish(mut self) -> Vec<R::Total> {
        if R::SUM {
            for (total, lost) in self.totals.iter_mut().zip(&self.lost) {
                *total = total.plus(*lost);
            }
        }
        self.totals
    }
}

impl<T: Number, R: Rule<T>, const SKIP: bool> Fold<T> for Totals<T, R, SKIP> {
    fn run(&mut self, slot: usize, run: &[T], _: Numbers) {
        let (total, lost) = vectorised(RunTask::<T, R, SKIP> {
            run,
            rule: PhantomData,
        });
        let old = self.totals[slot];
        let new = apply(R::SUM, old, total);
        if R::SUM {
            self.lost[slot] = self.lost[slot].plus(lost).plus(old.lost(total, new));
        }
        self.totals[slot] = new;
    }

    fn rows(&mut self, slot: usize, rows: Rows<'_, T>, _: Numbers) {
        vectorised(RowsTask::<T, R, SKIP> {
            totals: &mut self.totals[slot..slot + rows.len()],
            rows,
        });
    }
}

#[inline(always)]
fn pick<T: Number, R: Rule<T>, const SKIP: bool>(element: T) -> R::Work {
    if SKIP && element.is_nan() {
        neutral(R::SUM)
    } else {
        R::lift(element)
    }
}

struct RunTask<'a, T, R, const SKIP: bool> {
    run: &'a [T],
    rule: PhantomData<R>,
}

impl<T: Number, R: Rule<T>, const SKIP: bool> Task for RunTask<'_, T, R, SKIP> {
    type Output = (R::Total, R::Total);
    #[inline(always)]
    fn run(self) -> Self::Output {
        let mut total: R::Total = neutral(R::SUM);
        let mut lost = R::Total::ZERO;
        for block in self.run.chunks(BLOCK) {
            let mut lanes = [neutral::<R::Work>(R::SUM); LANES];
            let mut rows = block.chunks_exact(LANES);
            for row in &mut rows {
                for (lane, element) in lanes.iter_mut().zip(row) {
                    *lane = apply(R::SUM, *lane, pick::<T, R, SKIP>(*element));
                }
            }
            for (lane, element) in lanes.iter_mut().zip(rows.remainder()) {
                *lane = apply(R::SUM, *lane, pick::<T, R, SKIP>(*element));
            }
            let mut width = LANES / 2;
            while width > 0 {
                let (low, high) = lanes.split_at_mut(width);
                for (low, high) in low.iter_mut().zip(&*high) {
                    *low = apply(R::SUM, *low, *high);
                }
                width /= 2;
            }
            let part = R::widen(lanes[0]);
            let new = apply(R::SUM, total, part);
            if R::SUM {
                lost = lost.plus(total.lost(part, new));
            }
            total = new;
        }
        (total, lost)
    }
}

struct RowsTask<'a, 'b, T, R: Rule<T>, const SKIP: bool> {
    totals: &'a mut [R::Total],
    rows: Rows<'b, T>,
}

impl<T: Number, R: Rule<T>, const SKIP: bool> Task for RowsTask<'_, '_, T, R, SKIP> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let len = self.totals.len();
        let whole = self.rows.count() / ROWS * ROWS;
        for first in (0..whole).step_by(ROWS) {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| &self.rows.row(first + i)[..len]);
            let [e, f, g, h] = [4, 5, 6, 7].map(|i| &self.rows.row(first + i)[..len]);
            for j in 0..len {
                let pair = |a: T, b: T| apply(R::SUM, pick::<T, R, SKIP>(a), pick::<T, R, SKIP>(b));
                let upper = apply(R::SUM, pair(a[j], b[j]), pair(c[j], d[j]));
                let lower = apply(R::SUM, pair(e[j], f[j]), pair(g[j], h[j]));
                let part = R::widen(apply(R::SUM, upper, lower));
                self.totals[j] = apply(R::SUM, self.totals[j], part);
            }
        }
        for i in whole..self.rows.count() {
            for (total, element) in self.totals.iter_mut().zip(self.rows.row(i)) {
                *total = apply(R::SUM, *total, R::widen(pick::<T, R, SKIP>(*element)));
            }
        }
    }
}
