//! The dtype of an expression as pandas 3.1 and NumPy 2 decide it, and with it how each operation is computed.
//!
//! Kernels are compiled from the same answers ([`resolve`]), so the dtype promised and the values made can't differ. What
//! has no kernel, or a dtype in pandas that depends on the values (an integer column divided by one that may hold zeros),
//! is [`crate::error::Kind::NotNative`]; what pandas refuses with words that people look for is refused with them.
//! Arithmetic is in `op::arith`, comparisons are in `op::compare`, operations that put values into a column in `op::member`, `astype` in `op::cast`.

#![allow(clippy::match_same_arms, reason = "a rule an arm")]

use arrow::datatypes::DataType;

use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::op::arith::arith;
use crate::op::cast::cast;
use crate::op::compare::compare;
use crate::op::member;
use crate::op::promote::promote;
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
        let refused = |op, other: Expr| {
            of(op, &int, &other, std::slice::from_ref(&int))
                .unwrap_err()
                .kind()
                == Kind::NotNative
        };
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
