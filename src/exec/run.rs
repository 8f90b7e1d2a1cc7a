//! A run: the state machine and the chunks behind one lock, and what a worker does with them.
//!
//! Host calls are made in batches: a worker keeps the host's lock from one to the next, since handing it over takes longer
//! than a small function does. One worker at a time waits for that lock with a task in hand. It gets it as soon as a
//! function sleeps, reads or computes without it, and then the next worker comes to wait: functions that don't need the
//! lock run side by side, and those that do leave each other alone but for the host's own time slices.
//!
//! Invariants: tasks, files and the dropping of chunks and errors never happen under our lock (dropping a host object may
//! wait for the host's lock, whose owner may wait for ours); a worker takes our lock once between two tasks; the host's
//! lock may be held when ours is taken, never the other way round.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hashbrown::HashSet;

use crate::allocator::{self, KeepBuffers};
use crate::chunk::Chunk;
use crate::config::Settings;
use crate::error::{Error, Kind, Result};
use crate::exec::Runner;
use crate::exec::events::{Observer, Progress, TaskEvent};
use crate::exec::ledger::{Holding, Ledger};
use crate::exec::lineage::{Entered, Lineage};
use crate::exec::memory::{self, Share};
use crate::exec::shape::Shape;
use crate::exec::spill::SpillFile;
use crate::exec::state::{Action, Event, State, Work};
use crate::exec::store::{Cell, Store};
use crate::exec::workers::{Job, WorkerHook};
use crate::sync::{Condvar, Mutex, MutexGuard};
use crate::task::{Task, TaskGraph, TaskId};

/// How often the calling thread looks at signals and memory.
const TICK: Duration = Duration::from_millis(20);
/// How long a worker keeps the host's lock at most before others get a chance.
const SLICE: Duration = Duration::from_millis(5);
/// How long an interrupted caller waits for host calls to come back.
const GRACE: Duration = Duration::from_millis(40);

/// Of the budget for chunks, the part that freed buffers may take which wait for their next use. Where that isn't much, the
/// room is worth more than the time.
const IDLE: usize = 12;
const LEAST_IDLE: usize = 4 << 20;

/// The caller's look at its signals.
pub(super) type Poll<'a> = &'a mut dyn FnMut() -> Result<()>;

/// What a worker keeps in its hands between two tasks.
struct Hands<'a> {
    worker: usize,
    poll: Option<Poll<'a>>,
    actions: Vec<Action>,
    trash: Vec<Cell>,
    ticked: Instant,
    /// Since when it has had the host's lock.
    attached: Option<Instant>,
}

pub(super) struct Run {
    graph: Arc<TaskGraph>,
    settings: Settings,
    runner: Runner,
    progress: Arc<Progress>,
    hook: Arc<dyn WorkerHook>,
    observer: Option<Arc<dyn Observer>>,
    lineage: Arc<Lineage>,
    /// The tasks whose results are asked for, when somebody has wanted to know.
    outputs: OnceLock<HashSet<TaskId>>,
    /// The resident set above which memory is short.
    ceiling: usize,
    shared: Mutex<Shared>,
    /// For workers without work.
    wake: Condvar,
    /// For the caller.
    done: Condvar,
    /// As long as the run lives, freed buffers wait for their next use.
    _buffers: KeepBuffers,
}

struct Shared {
    state: State,
    store: Store,
    ledger: Ledger,
    share: Share,
    /// The first is the run's; the others are kept so that they aren't dropped under the lock.
    errors: Vec<Error>,
    /// Workers that have a host call in hand and wait for the host's lock.
    entering: usize,
    /// Host calls under way.
    calling: usize,
    /// Workers that wait, and how many of them have been woken.
    idle: usize,
    woken: usize,
    finished: bool,
}

type Guard<'a> = MutexGuard<'a, Shared>;

