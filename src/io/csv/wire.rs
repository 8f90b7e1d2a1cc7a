//! The wire form of a CSV source: files, options, and the types that were decided; headers are read again.
//!
//! A source on loan (read inside a task in another process) can't prove where blocks start without scanning the file from its
//! start. It takes its guesses for right and says what it did ([`crate::chunk::Source::findings`]); the source at home
//! proves them, and what needs certainty at once ends the task with [`ErrorKind::Retyped`], so that it runs at home.

use std::path::PathBuf;
use std::sync::Arc;

use super::bytes::{ByteSource, LocalFile};
use super::date::DateForm;
use super::files::Tuning;
use super::kinds::Kind;
use super::options::{ColumnRef, Compression, CsvOptions};
use super::source::CsvSource;
use super::table::Table;
use crate::chunk::Source;
use crate::chunk::wire::Loaders;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::wire::{Decoder, Encoder, Wire, broken};

/// What [`crate::chunk::Source::wire_kind`] calls it.
pub const KIND: &str = "csv";

/// Reads a file that isn't on a local disk; handed down with the decoder.
#[derive(Debug)]
pub struct FileLoader(pub fn(&mut Decoder) -> Result<Arc<dyn ByteSource>>);

impl Wire for ColumnRef {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Name(label) => {
                out.tag(0);
                label.encode(out)
            }
            Self::Position(position) => {
                out.tag(1);
                position.encode(out)
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Name(from.take()?),
            1 => Self::Position(from.take()?),
            _ => return Err(broken("no column")),
        })
    }
}

impl Wire for Compression {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.tag(*self as u8);
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        let all = [
            Self::Infer,
            Self::None,
            Self::Gzip,
            Self::Bz2,
            Self::Xz,
            Self::Zstd,
        ];
        let tag = from.tag()?;
        let found = all.into_iter().find(|one| *one as u8 == tag);
        found.ok_or_else(|| broken("no compression"))
    }
}

impl Wire for Kind {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Empty => out.tag(0),
            Self::Int => out.tag(1),
            Self::IntMissing => out.tag(2),
            Self::UInt => out.tag(3),
            Self::Float => out.tag(4),
            Self::Bool => out.tag(5),
            Self::Text => out.tag(6),
            Self::RawText => out.tag(7),
            Self::Date(form) => {
                out.tag(8);
                out.bytes(form.example().as_bytes());
            }
            Self::Given(dtype) => {
                out.tag(9);
                dtype.encode(out)?;
            }
        }
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Empty,
            1 => Self::Int,
            2 => Self::IntMissing,
            3 => Self::UInt,
            4 => Self::Float,
            5 => Self::Bool,
            6 => Self::Text,
            7 => Self::RawText,
            8 => Self::Date(DateForm::of(from.bytes()?).ok_or_else(|| broken("no form of dates"))?),
            9 => Self::Given(from.take()?),
            _ => return Err(broken("no type of a column")),
        })
    }
}

macro_rules! options {
    ($($field:ident),* $(,)?) => {
        impl Wire for CsvOptions {
            fn encode(&self, out: &mut Encoder) -> Result<()> {
                // every field by name: a new one can't be forgotten
                let Self { $($field),* } = self;
                $( $field.encode(out)?; )*
                Ok(())
            }

            fn decode(from: &mut Decoder) -> Result<Self> {
                Ok(Self { $( $field: from.take()? ),* })
            }
        }
    };
}
options!(
    sep,
    quotechar,
    doublequote,
    escapechar,
    comment,
    lineterminator,
    skipinitialspace,
    skip_blank_lines,
    header,
    names,
    skiprows,
    usecols,
    dtype,
    dtypes,
    na_values,
    na_values_by_column,
    keep_default_na,
    na_filter,
    true_values,
    false_values,
    thousands,
    decimal,
    parse_dates,
    include_path_column,
    blocksize,
    sample,
    assume_missing,
    compression,
);

impl Wire for Arc<dyn ByteSource> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        (**self).encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        match from.tag()? {
            0 => Ok(Arc::new(LocalFile::listed(
                PathBuf::from(from.take::<String>()?),
                from.take()?,
                from.take()?,
            ))),
            1 => (from.extension::<FileLoader>()?.0)(from),
            _ => Err(broken("no file")),
        }
    }
}

impl LocalFile {
    /// Writes path, size and time of change as they were when it was listed.
    ///
    /// # Errors
    /// When the path isn't text.
    pub(super) fn to_wire(&self, out: &mut Encoder) -> Result<()> {
        let (path, size, modified) = self.facts();
        let text = path.to_str().ok_or_else(|| {
            Error::value(format!(
                "the path {} isn't text, so it can't be pickled",
                path.display()
            ))
        })?;
        out.tag(0);
        out.bytes(text.as_bytes());
        size.encode(out)?;
        modified.encode(out)
    }
}

impl CsvSource {
    pub(super) fn to_wire(&self, out: &mut Encoder) -> Result<()> {
        let (table, kinds) = self.facts();
        table.options.encode(out)?;
        out.number(table.files.len() as u64);
        for file in &table.files {
            file.source.encode(out)?;
            out.list(&file.known_starts())?;
        }
        out.list(kinds)
    }

    /// Reads what [`crate::chunk::Source::encode`] of a CSV source wrote.
    ///
    /// # Errors
    /// When a file isn't there any more, or the bytes are damaged.
    pub fn from_wire(from: &mut Decoder) -> Result<Arc<dyn Source>> {
        let options: CsvOptions = from.take()?;
        let mut files: Vec<Arc<dyn ByteSource>> = Vec::new();
        let mut starts: Vec<Vec<u64>> = Vec::new();
        for _ in 0..from.count()? {
            files.push(from.take()?);
            starts.push(from.take()?);
        }
        let kinds: Vec<Kind> = from.list()?;
        let lent = from.extension::<Loaders>()?.lent;
        let table = Table::new(files, options, Tuning::default())?;
        if table.columns.len() != kinds.len() {
            let name = table.files[0].name();
            return Err(Error::new(
                ErrorKind::Value,
                format!("{name} has other columns than when the plan was made"),
            ));
        }
        for (file, starts) in table.files.iter().zip(starts) {
            if lent {
                file.lend();
            }
            file.know(starts);
        }
        Ok(Arc::new(Self::with(Arc::new(table), kinds)))
    }
}
