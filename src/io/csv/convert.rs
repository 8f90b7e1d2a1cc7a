//! Fields to Arrow arrays: one column of one buffer, for all its rows or for some.
//!
//! Every converter either gives the array or names the first row whose value its type doesn't accept; nothing is coerced.
//! Text arrays are views into the read buffer; fields that had to be unescaped lie in a buffer of their own.

use std::cell::OnceCell;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, NullBufferBuilder, PrimitiveArray, StringViewArray,
};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use super::grid::{Cells, Grid, with_cells};
use super::index::{Marks, PADDING};
use super::kinds::{Kind, Words};
use super::number::{Int, float, float_fast, int, int_fast};
use super::text::{Unquoted, unquote};
use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};

/// A buffer's records.
pub(super) struct Chunk<'a> {
    pub buffer: &'a Buffer,
    pub grid: &'a Grid,
    pub marks: Marks,
    /// Whether the buffer is UTF-8 as a whole; checked when the first text column needs it,
    /// and kept here when several may.
    pub utf8: Option<&'a OnceCell<bool>>,
}

/// Rows of a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rows<'a> {
    /// This many from the first one on.
    Range(usize, usize),
    /// Those at these distances from the first one.
    Picked(usize, &'a [u32]),
}

trait RowSet: Copy {
    fn len(self) -> usize;
    fn get(self, at: usize) -> usize;
}

#[derive(Clone, Copy)]
struct Span(usize, usize);

impl RowSet for Span {
    #[inline(always)]
    fn len(self) -> usize {
        self.1
    }
    #[inline(always)]
    fn get(self, at: usize) -> usize {
        self.0 + at
    }
}

#[derive(Clone, Copy)]
struct Picks<'a>(usize, &'a [u32]);

impl RowSet for Picks<'_> {
    #[inline(always)]
    fn len(self) -> usize {
        self.1.len()
    }
    #[inline(always)]
    fn get(self, at: usize) -> usize {
        self.0 + self.1[at] as usize
    }
}

/// A value that a column's type doesn't accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejected {
    /// Its row in the chunk.
    pub row: usize,
    /// Its text.
    pub word: Vec<u8>,
    /// It isn't UTF-8.
    pub not_utf8: bool,
    /// It means missing.
    pub missing: bool,
}

type Converted = std::result::Result<ArrayRef, Rejected>;

/// Reads the fields of one column.
struct Reader<'a, C, R> {
    cells: C,
    rows: R,
    column: usize,
    data: &'a [u8],
    marks: Marks,
    words: &'a Words<'a>,
}

impl Chunk<'_> {
    /// The field's content.
    pub(super) fn word(&self, row: usize, column: usize, scratch: &mut Vec<u8>) {
        let data = self.buffer.as_slice();
        let (start, end) = with_cells!(self.grid, data, cells => cells.cell(row, column));
        if let Unquoted::Slice(_, slice) = unquote(data, start, end, self.marks, scratch) {
            scratch.clear();
            scratch.extend_from_slice(slice);
        }
    }

    /// Converts a column.
    pub(super) fn convert(
        &self,
        rows: Rows<'_>,
        column: usize,
        kind: &Kind,
        words: &Words<'_>,
    ) -> Result<Converted> {
        let data = self.buffer.as_slice();
        with_cells!(self.grid, data, cells => match rows {
            Rows::Range(first, len) => self.with(cells, Span(first, len), column, kind, words),
            Rows::Picked(first, picks) => self.with(cells, Picks(first, picks), column, kind, words),
        })
    }

    fn with<C: Cells, R: RowSet>(
        &self,
        cells: C,
        rows: R,
        column: usize,
        kind: &Kind,
        words: &Words<'_>,
    ) -> Result<Converted> {
        let reader = Reader {
            cells,
            rows,
            column,
            data: self.buffer.as_slice(),
            marks: self.marks,
            words,
        };
        Ok(match kind {
            Kind::Empty => reader.floats(|word| (word.missing).then_some(f64::NAN)),
            Kind::Int => reader.ints(),
            Kind::IntMissing => reader.floats(|word| match int(word.text) {
                _ if word.missing => Some(f64::NAN),
                Int::Fits(value) => Some(value as f64),
                _ => None,
            }),
            Kind::UInt => reader.numbers::<UInt64Type>(false, |text| match int(text) {
                Int::Fits(value) if !text.contains(&b'-') => u64::try_from(value).ok(),
                Int::Big(value) if text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'+') => {
                    Some(value)
                }
                _ => None,
            }),
            Kind::Float => reader.fast_floats(),
            Kind::Bool => reader.bools(false, |text| words.bools.read(text)),
            Kind::Text | Kind::Given(Dtype::Str | Dtype::String { .. }) => reader.text(self, true, false),
            Kind::RawText => reader.text(self, false, true),
            Kind::Date(form) => reader.dates(*form),
            Kind::Given(Dtype::Numpy(kind)) => reader.given(*kind, false)?,
            Kind::Given(Dtype::Nullable(kind)) => reader.given(*kind, true)?,
            Kind::Given(other) => return Err(no_reader(other)),
        })
    }

    fn is_utf8(&self) -> bool {
        let check = || {
            // Up to the last whole record: what follows may end inside a character.
            let content = &self.buffer.as_slice()[PADDING..self.grid.end.max(PADDING)];
            simdutf8::basic::from_utf8(content).is_ok()
        };
        self.utf8.map_or_else(check, |known| *known.get_or_init(check))
    }
}

