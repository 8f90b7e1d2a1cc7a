//! The wire form of a plan: what it was made of; the layout is worked out anew.

use std::sync::Arc;

use crate::error::Result;
use crate::kernels::agg::{AggPlan, GroupOptions};
use crate::wire::{Decoder, Encoder, Wire};

impl Wire for Arc<AggPlan> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.share(self, |out| {
            self.key_dtypes.encode(out)?;
            self.inputs.encode(out)?;
            self.calls.encode(out)?;
            let GroupOptions {
                sort,
                dropna,
                observed,
            } = self.options;
            for flag in [sort, dropna, observed] {
                flag.encode(out)?;
            }
            self.output.encode(out)
        })
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        from.share(|from| {
            let keys: Vec<_> = from.take()?;
            let inputs = from.take()?;
            let calls: Vec<_> = from.take()?;
            let options = GroupOptions {
                sort: from.take()?,
                dropna: from.take()?,
                observed: from.take()?,
            };
            AggPlan::build(&keys, inputs, &calls, options, from.take()?).map(Self::new)
        })
    }
}
