//! Results as pandas 3.1 gives them, and equality of results over every way to cut the rows.

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

#[test]
fn floats_by_text_with_missing_keys_and_values() {
    let key = array(StringViewArray::from(vec![
        Some("b"),
        None,
        Some("a"),
        Some("b"),
        Some("a"),
        Some("c"),
    ]));
    let value = array(Float64Array::from(vec![1.0, 9.0, f64::NAN, 2.5, 4.0, f64::NAN]));
    let ops = [
        "sum", "mean", "min", "max", "var", "count", "size", "first", "last", "nunique",
    ]
    .map(op);
    let (keys, columns) = once(plan(&[Dtype::Str], &FLOAT, &ops, SORTED), &[key], &value);
    assert_eq!(texts(&keys[0]), [Some("a"), Some("b"), Some("c")]);
    assert_eq!(floats(&columns[0]), ["Some(4.0)", "Some(3.5)", "Some(0.0)"]);
    assert_eq!(floats(&columns[1]), ["Some(4.0)", "Some(1.75)", "Some(NaN)"]);
    assert_eq!(floats(&columns[2]), ["Some(4.0)", "Some(1.0)", "Some(NaN)"]);
    assert_eq!(floats(&columns[3]), ["Some(4.0)", "Some(2.5)", "Some(NaN)"]);
    assert_eq!(floats(&columns[4]), ["Some(NaN)", "Some(1.125)", "Some(NaN)"]);
    assert_eq!(ints(&columns[5]), [Some(1), Some(2), Some(0)]);
    assert_eq!(ints(&columns[6]), [Some(2), Some(2), Some(1)]);
    assert_eq!(floats(&columns[7]), ["Some(4.0)", "Some(1.0)", "Some(NaN)"]);
    assert_eq!(floats(&columns[8]), ["Some(4.0)", "Some(2.5)", "Some(NaN)"]);
    assert_eq!(ints(&columns[9]), [Some(1), Some(2), Some(0)]);
}

#[test]
fn without_skipna_one_missing_value_makes_the_result_missing() {
    let key = array(Int64Array::from(vec![1, 1, 2, 3]));
    let value = array(Float64Array::from(vec![1.0, f64::NAN, f64::NAN, -0.0]));
    let ops = ["sum", "mean", "min", "first", "last", "any", "all", "nunique"].map(keep_missing);
    let (_, columns) = once(plan(&[INT], &FLOAT, &ops, SORTED), &[key], &value);
    assert_eq!(floats(&columns[0]), ["Some(NaN)", "Some(NaN)", "Some(0.0)"]);
    assert_eq!(floats(&columns[1]), ["Some(NaN)", "Some(NaN)", "Some(0.0)"]);
    assert_eq!(floats(&columns[2]), ["Some(NaN)", "Some(NaN)", "Some(-0.0)"]);
    assert_eq!(floats(&columns[3]), ["Some(1.0)", "Some(NaN)", "Some(-0.0)"]);
    assert_eq!(floats(&columns[4]), ["Some(NaN)", "Some(NaN)", "Some(-0.0)"]);
    let bools = |array: &ArrayRef| array.as_boolean().iter().collect::<Vec<_>>();
    assert_eq!(bools(&columns[5]), [Some(true), Some(true), Some(false)]);
    assert_eq!(bools(&columns[6]), [Some(true), Some(true), Some(false)]);
    assert_eq!(ints(&columns[7]), [Some(2), Some(1), Some(1)]);
}

#[test]
fn nullable_truth_knows_that_it_does_not_know() {
    let key = array(Int64Array::from(vec![1, 1, 2, 3]));
    let value = array(BooleanArray::from(vec![Some(true), None, None, Some(false)]));
    let ops = ["any", "all"].map(keep_missing);
    let boolean = Dtype::Nullable(NumpyType::Bool);
    let (_, columns) = once(plan(&[INT], &boolean, &ops, SORTED), &[key], &value);
    let bools = |array: &ArrayRef| array.as_boolean().iter().collect::<Vec<_>>();
    assert_eq!(bools(&columns[0]), [Some(true), None, Some(false)]);
    assert_eq!(bools(&columns[1]), [None, None, Some(false)]);
}

