//! Writing a Zarr array: blocks become objects of the store.
//!
//! A [`ZarrWriter`] makes a new array or writes into one that is there. Each call of `write` puts one box into the store;
//! [`ZarrWriter::write_grid`] says which boxes may be written at the same time, so that none of them shares an object with
//! another. Invariants: an object is replaced as a whole; what a box doesn't cover of an object stays as it was, and beyond
//! the array's end it is the fill value; an object of fill values only isn't stored; the document of a new array is
//! written by `finish`, after all objects.

use std::sync::Arc;

use crate::chunk::ArrayChunk;
use crate::error::{Error, Result};
use crate::io::zarr::array::{DRAFT, Seen, ZarrArray, with_scratch};
use crate::io::zarr::chain::Chain;
use crate::io::zarr::grid;
use crate::io::zarr::meta::{Format, Meta, Shard, index_shape};
use crate::io::zarr::region::{self, Region, Runs, Side};
use crate::io::zarr::store::{ByteStore, Span, join, node_path};
use crate::nd::Grid;

/// What to do about an array or group that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Leave it and fail.
    Refuse,
    /// Remove it with all that is in it.
    Replace,
}

/// An array that is being written.
#[derive(Clone, Debug)]
pub struct ZarrWriter {
    array: ZarrArray,
    attributes: Option<String>,
    fresh: bool,
}

const GROUP_2: &[u8] = b"{\n  \"zarr_format\": 2\n}";
const GROUP_3: &[u8] = b"{\n  \"attributes\": {},\n  \"zarr_format\": 3,\n  \"node_type\": \"group\"\n}";

impl ZarrWriter {
    /// Prepares a new array at the path `node` whose document is `document`; `attributes` is the text of version 2's
    /// separate document. Until [`Self::finish`] there is no array for readers.
    ///
    /// # Errors
    /// [`crate::error::Kind::Value`] when something is there already, [`crate::error::Kind::NotNative`] when another
    /// library has to write it.
    pub fn create(
        store: Arc<dyn ByteStore>,
        node: &str,
        format: Format,
        document: &str,
        attributes: Option<String>,
        overwrite: Overwrite,
    ) -> Result<Self> {
        let made = Self::resume(store.clone(), node, format, document, attributes)?;
        let node = made.array.node.clone();
        let place = store.describe(&node);
        let mut held = Vec::new();
        let mut has = |key: String| store.get(&key, Span::All, &mut held);
        let mut there = false;
        for name in ["zarr.json", ".zarray", ".zgroup"] {
            there |= has(join(&node, name))?;
        }
        let unfinished = has(join(&node, DRAFT))?;
        if there {
            if overwrite == Overwrite::Refuse {
                return Err(Error::value(format!(
                    "there is a Zarr array or group already at {place}; `overwrite=True` or mode \"w\" replaces it"
                )));
            }
            // The document goes first: what is left when this is interrupted is no array.
            for name in ["zarr.json", ".zarray", ".zgroup"] {
                store.erase(&join(&node, name))?;
            }
            store.erase_prefix(&node)?;
        } else if unfinished {
            Self::erase_objects(&*store, &node)?;
        }
        let (group, content) = match format {
            Format::V2 => (".zgroup", GROUP_2),
            Format::V3 => ("zarr.json", GROUP_3),
        };
        let mut parent = node.as_str();
        while !parent.is_empty() {
            parent = parent.rsplit_once('/').map_or("", |(parent, _)| parent);
            let mut known = false;
            let mut held = Vec::new();
            for name in ["zarr.json", ".zgroup", ".zarray"] {
                if store.get(&join(parent, name), Span::All, &mut held)? {
                    let array = name == ".zarray" || Meta::parse(Format::V3, &held, name).is_ok();
                    if array && name != ".zgroup" {
                        return Err(Error::value(format!(
                            "{place} can't be made: {} is a Zarr array, and only groups contain others",
                            store.describe(parent)
                        )));
                    }
                    known = true;
                }
            }
            if !known {
                store.set(&join(parent, group), content)?;
            }
        }
        store.set(&join(&node, DRAFT), document.as_bytes())?;
        Ok(made)
    }

    /// Goes on with what [`Self::create`] prepared, with the same arguments; changes nothing.
    ///
    /// # Errors
    /// When the document isn't one.
    pub fn resume(
        store: Arc<dyn ByteStore>,
        node: &str,
        format: Format,
        document: &str,
        attributes: Option<String>,
    ) -> Result<Self> {
        let node = node_path(node)?;
        let meta = Meta::parse(format, document.as_bytes(), &store.describe(&node))?;
        Ok(Self {
            array: ZarrArray {
                store,
                node,
                meta: Arc::new(meta),
                seen: Seen::Unwritten,
            },
            attributes,
            fresh: true,
        })
    }

    /// Writes into an array that is there.
    #[must_use]
    pub fn open(array: ZarrArray) -> Self {
        Self {
            array,
            attributes: None,
            fresh: false,
        }
    }

