//! Products of matrices by the BLAS that the host language has loaded, held to one thread.
//!
//! The host tells once where the functions are ([`provide`]); without them, or for matrices that it doesn't take, products
//! are the crate `gemm`'s. While a call or a [`hold`] of anybody is inside, the library uses one thread, so that tasks side by
//! side neither wait for each other nor have more threads than cores; the last one out gives it its threads back. Covers
//! libraries with 64-bit integers in which all matrices are in C order.

use std::ffi::c_void;
use std::sync::OnceLock;

use crate::nd::Elem;
use crate::process::PerProcess;
use crate::sync::Mutex;

/// Where the functions of a BLAS are: `cblas_?gemm` for single, double, and both complex; `cblas_?syrk` for the first two;
/// and those that tell and set the number of threads.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Products.
    pub gemm: [usize; 4],
    /// Products of a matrix with its transpose.
    pub syrk: [usize; 2],
    /// The number of threads.
    pub get_threads: usize,
    /// Sets it.
    pub set_threads: usize,
}

static BLAS: OnceLock<Addresses> = OnceLock::new();

#[derive(Default)]
struct Threads {
    /// How many are inside, and the threads that there were before.
    state: Mutex<(usize, i32)>,
}

static THREADS: PerProcess<Threads> = PerProcess::new();

type Gemm<A> = unsafe extern "C" fn(
    i32,
    i32,
    i32,
    i64,
    i64,
    i64,
    A,
    *const c_void,
    i64,
    *const c_void,
    i64,
    A,
    *mut c_void,
    i64,
);
type Syrk<A> = unsafe extern "C" fn(i32, i32, i32, i64, i64, A, *const c_void, i64, A, *mut c_void, i64);

const ROW_MAJOR: i32 = 101;
const UPPER: i32 = 121;

/// Tells where the functions are; the first one that does is heard.
///
/// # Safety
/// They are functions of a BLAS with 64-bit integers that stays loaded.
pub unsafe fn provide(addresses: Addresses) {
    let _ = BLAS.set(addresses);
}

/// One thread until this is dropped.
#[derive(Debug)]
pub struct Hold(());

/// Holds the library to one thread.
#[must_use]
pub fn hold() -> Hold {
    enter();
    Hold(())
}

impl Drop for Hold {
    fn drop(&mut self) {
        leave();
    }
}

/// Begins to hold the library to one thread; [`leave`] ends it.
pub fn enter() {
    let Some(blas) = BLAS.get() else { return };
    let mut state = THREADS.get().state.lock();
    if state.0 == 0 {
        // SAFETY: the functions are those that `provide` was promised.
        unsafe {
            let get: unsafe extern "C" fn() -> i32 = std::mem::transmute(blas.get_threads);
            state.1 = get();
            set_threads(blas, 1);
        }
    }
    state.0 += 1;
}

/// Ends what one [`enter`] has begun.
pub fn leave() {
    let Some(blas) = BLAS.get() else { return };
    let mut state = THREADS.get().state.lock();
    state.0 = state.0.saturating_sub(1);
    if state.0 == 0 && state.1 > 1 {
        // SAFETY: as above.
        unsafe { set_threads(blas, state.1) };
    }
}

/// # Safety
/// The functions are those that `provide` was promised.
unsafe fn set_threads(blas: &Addresses, threads: i32) {
    // SAFETY: as the caller promises.
    unsafe {
        let set: unsafe extern "C" fn(i32) = std::mem::transmute(blas.set_threads);
        set(threads);
    }
}

/// A matrix: its first element, and how many elements lie between rows and between columns.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<T> {
    /// The first element.
    pub start: *const T,
    /// Rows and columns.
    pub shape: (usize, usize),
    /// Steps to the next row and to the next column.
    pub strides: (isize, isize),
}

impl<T> Matrix<T> {
    /// How BLAS is told of it: whether transposed, and how far rows of its memory are apart.
    fn told(&self) -> Option<(i32, i64)> {
        const PLAIN: i32 = 111;
        const TRANSPOSED: i32 = 112;
        let (rows, columns) = self.shape;
        let (down, right) = self.strides;
        let apart = |step: isize, width: usize, count: usize| {
            let width = width.max(1) as i64;
            let apart = if count > 1 { step as i64 } else { width };
            (apart >= width).then_some(apart)
        };
        if (right == 1 || columns == 1)
            && let Some(apart) = apart(down, columns, rows)
        {
            return Some((PLAIN, apart));
        }
        if down == 1 || rows == 1 {
            return apart(right, rows, columns).map(|apart| (TRANSPOSED, apart));
        }
        None
    }
}

