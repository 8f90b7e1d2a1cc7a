//! Rounding and the parts of floats: signs, mantissas, neighbours.

#![allow(clippy::verbose_bit_mask, reason = "masks are the fields of a half float")]

use half::f16;

use super::lane::{Loop, floats, plain1, plain2};
use crate::nd::Elem;
use crate::op::nd::NdOp;

/// A float taken apart.
pub(super) trait Parts: Copy {
    /// The next value from `self` towards `to`.
    fn next(self, to: Self) -> Self;
    /// The distance to the next value away from zero, with the sign of `self`.
    fn spacing(self) -> Self;
    /// Mantissa in [0.5, 1) and exponent.
    fn split(self) -> (Self, i32);
    /// `self * 2^by`, rounded once.
    fn scale(self, by: i32) -> Self;
}

unsafe extern "C" {
    safe fn ldexp(value: f64, by: i32) -> f64;
    safe fn ldexpf(value: f32, by: i32) -> f32;
}

macro_rules! parts {
    ($($t:ident $least:expr, $mantissa:expr, $bias:expr, $ldexp:ident;)*) => { $(
        impl Parts for $t {
            fn next(self, to: Self) -> Self {
                if self.is_nan() || to.is_nan() {
                    return self + to;
                }
                if self == to {
                    // Zeros of both signs: that of `to`.
                    return to;
                }
                if self == 0.0 {
                    return $t::from_bits($least).copysign(to);
                }
                let bits = self.to_bits();
                $t::from_bits(if (self < to) == (self > 0.0) { bits + 1 } else { bits - 1 })
            }

            fn spacing(self) -> Self {
                if !self.is_finite() {
                    return $t::NAN;
                }
                if self == 0.0 {
                    return $t::from_bits($least);
                }
                $t::from_bits(self.to_bits() + 1) - self
            }

            fn split(self) -> (Self, i32) {
                if self == 0.0 || !self.is_finite() {
                    return (self, 0);
                }
                // Subnormals are scaled into the normal range first.
                let lift = if self.abs() < $t::MIN_POSITIVE { $mantissa + 2 } else { 0 };
                let scaled = if lift > 0 { $ldexp(self, lift) } else { self };
                let bits = scaled.to_bits();
                let exponent = ((bits >> $mantissa) & (2 * $bias + 1)) as i32;
                let rest = bits & !((2 * $bias + 1) << $mantissa);
                ($t::from_bits(rest | (($bias - 1) << $mantissa)), exponent - ($bias as i32 - 1) - lift)
            }

            fn scale(self, by: i32) -> Self {
                $ldexp(self, by)
            }
        }
    )* };
}
parts! {
    f32 1, 23, 127, ldexpf;
    f64 1, 52, 1023, ldexp;
}

fn next_half(from: f16, to: f16) -> f16 {
    if from.is_nan() || to.is_nan() {
        return f16::NAN;
    }
    if from == to {
        return from;
    }
    let bits = from.to_bits();
    if bits & 0x7fff == 0 {
        return f16::from_bits((to.to_bits() & 0x8000) | 1);
    }
    f16::from_bits(if (from < to) == (bits & 0x8000 == 0) {
        bits + 1
    } else {
        bits - 1
    })
}

/// NumPy's spacing of half floats: never negative, and at powers of two below zero that of the next binade down.
fn spacing_half(of: f16) -> f16 {
    let bits = of.to_bits();
    let exponent = bits & 0x7c00;
    f16::from_bits(if exponent == 0x7c00 {
        return f16::NAN;
    } else if bits == 0x7bff {
        0x7c00
    } else if bits & 0x8000 != 0 && bits & 0x03ff == 0 {
        match exponent {
            0x2c01.. => exponent - 0x2c00,
            0x0401.. => 1 << ((exponent >> 10) - 2),
            _ => 1,
        }
    } else {
        match exponent {
            0x2801.. => exponent - 0x2800,
            0x0401.. => 1 << ((exponent >> 10) - 1),
            _ => 1,
        }
    })
}

/// The loop of `op` for operands of type `elem`.
pub(super) fn lookup(op: NdOp, elem: Elem) -> Option<Loop> {
    match (op, elem) {
        (NdOp::Nextafter, Elem::F16) => plain2!(f16, f16 => f16, next_half),
        (NdOp::Spacing, Elem::F16) => plain1!(f16 => f16, spacing_half),
        (NdOp::Rint, _) => floats!(elem, unary(T), |a| a.round_ties_even()),
        (NdOp::Floor, _) => floats!(elem, unary(T), |a| a.floor()),
        (NdOp::Ceil, _) => floats!(elem, unary(T), |a| a.ceil()),
        (NdOp::Trunc, _) => floats!(elem, unary(T), |a| a.trunc()),
        (NdOp::ModfInt, _) => floats!(elem, unary(T), |a| a.trunc()),
        (NdOp::ModfFrac, _) => floats!(elem, unary(T), |a| {
            let rest = if a.is_infinite() { 0.0 } else { a - a.trunc() };
            if a.is_nan() { a } else { rest.copysign(a) }
        }),
        (NdOp::Copysign, _) => floats!(elem, binary(T), |a, b| a.copysign(b)),
        (NdOp::Nextafter, _) => floats!(elem, plain2(T), |a, b| Parts::next(a, b)),
        (NdOp::Spacing, _) => floats!(elem, plain1(T), |a| Parts::spacing(a)),
        (NdOp::FrexpMantissa, _) => floats!(elem, plain1(T), |a| Parts::split(a).0),
        (NdOp::FrexpExponent, _) => floats!(elem, plain1(i32), |a| Parts::split(a).1),
        (NdOp::Heaviside, _) => floats!(elem, binary(T), |a, b| {
            if a.is_nan() {
                a
            } else if a == 0.0 {
                b
            } else if a < 0.0 {
                0.0
            } else {
                1.0
            }
        }),
        (NdOp::Sqrt, _) => floats!(elem, unary(T), |a| a.sqrt()),
        _ => None,
    }
}

/// The loop that scales a float by powers of two of this integer type.
pub(super) fn ldexp_loop(float: Elem, by: Elem) -> Option<Loop> {
    match (float, by) {
        (Elem::F32, Elem::I32) => plain2!(f32, i32 => f32, |a, b| Parts::scale(a, b)),
        (Elem::F64, Elem::I32) => plain2!(f64, i32 => f64, |a, b| Parts::scale(a, b)),
        (Elem::F32, Elem::I64) => plain2!(f32, i64 => f32, |a, b| Parts::scale(a, narrow(b))),
        (Elem::F64, Elem::I64) => plain2!(f64, i64 => f64, |a, b| Parts::scale(a, narrow(b))),
        _ => None,
    }
}

/// Beyond 32 bits every power of two is none or all.
fn narrow(by: i64) -> i32 {
    by.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}
