//! Where the chunks of a run lie: in memory, in a file, or in both.
//!
//! Holds what the state machine says; decides nothing. Reading and writing files happens outside of the run's lock: the
//! store only hands out what is needed for it.

use std::sync::Arc;

use hashbrown::HashMap;

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

/// The chunks of a run, by task.
#[derive(Debug, Default)]
pub struct Store {
    memory: Vec<Option<Chunk>>,
    /// Most runs write none.
    files: HashMap<TaskId, Arc<SpillFile>>,
}

impl Store {
    /// Room for `count` chunks.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self {
            memory: vec![None; count],
            files: HashMap::new(),
        }
    }

    /// Puts a chunk into memory.
    pub fn put(&mut self, task: TaskId, chunk: Chunk) {
        self.memory[task as usize] = Some(chunk);
    }

    /// A chunk that is in memory.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] when it isn't.
    pub fn get(&self, task: TaskId) -> Result<Chunk> {
        self.memory[task as usize].clone().ok_or_else(missing)
    }

    /// Takes a chunk out of memory.
    pub fn take(&mut self, task: TaskId) -> Option<Chunk> {
        self.memory[task as usize].take()
    }

    /// The file of a chunk, if it has one.
    #[must_use]
    pub fn file(&self, task: TaskId) -> Option<Arc<SpillFile>> {
        self.files.get(&task).cloned()
    }

    /// Remembers the file of a chunk.
    pub fn set_file(&mut self, task: TaskId, file: Arc<SpillFile>) {
        self.files.insert(task, file);
    }

    /// Takes a chunk out altogether.
    pub fn remove(&mut self, task: TaskId) -> Cell {
        Cell {
            memory: self.take(task),
            file: self.files.remove(&task),
        }
    }

    /// The cells of `outputs`, in order, taken out of the store; one that comes twice is shared.
    pub fn outputs(&mut self, outputs: &[TaskId]) -> Vec<Cell> {
        let mut wanted: HashMap<TaskId, Cell> = HashMap::new();
        let mut seen = vec![false; self.memory.len()];
        for &task in outputs {
            if std::mem::replace(&mut seen[task as usize], true) {
                wanted.entry(task).or_insert_with(|| self.remove(task));
            }
        }
        let cell = |task: &TaskId| match wanted.get(task) {
            Some(cell) => cell.clone(),
            None => self.remove(*task),
        };
        outputs.iter().map(cell).collect()
    }
}
