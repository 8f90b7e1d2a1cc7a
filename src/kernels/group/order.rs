//! The order of groups sorted by their keys, as pandas sorts them: numbers by value, text by code points, categories by
//! their position, missing keys last.
//!
//! Covers distinct keys only (the keys of groups), so stability means nothing. One key column is sorted by 64-bit images of
//! its values; of several, each gets ranks first, and the ranks are sorted packed. Large inputs are sorted in parallel.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use rayon::slice::ParallelSliceMut;

use crate::dtype::Dtype;
use crate::error::Result;
use crate::kernels::group::column::{Coder, integer_bits, logical_nulls};
use crate::kernels::group::short::{Width, view_len, views};
use crate::kernels::group::text::TextRows;

/// Fewer items than that are sorted by the calling thread.
const PARALLEL: usize = 1 << 15;

/// The positions of groups in the order of their keys.
pub(crate) fn order(keys: &[ArrayRef], dtypes: &[Dtype]) -> Result<Vec<u32>> {
    if let [key] = keys {
        return order_column(key);
    }
    let groups = keys.first().map_or(0, Array::len);
    let ranks = keys
        .iter()
        .zip(dtypes)
        .map(|(key, dtype)| ranks(key, dtype))
        .collect::<Result<Vec<_>>>()?;
    Ok(order_ranks(&ranks, groups))
}

/// The rank of each row of a column among the column's distinct values, and the bits that ranks take.
pub(crate) fn ranks(key: &ArrayRef, dtype: &Dtype) -> Result<(Vec<u32>, u32)> {
    let mut coder = Coder::new(dtype)?;
    let mut codes = Vec::new();
    coder.codes(key, &mut codes)?;
    let sorted = order_column(&coder.uniques()?)?;
    let mut rank = vec![0_u32; sorted.len()];
    for (place, code) in sorted.iter().enumerate() {
        rank[*code as usize] = place as u32;
    }
    for code in &mut codes {
        *code = rank[*code as usize];
    }
    Ok((codes, usize::BITS - sorted.len().leading_zeros()))
}

/// The positions of `rows` rows in the order of their ranks, the first column's first.
pub(crate) fn order_ranks(ranks: &[(Vec<u32>, u32)], rows: usize) -> Vec<u32> {
    if ranks.iter().map(|(_, bits)| bits).sum::<u32>() <= 64 {
        let mut packed = vec![(0_u64, 0_u32); rows];
        for (rank, bits) in ranks {
            for (row, (image, position)) in packed.iter_mut().enumerate() {
                // A shift by 64 happens only where all ranks are in one column, whose image is 0 before.
                *image = image.checked_shl(*bits).unwrap_or(0) | u64::from(rank[row]);
                *position = row as u32;
            }
        }
        sort(&mut packed, |a, b| a.0.cmp(&b.0));
        return packed.into_iter().map(|(_, position)| position).collect();
    }
    let mut positions: Vec<u32> = (0..rows as u32).collect();
    sort(&mut positions, |a, b| {
        ranks
            .iter()
            .map(|(rank, _)| rank[*a as usize].cmp(&rank[*b as usize]))
            .find(|ordering| ordering.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    positions
}

/// The positions of distinct values in ascending order, missing values last.
pub(crate) fn order_column(array: &ArrayRef) -> Result<Vec<u32>> {
    let mut scratch = Vec::new();
    let nulls = logical_nulls(array);
    let valid = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    let mut missing = Vec::new();
    let mut images = Vec::with_capacity(array.len());
    let mut push = |row: usize, image: Option<u64>| match image {
        Some(image) if valid(row) => images.push((image, row as u32)),
        _ => missing.push(row as u32),
    };
    match array.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let rows = TextRows::new(array)?;
            if array.len() < SHORT_ROWS && Width::of_rows(rows, 0..array.len()) != Width::Any {
                return Ok(order_short(rows));
            }
            (0..array.len())
                .for_each(|row| push(row, Some(if valid(row) { head(rows.bytes(row)) } else { 0 })));
            sort(&mut images, |a, b| {
                a.0.cmp(&b.0)
                    .then_with(|| rows.bytes(a.1 as usize).cmp(rows.bytes(b.1 as usize)))
            });
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().values();
            values
                .iter()
                .enumerate()
                .for_each(|(row, value)| push(row, float_image(*value)));
            sort(&mut images, |a, b| a.0.cmp(&b.0));
        }
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>().values();
            values
                .iter()
                .enumerate()
                .for_each(|(row, value)| push(row, float_image(f64::from(*value))));
            sort(&mut images, |a, b| a.0.cmp(&b.0));
        }
        data_type => {
            // Signed values are lifted so that they compare as unsigned ones.
            let lift = if *data_type == DataType::UInt64 {
                0
            } else {
                1 << 63
            };
            let values: ScalarBuffer<i64> = integer_bits(array, &mut scratch)?;
            values
                .iter()
                .enumerate()
                .for_each(|(row, value)| push(row, Some(value.cast_unsigned() ^ lift)));
            sort(&mut images, |a, b| a.0.cmp(&b.0));
        }
    }
    Ok(images.into_iter().map(|(_, row)| row).chain(missing).collect())
}

