//! Two states made one. The first one is that of the earlier elements, though the order only matters among equals.

use super::arg::comes_first;
use super::extreme::choose;
use super::moments::Spread;
use super::powers::Powers;
use super::uniform;
use crate::chunk::ArrayChunk;
use crate::error::{Error, Result};
use crate::kernels::nd::copy::{dense, writable};
use crate::kernels::nd::memory::buffer_of;
use crate::kernels::nd::number::{Arith, Number, Plain, Real, elements_mut, values};
use crate::nd::{Elem, NdDtype};
use crate::op::nd_reduce::ReduceOp;
use crate::{dispatch_elem, dispatch_floating, dispatch_number};

/// The state of the elements of both.
///
/// # Errors
/// When they aren't states of this reduction over results of one shape and type.
pub fn merge(op: ReduceOp, a: Vec<ArrayChunk>, b: &[ArrayChunk]) -> Result<Vec<ArrayChunk>> {
    let alike = a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| a.shape == b.shape && a.dtype == b.dtype);
    if !alike || a.is_empty() {
        return Err(Error::internal("states of different reductions merged"));
    }
    let elem = a[0].dtype.elem().unwrap_or(Elem::F16);
    let skipna = op.skipna() && matches!(elem, Elem::F32 | Elem::F64 | Elem::C64 | Elem::C128);
    let wrong = || {
        Err(Error::internal(format!(
            "a state of {} in {}",
            op.name(),
            elem.name()
        )))
    };
    match op {
        ReduceOp::Sum { .. } | ReduceOp::CountNonzero => added(a, b),
        ReduceOp::Prod { .. } => dispatch_elem!(
            [I64 => i64, U64 => u64, F64 => f64, C128 => num_complex::Complex<f64>],
            elem, T => one(a, b, |a: T, b: T| a.times(b)), _ => wrong()
        ),
        ReduceOp::Any => one(a, b, |a: u8, b: u8| a | b),
        ReduceOp::All => one(a, b, |a: u8, b: u8| a & b),
        ReduceOp::Mean { .. } => {
            let [sum, count] = two(a)?;
            let mut state = added(vec![sum], &b[..1])?;
            state.push(counts_added(count, &b[1])?);
            Ok(state)
        }
        ReduceOp::Min { .. } | ReduceOp::Max { .. } => {
            let max = matches!(op, ReduceOp::Max { .. });
            let [value, count] = two(a)?;
            let value = if skipna {
                dispatch_floating!(elem, T => extremes::<T, true>(value, &b[0], max), _ => return wrong())
            } else {
                dispatch_number!(elem, T => extremes::<T, false>(value, &b[0], max), _ => return wrong())
            };
            Ok(vec![value?, counts_added(count, &b[1])?])
        }
        ReduceOp::Ptp => {
            let Ok([min, max, count]) = <[ArrayChunk; 3]>::try_from(a) else {
                return wrong();
            };
            let min =
                dispatch_number!(elem, T => extremes::<T, false>(min, &b[0], false), _ => return wrong());
            let max =
                dispatch_number!(elem, T => extremes::<T, false>(max, &b[1], true), _ => return wrong());
            Ok(vec![min?, max?, counts_added(count, &b[2])?])
        }
        ReduceOp::ArgMin { .. } | ReduceOp::ArgMax { .. } => {
            let max = matches!(op, ReduceOp::ArgMax { .. });
            if skipna {
                dispatch_floating!(elem, T => places::<T, true>(a, b, max), _ => wrong())
            } else {
                dispatch_number!(elem, T => places::<T, false>(a, b, max), _ => wrong())
            }
        }
        ReduceOp::Var { .. } | ReduceOp::Std { .. } => match elem {
            Elem::F64 => spreads::<f64>(a, b),
            Elem::C128 => spreads::<num_complex::Complex<f64>>(a, b),
            _ => wrong(),
        },
        ReduceOp::Moment { order, .. } => powers(order, &a, b),
    }
}

