//! Contractions of arrays as data: which axes of two operands go together, and which stay.
//!
//! Covers what comes out of it, not how; the loops are in `kernels::nd::contract`. The axes of a result are those that both
//! keep together, then what is left of the first operand, then of the second.

use crate::token::{Tokenize, Tokenizer};

/// The axes of two operands, by their numbers in each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Axes that go together and stay, as of stacks of matrices.
    pub batch: Vec<(usize, usize)>,
    /// Axes that go together and along which products are added up.
    pub summed: Vec<(usize, usize)>,
    /// Axes of the first that stay, in the order of the result.
    pub left: Vec<usize>,
    /// Axes of the second that stay.
    pub right: Vec<usize>,
}

impl Contract {
    /// Whether the product of an array with itself is the same with its operands exchanged, as that of a matrix and its
    /// transpose.
    #[must_use]
    pub fn is_symmetric(&self) -> bool {
        let mut pairs = self.batch.iter().chain(&self.summed);
        pairs.all(|(a, b)| a == b) && self.left == self.right
    }

    /// In a few words.
    #[must_use]
    pub fn describe(&self) -> String {
        let (first, second): (Vec<_>, Vec<_>) = self.summed.iter().copied().unzip();
        format!("of axes {first:?} with {second:?}")
    }
}

impl Tokenize for Contract {
    fn tokenize(&self, t: &mut Tokenizer) {
        for pairs in [&self.batch, &self.summed] {
            t.number(pairs.len() as u64);
            for (a, b) in pairs {
                t.number(*a as u64).number(*b as u64);
            }
        }
        for axes in [&self.left, &self.right] {
            t.number(axes.len() as u64);
            axes.iter().for_each(|axis| {
                t.number(*axis as u64);
            });
        }
    }
}
