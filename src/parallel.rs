//! Data-parallel work inside one step of a task: the one pool for it, of each process its own.
//!
//! A child of a fork has none of its parent's threads, so rayon's global pool would wait for ever in it. Whoever uses rayon
//! does so inside [`install`].

use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::process::PerProcess;

#[derive(Default)]
struct Pool(OnceLock<Option<ThreadPool>>);

static POOL: PerProcess<Pool> = PerProcess::new();

fn pool() -> Option<&'static ThreadPool> {
    let make = || {
        let named = |number| format!("dusk-parallel-{number}");
        ThreadPoolBuilder::new().thread_name(named).build().ok()
    };
    POOL.get().0.get_or_init(make).as_ref()
}

/// Calls `body` where rayon's parallel iterators use the pool of this process; where no threads can be made, as it is.
pub fn install<R: Send>(body: impl FnOnce() -> R + Send) -> R {
    match pool() {
        Some(pool) => pool.install(body),
        None => body(),
    }
}

/// How many threads the pool has.
#[must_use]
pub fn threads() -> usize {
    pool().map_or(1, ThreadPool::current_num_threads)
}
