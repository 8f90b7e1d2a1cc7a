//! The rules of `== != < <= > >=`: what dtype comes out, what is compared with what, and what pandas refuses.

use std::cmp::Ordering;

use arrow::datatypes::DataType;

use crate::dtype::{Dtype, NumpyType, TimeUnit};
use crate::error::{Error, Result};
use crate::op::arith::fits_i64;
use crate::op::infer::no_kernel;
use crate::op::promote::{beside_range, finer, parse_moment, promote};
use crate::op::scalar::ScalarOp;
use crate::op::side::{Class, Plan, Resolved, Side, category_position};
use crate::scalar::Scalar;

const BOOL: Dtype = Dtype::Numpy(NumpyType::Bool);
const BOOLEAN: Dtype = Dtype::Nullable(NumpyType::Bool);

/// The answer of a comparison.
///
/// # Errors
/// [`crate::error::Kind::Type`] for comparisons that pandas refuses, [`crate::error::Kind::NotNative`] for those without a
/// kernel.
pub fn compare(op: &ScalarOp, a: &Side<'_>, b: &Side<'_>) -> Result<Resolved> {
    let answer = |dtype: Dtype, plan: Plan| Ok(Resolved { dtype, plan });
    match (&a.class, &b.class) {
        (Class::Number { .. }, Class::Number { .. }) => numbers(op, a, b),
        (Class::Category(_), _) => category(op, a, b),
        (_, Class::Category(_)) => category(&mirrored(op), b, a),
        (
            Class::Moment { unit, tz },
            Class::Moment {
                unit: other,
                tz: other_tz,
            },
        ) => {
            if tz.is_some() == other_tz.is_some() {
                answer(BOOL, ticks(*unit, *other))
            } else {
                unequal(op, a, b)
            }
        }
        (Class::Span(unit), Class::Span(other)) => answer(BOOL, ticks(*unit, *other)),
        (Class::Moment { unit, tz: None }, Class::Text(None)) => match moment_of(b) {
            Some(other) => answer(BOOL, ticks(*unit, other)),
            None => Err(no_kernel(op, a, b)),
        },
        (Class::Text(None), Class::Moment { unit, tz: None }) => match moment_of(a) {
            Some(other) => answer(BOOL, ticks(other, *unit)),
            None => Err(no_kernel(op, a, b)),
        },
        (Class::Text(_), Class::Text(_)) => {
            let of = |side: &Side<'_>| match side.class {
                Class::Text(Some(Dtype::String { pyarrow })) => Some(*pyarrow),
                _ => None,
            };
            let dtype = match (of(a), of(b)) {
                (Some(true), _) | (_, Some(true)) => Dtype::Arrow(DataType::Boolean),
                (Some(false), _) | (_, Some(false)) => BOOLEAN,
                _ => BOOL,
            };
            answer(dtype, Plan::Text)
        }
        (Class::Text(Some(Dtype::Str)), Class::Missing) | (Class::Missing, Class::Text(Some(Dtype::Str))) => {
            answer(BOOL, Plan::Known(*op == ScalarOp::Ne))
        }
        (Class::Text(Some(Dtype::Str)), Class::Number { .. }) if is_nan(b) => {
            answer(BOOL, Plan::Known(*op == ScalarOp::Ne))
        }
        (Class::Number { .. }, Class::Text(Some(Dtype::Str))) if is_nan(a) => {
            answer(BOOL, Plan::Known(*op == ScalarOp::Ne))
        }
        _ => unequal(op, a, b),
    }
}

/// Whether it is NaN, which stands for missing text.
fn is_nan(side: &Side<'_>) -> bool {
    matches!(side.value, Some(Scalar::Float(value)) if value.is_nan())
}

/// The unit of the moment that a literal's text means.
fn moment_of(side: &Side<'_>) -> Option<TimeUnit> {
    match side.value {
        Some(Scalar::Str(text)) => parse_moment(text).map(|(_, unit)| unit),
        _ => None,
    }
}

fn ticks(a: TimeUnit, b: TimeUnit) -> Plan {
    let unit = finer(a, b).per_second();
    Plan::Ticks(unit / a.per_second(), unit / b.per_second())
}

/// The comparison that says the same with its sides exchanged.
#[must_use]
pub fn mirrored(op: &ScalarOp) -> ScalarOp {
    match op {
        ScalarOp::Lt => ScalarOp::Gt,
        ScalarOp::Le => ScalarOp::Ge,
        ScalarOp::Gt => ScalarOp::Lt,
        ScalarOp::Ge => ScalarOp::Le,
        other => other.clone(),
    }
}

