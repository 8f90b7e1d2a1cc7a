//! The keys of some groups: column by column, or packed codes beside the distinct values of each column.
//!
//! Packed keys take 8 bytes a group, however many columns there are, and text stands only once.

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;

use crate::error::Result;

/// Keys of groups.
#[derive(Clone, Debug)]
pub(crate) enum GroupKeys {
    /// One array a key column, one row a group.
    Plain(Vec<ArrayRef>),
    /// Codes of each column in `widths` bits, the first column's lowest; a code is a position in `uniques`.
    Packed {
        uniques: Vec<ArrayRef>,
        widths: Vec<u32>,
        packed: Vec<u64>,
    },
}

/// Takes the codes of a column out of packed keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    shift: u32,
    mask: u64,
}

impl Field {
    /// The field of `width` bits above the lowest `shift`.
    pub(crate) fn new(shift: u32, width: u32) -> Self {
        Self {
            // Shifts beyond the word happen only for fields without bits.
            shift: shift.min(63),
            mask: 1_u64.checked_shl(width).map_or(u64::MAX, |end| end - 1),
        }
    }

    /// Its part of a key.
    #[inline]
    pub(crate) fn of(self, key: u64) -> u32 {
        (key >> self.shift & self.mask) as u32
    }
}

/// The fields of columns with these widths, the first one lowest.
pub(crate) fn fields(widths: &[u32]) -> Vec<Field> {
    let mut shift = 0;
    widths
        .iter()
        .map(|width| {
            let field = Field::new(shift, *width);
            shift += width;
            field
        })
        .collect()
}

impl GroupKeys {
    /// The keys column by column.
    pub(crate) fn plain(&self) -> Result<Vec<ArrayRef>> {
        match self {
            Self::Plain(arrays) => Ok(arrays.clone()),
            Self::Packed {
                uniques,
                widths,
                packed,
            } => uniques
                .iter()
                .zip(fields(widths))
                .map(|(uniques, field)| {
                    let codes: UInt32Array = packed.iter().map(|key| Some(field.of(*key))).collect();
                    Ok(take(uniques, &codes, None)?)
                })
                .collect(),
        }
    }

    /// Calls `visit` with address and size of each allocation.
    pub(crate) fn buffers(&self, visit: &mut dyn FnMut(usize, usize)) {
        let arrays = match self {
            Self::Plain(arrays) => arrays,
            Self::Packed { uniques, packed, .. } => {
                visit(packed.as_ptr().addr(), packed.capacity() * 8);
                uniques
            }
        };
        for array in arrays {
            let data = array.to_data();
            for buffer in data.buffers() {
                visit(buffer.data_ptr().as_ptr().addr(), buffer.capacity());
            }
            if let Some(nulls) = data.nulls() {
                visit(
                    nulls.buffer().data_ptr().as_ptr().addr(),
                    nulls.buffer().capacity(),
                );
            }
        }
    }
}
