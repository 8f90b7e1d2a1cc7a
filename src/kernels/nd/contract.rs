//! Contractions of blocks: axes put in order, then products of matrices.
//!
//! Covers any axes and stacks; what strides can say isn't copied. The products themselves are `matmul`'s.

use super::copy::writable;
use super::layout::reshape;
use super::matmul::{prepared, product_into, state};
use super::memory::{bytes_of, fresh};
use crate::chunk::ArrayChunk;
use crate::error::{Error, Result};
use crate::nd::NdDtype;
use crate::op::nd_product::Contract;

pub use super::matmul::How;

/// The products of two blocks along their contracted axes, added to `sum` if there is one. Float16 is summed in float32.
///
/// # Errors
/// When shapes or types don't go together.
pub fn contract(
    sum: Option<ArrayChunk>,
    a: &ArrayChunk,
    b: &ArrayChunk,
    spec: &Contract,
    how: How,
) -> Result<ArrayChunk> {
    let (a, b) = (prepared(a)?, prepared(b)?);
    let elem = a.dtype.elem().filter(|_| a.dtype == b.dtype);
    let elem = elem.ok_or_else(|| Error::internal("a product of blocks of two types"))?;
    if a.shape.len() != spec.batch.len() + spec.left.len() + spec.summed.len()
        || b.shape.len() != spec.batch.len() + spec.summed.len() + spec.right.len()
    {
        return Err(Error::internal("a product of blocks with other axes"));
    }
    let mut stack = Vec::with_capacity(spec.batch.len());
    for (i, j) in &spec.batch {
        stack.push(match (a.shape[*i], b.shape[*j]) {
            (one, other) if one == other => one,
            (1, other) => other,
            (one, 1) => one,
            (one, other) => return Err(mismatch(one, other)),
        });
    }
    if let Some((i, j)) = spec.summed.iter().find(|(i, j)| a.shape[*i] != b.shape[*j]) {
        return Err(mismatch(a.shape[*i], b.shape[*j]));
    }
    let lengths = |chunk: &ArrayChunk, axes: &[usize]| axes.iter().map(|axis| chunk.shape[*axis]).collect();
    let (left, right): (Vec<usize>, Vec<usize>) = (lengths(&a, &spec.left), lengths(&b, &spec.right));
    let depth: usize = spec.summed.iter().map(|(i, _)| a.shape[*i]).product();
    let (rows, columns): (usize, usize) = (left.iter().product(), right.iter().product());
    let count: usize = stack.iter().product();
    let a = matrices(
        &a,
        &stack,
        spec.batch.iter().map(|pair| pair.0),
        spec.left
            .iter()
            .copied()
            .chain(spec.summed.iter().map(|pair| pair.0)),
        [count, rows, depth],
    )?;
    let b = matrices(
        &b,
        &stack,
        spec.batch.iter().map(|pair| pair.1),
        spec.summed
            .iter()
            .map(|pair| pair.1)
            .chain(spec.right.iter().copied()),
        [count, depth, columns],
    )?;
    let shape: Vec<usize> = stack.into_iter().chain(left).chain(right).collect();
    let dtype = NdDtype::Num(state(elem));
    let len = bytes_of(&shape, elem.itemsize())?;
    let add = sum.is_some();
    let mut memory = match sum {
        Some(sum) if sum.shape == shape && sum.dtype == dtype => writable(sum)?,
        Some(_) => return Err(Error::internal("a sum of products of another shape or type")),
        None => fresh(len),
    };
    if len > 0 {
        let out = memory.as_slice_mut().chunks_exact_mut(len / count);
        for (i, out) in out.enumerate() {
            product_into(out, add, &layer(&a, i)?, &layer(&b, i)?, how)?;
        }
    }
    ArrayChunk::dense(dtype, shape, memory.into())
}

fn mismatch(one: usize, other: usize) -> Error {
    Error::value(format!(
        "blocks of a product have {one} and {other} elements along one axis"
    ))
}