#[test]
fn sums_wrap_means_do_not() {
    let key = array(Int64Array::from(vec![1, 1]));
    let value = array(Int64Array::from(vec![i64::MAX, 1]));
    let (_, columns) = once(
        plan(&[INT], &INT, &["sum", "mean"].map(op), SORTED),
        std::slice::from_ref(&key),
        &value,
    );
    assert_eq!(ints(&columns[0]), [Some(i64::MIN)]);
    assert_eq!(floats(&columns[1]), ["Some(4.611686018427388e18)"]);
    let value = array(UInt64Array::from(vec![u64::MAX, u64::MAX]));
    let unsigned = Dtype::Numpy(NumpyType::UInt64);
    let (_, columns) = once(
        plan(&[INT], &unsigned, &["mean", "max"].map(op), SORTED),
        &[key],
        &value,
    );
    assert_eq!(floats(&columns[0]), ["Some(1.8446744073709552e19)"]);
    assert_eq!(*columns[1], UInt64Array::from(vec![u64::MAX]));
}

#[test]
fn float_sums_are_exact_and_infinities_stay() {
    let key = array(Int64Array::from(vec![1, 1, 1, 2, 2, 3, 3]));
    let value = array(Float64Array::from(vec![
        1e100,
        1.0,
        -1e100,
        f64::INFINITY,
        1.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ]));
    let (_, columns) = once(plan(&[INT], &FLOAT, &["sum"].map(op), SORTED), &[key], &value);
    assert_eq!(floats(&columns[0]), ["Some(1.0)", "Some(inf)", "Some(NaN)"]);
}

#[test]
fn reductions_over_no_rows() {
    let value = array(Int64Array::from(Vec::<i64>::new()));
    let ops = [
        "sum", "prod", "mean", "min", "count", "std", "any", "all", "nunique", "size",
    ]
    .map(op);
    let (_, columns) = once(plan(&[], &INT, &ops, SORTED), &[], &value);
    assert_eq!(ints(&columns[0]), [Some(0)]);
    assert_eq!(ints(&columns[1]), [Some(1)]);
    assert_eq!(floats(&columns[2]), ["Some(NaN)"]);
    // no least integer: pandas gives NaN
    assert_eq!(floats(&columns[3]), ["Some(NaN)"]);
    assert_eq!(ints(&columns[4]), [Some(0)]);
    assert_eq!(floats(&columns[5]), ["Some(NaN)"]);
    assert!(!columns[6].as_boolean().value(0));
    assert!(columns[7].as_boolean().value(0));
    assert_eq!(ints(&columns[8]), [Some(0)]);
    assert_eq!(ints(&columns[9]), [Some(0)]);
    // The same with no partial result at all.
    let plan = Arc::new(plan(&[], &INT, &ops, SORTED).unwrap());
    assert_eq!(ints(&plan.finish(Vec::new()).unwrap().batches[0].columns[0]), [Some(0)]);
}

#[test]
fn group_by_over_no_rows_has_no_groups() {
    let key = array(LargeStringArray::from(Vec::<&str>::new()));
    let value = array(Int64Array::from(Vec::<i64>::new()));
    let (keys, columns) = once(
        plan(&[Dtype::Str], &INT, &["sum", "min", "nunique"].map(op), SORTED),
        &[key],
        &value,
    );
    assert_eq!(keys[0].len(), 0);
    for column in &columns {
        assert!(column.is_empty());
    }
}

#[test]
fn zeros_are_one_key_shown_as_it_came_first() {
    let key = array(Float64Array::from(vec![-0.0, 0.0, 1.0, f64::NAN, -f64::NAN]));
    let value = array(Int64Array::from(vec![1, 2, 3, 4, 5]));
    let options = GroupOptions {
        dropna: false,
        ..SORTED
    };
    let (keys, columns) = once(plan(&[FLOAT], &INT, &["sum"].map(op), options), &[key], &value);
    assert_eq!(floats(&keys[0]), ["Some(-0.0)", "Some(1.0)", "Some(NaN)"]);
    assert_eq!(ints(&columns[0]), [Some(3), Some(3), Some(9)]);
}

