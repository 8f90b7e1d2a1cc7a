//! Whole records of a stretch of a file, one read buffer at a time.
//!
//! Reads from a known record start, cuts each buffer's whole records into a [`Grid`] and carries the rest over to the next
//! buffer. A record longer than the buffer makes the buffer grow. Invariants: a buffer starts at a record; it has
//! [`PADDING`] bytes before and after its content; a stretch has exactly the records that start before its end.

use arrow::buffer::Buffer;

use super::bytes::Sequential;
use super::grid::{Grid, Rules};
use super::index::PADDING;
use crate::error::{Error, Result};

/// A record may not be longer; positions have 32 bits.
const LONGEST: usize = 1 << 31;
/// What is read past the end of a stretch at first, for its last record.
const OVERSHOOT: usize = 4 << 10;
/// How many buffers wait for their readers to let go of them.
const POOL: usize = 4;

/// The records of a stretch of a file.
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Records {
    input: Sequential,
    rules: Rules,
    width: usize,
    lenient: bool,
    capacity: usize,
    /// The file offset of the first byte of the buffer's content.
    base: u64,
    /// Records that start here or later belong to others.
    end: u64,
    buffer: Buffer,
    /// The bytes of the buffer that are read.
    filled: usize,
    /// Where the first record not yet given out starts in the buffer.
    rest: usize,
    at_end: bool,
    line_end_added: bool,
    done: bool,
    /// The file ends inside the quotes of this record, which is up next.
    unfinished: Option<BadRecord>,
    grid: Grid,
    pool: Vec<Buffer>,
}

/// Why a stretch can't be cut into records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadRecord {
    /// Where the record starts in the file.
    pub offset: u64,
    /// Its fields; `None` when the file ends inside its quotes.
    pub fields: Option<usize>,
}

/// What [`Records::next`] found.
pub(super) enum Next {
    /// A buffer's records are in [`Records::grid`]; there may be none.
    Rows,
    /// The stretch ends; the first record after it starts here.
    End(u64),
    /// A record that breaks the rules. What came before it has been given out.
    Bad(BadRecord),
}

impl Records {
    /// The records that start in `start..end`, of `width` fields. `input` must be at `start`, where a record starts.
    pub(super) fn new(
        input: Sequential,
        start: u64,
        end: u64,
        width: usize,
        lenient: bool,
        capacity: usize,
        rules: Rules,
    ) -> Self {
        Self {
            input,
            rules,
            width,
            lenient,
            capacity: capacity.max(1),
            base: start,
            end,
            buffer: Buffer::from_vec(Vec::<u8>::new()),
            filled: PADDING,
            rest: PADDING,
            at_end: false,
            line_end_added: false,
            done: false,
            unfinished: None,
            grid: Grid::default(),
            pool: Vec::new(),
        }
    }

    /// The records of the buffer that was read last.
    pub(super) fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The buffer that was read last.
    pub(super) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// The file offset of a position in the buffer.
    pub(super) fn offset(&self, position: usize) -> u64 {
        self.base + (position - PADDING) as u64
    }

    /// Where the first record that hasn't been given out starts in the file.
    pub(super) fn position(&self) -> u64 {
        self.offset(self.rest)
    }

    /// Reads the next buffer.
    ///
    /// # Errors
    /// When the bytes can't be read.
    pub(super) fn next(&mut self) -> Result<Next> {
        if let Some(record) = self.grid.too_many.take() {
            return Ok(Next::Bad(BadRecord {
                offset: self.offset(record.start),
                fields: Some(record.fields),
            }));
        }
        if let Some(bad) = self.unfinished.take() {
            return Ok(Next::Bad(bad));
        }
        if self.done || self.position() >= self.end {
            return Ok(Next::End(self.position()));
        }
        let carry = self.filled - self.rest;
        if self.at_end && carry == 0 {
            return Ok(Next::End(self.position()));
        }
        // Twice the buffer when even a whole one doesn't hold the record.
        let room = self.capacity.max(carry.saturating_mul(2));
        if room > LONGEST {
            return Err(Error::parse(format!(
                "a record is longer than {} bytes; is a quote missing?",
                LONGEST / 2
            )));
        }
        self.refill(room)?;
        let content = self.filled;
        let to = content + usize::from(self.line_end_added);
        self.grid
            .read(&self.buffer, PADDING, to, self.width, self.lenient, self.rules);
        let limit = usize::try_from(self.end - self.base)
            .unwrap_or(usize::MAX)
            .saturating_add(PADDING);
        if self.grid.cut(limit).is_some() {
            self.done = true;
        }
        self.rest = self.grid.end.min(content);
        if self.at_end && !self.done && self.grid.too_many.is_none() && self.grid.end < to {
            self.done = true;
            self.unfinished = Some(BadRecord {
                offset: self.offset(self.grid.end),
                fields: None,
            });
        }
        Ok(Next::Rows)
    }

    /// Makes a buffer of `room` bytes, moves what is left over to its front and fills it.
    fn refill(&mut self, room: usize) -> Result<()> {
        let carry = self.filled - self.rest;
        // One byte more, for a line feed after the last record of the file.
        let length = PADDING + room + 1 + PADDING;
        let mut fresh = self.recycled(length);
        if carry > 0 {
            fresh[PADDING..PADDING + carry].copy_from_slice(&self.buffer[self.rest..self.filled]);
        }
        self.base += (self.rest - PADDING) as u64;
        self.rest = PADDING;
        self.filled = PADDING + carry;
        let old = std::mem::replace(&mut self.buffer, Buffer::from_vec(Vec::<u8>::new()));
        if !old.is_empty() {
            if self.pool.len() == POOL {
                self.pool.remove(0);
            }
            self.pool.push(old);
        }
        // Not far past the end of the stretch, unless its last record needs more.
        let left = usize::try_from(self.end - self.base).unwrap_or(usize::MAX);
        let want = room.min(left.saturating_add(OVERSHOOT).max(carry + carry.max(OVERSHOOT)));
        while self.filled < PADDING + want {
            let read = self.input.read(&mut fresh[self.filled..PADDING + want])?;
            if read == 0 {
                self.at_end = true;
                break;
            }
            self.filled += read;
        }
        // The last line may lack its end. Inside open quotes the line feed added here ends nothing.
        self.line_end_added = self.at_end && self.filled > PADDING && fresh[self.filled - 1] != b'\n';
        if self.line_end_added {
            fresh[self.filled] = b'\n';
        }
        self.buffer = Buffer::from_vec(fresh);
        Ok(())
    }

    /// A vector of `length` bytes, one of those that nobody looks at any more if there is one.
    fn recycled(&mut self, length: usize) -> Vec<u8> {
        for i in 0..self.pool.len() {
            let buffer = self.pool.swap_remove(i);
            match buffer.into_vec::<u8>() {
                Ok(mut vector) if vector.len() >= length => {
                    vector.truncate(length);
                    return vector;
                }
                Ok(mut vector) => {
                    vector.resize(length, 0);
                    return vector;
                }
                Err(buffer) => {
                    self.pool.push(buffer);
                    let last = self.pool.len() - 1;
                    self.pool.swap(i, last);
                }
            }
        }
        vec![0; length]
    }
}
