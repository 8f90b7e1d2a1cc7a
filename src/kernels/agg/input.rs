//! A column to aggregate, widened: all integers, bools, codes, moments and spans as `i64` (`uint64` as `u64`), floats as `f64`.
//!
//! Widening exact values keeps one loop for each accumulator instead of one for each of twenty element types; columns that
//! are 64 bits wide are not copied. Invariant: a value is missing when the mask says so, or when it is NaN and `nan_missing`.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Float32Type, Float64Type};

use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::kernels::agg::rows::Cells;
use crate::kernels::group::column::{check_type, codes_of, integer_bits, logical_nulls};
use crate::kernels::group::text::TextRows;

/// Which kind of values a column of some dtype becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Int,
    UInt,
    Float,
    Text,
}

impl Lane {
    pub(super) fn of(dtype: &Dtype) -> Result<Self> {
        let number = |kind: NumpyType| match kind {
            NumpyType::UInt64 => Self::UInt,
            kind if kind.is_float() => Self::Float,
            _ => Self::Int,
        };
        Ok(match dtype {
            Dtype::Numpy(kind) | Dtype::Nullable(kind) => number(*kind),
            Dtype::Str
            | Dtype::String { .. }
            | Dtype::Arrow(DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => Self::Text,
            Dtype::Datetimetz(..)
            | Dtype::Category(_)
            | Dtype::Arrow(DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)) => Self::Int,
            Dtype::Arrow(data_type) => number(NumpyType::from_arrow(data_type).ok_or_else(|| refuse(dtype))?),
            Dtype::Host { .. } => return Err(refuse(dtype)),
        })
    }
}

fn refuse(dtype: &Dtype) -> Error {
    Error::not_native(format!("aggregating {} has no native kernel", dtype.name()))
}

/// The widened values.
#[derive(Clone, Debug)]
pub(super) enum Values {
    Int(ScalarBuffer<i64>),
    UInt(ScalarBuffer<u64>),
    Float(ScalarBuffer<f64>),
    Text(ArrayRef),
}

/// One column of a batch.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) values: Values,
    pub(super) nulls: Option<NullBuffer>,
    pub(super) nan_missing: bool,
    pub(super) len: usize,
}

impl Input {
    pub(super) fn new(array: &ArrayRef, dtype: &Dtype, lane: Lane) -> Result<Self> {
        check_type(array, dtype)?;
        let mut scratch = Vec::new();
        let values = match lane {
            Lane::Text => {
                TextRows::new(array)?;
                Values::Text(array.clone())
            }
            Lane::Int => Values::Int(integer_bits(&codes_of(array), &mut scratch)?),
            Lane::UInt => {
                let bits = integer_bits(array, &mut scratch)?;
                let len = bits.len();
                Values::UInt(ScalarBuffer::new(bits.into_inner(), 0, len))
            }
            Lane::Float => Values::Float(match array.data_type() {
                DataType::Float64 => array.as_primitive::<Float64Type>().values().clone(),
                DataType::Float32 => {
                    let values = array.as_primitive::<Float32Type>().values();
                    values.iter().map(|value| f64::from(*value)).collect()
                }
                other => return Err(Error::internal(format!("{other} where floats were expected"))),
            }),
        };
        Ok(Self {
            values,
            nulls: logical_nulls(array),
            // Arrow-backed floats tell NaN from missing; in all other dtypes NaN means missing.
            nan_missing: !matches!(dtype, Dtype::Arrow(_)),
            len: array.len(),
        })
    }

    /// Calls `add` with the words of its group and the value, for each row from `from` that isn't masked.
    #[inline]
    pub(super) fn scatter<T: Copy, const WORDS: usize>(
        &self,
        values: &[T],
        from: usize,
        ids: &[u32],
        cells: &mut Cells<'_>,
        mut add: impl FnMut(&mut [u64; WORDS], T),
    ) {
        let rows = ids.iter().zip(&values[from..]);
        match &self.nulls {
            None => rows.for_each(|(id, value)| add(cells.at(*id), *value)),
            Some(nulls) => rows.enumerate().for_each(|(row, (id, value))| {
                if nulls.is_valid(from + row) {
                    add(cells.at(*id), *value);
                }
            }),
        }
    }

    /// Calls `add` with each value that isn't masked.
    #[inline]
    pub(super) fn each<T: Copy>(&self, values: &[T], mut add: impl FnMut(T)) {
        match &self.nulls {
            None => values.iter().for_each(|value| add(*value)),
            Some(nulls) => nulls.valid_indices().for_each(|row| add(values[row])),
        }
    }

    /// Whether the value of a row is missing.
    #[inline]
    pub(super) fn is_missing(&self, row: usize) -> bool {
        let nan = match &self.values {
            Values::Float(values) => self.nan_missing && values[row].is_nan(),
            _ => false,
        };
        nan || self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }
}
