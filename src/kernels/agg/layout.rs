//! What has to be accumulated for the calls of a plan: which accumulators over which inputs, at which word of a row, and
//! from which of them each call's result is made.
//!
//! Calls over the same input share accumulators (`mean` and `sum` add once, `mean` and `count` count once).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt64Array};
use arrow::datatypes::DataType;

use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::kernels::agg::accumulator::Accumulator;
use crate::kernels::agg::distinct::Distinct;
use crate::kernels::agg::input::Lane;
use crate::kernels::agg::rows::Rows;
use crate::kernels::agg::text::{TextColumn, TextPick};
use crate::op::agg::AggOp;

/// An accumulator in the rows.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) accumulator: Accumulator,
    pub(super) input: Option<usize>,
    pub(super) offset: usize,
}

/// An aggregate that doesn't fit in words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ExtraSpec {
    kind: ExtraKind,
    pub(super) input: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum ExtraKind {
    Text(TextPick),
    Distinct { dtype: Dtype, dropna: bool },
}

/// Where a call's value is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// At this word of the row.
    Word(usize),
    /// In this one of the aggregates that don't fit in words.
    Extra(usize),
}

/// How a call's result is made.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) op: AggOp,
    pub(super) lane: Lane,
    /// Whether the sum of a mean of integers takes two words.
    pub(super) wide: bool,
    pub(super) source: Source,
    /// The word that counts values.
    pub(super) count: Option<usize>,
    /// The word that counts rows, where missing values make the result missing.
    pub(super) size: Option<usize>,
}

/// The whole layout.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    pub(super) slots: Vec<Slot>,
    pub(super) template: Vec<u64>,
    pub(super) extras: Vec<ExtraSpec>,
    pub(super) recipes: Vec<Recipe>,
}

impl Layout {
    /// For these calls; each names its input by position.
    pub(super) fn new(inputs: &[Option<Dtype>], calls: &[(AggOp, Option<usize>)]) -> Result<Self> {
        let mut layout = Self::default();
        for (op, input) in calls {
            let dtype = match input {
                Some(input) => inputs.get(*input).ok_or_else(|| {
                    Error::internal(format!("an aggregation of input {input}, which isn't there"))
                })?,
                None => &None,
            };
            let recipe = match (input, dtype) {
                (Some(input), Some(dtype)) => layout.recipe(*op, *input, dtype)?,
                _ if *op == AggOp::Size => Recipe {
                    op: *op,
                    lane: Lane::Int,
                    wide: false,
                    source: Source::Word(layout.slot(Accumulator::Size, None)),
                    count: None,
                    size: None,
                },
                _ => return Err(Error::internal(format!("{} without a column", op.name()))),
            };
            layout.recipes.push(recipe);
        }
        Ok(layout)
    }

