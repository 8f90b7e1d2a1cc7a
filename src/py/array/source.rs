//! A NumPy array in memory as a source: blocks are views of it.

use std::sync::Arc;

use crate::chunk::ArrayChunk;
use crate::chunk::array_source::{ArraySource, Region};
use crate::error::Result;
use crate::nd::NdDtype;
use crate::token::Token;
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
        Ok(Arc::new(Self::new(from.take()?, from.take()?)))
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

    fn wire_kind(&self) -> &'static str {
        KIND
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.whole.encode(out)?;
        self.token.encode(out)
    }
}
