//! The scheduler: runs a [`TaskGraph`] within a memory budget, on worker threads or on the calling thread.
//!
//! Parts: `shape` and `order` (who needs whom, depth-first priorities), `state` (the pure state machine), `run` (what a
//! worker does), `workers` (the threads), `store`, `spill`, `ledger`, `memory` (chunks, files, their bytes, the
//! process's), `events` (what can be seen
//! from outside). Never looks inside a task.

pub mod events;
mod ledger;
mod lineage;
pub mod memory;
pub mod order;
pub mod protocol;
mod run;
pub mod shape;
pub mod spill;
pub mod state;
pub mod store;
pub mod workers;

use std::sync::Arc;

pub use events::{Counts, Observer, Progress, TaskEvent};
pub use spill::{remove_spill_folder, remove_stale_folders};
pub use store::Cell;
pub use workers::{NoHook, WorkerHook, shutdown_workers};

use crate::chunk::Chunk;
use crate::config::Settings;
use crate::error::Result;
use crate::exec::run::Run;
use crate::exec::workers::Crew;
use crate::task::{Control, Task, TaskGraph};

/// What runs a task on its inputs: `task::run::run`, or something else in tests.
pub type Runner = Arc<dyn Fn(&Task, Vec<Chunk>, &Control) -> Result<Chunk> + Send + Sync>;

/// A run inside a run may have this many threads for each one that it asks for, since those above it wait.
const NESTED: usize = 4;

/// Runs `graph` and gives the chunks of its outputs, in order.
///
/// The calling thread calls `poll` about every 20 ms (between tasks when it runs them itself); an error from it ends the
/// run and is returned. `hook` is called once around the life of each worker thread that this run has to make.
///
/// # Errors
/// The first error of a task, with a note naming it; of `poll`; of a spill file; [`crate::error::Kind::Cancelled`] after
/// [`Progress::cancel`].
pub fn execute(
    graph: Arc<TaskGraph>,
    settings: &Settings,
    runner: Runner,
    progress: &Arc<Progress>,
    hook: &Arc<dyn WorkerHook>,
    poll: &mut dyn FnMut() -> Result<()>,
) -> Result<Vec<Chunk>> {
    let outputs = graph.outputs.clone();
    let cells = execute_cells(graph, settings, runner, progress, hook, poll)?;
    // One that is asked for twice is read once.
    let mut loaded = hashbrown::HashMap::new();
    let mut chunks = Vec::with_capacity(cells.len());
    for (task, cell) in outputs.into_iter().zip(cells) {
        if cell.is_loaded() {
            chunks.push(cell.take()?);
            continue;
        }
        let chunk = match loaded.remove(&task) {
            Some(chunk) => chunk,
            None => cell.take()?,
        };
        loaded.insert(task, chunk.clone());
        chunks.push(chunk);
        poll()?;
    }
    Ok(chunks)
}

/// Like [`execute`], but leaves spilled results in their files, so that a big one can be put together piece by piece.
///
/// # Errors
/// As [`execute`].
pub fn execute_cells(
    graph: Arc<TaskGraph>,
    settings: &Settings,
    runner: Runner,
    progress: &Arc<Progress>,
    hook: &Arc<dyn WorkerHook>,
    poll: &mut dyn FnMut() -> Result<()>,
) -> Result<Vec<Cell>> {
    let run = Run::new(graph, settings, runner, progress.clone(), hook.clone())?;
    let workers = settings.threads.min(run.total());
    let nested = lineage::inside_a_task();
    if settings.threads == 0 || nested {
        // The thread that would wait does the work, so a run inside a run always gets on; others help when there are some.
        let helpers = if nested { workers.saturating_sub(1) } else { 0 };
        let most = NESTED * settings.threads;
        let crew = (helpers > 0).then(|| Crew::new(&run, 1, helpers, most, hook));
        drive(&run, poll);
        // Without helpers the work was done all the same.
        drop(crew);
    } else if workers > 0 {
        let crew = Crew::new(&run, 0, workers, usize::MAX, hook)?;
        if run.watch(poll) {
            drop(crew);
        } else {
            crew.leave();
        }
    } else {
        drive(&run, poll);
    }
    run.finish()
}

fn drive(run: &Arc<Run>, poll: &mut dyn FnMut() -> Result<()>) {
    let driven = run::caught(|| {
        run.drive(0, Some(poll));
        Ok(())
    });
    if let Err(error) = driven {
        run.broken(error);
    }
}

#[cfg(test)]
#[path = "execute_test.rs"]
mod tests;
