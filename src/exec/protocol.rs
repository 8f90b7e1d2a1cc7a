//! What the state machine of a run (`state`) is told and says: events, work, and actions.

use crate::task::TaskId;

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A task has made a chunk of `bytes`.
    Finished {
        /// The task.
        task: TaskId,
        /// What the chunk keeps alive.
        bytes: usize,
    },
    /// A task has failed: the run ends.
    Failed(TaskId),
    /// A chunk has been written to a file.
    Spilled(TaskId),
    /// A chunk can't be written (an object that can't be serialised); it stays in memory.
    Unspillable(TaskId),
    /// Writing a chunk has failed: the run ends.
    SpillFailed(TaskId),
    /// A chunk has been read back.
    Loaded(TaskId),
    /// Reading a chunk has failed: the run ends.
    LoadFailed(TaskId),
    /// The process uses so many bytes more than it should (0: none), as the system counts.
    Excess(usize),
    /// The run shall end.
    Cancel,
}

/// What to do for somebody who asks for work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Run a task; its inputs are in memory.
    Run(TaskId),
    /// Write a chunk to a file.
    Spill(TaskId),
    /// Read a chunk back.
    Load(TaskId),
    /// Nothing until the next event.
    Wait,
    /// The run is over.
    Done,
}

/// What an event makes necessary at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nobody needs the chunk any more: drop memory and file.
    Release(TaskId),
    /// The file has it: drop it from memory.
    Forget(TaskId),
}
