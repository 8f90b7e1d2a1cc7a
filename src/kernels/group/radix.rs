//! Which part of a radix each row belongs to: equal keys always fall into the same part, whatever batch they are in.
//!
//! Serves the parallel merge of many groups. Covers the dtypes that [`crate::kernels::group::column::Coder`] covers.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};

use crate::error::Result;
use crate::kernels::group::column::{integer_bits, logical_nulls};
use crate::kernels::group::hash::{combine, hash_bytes, hash_u64};
use crate::kernels::group::short::views;
use crate::kernels::group::text::{TextRows, hash_text};

/// The rows of each of `parts` parts, ascending.
pub(crate) fn split(keys: &[ArrayRef], parts: usize) -> Result<Vec<Vec<u32>>> {
    let rows = keys.first().map_or(0, Array::len);
    let mut hashes = vec![0; rows];
    for key in keys {
        mix(key, &mut hashes)?;
    }
    let mut split = vec![Vec::with_capacity(rows / parts + rows / parts / 4 + 16); parts];
    for (row, hash) in hashes.iter().enumerate() {
        // The high bits: the tables of the parts use the low ones.
        split[((hash >> 32) as usize * parts) >> 32].push(row as u32);
    }
    Ok(split)
}

/// The hash of a missing value.
const MISSING: u64 = 0x517C_C1B7_2722_0A95;

fn mix(key: &ArrayRef, hashes: &mut [u64]) -> Result<()> {
    let nulls = logical_nulls(key);
    let valid = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    let mut put = |row: usize, hash: Option<u64>| {
        let hash = hash.filter(|_| valid(row)).unwrap_or(MISSING);
        hashes[row] = combine(hashes[row], hash);
    };
    let float = |value: f64| (!value.is_nan()).then(|| hash_u64((value + 0.0).to_bits()));
    match key.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let rows = TextRows::new(key)?;
            let mut keys = Vec::with_capacity(key.len());
            views(rows, 0..key.len(), &mut keys);
            for (row, view) in keys.iter().enumerate() {
                put(
                    row,
                    valid(row).then(|| hash_text(*view, || hash_bytes(rows.bytes(row)))),
                );
            }
        }
        DataType::Float64 => {
            let values = key.as_primitive::<Float64Type>().values();
            values
                .iter()
                .enumerate()
                .for_each(|(row, value)| put(row, float(*value)));
        }
        DataType::Float32 => {
            let values = key.as_primitive::<Float32Type>().values();
            values
                .iter()
                .enumerate()
                .for_each(|(row, value)| put(row, float(f64::from(*value))));
        }
        _ => {
            let values = integer_bits(key, &mut Vec::new())?;
            values
                .iter()
                .enumerate()
                .for_each(|(row, value)| put(row, Some(hash_u64(value.cast_unsigned()))));
        }
    }
    Ok(())
}
