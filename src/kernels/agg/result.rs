//! The column of one call, made from the accumulators of the shown groups.
//!
//! What is missing comes out as the dtype says: NaN in NumPy floats, a null in everything else (also in NumPy integers and bools,
//! see [`crate::op::agg::AggOp::result`]).

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int32Array, UInt32Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::DataType;

use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::kernels::agg::groups::Groups;
use crate::kernels::agg::input::Lane;
use crate::kernels::agg::layout::{Recipe, Source};
use crate::kernels::agg::{distinct, moments, pick, sum, truth};
use crate::kernels::group::column::integers_to;
use crate::op::agg::AggOp;

/// The results of the groups at `positions` (`u32::MAX`: a group without rows), as a column of `dtype`.
pub(super) fn column(
    recipe: &Recipe,
    groups: &Groups,
    positions: &[u32],
    dtype: &Dtype,
    grouped: bool,
) -> Result<ArrayRef> {
    let at = match recipe.source {
        Source::Word(at) => at,
        Source::Extra(at) => return extra(recipe, groups, &groups.extras[at], positions, dtype),
    };
    let known = |row: &[u64]| is_known(recipe, row);
    let words = |width: usize| {
        positions
            .iter()
            .map(move |group| (groups.rows.row(*group), at..at + width))
    };
    // Arrow-backed floats: pandas turns a NaN that comes out of group-wise arithmetic into a missing value.
    let nan_is_null = grouped && matches!(dtype, Dtype::Arrow(_));
    let computed = |value: f64| (!(nan_is_null && value.is_nan())).then_some(value);
    let float = recipe.lane == Lane::Float;
    match recipe.op {
        AggOp::Count | AggOp::Size => integers(dtype, words(1).map(|(row, at)| Some(row[at.start]))),
        AggOp::Sum { .. } if float => floats(
            dtype,
            words(2).map(|(row, at)| known(row).then(|| sum::float(&row[at])).and_then(computed)),
        ),
        AggOp::Prod { .. } if float => floats(
            dtype,
            words(1).map(|(row, at)| {
                known(row)
                    .then(|| f64::from_bits(row[at.start]))
                    .and_then(computed)
            }),
        ),
        AggOp::Sum { .. } | AggOp::Prod { .. } => {
            integers(dtype, words(1).map(|(row, at)| known(row).then(|| row[at.start])))
        }
        AggOp::Mean { .. } => {
            let means = words(2).map(|(row, at)| {
                let count = row[recipe.count?];
                let total = match (float, recipe.wide) {
                    (true, _) => sum::float(&row[at]),
                    (false, true) => sum::wide(&row[at]) as f64,
                    (false, false) => row[at.start].cast_signed() as f64,
                };
                (count > 0 && known(row))
                    .then(|| total / count as f64)
                    .and_then(computed)
            });
            numbers(dtype, means)
        }
        AggOp::Var { ddof, .. } | AggOp::Std { ddof, .. } => {
            let root = matches!(recipe.op, AggOp::Std { .. });
            // Over all rows pandas hands the values of nullable dtypes to NumPy as they are.
            let limit = !grouped && matches!(dtype, Dtype::Nullable(_));
            let variances = words(3).map(|(row, at)| {
                let variance = known(row)
                    .then(|| moments::variance(&row[at], ddof, limit))
                    .flatten()?;
                computed(if root { variance.sqrt() } else { variance })
            });
            numbers(dtype, variances)
        }
        AggOp::Min { .. } | AggOp::Max { .. } if float => floats(
            dtype,
            words(1).map(|(row, at)| known(row).then(|| f64::from_bits(row[at.start]))),
        ),
        AggOp::Min { .. } | AggOp::Max { .. } => {
            integers(dtype, words(1).map(|(row, at)| known(row).then(|| row[at.start])))
        }
        AggOp::First { .. } | AggOp::Last { .. } if float => floats(
            dtype,
            words(2).map(|(row, at)| pick::value(&row[at]).map(f64::from_bits)),
        ),
        AggOp::First { .. } | AggOp::Last { .. } => {
            integers(dtype, words(2).map(|(row, at)| pick::value(&row[at])))
        }
        AggOp::Any { skipna } => Ok(bools(
            words(1).map(|(row, at)| truth::any(&row[at], skipna, is_masked(dtype))),
        )),
        AggOp::All { skipna } => Ok(bools(
            words(1).map(|(row, at)| truth::all(&row[at], skipna, is_masked(dtype))),
        )),
        AggOp::NUnique { .. } => Err(Error::internal("nunique isn't kept in words")),
    }
}

