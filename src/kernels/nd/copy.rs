//! Elements of views put into one dense block.

use arrow::buffer::MutableBuffer;

use crate::chunk::ArrayChunk;
use crate::chunk::array::dense_strides;
use crate::error::Result;
use crate::nd::NdDtype;

/// A view and where its first element goes.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The elements.
    pub chunk: ArrayChunk,
    /// Their place in the result.
    pub at: Vec<usize>,
}

/// One dense block of `shape` from pieces that fill it.
///
/// # Errors
/// When a piece reaches beyond the result.
pub fn gather(pieces: &[Piece], shape: &[usize], dtype: &NdDtype) -> Result<ArrayChunk> {
    let itemsize = dtype.itemsize();
    let mut out = MutableBuffer::from_len_zeroed(shape.iter().product::<usize>() * itemsize);
    let strides = dense_strides(shape, itemsize);
    for piece in pieces {
        if piece.chunk.size() == 0 {
            continue;
        }
        let mut index = vec![0; shape.len()];
        let from = &piece.chunk;
        'elements: loop {
            let source: isize = index
                .iter()
                .zip(&from.strides)
                .map(|(i, stride)| *i as isize * stride)
                .sum();
            let source = (from.offset as isize + source) as usize;
            let target: isize = index
                .iter()
                .zip(&piece.at)
                .zip(&strides)
                .map(|((i, at), stride)| (i + at) as isize * stride)
                .sum();
            let target = target as usize;
            out[target..target + itemsize]
                .copy_from_slice(&from.buffer.as_slice()[source..source + itemsize]);
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                if index[axis] < from.shape[axis] {
                    continue 'elements;
                }
                index[axis] = 0;
            }
            break;
        }
    }
    ArrayChunk::dense(dtype.clone(), shape.to_vec(), out.into())
}

/// The block itself, or a dense copy when it keeps more than twice its own bytes alive.
///
/// # Errors
/// Never for a sound block.
pub fn compact(chunk: &ArrayChunk) -> Result<ArrayChunk> {
    if chunk.size() * chunk.dtype.itemsize() * 2 >= chunk.nbytes() {
        return Ok(chunk.clone());
    }
    let piece = Piece {
        chunk: chunk.clone(),
        at: vec![0; chunk.shape.len()],
    };
    gather(&[piece], &chunk.shape, &chunk.dtype)
}
