//! Reading a Zarr array: any box of it, as one dense block.
//!
//! Chunks that lie in the block as they are stored are decoded straight into it; of the others the part that is wanted is
//! copied from scratch memory, which each thread keeps. What was never written is the fill value. Invariants: a block
//! has all its elements, or there is an error that names the object and the chunk; nothing here starts threads.

use std::cell::RefCell;
use std::sync::Arc;

use crate::chunk::ArrayChunk;
use crate::error::{Error, Kind, Result};
use crate::io::zarr::chain::Chain;
use crate::io::zarr::dest::{Dest, Window};
use crate::io::zarr::meta::{Format, Meta, Shard, index_shape};
use crate::io::zarr::region::{self, Region, Runs, Side};
use crate::io::zarr::store::{ByteStore, Span, join, node_path};
use crate::token::{Token, Tokenizer};

/// The document under which an unfinished write keeps what it is about to make.
pub(crate) const DRAFT: &str = ".dusk-unfinished";

/// An array in a store.
#[derive(Clone, Debug)]
pub struct ZarrArray {
    pub(crate) store: Arc<dyn ByteStore>,
    pub(crate) node: String,
    pub(crate) meta: Arc<Meta>,
    pub(crate) seen: Seen,
}

/// What was seen of an array's document.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen {
    /// There is none yet: the array is being made.
    Unwritten,
    /// When it was written, where the store tells that.
    Read(Option<u128>),
}

thread_local! {
    static ENCODED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static DECODED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What a thread keeps of its scratch memory.
const KEPT: usize = 64 << 20;

/// Gives `run` the thread's scratch memory, with whatever is in it.
pub(crate) fn with_scratch<T>(run: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>) -> T) -> T {
    let mut encoded = ENCODED.take();
    let mut decoded = DECODED.take();
    let outcome = run(&mut encoded, &mut decoded);
    for (slot, mut memory) in [(&ENCODED, encoded), (&DECODED, decoded)] {
        if memory.capacity() <= KEPT {
            memory.clear();
            slot.set(memory);
        }
    }
    outcome
}

impl ZarrArray {
    /// Opens the array at the path `node` in `store`; of version 3 where there are both.
    ///
    /// # Errors
    /// [`Kind::Os`] when there is no array, [`Kind::Value`] when what is there can't be read as one,
    /// [`Kind::NotNative`] when another library has to read it.
    pub fn open(store: Arc<dyn ByteStore>, node: &str) -> Result<Self> {
        let node = node_path(node)?;
        let mut document = Vec::new();
        for format in [Format::V3, Format::V2] {
            let key = join(&node, format.file());
            if store.get(&key, Span::All, &mut document)? {
                let meta = Meta::parse(format, &document, &store.describe(&key))?;
                let stamp = store.stamp(&key);
                return Ok(Self {
                    store,
                    node,
                    meta: Arc::new(meta),
                    seen: Seen::Read(stamp),
                });
            }
        }
        Err(Self::missing(&*store, &node))
    }

    fn missing(store: &dyn ByteStore, node: &str) -> Error {
        let place = store.describe(node);
        let mut document = Vec::new();
        let mut is_there = |name: &str| {
            store
                .get(&join(node, name), Span::All, &mut document)
                .unwrap_or(false)
        };
        if is_there(DRAFT) {
            return Error::value(format!(
                "the Zarr array at {place} was not written to its end: writing it was interrupted, or is still going on"
            ));
        }
        if is_there(".zgroup") {
            return Error::value(format!(
                "{place} is a Zarr group, not an array: name the array as `component`"
            ));
        }
        let absent = std::io::Error::from_raw_os_error(libc::ENOENT);
        Error::os(place, &absent).note("there is no Zarr array: neither zarr.json nor .zarray is there")
    }

    /// What its document says.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Where it is, for the user.
    #[must_use]
    pub fn place(&self) -> String {
        self.store.describe(&self.node)
    }

