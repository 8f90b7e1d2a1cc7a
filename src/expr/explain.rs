//! The plan as text: one line a node, what it does to what, and who does it: a native kernel, pandas, or a user's function.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::expr::array::{self, ArrayOp, BlockCall};
use crate::expr::{Node, NodeOp, NodeRef, Repartition};
use crate::op::tree::Named;
use crate::schema::FrameSchema;

/// Who does the work of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// A kernel of the engine.
    Native,
    /// pandas or NumPy, applied chunk by chunk by dusk.
    Library,
    /// A function of the user.
    User,
}

impl Tier {
    /// Its word in plans and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Library => "pandas",
            Self::User => "user",
        }
    }
}

impl Node {
    /// Who does the work of this node.
    #[must_use]
    pub fn tier(&self) -> Tier {
        match &self.op {
            NodeOp::Array(ArrayOp::Blocks(blocks)) => match &blocks.call {
                BlockCall::Host(call) if call.function.is_library() => Tier::Library,
                BlockCall::Host(_) => Tier::User,
                BlockCall::Pick(_) => Tier::Native,
            },
            NodeOp::PerPartition(call) | NodeOp::Gather(call) => {
                if call.function.is_library() {
                    Tier::Library
                } else {
                    Tier::User
                }
            }
            NodeOp::Scan { source, .. } if source.by_host() => Tier::Library,
            _ => Tier::Native,
        }
    }
}

/// How many nodes of each tier are below and including `node`, each node counted once.
#[must_use]
pub fn tier_counts(roots: &[NodeRef]) -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<_, _> = [Tier::Native, Tier::Library, Tier::User]
        .into_iter()
        .map(|tier| (tier.name(), 0))
        .collect();
    let mut seen = hashbrown::HashSet::new();
    // no recursion: chains may be long
    let mut stack: Vec<&NodeRef> = roots.iter().collect();
    while let Some(node) = stack.pop() {
        if seen.insert(node.token) {
            *counts.entry(node.tier().name()).or_default() += 1;
            stack.extend(&node.inputs);
        }
    }
    counts
}

/// The plan below `node`. A part that several nodes share is written out once; later it is a line that says so.
#[must_use]
pub fn explain(node: &NodeRef) -> String {
    // Deeper than this, lines say how deep they are instead.
    const INDENTED: usize = 100;
    let mut text = String::new();
    let mut seen = hashbrown::HashSet::new();
    let mut stack = vec![(node, 0)];
    while let Some((node, depth)) = stack.pop() {
        let partitions = node.npartitions();
        let deep = if depth > INDENTED {
            format!("{depth}: ")
        } else {
            String::new()
        };
        let again = !seen.insert(node.token) && !node.inputs.is_empty();
        let _ = writeln!(
            text,
            "{:indent$}{deep}{} [{}] {partitions} partition{}{}",
            "",
            describe(node),
            node.tier().name(),
            if partitions == 1 { "" } else { "s" },
            if again { " (as above)" } else { "" },
            indent = depth.min(INDENTED) * 2
        );
        if !again {
            stack.extend(node.inputs.iter().rev().map(|input| (input, depth + 1)));
        }
    }
    text
}

fn names(schema: &FrameSchema) -> impl Fn(usize) -> String + '_ {
    |position| {
        schema
            .columns
            .get(position)
            .map_or_else(|| format!("column {position}"), |column| column.name.to_string())
    }
}

/// What a node does, in a line.
#[must_use]
pub fn describe(node: &Node) -> String {
    let empty = FrameSchema::new(
        crate::schema::FrameKind::Frame,
        Vec::new(),
        crate::schema::IndexSchema::range(),
    );
    let own = node.schema.as_deref().unwrap_or(&empty);
    let input = node
        .inputs
        .first()
        .and_then(|input| input.schema.as_deref())
        .unwrap_or(&empty);
    match &node.op {
        NodeOp::Scan {
            source,
            columns,
            predicate,
            ..
        } => {
            let schema = source.schema();
            let name = names(&schema);
            let list: Vec<_> = columns.iter().map(|column| name(*column)).collect();
            let filter = predicate
                .as_ref()
                .map_or_else(String::new, |p| format!(" where {}", Named(p, &name)));
            format!("Scan {} columns=[{}]{filter}", source.name(), list.join(", "))
        }
        NodeOp::Chunks(_) => "Chunks in memory".to_string(),
        NodeOp::Select(exprs) => {
            let name = names(input);
            let list: Vec<_> = exprs
                .iter()
                .zip(&own.columns)
                .map(|(expr, column)| {
                    let text = Named(expr, &name).to_string();
                    if text == column.name.to_string() {
                        text
                    } else {
                        format!("{} = {text}", column.name)
                    }
                })
                .collect();
            format!("Select {}", list.join(", "))
        }
        NodeOp::Filter(predicate) => format!("Filter {}", Named(predicate, &names(input))),
        NodeOp::Aggregate(spec) => {
            let name = names(input);
            let calls: Vec<_> = spec
                .calls
                .iter()
                .map(|call| match &call.arg {
                    Some(arg) => format!("{}({})", call.op.name(), Named(arg, &name)),
                    None => call.op.name().to_string(),
                })
                .collect();
            if spec.keys.is_empty() {
                return format!("Reduce {}", calls.join(", "));
            }
            let keys: Vec<_> = spec
                .keys
                .iter()
                .map(|key| Named(key, &name).to_string())
                .collect();
            format!("GroupBy [{}] {}", keys.join(", "), calls.join(", "))
        }
        NodeOp::PerPartition(call) => format!("PerPartition {}", call.function.name()),
        NodeOp::Gather(call) => format!("Gather {}", call.function.name()),
        NodeOp::Concat => "Concat".to_string(),
        NodeOp::Repartition(Repartition::Merge(_)) => "Repartition (merge)".to_string(),
        NodeOp::Repartition(Repartition::Split(_)) => "Repartition (split)".to_string(),
        NodeOp::Partitions(list) => format!("Partitions {list:?}"),
        NodeOp::Array(op) => array::describe(op),
        NodeOp::Limit { rows, tail } => format!("{} {rows}", if *tail { "Tail" } else { "Head" }),
    }
}
