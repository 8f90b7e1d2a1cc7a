//! The wire form of chunks, of what a task asks of a source, and of what upper layers implement: sources, host functions.
//!
//! Frames travel as Arrow streams (`codec`) under their schema, arrays as their buffer, host objects as the host
//! serialises them. Sources and functions are written by themselves and read by what [`Loaders`] knows.

use std::sync::Arc;

use arrow::buffer::Buffer;

use crate::chunk::codec::{self, Shell};
use crate::chunk::host::{BlockSite, HostFn, HostOutput, Surroundings};
use crate::chunk::{ArrayChunk, ArraySource, Chunk, Scan, Source};
use crate::error::{Error, Result};
use crate::wire::{Decoder, Encoder, Wire, broken};

/// Reads a source of one kind.
pub type SourceLoader = fn(&mut Decoder) -> Result<Arc<dyn Source>>;

/// Reads a source of arrays of one kind.
pub type ArrayLoader = fn(&mut Decoder) -> Result<Arc<dyn ArraySource>>;

/// What reads sources and functions; handed down with the decoder.
#[derive(Debug)]
pub struct Loaders {
    /// The reader of each kind of source, by [`Source::wire_kind`].
    pub sources: &'static [(&'static str, SourceLoader)],
    /// The reader of each kind of source of arrays, by [`ArraySource::wire_kind`].
    pub arrays: &'static [(&'static str, ArrayLoader)],
    /// The reader of host functions.
    pub function: fn(&mut Decoder) -> Result<Arc<dyn HostFn>>,
    /// Sources are on loan: they are read inside a task, and what they find goes back ([`Source::findings`]).
    pub lent: bool,
}

impl Wire for Chunk {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::State(state) => Self::Frame(Arc::new(state.to_frame()?)).encode(out)?,
            Self::Frame(frame) => {
                out.tag(0);
                frame.schema.encode(out)?;
                let mut bytes = Vec::with_capacity(frame.nbytes() + 1024);
                codec::write(self, &mut bytes, false, codec::IN_MEMORY.as_ref())?;
                out.buffer(&Buffer::from_vec(bytes));
            }
            Self::Array(array) => {
                out.tag(1);
                array.encode(out)?;
            }
            Self::Host(value) => {
                out.tag(2);
                out.object(value, false);
            }
            Self::Arrays(arrays) => {
                out.tag(3);
                out.list(arrays)?;
            }
        }
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => {
                let shell = Shell::Frame(from.take()?);
                let buffer = from.buffer()?;
                let size = buffer.len() as u64;
                codec::read(&shell, &mut buffer.as_slice(), size, codec::IN_MEMORY.as_ref())?
            }
            1 => Self::Array(Arc::new(from.take()?)),
            2 => Self::Host(from.object()?),
            3 => Self::Arrays(Arc::new(from.list()?)),
            _ => return Err(broken("no chunk")),
        })
    }
}

/// A dense block by its memory; of any other just the elements that it shows.
impl Wire for ArrayChunk {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.dtype.encode(out)?;
        self.shape.encode(out)?;
        if let Some(bytes) = self.as_dense() {
            out.buffer(&self.buffer.slice_with_length(self.offset, bytes.len()));
        } else {
            let mut bytes = Vec::with_capacity(self.size() * self.dtype.itemsize());
            self.runs(&mut |run| {
                bytes.extend_from_slice(run);
                Ok(())
            })?;
            out.buffer(&Buffer::from_vec(bytes));
        }
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Self::dense(from.take()?, from.take()?, from.buffer()?)
    }
}

impl Wire for HostOutput {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Object => out.tag(0),
            Self::Likely { schema, labels } => {
                out.tag(1);
                schema.encode(out)?;
                labels.encode(out)?;
            }
            Self::Array(dtype) => {
                out.tag(2);
                dtype.encode(out)?;
            }
        }
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Object,
            1 => Self::Likely {
                schema: from.take()?,
                labels: from.take()?,
            },
            2 => Self::Array(Arc::new(from.take()?)),
            _ => return Err(broken("no output of a call")),
        })
    }
}

impl Wire for Surroundings {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.npartitions.encode(out)?;
        let origin = self.origin.as_ref();
        origin.map(|(source, _)| source.clone()).encode(out)?;
        origin.map_or(0, |(_, partition)| *partition).encode(out)?;
        let block = self.block.as_deref();
        block.map(|block| block.index.clone()).encode(out)?;
        block.map(|block| block.nests.clone()).encode(out)?;
        self.groups.encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        let npartitions = from.take()?;
        let (origin, at): (Option<Arc<dyn Source>>, usize) = (from.take()?, from.take()?);
        let (index, nests): (Option<Vec<usize>>, Option<Vec<Vec<usize>>>) = (from.take()?, from.take()?);
        let block = index.zip(nests);
        Ok(Self {
            npartitions,
            origin: origin.map(|source| (source, at)),
            block: block.map(|(index, nests)| Arc::new(BlockSite { index, nests })),
            groups: from.take()?,
        })
    }
}

/// Without a filter: those are compiled where the task runs.
impl Wire for Scan {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        if self.filter.is_some() {
            return Err(Error::internal("a compiled filter can't travel"));
        }
        self.partition.encode(out)?;
        self.columns.encode(out)?;
        self.batch_rows.encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(Self {
            partition: from.take()?,
            columns: from.take()?,
            filter: None,
            batch_rows: from.take()?,
        })
    }
}

/// A source is shared by the nodes that read it.
impl Wire for Arc<dyn Source> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.share(self, |out| {
            out.bytes(self.wire_kind().as_bytes());
            (**self).encode(out)
        })
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        from.share(|from| {
            let kind: String = from.take()?;
            let loaders = from.extension::<Loaders>()?;
            let loader = loaders.sources.iter().find(|(name, _)| *name == kind);
            let (_, load) = loader.ok_or_else(|| broken(&format!("no source {kind:?}")))?;
            load(from)
        })
    }
}

impl Wire for Arc<dyn ArraySource> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.share(self, |out| {
            out.bytes(self.wire_kind().as_bytes());
            (**self).encode(out)
        })
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        from.share(|from| {
            let kind: String = from.take()?;
            let loaders = from.extension::<Loaders>()?;
            let loader = loaders.arrays.iter().find(|(name, _)| *name == kind);
            let (_, load) = loader.ok_or_else(|| broken(&format!("no source of arrays {kind:?}")))?;
            load(from)
        })
    }
}

impl Wire for Arc<dyn HostFn> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.share(self, |out| (**self).encode(out))
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        from.share(|from| (from.extension::<Loaders>()?.function)(from))
    }
}
