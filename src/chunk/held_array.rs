//! A region of an array in memory, as a source by itself: what a plan takes along to another process.

use std::sync::Arc;

use crate::chunk::ArrayChunk;
use crate::chunk::array_source::{ArraySource, Region};
use crate::error::{Error, Result};
use crate::nd::NdDtype;
use crate::token::Token;
use crate::wire::{Decoder, Encoder, Wire};

/// What [`ArraySource::wire_kind`] calls it.
pub const KIND: &str = "held";

/// The least region that has several in it: where it begins and how long it is, along each axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent(Vec<(usize, usize)>);

impl Extent {
    /// Just this region.
    #[must_use]
    pub fn of(region: &Region) -> Self {
        Self(region.to_vec())
    }

    /// Makes it have `region` in it as well.
    pub fn include(&mut self, region: &Region) {
        let empty = |region: &Region| region.iter().any(|(_, len)| *len == 0);
        if empty(region) {
            return;
        }
        if empty(&self.0) {
            self.0 = region.to_vec();
            return;
        }
        for ((start, len), (other, more)) in self.0.iter_mut().zip(region) {
            let end = (*start + *len).max(other + more);
            *start = (*start).min(*other);
            *len = end - *start;
        }
    }
}

/// A region of an array.
#[derive(Debug)]
pub struct HeldArray {
    name: Arc<str>,
    shape: Vec<usize>,
    start: Vec<usize>,
    elements: ArrayChunk,
    token: Token,
}

impl HeldArray {
    /// A region of `source`.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn of(source: &dyn ArraySource, extent: Extent) -> Result<Self> {
        Ok(Self {
            name: source.name().into(),
            shape: source.shape(),
            start: extent.0.iter().map(|(start, _)| *start).collect(),
            elements: source.read(&extent.0)?,
            token: source.token(),
        })
    }

    /// Reads what [`ArraySource::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn from_wire(from: &mut Decoder) -> Result<Arc<dyn ArraySource>> {
        let (name, shape, start): (Arc<str>, Vec<usize>, Vec<usize>) =
            (from.take()?, from.take()?, from.take()?);
        let len: Vec<usize> = from.take()?;
        let core: ArrayChunk = from.take()?;
        Ok(Arc::new(Self {
            name,
            shape,
            start,
            elements: core.broadcast(&len)?,
            token: from.take()?,
        }))
    }
}

impl ArraySource for HeldArray {
    fn name(&self) -> &str {
        &self.name
    }

    fn dtype(&self) -> NdDtype {
        self.elements.dtype.clone()
    }

    fn shape(&self) -> Vec<usize> {
        self.shape.clone()
    }

    fn token(&self) -> Token {
        self.token
    }

    fn describe(&self, region: &Region) -> String {
        format!("{region:?} of an array in memory")
    }

    fn projected_bytes(&self, _: &Region) -> usize {
        0
    }

    fn read(&self, region: &Region) -> Result<ArrayChunk> {
        let held = self.start.iter().zip(&self.elements.shape);
        let parts = region.iter().zip(held).map(|((start, len), (first, held))| {
            let place = start.checked_sub(*first).filter(|place| place + len <= *held);
            // of nothing, it doesn't matter where it is
            let place = if *len == 0 { Some(0) } else { place };
            place.map(|place| (place, *len, 1))
        });
        let parts = parts.collect::<Option<Vec<_>>>();
        let parts =
            parts.ok_or_else(|| Error::internal(format!("{} was left at home", self.describe(region))))?;
        self.elements.slice(&parts)
    }

    fn wire_kind(&self) -> &'static str {
        KIND
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.name.encode(out)?;
        self.shape.encode(out)?;
        self.start.encode(out)?;
        self.elements.shape.encode(out)?;
        self.elements.without_repeats().encode(out)?;
        self.token.encode(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extent_has_all_regions_in_it() {
        let mut extent = Extent::of(&[(0, 0), (0, 0)]);
        extent.include(&[(4, 2), (1, 3)]);
        assert_eq!(extent, Extent(vec![(4, 2), (1, 3)]));
        extent.include(&[(9, 0), (50, 3)]);
        extent.include(&[(1, 2), (2, 9)]);
        assert_eq!(extent, Extent(vec![(1, 5), (1, 10)]));
    }
}
