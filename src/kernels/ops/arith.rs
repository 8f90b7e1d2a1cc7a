//! Arithmetic as NumPy does it: integers wrap around, division rounds down and the remainder has the divisor's sign,
//! floats follow IEEE 754.

use num_traits::{WrappingAdd, WrappingMul, WrappingNeg, WrappingSub};

use super::{Element, Operand, Out, map1, map2};

/// An operation on two numbers of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Arith {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
    And,
    Or,
    Xor,
}

/// An operation on one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Unary {
    Neg,
    Abs,
    Not,
}

/// What arithmetic asks of integers.
pub trait Integer: Element + WrappingAdd + WrappingSub + WrappingMul + WrappingNeg {
    /// Rounds down; zero for a zero divisor, as NumPy.
    fn floor_div(self, other: Self) -> Self;
    /// The remainder with the divisor's sign; zero for a zero divisor, as NumPy.
    fn floor_mod(self, other: Self) -> Self;
    /// By repeated squaring; the exponent isn't negative.
    fn power(self, exponent: Self) -> Self;
    /// The magnitude; the smallest integer stays itself.
    fn magnitude(self) -> Self;
}

macro_rules! integers {
    ($($t:ident, $signed:expr;)*) => { $(
        impl Integer for $t {
            #[inline(always)]
            fn floor_div(self, other: Self) -> Self {
                if other == 0 {
                    return 0;
                }
                let quotient = self.wrapping_div(other);
                // Division rounds towards zero; one less where signs differ and something is left over.
                #[allow(unused_comparisons)]
                if $signed && self.wrapping_rem(other) != 0 && ((self < 0) != (other < 0)) {
                    quotient - 1
                } else {
                    quotient
                }
            }
            #[inline(always)]
            fn floor_mod(self, other: Self) -> Self {
                if other == 0 {
                    return 0;
                }
                let remainder = self.wrapping_rem(other);
                #[allow(unused_comparisons)]
                if $signed && remainder != 0 && ((remainder < 0) != (other < 0)) {
                    remainder + other
                } else {
                    remainder
                }
            }
            #[inline(always)]
            fn power(self, exponent: Self) -> Self {
                let (mut base, mut left, mut result) = (self, exponent, 1 as $t);
                while left > 0 {
                    if left & 1 == 1 {
                        result = result.wrapping_mul(base);
                    }
                    base = base.wrapping_mul(base);
                    left >>= 1;
                }
                result
            }
            #[inline(always)]
            fn magnitude(self) -> Self {
                #[allow(unused_comparisons)]
                if self < 0 { self.wrapping_neg() } else { self }
            }
        }
    )* };
}
integers! {
    i8, true; i16, true; i32, true; i64, true;
    u8, false; u16, false; u32, false; u64, false;
}

/// What arithmetic asks of floats.
pub trait Float: Element + num_traits::Float {
    /// NumPy's `//`.
    #[inline(always)]
    fn floor_div(self, other: Self) -> Self {
        if other == Self::zero() {
            return self / other;
        }
        let mut remainder = self % other;
        let mut quotient = (self - remainder) / other;
        if remainder != Self::zero() && ((other < Self::zero()) != (remainder < Self::zero())) {
            remainder = remainder + other;
            quotient = quotient - Self::one();
        }
        if quotient == Self::zero() {
            return Self::zero().copysign(self / other);
        }
        let floor = quotient.floor();
        let half = Self::one() / (Self::one() + Self::one());
        if quotient - floor > half {
            floor + Self::one()
        } else {
            floor
        }
    }

    /// NumPy's `%`.
    #[inline(always)]
    fn floor_mod(self, other: Self) -> Self {
        let remainder = self % other;
        if other == Self::zero() {
            return remainder;
        }
        if remainder == Self::zero() {
            return Self::zero().copysign(other);
        }
        if (other < Self::zero()) == (remainder < Self::zero()) {
            remainder
        } else {
            remainder + other
        }
    }
}
impl Float for f32 {}
impl Float for f64 {}

/// `a op b` on integers.
pub fn integers<
    T: Integer + std::ops::BitAnd<Output = T> + std::ops::BitOr<Output = T> + std::ops::BitXor<Output = T>,
