//! A NumPy array in memory as a source: blocks are views of it.

use std::sync::Arc;

use crate::chunk::ArrayChunk;
use crate::chunk::array_source::{ArraySource, Region, ViewAxis};
use crate::error::Result;
use crate::nd::NdDtype;
use crate::token::{Token, Tokenizer};
use crate::wire::{Decoder, Encoder, Wire};

/// What [`ArraySource::wire_kind`] calls it.
pub const KIND: &str = "memory";

/// An array in memory.
#[derive(Debug)]
pub struct MemoryArray {
    whole: ArrayChunk,
    token: Token,
}

impl MemoryArray {
    /// The array with its content hash.
    #[must_use]
    pub fn new(whole: ArrayChunk, token: Token) -> Self {
        Self { whole, token }
    }

    /// Reads what [`ArraySource::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn from_wire(from: &mut Decoder) -> Result<Arc<dyn ArraySource>> {
        let shape: Vec<usize> = from.take()?;
        let core: ArrayChunk = from.take()?;
        Ok(Arc::new(Self::new(core.broadcast(&shape)?, from.take()?)))
    }
}

impl ArraySource for MemoryArray {
    fn name(&self) -> &'static str {
        "from-array"
    }

    fn dtype(&self) -> NdDtype {
        self.whole.dtype.clone()
    }

    fn shape(&self) -> Vec<usize> {
        self.whole.shape.clone()
    }

    fn token(&self) -> Token {
        self.token
    }

    fn describe(&self, region: &Region) -> String {
        format!("{region:?} of an array in memory")
    }

    fn projected_bytes(&self, _: &Region) -> usize {
        0
    }

    fn read(&self, region: &Region) -> Result<ArrayChunk> {
        let parts: Vec<_> = region.iter().map(|(start, len)| (*start, *len, 1)).collect();
        self.whole.slice(&parts)
    }

    fn in_memory(&self) -> bool {
        true
    }

    fn in_rows(&self) -> bool {
        self.whole.strides.last() == Some(&(self.whole.dtype.itemsize() as isize))
    }

    fn viewed(
        &self,
        axes: &[ViewAxis],
        fixed: &[(usize, usize)],
        shape: &[usize],
    ) -> Option<Arc<dyn ArraySource>> {
        let whole = &self.whole;
        let mut t = Tokenizer::new();
        t.text("view").token(self.token).number(axes.len() as u64);
        let mut offset = whole.offset as isize;
        let mut strides = Vec::with_capacity(axes.len());
        for (axis, len) in axes.iter().zip(shape) {
            t.number(*len as u64);
            match axis {
                None => {
                    t.number(0);
                    strides.push(0);
                }
                Some((axis, start, step)) => {
                    t.number(1)
                        .number(*axis as u64)
                        .number(*start as u64)
                        .number(step.cast_unsigned() as u64);
                    offset += *start as isize * whole.strides[*axis];
                    strides.push(whole.strides[*axis] * step);
                }
            }
        }
        for (axis, position) in fixed {
            t.number(*axis as u64).number(*position as u64);
            offset += *position as isize * whole.strides[*axis];
        }
        // of nothing, it doesn't matter where it is
        let offset = if shape.contains(&0) {
            0
        } else {
            offset.unsigned_abs()
        };
        let dtype = whole.dtype.clone();
        let view = ArrayChunk::strided(dtype, shape.to_vec(), strides, offset, whole.buffer.clone()).ok()?;
        Some(Arc::new(Self::new(view, t.finish())))
    }

    fn wire_kind(&self) -> &'static str {
        KIND
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.whole.shape.encode(out)?;
        self.whole.without_repeats().encode(out)?;
        self.token.encode(out)
    }
}