/// Whether a group has the values that its result needs.
fn is_known(recipe: &Recipe, row: &[u64]) -> bool {
    let count = recipe.count.map(|at| row[at]);
    let enough = match recipe.op {
        AggOp::Sum { min_count, .. } | AggOp::Prod { min_count, .. } => u64::from(min_count),
        AggOp::Min { min_count, .. } | AggOp::Max { min_count, .. } => u64::from(min_count).max(1),
        _ => 0,
    };
    let complete = recipe.size.is_none_or(|size| count == Some(row[size]));
    complete && count.is_none_or(|count| count >= enough)
}

/// Dtypes that know "don't know".
fn is_masked(dtype: &Dtype) -> bool {
    matches!(dtype, Dtype::Nullable(_) | Dtype::Arrow(_))
}

fn extra(
    recipe: &Recipe,
    groups: &Groups,
    state: &[ArrayRef],
    positions: &[u32],
    dtype: &Dtype,
) -> Result<ArrayRef> {
    let [first, ..] = state else {
        return Err(Error::internal("an aggregate without its state"));
    };
    if matches!(recipe.op, AggOp::NUnique { .. }) {
        let counts = distinct::counts(first);
        return integers(
            dtype,
            positions.iter().map(|group| {
                Some(
                    counts
                        .get(*group as usize)
                        .map_or(0, |count| count.cast_unsigned()),
                )
            }),
        );
    }
    let picked: UInt32Array = positions
        .iter()
        .map(|group| (*group != u32::MAX && is_known(recipe, groups.rows.row(*group))).then_some(*group))
        .collect();
    Ok(take(first, &picked, None)?)
}

fn bools(values: impl Iterator<Item = Option<bool>>) -> ArrayRef {
    let (bits, nulls) = values.collect::<BooleanArray>().into_parts();
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
    Arc::new(BooleanArray::new(bits, nulls))
}

fn mask(known: &[bool]) -> Option<NullBuffer> {
    known.contains(&false).then(|| known.iter().copied().collect())
}

/// Integers by their bits.
fn integers(dtype: &Dtype, values: impl ExactSizeIterator<Item = Option<u64>>) -> Result<ArrayRef> {
    let mut known = Vec::with_capacity(values.len());
    let values: Vec<i64> = values
        .map(|value| {
            known.push(value.is_some());
            value.unwrap_or(0).cast_signed()
        })
        .collect();
    let nulls = mask(&known);
    match dtype {
        Dtype::Category(categories) => {
            let codes = Int32Array::new(values.iter().map(|code| *code as i32).collect(), nulls);
            Ok(Arc::new(DictionaryArray::try_new(
                codes,
                categories.values.clone(),
            )?))
        }
        _ => integers_to(&arrow_type(dtype)?, &values, nulls),
    }
}

fn arrow_type(dtype: &Dtype) -> Result<DataType> {
    dtype
        .arrow()
        .ok_or_else(|| Error::internal("a host dtype out of a native aggregation"))
}

/// Floats; what isn't known is NaN in NumPy's dtypes.
fn floats(dtype: &Dtype, values: impl ExactSizeIterator<Item = Option<f64>>) -> Result<ArrayRef> {
    let numpy = matches!(dtype, Dtype::Numpy(_));
    let mut known = Vec::with_capacity(if numpy { 0 } else { values.len() });
    let values: Vec<f64> = values
        .map(|value| {
            if !numpy {
                known.push(value.is_some());
            }
            value.unwrap_or(f64::NAN)
        })
        .collect();
    let nulls = mask(&known);
    Ok(match arrow_type(dtype)? {
        DataType::Float64 => Arc::new(Float64Array::new(values.into(), nulls)),
        DataType::Float32 => Arc::new(Float32Array::new(
            values.iter().map(|value| *value as f32).collect(),
            nulls,
        )),
        other => return Err(Error::internal(format!("floats as {other}"))),
    })
}

/// Floats, or moments and spans, which pandas computes as floats and cuts off at the tick.
fn numbers(dtype: &Dtype, values: impl ExactSizeIterator<Item = Option<f64>>) -> Result<ArrayRef> {
    match arrow_type(dtype)? {
        DataType::Float64 | DataType::Float32 => floats(dtype, values),
        _ => integers(
            dtype,
            values.map(|value| {
                value
                    .filter(|value| !value.is_nan())
                    .map(|value| (value as i64).cast_unsigned())
            }),
        ),
    }
}