>(
    op: Arith,
    a: Operand<'_, T>,
    b: Operand<'_, T>,
    out: Out<'_, T>,
) {
    match op {
        Arith::Add => map2(a, b, out, |a, b| a.wrapping_add(&b)),
        Arith::Sub => map2(a, b, out, |a, b| a.wrapping_sub(&b)),
        Arith::Mul => map2(a, b, out, |a, b| a.wrapping_mul(&b)),
        Arith::Div | Arith::FloorDiv => map2(a, b, out, Integer::floor_div),
        Arith::Mod => map2(a, b, out, Integer::floor_mod),
        Arith::Pow => map2(a, b, out, Integer::power),
        Arith::And => map2(a, b, out, |a, b| a & b),
        Arith::Or => map2(a, b, out, |a, b| a | b),
        Arith::Xor => map2(a, b, out, |a, b| a ^ b),
    }
}

/// `a op b` on floats; bitwise operations don't reach here.
pub fn floats<T: Float>(op: Arith, a: Operand<'_, T>, b: Operand<'_, T>, out: Out<'_, T>) {
    match op {
        Arith::Add => map2(a, b, out, |a, b| a + b),
        Arith::Sub => map2(a, b, out, |a, b| a - b),
        Arith::Mul => map2(a, b, out, |a, b| a * b),
        Arith::Div => map2(a, b, out, |a, b| a / b),
        Arith::FloorDiv => map2(a, b, out, Float::floor_div),
        Arith::Mod => map2(a, b, out, Float::floor_mod),
        Arith::And | Arith::Or | Arith::Xor => map1(a, out, |_| T::nan()),
        Arith::Pow => {
            // NumPy has shortcuts for these exponents, with results of their own at the edges.
            let two = T::one() + T::one();
            match b {
                Operand::One(b) if b == two => map1(a, out, |a| a * a),
                Operand::One(b) if b == T::one() => map1(a, out, |a| a),
                Operand::One(b) if b == T::one() / two => map1(a, out, num_traits::Float::sqrt),
                Operand::One(b) if b == -T::one() => map1(a, out, |a| T::one() / a),
                b => map2(a, b, out, num_traits::Float::powf),
            }
        }
    }
}

/// `op a` on signed and unsigned integers.
pub fn integer<T: Integer + std::ops::Not<Output = T>>(op: Unary, a: Operand<'_, T>, out: Out<'_, T>) {
    match op {
        Unary::Neg => map1(a, out, |a| a.wrapping_neg()),
        Unary::Abs => map1(a, out, Integer::magnitude),
        Unary::Not => map1(a, out, |a| !a),
    }
}

/// `op a` on floats.
pub fn float<T: Float>(op: Unary, a: Operand<'_, T>, out: Out<'_, T>) {
    match op {
        Unary::Neg | Unary::Not => map1(a, out, |a: T| -a),
        Unary::Abs => map1(a, out, num_traits::Float::abs),
    }
}

/// `round(a, decimals)` on floats, half to even; `factor` is ten to the power of the decimals' magnitude.
pub fn round<T: Float + RoundHalfEven>(a: Operand<'_, T>, factor: T, decimals: i32, out: Out<'_, T>) {
    match decimals.cmp(&0) {
        std::cmp::Ordering::Equal => map1(a, out, T::half_even),
        std::cmp::Ordering::Greater => map1(a, out, |a| (a * factor).half_even() / factor),
        std::cmp::Ordering::Less => map1(a, out, |a| (a / factor).half_even() * factor),
    }
}

/// Rounding half to even, which `num_traits` doesn't know.
pub trait RoundHalfEven {
    /// The nearest whole number, the even one of two.
    #[must_use]
    fn half_even(self) -> Self;
}

impl RoundHalfEven for f32 {
    #[inline(always)]
    fn half_even(self) -> Self {
        self.round_ties_even()
    }
}

impl RoundHalfEven for f64 {
    #[inline(always)]
    fn half_even(self) -> Self {
        self.round_ties_even()
    }
}
