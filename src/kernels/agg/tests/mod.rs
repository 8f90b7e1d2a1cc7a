//! Results as pandas 3.1 gives them, and equality of results over every way to cut the rows.
//!
//! Here: plans, runs over cut rows, columns as plain values; the tests are in a file for each subject.

mod categories;
mod cuts;
mod keys;
mod missing;
mod refusals;
mod sums;
mod text;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array,
    LargeStringArray, PrimitiveArray, StringViewArray, UInt64Array,
};
use arrow::compute::concat;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use proptest::prelude::*;

use super::*;
use crate::chunk::IndexData;
use crate::dtype::{Categories, NumpyType, TimeUnit};
use crate::kernels::concat::concat_batches;
use crate::kernels::decode::plain_levels;
use crate::op::agg::AggOptions;

const SORTED: GroupOptions = GroupOptions {
    sort: true,
    dropna: true,
    observed: true,
};

const INT: Dtype = Dtype::Numpy(NumpyType::Int64);
const FLOAT: Dtype = Dtype::Numpy(NumpyType::Float64);

fn op(name: &str) -> AggOp {
    AggOp::parse(name, AggOptions::default()).unwrap()
}

fn keep_missing(name: &str) -> AggOp {
    let options = AggOptions {
        skipna: false,
        dropna: false,
        ..AggOptions::default()
    };
    AggOp::parse(name, options).unwrap()
}

/// A plan over one shared input, keys as index levels.
fn plan(keys: &[Dtype], input: &Dtype, ops: &[AggOp], options: GroupOptions) -> Result<AggPlan> {
    let column = |dtype: Dtype| Column {
        name: Label::None,
        dtype,
    };
    let columns = ops
        .iter()
        .map(|op| {
            Ok(column(op.result(
                (*op != AggOp::Size).then_some(input),
                !keys.is_empty(),
            )?))
        })
        .collect::<Result<_>>()?;
    let index = if keys.is_empty() {
        IndexSchema::range()
    } else {
        IndexSchema::Levels(keys.iter().cloned().map(column).collect())
    };
    let output = Arc::new(FrameSchema::new(FrameKind::Frame, columns, index));
    let calls: Vec<_> = ops
        .iter()
        .map(|op| (*op, (*op != AggOp::Size).then_some(0)))
        .collect();
    AggPlan::shared(keys, std::slice::from_ref(input), &calls, options, output)
}

/// Aggregates rows cut at `cuts` into partial results, each in batches of `batch` rows.
fn run(
    plan: AggPlan,
    keys: &[ArrayRef],
    input: &ArrayRef,
    cuts: &[usize],
    batch: usize,
) -> (Vec<ArrayRef>, Vec<ArrayRef>) {
    let plan = Arc::new(plan);
    let mut bounds = vec![0];
    bounds.extend_from_slice(cuts);
    bounds.push(input.len());
    let mut states = Vec::new();
    for pair in bounds.windows(2) {
        let mut aggregator = Aggregator::new(plan.clone()).unwrap();
        for from in (pair[0]..pair[1]).step_by(batch) {
            let len = batch.min(pair[1] - from);
            let keys: Vec<_> = keys.iter().map(|key| key.slice(from, len)).collect();
            aggregator
                .update(&keys, &[Some(input.slice(from, len))], len)
                .unwrap();
        }
        let state = aggregator.into_state().unwrap();
        // Every other one as it comes back from a spill file.
        states.push(match &state {
            Chunk::State(held) if states.len() % 2 == 1 => Chunk::Frame(Arc::new(held.to_frame().unwrap())),
            _ => state,
        });
    }
    if states.len() > 2 {
        // Merging some first must not matter.
        let merged = plan.merge(states[1..3].to_vec()).unwrap();
        states.splice(1..3, [merged]);
    }
    let result = plan.finish(states).unwrap();
    let batches: Vec<_> = result
        .batches
        .iter()
        .map(|batch| plain_levels(&result.schema, batch).unwrap().into_owned())
        .collect();
    let batch = &concat_batches(&result.schema, &batches).unwrap();
    let keys = match &batch.index {
        IndexData::Levels(levels) => levels.clone(),
        IndexData::Range { .. } => Vec::new(),
    };
    (keys, batch.columns.clone())
}

fn once(plan: Result<AggPlan>, keys: &[ArrayRef], input: &ArrayRef) -> (Vec<ArrayRef>, Vec<ArrayRef>) {
    run(plan.unwrap(), keys, input, &[], usize::MAX)
}

fn array(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

fn floats(array: &ArrayRef) -> Vec<String> {
    array
        .as_primitive::<Float64Type>()
        .iter()
        .map(|value| format!("{value:?}"))
        .collect()
}

fn ints(array: &ArrayRef) -> Vec<Option<i64>> {
    array.as_primitive::<Int64Type>().iter().collect()
}

fn texts(array: &ArrayRef) -> Vec<Option<&str>> {
    array.as_string_view().iter().collect()
}

fn categories(names: &[&str]) -> Arc<Categories> {
    Arc::new(Categories {
        values: array(LargeStringArray::from(names.to_vec())),
        dtype: Dtype::Str,
        ordered: false,
    })
}

fn categorical(categories: &Categories, codes: Vec<Option<i32>>) -> ArrayRef {
    array(DictionaryArray::new(
        Int32Array::from(codes),
        categories.values.clone(),
    ))
}
