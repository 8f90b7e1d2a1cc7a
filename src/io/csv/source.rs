//! The CSV source: partitions, schema, and the types it learns.
//!
//! Types are decided from the first bytes. A stream that meets a value against its column's type leaves a notice and gives
//! [`crate::error::Kind::Retyped`]; [`Source::retyped`] then looks at every value of the columns in question and gives a
//! source whose types hold. A source is immutable but for its notices, and for the starts of blocks, which are facts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::bytes::ByteSource;
use super::convert::Chunk;
use super::date::DateForm;
use super::files::{CsvFile, Cutter, Tuning};
use super::kinds::{Kind, Seen};
use super::options::CsvOptions;
use super::records::{Next, Records};
use super::stream::CsvStream;
use super::table::Table;
use crate::chunk::{BatchStream, Notice, Scan, Source};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::schema::{Column, FrameKind, FrameSchema, IndexSchema};
use crate::sync::Mutex;
use crate::token::{Token, Tokenize, Tokenizer};
use crate::wire::{Decoder, Encoder, broken};

/// CSV files as a source of partitions.
#[derive(Clone, Debug)]
pub struct CsvSource(Arc<Inner>);

/// What streams share with their source.
#[derive(Debug)]
pub(super) struct Inner {
    pub table: Arc<Table>,
    pub kinds: Vec<Kind>,
    pub schema: Arc<FrameSchema>,
    learned: Mutex<Learned>,
}

#[derive(Debug, Default)]
struct Learned {
    notices: Vec<Notice>,
    /// Columns whose type was contradicted.
    contradicted: Vec<usize>,
    /// A block began at a wrongly guessed place.
    misread: bool,
}

impl CsvSource {
    /// Reads header and types.
    ///
    /// # Errors
    /// [`ErrorKind::NotNative`] for options, dtypes and content that only pandas reads as pandas does; other kinds for
    /// files that can't be read at all.
    pub fn new(files: Vec<Arc<dyn ByteSource>>, options: CsvOptions) -> Result<Self> {
        Self::tuned(files, options, Tuning::default())
    }

    pub(super) fn tuned(
        files: Vec<Arc<dyn ByteSource>>,
        options: CsvOptions,
        tuning: Tuning,
    ) -> Result<Self> {
        let table = Arc::new(Table::new(files, options, tuning)?);
        let kinds = sampled(&table)?;
        Ok(Self::with(table, kinds))
    }

    /// What the wire form holds.
    pub(super) fn facts(&self) -> (&Table, &[Kind]) {
        (&self.0.table, &self.0.kinds)
    }

    pub(super) fn with(table: Arc<Table>, kinds: Vec<Kind>) -> Self {
        let column = |(at, kind): (usize, &Kind)| Column {
            name: table.label(at),
            dtype: kind.dtype(),
        };
        let columns = kinds.iter().enumerate().map(column).collect();
        let schema = Arc::new(FrameSchema::new(FrameKind::Frame, columns, IndexSchema::range()));
        Self(Arc::new(Inner {
            table,
            kinds,
            schema,
            learned: Mutex::default(),
        }))
    }
}

impl Inner {
    /// File and block of a partition.
    pub(super) fn place(&self, partition: usize) -> Result<(usize, usize)> {
        let place = self.table.places.get(partition);
        let (file, block) =
            place.ok_or_else(|| Error::internal(format!("read-csv has no partition {partition}")))?;
        Ok((*file as usize, *block as usize))
    }

    pub(super) fn layout(&self, file: usize) -> Result<(Cutter, Vec<Option<usize>>)> {
        self.table.layout(file)
    }

    /// Takes note of a value against a column's type.
    pub(super) fn contradicted(&self, column: usize, place: &str, text: &str, kind: &Kind) -> Error {
        let message = format!(
            "{place} holds {text:?}, but the first rows have {}: the type is decided anew from all rows",
            kind.describe()
        );
        let mut learned = self.learned.lock();
        if !learned.contradicted.contains(&column) {
            learned.contradicted.push(column);
            learned.notices.push(Notice(message.clone()));
        }
        Error::new(ErrorKind::Retyped, message)
    }

    /// Takes note of a block that began at a wrong place; the right one is known by now.
    pub(super) fn misread(&self, file: &CsvFile) -> Error {
        self.learned.lock().misread = true;
        Error::new(
            ErrorKind::Retyped,
            format!("a block of {} was read from a place inside quotes", file.name()),
        )
    }
}

