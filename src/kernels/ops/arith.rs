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
    #[must_use]
    fn floor_div(self, other: Self) -> Self;
    /// The remainder with the divisor's sign; zero for a zero divisor, as NumPy.
    #[must_use]
    fn floor_mod(self, other: Self) -> Self;
    /// By repeated squaring; the exponent isn't negative.
    #[must_use]
    fn power(self, exponent: Self) -> Self;
    /// How to divide by a constant without dividing, for types where that pays.
    fn divisor(by: Operand<'_, Self>) -> Option<Divisor>;
    /// Quotient and remainder by that constant, rounded down.
    fn divide(self, by: Divisor) -> (Self, Self);
    /// The magnitude; the smallest integer stays itself.
    #[must_use]
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
            #[allow(clippy::cast_lossless, reason = "one macro for all widths")]
            fn divisor(by: Operand<'_, Self>) -> Option<Divisor> {
                match by {
                    // 64-bit division is slow, and narrower types fit into its replacement.
                    Operand::One(by) if $signed && size_of::<$t>() >= 4 => Divisor::new(by as i64),
                    _ => None,
                }
            }
            #[inline(always)]
            #[allow(clippy::cast_lossless, reason = "one macro for all widths")]
            fn divide(self, by: Divisor) -> (Self, Self) {
                let (quotient, remainder) = by.floor(self as i64);
                (quotient as $t, remainder as $t)
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

/// A constant to divide 64-bit integers by: a multiplication that keeps the high half, and a shift.
#[derive(Clone, Copy, Debug)]
pub struct Divisor {
    by: i64,
    factor: u64,
    shift: u32,
}

impl Divisor {
    /// For constants from two up; others divide as they are.
    fn new(by: i64) -> Option<Self> {
        let wide = u128::try_from(by).ok().filter(|by| *by >= 2)?;
        // The smallest power of two from the constant on. The factor is 2^(63 + shift) / by, rounded up, which is below
        // 2^64, and its error is too small to show in a dividend of 63 bits.
        let shift = 64 - (by.cast_unsigned() - 1).leading_zeros();
        let factor = (1u128 << (63 + shift)).div_ceil(wide);
        Some(Self {
            by,
            factor: factor as u64,
            shift: shift - 1,
        })
    }

    /// Quotient rounded down, and remainder.
    #[inline(always)]
    fn floor(self, value: i64) -> (i64, i64) {
        // Below zero, dividing the complement rounds the right way: floor(x / d) = !((!x) / d).
        let sign = value >> 63;
        let magnitude = (value ^ sign).cast_unsigned();
        let high = ((u128::from(magnitude) * u128::from(self.factor)) >> 64) as u64;
        let quotient = (high >> self.shift).cast_signed() ^ sign;
        (quotient, value.wrapping_sub(quotient.wrapping_mul(self.by)))
    }
}

/// What arithmetic asks of floats.
pub trait Float: Element + num_traits::Float {
    /// NumPy's `//`.
    #[must_use]
    #[inline(always)]
    fn floor_div(self, other: Self) -> Self {
        if other == Self::zero() {
            return self / other;
        }
        let remainder = self % other;
        let mut quotient = (self - remainder) / other;
        if remainder != Self::zero() && ((other < Self::zero()) != (remainder < Self::zero())) {
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
    #[must_use]
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
        Arith::Div | Arith::FloorDiv => match T::divisor(b) {
            Some(divisor) => map1(a, out, |a| a.divide(divisor).0),
            None => map2(a, b, out, Integer::floor_div),
        },
        Arith::Mod => match T::divisor(b) {
            Some(divisor) => map1(a, out, |a| a.divide(divisor).1),
            None => map2(a, b, out, Integer::floor_mod),
        },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_by_constants_is_division() {
        let values = [
            i64::MIN,
            i64::MIN + 1,
            -1_000_000_007,
            -8,
            -7,
            -6,
            -1,
            0,
            1,
            6,
            7,
            8,
            999_999_999_999_999_999,
            i64::MAX - 1,
            i64::MAX,
        ];
        let divisors = [
            2,
            3,
            5,
            7,
            10,
            64,
            1000,
            641,
            1 << 32,
            (1 << 32) + 1,
            1 << 62,
            (1 << 62) + 1,
            i64::MAX - 1,
            i64::MAX,
        ];
        for by in divisors {
            let divisor = Divisor::new(by).unwrap();
            let near = [
                by - 1,
                by,
                by.wrapping_add(1),
                by.wrapping_mul(3),
                by.wrapping_mul(3) - 1,
                -by,
                -by - 1,
                1 - by,
            ];
            for value in values.into_iter().chain(near) {
                assert_eq!(
                    divisor.floor(value),
                    (value.div_euclid(by), value.rem_euclid(by)),
                    "{value} by {by}"
                );
            }
        }
        assert!(Divisor::new(1).is_none() && Divisor::new(0).is_none() && Divisor::new(-3).is_none());
    }

    proptest::proptest! {
        #[test]
        fn division_by_any_constant(value: i64, by in 2..i64::MAX) {
            let (quotient, remainder) = Divisor::new(by).unwrap().floor(value);
            proptest::prop_assert_eq!((quotient, remainder), (value.div_euclid(by), value.rem_euclid(by)));
        }

        #[test]
        fn floor_division_fits_the_remainder(a: i32, b: i32) {
            proptest::prop_assume!(b != 0 && !(a == i32::MIN && b == -1));
            let (quotient, remainder) = (Integer::floor_div(a, b), Integer::floor_mod(a, b));
            proptest::prop_assert_eq!(i64::from(quotient) * i64::from(b) + i64::from(remainder), i64::from(a));
            proptest::prop_assert!(remainder == 0 || (remainder < 0) == (b < 0));
        }
    }

    #[test]
    fn floats_divide_as_numpy() {
        // numpy.floor_divide and numpy.remainder, asked of NumPy 2.4.
        let inf = f64::INFINITY;
        for (a, b, quotient, remainder) in [
            (5.5, 2.0, 2.0, 1.5),
            (-5.5, 2.0, -3.0, 0.5),
            (1.0, inf, 0.0, 1.0),
            (-1.0, inf, -1.0, inf),
            (0.3, 0.1, 2.0, 0.099_999_999_999_999_98),
            (-6.0, 3.0, -2.0, 0.0),
            (1.0, -0.0, -inf, f64::NAN),
            (inf, 2.0, f64::NAN, f64::NAN),
        ] {
            let same = |x: f64, y: f64| x == y || (x.is_nan() && y.is_nan());
            assert!(same(Float::floor_div(a, b), quotient), "{a} // {b}");
            assert!(same(Float::floor_mod(a, b), remainder), "{a} % {b}");
        }
    }
}
