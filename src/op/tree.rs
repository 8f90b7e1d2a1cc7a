//! The expression tree over the columns of one frame: what `Select`, `Filter` and the keys and arguments of an aggregation
//! are made of.
//!
//! Invariants: trees are immutable and shared (`Arc`), so substitution never copies what it doesn't change.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::op::scalar::ScalarOp;
use crate::scalar::{Literal, Scalar};
use crate::token::{Tokenize, Tokenizer};

/// An expression that gives one value for each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A column of the frame, by position.
    Column(usize),
    /// A level of the frame's index, by position.
    Index(usize),
    /// A constant.
    Literal(Literal),
    /// The value of a one-row input of the node: `0` is its second input.
    Input(usize),
    /// An operation on other expressions.
    Call(ScalarOp, Vec<ExprRef>),
}

/// A shared expression.
pub type ExprRef = Arc<Expr>;

impl Expr {
    /// A column.
    #[must_use]
    pub fn column(position: usize) -> ExprRef {
        Arc::new(Self::Column(position))
    }

    /// A Python value.
    #[must_use]
    pub fn weak(value: Scalar) -> ExprRef {
        Arc::new(Self::Literal(Literal::weak(value)))
    }

    /// An operation.
    #[must_use]
    pub fn call(op: ScalarOp, args: Vec<ExprRef>) -> ExprRef {
        Arc::new(Self::Call(op, args))
    }

    /// Adds the positions of all columns that `self` reads.
    pub fn columns(&self, into: &mut BTreeSet<usize>) {
        match self {
            Self::Column(position) => {
                into.insert(*position);
            }
            Self::Call(_, args) => args.iter().for_each(|arg| arg.columns(into)),
            Self::Index(_) | Self::Literal(_) | Self::Input(_) => {}
        }
    }

    /// Whether `self` reads the index.
    #[must_use]
    pub fn reads_index(&self) -> bool {
        match self {
            Self::Index(_) => true,
            Self::Call(_, args) => args.iter().any(|arg| arg.reads_index()),
            Self::Column(_) | Self::Literal(_) | Self::Input(_) => false,
        }
    }

    /// `self` with each leaf replaced by what `leaf` gives (`None` keeps it).
    #[must_use]
    pub fn replace(self: &Arc<Self>, leaf: &mut dyn FnMut(&Self) -> Option<ExprRef>) -> ExprRef {
        match &**self {
            Self::Call(op, args) => {
                let new: Vec<_> = args.iter().map(|arg| arg.replace(leaf)).collect();
                if new.iter().zip(args).all(|(a, b)| Arc::ptr_eq(a, b)) {
                    return self.clone();
                }
                Self::call(op.clone(), new)
            }
            other => leaf(other).unwrap_or_else(|| self.clone()),
        }
    }
}

impl Tokenize for Expr {
    fn tokenize(&self, t: &mut Tokenizer) {
        match self {
            Self::Column(position) => {
                t.number(0).number(*position as u64);
            }
            Self::Index(level) => {
                t.number(1).number(*level as u64);
            }
            Self::Literal(literal) => {
                t.number(2);
                literal.tokenize(t);
            }
            Self::Input(input) => {
                t.number(3).number(*input as u64);
            }
            Self::Call(op, args) => {
                t.number(4);
                op.tokenize(t);
                t.number(args.len() as u64);
                for arg in args {
                    arg.tokenize(t);
                }
            }
        }
    }
}

impl Tokenize for ExprRef {
    fn tokenize(&self, t: &mut Tokenizer) {
        (**self).tokenize(t);
    }
}

/// An expression with names instead of positions, for `explain`.
pub struct Named<'a>(pub &'a Expr, pub &'a dyn Fn(usize) -> String);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expr::Column(position) => f.write_str(&(self.1)(*position)),
            Expr::Index(level) => write!(f, "index[{level}]"),
            Expr::Literal(literal) => match &literal.value {
                Scalar::Missing => f.write_str("NA"),
                Scalar::Bool(value) => write!(f, "{}", if *value { "True" } else { "False" }),
                Scalar::Int(value) => write!(f, "{value}"),
                Scalar::Float(value) => write!(f, "{value:?}"),
                Scalar::Str(value) => write!(f, "{value:?}"),
                other => write!(f, "{other:?}"),
            },
            Expr::Input(input) => write!(f, "input[{input}]"),
            Expr::Call(op, args) => match (op.symbol(), args.as_slice()) {
                (Some(symbol), [a, b]) => {
                    write!(f, "({} {symbol} {})", Named(a, self.1), Named(b, self.1))
                }
                (Some(symbol), [a]) => write!(f, "{symbol}{}", Named(a, self.1)),
                _ => {
                    write!(f, "{}(", op.name())?;
                    for (i, arg) in args.iter().enumerate() {
                        write!(f, "{}{}", if i == 0 { "" } else { ", " }, Named(arg, self.1))?;
                    }
                    f.write_str(")")
                }
            },
        }
    }
}
