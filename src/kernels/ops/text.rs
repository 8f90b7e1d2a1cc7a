//! Text: comparing, joining, searching, choosing; from and to numbers and categories.
//!
//! Text comes as `LargeUtf8` or `Utf8View`; new text is made as `LargeUtf8`. Missing values are masked throughout, what they
//! mean is decided by the caller.

use std::mem::MaybeUninit;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Datum, DictionaryArray, Int32Array,
    LargeStringArray, LargeStringBuilder, PrimitiveArray, Scalar as OneRow, StringViewArray, make_view,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::cmp;
use arrow::datatypes::{DataType, Int32Type};
use hashbrown::{HashMap, HashSet};

use super::compare::Compare;
use super::{Operand, bits, format, parse};
use crate::dispatch_primitive;
use crate::dtype::{Categories, NumpyType};
use crate::error::{Error, Result};
use crate::kernels::concat::to_large_utf8;
use crate::op::promote::beside_range;

/// Text of up to so many bytes is in its view whole, so equal views are equal text.
const INLINE: usize = 12;

/// Sets of up to so many texts are searched one by one.
const FEW: usize = 4;

/// Text of any layout.
#[derive(Clone, Copy, Debug)]
pub enum Text<'a> {
    /// With 64-bit offsets.
    Large(&'a LargeStringArray),
    /// As views.
    View(&'a StringViewArray),
    /// With 32-bit offsets.
    Small(&'a arrow::array::StringArray),
    /// One text for all rows; `None` is missing.
    One(Option<&'a str>),
}

impl<'a> Text<'a> {
    /// An array as text.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] when it isn't.
    pub fn of(array: &'a ArrayRef) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::LargeUtf8 => Self::Large(array.as_string()),
            DataType::Utf8View => Self::View(array.as_string_view()),
            DataType::Utf8 => Self::Small(array.as_string()),
            other => {
                return Err(Error::internal(format!(
                    "an array of type {other} where the schema says text"
                )));
            }
        })
    }

    /// The text of a row.
    #[inline]
    #[must_use]
    pub fn at(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Large(array) => array.is_valid(row).then(|| array.value(row)),
            Self::View(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Small(array) => array.is_valid(row).then(|| array.value(row)),
            Self::One(text) => *text,
        }
    }
}

/// `a op b`, masked where one is missing.
///
/// # Errors
/// When an array isn't text.
pub fn compare(op: Compare, a: Text<'_>, b: Text<'_>, rows: usize) -> Result<BooleanArray> {
    let run = |a: &dyn Datum, b: &dyn Datum| {
        Ok(match op {
            Compare::Eq => cmp::eq(a, b)?,
            Compare::Ne => cmp::neq(a, b)?,
            Compare::Lt => cmp::lt(a, b)?,
            Compare::Le => cmp::lt_eq(a, b)?,
            Compare::Gt => cmp::gt(a, b)?,
            Compare::Ge => cmp::gt_eq(a, b)?,
        })
    };
    match (a, b) {
        (Text::View(a), Text::One(Some(b))) | (Text::One(Some(b)), Text::View(a))
            if b.len() <= INLINE && matches!(op, Compare::Eq | Compare::Ne) =>
        {
            let wanted = make_view(b.as_bytes(), 0, 0);
            let equal = any_view(a.views(), &[wanted]);
            let values = if op == Compare::Eq { equal } else { !&equal };
            Ok(BooleanArray::new(values, a.nulls().cloned()))
        }
        (Text::Large(a), Text::Large(b)) => run(a, b),
        (Text::View(a), Text::View(b)) => run(a, b),
        (Text::Large(a), Text::One(Some(b))) => run(a, &OneRow::new(LargeStringArray::from(vec![b]))),
        (Text::View(a), Text::One(Some(b))) => run(a, &OneRow::new(StringViewArray::from(vec![b]))),
        (Text::One(Some(a)), Text::Large(b)) => run(&OneRow::new(LargeStringArray::from(vec![a])), b),
        (Text::One(Some(a)), Text::View(b)) => run(&OneRow::new(StringViewArray::from(vec![a])), b),
        (a, b) => Ok((0..rows)
            .map(|row| Some(op.holds(a.at(row)?.cmp(b.at(row)?))))
            .collect()),
    }
}

/// Where a view is one of these.
fn any_view(views: &[u128], wanted: &[u128]) -> BooleanBuffer {
    const TILE: usize = 1024;
    let mut packed = vec![0u8; views.len().div_ceil(8)];
    let mut bytes = [MaybeUninit::<u8>::new(0); TILE];
    for (views, packed) in views.chunks(TILE).zip(packed.chunks_mut(TILE / 8)) {
        let bytes = &mut bytes[..views.len()];
        super::map1(Operand::Rows(views), bytes, |view| {
            wanted.iter().fold(0, |found, wanted| {
                let same = *wanted ^ view;
                found | u8::from((same as u64) | ((same >> 64) as u64) == 0)
            })
        });
        // SAFETY: `map1` wrote every element.
        let bytes = unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast::<u8>(), bytes.len()) };
        bits::pack(bytes, packed);
    }
    BooleanBuffer::new(packed.into(), 0, views.len())
}

