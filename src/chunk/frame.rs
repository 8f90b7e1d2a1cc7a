//! A partition of a frame: batches of Arrow arrays under one schema.
//!
//! Invariants: every batch has the schema's columns in order and the schema's kind of index; lengths agree.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, new_empty_array};

use crate::error::{Error, Result};
use crate::schema::{FrameSchema, IndexSchema};

/// The index values of a batch.
#[derive(Clone, Debug)]
pub enum IndexData {
    /// `start`, `start + step`, ...: never written out.
    Range {
        /// The first value.
        start: i64,
        /// From one value to the next.
        step: i64,
    },
    /// Written-out levels.
    Levels(Vec<ArrayRef>),
}

/// Rows: columns and index of one length.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The index.
    pub index: IndexData,
    /// The columns.
    pub columns: Vec<ArrayRef>,
    /// The number of rows.
    pub len: usize,
}

impl Batch {
    /// The index written out.
    #[must_use]
    pub fn index_levels(&self) -> Vec<ArrayRef> {
        match &self.index {
            IndexData::Range { start, step } => {
                let values = (0..self.len as i64).map(|i| start + i * step);
                vec![Arc::new(Int64Array::from_iter_values(values))]
            }
            IndexData::Levels(levels) => levels.clone(),
        }
    }

    /// `length` rows from `offset`, without copying.
    #[must_use]
    pub fn slice(&self, offset: usize, length: usize) -> Self {
        let index = match &self.index {
            IndexData::Range { start, step } => IndexData::Range {
                start: start + offset as i64 * step,
                step: *step,
            },
            IndexData::Levels(levels) => {
                IndexData::Levels(levels.iter().map(|level| level.slice(offset, length)).collect())
            }
        };
        let columns = self
            .columns
            .iter()
            .map(|column| column.slice(offset, length))
            .collect();
        Self {
            index,
            columns,
            len: length,
        }
    }

    /// The arrays of all levels and columns.
    pub fn arrays(&self) -> impl Iterator<Item = &ArrayRef> {
        let levels = match &self.index {
            IndexData::Range { .. } => &[][..],
            IndexData::Levels(levels) => levels.as_slice(),
        };
        levels.iter().chain(&self.columns)
    }
}

/// A partition of a frame.
#[derive(Clone, Debug)]
pub struct FrameChunk {
    /// Labels and dtypes.
    pub schema: Arc<FrameSchema>,
    /// The rows; empty batches are allowed, and so are none.
    pub batches: Vec<Batch>,
}

impl FrameChunk {
    /// Checks the batches against the schema.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] when they don't fit.
    pub fn new(schema: Arc<FrameSchema>, batches: Vec<Batch>) -> Result<Self> {
        for batch in &batches {
            let levels_fit = match (&schema.index, &batch.index) {
                (IndexSchema::Range { .. }, IndexData::Range { .. }) => true,
                (IndexSchema::Levels(schema), IndexData::Levels(levels)) => schema.len() == levels.len(),
                _ => false,
            };
            if batch.columns.len() != schema.columns.len() || !levels_fit {
                return Err(Error::internal(format!(
                    "a batch of {} columns doesn't fit a schema of {} columns or its index",
                    batch.columns.len(),
                    schema.columns.len()
                )));
            }
            if batch.arrays().any(|array| array.len() != batch.len) {
                return Err(Error::internal("the columns of a batch differ in length"));
            }
        }
        Ok(Self { schema, batches })
    }

    /// A partition without rows.
    ///
    /// # Errors
    /// When the schema has host dtypes.
    pub fn empty(schema: Arc<FrameSchema>) -> Result<Self> {
        let array = |column: &crate::schema::Column| {
            let data_type = column
                .dtype
                .arrow()
                .ok_or_else(|| Error::internal("a host dtype in a native frame"))?;
            Ok(new_empty_array(&data_type))
        };
        let index = match &schema.index {
            IndexSchema::Range { .. } => IndexData::Range { start: 0, step: 1 },
            IndexSchema::Levels(levels) => {
                IndexData::Levels(levels.iter().map(array).collect::<Result<_>>()?)
            }
        };
        let columns = schema.columns.iter().map(array).collect::<Result<_>>()?;
        Ok(Self {
            schema: schema.clone(),
            batches: vec![Batch {
                index,
                columns,
                len: 0,
            }],
        })
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batches.iter().map(|batch| batch.len).sum()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that it keeps alive; a buffer shared by several arrays counts once.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        let mut seen = hashbrown::HashSet::new();
        let mut total = 0;
        self.buffers(&mut |start, bytes| {
            if seen.insert(start) {
                total += bytes;
            }
        });
        total
    }

    /// Calls `visit` with address and size of each allocation that it keeps alive; a shared one may come more than once.
    pub fn buffers(&self, visit: &mut dyn FnMut(usize, usize)) {
        for array in self.batches.iter().flat_map(Batch::arrays) {
            count_buffers(&array.to_data(), visit);
        }
    }

    /// `length` rows from `offset` (both clipped to what is there).
    #[must_use]
    pub fn slice(&self, offset: usize, length: usize) -> Self {
        let (mut skip, mut want) = (offset, length);
        let mut batches = Vec::new();
        for batch in &self.batches {
            if want == 0 {
                break;
            }
            if skip >= batch.len {
                skip -= batch.len;
                continue;
            }
            let take = want.min(batch.len - skip);
            batches.push(batch.slice(skip, take));
            want -= take;
            skip = 0;
        }
        if batches.is_empty() {
            batches.extend(self.batches.first().map(|batch| batch.slice(0, 0)));
        }
        Self {
            schema: self.schema.clone(),
            batches,
        }
    }
}

fn count_buffers(data: &arrow::array::ArrayData, count: &mut dyn FnMut(usize, usize)) {
    for buffer in data.buffers() {
        count(buffer.data_ptr().as_ptr() as usize, buffer.capacity());
    }
    if let Some(nulls) = data.nulls() {
        count(
            nulls.buffer().data_ptr().as_ptr() as usize,
            nulls.buffer().capacity(),
        );
    }
    for child in data.child_data() {
        count_buffers(child, count);
    }
}
