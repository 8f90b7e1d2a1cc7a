//! Elements of single blocks chosen, repeated or replaced, as data. The loops are in `kernels::nd`.

use std::sync::Arc;

use crate::token::{Tokenize, Tokenizer};

/// Points of one block: along each axis that points have, where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Points {
    /// One list for each axis, all of one length.
    pub at: Vec<Arc<[i64]>>,
    /// Which points of the result they are.
    pub places: Arc<[i64]>,
}

/// What is made of the blocks at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PickOp {
    /// The elements at points of the inputs.
    Points {
        /// The axes that the points have positions along, ascending.
        axes: Vec<usize>,
        /// Where the axis of points stands among the others.
        place: usize,
        /// How many points there are.
        count: usize,
        /// Those in each input.
        parts: Vec<Points>,
    },
    /// Each element of an axis so many times.
    Repeat {
        /// The axis.
        axis: usize,
        /// How many times.
        times: usize,
    },
    /// Zeros above or below a diagonal of the last two axes; `k` is counted in the whole array until a task is made of it.
    Triangle {
        /// What is kept is below the diagonal.
        lower: bool,
        /// How far the diagonal is above the main one.
        k: i64,
    },
    /// Where the second input, a mask of one axis, holds along this axis of the first.
    Compress {
        /// The axis.
        axis: usize,
    },
    /// Where the second input, a mask of all axes, holds.
    Select,
}

impl PickOp {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Points { .. } => "points",
            Self::Repeat { .. } => "repeat",
            Self::Triangle { lower: true, .. } => "tril",
            Self::Triangle { lower: false, .. } => "triu",
            Self::Compress { .. } => "compress",
            Self::Select => "select",
        }
    }

    /// How many inputs it has.
    #[must_use]
    pub fn arity(&self) -> usize {
        match self {
            Self::Points { parts, .. } => parts.len(),
            Self::Repeat { .. } | Self::Triangle { .. } => 1,
            Self::Compress { .. } | Self::Select => 2,
        }
    }
}

impl Tokenize for PickOp {
    fn tokenize(&self, t: &mut Tokenizer) {
        t.text(self.name());
        match self {
            Self::Points {
                axes,
                place,
                count,
                parts,
            } => {
                t.number(axes.len() as u64);
                axes.iter().for_each(|axis| {
                    t.number(*axis as u64);
                });
                t.number(*place as u64).number(*count as u64);
                t.number(parts.len() as u64);
                for part in parts {
                    for list in part.at.iter().chain([&part.places]) {
                        let bytes: Vec<u8> = list.iter().flat_map(|i| i.to_le_bytes()).collect();
                        t.bytes(&bytes);
                    }
                }
            }
            Self::Repeat { axis, times } => {
                t.number(*axis as u64).number(*times as u64);
            }
            Self::Triangle { k, .. } => {
                t.number(k.cast_unsigned());
            }
            Self::Compress { axis } => {
                t.number(*axis as u64);
            }
            Self::Select => {}
        }
    }
}