impl Source for CsvSource {
    fn name(&self) -> &'static str {
        "read-csv"
    }

    fn schema(&self) -> Arc<FrameSchema> {
        self.0.schema.clone()
    }

    fn npartitions(&self) -> usize {
        self.0.table.places.len()
    }

    fn rows(&self, _partition: usize) -> Option<usize> {
        None
    }

    fn token(&self) -> Token {
        let table = &self.0.table;
        let mut t = Tokenizer::new();
        t.text("read-csv");
        table.options.tokenize(&mut t);
        t.number(table.files.len() as u64);
        for file in &table.files {
            t.token(file.source.fingerprint());
        }
        self.0.schema.tokenize(&mut t);
        for kind in &self.0.kinds {
            t.text(&kind.describe());
            t.number(u64::from(*kind == Kind::RawText));
        }
        t.finish()
    }

    fn describe(&self, partition: usize) -> String {
        match self.0.place(partition) {
            Ok((file, block)) => {
                let file = &self.0.table.files[file];
                let (start, end) = file.range(block);
                let end = end.min(file.source.size());
                format!("{}, bytes {start}..{end}", file.name())
            }
            Err(error) => error.to_string(),
        }
    }

    fn filters(&self) -> bool {
        true
    }

    fn projected_bytes(&self, scan: &Scan) -> usize {
        let filter = scan.filter.as_ref().map_or(0, |filter| filter.columns().len());
        let columns = scan.columns.len() + filter;
        // Two buffers with their positions, and 16 bytes a value of one batch.
        let rows = scan.batch_rows.min(self.0.table.tuning.buffer / 2);
        self.0.table.tuning.buffer * 4 + rows * columns * 16
    }

    fn open(&self, scan: &Scan) -> Result<Box<dyn BatchStream>> {
        Ok(Box::new(CsvStream::open(self.0.clone(), scan)?))
    }

    fn retyped(&self, columns: &[usize], threads: usize) -> Result<Arc<dyn Source>> {
        let table = &self.0.table;
        let (mut wanted, misread) = {
            let learned = self.0.learned.lock();
            (learned.contradicted.clone(), learned.misread)
        };
        let mut kinds = self.0.kinds.clone();
        if !(misread && wanted.is_empty()) {
            wanted.extend_from_slice(columns);
            wanted.sort_unstable();
            wanted.dedup();
            if let Some(date) = wanted
                .iter()
                .find(|column| matches!(kinds[**column], Kind::Date(_)))
                && self.0.learned.lock().contradicted.contains(date)
            {
                return Err(Error::not_native(format!(
                    "dates of several forms in column {}",
                    table.label(*date)
                )));
            }
            wanted.retain(|column| !matches!(kinds[*column], Kind::Given(_) | Kind::Date(_)));
            let seen = all_seen(table, &wanted, threads)?;
            for (column, seen) in wanted.iter().zip(&seen) {
                kinds[*column] = decided(table, *column, seen)?;
            }
        }
        Ok(Arc::new(Self::with(table.clone(), kinds)))
    }

    fn wire_kind(&self) -> &'static str {
        super::wire::KIND
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.to_wire(out)
    }

    fn findings(&self, out: &mut Encoder) -> Result<()> {
        for file in &self.0.table.files {
            out.list(&file.reports())?;
        }
        Ok(())
    }

    fn confirm(&self, from: &mut Decoder) -> Result<()> {
        for (number, file) in self.0.table.files.iter().enumerate() {
            let reports: Vec<(usize, (u64, u64))> = from.list()?;
            for (block, (start, end)) in reports {
                if block >= file.blocks() {
                    return Err(broken("a file has fewer blocks"));
                }
                let (cutter, _) = self.0.layout(number)?;
                if !file.prove(block, start, end, &cutter)? {
                    return Err(self.0.misread(file));
                }
            }
        }
        Ok(())
    }

    fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.0.learned.lock().notices)
    }
}

/// The kind of an automatic column.
fn decided(table: &Table, column: usize, seen: &Seen) -> Result<Kind> {
    match seen.decide()? {
        Kind::Int if table.options.assume_missing => Ok(Kind::IntMissing),
        Kind::UInt | Kind::RawText if table.options.assume_missing => Err(Error::not_native(format!(
            "assume_missing with integers beyond int64 in column {}",
            table.label(column)
        ))),
        kind => Ok(kind),
    }
}

