//! Transcendental functions over tiles, without branches, so that the compiler vectorises them, and compiled for several
//! instruction sets of which the best is chosen at run time.
//!
//! Covers the functions that NumPy vectorises and scripts use most; errors stay about one unit in the last place. Arguments
//! outside a kernel's range (huge, infinite, NaN, subnormal) go to the system's library, element by element. Single floats
//! are computed with as doubles and are right but for ties that lie too close. Invariant: the value of an element doesn't
//! depend on its neighbours.

mod exp;
mod hyperbolic;
mod inverse;
mod log;
mod power;
#[cfg(test)]
mod tests;
mod trig;

use std::marker::PhantomData;
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

/// A function of two arguments without branches, where fused multiply-add is an instruction.
trait Pair {
    /// The function, for arguments that fit.
    fn fast(x: f64, y: f64) -> f64;
    /// The function, exact enough to be rounded to single floats.
    #[inline(always)]
    fn single(x: f64, y: f64) -> f64 {
        Self::fast(x, y)
    }
    /// Whether `fast` is right for the arguments.
    fn fits(x: f64, y: f64) -> bool;
    /// The function for all arguments.
    fn slow(x: f64, y: f64) -> f64;
    /// The same for single floats.
    fn slow_single(x: f32, y: f32) -> f32;
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

/// The same where `a` isn't the smaller one.
#[inline(always)]
fn quick_two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b - (sum - a))
}

/// A product and what rounding took from it, by the instruction for it.
#[inline(always)]
fn two_product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    (product, a.mul_add(b, -product))
}

