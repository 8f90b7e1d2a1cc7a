//! Powers by a logarithm of twice the precision, and cube roots.

use super::exp::{Exp, power_of_two, series};
use super::log::{Log, positive, split};
use super::{Kernel, Pair, fma, horner, quick_two_sum, two_product, two_sum};

/// The logarithm of two in two parts; products of the first with small whole numbers are exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// `1.5 * 2^52`: adding it rounds to whole numbers, which are then the low bits.
const SHIFT: f64 = 6_755_399_441_055_744.0;

/// The logarithm of a positive number as a sum of two, to some 66 bits.
#[inline(always)]
fn logarithm(x: f64) -> (f64, f64) {
    const THIRD: f64 = 1.0 / 3.0;
    const THIRD_REST: f64 = 1.850_371_707_708_594e-17;
    let (k, f) = split(x);
    // 2 s (1 + z / 3 + z^2 / 5 + ...) for s = f / (2 + f), z = s^2.
    let (below, lost) = quick_two_sum(2.0, f);
    let inverse = 1.0 / below;
    let s = f * inverse;
    let s_rest = ((-s).mul_add(below, f) - s * lost) * inverse;
    let (z, z_rest) = two_product(s, s);
    let z_rest = (2.0 * s).mul_add(s_rest, z_rest);
    let higher = z
        * z
        * horner::<true, 11>(
            z,
            [
                1.0 / 25.0,
                1.0 / 23.0,
                1.0 / 21.0,
                1.0 / 19.0,
                1.0 / 17.0,
                1.0 / 15.0,
                1.0 / 13.0,
                1.0 / 11.0,
                1.0 / 9.0,
                1.0 / 7.0,
                1.0 / 5.0,
            ],
        );
    let (first, first_rest) = two_product(z, THIRD);
    let first_rest = z.mul_add(THIRD_REST, z_rest.mul_add(THIRD, first_rest));
    let (sum, sum_rest) = quick_two_sum(first, higher);
    let (product, product_rest) = two_product(s, sum);
    let product_rest = s.mul_add(sum_rest + first_rest, s_rest.mul_add(sum, product_rest));
    let (head, tail) = quick_two_sum(s, product);
    let tail = tail + (s_rest + product_rest);
    let (whole, lost) = two_sum(k * LN_2_HIGH, 2.0 * head);
    quick_two_sum(whole, lost + k.mul_add(LN_2_LOW, 2.0 * tail))
}

/// `power`.
pub(super) struct Power;

impl Power {
    /// What the power of the size gets: the sign of the base, for odd exponents.
    #[inline(always)]
    fn signed(value: f64, x: f64, y: f64) -> f64 {
        let half = 0.5 * y;
        let odd = half.trunc() != half;
        if odd { value.copysign(x) } else { value }
    }
}

impl Pair for Power {
    #[inline(always)]
    fn fast(x: f64, y: f64) -> f64 {
        let (head, tail) = logarithm(x.abs());
        let (product, lost) = two_product(y, head);
        let tail = y.mul_add(tail, lost);
        let shifted = product.mul_add(std::f64::consts::LOG2_E, SHIFT);
        let times = shifted - SHIFT;
        let high = (-times).mul_add(LN_2_HIGH, product);
        let low = times * LN_2_LOW;
        let (head, lost) = two_sum(high, -low);
        // The tail of a great product is great enough to count in the series.
        let (head, tail) = quick_two_sum(head, lost + tail);
        let more = fma::<true>(head * head, series::<true>(head), tail);
        Self::signed((1.0 + (head + more)) * power_of_two(shifted.to_bits()), x, y)
    }
    #[inline(always)]
    fn single(x: f64, y: f64) -> f64 {
        Self::signed(Exp::single::<true>(y * Log::fast::<true>(x.abs())), x, y)
    }
    #[inline(always)]
    fn fits(x: f64, y: f64) -> bool {
        /// The bits of `2^52`: whole numbers in their low bits are floats behind it.
        const WHOLE: u64 = 0x4330_0000_0000_0000;
        let size = x.abs();
        let exponent = f64::from_bits(WHOLE | (size.to_bits() >> 52)) - f64::from_bits(WHOLE) - 1023.0;
        let whole = y.trunc() == y;
        // The result stays a normal number, and a negative base has a whole exponent.
        positive(size) & ((exponent.abs() + 1.0) * y.abs() < 1021.0) & (whole | (x > 0.0))
    }
    fn slow(x: f64, y: f64) -> f64 {
        x.powf(y)
    }
    fn slow_single(x: f32, y: f32) -> f32 {
        x.powf(y)
    }
}

/// `cbrt`: a guess, one step of Halley's method, and one of Newton's with what is left over.
pub(super) struct Cbrt;

/// The size of the argument as `8^k m`, with `m` from 1 to below 8: `k` as low bits, `m`, and a root of it to 24 bits.
#[inline(always)]
fn cube_root<const F: bool>(size: f64) -> (u64, f64, f64) {
    /// The bits of `2^52`.
    const WHOLE: u64 = 0x4330_0000_0000_0000;
    let bits = size.to_bits();
    let exponent = f64::from_bits(WHOLE | (bits >> 52)) - f64::from_bits(WHOLE) - 1023.0;
    // A third of it, rounded down: halfway between whole numbers nothing lies.
    let shifted = fma::<F>(exponent - 1.0, 1.0 / 3.0, SHIFT);
    let over = fma::<F>(-3.0, shifted - SHIFT, exponent);
    let part = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    let m = part
        * if over == 0.0 {
            1.0
        } else if over == 1.0 {
            2.0
        } else {
            4.0
        };
    let guess = horner::<F, 4>(
        part,
        [0.023_104_877, -0.162_969_332, 0.587_113_876, 0.552_823_576],
    );
    let guess = guess
        * if over == 0.0 {
            1.0
        } else if over == 1.0 {
            1.259_921_049_894_873_2
        } else {
            1.587_401_051_968_199_5
        };
    let cube = guess * guess * guess;
    (
        shifted.to_bits(),
        m,
        guess * fma::<F>(2.0, m, cube) / fma::<F>(2.0, cube, m),
    )
}

impl Kernel for Cbrt {
    const FUSED_ONLY: bool = true;
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        let (k, m, root) = cube_root::<F>(x.abs());
        let (square, square_rest) = two_product(root, root);
        let (cube, cube_rest) = two_product(square, root);
        let left = (m - cube) - square_rest.mul_add(root, cube_rest);
        let value = root + left / (3.0 * square);
        let value = (value * power_of_two(k)).copysign(x);
        if x == 0.0 { x } else { value }
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        let (k, _, root) = cube_root::<F>(x.abs());
        if x == 0.0 {
            x
        } else {
            (root * power_of_two(k)).copysign(x)
        }
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        positive(x.abs()) | (x == 0.0)
    }
    fn slow(x: f64) -> f64 {
        x.cbrt()
    }
    fn slow_single(x: f32) -> f32 {
        x.cbrt()
    }
}
