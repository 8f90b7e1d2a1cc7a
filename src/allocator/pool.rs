//! Large buffers that were freed and wait for their next use.
//!
//! Fresh memory costs more than arithmetic: the system clears each page when it is first touched. Blocks of arrays come and go
//! in a few sizes, so during a run a large buffer that is freed stays here, and the next of its size takes it: the last one
//! first, which may still be in the caches. Covers which buffers are kept, and how many bytes; does not cover where they come
//! from.
//!
//! Invariants: a buffer that waits for sizes up to `c` has room for `c` bytes; no more than the limit waits; when a size
//! isn't there, as many bytes of other sizes go back as it takes, so that what waits never adds to the most that was in use at
//! once. There are no locks, so a fork in the middle of anything leaves the child a pool that works.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// The least size that is kept.
pub const LEAST: usize = 1 << 18;
/// The largest.
pub const MOST: usize = (1 << 29) + SLACK;
/// Sizes between a power of two and the next.
const STEPS: usize = 8;
/// What a buffer may have beyond such a size: a header before the elements is no reason for another one.
const SLACK: usize = 4096;
/// The power of two from which sizes are counted.
const FIRST: usize = LEAST.ilog2() as usize - 1;
const CLASSES: usize = ((MOST - SLACK).ilog2() as usize - FIRST) * STEPS;
/// Buffers of one size.
const PLACES: usize = 16;

/// Buffers that wait, by size.
pub struct Pool {
    limit: AtomicUsize,
    idle: AtomicUsize,
    places: [[AtomicPtr<u8>; PLACES]; CLASSES],
}

/// The number of the sizes that `size`, which is between [`LEAST`] and [`MOST`], belongs to, and the largest of them.
const fn class(size: usize) -> (usize, usize) {
    let size = size - SLACK;
    let power = (size - 1).ilog2() as usize;
    let step = (1 << power) / STEPS;
    let room = size.next_multiple_of(step);
    (
        (power - FIRST) * STEPS + (room - (1 << power)) / step - 1,
        room + SLACK,
    )
}

/// The bytes to ask for where `size` are wanted: those of the largest size that a buffer may serve again.
#[must_use]
pub const fn room(size: usize) -> Option<usize> {
    if size < LEAST || size > MOST {
        return None;
    }
    Some(class(size).1)
}

/// The largest size of a class.
const fn size_of(class: usize) -> usize {
    let power = 1 << (class / STEPS + FIRST);
    power + (class % STEPS + 1) * (power / STEPS) + SLACK
}

