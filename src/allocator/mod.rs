//! The allocator of the core: mimalloc with one setting that is not its default, and a pool of large buffers before it.
//!
//! While a run is under way, large buffers that are freed wait for their next use (`pool`), those of blocks and those of
//! NumPy's arrays in functions of the user (`py::host::memory`). When the last run ends, or memory gets short, they go back.
//!
//! mimalloc asks the system for large pages under all of its memory. Where a large page is first touched, 2 MiB are cleared
//! at once, however little of them is used; on virtual machines that give free memory back to their host, that costs up to
//! six times as much per byte as small pages do. A query that is the first of its process paid more for clearing than for
//! computing, and held twice the memory. So the memory comes in small pages; who fills a large buffer for good asks for
//! large ones ([`prefer_large_pages`]).

mod pool;

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicUsize, Ordering};

use mimalloc::MiMalloc;

use crate::process::PerProcess;
pub use pool::{LEAST as LEAST_POOLED, MOST as MOST_POOLED};

#[global_allocator]
static ALLOCATOR: Pooled = Pooled;

static POOL: pool::Pool = pool::Pool::new();

/// mimalloc behind the pool.
struct Pooled;

/// What all buffers of the pool are aligned to: Arrow asks for no more.
const ALIGNMENT: usize = 128;

/// The layout to ask mimalloc for, for memory that the pool may keep one day.
fn whole(layout: Layout) -> Option<Layout> {
    let room = pool::room(layout.size()).filter(|_| layout.align() <= ALIGNMENT)?;
    Layout::from_size_align(room, ALIGNMENT).ok()
}

/// Gives a buffer of the pool back to mimalloc.
fn free(buffer: *mut u8, size: usize) {
    // SAFETY: a buffer of the pool was allocated by mimalloc and is nobody else's; mimalloc takes no notice of the layout.
    unsafe { MiMalloc.dealloc(buffer, Layout::from_size_align_unchecked(size, ALIGNMENT)) };
}

// SAFETY: memory comes from mimalloc, or from the pool, which holds what mimalloc gave for as much or more and nobody uses.
// Whatever its way, the memory of a layout that the pool may keep has room for the largest size of its class: it is asked
// for so, and it shrinks in place only.
unsafe impl GlobalAlloc for Pooled {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LEAST_POOLED {
            // SAFETY: as the caller promises.
            return unsafe { MiMalloc.alloc(layout) };
        }
        let Some(whole) = whole(layout) else {
            // SAFETY: as the caller promises.
            return unsafe { MiMalloc.alloc(layout) };
        };
        let kept = POOL.take(layout.size(), free);
        if kept.is_null() {
            // SAFETY: the size isn't zero.
            return unsafe { MiMalloc.alloc(whole) };
        }
        kept
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LEAST_POOLED {
            // SAFETY: as the caller promises.
            return unsafe { MiMalloc.alloc_zeroed(layout) };
        }
        let Some(whole) = whole(layout) else {
            // SAFETY: as the caller promises.
            return unsafe { MiMalloc.alloc_zeroed(layout) };
        };
        let kept = POOL.take(layout.size(), free);
        if kept.is_null() {
            // SAFETY: the size isn't zero.
            return unsafe { MiMalloc.alloc_zeroed(whole) };
        }
        // SAFETY: the buffer has room for the layout.
        unsafe { kept.write_bytes(0, layout.size()) };
        kept
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let kept =
            layout.size() >= LEAST_POOLED && layout.align() <= ALIGNMENT && POOL.put(memory, layout.size());
        if !kept {
            // SAFETY: as the caller promises.
            unsafe { MiMalloc.dealloc(memory, layout) };
        } else if POOL.limit() == 0 {
            // The last run ended in between.
            POOL.give_back(usize::MAX, free);
        }
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let old = layout.size();
        if old.max(size) < LEAST_POOLED {
            // SAFETY: as the caller promises.
            return unsafe { MiMalloc.realloc(memory, layout, size) };
        }
        let fits = whole(layout).is_some_and(|whole| size <= whole.size());
        if (fits || size <= old) && size >= old / 2 {
            return memory;
        }
        // SAFETY: the caller promises that the alignment is one and that the size doesn't overflow with it.
        let fresh = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !fresh.is_null() {
            // SAFETY: both have so many bytes, and are different; the old one is given up by the caller.
            unsafe {
                fresh.copy_from_nonoverlapping(memory, old.min(size));
                self.dealloc(memory, layout);
            }
        }
        fresh
    }
}

