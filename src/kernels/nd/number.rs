//! Machine types of elements: how blocks are seen as slices of them, and the arithmetic that loops need of all of them.
//!
//! Booleans are bytes that are 0 or 1; float16 has no arithmetic here, blocks of it are made float32 first. Whole numbers
//! wrap around as NumPy's do.

use num_complex::Complex;

use crate::chunk::ArrayChunk;
use crate::error::{Error, Result};

/// A type of which any bytes are a value.
///
/// # Safety
/// Any bytes are a value, and there is no padding.
pub unsafe trait Plain: Copy + Send + Sync + 'static {}

macro_rules! plain {
    ($($t:ty),*) => { $(
        // SAFETY: numbers, or two of them side by side.
        unsafe impl Plain for $t {}
    )* };
}
plain!(
    i8,
    i16,
    i32,
    i64,
    u8,
    u16,
    u32,
    u64,
    f32,
    f64,
    Complex<f32>,
    Complex<f64>
);

/// Bytes seen as elements.
///
/// # Errors
/// When they aren't aligned to the type, or not a whole number of elements.
pub fn elements<T: Plain>(bytes: &[u8]) -> Result<&[T]> {
    // SAFETY: any bytes are values of the type.
    let (head, elements, tail) = unsafe { bytes.align_to::<T>() };
    if !bytes.is_empty() && (!head.is_empty() || !tail.is_empty()) {
        return Err(Error::internal("elements that aren't aligned"));
    }
    Ok(elements)
}

/// Bytes seen as elements that can be written.
///
/// # Errors
/// As for `elements`.
pub fn elements_mut<T: Plain>(bytes: &mut [u8]) -> Result<&mut [T]> {
    let empty = bytes.is_empty();
    // SAFETY: any bytes are values of the type.
    let (head, elements, tail) = unsafe { bytes.align_to_mut::<T>() };
    if !empty && (!head.is_empty() || !tail.is_empty()) {
        return Err(Error::internal("elements that aren't aligned"));
    }
    Ok(elements)
}

/// The elements of a dense block.
///
/// # Errors
/// When it isn't dense, or has another size of element.
pub fn values<T: Plain>(chunk: &ArrayChunk) -> Result<&[T]> {
    let bytes = chunk
        .as_dense()
        .filter(|_| chunk.dtype.itemsize() == size_of::<T>());
    elements(bytes.ok_or_else(|| Error::internal("a dense block of another type"))?)
}

/// Arithmetic, as NumPy does it.
pub trait Arith: Plain + PartialEq {
    /// Nothing.
    const ZERO: Self;
    /// The neutral factor.
    const ONE: Self;
    /// Sum.
    fn plus(self, other: Self) -> Self;
    /// Product.
    fn times(self, other: Self) -> Self;
    /// What rounding took from `self + other`, which is `sum`; nothing when that isn't finite.
    fn lost(self, other: Self, sum: Self) -> Self;
}

macro_rules! whole_arith {
    ($($t:ty),*) => { $(
        impl Arith for $t {
            const ZERO: Self = 0;
            const ONE: Self = 1;
            #[inline(always)]
            fn plus(self, other: Self) -> Self { self.wrapping_add(other) }
            #[inline(always)]
            fn times(self, other: Self) -> Self { self.wrapping_mul(other) }
            #[inline(always)]
            fn lost(self, _: Self, _: Self) -> Self { 0 }
        }
    )* };
}
whole_arith!(i8, i16, i32, i64, u8, u16, u32, u64);

macro_rules! float_arith {
    ($($t:ty),*) => { $(
        impl Arith for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            #[inline(always)]
            fn plus(self, other: Self) -> Self { self + other }
            #[inline(always)]
            fn times(self, other: Self) -> Self { self * other }
            #[inline(always)]
            fn lost(self, other: Self, sum: Self) -> Self {
                let part = sum - self;
                let lost = (self - (sum - part)) + (other - part);
                if lost.is_finite() { lost } else { 0.0 }
            }
        }
        impl Arith for Complex<$t> {
            const ZERO: Self = Complex { re: 0.0, im: 0.0 };
            const ONE: Self = Complex { re: 1.0, im: 0.0 };
            #[inline(always)]
            fn plus(self, other: Self) -> Self { self + other }
            #[inline(always)]
            fn times(self, other: Self) -> Self { self * other }
            #[inline(always)]
            fn lost(self, other: Self, sum: Self) -> Self {
                Complex::new(self.re.lost(other.re, sum.re), self.im.lost(other.im, sum.im))
            }
        }
    )* };
}
float_arith!(f32, f64);

/// What means and deviations are computed in: float64, or complex128.
pub trait Real: Arith {
    /// Difference.
    fn minus(self, other: Self) -> Self;
    /// Multiple.
    fn scaled(self, factor: f64) -> Self;
    /// The square of the absolute value.
    fn square(self) -> f64;
}

impl Real for f64 {
    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        self - other
    }
    #[inline(always)]
    fn scaled(self, factor: f64) -> Self {
        self * factor
    }
    #[inline(always)]
    fn square(self) -> f64 {
        self * self
    }
}

impl Real for Complex<f64> {
    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        self - other
    }
    #[inline(always)]
    fn scaled(self, factor: f64) -> Self {
        self * factor
    }
    #[inline(always)]
    fn square(self) -> f64 {
        self.re * self.re + self.im * self.im
    }
}

