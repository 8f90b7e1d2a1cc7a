//! `size` and `count`: rows, and values that aren't missing. One word: the number.

use crate::kernels::agg::input::{Input, Values};
use crate::kernels::agg::rows::Cells;

pub(super) fn size(cells: &mut Cells<'_>, ids: &[u32]) {
    for id in ids {
        cells.at::<1>(*id)[0] += 1;
    }
}

pub(super) fn update(cells: &mut Cells<'_>, ids: &[u32], input: &Input, from: usize) {
    match &input.values {
        Values::Float(values) if input.nan_missing => {
            input.scatter::<_, 1>(values, from, ids, cells, |cell, value| {
                cell[0] += u64::from(!value.is_nan());
            });
        }
        _ => match &input.nulls {
            None => size(cells, ids),
            Some(nulls) => {
                for (row, id) in ids.iter().enumerate() {
                    cells.at::<1>(*id)[0] += u64::from(nulls.is_valid(from + row));
                }
            }
        },
    }
}

pub(super) fn reduce(cell: &mut [u64], input: &Input) {
    match &input.values {
        Values::Float(values) if input.nan_missing => {
            let mut count = 0;
            input.each(values, |value| count += u64::from(!value.is_nan()));
            cell[0] += count;
        }
        _ => {
            let missing = input
                .nulls
                .as_ref()
                .map_or(0, arrow::buffer::NullBuffer::null_count);
            cell[0] += (input.len - missing) as u64;
        }
    }
}
