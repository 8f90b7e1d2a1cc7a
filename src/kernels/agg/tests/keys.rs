//! Which rows are one group, and in which order groups come.

use super::*;

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
