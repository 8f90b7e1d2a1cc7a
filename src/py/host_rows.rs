//! The last pass before lowering: where chunks are, or may turn out to be, pandas objects.
//!
//! Logical plans filter, assign and choose columns of any frame, as long as no expression reads a column that Arrow can't
//! hold. Here, with all columns cut that nobody needs, such a step becomes: its expressions computed natively over the native
//! columns, and a call that picks the rows (or puts the columns together) with pandas. A step of which no such column is left
//! stays native. Rows are put together, cut and limited by calls too where chunks are pandas objects.
//!
//! A function of the user may give other dtypes than was promised. What comes out is kept as it is for whoever computes it;
//! before a kernel, the columns that it reads go through a border that converts them without loss, or says what is wrong.
//!
//! Invariant: no native step is left over chunks that may be pandas objects.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::chunk::Chunk;
use crate::chunk::host::HostOutput;
use crate::error::{Error, Result};
use crate::expr::frame::{schema_of, select, with_divisions};
use crate::expr::{HostCall, Node, NodeOp, NodeRef, Repartition};
use crate::op::agg::{AggCall, AggSpec};
use crate::op::tree::{Expr, ExprRef};
use crate::opt;
use crate::py::row_calls::RowCall;
use crate::schema::{Divisions, FrameKind, FrameSchema, IndexSchema, Label};
use crate::token::Token;

/// What the chunks of a node are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Chunks {
    Native,
    /// Native, unless a function gave something else.
    Likely,
    Host,
}

/// The optimised forms of `roots`, ready to be lowered.
///
/// # Errors
/// When a rewritten node can't be built.
pub fn prepared(roots: &[NodeRef]) -> Result<Vec<NodeRef>> {
    let optimized = opt::optimize(roots)?;
    // one walk for plans of calls alone, which may be a million
    if !opt::any(&optimized, |node| is_step(node))
        || !opt::any(&optimized, |node| own(node) != Chunks::Native)
    {
        return Ok(optimized);
    }
    let order = opt::topological(&optimized);
    let mut done: HashMap<Token, (NodeRef, Chunks)> = HashMap::new();
    for node in order {
        let inputs: Vec<(NodeRef, Chunks)> = node
            .inputs
            .iter()
            .map(|input| done[&input.token].clone())
            .collect();
        let new = rewritten(&node, inputs)?;
        done.insert(node.token, new);
    }
    Ok(optimized.iter().map(|root| done[&root.token].0.clone()).collect())
}

/// Whether a node's task looks into its chunks.
fn is_step(node: &Node) -> bool {
    matches!(
        node.op,
        NodeOp::Select(_)
            | NodeOp::Filter(_)
            | NodeOp::Aggregate(_)
            | NodeOp::Repartition(_)
            | NodeOp::Limit { .. }
    )
}

/// What a node's chunks are by itself.
fn own(node: &Node) -> Chunks {
    if node.array.is_some() {
        return Chunks::Native;
    }
    let Some(schema) = &node.schema else {
        return Chunks::Host;
    };
    if schema.is_host() {
        return Chunks::Host;
    }
    match &node.op {
        NodeOp::PerPartition(call) | NodeOp::Gather(call)
            if matches!(call.output, HostOutput::Likely { .. }) =>
        {
            Chunks::Likely
        }
        NodeOp::Chunks(list) if list.chunks.iter().any(|chunk| matches!(chunk, Chunk::Host(_))) => {
            Chunks::Likely
        }
        _ => Chunks::Native,
    }
}

fn rewritten(node: &NodeRef, inputs: Vec<(NodeRef, Chunks)>) -> Result<(NodeRef, Chunks)> {
    let worst = inputs.iter().map(|input| input.1).max().unwrap_or(Chunks::Native);
    let nodes = || inputs.iter().map(|input| input.0.clone()).collect::<Vec<_>>();
    let same = |inputs: Vec<NodeRef>| {
        if inputs.iter().zip(&node.inputs).all(|(a, b)| Arc::ptr_eq(a, b)) {
            return node.clone();
        }
        let (op, divisions) = (node.op.clone(), node.divisions.clone());
        match &node.array {
            Some(array) => Node::with_array(op, inputs, array.clone(), divisions, &node.prefix),
            None => Node::new(op, inputs, node.schema.clone(), divisions, &node.prefix),
        }
    };
    Ok(match &node.op {
        NodeOp::Scan { .. }
        | NodeOp::Chunks(_)
        | NodeOp::PerPartition(_)
        | NodeOp::Gather(_)
        | NodeOp::Array(_) => (same(nodes()), own(node)),
        NodeOp::Concat | NodeOp::Partitions(_) => (same(nodes()), worst),
        NodeOp::Repartition(_) | NodeOp::Limit { .. } if worst == Chunks::Native => {
            (same(nodes()), Chunks::Native)
        }
        NodeOp::Repartition(Repartition::Merge(bounds)) => (merged(node, &inputs[0].0, bounds)?, worst),
        NodeOp::Repartition(Repartition::Split(parts)) => (cut(node, &inputs[0].0, parts)?, worst),
        NodeOp::Limit { rows, tail } => {
            let (rows, tail) = (*rows, *tail);
            (
                calling(node, RowCall::Ends { rows, tail }, vec![inputs[0].0.clone()]),
                worst,
            )
        }
        NodeOp::Select(_) | NodeOp::Filter(_) | NodeOp::Aggregate(_) => {
            let mut nodes = nodes();
            let is_filter = matches!(node.op, NodeOp::Filter(_));
            for (i, (place, input)) in nodes.iter_mut().zip(&inputs).enumerate() {
                // What reads only some columns takes just these below.
                if input.1 == Chunks::Likely && (i > 0 || is_filter) {
                    *place = border(&input.0)?;
                }
            }
            match inputs[0].1 {
                Chunks::Likely if !is_filter => over_host(node, nodes)?,
                Chunks::Host => over_host(node, nodes)?,
                _ => (same(nodes), Chunks::Native),
            }
        }
    })
}

