//! The rules of operations that put given values into a column or look for them there: `isin`, `fillna`, `where`, `clip`.
//!
//! pandas changes a column's dtype when it can't hold a value that it must take, and only if it must take it: then the
//! dtype depends on the data, and the operation is refused here.

use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::op::infer::no_kernel;
use crate::op::promote::{beside_range, exact_ticks, float, promote, whole};
use crate::op::scalar::ScalarOp;
use crate::op::side::{Class, Plan, Resolved, Side, category_position};
use crate::scalar::{Literal, Scalar};

/// `isin`.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] where what a missing value in the list means depends on which one it is.
pub fn isin(values: &[Literal], a: &Side<'_>) -> Result<Resolved> {
    let refuse = || Error::not_native("isin with these values on this dtype has no kernel");
    if !a.is_column() {
        return Err(refuse());
    }
    let missing = values.iter().any(|value| value.value == Scalar::Missing);
    let mut dtype = Dtype::Numpy(NumpyType::Bool);
    match &a.class {
        Class::Number { kind, nullable } => {
            if missing && (*nullable || kind.is_float()) {
                return Err(refuse());
            }
            let strong_nan = |value: &Literal| {
                value.dtype.is_some() && matches!(value.value, Scalar::Float(value) if value.is_nan())
            };
            if *kind == NumpyType::Float32 && values.iter().any(strong_nan) {
                return Err(refuse());
            }
            // NumPy makes floats or objects of a list with integers on both sides of what fits.
            let above =
                |value: &Literal| matches!(value.value, Scalar::Int(value) if value > i128::from(i64::MAX));
            let below = |value: &Literal| matches!(value.value, Scalar::Int(value) if value < 0);
            if values.iter().any(above) && values.iter().any(below) {
                return Err(refuse());
            }
            if *nullable {
                dtype = Dtype::Nullable(NumpyType::Bool);
            }
        }
        Class::Moment { tz, .. } => {
            let fits = |value: &Literal| matches!(&value.value, Scalar::Timestamp { tz: other, .. } if other.is_some() == tz.is_some());
            if !values.iter().all(fits) {
                return Err(refuse());
            }
        }
        Class::Span(_) => {
            if !values
                .iter()
                .all(|value| matches!(value.value, Scalar::Timedelta { .. }))
            {
                return Err(refuse());
            }
        }
        Class::Text(_) => {
            let beyond = |value: &Literal| matches!(value.value, Scalar::Int(value) if beside_range(NumpyType::Int64, value).is_ne());
            if values.iter().any(beyond) {
                return Err(refuse());
            }
        }
        Class::Category(categories) => {
            // Among values of several types a bool may match the numbers 0 and 1.
            let is_bool = |value: &Literal| matches!(value.value, Scalar::Bool(_));
            if !categories.dtype.is_text() && values.len() > 1 && values.iter().any(is_bool) {
                return Err(refuse());
            }
            for value in values {
                category_position(categories, &value.value)?;
            }
        }
        _ => return Err(refuse()),
    }
    Ok(Resolved {
        dtype,
        plan: Plan::Plain,
    })
}

/// Whether a column of `kind` holds the number exactly enough for pandas to keep its dtype.
fn holds_number(kind: NumpyType, nullable: bool, side: &Side<'_>) -> bool {
    let Some(value) = side.value else {
        // A value known at run time only: only a wide float column takes every number.
        return kind == NumpyType::Float64
            && matches!(side.class, Class::Number { kind, nullable: false } if kind != NumpyType::Bool);
    };
    match (kind, value) {
        (_, Scalar::Missing) => nullable || (kind.is_float() && side.strong.is_none_or(NumpyType::is_float)),
        (NumpyType::Bool, Scalar::Bool(_)) => true,
        (NumpyType::Bool, _) | (_, Scalar::Bool(_)) => false,
        (NumpyType::Float64, Scalar::Int(_) | Scalar::Float(_)) => true,
        (NumpyType::Float32, Scalar::Int(_) | Scalar::Float(_)) => match side.strong {
            None => true,
            Some(_) => float(value).is_some_and(|value| value.is_nan() || f64::from(value as f32) == value),
        },
        (kind, value) => whole(value).is_some_and(|value| beside_range(kind, value).is_eq()),
    }
}