impl Run {
    pub(super) fn new(
        graph: Arc<TaskGraph>,
        settings: &Settings,
        runner: Runner,
        progress: Arc<Progress>,
        hook: Arc<dyn WorkerHook>,
    ) -> Result<Arc<Self>> {
        let state = State::new(Shape::of(&graph)?, settings.memory_limit);
        let lineage = Lineage::of(progress.begin(state.total())?);
        let share = Share::new();
        let baseline = memory::resident().unwrap_or(0).saturating_sub(share.others());
        Ok(Arc::new(Self {
            // What results take is asked for, and no chunk of ours can make room for it.
            ceiling: memory::ceiling(settings.memory_limit, baseline.saturating_add(graph.results)),
            settings: settings.clone(),
            runner,
            observer: progress.observer(),
            progress,
            hook,
            lineage,
            outputs: OnceLock::new(),
            shared: Mutex::new(Shared {
                store: Store::new(graph.tasks.len()),
                ledger: Ledger::new(graph.tasks.len()),
                state,
                share,
                errors: Vec::new(),
                entering: 0,
                calling: 0,
                idle: 0,
                woken: 0,
                finished: false,
            }),
            graph,
            wake: Condvar::new(),
            done: Condvar::new(),
            _buffers: KeepBuffers::up_to(
                Some(settings.memory_limit / IDLE).filter(|idle| *idle >= LEAST_IDLE),
            ),
        }))
    }

    /// The number of tasks that the run needs.
    pub(super) fn total(&self) -> usize {
        self.shared.lock().state.total()
    }

    /// The cells of the outputs, when the run is over.
    pub(super) fn finish(&self) -> Result<Vec<Cell>> {
        let mut shared = self.shared.lock();
        if !shared.errors.is_empty() {
            let mut errors = std::mem::take(&mut shared.errors);
            let store = std::mem::take(&mut shared.store);
            drop(shared);
            drop(store);
            return Err(errors.swap_remove(0));
        }
        if !shared.finished {
            return Err(Error::internal("a run was left before it was over"));
        }
        Ok(shared.store.outputs(&self.graph.outputs))
    }

    /// Waits until the run is over, looking at signals and memory meanwhile. False when it has been left to itself: it was
    /// interrupted, and a host call, which can't be stopped, is still under way.
    pub(super) fn watch(&self, poll: Poll) -> bool {
        let mut interrupted: Option<Instant> = None;
        let mut shared = self.shared.lock();
        while !shared.finished {
            self.done.wait_for(&mut shared, TICK);
            if shared.finished {
                break;
            }
            if interrupted.is_some_and(|since| since.elapsed() >= GRACE) && shared.calling > 0 {
                // Whoever comes back finds the run over, and drops what it brings.
                shared.finished = true;
                shared.share.set(0);
                return false;
            }
            let polled = MutexGuard::unlocked(&mut shared, || caught(&mut *poll));
            if polled.is_err() {
                interrupted = interrupted.or_else(|| Some(Instant::now()));
            }
            self.tick(&mut shared, polled);
        }
        true
    }

    /// Takes part as worker number `worker` until there is nothing left to do; the calling thread of a run without workers
    /// looks at its signals in between.
    pub(super) fn drive(&self, worker: usize, poll: Option<Poll>) {
        let _entered = Entered::new(&self.lineage);
        let mut hands = Hands {
            worker,
            poll,
            actions: Vec::new(),
            trash: Vec::new(),
            ticked: Instant::now(),
            attached: None,
        };
        let mut work = self.rounds(&mut hands, None);
        while let Some(call) = work {
            self.hook.attached(&mut || {
                hands.attached = Some(Instant::now());
                work = self.rounds(&mut hands, Some(call));
                hands.trash.clear();
            });
            hands.attached = None;
            work = self.rounds(&mut hands, work);
        }
    }

