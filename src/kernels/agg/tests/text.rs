//! Aggregates of text.

use super::*;

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
