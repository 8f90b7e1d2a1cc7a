//! The flat graph of tasks that a run executes.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::chunk::host::Surroundings;
use crate::chunk::{ArraySource, Chunk, Scan, Source};
use crate::expr::HostCall;
use crate::host::HostRef;
use crate::kernels::agg::AggPlan;
use crate::op::nd_pick::PickOp;
use crate::op::nd_reduce::ReduceOp;
use crate::task::array::{Compute, Gather};
use crate::task::pipeline::Pipeline;
use crate::task::place::{Make, Place};
use crate::task::product::Product;
use crate::task::reduce::{Finish, Partial};
use crate::task::scan::Scanner;
use crate::token::Name;

/// A task's position in its graph. Tasks come after their inputs.
pub type TaskId = u32;

/// What a task does.
#[derive(Clone, Debug)]
pub enum TaskOp {
    /// A chunk that is there already.
    Value(Chunk),
    /// Source or inputs, steps, sink; streamed batch by batch over these partitions of the source, one after another.
    Pipeline {
        /// What is done to the batches.
        pipeline: Arc<Pipeline>,
        /// Partitions of the source; empty when the input is chunks.
        partitions: Vec<usize>,
    },
    /// A partition of a source whose columns Arrow can't hold.
    HostScan(Arc<dyn Source>, Box<Scan>),
    /// Partial aggregates of several inputs made one.
    Merge(Arc<AggPlan>),
    /// Partial aggregates of several inputs made the result.
    Finish(Arc<AggPlan>),
    /// A host call.
    Host {
        /// The function and what comes out of it.
        call: HostCall,
        /// What it knows beside its name and partition.
        around: Option<Box<Surroundings>>,
    },
    /// A region of a source of arrays.
    ReadArray(Arc<dyn ArraySource>, Arc<[(usize, usize)]>),
    /// An expression for each element of blocks.
    Compute(Arc<Compute>),
    /// A block reduced as it is computed.
    PartialReduce(Arc<Partial>),
    /// States of a reduction made one.
    MergeReduce(ReduceOp),
    /// A state of a reduction made the result.
    FinishReduce(Box<Finish>),
    /// Products of pairs of blocks added up.
    Product(Product),
    /// A block scanned, or its total.
    Scan(Scanner),
    /// One block of a state.
    Part(usize),
    /// Elements of blocks chosen, repeated or left out.
    Pick(Arc<PickOp>),
    /// Elements of blocks put together as one block.
    Gather(Arc<Gather>),
    /// A block of a result that is put in its final place.
    Place(Place),
    /// The rows of all inputs, one after another, as one chunk.
    Concat,
    /// Rows of the one input: `piece` of `pieces` about equal parts.
    Piece {
        /// Which one.
        piece: usize,
        /// Of how many.
        pieces: usize,
    },
}

/// One task. There may be a million: what is rare and large is boxed.
#[derive(Clone, Debug)]
pub struct Task {
    /// The name of the node that it works for, as in `sum-1234...`.
    pub name: Name,
    /// The partition that it makes.
    pub partition: usize,
    /// What it does.
    pub op: TaskOp,
    /// The tasks whose results it needs, in argument order; the same one may come twice.
    pub inputs: Vec<TaskId>,
    /// Bytes that it will need at once, beyond its inputs.
    pub projected: usize,
    /// Whether it only cuts its inputs, so that they need not be kept: it should run as soon as they are there, and what it
    /// makes must not keep them alive.
    pub cuts: bool,
}

impl Task {
    /// Whether it calls the host language, so that it needs a host slot.
    #[must_use]
    pub fn is_host(&self) -> bool {
        matches!(self.op, TaskOp::Host { .. } | TaskOp::HostScan(..))
    }

