//! What loops over tiles are made of: type-erased operands, complex numbers, and the macros that make a loop of a closure.

use std::mem::MaybeUninit;

use crate::kernels::ops::Operand;

/// What a loop reads: an element for each of the tile, or one for all.
#[derive(Clone, Copy, Debug)]
pub struct Src {
    /// The first element.
    pub ptr: *const u8,
    /// Whether there is only one.
    pub one: bool,
}

impl Src {
    /// No operand.
    pub const NONE: Self = Self {
        ptr: std::ptr::null(),
        one: true,
    };

    /// The operand as elements of `T`.
    ///
    /// # Safety
    /// `ptr` leads to an aligned element of `T`, or to `n` of them when there isn't just one, that live for `'a`.
    #[inline(always)]
    #[must_use]
    pub unsafe fn read<'a, T: Copy>(self, n: usize) -> Operand<'a, T> {
        let ptr = self.ptr.cast::<T>();
        if self.one {
            // SAFETY: the caller's promise.
            Operand::One(unsafe { *ptr })
        } else {
            // SAFETY: the caller's promise.
            Operand::Rows(unsafe { std::slice::from_raw_parts(ptr, n) })
        }
    }
}

/// Where a loop writes.
///
/// # Safety
/// `out` leads to aligned room for `n` elements of `T` that nothing else refers to during `'a`.
#[inline(always)]
pub unsafe fn dest<'a, T>(out: *mut u8, n: usize) -> &'a mut [MaybeUninit<T>] {
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts_mut(out.cast(), n) }
}

/// How a loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// All elements are written.
    Done,
    /// A whole number to a negative power.
    NegativePower,
}

/// A loop over a tile: operands, where the results go, and how many.
///
/// Safe to call when the operands hold what [`Src::read`] asks, the output what [`dest`] asks, for the types that the loop was
/// looked up for.
pub type Loop = unsafe fn(&[Src; 3], *mut u8, usize) -> Outcome;

/// A complex number, as C has it.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
#[repr(C)]
pub struct Cx<T> {
    /// The real part.
    pub re: T,
    /// The imaginary part.
    pub im: T,
}

/// A vectorised loop over one operand.
macro_rules! unary {
    ($a:ty => $r:ty, $f:expr) => {{
        unsafe fn run(
            args: &[$crate::kernels::nd::ops::lane::Src; 3],
            out: *mut u8,
            n: usize,
        ) -> $crate::kernels::nd::ops::lane::Outcome {
            // SAFETY: whoever calls a loop promises what `Src::read` and `dest` ask, for these types.
            let (a, out) = unsafe {
                (
                    args[0].read::<$a>(n),
                    $crate::kernels::nd::ops::lane::dest::<$r>(out, n),
                )
            };
            $crate::kernels::ops::map1(a, out, $f);
            $crate::kernels::nd::ops::lane::Outcome::Done
        }
        Some(run as $crate::kernels::nd::ops::lane::Loop)
    }};
}

/// A vectorised loop over two operands.
macro_rules! binary {
    ($a:ty, $b:ty => $r:ty, $f:expr) => {{
        unsafe fn run(
            args: &[$crate::kernels::nd::ops::lane::Src; 3],
            out: *mut u8,
            n: usize,
        ) -> $crate::kernels::nd::ops::lane::Outcome {
            // SAFETY: as in `unary`.
            let (a, b, out) = unsafe {
                (
                    args[0].read::<$a>(n),
                    args[1].read::<$b>(n),
                    $crate::kernels::nd::ops::lane::dest::<$r>(out, n),
                )
            };
            $crate::kernels::ops::map2(a, b, out, $f);
            $crate::kernels::nd::ops::lane::Outcome::Done
        }
        Some(run as $crate::kernels::nd::ops::lane::Loop)
    }};
}

/// A loop that calls a function for each element of one operand: nothing to vectorise.
macro_rules! plain1 {
    ($a:ty => $r:ty, $f:expr) => {{
        unsafe fn run(
            args: &[$crate::kernels::nd::ops::lane::Src; 3],
            out: *mut u8,
            n: usize,
        ) -> $crate::kernels::nd::ops::lane::Outcome {
            // SAFETY: as in `unary`.
            let (a, out) = unsafe {
                (
                    args[0].read::<$a>(n),
                    $crate::kernels::nd::ops::lane::dest::<$r>(out, n),
                )
            };
            $crate::kernels::nd::ops::lane::each1(a, out, &$f);
            $crate::kernels::nd::ops::lane::Outcome::Done
        }
        Some(run as $crate::kernels::nd::ops::lane::Loop)
    }};
}

/// The same for two operands.
macro_rules! plain2 {
    ($a:ty, $b:ty => $r:ty, $f:expr) => {{
        unsafe fn run(
            args: &[$crate::kernels::nd::ops::lane::Src; 3],
            out: *mut u8,
            n: usize,
        ) -> $crate::kernels::nd::ops::lane::Outcome {
            // SAFETY: as in `unary`.
            let (a, b, out) = unsafe {
                (
                    args[0].read::<$a>(n),
                    args[1].read::<$b>(n),
                    $crate::kernels::nd::ops::lane::dest::<$r>(out, n),
                )
            };
            $crate::kernels::nd::ops::lane::each2(a, b, out, &$f);
            $crate::kernels::nd::ops::lane::Outcome::Done
        }
        Some(run as $crate::kernels::nd::ops::lane::Loop)
    }};
}

