//! Codes of one key column of any dtype: which bits are the key, what counts as missing, and how the keys become a column again.
//!
//! Covers numbers, bools, moments, spans, text; categories come as their codes (`codes_of`). Floats are keyed by normalised bits: both zeros are one key
//! (shown as the one that came first), all NaNs are one key, which is the missing one. Arrow-backed floats, where NaN isn't
//! missing, and Arrow's nested, decimal and binary types are refused with `NotNative`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray, new_empty_array};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type};
use num_traits::AsPrimitive;

use crate::dispatch_primitive;
use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::kernels::group::ints::IntCoder;
use crate::kernels::group::text::{TextCoder, TextRows};

/// Gives every distinct value of a column a code, in order of first appearance.
#[derive(Clone, Debug)]
pub(crate) struct Coder {
    dtype: Dtype,
    kind: Kind,
    scratch: Vec<i64>,
    /// The first zero of a float column was negative.
    negative_zero: Option<bool>,
}

#[derive(Clone, Debug)]
enum Kind {
    Int(IntCoder),
    Float(IntCoder),
    Text(TextCoder),
}

impl Coder {
    /// For columns of `dtype`.
    pub(crate) fn new(dtype: &Dtype) -> Result<Self> {
        let refuse = || {
            Err(Error::not_native(format!(
                "grouping by {} has no native kernel",
                dtype.name()
            )))
        };
        let kind = match dtype {
            Dtype::Str | Dtype::String { .. } => Kind::Text(TextCoder::new()),
            Dtype::Numpy(kind) | Dtype::Nullable(kind) if kind.is_float() => Kind::Float(IntCoder::new()),
            Dtype::Numpy(_) | Dtype::Nullable(_) | Dtype::Datetimetz(..) => Kind::Int(IntCoder::new()),
            Dtype::Category(_) => return Err(Error::internal("a categorical is grouped by its codes")),
            Dtype::Arrow(DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
                Kind::Text(TextCoder::new())
            }
            Dtype::Arrow(DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)) => {
                Kind::Int(IntCoder::new())
            }
            Dtype::Arrow(data_type) => match NumpyType::from_arrow(data_type) {
                Some(kind) if !kind.is_float() => Kind::Int(IntCoder::new()),
                _ => return refuse(),
            },
            Dtype::Host { .. } => return refuse(),
        };
        Ok(Self {
            dtype: dtype.clone(),
            kind,
            scratch: Vec::new(),
            negative_zero: None,
        })
    }

    pub(crate) fn len(&self) -> usize {
        match &self.kind {
            Kind::Int(coder) | Kind::Float(coder) => coder.keys().len(),
            Kind::Text(coder) => coder.len(),
        }
    }

    /// The code of the missing value, once there was one.
    pub(crate) fn null(&self) -> Option<u32> {
        match &self.kind {
            Kind::Int(coder) | Kind::Float(coder) => coder.null(),
            Kind::Text(coder) => coder.null(),
        }
    }

    pub(crate) fn nbytes(&self) -> usize {
        self.scratch.capacity() * 8
            + match &self.kind {
                Kind::Int(coder) | Kind::Float(coder) => coder.nbytes(),
                Kind::Text(coder) => coder.nbytes(),
            }
    }

    /// Appends the codes of the rows of `array` to `out`.
    pub(crate) fn codes(&mut self, array: &ArrayRef, out: &mut Vec<u32>) -> Result<()> {
        check_type(array, &self.dtype)?;
        let scratch = &mut self.scratch;
        scratch.clear();
        match &mut self.kind {
            Kind::Text(coder) => coder.codes(TextRows::new(array)?, out),
            Kind::Int(coder) => {
                let keys = integer_bits(array, scratch)?;
                let nulls = logical_nulls(array);
                coder.codes(&keys, nulls.as_ref(), out)
            }
            Kind::Float(coder) => {
                let nulls = float_bits(array, scratch, &mut self.negative_zero)?;
                coder.codes(scratch, nulls.as_ref(), out)
            }
        }
    }

    /// As `uniques`, without a copy of text.
    pub(crate) fn into_uniques(self) -> Result<ArrayRef> {
        match self.kind {
            Kind::Text(coder) => Ok(coder.into_uniques()),
            _ => self.uniques(),
        }
    }

    /// The values of all codes, as a column of the dtype (text as views).
    pub(crate) fn uniques(&self) -> Result<ArrayRef> {
        let (keys, null) = match &self.kind {
            Kind::Text(coder) => return Ok(coder.clone().into_uniques()),
            Kind::Int(coder) | Kind::Float(coder) => (coder.keys(), coder.null()),
        };
        let nulls = null.map(|null| {
            (0..keys.len())
                .map(|code| code as u32 != null)
                .collect::<NullBuffer>()
        });
        let zero = if self.negative_zero == Some(true) {
            -0.0
        } else {
            0.0
        };
        let value = |bits: i64| {
            if bits == 0 {
                zero
            } else {
                f64::from_bits(bits.cast_unsigned())
            }
        };
        // NumPy's floats have no mask: a missing key is NaN.
        let shown = |code: usize| match null {
            Some(null) if null as usize == code => f64::NAN,
            _ => value(keys[code]),
        };
        let float_nulls = nulls.clone().filter(|_| !matches!(self.dtype, Dtype::Numpy(_)));
        Ok(match (&self.dtype, self.dtype.arrow()) {
            (_, Some(DataType::Float64)) => Arc::new(PrimitiveArray::<Float64Type>::new(
                (0..keys.len()).map(shown).collect(),
                float_nulls,
            )),
            (_, Some(DataType::Float32)) => Arc::new(PrimitiveArray::<Float32Type>::new(
                (0..keys.len()).map(|code| shown(code) as f32).collect(),
                float_nulls,
            )),
            (_, Some(data_type)) => integers_to(&data_type, keys, nulls)?,
            (_, None) => return Err(Error::internal("a host dtype among group keys")),
        })
    }
}

