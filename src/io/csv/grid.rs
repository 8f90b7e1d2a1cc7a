//! Records and fields of a buffer: the regular grid straight from the structural index, else a list of fields made by
//! walking the index or, where the index doesn't hold, byte by byte.
//!
//! Invariants: a grid has `rows * width` fields, each `start..end` inside the buffer, quotes included; short records are
//! filled up with empty fields, blank lines are left out when they are to be skipped. Only whole records are in a grid.

use super::index::{Found, Marks, index};

/// How records are cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// The bytes of structure.
    pub marks: Marks,
    /// Lines with nothing but blanks are no records.
    pub skip_blank_lines: bool,
    /// Spaces after a separator belong to no field.
    pub skip_initial_space: bool,
}

/// A record with more fields than the table has columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany {
    /// Where the record starts in the buffer.
    pub start: usize,
    /// Its fields.
    pub fields: usize,
}

/// The fields of the whole records of a buffer.
#[derive(Debug, Default)]
pub(super) struct Grid {
    /// The number of records.
    pub rows: usize,
    /// Fields of each.
    pub width: usize,
    /// Where the first record that isn't whole starts.
    pub end: usize,
    /// Where the blank lines are that were left out.
    pub blanks: Vec<u32>,
    /// The first record that is too long; the grid ends before it.
    pub too_many: Option<TooMany>,
    shape: Shape,
    /// Regular: a position before each field's first byte, then the line end. Listed: where fields start.
    positions: Vec<u32>,
    /// Listed: where fields end.
    ends: Vec<u32>,
    /// Listed: where records start.
    starts: Vec<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shape {
    /// Every `width`-th structural byte is a line feed; the flag says that carriage returns may precede them.
    Regular { returns: bool },
    #[default]
    Listed,
}

/// Fields by row and column.
pub(super) trait Cells: Copy {
    /// Where the field is in the buffer, quotes included.
    fn cell(self, row: usize, column: usize) -> (usize, usize);
}

/// [`Cells`] of a regular grid.
#[derive(Clone, Copy)]
pub(super) struct Regular<'a> {
    positions: &'a [u32],
    width: usize,
    data: &'a [u8],
    returns: bool,
}

impl Cells for Regular<'_> {
    #[inline(always)]
    fn cell(self, row: usize, column: usize) -> (usize, usize) {
        let at = row * self.width + column;
        let start = (self.positions[at] as usize).wrapping_add(1) & 0xffff_ffff;
        let mut end = self.positions[at + 1] as usize;
        if self.returns && column + 1 == self.width && end > start && self.data[end - 1] == b'\r' {
            end -= 1;
        }
        (start, end)
    }
}

/// [`Cells`] of a listed grid.
#[derive(Clone, Copy)]
pub(super) struct Listed<'a> {
    starts: &'a [u32],
    ends: &'a [u32],
    width: usize,
}

impl Cells for Listed<'_> {
    #[inline(always)]
    fn cell(self, row: usize, column: usize) -> (usize, usize) {
        let at = row * self.width + column;
        (self.starts[at] as usize, self.ends[at] as usize)
    }
}

/// Calls `$body` with `$cells` of the grid's shape, so that loops are compiled for each.
macro_rules! with_cells {
    ($grid:expr, $data:expr, $cells:ident => $body:expr) => {
        match $grid.view($data) {
            $crate::io::csv::grid::View::Regular($cells) => $body,
            $crate::io::csv::grid::View::Listed($cells) => $body,
        }
    };
}
pub(super) use with_cells;

