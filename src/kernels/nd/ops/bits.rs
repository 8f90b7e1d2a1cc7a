//! Bits of whole numbers and booleans.

use super::lane::{Loop, ints, unary};
use crate::nd::Elem;
use crate::op::nd::NdOp;

/// Shifts by any distance, as NumPy defines them.
trait Shift {
    fn left(self, by: Self) -> Self;
    fn right(self, by: Self) -> Self;
    fn ones(self) -> u8;
}

macro_rules! shifts {
    ($($t:ident $all:expr, $magnitude:expr;)*) => { $(
        impl Shift for $t {
            #[inline(always)]
            fn left(self, by: Self) -> Self {
                // Negative distances are huge ones.
                if (by as u64) < u64::from($t::BITS) { self.wrapping_shl(by as u32) } else { 0 }
            }
            #[inline(always)]
            fn right(self, by: Self) -> Self {
                let all: fn($t) -> $t = $all;
                if (by as u64) < u64::from($t::BITS) { self.wrapping_shr(by as u32) } else { all(self) }
            }
            #[inline(always)]
            fn ones(self) -> u8 {
                $magnitude(self).count_ones() as u8
            }
        }
    )* };
}
shifts! {
    i8 |v| if v < 0 { -1 } else { 0 }, i8::unsigned_abs;
    i16 |v| if v < 0 { -1 } else { 0 }, i16::unsigned_abs;
    i32 |v| if v < 0 { -1 } else { 0 }, i32::unsigned_abs;
    i64 |v| if v < 0 { -1 } else { 0 }, i64::unsigned_abs;
    u8 |_| 0, std::convert::identity::<u8>;
    u16 |_| 0, std::convert::identity::<u16>;
    u32 |_| 0, std::convert::identity::<u32>;
    u64 |_| 0, std::convert::identity::<u64>;
}

/// The loop of `op` for operands of type `elem`.
pub(super) fn lookup(op: NdOp, elem: Elem) -> Option<Loop> {
    // Signs don't matter to bits, and booleans are bytes of 0 and 1.
    let plain = match elem {
        Elem::I8 | Elem::Bool => Elem::U8,
        Elem::I16 => Elem::U16,
        Elem::I32 => Elem::U32,
        Elem::I64 => Elem::U64,
        other => other,
    };
    match op {
        NdOp::BitwiseAnd => ints!(plain, binary(T), |a, b| a & b),
        NdOp::BitwiseOr => ints!(plain, binary(T), |a, b| a | b),
        NdOp::BitwiseXor => ints!(plain, binary(T), |a, b| a ^ b),
        NdOp::Invert if elem == Elem::Bool => unary!(u8 => u8, |a| a ^ 1),
        NdOp::Invert => ints!(plain, unary(T), |a| !a),
        NdOp::LeftShift => ints!(elem, binary(T), Shift::left),
        NdOp::RightShift => ints!(elem, binary(T), Shift::right),
        NdOp::BitwiseCount => ints!(elem, unary(u8), Shift::ones),
        _ => None,
    }
}
