//! The value of a one-row chunk as a literal of an expression.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};

use crate::chunk::Chunk;
use crate::dispatch_primitive;
use crate::dtype::{Dtype, NumpyType, TimeUnit};
use crate::error::{Error, Result};
use crate::scalar::{Literal, Scalar};

/// The value of a chunk of one row and one column. NumPy values are strong: they bring their dtype along.
///
/// # Errors
/// [`crate::error::Kind::Internal`] when it is no such chunk.
pub fn literal_of(chunk: &Chunk) -> Result<Literal> {
    let Chunk::Frame(frame) = chunk else {
        return Err(Error::type_("a scalar operand that Arrow can't hold"));
    };
    let batch = frame
        .batches
        .iter()
        .find(|batch| batch.len == 1 && batch.columns.len() == 1);
    let batch = batch.ok_or_else(|| Error::internal("a scalar input must have one row and one column"))?;
    let array = &batch.columns[0];
    let dtype = match &frame.schema.columns[0].dtype {
        Dtype::Numpy(kind) | Dtype::Nullable(kind) => Some(*kind),
        _ => None,
    };
    if array.is_null(0) {
        return Ok(Literal {
            value: Scalar::Missing,
            dtype,
        });
    }
    let value = match array.data_type() {
        DataType::Boolean => Scalar::Bool(array.as_boolean().value(0)),
        DataType::Float32 => Scalar::Float(f64::from(array.as_primitive::<Float32Type>().value(0))),
        DataType::Float64 => Scalar::Float(array.as_primitive::<Float64Type>().value(0)),
        DataType::LargeUtf8 => Scalar::Str(array.as_string::<i64>().value(0).into()),
        DataType::Utf8 => Scalar::Str(array.as_string::<i32>().value(0).into()),
        DataType::Utf8View => Scalar::Str(array.as_string_view().value(0).into()),
        data_type => {
            let ticks = dispatch_primitive!(data_type, T => {
                num_traits::ToPrimitive::to_i128(&array.as_primitive::<T>().value(0))
            }, _ => None);
            let ticks = ticks.ok_or_else(|| Error::type_(format!("a scalar operand of type {data_type}")))?;
            match data_type {
                DataType::Timestamp(unit, tz) => Scalar::Timestamp {
                    value: ticks as i64,
                    unit: TimeUnit::from_arrow(*unit),
                    tz: tz.clone(),
                },
                DataType::Duration(unit) => Scalar::Timedelta {
                    value: ticks as i64,
                    unit: TimeUnit::from_arrow(*unit),
                },
                _ => Scalar::Int(ticks),
            }
        }
    };
    let dtype = match value {
        Scalar::Timestamp { .. } | Scalar::Timedelta { .. } => dtype,
        _ => dtype.filter(|kind| NumpyType::is_numeric(*kind)),
    };
    Ok(Literal { value, dtype })
}
