//! One file: its header, its blocks, and where each block's first record truly starts.
//!
//! A block's records are those that start inside it. Whether a byte lies inside quotes depends on all bytes before it, so
//! a block's start is first guessed from its surroundings and later proved: records end where the next ones start, so
//! a chain from the start of the file, made of what the blocks' readers report, tells every true start. A reader asks
//! for the proof when it is through; what is missing of the chain by then (blocks that nobody reads, the rest of a block
//! in progress) is scanned. Where a guess was wrong the true start is known from then on, and the run starts anew.
//! A guess that its surroundings leave open is never made: the file is scanned up to there instead.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::bytes::{ByteSource, Codec, Sequential};
use super::grid::{Machine, Rules, State, Step};
use super::head::{Head, read_head};
use super::records::{BadRecord, Next, Records};
use crate::error::{Error, Kind, Result};
use crate::process::PerProcess;
use crate::sync::Mutex;

/// Sizes that tests make small.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tuning {
    /// Bytes of a read buffer.
    pub buffer: usize,
    /// Bytes around a block's offset from which its start is guessed.
    pub window: usize,
    /// Starts this near to a known one are scanned for rather than guessed.
    pub near: u64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            buffer: 256 << 10,
            window: 64 << 10,
            near: 1 << 20,
        }
    }
}

/// One file of a source.
#[derive(Debug)]
pub(super) struct CsvFile {
    pub source: Arc<dyn ByteSource>,
    pub codec: Option<Codec>,
    /// Where blocks start; the first at 0.
    offsets: Vec<u64>,
    head: OnceLock<Arc<Head>>,
    chain: Mutex<Chain>,
    /// Held while a gap in the chain is scanned, so that it is scanned once. That may take long, so a forked child doesn't
    /// wait for its parent's.
    scanning: PerProcess<Mutex<()>>,
    /// On loan: guesses count as proved, and are proved at home (see `wire`).
    lent: AtomicBool,
}

#[derive(Debug, Default)]
struct Chain {
    /// The true starts of the first blocks.
    known: Vec<u64>,
    /// What the readers of blocks report: where they began, and where the next block must begin.
    done: Vec<Option<(u64, u64)>>,
    /// Where readers under way began and where they are.
    running: Vec<Option<(u64, u64)>>,
}

impl Chain {
    /// Follows reports as far as they lead.
    fn advance(&mut self) {
        while let Some(start) = self.known.last() {
            match self.done.get(self.known.len() - 1) {
                Some(Some((from, end))) if from == start && self.known.len() < self.done.len() => {
                    self.known.push(*end);
                }
                _ => break,
            }
        }
    }
}

impl CsvFile {
    pub(super) fn new(source: Arc<dyn ByteSource>, codec: Option<Codec>, blocksize: Option<u64>) -> Self {
        let offsets = match (codec, blocksize) {
            (None, Some(blocksize)) => {
                let blocks = source.size().div_ceil(blocksize).max(1);
                (0..blocks).map(|block| block * blocksize).collect()
            }
            _ => vec![0],
        };
        let chain = Chain {
            known: Vec::new(),
            done: vec![None; offsets.len()],
            running: vec![None; offsets.len()],
        };
        Self {
            source,
            codec,
            offsets,
            head: OnceLock::new(),
            chain: Mutex::new(chain),
            scanning: PerProcess::new(),
            lent: AtomicBool::new(false),
        }
    }

    /// Makes it a file on loan.
    pub(super) fn lend(&self) {
        self.lent.store(true, Ordering::Relaxed);
    }

    /// The true starts of the first blocks, as far as they are known.
    pub(super) fn known_starts(&self) -> Vec<u64> {
        self.chain.lock().known.clone()
    }

    /// Takes over true starts of the first blocks.
    pub(super) fn know(&self, starts: Vec<u64>) {
        let mut chain = self.chain.lock();
        if starts.len() > chain.known.len() && starts.len() <= chain.done.len() {
            chain.known = starts;
        }
    }

    /// What readers of blocks have reported, as block, start and end.
    pub(super) fn reports(&self) -> Vec<(usize, (u64, u64))> {
        let chain = self.chain.lock();
        let done = chain.done.iter().enumerate();
        done.filter_map(|(block, report)| Some((block, (*report)?)))
            .collect()
    }

    pub(super) fn name(&self) -> &str {
        self.source.name()
    }

    pub(super) fn blocks(&self) -> usize {
        self.offsets.len()
    }

    /// Where a block is in the file: its first byte and the first one after it.
    pub(super) fn range(&self, block: usize) -> (u64, u64) {
        let end = match self.offsets.get(block + 1) {
            Some(end) => *end,
            None if self.codec.is_some() => u64::MAX,
            None => self.source.size().max(self.offsets[block]),
        };
        (self.offsets[block], end)
    }

