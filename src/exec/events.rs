//! What can be seen of a run from outside: counters, and on demand one event per task.
//!
//! Reading the counters costs the run nothing; events are collected only while somebody listens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use crate::chunk::Chunk;
use crate::error::{Error, Kind, Result};
use crate::sync::Mutex;
use crate::task::{Control, TaskId};
use crate::token::Name;

/// One task that has run, well or not.
#[derive(Clone, Debug)]
pub struct TaskEvent {
    /// Its position in the graph.
    pub task: TaskId,
    /// Its name.
    pub name: Name,
    /// Its partition.
    pub partition: usize,
    /// The worker of the run that ran it, from 0.
    pub worker: usize,
    /// When it started.
    pub start: Instant,
    /// When it ended.
    pub end: Instant,
    /// The bytes of its chunk; `None` when it failed.
    pub bytes: Option<usize>,
}

/// Somebody who is told of each task while it happens, on the thread that runs it. An error ends the run.
pub trait Observer: Send + Sync {
    /// A task is about to run.
    ///
    /// # Errors
    /// Whatever ends the run.
    fn before(&self, task: TaskId) -> Result<()>;

    /// A task has made its chunk.
    ///
    /// # Errors
    /// Whatever ends the run.
    fn after(&self, task: TaskId, chunk: &Chunk) -> Result<()>;
}

/// A snapshot of the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tasks that have finished.
    pub done: usize,
    /// Tasks that the run needs.
    pub total: usize,
    /// Rows that sources have delivered.
    pub rows: u64,
    /// Bytes that sources have read.
    pub bytes: u64,
    /// Bytes of live chunks.
    pub live: usize,
    /// Bytes written to spill files.
    pub spilled: usize,
}

/// The progress of a run; it may be used for one run after another, and for one at a time.
#[derive(Default)]
pub struct Progress {
    done: AtomicUsize,
    total: AtomicUsize,
    live: AtomicUsize,
    spilled: AtomicUsize,
    cancelled: AtomicBool,
    listening: AtomicBool,
    control: Mutex<Arc<Control>>,
    events: Mutex<Vec<TaskEvent>>,
    observer: Mutex<Option<Arc<dyn Observer>>>,
}

impl Progress {
    /// One that nobody listens to.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Has somebody told of each task of the next run.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        *self.observer.lock() = Some(observer);
    }

    pub(super) fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.observer.lock().clone()
    }

    /// The counters now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let control = self.control.lock().clone();
        Counts {
            done: self.done.load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
            rows: control.rows.load(Ordering::Relaxed),
            bytes: control.bytes.load(Ordering::Relaxed),
            live: self.live.load(Ordering::Relaxed),
            spilled: self.spilled.load(Ordering::Relaxed),
        }
    }

    /// Stops the run, from any thread, and every later run with this progress: running tasks end at their next batch.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.control.lock().cancel();
    }

    /// Starts or stops collecting events.
    pub fn listen(&self, on: bool) {
        self.listening.store(on, Ordering::Release);
    }

    /// Takes the events collected so far.
    pub fn take_events(&self) -> Vec<TaskEvent> {
        std::mem::take(&mut self.events.lock())
    }

    /// Starts a run of `total` tasks: counters begin anew.
    pub(super) fn begin(&self, total: usize) -> Result<Arc<Control>> {
        let control = Arc::new(Control::default());
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        self.live.store(0, Ordering::Relaxed);
        self.spilled.store(0, Ordering::Relaxed);
        *self.control.lock() = control.clone();
        if self.cancelled.load(Ordering::Acquire) {
            return Err(Error::new(Kind::Cancelled, "the run was cancelled"));
        }
        Ok(control)
    }

    pub(super) fn set(&self, done: usize, live: usize) {
        self.done.store(done, Ordering::Relaxed);
        self.live.store(live, Ordering::Relaxed);
    }

    pub(super) fn add_spilled(&self, bytes: usize) {
        self.spilled.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    pub(super) fn push(&self, event: TaskEvent) {
        self.events.lock().push(event);
    }
}
