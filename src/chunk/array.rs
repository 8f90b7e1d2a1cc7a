//! A block of an n-dimensional array: one buffer, a shape, C order.
//!
//! Covers the value as it travels and is accounted for; kernels on it belong to `kernels::nd`.

use arrow::buffer::Buffer;

/// One contiguous block in C order.
#[derive(Clone, Debug)]
pub struct ArrayChunk {
    /// NumPy's `dtype.str`, such as `<f8`.
    pub dtype: String,
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// The elements.
    pub buffer: Buffer,
}

impl ArrayChunk {
    /// Bytes of memory that it keeps alive.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        self.buffer.capacity()
    }
}
