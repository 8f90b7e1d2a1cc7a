//! Elementwise operations on what elementwise operations made become one expression, also the one that a reduction reads,
//! so that nothing between them is held; reductions of the same elements share one state.
//!
//! A node joins the group of those that read it when they are all in one group, it is no root, and it is cut like the group
//! (what is broadcast is computed once instead). A reduction heads a group, together with those that read its state.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::error::Result;
use crate::expr::array::{ArrayOp, Reduce, array_of};
use crate::expr::frame::with_inputs;
use crate::expr::{Node, NodeOp, NodeRef};
use crate::nd::Grid;
use crate::op::nd::NdExpr;
use crate::op::nd_reduce::ReduceOp;
use crate::opt::topological;
use crate::token::{Token, Tokenizer};

/// Operations beyond which an expression isn't made longer.
const LONGEST: usize = 512;

/// The expression that a node computes for each element, and how these elements are cut.
fn elements(node: &Node) -> Option<(&Arc<NdExpr>, &Grid)> {
    match &node.op {
        NodeOp::Array(ArrayOp::Elementwise(expr)) => Some((expr, &node.array.as_ref()?.grid)),
        NodeOp::Array(ArrayOp::Reduce(spec)) => Some((&spec.expr, &spec.source)),
        _ => None,
    }
}

fn reduction(node: &Node) -> Option<&Arc<Reduce>> {
    match &node.op {
        NodeOp::Array(ArrayOp::Reduce(spec)) => Some(spec),
        _ => None,
    }
}

/// Which group a node is in: named by the node that heads it, or by the reduction whose state it keeps.
struct Groups {
    of: HashMap<Token, Token>,
    states: HashMap<Token, ReduceOp>,
}

pub(super) fn run(roots: &[NodeRef]) -> Result<Vec<NodeRef>> {
    let order = topological(roots);
    if !order.iter().any(|node| elements(node).is_some()) {
        return Ok(roots.to_vec());
    }
    let groups = groups(roots, &order);
    let mut done: HashMap<Token, NodeRef> = HashMap::new();
    for node in &order {
        let new = if elements(node).is_none() {
            let inputs = node.inputs.iter().map(|input| done[&input.token].clone());
            with_inputs(node, inputs.collect())?
        } else if reduction(node).is_none() && groups.of[&node.token] != node.token {
            continue; // written into its group's expression
        } else {
            fused(node, &groups, &done)?
        };
        done.insert(node.token, new);
    }
    Ok(roots.iter().map(|root| done[&root.token].clone()).collect())
}

fn groups(roots: &[NodeRef], order: &[NodeRef]) -> Groups {
    let rooted: HashSet<Token> = roots.iter().map(|root| root.token).collect();
    let mut readers: HashMap<Token, Vec<&NodeRef>> = HashMap::new();
    for node in order {
        for input in &node.inputs {
            readers.entry(input.token).or_default().push(node);
        }
    }
    let (mut of, states) = shared_states(order);
    let mut sizes: HashMap<Token, usize> = HashMap::new();
    for node in order.iter().rev() {
        let Some((expr, grid)) = elements(node) else {
            continue;
        };
        let size = expr.size().max(1);
        let mut group = of.get(&node.token).copied().unwrap_or(node.token);
        if reduction(node).is_none()
            && !rooted.contains(&node.token)
            && let Some(readers) = readers.get(&node.token)
        {
            let cut_alike = readers
                .iter()
                .all(|reader| elements(reader).is_some_and(|(_, cut)| cut == grid));
            let mut theirs = readers.iter().map(|reader| of.get(&reader.token).copied());
            if cut_alike
                && let Some(Some(first)) = theirs.next()
                && theirs.all(|other| other == Some(first))
                && sizes.get(&first).copied().unwrap_or(0) + size <= LONGEST
            {
                group = first;
            }
        }
        *sizes.entry(group).or_default() += size;
        of.insert(node.token, group);
    }
    Groups { of, states }
}

/// The groups of reductions of which one keeps a state that the others can read.
fn shared_states(order: &[NodeRef]) -> (HashMap<Token, Token>, HashMap<Token, ReduceOp>) {
    let mut alike: HashMap<Token, Vec<(&NodeRef, &Reduce)>> = HashMap::new();
    for node in order {
        if let Some(spec) = reduction(node) {
            let mut t = Tokenizer::new();
            spec.source_tokenize(&mut t);
            node.inputs.iter().for_each(|input| {
                t.token(input.token);
            });
            alike.entry(t.finish()).or_default().push((node, spec));
        }
    }
    let (mut of, mut states) = (HashMap::new(), HashMap::new());
    for members in alike.into_values() {
        for (node, spec) in &members {
            let provider = members
                .iter()
                .filter(|(_, other)| spec.op.reads_state_of(&other.op))
                .max_by_key(|(_, other)| {
                    members
                        .iter()
                        .filter(|(_, third)| third.op.reads_state_of(&other.op))
                        .count()
                });
            if let Some((head, provider)) = provider {
                of.insert(node.token, head.token);
                states.insert(node.token, provider.op);
            }
        }
    }
    (of, states)
}

/// The node with the expressions of its group's members written into its own.
fn fused(head: &NodeRef, groups: &Groups, done: &HashMap<Token, NodeRef>) -> Result<NodeRef> {
    let mut inputs: Vec<NodeRef> = Vec::new();
    let mut written: HashMap<Token, Arc<NdExpr>> = HashMap::new();
    let group = groups.of[&head.token];
    // members after those that they read: a walk over the group alone
    let mut stack: Vec<(NodeRef, usize)> = vec![(head.clone(), 0)];
    while let Some((node, next)) = stack.last_mut() {
        if let Some(input) = node.inputs.get(*next) {
            *next += 1;
            let inside = groups.of.get(&input.token) == Some(&group) && reduction(input).is_none();
            if inside && !written.contains_key(&input.token) {
                let input = input.clone();
                stack.push((input, 0));
            }
            continue;
        }
        let Some((node, _)) = stack.pop() else {
            break;
        };
        let Some((expr, _)) = elements(&node) else {
            continue;
        };
        let places: Vec<Arc<NdExpr>> = node
            .inputs
            .iter()
            .map(|input| {
                if let Some(expr) = written.get(&input.token) {
                    return expr.clone();
                }
                let new = &done[&input.token];
                let known = inputs.iter().position(|other| other.token == new.token);
                NdExpr::input(known.unwrap_or_else(|| {
                    inputs.push(new.clone());
                    inputs.len() - 1
                }))
            })
            .collect();
        let whole = expr.map_inputs(&mut |position| places[position].clone());
        written.insert(node.token, whole);
    }
    let expr = written[&head.token].clone();
    let op = match reduction(head) {
        None => ArrayOp::Elementwise(expr),
        Some(spec) => ArrayOp::Reduce(Arc::new(Reduce {
            expr,
            state: groups.states.get(&head.token).copied().unwrap_or(spec.state),
            ..(**spec).clone()
        })),
    };
    let schema = array_of(head)?.clone();
    let divisions = head.divisions.clone();
    Ok(Node::with_array(
        NodeOp::Array(op),
        inputs,
        schema,
        divisions,
        &head.prefix,
    ))
}
