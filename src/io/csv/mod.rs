//! CSV files as a source, with the meaning of pandas' `read_csv`.
//!
//! Answers: how files are cut into blocks and records (`files`, `records`, `grid`, over the structural `index`), what a
//! field's text means (`text`, `number`, `date`), which type a column has (`kinds`), and how partitions become Arrow
//! batches (`convert`, `stream`, `source`). Does not cover: options and contents that pandas alone reads as pandas does
//! (comments, escape characters, thousands, other encodings, dates in several forms, columns of Python objects): these
//! are refused with [`crate::error::Kind::NotNative`], at construction where the options or the sample show it, from
//! [`crate::chunk::Source::retyped`] where only later rows do.
//!
//! Known differences from pandas 3.1: where lines end in a lone carriage return, pandas swallows a separator that begins
//! the line after a line of blanks or a skipped one; here it is kept. A column's type takes account of the values that
//! are read: of columns that nobody asks for, and of rows that a filter drops, only the sample.
//!
//! Invariants: all partitions one after the other are exactly the records of the files, for any block size; a column's
//! type is the one that pandas infers over all values that were looked at, and no value is changed to fit a type.

#![allow(
    clippy::inline_always,
    reason = "the loops over fields are compiled for each shape, selection and instruction set"
)]

mod bytes;
mod convert;
mod date;
mod files;
mod grid;
mod head;
mod index;
mod kinds;
mod number;
mod options;
mod records;
mod source;
mod stream;
mod table;
#[cfg(test)]
mod tests;
mod text;
pub mod wire;

pub use bytes::{ByteSource, LocalFile, ReadAt};
pub use options::{ColumnRef, Compression, CsvOptions};
pub use source::CsvSource;
