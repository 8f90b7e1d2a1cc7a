//! Physical tasks: what is executed. A task is a fused pipeline over one partition, a merge, or one host call.
//!
//! Covers tasks and their graph (`graph`), the pipeline (`pipeline`) and the one function that runs a task (`run`). Does
//! not cover when and where tasks run (`exec`).

pub mod array;
pub mod graph;
mod literal;
pub mod pick;
pub mod pipeline;
pub mod place;
pub mod product;
pub mod reduce;
pub mod run;
pub mod scan;
pub mod wire;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use graph::{Task, TaskGraph, TaskId, TaskOp};

pub use crate::kernels::agg::{AggPlan, GroupOptions};

use crate::error::{Error, Kind, Result};

/// What a running task and its scheduler tell each other.
#[derive(Debug, Default)]
pub struct Control {
    cancelled: AtomicBool,
    /// Rows that sources have delivered.
    pub rows: AtomicU64,
    /// Bytes that sources have read.
    pub bytes: AtomicU64,
}

impl Control {
    /// Asks running tasks to stop at the next batch.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// Whether tasks should stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Fails when tasks should stop; called between batches.
    ///
    /// # Errors
    /// [`Kind::Cancelled`].
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            Err(Error::new(Kind::Cancelled, "the run was cancelled"))
        } else {
            Ok(())
        }
    }
}