fn no_reader(dtype: &Dtype) -> Error {
    Error::not_native(format!("no native CSV reader for dtype {}", dtype.name()))
}

struct Word<'w> {
    text: &'w [u8],
    missing: bool,
}

impl<C: Cells, R: RowSet> Reader<'_, C, R> {
    fn rejected(&self, row: usize) -> Rejected {
        self.look(row, |word| Rejected {
            row,
            word: word.text.to_vec(),
            not_utf8: false,
            missing: word.missing,
        })
    }

    /// Calls `use_it` with the field's content.
    #[inline(never)]
    fn look<T>(&self, row: usize, use_it: impl FnOnce(&Word<'_>) -> T) -> T {
        let mut scratch = Vec::new();
        let (start, end) = self.cells.cell(row, self.column);
        let text = match unquote(self.data, start, end, self.marks, &mut scratch) {
            Unquoted::Slice(_, slice) => slice,
            Unquoted::Changed => &scratch,
        };
        use_it(&Word {
            text,
            missing: self.words.is_missing(text),
        })
    }

    fn numeric_words(&self) -> bool {
        self.words.missing.is_some_and(|missing| missing.numeric)
    }

    fn ints(&self) -> Converted {
        let fast = !self.numeric_words();
        let mut values = Vec::with_capacity(self.rows.len());
        for at in 0..self.rows.len() {
            let row = self.rows.get(at);
            let (start, end) = self.cells.cell(row, self.column);
            if fast && let Some(value) = int_fast(self.data, start, end) {
                values.push(value);
                continue;
            }
            let value = self.look(row, |word| match int(word.text) {
                Int::Fits(value) if !word.missing => Some(value),
                _ => None,
            });
            values.push(value.ok_or_else(|| self.rejected(row))?);
        }
        Ok(primitive::<Int64Type>(values, None))
    }

    fn fast_floats(&self) -> Converted {
        let decimal = self.words.decimal;
        let fast = decimal == b'.' && !self.numeric_words();
        let mut values = Vec::with_capacity(self.rows.len());
        for at in 0..self.rows.len() {
            let row = self.rows.get(at);
            let (start, end) = self.cells.cell(row, self.column);
            if fast && let Some(value) = float_fast(self.data, start, end) {
                values.push(value);
                continue;
            }
            let value = self.look(row, |word| self.read_float(word));
            values.push(value.ok_or_else(|| self.rejected(row))?);
        }
        Ok(primitive::<Float64Type>(values, None))
    }

    fn read_float(&self, word: &Word<'_>) -> Option<f64> {
        if word.missing {
            return Some(f64::NAN);
        }
        let value = float(word.text, self.words.decimal)?;
        let means_missing = self
            .words
            .missing
            .is_some_and(|missing| missing.contains_float(value));
        Some(if means_missing { f64::NAN } else { value })
    }

    fn floats(&self, read: impl Fn(&Word<'_>) -> Option<f64>) -> Converted {
        let mut values = Vec::with_capacity(self.rows.len());
        for at in 0..self.rows.len() {
            let row = self.rows.get(at);
            values.push(self.look(row, &read).ok_or_else(|| self.rejected(row))?);
        }
        Ok(primitive::<Float64Type>(values, None))
    }

    /// Numbers of any type; `nullable` columns mark missing values, others reject them.
    fn numbers<T: ArrowPrimitiveType>(
        &self,
        nullable: bool,
        read: impl Fn(&[u8]) -> Option<T::Native>,
    ) -> Converted {
        let mut values = Vec::with_capacity(self.rows.len());
        let mut nulls = NullBufferBuilder::new(self.rows.len());
        for at in 0..self.rows.len() {
            let row = self.rows.get(at);
            let value = self.look(row, |word| match (word.missing, nullable) {
                (true, true) => Some(None),
                (true, false) => None,
                (false, _) => read(word.text).map(Some),
            });
            match value {
                Some(value) => {
                    nulls.append(value.is_some());
                    values.push(value.unwrap_or_default());
                }
                None => return Err(self.rejected(row)),
            }
        }
        Ok(primitive::<T>(values, nulls.finish()))
    }

    fn bools(&self, nullable: bool, read: impl Fn(&[u8]) -> Option<bool>) -> Converted {
        let mut values = BooleanBufferBuilder::new(self.rows.len());
        let mut nulls = NullBufferBuilder::new(self.rows.len());
        for at in 0..self.rows.len() {
            let row = self.rows.get(at);
            let value = self.look(row, |word| match (word.missing, nullable) {
                (true, true) => Some(None),
                (true, false) => None,
                (false, _) => read(word.text).map(Some),
            });
            match value {
                Some(value) => {
                    nulls.append(value.is_some());
                    values.append(value.unwrap_or_default());
                }
                None => return Err(self.rejected(row)),
            }
        }
        Ok(Arc::new(BooleanArray::new(values.finish(), nulls.finish())))
    }

    fn dates(&self, form: super::date::DateForm) -> Converted {
        let mut values = Vec::with_capacity(self.rows.len());
        let mut nulls = NullBufferBuilder::new(self.rows.len());
        for at in 0..self.rows.len() {
            let row = self.rows.get(at);
            let value = self.look(row, |word| {
                if word.missing {
                    Some(None)
                } else {
                    form.read(word.text).map(Some)
                }
            });
            let value = value.ok_or_else(|| self.rejected(row))?;
            nulls.append(value.is_some());
            values.push(value.unwrap_or(0));
        }
        Ok(primitive::<TimestampMicrosecondType>(values, nulls.finish()))
    }

    fn given(&self, kind: NumpyType, nullable: bool) -> Result<Converted> {
        let decimal = self.words.decimal;
        let real = |text: &[u8]| {
            let value = float(text, decimal)?;
            let missing = |missing: &super::text::Missing| missing.contains_float(value);
            Some(if self.words.missing.is_some_and(missing) {
                f64::NAN
            } else {
                value
            })
        };
        macro_rules! whole {
            ($t:ty) => {
                self.numbers::<$t>(nullable, |text| {
                    whole(text, decimal).and_then(|value| value.try_into().ok())
                })
            };
        }
        Ok(match (kind, nullable) {
            (NumpyType::Float64, false) => self.fast_floats(),
            (NumpyType::Float32, false) => {
                let narrow = |word: &Word<'_>| self.read_float(word);
                let mut values = Vec::with_capacity(self.rows.len());
                for at in 0..self.rows.len() {
                    let row = self.rows.get(at);
                    match self.look(row, narrow) {
                        Some(value) => values.push(value as f32),
                        None => return Ok(Err(self.rejected(row))),
                    }
                }
                Ok(primitive::<Float32Type>(values, None))
            }
            (NumpyType::Float64, true) => self.numbers::<Float64Type>(true, real),
            (NumpyType::Float32, true) => {
                self.numbers::<Float32Type>(true, |text| real(text).map(|value| value as f32))
            }
            (NumpyType::Int64, false) => match self.ints() {
                // Floats that are whole numbers are accepted as well.
                Err(_) => whole!(Int64Type),
                done => done,
            },
            (NumpyType::Int64, true) => whole!(Int64Type),
            (NumpyType::Int8, _) => whole!(Int8Type),
            (NumpyType::Int16, _) => whole!(Int16Type),
            (NumpyType::Int32, _) => whole!(Int32Type),
            (NumpyType::UInt8, _) => whole!(UInt8Type),
            (NumpyType::UInt16, _) => whole!(UInt16Type),
            (NumpyType::UInt32, _) => whole!(UInt32Type),
            (NumpyType::UInt64, _) => whole!(UInt64Type),
            (NumpyType::Bool, _) => self.bools(nullable, |text| match text {
                b"1" | b"1.0" => Some(true),
                b"0" | b"0.0" => Some(false),
                _ => self.words.bools.read(text),
            }),
            (NumpyType::Datetime(_) | NumpyType::Timedelta(_), _) => {
                return Err(no_reader(&Dtype::Numpy(kind)));
            }
        })
    }

    /// Text as views. With `ints_only` anything but integers within 64 bits and words for missing values is
    /// rejected.
    fn text(&self, chunk: &Chunk<'_>, missing: bool, ints_only: bool) -> Converted {
        // Text is checked by itself while that costs little, so that a column of names never has the whole buffer checked.
        let is_valid = |word: &[u8]| {
            if word.len() <= CHECKED_ALONE {
                word.is_ascii() || std::str::from_utf8(word).is_ok()
            } else {
                chunk.is_utf8() || simdutf8::basic::from_utf8(word).is_ok()
            }
        };
        let quote = self.marks.quote;
        let mut views: Vec<u128> = Vec::with_capacity(self.rows.len());
        let mut nulls = NullBufferBuilder::new(self.rows.len());
        let mut side: Vec<u8> = Vec::new();
        let mut scratch = Vec::new();
        let mut borrows = false;
        for at in 0..self.rows.len() {
            let row = self.rows.get(at);
            let (start, end) = self.cells.cell(row, self.column);
            let quoted = start < end && quote == Some(self.data[start]);
            let found = if quoted {
                unquote(self.data, start, end, self.marks, &mut scratch)
            } else {
                Unquoted::Slice(start, &self.data[start..end])
            };
            let word = match found {
                Unquoted::Slice(_, slice) => slice,
                Unquoted::Changed => scratch.as_slice(),
            };
            if missing && self.words.is_missing(word) {
                nulls.append_null();
                views.push(0);
                continue;
            }
            if ints_only && !matches!(int(word), Int::Fits(_) | Int::Big(_)) && !self.words.is_missing(word) {
                return Err(self.rejected(row));
            }
            let (view, valid) = match found {
                Unquoted::Slice(position, slice) if slice.len() <= 12 => {
                    let view = inline_at(self.data, position, slice.len());
                    (view, view & NOT_ASCII == 0 || std::str::from_utf8(slice).is_ok())
                }
                Unquoted::Changed if scratch.len() <= 12 => {
                    (inline(&scratch), std::str::from_utf8(&scratch).is_ok())
                }
                Unquoted::Slice(position, slice) => {
                    borrows = true;
                    (outside(slice, 0, position), is_valid(slice))
                }
                Unquoted::Changed => {
                    let position = side.len();
                    side.extend_from_slice(&scratch);
                    (outside(&scratch, 1, position), is_valid(&scratch))
                }
            };
            if !valid {
                return Err(Rejected {
                    not_utf8: true,
                    ..self.rejected(row)
                });
            }
            nulls.append_non_null();
            views.push(view);
        }
        let empty = || Buffer::from_vec(Vec::<u8>::new());
        let mut buffers = Vec::new();
        if borrows || !side.is_empty() {
            buffers.push(if borrows { chunk.buffer.clone() } else { empty() });
        }
        if !side.is_empty() {
            buffers.push(Buffer::from_vec(side));
        }
        // SAFETY: every view is inline, or points into buffer 0 (the read buffer, where the field is) or buffer 1 (the
        // unescaped fields), and begins with its text's first four bytes; all texts were checked to be UTF-8 as a
        // whole buffer, cut at ASCII bytes only, or one by one.
        let array =
            unsafe { StringViewArray::new_unchecked(ScalarBuffer::from(views), buffers, nulls.finish()) };
        Ok(Arc::new(array))
    }
}

/// An integer, also when written as a float that is a whole number.
fn whole(text: &[u8], decimal: u8) -> Option<i128> {
    match int(text) {
        Int::Fits(value) => return Some(value.into()),
        Int::Big(value) => return Some(value.into()),
        Int::Huge => return None,
        Int::Not => {}
    }
    let value = float(text, decimal)?;
    let exact = value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0;
    exact.then_some(value as i128)
}

fn primitive<T: ArrowPrimitiveType>(values: Vec<T::Native>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(values), nulls))
}

