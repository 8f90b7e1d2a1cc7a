//! Products of matrices, and sums of products, which is what a product of chunked matrices is made of.
//!
//! Covers blocks with two axes and one element type. Floats go to the BLAS that is loaded anyway ([`super::blas`]), or to the
//! crate `gemm` with whatever strides they have, one thread for each call; a product that is to use all threads is cut into several. Whole numbers wrap around as NumPy's do; for
//! booleans product is `and`, sum is `or`. Float16 is summed in float32.

use num_complex::Complex;
use rayon::prelude::*;

use super::blas::{self, Matrix};
use super::copy::{copied, dense};
use super::memory::{buffer_of, bytes_of};
use super::number::{Arith, Plain, elements, elements_mut, values};
use super::skinny;
use crate::chunk::ArrayChunk;
use crate::dispatch_elem;
use crate::error::{Error, Result};
use crate::kernels::ops::{Task, vectorised};
use crate::nd::{Elem, NdDtype};
use crate::parallel;

/// The type that products of matrices of a type are summed in.
#[must_use]
pub fn state(elem: Elem) -> Elem {
    if elem == Elem::F16 { Elem::F32 } else { elem }
}

/// How a product is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// The result is symmetric, so that half of it is enough.
    pub half: bool,
    /// On all threads of the pool.
    pub wide: bool,
}

/// The block as one of the type that products of its type are summed in.
///
/// # Errors
/// When it is larger than any memory.
pub fn prepared(chunk: &ArrayChunk) -> Result<ArrayChunk> {
    if chunk.dtype != NdDtype::Num(Elem::F16) {
        return Ok(chunk.clone());
    }
    let chunk = dense(chunk)?;
    let singles = values::<u16>(&chunk)?
        .iter()
        .map(|bits| half::f16::from_bits(*bits).to_f32());
    ArrayChunk::dense(
        NdDtype::Num(Elem::F32),
        chunk.shape.clone(),
        buffer_of(singles.collect::<Vec<f32>>()),
    )
}

/// Writes the product of two matrices of one type to `out`, which is dense in C order, or adds it to what is there.
///
/// # Errors
/// When shapes or types don't go together.
pub fn product_into(out: &mut [u8], add: bool, a: &ArrayChunk, b: &ArrayChunk, how: How) -> Result<()> {
    let (&[rows, depth], &[other, columns]) = (&a.shape[..], &b.shape[..]) else {
        return Err(Error::internal("a product of blocks that aren't matrices"));
    };
    let elem = a.dtype.elem().filter(|_| a.dtype == b.dtype);
    let elem = elem.ok_or_else(|| Error::internal("a product of matrices of two types"))?;
    let len = bytes_of(&[rows, columns], elem.itemsize())?;
    if depth != other || out.len() != len || how.half && rows != columns {
        return Err(Error::internal(
            "a product of matrices whose shapes don't go together",
        ));
    }
    if depth == 0 && !add {
        out.fill(0);
    }
    if depth == 0 || len == 0 {
        return Ok(());
    }
    let size = (rows, depth, columns);
    dispatch_elem!(
        [F32 => f32, F64 => f64, C64 => Complex<f32>, C128 => Complex<f64>],
        elem,
        T => {
            let (a, b) = (operand::<T>(a)?, operand::<T>(b)?);
            let matrices = Floats { a: &a, b: &b, elem, size, add };
            matrices.run(elements_mut::<T>(out)?, how);
        },
        _ => dispatch_elem!(
            [
                Bool => Truth, I8 => i8, I16 => i16, I32 => i32, I64 => i64, U8 => u8, U16 => u16, U32 => u32,
                U64 => u64,
            ],
            elem,
            T => {
                let (a, b) = (dense(a)?, dense(b)?);
                let (a, b) = (elements::<T>(a.as_dense().unwrap_or_default())?, elements::<T>(b.as_dense().unwrap_or_default())?);
                let out = elements_mut::<T>(out)?;
                if !add {
                    out.fill(T::ZERO);
                }
                whole(out, a, b, size, how.wide);
            },
            _ => return Err(Error::internal(format!("a product of {}", elem.name())))
        )
    );
    Ok(())
}

