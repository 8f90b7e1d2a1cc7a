//! What the tasks of a contraction do: add the products of pairs of blocks to what is there already.

use std::sync::Arc;

use crate::chunk::{ArrayChunk, Chunk};
use crate::error::{Error, Result};
use crate::kernels::nd::contract::{How, contract};
use crate::kernels::nd::matmul::state;
use crate::nd::Elem;
use crate::op::nd_product::Contract;
use crate::task::array::{array_in, as_elem};

/// Pairs of blocks contracted into one.
#[derive(Clone, Debug)]
pub struct Product {
    /// Which axes.
    pub spec: Arc<Contract>,
    /// Type of the inputs.
    pub elem: Elem,
    /// The first input is a sum that the products are added to.
    pub sum: bool,
    /// The result is symmetric.
    pub half: bool,
    /// Worth several threads, since there are few such tasks.
    pub wide: bool,
}

impl Product {
    /// The sum, in the memory of the one before.
    ///
    /// # Errors
    /// When blocks don't have the planned types and shapes.
    pub fn run(&self, inputs: Vec<Chunk>) -> Result<ArrayChunk> {
        let mut inputs = inputs.into_iter();
        let mut sum = None;
        if self.sum {
            let Some(Chunk::Array(before)) = inputs.next() else {
                return Err(Error::internal("a sum of products without a sum"));
            };
            sum = Some(Arc::try_unwrap(before).unwrap_or_else(|shared| (*shared).clone()));
        }
        let how = How {
            half: self.half,
            wide: self.wide,
        };
        while let (Some(a), Some(b)) = (inputs.next(), inputs.next()) {
            let (a, b) = (
                as_elem(array_in(&a)?, self.elem)?,
                as_elem(array_in(&b)?, self.elem)?,
            );
            sum = Some(contract(sum, &a, &b, &self.spec, how)?);
        }
        sum.ok_or_else(|| Error::internal("a product of no blocks"))
    }

    /// In a few words.
    #[must_use]
    pub fn describe(&self, inputs: usize) -> String {
        let half = if self.half { ", half of it" } else { "" };
        let added = if self.sum { ", added" } else { "" };
        format!(
            "products of {} pairs of {} blocks{half}{added}",
            inputs / 2,
            state(self.elem).name()
        )
    }
}
