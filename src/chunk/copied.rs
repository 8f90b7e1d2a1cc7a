//! A source under another content hash: a copy of a collection reads by itself what the original reads.

use std::sync::Arc;

use crate::chunk::array_source::{ArraySource, Region, ViewAxis};
use crate::chunk::{ArrayChunk, BatchStream, Chunk, Notice, Scan, Source};
use crate::error::Result;
use crate::nd::NdDtype;
use crate::schema::FrameSchema;
use crate::token::{Token, Tokenizer};
use crate::wire::{Decoder, Encoder, Wire};

/// What [`Source::wire_kind`] and [`ArraySource::wire_kind`] call it.
pub const KIND: &str = "copied";

/// The hash of a copy of something.
#[must_use]
pub fn copied_token(token: Token, seed: Token) -> Token {
    let mut t = Tokenizer::new();
    t.text("copied").token(token).token(seed).finish()
}

/// A source, copied for a purpose that has a hash of its own.
#[derive(Debug)]
pub struct Copied<S: ?Sized> {
    inner: Arc<S>,
    seed: Token,
}

impl<S: ?Sized> Copied<S> {
    /// A copy of `inner`.
    #[must_use]
    pub fn new(inner: Arc<S>, seed: Token) -> Self {
        Self { inner, seed }
    }
}

impl Copied<dyn Source> {
    /// Reads what [`Source::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn from_wire(from: &mut Decoder) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(Self::new(from.take()?, from.take()?)))
    }
}

impl Copied<dyn ArraySource> {
    /// Reads what [`ArraySource::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn from_wire(from: &mut Decoder) -> Result<Arc<dyn ArraySource>> {
        Ok(Arc::new(Self::new(from.take()?, from.take()?)))
    }
}

impl Source for Copied<dyn Source> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn schema(&self) -> Arc<FrameSchema> {
        self.inner.schema()
    }

    fn npartitions(&self) -> usize {
        self.inner.npartitions()
    }

    fn rows(&self, partition: usize) -> Option<usize> {
        self.inner.rows(partition)
    }

    fn token(&self) -> Token {
        copied_token(self.inner.token(), self.seed)
    }

    fn describe(&self, partition: usize) -> String {
        self.inner.describe(partition)
    }

    fn filters(&self) -> bool {
        self.inner.filters()
    }

    fn in_memory(&self) -> bool {
        self.inner.in_memory()
    }

    fn by_host(&self) -> bool {
        self.inner.by_host()
    }

    fn projected_bytes(&self, scan: &Scan) -> usize {
        self.inner.projected_bytes(scan)
    }

    fn open(&self, scan: &Scan) -> Result<Box<dyn BatchStream>> {
        self.inner.open(scan)
    }

    fn host_chunk(&self, scan: &Scan) -> Result<Chunk> {
        self.inner.host_chunk(scan)
    }

    fn retyped(&self, columns: &[usize], threads: usize) -> Result<Arc<dyn Source>> {
        let inner = self.inner.retyped(columns, threads)?;
        Ok(Arc::new(Self::new(inner, self.seed)))
    }

    fn wire_kind(&self) -> &'static str {
        KIND
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.inner.encode(out)?;
        self.seed.encode(out)
    }

    fn taken_along(&self, partitions: &[usize], columns: &[usize]) -> Result<Option<Arc<dyn Source>>> {
        let taken = self.inner.taken_along(partitions, columns)?;
        Ok(taken.map(|taken| Arc::new(Self::new(taken, self.seed)) as _))
    }

    fn findings(&self, out: &mut Encoder) -> Result<()> {
        self.inner.findings(out)
    }

    fn confirm(&self, from: &mut Decoder) -> Result<()> {
        self.inner.confirm(from)
    }

    fn take_notices(&self) -> Vec<Notice> {
        self.inner.take_notices()
    }
}

impl ArraySource for Copied<dyn ArraySource> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn dtype(&self) -> NdDtype {
        self.inner.dtype()
    }

    fn shape(&self) -> Vec<usize> {
        self.inner.shape()
    }

    fn token(&self) -> Token {
        copied_token(self.inner.token(), self.seed)
    }

    fn describe(&self, region: &Region) -> String {
        self.inner.describe(region)
    }

    fn projected_bytes(&self, region: &Region) -> usize {
        self.inner.projected_bytes(region)
    }

    fn is_local_file(&self) -> bool {
        self.inner.is_local_file()
    }

    fn read(&self, region: &Region) -> Result<ArrayChunk> {
        self.inner.read(region)
    }

    fn in_memory(&self) -> bool {
        self.inner.in_memory()
    }

    fn viewed(
        &self,
        axes: &[ViewAxis],
        fixed: &[(usize, usize)],
        shape: &[usize],
    ) -> Option<Arc<dyn ArraySource>> {
        let inner = self.inner.viewed(axes, fixed, shape)?;
        Some(Arc::new(Self::new(inner, self.seed)))
    }

    fn wire_kind(&self) -> &'static str {
        KIND
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.inner.encode(out)?;
        self.seed.encode(out)
    }
}