    fn recipe(&mut self, op: AggOp, input: usize, dtype: &Dtype) -> Result<Recipe> {
        let lane = Lane::of(dtype)?;
        let text = lane == Lane::Text;
        let float = lane == Lane::Float;
        let wide = match dtype {
            Dtype::Numpy(kind) | Dtype::Nullable(kind) => kind.itemsize() == 8,
            Dtype::Arrow(data_type) => {
                NumpyType::from_arrow(data_type).is_none_or(|kind| kind.itemsize() == 8)
            }
            _ => true,
        };
        let word = |layout: &mut Self, accumulator| Source::Word(layout.slot(accumulator, Some(input)));
        let source = match op {
            AggOp::Size => Source::Word(self.slot(Accumulator::Size, None)),
            AggOp::Count => word(self, Accumulator::Count),
            AggOp::NUnique { dropna } => self.extra(
                ExtraKind::Distinct {
                    dtype: dtype.clone(),
                    dropna,
                },
                input,
            ),
            AggOp::Any { .. } | AggOp::All { .. } => word(self, Accumulator::Truth),
            AggOp::Min { .. } if text => self.extra(ExtraKind::Text(TextPick::Min), input),
            AggOp::Max { .. } if text => self.extra(ExtraKind::Text(TextPick::Max), input),
            AggOp::First { skipna } if text => self.extra(ExtraKind::Text(TextPick::First { skipna }), input),
            AggOp::Last { skipna } if text => self.extra(ExtraKind::Text(TextPick::Last { skipna }), input),
            _ if text => {
                return Err(Error::not_native(format!(
                    "{} of text has no native kernel",
                    op.name()
                )));
            }
            AggOp::Sum { .. } | AggOp::Mean { .. } if float => word(self, Accumulator::SumFloat),
            AggOp::Mean { .. } if wide => word(self, Accumulator::SumWide),
            AggOp::Sum { .. } | AggOp::Mean { .. } => word(self, Accumulator::SumInt),
            AggOp::Prod { .. } if float => word(self, Accumulator::ProdFloat),
            AggOp::Prod { .. } => word(self, Accumulator::ProdInt),
            AggOp::Min { .. } => word(self, Accumulator::Extreme { lane, max: false }),
            AggOp::Max { .. } => word(self, Accumulator::Extreme { lane, max: true }),
            AggOp::Var { .. } | AggOp::Std { .. } => word(self, Accumulator::Moments),
            AggOp::First { skipna } => word(self, Accumulator::Pick { last: false, skipna }),
            AggOp::Last { skipna } => word(self, Accumulator::Pick { last: true, skipna }),
        };
        let (skipna, least, counts) = match op {
            AggOp::Sum { skipna, min_count } | AggOp::Prod { skipna, min_count } => {
                (skipna, min_count, false)
            }
            AggOp::Mean { skipna } => (skipna, 0, true),
            // NaN says it all for NumPy's floats; other types need to know whether there was a value.
            AggOp::Min { skipna, min_count } | AggOp::Max { skipna, min_count } => (
                skipna,
                min_count,
                !(text || float && matches!(dtype, Dtype::Numpy(_))),
            ),
            AggOp::Var { skipna, .. } | AggOp::Std { skipna, .. } => (skipna, 0, false),
            AggOp::Count
            | AggOp::Size
            | AggOp::First { .. }
            | AggOp::Last { .. }
            | AggOp::NUnique { .. }
            | AggOp::Any { .. }
            | AggOp::All { .. } => (true, 0, false),
        };
        let size = (!skipna).then(|| self.slot(Accumulator::Size, None));
        let count = (counts || !skipna || least > 0).then(|| self.slot(Accumulator::Count, Some(input)));
        Ok(Recipe {
            op,
            lane,
            wide,
            source,
            count,
            size,
        })
    }

    fn slot(&mut self, accumulator: Accumulator, input: Option<usize>) -> usize {
        let same = |slot: &&Slot| slot.accumulator == accumulator && slot.input == input;
        if let Some(slot) = self.slots.iter().find(same) {
            return slot.offset;
        }
        let offset = self.template.len();
        self.template.extend_from_slice(accumulator.template());
        self.slots.push(Slot {
            accumulator,
            input,
            offset,
        });
        offset
    }

    fn extra(&mut self, kind: ExtraKind, input: usize) -> Source {
        let spec = ExtraSpec { kind, input };
        let at = self.extras.iter().position(|other| *other == spec);
        Source::Extra(at.unwrap_or_else(|| {
            self.extras.push(spec);
            self.extras.len() - 1
        }))
    }

    /// The dtypes of the state's columns after the keys.
    pub(super) fn state_dtypes(&self) -> Result<Vec<Dtype>> {
        let mut dtypes = vec![Dtype::Numpy(NumpyType::UInt64); self.template.len()];
        for extra in &self.extras {
            match &extra.kind {
                ExtraKind::Text(_) => {
                    dtypes.extend([Dtype::Arrow(DataType::Utf8View), Dtype::Numpy(NumpyType::Bool)]);
                }
                ExtraKind::Distinct { dtype, .. } => dtypes.push(Dtype::Arrow(Distinct::state_type(dtype)?)),
            }
        }
        Ok(dtypes)
    }

