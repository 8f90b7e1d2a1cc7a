//! The one function that runs a task.

use std::sync::Arc;

use crate::chunk::host::CallSite;
use crate::chunk::{Chunk, FrameChunk};
use crate::error::{Context, Error, Result};
use crate::task::{Control, Task, TaskOp, pick, reduce, scan};

/// Runs `task` on its inputs, given in the order of `task.inputs`.
///
/// # Errors
/// What the task's kernel, file or function reports.
pub fn run(task: &Task, inputs: Vec<Chunk>, control: &Control) -> Result<Chunk> {
    control.check()?;
    match &task.op {
        TaskOp::Value(chunk) => Ok(chunk.clone()),
        TaskOp::Pipeline { pipeline, partitions } => pipeline.run(partitions, inputs, control),
        TaskOp::HostScan(source, scan) => source
            .host_chunk(scan)
            .context(|| format!("while reading {}", source.describe(scan.partition))),
        TaskOp::Merge(plan) => plan.merge(inputs),
        TaskOp::Finish(plan) => Ok(Chunk::Frame(Arc::new(plan.finish(inputs)?))),
        TaskOp::Host { call, around } => {
            let mut inputs = inputs.into_iter();
            let args: Vec<Vec<Chunk>> = match around.as_ref().and_then(|around| around.groups.as_ref()) {
                None => inputs.map(|input| vec![input]).collect(),
                Some(groups) => groups
                    .iter()
                    .map(|count| inputs.by_ref().take(*count).collect())
                    .collect(),
            };
            let site = CallSite::new(task.name.clone(), task.partition, around.as_deref());
            call.function.call(args, &call.output, &site)
        }
        TaskOp::ReadArray(source, region) => source
            .read(region)
            .map(|array| Chunk::Array(Arc::new(array)))
            .context(|| format!("while reading {}", source.describe(region))),
        TaskOp::Compute(compute) => compute
            .run(&inputs)
            .map(|array| Chunk::Array(Arc::new(array)))
            .context(|| format!("in block {} of {}", task.partition, task.name)),
        TaskOp::PartialReduce(partial) => partial
            .run(&inputs)
            .map(|state| Chunk::Arrays(Arc::new(state)))
            .context(|| format!("in block {} of {}", task.partition, task.name)),
        TaskOp::MergeReduce(op) => Ok(Chunk::Arrays(Arc::new(reduce::merge(*op, &inputs)?))),
        TaskOp::FinishReduce(finish) => Ok(Chunk::Array(Arc::new(finish.run(&inputs)?))),
        TaskOp::Product(product) => product
            .run(inputs)
            .map(|array| Chunk::Array(Arc::new(array)))
            .context(|| format!("in block {} of {}", task.partition, task.name)),
        TaskOp::Scan(scanner) => scanner
            .run(&inputs)
            .map(|state| Chunk::Arrays(Arc::new(state)))
            .context(|| format!("in block {} of {}", task.partition, task.name)),
        TaskOp::Part(number) => Ok(Chunk::Array(Arc::new(scan::part(&inputs, *number)?))),
        TaskOp::Pick(op) => pick::run(op, &inputs)
            .map(|array| Chunk::Array(Arc::new(array)))
            .context(|| format!("in block {} of {}", task.partition, task.name)),
        TaskOp::Gather(gather) => gather
            .run(&inputs, task.cuts)
            .map(|array| Chunk::Array(Arc::new(array)))
            .context(|| format!("in block {} of {}", task.partition, task.name)),
        TaskOp::Place(place) => place
            .run(inputs)
            .context(|| format!("in block {} of {}", task.partition, task.name)),
        TaskOp::Concat => concat(inputs),
        TaskOp::Piece { piece, pieces } => {
            let [Chunk::Frame(frame)] = inputs.as_slice() else {
                return Err(Error::not_implemented("splitting partitions of Python objects"));
            };
            let (start, end) = (frame.len() * piece / pieces, frame.len() * (piece + 1) / pieces);
            Ok(Chunk::Frame(Arc::new(frame.slice(start, end - start))))
        }
    }
}

fn frames(inputs: Vec<Chunk>) -> Result<Vec<Arc<FrameChunk>>> {
    inputs
        .into_iter()
        .map(|chunk| match chunk {
            Chunk::Frame(frame) => Ok(frame),
            _ => Err(Error::internal("joining chunks that are no frames")),
        })
        .collect()
}

/// Batches are put one after another without copying a row.
fn concat(inputs: Vec<Chunk>) -> Result<Chunk> {
    let frames = frames(inputs)?;
    let schema = frames
        .first()
        .ok_or_else(|| Error::internal("nothing to concatenate"))?
        .schema
        .clone();
    let mut batches: Vec<_> = frames
        .iter()
        .flat_map(|frame| frame.batches.iter().cloned())
        .collect();
    if batches.len() > 1 {
        let empty = batches[0].slice(0, 0);
        batches.retain(|batch| batch.len > 0);
        if batches.is_empty() {
            batches.push(empty);
        }
    }
    Ok(Chunk::Frame(Arc::new(FrameChunk::new(schema, batches)?)))
}
