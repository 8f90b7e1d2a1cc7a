//! Transcendental functions over tiles, without branches, so that the compiler vectorises them, and compiled for several
//! instruction sets of which the best is chosen at run time.
//!
//! Covers the functions that NumPy vectorises and scripts use most; errors stay about one unit in the last place. Arguments
//! outside a kernel's range (huge, infinite, NaN, subnormal) go to the system's library, element by element. Single floats
//! are computed with as doubles and are right but for ties that lie too close. Invariant: the value of an element doesn't
//! depend on its neighbours.

mod exp;
mod log;
#[cfg(test)]
mod tests;
mod trig;

use std::mem::MaybeUninit;

use crate::kernels::nd::ops::lane::{Loop, Outcome, Src, dest};
use crate::kernels::ops::Operand;
use crate::nd::Elem;
use crate::op::nd::NdOp;

/// A function without branches. `F`: fused multiply-add is an instruction.
trait Kernel {
    /// Whether it needs that instruction to be as exact as it should be.
    const FUSED_ONLY: bool = false;
    /// The function, for arguments that fit.
    fn fast<const F: bool>(x: f64) -> f64;
    /// The function, exact enough to be rounded to single floats.
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        Self::fast::<F>(x)
    }
    /// Whether `fast` is right for the argument.
    fn fits(x: f64) -> bool;
    /// The function for all arguments.
    fn slow(x: f64) -> f64;
    /// The same for single floats.
    fn slow_single(x: f32) -> f32;
}

/// `a * b + c`, rounded once when there is an instruction for it.
#[inline(always)]
fn fma<const F: bool>(a: f64, b: f64, c: f64) -> f64 {
    if F { a.mul_add(b, c) } else { a * b + c }
}

/// A polynomial, the coefficient of the highest power first.
#[inline(always)]
fn horner<const F: bool, const N: usize>(x: f64, coefficients: [f64; N]) -> f64 {
    let mut value = coefficients[0];
    for coefficient in &coefficients[1..] {
        value = fma::<F>(value, x, *coefficient);
    }
    value
}

/// A sum and what rounding took from it.
#[inline(always)]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let other = sum - a;
    (sum, (a - (sum - other)) + (b - other))
}

/// Floats that kernels are run on.
trait Real: Copy {
    fn wide(self) -> f64;
    fn fast<K: Kernel, const F: bool>(self) -> Self;
    fn slow<K: Kernel>(self) -> Self;
}

impl Real for f64 {
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
    #[inline(always)]
    fn fast<K: Kernel, const F: bool>(self) -> Self {
        K::fast::<F>(self)
    }
    fn slow<K: Kernel>(self) -> Self {
        K::slow(self)
    }
}

impl Real for f32 {
    #[inline(always)]
    fn wide(self) -> f64 {
        self.into()
    }
    #[inline(always)]
    fn fast<K: Kernel, const F: bool>(self) -> Self {
        K::single::<F>(self.into()) as Self
    }
    fn slow<K: Kernel>(self) -> Self {
        K::slow_single(self)
    }
}

#[inline(always)]
fn body<T: Real, K: Kernel, const F: bool>(x: &[T], out: &mut [MaybeUninit<T>]) {
    let mut fit = true;
    for x in x {
        fit &= K::fits(x.wide());
    }
    for (slot, x) in out.iter_mut().zip(x) {
        slot.write(x.fast::<K, F>());
    }
    if !fit {
        for (slot, x) in out.iter_mut().zip(x) {
            if !K::fits(x.wide()) {
                slot.write(x.slow::<K>());
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn with_avx512<T: Real, K: Kernel>(x: &[T], out: &mut [MaybeUninit<T>]) {
    body::<T, K, true>(x, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<T: Real, K: Kernel>(x: &[T], out: &mut [MaybeUninit<T>]) {
    body::<T, K, true>(x, out);
}

fn map<T: Real, K: Kernel>(x: &[T], out: &mut [MaybeUninit<T>]) {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("fma") {
            if crate::kernels::ops::has_avx512() {
                // SAFETY: the features that `with_avx512` names are there.
                return unsafe { with_avx512::<T, K>(x, out) };
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: AVX2 and FMA are there.
                return unsafe { with_avx2::<T, K>(x, out) };
            }
        }
    }
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
        body::<T, K, true>(x, out);
    } else if K::FUSED_ONLY {
        for (slot, x) in out.iter_mut().zip(x) {
            slot.write(x.slow::<K>());
        }
    } else {
        body::<T, K, false>(x, out);
    }
}

unsafe fn run<T: Real, K: Kernel>(args: &[Src; 3], out: *mut u8, n: usize) -> Outcome {
    // SAFETY: whoever calls a loop promises what `Src::read` and `dest` ask, for these types.
    let (x, out) = unsafe { (args[0].read::<T>(n), dest::<T>(out, n)) };
    match x {
        Operand::Rows(x) => map::<T, K>(x, out),
        Operand::One(x) => {
            let mut one = [MaybeUninit::uninit()];
            map::<T, K>(&[x], &mut one);
            out.fill(one[0]);
        }
    }
    Outcome::Done
}

fn loops<K: Kernel>(elem: Elem) -> Option<Loop> {
    match elem {
        Elem::F32 => Some(run::<f32, K>),
        Elem::F64 => Some(run::<f64, K>),
        _ => None,
    }
}

/// The loop of `op` for operands of type `elem`.
#[must_use]
pub fn lookup(op: NdOp, elem: Elem) -> Option<Loop> {
    match op {
        NdOp::Sin => loops::<trig::Sin>(elem),
        NdOp::Cos => loops::<trig::Cos>(elem),
        NdOp::Tan => loops::<trig::Tan>(elem),
        NdOp::Exp => loops::<exp::Exp>(elem),
        NdOp::Exp2 => loops::<exp::Exp2>(elem),
        NdOp::Expm1 => loops::<exp::Expm1>(elem),
        NdOp::Tanh => loops::<exp::Tanh>(elem),
        NdOp::Log => loops::<log::Log>(elem),
        NdOp::Log1p => loops::<log::Log1p>(elem),
        NdOp::Log2 => loops::<log::Log2>(elem),
        NdOp::Log10 => loops::<log::Log10>(elem),
        _ => None,
    }
}