/// More rows than that don't fit beside a short text in 16 bytes.
const SHORT_ROWS: usize = 1 << 28;

/// The positions of distinct texts, all of at most 12 bytes: text, length and row are one number that sorts like the text.
fn order_short(rows: TextRows<'_>) -> Vec<u32> {
    let mut keys = Vec::with_capacity(rows.len());
    views(rows, 0..rows.len(), &mut keys);
    let (mut images, mut missing) = (Vec::with_capacity(keys.len()), Vec::new());
    for (row, &view) in keys.iter().enumerate() {
        if rows.nulls().is_some_and(|nulls| nulls.is_null(row)) {
            missing.push(row as u32);
            continue;
        }
        let text = (view >> 32 << 32).swap_bytes();
        images.push(text << 32 | u128::from(view_len(view)) << 28 | row as u128);
    }
    sort(&mut images, Ord::cmp);
    let row = |image: u128| image as u32 & (SHORT_ROWS as u32 - 1);
    images.into_iter().map(row).chain(missing).collect()
}

/// The first 8 bytes as a number that sorts like the text.
fn head(bytes: &[u8]) -> u64 {
    let mut head = [0; 8];
    let kept = bytes.len().min(8);
    head[..kept].copy_from_slice(&bytes[..kept]);
    u64::from_be_bytes(head)
}

/// A number that sorts like the float; `None` for NaN.
fn float_image(value: f64) -> Option<u64> {
    let bits = (value + 0.0).to_bits();
    let image = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    (!value.is_nan()).then_some(image)
}

pub(crate) fn sort<T: Send + Sync>(
    items: &mut [T],
    compare: impl Fn(&T, &T) -> std::cmp::Ordering + Send + Sync,
) {
    if items.len() < PARALLEL {
        items.sort_unstable_by(compare);
    } else {
        crate::parallel::install(|| items.par_sort_unstable_by(compare));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray, UInt64Array};

    use super::*;
    use crate::dtype::NumpyType;

    fn sorted(array: impl Array + 'static) -> Vec<u32> {
        let array: ArrayRef = Arc::new(array);
        order_column(&array).unwrap()
    }

    #[test]
    fn columns_sort_as_pandas_sorts_them() {
        assert_eq!(
            sorted(Int64Array::from(vec![Some(3), None, Some(-1), Some(i64::MIN)])),
            [3, 2, 0, 1]
        );
        assert_eq!(sorted(UInt64Array::from(vec![u64::MAX, 0, 1 << 63])), [1, 2, 0]);
        assert_eq!(
            sorted(Float64Array::from(vec![
                f64::NAN,
                1.0,
                f64::NEG_INFINITY,
                -0.0,
                f64::INFINITY,
                -2.0
            ])),
            [2, 5, 3, 1, 4, 0]
        );
        assert_eq!(
            sorted(StringArray::from(vec![
                Some("é"),
                Some("z"),
                None,
                Some(""),
                Some("𝒳"),
                Some("zebra crossing b"),
                Some("zebra crossing a")
            ])),
            [3, 1, 6, 5, 0, 4, 2]
        );
        // A NUL at the end sorts after the text without it although their first 8 bytes are equal.
        assert_eq!(sorted(StringArray::from(vec!["a\0", "a"])), [1, 0]);
        // Short texts alone, which are sorted as numbers.
        assert_eq!(
            sorted(StringArray::from(vec![
                Some("é"),
                Some("zebra"),
                None,
                Some(""),
                Some("𝒳"),
                Some("zebra crosss"),
                Some("zebra cross"),
                Some("zebra\0"),
                Some("\0"),
            ])),
            [3, 8, 1, 7, 6, 5, 0, 4, 2]
        );
    }

    #[test]
    fn later_columns_break_ties() {
        let a: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, 1.0, f64::NAN, 1.0]));
        let b: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), None, None, Some("y")]));
        let dtypes = [Dtype::Numpy(NumpyType::Float64), Dtype::Str];
        assert_eq!(order(&[a, b], &dtypes).unwrap(), [3, 1, 0, 2]);
    }
}
