//! From nodes to results: optimise, lower, run, and read again when a source found its types too narrow.
//!
//! Covers the one way from Python into work (`run`): detached from the interpreter, interruptible, errors mapped.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::chunk::{ArrayChunk, Chunk, Notice, Source};
use crate::config::Settings;
use crate::error::{Error, Kind, Result};
use crate::exec;
use crate::expr::{Node, NodeOp, NodeRef};
use crate::opt;
use crate::plan;
use crate::process::PerProcess;
use crate::py::delayed::Root;
use crate::py::error::{from_pyerr, to_pyerr};
use crate::py::events::TaskHooks;
use crate::py::host::memory::worker_begins;
use crate::py::host::{PyHostValue, chunks_to_object};
use crate::py::host_rows::prepared;
use crate::py::node::PyNode;
use crate::py::remote;
use crate::py::retype::retyped;
use crate::sync::Mutex;
use crate::task::place::Target;
use crate::task::{self, Control, Task, TaskOp};

/// How often the calling thread looks at signals.
const SIGNAL_INTERVAL: std::time::Duration = std::time::Duration::from_millis(20);
/// How often a run may be planned anew because a source widened its types: each column can widen only a few times.
const MOST_RETYPES: usize = 100;

/// The value of one partition, in the engine's memory.
#[pyclass(frozen, name = "Chunk", module = "dusk._core")]
pub struct PyChunk(pub Mutex<Option<Chunk>>);

impl PyChunk {
    /// A Python handle to `chunk`.
    #[must_use]
    pub fn new(chunk: Chunk) -> Self {
        Self(Mutex::new(Some(chunk)))
    }

    /// The chunk, handed out for good.
    ///
    /// # Errors
    /// When it was handed out before.
    pub fn take(&self) -> Result<Chunk> {
        self.0
            .lock()
            .take()
            .ok_or_else(|| Error::value("this chunk was handed out already"))
    }

    /// A shared reference to the chunk.
    ///
    /// # Errors
    /// When it was handed out for good.
    pub fn get(&self) -> Result<Chunk> {
        self.0
            .lock()
            .clone()
            .ok_or_else(|| Error::value("this chunk was handed out already"))
    }
}

#[pymethods]
impl PyChunk {
    /// Bytes of memory that it keeps alive.
    #[getter]
    fn nbytes(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.get().map_err(|error| to_pyerr(py, &error))?.nbytes())
    }

    /// The number of rows of a frame.
    #[getter]
    fn rows(&self, py: Python<'_>) -> PyResult<Option<usize>> {
        Ok(self.get().map_err(|error| to_pyerr(py, &error))?.rows())
    }

    /// The chunk as a pandas object (or the object that it is).
    fn to_object(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let chunk = self.get().map_err(|error| to_pyerr(py, &error))?;
        crate::py::host::chunk_to_object(py, &chunk).map(Bound::unbind)
    }

    fn __sizeof__(&self) -> usize {
        self.get().map_or(0, |chunk| chunk.nbytes())
    }
}

/// Counters of a run, readable from any thread.
#[pyclass(frozen, name = "Progress", module = "dusk._core")]
pub struct PyProgress(pub Arc<exec::Progress>);

#[pymethods]
impl PyProgress {
    #[new]
    fn new() -> Self {
        Self(exec::Progress::new())
    }

    /// Tasks done and in all.
    fn counts(&self) -> (usize, usize) {
        let counts = self.0.counts();
        (counts.done, counts.total)
    }

    /// Rows and bytes that sources have delivered.
    fn volume(&self) -> (u64, u64) {
        let counts = self.0.counts();
        (counts.rows, counts.bytes)
    }
}

/// The settings that Python's snapshot of the configuration says.
fn settings_from_py(settings: &Bound<'_, PyDict>) -> PyResult<Settings> {
    let mut parsed = Settings::default();
    if let Some(threads) = settings.get_item("threads")? {
        parsed.threads = threads.extract()?;
    }
    if let Some(limit) = settings
        .get_item("memory_limit")?
        .filter(|limit| !limit.is_none())
    {
        parsed.memory_limit = limit.extract()?;
    }
    if let Some(folder) = settings
        .get_item("spill_directory")?
        .filter(|folder| !folder.is_none())
    {
        parsed.spill_directory = folder.extract::<PathBuf>()?;
    }
    if let Some(optimize) = settings.get_item("optimize")? {
        parsed.optimize = optimize.extract()?;
    }
    if let Some(rows) = settings.get_item("batch_rows")?.filter(|rows| !rows.is_none()) {
        parsed.batch_rows = rows.extract::<usize>()?.max(1);
    }
    Ok(parsed)
}