/// A grid's fields.
pub(super) enum View<'a> {
    /// As the index gives them.
    Regular(Regular<'a>),
    /// One by one.
    Listed(Listed<'a>),
}

impl Grid {
    /// The fields of the grid over `data`.
    pub(super) fn view<'a>(&'a self, data: &'a [u8]) -> View<'a> {
        match self.shape {
            Shape::Regular { returns } => View::Regular(Regular {
                positions: &self.positions,
                width: self.width,
                data,
                returns,
            }),
            Shape::Listed => View::Listed(Listed {
                starts: &self.positions,
                ends: &self.ends,
                width: self.width,
            }),
        }
    }

    /// Where record `row` starts.
    pub(super) fn row_start(&self, row: usize) -> usize {
        match self.shape {
            Shape::Regular { .. } => (self.positions[row * self.width].wrapping_add(1)) as usize,
            Shape::Listed => self.starts[row] as usize,
        }
    }

    /// Keeps only the records that start before `limit`; says where the first one left out starts.
    pub(super) fn cut(&mut self, limit: usize) -> Option<usize> {
        if self.end <= limit && self.too_many.is_none_or(|record| record.start < limit) {
            return None;
        }
        let (mut low, mut high) = (0, self.rows);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.row_start(middle) < limit {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let first = if low < self.rows {
            self.row_start(low)
        } else {
            match self.too_many {
                Some(record) => record.start,
                None => self.end,
            }
        };
        if first < limit {
            return None;
        }
        self.rows = low;
        self.too_many = None;
        self.end = first;
        Some(first)
    }

    /// Cuts the whole records of `data[from..to]`, where `from` starts a record, into `width` fields each. With `lenient`
    /// surplus fields are dropped. `data` has padding on both sides, and a line feed ends the last record at the end of
    /// a file.
    pub(super) fn read(
        &mut self,
        data: &[u8],
        from: usize,
        to: usize,
        width: usize,
        lenient: bool,
        rules: Rules,
    ) {
        self.width = width;
        self.too_many = None;
        self.rows = 0;
        self.end = from;
        self.positions.clear();
        self.ends.clear();
        self.starts.clear();
        self.blanks.clear();
        if rules.skip_initial_space {
            self.walk_bytes(data, from, to, lenient, rules);
            return;
        }
        // The first field starts one after this; `from` may be 0, hence the wrapping.
        self.positions.push((from as u32).wrapping_sub(1));
        let found = index(data, from, to, rules.marks, &mut self.positions);
        if found.odd {
            self.walk_bytes(data, from, to, lenient, rules);
        } else if !self.is_regular(data, &found) {
            self.walk_index(data, from, lenient, rules);
        }
    }

    fn is_regular(&mut self, data: &[u8], found: &Found) -> bool {
        let (rows, width) = (found.newlines, self.width);
        // With one column a blank line looks like any other record.
        if width < 2 || self.positions.len() <= rows * width {
            return rows == 0 && self.positions.len() == 1;
        }
        let mut wrong = false;
        for row in 1..=rows {
            wrong |= data[self.positions[row * width] as usize] != b'\n';
        }
        if wrong {
            return false;
        }
        self.shape = Shape::Regular {
            returns: found.returns,
        };
        self.rows = rows;
        self.end = (self.positions[rows * width].wrapping_add(1)) as usize;
        true
    }

    /// Makes the list of fields from the structural index.
    fn walk_index(&mut self, data: &[u8], from: usize, lenient: bool, rules: Rules) {
        self.shape = Shape::Listed;
        let structure = std::mem::take(&mut self.positions);
        let mut builder = Builder::new(self, from, lenient, rules);
        let mut start = from;
        for position in &structure[1..] {
            let position = *position as usize;
            if data[position] == b'\n' {
                let returned = position > start && data[position - 1] == b'\r';
                builder.field(start, position - usize::from(returned));
                if !builder.end_record(data, position + 1) {
                    break;
                }
            } else {
                builder.field(start, position);
            }
            start = position + 1;
        }
    }

    /// Makes the list of fields byte by byte.
    fn walk_bytes(&mut self, data: &[u8], from: usize, to: usize, lenient: bool, rules: Rules) {
        self.shape = Shape::Listed;
        self.positions.clear();
        let mut builder = Builder::new(self, from, lenient, rules);
        let mut machine = Machine::at_record_start();
        let mut start = from;
        let mut at = from;
        while at < to {
            match machine.step(data[at], rules) {
                Step::Inside => {}
                Step::Skipped => start = at + 1,
                Step::FieldEnd => {
                    builder.field(start, at);
                    start = at + 1;
                }
                Step::RecordEnd => {
                    builder.field(start, at);
                    if data[at] == b'\r' {
                        if at + 1 == to {
                            // Its line feed may come with the next bytes.
                            break;
                        }
                        at += usize::from(data[at + 1] == b'\n');
                    }
                    start = at + 1;
                    if !builder.end_record(data, start) {
                        break;
                    }
                }
            }
            at += 1;
        }
        builder.drop_unfinished();
    }
}

/// Where a byte-wise tokeniser is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    RecordStart,
    FieldStart,
    Field,
    Quoted,
    /// A quote inside quotes: the end, or the first of two.
    QuoteInQuoted,
}

/// What a byte did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Inside,
    /// A space before a field.
    Skipped,
    FieldEnd,
    RecordEnd,
}

