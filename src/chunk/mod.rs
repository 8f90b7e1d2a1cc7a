//! Values: what travels between tasks is always a [`Chunk`], so reference counts, accounting and spilling are written once.

pub mod array;
pub mod codec;
pub mod frame;
pub mod host;
pub mod source;

use std::sync::Arc;

pub use array::ArrayChunk;
pub use frame::{Batch, FrameChunk, IndexData};
pub use host::HostFn;
pub use source::{BatchFilter, BatchStream, Notice, Scan, Source};

use crate::host::HostRef;

/// A value between tasks. Cloning shares the memory.
#[derive(Clone, Debug)]
pub enum Chunk {
    /// Arrow batches with index levels.
    Frame(Arc<FrameChunk>),
    /// An n-dimensional block.
    Array(Arc<ArrayChunk>),
    /// An object of the host language.
    Host(HostRef),
}

impl Chunk {
    /// Bytes of memory that it keeps alive.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        match self {
            Self::Frame(frame) => frame.nbytes(),
            Self::Array(array) => array.nbytes(),
            Self::Host(value) => value.nbytes(),
        }
    }

    /// The number of rows of a frame.
    #[must_use]
    pub fn rows(&self) -> Option<usize> {
        match self {
            Self::Frame(frame) => Some(frame.len()),
            Self::Array(_) | Self::Host(_) => None,
        }
    }
}
