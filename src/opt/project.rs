//! Columns that nobody reads are not computed, and not read from files.
//!
//! Two walks: from the roots down, collecting which columns of each node are read; then from the leaves up, rebuilding each
//! node with just those. A node that is read by several others keeps the union.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::error::Result;
use crate::expr::frame::{schema_of, with_inputs};
use crate::expr::{Node, NodeOp, NodeRef};
use crate::op::agg::{AggCall, AggSpec};
use crate::op::tree::{Expr, ExprRef};
use crate::opt::topological;
use crate::schema::{Column, FrameSchema};
use crate::token::Token;

/// A rebuilt node and which of the old columns it still has, ascending.
struct Kept {
    node: NodeRef,
    columns: Vec<usize>,
}

pub(super) fn run(roots: &[NodeRef]) -> Result<Vec<NodeRef>> {
    let order = topological(roots);
    let wanted = wanted(roots, &order);
    let mut done: HashMap<Token, Kept> = HashMap::new();
    for node in &order {
        let kept = rebuild(node, wanted.get(&node.token), &done)?;
        done.insert(node.token, kept);
    }
    Ok(roots.iter().map(|root| done[&root.token].node.clone()).collect())
}

fn width(node: &Node) -> usize {
    node.schema.as_ref().map_or(0, |schema| schema.columns.len())
}

fn wanted(roots: &[NodeRef], order: &[NodeRef]) -> HashMap<Token, BTreeSet<usize>> {
    let mut wanted: HashMap<Token, BTreeSet<usize>> = HashMap::new();
    for root in roots {
        wanted.entry(root.token).or_default().extend(0..width(root));
    }
    for node in order.iter().rev() {
        let mine = wanted.get(&node.token).cloned().unwrap_or_default();
        match &node.op {
            NodeOp::Concat => {
                for input in &node.inputs {
                    wanted.entry(input.token).or_default().extend(&mine);
                }
                continue;
            }
            NodeOp::PerPartition(_) | NodeOp::Gather(_) | NodeOp::Array(_) => {
                for input in &node.inputs {
                    wanted.entry(input.token).or_default().extend(0..width(input));
                }
                continue;
            }
            NodeOp::Scan { .. } | NodeOp::Chunks(_) => continue,
            _ => {}
        }
        let first = read(node, &mine);
        wanted.entry(node.inputs[0].token).or_default().extend(first);
        for scalar in &node.inputs[1..] {
            wanted.entry(scalar.token).or_default().insert(0);
        }
    }
    wanted
}

/// The columns of its first input that a native node reads to give its columns `mine`.
fn read(node: &Node, mine: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut first = BTreeSet::new();
    match &node.op {
        NodeOp::Select(exprs) => mine
            .iter()
            .for_each(|position| exprs[*position].columns(&mut first)),
        NodeOp::Filter(predicate) => {
            first.extend(mine);
            predicate.columns(&mut first);
        }
        NodeOp::Aggregate(spec) => {
            spec.keys.iter().for_each(|key| key.columns(&mut first));
            for (position, call) in spec.calls.iter().enumerate() {
                if keeps(spec, mine, position)
                    && let Some(arg) = &call.arg
                {
                    arg.columns(&mut first);
                }
            }
        }
        _ => first.extend(mine),
    }
    first
}

/// Whether a call of an aggregation is read. Keys that are columns shift the results, so then all are kept.
fn keeps(spec: &AggSpec, wanted: &BTreeSet<usize>, call: usize) -> bool {
    (!spec.as_index && !spec.keys.is_empty()) || wanted.contains(&call)
}

fn moved(expr: &ExprRef, kept: &[usize]) -> ExprRef {
    expr.replace(&mut |leaf| match leaf {
        Expr::Column(position) => {
            let new = kept
                .binary_search(position)
                .unwrap_or_else(|_| unreachable!("a column that is read was cut"));
            (new != *position).then(|| Expr::column(new))
        }
        _ => None,
    })
}

fn narrowed(schema: &Arc<FrameSchema>, columns: &[usize]) -> Arc<FrameSchema> {
    if columns.len() == schema.columns.len() {
        return schema.clone();
    }
    let columns: Vec<Column> = columns
        .iter()
        .map(|position| schema.columns[*position].clone())
        .collect();
    Arc::new(FrameSchema {
        columns,
        ..(**schema).clone()
    })
}

