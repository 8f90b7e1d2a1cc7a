//! Codes of integer keys: a direct index while the range of the keys is small, else a hash table.
//!
//! Serves every key of at most 8 bytes by its widened bits: integers, bools, categories, moments, floats (normalised by the
//! caller). A missing key has a code like any other key. Invariant: `keys[code]` is the key of a code, in order of first
//! appearance; the entry of the missing key is 0.

use arrow::buffer::NullBuffer;

use crate::error::{Error, Result};
use crate::kernels::group::hash::hash_u64;
use crate::kernels::group::tag::{BLOCK, TagTable};

/// A direct index of at most that many keys (4 MiB): beyond it a hash table is smaller and as fast.
const DIRECT_LIMIT: i128 = 1 << 20;

/// Integer keys and their codes.
#[derive(Clone, Debug)]
pub(crate) struct IntCoder {
    index: Index,
    keys: Vec<i64>,
    null: Option<u32>,
    hashes: Vec<u64>,
    found: Vec<u32>,
}

#[derive(Clone, Debug)]
enum Index {
    /// `codes[key - base]` is the code + 1; 0 is a key not seen.
    Direct {
        base: i64,
        codes: Vec<u32>,
    },
    Hash(TagTable),
}

/// Makes sure that one more code fits.
#[inline]
pub(crate) fn check_room(len: usize, rows: usize) -> Result<()> {
    if len + rows >= u32::MAX as usize {
        return Err(Error::not_native("more than 4 billion groups"));
    }
    Ok(())
}

impl IntCoder {
    pub(crate) fn new() -> Self {
        Self {
            index: Index::Direct {
                base: 0,
                codes: Vec::new(),
            },
            keys: Vec::new(),
            null: None,
            hashes: Vec::new(),
            found: Vec::new(),
        }
    }

    pub(crate) fn keys(&self) -> &[i64] {
        &self.keys
    }

    pub(crate) fn null(&self) -> Option<u32> {
        self.null
    }

    pub(crate) fn nbytes(&self) -> usize {
        let index = match &self.index {
            Index::Direct { codes, .. } => codes.capacity() * 4,
            Index::Hash(table) => table.nbytes(),
        };
        index + self.keys.capacity() * 8 + self.hashes.capacity() * 8
    }

    /// Appends the codes of `keys` to `out`.
    pub(crate) fn codes(
        &mut self,
        keys: &[i64],
        nulls: Option<&NullBuffer>,
        out: &mut Vec<u32>,
    ) -> Result<()> {
        check_room(self.keys.len(), keys.len())?;
        let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
        if matches!(self.index, Index::Direct { .. }) {
            let range = match nulls {
                None => range(keys.iter().copied()),
                Some(nulls) => range(nulls.valid_indices().map(|row| keys[row])),
            };
            if let Some((low, high)) = range {
                self.make_room(low, high);
            }
        }
        out.reserve(keys.len());
        let Self {
            index,
            keys: known,
            null,
            hashes,
            found,
        } = self;
        match index {
            Index::Direct { base, codes } => {
                let mut find = |key: i64, known: &mut Vec<i64>| {
                    let code = &mut codes[key.wrapping_sub(*base) as usize];
                    if *code == 0 {
                        known.push(key);
                        *code = known.len() as u32;
                    }
                    *code - 1
                };
                match nulls {
                    None => out.extend(keys.iter().map(|key| find(*key, known))),
                    Some(nulls) => out.extend(keys.iter().enumerate().map(|(row, key)| {
                        if nulls.is_valid(row) {
                            find(*key, known)
                        } else {
                            null_code(null, known)
                        }
                    })),
                }
            }
            Index::Hash(table) => {
                for (block, keys) in keys.chunks(BLOCK).enumerate() {
                    hashes.clear();
                    hashes.extend(keys.iter().map(|key| hash_u64(key.cast_unsigned())));
                    table.look_ahead(hashes, found, |code| known.as_ptr().wrapping_add(code as usize));
                    for (row, &key) in keys.iter().enumerate() {
                        if nulls.is_some_and(|nulls| nulls.is_null(block * BLOCK + row)) {
                            out.push(null_code(null, known));
                            continue;
                        }
                        // The missing key has a place in `known` but none in the table, so it is never compared.
                        if known.get(found[row] as usize) == Some(&key) {
                            out.push(found[row]);
                            continue;
                        }
                        let next = known.len() as u32;
                        let code = table.entry(hashes[row], next, |code| known[code as usize] == key);
                        if code == next {
                            known.push(key);
                        }
                        out.push(code);
                    }
                }
            }
        }
        Ok(())
    }

    /// Widens the direct index to hold `low..=high`, or turns it into a hash table.
    fn make_room(&mut self, low: i64, high: i64) {
        let Index::Direct { base, codes } = &mut self.index else {
            return;
        };
        let (old_low, old_high) = match codes.len() as i64 {
            0 => (low, high),
            len => (*base, *base + (len - 1)),
        };
        if !codes.is_empty() && low >= old_low && high <= old_high {
            return;
        }
        let (low, high) = (i128::from(low.min(old_low)), i128::from(high.max(old_high)));
        let span = high - low + 1;
        if span > DIRECT_LIMIT {
            let mut table = TagTable::new();
            for (code, &key) in self.keys.iter().enumerate() {
                if self.null != Some(code as u32) {
                    table.entry(hash_u64(key.cast_unsigned()), code as u32, |_| false);
                }
            }
            self.index = Index::Hash(table);
            return;
        }
        // Room on the side that grew, so that slowly growing keys don't copy the index with every batch.
        let slack = span.min(DIRECT_LIMIT - span);
        let new_low = if low < i128::from(old_low) {
            (low - slack).max(i128::from(i64::MIN))
        } else {
            low
        };
        let new_high = if high > i128::from(old_high) {
            (high + slack).min(i128::from(i64::MAX))
        } else {
            high
        };
        let mut larger = vec![0; (new_high - new_low + 1) as usize];
        let shift = (i128::from(old_low) - new_low) as usize;
        if !codes.is_empty() {
            larger[shift..shift + codes.len()].copy_from_slice(codes);
        }
        *base = new_low as i64;
        *codes = larger;
    }
}

#[inline]
fn null_code(null: &mut Option<u32>, keys: &mut Vec<i64>) -> u32 {
    *null.get_or_insert_with(|| {
        keys.push(0);
        keys.len() as u32 - 1
    })
}

fn range(keys: impl Iterator<Item = i64>) -> Option<(i64, i64)> {
    let (low, high) = keys.fold((i64::MAX, i64::MIN), |(low, high), key| {
        (low.min(key), high.max(key))
    });
    (low <= high).then_some((low, high))
}
