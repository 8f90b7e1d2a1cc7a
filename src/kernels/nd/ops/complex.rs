//! Complex numbers, with NumPy's formulas for what C has no function for, and C's functions for the rest: a pair of floats
//! is passed to them as C passes its complex numbers.

use super::lane::{Cx, Loop, binary, complexes, plain1, unary};
use crate::nd::Elem;
use crate::op::nd::NdOp;

/// What the formulas ask of complex numbers.
trait Complex: Copy {
    fn times(self, other: Self) -> Self;
    fn over(self, other: Self) -> Self;
    fn sign(self) -> Self;
    fn power(self, exponent: Self) -> Self;
    fn exp2(self) -> Self;
    fn expm1(self) -> Self;
    fn log2(self) -> Self;
    fn log10(self) -> Self;
    fn log1p(self) -> Self;
}

macro_rules! complex {
    ($($t:ident { $exp:ident $log:ident $pow:ident };)*) => { $(
        impl Complex for Cx<$t> {
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                Self {
                    re: self.re * other.re - self.im * other.im,
                    im: self.re * other.im + self.im * other.re,
                }
            }

            /// Smith's method, as NumPy has it.
            #[inline(always)]
            fn over(self, other: Self) -> Self {
                let (re, im) = (other.re.abs(), other.im.abs());
                if re >= im {
                    if re == 0.0 && im == 0.0 {
                        return Self { re: self.re / re, im: self.im / re };
                    }
                    let ratio = other.im / other.re;
                    let scale = 1.0 / (other.re + other.im * ratio);
                    Self {
                        re: (self.re + self.im * ratio) * scale,
                        im: (self.im - self.re * ratio) * scale,
                    }
                } else {
                    let ratio = other.re / other.im;
                    let scale = 1.0 / (other.im + other.re * ratio);
                    Self {
                        re: (self.re * ratio + self.im) * scale,
                        im: (self.im * ratio - self.re) * scale,
                    }
                }
            }

            fn sign(self) -> Self {
                let size = self.re.hypot(self.im);
                if size.is_nan() {
                    Self { re: $t::NAN, im: $t::NAN }
                } else if size.is_infinite() {
                    match (self.re.is_infinite(), self.im.is_infinite()) {
                        (true, true) => Self { re: $t::NAN, im: $t::NAN },
                        (true, false) => Self { re: 1f64.copysign(self.re.into()) as $t, im: 0.0 },
                        _ => Self { re: 0.0, im: 1f64.copysign(self.im.into()) as $t },
                    }
                } else if size == 0.0 {
                    Self::default()
                } else {
                    Self { re: self.re / size, im: self.im / size }
                }
            }

            fn power(self, exponent: Self) -> Self {
                const ONE: Cx<$t> = Cx { re: 1.0, im: 0.0 };
                if exponent.re == 0.0 && exponent.im == 0.0 {
                    return ONE;
                }
                if self.re == 0.0 && self.im == 0.0 {
                    return if exponent.re > 0.0 {
                        Self::default()
                    } else {
                        Self { re: $t::NAN, im: $t::NAN }
                    };
                }
                let whole = exponent.re as i64;
                if exponent.im == 0.0 && whole as $t == exponent.re {
                    match whole {
                        1 => return self,
                        2 => return self.times(self),
                        3 => return self.times(self.times(self)),
                        -99..=99 => {
                            let (mut left, mut base, mut result) = (whole.unsigned_abs(), self, ONE);
                            loop {
                                if left & 1 == 1 {
                                    result = result.times(base);
                                }
                                left >>= 1;
                                if left == 0 {
                                    break;
                                }
                                base = base.times(base);
                            }
                            return if whole < 0 { ONE.over(result) } else { result };
                        }
                        _ => {}
                    }
                }
                c::$pow(self, exponent)
            }

            fn exp2(self) -> Self {
                const LN_2: $t = std::$t::consts::LN_2;
                c::$exp(Self { re: self.re * LN_2, im: self.im * LN_2 })
            }

            fn expm1(self) -> Self {
                let half = (self.im / 2.0).sin();
                Self {
                    re: self.re.exp_m1() * self.im.cos() - 2.0 * half * half,
                    im: self.im.sin() * self.re.exp(),
                }
            }

            fn log2(self) -> Self {
                let log = c::$log(self);
                Self { re: log.re * std::$t::consts::LOG2_E, im: log.im * std::$t::consts::LOG2_E }
            }

            fn log10(self) -> Self {
                let log = c::$log(self);
                Self { re: log.re * std::$t::consts::LOG10_E, im: log.im * std::$t::consts::LOG10_E }
            }

            fn log1p(self) -> Self {
                Self { re: (self.re + 1.0).hypot(self.im).ln(), im: self.im.atan2(self.re + 1.0) }
            }
        }
    )* };
}
complex! {
    f32 { cexpf clogf cpowf };
    f64 { cexp clog cpow };
}

/// C's functions.
mod c {
    use super::Cx;

    macro_rules! functions {
        ($($t:ty: $($name:ident)*;)*) => {
            unsafe extern "C" {
                $($(pub(super) safe fn $name(value: Cx<$t>) -> Cx<$t>;)*)*
                pub(super) safe fn cpow(base: Cx<f64>, exponent: Cx<f64>) -> Cx<f64>;
                pub(super) safe fn cpowf(base: Cx<f32>, exponent: Cx<f32>) -> Cx<f32>;
            }
        };
    }
    functions! {
        f64: cexp clog csqrt csin ccos ctan casin cacos catan csinh ccosh ctanh casinh cacosh catanh;
        f32: cexpf clogf csqrtf csinf ccosf ctanf casinf cacosf catanf csinhf ccoshf ctanhf casinhf cacoshf catanhf;
    }
}

