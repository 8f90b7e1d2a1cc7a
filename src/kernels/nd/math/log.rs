//! Logarithms: the argument as a power of two times a number near one, then fdlibm's series in `f / (2 + f)`.

use super::{Kernel, fma, horner};

/// The logarithm of two in two parts; products of the first with small whole numbers are exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// `x` as `2^k (1 + f)`, with `1 + f` between the roots of a half and of two: `k`, `f`.
#[inline(always)]
pub(super) fn split(x: f64) -> (f64, f64) {
    /// The bits of the root of a half.
    const ROOT: u64 = 0x3fe6_a09e_0000_0000;
    /// The bits of `1.5 * 2^52`: whole numbers in their low bits are floats behind it.
    const SHIFT: u64 = 0x4338_0000_0000_0000;
    let bits = x.to_bits();
    let over = bits.wrapping_sub(ROOT);
    let k = (over.cast_signed() >> 52).cast_unsigned();
    let near = f64::from_bits(bits.wrapping_sub(over & (0xfff << 52)));
    (
        f64::from_bits(SHIFT.wrapping_add(k)) - f64::from_bits(SHIFT),
        near - 1.0,
    )
}

/// Half the square of `f`, and what `log(1 + f)` is beyond `f` less it.
#[inline(always)]
fn series<const F: bool>(f: f64) -> (f64, f64) {
    let s = f / (2.0 + f);
    let z = s * s;
    let higher = z * horner::<F, 7>(
        z,
        [
            1.479_819_860_511_658_6e-1,
            1.531_383_769_920_937_3e-1,
            1.818_357_216_161_805e-1,
            2.222_219_843_214_978_4e-1,
            2.857_142_874_366_239e-1,
            3.999_999_999_940_942e-1,
            6.666_666_666_666_735e-1,
        ],
    );
    let half = 0.5 * f * f;
    (half, s * (half + higher))
}

/// `k` times the logarithm of two, and `f`, less `rest`: with what rounding took from the first sum.
#[inline(always)]
fn together(k: f64, f: f64, rest: f64) -> f64 {
    let whole = k * LN_2_HIGH;
    let sum = whole + f;
    sum + (((whole - sum) + f) - rest)
}

#[inline(always)]
pub(super) fn positive(x: f64) -> bool {
    (f64::MIN_POSITIVE..f64::INFINITY).contains(&x)
}

/// `log`.
pub(super) struct Log;

impl Kernel for Log {
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        let (k, f) = split(x);
        let (half, more) = series::<F>(f);
        together(k, f, half - fma::<F>(k, LN_2_LOW, more))
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        let (k, f) = split(x);
        together_single::<F>(k, f)
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        positive(x)
    }
    fn slow(x: f64) -> f64 {
        x.ln()
    }
    fn slow_single(x: f32) -> f32 {
        x.ln()
    }
}

/// The logarithm of one and `x`, which comes as a sum of two.
#[inline(always)]
pub(super) fn of_one_and<const F: bool>(x: f64, tail: f64) -> f64 {
    let sum = 1.0 + x;
    let (k, f) = split(sum);
    // What rounding took from the sum; near one the argument itself is what counts.
    let near = k == 0.0;
    let lost = if k > 1.0 { 1.0 - (sum - x) } else { x - (sum - 1.0) };
    let lost = (if near { 0.0 } else { lost } + tail) / sum;
    let f = if near { x } else { f };
    let (half, more) = series::<F>(f);
    together(k, f, half - (more + fma::<F>(k, LN_2_LOW, lost)))
}

/// The logarithm of `2^k (1 + f)`, exact enough for single floats.
#[inline(always)]
fn together_single<const F: bool>(k: f64, f: f64) -> f64 {
    let s = f / (2.0 + f);
    let z = s * s;
    let higher = z * horner::<F, 4>(z, [2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0]);
    fma::<F>(k, std::f64::consts::LN_2, fma::<F>(s, higher, 2.0 * s))
}

/// The logarithm of one and `x`, exact enough for single floats.
#[inline(always)]
pub(super) fn of_one_and_single<const F: bool>(x: f64) -> f64 {
    let (k, f) = split(1.0 + x);
    together_single::<F>(k, if k == 0.0 { x } else { f })
}

/// `log1p`.
pub(super) struct Log1p;

impl Kernel for Log1p {
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        let value = of_one_and::<F>(x, 0.0);
        // Adding up loses the sign of zero.
        if x == 0.0 { x } else { value }
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        if x == 0.0 { x } else { of_one_and_single::<F>(x) }
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        x > -1.0 && x < 1e300
    }
    fn slow(x: f64) -> f64 {
        x.ln_1p()
    }
    fn slow_single(x: f32) -> f32 {
        x.ln_1p()
    }
}

/// The logarithm of `1 + f` as a sum of two, the first one short enough for exact products.
#[inline(always)]
fn in_two<const F: bool>(f: f64) -> (f64, f64) {
    let (half, more) = series::<F>(f);
    let head = f64::from_bits((f - half).to_bits() & 0xffff_ffff_0000_0000);
    (head, ((f - head) - half) + more)
}

/// `log2`.
pub(super) struct Log2;

impl Kernel for Log2 {
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        const HIGH: f64 = 1.442_695_040_721_446_3;
        const LOW: f64 = 1.675_171_316_488_651_2e-10;
        let (k, f) = split(x);
        let (head, tail) = in_two::<F>(f);
        let most = head * HIGH;
        let rest = fma::<F>(tail + head, LOW, tail * HIGH);
        let sum = k + most;
        sum + (rest + ((k - sum) + most))
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        Log::single::<F>(x) * std::f64::consts::LOG2_E
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        positive(x)
    }
    fn slow(x: f64) -> f64 {
        x.log2()
    }
    fn slow_single(x: f32) -> f32 {
        x.log2()
    }
}

/// `log10`.
pub(super) struct Log10;

impl Kernel for Log10 {
    #[inline(always)]
    fn fast<const F: bool>(x: f64) -> f64 {
        const HIGH: f64 = 4.342_944_818_781_689e-1;
        const LOW: f64 = 2.508_294_671_164_527_5e-11;
        const TWO_HIGH: f64 = 3.010_299_956_636_117_7e-1;
        const TWO_LOW: f64 = 3.694_239_077_158_931e-13;
        let (k, f) = split(x);
        let (head, tail) = in_two::<F>(f);
        let most = head * HIGH;
        let twos = k * TWO_HIGH;
        let rest = fma::<F>(k, TWO_LOW, fma::<F>(tail + head, LOW, tail * HIGH));
        let sum = twos + most;
        sum + (rest + ((twos - sum) + most))
    }
    #[inline(always)]
    fn single<const F: bool>(x: f64) -> f64 {
        Log::single::<F>(x) * std::f64::consts::LOG10_E
    }
    #[inline(always)]
    fn fits(x: f64) -> bool {
        positive(x)
    }
    fn slow(x: f64) -> f64 {
        x.log10()
    }
    fn slow_single(x: f32) -> f32 {
        x.log10()
    }
}
