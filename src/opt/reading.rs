//! What it costs to read parts of a source, in elements of the chunks that it is stored in.
//!
//! Covers views that a source could show itself instead of whole blocks. Does not cover sources in memory, where anything is
//! at hand, and how far away a store is: a chunk of it is one request either way.

use crate::expr::array::{OutAxis, View};
use crate::nd::Grid;

/// A view and how it is cut.
pub(super) type Shown<'a> = (&'a View, &'a Grid);

/// Whether a source that is stored in boxes of `grain` shows what is wanted of it without reading more than its blocks, cut
/// as `grid`, that hold this.
pub(super) fn reads_less<'a>(
    grain: &[usize],
    grid: &Grid,
    wants: impl Iterator<Item = Option<Shown<'a>>>,
) -> bool {
    let (mut apart, mut together) = (0.0, 0.0_f64);
    for want in wants {
        let Some((own, blocks)) = want.map_or_else(
            || all_read(grid, grain).map(|all| (all, all)),
            |(view, shown)| read(view, shown, grid, grain),
        ) else {
            return false;
        };
        apart += own;
        together = together.max(blocks);
    }
    apart <= together
}

/// Elements of storage chunks that hold those from `low` to `high` along an axis.
fn rounded(low: usize, high: usize, grain: usize) -> f64 {
    ((high / grain + 1 - low / grain) * grain) as f64
}

/// How many elements are read for all blocks.
fn all_read(grid: &Grid, grain: &[usize]) -> Option<f64> {
    grid.axes.iter().zip(grain).try_fold(1.0, |all, (axis, grain)| {
        let blocks = (0..axis.count()).map(|i| {
            let (start, stop) = axis.bounds(i)?;
            Some(if start < stop {
                rounded(start, stop - 1, *grain)
            } else {
                0.0
            })
        });
        Some(all * blocks.sum::<Option<f64>>()?)
    })
}

/// How many elements are read for a view, block by block of its own, and for the blocks that hold them.
fn read(view: &View, shown: &Grid, grid: &Grid, grain: &[usize]) -> Option<(f64, f64)> {
    let (mut own, mut blocks) = (1.0, 1.0);
    let block = |axis: usize, number: usize| {
        let (start, stop) = grid.axes[axis].bounds(number)?;
        Some(rounded(start, stop.max(start + 1) - 1, grain[axis]))
    };
    for (axis, position) in &view.fixed {
        own *= grain[*axis] as f64;
        blocks *= block(*axis, grid.axes[*axis].locate(*position))?;
    }
    for (from, to) in view.axes.iter().zip(&shown.axes) {
        let OutAxis::Affine { axis, start, step } = *from else {
            match from {
                OutAxis::New => {
                    own *= to.count() as f64;
                    continue;
                }
                _ => return None,
            }
        };
        let position = |i: usize| (start as isize + step * i as isize) as usize;
        let (mut sum, mut held, mut seen) = (0.0, 0.0, None);
        for i in 0..to.count() {
            let (begin, end) = to.bounds(i)?;
            if begin == end {
                continue;
            }
            let (first, last) = (position(begin), position(end - 1));
            let (low, high) = (first.min(last), first.max(last));
            sum += if step.unsigned_abs() <= grain[axis] {
                rounded(low, high, grain[axis])
            } else {
                ((end - begin) * grain[axis]) as f64
            };
            // Each block counts once; those between two elements hold none when the step is longer than they are.
            let numbers = if step.unsigned_abs() <= grain[axis] {
                (grid.axes[axis].locate(low)..=grid.axes[axis].locate(high)).collect()
            } else {
                (begin..end)
                    .map(|i| grid.axes[axis].locate(position(i)))
                    .collect::<Vec<_>>()
            };
            let numbers: Box<dyn Iterator<Item = usize>> = if step < 0 {
                Box::new(numbers.into_iter().rev())
            } else {
                Box::new(numbers.into_iter())
            };
            for number in numbers {
                if seen != Some(number) {
                    held += block(axis, number)?;
                    seen = Some(number);
                }
            }
        }
        own *= sum;
        blocks *= held;
    }
    Some((own, blocks))
}
