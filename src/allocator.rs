//! The allocator of the core, and the one setting of it that is not its default.
//!
//! mimalloc asks the system for large pages under all of its memory. Where a large page is first touched, 2 MiB are cleared
//! at once, however little of them is used; on virtual machines that give free memory back to their host, that costs up to
//! six times as much per byte as small pages do. A query that is the first of its process paid more for clearing than for
//! computing, and held twice the memory. So the memory comes in small pages; who fills a large buffer for good asks for
//! large ones ([`prefer_large_pages`]).

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
