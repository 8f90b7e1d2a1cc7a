//! Locks that a fork finds free: what the engine takes instead of the standard library's.
//!
//! A child of a fork has one thread. A lock that another thread of its parent held stays taken in it for ever, and what the
//! lock guards may be half changed. So who forks shuts the [gate](shut) first: threads that hold locks come out of them, others
//! wait before they take one, and the fork comes when nobody holds any. Whoever waits on either side waits for a moment only:
//! a lock that is held for long is no reason to stop forking, nor a fork to stop computing.
//!
//! Waiting threads leave nothing behind that a child could stumble over. (Those of `parking_lot` stand in queues that all
//! locks of the process share, on stacks that the child's threads are given anew.) A panic doesn't poison: whoever holds a
//! lock leaves what it guards whole at every point where it may panic. Doesn't cover what each process has for itself
//! (`process`).

// What it stands in for.
#![allow(clippy::disallowed_types)]

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{self, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a fork waits for locks, and a lock for a fork.
const PATIENCE: Duration = Duration::from_millis(20);
/// How often who waits looks.
const LOOK: Duration = Duration::from_micros(20);

// --- the gate ---------------------------------------------------------------------------------------------------------

/// Counters side by side would make threads wait for each other's cache lines.
#[repr(align(128))]
struct Shard(AtomicUsize);

const SHARDS: usize = 16;
/// How many threads are inside the gate, by their numbers.
static INSIDE: [Shard; SHARDS] = [const { Shard(AtomicUsize::new(0)) }; SHARDS];
/// How many forks are about to happen.
static SHUT: AtomicUsize = AtomicUsize::new(0);
/// Numbers for threads.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The shard of this thread, which gets it with its first lock, and how often the thread is inside.
    static OWN: Cell<(usize, usize)> = const { Cell::new((usize::MAX, 0)) };
}

/// As long as this lives, a fork waits.
#[derive(Debug)]
pub struct Inside {
    /// Entering and leaving are the same thread's.
    _stays: std::marker::PhantomData<*const ()>,
}

impl Inside {
    /// Goes through the gate. Who is inside already needn't wait.
    #[must_use]
    pub fn enter() -> Self {
        enter();
        Self {
            _stays: std::marker::PhantomData,
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        leave();
    }
}

/// What [`Inside::enter`] does; [`leave`] ends it.
pub fn enter() {
    OWN.with(|own| {
        let (mut shard, depth) = own.get();
        if depth == 0 {
            if shard == usize::MAX {
                shard = THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS;
            }
            let inside = &INSIDE[shard].0;
            // Either we see the gate shut, or who shuts it sees us.
            inside.fetch_add(1, Ordering::SeqCst);
            if SHUT.load(Ordering::SeqCst) > 0 {
                inside.fetch_sub(1, Ordering::SeqCst);
                until(|| SHUT.load(Ordering::SeqCst) == 0);
                inside.fetch_add(1, Ordering::SeqCst);
            }
        }
        own.set((shard, depth + 1));
    });
}

/// Ends what [`enter`] has begun.
pub fn leave() {
    OWN.with(|own| {
        let (shard, depth) = own.get();
        own.set((shard, depth - 1));
        if depth == 1 {
            INSIDE[shard].0.fetch_sub(1, Ordering::Release);
        }
    });
}

/// Waits a moment for something.
fn until(done: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !done() {
        if start.elapsed() >= PATIENCE {
            return false;
        }
        thread::sleep(LOOK);
    }
    true
}

/// Lets nobody take a lock until [`open`], and waits until nobody holds one; says whether that came in time.
pub fn shut() -> bool {
    SHUT.fetch_add(1, Ordering::SeqCst);
    let own = OWN.with(|own| usize::from(own.get().1 > 0));
    until(|| {
        let inside = INSIDE.iter().map(|shard| shard.0.load(Ordering::SeqCst));
        inside.sum::<usize>() <= own
    })
}

/// Ends what [`shut`] has begun, in the process that called it.
pub fn open() {
    SHUT.fetch_sub(1, Ordering::SeqCst);
}

/// Ends it in the child of a fork, in which there is but this thread.
pub fn open_in_child() {
    let (own, depth) = OWN.with(Cell::get);
    for (number, shard) in INSIDE.iter().enumerate() {
        let inside = usize::from(number == own && depth > 0);
        shard.0.store(inside, Ordering::SeqCst);
    }
    SHUT.store(0, Ordering::SeqCst);
}

// --- locks ------------------------------------------------------------------------------------------------------------

/// A lock around a value.
#[derive(Debug, Default)]
pub struct Mutex<T>(sync::Mutex<T>);

impl<T> Mutex<T> {
    /// An open one.
    pub const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    /// Waits for the lock and takes it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let inside = Inside::enter();
        MutexGuard {
            taken: Some(self.take()),
            lock: self,
            _inside: inside,
        }
    }

    /// The value, which nobody else can reach.
    pub fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> sync::MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lock in hand.
#[derive(Debug)]
pub struct MutexGuard<'a, T> {
    /// Nothing only while [`MutexGuard::unlocked`] runs, and after a panic there.
    taken: Option<sync::MutexGuard<'a, T>>,
    lock: &'a Mutex<T>,
    /// Dropped after the lock.
    _inside: Inside,
}

