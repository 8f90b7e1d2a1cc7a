//! The operands of an elementwise operation, sorted into the classes that the rules of `op::infer` speak of, and what the
//! rules answer with.
//!
//! pandas gives a value that stands alone other rights than a column, so each operand knows whether it is a column, a
//! literal, or a value that is only known at run time (the result of a reduction).

use std::sync::Arc;

use crate::dtype::{Categories, Dtype, NumpyType, TimeUnit};
use crate::error::{Error, Result};
use crate::op::promote::{beside_range, float, whole};
use crate::scalar::{Literal, Scalar};

/// An operand.
#[derive(Clone, Copy, Debug)]
pub enum Arg<'a> {
    /// A column of this dtype.
    Column(&'a Dtype),
    /// One value of this dtype, known at run time only.
    Unknown(&'a Dtype),
    /// A constant.
    Literal(&'a Literal),
}

/// What an operation comes out as.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The dtype of the result.
    pub dtype: Dtype,
    /// How it is computed.
    pub plan: Plan,
}

/// How an operation is computed; the operation itself says the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plan {
    /// The first argument as it is.
    Same,
    /// This for every row; missing where a nullable argument is missing.
    Known(bool),
    /// Both operands in this type.
    Number(NumpyType),
    /// A signed against an unsigned 64-bit integer, compared exactly.
    Signs,
    /// Booleans, with Kleene's logic where values may be missing.
    Logic,
    /// The opposite of a boolean.
    Invert,
    /// Moments or spans: ticks of the operands times these factors are in one unit.
    Ticks(i64, i64),
    /// A span times a whole number.
    SpanTimes,
    /// The ratio of two spans, in units as for `Ticks`.
    SpanRatio(i64, i64),
    /// Text.
    Text,
    /// A categorical beside the category at this position.
    Code(i32),
    /// Two categoricals over the same categories.
    Codes,
    /// Whatever else the operation and the dtypes say alone.
    Plain,
}

/// What kind of thing an operand is.
#[derive(Clone, Debug)]
pub enum Class<'a> {
    /// A bool, integer or float; missing by a mask when `nullable`.
    Number {
        /// Its element type.
        kind: NumpyType,
        /// Whether it is one of pandas' nullable dtypes.
        nullable: bool,
    },
    /// `bool[pyarrow]`.
    ArrowBool,
    /// A moment, in a time zone or in none.
    Moment {
        /// Its unit.
        unit: TimeUnit,
        /// Its time zone.
        tz: Option<&'a Arc<str>>,
    },
    /// A span of time.
    Span(TimeUnit),
    /// Text; the dtype is that of a column.
    Text(Option<&'a Dtype>),
    /// A categorical.
    Category(&'a Arc<Categories>),
    /// A missing value without a dtype.
    Missing,
    /// Anything without native kernels.
    Other,
}

/// An operand with its class.
#[derive(Clone, Debug)]
pub struct Side<'a> {
    /// Its class.
    pub class: Class<'a>,
    /// The dtype, for a column.
    pub column: Option<&'a Dtype>,
    /// The value, for a literal.
    pub value: Option<&'a Scalar>,
    /// The element type of a NumPy scalar.
    pub strong: Option<NumpyType>,
}

impl<'a> Side<'a> {
    /// Sorts an operand.
    #[must_use]
    pub fn new(arg: Arg<'a>) -> Self {
        match arg {
            Arg::Column(dtype) => Self {
                class: class_of(dtype),
                column: Some(dtype),
                value: None,
                strong: None,
            },
            Arg::Unknown(dtype) => {
                let class = class_of(dtype);
                let strong = match &class {
                    Class::Number { kind, .. } => Some(*kind),
                    _ => None,
                };
                Self {
                    class,
                    column: None,
                    value: None,
                    strong,
                }
            }
            Arg::Literal(literal) => Self {
                class: class_of_literal(literal),
                column: None,
                value: Some(&literal.value),
                strong: literal.dtype,
            },
        }
    }

    /// Whether it is a column.
    #[must_use]
    pub fn is_column(&self) -> bool {
        self.column.is_some()
    }

