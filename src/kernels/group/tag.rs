//! A hash table from keys to dense ids: 8-byte slots of a 32-bit tag and an id, the keys kept apart by the caller.
//!
//! The tag is the low half of the hash and also says where the slot is, so growing touches no key. Small slots keep the
//! table of 100,000 groups in the second-level cache, and a batch can prefetch what it will probe.
//! Invariants: a power of two of slots, at most half of them taken; ids are given in order of insertion.

/// The table.
#[derive(Clone, Debug)]
pub(crate) struct TagTable {
    /// `tag << 32 | id + 1`; 0 is empty.
    slots: Vec<u64>,
    mask: usize,
    len: usize,
}

/// How many rows ahead of the probe its slot is fetched.
pub(crate) const AHEAD: usize = 16;

/// Rows that are looked up together: their keys fit in the first-level cache while they wait to be compared.
pub(crate) const BLOCK: usize = 256;

impl TagTable {
    /// An empty table.
    pub(crate) fn new() -> Self {
        Self::with_slots(1024)
    }

    fn with_slots(slots: usize) -> Self {
        Self {
            slots: vec![0; slots],
            mask: slots - 1,
            len: 0,
        }
    }

    /// The id of the key with this hash for which `same` holds, or `next` when it is new; then the caller keeps the key.
    #[inline]
    pub(crate) fn entry(&mut self, hash: u64, next: u32, mut same: impl FnMut(u32) -> bool) -> u32 {
        let tag = hash << 32;
        let mut at = hash as u32 as usize & self.mask;
        loop {
            // SAFETY: `at` is masked by the number of slots less one, a power of two.
            let slot = unsafe { *self.slots.get_unchecked(at) };
            if slot == 0 {
                self.insert(at, tag, next);
                return next;
            }
            if slot & 0xFFFF_FFFF_0000_0000 == tag {
                let id = slot as u32 - 1;
                if same(id) {
                    return id;
                }
            }
            at = (at + 1) & self.mask;
        }
    }

    #[cold]
    #[inline(never)]
    fn insert(&mut self, at: usize, tag: u64, id: u32) {
        self.slots[at] = tag | u64::from(id + 1);
        self.len += 1;
        if self.len * 2 > self.slots.len() {
            // Four times as many while the table is small; later twice, as it costs memory.
            let factor = if self.slots.len() < 1 << 20 { 4 } else { 2 };
            let mut larger = Self::with_slots(self.slots.len() * factor);
            for &slot in self.slots.iter().filter(|slot| **slot != 0) {
                let mut at = (slot >> 32) as usize & larger.mask;
                while larger.slots[at] != 0 {
                    at = (at + 1) & larger.mask;
                }
                larger.slots[at] = slot;
            }
            larger.len = self.len;
            *self = larger;
        }
    }

    /// Asks the processor for the slot of this hash.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        // Inside the table, as it is masked.
        fetch(self.slots.as_ptr().wrapping_add(hash as u32 as usize & self.mask));
    }

    /// The first id with the tag of this hash: nearly always the id of its key, if that is known. `u32::MAX` for none.
    #[inline]
    fn likely(&self, hash: u64) -> u32 {
        let tag = hash << 32;
        let mut at = hash as u32 as usize & self.mask;
        loop {
            // SAFETY: masked as in `entry`.
            let slot = unsafe { *self.slots.get_unchecked(at) };
            if slot == 0 {
                return u32::MAX;
            }
            if slot & 0xFFFF_FFFF_0000_0000 == tag {
                return slot as u32 - 1;
            }
            at = (at + 1) & self.mask;
        }
    }

    /// Replaces `found` by the likely id of each hash and asks the processor for the key of each, whose place `place` says.
    /// Slots are fetched ahead, so that neither slots nor keys are waited for one by one. The caller compares the keys and
    /// goes through `entry` where they differ or where there is no id (`u32::MAX`).
    #[inline]
    pub(crate) fn look_ahead<T>(
        &self,
        hashes: &[u64],
        found: &mut Vec<u32>,
        place: impl Fn(u32) -> *const T,
    ) {
        found.clear();
        hashes.iter().take(AHEAD).for_each(|hash| self.prefetch(*hash));
        found.extend(hashes.iter().enumerate().map(|(row, hash)| {
            if let Some(later) = hashes.get(row + AHEAD) {
                self.prefetch(*later);
            }
            let id = self.likely(*hash);
            if id != u32::MAX {
                fetch(place(id));
            }
            id
        }));
    }

    /// Whether the table is large enough for prefetching to pay.
    #[inline]
    pub(crate) fn is_large(&self) -> bool {
        self.slots.len() > 1 << 12
    }

    /// Bytes of memory that it takes.
    pub(crate) fn nbytes(&self) -> usize {
        self.slots.capacity() * 8
    }
}

/// Asks the processor for what is at `address`.
#[inline]
pub(crate) fn fetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: prefetching is a hint that never faults, whatever the address.
    unsafe {
        std::arch::x86_64::_mm_prefetch(address.cast(), std::arch::x86_64::_MM_HINT_T0);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
