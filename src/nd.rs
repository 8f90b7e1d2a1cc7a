//! Words of n-dimensional arrays: element types as NumPy has them, and the grid of chunks in closed form.
//!
//! Covers what an array is made of, not its values. Invariants: elements are in the machine's byte order; a grid of a
//! million chunks of one size takes no more memory than one of two.

use std::sync::Arc;

use crate::token::{Tokenize, Tokenizer};

/// The element types that kernels compute with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Elem {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
    C64,
    C128,
}

impl Elem {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Bool,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::U8,
        Self::U16,
        Self::U32,
        Self::U64,
        Self::F16,
        Self::F32,
        Self::F64,
        Self::C64,
        Self::C128,
    ];

    /// NumPy's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::F16 => "float16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::C64 => "complex64",
            Self::C128 => "complex128",
        }
    }

    /// The type that NumPy calls `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|elem| elem.name() == name)
    }

    /// Bytes of an element.
    #[must_use]
    pub fn itemsize(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 | Self::C64 => 8,
            Self::C128 => 16,
        }
    }
}

/// The dtype of an array.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NdDtype {
    /// Kernels compute with it.
    Num(Elem),
    /// Elements of a fixed size that are moved natively and computed with by NumPy: datetimes, timedeltas, fixed text.
    Raw {
        /// NumPy's `dtype.str`, such as `<M8[ns]`.
        descr: Arc<str>,
        /// Bytes of an element.
        itemsize: usize,
    },
    /// Elements that only the host language can hold: objects, records. Chunks are host objects.
    Host,
}

impl NdDtype {
    /// Bytes of an element; 0 for host objects.
    #[must_use]
    pub fn itemsize(&self) -> usize {
        match self {
            Self::Num(elem) => elem.itemsize(),
            Self::Raw { itemsize, .. } => *itemsize,
            Self::Host => 0,
        }
    }

    /// The element type, when kernels compute with it.
    #[must_use]
    pub fn elem(&self) -> Option<Elem> {
        match self {
            Self::Num(elem) => Some(*elem),
            _ => None,
        }
    }
}

impl Tokenize for NdDtype {
    fn tokenize(&self, t: &mut Tokenizer) {
        match self {
            Self::Num(elem) => t.text(elem.name()),
            Self::Raw { descr, .. } => t.text(descr),
            Self::Host => t.text("O"),
        };
    }
}

/// How one axis is cut into chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Chunks of one length, the last one of what is left. An empty axis is one chunk of length 0.
    Regular {
        /// Length of the axis.
        len: usize,
        /// Length of a chunk, at least 1.
        chunk: usize,
    },
    /// Where each chunk begins, and the length of the axis at the end: one more entry than chunks.
    Bounds(Arc<[usize]>),
    /// Lengths of which at least one is unknown until it is computed.
    Unknown(Arc<[Option<usize>]>),
}

impl Axis {
    /// The axis cut into chunks of these lengths, in the most compact form.
    #[must_use]
    pub fn from_sizes(sizes: &[Option<usize>]) -> Self {
        let known: Option<Vec<usize>> = sizes.iter().copied().collect();
        let Some(known) = known else {
            return Self::Unknown(sizes.into());
        };
        let len = known.iter().sum();
        match known.split_last() {
            None => Self::Bounds([0].into()),
            Some((_, [])) => Self::Regular {
                len,
                chunk: len.max(1),
            },
            Some((last, rest))
                if rest[0] > 0 && rest.iter().all(|n| *n == rest[0]) && (1..=rest[0]).contains(last) =>
            {
                Self::Regular { len, chunk: rest[0] }
            }
            _ => {
                let mut at = 0;
                let mut bounds = vec![0];
                for size in known {
                    at += size;
                    bounds.push(at);
                }
                Self::Bounds(bounds.into())
            }
        }
    }

    /// One chunk of this length.
    #[must_use]
    pub fn single(len: usize) -> Self {
        Self::Regular {
            len,
            chunk: len.max(1),
        }
    }