/// Whole numbers, by bands of rows.
fn whole<T: Arith>(
    out: &mut [T],
    a: &[T],
    b: &[T],
    (rows, depth, columns): (usize, usize, usize),
    wide: bool,
) {
    let band = if wide {
        rows.div_ceil(4 * parallel::threads()).max(1)
    } else {
        rows
    };
    let run = |(out, a): (&mut [T], &[T])| {
        vectorised(Whole {
            out,
            a,
            b,
            depth,
            columns,
        });
    };
    if wide {
        parallel::install(|| {
            let outs = out.par_chunks_mut(band * columns);
            outs.zip(a.par_chunks(band * depth)).for_each(run);
        });
    } else {
        run((out, a));
    }
}

/// The block with strides that `gemm` takes: positive, in whole elements.
fn operand<T>(chunk: &ArrayChunk) -> Result<ArrayChunk> {
    let size = size_of::<T>() as isize;
    let first = chunk.buffer.as_ptr() as usize + chunk.offset;
    let axes = || {
        chunk
            .shape
            .iter()
            .zip(&chunk.strides)
            .filter(|(len, _)| **len > 1)
    };
    let fits = first.is_multiple_of(align_of::<T>())
        && axes().all(|(_, stride)| *stride > 0 && stride % size == 0)
        && axes().any(|(_, stride)| *stride == size);
    let mut chunk = if fits || chunk.size() == 1 && first.is_multiple_of(align_of::<T>()) {
        chunk.clone()
    } else {
        copied(chunk)?
    };
    // Along an axis of length 1 nobody goes.
    for (len, stride) in chunk.shape.iter().zip(&mut chunk.strides) {
        if *len == 1 {
            *stride = size;
        }
    }
    Ok(chunk)
}

/// Two matrices as `gemm` takes them.
struct Floats<'a> {
    a: &'a ArrayChunk,
    b: &'a ArrayChunk,
    elem: Elem,
    size: (usize, usize, usize),
    add: bool,
}

/// Elementary products below which it doesn't matter who computes them.
const SMALL: usize = 1 << 15;

/// Part of a block, from so many bytes after its first element on.
fn matrix<T>(chunk: &ArrayChunk, offset: isize, shape: (usize, usize)) -> Matrix<T> {
    let first = chunk.buffer.as_slice()[chunk.offset..].as_ptr();
    let size = size_of::<T>() as isize;
    Matrix {
        start: first.wrapping_offset(offset).cast(),
        shape,
        strides: (chunk.strides[0] / size, chunk.strides[1] / size),
    }
}

/// Part of a result: rows and columns, from and to.
type Tile = (usize, usize, usize, usize);

/// Where results go; tiles write to different elements.
#[derive(Clone, Copy)]
struct Target<T>(*mut T);

// SAFETY: whoever shares it writes to elements of their own.
unsafe impl<T> Send for Target<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Target<T> {}

impl<T> Target<T> {
    fn at(self, element: usize) -> *mut T {
        self.0.wrapping_add(element)
    }
}