/// Keeps a Python thread state for a worker's whole life: a call into Python then costs a tenth of a microsecond instead of
/// eight.
struct KeepThreadState;

/// What Python calls the worker threads of this process.
static WORKERS: PerProcess<Mutex<Vec<u64>>> = PerProcess::new();

/// Bytes of freed buffers that wait for their next use.
#[pyfunction]
pub fn idle_bytes() -> usize {
    crate::allocator::idle_bytes()
}

/// The identifiers of worker threads, as `threading.get_ident` gives them.
#[pyfunction]
pub fn worker_idents() -> Vec<u64> {
    WORKERS.get().lock().clone()
}

impl exec::WorkerHook for KeepThreadState {
    fn enter(&self, body: &mut (dyn FnMut() + Send)) {
        // once the interpreter is shutting down there is nothing to attach to, and nobody waits for results
        let _ = Python::try_attach(|py| {
            let ident = py
                .import("_thread")
                .and_then(|module| module.call_method0("get_ident"));
            let ident: Option<u64> = ident.and_then(|ident| ident.extract()).ok();
            WORKERS.get().lock().extend(ident);
            worker_begins(py);
            py.detach(body);
            WORKERS.get().lock().retain(|known| Some(*known) != ident);
        });
    }

    fn attached(&self, body: &mut dyn FnMut()) {
        Python::attach(|_| body());
    }

    fn breathe(&self) {
        Python::attach(|py| py.detach(|| ()));
    }
}

/// How far up the first frame outside dusk is, so that a warning points at the user's own line.
fn stack_level(py: Python<'_>) -> PyResult<i32> {
    let mut frame = py.import("sys")?.call_method0("_getframe")?;
    let mut level = 1;
    loop {
        let module: String = frame
            .getattr("f_globals")?
            .get_item("__name__")?
            .extract()
            .unwrap_or_default();
        frame = frame.getattr("f_back")?;
        if !(module == "dusk" || module.starts_with("dusk.")) || frame.is_none() {
            return Ok(level);
        }
        level += 1;
    }
}

/// Runs the plans and gives the chunks of each node's partitions.
fn run(
    py: Python<'_>,
    roots: Vec<NodeRef>,
    settings: &Settings,
    runner: &exec::Runner,
    progress: &Arc<exec::Progress>,
    events: Option<&Bound<'_, PyAny>>,
    placing: Placing,
) -> PyResult<Outputs> {
    let events = events.map(|events| events.clone().unbind());
    let outcome = py.detach(|| run_detached(roots, settings, runner, progress, events.as_ref(), placing));
    let (result, notices) = outcome;
    for Notice(text) in notices {
        let text = std::ffi::CString::new(text.replace('\0', " ")).unwrap_or_default();
        PyErr::warn(
            py,
            &py.get_type::<pyo3::exceptions::PyUserWarning>(),
            &text,
            stack_level(py)?,
        )?;
    }
    result.map_err(|error| to_pyerr(py, &error))
}

/// Runs a task of the `sync` scheduler. A user's function runs on the calling thread, so that a debugger works in it; a
/// native task gets a thread of its own, since only the calling thread may look at signals and a task may take long.
fn run_interruptibly(task: &Task, inputs: Vec<Chunk>, control: &Control) -> Result<Chunk> {
    if task.is_host() || matches!(task.op, TaskOp::Value(_)) {
        return task::run::run(task, inputs, control);
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        scope.spawn(move || {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                task::run::run(task, inputs, control)
            }));
            // the other end only leaves after it has received
            let _ = sender.send(result);
        });
        let mut interrupted = None;
        loop {
            match receiver.recv_timeout(SIGNAL_INTERVAL) {
                Ok(Ok(result)) => return interrupted.map_or(result, Err),
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                Err(_) => {
                    let signals =
                        Python::attach(|py| py.check_signals().map_err(|error| from_pyerr(py, error)));
                    if let Err(error) = signals {
                        control.cancel();
                        interrupted = Some(error);
                    }
                }
            }
        }
    })
}

/// What a run gives.
struct Outputs {
    /// The chunks of all nodes.
    chunks: Vec<Chunk>,
    /// How many each has.
    counts: Vec<usize>,
    /// Of each node, where its blocks are, when they are in their final place.
    targets: Vec<Option<Arc<Target>>>,
}

/// Whether results are written to their final place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Placing {
    /// No: chunks are asked for.
    Never,
    /// By tasks of their own: what makes blocks runs elsewhere.
    Copied,
    /// By what makes them.
    Direct,
}

