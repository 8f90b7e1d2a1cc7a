//! The result doesn't depend on how the rows were cut, nor on the form of partial results.

use super::*;

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
            // Without nunique everything fits in words, which takes another way.
            let words: Vec<AggOp> = exact.iter().filter(|name| **name != "nunique").map(|name| op(name)).collect();
            for ops in [exact.map(op).to_vec(), exact.map(keep_missing).to_vec(), words] {
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
        let count = grouper.len();
        let keys = grouper.into_keys().unwrap().plain().unwrap();
        for (row, id) in all.iter().enumerate() {
            let id = *id as usize;
            let key = keys[0].as_string_view();
            prop_assert_eq!(key.is_valid(id).then(|| key.value(id)), rows[row].0.as_deref());
            prop_assert_eq!(keys[1].as_primitive::<Int64Type>().value(id), rows[row].1 % 7 * (i64::MAX / 7));
        }
        let distinct: std::collections::BTreeSet<_> =
            rows.iter().map(|row| (row.0.clone(), row.1 % 7)).collect();
        prop_assert_eq!(count, distinct.len());
    }
}

#[test]
fn the_first_of_equal_zeros_is_the_extreme() {
    let mut values = [1.0; 16];
    (values[0], values[1], values[8]) = (f64::NAN, -0.0, 0.0);
    for sign in [1.0, -1.0] {
        let column = array(values.iter().map(|value| value * sign).collect::<Float64Array>());
        for cuts in [&[][..], &[3], &[8], &[1, 9]] {
            let ops = [op("min"), op("max")];
            let found = run(
                plan(&[], &FLOAT, &ops, SORTED).unwrap(),
                &[],
                &column,
                cuts,
                usize::MAX,
            )
            .1;
            let zero = found[usize::from(sign < 0.0)]
                .as_primitive::<Float64Type>()
                .value(0);
            assert_eq!(zero.to_bits(), (-0.0 * sign).to_bits(), "cuts {cuts:?}");
        }
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

#[test]
fn keys_that_are_nearly_all_different_meet_in_the_merge() {
    // After half a million new keys partial results stop looking keys up, so the last rows repeat keys within one.
    let (rows, groups) = (1_400_000_i64, 1_300_000);
    let id = (0..rows).map(|row| row % groups);
    let key = array(id.clone().collect::<Int64Array>());
    let other = array(
        id.map(|id| format!("a text beyond twelve bytes {}", id % 5))
            .collect::<Vec<_>>()
            .into_iter()
            .map(Some)
            .collect::<LargeStringArray>(),
    );
    let value = array((0..rows).collect::<Int64Array>());
    let keys = [other, key];
    for sort in [true, false] {
        let options = GroupOptions { sort, ..SORTED };
        for cuts in [&[][..], &[650_000, 700_000]] {
            let plan = plan(&[Dtype::Str, INT], &INT, &["sum", "first"].map(op), options).unwrap();
            let (shown, columns) = run(plan, &keys, &value, cuts, 1 << 16);
            let ids: Vec<i64> = shown[1].as_primitive::<Int64Type>().values().to_vec();
            let want: Vec<i64> = if sort {
                (0..5).flat_map(|rest| (rest..groups).step_by(5)).collect()
            } else {
                (0..groups).collect()
            };
            assert!(
                ids == want,
                "the groups or their order (sort={sort}, cuts {cuts:?})"
            );
            let sums = columns[0].as_primitive::<Int64Type>().values();
            let firsts = columns[1].as_primitive::<Int64Type>().values();
            for ((id, sum), first) in ids.iter().zip(sums).zip(firsts) {
                let again = if id + groups < rows { id + groups } else { 0 };
                assert_eq!((*sum, *first), (id + again, *id));
            }
            for (text, id) in shown[0].as_string_view().iter().zip(&ids).step_by(1000) {
                assert_eq!(text, Some(&*format!("a text beyond twelve bytes {}", id % 5)));
            }
        }
    }
}
