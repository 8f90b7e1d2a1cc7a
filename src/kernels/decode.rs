//! Index levels that came dictionary-encoded, written out.
//!
//! A group-by by several keys leaves its levels encoded, which is how pandas holds a `MultiIndex`; whoever reads levels as
//! values takes them through here first. Categoricals are dictionaries by their dtype and stay.

use std::borrow::Cow;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::take;
use arrow::datatypes::{DataType, Int32Type};

use crate::chunk::{Batch, IndexData};
use crate::dtype::Dtype;
use crate::error::Result;
use crate::schema::{FrameSchema, IndexSchema};

/// Whether a level of this dtype is held encoded.
#[must_use]
pub fn is_encoded(dtype: &Dtype, level: &ArrayRef) -> bool {
    !matches!(dtype, Dtype::Category(_))
        && matches!(level.data_type(), DataType::Dictionary(..))
        && !matches!(dtype, Dtype::Arrow(DataType::Dictionary(..)))
}

/// A level as its dtype says.
///
/// # Errors
/// When Arrow can't gather the values.
pub fn decoded(dtype: &Dtype, level: &ArrayRef) -> Result<ArrayRef> {
    match level.as_dictionary_opt::<Int32Type>() {
        Some(dictionary) if is_encoded(dtype, level) => {
            Ok(take(dictionary.values(), dictionary.keys(), None)?)
        }
        _ => Ok(level.clone()),
    }
}

/// The batch with plain index levels.
///
/// # Errors
/// When Arrow can't gather the values.
pub fn plain_levels<'a>(schema: &FrameSchema, batch: &'a Batch) -> Result<Cow<'a, Batch>> {
    let (IndexData::Levels(levels), IndexSchema::Levels(known)) = (&batch.index, &schema.index) else {
        return Ok(Cow::Borrowed(batch));
    };
    if !levels
        .iter()
        .zip(known)
        .any(|(level, column)| is_encoded(&column.dtype, level))
    {
        return Ok(Cow::Borrowed(batch));
    }
    let plain = levels
        .iter()
        .zip(known)
        .map(|(level, column)| decoded(&column.dtype, level));
    Ok(Cow::Owned(Batch {
        index: IndexData::Levels(plain.collect::<Result<_>>()?),
        ..batch.clone()
    }))
}
