//! The exact bytes that the chunks of a run keep alive: memory that several chunks share counts once.
//!
//! Slices, projections and pieces share the buffers of what they were made from, and each keeps all of a buffer alive. A
//! sum over chunks would count a frame that is cut into a hundred pieces a hundred times. Memory that somebody outside of
//! the run holds counts nothing, in whatever chunk it turns up: releasing it frees nothing.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::chunk::Chunk;
use crate::task::TaskId;

/// What one chunk keeps alive.
#[derive(Debug, Default)]
pub(super) struct Holding {
    /// Address and size of each allocation, once.
    buffers: Box<[(usize, usize)]>,
    /// Bytes that can't be told apart from others'.
    other: usize,
}

impl Holding {
    pub(super) fn of(chunk: &Chunk) -> Self {
        let mut buffers = Vec::new();
        let other = chunk.buffers(&mut |start, bytes| {
            if bytes > 0 {
                buffers.push((start, bytes));
            }
        });
        buffers.sort_unstable();
        buffers.dedup_by_key(|(start, _)| *start);
        Self {
            buffers: buffers.into_boxed_slice(),
            other,
        }
    }

    /// The bytes of the chunk taken alone.
    pub(super) fn bytes(&self) -> usize {
        self.buffers.iter().map(|(_, bytes)| bytes).sum::<usize>() + self.other
    }
}

struct Buffer {
    chunks: u32,
    /// None when somebody outside holds it.
    bytes: usize,
}

/// All that the chunks of a run keep alive.
pub(super) struct Ledger {
    buffers: HashMap<usize, Buffer>,
    /// The buffers of each chunk that has some.
    chunks: HashMap<TaskId, Box<[(usize, usize)]>>,
    /// The other bytes of each chunk; most have nothing else, and there may be a million.
    others: Vec<usize>,
    total: usize,
}

impl Ledger {
    /// For a run of `count` tasks.
    pub(super) fn new(count: usize) -> Self {
        Self {
            buffers: HashMap::new(),
            chunks: HashMap::new(),
            others: vec![0; count],
            total: 0,
        }
    }

    /// The bytes of all chunks together.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// Adds the chunk of `task`, whose memory somebody outside holds as well when it is `held`. Gives the bytes that no
    /// other chunk had kept alive.
    pub(super) fn add(&mut self, task: TaskId, mut holding: Holding, held: bool) -> usize {
        let mut more = 0;
        for &(start, bytes) in &holding.buffers {
            let bytes = if held { 0 } else { bytes };
            match self.buffers.entry(start) {
                Entry::Occupied(mut known) => known.get_mut().chunks += 1,
                Entry::Vacant(place) => {
                    more += bytes;
                    place.insert(Buffer { chunks: 1, bytes });
                }
            }
        }
        if held {
            holding.other = 0;
        }
        more += holding.other;
        self.total += more;
        self.others[task as usize] = holding.other;
        if !holding.buffers.is_empty() {
            self.chunks.insert(task, holding.buffers);
        }
        more
    }

    /// Takes the chunk of `task` out; what others share stays.
    pub(super) fn remove(&mut self, task: TaskId) {
        self.total -= std::mem::take(&mut self.others[task as usize]);
        for (start, _) in self.chunks.remove(&task).unwrap_or_default() {
            let Entry::Occupied(mut known) = self.buffers.entry(start) else {
                continue;
            };
            known.get_mut().chunks -= 1;
            if known.get().chunks == 0 {
                self.total -= known.remove().bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::chunk::ArrayChunk;

    fn chunk(buffer: arrow::buffer::Buffer) -> Holding {
        let dtype = crate::nd::NdDtype::Num(crate::nd::Elem::U8);
        let array = ArrayChunk::dense(dtype, vec![buffer.len()], buffer).expect("dense");
        Holding::of(&Chunk::Array(Arc::new(array)))
    }

    #[test]
    fn shared_memory_counts_once_and_until_the_last_has_left() {
        let whole = arrow::buffer::Buffer::from_vec(vec![0_u8; 1000]);
        let mut ledger = Ledger::new(4);
        assert_eq!(ledger.add(0, chunk(whole.slice(10)), false), 1000);
        assert_eq!(ledger.add(1, chunk(whole.slice(20)), false), 0);
        assert_eq!(ledger.add(2, chunk(vec![0_u8; 50].into()), false), 50);
        assert_eq!(ledger.add(3, chunk(Vec::<u8>::new().into()), false), 0);
        assert_eq!(ledger.total(), 1050);
        ledger.remove(0);
        assert_eq!(ledger.total(), 1050);
        ledger.remove(1);
        assert_eq!(ledger.total(), 50);
        ledger.remove(1);
        ledger.remove(2);
        ledger.remove(3);
        assert_eq!(ledger.total(), 0);
        assert!(ledger.buffers.is_empty());
    }

    #[test]
    fn what_somebody_outside_holds_counts_nothing() {
        let whole = arrow::buffer::Buffer::from_vec(vec![0_u8; 1000]);
        let mut ledger = Ledger::new(2);
        assert_eq!(ledger.add(0, chunk(whole.clone()), true), 0);
        assert_eq!(ledger.add(1, chunk(whole.slice(500)), false), 0);
        ledger.remove(0);
        assert_eq!(ledger.total(), 0);
    }
}
