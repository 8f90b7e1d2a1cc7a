//! The rules of `+ - * / // % **`: numbers, moments and spans, and joining text.

#![allow(clippy::match_same_arms, reason = "a rule an arm")]

use crate::dtype::{Dtype, NumpyType, TimeUnit};
use crate::error::{Error, Result};
use crate::op::infer::no_kernel;
use crate::op::promote::{beside_range, finer, float, promote, whole};
use crate::op::scalar::ScalarOp;
use crate::op::side::{Class, Plan, Resolved, Side, check_fits};
use crate::scalar::Scalar;

/// What arithmetic gives.
///
/// # Errors
/// As [`crate::op::infer::resolve`].
#[allow(
    clippy::many_single_char_names,
    reason = "two operands, their units and their factors"
)]
pub fn arith(op: &ScalarOp, a: &Side<'_>, b: &Side<'_>) -> Result<Resolved> {
    use ScalarOp as O;
    let answer = |dtype: Dtype, plan: Plan| Ok(Resolved { dtype, plan });
    let span = |unit| Dtype::Numpy(NumpyType::Timedelta(unit));
    let moment = |unit, tz: Option<&std::sync::Arc<str>>| match tz {
        Some(tz) => Dtype::Datetimetz(unit, tz.clone()),
        None => Dtype::Numpy(NumpyType::Datetime(unit)),
    };
    let ticks = |a: TimeUnit, b: TimeUnit| {
        let unit = finer(a, b);
        (
            unit,
            unit.per_second() / a.per_second(),
            unit.per_second() / b.per_second(),
        )
    };
    match (op, &a.class, &b.class) {
        (_, Class::Number { .. }, Class::Number { .. }) => numbers(op, a, b),
        (O::Add | O::Sub, Class::Moment { unit: x, tz }, Class::Span(y)) => {
            let (unit, i, j) = ticks(*x, *y);
            answer(moment(unit, *tz), Plan::Ticks(i, j))
        }
        (O::Add, Class::Span(x), Class::Moment { unit: y, tz }) => {
            let (unit, i, j) = ticks(*x, *y);
            answer(moment(unit, *tz), Plan::Ticks(i, j))
        }
        (O::Sub, Class::Moment { unit: x, tz }, Class::Moment { unit: y, tz: other }) => {
            if tz.is_some() != other.is_some() {
                return Err(no_kernel(op, a, b));
            }
            let (unit, i, j) = ticks(*x, *y);
            answer(span(unit), Plan::Ticks(i, j))
        }
        (O::Add | O::Sub, Class::Span(x), Class::Span(y)) => {
            let (unit, i, j) = ticks(*x, *y);
            answer(span(unit), Plan::Ticks(i, j))
        }
        (O::TrueDiv, Class::Span(x), Class::Span(y)) => {
            let (_, i, j) = ticks(*x, *y);
            answer(Dtype::Numpy(NumpyType::Float64), Plan::SpanRatio(i, j))
        }
        (
            O::Mul,
            Class::Span(unit),
            Class::Number {
                kind,
                nullable: false,
            },
        )
        | (
            O::Mul,
            Class::Number {
                kind,
                nullable: false,
            },
            Class::Span(unit),
        ) if kind.is_integer() && *kind != NumpyType::UInt64 && fits_i64(a) && fits_i64(b) => {
            answer(span(*unit), Plan::SpanTimes)
        }
        (O::Add, Class::Text(x), Class::Text(y)) => {
            // The left column's dtype wins; a literal has none of its own.
            match (x, y) {
                // Which storage wins between two kinds of `string` is left to pandas.
                (Some(Dtype::String { pyarrow: x }), Some(Dtype::String { pyarrow: y })) if x != y => {
                    Err(no_kernel(op, a, b))
                }
                (Some(dtype), _) | (None, Some(dtype)) => answer((*dtype).clone(), Plan::Text),
                (None, None) => Err(no_kernel(op, a, b)),
            }
        }
        (_, Class::Text(_), Class::Number { .. }) if !is_plain(b) => Err(no_kernel(op, a, b)),
        (_, Class::Number { .. }, Class::Text(_)) if !is_plain(a) => Err(no_kernel(op, a, b)),
        (
            O::Add | O::Sub | O::TrueDiv | O::FloorDiv | O::Mod | O::Pow,
            Class::Text(Some(Dtype::Str)),
            Class::Number { .. },
        )
        | (
            O::Sub | O::TrueDiv | O::FloorDiv | O::Mod | O::Pow,
            Class::Text(Some(Dtype::Str)),
            Class::Text(Some(Dtype::Str) | None),
        ) if a.is_column() => Err(refused(op.name(), "str", b)),
        (
            O::Add | O::Sub | O::TrueDiv | O::FloorDiv | O::Pow,
            Class::Number { .. },
            Class::Text(Some(Dtype::Str)),
        ) if b.is_column() => Err(refused(&format!("r{}", op.name()), "str", a)),
        _ => Err(no_kernel(op, a, b)),
    }
}

