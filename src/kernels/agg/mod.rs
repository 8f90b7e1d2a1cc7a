//! Aggregation: reductions to one row and group-bys, in partial results that merge exactly.
//!
//! Answers: which dtypes have kernels (`AggPlan::new`), partial results batch by batch (`Aggregator`), merging them
//! (`AggPlan::merge`) and the columns that come out (`AggPlan::finish`), in pandas' meaning. Does not cover evaluating keys
//! and arguments (expressions) or when what is merged (`plan`).
//!
//! Invariants: partial results are given in the order of their rows; results don't depend on how the rows were cut, but for
//! the last bits of `var`, `std` and products of floats. A NumPy integer or bool column of the result holds a null where pandas
//! would have made the column `float64` with a NaN (see [`AggOp::result`]).

mod accumulator;
mod aggregator;
mod coded;
mod count;
mod distinct;
mod extreme;
mod finish;
mod groups;
mod input;
mod layout;
mod levels;
mod merge;
mod moments;
mod pick;
mod prod;
mod result;
mod rows;
mod sum;
#[cfg(test)]
mod tests;
mod text;
mod truth;
mod widen;
mod wire;

use std::sync::Arc;

pub use aggregator::Aggregator;

use crate::chunk::{Chunk, FrameChunk};
use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::kernels::agg::groups::Groups;
use crate::kernels::agg::layout::Layout;
use crate::kernels::group::Grouper;
use crate::kernels::group::column::code_dtype;
use crate::op::agg::AggOp;
use crate::parallel;
use crate::schema::{Column, FrameKind, FrameSchema, IndexSchema, Label};

/// How groups are ordered and which are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupOptions {
    /// Groups in the order of their keys; else in order of first appearance.
    pub sort: bool,
    /// Groups with a missing key are left out.
    pub dropna: bool,
    /// Of categorical keys only the categories that occur.
    pub observed: bool,
}

/// A whole aggregation, checked and laid out.
#[derive(Debug)]
pub struct AggPlan {
    /// The dtypes of the keys as the kernels see them (a categorical by its codes).
    keys: Vec<Dtype>,
    /// The dtypes of the keys as they come out.
    key_dtypes: Vec<Dtype>,
    inputs: Vec<Option<Dtype>>,
    /// What is computed, over which of the inputs.
    calls: Vec<(AggOp, Option<usize>)>,
    options: GroupOptions,
    output: Arc<FrameSchema>,
    state: Arc<FrameSchema>,
    layout: Layout,
    /// From that many groups on the merge is parallel.
    many: usize,
}

impl AggPlan {
    /// A plan in which every call has its own input: `Aggregator::update` gets one argument a call (`None` for `size`).
    ///
    /// `output` says how the result looks: without keys one row of the calls; with keys either the keys as index levels and the
    /// calls as columns, or a range index and the keys before the calls. The dtypes of `output` decide the columns'
    /// types; they should be those of [`AggOp::result`].
    ///
    /// # Errors
    /// [`crate::error::Kind::NotNative`] when a dtype, or the combination of options, has no kernel;
    /// [`crate::error::Kind::Type`] when pandas refuses it as well.
    pub fn new(
        keys: &[Dtype],
        calls: &[(AggOp, Option<Dtype>)],
        options: GroupOptions,
        output: Arc<FrameSchema>,
    ) -> Result<Self> {
        let inputs = calls.iter().map(|(_, dtype)| dtype.clone()).collect();
        let calls: Vec<_> = calls
            .iter()
            .enumerate()
            .map(|(at, (op, dtype))| (*op, dtype.is_some().then_some(at)))
            .collect();
        Self::build(keys, inputs, &calls, options, output)
    }

    /// A plan whose calls share inputs: each call names its input by position, and `Aggregator::update` gets one argument
    /// for each input. Calls over the same input share what they accumulate.
    ///
    /// # Errors
    /// As [`AggPlan::new`].
    pub fn shared(
        keys: &[Dtype],
        inputs: &[Dtype],
        calls: &[(AggOp, Option<usize>)],
        options: GroupOptions,
        output: Arc<FrameSchema>,
    ) -> Result<Self> {
        Self::build(
            keys,
            inputs.iter().cloned().map(Some).collect(),
            calls,
            options,
            output,
        )
    }

    fn build(
        keys: &[Dtype],
        inputs: Vec<Option<Dtype>>,
        calls: &[(AggOp, Option<usize>)],
        options: GroupOptions,
        output: Arc<FrameSchema>,
    ) -> Result<Self> {
        let grouped = !keys.is_empty();
        for (op, input) in calls {
            let dtype = input.and_then(|input| inputs.get(input)).and_then(Option::as_ref);
            op.result(dtype, grouped)?;
        }
        let category = keys.iter().any(|key| matches!(key, Dtype::Category(_)));
        if category && !options.observed && !options.sort && keys.len() > 1 {
            return Err(Error::not_native(
                "observed=False with sort=False and several keys has an order of its own in pandas",
            ));
        }
        let key_dtypes = keys.to_vec();
        let keys: Vec<Dtype> = keys.iter().map(code_dtype).collect();
        Grouper::new(&keys)?;
        let layout = Layout::new(&inputs, calls)?;
        let columns = keys
            .iter()
            .cloned()
            .chain(layout.state_dtypes()?)
            .map(|dtype| Column {
                name: Label::None,
                dtype,
            })
            .collect();
        let fits = match &output.index {
            IndexSchema::Levels(levels) if grouped => {
                levels.len() == keys.len() && output.columns.len() == calls.len()
            }
            IndexSchema::Range { .. } => output.columns.len() == keys.len() + calls.len(),
            IndexSchema::Levels(_) => false,
        };
        if !fits {
            return Err(Error::internal(format!(
                "an aggregation of {} calls by {} keys doesn't fit its output of {} columns",
                calls.len(),
                keys.len(),
                output.columns.len()
            )));
        }
        Ok(Self {
            keys,
            key_dtypes,
            inputs,
            calls: calls.to_vec(),
            options,
            output,
            state: Arc::new(FrameSchema::new(FrameKind::Frame, columns, IndexSchema::range())),
            layout,
            many: merge::MANY,
        })
    }

    /// The shape of the result.
    #[must_use]
    pub fn output(&self) -> &Arc<FrameSchema> {
        &self.output
    }

    /// The shape of partial results.
    #[must_use]
    pub fn state(&self) -> &Arc<FrameSchema> {
        &self.state
    }

    /// Partial results made one. They are given in the order of their rows.
    ///
    /// # Errors
    /// When they aren't partial results of this plan.
    pub fn merge(self: &Arc<Self>, states: Vec<Chunk>) -> Result<Chunk> {
        let states = Groups::from_chunks(self, states)?;
        Ok(merge::merge(self, &states, true)?.into_owned().into_chunk(self))
    }

    /// The result of all partial results, given in the order of their rows. Its index levels may be dictionary-encoded.
    ///
    /// # Errors
    /// When they aren't partial results of this plan, or [`crate::error::Kind::Memory`] when the unobserved combinations of
    /// categories are too many.
    pub fn finish(self: &Arc<Self>, states: Vec<Chunk>) -> Result<FrameChunk> {
        let states = Groups::from_chunks(self, states)?;
        let frame = match parallel::install(|| coded::finish(self, &states))? {
            Some(frame) => frame,
            None => finish::finish(self, &*merge::merge(self, &states, !self.options.sort)?)?,
        };
        widen::widened(frame)
    }
}
