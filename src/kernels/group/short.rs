//! What stands for a text in a table: its Arrow view of 16 bytes, which holds up to 12 bytes of text, or a word of 8, which holds
//! up to 7.
//!
//! Invariants: two texts of at most 12 bytes are equal if and only if their views are, and of at most 7 if and only if their words
//! are; both hold the length, so that zeros at the end tell texts apart.

use std::ops::Range;

use arrow::array::{GenericStringArray, OffsetSizeTrait};

use crate::kernels::group::text::TextRows;

/// The longest text that a view holds itself.
pub(crate) const INLINE: u32 = 12;

/// The longest text that is a word: its bytes, and its length in the highest one.
const WORD: u32 = 7;

/// The view of `bytes`: length, and the text itself or its first 4 bytes (the place is left 0).
#[inline]
fn view_of(bytes: &[u8]) -> u128 {
    let len = bytes.len();
    let kept = if len > INLINE as usize { 4 } else { len };
    let mut view = [0; 16];
    view[..4].copy_from_slice(&(len as u32).to_le_bytes());
    view[4..4 + kept].copy_from_slice(&bytes[..kept]);
    u128::from_le_bytes(view)
}

/// Which bytes of a view are the text, by its length.
const TEXT_OF: [u128; INLINE as usize + 1] = {
    let mut masks = [0; INLINE as usize + 1];
    let mut len = 0;
    while len < masks.len() {
        masks[len] = ((1 << (8 * len)) - 1) << 32;
        len += 1;
    }
    masks
};

/// The view of the row at `start..end` of a text buffer: short text by one load of the 16 bytes that begin 4 before it, where
/// the buffer has them.
#[inline]
fn view_at(buffer: &[u8], start: usize, end: usize) -> u128 {
    let len = end.wrapping_sub(start);
    let window = start.wrapping_sub(4);
    match (buffer.get(window..window.wrapping_add(16)), TEXT_OF.get(len)) {
        (Some(window), Some(mask)) => {
            let mut word = [0; 16];
            word.copy_from_slice(window);
            u128::from_le_bytes(word) & mask | len as u128
        }
        _ => view_of(&buffer[start..end]),
    }
}

#[inline]
pub(crate) fn view_len(view: u128) -> u32 {
    view as u32
}

/// Which bytes of a word are the text, by its length.
const WORD_OF: [u64; WORD as usize + 1] = {
    let mut masks = [0; WORD as usize + 1];
    let mut len = 0;
    while len < masks.len() {
        masks[len] = (1 << (8 * len)) - 1;
        len += 1;
    }
    masks
};

/// The word of the row at `start..end` of a text buffer, which is at most [`WORD`] bytes long.
#[inline]
fn word_at(buffer: &[u8], start: usize, end: usize) -> u64 {
    let len = (end - start) & WORD as usize;
    let word = match buffer.get(start..start.wrapping_add(8)) {
        Some(bytes) => {
            let mut word = [0; 8];
            word.copy_from_slice(bytes);
            u64::from_le_bytes(word) & WORD_OF[len]
        }
        None => (view_of(&buffer[start..end]) >> 32) as u64,
    };
    word | (len as u64) << 56
}

/// The word of a text of at most [`WORD`] bytes, given its view.
#[inline]
fn word_of(view: u128) -> u64 {
    (view >> 32) as u64 | u64::from(view_len(view)) << 56
}

/// The view of a text, given its word.
#[inline]
pub(crate) fn view_of_word(word: u64) -> u128 {
    u128::from(word & (u64::MAX >> 8)) << 32 | u128::from(word >> 56)
}

/// How long the texts of a block are at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// [`WORD`] bytes.
    Word,
    /// [`INLINE`] bytes.
    View,
    Any,
}

impl Width {
    /// Of texts of these lengths. Without a branch or a maximum, so that it is done on several lengths at a time.
    #[inline]
    fn of(lengths: impl Iterator<Item = u64>) -> Self {
        let (all, over) = lengths.fold((0, 0), |(all, over), len| {
            (all | len, over | u64::from(INLINE).wrapping_sub(len))
        });
        if all <= u64::from(WORD) {
            // Bits of lengths up to 7 never add up to more.
            Self::Word
        } else if over >> 63 == 0 {
            Self::View
        } else {
            Self::Any
        }
    }

    pub(crate) fn of_rows(rows: TextRows<'_>, which: Range<usize>) -> Self {
        fn from_offsets<O: OffsetSizeTrait>(array: &GenericStringArray<O>, which: Range<usize>) -> Width {
            let offsets = &array.value_offsets()[which.start..=which.end];
            let ends = offsets.iter().zip(&offsets[1..]);
            Width::of(ends.map(|(start, end)| (*end - *start).as_usize() as u64))
        }
        match rows {
            TextRows::View(array) => {
                Self::of(array.views()[which].iter().map(|view| u64::from(view_len(*view))))
            }
            TextRows::Large(array) => from_offsets(array, which),
            TextRows::Small(array) => from_offsets(array, which),
        }
    }
}

/// Appends the words of these rows to `out`; each has one.
pub(crate) fn words(rows: TextRows<'_>, which: Range<usize>, out: &mut Vec<u64>) {
    fn from_offsets<O: OffsetSizeTrait>(
        array: &GenericStringArray<O>,
        which: Range<usize>,
        out: &mut Vec<u64>,
    ) {
        let buffer = array.value_data();
        let offsets = &array.value_offsets()[which.start..=which.end];
        out.extend(
            offsets
                .iter()
                .zip(&offsets[1..])
                .map(|(start, end)| word_at(buffer, start.as_usize(), end.as_usize())),
        );
    }
    match rows {
        TextRows::View(array) => out.extend(array.views()[which].iter().map(|view| word_of(*view))),
        TextRows::Large(array) => from_offsets(array, which, out),
        TextRows::Small(array) => from_offsets(array, which, out),
    }
}

/// Appends the views of these rows to `out`; only the first 8 bytes of the views of long text mean anything.
pub(crate) fn views(rows: TextRows<'_>, which: Range<usize>, out: &mut Vec<u128>) {
    fn from_offsets<O: OffsetSizeTrait>(
        array: &GenericStringArray<O>,
        which: Range<usize>,
        out: &mut Vec<u128>,
    ) {
        let buffer = array.value_data();
        let offsets = &array.value_offsets()[which.start..=which.end];
        out.extend(
            offsets
                .iter()
                .zip(&offsets[1..])
                .map(|(start, end)| view_at(buffer, start.as_usize(), end.as_usize())),
        );
    }
    match rows {
        TextRows::View(array) => out.extend_from_slice(&array.views()[which]),
        TextRows::Large(array) => from_offsets(array, which, out),
        TextRows::Small(array) => from_offsets(array, which, out),
    }
}
