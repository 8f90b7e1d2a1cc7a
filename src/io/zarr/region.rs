//! Boxes of elements: which part of an array an object holds, and how to copy parts of it.
//!
//! Covers positions and byte offsets; not the memory. Invariant: runs visit each element of a box once.

use crate::chunk::array::dense_strides;
use crate::error::Result;

/// A box of an array: where it begins and how long it is along each axis.
pub type Region = [(usize, usize)];

/// The part that two boxes share; `None` when they share no element.
#[must_use]
pub fn meet(a: &Region, b: &Region) -> Option<Vec<(usize, usize)>> {
    a.iter()
        .zip(b)
        .map(|(&(a, n), &(b, m))| {
            let start = a.max(b);
            let end = (a + n).min(b + m);
            (start < end).then(|| (start, end - start))
        })
        .collect()
}

/// The number of elements.
#[must_use]
pub fn size(region: &Region) -> usize {
    region.iter().map(|(_, len)| len).product()
}

/// The lengths.
#[must_use]
pub fn shape(region: &Region) -> Vec<usize> {
    region.iter().map(|(_, len)| *len).collect()
}

/// The cells of a regular grid that a box touches, as the first and the number of cells along each axis.
#[must_use]
pub fn cells(region: &Region, cell: &[usize]) -> Vec<(usize, usize)> {
    region
        .iter()
        .zip(cell)
        .map(|(&(start, len), &cell)| {
            let first = start / cell;
            (first, (start + len).div_ceil(cell) - first)
        })
        .collect()
}

/// Calls `visit` with each position of a box, in C order; once for a box without axes.
///
/// # Errors
/// What `visit` reports.
pub fn each(region: &Region, visit: &mut dyn FnMut(&[usize]) -> Result<()>) -> Result<()> {
    if size(region) == 0 {
        return Ok(());
    }
    let mut at: Vec<usize> = region.iter().map(|(start, _)| *start).collect();
    loop {
        visit(&at)?;
        let mut axis = region.len();
        loop {
            if axis == 0 {
                return Ok(());
            }
            axis -= 1;
            at[axis] += 1;
            if at[axis] < region[axis].0 + region[axis].1 {
                break;
            }
            at[axis] = region[axis].0;
        }
    }
}

/// How to copy a box from one layout to another, as runs of bytes.
#[derive(Clone, Debug)]
pub struct Runs {
    /// Length, step in the source and step in the target, in bytes, of each axis that is left after merging.
    axes: Vec<(usize, isize, isize)>,
    from: usize,
    to: usize,
    run: usize,
}

/// One side of a copy.
#[derive(Clone, Debug)]
pub struct Side {
    /// Bytes from an element to the next one along each axis.
    pub strides: Vec<isize>,
    /// Where the box's first element is, in bytes.
    pub start: usize,
}

impl Side {
    /// `part` of a dense block that holds `whole`, both in the array's positions.
    #[must_use]
    pub fn dense(whole: &Region, part: &Region, itemsize: usize) -> Self {
        let strides = dense_strides(&shape(whole), itemsize);
        let start = whole
            .iter()
            .zip(part)
            .zip(&strides)
            .map(|((whole, part), stride)| (part.0 - whole.0) * *stride as usize)
            .sum();
        Self { strides, start }
    }
}

impl Runs {
    /// Runs of a box of `shape`.
    #[must_use]
    pub fn new(shape: &[usize], itemsize: usize, source: &Side, target: &Side) -> Self {
        let mut axes: Vec<(usize, isize, isize)> = Vec::with_capacity(shape.len());
        let mut run = itemsize;
        for ((&len, &from), &to) in shape.iter().zip(&source.strides).zip(&target.strides).rev() {
            if len == 1 {
                continue;
            }
            if axes.is_empty() && from == run as isize && to == run as isize {
                run *= len;
            } else {
                axes.push((len, from, to));
            }
        }
        axes.reverse();
        Self {
            axes,
            from: source.start,
            to: target.start,
            run,
        }
    }

    /// Where the one run begins in the target and how long it is, when there is only one.
    #[must_use]
    pub fn single(&self) -> Option<(usize, usize)> {
        self.axes.is_empty().then_some((self.to, self.run))
    }

    /// Where the first run begins in the source.
    #[must_use]
    pub fn source(&self) -> usize {
        self.from
    }

    /// Calls `visit` with the source's offset, the target's offset and the length of each run.
    ///
    /// # Errors
    /// What `visit` reports.
    #[inline]
    pub fn visit<F: FnMut(usize, usize, usize) -> Result<()>>(&self, visit: &mut F) -> Result<()> {
        if self.axes.iter().any(|(len, ..)| *len == 0) || self.run == 0 {
            return Ok(());
        }
        let Some((&(count, from_step, to_step), outer)) = self.axes.split_last() else {
            return visit(self.from, self.to, self.run);
        };
        let mut index = vec![0; outer.len()];
        let (mut from, mut to) = (self.from as isize, self.to as isize);
        loop {
            let (mut a, mut b) = (from, to);
            for _ in 0..count {
                visit(a as usize, b as usize, self.run)?;
                a += from_step;
                b += to_step;
            }
            let mut axis = outer.len();
            loop {
                if axis == 0 {
                    return Ok(());
                }
                axis -= 1;
                let (len, from_step, to_step) = outer[axis];
                index[axis] += 1;
                from += from_step;
                to += to_step;
                if index[axis] < len {
                    break;
                }
                from -= from_step * len as isize;
                to -= to_step * len as isize;
                index[axis] = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_meet_and_cells_are_counted() {
        assert_eq!(
            meet(&[(0, 4), (2, 3)], &[(3, 9), (0, 3)]),
            Some(vec![(3, 1), (2, 1)])
        );
        assert_eq!(meet(&[(0, 4)], &[(4, 1)]), None);
        assert_eq!(meet(&[], &[]), Some(vec![]));
        assert_eq!(cells(&[(3, 6), (0, 1)], &[4, 4]), [(0, 3), (0, 1)]);
        let mut seen = Vec::new();
        each(&[(1, 2), (5, 1)], &mut |at| {
            seen.push(at.to_vec());
            Ok(())
        })
        .expect("each");
        assert_eq!(seen, [[1, 5], [2, 5]]);
    }

    #[test]
    fn runs_merge_what_lies_together() {
        let whole = [(0, 4), (0, 6)];
        let part = [(1, 2), (0, 6)];
        let source = Side::dense(&part, &part, 2);
        let target = Side::dense(&whole, &part, 2);
        let runs = Runs::new(&shape(&part), 2, &source, &target);
        assert_eq!(runs.single(), Some((12, 24)));
        let part = [(1, 2), (2, 3)];
        let runs = Runs::new(
            &shape(&part),
            2,
            &Side::dense(&part, &part, 2),
            &Side::dense(&whole, &part, 2),
        );
        let mut seen = Vec::new();
        runs.visit(&mut |from, to, len| {
            seen.push((from, to, len));
            Ok(())
        })
        .expect("runs");
        assert_eq!(seen, [(0, 16, 6), (6, 28, 6)]);
    }
}
