//! NumPy memory as Arrow buffers and Rust memory as NumPy arrays, without copying.
//!
//! Covers bytes only: dtypes are put on and taken off by views in Python. Invariants: a lent NumPy array lives as long as
//! its buffer; memory handed to NumPy belongs to it alone, so it is writeable.

use std::panic::AssertUnwindSafe;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow::alloc::Allocation;
use arrow::buffer::{Buffer, MutableBuffer};
use numpy::ndarray::ArrayView1;
use numpy::{PyArray1, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::error::{Error, Result};

/// What keeps lent memory alive: the array, and the shallow copy of the frame that makes pandas copy before writing.
///
/// `Py` is dropped anywhere: without the interpreter at hand, pyo3 puts the reference back at the next occasion.
type Owner = AssertUnwindSafe<(Py<PyAny>, Option<Py<PyAny>>)>;

/// The memory of a one-dimensional, contiguous `uint8` array as a buffer of elements of `width` bytes.
///
/// # Errors
/// When `array` isn't such an array.
pub fn borrow(array: &Bound<'_, PyAny>, width: usize, shadow: Option<&Py<PyAny>>) -> PyResult<Buffer> {
    let bytes = array.cast::<PyArray1<u8>>()?;
    let len = bytes.len();
    if !bytes.is_contiguous() || len % width != 0 {
        return Err(Error::internal("an array isn't laid out as its dtype says").into());
    }
    if len == 0 {
        return Ok(Buffer::from(MutableBuffer::new(0)));
    }
    let start = bytes.data();
    let Some(pointer) = NonNull::new(start) else {
        return Err(Error::internal("an array without memory").into());
    };
    if !(start as usize).is_multiple_of(width) {
        // Arrow needs aligned elements; NumPy has unaligned arrays (fields of records, buffers at odd offsets).
        // SAFETY: NumPy says that `len` bytes start at `start`; we are attached, so nobody frees them meanwhile.
        let source = unsafe { std::slice::from_raw_parts(start, len) };
        let mut copy = MutableBuffer::new(len);
        copy.extend_from_slice(source);
        return Ok(copy.into());
    }
    let owner: Arc<dyn Allocation> = Arc::new(own(array, shadow));
    // SAFETY: `len` bytes from `pointer` are the array's, which `owner` keeps alive; NumPy refuses to resize an array that
    // is referenced. Writes by the user are kept away by pandas' copy-on-write, see `pandas`.
    Ok(unsafe { Buffer::from_custom_allocation(pointer, len, owner) })
}

fn own(array: &Bound<'_, PyAny>, shadow: Option<&Py<PyAny>>) -> Owner {
    AssertUnwindSafe((
        array.clone().unbind(),
        shadow.map(|shadow| shadow.clone_ref(array.py())),
    ))
}

/// Memory that a NumPy array keeps alive.
#[pyclass(frozen, module = "dusk._core")]
struct Memory {
    buffer: MutableBuffer,
}

/// A writeable `uint8` array over `buffer`.
///
/// # Errors
/// When Python has no memory left.
pub fn lend(py: Python<'_>, buffer: MutableBuffer) -> PyResult<Bound<'_, PyAny>> {
    let memory = Bound::new(py, Memory { buffer })?;
    let view = ArrayView1::from(memory.get().buffer.as_slice());
    // SAFETY: the array keeps `memory` alive, which is frozen and never touches its buffer again, so that NumPy is the only
    // one to read and write it.
    let array = unsafe { PyArray1::borrow_from_array(&view, memory.clone().into_any()) };
    Ok(array.into_any())
}

/// Memory that a NumPy array shows.
#[pyclass(frozen, module = "dusk._core")]
struct Shared {
    buffer: Buffer,
}

/// A read-only `uint8` array over `buffer`, without a copy.
///
/// # Errors
/// When Python has no memory left.
pub fn show(py: Python<'_>, buffer: Buffer) -> PyResult<Bound<'_, PyAny>> {
    let shared = Bound::new(py, Shared { buffer })?;
    let view = ArrayView1::from(shared.get().buffer.as_slice());
    // SAFETY: the array keeps `shared` alive, which is frozen; it is made read-only before anybody sees it.
    let array = unsafe { PyArray1::borrow_from_array(&view, shared.clone().into_any()) };
    array.getattr("flags")?.setattr("writeable", false)?;
    Ok(array.into_any())
}

/// A part of `buffer` that counts for its own length only. Partitions are pieces of one frame in memory; an ordinary slice
/// would count the whole frame for each of them.
#[must_use]
pub fn narrow(buffer: &Buffer, offset: usize, len: usize) -> Buffer {
    if offset == 0 && len == buffer.capacity() {
        return buffer.clone();
    }
    let part = buffer.slice_with_length(offset, len);
    let Some(pointer) = NonNull::new(part.as_ptr().cast_mut()) else {
        return part;
    };
    let owner: Arc<dyn Allocation> = Arc::new(AssertUnwindSafe(part));
    // SAFETY: `owner` is the slice itself, which keeps the `len` bytes at `pointer` alive and unchanged.
    unsafe { Buffer::from_custom_allocation(pointer, len, owner) }
}

/// The memory of `buffer` for writing, when nobody else holds it and most of it is used.
///
/// # Errors
/// The buffer itself, when it is shared, is someone else's memory, or keeps far more alive than it uses.
pub fn take_over(buffer: Buffer) -> Result<MutableBuffer, Buffer> {
    if buffer.capacity() > 2 * buffer.len() + 4096 {
        return Err(buffer);
    }
    buffer.into_mutable()
}
