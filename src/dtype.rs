//! dtypes: NumPy's element types, the pandas dtype of a column, and the one macro that turns an Arrow type into a Rust
//! type.
//!
//! A column has two types: the Arrow type of its buffers (`Dtype::arrow`) and the pandas dtype, which says what missing
//! values mean. Invariants: a NumPy float column holds NaN as NaN and no null mask; NumPy bool and integer columns have no
//! missing values at all; datetimes, timedeltas, text, nullable, Arrow and categorical columns mark missing by the mask.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, TimeUnit as ArrowUnit};

use crate::host::HostRef;
use crate::token::{Tokenize, Tokenizer};

/// The unit of a datetime or timedelta.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeUnit {
    /// Seconds.
    S,
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

impl TimeUnit {
    /// NumPy's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::S => "s",
            Self::Ms => "ms",
            Self::Us => "us",
            Self::Ns => "ns",
        }
    }

    /// The unit that `name` means.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "s" => Self::S,
            "ms" => Self::Ms,
            "us" => Self::Us,
            "ns" => Self::Ns,
            _ => return None,
        })
    }

    /// Ticks in a second.
    #[must_use]
    pub fn per_second(self) -> i64 {
        match self {
            Self::S => 1,
            Self::Ms => 1_000,
            Self::Us => 1_000_000,
            Self::Ns => 1_000_000_000,
        }
    }

    /// Arrow's word for it.
    #[must_use]
    pub fn arrow(self) -> ArrowUnit {
        match self {
            Self::S => ArrowUnit::Second,
            Self::Ms => ArrowUnit::Millisecond,
            Self::Us => ArrowUnit::Microsecond,
            Self::Ns => ArrowUnit::Nanosecond,
        }
    }

    /// From Arrow's word for it.
    #[must_use]
    pub fn from_arrow(unit: ArrowUnit) -> Self {
        match unit {
            ArrowUnit::Second => Self::S,
            ArrowUnit::Millisecond => Self::Ms,
            ArrowUnit::Microsecond => Self::Us,
            ArrowUnit::Nanosecond => Self::Ns,
        }
    }
}

/// The element types of NumPy that a native column can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum NumpyType {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float32,
    Float64,
    Datetime(TimeUnit),
    Timedelta(TimeUnit),
}

impl NumpyType {
    /// NumPy's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::UInt8 => "uint8",
            Self::UInt16 => "uint16",
            Self::UInt32 => "uint32",
            Self::UInt64 => "uint64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Datetime(TimeUnit::S) => "datetime64[s]",
            Self::Datetime(TimeUnit::Ms) => "datetime64[ms]",
            Self::Datetime(TimeUnit::Us) => "datetime64[us]",
            Self::Datetime(TimeUnit::Ns) => "datetime64[ns]",
            Self::Timedelta(TimeUnit::S) => "timedelta64[s]",
            Self::Timedelta(TimeUnit::Ms) => "timedelta64[ms]",
            Self::Timedelta(TimeUnit::Us) => "timedelta64[us]",
            Self::Timedelta(TimeUnit::Ns) => "timedelta64[ns]",
        }
    }

    /// The type that NumPy calls `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (base, unit) = match name.split_once('[') {
            // An unknown unit is no type at all: `bool[pyarrow]` isn't `bool`.
            Some((base, rest)) => (base, Some(TimeUnit::parse(rest.strip_suffix(']')?)?)),
            None => (name, None),
        };
        Some(match (base, unit) {
            ("bool", None) => Self::Bool,
            ("int8", None) => Self::Int8,
            ("int16", None) => Self::Int16,
            ("int32", None) => Self::Int32,
            ("int64", None) => Self::Int64,
            ("uint8", None) => Self::UInt8,
            ("uint16", None) => Self::UInt16,
            ("uint32", None) => Self::UInt32,
            ("uint64", None) => Self::UInt64,
            ("float32", None) => Self::Float32,
            ("float64", None) => Self::Float64,
            ("datetime64", Some(unit)) => Self::Datetime(unit),
            ("timedelta64", Some(unit)) => Self::Timedelta(unit),
            _ => return None,
        })
    }

    /// The Arrow type of its buffers.
    #[must_use]
    pub fn arrow(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int8 => DataType::Int8,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::UInt8 => DataType::UInt8,
            Self::UInt16 => DataType::UInt16,
            Self::UInt32 => DataType::UInt32,
            Self::UInt64 => DataType::UInt64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Datetime(unit) => DataType::Timestamp(unit.arrow(), None),
            Self::Timedelta(unit) => DataType::Duration(unit.arrow()),
        }
    }

    /// From an Arrow type of a plain number, moment or span.
    #[must_use]
    pub fn from_arrow(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean => Self::Bool,
            DataType::Int8 => Self::Int8,
            DataType::Int16 => Self::Int16,
            DataType::Int32 => Self::Int32,
            DataType::Int64 => Self::Int64,
            DataType::UInt8 => Self::UInt8,
            DataType::UInt16 => Self::UInt16,
            DataType::UInt32 => Self::UInt32,
            DataType::UInt64 => Self::UInt64,
            DataType::Float32 => Self::Float32,
            DataType::Float64 => Self::Float64,
            DataType::Timestamp(unit, None) => Self::Datetime(TimeUnit::from_arrow(*unit)),
            DataType::Duration(unit) => Self::Timedelta(TimeUnit::from_arrow(*unit)),
            _ => return None,
        })
    }

    /// A signed or unsigned integer.
    #[must_use]
    pub fn is_integer(self) -> bool {
        self.is_signed() || self.is_unsigned()
    }

    /// A signed integer.
    #[must_use]
    pub fn is_signed(self) -> bool {
        matches!(self, Self::Int8 | Self::Int16 | Self::Int32 | Self::Int64)
    }

    /// An unsigned integer.
    #[must_use]
    pub fn is_unsigned(self) -> bool {
        matches!(self, Self::UInt8 | Self::UInt16 | Self::UInt32 | Self::UInt64)
    }

    /// A float.
    #[must_use]
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float32 | Self::Float64)
    }

    /// A bool, integer or float.
    #[must_use]
    pub fn is_numeric(self) -> bool {
        !matches!(self, Self::Datetime(_) | Self::Timedelta(_))
    }

    /// Bytes of one element as NumPy stores it.
    #[must_use]
    pub fn itemsize(self) -> usize {
        match self {
            Self::Bool | Self::Int8 | Self::UInt8 => 1,
            Self::Int16 | Self::UInt16 => 2,
            Self::Int32 | Self::UInt32 | Self::Float32 => 4,
            _ => 8,
        }
    }
}