type Outcome = (Result<Outputs>, Vec<Notice>);

/// What runs tasks: in this process, or through a transport in others; failed calls again as often as `retries` says.
fn runner_for(settings: &Bound<'_, PyDict>, threads: usize) -> PyResult<exec::Runner> {
    let here = || -> exec::Runner {
        if threads == 0 {
            Arc::new(run_interruptibly)
        } else {
            Arc::new(task::run::run)
        }
    };
    let transport = settings
        .get_item("transport")?
        .filter(|transport| !transport.is_none());
    let runner = transport.map_or_else(here, |transport| remote::runner(transport.unbind()));
    let retries = settings
        .get_item("retries")?
        .map_or(Ok(0), |retries| retries.extract())?;
    Ok(remote::with_retries(runner, retries))
}

fn run_detached(
    mut roots: Vec<NodeRef>,
    settings: &Settings,
    runner: &exec::Runner,
    progress: &Arc<exec::Progress>,
    events: Option<&Py<PyAny>>,
    placing: Placing,
) -> Outcome {
    let mut notices = Vec::new();
    let mut sources = sources_of(&roots);
    for _ in 0..MOST_RETYPES {
        let result = attempt(&roots, settings, runner, progress, events, placing);
        sources
            .iter()
            .for_each(|source| notices.extend(source.take_notices()));
        match result {
            Err(error) if error.kind() == Kind::Retyped => match retyped(&roots, settings) {
                Ok(new) => {
                    roots = new;
                    let new = sources_of(&roots);
                    new.iter()
                        .for_each(|source| notices.extend(source.take_notices()));
                    sources = new;
                }
                Err(error) => return (Err(error), notices),
            },
            result => {
                notices.dedup();
                return (result, notices);
            }
        }
    }
    (
        Err(Error::internal("the types of a source never settled")),
        notices,
    )
}

fn attempt(
    roots: &[NodeRef],
    settings: &Settings,
    runner: &exec::Runner,
    progress: &Arc<exec::Progress>,
    events: Option<&Py<PyAny>>,
    placing: Placing,
) -> Result<Outputs> {
    let optimized = prepared(roots)?;
    let (mut graph, counts) = plan::lower(&optimized, settings, events.is_some())?;
    // Who listens to tasks shall hear of those that the plan has, and see what they make.
    let targets = if placing == Placing::Never || events.is_some() {
        Vec::new()
    } else {
        plan::place(&mut graph, &optimized, &counts, placing == Placing::Direct)?
    };
    drop(optimized);
    if let Some(events) = events {
        progress.observe(Arc::new(TaskHooks::new(events, &graph)?));
    }
    let mut poll = || Python::attach(|py| py.check_signals().map_err(|error| from_pyerr(py, error)));
    let hook: Arc<dyn exec::WorkerHook> = Arc::new(KeepThreadState);
    let chunks = exec::execute(
        Arc::new(graph),
        settings,
        runner.clone(),
        progress,
        &hook,
        &mut poll,
    )?;
    Ok(Outputs {
        chunks,
        counts,
        targets,
    })
}

/// The chunks of each node's partitions; one chunk of all of them where they were written to their final place.
fn grouped(outputs: Outputs) -> impl Iterator<Item = Result<Vec<Chunk>>> {
    let mut chunks = outputs.chunks.into_iter();
    let targets = outputs.targets.into_iter().chain(std::iter::repeat(None));
    outputs
        .counts
        .into_iter()
        .zip(targets)
        .map(move |(count, target)| {
            let mut chunks: Vec<Chunk> = chunks.by_ref().take(count).collect();
            let Some(target) = target else {
                return Ok(chunks);
            };
            if let Some(memory) = target.take() {
                let whole =
                    ArrayChunk::dense(target.dtype().clone(), target.shape().to_vec(), memory.into())?;
                return Ok(vec![Chunk::Array(Arc::new(whole))]);
            }
            // Blocks that aren't as planned are among the chunks.
            for (number, chunk) in chunks.iter_mut().enumerate() {
                if let Some(block) = target.block(number)? {
                    *chunk = Chunk::Array(Arc::new(block));
                }
            }
            Ok(chunks)
        })
}

fn sources_of(roots: &[NodeRef]) -> Vec<Arc<dyn Source>> {
    let mut sources = Vec::new();
    opt::any(roots, |node| {
        if let NodeOp::Scan { source, .. } = &node.op {
            sources.push(source.clone());
        }
        false
    });
    sources
}

