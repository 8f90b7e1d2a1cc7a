//! Values: what travels between tasks is always a [`Chunk`], so reference counts, accounting and spilling are written once.

pub mod array;
pub mod array_source;
pub mod codec;
pub mod copied;
pub mod frame;
pub mod held;
pub mod held_array;
pub mod host;
pub mod source;
pub mod state;
pub mod wire;

use std::sync::Arc;

pub use array::ArrayChunk;
pub use array_source::ArraySource;
pub use frame::{Batch, FrameChunk, IndexData};
pub use host::HostFn;
pub use source::{BatchFilter, BatchStream, Notice, Scan, Source};
pub use state::State;

use crate::host::HostRef;

/// A value between tasks. Cloning shares the memory.
#[derive(Clone, Debug)]
pub enum Chunk {
    /// Arrow batches with index levels.
    Frame(Arc<FrameChunk>),
    /// An n-dimensional block.
    Array(Arc<ArrayChunk>),
    /// Several blocks that belong together: the state of a reduction.
    Arrays(Arc<Vec<ArrayChunk>>),
    /// An object of the host language.
    Host(HostRef),
    /// A partial result as a kernel holds it.
    State(Arc<dyn State>),
}

impl Chunk {
    /// Bytes of memory that it keeps alive.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        match self {
            Self::State(state) => {
                let mut total = 0;
                state.buffers(&mut |_, bytes| total += bytes);
                total
            }
            Self::Frame(frame) => frame.nbytes(),
            Self::Array(array) => array.nbytes(),
            Self::Arrays(arrays) => arrays.iter().map(ArrayChunk::nbytes).sum(),
            Self::Host(value) => value.nbytes(),
        }
    }

    /// Calls `visit` with address and size of each allocation that it keeps alive; a shared one may come more than once.
    /// Gives the bytes beyond these, which can't be told apart from others'.
    pub fn buffers(&self, visit: &mut dyn FnMut(usize, usize)) -> usize {
        match self {
            Self::Frame(frame) => frame.buffers(visit),
            Self::Array(array) => visit(array.buffer.data_ptr().as_ptr() as usize, array.nbytes()),
            Self::Arrays(arrays) => arrays
                .iter()
                .for_each(|array| visit(array.buffer.data_ptr().as_ptr() as usize, array.nbytes())),
            Self::Host(value) => return value.nbytes(),
            Self::State(state) => state.buffers(visit),
        }
        0
    }

    /// The number of rows of a frame.
    #[must_use]
    pub fn rows(&self) -> Option<usize> {
        match self {
            Self::Frame(frame) => Some(frame.len()),
            Self::State(state) => Some(state.len()),
            Self::Array(_) | Self::Arrays(_) | Self::Host(_) => None,
        }
    }
}
