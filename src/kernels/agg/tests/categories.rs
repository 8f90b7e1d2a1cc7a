//! Categories that no row has.

use super::*;

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
