//! Single values: literals of expressions, divisions, fill values, members of `isin`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;

use crate::dtype::{Dtype, NumpyType, TimeUnit};
use crate::error::{Error, Result};
use crate::token::{Tokenize, Tokenizer};

/// One value, with as much type as promotion needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// None, NaN given as a missing value, NaT or `pd.NA`.
    Missing,
    /// A bool.
    Bool(bool),
    /// An integer. `i128` holds all of `i64` and `u64`.
    Int(i128),
    /// A float (NaN included).
    Float(f64),
    /// Text.
    Str(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A moment: ticks since the epoch (UTC when `tz` is given).
    Timestamp {
        /// Ticks.
        value: i64,
        /// What a tick is.
        unit: TimeUnit,
        /// The time zone.
        tz: Option<Arc<str>>,
    },
    /// A span of time in ticks.
    Timedelta {
        /// Ticks.
        value: i64,
        /// What a tick is.
        unit: TimeUnit,
    },
}

/// A scalar in an expression. NumPy's scalars have a dtype of their own; Python's are weak and take the column's.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    /// The value.
    pub value: Scalar,
    /// The dtype of a NumPy scalar; `None` for a Python value (weak).
    pub dtype: Option<NumpyType>,
}

impl Literal {
    /// A Python value.
    #[must_use]
    pub fn weak(value: Scalar) -> Self {
        Self { value, dtype: None }
    }

    /// The value of a row of a column, with the dtype that NumPy's scalar of it has.
    ///
    /// # Errors
    /// [`crate::error::Kind::NotNative`] for dtypes whose values aren't single scalars here (categoricals, Arrow's own).
    pub fn of_row(array: &ArrayRef, dtype: &Dtype, row: usize) -> Result<Self> {
        let kind = match dtype {
            Dtype::Numpy(kind) | Dtype::Nullable(kind) => Some(*kind),
            _ => None,
        };
        let strong = |value: Scalar| Ok(Self { value, dtype: kind });
        if array.is_null(row) {
            return strong(Scalar::Missing);
        }
        macro_rules! number {
            ($kind:ident, $scalar:ident) => {
                strong(Scalar::$scalar(
                    array
                        .as_primitive::<arrow::datatypes::$kind>()
                        .value(row)
                        .into(),
                ))
            };
        }
        let ticks = || {
            let parts = array.to_data();
            let buffer = parts.buffers().first();
            buffer
                .map(|buffer| buffer.typed_data::<i64>()[parts.offset() + row])
                .ok_or_else(|| Error::internal("ticks without a buffer"))
        };
        match (array.data_type(), dtype) {
            (DataType::Boolean, _) => strong(Scalar::Bool(array.as_boolean().value(row))),
            (DataType::Int8, _) => number!(Int8Type, Int),
            (DataType::Int16, _) => number!(Int16Type, Int),
            (DataType::Int32, _) => number!(Int32Type, Int),
            (DataType::Int64, _) => number!(Int64Type, Int),
            (DataType::UInt8, _) => number!(UInt8Type, Int),
            (DataType::UInt16, _) => number!(UInt16Type, Int),
            (DataType::UInt32, _) => number!(UInt32Type, Int),
            (DataType::UInt64, _) => number!(UInt64Type, Int),
            (DataType::Float32, _) => number!(Float32Type, Float),
            (DataType::Float64, _) => number!(Float64Type, Float),
            (DataType::Timestamp(unit, tz), _) => Ok(Self::weak(Scalar::Timestamp {
                value: ticks()?,
                unit: TimeUnit::from_arrow(*unit),
                tz: tz.clone(),
            })),
            (DataType::Duration(unit), _) => Ok(Self::weak(Scalar::Timedelta {
                value: ticks()?,
                unit: TimeUnit::from_arrow(*unit),
            })),
            (DataType::LargeUtf8, _) => Ok(Self::weak(Scalar::Str(
                array.as_string::<i64>().value(row).into(),
            ))),
            (DataType::Utf8View, _) => Ok(Self::weak(Scalar::Str(array.as_string_view().value(row).into()))),
            (other, dtype) => Err(Error::not_native(format!(
                "a single value of dtype {} ({other})",
                dtype.name()
            ))),
        }
    }
}

impl Tokenize for Scalar {
    fn tokenize(&self, t: &mut Tokenizer) {
        match self {
            Self::Missing => t.number(0),
            Self::Bool(value) => t.number(1).number(u64::from(*value)),
            Self::Int(value) => t.number(2).bytes(&value.to_le_bytes()),
            Self::Float(value) => t.number(3).number(value.to_bits()),
            Self::Str(value) => t.number(4).text(value),
            Self::Bytes(value) => t.number(5).bytes(value),
            Self::Timestamp { value, unit, tz } => t
                .number(6)
                .bytes(&value.to_le_bytes())
                .text(unit.name())
                .text(tz.as_deref().unwrap_or("")),
            Self::Timedelta { value, unit } => t.number(7).bytes(&value.to_le_bytes()).text(unit.name()),
        };
    }
}

impl Tokenize for Literal {
    fn tokenize(&self, t: &mut Tokenizer) {
        self.value.tokenize(t);
        t.text(self.dtype.map_or("", NumpyType::name));
    }
}
