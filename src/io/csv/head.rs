//! The first lines of a file: what is skipped, the header, and the width of the first record.
//!
//! Covers finding them in the file's first bytes; making labels of the names is `table`'s.

use super::grid::{Machine, Rules, State, Step};
use super::text::content;

/// What the first lines of a file say.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// The fields of the header line; `None` without one.
    pub header: Option<Vec<Vec<u8>>>,
    /// Where the records start.
    pub start: u64,
    /// The lines before that.
    pub lines: u64,
    /// The fields of the first record, if there is one.
    pub first_fields: Option<usize>,
}

/// The head of a file in its first bytes; `None` when more are needed, or, at the end, when there is nothing.
pub(super) fn read_head(
    bytes: &[u8],
    at_end: bool,
    header: Option<usize>,
    skiprows: usize,
    rules: Rules,
) -> Option<Head> {
    let mut at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut lines = 0;
    for _ in 0..skiprows {
        // Initial spaces mean nothing in lines that are left out.
        let plain = Rules {
            skip_initial_space: false,
            ..rules
        };
        // A return that begins a line doesn't end it while lines are left out.
        let quirk = bytes.get(at) == Some(&b'\r');
        let state = if quirk { State::Field } else { State::RecordStart };
        at = read_record(bytes, at, Machine(state), at_end, plain)?.next;
        lines += 1;
    }
    let mut names = None;
    let mut start = at;
    if let Some(line) = header {
        let mut left = line;
        loop {
            let record = read_record(bytes, at, Machine(State::RecordStart), at_end, rules)?;
            at = record.next;
            lines += 1;
            if record.blank && rules.skip_blank_lines {
                continue;
            }
            if left == 0 {
                let text = |field: &std::ops::Range<usize>| content(&bytes[field.clone()], rules.marks);
                names = Some(record.fields.iter().map(text).collect());
                start = at;
                break;
            }
            left -= 1;
        }
    }
    let first_fields = loop {
        if at >= bytes.len() && at_end {
            break None;
        }
        match read_record(bytes, at, Machine(State::RecordStart), at_end, rules) {
            None if at_end => break None,
            None => return None,
            Some(record) if record.blank && rules.skip_blank_lines => at = record.next,
            Some(record) => break Some(record.fields.len()),
        }
    };
    if names.is_none() && first_fields.unwrap_or(0) == 0 {
        return None;
    }
    Some(Head {
        header: names,
        start: start as u64,
        lines,
        first_fields,
    })
}

struct Record {
    fields: Vec<std::ops::Range<usize>>,
    blank: bool,
    next: usize,
}

/// The record at `from`, if it is whole.
fn read_record(
    bytes: &[u8],
    from: usize,
    mut machine: Machine,
    at_end: bool,
    rules: Rules,
) -> Option<Record> {
    // In a field already: its first byte is that, whatever it is.
    let first = from + usize::from(machine.0 == State::Field);
    let mut fields = Vec::new();
    let mut start = from;
    let record = |mut fields: Vec<std::ops::Range<usize>>, start, end, next| {
        fields.push(start..end);
        // A line of nothing at all has no fields when blank lines count.
        if end == from && !rules.skip_blank_lines {
            fields.clear();
        }
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t') && *byte != rules.marks.separator;
        Some(Record {
            blank: fields.len() <= 1 && bytes[from..end].iter().all(is_blank),
            fields,
            next,
        })
    };
    for at in first..bytes.len() {
        match machine.step(bytes[at], rules) {
            Step::Inside => {}
            Step::Skipped => start = at + 1,
            Step::FieldEnd => {
                fields.push(start..at);
                start = at + 1;
            }
            Step::RecordEnd => {
                let mut next = at + 1;
                if bytes[at] == b'\r' {
                    match bytes.get(next) {
                        Some(b'\n') => next += 1,
                        None if !at_end => return None,
                        _ => {}
                    }
                }
                return record(fields, start, at, next);
            }
        }
    }
    if at_end && from < bytes.len() && machine.0 != State::Quoted {
        return record(fields, start, bytes.len(), bytes.len());
    }
    None
}