    /// Works as long as the host's lock is on the right side: without it until there is a host call to make, which is given
    /// back, and with it until there is something else to do (waiting stands for asking again). None when the run is over.
    fn rounds(&self, hands: &mut Hands, mut given: Option<Work>) -> Option<Work> {
        let mut shared = self.shared.lock();
        if hands.attached.is_some() {
            shared.entering -= 1;
        }
        while !shared.finished {
            let work = match given.take() {
                Some(work) if work != Work::Wait => {
                    let open = shared.entering == 0;
                    shared.state.open_host(open);
                    self.call_helper(&mut shared);
                    work
                }
                _ => {
                    self.look_around(&mut shared, hands);
                    self.ask(&mut shared, hands.attached.is_some())
                }
            };
            let event = match work {
                Work::Run(task) => {
                    let host = self.graph.tasks[task as usize].is_host();
                    match (host, hands.attached) {
                        (true, None) => {
                            shared.entering += 1;
                            return Some(work);
                        }
                        (false, Some(_)) => return Some(work),
                        (true, Some(since)) if since.elapsed() >= SLICE => {
                            MutexGuard::unlocked(&mut shared, || self.hook.breathe());
                            hands.attached = Some(Instant::now());
                        }
                        _ => {}
                    }
                    shared.calling += usize::from(host);
                    let event = self.run_task(&mut shared, hands, task);
                    shared.calling -= usize::from(host);
                    event
                }
                Work::Done => {
                    shared.finished = true;
                    shared.share.set(0);
                    self.wake.notify_all();
                    self.done.notify_all();
                    break;
                }
                _ if hands.attached.is_some() => return Some(work),
                Work::Spill(chunk) => Some(self.spill(&mut shared, &mut hands.trash, chunk)),
                Work::Load(chunk) => Some(self.load(&mut shared, &mut hands.trash, chunk)),
                Work::Wait if !hands.trash.is_empty() => {
                    MutexGuard::unlocked(&mut shared, || hands.trash.clear());
                    shared.state.reconsider();
                    continue;
                }
                Work::Wait if shared.state.is_stuck() => {
                    self.fail(
                        &mut shared,
                        Error::internal("the scheduler has nothing to do before all is done"),
                    );
                    Some(Event::Cancel)
                }
                Work::Wait => {
                    shared.idle += 1;
                    if hands.poll.is_none() {
                        self.wake.wait(&mut shared);
                    } else {
                        self.wake.wait_for(&mut shared, TICK);
                    }
                    shared.idle -= 1;
                    shared.woken = shared.woken.saturating_sub(1);
                    continue;
                }
            };
            let Some(event) = event else { break };
            self.tell(&mut shared, hands, event);
        }
        drop(shared);
        hands.trash.clear();
        None
    }

    /// Looks at the caller's signals, when it is time, and whether the run shall end.
    fn look_around(&self, shared: &mut Guard, hands: &mut Hands) {
        if let Some(poll) = &mut hands.poll
            && hands.ticked.elapsed() >= TICK
        {
            let polled = MutexGuard::unlocked(shared, || caught(poll));
            self.tick(shared, polled);
            hands.ticked = Instant::now();
        }
        if self.lineage.control.is_cancelled() && !shared.state.has_ended() {
            self.fail(shared, Error::new(Kind::Cancelled, "the run was cancelled"));
            shared.state.on(Event::Cancel, &mut hands.actions);
        }
    }

    /// Asks the state what to do.
    fn ask(&self, shared: &mut Guard, attached: bool) -> Work {
        // What was released but is shared with chunks that live on is as good as held by somebody else.
        let kept = shared.ledger.total().saturating_sub(shared.state.live());
        let outside = shared.share.others().saturating_add(kept);
        let open = shared.entering == 0;
        shared.state.open_host(open);
        let work = shared.state.next(outside);
        let held = shared.state.held().saturating_add(kept);
        shared.share.set(held);
        if let Work::Run(task) = work
            && !attached
            && self.graph.tasks[task as usize].is_host()
        {
            // We shall wait for the host's lock: nobody else needs to come for that.
            shared.state.open_host(false);
        }
        self.call_helper(shared);
        work
    }

    /// Wakes a worker when there is work for it.
    fn call_helper(&self, shared: &mut Guard) {
        if shared.idle > shared.woken && shared.state.has_work() {
            shared.woken += 1;
            self.wake.notify_one();
        }
    }