/// Things that are never equal: `==` and `!=` have an answer, an order is refused.
fn unequal(op: &ScalarOp, a: &Side<'_>, b: &Side<'_>) -> Result<Resolved> {
    let odd = |side: &Side<'_>| {
        matches!(
            side.class,
            Class::Other | Class::ArrowBool | Class::Text(Some(Dtype::String { .. }))
        ) || matches!(side.class, Class::Number { nullable: true, .. })
    };
    // pandas asks pyarrow about text beside spans and large integers, which fails in ways of its own.
    let text = |x: &Side<'_>, y: &Side<'_>| {
        matches!(x.class, Class::Text(_))
            && ((matches!(y.class, Class::Span(_)) && y.is_column()) || !fits_i64(y))
    };
    if odd(a) || odd(b) || text(a, b) || text(b, a) || !(a.is_column() || b.is_column()) {
        return Err(no_kernel(op, a, b));
    }
    match op {
        // A text column beside a moment's column or text beside a span: pandas parses.
        _ if matches!(
            (&a.class, &b.class),
            (Class::Moment { .. } | Class::Span(_), Class::Text(None))
                | (Class::Text(None), Class::Moment { .. } | Class::Span(_))
        ) =>
        {
            Err(no_kernel(op, a, b))
        }
        ScalarOp::Eq | ScalarOp::Ne => Ok(Resolved {
            dtype: BOOL,
            plan: Plan::Known(*op == ScalarOp::Ne),
        }),
        _ => {
            if matches!(a.class, Class::Missing) || matches!(b.class, Class::Missing) {
                // None, NaN and NaT each have a rule of their own here.
                return Err(no_kernel(op, a, b));
            }
            // pandas names the dtype of the column whose array refuses: text and times before numbers.
            let rank = |side: &Side<'_>| match side.class {
                _ if !side.is_column() => 0,
                Class::Number { .. } => 1,
                _ => 2,
            };
            let (column, other) = if rank(b) > rank(a) { (b, a) } else { (a, b) };
            if rank(column) == 1 && !matches!(other.class, Class::Text(_)) {
                return Err(no_kernel(op, a, b));
            }
            let name = match column.column {
                Some(dtype) => dtype.name(),
                None => return Err(no_kernel(op, a, b)),
            };
            Err(Error::type_(format!(
                "Invalid comparison between dtype={name} and {}",
                other.python_name()
            )))
        }
    }
}

fn numbers(op: &ScalarOp, a: &Side<'_>, b: &Side<'_>) -> Result<Resolved> {
    let (Some((a_kind, a_null)), Some((b_kind, b_null))) = (a.number(), b.number()) else {
        return Err(no_kernel(op, a, b));
    };
    let nullable = a.is_nullable_column() || b.is_nullable_column();
    if !nullable && (a_null || b_null) {
        // A nullable reduction may turn out as `pd.NA`.
        return Err(no_kernel(op, a, b));
    }
    let dtype = if nullable { BOOLEAN } else { BOOL };
    let answer = |plan| {
        Ok(Resolved {
            dtype: dtype.clone(),
            plan,
        })
    };
    let weak = |side: &Side<'_>| !side.is_column() && side.strong.is_none();
    if weak(a) != weak(b) {
        let (column, literal, op) = if weak(b) {
            (a_kind, b, op.clone())
        } else {
            (b_kind, a, mirrored(op))
        };
        return answer(match literal.value {
            Some(Scalar::Int(value))
                if column == NumpyType::Bool && beside_range(NumpyType::Int64, *value).is_ne() =>
            {
                return Err(no_kernel(&op, a, b));
            }
            Some(Scalar::Int(value)) if !column.is_float() => {
                let kind = if column == NumpyType::Bool {
                    NumpyType::Int64
                } else {
                    column
                };
                match beside_range(kind, *value) {
                    Ordering::Equal => Plan::Number(kind),
                    beside => Plan::Known(match op {
                        ScalarOp::Eq => false,
                        ScalarOp::Ne => true,
                        // Every value is below a literal beyond the top, above one below the bottom.
                        ScalarOp::Lt | ScalarOp::Le => beside.is_gt(),
                        _ => beside.is_lt(),
                    }),
                }
            }
            Some(Scalar::Float(_)) if !column.is_float() => Plan::Number(NumpyType::Float64),
            _ => Plan::Number(column),
        });
    }
    let wide = |unsigned: NumpyType, signed: NumpyType| unsigned == NumpyType::UInt64 && signed.is_signed();
    if wide(a_kind, b_kind) || wide(b_kind, a_kind) {
        return answer(Plan::Signs);
    }
    promote(a_kind, b_kind).map_or_else(|| Err(no_kernel(op, a, b)), |kind| answer(Plan::Number(kind)))
}

fn category(op: &ScalarOp, a: &Side<'_>, b: &Side<'_>) -> Result<Resolved> {
    let Class::Category(categories) = a.class else {
        return Err(no_kernel(op, a, b));
    };
    if !a.is_column() {
        return Err(no_kernel(op, a, b));
    }
    let equality = matches!(op, ScalarOp::Eq | ScalarOp::Ne);
    let answer = |plan| Ok(Resolved { dtype: BOOL, plan });
    if let (Some(left), Some(right)) = (a.column, b.column) {
        return if left == right && (equality || categories.ordered) {
            answer(Plan::Codes)
        } else {
            Err(no_kernel(op, a, b))
        };
    }
    if !equality && !categories.ordered {
        return Err(Error::type_(
            "Unordered Categoricals can only compare equality or not",
        ));
    }
    match b.value {
        None => Err(no_kernel(op, a, b)),
        Some(Scalar::Missing) if equality => answer(Plan::Known(*op == ScalarOp::Ne)),
        Some(value) => match category_position(categories, value)? {
            Some(position) => answer(Plan::Code(position)),
            None if equality => answer(Plan::Known(*op == ScalarOp::Ne)),
            None => Err(Error::type_(format!(
                "Invalid comparison between dtype=category and {}",
                b.python_name()
            ))),
        },
    }
}
