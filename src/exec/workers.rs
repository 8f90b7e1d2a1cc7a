//! Worker threads: one pool per process, its threads kept for good, more made on demand.
//!
//! A run puts tickets into the queue, one per worker that it wants; a thread serves one ticket after another. Runs at
//! once from several threads of the user each get their workers. Does not cover what a worker does (`run`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::process::PerProcess;
use crate::sync::{Condvar, Mutex};

/// What the host language needs around a worker thread's whole life, such as a thread state of its own.
pub trait WorkerHook: Send + Sync {
    /// Calls `body` once; it returns when the thread shall end.
    fn enter(&self, body: &mut (dyn FnMut() + Send));

    /// Calls `body` once with the host's lock in hand, if it has one: calls of the host language inside don't wait for it.
    fn attached(&self, body: &mut dyn FnMut()) {
        body();
    }

    /// Called with the host's lock in hand: lets others have it for a moment.
    fn breathe(&self) {}
}

/// Nothing around it.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHook;

impl WorkerHook for NoHook {
    fn enter(&self, body: &mut (dyn FnMut() + Send)) {
        body();
    }
}

/// Something that several workers do together.
pub(super) trait Job: Send + Sync {
    /// Takes part as worker number `worker` until there is nothing left to do. Must not panic.
    fn work(&self, worker: usize);
}

static POOL: PerProcess<Pool> = PerProcess::new();

/// Python code runs on these threads too, and may recurse as deeply as on the main thread.
const STACK: usize = 16 << 20;

/// How long the end of the process waits for workers that an interrupted run has left.
const PATIENCE: Duration = Duration::from_millis(100);

#[derive(Default)]
struct Pool {
    state: Mutex<PoolState>,
    /// For threads without a ticket.
    wake: Condvar,
    /// For those who wait for threads to end.
    left: Condvar,
}

#[derive(Default)]
struct PoolState {
    queue: VecDeque<Ticket>,
    idle: usize,
    threads: usize,
    /// Threads that are busy for nobody.
    left: usize,
    stop: bool,
}

/// One worker's place in a job. However it ends, the job is let go before the crew hears of it.
struct Ticket {
    job: Option<Arc<dyn Job>>,
    worker: usize,
    latch: Arc<Latch>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        drop(self.job.take());
        // in the order in which `leave` takes them
        let pool = POOL.get();
        let mut state = pool.state.lock();
        let mut open = self.latch.open.lock();
        open.count -= 1;
        if open.left {
            state.left -= 1;
        }
        if open.count == 0 {
            self.latch.closed.notify_all();
        }
    }
}

#[derive(Default)]
struct Latch {
    open: Mutex<Open>,
    closed: Condvar,
}

#[derive(Default)]
struct Open {
    /// Workers that haven't left.
    count: usize,
    /// Nobody waits for them.
    left: bool,
}

/// The workers of one job. Dropping it waits until the last has left.
pub(super) struct Crew {
    latch: Arc<Latch>,
    left: bool,
}

impl Crew {
    /// Asks for `count` workers on `job`, numbered from `first`. New threads are made as long as the process has fewer than
    /// `most`; beyond that the workers come when others become free.
    ///
    /// # Errors
    /// [`Kind::Os`] when there is no thread at all and none can be made.
    pub(super) fn new(
        job: &Arc<impl Job + 'static>,
        first: usize,
        count: usize,
        most: usize,
        hook: &Arc<dyn WorkerHook>,
    ) -> Result<Self> {
        let pool = POOL.get();
        let latch = Arc::new(Latch::default());
        latch.open.lock().count = count;
        let crew = Self { latch, left: false };
        let mut state = pool.state.lock();
        for worker in first..first + count {
            state.queue.push_back(Ticket {
                job: Some(job.clone()),
                worker,
                latch: crew.latch.clone(),
            });
        }
        let mut failure = None;
        while state.queue.len() > state.idle && state.threads < most {
            let hook = hook.clone();
            let thread = thread::Builder::new()
                .name(format!("dusk-worker-{}", state.threads))
                .stack_size(STACK)
                .spawn(move || pool.serve(&*hook));
            if let Err(error) = thread {
                failure = Some(error);
                break;
            }
            state.threads += 1;
            // It takes a ticket as soon as it runs, as an idle one does.
            state.idle += 1;
        }
        pool.wake.notify_all();
        let threads = state.threads;
        drop(state);
        match failure {
            Some(error) if threads == 0 => {
                crew.withdraw();
                Err(Error::new(
                    Kind::Os,
                    format!("no worker thread can be started: {error}"),
                ))
            }
            _ => Ok(crew),
        }
    }

    /// Leaves the workers to themselves: they end when they come back from what they are doing, and nobody waits for them,
    /// nor for the end of their threads.
    pub(super) fn leave(mut self) {
        self.withdraw();
        let mut state = POOL.get().state.lock();
        let mut open = self.latch.open.lock();
        open.left = true;
        state.left += open.count;
        self.left = true;
    }

    /// Takes back the tickets that nobody has taken yet.
    fn withdraw(&self) {
        let mut state = POOL.get().state.lock();
        let all = std::mem::take(&mut state.queue);
        let (own, others): (VecDeque<Ticket>, _) = all
            .into_iter()
            .partition(|ticket| Arc::ptr_eq(&ticket.latch, &self.latch));
        state.queue = others;
        drop(state);
        drop(own);
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        if self.left {
            return;
        }
        self.withdraw();
        let mut open = self.latch.open.lock();
        while open.count > 0 {
            self.latch.closed.wait(&mut open);
        }
    }
}

impl Pool {
    /// The life of a thread, which the pool already counts as idle.
    fn serve(&self, hook: &dyn WorkerHook) {
        /// However the thread ends, a panic of the hook included, the pool counts it out.
        struct Leave<'a>(&'a Pool);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                let mut state = self.0.state.lock();
                state.threads -= 1;
                state.idle -= 1;
                self.0.left.notify_all();
            }
        }
        let _leave = Leave(self);
        hook.enter(&mut || {
            while let Some(ticket) = self.ticket() {
                if let Some(job) = &ticket.job {
                    job.work(ticket.worker);
                }
                // Before the crew hears that we have left: its next run shall find us rather than make another thread.
                self.state.lock().idle += 1;
                drop(ticket);
            }
        });
    }

    /// The next ticket; none when the pool stops.
    fn ticket(&self) -> Option<Ticket> {
        let mut state = self.state.lock();
        loop {
            if let Some(ticket) = state.queue.pop_front() {
                state.idle -= 1;
                return Some(ticket);
            }
            if state.stop {
                return None;
            }
            self.wake.wait(&mut state);
        }
    }
}

/// Ends the threads of this process's pool and waits for them; those that are at work finish it first. A later run makes
/// new ones. For the end of the process: not to be called from a worker, nor with the host's lock held.
pub fn shutdown_workers() {
    let pool = POOL.get();
    let mut state = pool.state.lock();
    state.stop = true;
    pool.wake.notify_all();
    let mut alone: Option<Instant> = None;
    while state.threads > 0 {
        // What an interrupted run has left behind may sleep for hours.
        if state.threads > state.left {
            pool.left.wait(&mut state);
            alone = None;
            continue;
        }
        let waited = alone.get_or_insert_with(Instant::now).elapsed();
        let Some(rest) = PATIENCE.checked_sub(waited) else {
            break;
        };
        pool.left.wait_for(&mut state, rest);
    }
    state.stop = false;
}

/// How many worker threads the process has.
#[must_use]
pub fn worker_threads() -> usize {
    POOL.get().state.lock().threads
}