/// Floats that kernels are run on.
trait Real: Copy {
    fn wide(self) -> f64;
    fn fast<K: Kernel, const F: bool>(self) -> Self;
    fn slow<K: Kernel>(self) -> Self;
    fn fast_pair<K: Pair>(self, other: Self) -> Self;
    fn slow_pair<K: Pair>(self, other: Self) -> Self;
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
    #[inline(always)]
    fn fast_pair<K: Pair>(self, other: Self) -> Self {
        K::fast(self, other)
    }
    fn slow_pair<K: Pair>(self, other: Self) -> Self {
        K::slow(self, other)
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
    #[inline(always)]
    fn fast_pair<K: Pair>(self, other: Self) -> Self {
        K::single(self.into(), other.into()) as Self
    }
    fn slow_pair<K: Pair>(self, other: Self) -> Self {
        K::slow_single(self, other)
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

#[inline(always)]
fn pair_body<T: Real, K: Pair>(x: &[T], y: &[T], out: &mut [MaybeUninit<T>]) {
    let mut fit = true;
    for (x, y) in x.iter().zip(y) {
        fit &= K::fits(x.wide(), y.wide());
    }
    for ((slot, x), y) in out.iter_mut().zip(x).zip(y) {
        slot.write(x.fast_pair::<K>(*y));
    }
    if !fit {
        for ((slot, x), y) in out.iter_mut().zip(x).zip(y) {
            if !K::fits(x.wide(), y.wide()) {
                slot.write(x.slow_pair::<K>(*y));
            }
        }
    }
}

/// A loop, to be compiled for several instruction sets.
trait Tile {
    /// With fused multiply-add.
    fn fused(self);
    /// Without.
    fn plain(self);
}

/// Of a kernel over its arguments.
struct Unary<'a, T, K>(&'a [T], &'a mut [MaybeUninit<T>], PhantomData<K>);

impl<T: Real, K: Kernel> Tile for Unary<'_, T, K> {
    #[inline(always)]
    fn fused(self) {
        body::<T, K, true>(self.0, self.1);
    }
    fn plain(self) {
        if K::FUSED_ONLY {
            for (slot, x) in self.1.iter_mut().zip(self.0) {
                slot.write(x.slow::<K>());
            }
        } else {
            body::<T, K, false>(self.0, self.1);
        }
    }
}

/// Of a kernel over its pairs of arguments.
struct Binary<'a, T, K>(&'a [T], &'a [T], &'a mut [MaybeUninit<T>], PhantomData<K>);

impl<T: Real, K: Pair> Tile for Binary<'_, T, K> {
    #[inline(always)]
    fn fused(self) {
        pair_body::<T, K>(self.0, self.1, self.2);
    }
    fn plain(self) {
        for ((slot, x), y) in self.2.iter_mut().zip(self.0).zip(self.1) {
            slot.write(x.slow_pair::<K>(*y));
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn with_avx512(tile: impl Tile) {
    tile.fused();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2(tile: impl Tile) {
    tile.fused();
}

fn with_the_best(tile: impl Tile) {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("fma") {
            if crate::kernels::ops::has_avx512() {
                // SAFETY: the features that `with_avx512` names are there.
                return unsafe { with_avx512(tile) };
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: AVX2 and FMA are there.
                return unsafe { with_avx2(tile) };
            }
        }
    }
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
        tile.fused();
    } else {
        tile.plain();
    }
}

fn map<T: Real, K: Kernel>(x: &[T], out: &mut [MaybeUninit<T>]) {
    with_the_best(Unary(x, out, PhantomData::<K>));
}

fn map_pairs<T: Real, K: Pair>(x: &[T], y: &[T], out: &mut [MaybeUninit<T>]) {
    with_the_best(Binary(x, y, out, PhantomData::<K>));
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

unsafe fn run_pairs<T: Real, K: Pair>(args: &[Src; 3], out: *mut u8, n: usize) -> Outcome {
    /// An operand that is the same for all is written out for so many.
    const RUN: usize = 256;
    // SAFETY: as in `run`.
    let (x, y, out) = unsafe { (args[0].read::<T>(n), args[1].read::<T>(n), dest::<T>(out, n)) };
    match (x, y) {
        (Operand::Rows(x), Operand::Rows(y)) => map_pairs::<T, K>(x, y, out),
        (Operand::Rows(x), Operand::One(y)) => {
            let y = [y; RUN];
            for (x, out) in x.chunks(RUN).zip(out.chunks_mut(RUN)) {
                map_pairs::<T, K>(x, &y[..x.len()], out);
            }
        }
        (Operand::One(x), Operand::Rows(y)) => {
            let x = [x; RUN];
            for (y, out) in y.chunks(RUN).zip(out.chunks_mut(RUN)) {
                map_pairs::<T, K>(&x[..y.len()], y, out);
            }
        }
        (Operand::One(x), Operand::One(y)) => {
            let mut one = [MaybeUninit::uninit()];
            map_pairs::<T, K>(&[x], &[y], &mut one);
            out.fill(one[0]);
        }
    }
    Outcome::Done
}

fn pair_loops<K: Pair>(elem: Elem) -> Option<Loop> {
    match elem {
        Elem::F32 => Some(run_pairs::<f32, K>),
        Elem::F64 => Some(run_pairs::<f64, K>),
        _ => None,
    }
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
        NdOp::Tanh => loops::<hyperbolic::Tanh>(elem),
        NdOp::Log => loops::<log::Log>(elem),
        NdOp::Log1p => loops::<log::Log1p>(elem),
        NdOp::Log2 => loops::<log::Log2>(elem),
        NdOp::Log10 => loops::<log::Log10>(elem),
        NdOp::Sinh => loops::<hyperbolic::Sinh>(elem),
        NdOp::Cosh => loops::<hyperbolic::Cosh>(elem),
        NdOp::Arcsinh => loops::<hyperbolic::Arcsinh>(elem),
        NdOp::Arccosh => loops::<hyperbolic::Arccosh>(elem),
        NdOp::Arctanh => loops::<hyperbolic::Arctanh>(elem),
        NdOp::Arcsin => loops::<inverse::Arcsin>(elem),
        NdOp::Arccos => loops::<inverse::Arccos>(elem),
        NdOp::Arctan => loops::<inverse::Arctan>(elem),
        NdOp::Arctan2 => pair_loops::<inverse::Arctan2>(elem),
        NdOp::Cbrt => loops::<power::Cbrt>(elem),
        NdOp::Power | NdOp::FloatPower => pair_loops::<power::Power>(elem),
        _ => None,
    }
}
