//! Builders of frame nodes: each computes schema and divisions, and refuses with [`Kind::NotNative`] what no kernel does.
//!
//! A column expression is always held relative to the node that made the rows (its *base*): `df.x + 1` is one `Select` on
//! `df`, and `df[df.x > 5]` is a `Filter` on what `df` selects from. So filters stand below projections and assignments by
//! construction, and two operands have the same rows exactly when their bases are the same node.
//!
//! [`Kind::NotNative`]: crate::error::Kind::NotNative

use std::sync::Arc;

use crate::chunk::Source;
use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Kind, Result};
use crate::expr::{Node, NodeOp, NodeRef, Repartition};
use crate::op::agg::{AggCall, AggOp, AggSpec};
use crate::op::infer::dtype_of;
use crate::op::scalar::ScalarOp;
use crate::op::tree::{Expr, ExprRef};
use crate::scalar::Literal;
use crate::schema::{Column, Divisions, FrameKind, FrameSchema, IndexSchema, Label};

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
    fn absorb(&mut self, other: &Self) -> Vec<ExprRef> {
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
    fn scalar(&mut self, node: &NodeRef) -> usize {
        self.scalars
            .iter()
            .position(|known| known.token == node.token)
            .unwrap_or_else(|| {
                self.scalars.push(node.clone());
                self.scalars.len() - 1
            })
    }

    /// A `Select` of `exprs` under these labels.
    fn select(
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

fn scalar_dtypes(scalars: &[NodeRef]) -> Result<Vec<Dtype>> {
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
            Ok(Column {
                name,
                dtype: dtype_of(expr, input, &dtypes)?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let schema = FrameSchema {
        kind,
        columns,
        index: like.index.clone(),
        ..like.clone()
    };
    if schema.is_host() && !matches!(base.op, NodeOp::Scan { .. }) {
        return Err(Error::not_native("columns that Arrow can't hold"));
    }
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

/// Refuses expressions over a base whose chunks will be host chunks. A scan delivers its native columns natively.
fn readable(base: &Node, exprs: &[ExprRef]) -> Result<()> {
    let schema = schema_of(base)?;
    if !schema.is_host() {
        return Ok(());
    }
    let host_index = matches!(&schema.index, IndexSchema::Levels(levels) if levels.iter().any(|level| level.dtype.is_host()));
    let mut columns = std::collections::BTreeSet::new();
    exprs.iter().for_each(|expr| expr.columns(&mut columns));
    let host_column = columns
        .iter()
        .any(|position| schema.columns[*position].dtype.is_host());
    if host_index || host_column || !matches!(base.op, NodeOp::Scan { .. }) {
        return Err(Error::not_native("columns that Arrow can't hold"));
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
    let kind_of = |node: &NodeRef| Ok::<_, Error>(schema_of(node)?.kind);
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

fn aggregate_schema(
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
            Ok(Column {
                name,
                dtype: dtype_of(key, input, &dtypes)?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
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
    Ok(Node::new(
        NodeOp::Concat,
        nodes.to_vec(),
        Some(schema),
        divisions,
        "concat",
    ))
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
    Ok(Node::new(
        op,
        vec![node.clone()],
        node.schema.clone(),
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

fn rebuilt(node: &NodeRef, inputs: Vec<NodeRef>) -> Result<NodeRef> {
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
            select(
                base,
                exprs.clone(),
                labels()?,
                old.kind,
                scalars,
                old,
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
        NodeOp::Partitions(_) | NodeOp::Repartition(_) | NodeOp::Limit { .. } => {
            let schema = inputs[0].schema.clone();
            make(schema, inputs)
        }
        NodeOp::PerPartition(_) | NodeOp::Gather(_) | NodeOp::Scan { .. } | NodeOp::Chunks(_) => {
            make(node.schema.clone(), inputs)
        }
    })
}