    pub(super) fn rows(&self) -> Rows {
        Rows::new(self.template.clone())
    }

    pub(super) fn new_extras(&self) -> Result<Vec<Extra>> {
        self.extras
            .iter()
            .map(|spec| {
                Ok(match &spec.kind {
                    ExtraKind::Text(pick) => Extra::Text(TextColumn::new(*pick)),
                    ExtraKind::Distinct { dtype, dropna } => {
                        Extra::Distinct(Box::new(Distinct::new(dtype, *dropna)?))
                    }
                })
            })
            .collect()
    }

    /// Adds the accumulators of a later row to those of an earlier one.
    #[inline]
    pub(super) fn merge(&self, row: &mut [u64], other: &[u64]) {
        for slot in &self.slots {
            let words = slot.offset..slot.offset + slot.accumulator.template().len();
            slot.accumulator.merge(&mut row[words.clone()], &other[words]);
        }
    }

    /// Takes the columns of a state apart: words, and the columns of each extra.
    pub(super) fn unpack(&self, columns: &[ArrayRef], len: usize) -> Result<(Rows, Vec<Vec<ArrayRef>>)> {
        let broken = || Error::internal("the columns of a partial aggregate don't fit its plan");
        let (words, mut rest) = columns.split_at_checked(self.template.len()).ok_or_else(broken)?;
        let words: Vec<&[u64]> = words
            .iter()
            .map(|column| {
                let array = column.as_any().downcast_ref::<UInt64Array>().ok_or_else(broken)?;
                Ok(&array.values()[..])
            })
            .collect::<Result<_>>()?;
        let rows = Rows::from_columns(self.template.clone(), &words, len);
        let mut extras = Vec::with_capacity(self.extras.len());
        for spec in &self.extras {
            let width = match spec.kind {
                ExtraKind::Text(_) => 2,
                ExtraKind::Distinct { .. } => 1,
            };
            let (mine, others) = rest.split_at_checked(width).ok_or_else(broken)?;
            extras.push(mine.to_vec());
            rest = others;
        }
        if rest.is_empty() {
            Ok((rows, extras))
        } else {
            Err(broken())
        }
    }

    /// The columns of a state.
    pub(super) fn pack(&self, rows: &Rows, extras: &[Vec<ArrayRef>]) -> Vec<ArrayRef> {
        let words = (0..self.template.len())
            .map(|offset| Arc::new(UInt64Array::from(rows.column(offset))) as ArrayRef);
        words.chain(extras.iter().flatten().cloned()).collect()
    }
}

/// An aggregate that doesn't fit in words, while it is built.
#[derive(Clone, Debug)]
pub(super) enum Extra {
    Text(TextColumn),
    Distinct(Box<Distinct>),
}

impl Extra {
    pub(super) fn grow(&mut self, groups: usize) {
        match self {
            Self::Text(column) => column.grow(groups),
            Self::Distinct(distinct) => distinct.grow(groups),
        }
    }

    pub(super) fn update(&mut self, ids: &[u32], array: &ArrayRef) -> Result<()> {
        match self {
            Self::Text(column) => column.update(ids, array),
            Self::Distinct(distinct) => distinct.update(ids, array),
        }
    }

    pub(super) fn merge(&mut self, ids: &[u32], state: &[ArrayRef]) -> Result<()> {
        match (self, state) {
            (Self::Text(column), state) => column.merge(ids, state),
            (Self::Distinct(distinct), [state]) => distinct.merge(ids, state),
            (Self::Distinct(_), _) => Err(Error::internal("the state of nunique has one column")),
        }
    }

    pub(super) fn state(self) -> Result<Vec<ArrayRef>> {
        match self {
            Self::Text(column) => Ok(column.state()),
            Self::Distinct(distinct) => Ok(vec![distinct.state()?]),
        }
    }

    pub(super) fn nbytes(&self) -> usize {
        match self {
            Self::Text(column) => column.nbytes(),
            Self::Distinct(distinct) => distinct.nbytes(),
        }
    }
}
