//! What the user asked of `read_csv`, as plain data, and the refusal of what isn't read natively.
//!
//! Everything here has pandas' meaning and defaults. An option that the native reader doesn't know is refused with
//! [`crate::error::Kind::NotNative`] before any byte is read, so that pandas can take the files block by block.

use super::grid::Rules;
use super::index::Marks;
use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::schema::Label;
use crate::token::{Tokenize, Tokenizer};

/// A column as the user names it.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnRef {
    /// By label.
    Name(Label),
    /// By position in the file.
    Position(usize),
}

/// How files are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// By the end of each path.
    #[default]
    Infer,
    /// Not at all.
    None,
    /// gzip, also of several members.
    Gzip,
    /// bzip2.
    Bz2,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// What `path` is compressed with.
    #[must_use]
    pub fn of(self, path: &str) -> Self {
        if self != Self::Infer {
            return self;
        }
        let path = path.to_ascii_lowercase();
        let ends = |end: &str| path.ends_with(end);
        if ends(".gz") {
            Self::Gzip
        } else if ends(".bz2") {
            Self::Bz2
        } else if ends(".xz") {
            Self::Xz
        } else if ends(".zst") {
            Self::Zstd
        } else {
            Self::None
        }
    }
}

/// The options of `read_csv`.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "independent options")]
pub struct CsvOptions {
    /// The byte between fields.
    pub sep: u8,
    /// The byte around fields; `None` for `quoting=csv.QUOTE_NONE`.
    pub quotechar: Option<u8>,
    /// Two quotes inside quotes stand for one.
    pub doublequote: bool,
    /// Not native.
    pub escapechar: Option<u8>,
    /// Not native.
    pub comment: Option<u8>,
    /// Not native: the default ends lines at `\n`, `\r\n` and `\r`.
    pub lineterminator: Option<u8>,
    /// Spaces after a separator are no part of the field.
    pub skipinitialspace: bool,
    /// Lines of blanks are no records.
    pub skip_blank_lines: bool,
    /// The line (after skipped and blank ones) that holds the names; `None` when none does.
    pub header: Option<usize>,
    /// Names that replace those of the header.
    pub names: Option<Vec<Label>>,
    /// Lines to leave out at the start of each file.
    pub skiprows: usize,
    /// The columns to deliver, in the file's order.
    pub usecols: Option<Vec<ColumnRef>>,
    /// The dtype of every column.
    pub dtype: Option<Dtype>,
    /// The dtypes of single columns.
    pub dtypes: Vec<(ColumnRef, Dtype)>,
    /// Further words for missing values.
    pub na_values: Vec<String>,
    /// Further words for missing values in single columns.
    pub na_values_by_column: Vec<(ColumnRef, Vec<String>)>,
    /// pandas' own words for missing values count.
    pub keep_default_na: bool,
    /// Look for missing values at all.
    pub na_filter: bool,
    /// Further words for true.
    pub true_values: Vec<String>,
    /// Further words for false.
    pub false_values: Vec<String>,
    /// Not native.
    pub thousands: Option<u8>,
    /// The decimal mark.
    pub decimal: u8,
    /// Columns of dates.
    pub parse_dates: Vec<ColumnRef>,
    /// The label of a categorical column that holds each row's path.
    pub include_path_column: Option<String>,
    /// Bytes of a partition; `None` for one partition per file.
    pub blocksize: Option<u64>,
    /// Bytes from which types are decided.
    pub sample: usize,
    /// Integer columns without a given dtype are read as floats.
    pub assume_missing: bool,
    /// How files are compressed.
    pub compression: Compression,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            sep: b',',
            quotechar: Some(b'"'),
            doublequote: true,
            escapechar: None,
            comment: None,
            lineterminator: None,
            skipinitialspace: false,
            skip_blank_lines: true,
            header: Some(0),
            names: None,
            skiprows: 0,
            usecols: None,
            dtype: None,
            dtypes: Vec::new(),
            na_values: Vec::new(),
            na_values_by_column: Vec::new(),
            keep_default_na: true,
            na_filter: true,
            true_values: Vec::new(),
            false_values: Vec::new(),
            thousands: None,
            decimal: b'.',
            parse_dates: Vec::new(),
            include_path_column: None,
            blocksize: Some(64_000_000),
            sample: 256_000,
            assume_missing: false,
            compression: Compression::Infer,
        }
    }
}

