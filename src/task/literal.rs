//! The value of a one-row chunk as a literal of an expression.

use crate::chunk::Chunk;
use crate::error::{Error, Result};
use crate::scalar::Literal;

/// The value of a chunk of one row and one column. NumPy values are strong: they bring their dtype along.
///
/// # Errors
/// [`crate::error::Kind::Internal`] when it is no such chunk.
pub fn literal_of(chunk: &Chunk) -> Result<Literal> {
    let Chunk::Frame(frame) = chunk else {
        return Err(Error::type_("a scalar operand that Arrow can't hold"));
    };
    let batch = frame
        .batches
        .iter()
        .find(|batch| batch.len == 1 && batch.columns.len() == 1);
    let batch = batch.ok_or_else(|| Error::internal("a scalar input must have one row and one column"))?;
    Literal::of_row(&batch.columns[0], &frame.schema.columns[0].dtype, 0)
}
