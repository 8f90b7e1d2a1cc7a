//! Lowering of arrays: the tasks of one block, and of the blocks that it needs.
//!
//! Covers where each element of a view is found, and which blocks a call for a block gets. Only blocks that somebody needs
//! get tasks: a slice of a huge array costs what the slice needs.

use std::sync::Arc;

use crate::chunk::host::{BlockSite, Surroundings};
use crate::error::{Error, Result};
use crate::expr::array::view::overlapping;
use crate::expr::array::{ArrayOp, BlockCall, Blocks, OutAxis, View, array_of, blocks, elementwise};
use crate::expr::{NodeOp, NodeRef};
use crate::nd::{Axis, Grid};
use crate::op::nd::NdExpr;
use crate::op::nd_pick::PickOp;
use crate::plan::Lowering;
use crate::plan::staged::Copies;
use crate::task::array::{Compute, Gather, Piece};
use crate::task::{TaskId, TaskOp};

/// Elements of one block of the input along one axis, and where they go: block, first element in it, how many, step, place.
#[derive(Clone, Copy)]
struct Run {
    block: usize,
    start: usize,
    len: usize,
    step: isize,
    at: usize,
}

impl Lowering<'_> {
    /// The task that makes block `number` of an array.
    pub(super) fn block(&mut self, node: &NodeRef, op: &ArrayOp, number: usize) -> Result<TaskId> {
        let schema = array_of(node)?;
        let index = schema.grid.index(number);
        match op {
            ArrayOp::Source(source) => {
                let region: Vec<(usize, usize)> = index
                    .iter()
                    .zip(&schema.grid.axes)
                    .map(|(i, axis)| axis.bounds(*i).map(|(start, stop)| (start, stop - start)))
                    .collect::<Option<_>>()
                    .ok_or_else(|| Error::internal("a source of unknown shape"))?;
                let projected = source.projected_bytes(&region);
                let op = TaskOp::ReadArray(source.clone(), region.into());
                Ok(self.push(node, number, op, vec![], projected))
            }
            ArrayOp::View(view) => match self.copies_of_view(node, view)? {
                Copies::Between(mid) => {
                    let whole = View::whole(schema.grid.axes.len());
                    self.view(node, &mid, &whole, &index, number)
                }
                _ => self.view(node, &node.inputs[0], view, &index, number),
            },
            ArrayOp::Concat(axis) => {
                let mut index = index;
                let copies = self.copies_of_points(node, &node.inputs)?;
                let inputs = match &copies {
                    Copies::Inputs(inputs) => inputs,
                    _ => node.inputs.as_slice(),
                };
                for input in inputs {
                    let grid = &array_of(input)?.grid;
                    let count = grid.axes[*axis].count();
                    if index[*axis] < count {
                        return self.partition(input, grid.number(&index));
                    }
                    index[*axis] -= count;
                }
                Err(Error::internal("a block beyond the inputs"))
            }
            ArrayOp::Blocks(blocks) => match self.copies_of_points(node, std::slice::from_ref(node))? {
                Copies::Inputs(inputs) => self.partition(&inputs[0], number),
                _ => self.call_for_block(node, blocks, &index, number),
            },
            ArrayOp::Elementwise(expr) => self.elementwise(node, expr, &index, number),
            ArrayOp::Reduce(spec) => self.reduction(node, spec, &index, number),
            ArrayOp::Contract(spec) => self.contraction(node, spec, &index, number),
            ArrayOp::Scan(scan) => self.scan(node, *scan, &index, number),
            ArrayOp::Join => self.partition(&node.inputs[number], 0),
        }
    }

    /// A block of `node`, which is this view of `input`.
    fn view(
        &mut self,
        node: &NodeRef,
        input: &NodeRef,
        view: &View,
        index: &[usize],
        number: usize,
    ) -> Result<TaskId> {
        let schema = array_of(node)?;
        let source = &array_of(input)?.grid;
        if let NodeOp::Array(ArrayOp::Source(from)) = &input.op
            && from.in_memory()
            && let Some(region) = region(view, source, &schema.grid, index)
        {
            let op = TaskOp::ReadArray(from.clone(), region.into());
            return Ok(self.push(node, number, op, vec![], 0));
        }
        let mut runs: Vec<Vec<Run>> = vec![Vec::new(); source.axes.len()];
        let mut shape = Vec::with_capacity(index.len());
        for ((from, i), to) in view.axes.iter().zip(index).zip(&schema.grid.axes) {
            shape.push(match from {
                OutAxis::Whole(axis) => {
                    let size = source.axes[*axis].size(*i);
                    runs[*axis].push(Run {
                        block: *i,
                        start: 0,
                        len: size.unwrap_or(usize::MAX),
                        step: 1,
                        at: 0,
                    });
                    size
                }
                OutAxis::Overlap { axis, before, after } => {
                    let axis_of = &source.axes[*axis];
                    let (begin, end) = overlapping(axis_of, *i, *before, *after)
                        .ok_or_else(|| Error::internal("an overlap of unknown lengths"))?;
                    runs[*axis] = affine_runs(axis_of, 0, 1, begin, end)?;
                    Some(end - begin)
                }
                OutAxis::New => to.size(*i),
                OutAxis::Affine { axis, start, step } => {
                    let (begin, end) = to
                        .bounds(*i)
                        .ok_or_else(|| Error::internal("a view with unknown lengths"))?;
                    runs[*axis] = affine_runs(&source.axes[*axis], *start, *step, begin, end)?;
                    Some(end - begin)
                }
            });
        }
        for (axis, position) in &view.fixed {
            let block = source.axes[*axis].locate(*position);
            let start = source.axes[*axis].bounds(block).map_or(0, |(start, _)| start);
            runs[*axis].push(Run {
                block,
                start: position - start,
                len: 1,
                step: 1,
                at: 0,
            });
        }
        let mut inputs = Vec::new();
        let mut pieces = Vec::new();
        let mut bytes = 0;
        let mut choice = vec![0; runs.len()];
        'pieces: loop {
            let chosen: Vec<Run> = runs.iter().zip(&choice).map(|(runs, at)| runs[*at]).collect();
            let block: Vec<usize> = chosen.iter().map(|run| run.block).collect();
            inputs.push(self.partition(input, source.number(&block))?);
            pieces.push(Piece {
                parts: chosen.iter().map(|run| (run.start, run.len, run.step)).collect(),
                at: view
                    .axes
                    .iter()
                    .map(|axis| match axis {
                        OutAxis::Affine { axis, .. } | OutAxis::Overlap { axis, .. } => chosen[*axis].at,
                        OutAxis::Whole(_) | OutAxis::New => 0,
                    })
                    .collect(),
            });
            for axis in (0..runs.len()).rev() {
                choice[axis] += 1;
                if choice[axis] < runs[axis].len() {
                    continue 'pieces;
                }
                choice[axis] = 0;
            }
            break;
        }
        if pieces.len() > 1 || self.cutting.contains(&node.token) {
            bytes = shape.iter().map(|size| size.unwrap_or(0)).product::<usize>() * schema.dtype.itemsize();
        }
        let axes = view
            .axes
            .iter()
            .map(|axis| match axis {
                OutAxis::Affine { axis, .. } | OutAxis::Overlap { axis, .. } | OutAxis::Whole(axis) => {
                    Some(*axis)
                }
                OutAxis::New => None,
            })
            .collect();
        let gather = Gather {
            shape,
            axes,
            pieces,
            dtype: schema.dtype.clone(),
        };
        Ok(self.push(node, number, TaskOp::Gather(Arc::new(gather)), inputs, bytes))
    }

    /// An expression over the blocks of each input that one of the result reads.
    fn elementwise(
        &mut self,
        node: &NodeRef,
        expr: &Arc<NdExpr>,
        index: &[usize],
        number: usize,
    ) -> Result<TaskId> {
        let compute = if let Some(compute) = self.computes.get(&node.token) {
            compute.clone()
        } else {
            let elems = node
                .inputs
                .iter()
                .map(elementwise::elem_of)
                .collect::<Result<_>>()?;
            let compute = Arc::new(Compute::new(expr.clone(), elems));
            self.computes.insert(node.token, compute.clone());
            compute
        };
        let inputs = self.aligned_blocks(node, index)?;
        let schema = array_of(node)?;
        let size = schema
            .grid
            .block_shape(index)
            .map_or(0, |shape| shape.iter().product());
        let bytes = size * schema.dtype.itemsize();
        Ok(self.push(node, number, TaskOp::Compute(compute), inputs, bytes))
    }

    /// The block of each input that belongs to the one at `index`.
    pub(super) fn aligned_blocks(&mut self, node: &NodeRef, index: &[usize]) -> Result<Vec<TaskId>> {
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            let grid = &array_of(input)?.grid;
            let shift = index.len() - grid.axes.len();
            let block: Vec<usize> = grid
                .axes
                .iter()
                .enumerate()
                .map(|(i, axis)| if axis.count() == 1 { 0 } else { index[i + shift] })
                .collect();
            let number = grid.number(&block);
            inputs.push(match &input.op {
                NodeOp::Array(op) if self.again.contains(&(node.token, input.token)) => {
                    self.read_again(input, op, number)?
                }
                _ => self.partition(input, number)?,
            });
        }
        Ok(inputs)
    }

    /// A task of its own that makes block `number` of a source for those that come after a pass over it.
    fn read_again(&mut self, source: &NodeRef, op: &ArrayOp, number: usize) -> Result<TaskId> {
        if let Some(task) = self.reads.get(&(source.token, number)) {
            return Ok(*task);
        }
        let task = self.block(source, op, number)?;
        self.reads.insert((source.token, number), task);
        Ok(task)
    }

    fn call_for_block(
        &mut self,
        node: &NodeRef,
        spec: &Blocks,
        index: &[usize],
        number: usize,
    ) -> Result<TaskId> {
        let mut inputs = Vec::new();
        let mut groups = Vec::with_capacity(node.inputs.len());
        let mut nests = Vec::with_capacity(node.inputs.len());
        for (position, input) in node.inputs.iter().enumerate() {
            let counts = blocks::numblocks(input);
            let ranges = spec.ranges(position, &counts, index);
            let before = inputs.len();
            let total: usize = ranges.iter().map(|(_, count, _)| count).product();
            for flat in 0..total {
                let (mut rest, mut at) = (flat, vec![0; ranges.len()]);
                for (axis, (start, count, _)) in ranges.iter().enumerate().rev() {
                    at[axis] = start + rest % count;
                    rest /= count;
                }
                let block = at
                    .iter()
                    .zip(&counts)
                    .fold(0, |number, (at, count)| number * count + at);
                inputs.push(self.partition(input, block)?);
            }
            groups.push(inputs.len() - before);
            let nest = ranges
                .iter()
                .filter(|(.., list)| *list)
                .map(|(_, count, _)| *count);
            nests.push(nest.collect());
        }
        let call = match &spec.call {
            BlockCall::Host(call) => call,
            BlockCall::Pick(op) => return self.pick(node, op, index, number, inputs),
        };
        let around = Surroundings {
            npartitions: node.npartitions(),
            block: Some(Arc::new(BlockSite {
                index: index.to_vec(),
                nests,
            })),
            origin: None,
            groups: Some(groups.into()),
        };
        let op = TaskOp::Host {
            call: call.clone(),
            around: Some(Box::new(around)),
        };
        // What the function itself takes in between, nobody knows.
        let schema = array_of(node)?;
        let elements = schema
            .grid
            .block_shape(index)
            .map_or(0, |shape| shape.iter().product());
        Ok(self.push(node, number, op, inputs, elements * schema.dtype.itemsize()))
    }
}

