//! One pass over batches: group ids, then every accumulator over some hundred rows at a time, so that a group's row of words
//! is still in the nearest cache when the next accumulator wants it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;

use crate::chunk::Chunk;
use crate::error::{Error, Result};
use crate::kernels::agg::AggPlan;
use crate::kernels::agg::groups::Groups;
use crate::kernels::agg::input::{Input, Lane};
use crate::kernels::agg::layout::Extra;
use crate::kernels::agg::rows::Rows;
use crate::kernels::group::Grouper;
use crate::kernels::group::column::codes_of;
use crate::kernels::group::tag::fetch;

/// Rows that go through all accumulators before the next ones.
const STRIP: usize = 256;

/// Beyond that many bytes of accumulators the rows of a strip are fetched before the first of them adds to it.
const NEAR: usize = 1 << 19;

/// Aggregates batches, in the order of the rows.
#[derive(Clone, Debug)]
pub struct Aggregator {
    plan: Arc<AggPlan>,
    grouper: Grouper,
    rows: Rows,
    extras: Vec<Extra>,
    ids: Vec<u32>,
}

impl Aggregator {
    /// An aggregation of no rows yet.
    ///
    /// # Errors
    /// [`crate::error::Kind::NotNative`] for dtypes without a kernel (a plan has refused them before).
    pub fn new(plan: Arc<AggPlan>) -> Result<Self> {
        let mut aggregator = Self::distinct(plan)?;
        if aggregator.extras.is_empty() {
            aggregator.grouper.allow_repeats();
        }
        Ok(aggregator)
    }

    /// As `new`, for a result in which no key comes twice.
    pub(super) fn distinct(plan: Arc<AggPlan>) -> Result<Self> {
        let mut aggregator = Self {
            grouper: Grouper::new(&plan.keys)?,
            rows: plan.layout.rows(),
            extras: plan.layout.new_extras()?,
            ids: Vec::new(),
            plan,
        };
        if aggregator.plan.keys.is_empty() {
            aggregator.grow(1);
        }
        Ok(aggregator)
    }

    fn grow(&mut self, groups: usize) {
        self.rows.grow(groups);
        self.extras.iter_mut().for_each(|extra| extra.grow(groups));
    }

    /// The number of groups by now.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.rows.len()
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        let extras: usize = self.extras.iter().map(Extra::nbytes).sum();
        self.grouper.nbytes() + self.rows.nbytes() + self.ids.capacity() * 4 + extras
    }

    /// Adds a batch of `len` rows: the group keys, and the inputs of the plan in order (`None` where a call takes none).
    ///
    /// # Errors
    /// When the arrays don't fit the plan.
    pub fn update(&mut self, keys: &[ArrayRef], args: &[Option<ArrayRef>], len: usize) -> Result<()> {
        let plan = self.plan.clone();
        let fit = |array: &ArrayRef| array.len() == len;
        if keys.len() != plan.keys.len()
            || args.len() != plan.inputs.len()
            || !keys.iter().all(fit)
            || !args.iter().flatten().all(fit)
        {
            return Err(Error::internal("a batch doesn't fit the plan of its aggregation"));
        }
        let mut inputs = Vec::with_capacity(args.len());
        for (array, dtype) in args.iter().zip(&plan.inputs) {
            inputs.push(match (array, dtype) {
                (Some(array), Some(dtype)) => Some(Input::new(array, dtype, Lane::of(dtype)?)?),
                (None, None) => None,
                _ => return Err(Error::internal("an aggregation got a column too many or too few")),
            });
        }
        let input = |at: Option<usize>| at.and_then(|at| inputs[at].as_ref());
        if plan.keys.is_empty() {
            let row = self.rows.row_mut(0);
            for slot in &plan.layout.slots {
                let end = slot.offset + slot.accumulator.template().len();
                slot.accumulator
                    .reduce(&mut row[slot.offset..end], input(slot.input), len);
            }
            if !self.extras.is_empty() {
                self.ids.clear();
                self.ids.resize(len, 0);
            }
        } else {
            let keys: Vec<ArrayRef> = keys.iter().map(codes_of).collect();
            self.grouper.ids(&keys, &mut self.ids)?;
            self.grow(self.grouper.len());
            let is_large = self.rows.nbytes() > NEAR;
            for (strip, ids) in self.ids.chunks(STRIP).enumerate() {
                if is_large {
                    ids.iter().for_each(|id| fetch(self.rows.row(*id).as_ptr()));
                }
                for slot in &plan.layout.slots {
                    let mut cells = self.rows.cells(slot.offset);
                    slot.accumulator
                        .update(&mut cells, ids, input(slot.input), strip * STRIP);
                }
            }
        }
        for (extra, spec) in self.extras.iter_mut().zip(&plan.layout.extras) {
            let array = args[spec.input].as_ref();
            let array = array.ok_or_else(|| Error::internal("an aggregation without its column"))?;
            extra.update(&self.ids, array)?;
        }
        Ok(())
    }

    /// Adds partial results, whose rows come after all rows so far: all groups, or those at the positions `picked`.
    pub(super) fn absorb(
        &mut self,
        groups: &Groups,
        keys: &[ArrayRef],
        picked: Option<&[u32]>,
    ) -> Result<()> {
        let plan = self.plan.clone();
        let indices = picked.map(|picked| UInt32Array::from(picked.to_vec()));
        let gather = |array: &ArrayRef| match &indices {
            Some(indices) => Ok(take(array, indices, None)?),
            None => Ok(array.clone()),
        };
        if plan.keys.is_empty() {
            self.ids.clear();
            self.ids.resize(groups.len, 0);
        } else {
            let keys: Vec<ArrayRef> = keys.iter().map(gather).collect::<Result<_>>()?;
            self.grouper.ids(&keys, &mut self.ids)?;
            self.grow(self.grouper.len());
        }
        for (at, id) in self.ids.iter().enumerate() {
            let from = picked.map_or(at as u32, |picked| picked[at]);
            plan.layout.merge(self.rows.row_mut(*id), groups.rows.row(from));
        }
        for (extra, state) in self.extras.iter_mut().zip(&groups.extras) {
            let state: Vec<ArrayRef> = state.iter().map(gather).collect::<Result<_>>()?;
            extra.merge(&self.ids, &state)?;
        }
        Ok(())
    }

    /// The ids of the rows that were added last.
    pub(super) fn last_ids(&self) -> &[u32] {
        &self.ids
    }

    pub(super) fn into_groups(self) -> Result<Groups> {
        Ok(Groups {
            distinct: self.grouper.is_distinct(),
            keys: self.grouper.into_keys()?,
            len: self.rows.len(),
            rows: self.rows,
            extras: self.extras.into_iter().map(Extra::state).collect::<Result<_>>()?,
        })
    }

    /// The partial result: one row a group, in order of first appearance.
    ///
    /// # Errors
    /// When Arrow can't build the keys.
    pub fn into_state(self) -> Result<Chunk> {
        let plan = self.plan.clone();
        Ok(self.into_groups()?.into_chunk(&plan))
    }
}