#[test]
fn first_appearance_orders_groups_without_sort() {
    let key = array(StringViewArray::from(vec![
        "z",
        "a text beyond twelve bytes",
        "z",
        "é",
    ]));
    let value = array(Int64Array::from(vec![1, 2, 3, 4]));
    let options = GroupOptions {
        sort: false,
        ..SORTED
    };
    let plan = plan(&[Dtype::Str], &INT, &["sum"].map(op), options).unwrap();
    let (keys, columns) = run(plan, &[key], &value, &[1, 2, 3], 1);
    assert_eq!(
        texts(&keys[0]),
        [Some("z"), Some("a text beyond twelve bytes"), Some("é")]
    );
    assert_eq!(ints(&columns[0]), [Some(4), Some(2), Some(4)]);
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

type Case<'a> = (
    bool,
    bool,
    &'a [Option<i32>],
    &'a [Option<i64>],
    &'a [Option<i64>],
);

#[test]
fn unobserved_categories_are_shown() {
    let categories = categories(&["c", "b", "a"]);
    let key = categorical(&categories, vec![Some(1), Some(2), None, Some(1)]);
    let value = array(Int64Array::from(vec![1, 2, 3, 4]));
    let dtype = Dtype::Category(categories);
    let codes = |keys: &[ArrayRef]| {
        let key = keys[0].as_dictionary::<arrow::datatypes::Int32Type>();
        key.keys().iter().collect::<Vec<_>>()
    };
    let ops = ["sum", "min", "prod"].map(op);
    let cases: [Case; 3] = [
        (
            true,
            true,
            &[Some(0), Some(1), Some(2)],
            &[Some(0), Some(5), Some(2)],
            &[None, Some(1), Some(2)],
        ),
        (
            false,
            true,
            &[Some(1), Some(2), Some(0)],
            &[Some(5), Some(2), Some(0)],
            &[Some(1), Some(2), None],
        ),
        (
            false,
            false,
            &[Some(1), Some(2), None, Some(0)],
            &[Some(5), Some(2), Some(3), Some(0)],
            &[Some(1), Some(2), Some(3), None],
        ),
    ];
    for (sort, dropna, want_keys, want_sums, want_mins) in cases {
        let options = GroupOptions {
            sort,
            dropna,
            observed: false,
        };
        let plan = plan(std::slice::from_ref(&dtype), &INT, &ops, options).unwrap();
        let (keys, columns) = run(plan, std::slice::from_ref(&key), &value, &[2], 1);
        assert_eq!(codes(&keys), want_keys);
        assert_eq!(ints(&columns[0]), want_sums);
        // a category without rows has no least integer: the column is float64 with NaN, as in pandas
        let want_mins = want_mins
            .iter()
            .map(|value| value.map_or(f64::NAN, |value| value as f64));
        assert_eq!(
            floats(&columns[1]),
            want_mins
                .map(|value| format!("{:?}", Some(value)))
                .collect::<Vec<_>>()
        );
    }
}

#[test]
fn categories_multiply_with_the_combinations_of_other_keys() {
    let categories = categories(&["x", "y"]);
    let key = categorical(&categories, vec![Some(1), None, Some(1)]);
    let (a, b) = (
        array(Int64Array::from(vec![2, 1, 1])),
        array(Int64Array::from(vec![5, 6, 7])),
    );
    let value = array(Int64Array::from(vec![10, 20, 30]));
    let options = GroupOptions {
        observed: false,
        ..SORTED
    };
    let keys = [INT, Dtype::Category(categories), INT];
    let (keys, columns) = once(plan(&keys, &INT, &["sum"].map(op), options), &[a, key, b], &value);
    assert_eq!(ints(&keys[0]), [1, 1, 1, 1, 2, 2].map(Some));
    assert_eq!(ints(&keys[2]), [6, 7, 6, 7, 5, 5].map(Some));
    assert_eq!(ints(&columns[0]), [0, 0, 0, 30, 0, 10].map(Some));
}