/// A call on each partition of `inputs` in place of `node`.
fn calling(node: &Node, call: RowCall, inputs: Vec<NodeRef>) -> NodeRef {
    made(
        call,
        inputs,
        node.schema.clone(),
        node.divisions.clone(),
        &node.prefix,
    )
}

fn made(
    call: RowCall,
    inputs: Vec<NodeRef>,
    schema: Option<Arc<FrameSchema>>,
    divisions: Divisions,
    prefix: &str,
) -> NodeRef {
    let op = NodeOp::PerPartition(HostCall {
        function: Arc::new(call),
        output: HostOutput::Object,
    });
    Node::new(op, inputs, schema, divisions, prefix)
}

fn border(input: &NodeRef) -> Result<NodeRef> {
    let schema = schema_of(input)?.clone();
    Ok(calling(input, RowCall::Border(schema), vec![input.clone()]))
}

fn chosen(input: &NodeRef, positions: Vec<usize>) -> NodeRef {
    let divisions = Divisions::Unknown(positions.len());
    let op = NodeOp::Partitions(positions.into());
    Node::new(
        op,
        vec![input.clone()],
        input.schema.clone(),
        divisions,
        "partitions",
    )
}

/// All of `parts` in the place of `node`.
fn joined(node: &Node, parts: Vec<NodeRef>) -> Result<NodeRef> {
    match <[NodeRef; 1]>::try_from(parts) {
        Ok([single]) => with_divisions(&single, node.divisions.clone()),
        Err(parts) => Ok(Node::new(
            NodeOp::Concat,
            parts,
            node.schema.clone(),
            node.divisions.clone(),
            &node.prefix,
        )),
    }
}

fn merged(node: &Node, input: &NodeRef, bounds: &[usize]) -> Result<NodeRef> {
    let parts = bounds.windows(2).map(|ends| {
        let part = chosen(input, (ends[0]..ends[1]).collect());
        if ends[1] - ends[0] == 1 {
            return part;
        }
        let op = NodeOp::Gather(HostCall {
            function: Arc::new(RowCall::Concat),
            output: HostOutput::Object,
        });
        Node::new(
            op,
            vec![part],
            node.schema.clone(),
            Divisions::Unknown(1),
            &node.prefix,
        )
    });
    joined(node, parts.collect())
}

fn cut(node: &Node, input: &NodeRef, parts: &[usize]) -> Result<NodeRef> {
    let mut nodes = Vec::new();
    for (position, pieces) in parts.iter().enumerate() {
        let part = chosen(input, vec![position]);
        for piece in 0..*pieces {
            let pieces = *pieces;
            nodes.push(if pieces == 1 {
                part.clone()
            } else {
                let (inputs, divisions) = (vec![part.clone()], Divisions::Unknown(1));
                let call = RowCall::Piece { piece, pieces };
                made(call, inputs, node.schema.clone(), divisions, &node.prefix)
            });
        }
    }
    joined(node, nodes)
}

