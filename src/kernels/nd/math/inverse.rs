//! Inverses of sine, cosine and tangent: fdlibm's polynomials, with the last roundings made up for.

use super::{Kernel, Pair, fma, horner, quick_two_sum, two_sum};

const HALF_PI: f64 = std::f64::consts::FRAC_PI_2;
/// What half of pi is beyond a double of it.
const HALF_PI_REST: f64 = 6.123_233_995_736_766e-17;

/// `(asin(x) - x) / x` as a function of the square of `x`, up to a quarter.
#[inline(always)]
fn ratio<const F: bool>(square: f64) -> f64 {
    let above = square
        * horner::<F, 6>(
            square,
            [
                3.479_331_075_960_212e-5,
                7.915_349_942_898_145e-4,
                -4.005_553_450_067_941e-2,
                2.012_125_321_348_629_3e-1,
                -3.255_658_186_224_009e-1,
                1.666_666_666_666_666_6e-1,
            ],
        );
    let below = horner::<F, 5>(
        square,
        [
            7.703_815_055_590_194e-2,
            -6.882_839_716_054_533e-1,
            2.020_945_760_233_505_7,
            -2.403_394_911_734_414,
            1.0,
        ],
    );
    above / below
}

/// For arguments up to a half: the argument itself, and what its arc is beyond it. For larger ones, the same of the arc that
/// is half of what the argument's lacks to half of pi, and what rounding took from the root.
#[inline(always)]
fn parts<const F: bool>(x: f64) -> (bool, f64, f64) {
    let size = x.abs();
    let large = size >= 0.5;
    let square = if large { 0.5 * (1.0 - size) } else { size * size };
    let root = square.sqrt();
    let lost = fma::<F>(-root, root, square) / (root + root);
    let head = if large { root } else { size };
    // Nothing is lost of the root of zero.
    let lost = if large && root > 0.0 { lost } else { 0.0 };
    (large, head, fma::<F>(head, ratio::<F>(square), lost))
}

/// [`parts`] added up, exact enough for single floats.
#[inline(always)]
fn part_single<const F: bool>(x: f64) -> (bool, f64) {
    let size = x.abs();
    let large = size >= 0.5;
    let square = if large { 0.5 * (1.0 - size) } else { size * size };
    let head = if large { square.sqrt() } else { size };
    let series = horner::<F, 6>(
        square,
        [
            3.379_969_305_79e-2,
            1.708_167_066_77e-2,
            3.111_531_530_88e-2,
            4.459_810_820_87e-2,
            7.500_098_521_31e-2,
            1.666_666_631_80e-1,
        ],
    );
    (large, fma::<F>(head * square, series, head))
}

/// `arcsin`.
pub(super) struct Arcsin;

impl Kernel for Arcsin {
    const FUSED_ONLY: bool = true;
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        let (large, head, tail) = parts::<F>(x);
        let (sum, lost) = quick_two_sum(HALF_PI, -2.0 * head);
        let rest = lost + fma::<F>(-2.0, tail, HALF_PI_REST);
        let value = if large { sum + rest } else { head + tail };
        value.copysign(x)
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        let (large, part) = part_single::<F>(x);
        if large { HALF_PI - 2.0 * part } else { part }.copysign(x)
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        x.abs() <= 1.0
    }
    fn slow(x: f64) -> f64 {
        x.asin()
    }
    fn slow_single(x: f32) -> f32 {
        x.asin()
    }
}

/// `arccos`.
pub(super) struct Arccos;

impl Kernel for Arccos {
    const FUSED_ONLY: bool = true;
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        let (large, head, tail) = parts::<F>(x);
        // Up to a half: half of pi less the arc. Beyond: twice the arc, or pi less that.
        let turn = if large { 2.0 } else { 1.0 };
        let base = if large {
            if x < 0.0 { 2.0 } else { 0.0 }
        } else {
            1.0
        };
        let sign: f64 = if large == (x < 0.0) { -turn } else { turn };
        let (sum, lost) = two_sum(base * HALF_PI, sign * head);
        sum + (lost + fma::<F>(sign, tail, base * HALF_PI_REST))
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        let (large, part) = part_single::<F>(x);
        if large {
            if x < 0.0 {
                fma::<F>(-2.0, part, 2.0 * HALF_PI)
            } else {
                2.0 * part
            }
        } else {
            HALF_PI - part.copysign(x)
        }
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        x.abs() <= 1.0
    }
    fn slow(x: f64) -> f64 {
        x.acos()
    }
    fn slow_single(x: f32) -> f32 {
        x.acos()
    }
}