/// `f` of each element; once when there is one for all.
pub fn each1<A: Copy, R: Copy>(a: Operand<'_, A>, out: &mut [MaybeUninit<R>], f: &dyn Fn(A) -> R) {
    match a {
        Operand::Rows(a) => {
            for (slot, a) in out.iter_mut().zip(a) {
                slot.write(f(*a));
            }
        }
        Operand::One(a) => out.fill(MaybeUninit::new(f(a))),
    }
}

/// `f` of each pair; once when there is one pair for all.
pub fn each2<A: Copy, B: Copy, R: Copy>(
    a: Operand<'_, A>,
    b: Operand<'_, B>,
    out: &mut [MaybeUninit<R>],
    f: &dyn Fn(A, B) -> R,
) {
    if let (Operand::One(a), Operand::One(b)) = (a, b) {
        out.fill(MaybeUninit::new(f(a, b)));
        return;
    }
    for (row, slot) in out.iter_mut().enumerate() {
        slot.write(f(a.at(row), b.at(row)));
    }
}

/// A loop for each integer type.
macro_rules! ints {
    ($elem:expr, $make:ident($($kind:tt)*), $f:expr) => {
        match $elem {
            $crate::nd::Elem::I8 => $crate::kernels::nd::ops::lane::same!(i8, $make($($kind)*), $f),
            $crate::nd::Elem::I16 => $crate::kernels::nd::ops::lane::same!(i16, $make($($kind)*), $f),
            $crate::nd::Elem::I32 => $crate::kernels::nd::ops::lane::same!(i32, $make($($kind)*), $f),
            $crate::nd::Elem::I64 => $crate::kernels::nd::ops::lane::same!(i64, $make($($kind)*), $f),
            $crate::nd::Elem::U8 => $crate::kernels::nd::ops::lane::same!(u8, $make($($kind)*), $f),
            $crate::nd::Elem::U16 => $crate::kernels::nd::ops::lane::same!(u16, $make($($kind)*), $f),
            $crate::nd::Elem::U32 => $crate::kernels::nd::ops::lane::same!(u32, $make($($kind)*), $f),
            $crate::nd::Elem::U64 => $crate::kernels::nd::ops::lane::same!(u64, $make($($kind)*), $f),
            _ => None,
        }
    };
}

/// A loop for each float type; half floats are computed with as single ones.
macro_rules! floats {
    ($elem:expr, $make:ident($($kind:tt)*), $f:expr) => {
        match $elem {
            $crate::nd::Elem::F32 => $crate::kernels::nd::ops::lane::same!(f32, $make($($kind)*), $f),
            $crate::nd::Elem::F64 => $crate::kernels::nd::ops::lane::same!(f64, $make($($kind)*), $f),
            _ => None,
        }
    };
}

/// A loop for each complex type.
macro_rules! complexes {
    ($elem:expr, $make:ident($($kind:tt)*), $f:expr) => {
        match $elem {
            $crate::nd::Elem::C64 => $crate::kernels::nd::ops::lane::same!(
                $crate::kernels::nd::ops::lane::Cx<f32>, $make($($kind)*), $f
            ),
            $crate::nd::Elem::C128 => $crate::kernels::nd::ops::lane::same!(
                $crate::kernels::nd::ops::lane::Cx<f64>, $make($($kind)*), $f
            ),
            _ => None,
        }
    };
}

/// A loop whose operands have one type; the result has it too (`T`) or is one named in the brackets.
macro_rules! same {
    ($t:ty, unary(T), $f:expr) => { $crate::kernels::nd::ops::lane::unary!($t => $t, $f) };
    ($t:ty, unary($r:ty), $f:expr) => { $crate::kernels::nd::ops::lane::unary!($t => $r, $f) };
    ($t:ty, plain1(T), $f:expr) => { $crate::kernels::nd::ops::lane::plain1!($t => $t, $f) };
    ($t:ty, plain1($r:ty), $f:expr) => { $crate::kernels::nd::ops::lane::plain1!($t => $r, $f) };
    ($t:ty, binary(T), $f:expr) => { $crate::kernels::nd::ops::lane::binary!($t, $t => $t, $f) };
    ($t:ty, binary($r:ty), $f:expr) => { $crate::kernels::nd::ops::lane::binary!($t, $t => $r, $f) };
    ($t:ty, plain2(T), $f:expr) => { $crate::kernels::nd::ops::lane::plain2!($t, $t => $t, $f) };
    ($t:ty, plain2($r:ty), $f:expr) => { $crate::kernels::nd::ops::lane::plain2!($t, $t => $r, $f) };
}

pub(crate) use {binary, complexes, floats, ints, plain1, plain2, same, unary};
