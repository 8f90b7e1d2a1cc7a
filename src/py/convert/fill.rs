//! Arrow arrays written into NumPy's memory: one place for each array, so that columns and partitions are filled in parallel.
//!
//! Invariants: every byte of a place is written; what has no form in NumPy (a missing value in an integer column, codes over
//! other categories) is an error, never a wrong number.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Int32Type};

use crate::dtype::{Categories, NumpyType};
use crate::error::{Error, Result};

/// What is written of an array.
#[derive(Clone, Copy, Debug)]
pub enum Fill<'a> {
    /// Values, NaN or NaT where they are missing.
    Values(NumpyType),
    /// Values beside a mask: anything where they are missing.
    Masked(NumpyType),
    /// A byte for each row: 1 where the value is missing.
    Mask,
    /// Codes of this many bytes, -1 where the value is missing.
    Codes(usize, &'a Categories),
}

impl Fill<'_> {
    /// Bytes of one row.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::Values(kind) | Self::Masked(kind) => kind.itemsize(),
            Self::Mask => 1,
            Self::Codes(width, _) => width,
        }
    }
}

/// Writes `array` to `place`, which has just its size.
///
/// # Errors
/// [`crate::error::Kind::Internal`] when the array doesn't fit its dtype.
pub fn fill(place: &mut [u8], array: &ArrayRef, what: Fill<'_>) -> Result<()> {
    if place.len() != array.len() * what.width() {
        return Err(Error::internal("an array doesn't fit its place"));
    }
    match what {
        Fill::Mask => {
            match array.nulls() {
                None => place.fill(0),
                Some(nulls) => {
                    for (byte, valid) in place.iter_mut().zip(nulls.iter()) {
                        *byte = u8::from(!valid);
                    }
                }
            }
            Ok(())
        }
        Fill::Codes(width, categories) => codes(place, array, width, categories),
        Fill::Values(NumpyType::Bool) | Fill::Masked(NumpyType::Bool) => {
            let values = array
                .as_boolean_opt()
                .ok_or_else(|| Error::internal("a bool column without bools"))?;
            for (byte, bit) in place.iter_mut().zip(values.values()) {
                *byte = u8::from(bit);
            }
            check_missing(array, what)
        }
        Fill::Values(kind) | Fill::Masked(kind) => {
            let data = array.to_data();
            let width = kind.itemsize();
            let start = data.offset() * width;
            let bytes = data
                .buffers()
                .first()
                .and_then(|buffer| buffer.as_slice().get(start..start + place.len()))
                .ok_or_else(|| Error::internal("an array shorter than its length"))?;
            place.copy_from_slice(bytes);
            check_missing(array, what)?;
            if let (Fill::Values(kind), Some(nulls)) = (what, array.nulls()) {
                write_missing(place, kind, nulls);
            }
            Ok(())
        }
    }
}

/// Fails for missing values where NumPy has no value for them.
///
/// # Errors
/// [`crate::error::Kind::Internal`].
pub fn check_missing(array: &ArrayRef, what: Fill<'_>) -> Result<()> {
    match what {
        Fill::Values(kind) if (kind == NumpyType::Bool || kind.is_integer()) && array.null_count() > 0 => {
            Err(Error::internal(format!(
                "a missing value in a column of dtype {}",
                kind.name()
            )))
        }
        _ => Ok(()),
    }
}

/// Writes NaN or NaT at the rows that are missing.
pub fn write_missing(place: &mut [u8], kind: NumpyType, nulls: &NullBuffer) {
    if nulls.null_count() == 0 {
        return;
    }
    let missing: &[u8] = match kind {
        NumpyType::Float32 => &f32::NAN.to_ne_bytes(),
        NumpyType::Float64 => &f64::NAN.to_ne_bytes(),
        _ => &i64::MIN.to_ne_bytes(),
    };
    for (value, valid) in place.chunks_exact_mut(missing.len()).zip(nulls.iter()) {
        if !valid {
            value.copy_from_slice(missing);
        }
    }
}

fn codes(place: &mut [u8], array: &ArrayRef, width: usize, categories: &Categories) -> Result<()> {
    let DataType::Dictionary(..) = array.data_type() else {
        return Err(Error::internal("a categorical column without codes"));
    };
    let dictionary = array
        .as_dictionary_opt::<Int32Type>()
        .ok_or_else(|| Error::internal("codes of a categorical that aren't int32"))?;
    let values = dictionary.values();
    if !values.is_empty() && !same(values, &categories.values) {
        return Err(Error::internal("codes over other categories than the dtype's"));
    }
    let keys = dictionary.keys();
    let count = categories.values.len() as i32;
    let nulls = keys.nulls().filter(|nulls| nulls.null_count() > 0);
    // What stands below a missing value means nothing, so it may not be checked.
    let wrong = |(position, code): (usize, &i32)| {
        !(0..count).contains(code) && nulls.is_none_or(|nulls| nulls.is_valid(position))
    };
    if keys.values().iter().enumerate().any(wrong) {
        return Err(Error::internal("a code beyond the categories"));
    }
    // Truncation is right: the width was chosen by the number of categories.
    match width {
        1 => write_codes(place, keys.values(), |code| (code as i8).to_ne_bytes()),
        2 => write_codes(place, keys.values(), |code| (code as i16).to_ne_bytes()),
        _ => write_codes(place, keys.values(), i32::to_ne_bytes),
    }
    if let Some(nulls) = nulls {
        for (code, valid) in place.chunks_exact_mut(width).zip(nulls.iter()) {
            if !valid {
                code.fill(0xff);
            }
        }
    }
    Ok(())
}

fn write_codes<const WIDTH: usize>(place: &mut [u8], codes: &[i32], bytes: impl Fn(i32) -> [u8; WIDTH]) {
    for (place, code) in place.chunks_exact_mut(WIDTH).zip(codes) {
        place.copy_from_slice(&bytes(*code));
    }
}

/// Equal categories, which are nearly always the very same array.
fn same(a: &ArrayRef, b: &ArrayRef) -> bool {
    std::sync::Arc::ptr_eq(a, b) || **a == **b
}
