//! The result: which groups are shown in which order, their keys, and the column of every call.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type};
use rayon::prelude::*;

use crate::chunk::{Batch, FrameChunk, IndexData};
use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::kernels::agg::AggPlan;
use crate::kernels::agg::groups::Groups;
use crate::kernels::agg::{levels, result};
use crate::kernels::group::order::order;
use crate::parallel;
use crate::schema::IndexSchema;

/// The groups to show: for each its position among the groups (`u32::MAX` where no row had its key), and its keys.
pub(super) struct Shown {
    pub(super) positions: Vec<u32>,
    pub(super) keys: Vec<ArrayRef>,
}

/// The result of merged groups.
pub(super) fn finish(plan: &AggPlan, groups: &Groups) -> Result<FrameChunk> {
    let keys = groups.keys.plain()?;
    let shown = if plan.keys.is_empty() {
        Shown {
            positions: vec![0],
            keys: Vec::new(),
        }
    } else if !plan.options.observed
        && plan
            .key_dtypes
            .iter()
            .any(|key| matches!(key, Dtype::Category(_)))
    {
        levels::all_categories(plan, groups, &keys)?
    } else {
        observed(plan, &keys, groups.len)?
    };
    let calls = plan.layout.recipes.len();
    let first = plan.output.columns.len() - calls;
    let column = |call: usize| {
        let recipe = &plan.layout.recipes[call];
        let dtype = &plan.output.columns[first + call].dtype;
        result::column(recipe, groups, &shown.positions, dtype, !plan.keys.is_empty())
    };
    let values: Vec<ArrayRef> =
        parallel::install(|| (0..calls).into_par_iter().map(column).collect::<Result<_>>())?;
    let mut keys = Vec::with_capacity(shown.keys.len());
    for (key, dtype) in shown.keys.into_iter().zip(&plan.key_dtypes) {
        keys.push(shown_key(dtype, key)?);
    }
    let batch = batch_of(plan, keys, values, shown.positions.len());
    FrameChunk::new(plan.output.clone(), vec![batch])
}

/// The column of a key as it is shown: a categorical of its codes.
pub(super) fn shown_key(dtype: &Dtype, key: ArrayRef) -> Result<ArrayRef> {
    match dtype {
        Dtype::Category(categories) => {
            let codes = key.as_primitive::<Int32Type>().clone();
            Ok(Arc::new(DictionaryArray::try_new(
                codes,
                categories.values.clone(),
            )?))
        }
        _ => Ok(key),
    }
}

/// A batch of the result: the keys are its index or its first columns.
pub(super) fn batch_of(
    plan: &AggPlan,
    mut keys: Vec<ArrayRef>,
    mut values: Vec<ArrayRef>,
    len: usize,
) -> Batch {
    let (index, columns) = match &plan.output.index {
        IndexSchema::Levels(_) => (IndexData::Levels(keys), values),
        IndexSchema::Range { .. } => {
            keys.append(&mut values);
            (IndexData::Range { start: 0, step: 1 }, keys)
        }
    };
    Batch { index, columns, len }
}

/// The groups that occur.
fn observed(plan: &AggPlan, keys: &[ArrayRef], len: usize) -> Result<Shown> {
    let mut positions = if plan.options.sort {
        order(keys, &plan.keys)?
    } else {
        (0..len as u32).collect()
    };
    if plan.options.dropna {
        for key in keys {
            if let Some(missing) = missing(key)? {
                positions.retain(|position| !missing[*position as usize]);
            }
        }
    }
    let indices = UInt32Array::from(positions);
    let shown = |key: &ArrayRef| Ok(take(key, &indices, None)?);
    let keys = parallel::install(|| keys.par_iter().map(shown).collect::<Result<_>>())?;
    Ok(Shown {
        positions: indices.values().to_vec(),
        keys,
    })
}

/// Which keys are missing, unless none is.
pub(super) fn missing(key: &ArrayRef) -> Result<Option<Vec<bool>>> {
    let masked = |row: usize| key.is_null(row);
    let flags: Vec<bool> = match key.data_type() {
        DataType::Float64 => {
            let values = key.as_primitive::<Float64Type>().values();
            values
                .iter()
                .enumerate()
                .map(|(row, value)| masked(row) || value.is_nan())
                .collect()
        }
        DataType::Float32 => {
            let values = key.as_primitive::<Float32Type>().values();
            values
                .iter()
                .enumerate()
                .map(|(row, value)| masked(row) || value.is_nan())
                .collect()
        }
        DataType::Null => return Err(Error::internal("group keys without a type")),
        _ if key.null_count() == 0 => return Ok(None),
        _ => (0..key.len()).map(masked).collect(),
    };
    Ok(flags.contains(&true).then_some(flags))
}