/// The state of all, merged in pairs, so that rounding grows with the logarithm of how many there are.
///
/// # Errors
/// As for `merge`, or when there are none.
pub fn merge_many(op: ReduceOp, mut states: Vec<Vec<ArrayChunk>>) -> Result<Vec<ArrayChunk>> {
    if states.is_empty() {
        return Err(Error::internal("no states to merge"));
    }
    while states.len() > 1 {
        let mut merged = Vec::with_capacity(states.len().div_ceil(2));
        let mut all = states.into_iter();
        while let Some(first) = all.next() {
            merged.push(match all.next() {
                Some(second) => merge(op, first, &second)?,
                None => first,
            });
        }
        states = merged;
    }
    states.pop().ok_or_else(|| Error::internal("no states to merge"))
}

fn two(state: Vec<ArrayChunk>) -> Result<[ArrayChunk; 2]> {
    <[ArrayChunk; 2]>::try_from(state).map_err(|_| Error::internal("a state of two blocks"))
}

/// Element by element into the memory of the first.
fn zipped<T: Plain>(a: ArrayChunk, b: &ArrayChunk, f: impl Fn(T, T) -> T) -> Result<ArrayChunk> {
    let (dtype, shape) = (a.dtype.clone(), a.shape.clone());
    let mut memory = writable(a)?;
    let b = dense(b)?;
    for (a, b) in elements_mut::<T>(memory.as_slice_mut())?
        .iter_mut()
        .zip(values::<T>(&b)?)
    {
        *a = f(*a, *b);
    }
    ArrayChunk::dense(dtype, shape, memory.into())
}

fn one<T: Plain>(a: Vec<ArrayChunk>, b: &[ArrayChunk], f: impl Fn(T, T) -> T) -> Result<Vec<ArrayChunk>> {
    let merged = a.into_iter().zip(b).map(|(a, b)| zipped(a, b, &f));
    merged.collect()
}

fn added(a: Vec<ArrayChunk>, b: &[ArrayChunk]) -> Result<Vec<ArrayChunk>> {
    let elem = a.first().and_then(|sum| sum.dtype.elem()).unwrap_or(Elem::F16);
    dispatch_elem!(
        [I64 => i64, U64 => u64, F64 => f64, C128 => num_complex::Complex<f64>],
        elem, T => one(a, b, |a: T, b: T| a.plus(b)), _ => Err(Error::internal("a sum of another type"))
    )
}

fn extremes<T: Number, const SKIP: bool>(a: ArrayChunk, b: &ArrayChunk, max: bool) -> Result<ArrayChunk> {
    if max {
        zipped(a, b, choose::<T, true, SKIP>)
    } else {
        zipped(a, b, choose::<T, false, SKIP>)
    }
}

/// The count that all results share.
pub(super) fn shared_count(counts: &ArrayChunk) -> Option<i64> {
    if counts.size() == 0 || counts.strides.iter().any(|stride| *stride != 0) {
        return None;
    }
    let bytes = counts.buffer.as_slice().get(counts.offset..counts.offset + 8)?;
    Some(i64::from_ne_bytes(bytes.try_into().ok()?))
}

fn counts_added(a: ArrayChunk, b: &ArrayChunk) -> Result<ArrayChunk> {
    match (shared_count(&a), shared_count(b)) {
        (Some(own), Some(other)) => uniform(own + other, &a.shape),
        _ => zipped(a, b, |a: i64, b: i64| a + b),
    }
}

