//! Things that belong to one process: after a fork the child has its own, and never touches a lock of its parent's.
//!
//! A lock that another thread held at the fork stays locked in the child for ever, so the child can't even look into the
//! parent's value. The chain below is walked without locks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A value per process, made on first use and kept as long as this is.
#[derive(Debug)]
pub struct PerProcess<T: 'static> {
    /// The process that owns the value; `0` is none yet.
    pid: AtomicU32,
    value: OnceLock<T>,
    next: OnceLock<Box<PerProcess<T>>>,
}

impl<T: Default> PerProcess<T> {
    /// A place for the value.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            pid: AtomicU32::new(0),
            value: OnceLock::new(),
            next: OnceLock::new(),
        }
    }

    /// The value of this process.
    pub fn get(&self) -> &T {
        self.of(std::process::id())
    }

    fn of(&self, pid: u32) -> &T {
        let mut place = self;
        loop {
            let owner = match place
                .pid
                .compare_exchange(0, pid, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => pid,
                Err(owner) => owner,
            };
            if owner == pid {
                return place.value.get_or_init(T::default);
            }
            place = place.next.get_or_init(|| Box::new(Self::new()));
        }
    }
}

impl<T: Default> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_has_its_own() {
        static PLACE: PerProcess<AtomicU32> = PerProcess::new();
        PLACE.of(7).store(70, Ordering::Relaxed);
        PLACE.of(8).store(80, Ordering::Relaxed);
        PLACE.of(9).store(90, Ordering::Relaxed);
        assert_eq!(PLACE.of(7).load(Ordering::Relaxed), 70);
        assert_eq!(PLACE.of(8).load(Ordering::Relaxed), 80);
        assert_eq!(PLACE.of(9).load(Ordering::Relaxed), 90);
    }
}