/// The dtype of the keys that a column of `dtype` is grouped by: a categorical's codes, else the values.
pub(crate) fn code_dtype(dtype: &Dtype) -> Dtype {
    match dtype {
        Dtype::Category(_) => Dtype::Nullable(NumpyType::Int32),
        other => other.clone(),
    }
}

/// The codes of a categorical (missing ones masked), any other array as it is.
pub(crate) fn codes_of(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Dictionary(key, _) if **key == DataType::Int32 => {
            Arc::new(array.as_dictionary::<Int32Type>().keys().clone())
        }
        _ => array.clone(),
    }
}

/// Refuses an array that isn't held as its dtype says: its bits would be read as something else.
pub(crate) fn check_type(array: &ArrayRef, dtype: &Dtype) -> Result<()> {
    use DataType::{Dictionary, LargeUtf8, Timestamp, Utf8, Utf8View};
    let fits = match (array.data_type(), dtype.arrow()) {
        (Utf8 | LargeUtf8 | Utf8View, Some(Utf8 | LargeUtf8 | Utf8View)) => true,
        (Timestamp(unit, _), Some(Timestamp(wanted, _))) => *unit == wanted,
        (Dictionary(key, _), Some(Dictionary(wanted, _))) => *key == wanted,
        (data_type, Some(wanted)) => *data_type == wanted,
        (_, None) => false,
    };
    if fits {
        return Ok(());
    }
    Err(Error::internal(format!(
        "a column of {} came as {}",
        dtype.name(),
        array.data_type()
    )))
}

/// The mask of an array, unless nothing is masked.
pub(crate) fn logical_nulls(array: &ArrayRef) -> Option<NullBuffer> {
    array.nulls().filter(|nulls| nulls.null_count() > 0).cloned()
}

/// The values of an integer-like array widened to 64 bits; borrowed where they are 64 bits wide.
pub(crate) fn integer_bits(array: &ArrayRef, scratch: &mut Vec<i64>) -> Result<ScalarBuffer<i64>> {
    match array.data_type() {
        DataType::Boolean => {
            let values = array.as_boolean().values();
            scratch.extend(values.iter().map(i64::from));
        }
        data_type => dispatch_primitive!(data_type, T => {
            let values = array.as_primitive::<T>().values();
            if std::mem::size_of::<<T as arrow::array::ArrowPrimitiveType>::Native>() == 8 {
                // The same 8 bytes, read as signed.
                return Ok(ScalarBuffer::new(values.inner().clone(), 0, values.len()));
            }
            scratch.extend(values.iter().map(|value| AsPrimitive::<i64>::as_(*value)));
        }, _ => return Err(Error::internal(format!("{data_type} where integers were expected")))),
    }
    // The scratch gives its memory away; what comes back next is of the same size.
    Ok(ScalarBuffer::from(std::mem::take(scratch)))
}

/// 64-bit values as an array of an integer, bool, date, moment or span type.
pub(crate) fn integers_to(
    data_type: &DataType,
    values: &[i64],
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    if *data_type == DataType::Boolean {
        let values = values.iter().map(|value| *value != 0).collect();
        return Ok(Arc::new(BooleanArray::new(values, nulls)));
    }
    if values.is_empty() {
        return Ok(new_empty_array(data_type));
    }
    dispatch_primitive!(data_type, T => {
        let values = values.iter().map(|value| AsPrimitive::<<T as arrow::array::ArrowPrimitiveType>::Native>::as_(*value));
        Ok(Arc::new(PrimitiveArray::<T>::new(values.collect(), nulls).with_data_type(data_type.clone())))
    }, _ => Err(Error::internal(format!("integers as {data_type}"))))
}

/// Appends normalised bits of floats to `out` and gives the mask of those that aren't missing.
fn float_bits(
    array: &ArrayRef,
    out: &mut Vec<i64>,
    negative_zero: &mut Option<bool>,
) -> Result<Option<NullBuffer>> {
    let (mut nans, mut zeros) = (0, 0);
    let mut bits = |value: f64| {
        nans += usize::from(value.is_nan());
        zeros += usize::from(value == 0.0);
        // Adding 0.0 turns -0.0 into 0.0 and changes nothing else.
        (value + 0.0).to_bits().cast_signed()
    };
    match array.data_type() {
        DataType::Float64 => {
            out.extend(
                array
                    .as_primitive::<Float64Type>()
                    .values()
                    .iter()
                    .map(|value| bits(*value)),
            );
        }
        DataType::Float32 => out.extend(
            array
                .as_primitive::<Float32Type>()
                .values()
                .iter()
                .map(|value| bits(f64::from(*value))),
        ),
        other => return Err(Error::internal(format!("{other} where floats were expected"))),
    }
    let nulls = logical_nulls(array);
    if zeros > 0 && negative_zero.is_none() {
        let first = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) && out[row] == 0;
        *negative_zero = (0..out.len())
            .find(|row| first(*row))
            .map(|row| match array.data_type() {
                DataType::Float64 => array.as_primitive::<Float64Type>().value(row).is_sign_negative(),
                _ => array.as_primitive::<Float32Type>().value(row).is_sign_negative(),
            });
    }
    if nans == 0 {
        return Ok(nulls);
    }
    let known = |(row, bits): (usize, &i64)| {
        !f64::from_bits(bits.cast_unsigned()).is_nan()
            && nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
    };
    Ok(Some(out.iter().enumerate().map(known).collect()))
}
