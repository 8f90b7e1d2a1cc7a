//! Elementwise operations: the table of names and symbols.
//!
//! The dtype that comes out, as pandas and NumPy 2 decide it, is worked out in `op::infer`; the loops are in
//! `kernels::ops`. A combination that has no native kernel is refused with [`crate::error::Kind::NotNative`], and the caller
//! lets pandas do it chunk by chunk.

use std::sync::Arc;

use crate::dtype::Dtype;
pub use crate::op::infer::dtype_of;
use crate::scalar::Literal;
use crate::token::{Tokenize, Tokenizer};

/// An elementwise operation.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum ScalarOp {
    Add,
    Sub,
    Mul,
    TrueDiv,
    FloorDiv,
    Mod,
    Pow,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
    Xor,
    Not,
    Neg,
    Pos,
    Abs,
    /// `round(x, decimals)`.
    Round(i32),
    /// `clip(x, lower, upper)`; a missing bound literal means no bound.
    Clip,
    IsNa,
    NotNa,
    /// `fillna(x, value)`.
    FillNa,
    /// Membership in a fixed list.
    IsIn(Arc<[Literal]>),
    /// `where(x, condition, other)`: `x` where the condition holds, else `other`.
    Where,
    /// `astype(x)`.
    Cast(Dtype),
}

impl ScalarOp {
    /// Its name, as in pandas.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::TrueDiv => "truediv",
            Self::FloorDiv => "floordiv",
            Self::Mod => "mod",
            Self::Pow => "pow",
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::And => "and",
            Self::Or => "or",
            Self::Xor => "xor",
            Self::Not => "invert",
            Self::Neg => "neg",
            Self::Pos => "pos",
            Self::Abs => "abs",
            Self::Round(_) => "round",
            Self::Clip => "clip",
            Self::IsNa => "isna",
            Self::NotNa => "notna",
            Self::FillNa => "fillna",
            Self::IsIn(_) => "isin",
            Self::Where => "where",
            Self::Cast(_) => "astype",
        }
    }

    /// The operation without parameters that has this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        const PLAIN: [ScalarOp; 25] = [
            ScalarOp::Add,
            ScalarOp::Sub,
            ScalarOp::Mul,
            ScalarOp::TrueDiv,
            ScalarOp::FloorDiv,
            ScalarOp::Mod,
            ScalarOp::Pow,
            ScalarOp::Eq,
            ScalarOp::Ne,
            ScalarOp::Lt,
            ScalarOp::Le,
            ScalarOp::Gt,
            ScalarOp::Ge,
            ScalarOp::And,
            ScalarOp::Or,
            ScalarOp::Xor,
            ScalarOp::Not,
            ScalarOp::Neg,
            ScalarOp::Pos,
            ScalarOp::Abs,
            ScalarOp::Clip,
            ScalarOp::IsNa,
            ScalarOp::NotNa,
            ScalarOp::FillNa,
            ScalarOp::Where,
        ];
        PLAIN.into_iter().find(|op| op.name() == name)
    }

    /// The operator that people write for it.
    #[must_use]
    pub fn symbol(&self) -> Option<&'static str> {
        Some(match self {
            Self::Add | Self::Pos => "+",
            Self::Sub | Self::Neg => "-",
            Self::Mul => "*",
            Self::TrueDiv => "/",
            Self::FloorDiv => "//",
            Self::Mod => "%",
            Self::Pow => "**",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::And => "&",
            Self::Or => "|",
            Self::Xor => "^",
            Self::Not => "~",
            _ => return None,
        })
    }
}

impl Tokenize for ScalarOp {
    fn tokenize(&self, t: &mut Tokenizer) {
        t.text(self.name());
        match self {
            Self::Round(decimals) => {
                t.bytes(&decimals.to_le_bytes());
            }
            Self::IsIn(values) => values.tokenize(t),
            Self::Cast(dtype) => dtype.tokenize(t),
            _ => {}
        }
    }
}