/// The arc of a tangent between zero and one, given as a quotient, as a sum of two.
#[inline(always)]
fn arc<const F: bool>(above: f64, below: f64) -> (f64, f64) {
    // Of the arc beyond a known one little is left; its tangent is a quotient as well.
    let (mut a, mut b, mut c, mut d) = (1.0, 0.0, 0.0, 1.0);
    let (mut known, mut known_rest) = (0.0, 0.0);
    if above >= 7.0 / 16.0 * below {
        (a, b, c, d) = (2.0, -1.0, 1.0, 2.0);
        (known, known_rest) = (4.636_476_090_008_061e-1, 2.269_877_745_296_168_7e-17);
    }
    if above >= 11.0 / 16.0 * below {
        (a, d) = (1.0, 1.0);
        (known, known_rest) = (std::f64::consts::FRAC_PI_4, 3.061_616_997_868_383e-17);
    }
    let top = fma::<F>(a, above, b * below);
    let bottom = fma::<F>(c, above, d * below);
    let inverse = 1.0 / bottom;
    let left = top * inverse;
    let rest = fma::<F>(-left, bottom, top) * inverse;
    let square = left * left;
    let series = square
        * horner::<F, 11>(
            square,
            [
                1.628_582_011_536_578_2e-2,
                -3.653_157_274_421_691_6e-2,
                4.976_877_994_615_932e-2,
                -5.833_570_133_790_573_5e-2,
                6.661_073_137_387_531e-2,
                -7.691_876_205_044_83e-2,
                9.090_887_133_436_507e-2,
                -1.111_111_040_546_235_6e-1,
                1.428_571_427_250_346_6e-1,
                -1.999_999_999_987_648_3e-1,
                3.333_333_333_333_293e-1,
            ],
        );
    let (head, lost) = quick_two_sum(known, left);
    (head, lost + (rest + fma::<F>(-left, series, known_rest)))
}

/// The same, exact enough for single floats.
#[inline(always)]
fn arc_single<const F: bool>(x: f64) -> f64 {
    let square = x * x;
    x * horner::<F, 11>(
        square,
        [
            1.091_108_110_60e-3,
            -7.199_369_665_35e-3,
            2.227_432_202_47e-2,
            -4.435_745_235_23e-2,
            6.716_104_080_53e-2,
            -8.798_770_349_80e-2,
            1.105_450_072_73e-1,
            -1.427_915_956_04e-1,
            1.999_960_463_19e-1,
            -3.333_332_393_52e-1,
            9.999_999_996_28e-1,
        ],
    )
}

/// `arctan`: of what is beyond one, the rest of a quarter turn is found.
pub(super) struct Arctan;

impl Kernel for Arctan {
    const FUSED_ONLY: bool = true;
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        let size = x.abs();
        let steep = size > 1.0;
        let (head, tail) = arc::<F>(if steep { 1.0 } else { size }, if steep { size } else { 1.0 });
        let (sum, lost) = quick_two_sum(HALF_PI, -head);
        let value = if steep {
            sum + (lost + (HALF_PI_REST - tail))
        } else {
            head + tail
        };
        value.copysign(x)
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        let size = x.abs();
        let steep = size > 1.0;
        let value = arc_single::<F>(if steep { 1.0 / size } else { size });
        if steep { HALF_PI - value } else { value }.copysign(x)
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        x.abs() < f64::INFINITY
    }
    fn slow(x: f64) -> f64 {
        x.atan()
    }
    fn slow_single(x: f32) -> f32 {
        x.atan()
    }
}

/// `arctan2`: the arc of the smaller size by the larger one, mirrored to where the point lies.
pub(super) struct Arctan2;

impl Pair for Arctan2 {
    #[inline(always)]
    fn fast(y: f64, x: f64) -> f64 {
        let (up, along) = (y.abs(), x.abs());
        let steep = up > along;
        let (above, below) = if steep { (along, up) } else { (up, along) };
        let (head, tail) = arc::<true>(above, below);
        // Quarter turns from which the arc is taken away, or to which it is added.
        let base = if steep {
            1.0
        } else if x < 0.0 {
            2.0
        } else {
            0.0
        };
        let sign = if steep == (x < 0.0) { 1.0 } else { -1.0 };
        let (sum, lost) = two_sum(base * HALF_PI, sign * head);
        (sum + (lost + sign.mul_add(tail, base * HALF_PI_REST))).copysign(y)
    }
    #[inline(always)]
    fn single(y: f64, x: f64) -> f64 {
        let (up, along) = (y.abs(), x.abs());
        let steep = up > along;
        let value = arc_single::<true>(if steep { along / up } else { up / along });
        let value = if steep { HALF_PI - value } else { value };
        let value = if x < 0.0 { 2.0 * HALF_PI - value } else { value };
        value.copysign(y)
    }
    #[inline(always)]
    fn fits(y: f64, x: f64) -> bool {
        // Not so far from each other that their quotient loses bits, and not the origin.
        let fits = |size: f64| (size > 1e-140 && size < 1e140) || size == 0.0;
        fits(y.abs()) & fits(x.abs()) & ((x != 0.0) | (y != 0.0))
    }
    fn slow(y: f64, x: f64) -> f64 {
        y.atan2(x)
    }
    fn slow_single(y: f32, x: f32) -> f32 {
        y.atan2(x)
    }
}
