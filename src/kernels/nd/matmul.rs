//! Products of matrices, and sums of products, which is what a product of chunked matrices is made of.
//!
//! Covers blocks with two axes and one element type. Floats go to the crate `gemm` with whatever strides they have, one thread
//! for each call; whole numbers wrap around as NumPy's do; for booleans product is `and`, sum is `or`. Float16 is summed in
//! float32: states are float32 until [`finish`].

use num_complex::Complex;

use super::copy::{copied, dense, writable};
use super::memory::{buffer_of, bytes_of, fresh};
use super::number::{Arith, Plain, elements, elements_mut, values};
use crate::chunk::ArrayChunk;
use crate::dispatch_elem;
use crate::error::{Error, Result};
use crate::kernels::ops::{Task, vectorised};
use crate::nd::{Elem, NdDtype};

/// The type that products of matrices of a type are summed in.
#[must_use]
pub fn state(elem: Elem) -> Elem {
    if elem == Elem::F16 { Elem::F32 } else { elem }
}

/// The product, as a state.
///
/// # Errors
/// When shapes or types don't go together.
pub fn matmul(a: &ArrayChunk, b: &ArrayChunk) -> Result<ArrayChunk> {
    product(None, a, b)
}

/// The product added to a state.
///
/// # Errors
/// When shapes or types don't go together.
pub fn matmul_add(sum: ArrayChunk, a: &ArrayChunk, b: &ArrayChunk) -> Result<ArrayChunk> {
    product(Some(sum), a, b)
}

/// The state as a result of type `elem`.
///
/// # Errors
/// When the state isn't one of that type.
pub fn finish(sum: ArrayChunk, elem: Elem) -> Result<ArrayChunk> {
    if sum.dtype != NdDtype::Num(state(elem)) {
        return Err(Error::internal(format!(
            "a product of {:?} as {}",
            sum.dtype,
            elem.name()
        )));
    }
    if elem != Elem::F16 {
        return Ok(sum);
    }
    let sum = dense(&sum)?;
    let halves = values::<f32>(&sum)?
        .iter()
        .map(|value| half::f16::from_f32(*value).to_bits());
    ArrayChunk::dense(
        NdDtype::Num(elem),
        sum.shape.clone(),
        buffer_of(halves.collect::<Vec<u16>>()),
    )
}

fn product(sum: Option<ArrayChunk>, a: &ArrayChunk, b: &ArrayChunk) -> Result<ArrayChunk> {
    let (&[rows, depth], &[other, columns]) = (&a.shape[..], &b.shape[..]) else {
        return Err(Error::internal("a product of blocks that aren't matrices"));
    };
    if depth != other {
        return Err(Error::value(format!(
            "matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature (n?,k),(k,m?)->(n?,m?) \
             (size {other} is different from {depth})"
        )));
    }
    let elem = a.dtype.elem().filter(|_| a.dtype == b.dtype);
    let elem = elem.ok_or_else(|| Error::internal("a product of matrices of two types"))?;
    if elem == Elem::F16 {
        return product(sum, &single(a)?, &single(b)?);
    }
    let shape = [rows, columns];
    if let Some(sum) = &sum
        && (sum.shape != shape || sum.dtype != a.dtype)
    {
        return Err(Error::internal("a sum of products of another shape or type"));
    }
    let add = sum.is_some();
    let len = bytes_of(&shape, elem.itemsize())?;
    let mut memory = match sum {
        Some(sum) => writable(sum)?,
        None => fresh(len),
    };
    let out = memory.as_slice_mut();
    if depth == 0 && !add {
        out.fill(0);
    }
    if depth > 0 && len > 0 {
        let size = (rows, depth, columns);
        dispatch_elem!(
            [F32 => f32, F64 => f64, C64 => Complex<f32>, C128 => Complex<f64>],
            elem,
            T => floats(elements_mut::<T>(out)?, &operand::<T>(a)?, &operand::<T>(b)?, size, add),
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
                    vectorised(Whole { out, a, b, depth, columns });
                },
                _ => return Err(Error::internal(format!("a product of {}", elem.name())))
            )
        );
    }
    ArrayChunk::dense(NdDtype::Num(elem), shape.to_vec(), memory.into())
}

fn single(chunk: &ArrayChunk) -> Result<ArrayChunk> {
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

fn floats<T: Arith>(
    out: &mut [T],
    a: &ArrayChunk,
    b: &ArrayChunk,
    (rows, depth, columns): (usize, usize, usize),
    add: bool,
) {
    let size = size_of::<T>() as isize;
    let start = |chunk: &ArrayChunk| chunk.buffer.as_slice()[chunk.offset..].as_ptr().cast::<T>();
    // SAFETY: a chunk's elements lie inside its buffer, aligned as `operand` has seen to; the output has room for all rows
    // and columns, and is only read when it holds a sum.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            out.as_mut_ptr(),
            1,
            columns as isize,
            add,
            start(a),
            a.strides[1] / size,
            a.strides[0] / size,
            start(b),
            b.strides[1] / size,
            b.strides[0] / size,
            T::ONE,
            T::ONE,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
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
            let once = matmul(&a, &b).expect("matmul");
            let twice = matmul_add(once.clone(), &a, &b).expect("matmul");
            let wrap = |value: C| match elem {
                Elem::Bool => C::new(f64::from(value.re != 0.0), 0.0),
                Elem::I8 => C::new(f64::from(value.re as i64 as i8), 0.0),
                Elem::U8 => C::new(f64::from(value.re as i64 as u8), 0.0),
                _ => value,
            };
            for (result, times) in [(once, 1.0), (twice, 2.0)] {
                let result = crate::kernels::nd::reduce::test_read(&finish(result, elem).expect("finish"));
                for i in 0..rows {
                    for j in 0..columns {
                        let sum: C = (0..depth).map(|k| left[i * depth + k] * right[k * columns + j]).sum();
                        prop_assert_eq!(result[i * columns + j], wrap(sum * times));
                    }
                }
            }
        }
    }

    #[test]
    fn shapes_and_types_must_go_together() {
        let (a, _) = matrix(Elem::F64, 2, 3, 0);
        let (b, _) = matrix(Elem::F64, 2, 3, 0);
        let (c, _) = matrix(Elem::F32, 3, 2, 0);
        assert!(matmul(&a, &b).is_err() && matmul(&a, &c).is_err());
        let sum = matmul(&a, &b.transpose(&[1, 0])).expect("matmul");
        assert!(matmul_add(sum, &a, &c).is_err());
    }
}
