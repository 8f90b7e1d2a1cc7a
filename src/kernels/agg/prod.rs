//! Products: of integers in 64 bits that wrap as NumPy's do, of floats in `float64`. One word.
//!
//! Products of floats are not compensated: their last bit may depend on where the partitions are cut.

use crate::kernels::agg::input::{Input, Values};
use crate::kernels::agg::rows::Cells;

#[inline]
fn multiply(cell: &mut [u64], value: f64) {
    cell[0] = (f64::from_bits(cell[0]) * value).to_bits();
}

pub(super) fn update_int(cells: &mut Cells<'_>, ids: &[u32], input: &Input, from: usize) {
    match &input.values {
        Values::Int(values) => input.scatter::<_, 1>(values, from, ids, cells, |cell, value| {
            cell[0] = cell[0].wrapping_mul(value.cast_unsigned());
        }),
        Values::UInt(values) => input.scatter::<_, 1>(values, from, ids, cells, |cell, value| {
            cell[0] = cell[0].wrapping_mul(value);
        }),
        Values::Float(_) | Values::Text(_) => unreachable!("the layout multiplies integers here"),
    }
}

pub(super) fn update_float(cells: &mut Cells<'_>, ids: &[u32], input: &Input, from: usize) {
    let Values::Float(values) = &input.values else {
        unreachable!("the layout multiplies floats here")
    };
    input.scatter::<_, 1>(values, from, ids, cells, |cell, value| {
        if !(input.nan_missing && value.is_nan()) {
            multiply(cell, value);
        }
    });
}

pub(super) fn reduce_int(cell: &mut [u64], input: &Input) {
    match &input.values {
        Values::Int(values) => {
            input.each(values, |value| {
                cell[0] = cell[0].wrapping_mul(value.cast_unsigned());
            });
        }
        Values::UInt(values) => input.each(values, |value| cell[0] = cell[0].wrapping_mul(value)),
        Values::Float(_) | Values::Text(_) => unreachable!("the layout multiplies integers here"),
    }
}

pub(super) fn reduce_float(cell: &mut [u64], input: &Input) {
    let Values::Float(values) = &input.values else {
        unreachable!("the layout multiplies floats here")
    };
    input.each(values, |value| {
        if !(input.nan_missing && value.is_nan()) {
            multiply(cell, value);
        }
    });
}

#[inline]
pub(super) fn merge_float(cell: &mut [u64], other: &[u64]) {
    multiply(cell, f64::from_bits(other[0]));
}
