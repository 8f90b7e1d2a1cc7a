//! One partition by itself: a plan that takes along just what the partition needs of what is in memory.
//!
//! Covers frames, arrays and chunks in memory. Files are read where the plan runs. Does not cover rewriting: who calls this
//! has optimised the plan, so that columns and elements that nobody reads are gone from it.
//!
//! Invariant: nodes keep their tokens, since what is left out is never read.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::chunk::held_array::{Extent, HeldArray};
use crate::chunk::{ArraySource, Chunk, Source};
use crate::config::Settings;
use crate::error::Result;
use crate::expr::array::ArrayOp;
use crate::expr::{ChunkList, NodeOp, NodeRef};
use crate::opt::topological;
use crate::plan::lower;
use crate::task::TaskOp;
use crate::task::pipeline::Input;
use crate::token::Token;

/// What the tasks of a plan read.
#[derive(Default)]
struct Read {
    /// Partitions and columns of frames.
    frames: HashMap<Token, (BTreeSet<usize>, BTreeSet<usize>)>,
    arrays: HashMap<Token, Extent>,
    /// Partitions of nodes that hold chunks.
    chunks: HashMap<Token, BTreeSet<usize>>,
    /// What has been taken already: nodes that read one source share what travels.
    frames_taken: HashMap<Token, Option<Arc<dyn Source>>>,
    arrays_taken: HashMap<Token, Arc<dyn ArraySource>>,
}

impl Read {
    fn by(root: &NodeRef) -> Result<Self> {
        let (graph, _) = lower(std::slice::from_ref(root), &Settings::default(), false)?;
        let mut read = Self::default();
        for task in &graph.tasks {
            match &task.op {
                TaskOp::Pipeline { pipeline, partitions } => {
                    if let Input::Scan {
                        source,
                        columns,
                        predicate,
                    } = &pipeline.input
                    {
                        let (parts, wanted) = read.frames.entry(source.token()).or_default();
                        parts.extend(partitions);
                        wanted.extend(columns.iter());
                        predicate.iter().for_each(|predicate| predicate.columns(wanted));
                    }
                }
                TaskOp::HostScan(source, scan) => {
                    let (parts, wanted) = read.frames.entry(source.token()).or_default();
                    parts.insert(scan.partition);
                    wanted.extend(scan.columns.iter());
                }
                TaskOp::ReadArray(source, region) => match read.arrays.get_mut(&source.token()) {
                    Some(extent) => extent.include(region),
                    None => {
                        read.arrays.insert(source.token(), Extent::of(region));
                    }
                },
                TaskOp::Value(_) => {
                    let parts = read.chunks.entry(task.name.token()).or_default();
                    parts.insert(task.partition);
                }
                _ => {}
            }
        }
        Ok(read)
    }

    /// The part of a source that is read; `None` when it may travel as it is.
    fn frame(&mut self, source: &Arc<dyn Source>) -> Result<Option<Arc<dyn Source>>> {
        if !source.in_memory() {
            return Ok(None);
        }
        if let Some(taken) = self.frames_taken.get(&source.token()) {
            return Ok(taken.clone());
        }
        let (partitions, columns) = self.frames.get(&source.token()).cloned().unwrap_or_default();
        let partitions: Vec<usize> = partitions.into_iter().collect();
        let columns: Vec<usize> = columns.into_iter().collect();
        let taken = source.taken_along(&partitions, &columns)?;
        self.frames_taken.insert(source.token(), taken.clone());
        Ok(taken)
    }

    fn array(&mut self, source: &Arc<dyn ArraySource>) -> Result<Option<Arc<dyn ArraySource>>> {
        if !source.in_memory() {
            return Ok(None);
        }
        if let Some(taken) = self.arrays_taken.get(&source.token()) {
            return Ok(Some(taken.clone()));
        }
        let nothing = || Extent::of(&vec![(0, 0); source.shape().len()]);
        let extent = self.arrays.get(&source.token()).cloned().unwrap_or_else(nothing);
        let taken: Arc<dyn ArraySource> = Arc::new(HeldArray::of(&**source, extent)?);
        self.arrays_taken.insert(source.token(), taken.clone());
        Ok(Some(taken))
    }

    fn chunks(&self, list: &ChunkList, node: Token) -> Option<ChunkList> {
        let read = self.chunks.get(&node);
        let is_read = |position: &usize| read.is_some_and(|read| read.contains(position));
        if (0..list.chunks.len()).all(|position| is_read(&position)) {
            return None;
        }
        let chunks = list.chunks.iter().enumerate();
        let chunks = chunks.map(|(position, chunk)| {
            if is_read(&position) {
                chunk.clone()
            } else {
                Chunk::Arrays(Arc::new(Vec::new()))
            }
        });
        Some(ChunkList {
            chunks: chunks.collect(),
            token: list.token,
        })
    }
}

/// The same plan, with just what it reads of frames, arrays and chunks in memory.
///
/// # Errors
/// When the plan can't be lowered, or what is in memory can't be cut.
pub fn alone(root: &NodeRef) -> Result<NodeRef> {
    let mut read = Read::by(root)?;
    let mut done: HashMap<Token, NodeRef> = HashMap::new();
    for node in topological(std::slice::from_ref(root)) {
        let op = match &node.op {
            NodeOp::Scan {
                source,
                columns,
                partitions,
                predicate,
            } => read.frame(source)?.map(|source| NodeOp::Scan {
                source,
                columns: columns.clone(),
                partitions: partitions.clone(),
                predicate: predicate.clone(),
            }),
            NodeOp::Array(ArrayOp::Source(source)) => read
                .array(source)?
                .map(|source| NodeOp::Array(ArrayOp::Source(source))),
            NodeOp::Chunks(list) => read
                .chunks(list, node.token)
                .map(|list| NodeOp::Chunks(Arc::new(list))),
            _ => None,
        };
        let inputs: Vec<NodeRef> = node
            .inputs
            .iter()
            .map(|input| done[&input.token].clone())
            .collect();
        let same = op.is_none() && inputs.iter().zip(&node.inputs).all(|(a, b)| Arc::ptr_eq(a, b));
        let new = if same {
            node.clone()
        } else {
            node.standing_in(op.unwrap_or_else(|| node.op.clone()), inputs)
        };
        done.insert(node.token, new);
    }
    Ok(done[&root.token].clone())
}