/// An element.
pub trait Number: Arith {
    /// What blocks of a sum are added in.
    type Work: Arith;
    /// What sums are kept in.
    type Total: Arith;
    /// What means are kept in.
    type Mean: Real;
    /// Whether there is NaN.
    const FLOATING: bool;
    /// No value is above it.
    const HIGHEST: Self;
    /// No value is below it.
    const LOWEST: Self;
    /// NaN, for types that have it.
    const NAN: Self;
    /// As a summand.
    fn work(self) -> Self::Work;
    /// A block's sum as a summand of the whole.
    fn widen(work: Self::Work) -> Self::Total;
    /// As a factor.
    fn factor(self) -> Self::Total;
    /// As a number of which a mean is taken.
    fn mean(self) -> Self::Mean;
    /// Whether it is NaN, or part of it.
    fn is_nan(self) -> bool;
    /// Whether it is below the other: complex numbers by real part, then by imaginary part.
    fn below(self, other: Self) -> bool;
}

macro_rules! whole_number {
    ($($t:ty => $total:ty),*) => { $(
        impl Number for $t {
            type Work = $total;
            type Total = $total;
            type Mean = f64;
            const FLOATING: bool = false;
            const HIGHEST: Self = <$t>::MAX;
            const LOWEST: Self = <$t>::MIN;
            const NAN: Self = 0;
            #[inline(always)]
            fn work(self) -> $total { self as $total }
            #[inline(always)]
            fn widen(work: $total) -> $total { work }
            #[inline(always)]
            fn factor(self) -> $total { self as $total }
            #[inline(always)]
            fn mean(self) -> f64 { self as f64 }
            #[inline(always)]
            fn is_nan(self) -> bool { false }
            #[inline(always)]
            fn below(self, other: Self) -> bool { self < other }
        }
    )* };
}
whole_number!(i8 => i64, i16 => i64, i32 => i64, i64 => i64, u8 => u64, u16 => u64, u32 => u64, u64 => u64);

macro_rules! float_number {
    ($($t:ty),*) => { $(
        impl Number for $t {
            type Work = $t;
            type Total = f64;
            type Mean = f64;
            const FLOATING: bool = true;
            const HIGHEST: Self = <$t>::INFINITY;
            const LOWEST: Self = <$t>::NEG_INFINITY;
            const NAN: Self = <$t>::NAN;
            #[inline(always)]
            fn work(self) -> $t { self }
            #[inline(always)]
            fn widen(work: $t) -> f64 { work as f64 }
            #[inline(always)]
            fn factor(self) -> f64 { self as f64 }
            #[inline(always)]
            fn mean(self) -> f64 { self as f64 }
            #[inline(always)]
            fn is_nan(self) -> bool { self != self }
            #[inline(always)]
            fn below(self, other: Self) -> bool { self < other }
        }
        impl Number for Complex<$t> {
            type Work = Complex<$t>;
            type Total = Complex<f64>;
            type Mean = Complex<f64>;
            const FLOATING: bool = true;
            const HIGHEST: Self = Complex { re: <$t>::INFINITY, im: <$t>::INFINITY };
            const LOWEST: Self = Complex { re: <$t>::NEG_INFINITY, im: <$t>::NEG_INFINITY };
            const NAN: Self = Complex { re: <$t>::NAN, im: <$t>::NAN };
            #[inline(always)]
            fn work(self) -> Self { self }
            #[inline(always)]
            fn widen(work: Self) -> Complex<f64> { Complex::new(work.re as f64, work.im as f64) }
            #[inline(always)]
            fn factor(self) -> Complex<f64> { Self::widen(self) }
            #[inline(always)]
            fn mean(self) -> Complex<f64> { Self::widen(self) }
            #[inline(always)]
            fn is_nan(self) -> bool { self.re != self.re || self.im != self.im }
            #[inline(always)]
            fn below(self, other: Self) -> bool {
                self.re < other.re || (self.re == other.re && self.im < other.im)
            }
        }
    )* };
}
float_number!(f32, f64);

/// Calls `$body` with the Rust type of an element type named `$t`, for those that are listed.
#[macro_export]
macro_rules! dispatch_elem {
    ([$($elem:ident => $rust:ty),* $(,)?], $of:expr, $t:ident => $body:expr, _ => $other:expr) => {
        match $of {
            $($crate::nd::Elem::$elem => {
                type $t = $rust;
                $body
            })*
            #[allow(unreachable_patterns, reason = "all may be listed")]
            _ => $other,
        }
    };
}

/// Calls `$body` with the Rust type of an element type named `$t`; float16 isn't among them.
#[macro_export]
macro_rules! dispatch_number {
    ($elem:expr, $t:ident => $body:expr, _ => $other:expr) => {
        $crate::dispatch_elem!(
            [
                Bool => u8, I8 => i8, I16 => i16, I32 => i32, I64 => i64, U8 => u8, U16 => u16, U32 => u32, U64 => u64,
                F32 => f32, F64 => f64, C64 => num_complex::Complex<f32>, C128 => num_complex::Complex<f64>,
            ],
            $elem, $t => $body, _ => $other
        )
    };
}

/// As `dispatch_number`, for types that have NaN.
#[macro_export]
macro_rules! dispatch_floating {
    ($elem:expr, $t:ident => $body:expr, _ => $other:expr) => {
        $crate::dispatch_elem!(
            [F32 => f32, F64 => f64, C64 => num_complex::Complex<f32>, C128 => num_complex::Complex<f64>],
            $elem, $t => $body, _ => $other
        )
    };
}
