//! Merging partial results by their keys: one table when groups are few; when they are many, radix parts that are merged in
//! parallel.
//!
//! Serves every aggregation; `coded` is faster for the finish of most.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use rayon::prelude::*;

use crate::error::Result;
use crate::kernels::agg::groups::{Groups, Partial};
use crate::kernels::agg::{AggPlan, Aggregator};
use crate::kernels::group::keys::GroupKeys;
use crate::kernels::group::order::sort;
use crate::kernels::group::radix::split;
use crate::parallel;

/// From that many groups on, over all partial results, the merge is done in parts.
pub(super) const MANY: usize = 1 << 15;

/// Parts for each thread, so that parts of unequal size even out.
const PARTS: usize = 8;

/// All partial results as one. Their order is the order of the rows. With `in_order` the groups come in order of first
/// appearance, otherwise in any order.
pub(super) fn merge<'a>(
    plan: &Arc<AggPlan>,
    states: &'a [Arc<Partial>],
    in_order: bool,
) -> Result<Cow<'a, Groups>> {
    if let [only] = states
        && only.groups.distinct
    {
        return Ok(Cow::Borrowed(&only.groups));
    }
    let keys: Vec<Vec<ArrayRef>> = parallel::install(|| {
        states
            .par_iter()
            .map(|state| state.groups.keys.plain())
            .collect::<Result<_>>()
    })?;
    let states: Vec<(&Groups, Vec<ArrayRef>)> = states.iter().map(|state| &state.groups).zip(keys).collect();
    let total: usize = states.iter().map(|(state, _)| state.len).sum();
    let threads = parallel::threads();
    if plan.keys.is_empty() || total < plan.many || threads < 2 {
        let mut all = Aggregator::distinct(plan.clone())?;
        for (state, keys) in &states {
            all.absorb(state, keys, None)?;
        }
        return Ok(Cow::Owned(all.into_groups()?));
    }
    let merged = parallel::install(|| in_parts(plan, &states, in_order, threads * PARTS))?;
    Ok(Cow::Owned(merged))
}

fn in_parts(
    plan: &Arc<AggPlan>,
    states: &[(&Groups, Vec<ArrayRef>)],
    in_order: bool,
    parts: usize,
) -> Result<Groups> {
    let splits: Vec<Vec<Vec<u32>>> = states
        .par_iter()
        .map(|(_, keys)| split(keys, parts))
        .collect::<Result<_>>()?;
    let merged: Vec<(Groups, Vec<u64>)> = (0..parts)
        .into_par_iter()
        .map(|part| {
            let mut all = Aggregator::distinct(plan.clone())?;
            let mut seen = Vec::new();
            for (at, ((state, keys), split)) in states.iter().zip(&splits).enumerate() {
                let picked = &split[part];
                all.absorb(state, keys, Some(picked))?;
                for (row, id) in picked.iter().zip(all.last_ids()) {
                    if *id as usize == seen.len() {
                        seen.push((at as u64) << 32 | u64::from(*row));
                    }
                }
            }
            Ok((all.into_groups()?, seen))
        })
        .collect::<Result<_>>()?;
    let (groups, seen): (Vec<Groups>, Vec<Vec<u64>>) = merged.into_iter().unzip();
    let groups = Groups::concat(groups)?;
    if !in_order {
        return Ok(groups);
    }
    let mut order: Vec<(u64, u32)> = seen
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(at, seen)| (seen, at as u32))
        .collect();
    sort(&mut order, |a, b| a.0.cmp(&b.0));
    let order: Vec<u32> = order.into_iter().map(|(_, at)| at).collect();
    reorder(&groups, order)
}

/// The groups at these positions.
fn reorder(groups: &Groups, order: Vec<u32>) -> Result<Groups> {
    let rows = groups.rows.picked(&order);
    let len = order.len();
    let indices = UInt32Array::from(order);
    let gather = |array: &ArrayRef| Ok(take(array, &indices, None)?);
    let keys = groups.keys.plain()?;
    Ok(Groups {
        keys: GroupKeys::Plain(keys.iter().map(gather).collect::<Result<_>>()?),
        rows,
        extras: groups
            .extras
            .iter()
            .map(|columns| columns.iter().map(gather).collect::<Result<_>>())
            .collect::<Result<_>>()?,
        len,
        distinct: true,
    })
}