impl Pool {
    /// An empty pool that keeps nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            limit: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
            places: [const { [const { AtomicPtr::new(null_mut()) }; PLACES] }; CLASSES],
        }
    }

    /// Lets so many bytes wait from now on. What waits already stays.
    pub fn set_limit(&self, bytes: usize) {
        self.limit.store(bytes, Ordering::SeqCst);
    }

    /// How many may wait.
    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::SeqCst)
    }

    /// How many wait.
    pub fn idle(&self) -> usize {
        self.idle.load(Ordering::Relaxed)
    }

    /// A buffer with room for `size` bytes, as somebody left it; null when none waits. Then buffers of other sizes that take
    /// as much memory go back through `free`.
    pub fn take(&self, size: usize, free: impl FnMut(*mut u8, usize)) -> *mut u8 {
        if room(size).is_none() || self.idle() == 0 {
            return null_mut();
        }
        let (class, room) = class(size);
        let found = self.pick(class);
        if found.is_null() {
            self.give_back(room, free);
        }
        found
    }

    /// Keeps a buffer that served `size` bytes; false when there is no room for it, and it stays the caller's.
    pub fn put(&self, buffer: *mut u8, size: usize) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        if limit == 0 || room(size).is_none() {
            return false;
        }
        let (class, room) = class(size);
        if self.idle.fetch_add(room, Ordering::Relaxed) + room <= limit {
            for place in &self.places[class] {
                let empty = place.compare_exchange(null_mut(), buffer, Ordering::AcqRel, Ordering::Relaxed);
                if empty.is_ok() {
                    return true;
                }
            }
        }
        self.idle.fetch_sub(room, Ordering::Relaxed);
        false
    }

    /// Gives up buffers of about `bytes` together, large ones first: `free` gets each, and its size.
    pub fn give_back(&self, bytes: usize, mut free: impl FnMut(*mut u8, usize)) {
        let mut given = 0;
        for class in (0..CLASSES).rev() {
            loop {
                if given >= bytes || self.idle() == 0 {
                    return;
                }
                let buffer = self.pick(class);
                if buffer.is_null() {
                    break;
                }
                given += size_of(class);
                free(buffer, size_of(class));
            }
        }
    }

    fn pick(&self, class: usize) -> *mut u8 {
        for place in self.places[class].iter().rev() {
            if place.load(Ordering::Relaxed).is_null() {
                continue;
            }
            let buffer = place.swap(null_mut(), Ordering::AcqRel);
            if !buffer.is_null() {
                self.idle.fetch_sub(size_of(class), Ordering::Relaxed);
                return buffer;
            }
        }
        null_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a buffer for a mebibyte has.
    const ROOM: usize = (1 << 20) + SLACK;

    fn at(address: usize) -> *mut u8 {
        std::ptr::without_provenance_mut(address)
    }

    fn nothing(_: *mut u8, _: usize) {
        panic!("nothing goes back");
    }

    #[test]
    fn sizes_of_a_class_fit_its_room() {
        assert_eq!(room(LEAST - 1), None);
        assert_eq!(room(MOST + 1), None);
        let mut size = LEAST;
        while size <= MOST {
            for size in [size, (size + 1).min(MOST), (size + 4097).min(MOST)] {
                let (class, room) = class(size);
                assert!(
                    room >= size && room <= size + size / STEPS + SLACK,
                    "{size} {room}"
                );
                assert_eq!(size_of(class), room);
                assert_eq!(super::class(room), (class, room));
            }
            size += size / 5;
        }
        assert_eq!(class(MOST), (CLASSES - 1, MOST));
        assert_eq!(
            class(1 << 20),
            class((1 << 20) + 64),
            "an array and one with a header"
        );
    }

    #[test]
    fn a_freed_buffer_serves_its_size_again_the_last_one_first() {
        let pool = Pool::new();
        assert!(!pool.put(at(64), 1 << 20), "nothing waits without a limit");
        pool.set_limit(4 << 20);
        assert!(pool.put(at(64), 1 << 20));
        assert!(pool.put(at(128), (1 << 20) - 100));
        assert_eq!(pool.idle(), 2 * ROOM);
        assert_eq!(pool.take((1 << 20) - 5000, nothing), at(128));
        assert_eq!(pool.take(1 << 20, nothing), at(64));
        assert!(pool.take(1 << 20, nothing).is_null());
        assert_eq!(pool.idle(), 0);
        assert!(!pool.put(at(64), 1000) && !pool.put(at(64), MOST + 1));
    }

    #[test]
    fn no_more_than_the_limit_waits_and_a_size_that_isnt_there_sends_others_away() {
        let pool = Pool::new();
        pool.set_limit(3 * ROOM);
        for buffer in 1..=3 {
            assert!(pool.put(at(64 * buffer), 1 << 20));
        }
        assert!(!pool.put(at(640), 1 << 20));
        assert_eq!(pool.idle(), 3 * ROOM);
        let mut gone = Vec::new();
        assert!(
            pool.take(2 * ROOM - SLACK, |buffer, size| gone.push((buffer, size)))
                .is_null()
        );
        assert_eq!(gone, [(at(192), ROOM), (at(128), ROOM)]);
        assert_eq!(pool.idle(), ROOM);
        pool.set_limit(0);
        pool.give_back(usize::MAX, |buffer, _| gone.push((buffer, 0)));
        assert_eq!((gone.len(), pool.idle()), (3, 0));
    }

    #[test]
    fn threads_never_get_the_same_buffer() {
        let pool = Pool::new();
        pool.set_limit(usize::MAX);
        let taken: Vec<AtomicUsize> = (0..8).map(|_| AtomicUsize::new(0)).collect();
        for buffer in 0..taken.len() {
            assert!(pool.put(at(64 * (buffer + 1)), 1 << 18));
        }
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let buffer = pool.take(1 << 18, nothing);
                        if buffer.is_null() {
                            continue;
                        }
                        let number = buffer as usize / 64 - 1;
                        assert_eq!(taken[number].fetch_add(1, Ordering::SeqCst), 0);
                        taken[number].fetch_sub(1, Ordering::SeqCst);
                        assert!(pool.put(buffer, 1 << 18));
                    }
                });
            }
        });
        assert_eq!(pool.idle(), 8 * room(1 << 18).expect("a size of the pool"));
    }
}
