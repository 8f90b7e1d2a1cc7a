//! `observed=False`: categories that no row has are shown too, and with several keys every combination of their values.
//!
//! As in pandas: a categorical key contributes all its categories in their order, any other key the values that occur (also in
//! rows that another missing key drops), and with `dropna=False` a missing value that occurs comes last.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::Int32Type;

use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::kernels::agg::AggPlan;
use crate::kernels::agg::finish::{Shown, missing};
use crate::kernels::agg::groups::Groups;
use crate::kernels::group::column::Coder;
use crate::kernels::group::order::order_column;

/// A key's values in the order in which they are shown, and each group's place among them (`u32::MAX` if not shown).
struct Level {
    values: ArrayRef,
    places: Vec<u32>,
}

pub(super) fn all_categories(plan: &AggPlan, groups: &Groups) -> Result<Shown> {
    let levels = plan
        .key_dtypes
        .iter()
        .zip(&plan.keys)
        .zip(&groups.keys)
        .map(|((shown, dtype), key)| match shown {
            Dtype::Category(categories) => category(plan, categories.values.len(), key),
            _ => others(plan, dtype, key),
        })
        .collect::<Result<Vec<Level>>>()?;
    let total = levels
        .iter()
        .try_fold(1_usize, |total, level| total.checked_mul(level.values.len()))
        .filter(|total| *total < u32::MAX as usize)
        .ok_or_else(|| {
            Error::memory(
                "observed=False asks for more than 4 billion combinations of categories; pass observed=True",
            )
        })?;
    let mut positions = vec![u32::MAX; total];
    for group in 0..groups.len {
        let place = levels.iter().try_fold(0, |at, level| {
            let place = level.places[group];
            (place != u32::MAX).then_some(at * level.values.len() + place as usize)
        });
        if let Some(place) = place {
            positions[place] = group as u32;
        }
    }
    let mut repeat = total;
    let mut keys = Vec::with_capacity(levels.len());
    for level in &levels {
        let count = level.values.len().max(1);
        repeat /= count;
        let places: UInt32Array = (0..total).map(|at| (at / repeat.max(1) % count) as u32).collect();
        keys.push(take(&level.values, &places, None)?);
    }
    Ok(Shown { positions, keys })
}

fn category(plan: &AggPlan, count: usize, key: &ArrayRef) -> Result<Level> {
    let codes = key.as_primitive::<Int32Type>();
    let with_missing = !plan.options.dropna && key.null_count() > 0;
    let mut shown: Vec<Option<i32>> = if plan.options.sort {
        (0..count as i32).map(Some).collect()
    } else {
        // One key only: the categories that occur in order of appearance, then the others.
        let mut seen = vec![false; count];
        let mut shown = Vec::with_capacity(count + 1);
        for code in codes.iter().filter(|code| code.is_some() || with_missing) {
            if let Some(code) = code {
                let flag = seen.get_mut(code as usize);
                *flag.ok_or_else(|| Error::internal("a categorical's code beyond its categories"))? = true;
            }
            shown.push(code);
        }
        shown.extend((0..count as i32).filter(|code| !seen[*code as usize]).map(Some));
        shown
    };
    if with_missing && plan.options.sort {
        shown.push(None);
    }
    let mut place_of = vec![u32::MAX; count];
    let mut place_of_missing = u32::MAX;
    for (place, code) in shown.iter().enumerate() {
        match code {
            Some(code) => place_of[*code as usize] = place as u32,
            None => place_of_missing = place as u32,
        }
    }
    let places = codes
        .iter()
        .map(|code| match code {
            None => Ok(place_of_missing),
            Some(code) => place_of
                .get(code as usize)
                .copied()
                .ok_or_else(|| Error::internal("a categorical's code beyond its categories")),
        })
        .collect::<Result<_>>()?;
    Ok(Level {
        values: Arc::new(Int32Array::from(shown)),
        places,
    })
}

fn others(plan: &AggPlan, dtype: &Dtype, key: &ArrayRef) -> Result<Level> {
    let mut coder = Coder::new(dtype)?;
    let mut codes = Vec::new();
    coder.codes(key, &mut codes)?;
    let uniques = coder.uniques()?;
    let mut sorted = order_column(&uniques)?;
    if plan.options.dropna
        && let Some(missing) = missing(&uniques)?
    {
        sorted.retain(|code| !missing[*code as usize]);
    }
    let mut place_of = vec![u32::MAX; uniques.len()];
    for (place, code) in sorted.iter().enumerate() {
        place_of[*code as usize] = place as u32;
    }
    Ok(Level {
        values: take(&uniques, &UInt32Array::from(sorted), None)?,
        places: codes.iter().map(|code| place_of[*code as usize]).collect(),
    })
}
