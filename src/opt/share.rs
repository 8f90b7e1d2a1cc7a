//! Aggregations over the same rows by the same keys become one: `x.mean()` and `x.std()` read their input once.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::error::Result;
use crate::expr::frame::{schema_of, with_inputs};
use crate::expr::{Node, NodeOp, NodeRef};
use crate::op::agg::AggSpec;
use crate::op::tree::{Expr, ExprRef};
use crate::opt::topological;
use crate::schema::{Column, Divisions, FrameKind, FrameSchema, Label};
use crate::token::{Token, Tokenize, Tokenizer};

/// Aggregations that can share a pass: their specs joined, and where each one's results are.
struct Group {
    spec: AggSpec,
    columns: Vec<Column>,
    members: Vec<(Token, Vec<usize>)>,
    like: NodeRef,
}

pub(super) fn run(roots: &[NodeRef]) -> Result<Vec<NodeRef>> {
    let mut groups: HashMap<Token, Group> = HashMap::new();
    for node in topological(roots) {
        let NodeOp::Aggregate(spec) = &node.op else {
            continue;
        };
        // keys as columns would have to be told apart from results, and a scalar may depend on another member: left alone
        if !spec.as_index || node.inputs.len() > 1 {
            continue;
        }
        join(
            groups
                .entry(group_key(&node, spec))
                .or_insert_with(|| Group::empty(&node, spec)),
            &node,
            spec,
        )?;
    }
    groups.retain(|_, group| group.members.len() > 1);
    if groups.is_empty() {
        return Ok(roots.to_vec());
    }
    let mut replaced: HashMap<Token, NodeRef> = HashMap::new();
    for group in groups.into_values() {
        let index = schema_of(&group.like)?.index.clone();
        let schema = FrameSchema::new(FrameKind::Frame, group.columns, index);
        let inputs = vec![group.like.inputs[0].clone()];
        let op = NodeOp::Aggregate(Arc::new(group.spec));
        let shared = Node::new(
            op,
            inputs,
            Some(Arc::new(schema)),
            Divisions::Unknown(1),
            "aggregate",
        );
        let nodes = topological(roots);
        for (token, places) in group.members {
            let Some(node) = nodes.iter().find(|node| node.token == token) else {
                continue;
            };
            let exprs = places.into_iter().map(Expr::column).collect();
            let select = Node::new(
                NodeOp::Select(exprs),
                vec![shared.clone()],
                node.schema.clone(),
                node.divisions.clone(),
                &node.prefix,
            );
            replaced.insert(token, select);
        }
    }
    substitute(roots, &replaced)
}

/// `roots` with some nodes exchanged; what a replacement reads is rewritten too.
fn substitute(roots: &[NodeRef], replaced: &HashMap<Token, NodeRef>) -> Result<Vec<NodeRef>> {
    let mut done: HashMap<Token, NodeRef> = HashMap::new();
    for node in topological(roots) {
        let inputs: Vec<_> = node
            .inputs
            .iter()
            .map(|input| done[&input.token].clone())
            .collect();
        let new = match replaced.get(&node.token) {
            None => with_inputs(&node, inputs)?,
            // a member and the shared aggregation read the same node
            Some(select) => with_inputs(select, vec![with_inputs(&select.inputs[0], inputs)?])?,
        };
        done.insert(node.token, new);
    }
    Ok(roots.iter().map(|root| done[&root.token].clone()).collect())
}

fn group_key(node: &Node, spec: &AggSpec) -> Token {
    let mut t = Tokenizer::new();
    t.token(node.inputs[0].token);
    spec.keys.tokenize(&mut t);
    if !spec.keys.is_empty() {
        // the labels of the keys are part of the shared index
        if let Some(schema) = &node.schema {
            schema.index.levels().tokenize(&mut t);
        }
    }
    for flag in [spec.sort, spec.dropna, spec.observed] {
        t.number(u64::from(flag));
    }
    t.finish()
}

impl Group {
    fn empty(node: &NodeRef, spec: &AggSpec) -> Self {
        Self {
            spec: AggSpec {
                calls: Vec::new(),
                ..spec.clone()
            },
            columns: Vec::new(),
            members: Vec::new(),
            like: node.clone(),
        }
    }
}

fn join(group: &mut Group, node: &NodeRef, spec: &AggSpec) -> Result<()> {
    let mut members = Vec::with_capacity(spec.calls.len());
    for (call, column) in spec.calls.iter().zip(&schema_of(node)?.columns) {
        let token = |arg: &Option<ExprRef>| arg.as_ref().map(|arg| (**arg).token());
        let known = group
            .spec
            .calls
            .iter()
            .position(|other| other.op == call.op && token(&other.arg) == token(&call.arg));
        members.push(known.unwrap_or_else(|| {
            group.columns.push(Column {
                name: Label::Int(group.columns.len() as i64),
                dtype: column.dtype.clone(),
            });
            group.spec.calls.push(call.clone());
            group.spec.calls.len() - 1
        }));
    }
    group.members.push((node.token, members));
    Ok(())
}
