//! Sums of powers of deviations up to some order, for central moments.
//!
//! Parts are merged exactly as Pébay does. Not tuned: moments above the second are rare.

use super::walk::{Fold, Numbers, Rows};
use crate::kernels::nd::number::Number;

const BLOCK: usize = 1024;

/// Count, sum, and sums of powers of deviations from the second on.
#[derive(Clone, Debug)]
pub struct Powers {
    /// How many.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The sum of the deviations to the power of `i + 2`.
    pub powers: Vec<f64>,
}

impl Powers {
    /// Of nothing.
    #[must_use]
    pub fn none(order: u32) -> Self {
        Self {
            count: 0.0,
            sum: 0.0,
            powers: vec![0.0; order as usize - 1],
        }
    }

    /// Of some numbers, gone through twice.
    #[must_use]
    pub fn of(numbers: &[f64], order: u32) -> Self {
        let mut own = Self::none(order);
        own.count = numbers.len() as f64;
        own.sum = numbers.iter().sum();
        let mean = own.sum / own.count;
        for number in numbers {
            let apart = number - mean;
            let mut power = apart;
            for sum in &mut own.powers {
                power *= apart;
                *sum += power;
            }
        }
        own
    }

    /// Takes in those of other numbers.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            self.clone_from(other);
            return;
        }
        let (a, b) = (self.count, other.count);
        let count = a + b;
        let apart = other.sum / b - self.sum / a;
        let get = |powers: &[f64], order: i32| {
            if order < 2 {
                0.0
            } else {
                powers[order as usize - 2]
            }
        };
        let mut merged = vec![0.0; self.powers.len()];
        for (order, slot) in (2i32..).zip(&mut merged) {
            let mut sum = get(&self.powers, order) + get(&other.powers, order);
            let mut binomial = 1.0;
            for k in 1..=order - 2 {
                binomial *= f64::from(order - k + 1) / f64::from(k);
                let left = (-b / count * apart).powi(k) * get(&self.powers, order - k);
                let right = (a / count * apart).powi(k) * get(&other.powers, order - k);
                sum += binomial * (left + right);
            }
            let ends = 1.0 / b.powi(order - 1) - (-1.0 / a).powi(order - 1);
            sum += (a * b / count * apart).powi(order) * ends;
            *slot = sum;
        }
        self.powers = merged;
        self.sum += other.sum;
        self.count = count;
    }
}

/// Powers for each slot.
pub struct PowerSums {
    order: u32,
    slots: Vec<Powers>,
}

impl PowerSums {
    /// Of nothing.
    #[must_use]
    pub fn new(slots: usize, order: u32) -> Self {
        Self {
            order,
            slots: vec![Powers::none(order); slots],
        }
    }

    /// Sums, counts, and the powers from the second on, one list for each.
    #[must_use]
    pub fn finish(self) -> (Vec<f64>, Vec<i64>, Vec<Vec<f64>>) {
        let sums = self.slots.iter().map(|slot| slot.sum).collect();
        let counts = self.slots.iter().map(|slot| slot.count as i64).collect();
        let power = |i: usize| self.slots.iter().map(|slot| slot.powers[i]).collect();
        (sums, counts, (0..self.order as usize - 1).map(power).collect())
    }
}

/// An element of a type that isn't complex.
pub trait RealNumber: Number<Mean = f64> {}
impl<T: Number<Mean = f64>> RealNumber for T {}

impl<T: RealNumber> Fold<T> for PowerSums {
    fn run(&mut self, slot: usize, run: &[T], _: Numbers) {
        let mut numbers = Vec::with_capacity(BLOCK.min(run.len()));
        for block in run.chunks(BLOCK) {
            numbers.clear();
            numbers.extend(block.iter().map(|element| element.mean()));
            self.slots[slot].merge(&Powers::of(&numbers, self.order));
        }
    }

    fn rows(&mut self, slot: usize, rows: Rows<'_, T>, _: Numbers) {
        let mut numbers = Vec::with_capacity(BLOCK.min(rows.count()));
        for first in (0..rows.count()).step_by(BLOCK) {
            let part = rows.part(first, BLOCK);
            for j in 0..rows.len() {
                numbers.clear();
                numbers.extend((0..part.count()).map(|i| part.row(i)[j].mean()));
                self.slots[slot + j].merge(&Powers::of(&numbers, self.order));
            }
        }
    }
}