/// The parser's rules, a byte at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine(pub State);

impl Machine {
    pub(super) fn at_record_start() -> Self {
        Self(State::RecordStart)
    }

    #[inline]
    pub(super) fn step(&mut self, byte: u8, rules: Rules) -> Step {
        let is_quote = rules.marks.quote == Some(byte);
        match self.0 {
            State::Quoted => {
                if is_quote {
                    self.0 = State::QuoteInQuoted;
                }
                return Step::Inside;
            }
            State::QuoteInQuoted if is_quote && rules.marks.doubled => {
                self.0 = State::Quoted;
                return Step::Inside;
            }
            State::RecordStart | State::FieldStart if is_quote => {
                self.0 = State::Quoted;
                return Step::Inside;
            }
            _ => {}
        }
        if byte == b'\n' || byte == b'\r' {
            self.0 = State::RecordStart;
            Step::RecordEnd
        } else if byte == rules.marks.separator {
            // With a space as separator, further ones right after it are skipped like other initial spaces.
            if byte == b' '
                && rules.skip_initial_space
                && matches!(self.0, State::RecordStart | State::FieldStart)
            {
                self.0 = State::FieldStart;
                return Step::Skipped;
            }
            self.0 = State::FieldStart;
            Step::FieldEnd
        } else if byte == b' '
            && rules.skip_initial_space
            && matches!(self.0, State::RecordStart | State::FieldStart)
        {
            self.0 = State::FieldStart;
            Step::Skipped
        } else {
            self.0 = State::Field;
            Step::Inside
        }
    }
}

struct Builder<'a> {
    grid: &'a mut Grid,
    record: usize,
    fields: usize,
    lenient: bool,
    blank: bool,
    separator: u8,
}

impl<'a> Builder<'a> {
    fn new(grid: &'a mut Grid, from: usize, lenient: bool, rules: Rules) -> Self {
        Self {
            grid,
            record: from,
            fields: 0,
            lenient,
            blank: rules.skip_blank_lines,
            separator: rules.marks.separator,
        }
    }

    #[inline]
    fn field(&mut self, start: usize, end: usize) {
        if self.fields < self.grid.width {
            self.grid.positions.push(start as u32);
            self.grid.ends.push(end as u32);
        }
        self.fields += 1;
    }

    /// Ends the record; `next` is where the next one starts. False when the record is too long.
    fn end_record(&mut self, data: &[u8], next: usize) -> bool {
        let fields = std::mem::take(&mut self.fields);
        let width = self.grid.width;
        let start = std::mem::replace(&mut self.record, next);
        if fields == 1 && self.blank {
            let end = *self.grid.ends.last().unwrap_or(&0) as usize;
            let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t') && *byte != self.separator;
            if data[start..end.max(start)].iter().all(is_blank) {
                self.grid.positions.pop();
                self.grid.ends.pop();
                self.grid.blanks.push(start as u32);
                self.grid.end = next;
                return true;
            }
        }
        if fields > width && !self.lenient {
            self.grid.too_many = Some(TooMany { start, fields });
            self.truncate();
            return false;
        }
        let empty = self.grid.ends.last().copied().unwrap_or(0);
        for _ in fields..width {
            self.grid.positions.push(empty);
            self.grid.ends.push(empty);
        }
        self.grid.starts.push(start as u32);
        self.grid.rows += 1;
        self.grid.end = next;
        true
    }

    fn truncate(&mut self) {
        let whole = self.grid.rows * self.grid.width;
        self.grid.positions.truncate(whole);
        self.grid.ends.truncate(whole);
    }

    fn drop_unfinished(mut self) {
        self.truncate();
    }
}