    /// Element type and nullability of a number.
    #[must_use]
    pub fn number(&self) -> Option<(NumpyType, bool)> {
        match self.class {
            Class::Number { kind, nullable } => Some((kind, nullable)),
            _ => None,
        }
    }

    /// Whether it is a column of pandas' nullable numbers.
    #[must_use]
    pub fn is_nullable_column(&self) -> bool {
        self.is_column() && matches!(self.class, Class::Number { nullable: true, .. })
    }

    /// What pandas calls it in its complaints: the class of a literal's Python object or of a column's array.
    #[must_use]
    pub fn python_name(&self) -> &'static str {
        if self.is_column() {
            return match &self.class {
                Class::Number { nullable: true, kind } => match kind {
                    NumpyType::Bool => "BooleanArray",
                    kind if kind.is_float() => "FloatingArray",
                    _ => "IntegerArray",
                },
                Class::Moment { .. } => "DatetimeArray",
                Class::Span(_) => "TimedeltaArray",
                Class::Text(_) => "ArrowStringArray",
                Class::Category(_) => "Categorical",
                _ => "ndarray",
            };
        }
        if let Some(kind) = self.strong {
            return kind.name();
        }
        match &self.class {
            Class::Number {
                kind: NumpyType::Bool,
                ..
            } => "bool",
            Class::Number { kind, .. } if kind.is_float() => "float",
            Class::Number { .. } => "int",
            Class::Moment { .. } => "Timestamp",
            Class::Span(_) => "Timedelta",
            Class::Text(_) => "str",
            Class::Missing => "NoneType",
            _ => "object",
        }
    }
}

fn class_of(dtype: &Dtype) -> Class<'_> {
    let of_kind = |kind: NumpyType, nullable: bool| match kind {
        NumpyType::Datetime(unit) => Class::Moment { unit, tz: None },
        NumpyType::Timedelta(unit) => Class::Span(unit),
        kind => Class::Number { kind, nullable },
    };
    match dtype {
        Dtype::Numpy(kind) => of_kind(*kind, false),
        Dtype::Nullable(kind) => of_kind(*kind, true),
        Dtype::Str | Dtype::String { .. } => Class::Text(Some(dtype)),
        Dtype::Datetimetz(unit, tz) => Class::Moment {
            unit: *unit,
            tz: Some(tz),
        },
        Dtype::Category(categories) => Class::Category(categories),
        Dtype::Arrow(arrow::datatypes::DataType::Boolean) => Class::ArrowBool,
        Dtype::Arrow(_) | Dtype::Host { .. } => Class::Other,
    }
}

fn class_of_literal(literal: &Literal) -> Class<'_> {
    let number = |kind| Class::Number {
        kind,
        nullable: false,
    };
    match (&literal.value, literal.dtype) {
        (Scalar::Timestamp { unit, tz, .. }, _) => Class::Moment {
            unit: *unit,
            tz: tz.as_ref(),
        },
        (Scalar::Timedelta { unit, .. }, _) => Class::Span(*unit),
        (Scalar::Str(_), _) => Class::Text(None),
        (Scalar::Bytes(_), _) => Class::Other,
        (Scalar::Missing, Some(NumpyType::Datetime(unit))) => Class::Moment { unit, tz: None },
        (Scalar::Missing, Some(NumpyType::Timedelta(unit))) => Class::Span(unit),
        (_, Some(kind)) if kind.is_numeric() => number(kind),
        (Scalar::Bool(_), _) => number(NumpyType::Bool),
        (Scalar::Int(value), _) => number(if beside_range(NumpyType::Int64, *value).is_gt() {
            NumpyType::UInt64
        } else {
            NumpyType::Int64
        }),
        (Scalar::Float(_), _) => number(NumpyType::Float64),
        (Scalar::Missing, _) => Class::Missing,
    }
}

