//! What is refused, and in which words.

use super::*;

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
