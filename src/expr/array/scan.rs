//! Running sums and products along an axis.
//!
//! A block starts from what the blocks before it come to: from the end of the scan of the one before, or from the totals of
//! all before, which are added up ahead so that no block waits for another one's scan.

use crate::error::{Error, Result};
use crate::expr::NodeRef;
use crate::expr::array::elementwise::{cast, elem_of};
use crate::expr::array::{ArrayOp, ArraySchema, array_of, node};
use crate::nd::{Elem, NdDtype};
use crate::op::nd_reduce::{ScanOp, sum_result};
use crate::token::{Tokenize, Tokenizer};

/// What is scanned, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Sum or product.
    pub op: ScanOp,
    /// Along which axis.
    pub axis: usize,
    /// Type of the elements.
    pub elem: Elem,
    /// Type of the result.
    pub out: Elem,
    /// Totals of blocks come first, side by side.
    pub ahead: bool,
}

impl Tokenize for Scan {
    fn tokenize(&self, t: &mut Tokenizer) {
        self.op.tokenize(t);
        t.number(self.axis as u64)
            .text(self.elem.name())
            .text(self.out.name())
            .number(u64::from(self.ahead));
    }
}

/// A running reduction; `dtype` is what the elements are before, and the result.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] where NumPy has to do it.
pub fn scan(input: &NodeRef, op: ScanOp, axis: usize, dtype: Option<Elem>, ahead: bool) -> Result<NodeRef> {
    let (input, out) = match dtype {
        Some(Elem::Bool) => return Err(Error::not_native("running truth values")),
        Some(dtype) => (cast(input, dtype)?, dtype),
        None => (input.clone(), sum_result(elem_of(input)?)),
    };
    let schema = array_of(&input)?;
    if axis >= schema.grid.axes.len() {
        return Err(Error::internal("a scan along no axis"));
    }
    let spec = Scan {
        op,
        axis,
        elem: elem_of(&input)?,
        out,
        ahead,
    };
    let schema = ArraySchema {
        dtype: NdDtype::Num(out),
        grid: schema.grid.clone(),
    };
    Ok(node(ArrayOp::Scan(spec), vec![input], schema, op.name()))
}
