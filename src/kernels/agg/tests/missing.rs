//! Missing keys and values, and no rows at all, as pandas treats them.

use super::*;

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
    assert_eq!(
        ints(&plan.finish(Vec::new()).unwrap().batches[0].columns[0]),
        [Some(0)]
    );
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
