//! `observed=False`: categories that no row has are shown too, and with several keys every combination of their values.
//!
//! As in pandas: a categorical key contributes all its categories in their order, the other keys together the combinations
//! that occur (also in rows that a missing category drops), and with `dropna=False` a missing value that occurs comes last.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::Int32Type;

use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::kernels::agg::AggPlan;
use crate::kernels::agg::finish::{Shown, missing};
use crate::kernels::agg::groups::Groups;
use crate::kernels::group::Grouper;
use crate::kernels::group::order::{order_ranks, ranks};

/// A categorical key's values in the order in which they are shown, and each group's place among them (`u32::MAX` if not
/// shown).
struct Level {
    values: ArrayRef,
    places: Vec<u32>,
}

pub(super) fn all_categories(plan: &AggPlan, groups: &Groups, keys: &[ArrayRef]) -> Result<Shown> {
    // The keys that aren't categorical count as one: their combinations that occur.
    let others: Vec<usize> = (0..plan.keys.len())
        .filter(|key| !matches!(plan.key_dtypes[*key], Dtype::Category(_)))
        .collect();
    let mut factors = Vec::with_capacity(plan.keys.len());
    let mut level_of = vec![0; plan.keys.len()];
    for (key, dtype) in plan.key_dtypes.iter().enumerate() {
        if let Dtype::Category(categories) = dtype {
            level_of[key] = factors.len();
            factors.push(category(plan, categories.values.len(), &keys[key])?);
        }
    }
    let tuples = (!others.is_empty())
        .then(|| occurring(plan, keys, &others))
        .transpose()?;
    let counts: Vec<usize> = tuples
        .iter()
        .map(|tuples| tuples.count)
        .chain(factors.iter().map(|level| level.values.len()))
        .collect();
    let total = counts
        .iter()
        .try_fold(1_usize, |total, count| total.checked_mul(*count))
        .filter(|total| *total < u32::MAX as usize)
        .ok_or_else(|| {
            Error::memory(
                "observed=False asks for more than 4 billion combinations of categories; pass observed=True",
            )
        })?;
    let mut positions = vec![u32::MAX; total];
    for group in 0..groups.len {
        let places = tuples.iter().map(|tuples| tuples.places[group]);
        let mut places = places
            .chain(factors.iter().map(|level| level.places[group]))
            .zip(&counts);
        let place = places.try_fold(0, |at, (place, count)| {
            (place != u32::MAX).then_some(at * count + place as usize)
        });
        if let Some(place) = place {
            positions[place] = group as u32;
        }
    }
    // The place of each combination in each factor.
    let mut places: Vec<Vec<u32>> = Vec::with_capacity(counts.len());
    let mut repeat = total;
    for count in &counts {
        repeat /= (*count).max(1);
        places.push(
            (0..total)
                .map(|at| (at / repeat.max(1) % (*count).max(1)) as u32)
                .collect(),
        );
    }
    let first_level = usize::from(tuples.is_some());
    let mut ranks = Vec::with_capacity(plan.keys.len());
    let mut keys = Vec::with_capacity(plan.keys.len());
    for key in 0..plan.keys.len() {
        let place = match (&tuples, others.iter().position(|other| *other == key)) {
            (Some(tuples), Some(at)) => {
                let rank = &tuples.ranks[at];
                ranks.push((
                    places[0].iter().map(|place| rank.0[*place as usize]).collect(),
                    rank.1,
                ));
                keys.push(take(
                    &tuples.keys[at],
                    &UInt32Array::from(places[0].clone()),
                    None,
                )?);
                continue;
            }
            _ => &places[first_level + level_of[key]],
        };
        let level = &factors[level_of[key]];
        ranks.push((place.clone(), usize::BITS - level.values.len().leading_zeros()));
        keys.push(take(&level.values, &UInt32Array::from(place.clone()), None)?);
    }
    if plan.keys.len() == 1 {
        return Ok(Shown { positions, keys });
    }
    let order = order_ranks(&ranks, total);
    let indices = UInt32Array::from(order);
    Ok(Shown {
        positions: indices
            .values()
            .iter()
            .map(|at| positions[*at as usize])
            .collect(),
        keys: keys
            .iter()
            .map(|key| Ok(take(key, &indices, None)?))
            .collect::<Result<_>>()?,
    })
}

/// The combinations of some keys that occur.
struct Tuples {
    /// How many there are.
    count: usize,
    /// Each key's values.
    keys: Vec<ArrayRef>,
    /// Each key's ranks, and their bits.
    ranks: Vec<(Vec<u32>, u32)>,
    /// Each group's combination (`u32::MAX` if not shown).
    places: Vec<u32>,
}

fn occurring(plan: &AggPlan, keys: &[ArrayRef], which: &[usize]) -> Result<Tuples> {
    let dtypes: Vec<Dtype> = which.iter().map(|key| plan.keys[*key].clone()).collect();
    let columns: Vec<ArrayRef> = which.iter().map(|key| keys[*key].clone()).collect();
    let mut grouper = Grouper::new(&dtypes)?;
    let mut places = Vec::new();
    grouper.ids(&columns, &mut places)?;
    let count = grouper.len();
    let keys = grouper.into_keys()?.plain()?;
    let mut shown: Vec<u32> = (0..count as u32).collect();
    if plan.options.dropna {
        for key in &keys {
            if let Some(missing) = missing(key)? {
                shown.retain(|tuple| !missing[*tuple as usize]);
            }
        }
    }
    let mut place_of = vec![u32::MAX; count];
    for (place, tuple) in shown.iter().enumerate() {
        place_of[*tuple as usize] = place as u32;
    }
    let indices = UInt32Array::from(shown);
    let keys: Vec<ArrayRef> = keys
        .iter()
        .map(|key| Ok(take(key, &indices, None)?))
        .collect::<Result<_>>()?;
    Ok(Tuples {
        count: indices.len(),
        ranks: keys
            .iter()
            .zip(&dtypes)
            .map(|(key, dtype)| ranks(key, dtype))
            .collect::<Result<_>>()?,
        keys,
        places: places.iter().map(|tuple| place_of[*tuple as usize]).collect(),
    })
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