/// The block as a stack of matrices.
fn matrices(
    chunk: &ArrayChunk,
    stack: &[usize],
    batch: impl Iterator<Item = usize>,
    rest: impl Iterator<Item = usize>,
    shape: [usize; 3],
) -> Result<ArrayChunk> {
    let order: Vec<usize> = batch.chain(rest).collect();
    let turned = chunk.transpose(&order);
    let mut wanted = turned.shape.clone();
    wanted[..stack.len()].copy_from_slice(stack);
    reshape(&turned.broadcast(&wanted)?, &shape)
}

/// One matrix of a stack.
fn layer(chunk: &ArrayChunk, number: usize) -> Result<ArrayChunk> {
    let [_, rows, columns] = chunk.shape[..] else {
        return Err(Error::internal("no stack of matrices"));
    };
    let one = chunk.slice(&[(number, 1, 1), (0, rows, 1), (0, columns, 1)])?;
    ArrayChunk::strided(
        one.dtype,
        one.shape[1..].to_vec(),
        one.strides[1..].to_vec(),
        one.offset,
        one.buffer,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::nd::reduce::{test_block, test_read};
    use crate::nd::Elem;
    use num_complex::Complex;

    fn block(elem: Elem, shape: &[usize]) -> (ArrayChunk, Vec<f64>) {
        let values: Vec<f64> = (0..shape.iter().product::<usize>())
            .map(|i| f64::from((i * 7 % 5) as u8))
            .collect();
        let complex: Vec<_> = values.iter().map(|value| Complex::new(*value, 0.0)).collect();
        (test_block(elem, shape, &complex), values)
    }

    #[test]
    fn axes_in_any_order_and_stacks_of_one() {
        for elem in [Elem::F64, Elem::F32, Elem::F16, Elem::I16, Elem::C64] {
            // out[s, i, j, k] = sum over p, q of a[p, s, i, q, j] * b[1, q, k, p]
            let (a, x) = block(elem, &[2, 3, 2, 4, 3]);
            let (b, y) = block(elem, &[1, 4, 5, 2]);
            let spec = Contract {
                batch: vec![(1, 0)],
                summed: vec![(0, 3), (3, 1)],
                left: vec![2, 4],
                right: vec![2],
            };
            let once = contract(None, &a, &b, &spec, How::default()).expect("contract");
            let wide = How {
                wide: true,
                half: false,
            };
            let twice = contract(Some(once.clone()), &a, &b, &spec, wide).expect("contract");
            assert_eq!(once.shape, [3, 2, 3, 5]);
            let (once, twice) = (test_read(&once), test_read(&twice));
            for (at, (value, double)) in once.iter().zip(&twice).enumerate() {
                let (s, i, j, k) = (at / 30, at / 15 % 2, at / 5 % 3, at % 5);
                let mut sum = 0.0;
                for p in 0..2 {
                    for q in 0..4 {
                        sum += x[(((p * 3 + s) * 2 + i) * 4 + q) * 3 + j] * y[(q * 5 + k) * 2 + p];
                    }
                }
                assert_eq!((value.re, double.re), (sum, 2.0 * sum), "{elem:?} {at}");
            }
        }
    }

    #[test]
    fn half_of_a_symmetric_product_is_the_whole() {
        let spec = Contract {
            batch: vec![],
            summed: vec![(1, 1)],
            left: vec![0],
            right: vec![0],
        };
        for rows in [1, 5, 300, 401] {
            let (a, _) = block(Elem::F64, &[rows, 40]);
            let whole = contract(None, &a, &a, &spec, How::default()).expect("contract");
            for wide in [false, true] {
                let how = How { half: true, wide };
                let half = contract(None, &a, &a, &spec, how).expect("contract");
                assert_eq!(test_read(&half), test_read(&whole));
                let twice = contract(Some(half), &a, &a, &spec, how).expect("contract");
                let double: Vec<_> = test_read(&whole).iter().map(|value| value * 2.0).collect();
                assert_eq!(test_read(&twice), double);
            }
        }
    }
}