    /// The file's bytes from `offset` on.
    pub(super) fn input(&self, offset: u64) -> Result<Sequential> {
        match self.codec {
            None => Sequential::plain(&*self.source, offset),
            Some(codec) => {
                let mut input = Sequential::decoded(&*self.source, codec)?;
                let mut skipped = vec![0; 64 << 10];
                let mut left = offset;
                while left > 0 {
                    let want = usize::try_from(left).unwrap_or(usize::MAX).min(skipped.len());
                    match input.read(&mut skipped[..want])? {
                        0 => break,
                        read => left -= read as u64,
                    }
                }
                Ok(input)
            }
        }
    }

    /// The first lines; read once.
    pub(super) fn head(&self, header: Option<usize>, skiprows: usize, rules: Rules) -> Result<Arc<Head>> {
        if let Some(head) = self.head.get() {
            return Ok(head.clone());
        }
        let mut input = self.input(0)?;
        let mut bytes = Vec::new();
        let mut filled = 0;
        let head = loop {
            if filled == bytes.len() {
                bytes.resize((bytes.len() * 2).max(8 << 10), 0);
            }
            let read = input.read(&mut bytes[filled..])?;
            filled += read;
            if read == 0 || filled == bytes.len() {
                let found = read_head(&bytes[..filled], read == 0, header, skiprows, rules);
                if let Some(head) = found {
                    break head;
                }
                if read == 0 {
                    return Err(self.no_header(&bytes[..filled], header, skiprows, rules));
                }
            }
        };
        let head = Arc::new(head);
        // Another thread may have been faster, with the same result.
        let mut chain = self.chain.lock();
        if chain.known.is_empty() {
            chain.known.push(head.start);
        }
        drop(chain);
        Ok(self.head.get_or_init(|| head).clone())
    }

    /// Where the first record of a block starts: known, or guessed well.
    pub(super) fn start(&self, block: usize, cutter: &Cutter) -> Result<u64> {
        let offset = self.offsets[block];
        {
            let chain = self.chain.lock();
            if let Some(start) = chain.known.get(block) {
                return Ok(*start);
            }
            let last = chain.known.last().copied().unwrap_or(0);
            if offset <= last {
                return Ok(last);
            }
            if offset - last <= cutter.tuning.near {
                drop(chain);
                return self.settle(block, cutter);
            }
        }
        match self.guess(offset, cutter)? {
            Some(start) => Ok(start),
            None => self.settle(block, cutter),
        }
    }

    /// A reader of the block began at `start` and is at `position`, where a record starts.
    pub(super) fn report(&self, block: usize, start: u64, position: u64) {
        if self.offsets.len() > 1 {
            self.chain.lock().running[block] = Some((start, position));
        }
    }

    /// A reader of the block began at `start` and ended at `end`; says whether `start` is proved right.
    pub(super) fn prove(&self, block: usize, start: u64, end: u64, cutter: &Cutter) -> Result<bool> {
        if self.offsets.len() == 1 {
            return Ok(true);
        }
        {
            let mut chain = self.chain.lock();
            chain.running[block] = None;
            chain.done[block] = Some((start, end));
        }
        if self.lent.load(Ordering::Relaxed) {
            return Ok(true);
        }
        Ok(self.settle(block, cutter)? == start)
    }

    /// Whether `start` is the true start of the block.
    pub(super) fn prove_start(&self, block: usize, start: u64, cutter: &Cutter) -> Result<bool> {
        if self.lent.load(Ordering::Relaxed) && self.offsets.len() > 1 {
            let known = self.chain.lock().known.get(block).copied();
            return known.map(|known| known == start).ok_or_else(|| {
                let message = format!("a block of {} whose start isn't proved", self.name());
                Error::new(Kind::Retyped, message)
            });
        }
        Ok(self.offsets.len() == 1 || self.settle(block, cutter)? == start)
    }

    /// The true start of a block: from the chain, whose gaps are scanned.
    fn settle(&self, block: usize, cutter: &Cutter) -> Result<u64> {
        let known = || {
            let mut chain = self.chain.lock();
            chain.advance();
            let last = chain.known.len() - 1;
            let from = match chain.running[last] {
                Some((start, position)) if start == chain.known[last] => position,
                _ => chain.known[last],
            };
            (chain.known.get(block).copied(), last, from)
        };
        if let (Some(start), ..) = known() {
            return Ok(start);
        }
        let _alone = self.scanning.get().lock();
        loop {
            let (found, last, from) = known();
            if let Some(start) = found {
                return Ok(start);
            }
            let (_, end) = self.range(last);
            let mut records = self.records(from, end, true, cutter)?;
            let next = loop {
                match records.next()? {
                    Next::Rows => {
                        // Its own reader may have come to the end meanwhile.
                        let chain = self.chain.lock();
                        if chain.done[last].is_some_and(|(start, _)| start == chain.known[last]) {
                            break None;
                        }
                    }
                    Next::End(position) => break Some(position),
                    // Open quotes up to the end of the file: no record starts after this.
                    Next::Bad(_) => break Some(self.source.size()),
                }
            };
            if let Some(next) = next {
                let mut chain = self.chain.lock();
                if chain.known.len() == last + 1 {
                    chain.known.push(next);
                }
            }
        }
    }