/// Text of at most that many bytes is checked to be UTF-8 by itself.
const CHECKED_ALONE: usize = 64;

/// The bits of an inline view that are 0 in ASCII text.
const NOT_ASCII: u128 = 0x8080_8080_8080_8080_8080_8080 << 32;

/// The view of a text of up to 12 bytes in a read buffer: length, bytes.
#[inline(always)]
fn inline_at(data: &[u8], position: usize, length: usize) -> u128 {
    debug_assert!(length <= 12 && position + 16 <= data.len());
    // SAFETY: fields lie in a buffer with 64 bytes of padding after its content.
    let bytes = unsafe { data.as_ptr().add(position).cast::<u128>().read_unaligned() }.to_le();
    length as u128 | (bytes & ((1 << (8 * length)) - 1)) << 32
}

/// The view of any text of up to 12 bytes: length, bytes.
fn inline(word: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes[0] = word.len() as u8;
    bytes[4..4 + word.len()].copy_from_slice(word);
    u128::from_le_bytes(bytes)
}

/// The view of a longer text: length, first bytes, buffer, position.
#[inline(always)]
fn outside(word: &[u8], buffer: u32, position: usize) -> u128 {
    let prefix = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
    word.len() as u128 | u128::from(prefix) << 32 | u128::from(buffer) << 64 | (position as u128) << 96
}
