//! One partition as a stream of batches: the filter's columns first, the others for the kept rows only.
//!
//! A batch is (a part of) a read buffer. What a column's type doesn't accept ends the stream: with the user's dtype as a
//! `ValueError`, else with [`crate::error::Kind::Retyped`]. At its end a stream has its start proved.

use std::cell::OnceCell;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, UInt32Array};

use super::convert::{Chunk, Rejected, Rows};
use super::files::Cutter;
use super::kinds::Kind;
use super::records::{Next, Records};
use super::source::Inner;
use crate::chunk::{Batch, BatchStream, IndexData, Scan};
use crate::error::{Error, Result};

/// A partition being read.
pub(super) struct CsvStream {
    inner: Arc<Inner>,
    scan: Scan,
    file: usize,
    block: usize,
    /// Where each column of the source's schema is in the file; the path column is nowhere.
    positions: Vec<Option<usize>>,
    cutter: Cutter,
    records: Records,
    start: u64,
    /// The rows of the current buffer that have been given out.
    given: usize,
    /// The rows of the partition before the current buffer.
    before: usize,
    utf8: OnceCell<bool>,
    ended: bool,
}

impl CsvStream {
    pub(super) fn open(inner: Arc<Inner>, scan: &Scan) -> Result<Self> {
        let (file_number, block) = inner.place(scan.partition)?;
        let (cutter, positions) = inner.layout(file_number)?;
        let file = &inner.table.files[file_number];
        let start = file.start(block, &cutter)?;
        let (_, end) = file.range(block);
        let records = file.records(start, end, inner.table.lenient, &cutter)?;
        file.report(block, start, start);
        Ok(Self {
            scan: scan.clone(),
            file: file_number,
            block,
            positions,
            cutter,
            records,
            start,
            given: 0,
            before: 0,
            utf8: OnceCell::new(),
            ended: false,
            inner,
        })
    }

    /// Reads buffers until one has rows that haven't been given out; false at the end.
    fn advance(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let file = &self.inner.table.files[self.file];
        while self.given >= self.records.grid().rows {
            self.before += self.records.grid().rows;
            self.given = 0;
            match self.records.next()? {
                Next::Rows => {
                    self.utf8 = OnceCell::new();
                    file.report(self.block, self.start, self.records.position());
                }
                Next::End(end) => {
                    self.ended = true;
                    if !file.prove(self.block, self.start, end, &self.cutter)? {
                        return Err(self.inner.misread(file));
                    }
                    return Ok(false);
                }
                Next::Bad(bad) => {
                    self.ended = true;
                    // A wrong start makes bad records out of good ones.
                    if !file.prove_start(self.block, self.start, &self.cutter)? {
                        return Err(self.inner.misread(file));
                    }
                    return Err(file.bad_record(bad, &self.cutter));
                }
            }
        }
        Ok(true)
    }

    fn convert(&self, column: usize, rows: Rows<'_>, len: usize) -> Result<ArrayRef> {
        let table = &self.inner.table;
        let Some(position) = self.positions[column] else {
            let keys = Int32Array::from_value(table.path_codes[self.file], len);
            let values = table
                .path_values
                .clone()
                .ok_or_else(|| Error::internal("a path column without paths"))?;
            return Ok(Arc::new(DictionaryArray::new(keys, values)));
        };
        let chunk = Chunk {
            buffer: self.records.buffer(),
            grid: self.records.grid(),
            marks: self.cutter.rules.marks,
            utf8: Some(&self.utf8),
        };
        let words = table.words(column);
        let kind = &self.inner.kinds[column];
        match chunk.convert(rows, position, kind, &words)? {
            Ok(array) => Ok(array),
            Err(rejected) => Err(self.rejected(&chunk, column, kind, &rejected)),
        }
    }

    fn rejected(&self, chunk: &Chunk<'_>, column: usize, kind: &Kind, rejected: &Rejected) -> Error {
        let file = &self.inner.table.files[self.file];
        match file.prove_start(self.block, self.start, &self.cutter) {
            Ok(true) => {}
            Ok(false) => return self.inner.misread(file),
            Err(error) => return error,
        }
        let offset = self.records.offset(chunk.grid.row_start(rejected.row));
        let line = match file.line(offset, &self.cutter) {
            Ok(line) => line,
            Err(error) => return error,
        };
        let name = &self.inner.schema.columns[column].name;
        let mut text = String::from_utf8_lossy(&rejected.word).into_owned();
        if text.chars().count() > 60 {
            text = text.chars().take(60).chain(['…']).collect();
        }
        let place = format!(
            "column {name:?}, line {line} of {}",
            file.name(),
            name = name.to_string()
        );
        if rejected.not_utf8 {
            return Error::undecodable(rejected.word.clone(), place);
        }
        if let Kind::Given(dtype) = kind {
            return Error::value(if rejected.missing {
                format!(
                    "{place}: a missing value ({text:?}) doesn't fit dtype {}",
                    dtype.name()
                )
            } else {
                format!("{place}: {text:?} can't be read as {}", dtype.name())
            });
        }
        self.inner.contradicted(column, &place, &text, kind)
    }
}

impl BatchStream for CsvStream {
    fn next(&mut self) -> Result<Option<Batch>> {
        if !self.advance()? {
            return Ok(None);
        }
        let rows = self.records.grid().rows;
        let first = self.given;
        let len = (rows - first).min(self.scan.batch_rows.max(1));
        self.given += len;
        let all = Rows::Range(first, len);
        let row = (self.before + first) as i64;
        let range = IndexData::Range { start: row, step: 1 };
        let Some(filter) = self.scan.filter.clone() else {
            let columns = self
                .scan
                .columns
                .iter()
                .map(|column| self.convert(*column, all, len));
            return Ok(Some(Batch {
                index: range,
                columns: columns.collect::<Result<_>>()?,
                len,
            }));
        };
        let read = filter
            .columns()
            .iter()
            .map(|column| self.convert(*column, all, len))
            .collect::<Result<Vec<_>>>()?;
        let batch = Batch {
            index: range,
            columns: read,
            len,
        };
        let selection = filter.select(&batch)?;
        if let Some(picks) = &selection
            && picks.values().last().is_some_and(|last| *last as usize >= len)
        {
            return Err(Error::internal("a filter selects rows that aren't there"));
        }
        let kept = selection.as_ref().map_or(len, |picks| picks.values().len());
        let rows = match &selection {
            None => all,
            Some(picks) => Rows::Picked(first, picks.values()),
        };
        let mut columns = Vec::with_capacity(self.scan.columns.len());
        for column in self.scan.columns.iter() {
            let done = filter.columns().iter().position(|read| read == column);
            columns.push(match (done, &selection) {
                (Some(done), None) => batch.columns[done].clone(),
                (Some(done), Some(picks)) => arrow::compute::take(&batch.columns[done], picks, None)?,
                (None, _) => self.convert(*column, rows, kept)?,
            });
        }
        let level = |picks: &UInt32Array| {
            Int64Array::from_iter_values(picks.values().iter().map(|at| row + i64::from(*at)))
        };
        let level = match &selection {
            None => Int64Array::from_iter_values((0..len as i64).map(|at| row + at)),
            Some(picks) => level(picks),
        };
        Ok(Some(Batch {
            index: IndexData::Levels(vec![Arc::new(level)]),
            columns,
            len: kept,
        }))
    }
}
