//! Lowering of reductions: a partial state for each block, merged in a tree, and the result of the last one.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::expr::NodeRef;
use crate::expr::array::reduce::Reduce;
use crate::expr::array::{array_of, elementwise};
use crate::plan::Lowering;
use crate::task::TaskId;
use crate::task::TaskOp;
use crate::task::array::Compute;
use crate::task::reduce::{Finish, Partial};

/// How many states a task merges.
const FAN_IN: usize = 16;

impl Lowering<'_> {
    /// The task that makes a block of a reduction.
    pub(super) fn reduction(
        &mut self,
        node: &NodeRef,
        spec: &Arc<Reduce>,
        index: &[usize],
        number: usize,
    ) -> Result<TaskId> {
        let state = self.state(node, spec, index)?;
        let out = array_of(node)?.dtype.elem();
        let finish = Finish {
            op: spec.op,
            out: out.ok_or_else(|| Error::internal("a reduction to objects"))?,
            dropped: if spec.keepdims {
                Vec::new()
            } else {
                spec.axes.clone()
            },
        };
        Ok(self.push(
            node,
            number,
            TaskOp::FinishReduce(Box::new(finish)),
            vec![state],
            0,
        ))
    }

    /// The task that makes the state of a block of the result; several reductions may read it.
    fn state(&mut self, node: &NodeRef, spec: &Arc<Reduce>, index: &[usize]) -> Result<TaskId> {
        let counts = spec.source.numblocks();
        // the result's position along the axes that stay
        let mut fixed = Vec::with_capacity(counts.len());
        let mut kept = index.iter();
        for axis in 0..counts.len() {
            let reduced = spec.axes.contains(&axis);
            let at = if reduced && !spec.keepdims {
                None
            } else {
                kept.next()
            };
            fixed.push(if reduced { None } else { at.copied() });
        }
        let place = fixed
            .iter()
            .zip(&counts)
            .fold(0, |number, (at, count)| number * count + at.unwrap_or(0));
        let token = spec.state_token(&node.inputs);
        if let Some(task) = self.done.get(&self.graph, token, place) {
            return Ok(task);
        }
        let elems = node
            .inputs
            .iter()
            .map(elementwise::elem_of)
            .collect::<Result<_>>()?;
        let compute = Arc::new(Compute::new(spec.expr.clone(), elems));
        let total: usize = fixed
            .iter()
            .zip(&counts)
            .map(|(at, count)| if at.is_some() { 1 } else { *count })
            .product();
        let mut level = Vec::with_capacity(total);
        for flat in 0..total {
            let (mut rest, mut block) = (flat, vec![0; counts.len()]);
            for axis in (0..counts.len()).rev() {
                block[axis] = fixed[axis].unwrap_or_else(|| {
                    let at = rest % counts[axis];
                    rest /= counts[axis];
                    at
                });
            }
            level.push(self.partial(node, spec, &compute, &block)?);
        }
        while level.len() > 1 {
            let mut next = Vec::with_capacity(level.len().div_ceil(FAN_IN));
            for group in level.chunks(FAN_IN) {
                next.push(match group {
                    [single] => *single,
                    _ => self.push(node, place, TaskOp::MergeReduce(spec.state), group.to_vec(), 0),
                });
            }
            level = next;
        }
        let task = level
            .pop()
            .ok_or_else(|| Error::internal("a reduction of no blocks"))?;
        self.done.insert(&self.graph, token, place, task);
        Ok(task)
    }

    fn partial(
        &mut self,
        node: &NodeRef,
        spec: &Arc<Reduce>,
        compute: &Arc<Compute>,
        block: &[usize],
    ) -> Result<TaskId> {
        let inputs = self.aligned_blocks(node, block)?;
        let start: Option<Vec<usize>> = block
            .iter()
            .zip(&spec.source.axes)
            .map(|(i, axis)| axis.bounds(*i).map(|(start, _)| start))
            .collect();
        let number = spec.source.number(block);
        let partial = Partial {
            spec: spec.clone(),
            compute: compute.clone(),
            start: start.unwrap_or_default(),
        };
        Ok(self.push(node, number, TaskOp::PartialReduce(Arc::new(partial)), inputs, 0))
    }
}
