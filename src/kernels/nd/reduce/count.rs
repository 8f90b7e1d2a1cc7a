//! Whether any or all elements aren't zero, how many aren't, and how many aren't NaN.

use super::walk::{Fold, Numbers, Rows};
use crate::kernels::nd::number::Number;
use crate::kernels::ops::{Task, vectorised};

const BLOCK: usize = 1024;

/// Asks whether an element counts.
trait Asked {
    fn asked<T: Number>(element: T) -> bool;
}

struct Nonzero;
struct Present;

impl Asked for Nonzero {
    #[inline(always)]
    fn asked<T: Number>(element: T) -> bool {
        element != T::ZERO
    }
}

impl Asked for Present {
    #[inline(always)]
    fn asked<T: Number>(element: T) -> bool {
        !element.is_nan()
    }
}

/// How many elements of each slot aren't zero, or with `PRESENT` aren't NaN.
pub struct Counts<const PRESENT: bool> {
    counts: Vec<i64>,
}

impl<const PRESENT: bool> Counts<PRESENT> {
    /// Of nothing.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            counts: vec![0; slots],
        }
    }

    /// The counts.
    #[must_use]
    pub fn finish(self) -> Vec<i64> {
        self.counts
    }
}

impl<T: Number, const PRESENT: bool> Fold<T> for Counts<PRESENT> {
    fn run(&mut self, slot: usize, run: &[T], _: Numbers) {
        self.counts[slot] += if PRESENT {
            count::<T, Present>(run)
        } else {
            count::<T, Nonzero>(run)
        };
    }

    fn rows(&mut self, slot: usize, rows: Rows<'_, T>, _: Numbers) {
        let counts = &mut self.counts[slot..slot + rows.len()];
        if PRESENT {
            vectorised(RowsTask {
                counts,
                rows,
                asked: Present,
            });
        } else {
            vectorised(RowsTask {
                counts,
                rows,
                asked: Nonzero,
            });
        }
    }
}

fn count<T: Number, A: Asked>(run: &[T]) -> i64 {
    vectorised(RunTask {
        run,
        asked: std::marker::PhantomData::<A>,
    })
}

struct RunTask<'a, T, A> {
    run: &'a [T],
    asked: std::marker::PhantomData<A>,
}

impl<T: Number, A: Asked> Task for RunTask<'_, T, A> {
    type Output = i64;
    #[inline(always)]
    fn run(self) -> i64 {
        let mut total = 0;
        for block in self.run.chunks(BLOCK) {
            let count: u16 = block.iter().map(|element| u16::from(A::asked(*element))).sum();
            total += i64::from(count);
        }
        total
    }
}

struct RowsTask<'a, 'b, T, A> {
    counts: &'a mut [i64],
    rows: Rows<'b, T>,
    #[allow(dead_code, reason = "says which question")]
    asked: A,
}

impl<T: Number, A: Asked> Task for RowsTask<'_, '_, T, A> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let len = self.counts.len();
        let whole = self.rows.count() / 4 * 4;
        for first in (0..whole).step_by(4) {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| &self.rows.row(first + i)[..len]);
            for j in 0..len {
                let counted = |element: T| u8::from(A::asked(element));
                self.counts[j] += i64::from(counted(a[j]) + counted(b[j]) + counted(c[j]) + counted(d[j]));
            }
        }
        for i in whole..self.rows.count() {
            for (count, element) in self.counts.iter_mut().zip(self.rows.row(i)) {
                *count += i64::from(A::asked(*element));
            }
        }
    }
}

/// Whether any element of each slot isn't zero, or with `ALL` none is.
pub struct Truths<const ALL: bool> {
    truths: Vec<u8>,
}

impl<const ALL: bool> Truths<ALL> {
    /// Of nothing.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            truths: vec![u8::from(ALL); slots],
        }
    }

    /// The answers, 0 or 1.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.truths
    }
}

impl<T: Number, const ALL: bool> Fold<T> for Truths<ALL> {
    fn run(&mut self, slot: usize, run: &[T], _: Numbers) {
        let truth = &mut self.truths[slot];
        for block in run.chunks(BLOCK) {
            if (*truth == 1) != ALL {
                return;
            }
            let count = count::<T, Nonzero>(block);
            *truth = u8::from(if ALL {
                count == block.len() as i64
            } else {
                count > 0
            });
        }
    }

    fn rows(&mut self, slot: usize, rows: Rows<'_, T>, _: Numbers) {
        vectorised(TruthRows::<T, ALL> {
            truths: &mut self.truths[slot..slot + rows.len()],
            rows,
        });
    }
}

struct TruthRows<'a, 'b, T, const ALL: bool> {
    truths: &'a mut [u8],
    rows: Rows<'b, T>,
}

impl<T: Number, const ALL: bool> Task for TruthRows<'_, '_, T, ALL> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for i in 0..self.rows.count() {
            for (truth, element) in self.truths.iter_mut().zip(self.rows.row(i)) {
                let holds = u8::from(*element != T::ZERO);
                *truth = if ALL { *truth & holds } else { *truth | holds };
            }
        }
    }
}
