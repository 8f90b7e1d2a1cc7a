//! The wire form of plans: all nodes below a root, inputs first, each once.
//!
//! A new kind of node is added in [`NodeOp`]'s `encode` and `decode` below, with a tag of its own; whatever it holds brings its
//! own [`Wire`]. Invariant: a node read has the token of the one written, which is checked, so that an incomplete form can't
//! pass unnoticed.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::chunk::Chunk;
use crate::error::Result;
use crate::expr::array::ArraySchema;
use crate::expr::{ChunkList, HostCall, Node, NodeOp, NodeRef, Repartition};
use crate::host::HostRef;
use crate::schema::{Divisions, FrameSchema};
use crate::token::Token;
use crate::wire::{Decoder, Encoder, Magic, Wire, broken};

/// What the bytes of a plan begin with.
pub const MAGIC: Magic = *b"DUSKPLAN";

impl Wire for NodeOp {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Scan {
                source,
                columns,
                partitions,
                predicate,
            } => {
                out.tag(0);
                source.encode(out)?;
                columns.encode(out)?;
                partitions.encode(out)?;
                predicate.encode(out)
            }
            Self::Chunks(list) => {
                out.tag(1);
                list.encode(out)
            }
            Self::Select(exprs) => {
                out.tag(2);
                exprs.encode(out)
            }
            Self::Filter(predicate) => {
                out.tag(3);
                predicate.encode(out)
            }
            Self::Aggregate(spec) => {
                out.tag(4);
                spec.encode(out)
            }
            Self::PerPartition(call) => {
                out.tag(5);
                call.encode(out)
            }
            Self::Gather(call) => {
                out.tag(6);
                call.encode(out)
            }
            Self::Concat => {
                out.tag(7);
                Ok(())
            }
            Self::Repartition(Repartition::Merge(bounds)) => {
                out.tag(8);
                bounds.encode(out)
            }
            Self::Repartition(Repartition::Split(parts)) => {
                out.tag(9);
                parts.encode(out)
            }
            Self::Partitions(list) => {
                out.tag(10);
                list.encode(out)
            }
            Self::Limit { rows, tail } => {
                out.tag(11);
                rows.encode(out)?;
                tail.encode(out)
            }
            Self::Array(op) => {
                out.tag(12);
                op.encode(out)
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Scan {
                source: from.take()?,
                columns: from.take()?,
                partitions: from.take()?,
                predicate: from.take()?,
            },
            1 => Self::Chunks(from.take()?),
            2 => Self::Select(from.take()?),
            3 => Self::Filter(from.take()?),
            4 => Self::Aggregate(from.take()?),
            5 => Self::PerPartition(from.take()?),
            6 => Self::Gather(from.take()?),
            7 => Self::Concat,
            8 => Self::Repartition(Repartition::Merge(from.take()?)),
            9 => Self::Repartition(Repartition::Split(from.take()?)),
            10 => Self::Partitions(from.take()?),
            11 => Self::Limit {
                rows: from.take()?,
                tail: from.take()?,
            },
            12 => Self::Array(from.take()?),
            tag => return Err(broken(&format!("no node has number {tag}"))),
        })
    }
}

impl Wire for HostCall {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.function.encode(out)?;
        self.output.encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(Self {
            function: from.take()?,
            output: from.take()?,
        })
    }
}

impl Wire for Arc<ChunkList> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.share(self, |out| {
            self.token.encode(out)?;
            out.list(&self.chunks)
        })
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        from.share(|from| {
            let token = from.take()?;
            let chunks: Vec<Chunk> = from.list()?;
            Ok(Self::new(ChunkList { chunks, token }))
        })
    }
}

/// Writes what the roots need.
///
/// # Errors
/// When a node holds something that can't leave the process.
pub fn encode(roots: &[NodeRef], out: &mut Encoder) -> Result<()> {
    let nodes = inputs_first(roots);
    let positions: HashMap<Key<'_>, u64> = nodes.iter().map(key).zip(0..).collect();
    let position = |node: &NodeRef| positions.get(&key(node)).copied().unwrap_or(u64::MAX);
    out.number(nodes.len() as u64);
    for node in &nodes {
        node.op.encode(out)?;
        out.number(node.inputs.len() as u64);
        node.inputs.iter().for_each(|input| out.number(position(input)));
        node.schema.encode(out)?;
        node.array.encode(out)?;
        node.divisions.encode(out)?;
        node.prefix.encode(out)?;
        node.token.encode(out)?;
        node.key.encode(out)?;
    }
    out.number(roots.len() as u64);
    roots.iter().for_each(|root| out.number(position(root)));
    Ok(())
}

/// Reads the roots.
///
/// # Errors
/// [`crate::error::Kind::Value`] for bytes of something else, or when a node turns out to be another than was written.
pub fn decode(from: &mut Decoder) -> Result<Vec<NodeRef>> {
    let mut nodes: Vec<NodeRef> = Vec::new();
    for _ in 0..from.count()? {
        let op = from.take()?;
        let inputs = references(from, &nodes)?;
        let schema: Option<Arc<FrameSchema>> = from.take()?;
        let array: Option<Arc<ArraySchema>> = from.take()?;
        let divisions: Divisions = from.take()?;
        let prefix: Arc<str> = from.take()?;
        let token: Token = from.take()?;
        let key: Option<HostRef> = from.take()?;
        let mut node = Node::of_parts(op, inputs, schema, array, divisions, &prefix);
        if node.token != token && node.is_single_object() {
            // a call's maker may vouch for a token of its own
            node = Node::call(node.op.clone(), node.inputs.clone(), prefix.clone(), token, None);
        }
        if let Some(key) = key {
            node = node.keyed(Some(key));
        }
        if node.token != token {
            return Err(broken(&format!(
                "the node {prefix}-{} came out as {}; plans are read by the version of dusk that wrote them",
                token.hex(),
                node.name()
            )));
        }
        nodes.push(node);
    }
    references(from, &nodes)
}

fn references(from: &mut Decoder, nodes: &[NodeRef]) -> Result<Vec<NodeRef>> {
    let count = from.count()?;
    (0..count)
        .map(|_| {
            let node = nodes.get(from.number()? as usize).cloned();
            node.ok_or_else(|| broken("a node is missing"))
        })
        .collect()
}

/// What tells nodes apart here: two may do the same under different names.
type Key<'a> = (Token, &'a str);

fn key(node: &NodeRef) -> Key<'_> {
    (node.token, &node.prefix)
}

/// All nodes, inputs before what needs them; without recursion, since chains may be long.
fn inputs_first(roots: &[NodeRef]) -> Vec<NodeRef> {
    let mut seen = hashbrown::HashSet::new();
    let mut order = Vec::new();
    let mut stack: Vec<(&NodeRef, usize)> = Vec::new();
    for root in roots {
        if seen.insert(key(root)) {
            stack.push((root, 0));
        }
        while let Some((node, next)) = stack.last_mut() {
            if let Some(input) = node.inputs.get(*next) {
                *next += 1;
                if seen.insert(key(input)) {
                    stack.push((input, 0));
                }
            } else {
                order.push((*node).clone());
                stack.pop();
            }
        }
    }
    order
}
