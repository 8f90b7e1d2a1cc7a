//! Fusion: a run of selects and filters over a scan, or over chunks, becomes the steps of one pipeline.

use std::sync::Arc;

use crate::chunk::Scan;
use crate::error::Result;
use crate::expr::frame::schema_of;
use crate::expr::{NodeOp, NodeRef};
use crate::op::tree::{Expr, ExprRef};
use crate::plan::Lowering;
use crate::schema::FrameSchema;
use crate::task::pipeline::{Input, Pipeline, Sink, Step};
use crate::task::{TaskId, TaskOp};

/// The fused part below a node.
pub struct Chain {
    /// The node whose partitions feed it; its scan is part of the pipeline when it is one.
    pub base: NodeRef,
    /// The scalars that its expressions read, in the order of `Expr::Input`.
    pub scalars: Vec<NodeRef>,
    /// The pipeline that collects its rows.
    pub pipeline: Arc<Pipeline>,
}

/// The parts of a pipeline before a sink is chosen.
pub struct Parts {
    pub base: NodeRef,
    pub scalars: Vec<NodeRef>,
    pub steps: Vec<Step>,
}

impl Parts {
    /// The selects and filters from `node` down to what is no select or filter.
    pub fn of(node: &NodeRef) -> Result<Self> {
        let mut parts = match &node.op {
            NodeOp::Select(_) | NodeOp::Filter(_) => Self::of(&node.inputs[0])?,
            _ => {
                return Ok(Self {
                    base: node.clone(),
                    scalars: Vec::new(),
                    steps: Vec::new(),
                });
            }
        };
        let input = schema_of(&node.inputs[0])?.clone();
        let places = parts.place(&node.inputs[1..]);
        parts.steps.push(match &node.op {
            NodeOp::Select(exprs) => Step::Select {
                exprs: exprs.iter().map(|expr| placed(expr, &places)).collect(),
                input,
            },
            NodeOp::Filter(predicate) => Step::Filter {
                predicate: placed(predicate, &places),
                input,
            },
            _ => unreachable!("only selects and filters are walked"),
        });
        Ok(parts)
    }

    /// The positions of `scalars` among the pipeline's, added where new.
    pub fn place(&mut self, scalars: &[NodeRef]) -> Vec<usize> {
        scalars
            .iter()
            .map(|scalar| {
                self.scalars
                    .iter()
                    .position(|known| known.token == scalar.token)
                    .unwrap_or_else(|| {
                        self.scalars.push(scalar.clone());
                        self.scalars.len() - 1
                    })
            })
            .collect()
    }

    /// The pipeline that ends in `sink`.
    pub fn pipeline(self, schema: Arc<FrameSchema>, sink: Sink, batch_rows: usize) -> Result<Chain> {
        let input_schema = schema_of(&self.base)?.clone();
        let input = match &self.base.op {
            NodeOp::Scan {
                source,
                columns,
                predicate,
                ..
            } => Input::Scan {
                source: source.clone(),
                columns: columns.clone(),
                predicate: predicate.clone(),
            },
            _ => Input::Chunks,
        };
        let pipeline = Pipeline::new(
            input,
            input_schema,
            self.steps,
            schema,
            self.scalars.len(),
            sink,
            batch_rows,
        );
        Ok(Chain {
            base: self.base,
            scalars: self.scalars,
            pipeline: Arc::new(pipeline),
        })
    }
}

/// `expr` with its scalar inputs at their places in the whole pipeline.
pub fn placed(expr: &ExprRef, places: &[usize]) -> ExprRef {
    expr.replace(&mut |leaf| match leaf {
        Expr::Input(input) if places[*input] != *input => Some(Arc::new(Expr::Input(places[*input]))),
        _ => None,
    })
}

impl Lowering<'_> {
    /// The task of a partition of a chain, with a limit on top or not.
    pub(super) fn chain_partition(&mut self, node: &NodeRef, partition: usize) -> Result<TaskId> {
        let chain = if let Some(chain) = self.chains.get(&node.token) {
            chain.clone()
        } else {
            let (rows_of, sink) = match &node.op {
                NodeOp::Limit { rows, tail: false } => (&node.inputs[0], Sink::Head(*rows)),
                NodeOp::Limit { rows, tail: true } => (&node.inputs[0], Sink::Tail(*rows)),
                _ => (node, Sink::Collect),
            };
            let parts = Parts::of(rows_of)?;
            let chain = Arc::new(parts.pipeline(schema_of(node)?.clone(), sink, self.settings.batch_rows)?);
            self.chains.insert(node.token, chain.clone());
            chain
        };
        self.chain_task(node, partition, &chain, partition..partition + 1)
    }

    /// A task of a chain over several partitions of its base.
    pub(super) fn chain_task(
        &mut self,
        node: &NodeRef,
        partition: usize,
        chain: &Chain,
        range: std::ops::Range<usize>,
    ) -> Result<TaskId> {
        let mut inputs = Vec::new();
        let mut partitions = Vec::new();
        let mut projected = 0;
        match &chain.base.op {
            NodeOp::Scan {
                source,
                columns,
                partitions: chosen,
                ..
            } => {
                partitions
                    .extend(range.map(|position| chosen.as_ref().map_or(position, |list| list[position])));
                for partition in &partitions {
                    let (filter, batch_rows) = (None, self.settings.batch_rows);
                    let scan = Scan {
                        partition: *partition,
                        columns: columns.clone(),
                        filter,
                        batch_rows,
                    };
                    projected = projected.max(source.projected_bytes(&scan));
                }
            }
            _ => {
                for position in range {
                    inputs.push(self.partition(&chain.base, position)?);
                }
            }
        }
        for scalar in &chain.scalars {
            inputs.push(self.partition(scalar, 0)?);
        }
        let op = TaskOp::Pipeline {
            pipeline: chain.pipeline.clone(),
            partitions,
        };
        Ok(self.push(node, partition, op, inputs, projected))
    }
}
