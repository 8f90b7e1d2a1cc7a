//! The dtype of an expression as pandas 3.1 and NumPy 2 decide it, and with it how each operation is computed.
//!
//! Kernels are compiled from the same answers ([`resolve`]), so the dtype promised and the values made can't differ. What
//! has no kernel, or a dtype in pandas that depends on the values (an integer column divided by one that may hold zeros),
//! is [`crate::error::Kind::NotNative`]; what pandas refuses with words that people look for is refused with them.
//! Comparisons are in `op::compare`, operations that put values into a column in `op::member`, `astype` in `op::cast`.

use arrow::datatypes::DataType;

use crate::dtype::{Dtype, NumpyType, TimeUnit};
use crate::error::{Error, Result};
use crate::op::cast::cast;
use crate::op::compare::compare;
use crate::op::member;
use crate::op::promote::{beside_range, finer, float, promote, whole};
use crate::op::scalar::ScalarOp;
use crate::op::side::{Arg, Class, Plan, Resolved, Side, check_fits, natural};
use crate::op::tree::Expr;
use crate::scalar::{Literal, Scalar};
use crate::schema::FrameSchema;

/// The dtype that `expr` gives over a frame of `schema`; `Expr::Input(k)` is one value of dtype `inputs[k]`.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] without a kernel, [`crate::error::Kind::Type`], `Overflow` or `Value` for what pandas
/// refuses.
pub fn dtype_of(expr: &Expr, schema: &FrameSchema, inputs: &[Dtype]) -> Result<Dtype> {
    match typed(expr, schema, inputs)? {
        Typed::Column(dtype) | Typed::Unknown(dtype) => Ok(dtype),
        Typed::Literal(literal) => natural(&literal),
    }
}

enum Typed {
    Column(Dtype),
    Unknown(Dtype),
    Literal(Literal),
}

impl Typed {
    fn arg(&self) -> Arg<'_> {
        match self {
            Self::Column(dtype) => Arg::Column(dtype),
            Self::Unknown(dtype) => Arg::Unknown(dtype),
            Self::Literal(literal) => Arg::Literal(literal),
        }
    }
}

fn typed(expr: &Expr, schema: &FrameSchema, inputs: &[Dtype]) -> Result<Typed> {
    let native = |dtype: Dtype| {
        if dtype.is_host() {
            return Err(Error::not_native(format!(
                "no kernels for dtype {}",
                dtype.name()
            )));
        }
        Ok(dtype)
    };
    Ok(match expr {
        Expr::Column(position) => {
            let column = schema
                .columns
                .get(*position)
                .ok_or_else(|| Error::internal(format!("no column at position {position}")))?;
            Typed::Column(native(column.dtype.clone())?)
        }
        Expr::Index(level) => {
            let levels = schema.index.levels();
            let level = levels
                .get(*level)
                .ok_or_else(|| Error::internal(format!("no index level at position {level}")))?;
            Typed::Column(native(level.dtype.clone())?)
        }
        Expr::Literal(literal) => Typed::Literal(literal.clone()),
        Expr::Input(input) => Typed::Unknown(native(
            inputs
                .get(*input)
                .ok_or_else(|| Error::internal(format!("no input at position {input}")))?
                .clone(),
        )?),
        Expr::Call(op, args) => {
            let args = args
                .iter()
                .map(|arg| typed(arg, schema, inputs))
                .collect::<Result<Vec<_>>>()?;
            if args.iter().any(|arg| matches!(arg, Typed::Column(_))) {
                let args: Vec<_> = args.iter().map(Typed::arg).collect();
                Typed::Column(resolve(op, &args)?.dtype)
            } else {
                let dtypes = scalar_dtypes(&args.iter().map(Typed::arg).collect::<Vec<_>>())?;
                let args: Vec<_> = args
                    .iter()
                    .zip(&dtypes)
                    .map(|(arg, dtype)| dtype.as_ref().map_or_else(|| arg.arg(), Arg::Column))
                    .collect();
                Typed::Unknown(resolve(op, &args)?.dtype)
            }
        }
    })
}

