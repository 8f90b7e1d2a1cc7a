//! Where the chunks of a run lie: in memory, in a file, or in both.
//!
//! Holds what the state machine says; decides nothing. Reading and writing files happens outside of the run's lock: the
//! store only hands out what is needed for it.

use std::sync::Arc;

use crate::chunk::Chunk;
use crate::error::{Error, Result};
use crate::exec::spill::SpillFile;
use crate::task::TaskId;

/// A chunk in memory, in a file, or in both.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    memory: Option<Chunk>,
    file: Option<Arc<SpillFile>>,
}

impl Cell {
    /// One in memory.
    #[must_use]
    pub fn new(chunk: Chunk) -> Self {
        Self {
            memory: Some(chunk),
            file: None,
        }
    }

    /// The chunk; one in a file is read and not kept.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn get(&self) -> Result<Chunk> {
        match (&self.memory, &self.file) {
            (Some(chunk), _) => Ok(chunk.clone()),
            (None, Some(file)) => file.load(),
            (None, None) => Err(missing()),
        }
    }

    /// The chunk, for the caller's own; the file goes.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn take(self) -> Result<Chunk> {
        match self.memory {
            Some(chunk) => Ok(chunk),
            None => self.get(),
        }
    }

    /// Whether it is in memory.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.memory.is_some()
    }
}

fn missing() -> Error {
    Error::internal("a chunk is asked for after it was released")
}

/// The cells of a run, by task.
#[derive(Debug, Default)]
pub struct Store(Vec<Cell>);

impl Store {
    /// Room for `count` chunks.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self(vec![Cell::default(); count])
    }

    /// Puts a chunk into memory.
    pub fn put(&mut self, task: TaskId, chunk: Chunk) {
        self.0[task as usize].memory = Some(chunk);
    }

    /// A chunk that is in memory.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] when it isn't.
    pub fn get(&self, task: TaskId) -> Result<Chunk> {
        self.0[task as usize].memory.clone().ok_or_else(missing)
    }

    /// Takes a chunk out of memory.
    pub fn take(&mut self, task: TaskId) -> Option<Chunk> {
        self.0[task as usize].memory.take()
    }

    /// The file of a chunk, if it has one.
    #[must_use]
    pub fn file(&self, task: TaskId) -> Option<Arc<SpillFile>> {
        self.0[task as usize].file.clone()
    }

    /// Remembers the file of a chunk.
    pub fn set_file(&mut self, task: TaskId, file: Arc<SpillFile>) {
        self.0[task as usize].file = Some(file);
    }

    /// Takes a chunk out altogether.
    pub fn remove(&mut self, task: TaskId) -> Cell {
        std::mem::take(&mut self.0[task as usize])
    }

    /// The cells of `outputs`, in order; the store is empty for them afterwards.
    pub fn outputs(&mut self, outputs: &[TaskId]) -> Vec<Cell> {
        let cells: Vec<Cell> = outputs
            .iter()
            .map(|&task| self.0[task as usize].clone())
            .collect();
        for &task in outputs {
            self.0[task as usize] = Cell::default();
        }
        cells
    }
}
