//! Hyperbolic functions of `exp(x) - 1` and their inverses by logarithms, with what rounding takes carried along.

use super::exp::less_one;
use super::log::{of_one_and, of_one_and_single};
use super::{Kernel, fma, quick_two_sum, two_product, two_sum};

/// Below this size an odd function with slope 1 gives its argument back.
const TINY: f64 = 1e-300;

/// `tanh`.
pub(super) struct Tanh;

impl Kernel for Tanh {
    const FUSED_ONLY: bool = true;
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        // t / (t + 2) for t = exp(2 |x|) - 1; from 22 on it is 1.
        let size = x.abs();
        let (sum, rest) = less_one::<F>(2.0 * if size < 22.0 { size } else { 22.0 });
        let above = sum + rest;
        let above_rest = (sum - above) + rest;
        let (below, below_rest) = two_sum(above, 2.0);
        let quotient = above / below;
        let left = fma::<F>(-quotient, below, above) + (above_rest - quotient * (below_rest + above_rest));
        let value = (quotient + left / below).copysign(x);
        if size < TINY { x } else { value }
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        let size = x.abs();
        let (sum, rest) = less_one::<F>(2.0 * if size < 22.0 { size } else { 22.0 });
        let above = sum + rest;
        (above / (above + 2.0)).copysign(x)
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        !x.is_nan()
    }
    fn slow(x: f64) -> f64 {
        x.tanh()
    }
    fn slow_single(x: f32) -> f32 {
        x.tanh()
    }
}

/// `sinh`: half of `t + t / (t + 1)` for `t = exp(|x|) - 1`.
pub(super) struct Sinh;

impl Kernel for Sinh {
    const FUSED_ONLY: bool = true;
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        let size = x.abs();
        let (sum, rest) = less_one::<F>(size);
        let (above, above_rest) = quick_two_sum(sum, rest);
        let (below, below_rest) = two_sum(above, 1.0);
        let quotient = above / below;
        let left = fma::<F>(-quotient, below, above) + (above_rest - quotient * (below_rest + above_rest));
        let (total, lost) = quick_two_sum(above, quotient);
        let value = 0.5 * (total + (lost + (above_rest + left / below)));
        if size < TINY { x } else { value.copysign(x) }
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        let (sum, rest) = less_one::<F>(x.abs());
        let above = sum + rest;
        (0.5 * (above + above / (above + 1.0))).copysign(x)
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        x.abs() < 708.0
    }
    fn slow(x: f64) -> f64 {
        x.sinh()
    }
    fn slow_single(x: f32) -> f32 {
        x.sinh()
    }
}

/// `cosh`: half of `e + 1 / e` for `e = exp(|x|)`.
pub(super) struct Cosh;

impl Kernel for Cosh {
    const FUSED_ONLY: bool = true;
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        let (sum, rest) = less_one::<F>(x.abs());
        let (sum, rest) = quick_two_sum(sum, rest);
        let (above, lost) = two_sum(sum, 1.0);
        let inverse = 1.0 / above;
        let (total, more) = quick_two_sum(above, inverse);
        // What the inverse lacks: the tail of `e` counts against it as well.
        let tail = lost + rest;
        let left = inverse * (fma::<F>(-inverse, above, 1.0) - inverse * tail);
        0.5 * (total + (more + (tail + left)))
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        let e = super::exp::Exp::single::<F>(x);
        0.5 * (e + 1.0 / e)
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        x.abs() < 708.0
    }
    fn slow(x: f64) -> f64 {
        x.cosh()
    }
    fn slow_single(x: f32) -> f32 {
        x.cosh()
    }
}

/// The root of a sum of two, as a sum of two; zero of zero.
#[inline(always)]
fn root(head: f64, tail: f64) -> (f64, f64) {
    let root = head.sqrt();
    let left = (-root).mul_add(root, head) + tail;
    (root, if head > 0.0 { left / (root + root) } else { 0.0 })
}

unsafe extern "C" {
    safe fn asinh(value: f64) -> f64;
    safe fn acosh(value: f64) -> f64;
    safe fn atanh(value: f64) -> f64;
    safe fn asinhf(value: f32) -> f32;
    safe fn acoshf(value: f32) -> f32;
    safe fn atanhf(value: f32) -> f32;
}

/// `arcsinh`: the logarithm of `1 + x + x^2 / (1 + sqrt(1 + x^2))`.
///
/// `std` computes the inverses by formulas of its own, a few units in the last place off: the system's are right.
pub(super) struct Arcsinh;

impl Kernel for Arcsinh {
    const FUSED_ONLY: bool = true;
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        let size = x.abs();
        let (square, square_rest) = two_product(size, size);
        let (sum, lost) = two_sum(1.0, square);
        let (root, root_rest) = root(sum, lost + square_rest);
        let (below, lost) = quick_two_sum(root, 1.0);
        let quotient = square / below;
        let left = fma::<F>(-quotient, below, square) + (square_rest - quotient * (lost + root_rest));
        let (head, tail) = two_sum(size, quotient);
        let value = of_one_and::<F>(head, tail + left / below);
        if size < 1e-150 { x } else { value.copysign(x) }
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        let size = x.abs();
        let square = size * size;
        of_one_and_single::<F>(size + square / (1.0 + (1.0 + square).sqrt())).copysign(x)
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        x.abs() < 1e150
    }
    fn slow(x: f64) -> f64 {
        asinh(x)
    }
    fn slow_single(x: f32) -> f32 {
        asinhf(x)
    }
}

/// `arccosh`: the logarithm of `1 + t + sqrt(t (t + 2))` for `t = x - 1`.
pub(super) struct Arccosh;

impl Kernel for Arccosh {
    const FUSED_ONLY: bool = true;
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        let less = x - 1.0;
        let (more, lost) = two_sum(less, 2.0);
        let (product, rest) = two_product(less, more);
        let (root, root_rest) = root(product, fma::<F>(less, lost, rest));
        let (head, tail) = two_sum(less, root);
        of_one_and::<F>(head, tail + root_rest)
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        let less = x - 1.0;
        of_one_and_single::<F>(less + (less * (less + 2.0)).sqrt())
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        // Taking one from it is exact.
        (1.0..9e15).contains(&x)
    }
    fn slow(x: f64) -> f64 {
        acosh(x)
    }
    fn slow_single(x: f32) -> f32 {
        acoshf(x)
    }
}

/// `arctanh`: half the logarithm of `1 + 2 x / (1 - x)`.
pub(super) struct Arctanh;

impl Kernel for Arctanh {
    const FUSED_ONLY: bool = true;
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        let size = x.abs();
        let (below, lost) = quick_two_sum(1.0, -size);
        let twice = size + size;
        let quotient = twice / below;
        let left = (fma::<F>(-quotient, below, twice) - quotient * lost) / below;
        let value = 0.5 * of_one_and::<F>(quotient, left);
        if size < TINY { x } else { value.copysign(x) }
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        let size = x.abs();
        (0.5 * of_one_and_single::<F>((size + size) / (1.0 - size))).copysign(x)
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        x.abs() < 1.0
    }
    fn slow(x: f64) -> f64 {
        atanh(x)
    }
    fn slow_single(x: f32) -> f32 {
        atanhf(x)
    }
}
