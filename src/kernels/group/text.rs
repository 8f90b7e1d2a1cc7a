//! Codes of text keys: Arrow views as 16-byte keys.
//!
//! Text of at most 12 bytes is its view, so one comparison of 16 bytes settles equality and nothing is copied. Longer text
//! is hashed in full and compared byte by byte with the copy in the arena: equal hashes alone never merge two keys.
//! Invariants: `views[code]` is the text of a code in order of first appearance, long text pointing into `arena`; the
//! missing key has a code, whose view is that of the empty text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, GenericStringArray, OffsetSizeTrait, StringViewArray};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::DataType;

use crate::error::{Error, Result};
use crate::kernels::group::hash::{hash_bytes, hash_u128};
use crate::kernels::group::ints::check_room;
use crate::kernels::group::tag::{AHEAD, TagTable, fetch};

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

/// The view of the row at `start..end` of a text buffer: short text by one load of 16 bytes where the buffer has them.
#[inline]
fn view_at(buffer: &[u8], start: usize, end: usize) -> u128 {
    let len = end - start;
    match buffer.get(start..start + 16) {
        Some(window) if len <= INLINE as usize => {
            let mut word = [0; 16];
            word.copy_from_slice(window);
            let text = u128::from_le_bytes(word) & ((1 << (8 * len)) - 1);
            text << 32 | len as u128
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

/// Appends the views of all rows to `out`; only the first 8 bytes of the views of long text mean anything.
pub(crate) fn views(rows: TextRows<'_>, out: &mut Vec<u128>) {
    fn from_offsets<O: OffsetSizeTrait>(array: &GenericStringArray<O>, out: &mut Vec<u128>) {
        let buffer = array.value_data();
        out.extend(
            array
                .value_offsets()
                .windows(2)
                .map(|pair| view_at(buffer, pair[0].as_usize(), pair[1].as_usize())),
        );
    }
    match rows {
        TextRows::View(array) => out.extend_from_slice(array.views()),
        TextRows::Large(array) => from_offsets(array, out),
        TextRows::Small(array) => from_offsets(array, out),
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
    pub(crate) fn uniques(&self) -> ArrayRef {
        let buffers: Vec<Buffer> = self
            .arena
            .iter()
            .map(|block| Buffer::from(block.as_slice()))
            .collect();
        let nulls = self.null.map(|null| {
            (0..self.views.len())
                .map(|code| code as u32 != null)
                .collect::<NullBuffer>()
        });
        // SAFETY: every view was made from valid UTF-8 by `view_of` or `keep`: short text is inside the view, and long text
        // points to its own copy in the arena, whose blocks are the buffers in the same order.
        let array =
            unsafe { StringViewArray::new_unchecked(ScalarBuffer::from(self.views.clone()), buffers, nulls) };
        Arc::new(array)
    }

    /// Appends the codes of the texts to `out`.
    pub(crate) fn codes(&mut self, rows: TextRows<'_>, out: &mut Vec<u32>) -> Result<()> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let keys: &[u128] = if let TextRows::View(array) = rows {
            array.views()
        } else {
            views(rows, &mut scratch);
            &scratch
        };
        let result = self.probe(rows, keys, hash_bytes, out);
        self.scratch = scratch;
        result
    }

    fn probe(
        &mut self,
        rows: TextRows<'_>,
        keys: &[u128],
        hash_long: impl Fn(&[u8]) -> u64,
        out: &mut Vec<u32>,
    ) -> Result<()> {
        check_room(self.views.len(), keys.len())?;
        let nulls = rows.nulls();
        if nulls.is_none() && keys.iter().fold(0, |longest, view| view_len(*view).max(longest)) <= INLINE {
            self.probe_inline(keys, out);
            return Ok(());
        }
        let mut hashes = std::mem::take(&mut self.hashes);
        hashes.clear();
        hashes.extend(keys.iter().enumerate().map(|(row, &view)| {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                return 0;
            }
            hash_text(view, || hash_long(rows.bytes(row)))
        }));
        out.reserve(keys.len());
        let ahead = self.table.is_large();
        for (row, &view) in keys.iter().enumerate() {
            if ahead && let Some(&hash) = hashes.get(row + AHEAD) {
                self.table.prefetch(hash);
            }
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
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
                    other as u64 == view as u64 && long_text(arena, other) == rows.bytes(row)
                })
            };
            if code == next {
                self.keep(view, || rows.bytes(row))?;
            }
            out.push(code);
        }
        self.hashes = hashes;
        Ok(())
    }

    /// Appends the codes of views that are the whole text, none missing: the common case, without a look at the rows.
    fn probe_inline(&mut self, keys: &[u128], out: &mut Vec<u32>) {
        let Self {
            table, views, hashes, ..
        } = self;
        hashes.clear();
        hashes.extend(keys.iter().map(|view| hash_u128(*view)));
        let large = table.is_large();
        out.extend(keys.iter().enumerate().map(|(row, &view)| {
            if large {
                // First the slot, then, when it has come, the key that it names.
                if let Some(&hash) = hashes.get(row + 2 * AHEAD) {
                    table.prefetch(hash);
                }
                if let Some(code) = hashes.get(row + AHEAD).and_then(|hash| table.guess(*hash)) {
                    fetch(views.as_ptr().wrapping_add(code as usize));
                }
            }
            let next = views.len() as u32;
            let code = table.entry(hashes[row], next, |code| views[code as usize] == view);
            if code == next {
                views.push(view);
            }
            code
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
        coder
            .probe(TextRows::View(&array), array.views(), |_| 7, &mut codes)
            .unwrap();
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
            let uniques = coder.uniques();
            let uniques = uniques.as_string_view();
            assert_eq!(
                uniques.iter().collect::<Vec<_>>(),
                [texts[0], None, texts[2], texts[3], texts[4]]
            );
        }
    }
}
