//! Lowering: logical nodes become a flat graph of tasks.
//!
//! Covers which nodes are fused into one task, how an aggregation is cut into partial tasks, and what each task is
//! projected to need. Does not cover when tasks run (`exec`). Never calls kernels.

mod aggregate;
mod alone;
mod array;
mod chain;
mod contract;
mod done;
mod reduce;
mod reread;
mod results;
mod scan;
mod staged;

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

pub use alone::alone;
pub use results::place;

use crate::chunk::host::Surroundings;
use crate::chunk::{Scan, Source};
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::expr::{HostCall, Node, NodeOp, NodeRef, Repartition};
use crate::opt::topological;
use crate::plan::done::Done;
use crate::task::array::Compute;
use crate::task::{Task, TaskGraph, TaskId, TaskOp};
use crate::token::Token;

/// The tasks that compute all partitions of `nodes`, and how many outputs each node has. When they are to be `keyed`, the
/// graph says which keys the makers of nodes have given.
///
/// # Errors
/// When a node can't be lowered.
pub fn lower(nodes: &[NodeRef], settings: &Settings, keyed: bool) -> Result<(TaskGraph, Vec<usize>)> {
    let all = topological(nodes);
    let mut lowering = Lowering {
        again: reread::readers(&all),
        graph: TaskGraph::default(),
        settings,
        keyed,
        done: Done::default(),
        chains: HashMap::new(),
        computes: HashMap::new(),
        reads: HashMap::new(),
        copies: HashMap::new(),
        cutting: HashSet::new(),
    };
    // Inputs first, so that a long chain of calls is not walked by recursion.
    lowering.graph.tasks.reserve(all.len());
    lowering.done.reserve(all.len(), &lowering.graph);
    for node in &all {
        if node.npartitions() == 1 && matches!(node.op, NodeOp::PerPartition(_) | NodeOp::Gather(_)) {
            lowering.partition(node, 0)?;
        }
    }
    let resting = resting_places(&all);
    for node in &resting {
        for partition in 0..node.npartitions() {
            lowering.partition(node, partition)?;
        }
    }
    let mut counts = Vec::with_capacity(nodes.len());
    for node in nodes {
        for partition in 0..node.npartitions() {
            let task = lowering.partition(node, partition)?;
            lowering.graph.outputs.push(task);
        }
        counts.push(node.npartitions());
    }
    if !resting.is_empty() {
        lowering.graph.forget_unread();
    }
    Ok((lowering.graph, counts))
}

/// Nodes of long chains of arrays, in order and never far from one to the next. When they are lowered first, lowering any
/// other node doesn't go deep: it goes by recursion from a block to those that it needs. What nobody turns out to need is
/// taken out of the graph again.
fn resting_places(all: &[NodeRef]) -> Vec<NodeRef> {
    const FAR: usize = 256;
    let mut depths: HashMap<Token, usize> = HashMap::new();
    let mut places = Vec::new();
    for node in all.iter().filter(|node| node.array.is_some()) {
        let below = node.inputs.iter().filter_map(|input| depths.get(&input.token));
        let depth = below.max().map_or(0, |depth| depth + 1);
        if depth == FAR {
            places.push(node.clone());
        }
        depths.insert(node.token, depth % FAR);
    }
    places
}

/// Where the rows of a partition were read, when that is one partition of a source and not far below.
fn origin(node: &Node, mut partition: usize) -> Option<(Arc<dyn Source>, usize)> {
    const FAR: usize = 50;
    let mut node = node;
    for _ in 0..FAR {
        match &node.op {
            NodeOp::Scan {
                source, partitions, ..
            } => {
                let place = partitions.as_ref().map_or(partition, |list| list[partition]);
                return (!source.in_memory()).then(|| (source.clone(), place));
            }
            NodeOp::Partitions(list) => partition = list[partition],
            NodeOp::Select(_) | NodeOp::Filter(_) | NodeOp::Limit { .. } | NodeOp::PerPartition(_) => {
                if node.inputs.first()?.npartitions() != node.npartitions() {
                    return None;
                }
            }
            _ => return None,
        }
        node = node.inputs.first()?;
    }
    None
}

struct Lowering<'a> {
    graph: TaskGraph,
    settings: &'a Settings,
    keyed: bool,
    /// Partitions that have a task already: a common subexpression is computed once.
    done: Done,
    chains: HashMap<Token, Arc<chain::Chain>>,
    /// The expressions of nodes, each compiled once for all blocks.
    computes: HashMap<Token, Arc<Compute>>,
    /// Readers and the sources that they read anew, since there is a whole pass over them between.
    again: HashSet<(Token, Token)>,
    /// The tasks that do.
    reads: HashMap<(Token, usize), TaskId>,
    /// How nodes that only copy elements do so.
    copies: HashMap<Token, staged::Copies>,
    /// Nodes that only cut what they read, so that it need not be kept.
    cutting: HashSet<Token>,
}