    /// Whether it lies in a folder of this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.store.is_local()
    }

    /// Whether its chunks lie in a folder of this machine as they are in memory.
    #[must_use]
    pub fn is_stored_plainly(&self) -> bool {
        let meta = &*self.meta;
        let chain = meta
            .shard
            .as_ref()
            .map(|shard| &shard.chain)
            .or(meta.chain.as_ref());
        self.is_local() && chain.is_some_and(Chain::is_plain)
    }

    /// Content hash: place, document, and when the document was written.
    #[must_use]
    pub fn token(&self) -> Token {
        let mut t = Tokenizer::new();
        let key = join(&self.node, self.meta.format.file());
        t.text("zarr").text(&self.store.identity()).text(&self.node);
        t.text(&self.meta.document);
        t.bytes(&self.store.stamp(&key).unwrap_or_default().to_le_bytes());
        t.finish()
    }

    /// Bytes that reading a box takes: the block, and scratch for one chunk.
    #[must_use]
    pub fn projected_bytes(&self, part: &Region) -> usize {
        let meta = &*self.meta;
        let item = meta.itemsize();
        let block = region::size(part) * item;
        let chunk = meta.chunk().iter().product::<usize>() * item;
        let chain = meta
            .shard
            .as_ref()
            .map(|shard| &shard.chain)
            .or(meta.chain.as_ref());
        let whole = part
            .iter()
            .zip(meta.chunk())
            .skip(1)
            .all(|((_, len), chunk)| len == chunk);
        let decoded = if whole { 0 } else { chunk };
        let scratch = chain.map_or(chunk, |chain| chain.scratch(meta.chunk()));
        // Encoded bytes are hardly ever more than decoded ones.
        block + chunk + decoded + scratch
    }

    /// Reads a box.
    ///
    /// # Errors
    /// When it isn't inside, and with object and chunk when one can't be read.
    pub fn read(&self, part: &Region) -> Result<ArrayChunk> {
        let meta = &*self.meta;
        let inside = |((start, len), size): (&(usize, usize), &usize)| start + len <= *size;
        if part.len() != meta.shape.len() || !part.iter().zip(&meta.shape).all(inside) {
            return Err(Error::internal(format!(
                "a part {part:?} of a Zarr array of shape {:?}",
                meta.shape
            )));
        }
        let bytes = region::size(part) * meta.itemsize();
        let mut dest = Dest::new(bytes);
        with_scratch(|encoded, decoded| {
            let mut reader = Reader {
                array: self,
                part,
                dest: &mut dest,
                encoded,
                decoded,
            };
            region::each(&region::cells(part, &meta.object), &mut |index| {
                reader.object(index)
            })
        })?;
        ArrayChunk::dense(meta.dtype.clone(), region::shape(part), dest.finish()?)
    }

    /// The box of the object or chunk at `index` of a grid of `cell`s, beyond the array's end as well.
    pub(crate) fn cell(index: &[usize], cell: &[usize]) -> Vec<(usize, usize)> {
        index.iter().zip(cell).map(|(at, len)| (at * len, *len)).collect()
    }

    /// A chunk that isn't there is the fill value, unless the array itself is gone or replaced since it was opened.
    fn still_there(&self) -> Result<()> {
        let key = join(&self.node, self.meta.format.file());
        match self.seen {
            Seen::Unwritten => return Ok(()),
            Seen::Read(Some(stamp)) if self.store.stamp(&key) == Some(stamp) => return Ok(()),
            Seen::Read(_) => {}
        }
        let mut document = Vec::new();
        let same = self.store.get(&key, Span::All, &mut document)?
            && Meta::parse(self.meta.format, &document, &key).is_ok_and(|now| {
                (&now.shape, &now.object, now.chunk(), &now.dtype)
                    == (
                        &self.meta.shape,
                        &self.meta.object,
                        self.meta.chunk(),
                        &self.meta.dtype,
                    )
            });
        if same {
            Ok(())
        } else {
            Err(Error::value(format!(
                "the Zarr array at {} was removed or replaced after it was opened",
                self.place()
            )))
        }
    }

    /// The error of bytes that can't be decoded.
    pub(crate) fn corrupt(&self, key: &str, index: &[usize], what: &str) -> Error {
        let message = format!("chunk {index:?} of a Zarr array can't be read: {what}");
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, message);
        Error::os(self.store.describe(key), &source)
    }
}

/// Chunks of a shard: where they begin and how long they are, in the shard.
struct Index {
    entries: Vec<u64>,
}

impl Index {
    /// Offset and length of a chunk; `None` when it was never written.
    fn span(&self, number: usize) -> Option<(u64, u64)> {
        let (start, len) = (self.entries[2 * number], self.entries[2 * number + 1]);
        (start != u64::MAX || len != u64::MAX).then_some((start, len))
    }
}

