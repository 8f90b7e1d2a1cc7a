//! `first` and `last` of everything but text. Two words: a state (no row yet, a value, a missing value) and the value's bits.
//!
//! With `skipna` missing values are passed over; without, the first (last) row counts whatever it holds.

use crate::kernels::agg::input::{Input, Values};
use crate::kernels::agg::rows::Cells;

const VALUE: u64 = 1;
const MISSING: u64 = 2;

/// The bits of the value, if there is one.
pub(super) fn value(cell: &[u64]) -> Option<u64> {
    (cell[0] == VALUE).then_some(cell[1])
}

#[inline]
fn bits(input: &Input, row: usize) -> u64 {
    match &input.values {
        Values::Int(values) => values[row].cast_unsigned(),
        Values::UInt(values) => values[row],
        Values::Float(values) => values[row].to_bits(),
        Values::Text(_) => unreachable!("the layout sends text elsewhere"),
    }
}

#[inline]
fn put(last: bool, skipna: bool, cell: &mut [u64], input: &Input, row: usize) {
    if !last && cell[0] != 0 {
        return;
    }
    if !input.is_missing(row) {
        cell[0] = VALUE;
        cell[1] = bits(input, row);
    } else if !skipna {
        cell[0] = MISSING;
    }
}

pub(super) fn update(
    last: bool,
    skipna: bool,
    cells: &mut Cells<'_>,
    ids: &[u32],
    input: &Input,
    from: usize,
) {
    for (row, id) in ids.iter().enumerate() {
        put(last, skipna, cells.at::<2>(*id), input, from + row);
    }
}

pub(super) fn reduce(last: bool, skipna: bool, cell: &mut [u64], input: &Input) {
    let kept = |row: &usize| !skipna || !input.is_missing(*row);
    let row = if last {
        (0..input.len).rev().find(kept)
    } else {
        (0..input.len).find(kept)
    };
    if let Some(row) = row {
        put(last, skipna, cell, input, row);
    }
}

#[inline]
pub(super) fn merge(last: bool, cell: &mut [u64], other: &[u64]) {
    if other[0] != 0 && (last || cell[0] == 0) {
        cell.copy_from_slice(other);
    }
}
