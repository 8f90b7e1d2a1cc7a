//! Sine, cosine, tangent: the argument reduced to a quarter turn in three parts, then the polynomials of fdlibm.

use std::f64::consts::FRAC_2_PI;

use super::{Kernel, fma, horner};

/// Up to here the reduction is exact enough.
const LARGEST: f64 = 1e6;

/// `1.5 * 2^52`: adding it rounds to whole numbers, which are then the low bits.
const SHIFT: f64 = 6_755_399_441_055_744.0;

/// An argument within a quarter turn, as a sum of two, and the number of quarter turns taken off.
#[inline(always)]
fn reduce<const F: bool>(x: f64) -> (f64, f64, u64) {
    // Half of pi in parts of 33 bits, so that products with the number of turns are exact.
    const PART_1: f64 = 1.570_796_326_734_125_6;
    const PART_2: f64 = 6.077_100_506_303_966e-11;
    const PART_3: f64 = 2.022_266_248_795_950_6e-21;
    let shifted = fma::<F>(x, FRAC_2_PI, SHIFT);
    let turns = shifted - SHIFT;
    let first = fma::<F>(-turns, PART_1, x);
    let second = turns * PART_2;
    let rest = first - second;
    let third = fma::<F>(turns, PART_3, -((first - rest) - second));
    let head = rest - third;
    (head, (rest - head) - third, shifted.to_bits())
}

/// The sine of a reduced argument, as a sum of two.
#[inline(always)]
fn sine<const F: bool>(head: f64, tail: f64) -> (f64, f64) {
    const SIXTH: f64 = -1.666_666_666_666_663_2e-1;
    let square = head * head;
    let cube = square * head;
    let higher = horner::<F, 5>(
        square,
        [
            1.589_690_995_211_55e-10,
            -2.505_076_025_340_686_3e-8,
            2.755_731_370_707_006_8e-6,
            -1.984_126_982_985_795e-4,
            8.333_333_333_322_49e-3,
        ],
    );
    (
        head,
        -((square * (0.5 * tail - cube * higher) - tail) - cube * SIXTH),
    )
}

/// The cosine of a reduced argument, as a sum of two.
#[inline(always)]
fn cosine<const F: bool>(head: f64, tail: f64) -> (f64, f64) {
    let square = head * head;
    let higher = square
        * horner::<F, 6>(
            square,
            [
                -1.135_964_755_778_819_5e-11,
                2.087_572_321_298_175e-9,
                -2.755_731_435_139_066_3e-7,
                2.480_158_728_947_673e-5,
                -1.388_888_888_887_411e-3,
                4.166_666_666_666_66e-2,
            ],
        );
    let half = 0.5 * square;
    let most = 1.0 - half;
    (most, ((1.0 - most) - half) + (square * higher - head * tail))
}

#[inline(always)]
fn turned<const F: bool>(x: f64, by: u64) -> f64 {
    let (head, tail, turns) = reduce::<F>(x);
    let (sine, cosine) = (sine::<F>(head, tail), cosine::<F>(head, tail));
    let turns = turns.wrapping_add(by);
    let (sine, cosine) = (sine.0 + sine.1, cosine.0 + cosine.1);
    let value = if turns & 1 == 0 { sine } else { cosine };
    f64::from_bits(value.to_bits() ^ ((turns & 2) << 62))
}

/// The sine and the cosine of a reduced argument, exact enough for single floats, and the quarter turns taken off.
#[inline(always)]
fn both_single<const F: bool>(x: f64) -> (f64, f64, u64) {
    // Half of pi in two parts, the first short enough for exact products.
    const PART_1: f64 = 1.570_796_310_901_641_8;
    const PART_2: f64 = 1.589_325_477_352_819_7e-8;
    let shifted = fma::<F>(x, FRAC_2_PI, SHIFT);
    let turns = shifted - SHIFT;
    let head = fma::<F>(-turns, PART_2, fma::<F>(-turns, PART_1, x));
    let square = head * head;
    let sine = horner::<F, 4>(
        square,
        [
            2.718_311_493_989_822e-6,
            -1.983_933_483_609_663_2e-4,
            8.333_329_385_889_463e-3,
            -1.666_666_664_162_652_4e-1,
        ],
    );
    let sine = fma::<F>(square * head, sine, head);
    let cosine = horner::<F, 5>(
        square,
        [
            2.439_044_879_627_741e-5,
            -1.388_676_377_460_993e-3,
            4.166_662_332_373_906e-2,
            -4.999_999_972_510_31e-1,
            1.0,
        ],
    );
    (sine, cosine, shifted.to_bits())
}

/// The sine, or what `by` quarter turns more give, exact enough for single floats.
#[inline(always)]
fn turned_single<const F: bool>(x: f64, by: u64) -> f64 {
    let (sine, cosine, turns) = both_single::<F>(x);
    let turns = turns.wrapping_add(by);
    let value = if turns & 1 == 0 { sine } else { cosine };
    f64::from_bits(value.to_bits() ^ ((turns & 2) << 62))
}

/// `sin`.
pub(super) struct Sin;

impl Kernel for Sin {
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        // Adding up loses the sign of zero.
        if x == 0.0 { x } else { turned::<F>(x, 0) }
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        if x == 0.0 { x } else { turned_single::<F>(x, 0) }
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        x.abs() < LARGEST
    }
    fn slow(x: f64) -> f64 {
        x.sin()
    }
    fn slow_single(x: f32) -> f32 {
        x.sin()
    }
}

/// `cos`.
pub(super) struct Cos;

impl Kernel for Cos {
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        turned::<F>(x, 1)
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        turned_single::<F>(x, 1)
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        x.abs() < LARGEST
    }
    fn slow(x: f64) -> f64 {
        x.cos()
    }
    fn slow_single(x: f32) -> f32 {
        x.cos()
    }
}

/// `tan`: the quotient of both, corrected by what rounding took from each.
pub(super) struct Tan;

impl Kernel for Tan {
    const FUSED_ONLY: bool = true;
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        let (head, tail, turns) = reduce::<F>(x);
        let (sine, cosine) = (sine::<F>(head, tail), cosine::<F>(head, tail));
        let odd = turns & 1 == 1;
        let upper = if odd { cosine } else { sine };
        let lower = if odd { sine } else { cosine };
        let above = upper.0 + upper.1;
        let above_rest = (upper.0 - above) + upper.1;
        let below = lower.0 + lower.1;
        let below_rest = (lower.0 - below) + lower.1;
        let quotient = above / below;
        let left = fma::<F>(-quotient, below, above) + (above_rest - quotient * below_rest);
        let value = quotient + left / below;
        let value = f64::from_bits(value.to_bits() ^ ((turns & 1) << 63));
        if x.abs() < 1e-300 { x } else { value }
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        let (sine, cosine, turns) = both_single::<F>(x);
        let odd = turns & 1 == 1;
        let value = if odd { -cosine } else { sine } / if odd { sine } else { cosine };
        if x.abs() < 1e-300 { x } else { value }
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        x.abs() < LARGEST
    }
    fn slow(x: f64) -> f64 {
        x.tan()
    }
    fn slow_single(x: f32) -> f32 {
        x.tan()
    }
}