/// The kinds of all columns, from the first bytes of the first file that has rows.
fn sampled(table: &Table) -> Result<Vec<Kind>> {
    let given = (0..table.columns.len())
        .map(|column| table.given(column))
        .collect::<Result<Vec<_>>>()?;
    let mut seen = vec![Seen::default(); given.len()];
    let mut forms: Vec<Option<DateForm>> = vec![None; given.len()];
    let mut rows = 0;
    for number in 0..table.files.len() {
        let file = &table.files[number];
        let (cutter, positions) = table.layout(number)?;
        let start = file
            .head(table.options.header, table.options.skiprows, table.rules)?
            .start;
        let end = start.saturating_add(table.options.sample.max(1) as u64);
        let mut records = file.records(start, end, table.lenient, &cutter)?;
        let mut scratch = Vec::new();
        while step(&mut records, file, &cutter)? {
            let chunk = chunk(&records, &cutter);
            rows += chunk.grid.rows;
            for (column, position) in positions.iter().enumerate() {
                let (None, Some(position)) = (&given[column], position) else {
                    continue;
                };
                let words = table.words(column);
                for row in 0..chunk.grid.rows {
                    chunk.word(row, *position, &mut scratch);
                    if !table.is_date(column) {
                        seen[column].add(&scratch, &words);
                    } else if !words.is_missing(&scratch) {
                        let form = forms[column].or_else(|| DateForm::of(&scratch));
                        let form = form.filter(|form| form.read(&scratch).is_some());
                        forms[column] = Some(form.ok_or_else(|| {
                            Error::not_native(format!(
                                "the dates in column {} of {} are not all of one ISO form",
                                table.label(column),
                                file.name()
                            ))
                        })?);
                    }
                }
            }
        }
        if rows > 0 {
            break;
        }
    }
    if rows == 0 {
        return Err(Error::not_native(
            "files without rows give columns of Python objects",
        ));
    }
    given
        .into_iter()
        .enumerate()
        .map(|(column, given)| match given {
            Some(kind) => Ok(kind),
            None if table.is_date(column) => match forms[column] {
                Some(form) => Ok(Kind::Date(form)),
                None => Err(Error::not_native(format!(
                    "no date in the sample of column {}",
                    table.label(column)
                ))),
            },
            None => decided(table, column, &seen[column]),
        })
        .collect()
}

fn chunk<'a>(records: &'a Records, cutter: &'a Cutter) -> Chunk<'a> {
    Chunk {
        buffer: records.buffer(),
        grid: records.grid(),
        marks: cutter.rules.marks,
        utf8: None,
    }
}

/// Reads on; false at the end.
fn step(records: &mut Records, file: &CsvFile, cutter: &Cutter) -> Result<bool> {
    match records.next()? {
        Next::Rows => Ok(true),
        Next::End(_) => Ok(false),
        Next::Bad(bad) => Err(file.bad_record(bad, cutter)),
    }
}

/// What all rows of some columns show, partition by partition on several threads.
fn all_seen(table: &Table, columns: &[usize], threads: usize) -> Result<Vec<Seen>> {
    let count = table.places.len();
    let parts: Vec<Mutex<Option<Vec<Seen>>>> = (0..count).map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let failure = Mutex::new(None);
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let partition = next.fetch_add(1, Ordering::Relaxed);
            if partition >= count {
                break;
            }
            match partition_seen(table, partition, columns) {
                Ok(seen) => *parts[partition].lock() = Some(seen),
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    failure.lock().get_or_insert(error);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, count.max(1)) {
            scope.spawn(work);
        }
        work();
    });
    if let Some(error) = failure.into_inner() {
        return Err(error);
    }
    let mut whole = vec![Seen::default(); columns.len()];
    for part in parts {
        let part = part
            .into_inner()
            .ok_or_else(|| Error::internal("a partition was left out"))?;
        for (whole, part) in whole.iter_mut().zip(&part) {
            whole.merge(part);
        }
    }
    Ok(whole)
}

fn partition_seen(table: &Table, partition: usize, columns: &[usize]) -> Result<Vec<Seen>> {
    let (number, block) = table.places[partition];
    let (number, block) = (number as usize, block as usize);
    let file = &table.files[number];
    let (cutter, positions) = table.layout(number)?;
    let mut start = file.start(block, &cutter)?;
    loop {
        let (_, end) = file.range(block);
        let mut seen = vec![Seen::default(); columns.len()];
        let mut scratch = Vec::new();
        let mut records = file.records(start, end, table.lenient, &cutter)?;
        let finish = loop {
            match records.next()? {
                Next::Rows => {}
                Next::End(position) => break Ok(position),
                Next::Bad(bad) => break Err(bad),
            }
            let chunk = chunk(&records, &cutter);
            for (seen, column) in seen.iter_mut().zip(columns) {
                let Some(position) = positions[*column] else {
                    continue;
                };
                let words = table.words(*column);
                for row in 0..chunk.grid.rows {
                    if seen.is_text() {
                        break;
                    }
                    chunk.word(row, position, &mut scratch);
                    seen.add(&scratch, &words);
                }
            }
        };
        let proved = match finish {
            Ok(position) => file.prove(block, start, position, &cutter)?,
            Err(_) => file.prove_start(block, start, &cutter)?,
        };
        match finish {
            _ if !proved => start = file.start(block, &cutter)?,
            Ok(_) => return Ok(seen),
            Err(bad) => return Err(file.bad_record(bad, &cutter)),
        }
    }
}