#[test]
fn moments_are_averaged_as_floats_and_cut_off() {
    let key = array(Int64Array::from(vec![1, 1, 1, 2, 2, 3]));
    let ticks = vec![
        Some(1_700_000_000_000_001),
        Some(1_700_000_000_000_002),
        Some(1_700_000_000_000_002),
        Some(-1),
        Some(-2),
        None,
    ];
    let value = array(PrimitiveArray::<TimestampMicrosecondType>::from(ticks));
    let dtype = Dtype::Numpy(NumpyType::Datetime(TimeUnit::Us));
    let (_, columns) = once(
        plan(&[INT], &dtype, &["mean", "max"].map(op), SORTED),
        &[key],
        &value,
    );
    let ticks = |array: &ArrayRef| {
        array
            .as_primitive::<TimestampMicrosecondType>()
            .iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(ticks(&columns[0]), [Some(1_700_000_000_000_001), Some(-1), None]);
    assert_eq!(ticks(&columns[1]), [Some(1_700_000_000_000_002), Some(-1), None]);
}

#[test]
fn text_aggregates() {
    let key = array(Int64Array::from(vec![1, 1, 1, 2]));
    let value = array(StringViewArray::from(vec![
        Some("é"),
        None,
        Some("a long text of an employee"),
        None,
    ]));
    let ops = [
        op("min"),
        op("max"),
        op("first"),
        op("last"),
        keep_missing("last"),
        op("nunique"),
        op("any"),
    ];
    let plan = plan(&[INT], &Dtype::Str, &ops, SORTED).unwrap();
    let (_, columns) = run(plan, &[key], &value, &[1, 2, 3], 1);
    let long = Some("a long text of an employee");
    for (column, want) in [(0, long), (1, Some("é")), (2, Some("é")), (3, long), (4, long)] {
        assert_eq!(texts(&columns[column]), [want, None], "{}", ops[column].name());
    }
    assert_eq!(ints(&columns[5]), [Some(2), Some(0)]);
    assert_eq!(
        columns[6].as_boolean().iter().collect::<Vec<_>>(),
        [Some(true), Some(false)]
    );
}

#[test]
fn refusals_say_what_pandas_says() {
    let refuse =
        |name: &str, dtype: &Dtype, grouped: bool| op(name).result(Some(dtype), grouped).unwrap_err();
    let error = refuse("sum", &Dtype::Numpy(NumpyType::Datetime(TimeUnit::Us)), false);
    assert_eq!(error.kind(), crate::error::Kind::Type);
    assert_eq!(
        error.message(),
        "'DatetimeArray' with dtype datetime64[us] does not support operation 'sum'"
    );
    assert_eq!(
        refuse("mean", &Dtype::Str, true).message(),
        "dtype 'str' does not support operation 'mean'"
    );
    assert_eq!(
        refuse("sum", &Dtype::Str, true).kind(),
        crate::error::Kind::NotNative
    );
    assert_eq!(
        refuse("min", &Dtype::Category(categories(&["a"])), true).message(),
        "Cannot perform min with non-ordered Categorical"
    );
}

#[test]
fn batches_that_do_not_fit_are_refused() {
    let plan = Arc::new(plan(&[INT], &INT, &["sum"].map(op), SORTED).unwrap());
    let mut aggregator = Aggregator::new(plan).unwrap();
    let column = array(Int64Array::from(vec![1, 2]));
    assert!(aggregator.update(&[], &[Some(column.clone())], 2).is_err());
    assert!(
        aggregator
            .update(std::slice::from_ref(&column), &[None], 2)
            .is_err()
    );
    assert!(
        aggregator
            .update(std::slice::from_ref(&column), &[Some(column.slice(0, 1))], 2)
            .is_err()
    );
    assert!(
        aggregator
            .update(&[array(Float64Array::from(vec![1.0, 2.0]))], &[Some(column)], 2)
            .is_err()
    );
}

/// Text keys of every length, few enough to repeat.
fn text_key() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        1 => Just(None),
        4 => "[ab]{0,2}".prop_map(Some),
        2 => "(é|𝒳){1,5}".prop_map(Some),
        2 => "a text of more than 12 [xy]{0,2}".prop_map(Some),
    ]
}

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(f64::NAN),
        Just(0.0),
        Just(-0.0),
        (-1e6..1e6),
        (-100..100_i32).prop_map(f64::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn cuts_do_not_matter(
        rows in prop::collection::vec((text_key(), -3..3_i64, float()), 0..60),
        cuts in prop::collection::vec(0..60_usize, 0..5),
        batch in 1..20_usize,
        (sort, dropna, parallel) in any::<(bool, bool, bool)>(),
    ) {
        let text = array(rows.iter().map(|row| row.0.as_deref()).collect::<StringViewArray>());
        let int = array(rows.iter().map(|row| row.1).collect::<Int64Array>());
        let value = array(rows.iter().map(|row| row.2).collect::<Float64Array>());
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(rows.len())).collect();
        cuts.sort_unstable();
        let options = GroupOptions { sort, dropna, observed: true };
        let exact = ["sum", "mean", "min", "max", "count", "size", "first", "last", "nunique", "any", "all"];
        for keys in [&[][..], std::slice::from_ref(&text), &[int.clone(), text.clone()]] {
            let dtypes: Vec<Dtype> =
                keys.iter().map(|key| if key.data_type().is_integer() { INT } else { Dtype::Str }).collect();
            for ops in [exact.map(op).to_vec(), exact.map(keep_missing).to_vec()] {
                let whole = run(plan(&dtypes, &FLOAT, &ops, options).unwrap(), keys, &value, &[], usize::MAX);
                let mut cut_plan = plan(&dtypes, &FLOAT, &ops, options).unwrap();
                if parallel {
                    cut_plan.many = 0;
                }
                let cut = run(cut_plan, keys, &value, &cuts, batch);
                for (a, b) in whole.0.iter().zip(&cut.0).chain(whole.1.iter().zip(&cut.1)) {
                    // Debug text, because NaN equals nothing.
                    prop_assert_eq!(format!("{a:?}"), format!("{b:?}"));
                }
            }
            let whole = run(plan(&dtypes, &FLOAT, &[op("var")], options).unwrap(), keys, &value, &[], usize::MAX);
            let cut = run(plan(&dtypes, &FLOAT, &[op("var")], options).unwrap(), keys, &value, &cuts, batch);
            let pairs = whole.1[0].as_primitive::<Float64Type>().values().iter();
            for (a, b) in pairs.zip(cut.1[0].as_primitive::<Float64Type>().values()) {
                prop_assert!(a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-9 * a.abs().max(1.0), "{a} {b}");
            }
        }
    }

    #[test]
    fn groups_hold_the_rows_of_their_keys(rows in prop::collection::vec((text_key(), any::<i64>()), 0..200)) {
        let text = array(rows.iter().map(|row| row.0.as_deref()).collect::<LargeStringArray>());
        let wide = array(rows.iter().map(|row| row.1 % 7 * (i64::MAX / 7)).collect::<Int64Array>());
        let mut grouper = Grouper::new(&[Dtype::Str, INT]).unwrap();
        let mut ids = Vec::new();
        let mut all = Vec::new();
        for from in (0..rows.len()).step_by(13) {
            let len = 13.min(rows.len() - from);
            grouper.ids(&[text.slice(from, len), wide.slice(from, len)], &mut ids).unwrap();
            all.extend_from_slice(&ids);
        }
        let keys = grouper.keys().unwrap();
        for (row, id) in all.iter().enumerate() {
            let id = *id as usize;
            let key = keys[0].as_string_view();
            prop_assert_eq!(key.is_valid(id).then(|| key.value(id)), rows[row].0.as_deref());
            prop_assert_eq!(keys[1].as_primitive::<Int64Type>().value(id), rows[row].1 % 7 * (i64::MAX / 7));
        }
        let distinct: std::collections::BTreeSet<_> =
            rows.iter().map(|row| (row.0.clone(), row.1 % 7)).collect();
        prop_assert_eq!(grouper.len(), distinct.len());
    }
}

#[test]
fn many_groups_merge_in_parallel_as_one() {
    let rows = 100_000_i64;
    let key = array(
        (0..rows)
            .map(|row| row * 7919 % 60_000 * 1_000_003)
            .collect::<Int64Array>(),
    );
    let value = array((0..rows).collect::<Int64Array>());
    for sort in [true, false] {
        let options = GroupOptions { sort, ..SORTED };
        let plan = || plan(&[INT], &INT, &["sum", "first", "nunique"].map(op), options).unwrap();
        let (keys, columns) = run(plan(), std::slice::from_ref(&key), &value, &[], usize::MAX);
        let cuts = [10_000, 50_000, 70_000];
        let (cut_keys, cut_columns) = run(plan(), std::slice::from_ref(&key), &value, &cuts, 1000);
        assert_eq!(keys[0].len(), 60_000);
        assert_eq!(*concat(&[&*keys[0]]).unwrap(), *cut_keys[0]);
        assert_eq!(columns, cut_columns);
    }
}
