//! Scans, projections and labels.

use std::sync::Arc;

use crate::chunk::Source;
use crate::error::{Error, Result};
use crate::expr::frame::view::{View, scalar_dtypes, schema_of};
use crate::expr::{Node, NodeOp, NodeRef};
use crate::op::infer::dtype_of;
use crate::op::tree::{Expr, ExprRef};
use crate::schema::{Column, Divisions, FrameKind, FrameSchema, IndexSchema, Label};

/// All columns and partitions of a source.
#[must_use]
pub fn scan(source: Arc<dyn Source>, divisions: Option<Divisions>, prefix: &str) -> NodeRef {
    let schema = source.schema();
    let columns = (0..schema.columns.len()).collect();
    let divisions = divisions.unwrap_or(Divisions::Unknown(source.npartitions()));
    Node::new(
        NodeOp::Scan {
            source,
            columns,
            partitions: None,
            predicate: None,
        },
        vec![],
        Some(schema),
        divisions,
        prefix,
    )
}

/// One expression for each column.
///
/// # Errors
/// [`Kind::NotNative`] when an expression, or what it reads, is not native.
///
/// [`Kind::NotNative`]: crate::error::Kind::NotNative
pub fn select(
    base: NodeRef,
    exprs: Vec<ExprRef>,
    names: Vec<Label>,
    kind: FrameKind,
    scalars: Vec<NodeRef>,
    like: &FrameSchema,
    prefix: &str,
) -> Result<NodeRef> {
    let input = schema_of(&base)?;
    readable(&base, &exprs)?;
    let dtypes = scalar_dtypes(&scalars)?;
    let columns = exprs
        .iter()
        .zip(names)
        .map(|(expr, name)| {
            let dtype = match **expr {
                // No kernel looks at it: it may be one that Arrow can't hold.
                Expr::Column(position) => input.columns[position].dtype.clone(),
                _ => dtype_of(expr, input, &dtypes)?,
            };
            Ok(Column { name, dtype })
        })
        .collect::<Result<Vec<_>>>()?;
    let schema = FrameSchema {
        kind,
        columns,
        index: like.index.clone(),
        ..like.clone()
    };
    let divisions = base.divisions.clone();
    let mut inputs = vec![base];
    inputs.extend(scalars);
    Ok(Node::new(
        NodeOp::Select(exprs),
        inputs,
        Some(Arc::new(schema)),
        divisions,
        prefix,
    ))
}

/// Refuses expressions that read an index which Arrow can't hold. Columns are looked at by `dtype_of`; a step may carry host
/// columns along, as long as it doesn't read them.
pub(super) fn readable(base: &Node, exprs: &[ExprRef]) -> Result<()> {
    let schema = schema_of(base)?;
    let host_index = matches!(&schema.index, IndexSchema::Levels(levels) if levels.iter().any(|level| level.dtype.is_host()));
    if host_index && exprs.iter().any(|expr| expr.reads_index()) {
        return Err(Error::not_native("an index that Arrow can't hold"));
    }
    Ok(())
}

/// Some columns, by position.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] when the rows are host chunks.
pub fn project(node: &NodeRef, positions: &[usize], kind: FrameKind) -> Result<NodeRef> {
    let view = View::of(node)?;
    let names = positions
        .iter()
        .map(|position| view.schema.columns[*position].name.clone())
        .collect();
    let exprs = positions
        .iter()
        .map(|position| view.exprs[*position].clone())
        .collect();
    view.select(exprs, names, kind, "getitem")
}

/// The values of an index level as a column.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] when the rows are host chunks.
pub fn index_values(node: &NodeRef, level: usize, kind: FrameKind) -> Result<NodeRef> {
    let view = View::of(node)?;
    let levels = view.schema.index.levels();
    let column = levels
        .get(level)
        .ok_or_else(|| Error::index(format!("the index has no level {level}")))?;
    let name = column.name.clone();
    view.select(vec![Arc::new(Expr::Index(level))], vec![name], kind, "index")
}

/// Other labels for the same columns.
///
/// # Errors
/// When the number of labels differs, or the rows are host chunks.
pub fn with_labels(node: &NodeRef, labels: Vec<Label>, axis_names: Option<Vec<Label>>) -> Result<NodeRef> {
    let mut view = View::of(node)?;
    if labels.len() != view.schema.columns.len() {
        return Err(Error::value(format!(
            "Length mismatch: Expected axis has {} elements, new values have {} elements",
            view.schema.columns.len(),
            labels.len()
        )));
    }
    if let Some(axis_names) = axis_names {
        view.schema = Arc::new(FrameSchema {
            axis_names,
            ..(*view.schema).clone()
        });
    }
    let (kind, exprs) = (view.schema.kind, view.exprs.clone());
    view.select(exprs, labels, kind, "rename")
}

/// Other names for the levels of the index.
///
/// # Errors
/// When the number of names differs, or the rows are host chunks.
pub fn with_index_names(node: &NodeRef, names: &[Label]) -> Result<NodeRef> {
    let mut view = View::of(node)?;
    let index = match (&view.schema.index, names) {
        (IndexSchema::Range { .. }, [name]) => IndexSchema::Range { name: name.clone() },
        (IndexSchema::Levels(levels), names) if levels.len() == names.len() => {
            let rename = |(level, name): (&Column, &Label)| Column {
                name: name.clone(),
                dtype: level.dtype.clone(),
            };
            IndexSchema::Levels(levels.iter().zip(names).map(rename).collect())
        }
        _ => {
            return Err(Error::value(format!(
                "Length of new names must be {}, got {}",
                view.schema.index.levels().len(),
                names.len()
            )));
        }
    };
    view.schema = Arc::new(FrameSchema {
        index,
        ..(*view.schema).clone()
    });
    let names = view
        .schema
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let (kind, exprs) = (view.schema.kind, view.exprs.clone());
    view.select(exprs, names, kind, "rename-axis")
}
