//! Sums, means and moments: exactness, wrapping, infinities.

use super::*;

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
