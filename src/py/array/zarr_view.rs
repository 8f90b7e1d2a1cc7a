//! Parts of a Zarr array as a source: slices with steps, integers, other orders of axes, and other chunks read just the
//! storage chunks that they touch.
//!
//! Whether that costs less than reading whole blocks is `opt::push_views`'s to say. Invariant: a region gives the elements
//! that a view of the array's blocks would give.

use std::sync::Arc;

use arrow::buffer::MutableBuffer;

use crate::chunk::array_source::{ArraySource, Region, ViewAxis};
use crate::chunk::{ArrayChunk, Chunk};
use crate::error::Result;
use crate::nd::NdDtype;
use crate::py::array::zarr::ZarrSource;
use crate::task::array::{Gather, Piece};
use crate::token::{Token, Tokenizer};
use crate::wire::{Decoder, Encoder, Wire};

/// What it is called on the wire.
pub const KIND: &str = "zarr-view";

/// Elements of a Zarr array.
#[derive(Debug)]
pub struct ZarrView {
    source: Arc<ZarrSource>,
    axes: Vec<ViewAxis>,
    fixed: Vec<(usize, usize)>,
    shape: Vec<usize>,
    token: Token,
}

/// Elements along an axis of the array that are read at once.
#[derive(Clone, Copy)]
struct Span {
    /// The box.
    start: usize,
    len: usize,
    /// In the box: the first element, how many, the step.
    part: (usize, usize, isize),
    /// Where the first one goes.
    at: usize,
}

impl ZarrView {
    pub(super) fn new(
        source: Arc<ZarrSource>,
        axes: &[ViewAxis],
        fixed: &[(usize, usize)],
        shape: &[usize],
    ) -> Self {
        let mut t = Tokenizer::new();
        t.text("zarr-view").token(source.token());
        t.number(axes.len() as u64);
        for (axis, len) in axes.iter().zip(shape) {
            t.number(*len as u64);
            match axis {
                None => {
                    t.number(0);
                }
                Some((axis, start, step)) => {
                    t.number(1)
                        .number(*axis as u64)
                        .number(*start as u64)
                        .number(step.cast_unsigned() as u64);
                }
            }
        }
        for (axis, position) in fixed {
            t.number(*axis as u64).number(*position as u64);
        }
        Self {
            source,
            axes: axes.to_vec(),
            fixed: fixed.to_vec(),
            shape: shape.to_vec(),
            token: t.finish(),
        }
    }

    /// Reads what `encode` wrote.
    ///
    /// # Errors
    /// When the array can't be opened here.
    pub fn from_wire(from: &mut Decoder) -> Result<Arc<dyn ArraySource>> {
        let source = Arc::new(ZarrSource::decode(from)?);
        let axes: Vec<Option<(usize, (usize, isize))>> = from.take()?;
        Ok(Arc::new(Self {
            source,
            axes: axes
                .into_iter()
                .map(|axis| axis.map(|(axis, (start, step))| (axis, start, step)))
                .collect(),
            fixed: from.take()?,
            shape: from.take()?,
            token: from.take()?,
        }))
    }

    /// What is read along each axis of the array for a region that isn't empty.
    fn spans(&self, region: &Region) -> Vec<Vec<Span>> {
        let grain = self.source.grain().unwrap_or_default();
        let mut spans = vec![Vec::new(); grain.len()];
        for (axis, position) in &self.fixed {
            spans[*axis].push(Span {
                start: *position,
                len: 1,
                part: (0, 1, 1),
                at: 0,
            });
        }
        for (axis, (begin, count)) in self.axes.iter().zip(region) {
            let Some((axis, start, step)) = *axis else {
                continue;
            };
            let position = |i: usize| (start as isize + step * i as isize) as usize;
            let (first, last) = (position(*begin), position(begin + count - 1));
            let (low, high) = (first.min(last), first.max(last));
            if step.unsigned_abs() <= grain[axis] {
                spans[axis].push(Span {
                    start: low,
                    len: high - low + 1,
                    part: (first - low, *count, step),
                    at: 0,
                });
                continue;
            }
            // Between two elements there are chunks that nobody wants.
            spans[axis].extend((0..*count).map(|i| Span {
                start: position(begin + i),
                len: 1,
                part: (0, 1, 1),
                at: i,
            }));
        }
        spans
    }
}