    /// Tells the state what has happened, and does what follows.
    fn tell(&self, shared: &mut Guard, hands: &mut Hands, event: Event) {
        shared.state.on(event, &mut hands.actions);
        for action in hands.actions.drain(..) {
            match action {
                Action::Release(chunk) => {
                    shared.ledger.remove(chunk);
                    hands.trash.push(shared.store.remove(chunk));
                }
                Action::Forget(chunk) => {
                    shared.ledger.remove(chunk);
                    hands.trash.extend(shared.store.take(chunk).map(Cell::new));
                }
            }
        }
        self.progress.set(shared.state.done(), shared.ledger.total());
    }

    /// What the caller has seen: a signal, memory of the process and of other runs.
    fn tick(&self, shared: &mut Guard, polled: Result<()>) {
        if let Err(error) = polled {
            self.fail(shared, error);
            shared.state.on(Event::Cancel, &mut Vec::new());
        }
        if self.lineage.control.is_cancelled() && !shared.state.has_ended() {
            self.fail(shared, Error::new(Kind::Cancelled, "the run was cancelled"));
            shared.state.on(Event::Cancel, &mut Vec::new());
        }
        let mut excess = memory::resident().map_or(0, |bytes| bytes.saturating_sub(self.ceiling));
        if excess > 0 && allocator::idle_bytes() > 0 {
            // What nobody uses goes before what somebody needs.
            MutexGuard::unlocked(shared, allocator::give_back);
            excess = memory::resident().map_or(0, |bytes| bytes.saturating_sub(self.ceiling));
        }
        shared.state.on(Event::Excess(excess), &mut Vec::new());
        if shared.idle > shared.woken {
            shared.woken += 1;
            self.wake.notify_one();
        }
    }

    /// Keeps the first error, and stops what runs. The state is told by the event that follows.
    fn fail(&self, shared: &mut Guard, error: Error) {
        shared.errors.push(error);
        self.lineage.cancel();
        // All who wait shall see that the run is over.
        self.wake.notify_all();
        shared.woken = shared.idle;
    }

    /// Runs a task; nothing comes of it when the run has been left meanwhile.
    fn run_task(&self, shared: &mut Guard, hands: &mut Hands, id: TaskId) -> Option<Event> {
        let task = &self.graph.tasks[id as usize];
        let Shared { state, store, .. } = &mut **shared;
        // The last consumer gets the chunk for its own, so that it may work in its buffers.
        let inputs = task.inputs.iter().map(|&input| {
            if state.is_last_use(input) {
                store.take(input).map_or_else(|| store.get(input), Ok)
            } else {
                store.get(input)
            }
        });
        let inputs = inputs.collect::<Result<Vec<Chunk>>>();
        let result = MutexGuard::unlocked(shared, || {
            hands.trash.clear();
            inputs
                .and_then(|inputs| caught(|| self.run_observed(task, id, inputs, hands.worker)))
                .map_err(|error| match error.kind() {
                    Kind::Cancelled => error,
                    // a host call has named its key already, with its function
                    _ if error.notes().iter().any(|note| note.contains(&task.key())) => error,
                    _ => error.note(format!("in task {}, partition {}", task.key(), task.partition)),
                })
        });
        if shared.finished {
            MutexGuard::unlocked(shared, || drop(result));
            return None;
        }
        Some(match result {
            Ok((chunk, holding)) => {
                shared.store.put(id, chunk);
                let held = shared.state.is_held(id);
                // Inputs that end with this task leave their memory to its chunk, where that has taken it over.
                for &input in &task.inputs {
                    if shared.state.is_last_use(input) {
                        shared.ledger.remove(input);
                    }
                }
                let bytes = shared.ledger.add(id, holding, held);
                Event::Finished { task: id, bytes }
            }
            Err(error) => {
                self.fail(shared, error);
                Event::Failed(id)
            }
        })
    }

