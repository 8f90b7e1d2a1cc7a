//! Values of one type as another, as `ndarray.astype` converts them. Conversions that lead over a third type
//! (`steps`) are written so by whoever compiles a program.

use std::mem::MaybeUninit;

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::lane::{Cx, Loop, Outcome, Src, dest, unary};
use crate::kernels::ops::Operand;
use crate::kernels::ops::cast::CastTo;
use crate::nd::Elem;

/// The type to go over from `from` to `to`, when there is no direct loop.
#[must_use]
pub fn over(from: Elem, to: Elem) -> Option<Elem> {
    use Elem as E;
    match (from, to) {
        (a, b) if a == b => None,
        (E::C64, E::C128) | (E::C128, E::C64) | (E::C64 | E::C128, E::Bool) => None,
        (E::C64, E::F32) | (E::C128, E::F64) | (E::F32, E::C64) | (E::F64, E::C128) => None,
        (E::C64, _) => Some(E::F32),
        (E::C128, _) => Some(E::F64),
        (_, E::C64) => Some(E::F32),
        (_, E::C128) => Some(E::F64),
        (E::F16, E::F32) | (E::F32 | E::F64, E::F16) => None,
        (E::F16, _) | (_, E::F16) => Some(E::F32),
        _ => None,
    }
}

/// The loop from `from` to `to`; `None` where [`over`] names a type between, or nothing is to be done.
#[must_use]
pub fn lookup(from: Elem, to: Elem) -> Option<Loop> {
    use Elem as E;
    if from == to {
        return None;
    }
    match (from, to) {
        (E::C64, E::C128) => unary!(Cx<f32> => Cx<f64>, |a| Cx { re: f64::from(a.re), im: f64::from(a.im) }),
        (E::C128, E::C64) => unary!(Cx<f64> => Cx<f32>, |a| Cx { re: a.re as f32, im: a.im as f32 }),
        (E::C64, E::Bool) => unary!(Cx<f32> => u8, |a| u8::from(a.re != 0.0 || a.im != 0.0)),
        (E::C128, E::Bool) => unary!(Cx<f64> => u8, |a| u8::from(a.re != 0.0 || a.im != 0.0)),
        (E::C64, E::F32) => unary!(Cx<f32> => f32, |a| a.re),
        (E::C128, E::F64) => unary!(Cx<f64> => f64, |a| a.re),
        (E::F32, E::C64) => unary!(f32 => Cx<f32>, |re| Cx { re, im: 0.0 }),
        (E::F64, E::C128) => unary!(f64 => Cx<f64>, |re| Cx { re, im: 0.0 }),
        (E::F16, E::F32) => Some(widen_half),
        (E::F32, E::F16) => Some(narrow_to_half),
        (E::F64, E::F16) => unary!(f64 => f16, f16::from_f64),
        (E::F16 | E::C64 | E::C128, _) | (_, E::F16 | E::C64 | E::C128) => None,
        (_, E::Bool) => truth(from),
        _ => plain(from, to),
    }
}

fn truth(from: Elem) -> Option<Loop> {
    macro_rules! one {
        ($t:ty) => {
            unary!($t => u8, |a| u8::from(a != <$t>::default()))
        };
    }
    match from {
        Elem::I8 | Elem::U8 => one!(u8),
        Elem::I16 | Elem::U16 => one!(u16),
        Elem::I32 | Elem::U32 => one!(u32),
        Elem::I64 | Elem::U64 => one!(u64),
        Elem::F32 => one!(f32),
        Elem::F64 => one!(f64),
        _ => None,
    }
}

fn plain(from: Elem, to: Elem) -> Option<Loop> {
    macro_rules! into {
        ($a:ty) => {
            match to {
                Elem::I8 => unary!($a => i8, |a| CastTo::<i8>::cast_to(a)),
                Elem::I16 => unary!($a => i16, |a| CastTo::<i16>::cast_to(a)),
                Elem::I32 => unary!($a => i32, |a| CastTo::<i32>::cast_to(a)),
                Elem::I64 => unary!($a => i64, |a| CastTo::<i64>::cast_to(a)),
                Elem::U8 => unary!($a => u8, |a| CastTo::<u8>::cast_to(a)),
                Elem::U16 => unary!($a => u16, |a| CastTo::<u16>::cast_to(a)),
                Elem::U32 => unary!($a => u32, |a| CastTo::<u32>::cast_to(a)),
                Elem::U64 => unary!($a => u64, |a| CastTo::<u64>::cast_to(a)),
                Elem::F32 => unary!($a => f32, |a| CastTo::<f32>::cast_to(a)),
                Elem::F64 => unary!($a => f64, |a| CastTo::<f64>::cast_to(a)),
                _ => None,
            }
        };
    }
    // What has as many bits is the same bits.
    let to_integer = !matches!(to, Elem::F32 | Elem::F64);
    match from {
        Elem::Bool | Elem::U8 => into!(u8),
        Elem::I8 if to_integer && to.itemsize() == 1 => into!(u8),
        Elem::I8 => into!(i8),
        Elem::I16 => into!(i16),
        Elem::I32 => into!(i32),
        Elem::I64 => into!(i64),
        Elem::U16 => into!(u16),
        Elem::U32 => into!(u32),
        Elem::U64 => into!(u64),
        Elem::F32 => into!(f32),
        Elem::F64 => into!(f64),
        _ => None,
    }
}

unsafe fn widen_half(args: &[Src; 3], out: *mut u8, n: usize) -> Outcome {
    // SAFETY: whoever calls a loop promises what `Src::read` and `dest` ask, for these types.
    let (a, out) = unsafe { (args[0].read::<f16>(n), dest::<f32>(out, n)) };
    match a {
        Operand::One(a) => out.fill(MaybeUninit::new(a.to_f32())),
        Operand::Rows(a) => {
            out.fill(MaybeUninit::new(0.0));
            // SAFETY: every element was written just now.
            a.convert_to_f32_slice(unsafe { &mut *(std::ptr::from_mut(out) as *mut [f32]) });
        }
    }
    Outcome::Done
}

unsafe fn narrow_to_half(args: &[Src; 3], out: *mut u8, n: usize) -> Outcome {
    // SAFETY: as above.
    let (a, out) = unsafe { (args[0].read::<f32>(n), dest::<f16>(out, n)) };
    match a {
        Operand::One(a) => out.fill(MaybeUninit::new(f16::from_f32(a))),
        Operand::Rows(a) => {
            out.fill(MaybeUninit::new(f16::ZERO));
            // SAFETY: every element was written just now.
            unsafe { &mut *(std::ptr::from_mut(out) as *mut [f16]) }.convert_from_f32_slice(a);
        }
    }
    Outcome::Done
}
