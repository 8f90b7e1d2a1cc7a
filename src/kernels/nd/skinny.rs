//! Products of a long matrix with a narrow one, such as scores of many rows against a few queries.
//!
//! A general product first copies the long matrix into the order in which it multiplies, which takes longer than multiplying
//! by a few columns; here it is read once, as it lies. Covers float32 and float64 in rows, on x86-64 with AVX2 or AVX-512;
//! of everything else it says that it isn't for it. Sums are added up in parts of [`DEPTH`] products.

use super::blas::Matrix;
use crate::nd::Elem;

/// Columns of the narrow matrix at most, in registers of one row: more are better copied.
const PANELS: usize = 2;
/// Of fewer columns most of a register would be zeros.
const FEWEST: usize = 4;
/// Fewer rows aren't worth putting the narrow matrix in order.
const LONG: usize = 128;
/// Products that are added to one sum before it is added to the total.
const DEPTH: usize = 256;

/// The product, written to `out` with rows `apart` elements apart, or added to what is there. False, with nothing done, when
/// the matrices aren't such, or the machine can't.
///
/// # Safety
/// The elements of both can be read, those of the output be written, and read where they are added to; `T` is the machine type
/// of `elem`.
#[must_use]
pub unsafe fn product<T>(
    elem: Elem,
    a: Matrix<T>,
    b: Matrix<T>,
    out: *mut T,
    apart: usize,
    add: bool,
) -> bool {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as the caller promises; the elements are of the types that the casts name.
    unsafe {
        match elem {
            Elem::F32 => x86::single(cast(a), cast(b), out.cast(), apart, add),
            Elem::F64 => x86::double(cast(a), cast(b), out.cast(), apart, add),
            _ => false,
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (elem, a, b, out, apart, add);
        false
    }
}

#[cfg(target_arch = "x86_64")]
fn cast<T, U>(matrix: Matrix<T>) -> Matrix<U> {
    Matrix {
        start: matrix.start.cast(),
        shape: matrix.shape,
        strides: matrix.strides,
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m256d, __m512, __m512d, _mm256_add_pd, _mm256_add_ps, _mm256_fmadd_pd, _mm256_fmadd_ps,
        _mm256_loadu_pd, _mm256_loadu_ps, _mm256_set1_pd, _mm256_set1_ps, _mm256_setzero_pd,
        _mm256_setzero_ps, _mm256_storeu_pd, _mm256_storeu_ps, _mm512_add_pd, _mm512_add_ps, _mm512_fmadd_pd,
        _mm512_fmadd_ps, _mm512_loadu_pd, _mm512_loadu_ps, _mm512_set1_pd, _mm512_set1_ps, _mm512_setzero_pd,
        _mm512_setzero_ps, _mm512_storeu_pd, _mm512_storeu_ps,
    };

    use super::{DEPTH, FEWEST, LONG, Matrix, PANELS};
    use crate::kernels::ops::has_avx512;

    /// The narrow matrix in panels of `WIDTH` columns, the elements of a row side by side; zeros where there is no column.
    unsafe fn packed<T: Copy + Default, const WIDTH: usize>(b: Matrix<T>) -> Vec<[T; WIDTH]> {
        let (depth, columns) = b.shape;
        let mut panels = vec![[T::default(); WIDTH]; depth * columns.div_ceil(WIDTH)];
        for column in 0..columns {
            let panel = &mut panels[column / WIDTH * depth..][..depth];
            for (k, row) in panel.iter_mut().enumerate() {
                let at = k as isize * b.strides.0 + column as isize * b.strides.1;
                // SAFETY: an element of the matrix.
                row[column % WIDTH] = unsafe { b.start.offset(at).read() };
            }
        }
        panels
    }

    /// For an instruction set and a type: `WIDTH` columns are in `EACH` registers, for `ROWS` rows at a time.
    macro_rules! kernel {
        (
            $name:ident, $features:literal, $type:ty, $vector:ty, $lanes:literal, $each:literal, $rows:literal,
            $zero:ident, $load:ident, $store:ident, $all:ident, $fma:ident, $plus:ident
        ) => {
            mod $name {
                use super::*;

                pub(super) const WIDTH: usize = $lanes * $each;

                /// # Safety
                /// As for `product`; `right` is `b` in panels.
                #[target_feature(enable = $features)]
                pub(super) unsafe fn run(
                    a: Matrix<$type>,
                    right: &[[$type; WIDTH]],
                    columns: usize,
                    (out, apart): (*mut $type, usize),
                    add: bool,
                ) {
                    let (rows, depth) = a.shape;
                    let mut row = 0;
                    while row < rows {
                        let many = rows - row >= $rows;
                        for (number, panel) in right.chunks_exact(depth).enumerate() {
                            let from = number * WIDTH;
                            let width = WIDTH.min(columns - from);
                            // SAFETY: rows and columns of the matrices.
                            unsafe {
                                let left = a.start.offset(row as isize * a.strides.0);
                                let to = out.add(row * apart + from);
                                if many {
                                    group::<$rows>(left, a.strides.0, panel, (to, apart), width, add);
                                } else {
                                    group::<1>(left, a.strides.0, panel, (to, apart), width, add);
                                }
                            }
                        }
                        row += if many { $rows } else { 1 };
                    }
                }

                /// # Safety
                /// As for `product`, of `N` rows.
                #[target_feature(enable = $features)]
                unsafe fn group<const N: usize>(
                    left: *const $type,
                    step: isize,
                    panel: &[[$type; WIDTH]],
                    (out, apart): (*mut $type, usize),
                    width: usize,
                    add: bool,
                ) {
                    let mut totals: [[$vector; $each]; N] = [[$zero(); $each]; N];
                    let mut first = 0;
                    while first < panel.len() {
                        let part = &panel[first..panel.len().min(first + DEPTH)];
                        let mut sums: [[$vector; $each]; N] = [[$zero(); $each]; N];
                        for (k, row) in part.iter().enumerate() {
                            // SAFETY: the row of a panel, and elements of rows of the long matrix.
                            unsafe {
                                let row: [$vector; $each] =
                                    std::array::from_fn(|v| $load(row.as_ptr().add(v * $lanes)));
                                for i in 0..N {
                                    let element = left.offset(i as isize * step).add(first + k).read();
                                    let element = $all(element);
                                    for v in 0..$each {
                                        sums[i][v] = $fma(element, row[v], sums[i][v]);
                                    }
                                }
                            }
                        }
                        for i in 0..N {
                            for v in 0..$each {
                                totals[i][v] = $plus(totals[i][v], sums[i][v]);
                            }
                        }
                        first += DEPTH;
                    }
                    for i in 0..N {
                        let mut row = [<$type>::default(); WIDTH];
                        // SAFETY: the row has room for its registers, and the output for `width` elements of it.
                        unsafe {
                            for v in 0..$each {
                                $store(row.as_mut_ptr().add(v * $lanes), totals[i][v]);
                            }
                            let to = out.add(i * apart);
                            for (j, value) in row[..width].iter().enumerate() {
                                let slot = to.add(j);
                                slot.write(if add { slot.read() + value } else { *value });
                            }
                        }
                    }
                }
            }
        };
    }

    kernel!(
        single_512,
        "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma",
        f32,
        __m512,
        16,
        1,
        8,
        _mm512_setzero_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_set1_ps,
        _mm512_fmadd_ps,
        _mm512_add_ps
    );
    kernel!(
        double_512,
        "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma",
        f64,
        __m512d,
        8,
        1,
        8,
        _mm512_setzero_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_set1_pd,
        _mm512_fmadd_pd,
        _mm512_add_pd
    );
    kernel!(
        single_256,
        "avx2,fma",
        f32,
        __m256,
        8,
        2,
        4,
        _mm256_setzero_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_set1_ps,
        _mm256_fmadd_ps,
        _mm256_add_ps
    );
    kernel!(
        double_256,
        "avx2,fma",
        f64,
        __m256d,
        4,
        2,
        4,
        _mm256_setzero_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_set1_pd,
        _mm256_fmadd_pd,
        _mm256_add_pd
    );

    fn suits<T>(a: &Matrix<T>, b: &Matrix<T>, width: usize) -> bool {
        let (rows, depth) = a.shape;
        rows >= LONG
            && (16..=1 << 16).contains(&depth)
            && (FEWEST..=PANELS * width).contains(&b.shape.1)
            && a.strides.1 == 1
    }

    macro_rules! entry {
        ($name:ident, $type:ty, $large:ident, $small:ident) => {
            /// # Safety
            /// As for `super::product`.
            pub(super) unsafe fn $name(
                a: Matrix<$type>,
                b: Matrix<$type>,
                out: *mut $type,
                apart: usize,
                add: bool,
            ) -> bool {
                const WIDTH: usize = $large::WIDTH;
                let _: () = assert!(WIDTH == $small::WIDTH);
                if !suits(&a, &b, WIDTH) {
                    return false;
                }
                // SAFETY: as the caller promises; the features are asked for first.
                unsafe {
                    if has_avx512() {
                        let right = packed::<$type, WIDTH>(b);
                        $large::run(a, &right, b.shape.1, (out, apart), add);
                    } else if std::arch::is_x86_feature_detected!("avx2")
                        && std::arch::is_x86_feature_detected!("fma")
                    {
                        let right = packed::<$type, WIDTH>(b);
                        $small::run(a, &right, b.shape.1, (out, apart), add);
                    } else {
                        return false;
                    }
                }
                true
            }
        };
    }

    entry!(single, f32, single_512, single_256);
    entry!(double, f64, double_512, double_256);

    #[cfg(test)]
    mod tests {
        use super::*;

        type Run<T, const WIDTH: usize> = unsafe fn(Matrix<T>, &[[T; WIDTH]], usize, (*mut T, usize), bool);

        /// The product of small whole numbers, which is exact.
        fn check<const WIDTH: usize>(run: Run<f64, WIDTH>) {
            for (rows, depth, columns) in [(1, 1, 1), (9, 300, 3), (17, 257, WIDTH), (130, 16, 2 * WIDTH - 1)]
            {
                let number = |i: usize| ((i * 7 + i / 5) % 9) as f64;
                let (wide, apart) = (depth + 3, columns + 2);
                let left: Vec<f64> = (0..rows * wide).map(number).collect();
                let right: Vec<f64> = (0..columns * depth).map(number).collect();
                let a = Matrix {
                    start: left.as_ptr(),
                    shape: (rows, depth),
                    strides: (wide as isize, 1),
                };
                // as the transpose of rows
                let b = Matrix {
                    start: right.as_ptr(),
                    shape: (depth, columns),
                    strides: (1, depth as isize),
                };
                let mut out = vec![1.0; rows * apart];
                for add in [false, true] {
                    // SAFETY: the vectors hold the matrices that are described.
                    unsafe { run(a, &packed(b), columns, (out.as_mut_ptr(), apart), add) };
                }
                for i in 0..rows {
                    for j in 0..apart {
                        let sum: f64 = if j < columns {
                            (0..depth)
                                .map(|k| 2.0 * left[i * wide + k] * right[j * depth + k])
                                .sum()
                        } else {
                            1.0
                        };
                        assert_eq!(out[i * apart + j], sum, "{rows} {depth} {columns} at {i}, {j}");
                    }
                }
            }
        }

        #[test]
        fn products_by_each_instruction_set() {
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                check::<{ double_256::WIDTH }>(double_256::run);
            }
            if has_avx512() {
                check::<{ double_512::WIDTH }>(double_512::run);
            }
        }
    }
}