    /// Whether running it again costs less than keeping its result in a file: it reads one itself.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        matches!(&self.op, TaskOp::ReadArray(source, _) if source.is_local_file())
    }

    /// What it does, in a line, for `explain`.
    #[must_use]
    pub fn describe(&self) -> String {
        let inputs = self.inputs.len();
        match &self.op {
            TaskOp::Value(_) => "a chunk in memory".to_string(),
            TaskOp::Pipeline { pipeline, partitions } => {
                let sources = partitions.len();
                let from = if sources > 0 {
                    format!("{sources} partitions of a source")
                } else {
                    format!("{inputs} chunks")
                };
                format!("{} <- {from} [native]", pipeline.describe())
            }
            TaskOp::HostScan(source, _) => format!("read {} [pandas]", source.name()),
            TaskOp::Merge(_) => format!("merge {inputs} partial aggregates [native]"),
            TaskOp::Finish(_) => format!("finish an aggregation of {inputs} parts [native]"),
            TaskOp::Host { call, .. } => {
                let tier = if call.function.is_library() {
                    "pandas"
                } else {
                    "user"
                };
                format!("{} of {inputs} chunks [{tier}]", call.function.name())
            }
            TaskOp::ReadArray(source, _) => format!("read {} [native]", source.name()),
            TaskOp::Compute(compute) => format!("{} of {inputs} blocks [native]", compute.describe()),
            TaskOp::PartialReduce(partial) => {
                format!(
                    "{} of {} over {inputs} blocks [native]",
                    partial.spec.state.name(),
                    partial.compute.describe()
                )
            }
            TaskOp::MergeReduce(op) => format!("merge {inputs} states of {} [native]", op.name()),
            TaskOp::FinishReduce(finish) => format!("{} of a state [native]", finish.op.name()),
            TaskOp::Product(product) => format!("{} [native]", product.describe(inputs)),
            TaskOp::Scan(scanner) => format!("{} of a block [native]", scanner.scan.op.name()),
            TaskOp::Part(_) => "the block of a scan [native]".to_string(),
            TaskOp::Pick(op) => format!("{} of {inputs} blocks [native]", op.name()),
            TaskOp::Gather(_) => format!("gather elements of {inputs} blocks [native]"),
            TaskOp::Place(place) => match &place.make {
                Make::Copy => "put a block in its place [native]".to_string(),
                Make::Compute(compute) => {
                    format!("{} of {inputs} blocks, in place [native]", compute.describe())
                }
                Make::Gather(_) => format!("gather elements of {inputs} blocks in place [native]"),
            },
            TaskOp::Concat => format!("concatenate {inputs} chunks [native]"),
            TaskOp::Piece { pieces, .. } => format!("one of {pieces} pieces [native]"),
        }
    }

    /// Its key for people: `(name, partition)`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("('{}', {})", self.name, self.partition)
    }
}

/// Tasks in topological order, and the ones whose results are asked for.
#[derive(Debug, Default)]
pub struct TaskGraph {
    /// All tasks; inputs have smaller positions.
    pub tasks: Vec<Task>,
    /// The tasks whose results the caller gets, in the caller's order (the same one may come twice).
    pub outputs: Vec<TaskId>,
    /// Bytes that tasks write to beside chunks: the results that are put in their final place.
    pub results: usize,
    /// Keys that the makers of nodes have given, where callbacks shall see these rather than names.
    pub keys: HashMap<TaskId, HostRef>,
}

impl TaskGraph {
    /// Takes out the tasks that no output needs.
    pub fn forget_unread(&mut self) {
        let mut read = vec![false; self.tasks.len()];
        for output in &self.outputs {
            read[*output as usize] = true;
        }
        for at in (0..self.tasks.len()).rev() {
            if read[at] {
                for input in &self.tasks[at].inputs {
                    read[*input as usize] = true;
                }
            }
        }
        if !read.contains(&false) {
            return;
        }
        let mut next: TaskId = 0;
        let places: Vec<TaskId> = read
            .iter()
            .map(|read| {
                let place = next;
                next += TaskId::from(*read);
                place
            })
            .collect();
        let mut at = 0;
        self.tasks.retain(|_| {
            at += 1;
            read[at - 1]
        });
        for task in &mut self.tasks {
            for input in &mut task.inputs {
                *input = places[*input as usize];
            }
        }
        for output in &mut self.outputs {
            *output = places[*output as usize];
        }
        let keys = std::mem::take(&mut self.keys).into_iter();
        self.keys = keys
            .filter(|(task, _)| read[*task as usize])
            .map(|(task, key)| (places[task as usize], key))
            .collect();
    }
}
