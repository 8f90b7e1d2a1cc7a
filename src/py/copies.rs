//! Copies of plans, for `dusk.graph_manipulation`: the same steps over other beginnings.
//!
//! A beginning is a node without inputs, or one all of whose inputs are to stay as they are. Everything above beginnings
//! that were exchanged is built anew, node by node, so that a copy is a plan as any other.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use pyo3::prelude::*;

use crate::chunk::copied::{Copied, copied_token};
use crate::error::Result;
use crate::expr::array::{ArrayOp, BlockCall, Blocks};
use crate::expr::frame::with_inputs;
use crate::expr::{ChunkList, HostCall, Node, NodeOp, NodeRef};
use crate::opt::topological;
use crate::py::error::to_pyerr;
use crate::py::host::PyHostFn;
use crate::py::node::PyNode;
use crate::token::{Token, Tokenizer};

/// Which nodes stay as they are: these, and what only they need is never looked at.
fn tokens(nodes: &[Bound<'_, PyNode>]) -> HashSet<Token> {
    nodes.iter().map(|node| node.get().0.token).collect()
}

fn refs(nodes: &[Bound<'_, PyNode>]) -> Vec<NodeRef> {
    nodes.iter().map(|node| node.get().0.clone()).collect()
}

/// The beginnings of plans.
#[pyfunction]
pub fn beginnings(roots: Vec<Bound<'_, PyNode>>, kept: Vec<Bound<'_, PyNode>>) -> Vec<PyNode> {
    let kept = tokens(&kept);
    // what stays is not looked into, unless something else needs what is below it
    let mut reached: HashSet<Token> = HashSet::new();
    let mut found = Vec::new();
    let all = topological(&refs(&roots));
    reached.extend(roots.iter().map(|root| root.get().0.token));
    for node in all.iter().rev() {
        if !reached.contains(&node.token) || kept.contains(&node.token) {
            continue;
        }
        reached.extend(node.inputs.iter().map(|input| input.token));
        if node.inputs.iter().all(|input| kept.contains(&input.token)) {
            found.push(PyNode(node.clone()));
        }
    }
    found.reverse();
    found
}

/// A node that does the same by itself, under another token; `None` when there is nothing in it that could have one.
#[pyfunction]
pub fn copied(node: &Bound<'_, PyNode>, seed: &str) -> Option<PyNode> {
    let node = &node.get().0;
    let seed = Tokenizer::new().text(seed).finish();
    let other_call = |call: &HostCall| -> Option<HostCall> {
        let function = call.function.as_any().downcast_ref::<PyHostFn>()?;
        Some(HostCall {
            function: Arc::new(function.copied(copied_token(call.function.token(), seed))),
            output: call.output.clone(),
        })
    };
    let op = match &node.op {
        NodeOp::PerPartition(_) | NodeOp::Gather(_) if node.is_single_object() => {
            let (inputs, word) = (node.inputs.clone(), node.prefix.clone());
            let token = copied_token(node.token, seed);
            return Some(PyNode(Node::call(node.op.clone(), inputs, word, token, None)));
        }
        NodeOp::PerPartition(call) => NodeOp::PerPartition(other_call(call)?),
        NodeOp::Gather(call) => NodeOp::Gather(other_call(call)?),
        NodeOp::Scan {
            source,
            columns,
            partitions,
            predicate,
        } => NodeOp::Scan {
            source: Arc::new(Copied::new(source.clone(), seed)),
            columns: columns.clone(),
            partitions: partitions.clone(),
            predicate: predicate.clone(),
        },
        NodeOp::Array(ArrayOp::Source(source)) => {
            NodeOp::Array(ArrayOp::Source(Arc::new(Copied::new(source.clone(), seed))))
        }
        NodeOp::Array(ArrayOp::Blocks(blocks)) => {
            let BlockCall::Host(call) = &blocks.call else {
                return None;
            };
            NodeOp::Array(ArrayOp::Blocks(Arc::new(Blocks {
                call: BlockCall::Host(other_call(call)?),
                picks: blocks.picks.clone(),
            })))
        }
        NodeOp::Chunks(list) => NodeOp::Chunks(Arc::new(ChunkList {
            chunks: list.chunks.clone(),
            token: copied_token(list.token, seed),
        })),
        _ => return None,
    };
    Some(PyNode(node.with_op(op)))
}

/// What a node reads.
#[pyfunction]
pub fn inputs_of(node: &Bound<'_, PyNode>) -> Vec<PyNode> {
    node.get().0.inputs.iter().cloned().map(PyNode).collect()
}

/// Plans over other beginnings: each of `old` is exchanged for the one of `new` at its place.
#[pyfunction]
pub fn exchanged(
    py: Python<'_>,
    roots: Vec<Bound<'_, PyNode>>,
    old: Vec<Bound<'_, PyNode>>,
    new: Vec<Bound<'_, PyNode>>,
    kept: Vec<Bound<'_, PyNode>>,
) -> PyResult<Vec<PyNode>> {
    let (roots, old, new, kept) = (refs(&roots), refs(&old), refs(&new), tokens(&kept));
    let rebuild = || -> Result<Vec<NodeRef>> {
        let old = old.iter().map(|node| node.token);
        let mut done: HashMap<Token, NodeRef> = old.zip(new).collect();
        for node in topological(&roots) {
            if done.contains_key(&node.token) {
                continue;
            }
            let made = if kept.contains(&node.token) {
                node.clone()
            } else {
                let inputs = node.inputs.iter().map(|input| done[&input.token].clone());
                let made = with_inputs(&node, inputs.collect())?;
                // a key that the caller gave is the original's
                if made.key.is_some() && !Arc::ptr_eq(&made, &node) {
                    made.keyed(None)
                } else {
                    made
                }
            };
            done.insert(node.token, made);
        }
        Ok(roots.iter().map(|root| done[&root.token].clone()).collect())
    };
    let nodes = py.detach(rebuild).map_err(|error| to_pyerr(py, &error))?;
    Ok(nodes.into_iter().map(PyNode).collect())
}
