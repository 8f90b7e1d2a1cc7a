//! Numbers into other number types, as NumPy's `astype` does it on x86-64: integers wrap around; floats out of an
//! integer's range give what the processor's conversion gives, the smallest integer.

use super::{Element, Lane, Operand, Out, map1};

/// A conversion between machine types.
pub trait CastTo<R> {
    /// The converted value.
    fn cast_to(self) -> R;
}

macro_rules! plain {
    ($($a:ident => $($b:ident)*;)*) => { $( $(
        impl CastTo<$b> for $a {
            #[inline(always)]
            #[allow(clippy::cast_lossless, reason = "one macro for casts that lose and casts that don't")]
            fn cast_to(self) -> $b { self as $b }
        }
    )* )* };
}
plain! {
    i8 => i8 i16 i32 i64 u8 u16 u32 u64 f32 f64;
    i16 => i8 i16 i32 i64 u8 u16 u32 u64 f32 f64;
    i32 => i8 i16 i32 i64 u8 u16 u32 u64 f32 f64;
    i64 => i8 i16 i32 i64 u8 u16 u32 u64 f32 f64;
    u8 => i8 i16 i32 i64 u8 u16 u32 u64 f32 f64;
    u16 => i8 i16 i32 i64 u8 u16 u32 u64 f32 f64;
    u32 => i8 i16 i32 i64 u8 u16 u32 u64 f32 f64;
    u64 => i8 i16 i32 i64 u8 u16 u32 u64 f32 f64;
    f32 => f32 f64;
    f64 => f32 f64;
}

macro_rules! from_float {
    ($($a:ident)*) => { $(
        impl CastTo<i64> for $a {
            #[inline(always)]
            fn cast_to(self) -> i64 {
                // `as` holds at the top and makes zero of NaN; the processor makes the smallest integer of both.
                if self < 9_223_372_036_854_775_808.0 { self as i64 } else { i64::MIN }
            }
        }
        impl CastTo<i32> for $a {
            #[inline(always)]
            fn cast_to(self) -> i32 {
                if f64::from(self) < 2_147_483_648.0 { self as i32 } else { i32::MIN }
            }
        }
        impl CastTo<u64> for $a {
            #[inline(always)]
            fn cast_to(self) -> u64 {
                const TOP: $a = 9_223_372_036_854_775_808.0;
                if self < TOP {
                    CastTo::<i64>::cast_to(self).cast_unsigned()
                } else {
                    CastTo::<i64>::cast_to(self - TOP).cast_unsigned() ^ (1 << 63)
                }
            }
        }
        from_float!(@narrow $a, i64: u32);
        from_float!(@narrow $a, i32: i8 i16 u8 u16);
    )* };
    (@narrow $a:ident, $via:ident: $($b:ident)*) => { $(
        impl CastTo<$b> for $a {
            #[inline(always)]
            fn cast_to(self) -> $b { CastTo::<$via>::cast_to(self) as $b }
        }
    )* };
}
from_float!(f32 f64);

/// Casts `a` to the type of `out`.
pub fn cast<A: Element + CastTo<R>, R: Element>(a: Operand<'_, A>, out: Out<'_, R>) {
    map1(a, out, CastTo::cast_to);
}

/// Whether each value isn't zero; NaN isn't.
pub fn truth<A: Element>(a: Operand<'_, A>, out: Out<'_, u8>) {
    let zero = A::default();
    map1(a, out, |a| u8::from(a != zero));
}

/// One value of lane `from` as one of lane `to`.
#[must_use]
pub fn cast_word(from: Lane, to: Lane, bits: u64) -> u64 {
    crate::dispatch_lane!(from, A => {
        let value = A::from_word(bits);
        if to == Lane::Bool {
            return u64::from(value != A::default());
        }
        crate::dispatch_lane!(to, R => CastTo::<R>::cast_to(value).to_word())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_to_integers_as_numpy() {
        // numpy.array([...]).astype(...) of single values, asked of NumPy 2.4.
        let f = |value: f64, to: Lane| cast_word(Lane::F64, to, value.to_word());
        assert_eq!(f(1e20, Lane::I64), i64::MIN.to_word());
        assert_eq!(f(-1.7, Lane::I64), (-1i64).to_word());
        assert_eq!(f(1e10, Lane::I32), i32::MIN.to_word());
        assert_eq!(f(3e9, Lane::I32), i32::MIN.to_word());
        assert_eq!(f(70_000.0, Lane::I16), 4464);
        assert_eq!(f(256.0, Lane::U8), 0);
        assert_eq!(f(5e9, Lane::U32), 705_032_704);
        assert_eq!(f(1e19, Lane::U64), 10_000_000_000_000_000_000);
        assert_eq!(f(2e19, Lane::U64), 0);
        assert_eq!(f(1e30, Lane::I16), 0);
        assert_eq!(
            cast_word(Lane::F32, Lane::I8, 200f32.to_word()),
            (-56i8).to_word()
        );
        assert_eq!(
            cast_word(Lane::I64, Lane::F32, 16_777_217),
            16_777_216f32.to_word()
        );
        assert_eq!(f(f64::NAN, Lane::Bool), 1);
    }
}
