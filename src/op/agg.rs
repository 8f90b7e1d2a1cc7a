//! Aggregations: names and the dtype that comes out, as pandas decides it. The loops are in `kernels::agg`.

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
