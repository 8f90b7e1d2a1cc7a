//! Memory for results, and blocks seen as elements of a machine type.
//!
//! Covers allocation without a first pass of zeros and typed views of bytes; knows nothing of shapes.
//! Invariant: whoever asks for fresh memory writes all of it before it is read.

use arrow::buffer::{Buffer, MutableBuffer};

use crate::error::{Error, Result};

/// Memory of `len` bytes, aligned to a cache line. Its bytes are written before they are read.
#[must_use]
pub fn fresh(len: usize) -> MutableBuffer {
    let mut buffer = MutableBuffer::new(len);
    // SAFETY: the capacity is at least `len`; any bytes are bytes, and callers write each before they read it.
    unsafe { buffer.set_len(len) };
    buffer
}

/// The bytes of a result's shape.
///
/// # Errors
/// When no memory could hold them.
pub fn bytes_of(shape: &[usize], itemsize: usize) -> Result<usize> {
    let bytes = shape
        .iter()
        .try_fold(itemsize, |bytes, len| bytes.checked_mul(*len))
        .filter(|bytes| isize::try_from(*bytes).is_ok());
    bytes.ok_or_else(|| Error::memory(format!("a block of shape {shape:?} is larger than any memory")))
}

/// A buffer of the values.
#[must_use]
pub fn buffer_of<T: Copy + 'static>(values: Vec<T>) -> Buffer {
    let bytes = std::mem::size_of_val(values.as_slice());
    let mut buffer = fresh(bytes);
    // SAFETY: the lengths agree, and the buffers are different ones.
    unsafe {
        std::ptr::copy_nonoverlapping(values.as_ptr().cast::<u8>(), buffer.as_mut_ptr(), bytes);
    }
    buffer.into()
}
