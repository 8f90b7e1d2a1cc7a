//! Memory of NumPy's arrays in functions that workers call, from the engine's pool of buffers.
//!
//! NumPy asks the system for each large array anew and gives it back at once. A function over blocks makes a few arrays of
//! the same size for every block, whose first touch then costs more than their arithmetic. On worker threads large arrays
//! come from `allocator`, which keeps freed ones for the next call. Covers NumPy's memory handler (NEP 49), which is a
//! context variable: no other thread of the process sees it, and each array remembers the handler that frees it.
//!
//! Invariants: what the handler gives out has a header before it that says where it came from, so that freeing trusts nothing
//! that NumPy says; small arrays, and those beyond the pool's sizes, are NumPy's own handler's, with its cache.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;
use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;

use crate::allocator::{LEAST_POOLED, MOST_POOLED};
use crate::error::Error;

/// NumPy's `PyDataMemAllocator`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Allocator {
    ctx: *mut c_void,
    malloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    calloc: unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void,
    realloc: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void, *mut c_void, usize),
}

/// NumPy's `PyDataMem_Handler`.
#[repr(C)]
struct Handler {
    name: [c_char; 127],
    version: u8,
    allocator: Allocator,
}

// SAFETY: the functions may be called from any thread, and NumPy's own `ctx` is null.
unsafe impl Send for Handler {}
// SAFETY: as above; nobody writes to it.
unsafe impl Sync for Handler {}

const CAPSULE: &CStr = c"mem_handler";
/// Where NumPy's table of functions has those that set and tell the handler of the context.
const SET_HANDLER: usize = 304;
const GET_HANDLER: usize = 305;

/// What stands right before the elements.
#[repr(C)]
struct Header {
    size: usize,
    /// Whether it is the engine's memory.
    own: usize,
}

const HEADER: usize = size_of::<Header>();
/// Bytes before the elements in the engine's memory, which keep them at the beginning of a cache line.
const LINE: usize = 64;

/// NumPy's own functions, and our handler, once it was needed.
static HANDLERS: OnceLock<(Base, Handler)> = OnceLock::new();

/// NumPy's own functions.
struct Base(Allocator);

// SAFETY: as for `Handler`.
unsafe impl Send for Base {}
// SAFETY: as for `Handler`.
unsafe impl Sync for Base {}

fn base() -> Option<&'static Allocator> {
    HANDLERS.get().map(|(base, _)| &base.0)
}

/// The layout of an array's memory when it is the engine's.
fn pooled(size: usize) -> Option<Layout> {
    let whole = size
        .checked_add(LINE)
        .filter(|whole| (LEAST_POOLED..=MOST_POOLED).contains(whole))?;
    Layout::from_size_align(whole, LINE).ok()
}

/// Writes the header at the end of the first `before` bytes, and gives what follows.
///
/// # Safety
/// `memory` is null or has `before` bytes, at least those of a header, aligned as it is.
unsafe fn headed(memory: *mut u8, before: usize, size: usize) -> *mut c_void {
    if memory.is_null() {
        return null_mut();
    }
    // SAFETY: as the caller promises.
    unsafe {
        let data = memory.add(before).cast::<c_void>();
        data.byte_sub(HEADER).cast::<Header>().write(Header {
            size,
            own: usize::from(before == LINE),
        });
        data
    }
}

unsafe extern "C" fn malloc(_: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the layout isn't empty; the other memory has room for the header.
    unsafe {
        if let Some(layout) = pooled(size) {
            return headed(alloc(layout), LINE, size);
        }
        match (base(), size.checked_add(HEADER)) {
            (Some(base), Some(whole)) => headed((base.malloc)(base.ctx, whole).cast(), HEADER, size),
            _ => null_mut(),
        }
    }
}

unsafe extern "C" fn calloc(_: *mut c_void, count: usize, width: usize) -> *mut c_void {
    let Some(size) = count.checked_mul(width) else {
        return null_mut();
    };
    // SAFETY: as in `malloc`.
    unsafe {
        if let Some(layout) = pooled(size) {
            return headed(alloc_zeroed(layout), LINE, size);
        }
        match (base(), size.checked_add(HEADER)) {
            (Some(base), Some(whole)) => headed((base.calloc)(base.ctx, 1, whole).cast(), HEADER, size),
            _ => null_mut(),
        }
    }
}

