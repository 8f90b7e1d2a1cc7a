//! A call for each block of the result, on blocks of the inputs that its position chooses: of the host, or of a kernel that
//! picks elements.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::expr::array::{ArrayOp, ArraySchema, node};
use crate::expr::{HostCall, Node, NodeRef};
use crate::op::nd_pick::PickOp;
use crate::token::{Tokenize, Tokenizer};

/// Which blocks along one axis of an input a call gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AxisPick {
    /// The one at the same position as the result's along this axis; an axis of one block gives that one.
    Follow(usize),
    /// All of them, as a list.
    All,
    /// `size` neighbours, as a list: those from `size * i` on, where `i` is the result's position along `axis`.
    Group {
        /// The axis of the result.
        axis: usize,
        /// How many.
        size: usize,
    },
    /// This one.
    At(usize),
}

/// What makes a block of blocks.
#[derive(Clone, Debug)]
pub enum BlockCall {
    /// A function of the host, and what comes out.
    Host(HostCall),
    /// A kernel.
    Pick(Arc<PickOp>),
}

/// A call for each block.
#[derive(Clone, Debug)]
pub struct Blocks {
    /// What is called.
    pub call: BlockCall,
    /// For each input, for each of its axes. A frame has one axis, its partitions.
    pub picks: Vec<Vec<AxisPick>>,
}

/// The number of blocks along each axis of an input.
#[must_use]
pub fn numblocks(node: &Node) -> Vec<usize> {
    match &node.array {
        Some(schema) => schema.grid.numblocks(),
        None => vec![node.npartitions()],
    }
}

impl Blocks {
    /// What is called, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.call {
            BlockCall::Host(call) => call.function.name(),
            BlockCall::Pick(op) => op.name(),
        }
    }

    /// The blocks of input `input` that the call for the block at `index` gets: along each axis from where on, how many,
    /// and whether as a list.
    #[must_use]
    pub fn ranges(&self, input: usize, counts: &[usize], index: &[usize]) -> Vec<(usize, usize, bool)> {
        let picks = self.picks[input].iter().zip(counts);
        picks
            .map(|(pick, count)| match pick {
                AxisPick::Follow(axis) => (if *count == 1 { 0 } else { index[*axis] }, 1, false),
                AxisPick::All => (0, *count, true),
                AxisPick::Group { axis, size } => {
                    let start = (index[*axis] * size).min(*count);
                    (start, (*size).min(count - start), true)
                }
                AxisPick::At(block) => (*block, 1, false),
            })
            .collect()
    }
}

impl Tokenize for Blocks {
    fn tokenize(&self, t: &mut Tokenizer) {
        match &self.call {
            BlockCall::Host(call) => {
                t.token(call.function.token());
            }
            BlockCall::Pick(op) => op.tokenize(t),
        }
        t.number(self.picks.len() as u64);
        for picks in &self.picks {
            t.number(picks.len() as u64);
            for pick in picks {
                match pick {
                    AxisPick::Follow(axis) => t.number(0).number(*axis as u64),
                    AxisPick::All => t.number(1),
                    AxisPick::Group { axis, size } => t.number(2).number(*axis as u64).number(*size as u64),
                    AxisPick::At(block) => t.number(3).number(*block as u64),
                };
            }
        }
    }
}

/// An array of the results of a call for each block.
///
/// # Errors
/// When a block that is asked for isn't there.
pub fn blocks(inputs: Vec<NodeRef>, blocks: Blocks, schema: ArraySchema, prefix: &str) -> Result<NodeRef> {
    let own = schema.grid.numblocks();
    if inputs.len() != blocks.picks.len()
        || matches!(&blocks.call, BlockCall::Pick(op) if op.arity() != inputs.len())
    {
        return Err(Error::internal("a block call with as many picks as inputs"));
    }
    for (input, picks) in inputs.iter().zip(&blocks.picks) {
        let counts = numblocks(input);
        if counts.len() != picks.len() {
            return Err(Error::internal("a block call with a pick for each axis"));
        }
        for (pick, count) in picks.iter().zip(counts) {
            let fits = match pick {
                AxisPick::Follow(axis) => count == 1 || own.get(*axis) == Some(&count),
                AxisPick::All => true,
                AxisPick::Group { axis, size } => *size > 0 && own.get(*axis) == Some(&count.div_ceil(*size)),
                AxisPick::At(block) => *block < count,
            };
            if !fits {
                return Err(Error::value(format!(
                    "the blocks of the inputs don't fit those of the result: {:?} and {own:?}",
                    numblocks(input)
                )));
            }
        }
    }
    Ok(node(ArrayOp::Blocks(Arc::new(blocks)), inputs, schema, prefix))
}