impl CsvOptions {
    /// Refuses what isn't read natively.
    ///
    /// # Errors
    /// [`crate::error::Kind::NotNative`], or [`crate::error::Kind::Value`] for options that contradict each other.
    pub(super) fn check(&self) -> Result<()> {
        let refused = [
            (self.escapechar.is_some(), "escapechar"),
            (self.comment.is_some(), "comment"),
            (self.lineterminator.is_some(), "lineterminator"),
            (self.thousands.is_some(), "thousands"),
            (
                !self.sep.is_ascii() || matches!(self.sep, b'\n' | b'\r' | 0),
                "sep",
            ),
            (
                self.quotechar
                    .is_some_and(|byte| !byte.is_ascii() || matches!(byte, b'\n' | b'\r' | b' ' | 0)),
                "quotechar",
            ),
            (
                !self.decimal.is_ascii_punctuation() || matches!(self.decimal, b'-' | b'+'),
                "decimal",
            ),
            (self.quotechar == Some(self.sep), "quotechar equal to sep"),
        ];
        if let Some((_, name)) = refused.iter().find(|(refused, _)| *refused) {
            return Err(Error::not_native(format!(
                "read_csv: this {name} is not read natively"
            )));
        }
        if self.blocksize == Some(0) {
            return Err(Error::value("read_csv: blocksize must be at least 1 byte"));
        }
        Ok(())
    }

    /// How records are cut.
    pub(super) fn rules(&self) -> Rules {
        Rules {
            marks: Marks {
                separator: self.sep,
                quote: self.quotechar,
                doubled: self.doublequote,
            },
            skip_blank_lines: self.skip_blank_lines,
            skip_initial_space: self.skipinitialspace,
        }
    }
}

impl Tokenize for ColumnRef {
    fn tokenize(&self, t: &mut Tokenizer) {
        match self {
            Self::Name(label) => {
                t.number(0);
                label.tokenize(t);
            }
            Self::Position(position) => {
                t.number(1).number(*position as u64);
            }
        }
    }
}

impl Tokenize for CsvOptions {
    fn tokenize(&self, t: &mut Tokenizer) {
        let words = |t: &mut Tokenizer, words: &[String]| {
            t.number(words.len() as u64);
            for word in words {
                t.text(word);
            }
        };
        t.bytes(&[self.sep, self.decimal]).bytes(&[
            u8::from(self.doublequote),
            u8::from(self.skipinitialspace),
            u8::from(self.skip_blank_lines),
            u8::from(self.keep_default_na),
            u8::from(self.na_filter),
            u8::from(self.assume_missing),
            self.compression as u8,
        ]);
        t.bytes(self.quotechar.as_slice());
        t.number(self.header.map_or(0, |line| line as u64 + 1))
            .number(self.skiprows as u64)
            .number(self.blocksize.unwrap_or(0))
            .number(self.sample as u64);
        t.number(u64::from(self.names.is_some()));
        self.names.as_deref().unwrap_or_default().tokenize(t);
        t.number(u64::from(self.usecols.is_some()));
        self.usecols.as_deref().unwrap_or_default().tokenize(t);
        self.dtype.tokenize(t);
        t.number(self.dtypes.len() as u64);
        for (column, dtype) in &self.dtypes {
            column.tokenize(t);
            dtype.tokenize(t);
        }
        words(t, &self.na_values);
        t.number(self.na_values_by_column.len() as u64);
        for (column, values) in &self.na_values_by_column {
            column.tokenize(t);
            words(t, values);
        }
        words(t, &self.true_values);
        words(t, &self.false_values);
        self.parse_dates.as_slice().tokenize(t);
        t.text(self.include_path_column.as_deref().unwrap_or(""));
        t.number(u64::from(self.include_path_column.is_some()));
    }
}
