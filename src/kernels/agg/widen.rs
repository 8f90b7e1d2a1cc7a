//! Results that turned out to have no value in a NumPy integer or bool column: the column becomes `float64` with NaN, as in
//! pandas.
//!
//! Only here a result's dtype depends on the data: whether a group without a value exists is known at the end.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};

use crate::chunk::{Batch, FrameChunk};
use crate::dtype::{Dtype, NumpyType};
use crate::error::Result;
use crate::schema::FrameSchema;

/// `frame` without missing values in columns whose dtype has none.
///
/// # Errors
/// When a cast fails.
pub(super) fn widened(frame: FrameChunk) -> Result<FrameChunk> {
    let lacks = |position: usize| {
        frame
            .batches
            .iter()
            .any(|batch| batch.columns[position].null_count() > 0)
    };
    let columns = &frame.schema.columns;
    let affected: Vec<bool> = (0..columns.len())
        .map(|position| match columns[position].dtype {
            Dtype::Numpy(kind) => (kind.is_integer() || kind == NumpyType::Bool) && lacks(position),
            _ => false,
        })
        .collect();
    if !affected.contains(&true) {
        return Ok(frame);
    }
    let mut schema: FrameSchema = (*frame.schema).clone();
    for (column, _) in schema
        .columns
        .iter_mut()
        .zip(&affected)
        .filter(|(_, affected)| **affected)
    {
        column.dtype = Dtype::Numpy(NumpyType::Float64);
    }
    let batches = frame
        .batches
        .into_iter()
        .map(|batch| {
            let columns = batch.columns.iter().zip(&affected);
            let columns = columns.map(|(array, affected)| {
                if *affected {
                    floats(array)
                } else {
                    Ok(array.clone())
                }
            });
            Ok(Batch {
                columns: columns.collect::<Result<_>>()?,
                ..batch
            })
        })
        .collect::<Result<_>>()?;
    FrameChunk::new(Arc::new(schema), batches)
}

fn floats(array: &ArrayRef) -> Result<ArrayRef> {
    let cast = arrow::compute::cast(array, &DataType::Float64)?;
    let values = cast.as_primitive::<Float64Type>();
    Ok(Arc::new(Float64Array::from_iter_values(
        values.iter().map(|value| value.unwrap_or(f64::NAN)),
    )))
}
