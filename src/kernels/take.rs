//! Rows by position or mask.
//!
//! Views and dictionaries share their data: only views and codes are copied. [`compact`] gives memory back that few rows
//! of such a batch keep alive.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int64Array, UInt32Array};
use arrow::compute::FilterBuilder;
use arrow::datatypes::{DataType, Int32Type};

use crate::chunk::{Batch, IndexData};
use crate::error::{Error, Result};

/// The rows at `rows`, in that order.
///
/// # Errors
/// [`crate::error::Kind::Internal`] when a position is out of bounds.
pub fn take_batch(batch: &Batch, rows: &UInt32Array) -> Result<Batch> {
    if rows.null_count() > 0 || rows.values().iter().any(|row| *row as usize >= batch.len) {
        return Err(Error::internal(format!(
            "a row outside of a batch of {} rows",
            batch.len
        )));
    }
    let index = match &batch.index {
        IndexData::Range { start, step } => {
            let values = rows.values().iter().map(|row| start + i64::from(*row) * step);
            IndexData::Levels(vec![Arc::new(Int64Array::from_iter_values(values))])
        }
        IndexData::Levels(levels) => IndexData::Levels(
            levels
                .iter()
                .map(|level| take(level, rows))
                .collect::<Result<_>>()?,
        ),
    };
    Ok(Batch {
        index,
        columns: batch
            .columns
            .iter()
            .map(|column| take(column, rows))
            .collect::<Result<_>>()?,
        len: rows.len(),
    })
}

/// The values at `rows`, which must be in bounds.
///
/// # Errors
/// For types that can't be taken from.
pub fn take(array: &ArrayRef, rows: &UInt32Array) -> Result<ArrayRef> {
    if let Some(codes) = array.as_dictionary_opt::<Int32Type>() {
        let keys = arrow::compute::take(codes.keys(), rows, None)?;
        return dictionary_like(codes, &keys);
    }
    Ok(drop_empty_nulls(arrow::compute::take(array, rows, None)?))
}

/// The rows where `mask` is true; missing counts as false.
///
/// # Errors
/// [`crate::error::Kind::Internal`] when the mask has another length.
pub fn filter_batch(batch: &Batch, mask: &BooleanArray) -> Result<Batch> {
    if mask.len() != batch.len {
        return Err(Error::internal(format!(
            "a mask of {} rows for a batch of {}",
            mask.len(),
            batch.len
        )));
    }
    let filter = FilterBuilder::new(mask).optimize().build();
    let one = |array: &ArrayRef| -> Result<ArrayRef> {
        if let Some(codes) = array.as_dictionary_opt::<Int32Type>() {
            let keys = filter.filter(codes.keys())?;
            return dictionary_like(codes, &keys);
        }
        Ok(drop_empty_nulls(filter.filter(array)?))
    };
    let levels = match &batch.index {
        IndexData::Range { .. } => batch.index_levels(),
        IndexData::Levels(levels) => levels.clone(),
    };
    Ok(Batch {
        index: IndexData::Levels(levels.iter().map(one).collect::<Result<_>>()?),
        columns: batch.columns.iter().map(one).collect::<Result<_>>()?,
        len: filter.count(),
    })
}

fn dictionary_like(codes: &DictionaryArray<Int32Type>, keys: &ArrayRef) -> Result<ArrayRef> {
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(
        keys.as_primitive::<Int32Type>().clone(),
        codes.values().clone(),
    )?))
}

/// NumPy columns have no null mask, not even an empty one.
fn drop_empty_nulls(array: ArrayRef) -> ArrayRef {
    if array.nulls().is_none_or(|nulls| nulls.null_count() > 0) {
        return array;
    }
    let parts = array.to_data().into_builder().nulls(None);
    // SAFETY: the same buffers, offset and length as the array had; a mask that masks nothing is left out.
    arrow::array::make_array(unsafe { parts.build_unchecked() })
}

