//! Codes of text keys: Arrow views as 16-byte keys.
//!
//! Text of at most 12 bytes is its view, so one comparison of 16 bytes settles equality and nothing is copied. Longer text
//! is hashed in full and compared byte by byte with the copy in the arena: equal hashes alone never merge two keys. A few short
//! texts are found in a smaller table (`front`), by words of 8 bytes where those hold them.
//! Invariants: `views[code]` is the text of a code in order of first appearance, long text pointing into `arena`; the
//! missing key has a code, whose view is that of the empty text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, GenericStringArray, StringViewArray};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::DataType;

use crate::error::{Error, Result};
use crate::kernels::group::front::{Front, Key};
use crate::kernels::group::hash::{hash_bytes, hash_u128};
use crate::kernels::group::ints::check_room;
use crate::kernels::group::short::{INLINE, Width, view_len, view_of_word, views, words};
use crate::kernels::group::tag::{BLOCK, TagTable};

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
    words: Vec<u64>,
    /// Codes of texts that are words, and of those that are views.
    word_front: Front<u64>,
    view_front: Front<u128>,
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

/// The hash of a text: of its view when that holds it all, else of its bytes.
#[inline]
pub(crate) fn hash_text(view: u128, bytes: impl FnOnce() -> u64) -> u64 {
    if view_len(view) <= INLINE {
        hash_u128(view)
    } else {
        bytes()
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
            words: Vec::new(),
            word_front: Front::new(),
            view_front: Front::new(),
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
        self.table.nbytes()
            + self.word_front.nbytes()
            + self.view_front.nbytes()
            + (self.views.capacity() + self.scratch.capacity()) * 16
            + arena
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
        let mut words_of_block = std::mem::take(&mut self.words);
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut hashes = std::mem::take(&mut self.hashes);
        for start in (0..len).step_by(BLOCK) {
            let which = start..len.min(start + BLOCK);
            let width = Width::of_rows(rows, which.clone());
            let null = |row: usize| nulls.is_some_and(|nulls| nulls.is_null(start + row));
            if width == Width::Word && self.word_front.is_open() {
                words_of_block.clear();
                words(rows, which, &mut words_of_block);
                let view = view_of_word;
                match nulls {
                    None => self.probe_front(
                        |coder| &mut coder.word_front,
                        &words_of_block,
                        view,
                        |_| false,
                        out,
                    ),
                    Some(_) => {
                        self.probe_front(|coder| &mut coder.word_front, &words_of_block, view, null, out);
                    }
                }
                continue;
            }
            let keys: &[u128] = if let TextRows::View(array) = rows {
                &array.views()[which]
            } else {
                scratch.clear();
                views(rows, which, &mut scratch);
                &scratch
            };
            if width != Width::Any && self.view_front.is_open() {
                match nulls {
                    None => {
                        self.probe_front(|coder| &mut coder.view_front, keys, |view| view, |_| false, out);
                    }
                    Some(_) => self.probe_front(|coder| &mut coder.view_front, keys, |view| view, null, out),
                }
                continue;
            }
            hashes.clear();
            if nulls.is_none() && width != Width::Any {
                hashes.extend(keys.iter().map(|view| hash_u128(*view)));
                self.probe_inline(keys, &hashes, out);
                continue;
            }
            let bytes = |row: usize| rows.bytes(start + row);
            hashes.extend(keys.iter().enumerate().map(|(row, &view)| {
                if null(row) {
                    return 0;
                }
                hash_text(view, || hash_long(bytes(row)))
            }));
            self.probe(keys, &hashes, bytes, null, out)?;
        }
        self.words = words_of_block;
        self.scratch = scratch;
        self.hashes = hashes;
        Ok(())
    }

    /// Appends the codes of a block of short texts, by way of one of the tables in front.
    #[inline]
    fn probe_front<K: Key>(
        &mut self,
        front: impl Fn(&mut Self) -> &mut Front<K>,
        keys: &[K],
        view: impl Fn(K) -> u128,
        null: impl Fn(usize) -> bool,
        out: &mut Vec<u32>,
    ) {
        front(self).prepare();
        out.extend(keys.iter().enumerate().map(|(row, &key)| {
            if null(row) {
                return self.null_code();
            }
            if let Some(code) = front(self).get(key) {
                return code;
            }
            let code = self.entry_of(view(key));
            front(self).put(key, code);
            code
        }));
    }

    /// The code of a short text, by its view.
    #[cold]
    #[inline(never)]
    fn entry_of(&mut self, view: u128) -> u32 {
        entry(&mut self.table, &mut self.views, hash_u128(view), view)
    }

    /// The code of the missing text.
    fn null_code(&mut self) -> u32 {
        let views = &mut self.views;
        *self.null.get_or_insert_with(|| {
            views.push(0);
            views.len() as u32 - 1
        })
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
                out.push(self.null_code());
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

    /// Texts around every length at which they are held otherwise, that differ in their last byte or in their length only.
    fn near_texts() -> Vec<String> {
        let mut texts = Vec::new();
        for len in [0, 1, 2, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 31] {
            for last in ["", "a", "b", "\0", "é"] {
                for middle in ["x", "\0"] {
                    texts.push(middle.repeat(len) + last);
                }
            }
        }
        texts
    }

    fn check(rows: &[Option<String>]) {
        let view: StringViewArray = rows.iter().map(Option::as_deref).collect();
        let large: GenericStringArray<i64> = rows.iter().map(Option::as_deref).collect();
        let small: GenericStringArray<i32> = rows.iter().map(Option::as_deref).collect();
        let mut known: Vec<Option<String>> = Vec::new();
        let mut place = hashbrown::HashMap::new();
        let want: Vec<u32> = rows
            .iter()
            .map(|row| {
                *place.entry(row.clone()).or_insert_with(|| {
                    known.push(row.clone());
                    known.len() as u32 - 1
                })
            })
            .collect();
        for rows in [
            TextRows::View(&view),
            TextRows::Large(&large),
            TextRows::Small(&small),
        ] {
            let mut coder = TextCoder::new();
            let mut codes = Vec::new();
            coder.codes(rows, &mut codes).unwrap();
            assert_eq!(codes, want);
            // All of them are known now.
            codes.clear();
            coder.codes(rows, &mut codes).unwrap();
            assert_eq!(codes, want);
            let uniques = coder.into_uniques();
            let found: Vec<Option<String>> = uniques
                .as_string_view()
                .iter()
                .map(|text| text.map(str::to_string))
                .collect();
            assert_eq!(found, known);
        }
    }

    #[test]
    fn texts_that_are_nearly_equal_have_codes_of_their_own() {
        let texts = near_texts();
        for longest in [3, 7, 8, 12, 13, 40] {
            // Blocks of words, of views, and of any texts, alone and one after another.
            let fitting: Vec<&String> = texts.iter().filter(|text| text.len() <= longest).collect();
            let rows = |missing: usize| -> Vec<Option<String>> {
                (0..3 * BLOCK + 5)
                    .map(|row| (row % 11 >= missing).then(|| fitting[row * 7 % fitting.len()].clone()))
                    .collect()
            };
            check(&rows(0));
            check(&rows(2));
        }
        let short = texts.iter().filter(|text| text.len() <= 7).cycle().take(BLOCK);
        let middle = texts.iter().filter(|text| text.len() <= 12).cycle().take(BLOCK);
        let any = texts.iter().cycle().take(BLOCK);
        let rows = short
            .clone()
            .chain(middle)
            .chain(short.clone())
            .chain(any)
            .chain(short);
        check(&rows.cloned().map(Some).collect::<Vec<_>>());
    }

    #[test]
    fn codes_go_on_when_there_are_too_many_for_the_table_in_front() {
        // Words, then views: each of them is closed on the way.
        for prefix in ["", "name"] {
            let rows = (0..5000).map(|row| (row % 17 > 0).then(|| format!("{prefix}{}", row % 2500)));
            check(&rows.collect::<Vec<_>>());
        }
    }
}
