//! Functions of floats that are called element by element: the system's `hypot`, and what NumPy builds of the system's
//! functions. Those that are computed for many elements at once stand in `nd/math`.

use super::lane::{Loop, floats};
use crate::nd::Elem;
use crate::op::nd::NdOp;

/// What NumPy builds on the library's functions.
trait Composed: Copy {
    fn log_add_exp(self, other: Self) -> Self;
    fn log2_add_exp2(self, other: Self) -> Self;
    fn i0(self) -> Self;
}

macro_rules! composed {
    ($($t:ident $consts:ident;)*) => { $(
        impl Composed for $t {
            fn log_add_exp(self, other: Self) -> Self {
                if self == other {
                    // Infinities of one sign as well.
                    return self + std::$consts::consts::LN_2;
                }
                let difference = self - other;
                if difference > 0.0 {
                    self + (-difference).exp().ln_1p()
                } else if difference <= 0.0 {
                    other + difference.exp().ln_1p()
                } else {
                    difference
                }
            }

            fn log2_add_exp2(self, other: Self) -> Self {
                if self == other {
                    return self + 1.0;
                }
                let difference = self - other;
                if difference > 0.0 {
                    self + std::$consts::consts::LOG2_E * (-difference).exp2().ln_1p()
                } else if difference <= 0.0 {
                    other + std::$consts::consts::LOG2_E * difference.exp2().ln_1p()
                } else {
                    difference
                }
            }

            fn i0(self) -> Self {
                bessel_i0(f64::from(self)) as $t
            }
        }
    )* };
}
composed! {
    f32 f32;
    f64 f64;
}

/// Chebyshev coefficients of `exp(-x) I0(x)` for x up to 8 (S. L. Moshier, Cephes).
const NEAR: [f64; 30] = [
    -4.415_341_646_479_339_5e-18,
    3.330_794_518_822_238_4e-17,
    -2.431_279_846_547_955e-16,
    1.715_391_285_555_133e-15,
    -1.168_533_287_799_345_1e-14,
    7.676_185_498_604_936e-14,
    -4.856_446_783_111_929e-13,
    2.955_052_663_129_64e-12,
    -1.726_826_291_441_556e-11,
    9.675_809_035_373_237e-11,
    -5.189_795_601_635_263e-10,
    2.659_823_724_682_386_6e-9,
    -1.300_025_009_986_248e-8,
    6.046_995_022_541_919e-8,
    -2.670_793_853_940_612e-7,
    1.117_387_539_120_103_7e-6,
    -4.416_738_358_458_750_5e-6,
    1.644_844_807_072_889_6e-5,
    -5.754_195_010_082_104e-5,
    0.000_188_502_885_095_841_65,
    -0.000_576_375_574_538_582_4,
    0.001_639_475_616_941_335_7,
    -0.004_324_309_995_050_576,
    0.010_546_460_394_594_998,
    -0.023_737_414_805_899_47,
    0.049_305_284_239_670_71,
    -0.094_901_097_048_047_64,
    0.171_620_901_522_208_77,
    -0.304_682_672_343_198_4,
    0.676_795_274_409_476_1,
];

/// The same of `exp(-x) sqrt(x) I0(x)` for x from 8, in 32 / x - 2.
const FAR: [f64; 25] = [
    -7.233_180_487_874_754e-18,
    -4.830_504_485_944_182e-18,
    4.465_621_420_296_76e-17,
    3.461_222_867_697_461e-17,
    -2.827_623_980_516_583_6e-16,
    -3.425_485_619_677_219e-16,
    1.772_560_133_056_526_3e-15,
    3.811_680_669_352_622_4e-15,
    -9.554_846_698_828_307e-15,
    -4.150_569_347_287_222e-14,
    1.540_086_217_521_41e-14,
    3.852_778_382_742_142_6e-13,
    7.180_124_451_383_666e-13,
    -1.794_178_531_506_806_2e-12,
    -1.321_581_184_044_771_3e-11,
    -3.149_916_527_963_241_6e-11,
    1.188_914_710_784_643_9e-11,
    4.940_602_388_224_97e-10,
    3.396_232_025_708_386_5e-9,
    2.266_668_990_498_178e-8,
    2.048_918_589_469_063_8e-7,
    2.891_370_520_834_756_7e-6,
    6.889_758_346_916_825e-5,
    0.003_369_116_478_255_694_3,
    0.804_490_411_014_108_8,
];

fn chebyshev(x: f64, coefficients: &[f64]) -> f64 {
    let (mut b0, mut b1, mut b2) = (coefficients[0], 0.0, 0.0);
    for coefficient in &coefficients[1..] {
        b2 = b1;
        b1 = b0;
        b0 = x * b1 - b2 + coefficient;
    }
    0.5 * (b0 - b2)
}

/// The modified Bessel function of the first kind and order zero, as `numpy.i0` approximates it.
fn bessel_i0(x: f64) -> f64 {
    let x = x.abs();
    if x <= 8.0 {
        x.exp() * chebyshev(x / 2.0 - 2.0, &NEAR)
    } else {
        x.exp() * chebyshev(32.0 / x - 2.0, &FAR) / x.sqrt()
    }
}

/// The loop of `op` for operands of type `elem`.
pub(super) fn lookup(op: NdOp, elem: Elem) -> Option<Loop> {
    match op {
        NdOp::Logaddexp => floats!(elem, plain2(T), |a, b| Composed::log_add_exp(a, b)),
        NdOp::Logaddexp2 => floats!(elem, plain2(T), |a, b| Composed::log2_add_exp2(a, b)),
        NdOp::Hypot => floats!(elem, plain2(T), |a, b| a.hypot(b)),
        NdOp::I0 => floats!(elem, plain1(T), |a| Composed::i0(a)),
        _ => None,
    }
}