    /// The error for a whole file in which the header isn't found.
    fn no_header(&self, bytes: &[u8], header: Option<usize>, skiprows: usize, rules: Rules) -> Error {
        let found = |line: &usize| read_head(bytes, true, Some(*line), skiprows, rules).is_some();
        match header.filter(|line| *line > 0) {
            Some(line) => match (0..line).rev().find(found) {
                Some(last) => Error::parse(format!(
                    "{}: Passed header={line} but only {} lines in file",
                    self.name(),
                    last + 1
                )),
                None => Error::empty(format!("{}: No columns to parse from file", self.name())),
            },
            None => Error::empty(format!("{}: No columns to parse from file", self.name())),
        }
    }

    /// The records that start in `start..end`.
    pub(super) fn records(&self, start: u64, end: u64, lenient: bool, cutter: &Cutter) -> Result<Records> {
        Ok(Records::new(
            self.input(start)?,
            start,
            end,
            cutter.width,
            lenient,
            cutter.tuning.buffer,
            cutter.rules,
        ))
    }

    /// The line, counted from 1 as pandas counts (a record is one line), at which the record at `offset` starts.
    pub(super) fn line(&self, offset: u64, cutter: &Cutter) -> Result<u64> {
        let (start, mut lines) = match self.head.get() {
            Some(head) => (head.start, head.lines),
            None => return Ok(0),
        };
        let mut records = self.records(start, offset, true, cutter)?;
        while let Next::Rows = records.next()? {
            let grid = records.grid();
            let blanks = grid
                .blanks
                .iter()
                .filter(|blank| records.offset(**blank as usize) < offset);
            lines += (grid.rows + blanks.count()) as u64;
        }
        Ok(lines + 1)
    }

    /// The error for a record that can't be cut into fields.
    pub(super) fn bad_record(&self, bad: BadRecord, cutter: &Cutter) -> Error {
        let line = match self.line(bad.offset, cutter) {
            Ok(line) => line,
            Err(error) => return error,
        };
        match bad.fields {
            Some(fields) => Error::parse(format!(
                "Error tokenizing data. C error: Expected {} fields in line {line}, saw {fields} (in {})",
                cutter.width,
                self.name()
            )),
            None => Error::parse(format!(
                "Error tokenizing data. C error: EOF inside string starting at row {} (in {})",
                line - 1,
                self.name()
            )),
        }
    }

    /// The first record start at or after `offset`, when the bytes around leave no doubt.
    fn guess(&self, offset: u64, cutter: &Cutter) -> Result<Option<u64>> {
        let mut input = self.input(offset - 1)?;
        let mut bytes = vec![0; cutter.tuning.window + 1];
        let mut filled = 0;
        while filled < bytes.len() {
            match input.read(&mut bytes[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        let bytes = &bytes[..filled];
        let outside = Hypothesis::test(bytes, false, cutter);
        let inside = Hypothesis::test(bytes, true, cutter);
        let agreed = outside.start.is_some() && outside.start == inside.start;
        let found = if agreed || (outside.plausible && !inside.plausible) {
            outside.start
        } else if inside.plausible && !outside.plausible {
            inside.start
        } else {
            None
        };
        Ok(found.map(|position| offset - 1 + position as u64))
    }
}

/// How a file is cut into records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cutter {
    pub rules: Rules,
    pub width: usize,
    pub tuning: Tuning,
}

/// The reading of a stretch of bytes if its second byte is, or is not, inside quotes.
struct Hypothesis {
    /// The position of the first record after the first byte.
    start: Option<usize>,
    /// Whether records of the right width follow, and quotes stand where they should.
    plausible: bool,
}

impl Hypothesis {
    fn test(bytes: &[u8], inside: bool, cutter: &Cutter) -> Self {
        let rules = cutter.rules;
        let mut machine = Machine(match bytes[0] {
            _ if inside => State::Quoted,
            b'\n' => State::RecordStart,
            byte if byte == rules.marks.separator => State::FieldStart,
            _ => State::Field,
        });
        let mut found = Self {
            start: (!inside && bytes[0] == b'\n').then_some(1),
            plausible: false,
        };
        let (mut fields, mut records, mut tidy) = (0, 0, true);
        let mut at = 1;
        while at < bytes.len() {
            let before = machine.0;
            let byte = bytes[at];
            let step = machine.step(byte, rules);
            // Text after a closing quote, or a quote in the middle of a field, is legal but rare.
            tidy &= !(machine.0 == State::Field
                && (before == State::QuoteInQuoted || rules.marks.quote == Some(byte)));
            match step {
                Step::FieldEnd => fields += 1,
                Step::RecordEnd => {
                    if byte == b'\r' && bytes.get(at + 1).is_none_or(|next| *next == b'\n') {
                        at += 1;
                    }
                    if found.start.is_some() && (fields > 0 || cutter.width == 1) {
                        tidy &= fields + 1 == cutter.width;
                        records += 1;
                    }
                    fields = 0;
                    found.start = found.start.or(Some(at + 1));
                }
                Step::Inside | Step::Skipped => {}
            }
            at += 1;
        }
        found.plausible = tidy && records > 0;
        found.start = found.start.filter(|start| *start < bytes.len());
        found
    }
}
