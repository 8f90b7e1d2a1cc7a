//! What the tasks of a reduction do: reduce a block as it is computed, merge states, make the result of one.

use std::sync::Arc;

use crate::chunk::{ArrayChunk, Chunk};
use crate::error::{Error, Result};
use crate::expr::array::reduce::Reduce;
use crate::kernels::nd::reduce::walk::BAND;
use crate::kernels::nd::reduce::{self, Accumulator, Numbering};
use crate::nd::Elem;
use crate::op::nd_reduce::ReduceOp;
use crate::task::array::Compute;

/// The state of one block.
#[derive(Debug)]
pub struct Partial {
    /// What is reduced.
    pub spec: Arc<Reduce>,
    /// The elements.
    pub compute: Arc<Compute>,
    /// Where the block begins; empty when that is unknown.
    pub start: Vec<usize>,
}

impl Partial {
    /// Reduces the block that the inputs make.
    ///
    /// # Errors
    /// As `Compute::run`.
    pub fn run(&self, inputs: &[Chunk]) -> Result<Vec<ArrayChunk>> {
        let start = |shape: &[usize], elem: Elem| {
            let numbering = self.numbering(shape.len())?;
            Accumulator::new(self.spec.state, elem, shape, &self.spec.axes, numbering)
        };
        let take = |state: &mut Accumulator, band: &ArrayChunk, at: usize| state.update(band, at);
        self.compute.bands(inputs, BAND, start, take)?.state()
    }

    /// Where the elements are, for reductions that answer that.
    fn numbering(&self, ndim: usize) -> Result<Option<Numbering>> {
        Ok(match self.spec.axes.as_slice() {
            _ if !self.spec.op.is_arg() => None,
            _ if self.spec.flat => {
                let shape = self.spec.source.shape().unwrap_or_default();
                Some(Numbering::flat(&shape, &self.start))
            }
            [axis] => Some(Numbering::along(*axis, ndim, self.start[*axis])),
            _ => return Err(Error::internal("places along several axes")),
        })
    }
}

/// How the result is made of a state.
#[derive(Clone, Debug)]
pub struct Finish {
    /// What comes out.
    pub op: ReduceOp,
    /// Its type.
    pub out: Elem,
    /// Axes of length 1 that go.
    pub dropped: Vec<usize>,
}

impl Finish {
    /// The result.
    ///
    /// # Errors
    /// When there is none, as for the minimum of nothing.
    pub fn run(&self, inputs: &[Chunk]) -> Result<ArrayChunk> {
        let [state] = inputs else {
            return Err(Error::internal("a result of several states"));
        };
        let whole = reduce::finish(self.op, state_in(state)?, self.out)?;
        let keep: Vec<usize> = (0..whole.shape.len())
            .filter(|axis| !self.dropped.contains(axis))
            .collect();
        let shape = keep.iter().map(|axis| whole.shape[*axis]).collect();
        let strides = keep.iter().map(|axis| whole.strides[*axis]).collect();
        ArrayChunk::strided(whole.dtype, shape, strides, whole.offset, whole.buffer)
    }
}

/// Merges states.
///
/// # Errors
/// When they don't go together.
pub fn merge(op: ReduceOp, inputs: &[Chunk]) -> Result<Vec<ArrayChunk>> {
    let states = inputs
        .iter()
        .map(|state| state_in(state).map(<[ArrayChunk]>::to_vec))
        .collect::<Result<_>>()?;
    reduce::merge_many(op, states)
}

fn state_in(chunk: &Chunk) -> Result<&[ArrayChunk]> {
    match chunk {
        Chunk::Arrays(state) => Ok(state),
        _ => Err(Error::internal("a state that isn't one")),
    }
}
