//! Which sources are read once more rather than kept from one pass over them to the next.
//!
//! What is combined with a reduction of itself, such as `x - x.mean(0)`, is needed twice, and all of it lies between. Where a
//! source is stored on this machine as it is in memory, reading it again costs about what keeping it does: fresh memory for
//! each block. So a large one is read again, and streams in a few blocks.
//!
//! Covers nodes that read such a source directly. A reduction that ends close to where it began (norms of rows that lie in
//! one block) keeps its blocks for whoever needs them next.

use hashbrown::{HashMap, HashSet};

use crate::expr::array::ArrayOp;
use crate::expr::{NodeOp, NodeRef};
use crate::nd::{Axis, Grid};
use crate::token::Token;

/// Less than that is kept.
const KEPT: usize = 64 << 20;

/// Reader and source, for each reader that reads the source anew; `all` has inputs before those that read them.
pub(super) fn readers(all: &[NodeRef]) -> HashSet<(Token, Token)> {
    let mut again = HashSet::new();
    let is_large = |node: &NodeRef| {
        let NodeOp::Array(ArrayOp::Source(source)) = &node.op else {
            return false;
        };
        let elements = source.shape().into_iter().fold(1, usize::saturating_mul);
        source.is_stored_plainly() && elements.saturating_mul(source.dtype().itemsize()) > KEPT
    };
    if !all.iter().any(is_large) {
        return again;
    }
    // Of each node: the sources below it, and those of which a whole pass lies between.
    let mut below: HashMap<Token, HashSet<Token>> = HashMap::new();
    let mut passed: HashMap<Token, HashSet<Token>> = HashMap::new();
    for node in all {
        let union = |sets: &HashMap<Token, HashSet<Token>>| -> HashSet<Token> {
            let own = node.inputs.iter().filter_map(|input| sets.get(&input.token));
            own.flatten().copied().collect()
        };
        let (mut own, mut done) = (union(&below), union(&passed));
        for input in &node.inputs {
            if done.contains(&input.token) {
                again.insert((node.token, input.token));
            }
        }
        match &node.op {
            NodeOp::Array(ArrayOp::Reduce(spec))
                if span(&spec.source, &spec.axes) * spec.elem.itemsize() > KEPT =>
            {
                done.extend(&own);
            }
            _ if is_large(node) => {
                own.insert(node.token);
            }
            _ => {}
        }
        if !own.is_empty() {
            below.insert(node.token, own);
        }
        if !done.is_empty() {
            passed.insert(node.token, done);
        }
    }
    again
}

/// The elements of all blocks that one block of a reduction is made of.
fn span(grid: &Grid, axes: &[usize]) -> usize {
    let of = |(i, axis): (usize, &Axis)| {
        if axes.contains(&i) {
            axis.len()
        } else {
            axis.sizes().into_iter().max().flatten()
        }
    };
    grid.axes
        .iter()
        .enumerate()
        .map(|axis| of(axis).unwrap_or(0))
        .product()
}