    /// Removes what an interrupted write left: objects that look like chunks.
    fn erase_objects(store: &dyn ByteStore, node: &str) -> Result<()> {
        for key in store.list(node)? {
            let name = key.strip_prefix(node).unwrap_or(&key).trim_start_matches('/');
            let name = name.strip_prefix("c/").unwrap_or(name);
            let mut parts = name.split(['/', '.']);
            if name == "c"
                || parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
            {
                store.erase(&key)?;
            }
        }
        Ok(())
    }

    /// The array that is written.
    #[must_use]
    pub fn array(&self) -> &ZarrArray {
        &self.array
    }

    /// The boxes in which an array with the chunks of `source` is to be written from `start` on, each by one task.
    ///
    /// # Errors
    /// When it doesn't fit, or a chunk's length is unknown.
    pub fn write_grid(&self, source: &Grid, start: &[usize]) -> Result<Grid> {
        let meta = &*self.array.meta;
        let grid = grid::write_grid(source, start, &meta.object)?;
        let shape = grid.shape().unwrap_or_default();
        let fits = |((len, start), size): ((&usize, &usize), &usize)| start + len <= *size;
        if !shape.iter().zip(start).zip(&meta.shape).all(fits) {
            return Err(Error::value(format!(
                "an array of shape {shape:?} doesn't fit at {start:?} of a Zarr array of shape {:?}",
                meta.shape
            )));
        }
        Ok(grid)
    }

    /// Bytes that writing a box takes beside the block.
    #[must_use]
    pub fn projected_bytes(&self) -> usize {
        let meta = &*self.array.meta;
        let object = meta.object.iter().product::<usize>() * meta.itemsize();
        let chain = meta
            .shard
            .as_ref()
            .map(|shard| &shard.chain)
            .or(meta.chain.as_ref());
        2 * object + chain.map_or(0, |chain| chain.scratch(meta.chunk()))
    }

    /// Writes a block to the box `part`.
    ///
    /// # Errors
    /// When the block doesn't fit, or an object can't be written; objects before it are written then.
    pub fn write(&self, part: &Region, block: &ArrayChunk) -> Result<()> {
        let meta = &*self.array.meta;
        if block.dtype != meta.dtype {
            return Err(Error::type_(format!(
                "a block of dtype {:?} for a Zarr array of dtype {:?}",
                block.dtype, meta.dtype
            )));
        }
        let inside = |((start, len), size): (&(usize, usize), &usize)| start + len <= *size;
        let fits = part.len() == meta.shape.len() && part.iter().zip(&meta.shape).all(inside);
        if !fits || region::shape(part) != block.shape {
            return Err(Error::value(format!(
                "a block of shape {:?} for the part {part:?} of a Zarr array of shape {:?}",
                block.shape, meta.shape
            )));
        }
        with_scratch(|encoded, dense| {
            region::each(&region::cells(part, &meta.object), &mut |index| {
                self.object(index, part, block, encoded, dense).map_err(|error| {
                    error.note(format!("while writing chunk {index:?} of {}", self.array.place()))
                })
            })
        })
    }

    fn object(
        &self,
        index: &[usize],
        part: &Region,
        block: &ArrayChunk,
        encoded: &mut Vec<u8>,
        dense: &mut Vec<u8>,
    ) -> Result<()> {
        let meta = &*self.array.meta;
        let item = meta.itemsize();
        let cell = ZarrArray::cell(index, &meta.object);
        let whole: Vec<(usize, usize)> = meta.shape.iter().map(|len| (0, *len)).collect();
        let (Some(real), Some(wanted)) = (region::meet(&cell, &whole), region::meet(&cell, part)) else {
            return Ok(());
        };
        let source = Side {
            strides: block.strides.clone(),
            start: wanted
                .iter()
                .zip(part)
                .zip(&block.strides)
                .fold(block.offset as isize, |at, ((wanted, part), stride)| {
                    at + (wanted.0 - part.0) as isize * stride
                }) as usize,
        };
        let target = Side::dense(&cell, &wanted, item);
        let runs = Runs::new(&region::shape(&wanted), item, &source, &target);
        let bytes = region::size(&cell) * item;
        let memory = block.buffer.as_slice();
        encoded.clear();
        if wanted == cell && runs.single().is_some() {
            let elements = memory.get(source.start..source.start + bytes);
            let elements =
                elements.ok_or_else(|| Error::internal("a block that reaches beyond its buffer"))?;
            return self.put(index, elements, encoded);
        }
        dense.clear();
        if wanted == cell {
            dense.resize(bytes, 0);
        } else {
            fill(dense, &meta.fill, bytes);
        }
        if wanted != real {
            let old = self.array.read(&real)?;
            let runs = Runs::new(
                &region::shape(&real),
                item,
                &Side::dense(&real, &real, item),
                &Side::dense(&cell, &real, item),
            );
            copy(old.buffer.as_slice(), dense, &runs)?;
        }
        copy(memory, dense, &runs)?;
        self.put(index, dense, encoded)
    }

