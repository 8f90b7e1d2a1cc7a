//! The exponential and its relatives: the argument reduced by multiples of the logarithm of two, then its series.

use std::f64::consts::LOG2_E;

use super::{Kernel, fma, horner, two_sum};

/// `1.5 * 2^52`: adding it rounds to whole numbers, which are then the low bits.
const SHIFT: f64 = 6_755_399_441_055_744.0;

/// `x` less a multiple of the logarithm of two, as a sum of two, and the multiple as the low bits of a word.
#[inline(always)]
fn reduce<const F: bool>(x: f64) -> (f64, f64, u64) {
    // The logarithm of two in two parts; products of the first with small whole numbers are exact.
    const HIGH: f64 = 6.931_471_803_691_238e-1;
    const LOW: f64 = 1.908_214_929_270_587_7e-10;
    let shifted = fma::<F>(x, LOG2_E, SHIFT);
    let times = shifted - SHIFT;
    let high = fma::<F>(-times, HIGH, x);
    let low = times * LOW;
    let head = high - low;
    (head, (high - head) - low, shifted.to_bits())
}

/// `(exp(r) - 1 - r) / r^2` for `r` within half the logarithm of two.
#[inline(always)]
pub(super) fn series<const F: bool>(r: f64) -> f64 {
    horner::<F, 12>(
        r,
        [
            1.0 / 6_227_020_800.0,
            1.0 / 479_001_600.0,
            1.0 / 39_916_800.0,
            1.0 / 3_628_800.0,
            1.0 / 362_880.0,
            1.0 / 40_320.0,
            1.0 / 5_040.0,
            1.0 / 720.0,
            1.0 / 120.0,
            1.0 / 24.0,
            1.0 / 6.0,
            0.5,
        ],
    )
}

/// `exp(r)` for `r` within half the logarithm of two, for single floats.
#[inline(always)]
fn short<const F: bool>(r: f64) -> f64 {
    horner::<F, 9>(
        r,
        [
            1.0 / 40_320.0,
            1.0 / 5_040.0,
            1.0 / 720.0,
            1.0 / 120.0,
            1.0 / 24.0,
            1.0 / 6.0,
            0.5,
            1.0,
            1.0,
        ],
    )
}

/// Two to the power that the low bits say.
#[inline(always)]
pub(super) fn power_of_two(bits: u64) -> f64 {
    f64::from_bits(bits.wrapping_add(1023) << 52)
}

/// `exp`.
pub(super) struct Exp;

impl Kernel for Exp {
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        let (head, tail, times) = reduce::<F>(x);
        let more = fma::<F>(head * head, series::<F>(head), tail);
        (1.0 + (head + more)) * power_of_two(times)
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        let shifted = fma::<F>(x, LOG2_E, SHIFT);
        let rest = fma::<F>(-(shifted - SHIFT), std::f64::consts::LN_2, x);
        short::<F>(rest) * power_of_two(shifted.to_bits())
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        x.abs() < 708.0
    }
    fn slow(x: f64) -> f64 {
        x.exp()
    }
    fn slow_single(x: f32) -> f32 {
        x.exp()
    }
}

/// `exp2`.
pub(super) struct Exp2;

impl Kernel for Exp2 {
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        // What the logarithm of two is beyond a double of it.
        const REST: f64 = 2.319_046_813_846_299_6e-17;
        let ln_2 = std::f64::consts::LN_2;
        let shifted = x + SHIFT;
        let part = x - (shifted - SHIFT);
        let head = part * ln_2;
        let tail = if F { fma::<F>(part, ln_2, -head) } else { 0.0 } + part * REST;
        let more = fma::<F>(head * head, series::<F>(head), tail);
        (1.0 + (head + more)) * power_of_two(shifted.to_bits())
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        let shifted = x + SHIFT;
        let part = x - (shifted - SHIFT);
        short::<F>(part * std::f64::consts::LN_2) * power_of_two(shifted.to_bits())
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        x.abs() < 1022.0
    }
    fn slow(x: f64) -> f64 {
        x.exp2()
    }
    fn slow_single(x: f32) -> f32 {
        x.exp2()
    }
}

/// `exp(x) - 1` as a sum of two.
#[inline(always)]
pub(super) fn less_one<const F: bool>(x: f64) -> (f64, f64) {
    let (head, tail, times) = reduce::<F>(x);
    let more = fma::<F>(head * head, series::<F>(head), tail);
    let scale = power_of_two(times);
    let (sum, rest) = two_sum(scale - 1.0, scale * head);
    (sum, fma::<F>(scale, more, rest))
}

/// `expm1`.
pub(super) struct Expm1;

impl Kernel for Expm1 {
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        let (sum, rest) = less_one::<F>(x);
        // Adding up loses the sign of zero.
        if x == 0.0 { x } else { sum + rest }
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        x.abs() < 708.0
    }
    fn slow(x: f64) -> f64 {
        x.exp_m1()
    }
    fn slow_single(x: f32) -> f32 {
        x.exp_m1()
    }
}