/// `a + b`; missing where one is.
#[must_use]
pub fn join(a: Text<'_>, b: Text<'_>, rows: usize) -> ArrayRef {
    let mut out = LargeStringBuilder::with_capacity(rows, rows * 16);
    for row in 0..rows {
        match (a.at(row), b.at(row)) {
            (Some(a), Some(b)) => {
                // What is written in pieces becomes one value when the last is appended.
                let _ = std::fmt::Write::write_str(&mut out, a);
                out.append_value(b);
            }
            _ => out.append_null(),
        }
    }
    Arc::new(out.finish())
}

/// `a` where the mask holds, else `b`.
#[must_use]
pub fn choose(mask: &BooleanBuffer, a: Text<'_>, b: Text<'_>) -> ArrayRef {
    let mut out = LargeStringBuilder::with_capacity(mask.len(), mask.len() * 16);
    for row in 0..mask.len() {
        out.append_option(if mask.value(row) { a.at(row) } else { b.at(row) });
    }
    Arc::new(out.finish())
}

/// Whether each text is in a set; missing values are when `missing`.
#[must_use]
pub fn member(set: &HashSet<Box<str>>, missing: bool, a: Text<'_>, rows: usize) -> BooleanBuffer {
    let few: Vec<&str> = set.iter().take(FEW + 1).map(|text| &**text).collect();
    if let (Text::View(array), true) = (a, few.len() <= FEW && few.iter().all(|text| text.len() <= INLINE)) {
        let wanted: Vec<u128> = few.iter().map(|text| make_view(text.as_bytes(), 0, 0)).collect();
        let found = any_view(array.views(), &wanted);
        return match array.nulls() {
            None => found,
            Some(nulls) if missing => &(&found & nulls.inner()) | &!nulls.inner(),
            Some(nulls) => &found & nulls.inner(),
        };
    }
    if few.len() <= FEW {
        return BooleanBuffer::collect_bool(rows, |row| match a.at(row) {
            Some(text) => few.contains(&text),
            None => missing,
        });
    }
    BooleanBuffer::collect_bool(rows, |row| match a.at(row) {
        Some(text) => set.contains(text),
        None => missing,
    })
}

/// Whether each text has a character.
#[must_use]
pub fn truth(a: Text<'_>, rows: usize) -> BooleanBuffer {
    // pandas' missing text is NaN, which is true.
    BooleanBuffer::collect_bool(rows, |row| a.at(row).is_none_or(|text| !text.is_empty()))
}

/// Numbers as Python writes them. Floats that are NaN, and masked values, are missing.
///
/// # Errors
/// When the array isn't of numbers.
pub fn from_numbers(array: &ArrayRef) -> Result<ArrayRef> {
    use std::fmt::Write;
    let rows = array.len();
    let mut out = LargeStringBuilder::with_capacity(rows, rows * 8);
    match array.data_type() {
        DataType::Boolean => {
            for flag in array.as_boolean() {
                out.append_option(flag.map(|flag| if flag { "True" } else { "False" }));
            }
        }
        DataType::Float64 => floats(array.as_primitive::<arrow::datatypes::Float64Type>(), &mut out),
        DataType::Float32 => floats(array.as_primitive::<arrow::datatypes::Float32Type>(), &mut out),
        other => dispatch_primitive!(other, T => {
            for value in array.as_primitive::<T>() {
                match value {
                    Some(value) => {
                        let _ = write!(out, "{value}");
                        out.append_value("");
                    }
                    None => out.append_null(),
                }
            }
        }, _ => return Err(Error::internal(format!("numbers expected, not {other}")))),
    }
    Ok(Arc::new(out.finish()))
}