/// The loop of `op` for operands of type `elem`.
pub(super) fn lookup(op: NdOp, elem: Elem) -> Option<Loop> {
    macro_rules! library {
        ($double:ident, $single:ident) => {
            match elem {
                Elem::C64 => plain1!(Cx<f32> => Cx<f32>, |a| c::$single(a)),
                Elem::C128 => plain1!(Cx<f64> => Cx<f64>, |a| c::$double(a)),
                _ => None,
            }
        };
    }
    macro_rules! part {
        ($f:expr) => {
            match elem {
                Elem::C64 => unary!(Cx<f32> => f32, $f),
                Elem::C128 => unary!(Cx<f64> => f64, $f),
                _ => None,
            }
        };
    }
    match op {
        NdOp::Add => complexes!(elem, binary(T), |a, b| Cx {
            re: a.re + b.re,
            im: a.im + b.im
        }),
        NdOp::Subtract => complexes!(elem, binary(T), |a, b| Cx {
            re: a.re - b.re,
            im: a.im - b.im
        }),
        NdOp::Multiply => complexes!(elem, binary(T), |a, b| Complex::times(a, b)),
        NdOp::Divide => complexes!(elem, binary(T), |a, b| Complex::over(a, b)),
        NdOp::Power | NdOp::FloatPower => complexes!(elem, plain2(T), |a, b| Complex::power(a, b)),
        NdOp::Negative => complexes!(elem, unary(T), |a| Cx { re: -a.re, im: -a.im }),
        NdOp::Conj => complexes!(elem, unary(T), |a| Cx { re: a.re, im: -a.im }),
        NdOp::Sign => complexes!(elem, plain1(T), |a| Complex::sign(a)),
        NdOp::Reciprocal => complexes!(elem, unary(T), |a| {
            // By the larger part, as Smith's method has it.
            if a.im.abs() <= a.re.abs() {
                let ratio = a.im / a.re;
                let scale = a.re + a.im * ratio;
                Cx {
                    re: 1.0 / scale,
                    im: -ratio / scale,
                }
            } else {
                let ratio = a.re / a.im;
                let scale = a.re * ratio + a.im;
                Cx {
                    re: ratio / scale,
                    im: -1.0 / scale,
                }
            }
        }),
        NdOp::Rint => complexes!(elem, unary(T), |a| Cx {
            re: a.re.round_ties_even(),
            im: a.im.round_ties_even()
        }),
        NdOp::Absolute => match elem {
            Elem::C64 => plain1!(Cx<f32> => f32, |a| a.re.hypot(a.im)),
            Elem::C128 => plain1!(Cx<f64> => f64, |a| a.re.hypot(a.im)),
            _ => None,
        },
        NdOp::Real => part!(|a| a.re),
        NdOp::Imag => part!(|a| a.im),
        NdOp::Maximum => {
            complexes!(elem, binary(T), |a, b| if a.nan() || a.above(b, true) {
                a
            } else {
                b
            })
        }
        NdOp::Minimum => {
            complexes!(elem, binary(T), |a, b| if a.nan() || b.above(a, true) {
                a
            } else {
                b
            })
        }
        NdOp::Fmax => complexes!(elem, binary(T), |a, b| if b.nan() || a.above(b, true) {
            a
        } else {
            b
        }),
        NdOp::Fmin => complexes!(elem, binary(T), |a, b| if b.nan() || b.above(a, true) {
            a
        } else {
            b
        }),
        NdOp::Expm1 => complexes!(elem, plain1(T), |a| Complex::expm1(a)),
        NdOp::Log1p => complexes!(elem, plain1(T), |a| Complex::log1p(a)),
        NdOp::Exp2 => complexes!(elem, plain1(T), |a| Complex::exp2(a)),
        NdOp::Log2 => complexes!(elem, plain1(T), |a| Complex::log2(a)),
        NdOp::Log10 => complexes!(elem, plain1(T), |a| Complex::log10(a)),
        NdOp::Exp => library!(cexp, cexpf),
        NdOp::Log => library!(clog, clogf),
        NdOp::Sqrt => library!(csqrt, csqrtf),
        NdOp::Sin => library!(csin, csinf),
        NdOp::Cos => library!(ccos, ccosf),
        NdOp::Tan => library!(ctan, ctanf),
        NdOp::Arcsin => library!(casin, casinf),
        NdOp::Arccos => library!(cacos, cacosf),
        NdOp::Arctan => library!(catan, catanf),
        NdOp::Sinh => library!(csinh, csinhf),
        NdOp::Cosh => library!(ccosh, ccoshf),
        NdOp::Tanh => library!(ctanh, ctanhf),
        NdOp::Arcsinh => library!(casinh, casinhf),
        NdOp::Arccosh => library!(cacosh, cacoshf),
        NdOp::Arctanh => library!(catanh, catanhf),
        _ => None,
    }
}

/// The loop that makes complex numbers of parts of type `elem`.
pub(super) fn pair(elem: Elem) -> Option<Loop> {
    match elem {
        Elem::F32 => binary!(f32, f32 => Cx<f32>, |re, im| Cx { re, im }),
        Elem::F64 => binary!(f64, f64 => Cx<f64>, |re, im| Cx { re, im }),
        _ => None,
    }
}
