//! Partial results: keys, accumulator rows and extra columns of some groups, as they travel between tasks.
//!
//! Covers the frame that a partial result becomes when it is spilled or leaves the process, and the way back. Invariants:
//! groups are in order of first appearance; a reduction without keys has exactly one; `distinct` says that no key comes twice.

use std::any::Any;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::concat;

use crate::chunk::{Batch, Chunk, FrameChunk, IndexData, State};
use crate::error::{Error, Result};
use crate::kernels::agg::AggPlan;
use crate::kernels::agg::rows::Rows;
use crate::kernels::group::keys::GroupKeys;
use crate::schema::FrameSchema;

/// Some groups.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    pub(super) keys: GroupKeys,
    pub(super) rows: Rows,
    /// The state columns of each aggregate that doesn't fit in words.
    pub(super) extras: Vec<Vec<ArrayRef>>,
    pub(super) len: usize,
    pub(super) distinct: bool,
}

/// A partial result on its way between tasks.
#[derive(Debug)]
pub(super) struct Partial {
    plan: Arc<AggPlan>,
    pub(super) groups: Groups,
}

impl State for Partial {
    fn buffers(&self, visit: &mut dyn FnMut(usize, usize)) {
        let groups = &self.groups;
        groups.keys.buffers(visit);
        groups.rows.buffers(visit);
        for array in groups.extras.iter().flatten() {
            let data = array.to_data();
            for buffer in data.buffers() {
                visit(buffer.data_ptr().as_ptr().addr(), buffer.capacity());
            }
            for child in data.child_data() {
                let buffers = child.buffers().iter();
                buffers.for_each(|buffer| visit(buffer.data_ptr().as_ptr().addr(), buffer.capacity()));
            }
        }
    }

    fn len(&self) -> usize {
        self.groups.len
    }

    fn schema(&self) -> Arc<FrameSchema> {
        self.plan.state.clone()
    }

    fn to_frame(&self) -> Result<FrameChunk> {
        let groups = &self.groups;
        let mut columns = groups.keys.plain()?;
        columns.extend(self.plan.layout.pack(&groups.rows, &groups.extras));
        let batch = Batch {
            index: IndexData::Range { start: 0, step: 1 },
            columns,
            len: groups.len,
        };
        FrameChunk::new(Arc::clone(&self.plan.state), vec![batch])
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl Groups {
    /// The groups of partial results, in order.
    pub(super) fn from_chunks(plan: &Arc<AggPlan>, chunks: Vec<Chunk>) -> Result<Vec<Arc<Partial>>> {
        let mut all = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            match chunk {
                Chunk::State(state) => {
                    let partial = state.into_any().downcast::<Partial>();
                    all.push(partial.map_err(|_| Error::internal("a partial result of something else"))?);
                }
                Chunk::Frame(frame) => {
                    let groups = Self::from_frame(plan, &frame)?;
                    all.extend(groups.into_iter().map(|groups| {
                        Arc::new(Partial {
                            plan: plan.clone(),
                            groups,
                        })
                    }));
                }
                _ => {
                    return Err(Error::internal(
                        "an aggregation over chunks that are no partial results",
                    ));
                }
            }
        }
        Ok(all)
    }

    /// The groups of every batch of a partial result that was a frame for a time.
    fn from_frame(plan: &AggPlan, frame: &FrameChunk) -> Result<Vec<Self>> {
        frame
            .batches
            .iter()
            .map(|batch| {
                let (keys, columns) = batch
                    .columns
                    .split_at_checked(plan.keys.len())
                    .ok_or_else(|| Error::internal("a partial aggregate without its keys"))?;
                let (rows, extras) = plan.layout.unpack(columns, batch.len)?;
                Ok(Self {
                    keys: GroupKeys::Plain(keys.to_vec()),
                    rows,
                    extras,
                    len: batch.len,
                    // What was packed may have had repeats.
                    distinct: keys.len() < 2,
                })
            })
            .collect()
    }

    pub(super) fn into_chunk(self, plan: &Arc<AggPlan>) -> Chunk {
        Chunk::State(Arc::new(Partial {
            plan: plan.clone(),
            groups: self,
        }))
    }

    /// The groups of all parts, one after another; no two parts share a group.
    pub(super) fn concat(parts: Vec<Self>) -> Result<Self> {
        let join = |arrays: Vec<&ArrayRef>| {
            let arrays: Vec<&dyn arrow::array::Array> = arrays.into_iter().map(AsRef::as_ref).collect();
            Ok(concat(&arrays)?)
        };
        let first = parts.first().ok_or_else(|| Error::internal("no parts to join"))?;
        let keys: Vec<Vec<ArrayRef>> = parts
            .iter()
            .map(|part| part.keys.plain())
            .collect::<Result<_>>()?;
        let keys = (0..keys[0].len())
            .map(|key| join(keys.iter().map(|keys| &keys[key]).collect()))
            .collect::<Result<_>>()?;
        let extras = (0..first.extras.len())
            .map(|extra| {
                (0..first.extras[extra].len())
                    .map(|column| join(parts.iter().map(|part| &part.extras[extra][column]).collect()))
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
            keys: GroupKeys::Plain(keys),
            rows,
            extras,
            len,
            distinct: true,
        })
    }
}
