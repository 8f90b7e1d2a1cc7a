//! Single values: literals of expressions, divisions, fill values, members of `isin`.

use std::sync::Arc;

use crate::dtype::{NumpyType, TimeUnit};
use crate::token::{Tokenize, Tokenizer};

/// One value, with as much type as promotion needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// None, NaN given as a missing value, NaT or `pd.NA`.
    Missing,
    /// A bool.
    Bool(bool),
    /// An integer. `i128` holds all of `i64` and `u64`.
    Int(i128),
    /// A float (NaN included).
    Float(f64),
    /// Text.
    Str(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A moment: ticks since the epoch (UTC when `tz` is given).
    Timestamp {
        value: i64,
        unit: TimeUnit,
        tz: Option<Arc<str>>,
    },
    /// A span of time in ticks.
    Timedelta { value: i64, unit: TimeUnit },
}

/// A scalar in an expression. NumPy's scalars have a dtype of their own; Python's are weak and take the column's.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    /// The value.
    pub value: Scalar,
    /// The dtype of a NumPy scalar; `None` for a Python value (weak).
    pub dtype: Option<NumpyType>,
}

impl Literal {
    /// A Python value.
    #[must_use]
    pub fn weak(value: Scalar) -> Self {
        Self { value, dtype: None }
    }
}

impl Tokenize for Scalar {
    fn tokenize(&self, t: &mut Tokenizer) {
        match self {
            Self::Missing => t.number(0),
            Self::Bool(value) => t.number(1).number(u64::from(*value)),
            Self::Int(value) => t.number(2).bytes(&value.to_le_bytes()),
            Self::Float(value) => t.number(3).number(value.to_bits()),
            Self::Str(value) => t.number(4).text(value),
            Self::Bytes(value) => t.number(5).bytes(value),
            Self::Timestamp { value, unit, tz } => t
                .number(6)
                .bytes(&value.to_le_bytes())
                .text(unit.name())
                .text(tz.as_deref().unwrap_or("")),
            Self::Timedelta { value, unit } => t.number(7).bytes(&value.to_le_bytes()).text(unit.name()),
        };
    }
}

impl Tokenize for Literal {
    fn tokenize(&self, t: &mut Tokenizer) {
        self.value.tokenize(t);
        t.text(self.dtype.map_or("", NumpyType::name));
    }
}