impl<'a, T> MutexGuard<'a, T> {
    /// Calls `body` without the lock, and takes it again.
    pub fn unlocked<R>(guard: &mut Self, body: impl FnOnce() -> R) -> R {
        guard.taken = None;
        leave();
        let back = Back;
        let result = body();
        drop(back);
        guard.taken = Some(guard.lock.take());
        result
    }

    fn taken(&self) -> &sync::MutexGuard<'a, T> {
        match &self.taken {
            Some(taken) => taken,
            None => unreachable!("a lock is used while it is let go"),
        }
    }
}

/// Goes back inside when dropped, as a guard expects to be also after a panic.
struct Back;

impl Drop for Back {
    fn drop(&mut self) {
        enter();
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.taken()
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.taken {
            Some(taken) => taken,
            None => unreachable!("a lock is used while it is let go"),
        }
    }
}

/// For threads that wait for something under a lock. They may wake for no reason. Not for what a child shares with its
/// parent: one that wakes has the lock for an instant before it is inside the gate again.
#[derive(Debug, Default)]
pub struct Condvar(sync::Condvar);

impl Condvar {
    /// One that nobody waits for.
    #[must_use]
    pub const fn new() -> Self {
        Self(sync::Condvar::new())
    }

    /// Lets the lock go until somebody notifies.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        Self::waiting(guard, |taken| {
            self.0.wait(taken).unwrap_or_else(PoisonError::into_inner)
        });
    }

    /// Lets the lock go until somebody notifies, or for so long.
    pub fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, long: Duration) {
        Self::waiting(guard, |taken| {
            let waited = self.0.wait_timeout(taken, long);
            waited.unwrap_or_else(PoisonError::into_inner).0
        });
    }

    fn waiting<'a, T>(
        guard: &mut MutexGuard<'a, T>,
        wait: impl FnOnce(sync::MutexGuard<'a, T>) -> sync::MutexGuard<'a, T>,
    ) {
        let Some(taken) = guard.taken.take() else { return };
        leave();
        let taken = wait(taken);
        if SHUT.load(Ordering::SeqCst) > 0 {
            // Not with the lock in hand.
            drop(taken);
            enter();
            guard.taken = Some(guard.lock.take());
        } else {
            enter();
            guard.taken = Some(taken);
        }
    }

    /// Wakes one of those who wait.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all who wait.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    /// The gate is the process's: what shuts it can't run side by side.
    static ONE_AT_A_TIME: sync::Mutex<()> = sync::Mutex::new(());

    fn alone() -> sync::MutexGuard<'static, ()> {
        ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[test]
    fn a_fork_waits_for_who_holds_a_lock() {
        static LOCK: Mutex<u32> = Mutex::new(0);
        let _alone = alone();
        let held = Arc::new(AtomicBool::new(false));
        let there = held.clone();
        let holder = thread::spawn(move || {
            let mut number = LOCK.lock();
            there.store(true, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(3));
            // Inside already: no gate keeps it from a second lock.
            let other = Mutex::new(1);
            *number += *other.lock();
        });
        while !held.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        // Other tests may hold locks of their own for long.
        if shut() {
            assert_eq!(LOCK.0.try_lock().map(|number| *number).ok(), Some(1));
        }
        open();
        holder.join().unwrap();
    }

    #[test]
    fn a_lock_waits_for_a_fork_but_not_for_ever() {
        let _alone = alone();
        let lock = Arc::new(Mutex::new(()));
        shut();
        let start = Instant::now();
        let taken = {
            let lock = lock.clone();
            thread::spawn(move || drop(lock.lock()))
        };
        taken.join().unwrap();
        assert!(start.elapsed() >= PATIENCE);
        open();
        drop(lock.lock());
    }

    #[test]
    fn who_lets_a_lock_go_for_a_while_is_outside() {
        let lock = Mutex::new(1);
        let mut guard = lock.lock();
        let depth = || OWN.with(|own| own.get().1);
        assert_eq!(depth(), 1);
        MutexGuard::unlocked(&mut guard, || {
            assert_eq!(depth(), 0);
            *lock.lock() += 1;
        });
        assert_eq!((*guard, depth()), (2, 1));
        drop(guard);
        assert_eq!(depth(), 0);
    }

    #[test]
    fn panics_leave_locks_open() {
        let lock = Mutex::new(1);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut guard = lock.lock();
            MutexGuard::unlocked(&mut guard, || panic!("on purpose"));
        }));
        assert!(caught.is_err());
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = lock.lock();
            panic!("on purpose");
        }));
        assert!(caught.is_err());
        assert_eq!(*lock.lock(), 1);
        assert_eq!(OWN.with(|own| own.get().1), 0);
        assert_eq!(lock.into_inner(), 1);
    }

    #[test]
    fn waiting_ends_with_a_notice_or_with_time() {
        let pair = Arc::new((Mutex::new(false), Condvar::new()));
        let other = pair.clone();
        let teller = thread::spawn(move || {
            *other.0.lock() = true;
            other.1.notify_all();
        });
        let mut told = pair.0.lock();
        while !*told {
            pair.1.wait(&mut told);
        }
        pair.1.wait_for(&mut told, Duration::from_millis(1));
        assert!(*told);
        drop(told);
        teller.join().unwrap();
    }
}
