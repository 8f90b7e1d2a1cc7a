//! Memory that is written once, without being cleared first.
//!
//! A [`Dest`] is the buffer of a block that is put together piece by piece; a [`Window`] is where decoded bytes go: part
//! of a `Dest`, or scratch. Invariants: writing never goes beyond the memory; a `Dest` becomes a buffer only when as many
//! bytes were written as it has. Who writes answers for the pieces being disjoint.

use std::fs::File;
use std::io::{self, Read};
use std::mem::MaybeUninit;

use arrow::buffer::{Buffer, MutableBuffer};
use zstd::zstd_safe::WriteBuf;

use crate::error::{Error, Result};
use crate::io::zarr::region::Runs;

/// A buffer in the making.
#[derive(Debug)]
pub struct Dest {
    buffer: MutableBuffer,
    len: usize,
    written: usize,
}

impl Dest {
    /// A buffer of `len` bytes.
    #[must_use]
    pub fn new(len: usize) -> Self {
        Self {
            buffer: MutableBuffer::with_capacity(len),
            len,
            written: 0,
        }
    }

    /// The bytes from `at` on, for a decoder that fills all `len` of them or fails.
    ///
    /// # Errors
    /// When they lie beyond the end.
    pub fn window(&mut self, at: usize, len: usize) -> Result<Window<'_>> {
        self.check(at, len)?;
        self.written += len;
        // SAFETY: the capacity is at least `self.len`, and `at + len` was checked against it; `MaybeUninit` bytes may hold
        // anything; the borrow of `self` keeps the memory and everyone else away.
        let bytes = unsafe {
            std::slice::from_raw_parts_mut(self.buffer.as_mut_ptr().add(at).cast::<MaybeUninit<u8>>(), len)
        };
        Ok(Window { bytes, filled: 0 })
    }

    /// Takes back that a window of `len` bytes was filled: there was nothing to fill it with.
    pub fn unwritten(&mut self, len: usize) {
        self.written -= len;
    }

    /// Copies elements of `source` to where `runs` says.
    ///
    /// # Errors
    /// When a run lies beyond an end.
    pub fn copy(&mut self, source: &[u8], runs: &Runs) -> Result<()> {
        runs.visit(&mut |from, to, len| {
            let piece = source.get(from..from + len).ok_or_else(beyond)?;
            self.check(to, len)?;
            self.written += len;
            // SAFETY: `to + len` lies within the capacity, `piece` has `len` bytes, and nobody else holds this memory.
            unsafe {
                std::ptr::copy_nonoverlapping(piece.as_ptr(), self.buffer.as_mut_ptr().add(to), len);
            }
            Ok(())
        })
    }

    /// Puts copies of `item` where `runs` says; what it copies from isn't looked at.
    ///
    /// # Errors
    /// When a run lies beyond the end.
    pub fn fill(&mut self, item: &[u8], runs: &Runs) -> Result<()> {
        let same = item.iter().all(|byte| *byte == item[0]);
        runs.visit(&mut |_, to, len| {
            self.check(to, len)?;
            self.written += len;
            // SAFETY: `to + len` lies within the capacity, and nobody else holds this memory.
            let bytes = unsafe {
                std::slice::from_raw_parts_mut(
                    self.buffer.as_mut_ptr().add(to).cast::<MaybeUninit<u8>>(),
                    len,
                )
            };
            if same {
                bytes.fill(MaybeUninit::new(item[0]));
            } else {
                for slot in bytes.chunks_exact_mut(item.len()) {
                    for (byte, value) in slot.iter_mut().zip(item) {
                        byte.write(*value);
                    }
                }
            }
            Ok(())
        })
    }

    /// The buffer, now that it is written.
    ///
    /// # Errors
    /// When it isn't.
    pub fn finish(mut self) -> Result<Buffer> {
        if self.written != self.len {
            return Err(Error::internal(format!(
                "a block of {} bytes of which {} were written",
                self.len, self.written
            )));
        }
        // SAFETY: the capacity is at least `len`, and pieces that don't overlap, `len` bytes in all, were written within it.
        unsafe {
            self.buffer.set_len(self.len);
        }
        Ok(self.buffer.into())
    }

    fn check(&self, at: usize, len: usize) -> Result<()> {
        match at.checked_add(len) {
            Some(end) if end <= self.len => Ok(()),
            _ => Err(beyond()),
        }
    }
}

fn beyond() -> Error {
    Error::internal("a piece that reaches beyond its block")
}

/// Where a decoder puts its bytes.
#[derive(Debug)]
pub struct Window<'a> {
    bytes: &'a mut [MaybeUninit<u8>],
    filled: usize,
}

impl<'a> Window<'a> {
    /// Memory that is valid already.
    pub fn over(bytes: &'a mut [u8]) -> Self {
        let len = bytes.len();
        // SAFETY: same memory and length; a window only ever writes valid bytes into it.
        let bytes =
            unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast::<MaybeUninit<u8>>(), len) };
        Self { bytes, filled: 0 }
    }

    /// How many bytes it takes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it takes none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes it took.
    #[must_use]
    pub fn filled(&self) -> usize {
        self.filled
    }

    /// Takes what `file` has from where it stands, as far as there is room.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read_from(&mut self, file: &mut File) -> io::Result<()> {
        while self.filled < self.bytes.len() {
            let rest = &mut self.bytes[self.filled..];
            // SAFETY: same memory and length; reading a file writes to it and never looks at what is there.
            let rest = unsafe { std::slice::from_raw_parts_mut(rest.as_mut_ptr().cast::<u8>(), rest.len()) };
            match file.read(rest) {
                Ok(0) => break,
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes `bytes` after what it has; those beyond its end are counted and left out.
    pub fn put(&mut self, bytes: &[u8]) {
        let room = self.bytes.len().saturating_sub(self.filled);
        let start = self.filled.min(self.bytes.len());
        for (slot, byte) in self.bytes[start..]
            .iter_mut()
            .zip(&bytes[..room.min(bytes.len())])
        {
            slot.write(*byte);
        }
        self.filled += bytes.len();
    }
}

// SAFETY: `as_mut_ptr` and `capacity` are those of the memory that the window holds alone; `as_slice` gives what
// `filled_until` was told is written.
unsafe impl WriteBuf for Window<'_> {
    fn as_slice(&self) -> &[u8] {
        // SAFETY: the first `filled` bytes, and no more than there are, were written.
        unsafe {
            std::slice::from_raw_parts(
                self.bytes.as_ptr().cast::<u8>(),
                self.filled.min(self.bytes.len()),
            )
        }
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }

    fn as_mut_ptr(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr().cast::<u8>()
    }

    unsafe fn filled_until(&mut self, n: usize) {
        self.filled = n;
    }
}
