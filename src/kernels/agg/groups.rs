//! Partial results: keys, accumulator rows and extra columns of some groups, and the frame chunk that carries them between tasks.
//!
//! Invariant: groups are in order of first appearance; a reduction without keys has exactly one.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::concat;

use crate::chunk::{Batch, FrameChunk, IndexData};
use crate::error::{Error, Result};
use crate::kernels::agg::AggPlan;
use crate::kernels::agg::rows::Rows;

/// Some groups.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    pub(super) keys: Vec<ArrayRef>,
    pub(super) rows: Rows,
    /// The state columns of each aggregate that doesn't fit in words.
    pub(super) extras: Vec<Vec<ArrayRef>>,
    pub(super) len: usize,
}

impl Groups {
    /// The groups of every batch of a partial result.
    pub(super) fn from_state(plan: &AggPlan, state: &FrameChunk) -> Result<Vec<Self>> {
        state
            .batches
            .iter()
            .map(|batch| {
                let (keys, columns) = batch
                    .columns
                    .split_at_checked(plan.keys.len())
                    .ok_or_else(|| Error::internal("a partial aggregate without its keys"))?;
                let (rows, extras) = plan.layout.unpack(columns, batch.len)?;
                Ok(Self {
                    keys: keys.to_vec(),
                    rows,
                    extras,
                    len: batch.len,
                })
            })
            .collect()
    }

    pub(super) fn into_state(self, plan: &AggPlan) -> Result<FrameChunk> {
        let mut columns = self.keys;
        columns.extend(plan.layout.pack(&self.rows, &self.extras));
        let batch = Batch {
            index: IndexData::Range { start: 0, step: 1 },
            columns,
            len: self.len,
        };
        FrameChunk::new(Arc::clone(&plan.state), vec![batch])
    }

    /// The groups of all parts, one after another; no two parts share a group.
    pub(super) fn concat(parts: Vec<Self>) -> Result<Self> {
        let join = |columns: &dyn Fn(&Self) -> &ArrayRef| {
            let arrays: Vec<&dyn arrow::array::Array> =
                parts.iter().map(|part| columns(part).as_ref()).collect();
            Ok(concat(&arrays)?)
        };
        let first = parts.first().ok_or_else(|| Error::internal("no parts to join"))?;
        let keys = (0..first.keys.len())
            .map(|key| join(&|part| &part.keys[key]))
            .collect::<Result<_>>()?;
        let extras = (0..first.extras.len())
            .map(|extra| {
                (0..first.extras[extra].len())
                    .map(|column| join(&|part| &part.extras[extra][column]))
                    .collect::<Result<_>>()
            })
            .collect::<Result<_>>()?;
        let len = parts.iter().map(|part| part.len).sum();
        let rows = parts
            .into_iter()
            .map(|part| part.rows)
            .reduce(|mut all, part| {
                all.append(part);
                all
            })
            .ok_or_else(|| Error::internal("no parts to join"))?;
        Ok(Self {
            keys,
            rows,
            extras,
            len,
        })
    }
}
