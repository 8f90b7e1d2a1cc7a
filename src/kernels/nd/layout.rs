//! Blocks of another shape: reshaped, repeated, and with a triangle set to zero.
//!
//! Covers items of any size; what a view can say is a view.

use super::copy::{copied, dense};
use super::select::axis_len;
use crate::chunk::ArrayChunk;
use crate::error::{Error, Result};

/// The same elements in C order in another shape: a view if strides can say it, else a dense copy.
///
/// # Errors
/// When the sizes differ.
pub fn reshape(chunk: &ArrayChunk, shape: &[usize]) -> Result<ArrayChunk> {
    if shape.iter().product::<usize>() != chunk.size() {
        return Err(Error::value(format!(
            "cannot reshape array of size {} into shape {shape:?}",
            chunk.size()
        )));
    }
    let (source, strides) = if let Some(strides) = view_strides(chunk, shape) {
        (chunk.clone(), strides)
    } else {
        let strides = crate::chunk::array::dense_strides(shape, chunk.dtype.itemsize());
        (dense(chunk)?, strides)
    };
    ArrayChunk::strided(
        source.dtype,
        shape.to_vec(),
        strides,
        source.offset,
        source.buffer,
    )
}

/// The strides by which a view has the shape.
fn view_strides(chunk: &ArrayChunk, shape: &[usize]) -> Option<Vec<isize>> {
    if chunk.size() == 0 {
        return Some(vec![0; shape.len()]);
    }
    let own: Vec<(usize, isize)> = chunk
        .shape
        .iter()
        .copied()
        .zip(chunk.strides.iter().copied())
        .filter(|(len, _)| *len != 1)
        .collect();
    let mut strides = vec![0; shape.len()];
    let (mut i, mut j) = (0, 0);
    // Axes of both sides go together in groups of equal size; a group must be evenly spaced.
    while i < own.len() {
        let first = i;
        let mut size = own[i].0;
        i += 1;
        let group = j;
        let mut wanted = 1;
        while wanted != size {
            if wanted < size {
                wanted *= shape[j];
                j += 1;
            } else {
                size *= own[i].0;
                i += 1;
            }
        }
        let even = own[first..i]
            .windows(2)
            .all(|pair| pair[0].1 == pair[1].1 * pair[1].0 as isize);
        if !even {
            return None;
        }
        let mut step = own[i - 1].1;
        for axis in (group..j).rev() {
            strides[axis] = step;
            step *= shape[axis] as isize;
        }
    }
    Some(strides)
}

/// Each element of an axis `times` times.
///
/// # Errors
/// When there is no such axis.
pub fn repeat(chunk: &ArrayChunk, times: usize, axis: usize) -> Result<ArrayChunk> {
    let len = axis_len(chunk, axis)?;
    let mut wide = chunk.clone();
    wide.shape.insert(axis + 1, times);
    wide.strides.insert(axis + 1, 0);
    let mut shape = chunk.shape.clone();
    shape[axis] = len * times;
    reshape(&copied(&wide)?, &shape)
}

/// Which triangle of a matrix stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Triangle {
    /// What is on the diagonal and below it.
    Lower,
    /// What is on the diagonal and above it.
    Upper,
}