pub(super) fn roots_of(nodes: Vec<Root>) -> Vec<NodeRef> {
    nodes.into_iter().map(|Root(node)| node).collect()
}

/// Who writes results to their final place.
fn placing(settings: &Bound<'_, PyDict>) -> PyResult<Placing> {
    let transport = settings.get_item("transport")?;
    let elsewhere = transport.is_some_and(|transport| !transport.is_none());
    Ok(if elsewhere {
        Placing::Copied
    } else {
        Placing::Direct
    })
}

/// Runs the plans and gives the chunks of each node's partitions, to be held in the engine's memory. `events`, a
/// `dusk.callbacks.TaskEvents`, hears of each task. With `whole`, large arrays are given as a single chunk, which is
/// written block by block: for `assemble`.
#[pyfunction]
#[pyo3(signature = (nodes, settings, progress=None, events=None, *, whole=false))]
pub fn execute(
    py: Python<'_>,
    nodes: Vec<Root>,
    settings: &Bound<'_, PyDict>,
    progress: Option<&Bound<'_, PyProgress>>,
    events: Option<&Bound<'_, PyAny>>,
    whole: bool,
) -> PyResult<Vec<Vec<PyChunk>>> {
    let parsed = settings_from_py(settings)?;
    let runner = runner_for(settings, parsed.threads)?;
    let progress = progress.map_or_else(exec::Progress::new, |progress| progress.get().0.clone());
    let placing = if whole { placing(settings)? } else { Placing::Never };
    let results = run(py, roots_of(nodes), &parsed, &runner, &progress, events, placing)?;
    grouped(results)
        .map(|chunks| {
            let chunks = chunks.map_err(|error| to_pyerr(py, &error))?;
            Ok(chunks.into_iter().map(PyChunk::new).collect())
        })
        .collect()
}

/// Runs the plans and gives a pandas object (or the object itself) for each node.
#[pyfunction]
#[pyo3(signature = (nodes, settings, progress=None, events=None))]
pub fn compute(
    py: Python<'_>,
    nodes: Vec<Root>,
    settings: &Bound<'_, PyDict>,
    progress: Option<&Bound<'_, PyProgress>>,
    events: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<Py<PyAny>>> {
    let parsed = settings_from_py(settings)?;
    let runner = runner_for(settings, parsed.threads)?;
    let progress = progress.map_or_else(exec::Progress::new, |progress| progress.get().0.clone());
    let roots = roots_of(nodes);
    let placing = placing(settings)?;
    let results = run(py, roots.clone(), &parsed, &runner, &progress, events, placing)?;
    let objects = roots.iter().zip(grouped(results)).map(|(node, chunks)| {
        let mut chunks = chunks.map_err(|error| to_pyerr(py, &error))?;
        if let [Chunk::Host(value)] = chunks.as_slice()
            && node.array.is_none()
            && let Some(object) = PyHostValue::object(py, value.as_ref())
        {
            chunks.clear();
            return Ok(object.unbind());
        }
        result_of(py, node, chunks)
    });
    objects.collect()
}

/// The chunks of a node's partitions as one pandas object. With `consume` they are handed out for good: memory that nothing
/// else holds becomes the result's, without a copy.
#[pyfunction]
#[pyo3(signature = (node, chunks, *, consume=false))]
pub fn assemble(
    py: Python<'_>,
    node: &Bound<'_, PyNode>,
    chunks: Vec<Bound<'_, PyChunk>>,
    consume: bool,
) -> PyResult<Py<PyAny>> {
    let chunks = chunks
        .iter()
        .map(|chunk| {
            if consume {
                chunk.get().take()
            } else {
                chunk.get().get()
            }
        })
        .collect::<Result<Vec<_>>>()
        .map_err(|error| to_pyerr(py, &error))?;
    result_of(py, &node.get().0, chunks)
}

/// The chunks of all partitions as one object.
fn result_of(py: Python<'_>, node: &Node, chunks: Vec<Chunk>) -> PyResult<Py<PyAny>> {
    match &node.array {
        Some(schema) => crate::py::array::convert::whole(py, schema, chunks),
        None => chunks_to_object(py, node.schema.as_deref(), chunks).map(Bound::unbind),
    }
}

/// Removes what this process has spilled; called when the interpreter exits.
#[pyfunction]
pub fn remove_spill_folder(py: Python<'_>) {
    py.detach(|| {
        // threads that hold a Python thread state must be gone before the interpreter takes it down
        exec::shutdown_workers();
        exec::remove_spill_folder();
    });
}
