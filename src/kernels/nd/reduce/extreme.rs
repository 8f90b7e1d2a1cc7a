//! Minima and maxima. NaN wins, or is left out; complex numbers are ordered by real part, then by imaginary part.

use super::walk::{Fold, Numbers, Rows};
use crate::kernels::nd::number::Number;
use crate::kernels::ops::{Task, vectorised};

const LANES: usize = 32;

/// The value that any other takes the place of.
#[must_use]
pub fn neutral<T: Number, const MAX: bool, const SKIP: bool>() -> T {
    if SKIP && T::FLOATING {
        T::NAN
    } else if MAX {
        T::LOWEST
    } else {
        T::HIGHEST
    }
}

/// Whether `a` is strictly the better one, for numbers that aren't NaN.
#[inline(always)]
pub fn better<T: Number, const MAX: bool>(a: T, b: T) -> bool {
    if MAX { b.below(a) } else { a.below(b) }
}

/// The better one; the first of two NaN.
#[inline(always)]
pub fn choose<T: Number, const MAX: bool, const SKIP: bool>(old: T, new: T) -> T {
    let take = if SKIP {
        !new.is_nan() & (old.is_nan() | better::<T, MAX>(new, old))
    } else {
        !old.is_nan() & (new.is_nan() | better::<T, MAX>(new, old))
    };
    if take { new } else { old }
}

/// One extreme for each slot.
pub struct Extremes<T, const MAX: bool, const SKIP: bool> {
    values: Vec<T>,
}

impl<T: Number, const MAX: bool, const SKIP: bool> Extremes<T, MAX, SKIP> {
    /// Of nothing.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            values: vec![neutral::<T, MAX, SKIP>(); slots],
        }
    }

    /// The extremes.
    #[must_use]
    pub fn finish(self) -> Vec<T> {
        self.values
    }
}

impl<T: Number, const MAX: bool, const SKIP: bool> Fold<T> for Extremes<T, MAX, SKIP> {
    fn run(&mut self, slot: usize, run: &[T], _: Numbers) {
        let value = of_run::<T, MAX, SKIP>(run);
        self.values[slot] = choose::<T, MAX, SKIP>(self.values[slot], value);
    }

    fn rows(&mut self, slot: usize, rows: Rows<'_, T>, _: Numbers) {
        vectorised(RowsTask::<T, MAX, SKIP> {
            values: &mut self.values[slot..slot + rows.len()],
            rows,
        });
    }
}

/// The extreme of a run.
#[must_use]
pub fn of_run<T: Number, const MAX: bool, const SKIP: bool>(run: &[T]) -> T {
    vectorised(RunTask::<T, MAX, SKIP> { run })
}

struct RunTask<'a, T, const MAX: bool, const SKIP: bool> {
    run: &'a [T],
}

impl<T: Number, const MAX: bool, const SKIP: bool> Task for RunTask<'_, T, MAX, SKIP> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        let mut lanes = [neutral::<T, MAX, SKIP>(); LANES];
        let mut rows = self.run.chunks_exact(LANES);
        for row in &mut rows {
            for (lane, element) in lanes.iter_mut().zip(row) {
                *lane = choose::<T, MAX, SKIP>(*lane, *element);
            }
        }
        for (lane, element) in lanes.iter_mut().zip(rows.remainder()) {
            *lane = choose::<T, MAX, SKIP>(*lane, *element);
        }
        lanes.into_iter().fold(neutral::<T, MAX, SKIP>(), |best, lane| {
            choose::<T, MAX, SKIP>(best, lane)
        })
    }
}

struct RowsTask<'a, 'b, T, const MAX: bool, const SKIP: bool> {
    values: &'a mut [T],
    rows: Rows<'b, T>,
}

impl<T: Number, const MAX: bool, const SKIP: bool> Task for RowsTask<'_, '_, T, MAX, SKIP> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let len = self.values.len();
        let whole = self.rows.count() / 4 * 4;
        for first in (0..whole).step_by(4) {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| &self.rows.row(first + i)[..len]);
            for j in 0..len {
                let upper = choose::<T, MAX, SKIP>(a[j], b[j]);
                let lower = choose::<T, MAX, SKIP>(c[j], d[j]);
                let part = choose::<T, MAX, SKIP>(upper, lower);
                self.values[j] = choose::<T, MAX, SKIP>(self.values[j], part);
            }
        }
        for i in whole..self.rows.count() {
            for (value, element) in self.values.iter_mut().zip(self.rows.row(i)) {
                *value = choose::<T, MAX, SKIP>(*value, *element);
            }
        }
    }
}
