//! Which task writes what: boxes made of whole objects, near the chunks of what is written.

use crate::error::{Error, Result};
use crate::nd::{Axis, Grid};

/// The boxes in which an array with the chunks of `source` is to be written to `start` of a store whose objects have the
/// shape `object`, in the positions of what is written. No two boxes touch one object; a box is about as large as a chunk,
/// at least as large as an object.
///
/// # Errors
/// When a chunk's length is unknown.
pub fn write_grid(source: &Grid, start: &[usize], object: &[usize]) -> Result<Grid> {
    if source.axes.len() != object.len() || start.len() != object.len() {
        return Err(Error::value(format!(
            "an array of {} dimensions can't be written to a Zarr array of {}",
            source.axes.len(),
            object.len()
        )));
    }
    let axes = source.axes.iter().zip(start).zip(object);
    let axes = axes.map(|((axis, start), object)| write_axis(axis, *start, *object));
    Ok(Grid {
        axes: axes.collect::<Result<_>>()?,
    })
}

fn write_axis(axis: &Axis, start: usize, object: usize) -> Result<Axis> {
    let unknown = || {
        Error::value(
            "Saving an array with unknown chunk sizes is not supported by Zarr: call `compute_chunk_sizes()` first",
        )
    };
    let len = axis.len().ok_or_else(unknown)?;
    if len == 0 {
        return Ok(Axis::single(0));
    }
    if let Axis::Regular { chunk, .. } = axis
        && start.is_multiple_of(object)
    {
        // Whole objects, as many as fit into a chunk.
        let chunk = (chunk / object).max(1) * object;
        return Ok(Axis::Regular { len, chunk });
    }
    // A box ends at the last end of an object before the end of a chunk, or there.
    let mut bounds = vec![0];
    for i in 0..axis.count() {
        let (_, end) = axis.bounds(i).ok_or_else(unknown)?;
        let cut = if end == len {
            len
        } else {
            ((start + end) / object * object).saturating_sub(start)
        };
        let last = bounds[bounds.len() - 1];
        if cut > last {
            bounds.push(cut);
        }
    }
    let sizes: Vec<Option<usize>> = bounds.windows(2).map(|pair| Some(pair[1] - pair[0])).collect();
    Ok(Axis::from_sizes(&sizes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(chunks: &[usize], start: usize, object: usize) -> Vec<usize> {
        let chunks: Vec<Option<usize>> = chunks.iter().copied().map(Some).collect();
        let axis = write_axis(&Axis::from_sizes(&chunks), start, object).expect("axis");
        axis.sizes().into_iter().flatten().collect()
    }

    #[test]
    fn boxes_are_made_of_whole_objects() {
        assert_eq!(sizes(&[4, 4, 4], 0, 4), [4, 4, 4]);
        assert_eq!(sizes(&[3, 3, 3, 3], 0, 4), [4, 4, 4]);
        assert_eq!(sizes(&[10, 10, 3], 0, 4), [8, 8, 7]);
        assert_eq!(sizes(&[1, 9, 2, 1], 0, 4), [8, 4, 1]);
        assert_eq!(sizes(&[5, 5], 2, 4), [2, 8]);
        assert_eq!(sizes(&[1, 1], 2, 4), [2]);
        assert_eq!(sizes(&[1, 1], 3, 4), [1, 1]);
        assert_eq!(sizes(&[0], 3, 4), [0]);
        assert!(write_axis(&Axis::Unknown([None].into()), 0, 4).is_err());
    }
}
