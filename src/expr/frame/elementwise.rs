//! Elementwise operations over frames, series and scalars with the same rows.

use std::sync::Arc;

use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::expr::NodeRef;
use crate::expr::frame::view::{View, schema_of};
use crate::op::scalar::ScalarOp;
use crate::op::tree::{Expr, ExprRef};
use crate::scalar::Literal;
use crate::schema::{FrameKind, Label};

/// An operand of an elementwise operation.
#[derive(Clone)]
pub enum Operand {
    /// A frame, series or scalar node.
    Node(NodeRef),
    /// A constant.
    Literal(Literal),
}

/// An elementwise operation over frames, series and scalars with the same rows.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] when rows or labels differ or no kernel does it; else what pandas raises.
pub fn elementwise(op: &ScalarOp, operands: &[Operand]) -> Result<NodeRef> {
    let nodes = operands.iter().filter_map(|operand| match operand {
        Operand::Node(node) => Some(node),
        Operand::Literal(_) => None,
    });
    let kind_of = |node: &NodeRef| match &node.schema {
        Some(schema) => Ok(schema.kind),
        None => Err(Error::not_native("an object that is no frame")),
    };
    let mut lead = None;
    for node in nodes {
        // the widest operand leads: a scalar is broadcast over a series, a series never over a frame
        let rank = match kind_of(node)? {
            FrameKind::Scalar => 0,
            FrameKind::Index => 1,
            FrameKind::Series => 2,
            FrameKind::Frame => 3,
        };
        if lead.as_ref().is_none_or(|(best, _)| rank > *best) {
            lead = Some((rank, node.clone()));
        }
    }
    let (rank, lead) =
        lead.ok_or_else(|| Error::internal("an elementwise operation without a collection"))?;
    let mut view = View::of(&lead)?;
    let width = view.exprs.len();
    let mut columns: Vec<Vec<ExprRef>> = vec![Vec::with_capacity(operands.len()); width];
    let mut name = None;
    for operand in operands {
        let Operand::Node(node) = operand else {
            let Operand::Literal(literal) = operand else {
                continue;
            };
            let expr = Arc::new(Expr::Literal(literal.clone()));
            columns.iter_mut().for_each(|args| args.push(expr.clone()));
            continue;
        };
        let schema = schema_of(node)?;
        if schema.kind == FrameKind::Scalar && rank > 0 {
            let expr = Arc::new(Expr::Input(view.scalar(node)));
            columns.iter_mut().for_each(|args| args.push(expr.clone()));
            continue;
        }
        if schema.kind == FrameKind::Scalar && node.token != lead.token {
            let other = View::of(node)?;
            let expr = if other.base.token == view.base.token {
                view.absorb(&other).swap_remove(0)
            } else {
                Arc::new(Expr::Input(view.scalar(node)))
            };
            columns[0].push(expr);
            continue;
        }
        let other = View::of(node)?;
        if other.base.token != view.base.token {
            return Err(Error::not_native("operands with different rows"));
        }
        if other.schema.kind != view.schema.kind || other.exprs.len() != width {
            return Err(Error::not_native("operands of different shapes"));
        }
        if rank == 3 {
            let same = other
                .schema
                .columns
                .iter()
                .zip(&view.schema.columns)
                .all(|(a, b)| a.name == b.name);
            if !same {
                return Err(Error::not_native("frames with different labels"));
            }
        } else if rank > 0 {
            // pandas keeps a name that all operands share
            let label = &schema.columns[0].name;
            name = Some(match name {
                None => label.clone(),
                Some(known) if known == *label => known,
                Some(_) => Label::None,
            });
        }
        let exprs = view.absorb(&other);
        for (args, expr) in columns.iter_mut().zip(exprs) {
            args.push(expr);
        }
    }
    let names = match name {
        Some(name) => vec![name],
        None => view
            .schema
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect(),
    };
    let exprs = columns
        .into_iter()
        .map(|args| Expr::call(op.clone(), args))
        .collect();
    let kind = view.schema.kind;
    view.select(exprs, names, kind, op.name())
}

/// One cast for each column (`None` keeps it).
///
/// # Errors
/// As [`elementwise`].
pub fn cast(node: &NodeRef, dtypes: &[Option<Dtype>]) -> Result<NodeRef> {
    let view = View::of(node)?;
    let exprs = view
        .exprs
        .iter()
        .zip(dtypes)
        .zip(&view.schema.columns)
        .map(|((expr, dtype), column)| match dtype {
            Some(dtype) if *dtype != column.dtype => {
                Expr::call(ScalarOp::Cast(dtype.clone()), vec![expr.clone()])
            }
            _ => expr.clone(),
        })
        .collect();
    let names = view
        .schema
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let kind = view.schema.kind;
    view.select(exprs, names, kind, "astype")
}

/// Columns replaced (where the label exists) or appended.
///
/// # Errors
/// As [`elementwise`].
pub fn with_columns(node: &NodeRef, columns: &[(Label, Operand)]) -> Result<NodeRef> {
    let mut view = View::of(node)?;
    let mut exprs = view.exprs.clone();
    let mut names: Vec<_> = view
        .schema
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    for (label, operand) in columns {
        let expr = match operand {
            Operand::Literal(literal) => Arc::new(Expr::Literal(literal.clone())),
            Operand::Node(value) => {
                let schema = schema_of(value)?;
                if schema.kind == FrameKind::Scalar {
                    Arc::new(Expr::Input(view.scalar(value)))
                } else {
                    let other = View::of(value)?;
                    if other.base.token != view.base.token || other.exprs.len() != 1 {
                        return Err(Error::not_native("a column with different rows"));
                    }
                    view.absorb(&other).swap_remove(0)
                }
            }
        };
        let mut found = false;
        for (position, _) in names.iter().enumerate().filter(|(_, name)| *name == label) {
            exprs[position] = expr.clone();
            found = true;
        }
        if !found {
            exprs.push(expr);
            names.push(label.clone());
        }
    }
    view.select(exprs, names, FrameKind::Frame, "assign")
}
