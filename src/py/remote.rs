//! Tasks that run in other processes: written, handed to `dusk._processes`, waited for, and their replies read.
//!
//! What only moves rows stays here, as do merges of partial results, whose inputs are here already: sending them would cost
//! more than doing them. Does not cover processes themselves (Python's half) or what they do (`wire::run_task`).
//!
//! Invariants: a cancelled run waits for no process; a reply is read by the rules of `task::wire`, and what only the source at
//! home can settle runs here again.

use std::sync::Arc;
use std::time::Duration;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::chunk::Chunk;
use crate::error::{Error, Kind, Result};
use crate::exec::Runner;
use crate::py::error::from_pyerr;
use crate::py::wire::{decoder, from_python, to_python};
use crate::task::wire as tasks;
use crate::task::{self, Control, Task, TaskOp};
use crate::wire::{Encoder, Parts};

/// How long the interpreter waits for a reply at a time; then a cancelled run is noticed.
const PATIENCE: Duration = Duration::from_millis(100);

/// What runs the tasks of a run through `transport`, a `dusk._processes.Transport`.
#[must_use]
pub fn runner(transport: Py<PyAny>) -> Runner {
    Arc::new(move |task, inputs, control| {
        if stays(task) {
            task::run::run(task, inputs, control)
        } else {
            run_elsewhere(&transport, task, inputs, control)
        }
    })
}

fn stays(task: &Task) -> bool {
    match &task.op {
        TaskOp::Pipeline { .. }
        | TaskOp::Host { .. }
        | TaskOp::Compute(_)
        | TaskOp::PartialReduce(_)
        | TaskOp::Product(_)
        | TaskOp::Scan(_) => false,
        TaskOp::ReadArray(source, region) => source.projected_bytes(region) == 0,
        TaskOp::Value(_)
        | TaskOp::HostScan(..)
        | TaskOp::Gather(_)
        | TaskOp::Part(_)
        | TaskOp::Pick(_)
        | TaskOp::Place(_)
        | TaskOp::MergeReduce(_)
        | TaskOp::FinishReduce(_)
        | TaskOp::Merge(_)
        | TaskOp::Finish(_)
        | TaskOp::Concat
        | TaskOp::Piece { .. } => true,
    }
}

fn run_elsewhere(transport: &Py<PyAny>, task: &Task, inputs: Vec<Chunk>, control: &Control) -> Result<Chunk> {
    control.check()?;
    let mut out = Encoder::new(tasks::TASK);
    tasks::encode_request(task, &inputs, &mut out)?;
    let parts = out.finish();
    let reply =
        Python::attach(|py| ask(py, transport, task, parts, control).map_err(|error| with_notes(py, error)));
    let Some(parts) = reply? else {
        return Err(Error::new(Kind::Cancelled, "the run was cancelled"));
    };
    let mut from = decoder(parts, tasks::REPLY, "a reply", false)?;
    match tasks::decode_reply(task, control, &mut from) {
        Ok(chunk) => from.finish().map(|()| chunk),
        Err(error) if tasks::concerns_source(&error) => task::run::run(task, inputs, control),
        Err(error) => Err(error),
    }
}

/// An exception with its notes: the worker has said already which task it was.
fn with_notes(py: Python<'_>, exception: PyErr) -> Error {
    let notes = exception.value(py).getattr(intern!(py, "__notes__"));
    let notes: Vec<String> = notes.and_then(|notes| notes.extract()).unwrap_or_default();
    notes.into_iter().fold(from_pyerr(py, exception), Error::note)
}

/// The parts of the reply; none when the run was cancelled meanwhile. A user's exception is raised.
fn ask(
    py: Python<'_>,
    transport: &Py<PyAny>,
    task: &Task,
    parts: Parts,
    control: &Control,
) -> PyResult<Option<Parts>> {
    let (head, buffers, objects) = to_python(py, parts)?;
    let request = transport
        .bind(py)
        .call_method1(intern!(py, "begin"), (task.key(), head, buffers, objects))?;
    loop {
        let reply = request.call_method1(intern!(py, "wait"), (PATIENCE.as_secs_f64(),))?;
        if !reply.is_none() {
            let (head, buffers, objects): (Bound<'_, PyBytes>, Vec<_>, Vec<_>) = reply.extract()?;
            return from_python(head.as_bytes(), &buffers, &objects).map(Some);
        }
        if control.is_cancelled() {
            request.call_method0(intern!(py, "abandon"))?;
            return Ok(None);
        }
    }
}

/// Runs tasks that a user's function has failed in up to `retries` times more.
#[must_use]
pub fn with_retries(runner: Runner, retries: usize) -> Runner {
    if retries == 0 {
        return runner;
    }
    Arc::new(move |task, inputs, control| {
        let mut left = if matches!(task.op, TaskOp::Host { .. }) {
            retries
        } else {
            0
        };
        loop {
            let result = if left == 0 {
                return runner(task, inputs, control);
            } else {
                runner(task, inputs.clone(), control)
            };
            match result {
                Err(error) if error.kind() == Kind::Host && is_failure(&error) => left -= 1,
                result => return result,
            }
        }
    })
}

/// Whether an error is a failure of the user's function, rather than the end of the program or of its processes.
fn is_failure(error: &Error) -> bool {
    let exception = error.host_exception().and_then(|e| e.downcast_ref::<PyErr>());
    exception.is_some_and(|exception| {
        Python::attach(|py| {
            let killed = py
                .import(intern!(py, "dusk._processes"))
                .and_then(|module| module.getattr(intern!(py, "KilledWorker")))
                .is_ok_and(|class| exception.matches(py, class).unwrap_or(false));
            exception.is_instance_of::<pyo3::exceptions::PyException>(py) && !killed
        })
    })
}