/// The product of two matrices, written to `out` with rows `apart` elements apart, or added to what is there. False when the
/// library isn't there or doesn't take them.
///
/// # Safety
/// The elements of both can be read, those of the output be written, and read where they are added to; `T` is the machine type
/// of `elem`.
#[must_use]
pub unsafe fn gemm<T>(elem: Elem, a: Matrix<T>, b: Matrix<T>, out: *mut T, apart: usize, add: bool) -> bool {
    let (Some(blas), Some((left, lda)), Some((right, ldb))) = (BLAS.get(), a.told(), b.told()) else {
        return false;
    };
    let (rows, depth, columns) = (a.shape.0 as i64, a.shape.1 as i64, b.shape.1 as i64);
    let (x, y, z): (*const c_void, *const c_void, *mut c_void) = (a.start.cast(), b.start.cast(), out.cast());
    let ldc = apart as i64;
    macro_rules! call {
        ($type:ty, $place:expr, $one:expr, $zero:expr) => {{
            let _held = hold();
            // SAFETY: as the caller and `provide` were promised.
            unsafe {
                let gemm: Gemm<$type> = std::mem::transmute(blas.gemm[$place]);
                let beta = if add { $one } else { $zero };
                gemm(
                    ROW_MAJOR, left, right, rows, columns, depth, $one, x, lda, y, ldb, beta, z, ldc,
                );
            }
            true
        }};
    }
    let (ones, zeros) = ([1f32, 0.0], [0f32, 0.0]);
    let (wide_ones, wide_zeros) = ([1f64, 0.0], [0f64, 0.0]);
    match elem {
        Elem::F32 => call!(f32, 0, 1.0, 0.0),
        Elem::F64 => call!(f64, 1, 1.0, 0.0),
        Elem::C64 => call!(*const f32, 2, ones.as_ptr(), zeros.as_ptr()),
        Elem::C128 => call!(*const f64, 3, wide_ones.as_ptr(), wide_zeros.as_ptr()),
        _ => false,
    }
}

/// The product of a matrix with its transpose, of which what is on the diagonal and above it is written. False as for `gemm`.
///
/// # Safety
/// As for `gemm`.
#[must_use]
pub unsafe fn syrk<T>(elem: Elem, a: Matrix<T>, out: *mut T, add: bool) -> bool {
    let (Some(blas), Some((word, lda))) = (BLAS.get(), a.told()) else {
        return false;
    };
    let (side, depth) = (a.shape.0 as i64, a.shape.1 as i64);
    let (x, z): (*const c_void, *mut c_void) = (a.start.cast(), out.cast());
    macro_rules! call {
        ($type:ty, $place:expr) => {{
            let _held = hold();
            // SAFETY: as the caller and `provide` were promised.
            unsafe {
                let syrk: Syrk<$type> = std::mem::transmute(blas.syrk[$place]);
                let beta = if add { 1.0 } else { 0.0 };
                syrk(ROW_MAJOR, UPPER, word, side, depth, 1.0, x, lda, beta, z, side);
            }
            true
        }};
    }
    match elem {
        Elem::F32 => call!(f32, 0),
        Elem::F64 => call!(f64, 1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(shape: (usize, usize), strides: (isize, isize)) -> Option<(i32, i64)> {
        Matrix {
            start: std::ptr::null::<f64>(),
            shape,
            strides,
        }
        .told()
    }

    #[test]
    fn matrices_are_told_as_they_lie() {
        assert_eq!(told((3, 4), (4, 1)), Some((111, 4)));
        assert_eq!(told((3, 4), (9, 1)), Some((111, 9)));
        assert_eq!(told((3, 4), (1, 3)), Some((112, 3)));
        assert_eq!(told((1, 4), (1, 1)), Some((111, 4)));
        assert_eq!(told((4, 1), (1, 1)), Some((111, 1)));
        assert_eq!(told((4, 1), (7, 1)), Some((111, 7)));
        // a window that moves by one element, and steps in both directions
        assert_eq!(told((3, 4), (1, 1)), None);
        assert_eq!(told((3, 4), (8, 2)), None);
    }
}