fn rebuild(node: &NodeRef, wanted: Option<&BTreeSet<usize>>, done: &HashMap<Token, Kept>) -> Result<Kept> {
    let mine: Vec<usize> = wanted.into_iter().flatten().copied().collect();
    let mut inputs: Vec<NodeRef> = node
        .inputs
        .iter()
        .map(|input| done[&input.token].node.clone())
        .collect();
    let own = native_scan(node, wanted, done)?;
    if let Some(own) = &own {
        inputs[0] = own.node.clone();
    }
    let below = own
        .as_ref()
        .or_else(|| node.inputs.first().map(|input| &done[&input.token]))
        .map_or(&[][..], |input| input.columns.as_slice());
    let make = |op, schema, inputs| Node::new(op, inputs, schema, node.divisions.clone(), &node.prefix);
    let all = || (0..width(node)).collect::<Vec<_>>();
    Ok(match &node.op {
        NodeOp::Scan {
            source,
            columns,
            partitions,
            predicate,
        } => {
            let schema = narrowed(schema_of(node)?, &mine);
            let op = NodeOp::Scan {
                source: source.clone(),
                columns: mine.iter().map(|position| columns[*position]).collect(),
                partitions: partitions.clone(),
                predicate: predicate.clone(),
            };
            Kept {
                node: make(op, Some(schema), inputs),
                columns: mine,
            }
        }
        NodeOp::Select(exprs) => {
            let schema = narrowed(schema_of(node)?, &mine);
            let exprs = mine
                .iter()
                .map(|position| moved(&exprs[*position], below))
                .collect();
            Kept {
                node: make(NodeOp::Select(exprs), Some(schema), inputs),
                columns: mine,
            }
        }
        NodeOp::Filter(predicate) => {
            let schema = narrowed(schema_of(node)?, below);
            let op = NodeOp::Filter(moved(predicate, below));
            Kept {
                node: make(op, Some(schema), inputs),
                columns: below.to_vec(),
            }
        }
        NodeOp::Aggregate(spec) => {
            let chosen: BTreeSet<usize> = mine.iter().copied().collect();
            let calls: Vec<usize> = (0..spec.calls.len())
                .filter(|call| keeps(spec, &chosen, *call))
                .collect();
            let columns = if calls.len() == spec.calls.len() {
                all()
            } else {
                calls.clone()
            };
            let new = AggSpec {
                keys: spec.keys.iter().map(|key| moved(key, below)).collect(),
                calls: calls
                    .iter()
                    .map(|call| &spec.calls[*call])
                    .map(|call| AggCall {
                        op: call.op,
                        arg: call.arg.as_ref().map(|arg| moved(arg, below)),
                    })
                    .collect(),
                ..(**spec).clone()
            };
            let schema = narrowed(schema_of(node)?, &columns);
            Kept {
                node: make(NodeOp::Aggregate(Arc::new(new)), Some(schema), inputs),
                columns,
            }
        }
        NodeOp::Concat => {
            // inputs may keep different columns (chunks keep all): cut each to what is read here
            let inputs = node
                .inputs
                .iter()
                .map(|input| cut(&done[&input.token], &mine))
                .collect::<Result<_>>()?;
            Kept {
                node: make(NodeOp::Concat, Some(narrowed(schema_of(node)?, &mine)), inputs),
                columns: mine,
            }
        }
        NodeOp::Partitions(_) | NodeOp::Repartition(_) | NodeOp::Limit { .. } => {
            let schema = node.schema.as_ref().map(|schema| narrowed(schema, below));
            Kept {
                node: make(node.op.clone(), schema, inputs),
                columns: below.to_vec(),
            }
        }
        NodeOp::PerPartition(_) | NodeOp::Gather(_) | NodeOp::Array(_) => {
            // a function sees the columns that it was given, in their order, even when a source keeps fewer for others
            let inputs = node
                .inputs
                .iter()
                .map(|input| cut(&done[&input.token], &(0..width(input)).collect::<Vec<_>>()))
                .collect::<Result<Vec<_>>>()?;
            Kept {
                // one that reads what it read before stays itself: its name is known to those who follow the run
                node: with_inputs(node, inputs)?,
                columns: all(),
            }
        }
        NodeOp::Chunks(_) => Kept {
            node: node.clone(),
            columns: all(),
        },
    })
}

/// A scan of its own for a native node that reads only columns which Arrow holds, of a scan that other nodes want host
/// columns of: together they would get pandas objects, which no kernel reads.
fn native_scan(
    node: &NodeRef,
    wanted: Option<&BTreeSet<usize>>,
    done: &HashMap<Token, Kept>,
) -> Result<Option<Kept>> {
    if !matches!(
        node.op,
        NodeOp::Select(_) | NodeOp::Filter(_) | NodeOp::Aggregate(_)
    ) {
        return Ok(None);
    }
    let shared = &done[&node.inputs[0].token];
    let NodeOp::Scan {
        source,
        columns,
        partitions,
        predicate,
    } = &shared.node.op
    else {
        return Ok(None);
    };
    let schema = schema_of(&shared.node)?;
    let nothing = BTreeSet::new();
    let mine: Vec<usize> = read(node, wanted.unwrap_or(&nothing))
        .into_iter()
        .filter(|column| shared.columns.binary_search(column).is_ok())
        .collect();
    let places: Vec<usize> = mine
        .iter()
        .filter_map(|column| shared.columns.binary_search(column).ok())
        .collect();
    let narrow = narrowed(schema, &places);
    if !schema.is_host() || narrow.is_host() {
        return Ok(None);
    }
    let op = NodeOp::Scan {
        source: source.clone(),
        columns: places.iter().map(|place| columns[*place]).collect(),
        partitions: partitions.clone(),
        predicate: predicate.clone(),
    };
    let divisions = shared.node.divisions.clone();
    Ok(Some(Kept {
        node: Node::new(op, vec![], Some(narrow), divisions, &shared.node.prefix),
        columns: mine,
    }))
}

/// Just these columns of a rebuilt node.
fn cut(kept: &Kept, columns: &[usize]) -> Result<NodeRef> {
    if kept.columns == columns {
        return Ok(kept.node.clone());
    }
    let schema = schema_of(&kept.node)?;
    let places: Vec<usize> = columns
        .iter()
        .filter_map(|column| kept.columns.binary_search(column).ok())
        .collect();
    let exprs = places.iter().map(|place| Expr::column(*place)).collect();
    let schema = narrowed(schema, &places);
    let divisions = kept.node.divisions.clone();
    Ok(Node::new(
        NodeOp::Select(exprs),
        vec![kept.node.clone()],
        Some(schema),
        divisions,
        "getitem",
    ))
}