unsafe extern "C" fn resize(ctx: *mut c_void, data: *mut c_void, size: usize) -> *mut c_void {
    if data.is_null() {
        // SAFETY: as the caller promises.
        return unsafe { malloc(ctx, size) };
    }
    // SAFETY: `data` came from one of these functions, so its header stands before it and says how it was made.
    unsafe {
        let header = data.byte_sub(HEADER).cast::<Header>().read();
        match (header.own != 0, pooled(header.size), pooled(size)) {
            (true, Some(before), Some(after)) => {
                let memory = realloc(data.cast::<u8>().sub(LINE), before, after.size());
                headed(memory, LINE, size)
            }
            (false, _, None) => match (base(), size.checked_add(HEADER)) {
                (Some(base), Some(whole)) => {
                    let memory = (base.realloc)(base.ctx, data.cast::<u8>().sub(HEADER).cast(), whole);
                    headed(memory.cast(), HEADER, size)
                }
                _ => null_mut(),
            },
            _ => {
                let fresh = malloc(ctx, size);
                if !fresh.is_null() {
                    fresh
                        .cast::<u8>()
                        .copy_from_nonoverlapping(data.cast(), header.size.min(size));
                    free(ctx, data, header.size);
                }
                fresh
            }
        }
    }
}

unsafe extern "C" fn free(_: *mut c_void, data: *mut c_void, _: usize) {
    if data.is_null() {
        return;
    }
    // SAFETY: as in `resize`.
    unsafe {
        let header = data.byte_sub(HEADER).cast::<Header>().read();
        if header.own == 0 {
            if let Some(base) = base() {
                (base.free)(
                    base.ctx,
                    data.cast::<u8>().sub(HEADER).cast(),
                    header.size + HEADER,
                );
            }
        } else if let Some(layout) = pooled(header.size) {
            dealloc(data.cast::<u8>().sub(LINE), layout);
        }
    }
}

thread_local! {
    /// Whether this is a worker's thread whose arrays come from NumPy's own handler as yet.
    static WAITING: Cell<bool> = const { Cell::new(false) };
}

/// Says that this thread is a worker's, for its whole life.
pub fn worker_begins(py: Python<'_>) {
    WAITING.set(true);
    let loaded = py
        .import(intern!(py, "sys"))
        .and_then(|sys| sys.getattr(intern!(py, "modules")))
        .and_then(|modules| modules.contains(intern!(py, "numpy")));
    if loaded.unwrap_or(false) {
        pool_arrays(py);
    }
}

/// Lets NumPy's large arrays that are made on this thread come from the pool, if it is a worker's. Where that isn't possible
/// they come from where they always do.
pub fn pool_arrays(py: Python<'_>) {
    if WAITING.replace(false) {
        let _ = install(py);
    }
}

fn install(py: Python<'_>) -> PyResult<()> {
    let table = py
        .import(intern!(py, "numpy._core._multiarray_umath"))?
        .getattr(intern!(py, "_ARRAY_API"))?;
    // SAFETY: the object is NumPy's capsule without a name (else an error is set), which holds a table of pointers that has
    // these two places since NumPy 1.22; the handlers are what NumPy says they are, and ours stays for good.
    unsafe {
        let table = ffi::PyCapsule_GetPointer(table.as_ptr(), std::ptr::null()).cast::<*const c_void>();
        if table.is_null() {
            return Err(PyErr::fetch(py));
        }
        let ours = if let Some((_, ours)) = HANDLERS.get() {
            ours
        } else {
            let get: unsafe extern "C" fn() -> *mut ffi::PyObject =
                std::mem::transmute(*table.add(GET_HANDLER));
            let theirs = Bound::from_owned_ptr_or_err(py, get())?;
            let base = ffi::PyCapsule_GetPointer(theirs.as_ptr(), CAPSULE.as_ptr()).cast::<Handler>();
            if base.is_null() {
                return Err(PyErr::fetch(py));
            }
            if (*base).version != 1 {
                return Err(Error::internal("a memory handler of NumPy's of another version").into());
            }
            // Arrays may be freed as long as the process lives.
            std::mem::forget(theirs);
            let mut name = [0; 127];
            for (to, from) in name.iter_mut().zip(b"dusk") {
                *to = *from as c_char;
            }
            let allocator = Allocator {
                ctx: null_mut(),
                malloc,
                calloc,
                realloc: resize,
                free,
            };
            let version = 1;
            &HANDLERS
                .get_or_init(|| {
                    (
                        Base((*base).allocator),
                        Handler {
                            name,
                            version,
                            allocator,
                        },
                    )
                })
                .1
        };
        let capsule = ffi::PyCapsule_New(std::ptr::from_ref(ours).cast_mut().cast(), CAPSULE.as_ptr(), None);
        let capsule = Bound::from_owned_ptr_or_err(py, capsule)?;
        let set: unsafe extern "C" fn(*mut ffi::PyObject) -> *mut ffi::PyObject =
            std::mem::transmute(*table.add(SET_HANDLER));
        drop(Bound::from_owned_ptr_or_err(py, set(capsule.as_ptr()))?);
    }
    Ok(())
}