/// Calls `visit` with each choice of one span for each axis.
fn each(spans: &[Vec<Span>], visit: &mut dyn FnMut(&[Span]) -> Result<()>) -> Result<()> {
    let mut choice = vec![0; spans.len()];
    loop {
        let chosen: Vec<Span> = spans.iter().zip(&choice).map(|(spans, at)| spans[*at]).collect();
        visit(&chosen)?;
        let next = (0..spans.len())
            .rev()
            .find(|axis| choice[*axis] + 1 < spans[*axis].len());
        let Some(axis) = next else {
            return Ok(());
        };
        choice[axis] += 1;
        choice[axis + 1..].fill(0);
    }
}

fn boxed(spans: &[Span]) -> Vec<(usize, usize)> {
    spans.iter().map(|span| (span.start, span.len)).collect()
}

impl ArraySource for ZarrView {
    fn name(&self) -> &'static str {
        "from-zarr"
    }

    fn dtype(&self) -> NdDtype {
        self.source.dtype()
    }

    fn shape(&self) -> Vec<usize> {
        self.shape.clone()
    }

    fn token(&self) -> Token {
        self.token
    }

    fn describe(&self, region: &Region) -> String {
        self.source.described(&format!("{region:?} of a view"))
    }

    fn projected_bytes(&self, region: &Region) -> usize {
        if region.iter().any(|(_, len)| *len == 0) {
            return 0;
        }
        let spans = self.spans(region);
        let first: Vec<Span> = spans.iter().map(|spans| spans[0]).collect();
        let one = self.source.projected_bytes(&boxed(&first));
        if spans.iter().all(|spans| spans.len() == 1) {
            return one;
        }
        let size: usize = region.iter().map(|(_, len)| len).product();
        one + 2 * size * self.dtype().itemsize()
    }

    fn is_local_file(&self) -> bool {
        self.source.is_local_file()
    }

    fn is_stored_plainly(&self) -> bool {
        self.source.is_stored_plainly()
    }

    fn read(&self, region: &Region) -> Result<ArrayChunk> {
        let shape: Vec<usize> = region.iter().map(|(_, len)| *len).collect();
        let dtype = self.dtype();
        if shape.contains(&0) {
            return ArrayChunk::dense(dtype, shape, MutableBuffer::new(0).into());
        }
        let (mut blocks, mut pieces) = (Vec::new(), Vec::new());
        each(&self.spans(region), &mut |chosen| {
            let block = self.source.read(&boxed(chosen))?;
            let at = |axis: &ViewAxis| axis.map_or(0, |(axis, ..)| chosen[axis].at);
            let parts: Vec<_> = chosen.iter().map(|span| span.part).collect();
            // What isn't wanted of a box must not wait for the others.
            let whole = |((_, len, step), size): (&(usize, usize, isize), &usize)| *step == 1 && len == size;
            let (block, parts) = if parts.iter().zip(&block.shape).all(whole) {
                (block, parts)
            } else {
                let part = crate::kernels::nd::copy::compact(&block.slice(&parts)?)?;
                (part, parts.iter().map(|(_, len, _)| (0, *len, 1)).collect())
            };
            blocks.push(Chunk::Array(Arc::new(block)));
            pieces.push(Piece {
                parts,
                at: self.axes.iter().map(at).collect(),
            });
            Ok(())
        })?;
        let gather = Gather {
            shape: shape.into_iter().map(Some).collect(),
            axes: self.axes.iter().map(|axis| axis.map(|(axis, ..)| axis)).collect(),
            pieces,
            dtype,
        };
        gather.run(&blocks, false)
    }

    fn wire_kind(&self) -> &'static str {
        KIND
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.source.encode(out)?;
        let axes = self.axes.iter();
        let axes: Vec<_> = axes
            .map(|axis| axis.map(|(axis, start, step)| (axis, (start, step))))
            .collect();
        axes.encode(out)?;
        self.fixed.encode(out)?;
        self.shape.encode(out)?;
        self.token.encode(out)
    }
}
