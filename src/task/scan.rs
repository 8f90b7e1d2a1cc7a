//! What the tasks of a scan do: scan a block from where those before it end, or tell a block's total.

use crate::chunk::{ArrayChunk, Chunk};
use crate::error::{Error, Result};
use crate::expr::array::Scan;
use crate::kernels::nd::reduce;
use crate::task::array::{array_in, as_elem};

/// What is made of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// Its elements scanned, and the state at its end.
    Block,
    /// The state at its end alone, if nothing came before.
    Total,
}

/// One block of a scan.
#[derive(Clone, Copy, Debug)]
pub struct Scanner {
    /// What is scanned.
    pub scan: Scan,
    /// What comes out.
    pub what: Scanned,
}

impl Scanner {
    /// The block, and after it the state at its end; or the state alone.
    ///
    /// # Errors
    /// When blocks don't have the planned types and shapes.
    pub fn run(&self, inputs: &[Chunk]) -> Result<Vec<ArrayChunk>> {
        let Scan {
            op, axis, elem, out, ..
        } = self.scan;
        let (block, carry) = match inputs {
            [block] => (block, None),
            [block, Chunk::Arrays(state)] => (block, state.last()),
            _ => return Err(Error::internal("a scan of several blocks")),
        };
        let block = as_elem(array_in(block)?, elem)?;
        match self.what {
            Scanned::Total => reduce::partial(op.total(), &block, &[axis], None),
            Scanned::Block => {
                let (result, state) = reduce::scan(op, &block, axis, carry, out)?;
                Ok(vec![result, state])
            }
        }
    }
}

/// One block of a state.
///
/// # Errors
/// When there is none.
pub fn part(inputs: &[Chunk], number: usize) -> Result<ArrayChunk> {
    match inputs {
        [Chunk::Arrays(state)] if number < state.len() => Ok(state[number].clone()),
        _ => Err(Error::internal("a part of a state that isn't there")),
    }
}
