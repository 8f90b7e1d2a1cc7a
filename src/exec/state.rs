//! What happens next in a run: events in, actions out. No threads, no clock, no files.
//!
//! Answers: which task may start (its inputs are there, its memory fits), which chunk is released, spilled or loaded
//! back, and when the run is over. Does not cover who performs it (`run`, `workers`) and where chunks lie (`store`).
//!
//! Host calls have a queue of their own, which can be closed for a while: their workers would only wait for each other.
//!
//! Invariants: each needed task runs once, after its inputs; a chunk stays until its last consumer has finished; at an
//! admission, bytes held and reserved stay within the limit unless nothing else runs; after a failure nothing starts,
//! and the run is done when all that was under way has come back.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::exec::order::{NEVER, Order, order};
pub use crate::exec::protocol::{Action, Event, Work};
use crate::exec::shape::Shape;
use crate::task::TaskId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not run yet.
    Waiting,
    /// Admitted.
    Running,
    Memory,
    /// In memory, and on its way to a file.
    Spilling,
    Spilled,
    /// In a file, and on its way to memory; its bytes are reserved.
    Loading,
    /// Released.
    Gone,
}

#[derive(Clone, Debug)]
struct Node {
    phase: Phase,
    /// Dropping it from memory frees nothing, or it can't be written.
    fixed: bool,
    /// Inputs that are not made yet; once admitted, inputs that are being loaded.
    pending: u32,
    /// Consumers that haven't finished; an output has one more, for ever.
    uses: u32,
    /// Admitted tasks that need it in memory.
    pins: u32,
    /// How many of its consumers, in order of rank, are known to have finished.
    cursor: u32,
    bytes: usize,
}

/// Tasks of one kind that could start, as far as their inputs go.
#[derive(Debug, Default)]
struct Queue {
    /// Tasks without inputs, by rank; those before `first` have been admitted.
    sources: Vec<TaskId>,
    first: usize,
    /// Ranks of the other tasks whose inputs are made.
    ready: BinaryHeap<Reverse<u32>>,
}

/// The state of a run.
#[derive(Debug)]
pub struct State {
    shape: Shape,
    order: Order,
    nodes: Vec<Node>,
    limit: usize,
    /// Tasks whose inputs are made: native ones and host calls.
    queues: [Queue; 2],
    /// Whether host calls may start now.
    host_open: bool,
    /// Admitted tasks whose inputs have been loaded.
    staged: VecDeque<TaskId>,
    loads: Vec<TaskId>,
    /// Chunks that could be spilled, those needed last first; made when memory gets short for the first time. Entries
    /// may be out of date and are checked when taken.
    victims: Option<BinaryHeap<(u32, TaskId)>>,
    remaining: usize,
    /// Admitted tasks that haven't finished.
    admitted: usize,
    /// Tasks, spills and loads under way.
    active: usize,
    spilling: usize,
    live: usize,
    reserved: usize,
    /// Of the live bytes: those that could be spilled now, and those that are being spilled.
    spillable: usize,
    leaving: usize,
    excess: usize,
    ended: bool,
    /// The last answer was to wait, and nothing has happened since.
    stalled: bool,
}

impl State {
    /// A run of `shape` within `limit` bytes.
    #[must_use]
    pub fn new(shape: Shape, limit: usize) -> Self {
        let order = order(&shape);
        let mut nodes: Vec<Node> = (0..shape.len())
            .map(|position| {
                let task = position as TaskId;
                Node {
                    phase: Phase::Waiting,
                    fixed: shape.held[position],
                    pending: shape.inputs.of(task).len() as u32,
                    uses: order.consumers.of(task).len() as u32,
                    pins: 0,
                    cursor: 0,
                    bytes: 0,
                }
            })
            .collect();
        for &output in &shape.outputs {
            nodes[output as usize].uses += 1;
        }
        let mut queues = [Queue::default(), Queue::default()];
        for &task in &order.tasks {
            if shape.inputs.of(task).is_empty() {
                queues[usize::from(shape.host[task as usize])].sources.push(task);
            }
        }
        Self {
            remaining: order.tasks.len(),
            nodes,
            limit,
            queues,
            host_open: true,
            staged: VecDeque::new(),
            loads: Vec::new(),
            victims: None,
            admitted: 0,
            active: 0,
            spilling: 0,
            live: 0,
            reserved: 0,
            spillable: 0,
            leaving: 0,
            excess: 0,
            ended: false,
            stalled: false,
            shape,
            order,
        }
    }