/// The categories of a categorical column, the same object for all its partitions.
#[derive(Clone, Debug)]
pub struct Categories {
    /// The categories in order, without missing values.
    pub values: ArrayRef,
    /// Their pandas dtype.
    pub dtype: Dtype,
    /// Whether order means something.
    pub ordered: bool,
}

/// The pandas dtype of a column.
#[derive(Clone, Debug)]
pub enum Dtype {
    /// A NumPy array: `int64`, `float32`, `bool`, `datetime64[us]` ...
    Numpy(NumpyType),
    /// pandas' `str`: text whose missing value is NaN. Arrow `LargeUtf8` or `Utf8View`.
    Str,
    /// `string`: text whose missing value is `pd.NA`, held by pyarrow or by Python objects in pandas.
    String {
        /// pandas keeps it in Arrow (`string[pyarrow]`) or as objects (`string[python]`).
        pyarrow: bool,
    },
    /// `Int64`, `Float32`, `boolean`: values beside a mask, missing is `pd.NA`.
    Nullable(NumpyType),
    /// `datetime64[unit, tz]`.
    Datetimetz(TimeUnit, Arc<str>),
    /// A categorical. Arrow `Dictionary(Int32, values)` over all categories.
    Category(Arc<Categories>),
    /// `ArrowDtype`.
    Arrow(DataType),
    /// What Arrow can't hold (objects, periods, intervals, sparse, complex): chunks with it are host chunks.
    Host {
        /// pandas' own text of the dtype.
        name: Arc<str>,
        /// pandas' own dtype object.
        value: Option<HostRef>,
    },
}

impl Dtype {
    /// The Arrow type of a column of this dtype; `None` for host dtypes. Text may also be held as `Utf8View`.
    #[must_use]
    pub fn arrow(&self) -> Option<DataType> {
        Some(match self {
            Self::Numpy(kind) | Self::Nullable(kind) => kind.arrow(),
            Self::Str | Self::String { .. } => DataType::LargeUtf8,
            Self::Datetimetz(unit, tz) => DataType::Timestamp(unit.arrow(), Some(tz.clone())),
            Self::Category(categories) => DataType::Dictionary(
                Box::new(DataType::Int32),
                Box::new(categories.values.data_type().clone()),
            ),
            Self::Arrow(data_type) => data_type.clone(),
            Self::Host { .. } => return None,
        })
    }

    /// pandas' text of the dtype.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Numpy(kind) => kind.name().to_string(),
            Self::Str => "str".to_string(),
            Self::String { pyarrow: true } => "string[pyarrow]".to_string(),
            Self::String { pyarrow: false } => "string[python]".to_string(),
            Self::Nullable(NumpyType::Bool) => "boolean".to_string(),
            Self::Nullable(kind) => {
                let name = kind.name();
                match name.strip_prefix("uint") {
                    Some(width) => format!("UInt{width}"),
                    None => name[..1].to_uppercase() + &name[1..],
                }
            }
            Self::Datetimetz(unit, tz) => format!("datetime64[{}, {tz}]", unit.name()),
            Self::Category(_) => "category".to_string(),
            Self::Arrow(DataType::Boolean) => "bool[pyarrow]".to_string(),
            Self::Arrow(data_type) => format!("{data_type}[pyarrow]"),
            Self::Host { name, .. } => name.to_string(),
        }
    }

    /// The NumPy type, for NumPy-backed columns.
    #[must_use]
    pub fn numpy(&self) -> Option<NumpyType> {
        match self {
            Self::Numpy(kind) => Some(*kind),
            _ => None,
        }
    }

    /// Whether it is held outside Arrow.
    #[must_use]
    pub fn is_host(&self) -> bool {
        matches!(self, Self::Host { .. })
    }

    /// Text of either kind.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Str | Self::String { .. })
    }
}

