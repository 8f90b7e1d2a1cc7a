//! What a frame is made of: labels, columns, index levels, divisions.
//!
//! Columns are addressed by position, since pandas allows any hashable label, also twice. Invariant: a batch has exactly
//! the columns and index levels of its schema, in order, each of the dtype's Arrow type (text may be held as views).

use std::fmt;
use std::sync::Arc;

use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::host::HostRef;
use crate::scalar::Scalar;
use crate::token::{Tokenize, Tokenizer};

/// The label of a column or index level.
#[derive(Clone, Debug)]
pub enum Label {
    /// No name.
    None,
    /// A bool.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float, by its bits.
    Float(u64),
    /// Text.
    Str(Arc<str>),
    /// A tuple, as in a `MultiIndex` of columns.
    Tuple(Arc<[Label]>),
    /// Any other hashable: its text and the object.
    Host(Arc<str>, HostRef),
}

impl Label {
    /// A text label.
    #[must_use]
    pub fn str(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl PartialEq for Label {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Tuple(a), Self::Tuple(b)) => a == b,
            (Self::Host(_, a), Self::Host(_, b)) => a.token() == b.token(),
            _ => false,
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(value) => write!(f, "{}", if *value { "True" } else { "False" }),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(bits) => write!(f, "{}", f64::from_bits(*bits)),
            Self::Str(text) | Self::Host(text, _) => f.write_str(text),
            Self::Tuple(items) => {
                f.write_str("(")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
        }
    }
}

impl Tokenize for Label {
    fn tokenize(&self, t: &mut Tokenizer) {
        match self {
            Self::None => t.number(0),
            Self::Bool(value) => t.number(1).number(u64::from(*value)),
            Self::Int(value) => t.number(2).number(value.cast_unsigned()),
            Self::Float(bits) => t.number(3).number(*bits),
            Self::Str(text) => t.number(4).text(text),
            Self::Tuple(items) => {
                t.number(5);
                items.tokenize(t);
                t
            }
            Self::Host(_, value) => t.number(6).token(value.token()),
        };
    }
}

/// A column or an index level: label and dtype.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its label.
    pub name: Label,
    /// Its pandas dtype.
    pub dtype: Dtype,
}

impl Tokenize for Column {
    fn tokenize(&self, t: &mut Tokenizer) {
        self.name.tokenize(t);
        self.dtype.tokenize(t);
    }
}

/// The index of a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum IndexSchema {
    /// A `RangeIndex`, held as start and step.
    Range {
        /// Its name.
        name: Label,
    },
    /// Written-out levels: one for an `Index`, more for a `MultiIndex`.
    Levels(Vec<Column>),
}

impl IndexSchema {
    /// A `RangeIndex` without a name.
    #[must_use]
    pub fn range() -> Self {
        Self::Range { name: Label::None }
    }

    /// The levels as columns; a range is one `int64` level.
    #[must_use]
    pub fn levels(&self) -> Vec<Column> {
        match self {
            Self::Range { name } => {
                vec![Column {
                    name: name.clone(),
                    dtype: Dtype::Numpy(crate::dtype::NumpyType::Int64),
                }]
            }
            Self::Levels(levels) => levels.clone(),
        }
    }
}

/// What the user holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A `DataFrame`.
    Frame,
    /// A `Series`: one column; its label is the series' name.
    Series,
    /// An `Index`: one column with its values; the frame's own index means nothing.
    Index,
    /// A single value: one column, one row.
    Scalar,
}

/// The shape of a frame: what pandas calls columns, dtypes and index.
#[derive(Clone, Debug)]
pub struct FrameSchema {
    /// What the user holds.
    pub kind: FrameKind,
    /// The columns.
    pub columns: Vec<Column>,
    /// The index.
    pub index: IndexSchema,
    /// The names of the column axis (`df.columns.names`); empty when none is named.
    pub axis_names: Vec<Label>,
    /// pandas' `attrs`, when there are any.
    pub attrs: Option<HostRef>,
}

impl FrameSchema {
    /// A frame with these columns and index.
    #[must_use]
    pub fn new(kind: FrameKind, columns: Vec<Column>, index: IndexSchema) -> Self {
        Self {
            kind,
            columns,
            index,
            axis_names: Vec::new(),
            attrs: None,
        }
    }

    /// A frame like `self` with other columns.
    #[must_use]
    pub fn with_columns(&self, kind: FrameKind, columns: Vec<Column>) -> Self {
        Self {
            kind,
            columns,
            ..self.clone()
        }
    }

    /// A frame like `self` whose range index has become an integer index (after a filter).
    #[must_use]
    pub fn with_levels(&self) -> Self {
        Self {
            index: IndexSchema::Levels(self.index.levels()),
            ..self.clone()
        }
    }

    /// Whether a column or index level is held outside Arrow, so that chunks are host chunks.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.columns.iter().any(|column| column.dtype.is_host())
            || matches!(&self.index, IndexSchema::Levels(levels) if levels.iter().any(|level| level.dtype.is_host()))
    }

    /// The position of the one column named `label`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Key`] when there is none or more than one.
    pub fn position(&self, label: &Label) -> Result<usize> {
        let mut found = self
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.name == *label);
        let (position, _) = found.next().ok_or_else(|| Error::key(label.to_string()))?;
        match found.next() {
            None => Ok(position),
            Some(_) => Err(Error::key(format!(
                "the label {label} stands for more than one column"
            ))),
        }
    }
}

impl Tokenize for FrameSchema {
    fn tokenize(&self, t: &mut Tokenizer) {
        t.number(self.kind as u64);
        self.columns.tokenize(t);
        match &self.index {
            IndexSchema::Range { name } => {
                t.number(0);
                name.tokenize(t);
            }
            IndexSchema::Levels(levels) => {
                t.number(1);
                levels.tokenize(t);
            }
        }
        self.axis_names.tokenize(t);
        if let Some(attrs) = &self.attrs {
            t.token(attrs.token());
        }
    }
}

/// One of the divisions.
#[derive(Clone, Debug)]
pub enum Division {
    /// A value that the engine has a word for.
    Value(Scalar),
    /// Any other, such as a period or a date: the engine only hands it on.
    Host(HostRef),
}

impl PartialEq for Division {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value(a), Self::Value(b)) => a == b,
            (Self::Host(a), Self::Host(b)) => a.token() == b.token(),
            _ => false,
        }
    }
}

impl Tokenize for Division {
    fn tokenize(&self, t: &mut Tokenizer) {
        match self {
            Self::Value(value) => value.tokenize(t),
            Self::Host(value) => {
                t.token(value.token());
            }
        }
    }
}

/// Where the index values of each partition begin.
#[derive(Clone, Debug, PartialEq)]
pub enum Divisions {
    /// The number of partitions is all that is known.
    Unknown(usize),
    /// One more value than there are partitions; the last is inclusive.
    Known(Vec<Division>),
}

impl Divisions {
    /// The number of partitions.
    #[must_use]
    pub fn npartitions(&self) -> usize {
        match self {
            Self::Unknown(count) => *count,
            Self::Known(values) => values.len().saturating_sub(1),
        }
    }

    /// The same number of partitions with nothing known about their values.
    #[must_use]
    pub fn forget(&self) -> Self {
        Self::Unknown(self.npartitions())
    }
}

impl Tokenize for Divisions {
    fn tokenize(&self, t: &mut Tokenizer) {
        match self {
            Self::Unknown(count) => {
                t.number(0).number(*count as u64);
            }
            Self::Known(values) => {
                t.number(1);
                values.tokenize(t);
            }
        }
    }
}
