//! Aggregations: names and the dtype that comes out, as pandas decides it. The loops are in `kernels::agg`.

use arrow::datatypes::DataType;

use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::op::tree::ExprRef;
use crate::token::{Tokenize, Tokenizer};

/// An aggregation of one column, over all rows or group by group.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum AggOp {
    /// `min_count`: fewer values than that give a missing result.
    Sum {
        skipna: bool,
        min_count: u32,
    },
    Prod {
        skipna: bool,
        min_count: u32,
    },
    Mean {
        skipna: bool,
    },
    Min {
        skipna: bool,
        min_count: u32,
    },
    Max {
        skipna: bool,
        min_count: u32,
    },
    /// Values that aren't missing.
    Count,
    /// Rows; takes no column.
    Size,
    Var {
        skipna: bool,
        ddof: i32,
    },
    Std {
        skipna: bool,
        ddof: i32,
    },
    /// The first value that isn't missing (or the first one).
    First {
        skipna: bool,
    },
    Last {
        skipna: bool,
    },
    NUnique {
        dropna: bool,
    },
    Any {
        skipna: bool,
    },
    All {
        skipna: bool,
    },
}

impl AggOp {
    /// Its name, as in pandas.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sum { .. } => "sum",
            Self::Prod { .. } => "prod",
            Self::Mean { .. } => "mean",
            Self::Min { .. } => "min",
            Self::Max { .. } => "max",
            Self::Count => "count",
            Self::Size => "size",
            Self::Var { .. } => "var",
            Self::Std { .. } => "std",
            Self::First { .. } => "first",
            Self::Last { .. } => "last",
            Self::NUnique { .. } => "nunique",
            Self::Any { .. } => "any",
            Self::All { .. } => "all",
        }
    }

    /// Its options; those that it doesn't take are the default.
    #[must_use]
    pub fn options(&self) -> AggOptions {
        let options = AggOptions::default();
        match *self {
            Self::Sum { skipna, min_count }
            | Self::Prod { skipna, min_count }
            | Self::Min { skipna, min_count }
            | Self::Max { skipna, min_count } => AggOptions {
                skipna,
                min_count,
                ..options
            },
            Self::Var { skipna, ddof } | Self::Std { skipna, ddof } => AggOptions {
                skipna,
                ddof,
                ..options
            },
            Self::Mean { skipna }
            | Self::First { skipna }
            | Self::Last { skipna }
            | Self::Any { skipna }
            | Self::All { skipna } => AggOptions { skipna, ..options },
            Self::NUnique { dropna } => AggOptions { dropna, ..options },
            Self::Count | Self::Size => options,
        }
    }

    /// The aggregation that pandas calls `name`, with the options that it takes.
    #[must_use]
    pub fn parse(name: &str, options: AggOptions) -> Option<Self> {
        let AggOptions {
            skipna,
            dropna,
            ddof,
            min_count,
        } = options;
        Some(match name {
            "sum" => Self::Sum { skipna, min_count },
            "prod" | "product" => Self::Prod { skipna, min_count },
            "mean" => Self::Mean { skipna },
            "min" => Self::Min { skipna, min_count },
            "max" => Self::Max { skipna, min_count },
            "count" => Self::Count,
            "size" => Self::Size,
            "var" => Self::Var { skipna, ddof },
            "std" => Self::Std { skipna, ddof },
            "first" => Self::First { skipna },
            "last" => Self::Last { skipna },
            "nunique" => Self::NUnique { dropna },
            "any" => Self::Any { skipna },
            "all" => Self::All { skipna },
            _ => return None,
        })
    }

    /// The dtype that comes out of a column of dtype `input` (`None` for `size`), over all rows or group by group.
    ///
    /// pandas lets the values decide in three places; the dtype given here is the one that holds every outcome:
    /// - a grouped `sum` or `prod` of a narrow integer is 64 bits wide; pandas narrows it back when all results fit
    ///   ([`AggOp::narrowed`] tells to what);
    /// - `min max first last`, and `sum prod` with `min_count`, of NumPy integers and bools keep their dtype although a
    ///   group may be without a value (no rows, an unobserved category, fewer than `min_count`). The kernels mark such a
    ///   value as null in the integer column; pandas makes the whole column `float64` then, and who hands it to
    ///   pandas has to do the same.
    ///
    /// # Errors
    /// [`crate::error::Kind::Type`] with pandas' words when the dtype has no such aggregation,
    /// [`crate::error::Kind::NotNative`] when pandas can and the kernels can't.
    pub fn result(self, input: Option<&Dtype>, grouped: bool) -> Result<Dtype> {
        let Some(input) = input else {
            return match self {
                Self::Size => Ok(INT64),
                _ => Err(Error::internal(format!("{} without a column", self.name()))),
            };
        };
        if let Self::Var { ddof, .. } | Self::Std { ddof, .. } = self
            && ddof < 0
        {
            // What no values give then differs from dtype to dtype in pandas.
            return Err(Error::not_native(format!("{} with ddof={ddof}", self.name())));
        }
        match input {
            Dtype::Host { .. } => Err(self.not_native(input)),
            Dtype::Category(categories) => self.category(categories.ordered, input, grouped),
            Dtype::Str | Dtype::String { .. } => self.text(input, grouped),
            Dtype::Datetimetz(unit, _) | Dtype::Numpy(NumpyType::Datetime(unit)) => {
                self.moment(NumpyType::Timedelta(*unit), input, grouped)
            }
            Dtype::Numpy(NumpyType::Timedelta(_)) => self.span(input, grouped),
            Dtype::Nullable(kind) if !kind.is_numeric() => Err(self.not_native(input)),
            Dtype::Numpy(kind) => Ok(self.number(*kind, grouped, Dtype::Numpy)),
            Dtype::Nullable(kind) => Ok(self.number(*kind, grouped, Dtype::Nullable)),
            Dtype::Arrow(data_type) => self.arrow(data_type, input, grouped),
        }
    }

    /// What pandas narrows a grouped result of this aggregation to, when every value fits (its choice depends on the data).
    #[must_use]
    pub fn narrowed(self, input: &Dtype) -> Option<Dtype> {
        let narrow = |kind: NumpyType| kind.is_integer() && kind.itemsize() < 8;
        let fits = match input {
            Dtype::Numpy(kind) | Dtype::Nullable(kind) => narrow(*kind),
            Dtype::Arrow(data_type) => NumpyType::from_arrow(data_type).is_some_and(narrow),
            _ => false,
        };
        (fits && matches!(self, Self::Sum { .. } | Self::Prod { .. })).then(|| input.clone())
    }

    fn not_native(self, input: &Dtype) -> Error {
        Error::not_native(format!(
            "{} of {} has no native kernel",
            self.name(),
            input.name()
        ))
    }

    /// Numbers and bools; `wrap` makes the family of the input's dtype out of an element type.
    fn number(self, kind: NumpyType, grouped: bool, wrap: impl Fn(NumpyType) -> Dtype) -> Dtype {
        use NumpyType::{Bool, Float32, Float64, Int64, UInt64};
        match self {
            Self::Sum { .. } | Self::Prod { .. } => wrap(match kind {
                kind if kind.is_float() => kind,
                kind if kind.is_unsigned() => UInt64,
                _ => Int64,
            }),
            Self::Mean { .. } | Self::Var { .. } | Self::Std { .. } => {
                wrap(if kind == Float32 { Float32 } else { Float64 })
            }
            Self::Min { .. } | Self::Max { .. } | Self::First { .. } | Self::Last { .. } => wrap(kind),
            Self::Count | Self::Size if grouped => wrap(Int64),
            Self::Count | Self::Size | Self::NUnique { .. } => INT64,
            Self::Any { .. } | Self::All { .. } => wrap(Bool),
        }
    }

    fn text(self, input: &Dtype, grouped: bool) -> Result<Dtype> {
        match self {
            Self::Min { .. } | Self::Max { .. } | Self::First { .. } | Self::Last { .. } => Ok(input.clone()),
            Self::Count | Self::Size | Self::NUnique { .. } => Ok(INT64),
            Self::Any { .. } | Self::All { .. } if grouped || matches!(input, Dtype::Str) => Ok(BOOL),
            // pandas joins the texts.
            Self::Sum { .. } => Err(self.not_native(input)),
            _ if grouped => {
                let name = if matches!(input, Dtype::Str) {
                    "str"
                } else {
                    "string"
                };
                Err(Error::type_(format!(
                    "dtype '{name}' does not support operation '{}'",
                    self.name()
                )))
            }
            _ => Err(Error::type_(format!(
                "Cannot perform reduction '{}' with string dtype",
                self.name()
            ))),
        }
    }

    fn moment(self, span: NumpyType, input: &Dtype, grouped: bool) -> Result<Dtype> {
        match self {
            Self::Mean { .. }
            | Self::Min { .. }
            | Self::Max { .. }
            | Self::First { .. }
            | Self::Last { .. } => Ok(input.clone()),
            Self::Std { .. } => Ok(Dtype::Numpy(span)),
            Self::Count | Self::Size | Self::NUnique { .. } => Ok(INT64),
            Self::Any { .. } | Self::All { .. } => Err(Error::type_(format!(
                "'{0}' with datetime64 dtypes is not supported. Use (obj != pd.Timestamp(0)).{0}() instead.",
                self.name()
            ))),
            Self::Sum { .. } | Self::Prod { .. } | Self::Var { .. } if grouped => Err(Error::type_(format!(
                "datetime64 type does not support operation '{}'",
                self.name()
            ))),
            Self::Sum { .. } | Self::Prod { .. } | Self::Var { .. } => Err(Error::type_(format!(
                "'DatetimeArray' with dtype {} does not support operation '{}'",
                input.name(),
                self.name()
            ))),
        }
    }

    fn span(self, input: &Dtype, grouped: bool) -> Result<Dtype> {
        match self {
            Self::Sum { .. }
            | Self::Mean { .. }
            | Self::Std { .. }
            | Self::Min { .. }
            | Self::Max { .. }
            | Self::First { .. }
            | Self::Last { .. } => Ok(input.clone()),
            Self::Count | Self::Size | Self::NUnique { .. } => Ok(INT64),
            Self::Any { .. } | Self::All { .. } => Ok(BOOL),
            Self::Prod { .. } | Self::Var { .. } if grouped => Err(Error::type_(format!(
                "timedelta64 type does not support {} operations",
                self.name()
            ))),
            Self::Prod { .. } | Self::Var { .. } => Err(Error::type_(format!(
                "'TimedeltaArray' with dtype {} does not support operation '{}'",
                input.name(),
                self.name()
            ))),
        }
    }

    fn category(self, ordered: bool, input: &Dtype, grouped: bool) -> Result<Dtype> {
        let name = self.name();
        let message = match self {
            Self::First { .. } | Self::Last { .. } => return Ok(input.clone()),
            Self::Count | Self::Size | Self::NUnique { .. } => return Ok(INT64),
            Self::Min { .. } | Self::Max { .. } if ordered => return Ok(input.clone()),
            Self::Min { .. } | Self::Max { .. } if grouped => {
                format!("Cannot perform {name} with non-ordered Categorical")
            }
            Self::Min { .. } | Self::Max { .. } => format!(
                "Categorical is not ordered for operation {name}\n\
                 you can use .as_ordered() to change the Categorical to an ordered one\n"
            ),
            Self::Any { .. } | Self::All { .. } if grouped => return Err(self.not_native(input)),
            Self::Sum { .. } | Self::Prod { .. } if grouped => {
                format!("category type does not support {name} operations")
            }
            _ if grouped => format!("category dtype does not support aggregation '{name}'"),
            _ => format!("'Categorical' with dtype category does not support operation '{name}'"),
        };
        Err(Error::type_(message))
    }

    fn arrow(self, data_type: &DataType, input: &Dtype, grouped: bool) -> Result<Dtype> {
        let wrap = |kind: NumpyType| Dtype::Arrow(kind.arrow());
        let count = || if grouped { wrap(NumpyType::Int64) } else { INT64 };
        if let Some(kind) = NumpyType::from_arrow(data_type).filter(|kind| kind.is_numeric()) {
            return match self {
                Self::Count | Self::Size => Ok(count()),
                Self::Var { .. } | Self::Std { .. } if kind == NumpyType::Bool && !grouped => {
                    Err(self.not_native(input))
                }
                // Over all rows pyarrow computes float32 in float64.
                Self::Sum { .. }
                | Self::Prod { .. }
                | Self::Mean { .. }
                | Self::Var { .. }
                | Self::Std { .. }
                    if kind == NumpyType::Float32 && !grouped =>
                {
                    Ok(wrap(NumpyType::Float64))
                }
                _ => Ok(self.number(kind, grouped, wrap)),
            };
        }
        let ordered = matches!(
            data_type,
            DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
                | DataType::Timestamp(..)
                | DataType::Duration(_)
                | DataType::Date32
                | DataType::Date64
        );
        match self {
            _ if !ordered => Err(self.not_native(input)),
            Self::Min { .. } | Self::Max { .. } | Self::First { .. } | Self::Last { .. } => Ok(input.clone()),
            Self::Count | Self::Size => Ok(count()),
            Self::NUnique { .. } => Ok(INT64),
            _ => Err(self.not_native(input)),
        }
    }
}

