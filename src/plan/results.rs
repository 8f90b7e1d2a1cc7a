//! Results written once: the blocks of an array that is asked for as a whole go to their final place as they are made.
//!
//! Covers which results are put together so, and which tasks write in place themselves; others get a task behind them that
//! copies the block while it is still in the caches. Does not cover memory (`task::place`) or making objects of it (`py`).

use std::sync::Arc;

use crate::error::Result;
use crate::expr::NodeRef;
use crate::nd::NdDtype;
use crate::task::place::{Make, Place, Target};
use crate::task::{Task, TaskGraph, TaskId, TaskOp};

/// Smaller results are put together at the end: a task for each block would cost more.
const LEAST: usize = 4 << 20;
/// So are those of smaller blocks.
const LEAST_BLOCK: usize = 4 << 10;

/// Makes the tasks of `graph`, which was lowered from `nodes` with `counts` outputs each, write their blocks to the place
/// of the whole where that is worth it. Gives the places. `fuse` when the tasks run in this process.
///
/// # Errors
/// When there is no memory for a result.
pub fn place(
    graph: &mut TaskGraph,
    nodes: &[NodeRef],
    counts: &[usize],
    fuse: bool,
) -> Result<Vec<Option<Arc<Target>>>> {
    let mut targets = Vec::with_capacity(nodes.len());
    for (node, count) in nodes.iter().zip(counts) {
        targets.push(target_of(node, *count)?);
    }
    if targets.iter().all(Option::is_none) {
        return Ok(targets);
    }
    let mut uses = vec![0_u32; graph.tasks.len()];
    let inputs = graph.tasks.iter().flat_map(|task| &task.inputs);
    for task in inputs.chain(&graph.outputs) {
        uses[*task as usize] += 1;
    }
    let mut at = 0;
    for (target, count) in targets.iter().zip(counts) {
        if let Some(target) = target {
            graph.results += target.bytes();
            for number in 0..*count {
                place_block(graph, at + number, target, number, fuse, &uses);
            }
        }
        at += count;
    }
    Ok(targets)
}

fn target_of(node: &NodeRef, count: usize) -> Result<Option<Arc<Target>>> {
    let Some(schema) = &node.array else {
        return Ok(None);
    };
    let Some(shape) = schema.grid.shape() else {
        return Ok(None);
    };
    let bytes = shape
        .iter()
        .try_fold(schema.dtype.itemsize(), |bytes, len| bytes.checked_mul(*len));
    let large = bytes.is_none_or(|bytes| bytes >= LEAST && bytes / count.max(1) >= LEAST_BLOCK);
    if schema.dtype == NdDtype::Host || count < 2 || count != schema.grid.count() || !large {
        return Ok(None);
    }
    Target::new(schema.grid.clone(), schema.dtype.clone()).map(|target| Some(Arc::new(target)))
}

/// Makes the task of an output put its block in its place, or adds one that does.
fn place_block(
    graph: &mut TaskGraph,
    output: usize,
    target: &Arc<Target>,
    number: usize,
    fuse: bool,
    uses: &[u32],
) {
    let id = graph.outputs[output];
    let alone = fuse && uses[id as usize] == 1;
    let task = &mut graph.tasks[id as usize];
    let make = match &task.op {
        TaskOp::Compute(compute) if alone => Some(Make::Compute(compute.clone())),
        TaskOp::Gather(gather) if alone => Some(Make::Gather(gather.clone())),
        _ => None,
    };
    let place = |make| {
        TaskOp::Place(Place {
            make,
            target: target.clone(),
            number,
        })
    };
    if let Some(make) = make {
        task.op = place(make);
        task.projected = 0;
        return;
    }
    let copy = Task {
        name: task.name.clone(),
        partition: task.partition,
        op: place(Make::Copy),
        inputs: vec![id],
        projected: 0,
        cuts: false,
    };
    graph.outputs[output] = graph.tasks.len() as TaskId;
    graph.tasks.push(copy);
}
