//! Views in closed form: two made one, and what a view of a broadcast result is of each input.
//!
//! Covers arithmetic on views and grids only; when it pays is `opt::push_views`'s to say. Invariant: what is made reads the
//! same elements in the same order as what it was made of.

use crate::expr::array::view::{OutAxis, View};
use crate::nd::{Axis, Grid};

/// The same view in its simplest form: blocks that keep their lengths are elements from 0 on, and of nothing or of one
/// element the step is 1.
#[must_use]
pub fn normal(view: &View, base: &Grid, grid: &Grid) -> View {
    let simple = |(from, to): (&OutAxis, &Axis)| match *from {
        OutAxis::Whole(axis)
        | OutAxis::Overlap {
            axis,
            before: 0,
            after: 0,
        } if to.len().is_some() && *to == base.axes[axis] => whole(axis),
        OutAxis::Affine { axis, .. } if to.is_empty() => whole(axis),
        OutAxis::Affine { axis, start, .. } if to.len() == Some(1) => {
            OutAxis::Affine { axis, start, step: 1 }
        }
        other => other,
    };
    let mut fixed = view.fixed.clone();
    fixed.sort_unstable();
    View {
        axes: view.axes.iter().zip(&grid.axes).map(simple).collect(),
        fixed,
    }
}

/// Element `i` is at `i`.
fn whole(axis: usize) -> OutAxis {
    OutAxis::Affine {
        axis,
        start: 0,
        step: 1,
    }
}

/// Whether the view, in its simplest form, shows all blocks of `base` as they are.
#[must_use]
pub fn is_identity(view: &View, base: &Grid, grid: &Grid) -> bool {
    base == grid && view.axes.iter().enumerate().all(|(i, axis)| *axis == whole(i))
}

/// Where element `i` of what an axis shows is.
fn place(start: usize, step: isize, i: usize) -> usize {
    (start as isize + step * i as isize).unsigned_abs()
}

/// The view of `base` that `outer` is, which looks at what `inner` shows of `base`, cut as `middle`. `None` where no view
/// says it: elements of blocks whose lengths are unknown or changed.
#[must_use]
pub fn composed(outer: &View, grid: &Grid, inner: &View, middle: &Grid, base: &Grid) -> Option<View> {
    let mut axes = Vec::with_capacity(outer.axes.len());
    for (from, to) in outer.axes.iter().zip(&grid.axes) {
        axes.push(match *from {
            OutAxis::New => OutAxis::New,
            OutAxis::Whole(axis) => match inner.axes[axis] {
                OutAxis::Whole(own) => OutAxis::Whole(own),
                _ => return None,
            },
            OutAxis::Overlap { axis, before, after } => match inner.axes[axis] {
                OutAxis::Affine {
                    axis: own,
                    start: 0,
                    step: 1,
                } if base.axes[own] == middle.axes[axis] => OutAxis::Overlap {
                    axis: own,
                    before,
                    after,
                },
                _ => return None,
            },
            OutAxis::Affine { axis, start, step } => match inner.axes[axis] {
                OutAxis::New => OutAxis::New,
                OutAxis::Affine { axis: own, .. } if to.is_empty() => whole(own),
                OutAxis::Affine {
                    axis: own,
                    start: first,
                    step: each,
                } => OutAxis::Affine {
                    axis: own,
                    start: place(first, each, start),
                    step: each * step,
                },
                other if start == 0 && step == 1 && *to == middle.axes[axis] => other,
                _ => return None,
            },
        });
    }
    let mut fixed = inner.fixed.clone();
    for (axis, position) in &outer.fixed {
        match inner.axes[*axis] {
            OutAxis::New => {}
            OutAxis::Affine { axis, start, step } => fixed.push((axis, place(start, step, *position))),
            _ => return None,
        }
    }
    Some(normal(&View { axes, fixed }, base, grid))
}

/// Whether an element of what is below may be shown more than once.
#[must_use]
pub fn multiplies(view: &View, grid: &Grid) -> bool {
    view.axes.iter().zip(&grid.axes).any(|(from, to)| match from {
        OutAxis::New => to.len().is_none_or(|len| len > 1),
        OutAxis::Affine { step, .. } => *step == 0,
        OutAxis::Overlap { .. } => true,
        OutAxis::Whole(_) => false,
    })
}

