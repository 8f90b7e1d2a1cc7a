//! The rules of `astype`: which casts have a kernel.
//!
//! All casts to a dtype give just that dtype, so the question is only whether dusk knows how. What depends on all values
//! at once (text of moments, categories that aren't given) isn't native.

#![allow(clippy::match_same_arms, reason = "a rule an arm")]

use arrow::datatypes::DataType;

use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::op::side::{Class, Plan, Resolved, Side};

/// `astype(a, to)`.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] without a kernel.
pub fn cast(a: &Side<'_>, to: &Dtype) -> Result<Resolved> {
    let Some(from) = a.column else {
        return Err(Error::not_native("a cast of a single value has no kernel"));
    };
    let plan = if from == to && !from.is_host() {
        Plan::Same
    } else if known(&a.class, from, to) {
        match (from, to) {
            (Dtype::Str | Dtype::String { .. }, Dtype::Str | Dtype::String { .. })
            | (Dtype::Arrow(DataType::Boolean), Dtype::Nullable(NumpyType::Bool)) => Plan::Same,
            _ => Plan::Plain,
        }
    } else {
        return Err(Error::not_native(format!(
            "no kernel casts {} to {}",
            from.name(),
            to.name()
        )));
    };
    Ok(Resolved {
        dtype: to.clone(),
        plan,
    })
}

fn known(class: &Class<'_>, from: &Dtype, to: &Dtype) -> bool {
    use NumpyType as N;
    match (class, to) {
        // Integers are ticks; NumPy's smallest integer is "not a time".
        (
            Class::Number {
                kind,
                nullable: false,
            },
            Dtype::Numpy(N::Datetime(_) | N::Timedelta(_)),
        ) => kind.is_integer() && *kind != N::UInt64,
        (Class::Number { .. }, Dtype::Numpy(_) | Dtype::Str | Dtype::String { .. } | Dtype::Nullable(_)) => {
            !matches!(to, Dtype::Numpy(N::Datetime(_) | N::Timedelta(_)))
        }
        (Class::Moment { tz: None, .. }, Dtype::Numpy(N::Datetime(_) | N::Int64))
        | (Class::Moment { tz: Some(_), .. }, Dtype::Datetimetz(..) | Dtype::Numpy(N::Int64))
        | (Class::Span(_), Dtype::Numpy(N::Timedelta(_) | N::Int64))
        | (Class::Text(_), Dtype::Str | Dtype::String { .. }) => true,
        (Class::Text(_), Dtype::Numpy(kind)) => match kind {
            N::Bool => matches!(from, Dtype::Str),
            kind => kind.is_numeric(),
        },
        (Class::Text(_), Dtype::Category(categories)) => categories.dtype.is_text(),
        (Class::ArrowBool, Dtype::Nullable(N::Bool)) => true,
        (Class::Category(categories), Dtype::Str | Dtype::String { .. }) => categories.dtype.is_text(),
        _ => false,
    }
}