/// Single values among themselves follow the rules of columns: those with a dtype (all, when none has one) count as
/// columns of it, the others stay weak.
///
/// # Errors
/// When a value has no native dtype.
pub fn scalar_dtypes(args: &[Arg<'_>]) -> Result<Vec<Option<Dtype>>> {
    let strong = |arg: &Arg<'_>| match arg {
        Arg::Column(_) | Arg::Unknown(_) => true,
        Arg::Literal(literal) => literal.dtype.is_some(),
    };
    let any = args.iter().any(strong);
    args.iter()
        .map(|arg| match arg {
            Arg::Column(dtype) | Arg::Unknown(dtype) => Ok(Some((*dtype).clone())),
            Arg::Literal(literal) if !any || literal.dtype.is_some() => natural(literal).map(Some),
            Arg::Literal(_) => Ok(None),
        })
        .collect()
}

/// The refusal of an operation that has no kernel.
#[must_use]
pub fn no_kernel(op: &ScalarOp, a: &Side<'_>, b: &Side<'_>) -> Error {
    let name = |side: &Side<'_>| match side.column {
        Some(dtype) => dtype.name(),
        None => side.python_name().to_string(),
    };
    Error::not_native(format!(
        "no kernel for {} of {} and {}",
        op.name(),
        name(a),
        name(b)
    ))
}