/// Whether each block that is shown lies in one block of `base`, so that no block is put together from several.
#[must_use]
pub fn is_local(view: &View, base: &Grid, grid: &Grid) -> bool {
    view.axes.iter().zip(&grid.axes).all(|(from, to)| match from {
        OutAxis::New | OutAxis::Whole(_) => true,
        OutAxis::Overlap { .. } => false,
        OutAxis::Affine { axis, start, step } => {
            let own = &base.axes[*axis];
            own == to && *start == 0 && *step == 1
                || (0..to.count()).all(|i| match to.bounds(i) {
                    Some((begin, end)) if begin < end => {
                        own.locate(place(*start, *step, begin)) == own.locate(place(*start, *step, end - 1))
                    }
                    other => other.is_some(),
                })
        }
    })
}

/// What a view of elements broadcast from several inputs shows of one of them, and how that is cut: `middle` is what the
/// inputs make, `input` one of them.
#[must_use]
pub fn of_input(view: &View, grid: &Grid, middle: &Grid, input: &Grid) -> (View, Grid) {
    let shift = middle.axes.len() - input.axes.len();
    let one = |axis: &Axis| axis.len() == Some(1) && axis.count() == 1;
    // Along an axis of length 1 that others are longer along, there is one element, whatever the view asks for.
    let repeated = |axis: usize| one(&input.axes[axis - shift]) && !one(&middle.axes[axis]);
    let (mut axes, mut cuts) = (Vec::new(), Vec::new());
    for (from, to) in view.axes.iter().zip(&grid.axes) {
        let (from, to) = match *from {
            OutAxis::New => (OutAxis::New, to.clone()),
            OutAxis::Affine { axis, .. } | OutAxis::Whole(axis) | OutAxis::Overlap { axis, .. }
                if axis < shift =>
            {
                // In front, it is what broadcasting adds by itself.
                if axes.is_empty() {
                    continue;
                }
                (OutAxis::New, Axis::single(1))
            }
            OutAxis::Affine { axis, .. } | OutAxis::Whole(axis) | OutAxis::Overlap { axis, .. }
                if repeated(axis) =>
            {
                (whole(axis - shift), Axis::single(1))
            }
            OutAxis::Affine { axis, start, step } => {
                let axis = axis - shift;
                (OutAxis::Affine { axis, start, step }, to.clone())
            }
            // the lengths of the blocks are the input's own, where it knows them
            OutAxis::Whole(axis) => (OutAxis::Whole(axis - shift), input.axes[axis - shift].clone()),
            OutAxis::Overlap { axis, before, after } => {
                let axis = axis - shift;
                (OutAxis::Overlap { axis, before, after }, to.clone())
            }
        };
        axes.push(from);
        cuts.push(to);
    }
    let fixed = view.fixed.iter().filter(|(axis, _)| *axis >= shift);
    let fixed = fixed.map(|(axis, position)| (axis - shift, if repeated(*axis) { 0 } else { *position }));
    let view = View {
        axes,
        fixed: fixed.collect(),
    };
    let cuts = Grid { axes: cuts };
    (normal(&view, input, &cuts), cuts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(lens: &[usize]) -> Grid {
        Grid {
            axes: lens
                .iter()
                .map(|len| Axis::Regular { len: *len, chunk: 4 })
                .collect(),
        }
    }

    fn affine(axis: usize, start: usize, step: isize) -> OutAxis {
        OutAxis::Affine { axis, start, step }
    }

    #[test]
    fn views_of_views_are_views() {
        // base[9:0:-2, :, 3] of (10, 6, 5), then [1:4].T
        let (base, middle, out) = (grid(&[10, 6, 5]), grid(&[5, 6]), grid(&[6, 3]));
        let inner = View {
            axes: vec![affine(0, 9, -2), affine(1, 0, 1)],
            fixed: vec![(2, 3)],
        };
        let outer = View {
            axes: vec![affine(1, 0, 1), affine(0, 1, 1)],
            fixed: vec![],
        };
        let both = composed(&outer, &out, &inner, &middle, &base).expect("composed");
        assert_eq!(both.axes, [affine(1, 0, 1), affine(0, 7, -2)]);
        assert_eq!(both.fixed, [(2, 3)]);
        // A broadcast axis that is sliced is still one; one that is fixed is gone.
        let wide = View {
            axes: vec![OutAxis::New, affine(0, 0, 1)],
            fixed: vec![],
        };
        let row = View {
            axes: vec![affine(1, 2, 1)],
            fixed: vec![(0, 7)],
        };
        let both = composed(&row, &grid(&[3]), &wide, &grid(&[9, 10]), &grid(&[10])).expect("composed");
        assert_eq!((both.axes, both.fixed), (vec![affine(0, 2, 1)], vec![]));
    }

    #[test]
    fn blocks_of_unknown_lengths_are_only_passed_on() {
        let unknown = Grid {
            axes: vec![Axis::Unknown([None, None].into())],
        };
        let known = Grid {
            axes: vec![Axis::Bounds([0, 2, 3].into())],
        };
        let blocks = View {
            axes: vec![OutAxis::Whole(0)],
            fixed: vec![],
        };
        assert_eq!(
            composed(&blocks, &unknown, &blocks, &unknown, &unknown),
            Some(blocks.clone())
        );
        let first = View {
            axes: vec![affine(0, 0, 1)],
            fixed: vec![],
        };
        // other lengths were said of the blocks
        let two = Grid {
            axes: vec![Axis::single(2)],
        };
        assert_eq!(composed(&first, &two, &blocks, &known, &unknown), None);
        assert_eq!(composed(&first, &known, &blocks, &known, &unknown), Some(blocks));
    }

    #[test]
    fn inputs_are_seen_through_broadcasting() {
        let middle = grid(&[8, 10]);
        let view = View {
            axes: vec![affine(1, 2, 1), affine(0, 7, -1)],
            fixed: vec![],
        };
        let out = grid(&[8, 8]);
        // a row, a column, one element
        let (row, cut) = of_input(&view, &out, &middle, &grid(&[10]));
        assert_eq!(
            (row.axes, cut.shape()),
            (vec![affine(0, 2, 1), OutAxis::New], Some(vec![8, 1]))
        );
        let (column, cut) = of_input(&view, &out, &middle, &grid(&[8, 1]));
        assert_eq!(
            (column.axes, cut.shape()),
            (vec![affine(1, 0, 1), affine(0, 7, -1)], Some(vec![1, 8]))
        );
        let (one, cut) = of_input(&view, &out, &middle, &Grid { axes: vec![] });
        assert_eq!((one.axes, cut.axes.len()), (vec![], 0));
        // an element of a column that is repeated
        let element = View {
            axes: vec![affine(0, 0, 1)],
            fixed: vec![(1, 5)],
        };
        let (column, _) = of_input(&element, &grid(&[8]), &middle, &grid(&[8, 1]));
        assert_eq!((column.axes, column.fixed), (vec![affine(0, 0, 1)], vec![(1, 0)]));
    }

    #[test]
    fn what_is_local_and_what_is_repeated() {
        let base = grid(&[16]);
        let of = |start, step, len, chunk| {
            let grid = Grid {
                axes: vec![Axis::Regular { len, chunk }],
            };
            let view = View {
                axes: vec![affine(0, start, step)],
                fixed: vec![],
            };
            is_local(&view, &base, &grid)
        };
        assert!(of(0, 1, 16, 4) && of(0, 2, 8, 2) && of(15, -1, 16, 4) && of(4, 1, 12, 2));
        assert!(!of(1, 1, 12, 4) && !of(0, 1, 16, 8));
        let spread = View {
            axes: vec![OutAxis::New, affine(0, 0, 1)],
            fixed: vec![],
        };
        assert!(multiplies(&spread, &grid(&[2, 16])) && !multiplies(&spread, &grid(&[1, 16])));
    }
}
