//! Elementwise loops over tiles of one element type each, found by operation and type.
//!
//! A loop knows nothing of shapes: operands are dense runs, or one element for all. Meanings are NumPy's on the same types.
//! Operations that are made of others (`round` to decimals, half floats, tests of integers) have no loop of their own: the
//! compiler of programs writes them out.

#![allow(
    clippy::redundant_closure,
    reason = "a closure takes its types from the macro that makes a loop of it"
)]

mod arith;
mod bits;
pub mod cast;
mod compare;
mod complex;
pub mod lane;
mod libm;
mod round;

use lane::{Cx, Loop, Outcome, Src, dest};

use super::math;
use crate::kernels::ops::select;
use crate::nd::Elem;
use crate::op::nd::NdOp;

/// The loop of `op` on arguments of these types.
#[must_use]
pub fn lookup(op: NdOp, args: &[Elem]) -> Option<Loop> {
    let elem = *args.first()?;
    match (op, args) {
        (NdOp::Where, [_, elem, _]) => return Some(choose(*elem)),
        (NdOp::Ldexp, [float, by]) => return round::ldexp_loop(*float, *by),
        (NdOp::MakeComplex, _) => return complex::pair(elem),
        (_, [Elem::I64, Elem::U64]) => return compare::mixed(op, true),
        (_, [Elem::U64, Elem::I64]) => return compare::mixed(op, false),
        _ => {}
    }
    if matches!(elem, Elem::C64 | Elem::C128) {
        return complex::lookup(op, elem).or_else(|| compare::lookup(op, elem));
    }
    arith::lookup(op, elem)
        .or_else(|| bits::lookup(op, elem))
        .or_else(|| compare::lookup(op, elem))
        .or_else(|| round::lookup(op, elem))
        .or_else(|| math::lookup(op, elem))
        .or_else(|| libm::lookup(op, elem))
}

/// The loop of `where`.
fn choose(elem: Elem) -> Loop {
    macro_rules! one {
        ($t:ty) => {{
            unsafe fn run(args: &[Src; 3], out: *mut u8, n: usize) -> Outcome {
                // SAFETY: whoever calls a loop promises what `Src::read` and `dest` ask, for these types.
                unsafe {
                    let (mask, a, b) = (
                        args[0].read::<u8>(n),
                        args[1].read::<$t>(n),
                        args[2].read::<$t>(n),
                    );
                    select(mask, a, b, dest::<$t>(out, n));
                }
                Outcome::Done
            }
            run
        }};
    }
    match elem {
        Elem::C64 => one!(Cx<f32>),
        Elem::C128 => one!(Cx<f64>),
        _ => match elem.itemsize() {
            1 => one!(u8),
            2 => one!(u16),
            4 => one!(u32),
            _ => one!(u64),
        },
    }
}

/// The loop that copies elements.
#[must_use]
pub fn copy(elem: Elem) -> Option<Loop> {
    match elem {
        Elem::C64 => lane::unary!(Cx<f32> => Cx<f32>, |a| a),
        Elem::C128 => lane::unary!(Cx<f64> => Cx<f64>, |a| a),
        _ => match elem.itemsize() {
            1 => lane::unary!(u8 => u8, |a| a),
            2 => lane::unary!(u16 => u16, |a| a),
            4 => lane::unary!(u32 => u32, |a| a),
            _ => lane::unary!(u64 => u64, |a| a),
        },
    }
}