fn places<T: Number, const SKIP: bool>(
    a: Vec<ArrayChunk>,
    b: &[ArrayChunk],
    max: bool,
) -> Result<Vec<ArrayChunk>> {
    let [value, number] = two(a)?;
    let (dtypes, shape) = ([value.dtype.clone(), number.dtype.clone()], value.shape.clone());
    let (mut values_memory, mut numbers_memory) = (writable(value)?, writable(number)?);
    let (other_values, other_numbers) = (dense(&b[0])?, dense(&b[1])?);
    let own = elements_mut::<T>(values_memory.as_slice_mut())?
        .iter_mut()
        .zip(elements_mut::<i64>(numbers_memory.as_slice_mut())?);
    let other = values::<T>(&other_values)?
        .iter()
        .zip(values::<i64>(&other_numbers)?);
    for ((value, number), (new, new_number)) in own.zip(other) {
        let (new, old) = ((*new, *new_number), (*value, *number));
        let take = new.1 != super::arg::NOWHERE
            && if max {
                comes_first::<T, true, SKIP>(new, old)
            } else {
                comes_first::<T, false, SKIP>(new, old)
            };
        if take {
            (*value, *number) = new;
        }
    }
    let [value, number] = dtypes;
    Ok(vec![
        ArrayChunk::dense(value, shape.clone(), values_memory.into())?,
        ArrayChunk::dense(number, shape, numbers_memory.into())?,
    ])
}

/// The counts, one for each result.
pub(super) fn counts(chunk: &ArrayChunk) -> Result<Vec<i64>> {
    Ok(values::<i64>(&dense(chunk)?)?.to_vec())
}

fn spreads<M: Real>(a: Vec<ArrayChunk>, b: &[ArrayChunk]) -> Result<Vec<ArrayChunk>> {
    let Ok([sum, count, square]) = <[ArrayChunk; 3]>::try_from(a) else {
        return Err(Error::internal("a state of three blocks"));
    };
    let (own_counts, other_counts) = (counts(&count)?, counts(&b[1])?);
    let (dtype, shape) = (sum.dtype.clone(), sum.shape.clone());
    let (mut sums, mut squares) = (writable(sum)?, writable(square)?);
    let (other_sums, other_squares) = (dense(&b[0])?, dense(&b[2])?);
    let own_sums = elements_mut::<M>(sums.as_slice_mut())?;
    let own_squares = elements_mut::<f64>(squares.as_slice_mut())?;
    let (other_sums, other_squares) = (values::<M>(&other_sums)?, values::<f64>(&other_squares)?);
    for (i, (sum, squares)) in own_sums.iter_mut().zip(own_squares).enumerate() {
        let own = Spread {
            count: own_counts[i] as f64,
            sum: *sum,
            squares: *squares,
        };
        let merged = own.merged(Spread {
            count: other_counts[i] as f64,
            sum: other_sums[i],
            squares: other_squares[i],
        });
        (*sum, *squares) = (merged.sum, merged.squares);
    }
    Ok(vec![
        ArrayChunk::dense(dtype, shape.clone(), sums.into())?,
        counts_added(count, &b[1])?,
        ArrayChunk::dense(NdDtype::Num(Elem::F64), shape, squares.into())?,
    ])
}

fn powers(order: u32, a: &[ArrayChunk], b: &[ArrayChunk]) -> Result<Vec<ArrayChunk>> {
    if a.len() != order as usize + 1 {
        return Err(Error::internal("a state of a moment of another order"));
    }
    let read = |state: &[ArrayChunk]| -> Result<Vec<Powers>> {
        let counts = counts(&state[1])?;
        let columns: Vec<ArrayChunk> = state
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != 1)
            .map(|(_, chunk)| dense(chunk))
            .collect::<Result<_>>()?;
        let columns: Vec<&[f64]> = columns.iter().map(values::<f64>).collect::<Result<_>>()?;
        let slot = |i: usize| Powers {
            count: counts[i] as f64,
            sum: columns[0][i],
            powers: columns[1..].iter().map(|column| column[i]).collect(),
        };
        Ok((0..counts.len()).map(slot).collect())
    };
    let (mut own, other) = (read(a)?, read(b)?);
    for (own, other) in own.iter_mut().zip(&other) {
        own.merge(other);
    }
    let block =
        |values: Vec<f64>| ArrayChunk::dense(NdDtype::Num(Elem::F64), a[0].shape.clone(), buffer_of(values));
    let mut state = vec![
        block(own.iter().map(|slot| slot.sum).collect())?,
        counts_added(a[1].clone(), &b[1])?,
    ];
    for i in 0..order as usize - 1 {
        state.push(block(own.iter().map(|slot| slot.powers[i]).collect())?);
    }
    Ok(state)
}
