//! A node seen as expressions over the node that made its rows.

use std::sync::Arc;

use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::expr::frame::select::select;
use crate::expr::{Node, NodeOp, NodeRef};
use crate::op::tree::{Expr, ExprRef};
use crate::schema::{FrameKind, FrameSchema, Label};

/// Expressions beyond this many operations are not substituted into each other any more.
const WEIGHT_LIMIT: usize = 2_000;

/// A node seen as expressions over its base.
#[derive(Clone)]
pub struct View {
    /// What made the rows.
    pub base: NodeRef,
    /// One expression for each column, over the base's columns.
    pub exprs: Vec<ExprRef>,
    /// What `Expr::Input` stands for.
    pub scalars: Vec<NodeRef>,
    /// The node's own schema.
    pub schema: Arc<FrameSchema>,
}

impl View {
    /// The view of `node`.
    ///
    /// # Errors
    /// [`Kind::Internal`] when it is no frame.
    pub fn of(node: &NodeRef) -> Result<Self> {
        let schema = schema_of(node)?.clone();
        Ok(match &node.op {
            NodeOp::Select(exprs) if !exprs.iter().any(|expr| is_heavy(expr)) => Self {
                base: node.inputs[0].clone(),
                exprs: exprs.clone(),
                scalars: node.inputs[1..].to_vec(),
                schema,
            },
            _ => Self {
                base: node.clone(),
                exprs: (0..schema.columns.len()).map(Expr::column).collect(),
                scalars: Vec::new(),
                schema,
            },
        })
    }

    /// Takes over the scalars of `other`, whose expressions are rewritten to match.
    pub(super) fn absorb(&mut self, other: &Self) -> Vec<ExprRef> {
        let places: Vec<_> = other.scalars.iter().map(|scalar| self.scalar(scalar)).collect();
        other
            .exprs
            .iter()
            .map(|expr| {
                expr.replace(&mut |leaf| match leaf {
                    Expr::Input(input) if places[*input] != *input => {
                        Some(Arc::new(Expr::Input(places[*input])))
                    }
                    _ => None,
                })
            })
            .collect()
    }

    /// The position of a scalar input, added when it is new.
    pub(super) fn scalar(&mut self, node: &NodeRef) -> usize {
        self.scalars
            .iter()
            .position(|known| known.token == node.token)
            .unwrap_or_else(|| {
                self.scalars.push(node.clone());
                self.scalars.len() - 1
            })
    }

    /// A `Select` of `exprs` under these labels.
    pub(super) fn select(
        self,
        exprs: Vec<ExprRef>,
        names: Vec<Label>,
        kind: FrameKind,
        prefix: &str,
    ) -> Result<NodeRef> {
        let mut schema = (*self.schema).clone();
        if kind != FrameKind::Frame {
            schema.axis_names = Vec::new();
        }
        select(self.base, exprs, names, kind, self.scalars, &schema, prefix)
    }
}

fn is_heavy(expr: &Expr) -> bool {
    fn spend(expr: &Expr, budget: &mut usize) -> bool {
        if *budget == 0 {
            return false;
        }
        *budget -= 1;
        match expr {
            Expr::Call(_, args) => args.iter().all(|arg| spend(arg, budget)),
            _ => true,
        }
    }
    !spend(expr, &mut { WEIGHT_LIMIT })
}

/// The schema of a frame node.
///
/// # Errors
/// [`Kind::Internal`] when it is no frame.
pub fn schema_of(node: &Node) -> Result<&Arc<FrameSchema>> {
    node.schema
        .as_ref()
        .ok_or_else(|| Error::internal(format!("{} is no frame", node.name())))
}

/// The node that made the rows of `node`.
#[must_use]
pub fn row_base(node: &NodeRef) -> &NodeRef {
    match &node.op {
        NodeOp::Select(_) => row_base(&node.inputs[0]),
        _ => node,
    }
}

/// The dtypes of scalar inputs.
pub(super) fn scalar_dtypes(scalars: &[NodeRef]) -> Result<Vec<Dtype>> {
    scalars
        .iter()
        .map(|scalar| {
            let schema = schema_of(scalar)?;
            match schema.columns.as_slice() {
                [column] => Ok(column.dtype.clone()),
                columns => Err(Error::internal(format!(
                    "a scalar input with {} columns",
                    columns.len()
                ))),
            }
        })
        .collect()
}
