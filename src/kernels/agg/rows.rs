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

    /// The words of all rows, one row after another.
    pub(super) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// Makes room for `count` more rows.
    pub(super) fn reserve(&mut self, count: usize) {
        self.words.reserve_exact(count * self.template.len());
    }

    /// Appends a row.
    #[inline]
    pub(super) fn push(&mut self, row: &[u64]) {
        self.words.extend_from_slice(row);
        self.len += 1;
    }

    /// The rows of these groups.
    pub(super) fn picked(&self, groups: &[u32]) -> Self {
        let mut picked = Self::new(self.template.clone());
        picked.reserve(groups.len());
        groups.iter().for_each(|group| picked.push(self.row(*group)));
        picked
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

    /// Calls `visit` with address and size of the words.
    pub(super) fn buffers(&self, visit: &mut dyn FnMut(usize, usize)) {
        visit(self.words.as_ptr().addr(), self.nbytes());
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
