//! Lowering of contractions: pairs of blocks along the contracted axes, added into one block of the result.
//!
//! A task adds some pairs to what the task before it has made, in the same memory, so no partial products pile up. Where the
//! result has few blocks there are several such chains for each, whose ends are added. How the sum is cut depends on the
//! chunks alone, never on the number of threads. Of a symmetric product the blocks below the diagonal are those above it,
//! transposed.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::expr::NodeRef;
use crate::expr::array::{array_of, elementwise};
use crate::nd::Elem;
use crate::op::nd::{NdArg, NdExpr, NdOp};
use crate::op::nd_product::Contract;
use crate::plan::Lowering;
use crate::task::array::{Compute, Gather, Piece};
use crate::task::product::Product;
use crate::task::{TaskId, TaskOp};

/// Chains beyond which the blocks of a result are enough for all threads.
const CHAINS: usize = 16;

/// Bytes of inputs that a task may ask for at once, as long as it has more than one pair of blocks.
const INPUTS: usize = 32 << 20;

/// Bytes that the chains of one block may hold together.
const SUMS: usize = 256 << 20;

/// Elementary products below which a task isn't worth several threads.
const WIDE: usize = 1 << 27;

impl Lowering<'_> {
    /// The task that makes a block of a contraction.
    pub(super) fn contraction(
        &mut self,
        node: &NodeRef,
        spec: &Arc<Contract>,
        index: &[usize],
        number: usize,
    ) -> Result<TaskId> {
        let symmetric = node.inputs.len() == 1;
        let (batch, kept) = index.split_at(spec.batch.len());
        let (left, right) = kept.split_at(spec.left.len());
        if symmetric && left > right {
            return self.mirrored(node, spec, index, number);
        }
        let (a, b) = (&node.inputs[0], node.inputs.last().unwrap_or(&node.inputs[0]));
        let (first, second) = (&array_of(a)?.grid, &array_of(b)?.grid);
        let elem = elementwise::elem_of(a)?;
        let mut of_a = vec![0; first.axes.len()];
        let mut of_b = vec![0; second.axes.len()];
        for ((i, j), at) in spec.batch.iter().zip(batch) {
            of_a[*i] = if first.axes[*i].count() == 1 { 0 } else { *at };
            of_b[*j] = if second.axes[*j].count() == 1 { 0 } else { *at };
        }
        spec.left
            .iter()
            .zip(left)
            .for_each(|(axis, at)| of_a[*axis] = *at);
        spec.right
            .iter()
            .zip(right)
            .for_each(|(axis, at)| of_b[*axis] = *at);
        let counts: Vec<usize> = spec.summed.iter().map(|(i, _)| first.axes[*i].count()).collect();
        let total: usize = counts.iter().product();
        let mut pairs = Vec::with_capacity(total);
        let mut bytes = 0;
        for flat in 0..total {
            let mut rest = flat;
            for ((i, j), count) in spec.summed.iter().zip(&counts).rev() {
                of_a[*i] = rest % count;
                of_b[*j] = rest % count;
                rest /= count;
            }
            let size =
                |shape: Option<Vec<usize>>| shape.map_or(INPUTS, |shape| shape.iter().product::<usize>());
            let both = size(first.block_shape(&of_a)).saturating_add(size(second.block_shape(&of_b)));
            bytes = bytes.max(both.saturating_mul(elem.itemsize()));
            let one = self.partition(a, first.number(&of_a))?;
            pairs.push((one, self.partition(b, second.number(&of_b))?));
        }
        let shape = array_of(node)?.grid.block_shape(index);
        let elements: usize = shape.map_or(0, |shape| shape.iter().product());
        let own = elements.saturating_mul(elem.itemsize());
        let each = (INPUTS / bytes.max(1)).clamp(1, 32);
        let links = total.div_ceil(each);
        let blocks = if symmetric {
            node.npartitions().div_ceil(2)
        } else {
            node.npartitions()
        };
        let chains = (CHAINS / blocks).clamp(1, (SUMS / own.max(1)).max(1)).min(links);
        let depth: usize = spec
            .summed
            .iter()
            .map(|(i, _)| first.axes[*i].size(0).unwrap_or(0))
            .product();
        let product = Product {
            spec: spec.clone(),
            elem,
            sum: false,
            half: symmetric && left == right,
            wide: blocks * chains < CHAINS && elements.saturating_mul(depth) > WIDE,
        };
        let mut ends = Vec::with_capacity(chains);
        for chain in 0..chains {
            let (from, to) = (
                links * chain / chains * each,
                (links * (chain + 1) / chains * each).min(total),
            );
            let mut sum: Option<TaskId> = None;
            for group in pairs[from..to].chunks(each) {
                let mut inputs: Vec<TaskId> = sum.into_iter().collect();
                inputs.extend(group.iter().flat_map(|(one, other)| [*one, *other]));
                let op = Product {
                    sum: sum.is_some(),
                    ..product.clone()
                };
                sum = Some(self.push(node, number, TaskOp::Product(op), inputs, own));
            }
            ends.extend(sum);
        }
        self.added(node, number, ends, elem, own)
    }

    /// The sums of several chains as one, of the result's type.
    fn added(
        &mut self,
        node: &NodeRef,
        number: usize,
        mut ends: Vec<TaskId>,
        elem: Elem,
        own: usize,
    ) -> Result<TaskId> {
        // float16 is added up in float32
        let state = if elem == Elem::F16 { Elem::F32 } else { elem };
        if ends.len() > 1 {
            let args = vec![NdExpr::input(0), NdExpr::input(1)];
            let types = [NdArg::Strong(state), NdArg::Strong(state)];
            let plus = NdOp::parse("add").ok_or_else(|| Error::internal("no addition"))?;
            let add = Arc::new(Compute::new(
                NdExpr::call(plus, args, &types)?,
                vec![state, state],
            ));
            while ends.len() > 1 {
                let mut next = Vec::with_capacity(ends.len().div_ceil(2));
                for pair in ends.chunks(2) {
                    next.push(match pair {
                        [single] => *single,
                        _ => self.push(node, number, TaskOp::Compute(add.clone()), pair.to_vec(), own),
                    });
                }
                ends = next;
            }
        }
        let sum = ends
            .pop()
            .ok_or_else(|| Error::internal("a contraction of no blocks"))?;
        if state == elem {
            return Ok(sum);
        }
        let cast = Compute::new(NdExpr::cast(elem, NdExpr::input(0)), vec![state]);
        Ok(self.push(node, number, TaskOp::Compute(Arc::new(cast)), vec![sum], own))
    }

    /// A block below the diagonal of a symmetric product: the one above it with its axes exchanged.
    fn mirrored(
        &mut self,
        node: &NodeRef,
        spec: &Arc<Contract>,
        index: &[usize],
        number: usize,
    ) -> Result<TaskId> {
        let schema = array_of(node)?;
        let (stacked, kept) = (spec.batch.len(), spec.left.len());
        let order: Vec<usize> = (0..stacked)
            .chain(stacked + kept..stacked + 2 * kept)
            .chain(stacked..stacked + kept)
            .collect();
        let above: Vec<usize> = order.iter().map(|axis| index[*axis]).collect();
        let input = self.partition(node, schema.grid.number(&above))?;
        let gather = Gather {
            shape: index
                .iter()
                .zip(&schema.grid.axes)
                .map(|(i, axis)| axis.size(*i))
                .collect(),
            axes: order.iter().copied().map(Some).collect(),
            pieces: vec![Piece {
                parts: vec![(0, usize::MAX, 1); order.len()],
                at: vec![0; order.len()],
            }],
            dtype: schema.dtype.clone(),
        };
        Ok(self.push(node, number, TaskOp::Gather(Arc::new(gather)), vec![input], 0))
    }
}
