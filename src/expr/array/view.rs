//! Elements at other places: one node shape for slices with steps, integers, transposes, new axes, broadcasts and rechunks.
//!
//! Each axis of the result reads one axis of the input at `start + step * i`, or none at all. Invariant: an axis whose
//! lengths are unknown is only ever read whole.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::expr::NodeRef;
use crate::expr::array::{ArrayOp, ArraySchema, array_of, node};
use crate::nd::{Axis, Grid};
use crate::token::{Tokenize, Tokenizer};

/// Where the elements along one axis of the result come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutAxis {
    /// Element `i` is at `start + step * i` of this axis of the input.
    Affine {
        /// The axis of the input.
        axis: usize,
        /// Where element 0 is.
        start: usize,
        /// How far the next one is; negative to go backwards.
        step: isize,
    },
    /// The blocks of this axis of the input, whatever their lengths.
    Whole(usize),
    /// The blocks of this axis of the input, each with elements of its neighbours, as far as there are any.
    Overlap {
        /// The axis of the input.
        axis: usize,
        /// How many elements from before the block.
        before: usize,
        /// How many from after it.
        after: usize,
    },
    /// From no axis of the input: the same along the whole length.
    New,
}

/// The elements of block `i` of an axis with its neighbours' elements: from where to where.
#[must_use]
pub fn overlapping(source: &Axis, i: usize, before: usize, after: usize) -> Option<(usize, usize)> {
    let (start, stop) = source.bounds(i)?;
    Some((start.saturating_sub(before), (stop + after).min(source.len()?)))
}

/// Which elements of an input make the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// One for each axis of the result.
    pub axes: Vec<OutAxis>,
    /// Axes of the input that are gone, with the position that is taken.
    pub fixed: Vec<(usize, usize)>,
}

impl View {
    /// All elements of an array of so many axes where they are, to be cut into other chunks.
    #[must_use]
    pub fn whole(axes: usize) -> Self {
        let same = |axis| OutAxis::Affine {
            axis,
            start: 0,
            step: 1,
        };
        Self {
            axes: (0..axes).map(same).collect(),
            fixed: vec![],
        }
    }

    /// In a few words.
    #[must_use]
    pub fn describe(&self) -> String {
        let axes: Vec<String> = self
            .axes
            .iter()
            .map(|axis| match axis {
                OutAxis::Affine {
                    axis,
                    start: 0,
                    step: 1,
                }
                | OutAxis::Whole(axis) => format!("{axis}"),
                OutAxis::Affine { axis, start, step } => format!("{axis}[{start}::{step}]"),
                OutAxis::Overlap { axis, before, after } => format!("{axis}[-{before}+{after}]"),
                OutAxis::New => "new".to_string(),
            })
            .collect();
        format!("({})", axes.join(", "))
    }
}

impl Tokenize for View {
    fn tokenize(&self, t: &mut Tokenizer) {
        t.number(self.axes.len() as u64);
        for axis in &self.axes {
            match axis {
                OutAxis::Affine { axis, start, step } => {
                    t.number(0)
                        .number(*axis as u64)
                        .number(*start as u64)
                        .number(step.cast_unsigned() as u64);
                }
                OutAxis::Whole(axis) => {
                    t.number(1).number(*axis as u64);
                }
                OutAxis::New => {
                    t.number(2);
                }
                OutAxis::Overlap { axis, before, after } => {
                    t.number(3)
                        .number(*axis as u64)
                        .number(*before as u64)
                        .number(*after as u64);
                }
            }
        }
        t.number(self.fixed.len() as u64);
        for (axis, position) in &self.fixed {
            t.number(*axis as u64).number(*position as u64);
        }
    }
}

/// A view of `input` with these chunks.
///
/// # Errors
/// When an axis of the input is read twice or not at all, or an element lies outside.
pub fn view(input: &NodeRef, view: View, grid: Grid, prefix: &str) -> Result<NodeRef> {
    let schema = array_of(input)?;
    let source = &schema.grid.axes;
    let mut seen = vec![false; source.len()];
    let mut claim = |axis: usize| -> Result<()> {
        let slot = seen
            .get_mut(axis)
            .ok_or_else(|| Error::internal("a view of an axis that isn't there"))?;
        if std::mem::replace(slot, true) {
            return Err(Error::internal("a view that reads an axis twice"));
        }
        Ok(())
    };
    if view.axes.len() != grid.axes.len() {
        return Err(Error::internal("a view with as many axes as its grid"));
    }
    for (from, to) in view.axes.iter().zip(&grid.axes) {
        match from {
            OutAxis::Affine { axis, start, step } => {
                claim(*axis)?;
                let inside = match (source[*axis].len(), to.len()) {
                    (Some(_), Some(0)) => true,
                    (Some(have), Some(want)) => {
                        let last = *start as i128 + (want as i128 - 1) * *step as i128;
                        *start < have && (0..have as i128).contains(&last)
                    }
                    _ => false,
                };
                if !inside {
                    return Err(Error::internal("a view of elements that aren't there"));
                }
            }
            OutAxis::Whole(axis) => {
                claim(*axis)?;
                if source[*axis].count() != to.count() {
                    return Err(Error::internal("a view of blocks that aren't there"));
                }
            }
            OutAxis::Overlap { axis, before, after } => {
                claim(*axis)?;
                let from = &source[*axis];
                let fits = from.count() == to.count()
                    && (0..from.count()).all(|i| {
                        overlapping(from, i, *before, *after)
                            .is_some_and(|(start, stop)| to.size(i) == Some(stop - start))
                    });
                if !fits {
                    return Err(Error::internal("a view of blocks with other lengths"));
                }
            }
            OutAxis::New => {
                if matches!(to, Axis::Unknown(_)) {
                    return Err(Error::internal("a new axis of unknown length"));
                }
            }
        }
    }
    for (axis, position) in &view.fixed {
        claim(*axis)?;
        if source[*axis].len().is_none_or(|len| *position >= len) {
            return Err(Error::internal("a view of a position that isn't there"));
        }
    }
    if seen.contains(&false) {
        return Err(Error::internal("a view that leaves out an axis"));
    }
    let dtype = schema.dtype.clone();
    let op = ArrayOp::View(Arc::new(view));
    Ok(node(op, vec![input.clone()], ArraySchema { dtype, grid }, prefix))
}
