//! Comparisons of numbers; the answer is a byte of 0 or 1.

use std::cmp::Ordering;

use super::{Element, Operand, Out, map2};
use crate::op::scalar::ScalarOp;

/// Which comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Compare {
    /// From the operation, when it is one.
    #[must_use]
    pub fn of(op: &ScalarOp) -> Option<Self> {
        Some(match op {
            ScalarOp::Eq => Self::Eq,
            ScalarOp::Ne => Self::Ne,
            ScalarOp::Lt => Self::Lt,
            ScalarOp::Le => Self::Le,
            ScalarOp::Gt => Self::Gt,
            ScalarOp::Ge => Self::Ge,
            _ => return None,
        })
    }

    /// The comparison that says the same with its sides exchanged.
    #[must_use]
    pub fn mirrored(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            other => other,
        }
    }

    /// What it says of two things in this order.
    #[inline(always)]
    #[must_use]
    pub fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
        }
    }
}

/// `a op b`.
pub fn compare<T: Element>(op: Compare, a: Operand<'_, T>, b: Operand<'_, T>, out: Out<'_, u8>) {
    match op {
        Compare::Eq => map2(a, b, out, |a, b| u8::from(a == b)),
        Compare::Ne => map2(a, b, out, |a, b| u8::from(a != b)),
        Compare::Lt => map2(a, b, out, |a, b| u8::from(a < b)),
        Compare::Le => map2(a, b, out, |a, b| u8::from(a <= b)),
        Compare::Gt => map2(a, b, out, |a, b| u8::from(a > b)),
        Compare::Ge => map2(a, b, out, |a, b| u8::from(a >= b)),
    }
}

/// `a op b` where `a` is signed and `b` is not, exactly.
pub fn signs(op: Compare, a: Operand<'_, i64>, b: Operand<'_, u64>, out: Out<'_, u8>) {
    map2(a, b, out, |a, b| {
        u8::from(op.holds(i128::from(a).cmp(&i128::from(b))))
    });
}

/// `a op b` on ticks of different units, exactly.
pub fn scaled(op: Compare, a: Operand<'_, i64>, b: Operand<'_, i64>, factors: (i64, i64), out: Out<'_, u8>) {
    let (i, j) = (i128::from(factors.0), i128::from(factors.1));
    map2(a, b, out, |a, b| {
        u8::from(op.holds((i128::from(a) * i).cmp(&(i128::from(b) * j))))
    });
}