/// Whether a column of `a`'s dtype holds `value`, as pandas decides it.
fn holds(a: &Side<'_>, value: &Side<'_>) -> Result<bool> {
    if let (Some(left), Some(right)) = (a.column, value.column) {
        if left == right {
            return Ok(true);
        }
        return Ok(match (left.numpy(), right.numpy()) {
            // An int64 may be one that float64 can't hold exactly.
            (Some(NumpyType::Float64), Some(other)) => {
                other.is_numeric() && other.itemsize() <= 4 && other != NumpyType::Bool
            }
            (Some(left), Some(other)) if left.is_integer() && other.is_integer() => {
                promote(left, other) == Some(left)
            }
            _ => false,
        });
    }
    if matches!(value.value, Some(Scalar::Missing)) {
        return Ok(match &a.class {
            Class::Number { kind, nullable } => holds_number(*kind, *nullable, value),
            Class::Other => false,
            _ => true,
        });
    }
    Ok(match (&a.class, value.value) {
        (Class::Number { kind, nullable }, _) if value.number().is_some() => {
            holds_number(*kind, *nullable, value)
        }
        (Class::ArrowBool, Some(Scalar::Bool(_))) => true,
        (
            Class::Moment { unit, tz },
            Some(Scalar::Timestamp {
                value,
                unit: from,
                tz: other,
            }),
        ) => tz.map(|tz| &**tz) == other.as_deref() && exact_ticks(*value, *from, *unit).is_some(),
        (Class::Span(unit), Some(Scalar::Timedelta { value, unit: from })) => {
            exact_ticks(*value, *from, *unit).is_some()
        }
        (Class::Text(_), Some(Scalar::Str(_))) => true,
        (Class::Category(categories), Some(value)) => category_position(categories, value)?.is_some(),
        _ => false,
    })
}

/// `fillna`.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] for values that would change the dtype.
pub fn fillna(a: &Side<'_>, value: &Side<'_>) -> Result<Resolved> {
    let refuse = || no_kernel(&ScalarOp::FillNa, a, value);
    let dtype = a.column.ok_or_else(refuse)?.clone();
    let answer = |plan| Ok(Resolved { dtype, plan });
    if let Some(kind) = a.column.and_then(Dtype::numpy)
        && (kind == NumpyType::Bool || kind.is_integer())
    {
        return answer(Plan::Same);
    }
    let untyped = !value.is_column() && value.strong.is_none();
    if untyped && value.value == Some(&Scalar::Missing) && !matches!(a.class, Class::Other | Class::ArrowBool)
    {
        return answer(Plan::Same);
    }
    if holds(a, value)? {
        answer(Plan::Plain)
    } else {
        Err(refuse())
    }
}

/// `where`.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] for values that would change the dtype.
pub fn r#where(a: &Side<'_>, condition: &Side<'_>, other: &Side<'_>) -> Result<Resolved> {
    let refuse = || no_kernel(&ScalarOp::Where, a, other);
    let dtype = a.column.ok_or_else(refuse)?.clone();
    let flag = condition.is_column()
        && matches!(
            condition.class,
            Class::ArrowBool
                | Class::Number {
                    kind: NumpyType::Bool,
                    ..
                }
        );
    if !flag || matches!(a.class, Class::Other) || !holds(a, other)? {
        return Err(refuse());
    }
    Ok(Resolved {
        dtype,
        plan: Plan::Plain,
    })
}

/// `clip`.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] for bounds that would change the dtype.
pub fn clip(a: &Side<'_>, lower: &Side<'_>, upper: &Side<'_>) -> Result<Resolved> {
    let refuse = || no_kernel(&ScalarOp::Clip, a, if is_bound(lower) { lower } else { upper });
    let dtype = a.column.ok_or_else(refuse)?.clone();
    if lower.is_column() || upper.is_column() {
        return Err(refuse());
    }
    let known =
        |side: &Side<'_>| side.value.is_some() || a.column.and_then(Dtype::numpy) == Some(NumpyType::Float64);
    for (side, outwards) in [
        (lower, std::cmp::Ordering::Less),
        (upper, std::cmp::Ordering::Greater),
    ] {
        if !known(side) {
            return Err(refuse());
        }
        if !is_bound(side) {
            continue;
        }
        let fits = match (&a.class, side.value) {
            (
                Class::Number {
                    kind: NumpyType::Bool,
                    ..
                },
                _,
            ) => false,
            (
                Class::Number {
                    kind,
                    nullable: false,
                },
                Some(Scalar::Int(value)),
            ) if kind.is_integer() && beside_range(*kind, *value) == outwards => true,
            (Class::Number { .. } | Class::Moment { .. } | Class::Span(_), _) => holds(a, side)?,
            _ => false,
        };
        if !fits {
            return Err(refuse());
        }
    }
    let plan = if is_bound(lower) || is_bound(upper) {
        Plan::Plain
    } else {
        Plan::Same
    };
    if plan == Plan::Same
        && matches!(
            a.class,
            Class::Text(_) | Class::Category(_) | Class::Other | Class::ArrowBool
        )
    {
        return Err(refuse());
    }
    Ok(Resolved { dtype, plan })
}

/// Whether it bounds anything: missing and NaN don't.
#[must_use]
pub fn is_bound(side: &Side<'_>) -> bool {
    !matches!(side.value, Some(Scalar::Missing))
        && !matches!(side.value, Some(Scalar::Float(value)) if value.is_nan())
}
