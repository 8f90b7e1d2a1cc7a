//! Where minima and maxima are: the smallest number of an element that has the extreme value. NaN wins, the first one, or is
//! left out.

use super::extreme::{better, neutral, of_run};
use super::walk::{Fold, Numbers, Rows};
use crate::kernels::nd::number::Number;
use crate::kernels::ops::{Task, vectorised};

const BLOCK: usize = 1024;

/// The number of a slot that nothing was found for.
pub const NOWHERE: i64 = -1;

/// Whether an element with its number comes before what was found.
#[inline(always)]
pub fn comes_first<T: Number, const MAX: bool, const SKIP: bool>(new: (T, i64), old: (T, i64)) -> bool {
    let ((value, number), (best, found)) = (new, old);
    let earlier = number < found;
    let wins = better::<T, MAX>(value, best) | ((value == best) & earlier);
    let unseen = found == NOWHERE;
    if !T::FLOATING {
        return unseen | wins;
    }
    let (new_nan, old_nan) = (value.is_nan(), best.is_nan());
    if SKIP {
        !new_nan & (unseen | wins)
    } else {
        unseen | (new_nan & (!old_nan | earlier)) | (!new_nan & !old_nan & wins)
    }
}

/// The extreme and its number for each slot.
pub struct Places<T, const MAX: bool, const SKIP: bool> {
    values: Vec<T>,
    numbers: Vec<i64>,
}

impl<T: Number, const MAX: bool, const SKIP: bool> Places<T, MAX, SKIP> {
    /// Of nothing.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            values: vec![neutral::<T, MAX, SKIP>(); slots],
            numbers: vec![NOWHERE; slots],
        }
    }

    /// Values and numbers.
    #[must_use]
    pub fn finish(self) -> (Vec<T>, Vec<i64>) {
        (self.values, self.numbers)
    }
}

impl<T: Number, const MAX: bool, const SKIP: bool> Fold<T> for Places<T, MAX, SKIP> {
    fn run(&mut self, slot: usize, run: &[T], number: Numbers) {
        let mut first = number.first;
        for block in run.chunks(BLOCK) {
            let value = of_run::<T, MAX, SKIP>(block);
            let found = (self.values[slot], self.numbers[slot]);
            // The first that it could be decides whether the block need be searched.
            if comes_first::<T, MAX, SKIP>((value, first), found) {
                let same = |element: &T| *element == value || (value.is_nan() && element.is_nan());
                if let Some(at) = block.iter().position(same) {
                    let new = (block[at], first + at as i64 * number.step);
                    if comes_first::<T, MAX, SKIP>(new, found) {
                        (self.values[slot], self.numbers[slot]) = new;
                    }
                }
            }
            first += block.len() as i64 * number.step;
        }
    }

    fn rows(&mut self, slot: usize, rows: Rows<'_, T>, number: Numbers) {
        let slots = slot..slot + rows.len();
        vectorised(RowsTask::<T, MAX, SKIP> {
            values: &mut self.values[slots.clone()],
            numbers: &mut self.numbers[slots],
            rows,
            number,
        });
    }
}

struct RowsTask<'a, 'b, T, const MAX: bool, const SKIP: bool> {
    values: &'a mut [T],
    numbers: &'a mut [i64],
    rows: Rows<'b, T>,
    number: Numbers,
}

impl<T: Number, const MAX: bool, const SKIP: bool> Task for RowsTask<'_, '_, T, MAX, SKIP> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let mut number = self.number.first;
        for i in 0..self.rows.count() {
            let found = self.values.iter_mut().zip(self.numbers.iter_mut());
            for ((value, at), element) in found.zip(self.rows.row(i)) {
                let take = comes_first::<T, MAX, SKIP>((*element, number), (*value, *at));
                *value = if take { *element } else { *value };
                *at = if take { number } else { *at };
            }
            number += self.number.step;
        }
    }
}
