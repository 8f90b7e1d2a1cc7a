//! Groups: rows with equal keys get the same dense id, in order of first appearance.
//!
//! Answers: the id of each row (`Grouper`), the keys of the groups (`Grouper::keys`), the order that sorting by key gives
//! (`order`), and which part of a radix a row belongs to (`radix`). Does not cover what is computed for a group
//! (`kernels::agg`). Rows with a missing key are grouped like any others; who doesn't want them drops the group.
//! Invariant: two rows share an id if and only if all their keys are equal (missing equals missing, both zeros are equal).

pub(crate) mod column;
pub(crate) mod front;
pub(crate) mod hash;
pub(crate) mod ints;
pub(crate) mod keys;
pub(crate) mod order;
pub(crate) mod pack;
pub(crate) mod radix;
pub(crate) mod short;
pub(crate) mod tag;
pub(crate) mod text;

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;

use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::kernels::group::column::Coder;
use crate::kernels::group::keys::GroupKeys;
use crate::kernels::group::pack::Pack;

/// Gives rows their group ids, batch by batch.
#[derive(Clone, Debug)]
pub struct Grouper {
    coders: Vec<Coder>,
    pack: Pack,
    codes: Vec<Vec<u32>>,
}

impl Grouper {
    /// For keys of these dtypes; without keys there are no groups.
    ///
    /// # Errors
    /// [`crate::error::Kind::NotNative`] when a dtype can't be a native key.
    pub fn new(keys: &[Dtype]) -> Result<Self> {
        Ok(Self {
            coders: keys.iter().map(Coder::new).collect::<Result<_>>()?,
            pack: Pack::new(keys.len()),
            codes: vec![Vec::new(); keys.len()],
        })
    }

    /// Lets several keys have more than one group where most rows have keys of their own: looking them all up would cost
    /// more than merging later.
    pub(crate) fn allow_repeats(&mut self) {
        self.pack.allow_repeats();
    }

    /// Whether no two groups have the same key.
    pub(crate) fn is_distinct(&self) -> bool {
        self.pack.is_distinct()
    }

    /// The number of groups by now.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.coders.as_slice() {
            [] => 0,
            [coder] => coder.len(),
            _ => self.pack.len(),
        }
    }

    /// Whether there is no group yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Replaces `ids` by the ids of the rows with these keys.
    ///
    /// # Errors
    /// When the arrays don't have the types of the dtypes, or lengths differ.
    pub fn ids(&mut self, keys: &[ArrayRef], ids: &mut Vec<u32>) -> Result<()> {
        ids.clear();
        let rows = keys.first().map_or(0, Array::len);
        if keys.len() != self.coders.len() || keys.iter().any(|key| key.len() != rows) {
            return Err(Error::internal("the group keys differ in number or length"));
        }
        if let ([coder], [key]) = (self.coders.as_mut_slice(), keys) {
            return coder.codes(key, ids);
        }
        for ((coder, key), codes) in self.coders.iter_mut().zip(keys).zip(&mut self.codes) {
            codes.clear();
            coder.codes(key, codes)?;
        }
        let cardinalities: Vec<usize> = self.coders.iter().map(Coder::len).collect();
        self.pack.ids(&self.codes, &cardinalities, rows, ids)
    }

    /// The keys of all groups, in order of id.
    ///
    /// # Errors
    /// When Arrow can't gather them.
    pub(crate) fn into_keys(mut self) -> Result<GroupKeys> {
        let single = self.coders.len() == 1;
        let uniques = self
            .coders
            .into_iter()
            .map(Coder::into_uniques)
            .collect::<Result<Vec<_>>>()?;
        if single || uniques.is_empty() {
            return Ok(GroupKeys::Plain(uniques));
        }
        match self.pack.take_packed() {
            Some((widths, packed)) => Ok(GroupKeys::Packed {
                uniques,
                widths,
                packed,
            }),
            None => uniques
                .iter()
                .enumerate()
                .map(|(column, uniques)| {
                    let codes = UInt32Array::from(self.pack.codes(column));
                    Ok(take(uniques, &codes, None)?)
                })
                .collect::<Result<_>>()
                .map(GroupKeys::Plain),
        }
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        let codes: usize = self.codes.iter().map(|codes| codes.capacity() * 4).sum();
        self.pack.nbytes() + codes + self.coders.iter().map(Coder::nbytes).sum::<usize>()
    }
}
