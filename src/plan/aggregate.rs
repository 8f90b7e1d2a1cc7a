//! Aggregations: partial tasks over ranges of partitions, merges, one finish.
//!
//! A partial task streams a contiguous range of partitions into one table, so that merging costs groups times tasks, not
//! groups times partitions. Ranges are contiguous and merged in order: `first`, `last` and the order of first appearance
//! come out right.

use std::sync::Arc;

use crate::error::Result;
use crate::expr::frame::schema_of;
use crate::expr::{NodeOp, NodeRef};
use crate::op::agg::AggSpec;
use crate::op::infer::dtype_of;
use crate::op::tree::{Expr, ExprRef};
use crate::plan::Lowering;
use crate::plan::chain::{Parts, placed};
use crate::schema::{Column, FrameKind, FrameSchema, Label};
use crate::task::pipeline::{Sink, Step};
use crate::task::{AggPlan, GroupOptions};
use crate::task::{TaskId, TaskOp};
use crate::token::Tokenize;

/// Partial tasks for each worker thread over files: enough to even out partitions of different cost.
const FILE_TASKS_PER_THREAD: usize = 4;
/// The same over memory, where partitions cost the same and a table more costs as much as the rows that fill it.
const MEMORY_TASKS_PER_THREAD: usize = 2;
/// How many partial aggregates one task merges.
const FAN_IN: usize = 16;

impl Lowering<'_> {
    pub(super) fn aggregate(&mut self, node: &NodeRef, spec: &Arc<AggSpec>) -> Result<TaskId> {
        let input = schema_of(&node.inputs[0])?.clone();
        let scalars = &node.inputs[1..];
        let scalar_dtypes = scalars
            .iter()
            .map(|scalar| Ok(schema_of(scalar)?.columns[0].dtype.clone()))
            .collect::<Result<Vec<_>>>()?;
        // keys first, each at its own place; arguments that are read more than once are computed once
        let mut exprs: Vec<ExprRef> = spec.keys.clone();
        let mut args = Vec::with_capacity(spec.calls.len());
        for call in &spec.calls {
            args.push(call.arg.as_ref().map(|arg| {
                let token = (**arg).token();
                exprs
                    .iter()
                    .position(|known| (**known).token() == token)
                    .unwrap_or_else(|| {
                        exprs.push(arg.clone());
                        exprs.len() - 1
                    })
            }));
        }
        let columns = exprs
            .iter()
            .map(|expr| {
                Ok(Column {
                    name: Label::None,
                    dtype: dtype_of(expr, &input, &scalar_dtypes)?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let keys: Vec<_> = columns[..spec.keys.len()]
            .iter()
            .map(|column| column.dtype.clone())
            .collect();
        // each argument once, however many calls read it: sums and means of one column share what they add up
        let mut arguments: Vec<usize> = args.iter().flatten().copied().collect();
        arguments.sort_unstable();
        arguments.dedup();
        let inputs: Vec<_> = arguments
            .iter()
            .map(|position| columns[*position].dtype.clone())
            .collect();
        let calls: Vec<_> = spec
            .calls
            .iter()
            .zip(&args)
            .map(|(call, arg)| {
                (
                    call.op,
                    arg.and_then(|position| arguments.binary_search(&position).ok()),
                )
            })
            .collect();
        let output = schema_of(node)?.clone();
        let options = GroupOptions {
            sort: spec.sort,
            dropna: spec.dropna,
            observed: spec.observed,
        };
        let plan = Arc::new(AggPlan::shared(&keys, &inputs, &calls, options, output)?);

        let mut parts = Parts::of(&node.inputs[0])?;
        let places = parts.place(scalars);
        let identity = exprs.len() == input.columns.len()
            && exprs
                .iter()
                .enumerate()
                .all(|(i, expr)| matches!(**expr, Expr::Column(column) if column == i));
        if !identity {
            let exprs = exprs.iter().map(|expr| placed(expr, &places)).collect();
            parts.steps.push(Step::Select {
                exprs,
                input: input.clone(),
            });
        }
        let schema = Arc::new(FrameSchema::new(FrameKind::Frame, columns, input.index.clone()));
        let sink = Sink::Aggregate {
            plan: plan.clone(),
            keys: spec.keys.len(),
            arguments,
        };
        let chain = parts.pipeline(schema, sink, self.settings.batch_rows)?;

        let count = chain.base.npartitions();
        // partitions that other tasks compute are aggregated one by one, so that they can be let go at once
        let per_thread = match &chain.base.op {
            NodeOp::Scan { source, .. } if source.in_memory() => MEMORY_TASKS_PER_THREAD,
            NodeOp::Scan { .. } => FILE_TASKS_PER_THREAD,
            NodeOp::Chunks(_) => MEMORY_TASKS_PER_THREAD,
            _ => count,
        };
        let tasks = count.min(per_thread * self.settings.threads.max(1));
        let mut states = (0..tasks)
            .map(|task| {
                self.chain_task(
                    node,
                    task,
                    &chain,
                    count * task / tasks..count * (task + 1) / tasks,
                )
            })
            .collect::<Result<Vec<_>>>()?;
        while states.len() > FAN_IN {
            states = states
                .chunks(FAN_IN)
                .enumerate()
                .map(|(i, group)| self.push(node, i, TaskOp::Merge(plan.clone()), group.to_vec(), 0))
                .collect();
        }
        Ok(self.push(node, 0, TaskOp::Finish(plan), states, 0))
    }
}
