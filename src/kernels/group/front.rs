//! Codes of short texts while there are few of them: a table with the keys in its slots, in front of the coder's own.
//!
//! A lookup there reads a tag, then the key that it stands for, and only then can compare; here one load settles it, and text of
//! at most 7 bytes is one word, so that columns of a few short names cost half. Which codes there are is the coder's to say:
//! what is not found here is looked up in its table and put here, as long as there is room; once there are many keys the
//! table is closed, since slots of this size would leave the cache.
//! Invariant: a key that is found has the code that the coder has given it. Equality is that of the whole key.

use crate::kernels::group::hash::{hash_u64, hash_u128};

const SLOTS: usize = 4096;
/// So few that most keys are in the first slot where they are looked for.
const MOST: usize = SLOTS / 4;

/// What is in a slot.
pub(crate) trait Key: Copy + Eq {
    /// No key: a length that no short text has.
    const FREE: Self;

    fn hash(self) -> u64;
}

impl Key for u64 {
    const FREE: Self = Self::MAX;

    #[inline]
    fn hash(self) -> u64 {
        hash_u64(self)
    }
}

impl Key for u128 {
    const FREE: Self = Self::MAX;

    #[inline]
    fn hash(self) -> u64 {
        hash_u128(self)
    }
}

/// The table.
#[derive(Clone, Debug)]
pub(crate) struct Front<K> {
    /// Empty until the first key comes, and again when the table is closed.
    slots: Vec<(K, u32)>,
    len: usize,
}

impl<K: Key> Front<K> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            len: 0,
        }
    }

    /// Whether keys may be looked up and put here.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.len < MOST
    }

    /// Makes the slots; `get` needs them.
    pub(crate) fn prepare(&mut self) {
        if self.slots.is_empty() {
            self.slots = vec![(K::FREE, 0); SLOTS];
        }
    }

    /// The code of a key that was put here. Nothing is found in a table that is closed.
    #[inline]
    pub(crate) fn get(&self, key: K) -> Option<u32> {
        let slots = self.slots.first_chunk::<SLOTS>()?;
        let mut at = key.hash() as usize % SLOTS;
        loop {
            let (kept, code) = slots[at];
            if kept == key {
                return Some(code);
            }
            if kept == K::FREE {
                return None;
            }
            at = (at + 1) % SLOTS;
        }
    }

    /// Puts a key here that isn't, unless the table is closed.
    pub(crate) fn put(&mut self, key: K, code: u32) {
        if self.slots.is_empty() {
            return;
        }
        let mut at = key.hash() as usize % SLOTS;
        while self.slots[at].0 != K::FREE {
            at = (at + 1) % SLOTS;
        }
        self.slots[at] = (key, code);
        self.len += 1;
        if !self.is_open() {
            self.slots = Vec::new();
        }
    }

    pub(crate) fn nbytes(&self) -> usize {
        self.slots.capacity() * std::mem::size_of::<(K, u32)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_until_there_are_too_many() {
        let mut front = Front::<u64>::new();
        front.prepare();
        for key in 0..MOST as u64 - 1 {
            assert_eq!(front.get(key), None);
            front.put(key, key as u32 * 3);
        }
        assert!(front.is_open());
        assert!((0..MOST as u64 - 1).all(|key| front.get(key) == Some(key as u32 * 3)));
        front.put(1 << 40, 7);
        assert!(!front.is_open());
        // Closed: nothing is found, and putting does nothing.
        assert_eq!(front.get(1), None);
        front.put(1 << 41, 8);
        assert_eq!((front.get(1 << 41), front.nbytes()), (None, 0));
    }
}
