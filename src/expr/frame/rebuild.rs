//! A node over other inputs, as the optimizer and a change of types make them.

use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::expr::array::{ArraySchema, array_of};
use crate::expr::frame::aggregate::aggregate_schema;
use crate::expr::frame::partition::{concat, merge_partitions, with_divisions};
use crate::expr::frame::select::select;
use crate::expr::frame::view::schema_of;
use crate::expr::{Node, NodeOp, NodeRef, Repartition};
use crate::schema::{Column, FrameSchema, IndexSchema, Label};

/// `node` over other inputs: schemas are computed anew, labels stay.
///
/// # Errors
/// What the operation reports for the new dtypes; a refusal to run natively becomes a `TypeError`, since it is too late for
/// the pandas path.
pub fn with_inputs(node: &NodeRef, inputs: Vec<NodeRef>) -> Result<NodeRef> {
    if inputs.iter().zip(&node.inputs).all(|(a, b)| Arc::ptr_eq(a, b)) {
        return Ok(node.clone());
    }
    rebuilt(node, inputs).map_err(|error| match error.kind() {
        Kind::NotNative => Error::type_(format!("{}: {}", node.prefix, error.message()))
            .note("a column's type was widened while reading"),
        _ => error,
    })
}

fn with_array(node: &Node, array: &Arc<ArraySchema>, inputs: Vec<NodeRef>) -> NodeRef {
    let divisions = node.divisions.clone();
    Node::with_array(node.op.clone(), inputs, array.clone(), divisions, &node.prefix)
}

/// The index of a selection over rows with another index: the names that it gave, the dtypes of the rows.
fn index_over(old: &IndexSchema, rows: &IndexSchema) -> IndexSchema {
    match (old, rows) {
        (IndexSchema::Levels(old), IndexSchema::Levels(rows)) if old.len() == rows.len() => {
            let levels = old.iter().zip(rows).map(|(old, rows)| Column {
                name: old.name.clone(),
                dtype: rows.dtype.clone(),
            });
            IndexSchema::Levels(levels.collect())
        }
        _ => old.clone(),
    }
}

/// As `with_inputs`, with a refusal to run natively as it is.
///
/// # Errors
/// What the operation reports for the new dtypes.
pub fn rebuilt(node: &NodeRef, inputs: Vec<NodeRef>) -> Result<NodeRef> {
    let labels = || -> Result<Vec<Label>> {
        Ok(schema_of(node)?
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect())
    };
    let make = |schema: Option<Arc<FrameSchema>>, inputs| {
        Node::new(
            node.op.clone(),
            inputs,
            schema,
            node.divisions.clone(),
            &node.prefix,
        )
    };
    Ok(match &node.op {
        NodeOp::Select(exprs) => {
            let old = schema_of(node)?;
            let (base, scalars) = (inputs[0].clone(), inputs[1..].to_vec());
            let like = FrameSchema {
                index: index_over(&old.index, &schema_of(&base)?.index),
                ..(**old).clone()
            };
            select(
                base,
                exprs.clone(),
                labels()?,
                old.kind,
                scalars,
                &like,
                &node.prefix,
            )?
        }
        NodeOp::Filter(_) => {
            let schema = schema_of(&inputs[0])?.with_levels();
            make(Some(Arc::new(schema)), inputs)
        }
        NodeOp::Aggregate(spec) => {
            let old = schema_of(node)?;
            let (keys, labels) = if spec.keys.is_empty() || !spec.as_index {
                let all = labels()?;
                (all[..spec.keys.len()].to_vec(), all[spec.keys.len()..].to_vec())
            } else {
                (
                    old.index.levels().into_iter().map(|level| level.name).collect(),
                    labels()?,
                )
            };
            let schema = aggregate_schema(&inputs[0], spec, keys, labels, old.kind, &inputs[1..])?;
            make(Some(Arc::new(schema)), inputs)
        }
        NodeOp::Concat => concat(&inputs, Some(node.divisions.clone()))?,
        NodeOp::Repartition(Repartition::Merge(bounds)) => {
            let merged = merge_partitions(&inputs[0], bounds)?;
            with_divisions(&merged, node.divisions.clone())?
        }
        NodeOp::Partitions(_) | NodeOp::Repartition(_) | NodeOp::Limit { .. } => {
            let schema = inputs[0].schema.clone();
            make(schema, inputs)
        }
        NodeOp::PerPartition(_) | NodeOp::Gather(_) | NodeOp::Scan { .. } | NodeOp::Chunks(_) => {
            let new = match &node.array {
                Some(array) => with_array(node, array, inputs),
                None => make(node.schema.clone(), inputs),
            };
            match &node.key {
                Some(key) => new.keyed(Some(key.clone())),
                None => new,
            }
        }
        NodeOp::Array(_) => with_array(node, array_of(node)?, inputs),
    })
}