/// What comes out of an operation, and how.
///
/// # Errors
/// As [`dtype_of`].
pub fn resolve(op: &ScalarOp, args: &[Arg<'_>]) -> Result<Resolved> {
    use ScalarOp as O;
    let sides: Vec<_> = args.iter().map(|arg| Side::new(*arg)).collect();
    match (op, sides.as_slice()) {
        (O::Add | O::Sub | O::Mul | O::TrueDiv | O::FloorDiv | O::Mod | O::Pow, [a, b]) => arith(op, a, b),
        (O::Eq | O::Ne | O::Lt | O::Le | O::Gt | O::Ge, [a, b]) => compare(op, a, b),
        (O::And | O::Or | O::Xor, [a, b]) => logic(op, a, b),
        (O::Not | O::Neg | O::Pos | O::Abs | O::Round(_), [a]) => unary(op, a),
        (O::IsNa | O::NotNa, [a]) if a.column.is_some_and(has_mask) => Ok(Resolved {
            dtype: Dtype::Numpy(NumpyType::Bool),
            plan: Plan::Plain,
        }),
        (O::IsIn(values), [a]) => member::isin(values, a),
        (O::FillNa, [a, value]) => member::fillna(a, value),
        (O::Where, [a, condition, other]) => member::r#where(a, condition, other),
        (O::Clip, [a, lower, upper]) => member::clip(a, lower, upper),
        (O::Cast(dtype), [a]) => cast(a, dtype),
        (_, [a, ..]) => Err(no_kernel(op, a, a)),
        _ => Err(Error::internal(format!("{} without arguments", op.name()))),
    }
}

/// Whether the null mask says all about missing values; in Arrow's floats pandas may count NaN as well.
fn has_mask(dtype: &Dtype) -> bool {
    match dtype {
        Dtype::Arrow(data_type) => !data_type.is_floating() && !data_type.is_nested(),
        other => !other.is_host(),
    }
}

#[allow(
    clippy::many_single_char_names,
    reason = "two operands, their units and their factors"
)]
fn arith(op: &ScalarOp, a: &Side<'_>, b: &Side<'_>) -> Result<Resolved> {
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
pub(super) fn fits_i64(side: &Side<'_>) -> bool {
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
            if b.is_column() || b.value.and_then(float).is_none_or(|value| value == 0.0) {
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

fn logic(op: &ScalarOp, a: &Side<'_>, b: &Side<'_>) -> Result<Resolved> {
    let flag = |side: &Side<'_>| {
        matches!(
            side.class,
            Class::ArrowBool
                | Class::Number {
                    kind: NumpyType::Bool,
                    ..
                }
        ) && (side.is_column() || !matches!(side.value, Some(Scalar::Missing)))
            && (side.is_column()
                || !matches!(
                    side.class,
                    Class::ArrowBool | Class::Number { nullable: true, .. }
                ))
    };
    if flag(a) && flag(b) {
        let (left, right) = (a.is_nullable_column(), b.is_nullable_column());
        let dtype = if matches!(a.class, Class::ArrowBool) || matches!(b.class, Class::ArrowBool) {
            if left {
                // pandas' BooleanArray asks `bool()` of the other side's missing values.
                return Err(no_kernel(op, a, b));
            }
            Dtype::Arrow(DataType::Boolean)
        } else if left || right {
            Dtype::Nullable(NumpyType::Bool)
        } else {
            Dtype::Numpy(NumpyType::Bool)
        };
        return Ok(Resolved {
            dtype,
            plan: Plan::Logic,
        });
    }
    let integer = |side: &Side<'_>| {
        side.number()
            .filter(|(kind, null)| kind.is_integer() && (side.is_column() || !null))
            .filter(|_| side.is_column() || !matches!(side.value, Some(Scalar::Missing)))
    };
    if let (Some((x, x_null)), Some((y, y_null))) = (integer(a), integer(b)) {
        // Beside a nullable column, NumPy's scalars count as Python's.
        let loose = |side: &Side<'_>| !side.is_column() && (side.strong.is_none() || x_null || y_null);
        let kind = match (loose(a), loose(b)) {
            (false, true) => x,
            (true, false) => y,
            _ => promote(x, y).ok_or_else(|| no_kernel(op, a, b))?,
        };
        if kind.is_integer() {
            for side in [a, b] {
                check_fits(kind, side.value)?;
            }
            let dtype = if x_null || y_null {
                Dtype::Nullable(kind)
            } else {
                Dtype::Numpy(kind)
            };
            return Ok(Resolved {
                dtype,
                plan: Plan::Number(kind),
            });
        }
    }
    Err(no_kernel(op, a, b))
}

fn unary(op: &ScalarOp, a: &Side<'_>) -> Result<Resolved> {
    use ScalarOp as O;
    let Some(dtype) = a.column else {
        return Err(no_kernel(op, a, a));
    };
    let plan = match (&a.class, op) {
        (Class::ArrowBool, O::Not) => Plan::Invert,
        (
            Class::Number {
                kind: NumpyType::Bool,
                ..
            },
            O::Not | O::Neg,
        ) => Plan::Invert,
        (
            Class::Number {
                kind: NumpyType::Bool,
                ..
            },
            _,
        ) => Plan::Same,
        (Class::Number { .. } | Class::Span(_), O::Pos) => Plan::Same,
        (Class::Number { kind, .. }, O::Abs) if kind.is_unsigned() => Plan::Same,
        (Class::Number { kind, .. }, O::Round(decimals)) if kind.is_integer() && *decimals >= 0 => Plan::Same,
        (Class::Number { kind, .. }, O::Neg | O::Abs | O::Round(_)) => Plan::Number(*kind),
        (Class::Number { kind, .. }, O::Not) if kind.is_integer() => Plan::Number(*kind),
        (Class::Span(_), O::Neg | O::Abs) => Plan::Number(NumpyType::Int64),
        _ => return Err(no_kernel(op, a, a)),
    };
    Ok(Resolved {
        dtype: dtype.clone(),
        plan,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::schema::{Column, FrameKind, IndexSchema, Label};

    fn schema(dtypes: &[Dtype]) -> FrameSchema {
        let columns = dtypes.iter().map(|dtype| Column {
            name: Label::None,
            dtype: dtype.clone(),
        });
        FrameSchema::new(FrameKind::Frame, columns.collect(), IndexSchema::range())
    }

    fn of(op: ScalarOp, a: &Dtype, b: &Expr, inputs: &[Dtype]) -> Result<String> {
        let expr = Expr::call(op, vec![Expr::column(0), b.clone().into()]);
        dtype_of(&expr, &schema(&[a.clone(), Dtype::Str]), inputs).map(|dtype| dtype.name())
    }

    fn weak(value: Scalar) -> Expr {
        Expr::Literal(Literal::weak(value))
    }

    #[test]
    fn values_are_weak_beside_columns() {
        // pandas.Series([1], dtype=...) op value, asked of pandas 3.1.
        let numpy = Dtype::Numpy;
        let int = |value| weak(Scalar::Int(value));
        assert_eq!(
            of(ScalarOp::Add, &numpy(NumpyType::Int8), &int(1), &[]).unwrap(),
            "int8"
        );
        assert_eq!(
            of(ScalarOp::Add, &numpy(NumpyType::Bool), &int(1), &[]).unwrap(),
            "int64"
        );
        assert_eq!(
            of(ScalarOp::TrueDiv, &numpy(NumpyType::Int8), &int(300), &[]).unwrap(),
            "float64"
        );
        assert_eq!(
            of(
                ScalarOp::Mul,
                &numpy(NumpyType::Float32),
                &weak(Scalar::Float(0.1)),
                &[]
            )
            .unwrap(),
            "float32"
        );
        assert_eq!(
            of(
                ScalarOp::Mul,
                &Dtype::Nullable(NumpyType::Int64),
                &weak(Scalar::Float(0.1)),
                &[]
            )
            .unwrap(),
            "Float64"
        );
        assert_eq!(
            of(ScalarOp::Gt, &Dtype::Nullable(NumpyType::Int64), &int(1), &[]).unwrap(),
            "boolean"
        );
        assert_eq!(
            of(ScalarOp::Gt, &numpy(NumpyType::Int8), &int(1 << 70), &[]).unwrap(),
            "bool"
        );
        // The result of a reduction: its type is known, its value isn't.
        let mean = [numpy(NumpyType::Float64)];
        assert_eq!(
            of(ScalarOp::Sub, &numpy(NumpyType::Float32), &Expr::Input(0), &mean).unwrap(),
            "float32"
        );
        assert_eq!(
            of(ScalarOp::Gt, &numpy(NumpyType::Int64), &Expr::Input(0), &mean).unwrap(),
            "bool"
        );
        let sum = [Dtype::Nullable(NumpyType::Int64)];
        assert_eq!(
            of(ScalarOp::Sub, &numpy(NumpyType::Int64), &Expr::Input(0), &sum)
                .unwrap_err()
                .kind(),
            Kind::NotNative
        );
    }

    #[test]
    fn refusals_have_pandas_words() {
        let numpy = Dtype::Numpy;
        let cases = [
            (
                ScalarOp::Lt,
                Dtype::Str,
                weak(Scalar::Int(1)),
                Kind::Type,
                "Invalid comparison between dtype=str and int",
            ),
            (
                ScalarOp::Lt,
                numpy(NumpyType::Int64),
                Expr::Column(1),
                Kind::Type,
                "Invalid comparison between dtype=str and ndarray",
            ),
            (
                ScalarOp::Ge,
                numpy(NumpyType::Float64),
                weak(Scalar::Str("a".into())),
                Kind::Type,
                "Invalid comparison between dtype=float64 and str",
            ),
            (
                ScalarOp::Add,
                Dtype::Str,
                weak(Scalar::Int(1)),
                Kind::Type,
                "operation 'add' not supported for dtype 'str' with object of type <class 'int'>",
            ),
            (
                ScalarOp::Add,
                numpy(NumpyType::Int8),
                weak(Scalar::Int(300)),
                Kind::Overflow,
                "Python integer 300 out of bounds for int8",
            ),
            (
                ScalarOp::Pow,
                numpy(NumpyType::Int64),
                weak(Scalar::Int(-1)),
                Kind::Value,
                "Integers to negative integer powers are not allowed.",
            ),
        ];
        for (op, dtype, other, kind, message) in cases {
            let error = of(op, &dtype, &other, &[]).unwrap_err();
            assert_eq!((error.kind(), error.message()), (kind, message));
        }
    }

    #[test]
    fn what_depends_on_the_data_is_refused() {
        let int = Dtype::Numpy(NumpyType::Int64);
        let refused =
            |op, other: Expr| of(op, &int, &other, &[int.clone()]).unwrap_err().kind() == Kind::NotNative;
        assert!(refused(ScalarOp::FloorDiv, Expr::Column(0)));
        assert!(refused(ScalarOp::Mod, weak(Scalar::Int(0))));
        assert!(refused(ScalarOp::FloorDiv, Expr::Input(0)));
        assert!(refused(ScalarOp::And, weak(Scalar::Bool(true))));
        let host = Dtype::Host {
            name: "object".into(),
            value: None,
        };
        assert_eq!(
            of(ScalarOp::Add, &host, &weak(Scalar::Int(1)), &[])
                .unwrap_err()
                .kind(),
            Kind::NotNative
        );
    }
}
