//! Rewriting of logical plans: an ordered list of passes, each a file, each with its reason.
//!
//! Invariant: a pass keeps what comes out of every root: rows, order, labels and dtypes.

mod fuse_array;
mod predicate;
mod project;
mod push_views;
mod reading;
mod recut;
mod share;

use std::hash::BuildHasher;

use hashbrown::hash_table::Entry;
use hashbrown::{HashMap, HashTable};

use crate::error::Result;
use crate::expr::frame::with_inputs;
use crate::expr::{Node, NodeOp, NodeRef};
use crate::token::Token;

/// The optimised forms of `roots`.
///
/// # Errors
/// When a rewritten node can't be built.
pub fn optimize(roots: &[NodeRef]) -> Result<Vec<NodeRef>> {
    let opaque = |node: &NodeRef| {
        matches!(
            node.op,
            NodeOp::PerPartition(_) | NodeOp::Gather(_) | NodeOp::Chunks(_)
        )
    };
    // Nobody can see into calls of the user's functions, of which there may be a million.
    if !any(roots, |node| !opaque(node)) {
        return Ok(roots.to_vec());
    }
    // Filters first: what they read below becomes visible to the passes that count readers.
    let roots = predicate::run(roots)?;
    // Then aggregations over the same rows are made one, while their inputs are still recognisable as the same node.
    let roots = share::run(&roots)?;
    // Columns then, when all readers are known: nothing may look at a column that was cut.
    let roots = project::run(&roots)?;
    // Views of arrays below what they look at, so that the elementwise operations that they stood between meet.
    let roots = push_views::run(&roots)?;
    // Then steps between elements vanish once nothing else reads them.
    let roots = fuse_array::run(&roots)?;
    // Last, when it is known what a reduction reads at all.
    recut::run(&roots)
}

/// `roots` without the columns that nobody reads.
///
/// # Errors
/// When a rewritten node can't be built.
pub fn narrowed(roots: &[NodeRef]) -> Result<Vec<NodeRef>> {
    project::run(roots)
}

/// Rewrites a DAG from its leaves up: `rule` sees each node once, over inputs that are rewritten already.
///
/// # Errors
/// What `rule` or a rebuilt node reports.
pub fn bottom_up(
    roots: &[NodeRef],
    rule: &mut dyn FnMut(NodeRef) -> Result<NodeRef>,
) -> Result<Vec<NodeRef>> {
    let mut done: HashMap<Token, NodeRef> = HashMap::new();
    for node in topological(roots) {
        let inputs = node
            .inputs
            .iter()
            .map(|input| done[&input.token].clone())
            .collect();
        let new = rule(with_inputs(&node, inputs)?)?;
        done.insert(node.token, new);
    }
    Ok(roots.iter().map(|root| done[&root.token].clone()).collect())
}

/// All nodes of a DAG, inputs before those that read them. Walks without recursion: chains may be long.
#[must_use]
pub fn topological(roots: &[NodeRef]) -> Vec<NodeRef> {
    let mut order = Vec::with_capacity(roots.len());
    walk(roots, &mut |node| {
        order.push(node.clone());
        false
    });
    order
}

/// Whether `wanted` holds for any node of a DAG.
pub fn any(roots: &[NodeRef], mut wanted: impl FnMut(&NodeRef) -> bool) -> bool {
    walk(roots, &mut wanted)
}

/// Shows each node of a DAG to `visit`, inputs first, until that says that it has seen enough; whether it has.
fn walk<'a>(roots: &'a [NodeRef], visit: &mut dyn FnMut(&'a NodeRef) -> bool) -> bool {
    let hasher = hashbrown::DefaultHashBuilder::default();
    let hash = |node: &&NodeRef| hasher.hash_one(node.token);
    // There may be a million nodes: what was seen is remembered by address, and told apart by token.
    let mut seen: HashTable<&'a NodeRef> = HashTable::with_capacity(roots.len());
    let mut is_new = |node: &'a NodeRef| {
        let entry = seen.entry(hash(&node), |other| other.token == node.token, hash);
        match entry {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(node);
                true
            }
        }
    };
    let mut stack: Vec<(&'a NodeRef, usize)> = Vec::new();
    for root in roots {
        if is_new(root) {
            stack.push((root, 0));
        }
        while let Some((node, next)) = stack.last_mut() {
            if let Some(input) = node.inputs.get(*next) {
                *next += 1;
                if is_new(input) {
                    stack.push((input, 0));
                }
            } else {
                if visit(node) {
                    return true;
                }
                stack.pop();
            }
        }
    }
    false
}

/// `node` with its operation and inputs exchanged, everything else as it was.
fn like(node: &Node, op: crate::expr::NodeOp, inputs: Vec<NodeRef>) -> NodeRef {
    Node::new(
        op,
        inputs,
        node.schema.clone(),
        node.divisions.clone(),
        &node.prefix,
    )
}