    /// The number of tasks that the run needs.
    #[must_use]
    pub fn total(&self) -> usize {
        self.order.tasks.len()
    }

    /// How many of them have finished.
    #[must_use]
    pub fn done(&self) -> usize {
        self.total() - self.remaining
    }

    /// Bytes of live chunks and of what running tasks may need.
    #[must_use]
    pub fn held(&self) -> usize {
        self.live + self.reserved
    }

    /// Bytes of live chunks.
    #[must_use]
    pub fn live(&self) -> usize {
        self.live
    }

    /// Whether the run has failed or was cancelled.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether asking for work again could give some.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.stalled
            && !self.ended
            && (!self.staged.is_empty() || !self.loads.is_empty() || self.head().is_some())
    }

    /// Whether nothing is under way, so that waiting would be for ever.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.active == 0
    }

    /// Whether somebody else holds the task's result anyway, so that its bytes don't count.
    #[must_use]
    pub fn is_held(&self, task: TaskId) -> bool {
        self.shape.held[task as usize]
    }

    /// Says whether host calls may start now, or only native tasks.
    pub fn open_host(&mut self, open: bool) {
        if open && !self.host_open {
            self.stalled = false;
        }
        self.host_open = open;
    }

    /// Makes the next question be answered anew, as when memory outside of this run has changed.
    pub fn reconsider(&mut self) {
        self.stalled = false;
    }

    /// Whether a task that is about to run is the last that needs `chunk`, and takes it once: it may have it for its own.
    #[must_use]
    pub fn is_last_use(&self, chunk: TaskId) -> bool {
        self.nodes[chunk as usize].uses == 1
    }

    /// Tells the state what has happened; what must be done about chunks is added to `actions`.
    pub fn on(&mut self, event: Event, actions: &mut Vec<Action>) {
        self.stalled = false;
        match event {
            Event::Finished { task, bytes } => self.finished(task, bytes, actions),
            Event::Failed(task) => {
                self.reserved -= self.shape.projected[task as usize];
                self.admitted -= 1;
                self.active -= 1;
                self.ended = true;
            }
            Event::Spilled(chunk) => {
                self.spill_ended(chunk, actions);
                let node = &mut self.nodes[chunk as usize];
                if node.phase == Phase::Memory && node.pins == 0 {
                    node.phase = Phase::Spilled;
                    self.spillable -= node.bytes;
                    self.live -= node.bytes;
                    self.excess = self.excess.saturating_sub(node.bytes);
                    actions.push(Action::Forget(chunk));
                }
            }
            Event::Unspillable(chunk) => {
                self.spill_ended(chunk, actions);
                let node = &mut self.nodes[chunk as usize];
                if node.phase == Phase::Memory && node.pins == 0 {
                    self.spillable -= node.bytes;
                }
                node.fixed = true;
            }
            Event::SpillFailed(chunk) => {
                self.spill_ended(chunk, actions);
                self.ended = true;
            }
            Event::Loaded(chunk) => {
                self.active -= 1;
                let node = &mut self.nodes[chunk as usize];
                node.phase = Phase::Memory;
                self.reserved -= node.bytes;
                self.live += node.bytes;
                self.hand_out(chunk);
            }
            Event::LoadFailed(chunk) => {
                self.active -= 1;
                let node = &mut self.nodes[chunk as usize];
                node.phase = Phase::Spilled;
                self.reserved -= node.bytes;
                self.ended = true;
            }
            Event::Excess(bytes) => self.excess = bytes,
            Event::Cancel => self.ended = true,
        }
    }

    /// What somebody who has nothing to do should do; `outside` bytes are held by other runs.
    pub fn next(&mut self, outside: usize) -> Work {
        let work = self.choose(outside);
        match work {
            Work::Run(_) | Work::Spill(_) | Work::Load(_) => self.active += 1,
            Work::Wait => self.stalled = true,
            Work::Done => {}
        }
        work
    }

    fn choose(&mut self, outside: usize) -> Work {
        loop {
            if self.ended {
                return if self.active == 0 { Work::Done } else { Work::Wait };
            }
            if let Some(chunk) = self.loads.pop() {
                return Work::Load(chunk);
            }
            if let Some(task) = self.staged.pop_front() {
                return Work::Run(task);
            }
            if self.live - self.leaving > self.limit
                && let Some(chunk) = self.victim(None)
            {
                return Work::Spill(chunk);
            }
            let Some(task) = self.head() else {
                return if self.remaining == 0 && self.active == 0 {
                    Work::Done
                } else {
                    Work::Wait
                };
            };
            match self.room_for(task, outside) {
                Some(work) => return work,
                None if self.admit(task) => return Work::Run(task),
                None => {}
            }
        }
    }

    /// What to do before `task` may be admitted; nothing when it may.
    fn room_for(&mut self, task: TaskId, outside: usize) -> Option<Work> {
        let wanted = self.shape.projected[task as usize].saturating_add(self.to_load(task));
        let held = self.live.saturating_add(self.reserved).saturating_add(outside);
        let needs = held.saturating_add(wanted);
        if needs <= self.limit && self.excess == 0 {
            return None;
        }
        // What is being spilled still takes memory, but no more has to leave for it.
        let short = (needs - self.leaving).saturating_sub(self.limit);
        let excess = self.excess.saturating_sub(self.leaving);
        // Spilling has to help: it makes room for the task or, when nothing runs that will free some, a good part of it.
        let helps = self.spillable >= short || (self.admitted == 0 && self.spillable >= self.limit / 8);
        if (excess > 0 || (short > 0 && helps))
            && let Some(chunk) = self.victim(Some(self.order.rank[task as usize]))
        {
            return Some(Work::Spill(chunk));
        }
        // One task may always run, else nothing would ever free memory.
        (self.spilling > 0 || self.admitted > 0).then_some(Work::Wait)
    }

    /// The ready task of the lowest rank.
    fn head(&self) -> Option<TaskId> {
        let kinds = if self.host_open { 2 } else { 1 };
        let heads = self.queues[..kinds].iter().flat_map(|queue| {
            let source = queue.sources.get(queue.first);
            let source = source.map(|&task| self.order.rank[task as usize]);
            source
                .into_iter()
                .chain(queue.ready.peek().map(|Reverse(rank)| *rank))
        });
        heads.min().map(|rank| self.order.tasks[rank as usize])
    }

    /// Bytes that have to be loaded for `task`.
    fn to_load(&self, task: TaskId) -> usize {
        let inputs = self.shape.inputs.of(task).iter();
        inputs
            .map(|&input| &self.nodes[input as usize])
            .filter(|node| node.phase == Phase::Spilled)
            .fold(0, |total, node| total.saturating_add(node.bytes))
    }

    /// Takes the head off the queue, reserves its memory and asks for its inputs; whether all are there.
    fn admit(&mut self, task: TaskId) -> bool {
        let queue = &mut self.queues[usize::from(self.shape.host[task as usize])];
        if queue.sources.get(queue.first) == Some(&task) {
            queue.first += 1;
        } else {
            queue.ready.pop();
        }
        self.admitted += 1;
        self.reserved += self.shape.projected[task as usize];
        let mut waiting = 0;
        for &input in self.shape.inputs.of(task) {
            let node = &mut self.nodes[input as usize];
            if node.pins == 0 && node.phase == Phase::Memory && !node.fixed {
                self.spillable -= node.bytes;
            }
            node.pins += 1;
            if node.phase == Phase::Spilled {
                node.phase = Phase::Loading;
                self.reserved += node.bytes;
                self.loads.push(input);
            }
            if node.phase == Phase::Loading {
                waiting += 1;
            }
        }
        let node = &mut self.nodes[task as usize];
        node.phase = Phase::Running;
        node.pending = waiting;
        waiting == 0
    }

    /// Tells the tasks that wait for `chunk` that it is in memory: all that have pinned it, since it was free to leave.
    fn hand_out(&mut self, chunk: TaskId) {
        self.next_use(chunk);
        let node = &self.nodes[chunk as usize];
        let (from, mut waiting) = (node.cursor as usize, node.pins);
        for &consumer in &self.order.consumers.of(chunk)[from..] {
            if waiting == 0 {
                break;
            }
            let node = &mut self.nodes[consumer as usize];
            if node.phase == Phase::Running {
                waiting -= 1;
                node.pending -= 1;
                if node.pending == 0 {
                    self.staged.push_back(consumer);
                }
            }
        }
    }

    fn finished(&mut self, task: TaskId, bytes: usize, actions: &mut Vec<Action>) {
        self.reserved -= self.shape.projected[task as usize];
        self.admitted -= 1;
        self.active -= 1;
        self.remaining -= 1;
        let node = &mut self.nodes[task as usize];
        node.bytes = if node.fixed { 0 } else { bytes };
        node.phase = Phase::Memory;
        self.live += node.bytes;
        if node.uses == 0 {
            self.release(task, actions);
        } else {
            self.offer(task);
        }
        for i in 0..self.shape.inputs.of(task).len() {
            let input = self.shape.inputs.of(task)[i];
            let node = &mut self.nodes[input as usize];
            node.pins -= 1;
            node.uses -= 1;
            if node.uses == 0 {
                // One that is being spilled is released when that has come back.
                if node.phase == Phase::Memory {
                    self.release(input, actions);
                }
            } else if node.pins == 0 && node.phase == Phase::Memory {
                self.offer(input);
            }
        }
        for i in 0..self.order.consumers.of(task).len() {
            let consumer = self.order.consumers.of(task)[i];
            let node = &mut self.nodes[consumer as usize];
            node.pending -= 1;
            if node.pending == 0 {
                let queue = &mut self.queues[usize::from(self.shape.host[consumer as usize])];
                queue.ready.push(Reverse(self.order.rank[consumer as usize]));
            }
        }
    }

    /// Drops a chunk that is in memory and pinned by nobody.
    fn release(&mut self, chunk: TaskId, actions: &mut Vec<Action>) {
        let node = &mut self.nodes[chunk as usize];
        node.phase = Phase::Gone;
        self.live -= node.bytes;
        actions.push(Action::Release(chunk));
    }

    /// Counts a chunk that is in memory and pinned by nobody among those that could be spilled.
    fn offer(&mut self, chunk: TaskId) {
        let node = &self.nodes[chunk as usize];
        if node.fixed || node.bytes == 0 {
            return;
        }
        self.spillable += node.bytes;
        if self.victims.is_some() {
            let when = self.next_use(chunk);
            if let Some(victims) = &mut self.victims {
                victims.push((when, chunk));
            }
        }
    }

    /// The rank of the first task that still needs `chunk`; outputs that no task needs any more are needed last.
    fn next_use(&mut self, chunk: TaskId) -> u32 {
        let consumers = self.order.consumers.of(chunk);
        let mut cursor = self.nodes[chunk as usize].cursor;
        while let Some(&consumer) = consumers.get(cursor as usize) {
            if matches!(
                self.nodes[consumer as usize].phase,
                Phase::Waiting | Phase::Running
            ) {
                break;
            }
            cursor += 1;
        }
        self.nodes[chunk as usize].cursor = cursor;
        consumers
            .get(cursor as usize)
            .map_or(NEVER, |&consumer| self.order.rank[consumer as usize])
    }

    /// Takes the chunk that is needed last, and later than the task of rank `before`: what is needed sooner waits for a
    /// task that runs.
    fn victim(&mut self, before: Option<u32>) -> Option<TaskId> {
        if self.spillable == 0 {
            return None;
        }
        if self.victims.is_none() {
            let mut all = Vec::new();
            for task in 0..self.nodes.len() as TaskId {
                if self.can_leave(task) {
                    all.push((self.next_use(task), task));
                }
            }
            self.victims = Some(BinaryHeap::from(all));
        }
        loop {
            let (when, chunk) = self.victims.as_mut()?.pop()?;
            if !self.can_leave(chunk) {
                continue;
            }
            let now = self.next_use(chunk);
            if now > when {
                self.victims.as_mut()?.push((now, chunk));
                continue;
            }
            if before.is_some_and(|before| now <= before) {
                self.victims.as_mut()?.push((now, chunk));
                return None;
            }
            let node = &mut self.nodes[chunk as usize];
            node.phase = Phase::Spilling;
            self.spillable -= node.bytes;
            self.leaving += node.bytes;
            self.spilling += 1;
            return Some(chunk);
        }
    }

    fn can_leave(&self, chunk: TaskId) -> bool {
        let node = &self.nodes[chunk as usize];
        node.phase == Phase::Memory && node.pins == 0 && !node.fixed && node.bytes > 0
    }

    /// A spill has come back, well or not: the chunk is in memory as before, or nobody needs it any more.
    fn spill_ended(&mut self, chunk: TaskId, actions: &mut Vec<Action>) {
        self.active -= 1;
        self.spilling -= 1;
        let node = &mut self.nodes[chunk as usize];
        self.leaving -= node.bytes;
        node.phase = Phase::Memory;
        if node.uses == 0 {
            self.release(chunk, actions);
        } else if node.pins == 0 {
            self.offer(chunk);
        }
    }
}

#[cfg(test)]
#[path = "state_test.rs"]
mod tests;
