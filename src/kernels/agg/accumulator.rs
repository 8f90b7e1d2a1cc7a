//! The accumulators of fixed size: which there are, how many words each takes, and where their loops are.
//!
//! A call such as `mean` is made of one or more of them (see `layout`), and calls share them. Invariant: merging is
//! associative, and merging with the accumulator of no values changes nothing.

use crate::kernels::agg::input::{Input, Lane};
use crate::kernels::agg::rows::Cells;
use crate::kernels::agg::{count, extreme, moments, pick, prod, sum, truth};

/// An accumulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accumulator {
    /// Rows.
    Size,
    /// Values that aren't missing.
    Count,
    /// The wrapping 64-bit sum of integers.
    SumInt,
    /// The exact 128-bit sum of integers, for means.
    SumWide,
    /// The compensated sum of floats.
    SumFloat,
    ProdInt,
    ProdFloat,
    Extreme {
        lane: Lane,
        max: bool,
    },
    /// Count, mean and sum of squared deviations.
    Moments,
    /// The first or last value.
    Pick {
        last: bool,
        skipna: bool,
    },
    /// Whether there was a true, a false, a missing value.
    Truth,
}

impl Accumulator {
    /// The words of no values.
    pub(super) fn template(self) -> &'static [u64] {
        match self {
            Self::Size | Self::Count | Self::SumInt | Self::Truth => &[0],
            Self::SumWide | Self::SumFloat | Self::Pick { .. } => &[0, 0],
            Self::ProdInt => &[1],
            Self::ProdFloat => &[0x3FF0_0000_0000_0000],
            Self::Extreme { lane, max } => extreme::template(lane, max),
            Self::Moments => &[0, 0, 0],
        }
    }

    /// Adds the rows from `from` on to their groups.
    pub(super) fn update(self, cells: &mut Cells<'_>, ids: &[u32], input: Option<&Input>, from: usize) {
        let Some(input) = input else {
            return count::size(cells, ids);
        };
        match self {
            Self::Size => count::size(cells, ids),
            Self::Count => count::update(cells, ids, input, from),
            Self::SumInt => sum::update_int(cells, ids, input, from),
            Self::SumWide => sum::update_wide(cells, ids, input, from),
            Self::SumFloat => sum::update_float(cells, ids, input, from),
            Self::ProdInt => prod::update_int(cells, ids, input, from),
            Self::ProdFloat => prod::update_float(cells, ids, input, from),
            Self::Extreme { max, .. } => extreme::update(max, cells, ids, input, from),
            Self::Moments => moments::update(cells, ids, input, from),
            Self::Pick { last, skipna } => pick::update(last, skipna, cells, ids, input, from),
            Self::Truth => truth::update(cells, ids, input, from),
        }
    }

    /// Adds all rows to the only group.
    pub(super) fn reduce(self, cell: &mut [u64], input: Option<&Input>, rows: usize) {
        let Some(input) = input else {
            cell[0] += rows as u64;
            return;
        };
        match self {
            Self::Size => cell[0] += rows as u64,
            Self::Count => count::reduce(cell, input),
            Self::SumInt => sum::reduce_int(cell, input),
            Self::SumWide => sum::reduce_wide(cell, input),
            Self::SumFloat => sum::reduce_float(cell, input),
            Self::ProdInt => prod::reduce_int(cell, input),
            Self::ProdFloat => prod::reduce_float(cell, input),
            Self::Extreme { max, .. } => extreme::reduce(max, cell, input),
            Self::Moments => moments::reduce(cell, input),
            Self::Pick { last, skipna } => pick::reduce(last, skipna, cell, input),
            Self::Truth => truth::reduce(cell, input),
        }
    }

    /// Adds what `other` has seen; its rows come after those of `cell`.
    #[inline]
    pub(super) fn merge(self, cell: &mut [u64], other: &[u64]) {
        match self {
            Self::Size | Self::Count | Self::SumInt => cell[0] = cell[0].wrapping_add(other[0]),
            Self::SumWide => sum::merge_wide(cell, other),
            Self::SumFloat => sum::merge_float(cell, other),
            Self::ProdInt => cell[0] = cell[0].wrapping_mul(other[0]),
            Self::ProdFloat => prod::merge_float(cell, other),
            Self::Extreme { lane, max } => extreme::merge(lane, max, cell, other),
            Self::Moments => moments::merge(cell, other),
            Self::Pick { last, .. } => pick::merge(last, cell, other),
            Self::Truth => cell[0] |= other[0],
        }
    }
}
