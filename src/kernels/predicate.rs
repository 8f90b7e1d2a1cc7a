//! Predicates: which rows of a batch a boolean expression keeps.
//!
//! The answer is a selection vector made tile by tile without branches; missing values don't keep a row.

use std::collections::BTreeSet;
use std::fmt;

use arrow::array::UInt32Array;

use crate::chunk::{Batch, BatchFilter};
use crate::error::{Error, Result};
use crate::kernels::compile::Compiler;
use crate::kernels::program::Program;
use crate::kernels::tile::Tiles;
use crate::op::tree::ExprRef;
use crate::schema::FrameSchema;

/// A boolean expression, compiled.
pub struct Predicate {
    program: Program,
    mask: Tiles,
    columns: Vec<usize>,
}

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Predicate")
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

impl Predicate {
    /// Compiles `expr` over frames of `schema`; a batch holds the schema's column `i` at `position_of(i)`.
    ///
    /// # Errors
    /// As [`Program::compile`], and [`crate::error::Kind::NotNative`] when the expression isn't boolean.
    pub fn compile(
        expr: &ExprRef,
        schema: &FrameSchema,
        position_of: &dyn Fn(usize) -> usize,
    ) -> Result<Self> {
        let mut columns = BTreeSet::new();
        expr.columns(&mut columns);
        let (program, mask) = Compiler::new(schema, position_of).finish_predicate(expr)?;
        Ok(Self {
            program,
            mask,
            columns: columns.into_iter().collect(),
        })
    }

    /// Compiles `expr` for a source of `schema`, whose batches hold just the columns that it reads, in ascending order.
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub fn for_source(expr: &ExprRef, schema: &FrameSchema) -> Result<Self> {
        let mut columns = BTreeSet::new();
        expr.columns(&mut columns);
        let columns: Vec<_> = columns.into_iter().collect();
        let rank = |position: usize| columns.binary_search(&position).unwrap_or(usize::MAX);
        Self::compile(expr, schema, &rank)
    }

    /// The rows to keep, ascending; `None` keeps all.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn select(&self, batch: &Batch) -> Result<Option<UInt32Array>> {
        if u32::try_from(batch.len).is_err() {
            return Err(Error::internal("a batch of more than 2^32 rows"));
        }
        let slots = self.program.run_steps(batch)?;
        let mut rows = Vec::new();
        self.mask
            .select(&slots, &self.program.sets, batch.len, &mut rows)?;
        Ok((rows.len() < batch.len).then(|| UInt32Array::from(rows)))
    }
}

impl BatchFilter for Predicate {
    fn columns(&self) -> &[usize] {
        &self.columns
    }

    fn select(&self, batch: &Batch) -> Result<Option<UInt32Array>> {
        self.select(batch)
    }
}