impl Tokenize for Dtype {
    fn tokenize(&self, t: &mut Tokenizer) {
        t.text(&self.name());
        match self {
            Self::Category(categories) => {
                t.number(u64::from(categories.ordered));
                categories.dtype.tokenize(t);
                tokenize_array(&categories.values.to_data(), t);
            }
            Self::Arrow(data_type) => {
                t.text(&format!("{data_type:?}"));
            }
            Self::Host {
                value: Some(value), ..
            } => {
                t.token(value.token());
            }
            _ => {}
        }
    }
}

impl PartialEq for Dtype {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Category(a), Self::Category(b)) => {
                Arc::ptr_eq(a, b) || (a.ordered == b.ordered && a.dtype == b.dtype && *a.values == *b.values)
            }
            (Self::Arrow(a), Self::Arrow(b)) => a == b,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other) && self.name() == other.name(),
        }
    }
}

/// Adds the content of an array: type, length, the bits of its buffers.
pub fn tokenize_array(data: &arrow::array::ArrayData, t: &mut Tokenizer) {
    t.text(&format!("{:?}", data.data_type()))
        .number(data.len() as u64)
        .number(data.offset() as u64);
    for buffer in data.buffers() {
        t.bytes(buffer.as_slice());
    }
    if let Some(nulls) = data.nulls() {
        t.bytes(nulls.validity()).number(nulls.offset() as u64);
    }
    for child in data.child_data() {
        tokenize_array(child, t);
    }
}

/// Calls `$body` with the Arrow primitive type of `$data_type` named `$t`; `$other` for every other type.
///
/// The one dispatch macro: kernels over fixed-width values are written once as a generic function and called through it.
#[macro_export]
macro_rules! dispatch_primitive {
    ($data_type:expr, $t:ident => $body:expr, _ => $other:expr) => {{
        use arrow::datatypes as adt;
        match $data_type {
            adt::DataType::Int8 => {
                type $t = adt::Int8Type;
                $body
            }
            adt::DataType::Int16 => {
                type $t = adt::Int16Type;
                $body
            }
            adt::DataType::Int32 => {
                type $t = adt::Int32Type;
                $body
            }
            adt::DataType::Int64 => {
                type $t = adt::Int64Type;
                $body
            }
            adt::DataType::UInt8 => {
                type $t = adt::UInt8Type;
                $body
            }
            adt::DataType::UInt16 => {
                type $t = adt::UInt16Type;
                $body
            }
            adt::DataType::UInt32 => {
                type $t = adt::UInt32Type;
                $body
            }
            adt::DataType::UInt64 => {
                type $t = adt::UInt64Type;
                $body
            }
            adt::DataType::Float32 => {
                type $t = adt::Float32Type;
                $body
            }
            adt::DataType::Float64 => {
                type $t = adt::Float64Type;
                $body
            }
            adt::DataType::Timestamp(adt::TimeUnit::Second, _) => {
                type $t = adt::TimestampSecondType;
                $body
            }
            adt::DataType::Timestamp(adt::TimeUnit::Millisecond, _) => {
                type $t = adt::TimestampMillisecondType;
                $body
            }
            adt::DataType::Timestamp(adt::TimeUnit::Microsecond, _) => {
                type $t = adt::TimestampMicrosecondType;
                $body
            }
            adt::DataType::Timestamp(adt::TimeUnit::Nanosecond, _) => {
                type $t = adt::TimestampNanosecondType;
                $body
            }
            adt::DataType::Duration(adt::TimeUnit::Second) => {
                type $t = adt::DurationSecondType;
                $body
            }
            adt::DataType::Duration(adt::TimeUnit::Millisecond) => {
                type $t = adt::DurationMillisecondType;
                $body
            }
            adt::DataType::Duration(adt::TimeUnit::Microsecond) => {
                type $t = adt::DurationMicrosecondType;
                $body
            }
            adt::DataType::Duration(adt::TimeUnit::Nanosecond) => {
                type $t = adt::DurationNanosecondType;
                $body
            }
            adt::DataType::Date32 => {
                type $t = adt::Date32Type;
                $body
            }
            adt::DataType::Date64 => {
                type $t = adt::Date64Type;
                $body
            }
            _ => $other,
        }
    }};
}