/// Whether pandas refuses it beside text in the usual words: NaN stands for missing text, and some numbers fail before.
fn is_plain(side: &Side<'_>) -> bool {
    let odd = match side.value {
        Some(Scalar::Float(value)) => value.is_nan(),
        _ => !fits_i64(side),
    };
    let strong_bool = !side.is_column() && side.strong == Some(NumpyType::Bool);
    !odd && !strong_bool && !matches!(side.class, Class::Number { nullable: true, .. })
}

/// Whether a literal is no integer beyond 64 bits.
#[must_use]
pub fn fits_i64(side: &Side<'_>) -> bool {
    !matches!(side.value, Some(Scalar::Int(value)) if beside_range(NumpyType::Int64, *value).is_ne())
}

/// pandas' words for an operation that an extension array doesn't have.
fn refused(name: &str, dtype: &str, other: &Side<'_>) -> Error {
    Error::type_(match other.column {
        Some(column) => format!(
            "operation '{name}' not supported for dtype '{dtype}' with dtype '{}'",
            column.name()
        ),
        None => format!(
            "operation '{name}' not supported for dtype '{dtype}' with object of type <class '{}'>",
            // Arithmetic sees NumPy's scalars as Python's.
            Side {
                strong: None,
                ..other.clone()
            }
            .python_name()
        ),
    })
}

fn numbers(op: &ScalarOp, a: &Side<'_>, b: &Side<'_>) -> Result<Resolved> {
    use ScalarOp as O;
    let (Some((a_kind, a_null)), Some((b_kind, b_null))) = (a.number(), b.number()) else {
        return Err(no_kernel(op, a, b));
    };
    let nullable = a.is_nullable_column() || b.is_nullable_column();
    if !nullable && (a_null || b_null) {
        // A nullable reduction may turn out as `pd.NA`, and the column as objects.
        return Err(no_kernel(op, a, b));
    }
    // Beside a column, pandas makes Python values of NumPy's scalars.
    let mut kind = if a.is_column() && b.is_column() {
        promote(a_kind, b_kind).ok_or_else(|| no_kernel(op, a, b))?
    } else if a.is_column() {
        weak(a_kind, b_kind)
    } else {
        weak(b_kind, a_kind)
    };
    if nullable
        && [a, b]
            .iter()
            .any(|side| !side.is_column() && side.strong == Some(NumpyType::Bool))
    {
        return Err(no_kernel(op, a, b));
    }
    let bools = a_kind == NumpyType::Bool || b_kind == NumpyType::Bool;
    if kind == NumpyType::Bool {
        match op {
            O::Add | O::Mul => {}
            O::Sub => {
                return Err(Error::type_(
                    "numpy boolean subtract, the `-` operator, is not supported, use the bitwise_xor, the `^` operator, or \
                     the logical_xor function instead.",
                ));
            }
            _ => return Err(no_kernel(op, a, b)),
        }
    }
    let whole_or_unknown =
        |side: &Side<'_>| side.is_column() || side.value.is_none_or(|value| whole(value).is_some());
    match op {
        O::TrueDiv if !kind.is_float() => kind = NumpyType::Float64,
        // Booleans here have rules of their own (`int8` results, refusals).
        O::FloorDiv | O::Mod | O::Pow if bools => return Err(no_kernel(op, a, b)),
        O::FloorDiv | O::Mod
            if kind == NumpyType::Float32 || (kind.is_integer() && !a.is_nullable_column()) =>
        {
            // A zero among the divisors makes a float64 column of the whole result.
            let may_be_zero = b.is_column() || b.value.and_then(float).is_none_or(|value| value == 0.0);
            if may_be_zero {
                return Err(no_kernel(op, a, b));
            }
        }
        O::Pow if kind.is_integer() && !b.is_column() => {
            check_fits(kind, b.value)?;
            if b.value.and_then(whole).is_some_and(|value| value < 0) {
                return Err(Error::value(
                    "Integers to negative integer powers are not allowed.",
                ));
            }
        }
        _ => {}
    }
    if *op == O::Pow && nullable {
        // Missing values to the power of zero are one, and so is one to the power of a missing value.
        let plain = a.is_column() && b.value.and_then(float).is_some_and(|value| value != 0.0);
        if !plain {
            return Err(no_kernel(op, a, b));
        }
    }
    if kind.is_integer() {
        for side in [a, b] {
            if !side.is_column() {
                if !whole_or_unknown(side) {
                    return Err(no_kernel(op, a, b));
                }
                check_fits(kind, side.value)?;
            }
        }
    }
    Ok(Resolved {
        dtype: if nullable {
            Dtype::Nullable(kind)
        } else {
            Dtype::Numpy(kind)
        },
        plan: Plan::Number(kind),
    })
}

/// The type of a column beside a Python number.
fn weak(column: NumpyType, value: NumpyType) -> NumpyType {
    match (column, value) {
        (_, NumpyType::Bool) => column,
        (column, value) if value.is_float() && !column.is_float() => NumpyType::Float64,
        (NumpyType::Bool, _) => NumpyType::Int64,
        _ => column,
    }
}
