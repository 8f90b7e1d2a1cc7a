//! Blocks of a result written to their final place, by the task that makes them where that is possible.
//!
//! What comes of such a task is an empty chunk; the elements are in the [`Target`]. A block of another shape or dtype than
//! was planned (a function of the user may have promised something else) is given as it is, so that whoever puts the
//! result together sees it.

use std::sync::Arc;

use arrow::buffer::MutableBuffer;

use crate::chunk::{ArrayChunk, Chunk};
use crate::error::Result;
use crate::kernels::nd::copy::Piece;
pub use crate::kernels::nd::target::Target;
use crate::task::array::{Compute, Gather};

/// How a block comes about.
#[derive(Clone, Debug)]
pub enum Make {
    /// It is the one input.
    Copy,
    /// An expression over the inputs.
    Compute(Arc<Compute>),
    /// Elements of the inputs.
    Gather(Arc<Gather>),
}

/// One block of a result.
#[derive(Clone, Debug)]
pub struct Place {
    /// How it comes about.
    pub make: Make,
    /// The result.
    pub target: Arc<Target>,
    /// Which block.
    pub number: usize,
}

impl Place {
    /// Writes the block.
    ///
    /// # Errors
    /// What making it reports.
    pub fn run(&self, inputs: Vec<Chunk>) -> Result<Chunk> {
        let placed = match &self.make {
            Make::Copy => match inputs.as_slice() {
                [Chunk::Array(array)] => self.copy(array)?,
                _ => false,
            },
            Make::Compute(compute) => compute.run_into(&inputs, &self.target, self.number)?,
            Make::Gather(gather) => {
                let pieces = gather.views(&inputs)?;
                let fits = pieces
                    .iter()
                    .all(|piece| piece.chunk.dtype == *self.target.dtype())
                    && gather.fits(&self.target.block_shape(self.number)?);
                if fits {
                    self.target.fill(self.number, |slot| slot.gather(&pieces))?;
                }
                fits
            }
        };
        if placed {
            return written();
        }
        match &self.make {
            Make::Copy => inputs
                .into_iter()
                .next()
                .ok_or_else(|| crate::error::Error::internal("a block of a result that isn't there")),
            Make::Compute(compute) => Ok(Chunk::Array(Arc::new(compute.run(&inputs)?))),
            Make::Gather(gather) => Ok(Chunk::Array(Arc::new(gather.run(&inputs, false)?))),
        }
    }

    fn copy(&self, array: &ArrayChunk) -> Result<bool> {
        let fits =
            array.dtype == *self.target.dtype() && array.shape == self.target.block_shape(self.number)?;
        if fits {
            let pieces = [Piece {
                chunk: array.clone(),
                at: vec![0; array.shape.len()],
            }];
            self.target.fill(self.number, |slot| slot.gather(&pieces))?;
        }
        Ok(fits)
    }
}

/// What stands for a block that is in its place.
fn written() -> Result<Chunk> {
    let dtype = crate::nd::NdDtype::Num(crate::nd::Elem::Bool);
    let nothing = ArrayChunk::dense(dtype, vec![0], MutableBuffer::new(0).into())?;
    Ok(Chunk::Array(Arc::new(nothing)))
}