/// The block with zeros outside a triangle of its last two axes, `k` diagonals above the main one. For a block of a larger
/// array that begins at row `r` and column `c`, `k` is the array's plus `r - c`.
///
/// # Errors
/// When it has fewer than two axes.
pub fn triangle(chunk: &ArrayChunk, which: Triangle, k: i64) -> Result<ArrayChunk> {
    let [.., rows, columns] = chunk.shape[..] else {
        return Err(Error::value("a triangle needs at least two dimensions"));
    };
    let itemsize = chunk.dtype.itemsize();
    let copy = copied(chunk)?;
    let Ok(mut memory) = copy.buffer.into_mutable() else {
        return Err(Error::internal("a fresh copy that others share"));
    };
    let width = columns * itemsize;
    if width > 0 {
        for (number, row) in memory.as_slice_mut().chunks_exact_mut(width).enumerate() {
            let row_number = (number % rows) as i64;
            let edge = match which {
                Triangle::Lower => row_number.saturating_add(k).saturating_add(1),
                Triangle::Upper => row_number.saturating_add(k),
            };
            let edge = edge.clamp(0, columns as i64) as usize * itemsize;
            match which {
                Triangle::Lower => row[edge..].fill(0),
                Triangle::Upper => row[..edge].fill(0),
            }
        }
    }
    ArrayChunk::dense(copy.dtype, copy.shape, memory.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::nd::memory::buffer_of;
    use crate::nd::{Elem, NdDtype};

    fn block(shape: &[usize]) -> ArrayChunk {
        let values: Vec<u8> = (1..=shape.iter().product::<usize>() as u8).collect();
        ArrayChunk::dense(NdDtype::Num(Elem::U8), shape.to_vec(), buffer_of(values)).expect("dense")
    }

    fn read(chunk: &ArrayChunk) -> Vec<u8> {
        dense(chunk).expect("dense").as_dense().expect("dense").to_vec()
    }

    #[test]
    fn reshapes_are_views_where_strides_can_say_it() {
        let cube = block(&[4, 3, 2]);
        for shape in [
            vec![24],
            vec![2, 2, 6],
            vec![12, 1, 2],
            vec![4, 6],
            vec![1, 24, 1],
        ] {
            let other = reshape(&cube, &shape).expect("reshape");
            assert_eq!(
                (other.buffer.as_ptr(), read(&other)),
                (cube.buffer.as_ptr(), read(&cube))
            );
        }
        let turned = cube.transpose(&[2, 0, 1]);
        let view = reshape(&turned, &[2, 12]).expect("reshape");
        assert_eq!(
            (view.buffer.as_ptr(), read(&view)),
            (cube.buffer.as_ptr(), read(&turned))
        );
        let flat = reshape(&turned, &[24]).expect("reshape");
        assert!(flat.buffer.as_ptr() != cube.buffer.as_ptr());
        assert_eq!(read(&flat), read(&turned));
        let part = cube.slice(&[(3, 2, -2), (0, 3, 1), (0, 2, 1)]).expect("slice");
        let view = reshape(&part, &[2, 6]).expect("reshape");
        assert_eq!(
            (view.buffer.as_ptr(), read(&view)),
            (cube.buffer.as_ptr(), read(&part))
        );
        assert!(reshape(&cube, &[5]).is_err());
        assert_eq!(reshape(&block(&[0, 3]), &[2, 0]).expect("reshape").shape, [2, 0]);
        assert_eq!(
            reshape(&block(&[1]), &[]).expect("reshape").shape,
            Vec::<usize>::new()
        );
    }

    #[test]
    fn repeats_and_triangles() {
        assert_eq!(
            read(&repeat(&block(&[2, 2]), 2, 1).expect("repeat")),
            [1, 1, 2, 2, 3, 3, 4, 4]
        );
        assert_eq!(
            read(&repeat(&block(&[2, 2]), 2, 0).expect("repeat")),
            [1, 2, 1, 2, 3, 4, 3, 4]
        );
        assert_eq!(repeat(&block(&[2, 2]), 0, 0).expect("repeat").shape, [0, 2]);
        let square = block(&[3, 3]);
        assert_eq!(
            read(&triangle(&square, Triangle::Lower, 0).expect("tril")),
            [1, 0, 0, 4, 5, 0, 7, 8, 9]
        );
        assert_eq!(
            read(&triangle(&square, Triangle::Upper, 1).expect("triu")),
            [0, 2, 3, 0, 0, 6, 0, 0, 0]
        );
        assert_eq!(
            read(&triangle(&square, Triangle::Upper, -9).expect("triu")),
            read(&square)
        );
        let turned = square.transpose(&[1, 0]);
        assert_eq!(
            read(&triangle(&turned, Triangle::Lower, -1).expect("tril")),
            [0, 0, 0, 2, 0, 0, 3, 6, 0]
        );
    }
}