/// The part of the input that the block at `index` of a view is, when it is just one box of it.
fn region(view: &View, source: &Grid, grid: &Grid, index: &[usize]) -> Option<Vec<(usize, usize)>> {
    if !view.fixed.is_empty() {
        return None;
    }
    let axes = view.axes.iter().enumerate().zip(&grid.axes).zip(index);
    axes.map(|(((own, from), to), i)| match *from {
        OutAxis::Overlap { axis, before, after } if axis == own => {
            let (begin, end) = overlapping(&source.axes[axis], *i, before, after)?;
            Some((begin, end - begin))
        }
        OutAxis::Affine { axis, start, step: 1 } if axis == own => {
            let (begin, end) = to.bounds(*i)?;
            Some((start + begin, end - begin))
        }
        _ => None,
    })
    .collect()
}

impl Lowering<'_> {
    /// A kernel that picks elements of blocks.
    fn pick(
        &mut self,
        node: &NodeRef,
        op: &Arc<PickOp>,
        index: &[usize],
        number: usize,
        inputs: Vec<TaskId>,
    ) -> Result<TaskId> {
        let schema = array_of(node)?;
        let op = match &**op {
            PickOp::Triangle { lower, k } => {
                let start = |axis: usize| {
                    schema.grid.axes[axis]
                        .bounds(index[axis])
                        .map(|(start, _)| start as i64)
                };
                let [rows, columns] = [2, 1].map(|last| index.len().checked_sub(last).and_then(start));
                let (Some(rows), Some(columns)) = (rows, columns) else {
                    return Err(Error::internal("a triangle of unknown lengths"));
                };
                Arc::new(PickOp::Triangle {
                    lower: *lower,
                    k: k.saturating_add(rows - columns),
                })
            }
            _ => op.clone(),
        };
        let size = schema
            .grid
            .block_shape(index)
            .map_or(0, |shape| shape.iter().product());
        let bytes = size * schema.dtype.itemsize();
        Ok(self.push(node, number, TaskOp::Pick(op), inputs, bytes))
    }
}

/// The elements `begin..end` of an axis of the result, which are at `start + step * i` of `source`, block by block.
fn affine_runs(source: &Axis, start: usize, step: isize, begin: usize, end: usize) -> Result<Vec<Run>> {
    let unknown = || Error::internal("a view of an axis of unknown length");
    let position = |i: usize| (start as isize + step * i as isize) as usize;
    if begin == end {
        return Ok(vec![Run {
            block: 0,
            start: 0,
            len: 0,
            step: 1,
            at: 0,
        }]);
    }
    let mut runs = Vec::new();
    let mut i = begin;
    while i < end {
        let first = position(i);
        let block = source.locate(first);
        let (from, to) = source.bounds(block).ok_or_else(unknown)?;
        // how many more steps stay in this block
        let room = match step {
            0 => end - i,
            step if step > 0 => (to - 1 - first) / step.unsigned_abs() + 1,
            step => (first - from) / step.unsigned_abs() + 1,
        };
        let len = room.min(end - i);
        runs.push(Run {
            block,
            start: first - from,
            len,
            step,
            at: i - begin,
        });
        i += len;
    }
    Ok(runs)
}