/// The dtype of a column that holds nothing but `literal`.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] when pandas would make an object column.
pub fn natural(literal: &Literal) -> Result<Dtype> {
    Ok(match (&literal.value, literal.dtype) {
        (
            Scalar::Timestamp {
                unit, tz: Some(tz), ..
            },
            _,
        ) => Dtype::Datetimetz(*unit, tz.clone()),
        (Scalar::Timestamp { unit, .. }, _) => Dtype::Numpy(NumpyType::Datetime(*unit)),
        (Scalar::Timedelta { unit, .. }, _) => Dtype::Numpy(NumpyType::Timedelta(*unit)),
        (Scalar::Str(_), _) => Dtype::Str,
        (Scalar::Missing, Some(kind)) if kind.is_float() || !kind.is_numeric() => Dtype::Numpy(kind),
        (Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_), Some(kind)) => Dtype::Numpy(kind),
        (Scalar::Bool(_), None) => Dtype::Numpy(NumpyType::Bool),
        (Scalar::Int(value), None) if beside_range(NumpyType::Int64, *value).is_eq() => {
            Dtype::Numpy(NumpyType::Int64)
        }
        (Scalar::Int(value), None) if beside_range(NumpyType::UInt64, *value).is_eq() => {
            Dtype::Numpy(NumpyType::UInt64)
        }
        (Scalar::Float(_), None) => Dtype::Numpy(NumpyType::Float64),
        _ => return Err(Error::not_native("a column of such a value is an object column")),
    })
}

/// Checks that a literal integer fits an integer type, as NumPy does before it computes.
///
/// # Errors
/// [`crate::error::Kind::Overflow`] in NumPy's words.
pub fn check_fits(kind: NumpyType, value: Option<&Scalar>) -> Result<()> {
    match value {
        Some(Scalar::Int(value)) if kind.is_integer() && beside_range(kind, *value).is_ne() => {
            // NumPy looks at one type after another; `uint32` is the one that sees larger integers.
            let seen = if kind == NumpyType::UInt32 {
                NumpyType::UInt64
            } else {
                NumpyType::Int64
            };
            let in_long =
                beside_range(NumpyType::Int64, *value).is_eq() || beside_range(seen, *value).is_eq();
            Err(Error::overflow(if in_long {
                format!("Python integer {value} out of bounds for {}", kind.name())
            } else {
                "Python int too large to convert to C long".to_string()
            }))
        }
        _ => Ok(()),
    }
}

/// The position of `value` among the categories; `None` when it isn't one.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] for categories of other types than text, numbers and bools.
pub fn category_position(categories: &Categories, value: &Scalar) -> Result<Option<i32>> {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::DataType;
    let values = &categories.values;
    let found = match values.data_type() {
        DataType::Utf8View => {
            let Scalar::Str(text) = value else { return Ok(None) };
            values.as_string_view().iter().position(|item| item == Some(text))
        }
        DataType::LargeUtf8 => {
            let Scalar::Str(text) = value else { return Ok(None) };
            values
                .as_string::<i64>()
                .iter()
                .position(|item| item == Some(text))
        }
        DataType::Utf8 => {
            let Scalar::Str(text) = value else { return Ok(None) };
            values
                .as_string::<i32>()
                .iter()
                .position(|item| item == Some(text))
        }
        DataType::Boolean => {
            let Scalar::Bool(flag) = value else {
                return Ok(None);
            };
            values.as_boolean().iter().position(|item| item == Some(*flag))
        }
        other => {
            let kind = NumpyType::from_arrow(other).filter(|kind| kind.is_numeric());
            let Some(kind) = kind else {
                return Err(Error::not_native(
                    "categories that are neither text, numbers nor bools",
                ));
            };
            if !matches!(value, Scalar::Int(_) | Scalar::Float(_)) {
                return Ok(None);
            }
            crate::dispatch_primitive!(other, T => {
                let items = values.as_primitive::<T>();
                if kind.is_integer() {
                    let wanted = whole(value);
                    (0..items.len()).find(|row| {
                        num_traits::ToPrimitive::to_i128(&num_of(items.value(*row))) == wanted && wanted.is_some()
                    })
                } else {
                    let wanted = float(value).unwrap_or(f64::NAN);
                    (0..items.len()).find(|row| {
                        num_traits::ToPrimitive::to_f64(&num_of(items.value(*row))) == Some(wanted)
                    })
                }
            }, _ => return Err(Error::not_native("categories of this type")))
        }
    };
    Ok(found.map(|position| position as i32))
}

/// Names the value's own type, so that the number trait is found on it.
fn num_of<T: num_traits::ToPrimitive>(value: T) -> T {
    value
}
