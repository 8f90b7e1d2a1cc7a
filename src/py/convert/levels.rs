//! The levels of a `MultiIndex`: codes and distinct values, as pandas holds them.
//!
//! A group-by by several keys delivers its levels dictionary-encoded; their codes are written straight into NumPy memory of
//! the width that pandas uses, and the values become a level once. Levels that came as values, or with several dictionaries,
//! are written out for pandas to factorize.

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, UInt32Array};
use arrow::buffer::MutableBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type};
use rayon::prelude::*;

use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::kernels::decode;
use crate::parallel;
use crate::py::convert::dtype::code_type;

/// Codes and values of a level.
pub(super) struct Coded {
    /// The codes, -1 where the value is missing.
    pub(super) codes: MutableBuffer,
    /// Their NumPy type.
    pub(super) code_type: &'static str,
    /// The distinct values, none missing.
    pub(super) values: ArrayRef,
}

/// The codes of a level's `parts`, if they are encoded over one dictionary; else the parts are as `dtype` says afterwards.
pub(super) fn coded(dtype: &Dtype, parts: &mut [ArrayRef], parallel: bool) -> Result<Option<Coded>> {
    let Some(first) = parts.first().filter(|part| decode::is_encoded(dtype, part)) else {
        write_out(dtype, parts)?;
        return Ok(None);
    };
    let values = dictionary(first)?.values().clone();
    let same = parts.iter().all(|part| {
        decode::is_encoded(dtype, part)
            && dictionary(part).is_ok_and(|own| own.values().to_data().ptr_eq(&values.to_data()))
    });
    if !same {
        write_out(dtype, parts)?;
        return Ok(None);
    }
    let missing = missing(&values);
    let (kept, gap) = match missing {
        None => (values, i32::MAX),
        Some(gap) => {
            let kept: UInt32Array = (0..values.len() as u32)
                .filter(|at| *at != gap)
                .map(Some)
                .collect();
            (take(&values, &kept, None)?, gap as i32)
        }
    };
    let (code_type, width) = code_type(kept.len());
    let rows: usize = parts.iter().map(Array::len).sum();
    let mut codes = MutableBuffer::from_len_zeroed(rows * width);
    crate::allocator::prefer_large_pages(codes.as_slice_mut());
    let mut rest = codes.as_slice_mut();
    let mut jobs = Vec::with_capacity(parts.len());
    for part in &*parts {
        let (place, after) = rest.split_at_mut(part.len() * width);
        jobs.push((place, part));
        rest = after;
    }
    let fill = |(place, part): (&mut [u8], &ArrayRef)| -> Result<()> {
        let keys = dictionary(part)?.keys();
        let code = |row: usize| match keys.value(row) {
            _ if keys.is_null(row) => -1,
            code if code > gap => code - 1,
            code if code == gap => -1,
            code => code,
        };
        // Truncation is right: the width was chosen by the number of values.
        match width {
            1 => put(place, |row| (code(row) as i8).to_ne_bytes()),
            2 => put(place, |row| (code(row) as i16).to_ne_bytes()),
            _ => put(place, |row| code(row).to_ne_bytes()),
        }
        Ok(())
    };
    if parallel {
        parallel::install(|| jobs.into_par_iter().try_for_each(fill))?;
    } else {
        jobs.into_iter().try_for_each(fill)?;
    }
    Ok(Some(Coded {
        codes,
        code_type,
        values: kept,
    }))
}

fn put<const WIDTH: usize>(place: &mut [u8], bytes: impl Fn(usize) -> [u8; WIDTH]) {
    for (row, place) in place.chunks_exact_mut(WIDTH).enumerate() {
        place.copy_from_slice(&bytes(row));
    }
}

fn write_out(dtype: &Dtype, parts: &mut [ArrayRef]) -> Result<()> {
    for part in parts {
        *part = decode::decoded(dtype, part)?;
    }
    Ok(())
}

fn dictionary(array: &ArrayRef) -> Result<&DictionaryArray<Int32Type>> {
    array
        .as_dictionary_opt()
        .ok_or_else(|| Error::internal("an encoded level of another kind"))
}

/// The position of the missing value among distinct values.
fn missing(values: &ArrayRef) -> Option<u32> {
    let nan = |row: usize| match values.data_type() {
        DataType::Float64 => values.as_primitive::<Float64Type>().value(row).is_nan(),
        DataType::Float32 => values.as_primitive::<Float32Type>().value(row).is_nan(),
        _ => false,
    };
    (0..values.len())
        .find(|row| values.is_null(*row) || nan(*row))
        .map(|row| row as u32)
}
