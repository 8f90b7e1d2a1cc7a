//! `min max first last` of text: one text a group, kept outside the rows of words.
//!
//! State: a text column (null for none or missing) and a bool column that says whether the group has had its row, which
//! `first` and `last` without `skipna` need to tell "no row yet" from "missing".

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, StringViewBuilder};

use crate::error::{Error, Result};
use crate::kernels::group::text::TextRows;

/// Which of a group's texts is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextPick {
    Min,
    Max,
    First { skipna: bool },
    Last { skipna: bool },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    Nothing,
    Missing,
    Text(Box<str>),
}

/// The kept texts of all groups.
#[derive(Clone, Debug)]
pub(super) struct TextColumn {
    pick: TextPick,
    kept: Vec<Kept>,
    bytes: usize,
    /// For `last`: the batch in which a group was put last, so that only its last row in a batch is copied.
    stamps: Vec<u32>,
    batch: u32,
}

impl TextColumn {
    pub(super) fn new(pick: TextPick) -> Self {
        Self {
            pick,
            kept: Vec::new(),
            bytes: 0,
            stamps: Vec::new(),
            batch: 0,
        }
    }

    pub(super) fn grow(&mut self, groups: usize) {
        if groups > self.kept.len() {
            self.kept.resize(groups, Kept::Nothing);
        }
    }

    pub(super) fn nbytes(&self) -> usize {
        self.kept.capacity() * std::mem::size_of::<Kept>() + self.stamps.capacity() * 4 + self.bytes
    }

    /// Adds rows to their groups; `had` says for rows of a state whether they stand for any row.
    fn add(&mut self, ids: &[u32], array: &ArrayRef, had: Option<&BooleanArray>) -> Result<()> {
        let rows = TextRows::new(array)?;
        let nulls = rows.nulls();
        let text = |row: usize| {
            nulls
                .is_none_or(|nulls| nulls.is_valid(row))
                .then(|| rows.bytes(row))
        };
        let had = |row: usize| had.is_none_or(|had| had.value(row));
        if let TextPick::Last { skipna } = self.pick {
            self.batch += 1;
            self.stamps.resize(self.kept.len(), 0);
            for (row, id) in ids.iter().enumerate().rev() {
                let (id, text) = (*id as usize, text(row));
                if self.stamps[id] != self.batch && had(row) && (text.is_some() || !skipna) {
                    self.stamps[id] = self.batch;
                    self.put(id, text)?;
                }
            }
            return Ok(());
        }
        for (row, id) in ids.iter().enumerate() {
            let (id, text) = (*id as usize, text(row));
            let better = match (self.pick, &self.kept[id], text) {
                (TextPick::First { skipna }, Kept::Nothing, None) => !skipna && had(row),
                (TextPick::First { .. }, kept, text) => *kept == Kept::Nothing && text.is_some(),
                (_, _, None) => false,
                (TextPick::Min, Kept::Text(old), Some(new)) => new.cmp(old.as_bytes()) == Ordering::Less,
                (TextPick::Max, Kept::Text(old), Some(new)) => new.cmp(old.as_bytes()) == Ordering::Greater,
                _ => true,
            };
            if better {
                self.put(id, text)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, id: usize, text: Option<&[u8]>) -> Result<()> {
        if let Kept::Text(old) = &self.kept[id] {
            self.bytes -= old.len();
        }
        self.kept[id] = match text {
            None => Kept::Missing,
            Some(bytes) => {
                self.bytes += bytes.len();
                let text = std::str::from_utf8(bytes)
                    .map_err(|error| Error::internal(format!("a text column that isn't UTF-8: {error}")))?;
                Kept::Text(text.into())
            }
        };
        Ok(())
    }

    pub(super) fn update(&mut self, ids: &[u32], array: &ArrayRef) -> Result<()> {
        self.add(ids, array, None)
    }

    pub(super) fn merge(&mut self, ids: &[u32], state: &[ArrayRef]) -> Result<()> {
        match state {
            [texts, had] => self.add(ids, texts, Some(had.as_boolean())),
            _ => Err(Error::internal("the state of a text aggregate has two columns")),
        }
    }

    pub(super) fn state(self) -> Vec<ArrayRef> {
        let mut texts = StringViewBuilder::with_capacity(self.kept.len());
        for kept in &self.kept {
            match kept {
                Kept::Text(text) => texts.append_value(text),
                Kept::Nothing | Kept::Missing => texts.append_null(),
            }
        }
        let had: BooleanArray = self
            .kept
            .iter()
            .map(|kept| Some(*kept != Kept::Nothing))
            .collect();
        vec![Arc::new(texts.finish()), Arc::new(had)]
    }
}
