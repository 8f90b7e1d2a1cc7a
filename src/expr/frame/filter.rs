//! Rows by a mask.

use std::sync::Arc;

use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::expr::frame::select::readable;
use crate::expr::frame::view::{View, schema_of};
use crate::expr::{Node, NodeOp, NodeRef};
use crate::op::tree::Expr;

/// The rows of `node` for which `mask` holds.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] when the rows differ.
pub fn filter(node: &NodeRef, mask: &NodeRef) -> Result<NodeRef> {
    let mut view = View::of(node)?;
    let other = View::of(mask)?;
    if other.base.token != view.base.token || other.exprs.len() != 1 {
        return Err(Error::not_native("a mask with different rows"));
    }
    let dtype = &other.schema.columns[0].dtype;
    let is_bool = matches!(
        dtype,
        Dtype::Numpy(NumpyType::Bool) | Dtype::Nullable(NumpyType::Bool)
    ) || matches!(dtype, Dtype::Arrow(arrow::datatypes::DataType::Boolean));
    if !is_bool {
        return Err(Error::type_(format!("a mask must be bool, not {}", dtype.name())));
    }
    // only the mask's own scalars belong to the filter; the columns' stay with the select above it
    let scalars = other.scalars.clone();
    let predicate = other.exprs[0].clone();
    readable(&view.base, std::slice::from_ref(&predicate))?;
    readable(&view.base, &view.exprs)?;
    let base_schema = schema_of(&view.base)?.with_levels();
    let mut inputs = vec![view.base.clone()];
    inputs.extend(scalars);
    let divisions = view.base.divisions.clone();
    let filtered = Node::new(
        NodeOp::Filter(predicate),
        inputs,
        Some(Arc::new(base_schema)),
        divisions,
        "filter",
    );
    let identity = view.scalars.is_empty()
        && view
            .exprs
            .iter()
            .enumerate()
            .all(|(i, expr)| matches!(**expr, Expr::Column(column) if column == i))
        && view.exprs.len() == schema_of(&view.base)?.columns.len()
        && *view.schema.columns == *schema_of(&view.base)?.columns
        && view.schema.kind == schema_of(&view.base)?.kind;
    if identity {
        return Ok(filtered);
    }
    view.base = filtered;
    view.schema = Arc::new(view.schema.with_levels());
    let names = view
        .schema
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let (kind, exprs) = (view.schema.kind, view.exprs.clone());
    view.select(exprs, names, kind, "filter")
}
