//! The accumulators of all groups: one row of 64-bit words a group, each accumulator at its offset.
//!
//! Rows keep what a group needs in one or two cache lines, so that aggregating several columns costs one miss a row.
//! Invariant: `words.len() == len * template.len()`; a new row is a copy of the template (the accumulators of no values).

/// Rows of words.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    words: Vec<u64>,
    template: Vec<u64>,
    len: usize,
}

/// One accumulator's words in all rows.
pub(super) struct Cells<'a> {
    words: &'a mut [u64],
    stride: usize,
    offset: usize,
}

impl Rows {
    pub(super) fn new(template: Vec<u64>) -> Self {
        Self {
            words: Vec::new(),
            template,
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds rows until there are `len`.
    pub(super) fn grow(&mut self, len: usize) {
        for _ in self.len..len {
            self.words.extend_from_slice(&self.template);
        }
        self.len = self.len.max(len);
    }

    pub(super) fn cells(&mut self, offset: usize) -> Cells<'_> {
        Cells {
            words: &mut self.words,
            stride: self.template.len(),
            offset,
        }
    }

    /// The words of a group; those of no values for `u32::MAX`.
    #[inline]
    pub(super) fn row(&self, group: u32) -> &[u64] {
        if group == u32::MAX {
            return &self.template;
        }
        let start = group as usize * self.template.len();
        &self.words[start..start + self.template.len()]
    }

    #[inline]
    pub(super) fn row_mut(&mut self, group: u32) -> &mut [u64] {
        let start = group as usize * self.template.len();
        &mut self.words[start..start + self.template.len()]
    }

    /// Appends the rows of `other`, which has the same template.
    pub(super) fn append(&mut self, mut other: Self) {
        self.words.append(&mut other.words);
        self.len += other.len;
    }

    /// One word of every row.
    pub(super) fn column(&self, offset: usize) -> Vec<u64> {
        self.words
            .iter()
            .skip(offset)
            .step_by(self.template.len().max(1))
            .copied()
            .collect()
    }

    /// Rows from their columns of words.
    pub(super) fn from_columns(template: Vec<u64>, columns: &[&[u64]], len: usize) -> Self {
        let mut words = vec![0; len * template.len()];
        for (offset, column) in columns.iter().enumerate() {
            for (row, word) in column.iter().enumerate() {
                words[row * template.len() + offset] = *word;
            }
        }
        Self { words, template, len }
    }

    pub(super) fn nbytes(&self) -> usize {
        self.words.capacity() * 8
    }
}

impl Cells<'_> {
    /// The words of the accumulator in the row of `group`.
    #[inline]
    pub(super) fn at<const WORDS: usize>(&mut self, group: u32) -> &mut [u64; WORDS] {
        let start = group as usize * self.stride + self.offset;
        self.words[start..]
            .first_chunk_mut()
            .expect("a row holds all words of its accumulators")
    }
}
