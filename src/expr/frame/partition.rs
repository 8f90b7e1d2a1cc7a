//! Partitions chosen, merged, split, put one after another; their first and last rows.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::expr::frame::view::schema_of;
use crate::expr::{Node, NodeOp, NodeRef, Repartition};
use crate::op::tree::Expr;
use crate::schema::{Divisions, IndexSchema};

/// The partitions of all `nodes`, one after another.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] when their columns or indexes differ.
pub fn concat(nodes: &[NodeRef], divisions: Option<Divisions>) -> Result<NodeRef> {
    let first = nodes
        .first()
        .ok_or_else(|| Error::value("No objects to concatenate"))?;
    let schema = schema_of(first)?;
    for node in nodes {
        let other = schema_of(node)?;
        let same = other.kind == schema.kind
            && other.columns == schema.columns
            && other.index.levels() == schema.index.levels()
            && other.axis_names == schema.axis_names;
        if !same || other.is_host() != schema.is_host() {
            return Err(Error::not_native("frames with different columns"));
        }
    }
    let all_range = nodes.iter().all(|node| {
        matches!(
            node.schema.as_ref().map(|schema| &schema.index),
            Some(IndexSchema::Range { .. })
        )
    });
    let schema = if all_range {
        schema.clone()
    } else {
        Arc::new(schema.with_levels())
    };
    let count = nodes.iter().map(|node| node.npartitions()).sum();
    let divisions = divisions.unwrap_or(Divisions::Unknown(count));
    let inputs = if all_range {
        nodes.to_vec()
    } else {
        nodes.iter().map(written_out).collect()
    };
    Ok(Node::new(
        NodeOp::Concat,
        inputs,
        Some(schema),
        divisions,
        "concat",
    ))
}

/// The same rows with a range index written out, so that all partitions of a concatenation have one kind of index.
fn written_out(node: &NodeRef) -> NodeRef {
    match &node.schema {
        Some(schema) if matches!(schema.index, IndexSchema::Range { .. }) && !schema.is_host() => {
            let exprs = (0..schema.columns.len()).map(Expr::column).collect();
            let schema = Arc::new(schema.with_levels());
            Node::new(
                NodeOp::Select(exprs),
                vec![node.clone()],
                Some(schema),
                node.divisions.clone(),
                "index",
            )
        }
        _ => node.clone(),
    }
}

/// Some of the partitions, in the order given.
///
/// # Errors
/// [`crate::error::Kind::Index`] when there is no such partition.
pub fn partitions(node: &NodeRef, positions: &[usize]) -> Result<NodeRef> {
    let count = node.npartitions();
    if let Some(position) = positions.iter().find(|position| **position >= count) {
        return Err(Error::index(format!(
            "partition {position} is out of bounds for {count} partitions"
        )));
    }
    let divisions = match &node.divisions {
        Divisions::Known(values) if !positions.is_empty() && positions.is_sorted_by(|a, b| a + 1 == *b) => {
            Divisions::Known(values[positions[0]..=positions[positions.len() - 1] + 1].to_vec())
        }
        Divisions::Known(values) if !positions.is_empty() && positions.is_sorted_by(|a, b| a < b) => {
            let last = positions[positions.len() - 1] + 1;
            Divisions::Known(
                positions
                    .iter()
                    .map(|position| values[*position].clone())
                    .chain([values[last].clone()])
                    .collect(),
            )
        }
        _ => Divisions::Unknown(positions.len()),
    };
    Ok(Node::new(
        NodeOp::Partitions(positions.into()),
        vec![node.clone()],
        node.schema.clone(),
        divisions,
        "partitions",
    ))
}

/// Fewer partitions: output `i` is the inputs `bounds[i]..bounds[i + 1]`.
///
/// # Errors
/// [`crate::error::Kind::Value`] when the bounds don't cover the partitions in order.
pub fn merge_partitions(node: &NodeRef, bounds: &[usize]) -> Result<NodeRef> {
    let valid = bounds.len() >= 2
        && bounds[0] == 0
        && bounds[bounds.len() - 1] == node.npartitions()
        && bounds.is_sorted_by(|a, b| a < b);
    if !valid {
        return Err(Error::value(
            "the bounds of merged partitions must cover all partitions in order",
        ));
    }
    let divisions = match &node.divisions {
        Divisions::Known(values) => {
            Divisions::Known(bounds.iter().map(|bound| values[*bound].clone()).collect())
        }
        Divisions::Unknown(_) => Divisions::Unknown(bounds.len() - 1),
    };
    let op = NodeOp::Repartition(Repartition::Merge(bounds.into()));
    // pandas objects under one another have one index, which may be no range any more.
    let schema = node.schema.as_ref().map(|schema| {
        if schema.is_host() {
            Arc::new(schema.with_levels())
        } else {
            schema.clone()
        }
    });
    Ok(Node::new(
        op,
        vec![node.clone()],
        schema,
        divisions,
        "repartition",
    ))
}

/// More partitions: input `i` is cut into `parts[i]` pieces.
///
/// # Errors
/// [`crate::error::Kind::Value`] when there isn't one positive number for each partition.
pub fn split_partitions(node: &NodeRef, parts: &[usize]) -> Result<NodeRef> {
    if parts.len() != node.npartitions() || parts.contains(&0) {
        return Err(Error::value(
            "splitting takes one positive number of pieces for each partition",
        ));
    }
    let op = NodeOp::Repartition(Repartition::Split(parts.into()));
    let divisions = Divisions::Unknown(parts.iter().sum());
    Ok(Node::new(
        op,
        vec![node.clone()],
        node.schema.clone(),
        divisions,
        "repartition",
    ))
}

/// The first or last rows of each partition.
#[must_use]
pub fn limit(node: &NodeRef, rows: usize, tail: bool) -> NodeRef {
    let prefix = if tail { "tail" } else { "head" };
    let op = NodeOp::Limit { rows, tail };
    Node::new(
        op,
        vec![node.clone()],
        node.schema.clone(),
        node.divisions.clone(),
        prefix,
    )
}

/// The same node with other divisions, which the caller vouches for.
///
/// # Errors
/// [`crate::error::Kind::Value`] when their number doesn't fit.
pub fn with_divisions(node: &NodeRef, divisions: Divisions) -> Result<NodeRef> {
    if divisions.npartitions() != node.npartitions() {
        return Err(Error::value(format!(
            "{} divisions don't fit {} partitions",
            divisions.npartitions() + 1,
            node.npartitions()
        )));
    }
    Ok(Node::new(
        node.op.clone(),
        node.inputs.clone(),
        node.schema.clone(),
        divisions,
        &node.prefix,
    ))
}
