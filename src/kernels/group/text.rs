//! Codes of text keys: Arrow views as 16-byte keys.
//!
//! Text of at most 12 bytes is its view, so one comparison of 16 bytes settles equality and nothing is copied. Longer text
//! is hashed in full and compared byte by byte with the copy in the arena: equal hashes alone never merge two keys.
//! Invariants: `views[code]` is the text of a code in order of first appearance, long text pointing into `arena`; the
//! missing key has a code, whose view is that of the empty text.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, GenericStringArray, OffsetSizeTrait, StringViewArray};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::DataType;

use crate::error::{Error, Result};
use crate::kernels::group::hash::{hash_bytes, hash_u128};
use crate::kernels::group::ints::check_room;
use crate::kernels::group::tag::{BLOCK, TagTable};

/// The longest text that a view holds itself.
pub(crate) const INLINE: u32 = 12;

/// An arena buffer takes at most that many bytes before the next is begun (offsets in views have 32 bits).
const ARENA: usize = 1 << 30;

/// Text keys and their codes.
#[derive(Clone, Debug)]
pub(crate) struct TextCoder {
    table: TagTable,
    views: Vec<u128>,
    arena: Vec<Vec<u8>>,
    null: Option<u32>,
    hashes: Vec<u64>,
    scratch: Vec<u128>,
    found: Vec<u32>,
}

/// A text column, however Arrow holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TextRows<'a> {
    View(&'a StringViewArray),
    Large(&'a GenericStringArray<i64>),
    Small(&'a GenericStringArray<i32>),
}

impl<'a> TextRows<'a> {
    pub(crate) fn new(array: &'a dyn Array) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Utf8View => Self::View(array.as_string_view()),
            DataType::LargeUtf8 => Self::Large(array.as_string()),
            DataType::Utf8 => Self::Small(array.as_string()),
            other => return Err(Error::internal(format!("{other} where text was expected"))),
        })
    }

    #[inline]
    pub(crate) fn bytes(&self, row: usize) -> &'a [u8] {
        match *self {
            Self::View(array) => array.value(row).as_bytes(),
            Self::Large(array) => array.value(row).as_bytes(),
            Self::Small(array) => array.value(row).as_bytes(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match *self {
            Self::View(array) => array.len(),
            Self::Large(array) => array.len(),
            Self::Small(array) => array.len(),
        }
    }

    pub(crate) fn nulls(&self) -> Option<&'a NullBuffer> {
        match *self {
            Self::View(array) => array.nulls(),
            Self::Large(array) => array.nulls(),
            Self::Small(array) => array.nulls(),
        }
        .filter(|nulls| nulls.null_count() > 0)
    }
}