struct Reader<'a> {
    array: &'a ZarrArray,
    part: &'a Region,
    dest: &'a mut Dest,
    encoded: &'a mut Vec<u8>,
    decoded: &'a mut Vec<u8>,
}

impl Reader<'_> {
    fn object(&mut self, index: &[usize]) -> Result<()> {
        let array = self.array;
        let meta = &*array.meta;
        let key = join(&array.node, &meta.key(index));
        let cell = ZarrArray::cell(index, &meta.object);
        let context = |error: Error| match error.kind() {
            Kind::Os | Kind::Host => {
                error.note(format!("chunk {index:?} of the Zarr array at {}", array.place()))
            }
            _ => error,
        };
        if let Some(shard) = &meta.shard {
            return self.shard(shard, &key, &cell).map_err(context);
        }
        let chain = meta
            .chain
            .as_ref()
            .ok_or_else(|| Error::internal("an array without codecs"))?;
        if chain.is_plain()
            && let Some(found) = self.plain(&cell, &key, index).map_err(context)?
        {
            if found {
                return Ok(());
            }
            array.still_there()?;
            return self.fill(&cell);
        }
        if !array.store.get(&key, Span::All, self.encoded).map_err(context)? {
            array.still_there()?;
            return self.fill(&cell);
        }
        let encoded = std::mem::take(self.encoded);
        let outcome = self.chunk(chain, &encoded, &cell, &key, index);
        *self.encoded = encoded;
        outcome
    }

    /// Reads what is wanted of a chunk that is stored as it is straight into its place, where it lies together both here
    /// and there. Tells whether there is such an object; nothing when it has to go another way.
    fn plain(&mut self, cell: &Region, key: &str, index: &[usize]) -> Result<Option<bool>> {
        let array = self.array;
        let item = array.meta.itemsize();
        let Some(wanted) = region::meet(cell, self.part) else {
            return Ok(None);
        };
        let runs = Runs::new(
            &region::shape(&wanted),
            item,
            &Side::dense(cell, &wanted, item),
            &Side::dense(self.part, &wanted, item),
        );
        let Some((at, len)) = runs.single() else {
            return Ok(None);
        };
        let mut window = self.dest.window(at, len)?;
        let found = array.store.get_part(key, runs.source() as u64, &mut window)?;
        let Some(size) = found else {
            self.dest.unwritten(len);
            return Ok(Some(false));
        };
        let bytes = region::size(cell) * item;
        if size != bytes as u64 || window.filled() != len {
            let elements = region::size(cell);
            let what = format!("it has {size} bytes where a chunk of {elements} elements has {bytes}");
            return Err(array.corrupt(key, index, &what));
        }
        Ok(Some(true))
    }

    /// Decodes the chunk that holds `cell` and puts the part that is wanted in its place.
    fn chunk(
        &mut self,
        chain: &Chain,
        encoded: &[u8],
        cell: &Region,
        key: &str,
        index: &[usize],
    ) -> Result<()> {
        let array = self.array;
        let item = array.meta.itemsize();
        let Some(wanted) = region::meet(cell, self.part) else {
            return Ok(());
        };
        let runs = Runs::new(
            &region::shape(&wanted),
            item,
            &Side::dense(cell, &wanted, item),
            &Side::dense(self.part, &wanted, item),
        );
        let corrupt = |what: String| array.corrupt(key, index, &what);
        let shape = region::shape(cell);
        let bytes = region::size(cell) * item;
        if let Some((at, len)) = runs.single()
            && len == bytes
        {
            return chain
                .decode(encoded, &shape, &mut self.dest.window(at, len)?)
                .map_err(corrupt);
        }
        if chain.is_plain() && encoded.len() == bytes {
            return self.dest.copy(encoded, &runs);
        }
        self.decoded.resize(bytes, 0);
        chain
            .decode(encoded, &shape, &mut Window::over(self.decoded))
            .map_err(corrupt)?;
        self.dest.copy(self.decoded, &runs)
    }

    fn fill(&mut self, cell: &Region) -> Result<()> {
        let item = self.array.meta.itemsize();
        let Some(wanted) = region::meet(cell, self.part) else {
            return Ok(());
        };
        let target = Side::dense(self.part, &wanted, item);
        let runs = Runs::new(&region::shape(&wanted), item, &target, &target);
        self.dest.fill(&self.array.meta.fill, &runs)
    }

    fn shard(&mut self, shard: &Shard, key: &str, cell: &Region) -> Result<()> {
        let store = &*self.array.store;
        let Some(wanted) = region::meet(cell, self.part) else {
            return Ok(());
        };
        let inner: Vec<(usize, usize)> = wanted.iter().zip(cell).map(|(w, c)| (w.0 - c.0, w.1)).collect();
        let chunks = region::cells(&inner, &shard.chunk);
        // One request costs as much as several chunks where the store is far away.
        let whole = 2 * region::size(&chunks) >= shard.counts.iter().product();
        let span = match (whole, shard.index_last) {
            (true, _) => Span::All,
            (false, true) => Span::Last(shard.index_size),
            (false, false) => Span::From {
                start: 0,
                len: shard.index_size,
            },
        };
        if !store.get(key, span, self.encoded)? {
            self.array.still_there()?;
            return self.fill(cell);
        }
        let index = self.index(shard, key)?;
        let object = if whole {
            Some(std::mem::take(self.encoded))
        } else {
            None
        };
        let outcome = region::each(&chunks, &mut |at| {
            let number = at
                .iter()
                .zip(&shard.counts)
                .fold(0, |number, (at, count)| number * count + at);
            let place: Vec<(usize, usize)> = at
                .iter()
                .zip(&shard.chunk)
                .zip(cell)
                .map(|((at, len), cell)| (cell.0 + at * len, *len))
                .collect();
            let Some((start, len)) = index.span(number) else {
                return self.fill(&place);
            };
            let global: Vec<usize> = place
                .iter()
                .zip(&shard.chunk)
                .map(|((start, _), len)| start / len)
                .collect();
            let beyond = || self.array.corrupt(key, &global, "its shard ends before it does");
            let (from, size) = usize::try_from(start)
                .ok()
                .zip(usize::try_from(len).ok())
                .ok_or_else(beyond)?;
            let end = from.checked_add(size).ok_or_else(beyond)?;
            if let Some(object) = &object {
                let encoded = object.get(from..end).ok_or_else(beyond)?;
                return self.chunk(&shard.chain, encoded, &place, key, &global);
            }
            // A length that can't be must not become an allocation.
            if size
                > 2 * place.iter().map(|(_, len)| len).product::<usize>() * self.array.meta.itemsize()
                    + 65_536
            {
                return Err(self.array.corrupt(key, &global, "its shard's index is wrong"));
            }
            let span = Span::From { start, len: size };
            if !store.get(key, span, self.encoded)? || self.encoded.len() != size {
                return Err(self.array.corrupt(key, &global, "its shard ends before it does"));
            }
            let encoded = std::mem::take(self.encoded);
            let outcome = self.chunk(&shard.chain, &encoded, &place, key, &global);
            *self.encoded = encoded;
            outcome
        });
        if let Some(object) = object {
            *self.encoded = object;
        }
        outcome
    }

    /// Reads the index from what was fetched of a shard.
    fn index(&mut self, shard: &Shard, key: &str) -> Result<Index> {
        let corrupt = |what: &str| {
            let source = std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                format!("a shard of a Zarr array can't be read: {what}"),
            );
            Error::os(self.array.store.describe(key), &source)
        };
        let size = shard.index_size;
        let at = if shard.index_last {
            self.encoded.len().checked_sub(size)
        } else {
            Some(0)
        };
        let bytes = at.and_then(|at| self.encoded.get(at..at + size));
        let bytes = bytes.ok_or_else(|| corrupt("it is shorter than its index"))?;
        let count = shard.counts.iter().product::<usize>() * 2;
        let mut decoded = vec![0; count * 8];
        shard
            .index
            .decode(
                bytes,
                &index_shape(&shard.counts),
                &mut Window::over(&mut decoded),
            )
            .map_err(|what| corrupt(&what))?;
        let entries = decoded.chunks_exact(8);
        Ok(Index {
            entries: entries
                .map(|entry| entry.try_into().map_or(u64::MAX, u64::from_ne_bytes))
                .collect(),
        })
    }
}
