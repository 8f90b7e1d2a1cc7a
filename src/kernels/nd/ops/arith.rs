//! Arithmetic on whole and real numbers: integers wrap around and division by zero gives zero; floats follow IEEE 754.

use super::lane::{Loop, Outcome, Src, dest, floats, ints};
use crate::kernels::ops::Operand;
use crate::kernels::ops::arith::{self, Arith, Float, Integer};
use crate::nd::Elem;
use crate::op::nd::NdOp;

/// A loop of the frames' kernels, which divide by constants without dividing.
macro_rules! shared {
    ($elem:expr, $op:expr) => {{
        macro_rules! one {
            ($t:ty) => {{
                unsafe fn run(args: &[Src; 3], out: *mut u8, n: usize) -> Outcome {
                    // SAFETY: whoever calls a loop promises what `Src::read` and `dest` ask, for these types.
                    let (a, b, out) = unsafe {
                        (
                            args[0].read::<$t>(n),
                            args[1].read::<$t>(n),
                            dest::<$t>(out, n),
                        )
                    };
                    arith::integers($op, a, b, out);
                    Outcome::Done
                }
                Some(run as Loop)
            }};
        }
        match $elem {
            Elem::I8 => one!(i8),
            Elem::I16 => one!(i16),
            Elem::I32 => one!(i32),
            Elem::I64 => one!(i64),
            Elem::U8 => one!(u8),
            Elem::U16 => one!(u16),
            Elem::U32 => one!(u32),
            Elem::U64 => one!(u64),
            _ => None,
        }
    }};
}

/// Powers of whole numbers: negative exponents are refused before anything is computed.
macro_rules! powers {
    ($elem:expr) => {{
        macro_rules! one {
            ($t:ty) => {{
                unsafe fn run(args: &[Src; 3], out: *mut u8, n: usize) -> Outcome {
                    // SAFETY: as above.
                    let (a, b, out) = unsafe {
                        (
                            args[0].read::<$t>(n),
                            args[1].read::<$t>(n),
                            dest::<$t>(out, n),
                        )
                    };
                    #[allow(unused_comparisons, reason = "one macro for all integers")]
                    let negative = match b {
                        Operand::Rows(b) => b.iter().any(|b| *b < 0),
                        Operand::One(b) => b < 0,
                    };
                    if negative {
                        return Outcome::NegativePower;
                    }
                    arith::integers(Arith::Pow, a, b, out);
                    Outcome::Done
                }
                Some(run as Loop)
            }};
        }
        match $elem {
            Elem::I8 => one!(i8),
            Elem::I16 => one!(i16),
            Elem::I32 => one!(i32),
            Elem::I64 => one!(i64),
            Elem::U8 => one!(u8),
            Elem::U16 => one!(u16),
            Elem::U32 => one!(u32),
            Elem::U64 => one!(u64),
            _ => None,
        }
    }};
}

/// The sign of a number, as a number of its type.
trait Sign {
    fn sign(self) -> Self;
}

macro_rules! signs {
    ($($t:ty, $zero:expr, $one:expr;)*) => { $(
        impl Sign for $t {
            #[inline(always)]
            #[allow(unused_comparisons, clippy::neg_multiply, reason = "one macro for all numbers")]
            fn sign(self) -> Self {
                if self > $zero {
                    $one
                } else if self < $zero {
                    $zero - $one
                } else if self == $zero {
                    $zero
                } else {
                    self
                }
            }
        }
    )* };
}
signs! {
    i8, 0, 1; i16, 0, 1; i32, 0, 1; i64, 0, 1;
    f32, 0.0, 1.0; f64, 0.0, 1.0;
}
macro_rules! unsigned_signs {
    ($($t:ty)*) => { $(
        impl Sign for $t {
            #[inline(always)]
            fn sign(self) -> Self { Self::from(self != 0) }
        }
    )* };
}
unsigned_signs!(u8 u16 u32 u64);

