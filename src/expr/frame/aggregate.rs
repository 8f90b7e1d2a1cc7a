//! Reductions and group-bys.

use std::sync::Arc;

use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::expr::frame::select::readable;
use crate::expr::frame::view::{View, scalar_dtypes, schema_of};
use crate::expr::{Node, NodeOp, NodeRef};
use crate::op::agg::{AggCall, AggOp, AggSpec, groupable};
use crate::op::infer::dtype_of;
use crate::schema::{Column, Divisions, FrameKind, FrameSchema, IndexSchema, Label};

/// Each column reduced to one value: one row under the same labels, or a scalar for a series.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] when no kernel does it, else what pandas raises.
pub fn reduce(node: &NodeRef, op: AggOp) -> Result<NodeRef> {
    let view = View::of(node)?;
    readable(&view.base, &view.exprs)?;
    let calls: Vec<_> = view
        .exprs
        .iter()
        .map(|expr| AggCall {
            op,
            arg: (op != AggOp::Size).then(|| expr.clone()),
        })
        .collect();
    let kind = if view.schema.kind == FrameKind::Frame {
        FrameKind::Frame
    } else {
        FrameKind::Scalar
    };
    let labels = view
        .schema
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let spec = AggSpec {
        keys: Vec::new(),
        calls,
        sort: false,
        dropna: true,
        observed: true,
        as_index: true,
    };
    aggregate_node(view.base, spec, Vec::new(), labels, kind, view.scalars, op.name())
}

/// One aggregation of a group-by.
pub struct GroupCall {
    /// The aggregation.
    pub op: AggOp,
    /// What it is computed over; `None` for the group's size.
    pub value: Option<NodeRef>,
    /// The label of the result.
    pub label: Label,
}

/// How a group-by is done.
#[derive(Clone, Copy, Debug)]
pub struct GroupOptions {
    /// See [`AggSpec`].
    pub sort: bool,
    /// See [`AggSpec`].
    pub dropna: bool,
    /// See [`AggSpec`].
    pub observed: bool,
    /// See [`AggSpec`].
    pub as_index: bool,
}

/// A group-by over keys and values with the same rows.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] when rows differ or no kernel does it, else what pandas raises.
pub fn aggregate(
    keys: &[NodeRef],
    calls: &[GroupCall],
    options: GroupOptions,
    kind: FrameKind,
) -> Result<NodeRef> {
    let first = keys
        .first()
        .ok_or_else(|| Error::value("No group keys passed!"))?;
    let mut view = View::of(first)?;
    let mut key_exprs = Vec::with_capacity(keys.len());
    let mut key_labels = Vec::with_capacity(keys.len());
    let expr_of = |view: &mut View, node: &NodeRef| {
        let other = View::of(node)?;
        if other.base.token != view.base.token || other.exprs.len() != 1 {
            return Err(Error::not_native("group keys and values with different rows"));
        }
        Ok(view.absorb(&other).swap_remove(0))
    };
    for key in keys {
        key_exprs.push(expr_of(&mut view, key)?);
        key_labels.push(schema_of(key)?.columns[0].name.clone());
    }
    let mut specs = Vec::with_capacity(calls.len());
    for call in calls {
        let arg = call
            .value
            .as_ref()
            .map(|value| expr_of(&mut view, value))
            .transpose()?;
        specs.push(AggCall { op: call.op, arg });
    }
    let read: Vec<_> = key_exprs
        .iter()
        .cloned()
        .chain(specs.iter().filter_map(|call| call.arg.clone()))
        .collect();
    readable(&view.base, &read)?;
    let GroupOptions {
        sort,
        dropna,
        observed,
        as_index,
    } = options;
    let spec = AggSpec {
        keys: key_exprs,
        calls: specs,
        sort,
        dropna,
        observed,
        as_index,
    };
    let labels = calls.iter().map(|call| call.label.clone()).collect();
    aggregate_node(view.base, spec, key_labels, labels, kind, view.scalars, "groupby")
}

fn aggregate_node(
    base: NodeRef,
    spec: AggSpec,
    key_labels: Vec<Label>,
    labels: Vec<Label>,
    kind: FrameKind,
    scalars: Vec<NodeRef>,
    prefix: &str,
) -> Result<NodeRef> {
    let schema = aggregate_schema(&base, &spec, key_labels, labels, kind, &scalars)?;
    refuse_missing_bools(&schema, &spec)?;
    let mut inputs = vec![base];
    inputs.extend(scalars);
    Ok(Node::new(
        NodeOp::Aggregate(Arc::new(spec)),
        inputs,
        Some(Arc::new(schema)),
        Divisions::Unknown(1),
        prefix,
    ))
}

/// A category without rows has no least or first bool, and pandas makes the column one of Python objects then.
fn refuse_missing_bools(schema: &FrameSchema, spec: &AggSpec) -> Result<()> {
    let keys = if spec.as_index {
        schema.index.levels()
    } else {
        schema.columns[..spec.keys.len()].to_vec()
    };
    let unobserved = !spec.observed && keys.iter().any(|key| matches!(key.dtype, Dtype::Category(_)));
    let results = &schema.columns[schema.columns.len() - spec.calls.len()..];
    let picks = |op| {
        matches!(
            op,
            AggOp::Min { .. } | AggOp::Max { .. } | AggOp::First { .. } | AggOp::Last { .. }
        )
    };
    let is_bool = |dtype: &Dtype| matches!(dtype, Dtype::Numpy(NumpyType::Bool));
    if unobserved
        && spec
            .calls
            .iter()
            .zip(results)
            .any(|(call, column)| picks(call.op) && is_bool(&column.dtype))
    {
        return Err(Error::not_native("bools of categories that may not occur"));
    }
    Ok(())
}

/// The schema of an aggregation's result.
pub(super) fn aggregate_schema(
    base: &NodeRef,
    spec: &AggSpec,
    key_labels: Vec<Label>,
    labels: Vec<Label>,
    kind: FrameKind,
    scalars: &[NodeRef],
) -> Result<FrameSchema> {
    let input = schema_of(base)?;
    let dtypes = scalar_dtypes(scalars)?;
    let key_columns = spec
        .keys
        .iter()
        .zip(key_labels)
        .map(|(key, name)| {
            let dtype = dtype_of(key, input, &dtypes)?;
            groupable(&dtype)?;
            Ok(Column { name, dtype })
        })
        .collect::<Result<Vec<_>>>()?;
    let is_category = |key: &Column| matches!(key.dtype, Dtype::Category(_));
    if !spec.observed && !spec.sort && key_columns.len() > 1 && key_columns.iter().any(is_category) {
        return Err(Error::not_native(
            "observed=False with sort=False and several keys has an order of its own in pandas",
        ));
    }
    let grouped = !spec.keys.is_empty();
    let mut columns = spec
        .calls
        .iter()
        .zip(labels)
        .map(|(call, name)| {
            let dtype = call
                .arg
                .as_ref()
                .map(|arg| dtype_of(arg, input, &dtypes))
                .transpose()?;
            if let (AggOp::NUnique { .. }, Some(dtype)) = (call.op, &dtype) {
                groupable(dtype)?;
            }
            Ok(Column {
                name,
                dtype: call.op.result(dtype.as_ref(), grouped)?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let index = if grouped && spec.as_index {
        IndexSchema::Levels(key_columns)
    } else {
        columns.splice(0..0, key_columns);
        IndexSchema::range()
    };
    Ok(FrameSchema::new(kind, columns, index))
}