fn floats<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, out: &mut LargeStringBuilder)
where
    T::Native: format::Written + num_traits::Float,
{
    for value in array {
        match value {
            Some(value) if !num_traits::Float::is_nan(value) => {
                let _ = format::float(value, out);
                out.append_value("");
            }
            _ => out.append_null(),
        }
    }
}

/// Text as numbers of `kind`. Missing text is NaN.
///
/// # Errors
/// [`crate::error::Kind::Value`] for what isn't a number, [`crate::error::Kind::Overflow`] for what doesn't fit, with the row.
pub fn to_numbers(a: Text<'_>, kind: NumpyType, is_na: bool, rows: usize) -> Result<ArrayRef> {
    let at = |row: usize, error: Error| error.note(format!("at row {row} of the batch"));
    if kind.is_float() {
        let mut values: Vec<f64> = Vec::with_capacity(rows);
        for row in 0..rows {
            values.push(match a.at(row) {
                Some(text) => parse::float(text).map_err(|error| at(row, error))?,
                None => f64::NAN,
            });
        }
        return Ok(if kind == NumpyType::Float32 {
            Arc::new(arrow::array::Float32Array::from_iter_values(
                values.iter().map(|value| *value as f32),
            ))
        } else {
            Arc::new(arrow::array::Float64Array::from(values))
        });
    }
    // Missing values are complained of before text that isn't a number.
    if let Some(row) = (0..rows).find(|row| a.at(*row).is_none()) {
        return Err(at(
            row,
            if is_na {
                Error::type_(
                    "int() argument must be a string, a bytes-like object or a real number, not 'NAType'",
                )
            } else {
                Error::value("cannot convert float NaN to integer")
            },
        ));
    }
    dispatch_primitive!(&kind.arrow(), T => {
        type N = <T as ArrowPrimitiveType>::Native;
        let mut values: Vec<N> = Vec::with_capacity(rows);
        for row in 0..rows {
            let text = a.at(row).unwrap_or_default();
            let value = parse::integer(text).map_err(|error| at(row, error))?;
            if beside_range(kind, value).is_ne() {
                return Err(at(row, Error::overflow(if beside_range(NumpyType::Int64, value).is_eq() {
                    format!("Python integer {value} out of bounds for {}", kind.name())
                } else {
                    "Python int too large to convert to C long".to_string()
                })));
            }
            values.push(value as N);
        }
        Ok(Arc::new(PrimitiveArray::<T>::from_iter_values(values)) as ArrayRef)
    }, _ => Err(Error::internal(format!("text to {}", kind.name()))))
}

/// Text as codes into given categories; what isn't one of them is missing.
///
/// # Errors
/// When the categories aren't text.
pub fn to_codes(a: Text<'_>, categories: &Categories, rows: usize) -> Result<ArrayRef> {
    let values = Text::of(&categories.values)?;
    let known: HashMap<&str, i32> = (0..categories.values.len())
        .filter_map(|code| Some((values.at(code)?, code as i32)))
        .collect();
    let codes: Int32Array = (0..rows).map(|row| known.get(a.at(row)?).copied()).collect();
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(
        codes,
        categories.values.clone(),
    )?))
}

/// The text of a categorical.
///
/// # Errors
/// When its categories aren't text.
pub fn from_codes(array: &ArrayRef) -> Result<ArrayRef> {
    let codes = array
        .as_dictionary_opt::<Int32Type>()
        .ok_or_else(|| Error::internal(format!("a categorical expected, not {}", array.data_type())))?;
    let taken = arrow::compute::take(codes.values(), codes.keys(), None)?;
    to_large_utf8(&taken)
}

/// What a comparison of text says where a side is missing: nothing of dtype `str`, missing of the others.
#[must_use]
pub fn settle(op: Compare, answer: BooleanArray) -> BooleanArray {
    let (values, nulls) = answer.into_parts();
    match nulls {
        None => BooleanArray::new(values, None),
        Some(nulls) if op == Compare::Ne => BooleanArray::new(&values | &!nulls.inner(), None),
        Some(nulls) => BooleanArray::new(&values & nulls.inner(), None),
    }
}
