//! Comparisons and tests of numbers, with answers of a byte, 0 or 1.

use super::lane::{Cx, Loop, binary, complexes, floats, ints};
use crate::nd::Elem;
use crate::op::nd::NdOp;

/// What ordering complex numbers asks of their parts.
pub trait Part: Copy + PartialOrd {
    /// Whether it is NaN.
    fn nan(self) -> bool;
}

impl Part for f32 {
    #[inline(always)]
    fn nan(self) -> bool {
        self.is_nan()
    }
}

impl Part for f64 {
    #[inline(always)]
    fn nan(self) -> bool {
        self.is_nan()
    }
}

impl<T: Part> Cx<T> {
    /// Whether a part is NaN.
    #[inline(always)]
    pub(super) fn nan(self) -> bool {
        self.re.nan() || self.im.nan()
    }

    /// By real parts, then by imaginary ones; nothing is in order with NaN.
    #[inline(always)]
    pub(super) fn above(self, other: Self, or_equal: bool) -> bool {
        (self.re > other.re && !self.im.nan() && !other.im.nan())
            || (self.re == other.re && (self.im > other.im || (or_equal && self.im == other.im)))
    }
}

/// The loop of `op` for operands of type `elem`.
pub(super) fn lookup(op: NdOp, elem: Elem) -> Option<Loop> {
    // Booleans are bytes.
    let elem = if elem == Elem::Bool { Elem::U8 } else { elem };
    macro_rules! compare {
        ($symbol:tt) => {
            ints!(elem, binary(u8), |a, b| u8::from(a $symbol b))
                .or_else(|| floats!(elem, binary(u8), |a, b| u8::from(a $symbol b)))
        };
    }
    match op {
        NdOp::Greater => {
            compare!(>).or_else(|| complexes!(elem, binary(u8), |a, b| u8::from(a.above(b, false))))
        }
        NdOp::GreaterEqual => {
            compare!(>=).or_else(|| complexes!(elem, binary(u8), |a, b| u8::from(a.above(b, true))))
        }
        NdOp::Less => {
            compare!(<).or_else(|| complexes!(elem, binary(u8), |a, b| u8::from(b.above(a, false))))
        }
        NdOp::LessEqual => {
            compare!(<=).or_else(|| complexes!(elem, binary(u8), |a, b| u8::from(b.above(a, true))))
        }
        NdOp::Equal => compare!(==).or_else(|| complexes!(elem, binary(u8), |a, b| u8::from(a == b))),
        NdOp::NotEqual => compare!(!=).or_else(|| complexes!(elem, binary(u8), |a, b| u8::from(a != b))),
        NdOp::Isnan => floats!(elem, unary(u8), |a| u8::from(a.is_nan()))
            .or_else(|| complexes!(elem, unary(u8), |a| u8::from(a.nan()))),
        NdOp::Isinf => floats!(elem, unary(u8), |a| u8::from(a.is_infinite())).or_else(|| {
            complexes!(elem, unary(u8), |a| u8::from(
                a.re.is_infinite() || a.im.is_infinite()
            ))
        }),
        NdOp::Isfinite => floats!(elem, unary(u8), |a| u8::from(a.is_finite())).or_else(|| {
            complexes!(elem, unary(u8), |a| u8::from(
                a.re.is_finite() && a.im.is_finite()
            ))
        }),
        NdOp::Signbit => floats!(elem, unary(u8), |a| u8::from(a.is_sign_negative())),
        _ => None,
    }
}

/// The loop of `op` for a signed against an unsigned 64-bit integer, or the other way round: exact.
pub(super) fn mixed(op: NdOp, signed_first: bool) -> Option<Loop> {
    macro_rules! exact {
        ($symbol:tt) => {
            if signed_first {
                // Below zero, the unsigned side is greater; else both compare as unsigned.
                binary!(i64, u64 => u8, |a, b| {
                    let below = a < 0;
                    u8::from(if below { -1i8 $symbol 0i8 } else { a.cast_unsigned() $symbol b })
                })
            } else {
                binary!(u64, i64 => u8, |a, b| {
                    let below = b < 0;
                    u8::from(if below { 0i8 $symbol -1i8 } else { a $symbol b.cast_unsigned() })
                })
            }
        };
    }
    match op {
        NdOp::Greater => exact!(>),
        NdOp::GreaterEqual => exact!(>=),
        NdOp::Less => exact!(<),
        NdOp::LessEqual => exact!(<=),
        NdOp::Equal => exact!(==),
        NdOp::NotEqual => exact!(!=),
        _ => None,
    }
}