    /// The number of chunks.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Regular { len, chunk } => len.div_ceil(*chunk).max(1),
            Self::Bounds(bounds) => bounds.len() - 1,
            Self::Unknown(sizes) => sizes.len(),
        }
    }

    /// The length of the axis, when known.
    #[must_use]
    pub fn len(&self) -> Option<usize> {
        match self {
            Self::Regular { len, .. } => Some(*len),
            Self::Bounds(bounds) => bounds.last().copied(),
            Self::Unknown(_) => None,
        }
    }

    /// Whether it is known to have no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// Where chunk `i` begins and ends, when known.
    #[must_use]
    pub fn bounds(&self, i: usize) -> Option<(usize, usize)> {
        match self {
            Self::Regular { len, chunk } => Some(((i * chunk).min(*len), ((i + 1) * chunk).min(*len))),
            Self::Bounds(bounds) => Some((bounds[i], bounds[i + 1])),
            Self::Unknown(_) => None,
        }
    }

    /// The length of chunk `i`, when known.
    #[must_use]
    pub fn size(&self, i: usize) -> Option<usize> {
        match self {
            Self::Unknown(sizes) => sizes[i],
            _ => self.bounds(i).map(|(start, stop)| stop - start),
        }
    }

    /// The lengths of all chunks.
    #[must_use]
    pub fn sizes(&self) -> Vec<Option<usize>> {
        (0..self.count()).map(|i| self.size(i)).collect()
    }

    /// The chunk that holds `position`, for known lengths; the last one beyond the end.
    #[must_use]
    pub fn locate(&self, position: usize) -> usize {
        match self {
            Self::Regular { chunk, .. } => (position / chunk).min(self.count() - 1),
            Self::Bounds(bounds) => bounds
                .partition_point(|start| *start <= position)
                .saturating_sub(1)
                .min(self.count().max(1) - 1),
            Self::Unknown(_) => 0,
        }
    }
}

impl Tokenize for Axis {
    fn tokenize(&self, t: &mut Tokenizer) {
        match self {
            Self::Regular { len, chunk } => {
                t.number(0).number(*len as u64).number(*chunk as u64);
            }
            Self::Bounds(bounds) => {
                t.number(1).number(bounds.len() as u64);
                bounds.iter().for_each(|bound| {
                    t.number(*bound as u64);
                });
            }
            Self::Unknown(sizes) => {
                t.number(2).number(sizes.len() as u64);
                sizes.iter().for_each(|size| {
                    t.number(size.map_or(u64::MAX, |size| size as u64));
                });
            }
        }
    }
}

/// How an array is cut into chunks. Blocks are numbered in C order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// One for each dimension.
    pub axes: Vec<Axis>,
}

impl Grid {
    /// The number of blocks; 1 for an array without dimensions.
    #[must_use]
    pub fn count(&self) -> usize {
        self.axes.iter().map(Axis::count).product()
    }

    /// The number of blocks along each axis.
    #[must_use]
    pub fn numblocks(&self) -> Vec<usize> {
        self.axes.iter().map(Axis::count).collect()
    }

    /// The position in the grid of block `number`.
    #[must_use]
    pub fn index(&self, mut number: usize) -> Vec<usize> {
        let mut index = vec![0; self.axes.len()];
        for (at, axis) in index.iter_mut().zip(&self.axes).rev() {
            let count = axis.count();
            *at = number % count;
            number /= count;
        }
        index
    }

    /// The number of the block at `index`.
    #[must_use]
    pub fn number(&self, index: &[usize]) -> usize {
        index
            .iter()
            .zip(&self.axes)
            .fold(0, |number, (at, axis)| number * axis.count() + at)
    }

    /// The shape, when known.
    #[must_use]
    pub fn shape(&self) -> Option<Vec<usize>> {
        self.axes.iter().map(Axis::len).collect()
    }

    /// The shape of the block at `index`, when known.
    #[must_use]
    pub fn block_shape(&self, index: &[usize]) -> Option<Vec<usize>> {
        index
            .iter()
            .zip(&self.axes)
            .map(|(i, axis)| axis.size(*i))
            .collect()
    }
}

impl Tokenize for Grid {
    fn tokenize(&self, t: &mut Tokenizer) {
        t.number(self.axes.len() as u64);
        self.axes.iter().for_each(|axis| axis.tokenize(t));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_compact_and_tell_their_chunks() {
        let axis = Axis::from_sizes(&[Some(4), Some(4), Some(1)]);
        assert_eq!(axis, Axis::Regular { len: 9, chunk: 4 });
        assert_eq!(axis.sizes(), [Some(4), Some(4), Some(1)]);
        let axis = Axis::from_sizes(&[Some(1), Some(0), Some(4)]);
        assert_eq!(axis.sizes(), [Some(1), Some(0), Some(4)]);
        assert_eq!((axis.locate(0), axis.locate(1), axis.locate(4)), (0, 2, 2));
        assert_eq!(Axis::from_sizes(&[Some(0)]).sizes(), [Some(0)]);
        assert_eq!(Axis::from_sizes(&[Some(2), None]).len(), None);
        assert_eq!(Axis::from_sizes(&[Some(4), Some(0)]).sizes(), [Some(4), Some(0)]);
    }

    #[test]
    fn blocks_are_numbered_in_c_order() {
        let grid = Grid {
            axes: vec![
                Axis::Regular { len: 5, chunk: 2 },
                Axis::single(0),
                Axis::Regular { len: 4, chunk: 1 },
            ],
        };
        assert_eq!(grid.count(), 12);
        for number in 0..12 {
            assert_eq!(grid.number(&grid.index(number)), number);
        }
        assert_eq!(grid.block_shape(&[2, 0, 3]), Some(vec![1, 0, 1]));
        assert_eq!(Grid { axes: vec![] }.count(), 1);
    }
}
