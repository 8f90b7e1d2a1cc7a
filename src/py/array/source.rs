//! A NumPy array in memory as a source: blocks are views of it.

use crate::chunk::ArrayChunk;
use crate::chunk::array_source::{ArraySource, Region};
use crate::error::Result;
use crate::nd::NdDtype;
use crate::token::Token;

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
}