    /// Runs a task and tells those who want to know.
    fn run_observed(
        &self,
        task: &Task,
        id: TaskId,
        inputs: Vec<Chunk>,
        worker: usize,
    ) -> Result<(Chunk, Holding)> {
        if let Some(observer) = &self.observer {
            self.lineage.control.check()?;
            observer.before(id)?;
        }
        let start = self.progress.is_listening().then(Instant::now);
        let result = (self.runner)(task, inputs, &self.lineage.control).map(|chunk| {
            let holding = Holding::of(&chunk);
            (chunk, holding)
        });
        if let Some(start) = start {
            self.progress.push(TaskEvent {
                task: id,
                name: task.name.clone(),
                partition: task.partition,
                worker,
                start,
                end: Instant::now(),
                bytes: result.as_ref().ok().map(|(_, holding)| holding.bytes()),
            });
        }
        if let (Some(observer), Ok((chunk, _))) = (&self.observer, &result) {
            observer.after(id, chunk)?;
        }
        result
    }

    fn spill(&self, shared: &mut Guard, trash: &mut Vec<Cell>, id: TaskId) -> Event {
        if shared.store.file(id).is_some() {
            // It was spilled before and has been read back; chunks never change, so the file is still right.
            return Event::Spilled(id);
        }
        if self.is_reread(id) {
            return Event::Spilled(id);
        }
        let chunk = shared.store.get(id);
        let written = MutexGuard::unlocked(shared, || {
            trash.clear();
            let chunk = chunk?;
            caught(|| SpillFile::write(&chunk, &self.settings.spill_directory))
        });
        match written {
            Ok(file) => {
                self.progress.add_spilled(file.size());
                shared.store.set_file(id, Arc::new(file));
                Event::Spilled(id)
            }
            Err(error) if matches!(error.kind(), Kind::Os | Kind::Internal) => {
                self.fail(
                    shared,
                    error.note(format!("spilling the result of {}", self.key(id))),
                );
                Event::SpillFailed(id)
            }
            Err(error) => {
                log::debug!("{} stays in memory: {error}", self.key(id));
                Event::Unspillable(id)
            }
        }
    }

    /// Whether a chunk is had again by running its task rather than from a file. Not an output: whoever asked for it has
    /// no task to run.
    fn is_reread(&self, id: TaskId) -> bool {
        let outputs = || {
            self.outputs
                .get_or_init(|| self.graph.outputs.iter().copied().collect())
        };
        self.graph.tasks[id as usize].is_reading() && !outputs().contains(&id)
    }

    fn load(&self, shared: &mut Guard, trash: &mut Vec<Cell>, id: TaskId) -> Event {
        let file = shared.store.file(id);
        let loaded = MutexGuard::unlocked(shared, || {
            trash.clear();
            caught(|| {
                let chunk = match file {
                    Some(file) => file.load()?,
                    None if self.is_reread(id) => {
                        (self.runner)(&self.graph.tasks[id as usize], Vec::new(), &self.lineage.control)?
                    }
                    None => return Err(Error::internal("a chunk that was spilled has no file")),
                };
                let holding = Holding::of(&chunk);
                Ok((chunk, holding))
            })
        });
        match loaded {
            Ok((chunk, holding)) => {
                shared.store.put(id, chunk);
                shared.ledger.add(id, holding, false);
                Event::Loaded(id)
            }
            Err(error) => {
                self.fail(
                    shared,
                    error.note(format!("loading the result of {}", self.key(id))),
                );
                Event::LoadFailed(id)
            }
        }
    }

    fn key(&self, id: TaskId) -> String {
        self.graph.tasks[id as usize].key()
    }
}

impl Job for Run {
    fn work(&self, worker: usize) {
        if let Err(error) = caught(|| {
            self.drive(worker, None);
            Ok(())
        }) {
            self.broken(error);
        }
    }
}

impl Run {
    /// Ends a run whose scheduler has panicked: its counts can't be trusted any more, and nobody shall wait for ever.
    pub(super) fn broken(&self, error: Error) {
        let mut shared = self.shared.lock();
        self.fail(&mut shared, error);
        shared.finished = true;
        shared.share.set(0);
        self.done.notify_all();
    }
}

/// Calls `body`; a panic becomes an error.
pub(super) fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        let error = Error::internal(format!("the engine panicked: {}", panic_message(&*payload)));
        // A payload may panic again when dropped; leaving it is the safer way.
        std::mem::forget(payload);
        Err(error)
    })
}

fn panic_message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
