//! `any` and `all`. One word of flags: a true value was seen, a false one, a missing one.
//!
//! Numbers are true unless zero, text unless empty. What a missing value means with `skipna=False` is left to [`any`] and
//! [`all`]: truth where pandas has NaN (NumPy, `str`), "don't know" in nullable dtypes.

use crate::kernels::agg::input::{Input, Values};
use crate::kernels::agg::rows::Cells;
use crate::kernels::group::text::TextRows;

const TRUE: u64 = 1;
const FALSE: u64 = 2;
const MISSING: u64 = 4;

/// `any`; `None` is `pd.NA`.
pub(super) fn any(cell: &[u64], skipna: bool, masked: bool) -> Option<bool> {
    let missing = !skipna && cell[0] & MISSING != 0;
    match (cell[0] & TRUE != 0, missing, masked) {
        (true, ..) | (_, true, false) => Some(true),
        (_, true, true) => None,
        _ => Some(false),
    }
}

/// `all`; `None` is `pd.NA`.
pub(super) fn all(cell: &[u64], skipna: bool, masked: bool) -> Option<bool> {
    let missing = !skipna && cell[0] & MISSING != 0;
    match (cell[0] & FALSE != 0, missing, masked) {
        (true, ..) => Some(false),
        (_, true, true) => None,
        _ => Some(true),
    }
}

fn flag(input: &Input, row: usize) -> u64 {
    if input.is_missing(row) {
        return MISSING;
    }
    let truth = match &input.values {
        Values::Int(values) => values[row] != 0,
        Values::UInt(values) => values[row] != 0,
        Values::Float(values) => values[row] != 0.0,
        Values::Text(array) => TextRows::new(array).is_ok_and(|rows| !rows.bytes(row).is_empty()),
    };
    if truth { TRUE } else { FALSE }
}

pub(super) fn update(cells: &mut Cells<'_>, ids: &[u32], input: &Input, from: usize) {
    for (row, id) in ids.iter().enumerate() {
        cells.at::<1>(*id)[0] |= flag(input, from + row);
    }
}

pub(super) fn reduce(cell: &mut [u64], input: &Input) {
    for row in 0..input.len {
        cell[0] |= flag(input, row);
        if cell[0] == TRUE | FALSE | MISSING {
            break;
        }
    }
}