/// The greatest common divisor and the least common multiple, computed without signs.
trait Divisors {
    fn gcd(self, other: Self) -> Self;
    fn lcm(self, other: Self) -> Self;
}

macro_rules! divisors {
    ($($t:ident $u:ident $magnitude:expr;)*) => { $(
        impl Divisors for $t {
            fn gcd(self, other: Self) -> Self {
                let magnitude: fn($t) -> $u = $magnitude;
                let (mut a, mut b) = (magnitude(self), magnitude(other));
                while a != 0 {
                    (a, b) = (b % a, a);
                }
                b as $t
            }
            fn lcm(self, other: Self) -> Self {
                let magnitude: fn($t) -> $u = $magnitude;
                let common = magnitude(self.gcd(other));
                if common == 0 {
                    return 0;
                }
                (magnitude(self) / common).wrapping_mul(magnitude(other)) as $t
            }
        }
    )* };
}
divisors! {
    i8 u8 i8::unsigned_abs; i16 u16 i16::unsigned_abs; i32 u32 i32::unsigned_abs; i64 u64 i64::unsigned_abs;
    u8 u8 |v| v; u16 u16 |v| v; u32 u32 |v| v; u64 u64 |v| v;
}

/// The loop of `op` for operands of type `elem`.
pub(super) fn lookup(op: NdOp, elem: Elem) -> Option<Loop> {
    match op {
        NdOp::Add => ints!(elem, binary(T), |a, b| a.wrapping_add(b))
            .or_else(|| floats!(elem, binary(T), |a, b| a + b)),
        NdOp::Subtract => ints!(elem, binary(T), |a, b| a.wrapping_sub(b))
            .or_else(|| floats!(elem, binary(T), |a, b| a - b)),
        NdOp::Multiply => ints!(elem, binary(T), |a, b| a.wrapping_mul(b))
            .or_else(|| floats!(elem, binary(T), |a, b| a * b)),
        NdOp::Divide => floats!(elem, binary(T), |a, b| a / b),
        NdOp::FloorDivide => {
            shared!(elem, Arith::FloorDiv).or_else(|| floats!(elem, plain2(T), |a, b| Float::floor_div(a, b)))
        }
        NdOp::Remainder => {
            shared!(elem, Arith::Mod).or_else(|| floats!(elem, plain2(T), |a, b| Float::floor_mod(a, b)))
        }
        NdOp::Fmod => ints!(elem, plain2(T), |a, b| if b == 0 { 0 } else { a.wrapping_rem(b) })
            .or_else(|| floats!(elem, plain2(T), |a, b| a % b)),
        NdOp::Power => powers!(elem),
        NdOp::Negative => {
            ints!(elem, unary(T), |a| a.wrapping_neg()).or_else(|| floats!(elem, unary(T), |a| -a))
        }
        NdOp::Absolute => {
            ints!(elem, unary(T), Integer::magnitude).or_else(|| floats!(elem, unary(T), |a| a.abs()))
        }
        NdOp::Sign => ints!(elem, unary(T), Sign::sign).or_else(|| floats!(elem, unary(T), Sign::sign)),
        NdOp::Gcd => ints!(elem, plain2(T), |a, b| Divisors::gcd(a, b)),
        NdOp::Lcm => ints!(elem, plain2(T), |a, b| Divisors::lcm(a, b)),
        NdOp::Maximum => ints!(elem, binary(T), |a, b| if a > b { a } else { b })
            .or_else(|| floats!(elem, binary(T), |a, b| if a > b || a.is_nan() { a } else { b })),
        NdOp::Minimum => ints!(elem, binary(T), |a, b| if a < b { a } else { b })
            .or_else(|| floats!(elem, binary(T), |a, b| if a < b || a.is_nan() { a } else { b })),
        NdOp::Fmax => floats!(elem, binary(T), |a, b| if a >= b || b.is_nan() { a } else { b }),
        NdOp::Fmin => floats!(elem, binary(T), |a, b| if a <= b || b.is_nan() { a } else { b }),
        _ => None,
    }
}
