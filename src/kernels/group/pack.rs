//! Group ids of several key columns: each column's codes first, then one table over the combined codes.
//!
//! The codes of a row are packed into 64 bits, each column with just the bits that its codes need; when a column outgrows
//! its bits, all keys are packed anew. Up to 18 bits in all, the packed key is an index; beyond 64 bits, the codes stand
//! side by side as a row of words. Invariant: the keys are in order of first appearance, id by id.

use crate::error::Result;
use crate::kernels::group::hash::{combine, hash_u64};
use crate::kernels::group::ints::check_room;
use crate::kernels::group::keys::Field;
use crate::kernels::group::tag::{BLOCK, TagTable};

/// Packed keys of at most that many bits are an index (1 MiB).
const DIRECT_BITS: u32 = 18;

/// Combined codes and their ids.
#[derive(Clone, Debug)]
pub(crate) struct Pack {
    widths: Vec<u32>,
    store: Store,
    packed: Vec<u64>,
    hashes: Vec<u64>,
    found: Vec<u32>,
    repeats: Option<Repeats>,
}

/// Where most rows have keys of their own, a table of them all is large, slow, and saves nothing: such rows get new groups
/// without being looked up, and the merge joins them. Decided anew after every window of rows, so that keys which come back
/// later don't pile up.
#[derive(Clone, Debug)]
struct Repeats {
    /// How many rows the first window has, which shall tell many groups from few, and each of the others.
    windows: (usize, usize),
    /// Rows in this window by now, and groups when it began.
    rows: usize,
    groups: usize,
    /// Rows are not looked up in this window.
    blind: bool,
    /// Some window was.
    ever: bool,
}

impl Repeats {
    /// Rows of this share, in eighths, must have new keys.
    const EIGHTHS: usize = 7;

    fn new(first: usize, others: usize) -> Self {
        Self {
            windows: (first, others),
            rows: 0,
            groups: 0,
            blind: false,
            ever: false,
        }
    }

    /// Whether the next rows are looked up.
    fn look_up(&mut self, rows: usize, groups: usize) -> bool {
        let (first, others) = self.windows;
        let window = if self.ever { others } else { first };
        if self.rows >= window {
            self.blind = !self.blind && (groups - self.groups) * 8 > self.rows * Self::EIGHTHS;
            self.ever |= self.blind;
            (self.rows, self.groups) = (0, groups);
        }
        self.rows += rows;
        !self.blind
    }
}

#[derive(Clone, Debug)]
enum Store {
    /// `ids[packed]` is the id + 1; 0 is a key not seen.
    Direct {
        ids: Vec<u32>,
        keys: Vec<u64>,
    },
    Hash {
        table: TagTable,
        keys: Vec<u64>,
    },
    /// Too many bits for one word: `keys` holds as many words a group as there are columns.
    Wide {
        table: TagTable,
        keys: Vec<u32>,
    },
}

fn bits(cardinality: usize) -> u32 {
    usize::BITS - cardinality.saturating_sub(1).leading_zeros()
}

impl Pack {
    pub(crate) fn new(columns: usize) -> Self {
        Self {
            widths: vec![0; columns],
            store: Store::Direct {
                ids: vec![0; 1],
                keys: Vec::new(),
            },
            packed: Vec::new(),
            hashes: Vec::new(),
            found: Vec::new(),
            repeats: None,
        }
    }

    /// Allows a key to have several ids.
    pub(crate) fn allow_repeats(&mut self) {
        self.repeats = Some(Repeats::new(1 << 19, 1 << 22));
    }

    /// Whether no key has several ids.
    pub(crate) fn is_distinct(&self) -> bool {
        self.repeats.as_ref().is_none_or(|repeats| !repeats.ever)
    }

