//! Runs inside runs: a task that computes something starts a run of its own, which ends when its run is cancelled.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use crate::sync::Mutex;
use crate::task::Control;

/// The control of a run and of the runs that its tasks have started: cancelling one cancels all below it.
#[derive(Debug)]
pub(super) struct Lineage {
    pub(super) control: Arc<Control>,
    children: Mutex<Vec<Weak<Lineage>>>,
}

impl Lineage {
    /// That of a new run, which belongs to the run whose task this thread is running, if any.
    pub(super) fn of(control: Arc<Control>) -> Arc<Self> {
        let lineage = Arc::new(Self {
            control,
            children: Mutex::default(),
        });
        CURRENT.with_borrow(|parent| {
            let Some(parent) = parent else { return };
            let mut children = parent.children.lock();
            children.retain(|child| child.strong_count() > 0);
            children.push(Arc::downgrade(&lineage));
            if parent.control.is_cancelled() {
                lineage.cancel();
            }
        });
        lineage
    }

    pub(super) fn cancel(&self) {
        self.control.cancel();
        for child in self.children.lock().iter().filter_map(Weak::upgrade) {
            child.cancel();
        }
    }
}

thread_local! {
    /// The run whose task this thread is running.
    static CURRENT: RefCell<Option<Arc<Lineage>>> = const { RefCell::new(None) };
}

/// Whether this thread is running a task, so that a run from here is a run inside a run.
pub(super) fn inside_a_task() -> bool {
    CURRENT.with_borrow(Option::is_some)
}

/// Makes `lineage` the run of this thread; dropping it brings the former one back.
pub(super) struct Entered(Option<Arc<Lineage>>);

impl Entered {
    pub(super) fn new(lineage: &Arc<Lineage>) -> Self {
        Self(CURRENT.replace(Some(lineage.clone())))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}
