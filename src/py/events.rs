//! Hooks of Python that hear of each task: what `dusk.callbacks.TaskEvents` is told.
//!
//! Covers the keys under which tasks appear (a delayed value under its own key, a partition under its name and number) and
//! the description of each task. Costs nothing unless somebody has hooks. Results that the engine holds natively are
//! handed over as `_core.Chunk`, whose `to_object` makes the pandas object for those who need it.

use hashbrown::HashSet;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::chunk::Chunk;
use crate::error::Result;
use crate::exec::Observer;
use crate::py::compute::PyChunk;
use crate::py::delayed::DelayedFn;
use crate::py::error::host;
use crate::py::host::{PyHostValue, callable};
use crate::task::{TaskGraph, TaskId, TaskOp};

/// Tells a `TaskEvents` of the tasks of one graph.
pub struct TaskHooks {
    events: Py<PyAny>,
    keys: Vec<Py<PyAny>>,
    /// Values that are there from the beginning are no tasks to those who listen.
    values: Vec<bool>,
}

impl TaskHooks {
    /// Says which tasks there are.
    ///
    /// # Errors
    /// The exception of a hook.
    pub fn new(events: &Py<PyAny>, graph: &TaskGraph) -> Result<Self> {
        Python::attach(|py| {
            let make = || -> PyResult<Self> {
                let keys = keys_of(py, graph)?;
                let (tasks, data, needs) = (PyDict::new(py), PyDict::new(py), PyDict::new(py));
                let mut values = Vec::with_capacity(keys.len());
                for (task, key) in graph.tasks.iter().zip(&keys) {
                    let inputs = task.inputs.iter().map(|input| keys[*input as usize].bind(py));
                    let inputs = PyList::new(py, inputs.collect::<Vec<_>>())?;
                    values.push(matches!(task.op, TaskOp::Value(_)));
                    if let TaskOp::Value(chunk) = &task.op {
                        let value = object_of(py, chunk)?;
                        tasks.set_item(key, &value)?;
                        data.set_item(key, value)?;
                    } else {
                        let what = match &task.op {
                            TaskOp::Host { call, .. } => callable(py, &*call.function)?,
                            _ => task.describe().into_pyobject(py)?.into_any(),
                        };
                        let parts = std::iter::once(what).chain(inputs.iter());
                        tasks.set_item(key, PyTuple::new(py, parts.collect::<Vec<_>>())?)?;
                    }
                    needs.set_item(key, inputs)?;
                }
                let outputs = graph.outputs.iter().map(|task| &keys[*task as usize]);
                let outputs = PyList::new(py, outputs)?;
                let known = intern!(py, "known");
                events
                    .bind(py)
                    .call_method1(known, (needs, data, tasks, outputs))?;
                Ok(Self {
                    events: events.clone_ref(py),
                    keys,
                    values,
                })
            };
            make().map_err(host(py))
        })
    }
}

fn keys_of(py: Python<'_>, graph: &TaskGraph) -> PyResult<Vec<Py<PyAny>>> {
    let mut seen = HashSet::new();
    let mut keys = Vec::with_capacity(graph.tasks.len());
    for (task, id) in graph.tasks.iter().zip(0..) {
        let given = graph.keys.get(&id);
        if let Some(key) = given.and_then(|key| PyHostValue::object(py, key.as_ref())) {
            keys.push(key.unbind());
            continue;
        }
        let name = task.name.to_string();
        let delayed = matches!(&task.op, TaskOp::Host { call, .. }
            if call.function.as_any().is::<DelayedFn>());
        let first = seen.insert((task.name.clone(), task.partition));
        let key = match (delayed, first) {
            (true, true) => name.into_pyobject(py)?.into_any(),
            (false, true) => (name, task.partition).into_pyobject(py)?.into_any(),
            // a step of the same partition, such as the part of an aggregation
            (_, false) => (name, task.partition, id).into_pyobject(py)?.into_any(),
        };
        keys.push(key.unbind());
    }
    Ok(keys)
}

/// The object in a host chunk, or a handle to a native one.
fn object_of<'py>(py: Python<'py>, chunk: &Chunk) -> PyResult<Bound<'py, PyAny>> {
    if let Chunk::Host(value) = chunk
        && let Some(object) = PyHostValue::object(py, value.as_ref())
    {
        return Ok(object);
    }
    Ok(Bound::new(py, PyChunk::new(chunk.clone()))?.into_any())
}

impl Observer for TaskHooks {
    fn before(&self, task: TaskId) -> Result<()> {
        if self.values[task as usize] {
            return Ok(());
        }
        Python::attach(|py| {
            let key = &self.keys[task as usize];
            let told = self.events.bind(py).call_method1(intern!(py, "before"), (key,));
            told.map(drop).map_err(host(py))
        })
    }

    fn after(&self, task: TaskId, chunk: &Chunk) -> Result<()> {
        if self.values[task as usize] {
            return Ok(());
        }
        Python::attach(|py| {
            let tell = || -> PyResult<()> {
                let key = &self.keys[task as usize];
                let value = object_of(py, chunk)?;
                self.events
                    .bind(py)
                    .call_method1(intern!(py, "after"), (key, value, py.None()))
                    .map(drop)
            };
            tell().map_err(host(py))
        })
    }
}
