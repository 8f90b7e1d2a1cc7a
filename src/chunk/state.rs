//! Partial results in the form in which a kernel holds them.
//!
//! Turning partial tables into Arrow and back touches as much fresh memory as the tables themselves, so a state stays as it
//! is as long as it stays in this process's memory; only a state that is spilled, or leaves the process, becomes a frame.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use crate::chunk::FrameChunk;
use crate::error::Result;
use crate::schema::FrameSchema;

/// A partial result. Who reads it knows its type, and takes the frame that it becomes as well.
pub trait State: Any + Debug + Send + Sync {
    /// Calls `visit` with address and size of each allocation that it keeps alive.
    fn buffers(&self, visit: &mut dyn FnMut(usize, usize));

    /// The number of rows of its frame.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The schema of its frame.
    fn schema(&self) -> Arc<FrameSchema>;

    /// The same as a frame.
    ///
    /// # Errors
    /// When Arrow can't build the columns.
    fn to_frame(&self) -> Result<FrameChunk>;

    /// Itself, for the kernel that made it.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}