/// The view of `bytes`: length, and the text itself or its first 4 bytes (the place is left 0).
#[inline]
pub(crate) fn view_of(bytes: &[u8]) -> u128 {
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
fn view_len(view: u128) -> u32 {
    view as u32
}

/// The hash of a text: of its view when that holds it all, else of its bytes.
#[inline]
pub(crate) fn hash_text(view: u128, bytes: impl FnOnce() -> u64) -> u64 {
    if view_len(view) <= INLINE {
        hash_u128(view)
    } else {
        bytes()
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

impl TextCoder {
    pub(crate) fn new() -> Self {
        Self {
            table: TagTable::new(),
            views: Vec::new(),
            arena: Vec::new(),
            null: None,
            hashes: Vec::new(),
            scratch: Vec::new(),
            found: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.views.len()
    }

    pub(crate) fn null(&self) -> Option<u32> {
        self.null
    }

    pub(crate) fn nbytes(&self) -> usize {
        let arena: usize = self.arena.iter().map(Vec::capacity).sum();
        self.table.nbytes() + (self.views.capacity() + self.scratch.capacity()) * 16 + arena
    }

    /// The texts of all codes; the missing one is null.
    pub(crate) fn into_uniques(self) -> ArrayRef {
        let buffers: Vec<Buffer> = self.arena.into_iter().map(Buffer::from_vec).collect();
        let nulls = self.null.map(|null| {
            (0..self.views.len())
                .map(|code| code as u32 != null)
                .collect::<NullBuffer>()
        });
        // SAFETY: every view was made from valid UTF-8 by `view_of` or `keep`: short text is inside the view, and long text
        // points to its own copy in the arena, whose blocks are the buffers in the same order.
        let array = unsafe { StringViewArray::new_unchecked(ScalarBuffer::from(self.views), buffers, nulls) };
        Arc::new(array)
    }

    /// Appends the codes of the texts to `out`.
    pub(crate) fn codes(&mut self, rows: TextRows<'_>, out: &mut Vec<u32>) -> Result<()> {
        self.codes_by(rows, hash_bytes, out)
    }

    /// A block at a time, so that its views and hashes stay in the nearest cache.
    fn codes_by(
        &mut self,
        rows: TextRows<'_>,
        hash_long: impl Fn(&[u8]) -> u64,
        out: &mut Vec<u32>,
    ) -> Result<()> {
        let len = rows.len();
        check_room(self.views.len(), len)?;
        out.reserve(len);
        let nulls = rows.nulls();
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut hashes = std::mem::take(&mut self.hashes);
        for start in (0..len).step_by(BLOCK) {
            let which = start..len.min(start + BLOCK);
            let keys: &[u128] = if let TextRows::View(array) = rows {
                &array.views()[which]
            } else {
                scratch.clear();
                views(rows, which, &mut scratch);
                &scratch
            };
            hashes.clear();
            let longest = keys.iter().fold(0, |longest, view| view_len(*view).max(longest));
            if nulls.is_none() && longest <= INLINE {
                hashes.extend(keys.iter().map(|view| hash_u128(*view)));
                self.probe_inline(keys, &hashes, out);
                continue;
            }
            let bytes = |row: usize| rows.bytes(start + row);
            let null = |row: usize| nulls.is_some_and(|nulls| nulls.is_null(start + row));
            hashes.extend(keys.iter().enumerate().map(|(row, &view)| {
                if null(row) {
                    return 0;
                }
                hash_text(view, || hash_long(bytes(row)))
            }));
            self.probe(keys, &hashes, bytes, null, out)?;
        }
        self.scratch = scratch;
        self.hashes = hashes;
        Ok(())
    }

    /// Appends the codes of a block of any texts.
    fn probe<'a>(
        &mut self,
        keys: &[u128],
        hashes: &[u64],
        bytes: impl Fn(usize) -> &'a [u8],
        null: impl Fn(usize) -> bool,
        out: &mut Vec<u32>,
    ) -> Result<()> {
        if self.table.is_large() {
            let views = &self.views;
            self.table.look_ahead(hashes, &mut self.found, |code| {
                views.as_ptr().wrapping_add(code as usize)
            });
        }
        for (row, &view) in keys.iter().enumerate() {
            if null(row) {
                let views = &mut self.views;
                out.push(*self.null.get_or_insert_with(|| {
                    views.push(0);
                    views.len() as u32 - 1
                }));
                continue;
            }
            let next = self.views.len() as u32;
            let (known, arena) = (&self.views, &self.arena);
            // A view that isn't inline is compared by length and first 4 bytes, then by all bytes. The missing key is in
            // `views` but not in the table.
            let code = if view_len(view) <= INLINE {
                self.table
                    .entry(hashes[row], next, |code| known[code as usize] == view)
            } else {
                self.table.entry(hashes[row], next, |code| {
                    let other = known[code as usize];
                    other as u64 == view as u64 && long_text(arena, other) == bytes(row)
                })
            };
            if code == next {
                self.keep(view, || bytes(row))?;
            }
            out.push(code);
        }
        Ok(())
    }

    /// Appends the codes of a block of views that are the whole text, none missing: the common case, without a look at the
    /// rows.
    fn probe_inline(&mut self, keys: &[u128], hashes: &[u64], out: &mut Vec<u32>) {
        let Self {
            table, views, found, ..
        } = self;
        if !table.is_large() {
            out.extend(
                keys.iter()
                    .zip(hashes)
                    .map(|(&view, &hash)| entry(table, views, hash, view)),
            );
            return;
        }
        table.look_ahead(hashes, found, |code| views.as_ptr().wrapping_add(code as usize));
        let rows = keys.iter().zip(hashes).zip(&*found);
        out.extend(rows.map(|((&view, &hash), &code)| {
            // The view of the missing text is 0, as that of the empty text, and has no place in the table.
            if views.get(code as usize) == Some(&view) {
                code
            } else {
                entry(table, views, hash, view)
            }
        }));
    }

    #[cold]
    fn keep<'a>(&mut self, view: u128, bytes: impl FnOnce() -> &'a [u8]) -> Result<()> {
        if view_len(view) <= INLINE {
            self.views.push(view);
            return Ok(());
        }
        let bytes = bytes();
        if self
            .arena
            .last()
            .is_none_or(|block| block.len() + bytes.len() > ARENA)
        {
            self.arena.push(Vec::new());
        }
        let block = self.arena.len() - 1;
        let arena = &mut self.arena[block];
        let offset =
            u32::try_from(arena.len()).map_err(|_| Error::not_native("a group key of more than 4 GiB"))?;
        arena.extend_from_slice(bytes);
        let head = u128::from(view as u64);
        self.views
            .push(head | (block as u128) << 64 | u128::from(offset) << 96);
        Ok(())
    }
}

/// The code of a text that its view holds.
#[inline]
fn entry(table: &mut TagTable, views: &mut Vec<u128>, hash: u64, view: u128) -> u32 {
    let next = views.len() as u32;
    let code = table.entry(hash, next, |code| views[code as usize] == view);
    if code == next {
        views.push(view);
    }
    code
}

#[inline]
fn long_text(arena: &[Vec<u8>], view: u128) -> &[u8] {
    let (block, offset) = ((view >> 64) as u32 as usize, (view >> 96) as usize);
    &arena[block][offset..offset + view_len(view) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_hashes_never_merge_texts() {
        let texts = [
            "a long text of group one",
            "a long text of group two",
            "a long text of group one",
        ];
        let array = StringViewArray::from_iter_values(texts);
        let mut coder = TextCoder::new();
        let mut codes = Vec::new();
        coder.codes_by(TextRows::View(&array), |_| 7, &mut codes).unwrap();
        assert_eq!(codes, [0, 1, 0]);
    }

    #[test]
    fn every_layout_gives_the_same_codes() {
        let texts = [
            Some(""),
            None,
            Some("twelve bytes"),
            Some("thirteen byte"),
            Some("ünïcödé 𝒳"),
            Some("thirteen byte"),
            Some(""),
            None,
        ];
        let want = [0, 1, 2, 3, 4, 3, 0, 1];
        let view: StringViewArray = texts.iter().collect();
        let large: GenericStringArray<i64> = texts.iter().collect();
        let small: GenericStringArray<i32> = texts.iter().collect();
        for offset in [0, 1] {
            let (view, large, small) = (
                view.slice(offset, 8 - offset),
                large.slice(offset, 8 - offset),
                small.slice(offset, 8 - offset),
            );
            let mut coder = TextCoder::new();
            coder
                .codes(
                    TextRows::Small(&GenericStringArray::from(vec![Some("")])),
                    &mut Vec::new(),
                )
                .unwrap();
            for rows in [
                TextRows::View(&view),
                TextRows::Large(&large),
                TextRows::Small(&small),
            ] {
                let mut codes = Vec::new();
                coder.codes(rows, &mut codes).unwrap();
                assert_eq!(codes, want[offset..]);
            }
            let uniques = coder.into_uniques();
            let uniques = uniques.as_string_view();
            assert_eq!(
                uniques.iter().collect::<Vec<_>>(),
                [texts[0], None, texts[2], texts[3], texts[4]]
            );
        }
    }
}