impl Floats<'_> {
    fn run<T: Arith>(&self, out: &mut [T], how: How) {
        let (rows, depth, columns) = self.size;
        let target = Target(out.as_mut_ptr());
        if how.half && !how.wide && rows * depth * columns >= SMALL {
            let whole = matrix(self.a, 0, (rows, depth));
            // SAFETY: as for `tile`; the output is a square.
            if unsafe { blas::syrk::<T>(self.elem, whole, target.at(0), self.add) } {
                return mirror(out, rows);
            }
        }
        let tiles = tiles(rows, columns, how);
        if how.wide && tiles.len() > 1 {
            parallel::install(|| tiles.par_iter().for_each(|tile| self.tile(target, *tile)));
        } else {
            tiles.iter().for_each(|tile| self.tile(target, *tile));
        }
        if how.half {
            mirror(out, rows);
        }
    }

    fn tile<T: Arith>(&self, out: Target<T>, (top, bottom, from, to): Tile) {
        let (_, depth, columns) = self.size;
        let (a, b) = (self.a, self.b);
        let left = matrix::<T>(a, top as isize * a.strides[0], (bottom - top, depth));
        let right = matrix::<T>(b, from as isize * b.strides[1], (depth, to - from));
        let first = out.at(top * columns + from);
        // SAFETY: a chunk's elements lie inside its buffer, aligned as `operand` has seen to; the output has room for all
        // rows and columns, no other tile has one of these, and it is only read when it holds a sum.
        unsafe {
            if skinny::product(self.elem, left, right, first, columns, self.add) {
                return;
            }
            if (bottom - top) * depth * (to - from) >= SMALL
                && blas::gemm(self.elem, left, right, first, columns, self.add)
            {
                return;
            }
            gemm::gemm(
                bottom - top,
                to - from,
                depth,
                first,
                1,
                columns as isize,
                self.add,
                left.start,
                left.strides.1,
                left.strides.0,
                right.start,
                right.strides.1,
                right.strides.0,
                T::ONE,
                T::ONE,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}

/// The parts that a product is computed in. Of a symmetric one what is far below the diagonal is left out.
fn tiles(rows: usize, columns: usize, how: How) -> Vec<Tile> {
    /// Rows of a band along the diagonal: few, so that little is computed twice, and enough to pack the other matrix for.
    const BAND: usize = 192;
    /// What the rows or columns of a tile are a multiple of.
    const STEP: usize = 48;
    if how.half {
        let bands = (0..rows).step_by(BAND);
        return bands
            .map(|top| (top, (top + BAND).min(rows), top, columns))
            .collect();
    }
    if !how.wide {
        return vec![(0, rows, 0, columns)];
    }
    let parts = 2 * parallel::threads();
    let longest = rows.max(columns);
    let band = longest.div_ceil(parts).next_multiple_of(STEP);
    let bands = (0..longest)
        .step_by(band)
        .map(|at| (at, (at + band).min(longest)));
    if rows >= columns {
        bands.map(|(top, bottom)| (top, bottom, 0, columns)).collect()
    } else {
        bands.map(|(from, to)| (0, rows, from, to)).collect()
    }
}

/// Copies what is above the diagonal of a square matrix to below it.
fn mirror<T: Copy>(out: &mut [T], side: usize) {
    const TILE: usize = 32;
    for top in (0..side).step_by(TILE) {
        for from in (0..=top).step_by(TILE) {
            for row in top..(top + TILE).min(side) {
                for column in from..(from + TILE).min(row) {
                    out[row * side + column] = out[column * side + row];
                }
            }
        }
    }
}

/// A boolean.
#[derive(Clone, Copy, PartialEq)]
#[repr(transparent)]
struct Truth(u8);

// SAFETY: a byte.
unsafe impl Plain for Truth {}

impl Arith for Truth {
    const ZERO: Self = Self(0);
    const ONE: Self = Self(1);
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    #[inline(always)]
    fn times(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
    #[inline(always)]
    fn lost(self, _: Self, _: Self) -> Self {
        Self::ZERO
    }
}

/// Rows of the output get multiples of rows of the second matrix, in tiles that stay in the nearest cache.
struct Whole<'a, T> {
    out: &'a mut [T],
    a: &'a [T],
    b: &'a [T],
    depth: usize,
    columns: usize,
}

impl<T: Arith> Task for Whole<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        const TILE: usize = 512;
        const DEPTH: usize = 64;
        let columns = self.columns;
        for from in (0..columns).step_by(TILE) {
            let width = TILE.min(columns - from);
            for first in (0..self.depth).step_by(DEPTH) {
                let last = (first + DEPTH).min(self.depth);
                let rows = self
                    .out
                    .chunks_exact_mut(columns)
                    .zip(self.a.chunks_exact(self.depth));
                for (out, factors) in rows {
                    let out = &mut out[from..from + width];
                    for k in first..last {
                        let factor = factors[k];
                        let row = &self.b[k * columns + from..][..width];
                        for (sum, element) in out.iter_mut().zip(row) {
                            *sum = sum.plus(factor.times(*element));
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type C = Complex<f64>;

    /// A matrix of small numbers with the strides of a dense one, its transpose, or a part that runs backwards.
    fn matrix(elem: Elem, rows: usize, columns: usize, seed: u64) -> (ArrayChunk, Vec<C>) {
        let kind = seed % 4;
        let (base, parts, order): ([usize; 2], _, _) = match kind {
            0 => ([rows, columns], [(0, rows, 1), (0, columns, 1)], [0, 1]),
            1 => ([columns, rows], [(0, columns, 1), (0, rows, 1)], [1, 0]),
            2 => (
                [2 * rows, columns],
                [(2 * rows - 1, rows, -2), (0, columns, 1)],
                [0, 1],
            ),
            _ => ([rows, 2 * columns], [(0, rows, 1), (0, columns, 2)], [0, 1]),
        };
        let mut state = seed | 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 33) % 4) as f64
        };
        let len = base[0] * base[1];
        let complex = matches!(elem, Elem::C64 | Elem::C128);
        let all: Vec<C> = (0..len)
            .map(|_| {
                let re = next();
                C::new(
                    if elem == Elem::Bool { re % 2.0 } else { re },
                    if complex { next() } else { 0.0 },
                )
            })
            .collect();
        let chunk = crate::kernels::nd::reduce::test_block(elem, &base, &all);
        let view = chunk.slice(&parts).expect("slice").transpose(&order);
        let all = crate::kernels::nd::reduce::test_read(&view);
        (view, all)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]
        #[test]
        fn products_are_those_of_a_loop(
            elem in prop::sample::select(Elem::ALL.to_vec()),
            size in prop::sample::select(vec![(1, 1, 1), (3, 4, 5), (17, 1, 9), (1, 40, 1), (33, 70, 20), (5, 0, 3), (0, 2, 2)]),
            seed in any::<u64>(),
        ) {
            let (rows, depth, columns) = size;
            let (a, left) = matrix(elem, rows, depth, seed);
            let (b, right) = matrix(elem, depth, columns, seed / 5);
            let once = multiplied(None, &a, &b).expect("product");
            let twice = multiplied(Some(once.clone()), &a, &b).expect("product");
            let wrap = |value: C| match elem {
                Elem::Bool => C::new(f64::from(value.re != 0.0), 0.0),
                Elem::I8 => C::new(f64::from(value.re as i64 as i8), 0.0),
                Elem::U8 => C::new(f64::from(value.re as i64 as u8), 0.0),
                _ => value,
            };
            for (result, times) in [(once, 1.0), (twice, 2.0)] {
                let result = crate::kernels::nd::reduce::test_read(&result);
                for i in 0..rows {
                    for j in 0..columns {
                        let sum: C = (0..depth).map(|k| left[i * depth + k] * right[k * columns + j]).sum();
                        prop_assert_eq!(result[i * columns + j], wrap(sum * times));
                    }
                }
            }
        }
    }

    fn multiplied(sum: Option<ArrayChunk>, a: &ArrayChunk, b: &ArrayChunk) -> Result<ArrayChunk> {
        let spec = crate::op::nd_product::Contract {
            batch: vec![],
            summed: vec![(1, 0)],
            left: vec![0],
            right: vec![1],
        };
        crate::kernels::nd::contract::contract(sum, a, b, &spec, How::default())
    }

    #[test]
    fn shapes_and_types_must_go_together() {
        let (a, _) = matrix(Elem::F64, 2, 3, 0);
        let (b, _) = matrix(Elem::F64, 2, 3, 0);
        let (c, _) = matrix(Elem::F32, 3, 2, 0);
        assert!(multiplied(None, &a, &b).is_err() && multiplied(None, &a, &c).is_err());
        let sum = multiplied(None, &a, &b.transpose(&[1, 0])).expect("product");
        assert!(multiplied(Some(sum), &a, &c).is_err());
    }

    #[test]
    fn tiles_cover_a_result_once() {
        for (rows, columns) in [(1, 1), (1000, 7), (3, 2000), (192, 192)] {
            for wide in [false, true] {
                let how = How { half: false, wide };
                let covered: usize = tiles(rows, columns, how)
                    .iter()
                    .map(|(top, bottom, from, to)| (bottom - top) * (to - from))
                    .sum();
                assert_eq!(covered, rows * columns);
            }
        }
    }
}
