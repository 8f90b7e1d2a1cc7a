//! Filters move towards the source: through partition choices and concatenations, and into a scan that can apply them while
//! it reads.
//!
//! Filters stand below projections and assignments already (`expr::frame`). A predicate that reads a scalar computed by
//! another part of the plan stays a step of the pipeline, since a scan has no inputs.

use std::sync::Arc;

use crate::error::Result;
use crate::expr::frame::{schema_of, with_divisions};
use crate::expr::{Node, NodeOp, NodeRef};
use crate::op::tree::{Expr, ExprRef};
use crate::opt::{bottom_up, like};

pub(super) fn run(roots: &[NodeRef]) -> Result<Vec<NodeRef>> {
    bottom_up(roots, &mut |node| push(&node))
}

fn push(node: &NodeRef) -> Result<NodeRef> {
    let NodeOp::Filter(predicate) = &node.op else {
        return Ok(node.clone());
    };
    let input = &node.inputs[0];
    let scalars = &node.inputs[1..];
    Ok(match &input.op {
        NodeOp::Scan {
            source,
            columns,
            partitions,
            predicate: None,
        } if scalars.is_empty() && source.filters() => {
            let op = NodeOp::Scan {
                source: source.clone(),
                columns: columns.clone(),
                partitions: partitions.clone(),
                predicate: Some(in_source(predicate, columns)),
            };
            like(node, op, vec![])
        }
        NodeOp::Concat => {
            let inputs = input
                .inputs
                .iter()
                .map(|part| {
                    let schema = Arc::new(schema_of(part)?.with_levels());
                    let mut inputs = vec![part.clone()];
                    inputs.extend_from_slice(scalars);
                    let op = NodeOp::Filter(predicate.clone());
                    push(&Node::new(
                        op,
                        inputs,
                        Some(schema),
                        part.divisions.clone(),
                        &node.prefix,
                    ))
                })
                .collect::<Result<_>>()?;
            like(node, NodeOp::Concat, inputs)
        }
        NodeOp::Partitions(_) => {
            let below = &input.inputs[0];
            let schema = Arc::new(schema_of(below)?.with_levels());
            let mut inputs = vec![below.clone()];
            inputs.extend_from_slice(scalars);
            let op = NodeOp::Filter(predicate.clone());
            let filtered = push(&Node::new(
                op,
                inputs,
                Some(schema),
                below.divisions.clone(),
                &node.prefix,
            ))?;
            with_divisions(
                &like(node, input.op.clone(), vec![filtered]),
                node.divisions.clone(),
            )?
        }
        _ => node.clone(),
    })
}

/// The predicate over the source's own column positions.
fn in_source(predicate: &ExprRef, columns: &[usize]) -> ExprRef {
    predicate.replace(&mut |leaf| match leaf {
        Expr::Column(position) => Some(Expr::column(columns[*position])),
        _ => None,
    })
}