/// The batch with its text copied where it keeps more than twice the bytes alive that it shows (and a page at least).
///
/// # Errors
/// None in practice; text arrays are always readable.
pub fn compact(batch: &Batch) -> Result<Batch> {
    let one = |array: &ArrayRef| -> Result<ArrayRef> {
        Ok(match array.data_type() {
            DataType::Utf8View => {
                let views = array.as_string_view();
                let kept: usize = views
                    .data_buffers()
                    .iter()
                    .map(arrow::buffer::Buffer::capacity)
                    .sum();
                if wasteful(kept, views.total_buffer_bytes_used()) {
                    Arc::new(views.gc())
                } else {
                    array.clone()
                }
            }
            DataType::LargeUtf8 => {
                let text = array.as_string::<i64>();
                let offsets = text.value_offsets();
                let used = (offsets[offsets.len() - 1] - offsets[0]) as usize;
                if wasteful(text.values().capacity(), used) {
                    let mut copy = arrow::array::LargeStringBuilder::with_capacity(text.len(), used);
                    copy.append_array(text)?;
                    Arc::new(copy.finish())
                } else {
                    array.clone()
                }
            }
            _ => array.clone(),
        })
    };
    let index = match &batch.index {
        IndexData::Levels(levels) => IndexData::Levels(levels.iter().map(one).collect::<Result<_>>()?),
        range @ IndexData::Range { .. } => range.clone(),
    };
    Ok(Batch {
        index,
        columns: batch.columns.iter().map(one).collect::<Result<_>>()?,
        len: batch.len,
    })
}

fn wasteful(kept: usize, used: usize) -> bool {
    kept > 4096 && kept > used.saturating_mul(2)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int32Array, LargeStringArray, StringArray, StringViewArray};

    use super::*;

    fn batch() -> Batch {
        let long = "a text that is too long for its view ".repeat(200);
        let views = StringViewArray::from(vec![Some("a"), None, Some(long.as_str()), Some("é"), Some("")]);
        let codes = DictionaryArray::<Int32Type>::new(
            Int32Array::from(vec![Some(1), None, Some(0), Some(1), Some(2)]),
            Arc::new(StringArray::from(vec!["x", "y", "z"])),
        );
        Batch {
            index: IndexData::Range { start: 10, step: 2 },
            columns: vec![
                Arc::new(Float64Array::from(vec![0.0, f64::NAN, 2.0, 3.0, 4.0])),
                Arc::new(views),
                Arc::new(codes),
                Arc::new(BooleanArray::from(vec![true, false, true, true, false])),
                Arc::new(LargeStringArray::from(vec![
                    Some("p"),
                    None,
                    Some("q"),
                    None,
                    Some("r"),
                ])),
            ],
            len: 5,
        }
    }

    #[test]
    fn rows_by_position_and_by_mask_agree() {
        let batch = batch();
        let taken = take_batch(&batch, &UInt32Array::from(vec![0, 2, 3])).unwrap();
        let mask = BooleanArray::from(vec![Some(true), None, Some(true), Some(true), Some(false)]);
        let filtered = filter_batch(&batch, &mask).unwrap();
        assert_eq!(taken.len, 3);
        assert_eq!(filtered.len, 3);
        for (a, b) in taken.arrays().zip(filtered.arrays()) {
            assert_eq!(&**a, &**b);
        }
        assert_eq!(
            taken.index_levels()[0]
                .as_primitive::<arrow::datatypes::Int64Type>()
                .values(),
            &[10, 14, 16]
        );
        assert!(taken.columns[0].nulls().is_none());
        let codes = taken.columns[2].as_dictionary::<Int32Type>();
        assert_eq!(codes.keys().values(), &[1, 0, 1]);
        assert!(Arc::ptr_eq(
            codes.values(),
            batch.columns[2].as_dictionary::<Int32Type>().values()
        ));
    }

    #[test]
    fn no_rows_and_rows_out_of_bounds() {
        let none = take_batch(&batch(), &UInt32Array::from(Vec::<u32>::new())).unwrap();
        assert_eq!((none.len, none.columns.len()), (0, 5));
        assert!(none.arrays().all(|array| array.is_empty()));
        let error = take_batch(&batch(), &UInt32Array::from(vec![5])).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Internal);
        assert!(filter_batch(&batch(), &BooleanArray::from(vec![true])).is_err());
    }

    #[test]
    fn compact_gives_text_back() {
        let batch = batch();
        let one = take_batch(&batch, &UInt32Array::from(vec![3])).unwrap();
        let small = compact(&one).unwrap();
        assert_eq!(&*small.columns[1], &*one.columns[1]);
        let kept = |batch: &Batch| -> usize {
            batch.columns[1]
                .as_string_view()
                .data_buffers()
                .iter()
                .map(|buffer| buffer.len())
                .sum()
        };
        assert!(kept(&one) > 4096);
        assert_eq!(kept(&small), 0);
        assert_eq!(kept(&compact(&batch).unwrap()), kept(&batch));
    }
}
