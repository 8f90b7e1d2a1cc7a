//! The shape of a task graph: who needs whom, and how much memory. All that ordering and scheduling ever look at.
//!
//! Invariants: inputs have smaller positions than their tasks; lists are flat (one allocation for all tasks); an input
//! that comes twice is listed twice on both sides.

use crate::error::{Error, Result};
use crate::task::{TaskGraph, TaskId, TaskOp};

/// Lists of task ids, one per task, in one flat vector.
#[derive(Debug, Default)]
pub struct Lists {
    starts: Vec<u32>,
    items: Vec<TaskId>,
}

impl Lists {
    /// The list of `task`.
    #[must_use]
    pub fn of(&self, task: TaskId) -> &[TaskId] {
        let task = task as usize;
        &self.items[self.starts[task] as usize..self.starts[task + 1] as usize]
    }

    fn push(&mut self, items: &[TaskId]) {
        self.items.extend_from_slice(items);
        self.starts.push(self.items.len() as u32);
    }

    /// The opposite direction; the items of each list come in the order in which `tasks` names them.
    #[must_use]
    pub fn reversed(&self, tasks: &[TaskId]) -> Self {
        let count = self.starts.len() - 1;
        let mut starts = vec![0_u32; count + 1];
        for &task in tasks {
            for &item in self.of(task) {
                starts[item as usize + 1] += 1;
            }
        }
        for i in 0..count {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut items = vec![0; starts[count] as usize];
        for &task in tasks {
            for &item in self.of(task) {
                let slot = &mut next[item as usize];
                items[*slot as usize] = task;
                *slot += 1;
            }
        }
        Self { starts, items }
    }
}

/// Inputs, memory needs and outputs of all tasks.
#[derive(Debug, Default)]
pub struct Shape {
    /// The inputs of each task.
    pub inputs: Lists,
    /// Bytes that each task will need at once beyond its inputs.
    pub projected: Vec<usize>,
    /// Tasks whose result somebody else holds anyway, so that dropping or spilling it frees nothing.
    pub held: Vec<bool>,
    /// Tasks that call the host language.
    pub host: Vec<bool>,
    /// Tasks that only cut their inputs, so that these need not be kept.
    pub cuts: Vec<bool>,
    /// The tasks whose results are asked for.
    pub outputs: Vec<TaskId>,
}

impl Shape {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        let mut shape = Self::default();
        shape.inputs.starts.push(0);
        shape
    }

    /// Adds a task and gives its position.
    pub fn push(&mut self, inputs: &[TaskId], projected: usize, held: bool) -> TaskId {
        let id = self.projected.len() as TaskId;
        self.inputs.push(inputs);
        self.projected.push(projected);
        self.held.push(held);
        self.host.push(false);
        self.cuts.push(false);
        id
    }

    /// The number of tasks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.projected.len()
    }

    /// Whether there are no tasks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.projected.is_empty()
    }

    /// The shape of a graph.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] when an input doesn't come before its task, or an output isn't there.
    pub fn of(graph: &TaskGraph) -> Result<Self> {
        let count = graph.tasks.len();
        let edges: usize = graph.tasks.iter().map(|task| task.inputs.len()).sum();
        if count >= u32::MAX as usize || edges >= u32::MAX as usize {
            return Err(Error::internal(format!(
                "a graph of {count} tasks with {edges} inputs is too large"
            )));
        }
        let mut shape = Self::new();
        shape.inputs.starts.reserve_exact(count);
        shape.inputs.items.reserve_exact(edges);
        shape.projected.reserve_exact(count);
        shape.held.reserve_exact(count);
        shape.host.reserve_exact(count);
        shape.cuts.reserve_exact(count);
        for (position, task) in graph.tasks.iter().enumerate() {
            if let Some(input) = task.inputs.iter().find(|&&input| input as usize >= position) {
                return Err(Error::internal(format!(
                    "task {} needs task {input}, which doesn't come before it",
                    task.key()
                )));
            }
            shape.push(&task.inputs, task.projected, matches!(task.op, TaskOp::Value(_)));
            shape.host[position] = task.is_host();
            shape.cuts[position] = task.cuts;
        }
        if let Some(output) = graph.outputs.iter().find(|&&output| output as usize >= count) {
            return Err(Error::internal(format!(
                "output {output} is asked for from a graph of {count} tasks"
            )));
        }
        shape.outputs.clone_from(&graph.outputs);
        Ok(shape)
    }
}