const INT64: Dtype = Dtype::Numpy(NumpyType::Int64);
const BOOL: Dtype = Dtype::Numpy(NumpyType::Bool);

/// What a caller may say about an aggregation; each takes what it knows. The default is pandas' own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggOptions {
    /// Missing values are left out.
    pub skipna: bool,
    /// `nunique`: missing is no value.
    pub dropna: bool,
    /// Delta degrees of freedom of `var` and `std`.
    pub ddof: i32,
    /// Fewer values than that give a missing result.
    pub min_count: u32,
}

impl Default for AggOptions {
    fn default() -> Self {
        Self {
            skipna: true,
            dropna: true,
            ddof: 1,
            min_count: 0,
        }
    }
}

impl Tokenize for AggOp {
    fn tokenize(&self, t: &mut Tokenizer) {
        t.text(&format!("{self:?}"));
    }
}

/// One aggregation in a plan: what over which expression (`None` for `size`).
#[derive(Clone, Debug)]
pub struct AggCall {
    /// The aggregation.
    pub op: AggOp,
    /// What it is computed over.
    pub arg: Option<ExprRef>,
}

/// A whole aggregation: no keys for a reduction to one row, else a group-by.
#[derive(Clone, Debug)]
pub struct AggSpec {
    /// The group keys.
    pub keys: Vec<ExprRef>,
    /// What is computed for each group, in output order.
    pub calls: Vec<AggCall>,
    /// Groups in the order of their keys; else in order of first appearance.
    pub sort: bool,
    /// Rows with a missing key are left out.
    pub dropna: bool,
    /// Categorical keys: only the categories that occur.
    pub observed: bool,
    /// Keys become the index; else the first columns.
    pub as_index: bool,
}

impl Tokenize for AggSpec {
    fn tokenize(&self, t: &mut Tokenizer) {
        self.keys.tokenize(t);
        t.number(self.calls.len() as u64);
        for call in &self.calls {
            call.op.tokenize(t);
            call.arg.tokenize(t);
        }
        for flag in [self.sort, self.dropna, self.observed, self.as_index] {
            t.number(u64::from(flag));
        }
    }
}

/// Refuses dtypes by which no kernel groups.
///
/// # Errors
/// [`crate::error::Kind::NotNative`].
pub fn groupable(dtype: &Dtype) -> Result<()> {
    use DataType as A;
    let native = match dtype {
        Dtype::Arrow(A::Utf8 | A::LargeUtf8 | A::Utf8View | A::Date32 | A::Date64 | A::Timestamp(..)) => true,
        Dtype::Arrow(data_type) => NumpyType::from_arrow(data_type).is_some_and(|kind| !kind.is_float()),
        Dtype::Host { .. } => false,
        _ => true,
    };
    if native {
        Ok(())
    } else {
        Err(Error::not_native(format!("no kernel groups by {}", dtype.name())))
    }
}
