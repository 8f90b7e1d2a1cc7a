//! `var` and `std`: count, mean and sum of squared deviations. Three words, each a float.
//!
//! Rows are added by Welford's update, partial results by Chan's formula: neither subtracts large squares from each other.

use crate::kernels::agg::input::{Input, Values};
use crate::kernels::agg::rows::Cells;

#[inline]
fn add(cell: &mut [u64; 3], value: f64) {
    let [count, mean, squares] = cell.map(f64::from_bits);
    let count = count + 1.0;
    let delta = value - mean;
    let mean = mean + delta / count;
    let squares = squares + delta * (value - mean);
    *cell = [count, mean, squares].map(f64::to_bits);
}

/// The variance with `ddof`, unless there are too few values. `limit`: NumPy's own rule, which divides by nothing then and
/// gives an infinity (or NaN where the values are equal).
pub(super) fn variance(cell: &[u64], ddof: i32, limit: bool) -> Option<f64> {
    let (count, squares) = (f64::from_bits(cell[0]), f64::from_bits(cell[2]));
    let freedom = count - f64::from(ddof);
    if limit {
        return (count > 0.0).then(|| squares / freedom.max(0.0));
    }
    (count > 0.0 && freedom > 0.0).then(|| squares / freedom)
}

pub(super) fn update(cells: &mut Cells<'_>, ids: &[u32], input: &Input, from: usize) {
    match &input.values {
        Values::Int(values) => input.scatter(values, from, ids, cells, |cell, value| add(cell, value as f64)),
        Values::UInt(values) => {
            input.scatter(values, from, ids, cells, |cell, value| add(cell, value as f64));
        }
        Values::Float(values) => input.scatter(values, from, ids, cells, |cell, value| {
            if !(input.nan_missing && value.is_nan()) {
                add(cell, value);
            }
        }),
        Values::Text(_) => unreachable!("text has no variance"),
    }
}

pub(super) fn reduce(cell: &mut [u64], input: &Input) {
    /// Values that are added in one go: they stay in the nearest cache for both passes.
    const BLOCK: usize = 1024;
    let mut block = Vec::with_capacity(BLOCK);
    let mut push = |value: f64| {
        block.push(value);
        if block.len() == BLOCK {
            add_block(cell, &block);
            block.clear();
        }
    };
    match &input.values {
        Values::Int(values) => input.each(values, |value| push(value as f64)),
        Values::UInt(values) => input.each(values, |value| push(value as f64)),
        Values::Float(values) => input.each(values, |value| {
            if !(input.nan_missing && value.is_nan()) {
                push(value);
            }
        }),
        Values::Text(_) => unreachable!("text has no variance"),
    }
    add_block(cell, &block);
}

/// Two passes over values that are near.
fn add_block(cell: &mut [u64], values: &[f64]) {
    if values.is_empty() {
        return;
    }
    let count = values.len() as f64;
    let mean = sum(values, |value| value) / count;
    // What rounding left out of the mean; it also mends the sum of squares.
    let rest = sum(values, |value| value - mean);
    let squares = sum(values, |value| (value - mean) * (value - mean)) - rest * rest / count;
    merge(cell, &[count, mean + rest / count, squares].map(f64::to_bits));
}

#[inline]
fn sum(values: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += term(*value);
        }
    }
    sums.iter().sum::<f64>() + chunks.remainder().iter().map(|value| term(*value)).sum::<f64>()
}

#[inline]
pub(super) fn merge(cell: &mut [u64], other: &[u64]) {
    let [count, mean, squares] = [0, 1, 2].map(|word| f64::from_bits(cell[word]));
    let [other_count, other_mean, other_squares] = [0, 1, 2].map(|word| f64::from_bits(other[word]));
    if other_count == 0.0 {
        return;
    }
    if count == 0.0 {
        cell.copy_from_slice(other);
        return;
    }
    let total = count + other_count;
    let delta = other_mean - mean;
    let mean = mean + delta * (other_count / total);
    let squares = squares + other_squares + delta * delta * (count * other_count / total);
    cell.copy_from_slice(&[total, mean, squares].map(f64::to_bits));
}