impl Lowering<'_> {
    /// The task that makes a partition of `node`.
    fn partition(&mut self, node: &NodeRef, partition: usize) -> Result<TaskId> {
        if let Some(task) = self.done.get(&self.graph, node.token, partition) {
            return Ok(task);
        }
        let task = match &node.op {
            NodeOp::Chunks(list) => {
                let chunk = list
                    .chunks
                    .get(partition)
                    .ok_or_else(|| Error::internal("a missing chunk"))?;
                self.push(node, partition, TaskOp::Value(chunk.clone()), vec![], 0)
            }
            NodeOp::Scan {
                source,
                columns,
                partitions,
                ..
            } if node.schema.as_ref().is_some_and(|schema| schema.is_host()) => {
                let scan = Scan {
                    partition: partitions.as_ref().map_or(partition, |list| list[partition]),
                    columns: columns.clone(),
                    filter: None,
                    batch_rows: self.settings.batch_rows,
                };
                let projected = source.projected_bytes(&scan);
                self.push(
                    node,
                    partition,
                    TaskOp::HostScan(source.clone(), Box::new(scan)),
                    vec![],
                    projected,
                )
            }
            NodeOp::Scan { .. } | NodeOp::Select(_) | NodeOp::Filter(_) | NodeOp::Limit { .. } => {
                self.chain_partition(node, partition)?
            }
            NodeOp::Aggregate(spec) => self.aggregate(node, spec)?,
            NodeOp::PerPartition(call) => self.per_partition(node, call, partition)?,
            NodeOp::Gather(call) => self.gather(node, call)?,
            NodeOp::Concat => {
                let mut position = partition;
                let input = node.inputs.iter().find(|input| {
                    let inside = position < input.npartitions();
                    position -= if inside { 0 } else { input.npartitions() };
                    inside
                });
                let input = input.ok_or_else(|| Error::internal("a partition beyond the inputs"))?;
                self.partition(input, position)?
            }
            NodeOp::Array(op) => self.block(node, op, partition)?,
            NodeOp::Partitions(list) => self.partition(&node.inputs[0], list[partition])?,
            NodeOp::Repartition(Repartition::Merge(bounds)) => {
                let inputs = (bounds[partition]..bounds[partition + 1])
                    .map(|position| self.partition(&node.inputs[0], position))
                    .collect::<Result<Vec<_>>>()?;
                match inputs.as_slice() {
                    [single] => *single,
                    _ => self.push(node, partition, TaskOp::Concat, inputs, 0),
                }
            }
            NodeOp::Repartition(Repartition::Split(parts)) => {
                let (mut position, mut piece) = (0, partition);
                while piece >= parts[position] {
                    piece -= parts[position];
                    position += 1;
                }
                let input = self.partition(&node.inputs[0], position)?;
                if parts[position] == 1 {
                    input
                } else {
                    self.push(
                        node,
                        partition,
                        TaskOp::Piece {
                            piece,
                            pieces: parts[position],
                        },
                        vec![input],
                        0,
                    )
                }
            }
        };
        if let Some(name) = node.key.as_ref().filter(|_| self.keyed) {
            self.graph.keys.insert(task, name.clone());
        }
        self.done.insert(&self.graph, node.token, partition, task);
        Ok(task)
    }

    /// A host call on one partition of each input; inputs with one partition go to every call.
    fn per_partition(&mut self, node: &NodeRef, call: &HostCall, partition: usize) -> Result<TaskId> {
        let inputs = node
            .inputs
            .iter()
            .map(|input| self.partition(input, if input.npartitions() == 1 { 0 } else { partition }))
            .collect::<Result<Vec<_>>>()?;
        Ok(self.host(node, call, partition, inputs, None))
    }

    /// One host call on all partitions of all inputs.
    fn gather(&mut self, node: &NodeRef, call: &HostCall) -> Result<TaskId> {
        let mut inputs = Vec::new();
        for input in &node.inputs {
            for partition in 0..input.npartitions() {
                inputs.push(self.partition(input, partition)?);
            }
        }
        let single = node.inputs.iter().all(|input| input.npartitions() == 1);
        let groups = (!single).then(|| node.inputs.iter().map(|input| input.npartitions()).collect());
        Ok(self.host(node, call, 0, inputs, groups))
    }

    fn host(
        &mut self,
        node: &Node,
        call: &HostCall,
        partition: usize,
        inputs: Vec<TaskId>,
        groups: Option<Arc<[usize]>>,
    ) -> TaskId {
        let (npartitions, origin) = (node.npartitions(), origin(node, partition));
        let around = (npartitions != 1 || origin.is_some() || groups.is_some()).then(|| {
            Box::new(Surroundings {
                npartitions,
                origin,
                block: None,
                groups,
            })
        });
        self.push(
            node,
            partition,
            TaskOp::Host {
                call: call.clone(),
                around,
            },
            inputs,
            0,
        )
    }

    fn push(
        &mut self,
        node: &Node,
        partition: usize,
        op: TaskOp,
        inputs: Vec<TaskId>,
        projected: usize,
    ) -> TaskId {
        let id = self.graph.tasks.len() as TaskId;
        self.graph.tasks.push(Task {
            name: node.label(),
            partition,
            op,
            inputs,
            projected,
            cuts: self.cutting.contains(&node.token),
        });
        id
    }
}