    /// Stores an object with these elements.
    fn put(&self, index: &[usize], elements: &[u8], encoded: &mut Vec<u8>) -> Result<()> {
        let meta = &*self.array.meta;
        let store = &*self.array.store;
        let key = join(&self.array.node, &meta.key(index));
        let stored = if is_fill(elements, &meta.fill) {
            false
        } else if meta.shard.is_none() && meta.chain.as_ref().is_some_and(Chain::is_plain) {
            return store.set(&key, elements);
        } else if let Some(shard) = &meta.shard {
            self.shard(shard, elements, encoded)?
        } else {
            let chain = meta.chain.as_ref();
            let chain = chain.ok_or_else(|| Error::internal("an array without codecs"))?;
            chain.encode(elements, &meta.object, encoded)?;
            true
        };
        if stored {
            store.set(&key, encoded)
        } else {
            store.erase(&key)
        }
    }

    /// Makes a shard of the elements; tells whether there is a chunk in it.
    fn shard(&self, shard: &Shard, elements: &[u8], encoded: &mut Vec<u8>) -> Result<bool> {
        let meta = &*self.array.meta;
        let item = meta.itemsize();
        let whole: Vec<(usize, usize)> = meta.object.iter().map(|len| (0, *len)).collect();
        let counts: Vec<(usize, usize)> = shard.counts.iter().map(|count| (0, *count)).collect();
        let mut entries: Vec<u8> = Vec::new();
        let mut chunk = Vec::new();
        let mut any = false;
        if !shard.index_last {
            encoded.resize(shard.index_size, 0);
        }
        region::each(&counts, &mut |at| {
            let place = ZarrArray::cell(at, &shard.chunk);
            let runs = Runs::new(
                &shard.chunk,
                item,
                &Side::dense(&whole, &place, item),
                &Side::dense(&place, &place, item),
            );
            chunk.resize(region::size(&place) * item, 0);
            copy(elements, &mut chunk, &runs)?;
            let (mut start, mut len) = (u64::MAX, u64::MAX);
            if !is_fill(&chunk, &meta.fill) {
                start = encoded.len() as u64;
                shard.chain.encode(&chunk, &shard.chunk, encoded)?;
                len = encoded.len() as u64 - start;
                any = true;
            }
            entries.extend_from_slice(&start.to_ne_bytes());
            entries.extend_from_slice(&len.to_ne_bytes());
            Ok(())
        })?;
        let mut index = Vec::with_capacity(shard.index_size);
        shard
            .index
            .encode(&entries, &index_shape(&shard.counts), &mut index)?;
        if index.len() != shard.index_size {
            return Err(Error::value(
                "the codecs of a shard's index give it different sizes",
            ));
        }
        if shard.index_last {
            encoded.append(&mut index);
        } else {
            encoded[..shard.index_size].copy_from_slice(&index);
        }
        Ok(any)
    }

    /// Ends the writing of a new array: from now on it is there.
    ///
    /// # Errors
    /// When its document can't be written.
    pub fn finish(&self) -> Result<()> {
        if !self.fresh {
            return Ok(());
        }
        let ZarrArray {
            store, node, meta, ..
        } = &self.array;
        if let Some(attributes) = &self.attributes {
            store.set(&join(node, ".zattrs"), attributes.as_bytes())?;
        }
        store.set(&join(node, meta.format.file()), meta.document.as_bytes())?;
        store.erase(&join(node, DRAFT))
    }
}

fn copy(source: &[u8], target: &mut [u8], runs: &Runs) -> Result<()> {
    let beyond = || Error::internal("a piece that reaches beyond its block");
    runs.visit(&mut |from, to, len| {
        let piece = source.get(from..from + len).ok_or_else(beyond)?;
        let place = target.get_mut(to..to + len).ok_or_else(beyond)?;
        // Single elements: a move of a known length is no call.
        match len {
            4 => place[..4].copy_from_slice(&piece[..4]),
            8 => place[..8].copy_from_slice(&piece[..8]),
            _ => place.copy_from_slice(piece),
        }
        Ok(())
    })
}

/// Makes `into` that many bytes of copies of `item`.
fn fill(into: &mut Vec<u8>, item: &[u8], bytes: usize) {
    if item.iter().all(|byte| *byte == item[0]) {
        into.resize(bytes, item[0]);
    } else {
        into.reserve(bytes);
        (0..bytes / item.len()).for_each(|_| into.extend_from_slice(item));
    }
}

fn is_fill(elements: &[u8], item: &[u8]) -> bool {
    match item {
        [] => true,
        // All are the fill value when the first one is, and each is the one before it.
        _ => elements.get(..item.len()).is_none_or(|first| {
            first == item && elements[item.len()..] == elements[..elements.len() - item.len()]
        }),
    }
}
