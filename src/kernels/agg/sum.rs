//! Sums. Of integers: 64 bits that wrap as NumPy's do, or 128 bits for exact means. Of floats: a sum and its running error
//! (two words), so that the result is that of adding exactly and rounding once, whatever the order and the partitions.
//!
//! Once a sum is infinite or NaN it stays so, and its error means nothing; [`float`] leaves it out.

use crate::kernels::agg::input::{Input, Values};
use crate::kernels::agg::rows::Cells;

/// Adds with the exact error of the addition.
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// The sum that two words hold.
#[inline]
pub(super) fn float(cell: &[u64]) -> f64 {
    let (sum, error) = (f64::from_bits(cell[0]), f64::from_bits(cell[1]));
    if sum.is_finite() { sum + error } else { sum }
}

/// The sum that two words hold.
#[inline]
pub(super) fn wide(cell: &[u64]) -> i128 {
    i128::from(cell[1].cast_signed()) << 64 | i128::from(cell[0])
}

#[inline]
fn put_wide(cell: &mut [u64], sum: i128) {
    cell[0] = sum as u64;
    cell[1] = (sum >> 64) as u64;
}

#[inline]
fn add(cell: &mut [u64], value: f64) {
    let (sum, error) = two_sum(f64::from_bits(cell[0]), value);
    cell[0] = sum.to_bits();
    cell[1] = (f64::from_bits(cell[1]) + error).to_bits();
}

pub(super) fn update_int(cells: &mut Cells<'_>, ids: &[u32], input: &Input, from: usize) {
    match &input.values {
        Values::Int(values) => input.scatter::<_, 1>(values, from, ids, cells, |cell, value| {
            cell[0] = cell[0].wrapping_add(value.cast_unsigned());
        }),
        Values::UInt(values) => input.scatter::<_, 1>(values, from, ids, cells, |cell, value| {
            cell[0] = cell[0].wrapping_add(value);
        }),
        Values::Float(_) | Values::Text(_) => unreachable!("the layout sums integers here"),
    }
}

pub(super) fn update_wide(cells: &mut Cells<'_>, ids: &[u32], input: &Input, from: usize) {
    match &input.values {
        Values::Int(values) => input.scatter::<_, 2>(values, from, ids, cells, |cell, value| {
            let sum = wide(cell) + i128::from(value);
            put_wide(cell, sum);
        }),
        Values::UInt(values) => input.scatter::<_, 2>(values, from, ids, cells, |cell, value| {
            let sum = wide(cell) + i128::from(value);
            put_wide(cell, sum);
        }),
        Values::Float(_) | Values::Text(_) => unreachable!("the layout sums integers here"),
    }
}

pub(super) fn update_float(cells: &mut Cells<'_>, ids: &[u32], input: &Input, from: usize) {
    let Values::Float(values) = &input.values else {
        unreachable!("the layout sums floats here")
    };
    if input.nan_missing {
        input.scatter::<_, 2>(values, from, ids, cells, |cell, value| {
            if !value.is_nan() {
                add(cell, value);
            }
        });
    } else {
        input.scatter::<_, 2>(values, from, ids, cells, |cell, value| add(cell, value));
    }
}

pub(super) fn reduce_int(cell: &mut [u64], input: &Input) {
    let mut sum = cell[0];
    match &input.values {
        Values::Int(values) => input.each(values, |value| sum = sum.wrapping_add(value.cast_unsigned())),
        Values::UInt(values) => input.each(values, |value| sum = sum.wrapping_add(value)),
        Values::Float(_) | Values::Text(_) => unreachable!("the layout sums integers here"),
    }
    cell[0] = sum;
}

pub(super) fn reduce_wide(cell: &mut [u64], input: &Input) {
    let mut sum = wide(cell);
    match &input.values {
        Values::Int(values) => input.each(values, |value| sum += i128::from(value)),
        Values::UInt(values) => input.each(values, |value| sum += i128::from(value)),
        Values::Float(_) | Values::Text(_) => unreachable!("the layout sums integers here"),
    }
    put_wide(cell, sum);
}

pub(super) fn reduce_float(cell: &mut [u64], input: &Input) {
    const LANES: usize = 8;
    let Values::Float(values) = &input.values else {
        unreachable!("the layout sums floats here")
    };
    let kept = |value: f64| {
        if input.nan_missing && value.is_nan() {
            0.0
        } else {
            value
        }
    };
    if input.nulls.is_some() {
        return input.each(values, |value| add(cell, kept(value)));
    }
    // Eight sums side by side, so that no addition waits for the one before it.
    let (mut sums, mut errors) = ([0.0; LANES], [0.0; LANES]);
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for lane in 0..LANES {
            let (sum, error) = two_sum(sums[lane], kept(chunk[lane]));
            sums[lane] = sum;
            errors[lane] += error;
        }
    }
    for lane in 0..LANES {
        merge_float(cell, &[f64::to_bits(sums[lane]), f64::to_bits(errors[lane])]);
    }
    for value in chunks.remainder() {
        add(cell, kept(*value));
    }
}

#[inline]
pub(super) fn merge_wide(cell: &mut [u64], other: &[u64]) {
    let sum = wide(cell) + wide(other);
    put_wide(cell, sum);
}

#[inline]
pub(super) fn merge_float(cell: &mut [u64], other: &[u64]) {
    add(cell, f64::from_bits(other[0]));
    cell[1] = (f64::from_bits(cell[1]) + f64::from_bits(other[1])).to_bits();
}
