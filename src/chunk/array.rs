//! A block of an n-dimensional array: a buffer, a shape and strides, as NumPy has them.
//!
//! Covers the value as it travels and is accounted for, and views of it (slices, transposes, broadcasts) that share the
//! buffer; computing with it belongs to `kernels::nd`. Invariants: every element that shape and strides reach lies inside
//! the buffer, at an address that is a multiple of the alignment of its type; equal elements may share memory (stride 0), so
//! a chunk is never written to once it exists.

use arrow::buffer::Buffer;

use crate::error::{Error, Result};
use crate::nd::NdDtype;

/// One block.
#[derive(Clone, Debug)]
pub struct ArrayChunk {
    /// Type of the elements; never `Host`.
    pub dtype: NdDtype,
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// Bytes from an element to the next one along each axis.
    pub strides: Vec<isize>,
    /// Where the first element is, in bytes.
    pub offset: usize,
    /// The memory.
    pub buffer: Buffer,
}

/// The strides of a dense block in C order.
#[must_use]
pub fn dense_strides(shape: &[usize], itemsize: usize) -> Vec<isize> {
    let mut strides = vec![0; shape.len()];
    let mut step = itemsize;
    for (stride, len) in strides.iter_mut().zip(shape).rev() {
        *stride = step as isize;
        step *= (*len).max(1);
    }
    strides
}

impl ArrayChunk {
    /// A dense block in C order.
    ///
    /// # Errors
    /// When the buffer is too short.
    pub fn dense(dtype: NdDtype, shape: Vec<usize>, buffer: Buffer) -> Result<Self> {
        let strides = dense_strides(&shape, dtype.itemsize());
        Self::strided(dtype, shape, strides, 0, buffer)
    }

    /// A block whose elements are all the one in `item`.
    ///
    /// # Errors
    /// When `item` isn't one element.
    pub fn uniform(dtype: NdDtype, shape: Vec<usize>, item: Buffer) -> Result<Self> {
        let strides = vec![0; shape.len()];
        Self::strided(dtype, shape, strides, 0, item)
    }

    /// A block with any strides.
    ///
    /// # Errors
    /// When an element would lie outside the buffer.
    pub fn strided(
        dtype: NdDtype,
        shape: Vec<usize>,
        strides: Vec<isize>,
        offset: usize,
        buffer: Buffer,
    ) -> Result<Self> {
        let chunk = Self {
            dtype,
            shape,
            strides,
            offset,
            buffer,
        };
        if chunk.shape.len() != chunk.strides.len() {
            return Err(Error::internal("an array chunk with as many strides as axes"));
        }
        if chunk.size() > 0 {
            let reach = |pick: fn(isize) -> bool| -> isize {
                let steps = chunk.shape.iter().zip(&chunk.strides);
                steps
                    .filter(|(_, stride)| pick(**stride))
                    .map(|(len, stride)| (*len as isize - 1) * stride)
                    .sum()
            };
            let first = chunk.offset as isize + reach(|stride| stride < 0);
            let last = chunk.offset as isize + reach(|stride| stride > 0) + chunk.dtype.itemsize() as isize;
            if first < 0 || last > chunk.buffer.len() as isize {
                return Err(Error::internal("an array chunk that reaches beyond its buffer"));
            }
        }
        Ok(chunk)
    }

    /// The number of elements.
    #[must_use]
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of memory that it keeps alive.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// The bytes of its elements, in C order, when they lie so in memory.
    #[must_use]
    pub fn as_dense(&self) -> Option<&[u8]> {
        let itemsize = self.dtype.itemsize();
        if self.size() == 0 {
            return Some(&[]);
        }
        let mut step = itemsize as isize;
        for (len, stride) in self.shape.iter().zip(&self.strides).rev() {
            if *len != 1 && *stride != step {
                return None;
            }
            step *= *len as isize;
        }
        Some(&self.buffer.as_slice()[self.offset..self.offset + self.size() * itemsize])
    }

    /// Its elements in C order, as runs of bytes that lie together.
    ///
    /// # Errors
    /// What `visit` reports.
    pub fn runs(&self, visit: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if self.size() == 0 {
            return Ok(());
        }
        if let Some(bytes) = self.as_dense() {
            return visit(bytes);
        }
        let mut run = self.dtype.itemsize();
        let mut inner = self.shape.len();
        while inner > 0 && (self.shape[inner - 1] == 1 || self.strides[inner - 1] == run as isize) {
            run *= self.shape[inner - 1];
            inner -= 1;
        }
        let mut index = vec![0; inner];
        let mut at = self.offset as isize;
        loop {
            visit(&self.buffer.as_slice()[at as usize..at as usize + run])?;
            let mut axis = inner;
            loop {
                if axis == 0 {
                    return Ok(());
                }
                axis -= 1;
                index[axis] += 1;
                at += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.strides[axis] * self.shape[axis] as isize;
                index[axis] = 0;
            }
        }
    }

