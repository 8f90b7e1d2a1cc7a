//! `min` and `max` of everything but text. One word: the value's bits.
//!
//! No values leave the largest (smallest) integer behind, so the caller counts integers; floats begin as NaN, which any
//! number replaces. NaN never wins. Of equal values (0.0 and -0.0) the first stays.

use crate::kernels::agg::input::{Input, Lane, Values};
use crate::kernels::agg::rows::Cells;

pub(super) fn template(lane: Lane, max: bool) -> &'static [u64] {
    match (lane, max) {
        (Lane::UInt, true) => &[0],
        (Lane::UInt, false) => &[u64::MAX],
        (Lane::Float, _) => &[0x7FF8_0000_0000_0000],
        (_, true) => &[1 << 63],
        (_, false) => &[u64::MAX >> 1],
    }
}

#[inline]
fn better<T: PartialOrd + Copy>(max: bool, new: T, old: T) -> bool {
    if max { new > old } else { new < old }
}

#[inline]
fn put_int(max: bool, cell: &mut [u64], value: i64) {
    if better(max, value, cell[0].cast_signed()) {
        cell[0] = value.cast_unsigned();
    }
}

#[inline]
fn put_uint(max: bool, cell: &mut [u64], value: u64) {
    if better(max, value, cell[0]) {
        cell[0] = value;
    }
}

#[inline]
fn put_float(max: bool, cell: &mut [u64], value: f64) {
    let old = f64::from_bits(cell[0]);
    if better(max, value, old) || old.is_nan() {
        cell[0] = value.to_bits();
    }
}

pub(super) fn update(max: bool, cells: &mut Cells<'_>, ids: &[u32], input: &Input, from: usize) {
    match &input.values {
        Values::Int(values) => {
            input.scatter::<_, 1>(values, from, ids, cells, |cell, value| put_int(max, cell, value));
        }
        Values::UInt(values) => {
            input.scatter::<_, 1>(values, from, ids, cells, |cell, value| put_uint(max, cell, value));
        }
        Values::Float(values) => {
            input.scatter::<_, 1>(values, from, ids, cells, |cell, value| {
                put_float(max, cell, value);
            });
        }
        Values::Text(_) => unreachable!("the layout sends text elsewhere"),
    }
}

pub(super) fn reduce(max: bool, cell: &mut [u64], input: &Input) {
    const LANES: usize = 8;
    match &input.values {
        Values::Int(values) => {
            let mut best = cell[0].cast_signed();
            input.each(values, |value| {
                best = if max { best.max(value) } else { best.min(value) }
            });
            cell[0] = best.cast_unsigned();
        }
        Values::UInt(values) => {
            let mut best = cell[0];
            input.each(values, |value| {
                best = if max { best.max(value) } else { best.min(value) }
            });
            cell[0] = best;
        }
        Values::Float(values) if input.nulls.is_none() => {
            // Lanes start at the infinity that loses; one that saw no number at all doesn't count.
            let worst = if max { f64::NEG_INFINITY } else { f64::INFINITY };
            let (mut best, mut seen) = ([worst; LANES], [false; LANES]);
            let mut chunks = values.chunks_exact(LANES);
            for chunk in &mut chunks {
                for lane in 0..LANES {
                    let value = chunk[lane];
                    best[lane] = if better(max, value, best[lane]) {
                        value
                    } else {
                        best[lane]
                    };
                    seen[lane] |= !value.is_nan();
                }
            }
            let mut found = [f64::NAN.to_bits()];
            for lane in 0..LANES {
                if seen[lane] {
                    put_float(max, &mut found, best[lane]);
                }
            }
            chunks
                .remainder()
                .iter()
                .for_each(|value| put_float(max, &mut found, *value));
            let mut found = f64::from_bits(found[0]);
            if found == 0.0 {
                // Lanes don't tell which of the zeros came first.
                found = values
                    .iter()
                    .copied()
                    .find(|value| *value == found)
                    .unwrap_or(found);
            }
            if !found.is_nan() {
                put_float(max, cell, found);
            }
        }
        Values::Float(values) => input.each(values, |value| put_float(max, cell, value)),
        Values::Text(_) => unreachable!("the layout sends text elsewhere"),
    }
}

#[inline]
pub(super) fn merge(lane: Lane, max: bool, cell: &mut [u64], other: &[u64]) {
    match lane {
        Lane::UInt => put_uint(max, cell, other[0]),
        Lane::Float => put_float(max, cell, f64::from_bits(other[0])),
        Lane::Int | Lane::Text => put_int(max, cell, other[0].cast_signed()),
    }
}