/// A native step over pandas objects.
fn over_host(node: &NodeRef, inputs: Vec<NodeRef>) -> Result<(NodeRef, Chunks)> {
    let (base, scalars) = (&inputs[0], &inputs[1..]);
    let schema = schema_of(node)?;
    match &node.op {
        NodeOp::Aggregate(spec) => {
            let keys = spec.keys.iter();
            let read = keys.chain(spec.calls.iter().filter_map(|call| call.arg.as_ref()));
            let native = Native::of(base, read, false)?;
            let new = AggSpec {
                keys: spec.keys.iter().map(|key| native.moved(key)).collect(),
                calls: spec
                    .calls
                    .iter()
                    .map(|call| AggCall {
                        op: call.op,
                        arg: call.arg.as_ref().map(|arg| native.moved(arg)),
                    })
                    .collect(),
                ..(**spec).clone()
            };
            let op = NodeOp::Aggregate(Arc::new(new));
            let mut inputs = inputs.clone();
            inputs[0] = native.node;
            let divisions = node.divisions.clone();
            let new = Node::new(op, inputs, Some(schema.clone()), divisions, &node.prefix);
            Ok((new, Chunks::Native))
        }
        NodeOp::Filter(predicate) => {
            let native = Native::of(base, [predicate], true)?;
            let (exprs, names) = (vec![native.moved(predicate)], vec![Label::None]);
            let mask = native.select(exprs, names, FrameKind::Series, scalars)?;
            Ok((
                calling(node, RowCall::Keep, vec![base.clone(), mask]),
                Chunks::Host,
            ))
        }
        NodeOp::Select(exprs) => {
            let input = schema_of(base)?;
            let taken = |expr: &ExprRef| match **expr {
                Expr::Column(position) if input.columns[position].dtype.is_host() => Some(position),
                _ => None,
            };
            let computed: Vec<&ExprRef> = exprs.iter().filter(|expr| taken(expr).is_none()).collect();
            let native = Native::of(base, computed.iter().copied(), true)?;
            let exprs_new: Vec<ExprRef> = computed.iter().map(|expr| native.moved(expr)).collect();
            if !schema.is_host() {
                let mut inputs = inputs.clone();
                inputs[0] = native.node;
                let (op, divisions) = (NodeOp::Select(exprs_new), node.divisions.clone());
                let new = Node::new(op, inputs, Some(schema.clone()), divisions, &node.prefix);
                return Ok((new, Chunks::Native));
            }
            let columns = exprs.iter().map(taken).collect();
            let mut inputs = vec![base.clone()];
            if !exprs_new.is_empty() {
                let names = vec![Label::None; exprs_new.len()];
                inputs.push(native.select(exprs_new, names, FrameKind::Frame, scalars)?);
            }
            let schema = schema.clone();
            Ok((
                calling(node, RowCall::Compose { columns, schema }, inputs),
                Chunks::Host,
            ))
        }
        _ => Err(Error::internal("a step that reads no columns")),
    }
}

/// The native columns of a host node that some expressions read, as a node of their own.
struct Native {
    node: NodeRef,
    /// Which they are.
    columns: Vec<usize>,
}

impl Native {
    /// `index` says whether what is made of it has the index of its rows.
    fn of<'a>(base: &NodeRef, read: impl IntoIterator<Item = &'a ExprRef>, index: bool) -> Result<Self> {
        let mut columns = BTreeSet::new();
        let mut reads_index = index;
        for expr in read {
            expr.columns(&mut columns);
            reads_index |= expr.reads_index();
        }
        let columns: Vec<usize> = columns.into_iter().collect();
        let schema = schema_of(base)?;
        let has_native_index = match &schema.index {
            IndexSchema::Levels(levels) => levels.iter().all(|level| !level.dtype.is_host()),
            IndexSchema::Range { .. } => true,
        };
        let narrow = FrameSchema {
            kind: FrameKind::Frame,
            columns: columns
                .iter()
                .map(|column| schema.columns[*column].clone())
                .collect(),
            ..(**schema).clone()
        };
        if narrow.columns.iter().any(|column| column.dtype.is_host()) {
            return Err(Error::internal("a kernel over a column that Arrow can't hold"));
        }
        if let NodeOp::Scan {
            source,
            columns: all,
            partitions,
            predicate: None,
        } = &base.op
            && has_native_index
        {
            let op = NodeOp::Scan {
                source: source.clone(),
                columns: columns.iter().map(|column| all[*column]).collect(),
                partitions: partitions.clone(),
                predicate: None,
            };
            let narrow = FrameSchema {
                kind: schema.kind,
                ..narrow
            };
            let divisions = base.divisions.clone();
            let node = Node::new(op, vec![], Some(Arc::new(narrow)), divisions, &base.prefix);
            return Ok(Self { node, columns });
        }
        let keeps_index = has_native_index && reads_index;
        let index = if keeps_index {
            schema.index.clone()
        } else {
            IndexSchema::range()
        };
        let narrow = Arc::new(FrameSchema {
            index,
            attrs: None,
            ..narrow
        });
        let call = RowCall::Columns {
            positions: columns.clone(),
            index: keeps_index,
            schema: narrow.clone(),
        };
        let divisions = base.divisions.clone();
        let node = made(call, vec![base.clone()], Some(narrow), divisions, "columns");
        Ok(Self { node, columns })
    }

    /// `expr` over these columns.
    fn moved(&self, expr: &ExprRef) -> ExprRef {
        expr.replace(&mut |leaf| match leaf {
            Expr::Column(position) => {
                let new = self.columns.binary_search(position).unwrap_or(*position);
                (new != *position).then(|| Expr::column(new))
            }
            _ => None,
        })
    }

    fn select(
        &self,
        exprs: Vec<ExprRef>,
        names: Vec<Label>,
        kind: FrameKind,
        scalars: &[NodeRef],
    ) -> Result<NodeRef> {
        let like = schema_of(&self.node)?.clone();
        select(
            self.node.clone(),
            exprs,
            names,
            kind,
            scalars.to_vec(),
            &like,
            "assign",
        )
    }
}