    /// A view of part of it: along each axis from `start`, `len` elements, every `step`th.
    ///
    /// # Errors
    /// When the part isn't inside.
    pub fn slice(&self, parts: &[(usize, usize, isize)]) -> Result<Self> {
        let mut offset = self.offset as isize;
        let mut shape = Vec::with_capacity(parts.len());
        let mut strides = Vec::with_capacity(parts.len());
        for ((start, len, step), stride) in parts.iter().zip(&self.strides) {
            if *len > 0 {
                offset += *start as isize * stride;
            }
            shape.push(*len);
            strides.push(stride * step);
        }
        let empty = shape.contains(&0);
        let offset = if empty { self.offset } else { offset as usize };
        Self::strided(self.dtype.clone(), shape, strides, offset, self.buffer.clone())
    }

    /// Axes along which every element is the same cut to one: what to write, and to broadcast when it is read.
    #[must_use]
    pub fn without_repeats(&self) -> Self {
        let mut core = self.clone();
        if !core.shape.contains(&0) {
            for (len, stride) in core.shape.iter_mut().zip(&core.strides) {
                *len = if *stride == 0 { 1 } else { *len };
            }
        }
        core
    }

    /// A view with the axes in another order: axis `i` of the result is axis `order[i]`.
    #[must_use]
    pub fn transpose(&self, order: &[usize]) -> Self {
        Self {
            dtype: self.dtype.clone(),
            shape: order.iter().map(|axis| self.shape[*axis]).collect(),
            strides: order.iter().map(|axis| self.strides[*axis]).collect(),
            offset: self.offset,
            buffer: self.buffer.clone(),
        }
    }

    /// A view of a larger shape by NumPy's rules.
    ///
    /// # Errors
    /// When the shapes don't go together.
    pub fn broadcast(&self, shape: &[usize]) -> Result<Self> {
        let fresh = shape.len().checked_sub(self.shape.len());
        let fresh = fresh.ok_or_else(|| Error::internal("a broadcast to fewer axes"))?;
        let mut strides = vec![0; fresh];
        for ((own, stride), wanted) in self.shape.iter().zip(&self.strides).zip(&shape[fresh..]) {
            match own {
                _ if own == wanted => strides.push(*stride),
                1 => strides.push(0),
                _ => {
                    return Err(Error::value(format!(
                        "a chunk of shape {:?} can't be broadcast to {shape:?}",
                        self.shape
                    )));
                }
            }
        }
        Ok(Self {
            dtype: self.dtype.clone(),
            shape: shape.to_vec(),
            strides,
            offset: self.offset,
            buffer: self.buffer.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nd::Elem;

    fn bytes(chunk: &ArrayChunk) -> Vec<u8> {
        let mut all = Vec::new();
        chunk
            .runs(&mut |run| {
                all.extend_from_slice(run);
                Ok(())
            })
            .expect("runs");
        all
    }

    #[test]
    fn views_share_memory_and_read_in_c_order() {
        let dtype = NdDtype::Num(Elem::U8);
        let chunk = ArrayChunk::dense(
            dtype.clone(),
            vec![2, 3],
            Buffer::from_vec(vec![0u8, 1, 2, 3, 4, 5]),
        )
        .expect("dense");
        assert_eq!(bytes(&chunk.transpose(&[1, 0])), [0, 3, 1, 4, 2, 5]);
        assert_eq!(
            bytes(&chunk.slice(&[(1, 2, -1), (0, 2, 2)]).expect("slice")),
            [3, 5, 0, 2]
        );
        assert_eq!(
            bytes(&chunk.slice(&[(0, 0, 1), (0, 3, 1)]).expect("slice")),
            Vec::<u8>::new()
        );
        assert!(chunk.slice(&[(0, 3, 1), (0, 3, 1)]).is_err());
        let row = ArrayChunk::uniform(dtype, vec![1, 2], Buffer::from_vec(vec![7u8])).expect("uniform");
        assert_eq!(bytes(&row.broadcast(&[2, 2, 2]).expect("broadcast")), [7; 8]);
        assert!(chunk.broadcast(&[4, 3]).is_err());
    }
}