    /// Takes the widths of the columns and the packed keys; `None` when keys don't fit in a word.
    pub(crate) fn take_packed(&mut self) -> Option<(Vec<u32>, Vec<u64>)> {
        match &mut self.store {
            Store::Direct { keys, .. } | Store::Hash { keys, .. } => {
                Some((std::mem::take(&mut self.widths), std::mem::take(keys)))
            }
            Store::Wide { .. } => None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        match &self.store {
            Store::Direct { keys, .. } | Store::Hash { keys, .. } => keys.len(),
            Store::Wide { keys, .. } => keys.len() / self.widths.len(),
        }
    }

    pub(crate) fn nbytes(&self) -> usize {
        (self.packed.capacity() + self.hashes.capacity()) * 8
            + match &self.store {
                Store::Direct { ids, keys } => ids.capacity() * 4 + keys.capacity() * 8,
                Store::Hash { table, keys } => table.nbytes() + keys.capacity() * 8,
                Store::Wide { table, keys } => table.nbytes() + keys.capacity() * 4,
            }
    }

    /// The codes of a column, group by group.
    pub(crate) fn codes(&self, column: usize) -> Vec<u32> {
        match &self.store {
            Store::Direct { keys, .. } | Store::Hash { keys, .. } => {
                let field = Field::new(self.widths[..column].iter().sum(), self.widths[column]);
                keys.iter().map(|key| field.of(*key)).collect()
            }
            Store::Wide { keys, .. } => keys
                .iter()
                .skip(column)
                .step_by(self.widths.len())
                .copied()
                .collect(),
        }
    }

    /// Appends the ids of `rows` rows to `out`, given the codes of each column and how many codes it has by now.
    pub(crate) fn ids(
        &mut self,
        codes: &[Vec<u32>],
        cardinalities: &[usize],
        rows: usize,
        out: &mut Vec<u32>,
    ) -> Result<()> {
        check_room(self.len(), rows)?;
        if cardinalities
            .iter()
            .zip(&self.widths)
            .any(|(count, width)| bits(*count) > *width)
        {
            self.widen(cardinalities);
        }
        out.reserve(rows);
        if let Store::Wide { table, keys } = &mut self.store {
            let columns = self.widths.len();
            let mut row_codes = vec![0; columns];
            for row in 0..rows {
                for (code, column) in row_codes.iter_mut().zip(codes) {
                    *code = column[row];
                }
                let next = (keys.len() / columns) as u32;
                let id = table.entry(hash_row(&row_codes), next, |id| {
                    let start = id as usize * columns;
                    keys[start..start + columns] == row_codes[..]
                });
                if id == next {
                    keys.extend_from_slice(&row_codes);
                }
                out.push(id);
            }
            return Ok(());
        }
        if let (Store::Direct { ids, keys }, [first, second]) = (&mut self.store, codes) {
            // Two small columns need no packed column in between.
            let shift = self.widths[0];
            out.extend(first.iter().zip(second).map(|(first, second)| {
                let key = u64::from(*first) | u64::from(*second) << shift;
                let id = &mut ids[key as usize];
                if *id == 0 {
                    keys.push(key);
                    *id = keys.len() as u32;
                }
                *id - 1
            }));
            return Ok(());
        }
        let packed = &mut self.packed;
        packed.clear();
        packed.resize(rows, 0);
        let mut shift = 0;
        for (column, width) in codes.iter().zip(&self.widths) {
            if *width > 0 {
                for (key, code) in packed.iter_mut().zip(column) {
                    *key |= u64::from(*code) << shift;
                }
            }
            shift += width;
        }
        match &mut self.store {
            Store::Direct { ids, keys } => out.extend(packed.iter().map(|key| {
                let id = &mut ids[*key as usize];
                if *id == 0 {
                    keys.push(*key);
                    *id = keys.len() as u32;
                }
                *id - 1
            })),
            Store::Hash { keys, .. }
                if self
                    .repeats
                    .as_mut()
                    .is_some_and(|repeats| !repeats.look_up(rows, keys.len())) =>
            {
                out.extend(keys.len() as u32..(keys.len() + rows) as u32);
                keys.extend_from_slice(packed);
            }
            Store::Hash { table, keys } => {
                let (hashes, found) = (&mut self.hashes, &mut self.found);
                for packed in packed.chunks(BLOCK) {
                    hashes.clear();
                    hashes.extend(packed.iter().map(|key| hash_u64(*key)));
                    table.look_ahead(hashes, found, |id| keys.as_ptr().wrapping_add(id as usize));
                    for (row, &key) in packed.iter().enumerate() {
                        if keys.get(found[row] as usize) == Some(&key) {
                            out.push(found[row]);
                            continue;
                        }
                        let next = keys.len() as u32;
                        let id = table.entry(hashes[row], next, |id| keys[id as usize] == key);
                        if id == next {
                            keys.push(key);
                        }
                        out.push(id);
                    }
                }
            }
            Store::Wide { .. } => {}
        }
        Ok(())
    }

    /// Gives each column the bits that its codes need now and packs all keys anew.
    #[cold]
    fn widen(&mut self, cardinalities: &[usize]) {
        let widths: Vec<u32> = cardinalities
            .iter()
            .zip(&self.widths)
            .map(|(count, width)| bits(*count).max(*width))
            .collect();
        if matches!(self.store, Store::Wide { .. }) {
            // Words side by side have room for any code.
            self.widths = widths;
            return;
        }
        let columns: Vec<Vec<u32>> = (0..self.widths.len()).map(|column| self.codes(column)).collect();
        let groups = self.len();
        let total: u32 = widths.iter().sum();
        if total > 64 {
            let mut table = TagTable::new();
            let mut keys = Vec::with_capacity(groups * columns.len());
            for group in 0..groups {
                keys.extend(columns.iter().map(|column| column[group]));
                let start = group * columns.len();
                let row = &keys[start..start + columns.len()];
                table.entry(hash_row(row), group as u32, |other| {
                    keys[other as usize * columns.len()..][..columns.len()] == *row
                });
            }
            self.store = Store::Wide { table, keys };
            self.widths = widths;
            return;
        }
        let keys: Vec<u64> = (0..groups)
            .map(|group| {
                let mut shift = 0;
                columns.iter().zip(&widths).fold(0, |key, (column, width)| {
                    let part = u64::from(column[group]).checked_shl(shift).unwrap_or(0);
                    shift += width;
                    key | part
                })
            })
            .collect();
        self.store = if total <= DIRECT_BITS {
            let mut ids = vec![0; 1 << total];
            for (id, key) in keys.iter().enumerate() {
                ids[*key as usize] = id as u32 + 1;
            }
            Store::Direct { ids, keys }
        } else {
            let mut table = TagTable::new();
            for (id, key) in keys.iter().enumerate() {
                // Where keys repeat, the first of a key answers for it.
                table.entry(hash_u64(*key), id as u32, |other| keys[other as usize] == *key);
            }
            Store::Hash { table, keys }
        };
        self.widths = widths;
    }
}

fn hash_row(codes: &[u32]) -> u64 {
    codes.iter().fold(0, |hash, code| combine(hash, u64::from(*code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_every_change_of_width() {
        // Two columns whose codes grow until the keys leave the index, then the word.
        let mut pack = Pack::new(3);
        let mut seen = Vec::new();
        for step in 0..32_u32 {
            let top = (1_u64 << step) as u32;
            let codes = vec![vec![0, top, top], vec![0, 0, top / 2], vec![0, top / 2, top]];
            let cardinalities = [top as usize + 1, top as usize / 2 + 1, top as usize + 1];
            let mut ids = Vec::new();
            pack.ids(&codes, &cardinalities, 3, &mut ids).unwrap();
            for row in 0..3 {
                let key = [codes[0][row], codes[1][row], codes[2][row]];
                let want = seen.iter().position(|other| *other == key).unwrap_or_else(|| {
                    seen.push(key);
                    seen.len() - 1
                });
                assert_eq!(ids[row] as usize, want, "step {step}, row {row}");
            }
        }
        assert_eq!(pack.len(), seen.len());
        for column in 0..3 {
            let want: Vec<u32> = seen.iter().map(|key| key[column]).collect();
            assert_eq!(pack.codes(column), want);
        }
        assert!(matches!(pack.store, Store::Wide { .. }));
    }
    /// The ids of rows whose two columns hold these codes, of which each column has `many`.
    fn ids_of(pack: &mut Pack, codes: &[u32], many: usize) -> Vec<u32> {
        let mut ids = Vec::new();
        pack.ids(
            &[codes.to_vec(), codes.to_vec()],
            &[many, many],
            codes.len(),
            &mut ids,
        )
        .unwrap();
        ids
    }

    #[test]
    fn rows_with_keys_of_their_own_are_not_looked_up_for_a_window() {
        let mut pack = Pack::new(2);
        pack.repeats = Some(Repeats::new(4, 8));
        let many = 1 << 20;
        assert_eq!(ids_of(&mut pack, &[0, 1, 2, 3], many), [0, 1, 2, 3]);
        assert!(pack.is_distinct());
        // All of them were new, so the next eight are taken for new.
        assert_eq!(ids_of(&mut pack, &[4, 4, 5, 0], many), [4, 5, 6, 7]);
        assert!(!pack.is_distinct());
        assert_eq!(ids_of(&mut pack, &[1, 1, 1, 1], many), [8, 9, 10, 11]);
        // Then rows are looked up again: what the table has seen is found.
        assert_eq!(ids_of(&mut pack, &[0, 3, 7, 7], many), [0, 3, 12, 12]);
        assert_eq!(ids_of(&mut pack, &[0, 3, 7, 7], many), [0, 3, 12, 12]);
        // Few were new, so that goes on; a wider column packs repeated keys anew.
        assert_eq!(ids_of(&mut pack, &[0, 3, 7, 8], many << 4), [0, 3, 12, 13]);
        let codes: Vec<u32> = vec![0, 1, 2, 3, 4, 4, 5, 0, 1, 1, 1, 1, 7, 8];
        assert_eq!(pack.codes(0), codes);
        assert_eq!(pack.codes(1), codes);
        let (widths, packed) = pack.take_packed().unwrap();
        assert_eq!((widths, packed.len()), (vec![24, 24], 14));
    }
}
