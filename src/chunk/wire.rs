//! The wire form of chunks, of what a task asks of a source, and of what upper layers implement: sources, host functions.
//!
//! Frames travel as Arrow streams (`codec`) under their schema, arrays as their buffer, host objects as the host
//! serialises them. Sources and functions are written by themselves and read by what [`Loaders`] knows.

use std::sync::Arc;

use arrow::buffer::Buffer;

use crate::chunk::codec::{self, Shell};
use crate::chunk::host::{CallSite, HostFn, HostOutput};
use crate::chunk::{ArrayChunk, Chunk, Scan, Source};
use crate::error::{Error, Result};
use crate::wire::{Decoder, Encoder, Wire, broken};

/// Reads a source of one kind.
pub type SourceLoader = fn(&mut Decoder) -> Result<Arc<dyn Source>>;

/// What reads sources and functions; handed down with the decoder.
#[derive(Debug)]
pub struct Loaders {
    /// The reader of each kind of source, by [`Source::wire_kind`].
    pub sources: &'static [(&'static str, SourceLoader)],
    /// The reader of host functions.
    pub function: fn(&mut Decoder) -> Result<Arc<dyn HostFn>>,
    /// Sources are on loan: they are read inside a task, and what they find goes back ([`Source::findings`]).
    pub lent: bool,
}

impl Wire for Chunk {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Frame(frame) => {
                out.tag(0);
                frame.schema.encode(out)?;
                let mut bytes = Vec::with_capacity(frame.nbytes() + 1024);
                codec::write(self, &mut bytes, false, codec::IN_MEMORY.as_ref())?;
                out.buffer(&Buffer::from_vec(bytes));
            }
            Self::Array(array) => {
                out.tag(1);
                array.dtype.encode(out)?;
                array.shape.encode(out)?;
                out.buffer(&array.buffer);
            }
            Self::Host(value) => {
                out.tag(2);
                out.object(value, false);
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
            1 => Self::Array(Arc::new(ArrayChunk {
                dtype: from.take()?,
                shape: from.take()?,
                buffer: from.buffer()?,
            })),
            2 => Self::Host(from.object()?),
            _ => return Err(broken("no chunk")),
        })
    }
}

impl Wire for HostOutput {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Object => out.tag(0),
            Self::Frame(schema) => {
                out.tag(1);
                schema.encode(out)?;
            }
        }
        Ok(())
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Object,
            1 => Self::Frame(from.take()?),
            _ => return Err(broken("no output of a call")),
        })
    }
}

impl Wire for CallSite {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.key.encode(out)?;
        self.partition.encode(out)?;
        self.npartitions.encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(Self {
            key: from.take()?,
            partition: from.take()?,
            npartitions: from.take()?,
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

impl Wire for Arc<dyn HostFn> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.share(self, |out| (**self).encode(out))
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        from.share(|from| (from.extension::<Loaders>()?.function)(from))
    }
}