/// The runs of this process that are under way.
static RUNS: PerProcess<AtomicUsize> = PerProcess::new();

/// As long as one of these lives, buffers that are freed wait for their next use.
#[derive(Debug)]
pub struct KeepBuffers(&'static AtomicUsize);

impl KeepBuffers {
    /// Lets up to `limit` bytes wait, or none; among several runs, the least of their limits.
    #[must_use]
    pub fn up_to(limit: Option<usize>) -> Self {
        let runs = RUNS.get();
        let first = runs.fetch_add(1, Ordering::SeqCst) == 0;
        let limit = limit.unwrap_or(0);
        POOL.set_limit(if first { limit } else { limit.min(POOL.limit()) });
        Self(runs)
    }
}

impl Drop for KeepBuffers {
    fn drop(&mut self) {
        if self.0.fetch_sub(1, Ordering::SeqCst) == 1 {
            POOL.set_limit(0);
            POOL.give_back(usize::MAX, free);
        }
    }
}

/// Bytes of buffers that wait for their next use.
#[must_use]
pub fn idle_bytes() -> usize {
    POOL.idle()
}

/// Gives the memory of all buffers that wait back to the system at once.
pub fn give_back() {
    POOL.give_back(usize::MAX, |buffer, size| {
        #[cfg(target_os = "linux")]
        {
            const PAGE: usize = 4096;
            let start = (buffer as usize).next_multiple_of(PAGE);
            let end = (buffer as usize + size) / PAGE * PAGE;
            // SAFETY: the range lies within a buffer that nobody uses, so its content doesn't matter; failing does no harm.
            unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED) };
        }
        free(buffer, size);
    });
}

#[cfg(target_os = "linux")]
mod pages {
    use std::ffi::{c_int, c_long};

    unsafe extern "C" {
        fn mi_option_set(option: c_int, value: c_long);
    }

    /// `mi_option_arena_eager_commit`, the same number in mimalloc 2 and 3. Arenas that are not committed when they are
    /// reserved are not advised to take large pages either.
    const ARENA_EAGER_COMMIT: c_int = 4;

    extern "C" fn small_pages() {
        // SAFETY: sets a number in a table of mimalloc's, which may be done at any time.
        unsafe { mi_option_set(ARENA_EAGER_COMMIT, 0) };
    }

    /// Runs when the library is loaded: the first arena is reserved with the first allocation.
    // SAFETY: the section holds functions without arguments that the loader calls once; this is one.
    #[used]
    #[unsafe(link_section = ".init_array")]
    static ON_LOAD: extern "C" fn() = small_pages;
}

/// Asks the system for large pages under a large buffer that is about to be filled: faulting in small pages one by one costs
/// more than the copying itself.
pub fn prefer_large_pages(buffer: &mut [u8]) {
    const LARGE: usize = 2 << 20;
    #[cfg(target_os = "linux")]
    if buffer.len() >= 2 * LARGE {
        let start = (buffer.as_ptr() as usize).next_multiple_of(LARGE);
        let end = (buffer.as_ptr() as usize + buffer.len()) / LARGE * LARGE;
        if end > start {
            // SAFETY: the range lies within `buffer`; the advice changes no content, and failing does no harm.
            unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (buffer, LARGE);
}
